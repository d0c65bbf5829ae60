"""Reads the text of a cell as the value of a data element: markers, number marks, units and the value type."""

from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from dhis2_bridge import names, value_types
from dhis2_bridge.mapping import MappingTable
from dhis2_bridge.snapshot import DataElement, Snapshot

LONGEST_MARKER: Final = 20
"""Characters of the longest text that is looked up as a marker: a bulk filter before the exact comparison."""


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
        self._snapshot = snapshot
        self._markers = {names.fold(text): meaning for text, meaning in table.cells.items() if text != "blank"}
        self._zero_blank = table.cells.get("blank") == "zero"

    def marked(self, cells: pl.DataFrame) -> pl.DataFrame:
        """The cells that hold something, with `text` beside `found`: markers of nothing are gone, of nil are "0".

        `found` is the text as it stood. Blank cells are gone unless the mapping says that a blank is a zero.
        """
        text = pl.col("found")
        cells = cells.with_columns(text.fill_null("")) if self._zero_blank else cells.filter(text.is_not_null())
        meanings = self._meanings(cells["found"])
        if not meanings:
            return cells.with_columns(text=text)
        nothing = [raw for raw, meaning in meanings.items() if meaning != "zero"]
        zeros = [raw for raw, meaning in meanings.items() if meaning == "zero"]
        if nothing:
            cells = cells.filter(~text.is_in(nothing))
        return cells.with_columns(text=pl.when(text.is_in(zeros)).then(pl.lit("0")).otherwise(text))

    def _meanings(self, texts: pl.Series) -> dict[str, str]:
        """The distinct texts of a column that are markers, with their meaning."""
        meanings = {"": "zero"} if self._zero_blank else {}
        if self._markers:
            short = texts.filter((texts.str.len_chars() <= LONGEST_MARKER) & ~texts.str.contains(r"^-?[0-9]+$"))
            for raw in short.unique():
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
                arguments = {"options": list(option.options), "data_element": element.name}
                return Reading(code="value.not_an_option", arguments=arguments)
            return Reading(option.value, note="value.normalised" if option.normalised else None)
        read = value_types.read(
            text,
            element.value_type,
            self._snapshot.engine,
            numbers=self.marks(text, in_workbook=in_workbook),
            booleans=self._booleans,
        )
        if isinstance(read, value_types.Refusal):
            arguments = {
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
