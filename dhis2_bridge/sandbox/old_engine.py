"""The import of DHIS2 2.38 to 2.42: each value is judged alone, what is wrong with it is told, the others are stored.

Approval is not part of the sandbox, so E7642 never comes; neither are lock exceptions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dhis2_bridge.sandbox import verdicts
from dhis2_bridge.sandbox.catalogue import DEFAULT_OPTION_COMBO, DataSet, Object, expires, moment, valid_days
from dhis2_bridge.sandbox.imports import Options, Summary, World, values_of
from dhis2_bridge.sandbox.periods import Period, containing, moved, read
from dhis2_bridge.sandbox.store import Key

_LONGEST_COMMENT = 50_000
_LONGEST_STORED_BY = 255


class _Fault(Exception):
    """One rule that a value, or the header, breaks; `property` is what the server blames."""

    def __init__(self, code: str, blamed: str, message: str) -> None:
        super().__init__(message)
        self.code, self.property, self.message = code, blamed, message


@dataclass(frozen=True, slots=True)
class _Value:
    """One value with everything it names looked up."""

    element: Object
    org_unit: Object
    period: Period
    combo: str
    attribute_combo: str
    value: str | None
    comment: str | None
    follow_up: bool
    deleted: bool

    @property
    def key(self) -> Key:
        return Key(self.element["id"], self.org_unit["id"], self.period.iso, self.combo, self.attribute_combo)


class OldEngine:
    """One import run."""

    def __init__(self, world: World, header: Object, options: Options) -> None:
        self.world = world
        self.options = options
        self.header = header
        self.values = values_of(header)
        self.summary = Summary(total=len(self.values))
        self.data_set: DataSet | None = None

    def run(self) -> Summary:
        """The summary; the values are in the store unless this is a dry run."""
        try:
            self._read_header()
        except _Fault as fault:
            self.summary.status = "ERROR"
            self.summary.description = "Import process was aborted"
            self.summary.conflict(fault.code, fault.message, {"object": self._header_text(fault.property)}, [])
            return self.summary
        with self.world.store.transaction(keep=not self.options.dry_run):
            for index, item in enumerate(self.values):
                try:
                    value = self._read(item)
                    self._check(value, item)
                    self._write(value)
                except _Fault as fault:
                    self.summary.ignored += 1
                    thing = self._named(item, fault.property)
                    objects = {"dataElement": self._named(item, "dataElement"), fault.property: thing}
                    extra = {"object": thing, "objects": objects, "property": fault.property}
                    self.summary.conflict(fault.code, fault.message, extra, [index])
        if self.summary.rejected:
            self.summary.status = "WARNING"
        return self.summary

    # reading

    def _read_header(self) -> None:
        catalogue = self.world.catalogue
        if name := self._header_text("dataSet"):
            item = catalogue.find("dataSets", name, self.options.schemes["dataSets"])
            if item is None:
                raise _Fault("E7600", "dataSet", f"Data set not found or not accessible: `{name}`")
            if not self.world.user.may_write(item):
                raise _Fault("E7601", "dataSet", f"User does not have write access for DataSet: `{name}`")
            self.data_set = catalogue.data_sets[item["id"]]
        unit = self._header_text("orgUnit")
        if unit and catalogue.find("organisationUnits", unit, self.options.schemes["organisationUnits"]) is None:
            raise _Fault("E7603", "orgUnit", f"Org unit not found or not accessible: `{unit}`")
        combo = self._header_text("attributeOptionCombo")
        if combo and self._combo(combo, "attributeOptionCombos") is None:
            raise _Fault("E7604", "attributeOptionCombo", f"Attribute option combo not found: `{combo}`")

    def _header_text(self, name: str) -> str:
        return _text(self.header.get(name)) or ""

    def _named(self, item: Object, name: str) -> str:
        # The header wins over the value here, unlike in the new engine. An unreadable period in it counts as none.
        header = self._header_text(name) if name in ("period", "orgUnit", "attributeOptionCombo") else ""
        if name == "period" and header and read(header, self.world.version) is None:
            header = ""
        return header or _text(item.get(name)) or ""

    def _combo(self, name: str, kind: str) -> Object | None:
        return self.world.catalogue.find("categoryOptionCombos", name, self.options.schemes[kind])

    def _read(self, item: Object) -> _Value:
        world, schemes, user = self.world, self.options.schemes, self.world.user
        names = {
            name: self._named(item, name)
            for name in ("dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo")
        }
        element = world.catalogue.find("dataElements", names["dataElement"], schemes["dataElements"])
        if element is None:
            raise _Fault("E7610", "dataElement", f"Data element not found or not accessible: `{names['dataElement']}`")
        period = read(names["period"], world.version)
        if period is None:
            raise _Fault("E7611", "period", f"Period not valid: `{names['period']}`")
        unit = world.catalogue.find("organisationUnits", names["orgUnit"], schemes["organisationUnits"])
        if unit is None:
            raise _Fault("E7612", "orgUnit", f"Organisation unit not found or not accessible: `{names['orgUnit']}`")
        combos = {}
        for name, kind, unknown, closed in (
            ("categoryOptionCombo", "categoryOptionCombos", "E7613", "E7614"),
            ("attributeOptionCombo", "attributeOptionCombos", "E7615", "E7616"),
        ):
            text = names[name]
            combo = self._combo(text, kind) if text else {"id": DEFAULT_OPTION_COMBO}
            if combo is None:
                raise _Fault(unknown, name, f"Combo not found or not accessible for writing data: `{text}`")
            if not all(user.may_write(option) for option in world.catalogue.options_of(combo["id"])):
                raise _Fault(closed, name, f"User does not have write access for a category option of `{combo['id']}`")
            combos[name] = combo["id"]
        if not world.in_hierarchy(unit["id"]):
            raise _Fault("E7617", "orgUnit", f"Organisation unit: `{unit['id']}` not in hierarchy of current user")
        value = _text(item.get("value"))
        return _Value(
            element,
            unit,
            period,
            combos["categoryOptionCombo"],
            combos["attributeOptionCombo"],
            None if value is None else verdicts.normalised(value, element.get("valueType", "TEXT"), new_engine=False),
            _text(item.get("comment")),
            item.get("followup") in (True, "true"),
            item.get("deleted") in (True, "true") or self.options.strategy in ("DELETE", "DELETES"),
        )

    # judging

    def _check(self, value: _Value, item: Object) -> None:
        for fault in self._faults(value, item):
            raise fault

    def _faults(self, value: _Value, item: Object) -> Iterator[_Fault]:
        catalogue, text = self.world.catalogue, value.value
        if text is None and value.comment is None and not value.deleted:
            yield _Fault("E7618", "value", "Data value and comment are not specified")
        kind = value.element.get("valueType", "TEXT")
        if text is not None and (reason := verdicts.reason(text, kind)):
            yield _Fault("E7619", "value", f"Value must match data element type: `{value.element['id']}`: {reason}")
        if value.comment is not None and len(value.comment) > _LONGEST_COMMENT:
            yield _Fault("E7620", "comment", "Invalid comment: too long")
        option_set = (value.element.get("optionSet") or {}).get("id")
        if option_set and text:
            parts = text.split(",") if kind == "MULTI_TEXT" else [text]
            if not set(parts) <= catalogue.option_codes(option_set):
                yield _Fault(
                    "E7621",
                    "value",
                    f"Data value is not a valid option code of the data element option set: `{option_set}`",
                )
        yield from self._strict_faults(value, item)
        stored_by = _text(item.get("storedBy"))
        if stored_by and len(stored_by) > _LONGEST_STORED_BY:
            yield _Fault("E7637", "storedBy", "storedBy is too long")
        yield from self._faults_of_attributes(value)
        if not (self.options.force and "ALL" in self.world.user.authorities):
            yield from self._faults_of_time(value)
        if value.deleted and kind in ("FILE_RESOURCE", "IMAGE"):
            row = self.world.store.get(value.key)
            if row is None or row.deleted:
                yield _Fault("E7645", "value", "No data value for file resource exists for the given combination")

    def _strict_faults(self, value: _Value, item: Object) -> Iterator[_Fault]:
        catalogue, strict, element = self.world.catalogue, self.options.strict, value.element["id"]
        sets = catalogue.sets_of_element.get(element, [])
        if "requireCategoryOptionCombo" in strict and not self._named(item, "categoryOptionCombo"):
            yield _Fault("E7630", "categoryOptionCombo", "Category option combo is required but is not specified")
        if "requireAttributeOptionCombo" in strict and not self._named(item, "attributeOptionCombo"):
            yield _Fault("E7631", "attributeOptionCombo", "Attribute option combo is required but is not specified")
        if "strictPeriods" in strict and value.period.type not in {found.period_type for found in sets}:
            yield _Fault(
                "E7632",
                "period",
                f"Period type of period: `{value.period.iso}` not valid for data element: `{element}`",
            )
        if "strictDataElements" in strict and self.data_set and element not in self.data_set.elements:
            yield _Fault(
                "E7633", "dataElement", f"Data element: `{element}` is not part of dataset: `{self.data_set.id}`"
            )
        combos = {found.elements[element] for found in sets} | {catalogue.combo_of_element(value.element)}
        if "strictCategoryOptionCombos" in strict and catalogue.combo_of(value.combo) not in combos:
            yield _Fault(
                "E7634",
                "categoryOptionCombo",
                f"Category option combo: `{value.combo}` not of data element: `{element}`",
            )
        own = {found.category_combo for found in sets}
        if "strictAttributeOptionCombos" in strict and catalogue.combo_of(value.attribute_combo) not in own:
            yield _Fault(
                "E7635",
                "attributeOptionCombo",
                f"Attribute option combo: `{value.attribute_combo}` not of a data set of: `{element}`",
            )
        unit = value.org_unit["id"]
        if "strictOrganisationUnits" in strict and not any(unit in found.org_units for found in sets):
            yield _Fault(
                "E7636",
                "orgUnit",
                f"Data element: `{element}` must be assigned through data sets to organisation unit: `{unit}`",
            )

    def _faults_of_attributes(self, value: _Value) -> Iterator[_Fault]:
        options = self.world.catalogue.options_of(value.attribute_combo)
        first, last = valid_days(options)
        if value.period.end < first or value.period.start > last:
            yield _Fault(
                "E7638", "period", f"Period: `{value.period.iso}` is not within date range of attribute option combo"
            )
        above = set(self.world.catalogue.ancestors(value.org_unit["id"]))
        for option in options:
            units = {unit["id"] for unit in option.get("organisationUnits", ())}
            if units and not units & above:
                yield _Fault(
                    "E7639",
                    "orgUnit",
                    f"Organisation unit: `{value.org_unit['id']}` is not valid for attribute option combo",
                )

    def _faults_of_time(self, value: _Value) -> Iterator[_Fault]:
        now, strict, period = self.world.clock(), self.options.strict, value.period
        targets = self._targets(value)
        locked = {found.id for found in targets if self._expired(found, period)}
        if locked and "strictDataSetLocking" in strict:
            yield _Fault("E7640", "period", f"Current date is past expiry days for period: `{period.iso}`")
        for found in targets:
            latest = moved(containing(period.type, now.date()), found.open_future_periods - 1)
            if period.start > latest.start:
                yield _Fault(
                    "E7641", "period", f"Period: `{period.iso}` is after latest open future period: `{latest.iso}`"
                )
        closed = {found.id for found in targets if not _input_open(found, period, now)}
        if closed and "strictDataSetInputPeriods" in strict:
            yield _Fault("E7643", "period", f"Period: `{period.iso}` is not open for data entry now")
        if targets and all(found.id in locked | closed for found in targets):
            yield _Fault(
                "E7644",
                "period",
                f"Period: `{period.iso}` does not conform to the open periods of associated data sets",
            )

    def _targets(self, value: _Value) -> list[DataSet]:
        if self.data_set:
            return [self.data_set]
        combo = self.world.catalogue.combo_of(value.attribute_combo)
        return [
            found
            for found in self.world.catalogue.sets_of_element.get(value.element["id"], [])
            if value.org_unit["id"] in found.org_units and found.category_combo == combo
        ]

    def _expired(self, data_set: DataSet, period: Period) -> bool:
        if data_set.expiry_days <= 0 or self.world.user.has("F_EDIT_EXPIRED"):
            return False
        return self.world.clock() > expires(period.end, data_set.expiry_days)

    # storing

    def _write(self, value: _Value) -> None:
        store, summary, strategy = self.world.store, self.summary, self.options.strategy
        row = store.get(value.key)
        live = row is not None and not row.deleted
        marks: dict[str, Any] = {"user": self.world.user.username, "now": self.world.clock().isoformat()}
        if value.deleted:
            if live or strategy not in ("DELETE", "DELETES"):
                store.delete(value.key, **marks)
            if live:
                summary.deleted += 1
                summary.really["deleted"] += 1
            elif strategy in ("DELETE", "DELETES"):
                summary.ignored += 1
            else:
                summary.imported += 1
        elif (value.value == "" and value.comment is None) or self._insignificant(value):
            if live:
                store.delete(value.key, **marks)
                summary.deleted += 1
                summary.really["deleted"] += 1
            else:
                summary.ignored += 1
        elif (strategy in ("CREATE", "NEW", "NEWS") and live) or (strategy in ("UPDATE", "UPDATES") and not live):
            summary.ignored += 1
        else:
            change = store.put(value.key, value.value, value.comment, value.follow_up, **marks)
            summary.really[change] += 1
            summary.imported += change == "imported"
            summary.updated += change == "updated"
            summary.ignored += change == "unchanged"

    def _insignificant(self, value: _Value) -> bool:
        element = value.element
        if element.get("zeroIsSignificant") or element.get("aggregationType") in ("AVERAGE", "AVERAGE_SUM_ORG_UNIT"):
            return False
        return verdicts.insignificant_zero(value.value or "", element.get("valueType", "TEXT"))


def _input_open(data_set: DataSet, period: Period, now: Any) -> bool:
    if not data_set.input_periods:
        return True
    for entry in data_set.input_periods:
        if (entry.get("period") or {}).get("id") == period.iso:
            opens, closes = moment(entry.get("openingDate")), moment(entry.get("closingDate"))
            return (opens is None or opens <= now) and (closes is None or now <= closes)
    return False


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return "true" if value is True else "false" if value is False else str(value)
