"""A part of the invented staff once more in FHIR R5, in the shape of the national guide: a Bundle and a bulk export.

Shape, systems and codes of types are from "Uzbekistan Digital Health Platform implementation guide", UZINFOCOM,
CC BY 4.0, which leaves open how a unit of an organisation is numbered; here by the system of its locations. FHIR has no
rates and no posts, and the guide no kind of job and no long leave: none of these is here.
"""

from datetime import datetime
from typing import Any, Final

from build_hrh import Row
from build_hrh_metadata import Workplace, workplaces

from dhis2_bridge.identifiers import uid

Resource = dict[str, Any]

PERSON: Final = "https://dpm.uz/identifier/nationaluniqueID"
ARGOS: Final = "https://hrm.argos.uz"
TAX: Final = "https://soliq.uz"
UNIT: Final = "https://dhp.uz/fhir/core/NamingSystem/location-unit"
CODES: Final = "https://terminology.dhp.uz/fhir/core/CodeSystem"
TYPES: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
SERVER: Final = "https://fhir.example.org"


def iso(text: str) -> str:
    return datetime.strptime(text, "%d.%m.%Y").date().isoformat()


def identifier(system: str, value: str, kind: str) -> Resource:
    return {"use": "official", "type": {"coding": [{"system": TYPES, "code": kind}]}, "system": system, "value": value}


def coding(name: str, code: str) -> Resource:
    return {"system": f"{CODES}/{name}", "code": code}


def address(place: Workplace) -> Resource:
    return {"state": place.soato[:4], "district": place.soato, "country": "UZ"}


def organization(place: Workplace) -> Resource:
    """An employer, or a unit of one: the unit has no legal personality and so no argos id or tax number of its own."""
    types = [coding("organizational-subordination-group-cs", place.ownership)]
    made: Resource = {"resourceType": "Organization", "id": uid("fhir", place.code), "active": True, "name": place.uz}
    if place.unit:
        made["identifier"] = [identifier(UNIT, place.unit, "XX")]
        made["partOf"] = {"reference": f"Organization/{uid('fhir', f'HRM_{place.argos}')}"}
        types.append(coding("organizational-subordination-institution-cs", place.type.replace("STIR_", "STIR-")))
    else:
        made["identifier"] = [identifier(TAX, place.stir, "TAX"), identifier(ARGOS, place.argos, "XX")]
        types.append(coding("nomenclature-group-cs", place.type))
    return made | {"type": [{"coding": types}], "contact": [{"address": address(place)}]}


def location(place: Workplace) -> Resource:
    unit = {"identifier": [{"system": UNIT, "value": place.unit}]} if place.unit else {}
    return {
        "resourceType": "Location",
        "id": uid("fhir location", place.code),
        "status": "active",
        "name": place.uz,
        "address": address(place),
        "managingOrganization": {"reference": f"Organization/{uid('fhir', place.code)}"},
        **unit,
    }


def practitioner(row: Row) -> Resource:
    return {
        "resourceType": "Practitioner",
        "id": uid("fhir", row["pinfl"]),
        "language": "uz",
        "identifier": [identifier(PERSON, row["pinfl"], "NI")],
        "active": True,
        "name": [
            {
                "use": "official",
                "family": row["last_name"],
                "given": [row["first_name"]],
                "suffix": [row["middle_name"]],  # the guide keeps the patronymic here
            }
        ],
        "gender": {"1": "male", "2": "female"}[row["sex"]],
        "birthDate": iso(row["birth_date"]),
    }


def role(row: Row) -> Resource:
    place = f"HRM_{row['org_argos_id']}" + (f"_{row['unit_code']}" if row["unit_code"] else "")
    period = {"start": iso(row["start_date"])} | ({"end": iso(row["end_date"])} if row["end_date"] else {})
    position = coding("position-and-profession-cs", row["position_code"]) | {"display": row["position_name"]}
    made: Resource = {
        "resourceType": "PractitionerRole",
        "id": uid("fhir role", row["row_id"]),
        "active": row["status"] != "4",
        "period": period,
        "practitioner": {"reference": f"Practitioner/{uid('fhir', row['pinfl'])}"},
        "organization": {"reference": f"Organization/{uid('fhir', place)}"},
        "code": [{"coding": [position]}],
        "location": [{"reference": f"Location/{uid('fhir location', place)}"}],
    }
    if row["specialty_code"]:
        made["specialty"] = [{"coding": [coding("profession-specialization-cs", row["specialty_code"])]}]
    return made


def resources(rows: list[Row]) -> list[Resource]:
    """Places, persons and roles of these contracts, each once."""
    places = {one.code: one for one in workplaces()}
    used = [f"HRM_{row['org_argos_id']}" + (f"_{row['unit_code']}" if row["unit_code"] else "") for row in rows]
    above = [f"HRM_{places[code].argos}" for code in used]
    codes = sorted({*used, *above})
    persons = {row["pinfl"]: practitioner(row) for row in rows}
    return [
        *(organization(places[code]) for code in codes),
        *(location(places[code]) for code in sorted(set(used))),
        *persons.values(),
        *map(role, rows),
    ]


def bundle(made: list[Resource]) -> Resource:
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": "2026-10-02T09:00:00+05:00",
        "entry": [{"fullUrl": f"{SERVER}/{one['resourceType']}/{one['id']}", "resource": one} for one in made],
    }
