"""Columns of texts as numbers: the same answers as row by row, whether a column comes as text or coded."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhis2_bridge.coded import coded, distinct_rows, spread

TEXTS = st.sampled_from(["", "a", "b", " b", "c", "Гўзал", "10", "1"]) | st.none()


def series(texts: list[str | None], form: str) -> pl.Series:
    """A column as text, as numbers of texts, and as what is left of a longer one."""
    if form == "text":
        return pl.Series("column", texts, dtype=pl.String)
    categories = pl.Categorical(pl.Categories.random())
    if form == "coded":
        return pl.Series("column", texts, dtype=pl.String).cast(categories)
    return pl.Series("column", ["gone", *texts, None], dtype=pl.String).cast(categories).slice(1, len(texts))


FORMS = pytest.mark.parametrize("form", ["text", "coded", "part"])


@FORMS
@given(texts=st.lists(TEXTS, max_size=30))
def test_each_row_has_the_place_of_its_text(form: str, texts: list[str | None]) -> None:
    distinct, places = coded(series(texts, form))
    assert [None if place is None else distinct[place] for place in places] == texts
    assert distinct.n_unique() == len(distinct)


@FORMS
@given(texts=st.lists(TEXTS, max_size=30))
def test_an_answer_is_given_once_for_a_text_and_spread_over_its_rows(form: str, texts: list[str | None]) -> None:
    asked: list[str] = []

    def lengths(distinct: list[str]) -> list[int | None]:
        asked.extend(distinct)
        return [len(text) or None for text in distinct]

    made = spread(series(texts, form), lengths, pl.UInt32)
    assert made.to_list() == [len(text) or None if text is not None else None for text in texts]
    assert (made.name, made.dtype) == ("column", pl.UInt32)
    assert len(asked) == len(set(asked))


@FORMS
@given(st.data(), st.integers(1, 4))
def test_the_distinct_rows_are_those_of_the_columns_together(form: str, data: st.DataObject, width: int) -> None:
    rows = data.draw(st.lists(st.tuples(*[TEXTS] * width), max_size=30))
    columns = [series([row[place] for row in rows], form) for place in range(width)]
    texts, places = distinct_rows(columns)
    assert [tuple(column[place] for column in texts) for place in places] == rows
    listed = [tuple(column[place] for column in texts) for place in range(len(texts[0]))]
    assert len(set(listed)) == len(listed)
    assert places.dtype == pl.UInt32


def test_rows_of_many_distinct_texts_are_numbered_without_a_table_of_all_that_could_be() -> None:
    texts = [str(number) for number in range(3_000)]
    held, places = distinct_rows([pl.Series(texts), pl.Series(texts[::-1]), pl.Series(texts)])
    assert places.n_unique() == len(held[0]) == 3_000
    assert [column.gather(places).to_list() for column in held] == [texts, texts[::-1], texts]
