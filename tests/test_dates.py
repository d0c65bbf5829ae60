import random
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhis2_bridge.dates import Order, OrderEvidence, Verdict, from_serial, is_no_date, pattern
from dhis2_bridge.periods import containing

DAY = date(2024, 4, 3)


def verdict(*texts: str) -> Verdict:
    evidence = OrderEvidence()
    for text in texts:
        evidence.add(text)
    return evidence.verdict()


# -- declared patterns -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spelled", "text"),
    [
        ("dd.mm.yyyy", "03.04.2024"),
        ("dd.mm.yyyy", "3.4.2024"),
        ("DD.MM.YYYY", " 03.04.2024\u00a0"),
        ("дд.мм.гггг", "03.04.2024"),
        ("dd.mm.yyyy", "03.04.2024 10:15"),
        ("dd.mm.yyyy", "03.04.2024, 10:15:30"),
        ("m/d/yyyy", "4/3/2024 9:05 AM"),
        ("d/m/yy", "3/4/24"),
        ("yyyy-mm-dd", "2024-04-03"),
        ("yyyymmdd", "20240403"),
        ("ddmmyy", "030424"),
        ("dd mm yyyy", "03 04 2024"),
        ("[d] m yyyy", "[3] 4 2024"),
        ("iso", "2024-04-03"),
        ("iso", "20240403"),
        ("iso", "2024-04-03T10:30:00"),
        ("ISO", "2024-04-03T23:30:00.123Z"),
        ("iso", "2024-04-03T23:30:00+05:00"),
        ("serial", "45385"),
        ("serial", "45385.427"),
        ("serial", "45385,427"),
        ("serial1904", "43923"),
    ],
)
def test_a_pattern_reads_its_dates(spelled: str, text: str) -> None:
    assert pattern(spelled).read(text) == DAY


@pytest.mark.parametrize(
    ("spelled", "text"),
    [
        ("dd.mm.yyyy", "03/04/2024"),
        ("dd.mm.yyyy", "03.04.24"),
        ("dd.mm.yy", "03.04.2024"),
        ("dd.mm.yyyy", "30.02.2024"),
        ("dd.mm.yyyy", "03.13.2024"),
        ("dd.mm.yyyy", "00.00.0000"),
        ("dd.mm.yyyy", "03.04.2024 25:00"),
        ("dd.mm.yyyy", "03.04.2024 and later"),
        ("dd.mm.yyyy", "03.04.2024\n04.04.2024"),
        ("dd.mm.yyyy", "٠٣.٠٤.٢٠٢٤"),
        ("dd.mm.yyyy", ""),
        ("iso", "2024-4-3"),
        ("iso", "2024-0403"),
        ("serial", "0"),
        ("serial", "60"),
        ("serial", "-5"),
        ("serial", "3000000"),
        ("serial", "03.04.2024"),
    ],
)
def test_what_a_pattern_does_not_read(spelled: str, text: str) -> None:
    assert pattern(spelled).read(text) is None


@pytest.mark.parametrize("spelled", ["", "dd.mm", "dd.dd.yyyy", "d.m.y", "dmyyyy", "yyyy-mm-ddd", "%d.%m.%Y", "date"])
def test_a_pattern_that_is_none_says_so(spelled: str) -> None:
    with pytest.raises(ValueError, match="date pattern"):
        pattern(spelled)


def test_two_digits_are_years_of_one_declared_century() -> None:
    assert pattern("dd.mm.yy").read("01.01.29") == date(2029, 1, 1)
    assert pattern("dd.mm.yy").read("01.01.30") == date(1930, 1, 1)
    assert pattern("dd.mm.yy", latest_year=2007).read("01.01.07") == date(2007, 1, 1)
    assert pattern("dd.mm.yy", latest_year=2007).read("01.01.08") == date(1908, 1, 1)


@given(st.dates(date(1000, 1, 1)), st.sampled_from(["dd.mm.yyyy", "m/d/yyyy", "yyyy-mm-dd", "yyyymmdd", "iso"]))
def test_what_a_pattern_writes_it_reads(day: date, spelled: str) -> None:
    written = {
        "dd.mm.yyyy": f"{day.day:02}.{day.month:02}.{day.year}",
        "m/d/yyyy": f"{day.month}/{day.day}/{day.year}",
        "yyyy-mm-dd": day.isoformat(),
        "yyyymmdd": day.isoformat().replace("-", ""),
        "iso": f"{day.isoformat()}T00:00:00",
    }[spelled]
    assert pattern(spelled).read(written) == day


@given(st.integers(61, 2_958_464))
def test_serials_count_days(number: int) -> None:
    one, following = from_serial(number), from_serial(number + 1)
    assert one is not None
    assert following is not None
    assert following - one == timedelta(days=1)
    assert from_serial(number - 1462, from_1904=True) == one or number < 1462


def test_serials_around_the_day_that_never_was() -> None:
    assert from_serial(1) == date(1900, 1, 1)
    assert from_serial(59) == date(1900, 2, 28)
    assert from_serial(60) is None
    assert from_serial(61) == date(1900, 3, 1)
    assert from_serial(0, from_1904=True) == date(1904, 1, 1)


@given(st.text(), st.sampled_from(["dd.mm.yyyy", "d/m/yy", "iso", "serial", "serial1904"]))
def test_no_text_is_too_odd(text: str, spelled: str) -> None:
    pattern(spelled).read(text)
    is_no_date(text)
    evidence = OrderEvidence()
    evidence.add(text)
    evidence.verdict()


def test_zeros_stand_for_no_date() -> None:
    assert all(map(is_no_date, ["00.00.0000", "0000-00-00", "0/0/0000", " 00.00.0000 00:00:00 ", "00.00.00"]))
    assert not any(map(is_no_date, ["", "0", "01.01.1900", "00.01.0000", "00.00-0000", "0000"]))


# -- the order that a column proves ----------------------------------------------------------------------------------


def test_one_proof_decides_a_column() -> None:
    found = verdict("03/04/2024", "13/04/2024", "30/04/2024")
    assert found == Verdict(order=Order.DAY_FIRST)
    assert found.order is not None
    assert found.order.pattern.read("03/04/2024") == DAY
    assert verdict("04/03/2024", "04/13/2024").order is Order.MONTH_FIRST
    assert verdict("2024-04-03", "2024/4/13").order is Order.YEAR_FIRST


def test_a_column_without_proof_is_ambiguous() -> None:
    found = verdict("05/06/2024", "03/04/2024", "05/05/2024")
    assert found.code == "date.ambiguous"
    assert found.order is None
    assert found.texts == ("03/04/2024",)
    assert found.readings == (date(2024, 4, 3), date(2024, 3, 4))


@pytest.mark.parametrize(
    "texts",
    [
        ("13/04/2024", "04/13/2024"),
        ("03.04.2024", "04.13.2024"),
        ("13/04/2024", "2024-03-04"),
        ("03/04/2024", "2024-03-04"),
        ("05/05/2024", "2024-03-04"),
    ],
)
def test_texts_of_two_orders_are_named(texts: tuple[str, str]) -> None:
    found = verdict(*texts, "01/01/2024", "not a date", "00.00.0000")
    assert found.code == "date.mixed"
    assert found.order is None
    if "01/01/2024" not in found.texts:
        assert sorted(found.texts) == sorted(texts)


def test_full_stops_prove_that_the_day_comes_first() -> None:
    assert verdict("03.04.2024").order is Order.DAY_FIRST
    assert verdict("04.13.2024").order is Order.MONTH_FIRST
    assert verdict("03/04/2024 10:15:30.5").code == "date.ambiguous"


def test_a_day_that_reads_alike_in_both_orders_is_no_doubt() -> None:
    assert verdict("05/05/2024").order is Order.DAY_FIRST


def test_what_is_no_full_date_proves_nothing() -> None:
    assert verdict("", "abc", "13/04/24", "00.00.0000", "31/02/2024", "45385") == Verdict()


@given(
    st.lists(st.dates(date(2000, 1, 1), date(2030, 1, 1)), min_size=1),
    st.sampled_from(["{0.day:02}/{0.month:02}/{0.year}", "{0.month}/{0.day}/{0.year}", "{0.day}-{0.month}-{0.year}"]),
    st.randoms(use_true_random=False),
)
def test_a_decided_column_gives_back_its_dates(days: list[date], form: str, shuffle: random.Random) -> None:
    written = {form.format(day): day for day in days}
    found = verdict(*written)
    assert found.code in {None, "date.ambiguous"}
    if found.order is not None:
        assert [found.order.pattern.read(text) for text in written] == list(written.values())
    else:
        assert all(day.day <= 12 for day in days)
    texts = list(written)
    shuffle.shuffle(texts)
    assert verdict(*texts, *texts) == found


def test_columns_of_the_case(shared: Path) -> None:
    folder = shared / "cases" / "C69-day-month-order"
    verdicts = {}
    for name in ("one_order", "ambiguous", "contradictory"):
        lines = (folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()[1:]
        texts = [line.split(",")[2] for line in lines]
        verdicts[name] = verdict(*texts)
        if (order := verdicts[name].order) is not None:
            days = [order.pattern.read(text) for text in texts]
            assert [containing("Weekly", day).iso for day in days if day] == ["2024W14", "2024W15", "2024W18"]
    assert verdicts["one_order"].order is Order.DAY_FIRST
    assert verdicts["ambiguous"].code == "date.ambiguous"
    assert verdicts["contradictory"].texts == ("13/04/2024", "04/13/2024")
