"""The import of DHIS2 2.43 and later: a group of values stands or falls by its group rules, then each value alone.

Approval is not part of the sandbox, so E8033 never comes; neither are lock exceptions. A payload is one group.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from dhis2_bridge.sandbox import verdicts
from dhis2_bridge.sandbox.catalogue import DEFAULT_OPTION_COMBO, DataSet, Object, day, expires, moment, valid_days
from dhis2_bridge.sandbox.imports import BadRequest, Number, Options, Summary, World, values_of
from dhis2_bridge.sandbox.periods import Period, containing, moved, read
from dhis2_bridge.sandbox.store import Key

_LONGEST_COMMENT = 5_000


class _Refusal(Exception):
    """One rule that refuses the whole group; no positions when it refused before the group was read."""

    def __init__(self, code: str, message: str, *arguments: str, decoding: bool = False) -> None:
        super().__init__(message)
        self.code, self.message, self.arguments, self.decoding = code, message, arguments, decoding


@dataclass(frozen=True, slots=True)
class _Value:
    """One value by UIDs. `combo` and `attribute_combo` are None where the payload names none."""

    element: str
    org_unit: str
    period: Period
    combo: str | None
    attribute_combo: str | None
    value: str | None = None
    comment: str | None = None
    follow_up: bool = False
    deleted: bool = False

    @property
    def named(self) -> tuple[str, ...]:
        """The key as it was written: no combo and the default combo are two things."""
        return (self.element, self.org_unit, self.period.iso, self.combo or "", self.attribute_combo or "")

    @property
    def key(self) -> Key:
        return Key(
            self.element,
            self.org_unit,
            self.period.iso,
            self.combo or DEFAULT_OPTION_COMBO,
            self.attribute_combo or DEFAULT_OPTION_COMBO,
        )


class NewEngine:
    """One import run."""

    def __init__(self, world: World, header: Object, options: Options) -> None:
        self.world = world
        self.header = header
        self.options = options
        self.items = values_of(header)
        self.summary = Summary(total=len(self.items))
        self.delete_all = options.strategy in ("DELETE", "DELETES")

    def run(self) -> Summary:
        """The summary; the values are in the store unless this is a dry run."""
        everything = list(range(len(self.items)))
        try:
            data_set = self._data_set()
            values = [self._value(item, data_set) for item in self.items]
            scope = self._scope()
            if values or scope:
                chosen = data_set or self._only_data_set(values or scope)
                for rule in (self._rights, self._consistency, self._timeliness):
                    rule(chosen, values + scope)
            faults = self._value_faults(values)
        except _Refusal as refusal:
            self.summary.status = "ERROR"
            extra = {"objects": {"args": "-".join(refusal.arguments)}}
            self.summary.conflict(refusal.code, refusal.message, extra, [] if refusal.decoding else everything)
            return self.summary
        with self.world.store.transaction(keep=not self.options.dry_run):
            self._write(scope, values, faults)
        if faults:
            self.summary.status = "ERROR" if len(faults) == len(values) else "WARNING"
        return self.summary

    # decoding

    def _text(self, item: Object, name: str) -> str | None:
        value = item.get(name)
        if value is None or type(value) is str:
            return value
        # 2.43 cannot read a number or a boolean as text and gives up; later servers take its literal.
        if self.world.version < (2, 44, 0) or not isinstance(value, (Number, bool)):
            raise BadRequest(409, f"Unexpected JSON for {name}")
        return str(value) if isinstance(value, Number) else str(value).lower()

    def _data_set(self) -> DataSet | None:
        found = None
        name = self._text(self.header, "dataSet")
        if name:
            scheme = self.options.schemes["dataSets"]
            item = self.world.catalogue.find("dataSets", name, scheme)
            if scheme == "UID" and not verdicts.is_uid(name):
                raise _Refusal("E8004", f"Data set ID `{name}` is not a valid UID", name, decoding=True)
            if item is None:
                raise _Refusal("E8005", f"Data set `{name}` does not exist", name, decoding=True)
            found = self.world.catalogue.data_sets[item["id"]]
        complete = self._text(self.header, "completeDate")
        if complete is not None:
            if not re.fullmatch(r"\d{4}-\d{2}-\d{2}([T ].*)?", complete):
                raise _Refusal("E8008", f"Complete date `{complete}` is not a date", complete, decoding=True)
            if not (name and self.header.get("orgUnit") and self.header.get("period")):
                raise _Refusal("E8009", "A complete date needs data set, period and org unit", decoding=True)
        if isinstance(self.header.get("attributeOptionCombo"), dict) and found is None:
            raise _Refusal("E8101", "Category options need a data set", decoding=True)
        return found

    def _value(self, item: Object, data_set: DataSet | None) -> _Value:
        # The value comes first and the header fills its gaps, unlike in the old engine.
        filled = {**{name: self.header.get(name) for name in ("period", "orgUnit", "attributeOptionCombo")}}
        filled |= {name: value for name, value in item.items() if value is not None}
        text = self._text(filled, "period")
        if not text:
            raise _Refusal("E8100", "A data value has no period", decoding=True)
        period = read(text, self.world.version)
        if period is None:
            # The server has no code for it: the request dies while it is read.
            raise BadRequest(500, f"Invalid period: {text}")
        element = self._found(self._text(filled, "dataElement"), "dataElements", "E8102", "E8103", "E8104")
        unit = self._found(self._text(filled, "orgUnit"), "organisationUnits", "E8105", "E8107", "E8106")
        return _Value(
            element,
            unit,
            period,
            self._combo(filled, "categoryOptionCombo", ("E8108", "E8109"), data_set, element),
            self._combo(filled, "attributeOptionCombo", ("E8110", "E8111"), data_set, None),
            self._text(item, "value"),
            self._text(item, "comment"),
            item.get("followUp") is True,
            item.get("deleted") is True or self.delete_all,
        )

    def _found(self, name: str | None, kind: str, missing: str, unknown: str, malformed: str) -> str:
        if not name:
            raise _Refusal(missing, f"A data value has no {kind}", decoding=True)
        scheme = self.options.schemes[kind]
        if scheme == "UID":
            # A well-formed UID is not looked up here: the group rules refuse one that does not exist.
            if not verdicts.is_uid(name):
                raise _Refusal(malformed, f"`{name}` is not a valid UID", name, decoding=True)
            return name
        item = self.world.catalogue.find(
            "categoryOptionCombos" if kind == "attributeOptionCombos" else kind, name, scheme
        )
        if item is None:
            raise _Refusal(unknown, f"`{name}` does not exist in {kind}", name, decoding=True)
        return str(item["id"])

    def _combo(
        self, item: Object, name: str, codes: tuple[str, str], data_set: DataSet | None, element: str | None
    ) -> str | None:
        given = item.get(name)
        if not isinstance(given, dict):
            text = self._text(item, name)
            return self._found(text, f"{name}s", "", *codes) if text else None
        if data_set is None:
            raise _Refusal("E8101", "Category options need a data set", decoding=True)
        combo = data_set.category_combo if element is None else data_set.elements.get(element, "")
        options = (self._by_scheme("categoryOptions", str(option)) for option in given.values())
        found = self.world.catalogue.with_options(combo, [option for option in options if option])
        if found is None:
            raise _Refusal(codes[0], f"No combo of {given}", str(given), decoding=True)
        return found

    def _by_scheme(self, kind: str, name: str) -> str | None:
        item = self.world.catalogue.find(kind, name, self.options.schemes[kind])
        return str(item["id"]) if item else None

    def _scope(self) -> list[_Value]:
        """The values that the `deletion` part of the payload removes before anything is stored."""
        deletion = self.header.get("deletion")
        if not isinstance(deletion, dict):
            return []
        units = [
            self._found(unit, "organisationUnits", "E8034", "E8034", "E8035") for unit in deletion.get("orgUnits", ())
        ]
        periods = [read(str(text), self.world.version) for text in deletion.get("periods", ())]
        if None in periods:
            raise BadRequest(500, "Invalid period in the deletion scope")
        found = []
        for entry in deletion.get("elements", ()):
            element = self._found(entry.get("dataElement"), "dataElements", "E8034", "E8034", "E8035")
            combo = self._combo(entry, "categoryOptionCombo", ("E8034", "E8035"), None, element)
            attribute = self._combo(entry, "attributeOptionCombo", ("E8034", "E8035"), None, None)
            found += [_Value(element, u, p, combo, attribute, deleted=True) for u in units for p in periods if p]
        return found

    def _only_data_set(self, values: list[_Value]) -> DataSet:
        sets = {found.id: found for v in values for found in self.world.catalogue.sets_of_element.get(v.element, [])}
        if not sets:
            raise _Refusal("E8003", "No data set holds the data elements")
        if len(sets) > 1:
            raise _Refusal("E8002", f"The data elements are in several data sets: {sorted(sets)}", *sorted(sets))
        return next(iter(sets.values()))

    # group rules

    def _rights(self, data_set: DataSet, values: list[_Value]) -> None:
        user = self.world.user
        if "ALL" in user.authorities:
            return
        if not user.may_write(data_set.whole):
            raise _Refusal("E8010", f"User is not allowed to write data for data set `{data_set.id}`", data_set.id)
        _refuse(
            "E8011",
            "User is not allowed to write data for org units",
            {v.org_unit for v in values if not self.world.in_hierarchy(v.org_unit)},
        )
        combos = {combo for v in values for combo in (v.combo, v.attribute_combo) if combo}
        options = self.world.catalogue.options_of
        closed = {combo for combo in combos if not all(user.may_write(option) for option in options(combo))}
        _refuse("E8012", "User is not allowed to write data for category option combos", closed)

    def _consistency(self, data_set: DataSet, values: list[_Value]) -> None:
        catalogue, name = self.world.catalogue, f"data set `{data_set.id}`"
        _refuse("E8020", f"Data elements not in {name}", {v.element for v in values} - set(data_set.elements))
        _refuse("E8022", f"Org units not assigned to {name}", {v.org_unit for v in values} - data_set.org_units)
        _refuse(
            "E8021",
            f"Periods not of type {data_set.period_type} of {name}",
            {v.period.iso for v in values if v.period.type != data_set.period_type},
        )
        attributes = {v.attribute_combo or DEFAULT_OPTION_COMBO for v in values}
        wrong = {combo for combo in attributes if catalogue.combo_of(combo) != data_set.category_combo}
        _refuse("E8023", f"Attribute option combos not of the category combo of {name}", wrong)
        _refuse(
            "E8024",
            f"Category option combos not of their data elements in {name}",
            {v.combo for v in values if v.combo and catalogue.combo_of(v.combo) != data_set.elements[v.element]},
        )
        for v in values:
            above = set(catalogue.ancestors(v.org_unit))
            for option in catalogue.options_of(v.attribute_combo) if v.attribute_combo else ():
                units = {unit["id"] for unit in option.get("organisationUnits", ())}
                if units and not units & above:
                    _refuse("E8025", f"Org unit not allowed for option `{option['id']}`", {v.org_unit})
            unit = catalogue.find("organisationUnits", v.org_unit) or {}
            opened, closed = day(unit.get("openingDate")) or date.min, day(unit.get("closedDate")) or date.max
            if not opened <= v.period.start <= closed:
                _refuse("E8031", f"Org unit `{v.org_unit}` is not open in periods", {v.period.iso})

    def _timeliness(self, data_set: DataSet, values: list[_Value]) -> None:
        if self.options.force and "ALL" in self.world.user.authorities:
            return
        now = self.world.clock()
        free = self.world.user.has("F_EDIT_EXPIRED")
        closed = set()
        for period in {v.period for v in values}:
            if data_set.input_periods:
                is_open = self._input_open(data_set, period, now)
            elif free or int(data_set.expiry_days) < 0:
                is_open = True
            else:
                days = int(data_set.expiry_days)
                latest = moved(containing(data_set.period_type, now.date()), data_set.open_future_periods - 1)
                is_open = (days == 0 or now <= expires(period.end, days)) and period.end <= latest.end
            if not is_open:
                closed.add(period.iso)
        _refuse("E8030", f"Data set `{data_set.id}` is not open for periods", closed)
        for v in values:
            if v.attribute_combo is None:
                continue
            first, last = valid_days(self.world.catalogue.options_of(v.attribute_combo))
            back = moved(v.period, -data_set.open_periods_after_end)
            if not (first <= back.start and back.end <= last):
                _refuse("E8032", f"Period outside the dates of `{v.attribute_combo}`", {v.period.iso})

    def _input_open(self, data_set: DataSet, period: Period, now: datetime) -> bool:
        for entry in data_set.input_periods:
            if (entry.get("period") or {}).get("id") == period.iso:
                opens, closes = moment(entry.get("openingDate")), moment(entry.get("closingDate"))
                inside = (opens is None or opens <= now) and (closes is None or now <= closes)
                # 2.43.0 and 2.43.1 have this check the wrong way round (DHIS2-21981).
                return not inside if (2, 43, 0) <= self.world.version < (2, 43, 2) else inside
        return False

    # value rules

    def _value_faults(self, values: list[_Value]) -> set[int]:
        seen: dict[tuple[str, ...], int] = {}
        for index, value in enumerate(values):
            if (first := seen.setdefault(value.named, index)) != index:
                raise _Refusal("E8128", f"Values {first} and {index} are for the same cell", *value.named)
        if len({value.key for value in values}) != len(values):
            # No combo beside the default combo for one cell: two rows for one key in one statement.
            raise BadRequest(500, "could not execute statement")
        if all(value.deleted for value in values):
            return set()
        faults = set()
        for index, value in enumerate(values):
            fault = self._fault(value)
            if fault is None:
                continue
            code, message = fault
            if self.options.atomic:
                alone = len(values) == 1
                raise _Refusal(code if alone else "E8000", message if alone else "A value of the group is not valid")
            faults.add(index)
            self.summary.conflict(code, message, {"objects": {"args": f"{index}-{value.element}"}}, [index])
        return faults

    def _fault(self, value: _Value) -> tuple[str, str] | None:
        element = self.world.catalogue.find("dataElements", value.element) or {}
        kind = element.get("valueType", "TEXT")
        if not value.value:
            if not value.deleted:
                return "E8120", "A data value has no value"
        else:
            text = verdicts.normalised(value.value, kind, new_engine=True)
            if reason := verdicts.reason(text, kind):
                return "E8122", f"Value `{value.value[:50]}` is not a valid {kind}: {reason}"
            if option_set := (element.get("optionSet") or {}).get("id"):
                parts = text.split(",") if kind == "MULTI_TEXT" else [text]
                wrong = [part for part in parts if part not in self.world.catalogue.option_codes(option_set)]
                if wrong:
                    return "E8123", f"Value `{wrong[0]}` is not a valid option of option set `{option_set}`"
        comment_set = (element.get("commentOptionSet") or {}).get("id")
        if comment_set and value.comment not in self.world.catalogue.option_codes(comment_set):
            return "E8124", f"Comment `{value.comment}` is not a valid option of option set `{comment_set}`"
        if value.comment is not None and len(value.comment) > _LONGEST_COMMENT:
            return "E8125", f"A comment holds at most {_LONGEST_COMMENT} characters"
        return None

    # storing

    def _write(self, scope: list[_Value], values: list[_Value], faults: set[int]) -> None:
        store, summary = self.world.store, self.summary
        marks: dict[str, Any] = {"user": self.world.user.username, "now": self.world.clock().isoformat()}
        for value in scope:
            row = store.get(value.key)
            if row is not None and not row.deleted:
                store.delete(value.key, **marks)
                summary.deleted += 1
                summary.really["deleted"] += 1
        for index, value in enumerate(values):
            if index in faults:
                summary.ignored += 1
            elif value.deleted:
                summary.really["deleted"] += store.delete(value.key, **marks)
                summary.deleted += self.delete_all
                summary.updated += not self.delete_all
            else:
                kind = (self.world.catalogue.find("dataElements", value.element) or {}).get("valueType", "TEXT")
                text = verdicts.normalised(value.value or "", kind, new_engine=True)
                change = store.put(value.key, text, value.comment, value.follow_up, **marks)
                summary.really[change] += 1
                summary.updated += 1


def _refuse(code: str, message: str, offenders: set[str]) -> None:
    if offenders:
        names = sorted(offenders)
        raise _Refusal(code, f"{message}: {', '.join(names)}", *names)
