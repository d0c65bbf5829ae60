"""The objects of a DHIS2 metadata export: their shapes, as the program needs them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from dhis2_bridge.value_types import Options

KINDS: Final[Mapping[str, str]] = {
    "attribute": "attributes",
    "category": "categories",
    "category_combo": "categoryCombos",
    "category_option": "categoryOptions",
    "category_option_combo": "categoryOptionCombos",
    "data_element": "dataElements",
    "data_set": "dataSets",
    "option_set": "optionSets",
    "org_unit": "organisationUnits",
    "org_unit_group": "organisationUnitGroups",
}
"""The kinds of object that a snapshot holds, and the property of an export that lists each."""


@dataclass(frozen=True, slots=True)
class Identified:
    """What every object is known by.

    `names` are the name and its translations, `labels` the short and form names and theirs; `attribute_values` the
    values of metadata attributes by the attribute's UID.
    """

    uid: str
    code: str | None
    name: str
    names: tuple[str, ...]
    labels: tuple[str, ...]
    attribute_values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OrgUnit(Identified):
    """An organisation unit. `path` is /uid/uid/... from the root to itself; `groups` are UIDs of its groups."""

    level: int
    parent: str | None
    path: str
    opening_date: date | None
    closed_date: date | None
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class OrgUnitGroup(Identified):
    """A group of organisation units."""

    org_units: frozenset[str]


@dataclass(frozen=True, slots=True)
class Category(Identified):
    """A category with its options, in order."""

    category_options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CategoryOption(Identified):
    """A category option.

    `org_units` are those to which it is restricted, empty for all. `data_write` says whether the user who made the
    export may write data with it, None where the export does not say.
    """

    start_date: date | None
    end_date: date | None
    org_units: frozenset[str]
    data_write: bool | None


@dataclass(frozen=True, slots=True)
class CategoryCombo(Identified):
    """A category combination with its categories, in order."""

    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CategoryOptionCombo(Identified):
    """A category option combination: one option of each category of its combination."""

    category_combo: str
    category_options: frozenset[str]


@dataclass(frozen=True, slots=True)
class OptionSet(Identified):
    """An option set; `options` holds its codes in order, with their names."""

    value_type: str
    options: Options


@dataclass(frozen=True, slots=True)
class DataElement(Identified):
    """A data element. `category_combo` is its own; a data set may override it."""

    value_type: str
    domain_type: str
    aggregation_type: str
    zero_is_significant: bool
    category_combo: str
    option_set: str | None
    comment_option_set: str | None


@dataclass(frozen=True, slots=True)
class DataInputPeriod:
    """A period for which a data set takes data, and the days between which it does."""

    period: str
    opening_date: date | None
    closing_date: date | None


@dataclass(frozen=True, slots=True)
class DataSet(Identified):
    """A data set.

    `category_combo` is that of its attribute options; `elements` gives each data element the category combination that
    counts here. Days are after the end of the period; `expiry_days` may be a fraction and 0 or less means never.
    `data_write` is as in `CategoryOption`.
    """

    period_type: str
    category_combo: str
    elements: Mapping[str, str]
    org_units: frozenset[str]
    open_future_periods: int
    open_periods_after_co_end_date: int
    expiry_days: float
    timely_days: float
    data_input_periods: tuple[DataInputPeriod, ...]
    no_value_requires_comment: bool
    data_write: bool | None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the file that is tolerated until it is needed.

    `what` is `missing`: `property` of the object `uid` names `uids` that the file does not hold; or `repeated`: these
    category option combinations of the category combination `uid` have the same options.
    """

    kind: str
    uid: str
    what: str
    property: str
    uids: tuple[str, ...]

    def __str__(self) -> str:
        shown = ", ".join(self.uids[:3]) + (f" and {len(self.uids) - 3} more" if len(self.uids) > 3 else "")
        if self.what == "repeated":
            return f"{KINDS[self.kind]} {self.uid}: several categoryOptionCombos have the same options: {shown}"
        return f"{KINDS[self.kind]} {self.uid}: {self.property} names what the file does not hold: {shown}"


@dataclass(slots=True)
class Objects:
    """All objects of one export, by UID, in the order of the file, and what is tolerated about them."""

    org_units: dict[str, OrgUnit] = field(default_factory=dict)
    org_unit_groups: dict[str, OrgUnitGroup] = field(default_factory=dict)
    categories: dict[str, Category] = field(default_factory=dict)
    category_options: dict[str, CategoryOption] = field(default_factory=dict)
    category_combos: dict[str, CategoryCombo] = field(default_factory=dict)
    category_option_combos: dict[str, CategoryOptionCombo] = field(default_factory=dict)
    option_sets: dict[str, OptionSet] = field(default_factory=dict)
    data_elements: dict[str, DataElement] = field(default_factory=dict)
    data_sets: dict[str, DataSet] = field(default_factory=dict)
    attributes: dict[str, Identified] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
