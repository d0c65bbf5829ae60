"""What a workbook in Open XML (XLSX, XLSM) says of itself, and its sheets cell by cell.

calamine reads a sheet several times faster than Python can, but gives errors and formulas without a result as blanks,
knows neither hidden rows nor number formats, and lays a sheet out as one dense rectangle however far apart its cells
are. So a sheet is searched first (`workbook_search`). Where nothing is found that calamine would lose, it reads the
sheet; any other sheet is read here.
"""

import functools
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import partial
from typing import Any, Final, TypeVar

from dhis2_bridge.findings import Unreadable
from dhis2_bridge.sources.limits import Limits
from dhis2_bridge.sources.safe_xml import elements, local_name, tree
from dhis2_bridge.sources.workbook_cells import (
    LAST_COLUMN,
    LAST_ROW,
    Cells,
    Fault,
    Padded,
    Value,
    column_number,
    moment,
)
from dhis2_bridge.sources.workbook_package import Part, too_large, unreadable, unsupported

_TRUE: Final = frozenset({"1", "true"})
_DIGITS: Final = "0123456789"
_NO_NUMBERS: Final = frozenset({"nan", "inf", "-inf", "infinity", "-infinity"})
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_ESCAPED: Final = re.compile("_x00([0-9A-Fa-f]{2})_")

_DATES: Final = frozenset({*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)})
_DURATION: Final = 46
_LITERALS: Final = re.compile(r'"[^"]*"|\\.|_.|\*.', re.DOTALL)
_BRACKETS: Final = re.compile(r"\[[^\]]*\]")
_T = TypeVar("_T")

_ALIKE: Final = 64
"""Small parts whose reading is remembered: the forms of one ministry have the same ones in every file."""

_ELAPSED: Final = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_DATE_LETTERS: Final = re.compile("[dmyhs]", re.IGNORECASE)
_FILLING: Final = re.compile(r"_.|\*.|\[[^\]]*\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SheetEntry:
    """One sheet as the workbook lists it; `kind` is `worksheet` for a sheet of cells."""

    name: str
    visible: bool
    kind: str
    part: str


@dataclass(frozen=True, slots=True)
class Book:
    """What a workbook says of itself: its sheets in order, the epoch of its dates, where its texts and formats are.

    `usual` is whether its parts have the names that calamine takes for granted.
    """

    sheets: tuple[SheetEntry, ...]
    epoch: int
    strings: str
    styles: str
    usual: bool


@dataclass(frozen=True, slots=True)
class Style:
    """What a number format makes of a number: `kind` is "date", "duration" or "", `zeros` the digits it fills up to."""

    kind: str = ""
    zeros: int = 0


def book(parts: Mapping[str, Part], source: str) -> Book:
    """The sheets of a workbook and where its parts are.

    Raises `Unreadable` where the workbook, or a sheet that it lists, is not in the archive.
    """
    main = next((path for kind, path in _targets(parts, "", "", source).values() if kind == "officeDocument"), "")
    folder, _, name = main.rpartition("/")
    folder = folder and f"{folder}/"
    listed = _remembered(_listed, _content(parts, main, source), source)
    if listed is None:
        raise unsupported(source, "zip", "save_as_xlsx")
    epoch, items = listed
    targets = _targets(parts, folder, name, source)
    sheets: list[SheetEntry] = []
    for key, title, visible in items:
        kind, path = targets.get(key, ("", ""))
        if path not in parts and kind in {"worksheet", ""}:
            raise unreadable(source, "sheet_missing")
        sheets.append(SheetEntry(title, visible, kind, path))
    paths = dict(targets.values())
    strings, styles = paths.get("sharedStrings", ""), paths.get("styles", "")
    usual = name == "workbook.xml" and all(
        path == wonted or (not path and wonted not in parts)
        for path, wonted in ((strings, f"{folder}sharedstrings.xml"), (styles, f"{folder}styles.xml"))
    )
    return Book(tuple(sheets), epoch, strings, styles, usual)


def styles(content: bytes, source: str) -> tuple[Style, ...]:
    """What the number format of each cell style makes of a number, in the order that cells count them."""
    root = tree(content, source)
    codes = {item.get("numFmtId"): item.get("formatCode", "") for item in root.iterfind("{*}numFmts/{*}numFmt")}
    known: dict[str | None, Style] = {}
    found = []
    for item in root.iterfind("{*}cellXfs/{*}xf"):
        number = item.get("numFmtId")
        if number not in known:
            known[number] = _style(number or "", codes.get(number))
        found.append(known[number])
    return tuple(found)


def strings(content: bytes, source: str) -> list[str]:
    """The texts that the cells of a workbook share."""
    return [_text(item) for item in elements(content, ("{*}si",), source)]


class CellReader:
    """Reads the sheets of a workbook cell by cell: its shared texts, its cell styles and its epoch are given."""

    def __init__(self, texts: Sequence[str], formats: Sequence[Style], epoch: int, source: str) -> None:
        self._texts, self._formats, self._epoch, self._source = texts, formats, epoch, source

    def cells(self, content: bytes, sheet: str, limits: Limits) -> Cells:
        """The cells of one sheet, with what is hidden and what cannot be known.

        Memory follows the filled cells: a row reaches to its last filled cell, and a styled blank is none. Raises
        `Unreadable` for broken XML, a place outside of what a sheet has, and more cells than the limit.
        """
        rows: dict[int, list[Value]] = {}
        hidden: set[int] = set()
        hidden_columns: list[tuple[int, int]] = []
        merged: list[tuple[int, int, int, int]] = []
        formulas: dict[str, str] = {}
        columns: dict[str, int] = {}
        laid_out = number = 0
        for element in elements(content, ("{*}row", "{*}col", "{*}mergeCell"), self._source):
            match local_name(element):
                case "row":
                    number = self._whole(element.get("r"), number + 1)
                    if element.get("hidden") in _TRUE:
                        hidden.add(number)
                    shown, column = str(number), 0
                    for cell in element:
                        reference = cell.get("r")
                        if reference is None:
                            if local_name(cell) != "c":
                                continue
                            row, column = number, column + 1
                        else:
                            letters = reference.rstrip(_DIGITS)
                            column = columns.get(letters) or columns.setdefault(letters, self._column(letters))
                            digits = reference[len(letters) :]
                            row = number if digits == shown else self._whole(digits, 0)
                        if not 0 < row <= LAST_ROW or column > LAST_COLUMN:
                            raise unreadable(self._source, "place_outside_sheet")
                        value = self._value(cell, formulas)
                        if value == "":
                            continue
                        line = rows.get(row)
                        if line is None:
                            rows[row] = line = []
                        if column > len(line):
                            laid_out += column - len(line)
                            if laid_out > limits.sheet_cells:
                                raise too_large(self._source, "sheet_cells", limits.sheet_cells, sheet)
                            line.extend([""] * (column - len(line)))
                        line[column - 1] = value
                case "col" if element.get("hidden") in _TRUE:
                    hidden_columns.append((self._whole(element.get("min"), 1), self._whole(element.get("max"), 1)))
                case "mergeCell":
                    first, _, last = element.get("ref", "").partition(":")
                    if last and last != first:
                        merged.append((*self._place(first), *self._place(last)))
                case _:
                    pass
        if not rows:
            return Cells([])
        first, last = min(rows), max(rows)
        width = max(map(len, rows.values()))
        blank: list[Value] = []
        return Cells(
            [rows.get(row, blank) for row in range(first, last + 1)],
            first_row=first,
            merged=tuple(merged),
            hidden_rows=frozenset(row for row in hidden if first <= row <= last),
            hidden_columns=frozenset(
                column for least, most in hidden_columns for column in range(max(1, least), min(most, width) + 1)
            ),
        )

    def _value(self, cell: Any, formulas: dict[str, str]) -> Value:
        kind = cell.get("t", "n")
        stored: str | None = None
        formula: str | None = None
        inline = ""
        for child in cell:
            tag = child.tag
            match tag[tag.rfind("}") + 1 :]:
                case "v":
                    stored = child.text or ""
                case "f":
                    formula = _formula(child, formulas)
                case "is":
                    inline = _text(child)
                case _:
                    pass
        if kind == "inlineStr":
            return inline
        if formula is not None and (stored is None or (stored == "" and kind != "str")):
            # A stored empty text is a result; the same emptiness where a number belongs is what a program leaves that
            # writes formulas and calculates nothing.
            return Fault("cell.formula_without_value", f"={formula}")
        if kind == "e":
            return Fault("cell.error", stored or "")
        if not stored:
            return ""
        match kind:
            case "s":
                if not stored.isdecimal() or int(stored) >= len(self._texts):
                    raise unreadable(self._source, "shared_text_missing")
                return self._texts[int(stored)]
            case "str":
                return _unescaped(stored)
            case "b":
                return stored in _TRUE
            case "d":
                return _iso(stored)
            case _:
                return self._number(stored, cell.get("s"))

    def _number(self, stored: str, style: str | None) -> Value:
        if not stored.isdecimal():
            bare = stored.strip()
            if not _NUMBER.fullmatch(bare):
                return Fault("cell.error", bare) if bare.lower() in _NO_NUMBERS else stored
        number = float(stored)
        if style is None or not style.isdecimal() or int(style) >= len(self._formats):
            return number
        shown = self._formats[int(style)]
        if shown.kind:
            return moment(number, shown.kind, self._epoch)
        return Padded(number, shown.zeros) if shown.zeros else number

    def _place(self, reference: str) -> tuple[int, int]:
        letters = reference.rstrip(_DIGITS)
        return self._whole(reference[len(letters) :], 0), self._column(letters)

    def _column(self, letters: str) -> int:
        if not 0 < len(letters) <= 3 or not letters.isascii() or not letters.isalpha():
            raise unreadable(self._source, "place_outside_sheet")
        return column_number(letters)

    def _whole(self, text: str | None, otherwise: int) -> int:
        if text is None:
            return otherwise
        if not text.isdecimal() or len(text) > 9:
            raise unreadable(self._source, "place_outside_sheet")
        return int(text)


def _iso(stored: str) -> Value:
    """A date that a workbook of the strict kind stores as text: a date, a time of day, or both."""
    for kind in (date, datetime, time):
        try:
            read: date | time = kind.fromisoformat(stored)
        except ValueError:
            continue
        # A cell has no time zone; a text that names one is left to whoever reads the column.
        return stored if getattr(read, "tzinfo", None) else read
    return stored


def _formula(element: Any, formulas: dict[str, str]) -> str:
    """The text of a formula; a cell that shares one shows the text of the cell that holds it."""
    text = str(element.text or "")
    shared = element.get("si")
    if shared is None:
        return text
    return formulas.setdefault(shared, text)


def _style(number: str, code: str | None) -> Style:
    if code is None:
        built_in = int(number) if number.isdecimal() else 0
        return Style("duration" if built_in == _DURATION else "date" if built_in in _DATES else "")
    first = code.split(";")[0]
    zeros = _FILLING.sub("", first)
    if len(zeros) > 1 and not zeros.strip("0"):
        return Style(zeros=len(zeros))
    first = _LITERALS.sub("", code).split(";")[0]
    if _ELAPSED.search(first):
        return Style("duration")
    return Style("date" if _DATE_LETTERS.search(_BRACKETS.sub("", first)) else "")


def _text(item: Any) -> str:
    """The text of a shared or inline string: its runs joined, without what tells how to pronounce them."""
    found = ""
    for child in item:
        match local_name(child):
            case "t":
                found += _run(child)
            case "r":
                found += "".join(_run(run) for run in child if local_name(run) == "t")
            case _:
                pass
    return found


def _run(element: Any) -> str:
    text = element.text or ""
    if text[:1].isspace() or text[-1:].isspace():
        kept = element.get("{http://www.w3.org/XML/1998/namespace}space") == "preserve"
        text = text if kept else text.strip(" \t\r\n")
    return _unescaped(text)


def _unescaped(text: str) -> str:
    """A text in which control characters stand written out, as in `_x000D_`."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x00" in text else text


@functools.lru_cache(maxsize=_ALIKE)
def _listed(content: bytes) -> tuple[int, list[tuple[str, str, bool]]] | None:
    """The epoch of a workbook and its sheets (identifier, name, visible); nothing for another document."""
    root = tree(content, "")
    if local_name(root) != "workbook":
        return None
    epoch = 1900
    sheets: list[tuple[str, str, bool]] = []
    for element in root:
        match local_name(element):
            case "workbookPr" if element.get("date1904") in _TRUE:
                epoch = 1904
            case "sheets":
                for item in element:
                    key = next((value for name, value in item.items() if name.endswith("}id")), "")
                    sheets.append((key, item.get("name", ""), item.get("state", "visible") == "visible"))
            case _:
                pass
    return epoch, sheets


def _targets(parts: Mapping[str, Part], folder: str, name: str, source: str) -> dict[str, tuple[str, str]]:
    """What a part refers to, by identifier: the last word of the kind and the path, in lower case."""
    content = _content(parts, f"{folder}_rels/{name}.rels", source)
    return _remembered(partial(_relationships, folder), content, source)


def _remembered(read: Callable[[bytes], _T], content: bytes, source: str) -> _T:
    """What a reader that remembers makes of a part; it does not know the file, which a refusal has to name."""
    try:
        return read(content)
    except Unreadable as refused:
        raise Unreadable(replace(refused.finding, source=source)) from refused


@functools.lru_cache(maxsize=_ALIKE)
def _relationships(folder: str, content: bytes) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for element in tree(content, ""):
        if element.get("TargetMode") == "External":
            continue
        target = element.get("Target", "").lower()
        if target.startswith(("/", ".")):
            target = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
        else:
            target = folder + target
        found[element.get("Id", "")] = (element.get("Type", "").rpartition("/")[2], target)
    return found


def _content(parts: Mapping[str, Part], path: str, source: str) -> bytes:
    part = parts.get(path)
    if part is None:
        raise unreadable(source, "workbook_part_missing")
    return part.content
