"""How the id of a person is built: check digit, sex and birth date in it. What does not fit is a warning."""

import calendar
import functools
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Final

import polars as pl

from dhis2_bridge.mapping_workforce import Identity

ID: Final = "#id"

_TOGETHER: Final = 4
_TAIL: Final = 7

_FAULTS: Final = pl.Enum(["digits", "check", "zero", "birth"])


class Digits:
    """The digits of whole ids as expressions over columns of numbers: `#head` and `#tail`, seven digits at most each.

    Small numbers are quick to take apart. An id of more than 14 digits does not fit and is taken apart as text.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._head = count - _TAIL

    def shaped(self) -> pl.Expr:
        """The ids that are nothing but so many digits: as numbers, or as text where they are too long for that."""
        text = pl.col(ID)
        if self._count > 2 * _TAIL:
            return pl.when(text.str.contains(rf"^[0-9]{{{self._count}}}$")).then(text)
        # Polars reads digits as a number, and a plus before them, which sorts below the digits.
        return pl.when((text.str.len_bytes() == self._count) & (text >= "0")).then(text.cast(pl.UInt64, strict=False))

    def columns(self) -> list[pl.Expr]:
        """The columns that digits are taken from, made of `#shaped`."""
        if self._count > 2 * _TAIL:
            return []
        over = pl.lit(10**_TAIL, dtype=pl.UInt64)
        number = pl.col("#shaped")
        return [(number // over).cast(pl.UInt32).alias("#head"), (number % over).cast(pl.UInt32).alias("#tail")]

    def one(self, place: int) -> pl.Expr:
        """The digit at a place, from 1."""
        return self.span((place,))

    def span(self, places: tuple[int, ...]) -> pl.Expr:
        """The number that stands from the first to the last of these places."""
        first, last = places[0], places[-1]
        if self._count <= 2 * _TAIL and last <= self._head:
            return _cut(pl.col("#head"), self._head - last, last - first + 1)
        if self._count <= 2 * _TAIL and first > self._head:
            return _cut(pl.col("#tail"), self._count - last, last - first + 1)
        return pl.col("#shaped").str.slice(first - 1, last - first + 1).cast(pl.UInt32, strict=False)

    def weighted(self, weights: Sequence[int]) -> pl.Expr:
        """The sum of the first digits, each times its weight: looked up for a few digits at a time."""
        parts: list[pl.Expr] = []
        bounds = sorted({*range(0, len(weights), _TOGETHER), min(max(self._head, 0), len(weights)), len(weights)})
        for first, stop in pairwise(bounds):
            sums = [0]
            for weight in weights[first:stop]:
                sums = [known + weight * digit for known in sums for digit in range(10)]
            parts.append(_looked_up(sums, self.span((first + 1, stop))))
        return pl.sum_horizontal(parts)


def _cut(number: pl.Expr, behind: int, digits: int) -> pl.Expr:
    """So many digits of a number, with so many behind them."""
    cut: pl.Expr = number // pl.lit(10**behind, dtype=pl.UInt32) if behind else number
    whole: pl.Expr = cut % pl.lit(10**digits, dtype=pl.UInt32)
    return whole


def _looked_up(table: list[int], place: pl.Expr) -> pl.Expr:
    return pl.lit(pl.Series(table, dtype=pl.Int32)).gather(place)


def _fault(name: str) -> pl.Expr:
    return pl.lit(name, dtype=_FAULTS)


@functools.lru_cache(maxsize=16)
def _months(centuries: tuple[int, ...]) -> tuple[pl.Series, pl.Series]:
    """The first day of each month (days since 1970) and how many it has, null where there is none.

    Found by the digits of century, year and month (one, two, two) as one number. `centuries` is the century of each
    digit, 0 for none.
    """
    made = pl.select(pl.int_range(len(centuries) * 10_000, dtype=pl.Int32).alias("digits")).with_columns(
        century=pl.lit(pl.Series(centuries, dtype=pl.Int32)).gather(pl.col("digits") // 10_000),
        year=pl.col("digits") // 100 % 100,
        month=pl.col("digits") % 100,
    )
    real = pl.when((pl.col("century") > 0) & pl.col("month").is_between(1, 12))
    first = pl.date(real.then(pl.col("century") + pl.col("year")), real.then("month"), real.then(1))
    made = made.select(first.alias("first"), first.dt.month_end().dt.day().cast(pl.Int32).alias("length"))
    return made["first"].to_physical(), made["length"]


def read(ids: pl.DataFrame, identity: Identity) -> pl.DataFrame:
    """What ids (a column `#id`) tell: `#fault`, `#sex` and `#born`.

    The fault is an Enum (digits, check, zero, birth), null where the id is sound. Sex and birth date are null where the
    id is not of the right shape, or the date is none.
    """
    digits = Digits(identity.digits)
    fault = pl.lit(None, dtype=_FAULTS)
    nothing = pl.lit(None, dtype=pl.String).alias("#sex"), pl.lit(None, dtype=pl.Date).alias("#born")
    frame = ids.with_columns(digits.shaped().alias("#shaped"), *nothing).with_columns(digits.columns())
    if identity.birth is not None:
        birth = identity.birth
        century, year, month = digits.one(birth.century.digit), digits.span(birth.year), digits.span(birth.month)
        first, length = _months(tuple(birth.century.map.get(str(digit), 0) for digit in range(10)))
        frame = frame.with_columns(
            (century * 10_000 + year * 100 + month).alias("#month"), digits.span(birth.day).cast(pl.Int32).alias("#day")
        )
        day, longest = pl.col("#day"), pl.lit(length).gather(pl.col("#month"))
        born = pl.lit(first).gather(pl.col("#month")) + (day - 1)
        frame = frame.with_columns(pl.when((day > 0) & (day <= longest)).then(born).cast(pl.Date).alias("#born"))
        fault = pl.when(pl.col("#shaped").is_not_null() & pl.col("#born").is_null()).then(_fault("birth"))
    for span in identity.not_zero:
        fault = pl.when(digits.span(span) == 0).then(_fault("zero")).otherwise(fault)
    if identity.check is not None:
        weights = identity.check.weights
        total = digits.weighted([weights[place % len(weights)] for place in range(identity.digits - 1)])
        wrong = total % identity.check.modulus != digits.one(identity.digits).cast(pl.Int32)
        fault = pl.when(pl.col("#shaped").is_not_null() & wrong).then(_fault("check")).otherwise(fault)
    if identity.sex is not None:
        odd = digits.one(identity.sex.digit) % 2 == 1
        told = pl.when(odd).then(pl.lit(identity.sex.odd)).otherwise(pl.lit(identity.sex.even))
        frame = frame.with_columns(pl.when(pl.col("#shaped").is_not_null()).then(told).alias("#sex"))
    fault = pl.when(pl.col("#shaped").is_null() & pl.col(ID).is_not_null()).then(_fault("digits")).otherwise(fault)
    return frame.with_columns(fault.alias("#fault")).select(*ids.columns, "#fault", "#sex", "#born")


def latest_birth(years: int, as_of: date, leap_day: str = "march_1") -> date:
    """The last day of birth of those who have completed so many years on a day.

    One of 29 February turns on 1 March in common years, or with `february_28` on that day. Raises ValueError for a
    year before the first.
    """
    year = as_of.year - years
    if (as_of.month, as_of.day) == (2, 29) and not calendar.isleap(year):
        return date(year, 2, 28)
    turns_today = leap_day == "february_28" and (as_of.month, as_of.day) == (2, 28) and not calendar.isleap(as_of.year)
    return date(year, 2, 29) if turns_today and calendar.isleap(year) else as_of.replace(year=year)
