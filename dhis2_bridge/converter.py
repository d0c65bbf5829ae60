"""Turns the records of a table into data values, each with its place.

The labels of a record (org unit, period, data element, options) are resolved once for each distinct label and carried
to the rows as numbers; the value columns are then stood below one another, one row a cell. A cell ends as a data
value, as a total that is checked against its parts, or as a refused row with the finding that names it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import polars as pl

from dhis2_bridge import dates, names, periods
from dhis2_bridge.cells import Cells, Reading
from dhis2_bridge.columns import Columns, Feed
from dhis2_bridge.combos import Combo, Combos
from dhis2_bridge.findings import CODES, FINDINGS_SCHEMA, Finding, MappingError, arguments_text
from dhis2_bridge.findings import frame as findings_frame
from dhis2_bridge.layout import Header, spoken
from dhis2_bridge.lookups import SEPARATOR, Answer, Distinct, Hit, Lookup, Miss, Span
from dhis2_bridge.mapping import Dimension, MappingTable
from dhis2_bridge.snapshot import Snapshot
from dhis2_bridge.value_types import PLAIN, Accepted
from dhis2_bridge.values import VALUES_SCHEMA, escaped

ReadDate = Callable[[str], date | Miss]

TOTALS_SCHEMA: Final = pl.Schema(
    {
        **{name: VALUES_SCHEMA[name] for name in ("source", "sheet", "row", "column", "data_element", "period")},
        **{name: VALUES_SCHEMA[name] for name in ("org_unit", "attribute_option_combo", "found", "value")},
        "parts": pl.List(pl.String),
    }
)
"""Columns of a totals frame: a cell whose number is the sum of the data values of the option combos in `parts`.

`value` is the number as DHIS2 writes it, null where the cell holds none.
"""


@dataclass(slots=True)
class Converted:
    """What a batch of records became: data values (`VALUES_SCHEMA`), totals (`TOTALS_SCHEMA`), findings."""

    values: pl.DataFrame
    totals: pl.DataFrame
    findings: list[pl.DataFrame] = field(default_factory=list)


class Converter:
    """Converts records by one table of a mapping against one snapshot; keeps what it has learned over batches.

    `path` is the mapping file, for what is wrong in it. `given` are the texts of dimensions that the caller gives (`period`, `org_unit`). `read_date` reads the dates of a
    period column whose order the whole column decided, for mappings that say `date: evidence`. `coalesce`: see
    `Columns`.
    """

    def __init__(
        self,
        path: str,
        table: MappingTable,
        snapshot: Snapshot,
        given: Mapping[str, str],
        *,
        coalesce: bool = False,
        read_date: ReadDate | None = None,
    ) -> None:
        self.path = path
        self.table = table
        self.snapshot = snapshot
        self.coalesce = coalesce
        uids = named(snapshot, "data_set", table.data_set)
        if len(uids) != 1:
            reason = "the snapshot has no such data set" if not uids else "several data sets have this code or name"
            near = names.rank(table.data_set, snapshot.index("data_set", "code"))
            hint = f" (nearest: {', '.join(near)})" if near and not uids else ""
            raise MappingError(path, [(table.line(("data_set",)), 1, f"data_set {table.data_set}: {reason}{hint}")])
        self.data_set = snapshot.data_sets[uids[0]]
        snapshot.require(self.data_set.uid)
        self._dimensions: dict[str, tuple[Dimension, Distinct[Any]]] = {}
        self._options: dict[str, str] = {}
        self._attributes: dict[str, str] = {}
        self._add("org_unit", table.org_unit, Lookup(table.org_unit, "org_unit", table, snapshot).read)
        self._add("period", table.period, self._period_reader(given, read_date))
        self._add("data_element", table.data_element, Lookup(table.data_element, "data_element", table, snapshot).read)
        spoken = set()
        for block, chosen, found in (
            ("category_options", table.category_options, self._options),
            ("attribute_options", table.attribute_options, self._attributes),
        ):
            for category, dimension in chosen.items():
                uid = self._category(block, category)
                within = frozenset(snapshot.options_of(uid))
                lookup = Lookup(dimension, "category_option", table, snapshot, within=within, category=category)
                self._add(f"{block}.{category}", dimension, lookup.read)
                found[f"{block}.{category}"] = uid
                if dimension.header is not None:
                    spoken.add(uid)
        for key in ("category_option_combo", "attribute_option_combo"):
            dimension = getattr(table, key)
            if dimension is not None:
                # What the label means depends on the data element; the distinct text is all that can be kept here.
                self._add(key, dimension, lambda label: label)
        self._combos = Combos(snapshot, frozenset(spoken))
        self._cells = Cells(table, snapshot)
        self._confirmed = Distinct(self._confirm)
        self._readings = Distinct(self._read_value)

    # -- dimensions ----------------------------------------------------------------------------------------------

    def _add(self, key: str, dimension: Dimension, read: Callable[[str], Any]) -> None:
        self._dimensions[key] = (dimension, Distinct(read))

    def _category(self, block: str, category: str) -> str:
        uids = named(self.snapshot, "category", category)
        if len(uids) != 1:
            near = names.rank(category, self.snapshot.index("category", "code"))
            hint = f" (nearest: {', '.join(near)})" if near else ""
            line = self.table.line((block, category))
            raise MappingError(self.path, [(line, 1, f"the snapshot has no category {category}{hint}")])
        return uids[0]

    def _period_reader(
        self, given: Mapping[str, str], read_date: ReadDate | None
    ) -> Callable[[str], Answer]:
        declared = self.table.period
        read_day = read_date or declared_date(declared.date or "iso")
        expected = given.get("period")
        wanted = periods.read(expected, declared.type) if expected else None

        def read(label: str) -> Answer:
            if declared.date and label.strip():
                day = read_day(label)
                if isinstance(day, Miss):
                    return day
                found: periods.Period | periods.Problem = periods.containing(declared.type, day)
            else:
                found = periods.read(label, declared.type, cumulative=declared.cumulative)
            if isinstance(found, periods.Problem):
                return Miss(found.code, dict(found.arguments))
            if isinstance(wanted, periods.Period) and found.iso != wanted.iso:
                return Miss("period.disagrees", {"expected": wanted.iso})
            return Hit(found.iso)

        return read

    # -- one batch -----------------------------------------------------------------------------------------------

    def convert(self, records: pl.DataFrame, header: Header) -> Converted:
        """The data values, totals and findings of records below one header.

        `records` has the columns that `layout.records` gives. Findings of the header itself (a column that is not
        there) name the first record's sheet.
        """
        columns = Columns(header, self.table, coalesce=self.coalesce)
        empty = Converted(pl.DataFrame(schema=VALUES_SCHEMA), pl.DataFrame(schema=TOTALS_SCHEMA))
        if columns.problems:
            empty.findings.append(_of_header(columns.problems, records))
            return empty
        found: list[pl.DataFrame] = []
        if self.coalesce:
            records = self._one_field_each(records, columns, found)
        records = self._where(records, columns, found)
        feeds = {key: columns.feed(key, dimension) for key, (dimension, _) in self._dimensions.items()}
        cells = self._stand(records, columns, feeds, found)
        if cells.is_empty():
            empty.findings = found
            return empty
        refused = self._misses(cells, feeds, found)
        cells = cells.with_columns(refused=refused)
        cells = self._confirm_labels(cells, feeds["data_element"], found)
        cells = self._find_combos(cells, found)
        totals = cells.filter(pl.col("parts").is_not_null() & pl.col("refused").is_null())
        cells = cells.filter(pl.col("parts").is_null() | pl.col("refused").is_not_null())
        cells = self._read_values(cells, found)
        self._notes(cells, feeds, found)
        return Converted(self._as_values(cells), self._as_totals(totals, found), found)

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
        table = self.table
        if table.fill_down:
            numbers = [str(n) for name in table.fill_down for n in columns.numbers.get(name, ())]
            records = records.with_columns(pl.col(numbers).forward_fill().over("source", "sheet", "header_row"))
        return records

    def _stand(
        self, records: pl.DataFrame, columns: Columns, feeds: dict[str, Feed], found: list[pl.DataFrame]
    ) -> pl.DataFrame:
        """The value columns one below the other: a row a filled cell, with the codes of its labels.

        Columns: place, `header_row`, the places of loose labels, `#<key>` the code of each dimension's answer, `found`
        the cell's text as it stood, `text` the same with markers of nil as "0", `comment`, `confirm`.
        """
        table = self.table
        codes: list[pl.Series] = []
        for key, (dimension, distinct) in self._dimensions.items():
            if not feeds[key].by_header:
                texts = records.select(columns.label(key, dimension).alias("label"))["label"]
                codes.append(distinct.codes(texts).alias(f"#{key}"))
        extra = [pl.lit(None, dtype=pl.String).alias("comment")]
        if table.comment is not None:
            extra = [columns.text(table.comment.column).alias("comment")]
        confirm = table.data_element.confirm
        extra.append((columns.text(confirm) if confirm else pl.lit(None, dtype=pl.String)).alias("confirm"))
        kept = [name for name in records.columns if name in {"source", "sheet", "header_row", "row"} or name[0] == "="]
        base = records.select(*kept, *extra).with_columns(codes)
        standing: list[pl.DataFrame] = []
        for number in columns.value_columns():
            path = columns.header.paths[number - 1]
            by_header: list[pl.Series | pl.Expr] = []
            unmapped = False
            for key, (dimension, distinct) in self._dimensions.items():
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
                if not column.is_empty():
                    found.append(self._unmapped(column, columns.header.text(number), number))
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

    def _misses(self, cells: pl.DataFrame, feeds: dict[str, Feed], found: list[pl.DataFrame]) -> pl.Series:
        """The code that refuses each row for a label that leads nowhere, null where all labels are found."""
        refused = pl.Series("refused", [None], dtype=pl.String).new_from_index(0, cells.height)
        for key, (_, distinct) in self._dimensions.items():
            missed = distinct.column(lambda a: a.code if isinstance(a, Miss) else None, pl.String)
            if missed.null_count() == len(missed):
                continue
            codes = cells[f"#{key}"]
            code = missed.gather(codes)
            if code.null_count() == len(code):
                continue
            told = cells.with_columns(
                code=code,
                label=pl.Series(distinct.texts, dtype=pl.String).gather(codes),
                arguments=distinct.column(
                    lambda a: arguments_text(a.arguments) if isinstance(a, Miss) else None, pl.String
                ).gather(codes),
            ).filter(pl.col("code").is_not_null())
            feed = feeds[key]
            found.append(
                told.group_by(
                    "source",
                    "sheet",
                    feed.row.cast(pl.UInt32).alias("row"),
                    feed.column.cast(pl.UInt16).alias("column"),
                    "code",
                    pl.col("label").str.replace_all(SEPARATOR, " / ", literal=True).alias("found"),
                    "arguments",
                    maintain_order=True,
                ).agg(pl.len().alias("values"))
            )
            refused = refused.zip_with(refused.is_not_null(), code)
        return refused

    def _confirm(self, pair: str) -> Miss | None:
        """Whether the words beside a line code are those of the crosswalk: None, or the finding."""
        label, _, words = pair.rpartition(SEPARATOR)
        crosswalk = self.table.crosswalk(self.table.data_element)
        said = spoken(words)
        key = tuple(part.strip() for part in label.split(SEPARATOR))
        if crosswalk is None or not said or not (expected := crosswalk.labels.get(key)):
            return None
        if said & {reading for text in expected for reading in spoken(text)}:
            return None
        arguments = {"expected": expected[0], "data_element": label.replace(SEPARATOR, " / ")}
        # Words of another line mean that rows have moved: the numbers may be right and stand in the wrong line.
        moved = any(said & spoken(text) for other, texts in crosswalk.labels.items() if other != key for text in texts)
        return Miss("label.disagrees" if moved else "label.differs", arguments)

    def _confirm_labels(self, cells: pl.DataFrame, feed: Feed, found: list[pl.DataFrame]) -> pl.DataFrame:
        if cells["confirm"].null_count() == cells.height:
            return cells
        _, distinct = self._dimensions["data_element"]
        label = pl.Series(distinct.texts, dtype=pl.String).gather(cells["#data_element"])
        pair = cells.select(pl.concat_str([label.alias("label"), pl.col("confirm")], separator=SEPARATOR))
        codes = self._confirmed.codes(pair.to_series())
        code = self._confirmed.column(lambda a: a.code if a else None, pl.String).gather(codes)
        if code.null_count() == len(code):
            return cells
        arguments = self._confirmed.column(lambda a: arguments_text(a.arguments) if a else None, pl.String)
        told = cells.with_columns(code=code, arguments=arguments.gather(codes)).filter(
            pl.col("code").is_not_null() & pl.col("refused").is_null()
        )
        found.append(
            told.group_by(
                "source",
                "sheet",
                feed.row.cast(pl.UInt32).alias("row"),
                feed.column.cast(pl.UInt16).alias("column"),
                "code",
                pl.col("confirm").alias("found"),
                "arguments",
                maintain_order=True,
            ).agg(pl.len().alias("values"))
        )
        disagrees = pl.Series("code", code == "label.disagrees").fill_null(False)
        return cells.with_columns(refused=cells["refused"].zip_with(cells["refused"].is_not_null() | ~disagrees, code))

    # -- combos --------------------------------------------------------------------------------------------------

    def _find_combos(self, cells: pl.DataFrame, found: list[pl.DataFrame]) -> pl.DataFrame:
        """The cells with `category_option_combo`, `parts` (of a total) and `attribute_option_combo`."""
        own = self._combo_column(cells, ["data_element", *self._options, "category_option_combo"], self._combo)
        cells = self._apply_combo(cells, own, "category_option_combo", found)
        attribute = self._combo_column(cells, [*self._attributes, "attribute_option_combo"], self._attribute_combo)
        return self._apply_combo(cells, attribute, "attribute_option_combo", found)

    def _combo_column(
        self, cells: pl.DataFrame, keys: list[str], find: Callable[[dict[str, Any]], Combo]
    ) -> pl.DataFrame:
        """`combo`, `parts`, `code`, `arguments` for each cell, worked out once for each distinct set of answers."""
        names_of = [f"#{key}" for key in keys if key in self._dimensions]
        schema = {"combo": pl.String, "parts": pl.List(pl.String), "code": pl.String, "arguments": pl.String}

        def row(combo: Combo) -> tuple[str | None, tuple[str, ...] | None, str | None, str | None]:
            return combo.uid, combo.parts or None, combo.code, arguments_text(combo.arguments) if combo.code else None

        if not names_of:
            alone = pl.DataFrame([row(find({}))], schema=schema, orient="row")
            return pl.concat([alone] * cells.height) if cells.height < 2 else alone.select(
                pl.all().repeat_by(cells.height).explode()
            )
        good = cells.filter(pl.col("refused").is_null()).select(names_of)
        distinct = good.unique(maintain_order=True)
        answers = [
            row(find({k[1:]: self._dimensions[k[1:]][1].answers[code] for k, code in given.items()}))
            for given in distinct.iter_rows(named=True)
        ]
        told = pl.concat([distinct, pl.DataFrame(answers, schema=schema, orient="row")], how="horizontal")
        return cells.select(names_of).join(told, on=names_of, how="left", maintain_order="left").drop(names_of)

    def _combo(self, given: dict[str, Any]) -> Combo:
        """The category option combo for a data element and what the cell says of its categories."""
        uid = given["data_element"].uid
        element = self.snapshot.data_elements[uid]
        category_combo = self.data_set.elements.get(uid, element.category_combo)
        if "category_option_combo" in given:
            combo = self._combos.read(category_combo, given["category_option_combo"])
        else:
            options = {category: _option(given[key]) for key, category in self._options.items()}
            combo = self._combos.find(category_combo, options)
        if combo.code is None:
            return combo
        code = combo.code
        if code == "category_option_combo.not_of_element" and self._combos.spoken:
            code = "cell.not_of_line"
        return Combo(code=code, arguments={**combo.arguments, "data_element": element.name})

    def _attribute_combo(self, given: dict[str, Any]) -> Combo:
        """The attribute option combo of a report."""
        if "attribute_option_combo" in given:
            combo = self._combos.read(self.data_set.category_combo, given["attribute_option_combo"])
        else:
            options = {category: _option(given[key]) for key, category in self._attributes.items()}
            combo = self._combos.find(self.data_set.category_combo, options)
        arguments = {**combo.arguments, "data_set": self.data_set.name}
        if combo.parts:
            return Combo(code="attribute_option_combo.incomplete", arguments={"missing": "", **arguments})
        if combo.code is None:
            return combo
        code = combo.code.replace("category_option_combo", "attribute_option_combo").replace("of_element", "of_data_set")
        return Combo(code=code, arguments=arguments)

    @staticmethod
    def _apply_combo(
        cells: pl.DataFrame, told: pl.DataFrame, name: str, found: list[pl.DataFrame]
    ) -> pl.DataFrame:
        cells = cells.with_columns(told["combo"].alias(name))
        if name == "category_option_combo":
            cells = cells.with_columns(told["parts"])
        if told["code"].null_count() == told.height:
            return cells
        bad = cells.with_columns(told["code"], told["arguments"]).filter(
            pl.col("code").is_not_null() & pl.col("refused").is_null()
        )
        found.append(bad.select(*PLACE, "code", "found", "arguments", pl.lit(1).alias("values")))
        return cells.with_columns(refused=pl.coalesce("refused", told["code"]))

    # -- values --------------------------------------------------------------------------------------------------

    def _read_value(self, pair: str) -> Reading:
        uid, form, text = pair.split(SEPARATOR, 2)
        return self._cells.read(text, self.snapshot.data_elements[uid], in_workbook=bool(form))

    def _read_values(self, cells: pl.DataFrame, found: list[pl.DataFrame]) -> pl.DataFrame:
        """The cells with `value`, the bulk by one pattern and the oddly spelled rest once for each distinct text."""
        _, elements = self._dimensions["data_element"]
        uid = elements.column(lambda a: a.uid if isinstance(a, Hit) else None, pl.String).gather(cells["#data_element"])
        kind = elements.column(self._plain_type, pl.String).gather(cells["#data_element"])
        cells = cells.with_columns(data_element=uid, kind=kind)
        plain = pl.lit(False)
        for value_type in kind.unique().drop_nulls():
            pattern = pl.col("text").str.contains(PLAIN[value_type])
            plain = plain | ((pl.col("kind") == value_type) & pattern)
        good = pl.col("refused").is_null()
        cells = cells.with_columns(
            value=pl.when(good & plain.fill_null(False)).then("text"),
            odd=good & ~plain.fill_null(False),
        )
        if not cells["odd"].any():
            return cells.with_columns(note=pl.lit(None, dtype=pl.String), said=pl.lit(None, dtype=pl.String))
        pairs = cells.select(
            pl.when("odd").then(pl.concat_str(["data_element", IN_WORKBOOK, "text"], separator=SEPARATOR))
        ).to_series()
        odd = pairs.is_not_null()
        read = self._readings.codes(pairs.filter(odd))
        place = cells.select(pl.when("odd").then(pl.col("odd").cast(pl.Int64).cum_sum() - 1)).to_series()
        codes = read.gather(place)

        def spread(of: Callable[[Reading], str | None]) -> pl.Series:
            return self._readings.column(of, pl.String).gather(codes)

        cells = cells.with_columns(
            value=pl.when("odd").then(spread(lambda r: r.value)).otherwise("value"),
            code=spread(lambda r: r.code),
            note=spread(lambda r: r.note),
            said=spread(lambda r: arguments_text(r.arguments) if r.code else None),
        )
        bad = cells.filter(pl.col("code").is_not_null())
        told = bad.select(*PLACE, "code", "found", pl.col("said").alias("arguments"), pl.lit(1).alias("values"))
        found.append(told)
        return cells.with_columns(refused=pl.coalesce("refused", "code")).drop("code")

    def _plain_type(self, answer: Answer) -> str | None:
        """The value type of an element whose plain texts can pass in bulk, None where each text has to be read."""
        if not isinstance(answer, Hit):
            return None
        element = self.snapshot.data_elements[answer.uid]
        return element.value_type if element.option_set is None and element.value_type in PLAIN else None

    def _notes(self, cells: pl.DataFrame, feeds: dict[str, Feed], found: list[pl.DataFrame]) -> None:
        """What was done to labels and texts without loss: told once for each label, and for each cell."""
        for key, (_, distinct) in self._dimensions.items():
            note = distinct.column(lambda a: a.note if isinstance(a, Hit) else None, pl.String)
            if note.null_count() == len(note):
                continue
            codes = cells[f"#{key}"]
            told = cells.with_columns(
                code=note.gather(codes),
                label=pl.Series(distinct.texts, dtype=pl.String).gather(codes),
                matched=distinct.column(
                    lambda a: arguments_text({"matched": a.matched}) if isinstance(a, Hit) else None, pl.String
                ).gather(codes),
            ).filter(pl.col("code").is_not_null())
            place = (feeds[key].row.cast(pl.UInt32).alias("row"), feeds[key].column.cast(pl.UInt16).alias("column"))
            label = pl.col("label").str.replace_all(SEPARATOR, " / ", literal=True).alias("found")
            told = told.select("source", "sheet", *place, "code", label, pl.col("matched").alias("arguments"))
            found.append(told.unique(["source", "sheet", "code", "found"], keep="first", maintain_order=True))
        odd = cells.filter(pl.col("note").is_not_null())
        if not odd.is_empty():
            read = pl.concat_str([pl.lit('{"read": "'), escaped(pl.col("value")), pl.lit('"}')])
            found.append(odd.select(*PLACE, pl.col("note").alias("code"), "found", read.alias("arguments")))

    def _as_values(self, cells: pl.DataFrame) -> pl.DataFrame:
        """The cells in the columns of `VALUES_SCHEMA`."""
        _, elements = self._dimensions["data_element"]
        rows = elements.column(lambda a: a.crosswalk_row if isinstance(a, Hit) else None, pl.UInt32)
        rule = self.table.line(("data_element",))
        cells = cells.with_columns(
            self._uid("org_unit", cells),
            self._uid("period", cells),
            pl.lit(self.data_set.uid).alias("data_set"),
            pl.lit(rule).alias("rule"),
            rows.gather(cells["#data_element"]).alias("crosswalk_row"),
            pl.lit(None).alias("chunk"),
            pl.lit(None).alias("position"),
        )
        return cells.select(pl.col(name).cast(dtype) for name, dtype in VALUES_SCHEMA.items())

    def _uid(self, key: str, cells: pl.DataFrame) -> pl.Series:
        _, distinct = self._dimensions[key]
        uids = distinct.column(lambda a: a.uid if isinstance(a, Hit) else None, pl.String)
        return uids.gather(cells[f"#{key}"]).alias(key)

    def _as_totals(self, totals: pl.DataFrame, found: list[pl.DataFrame]) -> pl.DataFrame:
        """The total cells in the columns of `TOTALS_SCHEMA`; one whose text is no number is a finding."""
        if self.table.totals == "ignore" or totals.is_empty():
            return pl.DataFrame(schema=TOTALS_SCHEMA)
        number = {
            text: read.value
            for text in totals["text"].unique()
            if isinstance(read := self._cells.number(text, in_workbook=totals["sheet"][0] is not None), Accepted)
        }
        totals = totals.with_columns(
            self._uid("org_unit", totals),
            self._uid("period", totals),
            self._uid("data_element", totals),
            value=pl.col("text").replace_strict(number, default=None, return_dtype=pl.String),
        )
        bad = totals.filter(pl.col("value").is_null())
        if not bad.is_empty():
            found.append(bad.select(*PLACE, pl.lit("total.unreadable").alias("code"), "found"))
        return totals.select(pl.col(name).cast(dtype) for name, dtype in TOTALS_SCHEMA.items())


def declared_date(pattern: str) -> ReadDate:
    """Reads dates by the pattern that the mapping declares; the ISO text of a cell typed as a date always counts."""
    declared, iso = dates.pattern(pattern), dates.pattern("iso")

    def read(text: str) -> date | Miss:
        day = declared.read(text) or iso.read(text)
        return day if day is not None else Miss("date.unreadable", {"format": pattern})

    return read


def evident_date(texts: Iterable[str]) -> ReadDate:
    """Reads the dates of a column by the one order that all of its texts prove; without one, none is read."""
    evidence = dates.OrderEvidence()
    for text in texts:
        evidence.add(text)
    verdict = evidence.verdict()

    def read(text: str) -> date | Miss:
        if verdict.code == "date.ambiguous":
            return Miss(verdict.code, {"readings": [day.isoformat() for day in verdict.readings]})
        if verdict.code is not None:
            other = next((one for one in verdict.texts if one != text), "")
            return Miss(verdict.code, {"other": other})
        day = verdict.order.pattern.read(text) if verdict.order else None
        return day if day is not None else Miss("date.unreadable", {"format": verdict.order or ""})

    return read


IN_WORKBOOK: Final = pl.when(pl.col("sheet").is_not_null()).then(pl.lit("x")).otherwise(pl.lit(""))
"""A mark for cells of workbooks, whose numbers have a point whatever the mapping says of texts."""

PLACE: Final = ("source", "sheet", "row", "column")


def named(snapshot: Snapshot, kind: str, text: str) -> tuple[str, ...]:
    """The objects that a mapping names by code, UID or name, by the first of these that finds any."""
    for scheme, key in (("code", text), ("uid", text), ("name", names.fold(text))):
        if found := snapshot.index(kind, scheme).get(key):
            return found
    return ()


def _option(answer: Answer) -> str | Span:
    return answer.uid if isinstance(answer, Hit) else answer if isinstance(answer, Span) else Span.NOT_GIVEN


def _of_header(problems: list[Finding], records: pl.DataFrame) -> pl.DataFrame:
    """Findings of a header, at each sheet that has it."""
    where = records.unique(["source", "sheet", "header_row"], maintain_order=True)
    return findings_frame(
        Finding(p.code, row["source"], row["sheet"], row["header_row"], None, p.found, p.arguments)
        for row in where.iter_rows(named=True)
        for p in problems
    )


def located(
    frame: pl.DataFrame, code: str, row: pl.Expr, column: pl.Expr, found: pl.Expr, arguments: Mapping[str, Any]
) -> pl.DataFrame:
    """One finding for each row of a frame that has `source`, `sheet` and `values`."""
    return frame.select(
        "source",
        "sheet",
        row.cast(pl.UInt32).alias("row"),
        column.cast(pl.UInt16).alias("column"),
        pl.lit(code).alias("code"),
        found.cast(pl.String).alias("found"),
        pl.lit(arguments_text(arguments)).alias("arguments"),
        pl.col("values").cast(pl.UInt32),
    )


def as_findings(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame of places, codes and arguments in the columns of a findings frame."""
    if frame.schema == FINDINGS_SCHEMA:
        return frame
    severity = {code: what.severity for code, what in CODES.items()}
    filled: dict[str, pl.Expr] = {
        "severity": pl.col("code").replace_strict(severity, return_dtype=pl.String),
        "found": pl.lit(None),
        "arguments": pl.lit("{}"),
        "values": pl.lit(0),
    }
    missing = [expression.alias(name) for name, expression in filled.items() if name not in frame.columns]
    return frame.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in FINDINGS_SCHEMA.items())
