"""Finds the table in a sheet: its header paths, its body, and the loose cells around it.

Plain Python over one sheet at a time; what many sheets have in common (the header) is kept once, so that many forms
become one frame. Nothing here knows of DHIS2 beyond the mapping.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise, zip_longest
from typing import Final

from dhis2_bridge import loose
from dhis2_bridge.bilingual import spoken
from dhis2_bridge.blocks import Block, Header, needs_sheet
from dhis2_bridge.findings import Finding
from dhis2_bridge.form import Form
from dhis2_bridge.records import (
    as_records,
    cell_findings,
    loose_block,
    loose_table,
    read_dates,
    records,
    texts_of,
    turned,
)
from dhis2_bridge.values import Sheet, address

__all__ = [
    "Block",
    "Form",
    "Header",
    "as_records",
    "cell_findings",
    "lay_out",
    "loose_block",
    "loose_table",
    "needs_sheet",
    "outside_all",
    "read_dates",
    "records",
    "texts_of",
    "turned",
]

_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:[ \u00a0\u202f'][0-9]{3})*(?:[.,][0-9]+)?")


def lay_out(sheet: Sheet, form: Form, given: Mapping[str, str]) -> tuple[list[Block], list[Finding]]:
    """The blocks of one table mapping in one sheet, and what could not be found.

    `given` holds the texts that the caller gives (`period`, `org_unit`) for dimensions declared `given: true`. The
    blocks of a transposed table are of a sheet that is turned over, with its places; findings have the sheet's own.
    """
    blocks: list[Block] = []
    found: list[Finding] = []
    spans = _spans(sheet, form)
    preface = range(spans[0].start)
    for rows in spans:
        block, problems = (_turned if form.table.source.transpose else _upright)(sheet, form, given, rows, preface)
        found.extend(problems)
        if block is not None:
            blocks.append(block)
    return blocks, found


def outside_all(found: Iterable[Finding], blocks: Iterable[Block]) -> Iterator[Finding]:
    """The findings of several tables of one file without those of cells outside one table that another one reads."""
    read = {(block.sheet.sheet, row) for block in blocks for row, _ in block.rows}
    return (one for one in found if one.code != "cell.outside_table" or (one.sheet, one.row) not in read)


def _spans(sheet: Sheet, form: Form) -> list[range]:
    """The stacked blocks of a sheet, as indexes of its rows; one block where none repeats."""
    everything = range(len(sheet.rows))
    if not form.starts:
        return [everything]
    marks = [
        index
        for index, row in enumerate(sheet.rows)
        if any(cell and (form.starts & spoken(cell) or form.starts & spoken(cell.partition(":")[0])) for cell in row)
    ]
    if not marks:
        return [everything]
    return [range(start, stop) for start, stop in pairwise([*marks, len(sheet.rows)])]


def _upright(
    sheet: Sheet, form: Form, given: Mapping[str, str], rows: range, preface: range
) -> tuple[Block | None, list[Finding]]:
    """The block in these rows, as it stands."""
    start = _header_start(sheet, form, rows)
    if start is None:
        return None, [_not_found(sheet, form, rows)]
    first = _first_body_row(sheet, form, start, rows.stop)
    stop, by_blank = _body_stop(sheet, form, range(first, rows.stop))
    header = _header(sheet, form, start, first, stop)
    body, findings = _body(sheet, form, header, start, range(first, stop))
    beyond = [*(preface if rows.start == preface.stop else ()), *range(stop, rows.stop)]
    findings.extend(_outside(sheet, form, header, beyond, by_blank=by_blank))
    body.loose, missing = loose.texts(
        sheet, form, given, [*range(rows.start, start), *range(stop, rows.stop), *preface]
    )
    return body, [*findings, *missing]


def _turned(
    sheet: Sheet, form: Form, given: Mapping[str, str], rows: range, preface: range
) -> tuple[Block | None, list[Finding]]:
    """The block in these rows with rows and columns changed places.

    Titles stand above the table and signatures below it here too, which after turning is beside it: rows with a loose
    cell, and those from an end word on, are none of the table's.
    """
    # A number of a row counts in the turned sheet; a label stands where it stands.
    anchor = rows.start if form.table.source.header.row is not None else _header_start(sheet, form, rows)
    if anchor is None:
        return None, [_not_found(sheet, form, rows)]
    texts, missing = loose.texts(sheet, form, given, [*rows, *preface])
    stop, _ = _body_stop(sheet, form, range(anchor + 1, rows.stop))
    aside = {row - sheet.first_row for _, row, _ in texts.values() if row is not None} - {anchor}
    own = set(range(rows.start, stop)) - aside
    part = replace(
        sheet,
        rows=[sheet.rows[index] if index in own else [] for index in range(rows.start, stop)],
        first_row=sheet.first_row + rows.start,
        faults={place: fault for place, fault in sheet.faults.items() if place[0] - sheet.first_row in own},
    )
    over = transposed(part)
    whole = range(len(over.rows))
    start = _header_start(over, form, whole)
    if start is None:
        return None, [_not_found(sheet, form, rows)]
    first = _first_body_row(over, form, start, whole.stop)
    header = _header(over, form, start, first, whole.stop)
    block, findings = _body(over, form, header, start, range(first, whole.stop))
    block.loose = {key: (text, column, row) for key, (text, row, column) in texts.items()}
    findings = [replace(one, row=one.column, column=one.row) for one in findings]
    columns = {number for number, _ in block.rows}
    return block, [*findings, *_beside(sheet, form, columns, range(stop, rows.stop)), *missing]


def _beside(sheet: Sheet, form: Form, columns: set[int], rows: range) -> Iterator[Finding]:
    """A finding for each row after the end of a transposed table that has numbers where records stand."""
    for index in rows:
        counted = [n for n, cell in enumerate(sheet.rows[index], start=1) if n in columns and _NUMBER.fullmatch(cell)]
        if len(counted) >= min(2, len(columns)) and counted and not form.is_end(_leading(sheet.rows[index])):
            place = (sheet.first_row + index, counted[0])
            found = sheet.rows[index][counted[0] - 1]
            yield Finding("cell.outside_table", sheet.source, sheet.sheet, *place, found, values=len(counted))


def transposed(sheet: Sheet) -> Sheet:
    """The sheet with rows as columns; places in it are turned back by whoever reports them."""
    width = max((len(row) for row in sheet.rows), default=0)
    above = [[""] * width] * (sheet.first_row - 1)
    return replace(
        sheet,
        rows=[list(column) for column in zip_longest(*above, *sheet.rows, fillvalue="")],
        first_row=1,
        merged=tuple((c1, r1, c2, r2) for r1, c1, r2, c2 in sheet.merged),
        dates=frozenset((c, r) for r, c in sheet.dates),
        hidden_rows=sheet.hidden_columns,
        hidden_columns=sheet.hidden_rows,
        faults={(c, r): fault for (r, c), fault in sheet.faults.items()},
        notes={(c, r): note for (r, c), note in sheet.notes.items()},
    )


def _header_start(sheet: Sheet, form: Form, rows: range) -> int | None:
    """Index of the first header row among these rows, or None."""
    header = form.table.source.header
    if header.row is not None:
        index = header.row - sheet.first_row
        return index if index in rows else None
    if header.anchor is None:
        return next((index for index in rows if any(cell.strip() for cell in sheet.rows[index])), None)
    anchor = form.anchor
    return next((index for index in rows if any(cell and anchor & spoken(cell) for cell in sheet.rows[index])), None)


def _not_found(sheet: Sheet, form: Form, rows: range) -> Finding:
    anchor = form.table.source.header.anchor
    seen = next((sheet.rows[i] for i in rows if sum(bool(cell.strip()) for cell in sheet.rows[i]) > 1), [])
    arguments = {
        "wanted": list(form.table.labels(anchor)) if anchor else [],
        "seen": [cell for cell in seen if cell.strip()][:12],
    }
    return Finding("table.not_found", sheet.source, sheet.sheet, arguments=arguments)


def _first_body_row(sheet: Sheet, form: Form, start: int, stop: int) -> int:
    """Index of the first row below the header and its row of column numbers."""
    first = min(start + form.table.source.header.rows, stop)
    skips = form.table.source.header.skip == "column_numbers"
    return first + 1 if skips and first < stop and _column_numbers(sheet.rows[first]) else first


def _column_numbers(row: list[str]) -> bool:
    """Whether a row is the form's row of column numbers: 1 2 3 ... or A B 1 2 3 ..., as printed under headers."""
    texts = [cell.strip() for cell in row if cell.strip()]
    letters = 0
    while letters < len(texts) and len(texts[letters]) == 1 and texts[letters].isalpha():
        letters += 1
    written = texts[letters:]
    return len(written) > 1 and written in (
        [str(n) for n in range(1, len(written) + 1)],
        [str(n) for n in range(letters + 1, letters + len(written) + 1)],
    )


def _body_stop(sheet: Sheet, form: Form, rows: range) -> tuple[int, bool]:
    """Index of the first row after the body, and whether it is a blank row that ends it."""
    ends = form.table.source.ends
    for index in rows if ends is not None else ():
        leading = _leading(sheet.rows[index])
        if leading and form.is_end(leading):
            return index, False
        if not leading and ends is not None and ends.blank_row and not _has_fault(sheet, index):
            return index, True
    return rows.stop, False


def _leading(row: list[str]) -> str:
    """The first filled cell of a row."""
    if row and row[0] and not row[0].isspace():
        return row[0]
    return next((cell for cell in row if cell and not cell.isspace()), "")


def _has_fault(sheet: Sheet, index: int) -> bool:
    return any(row == sheet.first_row + index for row, _ in sheet.faults)


def _header(sheet: Sheet, form: Form, start: int, first: int, stop: int) -> Header:
    """The header of a table whose body begins and stops at these indexes; blank columns behind both are no part."""
    rows = range(sheet.first_row + start, sheet.first_row + stop)
    width = max((column for row, column in sheet.faults if row in rows), default=0)
    for row in sheet.rows[start:stop]:
        # Only what is wider than the rows before can make the table wider.
        width = next((n for n in range(len(row), width, -1) if row[n - 1] and not row[n - 1].isspace()), width)
    levels = min(start + form.table.source.header.rows, first)
    spread = max((m[3] for m in sheet.merged if sheet.first_row + start <= m[0] < sheet.first_row + levels), default=0)
    longest = max((len(sheet.rows[i]) for i in range(start, stop)), default=0)
    return Header(_paths(sheet, start, levels, max(width, min(spread, longest))))


def _paths(sheet: Sheet, start: int, stop: int, width: int) -> tuple[tuple[str, ...], ...]:
    """The header texts of each column, level by level, with merged cells spread over the columns that they cover."""
    levels = [[*sheet.rows[i][:width], *[""] * (width - len(sheet.rows[i]))] for i in range(start, stop)]
    top = sheet.first_row + start
    for r1, c1, _, c2 in sheet.merged:
        if top <= r1 < top + len(levels) and c1 <= width:
            text = levels[r1 - top][c1 - 1]
            levels[r1 - top][c1 - 1 : min(c2, width)] = [text] * (min(c2, width) - c1 + 1)
    return tuple(tuple(text.strip() for text in path) for path in zip(*levels, strict=True))


def _body(sheet: Sheet, form: Form, header: Header, start: int, rows: range) -> tuple[Block, list[Finding]]:
    """The rows of the body that are neither blank, nor the heading of a section, nor declared to be totals."""
    block = Block(sheet, header, sheet.first_row + start, [], {}, form.under(header).labels)
    faulty = {row for row, _ in sheet.faults}
    section = ""
    totals: list[int] = []
    for index in rows:
        row, number = sheet.rows[index], sheet.first_row + index
        leading = _leading(row)
        if not leading and number not in faulty:
            continue
        if form.headings and (heading := form.section(leading)) is not None:
            section = heading
            if sum(bool(cell.strip()) for cell in row) == 1:
                continue
        if leading and form.is_total(leading):
            totals.append(number)
            continue
        block.rows.append((number, row))
        if form.headings:
            block.sections.append(section)
    if not totals:
        return block, []
    turned_over = form.table.source.transpose
    listed = ", ".join(address(1, number)[:-1] if turned_over else str(number) for number in totals)
    return block, [Finding("row.total_left_out", sheet.source, sheet.sheet, totals[0], arguments={"rows": listed})]


def _outside(sheet: Sheet, form: Form, header: Header, rows: Iterable[int], *, by_blank: bool) -> Iterator[Finding]:
    """A finding for each row beside the body that looks like one of it, at the cell that says so.

    That is a line code that the crosswalk knows; below a blank row any number; otherwise a row that has all labels
    and numbers where values stand, unless it begins with a word that ends the table.
    """
    standing = form.under(header)
    labels, values = standing.labels, standing.values
    for index in rows:
        row = sheet.rows[index]
        cells = {column: cell.strip() for column, cell in enumerate(row, start=1) if cell.strip()}
        if not cells:
            continue
        found = standing.line if cells.get(standing.line or 0) in form.codes else None
        counted = [column for column, cell in cells.items() if _NUMBER.fullmatch(cell)]
        if found is None and by_blank and counted:
            found = counted[0]
        leading = _leading(row)
        if (
            found is None
            and labels
            and labels <= cells.keys()
            and not form.is_end(leading)
            and not form.is_total(leading)
        ):
            in_values = [column for column in counted if column in values]
            found = in_values[0] if len(in_values) >= min(2, len(values)) and in_values else None
        if found is not None:
            place = (sheet.first_row + index, found)
            yield Finding("cell.outside_table", sheet.source, sheet.sheet, *place, row[found - 1], values=1)
