"""Periods of DHIS2: types, ISO notation, bounds, neighbours, and periods in the words of forms.

Types and notation are those of the server's parser (dhis2-core, `DateUnitPeriodTypeParser`), in the ISO 8601 calendar.
A period has one canonical ISO text: the server stores that one, and two spellings of a period are one key.
"""

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from dhis2_bridge.dates import from_serial
from dhis2_bridge.names import clean
from dhis2_bridge.period_words import Said, said

PERIOD_TYPES: Final[dict[str, tuple[int, int] | None]] = {
    "Daily": None,
    "Weekly": None,
    "WeeklyWednesday": None,
    "WeeklyThursday": None,
    "WeeklyFriday": (2, 43),
    "WeeklySaturday": None,
    "WeeklySunday": None,
    "BiWeekly": None,
    "Monthly": None,
    "BiMonthly": None,
    "Quarterly": None,
    "QuarterlyNov": (2, 38),
    "SixMonthly": None,
    "SixMonthlyApril": None,
    "SixMonthlyNov": None,
    "Yearly": None,
    "FinancialFeb": (2, 43),
    "FinancialApril": None,
    "FinancialJuly": None,
    "FinancialAug": (2, 43),
    "FinancialSep": (2, 42),
    "FinancialOct": None,
    "FinancialNov": None,
}
"""Every period type of DHIS2, with the first server version that has it where not all in use have."""

REASONS: Final = (
    "day_month_order",  # 03/09/2026
    "impossible_date",  # 30 February
    "loose_number",  # a number that is no day, year, quarter, half, week or run
    "no_number",  # a quarter, half or week without its number
    "no_period",  # nothing but words such as "report for the period"
    "no_year",
    "not_a_boundary",  # the state on a day on which no period of the type begins or ends
    "not_an_end",  # figures since the start of the year up to where no period of the type ends
    "serial",  # a bare number that looks like a spreadsheet's date
    "several",  # two months, two years, a month and a quarter
    "short_year",  # two digits
    "state_of_day",  # the state on a day, where the type is Daily: that day, or the one before it
    "state_without_day",
    "unknown_word",
)
"""Why a text is `period.unreadable`: the values of its argument `reason`."""


@dataclass(frozen=True, slots=True)
class Period:
    """One period; `iso` is its canonical text, `start` and `end` its first and last day."""

    iso: str
    period_type: str
    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a text is no period of the type: the code of a finding with its arguments.

    `period.missing`; `period.unreadable` with `period_type` wanted, `reason` (one of `REASONS`) and `hint` (a date, a
    period, a word; empty where there is none); `period.wrong_type` with the `period_type` that the text names and the
    one `expected`; `period.cumulative` with `months`, None where the text does not say how many.
    """

    code: str
    arguments: Mapping[str, str | int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Months:
    """Periods of whole months: the first of a year begins in `first` of the year `earlier` years before it."""

    length: int
    infix: str
    first: int = 1
    earlier: int = 0


@dataclass(frozen=True, slots=True)
class _Weeks:
    """Periods of whole weeks from a weekday (Monday is 0); the first week of a year has at least four days in it."""

    first: int
    infix: str
    length: int = 1


_WEEKS: Final = {
    "Weekly": _Weeks(0, "W"),
    "WeeklyWednesday": _Weeks(2, "WedW"),
    "WeeklyThursday": _Weeks(3, "ThuW"),
    "WeeklyFriday": _Weeks(4, "FriW"),
    "WeeklySaturday": _Weeks(5, "SatW"),
    "WeeklySunday": _Weeks(6, "SunW"),
    "BiWeekly": _Weeks(0, "BiW", 2),
}
_MONTHS: Final = {
    "Monthly": _Months(1, ""),
    "BiMonthly": _Months(2, "B"),
    "Quarterly": _Months(3, "Q"),
    "QuarterlyNov": _Months(3, "NovQ", first=11, earlier=1),
    "SixMonthly": _Months(6, "S"),
    "SixMonthlyApril": _Months(6, "AprilS", first=4),
    "SixMonthlyNov": _Months(6, "NovS", first=11, earlier=1),
    "Yearly": _Months(12, ""),
    "FinancialFeb": _Months(12, "Feb", first=2),
    "FinancialApril": _Months(12, "April", first=4),
    "FinancialJuly": _Months(12, "July", first=7),
    "FinancialAug": _Months(12, "Aug", first=8),
    "FinancialSep": _Months(12, "Sep", first=9),
    "FinancialOct": _Months(12, "Oct", first=10),
    "FinancialNov": _Months(12, "Nov", first=11, earlier=1),
}

_DAY: Final = re.compile("([0-9]{4})(-?)([0-9]{2})\\2([0-9]{2})")
_MONTH: Final = re.compile("([0-9]{4})-?([0-9]{2})")
_BI_MONTH: Final = re.compile("([0-9]{4})([0-9]{2})B")
_OTHER: Final = re.compile("([0-9]{4})([A-Za-z]*)([0-9]{0,2})")
_OF_INFIX: Final = {
    **{weeks.infix: name for name, weeks in _WEEKS.items()},
    **{months.infix: name for name, months in _MONTHS.items() if name not in {"Monthly", "BiMonthly"}},
}
# A bare number of five digits in these years is a date that lost its format, not a period.
_SERIAL: Final = re.compile("([0-9]{5})(?:[.,][0-9]+)?")
_SERIAL_YEARS: Final = range(1990, 2100)


def available(period_type: str, version: tuple[int, int] | None) -> bool:
    """Whether a server of this version has the period type; every type of DHIS2 where the version is not known."""
    if period_type not in PERIOD_TYPES:
        return False
    since = PERIOD_TYPES[period_type]
    return since is None or version is None or version >= since


def parse(text: str) -> Period | None:
    """The period that an ISO text names, in any form the server reads, or None.

    Exactly these forms: no white space, no other digits than ASCII, infixes in their own case. `2024W05`, `2024-01`
    and `2024-01-15` are read; `iso` of the answer is canonical.
    """
    if match := _MONTH.fullmatch(text):
        return _period("Monthly", int(match[1]), int(match[2]))
    if match := _BI_MONTH.fullmatch(text):
        return _period("BiMonthly", int(match[1]), int(match[2]))
    if match := _DAY.fullmatch(text):
        try:
            return containing("Daily", date(int(match[1]), int(match[3]), int(match[4])))
        except ValueError:
            return None
    match = _OTHER.fullmatch(text)
    if match is None or (period_type := _OF_INFIX.get(match[2])) is None:
        return None
    digits = match[3]
    months = _MONTHS.get(period_type)
    wanted = (1, 2) if months is None else (0,) if months.length == 12 else (1,)
    return _period(period_type, int(match[1]), int(digits or 1)) if len(digits) in wanted else None


def containing(period_type: str, day: date) -> Period:
    """The period of a type that a day lies in.

    In the week after a year of 53 weeks two bi-weekly periods overlap (2026BiW27, 2027BiW1): the later one. Raises
    `ValueError` where the period reaches outside the years 1 to 9999.
    """
    if period_type == "Daily":
        return Period(day.isoformat().replace("-", ""), period_type, day, day)
    if months := _MONTHS.get(period_type):
        year, place = divmod((day.year * 12 + day.month - months.first) // months.length, 12 // months.length)
        return _found(_period(period_type, year + months.earlier, place + 1), period_type, day)
    weeks = _WEEKS[period_type]
    # A week belongs to the year of its fourth day.
    fourth = day.toordinal() - (day.weekday() - weeks.first) % 7 + 3
    if not 1 <= fourth <= date.max.toordinal():
        return _found(None, period_type, day)
    middle = date.fromordinal(fourth)
    week = (middle.timetuple().tm_yday - 1) // 7
    return _found(_period(period_type, middle.year, week // weeks.length + 1), period_type, day)


def neighbour(period: Period, steps: int) -> Period:
    """The period of the same type that is so many steps later, or earlier where `steps` is negative.

    Raises `ValueError` where it reaches outside the years 1 to 9999.
    """
    name, start = period.period_type, period.start
    if months := _MONTHS.get(name):
        index = start.year * 12 + start.month - months.first + steps * months.length
        year, place = divmod(index // months.length, 12 // months.length)
        return _found(_period(name, year + months.earlier, place + 1), name, start)
    if name == "BiWeekly":
        # Counted by number: the 27th of a long year and the first of the next begin one week apart.
        year, number = int(period.iso[:4]), int(period.iso[7:]) + steps
        while number < 1 and year > 1:
            year -= 1
            number += _bi_weeks(year)
        while year < 9999 and number > _bi_weeks(year):
            number -= _bi_weeks(year)
            year += 1
        return _found(_period(name, year, number), name, start)
    ordinal = start.toordinal() + steps * (1 if name == "Daily" else 7)
    if not 1 <= ordinal <= date.max.toordinal():
        return _found(None, name, start)
    return containing(name, date.fromordinal(ordinal))


def of_year(period_type: str, year: int) -> list[Period]:
    """The periods whose ISO text begins with this year, in order; none outside the years 1 to 9999."""
    if period_type == "Daily" and 1 <= year <= 9999:
        days = range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1)
        return [containing(period_type, date.fromordinal(day)) for day in days]
    periods: list[Period] = []
    while (period := _period(period_type, year, len(periods) + 1)) is not None:
        periods.append(period)
    return periods


def read(text: str, period_type: str, *, cumulative: bool = False) -> Period | Problem:
    """The period of this type that a cell or a title names, in ISO form or in words; never raises for a text.

    Words are Uzbek in both alphabets, Russian and English: `2026-yil sentabr oyi`, `III квартал 2026 г.`, `09.2026`.
    The state on a day (`на 1 января 2027 г.`, `as of 31 December 2026`) is the period that ended just before, or that
    ends with, that day. Figures since the start of the year (`9 oylik`, `с начала года`) are `period.cumulative`;
    with `cumulative`, which a mapping declares, they belong to the period that ends them, and so do a quarter or a
    half-year from 1 January where the type is shorter. A plain date is a day and nothing longer: a caller who knows
    that a cell is a date takes the period `containing` it.
    """
    text = clean(text)
    if not text:
        return Problem("period.missing")
    period = parse(text)
    if period is None:
        if (match := _SERIAL.fullmatch(text)) and (day := from_serial(int(match[1]))) and day.year in _SERIAL_YEARS:
            return _unreadable(period_type, "serial", day.isoformat())
        found = _of_words(said(text), period_type, cumulative)
        if isinstance(found, Problem):
            return found
        period = found
    if period.period_type == period_type:
        return period
    if cumulative and period.period_type in {"Quarterly", "SixMonthly"} and period.start.month == 1:
        ended = _ended_by(period_type, period.start, period.end)
        if ended is not None:
            return ended
    return Problem("period.wrong_type", {"period_type": period.period_type, "expected": period_type})


def _of_words(found: Said, period_type: str, cumulative: bool) -> Period | Problem:
    """The period that the words name, of whatever type, or why they name none."""
    ends = found.runs | found.months | {3 * n for n in found.quarters} | {6 * n for n in found.halves}
    if found.cumulative and len(ends) > 1:
        ends.discard(1)  # "9 months (January to September)"
    if found.cumulative and not cumulative:
        return Problem("period.cumulative", {"months": ends.pop() if len(ends) == 1 and not found.days else None})
    units = [found.months, found.quarters, found.halves, found.weeks]
    one_of_each = [ends] if found.cumulative else units
    if any(len(one) > 1 for one in (found.years, found.days, *one_of_each)) or sum(map(bool, one_of_each)) > 1:
        return _unreadable(period_type, "several")
    if found.faults:
        return _unreadable(period_type, *found.faults[0])
    if not found.years:
        return _unreadable(period_type, "no_year" if any(one_of_each) else "no_period")
    (year,) = found.years
    month = next(iter(ends), None)
    day = None
    if month is not None and found.days:
        try:
            day = date(year, month, *found.days)
        except ValueError:
            return _unreadable(period_type, "impossible_date")
    if found.cumulative:
        if month is None:
            return _unreadable(period_type, "no_period")
        if day is None:
            day = containing("Monthly", date(year, month, 1)).end
        elif found.state and day.day == 1:
            day -= timedelta(days=1)
        return _ended_by(period_type, date(day.year, 1, 1), day) or _unreadable(period_type, "not_an_end")
    if day is not None:
        return _as_of(period_type, day) if found.state else containing("Daily", day)
    for named, numbers in zip(("Monthly", "Quarterly", "SixMonthly", "Weekly"), units, strict=True):
        for number in numbers:
            return _period(named, year, number) or _unreadable(period_type, "loose_number", str(number))
    return containing("Yearly", date(year, 1, 1))


def _as_of(period_type: str, day: date) -> Period | Problem:
    """The period whose end the state on a day describes: it ended the day before, or ends with that day."""
    if period_type == "Daily":
        return _unreadable(period_type, "state_of_day", day.isoformat())
    for last in (day - timedelta(days=1), day):
        period = containing(period_type, last)
        if period.end == last:
            return period
    return _unreadable(period_type, "not_a_boundary", containing(period_type, day).start.isoformat())


def _ended_by(period_type: str, since: date, end: date) -> Period | None:
    """The period of whole months that ends a run of figures, or None where none ends there."""
    if period_type not in _MONTHS:
        return None
    period = containing(period_type, end)
    return period if period.end == end and period.start >= since else None


def _unreadable(period_type: str, reason: str, hint: str = "") -> Problem:
    return Problem("period.unreadable", {"period_type": period_type, "reason": reason, "hint": hint})


def _period(period_type: str, year: int, number: int) -> Period | None:
    """The period with this number, from 1, of a year; None where the year or the calendar has none."""
    if not 1 <= year <= 9999 or number < 1:
        return None
    if weeks := _WEEKS.get(period_type):
        fourth = date(year, 1, 4)
        start = fourth.toordinal() - (fourth.weekday() - weeks.first) % 7 + 7 * weeks.length * (number - 1)
        end = start + 7 * weeks.length - 1
        if start < 1 or end > date.max.toordinal() or date.fromordinal(start + 3).year != year:
            return None
        return Period(f"{year:04}{weeks.infix}{number}", period_type, date.fromordinal(start), date.fromordinal(end))
    months = _MONTHS[period_type]
    if number > 12 // months.length:
        return None
    first = (year - months.earlier) * 12 + months.first - 1 + (number - 1) * months.length
    last = first + months.length - 1
    if first < 12 or last // 12 > 9999:
        return None
    name = {1: f"{number:02}", 2: f"{number:02}B", 12: months.infix}.get(months.length, f"{months.infix}{number}")
    end_day = calendar.monthrange(last // 12, last % 12 + 1)[1]
    return Period(
        f"{year:04}{name}",
        period_type,
        date(first // 12, first % 12 + 1, 1),
        date(last // 12, last % 12 + 1, end_day),
    )


def _bi_weeks(year: int) -> int:
    return 27 if date(year, 12, 28).isocalendar().week == 53 else 26


def _found(period: Period | None, period_type: str, day: date) -> Period:
    if period is None:
        raise ValueError(f"no {period_type} period near {day.isoformat()}: years run from 1 to 9999")
    return period
