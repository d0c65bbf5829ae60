"""The texts that hold for a whole table: in cells around it, in the names of sheet and file, given or constant."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from dhis2_bridge import faults, names
from dhis2_bridge.bilingual import folded, spoken
from dhis2_bridge.blocks import Loose
from dhis2_bridge.findings import Finding
from dhis2_bridge.form import Form
from dhis2_bridge.mapping import Cell, Dimension
from dhis2_bridge.values import Sheet

SEARCHED_BELOW: Final = 3
"""How many rows under a label its value may stand, with blank cells between."""

_SUFFIX: Final = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,5}(?:\.(?:gz|zip|zst))?$")


def texts(
    sheet: Sheet, form: Form, given: Mapping[str, str], around: Iterable[int]
) -> tuple[dict[str, Loose], list[Finding]]:
    """The text of each dimension that stands outside the table, by its key, and a finding for each that is not there.

    `around` are indexes of the sheet's rows in which labels are looked for. `given` holds the texts that the caller
    gives (`period`, `org_unit`) for dimensions declared `given: true`.
    """
    found: dict[str, Loose] = {}
    problems: list[Finding] = []
    rows = [(sheet.first_row + index, sheet.rows[index]) for index in around]
    for key, dimension in form.loose:
        if dimension.cell is not None:
            place = _cell(sheet, dimension.cell, rows)
            if place is None:
                wanted = [*dimension.cell.right_of, *dimension.cell.below, *dimension.cell.matches]
                arguments = {"label": dimension.cell.at or " / ".join(wanted)}
                problems.append(Finding("cell.not_found", sheet.source, sheet.sheet, arguments=arguments))
                found[key] = ("", None, None)
            else:
                row, column, text = place
                fault = sheet.faults.get((row, column))
                found[key] = (faults.text_of(fault) if fault is not None else text, row, column)
        elif (stands := standing(dimension, key, sheet.source, sheet.sheet, given)) is not None:
            found[key] = (stands, None, None)
    return found, problems


def standing(dimension: Dimension, key: str, source: str, sheet: str | None, given: Mapping[str, str]) -> str | None:
    """The text of a dimension that stands outside all cells: constant, given, in the sheet's or the file's name.

    The whole of a file's name is taken without its suffix, a pattern is one of the name with it.
    """
    if dimension.constant is not None:
        return dimension.constant
    if dimension.given:
        return given.get(key.partition(".")[0], "")
    base = re.split(r"[/\\]", source)[-1]
    for wanted, text, whole in (
        (dimension.sheet_name, sheet or "", sheet or ""),
        (dimension.file_name, base, _SUFFIX.sub("", base)),
    ):
        if wanted is True:
            return whole
        if wanted:
            return next((part for p in wanted if (part := names.capture(p, text)) is not None), "")
    return None


def _cell(sheet: Sheet, cell: Cell, rows: list[tuple[int, list[str]]]) -> tuple[int, int, str] | None:
    """Row, column and text of a loose cell, or None. The first place that fits counts, reading from the top."""
    if cell.at is not None:
        row, column = cell.place()
        return row, column, text_at(sheet, row, column)
    wanted = [
        (labels, step)
        for texts, step in ((cell.right_of, _right), (cell.below, _under))
        if (labels := {folded(text) for text in texts})
    ]
    for number, cells in rows:
        for column, text in enumerate(cells, start=1):
            if not text or text.isspace():
                continue
            for pattern in cell.matches:
                if (part := names.capture(pattern, text)) is not None:
                    return number, column, part
            head, colon, tail = text.partition(":")
            for labels, step in wanted:
                if colon and tail.strip() and labels & spoken(head):
                    return number, column, tail.strip()
                if labels & spoken(text):
                    return step(sheet, number, column)
    return None


def _right(sheet: Sheet, row: int, column: int) -> tuple[int, int, str]:
    """The first filled cell to the right of a label; the cell beside the label where the rest of the row is blank."""
    for other in range(column + 1, len(sheet.rows[row - sheet.first_row]) + 1):
        if _is_filled(sheet, row, other):
            return row, other, text_at(sheet, row, other)
    return row, column + 1, ""


def _under(sheet: Sheet, row: int, column: int) -> tuple[int, int, str]:
    """The first filled cell under a label; the cell right under it where those that are searched are blank."""
    for other in range(row + 1, row + 1 + SEARCHED_BELOW):
        if _is_filled(sheet, other, column):
            return other, column, text_at(sheet, other, column)
    return row + 1, column, ""


def _is_filled(sheet: Sheet, row: int, column: int) -> bool:
    return bool(text_at(sheet, row, column).strip()) or (row, column) in sheet.faults


def text_at(sheet: Sheet, row: int, column: int) -> str:
    """The text of a cell, "" outside the sheet."""
    index = row - sheet.first_row
    held = 0 <= index < len(sheet.rows) and column <= len(sheet.rows[index])
    return sheet.rows[index][column - 1] if held else ""
