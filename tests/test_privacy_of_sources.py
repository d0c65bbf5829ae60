"""Nothing of a person leaves by way of FHIR, a query or a comparison: what is planted is found nowhere."""

import contextlib
import gc
import json
import logging
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commanding import Ran, Shell
from staff import STAFF, csv_of
from test_privacy import CANARIES, DATES, GIVEN, IDS, NAMES, PHONES, PLANTED, hold, left_in, rows
from test_workforce_sources import KODP, ORG, PERSON, UNIT, Desk, iso

PASSWORD = "Kanarchayev-password"


def planted(number: int) -> list[dict[str, Any]]:
    """The resources of one person; in one of their elements each, something of a person stands where it should not."""
    name, given, phone, born, own = NAMES[number], GIVEN[number], PHONES[number], DATES[number], IDS[number]
    person = {
        "resourceType": "Practitioner", "id": name, "birthDate": iso(born), "gender": "male",
        "identifier": [{"system": PERSON, "value": own}],
        "name": [{"family": name, "given": [given], "text": f"{name} {given}"}],
        "telecom": [{"system": "phone", "value": phone}],
    }  # fmt: skip
    place = {
        "resourceType": "Organization", "id": f"o{own}", "name": f"{name} clinic",
        "identifier": [{"system": ORG, "value": "101" if number % 3 else own}],
    }  # fmt: skip
    site = {
        "resourceType": "Location",
        "id": phone,
        "identifier": [{"system": UNIT, "value": ("7", phone)[number % 2]}],
    }
    role: dict[str, Any] = {
        "resourceType": "PractitionerRole", "id": own, "practitioner": {"reference": f"Practitioner/{name}"},
        "organization": {"reference": f"Organization/o{own}"}, "location": [{"reference": f"Location/{phone}"}],
        "code": [{"coding": [{"system": KODP, "code": "2211.1", "display": name}], "text": given}],
        "period": {"start": iso(born)},
    }  # fmt: skip
    odd: list[tuple[dict[str, Any], str, Any]] = [
        (role, "practitioner", {"reference": f"Practitioner/{own}", "display": name}),
        (role, "practitioner", {"reference": name}),
        (role, "practitioner", {"identifier": {"system": PERSON, "value": own}}),
        (role, "organization", {"reference": f"urn:uuid:{own}"}),
        (role, "organization", {"identifier": {"system": name, "value": own}}),
        (role, "code", [{"coding": [{"system": KODP, "code": own}, {"system": KODP, "code": phone}]}]),
        (role, "code", [{"coding": [{"system": KODP, "code": name}]}]),
        (role, "code", [{"text": name}]),
        (role, "period", {"start": name, "end": [own]}),
        (role, "contained", [{"resourceType": name, "id": own}]),
        (role, "active", own),
        (person, "identifier", [{"system": PERSON, "value": own}, {"system": PERSON, "value": phone}]),
        (person, "identifier", [{"system": f"urn:{own}", "value": own}]),
        (person, "gender", name),
        (person, "birthDate", {name: own}),
        (person, "name", {name: [own]}),
        (person, "deceasedDateTime", iso(born)),
        (person, "active", False),
        (person, "meta", {"lastUpdated": name, "tag": [{"code": own}], "versionId": phone}),
        (place, "partOf", {"reference": f"Organization/{own}"}),
        (place, "identifier", [{"system": ORG, "value": own}, {"system": ORG, "value": phone}]),
        (place, "active", False),
        (site, "status", name),
        (site, "managingOrganization", {"reference": own}),
        (role, "resourceType", name),
        (person, name, own),
    ]  # fmt: skip
    resource, element, value = odd[number % len(odd)]
    resource[element] = value
    return [person, place, site, role]


def texts() -> dict[str, str]:
    """Registers: sound in their form, cut off, with keys twice, versions that differ."""
    resources = [one for number in range(PLANTED) for one in planted(number)]
    lines = [json.dumps(one) for one in resources]
    lines[2] = lines[2][:-9]
    lines[6] = f'{{"resourceType": "Practitioner", "{NAMES[6]}": 1, "{NAMES[6]}": "{IDS[6]}"}}'
    others = [one | {"birthDate": "1950-01-01"} for one in resources[:40] if one["resourceType"] == "Practitioner"]
    entries = [
        {"fullUrl": f"https://{NAMES[0]}/{one['resourceType']}/{one['id']}", "resource": one} for one in resources
    ]
    bundle = {"resourceType": "Bundle", "type": NAMES[1], "link": [{"relation": "next", "url": IDS[1]}]}
    return {
        "staff_1.ndjson": "\n".join(lines),
        "staff_2.json": json.dumps(bundle | {"entry": [*entries, {"request": {"url": IDS[2]}}, IDS[3]]}),
        "staff_3.json": json.dumps(bundle | {"entry": [{"resource": one} for one in others]}),
        "staff_4.json": json.dumps(bundle)[:-3],
    }


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk with registers, an extract, and a database of staff."""
    folder = tmp_path / "in"
    folder.mkdir()
    made = Desk(folder)
    for name, text in texts().items():
        made.write(name, text)
    made.write("argos_staff.csv", csv_of(rows()))
    with contextlib.closing(sqlite3.connect(folder / "hr.db")) as database:
        database.execute(f"create table staff ({', '.join(f'{name} text' for name in STAFF)})")
        places = ", ".join("?" * len(STAFF))
        held = [[row.get(name, "") for name in STAFF] for row in rows()]
        database.executemany(f"insert into staff values ({places})", held)
        database.commit()
    made.write("staff_5.sql", "select * from staff order by pinfl, org, unit, position")
    made.write("staff_6.sql", f"select pinfl from staff where last_name = '{NAMES[9]}' and nowhere = '{IDS[9]}'")
    made.write("staff_7.sql", f"select '{IDS[9]}' as \"{NAMES[8]}\", x'00' as \"{IDS[8]}\" from staff")
    made.write("staff_8.sql", f"select '{IDS[9]}")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    yield made
    gc.collect()


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    (tmp_path / "home").mkdir()
    made = Shell(monkeypatch, tmp_path / "home")
    monkeypatch.setenv("DHIS2_BRIDGE_DEBUG", "1")
    return made


def test_no_command_leaves_anything_of_a_person(
    desk: Desk, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("DHIS2_BRIDGE_DATABASE_URL", f"sqlite:///{desk.folder / 'hr.db'}")
    files = sorted(desk.folder.glob("*staff*.*"))
    files.remove(desk.mapping)
    assert len(files) == 9
    given = ("-m", desk.mapping, "-s", desk.snapshot)
    counted = (*given, "--period", "2026Q3", "--all")
    said: list[Ran] = []
    registers = [path for path in files if path.suffix != ".csv"]
    for lang in ("en", "ru", "uz"):
        said.append(shell("check", *registers, *counted, "--lang", lang))
    said.append(shell("check", *registers, *counted, "--json"))
    said.append(shell("convert", *registers, *counted, "--out", tmp_path / "run"))
    for path in files:
        said.append(shell("inspect", path, "--all"))
        said.append(shell("inspect", path, "--json"))
        for options in (("--rows", "--all"), ("--rows", "--json"), ("--period", "2026Q3", "--lang", "uz")):
            said.append(shell("workforce", "compare", path, desk.folder / "argos_staff.csv", *given, *options))
    assert [ran.both for ran in said if ran.code not in {0, 2, 3}] == []
    assert [ran.both for ran in said if ran.code == 2] == []
    assert [text for ran in said for text in hold(ran.raw + ran.err.encode())] == []
    assert hold(caplog.text.encode()) == []
    assert left_in(tmp_path, but=desk.folder) == []


def test_what_is_planted_is_found_by_this_test(desk: Desk) -> None:
    held = {text for path in desk.folder.iterdir() for text in hold(path.read_bytes())}
    assert held >= {*NAMES, *GIVEN, *IDS, *PHONES, *DATES} == {*CANARIES}


@pytest.mark.parametrize("url", [f"postgresql://{PASSWORD}:{PASSWORD}@127.0.0.1:1/{PASSWORD}", f"x://{PASSWORD}"])
def test_the_address_of_a_database_is_nowhere(
    desk: Desk, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any, url: str
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("DHIS2_BRIDGE_DATABASE_URL", url)
    query, given = desk.folder / "staff_5.sql", ("-m", desk.mapping, "-s", desk.snapshot)
    said = [
        shell("inspect", query),
        shell("check", query, *given, "--period", "2026Q3"),
        shell("convert", query, *given, "--period", "2026Q3", "--out", tmp_path / "run"),
        shell("workforce", "compare", query, query, *given),
    ]
    assert {ran.code for ran in said} == ({6} if url.startswith("p") else {2})
    assert all(len(ran.err.splitlines()) == 1 for ran in said)
    assert PASSWORD not in "".join(ran.both for ran in said) + caplog.text
    assert not (tmp_path / "run").exists()
