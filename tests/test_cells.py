"""Texts of cells as values: markers, number marks by where a text comes from, many at once as each by itself."""

import polars as pl
import pytest
import worlds
from hypothesis import given, settings
from hypothesis import strategies as st

from dhis2_bridge.blocks import Header
from dhis2_bridge.cells import Cells
from dhis2_bridge.converter import Converter
from dhis2_bridge.faults import text_of
from dhis2_bridge.findings import Finding
from dhis2_bridge.value_types import Accepted

NEEDED = """
data_set: FORM_M
org_unit: {constant: HRM_101}
period: {constant: '202609', type: Monthly}
data_element: {column: line}
"""


def cells(more: str = "") -> Cells:
    (table,) = worlds.mapping(NEEDED + more).tables
    return Cells(table, worlds.snapshot())


def marked(texts: list[str | None], more: str) -> list[tuple[str | None, str | None, bool | None]]:
    """Text as it stood, text to read, and whether no value can stand there, of the cells that stay."""
    column = pl.Series("found", texts, dtype=pl.String)
    sheet = pl.Series("sheet", ["Form"] * len(texts), dtype=pl.Categorical)
    return cells(more).marked(pl.DataFrame([column, sheet])).select("found", "text", "blocked").rows()


def test_cells_without_markers() -> None:
    assert marked(["5", None, "-", "x"], "") == [("5", "5", False), ("-", "-", False), ("x", "x", False)]


def test_markers_are_compared_folded_and_may_be_numbers_or_long() -> None:
    long = "maʼlumot taqdim etilmagan, keyinroq yuboriladi"
    more = f'cells: {{"-": zero, X: not_applicable, "999": not_reported, "{long}": not_reported, YOʻQ: zero}}\n'
    found = marked(["-", " x ", "999", long.upper().replace("ʼ", "'"), "yo`q", "99", "9990", None], more)
    assert found == [
        ("-", "0", False),
        (" x ", " x ", True),
        ("yo`q", "0", False),
        ("99", "99", False),
        ("9990", "9990", False),
    ]


def test_blanks_that_count_as_zero_are_marked_as_such_and_told_apart() -> None:
    more = "cells: {blank: zero, x: not_applicable, '...': not_reported}\n"
    assert marked([None, "5", "x", "..."], more) == [(None, "0", None), ("5", "5", False), ("x", "x", True)]


def test_an_error_cell_shows_its_text_and_stays_one() -> None:
    fault = text_of(Finding("cell.error", "form.xlsx", "Form", 1, 1, "#DIV/0!"))
    for more in ("", "cells: {blank: zero, '-': zero}\n"):
        assert marked([fault], more) == [("#DIV/0!", fault, False)]


@pytest.mark.parametrize(
    ("source", "text", "in_workbook", "number"),
    [
        ('{decimal: ","}', "0,25", False, "0.25"),
        ('{decimal: ","}', "0.25", False, None),
        ('{decimal: ","}', "0.25", True, "0.25"),
        ('{decimal: ","}', "0,25", True, "0.25"),
        ('{decimal: ",", thousands: "."}', "1.250", True, "1250"),
        ('{decimal: "."}', "1,250", True, None),
        ('{thousands: " "}', "1 250", False, "1250"),
        ("{}", "1,5", True, None),
    ],
)
def test_stored_numbers_have_a_point_whatever_is_declared_of_texts(
    source: str, text: str, in_workbook: bool, number: str | None
) -> None:
    read = cells(f"source: {source}\n").number(text, in_workbook=in_workbook)
    assert (read.value if isinstance(read, Accepted) else None) == number


TEXTS = ["5", "0", "-3", "007", "1e3", "3.0", "0.25", "12 ta", "ha", "Yaxshi", "GOOD", "1 234", "2026-09-01", "x" * 30]
ELEMENTS = ["BEDS", "CALLS", "RATE", "OPEN", "STATE", "FOUNDED"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ELEMENTS), st.sampled_from(TEXTS)), min_size=1), st.booleans())
def test_many_cells_at_once_are_read_as_each_by_itself(pairs: list[tuple[str, str]], in_workbook: bool) -> None:
    """The fast way through a column and the slow one for a single text must not differ."""
    text = LONG + 'units: [ta]\nbooleans: {"ha": true}\n'
    (table,) = worlds.mapping(text).tables
    reader = Cells(table, worlds.snapshot())
    records = [["HRM_101", line, str(place), value] for place, (line, value) in enumerate(pairs)]
    converted = convert(text, records, "Form" if in_workbook else None)
    for (element, value), (found, refused) in zip(pairs, converted, strict=True):
        held = worlds.snapshot().data_elements[worlds.uid(element)]
        read = reader.read(value, held, in_workbook=in_workbook)
        assert (found, refused) == (read.value, read.code)


LONG = """
data_set: FORM_M
org_unit: {column: unit, match: code}
period: {constant: '202609', type: Monthly}
data_element: {column: line, match: code}
value: {column: value}
"""


def convert(text: str, records: list[list[str]], sheet: str | None) -> list[tuple[str | None, str | None]]:
    """Value and refusal of records with these cells, in their order."""
    (table,) = worlds.mapping(text).tables
    header = Header((("unit",), ("line",), ("place",), ("value",)))
    frame = pl.DataFrame(records, schema=["1", "2", "3", "4"], orient="row").with_columns(
        pl.lit("form").cast(pl.Categorical).alias("source"),
        pl.lit(sheet, dtype=pl.String).cast(pl.Categorical).alias("sheet"),
        pl.lit(1, dtype=pl.UInt32).alias("header_row"),
        pl.lit("").alias("section"),
        pl.int_range(2, pl.len() + 2, dtype=pl.UInt32).alias("row"),
        pl.lit("202609").alias("=period"),
    )
    made = Converter("form.yaml", table, worlds.snapshot(), {}).convert(frame, header)
    return made.cells.sort("row").select("value", pl.col("refused").cast(pl.String)).rows()
