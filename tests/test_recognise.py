"""Which of several mappings takes a file, by what the file says of itself."""

from pathlib import Path

import pytest
import worlds

from dhis2_bridge import recognise, sources
from dhis2_bridge.findings import Finding
from dhis2_bridge.mapping import Mapping
from dhis2_bridge.mapping_file import load_text

REST = """
data_set: FORM_M
source: {header: {anchor: line, rows: 2}}
columns: {line: [Satr kodi, Код строки], total: Jami, male: Erkak}
org_unit: {constant: HRM_101}
period: {cell: {right_of: Davr}, type: Monthly}
data_element: {column: line, match: code}
"""


def mapping(name: str, how: str, rest: str = REST) -> Mapping:
    return load_text(f"mapping: {name}\nversion: 1\n" + (f"recognise: {how}\n" if how else "") + rest)


def chosen(file: Path, *mappings: Mapping) -> str:
    """The mapping that takes a file, or the code of the finding that none does."""
    found = recognise.choose(sources.open_source(file), mappings)
    return found.code if isinstance(found, Finding) else found.mapping


@pytest.fixture
def form(tmp_path: Path) -> Path:
    file = tmp_path / "SSV_sentabr.xlsx"
    drawn = "Shakl FORM-1\nDavr | sentabr 2026\nSatr kodi | Jami | Erkak\n^ | ^ | 0-4\nBEDS | 5"
    file.write_bytes(worlds.workbook(**{"1-jadval": drawn, "Izoh": "matn"}))
    return file


@pytest.mark.parametrize(
    ("how", "fits"),
    [
        ('{title: "*FORM-1*"}', True),
        ('{title: ["yoʻq", "shakl form-1"]}', True),
        ('{title: "FORM-1"}', False),
        ('{file_name: "SSV_*.xlsx"}', True),
        ('{file_name: "*.csv"}', False),
        ('{sheet: "*jadval"}', True),
        ('{sheet: "2*"}', False),
        ("{columns: [line, total]}", True),
        ("{columns: [line, Kimdir]}", False),
        ('{title: "*FORM-1*", sheet: "2*"}', False),
        ("{fields: {line: BEDS}}", False),
    ],
)
def test_every_key_has_to_fit(form: Path, how: str, fits: bool) -> None:
    assert chosen(form, mapping("a", how), mapping("b", '{title: "boshqa"}')) == ("a" if fits else "mapping.none_fits")


def test_columns_may_stand_in_any_row_of_one_header(tmp_path: Path) -> None:
    file = tmp_path / "form.xlsx"
    file.write_bytes(worlds.workbook(Form="Sarlavha\nSatr kodi | Jins | <\n^ | Jami | Erkak\nBEDS | 5"))
    columns = "{columns: [line, male]}"
    assert chosen(file, mapping("a", columns)) == "a"
    assert chosen(file, mapping("a", columns, REST.replace(", rows: 2", ""))) == "mapping.none_fits"


def test_a_mapping_that_does_not_say_is_for_what_no_other_takes(form: Path) -> None:
    assert chosen(form, mapping("any", ""), mapping("a", '{title: "*FORM-1*"}')) == "a"
    assert chosen(form, mapping("any", ""), mapping("a", '{title: "boshqa"}')) == "any"
    assert chosen(form, mapping("any", ""), mapping("other", "")) == "mapping.several_fit"


def test_hidden_sheets_say_nothing(tmp_path: Path) -> None:
    file = tmp_path / "form.xlsx"
    file.write_bytes(worlds.workbook(Form="Satr kodi\nBEDS"))
    held = sources.open_source(file)
    held.sheets[0].visible = False
    assert isinstance(recognise.choose(held, [mapping("a", "{sheet: Form}")]), Finding)


@pytest.mark.parametrize(
    ("period", "taken"),
    [("sentabr 2026", "old"), ("@2027-01-15", "new"), ("2027-yil fevral", "new"), ("nimadir", "mapping.several_fit")],
)
def test_of_two_versions_of_a_form_the_period_decides(tmp_path: Path, period: str, taken: str) -> None:
    file = tmp_path / "form.xlsx"
    file.write_bytes(worlds.workbook(Form=f"Shakl\nDavr | {period}\nSatr kodi | Jami | Erkak\n^ | ^ | 0-4\nBEDS | 5"))
    title = "{title: Shakl, periods: %s}"
    assert chosen(file, mapping("old", title % "..2026-12"), mapping("new", title % "2027-01..")) == taken


def test_the_period_of_records_and_of_a_column(tmp_path: Path) -> None:
    rest = REST.replace("{cell: {right_of: Davr}, type", "{column: davr, type")
    rest = rest.replace("anchor: line, rows: 2", "rows: 1")
    old = mapping("old", "{columns: [davr], periods: 2026}", rest)
    new = mapping("new", "{columns: [davr], periods: 2027}", rest)
    file = tmp_path / "long.csv"
    file.write_text("davr,Satr kodi,soni\n202703,BEDS,5\n", encoding="utf-8")
    assert chosen(file, old, new) == "new"
    file = tmp_path / "long.xlsx"
    file.write_bytes(worlds.workbook(Form="davr | Satr kodi | soni\n202603 | BEDS | 5"))
    assert chosen(file, old, new) == "old"


@pytest.mark.parametrize(
    ("name", "content", "fits"),
    [
        ("a.csv", "form,line\nFORM_M,BEDS\nFORM_X,BEDS\n", True),
        ("a.csv", "form,line\nFORM_X,BEDS\n", False),
        ("a.csv", "line\nBEDS\n", False),
        ("a.json", '{"items": [{"form": "form_m", "line": "BEDS"}]}', True),
    ],
)
def test_fields_of_the_first_record(tmp_path: Path, name: str, content: str, fits: bool) -> None:
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    rest = REST.replace("{anchor: line, rows: 2}", "{rows: 1}").replace("right_of: Davr", "at: A1")
    held = mapping("a", "{fields: {form: FORM_M}}", rest)
    records = sources.open_source(file, records="items[]") if name.endswith("json") else sources.open_source(file)
    assert isinstance(recognise.choose(records, [held]), Mapping) is fits


def test_values_outside_the_mappings_time_are_refused(tmp_path: Path) -> None:
    text = """
recognise: {columns: [Muassasa], periods: 2026-01..2026-06}
data_set: FORM_M
source: {header: {anchor: Muassasa}}
org_unit: {column: Muassasa, match: code}
period: {header: 1, type: Monthly}
data_element: {constant: BEDS, match: code}
"""
    made = worlds.convert(
        tmp_path, "Muassasa | 202606 | 202607\nHRM_101 | 5 | 6\nHRM_102 | 7 | 8", worlds.mapping(text)
    )
    assert {place: value[1] for place, value in made.values().items()} == {"B2": "202606", "B3": "202606"}
    assert made.told() == [("mapping.not_in_force", "C2")]
    assert made.one("mapping.not_in_force").values == 2
