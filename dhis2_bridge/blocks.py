"""Tables of sheets as they were found: header paths, body rows, and the texts that hold for the whole of one.

What a mapping reads of a header is asked here too, for those who look for the table and for those who read it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from dhis2_bridge import names
from dhis2_bridge.bilingual import folded, spoken
from dhis2_bridge.mapping import Dimension, MappingTable
from dhis2_bridge.values import Sheet

SECTION: Final = "section"
"""The column that `sections` makes."""

Loose = tuple[str, int | None, int | None]
"""A text that belongs to a whole block, with its row and column where it stands in a cell."""


@dataclass(frozen=True, slots=True)
class Header:
    """What stands above each column: `paths[j]` is the texts of column 1 + j from the top header row down.

    A cell merged downwards gives its text on its first level and "" below.
    """

    paths: tuple[tuple[str, ...], ...]

    def text(self, number: int) -> str:
        """The header of a column as a person reads it."""
        return " / ".join(part for part in self.paths[number - 1] if part)

    def find(self, labels: Iterable[str]) -> list[int]:
        """Numbers of the columns whose lowest header text is one of the labels, or says one in one of its languages.

        Whole texts come first: "Erkak/ayol" is no column "Erkak" where there is one.
        """
        wanted = {folded(label) for label in labels}
        lowest = [
            (number, text)
            for number, path in enumerate(self.paths, start=1)
            if (text := next((part for part in reversed(path) if part), ""))
        ]
        whole = [number for number, text in lowest if folded(text) in wanted]
        return whole or [number for number, text in lowest if wanted & spoken(text)]

    def find_inner(self, labels: Iterable[str]) -> list[int]:
        """Numbers of the columns whose path, with dots between, ends in one of the labels."""
        wanted = tuple("." + names.fold(label) for label in labels)
        return [number for number, path in enumerate(self.paths, start=1) if names.fold(path[-1]).endswith(wanted)]


@dataclass(slots=True)
class Block:
    """One table of one sheet: the header, the body rows with their numbers, and the texts that hold for all of it.

    `labels` are numbers of the columns that hold labels of dimensions. `columns` is filled for loose cells only: the
    column where each row's value stands.
    """

    sheet: Sheet
    header: Header
    header_row: int
    rows: list[tuple[int, list[str]]]
    loose: dict[str, Loose]
    labels: frozenset[int] = frozenset()
    sections: list[str] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)


def needs_sheet(table: MappingTable) -> bool:
    """Whether this mapping reads a form, which must be seen whole, and not just records below one header row."""
    source = table.source
    return bool(
        source.header.anchor
        or source.header.rows > 1
        or source.header.skip
        or source.transpose
        or source.ends
        or source.total_rows
        or table.sections
        or table.repeat
        or table.loose_cells_table() is not None
        or any(dimension.cell for _, dimension in dimensions(table))
    )


def dimensions(table: MappingTable) -> Iterator[tuple[str, Dimension]]:
    """Every dimension of a table under the key that names it, its parts and its parent included."""

    def walk(key: str, dimension: Dimension) -> Iterator[tuple[str, Dimension]]:
        yield key, dimension
        for index, part in enumerate(dimension.parts):
            yield from walk(f"{key}.{index}", part)
        if dimension.below is not None:
            yield from walk(f"{key}.below", dimension.below)

    for key, single in table.single_dimensions():
        yield from walk(key, single)
    for category, option in table.category_options.items():
        yield from walk(f"category_options.{category}", option)
    for category, option in table.attribute_options.items():
        yield from walk(f"attribute_options.{category}", option)


def claimed(table: MappingTable) -> set[str]:
    """Names of the columns that the mapping reads for something other than a value found by its header."""
    wanted = set(table.fill_down)
    for _, dimension in dimensions(table):
        wanted.update(dimension.column_names())
    wanted.update(value_names(table))
    if table.comment is not None:
        wanted.add(table.comment.column)
    return wanted | set(table.predicate_columns())


def value_names(table: MappingTable) -> tuple[str, ...]:
    """Names of the columns that the mapping says hold values."""
    return table.value.column_names() if table.value is not None else ()


def label_names(table: MappingTable) -> set[str]:
    """Names of the columns whose texts are labels of dimensions."""
    return {name for _, dimension in dimensions(table) for name in dimension.label_columns()}


def numbers(header: Header, table: MappingTable, wanted: Iterable[str]) -> set[int]:
    """Numbers of the columns that have these names in the mapping."""
    return {number for name in wanted for number in header.find(table.labels(name))}
