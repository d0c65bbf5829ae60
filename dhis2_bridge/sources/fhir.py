"""Personnel registers in FHIR (Bundles, bulk exports) as a table of one row a PractitionerRole.

FHIR has no rates and no posts: there are no columns for them.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import polars as pl

from dhis2_bridge.findings import Finding, Unreadable, UsageError
from dhis2_bridge.sources.encodings import TextFile
from dhis2_bridge.sources.fhir_pool import Pool
from dhis2_bridge.sources.fhir_resources import READ, ROLE, Resource, Role, read
from dhis2_bridge.sources.fhir_rows import COLUMNS, Rows, Systems
from dhis2_bridge.sources.json_text import JsonFault, JsonReader
from dhis2_bridge.sources.limits import DEFAULT, Limits
from dhis2_bridge.sources.records import blank_as_null

_CHUNK: Final = 20_000
_NAMED: Final = frozenset({"Basic", "Endpoint", "HealthcareService", "OperationOutcome", "Parameters", "Person"})
"""Types that come with registers: others are only counted, since in a broken export a type may be anything."""

_KEY: Final = re.compile(r"_?[a-z][A-Za-z]{0,40}")
_FEWEST: Final = 3
"""Resources that hold a system before it is shown: in a broken export a system may be anything."""


class FhirTable:
    """The roles of a FHIR file as a `Table`: a Bundle, a list of them, one resource, or a resource or Bundle a line.

    The header is `fhir_rows.COLUMNS`. `row` is the number of the role's resource: in a Bundle that of the entry, on
    through all Bundles of the file, in NDJSON that of the line; `header_row` is 0. `systems` says for a column which
    systems its identifiers or codes are of, tried in their order. Files of one export share a `pool`, in which
    references are resolved; all of them have to be opened before the batches of any are read. `extensions` are more
    columns, each with the address of the extension of the role, else of its practitioner, that fills it.

    The resources are held while the table lives. Raises `UsageError` for an extension that is
    called as a column, and `Unreadable` for JSON that is broken, too deep or too large.
    """

    def __init__(
        self,
        text: TextFile,
        *,
        lines: bool = False,
        systems: Mapping[str, Sequence[str]] | None = None,
        extensions: Mapping[str, str] | None = None,
        pool: Pool | None = None,
        limits: Limits = DEFAULT,
    ) -> None:
        self.source = text.name
        self.sheet: str | None = None
        self._extensions = dict(extensions or {})
        if taken := sorted(set(COLUMNS) & set(self._extensions)):
            raise UsageError(f"source: extensions: {', '.join(taken)} is a column of every FHIR register already")
        self.header: tuple[str, ...] = (*COLUMNS, *self._extensions)
        self.header_row = 0
        self.findings: list[Finding] = []
        self._text = text
        self._limits = limits
        self._reader = JsonReader(limits.json_depth)
        self._systems: Systems = {column: tuple(of) for column, of in (systems or {}).items()}
        self._pool = Pool() if pool is None else pool
        self._faults: list[Finding] = []
        self._types: Counter[str] = Counter()
        self._bundles = 0
        self._next_pages: list[str] = []
        self._shared: dict[Any, Any] = {}
        self._resources: list[Resource] = []
        for number, document in self._documents_of_lines() if lines else self._document():
            self._take(document, itertools.repeat(number) if lines else itertools.count(1))
        self._shared.clear()
        self._pool.add(self._resources)
        self._tell_types()
        self.findings += self._faults

    @property
    def evidence(self) -> dict[str, str | int]:
        """What was recognised, for people to read: how many of which resources, and their systems."""
        seen: dict[str, str | int] = {kind: self._types[kind] for kind in sorted(READ) if self._types[kind]}
        return seen | {f"systems of {what}": ", ".join(systems) for what, systems in self._seen_systems().items()}

    @property
    def has_resources(self) -> bool:
        """Whether the file holds any resource that is read, be it no role."""
        return bool(self._resources)

    def batches(self) -> Iterator[pl.DataFrame]:
        """The roles in order: `row` and the columns "1", "2", ... as `Table` says."""
        self.findings[:] = [*self._faults, *self._of_the_pool()]
        rows = Rows(self._pool, self._systems, self._extensions, self.source, self.findings)
        roles = (
            (one.number, cells)
            for one in self._resources
            if one.type == ROLE and self._pool.counts(one) and (cells := rows.cells(one)) is not None
        )
        names = [str(number) for number in range(1, len(self.header) + 1)]
        schema = {"row": pl.UInt32, **dict.fromkeys(names, pl.String)}
        while chunk := list(itertools.islice(roles, _CHUNK)):
            frame = pl.DataFrame([(number, *cells) for number, cells in chunk], schema=schema, orient="row")
            yield frame.with_columns(blank_as_null(names))

    # -- reading -------------------------------------------------------------------------------------------------

    def _document(self) -> Iterator[tuple[int, Any]]:
        if self._text.path.stat().st_size > self._limits.document_bytes:
            raise self._too_large("document_bytes", self._limits.document_bytes)
        document = self._read(b"".join(self._text.blocks()).decode(), None)
        if document is not None:
            yield 1, document

    def _documents_of_lines(self) -> Iterator[tuple[int, Any]]:
        for number, line in enumerate(self._text.lines(self._limits.line_bytes), 1):
            if line.strip() and (document := self._read(line.decode(), number)) is not None:
                yield number, document

    def _read(self, text: str, line: int | None) -> Any:
        """The document of a text; None for one with no certain reading, which is told."""
        try:
            document, repeated = self._reader.read(text)
        except JsonFault as fault:
            if line is None:
                raise Unreadable(Finding(fault.code, self.source, arguments=fault.arguments)) from None
            if "line" in fault.arguments:
                fault.arguments["line"] = line
            self._faults.append(Finding(fault.code, self.source, row=line, arguments=fault.arguments))
            return None
        for twice in repeated:
            # The path would repeat every key on the way, and a key of a broken export may be anything.
            key = twice.arguments["key"] if _KEY.fullmatch(twice.arguments["key"]) else ""
            self._faults.append(Finding("json.repeated_key", self.source, row=line, arguments={"key": key}))
        return None if repeated else document

    def _take(self, document: Any, numbers: Iterator[int]) -> None:
        """Keeps what a document holds: Bundles are opened, also those within Bundles, and lists of them."""
        waiting: list[tuple[Any, str, int, str]] = [(document, "", 0, "")]
        while waiting:
            raw, full_url, bundle, mode = waiting.pop()
            if isinstance(raw, list):
                waiting += [(one, "", bundle, "") for one in reversed(raw)]
            elif isinstance(raw, dict) and raw.get("resourceType") == "Bundle":
                waiting += self._entries(raw)
            else:
                self._keep(raw, next(numbers), full_url, bundle, mode)

    def _entries(self, bundle: Mapping[str, Any]) -> list[tuple[Any, str, int, str]]:
        """The entries of a Bundle, the first last: resource, address, number of the Bundle, how a search found it."""
        self._bundles += 1
        links = bundle.get("link")
        for link in links if isinstance(links, list) else []:
            if isinstance(link, dict) and link.get("relation") == "next":
                self._next_pages.append(str(link.get("url")))
            elif isinstance(link, dict) and link.get("relation") == "self":
                self._pool.pages.add(str(link.get("url")))
        entries = bundle.get("entry")
        found = []
        for entry in entries if isinstance(entries, list) else []:
            held = entry if isinstance(entry, dict) else {}
            search = held.get("search")
            mode = str(search.get("mode") or "") if isinstance(search, dict) else ""
            found.append((held.get("resource"), str(held.get("fullUrl") or ""), self._bundles, mode))
        return found[::-1]

    def _keep(self, raw: Any, number: int, full_url: str, bundle: int, mode: str) -> None:
        kind = raw.get("resourceType") if isinstance(raw, dict) else None
        if not isinstance(raw, dict) or not isinstance(kind, str):
            self._faults.append(Finding("fhir.no_resource", self.source, row=number))
            return
        self._types[kind] += 1
        if kind == "OperationOutcome" and mode == "outcome":
            self._faults.append(Finding("fhir.outcome", self.source, row=number))
        resource = read(
            raw,
            self.source,
            number,
            self._shared,
            full_url=full_url,
            bundle=bundle,
            extensions=frozenset(self._extensions.values()),
        )
        if resource is None:
            return
        self._resources.append(resource)
        if resource.faults:
            arguments = {"elements": [key for key in resource.faults if _KEY.fullmatch(key)]}
            self._faults.append(Finding("fhir.malformed", self.source, row=number, arguments=arguments))

    # -- what is told of the file ----------------------------------------------------------------------------------

    def _tell_types(self) -> None:
        others = {kind: count for kind, count in sorted(self._types.items()) if kind not in READ}
        if others:
            listed = [f"{kind}: {count}" for kind, count in others.items() if kind in _NAMED]
            arguments = {"types": listed, "resources": sum(others.values())}
            self._faults.append(Finding("fhir.not_read", self.source, arguments=arguments))
        undeclared = [column for column in ("person_id", "org_id", "position_code") if not self._systems.get(column)]
        if undeclared and self._types[ROLE]:
            arguments = {"columns": undeclared}
            self._faults.append(Finding("fhir.systems_undeclared", self.source, arguments=arguments))

    def _of_the_pool(self) -> Iterator[Finding]:
        """What is known once all files are: versions that do not count, persons without a role."""
        if any(page not in self._pool.pages for page in self._next_pages):
            yield Finding("fhir.more_pages", self.source)
        for left in self._pool.left_out(self.source):
            other = left.other
            arguments = {"other": other.number if other else None, "file": other.source if other else None}
            yield Finding(left.code, self.source, row=left.resource.number, arguments=arguments)
        if idle := self._pool.without_role(self.source):
            arguments = {"persons": len(idle)}
            yield Finding("fhir.practitioner_without_role", self.source, row=idle[0].number, arguments=arguments)

    def _seen_systems(self) -> dict[str, list[str]]:
        """The systems of identifiers and codes by what they are of, the commonest first."""
        seen: dict[str, Counter[str]] = {}
        for one in self._resources:
            counted: dict[str, Sequence[tuple[str, ...]]] = {one.type: one.content.identifiers}
            if isinstance(one.content, Role):
                counted |= {"code": one.content.codes, "specialty": one.content.specialties}
            for what, held in counted.items():
                seen.setdefault(what, Counter()).update(sorted({system for system, *_ in held if system}))
        return {
            what: [system for system, count in counts.most_common(8) if count >= _FEWEST]
            for what, counts in sorted(seen.items())
            if any(count >= _FEWEST for count in counts.values())
        }

    def _too_large(self, what: str, limit: int) -> Unreadable:
        return Unreadable(Finding("file.too_large", self.source, arguments={"what": what, "limit": limit}))
