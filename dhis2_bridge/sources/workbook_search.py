"""A search of a sheet's bytes for what calamine would lose or stumble over: passes at memory speed, nothing is parsed.

The answer errs on one side only. A sheet that is called plain has nothing to lose; one that is not may still be plain,
and then is merely read more slowly.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from dhis2_bridge.sources.workbook_cells import column_number

# A rectangle of so many cells is laid out without asking how many of them are filled: 256 MB for a moment.
_SMALL: Final = 8_000_000
_LOOSELY_FILLED: Final = 16

_SHAPE: Final = bytes(
    ord("A") if chr(byte).isalpha() and byte < 128 else ord("9") if chr(byte).isdigit() and byte < 128 else ord(" ")
    for byte in range(256)
)
# Any place that is named, for what stands twice in one tag counts the second time.
_PLACE: Final = re.compile(rb"""r\s*=\s*["']([A-Za-z]+)([0-9]+)["']""")
_WITH_RESULT: Final = re.compile(rb"<f(?: [^>]*)?(?:/>|>[^<]*</f>)<v>[^<]")
_WITH_EMPTY_TEXT: Final = re.compile(rb' t="str"[^<>]*><f(?: [^>]*)?(?:/>|>[^<]*</f>)<v></v>')
_ERROR: Final = re.compile(
    rb'<c r="([A-Z]+)([0-9]+)"[^<>]* t="e"[^<>]*>(?:<f(?: [^>]*)?(?:/>|>[^<]*</f>))?<v>([^<&]*)</v>'
)
_HIDDEN_ROW: Final = re.compile(rb'<row r="([0-9]{1,7})"[^<>]* hidden="(?:1|true)"')
_COLUMNS: Final = re.compile(rb"<col( [^<>]*)>")
_HIDDEN: Final = re.compile(rb' hidden="(?:1|true)"')
_LEAST: Final = re.compile(rb' min="([0-9]{1,5})"')
_MOST: Final = re.compile(rb' max="([0-9]{1,5})"')
_SPACED: Final = re.compile(rb"<v>\s")
_TEXTS_COUNTED: Final = re.compile(rb"""uniqueCount\s*=\s*["']([0-9]+)["']""")


@dataclass(frozen=True, slots=True)
class Unseen:
    """What calamine does not tell of a plain sheet; places count from 1.

    Rows that are hidden, columns that are hidden (from the first to the last of each pair), and the errors that stand
    in cells, by row and then by column.
    """

    rows: tuple[int, ...] = ()
    columns: tuple[tuple[int, int], ...] = ()
    errors: Mapping[int, Mapping[int, str]] = field(default_factory=dict)


def plain(content: bytes, padded: Sequence[int]) -> Unseen | None:
    """What calamine does not tell of a sheet, if that is little and in the usual form; else nothing.

    `padded` are the cell styles that fill a number up with zeros. Not plain are: formulas without a stored result,
    names with a prefix, sections of character data, numbers with space around them, and cells so far apart that the
    rectangle around them would fill the memory.
    """
    start, end = content.find(b"<sheetData"), content.rfind(b"</sheetData>")
    # A search for one byte is many times faster than one for two, and often enough to know that there is nothing.
    if start < 0 or end < start or (b"!" in content and b"<!" in content):
        return None
    body = content[start:end]
    if b"e" in body and b"'e'" in body:
        return None
    if padded and (b"s='" in body or any(b's="%d"' % style in body for style in padded)):
        return None
    if b"\n" in body and _SPACED.search(body):
        return None
    formulas = body.count(b"<f") if b"f" in body else 0
    if formulas and formulas != len(_WITH_RESULT.findall(body)) + len(_WITH_EMPTY_TEXT.findall(body)):
        return None
    if not _is_dense(body):
        return None
    hidden = content.count(b"hidden")
    errors = body.count(b'"e"') if b"e" in body else 0
    return _unseen(content, hidden, body, errors) if hidden or errors else Unseen()


def texts_are_counted_right(content: bytes) -> bool:
    """Whether the number that a table of shared texts declares can be true: calamine asks for the memory at once."""
    if content.count(b"uniqueCount") > 1:
        return False
    declared = _TEXTS_COUNTED.search(content)
    # The shortest text takes five bytes: <si/>.
    return int(declared[1]) <= len(content) // 5 if declared else b"uniqueCount" not in content


def _unseen(content: bytes, hidden: int, body: bytes, errors: int) -> Unseen | None:
    """What is hidden and what is an error, where all that is said of either is said in the usual way."""
    rows = tuple(int(number) for number in _HIDDEN_ROW.findall(content))
    columns = tuple(
        (int(least[1]), int(most[1]))
        for attributes in _COLUMNS.findall(content)
        if _HIDDEN.search(attributes) and (least := _LEAST.search(attributes)) and (most := _MOST.search(attributes))
    )
    shown = content.count(b'hidden="0"') + content.count(b'hidden="false"')
    texts: dict[int, dict[int, str]] = {}
    found = _ERROR.findall(body)
    for letters, row, text in found:
        texts.setdefault(int(row), {})[column_number(letters.decode())] = text.decode(errors="replace")
    usual = len(rows) + len(columns) + shown == hidden and len(found) == errors
    return Unseen(rows, columns, texts) if usual else None


def _is_dense(body: bytes) -> bool:
    """Whether the rectangle around the cells of a sheet is small, or not much larger than their number."""
    shape = body.translate(_SHAPE)
    digits = next(count for count in range(3, 8) if count == 7 or b"A" + b"9" * (count + 1) not in shape)
    columns = 18_278 if b"AAA9" in shape else 702 if b"AA9" in shape else 26
    # No place that is named lies beyond these. A cell without a name follows the one before it, and so lies beyond by
    # no more than there are tags of rows, and cells in the longest row.
    longest = max(map(len, body.split(b"</row>"))) // len(b"<c/>")
    if digits < 7 and columns < 1000 and (10**digits + body.count(b"row")) * (columns + longest) <= _SMALL:
        return True
    cells = body.count(b'<c r="')
    if cells != body.count(b"<c") or b":c" in body:
        return False
    enough = max(_SMALL, _LOOSELY_FILLED * cells)
    if digits < 7 and columns < 1000 and 10**digits * columns <= enough:
        return True
    rows: set[int] = set()
    letters: set[bytes] = set()
    for found in _PLACE.finditer(body):
        letters.add(found[1])
        rows.add(int(found[2]))
    if not rows:
        return True
    # Rows of text begin at column A, wherever the first filled cell is.
    return (max(rows) - min(rows) + 1) * max(column_number(text.decode()) for text in letters) <= enough
