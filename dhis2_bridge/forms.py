"""Forms laid out, a file at a time: the tables of its sheets as blocks, to be converted with those of others."""

from collections.abc import Iterable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field, replace
from typing import Final

from dhis2_bridge import layout, names
from dhis2_bridge.columns import Columns
from dhis2_bridge.findings import Finding, Unreadable
from dhis2_bridge.form import HEADERS, Form
from dhis2_bridge.mapping import Mapping, MappingTable
from dhis2_bridge.sources.delimited import DelimitedTable
from dhis2_bridge.steps import Steps
from dhis2_bridge.values import Sheet, Source

GRID_ROWS: Final = 200_000
"""Rows of delimited text that are read whole, for mappings that read it as a form."""


@dataclass(slots=True)
class Laid:
    """What the forms of one file came to: blocks by the number of their table in the mapping, and what was found."""

    blocks: list[tuple[int, list[layout.Block]]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class Forms:
    """Lays out files by the tables of their mappings; what headers have in common is worked out once."""

    def __init__(self, given: MappingType[str, str], steps: Steps) -> None:
        self._given = given
        self._steps = steps
        self._tables: dict[int, tuple[Mapping, list[MappingTable]]] = {}
        self._forms: dict[int, tuple[Form, dict[layout.Header, Columns]]] = {}

    def tables_of(self, mapping: Mapping) -> list[MappingTable]:
        """The tables of a mapping; one of loose cells as a table of records."""
        if id(mapping) not in self._tables:
            tables = [layout.loose_table(table) if table.loose_cells is not None else table for table in mapping.tables]
            self._tables[id(mapping)] = (mapping, tables)
        return self._tables[id(mapping)][1]

    def reads(self, source: Source, table: MappingTable) -> bool:
        """Whether a table reads this file as a form: a workbook, or delimited text that must be seen whole."""
        return bool(source.sheets) or (isinstance(source.table, DelimitedTable) and layout.needs_sheet(table))

    def lay_out(self, source: Source, mapping: Mapping) -> Laid:
        """The blocks of a file, for the tables that read it as a form."""
        laid = Laid()
        outside: list[Finding] = []
        for number, table in enumerate(self.tables_of(mapping)):
            if source.sheets:
                blocks, found = self._sheets(source, table, laid.findings)
            elif isinstance(source.table, DelimitedTable) and self.reads(source, table):
                blocks, found = self._grid(source, source.table, table, laid.findings)
            else:
                continue
            laid.blocks.append((number, blocks))
            outside += found
        laid.findings += layout.outside_all(outside, [block for _, blocks in laid.blocks for block in blocks])
        return laid

    def _sheets(
        self, source: Source, table: MappingTable, noted: list[Finding]
    ) -> tuple[list[layout.Block], list[Finding]]:
        """The blocks of the sheets that the table is in, and what was found in those; other findings are `noted`."""
        declared = bool(table.source.sheets)
        is_wanted = names.globs(table.source.sheets) if declared else None
        taken = 0
        laid: list[layout.Block] = []
        told: list[Finding] = []
        unmatched: list[Sheet] = []
        problems: list[Finding] = []
        for sheet in self._steps.each("read", source.sheets):
            if not sheet.visible or (is_wanted is not None and not is_wanted(sheet.sheet or "")):
                continue
            blocks, found = self._laid_out(sheet, table)
            if blocks is None:
                unmatched.append(sheet)
                problems.extend(found)
                continue
            laid += blocks
            told += found
            taken += 1
        if unmatched and (declared or not taken):
            noted += problems
        elif unmatched:
            listed = ", ".join(sheet.sheet or "" for sheet in unmatched)
            noted.append(Finding("sheet.unmatched", source.name, arguments={"sheets": listed}))
        if is_wanted is not None and not taken and not unmatched:
            seen = [sheet.sheet for sheet in source.sheets]
            arguments = {"wanted": list(table.source.sheets), "seen": seen}
            noted.append(Finding("table.not_found", source.name, arguments=arguments))
        return laid, told

    def _grid(
        self, source: Source, table: DelimitedTable, wanted: MappingTable, noted: list[Finding]
    ) -> tuple[list[layout.Block], list[Finding]]:
        """The blocks of a form that was saved as delimited text."""
        before = list(table.findings)
        try:
            sheet = table.grid(GRID_ROWS)
        except Unreadable as unreadable:
            noted.append(unreadable.finding)
            return [], []
        noted += new(table.findings, [*before, *source.findings])
        blocks, found = self._laid_out(sheet, wanted)
        return blocks or [], found

    def _laid_out(self, sheet: Sheet, table: MappingTable) -> tuple[list[layout.Block] | None, list[Finding]]:
        """The blocks of a sheet, or None with the reasons where the table is not in it."""
        with self._steps.timed("lay out"):
            if table.loose_cells_table() is not None:
                block = layout.loose_block(sheet, table, self._given)
                return [block], list(layout.cell_findings(block, set(), set(block.columns)))
            if id(table) not in self._forms:
                self._forms[id(table)] = (Form(table), {})
            form, seen = self._forms[id(table)]
            blocks, found = layout.lay_out(sheet, form, self._given)
            for block in blocks:
                columns = _columns(block.header, table, seen)
                if columns.problems:
                    turned = table.source.transpose
                    row, column = (None, block.header_row) if turned else (block.header_row, None)
                    at = (sheet.source, sheet.sheet, row, column)
                    return None, [*found, *(Finding(p.code, *at, p.found, p.arguments) for p in columns.problems)]
                labels = {number for numbers in columns.numbers.values() for number in numbers}
                layout.read_dates(block, table, columns.numbers)
                found.extend(layout.cell_findings(block, labels, set(columns.value_columns)))
                # Of the sheet around it a block needs no cells any more; held, they would be twice what is converted.
                block.sheet = replace(block.sheet, rows=[], dates=frozenset(), notes={})
            return (blocks, found) if blocks else (None, found)


def new(findings: Iterable[Finding], known: Iterable[Finding]) -> list[Finding]:
    """The findings that reading a table has added to those that opening it gave."""
    told = list(known)
    return [finding for finding in findings if finding not in told]


def _columns(header: layout.Header, table: MappingTable, seen: dict[layout.Header, Columns]) -> Columns:
    """The columns that a mapping reads of a header: asked once for each header, which many forms share."""
    if header not in seen:
        if len(seen) > HEADERS:
            seen.clear()
        seen[header] = Columns(header, table, coalesce=False)
    return seen[header]
