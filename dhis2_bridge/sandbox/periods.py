"""Periods as the sandbox reads them: a text in, its type and its two days out.

Written from the server's rules alone and on purpose not shared with `dhis2_bridge.periods`: where the two differ, one
of them is wrong.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

Version = tuple[int, int, int]

_DAY: Final = timedelta(days=1)

_WEEKS: Final = {"": 0, "Wed": 2, "Thu": 3, "Fri": 4, "Sat": 5, "Sun": 6}
_WEEK_NAMES: Final = {
    "": "Weekly",
    "Wed": "WeeklyWednesday",
    "Thu": "WeeklyThursday",
    "Fri": "WeeklyFriday",
    "Sat": "WeeklySaturday",
    "Sun": "WeeklySunday",
}


@dataclass(frozen=True, slots=True)
class _Months:
    """A period type of whole months: how many, in which month of the named year number one starts, how it is written.

    Months are counted through: 0 is December and -1 November of the year before.
    """

    name: str
    months: int
    first: int
    pattern: str
    written: str
    since: Version = (0, 0, 0)


_BY_MONTHS: Final = (
    _Months("Monthly", 1, 1, r"(\d{4})-?(0[1-9]|1[0-2])", "{y}{n:02}"),
    _Months("BiMonthly", 2, 1, r"(\d{4})(0[1-6])B", "{y}{n:02}B"),
    _Months("Quarterly", 3, 1, r"(\d{4})Q([1-4])", "{y}Q{n}"),
    _Months("QuarterlyNov", 3, -1, r"(\d{4})NovQ([1-4])", "{y}NovQ{n}", (2, 38, 0)),
    _Months("SixMonthly", 6, 1, r"(\d{4})S([12])", "{y}S{n}"),
    _Months("SixMonthlyApril", 6, 4, r"(\d{4})AprilS([12])", "{y}AprilS{n}"),
    _Months("SixMonthlyNov", 6, -1, r"(\d{4})NovS([12])", "{y}NovS{n}"),
    _Months("Yearly", 12, 1, r"(\d{4})()", "{y}"),
    _Months("FinancialFeb", 12, 2, r"(\d{4})Feb()", "{y}Feb", (2, 43, 0)),
    _Months("FinancialApril", 12, 4, r"(\d{4})April()", "{y}April"),
    _Months("FinancialJuly", 12, 7, r"(\d{4})July()", "{y}July"),
    _Months("FinancialAug", 12, 8, r"(\d{4})Aug()", "{y}Aug", (2, 43, 0)),
    _Months("FinancialSep", 12, 9, r"(\d{4})Sep()", "{y}Sep", (2, 42, 0)),
    _Months("FinancialOct", 12, 10, r"(\d{4})Oct()", "{y}Oct"),
    _Months("FinancialNov", 12, -1, r"(\d{4})Nov()", "{y}Nov"),
)
_MONTHS_NAMED: Final = {kind.name: kind for kind in _BY_MONTHS}


@dataclass(frozen=True, slots=True)
class Period:
    """One period: `type` by the server's name, first and last day, and the text the server stores."""

    type: str
    start: date
    end: date
    iso: str


def read(text: str, version: Version) -> Period | None:
    """The period that this server reads from the text, or None."""
    if not text.isascii() or not 4 <= len(text) <= 11:
        return None
    try:
        return _day(text) or _week(text, version) or _fortnight(text) or _of_months(text, version)
    except (ValueError, OverflowError):  # a day that does not exist, or a year outside 1 to 9999
        return None


def containing(type_name: str, day: date) -> Period:
    """The period of this type that holds the day."""
    if type_name == "Daily":
        return Period("Daily", day, day, f"{day:%Y%m%d}")
    if type_name in _MONTHS_NAMED:
        kind = _MONTHS_NAMED[type_name]
        for year in (day.year - 1, day.year, day.year + 1):
            for number in range(1, 12 // kind.months + 1):
                period = _months_period(kind, year, number)
                if period.start <= day <= period.end:
                    return period
    infix = next((short for short, name in _WEEK_NAMES.items() if name == type_name), "")
    year = next(y for y in (day.year + 1, day.year, day.year - 1) if _first_day(y, _WEEKS[infix]) <= day)
    number = (day - _first_day(year, _WEEKS[infix])).days // 7 + 1
    if type_name == "BiWeekly":
        return _fortnight_period(year, (number + 1) // 2)
    return _week_period(infix, year, number)


def moved(period: Period, steps: int) -> Period:
    """The period of the same type so many later, or earlier for a negative number."""
    for _ in range(abs(steps)):
        period = containing(period.type, period.end + _DAY if steps > 0 else period.start - _DAY)
    return period


def _day(text: str) -> Period | None:
    match = re.fullmatch(r"(\d{4})(-?)(\d{2})\2(\d{2})", text)
    if match is None:
        return None
    return containing("Daily", date(int(match[1]), int(match[3]), int(match[4])))


def _week(text: str, version: Version) -> Period | None:
    match = re.fullmatch(r"(\d{4})(Wed|Thu|Fri|Sat|Sun|)W(\d{1,2})", text)
    if match is None or (match[2] == "Fri" and version < (2, 43, 0)):
        return None
    year, number = int(match[1]), int(match[3])
    if not 1 <= number <= _weeks_in(year, _WEEKS[match[2]]):
        return None
    return _week_period(match[2], year, number)


def _fortnight(text: str) -> Period | None:
    match = re.fullmatch(r"(\d{4})BiW(\d{1,2})", text)
    if match is None:
        return None
    year, number = int(match[1]), int(match[2])
    if not 1 <= 2 * number - 1 <= _weeks_in(year, 0):
        return None
    return _fortnight_period(year, number)


def _of_months(text: str, version: Version) -> Period | None:
    for kind in _BY_MONTHS:
        match = re.fullmatch(kind.pattern, text)
        if match is not None and version >= kind.since:
            return _months_period(kind, int(match[1]), int(match[2] or 1))
    return None


def _week_period(infix: str, year: int, number: int) -> Period:
    start = _first_day(year, _WEEKS[infix]) + timedelta(weeks=number - 1)
    return Period(_WEEK_NAMES[infix], start, start + timedelta(days=6), f"{year}{infix}W{number}")


def _fortnight_period(year: int, number: int) -> Period:
    start = _first_day(year, 0) + timedelta(weeks=2 * number - 2)
    return Period("BiWeekly", start, start + timedelta(days=13), f"{year}BiW{number}")


def _months_period(kind: _Months, year: int, number: int) -> Period:
    # Months counted from January of year 0, so that November of the year before is plain subtraction.
    begin = year * 12 + kind.first - 1 + (number - 1) * kind.months
    start, after = _first_of(begin), _first_of(begin + kind.months)
    return Period(kind.name, start, after - _DAY, kind.written.format(y=f"{year:04}", n=number))


def _first_of(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def _first_day(year: int, weekday: int) -> date:
    """The first day of week 1: the week that starts on this weekday and holds 4 January."""
    fourth = date(year, 1, 4)
    return fourth - timedelta(days=(fourth.weekday() - weekday) % 7)


def _weeks_in(year: int, weekday: int) -> int:
    return (_first_day(year + 1, weekday) - _first_day(year, weekday)).days // 7
