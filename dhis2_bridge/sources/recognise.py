"""What kind of file this is, by its content: people rename files, and programs save HTML as .xls."""

import json
import re
from pathlib import Path
from typing import Final, Literal, cast

from dhis2_bridge.findings import Finding, Unreadable
from dhis2_bridge.sources.limits import Limits

Kind = Literal["workbook", "csv", "json", "ndjson", "fhir", "sql"]

_START: Final = 1 << 16

WORKBOOKS: Final = ("xlsx", "xlsm", "xlsb", "xls", "ods")

# Formats that are known and not read, with what to do about them: the tokens have words in every language.
_SIGNATURES: Final = (
    (0, b"\x1f\x8b", "gzip", "unpack_first"),
    (4, b"1AY&SY", "bzip2", "unpack_first"),
    (0, b"\xfd7zXZ", "xz", "unpack_first"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z", "unpack_first"),
    (0, b"Rar!\x1a\x07", "RAR", "unpack_first"),
    (0, b"%PDF", "PDF", "export_from_source"),
    (0, b"\x89PNG", "image", "export_from_source"),
    (0, b"\xff\xd8\xff", "image", "export_from_source"),
    (0, b"GIF89a", "image", "export_from_source"),
    (0, b"II*\0", "image", "export_from_source"),
    (0, b"MM\0*", "image", "export_from_source"),
    (8, b"WEBPVP8", "image", "export_from_source"),
    (4, b"ftypheic", "image", "export_from_source"),
    (0, b"{\\rtf", "RTF", "save_as_xlsx"),
    (0, b"\x09\x08\x10\0\0\x06\x05", "old_xls", "save_as_xlsx"),
    (0, b"\x09\x04\x06\0", "old_xls", "save_as_xlsx"),
    (0, b"\x09\x02\x06\0", "old_xls", "save_as_xlsx"),
    (0, b"SQLite format 3\0", "SQLite", "export_as_csv"),
    (4, b"Standard Jet DB", "Access", "export_as_csv"),
    (4, b"Standard ACE DB", "Access", "export_as_csv"),
    (0, b"PAR1\x15", "Parquet", "export_as_csv"),
    (0, b"$FL2@(#)", "SPSS", "export_as_csv"),
    (0, b"<stata_dta>", "Stata", "export_as_csv"),
)
_MARKUP: Final = (
    (b"<!doctype html", "HTML"),
    (b"<html", "HTML"),
    (b"<table", "HTML"),
    (b"<?xml", "XML"),
    (b"<adx", "XML"),
)
_MAIL: Final = b"mime-version:"
_COMPOUND: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PARTS_OF_BOOKS: Final = (b"[Content_Types].xml", b"mimetypeapplication/vnd.oasis")
_DBF_VERSIONS: Final = b"\x02\x03\x04\x05\x30\x31\x32\x43\x63\x83\x8b\x8e\xcb\xf5\xfb"
_SPACE: Final = b" \t\r\n"
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f]")
# A query is text like any other. Only its name tells it from a table: the one ending that means anything.
_QUERY: Final = ".sql"

_FHIR: Final = b'"resourceType"'
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"(\s*:)?|[{}\[\]]', re.DOTALL)


def recognise(path: Path, name: str, limits: Limits, declared: str | None = None) -> Kind:
    """The kind of a file that is read; the declared one, where the content does not speak against it.

    Raises `Unreadable` for an empty file, for a format that is not read, for a file that is called a workbook and is
    noise, and for a workbook where text is declared or the other way round.
    """
    with path.open("rb") as file:
        start = file.read(_START)
    if not start:
        raise Unreadable(Finding("file.empty", name))
    for offset, signature, form, advice in _SIGNATURES:
        if start.startswith(signature, offset):
            raise _unsupported(name, form, advice)
    wants_workbook = declared in WORKBOOKS
    if start.startswith((_COMPOUND, b"PK\3\4", b"PK\5\6")):
        if declared is not None and not wants_workbook:
            is_book = start.startswith(_COMPOUND) or any(part in start for part in _PARTS_OF_BOOKS)
            raise _declared_otherwise(name, declared, "workbook" if is_book else "zip")
        return "workbook"
    if _is_dbf(start):
        raise _unsupported(name, "DBF", "save_as_xlsx")
    text = _as_ascii(start).lstrip(_SPACE)
    for beginning, form in _MARKUP:
        if text[:32].lower().startswith(beginning):
            raise _unsupported(name, form, "save_as_xlsx")
    if text[:32].lower().startswith(_MAIL):
        raise _unsupported(name, "HTML", "save_as_xlsx")
    if name.lower().endswith(tuple(f".{ending}" for ending in WORKBOOKS)) and _is_noise(start):
        raise Unreadable(Finding("file.unreadable", name, arguments={"reason": "workbook_damaged"}))
    if wants_workbook:
        raise _declared_otherwise(name, str(declared), "text")
    if declared is not None:
        return cast("Kind", declared)
    if text.startswith((b"{", b"[")):
        if _is_fhir(path, start, limits):
            return "fhir"
        return "ndjson" if has_documents_on_lines(path, limits) else "json"
    return "sql" if name.lower().endswith(_QUERY) else "csv"


def _declared_otherwise(name: str, declared: str, form: str) -> Unreadable:
    return Unreadable(Finding("file.declared_otherwise", name, arguments={"declared": declared, "format": form}))


def _is_noise(start: bytes) -> bool:
    """Whether a text cannot begin so: with control characters, and no mark of UTF-16 that explains them."""
    return not start.startswith((b"\xff\xfe", b"\xfe\xff")) and _CONTROL.search(start) is not None


def _unsupported(name: str, form: str, advice: str) -> Unreadable:
    return Unreadable(Finding("file.unsupported", name, arguments={"format": form, "advice": advice}))


def _as_ascii(start: bytes) -> bytes:
    """The beginning of a text without its mark, and without the zero bytes of UTF-16."""
    for mark in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"):
        start = start.removeprefix(mark)
    return start[:256].replace(b"\0", b"")


def _is_dbf(start: bytes) -> bool:
    if len(start) < 33 or start[0] not in _DBF_VERSIONS:
        return False
    header = int.from_bytes(start[8:10], "little")
    plausible_date = 1 <= start[2] <= 12 and 1 <= start[3] <= 31
    return plausible_date and 33 <= header <= len(start) and 0x0D in start[32:header:32] + start[header - 1 : header]


def _is_fhir(path: Path, start: bytes, limits: Limits) -> bool:
    """Whether the first object of a JSON text says at its own level what resource it is.

    It may say so behind a long list of entries; then the document has to be read to know.
    """
    start = start.replace(b"\0", b"")
    depth = 0
    for token in _TOKEN.finditer(start):
        if token[0] in b"{[":
            depth += 1
        elif token[0] in b"}]":
            depth -= 1
            if not depth:
                return False
        elif depth == 1 and token[1] and token[0].startswith(_FHIR):
            return True
    if _FHIR not in start or path.stat().st_size > limits.document_bytes:
        return False
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and "resourceType" in document


def has_documents_on_lines(path: Path, limits: Limits) -> bool:
    """Whether the first line with content is a whole document and another line follows it."""
    with path.open("rb") as file:
        first = b" "
        while first.isspace():
            first = file.readline(limits.line_bytes).removeprefix(b"\xef\xbb\xbf")
        if not first.endswith(b"\n"):
            return False
        try:
            json.loads(first)
        except (ValueError, RecursionError):
            return False
        while line := file.readline(_START):
            if line.strip():
                return True
    return False
