"""The counting of persons against what was reasoned out by hand, and against a slow second opinion."""

import random
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workforce_cases import (
    HEADS_EMPLOYED,
    HEADS_PRACTISING,
    SWITCHES,
    Counts,
    Row,
    cases,
    difference,
    expected,
    facility,
)
from workforce_reference import Rules, completed_years, count, differences

CASES = cases()

TURNED: dict[str, Rules] = {
    "persons_at: every_org_unit": Rules(every_org_unit=True),
    "main_job: without prefer": Rules(prefer_main=False),
    "main_job: otherwise earliest_start": Rules(earliest_start_first=True),
    "current: without status": Rules(dismissed_count=True),
    "as_of: period_start": Rules(as_of=date(2026, 7, 1)),
    "practising: without where": Rules(practising=lambda row, practises: True),
    "filled: without long leave": Rules(fills_a_post=lambda row: row["status"] != "2"),
    "missing: name_and_birth": Rules(name_and_birth=True),
    "conflict: first": Rules(first_of_a_conflict=True),
    "sex_or_birth_differs_from_id: identity": Rules(identity_wins=True),
    "SEX: unknown is refused": Rules(unknown_sex=None),
    "AGE6: unknown is refused": Rules(unknown_age=None),
    "occupation: otherwise refuse": Rules(four_digits=False),
    "occupation: first four digits of all": Rules(crosswalk=False),
    "count: contracts": Rules(count_contracts=True),
}


# --- the table itself ---


def test_the_table_is_what_it_says() -> None:
    assert len(CASES) >= 60
    assert all(row["why"] for row in CASES)
    assert [row["case"] for row in CASES] == [f"{number:03}" for number in range(1, len(CASES) + 1)]
    assert {row["head"] for row in CASES} == {"HW", "EMP", ""}
    heads = [row["pinfl"] for row in CASES if row["head"]]
    assert len(heads) == len(set(heads)), "a person is counted twice"


def test_the_heads_of_the_table_add_up_to_those_reckoned_by_section() -> None:
    assert sum(row["head"] == "HW" for row in CASES) == HEADS_PRACTISING
    assert sum(bool(row["head"]) for row in CASES) == HEADS_EMPLOYED


# --- the second opinion ---


def test_the_second_opinion_counts_what_was_reasoned_out() -> None:
    assert differences(expected(CASES), count(CASES)) == {}


@pytest.mark.parametrize("switch", SWITCHES)
def test_in_the_second_opinion_a_switch_changes_what_it_should_and_nothing_else(switch: str) -> None:
    assert differences(count(CASES), count(CASES, TURNED[switch])) == difference(SWITCHES[switch][1])


@pytest.mark.parametrize(
    ("born", "on", "years", "by_february_28"),
    [
        (date(2000, 2, 29), date(2025, 2, 28), 24, 25),
        (date(2000, 2, 29), date(2025, 3, 1), 25, 25),
        (date(2000, 2, 29), date(2024, 2, 28), 23, 23),
        (date(2000, 2, 29), date(2024, 2, 29), 24, 24),
        (date(2000, 2, 28), date(2025, 2, 28), 25, 25),
        (date(2000, 3, 1), date(2025, 2, 28), 24, 24),
        (date(1896, 2, 29), date(1900, 2, 28), 3, 4),  # 1900 was no leap year
    ],
)
def test_a_birthday_of_29_february_is_on_1_march_in_common_years(
    born: date, on: date, years: int, by_february_28: int
) -> None:
    assert completed_years(born, on) == years
    assert completed_years(born, on, "february_28") == by_february_28


def totals(counts: Counts, element: str) -> Decimal:
    return sum((value for cell, value in counts.items() if cell[0].startswith(element)), Decimal(0))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, len(CASES)))
def test_the_order_of_rows_changes_nothing(seed: int, size: int) -> None:
    rows = random.Random(seed).sample(CASES, size)
    once = count(rows)
    random.Random(seed + 1).shuffle(rows)
    assert count(rows) == once


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(list(TURNED)))
def test_persons_never_exceed_contracts_nor_practising_employed(seed: int, switch: str) -> None:
    rows: list[Row] = random.Random(seed).sample(CASES, 60)
    counts = count(rows, replace(TURNED[switch], every_org_unit=False, count_contracts=False))
    contracts = count(rows, replace(TURNED[switch], every_org_unit=False, count_contracts=True))
    assert totals(counts, "HRH_EMP_") <= totals(contracts, "HRH_EMP_")
    assert totals(counts, "HRH_EMP_") <= len({row["pinfl"] for row in rows}) + sum(not row["pinfl"] for row in rows)
    for (element, *cell), value in counts.items():
        if element.startswith("HRH_HW_"):
            assert value <= counts[element.replace("_HW_", "_EMP_"), cell[0], cell[1], cell[2]]
    assert {cell[1] for cell in counts} <= {facility(row) for row in rows}
