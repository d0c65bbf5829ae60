"""The numbers that order a payload: one for each report, one for each cell of it.

They follow the order of the snapshot and of time, so that the same values give the same payload in every run.
"""

from typing import Final

from dhis2_bridge import periods
from dhis2_bridge.snapshot import Snapshot
from dhis2_bridge.snapshot_objects import DataSet

# Bits of a report's number, from the highest: data set, org unit, first day, period type, attribute option combo.
_DAY, _TYPE, _COMBO = 22, 5, 14
_DATA_SET, _ORG_UNIT = 3, 20

BY_ORG_UNIT: Final = 1 << (_DAY + _TYPE + _COMBO)
"""A report's number divided by this leaves its data set and org unit."""

BY_DATA_SET: Final = BY_ORG_UNIT << _ORG_UNIT
"""A report's number divided by this leaves its data set."""

_TYPES: Final = {name: number for number, name in enumerate(periods.PERIOD_TYPES)}


class Ordering:
    """Numbers for the objects of one snapshot, for the reports of one data set.

    `number` is that of the data set among those of the conversion. Raises OverflowError where a report's number could
    not tell all objects apart: 8 data sets, a million org units, 16,384 attribute option combos.
    """

    def __init__(self, snapshot: Snapshot, data_set: DataSet, number: int) -> None:
        self._org_units = {uid: number for number, uid in enumerate(snapshot.org_units)}
        self._elements = {uid: number for number, uid in enumerate(snapshot.data_elements)}
        self._combos = {uid: number for number, uid in enumerate(snapshot.category_option_combos)}
        attributes = snapshot.category_option_combos_of(data_set.category_combo)
        self._attributes = {uid: place for place, uid in enumerate(attributes)}
        self._data_set = number << (_ORG_UNIT + _DAY + _TYPE + _COMBO)
        if number >> _DATA_SET or len(self._org_units) >> _ORG_UNIT or len(attributes) >> _COMBO:
            raise OverflowError("more data sets, org units or attribute option combos than a number can tell apart")

    def org_unit(self, uid: str) -> int:
        """The part of a report's number that tells the data set and the org unit."""
        return self._data_set | self._org_units[uid] << (_DAY + _TYPE + _COMBO)

    def period(self, iso: str) -> int:
        """The part of a report's number that tells the period."""
        period = periods.parse(iso)
        if period is None:
            raise ValueError(iso)
        return period.start.toordinal() << (_TYPE + _COMBO) | _TYPES[period.period_type] << _COMBO

    def attribute(self, uid: str) -> int:
        """The part of a report's number that tells the attribute option combo."""
        return self._attributes[uid]

    def cell(self, element: str, combo: str) -> int:
        """The number of a cell within its report."""
        return self._elements[element] << 32 | self._combos[combo]
