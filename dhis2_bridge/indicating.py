"""From run folders to indicators of places: `indicators` with files, a population and an instance."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

import polars as pl

from dhis2_bridge import indicators, periods, population, runs, settings
from dhis2_bridge import snapshot as snapshots
from dhis2_bridge.findings import Finding, Unreadable, UsageError, empty
from dhis2_bridge.findings import frame as findings_frame
from dhis2_bridge.indicator_file import Indicators, load
from dhis2_bridge.indicators import COUNTS_SCHEMA, Place, Result
from dhis2_bridge.periods import Period
from dhis2_bridge.population import Population
from dhis2_bridge.snapshot import Snapshot
from dhis2_bridge.sources import open_source, spelled
from dhis2_bridge.values import KEY

_CARRIED_ON: Final = ("small_cells.sums_low", "small_cells.not_guarded")
"""Findings of a run that hold for what is made of it too."""

_LARGEST: Final = Decimal(10) ** 15
"""Beyond it nobody counts anything; the sums of such numbers would not fit."""


@dataclass(frozen=True, slots=True)
class Indicated:
    """Indicators of one period: `results` place by place, what was found on the way, the file they are declared in."""

    declared: Indicators
    period: Period
    results: tuple[Result, ...]
    findings: pl.DataFrame

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return int((self.findings["severity"] == "error").sum())


def indicate(
    folders: Iterable[str | Path],
    snapshot: str | Path | Snapshot,
    *,
    people: str | Path | None = None,
    declared: str | Path | Indicators = "uzbekistan/nhwa_2017",
    org_units: Sequence[str] = (),
    selection: str | Path | None = None,
    level: int | None = None,
    period: str | None = None,
) -> Indicated:
    """The indicators of what run folders have counted.

    `people` is a table of population (`population.read`); `declared` a file of indicators, or the name of a shipped
    one. Places are each of `org_units` (codes or UIDs), the facilities of `selection` as one (a file, one code a line),
    or else the lowest org unit above all counts; with a `level` each is split into its org units of that level. Several
    runs of one period count as one; of several periods one has to be named.

    Raises UsageError for a folder that is no run, an org unit, a level or a period that is not there, and counts of
    which the snapshot knows nothing; MappingError for a file of indicators with mistakes.
    """
    held = snapshot if isinstance(snapshot, Snapshot) else snapshots.load(snapshot)
    list_of = declared if isinstance(declared, Indicators) else load(settings.indicators_path(str(declared)))
    found: list[pl.DataFrame] = [empty()]
    counts = pl.concat(
        [COUNTS_SCHEMA.to_frame(), *(_counts_of(Path(folder), list_of, held, found) for folder in folders)]
    )
    if counts.is_empty():
        beginnings = ", ".join(f"{code}*" for stock in list_of.stocks.values() for code in stock.codes)
        raise UsageError(f"nothing that {list_of.name} is made of is counted in these runs ({beginnings})")
    of_period = _period(counts, period)
    counts, contradictions = indicators.one_count_a_cell(counts.filter(pl.col("period") == of_period.iso), held)
    places = [_place(held, text) for text in org_units]
    if selection is not None:
        places.append(_selection(held, Path(selection), found))
    places = places or [indicators.common_place(held, counts["org_unit"].unique(maintain_order=True))]
    if level is not None:
        places = _split(held, places, level)
    known = None if people is None else _population(people, held, found)
    made = indicators.results(list_of, counts, places, held, known, of_period.end)
    return Indicated(list_of, of_period, tuple(made), pl.concat([*found, findings_frame(contradictions)]))


def _counts_of(folder: Path, declared: Indicators, snapshot: Snapshot, found: list[pl.DataFrame]) -> pl.DataFrame:
    """The counts of one run that its file of indicators can use (`COUNTS_SCHEMA`)."""
    _, values, told = runs.read(folder)
    name = str(folder)
    found.append(told.filter(pl.col("code").is_in(_CARRIED_ON)).with_columns(source=pl.lit(name)))
    if errors := int((told["severity"] == "error").sum()):
        arguments = {"errors": errors, "left_out": int(values["refused"].is_not_null().sum())}
        found.append(findings_frame([Finding("indicators.run_with_errors", name, arguments=arguments)]))
    sent = values.filter(pl.col("refused").is_null()).with_columns(pl.col(*KEY).cast(pl.String))
    _refuse_unknown(name, sent, snapshot)
    beginnings = tuple(code for stock in declared.stocks.values() for code in stock.codes)
    codes = {uid: snapshot.data_elements[uid].code or "" for uid in sent["data_element"].unique()}
    elements = sorted(uid for uid, code in codes.items() if code.startswith(beginnings))
    sent = sent.filter(pl.col("data_element").is_in(elements) & pl.col("value").is_not_null())
    texts = sent["value"].unique()
    numbers = pl.Series([_number(text) for text in texts], dtype=COUNTS_SCHEMA["number"])
    counts = sent.select(
        pl.lit(name).alias("run"),
        *KEY,
        pl.col("value").replace_strict(texts, numbers, default=None, return_dtype=numbers.dtype).alias("number"),
    )
    unread = sent.filter(counts["number"].is_null()).select("data_element", "value").unique(maintain_order=True)
    found.append(
        findings_frame(
            Finding("number.unreadable", name, found=value, arguments={"data_element": codes[element]})
            for element, value in unread.iter_rows()
        )
    )
    return counts.filter(pl.col("number").is_not_null())


def _number(text: str) -> Decimal | None:
    """The number that a data value is; None for a text that is none."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < _LARGEST else None


def _refuse_unknown(name: str, values: pl.DataFrame, snapshot: Snapshot) -> None:
    """Raises UsageError where a run has objects that the snapshot lacks: it was made with that of another instance."""
    for kind in ("data_element", "org_unit", "category_option_combo"):
        known = set(snapshot.uids(kind))
        if unknown := sorted(set(values[kind].unique()) - known):
            raise UsageError(
                f"{name}: was made with other metadata than {snapshot.source}, which has no {kind} {unknown[0]}; "
                "name the snapshot of the run with --snapshot"
            )


def _period(counts: pl.DataFrame, asked: str | None) -> Period:
    """The one period of the counts, or the one that was asked for. Raises UsageError."""
    there = sorted(counts["period"].unique())
    wanted = None if asked is None else periods.parse(asked)
    if asked is not None and wanted is None:
        raise UsageError(f"{asked!r} is no period; one is written 2026Q3, 202609 or 2026")
    if wanted is None and len(there) > 1:
        raise UsageError(f"the runs are of several periods ({', '.join(there)}); name one with --period")
    iso = there[0] if wanted is None else wanted.iso
    found = periods.parse(iso)
    if iso not in there or found is None:
        raise UsageError(f"the runs have no counts of {iso}; there are {', '.join(there)}")
    return found


def _place(snapshot: Snapshot, text: str) -> Place:
    unit = snapshot.org_unit(text)
    if unit is None:
        near = _near(snapshot, text)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(f"there is no org unit with the code or UID {text!r}{hint}")
    return indicators.place_of(snapshot, unit)


def _near(snapshot: Snapshot, text: str) -> list[str]:
    """The codes of org units that are most like a text."""
    return difflib.get_close_matches(text, snapshot.index("org_unit", "code"), n=3)


def _selection(snapshot: Snapshot, path: Path, found: list[pl.DataFrame]) -> Place:
    """The org units of a file as one place. What the snapshot does not know is a finding, and stays out."""
    name = spelled(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{name}: is not UTF-8; save the list as UTF-8, one code a line") from None
    chosen: list[str] = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if (unit := snapshot.org_unit(text)) is None:
            arguments = {"match": "code", "suggestions": _near(snapshot, text)}
            found.append(findings_frame([Finding("org_unit.unknown", name, None, number, 1, text, arguments)]))
        else:
            chosen.append(unit)
    if not chosen:
        raise UsageError(f"{name}: names no org unit that the snapshot knows")
    return indicators.selection_of(snapshot, chosen, path.stem)


def _split(snapshot: Snapshot, places: Sequence[Place], level: int) -> list[Place]:
    made = [part for place in places for part in indicators.split(snapshot, place, level)]
    if not made:
        deepest = max(unit.level for unit in snapshot.org_units.values())
        raise UsageError(f"there is no org unit of level {level} there; the levels are 1 to {deepest}")
    return made


def _population(path: str | Path, snapshot: Snapshot, found: list[pl.DataFrame]) -> Population:
    try:
        read, told = population.read(open_source(path), snapshot)
    except Unreadable as unreadable:
        read, told = Population(), [unreadable.finding]
    found.append(findings_frame(told))
    return read
