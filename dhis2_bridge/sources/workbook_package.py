"""The parts of a zipped workbook, unpacked within limits, and packed again for the engine that reads its cells.

The engine never sees the file as it came. It gets an archive of the parts that were unpacked and looked at here, so
that nothing a made-up archive says of itself (its sizes, its directory, a part that stands in it twice) reaches it.
"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dhis2_bridge.findings import Finding, Unreadable
from dhis2_bridge.sources.limits import Limits

# Parts that hold no cells, by the start of their names in lower case: pictures, charts, macros, caches of pivot tables.
_WITHOUT_CELLS: Final = (
    "[content_types]", "basic/", "configurations", "customxml/", "docprops/", "object", "pictures/", "thumbnails/",
    "xl/activex", "xl/calcchain", "xl/charts/", "xl/comments", "xl/connections", "xl/ctrlprops/", "xl/drawings/",
    "xl/embeddings/", "xl/externallinks/", "xl/media/", "xl/persons/", "xl/pivotcache/", "xl/pivottables/",
    "xl/printersettings/", "xl/tables/", "xl/theme/", "xl/threadedcomments/", "xl/vba", "xl/worksheets/_rels/",
    "xl/worksheets/binaryindex",
)  # fmt: skip

_SMALL_ARCHIVE: Final = 32 << 20
# A zip without its 64-bit extension, which is what `pack` writes, cannot tell a larger size.
_LARGEST_PART: Final = 0xFFFF_FFFF
# Packing a large part as it was keeps the copy small; a small part is quicker to read when it is stored plainly.
_STORED_UP_TO: Final = 1 << 20

_ENCODING: Final = re.compile(rb"""^<\?xml[^>]*?\bencoding\s*=\s*["']([^"']*)""")

_UTF_8_NAMES: Final = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii"})
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")

_LOCAL: Final = struct.Struct("<4s5H3L2H")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_END: Final = struct.Struct("<4s4H2LH")
_UTF8_NAME: Final = 0x800


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an archive: its name as it stands there, its content, and the bytes it was packed in."""

    name: str
    content: bytes
    packed: memoryview
    method: int
    checksum: int


def unpack(data: bytes, source: str, limits: Limits) -> dict[str, Part]:
    """The parts of a zipped workbook that may hold cells, by name in lower case with forward slashes.

    Nothing is written to disk, so a name may hold what it likes. Raises `Unreadable` for an archive that is damaged,
    lies about a size, holds a part twice, is encrypted or is larger than the limits, and for XML that declares
    entities or comes in another encoding than UTF-8.
    """
    try:
        entries = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError, struct.error) as error:
        raise unreadable(source, "archive_damaged") from error
    declared = sum(entry.file_size for entry in entries)
    largest = min(limits.archive_bytes, _LARGEST_PART)
    if declared > largest:
        raise too_large(source, "archive_bytes", largest)
    if declared > max(_SMALL_ARCHIVE, limits.archive_ratio * len(data)):
        raise too_large(source, "archive_ratio", limits.archive_ratio)
    parts: dict[str, Part] = {}
    for entry in entries:
        name = entry.filename.replace("\\", "/").lstrip("/")
        key = name.lower()
        if key.startswith(_WITHOUT_CELLS) or key.endswith("/"):
            continue
        if key in parts:
            raise unreadable(source, "archive_part_twice")
        parts[key] = part = _part(data, entry, name, source)
        if not key.endswith(".bin"):
            _check_xml(part.content, source)
    return parts


def pack(parts: Iterable[Part]) -> bytes:
    """A zip archive of these parts."""
    body: list[bytes | memoryview] = []
    directory: list[bytes] = []
    offset = 0
    for part in parts:
        name = part.name.encode()
        stored = len(part.content) <= _STORED_UP_TO
        packed = part.content if stored else part.packed
        facts = (
            *(_UTF8_NAME, 0 if stored else part.method, 0, 0),
            *(part.checksum, len(packed), len(part.content), len(name), 0),
        )
        body += (_LOCAL.pack(b"PK\3\4", 20, *facts), name, packed)
        directory += (_CENTRAL.pack(b"PK\1\2", 20, 20, *facts, 0, 0, 0, 0, offset), name)
        offset += _LOCAL.size + len(name) + len(packed)
    length = sum(map(len, directory))
    count = len(directory) // 2
    return b"".join((*body, *directory, _END.pack(b"PK\5\6", 0, 0, count, count, length, offset, 0)))


def _part(data: bytes, entry: zipfile.ZipInfo, name: str, source: str) -> Part:
    if entry.flag_bits & 1:
        raise unsupported(source, "encrypted_workbook", "save_without_password")
    start = entry.header_offset
    if not 0 <= start <= len(data) - _LOCAL.size or data[start : start + 4] != b"PK\3\4":
        raise unreadable(source, "archive_damaged")
    *_, name_length, extra_length = _LOCAL.unpack_from(data, start)
    start += _LOCAL.size + name_length + extra_length
    packed = memoryview(data)[start : start + entry.compress_size]
    if entry.compress_type == zipfile.ZIP_STORED:
        content = bytes(packed)
    elif entry.compress_type == zipfile.ZIP_DEFLATED:
        try:
            # One byte more than declared is enough to know that the declaration lies.
            content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, entry.file_size + 1)
        except zlib.error as error:
            raise unreadable(source, "archive_damaged") from error
    else:
        raise unsupported(source, "zip", "save_as_xlsx")
    if len(content) > entry.file_size:
        raise unreadable(source, "archive_sizes_wrong")
    if len(content) < entry.file_size or zlib.crc32(content) != entry.CRC:
        raise unreadable(source, "archive_damaged")
    return Part(name, content, packed, entry.compress_type, entry.CRC)


def _check_xml(content: bytes, source: str) -> None:
    """Refuse what no spreadsheet program writes and what makes a parser do more than read."""
    if b"<!DOCTYPE" in content:
        raise unreadable(source, "xml_declares_entities")
    start = content[:256].removeprefix(b"\xef\xbb\xbf")
    declared = _ENCODING.match(start)
    if start.startswith(_UTF_16) or (declared and declared[1].lower() not in _UTF_8_NAMES):
        raise unreadable(source, "xml_encoding")


def unreadable(source: str, reason: str) -> Unreadable:
    """The refusal of a file that is damaged or made to do harm."""
    return Unreadable(Finding("file.unreadable", source, arguments={"reason": reason}))


def unsupported(source: str, form: str, advice: str) -> Unreadable:
    """The refusal of a file that may be in order, but is none that is read."""
    return Unreadable(Finding("file.unsupported", source, arguments={"format": form, "advice": advice}))


def too_large(source: str, what: str, limit: int, sheet: str | None = None) -> Unreadable:
    """The refusal of a file that goes beyond a limit; `what` is the limit's name in `Limits`."""
    return Unreadable(Finding("file.too_large", source, sheet, arguments={"what": what, "limit": limit}))
