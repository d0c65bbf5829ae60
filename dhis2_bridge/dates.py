"""Dates in source cells: by the pattern that a mapping declares, or by an order that a whole column proves.

The order of day and month is a property of a column and never of a cell: 03/04/2024 beside 13/04/2024 is 3 April.

Rules for every reading: a time of day behind a date is checked and left out, and a zone with it (the date stands as it
was written); a date that the calendar does not have, 00.00.0000 included, is no date; only ASCII digits count.
"""

import functools
import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

_TIME: Final = (
    r"(?:(?:[Tt]|,?\s+)(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?(?:\s?[AaPp][Mm])?"
    r"(?:\s?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2}))?)?"
)
_SERIAL: Final = re.compile(r"([0-9]{1,7})(?:[.,][0-9]+)?")
_NO_DATE: Final = re.compile(rf"(?:00?([./-])00?\1(?:0000|00)|0000(?P<sep>[./-])00?(?P=sep)00?){_TIME}")
_FIELD: Final = re.compile("d+|m+|y+")
_WIDTHS: Final = {"d": (1, 2), "dd": (1, 2), "m": (1, 2), "mm": (1, 2), "yy": (2, 2), "yyyy": (4, 4)}
_LETTERS: Final = str.maketrans("дмг", "dmy")  # дд.мм.гггг

LATEST_YEAR: Final = 2029
"""The last year that two digits stand for unless the caller says otherwise: 30 is 1930, as spreadsheets have it."""


@dataclass(frozen=True, slots=True)
class DatePattern:
    """One way to write dates; `text` is how a mapping spells it."""

    text: str
    _regex: re.Pattern[str] | None
    _latest_year: int = LATEST_YEAR
    _from_1904: bool = False

    def read(self, text: str) -> date | None:
        """The date that the text writes in this pattern, or None."""
        text = text.strip()
        if self._regex is None:
            found = _SERIAL.fullmatch(text)
            return from_serial(int(found[1]), from_1904=self._from_1904) if found else None
        found = self._regex.fullmatch(text)
        if found is None:
            return None
        year = int(found["y"])
        if len(found["y"]) == 2:
            year = self._latest_year - (self._latest_year - year) % 100
        try:
            return date(year, int(found["m"]), int(found["d"]))
        except ValueError:
            return None


@functools.lru_cache(maxsize=256)
def pattern(text: str, *, latest_year: int = LATEST_YEAR) -> DatePattern:
    """The pattern that a mapping spells: `dd.mm.yyyy`, `d/m/yy`, `yyyymmdd`, `iso`, `serial`, `serial1904`.

    Day, month and year stand once each, with any separators between; `d` and `dd` both take one or two digits where a
    separator follows. `дд.мм.гггг` is the same in Cyrillic letters. `yy` takes two digits, in the hundred years that
    end with `latest_year`. `iso` is yyyy-mm-dd or yyyymmdd. `serial` is a spreadsheet's count of days (a fraction is a
    time of day), `serial1904` that of a workbook in the 1904 system. Raises `ValueError` with the reason.
    """
    wanted = text.strip().lower()
    if wanted in {"serial", "serial1904"}:
        return DatePattern(wanted, None, _from_1904=wanted == "serial1904")
    if wanted == "iso":
        return DatePattern(wanted, _compiled(r"(?P<y>[0-9]{4})(?P<sep>-?)(?P<m>[0-9]{2})(?P=sep)(?P<d>[0-9]{2})"))
    spelled = wanted.translate(_LETTERS)
    fields = list(_FIELD.finditer(spelled))
    if sorted(one[0][0] for one in fields) != ["d", "m", "y"] or any(one[0] not in _WIDTHS for one in fields):
        raise ValueError(f"the date pattern {text!r} is none of d, dd, m, mm, yy, yyyy once each, iso or serial")
    parts = []
    place = 0
    for index, one in enumerate(fields):
        least, most = _WIDTHS[one[0]]
        touching = (index > 0 and one.start() == place) or (
            index + 1 < len(fields) and one.end() == fields[index + 1].start()
        )
        if touching:  # without a separator only the width tells where a field ends
            if one[0] in {"d", "m"}:
                raise ValueError(f"the date pattern {text!r} needs two letters where no separator follows")
            least = most
        parts += [re.escape(spelled[place : one.start()]), f"(?P<{one[0][0]}>[0-9]{{{least},{most}}})"]
        place = one.end()
    return DatePattern(wanted, _compiled("".join(parts) + re.escape(spelled[place:])), latest_year)


def from_serial(number: int, *, from_1904: bool = False) -> date | None:
    """The date of a spreadsheet's serial number, or None where it has none.

    The 1900 system counts a 29 February 1900 that never was (60): no date.
    """
    if from_1904:
        origin, least = date(1904, 1, 1), 0
    else:
        origin, least = (date(1899, 12, 31) if number < 60 else date(1899, 12, 30)), 1
    if number < least or (number == 60 and not from_1904):
        return None
    try:
        return origin + timedelta(days=number)
    except OverflowError:
        return None


def is_no_date(text: str) -> bool:
    """Whether the text is what systems write where there is no date: 00.00.0000, 0000-00-00."""
    return _NO_DATE.fullmatch(text.strip()) is not None


class Order(StrEnum):
    """An order of day, month and year that a column may be written in."""

    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"
    YEAR_FIRST = "year_first"

    @property
    def pattern(self) -> DatePattern:
        """The pattern that reads this order: full years, and any of `.`, `/`, `-` between."""
        return _ORDERS[self]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the texts of a column say together.

    Either `order` is known, or `code` is the finding: `date.ambiguous` with one text in `texts` and its two
    `readings`, or `date.mixed` with two texts that no single order fits. All empty: no text was a date.
    """

    order: Order | None = None
    code: str | None = None
    texts: tuple[str, ...] = ()
    readings: tuple[date, ...] = ()


@dataclass(slots=True)
class OrderEvidence:
    """What the distinct texts of one column prove about its order, gathered in any number of batches.

    Feed every text of the column, date cells of a workbook in their ISO text among them: a program that took
    03/04/2024 for 4 March and left 13/04/2024 as text has swapped days in silence, so dates with the year first
    beside others are mixed. The verdict does not depend on the order of feeding. Texts that are no dates, and
    those with two-digit years (they could be any order, and need a declared pattern), prove nothing.
    """

    _only: dict[Order, str] = field(default_factory=dict)
    _either: str | None = None
    _same: str | None = None

    def add(self, text: str) -> None:
        """Take one text into account."""
        readings = _readings(text)
        if len(readings) == 1:
            (order,) = readings
            self._only[order] = _least(self._only.get(order), text)
        elif len(set(readings.values())) == 1:
            self._same = _least(self._same, text)
        elif readings:
            self._either = _least(self._either, text)

    def verdict(self) -> Verdict:
        """What the texts so far say."""
        proven = sorted(self._only)
        open_text = self._either if self._either is not None else self._same
        if len(proven) > 1:
            return Verdict(code="date.mixed", texts=tuple(self._only[order] for order in proven[:2]))
        if proven == [Order.YEAR_FIRST] and open_text is not None:
            return Verdict(code="date.mixed", texts=(self._only[Order.YEAR_FIRST], open_text))
        if proven:
            return Verdict(order=proven[0])
        if self._either is not None:
            return Verdict(
                code="date.ambiguous", texts=(self._either,), readings=tuple(_readings(self._either).values())
            )
        # 05/05/2024 alone is the same day in both orders.
        return Verdict(order=None if self._same is None else Order.DAY_FIRST)


def _readings(text: str) -> dict[Order, date]:
    readings = {order: day for order in Order if (day := order.pattern.read(text)) is not None}
    # No locale of CLDR writes the month first with full stops.
    if Order.DAY_FIRST in readings and text.strip().lstrip("0123456789").startswith("."):
        readings.pop(Order.MONTH_FIRST, None)
    return readings


def _least(one: str | None, other: str) -> str:
    return other if one is None else min(one, other)


def _compiled(regex: str) -> re.Pattern[str]:
    return re.compile(regex + _TIME)


def _order_pattern(order: Order, first: str, second: str, third: str) -> DatePattern:
    digits = {"d": "[0-9]{1,2}", "m": "[0-9]{1,2}", "y": "[0-9]{4}"}
    regex = (
        rf"(?P<{first}>{digits[first]})(?P<sep>[./-])(?P<{second}>{digits[second]})(?P=sep)(?P<{third}>{digits[third]})"
    )
    return DatePattern(order.value, _compiled(regex))


_ORDERS: Final = {
    Order.DAY_FIRST: _order_pattern(Order.DAY_FIRST, "d", "m", "y"),
    Order.MONTH_FIRST: _order_pattern(Order.MONTH_FIRST, "m", "d", "y"),
    Order.YEAR_FIRST: _order_pattern(Order.YEAR_FIRST, "y", "m", "d"),
}
