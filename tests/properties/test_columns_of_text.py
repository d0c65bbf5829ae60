"""Laws of what is done to whole columns of text: the quick way says what the plain way says of each text."""

import json

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from dhis2_bridge.cells import COUNT, are_counts
from dhis2_bridge.lookups import Distinct
from dhis2_bridge.values import escaped

NUMBERS = st.from_regex(r"[ +\-]?[0-9٣_]{0,11}[ .e]?[0-9]{0,2}", fullmatch=True)
TEXTS = st.lists(st.none() | NUMBERS | st.text(max_size=12), max_size=30)


@given(TEXTS)
@example(["0", "00", "05", "+5", "-0", " 5", "5 ", "999999999", "1000000000", "4294967296", "1e3", "1.0", "", None])
def test_counts_are_what_the_pattern_says(texts: list[str | None]) -> None:
    column = pl.Series(texts, dtype=pl.String)
    assert are_counts(column).to_list() == column.str.contains(COUNT).fill_null(False).to_list()


@given(TEXTS)
@example(['a "b"', "c\\d", "\x00\x1f", None, "plain"])
@example(["plain", None])
def test_escaped_texts_are_the_inside_of_json_strings(texts: list[str | None]) -> None:
    made = escaped(pl.Series(texts, dtype=pl.String)).to_list()
    assert [None if text is None else json.loads(f'"{text}"') for text in made] == texts


@given(st.lists(st.lists(st.none() | st.sampled_from(["", "a", "b", "Qoʻqon"]), max_size=25), max_size=4))
@example([["a"] * 20, ["b"] * 20 + [None]])
def test_each_text_is_read_once_and_every_row_has_its_answer(batches: list[list[str | None]]) -> None:
    read: list[str] = []
    distinct = Distinct(lambda text: read.append(text) or text.upper())  # type: ignore[func-returns-value]
    for batch in batches:
        codes = distinct.codes(pl.Series(batch, dtype=pl.String))
        assert [distinct.answers[code] for code in codes] == [(text or "").upper() for text in batch]
        assert distinct.column(len, pl.UInt32).to_list() == [len(answer) for answer in distinct.answers]
    assert len(read) == len(set(read))
