"""A run on the terminal: what was found, what is ready, what the server did.

Everything comes back as plain text without a line end; printing it is the caller's.
"""

import textwrap
from dataclasses import asdict, dataclass
from typing import Final

import polars as pl

from dhis2_bridge.findings import Finding, rows
from dhis2_bridge.report.words import advice, phrase, place, sentence, title
from dhis2_bridge.values import address

CELLS_NAMED: Final = 8
"""Cells with the same problem that are named one by one."""

# Severities as they are shown, with their heading and its colour.
_HEADINGS: Final = (("error", "errors", "red"), ("warning", "warnings", "yellow"), ("info", "infos", None))

# What stands in for characters that old consoles lack; all else becomes a question mark.
_STAND_INS: Final = str.maketrans(
    {
        **dict.fromkeys("ʻʼ‘’`´", "'"),
        **dict.fromkeys("“”„«»", '"'),
        **dict.fromkeys("–—−‑", "-"),
        **dict.fromkeys("\u00a0\u202f\u2009", " "),
        "…": "...",
        "·": ".",
        "№": "No",
        "×": "x",
    }
)


@dataclass(frozen=True, slots=True)
class CheckCounts:
    """What an offline run came to.

    `reports` counts data set, period, org unit and attribute option combo; `data_elements` those with a value;
    `chunks` the requests that sending would take.
    """

    files: int = 0
    reports: int = 0
    data_elements: int = 0
    values_ready: int = 0
    values_left_out: int = 0
    errors: int = 0
    warnings: int = 0
    chunks: int = 0


@dataclass(frozen=True, slots=True)
class PushCounts:
    """What became of the values of a push.

    `updated` is None where the server does not tell a new value from a changed one (2.43 and later); `stored` then
    counts both. `unchanged` counts what changed nothing, which up to 2.42 holds zeros that the server does not keep.
    `unknown` counts values whose answer was lost, `not_sent` those of a push that ended early. After a dry run all say
    what would have been.
    """

    stored: int = 0
    updated: int | None = 0
    deleted: int = 0
    unchanged: int = 0
    refused: int = 0
    unknown: int = 0
    not_sent: int = 0
    dry_run: bool = False


def findings_text(
    findings: pl.DataFrame,
    language: str = "en",
    *,
    first: int | None = 5,
    width: int = 100,
    style: bool = False,
    rest: str = "--all",
) -> str:
    """The findings for reading: errors, then warnings, then infos; the codes that keep most values back come first.

    Of each code the `first` different problems are shown (None: all), with advice once. Findings that say the same of
    several cells of one sheet are one problem, shown at its first place. What is not shown is counted, and `rest` named
    as what shows it; infos are counted only. Lines are wrapped at `width`; `style` colours headings, for a caller that
    knows its terminal.
    """
    blocks = []
    for severity, heading, colour in _HEADINGS:
        of_severity = findings.filter(pl.col("severity") == severity)
        if of_severity.is_empty():
            continue
        groups = [group for _, group in _by_weight(of_severity).group_by("code", maintain_order=True)]
        lines = [_styled(phrase(heading, language), colour, style)]
        for group in groups:
            if severity == "info":
                lines += _wrapped(_info(group, language), width, indent=2)
                continue
            what, problems, what_to_do = _group(group, language, first, rest)
            lines.append(_styled(f"  {what}", None, style))
            for line in (*problems, what_to_do):
                lines += _wrapped(line, width, indent=4)
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def summary_text(counts: CheckCounts, language: str = "en") -> str:
    """The last line of a check: `42 data elements, 128 values, 1 report: ready.`"""
    if counts.values_left_out or counts.errors:
        name = "partly_ready" if counts.values_ready else "nothing_ready"
    elif not counts.values_ready:
        name = "nothing_found"
    else:
        name = "ready_with_warnings" if counts.warnings else "ready"
    arguments = {
        **asdict(counts),
        "files": counts.files if counts.files > 1 else None,
        "chunks": counts.chunks if counts.chunks > 1 else None,
        "warnings": counts.warnings or None,
        "values_left_out": counts.values_left_out or None,
    }
    return phrase(name, language, **arguments)


def outcome_text(counts: PushCounts, language: str = "en") -> str:
    """The last lines of a push: what was stored, and what to do about the rest."""
    parts = {
        "stored_or_updated" if counts.updated is None else "stored": counts.stored,
        "updated": counts.updated,
        "deleted": counts.deleted,
        "unchanged": counts.unchanged,
        "refused": counts.refused,
        "unknown": counts.unknown,
        "not_sent": counts.not_sent,
    }
    said = ", ".join(phrase(name, language, count=count) for name, count in parts.items() if count)
    if not said:
        return phrase("nothing_sent", language)
    if counts.dry_run:
        return phrase("trial", language, outcome=f"{said}.")
    lines = [f"{said[0].upper()}{said[1:]}."]
    if counts.refused:
        lines.append(phrase("refused_advice", language, count=counts.refused))
    if counts.unknown:
        lines.append(phrase("unknown_advice", language, count=counts.unknown))
    return "\n".join(lines)


def printable(text: str, encoding: str | None) -> str:
    """The text with what a console of this encoding cannot show replaced, so that printing it cannot raise.

    Typographic characters become their plain forms (`ʻ` is `'`, `…` is `...`), others `?`. A letter is never replaced
    by a similar one: two names that differ would look the same. An encoding that Python does not know counts as ASCII.
    """
    try:
        text.encode(encoding or "ascii")
        return text
    except LookupError:
        return printable(text, "ascii")
    except UnicodeEncodeError:
        return "".join(_stand_in(character, encoding or "ascii") for character in text)


def _stand_in(character: str, encoding: str) -> str:
    for candidate in (character, character.translate(_STAND_INS)):
        try:
            candidate.encode(encoding)
            return candidate
        except UnicodeEncodeError:
            continue
    return "?"


def _by_weight(findings: pl.DataFrame) -> pl.DataFrame:
    """The findings with the codes in order of the values they keep back, then of their number, else as they came."""
    return (
        findings.with_columns(weight=pl.col("values").sum().over("code"), number=pl.len().over("code"))
        .sort("weight", "number", descending=True, maintain_order=True)
        .drop("weight", "number")
    )


def _problems(group: pl.DataFrame) -> pl.DataFrame:
    """One row for each different problem, with the first place and `places`, how often it was found."""
    return group.group_by("source", "sheet", "found", "arguments", maintain_order=True).agg(
        pl.all().first(), places=pl.len(), others=pl.struct("row", "column").slice(1)
    )


def _group(group: pl.DataFrame, language: str, first: int | None, rest: str) -> tuple[str, list[str], str]:
    """The findings of one code: their heading, a line for each problem shown and for the rest, what to do."""
    kept_back = group["values"].sum()
    code = group["code"][0]
    # What the server refused was sent, and what became of a lost answer nobody knows.
    form = "group_sent" if code.startswith("server.") else "group"
    values = None if code == "server.unknown" else kept_back or None
    heading = phrase(form, language, title=title(code, language), count=group.height, values=values)
    problems = _problems(group)
    shown = problems if first is None else problems.head(first)
    findings = rows(shown.drop("places", "others"))
    lines = []
    for finding, others in zip(findings, shown["others"].to_list(), strict=True):
        line = _line(finding, language)
        lines.append(f"{line} {_same(finding, others, language, named=first)}" if others else line)
    if left := group.height - shown["places"].sum():
        lines.append(phrase("more", language, count=left, option=rest))
    what_to_do = advice(findings[0], language)
    return heading, lines, what_to_do and phrase("advice", language, advice=what_to_do)


def _same(finding: Finding, others: list[dict[str, int | None]], language: str, *, named: int | None) -> str:
    """Where else the same problem is: the cells of a sheet while they are few, or all are asked for; else how often."""
    cells = [address(other["row"], other["column"]) for other in others if other["row"] and other["column"]]
    if finding.sheet is None or len(cells) < len(others) or (named is not None and len(cells) > CELLS_NAMED):
        return phrase("same", language, count=len(others))
    return phrase("same_in", language, cells=", ".join(cells))


def _info(group: pl.DataFrame, language: str) -> str:
    if group.height == 1:
        return _line(rows(group)[0], language)
    return phrase("info", language, title=title(group["code"][0], language), count=group.height)


def _line(finding: Finding, language: str) -> str:
    return ": ".join(filter(None, [place(finding, language), sentence(finding, language)]))


def _wrapped(text: str, width: int, *, indent: int) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _styled(text: str, colour: str | None, style: bool) -> str:
    if not style:
        return text
    import click  # noqa: PLC0415 - only a terminal needs it

    return click.style(text, fg=colour, bold=True)
