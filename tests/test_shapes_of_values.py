"""Whole conversions: what stands in the cells of forms, totals, rows left out, figures since the start of the year."""

from pathlib import Path

import pytest
from forms import FACILITIES, LONG, NARROW
from worlds import convert, mapping

# -- what stands in cells ----------------------------------------------------------------------------------------------


def test_markers_units_booleans_options_and_texts(tmp_path: Path) -> None:
    text = (
        LONG.replace("category_options: {SEX: {column: sex}, AGE: {column: age}}\n", "")
        + """
cells: {"-": zero, "yoʻq": zero, x: not_applicable, maʼlumot berilmagan hali ham: not_reported, "999": not_reported}
booleans: {"ha": true, "yoʻq": false}
units: [ta, чел.]
"""
    )
    form = """
        facility | period | line | value
        HRM_101 | 202601 | BEDS  | -
        HRM_101 | 202602 | BEDS  | Yo'q
        HRM_101 | 202603 | BEDS  | x
        HRM_101 | 202604 | BEDS  | Ma'lumot  berilmagan hali ham
        HRM_101 | 202605 | BEDS  | 999
        HRM_101 | 202606 | BEDS  | 12 ta
        HRM_101 | 202607 | BEDS  | 7 чел.
        HRM_101 | 202608 | BEDS  | 7 шт
        HRM_101 | 202601 | OPEN  | Yo‘q
        HRM_101 | 202602 | OPEN  | HA
        HRM_101 | 202603 | OPEN  | -
        HRM_101 | 202601 | NOTE  | -
        HRM_101 | 202601 | STATE | yaxshi
        HRM_101 | 202602 | STATE | soso
        HRM_101 | 202601 | FOUNDED | @2001-05-09
        HRM_101 | 202601 | CALLS | 0
        HRM_101 | 202601 | RATE  | 0.25
        """
    made = convert(tmp_path, form, mapping(text))
    assert made.short() == {
        **{"D2": "BEDS 0", "D3": "BEDS 0", "D7": "BEDS 12", "D8": "BEDS 7", "D10": "OPEN false", "D11": "OPEN true"},
        **{"D13": "NOTE -", "D14": "STATE GOOD", "D16": "FOUNDED 2001-05-09", "D18": "RATE 0.25"},
    }
    assert made.told() == [
        ("value.not_an_option", "D15"),
        ("value.not_of_type", "D12"),
        ("value.not_of_type", "D17"),
        ("value.not_of_type", "D9"),
    ]
    assert ("cell.not_applicable", "D4") in made.told("info")


def test_a_blank_is_zero_only_where_a_number_can_stand(tmp_path: Path) -> None:
    form = """
        Satr kodi | Jami | Erkak | Ayol | Izoh
        DEATHS    |      | 1     |
        BEDS      |      |       |
        NOTE      |      |       |
        DEATH     |      |       |
        DEATHS    | 5    | #N/A  | 2
        """
    text = NARROW.replace('cells: {"-": zero', 'cells: {blank: zero, "-": zero').replace(
        "column: line, m", "column: line, m"
    )
    made = convert(tmp_path, form.replace("DEATHS    | 5", "POSTS | 5"), mapping(text))
    assert made.short() == {"C2": "DEATHS M 1", "D2": "DEATHS F 0", "B3": "BEDS 0", "D6": "POSTS F 2"}
    assert made.told() == [("cell.error", "C6")]


def test_a_row_without_numbers_that_is_no_facility_makes_no_zeros(tmp_path: Path) -> None:
    form = "Muassasa | BEDS\nTerak punkti | \nIzoh: oʻrinlar yil oxirida |\nTerak shifoxonasi | 5"
    made = convert(tmp_path, form, mapping(FACILITIES + "cells: {blank: zero}\n"))
    assert (made.told(), made.short()) == ([], {"B2": "BEDS 0", "B4": "BEDS 5"})


def test_a_cell_of_a_line_that_has_no_such_breakdown(tmp_path: Path) -> None:
    made = convert(tmp_path, "Satr kodi | Jami | Erkak\nBEDS | 5 | 3\nNOTE | x | x", mapping(NARROW))
    assert (made.short(), made.told()) == ({"B2": "BEDS 5"}, [("cell.not_of_line", "C2")])
    assert made.one("cell.not_of_line").arguments["data_element"] == "Beds"


def test_error_cells_in_labels_totals_values_and_nowhere_else(tmp_path: Path) -> None:
    form = """
        Satr kodi | Izoh  | Jami  | Erkak   | Ayol
        DEATHS    |       | #N/A  | 1       | 2
        POSTS     |       | 5     | #DIV/0! | 2
        #REF!     |       | 9     |         |
        BEDS      | #REF! | 4     |         |
                  |       |       | #REF!   |
        """
    text = NARROW.replace("source: {", "source: {ignore: [Izoh], ")
    made = convert(tmp_path, form, mapping(text))
    assert made.short() == {"D2": "DEATHS M 1", "E2": "DEATHS F 2", "E3": "POSTS F 2", "C5": "BEDS 4"}
    assert made.told() == [
        ("cell.error", "A4"),
        ("cell.error", "C2"),
        ("cell.error", "D3"),
        ("data_element.missing", "A6"),
    ]
    assert made.values(ready=False)["D3"][4] == "cell.error"
    assert made.one("data_element.missing").values == 1


def test_a_header_cell_with_an_error(tmp_path: Path) -> None:
    made = convert(tmp_path, "Satr kodi | Jami | #REF!\nDEATHS | 3 | 1", mapping(NARROW))
    assert made.short() == {}
    assert {code for code, _ in made.told()} >= {"cell.error", "total.without_parts"}


# -- totals ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "cells", "codes", "sent"),
    [
        ("DEATHS", "3 | 1 | 2", [], 2),
        ("DEATHS", "4 | 1 | 2", ["total.disagrees"], 0),
        ("DEATHS", "1 | 1 |", [], 1),
        ("DEATHS", "| 1 | 2", [], 2),
        ("DEATHS", "7 | |", ["total.without_parts"], 0),
        ("DEATHS", "0 | |", ["total.zero_without_parts"], 0),
        ("DEATHS", "- | |", ["total.zero_without_parts"], 0),
        ("DEATHS", "- | - | -", [], 2),
        ("DEATHS", "x | x | x", ["file.no_data"], 0),
        ("DEATHS", "9 | ko'p | 2", ["value.not_of_type"], 1),
        ("DEATHS", "ko'p | 1 | 2", ["total.unreadable"], 2),
        ("POSTS", "0.3 | 0.1 | 0.2", [], 2),
        ("POSTS", "0.31 | 0.1 | 0.2", ["total.disagrees"], 0),
        ("POSTS", "1000000000.5 | 1000000000 | 0.25", ["total.disagrees"], 0),
    ],
)
def test_totals_are_checked_against_their_parts_and_never_sent(
    tmp_path: Path, line: str, cells: str, codes: list[str], sent: int
) -> None:
    made = convert(tmp_path, f"Satr kodi | Jami | Erkak | Ayol\n{line} | {cells}", mapping(NARROW))
    assert [code for code, _ in made.told()] == codes
    assert len(made.values()) == sent
    assert "B2" not in made.values()


def test_a_wrong_total_names_its_parts_sum_and_difference(tmp_path: Path) -> None:
    form = "Satr kodi | Jami | Erkak | Ayol\nDEATHS | 5 | 3 | 1\nPOSTS | 1 | 0.5 | 0.5"
    made = convert(tmp_path, form, mapping(NARROW))
    found = made.one("total.disagrees")
    assert (found.row, found.column, found.found, found.values) == (2, 2, "5", 2)
    assert {name: found.arguments[name] for name in ("parts", "sum", "difference")} == {
        "parts": "C2, D2",
        "sum": "4",
        "difference": "1",
    }
    assert made.short() == {"C3": "POSTS M 0.5", "D3": "POSTS F 0.5"}
    warned = convert(tmp_path, form, mapping(NARROW + "totals: warn"))
    assert (len(warned.values()), warned.told()) == (4, [("total.differs", "B2")])
    ignored = convert(tmp_path, form, mapping(NARROW + "totals: ignore"))
    assert (len(ignored.values()), ignored.told()) == (4, [])


def test_a_line_that_stands_twice_does_not_double_its_sum(tmp_path: Path) -> None:
    form = "Satr kodi | Jami | Erkak | Ayol\nDEATHS | 3 | 1 | 2\nDEATHS | 3 | 1 | 2"
    made = convert(tmp_path, form, mapping(NARROW))
    assert made.told() == [("value.repeated", "C3"), ("value.repeated", "D3")]
    assert made.short() == {"C2": "DEATHS M 1", "D2": "DEATHS F 2"}
    made = convert(tmp_path, form.replace("3 | 1 | 2\nD", "4 | 2 | 2\nD"), mapping(NARROW))
    assert {code for code, _ in made.told()} == {"value.conflicts", "value.repeated"}


def test_rows_of_totals_are_left_out_where_they_are_declared(tmp_path: Path) -> None:
    form = """
        Muassasa          | BEDS
        Terak shifoxonasi | 5
        Jami tuman        | 5
        Terak punkti      | 6
        JAMI              | 11
        """
    made = convert(tmp_path, form, mapping(FACILITIES))
    assert made.told() == [("org_unit.unknown", "A3"), ("org_unit.unknown", "A5")]
    declared = FACILITIES.replace("source: {", 'source: {total_rows: ["Jami*"], ')
    made = convert(tmp_path, form, mapping(declared))
    assert made.told() == [("row.total_left_out", "3")]
    assert made.one("row.total_left_out").arguments == {"rows": "3, 5"}
    assert made.short() == {"B2": "BEDS 5", "B4": "BEDS 6"}


# -- rows left out, computed columns -----------------------------------------------------------------------------------


def test_where_and_computed_columns(tmp_path: Path) -> None:
    text = """
data_set: FORM_M
org_unit: {column: facility, match: code}
period: {constant: "202609", type: Monthly}
data_element: {column: line, match: code}
computed: {line: "case when turi = '1' then 'BEDS' when turi = '2' then 'RATE' end"}
where: holati <> 'bekor'
value: {column: value}
"""
    form = """
        facility | turi | holati | value
        HRM_101  | 1    | joriy  | 5
        HRM_101  | 2    |        | 0.5
        HRM_101  | 1    | bekor  | 9
        HRM_102  | 3    | joriy  | 7
        HRM_102  | 1    | bekor  | 8
        """
    made = convert(tmp_path, form, mapping(text))
    assert made.short() == {"D2": "BEDS 5", "D3": "RATE 0.5"}
    assert [code for code, _ in made.told()] == ["data_element.missing"]
    assert made.one("rows.left_out").arguments["rows"] == 2


# -- cumulative --------------------------------------------------------------------------------------------------------


def test_figures_since_the_start_of_the_year(tmp_path: Path) -> None:
    text = """
data_set: FORM_M
org_unit: {column: Muassasa, match: code}
period: {cell: {right_of: Davr}, type: Monthly, cumulative: true}
source: {header: {anchor: Muassasa}}
data_element: {header: 1, match: code}
cumulative: {since: year_start, previous: given}
"""
    january = convert(tmp_path, "Davr | yanvar 2026\nMuassasa | BEDS | RATE\nHRM_101 | 5 | 0.1", mapping(text))
    assert (january.told(), january.short()) == ([], {"B3": "BEDS 5", "C3": "RATE 0.1"})
    form = """
        Davr | 2 oylik 2026
        Muassasa | BEDS | RATE | NOTE | CALLS
        HRM_101  | 12   | 0.3  | yaxshi | 4
        HRM_102  | 3    |      |
        """
    february = convert(tmp_path, form, mapping(text), previous=january.conversion.values)
    assert february.short() == {"B3": "BEDS 7", "C3": "RATE 0.2", "D3": "NOTE yaxshi", "E3": "CALLS 4"}
    assert february.told() == [("cumulative.previous_missing", "B4")]
    less = convert(tmp_path, form.replace("| 12", "| 4"), mapping(text), previous=january.conversion.values)
    assert ("cumulative.negative", "B3") in less.told()
    assert [code for code, _ in convert(tmp_path, form, mapping(text)).told()].count("cumulative.previous_missing") == 4
