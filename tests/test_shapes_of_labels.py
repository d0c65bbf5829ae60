"""Whole conversions: how lines, periods, org units and options are named on forms, and how that goes wrong."""

import json
from pathlib import Path

import pytest
from forms import FACILITIES, LINES, LONG, NARROW, WIDE, wide
from worlds import convert, mapping

# -- lines -------------------------------------------------------------------------------------------------------------


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
    calls = {"code": "CALLS", "display": "Calls"}
    beds = {
        "code": "BEDS",
        "display": "Beds",
        "designation": [{"language": "uz", "value": "Oʻrinlar"}],
        "concept": [calls],
    }
    content = json.dumps({"resourceType": "CodeSystem", "concept": [beds]})
    (tmp_path / "lines.json").write_text(content, encoding="utf-8")
    text = FACILITIES.replace("match: code", "crosswalk: {file: lines.json, key: display, target: code}")
    made = convert(tmp_path, "Muassasa | Beds | Calls | Rates\nTerak punkti | 5 | 6 | 7", mapping(text, tmp_path))
    assert made.short() == {"B2": "BEDS 5", "C2": "CALLS 6"}
    assert made.told() == [("column.unmapped", "D1")]


# -- where the period and the org unit stand ---------------------------------------------------------------------------


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
    [
        ("202609", "sentabr 2026", None),
        ("202608", "sentabr 2026", "period.disagrees"),
        ("202609", "9 oylik 2026", "period.cumulative"),
    ],
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


# -- org units ---------------------------------------------------------------------------------------------------------


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
org_unit:
  column: Nomi
  match: name
  aliases: facilities.csv
  below: {column: Tuman, match: name, below: {column: Viloyat, match: name}}
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


# -- blanks below a label ----------------------------------------------------------------------------------------------

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


# -- attributes, combos, comments --------------------------------------------------------------------------------------


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
    text = LONG.replace(
        "category_options: {SEX: {column: sex}, AGE: {column: age}}", "category_option_combo: {column: kim}"
    )
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
