"""The usual way to read workbook forms: openpyxl in read-only mode and a layout in plain Python; and calamine bare."""

from pathlib import Path


def _values(rows: list[list[object]]) -> list[tuple[object, ...]]:
    """The cells of one form as (facility, period, line, sex, age, value): the layout everybody writes."""
    facility, period = rows[1][1], rows[2][1]
    values = []
    sexes: list[object] = []
    for cell in rows[4]:
        sexes.append(cell if cell not in (None, "") else sexes[-1] if sexes else None)
    ages = rows[5]
    for row in rows[6:]:
        line = row[0]
        if not line or not str(line).isdigit():
            break
        for column in range(2, 12):
            if row[column] not in (None, ""):
                values.append((facility, period, line, sexes[column], ages[column], row[column]))
    return values


def with_openpyxl(path: Path, metadata: Path, folder: Path, level: int) -> tuple[int, int]:
    """openpyxl, read-only."""
    import openpyxl

    count = 0
    for file in sorted(path.glob("*.xlsx")):
        book = openpyxl.load_workbook(file, read_only=True)
        rows = [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]
        count += len(_values(rows))
        book.close()
    return count, 0


def with_calamine(path: Path, metadata: Path, folder: Path, level: int) -> tuple[int, int]:
    """python-calamine and the same layout: no checks of any kind."""
    import python_calamine

    count = 0
    for file in sorted(path.glob("*.xlsx")):
        book = python_calamine.CalamineWorkbook.from_path(file)
        count += len(_values(book.get_sheet_by_index(0).to_python(skip_empty_area=False)))
    return count, 0
