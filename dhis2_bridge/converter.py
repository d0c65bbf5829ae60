"""Turns the records of a table into data values, each with its place.

The labels of a record (org unit, period, data element, options) are resolved once for each distinct label and carried
to the rows as numbers; the value columns are then stood below one another, one row a cell. A cell ends as a data
value, as a total that is checked against its parts, or as a refused row with the finding that names it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from dhis2_bridge.bound import Bound, ReadDate
from dhis2_bridge.cells import Cells
from dhis2_bridge.columns import Columns, Feed
from dhis2_bridge.combos import CellCombos
from dhis2_bridge.findings import PLACE, Finding, located
from dhis2_bridge.findings import frame as findings_frame
from dhis2_bridge.labels import Labels
from dhis2_bridge.layout import Header
from dhis2_bridge.lookups import Hit, Miss, uid_of
from dhis2_bridge.mapping import MappingTable
from dhis2_bridge.ordering import Ordering
from dhis2_bridge.snapshot import Snapshot
from dhis2_bridge.value_types import Accepted
from dhis2_bridge.values import CELLS_SCHEMA

if TYPE_CHECKING:
    from dhis2_bridge.predicates import ComputedColumn, Decided, Predicate


@dataclass(slots=True)
class Converted:
    """What a batch of records became: cells (`values.CELLS_SCHEMA`) and findings."""

    cells: pl.DataFrame
    findings: list[pl.DataFrame] = field(default_factory=list)


class Converter:
    """Converts records by one table of a mapping against one snapshot; keeps what it has learned over batches.

    `path` is the mapping file, for what is wrong in it. `given` are the texts of dimensions that the caller gives
    (`period`, `org_unit`). `read_date` reads the dates of a period column whose order the whole column decided, for
    mappings that say `date: evidence`. `coalesce`: see `Columns`; `number` is that of the table's data set among those
    of the conversion.
    """

    def __init__(
        self,
        path: str,
        table: MappingTable,
        snapshot: Snapshot,
        given: Mapping[str, str],
        *,
        number: int = 0,
        coalesce: bool = False,
        read_date: ReadDate | None = None,
    ) -> None:
        self.table = table
        self.coalesce = coalesce
        self._bound = Bound(path, table, snapshot, given, read_date)
        self._ordering = Ordering(snapshot, self._bound.data_set, number)
        self._part_of = {
            "org_unit": lambda a: self._ordering.org_unit(a.uid) if isinstance(a, Hit) else None,
            "period": lambda a: self._ordering.period(a.uid) if isinstance(a, Hit) else None,
        }
        self._labels = Labels(self._bound)
        self._last_texts: dict[str, dict[str, str | None]] = {}
        self._combos = CellCombos(self._bound, self._ordering)
        self._cells = Cells(table, snapshot)
        self._computed: dict[str, ComputedColumn] = {}
        self._predicate: Predicate | None = None
        if table.computed or table.where:
            from dhis2_bridge import predicates  # noqa: PLC0415 - mappings without any do not pay for them

            types = table.column_types()
            for name, text in table.computed.items():
                self._computed[name] = predicates.compile_value(text, types)
                if (made := self._computed[name].type) is not None:
                    types = {**types, name: made}
            self._predicate = predicates.compile(table.where, types) if table.where else None

    @property
    def ordering(self) -> Ordering:
        """The numbers of the reports and cells that it makes."""
        return self._ordering

    @property
    def data_set(self) -> str:
        """UID of the data set that it converts into."""
        return self._bound.data_set.uid

    def convert(self, records: pl.DataFrame, header: Header) -> Converted:
        """The cells and findings of records below one header.

        `records` has the columns that `layout.records` gives. Findings of the header itself (a column that is not
        there) name the first record's sheet.
        """
        columns = Columns(header, self.table, coalesce=self.coalesce)
        empty = Converted(pl.DataFrame(schema=CELLS_SCHEMA))
        if columns.problems:
            empty.findings.append(_of_header(columns.problems, records))
            return empty
        found: list[pl.DataFrame] = []
        if self.coalesce:
            records = self._one_field_each(records, columns, found)
        records = self._where(records, columns, found)
        feeds = {key: columns.feed(key, dimension) for key, (dimension, _) in self._bound.dimensions.items()}
        cells = self._stand(records, columns, feeds, found)
        if cells.is_empty():
            empty.findings = found
            return empty
        cells = self._combos.find(cells)
        cells = self._without_marked(cells, found)
        cells = cells.with_columns(refused=self._labels.misses(cells, feeds, found))
        cells = self._labels.confirm(cells, columns, found)
        cells = self._combos.refuse(cells, found)
        totals = self._read_totals(cells, found)
        if cells["parts"].null_count() < cells.height:
            cells = cells.filter(pl.col("parts").is_null())
        cells = self._cells.values(cells, self._bound.answers("data_element"), found)
        self._labels.notes(cells, feeds, found)
        made = self._as_cells(cells)
        return Converted(pl.concat([made, self._as_cells(totals)]) if totals.height else made, found)

    @staticmethod
    def _without_marked(cells: pl.DataFrame, found: list[pl.DataFrame]) -> pl.DataFrame:
        """The cells without those marked as not applicable; one that could hold a value is told."""
        marked = cells.filter("blocked")
        told = marked.filter(pl.col("category_option_combo").is_not_null())
        if not told.is_empty():
            found.append(told.select(*PLACE, pl.lit("cell.not_applicable").alias("code"), "found"))
        return cells if marked.is_empty() else cells.filter(~pl.col("blocked"))

    @staticmethod
    def _one_field_each(records: pl.DataFrame, columns: Columns, found: list[pl.DataFrame]) -> pl.DataFrame:
        """The records of a document without those that fill two fields which the mapping takes for one."""
        for name, numbers in columns.numbers.items():
            if len(numbers) < 2:
                continue
            both = pl.sum_horizontal(pl.col(str(number)).is_not_null() for number in numbers) > 1
            if records.select(both.any()).item():
                where = records.filter(both).with_columns(values=pl.lit(1))
                arguments = {"name": name, "columns": numbers}
                text = pl.lit(columns.header.text(numbers[0]))
                row, column = pl.col("row"), pl.lit(numbers[0])
                found.append(located(where, "header.ambiguous", row, column, text, arguments))
                records = records.filter(~both)
        return records

    def _where(self, records: pl.DataFrame, columns: Columns, found: list[pl.DataFrame]) -> pl.DataFrame:
        """The records that the mapping's predicate keeps, with computed columns; what it cannot decide is a finding."""
        if self.table.fill_down:
            numbers = [str(n) for name in self.table.fill_down for n in columns.numbers.get(name, ())]
            records = records.with_columns(pl.col(numbers).forward_fill().over("source", "sheet", "header_row"))
            records = self._filled_from_before(records, numbers)
        if self.table.comment is not None:
            self._lost_comments(records, columns, found)
        for name, computed in self._computed.items():
            decided = computed.decide(records, {other: columns.text(other) for other in computed.columns})
            self._undecided(records, columns, decided, computed.text, found)
            records = records.with_columns(decided.answer.alias(name))
        if self._predicate is None:
            return records
        decided = self._predicate.decide(records, {name: columns.text(name) for name in self._predicate.columns})
        undecided = self._undecided(records, columns, decided, self._predicate.text, found)
        left_out = records.filter(~decided.answer & ~undecided)
        if not left_out.is_empty():
            counts = left_out.group_by("source", "sheet", maintain_order=True).agg(pl.col("row").first(), pl.len())
            found.append(
                findings_frame(
                    Finding(
                        "rows.left_out", source, sheet, row, arguments={"predicate": self._predicate.text, "rows": n}
                    )
                    for source, sheet, row, n in counts.iter_rows()
                )
            )
        return records.filter(decided.answer)

    def _filled_from_before(self, records: pl.DataFrame, numbers: list[str]) -> pl.DataFrame:
        """A batch of a long file whose first cells take the texts that stood last in the batch before it."""
        source = records["source"][0] if records.height and records["sheet"][0] is None else None
        if source is None:
            return records
        kept = self._last_texts.get(source, {})
        records = records.with_columns(pl.col(number).fill_null(pl.lit(kept.get(number))) for number in numbers)
        self._last_texts = {source: {number: records[number][-1] for number in numbers}}
        return records

    def _lost_comments(self, records: pl.DataFrame, columns: Columns, found: list[pl.DataFrame]) -> None:
        """Notes comments beside which no value stands: DHIS2 keeps a comment with a value only."""
        name = self.table.comment.column if self.table.comment else ""
        values = [pl.col(str(number)).is_null() for number in columns.value_columns]
        if not values or columns.number(name) is None:
            return
        lost = records.filter(columns.text(name).is_not_null() & pl.all_horizontal(values))
        if lost.height:
            column, text = pl.lit(columns.number(name)), columns.text(name)
            where = lost.with_columns(values=pl.lit(0))
            found.append(located(where, "comment.without_value", pl.col("row"), column, text, {}))

    @staticmethod
    def _undecided(
        records: pl.DataFrame, columns: Columns, decided: "Decided", predicate: str, found: list[pl.DataFrame]
    ) -> pl.Series:
        """Notes the rows for which a predicate has no answer, at the cell to blame; which rows they are."""
        undecided = pl.Series([False], dtype=pl.Boolean).new_from_index(0, records.height)
        for name, rows in decided.unreadable:
            undecided = undecided | rows
            if rows.any():
                where = records.filter(rows).with_columns(values=pl.lit(1))
                column = pl.lit(columns.number(name), dtype=pl.UInt16)
                arguments = {"predicate": predicate, "column": name}
                told = located(where, "predicate.unreadable", pl.col("row"), column, columns.text(name), arguments)
                found.append(told)
        return undecided

    def _stand(
        self, records: pl.DataFrame, columns: Columns, feeds: dict[str, Feed], found: list[pl.DataFrame]
    ) -> pl.DataFrame:
        """The value columns one below the other: a row a filled cell, with the codes of its labels.

        Columns: place, `header_row`, the places of loose labels, `#<key>` the code of each dimension's answer, `found`
        the cell's text as it stood, `text` the same with markers of nil as "0", `comment`, `confirm`.
        """
        table = self.table
        codes: list[pl.Series] = []
        for key, (dimension, distinct) in self._bound.dimensions.items():
            if not feeds[key].by_header:
                texts = records.select(columns.label(key, dimension).alias("label"))["label"]
                codes.append(distinct.codes(texts).alias(f"#{key}"))
        extra = [pl.lit(None, dtype=pl.String).alias("comment")]
        if table.comment is not None:
            extra = [columns.text(table.comment.column).alias("comment")]
        confirm = self._bound.dimensions["data_element"][0].confirm
        extra.append((columns.text(confirm) if confirm else pl.lit(None, dtype=pl.String)).alias("confirm"))
        kept = [name for name in records.columns if name in {"source", "sheet", "header_row", "row"} or name[0] == "="]
        base = records.select(*kept, *extra).with_columns(codes)
        standing: list[pl.DataFrame] = []
        for number in columns.value_columns:
            path = columns.header.paths[number - 1]
            by_header: list[pl.Series | pl.Expr] = []
            # A column without any header means nothing, whatever the other dimensions say.
            unmapped = not any(path)
            for key, (dimension, distinct) in self._bound.dimensions.items():
                if not feeds[key].by_header:
                    continue
                label = columns.label(key, dimension, path)
                if feeds[key].only_header:
                    text = path[dimension.header - 1] if dimension.header and dimension.header <= len(path) else ""
                    code = distinct.codes(pl.Series([text], dtype=pl.String))
                    unmapped |= isinstance(distinct.answers[code[0]], Miss)
                    by_header.append(pl.lit(code[0], dtype=pl.UInt32).alias(f"#{key}"))
                else:
                    texts = records.select(label.alias("label"))["label"]
                    by_header.append(distinct.codes(texts).alias(f"#{key}"))
            column = base.with_columns(
                *by_header, pl.lit(number, dtype=pl.UInt16).alias("column"), records[str(number)].alias("found")
            )
            column = self._cells.marked(column)
            if unmapped and table.value is None:
                filled = column.filter(~pl.col("blocked"))
                if not filled.is_empty():
                    found.append(self._unmapped(filled, columns.header.text(number), number))
                continue
            standing.append(column)
        return pl.concat(standing) if standing else base.clear()

    @staticmethod
    def _unmapped(column: pl.DataFrame, text: str, number: int) -> pl.DataFrame:
        """A finding for each sheet in which a column that means nothing to the mapping holds something."""
        where = column.group_by("source", "sheet", "header_row", maintain_order=True).agg(pl.len().alias("values"))
        return located(
            where, "column.unmapped", pl.col("header_row"), pl.lit(number), pl.lit(text or None), {"header": text}
        )

    def _as_cells(self, cells: pl.DataFrame) -> pl.DataFrame:
        """The cells in the columns of `CELLS_SCHEMA`."""
        table = self.table
        elements = self._bound.answers("data_element")
        crosswalk_row = elements.column(_crosswalk_row, pl.UInt32)
        cells = cells.with_columns(
            self._identifiers("org_unit", cells),
            self._identifiers("period", cells),
            self._identifiers("data_element", cells),
            crosswalk_row.gather(cells["#data_element"]).alias("crosswalk_row"),
            report=self._part("org_unit", cells) + self._part("period", cells) + cells["attribute"],
        )
        filled = {
            "data_set": pl.lit(self._bound.data_set.uid),
            "rule": pl.lit(table.line(("data_element",))),
            "strict": pl.when(pl.col("parts").is_not_null()).then(pl.lit(table.totals == "check")),
            "cumulative": pl.lit(table.cumulative is not None),
        }
        return cells.select(
            filled.get(name, pl.col(name)).cast(dtype).alias(name) for name, dtype in CELLS_SCHEMA.items()
        )

    def _identifiers(self, key: str, cells: pl.DataFrame) -> pl.Series:
        uids = self._bound.answers(key).column(uid_of, pl.Categorical())
        return uids.gather(cells[f"#{key}"]).alias(key)

    def _part(self, key: str, cells: pl.DataFrame) -> pl.Series:
        """A part of the report's number, null where the label leads nowhere."""
        numbers = self._bound.answers(key).column(self._part_of[key], pl.UInt64)
        return numbers.gather(cells[f"#{key}"])

    def report_columns(self, header: Header) -> list[int] | None:
        """The columns that tell the report of a record, None where they do not tell it alone (`reports`)."""
        columns = Columns(header, self.table, coalesce=self.coalesce)
        used = [self._bound.dimensions[key][0] for key in ("org_unit", "period")]
        many = self._bound.attributes or "attribute_option_combo" in self._bound.dimensions
        if columns.problems or many or any(columns.feed("", dimension).by_header for dimension in used):
            return None
        names = {name for dimension in used for name in columns.names_of(dimension)}
        if names & set(self.table.computed):
            return None
        return sorted({number for name in names for number in columns.numbers.get(name, ())})

    def reports(self, records: pl.DataFrame, header: Header) -> pl.Series:
        """The number of the report of each run of records with one label: a first look, and a quick one.

        Null where a label leads nowhere. Records that the mapping leaves out count as others do. All null where
        headers or computed columns state the period or the org unit, or the attribute option combo may differ from
        record to record: the only one has the number 0.
        """
        if self.report_columns(header) is None:
            return pl.Series([None], dtype=pl.UInt64)
        columns = Columns(header, self.table, coalesce=self.coalesce)
        labels = records.select(
            columns.label(key, self._bound.dimensions[key][0]).fill_null("").alias(key)
            for key in ("org_unit", "period")
        )
        changes = labels.select(pl.any_horizontal((pl.all() != pl.all().shift(1)).fill_null(True))).to_series()
        labels = labels.filter(changes)
        codes = [self._bound.answers(key).codes(labels[key]).alias(f"#{key}") for key in ("org_unit", "period")]
        runs = pl.DataFrame(codes)
        return self._part("org_unit", runs) + self._part("period", runs)

    def _read_totals(self, cells: pl.DataFrame, found: list[pl.DataFrame]) -> pl.DataFrame:
        """The total cells with their number as `value`; one whose text is no number is a finding, and gone."""
        totals = cells.filter(pl.col("parts").is_not_null() & pl.col("refused").is_null())
        if self.table.totals == "ignore" or totals.is_empty():
            return totals.clear().with_columns(value=pl.col("text"))
        in_workbook = totals["sheet"][0] is not None
        read = {text: self._cells.number(text, in_workbook=in_workbook) for text in totals["text"].unique()}
        numbers = {text: number.value for text, number in read.items() if isinstance(number, Accepted)}
        totals = totals.with_columns(value=pl.col("text").replace_strict(numbers, default=None, return_dtype=pl.String))
        bad = totals.filter(pl.col("value").is_null())
        if not bad.is_empty():
            found.append(bad.select(*PLACE, pl.lit("total.unreadable").alias("code"), "found"))
        return totals.filter(pl.col("value").is_not_null())


def _crosswalk_row(answer: Any) -> int | None:
    return answer.crosswalk_row if isinstance(answer, Hit) else None


def _of_header(problems: list[Finding], records: pl.DataFrame) -> pl.DataFrame:
    """Findings of a header, at each sheet that has it."""
    where = records.unique(["source", "sheet", "header_row"], maintain_order=True)
    return findings_frame(
        Finding(p.code, row["source"], row["sheet"], row["header_row"], None, p.found, p.arguments)
        for row in where.iter_rows(named=True)
        for p in problems
    )
