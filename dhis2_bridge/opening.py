"""Files opened and recognised, and their forms laid out: what can be done for each file alone, and by any process."""

from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from dhis2_bridge import recognise, sources
from dhis2_bridge.findings import Finding, Unreadable
from dhis2_bridge.forms import Forms, Laid
from dhis2_bridge.mapping import Mapping
from dhis2_bridge.steps import Steps
from dhis2_bridge.values import Source

if TYPE_CHECKING:
    from dhis2_bridge.sources.fhir_pool import Pool


@dataclass(slots=True)
class Opened:
    """One file: the source, None where it cannot be read, and the mapping that recognises it.

    `problem` says why there is no source or no mapping. `mapping` is its number among those of the walk. `laid` are
    the forms of a workbook, which then has no sheets any more; None for any other file.
    """

    path: Path
    source: Source | None = None
    mapping: int | None = None
    problem: Finding | None = None
    laid: Laid | None = None


class Opener:
    """Opens files for a list of mappings; the path `-` is `stdin`."""

    def __init__(self, mappings: list[Mapping], given: MappingType[str, str], steps: Steps) -> None:
        self.stdin: BinaryIO | None = None
        self.forms = Forms(given, steps)
        self.steps = steps
        self._mappings = mappings
        self._pools: dict[int, Pool] = {}

    def open(self, path: Path) -> Opened:
        """A file opened by the declarations of the only mapping; of several, by its own evidence and then by them."""
        try:
            with self.steps.timed("open"):
                source, mapping = self._recognised(path)
        except Unreadable as unreadable:
            return Opened(path, problem=unreadable.finding)
        if isinstance(mapping, Finding):
            return Opened(path, source, problem=mapping)
        number = next(place for place, one in enumerate(self._mappings) if one is mapping)
        opened = Opened(path, source, number)
        if source.sheets and mapping.workforce is None:
            opened.laid = self.forms.lay_out(source, mapping)
            source.sheets = []
        return opened

    def _recognised(self, path: Path) -> tuple[Source, Mapping | Finding]:
        file: Path | sources.Spool = path if str(path) != "-" else sources.Spool(self.stdin, "-")
        if len(self._mappings) == 1:
            source = open_for(file, path, self._mappings[0], self._pool_of(self._mappings[0]))
            return source, recognise.choose(source, self._mappings)
        source = open_for(file, path, None)
        mapping = recognise.choose(source, self._mappings)
        if isinstance(mapping, Mapping) and (source.table is not None or mapping.workforce is not None):
            source = open_for(file, path, mapping, self._pool_of(mapping))
        return source, mapping

    def _pool_of(self, mapping: Mapping) -> "Pool | None":
        """The resources of all files of a mapping of persons; another mapping reads each file for itself."""
        if mapping.workforce is None:
            return None
        from dhis2_bridge.sources.fhir_pool import Pool  # noqa: PLC0415 - only persons have resources

        return self._pools.setdefault(id(mapping), Pool())


def open_for(file: "Path | sources.Spool", path: Path, mapping: Mapping | None, pool: "Pool | None" = None) -> Source:
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


@dataclass(frozen=True, slots=True)
class Partition:
    """Files that one process opens, and all that it needs to know for it; it can be sent to another process."""

    files: tuple[Path, ...]
    mappings: list[Mapping]
    given: MappingType[str, str]


def open_partition(partition: Partition) -> tuple[list[Opened], dict[str, float]]:
    """The workbooks of a partition with their forms laid out, and the seconds that each step took.

    A file that is no workbook comes back without source and problem: it is read where it is converted.
    """
    steps = Steps()
    opener = Opener(partition.mappings, partition.given, steps)
    return [_sendable(opener.open(path)) for path in partition.files], steps.seconds


def _sendable(opened: Opened) -> Opened:
    if opened.source is not None and opened.source.table is not None:
        return Opened(opened.path)
    return opened
