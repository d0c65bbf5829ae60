"""From rows in numbers to counted cells in texts: one value for each org unit, data element and options of axes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from dhis2_bridge.mapping_workforce import Measure
from dhis2_bridge.row_notes import PLACE

UNIT: Final = "#unit"
ORDER: Final = "#order"
ELEMENT: Final = "#element"

_MOST: Final = 1 << 32


@dataclass(slots=True)
class Grouping:
    """What the numbers of rows stand for.

    `axes` are all axes of the mapping, `options` those of each axis by their places, `unit_columns` the label columns
    of the distinct org units, `origin` the places of all rows by their `#order`.
    """

    axes: tuple[str, ...]
    unit_columns: list[pl.Series] = field(default_factory=list)
    options: dict[str, list[str]] = field(default_factory=dict)
    origin: pl.DataFrame = field(default_factory=pl.DataFrame)

    def cells(
        self, rows: pl.DataFrame, place: int, measure: Measure, elements: list[str], value: str | None, over: int
    ) -> pl.DataFrame:
        """The cells of a measure: sums of the column `value`, or numbers of rows, divided by `over`.

        `rows` has `#unit`, `#element`, `#axis <name>` and `#order`; each cell has the place of its first row. One
        number stands for all that a group is told by.
        """
        counts = [max(1, len(elements)), *(max(1, len(self.options[name])) for name in measure.by)]
        units = len(self.unit_columns[0]) if self.unit_columns else 1
        key = pl.col(UNIT).cast(pl.UInt32 if units * math.prod(counts) < _MOST else pl.UInt64)
        parts = [ELEMENT, *(f"#axis {name}" for name in measure.by)]
        for count, column in zip(counts, parts, strict=True):
            key = key * count + pl.col(column)
        made = (
            rows.select(key.alias("#key"), *([value] if value else []), ORDER)
            .filter(pl.col("#key").is_not_null())
            .sort("#key")  # what is sorted is grouped without a table
            .group_by("#key", maintain_order=True)
            .agg((pl.col(value).sum() if value else pl.len()).alias("value"), pl.col(ORDER).min())
        )
        of_unit = made["#key"]
        digits: dict[str, pl.Series] = {}
        for count, column in zip(reversed(counts), reversed(parts), strict=True):
            digits[column], of_unit = of_unit % count, of_unit // count
        options = {
            name: pl.Series(self.options[name], dtype=pl.String).gather(digits[f"#axis {name}"]) for name in measure.by
        }
        element = pl.Series(elements, dtype=pl.String).gather(digits[ELEMENT])
        nothing = pl.lit(None, dtype=pl.String)
        return made.select(
            of_unit.cast(pl.UInt32).alias(UNIT),
            *(column.gather(of_unit) for column in self.unit_columns),
            element.alias("data_element"),
            *(options[name].alias(name) if name in options else nothing.alias(name) for name in self.axes),
            pl.lit(place, dtype=pl.UInt32).alias("measure"),
            (pl.col("value") / over).alias("value"),
            *(self.origin[name].gather(made[ORDER]) for name in PLACE),
        )


def empty(labels: Sequence[str], axes: Sequence[str]) -> pl.DataFrame:
    """No cells."""
    categorical = pl.Categorical()
    return pl.DataFrame(
        schema={
            UNIT: pl.UInt32(),
            **dict.fromkeys((*labels, "data_element", *axes), pl.String()),
            "measure": pl.UInt32(),
            "value": pl.Float64(),
            "source": categorical,
            "sheet": categorical,
            "row": pl.UInt32(),
        }
    )
