"""The counted table as records that a converter reads, and what it then finds, told of rows of persons."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Final

import polars as pl

from dhis2_bridge import loose, periods
from dhis2_bridge.blocks import Header, dimensions
from dhis2_bridge.findings import UsageError, arguments_text, as_findings
from dhis2_bridge.mapping import MappingTable
from dhis2_bridge.mapping_workforce import COUNTED, Workforce
from dhis2_bridge.typed_texts import written
from dhis2_bridge.workforce import Counted

_SAFE: Final = ("data_element.", "value.", "data_set.", "period.")
"""Findings whose text is made by counting: codes of occupations that may be shown, and counts."""

_PLACE: Final = ("source", "sheet", "row")


def label_columns(table: MappingTable) -> tuple[str, ...]:
    """Names of the columns that the org unit's label is made of."""
    named: dict[str, None] = {}
    for key, dimension in dimensions(table):
        if key.partition(".")[0] == "org_unit":
            named.update(dict.fromkeys(dimension.column_names()))
    return tuple(named)


def period_of(table: MappingTable, given: Mapping[str, str]) -> periods.Period:
    """The period that is counted. Raises UsageError where none is given, or one of another type."""
    declared = table.period
    text = given.get("period", "") if declared is None or declared.given else declared.constant or ""
    if not text.strip() or declared is None:
        raise UsageError("persons are counted for a period: name it with --period, such as 2026Q3")
    found = periods.read(text, declared.type)
    if not isinstance(found, periods.Period):
        raise UsageError(f"the given period {text} is no period of type {declared.type}, as the mapping wants")
    return found


def reference_date(workforce: Workforce, period: periods.Period) -> date:
    """The day on which contracts are looked at."""
    return period.end if workforce.as_of == "period_end" else period.start


def records(counted: Counted, table: MappingTable, given: Mapping[str, str]) -> tuple[pl.DataFrame, Header]:
    """The counted cells as records below one header, as `layout.records` gives those of a form."""
    labels = label_columns(table)
    axes = tuple(table.category_options)
    named = (*(table.labels(name)[0] for name in labels), COUNTED[0], *axes, COUNTED[1])
    standing = {
        f"={key}": text
        for key, dimension in dimensions(table)
        if (text := loose.standing(dimension, key, "", None, given)) is not None
    }
    cells = counted.cells
    made = cells.select(
        pl.col("source", "sheet"),
        pl.lit(None, dtype=pl.UInt32).alias("header_row"),
        "row",
        pl.lit("").alias("section"),
        *(pl.lit(text).alias(key) for key, text in standing.items()),
        *(pl.col(name).alias(str(n)) for n, name in enumerate((*labels, COUNTED[0], *axes), 1)),
        written(cells["value"]).alias(str(len(named))),
    )
    return made, Header(tuple((name,) for name in named))


def told(found: list[pl.DataFrame], counted: Counted, table: MappingTable, places: pl.DataFrame) -> list[pl.DataFrame]:
    """What converting found, with the columns of the files and without what stands in rows of persons.

    Labels of org units that lead nowhere become one finding for each label and file.
    """
    made: list[pl.DataFrame] = []
    units: list[pl.DataFrame] = []
    for frame in found:
        one = as_findings(frame).with_columns(pl.lit(None, dtype=pl.UInt16).alias("column"))
        is_unit = pl.col("code").str.starts_with("org_unit.")
        units.append(one.filter(is_unit))
        safe = pl.any_horizontal(pl.col("code").str.starts_with(prefix) for prefix in _SAFE)
        made.append(one.filter(~is_unit).with_columns(pl.when(safe).then("found").alias("found")))
    missed = pl.concat(units) if units else None
    if missed is not None and missed.height:
        made.append(_org_units(missed, counted, table, places))
    return made


def _org_units(missed: pl.DataFrame, counted: Counted, table: MappingTable, places: pl.DataFrame) -> pl.DataFrame:
    """A finding for each label of an org unit that leads nowhere; shown where enough persons hold it."""
    labels = label_columns(table)
    # A label stands for all rows that hold it; the counted cells say which label each row has.
    of_rows = counted.cells.select(*labels, *(pl.col(name).cast(_types()[name]) for name in _PLACE)).unique()
    joined = missed.join(of_rows, on=list(_PLACE), how="left", nulls_equal=True)
    by_label = joined.group_by(*labels, maintain_order=True).agg(
        pl.col("code", "found", "arguments").first(), pl.col("values").sum()
    )
    facts = counted.labels.with_columns(pl.col(name).cast(_types()[name]) for name in _PLACE)
    facts = facts.join(by_label, on=list(labels), how="inner", nulls_equal=True) if labels else by_label
    names = places.filter(pl.col("name") == labels[0]) if labels else places.clear()
    columns = {(source, sheet): column for source, sheet, _, column in names.iter_rows()}
    rows = []
    shown: set[tuple[str | None, ...]] = set()
    for one in facts.iter_rows(named=True):
        label = tuple(one[name] for name in labels)
        arguments = json.loads(one["arguments"])
        said = {
            "problem": one["code"].partition(".")[2],
            "rows": one["rows"],
            "suggestions": arguments.get("suggestions") or arguments.get("candidates") or [],
        }
        rows.append(
            {
                "code": "workforce.org_unit",
                "source": one["source"],
                "sheet": one["sheet"],
                "row": one["row"],
                "column": columns.get((one["source"], one["sheet"])),
                "found": one["found"] if one["known"] else None,
                "arguments": arguments_text(said if one["known"] else said | {"suggestions": []}),
                "values": 0 if label in shown else one["values"],
            }
        )
        shown.add(label)
    schema: dict[str, type[pl.DataType]] = {"code": pl.String, **_types(), "column": pl.UInt16}
    schema |= {"found": pl.String, "arguments": pl.String, "values": pl.UInt32}
    return as_findings(pl.DataFrame(rows, schema=schema))


def _types() -> dict[str, type[pl.DataType]]:
    return {"source": pl.String, "sheet": pl.String, "row": pl.UInt32}
