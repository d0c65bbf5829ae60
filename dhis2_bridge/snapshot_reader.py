"""The objects of a DHIS2 metadata export, read from its JSON.

What contradicts the shape of an export is a fault; a reference to an object that the file does not hold is a `Problem`,
for an export may be of a part of an instance.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from dhis2_bridge.findings import SnapshotError
from dhis2_bridge.identifiers import is_uid
from dhis2_bridge.snapshot_file import (
    Broken,
    Item,
    attribute_values,
    data_write,
    day,
    flag,
    items,
    labels,
    names,
    number,
    reference,
    references,
    text,
    whole,
)
from dhis2_bridge.snapshot_objects import (
    KINDS,
    Category,
    CategoryCombo,
    CategoryOption,
    CategoryOptionCombo,
    DataElement,
    DataInputPeriod,
    DataSet,
    Identified,
    Objects,
    OptionSet,
    OrgUnit,
    OrgUnitGroup,
    Problem,
)
from dhis2_bridge.value_types import Options

DEFAULT_NAME: Final = "default"
"""The name of the default objects on every instance; their usual UIDs are only usual."""

_FAULTS_SHOWN: Final = 10
_NO_GROUPS: Final[frozenset[str]] = frozenset()

_T = TypeVar("_T")


def objects_of(document: Item, source: str) -> Objects:
    """The objects of an export; `source` names it in messages.

    Raises SnapshotError with all that is wrong: no metadata export, one page of a longer answer, an object without a
    UID, a UID twice among its kind, a property of another shape, org units in a circle, a data element or data set
    without category combination where the file lacks the default one.
    """
    _refuse_others(document, source)
    reader = _Reader(document)
    objects = reader.objects()
    if reader.faults:
        lines = [f"{source}: {fault}" for fault in dict.fromkeys(reader.faults)]
        more = len(lines) - _FAULTS_SHOWN
        raise SnapshotError("\n".join(lines[:_FAULTS_SHOWN] + [f"{source}: and {more} more faults"] * (more > 0)))
    return objects


def _refuse_others(document: Item, source: str) -> None:
    pager = document.get("pager")
    pages = pager.get("pageCount") if isinstance(pager, dict) else None
    if isinstance(pages, int) and pages > 1:
        raise SnapshotError(f"{source}: one page of {pages}: export all of it (paging=false)")
    if any(collection in document for collection in KINDS.values()):
        return
    if "dataValues" in document:
        raise SnapshotError(f"{source}: data values, no metadata export")
    if "httpStatus" in document:
        raise SnapshotError(f"{source}: a server's error, no metadata export: {document.get('message')}")
    raise SnapshotError(f"{source}: no metadata export: it lists none of {', '.join(KINDS.values())}")


def _identified(uid: str, item: Item) -> dict[str, Any]:
    named = names(item)
    return {
        "uid": uid,
        "code": text(item, "code") or None,
        "name": named[0] if named else "",
        "names": named,
        "labels": labels(item),
        "attribute_values": attribute_values(item),
    }


def _parent(uid: str, item: Item) -> str | None:
    parent = reference(item, "parent")
    if parent is None and (path := text(item, "path")).endswith(f"/{uid}"):
        parent = path.split("/")[-2]
    return parent or None


def _topmost(uid: str, parent: str | None, item: Item) -> tuple[str, int]:
    """Path and level of an org unit whose parent the file does not hold."""
    path = text(item, "path")
    if not path.endswith(f"/{uid}"):
        path = f"/{parent}/{uid}" if parent else f"/{uid}"
    return path, whole(item, "level") or path.count("/")


class _Reader:
    """Reads one document, gathering what is wrong with it and what is missing from it."""

    def __init__(self, document: Item) -> None:
        self.document = document
        self.faults: list[str] = []
        self.problems: list[Problem] = []
        self.raw = {kind: self._raw(collection) for kind, collection in KINDS.items()}
        combos = self.raw["category_combo"].items()
        self.default = next((uid for uid, item in combos if item.get("name") == DEFAULT_NAME), None)

    def objects(self) -> Objects:
        groups = self._each("org_unit_group", self._org_unit_group)
        return Objects(
            attributes=self._each("attribute", lambda uid, item: Identified(**_identified(uid, item))),
            category_options=self._each("category_option", self._category_option),
            categories=self._each("category", self._category),
            category_combos=self._each("category_combo", self._category_combo),
            category_option_combos=self._category_option_combos(),
            option_sets=self._option_sets(),
            data_elements=self._each("data_element", self._data_element),
            org_unit_groups=groups,
            org_units=self._org_units(groups),
            data_sets=self._each("data_set", self._data_set),
            problems=self.problems,
        )

    def _raw(self, collection: str) -> dict[str, Item]:
        found: dict[str, Item] = {}
        try:
            listed = items(self.document, collection)
        except Broken as broken:
            self.faults.append(str(broken))
            return found
        for place, item in enumerate(listed):
            uid = item.get("id")
            if not isinstance(uid, str) or not is_uid(uid):
                self.faults.append(f"{collection}[{place}]: the id is no UID: {repr(uid)[:60]}")
            elif uid in found:
                self.faults.append(f"{collection}[{place}]: the id {uid} stands twice")
            else:
                found[uid] = item
        return found

    def _each(self, kind: str, read: Callable[[str, Item], _T]) -> dict[str, _T]:
        found = {}
        for uid, item in self.raw[kind].items():
            try:
                found[uid] = read(uid, item)
            except Broken as broken:
                self.faults.append(f"{KINDS[kind]} {uid}: {broken}")
        return found

    def _needs(self, kind: str, uid: str, name: str, of: str, uids: Iterable[str | None]) -> None:
        """Remembers which of the objects that a property names the file does not hold."""
        held = self.raw[of]
        missing = sorted({one for one in uids if one is not None and one not in held})
        if missing:
            self.problems.append(Problem(kind, uid, "missing", name, tuple(missing)))

    def _category_option(self, uid: str, item: Item) -> CategoryOption:
        return CategoryOption(
            **_identified(uid, item),
            start_date=day(item, "startDate"),
            end_date=day(item, "endDate"),
            org_units=frozenset(references(item, "organisationUnits")),
            data_write=data_write(item),
        )

    def _category(self, uid: str, item: Item) -> Category:
        options = tuple(references(item, "categoryOptions"))
        self._needs("category", uid, "categoryOptions", "category_option", options)
        return Category(**_identified(uid, item), category_options=options)

    def _category_combo(self, uid: str, item: Item) -> CategoryCombo:
        categories = tuple(references(item, "categories"))
        self._needs("category_combo", uid, "categories", "category", categories)
        return CategoryCombo(**_identified(uid, item), categories=categories)

    def _category_option_combos(self) -> dict[str, CategoryOptionCombo]:
        def read(uid: str, item: Item) -> CategoryOptionCombo:
            combo = reference(item, "categoryCombo")
            options = frozenset(references(item, "categoryOptions"))
            self._needs("category_option_combo", uid, "categoryCombo", "category_combo", [combo])
            self._needs("category_option_combo", uid, "categoryOptions", "category_option", options)
            if combo is not None:
                same[combo, options].append(uid)
            return CategoryOptionCombo(**_identified(uid, item), category_combo=combo or "", category_options=options)

        same: defaultdict[tuple[str, frozenset[str]], list[str]] = defaultdict(list)
        found = self._each("category_option_combo", read)
        for (combo, options), uids in same.items():
            if len(uids) > 1 and options:
                self.problems.append(Problem("category_combo", combo, "repeated", "categoryOptionCombos", tuple(uids)))
        return found

    def _option_sets(self) -> dict[str, OptionSet]:
        """Option sets with their options, which an export lists apart and some field filters within the set."""
        apart: dict[str, tuple[str, tuple[str, ...]]] = {}
        members: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
        try:
            for option in items(self.document, "options"):
                uid = text(option, "id")
                apart[uid] = text(option, "code"), names(option)
                if option_set := reference(option, "optionSet"):
                    members[option_set].append((number(option, "sortOrder"), uid))
        except Broken as broken:
            self.faults.append(f"options: {broken}")

        def read(uid: str, item: Item) -> OptionSet:
            within = {
                text(option, "id") or text(option, "code"): (text(option, "code"), names(option))
                for option in items(item, "options")
            }
            listed = dict.fromkeys([*within, *(one for _, one in sorted(members[uid], key=lambda member: member[0]))])
            found = {one: apart.get(one) or within[one] for one in listed}
            if missing := tuple(one for one, (code, _) in found.items() if not code):
                self.problems.append(Problem("option_set", uid, "missing", "options", missing))
            options = Options(option for option in found.values() if option[0])
            return OptionSet(**_identified(uid, item), value_type=text(item, "valueType"), options=options)

        return self._each("option_set", read)

    def _combo_or_default(self, item: Item) -> str:
        combo = reference(item, "categoryCombo") or self.default
        if combo is None:
            raise Broken(f"no categoryCombo, and none is named {DEFAULT_NAME}: export again with defaults=INCLUDE")
        return combo

    def _data_element(self, uid: str, item: Item) -> DataElement:
        combo = self._combo_or_default(item)
        option_set, comment_option_set = reference(item, "optionSet"), reference(item, "commentOptionSet")
        self._needs("data_element", uid, "categoryCombo", "category_combo", [combo])
        self._needs("data_element", uid, "optionSet", "option_set", [option_set])
        self._needs("data_element", uid, "commentOptionSet", "option_set", [comment_option_set])
        return DataElement(
            **_identified(uid, item),
            value_type=text(item, "valueType"),
            domain_type=text(item, "domainType"),
            aggregation_type=text(item, "aggregationType"),
            zero_is_significant=flag(item, "zeroIsSignificant") or False,
            category_combo=combo,
            option_set=option_set,
            comment_option_set=comment_option_set,
        )

    def _org_unit_group(self, uid: str, item: Item) -> OrgUnitGroup:
        members = frozenset(references(item, "organisationUnits"))
        self._needs("org_unit_group", uid, "organisationUnits", "org_unit", members)
        return OrgUnitGroup(**_identified(uid, item), org_units=members)

    def _org_units(self, groups: Mapping[str, OrgUnitGroup]) -> dict[str, OrgUnit]:
        of_group: defaultdict[str, set[str]] = defaultdict(set)
        for group in groups.values():
            for member in group.org_units:
                of_group[member].add(group.uid)
        parents = self._each("org_unit", _parent)
        places = self._places(parents)

        def read(uid: str, item: Item) -> OrgUnit:
            named = references(item, "organisationUnitGroups")
            path, level = places.get(uid, ("", 0))
            return OrgUnit(
                **_identified(uid, item),
                level=level,
                parent=parents.get(uid),
                path=path,
                opening_date=day(item, "openingDate"),
                closed_date=day(item, "closedDate"),
                groups=frozenset(of_group[uid].union(named)) if named or uid in of_group else _NO_GROUPS,
            )

        return self._each("org_unit", read)

    def _places(self, parents: Mapping[str, str | None]) -> dict[str, tuple[str, int]]:
        """Path and level of every org unit, from its parents."""
        places: dict[str, tuple[str, int]] = {}
        for uid in parents:
            # Upwards to one whose place is known or whose parent the file does not hold, then down again.
            climbed: dict[str, None] = {}
            current: str | None = uid
            while current is not None and current in parents and current not in places:
                if current in climbed:
                    self.faults.append(f"organisationUnits {current}: its parents lead back to it")
                    return places
                climbed[current] = None
                current = parents[current]
            for below in reversed(climbed):
                parent = parents[below]
                if parent is not None and parent in places:
                    path, level = places[parent]
                    places[below] = (f"{path}/{below}", level + 1)
                else:
                    self._needs("org_unit", below, "parent", "org_unit", [parent])
                    try:
                        places[below] = _topmost(below, parent, self.raw["org_unit"][below])
                    except Broken as broken:
                        self.faults.append(f"organisationUnits {below}: {broken}")
                        places[below] = ("", 0)
        return places

    def _data_set(self, uid: str, item: Item) -> DataSet:
        combo = self._combo_or_default(item)
        org_units = frozenset(references(item, "organisationUnits"))
        self._needs("data_set", uid, "categoryCombo", "category_combo", [combo])
        self._needs("data_set", uid, "organisationUnits", "org_unit", org_units)
        period_type = item.get("periodType")
        return DataSet(
            **_identified(uid, item),
            period_type=text(period_type, "name") if isinstance(period_type, dict) else text(item, "periodType"),
            category_combo=combo,
            elements=self._elements(uid, item),
            org_units=org_units,
            open_future_periods=whole(item, "openFuturePeriods"),
            open_periods_after_co_end_date=whole(item, "openPeriodsAfterCoEndDate"),
            expiry_days=number(item, "expiryDays"),
            timely_days=number(item, "timelyDays"),
            data_input_periods=tuple(
                DataInputPeriod(reference(one, "period") or "", day(one, "openingDate"), day(one, "closingDate"))
                for one in items(item, "dataInputPeriods")
            ),
            no_value_requires_comment=flag(item, "noValueRequiresComment") or False,
            data_write=data_write(item),
        )

    def _elements(self, uid: str, item: Item) -> dict[str, str]:
        """The data elements of a data set with the category combination that counts: the override, else their own."""
        overrides: dict[str, str | None] = dict.fromkeys(
            references(item, "dataElements")
        )  # the shape before data set elements
        for element in items(item, "dataSetElements"):
            data_element = reference(element, "dataElement")
            if data_element is None:
                raise Broken("dataSetElements holds one without dataElement")
            overrides[data_element] = reference(element, "categoryCombo")
        held = self.raw["data_element"]
        self._needs("data_set", uid, "dataSetElements", "data_element", overrides)
        self._needs("data_set", uid, "dataSetElements.categoryCombo", "category_combo", overrides.values())
        return {
            element: override or self._combo_or_default(held[element])
            for element, override in overrides.items()
            if element in held
        }
