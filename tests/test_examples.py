"""The shipped examples and mappings: fresh, consistent with one another, and what their form's rules allow."""

import csv
import importlib
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from itertools import chain, product
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from dhis2_bridge import settings

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
PHC = EXAMPLES / "phc"
MAPPINGS = ROOT / "mappings"
LINES = list(csv.DictReader((MAPPINGS / "uzbekistan/phc_lines.csv").read_text(encoding="utf-8").splitlines()))
AGE_WORDS = list(csv.DictReader((MAPPINGS / "uzbekistan/age5.csv").read_text(encoding="utf-8").splitlines()))
AGE_OF = {row["label"]: row["category_option"] for row in AGE_WORDS}
SEX_OF = {"Erkak": "M", "Мужчины": "M", "Ayol": "F", "Женщины": "F"}
RIGHT_FORMS = ("phc_uz.xlsx", "phc_ru.xlsx", *(f"district/{argos}.xlsx" for argos in (900103, 900104, 900105)))

Values = dict[tuple[str, str, str], int]
Object = dict[str, Any]


def metadata(name: str) -> Object:
    content: Object = json.loads((EXAMPLES / "metadata" / name).read_text(encoding="utf-8"))
    return content


def grid(path: Path) -> list[list[str]]:
    """The only sheet of a workbook, from A1, as text."""
    (sheet,) = CalamineWorkbook.from_path(path).sheet_names
    rows = CalamineWorkbook.from_path(path).get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    return [[str(int(c)) if isinstance(c, float) and c.is_integer() else str(c) for c in row] for row in rows]


def axes(line: str) -> tuple[str, ...]:
    (combo,) = (row["category_combo"] for row in LINES if row["line"] == line)
    return {"default": (), "CC_SEX": ("SEX",), "CC_SEX_AGE5": ("SEX", "AGE5")}[combo]


def from_form(path: Path) -> tuple[Values, Values]:
    """The values and the totals of a printed form: by the header, not by what the builder believes."""
    rows = grid(path)
    paths = []
    above = ""
    for upper, lower in zip(rows[7][2:], rows[8][2:], strict=True):
        above = upper or above
        paths.append((SEX_OF.get(above, ""), AGE_OF.get(lower, "")))
    values: Values = {}
    totals: Values = {}
    for row in rows[10:52]:
        line = row[0]
        for (sex, age), cell in zip(paths, row[2:], strict=True):
            given = (*(["SEX"] if sex else []), *(["AGE5"] if age else []))
            if given == axes(line):
                values[line, sex, age] = int(cell)
            elif len(given) < len(axes(line)):
                totals[line, sex, age] = int(cell)
            else:
                assert cell in {"x", "х"}, (path.name, line, sex, age)
    return values, totals


def from_json(path: Path) -> Values:
    document = json.loads(path.read_text(encoding="utf-8"))
    return {
        (item["line"], cell.get("sex", ""), cell.get("age", "")): cell["value"]
        for item in document["items"]
        for cell in item.get("values", [item])
    }


def from_csv(path: Path, delimiter: str) -> Values:
    rows = csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(), delimiter=delimiter)
    return {(row["line"], row["sex"], row["age"]): int(row["value"]) for row in rows}


@pytest.fixture(scope="module")
def builder() -> Iterator[ModuleType]:
    sys.path.insert(0, str(EXAMPLES))
    try:
        yield importlib.import_module("build")
    finally:
        sys.path.remove(str(EXAMPLES))


@pytest.fixture(scope="module")
def built(builder: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    builder.build(folder)
    return folder


def content(path: Path) -> bytes | dict[str, bytes]:
    """A file's bytes; of a workbook what people see in it, for another XlsxWriter or zlib may pack it otherwise."""
    if path.suffix != ".xlsx":
        return path.read_bytes()
    with zipfile.ZipFile(path) as package:
        seen = [name for name in package.namelist() if name.startswith(("xl/worksheets/", "xl/sharedStrings"))]
        return {name: package.read(name) for name in seen}


def generated(folder: Path) -> dict[str, Path]:
    found = chain.from_iterable((folder / name).rglob("*.*") for name in ("metadata", "phc", "hrh", "tb"))
    return {path.relative_to(folder).as_posix(): path for path in found if not path.name.startswith("~$")}


# --- the builder ---


def test_the_committed_files_are_what_the_builder_makes(built: Path) -> None:
    fresh, committed = generated(built), generated(EXAMPLES)
    assert sorted(fresh) == sorted(committed)
    stale = [name for name in fresh if content(fresh[name]) != content(committed[name])]
    assert stale == [], "run examples/build.py"


def test_building_twice_gives_the_same_bytes(builder: ModuleType, built: Path, tmp_path: Path) -> None:
    builder.build(tmp_path)
    again = generated(tmp_path)
    assert [name for name, path in generated(built).items() if path.read_bytes() != again[name].read_bytes()] == []


# --- one report in five files ---


def test_lines_and_cells_of_the_form() -> None:
    combos = {combo["code"]: combo for combo in metadata("uz_phc_m.json")["categoryCombos"]}
    cells = [len(combos[row["category_combo"]]["categoryOptionCombos"]) for row in LINES]
    assert [row["line"] for row in LINES] == [f"{number:02}" for number in range(1, 43)]
    assert (len(cells), sum(cells)) == (42, 128)
    assert len(from_form(PHC / "phc_uz.xlsx")[0]) == sum(cells)


def test_all_five_files_carry_the_same_values() -> None:
    expected = from_form(PHC / "phc_uz.xlsx")[0]
    assert from_form(PHC / "phc_ru.xlsx")[0] == expected
    assert from_json(PHC / "phc.json") == expected
    assert from_csv(PHC / "phc_comma.csv", ",") == expected
    assert from_csv(PHC / "phc_semicolon.csv", ";") == expected


def test_only_the_semicolon_file_has_a_byte_order_mark() -> None:
    assert (PHC / "phc_semicolon.csv").read_bytes().startswith(b"\xef\xbb\xbfform;period;")
    assert (PHC / "phc_comma.csv").read_bytes().startswith(b"form,period,")


@pytest.mark.parametrize("name", RIGHT_FORMS)
def test_totals_of_a_right_form_are_the_sums_of_their_parts(name: str) -> None:
    values, totals = from_form(PHC / name)
    sums: Values = dict.fromkeys(totals, 0)
    for line, sex, age in totals:
        parts = [v for (of, s, a), v in values.items() if of == line and sex in {"", s} and age in {"", a}]
        sums[line, sex, age] = sum(parts)
    assert totals == sums
    assert len(totals) == 8 * 3 + 14


@pytest.mark.parametrize("name", [*RIGHT_FORMS, "district/900199.xlsx"])
def test_the_figures_obey_the_rules_of_the_form(name: str) -> None:
    values, _ = from_form(PHC / name)

    def total(line: str, sex: str | None = None) -> int:
        return sum(value for (of, s, _), value in values.items() if of == line and sex in {None, s})

    assert min(values.values()) >= 0
    assert all(total("03", sex) <= total("01", sex) for sex in "MF")
    assert total("19") <= total("18")
    assert total("22") <= total("21")
    assert total("26") >= total("25")
    assert total("12") <= total("10")
    assert total("14") <= total("13") * 30 * 1.2
    assert total("23") + total("24") >= total("21")
    assert total("09") >= total("02")


def test_labels_on_the_forms_are_those_of_the_crosswalk() -> None:
    for name, language in (("phc_uz.xlsx", "uz"), ("phc_ru.xlsx", "ru")):
        printed = [row[:2] for row in grid(PHC / name)[10:52]]
        assert printed == [[line["line"], line[f"label_{language}"]] for line in LINES]


def test_every_age_has_words_in_three_languages_and_with_a_plain_hyphen() -> None:
    options = {option["code"] for option in metadata("uz_phc_m.json")["categoryOptions"]} - {"default", "M", "F"}
    assert len(AGE_OF) == len(AGE_WORDS)
    assert set(AGE_OF.values()) == options
    assert all(sum(option == of for of in AGE_OF.values()) >= 3 for option in options)
    typed = {label.replace("–", "-"): option for label, option in AGE_OF.items()}
    assert typed.items() <= AGE_OF.items()


def test_the_form_with_mistakes_differs_where_its_table_says() -> None:
    right, wrong = grid(PHC / "phc_uz.xlsx"), grid(PHC / "phc_uz_with_mistakes.xlsx")
    changed = {
        f"{chr(ord('A') + column)}{row}"
        for row, (before, after) in enumerate(zip(right, wrong, strict=True), start=1)
        for column, (b, a) in enumerate(zip(before, after, strict=True))
        if a != b
    }
    documented = set(re.findall(r"^\| ([A-O]\d+) \|", (EXAMPLES / "README.md").read_text(encoding="utf-8"), re.M))
    assert changed == documented


def test_the_table_of_mistakes_names_codes_that_exist() -> None:
    from dhis2_bridge.findings import CODES

    table = re.findall(r"^\| [A-O]\d+ \|.*$", (EXAMPLES / "README.md").read_text(encoding="utf-8"), re.M)
    named = {code for row in table for code in re.findall(r"\(`([a-z_.]+)`\)", row)}
    assert named
    assert named <= set(CODES)


def test_one_workbook_of_the_district_names_a_facility_that_does_not_exist() -> None:
    codes = {unit["code"] for unit in metadata("uz_phc_m.json")["organisationUnits"]}
    named = {path.stem: grid(path)[5][2] for path in (PHC / "district").iterdir()}
    assert all(stem == argos for stem, argos in named.items())
    assert {argos for argos in named.values() if f"HRM_{argos}" not in codes} == {"900199"}
    assert len(named) == 4


# --- the metadata ---


@pytest.mark.parametrize("name", ["uz_phc_m.json", "uz_hrh.json", "tb_org_units.json"])
def test_every_object_has_a_uid_of_its_own_and_every_reference_leads_somewhere(name: str) -> None:
    from dhis2_bridge.identifiers import is_uid

    snapshot = metadata(name)
    objects = [item for kind, items in snapshot.items() if kind != "system" for item in items]
    uids = [item["id"] for item in objects]
    assert len(set(uids)) == len(uids)
    assert all(map(is_uid, uids))

    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if set(node) == {"id"}:
                yield node["id"]
            for inner in node.values():
                yield from references(inner)
        elif isinstance(node, list):
            for inner in node:
                yield from references(inner)

    used = set(references(objects))
    for rule in snapshot.get("validationRules", ()):
        for side in ("leftSide", "rightSide"):
            used.update(re.findall(r"[A-Za-z][A-Za-z0-9]{10}", rule[side]["expression"]))
    assert used <= set(uids)


def test_option_combos_are_exactly_the_cartesian_product() -> None:
    snapshot = metadata("uz_phc_m.json")
    options = {c["id"]: [o["id"] for o in c["categoryOptions"]] for c in snapshot["categories"]}
    cells = {c["id"]: c for c in snapshot["categoryOptionCombos"]}
    sizes = {}
    for combo in snapshot["categoryCombos"]:
        own = [cells[c["id"]] for c in combo["categoryOptionCombos"]]
        assert all(cell["categoryCombo"]["id"] == combo["id"] for cell in own)
        found = [tuple(o["id"] for o in cell["categoryOptions"]) for cell in own]
        assert sorted(found) == sorted(product(*(options[c["id"]] for c in combo["categories"])))
        sizes[combo["code"]] = len(own)
    assert sizes == {"default": 1, "CC_SEX": 2, "CC_SEX_AGE5": 10}
    assert sum(sizes.values()) == len(cells)


def test_data_elements_are_the_lines_of_the_form() -> None:
    snapshot = metadata("uz_phc_m.json")
    combos = {c["id"]: c["code"] for c in snapshot["categoryCombos"]}
    stored = {"F": ("SUM", False), "S": ("LAST_IN_PERIOD", True)}
    expected = {line["data_element"]: (line["category_combo"], *stored[line["kind"]]) for line in LINES}
    made = {
        element["code"]: (
            combos[element["categoryCombo"]["id"]],
            element["aggregationType"],
            element["zeroIsSignificant"],
        )
        for element in snapshot["dataElements"]
    }
    assert made == expected
    assert {element["valueType"] for element in snapshot["dataElements"]} == {"INTEGER_ZERO_OR_POSITIVE"}
    (data_set,) = snapshot["dataSets"]
    in_set = [item["dataElement"]["id"] for item in data_set["dataSetElements"]]
    assert in_set == [element["id"] for element in snapshot["dataElements"]]
    assert (data_set["periodType"], data_set["timelyDays"], data_set["openFuturePeriods"]) == ("Monthly", 3, 0)


def test_org_units_hang_together_and_the_facilities_have_the_data_set() -> None:
    snapshot = metadata("uz_phc_m.json")
    units = {unit["id"]: unit for unit in snapshot["organisationUnits"]}
    for unit in units.values():
        above = units[unit["parent"]["id"]] if "parent" in unit else {"path": "", "level": 0, "code": ""}
        assert unit["path"] == f"{above['path']}/{unit['id']}"
        assert unit["level"] == above["level"] + 1
        assert unit["code"].startswith("HRM_" if unit["level"] == 4 else above["code"])
    facilities = [unit["id"] for unit in units.values() if unit["level"] == 4]
    assert [unit["id"] for unit in snapshot["dataSets"][0]["organisationUnits"]] == facilities
    assert len(facilities) == 6


def test_districts_are_those_of_the_state_classifier(shared: Path) -> None:
    with (shared / "reference/uzbekistan/regions_soato.csv").open(encoding="utf-8", newline="") as file:
        places = {row["code"]: row["name_uz"] for row in csv.DictReader(file) if row["parent"] == "1730"}
    groups = {"1730200", "1730400"}
    units = metadata("uz_phc_m.json")["organisationUnits"]
    districts = {unit["code"]: unit["name"].replace("ʻ", "'") for unit in units if unit["level"] == 3}
    assert set(districts) == set(places) - groups
    for code, name in districts.items():
        assert name.removesuffix(" shahri").removesuffix(" tumani") == re.split(r" tumani| \(", places[code])[0]


# --- the mappings ---


@pytest.mark.parametrize(
    "path",
    [MAPPINGS / f"{name}.yaml" for name in settings.shipped_mappings()],
    ids=lambda path: path.relative_to(MAPPINGS).as_posix(),
)
def test_every_shipped_mapping_loads(path: Path) -> None:
    mapping_file = pytest.importorskip("dhis2_bridge.mapping_file")
    mapping_file.load(path)


def test_the_tb_crosswalk_and_form_fit_the_package(shared: Path) -> None:
    package = json.loads((shared / "reference/who/tb_agg_metadata.json").read_text(encoding="utf-8"))
    elements = {element["id"]: element for element in package["dataElements"]}
    (data_set,) = (each for each in package["dataSets"] if each["code"] == "TB_CNOT")
    wanted = {elements[item["dataElement"]["id"]]["code"] for item in data_set["dataSetElements"]}
    rows = list(csv.DictReader((MAPPINGS / "who/tb_case_notification.csv").read_text(encoding="utf-8").splitlines()))
    assert sorted(row["data_element"] for row in rows) == sorted(wanted)

    form = grid(EXAMPLES / "tb/tb_q.xlsx")
    assert [text for text in form[4][3:] if text] == [row["label"] for row in rows]
    category = {each["id"]: each for each in package["categories"]}["Q3xIIv2LDJF"]
    names = {option["id"]: option["name"] for option in package["categoryOptions"]}
    assert form[6][18:27] == form[6][27:36] == [names[option["id"]] for option in category["categoryOptions"]]


def test_the_tb_figures_obey_the_rules_of_the_package() -> None:
    form = grid(EXAMPLES / "tb/tb_q.xlsx")
    above = ""
    labels = [above := text or above for text in form[4]]
    column = {label: labels.index(label) for label in labels}
    for row in form[7:11]:
        figures = {label: int(row[place]) for label, place in column.items() if place > 2}
        new_and_relapse = sum(figure for label, figure in figures.items() if label.startswith(("New,", "Relapse,")))
        assert figures["New and relapse cases by sex and age"] == new_and_relapse
        assert sum(map(int, row[18:36])) == new_and_relapse
        assert figures["Presumptive TB tested positive"] <= figures["Presumptive TB tested"]
        assert figures["HIV test positive"] <= figures["HIV test result recorded"] <= new_and_relapse
        assert figures["Antiretroviral therapy"] <= figures["HIV test positive"]
        assert figures["Co-trimoxazole preventive therapy"] <= figures["HIV test positive"]
    assert [sum(int(row[place]) for row in form[7:10]) for place in range(3, 40)] == [int(c) for c in form[10][3:]]


# --- the walk over them ---

KEY = ["data_element", "period", "org_unit", "category_option_combo", "value"]


def walk(*files: str, mapping: str = "uzbekistan/*.yaml", snapshot: Any = None) -> Any:
    """The files converted by the mapping that recognises each."""
    from dhis2_bridge import pipeline

    mappings = sorted(MAPPINGS.glob(mapping))
    return pipeline.convert([EXAMPLES / f for f in files], mappings, snapshot or EXAMPLES / "metadata/uz_phc_m.json")


def places(findings: Any) -> set[tuple[str, str]]:
    """Code and cell of each error."""
    errors = findings.filter(findings["severity"] == "error")
    letters = [""] + [chr(ord("A") + number) for number in range(26)]
    return {(row["code"], f"{letters[row['column'] or 0]}{row['row']}") for row in errors.iter_rows(named=True)}


@pytest.mark.parametrize("name", ["phc_uz.xlsx", "phc_ru.xlsx", "phc.json", "phc_comma.csv", "phc_semicolon.csv"])
def test_each_file_becomes_the_128_values_of_the_report(name: str) -> None:
    snapshot = metadata("uz_phc_m.json")
    elements = {element["code"]: element["id"] for element in snapshot["dataElements"]}
    options = {option["id"]: option["code"] for option in snapshot["categoryOptions"]}
    cells = {
        cell["id"]: frozenset(options[o["id"]] for o in cell["categoryOptions"]) - {"default"}
        for cell in snapshot["categoryOptionCombos"]
    }
    (facility,) = (unit["id"] for unit in snapshot["organisationUnits"] if unit["code"] == "HRM_900101")
    expected = {
        (elements[row["data_element"]], frozenset({sex, age} - {""})): str(value)
        for row in LINES
        for (line, sex, age), value in from_form(PHC / "phc_uz.xlsx")[0].items()
        if line == row["line"]
    }
    result = walk(f"phc/{name}")
    assert result.errors == 0
    rows = [tuple(map(str, row)) for row in result.ready.select(KEY).iter_rows()]
    assert {(element, cells[cell]): value for element, _, _, cell, value in rows} == expected
    assert len(rows) == 128
    assert {row[1:3] for row in rows} == {("202609", facility)}


def test_every_mistake_is_found_in_its_cell() -> None:
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    documented = {(code, cell) for cell, code in re.findall(r"^\| ([A-O]\d+) \|.*\(`([a-z_.]+)`\) \|$", table, re.M)}
    result = walk("phc/phc_uz_with_mistakes.xlsx")
    assert places(result.findings) == documented
    zero = result.values.filter((result.values["row"] == 27) & (result.values["column"] == 3))
    assert zero["value"].to_list() == ["0"]


def test_a_bad_workbook_of_a_district_does_not_keep_the_others_back() -> None:
    result = walk("phc/district")
    assert result.findings.filter(result.findings["severity"] == "error")["code"].unique().to_list() == [
        "org_unit.unknown"
    ]
    assert result.ready.height == 3 * 128
    assert result.ready["org_unit"].n_unique() == 3


def test_the_tb_form_becomes_values_of_the_package(shared: Path) -> None:
    from dhis2_bridge.snapshot import Snapshot

    package = json.loads((shared / "reference/who/tb_agg_metadata.json").read_text(encoding="utf-8"))
    units = metadata("tb_org_units.json")
    facilities = [{"id": unit["id"]} for unit in units["organisationUnits"] if unit["level"] == 3]
    (data_set,) = (each for each in package["dataSets"] if each["code"] == "TB_CNOT")
    data_set["organisationUnits"] = facilities
    result = walk("tb/tb_q.xlsx", mapping="who/tb_quarterly.yaml", snapshot=Snapshot.from_dict({**package, **units}))
    assert result.errors == 0
    assert result.ready.height == 3 * (18 + 18)
    assert set(result.ready["period"].cast(str)) == {"2026Q3"}
    form = grid(EXAMPLES / "tb/tb_q.xlsx")
    counted = [
        int(cell) for row in form[7:10] for place, cell in enumerate(row) if place > 2 and form[5][place] != "Total"
    ]
    assert sorted(map(int, result.ready["value"])) == sorted(counted)
    assert "row.total_left_out" in result.findings["code"].to_list()
