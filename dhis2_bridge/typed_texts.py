"""Columns of text that are declared numbers or dates, read as such; and numbers written as text again."""

import functools
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import polars as pl

from dhis2_bridge import dates
from dhis2_bridge.coded import spread
from dhis2_bridge.mapping import ColumnType

KEPT: Final = 100_000
"""Distinct texts that a reader remembers."""

MOST_DIGITS: Final = 15
"""Significant digits that a 64-bit float holds whatever they are."""

_ISO: Final = dates.pattern("yyyy-mm-dd")

MANY: Final = 1_000
"""New texts from which it pays to let Polars read those of the usual width."""

_USUAL: Final = {
    "dd.mm.yyyy": (r"^[0-9]{2}\.[0-9]{2}\.[1-9][0-9]{3}$", "%d.%m.%Y"),
    "yyyy-mm-dd": (r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}$", "%Y-%m-%d"),
}
"""Date patterns with the shape and the format by which Polars reads the same."""


class Reader:
    """Reads a column's distinct texts in plain Python and spreads the answers over the rows.

    Called with a column of texts it gives a column of `dtype`, null where a text is blank or unreadable.
    """

    def __init__(
        self, read: Callable[[str], Any], dtype: type[pl.DataType], form: tuple[str, str] | None = None
    ) -> None:
        self._read = read
        self._form = form
        self.dtype = dtype
        self._known: dict[str, Any] = {"": None}

    def __call__(self, texts: pl.Series) -> pl.Series:  # noqa: D102 - said above
        known = self._known
        if len(known) > KEPT:
            known = self._known = {"": None}

        def read(distinct: list[str]) -> list[Any]:
            new = [text for text in distinct if text not in known]
            known.update(zip(new, self._read_all(new), strict=True))
            return [known[text] for text in distinct]

        return spread(texts, read, self.dtype)

    def _read_all(self, texts: list[str]) -> list[Any]:
        """The answers for texts; those of the usual width are read by Polars, which reads them as we do."""
        if self._form is None or len(texts) < MANY:
            return [self._read(text) for text in texts]
        shape, form = self._form
        held = pl.Series(texts, dtype=pl.String)
        usual = held.str.contains(shape)
        quick = held.to_frame("text").select(pl.when(usual).then("text").str.to_date(form, strict=False, exact=True))
        return [
            day if day is not None else self._read(text) for text, day in zip(texts, quick.to_series(), strict=True)
        ]


@functools.lru_cache(maxsize=64)
def reader_of(kind: ColumnType) -> Reader:
    """The reader of a typed column; one for all that are declared alike."""
    if kind.kind == "date":
        pattern = dates.pattern(kind.form)
        # A date cell of a workbook arrives in ISO form whatever the pattern of those typed as text.
        usual = _USUAL.get(pattern.text)
        return Reader(lambda text: pattern.read(text) or _ISO.read(text), pl.Date, usual)
    shape = re.compile(rf"[+-]?[0-9]+(?:{re.escape(kind.form)}[0-9]+)?")

    def read(text: str) -> float | None:
        text = text.strip()
        if not shape.fullmatch(text) or len(text.strip("+-").replace(kind.form, "").strip("0")) > MOST_DIGITS:
            return None
        return float(text.replace(kind.form, "."))

    return Reader(read, pl.Float64)


def rounded(numbers: pl.Series) -> pl.Series:
    """Numbers rounded to the digits that a float holds, so that 0.1 + 0.2 is 0.3; null where there is no result.

    Polars' own rounding to significant figures makes 999999999999999 a power of ten.
    """
    distinct = numbers.unique()
    results = [float(f"{n:.{MOST_DIGITS}g}") if n is not None and math.isfinite(n) else None for n in distinct]
    return _spread(numbers, distinct, results, pl.Float64)


def written(numbers: pl.Series) -> pl.Series:
    """Numbers as plain text: no exponent, no trailing zeros, no minus zero."""
    distinct = numbers.unique()
    texts = [None if n is None else f"{Decimal(repr(n or 0.0)).normalize():f}" for n in distinct]
    return _spread(numbers, distinct, texts, pl.String)


def _spread(series: pl.Series, distinct: pl.Series, answers: list[Any], dtype: type[pl.DataType]) -> pl.Series:
    """The answers for the distinct values of a series, over its rows."""
    found = pl.Series(answers, dtype=dtype)
    told = found.is_not_null()
    if not told.any():  # replace_strict does not keep to its return_dtype then.
        return pl.Series([None], dtype=dtype).new_from_index(0, len(series))
    return series.replace_strict(distinct.filter(told), found.filter(told), default=None, return_dtype=dtype)
