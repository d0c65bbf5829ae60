"""Checks the totals of a form against their parts: they are never sent, and a sum that is off keeps its parts back."""

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from dhis2_bridge.findings import PLACE, Finding, frame
from dhis2_bridge.values import address, plain

NEAR: Final = 1e-12
"""Relative difference below which two sums are the same: above the noise of adding, a tenth of a cent in a billion."""

PARTS_NAMED: Final = 12
"""Cells of parts that a finding names; a longer list helps nobody."""

_KEY: Final = ("source", "data_element", "period", "org_unit", "attribute_option_combo")


def check(values: pl.DataFrame, totals: pl.DataFrame, names: Mapping[str, str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The data values with those refused whose total disagrees, and the findings, each at the total's cell.

    `totals` are cells with `parts` and their number as `value`; `names` gives data elements their names for people.
    Where a total is not `strict` a difference is a warning and refuses nothing. A total whose parts hold a refused
    value is not judged: its cause has a finding already. A total with no part at all would be lost in silence: it is an
    error, and a zero a warning.
    """
    totals = totals.filter(pl.col("value").is_not_null())
    if totals.is_empty():
        return values, frame([])
    totals = totals.with_row_index("total")
    parts = (
        totals.select("total", *_KEY, pl.col("parts").alias("category_option_combo"))
        .explode("category_option_combo")
        .with_columns(pl.col("category_option_combo").cast(pl.Categorical))
        .join(
            values.with_row_index("index").select(
                "index", *_KEY, "category_option_combo", "value", "refused", "row", "column", "sheet"
            ),
            on=[*_KEY, "category_option_combo"],
            how="inner",
        )
    )
    # A part that stands twice counts once; where the two differ, that is a finding of its own and this one would be a
    # second for the same cause.
    each = parts.group_by("total", "category_option_combo").agg(
        pl.col("value").first().cast(pl.Float64, strict=False),
        ((pl.col("value").n_unique() > 1) | pl.col("refused").is_not_null().any()).alias("doubtful"),
    )
    sums = each.group_by("total").agg(pl.col("value").sum().alias("sum"), pl.col("doubtful").any())
    judged = totals.join(sums, on="total", how="left", maintain_order="left").with_columns(
        pl.col("value").cast(pl.Float64).alias("number")
    )
    apart = (pl.col("sum") - pl.col("number")).abs() > NEAR * pl.max_horizontal(pl.lit(1.0), pl.col("number").abs())
    bad = judged.filter(pl.col("sum").is_null() | (apart & ~pl.col("doubtful")))
    if bad.is_empty():
        return values, frame([])
    wrong = set(bad.filter(pl.col("sum").is_not_null())["total"])
    places = parts.filter(pl.col("total").is_in(list(wrong))).sort("row", "column")
    cells: dict[int, list[str]] = {}
    counts: dict[int, int] = {}
    for total, row, column in places.select("total", "row", "column").iter_rows():
        counts[total] = counts.get(total, 0) + 1
        if counts[total] <= PARTS_NAMED:
            cells.setdefault(total, []).append(address(row, column))
    found = [_finding(row, names, cells, counts) for row in bad.iter_rows(named=True)]
    strict = bad.filter("strict")["total"]
    refused = set(places.filter(pl.col("total").is_in(strict.implode()))["index"])
    if refused:
        values = (
            values.with_row_index("index")
            .with_columns(
                pl.when(pl.col("refused").is_null() & pl.col("index").is_in(list(refused)))
                .then(pl.lit("total.disagrees").cast(pl.Categorical))
                .otherwise("refused")
                .alias("refused")
            )
            .drop("index")
        )
    return values, frame(found)


def _finding(
    total: dict[str, Any], names: Mapping[str, str], cells: dict[int, list[str]], counts: dict[int, int]
) -> Finding:
    element = names.get(total["data_element"], total["data_element"])
    place = {name: total[name] for name in (*PLACE, "found")}
    if total["sum"] is None:
        code = "total.without_parts" if total["number"] else "total.zero_without_parts"
        return Finding(code, **place, arguments={"data_element": element}, values=int(bool(total["number"])))
    index = total["total"]
    arguments = {
        "parts": ", ".join(cells[index]) + (", …" if counts[index] > PARTS_NAMED else ""),
        "sum": plain(total["sum"]),
        "difference": plain(total["number"] - total["sum"]),
        "data_element": element,
    }
    code, values = ("total.disagrees", counts[index]) if total["strict"] else ("total.differs", 0)
    return Finding(code, **place, arguments=arguments, values=values)
