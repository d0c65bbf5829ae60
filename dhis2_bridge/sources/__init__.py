"""Readers of the files that people have: each gives text with its place.

`open_source` opens one file, `expand` finds the files of folders and patterns.
"""

import hashlib
import os
import tempfile
import weakref
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from dhis2_bridge.findings import Finding, Unreadable, UsageError
from dhis2_bridge.sources.delimited import DelimitedTable
from dhis2_bridge.sources.encodings import TextFile
from dhis2_bridge.sources.limits import DEFAULT, Limits
from dhis2_bridge.sources.recognise import WORKBOOKS, has_documents_on_lines, recognise
from dhis2_bridge.values import Source, Table

if TYPE_CHECKING:
    from dhis2_bridge.sources.fhir_pool import Pool

FORMATS: Final = (*WORKBOOKS, "csv", "json", "ndjson", "fhir", "sql")

_BLOCK: Final = 1 << 20
# Excel's and LibreOffice's locks, and what file managers leave in folders.
_LOCKS: Final = ("~$", ".~lock.")
_LEFT_BY_SYSTEMS: Final = {"thumbs.db", "desktop.ini"}
_PATTERN: Final = frozenset("*?[")


def open_source(
    path: "str | Path | Spool",
    *,
    name: str | None = None,
    stream: BinaryIO | None = None,
    format: str | None = None,  # noqa: A002 - the word that mappings and the command line have for it
    encoding: str | None = None,
    delimiter: str | None = None,
    quote: str | None = '"',
    records: str | None = None,
    header_row: int | None = None,
    systems: Mapping[str, Sequence[str]] | None = None,
    extensions: Mapping[str, str] | None = None,
    pool: "Pool | None" = None,
    limits: Limits = DEFAULT,
    keep_numbers: bool = False,
) -> Source:
    """One file, opened: its sheets, or its table whose batches are read later.

    `name` is how the user named it (the path, if not given). The path `-` is `stream`: it is copied to a private file
    that goes with the source, so that it can be read twice; so is a pipe. `format` is one of `FORMATS`; without it the
    content decides, never the extension but `.sql`. Compressed files other than workbooks are not unpacked. `encoding`,
    `delimiter`, `quote` (None: quotes are letters) and `header_row` are for delimited text, `encoding` and `records`
    (`items[].values[]`) for JSON, `systems`, `extensions` and `pool` for FHIR (`fhir.FhirTable`); `keep_numbers` is for
    workbooks: their sheets tell which cells are numbers. Findings of the file are in the source, those of its records
    in its table.

    Raises `UsageError` for a file that is not there and an option that cannot be, `Unreadable` for the rest.
    """
    name = spelled(str(path) if name is None else name)
    if format is not None and format not in FORMATS:
        raise UsageError(f"no format is called {format!r}; there are {', '.join(FORMATS)}")
    if header_row is not None and header_row < 1:
        raise UsageError(f"rows are counted from 1, so the header row cannot be {header_row}")
    try:
        file, spool = _readable_twice(path, name, stream, limits)
        if file.stat().st_size > limits.file_bytes:
            raise _too_large(name, limits)
        kind = recognise(file, name, limits, format)
        if kind == "workbook":
            from dhis2_bridge.sources import workbook  # noqa: PLC0415 - each reader when a file needs it

            return workbook.read(file, name, limits=limits, keep_numbers=keep_numbers)
        digest, text = _digest_and_text(file, name, encoding, spool)
        table: Table
        if kind == "csv":
            table = DelimitedTable(text, delimiter=delimiter, quote=quote, header_row=header_row, limits=limits)
        elif kind == "fhir":
            from dhis2_bridge.sources.fhir import FhirTable  # noqa: PLC0415

            lines = has_documents_on_lines(file, limits)
            table = FhirTable(text, lines=lines, systems=systems, extensions=extensions, pool=pool, limits=limits)
        elif kind == "sql":
            from dhis2_bridge.sources.sql import SqlTable  # noqa: PLC0415

            table = SqlTable(text)
        else:
            from dhis2_bridge.sources.document import DocumentTable  # noqa: PLC0415

            table = DocumentTable(text, lines=kind == "ndjson", records=records, limits=limits)
    except OSError as error:
        reason = "not_allowed" if isinstance(error, PermissionError) else error.strerror or type(error).__name__
        raise Unreadable(Finding("file.unreadable", name, arguments={"reason": reason})) from error
    evidence = {"encoding": text.encoding.codec, **table.evidence}
    return Source(name, kind, digest, file.stat().st_size, evidence, table=table, findings=list(text.encoding.findings))


def _digest_and_text(file: Path, name: str, encoding: str | None, keep: object) -> tuple[str, TextFile]:
    """The SHA-256 of a file, and its text; a large one is read for both side by side."""

    def digest() -> str:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()

    if file.stat().st_size <= _BLOCK:
        return digest(), TextFile(file, name, declared=encoding, keep=keep)
    with ThreadPoolExecutor(1, thread_name_prefix="digest") as beside:
        reckoned = beside.submit(digest)
        text = TextFile(file, name, declared=encoding, keep=keep)
    return reckoned.result(), text


@dataclass(frozen=True, slots=True)
class Expanded:
    """Files to read, in order, and what of the folders and patterns was left out."""

    files: tuple[Path, ...]
    left_out: tuple[Path, ...]


def expand(names: Iterable[str | Path]) -> Expanded:
    """The files behind these names of files, folders and patterns (`*`, `?`, `[...]`, `**`), sorted, each once.

    A folder stands for its own files: hidden ones, locks of office programs and folders within it are left out, and
    listed. A file that is named itself is only left out when it is a lock: the shell may have named it. `-` (standard
    input) stays as it is. Raises `UsageError` for a name or a pattern without a file, and where nothing is left.
    """
    files: set[Path] = set()
    left_out: set[Path] = set()
    for name in names:
        try:
            found = _behind(name)
        except OSError as error:
            raise UsageError(f"{spelled(name)}: cannot be looked at: {error.strerror or error}") from None
        kept = {entry for entry in found if not _is_left_out(entry, named=Path(name))}
        left_out.update(set(found) - kept)
        if not kept and Path(name).is_dir():
            raise UsageError(f"{spelled(name)}: there is no file to read in this folder")
        files |= kept
    if left_out and not files:
        raise UsageError(f"nothing is left to read: {', '.join(map(spelled, sorted(left_out)))} was left out")
    return Expanded(tuple(sorted(files)), tuple(sorted(left_out - files)))


def spelled(path: str | Path) -> str:
    """A path as a text that can be printed and written: bytes of a name that are no UTF-8 become `\\x8e`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _behind(name: str | Path) -> list[Path]:
    """The entries that a name stands for: itself, those of a folder, those that a pattern fits."""
    path = Path(name)
    if path.is_dir():
        return list(path.iterdir())
    if str(name) == "-" or path.exists():
        return [path]
    if not _PATTERN.intersection(str(name)):
        raise UsageError(f"there is no file {spelled(name)}")
    if not (found := _matching(path)):
        raise UsageError(f"no file is called like {spelled(name)}")
    return found


def _is_left_out(entry: Path, *, named: Path) -> bool:
    if entry.name.startswith(_LOCKS):
        return True
    if entry == named:
        return False
    return entry.name.startswith(".") or entry.name.lower() in _LEFT_BY_SYSTEMS or entry.is_dir()


def _matching(pattern: Path) -> list[Path]:
    parts = pattern.parts
    first = next(place for place, part in enumerate(parts) if _PATTERN.intersection(part))
    return list(Path(*parts[:first]).glob(str(Path(*parts[first:]))))


class Spool:
    """A private copy of a stream, which can be opened more than once; removed with this object or with the program.

    Raises `UsageError` where there is no stream, `Unreadable` for one larger than `limits` allow.
    """

    def __init__(self, stream: BinaryIO | None, name: str, limits: Limits = DEFAULT) -> None:
        if stream is None:
            raise UsageError("standard input (-) cannot be read here")
        descriptor, path = tempfile.mkstemp(prefix="dhis2-bridge-")  # only its owner can read it
        self.path = Path(path)
        self._remove = weakref.finalize(self, self.path.unlink, missing_ok=True)
        size = 0
        with os.fdopen(descriptor, "wb") as file:
            while block := stream.read(_BLOCK):
                size += len(block)
                if size > limits.file_bytes:
                    raise _too_large(name, limits)
                file.write(block)


def _readable_twice(
    named: str | Path | Spool, name: str, stream: BinaryIO | None, limits: Limits
) -> tuple[Path, Spool | None]:
    if isinstance(named, Spool):
        return named.path, named
    path = Path(named)
    if str(path) == "-":
        spool = Spool(stream, name, limits)
        return spool.path, spool
    if path.is_dir():
        raise UsageError(f"{name} is a folder; name the files in it")
    if not path.exists():
        raise UsageError(f"there is no file {name}")
    if path.is_file():
        return path, None
    with path.open("rb") as pipe:
        spool = Spool(pipe, name, limits)
    return spool.path, spool


def _too_large(name: str, limits: Limits) -> Unreadable:
    return Unreadable(Finding("file.too_large", name, arguments={"what": "file_bytes", "limit": limits.file_bytes}))
