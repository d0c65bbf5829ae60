"""How large the sheets of XLS, XLSB and ODS files are, found before calamine lays them out as dense rectangles.

An allocation that fails ends the process, not the call, so a file of a few hundred bytes that names two cells far
apart, or a table that refers to itself, must be refused beforehand.
"""

import struct
import sys
from array import array
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dhis2_bridge.sources.limits import Limits
from dhis2_bridge.sources.safe_xml import elements
from dhis2_bridge.sources.workbook_cells import LAST_ROW
from dhis2_bridge.sources.workbook_package import Part, too_large, unreadable, unsupported

# --- Compound files (MS-CFB), in which XLS and encrypted workbooks come ---

COMPOUND: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEADER: Final = 512
_LAST_SECTOR: Final = 0xFFFF_FFF9
_SMALL_STREAM: Final = 4096
_SMALL_SECTOR: Final = 64
_ENTRY: Final = 128

# --- Records of XLS (MS-XLS): numbers of those that hold a cell, whose first fields are row and column ---

_CELL_RECORDS: Final = frozenset({0x0006, 0x00D6, 0x00FD, 0x0203, 0x0204, 0x0205, 0x027E})
_ROW_OF_NUMBERS: Final = 0x00BD
_DIMENSIONS: Final = 0x0200
_PASSWORD: Final = 0x002F
_SHEET: Final = 0x0085
_BEGIN: Final = 0x0809
_END: Final = 0x000A
_WITHIN_CHART: Final = -1

# --- Records of XLSB (MS-XLSB) ---

_XLSB_ROW: Final = 0
_XLSB_CELLS: Final = range(2, 12)


class _Extent:
    """The rows and columns that the cells of a sheet take up, counted from the first column on."""

    def __init__(self) -> None:
        self.first_row, self.last_row, self.columns = 1 << 32, 0, 0

    def add(self, row: int, column: int) -> None:
        """Count a cell; row and column from 0."""
        self.first_row, self.last_row = min(self.first_row, row), max(self.last_row, row)
        self.columns = max(self.columns, column + 1)

    def check(self, source: str, limits: Limits) -> None:
        """Raise `Unreadable` when the rectangle passes a limit."""
        if self.columns > limits.columns:
            raise too_large(source, "columns", limits.columns)
        if (self.last_row - self.first_row + 1) * self.columns > limits.sheet_cells:
            raise too_large(source, "sheet_cells", limits.sheet_cells)


def check_xls(data: bytes, source: str, limits: Limits) -> None:
    """Raise `Unreadable` for a compound file that is no workbook, is encrypted, is damaged or has too large a sheet."""
    try:
        stream = _workbook_stream(data, source)
        positions = []
        for number, content in _records(stream, 0):
            if number == _PASSWORD:
                raise unsupported(source, "encrypted_workbook", "save_without_password")
            if number == _SHEET:
                positions.append(struct.unpack_from("<I", content)[0])
        read = 0
        for position in sorted(positions):
            extent = _Extent()
            for number, content in _records(stream, position):
                read += 4 + len(content)
                # Sheets stand one after the other; where they overlap, the same bytes would be read over and over.
                if read > len(stream):
                    raise unreadable(source, "sheets_overlap")
                if number in _CELL_RECORDS:
                    row, column = struct.unpack_from("<HH", content)
                    extent.add(row, column)
                elif number == _ROW_OF_NUMBERS:
                    row, column = struct.unpack_from("<HH", content)
                    extent.add(row, column + max(0, len(content) - 6) // 6)
                elif number == _DIMENSIONS:
                    _check_declared(content, source, limits)
            extent.check(source, limits)
    except (struct.error, IndexError) as error:
        raise unreadable(source, "workbook_damaged") from error


def check_xlsb(parts: Mapping[str, Part], source: str, limits: Limits) -> None:
    """Raise `Unreadable` for an XLSB workbook with too large a sheet; all its binary parts are looked at as sheets."""
    for key, part in parts.items():
        if not key.endswith(".bin"):
            continue
        extent = _Extent()
        row = 0
        for number, content in _binary_records(part.content):
            if number != _XLSB_ROW and number not in _XLSB_CELLS:
                continue
            if len(content) < 4:
                raise unreadable(source, "workbook_damaged")
            place = int.from_bytes(content[:4], "little")
            if number in _XLSB_CELLS:
                extent.add(row, place)
            elif place > LAST_ROW:
                break
            else:
                row = place
        extent.check(source, limits)


def check_ods(content: bytes, source: str, limits: Limits) -> None:
    """Raise `Unreadable` for an ODS document with too large a sheet, its repeated cells and rows counted out."""
    row = last_row = widest = laid_out = 0
    for element in elements(content, ("{*}table-row", "{*}table"), source):
        if element.tag.endswith("}table"):
            row = last_row = widest = laid_out = 0
            continue
        repeated = _repeats(element, "rows")
        column = width = 0
        for cell in element:
            column += _repeats(cell, "columns")
            if len(cell) or _attribute(cell, "value-type") or _attribute(cell, "formula"):
                width = column
        row += repeated
        if not width:
            continue
        last_row, widest = row, max(widest, width)
        laid_out += width
        if widest > limits.columns:
            raise too_large(source, "columns", limits.columns)
        if max(last_row * widest, laid_out) > limits.sheet_cells:
            raise too_large(source, "sheet_cells", limits.sheet_cells)


def _attribute(element: Any, name: str) -> str | None:
    return next((str(value) for key, value in element.attrib.items() if str(key).endswith("}" + name)), None)


def _repeats(element: Any, what: str) -> int:
    text = _attribute(element, f"number-{what}-repeated")
    return int(text) if text and text.isdecimal() and len(text) < 10 else 1


def _workbook_stream(data: bytes, source: str) -> bytes:
    """The stream of an XLS file in which everything stands."""
    size = 1 << struct.unpack_from("<H", data, 30)[0]
    if size not in {512, 4096}:
        raise unreadable(source, "workbook_damaged")
    directory_start, small_start, small_count, table_start = (
        struct.unpack_from("<I", data, offset)[0] for offset in (48, 60, 64, 68)
    )

    def sector(number: int) -> bytes:
        return data[(number + 1) * size : (number + 2) * size]

    places = _numbers(data[76:_HEADER])
    for _ in range(len(data) // size + 1):
        if table_start > _LAST_SECTOR:
            break
        places += _numbers(sector(table_start))
        table_start = places.pop()
    else:
        raise unreadable(source, "workbook_damaged")
    table = _numbers(b"".join(sector(place) for place in places if place <= _LAST_SECTOR))

    def chain(start: int, following: "array[int]") -> list[int]:
        found = []
        while start <= _LAST_SECTOR:
            found.append(start)
            if len(found) > len(following):
                raise unreadable(source, "workbook_damaged")
            start = following[start]
        return found

    directory = b"".join(map(sector, chain(directory_start, table)))
    entries: dict[str, tuple[int, int]] = {}
    for offset in range(0, len(directory) - _ENTRY + 1, _ENTRY):
        name = directory[offset : offset + 64].decode("utf-16-le", "replace").split("\0")[0]
        entries.setdefault(name, struct.unpack_from("<II", directory, offset + 116))
    if "EncryptedPackage" in entries:
        raise unsupported(source, "encrypted_workbook", "save_without_password")
    stream = next((name for name in ("Workbook", "Book", "WORKBOOK", "BOOK") if name in entries), None)
    if stream is None:
        raise unsupported(source, "ole", "save_as_xlsx")
    start, length = entries[stream]
    small = b""
    small_table = array("I")
    if small_count:
        small = b"".join(map(sector, chain(struct.unpack_from("<I", directory, 116)[0], table)))
        small_table = _numbers(b"".join(map(sector, chain(small_start, table))))
    if length >= _SMALL_STREAM:
        return b"".join(map(sector, chain(start, table)))[:length]
    pieces = (small[n * _SMALL_SECTOR : (n + 1) * _SMALL_SECTOR] for n in chain(start, small_table))
    return b"".join(pieces)[:length]


def _numbers(content: bytes) -> "array[int]":
    numbers = array("I", content[: len(content) // 4 * 4])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _records(stream: bytes, position: int) -> Iterator[tuple[int, memoryview]]:
    """The records of one part of an XLS stream, from its start to its end."""
    view = memoryview(stream)
    depth = -1
    while position + 4 <= len(stream):
        number, length = struct.unpack_from("<HH", stream, position)
        content = view[position + 4 : position + 4 + length]
        position += 4 + length
        if number == _BEGIN:
            depth += 1
        elif number == _END:
            if depth <= 0:
                return
            depth -= 1
        yield (number if depth <= 0 else _WITHIN_CHART), content


def _check_declared(content: memoryview, source: str, limits: Limits) -> None:
    """calamine asks at once for the memory of the rectangle that an XLS sheet declares, whether or not it is filled."""
    if len(content) == 10:
        first, last, left, right = struct.unpack_from("<HHHH", content)
    else:
        first, last, left, right = struct.unpack_from("<IIHH", content)
    if left > 0xFF or right < left:
        left = 0
    if last and right and (last < first or (last - first) * (right - left) > limits.sheet_cells):
        raise too_large(source, "sheet_cells", limits.sheet_cells)


def _binary_records(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The records of a part of an XLSB file: number and length are written seven bits a byte."""
    position, end = 0, len(content)
    while position < end:
        number = content[position]
        position += 1
        if number & 0x80 and position < end:
            number = (number & 0x7F) | (content[position] & 0x7F) << 7
            position += 1
        length = 0
        for shift in (0, 7, 14, 21):
            if position >= end:
                break
            byte = content[position]
            position += 1
            length |= (byte & 0x7F) << shift
            if not byte & 0x80:
                break
        yield number, content[position : position + length]
        position += length
