"""Personnel registers in FHIR: one row a role, by system and value, and nothing lost on the way in silence."""

import json
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhis2_bridge import findings, sources
from dhis2_bridge.findings import Finding, Unreadable
from dhis2_bridge.report import words
from dhis2_bridge.sources.fhir import FhirTable
from dhis2_bridge.sources.fhir_pool import REASONS, Pool
from dhis2_bridge.sources.fhir_rows import COLUMNS, DECLARABLE
from dhis2_bridge.sources.limits import Limits

PINFL = "https://dhp.uz/fhir/core/sid/pid/uz/ni"
OLD_PINFL = "https://dpm.uz/identifier/nationaluniqueID"
ARGOS = "https://dhp.uz/fhir/core/sid/org/uz/argos"
TAX = "https://dhp.uz/fhir/core/sid/org/uz/soliq"
UNIT = "https://dhp.uz/fhir/core/NamingSystem/location-unit"
KODP = "https://terminology.dhp.uz/fhir/core/CodeSystem/position-and-profession-cs"
SNOMED = "https://terminology.dhp.uz/fhir/core/CodeSystem/profession-specialization-cs"
JOB = "http://ihris.org/fhir/CodeSystem/ihris-job"
STAFF = "http://example.org/staff-number"
SITE = "http://example.org/facility"

SYSTEMS = {
    "person_id": [PINFL, OLD_PINFL, STAFF],
    "org_id": [ARGOS],
    "org_tax_id": [TAX],
    "unit_code": [UNIT],
    "location_id": [SITE],
    "position_code": [KODP, JOB],
    "specialty_code": [SNOMED],
}


# -- what a register says, drawn small -------------------------------------------------------------------------------


def identifier(system: str, value: str, **more: Any) -> dict[str, Any]:
    return {"system": system, "value": value, **more}


def practitioner(name: str, /, pinfl: str | None = None, **more: Any) -> dict[str, Any]:
    held = {"resourceType": "Practitioner", "id": name, "gender": "female", "birthDate": "1990-07-22"}
    return {**held, "identifier": [identifier(PINFL, pinfl)] if pinfl else [], **more}


def role(name: str, /, person: str | None = "p1", org: str | None = "o1", **more: Any) -> dict[str, Any]:
    held: dict[str, Any] = {"resourceType": "PractitionerRole", "id": name, "code": [coded(KODP, "2212.10")]}
    if person:
        held["practitioner"] = {"reference": f"Practitioner/{person}"}
    if org:
        held["organization"] = {"reference": f"Organization/{org}"}
    return {**held, **more}


def organization(name: str, /, argos: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Organization",
        "id": name,
        "identifier": [identifier(ARGOS, argos)] if argos else [],
        **more,
    }


def coded(system: str, code: str, display: str | None = None) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, **({"display": display} if display else {})}]}


def bundle(resources: Iterable[dict[str, Any]], kind: str = "collection", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": one} for one in resources], **more}


class Opened:
    """Files of one register, opened together: their rows by column name without blanks, and what was found."""

    def __init__(self, folder: Path, *documents: Any, systems: Any = SYSTEMS, **options: Any) -> None:
        pool = Pool()
        self.sources = []
        for place, document in enumerate(documents, 1):
            is_text = isinstance(document, str)
            path = folder / f"part{place}.{'ndjson' if is_text else 'json'}"
            path.write_text(document if is_text else json.dumps(document, ensure_ascii=False), encoding="utf-8")
            opened = sources.open_source(path, name=path.name, systems=systems, pool=pool, **options)
            assert isinstance(opened.table, FhirTable)
            self.sources.append(opened)
        self.rows: list[dict[str, Any]] = []
        self.findings: list[Finding] = []
        for source in self.sources:
            assert source.table is not None
            for frame in source.table.batches():
                for row in frame.iter_rows(named=True):
                    named = zip(("row", *source.table.header), row.values(), strict=True)
                    self.rows.append({name: value for name, value in named if value is not None})
            self.findings += source.table.findings

    @property
    def found(self) -> list[tuple[str, int | None]]:
        return [(one.code, one.row) for one in self.findings]

    def column(self, name: str) -> list[str | None]:
        return [row.get(name) for row in self.rows]


@pytest.fixture
def opened(tmp_path: Path) -> Any:
    def make(*documents: Any, **options: Any) -> Opened:
        return Opened(tmp_path, *documents, **options)

    return make


def lines(*documents: Any) -> str:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in documents)


# -- the profiles ----------------------------------------------------------------------------------------------------


def test_a_register_as_the_national_guide_profiles_it(opened: Any) -> None:
    seen = opened(
        bundle(
            [
                practitioner(
                    "p1",
                    "42207900180027",
                    active=True,
                    name=[{"use": "official", "family": "Sinov", "given": ["Bir"], "suffix": ["Namuna qizi"]}],
                    telecom=[{"system": "phone", "value": "998000000000"}],
                ),
                organization(
                    "o1",
                    "9512",
                    name="Namuna tibbiyot birlashmasi",
                    active=True,
                    contact=[{"address": {"state": "1730", "district": "1730212"}}],
                    type=[coded("https://terminology.dhp.uz/fhir/core/CodeSystem/nomenclature-group-cs", "II_300")],
                )
                | {"identifier": [identifier(ARGOS, "9512"), identifier(TAX, "200935935")]},
                {
                    "resourceType": "Location",
                    "id": "l1",
                    "status": "active",
                    "name": "1-sonli boʻlinma",
                    "identifier": [identifier(UNIT, "1")],
                    "address": {"state": "1730", "district": "1730215"},
                    "managingOrganization": {"reference": "Organization/o1"},
                },
                role(
                    "r1",
                    active=True,
                    code=[coded(KODP, "2212.10", "Vrach")],
                    specialty=[coded(SNOMED, "394585009", "Akusherlik")],
                    location=[{"reference": "Location/l1"}],
                ),
            ]
        )
    )
    assert seen.rows == [
        {
            "row": 4,
            "person_id": "42207900180027",
            "last_name": "Sinov",
            "first_name": "Bir",
            "middle_name": "Namuna qizi",
            "sex": "female",
            "birth_date": "1990-07-22",
            "person_active": "true",
            "org_id": "9512",
            "org_tax_id": "200935935",
            "org_name": "Namuna tibbiyot birlashmasi",
            "org_active": "true",
            "unit_code": "1",
            "unit_name": "1-sonli boʻlinma",
            "location_name": "1-sonli boʻlinma",
            "location_active": "true",
            "region": "1730",
            "district": "1730215",
            "position_code": "2212.10",
            "position_system": KODP,
            "position_name": "Vrach",
            "specialty_code": "394585009",
            "specialty_system": SNOMED,
            "specialty_name": "Akusherlik",
            "active": "true",
        }
    ]
    assert seen.found == []


def test_a_register_as_ihris_and_mcsd_have_it(opened: Any) -> None:
    seen = opened(
        lines(
            {
                "resourceType": "Practitioner",
                "id": "P7",
                "identifier": [{"type": coded("x", "staff"), "system": STAFF, "value": "007"}],
                "name": [{"use": "maiden", "family": "Eski"}, {"text": "Namuna Ikki Test", "given": ["Ikki", "Test"]}],
                "gender": "male",
                "birthDate": "1985-03",
            },
            {
                "resourceType": "PractitionerRole",
                "id": "R7",
                "active": False,
                "practitioner": {"reference": "Practitioner/P7/_history/3"},
                "location": [{"reference": "Location/F1"}],
                "code": [{"coding": [{"system": JOB, "code": "nurse"}], "text": "Nurse"}],
                "period": {"start": "2020-01-15T00:00:00+05:00", "end": "2024-12-31"},
            },
            {
                "resourceType": "Location",
                "id": "F1",
                "status": "suspended",
                "partOf": {"reference": "Location/D1"},
                "identifier": [identifier(SITE, "F-1")],
            },
            {"resourceType": "Location", "id": "D1", "address": {"state": "R", "district": "D"}},
        )
    )
    assert seen.rows == [
        {
            "row": 2,
            "person_id": "007",
            "first_name": "Ikki",
            "middle_name": "Test",
            "full_name": "Namuna Ikki Test",
            "sex": "male",
            "birth_date": "1985-03",
            "location_id": "F-1",
            "location_active": "false",
            "region": "R",
            "district": "D",
            "position_code": "nurse",
            "position_system": JOB,
            "position_name": "Nurse",
            "start_date": "2020-01-15",
            "end_date": "2024-12-31",
            "active": "false",
        }
    ]
    assert seen.found == [("fhir.inactive", 3), ("fhir.inactive", 2)]


def test_what_fhir_cannot_say_has_no_column() -> None:
    assert not {"rate", "posts_approved", "posts_filled", "posts_vacant"} & set(COLUMNS)
    assert set(DECLARABLE) <= set(COLUMNS)
    assert len(set(COLUMNS)) == len(COLUMNS)


def test_a_number_that_should_be_a_text_stays_as_it_was_written(opened: Any) -> None:
    text = lines(practitioner("p1", "1"), organization("o1", "1"), role("r1"))
    seen = opened(text.replace('"2212.10"', "2212.10").replace('"value": "1"', '"value": 0012'.replace("00", "")))
    assert seen.column("position_code") == ["2212.10"]
    assert seen.column("person_id") == ["12"]


# -- which identifier, which code ------------------------------------------------------------------------------------


def test_an_identifier_counts_by_its_system_never_by_its_length(opened: Any) -> None:
    person = practitioner("p1")
    person["identifier"] = [identifier("http://example.org/tax", "31503850170018"), identifier(OLD_PINFL, "9876543210")]
    seen = opened(bundle([person, organization("o1", "1"), role("r1")]))
    assert seen.column("person_id") == ["9876543210"]


def test_the_first_declared_system_that_is_there_counts(opened: Any) -> None:
    person = practitioner("p1")
    person["identifier"] = [identifier(STAFF, "S1"), identifier(OLD_PINFL, "OLD"), identifier(PINFL, "NEW")]
    documents = bundle([person, organization("o1", "1"), role("r1")])
    assert opened(documents).column("person_id") == ["NEW"]
    assert opened(documents, systems=SYSTEMS | {"person_id": [STAFF, PINFL]}).column("person_id") == ["S1"]


def test_an_old_identifier_does_not_count(opened: Any) -> None:
    person = practitioner("p1")
    person["identifier"] = [identifier(PINFL, "A", use="old"), identifier(PINFL, "B", use="official")]
    assert opened(bundle([person, organization("o1", "1"), role("r1")])).column("person_id") == ["B"]


def test_two_identifiers_of_one_system_are_no_identifier(opened: Any) -> None:
    person = practitioner("p1")
    person["identifier"] = [identifier(PINFL, "A"), identifier(PINFL, "B")]
    seen = opened(bundle([person, organization("o1", "1"), role("r1"), role("r2")]))
    assert seen.column("person_id") == [None, None]
    assert ("fhir.several", 1) in seen.found


def test_the_identifier_of_a_person_may_stand_in_the_role(opened: Any) -> None:
    seen = opened(
        bundle([practitioner("p1"), organization("o1", "1"), role("r1", identifier=[identifier(PINFL, "A")])])
    )
    assert (seen.column("person_id"), seen.found) == (["A"], [])
    seen = opened(
        bundle([practitioner("p1", "B"), organization("o1", "1"), role("r1", identifier=[identifier(PINFL, "A")])])
    )
    assert (seen.column("person_id"), seen.found) == ([None], [("fhir.several", 3)])


def test_a_role_may_know_its_person_by_an_identifier_alone(opened: Any) -> None:
    held = [role("r1", person=None), role("r2", person="p9"), role("r3", person=None)]
    for one in held[:2]:
        one["identifier"] = [identifier(PINFL, "A")]
    seen = opened(bundle([organization("o1", "1"), *held]))
    assert (seen.column("person_id"), seen.column("sex")) == (["A", "A"], [None, None])
    assert seen.found == [
        ("fhir.only_identifier", 2),
        ("fhir.only_identifier", 3),
        ("fhir.role_without_practitioner", 4),
    ]


def test_undeclared_systems_leave_blanks_and_are_told(opened: Any) -> None:
    seen = opened(bundle([practitioner("p1", "A"), organization("o1", "1"), role("r1")]), systems=None)
    assert seen.column("person_id") == seen.column("org_id") == seen.column("position_code") == [None]
    [finding] = seen.findings
    assert (finding.code, finding.arguments["columns"]) == (
        "fhir.systems_undeclared",
        ["person_id", "org_id", "position_code"],
    )


def test_a_position_without_a_code_keeps_its_title(opened: Any) -> None:
    seen = opened(
        bundle(
            [
                practitioner("p1", "A"),
                organization("o1", "1"),
                role("r1", code=[{"text": "Surgeon"}]),
                role("r2", code=[coded("http://example.org/other", "1", "Jarroh")]),
                role("r3", code=[{"coding": [{"system": KODP, "code": "1"}, {"system": KODP, "code": "2"}]}]),
            ]
        )
    )
    assert seen.column("position_name") == ["Surgeon", "Jarroh", None]
    assert seen.column("position_code") == [None, None, None]
    assert [finding for finding in seen.found if finding[0] != "fhir.without"] == [("fhir.several", 5)]


# -- where references lead -------------------------------------------------------------------------------------------

PERSON = practitioner("p1", "A")
ORG = organization("o1", "1")


@pytest.mark.parametrize(
    "reference",
    [
        "Practitioner/p1",
        "Practitioner/p1/_history/2",
        "https://one.example/fhir/Practitioner/p1",
        "https://one.example/fhir/Practitioner/p1/_history/1",
    ],
)
def test_relative_and_absolute_references_within_a_server(opened: Any, reference: str) -> None:
    base = "https://one.example/fhir"
    entries = [PERSON, ORG, role("r1", practitioner={"reference": reference})]
    document = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [
            {"fullUrl": f"{base}/{one['resourceType']}/{one['id']}", "resource": one, "search": {"mode": "match"}}
            for one in entries
        ],
    }
    seen = opened(document)
    assert (seen.column("person_id"), seen.column("org_id"), seen.found) == (["A"], ["1"], [])


def test_urn_uuids_of_a_transaction(opened: Any) -> None:
    person, org = (f"urn:uuid:0c1d{n}b1e-0000-4000-8000-000000000000" for n in (1, 2))
    entries = [
        (person, {key: value for key, value in PERSON.items() if key != "id"}),
        (org, {key: value for key, value in ORG.items() if key != "id"}),
        ("", role("r1", practitioner={"reference": person}, organization={"reference": org})),
    ]
    request = {"method": "POST", "url": "x"}
    document = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"fullUrl": url, "resource": one, "request": request} for url, one in entries],
    }
    seen = opened(document)
    assert (seen.column("person_id"), seen.column("org_id"), seen.found) == (["A"], ["1"], [])


def test_contained_resources(opened: Any) -> None:
    held = role("r1", practitioner={"reference": "#me"}, organization={"reference": "#unit"})
    held["contained"] = [
        practitioner("me", "A"),
        organization("unit", partOf={"reference": "#legal"}),
        organization("legal", "77"),
    ]
    seen = opened(lines(held, role("r2", practitioner={"reference": "#me"})))
    assert (seen.column("person_id"), seen.column("org_id")) == (["A"], ["77"])
    assert seen.found == [("fhir.reference", 2)]


@pytest.mark.parametrize(
    "pointed",
    [
        {"identifier": {"system": PINFL, "value": "A"}},
        {"type": "Practitioner", "identifier": {"system": PINFL, "value": "A"}, "display": "Sinov Bir"},
        {"reference": f"Practitioner?identifier={PINFL}|A"},
    ],
)
def test_logical_references(opened: Any, pointed: dict[str, Any]) -> None:
    seen = opened(bundle([PERSON, ORG, role("r1", practitioner=pointed)]))
    assert (seen.column("person_id"), seen.column("sex"), seen.found) == (["A"], ["female"], [])
    seen = opened(bundle([ORG, role("r1", practitioner=pointed)]))
    assert (seen.column("person_id"), seen.column("sex")) == (["A"], [None])
    assert seen.found == [("fhir.only_identifier", 2)]
    seen = opened(bundle([PERSON, practitioner("p2", "A"), ORG, role("r1", practitioner=pointed)]))
    assert seen.rows == []
    assert ("fhir.reference", 4) in seen.found


def test_an_organisation_known_by_its_identifier_only(opened: Any) -> None:
    held = role("r1", organization={"identifier": identifier(ARGOS, "9512")})
    seen = opened(bundle([PERSON, held]))
    assert (seen.column("org_id"), seen.found) == (["9512"], [("fhir.only_identifier", 2)])


def test_the_same_id_on_two_servers_is_two_resources(opened: Any) -> None:
    def server(base: str, pinfl: str) -> dict[str, Any]:
        entries = [practitioner("p1", pinfl), organization("o1", pinfl), role("r1")]
        return {
            "resourceType": "Bundle",
            "entry": [{"fullUrl": f"{base}/{one['resourceType']}/{one['id']}", "resource": one} for one in entries],
        }

    one, other = server("https://one.example", "A"), server("https://other.example", "B")
    seen = opened(one, other)
    assert (seen.column("person_id"), seen.column("org_id"), seen.found) == (["A", "B"], ["A", "B"], [])
    seen = opened(one, other, lines(role("r9")))
    assert [finding.arguments["reason"] for finding in seen.findings] == ["several"]


def test_an_absolute_reference_does_not_lead_to_another_server(opened: Any) -> None:
    held = role("r1", practitioner={"reference": "https://other.example/Practitioner/p1"})
    entries = [{"fullUrl": "https://one.example/Practitioner/p1", "resource": PERSON}, {"resource": ORG}]
    seen = opened({"resourceType": "Bundle", "entry": [*entries, {"resource": held}]})
    assert (seen.rows, seen.found) == ([], [("fhir.practitioner_without_role", 1), ("fhir.reference", 3)])


@pytest.mark.parametrize("to", ["Practitioner/p9", "Organization/o1", "urn:uuid:1", "nonsense", "", "Practitioner/"])
def test_a_reference_that_leads_nowhere_is_told_and_the_role_left_out(opened: Any, to: str) -> None:
    seen = opened(bundle([ORG, role("r1", practitioner={"reference": to})]))
    assert seen.rows == []
    assert seen.found == [("fhir.reference" if to else "fhir.role_without_practitioner", 2)]


def test_an_unknown_organisation_leaves_the_row_without_a_place(opened: Any) -> None:
    seen = opened(bundle([PERSON, role("r1", org="o9"), role("r2", org=None)]))
    assert seen.column("org_id") == [None, None]
    assert seen.found == [("fhir.reference", 2), ("fhir.without", 3)]


def test_the_organisation_above_has_the_identifier(opened: Any) -> None:
    unit = organization("o1", name="Namuna oilaviy poliklinikasi", partOf={"reference": "Organization/o2"})
    seen = opened(bundle([PERSON, unit, organization("o2", "9512", name="Birlashma"), role("r1")]))
    assert (seen.column("org_id"), seen.column("org_name")) == (["9512"], ["Namuna oilaviy poliklinikasi"])
    assert seen.found == []


def test_organisations_above_one_another_in_a_circle(opened: Any) -> None:
    above = [organization(f"o{n}", partOf={"reference": f"Organization/o{3 - n}"}) for n in (1, 2)]
    seen = opened(bundle([PERSON, *above, role("r1"), role("r2")]))
    assert [(one.code, one.arguments.get("reason")) for one in seen.findings] == [
        ("fhir.above", "circle"),
        ("fhir.without", None),
    ]


def test_a_parent_that_is_not_there_is_told_once(opened: Any) -> None:
    unit = organization("o1", "1", partOf={"reference": "Organization/o2"})
    seen = opened(bundle([PERSON, unit, role("r1"), role("r2")]))
    assert (seen.column("org_id"), seen.found) == (["1", "1"], [("fhir.above", 2)])


def test_two_locations_are_no_location(opened: Any) -> None:
    places = [{"resourceType": "Location", "id": f"l{n}", "identifier": [identifier(UNIT, str(n))]} for n in (1, 2)]
    held = role("r1", location=[{"reference": "Location/l1"}, {"reference": "Location/l2"}])
    seen = opened(bundle([PERSON, ORG, *places, held]))
    assert (seen.column("unit_code"), seen.column("org_id")) == ([None], ["1"])
    assert seen.found == [("fhir.several", 5)]


# -- what does not count ---------------------------------------------------------------------------------------------


def test_a_resource_that_is_repeated_counts_once(opened: Any) -> None:
    seen = opened(bundle([PERSON, ORG, role("r1"), role("r1")]), lines(role("r1")))
    assert len(seen.rows) == 1
    assert seen.found == [("fhir.repeated", 4), ("fhir.repeated", 1)]
    assert seen.findings[1].arguments == {"other": 3, "file": "part1.json"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"lastUpdated": "2026-01-01T00:00:00Z"}, {"lastUpdated": "2026-01-01T04:00:00+03:00"}),
        ({"versionId": "9"}, {"versionId": "10"}),
        ({"versionId": "10", "lastUpdated": "2026-01-01T00:00:00Z"}, {"lastUpdated": "2026-01-02T00:00:00Z"}),
    ],
)
def test_the_latest_version_counts(opened: Any, first: dict[str, Any], second: dict[str, Any]) -> None:
    old, new = practitioner("p1", "A", meta=first), practitioner("p1", "B", meta=second)
    assert opened(bundle([old, new, ORG, role("r1")])).column("person_id") == ["B"]
    seen = opened(bundle([new, old, ORG, role("r1")]))
    assert (seen.column("person_id"), seen.found) == (["B"], [("fhir.older_version", 2)])


@pytest.mark.parametrize(
    ("first", "second"), [({}, {}), ({"versionId": "1"}, {}), ({"versionId": "a"}, {"versionId": "b"})]
)
def test_versions_that_nobody_can_order_are_all_refused(
    opened: Any, first: dict[str, Any], second: dict[str, Any]
) -> None:
    seen = opened(bundle([practitioner("p1", "A", meta=first), practitioner("p1", "B", meta=second), ORG, role("r1")]))
    assert seen.rows == []
    assert seen.found == [("fhir.versions_differ", 1), ("fhir.versions_differ", 2), ("fhir.reference", 4)]
    assert seen.findings[-1].arguments["reason"] == "conflict"


def test_a_bulk_export_beside_a_bundle_of_the_same_server_is_no_second_register(opened: Any) -> None:
    base = "https://one.example"
    held = [PERSON, ORG, role("r1")]
    document = {
        "resourceType": "Bundle",
        "entry": [{"fullUrl": f"{base}/{one['resourceType']}/{one['id']}", "resource": one} for one in held],
    }
    seen = opened(document, lines(*held))
    assert len(seen.rows) == 1
    assert Counter(code for code, _ in seen.found) == {"fhir.repeated": 3}


@pytest.mark.parametrize("mark", [{"status": "entered-in-error"}, {"meta": {"tag": [{"code": "entered-in-error"}]}}])
def test_what_was_entered_in_error(opened: Any, mark: dict[str, Any]) -> None:
    seen = opened(bundle([PERSON, ORG, role("r1", **mark), role("r2")]))
    assert (len(seen.rows), seen.found) == (1, [("fhir.entered_in_error", 3)])
    seen = opened(bundle([PERSON | mark, ORG, role("r1")]))
    assert seen.rows == []
    assert seen.findings[-1].arguments["reason"] == "entered_in_error"


def test_a_role_that_nobody_holds_and_a_person_without_a_role(opened: Any) -> None:
    idle = [practitioner(f"idle{n}", str(n)) for n in range(4)]
    seen = opened(bundle([*idle, PERSON, ORG, role("r1"), role("vacant", person=None)]))
    assert len(seen.rows) == 1
    assert seen.found == [("fhir.practitioner_without_role", 1), ("fhir.role_without_practitioner", 8)]
    assert seen.findings[0].arguments == {"persons": 4}


def test_what_is_not_active_is_given_and_told(opened: Any) -> None:
    dead = PERSON | {"active": False, "deceasedBoolean": True}
    seen = opened(bundle([dead, ORG | {"active": False}, role("r1", active=False), role("r2")]))
    assert seen.column("active") == ["false", None]
    assert seen.column("person_active") == seen.column("org_active") == ["false", "false"]
    assert seen.column("deceased") == ["true", "true"]
    assert [(one.arguments["part"], one.row) for one in seen.findings] == [
        ("practitioner", 1),
        ("deceased", 1),
        ("organization", 2),
        ("role", 3),
    ]


# -- files -----------------------------------------------------------------------------------------------------------


def test_bundles_in_bundles_and_on_lines(opened: Any) -> None:
    held = [PERSON, ORG, role("r1")]
    assert opened(bundle([bundle(held[:2]), bundle(held[2:])])).column("row") == [3]
    seen = opened(lines(bundle(held[:2]), bundle(held[2:])))
    assert (seen.column("row"), seen.sources[0].format, seen.found) == ([2], "fhir", [])
    assert opened([bundle(held[:2]), bundle(held[2:])], format="fhir").column("row") == [3]
    assert opened(lines(*held, "")).column("row") == [3]


def test_files_of_a_bulk_export_are_read_together(opened: Any) -> None:
    seen = opened(lines(role("r1"), role("r2", person="p2")), lines(ORG), lines(PERSON, practitioner("p2", "B")))
    assert (seen.column("person_id"), seen.found) == (["A", "B"], [])


def test_the_table_reads_again_from_the_start(opened: Any) -> None:
    table = opened(bundle([PERSON, ORG, role("r1", person="p9"), role("r2")])).sources[0].table
    before = list(table.findings)
    assert [frame.height for frame in table.batches()] == [1]
    assert table.findings == before != []


def test_a_resource_alone_is_a_register(opened: Any) -> None:
    held = role("r1", practitioner={"identifier": identifier(PINFL, "A")})
    assert opened(held).column("row") == [1]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ('{"resourceType": "Bundle"}', "fhir"),
        ('{"entry": [{"resource": {"resourceType": "Practitioner"}}], "resourceType": "Bundle"}', "fhir"),
        ('{"a": {"resourceType": "Bundle"}}', "json"),
        ('{"a": "resourceType"}', "json"),
        ('[{"resourceType": "Bundle"}]', "json"),
        ('{"resourceType": "Practitioner"}\n{"resourceType": "Practitioner"}\n', "fhir"),
        ('{"a": 1}\n{"resourceType": "Practitioner"}\n', "ndjson"),
        ('{"a": "\\"resourceType\\": 1"}', "json"),
    ],
)
def test_a_json_whose_top_says_its_resource_is_fhir(tmp_path: Path, text: str, form: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(text, encoding="utf-8")
    assert sources.open_source(path).format == form


def test_a_bundle_that_says_so_behind_many_entries(tmp_path: Path) -> None:
    document = {"entry": [{"resource": practitioner(str(n))} for n in range(1000)], "resourceType": "Bundle"}
    path = tmp_path / "file.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert sources.open_source(path).format == "fhir"
    path.write_text(json.dumps(document | {"resourceType": "x"}).replace("resourceType", "kind"), encoding="utf-8")
    assert sources.open_source(path).format == "json"


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
def test_encodings(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(json.dumps(bundle([PERSON, ORG, role("r1")])), encoding=codec)
    opened = sources.open_source(path, systems=SYSTEMS)
    assert opened.format == "fhir"
    assert opened.table is not None
    assert sum(frame.height for frame in opened.table.batches()) == 1


def test_entries_without_a_resource_pages_and_messages(opened: Any) -> None:
    document = bundle([PERSON, ORG, role("r1")], "searchset", link=[{"relation": "next", "url": "https://x"}])
    document["entry"] += [
        {"request": {"method": "DELETE", "url": "Practitioner/p1"}},
        {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}},
        {"resource": {"resourceType": "HealthcareService", "id": "h1"}},
        7,
    ]
    seen = opened(document)
    assert len(seen.rows) == 1
    assert seen.found == [
        ("fhir.more_pages", None),
        ("fhir.no_resource", 4),
        ("fhir.outcome", 5),
        ("fhir.no_resource", 7),
        ("fhir.not_read", None),
    ]
    assert seen.findings[-1].arguments == {"types": ["HealthcareService: 1", "OperationOutcome: 1"], "resources": 2}


def test_a_broken_line_does_not_take_the_others_with_it(opened: Any) -> None:
    text = lines(PERSON, ORG) + '{"resourceType": "PractitionerRole", \n' + lines(role("r1"))
    text += '{"resourceType": "PractitionerRole", "id": "a", "id": "b"}\n'
    seen = opened(text)
    assert seen.column("row") == [4]
    assert seen.found == [("json.broken", 3), ("json.repeated_key", 5)]
    assert seen.findings[1].arguments == {"key": "id"}


def test_a_broken_document_is_unreadable(opened: Any) -> None:
    for text in ('{"resourceType": "Bundle", ', '{"resourceType": "Bundle", "entry": ' + "[" * 200 + "]" * 200 + "}"):
        with pytest.raises(Unreadable):
            opened(text)


def test_limits(opened: Any) -> None:
    with pytest.raises(Unreadable, match="document_bytes"):
        opened(bundle([PERSON, ORG, role("r1")]), limits=Limits(document_bytes=100))
    with pytest.raises(Unreadable, match="line_bytes"):
        opened('{"resourceType": "Basic"}\n' + lines(PERSON).strip(), limits=Limits(line_bytes=50))
    with pytest.raises(Unreadable, match=r"json\.too_deep"):
        opened(bundle([PERSON, ORG, role("r1")]), limits=Limits(json_depth=4))


@pytest.mark.parametrize("wrong", [7, "text", [7], [[]], {"a": {}}, None, [None], True])
def test_elements_of_a_wrong_kind_never_raise(opened: Any, wrong: Any) -> None:
    keys = ("identifier", "name", "gender", "birthDate", "active", "practitioner", "organization", "location", "code")
    keys += ("specialty", "period", "meta", "contained", "partOf", "address", "contact", "type", "status")
    for key in keys:
        seen = opened(bundle([PERSON | {key: wrong}, ORG | {key: wrong}, role("r1") | {key: wrong}]))
        assert len(seen.rows) <= 1
        shown = {name for one in seen.findings if one.code == "fhir.malformed" for name in one.arguments["elements"]}
        assert shown <= {*keys, "a", "system", "code", "coding"}


# -- what is said and what is not ------------------------------------------------------------------------------------


def test_no_finding_and_no_evidence_holds_anything_of_a_person(opened: Any) -> None:
    secret = "SECRET"
    people = [
        practitioner(f"{secret}{n}", f"{secret}{n}", name=[{"family": secret, "given": [secret], "text": secret}])
        for n in range(3)
    ]
    people[0]["identifier"] += [identifier(PINFL, f"{secret}x"), identifier(f"urn:{secret}", "1")]
    roles = [role(f"{secret}{n}", person=f"{secret}{n}", code=[{"text": secret}]) for n in range(4)]
    broken = f'{{"resourceType": "Practitioner", "{secret}": 1, "{secret}": 2}}\n{{"{secret}: \n'
    strange = {"resourceType": secret, "id": secret}
    seen = opened(
        lines(*people, people[0], *roles, PERSON | {"name": [[secret]], "gender": {secret: secret}}, strange) + broken
    )
    told = repr([(one.code, one.found, one.arguments) for one in seen.findings]) + repr(seen.sources[0].evidence)
    assert seen.rows
    assert len({one.code for one in seen.findings}) >= 6
    assert secret not in told
    assert secret not in " ".join(words.sentence(one, lang) for one in seen.findings for lang in words.LANGUAGES)


def test_evidence_names_the_systems_that_several_resources_have(opened: Any) -> None:
    people = [practitioner(f"p{n}", str(n)) for n in range(3)]
    people[0]["identifier"].append(identifier("urn:rare", "1"))
    seen = opened(lines(*people, ORG, role("r1")))
    assert seen.sources[0].evidence == {
        "encoding": "utf-8",
        "Organization": 1,
        "Practitioner": 3,
        "PractitionerRole": 1,
        "systems of Practitioner": PINFL,
    }


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_parts_and_reasons_have_words(language: str) -> None:
    terms = words.locale(language).terms
    assert set(REASONS) == set(terms["fhir_reason"])
    assert {*DECLARABLE, "role", "practitioner", "deceased", "organization", "location"} == set(terms["fhir_part"])


# -- laws ------------------------------------------------------------------------------------------------------------


def register(seed: int) -> list[dict[str, Any]]:
    """A register with every fault that there is, drawn from a seed."""
    draw = random.Random(seed)

    def maybe(choices: Sequence[Any]) -> Any:
        return draw.choice(choices)

    def meta() -> dict[str, Any]:
        return maybe([{}, {}, {"meta": {"versionId": str(draw.randint(1, 2))}}])

    people = [
        practitioner(f"p{draw.randint(1, 5)}", maybe(["A", "B", "C", None]), **meta(), active=maybe([True, False]))
        for _ in range(6)
    ]
    orgs = [
        organization(
            f"o{draw.randint(1, 4)}",
            maybe(["1", "2", None]),
            partOf={"reference": f"Organization/o{draw.randint(1, 5)}"},
        )
        for _ in range(4)
    ]
    roles = [
        role(
            f"r{draw.randint(1, 7)}",
            person=maybe(["p1", "p2", "p3", "p4", "p5", "p6", None]),
            org=maybe(["o1", "o2", "o3", "o4", "o5", None]),
            code=[coded(KODP, maybe(["1", "2"]))],
            **meta(),
        )
        for _ in range(8)
    ]
    return [*people, *orgs, *roles]


def outcome(seen: Opened) -> tuple[Counter[Any], Counter[str]]:
    """Rows without their places, and how often each code was found."""
    rows = Counter(tuple(sorted((k, v) for k, v in row.items() if k != "row")) for row in seen.rows)
    return rows, Counter(one.code for one in seen.findings)


def put(value: Any, odd: Any, place: int) -> tuple[Any, int]:
    """A document with something odd in the place of its part of this number; the rest of the count where it is not."""
    if place == 0:
        return odd, -1
    place -= 1
    if isinstance(value, dict):
        made: dict[str, Any] = {}
        for key, inner in value.items():
            made[key], place = put(inner, odd, place) if place >= 0 else (inner, place)
        return made, place
    if isinstance(value, list):
        listed = []
        for inner in value:
            one, place = put(inner, odd, place) if place >= 0 else (inner, place)
            listed.append(one)
        return listed, place
    return value, place


odd_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4), st.just("#x"), st.just("Bundle")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["id", "reference", "system"]), inner, max_size=2)
    ),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 50), odd_values, st.integers(0, 250), st.booleans())
def test_whatever_stands_in_a_register_is_a_finding_at_most(
    tmp_path_factory: Any, seed: int, odd: Any, place: int, as_lines: bool
) -> None:
    held, _ = put(register(seed), odd, place)
    held = held if isinstance(held, list) and held else [odd]
    folder = tmp_path_factory.mktemp("odd")
    seen = Opened(folder, lines(*held) + "\n" if as_lines else bundle(held), format="fhir")
    assert all(one.code in findings.CODES and one.found is None for one in seen.findings)
    assert len(seen.rows) <= len(held)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False), st.integers(1, 3))
def test_neither_the_order_nor_the_files_change_what_is_read(
    tmp_path_factory: Any, seed: int, draw: random.Random, files: int
) -> None:
    held = register(seed)
    whole = outcome(Opened(tmp_path_factory.mktemp("a"), bundle(held)))
    shuffled = list(held)
    draw.shuffle(shuffled)
    parts: list[list[dict[str, Any]]] = [[] for _ in range(files)]
    for one in shuffled:
        draw.choice(parts).append(one)
    assert outcome(Opened(tmp_path_factory.mktemp("b"), bundle(shuffled))) == whole
    documents = [lines(*part) if len(part) > 1 else bundle(part) for part in parts]
    split = outcome(Opened(tmp_path_factory.mktemp("c"), *documents))
    assert split[0] == whole[0]
    once_a_file = {"fhir.practitioner_without_role"}
    assert {k: n for k, n in split[1].items() if k not in once_a_file} == {
        k: n for k, n in whole[1].items() if k not in once_a_file
    }
