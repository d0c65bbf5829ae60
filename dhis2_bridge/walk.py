"""The walk from files to arranged cells, a part at a time: open, recognise, lay out, convert, check, arrange.

Small files are converted as they come and held; long ones are looked at first, to learn which reports lie in one piece
(`reports`), and then converted in batches. What comes out are whole reports, so memory does not grow with the input.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from collections.abc import Mapping as MappingType
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import polars as pl

from dhis2_bridge import checks, cumulative, layout, payload, recognise, sources, totals
from dhis2_bridge.bound import ReadDate, evident_date
from dhis2_bridge.columns import Columns
from dhis2_bridge.converter import Converter
from dhis2_bridge.findings import Finding, Unreadable, as_findings, frame
from dhis2_bridge.forms import new
from dhis2_bridge.mapping import Mapping, MappingTable
from dhis2_bridge.opening import Opened, Opener
from dhis2_bridge.reports import Pieces, Reports
from dhis2_bridge.snapshot import Snapshot
from dhis2_bridge.sources.delimited import DelimitedTable
from dhis2_bridge.steps import Steps, ahead
from dhis2_bridge.values import Source, Table
from dhis2_bridge.withholding import withheld

if TYPE_CHECKING:
    from dhis2_bridge.registers import Registers

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
        jobs: int = 1,
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
        self._blocks: dict[int, tuple[Mapping, MappingTable, list[layout.Block]]] = {}
        self._forms = 0
        self._jobs = jobs
        self._opener = Opener(mappings, given, self.steps)
        self._registers: Registers | None = None
        if counting := [one for one in mappings if one.workforce is not None]:
            from dhis2_bridge import registers  # noqa: PLC0415 - few mappings count, and it is much to load

            self._registers = registers.Registers(counting, given, self._note, self.steps)

    def parts(
        self, files: Iterable[str | Path], stdin: BinaryIO | None = None, on_progress: Progress | None = None
    ) -> Iterator[pl.DataFrame]:
        """The arranged cells of all files (`payload.arrange`), whole reports at a time.

        Raises UsageError for a path that is not there and for a mapping that the snapshot does not bear out.
        """
        if self._registers:
            self._registers.check_period(alone=all(one.workforce is not None for one in self._mappings))
        expanded = sources.expand(files)
        for path in expanded.left_out:
            self._note(Finding("file.left_out", sources.spelled(path)))
        self._opener.stdin = stdin
        pieces, reports = Pieces(), Reports()
        long: list[tuple[Source, Mapping]] = []
        try:
            with closing(self._opened(expanded.files)) as files_opened:
                for number, opened in enumerate(files_opened, start=1):
                    mapping = self._accepted(opened)
                    if mapping is None or opened.source is None:
                        pass
                    elif self._registers and mapping.workforce is not None:
                        self._registers.take(opened.source, mapping)
                    elif opened.source.table is not None and opened.source.size >= LONG and not self._is_form(mapping):
                        self._look_at(opened.source, mapping, pieces)
                        long.append((opened.source, mapping))
                    else:
                        self._read(opened, opened.source, mapping, reports)
                    if on_progress is not None:
                        on_progress(number, len(expanded.files), str(opened.path))
            self._convert_forms(reports)
            if self._registers:
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
        heard_of = self._heard_of | (self._registers.heard_of if self._registers else set())
        for one in self.inputs:
            # A file that gave neither a value nor an error: silence is no success.
            if one.name not in heard_of:
                self._note(Finding("file.no_data", one.name))

    @property
    def found(self) -> list[pl.DataFrame]:
        """What was found: first all that reading and converting found, then what checking whole reports did."""
        return [*self._found, *self._found_later]

    # -- opening -------------------------------------------------------------------------------------------------

    def _opened(self, files: Sequence[Path]) -> Generator[Opened, None, None]:
        """The files, opened in their order; what may hold persons by this process, without the text of a fault."""
        if self._registers:
            for path in files:
                self._registers.refuse_streams(path)
                yield withheld(partial(self._opener.open, path))
        elif self._jobs > 1 and len(files) > 1:
            from dhis2_bridge import workers  # noqa: PLC0415 - one file needs no processes

            yield from workers.opened(files, self._opener, self._mappings, self._given, self._jobs)
        else:
            yield from map(self._opener.open, files)

    def _note_of_file(self, finding: Finding, mapping: Mapping | Finding | None) -> None:
        """Notes what opening a file found; of one that may hold persons without what stands in it."""
        may_hold_persons = not isinstance(mapping, Mapping) or mapping.workforce is not None
        self._note(self._registers.private(finding) if self._registers and may_hold_persons else finding)

    def _accepted(self, opened: Opened) -> Mapping | None:
        """The mapping of an opened file; None for one that cannot be read or recognised, or was there before."""
        source = opened.source
        if source is None:
            if opened.problem is not None:
                self._note_of_file(opened.problem, None)
            self.inputs.append(Input(sources.spelled(opened.path), "", "", {}, None))
            return None
        mapping = self._mappings[opened.mapping] if opened.mapping is not None else None
        taken = mapping.mapping if mapping is not None else None
        self.inputs.append(Input(source.name, source.format, source.sha256, dict(source.evidence), taken))
        for finding in source.findings:
            self._note_of_file(finding, mapping or opened.problem)
        if (other := self._hashes.setdefault(source.sha256, source.name)) != source.name:
            self._note(Finding("file.repeated", source.name, arguments={"other": other}))
            if mapping is not None and mapping.workforce is not None:
                # Values given twice are found; contracts given twice would be posts filled twice.
                self._heard_of.add(source.name)
                return None
        if opened.problem is not None:
            self._note(opened.problem)
        return mapping

    def _tables_of(self, mapping: Mapping) -> list[MappingTable]:
        return self._opener.forms.tables_of(mapping)

    def _is_form(self, mapping: Mapping) -> bool:
        return any(layout.needs_sheet(table) for table in self._tables_of(mapping))

    # -- small files ---------------------------------------------------------------------------------------------

    def _read(self, opened: Opened, source: Source, mapping: Mapping, reports: Reports) -> None:
        """Converts a small file; its cells are held, because other files may go on with its reports."""
        forms, tables = self._opener.forms, self._tables_of(mapping)
        laid = opened.laid if opened.laid is not None else forms.lay_out(source, mapping)
        for finding in laid.findings:
            self._note(finding)
        for number, blocks in laid.blocks:
            self._blocks.setdefault(id(tables[number]), (mapping, tables[number], []))[2].extend(blocks)
            self._forms += len(blocks)
        if opened.laid is None:
            for table in tables:
                if not forms.reads(source, table):
                    for cells in self._records(source, mapping, table):
                        reports.hold(cells)
        if self._forms >= FORMS:
            self._convert_forms(reports)

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
        for finding in new(held.findings, source.findings):
            self._note(finding)

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
        batches = table.batches(only, glance=True) if only and isinstance(table, DelimitedTable) else table.batches()
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

    def _add(self, found: pl.DataFrame, to: list[pl.DataFrame] | None = None) -> None:
        if found.height:
            (self._found if to is None else to).append(found)
            self._heard_of.update(found.filter(pl.col("severity") == "error")["source"].unique())


def _header(table: Table) -> layout.Header:
    return layout.Header(tuple((name.strip(),) for name in table.header))


def _is_document(source: Source) -> bool:
    return source.format in recognise.DOCUMENTS
