"""How the id of a person is built: check digit, sex and birth date in it. What does not fit is a warning."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import polars as pl

from dhis2_bridge.mapping_workforce import Identity

ID: Final = "#id"

_TOGETHER: Final = 4

_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Digits:
    """The digits of whole ids as expressions over a column of numbers.

    Numbers are quick to take apart; an id of more than 18 digits does not fit into one and is taken apart as text.
    """

    def __init__(self, identity: Identity, text: str) -> None:
        self._count = identity.digits
        self._text = pl.col(text)
        self._number = pl.col("#number")

    def one(self, place: int) -> pl.Expr:
        """The digit at a place, from 1."""
        if self._count > 18:
            return self._text.str.slice(place - 1, 1).cast(pl.Int32, strict=False)
        over = pl.lit(10 ** (self._count - place), dtype=pl.UInt64)
        return (self._number // over % 10).cast(pl.Int32)

    def span(self, places: tuple[int, ...]) -> pl.Expr:
        """The number that stands from the first to the last of these places."""
        first, last = places[0], places[-1]
        if self._count > 18:
            return self._text.str.slice(first - 1, last - first + 1).cast(pl.Int32, strict=False)
        over, within = (pl.lit(10**power, dtype=pl.UInt64) for power in (self._count - last, last - first + 1))
        return (self._number // over % within).cast(pl.Int32)

    def weighted(self, weights: Sequence[int]) -> pl.Expr:
        """The sum of the first digits, each times its weight: looked up for four digits at a time."""
        if self._count > 18:
            return pl.sum_horizontal(self.one(place) * weight for place, weight in enumerate(weights, 1))
        parts: list[pl.Expr] = []
        for first in range(0, len(weights), _TOGETHER):
            of = weights[first : first + _TOGETHER]
            sums = [0]
            for weight in of:
                sums = [known + weight * digit for known in sums for digit in range(10)]
            place = self.span((first + 1, first + len(of)))
            parts.append(pl.lit(pl.Series(sums, dtype=pl.Int32)).gather(place))
        return pl.sum_horizontal(parts)


def read(ids: pl.DataFrame, identity: Identity) -> pl.DataFrame:
    """What ids (a column `#id`) tell: `#fault` (digits, check, zero, birth; null where sound), `#sex` and `#born`.

    Sex and birth date are null where the id is not of the right shape, or the date is none.
    """
    shaped = pl.col(ID).str.contains(rf"^[0-9]{{{identity.digits}}}$")
    digits = Digits(identity, "#shaped")
    fault = pl.lit(None, dtype=pl.String)
    nothing = pl.lit(None, dtype=pl.String).alias("#sex"), pl.lit(None, dtype=pl.Date).alias("#born")
    frame = ids.with_columns(pl.when(shaped).then(pl.col(ID)).alias("#shaped")).with_columns(
        pl.col("#shaped").cast(pl.UInt64, strict=False).alias("#number"), *nothing
    )
    if identity.birth is not None:
        birth = identity.birth
        centuries = {int(key): year for key, year in birth.century.map.items() if key.isdecimal()}
        century = digits.one(birth.century.digit).replace_strict(centuries, default=None, return_dtype=pl.Int32)
        frame = frame.with_columns(
            (century + digits.span(birth.year)).alias("#year"),
            digits.span(birth.month).alias("#month"),
            digits.span(birth.day).alias("#day"),
        )
        year = pl.col("#year")
        leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
        longest = pl.col("#month").replace_strict(dict(enumerate(_DAYS, 1)), default=0, return_dtype=pl.Int32)
        longest = longest + pl.when((pl.col("#month") == 2) & leap).then(1).otherwise(0)
        real = year.is_not_null() & pl.col("#month").is_between(1, 12) & pl.col("#day").is_between(1, longest)
        made = pl.date(
            pl.when(real).then(year), pl.when(real).then(pl.col("#month")), pl.when(real).then(pl.col("#day"))
        )
        frame = frame.with_columns(made.alias("#born"))
        fault = pl.when(pl.col("#shaped").is_not_null() & pl.col("#born").is_null()).then(pl.lit("birth"))
    for span in identity.not_zero:
        fault = pl.when(digits.span(span) == 0).then(pl.lit("zero")).otherwise(fault)
    if identity.check is not None:
        weights = identity.check.weights
        total = digits.weighted([weights[place % len(weights)] for place in range(identity.digits - 1)])
        wrong = total % identity.check.modulus != digits.one(identity.digits)
        fault = pl.when(pl.col("#shaped").is_not_null() & wrong).then(pl.lit("check")).otherwise(fault)
    if identity.sex is not None:
        odd = digits.one(identity.sex.digit) % 2 == 1
        told = pl.when(odd).then(pl.lit(identity.sex.odd)).otherwise(pl.lit(identity.sex.even))
        frame = frame.with_columns(pl.when(pl.col("#shaped").is_not_null()).then(told).alias("#sex"))
    fault = pl.when(pl.col("#shaped").is_null() & pl.col(ID).is_not_null()).then(pl.lit("digits")).otherwise(fault)
    return frame.with_columns(fault.alias("#fault")).select(*ids.columns, "#fault", "#sex", "#born")


def completed_years(born: pl.Expr, as_of: date, *, leap_day: str = "march_1") -> pl.Expr:
    """Age in completed years on a day: one of 29 February turns on 1 March in common years, or on 28 February."""
    birthday = born.dt.month().cast(pl.Int32) * 100 + born.dt.day()
    common = not (as_of.year % 4 == 0 and (as_of.year % 100 != 0 or as_of.year % 400 == 0))
    if leap_day == "february_28" and common:
        birthday = pl.when(birthday == 229).then(228).otherwise(birthday)
    return as_of.year - born.dt.year() - (birthday > as_of.month * 100 + as_of.day).cast(pl.Int32)
