"""A search of a sheet's bytes for what calamine would lose or stumble over: passes at memory speed, nothing is parsed.

The answer errs on one side only. A sheet that is called plain has nothing to lose; one that is not may still be plain,
and then is merely read more slowly.
"""

import re
from collections.abc import Sequence
from typing import Final

from dhis2_bridge.sources.workbook_cells import column_number

# A rectangle of so many cells is laid out without asking how many of them are filled: 128 MB for a moment.
_SMALL: Final = 4_000_000
_LOOSELY_FILLED: Final = 4

_SHAPE: Final = bytes(
    ord("A") if chr(byte).isalpha() and byte < 128 else ord("9") if chr(byte).isdigit() and byte < 128 else ord(" ")
    for byte in range(256)
)
_CELL: Final = re.compile(rb'<c r="([A-Za-z]+)([0-9]+)"')
_WITH_RESULT: Final = re.compile(rb"<f(?: [^>]*)?(?:/>|>[^<]*</f>)<v>[^<]")
_WITH_EMPTY_TEXT: Final = re.compile(rb' t="str"[^<>]*><f(?: [^>]*)?(?:/>|>[^<]*</f>)<v></v>')
_TEXTS_COUNTED: Final = re.compile(rb"""uniqueCount\s*=\s*["']([0-9]+)["']""")


def is_plain(content: bytes, padded: Sequence[int], most: int) -> bool:
    """Whether calamine gives all there is in this sheet, in a rectangle of at most `most` cells.

    `padded` are the cell styles that fill a number up with zeros. Not plain are: hidden rows or columns, error cells,
    formulas without a stored result, names with a prefix, sections of character data, and cells so far apart that the
    rectangle around them would fill the memory.
    """
    start, end = content.find(b"<sheetData"), content.rfind(b"</sheetData>")
    # A search for one byte is many times faster than one for two, and often enough to know that there is nothing.
    if start < 0 or end < start or (b"!" in content and b"<!" in content):
        return False
    hidden = content.count(b"hidden")
    if hidden and hidden != content.count(b'hidden="0"') + content.count(b'hidden="false"'):
        return False
    body = content[start:end]
    if b"e" in body and (b'"e"' in body or b"'e'" in body):
        return False
    if padded and (b"s='" in body or any(b's="%d"' % style in body for style in padded)):
        return False
    formulas = body.count(b"<f") if b"f" in body else 0
    if formulas and formulas != len(_WITH_RESULT.findall(body)) + len(_WITH_EMPTY_TEXT.findall(body)):
        return False
    return _is_dense(body, most)


def texts_are_counted_right(content: bytes) -> bool:
    """Whether the number that a table of shared texts declares can be true: calamine asks for the memory at once."""
    if content.count(b"uniqueCount") > 1:
        return False
    declared = _TEXTS_COUNTED.search(content)
    # The shortest text takes five bytes: <si/>.
    return int(declared[1]) <= len(content) // 5 if declared else b"uniqueCount" not in content


def _is_dense(body: bytes, most: int) -> bool:
    """Whether the rectangle around the cells of a sheet is small, or not much larger than their number."""
    shape = body.translate(_SHAPE)
    if b"A9999" not in shape and b"AAA9" not in shape:
        # No place that is named lies beyond row 999 and column ZZ. A cell without a name follows the one before it,
        # and so lies beyond by no more than there are tags of rows, and cells in the longest row.
        rows = 999 + body.count(b"row")
        columns = 702 + max(map(len, body.split(b"</row>"))) // len(b"<c/>")
        if rows * columns <= min(most, _SMALL):
            return True
    count = 0
    numbers: set[int] = set()
    letters: set[bytes] = set()
    for found in _CELL.finditer(body):
        count += 1
        letters.add(found[1])
        numbers.add(int(found[2]))
    if count != body.count(b"<c") or b":c" in body:
        return False
    if not count:
        return True
    columns_used = [column_number(text.decode()) for text in letters]
    area = (max(numbers) - min(numbers) + 1) * (max(columns_used) - min(columns_used) + 1)
    return area <= min(most, max(_SMALL, _LOOSELY_FILLED * count))
