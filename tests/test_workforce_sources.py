"""The same invented staff from extracts, a FHIR register and a database: the same counts, and their comparison."""

import contextlib
import gc
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commanding import Ran, Shell
from staff import CROSSWALK, MAPPING, STAFF, Counted, contract, csv_of, document, drawn, pinfl, snapshot
from worlds import table

import dhis2_bridge
from dhis2_bridge.findings import Finding, rows

PERSON, ORG, UNIT, KODP = "urn:pinfl", "urn:argos", "urn:unit", "urn:kodp"

# What the columns are called in an extract and in FHIR.
LABELS = {
    "pinfl": "[pinfl, person_id]",
    "org": "[org, org_id]",
    "unit": "[unit, unit_code]",
    "position": "[position, position_code]",
    "title": "[title, position_name]",
}
SYSTEMS = f"""\
source: {{systems: {{person_id: "{PERSON}", org_id: "{ORG}", unit_code: "{UNIT}", position_code: "{KODP}"}}}}
"""

PEOPLE = """
person | org | unit | position | sex | birth_date | start_date | end_date   | job_kind
1      | 101 | -    | 2211.1   | 1   | 15.03.1985 | 01.02.2020 | -          | 1
2      | 101 | -    | 2212.10  | 2   | 22.07.1990 | 01.02.2020 | -          | 1
3      | 101 | 7    | 3221.2   | 2   | 01.02.2000 | 01.02.2021 | -          | 1
4      | 101 | 7    | 3221.2   | 2   | 12.06.1975 | 01.02.2021 | 01.06.2026 | 1
5      | 102 | -    | 2222.1   | 2   | 28.12.1988 | 01.02.2015 | -          | 1
5      | 101 | -    | 2222.1   | 2   | 28.12.1988 | 01.02.2022 | -          | 3
6      | 102 | -    | 3221.2   | 1   | 05.07.1962 | 01.02.2010 | -          | 1
7      | 102 | -    | 9999.1   | 1   | 05.07.1962 | 01.02.2010 | -          | 1
"""


def iso(day: str) -> str:
    return "-".join(reversed(day.split(".")))


def register(people: Iterable[dict[str, str]]) -> list[dict[str, Any]]:
    """The resources of the same staff: what FHIR can say of it."""
    made: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(people):
        person, org, unit = f"p{row['pinfl']}", f"o{row['org']}", f"u{row['org']}-{row['unit']}"
        made[person] = {
            "resourceType": "Practitioner", "id": person,
            "identifier": [{"system": PERSON, "value": row["pinfl"]}],
            "name": [{"family": row["last_name"], "given": [row["first_name"]]}],
            "gender": {"1": "male", "2": "female"}[row["sex"]], "birthDate": iso(row["birth_date"]),
        }  # fmt: skip
        made[org] = {"resourceType": "Organization", "id": org, "identifier": [{"system": ORG, "value": row["org"]}]}
        role: dict[str, Any] = {
            "resourceType": "PractitionerRole", "id": f"r{number}", "active": True,
            "practitioner": {"reference": f"Practitioner/{person}"},
            "organization": {"reference": f"Organization/{org}"},
            "code": [{"coding": [{"system": KODP, "code": row["position"]}]}],
            "period": {"start": iso(row["start_date"])} | ({"end": iso(row["end_date"])} if row["end_date"] else {}),
        }  # fmt: skip
        if row["unit"]:
            made[unit] = {
                "resourceType": "Location", "id": unit, "identifier": [{"system": UNIT, "value": row["unit"]}],
                "managingOrganization": {"reference": f"Organization/{org}"},
            }  # fmt: skip
            role["location"] = [{"reference": f"Location/{unit}"}]
        made[role["id"]] = role
    return list(made.values())


def bundle(resources: Iterable[dict[str, Any]]) -> str:
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]})


def lines(resources: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(one) + "\n" for one in resources)


class Desk:
    """A folder with a mapping that reads an extract, a register and a query alike."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        header, *rows_ = table(CROSSWALK.replace("2240|3252", "2240/3252"))
        listed = [",".join(row) for row in (header, *rows_)]
        (folder / "kodp.csv").write_text("\n".join(listed).replace("2240/3252", "2240|3252") + "\n", encoding="utf-8")
        text = MAPPING.replace("argos_staff*", "[argos_staff*, staff*]")
        labels = "".join(f"  {name}: {said}\n" for name, said in LABELS.items())
        text = text.replace("columns:\n", f"{SYSTEMS}columns:\n{labels}", 1)
        # FHIR has neither a status nor a kind of job.
        text = text.replace(" and status <> '4'", "").replace("where: status = '1', ", "")
        text = text.replace("main_job: {prefer: job_kind = '1'}", "main_job: {otherwise: earliest_start}")
        self.text = re.sub(r'map: \{"1": M, "2": F\}', 'map: {"1": M, "2": F, male: M, female: F}', text)
        self.mapping = self.write("staff.yaml", self.text)
        self.snapshot = self.write("metadata.json", json.dumps(document()))

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def count(self, **files: str) -> Counted:
        """What files are counted to; their names have a point where these have two strokes."""
        paths = [self.write(name.replace("__", "."), text) for name, text in files.items()]
        made = dhis2_bridge.convert(paths, self.mapping, snapshot(), given={"period": "2026Q3"})
        return Counted(made)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yield Desk(tmp_path)
    gc.collect()


def heads(counted: Counted) -> dict[str, str]:
    return {key: value for key, value in counted.values().items() if key.startswith(("HRH_EMP", "HRH_HW"))}


def codes(found: Iterable[Finding]) -> set[str]:
    return {one.code for one in found if one.severity != "info"}


# -- the same staff, the same counts ---------------------------------------------------------------------------------


def test_a_register_gives_the_same_headcounts_as_the_extract(desk: Desk) -> None:
    people = drawn(PEOPLE)
    extract = desk.count(argos_staff__csv=csv_of(people))
    fhir = desk.count(staff__json=bundle(register(people)))
    assert heads(fhir) == heads(extract)
    assert sum(map(int, heads(extract).values())) == 10  # five persons of known occupations, in two measures


def test_what_fhir_cannot_say_is_said_to_be_absent_and_is_no_zero(desk: Desk) -> None:
    people = drawn(PEOPLE)
    fhir = desk.count(staff__json=bundle(register(people)))
    assert fhir.total("HRH_POST") == 0
    assert not [key for key in fhir.values() if key.startswith("HRH_POST")]
    absent = [f.arguments for f in fhir.findings if f.code == "workforce.column_absent"]
    assert {"wanted": "rate"} in absent
    with_posts = desk.text.replace("where: status", "where: job_kind").replace(
        "by: [SEX, AGE6], is: employed", "by: [SEX, AGE6], is: employed, where: job_kind = '1'"
    )
    desk.write("staff.yaml", with_posts)
    refused = desk.count(staff__json=bundle(register(people)))
    assert refused.values() == {}
    assert "header.not_found" in codes(refused.findings)


def test_neither_files_nor_bundles_nor_order_change_the_counts(desk: Desk) -> None:
    resources = register(drawn(PEOPLE))
    whole = heads(desk.count(staff__json=bundle(resources)))
    by_type: dict[str, list[dict[str, Any]]] = {}
    for one in reversed(resources):
        by_type.setdefault(one["resourceType"], []).append(one)
    split = desk.count(**{f"staff_{kind}__ndjson": lines(held) for kind, held in by_type.items()})
    assert heads(split) == whole
    assert not {"file.no_data", "fhir.reference"} & codes(split.findings)
    pages = desk.count(staff_1__json=bundle(resources[::2]), staff_2__json=bundle(resources[1::2]))
    assert heads(pages) == whole


def test_a_file_alone_of_a_bulk_export_is_refused(desk: Desk) -> None:
    roles = [one for one in register(drawn(PEOPLE)) if one["resourceType"] == "PractitionerRole"]
    made = desk.count(staff__ndjson=lines(roles))
    assert made.values() == {}
    assert {"fhir.reference", "file.no_data"} & codes(made.findings)


def test_a_query_gives_the_same_counts_as_the_extract(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    people = drawn(PEOPLE)
    with contextlib.closing(sqlite3.connect(desk.folder / "hr.db")) as made:
        made.execute(f"create table staff ({', '.join(f'{name} text' for name in STAFF)})")
        made.executemany(
            f"insert into staff values ({', '.join('?' * len(STAFF))})",
            [[row[name] for name in STAFF] for row in people],
        )
        made.commit()
    monkeypatch.setenv("DHIS2_BRIDGE_DATABASE_URL", f"sqlite:///{desk.folder / 'hr.db'}")
    assert (
        desk.count(staff__sql="select * from staff order by pinfl").values()
        == desk.count(argos_staff__csv=csv_of(people)).values()
    )


def test_a_query_that_fails_counts_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(sqlite3.connect(desk.folder / "hr.db")) as made:
        made.execute("create table staff (n integer)")
        made.commit()
    monkeypatch.setenv("DHIS2_BRIDGE_DATABASE_URL", f"sqlite:///{desk.folder / 'hr.db'}")
    made_of = desk.count(staff__sql="select pinfl from staff")
    assert (made_of.values(), codes(made_of.findings)) == ({}, {"sql.refused", "workforce.source_missing"})


# -- compare ---------------------------------------------------------------------------------------------------------


class Comparing:
    """`workforce compare` over files of a desk."""

    def __init__(self, desk: Desk, shell: Shell) -> None:
        self.desk = desk
        self._shell = shell

    def __call__(self, first: str, second: str, *options: str) -> Ran:
        given = ["--mapping", self.desk.mapping, "--snapshot", self.desk.snapshot, *options]
        paths = [str(self.desk.folder / name) for name in (first, second)]
        return self._shell("workforce", "compare", *paths, *given)

    def told(self, first: str, second: str, *options: str) -> dict[str, Any]:
        told: dict[str, Any] = self(first, second, "--json", *options).lines[-1]["comparison"]
        return told


@pytest.fixture
def comparing(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Comparing:
    return Comparing(desk, Shell(monkeypatch, tmp_path))


def test_an_extract_and_a_register_of_the_same_staff_do_not_differ(comparing: Comparing) -> None:
    people = drawn(PEOPLE)[:-1]
    comparing.desk.write("argos_staff.csv", csv_of(people))
    comparing.desk.write("register.json", bundle(register(people)))
    ran = comparing("argos_staff.csv", "register.json", "--exit-code")
    assert (ran.code, ran.err) == (0, "")
    assert "The sources do not differ." in ran.out
    told = comparing.told("argos_staff.csv", "register.json")
    assert (told["both"], told["first"], told["second"]) == (
        6,
        {"contracts": 7, "persons": 6, "without_person": 0},
        {"contracts": 7, "persons": 6, "without_person": 0},
    )


def test_differences_are_counted_by_facility_and_occupation(comparing: Comparing) -> None:
    people = drawn(PEOPLE)[:-1]
    comparing.desk.write("argos_staff.csv", csv_of(people))
    others = [dict(row) for row in people if row["org"] != "101" or row["unit"] != "7"]
    others[0] |= {"org": "102", "sex": "2", "birth_date": "16.03.1985"}
    others[1] |= {"position": "2211.1"}
    others += [contract(number, org="102", position="3221.2", sex="2") for number in (11, 12, 13)]
    comparing.desk.write("argos_staff_new.csv", csv_of(others))
    ran = comparing("argos_staff.csv", "argos_staff_new.csv", "--exit-code")
    assert ran.code == 9
    assert comparing("argos_staff.csv", "argos_staff_new.csv").code == 0
    told = comparing.told("argos_staff.csv", "argos_staff_new.csv")
    assert (told["both"], told["only_first"], told["only_second"]) == (4, 2, 3)
    assert told["different"] == {"facility": 1, "occupation": 1, "sex": 1, "birth_date": 1}
    assert told["facilities"] == [{"facility": "HRM_101_7", "only": "first", "persons": 2, "small": ["persons"]}]
    moved = next(one for one in told["places"] if (one["facility"], one["occupation"]) == ("HRM_101", "2211"))
    assert (moved["persons_first"], moved["elsewhere_first"], moved["missing_first"]) == (1, 1, 0)
    # Who works as something else in the same place is nowhere missing: the place shows it by its counts.
    assert re.search(r"HRM_101 1-son poliklinika +2212 +2\* +0 +0 +1\* +0 +0", ran.out)
    assert "HRM_101_7 Terak punkti (2*)" in ran.out
    assert "fewer than 3 persons" in ran.out
    assert "rows" not in told


def test_rows_are_named_by_numbers_and_only_when_asked(comparing: Comparing) -> None:
    people = drawn(PEOPLE)[:3]
    comparing.desk.write("argos_staff.csv", csv_of(people))
    comparing.desk.write("argos_staff_new.csv", csv_of(people[:2]))
    assert "Rows that differ" not in comparing("argos_staff.csv", "argos_staff_new.csv").out
    ran = comparing("argos_staff.csv", "argos_staff_new.csv", "--rows")
    assert "argos_staff.csv, 4: a person whom the other source does not have" in ran.out
    rows_ = comparing.told("argos_staff.csv", "argos_staff_new.csv", "--rows")["rows"]
    assert [(one["of"], one["row"], one["what"]) for one in rows_] == [("first", 4, "person")]


def test_a_period_compares_what_is_current(comparing: Comparing) -> None:
    people = drawn(PEOPLE)[:-1]
    comparing.desk.write("argos_staff.csv", csv_of(people))
    comparing.desk.write("argos_staff_new.csv", csv_of(row for row in people if not row["end_date"]))
    assert comparing.told("argos_staff.csv", "argos_staff_new.csv")["only_first"] == 1
    assert comparing.told("argos_staff.csv", "argos_staff_new.csv", "--period", "2026Q3")["only_first"] == 0
    assert comparing.told("argos_staff.csv", "argos_staff_new.csv", "--period", "2026Q1")["only_first"] == 1
    assert comparing("argos_staff.csv", "argos_staff_new.csv", "--period", "nonsense").code == 2


def test_each_side_may_have_its_mapping_and_several_files(comparing: Comparing) -> None:
    people = drawn(PEOPLE)[:-1]
    comparing.desk.write("argos_staff.csv", csv_of(people))
    folder = comparing.desk.folder / "other"
    folder.mkdir()
    renamed = [{{"pinfl": "ID"}.get(name, name): text for name, text in row.items()} for row in people]
    columns = ("ID", *STAFF[1:])
    (folder / "one.csv").write_text(csv_of(renamed[:3], columns), encoding="utf-8")
    (folder / "two.csv").write_text(csv_of(renamed[3:], columns), encoding="utf-8")
    other = comparing.desk.write("other.yaml", comparing.desk.text.replace("pinfl: [pinfl, person_id]", "pinfl: ID"))
    ran = comparing("argos_staff.csv", "other", "--mapping", str(other), "--exit-code")
    assert (ran.code, "do not differ" in ran.out) == (0, True)


def test_rows_without_a_person_and_facilities_that_are_unknown_are_found(comparing: Comparing) -> None:
    people = [contract(n, org="777") for n in (1, 2, 3)] + [contract(4, org="888"), contract(5, pinfl="")]
    people.append(contract(6, pinfl="3.15039E+13"))
    comparing.desk.write("argos_staff.csv", csv_of(people))
    ran = comparing("argos_staff.csv", "argos_staff.csv", "--json", "--exit-code")
    assert ran.code == 3
    *found, last = ran.lines
    assert {(one["code"], one["row"]) for one in found} == {
        ("workforce.org_unit", 2),
        ("workforce.org_unit", 5),
        ("person.missing", 6),
        ("person.id_unrecoverable", 7),
    }
    assert {one["found"] for one in found} == {"HRM_777", None}
    assert last["comparison"]["first"]["without_person"] == 2
    assert "888" not in json.dumps(last)


def test_no_person_in_anything_that_compare_says(comparing: Comparing, caplog: pytest.LogCaptureFixture) -> None:
    people = [
        contract(n, last_name=f"Maxfiy{n}", first_name="Sirli", phone=f"99890000{n:04}", birth_date=f"{n:02}.11.1971")
        for n in range(1, 28)
    ]
    comparing.desk.write("argos_staff.csv", csv_of(people))
    changed = [row | {"birth_date": "09.09.1999", "org": "999"} for row in people[5:]]
    changed += [
        contract(40, position="3.2E+3"),
        contract(41, sex="x", birth_date="99.99.1971"),
        contract(42, pinfl="x"),
    ]
    comparing.desk.write("register.json", bundle(register(people[3:])))
    comparing.desk.write("argos_staff_2.csv", csv_of(changed))
    secrets = [row["pinfl"] for row in people] + ["Maxfiy", "Sirli", "99890000", "11.1971", "09.09.1999", "1999-09"]
    with caplog.at_level("DEBUG"):
        for other in ("register.json", "argos_staff_2.csv"):
            for options in (("--rows", "--all"), ("--json", "--rows"), ("--lang", "ru"), ("--lang", "uz")):
                ran = comparing("argos_staff.csv", other, *options)
                assert ran.code in {0, 3}
                said = ran.both + caplog.text
                assert not [secret for secret in secrets if secret in said]
    assert {path.name for path in comparing.desk.folder.iterdir() if path.is_file()} == {
        "kodp.csv",
        "staff.yaml",
        "metadata.json",
        "argos_staff.csv",
        "argos_staff_2.csv",
        "register.json",
    }


def test_mistakes_are_one_line(comparing: Comparing) -> None:
    comparing.desk.write("argos_staff.csv", csv_of([contract(1)]))
    assert comparing("argos_staff.csv", "nowhere.csv").code == 2
    ran = comparing("argos_staff.csv", "argos_staff.csv", "--mapping", "uzbekistan/phc_monthly")
    assert (ran.code, "no workforce" in ran.complaint) == (2, True)


def test_an_id_of_letters_is_the_same_in_both_sources(comparing: Comparing) -> None:
    one = [contract(1, pinfl="AB-1"), contract(2, pinfl="AB-2")]
    other = [contract(2, pinfl="AB-2"), contract(3, pinfl="AA-0"), contract(4, pinfl=pinfl(4))]
    comparing.desk.write("argos_staff.csv", csv_of(one))
    comparing.desk.write("argos_staff_2.csv", csv_of(other))
    told = comparing.told("argos_staff.csv", "argos_staff_2.csv")
    assert (told["both"], told["only_first"], told["only_second"]) == (1, 1, 2)


def test_findings_of_a_comparison_are_those_of_the_library(desk: Desk) -> None:
    from dhis2_bridge import comparing as comparing_module
    from dhis2_bridge import mapping_file

    path = desk.write("argos_staff.csv", csv_of(drawn(PEOPLE)))
    mapping = mapping_file.load(desk.mapping)
    made = comparing_module.compare_files([path], [path], (mapping, mapping), snapshot(), b"key")
    assert made.comparison.both == 7
    assert {one.code for one in rows(made.findings)} == {"position.by_default"}
    assert made.facilities["HRM_101"] == "1-son poliklinika"
