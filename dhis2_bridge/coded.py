"""Columns of texts as numbers: what is said of a text is worked out once for each, and spread over the rows.

A column of few distinct texts may come as text (String) or already coded (Categorical); both are treated alike.
"""

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from dhis2_bridge import values


def coded(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The distinct texts of a column, and for each row the place of its text (UInt32), null where it has none.

    Among the distinct may be texts that no row has any more.
    """
    if not isinstance(texts.dtype, pl.Categorical):
        texts = texts.cast(pl.Categorical(pl.Categories.random()))
    # Polars may have reserved a number that it then did not need.
    return texts.dtype.categories.to_series().fill_null(""), texts.to_physical()  # type: ignore[attr-defined]


def spread(
    texts: pl.Series, read: Callable[[list[str]], Sequence[Any] | pl.Series], dtype: type[pl.DataType] | pl.DataType
) -> pl.Series:
    """What `read` says of the distinct texts of a column, in their order, over its rows; null where it has no text."""
    distinct, codes = coded(texts)
    if distinct.is_empty():
        return pl.Series(texts.name, [None], dtype=dtype).new_from_index(0, len(texts))
    return pl.Series(texts.name, read(distinct.to_list()), dtype=dtype).gather(codes)


def distinct_rows(columns: Sequence[pl.Series]) -> tuple[list[pl.Series], pl.Series]:
    """The distinct rows of columns, as their texts, and for each row the place of its own (UInt32, never null)."""
    held: list[pl.Series] = []
    places = pl.Series(dtype=pl.UInt32)
    for column in columns:
        texts, codes = coded(column)
        if codes.null_count():
            codes = codes.fill_null(len(texts))
            texts = pl.concat([texts, pl.Series([None], dtype=pl.String)])
        if not held:
            held, places = [texts], codes
        elif len(texts) == 1:
            held.append(texts.new_from_index(0, len(held[0])))
        else:
            both = places.cast(pl.UInt64) * len(texts) + codes
            found = both.unique().sort()
            places = values.places(both, found)
            held = [*(one.gather(found // len(texts)) for one in held), texts.gather(found % len(texts))]
    return held, places
