"""What both import engines of the sandbox share: the request as it was read, and the summary as it is answered."""

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any, Final

from dhis2_bridge.sandbox.catalogue import Catalogue, Object
from dhis2_bridge.sandbox.periods import Version
from dhis2_bridge.sandbox.store import ImportRecord, Store

SCHEMES: Final = {
    "dataSets": "dataSetIdScheme",
    "dataElements": "dataElementIdScheme",
    "organisationUnits": "orgUnitIdScheme",
    "categoryOptionCombos": "categoryOptionComboIdScheme",
    "attributeOptionCombos": "attributeOptionComboIdScheme",
    "categories": "categoryIdScheme",
    "categoryOptions": "categoryOptionIdScheme",
}
STRICT: Final = (
    "strictPeriods",
    "strictDataElements",
    "strictCategoryOptionCombos",
    "strictAttributeOptionCombos",
    "strictOrganisationUnits",
    "requireCategoryOptionCombo",
    "requireAttributeOptionCombo",
)
STRICT_BY_DEFAULT: Final = ("strictDataSetLocking", "strictDataSetInputPeriods")


class BadRequest(Exception):
    """The request cannot be read: HTTP `status`, and no import summary."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


class Number(str):
    """A JSON number, by its literal."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class User:
    """Who is logged in. `org_units` are the capture org units; the authority ALL makes a superuser."""

    username: str
    authorities: frozenset[str]
    org_units: frozenset[str]
    id: str = "xE7jOejl9FI"

    def has(self, authority: str) -> bool:
        """Whether the user has an authority, as every superuser does."""
        return bool(self.authorities & {"ALL", authority})

    def may_write(self, item: Object) -> bool:
        """Whether the sharing of an object gives data write; an export without sharing gives it to all."""
        sharing = item.get("sharing")
        if "ALL" in self.authorities or not sharing or sharing.get("owner") == self.id:
            return True
        own = (sharing.get("users") or {}).get(self.id) or {}
        return any(access[3:4] == "w" for access in (sharing.get("public") or "", own.get("access") or ""))


@dataclass(frozen=True, slots=True)
class World:
    """Everything an import looks at besides its request."""

    catalogue: Catalogue
    store: Store
    version: Version
    user: User
    clock: Callable[[], datetime]

    def in_hierarchy(self, org_unit: str) -> bool:
        """Whether the org unit is one of the user's or below one."""
        return any(unit in self.user.org_units for unit in self.catalogue.ancestors(org_unit))


@dataclass(frozen=True, slots=True)
class Options:
    """The parameters of the request that matter. `schemes` maps each list of objects to its identifier scheme."""

    dry_run: bool
    strategy: str
    force: bool
    atomic: bool
    strict: frozenset[str]
    schemes: Mapping[str, str]

    @classmethod
    def read(cls, query: Mapping[str, list[str]], header: Mapping[str, Any], old_engine: bool) -> "Options":
        """The options of the URL and the payload; what the payload says counts more."""

        def flag(name: str, default: bool = False) -> bool:
            return query[name][0].lower() == "true" if name in query else default

        def scheme(name: str) -> str | None:
            text = header.get(name) or query.get(name, [None])[0]
            return _scheme(str(text)) if text else None

        general = scheme("idScheme") or "UID"
        schemes = {kind: scheme(name) or general for kind, name in SCHEMES.items()}
        if old_engine:
            schemes["attributeOptionCombos"] = schemes["categoryOptionCombos"]
        strict = {name for name in STRICT if flag(name)} | {name for name in STRICT_BY_DEFAULT if flag(name, True)}
        own = header.get("dryRun")
        strategy = (query.get("importStrategy") or query.get("strategy") or ["CREATE_AND_UPDATE"])[0]
        if old_engine and header.get("strategy"):
            strategy = str(header["strategy"])
        return cls(
            dry_run=flag("dryRun") if own is None else own is True,
            strategy=strategy,
            force=flag("force"),
            atomic=flag("atomic"),
            strict=frozenset(strict),
            schemes=schemes,
        )


def _scheme(text: str) -> str:
    kind, colon, rest = text.partition(":")
    kind = kind.upper()
    if kind in ("UID", "ID", "CODE", "NAME") and not colon:
        return "UID" if kind == "ID" else kind
    if kind == "ATTRIBUTE" and len(rest) == 11:
        return f"ATTRIBUTE:{rest}"
    raise BadRequest(400, f"Illegal identifier scheme: {text}")


@dataclass
class Summary:
    """An import summary in the making. Equal conflicts are merged and their positions joined."""

    total: int
    status: str = "SUCCESS"
    description: str | None = None
    imported: int = 0
    updated: int = 0
    ignored: int = 0
    deleted: int = 0
    really: dict[str, int] = field(default_factory=lambda: {"imported": 0, "updated": 0, "unchanged": 0, "deleted": 0})
    rejected: set[int] = field(default_factory=set)
    _conflicts: dict[tuple[str, str], Object] = field(default_factory=dict)

    def conflict(self, code: str, message: str, extra: Object, indexes: list[int]) -> None:
        """Add a conflict at these positions."""
        merged = self._conflicts.setdefault(
            (code, json.dumps(extra, sort_keys=True)), {**extra, "value": message, "errorCode": code}
        )
        if indexes:
            merged.setdefault("indexes", []).extend(indexes)
            self.rejected.update(indexes)

    def document(self, options: Options) -> Object:
        """The summary as the server writes it."""
        return {
            "responseType": "ImportSummary",
            "status": self.status,
            "importOptions": {"dryRun": options.dry_run, "importStrategy": options.strategy},
            **({"description": self.description} if self.description else {}),
            "importCount": {
                "imported": self.imported,
                "updated": self.updated,
                "ignored": self.ignored,
                "deleted": self.deleted,
            },
            "conflicts": list(self._conflicts.values()),
            "rejectedIndexes": sorted(self.rejected),
            "dataSetComplete": "false",
        }

    def record(self, at: str, options: Options) -> ImportRecord:
        """What the import really did."""
        refused = self.total if self.status == "ERROR" else len(self.rejected)
        return ImportRecord(at, options.dry_run, self.status, refused=refused, **self.really)


def unpacked(body: bytes, limit: int) -> bytes:
    """The body, unpacked when its first bytes say gzip, as the server does; at most `limit` bytes."""
    if body[:2] != b"\x1f\x8b":
        return body
    try:
        with gzip.open(BytesIO(body)) as stream:
            plain = stream.read(limit + 1)
    except (OSError, EOFError, zlib.error) as broken:
        raise BadRequest(400, f"The body is not a gzip stream: {broken}") from broken
    if len(plain) > limit:
        raise BadRequest(413, "The unpacked body is too large")
    return plain


def read_payload(body: bytes) -> Object:
    """The data value set of a request. Numbers keep their literal. Raises BadRequest for broken JSON."""
    try:
        document = json.loads(body, parse_int=Number, parse_float=Number)
    except (ValueError, RecursionError) as broken:
        raise BadRequest(409, f"Unexpected data value set: {broken}") from broken
    if not isinstance(document, dict):
        raise BadRequest(409, "A data value set is a JSON object")
    return document


def values_of(header: Mapping[str, Any]) -> list[Object]:
    """The values of a data value set as objects."""
    values = header.get("dataValues") or []
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise BadRequest(409, "dataValues is a list of objects")
    return values
