"""What a mapping of persons may say: every mistake at its line and column, and nothing that could show a person."""

import re
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from staff import MAPPING, mapping
from test_mapping import place_of

from dhis2_bridge import dates
from dhis2_bridge.findings import MappingError
from dhis2_bridge.mapping import ColumnType
from dhis2_bridge.typed_texts import MANY, reader_of


def test_counting_makes_the_table_a_long_one(tmp_path: Path) -> None:
    made = mapping(tmp_path)
    (table,) = made.tables
    assert table.data_element is not None
    assert table.value is not None
    assert set(table.category_options) == {"SEX", "AGE6"}
    assert made.workforce is not None
    assert made.workforce.occupation is not None
    assert made.workforce.occupation.rows["2222.1"]["report_as"] == "2212"
    assert list(made.crosswalks) == ["kodp.csv"]


@pytest.mark.parametrize(
    ("old", "new", "words", "at"),
    [
        ("end_date >= as_of", "end_date >= as_off", "as_off is a text", "as_off"),
        ("where: status = '1'", "where: status == 1", "", "status =="),
        ("prefer: job_kind = '1'", "prefer: job_kind", "", "job_kind}"),
        ("count: persons, by", "cout: persons, by", "did you mean 'count'?", "cout"),
        ("  gone: zero", "  gone: zer", "'zer' cannot stand here", "gone: zer\n"),
        ("rate: rate", "rate: wage", "'wage' must be typed in columns", "wage"),
        ("posts, sum: posts_vacant", "post, sum: posts_vacant", "there is no source 'post'", "post, sum"),
        ("kodp.csv}", "nothing.csv}", "nothing.csv is not there", "nothing.csv"),
        ("P35Y--P45Y", "P30Y--P45Y", "overlaps", "[P0Y"),
        ("by: [SEX, AGE6], is: employed", "by: [SEX, AGE7], is: employed", "there is no axis 'AGE7'", "AGE7"),
        ("HRH_HW_{occupation}", "HRH_HW_{pinfl}", "only {occupation} and {group} can", '"HRH_HW'),
        ("SEX: {column: sex", "SEX: {column: first_name", "tells a person and cannot be an axis", "first_name, map"),
        ("period: {given", "where: sex = '1'\nperiod: {given", "cannot stand beside workforce", "where: sex"),
        ("not_zero: [[8, 10], [11, 13]]", "not_zero: [[8, 10], [11, 15]]", "outside the 14 digits", "\n      digits"),
        ("year: [6, 7]", "year: [6, 9]", "two digits each", "\n      digits"),
        ("column: pinfl\n", "column: pinfl\n    nam: x\n", "did you mean 'name'?", "nam: x"),
        ("gone: zero", "gone: zero\n  small_cells: {below: 1}", "too small", "1}"),
        ("gone: zero", "gone: zero\n  small_cells: {below: 3, do: coarsen}", "needs drop", "{below: 3"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_where_it_stands(tmp_path: Path, old: str, new: str, words: str, at: str) -> None:
    assert old in MAPPING
    text = MAPPING.replace(old, new, 1)
    with pytest.raises(MappingError) as caught:
        mapping(tmp_path, text)
    line, column = place_of(text, at)
    told = [problem for problem in caught.value.problems if words in problem[2]]
    assert told
    if not at.startswith(("\n", "[P0Y")):
        assert abs(told[0][0] - line) <= 1
        assert column


def test_sources_go_with_workforce_only(tmp_path: Path) -> None:
    text = re.sub(r"^workforce:.*", "", MAPPING, flags=re.DOTALL | re.MULTILINE)
    with pytest.raises(MappingError, match="sources go with workforce"):
        mapping(tmp_path, text)
    with pytest.raises(MappingError, match="workforce needs sources"):
        mapping(tmp_path, re.sub(r"^sources: .*\n", "", MAPPING, flags=re.MULTILINE))


@given(st.lists(st.dates(date(1, 1, 1), date(2200, 1, 1)), max_size=30), st.lists(st.text("0123456789./", max_size=11)))
def test_many_dates_are_read_as_few_are(days: list[date], odd: list[str]) -> None:
    texts = [f"{day.day:02}.{day.month:02}.{day.year:04}" for day in days]
    texts += [
        *odd,
        "31.02.2020",
        "29.02.2023",
        "00.00.0000",
        "1.2.2020",
        " 01.02.2020 ",
        "01.02.2020 10:30",
        "2020-02-03",
    ]
    filler = [f"{1 + n % 28:02}.{1 + n % 12:02}.{1000 + n}" for n in range(MANY)]
    read = reader_of.__wrapped__(ColumnType("date", "dd.mm.yyyy"))(pl.Series([*texts, *filler]))
    pattern, iso = dates.pattern("dd.mm.yyyy"), dates.pattern("yyyy-mm-dd")
    assert read.to_list()[: len(texts)] == [pattern.read(text) or iso.read(text) for text in texts]
