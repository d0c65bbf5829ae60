"""Takes figures that count from the start of the year apart into those of each period."""

from typing import Final

import polars as pl

from dhis2_bridge import periods
from dhis2_bridge.findings import PLACE, Finding, frame
from dhis2_bridge.values import KEY, plain

_CELL: Final = tuple(name for name in KEY if name != "period")


def difference(values: pl.DataFrame, previous: pl.DataFrame | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The values of cumulative forms less what earlier periods of the year hold, and the findings.

    Values that are `cumulative` are meant. `previous` holds data values of earlier periods as they were sent
    (`values.VALUES_SCHEMA`); an org unit that lacks one of the periods since the start of the year has no difference,
    and its values are refused. A cell that an earlier report left out counts as nothing there.
    """
    cumulative = values.with_row_index("index").filter(pl.col("cumulative") & pl.col("refused").is_null())
    found: list[Finding] = []
    changed: dict[int, tuple[str | None, str | None]] = {}
    for iso in cumulative["period"].unique(maintain_order=True):
        period = periods.parse(iso)
        if period is None:
            continue
        before = _since_year_start(period)
        if not before:
            continue
        now = cumulative.filter(pl.col("period") == iso)
        earlier = _earlier(previous, before)
        sums = earlier.group_by([pl.col(name).cast(pl.String) for name in _CELL]).agg(pl.col("number").sum())
        held = earlier.group_by(pl.col("org_unit").cast(pl.String)).agg(pl.col("period").cast(pl.String).unique())
        periods_of = {unit: set(known) for unit, known in held.iter_rows()}
        keyed = now.select("index", *PLACE, "value", *(pl.col(name).cast(pl.String) for name in _CELL)).join(
            sums, on=_CELL, how="left", maintain_order="left"
        )
        for row in keyed.iter_rows(named=True):
            place = {name: row[name] for name in PLACE}
            missing = [one for one in before if one not in periods_of.get(row["org_unit"], set())]
            number = float(row["value"]) - (row["number"] or 0.0)
            if missing:
                code, arguments = "cumulative.previous_missing", {"periods": ", ".join(missing)}
            elif number < 0:
                code, arguments = "cumulative.negative", {"previous": plain(row["number"])}
            else:
                changed[row["index"]] = (plain(number), None)
                continue
            found.append(Finding(code, **place, found=row["value"], arguments=arguments, values=1))
            changed[row["index"]] = (row["value"], code)
    if not changed:
        return values, frame(found)
    made = pl.DataFrame(
        [(index, value, refused) for index, (value, refused) in changed.items()],
        schema={"index": pl.UInt32, "made": pl.String, "kept": pl.String},
        orient="row",
    )
    values = (
        values.with_row_index("index")
        .join(made, on="index", how="left", maintain_order="left")
        .with_columns(
            value=pl.coalesce("made", "value"), refused=pl.coalesce("refused", pl.col("kept").cast(pl.Categorical))
        )
        .select(values.columns)
    )
    return values, frame(found)


def _since_year_start(period: periods.Period) -> list[str]:
    """The periods of the same calendar year before this one, the earliest first."""
    before: list[str] = []
    other = periods.neighbour(period, -1)
    while other.start.year == period.start.year and other.end < period.start:
        before.insert(0, other.iso)
        other = periods.neighbour(other, -1)
    return before


def _earlier(previous: pl.DataFrame | None, before: list[str]) -> pl.DataFrame:
    columns = [*KEY, "value", "refused"]
    if previous is None:
        return pl.DataFrame(schema={**dict.fromkeys(columns, pl.String), "number": pl.Float64})
    number = pl.col("value").cast(pl.Float64, strict=False).alias("number")
    good = pl.col("refused").is_null() & pl.col("period").cast(pl.String).is_in(before)
    return previous.filter(good).select(*columns, number)
