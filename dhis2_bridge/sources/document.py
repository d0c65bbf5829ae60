"""JSON and NDJSON as a table of records."""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from dhis2_bridge.findings import Finding, Unreadable, UsageError
from dhis2_bridge.sources.encodings import TextFile
from dhis2_bridge.sources.json_text import JsonFault, JsonReader, json_text
from dhis2_bridge.sources.limits import DEFAULT, Limits
from dhis2_bridge.sources.records import blank_as_null, has_content

_CHUNK: Final = 20_000
_STEP: Final = re.compile(r"(?P<name>[^.\[\]]*)(?P<list>\[\])?")

Cells = dict[str, str | None]
"""One record: its texts by column name, in order."""


@dataclass(frozen=True, slots=True)
class RecordPath:
    """Where the records of a document are: `items[].values[]`, `[]` for a list, "" for the document itself.

    A name without brackets is an object on the way. Where a list or object of the path is absent, the object that
    should have it is the record; a single object where a list should be is a list of one.
    """

    steps: tuple[tuple[str, bool], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "RecordPath":
        """The path written as this text. Raises `UsageError` for one that cannot be read."""
        steps = []
        for place, part in enumerate(text.split(".") if text else ()):
            step = _STEP.fullmatch(part)
            if not step or not (step["name"] or (place == 0 and step["list"])):
                raise UsageError(f"{text!r} is no path to records; write it like items[].values[]")
            steps.append((step["name"], bool(step["list"])))
        return cls(tuple(steps))

    @classmethod
    def likeliest(cls, documents: Iterable[Any], *, lines: bool = False) -> "RecordPath":
        """The only list of objects in these documents, else the elements of a list and an object itself.

        In one document without a list of objects the only empty list counts: the report has no records, and is not one
        itself. On lines it does not: one empty list must not take the values of that line away.
        """
        objects: dict[RecordPath, None] = {}
        empty: dict[RecordPath, None] = {}
        whole = cls()
        for document in documents:
            if isinstance(document, list):
                whole = cls((("", True),))
            for path, has_objects in _lists(document):
                (objects if has_objects else empty)[path] = None
        found = list(objects or ({} if lines else empty))
        return found[0] if len(found) == 1 else whole

    def records(self, document: Any) -> Iterator[Cells | JsonFault]:
        """The records of a document in order, with a fault in the place of each that has no certain reading."""
        steps = self.steps
        if steps and not steps[0][0]:
            steps = steps[1:]
            for element in document if isinstance(document, list) else [document]:
                yield from _descend(element, steps, "", {})
        else:
            yield from _descend(document, steps, "", {})

    def __str__(self) -> str:
        return ".".join(name + "[]" * is_list for name, is_list in self.steps)


def _lists(document: Any) -> Iterator[tuple[RecordPath, bool]]:
    """The lists of a document that are empty or hold objects, and which of the two."""
    waiting: list[tuple[tuple[tuple[str, bool], ...], str, Any]] = [((), "", document)]
    while waiting:
        above, name, value = waiting.pop()
        if isinstance(value, list):
            steps = (*above, (name, True))
            inner = [item for item in value if isinstance(item, dict)]
            if inner or not value:
                yield RecordPath(steps), bool(inner)
        else:
            steps = (*above, (name, False)) if name else above
            inner = [value] if isinstance(value, dict) else []
        waiting += [
            (steps, key, item) for found in inner for key, item in found.items() if isinstance(item, (dict, list))
        ]


def _descend(value: Any, steps: tuple[tuple[str, bool], ...], prefix: str, above: Cells) -> Iterator[Cells | JsonFault]:
    if not isinstance(value, dict):
        yield JsonFault("json.not_an_object", path=prefix.removesuffix("."))
        return
    inner: list[Any] | None = None
    if steps:
        (name, is_list), *rest = steps
        found = value.get(name)
        inner = [found] if isinstance(found, dict) else found if is_list and isinstance(found, list) else None
    cells = dict(above)
    try:
        _add_fields(cells, value, prefix, None if inner is None else name)
    except JsonFault as fault:
        yield fault
        return
    if inner is None:
        yield cells
        return
    for element in inner:
        yield from _descend(element, tuple(rest), f"{prefix}{name}.", cells)


def _add_fields(cells: Cells, value: Mapping[str, Any], prefix: str, left_out: str | None) -> None:
    for key, field in value.items():
        name = prefix + key
        if key == left_out:
            continue
        if isinstance(field, dict):
            _add_fields(cells, field, f"{name}.", None)
        elif name in cells:  # {"a.b": 1, "a": {"b": 2}}
            raise JsonFault("json.repeated_key", key=name, path=f"$.{name}")
        else:
            cells[name] = field if field is None or isinstance(field, str) else json_text(field)


class DocumentTable:
    """The records of a JSON document, or of the documents on the lines of an NDJSON file: a `Table`.

    A column is named by the names on the way to it with dots between (`period`, `facility.code`, `items.line`); what
    stands above the list of records is repeated in each. true and false are texts, null is blank; a list that the
    record path does not open is its JSON text. `row` is the number of the record, in NDJSON that of the line;
    `header_row` is 0. Without a record path `RecordPath.likeliest` holds.

    JSON is held whole while it is turned into columns; NDJSON is read again for every pass, line by line. A JSON
    document with repeated keys has no batches and a finding for each key; in NDJSON this holds for one line, as does
    a broken one. Raises `Unreadable` for a JSON document that is broken, too deep or too large, for too long a line
    and for too many columns, and `UsageError` for a record path that cannot be read.
    """

    def __init__(
        self, text: TextFile, *, lines: bool = False, records: str | None = None, limits: Limits = DEFAULT
    ) -> None:
        self.source = text.name
        self.sheet: str | None = None
        self.header: tuple[str, ...] = ()
        self.header_row = 0
        self.findings: list[Finding] = []
        self._text = text
        self._limits = limits
        self._reader = JsonReader(limits.json_depth)
        self._lines = lines
        self._columns: dict[str, str] = {}  # name in the header -> name in the frame
        self._frames: list[pl.DataFrame] = []
        self._faults: list[Finding] = []
        self.record_path = RecordPath.parse(records) if records is not None else RecordPath()
        if lines:
            self._read_header_of_lines(find_path=records is None)
        else:
            self._read_document(find_path=records is None)
        if len(self._columns) > limits.columns:
            raise self._too_large("columns", limits.columns)
        self.header = tuple(self._columns)

    @property
    def evidence(self) -> dict[str, str | int]:
        """What was recognised, for people to read."""
        return {"records": str(self.record_path)}

    def batches(self) -> Iterator[pl.DataFrame]:
        """The records in order, from the start: `row` and the columns "1", "2", ... as `Table` says."""
        self.findings[:] = self._faults
        frames = self._frames_of(self._records_of_lines(self.findings)) if self._lines else iter(self._frames)
        columns = list(self._columns.values())
        for frame in frames:
            missing = [pl.lit(None, pl.String).alias(column) for column in columns if column not in frame.columns]
            yield frame.with_columns(missing).select("row", *columns)

    def _frames_of(self, records: Iterator[tuple[int, Cells]]) -> Iterator[pl.DataFrame]:
        """Records as frames; a name that was not seen before becomes a column."""
        while chunk := list(itertools.islice(records, _CHUNK)):
            self._take_names(chunk)
            names = self._columns.items()
            texts = [pl.Series(column, [cells.get(name) for _, cells in chunk], pl.String) for name, column in names]
            frame = pl.DataFrame([pl.Series("row", [row for row, _ in chunk], pl.UInt32), *texts])
            columns = frame.columns[1:]
            if columns:
                yield frame.with_columns(blank_as_null(columns)).filter(has_content(columns))

    def _take_names(self, records: Iterable[tuple[int, Cells]]) -> None:
        for _, cells in records:
            for name in cells:
                if name not in self._columns:
                    self._columns[name] = str(len(self._columns) + 1)

    # JSON

    def _read_document(self, *, find_path: bool) -> None:
        if self._text.path.stat().st_size > self._limits.document_bytes:
            raise self._too_large("document_bytes", self._limits.document_bytes)
        try:
            document, repeated = self._reader.read(b"".join(self._text.blocks()).decode())
        except JsonFault as fault:
            raise Unreadable(self._finding(fault)) from None
        if find_path:
            self.record_path = RecordPath.likeliest([document])
        self._frames = list(self._frames_of(self._good(enumerate(self.record_path.records(document), 1), self._faults)))
        if repeated:
            self._frames = []
            self._faults = [self._finding(fault) for fault in repeated]

    # NDJSON

    def _read_header_of_lines(self, *, find_path: bool) -> None:
        if find_path:
            self.record_path = RecordPath.likeliest(self._named(self._documents([])), lines=True)
            if not self.record_path.steps:
                return
            self._columns.clear()
        self._take_names(self._records_of_lines([]))

    def _named(self, documents: Iterator[tuple[int, Any]]) -> Iterator[Any]:
        """The documents, with the names taken that they have if each is the record: then no further pass is needed."""
        for row, document in documents:
            self._take_names(self._good(((row, record) for record in RecordPath().records(document)), []))
            yield document

    def _records_of_lines(self, faults: list[Finding]) -> Iterator[tuple[int, Cells]]:
        for line, document in self._documents(faults):
            numbered = ((line, record) for record in self.record_path.records(document))
            yield from self._good(numbered, faults)

    def _documents(self, faults: list[Finding]) -> Iterator[tuple[int, Any]]:
        """The document of each line that has one, with its number."""
        for number, line in enumerate(self._text.lines(self._limits.line_bytes), 1):
            if line.isspace() or not line:
                continue
            try:
                document, repeated = self._reader.read(line.decode())
            except JsonFault as fault:
                if "line" in fault.arguments:
                    fault.arguments["line"] = number
                faults.append(self._finding(fault, number))
                continue
            if repeated:
                faults.extend(self._finding(fault, number) for fault in repeated)
            else:
                yield number, document

    # findings

    def _good(
        self, numbered: Iterable[tuple[int, Cells | JsonFault]], faults: list[Finding]
    ) -> Iterator[tuple[int, Cells]]:
        for row, record in numbered:
            if isinstance(record, JsonFault):
                faults.append(self._finding(record, row))
            else:
                yield row, record

    def _finding(self, fault: JsonFault, row: int | None = None) -> Finding:
        return Finding(fault.code, self.source, row=row, arguments=fault.arguments)

    def _too_large(self, what: str, limit: int) -> Unreadable:
        return Unreadable(Finding("file.too_large", self.source, arguments={"what": what, "limit": limit}))
