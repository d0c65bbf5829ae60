"""Files of persons and posts within a walk: taken as they come, counted when all have come, told without content."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

import polars as pl

from dhis2_bridge import counting, counts, stocks
from dhis2_bridge.converter import Converter
from dhis2_bridge.findings import Finding, UsageError, as_findings
from dhis2_bridge.gathering import Gathering, private
from dhis2_bridge.layout import Header
from dhis2_bridge.mapping import Mapping as MappingFile
from dhis2_bridge.mapping import MappingTable
from dhis2_bridge.snapshot import Snapshot
from dhis2_bridge.steps import Steps
from dhis2_bridge.values import CELLS_SCHEMA, Source
from dhis2_bridge.withholding import withheld

if TYPE_CHECKING:
    from dhis2_bridge.sources.fhir import FhirTable

T = TypeVar("T")

Told = Callable[[list[pl.DataFrame]], list[pl.DataFrame]]


class Convert(Protocol):
    """How a walk makes cells of records; what was found on the way is passed through `told` and kept."""

    def __call__(
        self,
        mapping: MappingFile,
        table: MappingTable,
        converter: Converter,
        records: pl.DataFrame,
        header: Header,
        told: Told,
    ) -> pl.DataFrame:
        """The cells."""
        ...


class Registers:
    """The sources of all mappings of a walk that count persons.

    `heard_of` are the files that said something.
    """

    def __init__(
        self, mappings: Sequence[MappingFile], given: Mapping[str, str], note: Callable[[Finding], None], steps: Steps
    ) -> None:
        self.heard_of: set[str] = set()
        self._waiting: list[tuple[Source, MappingFile]] = []
        self._given = given
        self._note = note
        self._steps = steps
        self._gatherings: dict[int, Gathering] = {
            id(one): Gathering(one, counts.label_columns(one.tables[0]), note) for one in mappings
        }

    def check_period(self, *, alone: bool = False) -> None:
        """Raises UsageError where no period is given for what is counted; `alone`: nothing else is read."""
        for gathering in self._gatherings.values():
            gathering.is_asked |= alone
            if gathering.is_asked:
                counts.period_of(gathering.mapping.tables[0], self._given)

    def refuse_streams(self, path: Path) -> None:
        """Raises UsageError for a stream: rows of persons would be kept in a temporary file."""
        if str(path) == "-" or not path.is_file():
            raise UsageError(f"{path}: persons are read from files only; a stream would be kept in a temporary file")

    def private(self, finding: Finding) -> Finding:
        """What opening a file that may hold persons found, without what stands in it; an error breaks all sources."""
        for gathering in self._gatherings.values():
            gathering.broken |= finding.severity == "error"
        return private(finding)

    def take(self, source: Source, mapping: MappingFile) -> None:
        """Takes the rows of a file, to be counted when all have come; files of FHIR refer to one another and wait."""
        gathering = self._gatherings[id(mapping)]
        gathering.is_asked = True
        self.check_period()
        if source.format == "fhir":
            self._waiting.append((source, mapping))
        else:
            self._gather(source, mapping)

    def _gather(self, source: Source, mapping: MappingFile) -> None:
        with self._steps.timed("read"):
            taken = withheld(partial(self._gatherings[id(mapping)].add, source))
        # A file of practitioners alone has no rows, and a part in those of others.
        if taken or (source.format == "fhir" and cast("FhirTable", source.table).has_resources):
            self.heard_of.add(source.name)

    def cells(
        self,
        converter_of: Callable[[MappingFile, MappingTable], Converter],
        convert: Convert,
        add: Callable[[pl.DataFrame], None],
        previous: pl.DataFrame | None,
        snapshot: Snapshot,
    ) -> Iterator[pl.DataFrame]:
        """The cells of all rows, counted; `add` takes findings."""
        for source, mapping in self._waiting:
            self._gather(source, mapping)
        for gathering in self._gatherings.values():
            if not gathering.is_asked:
                continue
            with self._steps.timed("count"):
                made = withheld(partial(counting.count, gathering, self._given))
            for one in made.counted.findings:
                add(as_findings(one))
            table = gathering.mapping.tables[0]
            converter = converter_of(gathering.mapping, table)
            cells = pl.DataFrame(schema=CELLS_SCHEMA)
            if made.counted.cells.height:
                records, header = counts.records(made.counted, table, self._given)
                told = partial(counts.told, counted=made.counted, table=table, places=made.places)
                cells = withheld(partial(convert, gathering.mapping, table, converter, records, header, told))
                # A count stands in no cell: it is of rows, of which the first is named.
                cells = cells.with_columns(pl.lit(None, dtype=pl.UInt16).alias("column"))
                yield cells
            if made.hidden is not None and made.hidden.height:
                hidden = replace(made.counted, cells=made.hidden)
                records, header = counts.records(hidden, table, self._given)
                cells = pl.concat([cells, withheld(partial(converter.convert, records, header)).cells])
            zeros, found = stocks.gone(gathering, made, cells, converter, previous, snapshot)
            add(found)
            if zeros.height:
                yield zeros
