"""The invented staff of the examples: what stands in the files, and that all ways count it alike."""

import csv
import importlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest
from python_calamine import CalamineWorkbook
from workforce_cases import Counts, Row
from workforce_reference import POSITIONS, count, differences, facility, read

from dhis2_bridge import mapping_file, pipeline

ROOT = Path(__file__).resolve().parents[1]
HRH = ROOT / "examples/hrh"
UZBEKISTAN = ROOT / "mappings/uzbekistan"
METADATA = ROOT / "examples/metadata/uz_hrh.json"
STAFF = read(HRH / "argos_staff.csv")
POSTS = read(HRH / "argos_posts.csv")
LARGEST = 2_000_000
ODD_CODES = {"", "2212,1", "2.21E+03", "3252.5", "2250.3", "2212.999"}


@pytest.fixture(scope="module")
def builder() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "examples"))
    try:
        yield importlib.import_module("build_hrh_metadata")
    finally:
        sys.path.remove(str(ROOT / "examples"))


@lru_cache(maxsize=1)
def metadata() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(METADATA.read_text(encoding="utf-8"))
    return content


@lru_cache(maxsize=8)
def converted(mapping: str, period: str, *files: str) -> Any:
    return pipeline.convert(
        [HRH / name for name in files], UZBEKISTAN / f"{mapping}.yaml", METADATA, given={"period": period}
    )


def values(result: Any) -> Counts:
    """The values of a run in codes."""
    whole = metadata()
    codes = {one["id"]: one["code"] for kind in ("dataElements", "organisationUnits") for one in whole[kind]}
    option_codes = {one["id"]: one["code"] for one in whole["categoryOptions"]}
    categories = {one["code"]: {option["id"] for option in one["categoryOptions"]} for one in whole["categories"]}
    cells: dict[str, tuple[str, str]] = {}
    for one in whole["categoryOptionCombos"]:
        options = {option["id"] for option in one["categoryOptions"]}
        sex, age = (next(iter(options & categories[name]), "") for name in ("SEX", "AGE6"))
        cells[one["id"]] = (option_codes.get(sex, ""), option_codes.get(age, ""))
    frame = result.ready.select(pl.col("data_element", "org_unit", "category_option_combo", "value").cast(pl.String))
    return {
        (codes[element], codes[unit], *cells[combo]): Decimal(value) for element, unit, combo, value in frame.rows()
    }


def only(counts: Counts, *beginnings: str) -> Counts:
    return {cell: value for cell, value in counts.items() if cell[0].startswith(beginnings)}


# --- the files ---


def test_two_thousand_contracts_of_26_positions() -> None:
    positions = Counter(row["position_code"] for row in STAFF)
    assert len(STAFF) == 2_000
    assert len(positions.keys() - ODD_CODES) == 26
    assert sum(positions[code] for code in ODD_CODES) == 10
    assert [row["row_id"] for row in STAFF] == [str(number) for number in range(1, 2_001)]
    assert set(positions) - set(POSITIONS) == ODD_CODES - {"3252.5", "2250.3"}


def test_the_columns_are_those_of_an_extract_of_contracts() -> None:
    assert len(STAFF[0]) == 36
    assert list(
        POSTS[0]
    ) == "org_argos_id unit_code position_code posts_approved posts_filled posts_vacant as_of".split(" ")


def test_nobody_in_it_exists() -> None:
    for row in STAFF:
        assert re.fullmatch("(Namuna|Sinov|Misol|Andoza|Boshqa)(ov|ova)", row["last_name"])
        assert re.fullmatch(r"Raqam \d+", row["first_name"])
        assert row["phone"].startswith("+998 00 000 ")


def test_there_is_everything_that_an_example_has_to_show() -> None:
    jobs, states = Counter(row["job_kind"] for row in STAFF), Counter(row["status"] for row in STAFF)
    assert min(jobs["2"], jobs["3"]) >= 50
    assert min(states[status] for status in "2345") >= 15
    assert sum(row["contract_kind"] == "4" for row in STAFF) >= 10
    assert sum(bool(row["end_date"]) for row in STAFF) >= 30
    assert sum(not row["pinfl"] for row in STAFF) == 4


def test_the_workbooks_hold_the_same_as_text() -> None:
    for name, rows in (("argos_staff", STAFF), ("argos_posts", POSTS)):
        header, *cells = CalamineWorkbook.from_path(HRH / f"{name}.xlsx").get_sheet_by_name(name).to_python()
        assert [dict(zip(header, row, strict=True)) for row in cells] == rows


def test_the_folder_is_small() -> None:
    assert sum(path.stat().st_size for path in HRH.iterdir()) < LARGEST


def test_the_population_has_a_source_beside_every_number() -> None:
    people = read(HRH / "population.csv", ",")
    districts = {unit["code"] for unit in metadata()["organisationUnits"] if unit["level"] == 3}
    assert Counter(row["org_unit"] for row in people) == dict.fromkeys(districts, 2)
    assert all(int(row["population"]) > 0 and row["year"] in row["source"] for row in people)


# --- the metadata ---


def test_org_units_and_groups_of_the_workforce() -> None:
    units = {unit["code"]: unit for unit in metadata()["organisationUnits"]}
    facilities = {code for code, unit in units.items() if unit["level"] == 4}
    members = {
        group["code"]: {one["id"] for one in group["organisationUnits"]}
        for group in metadata()["organisationUnitGroups"]
    }
    assert {facility(row) for row in STAFF} - facilities == {"HRM_900999"}
    for beginning in ("FT_", "OWN_", ("RURAL", "URBAN")):
        held = [ids for code, ids in members.items() if code.startswith(beginning)]
        assert sum(map(len, held)) == len(facilities)
        assert set().union(*held) == {units[code]["id"] for code in facilities}
    branches = [unit for unit in units.values() if unit["code"].count("_") == 2]
    assert all(unit["attributeValues"][0]["value"] == unit["code"].split("_")[1] for unit in branches)
    assert len(branches) == 38


def test_cells_of_sex_and_age_are_21_and_each_has_an_option_of_both() -> None:
    whole = metadata()
    options = {one["code"]: [option["id"] for option in one["categoryOptions"]] for one in whole["categories"]}
    cells = [{o["id"] for o in one["categoryOptions"]} for one in whole["categoryOptionCombos"]]
    wanted = [set(pair) for pair in product(options["SEX"], options["AGE6"])]
    assert len(wanted) == 21
    assert all(len(pair) == 2 and pair in cells for pair in wanted)


def test_every_group_that_a_position_may_count_for_has_its_elements(builder: ModuleType) -> None:
    elements = {one["code"] for one in metadata()["dataElements"]}
    groups = {row["report_as"] for row in POSITIONS.values()} - {"exclude", "ambiguous"}
    groups |= {choice for row in POSITIONS.values() for choice in row["choices"].split("|")} - {"", "exclude"}
    assert groups <= set(builder.OCCUPATIONS)
    for mapping in ("hrh_quarterly", "hrh_yearly", "hrh_quarterly_fhir"):
        measures = mapping_file.load(UZBEKISTAN / f"{mapping}.yaml").workforce.measures  # type: ignore[union-attr]
        for measure, group in product(measures, builder.OCCUPATIONS):
            assert measure.data_element.replace("{occupation}", group) in elements


def test_stocks_are_the_last_of_their_period_and_keep_their_zeros() -> None:
    for element in metadata()["dataElements"]:
        if element["code"] != "POP_TOTAL":
            assert (element["aggregationType"], element["zeroIsSignificant"]) == ("LAST_IN_PERIOD", True)
    sets = {one["code"]: (one["periodType"], one["timelyDays"], one["expiryDays"]) for one in metadata()["dataSets"]}
    assert sets == {"UZ_HRH_Q": ("Quarterly", 3, 0), "UZ_HRH_Y": ("Yearly", 25, 0), "UZ_POP_Y": ("Yearly", 25, 0)}
    assert {one["code"] for one in metadata()["indicators"]} == {
        "HRH_DENS_DOC",
        "HRH_DENS_NUR",
        "HRH_NURSE_PER_DOC",
        "HRH_VAC_RATE",
        "HRH_FEMALE_PCT",
    }


def test_the_edition_of_nhwa_is_in_every_code_and_name_of_the_year() -> None:
    whole = metadata()
    (yearly,) = (one for one in whole["dataSets"] if one["code"] == "UZ_HRH_Y")
    ids = {one["dataElement"]["id"] for one in yearly["dataSetElements"]}
    held = [one for one in whole["dataElements"] if one["id"] in ids]
    assert all(one["code"].startswith("NHWA2017_") and one["name"].startswith("NHWA 2017, ") for one in held)
    assert "2017" in yearly["name"]


# --- the counts ---


def known(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["org_argos_id"] != "900999"]


def test_the_extract_is_counted_as_the_second_opinion_counts_it() -> None:
    result = values(converted("hrh_quarterly", "2026Q3", "argos_staff.csv", "argos_posts.csv"))
    counted = only(result, "HRH_HW_", "HRH_EMP_", "HRH_POST_FIL_")
    assert differences(count(known(STAFF)), counted) == {}


def test_posts_are_those_of_the_establishment() -> None:
    result = values(converted("hrh_quarterly", "2026Q3", "argos_staff.csv", "argos_posts.csv"))
    expected: Counter[tuple[str, str, str, str]] = Counter()
    for row in POSTS:
        group = POSITIONS[row["position_code"]]["report_as"]
        for kind, column in (("APP", "posts_approved"), ("VAC", "posts_vacant")):
            number = Decimal(row[column].replace(",", "."))
            expected[f"HRH_POST_{kind}_{group}", facility(row), "", ""] += number  # type: ignore[assignment]
    assert only(result, "HRH_POST_APP_", "HRH_POST_VAC_") == dict(expected)


def test_a_workbook_gives_what_the_text_file_gives() -> None:
    text = converted("hrh_quarterly", "2026Q3", "argos_staff.csv", "argos_posts.csv")
    book = converted("hrh_quarterly", "2026Q3", "argos_staff.xlsx", "argos_posts.xlsx")
    assert values(book) == values(text)
    assert Counter(book.findings["code"]) == Counter(text.findings["code"])


def test_what_is_odd_in_the_extract_is_told_as_the_readme_says() -> None:
    text = (ROOT / "examples/README.md").read_text(encoding="utf-8")
    section = text.partition("## The workforce example")[2].partition("\n## ")[0]
    told = {code: int(number) for number, code in re.findall(r"^\| (\d+) \|.*\(`([a-z_.]+)`\) \|$", section, re.M)}
    found = Counter(
        row["code"]
        for row in converted("hrh_quarterly", "2026Q3", "argos_staff.csv", "argos_posts.csv").findings.iter_rows(
            named=True
        )
        if row["severity"] != "info"
    )
    assert told
    assert found == told


def test_the_year_has_the_practising_of_its_last_day_and_their_parts() -> None:
    result = values(converted("hrh_yearly", "2026", "argos_staff.csv", "argos_posts.csv"))
    heads = only(result, "NHWA2017_1_HW_")
    assert sum(heads.values()) > 1_500
    for beginning in ("NHWA2017_1_07_", "NHWA2017_1_08_", "NHWA2017_6_02_"):
        part = only(result, beginning)
        assert 0 < sum(part.values()) < sum(heads.values())
        assert all(
            value <= heads[cell[0].replace(beginning, "NHWA2017_1_HW_"), *cell[1:]] for cell, value in part.items()
        )


# --- FHIR ---

SHOWN = ("HRM_900103", "HRM_900104", "HRM_900105", "HRM_900206", "HRM_900206_10", "HRM_900206_20")
"""The facilities of the district that is given in FHIR too."""


@pytest.mark.parametrize("name", ["fhir_staff.json", "fhir_staff.ndjson"])
def test_fhir_gives_the_heads_of_the_extract(name: str) -> None:
    extract = values(converted("hrh_quarterly", "2026Q3", "argos_staff.csv", "argos_posts.csv"))
    register = values(converted("hrh_quarterly_fhir", "2026Q3", name))

    def here(counts: Counts) -> Counts:
        return {cell: value for cell, value in only(counts, "HRH_EMP_").items() if cell[1] in SHOWN}

    assert sum(here(extract).values()) > 100
    assert here(register) == here(extract)
    assert only(register, "HRH_EMP_") == register  # practising and posts are absent, not 0


def test_the_district_in_fhir_has_what_only_an_extract_can_tell() -> None:
    """Or the two ways would agree for want of anything to disagree on."""
    here = [row for row in STAFF if facility(row) in SHOWN]
    persons = Counter(row["pinfl"] for row in STAFF)
    assert sum(persons[row["pinfl"]] > 1 for row in here) >= 5
    assert {row["status"] for row in here} >= {"1", "2", "4"}
    assert any(row["unit_code"] for row in here)


def test_what_fhir_cannot_say_is_said_to_be_absent() -> None:
    whole = mapping_file.load(UZBEKISTAN / "hrh_quarterly.yaml")
    declared: dict[str, Any] = fhir_mapping()
    declared["sources"]["posts"] = {"files": ["argos_posts*"]}
    declared["columns"] |= {"rate": {"number": ","}, "posts_approved": {"number": ","}}
    declared["workforce"]["measures"] += [
        {"data_element": "HRH_POST_FIL_{occupation}", "sum": "rate"},
        {"data_element": "HRH_POST_APP_{occupation}", "source": "posts", "sum": "posts_approved"},
    ]
    result = pipeline.convert(
        [HRH / "fhir_staff.json"],
        mapping_file.from_dict(declared, folder=UZBEKISTAN),
        METADATA,
        given={"period": "2026Q3"},
    )
    said = {(row["code"], row["arguments"]) for row in result.findings.iter_rows(named=True)}
    assert ("workforce.column_absent", '{"wanted": "rate"}') in said
    assert ("workforce.source_missing", '{"name": "posts"}') in said
    assert values(result) == values(converted("hrh_quarterly_fhir", "2026Q3", "fhir_staff.json"))
    assert whole.workforce is not None


def fhir_mapping() -> dict[str, Any]:
    import yaml

    loaded: dict[str, Any] = yaml.safe_load((UZBEKISTAN / "hrh_quarterly_fhir.yaml").read_text(encoding="utf-8"))
    loaded["sources"] = {name: {"files": [files]} for name, files in loaded["sources"].items()}
    return loaded


def test_the_bundle_and_the_bulk_export_hold_the_same_resources() -> None:
    bundle = json.loads((HRH / "fhir_staff.json").read_text(encoding="utf-8"))
    lines = (HRH / "fhir_staff.ndjson").read_text(encoding="utf-8").splitlines()
    resources = [entry["resource"] for entry in bundle["entry"]]
    assert resources == [json.loads(line) for line in lines]
    systems = {one["system"] for resource in resources for one in resource.get("identifier", ())}
    assert systems >= {"https://dpm.uz/identifier/nationaluniqueID", "https://hrm.argos.uz", "https://soliq.uz"}
    addresses = {
        (each["address"]["state"], each["address"]["district"])
        for one in resources
        if one["resourceType"] == "Organization"
        for each in one["contact"]
    }
    assert ("1730", "1730218") in addresses
    assert all(one["name"][0]["suffix"] for one in resources if one["resourceType"] == "Practitioner")


def test_a_file_of_posts_without_staff_and_the_other_way_round() -> None:
    staff = converted("hrh_quarterly", "2026Q3", "argos_staff.csv")
    assert {one.partition(".")[0] for one in staff.findings["code"]} >= {"workforce"}
    assert {cell[0].rpartition("_")[0] for cell in values(staff)} == {"HRH_HW", "HRH_EMP", "HRH_POST_FIL"}


def test_the_extract_reads_as_a_russian_office_program_writes_it() -> None:
    raw = (HRH / "argos_staff.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfrow_id;pinfl;")
    assert b"\r\n" in raw
    rates = {row["rate"] for row in csv.DictReader(raw.decode("utf-8-sig").splitlines(), delimiter=";")}
    assert {"0,25", "0,5", "1", "1,5"} <= rates
