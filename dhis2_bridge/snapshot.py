"""One DHIS2 instance's metadata, read from an export: its objects and every look-up the walk needs.

A snapshot is never changed; the indexes that it answers from are built when first asked for.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from dhis2_bridge import names
from dhis2_bridge.findings import SnapshotError
from dhis2_bridge.identifiers import scheme_attribute
from dhis2_bridge.snapshot_file import MAX_BYTES, Broken, items, read_document, reference, references, text
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
from dhis2_bridge.snapshot_reader import DEFAULT_NAME, objects_of
from dhis2_bridge.value_types import Engine

__all__ = [
    "KINDS",
    "MAX_BYTES",
    "Category",
    "CategoryCombo",
    "CategoryOption",
    "CategoryOptionCombo",
    "DataElement",
    "DataInputPeriod",
    "DataSet",
    "Identified",
    "Identity",
    "OptionSet",
    "OrgUnit",
    "OrgUnitGroup",
    "Problem",
    "Snapshot",
    "load",
]

Index = Mapping[str, tuple[str, ...]]

NEW_ENGINE_SINCE: Final = (2, 43)
"""The DHIS2 version that brought the new import engine."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which instance a snapshot is of, when and with whose rights it was taken; None for what the file does not say.

    `version` is (major, minor), for a version of the 2.x family; `exported` the time as the file has it; `sha256` of
    the file's uncompressed bytes, in hexadecimal. Empty `capture_org_units` mean none.
    """

    system_id: str | None
    version_text: str | None
    version: tuple[int, int] | None
    base_url: str | None
    name: str | None
    exported: str | None
    sha256: str
    user: str | None
    authorities: frozenset[str] | None
    capture_org_units: frozenset[str] | None

    @property
    def engine(self) -> Engine | None:
        """The import engine of this version: old up to 2.42, new from 2.43, None where the version is not known."""
        if self.version is None:
            return None
        return "new" if self.version >= NEW_ENGINE_SINCE else "old"


def load(path: Path | str, *, limit: int = MAX_BYTES) -> "Snapshot":
    """The snapshot in a file: a DHIS2 metadata export in JSON, plain or gzipped, or one that was pulled by us.

    Raises SnapshotError for a file that cannot be read, exceeds `limit` bytes or is no usable metadata export.
    """
    document, sha256 = read_document(Path(path), limit)
    return Snapshot.from_dict(document, source=str(path), sha256=sha256)


class Snapshot:
    """One instance's metadata.

    `org_units`, `data_elements` and the like hold the objects by UID, in the order of the file; `problems` what the
    file lacks or contradicts, tolerated until a data set needs it (`require`).
    """

    def __init__(self, objects: Objects, identity: Identity, source: str = "metadata") -> None:
        self.identity = identity
        self.source = source
        self.org_units: Mapping[str, OrgUnit] = objects.org_units
        self.org_unit_groups: Mapping[str, OrgUnitGroup] = objects.org_unit_groups
        self.categories: Mapping[str, Category] = objects.categories
        self.category_options: Mapping[str, CategoryOption] = objects.category_options
        self.category_combos: Mapping[str, CategoryCombo] = objects.category_combos
        self.category_option_combos: Mapping[str, CategoryOptionCombo] = objects.category_option_combos
        self.option_sets: Mapping[str, OptionSet] = objects.option_sets
        self.data_elements: Mapping[str, DataElement] = objects.data_elements
        self.data_sets: Mapping[str, DataSet] = objects.data_sets
        self.attributes: Mapping[str, Identified] = objects.attributes
        self.problems: tuple[Problem, ...] = tuple(objects.problems)
        self._by_kind: Mapping[str, Mapping[str, Identified]] = {
            "attribute": self.attributes,
            "category": self.categories,
            "category_combo": self.category_combos,
            "category_option": self.category_options,
            "category_option_combo": self.category_option_combos,
            "data_element": self.data_elements,
            "data_set": self.data_sets,
            "option_set": self.option_sets,
            "org_unit": self.org_units,
            "org_unit_group": self.org_unit_groups,
        }
        self._indexes: dict[tuple[str, str], Index] = {}
        self._children: dict[str, list[str]] | None = None
        self._of_combo: defaultdict[str, list[str]] = defaultdict(list)
        by_options: defaultdict[tuple[str, frozenset[str]], list[str]] = defaultdict(list)
        for combo in self.category_option_combos.values():
            self._of_combo[combo.category_combo].append(combo.uid)
            by_options[combo.category_combo, combo.category_options].append(combo.uid)
        self._by_options = {key: uids[0] for key, uids in by_options.items() if len(uids) == 1}
        self.default_category_combo, self.default_category_option_combo = self._defaults()

    @classmethod
    def from_dict(
        cls, document: Mapping[str, Any], *, source: str = "metadata", sha256: str | None = None
    ) -> "Snapshot":
        """The snapshot in an export's JSON; `source` names it in messages, `sha256` is that of its file.

        Raises SnapshotError as `load` does.
        """
        if sha256 is None:
            sha256 = hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()
        try:
            identity = _identity(document, sha256)
        except Broken as broken:
            raise SnapshotError(f"{source}: {broken}") from None
        return cls(objects_of(document, source), identity, source)

    @property
    def engine(self) -> Engine | None:
        """The import engine of the instance, as `Identity.engine` says."""
        return self.identity.engine

    def uids(self, kind: str) -> Iterable[str]:
        """The UIDs of all objects of a kind of `KINDS`, in the order of the file."""
        return self._by_kind[kind].keys()

    def name(self, kind: str, uid: str) -> str:
        """The name of an object for people to read, its UID where the snapshot knows none."""
        found = self._by_kind[kind].get(uid)
        return found.name or uid if found is not None else uid

    def describe(self, kind: str, uid: str) -> str:
        """An object for people to choose by: name, code or else UID, and for an org unit the names above it."""
        found = self._by_kind[kind].get(uid)
        described = f"{self.name(kind, uid)} ({found.code or uid if found is not None else uid})"
        if kind == "org_unit" and isinstance(found, OrgUnit):
            above = [self.name("org_unit", one) for one in reversed(found.path.split("/")[1:-1])]
            described = ", ".join([described, *above])
        return described

    def index(self, kind: str, scheme: str) -> Index:
        """The UIDs of a kind of `KINDS` by `uid`, `code`, `name` or `ATTRIBUTE:<uid>`; more than one is ambiguous.

        Keys are exact but for names: there `names.fold` of the name and its translations, and of the short and form
        names (which forms print, and which need not be unique) where no name has this key and one object alone claims
        it. Raises KeyError for another kind and ValueError for another scheme.
        """
        key = (kind, scheme)
        if key not in self._indexes:
            self._indexes[key] = self._build(kind, scheme)
        return self._indexes[key]

    def latin_index(self, kind: str) -> Index:
        """As `index` by name, with `names.latin` as key: the same name across Cyrillic and Latin script."""
        key = (kind, "latin")
        if key not in self._indexes:
            self._indexes[key] = _by_name(self._by_kind[kind].values(), names.latin)
        return self._indexes[key]

    def _build(self, kind: str, scheme: str) -> Index:
        objects = self._by_kind[kind]
        if scheme == "uid":
            return {uid: (uid,) for uid in objects}
        if scheme == "name":
            return _by_name(objects.values(), names.fold)
        if scheme == "code":
            return _grouped((one.code, one.uid) for one in objects.values())
        attribute = scheme_attribute(scheme)
        if attribute is None:
            raise ValueError(f"{scheme!r} is no identifier scheme")
        return _grouped((one.attribute_values.get(attribute), one.uid) for one in objects.values())

    def descends(self, org_unit: str, ancestor: str) -> bool:
        """Whether an org unit is this ancestor or lies below it, as DHIS2 counts a hierarchy."""
        unit = self.org_units.get(org_unit)
        # The path has every UID after a slash, and all UIDs are of one length.
        return unit is not None and f"/{ancestor}" in unit.path

    def org_unit(self, text: str) -> str | None:
        """The UID of the org unit with this code, or else with this UID; None where there is none, or several."""
        coded = self.index("org_unit", "code").get(text, ())
        if len(coded) == 1:
            return coded[0]
        return text if not coded and text in self.org_units else None

    def children(self, org_unit: str) -> tuple[str, ...]:
        """The org units directly below one, in the order of the file."""
        if self._children is None:
            children: dict[str, list[str]] = {}
            for unit in self.org_units.values():
                if unit.parent is not None:
                    children.setdefault(unit.parent, []).append(unit.uid)
            self._children = children
        return tuple(self._children.get(org_unit, ()))

    def in_group(self, org_unit: str, group: str) -> bool:
        """Whether an org unit is in a group, which is given by UID or code."""
        unit = self.org_units.get(org_unit)
        if unit is None:
            return False
        return group in unit.groups or not unit.groups.isdisjoint(self.index("org_unit_group", "code").get(group, ()))

    def is_default(self, category_combo: str) -> bool:
        """Whether this is the instance's own default category combination: the one without disaggregation."""
        return category_combo == self.default_category_combo

    def categories_of(self, category_combo: str) -> tuple[str, ...]:
        """The categories of a category combination, in order; none for one that the snapshot does not hold."""
        combo = self.category_combos.get(category_combo)
        return combo.categories if combo is not None else ()

    def options_of(self, category: str) -> tuple[str, ...]:
        """The options of a category, in order; none for one that the snapshot does not hold."""
        found = self.categories.get(category)
        return found.category_options if found is not None else ()

    def category_option_combos_of(self, category_combo: str) -> tuple[str, ...]:
        """The category option combinations of a category combination, in the order of the file."""
        return tuple(self._of_combo.get(category_combo, ()))

    def category_option_combo(self, category_combo: str, options: frozenset[str]) -> str | None:
        """The category option combination with exactly this set of options, None where there is none or several.

        The server too resolves a set; the order in a name means nothing.
        """
        return self._by_options.get((category_combo, options))

    def require(self, data_set: str) -> None:
        """Makes sure that the file holds what every value of a data set needs.

        That is the category combinations of the data set and its data elements, their categories, and the option
        sets. Raises SnapshotError, with all that is missing; KeyError for a data set that is none.
        """
        held = self.data_sets[data_set]
        combos = {held.category_combo, *held.elements.values()}
        needed = {
            *(("data_set", data_set, name) for name in ("categoryCombo", "dataSetElements.categoryCombo")),
            *(
                ("data_element", element, name)
                for element in held.elements
                for name in ("categoryCombo", "optionSet", "commentOptionSet")
            ),
            *(("category_combo", combo, "categories") for combo in combos),
        }
        missing = [
            f"{self.source}: {problem}"
            for problem in self.problems
            if problem.what == "missing" and (problem.kind, problem.uid, problem.property) in needed
        ]
        if missing:
            raise SnapshotError("\n".join(missing))

    def _defaults(self) -> tuple[str | None, str | None]:
        """The default category combination and its one option combination: by name, for UIDs differ by instance."""
        combo = next((one.uid for one in self.category_combos.values() if one.name == DEFAULT_NAME), None)
        if combo is None:
            # A file without category combinations may still hold the default option combination.
            named = (one for one in self.category_option_combos.values() if one.name == DEFAULT_NAME)
            combo = next((one.category_combo for one in named if one.category_combo), None)
        if combo is None:
            return None, None
        members = self.category_option_combos_of(combo)
        named_default = [uid for uid in members if self.category_option_combos[uid].name == DEFAULT_NAME]
        return combo, next(iter(named_default), members[0] if len(members) == 1 else None)


def _grouped(pairs: Iterable[tuple[str | None, str]]) -> Index:
    """The UIDs, each once and in order, by key; pairs without a key count for nothing."""
    found: dict[str, dict[str, None]] = {}
    for key, uid in pairs:
        if key:
            found.setdefault(key, {})[uid] = None
    return {key: tuple(uids) for key, uids in found.items()}


def _by_name(objects: Iterable[Identified], key: Callable[[str], str]) -> Index:
    listed = list(objects)
    named = _grouped((key(name), one.uid) for one in listed for name in one.names)
    labelled = _grouped((key(label), one.uid) for one in listed for label in one.labels)
    alone = {label: uids for label, uids in labelled.items() if label not in named and len(uids) == 1}
    return {**named, **alone}


def _identity(document: Mapping[str, Any], sha256: str) -> Identity:
    """What the blocks `system` (of the server) and `dhis2_bridge` (of our own pull) say of the instance.

    Ours holds `base_url`, `name`, `pulled` (a time) and `user`: a user name, or the answer of /api/me.
    """
    system = _block(document, "system")
    ours = _block(document, "dhis2_bridge")
    version_text = text(system, "version")
    number = re.match(r"(2)\.([0-9]{1,4})(?![0-9])", version_text)
    user: Mapping[str, Any] = {"username": ours.get("user")}
    if isinstance(ours.get("user"), dict):
        user = ours["user"]
    authorities = references(user, "authorities")
    capture = [reference(unit, "id") or "" for unit in items(user, "organisationUnits")]
    return Identity(
        system_id=text(system, "id") or text(system, "systemId") or None,
        version_text=version_text or None,
        version=(int(number[1]), int(number[2])) if number else None,
        base_url=text(ours, "base_url") or text(system, "contextPath") or None,
        name=text(ours, "name") or text(system, "systemName") or None,
        exported=text(ours, "pulled") or text(system, "date") or None,
        sha256=sha256,
        user=text(user, "username") or None,
        authorities=frozenset(authorities) if "authorities" in user else None,
        capture_org_units=frozenset(capture) if "organisationUnits" in user else None,
    )


def _block(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    block = document.get(name)
    if block is not None and not isinstance(block, dict):
        raise Broken(f"{name} is no object")
    return block or {}
