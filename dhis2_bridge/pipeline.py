"""The walk: files to data values, checked and arranged, with what was found on the way. The library's front door."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import polars as pl

from dhis2_bridge import checks, cumulative, layout, mapping_file, payload, recognise, runs, sources, totals
from dhis2_bridge import snapshot as snapshots
from dhis2_bridge._version import __version__
from dhis2_bridge.bound import ReadDate, evident_date
from dhis2_bridge.columns import Columns
from dhis2_bridge.converter import Converter
from dhis2_bridge.findings import Finding, OtherInstance, Unreadable, as_findings, empty, frame
from dhis2_bridge.mapping import Mapping, MappingTable
from dhis2_bridge.snapshot import Snapshot
from dhis2_bridge.values import Sheet, Source, empty_values

GRID_ROWS: Final = 200_000
"""Rows of delimited text that are read whole, for mappings that read it as a form."""

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


@dataclass(slots=True)
class Conversion:
    """What files became.

    `values` (`values.VALUES_SCHEMA`) holds every value read, in the order of the payload, with `refused` saying what
    keeps one back; `findings` everything that was found (`findings.FINDINGS_SCHEMA`).
    """

    values: pl.DataFrame
    findings: pl.DataFrame
    inputs: list[Input]
    mappings: list[Mapping]
    snapshot: Snapshot
    given: dict[str, str] = field(default_factory=dict)

    @property
    def ready(self) -> pl.DataFrame:
        """The values that are sent."""
        return self.values.filter(pl.col("refused").is_null())

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return int((self.findings["severity"] == "error").sum())

    @property
    def exit_code(self) -> int:
        """0 when everything that was read can be sent, 3 when anything was refused."""
        return 3 if self.errors else 0

    def chunks(self) -> Iterator[payload.Chunk]:
        """The bodies to post."""
        return payload.chunks(self.values)

    def counts(self) -> dict[str, int]:
        """Files, reports, data elements, values ready and left out, findings by severity, chunks."""
        ready = self.ready
        refused = self.values.filter(pl.col("refused").is_not_null())
        severities = self.findings["severity"].value_counts()
        by_severity = dict(severities.cast({"severity": pl.String}).iter_rows())
        report = ("data_set", "org_unit", "period", "attribute_option_combo")
        return {
            "files": len(self.inputs),
            "reports": ready.select(report).n_unique() if ready.height else 0,
            "data_elements": ready["data_element"].n_unique() if ready.height else 0,
            "values_ready": ready.height,
            "values_left_out": refused.filter(pl.col("refused") != "value.repeated").height,
            "values_repeated": refused.filter(pl.col("refused") == "value.repeated").height,
            "errors": by_severity.get("error", 0),
            "warnings": by_severity.get("warning", 0),
            "chunks": int(ready["chunk"].max() or 0) if ready.height else 0,  # type: ignore[arg-type]
        }

    def about(self) -> dict[str, Any]:
        """What `run.json` says of this conversion."""
        identity = self.snapshot.identity
        return {
            "dhis2_bridge": __version__,
            "mappings": [{"mapping": m.mapping, "version": m.version, "sha256": m.sha256} for m in self.mappings],
            "snapshot": {
                "system_id": identity.system_id,
                "version": identity.version_text,
                "base_url": identity.base_url,
                "sha256": identity.sha256,
            },
            "given": self.given,
            "inputs": [
                {"name": i.name, "format": i.format, "sha256": i.sha256, "mapping": i.mapping, "evidence": i.evidence}
                for i in self.inputs
            ],
            "counts": self.counts(),
        }

    def write(self, folder: Path | str) -> None:
        """Writes the run folder (`runs`), whole or not at all. Raises UsageError when something else stands there."""
        runs.write(Path(folder), self.about(), self.values, self.findings, self.chunks())


def convert(
    files: Path | str | Sequence[Path | str],
    mapping: Mapping | Path | str | Sequence[Mapping | Path | str],
    snapshot: Snapshot | Path | str,
    *,
    given: MappingType[str, str] | None = None,
    previous: pl.DataFrame | None = None,
    all_or_nothing: bool = False,
    chunk_size: int = payload.DEFAULT_SIZE,
    stdin: IO[bytes] | None = None,
    on_progress: Progress | None = None,
) -> Conversion:
    """The data values of files, through the mapping that recognises each, checked against a snapshot.

    `files` are paths, folders, globs or "-" for `stdin`. `given` are dimensions that the caller knows (`period`,
    `org_unit`), `previous` the values of earlier periods for cumulative forms. With `all_or_nothing` one refused value
    keeps all of them back. Writes nothing. A file that cannot be read is a finding; UsageError and its kinds are
    raised for a path that is not there, a broken mapping, or one of another instance than the snapshot.
    """
    held = snapshot if isinstance(snapshot, Snapshot) else snapshots.load(snapshot)
    many = [mapping] if isinstance(mapping, Mapping | Path | str) else list(mapping)
    mappings = [one if isinstance(one, Mapping) else mapping_file.load(one) for one in many]
    for one in mappings:
        bound_to(one, held)
    walk = _Walk(mappings, held, dict(given or {}), previous)
    expanded = sources.expand([files] if isinstance(files, Path | str) else list(files))
    walk.found.append(frame(Finding("file.left_out", str(path)) for path in expanded.left_out))
    for number, path in enumerate(expanded.files, start=1):
        walk.file(path, stdin)
        if on_progress is not None:
            on_progress(number, len(expanded.files), str(path))
    return walk.finish(chunk_size, all_or_nothing=all_or_nothing)


def bound_to(mapping: Mapping, snapshot: Snapshot) -> None:
    """Raises OtherInstance when a mapping is bound to another instance than the snapshot's."""
    if mapping.instance is None:
        return
    identity = snapshot.identity
    known = {text.rstrip("/") for text in (identity.system_id, identity.base_url) if text}
    if known and mapping.instance.rstrip("/") not in known:
        raise OtherInstance(
            f"{mapping.path}:{mapping.line(('instance',))}: the mapping is for instance {mapping.instance}, "
            f"the snapshot {snapshot.source} is of {' / '.join(sorted(known))}"
        )


class _Walk:
    """The state of one conversion: what was found and made so far."""

    def __init__(
        self, mappings: list[Mapping], snapshot: Snapshot, given: dict[str, str], previous: pl.DataFrame | None
    ) -> None:
        self.mappings = mappings
        self.snapshot = snapshot
        self.given = given
        self.previous = previous
        self.inputs: list[Input] = []
        self.found: list[pl.DataFrame] = [empty()]
        self.values: list[pl.DataFrame] = [empty_values()]
        self.cumulative: list[int] = [0]
        self.totals: dict[str, list[pl.DataFrame]] = {}
        self._hashes: dict[str, str] = {}
        self._converters: dict[int, Converter] = {}
        self._blocks: dict[int, tuple[Mapping, MappingTable, list[layout.Block]]] = {}
        self._tables: dict[int, list[MappingTable]] = {}

    # -- one file ------------------------------------------------------------------------------------------------

    def file(self, path: Path | str, stdin: IO[bytes] | None) -> None:
        """Reads one file and converts it; a file that cannot be read leaves a finding."""
        try:
            source, mapping = self._open(path, stdin)
        except Unreadable as unreadable:
            self._note(unreadable.finding)
            self.inputs.append(Input(str(path), "", "", {}, None))
            return
        taken = mapping.mapping if isinstance(mapping, Mapping) else None
        self.inputs.append(Input(source.name, source.format, source.sha256, dict(source.evidence), taken))
        for finding in source.findings:
            self._note(finding)
        if (other := self._hashes.setdefault(source.sha256, source.name)) != source.name:
            self._note(Finding("file.repeated", source.name, arguments={"other": other}))
        if isinstance(mapping, Finding):
            self._note(mapping)
            return
        for table in self._tables_of(mapping):
            if source.sheets:
                self._sheets(source, mapping, table)
            else:
                self._records(source, mapping, table)

    def _tables_of(self, mapping: Mapping) -> list[MappingTable]:
        """The tables of a mapping; one of loose cells as a table of records."""
        if id(mapping) not in self._tables:
            self._tables[id(mapping)] = [
                layout.loose_table(table) if table.loose_cells is not None else table for table in mapping.tables
            ]
        return self._tables[id(mapping)]

    def _open(self, path: Path | str, stdin: IO[bytes] | None) -> tuple[Source, Mapping | Finding]:
        """The opened file and its mapping: opened by the declarations of the only mapping, or by its own evidence."""
        if len(self.mappings) == 1:
            source = self._opened(path, stdin, self.mappings[0])
            return source, recognise.choose(source, self.mappings)
        source = self._opened(path, stdin, None)
        mapping = recognise.choose(source, self.mappings)
        if isinstance(mapping, Mapping):
            source = self._opened(path, stdin, mapping)
        return source, mapping

    @staticmethod
    def _opened(path: Path | str, stdin: IO[bytes] | None, mapping: Mapping | None) -> Source:
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
            }
        return sources.open_source(path, stream=stdin, **declared)

    def _note(self, finding: Finding) -> None:
        self.found.append(frame([finding]))

    # -- sheets --------------------------------------------------------------------------------------------------

    def _sheets(self, source: Source, mapping: Mapping, table: MappingTable) -> None:
        """Lays out the sheets that the table is in. They are converted at the end, many as few frames."""
        declared = bool(table.source.sheets)
        is_wanted = names.globs(table.source.sheets) if declared else None
        taken = 0
        unmatched: list[Sheet] = []
        problems: list[Finding] = []
        for sheet in source.sheets:
            if not sheet.visible or (is_wanted is not None and not is_wanted(sheet.sheet or "")):
                continue
            blocks, found = self._laid_out(sheet, table)
            if blocks is None:
                unmatched.append(sheet)
                problems.extend(found)
                continue
            for finding in found:
                self._note(finding)
            self._keep(mapping, table, blocks)
            taken += 1
        if unmatched and (declared or not taken):
            for finding in problems:
                self._note(finding)
        elif unmatched:
            names = ", ".join(sheet.sheet or "" for sheet in unmatched)
            self._note(Finding("sheet.unmatched", source.name, arguments={"sheets": names}))
        if is_wanted is not None and not taken and not unmatched:
            seen = [sheet.sheet for sheet in source.sheets]
            arguments = {"wanted": list(table.source.sheets), "seen": seen}
            self._note(Finding("table.not_found", source.name, arguments=arguments))

    def _keep(self, mapping: Mapping, table: MappingTable, blocks: list[layout.Block]) -> None:
        self._blocks.setdefault(id(table), (mapping, table, []))[2].extend(blocks)

    def _laid_out(self, sheet: Sheet, table: MappingTable) -> tuple[list[layout.Block] | None, list[Finding]]:
        """The blocks of a sheet, or None with the reasons where the table is not in it."""
        if table.loose_cells_table() is not None:
            block = layout.loose_block(sheet, table, self.given)
            for finding in layout.cell_findings(block, set(), set(block.columns)):
                self._note(finding)
            return [block], []
        blocks, found = layout.lay_out(sheet, table, self.given)
        for block in blocks:
            columns = Columns(block.header, table, coalesce=False)
            if columns.problems:
                at = block.header_row
                told = [
                    Finding(p.code, sheet.source, sheet.sheet, at, None, p.found, p.arguments) for p in columns.problems
                ]
                return None, [*found, *told]
            self._prepare(block, columns, table)
        return (blocks, found) if blocks else (None, found)

    def _prepare(self, block: layout.Block, columns: Columns, table: MappingTable) -> None:
        """Dates become periods where the cell is typed as one; faults and notes of cells that are read are told."""
        labels = {number for numbers in columns.numbers.values() for number in numbers}
        layout.read_dates(block, table, columns.numbers)
        for finding in layout.cell_findings(block, labels, set(columns.value_columns())):
            self._note(finding)

    # -- records -------------------------------------------------------------------------------------------------

    def _records(self, source: Source, mapping: Mapping, table: MappingTable) -> None:
        """Converts a delimited file or a document in batches."""
        held = source.table
        if held is None:
            return
        if layout.needs_sheet(table):
            sheet = held.grid(GRID_ROWS)
            self._take_new(source, held.findings)
            blocks, found = self._laid_out(sheet, table)
            for finding in found:
                self._note(finding)
            self._keep(mapping, table, blocks or [])
            return
        header = layout.Header(tuple((name.strip(),) for name in held.header))
        coalesce = source.format in recognise.DOCUMENTS
        converter = self._converter(mapping, table, coalesce=coalesce, read_date=self._order_of(source, table, header))
        for batch in held.batches():
            records = layout.as_records(batch, held, table, self.given)
            self._take(mapping, table, converter, records, header)
        self._take_new(source, held.findings)

    def _take_new(self, source: Source, findings: Iterable[Finding]) -> None:
        """Findings that reading a table has added to those that opening it gave."""
        for finding in findings:
            if finding not in source.findings:
                self._note(finding)

    def _order_of(self, source: Source, table: MappingTable, header: layout.Header) -> ReadDate | None:
        """How the dates of a period column are read, where the whole column has to tell the order."""
        if table.period is None or table.period.date != "evidence" or source.table is None:
            return None
        columns = Columns(header, table, coalesce=source.format in recognise.DOCUMENTS)
        label = columns.label("period", table.period)
        texts: Iterator[str] = (
            text
            for batch in source.table.batches()
            for text in layout.as_records(batch, source.table, table, self.given)
            .select(label.alias("label"))["label"]
            .unique()
            .drop_nulls()
        )
        return evident_date(texts)

    def _converter(
        self, mapping: Mapping, table: MappingTable, *, coalesce: bool = False, read_date: ReadDate | None = None
    ) -> Converter:
        """The converter of a table, kept over files; one whose dates a file decides is made anew."""
        if read_date is not None:
            return Converter(mapping.path, table, self.snapshot, self.given, coalesce=coalesce, read_date=read_date)
        if id(table) not in self._converters:
            self._converters[id(table)] = Converter(mapping.path, table, self.snapshot, self.given, coalesce=coalesce)
        return self._converters[id(table)]

    def _take(
        self, mapping: Mapping, table: MappingTable, converter: Converter, records: pl.DataFrame, header: layout.Header
    ) -> None:
        """Converts records and keeps what they became."""
        if records.is_empty():
            return
        converted = converter.convert(records, header)
        found = [as_findings(one) for one in converted.findings]
        values, totals_found = converted.values, converted.totals
        if mapping.recognise is not None and mapping.recognise.periods:
            values, late = recognise.in_force(values, mapping)
            found.append(late)
        if table.source.transpose:
            values, totals_found = layout.turned(values), layout.turned(totals_found)
            found = [layout.turned(one) for one in found]
        self.values.append(values)
        self.cumulative.append(values.height if table.cumulative else -values.height)
        self.totals.setdefault(table.totals, []).append(totals_found)
        self.found.extend(found)

    # -- the end -------------------------------------------------------------------------------------------------

    def finish(self, chunk_size: int, *, all_or_nothing: bool) -> Conversion:
        """Converts what was laid out, checks everything together, and arranges it for sending."""
        for mapping, table, blocks in self._blocks.values():
            for header, alike, records in layout.records(blocks, table):
                converter = self._converter(mapping, table, read_date=self._order_in(table, header, alike))
                self._take(mapping, table, converter, records, header)
        values = pl.concat(self.values)
        element_names = {uid: element.name for uid, element in self.snapshot.data_elements.items()}
        for mode, parts in self.totals.items():
            values, found = totals.check(values, pl.concat(parts), element_names, mode)
            self.found.append(found)
        if any(count > 0 for count in self.cumulative):
            rows = pl.concat([pl.repeat(n > 0, abs(n), dtype=pl.Boolean, eager=True) for n in self.cumulative])
            values, found = cumulative.difference(values, self.previous, rows)
            self.found.append(found)
        values, found = checks.check(values, self.snapshot)
        self.found.append(found)
        findings = pl.concat(self.found)
        findings = pl.concat([findings, self._without_data(values, findings)])
        if all_or_nothing and (findings["severity"] == "error").any():
            values = values.with_columns(pl.col("refused").fill_null("all_or_nothing"))
        values = payload.arrange(values, chunk_size)
        return Conversion(values, findings, self.inputs, self.mappings, self.snapshot, self.given)

    @staticmethod
    def _order_in(table: MappingTable, header: layout.Header, alike: list[layout.Block]) -> ReadDate | None:
        """How dates of a period are read in sheets, where the column has to tell their order."""
        if table.period is None or table.period.date != "evidence":
            return None
        named = table.period.label_columns()
        numbers = header.find(table.labels(named[0])) if named else []
        return evident_date(layout.texts_of(alike, "period", numbers[0] if numbers else None))

    def _without_data(self, values: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
        """A finding for each file that gave neither a value nor an error: silence is no success."""
        told = {*values["source"].unique(), *findings.filter(pl.col("severity") == "error")["source"].unique()}
        return frame(Finding("file.no_data", one.name) for one in self.inputs if one.name not in told)
