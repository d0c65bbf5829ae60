"""A comparison of two sources of persons for reading: counts, and never a person.

It comes back as plain text without a line end; printing it is the caller's.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dhis2_bridge.comparison import ASPECTS, ENOUGH, Comparison, is_small
from dhis2_bridge.names import visible
from dhis2_bridge.report.words import phrase

SHOWN: Final = 20
"""Lines of a table that are shown where not all are asked for."""

_COLUMNS: Final = ("persons", "missing", "elsewhere")


def comparison_text(
    made: Comparison,
    names: tuple[str, str],
    facilities: Mapping[str, str],
    language: str = "en",
    *,
    show_all: bool = False,
) -> str:
    """What two sources have in common and what not: totals, facilities of one alone, the places where they differ.

    `names` are what the user called the sources, `facilities` the names of facilities by their codes. Counts of fewer
    than `ENOUGH` persons have a star.
    """

    def say(words: str, /, **arguments: Any) -> str:
        return phrase(words, language, **arguments)

    lines = [
        say(
            f"compare_{place}",
            source=visible(name, 200),
            persons=side.persons,
            contracts=side.contracts,
            without=side.rows_without_person or None,
        )
        for place, name, side in zip(("first", "second"), names, (made.first, made.second), strict=True)
    ]
    totals = {name: _starred(getattr(made, name)) for name in ("both", "only_first", "only_second")}
    lines += ["", say("compare_totals", **totals)]
    lines.append(say("compare_different", **{aspect: _starred(made.different[aspect]) for aspect in ASPECTS}))

    def called(code: str | None) -> str:
        if code is None:
            return say("compare_unknown")
        if not code:
            return say("compare_hidden")
        name = facilities.get(code)
        return visible(f"{code} {name}" if name else code, 60)

    for side in ("first", "second"):
        alone = [one for one in made.facilities.iter_rows(named=True) if one["only"] == side]
        if alone:
            listed = [f"{called(one['facility'])} ({_starred(one['persons'])})" for one in alone]
            more = [] if show_all or len(listed) <= SHOWN else [say("compare_more", count=len(listed) - SHOWN)]
            kept = listed if show_all else listed[:SHOWN]
            lines += ["", say(f"compare_facilities_{side}"), *(f"  {line}" for line in (*kept, *more))]
    differing = [one for one in made.places.iter_rows(named=True) if _differs(one)]
    if differing:
        kept_rows = differing if show_all else differing[:SHOWN]
        head = [say("compare_facility"), say("compare_occupation")]
        head += [say(f"compare_{kind}_{side}") for side in ("first", "second") for kind in _COLUMNS]
        rows = [
            [
                called(one["facility"]),
                one["occupation"] or say("compare_unknown"),
                *(_starred(one[f"{kind}_{side}"]) for side in ("first", "second") for kind in _COLUMNS),
            ]
            for one in kept_rows
        ]
        lines += ["", say("compare_places"), *_table(head, rows)]
        if len(kept_rows) < len(differing):
            lines.append("  " + say("compare_more", count=len(differing) - len(kept_rows)))
    if made.rows is not None and made.rows.height:
        lines += ["", say("compare_rows")]
        for one in made.rows.iter_rows(named=True):
            sheet = f", {visible(one['sheet'], 60)}" if one["sheet"] else ""
            lines.append(f"  {visible(one['source'])}{sheet}, {one['row']}: {say('compare_what_' + one['what'])}")
    if not made.differs:
        lines += ["", say("compare_same")]
    elif any("*" in line for line in lines):
        lines += ["", say("compare_small", enough=ENOUGH)]
    return "\n".join(lines)


def _differs(one: Mapping[str, Any]) -> bool:
    """Whether a place has other persons in one source than in the other, or as many others."""
    return one["persons_first"] != one["persons_second"] or any(
        one[f"{kind}_{side}"] for kind in _COLUMNS[1:] for side in ("first", "second")
    )


def _starred(count: int) -> str:
    return f"{count}*" if is_small(count) else str(count)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns side by side: texts to the left, counts to the right; each heading of a count on a line of its own."""
    legend = [f"  {letter}: {text}" for letter, text in zip("ABCDEF", head[2:], strict=True)]
    shown = [[*head[:2], *"ABCDEF"], *map(list, rows)]
    widths = [max(len(row[place]) for row in shown) for place in range(len(head))]
    body = [
        "  "
        + "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in shown
    ]
    return [*legend, *body]
