import csv
import itertools
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhis2_bridge.periods import (
    PERIOD_TYPES,
    REASONS,
    Period,
    Problem,
    available,
    containing,
    neighbour,
    of_year,
    parse,
    read,
)

TYPES = st.sampled_from(sorted(PERIOD_TYPES))
DAYS = st.dates(date(1000, 1, 1), date(9000, 12, 31))
ANY_DAY = st.dates(date(3, 1, 1), date(9997, 12, 31))


def the_iso(found: Period | Problem) -> str:
    assert isinstance(found, Period), found
    return found.iso


def the_reason(text: str, period_type: str) -> tuple[object, object]:
    found = read(text, period_type)
    assert isinstance(found, Problem), found
    assert found.code == "period.unreadable", found
    return found.arguments["reason"], found.arguments["hint"]


# -- ISO notation ----------------------------------------------------------------------------------------------------


def test_notation_is_that_of_the_server(shared: Path) -> None:
    vectors = shared / "reference" / "dhis2-vectors.csv"
    tried = 0
    with vectors.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["area"] == "date_to_period":
                period = containing(row["context"], date.fromisoformat(row["input"]))
                assert period.iso == row["expected"], row
            elif row["area"] == "period":
                found = parse(row["input"])
                if row["expected"].startswith("invalid"):
                    assert found is None, row
                else:
                    assert found is not None, row
                    period_type, *_, bounds = row["expected"].split()
                    assert found.period_type == period_type, row
                    assert bounds in {f"{found.start}..{found.end}", "valid"}, row
            else:
                continue
            tried += 1
    assert tried > 80


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2024W05", "2024W5"),
        ("2024BiW05", "2024BiW5"),
        ("2024SunW05", "2024SunW5"),
        ("2024-01", "202401"),
        ("2024-01-15", "20240115"),
        ("202406B", "202406B"),
        ("2024NovQ4", "2024NovQ4"),
        ("2024AprilS2", "2024AprilS2"),
        ("0999", "0999"),
    ],
)
def test_two_spellings_are_one_period(text: str, iso: str) -> None:
    assert the_iso(parse(text) or Problem("")) == iso


@pytest.mark.parametrize(
    "text",
    [
        "２０２４",
        "٢٠٢٤",
        "202٤",
        "2024\n",
        " 2024",
        "2024q1",
        "2024aprilS1",
        "2024-Q1",
        "2024-W05",
        "2024W005",
        "2024Q01",
        "2024-1",
        "202413",
        "2024-0115",
        "20240230",
        "2024April1",
        "0000",
        "0001Nov",
        "9999AprilS2",
        "9999W53",
        "",
    ],
)
def test_what_is_no_iso_period(text: str) -> None:
    assert parse(text) is None


def test_versions_limit_the_types() -> None:
    assert available("Monthly", (2, 30))
    assert not available("FinancialAug", (2, 42))
    assert available("FinancialAug", (2, 43))
    assert available("WeeklyFriday", None)
    assert not available("FinancialYearly", None)


@given(TYPES, ANY_DAY)
def test_a_day_lies_in_its_period(period_type: str, day: date) -> None:
    period = containing(period_type, day)
    assert period.start <= day <= period.end
    assert period.period_type == period_type
    assert parse(period.iso) == period
    assert read(period.iso, period_type) == period
    assert 4 <= len(period.iso) <= 11


@given(TYPES.filter(lambda name: name != "BiWeekly"), DAYS, st.integers(-500, 500))
def test_neighbours_leave_no_gap(period_type: str, day: date, steps: int) -> None:
    period = containing(period_type, day)
    following = neighbour(period, 1)
    assert following.start == period.end + timedelta(days=1)
    assert neighbour(following, -1) == period
    assert neighbour(neighbour(period, steps), -steps) == period


@given(DAYS, st.integers(-500, 500))
def test_bi_weekly_neighbours_overlap_only_after_a_long_year(day: date, steps: int) -> None:
    period = containing("BiWeekly", day)
    following = neighbour(period, 1)
    days = (following.start - period.start).days
    assert days == (7 if period.iso.endswith("BiW27") else 14)
    assert neighbour(neighbour(period, steps), -steps) == period


@given(TYPES, st.integers(1000, 9000))
def test_the_periods_of_a_year_are_those_that_name_it(period_type: str, year: int) -> None:
    periods = of_year(period_type, year)
    assert all(period.iso.startswith(f"{year:04}") for period in periods)
    assert not neighbour(periods[0], -1).iso.startswith(f"{year:04}")
    assert not neighbour(periods[-1], 1).iso.startswith(f"{year:04}")
    assert all(neighbour(one, 1) == other for one, other in itertools.pairwise(periods))


@pytest.mark.parametrize("day", [date.min, date.max])
def test_the_ends_of_the_calendar_are_an_error_and_not_a_wrong_period(day: date) -> None:
    for period_type in PERIOD_TYPES:
        try:
            period = containing(period_type, day)
        except ValueError:
            continue
        assert period.start <= day <= period.end
        with pytest.raises(ValueError, match="years run from 1 to 9999"):
            neighbour(period, -1 if day == date.min else 1)


# -- words -----------------------------------------------------------------------------------------------------------

MONTHS = [
    "yanvar январь январ января jan янв January yanvarda",
    "fevral февраль феврал февраля feb фев February fevralda",
    "mart март марта mar мар March martdan",
    "aprel апрель апрел апреля apr апр April aprelning",
    "may май мая мае May mayda",
    "iyun июнь июн июня jun June iyunda",
    "iyul июль июл июля jul July iyulda",
    "avgust август августа aug авг August avgustda",
    "sentabr sentyabr сентябрь сентябр сентября sep сен сент September sentabrda сентябрда",
    "oktabr oktyabr октябрь октябр октября oct окт October oktabrdagi",
    "noyabr ноябрь ноябр ноября nov ноя November noyabrda",
    "dekabr декабрь декабр декабре dec дек December dekabrda",
]


@pytest.mark.parametrize(
    ("word", "number"), [(word, n) for n, words in enumerate(MONTHS, start=1) for word in words.split()]
)
def test_months_in_every_language(word: str, number: int) -> None:
    for text in (f"2026 {word}", f"{word.upper()} 2026", f"2026-yil {word} oyi", f"за {word}, 2026 г."):
        assert the_iso(read(text, "Monthly")) == f"2026{number:02}"


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-yil sentabr oyi", "202609"),
        ("сентябрь 2026 г.", "202609"),
        ("за сентябрь месяц 2026 года", "202609"),
        ("Отчётный период: сентябрь 2026", "202609"),
        ("2026 йилнинг сентябрь ойи учун ҳисобот", "202609"),
        ("sentyabr ayı 2026-jıl", "202609"),
        ("cентябрь 2026", "202609"),  # the first letter is Latin
        ("sentyabr' 2026", "202609"),
        ("sentabr\u00a0\u200b2026", "202609"),
        ("sentabr_2026", "202609"),
        ("сентябрь (sentabr) 2026 (09.2026)", "202609"),
        ("09.2026", "202609"),
        ("9/2026", "202609"),
        ("2026.9", "202609"),
    ],
)
def test_months_in_words(text: str, iso: str) -> None:
    assert the_iso(read(text, "Monthly")) == iso


@pytest.mark.parametrize(
    ("text", "period_type", "iso"),
    [
        ("3-chorak 2026", "Quarterly", "2026Q3"),
        ("2026-yil III chorak", "Quarterly", "2026Q3"),
        ("III чорак 2026", "Quarterly", "2026Q3"),
        ("ІІІ квартал 2026", "Quarterly", "2026Q3"),  # Ukrainian letters
        ("Ⅲ квартал 2026", "Quarterly", "2026Q3"),
        ("III квартал 2026 г.", "Quarterly", "2026Q3"),
        ("за 3-й квартал 2026 года", "Quarterly", "2026Q3"),
        ("2-ой кв. 2026", "Quarterly", "2026Q2"),
        ("Q3 2026", "Quarterly", "2026Q3"),
        ("2026-Q3", "Quarterly", "2026Q3"),
        ("3rd quarter of 2026", "Quarterly", "2026Q3"),
        ("to'rtinchi chorak 2026", "Quarterly", "2026Q4"),
        ("2026-yil 1-yarim yillik", "SixMonthly", "2026S1"),
        ("2026 йил I ярим йиллик", "SixMonthly", "2026S1"),
        ("1 полугодие 2026", "SixMonthly", "2026S1"),
        ("за второе полугодие 2026 года", "SixMonthly", "2026S2"),
        ("first half of 2026", "SixMonthly", "2026S1"),
        ("2026-yil", "Yearly", "2026"),
        ("2026 йил", "Yearly", "2026"),
        ("2026 год", "Yearly", "2026"),
        ("годовой отчет за 2026 г.", "Yearly", "2026"),
        ("2026-yil 5-hafta", "Weekly", "2026W5"),
        ("неделя 5, 2026", "Weekly", "2026W5"),
        ("2026 йил 3 сентябрь", "Daily", "20260903"),
        ("September 3, 2026", "Daily", "20260903"),
        ("03.09.2026", "Daily", "20260903"),
    ],
)
def test_other_periods_in_words(text: str, period_type: str, iso: str) -> None:
    assert the_iso(read(text, period_type)) == iso


@pytest.mark.parametrize(
    "text",
    [
        "as of 1 January 2027",
        "as at January 1, 2027",
        "на 1 января 2027 г.",
        "по состоянию на 01.01.2027",
        "2027-yil 1-yanvar holatiga",
        "2027 йил 1 январь ҳолатига",
        "01.01.2027 holatiga",
        "as of 31 December 2026",
    ],
)
def test_a_state_date_is_the_period_that_ended(text: str) -> None:
    assert the_iso(read(text, "Yearly")) == "2026"
    assert the_iso(read(text, "Quarterly")) == "2026Q4"
    assert the_iso(read(text, "SixMonthly")) == "2026S2"
    assert the_iso(read(text, "Monthly")) == "202612"


@given(TYPES.filter(lambda name: name not in {"Daily", "BiWeekly"}), st.dates(date(1950, 1, 1), date(2150, 1, 1)))
def test_only_the_edge_of_a_period_is_a_state_date(period_type: str, day: date) -> None:
    found = read(f"на {day:%d.%m.%Y}", period_type)
    if isinstance(found, Period):
        assert day - found.end in {timedelta(0), timedelta(days=1)}
    else:
        period = containing(period_type, day)
        assert period.start < day < period.end
        assert (found.arguments["reason"], found.arguments["hint"]) == ("not_a_boundary", str(period.start))


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("2026-yil 9 oylik", 9),
        ("9 ойлик", 9),
        ("за 9 месяцев 2026 года", 9),
        ("9 months 2026", 9),
        ("9 месяцев (январь-сентябрь) 2026", 9),
        ("с начала года по сентябрь 2026", 9),
        ("yil boshidan", None),
        ("йил бошидан 2026", None),
        ("нарастающим итогом с начала года", None),
        ("с начала года на 1 октября 2026", None),
    ],
)
def test_figures_since_the_start_of_the_year_are_no_period(text: str, months: int | None) -> None:
    for period_type in ("Monthly", "Quarterly", "Yearly"):
        assert read(text, period_type) == Problem("period.cumulative", {"months": months})


@pytest.mark.parametrize(
    ("text", "period_type", "iso"),
    [
        ("9 oylik 2026", "Monthly", "202609"),
        ("9 месяцев 2026 г.", "Quarterly", "2026Q3"),
        ("6 oylik 2026", "SixMonthly", "2026S1"),
        ("12 oylik 2026", "Yearly", "2026"),
        ("с начала года по сентябрь 2026", "Monthly", "202609"),
        ("9 месяцев (январь-сентябрь) 2026", "Monthly", "202609"),
        ("с начала года на 1 октября 2026", "Quarterly", "2026Q3"),
        ("с начала года на 1 января 2027", "Quarterly", "2026Q4"),
        ("I полугодие 2026", "Quarterly", "2026Q2"),
        ("сентябрь 2026", "Monthly", "202609"),
    ],
)
def test_declared_cumulative_figures_belong_to_the_period_that_ends_them(text: str, period_type: str, iso: str) -> None:
    assert the_iso(read(text, period_type, cumulative=True)) == iso


@pytest.mark.parametrize(
    ("text", "period_type", "code"),
    [
        ("9 oylik 2026", "SixMonthly", "period.unreadable"),
        ("9 oylik 2026", "FinancialOct", "period.unreadable"),
        ("9 oylik 2026", "Weekly", "period.unreadable"),
        ("с начала года 2026", "Monthly", "period.unreadable"),
        ("с начала года 2026-13-01", "Monthly", "period.unreadable"),
        ("II полугодие 2026", "Quarterly", "period.wrong_type"),
        ("2026", "Quarterly", "period.wrong_type"),
    ],
)
def test_declared_cumulative_figures_that_end_no_period(text: str, period_type: str, code: str) -> None:
    found = read(text, period_type, cumulative=True)
    assert isinstance(found, Problem)
    assert found.code == code


@pytest.mark.parametrize(
    ("text", "wanted", "named"),
    [
        ("2026Q3", "Monthly", "Quarterly"),
        ("2026", "Monthly", "Yearly"),
        ("2026-yil", "Monthly", "Yearly"),
        ("III квартал 2026", "Monthly", "Quarterly"),
        ("III квартал 2026", "QuarterlyNov", "Quarterly"),
        ("сентябрь 2026", "Quarterly", "Monthly"),
        ("1-yanvar 2027", "Yearly", "Daily"),
        ("2024-01-01", "Monthly", "Daily"),
    ],
)
def test_a_period_of_another_length(text: str, wanted: str, named: str) -> None:
    assert read(text, wanted) == Problem("period.wrong_type", {"period_type": named, "expected": wanted})


@pytest.mark.parametrize(
    ("text", "reason", "hint"),
    [
        ("sentabr-oktabr 2026", "several", ""),
        ("с января по март 2026", "several", ""),
        ("сентябрь 2026 - сентябрь 2027", "several", ""),
        ("2026-2027", "several", ""),
        ("сентябрь, III квартал 2026", "several", ""),
        ("сентябрь 2026 (10.2026)", "several", ""),
        ("сентябрь", "no_year", ""),
        ("отчет за период", "no_period", ""),
        ("...", "no_period", ""),
        ("Jan-24", "short_year", "202401"),
        ("сентябрь 26 г.", "short_year", "202609"),
        ("09.26", "loose_number", "09.26"),
        ("9 oy 2026", "loose_number", "9"),
        ("13.2026", "loose_number", "13.2026"),
        ("5 chorak 2026", "loose_number", "5"),
        ("квартал 2026", "no_number", "квартал"),
        ("1-30 сентября 2026", "loose_number", "1-30"),
        ("кроме сентября 2026", "unknown_word", "кроме"),
        ("sentabrgacha 2026", "unknown_word", "sentabrgacha"),
        ("сентябрь 2026?", "unknown_word", "?"),
        ("с сентября 2026", "unknown_word", "с"),
        ("sentabr ２０２６", "unknown_word", "２"),
        ("45413", "serial", "2024-05-01"),
        ("45413.5", "serial", "2024-05-01"),
        ("03/09/2026", "day_month_order", "2026-03-09, 2026-09-03"),
        ("30 февраля 2026", "impossible_date", ""),
        ("30.02.2026", "impossible_date", ""),
        ("as of 2026", "state_without_day", ""),
        ("на 15 января 2027 г.", "not_a_boundary", "2027-01-01"),
    ],
)
def test_a_text_that_leaves_a_doubt_is_refused(text: str, reason: str, hint: str) -> None:
    assert the_reason(text, "Monthly") == (reason, hint)


def test_the_state_on_a_day_is_no_daily_period() -> None:
    assert the_reason("на 1 января 2027 г.", "Daily") == ("state_of_day", "2027-01-01")


@pytest.mark.parametrize("text", ["", "  ", "\u00a0\u200b\t"])
def test_a_blank_is_missing(text: str) -> None:
    assert read(text, "Monthly") == Problem("period.missing")


PIECES = """
2026 2027 9 31 53 1-yanvar сентябрь oylik chorak III yarim half yillik boshidan начала на holatiga месяцев года W - . /
09.2026 2026-13-01 00.00.2026
"""


@given(
    st.one_of(st.text(), st.lists(st.sampled_from(PIECES.split())).map(" ".join), st.text("0123456789./- QWSB")),
    TYPES,
    st.booleans(),
)
def test_no_text_is_too_odd(text: str, period_type: str, cumulative: bool) -> None:
    found = read(text, period_type, cumulative=cumulative)
    if isinstance(found, Period):
        assert found.period_type == period_type
    elif found.code == "period.unreadable":
        assert found.arguments["reason"] in REASONS
    else:
        assert found.code in {"period.missing", "period.wrong_type", "period.cumulative"}
