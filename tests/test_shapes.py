"""Whole conversions of the shapes that real forms have: headers, tables in sheets, and what stands around them."""

from pathlib import Path

import pytest
from forms import FACILITIES, LINES, NARROW, WIDE, wide
from worlds import convert, mapping

from dhis2_bridge.findings import UsageError

# -- headers -----------------------------------------------------------------------------------------------------------


def test_a_form_with_merged_bilingual_headers_a_title_and_signatures(tmp_path: Path) -> None:
    made = wide(
        tmp_path,
        """
        Oylik hisobot | | | Shakl FORM
        Muassasa kodi / Код учреждения: 101 | | | Davr / Период | 2026-yil sentabr oyi
        |
        Satr kodi / Код строки | Koʻrsatkich | Jami / Итого | Erkak / Мужчины | < | < | < | Ayol / Женщины | < | < | <
        ^ | ^ | ^ | jami | 0-4 | 5-14 | 15+ | jami | 0-4 | 5-14 | 15+
        1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11
        '01 | Qatnovlar / Посещения | 21 | 6 | 1 | 2 | 3 | 15 | 4 | 5 | 6
        '02 | Умерло | 3 | 1 | | | x | 2
        '03 | Oʻrinlar | - | x
        Rahbar | Karimov | | | | | | 901234567
        """,
    )
    assert made.told() == []
    assert made.short() == {
        **{"E7": "VISITS M+Y0 1", "F7": "VISITS M+Y5 2", "G7": "VISITS M+Y15 3"},
        **{"I7": "VISITS F+Y0 4", "J7": "VISITS F+Y5 5", "K7": "VISITS F+Y15 6"},
        **{"D8": "DEATHS M 1", "H8": "DEATHS F 2", "C9": "BEDS 0"},
    }
    assert {value[:2] for value in made.values().values()} == {("HRM_101", "202609")}


def test_a_bilingual_option_counts_only_when_both_languages_say_the_same(tmp_path: Path) -> None:
    made = convert(tmp_path, "Satr kodi | Erkak / Ayol | Ayol\nDEATHS | 1 | 2", mapping(NARROW))
    assert made.short() == {"C2": "DEATHS F 2"}
    assert made.told() == [("column.unmapped", "B1")]


def test_a_column_that_means_nothing_but_holds_numbers(tmp_path: Path) -> None:
    form = """
        Satr kodi | Jami | Erkak | Bolalar | Ayol
        DEATHS    | 3    | 1     | 7       | 2
        BEDS      | 4    |       |         |
        """
    made = convert(tmp_path, form, mapping(NARROW))
    assert made.told() == [("column.unmapped", "D1")]
    assert made.short() == {"C2": "DEATHS M 1", "E2": "DEATHS F 2", "B3": "BEDS 4"}
    assert made.one("column.unmapped").values == 1
    declared = NARROW.replace("source: {", "source: {ignore: [Bolalar], ")
    assert convert(tmp_path, form, mapping(declared)).told() == []


def test_a_column_without_a_header_that_holds_numbers(tmp_path: Path) -> None:
    made = convert(tmp_path, "Satr kodi | Jami | | Erkak\nBEDS | | 9 |\nDEATHS | | | 1", mapping(NARROW))
    assert made.told() == [("column.unmapped", "C1")]
    assert made.short() == {"D3": "DEATHS M 1"}


def test_a_named_column_that_is_missing_or_stands_twice(tmp_path: Path) -> None:
    text = FACILITIES.replace("type: Monthly", "type: Monthly").replace('constant: "202609"', "column: Oy")
    made = convert(tmp_path, "Muassasa | BEDS\nTerak punkti | 5", mapping(text))
    assert (made.told(), made.values()) == ([("header.not_found", "1")], {})
    assert made.one("header.not_found").arguments["wanted"] == ["Oy"]
    made = convert(tmp_path, "Oy | Muassasa | Oy | BEDS\n202609 | Terak punkti | 202608 | 5", mapping(text))
    assert (made.told(), made.values()) == ([("header.ambiguous", "1")], {})


def test_two_value_columns_with_one_label_conflict_and_are_not_chosen_between(tmp_path: Path) -> None:
    made = convert(tmp_path, "Muassasa | BEDS | BEDS\nTerak punkti | 5 | 6", mapping(FACILITIES))
    assert made.told() == [("value.conflicts", "B2"), ("value.conflicts", "C2")]
    assert made.values() == {}


def test_a_label_may_be_a_column_and_a_word_of_the_header(tmp_path: Path) -> None:
    """ "Jami" is the total column of the table and the word for both sexes within an age."""
    text = WIDE.replace("SEX: {header: 1", "SEX: {header: 2").replace("AGE: {header: 2}", "AGE: {header: 1}")
    made = convert(
        tmp_path,
        """
        Muassasa kodi | 101 | Davr | 202609
        Satr kodi | Jami | 0-4 | < | < | 5-14 | < | < | 15+ | < | <
        ^ | ^ | Jami | Erkak | Ayol | Jami | Erkak | Ayol | Jami | Erkak | Ayol
        '01 | 21 | 3 | 1 | 2 | 7 | 3 | 4 | 11 | 5 | 6
        """,
        mapping(text.replace(", confirm: label", ""), tmp_path, lines=LINES),
    )
    assert made.told() == []
    assert sorted(made.short().values()) == [
        *("VISITS F+Y0 2", "VISITS F+Y15 6", "VISITS F+Y5 4"),
        *("VISITS M+Y0 1", "VISITS M+Y15 5", "VISITS M+Y5 3"),
    ]


def test_a_row_of_column_numbers_is_skipped_only_where_it_is_declared(tmp_path: Path) -> None:
    form = "Muassasa kodi | 101 | Davr | 202609\nSatr kodi | Jami | Erkak\n| | jami\nA | B | 1 | 2\n'03 | 5"
    made = wide(tmp_path, form.replace("Jami", "Koʻrsatkich | Jami").replace("'03 |", "'03 | Oʻrinlar |"))
    assert (made.told(), made.short()) == ([], {"C5": "BEDS 5"})
    made = convert(tmp_path, "Muassasa | BEDS | CALLS\n1 | 2 | 3", mapping(FACILITIES))
    assert made.told() == [("org_unit.unknown", "A2")]


# -- several tables ----------------------------------------------------------------------------------------------------


def test_several_tables_in_a_sheet_and_data_sets_in_a_workbook(tmp_path: Path) -> None:
    text = """
org_unit: {cell: {right_of: Kod}, match: code}
period: {cell: {right_of: Davr}, type: Monthly}
value: {column: Soni}
data_set: FORM_M
tables:
  - source: {sheets: Form, header: {anchor: Koʻrsatkich}, ends: {words: [2-jadval]}}
    data_element: {column: Koʻrsatkich, match: code}
  - source: {sheets: Form, header: {anchor: Lavozim}}
    data_element: {column: Lavozim, match: code}
    category_options: {SEX: {column: Jins}}
  - data_set: FORM_Q
    period: {cell: {right_of: Chorak}, type: Quarterly}
    source: {sheets: Chorak, header: {anchor: Satr}}
    data_element: {column: Satr, match: code}
"""
    sheets = {
        "Form": """
        Kod | HRM_101 | Davr | 202609
        1-jadval
        Koʻrsatkich | Soni
        BEDS | 5
        CALLS | 6
        2-jadval
        Lavozim | Jins | Soni
        POSTS | M | 1.5
        POSTS | F | 2.25
        """,
        "Chorak": "Kod | HRM_102 | Chorak | III chorak 2026\nSatr | Soni\nBEDS | 7",
    }
    made = convert(tmp_path, sheets, mapping(text))
    assert made.told() == []
    assert made.values() == {
        "Form!B4": ("HRM_101", "202609", "BEDS", "", "5"),
        "Form!B5": ("HRM_101", "202609", "CALLS", "", "6"),
        "Form!C8": ("HRM_101", "202609", "POSTS", "M", "1.5"),
        "Form!C9": ("HRM_101", "202609", "POSTS", "F", "2.25"),
        "Chorak!B3": ("HRM_102", "2026Q3", "BEDS", "", "7"),
    }
    data_sets = made.conversion.ready.group_by("data_set").len()
    assert dict(data_sets.iter_rows()) == {"uFORMM00000": 4, "uFORMQ00000": 1}


def test_two_tables_that_share_a_list_of_lines(tmp_path: Path) -> None:
    text = """
data_set: FORM_M
org_unit: {constant: HRM_101, match: code}
period: {constant: "202609", type: Monthly}
data_element: {column: line, crosswalk: lines.csv}
value: {column: Soni}
columns: {line: [Satr, Kod]}
tables:
  - source: {header: {row: 1}, ends: {words: [2-jadval]}}
  - source: {header: {row: 4}}
"""
    form = "Satr | Soni\n'03 | 5\n2-jadval\nKod | Soni\n'04 | 0.5"
    made = convert(tmp_path, form, mapping(text, tmp_path, lines=LINES))
    assert (made.short(), made.told()) == ({"B2": "BEDS 5", "B5": "RATE 0.5"}, [])


REPEATED = """
data_set: FORM_M
repeat: {from: Muassasa kodi}
source: {header: {anchor: Satr}, ends: {words: [Rahbar]}}
org_unit: {cell: {right_of: Muassasa kodi}, match: code}
period: {cell: {right_of: Davr}, type: Monthly}
data_element: {column: Satr, match: code}
value: {column: Jami}
"""


def test_stacked_blocks_each_with_a_facility_of_its_own(tmp_path: Path) -> None:
    form = """
        Davr: sentabr 2026
        Muassasa kodi | HRM_101
        Satr | Jami
        BEDS | 5
        Rahbar | Karimov
        Muassasa kodi: HRM_102
        Satr | Jami
        BEDS | 6
        Rahbar | Aliyev
        Muassasa kodi |
        Satr | Jami
        BEDS | 7
        """
    made = convert(tmp_path, form, mapping(REPEATED))
    assert made.values() == {
        "B4": ("HRM_101", "202609", "BEDS", "", "5"),
        "B8": ("HRM_102", "202609", "BEDS", "", "6"),
    }
    assert made.told() == [("org_unit.missing", "B10")]


def test_what_stands_before_the_first_of_stacked_blocks_is_not_lost(tmp_path: Path) -> None:
    """The first block's label is misspelt, so that it belongs to no block."""
    form = """
        Davr: sentabr 2026
        Muasasa kodi | HRM_101
        Satr | Jami
        BEDS | 5
        Muassasa kodi | HRM_102
        Satr | Jami
        BEDS | 6
        Muassasa kodi | HRM_103
        Satr | Jami
        BEDS | 7
        """
    made = convert(tmp_path, form, mapping(REPEATED))
    assert made.told() == [("cell.outside_table", "B4")]
    assert made.short() == {"B7": "BEDS 6", "B10": "BEDS 7"}


# -- transposed --------------------------------------------------------------------------------------------------------

ACROSS = """
data_set: FORM_M
source: {header: {anchor: line}, transpose: true, ends: {words: [Rahbar]}}
columns: {line: Satr kodi, total: Jami, male: Erkak, female: Ayol}
org_unit: {cell: {right_of: Muassasa}, match: code}
period: {cell: {right_of: Davr}, type: Monthly}
data_element: {column: line, match: code}
category_options:
  SEX: {header: 1, map: {male: M, female: F}}
"""


def test_a_transposed_form_has_the_places_of_its_sheet(tmp_path: Path) -> None:
    form = """
        Hisobot
        Muassasa: | HRM_101 | Davr: | 202609
        Satr kodi | DEATHS | BEDS | POSTS | NONE
        Jami      | 3      | 9    | 4     |
        Erkak     | 1      |      | 1.5   | 7
        Ayol      | 2      | 8    | 2     |
        Bolalar   |        |      | 1     |
        Rahbar | Karimov | | 901234567
        """
    made = convert(tmp_path, form, mapping(ACROSS))
    assert made.short() == {"B5": "DEATHS M 1", "B6": "DEATHS F 2", "C4": "BEDS 9"}
    assert made.told() == [
        ("cell.not_of_line", "C6"),
        ("column.unmapped", "A7"),
        ("data_element.unknown", "E3"),
        ("total.disagrees", "D4"),
    ]
    assert made.one("total.disagrees").arguments["parts"] == "D5, D6"
    assert {value[:2] for value in made.values().values()} == {("HRM_101", "202609")}


def test_numbers_below_the_end_of_a_transposed_table(tmp_path: Path) -> None:
    form = """
        Muassasa | HRM_101 | Davr | 202609
        Satr kodi | DEATHS | BEDS
        Jami | 1 | 9
        Rahbar | Karimov
        Erkak | 1 | 4
        """
    made = convert(tmp_path, form, mapping(ACROSS))
    assert ("cell.outside_table", "B5") in made.told()


def test_an_error_cell_of_a_transposed_form(tmp_path: Path) -> None:
    form = "Muassasa | HRM_101 | Davr | 202609\nSatr kodi | BEDS | RATE\nJami | #REF! | 2"
    made = convert(tmp_path, form, mapping(ACROSS))
    assert (made.short(), made.told()) == ({"C3": "RATE 2"}, [("cell.error", "B3")])


# -- the end of the table ----------------------------------------------------------------------------------------------


def test_values_below_the_end_of_the_table(tmp_path: Path) -> None:
    form = """
        Muassasa kodi | 101 | Davr | 202609
        Satr kodi | Koʻrsatkich | Jami | Erkak
        ^ | ^ | ^ | 0-4
        '03 | Oʻrinlar | 5
        Rahbar | Karimov | 901234567
        tel. | 71 200 00 00
        '04 | Stavkalar | 0.5
        '99 | Yangi satr | 7 | 7
        Rahbar oʻrinbosari | Aliyev | 1 | 2
        05.10.2026
        """
    made = wide(tmp_path, form)
    assert made.told() == [("cell.outside_table", "A7"), ("cell.outside_table", "C8")]
    assert made.short() == {"C4": "BEDS 5"}


def test_a_blank_row_ends_a_table_only_where_it_is_declared(tmp_path: Path) -> None:
    form = """
        Muassasa | BEDS
        Terak shifoxonasi | 5
        |
        Terak punkti | 6
        """
    assert convert(tmp_path, form, mapping(FACILITIES)).short() == {"B2": "BEDS 5", "B4": "BEDS 6"}
    declared = FACILITIES.replace("source: {", "source: {ends: {blank_row: true}, ")
    made = convert(tmp_path, form, mapping(declared))
    assert (made.short(), made.told()) == ({"B2": "BEDS 5"}, [("cell.outside_table", "B4")])
    made = convert(tmp_path, form.replace("Terak punkti | 6", "05.10.2026 | Karimov"), mapping(declared))
    assert made.told() == []


# -- loose cells -------------------------------------------------------------------------------------------------------

LOOSE = """
data_set: FORM_M
org_unit: {cell: {at: B1}, match: code}
period: {cell: {matches: "* uchun {} hisoboti"}, type: Monthly}
data_element: {column: data_element, match: code}
loose_cells: places.csv
"""
PLACES = """
sheet | cell | data_element | SEX
Form  | C3   | BEDS         |
Form  | E3   | DEATHS       | M
Form  | B5   | DEATHS       | F
Form  | F9   | RATE         |
Form  | D5   | CALL         |
Boshqa | A1  | RATE         |
"""


def test_loose_cells_of_an_odd_form(tmp_path: Path) -> None:
    form = """
        Kod | HRM_101 | | |
        Poliklinika uchun sentabr 2026 hisoboti
        Oʻrinlar | | 12 | Erkaklar | 3
        |
        Ayollar | #REF! | | 8
        """
    made = convert(tmp_path, form, mapping(LOOSE, tmp_path, places=PLACES))
    assert made.values() == {
        "C3": ("HRM_101", "202609", "BEDS", "", "12"),
        "E3": ("HRM_101", "202609", "DEATHS", "M", "3"),
    }
    assert made.told() == [("cell.error", "B5"), ("data_element.unknown", "D5")]


# -- given, and nothing ------------------------------------------------------------------------------------------------


def test_what_the_caller_must_give_and_did_not(tmp_path: Path) -> None:
    text = FACILITIES.replace('constant: "202609"', "given: true")
    form = "Muassasa | BEDS\nTerak punkti | 5"
    made = convert(tmp_path, form, mapping(text), given={"period": "sentabr 2026"})
    assert made.values()["B2"][1] == "202609"
    made = convert(tmp_path, form, mapping(text))
    assert (made.values(), [code for code, _ in made.told()]) == ({}, ["period.missing"])


def test_a_form_without_the_table(tmp_path: Path) -> None:
    made = convert(tmp_path, "Salom | dunyo\n1 | 2", mapping(FACILITIES))
    assert made.told() == [("table.not_found", "")]
    assert made.conversion.exit_code == 3
    with pytest.raises(UsageError):
        convert(tmp_path, "Muassasa | BEDS\nTerak punkti | 5", mapping(FACILITIES.replace("FORM_M", "FORM_X")))


# -- forms that were saved as text -----------------------------------------------------------------------------------


def test_a_form_saved_as_text(tmp_path: Path) -> None:
    """Titles, signatures and blank rows are as in the sheet; merged cells are not, so each header is written out."""
    text = """\ufeffOylik hisobot;;
Muassasa kodi;101;Davr;sentabr 2026

Satr kodi / Код строки;Koʻrsatkich;Jami;Erkak;Erkak;Ayol
;;;0-4;5-14;0-4
01;Qatnovlar;10;1;2;7
03;Oʻrinlar;1 250
;;;;
Rahbar;Karimov;
"""
    held = mapping(WIDE.replace("source:", 'source:\n  thousands: " "'), tmp_path, lines=LINES)
    made = convert(tmp_path, text.encode(), held, name="form.csv")
    assert made.told() == []
    assert sorted(made.short().values()) == ["BEDS 1250", "VISITS F+Y0 7", "VISITS M+Y0 1", "VISITS M+Y5 2"]


def test_loose_cells_of_a_form_saved_as_text(tmp_path: Path) -> None:
    places = PLACES.replace("Form ", "").replace("Boshqa | A1  | RATE         |", "")
    text = "Kod,HRM_101\nPoliklinika uchun sentabr 2026 hisoboti\nOʻrinlar,,12,Erkaklar,3\n"
    made = convert(tmp_path, text.encode(), mapping(LOOSE, tmp_path, places=places), name="form.csv")
    assert (made.told(), made.short()) == ([], {"C3": "BEDS 12", "E3": "DEATHS M 3"})
