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
    formulas without a stored result, cells that do not name their place, names with a prefix, sections of character
    data, and cells so far apart that the rectangle around them would fill the memory.
    """
    start, end = content.find(b"<sheetData"), content.rfind(b"</sheetData>")
    if start < 0 or end < start or b"<!" in content:
        return False
    hidden = content.count(b"hidden")
    if hidden and hidden != content.count(b'hidden="0"') + content.count(b'hidden="false"'):
        return False
    body = content[start:end]
    if body.count(b"<c") != body.count(b'<c r="') or b":c" in body or b'"e"' in body or b"'e'" in body:
        return False
    if padded and (b"s='" in body or any(b's="%d"' % style in body for style in padded)):
        return False
    formulas = body.count(b"<f")
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
    shape = body.translate(_SHAPE)
    # What no reference is longer than: three digits and two letters are enough for a form.
    if b"A9999" not in shape and b"AAA9" not in shape and most >= 999 * 702:
        return True
    count = 0
    rows: list[int] = []
    columns: set[bytes] = set()
    for found in _CELL.finditer(body):
        count += 1
        columns.add(found[1])
        rows.append(int(found[2]))
    if not count:
        return True
    numbers = [column_number(letters.decode()) for letters in columns]
    area = (max(rows) - min(rows) + 1) * (max(numbers) - min(numbers) + 1)
    return area <= min(most, max(_SMALL, _LOOSELY_FILLED * count))
