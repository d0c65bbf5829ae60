"""How many people live where: a table of org unit, year, number and source, and what it says of a place."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from dhis2_bridge.findings import Finding, Unreadable
from dhis2_bridge.snapshot import Snapshot
from dhis2_bridge.values import Source, Table

COLUMNS: Final = ("org_unit", "year", "population", "source")
"""The columns of a table of population; others, such as names, are for people."""

LARGEST: Final = 20_000_000_000


@dataclass(frozen=True, slots=True)
class People:
    """How many people, of which year, by which sources; or why that is not known.

    `missing` are the org units without a number in that year, by UID.
    """

    number: int | None
    year: int | None = None
    sources: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(slots=True)
class Population:
    """The numbers of a table by org unit (UID) and year, each with its source."""

    numbers: dict[str, dict[int, tuple[int, str]]] = field(default_factory=dict)

    def of(self, org_units: Iterable[str], snapshot: Snapshot, on: date) -> People:
        """The people of some org units together, on a day: by the latest year in the table that has begun by then.

        An org unit that the table lacks has the people of all org units under it, if the table has every one of those
        that were open; one year counts for all.
        """
        wanted = list(org_units)
        years = {year for unit in wanted for year in self._years(unit, snapshot) if year <= on.year}
        if not years:
            return People(None, missing=tuple(wanted))
        year = max(years)
        held: list[tuple[int, str]] = []
        missing: list[str] = []
        for unit in wanted:
            self._gather(unit, year, snapshot, on, held, missing)
        if missing:
            return People(None, year, missing=tuple(missing))
        sources = tuple(dict.fromkeys(source for _, source in held if source))
        return People(sum(number for number, _ in held), year, sources)

    def _years(self, unit: str, snapshot: Snapshot) -> Iterator[int]:
        if unit in self.numbers:
            yield from self.numbers[unit]
            return
        for child in snapshot.children(unit):
            yield from self._years(child, snapshot)

    def _gather(
        self, unit: str, year: int, snapshot: Snapshot, on: date, held: list[tuple[int, str]], missing: list[str]
    ) -> None:
        if (found := self.numbers.get(unit, {}).get(year)) is not None:
            held.append(found)
            return
        children = [child for child in snapshot.children(unit) if _is_open(snapshot, child, on)]
        # Where nothing below has a number either, the place itself is what is missing, not its facilities.
        if unit in self.numbers or not any(True for child in children for _ in self._years(child, snapshot)):
            missing.append(unit)
            return
        for child in children:
            self._gather(child, year, snapshot, on, held, missing)


def _is_open(snapshot: Snapshot, unit: str, on: date) -> bool:
    held = snapshot.org_units[unit]
    return (held.opening_date is None or held.opening_date <= on) and (
        held.closed_date is None or held.closed_date > on
    )


def read(source: Source, snapshot: Snapshot) -> tuple[Population, list[Finding]]:
    """The population in a table: a delimited file, or the first visible sheet of a workbook.

    Findings: `header.not_found` for a missing column, `org_unit.unknown` and `org_unit.missing`,
    `population.not_a_number`, `population.no_year` and `population.repeated`; such a row does not count.
    """
    found: list[Finding] = []
    made = Population()
    header, rows = _rows(source)
    places: dict[str, int] = {name: header.index(name) for name in COLUMNS if name in header}
    if absent := [name for name in COLUMNS[:3] if name not in places]:
        arguments = {"wanted": absent, "seen": [name for name in header if name][:12]}
        return made, [*source.findings, Finding("header.not_found", source.name, arguments=arguments)]
    try:
        for sheet, number, row in rows:
            texts = {name: row[place].strip() if place < len(row) else "" for name, place in places.items()}
            if not any(texts.values()):
                continue
            if (wrong := _add(made, texts, snapshot)) is not None:
                code, name, more = wrong
                found.append(Finding(code, source.name, sheet, number, places[name] + 1, texts[name] or None, more))
    except Unreadable as unreadable:
        found.append(unreadable.finding)
    told = source.table.findings if source.table is not None else ()
    return made, [*source.findings, *(one for one in told if one not in source.findings), *found]


def _add(made: Population, texts: dict[str, str], snapshot: Snapshot) -> tuple[str, str, dict[str, object]] | None:
    """Takes one row; or says what is wrong with it: the code of a finding, the column and the arguments."""
    unit = snapshot.org_unit(texts["org_unit"]) if texts["org_unit"] else None
    people, year = _whole(texts["population"]), _whole(texts["year"])
    if not texts["org_unit"]:
        return "org_unit.missing", "org_unit", {}
    if unit is None:
        return "org_unit.unknown", "org_unit", {"match": "code"}
    if year is None or not 1900 <= year <= 2200:
        return "population.no_year", "year", {}
    if people is None or people > LARGEST:
        return "population.not_a_number", "population", {}
    if year in made.numbers.get(unit, {}):
        return "population.repeated", "org_unit", {"year": year}
    made.numbers.setdefault(unit, {})[year] = (people, texts.get("source", ""))
    return None


def _whole(text: str) -> int | None:
    """A whole number in digits, which may stand in groups of three with a blank between; anything else is none."""
    digits = text.replace("\u00a0", " ").replace("\u202f", " ")
    groups = digits.split(" ")
    if len(groups) > 1 and not (len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])):
        return None
    joined = "".join(groups)
    return int(joined) if joined.isascii() and joined.isdigit() and len(joined) <= 12 else None


Rows = Iterator[tuple[str | None, int, list[str]]]


def _rows(source: Source) -> tuple[list[str], Rows]:
    """The header of a table in lower case, and its rows with sheet and number."""
    if source.table is not None:
        return [name.strip().lower() for name in source.table.header], _of_table(source.table)
    filled = [
        (sheet.sheet, sheet.first_row + place, row)
        for sheet in [one for one in source.sheets if one.visible][:1]
        for place, row in enumerate(sheet.rows)
        if any(cell.strip() for cell in row)
    ]
    header = [name.strip().lower() for name in filled[0][2]] if filled else []
    return header, iter(filled[1:])


def _of_table(table: Table) -> Rows:
    for batch in table.batches():
        for number, *texts in batch.iter_rows():
            yield None, number, [text or "" for text in texts]
