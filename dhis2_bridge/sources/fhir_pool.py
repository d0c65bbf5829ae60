"""All the resources that were read together: which version of each counts, and where references lead."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from dhis2_bridge.sources.fhir_resources import (
    LOCATION,
    ORGANIZATION,
    PRACTITIONER,
    ROLE,
    Content,
    Place,
    Practitioner,
    Reference,
    Resource,
    Role,
)

NOT_THERE: Final = "not_there"
SEVERAL: Final = "several"
CONFLICT: Final = "conflict"
ENTERED_IN_ERROR: Final = "entered_in_error"
CIRCLE: Final = "circle"
REASONS: Final = (NOT_THERE, SEVERAL, CONFLICT, ENTERED_IN_ERROR, CIRCLE)
"""Why a reference leads nowhere."""

REPEATED: Final = "fhir.repeated"
OLDER: Final = "fhir.older_version"
DIFFER: Final = "fhir.versions_differ"

_CONTENTS: Final = {PRACTITIONER: Practitioner, ROLE: Role, ORGANIZATION: Place, LOCATION: Place}


@dataclass(slots=True)
class Left:
    """A resource that does not count: the code of the finding, and the one that counts in its place."""

    resource: Resource
    code: str
    other: Resource | None = None


@dataclass(slots=True)
class _Index:
    """Addresses of the resources that count. `bad` are the addresses of those that nobody can tell apart."""

    urls: dict[str, Resource] = field(default_factory=dict)
    ids: dict[tuple[str, str], list[Resource]] = field(default_factory=dict)
    identifiers: dict[tuple[str, str, str], list[Resource]] = field(default_factory=dict)
    bad: set[str | tuple[str, str]] = field(default_factory=set)
    left: list[Left] = field(default_factory=list)
    counted: set[int] = field(default_factory=set)


class Pool:
    """Resources of all files that belong together, in any order. Everything is added before anything is asked."""

    def __init__(self) -> None:
        self._resources: list[Resource] = []
        self._made: _Index | None = None
        self._used: set[int] | None = None
        self._tellers: dict[tuple[object, ...], str] = {}

    def tells(self, key: tuple[object, ...], source: str) -> bool:
        """Whether the table of this file is the one to tell something: what all see is told by the first alone."""
        return self._tellers.setdefault(key, source) == source

    def add(self, resources: Iterable[Resource]) -> None:
        """Takes the resources of one more file."""
        self._resources += resources
        self._made = self._used = None

    def counts(self, resource: Resource) -> bool:
        """Whether this resource is the one that counts of all with its address."""
        return id(resource) in self._index().counted

    def left_out(self, source: str) -> Iterator[Left]:
        """The resources of a file that do not count."""
        return (left for left in self._index().left if left.resource.source == source)

    def without_role(self, source: str) -> list[Resource]:
        """The practitioners of a file that no role refers to."""
        if self._used is None:
            found = (
                self.resolve(one.content.practitioner, one, PRACTITIONER)
                for one in self._resources
                if isinstance(one.content, Role) and self.counts(one)
            )
            self._used = {id(one) for one in found if isinstance(one, Resource)}
        used = self._used
        return [
            one
            for one in self._resources
            if one.type == PRACTITIONER and one.source == source and self.counts(one) and id(one) not in used
        ]

    def resolve(self, reference: Reference | None, of: Resource, kind: str) -> Resource | Content | str | None:
        """The resource of a type that another one refers to, its content if it is contained, or one of `REASONS`.

        A relative address is looked for on the referring resource's own server, then in its own Bundle, then among
        all. An absolute one fits a resource that says its own address, or one of a bulk export, which does not. None
        where there is no reference.
        """
        if reference is None:
            return None
        if reference.to.startswith("#"):
            inside = reference.contained
            return inside if isinstance(inside, _CONTENTS[kind]) else NOT_THERE
        found = self._by_address(reference.to, of, kind) if reference.to else NOT_THERE
        if found == NOT_THERE and reference.identifier is not None:
            found = _only(self._index().identifiers.get((kind, *reference.identifier), []))
        if isinstance(found, Resource):
            if found.type != kind:
                return NOT_THERE
            if found.in_error:
                return ENTERED_IN_ERROR
        return found

    def _by_address(self, to: str, of: Resource, kind: str) -> Resource | str:
        index = self._index()
        is_absolute = ":" in to.partition("/")[0]
        url = to if is_absolute else f"{of.base}/{to}" if of.base else ""
        if url and (url in index.urls or url in index.bad):
            return CONFLICT if url in index.bad else index.urls[url]
        named, name = (to.rsplit("/", 2)[-2:] if "/" in to else (kind, "")) if not to.startswith("urn:") else ("", "")
        if (named, name) in index.bad:
            return CONFLICT
        candidates = index.ids.get((named, name), [])
        if is_absolute or of.base:
            return _only([one for one in candidates if not one.full_url])
        beside = [one for one in candidates if one.bundle == of.bundle and one.source == of.source]
        return _only(beside or candidates)

    def _index(self) -> _Index:
        if self._made is None:
            self._made = _indexed(self._resources)
        return self._made


def _only(candidates: list[Resource]) -> Resource | str:
    if not candidates:
        return NOT_THERE
    return candidates[0] if len(candidates) == 1 else SEVERAL


def _indexed(resources: list[Resource]) -> _Index:
    index = _Index()
    for alike in _grouped(resources):
        winner, left = _decided(alike)
        index.left += left
        addresses: set[str | tuple[str, str]] = {one.full_url for one in alike if one.full_url}
        addresses |= {(one.type, one.id) for one in alike if one.id}
        if winner is None:
            index.bad |= addresses
            continue
        index.counted.add(id(winner))
        for address in addresses:
            if isinstance(address, str):
                index.urls[address] = winner
            else:
                index.ids.setdefault(address, []).append(winner)
        for system, value in winner.content.identifiers:
            index.identifiers.setdefault((winner.type, system, value), []).append(winner)
    return index


def _grouped(resources: list[Resource]) -> Iterator[list[Resource]]:
    """The resources with one address together; one without an address stands alone.

    Those of a bulk export say no server: they are the ones of the only server that has their type and id.
    """
    by_url: dict[str, list[Resource]] = {}
    without_url: dict[tuple[str, str], list[Resource]] = {}
    servers: dict[tuple[str, str], set[str]] = {}
    for one in resources:
        if one.full_url:
            by_url.setdefault(one.full_url, []).append(one)
            if one.base is not None:
                servers.setdefault((one.type, one.id), set()).add(one.full_url)
        elif one.id:
            without_url.setdefault((one.type, one.id), []).append(one)
        else:
            yield [one]
    for key, alike in without_url.items():
        urls = servers.get(key, set())
        if len(urls) == 1:
            by_url[next(iter(urls))] += alike
        else:
            yield alike
    yield from by_url.values()


def _decided(alike: list[Resource]) -> tuple[Resource | None, list[Left]]:
    """The one of several versions that counts, None where nobody can tell, and what is said of the others."""
    if len(alike) == 1:
        return alike[0], []
    latest = _latest(alike)
    winner = latest[0]
    if any((one.type, one.content, one.in_error) != (winner.type, winner.content, winner.in_error) for one in latest):
        return None, [Left(one, DIFFER, next(other for other in alike if other is not one)) for one in alike]
    same = {id(one) for one in latest}
    return winner, [Left(one, REPEATED if id(one) in same else OLDER, winner) for one in alike if one is not winner]


def _latest(alike: list[Resource]) -> list[Resource]:
    """The versions that are the newest: by the time of the last change, else by the number of the version, else all."""
    times = [one.updated for one in alike if one.updated is not None]
    if len(times) == len(alike):
        newest = max(times)
        return [one for one in alike if one.updated == newest]
    numbers = [one.version for one in alike if one.version is not None]
    if len(numbers) == len(alike):
        highest = max(numbers)
        return [one for one in alike if one.version == highest]
    return alike
