"""The program's counts of persons and posts against the hand-made cases, and laws that hold for any extract."""

import random
from datetime import date
from decimal import Decimal
from itertools import permutations

import pytest
from counting_cases import count, counts
from hypothesis import given, settings
from hypothesis import strategies as st
from workforce_cases import EXPECTED_POSTS, POSTS, SWITCHES, cases, difference, expected, mapping
from workforce_reference import Rules, completed_years, differences
from workforce_reference import count as slowly

from dhis2_bridge.identities import latest_birth

CASES = cases()
LINES = {row["case"]: number for number, row in enumerate(CASES, start=2)}


def test_every_contract_comes_to_what_was_reasoned_out() -> None:
    assert differences(expected(CASES), counts(count(mapping(), CASES))) == {}


def test_posts_are_summed_by_the_group_that_their_positions_count_for() -> None:
    counted = counts(count(mapping(), [], POSTS))
    assert differences(EXPECTED_POSTS, counted) == {}


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_changes_what_it_should_and_nothing_else(switch: str) -> None:
    change, table = SWITCHES[switch]
    turned = mapping()
    change(turned)
    assert differences(counts(count(mapping(), CASES)), counts(count(turned, CASES))) == difference(table)


@pytest.mark.parametrize(
    ("leap_day", "born", "on", "age"),
    [
        ("march_1", "29.02.2000", date(2025, 2, 28), "P0Y--P25Y"),
        ("february_28", "29.02.2000", date(2025, 2, 28), "P25Y--P35Y"),
        ("march_1", "29.02.2000", date(2025, 3, 1), "P25Y--P35Y"),
        ("february_28", "29.02.2000", date(2025, 3, 1), "P25Y--P35Y"),
        ("march_1", "28.02.2000", date(2025, 2, 28), "P25Y--P35Y"),
        ("february_28", "01.03.2000", date(2025, 2, 28), "P0Y--P25Y"),
        ("march_1", "29.02.1984", date(2028, 2, 28), "P35Y--P45Y"),  # 43, and 44 the day after
        ("march_1", "29.02.1988", date(2013, 3, 1), "P25Y--P35Y"),
        ("march_1", "29.02.1988", date(2013, 2, 28), "P0Y--P25Y"),
    ],
)
def test_a_birthday_of_29_february(leap_day: str, born: str, on: date, age: str) -> None:
    declared = mapping()
    declared["workforce"]["axes"]["AGE6"]["leap_day"] = leap_day
    row = {**CASES[0], "birth_date": born, "start_date": "01.01.2010"}
    found = counts(count(declared, [row], as_of=on))
    assert {cell[3] for cell in found if cell[0] == "HRH_EMP_2212"} == {age}


DAYS = st.dates(date(1890, 1, 1), date(2040, 12, 31)) | st.sampled_from(
    [date(year, *day) for year in (1996, 2000, 2001, 2024, 2026) for day in ((2, 28), (3, 1))]
    + [date(year, 2, 29) for year in (1996, 2000, 2024)]
)


@given(DAYS, DAYS, st.integers(0, 121), st.sampled_from(["march_1", "february_28"]))
def test_the_latest_birth_is_that_of_all_who_have_completed_so_many_years(
    born: date, on: date, years: int, leap_day: str
) -> None:
    assert (born <= latest_birth(years, on, leap_day)) == (completed_years(born, on, leap_day) >= years)


def codes(name: str, *, rows: list[str]) -> set[tuple[str, int]]:
    """Codes of findings at the lines of these cases, of a family."""
    lines = {LINES[case] for case in rows}
    found = (one for frame in count(mapping(), CASES).findings for one in frame.iter_rows(named=True))
    return {(one["code"], one["row"]) for one in found if one["row"] in lines and one["code"].startswith(name)}


def case_of(why: str) -> str:
    (found,) = (row["case"] for row in CASES if why in row["why"])
    return found


@pytest.mark.parametrize(
    ("why", "code"),
    [
        ("check digit wrong", "person.id_structure"),
        ("area 000", "person.id_structure"),
        ("30 February in the id", "person.id_structure"),
        ("13 digits", "person.id_structure"),
        ("the letter O in the id", "person.id_structure"),
        ("lost for good", "person.id_unrecoverable"),
        ("the same with a point", "person.id_unrecoverable"),
        ("no id: no head", "person.missing"),
        ("no id and no birth date", "person.missing"),
        ("the id says a man", "person.sex_differs"),
        ("the id says born in 1990", "person.birth_differs"),
        ("one id, two names: no head", "person.conflict"),
        ("a comma in the code", "position.damaged"),
        ("the code with an exponent", "position.damaged"),
        ("noise of a binary fraction", "position.damaged"),
        ("a veterinarian: left out", "position.excluded"),
        ("the feldsher of records", "position.ambiguous"),
        ("a heading is no position", "position.ambiguous"),
        ("a position that no list has", "position.by_default"),
        ("the title is a suggestion", "position.missing"),
        ("a word in the place of the code", "position.unknown"),
        ("the same contract once more", "contract.repeated"),
        ("2.5 in all", "person.total_rate"),
        ("no rate: a head", "number.missing"),
        ("a rate that is no number", "number.unreadable"),
        ("a start that no calendar has", "predicate.unreadable"),
    ],
)
def test_what_is_odd_is_told_at_its_row(why: str, code: str) -> None:
    case = case_of(why)
    assert (code, LINES[case]) in codes(code.partition(".")[0], rows=[case])


def test_two_posts_in_one_contract_are_the_most_that_is_not_told() -> None:
    assert codes("person.total_rate", rows=[case_of("the most there is")]) == set()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, len(CASES)))
def test_any_part_of_the_extract_is_counted_as_the_second_opinion_counts_it(seed: int, size: int) -> None:
    rows = random.Random(seed).sample(CASES, size)
    assert differences(slowly(rows), counts(count(mapping(), rows))) == {}


TEXTS = {
    "pinfl": ["31503850170018", "42207900180027", "50102000190037", "31503850170019", "", "3,15039E+13"],
    "sex": ["1", "2", "", "9"],
    "birth_date": ["15.03.1985", "22.07.1990", "30.09.2001", "29.02.1984", ""],
    "org_argos_id": ["900101", "900102", "900103"],
    "position_code": ["2212.113", "3221.2", "2250.3", "3252.5", "2212.999", "2211.8", "2212,1"],
    "rate": ["1", "0,5", "0,25", "1,75", ""],
    "job_kind": ["1", "2", "3"],
    "start_date": ["01.02.2020", "30.09.2026", "01.10.2026", "01.05.2019", "x"],
    "end_date": ["", "", "30.09.2026", "29.09.2026"],
    "status": ["1", "1", "2", "4", ""],
}


@st.composite
def extracts(draw: st.DrawFn) -> list[dict[str, str]]:
    """Rows in which everything comes together: few persons, few places, every oddity."""
    size = draw(st.integers(1, 12))
    drawn = random.Random(draw(st.integers(0, 2**32)))
    return [{**CASES[0], **{name: drawn.choice(texts) for name, texts in TEXTS.items()}} for _ in range(size)]


RULES = {
    "default": Rules(),
    "persons_at: every_org_unit": Rules(every_org_unit=True),
    "main_job: without prefer": Rules(prefer_main=False),
    "conflict: first": Rules(first_of_a_conflict=True),
    "sex_or_birth_differs_from_id: identity": Rules(identity_wins=True),
    "missing: name_and_birth": Rules(name_and_birth=True),
}


@pytest.mark.parametrize("switch", RULES)
@settings(max_examples=60, deadline=None)
@given(rows=extracts())
def test_random_extracts_are_counted_as_the_second_opinion_counts_them(switch: str, rows: list[dict[str, str]]) -> None:
    declared = mapping()
    if switch in SWITCHES:
        SWITCHES[switch][0](declared)
    assert differences(slowly(rows, RULES[switch]), counts(count(declared, rows))) == {}


@pytest.mark.parametrize("switch", RULES)
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), extracts())
def test_the_order_of_rows_changes_no_count(switch: str, seed: int, rows: list[dict[str, str]]) -> None:
    declared = mapping()
    if switch in SWITCHES:
        SWITCHES[switch][0](declared)
    once = counts(count(declared, rows))
    random.Random(seed).shuffle(rows)
    assert counts(count(declared, rows)) == once


@pytest.mark.parametrize("switch", [*SWITCHES, None])
def test_rows_as_text_are_counted_as_coded_ones_are(switch: str | None) -> None:
    declared = mapping()
    if switch is not None:
        SWITCHES[switch][0](declared)
    one, other = (count(declared, CASES, POSTS, as_text=as_text) for as_text in (False, True))
    assert one.cells.equals(other.cells)
    assert one.labels.equals(other.labels)
    assert [found.rows() for found in one.findings] == [found.rows() for found in other.findings]


@pytest.mark.parametrize("switch", RULES)
def test_of_contracts_that_differ_in_nothing_but_the_sex_the_order_does_not_decide(switch: str) -> None:
    declared = mapping()
    if switch in SWITCHES:
        SWITCHES[switch][0](declared)
    rows = [{**CASES[0], "sex": sex} for sex in ("", "1", "9")]
    found = [counts(count(declared, list(ordered))) for ordered in permutations(rows)]
    assert all(one == found[0] for one in found)


@settings(max_examples=25, deadline=None)
@given(extracts())
def test_filled_posts_are_the_rates_of_the_rows_that_count(rows: list[dict[str, str]]) -> None:
    found = counts(count(mapping(), rows))
    filled = sum((value for cell, value in found.items() if cell[0].startswith("HRH_POST_FIL_")), Decimal(0))
    persons = sum((value for cell, value in found.items() if cell[0].startswith("HRH_EMP_")), Decimal(0))
    assert persons <= len(rows)
    assert filled <= sum(Decimal(row["rate"].replace(",", ".") or 0) for row in rows)
