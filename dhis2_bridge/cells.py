"""Reads the text of a cell as the value of a data element: markers, number marks, units and the value type."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from dhis2_bridge import faults, names, value_types
from dhis2_bridge.findings import PLACE, arguments_text
from dhis2_bridge.lookups import SEPARATOR, Answer, Distinct, Hit, uid_of
from dhis2_bridge.mapping import MappingTable
from dhis2_bridge.snapshot import DataElement, Snapshot
from dhis2_bridge.value_types import NUMERIC_TYPES, PLAIN

IN_WORKBOOK: Final = pl.when(pl.col("sheet").is_not_null()).then(pl.lit("x")).otherwise(pl.lit(""))
"""A mark for cells of workbooks, whose numbers have a point whatever the mapping says of texts."""


COUNT: Final = PLAIN["INTEGER_ZERO_OR_POSITIVE"]
COUNTED: Final = frozenset({"INTEGER_ZERO_OR_POSITIVE", "INTEGER", "NUMBER"})
"""Value types that take every text of the pattern `COUNT` as it stands."""

POINT_NUMBER: Final = r"^(?:0|-?[1-9][0-9]{0,8}|-?(?:0|[1-9][0-9]{0,8})\.[0-9]{1,12})$"
"""Numbers that are accepted as they stand where no comma is declared: the bulk of a column passes by this pattern."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a cell's text is as a value: the text to send, or the code that refuses it; `note` says what was done."""

    value: str | None = None
    code: str | None = None
    note: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict, hash=False)


class Cells:
    """Reads cell texts by the declarations of one mapping table and the rules of one server engine."""

    def __init__(self, table: MappingTable, snapshot: Snapshot) -> None:
        source = table.source
        self.numbers = value_types.Numbers(source.decimal, source.thousands, table.units)
        self._booleans = table.booleans
        self._readings = Distinct(self._read_pair)
        self._plain = dict(PLAIN)
        if self.numbers.mark != "," and self.numbers.thousands is None:
            self._plain["NUMBER"] = POINT_NUMBER
        self._snapshot = snapshot
        self._markers = {names.fold(text): meaning for text, meaning in table.cells.items() if text != "blank"}
        # A bulk filter before the exact comparison; doubled blanks and the like make a text longer than its key.
        self._longest_marker = 2 * max(map(len, self._markers), default=0) + 8
        self._numbers_mark = any(re.fullmatch("-?[0-9]+", marker) for marker in self._markers)
        self._zero_blank = table.cells.get("blank") == "zero"

    def marked(self, cells: pl.DataFrame) -> pl.DataFrame:
        """The cells that hold something: with `text`, where a marker of nil is "0", and `blocked`.

        `found` is the text as it stood. Blank cells and markers of what was not reported are gone; `blocked` marks
        cells in which, says the form, no value can stand. Where the mapping says that a blank is a zero, blank cells
        stay with `blocked` null: whether a value can stand there at all is not known yet (`CellCombos.find`).
        """
        text = pl.col("found")
        if not self._zero_blank and cells["found"].null_count():
            cells = cells.filter(text.is_not_null())
        meanings = self._meanings(cells["found"])
        cells = cells.with_columns(text=text.fill_null("0"), blocked=pl.when(text.is_not_null()).then(pl.lit(False)))
        if faults.any_in(cells, "found"):
            cells = cells.with_columns(found=faults.as_found(text))
        if not meanings:
            return cells
        of = {meaning: [raw for raw, held in meanings.items() if held == meaning] for meaning in meanings.values()}
        if "not_reported" in of:
            cells = cells.filter(~text.is_in(of["not_reported"]).fill_null(False))
        return cells.with_columns(
            text=pl.when(text.is_in(of.get("zero", []))).then(pl.lit("0")).otherwise("text"),
            blocked=text.is_in(of.get("not_applicable", [])),
        )

    def _meanings(self, texts: pl.Series) -> dict[str, str]:
        """The distinct texts of a column that are markers, with their meaning."""
        if not self._markers:
            return {}
        short = texts.str.len_chars() <= self._longest_marker
        if not self._numbers_mark:
            short &= ~texts.str.contains(r"^-?[0-9]+$")
        meanings: dict[str, str] = {}
        for raw in texts.filter(short).unique():
            if (meaning := self._markers.get(names.fold(raw))) is not None:
                meanings[raw] = meaning
        return meanings

    def marks(self, text: str, *, in_workbook: bool) -> value_types.Numbers:
        """The number marks that hold for a text.

        A number of a workbook is stored without marks and comes with a point; the declared marks are for texts that
        somebody typed. Only where a point is declared to part thousands can the two not be told apart.
        """
        stored = in_workbook and self.numbers.mark == "," and self.numbers.thousands != "." and "," not in text
        return value_types.Numbers(units=self.numbers.units) if stored else self.numbers

    def number(self, text: str, *, in_workbook: bool) -> value_types.Accepted | value_types.Refusal:
        """The number that a text says, in plain notation."""
        return value_types.number_text(text, self.marks(text, in_workbook=in_workbook))

    def read(self, text: str, element: DataElement, *, in_workbook: bool) -> Reading:
        """One cell text as a value of one data element."""
        if element.option_set is not None:
            options = self._snapshot.option_sets[element.option_set].options
            option = value_types.read_option(text, options, multiple=element.value_type == "MULTI_TEXT")
            if isinstance(option, value_types.NotAnOption):
                listed = {"options": list(option.options), "data_element": element.name}
                return Reading(code="value.not_an_option", arguments=listed)
            return Reading(option.value, note="value.normalised" if option.normalised else None)
        read = value_types.read(
            text,
            element.value_type,
            self._snapshot.engine,
            numbers=self.marks(text, in_workbook=in_workbook),
            booleans=self._booleans,
        )
        if isinstance(read, value_types.Refusal):
            arguments: dict[str, Any] = {
                "value_type": element.value_type,
                "reason": read.reason,
                "hint": read.hint,
                "may_be": read.may_be,
                "data_element": element.name,
            }
            return Reading(code="value.not_of_type", arguments=arguments)
        if not read.normalised:
            return Reading(read.value)
        return Reading(read.value, note="value.unit_removed" if read.unit else "value.normalised")

    def _read_pair(self, pair: str) -> Reading:
        uid, form, text = pair.split(SEPARATOR, 2)
        return self.read(text, self._snapshot.data_elements[uid], in_workbook=bool(form))

    def values(self, cells: pl.DataFrame, elements: Distinct[Answer], found: list[pl.DataFrame]) -> pl.DataFrame:
        """The cells with `value` and `note`: the bulk by one pattern, the rest once for each distinct text.

        `elements` are the answers for `#data_element`.
        """
        counted = elements.column(self._counts, pl.Boolean)
        if not counted.all():
            # A marker of nil is a zero only where numbers stand: of a text or a date it says what it says.
            text = pl.when(counted.gather(cells["#data_element"])).then("text").otherwise("found")
            cells = cells.with_columns(text.alias("text"))
        good = cells["refused"].is_null()
        takes_counts = elements.column(self._takes_counts, pl.Boolean)
        # Nearly all that is reported are small whole numbers: they pass by one pattern, the rest is read below.
        simple = good & takes_counts.gather(cells["#data_element"]) & are_counts(cells["text"])
        rest = (good & ~simple).arg_true()
        cells = cells.with_columns(value=pl.when(simple).then("text"), note=pl.lit(None, dtype=pl.String))
        if rest.is_empty():
            return cells
        odd = cells[rest]
        element = odd["#data_element"]
        read = self._read_rest(
            odd.select(
                "text",
                "sheet",
                data_element=elements.column(uid_of, pl.String).gather(element),
                kind=elements.column(self._plain_type, pl.String).gather(element),
            )
        )
        bad = odd.with_columns(read).filter(pl.col("code").is_not_null())
        found.append(bad.select(*PLACE, "code", "found", pl.col("said").alias("arguments"), pl.lit(1).alias("values")))
        answers = {"value": read["value"], "refused": read["code"], "note": read["note"]}
        return cells.with_columns(cells[name].scatter(rest, answer) for name, answer in answers.items())

    def _read_rest(self, cells: pl.DataFrame) -> pl.DataFrame:
        """`value`, `code`, `note`, `said` of cells: by the pattern of their type, or once for each distinct text."""
        plain = pl.lit(False)
        for value_type in cells["kind"].unique().drop_nulls():
            pattern = pl.col("text").str.contains(self._plain[value_type])
            plain = plain | ((pl.col("kind") == value_type) & pattern)
        cells = cells.with_columns(plain=plain.fill_null(False))
        odd = cells.filter(~pl.col("plain")).select(
            pl.concat_str(["data_element", IN_WORKBOOK, "text"], separator=SEPARATOR)
        )
        codes = self._readings.codes(odd.to_series())
        place = cells.select(
            pl.when(~pl.col("plain")).then((~pl.col("plain")).cast(pl.Int64).cum_sum() - 1)
        ).to_series()
        codes = codes.gather(place)

        def told(of: Callable[[Reading], str | None]) -> pl.Series:
            return self._readings.column(of, pl.String).gather(codes)

        return cells.select(
            value=pl.when("plain").then("text").otherwise(told(_VALUE)),
            code=told(_CODE),
            note=told(_NOTE),
            said=told(_said),
        )

    def _plain_type(self, answer: Answer) -> str | None:
        """The value type of an element whose plain texts can pass in bulk, None where each text has to be read."""
        if not isinstance(answer, Hit):
            return None
        element = self._snapshot.data_elements[answer.uid]
        return element.value_type if element.option_set is None and element.value_type in PLAIN else None

    def _takes_counts(self, answer: Answer) -> bool:
        return self._plain_type(answer) in COUNTED

    def _counts(self, answer: Answer) -> bool:
        return isinstance(answer, Hit) and counts(self._snapshot.data_elements[answer.uid])


_VALUE: Final = operator.attrgetter("value")
_CODE: Final = operator.attrgetter("code")
_NOTE: Final = operator.attrgetter("note")


def _said(reading: Reading) -> str | None:
    return arguments_text(reading.arguments) if reading.code else None


def are_counts(texts: pl.Series) -> pl.Series:
    """Which texts are of the pattern `COUNT`: whole numbers of at most nine digits as they are written plainly.

    It is what a search of each text by the pattern says, in a third of the time.
    """
    # What a cast to a number takes beyond the pattern (a sign, zeros in front) sorts before "1".
    is_number = texts.cast(pl.UInt32, strict=False).is_not_null() & (texts >= "1") & (texts.str.len_bytes() <= 9)
    return (is_number | (texts == "0")).fill_null(False)


def counts(element: DataElement) -> bool:
    """Whether the values of a data element are numbers, of which one may be zero."""
    return element.option_set is None and element.value_type in NUMERIC_TYPES


def refuse_faults(cells: pl.DataFrame, found: list[pl.DataFrame]) -> pl.DataFrame:
    """The cells with those refused whose content cannot be known (`faults`), and a finding for each."""
    if not faults.any_in(cells, "text"):
        return cells
    bad = cells.filter(faults.is_fault(pl.col("text")) & pl.col("refused").is_null())
    if bad.is_empty():
        return cells
    told = {text: fault for text in bad["text"].unique() if (fault := faults.fault_of(text)) is not None}
    code = pl.col("text").replace_strict({text: code for text, (code, _) in told.items()}, default=None)
    arguments = {text: arguments_text(arguments) for text, (_, arguments) in told.items()}
    bad = bad.with_columns(
        code=code, arguments=pl.col("text").replace_strict(arguments, default=None), values=pl.col("parts").is_null()
    ).filter(pl.col("code").is_not_null())
    found.append(bad.select(*PLACE, "code", "found", "arguments", pl.col("values").cast(pl.UInt32)))
    return cells.with_columns(
        refused=pl.when(faults.is_fault(pl.col("text"))).then(pl.coalesce("refused", code)).otherwise("refused")
    )
