"""Workbooks (XLSX, XLSM, XLSB, XLS, ODS) as sheets of text.

How a cell becomes text: a text stays as it is; a whole number is written without an exponent and any other number
with the 15 digits that a spreadsheet keeps; a date is ISO text, a time of day `10:30:00`, a duration `36:30:00` with
its hours running on; a truth value is `true` or `false`. A number format changes the text in one case, which is told:
one made of zeros only keeps the leading zeros of a code (00123). No other format does: 2.25 shown as 2.3 is 2.25.
"""

import hashlib
import io
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from datetime import date
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from dhis2_bridge.findings import Finding, Unreadable
from dhis2_bridge.sources import workbook_bounds, workbook_xml
from dhis2_bridge.sources.limits import DEFAULT, Limits
from dhis2_bridge.sources.workbook_cells import (
    LAST_COLUMN,
    LAST_ROW,
    Cells,
    Fault,
    Padded,
    Texts,
    column_letters,
    number_text,
)
from dhis2_bridge.sources.workbook_package import Part, pack, too_large, unpack, unreadable, unsupported
from dhis2_bridge.sources.workbook_search import Unseen, plain, texts_are_counted_right
from dhis2_bridge.values import Sheet, Source

_ODS: Final = b"application/vnd.oasis.opendocument.spreadsheet"
_OTHER_OFFICE_FILES: Final = (("word/document.xml", "Word"), ("ppt/presentation.xml", "PowerPoint"))
_ODS_PARTS: Final = ("mimetype", "meta-inf/manifest.xml", "content.xml")
_XLSB_PARTS: Final = (".bin", "xl/_rels/workbook.bin.rels")
# A format that begins with two zeros, if not for what stands in brackets: cause enough to read the styles.
_MAY_PAD: Final = re.compile(rb"""formatCode\s*=\s*["'](?:\[[^\]]*\]|[^"'0-9\[])*00""")
_MERGED_AT_MOST: Final = 5_000_000

_T = TypeVar("_T")


def read(path: Path, name: str, *, limits: Limits = DEFAULT, keep_numbers: bool = False) -> Source:
    """The sheets of a workbook, in its order, hidden ones too; sheets of charts and macros are none.

    `name` is how the user named the file. The kind of workbook is known by its content, not by its name. `findings`
    tells of hidden sheets, rows and columns that hold something, and once of what the format cannot tell. `evidence`
    has `sheets`, and for XLSX the `epoch` of its dates (1900 or 1904).

    Raises `Unreadable`: `file.empty`, `file.no_data` (no cell is filled), `file.unreadable` (damaged, or made to do
    harm), `file.unsupported` (a password, another format), `file.too_large`.
    """
    if path.stat().st_size > min(limits.file_bytes, limits.archive_bytes):
        raise too_large(name, "file_bytes", min(limits.file_bytes, limits.archive_bytes))
    data = path.read_bytes()
    source = Source(name, "", hashlib.sha256(data).hexdigest(), keeps_numbers=keep_numbers)
    if not data:
        raise Unreadable(Finding("file.empty", name))
    if data.startswith(b"PK"):
        _read_archive(source, unpack(data, name, limits), path.suffix.lower(), limits)
    elif data.startswith(workbook_bounds.COMPOUND):
        workbook_bounds.check_xls(data, name, limits)
        source.format = "xls"
        _read_by_engine(source, data, limits)
    else:
        start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        raise unsupported(name, "html_or_xml" if start.startswith(b"<") else "unknown", "save_as_xlsx")
    if not any(any(map(any, sheet.rows)) or sheet.faults for sheet in source.sheets):
        raise Unreadable(Finding("file.no_data", name))
    return source


def _read_archive(source: Source, parts: Mapping[str, Part], suffix: str, limits: Limits) -> None:
    """Fill in the sheets of a zipped workbook of any kind.

    calamine gets the parts of that kind only, so that it cannot take the file for another than the one checked here.
    """
    for part, form in _OTHER_OFFICE_FILES:
        if part in parts:
            raise unsupported(source.name, form, "save_as_xlsx")
    if "xl/workbook.bin" in parts:
        source.format = "xlsb"
        workbook_bounds.check_xlsb(parts, source.name, limits)
        _read_by_engine(source, pack(part for key, part in parts.items() if key.endswith(_XLSB_PARTS)), limits)
    elif "mimetype" in parts and parts["mimetype"].content.startswith(_ODS):
        source.format = "ods"
        if not {"content.xml", "meta-inf/manifest.xml"} <= parts.keys():
            raise unreadable(source.name, "workbook_part_missing")
        if b"encryption-data" in parts["meta-inf/manifest.xml"].content:
            raise unsupported(source.name, "encrypted_workbook", "save_without_password")
        workbook_bounds.check_ods(parts["content.xml"].content, source.name, limits)
        _read_by_engine(source, pack(parts[key] for key in _ODS_PARTS), limits)
    elif "_rels/.rels" in parts:
        source.format = "xlsm" if suffix == ".xlsm" else "xlsx"
        _read_open_xml(source, parts, limits)
    else:
        raise unsupported(source.name, "zip", "unpack_first")


def _read_open_xml(source: Source, parts: Mapping[str, Part], limits: Limits) -> None:
    """Fill in the sheets of an XLSX or XLSM: plain ones as calamine reads them, the others as we do."""
    book = workbook_xml.book(parts, source.name)
    source.evidence["epoch"] = book.epoch
    strings, styles = (parts[path].content if path in parts else b"" for path in (book.strings, book.styles))
    formats = workbook_xml.styles(styles, source.name) if _MAY_PAD.search(styles) else None
    padded = [number for number, style in enumerate(formats or ()) if style.zeros]
    worksheets = {place: entry for place, entry in enumerate(book.sheets) if entry.kind == "worksheet"}
    usual = book.usual and texts_are_counted_right(strings)
    easy: dict[int, Unseen] = {}
    for place, entry in worksheets.items():
        if usual and (unseen := plain(parts[entry.part].content, padded)):
            easy[place] = unseen
    engine = _engine(book, parts, easy) if easy else None
    reader: workbook_xml.CellReader | None = None
    texts = Texts()
    for place, entry in worksheets.items():
        sheet = None
        if engine and place in easy:
            sheet = _attempt(partial(_by_engine, engine, place, source, texts, limits, easy[place]))
        if sheet is None:
            # Here too where calamine stumbles over a sheet: what it calls broken is read, or refused with a reason.
            if reader is None:
                shared = workbook_xml.strings(strings, source.name) if strings else []
                if formats is None:
                    formats = workbook_xml.styles(styles, source.name) if styles else ()
                reader = workbook_xml.CellReader(shared, formats, book.epoch, source.name)
            cells = reader.cells(parts[entry.part].content, entry.name, limits)
            sheet = _sheet(source, entry.name, entry.visible, cells, texts)
        _add(source, sheet, limits)


def _engine(book: workbook_xml.Book, parts: Mapping[str, Part], easy: Container[int]) -> CalamineWorkbook | None:
    """calamine, opened on the parts that it is to read; nothing where it does not see the same sheets as we do."""
    others = {entry.part for place, entry in enumerate(book.sheets) if place not in easy}
    packed = pack(part for key, part in parts.items() if key not in others)
    engine = _attempt(lambda: CalamineWorkbook.from_filelike(io.BytesIO(packed)))
    return engine if engine and engine.sheet_names == [entry.name for entry in book.sheets] else None


def _read_by_engine(source: Source, data: bytes, limits: Limits) -> None:
    """Fill in the sheets of a workbook that only calamine reads, and say what its format leaves unknown."""
    engine = _attempt(lambda: CalamineWorkbook.from_filelike(io.BytesIO(data)))
    if engine is None:
        raise unreadable(source.name, "workbook_damaged")
    texts = Texts()
    for place, entry in enumerate(engine.sheets_metadata):
        if entry.typ == SheetTypeEnum.WorkSheet:
            sheet = _attempt(partial(_by_engine, engine, place, source, texts, limits, Unseen()))
            if sheet is None:
                raise unreadable(source.name, "workbook_damaged")
            _add(source, sheet, limits)
    source.findings.append(Finding("sheet.not_known", source.name, arguments={"format": source.format}))


def _by_engine(
    engine: CalamineWorkbook, place: int, source: Source, texts: Texts, limits: Limits, unseen: Unseen
) -> Sheet:
    """One sheet as calamine reads it."""
    entry = engine.sheets_metadata[place]
    read = engine.get_sheet_by_index(place)
    cells = Cells([])
    if read.start is not None and read.end is not None:
        (row, column), (last_row, last_column) = read.start, read.end
        if last_row >= LAST_ROW or last_column >= LAST_COLUMN:
            raise unreadable(source.name, "place_outside_sheet")
        if (last_row - row + 1) * (last_column + 1) > limits.sheet_cells:
            raise too_large(source.name, "sheet_cells", limits.sheet_cells, entry.name)
        rows: Iterable[list[Any]] = islice(read.iter_rows(), row, None)
        cells = Cells(
            _with_errors(rows, unseen.errors, row + 1, column + 1) if unseen.errors else rows,
            first_row=row + 1,
            first_column=column + 1,
            merged=tuple(
                (top + 1, left + 1, bottom + 1, right + 1)
                for (top, left), (bottom, right) in read.merged_cell_ranges or ()
            ),
            hidden_rows=frozenset(number for number in unseen.rows if row < number <= last_row + 1),
            hidden_columns=frozenset(
                number for least, most in unseen.columns for number in range(least, min(most, last_column + 1) + 1)
            ),
        )
    return _sheet(source, entry.name, entry.visible == SheetVisibleEnum.Visible, cells, texts)


def _with_errors(
    rows: Iterable[list[Any]], errors: Mapping[int, Mapping[int, str]], first_row: int, first_column: int
) -> Iterator[list[Any]]:
    """Rows as calamine gives them, with faults where it leaves errors blank."""
    for number, values in enumerate(rows, first_row):
        for column, text in errors.get(number, {}).items():
            values[column - first_column] = Fault("cell.error", text)
        yield values


def _attempt(call: Callable[[], _T]) -> _T | None:
    """What a call of calamine gives, or nothing where it fails.

    A panic in Rust comes as an exception beside `Exception`, so that nobody catches it by mistake.
    """
    try:
        return call()
    except Unreadable:
        raise
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            return None
        raise


def _sheet(of: Source, name: str, visible: bool, cells: Cells, texts: Texts) -> Sheet:
    """The sheet as text, with what has to be told of its cells."""
    source = of.name
    rows: list[list[str]] = []
    numbers: set[tuple[int, int]] = set()
    dates: set[tuple[int, int]] = set()
    faults: dict[tuple[int, int], Finding] = {}
    notes: dict[tuple[int, int], Finding] = {}
    lead = [""] * (cells.first_column - 1)
    blank: list[str] = []
    for number, values in enumerate(cells.rows, cells.first_row):
        texts.odd = False
        line = texts.row(values) if values else blank
        rows.append(lead + line if lead and values else line)
        if of.keeps_numbers:
            numbers.update(
                (number, column) for column, value in enumerate(values, cells.first_column) if _counts(value)
            )
        if texts.odd:
            for column, value in enumerate(values, cells.first_column):
                if isinstance(value, date):
                    dates.add((number, column))
                elif finding := _told(source, name, number, column, value):
                    kept = notes if finding.severity == "info" else faults
                    kept[number, column] = finding
    for place, finding in _covered(source, name, cells, rows):
        dates.discard(place)
        notes.pop(place, None)
        if finding:
            faults[place] = finding
    return Sheet(
        source,
        name,
        rows,
        first_row=cells.first_row,
        visible=visible,
        merged=cells.merged,
        dates=frozenset(dates),
        hidden_rows=cells.hidden_rows,
        hidden_columns=cells.hidden_columns,
        faults=faults,
        notes=notes,
        numbers=frozenset(numbers),
    )


def _counts(value: Any) -> bool:
    """Whether a value is a number in the file."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _told(source: str, sheet: str, row: int, column: int, value: Any) -> Finding | None:
    """What has to be told of a cell, if anything: a fault, or the rule by which it was read."""
    if isinstance(value, Fault):
        return Finding(value.code, source, sheet, row, column, value.found)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    text, code = number_text(float(value))
    if code == "cell.float_noise":
        return Finding(code, source, sheet, row, column, repr(float(value)), {"read": text})
    if code:
        return Finding(code, source, sheet, row, column, text)
    read = value.filled(text) if isinstance(value, Padded) else text
    if read == text:
        return None
    return Finding("cell.padded_by_format", source, sheet, row, column, text, {"read": read})


def _covered(
    source: str, sheet: str, cells: Cells, rows: list[list[str]]
) -> Iterator[tuple[tuple[int, int], Finding | None]]:
    """Clear the cells that merged ranges cover, which nobody sees; a finding for each that says something else."""
    if not cells.merged:
        return
    filled = [number for number, row in enumerate(rows, cells.first_row) if row]
    spans = [(bisect_left(filled, top), bisect_right(filled, bottom)) for top, _, bottom, _ in cells.merged]
    # Merged ranges do not overlap; where they do by the thousand, they are there to keep us busy.
    if sum(last - first for first, last in spans) > min(_MERGED_AT_MOST, 10_000 + 10 * sum(map(len, rows))):
        raise unreadable(source, "merged_ranges_overlap")
    for (top, left, bottom, right), (first, last) in zip(cells.merged, spans, strict=True):
        shown = ""
        for number in filled[first:last]:
            row = rows[number - cells.first_row]
            for column in range(left, min(right, len(row)) + 1):
                text = row[column - 1]
                if (number, column) == (top, left):
                    shown = text
                elif text:
                    row[column - 1] = ""
                    area = f"{column_letters(left)}{top}:{column_letters(right)}{bottom}"
                    told = Finding("cell.covered", source, sheet, number, column, text, {"range": area})
                    yield (number, column), None if text == shown else told


def _add(source: Source, sheet: Sheet, limits: Limits) -> None:
    """Add a sheet to the source, with what has to be told of it as a whole."""
    if max(map(len, sheet.rows), default=0) > limits.columns:
        raise too_large(source.name, "columns", limits.columns, sheet.sheet)
    source.sheets.append(sheet)
    shown = str(sheet.sheet) if sheet.visible else f"{sheet.sheet} (hidden)"
    source.evidence["sheets"] = f"{source.evidence['sheets']}, {shown}" if "sheets" in source.evidence else shown
    if sheet.visible and not sheet.hidden_rows and not sheet.hidden_columns:
        return
    filled = {number for number, row in enumerate(sheet.rows, sheet.first_row) if any(row)}
    filled.update(row for row, _ in sheet.faults)
    if not sheet.visible:
        if filled:
            source.findings.append(Finding("sheet.hidden", source.name, sheet.sheet, arguments={"rows": len(filled)}))
        return
    if rows := sorted(sheet.hidden_rows & filled):
        spans = _spans(rows, str)
        source.findings.append(Finding("row.hidden", source.name, sheet.sheet, rows[0], arguments={"rows": spans}))
    filled = {c for row in sheet.rows for c in sheet.hidden_columns if c <= len(row) and row[c - 1]}
    filled.update(column for _, column in sheet.faults)
    if columns := sorted(sheet.hidden_columns & filled):
        arguments = {"columns": _spans(columns, column_letters)}
        source.findings.append(Finding("column.hidden", source.name, sheet.sheet, None, columns[0], None, arguments))


def _spans(numbers: list[int], shown: Callable[[int], str]) -> str:
    """Ascending numbers as a text in which neighbours are joined: 3, 7-9."""
    spans: list[tuple[int, int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return ", ".join(shown(first) if first == last else f"{shown(first)}-{shown(last)}" for first, last in spans)
