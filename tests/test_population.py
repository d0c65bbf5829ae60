"""The table of population: what it says of a place, and each row that does not count."""

from datetime import date
from pathlib import Path

import pytest
import xlsxwriter
from worlds import snapshot, uid

from dhis2_bridge.findings import Finding
from dhis2_bridge.population import People, Population, read
from dhis2_bridge.sources import open_source

HEAD = "org_unit,name,year,population,source\n"
ON = date(2026, 9, 30)


def table(tmp_path: Path, text: str) -> tuple[Population, list[Finding]]:
    (tmp_path / "people.csv").write_text(text, encoding="utf-8")
    return read(open_source(tmp_path / "people.csv", name="people.csv"), snapshot())


def of(held: Population, code: str, on: date = ON) -> People:
    return held.of([uid(code)], snapshot(), on)


def test_the_latest_year_that_has_begun_counts(tmp_path: Path) -> None:
    held, found = table(tmp_path, HEAD + "1730,x,2024,10,Old\n1730,x,2026,12,Now\n1730,x,2027,13,Projected\n")
    assert found == []
    assert of(held, "1730") == People(12, 2026, ("Now",))
    assert of(held, "1730", date(2025, 12, 31)) == People(10, 2024, ("Old",))
    assert of(held, "1730", date(2023, 12, 31)) == People(None, missing=(uid("1730"),))
    assert of(held, "1703") == People(None, missing=(uid("1703"),))


def test_a_place_without_a_number_has_the_people_of_all_below_it(tmp_path: Path) -> None:
    below = ("1730401", "1730233", "1730405", "1730209")
    held, _ = table(tmp_path, HEAD + "".join(f"{code},x,2026,{10**n},Census {n % 2}\n" for n, code in enumerate(below)))
    assert of(held, "1730") == People(1111, 2026, ("Census 0", "Census 1"))
    # One district is missing: the region has no number, and neither has the country.
    held, _ = table(tmp_path, HEAD + "".join(f"{code},x,2026,5,Census\n" for code in below[1:]))
    assert of(held, "1730") == People(None, 2026, missing=(uid("1730401"),))
    assert of(held, "17").number is None
    # A year counts for all: numbers of two years are not added up.
    held, _ = table(tmp_path, HEAD + "".join(f"{code},x,202{6 - n // 3},5,C\n" for n, code in enumerate(below)))
    assert of(held, "1730") == People(None, 2026, missing=(uid("1730209"),))


@pytest.mark.parametrize(
    ("row", "code", "column", "found"),
    [
        (",x,2026,5,C", "org_unit.missing", 1, None),
        ("1799,x,2026,5,C", "org_unit.unknown", 1, "1799"),
        ("1730,x,,5,C", "population.no_year", 3, None),
        ("1730,x,26,5,C", "population.no_year", 3, "26"),
        ("1730,x,2026-yil,5,C", "population.no_year", 3, "2026-yil"),
        ("1730,x,2026,,C", "population.not_a_number", 4, None),
        ("1730,x,2026,12.5,C", "population.not_a_number", 4, "12.5"),
        ("1730,x,2026,-3,C", "population.not_a_number", 4, "-3"),
        ("1730,x,2026,1 2345,C", "population.not_a_number", 4, "1 2345"),
        ("1730,x,2026,٣,C", "population.not_a_number", 4, "٣"),
        ("1730,x,2026,99999999999999999999,C", "population.not_a_number", 4, "99999999999999999999"),
        ("1703,x,2026,8,C", "population.repeated", 1, "1703"),
    ],
)
def test_a_row_that_does_not_count_is_said_with_its_place(
    row: str, code: str, column: int, found: str | None, tmp_path: Path
) -> None:
    held, told = table(tmp_path, HEAD + f"1703,x,2026,7,C\n\n{row}\n1730209,x,2026,9,C\n")
    assert [(one.code, one.source, one.row, one.column, one.found) for one in told] == [
        (code, "people.csv", 4, column, found)
    ]
    assert (of(held, "1703").number, of(held, "1730209").number) == (7, 9)


@pytest.mark.parametrize("number", ["1 500 000", "1\u00a0500\u00a0000", "1500000", " 1500000 "])
def test_thousands_may_stand_apart(number: str, tmp_path: Path) -> None:
    held, found = table(tmp_path, HEAD + f"1730,x,2026,{number},C\n")
    assert (of(held, "1730").number, found) == (1_500_000, [])


def test_a_workbook_is_read_as_well(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "people.xlsx") as book:
        hidden = book.add_worksheet("notes")
        sheet = book.add_worksheet("Aholi")
        sheet.activate()
        sheet.set_first_sheet()
        hidden.hide()
        for row, cells in enumerate([("Population", "Org_Unit", "YEAR"), (1500, "1730", 2026), ("many", "1703", 2026)]):
            sheet.write_row(row + 2, 1, cells)
    held, found = read(open_source(tmp_path / "people.xlsx", name="people.xlsx"), snapshot())
    assert of(held, "1730") == People(1500, 2026, ())
    assert [(one.code, one.sheet, one.row, one.column) for one in found if one.code.startswith("population")] == [
        ("population.not_a_number", "Aholi", 5, 2)
    ]


def test_a_table_without_the_columns_says_which(tmp_path: Path) -> None:
    held, found = table(tmp_path, "place,year,people\n1730,2026,5\n")
    assert held.numbers == {}
    assert [(one.code, one.arguments) for one in found] == [
        ("header.not_found", {"wanted": ["org_unit", "population"], "seen": ["place", "year", "people"]})
    ]
