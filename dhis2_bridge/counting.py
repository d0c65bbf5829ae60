"""From gathered rows to the counted table: counts, checks of them, and what is done with small ones."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from dhis2_bridge import counts, workforce, workforce_checks
from dhis2_bridge.gathering import Gathering
from dhis2_bridge.grouping import UNIT
from dhis2_bridge.periods import Period
from dhis2_bridge.workforce import Counted


@dataclass(frozen=True, slots=True)
class Made:
    """What rows were counted to, for which period, and in which columns names stood.

    `hidden` are the cells that small counts have taken away: they are not sent, and they are not gone.
    """

    counted: Counted
    period: Period
    places: pl.DataFrame
    hidden: pl.DataFrame | None = None


def count(gathering: Gathering, given: Mapping[str, str]) -> Made:
    """The counts of all rows that were gathered. Raises UsageError where no period is given."""
    mapping = gathering.mapping
    declared = mapping.workforce
    if declared is None:
        raise ValueError(mapping.mapping)
    period = counts.period_of(mapping.tables[0], given)
    places = gathering.places()
    as_of = counts.reference_date(declared, period)
    counted = workforce.count(mapping, gathering.rows(), as_of, gathering.labels, places)
    found = [*counted.findings, *workforce_checks.check(counted.cells, declared, places)]
    # Labels stand for themselves from here on.
    counted = replace(counted, cells=counted.cells.drop(UNIT))
    cells = counted.cells
    if declared.small_cells is not None:
        from dhis2_bridge import small_cells  # noqa: PLC0415 - few mappings ask for it

        cells, small = small_cells.apply(cells, declared.axes, declared.small_cells, declared.measures)
        found.append(small)
    keys = [*gathering.labels, "data_element", *declared.axes]
    hidden = counted.cells.join(cells, on=keys, how="anti", nulls_equal=True) if cells is not counted.cells else None
    return Made(replace(counted, cells=cells, findings=found), period, places, hidden)
