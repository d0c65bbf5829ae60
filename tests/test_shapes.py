"""Whole conversions of the shapes that real forms have, with the ways in which each of them goes wrong."""

from pathlib import Path

import pytest
from worlds import Made, convert, mapping

from dhis2_bridge.findings import UsageError

WIDE = """
data_set: FORM_M
source:
  header: {anchor: line, rows: 2, skip: column_numbers}
  ends: {words: [Rahbar, Директор]}
columns:
  line: [Satr kodi, Код строки]
  label: [Koʻrsatkich, Показатель]
  total: [Jami, Итого]
  male: [Erkak, Мужчины]
  female: [Ayol, Женщины]
org_unit: {cell: {right_of: [Muassasa kodi, Код учреждения]}, match: code, prefix: HRM_}
period: {cell: {right_of: [Davr, Период]}, type: Monthly}
data_element: {column: line, crosswalk: lines.csv, confirm: label}
category_options:
  SEX: {header: 1, map: {male: M, female: F}}
  AGE: {header: 2}
cells: {"-": zero, x: not_applicable}
"""
LINES = """
line | data_element | label_uz   | label_ru
01   | VISITS       | Qatnovlar  | Посещения
02   | DEATHS       | Oʻlimlar   | Умерло
03   | BEDS         | Oʻrinlar   | Койки
04   | RATE         | Stavkalar  | Ставки
05   | POSTS        | Lavozimlar | Должности
"""
LONG = """
data_set: FORM_M
org_unit: {column: facility, match: code}
period: {column: period, type: Monthly}
data_element: {column: line, match: code}
category_options: {SEX: {column: sex}, AGE: {column: age}}
value: {column: value}
"""
# Each row is a line of SEX only, with its total beside it.
NARROW = """
data_set: FORM_M
source: {header: {anchor: line}}
columns: {line: Satr kodi, total: Jami, male: Erkak, female: Ayol}
org_unit: {constant: HRM_101, match: code}
period: {constant: "202609", type: Monthly}
data_element: {column: line, match: code}
category_options:
  SEX: {header: 1, map: {male: M, female: F}}
cells: {"-": zero, x: not_applicable}
"""
# Facilities in rows, one line of the default combo each column.
FACILITIES = """
data_set: FORM_M
source: {header: {anchor: facility}}
columns: {facility: Muassasa}
org_unit: {column: facility, match: name}
period: {constant: "202609", type: Monthly}
data_element: {header: 1, match: code}
"""


def wide(folder: Path, form: str, more: str = "") -> Made:
    return convert(folder, form, mapping(WIDE + more, folder, lines=LINES))


# -- headers ---------------------------------------------------------------------------------------------------------


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
        Satr kodi | Jami | Erkak | Bolalar |  | Ayol
        DEATHS    | 3    | 1     | 7       |  | 2
        BEDS      |      |       |         | 9
        """
    made = convert(tmp_path, form, mapping(NARROW))
    assert made.told() == [("column.unmapped", "D1"), ("column.unmapped", "E1")]
    assert made.short() == {"C2": "DEATHS M 1", "F2": "DEATHS F 2"}
    declared = NARROW.replace("source: {", "source: {ignore: [Bolalar], ")
    assert convert(tmp_path, form.replace("| 9", "|"), mapping(declared)).told() == []


def test_a_named_column_that_is_missing_or_stands_twice(tmp_path: Path) -> None:
    text = FACILITIES.replace("type: Monthly", "type: Monthly").replace("constant: \"202609\"", "column: Oy")
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
    """"Jami" is the total column of the table and the word for both sexes within an age."""
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


# -- lines -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("Qatnovlar", None),
        ("ҚАТНОВЛАР / Посещения", None),
        ("Qatnovlar, jami", "label.differs"),
        ("Oʻlimlar", "label.disagrees"),
        ("Oʻlimlar / Умерло", "label.disagrees"),
        ("Qatnovlar / Умерло", None),
        ("", None),
    ],
)
def test_words_beside_a_line_code_tell_rows_that_have_moved(tmp_path: Path, words: str, code: str | None) -> None:
    form = f"""
        Muassasa kodi | 101 | Davr | 202609
        Satr kodi | Koʻrsatkich | Jami | Erkak
        ^ | ^ | ^ | 0-4
        '01 | {words} | 4 | 4
        """
    made = wide(tmp_path, form)
    assert made.told() == ([(code, "B4")] if code else [])
    assert made.short() == ({} if code == "label.disagrees" else {"D4": "VISITS M+Y0 4"})


def test_lines_whose_labels_share_one_of_their_parts_are_told_apart(tmp_path: Path) -> None:
    """A slash is also part of a name: what two lines share proves neither."""
    lines = "line | data_element | label\n1 | BEDS | Emlash / BSJ\n2 | RATE | Emlash / Penta"
    text = NARROW.replace("match: code}\ncategory", "crosswalk: lines.csv, confirm: Nomi}\ncategory")
    made = convert(
        tmp_path,
        "Satr kodi | Nomi | Jami\n1 | Emlash / Penta | 4\n2 | Emlash / Penta | 5",
        mapping(text, tmp_path, lines=lines),
    )
    assert made.told() == [("label.disagrees", "B2")]
    assert made.short() == {"C3": "RATE 5"}


def test_sections_qualify_line_codes(tmp_path: Path) -> None:
    lines = """
        section | line | data_element
        A | 1 | BEDS
        B | 1 | RATE
        B | 2 | CALLS
        """
    text = """
data_set: FORM_M
source: {header: {anchor: Satr}}
org_unit: {constant: HRM_101, match: code}
period: {constant: "202609", type: Monthly}
sections: {A: [I. Ambulatoriya], B: [II. Statsionar, II. Стационар]}
columns: {line: Satr}
data_element: {column: line, key: [section, line], crosswalk: lines.csv}
value: {column: Jami}
"""
    form = """
        Satr | Jami
        I. Ambulatoriya
        1 | 5
        2 | 6
        II. Statsionar / II. Стационар | <
        1 | 7
        2 | 8
        """
    made = convert(tmp_path, form, mapping(text, tmp_path, lines=lines))
    assert made.short() == {"B3": "BEDS 5", "B6": "RATE 7", "B7": "CALLS 8"}
    assert made.told() == [("crosswalk.missing", "A4")]


def test_a_crosswalk_may_be_a_code_system(tmp_path: Path) -> None:
    (tmp_path / "lines.json").write_text(
        '{"resourceType": "CodeSystem", "concept": [{"code": "BEDS", "display": "Beds", '
        '"designation": [{"language": "uz", "value": "Oʻrinlar"}], "concept": [{"code": "CALLS", "display": "Calls"}]}]}',
        encoding="utf-8",
    )
    text = FACILITIES.replace("match: code", "crosswalk: {file: lines.json, key: display, target: code}")
    made = convert(tmp_path, "Muassasa | Beds | Calls | Rates\nTerak punkti | 5 | 6 | 7", mapping(text, tmp_path))
    assert made.short() == {"B2": "BEDS 5", "C2": "CALLS 6"}
    assert made.told() == [("column.unmapped", "D1")]


# -- where the period and the org unit stand -------------------------------------------------------------------------


def test_a_facility_on_each_sheet_and_the_month_in_the_name_of_the_file(tmp_path: Path) -> None:
    text = """
data_set: FORM_M
source: {header: {anchor: Satr}, sheets: "Muassasa *"}
org_unit: {sheet_name: "Muassasa {}", match: code, prefix: HRM_}
period: {file_name: "SSV_{}.xlsx", type: Monthly}
data_element: {column: Satr, match: code}
value: {column: Jami}
"""
    sheets = {
        "Muassasa 101": "Satr | Jami\nBEDS | 5",
        "Muassasa 999": "Satr | Jami\nBEDS | 6\nCALLS | 7",
        "Izoh": "Satr | Jami\nBEDS | 8",
    }
    made = convert(tmp_path, sheets, mapping(text), name="SSV_sentabr_2026.xlsx")
    assert made.values() == {"Muassasa 101!B2": ("HRM_101", "202609", "BEDS", "", "5")}
    assert made.told() == [("org_unit.unknown", "Muassasa 999!")]
    assert made.one("org_unit.unknown").values == 2


def test_the_whole_name_of_sheet_and_file(tmp_path: Path) -> None:
    text = """
data_set: FORM_Q
source: {header: {anchor: Satr}}
org_unit: {sheet_name: true, match: code}
period: {file_name: true, type: Quarterly}
data_element: {column: Satr, match: code}
value: {column: Jami}
"""
    made = convert(tmp_path, {"HRM_102": "Satr | Jami\nBEDS | 5"}, mapping(text), name="2026Q3.xlsx")
    assert made.values() == {"B2": ("HRM_102", "2026Q3", "BEDS", "", "5")}


def test_periods_in_the_header_as_words_dates_and_iso(tmp_path: Path) -> None:
    text = """
data_set: FORM_M
source: {header: {anchor: Muassasa}}
org_unit: {column: Muassasa, match: code}
period: {header: 1, type: Monthly}
data_element: {constant: BEDS, match: code}
"""
    form = """
        Muassasa | @2026-07-01 | avgust 2026 | 202609 | 4-chorak 2026
        HRM_101  | 1           | 2           | 3      | 4
        """
    made = convert(tmp_path, form, mapping(text))
    assert [value[1] for value in made.values().values()] == ["202607", "202608", "202609"]
    assert made.told() == [("column.unmapped", "E1")]


def test_the_year_in_a_cell_and_the_month_in_the_header(tmp_path: Path) -> None:
    text = """
data_set: FORM_M
source: {header: {anchor: Muassasa}}
org_unit: {column: Muassasa, match: code}
period: {parts: [{cell: {right_of: Yil}}, {header: 1}], type: Monthly}
data_element: {constant: BEDS, match: code}
"""
    form = "Yil: | 2026\nMuassasa | Yanvar | Fevral | Izoh\nHRM_101 | 1 | 2 | 3"
    made = convert(tmp_path, form, mapping(text))
    assert {place: value[1] for place, value in made.values().items()} == {"B3": "202601", "C3": "202602"}
    assert [code for code, _ in made.told()] == ["period.unreadable"]
    made = convert(tmp_path, form.replace("| 2026", "|"), mapping(text))
    assert made.values() == {}


@pytest.mark.parametrize(
    ("given", "stands", "code"),
    [("202609", "sentabr 2026", None), ("202608", "sentabr 2026", "period.disagrees"), ("202609", "9 oylik 2026", "period.cumulative")],
)
def test_a_given_period_must_be_that_of_the_form(tmp_path: Path, given: str, stands: str, code: str | None) -> None:
    form = f"Muassasa kodi | 101 | Davr | {stands}\nSatr kodi | Koʻrsatkich | Jami\n\n'03 | | 5"
    made = convert(tmp_path, form, mapping(WIDE, tmp_path, lines=LINES), given={"period": given})
    assert made.told() == ([(code, "D1")] if code else [])
    assert len(made.values()) == (code is None)


def test_words_for_periods_and_whole_combos_come_from_the_mapping_too(tmp_path: Path) -> None:
    text = """
data_set: FORM_M
org_unit: {constant: HRM_101, match: code}
period: {column: oy, type: Monthly, map: {birinchi: "202601", ikkinchi: "202602"}}
data_element: {constant: DEATHS, match: code}
category_option_combo: {column: kim, map: {e: Erkaklar, a: Ayollar}}
value: {column: soni}
"""
    form = "oy | kim | soni\nbirinchi | e | 1\nIKKINCHI | a | 2\nuchinchi | e | 3\nbirinchi | b | 4"
    made = convert(tmp_path, form, mapping(text))
    assert made.values() == {
        "C2": ("HRM_101", "202601", "DEATHS", "M", "1"),
        "C3": ("HRM_101", "202602", "DEATHS", "F", "2"),
    }
    assert made.told() == [("category_option_combo.unknown", "C5"), ("period.unreadable", "A4")]


# -- several tables --------------------------------------------------------------------------------------------------


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
        """
    made = convert(tmp_path, form, mapping(REPEATED))
    assert ("cell.outside_table", "B4") in made.told()
    assert made.short() == {"B7": "BEDS 6"}


# -- transposed ------------------------------------------------------------------------------------------------------

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


# -- org units -------------------------------------------------------------------------------------------------------


def test_org_units_in_rows_and_data_elements_in_the_header(tmp_path: Path) -> None:
    form = """
        Muassasa          | BEDS | RATE
        Terak shifoxonasi | 5    | 0.75
        Терак пункти      | 6    |
        TERAK  PUNKTI     |      | 1
        Сhinor shifoxonasi | 7   |
        1-son poliklinika | 8    | 1
        """
    made = convert(tmp_path, form, mapping(FACILITIES))
    assert {place: (value[0], value[4]) for place, value in made.values().items()} == {
        "B2": ("HRM_103", "5"),
        "C2": ("HRM_103", "0.75"),
        "B3": ("HRM_103_7", "6"),
        "C4": ("HRM_103_7", "1"),
        "B5": ("HRM_104", "7"),
    }
    assert made.told() == [("name.by_transliteration", "A3"), ("org_unit.ambiguous", "A6")]
    assert made.one("org_unit.ambiguous").values == 2
    assert sorted(f.row or 0 for f in made.findings if f.code == "name.normalised") == [4, 5]


@pytest.mark.parametrize(
    ("more", "label", "unit"),
    [
        ("level: 3", "Fargʻona shahri", "1730401"),
        ("level: 3", "Фаргона", None),
        ("level: 2, drop_words: [viloyati, shahri, tumani]", "Fargʻona", "1730"),
        ("level: 3, drop_words: [viloyati, shahri, tumani]", "Fargʻona", None),
        ("level: 3, drop_words: [shahri, tumani, t.]", "Fargʻona tumani", "1730233"),
        ("level: 3, drop_words: [shahri, tumani, t.]", "Qoʻqon t.", "1730405"),
        ("level: 3, drop_words: [shahri, tumani]", "Qoʻqon tumani", None),
        ("level: 3, drop_words: [shahri, tumani]", "Qoʻqon", "1730405"),
        ("level: 4, below: {constant: '1730405', match: code}", "1-son poliklinika", "HRM_101"),
        ("level: 4, below: {constant: Bogʻdod tumani, match: name}", "Terak shifoxonasi", None),
        ("group: POLY", "1-son poliklinika", "HRM_102"),
        ("level: 3", "Fargʻona viloyati", None),
    ],
)
def test_places_of_one_name_are_told_apart_or_refused(tmp_path: Path, more: str, label: str, unit: str | None) -> None:
    """Region, city and district of one name; a word that is dropped never turns a city into a district in silence."""
    text = FACILITIES.replace("match: name", f"match: name, {more}")
    made = convert(tmp_path, f"Muassasa | BEDS\n{label} | 5", mapping(text))
    assert [value[0] for value in made.values().values()] == ([unit] if unit else [])
    codes = {code for code, _ in made.told("error")}
    assert codes <= {"org_unit.unknown", "org_unit.ambiguous"}
    assert bool(codes) is (unit is None)
    if label == "Qoʻqon t.":
        assert made.told() == [("name.without_words", "A2")]


def test_a_name_below_a_parent_with_aliases(tmp_path: Path) -> None:
    text = """
data_set: FORM_M
org_unit: {column: Nomi, match: name, aliases: facilities.csv, below: {column: Tuman, match: name, below: {column: Viloyat, match: name}}}
period: {constant: "202609", type: Monthly}
data_element: {constant: BEDS, match: code}
value: {column: Soni}
"""
    aliases = "label | target\nEski shifoxona | HRM_104\nPunkt | Terak punkti"
    form = """
        Viloyat          | Tuman          | Nomi           | Soni
        Andijon viloyati | Bogʻdod tumani | Eski shifoxona | 1
        Fargʻona viloyati | Bogʻdod tumani | Punkt         | 2
        Fargʻona viloyati | Bogʻdod tumani | Eski shifoxona | 3
        Andijon viloyati | Qoʻqon shahri | 1-son poliklinika | 4
        Fargʻona viloyati | Qoʻqon shahri | 1-son poliklinika | 5
        Fargʻona viloyati | | 1-son poliklinika | 6
        """
    made = convert(tmp_path, form, mapping(text, tmp_path, facilities=aliases))
    assert {place: value[0] for place, value in made.values().items()} == {
        "D2": "HRM_104",
        "D3": "HRM_103_7",
        "D6": "HRM_101",
    }
    assert made.told() == [("org_unit.missing", "C7"), ("org_unit.unknown", "C4"), ("org_unit.unknown", "C5")]
    assert [f.row for f in made.findings if f.code == "name.by_alias"] == [2, 3]


def test_org_units_by_an_attribute_and_by_a_code_of_several_columns(tmp_path: Path) -> None:
    text = FACILITIES.replace("match: name", "match: ATTRIBUTE:uidTaxNumbr")
    made = convert(tmp_path, "Muassasa | BEDS\n'300000008 | 5\n'300000099 | 6", mapping(text))
    assert [value[0] for value in made.values().values()] == ["HRM_101"]
    assert made.told() == [("org_unit.unknown", "A3")]
    text = FACILITIES.replace("column: facility, match: name", 'columns: [org, unit], code: "HRM_{org}[_{unit}]"')
    text = text.replace("anchor: facility", "anchor: org")
    made = convert(tmp_path, "org | unit | BEDS\n103 | | 5\n' 103 | '7 | 6\n | 7 | 7", mapping(text))
    assert [value[0] for value in made.values().values()] == ["HRM_103", "HRM_103_7"]
    assert made.told() == [("org_unit.missing", "A4")]


def test_blanks_and_invisible_characters_around_codes_are_taken_off(tmp_path: Path) -> None:
    text = FACILITIES.replace("match: name", "match: code, prefix: HRM_")
    made = convert(tmp_path, "Muassasa | BEDS\n'\u00a0101\u200b | 5", mapping(text))
    assert [value[0] for value in made.values().values()] == ["HRM_101"]
    assert made.told("info") == [("name.normalised", "A2")]


# -- blanks below a label --------------------------------------------------------------------------------------------

BELOW = """
data_set: FORM_M
org_unit: {column: Muassasa, match: code}
period: {constant: "202609", type: Monthly}
data_element: {column: Satr, match: code}
value: {columns: [Soni]}
"""


def test_labels_go_down_over_true_merges_or_where_it_is_declared(tmp_path: Path) -> None:
    merged = "Muassasa | Satr | Soni\nHRM_101 | BEDS | 5\n^ | RATE | 6\nHRM_102 | BEDS | 7\n| RATE | 8"
    made = convert(tmp_path, merged, mapping(BELOW))
    assert {place: value[0] for place, value in made.values().items()} == {
        "C2": "HRM_101",
        "C3": "HRM_101",
        "C4": "HRM_102",
    }
    assert made.told() == [("org_unit.missing", "A5")]
    declared = mapping(BELOW + "fill_down: [Muassasa]")
    made = convert(tmp_path, merged, declared)
    assert (made.told(), made.values()["C5"][0]) == ([], "HRM_102")


def test_a_number_merged_over_two_lines_counts_once(tmp_path: Path) -> None:
    made = convert(tmp_path, "Muassasa | Satr | Soni\nHRM_101 | BEDS | 5\nHRM_101 | RATE | ^", mapping(BELOW))
    assert made.short() == {"C2": "BEDS 5"}


def test_an_error_in_a_label_is_not_filled_from_above(tmp_path: Path) -> None:
    form = "Muassasa | Satr | Soni\nHRM_101 | BEDS | 5\n#N/A | BEDS | 6\n | RATE | 7"
    made = convert(tmp_path, form, mapping(BELOW + "fill_down: [Muassasa]"))
    assert made.short() == {"C2": "BEDS 5"}
    assert made.told() == [("cell.error", "A3"), ("cell.error", "A4")] or made.told() == [("cell.error", "A3")] * 2


# -- attributes, combos, comments ------------------------------------------------------------------------------------


def test_attribute_options_by_column_and_as_one_label(tmp_path: Path) -> None:
    text = """
data_set: PARTNERS_M
org_unit: {column: facility, match: code}
period: {column: period, type: Monthly}
data_element: {column: line, match: code}
ATTRIBUTE
value: {column: value}
comment: {column: comment}
"""
    form = """
        facility | period | line | partner | value | comment
        HRM_101 | 202609 | BEDS | Quyosh fondi | 5 | yangi
        HRM_101 | 202609 | BEDS | P2 | 6 |
        HRM_101 | 202609 | BEDS | P3 | 7 |
        HRM_101 | 202609 | BEDS | | 8 |
        """
    for attribute, code in (
        ("attribute_options: {PARTNER: {column: partner}}", "category_option.unknown"),
        ("attribute_option_combo: {column: partner, map: {P2: Oy fondi}}", "attribute_option_combo.unknown"),
    ):
        made = convert(tmp_path, form, mapping(text.replace("ATTRIBUTE", attribute)))
        assert made.short() == {"E2": "BEDS 5", "E3": "BEDS 6"}
        assert made.conversion.ready["attribute_option_combo"].n_unique() == 2
        assert made.conversion.ready["comment"].to_list() == ["yangi", None]
        assert {code for code, _ in made.told()} == {code, "attribute_option_combo.incomplete"}


def test_one_column_that_names_the_whole_combo(tmp_path: Path) -> None:
    text = LONG.replace("category_options: {SEX: {column: sex}, AGE: {column: age}}", "category_option_combo: {column: kim}")
    form = """
        facility | period | line   | kim              | value
        HRM_101  | 202609 | VISITS | Erkaklar, 0-4    | 1
        HRM_101  | 202609 | VISITS | 5-14 / ayollar   | 2
        HRM_101  | 202609 | VISITS | 15+ (M)          | 3
        HRM_101  | 202609 | VISITS | Erkaklar         | 4
        HRM_101  | 202609 | BEDS   |                  | 5
        HRM_101  | 202609 | DEATHS |                  | 6
        HRM_101  | 202609 | BEDS   | Erkaklar         | 7
        """
    made = convert(tmp_path, form, mapping(text))
    assert made.short() == {"E2": "VISITS M+Y0 1", "E3": "VISITS F+Y5 2", "E6": "BEDS 5"}
    assert made.told() == [
        ("category_option_combo.incomplete", "E5"),
        ("category_option_combo.incomplete", "E7"),
        ("category_option_combo.unknown", "E4"),
        ("category_option_combo.unknown", "E8"),
    ]


def test_a_long_file_says_all_options_or_is_refused(tmp_path: Path) -> None:
    form = """
        facility | period | line   | sex | age  | value
        HRM_101  | 202609 | VISITS | M   | 0-4  | 1
        HRM_101  | 202609 | VISITS | M   |      | 2
        HRM_101  | 202609 | BEDS   | M   |      | 3
        HRM_101  | 202609 | DEATHS | F   |      | 4
        HRM_101  | 202609 | VISITS | X   | 5-14 | 5
        """
    made = convert(tmp_path, form, mapping(LONG))
    assert made.short() == {"F2": "VISITS M+Y0 1", "F5": "DEATHS F 4"}
    assert made.told() == [
        ("category_option.unknown", "D6"),
        ("category_option_combo.incomplete", "F3"),
        ("category_option_combo.not_of_element", "F4"),
    ]


# -- what stands in cells --------------------------------------------------------------------------------------------


def test_markers_units_booleans_options_and_texts(tmp_path: Path) -> None:
    text = LONG.replace("category_options: {SEX: {column: sex}, AGE: {column: age}}\n", "") + """
cells: {"-": zero, "yoʻq": zero, x: not_applicable, maʼlumot berilmagan hali ham: not_reported, "999": not_reported}
booleans: {"ha": true, "yoʻq": false}
units: [ta, чел.]
"""
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
    text = NARROW.replace('cells: {"-": zero', 'cells: {blank: zero, "-": zero').replace("column: line, m", "column: line, m")
    made = convert(tmp_path, form.replace("DEATHS    | 5", "POSTS | 5"), mapping(text))
    assert made.short() == {"C2": "DEATHS M 1", "D2": "DEATHS F 0", "B3": "BEDS 0", "D6": "POSTS F 2"}
    assert made.told() == [("cell.error", "C6")]


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


# -- totals ----------------------------------------------------------------------------------------------------------


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


# -- the end of the table --------------------------------------------------------------------------------------------


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


# -- rows left out, computed columns ---------------------------------------------------------------------------------


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


# -- loose cells -----------------------------------------------------------------------------------------------------

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


# -- cumulative ------------------------------------------------------------------------------------------------------


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


# -- given, and nothing ----------------------------------------------------------------------------------------------


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
