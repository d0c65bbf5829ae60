"""A small DHIS2 instance and small forms for tests: metadata, tables drawn as text, and what became of them.

A table is text with `|` between cells. `<` continues the merged cell on its left, `^` the one above; `#REF!` is an
error cell, `@2026-09-01` a date, `'007` a text of digits; other numbers are numbers.
"""

import functools
import io
import re
from collections.abc import Mapping as MappingType
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any

import xlsxwriter

import dhis2_bridge
from dhis2_bridge.findings import Finding, rows
from dhis2_bridge.mapping import Mapping
from dhis2_bridge.mapping_file import load_text
from dhis2_bridge.snapshot import Snapshot
from dhis2_bridge.values import Sheet, address

ORG_UNITS = """
17       |        | Oʻzbekiston Respublikasi
1730     | 17     | Fargʻona viloyati
1703     | 17     | Andijon viloyati
1730401  | 1730   | Fargʻona shahri
1730233  | 1730   | Fargʻona tumani
1730405  | 1730   | Qoʻqon shahri
1730209  | 1730   | Bogʻdod tumani
1703206  | 1703   | Bogʻdod tumani
HRM_101  | 1730405 | 1-son poliklinika
HRM_102  | 1730401 | 1-son poliklinika
HRM_103  | 1730209 | Terak shifoxonasi
HRM_103_7 | 1730209 | Terak punkti
HRM_104  | 1703206 | Chinor shifoxonasi
"""
CATEGORIES = {
    "SEX": {"M": "Erkaklar", "F": "Ayollar"},
    "AGE": {"Y0": "0-4", "Y5": "5-14", "Y15": "15+"},
    "PARTNER": {"P1": "Quyosh fondi", "P2": "Oy fondi"},
}
COMBOS = {"CC_SEX": ("SEX",), "CC_SEX_AGE": ("SEX", "AGE"), "CC_PARTNER": ("PARTNER",)}
DATA_ELEMENTS = """
VISITS  | CC_SEX_AGE | INTEGER_ZERO_OR_POSITIVE
DEATHS  | CC_SEX     | INTEGER_ZERO_OR_POSITIVE
BEDS    | default    | INTEGER_ZERO_OR_POSITIVE
CALLS   | default    | INTEGER_POSITIVE
POSTS   | CC_SEX     | NUMBER
RATE    | default    | NUMBER
OPEN    | default    | BOOLEAN
NOTE    | default    | TEXT
FOUNDED | default    | DATE
STATE   | default    | TEXT
"""
DATA_SETS = {
    "FORM_M": ("Monthly", "default"),
    "FORM_Q": ("Quarterly", "default"),
    "FORM_Y": ("Yearly", "default"),
    "PARTNERS_M": ("Monthly", "CC_PARTNER"),
}
TAX_NUMBER = "uidTaxNumbr"


def uid(code: str) -> str:
    """A UID that can be told from others by eye."""
    return ("u" + re.sub("[^A-Za-z0-9]", "", code) + "0" * 11)[:11]


def table(text: str) -> list[list[str]]:
    """The cells of a drawn table; every line but a first and last blank one is a row."""
    lines = text.removeprefix("\n").rstrip(" ").removesuffix("\n").split("\n")
    return [[cell.strip() for cell in line.split("|")] for line in lines]


def document() -> dict[str, Any]:
    """The metadata export of the instance."""
    options = {code: name for category in CATEGORIES.values() for code, name in category.items()}
    combos = {"default": ("default",), **COMBOS}
    members: list[dict[str, Any]] = []
    for combo, categories in combos.items():
        held = {**CATEGORIES, "default": {"default": "default"}}
        for chosen in product(*(held[category] for category in categories)):
            members.append(
                {
                    "id": uid(f"{'x'.join(chosen)}{combo}"),
                    "name": ", ".join(options.get(code, code) for code in chosen),
                    "categoryCombo": {"id": uid(combo)},
                    "categoryOptions": [{"id": uid(code)} for code in chosen],
                }
            )
    elements = table(DATA_ELEMENTS)
    units = table(ORG_UNITS)
    return {
        "system": {"version": "2.42.1", "systemId": "invented-instance"},
        "attributes": [{"id": TAX_NUMBER, "name": "Tax number", "unique": True}],
        "organisationUnits": [
            {
                "id": uid(code),
                "code": code,
                "name": name,
                **({"parent": {"id": uid(parent)}} if parent else {}),
                "attributeValues": [{"attribute": {"id": TAX_NUMBER}, "value": f"30{place:07}"}],
            }
            for place, (code, parent, name) in enumerate(units)
        ],
        "organisationUnitGroups": [
            {"id": uid("POLY"), "code": "POLY", "name": "Polyclinics", "organisationUnits": [{"id": uid("HRM_102")}]}
        ],
        "categoryOptions": [
            {"id": uid("default"), "code": "default", "name": "default"},
            *({"id": uid(code), "code": code, "name": name} for code, name in options.items()),
        ],
        "categories": [
            {"id": uid("default"), "name": "default", "categoryOptions": [{"id": uid("default")}]},
            *(
                {"id": uid(code), "code": code, "name": code.title(), "categoryOptions": [{"id": uid(o)} for o in held]}
                for code, held in CATEGORIES.items()
            ),
        ],
        "categoryCombos": [
            {"id": uid(code), "code": code, "name": code, "categories": [{"id": uid(c)} for c in categories]}
            for code, categories in combos.items()
        ],
        "categoryOptionCombos": members,
        "optionSets": [
            {
                "id": uid("STATES"),
                "name": "States",
                "valueType": "TEXT",
                "options": [
                    {"id": uid("opt1"), "code": "GOOD", "name": "Yaxshi"},
                    {"id": uid("opt2"), "code": "BAD", "name": "Yomon"},
                ],
            }
        ],
        "dataElements": [
            {
                "id": uid(code),
                "code": code,
                "name": code.title(),
                "valueType": value_type,
                "domainType": "AGGREGATE",
                "aggregationType": "SUM",
                "categoryCombo": {"id": uid(combo)},
                **({"optionSet": {"id": uid("STATES")}} if code == "STATE" else {}),
            }
            for code, combo, value_type in elements
        ],
        "dataSets": [
            {
                "id": uid(code),
                "code": code,
                "name": code,
                "periodType": period_type,
                "categoryCombo": {"id": uid(combo)},
                "dataSetElements": [
                    {"dataElement": {"id": uid(e)}, "categoryCombo": {"id": uid(c)}} for e, c, _ in elements
                ],
                "organisationUnits": [{"id": uid(unit)} for unit, _, _ in units if unit != "17"],
            }
            for code, (period_type, combo) in DATA_SETS.items()
        ],
    }


@functools.cache
def snapshot() -> Snapshot:
    """The instance."""
    return Snapshot.from_dict(document(), source="metadata.json")


def sheet(text: str, **more: Any) -> Sheet:
    """A drawn table as the reader of workbooks gives it."""
    cells = table(text)
    merged: dict[tuple[int, int], tuple[int, int]] = {}
    dates = set()
    faults = {}
    rows: list[list[str]] = []
    for number, line in enumerate(cells, start=1):
        rows.append([])
        for column, cell in enumerate(line, start=1):
            if cell in {"<", "^"}:
                top, left = _head(cells, number, column)
                bottom, right = merged.get((top, left), (top, left))
                merged[top, left] = (max(bottom, number), max(right, column))
            elif cell.startswith("#"):
                faults[number, column] = Finding("cell.error", "form.xlsx", "Form", number, column, cell)
            elif cell.startswith("@"):
                dates.add((number, column))
            rows[-1].append("" if cell[:1] in {"<", "^", "#"} else cell.lstrip("@'"))
    spans = tuple((top, left, *corner) for (top, left), corner in merged.items())
    held = {"source": "form.xlsx", "sheet": "Form", "rows": rows, "merged": spans, **more}
    return Sheet(dates=frozenset(dates), faults=faults, **held)


def _head(cells: list[list[str]], row: int, column: int) -> tuple[int, int]:
    """The first cell of the merged range that a cell is drawn as part of."""
    while (mark := cells[row - 1][column - 1]) in {"<", "^"}:
        row, column = (row, column - 1) if mark == "<" else (row - 1, column)
    return row, column


def workbook(**sheets: str) -> bytes:
    """Drawn tables as the sheets of an XLSX workbook, by their names."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    day = book.add_format({"num_format": "mmm yyyy"})
    for name, text in sheets.items():
        drawn = book.add_worksheet(name)
        held = sheet(text)
        for top, left, bottom, right in held.merged:
            drawn.merge_range(top - 1, left - 1, bottom - 1, right - 1, "")
        for number, line in enumerate(table(text)):
            for column, cell in enumerate(line):
                if cell.startswith("#"):
                    drawn.write_formula(number, column, "=1/0", None, cell)
                elif cell.startswith("@"):
                    drawn.write_datetime(number, column, datetime.fromisoformat(cell[1:]), day)
                elif re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", cell):
                    drawn.write_number(number, column, float(cell))
                elif cell not in {"", "<", "^"}:
                    drawn.write_string(number, column, cell.removeprefix("'"))
    book.close()
    return file.getvalue()


def mapping(text: str, folder: Path | None = None, **files: str) -> Mapping:
    """The mapping of this text, with `files` (name of a CSV file without .csv, drawn as a table) beside it."""
    for name, drawn in files.items():
        assert folder is not None
        content = "\n".join(",".join(f'"{cell}"' for cell in row) for row in table(drawn))
        (folder / f"{name}.csv").write_text(content, encoding="utf-8")
    return load_text("mapping: form\nversion: 1\n" + text, "form.yaml", folder)


Value = tuple[str, str, str, str, str]


class Made:
    """What one or more drawn files became, as texts to compare."""

    def __init__(self, conversion: dhis2_bridge.Conversion) -> None:
        self.conversion = conversion
        self.findings = rows(conversion.findings)
        sheets = {*conversion.values["sheet"], *(f.sheet for f in self.findings)} - {None}
        self._many = len(sheets) > 1

    def values(self, *, ready: bool = True) -> dict[str, Value]:
        """Cell to (org unit, period, data element, options, value) of what is sent, or of what was refused."""
        held = snapshot()
        found = {}
        for row in self.conversion.values.iter_rows(named=True):
            if (row["refused"] is None) is not ready:
                continue
            combo = held.category_option_combos.get(row["category_option_combo"])
            options = "+".join(
                code
                for codes in CATEGORIES.values()
                for code in codes
                if combo is not None and uid(code) in combo.category_options
            )
            unit, element = held.org_units.get(row["org_unit"]), held.data_elements.get(row["data_element"])
            place = _place(row["sheet"], row["row"], row["column"], many=self._many)
            assert place not in found
            found[place] = (
                (unit.code or "") if unit else "",
                row["period"] or "",
                (element.code or "") if element else "",
                options,
                row["value"] if ready else row["refused"],
            )
        return found

    def short(self) -> dict[str, str]:
        """Cell to data element, options and value, where the rest is not in question."""
        return {place: " ".join(filter(None, value[2:])) for place, value in self.values().items()}

    def told(self, *severities: str) -> list[tuple[str, str]]:
        """Code and place of every finding of these severities, or of those that are no mere notes."""
        wanted = severities or ("error", "warning")
        return sorted(
            (f.code, _place(f.sheet, f.row, f.column, many=self._many)) for f in self.findings if f.severity in wanted
        )

    def one(self, code: str) -> Finding:
        """The only finding of this code."""
        (found,) = [f for f in self.findings if f.code == code]
        return found


def _place(sheet: str | None, row: int | None, column: int | None, *, many: bool) -> str:
    """A cell as a spreadsheet names it, with the sheet where there are several; parts that are not known left out."""
    where = address(row, column) if row and column else str(row or "")
    return f"{sheet}!{where}" if many and sheet else where


def convert(
    folder: Path,
    form: str | bytes | MappingType[str, str],
    with_mapping: Mapping | list[Mapping],
    *,
    name: str = "form.xlsx",
    **options: Any,
) -> Made:
    """Converts one drawn form, or several sheets of one, or the bytes of a file."""
    file = folder / name
    file.write_bytes(
        form if isinstance(form, bytes) else workbook(**({"Form": form} if isinstance(form, str) else form))
    )
    return Made(dhis2_bridge.convert([file], with_mapping, snapshot(), **options))
