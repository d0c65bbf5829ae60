"""Counts of persons, contracts and posts from rows of them: the only step that sees persons.

The rules, each with its key in the mapping:

1. A person counts once, at the main job: a preferred contract first, else the largest rate, the earliest start, the
   lowest org unit, then the texts of the row (`main_job`; `persons_at: every_org_unit` counts once in each).
2. Sums (filled posts) take every current contract, at its own place, whoever holds it.
3. So one with a second job elsewhere is one head at the main place, and rates at each.
4. Whether a person on long leave counts is said by `where` of a measure, which looks at the row of the main job.
5. The reference date is the last day of the period (`as_of`); which contracts are looked at is said by `current`.
6. Ages are completed years; one born on 29 February turns on 1 March in common years (`leap_day`).
7. One id with two names, sexes or birth dates is two persons in conflict: their contracts count, they do not
   (`conflict`). So it is with a row without an id, unless name and birth date may stand for it (`missing`).
8. What comes out is checked against itself (`workforce_checks`).

Rows of the input come as `source`, `sheet`, `row` and the columns of the mapping as text. What is counted has no
person in it, and is the same whatever the order of the rows.
"""

from collections.abc import Mapping as MappingType
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import polars as pl

from dhis2_bridge import axes, persons, predicates
from dhis2_bridge.findings import arguments_text
from dhis2_bridge.grouping import ELEMENT, ORDER, UNIT, Grouping, empty
from dhis2_bridge.mapping import Mapping
from dhis2_bridge.mapping_workforce import GROUP, OCCUPATION, Measure
from dhis2_bridge.occupations import RESOLVED, Occupations
from dhis2_bridge.persons import BORN, PERSON, SEVERAL, SEX
from dhis2_bridge.row_notes import PLACE, RowNotes
from dhis2_bridge.typed_texts import reader_of
from dhis2_bridge.unit_labels import UnitLabels
from dhis2_bridge.workforce_columns import asked_of, own_source, workforce_of
from dhis2_bridge.workforce_rules import AS_OF, types_of

RATE: Final = "#rate"
START: Final = "#start"

LARGEST: Final = 100_000
"""No row holds so many posts or rates: it is an id or a telephone number in the wrong column, and must not be sent."""

_FRACTION: Final = 1_000_000
"""Sums are made of whole millionths, so that they do not depend on the order of adding."""


@dataclass(slots=True)
class Counted:
    """What rows of persons and posts came to.

    `cells` has `#unit`, a number for each label of an org unit, its columns as they stood, `data_element`, a column for
    each axis (null where a measure is not counted by it), `measure` (its place in the mapping), `value`, and `source`,
    `sheet` and `row` of the first row that counts. `labels` has a row for each distinct org unit label: its columns,
    `source`, `sheet`, `row` where it stands first, in how many `rows`, and `known`: whether so many different persons
    hold it that it may be shown. `persons` and `contracts` are those that were looked at.
    """

    cells: pl.DataFrame
    labels: pl.DataFrame
    findings: list[pl.DataFrame] = field(default_factory=list)
    persons: int = 0
    contracts: int = 0


def count(
    mapping: Mapping,
    rows: MappingType[str, pl.DataFrame],
    as_of: date,
    labels: tuple[str, ...],
    places: pl.DataFrame,
) -> Counted:
    """The counts of a mapping's measures on a reference date.

    `rows` are the rows of each source: `source` and `sheet` (Categorical), `row`, the mapping's columns as text, and
    `#numeric` where the source knows which codes of occupations are numbers. `labels` are the columns of the org
    unit's label, `places` the `column` of each `name` in each `source` and `sheet`, for findings.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ids") as beside:
        return _Count(mapping, rows, as_of, labels, beside).counted(places)


class _Count:
    """One count on its way."""

    def __init__(
        self,
        mapping: Mapping,
        rows: MappingType[str, pl.DataFrame],
        as_of: date,
        labels: tuple[str, ...],
        beside: Executor,
    ) -> None:
        self.workforce = workforce_of(mapping)
        self.own = own_source(mapping)
        self.as_of = as_of
        self.labels = labels
        self.types = types_of(mapping.tables[0])
        self.notes = RowNotes()
        self.occupations = Occupations(self.workforce.occupation) if self.workforce.occupation else None
        self.people = 0
        self.contracts = 0
        self.units = UnitLabels(labels)
        person = self.workforce.person
        # What ids tell needs nothing of what else is found out first.
        ids = rows[self.own][person.column] if self.own in rows else pl.Series(dtype=pl.String)
        self.ids = beside.submit(persons.told, ids, person)
        given = rows if isinstance(rows, dict) else dict(rows)
        self.rows = self.units.number(given, asked_of(self.workforce, self.types))
        self.grouping = Grouping(tuple(self.workforce.axes), self.units.columns)

    def counted(self, places: pl.DataFrame) -> Counted:
        """Counts all measures, source by source."""
        cells: list[pl.DataFrame] = []
        for source in list(self.rows):
            if self.rows[source].is_empty():
                continue
            self.grouping.origin = self.rows[source].select(PLACE)
            measures = [
                (place, one) for place, one in enumerate(self.workforce.measures) if (one.source or self.own) == source
            ]
            if source == self.own:
                cells += self._of_persons(source, measures)
            else:
                resolved = self._resolved(self.rows.pop(source))
                self.units.remember(resolved)
                resolved = self._on_axes(resolved, measures)
                cells += [self._summed(resolved, place, measure) for place, measure in measures]
        made = pl.concat(cells) if cells else empty(self.labels, tuple(self.workforce.axes))
        return Counted(made, self.units.facts(), self.notes.frames(places), self.people, self.contracts)

    # -- rows ----------------------------------------------------------------------------------------------------

    def _typed(self, rows: pl.DataFrame, name: str | None) -> pl.Series | None:
        """A typed column as numbers or dates; None where the mapping or the source has none."""
        if name is None or name not in rows.columns:
            return None
        read = reader_of(self.types[name])(rows[name])
        if self.types[name].kind == "number" and bool((read.abs() >= LARGEST).any()):
            return read.to_frame("n").select(pl.when(pl.col("n").abs() < LARGEST).then("n")).to_series()
        return read

    def _resolved(self, rows: pl.DataFrame) -> pl.DataFrame:
        if self.occupations is None:
            return rows.with_columns(pl.lit(0, dtype=pl.UInt32).alias(RESOLVED))
        return self.occupations.add(rows, self.notes)

    def _names(self, rows: pl.DataFrame, used: tuple[str, ...]) -> dict[str, str | pl.Expr]:
        """What each name of a condition is over these rows."""
        found: dict[str, str | pl.Expr] = {}
        for name in used:
            if name != AS_OF and name in rows.columns:
                found[name] = name
                continue
            texts = pl.Series([""], dtype=pl.String)
            places = pl.Series([0], dtype=pl.UInt32).new_from_index(0, rows.height)
            if name == AS_OF:
                texts = pl.Series([self.as_of.isoformat()])
            elif self.occupations is not None and RESOLVED in rows.columns:
                column = "report_as" if name == OCCUPATION else name.removeprefix(f"{OCCUPATION}_")
                texts, places = self.occupations.column(column), rows[RESOLVED]
            # All are coded, so that a condition is decided once for all rows that are alike.
            found[name] = pl.lit(texts.cast(pl.Categorical(pl.Categories.random())).gather(places))
        return found

    def _holds(self, rows: pl.DataFrame, text: str) -> pl.Series:
        """Where a condition holds; rows for which it cannot be decided are noted and left out."""
        decided = self._decided(rows, text)
        for name, undecided in decided.unreadable:
            self.notes.add(rows.filter(undecided), "predicate.unreadable", name, {"predicate": text, "column": name})
        return decided.answer

    def _decided(self, rows: pl.DataFrame, text: str) -> predicates.Decided:
        """A condition over rows, and the rows for which it cannot be decided."""
        predicate = predicates.compile(text, self.types)
        return predicate.decide(rows, self._names(rows, predicate.columns))

    def _current(self, rows: pl.DataFrame) -> pl.Series:
        """Which rows are contracts of the reference date."""
        text = self.workforce.current
        if text is None:
            return pl.Series([True]).new_from_index(0, rows.height)
        decided = self._decided(rows, text)
        undecided = pl.Series([False], dtype=pl.Boolean).new_from_index(0, rows.height)
        for name, one in decided.unreadable:
            undecided |= one
            self.notes.add(rows.filter(one), "predicate.unreadable", name, {"predicate": text, "column": name})
        left_out = rows.filter(~decided.answer & ~undecided)
        if left_out.height:
            counts = left_out.group_by("source", "sheet", maintain_order=True).agg(pl.col("row").first(), pl.len())
            said = [arguments_text({"predicate": text, "rows": n}) for n in counts["len"]]
            self.notes.add(counts.with_columns(pl.Series("said", said)), "rows.left_out", None, pl.col("said"))
        return decided.answer

    # -- persons -------------------------------------------------------------------------------------------------

    def _of_persons(self, source: str, measures: list[tuple[int, Measure]]) -> list[pl.DataFrame]:
        """The cells of the measures over contracts. All rows are let go of once the current ones are known."""
        workforce, person = self.workforce, self.workforce.person
        rows = self.rows.pop(source)
        current = self._current(rows)
        rows, ids = rows.filter(current), self.ids.result().filter(current)
        self.contracts = rows.height
        nothing = pl.lit(None)
        for name in (person.birth_date, person.sex, *person.name):
            if name is not None and name not in rows.columns:
                rows = rows.with_columns(nothing.cast(pl.String).alias(name))
        born, rate, start = (self._typed(rows, name) for name in (person.birth_date, workforce.rate, workforce.start))
        rows = rows.with_columns(
            (nothing.cast(pl.Date) if born is None else born).alias(BORN),
            (nothing.cast(pl.Float64) if rate is None else rate).alias(RATE),
            (nothing.cast(pl.Date) if start is None else start).alias(START),
            self._sexes(rows).alias(SEX),
        )
        rows = persons.identify(rows, ids, person, self.notes)
        self.units.remember(rows)
        rows = self._resolved(rows)
        prefer = workforce.main_job.prefer
        preferred = pl.lit(value=False) if prefer is None else self._decided(rows, prefer).answer
        rows = self._on_axes(rows.with_columns(preferred.alias("#preferred")), measures)
        self._look_at_persons(rows)
        is_main = self._main(rows)
        rows = self._narrow(rows, measures)
        main = rows.filter(is_main)
        self.people = main.height
        return [
            self._persons(main if one.persons_at == "main_job" else rows, place, one)
            if one.count == "persons"
            else self._summed(rows, place, one)
            for place, one in measures
        ]

    def _main(self, rows: pl.DataFrame) -> pl.Series:
        """Which rows are main jobs. What is no job of the health workforce is nobody's main job in it."""
        person = rows[PERSON]
        if self.occupations is not None:
            outside = self.occupations.excluded(rows)
            person = rows.select(pl.when(~outside).then(PERSON)).to_series()
        return persons.main_jobs(rows, person, self._precedence(rows))

    def _narrow(self, rows: pl.DataFrame, measures: list[tuple[int, Measure]]) -> pl.DataFrame:
        """The rows without the columns that nobody asks for any more: names, ids and dates go first.

        A count of persons in every org unit asks for all of them: the texts of a row may have to decide.
        """
        if any(one.persons_at == "every_org_unit" for _, one in measures):
            return rows
        wheres = [one.where for _, one in measures if one.where is not None]
        kept = {name for text in wheres for name in predicates.compile(text, self.types).columns}
        kept.update(one.sum for _, one in measures if one.sum is not None)
        return rows.select(name for name in rows.columns if name[0] == "#" or name in PLACE or name in kept)

    def _sexes(self, rows: pl.DataFrame) -> pl.Series | pl.Expr:
        """The sex of each row in the words of the axis of the same column."""
        column = self.workforce.person.sex
        if column is None:
            return pl.lit(None, dtype=pl.String)
        axis = next((one for one in self.workforce.axes.values() if one.column == column), None)
        return rows[column] if axis is None else axes.words(axis, rows[column])

    def _precedence(self, rows: pl.DataFrame) -> list[tuple[str, bool]]:
        """The columns by which a main job is chosen, each with whether the largest comes first.

        Behind those of the rule stand the texts of all other columns, so that the order of rows never decides.
        """
        rule = [(RATE, True), (START, False)]
        if self.workforce.main_job.otherwise == "earliest_start":
            rule.reverse()
        code = self.workforce.occupation.column if self.workforce.occupation else ""
        texts = sorted((n for n in rows.columns if n[0] != "#" and n not in PLACE), key=lambda n: (n != code, n))
        return [("#preferred", True), *rule, (UNIT, False), *((name, False) for name in texts), (ORDER, False)]

    def _look_at_persons(self, rows: pl.DataFrame) -> None:
        """The checks that need contracts of persons together."""
        checks, workforce = self.workforce.checks, self.workforce
        rows = rows.select(PERSON, SEVERAL, *PLACE, ORDER, UNIT, RESOLVED, START, RATE)
        many = rows[SEVERAL] & rows[PERSON].is_not_null()
        held = rows.filter(many)
        if checks.repeated_contracts == "warn" and workforce.start is not None and held.height:
            persons.repeated(held, [UNIT, RESOLVED, START], self.notes, workforce.person.column)
        if checks.total_rate is not None and workforce.rate is not None:
            alone = rows.filter(~many & (rows[RATE] > checks.total_rate).fill_null(value=False))
            persons.over_rate(pl.concat([alone, held]), RATE, checks.total_rate, self.notes, workforce.rate)

    # -- measures ------------------------------------------------------------------------------------------------

    def _persons(self, rows: pl.DataFrame, place: int, measure: Measure) -> pl.DataFrame:
        """The cells of a measure of persons: each counts once, or once in each org unit and occupation."""
        once = measure.persons_at == "every_org_unit"
        if once:
            rows = rows.filter(pl.col(PERSON).is_not_null())
        if measure.where is not None:
            rows = rows.filter(self._holds(rows, measure.where))
        return self._grouped(rows, place, measure, once=once)

    def _summed(self, rows: pl.DataFrame, place: int, measure: Measure) -> pl.DataFrame:
        """The cells of a measure of contracts, or of a sum over them."""
        if measure.where is not None:
            rows = rows.filter(self._holds(rows, measure.where))
        if measure.sum is None:
            return self._grouped(rows, place, measure)
        numbers = rows[RATE] if measure.sum == self.workforce.rate and RATE in rows.columns else None
        if numbers is None or measure.sum not in rows.columns:
            numbers = self._typed(rows, measure.sum)
        if numbers is None:
            return empty(self.labels, tuple(self.workforce.axes))
        if numbers.null_count():
            unread = rows.filter(numbers.is_null())
            blank = unread[measure.sum].is_null()
            self.notes.add(unread.filter(blank), "number.missing", measure.sum, {"data_element": measure.data_element})
            self.notes.add(
                unread.filter(~blank), "number.unreadable", measure.sum, {"data_element": measure.data_element}
            )
        whole = (numbers * _FRACTION).round().cast(pl.Int64)
        rows = rows.with_columns(whole.alias("#whole"))
        if whole.null_count():
            rows = rows.filter(pl.col("#whole").is_not_null())
        return self._grouped(rows, place, measure, "#whole", over=_FRACTION)

    def _grouped(
        self,
        rows: pl.DataFrame,
        place: int,
        measure: Measure,
        value: str | None = None,
        *,
        over: int = 1,
        once: bool = False,
    ) -> pl.DataFrame:
        """The cells of a measure (`Grouping.cells`); with `once` a person counts once in each org unit and element."""
        elements, of_answer = self._elements(measure)
        rows = rows.with_columns(of_answer.gather(rows[RESOLVED]).alias(ELEMENT))
        if once:
            rows = persons.best_of(rows, [UNIT, ELEMENT, PERSON], self._precedence(rows))
        return self.grouping.cells(rows, place, measure, elements, value, over)

    def _elements(self, measure: Measure) -> tuple[list[str], pl.Series]:
        """The data elements of a measure, sorted, and the place of that of each occupation."""
        if self.occupations is None or "{" not in measure.data_element:
            count = len(self.occupations.answers) if self.occupations else 1
            return [measure.data_element], pl.Series([0], dtype=pl.UInt32).new_from_index(0, max(1, count))
        codes: list[str | None] = []
        for answer in self.occupations.answers:
            group = answer.row.get(GROUP, "") if answer.row else ""
            if not answer.report_as or (f"{{{GROUP}}}" in measure.data_element and not group):
                codes.append(None)
                continue
            code = measure.data_element.replace(f"{{{OCCUPATION}}}", answer.report_as)
            codes.append(code.replace(f"{{{GROUP}}}", group))
        elements = sorted({code for code in codes if code is not None})
        numbers = {code: number for number, code in enumerate(elements)}
        return elements, pl.Series([None if c is None else numbers[c] for c in codes], dtype=pl.UInt32)

    def _on_axes(self, rows: pl.DataFrame, measures: list[tuple[int, Measure]]) -> pl.DataFrame:
        """The rows with `#axis <name>` for each axis that a measure is counted by: the place of its option."""
        for name in dict.fromkeys(name for _, one in measures for name in one.by):
            found = self._axis(rows, name)
            self.grouping.options[name] = found.options
            rows = rows.with_columns(found.codes.alias(f"#axis {name}"))
        return rows

    def _axis(self, rows: pl.DataFrame, name: str) -> axes.AxisCodes:
        """The options of rows on an axis."""
        axis = self.workforce.axes[name]
        column = axis.age or axis.column or ""
        if column not in rows.columns:
            rows = rows.with_columns(pl.lit(None, dtype=pl.String).alias(column))
        person = self.workforce.person
        if axis.age is not None:
            born = rows[BORN] if column == person.birth_date and BORN in rows.columns else self._typed(rows, column)
            nothing = pl.Series([None], dtype=pl.Date).new_from_index(0, rows.height)
            return axes.by_age(rows, name, axis, nothing if born is None else born, self.as_of, self.notes)
        own = column == person.sex and SEX in rows.columns
        return axes.by_words(rows, name, axis, rows[SEX] if own else axes.words(axis, rows[column]), self.notes)
