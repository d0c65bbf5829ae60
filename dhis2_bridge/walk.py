"""The walk from files to arranged cells, a part at a time: open, recognise, lay out, convert, check, arrange.

Small files are converted as they come and held; long ones are looked at first, to learn which reports lie in one piece
(`reports`), and then converted in batches. What comes out are whole reports, so memory does not grow with the input.
"""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

import polars as pl

from dhis2_bridge import checks, cumulative, layout, names, payload, recognise, sources, totals
from dhis2_bridge.bound import ReadDate, evident_date
from dhis2_bridge.columns import Columns
from dhis2_bridge.converter import Converter
from dhis2_bridge.findings import Finding, Unreadable, as_findings, frame
from dhis2_bridge.mapping import Mapping, MappingTable
from dhis2_bridge.registers import Registers
from dhis2_bridge.reports import Pieces, Reports
from dhis2_bridge.snapshot import Snapshot
from dhis2_bridge.sources.delimited import DelimitedTable
from dhis2_bridge.sources.fhir_pool import Pool
from dhis2_bridge.steps import Steps, ahead
from dhis2_bridge.values import Sheet, Source, Table

GRID_ROWS: Final = 200_000
"""Rows of delimited text that are read whole, for mappings that read it as a form."""

LONG: Final = 24 << 20
"""Bytes from which a file of records is looked at first and then streamed."""

FORMS: Final = 300
"""Sheets that are laid out before they are converted together: enough to make it cheap, few enough to hold."""

Progress = Callable[[int, int, str], None]
"""Told after each file: how many are done, of how many, and the file's name."""


@dataclass(frozen=True, slots=True)
class Input:
    """One file that was read: its name, format, SHA-256 and what was recognised; the mapping that took it."""

    name: str
    format: str
    sha256: str
    evidence: MappingType[str, str | int]
    mapping: str | None


class Walk:
    """One conversion: give it files, take the parts that come out, then look at what was found.

    `found` grows with every part, as do `inputs` and `steps`.
    """

    def __init__(
        self,
        mappings: list[Mapping],
        snapshot: Snapshot,
        given: MappingType[str, str],
        previous: pl.DataFrame | None = None,
        chunk_size: int = payload.DEFAULT_SIZE,
    ) -> None:
        self.inputs: list[Input] = []
        self._found: list[pl.DataFrame] = []
        self._found_later: list[pl.DataFrame] = []
        self.steps = Steps()
        self._mappings = mappings
        self._snapshot = snapshot
        self._given = given
        self._previous = previous
        self._chunk_size = chunk_size
        self._chunks = 0
        self._element_names = {uid: element.name for uid, element in snapshot.data_elements.items()}
        self._hashes: dict[str, str] = {}
        self._heard_of: set[str | None] = set()
        self._converters: dict[int, Converter] = {}
        self._data_sets: dict[str, int] = {}
        self._tables: dict[int, list[MappingTable]] = {}
        self._blocks: dict[int, tuple[Mapping, MappingTable, list[layout.Block]]] = {}
        self._forms = 0
        self._laid: list[tuple[list[layout.Block], list[Finding]]] = []
        self._seen_headers: dict[tuple[int, layout.Header], Columns] = {}
        self._registers = Registers(mappings, given, self._note, self.steps)

    def parts(
        self, files: Iterable[str | Path], stdin: BinaryIO | None = None, on_progress: Progress | None = None
    ) -> Iterator[pl.DataFrame]:
        """The arranged cells of all files (`payload.arrange`), whole reports at a time.

        Raises UsageError for a path that is not there and for a mapping that the snapshot does not bear out.
        """
        self._registers.check_period(alone=all(one.workforce is not None for one in self._mappings))
        expanded = sources.expand(files)
        for path in expanded.left_out:
            self._note(Finding("file.left_out", sources.spelled(path)))
        pieces, reports = Pieces(), Reports()
        long: list[tuple[Source, Mapping]] = []
        try:
            for number, path in enumerate(expanded.files, start=1):
                for source, mapping in self._opened(path, stdin):
                    if mapping.workforce is not None:
                        self._registers.take(source, mapping)
                    elif source.table is not None and source.size >= LONG and not self._is_form(mapping):
                        self._look_at(source, mapping, pieces)
                        long.append((source, mapping))
                    else:
                        self._read(source, mapping, reports)
                if on_progress is not None:
                    on_progress(number, len(expanded.files), str(path))
            self._convert_forms(reports)
            for cells in self._registers.cells(
                self._converter, self._converted, self._add, self._previous, self._snapshot
            ):
                reports.hold(cells)
            reports.one_piece(pieces.whole())
            whole = self._whole(long, reports)
            for ready in ahead(whole) if long else whole:
                yield self._finished(ready)
        finally:
            reports.close()
        for one in self.inputs:
            # A file that gave neither a value nor an error: silence is no success.
            if one.name not in self._heard_of | self._registers.heard_of:
                self._note(Finding("file.no_data", one.name))

    @property
    def found(self) -> list[pl.DataFrame]:
        """What was found: first all that reading and converting found, then what checking whole reports did."""
        return [*self._found, *self._found_later]

    # -- opening -------------------------------------------------------------------------------------------------

    def _opened(self, path: Path, stdin: BinaryIO | None) -> Iterator[tuple[Source, Mapping]]:
        """The file and the mapping that recognises it; nothing for one that cannot be read or recognised."""
        try:
            with self.steps.timed("open"):
                source, mapping = self._registers.guarded(partial(self._open, path, stdin))
        except Unreadable as unreadable:
            self._registers.note_of_file(unreadable.finding, None)
            self.inputs.append(Input(sources.spelled(path), "", "", {}, None))
            return
        taken = mapping.mapping if isinstance(mapping, Mapping) else None
        self.inputs.append(Input(source.name, source.format, source.sha256, dict(source.evidence), taken))
        for finding in source.findings:
            self._registers.note_of_file(finding, mapping)
        if (other := self._hashes.setdefault(source.sha256, source.name)) != source.name:
            self._note(Finding("file.repeated", source.name, arguments={"other": other}))
            if isinstance(mapping, Mapping) and mapping.workforce is not None:
                # Values given twice are found; contracts given twice would be posts filled twice.
                self._heard_of.add(source.name)
                return
        if isinstance(mapping, Mapping):
            yield source, mapping
        else:
            self._note(mapping)

    def _open(self, path: Path, stdin: BinaryIO | None) -> tuple[Source, Mapping | Finding]:
        """Opened by the declarations of the only mapping; of several, by the file's own evidence and then by them."""
        self._registers.refuse_streams(path)
        file: Path | sources.Spool = path if str(path) != "-" else sources.Spool(stdin, "-")
        if len(self._mappings) == 1:
            source = open_for(file, path, self._mappings[0], self._registers.pool_of(self._mappings[0]))
            return source, recognise.choose(source, self._mappings)
        source = open_for(file, path, None)
        mapping = recognise.choose(source, self._mappings)
        if isinstance(mapping, Mapping) and (source.table is not None or mapping.workforce is not None):
            source = open_for(file, path, mapping, self._registers.pool_of(mapping))
        return source, mapping

    def _is_form(self, mapping: Mapping) -> bool:
        return any(layout.needs_sheet(table) for table in self._tables_of(mapping))

    def _tables_of(self, mapping: Mapping) -> list[MappingTable]:
        """The tables of a mapping; one of loose cells as a table of records."""
        if id(mapping) not in self._tables:
            self._tables[id(mapping)] = [
                layout.loose_table(table) if table.loose_cells is not None else table for table in mapping.tables
            ]
        return self._tables[id(mapping)]

    # -- small files ---------------------------------------------------------------------------------------------

    def _read(self, source: Source, mapping: Mapping, reports: Reports) -> None:
        """Converts a small file; its cells are held, because other files may go on with its reports."""
        for table in self._tables_of(mapping):
            if source.sheets:
                self._sheets(source, mapping, table)
            elif isinstance(source.table, DelimitedTable) and layout.needs_sheet(table):
                self._form_of_records(source, source.table, mapping, table)
            else:
                for cells in self._records(source, mapping, table):
                    reports.hold(cells)
        blocks = [block for laid, _ in self._laid for block in laid]
        for _, found in self._laid:
            for finding in layout.outside_all(found, blocks):
                self._note(finding)
        self._laid = []
        if self._forms >= FORMS:
            self._convert_forms(reports)

    def _sheets(self, source: Source, mapping: Mapping, table: MappingTable) -> None:
        """Lays out the sheets that the table is in."""
        declared = bool(table.source.sheets)
        is_wanted = names.globs(table.source.sheets) if declared else None
        taken = 0
        unmatched: list[Sheet] = []
        problems: list[Finding] = []
        for sheet in self.steps.each("read", source.sheets):
            if not sheet.visible or (is_wanted is not None and not is_wanted(sheet.sheet or "")):
                continue
            blocks, found = self._laid_out(sheet, table)
            if blocks is None:
                unmatched.append(sheet)
                problems.extend(found)
                continue
            self._keep(mapping, table, blocks, found)
            taken += 1
        if unmatched and (declared or not taken):
            for finding in problems:
                self._note(finding)
        elif unmatched:
            listed = ", ".join(sheet.sheet or "" for sheet in unmatched)
            self._note(Finding("sheet.unmatched", source.name, arguments={"sheets": listed}))
        if is_wanted is not None and not taken and not unmatched:
            seen = [sheet.sheet for sheet in source.sheets]
            arguments = {"wanted": list(table.source.sheets), "seen": seen}
            self._note(Finding("table.not_found", source.name, arguments=arguments))

    def _form_of_records(self, source: Source, table: DelimitedTable, mapping: Mapping, wanted: MappingTable) -> None:
        """Lays out a form that was saved as delimited text."""
        before = list(table.findings)
        try:
            sheet = table.grid(GRID_ROWS)
        except Unreadable as unreadable:
            self._note(unreadable.finding)
            return
        self._note_new(table.findings, [*before, *source.findings])
        blocks, found = self._laid_out(sheet, wanted)
        self._keep(mapping, wanted, blocks or [], found)

    def _laid_out(self, sheet: Sheet, table: MappingTable) -> tuple[list[layout.Block] | None, list[Finding]]:
        """The blocks of a sheet, or None with the reasons where the table is not in it."""
        with self.steps.timed("lay out"):
            if table.loose_cells_table() is not None:
                block = layout.loose_block(sheet, table, self._given)
                return [block], list(layout.cell_findings(block, set(), set(block.columns)))
            blocks, found = layout.lay_out(sheet, table, self._given)
            for block in blocks:
                columns = self._columns(block.header, table)
                if columns.problems:
                    turned = table.source.transpose
                    row, column = (None, block.header_row) if turned else (block.header_row, None)
                    at = (sheet.source, sheet.sheet, row, column)
                    return None, [*found, *(Finding(p.code, *at, p.found, p.arguments) for p in columns.problems)]
                labels = {number for numbers in columns.numbers.values() for number in numbers}
                layout.read_dates(block, table, columns.numbers)
                found.extend(layout.cell_findings(block, labels, set(columns.value_columns())))
            return (blocks, found) if blocks else (None, found)

    def _columns(self, header: layout.Header, table: MappingTable) -> Columns:
        """The columns that a mapping reads of a header: asked once for each header, which many forms share."""
        key = (id(table), header)
        if key not in self._seen_headers:
            if len(self._seen_headers) > FORMS:
                self._seen_headers.clear()
            self._seen_headers[key] = Columns(header, table, coalesce=False)
        return self._seen_headers[key]

    def _keep(
        self, mapping: Mapping, table: MappingTable, blocks: list[layout.Block], found: Iterable[Finding]
    ) -> None:
        self._laid.append((blocks, list(found)))
        self._blocks.setdefault(id(table), (mapping, table, []))[2].extend(blocks)
        self._forms += len(blocks)

    def _convert_forms(self, reports: Reports) -> None:
        """Converts what was laid out: the blocks with one header as one frame."""
        for mapping, table, blocks in self._blocks.values():
            for header, alike, records in layout.records(blocks, table):
                converter = self._converter(mapping, table, read_date=self._order_in(table, header, alike))
                reports.hold(self._converted(mapping, table, converter, records, header))
        self._blocks, self._forms = {}, 0

    # -- records -------------------------------------------------------------------------------------------------

    def _records(self, source: Source, mapping: Mapping, table: MappingTable) -> Iterator[pl.DataFrame]:
        """The cells of a delimited file or a document, in batches."""
        held = source.table
        if held is None:
            return
        header = _header(held)
        converter = self._converter(
            mapping, table, coalesce=_is_document(source), read_date=self._order_of(source, held, table, header)
        )
        try:
            for batch in self._batches(held):
                records = layout.as_records(batch, held, table, self._given)
                yield self._converted(mapping, table, converter, records, header)
        except Unreadable as unreadable:
            self._note(unreadable.finding)
        self._note_new(held.findings, source.findings)

    def _look_at(self, source: Source, mapping: Mapping, pieces: Pieces) -> None:
        """The first pass over a long file: which reports lie in one piece."""
        held = source.table
        tables = self._tables_of(mapping)
        if held is None or len(tables) > 1:
            return
        header = _header(held)
        converter = self._converter(
            mapping, tables[0], coalesce=_is_document(source), read_date=self._order_of(source, held, tables[0], header)
        )
        try:
            for batch in self._batches(held, converter.report_columns(header)):
                with self.steps.timed("look"):
                    records = layout.as_records(batch, held, tables[0], self._given)
                    pieces.add(converter.reports(records, header))
        except Unreadable:
            pass  # the second pass says so
        pieces.end_of_file()

    def _whole(self, long: list[tuple[Source, Mapping]], reports: Reports) -> Iterator[pl.DataFrame]:
        """The cells of whole reports: those of long files as they pass by, then all that was held."""
        for source, mapping in long:
            for table in self._tables_of(mapping):
                for cells in self._records(source, mapping, table):
                    if (ready := reports.add(cells)) is not None:
                        yield ready
        yield from reports.rest()

    def _batches(self, table: Table, only: list[int] | None = None) -> Iterator[pl.DataFrame]:
        """The batches of a table; of a delimited one, where a look is enough, some columns only."""
        batches = table.batches(only) if only and isinstance(table, DelimitedTable) else table.batches()
        return ahead(self.steps.each("read", batches))

    def _order_of(self, source: Source, held: Table, table: MappingTable, header: layout.Header) -> ReadDate | None:
        """How the dates of a period column are read, where the whole column has to tell the order."""
        if table.period is None or table.period.date != "evidence":
            return None
        label = Columns(header, table, coalesce=_is_document(source)).label("period", table.period)
        return evident_date(
            text
            for batch in self._batches(held)
            for text in layout.as_records(batch, held, table, self._given)
            .select(label.alias("label"))["label"]
            .unique()
            .drop_nulls()
        )

    @staticmethod
    def _order_in(table: MappingTable, header: layout.Header, alike: list[layout.Block]) -> ReadDate | None:
        """How dates of a period are read in sheets, where the column has to tell their order."""
        if table.period is None or table.period.date != "evidence":
            return None
        named = table.period.label_columns()
        numbers = header.find(table.labels(named[0])) if named else []
        return evident_date(layout.texts_of(alike, "period", numbers[0] if numbers else None))

    # -- converting ----------------------------------------------------------------------------------------------

    def _converter(
        self,
        mapping: Mapping,
        table: MappingTable,
        *,
        coalesce: bool = False,
        read_date: ReadDate | None = None,
    ) -> Converter:
        """The converter of a table, kept over files; one whose dates a file decides is made anew."""
        number = self._data_sets.setdefault(table.data_set, len(self._data_sets))
        if read_date is None and id(table) in self._converters:
            return self._converters[id(table)]
        made = Converter(
            mapping.path, table, self._snapshot, self._given, number=number, coalesce=coalesce, read_date=read_date
        )
        if read_date is None:
            self._converters[id(table)] = made
        return made

    def _converted(
        self,
        mapping: Mapping,
        table: MappingTable,
        converter: Converter,
        records: pl.DataFrame,
        header: layout.Header,
        told: Callable[[list[pl.DataFrame]], list[pl.DataFrame]] = list,
    ) -> pl.DataFrame:
        """The cells of records; what was found on the way is kept."""
        with self.steps.timed("convert"):
            converted = converter.convert(records, header)
            cells = converted.cells
            found = [as_findings(one) for one in told(converted.findings)]
            if mapping.recognise is not None and mapping.recognise.periods:
                cells, late = recognise.in_force(cells, mapping)
                found.append(late)
            if table.source.transpose:
                cells = layout.turned(cells)
                found = [layout.turned(one) for one in found]
        self._heard_of.update(cells["source"].unique())
        for one in found:
            self._add(one)
        return cells

    def _finished(self, cells: pl.DataFrame) -> pl.DataFrame:
        """Whole reports, checked and arranged."""
        with self.steps.timed("check"):
            values, parts = cells, cells["parts"]
            if parts.null_count() < len(parts):
                values = cells.filter(parts.is_null())
                values, found = totals.check(values, cells.filter(parts.is_not_null()), self._element_names)
                self._add(found, self._found_later)
            values = payload.in_payload_order(values)
            if values["cumulative"].any():
                values, found = cumulative.difference(values, self._previous, self._snapshot)
                self._add(found, self._found_later)
            values, found = checks.check(values, self._snapshot)
            self._add(found, self._found_later)
        with self.steps.timed("arrange"):
            arranged = payload.arrange(values, self._chunk_size, self._chunks)
            last = arranged["chunk"].max()
            self._chunks = last if isinstance(last, int) else self._chunks
        return arranged

    # -- what was found ------------------------------------------------------------------------------------------

    def _note(self, finding: Finding) -> None:
        self._add(frame([finding]))

    def _note_new(self, findings: Iterable[Finding], known: Iterable[Finding]) -> None:
        """Findings that reading a table has added to those that opening it gave."""
        told = list(known)
        for finding in findings:
            if finding not in told:
                self._note(finding)

    def _add(self, found: pl.DataFrame, to: list[pl.DataFrame] | None = None) -> None:
        if found.height:
            (self._found if to is None else to).append(found)
            self._heard_of.update(found.filter(pl.col("severity") == "error")["source"].unique())


def open_for(file: "Path | sources.Spool", path: Path, mapping: Mapping | None, pool: Pool | None = None) -> Source:
    """A file opened as a mapping declares it, with the resources of others in a pool."""
    declared: dict[str, Any] = {}
    if mapping is not None:
        options = mapping.tables[0].source
        declared = {
            "format": "csv" if options.format == "tsv" else options.format,
            "encoding": options.encoding,
            "delimiter": options.delimiter or ("\t" if options.format == "tsv" else None),
            "quote": options.quote,
            "records": options.records,
            "header_row": options.header.row,
            "systems": options.systems.model_dump() if options.systems is not None else None,
            "extensions": options.extensions,
            "pool": pool,
            "keep_numbers": mapping.workforce is not None,
        }
    return sources.open_source(file, name=str(path), **declared)


def _header(table: Table) -> layout.Header:
    return layout.Header(tuple((name.strip(),) for name in table.header))


def _is_document(source: Source) -> bool:
    return source.format in recognise.DOCUMENTS
