"""Workbooks (XLSX, XLSM, XLSB, XLS, ODS) as sheets of text.

How a cell becomes text: a text stays as it is; a whole number is written without an exponent and any other number
with the 15 digits that a spreadsheet keeps; a date is ISO text, a time of day `10:30:00`, a duration `36:30:00` with
its hours running on; a truth value is `true` or `false`. A number format changes the text in one case, which is told:
one made of zeros only keeps the leading zeros of a code (00123). No other format does: 2.25 shown as 2.3 is 2.25.
"""

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from python_calamine import CalamineSheet, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from dhis2_bridge.findings import Finding, Unreadable
from dhis2_bridge.sources import workbook_bounds, workbook_xml
from dhis2_bridge.sources.limits import DEFAULT, Limits
from dhis2_bridge.sources.workbook_cells import FAULTS, Cells, Fault, Padded, Texts, column_letters, number_text
from dhis2_bridge.sources.workbook_package import Part, pack, too_large, unpack, unreadable, unsupported
from dhis2_bridge.sources.workbook_search import is_plain, texts_are_counted_right
from dhis2_bridge.values import Sheet, Source

_ODS: Final = b"application/vnd.oasis.opendocument.spreadsheet"


def read(path: Path, name: str, *, limits: Limits = DEFAULT) -> Source:
    """The sheets of a workbook, in its order, hidden ones too; sheets of charts and macros are none.

    `name` is how the user named the file. The kind of workbook is known by its content, not by its name. `findings`
    tells of hidden sheets, rows and columns that hold something, and once of what the format cannot tell. `evidence`
    has `sheets`, and for XLSX `epoch` (1900 or 1904) and `producer`.

    Raises `Unreadable`: `file.empty`, `file.no_data` (no cell is filled), `file.unreadable` (damaged, or made to do
    harm), `file.unsupported` (a password, another format), `file.too_large`.
    """
    if path.stat().st_size > min(limits.file_bytes, limits.archive_bytes):
        raise too_large(name, "file_bytes", min(limits.file_bytes, limits.archive_bytes))
    data = path.read_bytes()
    source = Source(name, "", hashlib.sha256(data).hexdigest())
    if not data:
        raise Unreadable(Finding("file.empty", name))
    if data.startswith(b"PK"):
        parts = unpack(data, name, limits)
        if "xl/workbook.bin" in parts:
            workbook_bounds.check_xlsb(parts, name, limits)
            source.format = "xlsb"
            _read_by_engine(source, pack(parts.values()), limits)
        elif "mimetype" in parts and parts["mimetype"].content.startswith(_ODS):
            if "content.xml" not in parts:
                raise unreadable(name, "workbook_part_missing")
            workbook_bounds.check_ods(parts["content.xml"].content, name, limits)
            source.format = "ods"
            _read_by_engine(source, pack(parts.values()), limits)
        elif "[content_types].xml" in parts and "_rels/.rels" in parts:
            _read_open_xml(source, parts, limits)
        else:
            raise unsupported(name, "zip", "unpack_first")
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


def _read_open_xml(source: Source, parts: Mapping[str, Part], limits: Limits) -> None:
    """Fill in the sheets of an XLSX or XLSM: those that hold nothing special by calamine, the others by ourselves."""
    book = workbook_xml.book(parts, source.name)
    macros = b"macroEnabled" in parts["[content_types].xml"].content
    source.format = "xlsm" if macros else "xlsx"
    source.evidence["epoch"] = book.epoch
    if "docprops/app.xml" in parts and (found := _PRODUCER.search(parts["docprops/app.xml"].content)):
        source.evidence["producer"] = found[1].decode(errors="replace")
    empty = b""
    strings = parts[book.strings].content if book.strings in parts else empty
    styles = parts[book.styles].content if book.styles in parts else empty
    formats = workbook_xml.styles(styles, source.name) if _MAY_PAD.search(styles) else None
    padded = [number for number, style in enumerate(formats or ()) if style.zeros]
    sheets = [(place, entry) for place, entry in enumerate(book.sheets) if entry.kind == "worksheet"]
    usual = book.usual and texts_are_counted_right(strings)
    plain = {
        place
        for place, entry in sheets
        if usual and is_plain(parts[entry.part].content, padded, limits.sheet_cells)
    }
    engine = None
    if plain:
        left_out = {entry.part for place, entry in sheets if place not in plain}
        packed = pack(part for key, part in parts.items() if key not in left_out)
        engine = _attempt(lambda: CalamineWorkbook.from_filelike(io.BytesIO(packed)))
        if engine and engine.sheet_names != [entry.name for entry in book.sheets]:
            engine = None
    texts = Texts()
    shared: list[str] | None = None
    for place, entry in sheets:
        cells = _attempt(lambda place=place: _cells(engine.get_sheet_by_index(place))) if engine and place in plain else None
        if cells is None:
            # Also where calamine stumbles over a sheet: what it calls broken is read here, or refused with a reason.
            if shared is None:
                shared = workbook_xml.strings(strings, source.name) if strings else []
            if formats is None:
                formats = workbook_xml.styles(styles, source.name) if styles else ()
            content = parts[entry.part].content
            cells = workbook_xml.cells(content, shared, formats, book.epoch, source.name, entry.name, limits)
        _add(source, entry.name, entry.visible, cells, texts)


def _read_by_engine(source: Source, data: bytes) -> None:
    """Fill in the sheets of a workbook that only calamine reads, and say what its format leaves unknown."""
    book = _required(source, lambda: CalamineWorkbook.from_filelike(io.BytesIO(data)))
    texts = Texts()
    for place, sheet in enumerate(book.sheets_metadata):
        if sheet.typ == SheetTypeEnum.WorkSheet:
            cells = _required(source, lambda place=place: _cells(book.get_sheet_by_index(place)))
            _add(source, sheet.name, sheet.visible == SheetVisibleEnum.Visible, cells, texts)
    source.findings.append(Finding("sheet.not_known", source.name, arguments={"format": source.format}))


def _cells(sheet: CalamineSheet) -> Cells:
    """The cells that calamine read."""
    if sheet.start is None:
        return Cells([])
    row, column = sheet.start
    merged = tuple((top + 1, left + 1, bottom + 1, right + 1) for (top, left), (bottom, right) in sheet.merged_cell_ranges or ())
    return Cells(islice(sheet.iter_rows(), row, None), row + 1, column + 1, merged)


def _add(source: Source, name: str, visible: bool, cells: Cells, texts: Texts) -> None:
    """Add a sheet as text to the source, with the findings that concern it."""
    sheet = Sheet(
        source.name,
        name,
        [],
        first_row=cells.first_row,
        visible=visible,
        merged=cells.merged,
        hidden_rows=cells.hidden_rows,
        hidden_columns=cells.hidden_columns,
    )
    dates: set[tuple[int, int]] = set()
    faults: dict[tuple[int, int], Finding] = {}
    notes: dict[tuple[int, int], Finding] = {}
    lead = [""] * (cells.first_column - 1)
    blank: list[str] = []
    for number, values in enumerate(cells.rows, cells.first_row):
        texts.odd = False
        line = texts.row(values) if values else blank
        sheet.rows.append(lead + line if lead and values else line)
        if texts.odd:
            for column, value in enumerate(values, cells.first_column):
                if isinstance(value, date):
                    dates.add((number, column))
                elif finding := _told(source.name, name, number, column, value):
                    (faults if finding.code in FAULTS or isinstance(value, Fault) else notes)[number, column] = finding
    sheet.dates, sheet.faults, sheet.notes = frozenset(dates), faults, notes
    _clear_covered(sheet, faults)
    source.sheets.append(sheet)
    listed = str(source.evidence.get("sheets", ""))
    source.evidence["sheets"] = f"{listed}, " * bool(listed) + name + " (hidden)" * (not visible)
    source.findings += _hidden(sheet)
