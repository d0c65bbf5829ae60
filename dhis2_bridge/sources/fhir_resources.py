"""What a personnel register says in FHIR: the four resources that are read, and only the elements that are counted.

R4 and R5 differ in nothing that is read here but the address of an organisation, which R5 keeps in `contact`.
Telecoms, photographs, qualifications and narratives are not read at all.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

ROLE: Final = "PractitionerRole"
PRACTITIONER: Final = "Practitioner"
ORGANIZATION: Final = "Organization"
LOCATION: Final = "Location"
READ: Final = frozenset({ROLE, PRACTITIONER, ORGANIZATION, LOCATION})

IN_ERROR: Final = "entered-in-error"

T = TypeVar("T")

_NAME_USES: Final = ("official", "usual", "", "temp", "nickname", "anonymous")
_NO_NAMES: Final = frozenset({"old", "maiden"})
_VERSION: Final = re.compile(r"/_history/[^/]*$")
_CONDITION: Final = re.compile(r"[A-Z][A-Za-z]+\?identifier=([^&|]+)\|([^&]+)")


class Coding(NamedTuple):
    """A code within its system, and how it is shown."""

    system: str
    code: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """What a resource says of another: the address as written without a version, an identifier, or the thing itself."""

    to: str = ""
    identifier: tuple[str, str] | None = None
    contained: "Content | None" = None


@dataclass(frozen=True, slots=True)
class Practitioner:
    """A person. `sex` is the code as it stands; `active` and `deceased` are "true", "false", a date, or blank."""

    identifiers: tuple[tuple[str, str], ...]
    last_name: str
    first_name: str
    middle_name: str
    full_name: str
    sex: str
    birth_date: str
    active: str
    deceased: str


@dataclass(frozen=True, slots=True)
class Role:
    """What a person does, where and since when."""

    identifiers: tuple[tuple[str, str], ...]
    active: str
    practitioner: Reference | None
    organization: Reference | None
    locations: tuple[Reference, ...]
    codes: tuple[Coding, ...]
    code_text: str
    specialties: tuple[Coding, ...]
    start_date: str
    end_date: str


@dataclass(frozen=True, slots=True)
class Place:
    """An organisation or a location: `above` is what it is part of, `managing` the organisation of a location."""

    identifiers: tuple[tuple[str, str], ...]
    active: str
    name: str
    types: tuple[Coding, ...]
    region: str
    district: str
    above: Reference | None
    managing: Reference | None = None


Content = Practitioner | Role | Place


@dataclass(slots=True)
class Resource:
    """One resource with its address and its place: the number in the file, and the Bundle that it came in.

    `faults` are paths of elements that are not what FHIR has there; they count as absent.
    """

    type: str
    content: Content
    source: str
    number: int
    id: str = ""
    full_url: str = ""
    bundle: int = 0
    updated: datetime | None = None
    version: int | None = None
    in_error: bool = False
    faults: tuple[str, ...] = ()

    @property
    def base(self) -> str | None:
        """The address of the server that the resource came from, where its own address tells."""
        ending = f"/{self.type}/{self.id}"
        return self.full_url.removesuffix(ending) if self.id and self.full_url.endswith(ending) else None


def read(
    raw: Mapping[str, Any], source: str, number: int, shared: dict[Any, Any], *, full_url: str = "", bundle: int = 0
) -> Resource | None:
    """The resource that this object is; None for a type that is not read.

    `shared` keeps what many resources say alike (systems, codes, references), so that it is held once.
    """
    kind = raw.get("resourceType")
    if kind not in READ:
        return None
    reader = _Reader(raw, shared)
    content = reader.content(raw, kind)
    meta = reader.block(raw, "meta")
    version = reader.text(meta, "versionId")
    return Resource(
        reader.once(str(kind)),
        content,
        source,
        number,
        reader.text(raw, "id"),
        _VERSION.sub("", full_url.strip()),
        bundle,
        _instant(reader.text(meta, "lastUpdated")),
        int(version) if version.isascii() and version.isdigit() else None,
        reader.text(raw, "status") == IN_ERROR
        or any(one.code == IN_ERROR for key in ("tag", "security") for one in reader.codings_of(meta, key)),
        tuple(reader.faults),
    )


class _Reader:
    """Reads the elements of one resource; what is not of the type that FHIR has there is named in `faults`."""

    def __init__(self, raw: Mapping[str, Any], shared: dict[Any, Any]) -> None:
        self.faults: list[str] = []
        self._shared = shared
        self._contained = {
            str(one["id"]): one
            for one in self.blocks(raw, "contained")
            if isinstance(one.get("id"), str) and one.get("resourceType") in READ
        }
        self._open: list[str] = []

    def once(self, thing: T) -> T:
        """The same thing, as it is held already where it is."""
        held: T = self._shared.setdefault(thing, thing)
        return held

    # -- elements ------------------------------------------------------------------------------------------------

    def text(self, raw: Mapping[str, Any], key: str) -> str:
        """A text, number or truth value as text; blank where there is none."""
        value = raw.get(key)
        if value is None:
            return ""
        if isinstance(value, str):
            return value.strip()
        if isinstance(value, bool):
            return "true" if value else "false"
        return self._fault(key)

    def texts(self, raw: Mapping[str, Any], key: str) -> list[str]:
        """The texts of a list, without blank ones."""
        value = raw.get(key)
        held = value if isinstance(value, list) else [value]
        return [text for one in held if (text := self.text({key: one}, key))]

    def block(self, raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """An object; empty where there is none."""
        return next(iter(self.blocks(raw, key)), {})

    def blocks(self, raw: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
        """The objects of a list; one that stands alone is a list of one."""
        value = raw.get(key)
        if value is None:
            return ()
        held = value if isinstance(value, list) else [value]
        found = [one for one in held if isinstance(one, dict)]
        if len(found) < len(held) and any(one is not None and not isinstance(one, dict) for one in held):
            self._fault(key)
        return found

    def _fault(self, key: str) -> str:
        if key not in self.faults:
            self.faults.append(key)
        return ""

    # -- types ---------------------------------------------------------------------------------------------------

    def identifiers(self, raw: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        """Systems and values, each once, without those that are marked as old."""
        found = {
            (self.once(self.text(one, "system")), value): None
            for one in self.blocks(raw, "identifier")
            if self.text(one, "use") != "old" and (value := self.text(one, "value"))
        }
        return tuple(sorted(found))

    def codings_of(self, raw: Mapping[str, Any], key: str) -> tuple[Coding, ...]:
        """Codings that stand in a list."""
        found = (
            Coding(self.text(one, "system"), self.text(one, "code"), self.text(one, "display"))
            for one in self.blocks(raw, key)
        )
        return self.once(tuple(self.once(one) for one in found if one.code))

    def codings(self, raw: Mapping[str, Any], key: str) -> tuple[Coding, ...]:
        """The codings of all concepts of an element."""
        return self.once(tuple(one for concept in self.blocks(raw, key) for one in self.codings_of(concept, "coding")))

    def reference(self, raw: Mapping[str, Any]) -> Reference | None:
        """A reference; None for one that points nowhere, which says no more than an absent one."""
        to = self.text(raw, "reference")
        held = self.block(raw, "identifier")
        identifier = (self.text(held, "system"), self.text(held, "value"))
        if condition := _CONDITION.fullmatch(to):
            to, identifier = "", (condition[1], condition[2])
        if to.startswith("#"):
            return Reference(to, contained=self._inside(to[1:]))
        if not to and not identifier[1]:
            return None
        return Reference(_VERSION.sub("", to), identifier if identifier[1] else None)

    def references(self, raw: Mapping[str, Any], key: str) -> tuple[Reference, ...]:
        """The references of an element, each once."""
        found = (self.reference(one) for one in self.blocks(raw, key))
        told = dict.fromkeys(one for one in found if one is not None)
        # Practitioners are each referred to by few roles, and would only fill what is shared.
        return tuple(told) if key == "practitioner" else self.once(tuple(map(self.once, told)))

    def _inside(self, name: str) -> Content | None:
        raw = self._contained.get(name)
        if raw is None or name in self._open:
            return None
        self._open.append(name)
        content = self.content(raw, str(raw["resourceType"]))
        self._open.pop()
        return content

    # -- resources -----------------------------------------------------------------------------------------------

    def content(self, raw: Mapping[str, Any], kind: str) -> Content:
        """What one resource of a type that is read says."""
        if kind == PRACTITIONER:
            return self._practitioner(raw)
        return self._role(raw) if kind == ROLE else self._place(raw, kind)

    def _practitioner(self, raw: Mapping[str, Any]) -> Practitioner:
        named = [one for one in self.blocks(raw, "name") if self.text(one, "use") not in _NO_NAMES]
        order = {use: place for place, use in enumerate(_NAME_USES)}
        name = min(named, key=lambda one: order.get(self.text(one, "use"), len(order)), default={})
        first, middle = self.texts(name, "given"), self.texts(name, "suffix")
        if not middle:
            # Where a profile has no other place for it, a patronymic stands behind the first of the given names.
            first, middle = first[:1], first[1:]
        return Practitioner(
            self.identifiers(raw),
            self.text(name, "family"),
            " ".join(first),
            " ".join(middle),
            self.text(name, "text"),
            self.once(self.text(raw, "gender")),
            self.text(raw, "birthDate"),
            self.once(self.text(raw, "active")),
            self.text(raw, "deceasedDateTime") or self.text(raw, "deceasedBoolean"),
        )

    def _role(self, raw: Mapping[str, Any]) -> Role:
        period = self.block(raw, "period")
        practitioner = self.references(raw, "practitioner")
        organization = self.references(raw, "organization")
        return Role(
            self.identifiers(raw),
            self.once(self.text(raw, "active")),
            practitioner[0] if practitioner else None,
            organization[0] if organization else None,
            self.references(raw, "location"),
            self.codings(raw, "code"),
            next(filter(None, (self.text(one, "text") for one in self.blocks(raw, "code"))), ""),
            self.codings(raw, "specialty"),
            # The day as it was written: a time and its zone would only move it.
            self.text(period, "start").partition("T")[0],
            self.text(period, "end").partition("T")[0],
        )

    def _place(self, raw: Mapping[str, Any], kind: str) -> Place:
        addresses = [*self.blocks(raw, "address")]
        for contact in self.blocks(raw, "contact"):
            addresses += self.blocks(contact, "address")
        current = [one for one in addresses if self.text(one, "use") != "old"]
        address = next((one for one in current if self.text(one, "district")), current[0] if current else {})
        above = self.references(raw, "partOf")
        managing = self.references(raw, "managingOrganization")
        active = self.once(self.text(raw, "active"))
        if kind == LOCATION:
            active = {"active": "true", "": ""}.get(self.text(raw, "status"), "false")
        return Place(
            self.identifiers(raw),
            active,
            self.text(raw, "name"),
            self.codings(raw, "type"),
            self.text(address, "state"),
            self.text(address, "district"),
            above[0] if above else None,
            managing[0] if managing else None,
        )


def _instant(text: str) -> datetime | None:
    """A point in time; None for one that cannot be compared with others."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
