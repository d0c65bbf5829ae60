"""Findings about rows of persons: source, sheet, row, column and rule, never what stands there.

Counting knows columns by their names in the mapping; where each stands differs from file to file and is looked up at
the end. A text is shown only where the caller says that it tells no person.
"""

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from dhis2_bridge.findings import arguments_text

ENOUGH: Final = 3
"""A label of person rows is shown only where rows of so many different persons hold it."""

PLACE: Final = ("source", "sheet", "row")


class RowNotes:
    """Gathers findings of rows, and gives them as frames in the order in which they were noted."""

    def __init__(self) -> None:
        self._found: list[pl.DataFrame] = []

    def add(
        self,
        rows: pl.DataFrame,
        code: str,
        name: str | None = None,
        arguments: Mapping[str, Any] | pl.Expr | None = None,
        *,
        found: pl.Expr | None = None,
        values: pl.Expr | None = None,
    ) -> None:
        """Notes one finding for each of these rows (`source`, `sheet`, `row`), at the column of this name.

        `arguments` is what the words need: the same for all rows, or an expression that gives JSON text.
        """
        if rows.is_empty():
            return
        said = arguments if isinstance(arguments, pl.Expr) else pl.lit(arguments_text(arguments or {}))
        self._found.append(
            rows.select(
                *PLACE,
                pl.lit(name, dtype=pl.String).alias("name"),
                pl.lit(code).alias("code"),
                (pl.lit(None, dtype=pl.String) if found is None else found).alias("found"),
                said.alias("arguments"),
                (pl.lit(0) if values is None else values).cast(pl.UInt32).alias("values"),
            )
        )

    def frames(self, places: pl.DataFrame) -> list[pl.DataFrame]:
        """The findings; `places` says which `column` a `name` is in each `source` and `sheet`."""
        return [
            found.join(places, on=["source", "sheet", "name"], how="left", maintain_order="left", nulls_equal=True)
            .sort("source", "sheet", "row", maintain_order=True)
            .drop("name")
            for found in self._found
        ]


def json_of(**columns: pl.Expr) -> pl.Expr:
    """An expression that gives a JSON object of numbers and of texts that need no escape, its keys sorted."""
    parts: list[pl.Expr] = []
    for place, (key, value) in enumerate(sorted(columns.items())):
        parts += [pl.lit(f'{", " if place else "{"}"{key}": '), value]
    return pl.concat_str([*parts, pl.lit("}")])


def quoted(text: pl.Expr) -> pl.Expr:
    """A text of letters and digits in quotes, for `json_of`."""
    return pl.concat_str([pl.lit('"'), text, pl.lit('"')])
