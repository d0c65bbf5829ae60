"""What a table mapping says of the sheets that it is for, worked out once: many forms have one header."""

from dataclasses import dataclass
from typing import Final

from dhis2_bridge import names
from dhis2_bridge.bilingual import folded, spoken
from dhis2_bridge.blocks import Header, claimed, dimensions, label_names, numbers, value_names
from dhis2_bridge.mapping import MappingTable

HEADERS: Final = 300
"""Headers that are remembered: those of forms that are held together."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the mapping has its labels and values under one header, as numbers of columns.

    `line` is the column of the line codes that the crosswalk knows, None where there is none.
    """

    labels: frozenset[int]
    values: frozenset[int]
    line: int | None


class Form:
    """A table mapping, ready to find its table in sheets.

    `is_end` and `is_total` tell of the first text of a row whether it ends the table or begins a row of totals;
    `anchor` and `starts` are the folded labels of the header and of the first row of a block that repeats; `headings`
    names sections by their folded headings; `codes` are the line codes that the crosswalk knows; `loose` are the
    dimensions that may stand outside the table, by their keys.
    """

    def __init__(self, table: MappingTable) -> None:
        self.table = table
        source = table.source
        self.is_end = names.globs([f"{word}*" for word in source.ends.words] if source.ends else [])
        self.is_total = names.globs(source.total_rows)
        self.anchor = {folded(label) for label in table.labels(source.header.anchor)} if source.header.anchor else set()
        self.starts = {folded(text) for text in table.repeat.from_} if table.repeat is not None else set()
        self.headings = {names.fold(text): name for name, texts in (table.sections or {}).items() for text in texts}
        self.codes = table.crosswalk_keys(table.data_element) if table.data_element else frozenset()
        self.loose = [
            (key, one)
            for key, one in dimensions(table)
            if one.cell or one.constant is not None or one.given or one.sheet_name or one.file_name
        ]
        self._standing: dict[Header, Standing] = {}

    def section(self, leading: str) -> str | None:
        """The name of the section that a row with this first text heads."""
        return next((self.headings[key] for key in spoken(leading) if key in self.headings), None)

    def under(self, header: Header) -> Standing:
        """Where labels and values stand under a header."""
        if header not in self._standing:
            if len(self._standing) > HEADERS:
                self._standing.clear()
            self._standing[header] = self._stand(header)
        return self._standing[header]

    def _stand(self, header: Header) -> Standing:
        table = self.table
        filled = {number for number, path in enumerate(header.paths, 1) if any(path)}
        values = numbers(header, table, value_names(table)) or filled - numbers(header, table, claimed(table))
        column = table.data_element.column if table.data_element else None
        lines = header.find(table.labels(column)) if column else []
        labels = numbers(header, table, label_names(table))
        return Standing(frozenset(labels), frozenset(values), lines[0] if lines else None)
