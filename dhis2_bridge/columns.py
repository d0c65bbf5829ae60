"""Which columns of a header a mapping reads, as expressions over the records, and where each label stands."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import polars as pl

from dhis2_bridge.blocks import SECTION, Header, claimed
from dhis2_bridge.findings import Finding
from dhis2_bridge.lookups import SEPARATOR
from dhis2_bridge.mapping import Dimension, MappingTable
from dhis2_bridge.mapping_fields import Template

NOWHERE: Final = pl.lit(None, dtype=pl.UInt32)
"""The row or column of a label that stands in no cell: a constant, a file name."""


@dataclass(frozen=True, slots=True)
class Feed:
    """Where one dimension has its label.

    `row` and `column` are expressions over the cells that give the label's place. `by_header` says that the label, or a
    part of it, stands above each value column, so that it differs from column to column; `only_header` that all of it
    does.
    """

    row: pl.Expr
    column: pl.Expr
    by_header: bool = False
    only_header: bool = False


class Columns:
    """The columns of one header by the names that the mapping gives them.

    `coalesce` is for records of JSON, whose columns are paths (`items.values.sex`): there a name also means the fields
    of this name at any depth, and of several the filled one counts. Elsewhere two columns with one name are a problem.
    `problems` are findings without places.
    """

    def __init__(self, header: Header, table: MappingTable, *, coalesce: bool) -> None:
        self.header = header
        self.table = table
        self.problems: list[Finding] = []
        self.numbers: dict[str, list[int]] = {}
        optional = {table.comment.column} if table.comment else set()
        for name in sorted(claimed(table) - set(table.computed) - ({SECTION} if table.sections else set())):
            found = header.find(table.labels(name)) or (coalesce and header.find_inner(table.labels(name))) or []
            if len(found) > 1 and not coalesce:
                arguments = {"name": name, "columns": found}
                self.problems.append(Finding("header.ambiguous", found=header.text(found[0]), arguments=arguments))
            elif not found and name not in optional:
                seen = [text for number in range(1, len(header.paths) + 1) if (text := header.text(number))]
                arguments = {"wanted": list(table.labels(name)), "seen": seen[:12]}
                self.problems.append(Finding("header.not_found", arguments=arguments))
            if found:
                self.numbers[name] = found

    def text(self, name: str) -> pl.Expr:
        """The text of a named column of the records; null where the header has none."""
        if (name == SECTION and self.table.sections) or name in self.table.computed:
            return pl.col(name)
        numbers = self.numbers.get(name)
        if not numbers:
            return pl.lit(None, dtype=pl.String)
        return pl.coalesce([pl.col(str(number)) for number in numbers])

    def number(self, name: str) -> int | None:
        """The number of a named column, None for one that stands in no cell."""
        return next(iter(self.numbers.get(name, ())), None)

    @cached_property
    def value_columns(self) -> list[int]:
        """Numbers of the columns whose cells are values."""
        if self.table.value is not None:
            return [number for name in self.table.value.column_names() for number in self.numbers.get(name, ())]
        taken = {number for numbers in self.numbers.values() for number in numbers}
        ignored = set(self.header.find(self.table.source.ignore))
        return [number for number in range(1, len(self.header.paths) + 1) if number not in taken | ignored]

    def feed(self, key: str, dimension: Dimension) -> Feed:
        """Where a dimension of the mapping has its label under this header."""
        if dimension.header is not None:
            row = pl.col("header_row") + (dimension.header - 1)
            return Feed(row, pl.col("column"), by_header=True, only_header=True)
        if dimension.label_columns():
            if self.table.loose_cells_table() is not None:
                # The labels of loose cells stand in a list beside the mapping: the cell itself is to blame.
                return Feed(pl.col("row"), pl.col("=column"))
            number = next((n for name in dimension.column_names() if (n := self.number(name)) is not None), None)
            return Feed(pl.col("row"), NOWHERE if number is None else pl.lit(number, dtype=pl.UInt32))
        if dimension.cell is not None:
            return Feed(pl.col(f"={key}.row"), pl.col(f"={key}.column"))
        if dimension.parts:
            feeds = [self.feed(f"{key}.{i}", part) for i, part in enumerate(dimension.parts)]
            return Feed(feeds[0].row, feeds[0].column, by_header=any(feed.by_header for feed in feeds))
        return Feed(NOWHERE, NOWHERE)

    def names_of(self, dimension: Dimension) -> set[str]:
        """Names of the columns that a dimension's label is made of, its parts' and its parent's included."""
        names = set(dimension.label_columns())
        for part in (*(dimension.parts or ()), *([dimension.below] if dimension.below else [])):
            names |= self.names_of(part)
        return names

    def label(self, key: str, dimension: Dimension, path: tuple[str, ...] = ()) -> pl.Expr:
        """The label's text over the records: of several columns joined, the parent's behind it.

        `path` is the header path of the value column, for a label that stands in the header.
        """
        if dimension.header is not None:
            label = pl.lit(path[dimension.header - 1] if dimension.header <= len(path) else "")
        elif dimension.template is not None:
            label = self._coded(dimension.template)
        elif dimension.label_columns():
            texts = [self.text(name).fill_null("") for name in dimension.label_columns()]
            label = pl.concat_str(texts, separator=SEPARATOR)
        elif dimension.parts:
            parts = [self.label(f"{key}.{i}", part, path) for i, part in enumerate(dimension.parts)]
            label = pl.concat_str(parts, separator=" ", ignore_nulls=True)
        else:
            label = pl.col(f"={key}")
        if dimension.below is not None:
            above = self.label(f"{key}.below", dimension.below, path)
            label = pl.concat_str([label.fill_null(""), above.fill_null("")], separator=SEPARATOR)
        return label

    def _coded(self, template: Template) -> pl.Expr:
        """A code made of columns; null where a column outside brackets is blank: half a code is no code."""
        groups = []
        for optional, pieces in template.groups:
            texts = [
                pl.lit(literal)
                if column is None
                else pl.concat_str([pl.lit(literal), self.text(column).str.strip_chars()])
                for literal, column in pieces
            ]
            group = pl.concat_str(texts)
            groups.append(group.fill_null("") if optional else group)
        return pl.concat_str(groups)
