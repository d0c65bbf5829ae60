"""Counts so small that a person could be known from them: flagged, made coarser, or withheld with others.

A count is small above 0 and below a limit; a zero tells of nobody and is not small. Only counts of persons and
contracts are looked at. `flag` says how many there are and changes nothing.

`coarsen` drops axes, in the order that is declared: at an org unit and occupation where any count is small, all counts
move to the axis's option for the unknown, the only option of the same category combination that claims nothing of a
person. Totals stay. What is small after the last axis is flagged.

`suppress` withholds small counts and, of the others, enough that none of them can be worked out from what is sent and
from the totals of the declared table (`suppression`). What stands or falls with a withheld count goes too: sums over
contracts and posts of the same org unit and occupation where the count of persons there is withheld (filled posts tell
of persons, and vacant ones of filled ones; approved posts tell of nobody and stay), and a count by fewer axes over
other rows, wherever anything beneath it is withheld.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

import polars as pl

from dhis2_bridge.findings import Finding, UsageError, empty, frame
from dhis2_bridge.suppression import Place, Position, protect

OCCUPATION: Final = "{occupation}"
ORG_UNIT: Final = "org_unit"
DATA_ELEMENT: Final = "data_element"
ENOUGH: Final = 3
"""Persons that make the label of an org unit one that may be shown."""

_OWN: Final = frozenset({DATA_ELEMENT, "measure", "value", "source", "sheet", "row"})
_FIRST: Final = ("source", "sheet", "row")
_SEPARATOR: Final = "\x1f"


class SmallCells(Protocol):
    """What the mapping says of small counts."""

    @property
    def below(self) -> int:
        """A count above 0 and below this is small."""
        ...

    @property
    def do(self) -> str:
        """What is done: flag, coarsen or suppress."""
        ...

    @property
    def drop(self) -> Sequence[str]:
        """The axes that `coarsen` drops, in this order."""
        ...

    @property
    def table(self) -> Sequence[str]:
        """The dimensions over which totals are known: axes, org_unit, data_element."""
        ...


class Axis(Protocol):
    """What is needed of an axis."""

    @property
    def unknown(self) -> str | None:
        """The option for what is not known."""
        ...


class Measure(Protocol):
    """What is needed of a measure."""

    @property
    def data_element(self) -> str:
        """The code of its data element, perhaps with {occupation}."""
        ...

    @property
    def count(self) -> str | None:
        """What is counted; None for a sum."""
        ...

    @property
    def by(self) -> Sequence[str]:
        """Its axes."""
        ...

    @property
    def is_(self) -> str | None:
        """What it is, where the mapping says so."""
        ...


def unguarded(measures: Sequence[Measure]) -> str | None:
    """Why these measures cannot be guarded by `suppress`, None where they can."""
    counts = [one for one in measures if one.count is not None]
    for one in measures:
        if "{group}" in one.data_element:
            return f"{one.data_element}: which occupations a group holds is not known here; count by {OCCUPATION}"
    for one in counts:
        for other in counts:
            mine, its = _dimensions(one), _dimensions(other)
            if not (mine <= its or its <= mine):
                return (
                    f"{one.data_element} and {other.data_element} are counted by axes of which neither holds the "
                    "other; give one of them the axes of both"
                )
    return None


def apply(
    counted: pl.DataFrame, axes: Mapping[str, Axis], small: SmallCells, measures: Sequence[Measure]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The counts as they may be sent, and the findings about small ones, which hold no number of persons.

    `counted` has the label columns of the org unit, `data_element`, a column for each of `axes` (null where a measure
    has it not), `measure` (its place in `measures`), `value`, and `source`, `sheet` and `row` of the first row that
    counts. Explicit zeros of what is gone belong in it: a count that is withheld is not gone. Raises UsageError where
    `coarsen` has no option for the unknown, or `suppress` cannot guard these measures.
    """
    keys = [name for name in counted.columns if name not in _OWN and name not in axes]
    counting = [place for place, one in enumerate(measures) if one.count is not None]
    counted = counted.with_columns(
        (pl.col("measure").is_in(counting) & pl.col("value").is_between(0, small.below, closed="none")).alias("#small")
    )
    if counted.is_empty():
        return counted.drop("#small"), empty()
    if small.do == "suppress":
        made, found = _suppressed(counted, keys, list(axes), small, measures)
    elif small.do == "coarsen":
        made, found = _coarsened(counted, keys, axes, small, measures)
    else:
        made, found = counted, _flagged(counted, small)
    return made.drop("#small"), frame(found)


def _flagged(counted: pl.DataFrame, small: SmallCells) -> list[Finding]:
    """A finding for each data element with small counts, at the first of its rows."""
    return [
        _finding(
            "small_cells.found", row, {"data_element": row[DATA_ELEMENT], "cells": row["cells"], "below": small.below}
        )
        for row in _firsts(counted.filter("#small"), [DATA_ELEMENT])
    ]


def _firsts(rows: pl.DataFrame, by: list[str]) -> Iterable[dict[str, object]]:
    """For each group the number of `cells` and the place of the first, sorted."""
    made = rows.with_columns(pl.col("source", "sheet").cast(pl.String)).sort(*by, *_FIRST, nulls_last=True)
    return (
        made.group_by(by, maintain_order=True)
        .agg(pl.len().alias("cells"), *(pl.col(name).first() for name in _FIRST))
        .iter_rows(named=True)
    )


def _finding(
    code: str, row: Mapping[str, object], arguments: Mapping[str, object], found: str | None = None
) -> Finding:
    source, sheet, number = (row.get(name) for name in _FIRST)
    return Finding(
        code,
        source=str(source) if source is not None else None,
        sheet=str(sheet) if sheet is not None else None,
        row=number if isinstance(number, int) else None,
        found=found,
        arguments=arguments,
    )


# -- coarsen -------------------------------------------------------------------------------------------------------


def _coarsened(
    counted: pl.DataFrame, keys: list[str], axes: Mapping[str, Axis], small: SmallCells, measures: Sequence[Measure]
) -> tuple[pl.DataFrame, list[Finding]]:
    """The counts without the axes that make them small; of one org unit and occupation all measures go together.

    Else the fine counts of one would tell of the coarse ones of another: nobody practises who is not employed.
    """
    subjects = _subjects(counted, measures)
    counting = [place for place, one in enumerate(measures) if one.count is not None]
    rows = counted.with_columns(subjects, pl.col("measure").is_in(counting).alias("#count"))
    unit = [*keys, "#subject"]
    found: list[Finding] = []
    for name in small.drop:
        unknown = axes[name].unknown
        if unknown is None:
            raise UsageError(f"small_cells: coarsen drops the axis {name}, which has no option for the unknown")
        has = pl.col("#small") & pl.col(name).is_not_null()
        hit = has.any().over(unit) & pl.col("#count") & pl.col(name).is_not_null() & (pl.col(name) != unknown)
        rows = rows.with_columns(hit.alias("#hit"))
        found += [
            _finding(
                "small_cells.coarsened",
                row,
                {"data_element": row[DATA_ELEMENT], "axis": name, "cells": row["cells"], "option": unknown},
            )
            for row in _firsts(rows.filter("#hit"), [DATA_ELEMENT])
        ]
        rows = rows.with_columns(pl.when("#hit").then(pl.lit(unknown)).otherwise(pl.col(name)).alias(name))
        rows = _merged(rows, [*keys, DATA_ELEMENT, *axes, "measure", "#subject", "#count"])
        rows = rows.with_columns(
            (pl.col("#count") & pl.col("value").is_between(0, small.below, closed="none")).alias("#small")
        )
    made = rows.select(counted.columns)
    return made, [*found, *_flagged(made, small)]


def _merged(rows: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Counts that now stand at one place, added up; the place is that of the first row among them."""
    order = [pl.col("source", "sheet").cast(pl.String), pl.col("row")]
    rows = rows.sort(*order, nulls_last=True)
    return rows.group_by(by, maintain_order=True).agg(pl.col("value").sum(), *(pl.col(name).first() for name in _FIRST))


# -- suppress ------------------------------------------------------------------------------------------------------


def _suppressed(
    counted: pl.DataFrame, keys: list[str], axes: list[str], small: SmallCells, measures: Sequence[Measure]
) -> tuple[pl.DataFrame, list[Finding]]:
    """The counts that may be published, and what is told about the others."""
    if why := unguarded(measures):
        raise UsageError(f"small_cells: suppress: {why}")
    names = [ORG_UNIT, DATA_ELEMENT, *axes]
    subjects = _subjects(counted, measures)
    labels = _joined(counted, keys)
    positions: list[Position] = list(
        zip(labels, subjects, *(counted[name].cast(pl.String).to_list() for name in axes), strict=True)
    )
    numbers = counted["measure"].to_list()
    used = {place: frozenset(names.index(name) for name in _dimensions(one)) for place, one in enumerate(measures)}
    positions = [_at(position, used[number]) for position, number in zip(positions, numbers, strict=True)]
    table = _Counts(positions, numbers, counted["value"].to_list(), used, measures)
    table.withhold({names.index(name) for name in small.table}, small.below)
    withheld = pl.Series("#withheld", table.rows(), dtype=pl.Boolean)
    rows = counted.with_columns(withheld, pl.Series("#label", labels, dtype=pl.String))
    out = rows.filter("#withheld")
    return rows.filter(~withheld).select(counted.columns), _told(out, _shown(rows, measures), table, measures)


def _told(out: pl.DataFrame, shown: set[str], table: "_Counts", measures: Sequence[Measure]) -> list[Finding]:
    """What was withheld, by org unit and data element; and once, what that does to sums in DHIS2."""
    if out.is_empty():
        return []
    found = [Finding("small_cells.sums_low", arguments={"cells": out.height})]
    found += [
        _finding(
            "small_cells.withheld",
            row,
            {"data_element": row[DATA_ELEMENT], "cells": row["cells"]},
            found=str(row["#label"]).replace(_SEPARATOR, " ").strip() if row["#label"] in shown else None,
        )
        for row in _firsts(out, [DATA_ELEMENT, "#label"])
    ]
    for number, totals in sorted(table.totals().items()):
        arguments = {"data_element": measures[number].data_element, "totals": totals}
        found.append(Finding("small_cells.total_known", arguments=arguments))
    for number, cells in sorted(table.unguarded().items()):
        arguments = {"data_element": measures[number].data_element, "cells": cells}
        found.append(Finding("small_cells.not_guarded", arguments=arguments))
    return found


def _shown(rows: pl.DataFrame, measures: Sequence[Measure]) -> set[str]:
    """Labels of org units that so many persons share that they may be shown."""
    persons = [place for place, one in enumerate(measures) if one.count == "persons"]
    held = rows.filter(pl.col("measure").is_in(persons)).group_by("#label", "measure").agg(pl.col("value").sum())
    return set(held.filter(pl.col("value") >= ENOUGH)["#label"])


class _Counts:
    """The counts of all measures as tables, from the finest on."""

    def __init__(
        self,
        positions: list[Position],
        numbers: list[int],
        values: list[float],
        used: Mapping[int, frozenset[int]],
        measures: Sequence[Measure],
    ) -> None:
        self.positions = positions
        self.numbers = numbers
        self.used = used
        self.measures = measures
        self.cells: dict[int, dict[Position, int]] = {}
        for position, number, value in zip(positions, numbers, values, strict=True):
            if measures[number].count is not None:
                self.cells.setdefault(number, {})[position] = round(value)
        self.parent = self._parents()
        self.withheld: set[Place] = set()
        self.missed: set[Place] = set()
        self.unsent: set[Place] = set()

    def _parents(self) -> dict[int, int]:
        """For a count that is the total of a finer one, which one that is; the finest is its own."""
        parent: dict[int, int] = {}
        for number in sorted(self.cells, key=lambda one: (-len(self.used[one]), one)):
            parent[number] = number
            for finer, finest in list(parent.items()):
                if finest == finer and self.used[number] < self.used[finer]:
                    totals: dict[Position, int] = {}
                    for position, value in self.cells[finer].items():
                        above = _at(position, self.used[number])
                        totals[above] = totals.get(above, 0) + value
                    mine = self.cells[number]
                    if all(totals.get(one, 0) == mine.get(one, 0) for one in totals.keys() | mine.keys()):
                        parent[number] = finer
                        break
        return parent

    def withhold(self, over: set[int], below: int) -> None:
        """Finds what has to be withheld; `over` are the dimensions whose totals are known."""
        known = self._known(over)
        groups: dict[frozenset[int], list[int]] = {}
        for number, finest in self.parent.items():
            if number == finest:
                groups.setdefault(self.used[number], []).append(number)
        beneath: set[Position] = set()
        for pattern in sorted(groups, key=lambda one: (-len(one), sorted(one))):
            members = sorted(groups[pattern])
            above = {_at(one, pattern) for one in beneath}
            already = {
                (k, position)
                for k, number in enumerate(members)
                for position in self.cells[number]
                if position in above
            }
            published = {
                (members.index(self.parent[number]), position)
                for number in self.cells
                if self.parent[number] in members
                for position in self.cells[number]
            }
            made = protect([self.cells[number] for number in members], known, published, below, already)
            self.withheld |= {(members[k], position) for k, position in made.places}
            self.missed |= {(members[k], position) for k, position in made.unguarded}
            totals = made.places - published
            self.unsent |= {(members[k], position) for k, position in totals if self._of_table(position, pattern, over)}
            beneath |= {position for _, position in made.places if _used(position) == pattern}

    def _known(self, over: set[int]) -> set[frozenset[int]]:
        """The patterns whose totals are taken as known: what any measure sends, and totals of the declared table.

        Approved posts tell nothing of persons.
        """
        sent = {number: pattern for number, pattern in self.used.items() if number in set(self.numbers)}
        known = {pattern for number, pattern in sent.items() if self.measures[number].is_ != "approved"}
        for number in self.cells:
            pattern = self.used[number]
            held = sorted(over & pattern)
            for mask in range(1, 1 << len(held)):
                known.add(pattern - {one for k, one in enumerate(held) if mask >> k & 1})
        return known

    @staticmethod
    def _of_table(position: Position, pattern: frozenset[int], over: set[int]) -> bool:
        return pattern - _used(position) <= over

    def rows(self) -> list[bool]:
        """For each row whether it is withheld."""
        counts = {position for _, position in self.withheld}
        return [
            (self.parent[number], position) in self.withheld
            if number in self.parent
            else self.measures[number].is_ != "approved" and position in counts
            for position, number in zip(self.positions, self.numbers, strict=True)
        ]

    def totals(self) -> dict[int, int]:
        """How many totals of the declared table nobody may publish, for each measure."""
        return _tally(self.unsent)

    def unguarded(self) -> dict[int, int]:
        """How many withheld counts have no witness, for each measure."""
        return _tally(self.missed)


def _tally(places: set[Place]) -> dict[int, int]:
    tally: dict[int, int] = {}
    for number, _ in places:
        tally[number] = tally.get(number, 0) + 1
    return tally


def _used(position: Position) -> frozenset[int]:
    return frozenset(place for place, option in enumerate(position) if option is not None)


def _at(position: Position, pattern: frozenset[int]) -> Position:
    return tuple(option or "" if place in pattern else None for place, option in enumerate(position))


def _dimensions(measure: Measure) -> frozenset[str]:
    """What a measure is counted by."""
    element = {DATA_ELEMENT} if OCCUPATION in measure.data_element else set()
    return frozenset({ORG_UNIT, *measure.by} | element)


def _subjects(counted: pl.DataFrame, measures: Sequence[Measure]) -> pl.Series:
    """The occupation in the code of each row's data element; blank where it names none."""
    made = pl.lit("")
    for place, one in enumerate(measures):
        before, named, after = one.data_element.partition(OCCUPATION)
        if named:
            inner = pl.col(DATA_ELEMENT).str.strip_prefix(before).str.strip_suffix(after)
            made = pl.when(pl.col("measure") == place).then(inner).otherwise(made)
    return counted.select(made.alias("#subject")).to_series()


def _joined(counted: pl.DataFrame, keys: list[str]) -> list[str]:
    """The labels of the org unit in one text."""
    if not keys:
        return [""] * counted.height
    texts = (pl.col(name).cast(pl.String).fill_null("") for name in keys)
    return counted.select(pl.concat_str(list(texts), separator=_SEPARATOR)).to_series().to_list()
