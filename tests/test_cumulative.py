"""Figures since the start of the year less those of the periods before."""

from decimal import Decimal

import polars as pl
import pytest
import worlds
from hypothesis import given, settings
from hypothesis import strategies as st

from dhis2_bridge import cumulative
from dhis2_bridge.findings import Finding, rows
from dhis2_bridge.values import CELLS_SCHEMA, VALUES_SCHEMA

Row = tuple[str, str, str]
"""Period, data element and value; the value of a refused row begins with !."""


def frame(made: list[Row], schema: pl.Schema, *, unit: str = "HRM_101", data_set: str = "FORM_M") -> pl.DataFrame:
    default = worlds.snapshot().default_category_option_combo
    full = [
        {
            **dict.fromkeys(schema),
            **{"source": "a.xlsx", "sheet": "Form", "row": place, "column": 2, "period": period},
            **{"data_set": worlds.uid(data_set), "data_element": worlds.uid(element), "org_unit": worlds.uid(unit)},
            **{"category_option_combo": default, "attribute_option_combo": default, "value": value.removeprefix("!")},
            **{"refused": "value.conflicts" if value.startswith("!") else None, "cumulative": True},
        }
        for place, (period, element, value) in enumerate(made, start=2)
    ]
    return pl.DataFrame([{name: one[name] for name in schema} for one in full], schema=schema, orient="row")


def difference(now: list[Row], before: list[Row] | pl.DataFrame | None) -> tuple[list[str | None], list[Finding]]:
    """Each value after the difference, or why it is refused, and the findings."""
    previous = frame(before, VALUES_SCHEMA) if isinstance(before, list) else before
    values, found = cumulative.difference(frame(now, CELLS_SCHEMA), previous, worlds.snapshot())
    told = [refused or value for value, refused in values.select("value", "refused").iter_rows()]
    return told, rows(found)


def test_the_first_period_of_a_year_is_what_it_is() -> None:
    assert difference([("202601", "BEDS", "5"), ("2026Q1", "BEDS", "5")], None) == (["5", "5"], [])


def test_later_periods_are_less_what_all_before_them_hold() -> None:
    before = [("202601", "BEDS", "5"), ("202602", "BEDS", "2"), ("202512", "BEDS", "100"), ("202601", "RATE", "1")]
    assert difference([("202603", "BEDS", "12")], before) == (["5"], [])


def test_a_report_that_is_missing_leaves_no_difference() -> None:
    told, (found,) = difference([("202603", "BEDS", "12")], [("202602", "BEDS", "2")])
    assert told == ["cumulative.previous_missing"]
    assert (found.code, found.arguments, found.row, found.values) == (told[0], {"periods": "202601"}, 2, 1)
    assert difference([("202602", "BEDS", "12")], None)[0] == ["cumulative.previous_missing"]


@pytest.mark.parametrize("other", [{"unit": "HRM_102"}, {"data_set": "FORM_Q"}])
def test_a_report_of_another_facility_or_form_is_not_the_one_that_is_missing(other: dict[str, str]) -> None:
    previous = frame([("202601", "RATE", "5")], VALUES_SCHEMA, **other)
    assert difference([("202602", "BEDS", "12")], previous)[0] == ["cumulative.previous_missing"]


def test_a_cell_that_was_blank_counts_as_nothing_and_one_that_was_refused_does_not() -> None:
    assert difference([("202602", "BEDS", "12")], [("202601", "RATE", "5")])[0] == ["12"]
    before = [("202601", "RATE", "5"), ("202601", "BEDS", "!9")]
    assert difference([("202602", "BEDS", "12")], before)[0] == ["cumulative.previous_missing"]
    # One copy of two was good.
    assert difference([("202602", "BEDS", "12")], [*before, ("202601", "BEDS", "9")])[0] == ["3"]


def test_a_figure_that_has_fallen() -> None:
    told, (found,) = difference([("202602", "BEDS", "4")], [("202601", "BEDS", "5")])
    assert (told, found.arguments) == (["cumulative.negative"], {"previous": "5"})


def test_what_is_no_number_stays_as_it_is() -> None:
    now = [("202602", "NOTE", "12"), ("202602", "NOTE", "yaxshi"), ("202602", "OPEN", "true"), ("202602", "BEDS", "!7")]
    told, found = difference(now, [("202601", "NOTE", "5"), ("202601", "BEDS", "5")])
    assert (told, found) == (["12", "yaxshi", "true", "value.conflicts"], [])


def test_a_difference_that_the_data_element_cannot_hold() -> None:
    told, (found,) = difference([("202602", "CALLS", "5")], [("202601", "CALLS", "5")])
    assert (told, found.arguments["value_type"]) == (["value.not_of_type"], "INTEGER_POSITIVE")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.decimals(0, 10**9, places=2), min_size=2, max_size=12))
def test_the_differences_of_a_year_add_up_to_its_last_figure(exact: list[Decimal]) -> None:
    sent: list[Row] = []
    for month in range(len(exact)):
        whole = sum(exact[: month + 1], Decimal(0))
        ((value,), found) = difference([(f"2026{month + 1:02}", "RATE", str(whole))], sent)
        assert found == []
        sent.append((f"2026{month + 1:02}", "RATE", value or ""))
    assert [Decimal(value) for _, _, value in sent] == exact
