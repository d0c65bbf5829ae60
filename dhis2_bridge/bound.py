"""A table of a mapping bound to a snapshot: its data set, and what reads the labels of each dimension."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from dhis2_bridge import dates, faults, names, periods
from dhis2_bridge.crosswalks import BoundCrosswalk
from dhis2_bridge.findings import MappingError, UsageError
from dhis2_bridge.lookups import Answer, Distinct, Hit, Lookup, Miss, Words, nearest
from dhis2_bridge.mapping import Dimension, MappingTable, Period
from dhis2_bridge.snapshot import DataElement, Snapshot

ReadDate = Callable[[str], date | Miss]


class Bound:
    """One table of a mapping with everything that it names found in a snapshot.

    `dimensions` gives, by key, each dimension and its answers; `options` and `attributes` the categories (UIDs) of
    category and attribute options by the key of their dimension; `spoken` the categories that headers state.
    Raises MappingError for a data set or category that the snapshot does not have, SnapshotError for a snapshot that
    lacks what the data set's values need.
    """

    def __init__(
        self,
        path: str,
        table: MappingTable,
        snapshot: Snapshot,
        given: Mapping[str, str],
        read_date: ReadDate | None = None,
    ) -> None:
        self.path = path
        self.table = table
        self.snapshot = snapshot
        self.data_set = snapshot.data_sets[self._find("data_set", table.data_set, ("data_set",))]
        snapshot.require(self.data_set.uid)
        self.dimensions: dict[str, tuple[Dimension, Distinct[Any]]] = {}
        self.options: dict[str, str] = {}
        self.attributes: dict[str, str] = {}
        self.spoken: set[str] = set()
        org_unit, period, data_element = (self._required(key) for key in ("org_unit", "period", "data_element"))
        self._add("org_unit", org_unit, Lookup(org_unit, "org_unit", table, snapshot).read)
        self._add("period", period, self._period_reader(given, read_date))
        self._add("data_element", data_element, Lookup(data_element, "data_element", table, snapshot).read)
        for block, chosen, found in (
            ("category_options", table.category_options, self.options),
            ("attribute_options", table.attribute_options, self.attributes),
        ):
            for category, dimension in chosen.items():
                uid = self._find("category", category, (block, category))
                within = frozenset(snapshot.options_of(uid))
                lookup = Lookup(dimension, "category_option", table, snapshot, within=within, category=category)
                self._add(f"{block}.{category}", dimension, lookup.read)
                found[f"{block}.{category}"] = uid
                if any(one.header is not None for one in (dimension, *dimension.parts)):
                    self.spoken.add(uid)
        for key in ("category_option_combo", "attribute_option_combo"):
            if (dimension := getattr(table, key)) is not None:
                # What the label means depends on the data element; the distinct text is all that can be kept here.
                self._add(key, dimension, self._worded(dimension))

    def answers(self, key: str) -> Distinct[Any]:
        """What the labels of a dimension were found to be."""
        return self.dimensions[key][1]

    def element(self, uid: str) -> DataElement:
        """A data element by its UID."""
        return self.snapshot.data_elements[uid]

    def crosswalk(self, key: str) -> BoundCrosswalk | None:
        """The crosswalk of a dimension."""
        return self.table.crosswalk(self.dimensions[key][0])

    def _required(self, key: str) -> Any:
        dimension = getattr(self.table, key)
        if dimension is None:
            raise MappingError(self.path, [(self.table.line(()), 1, f"{key} is missing")])
        return dimension

    def _add(self, key: str, dimension: Dimension, read: Callable[[str], Any]) -> None:
        def known(label: str) -> Any:
            fault = faults.fault_of(label)
            return Miss(*fault) if fault is not None else read(label)

        self.dimensions[key] = (dimension, Distinct(known))

    def _worded(self, dimension: Dimension) -> Callable[[str], str | Miss]:
        """Reads a label as the text that the mapping says it stands for."""
        words = Words(dimension, self.table)

        def read(label: str) -> str | Miss:
            if not label.strip():
                return ""
            target = words.target(label)
            if target is None and (missing := words.missing(label)) is not None:
                return missing
            return dimension.prefix + (label if target is None else target.text)

        return read

    def _find(self, kind: str, text: str, path: tuple[str, ...]) -> str:
        """The one object that the mapping names, by the first of code, UID and name that finds any."""
        for scheme, key in (("code", text), ("uid", text), ("name", names.fold(text))):
            found = self.snapshot.index(kind, scheme).get(key, ())
            if len(found) == 1:
                return found[0]
            if found:
                raise self._fail(path, f"several in the snapshot are called {text}: {', '.join(found)}")
        near = nearest(text, self.snapshot.index(kind, "code"))
        hint = f" (nearest: {', '.join(near)})" if near else ""
        raise self._fail(path, f"the snapshot {self.snapshot.source} has no {kind.replace('_', ' ')} {text}{hint}")

    def _fail(self, path: tuple[str, ...], message: str) -> MappingError:
        return MappingError(self.path, [(self.table.line(path), 1, message)])

    def _period_reader(self, given: Mapping[str, str], read_date: ReadDate | None) -> Callable[[str], Answer]:
        declared: Period = self._required("period")
        read_day = read_date or declared_date(declared.date or "iso")
        expected = given.get("period")
        wanted = periods.read(expected, declared.type) if expected else None
        if isinstance(wanted, periods.Problem):
            raise UsageError(f"the given period {expected} is no period of type {declared.type}, as the mapping wants")
        worded = self._worded(declared)

        def read(label: str) -> Answer:
            found: periods.Period | periods.Problem
            said = worded(label)
            if isinstance(said, Miss):
                return said
            label = said
            if declared.date and label.strip():
                day = read_day(label)
                if isinstance(day, Miss):
                    return day
                found = _around(declared.type, day)
            else:
                found = periods.read(label, declared.type, cumulative=declared.cumulative)
            if isinstance(found, periods.Problem):
                return Miss(found.code, dict(found.arguments))
            if isinstance(wanted, periods.Period) and found.iso != wanted.iso:
                return Miss("period.disagrees", {"expected": wanted.iso})
            return Hit(found.iso)

        return read


def _around(period_type: str, day: date) -> periods.Period | periods.Problem:
    """The period of a type that holds a day; a sentinel such as 31.12.9999 may lie in none."""
    try:
        return periods.containing(period_type, day)
    except ValueError:
        arguments = {"period_type": period_type, "reason": "impossible_date", "hint": day.isoformat()}
        return periods.Problem("period.unreadable", arguments)


def declared_date(pattern: str) -> ReadDate:
    """Reads dates by the pattern that the mapping declares; the ISO text of a cell typed as a date always counts."""
    declared, iso = dates.pattern(pattern), dates.pattern("iso")

    def read(text: str) -> date | Miss:
        day = declared.read(text) or iso.read(text)
        return day if day is not None else Miss("date.unreadable", {"format": pattern})

    return read


def evident_date(texts: Iterable[str]) -> ReadDate:
    """Reads the dates of a column by the one order that all of its texts prove; without one, none is read."""
    evidence = dates.OrderEvidence()
    for text in texts:
        evidence.add(text)
    verdict = evidence.verdict()

    def read(text: str) -> date | Miss:
        if verdict.code == "date.ambiguous":
            return Miss(verdict.code, {"readings": [day.isoformat() for day in verdict.readings]})
        if verdict.code is not None:
            other = next((one for one in verdict.texts if one != text), "")
            return Miss(verdict.code, {"other": other})
        day = verdict.order.pattern.read(text) if verdict.order else None
        return day if day is not None else Miss("date.unreadable", {"format": verdict.order or ""})

    return read
