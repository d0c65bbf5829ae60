"""The option of each row on one axis: by the words for a column's texts, or by age on the reference date."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from dhis2_bridge import identities, names
from dhis2_bridge.coded import coded, spread
from dhis2_bridge.mapping_workforce import Axis, band_bounds
from dhis2_bridge.row_notes import PLACE, RowNotes

OLDEST: Final = 120
"""Completed years above which a birth date is no one's: 01.01.1900 is what systems write where they know none."""


@dataclass(frozen=True, slots=True)
class AxisCodes:
    """The options of an axis, and for each row the place of its option; null where the row has none and is refused."""

    options: list[str]
    codes: pl.Series


def words(axis: Axis, texts: pl.Series) -> pl.Series:
    """The option codes that a mapping has for texts of a column; null for a blank and for a text without a word."""
    if not axis.map:
        return spread(texts, lambda distinct: [text.strip() or None for text in distinct], pl.String)
    folded: dict[str, str | None] = {}
    for text, code in axis.map.items():
        key = names.fold(text)
        folded[key] = code if folded.get(key, code) == code else None
    return spread(
        texts, lambda distinct: [axis.map.get(text) or folded.get(names.fold(text)) for text in distinct], pl.String
    )


def by_words(rows: pl.DataFrame, name: str, axis: Axis, options: pl.Series, notes: RowNotes) -> AxisCodes:
    """The options of rows whose axis is a column; `options` as `words` gives them, or as the id has it."""
    column = axis.column or ""
    distinct, codes = coded(options)
    held = sorted(distinct.gather(codes.unique().drop_nulls()))
    if axis.unknown is not None and axis.unknown not in held:
        held.append(axis.unknown)
    blank = options.is_null()
    if blank.any():
        _without(rows.filter(blank), name, axis, column, pl.col(column).is_null(), notes)
    numbers = {option: number for number, option in enumerate(held)}
    of_row = pl.Series([numbers.get(option) for option in distinct], dtype=pl.UInt32).gather(codes)
    return AxisCodes(held, of_row if axis.unknown is None else of_row.fill_null(numbers[axis.unknown]))


def by_age(rows: pl.DataFrame, name: str, axis: Axis, born: pl.Series, as_of: date, notes: RowNotes) -> AxisCodes:
    """The options of rows whose axis is an age; `born` are the birth dates, null where there is none."""
    column = axis.age or ""

    def has_completed(years: int) -> pl.Expr:
        return pl.col("born") <= identities.latest_birth(min(years, OLDEST + 1), as_of, axis.leap_day)

    code = pl.lit(None, dtype=pl.UInt32)
    for place, band in enumerate(axis.bands):
        least, most = band_bounds(band)
        within = has_completed(least) & ~has_completed(most)
        code = pl.when(within).then(pl.lit(place, dtype=pl.UInt32)).otherwise(code)
    codes = pl.DataFrame({"born": born}).select(code.alias("code")).to_series()
    options = [*axis.bands]
    without = codes.is_null()
    if without.any():
        _without(rows.filter(without), name, axis, column, pl.col(column).is_null(), notes)
        if axis.unknown is not None:
            if axis.unknown not in options:
                options.append(axis.unknown)
            codes = codes.fill_null(options.index(axis.unknown))
    return AxisCodes(options, codes)


def _without(rows: pl.DataFrame, name: str, axis: Axis, column: str, blank: pl.Expr, notes: RowNotes) -> None:
    """Notes rows without an option: each that is refused, and how many of a file count as unknown."""
    if axis.unknown is None:
        notes.add(rows, "axis.refused", column, {"axis": name})
        return
    facts = (
        rows.sort("#order")
        .group_by("source", "sheet", maintain_order=True)
        .agg(pl.col("row").first(), pl.len().alias("rows"), blank.sum().alias("blank"))
        .select(*PLACE, "rows", "blank")
    )
    for place, one in enumerate(facts.iter_rows(named=True)):
        said = {"axis": name, "option": axis.unknown, "rows": one["rows"], "blank": one["blank"]}
        notes.add(facts.slice(place, 1), "axis.unknown", column, said)
