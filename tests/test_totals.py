"""Totals against their parts, as frames: which parts count, what makes a total doubtful, what a finding says."""

from dataclasses import dataclass
from decimal import Decimal

import polars as pl
import pytest
import worlds
from hypothesis import given, settings
from hypothesis import strategies as st

from dhis2_bridge import totals
from dhis2_bridge.findings import Finding, rows
from dhis2_bridge.values import CELLS_SCHEMA

PARTS = worlds.snapshot().category_option_combos_of(worlds.uid("CC_SEX_AGE"))


@dataclass
class Part:
    """A data value: which part it is, its text, where it stands, why it is refused."""

    combo: int
    value: str | None
    row: int = 2
    column: int = 3
    refused: str | None = None
    source: str = "a.xlsx"


@dataclass
class Total:
    """A total over the first parts."""

    value: str
    parts: int = 2
    strict: bool = True
    source: str = "a.xlsx"


def checked(parts: list[Part], *sums: Total) -> tuple[list[str | None], list[Finding]]:
    """Why each part is refused after the check, and the findings."""
    same = {
        "sheet": "Form",
        "data_element": worlds.uid("VISITS"),
        "org_unit": worlds.uid("HRM_101"),
        "period": "202609",
        "attribute_option_combo": worlds.snapshot().default_category_option_combo,
    }
    made = [
        {
            **same,
            **{"source": part.source, "row": part.row, "column": part.column, "found": part.value, "value": part.value},
            **{"category_option_combo": PARTS[part.combo], "refused": part.refused},
        }
        for part in parts
    ]
    total = [
        {
            **same,
            **{"source": one.source, "row": 2, "column": 2, "found": one.value, "value": one.value},
            **{"parts": PARTS[: one.parts], "strict": one.strict},
        }
        for one in sums
    ]
    values, found = totals.check(frame(made), frame(total), {worlds.uid("VISITS"): "Visits"})
    return values["refused"].to_list(), rows(found)


def frame(made: list[dict[str, object]]) -> pl.DataFrame:
    full = [{**dict.fromkeys(CELLS_SCHEMA), **one} for one in made]
    return pl.DataFrame(full, schema=CELLS_SCHEMA, orient="row")


def test_a_right_total_says_nothing() -> None:
    assert checked([Part(0, "1"), Part(1, "2"), Part(2, "9")], Total("3")) == ([None] * 3, [])


def test_a_wrong_total_refuses_its_parts_and_names_them() -> None:
    refused, (found,) = checked([Part(0, "1", 2, 3), Part(1, "2", 2, 4), Part(2, "9", 2, 5)], Total("4"))
    assert refused == ["total.disagrees", "total.disagrees", None]
    assert (found.code, found.row, found.column, found.found, found.values) == ("total.disagrees", 2, 2, "4", 2)
    assert found.arguments == {"parts": "C2, D2", "sum": "3", "difference": "1", "data_element": "Visits"}


def test_a_mere_warning_refuses_nothing() -> None:
    refused, (found,) = checked([Part(0, "1"), Part(1, "2")], Total("4", strict=False))
    assert (refused, found.code, found.values) == ([None, None], "total.differs", 0)


def test_a_part_that_is_refused_makes_a_total_doubtful() -> None:
    refused, found = checked([Part(0, "1"), Part(1, None, refused="value.not_of_type")], Total("4"))
    assert (refused, found) == ([None, "value.not_of_type"], [])


def test_a_part_that_stands_twice_counts_once() -> None:
    copies = [Part(0, "1"), Part(0, "1", row=3), Part(1, "2")]
    assert checked(copies, Total("3"))[1] == []
    assert [f.code for f in checked(copies, Total("4"))[1]] == ["total.disagrees"]
    # Copies that differ are a conflict: which of them the total means is not known.
    assert checked([Part(0, "1"), Part(0, "5", row=3), Part(1, "2")], Total("3"))[1] == []


@pytest.mark.parametrize(("value", "code"), [("7", "total.without_parts"), ("0", "total.zero_without_parts")])
def test_a_total_without_any_part(value: str, code: str) -> None:
    refused, (found,) = checked([Part(3, "9")], Total(value))
    assert (refused, found.code, found.values) == ([None], code, int(value != "0"))


def test_parts_of_another_file_do_not_count() -> None:
    refused, (found,) = checked([Part(0, "3", source="b.xlsx")], Total("3"))
    assert (refused, found.code) == ([None], "total.without_parts")


def test_a_part_of_two_totals_is_refused_by_either() -> None:
    refused, found = checked([Part(0, "1"), Part(1, "2"), Part(2, "3")], Total("3"), Total("7", parts=3))
    assert refused == ["total.disagrees"] * 3
    assert [f.found for f in found] == ["7"]


def test_a_long_list_of_parts_is_cut() -> None:
    copies = [Part(n % 2, "1", row=row, column=3 + n) for row in range(2, 10) for n in range(2)]
    _, (found,) = checked(copies, Total("9"))
    named = found.arguments["parts"].split(", ")
    assert (named[:2], named[-1], len(named) - 1) == (["C2", "D2"], "…", totals.PARTS_NAMED)
    assert found.values == 16


@settings(max_examples=80, deadline=None)
@given(st.lists(st.decimals(-(10**6), 10**9, places=2), min_size=1, max_size=6), st.sampled_from(["0", "0.01", "1"]))
def test_decimal_sums_are_exact_enough_and_no_more(exact: list[Decimal], apart: str) -> None:
    """Adding leaves no noise that counts as a difference, and a hundredth in a billion is one."""
    whole = sum(exact, Decimal(0)) + Decimal(apart)
    parts = [Part(place, str(number), column=3 + place) for place, number in enumerate(exact)]
    _, found = checked(parts, Total(str(whole), parts=len(parts)))
    assert bool(found) is (apart != "0")
