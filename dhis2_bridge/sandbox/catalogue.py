"""The metadata of the sandbox: the objects of an export, found by identifier, as its import rules ask for them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from dhis2_bridge.findings import SnapshotError

Object = dict[str, Any]

DEFAULT_COMBO: Final = "bjDvmb4bfuf"
DEFAULT_OPTION_COMBO: Final = "HllvX50cXC0"
_DEFAULTS: Final[dict[str, Object]] = {
    "categoryOptions": {"id": "xYerKDKCefk", "name": "default", "code": "default"},
    "categories": {"id": "GLevLNI9wkl", "name": "default", "categoryOptions": [{"id": "xYerKDKCefk"}]},
    "categoryCombos": {"id": DEFAULT_COMBO, "name": "default", "categories": [{"id": "GLevLNI9wkl"}]},
    "categoryOptionCombos": {
        "id": DEFAULT_OPTION_COMBO,
        "name": "default",
        "code": "default",
        "categoryCombo": {"id": DEFAULT_COMBO},
        "categoryOptions": [{"id": "xYerKDKCefk"}],
    },
}

# Lists that every server has, and that an export leaves out when they are empty.
_ALWAYS: Final = (
    *("attributes", "categories", "categoryCombos", "categoryOptions", "categoryOptionCombos", "dataElements"),
    *("dataElementGroups", "dataSets", "indicators", "optionSets", "options", "organisationUnits"),
    *("organisationUnitGroups", "validationRules"),
)


@dataclass(frozen=True, slots=True)
class DataSet:
    """What the import rules need of a data set. `elements` maps a data element to its category combo in this set."""

    id: str
    period_type: str
    category_combo: str
    elements: Mapping[str, str]
    org_units: frozenset[str]
    open_future_periods: int
    expiry_days: float
    input_periods: tuple[Object, ...]
    open_periods_after_end: int
    whole: Object = field(repr=False)


class Catalogue:
    """A metadata export: `lists` are its objects by type, the default category objects added where they lack.

    Raises SnapshotError for what is no metadata export.
    """

    def __init__(self, metadata: Mapping[str, Any] | Path | str) -> None:
        if isinstance(metadata, str):
            metadata = Path(metadata)
        if isinstance(metadata, Path):
            try:
                metadata = json.loads(metadata.read_bytes())
            except (OSError, ValueError) as broken:
                raise SnapshotError(f"{metadata}: cannot be read as a metadata export ({broken})") from broken
        if not isinstance(metadata, Mapping):
            raise SnapshotError("a metadata export is a JSON object")
        self.system: Mapping[str, Any] = metadata.get("system") or {}
        self.lists: dict[str, list[Object]] = {
            name: list(objects) for name, objects in metadata.items() if isinstance(objects, list)
        }
        for name in _ALWAYS:
            self.lists.setdefault(name, [])
        for name, default in _DEFAULTS.items():
            objects = self.lists[name]
            if all(item.get("id") != default["id"] for item in objects):
                objects.append(default)
        self._found: dict[tuple[str, str], dict[str, Object]] = {}

    def find(self, name: str, identifier: str, scheme: str = "UID") -> Object | None:
        """The object of a list by UID, CODE, NAME or ATTRIBUTE:<uid>."""
        index = self._found.get((name, scheme))
        if index is None:
            named = ((_identifier(item, scheme), item) for item in self.lists.get(name, ()))
            index = self._found[(name, scheme)] = {key: item for key, item in named if key is not None}
        return index.get(identifier)

    @cached_property
    def data_sets(self) -> dict[str, DataSet]:
        """The data sets by UID."""
        return {item["id"]: self._data_set(item) for item in self.lists["dataSets"]}

    @cached_property
    def sets_of_element(self) -> dict[str, list[DataSet]]:
        """The data sets that hold a data element, by its UID."""
        found: dict[str, list[DataSet]] = {}
        for data_set in self.data_sets.values():
            for element in data_set.elements:
                found.setdefault(element, []).append(data_set)
        return found

    def _data_set(self, item: Object) -> DataSet:
        elements = {}
        for entry in item.get("dataSetElements", ()):
            element = reference(entry, "dataElement")
            own = self.find("dataElements", element)
            elements[element] = reference(entry, "categoryCombo") or self.combo_of_element(own)
        return DataSet(
            id=item["id"],
            period_type=item.get("periodType", "Monthly"),
            category_combo=reference(item, "categoryCombo") or DEFAULT_COMBO,
            elements=elements,
            org_units=frozenset(unit["id"] for unit in item.get("organisationUnits", ())),
            open_future_periods=int(item.get("openFuturePeriods", 0)),
            expiry_days=float(item.get("expiryDays", 0)),
            input_periods=tuple(item.get("dataInputPeriods", ())),
            open_periods_after_end=int(item.get("openPeriodsAfterCoEndDate", 0)),
            whole=item,
        )

    def combo_of_element(self, element: Object | None) -> str:
        """The category combo of a data element itself, without any data set."""
        return (reference(element, "categoryCombo") if element else "") or DEFAULT_COMBO

    def combo_of(self, option_combo: str) -> str:
        """The category combo of a category option combo, "" for one that is not known."""
        return reference(self.find("categoryOptionCombos", option_combo) or {}, "categoryCombo")

    def options_of(self, option_combo: str) -> list[Object]:
        """The category options of a category option combo."""
        combo = self.find("categoryOptionCombos", option_combo) or {}
        found = (self.find("categoryOptions", item["id"]) for item in combo.get("categoryOptions", ()))
        return [option for option in found if option is not None]

    def with_options(self, category_combo: str, options: Iterable[str]) -> str | None:
        """The category option combo of exactly these options within a category combo."""
        wanted = set(options)
        for item in self.lists["categoryOptionCombos"]:
            held = {option["id"] for option in item.get("categoryOptions", ())}
            if held == wanted and reference(item, "categoryCombo") == category_combo:
                return str(item["id"])
        return None

    def option_codes(self, option_set: str) -> frozenset[str]:
        """The codes of an option set."""
        return self._codes.get(option_set, frozenset())

    @cached_property
    def _codes(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for item in self.lists["options"]:
            found.setdefault(reference(item, "optionSet"), set()).add(item["code"])
        for item in self.lists["optionSets"]:
            inside = (option["code"] for option in item.get("options", ()) if "code" in option)
            found.setdefault(item["id"], set()).update(inside)
        return {name: frozenset(codes) for name, codes in found.items()}

    def ancestors(self, org_unit: str) -> Iterator[str]:
        """The org unit and those above it."""
        item = self.find("organisationUnits", org_unit)
        seen: set[str] = set()
        while item is not None and item["id"] not in seen:
            seen.add(item["id"])
            yield item["id"]
            parent = reference(item, "parent")
            if not parent and item.get("path"):
                parent = (["", *item["path"].strip("/").split("/")][:-1])[-1]
            item = self.find("organisationUnits", parent) if parent else None

    def roots(self) -> list[str]:
        """The org units without a known parent."""
        return [item["id"] for item in self.lists["organisationUnits"] if len([*self.ancestors(item["id"])]) == 1]


def reference(item: Mapping[str, Any], name: str) -> str:
    """The UID that a property refers to, or ""."""
    value = item.get(name)
    return str(value.get("id", "")) if isinstance(value, Mapping) else ""


def day(value: object) -> date | None:
    """The day of a date or a timestamp of an export, or None."""
    return date.fromisoformat(value[:10]) if isinstance(value, str) and value else None


def moment(value: object) -> datetime | None:
    """The moment of a date (its start) or a timestamp of an export, without its zone, or None."""
    return datetime.fromisoformat(value).replace(tzinfo=None) if isinstance(value, str) and value else None


def valid_days(options: Iterable[Object]) -> tuple[date, date]:
    """The first and the last day on which all these category options may be used."""
    first, last = date.min, date.max
    for option in options:
        first = max(first, day(option.get("startDate")) or date.min)
        last = min(last, day(option.get("endDate")) or date.max)
    return first, last


def expires(end: date, expiry_days: float) -> datetime:
    """The moment after which a period that ended that day can no longer be written."""
    return datetime.combine(end, datetime.min.time()) + timedelta(days=expiry_days + 1)


def _identifier(item: Object, scheme: str) -> str | None:
    kind, _, attribute = scheme.partition(":")
    if kind == "ATTRIBUTE":
        for value in item.get("attributeValues", ()):
            if reference(value, "attribute") == attribute:
                return str(value.get("value"))
        return None
    found = item.get({"UID": "id", "CODE": "code", "NAME": "name"}[kind])
    return str(found) if found is not None else None
