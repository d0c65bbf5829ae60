"""Stocks said rightly: what was reported in the period before and is gone now is an explicit 0.

A stock that is not reported reads as unknown, and with some aggregations as what it was years ago. A 0 is added where
the run before sent a number other than 0; one that was 0 already is gone for good.
"""

import re
from typing import Final

import polars as pl

from dhis2_bridge import periods
from dhis2_bridge.converter import Converter
from dhis2_bridge.counting import Made
from dhis2_bridge.findings import Finding, empty, frame
from dhis2_bridge.gathering import Gathering
from dhis2_bridge.mapping import Mapping
from dhis2_bridge.snapshot import Snapshot
from dhis2_bridge.values import CELLS_SCHEMA

_CELL: Final = ("data_element", "org_unit", "category_option_combo", "attribute_option_combo")


def gone(
    gathering: Gathering,
    made: Made,
    cells: pl.DataFrame,
    converter: Converter,
    previous: pl.DataFrame | None,
    snapshot: Snapshot,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cells of value 0 for what the run before (`values.VALUES_SCHEMA`) reported and `cells` lack, and the findings.

    Only data elements of measures whose source was read are meant. Where a file could not be read nothing is known to
    be gone, and no zero is added.
    """
    nothing = pl.DataFrame(schema=CELLS_SCHEMA)
    declared = gathering.mapping.workforce
    if previous is None or declared is None or declared.gone != "zero":
        return nothing, empty()
    before = periods.neighbour(made.period, -1).iso
    sent = previous.filter(
        (pl.col("data_set").cast(pl.String) == converter.data_set)
        & pl.col("refused").is_null()
        & pl.col("data_element").cast(pl.String).is_in(_elements(gathering, snapshot))
    ).with_columns(pl.col(*_CELL, "period").cast(pl.String))
    of_period = sent.filter(pl.col("period") == before)
    if of_period.is_empty():
        if sent.is_empty():
            return nothing, empty()
        found = sorted(sent["period"].unique())
        said = {"expected": before, "found_periods": found}
        return nothing, frame([Finding("stock.previous_period", arguments=said)])
    if gathering.broken:
        return nothing, frame([Finding("stock.not_known")])
    known = of_period.filter(
        (pl.col("value").cast(pl.Float64, strict=False) != 0)
        & pl.col("org_unit").is_in(list(snapshot.org_units))
        & pl.col("category_option_combo").is_in(list(snapshot.category_option_combos))
    )
    held = cells.select(pl.col(*_CELL).cast(pl.String)).unique()
    lost = known.join(held, on=list(_CELL), how="anti", nulls_equal=True).unique(_CELL).sort(*_CELL)
    if lost.is_empty():
        return nothing, empty()
    zeros = _zeros(lost, made, converter, gathering.mapping)
    arguments = {
        "zeros": zeros.height,
        "org_units": lost["org_unit"].n_unique(),
        "data_elements": lost["data_element"].n_unique(),
    }
    return zeros, frame([Finding("stock.zeros_added", arguments=arguments)])


def _zeros(lost: pl.DataFrame, made: Made, converter: Converter, mapping: Mapping) -> pl.DataFrame:
    """The cells of value 0, with the numbers that order a payload."""
    order = converter.ordering
    period = order.period(made.period.iso)
    reports, numbers = [], []
    for element, unit, combo, attribute in lost.select(_CELL).iter_rows():
        reports.append(order.org_unit(unit) + period + order.attribute(attribute))
        numbers.append(order.cell(element, combo))
    filled: dict[str, pl.Expr | pl.Series] = {
        "data_set": pl.lit(converter.data_set),
        "period": pl.lit(made.period.iso),
        "value": pl.lit("0"),
        "rule": pl.lit(mapping.line(("workforce", "gone"))),
        "report": pl.Series(reports, dtype=pl.UInt64),
        "cell": pl.Series(numbers, dtype=pl.UInt64),
        "cumulative": pl.lit(value=False),
    }
    columns = {name: pl.col(name) for name in _CELL}
    columns |= {name: one if isinstance(one, pl.Expr) else pl.lit(one) for name, one in filled.items()}
    return lost.select(columns.get(name, pl.lit(None)).cast(dtype).alias(name) for name, dtype in CELLS_SCHEMA.items())


def _elements(gathering: Gathering, snapshot: Snapshot) -> list[str]:
    """UIDs of the data elements of measures whose source was read."""
    declared = gathering.mapping.workforce
    if declared is None:
        return []
    own = declared.source or next(iter(gathering.mapping.sources))
    shapes = [
        re.compile("[^_]+".join(map(re.escape, re.split(r"\{[^{}]*\}", one.data_element))))
        for one in declared.measures
        if gathering.was_read(one.source or own)
    ]
    return [
        uid
        for uid, element in snapshot.data_elements.items()
        if element.code and any(shape.fullmatch(element.code) for shape in shapes)
    ]
