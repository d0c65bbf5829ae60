"""One row for each role of a FHIR register: what its practitioner, organisation and location say, put together."""

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from dhis2_bridge.findings import Finding
from dhis2_bridge.sources.fhir_pool import CIRCLE, NOT_THERE, Pool
from dhis2_bridge.sources.fhir_resources import (
    LOCATION,
    ORGANIZATION,
    PRACTITIONER,
    Coding,
    Content,
    Place,
    Practitioner,
    Reference,
    Resource,
    Role,
)

COLUMNS: Final = (
    "contract_id",
    "person_id",
    "last_name",
    "first_name",
    "middle_name",
    "full_name",
    "sex",
    "birth_date",
    "deceased",
    "person_active",
    "org_id",
    "org_tax_id",
    "org_name",
    "org_type",
    "org_ownership",
    "org_active",
    "unit_code",
    "unit_name",
    "location_id",
    "location_name",
    "location_active",
    "region",
    "district",
    "position_code",
    "position_system",
    "position_name",
    "specialty_code",
    "specialty_system",
    "specialty_name",
    "start_date",
    "end_date",
    "active",
)
"""The header of every FHIR table.

`contract_id` is the identifier of the role, `person_id` that of its practitioner (else of the role), `org_id` and
`org_tax_id` of its organisation or the nearest above it, `unit_code` and `unit_name` of the nearest unit on the way up,
`location_id` of its location. `sex` is male, female, other or unknown, `birth_date`, `start_date` and `end_date` are
ISO dates as exact as they were written; `active` and its kin are true, false or blank. `region` and `district` are the
state and district of the address of the location, else of the organisation. A code stands beside its system and name.
"""

DECLARABLE: Final = (
    "contract_id",
    "person_id",
    "org_id",
    "org_tax_id",
    "org_type",
    "org_ownership",
    "unit_code",
    "location_id",
    "position_code",
    "specialty_code",
)
"""Columns whose identifiers or codes come from a system that has to be declared."""

NUMBER_OF: Final = {name: number for number, name in enumerate(COLUMNS, 1)}

Systems = Mapping[str, tuple[str, ...]]

Line = list[tuple[Place, Resource]]
"""A place and those above it, each with where it stands."""

T = TypeVar("T", bound=Content)

_HIGHEST: Final = 16
"""Organisations above one another before they are taken for a circle."""


class Rows:
    """Makes the cells of roles, and adds what was found on the way to `findings`.

    What is wrong with an organisation is told once, at its own place, and not with every role in it.
    """

    def __init__(self, pool: Pool, systems: Systems, source: str, findings: list[Finding]) -> None:
        self._pool = pool
        self._systems = systems
        self._source = source
        self._findings = findings
        self._noted: set[tuple[object, ...]] = set()

    def cells(self, role: Resource) -> list[str] | None:
        """The cells of a role in the order of `COLUMNS`; None for one that nobody holds, and for a void one."""
        content = role.content
        if not isinstance(content, Role):
            return None
        if role.in_error:
            self._note("fhir.entered_in_error", role)
            return None
        found = dict.fromkeys(COLUMNS, "")
        if not self._person(role, content, found):
            return None
        self._places(role, content, found)
        self._work(role, content, found)
        if content.active == "false":
            self._note("fhir.inactive", role, "active", part="role")
        return list(found.values())

    # -- the person ----------------------------------------------------------------------------------------------

    def _person(self, role: Resource, content: Role, found: dict[str, str]) -> bool:
        """Whether it is known who holds the role."""
        pointed = content.practitioner
        held = self._followed(pointed, role, PRACTITIONER, Practitioner)
        if held is None or isinstance(held, str):
            identifiers = [*content.identifiers, *([pointed.identifier] if pointed and pointed.identifier else [])]
            known = self._identified("person_id", identifiers, role) if held in {None, NOT_THERE} else ""
            if known:
                self._note("fhir.only_identifier", role, "person_id", part="practitioner")
                found["person_id"] = known
            elif held is None:
                self._note("fhir.role_without_practitioner", role)
            else:
                self._note("fhir.reference", role, "person_id", part="practitioner", reason=held)
            return bool(known)
        person, at = held
        own = self._identified("person_id", person.identifiers, at)
        of_role = self._identified("person_id", content.identifiers, role)
        if own and of_role and own != of_role:
            self._note("fhir.several", role, "person_id", part="person_id")
            own = of_role = ""
        elif not own and not of_role and self._systems.get("person_id"):
            self._note("fhir.without", at, "person_id", part="person_id")
        found |= {
            "person_id": own or of_role,
            "last_name": person.last_name,
            "first_name": person.first_name,
            "middle_name": person.middle_name,
            "full_name": person.full_name,
            "sex": person.sex,
            "birth_date": person.birth_date,
            "deceased": person.deceased,
            "person_active": person.active,
        }
        if person.active == "false":
            self._note("fhir.inactive", at, "person_active", part="practitioner")
        if person.deceased not in {"", "false"}:
            self._note("fhir.inactive", at, "deceased", part="deceased")
        return True

    # -- the place -----------------------------------------------------------------------------------------------

    def _places(self, role: Resource, content: Role, found: dict[str, str]) -> None:
        places = self._locations(role, content)
        line = self._organizations(role, content, places, found)
        for column in ("org_id", "org_tax_id"):
            found[column] = found[column] or self._nearest(column, line)[0]
        if line and self._systems.get("org_id") and not found["org_id"]:
            self._note("fhir.without", line[0][1], "org_id", part="org_id")
        unit, unit_at = self._nearest("unit_code", places)
        other, other_at = self._nearest("unit_code", line)
        if unit and other and unit != other:
            self._note("fhir.several", role, "unit_code", part="unit_code")
        elif unit or other:
            found["unit_code"] = unit or other
            found["unit_name"] = next((one.name for one in (unit_at, other_at) if one and one.name), "")
        found["location_id"] = self._nearest("location_id", places)[0]
        for column in ("org_type", "org_ownership"):
            codes = (self._coded(column, place.types, at) for place, at in [*line, *places])
            found[column] = next((one.code for one in codes if one is not None), "")
        if line:
            found |= {"org_name": line[0][0].name, "org_active": line[0][0].active}
        if places:
            found |= {"location_name": places[0][0].name, "location_active": places[0][0].active}
        for held, column, part in ((line, "org_active", "organization"), (places, "location_active", "location")):
            if found[column] == "false":
                self._note("fhir.inactive", held[0][1], column, part=part)
        around = [place for place, _ in [*places, *line]]
        found["region"] = next((place.region for place in around if place.region), "")
        found["district"] = next((place.district for place in around if place.district), "")

    def _locations(self, role: Resource, content: Role) -> Line:
        """The location of a role and what it is part of."""
        if len(content.locations) > 1:
            self._note("fhir.several", role, "location_id", part="location")
            return []
        held = self._followed(content.locations[0] if content.locations else None, role, LOCATION, Place)
        if isinstance(held, str):
            self._note("fhir.reference", role, "location_id", part="location", reason=held)
            return []
        return self._upwards(held, LOCATION)

    def _organizations(self, role: Resource, content: Role, places: Line, found: dict[str, str]) -> Line:
        """The organisation of a role, else the one that manages its location, and what it is part of."""
        pointed, of = content.organization, role
        if pointed is None:
            pointed, of = next(((place.managing, at) for place, at in places if place.managing), (None, role))
        held = self._followed(pointed, of, ORGANIZATION, Place)
        if not isinstance(held, str):
            if held is None and not content.locations:
                self._note("fhir.without", role, "org_id", part="organization")
            return self._upwards(held, ORGANIZATION)
        if held == NOT_THERE and pointed is not None and pointed.identifier is not None:
            known = {
                column: self._identified(column, [pointed.identifier], of)
                for column in ("org_id", "org_tax_id", "unit_code")
            }
            if any(known.values()):
                found |= known
                self._note("fhir.only_identifier", of, "org_id", part="organization")
                return []
        self._note("fhir.reference", of, "org_id", part="organization", reason=held)
        return []

    def _upwards(self, start: tuple[Place, Resource] | None, kind: str) -> Line:
        """A place and what it is part of, from below upwards."""
        line: Line = []
        while start is not None:
            line.append(start)
            place, at = start
            above = CIRCLE if len(line) > _HIGHEST else self._followed(place.above, at, kind, Place)
            if isinstance(above, str):
                self._note("fhir.above", at, reason=above)
                break
            start = above
        return line

    def _nearest(self, column: str, line: Line) -> tuple[str, Place | None]:
        """The identifier of the first place on the way up that has one."""
        for place, at in line:
            if value := self._identified(column, place.identifiers, at):
                return value, place
        return "", None

    # -- the work ------------------------------------------------------------------------------------------------

    def _work(self, role: Resource, content: Role, found: dict[str, str]) -> None:
        position = self._coded("position_code", content.codes, role)
        if position is None and self._systems.get("position_code"):
            self._note("fhir.without", role, "position_code", part="position_code")
        shown = {one.display for one in content.codes if one.display}
        title = (position.display if position else "") or content.code_text
        specialty = self._coded("specialty_code", content.specialties, role)
        found |= {
            "contract_id": self._identified("contract_id", content.identifiers, role),
            "position_code": position.code if position else "",
            "position_system": position.system if position else "",
            "position_name": title or (next(iter(shown)) if len(shown) == 1 else ""),
            "specialty_code": specialty.code if specialty else "",
            "specialty_system": specialty.system if specialty else "",
            "specialty_name": specialty.display if specialty else "",
            "start_date": content.start_date,
            "end_date": content.end_date,
            "active": content.active,
        }

    # -- identifiers, codes, references --------------------------------------------------------------------------

    def _identified(self, column: str, identifiers: Iterable[tuple[str, str]], at: Resource) -> str:
        """The value in the first declared system that has any; blank, and told, where one system has several."""
        held = list(identifiers)
        for wanted in self._systems.get(column, ()):
            values = {value for system, value in held if system == wanted}
            if len(values) > 1:
                self._note("fhir.several", at, column, part=column)
                return ""
            if values:
                return values.pop()
        return ""

    def _coded(self, column: str, codings: tuple[Coding, ...], at: Resource) -> Coding | None:
        """The code in the first declared system that has any; None, and told, where one system has several."""
        for wanted in self._systems.get(column, ()):
            found = {one.code: one for one in reversed(codings) if one.system == wanted}
            if len(found) > 1:
                self._note("fhir.several", at, column, part=column)
                return None
            if found:
                return next(iter(found.values()))
        return None

    def _followed(
        self, reference: Reference | None, of: Resource, kind: str, wanted: type[T]
    ) -> tuple[T, Resource] | str | None:
        """What a reference leads to and where that stands; a reason where it leads nowhere, None without one."""
        found = self._pool.resolve(reference, of, kind)
        if found is None or isinstance(found, str):
            return found
        content, at = (found.content, found) if isinstance(found, Resource) else (found, of)
        return (content, at) if isinstance(content, wanted) else NOT_THERE

    def _note(self, code: str, at: Resource, column: str | None = None, **arguments: str) -> None:
        key = (code, at.source, at.number, at.id, column, *arguments.values())
        if key in self._noted or not self._pool.tells(key, self._source):
            return
        self._noted.add(key)
        number = NUMBER_OF[column] if column else None
        if column:
            arguments["header"] = column
        self._findings.append(Finding(code, at.source, None, at.number, number, None, arguments))
