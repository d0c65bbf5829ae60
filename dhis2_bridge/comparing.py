"""From the files of two sources of persons to what they have in common: `comparison` with files and an instance."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl

from dhis2_bridge import axes, counts, persons, predicates, sources
from dhis2_bridge.blocks import Header
from dhis2_bridge.coded import distinct_rows
from dhis2_bridge.columns import Columns
from dhis2_bridge.comparison import ASPECTS, ENOUGH, ROWS_SCHEMA, Comparison, compare
from dhis2_bridge.findings import Finding, Unreadable, UsageError, as_findings, empty, frame
from dhis2_bridge.gathering import Gathering, private
from dhis2_bridge.lookups import SEPARATOR, Hit, Lookup, Miss
from dhis2_bridge.mapping import Mapping as MappingFile
from dhis2_bridge.mapping_workforce import Person, Workforce
from dhis2_bridge.occupations import RESOLVED, Occupations
from dhis2_bridge.opening import open_for
from dhis2_bridge.persons import BORN, PERSON, SEX
from dhis2_bridge.row_notes import PLACE, RowNotes
from dhis2_bridge.snapshot import Snapshot
from dhis2_bridge.sources.fhir_pool import Pool
from dhis2_bridge.typed_texts import reader_of
from dhis2_bridge.withholding import withheld
from dhis2_bridge.workforce_rules import AS_OF, types_of

_ID: Final = "id"
_NAME: Final = "name"


@dataclass(frozen=True, slots=True)
class Compared:
    """What was compared, what was found on the way, and the names of the facilities that the instance knows."""

    comparison: Comparison
    findings: pl.DataFrame
    facilities: Mapping[str, str]

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return int((self.findings["severity"] == "error").sum())


def compare_files(
    first: Iterable[str | Path],
    second: Iterable[str | Path],
    mappings: tuple[MappingFile, MappingFile],
    snapshot: Snapshot,
    key: bytes,
    *,
    period: str | None = None,
    rows: bool = False,
) -> Compared:
    """Compares the persons of the files of two sources, each read by its mapping.

    Every file is one of persons, whatever it is called. With a `period` only the contracts that are current on its
    reference date are compared, by the mapping's `current`; else all. `key` is random and used once. Raises UsageError
    for a path that is not there, a mapping without `workforce`, and a period that is none.
    """
    return withheld(partial(_compared, (first, second), mappings, snapshot, key, period, rows=rows))


def _compared(
    files: tuple[Iterable[str | Path], Iterable[str | Path]],
    mappings: tuple[MappingFile, MappingFile],
    snapshot: Snapshot,
    key: bytes,
    period: str | None,
    *,
    rows: bool,
) -> Compared:
    sides = [_Side(mapping, snapshot, period) for mapping in mappings]
    for side, own in zip(sides, files, strict=True):
        side.read(own)
    held = pl.concat(
        (side.rows().with_columns(pl.lit(place).alias("#side")) for place, side in enumerate(sides)), how="diagonal"
    )
    notes = RowNotes()
    held = _identified(held, mappings[0], notes)
    one, other = (held.filter(pl.col("#side") == place).select(ROWS_SCHEMA.names()) for place in (0, 1))
    found = [one for side in sides for one in side.findings()]
    # What the two say differently of one person is what is asked for, and no conflict.
    found += [
        one.filter(pl.col("code") != "person.conflict_first") for one in map(as_findings, notes.frames(_nowhere()))
    ]
    names = {text: name for side in sides for text, name in side.names.items()}
    return Compared(compare(one, other, key, rows=rows), pl.concat([empty(), *found]), names)


def _identified(rows: pl.DataFrame, mapping: MappingFile, notes: RowNotes) -> pl.DataFrame:
    """The rows of both sources with `person`: the same for one person in both, null where that is not known."""
    declared = _workforce(mapping).person
    names = [f"{_NAME}{place}" for place in range(len(declared.name))]
    person = Person(
        column=_ID, missing=declared.missing, name=tuple(names) or (_ID,), birth_date=BORN, conflict="first"
    )
    rows = rows.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias("#order"))
    identified = persons.identify(rows, persons.told(rows[_ID], person), person, notes)
    return identified.with_columns(pl.col(PERSON).cast(pl.String).alias("person"))


def _nowhere() -> pl.DataFrame:
    """Columns of no names: findings about both sources name a row only."""
    return pl.DataFrame(
        schema={"source": pl.Categorical, "sheet": pl.Categorical, "name": pl.String, "column": pl.UInt16}
    )


def _workforce(mapping: MappingFile) -> Workforce:
    if mapping.workforce is None:
        raise UsageError(f"{mapping.path}: has no workforce, so it says nothing of persons")
    return mapping.workforce


class _Side:
    """One source: its rows, told in the words that both share."""

    def __init__(self, mapping: MappingFile, snapshot: Snapshot, period: str | None) -> None:
        self.names: dict[str, str] = {}
        self._mapping = mapping
        self._workforce = _workforce(mapping)
        self._table = mapping.tables[0]
        self._types = types_of(self._table)
        self._snapshot = snapshot
        self._labels = counts.label_columns(self._table)
        self._as_of: date | None = None
        if period is not None:
            self._as_of = counts.reference_date(self._workforce, counts.period_of(self._table, {"period": period}))
        self._source = self._workforce.source or next(iter(mapping.sources))
        self._notes = RowNotes()
        self._found: list[Finding] = []
        self._gathering = Gathering(mapping, self._labels, self._found.append, {self._source: self._used()})

    def _used(self) -> tuple[set[str], set[str]]:
        """The columns that are read: those without which nothing can be compared, and the others."""
        person, occupation = self._workforce.person, self._workforce.occupation
        needed = {person.column, *self._labels}
        others = {person.sex, person.birth_date, *(person.name if person.missing != "refuse" else ())}
        if occupation is not None:
            needed.add(occupation.column)
            others.add(occupation.title)
        if self._as_of is not None and self._workforce.current is not None:
            needed |= set(predicates.compile(self._workforce.current, self._types).columns) - {AS_OF}
        return needed, {name for name in others if name is not None} - needed

    def read(self, files: Iterable[str | Path]) -> None:
        """Gathers the rows of the files; one that cannot be read is found and left out."""
        pool = Pool()
        opened = []
        expanded = sources.expand(files)
        self._found += [Finding("file.left_out", sources.spelled(path)) for path in expanded.left_out]
        for path in expanded.files:
            if str(path) == "-" or not path.is_file():
                raise UsageError(
                    f"{path}: persons are read from files only; a stream would be kept in a temporary file"
                )
            try:
                opened.append(open_for(path, path, self._mapping, pool))
            except Unreadable as unreadable:
                self._found.append(private(unreadable.finding))
        for source in opened:
            self._found += map(private, source.findings)
            self._gathering.add(source, self._source)

    def findings(self) -> list[pl.DataFrame]:
        """What was found in the files and in their rows, without what stands there."""
        # Only one of the mapping's sources is compared; that the others have no file is no matter.
        found = [one for one in self._found if one.code != "workforce.source_missing"]
        return [frame(found), *map(as_findings, self._notes.frames(self._gathering.places()))]

    def rows(self) -> pl.DataFrame:
        """The rows with `facility`, `known`, `occupation`, `sex`, `birth_date` and what persons are known by."""
        person, workforce = self._workforce.person, self._workforce
        rows = self._gathering.rows().get(self._source)
        if rows is None:
            rows = pl.DataFrame(schema={"source": pl.Categorical, "sheet": pl.Categorical, "row": pl.UInt32})
        wanted = {name for names in self._used() for name in names} - set(rows.columns)
        rows = rows.with_columns(pl.lit(None, pl.String).alias(name) for name in sorted(wanted))
        rows = self._current(rows.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias("#order")))
        nothing = pl.Series([None], dtype=pl.String).new_from_index(0, rows.height)
        born = nothing.cast(pl.Date)
        if person.birth_date is not None:
            born = reader_of(self._types[person.birth_date])(rows[person.birth_date])
        sexes = nothing
        if person.sex is not None:
            axis = next((one for one in workforce.axes.values() if one.column == person.sex), None)
            sexes = rows[person.sex].cast(pl.String) if axis is None else axes.words(axis, rows[person.sex])
        occupation = nothing
        if workforce.occupation is not None:
            occupations = Occupations(workforce.occupation)
            # A title is shown by how many different persons hold it, and not by how many rows.
            resolved = occupations.add(rows.with_columns(pl.col(person.column).alias(PERSON)), self._notes)
            occupation = occupations.column("report_as").gather(resolved[RESOLVED])
        facility, known = self._facilities(rows)
        names = person.name if person.missing != "refuse" else ()
        return rows.select(
            *PLACE,
            pl.col(person.column).str.strip_chars().alias(_ID),
            *(pl.col(name).alias(f"{_NAME}{place}") for place, name in enumerate(names)),
            born.alias(BORN),
            sexes.alias(SEX),
            facility.alias(ASPECTS[0]),
            occupation.alias(ASPECTS[1]),
            sexes.alias(ASPECTS[2]),
            born.cast(pl.String).alias(ASPECTS[3]),
            known.alias("known"),
        )

    def _current(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The contracts of the reference date, where there is one; those of which it cannot be said are found."""
        text = self._workforce.current
        if self._as_of is None or text is None:
            return rows
        predicate = predicates.compile(text, self._types)
        names: dict[str, str | pl.Expr] = {name: name for name in predicate.columns}
        names |= {name: pl.lit(self._as_of.isoformat()) for name in predicate.columns if name == AS_OF}
        decided = predicate.decide(rows, names)
        for name, undecided in decided.unreadable:
            self._notes.add(rows.filter(undecided), "predicate.unreadable", name, {"predicate": text, "column": name})
        return rows.filter(decided.answer)

    # -- facilities ----------------------------------------------------------------------------------------------

    def _facilities(self, rows: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
        """The code of each row's facility, or its label where the instance has none; and whether it has."""
        org_unit = self._table.org_unit
        if org_unit is None or not self._labels or rows.is_empty():
            return (pl.Series([None], dtype=dtype).new_from_index(0, rows.height) for dtype in (pl.String, pl.Boolean))  # type: ignore[return-value]
        header = Header(tuple((self._table.labels(name)[0],) for name in self._labels))
        label = Columns(header, self._table, coalesce=False).label("org_unit", org_unit)
        texts, places = distinct_rows([rows[name] for name in self._labels])
        numbered = pl.DataFrame(texts, [str(number) for number in range(1, len(texts) + 1)])
        labels = numbered.select(label.alias("label")).to_series().fill_null("")
        lookup = Lookup(org_unit, "org_unit", self._table, self._snapshot)
        answers = {text: lookup.read(text) for text in labels.unique().sort()}
        for text, answer in answers.items():
            if isinstance(answer, Miss):
                self._note_unit(rows.filter((labels == text).gather(places)), text, answer)
        codes = {text: self._code(text, answer) for text, answer in answers.items()}
        known = pl.Series([isinstance(answers[text], Hit) for text in labels], dtype=pl.Boolean)
        return pl.Series([codes[text] for text in labels], dtype=pl.String).gather(places), known.gather(places)

    def _code(self, text: str, answer: object) -> str | None:
        if not isinstance(answer, Hit):
            return text.replace(SEPARATOR, " / ").strip(" /") or None
        unit = self._snapshot.org_units[answer.uid]
        code = unit.code or unit.uid
        self.names[code] = self._snapshot.name("org_unit", unit.uid)
        return code

    def _note_unit(self, rows: pl.DataFrame, text: str, miss: Miss) -> None:
        """Notes a label that is no facility of the instance, at its first row; shown where enough persons hold it."""
        enough = rows[self._workforce.person.column].drop_nulls().n_unique() >= ENOUGH
        said = miss.arguments.get("suggestions") or miss.arguments.get("candidates") or []
        arguments = {
            "problem": miss.code.partition(".")[2],
            "rows": rows.height,
            "suggestions": said if enough else [],
        }
        # The label that all of the rows have, and not the columns of one of them.
        label = text.replace(SEPARATOR, " / ").strip(" /")
        shown = pl.lit(label if enough and label else None, dtype=pl.String)
        self._notes.add(rows.head(1), "workforce.org_unit", self._labels[0], arguments, found=shown)
