"""Two sources of persons beside one another: counts by hand, laws, and nothing of a person in what comes out."""

import json
from dataclasses import fields
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhis2_bridge.comparison import ASPECTS, ROWS_SCHEMA, Comparison, compare, is_small

KEY = b"a key for tests"

Row = tuple[str | None, ...]


def frame(*rows: Row, source: str = "a.csv", known: bool = True) -> pl.DataFrame:
    """Rows of (person, facility, occupation, sex, birth date); what is left out is unknown."""
    held = [
        (source, None, number, *row, *[None] * (5 - len(row)), known and row[1:2] != ("odd",))
        for number, row in enumerate(rows, 2)
    ]
    return pl.DataFrame(held, schema=ROWS_SCHEMA, orient="row")


def places(made: Comparison) -> list[tuple[Any, ...]]:
    return made.places.rows()


def test_who_is_in_one_and_not_in_the_other() -> None:
    made = compare(
        frame(("1", "A", "2212"), ("2", "A", "2212"), ("3", "B", "3221"), (None, "A", "2212")),
        frame(("2", "A", "2212"), ("3", "C", "3221"), ("4", "C", "3221"), ("4", "A", "2212")),
        KEY,
    )
    assert (made.both, made.only_first, made.only_second) == (2, 1, 1)
    assert (made.first.persons, made.first.contracts, made.first.rows_without_person) == (3, 4, 1)
    assert (made.second.persons, made.second.contracts, made.second.rows_without_person) == (3, 4, 0)
    assert made.different == {"facility": 1, "occupation": 0, "sex": 0, "birth_date": 0}
    assert places(made) == [
        ("A", "2212", 2, 1, 0, 2, 1, 0),
        ("B", "3221", 1, 0, 1, 0, 0, 0),
        ("C", "3221", 0, 0, 0, 2, 1, 1),
    ]
    assert made.facilities.rows() == [("B", "first", 1), ("C", "second", 2)]
    assert made.differs


def test_sources_that_say_the_same_do_not_differ() -> None:
    one = frame(("1", "A", "2212", "M", "1985-03-15"), ("1", "B", "2212", "M", "1985-03-15"))
    made = compare(one, one.reverse(), KEY)
    assert not made.differs
    assert (made.both, made.facilities.height) == (1, 0)


@pytest.mark.parametrize(
    ("place", "one", "other"),
    [(1, "A", "B"), (2, "2212", "3221"), (3, "M", "F"), (4, "1985-03-15", "1985-03-16")],
)
def test_each_aspect_is_compared_alone(place: int, one: str, other: str) -> None:
    base: list[str | None] = ["1", "A", "2212", "M", "1985-03-15"]
    first, second, silent = list(base), list(base), list(base)
    first[place], second[place], silent[place] = one, other, None
    made = compare(frame(tuple(first)), frame(tuple(second)), KEY)
    assert made.different == {aspect: int(aspect == ASPECTS[place - 1]) for aspect in ASPECTS}
    assert not any(compare(frame(tuple(first)), frame(tuple(silent)), KEY).different.values())


def test_a_second_job_that_one_source_lacks_is_a_difference_of_facility() -> None:
    made = compare(frame(("1", "A"), ("1", "B")), frame(("1", "A")), KEY)
    assert made.different["facility"] == 1
    assert places(made) == [("A", None, 1, 0, 0, 1, 0, 0), ("B", None, 1, 0, 1, 0, 0, 0)]


def test_a_label_that_few_hold_and_the_instance_does_not_know_is_not_shown() -> None:
    rows = [(str(n), "clinic of somebody") for n in range(2)]
    made = compare(frame(*rows, known=False), frame(), KEY)
    assert places(made) == [("", None, 2, 2, 0, 0, 0, 0)]
    assert made.facilities.rows() == [("", "first", 2)]
    made = compare(frame(*rows, ("9", "clinic of somebody"), known=False), frame(), KEY)
    assert made.facilities.rows() == [("clinic of somebody", "first", 3)]
    made = compare(frame(*rows), frame(), KEY)
    assert made.facilities.rows() == [("clinic of somebody", "first", 2)]


def test_small_counts_are_flagged() -> None:
    assert [is_small(count) for count in range(5)] == [False, True, True, False, False]
    told = compare(frame(("1", "A"), ("2", "A"), ("3", "A")), frame(("1", "A"), ("4", "B")), KEY).as_dict()
    assert told["small"] == ["both", "only_first", "only_second"]
    assert told["places"][0]["small"] == ["missing_first", "persons_second"]
    assert told["facilities"][0] == {"facility": "B", "only": "second", "persons": 1, "small": ["persons"]}


def test_rows_only_when_asked() -> None:
    first = frame(("1", "A", "2212", "M"), ("2", "A"), ("1", "A", "2212", "M"))
    second = frame(("1", "A", "2212", "F"), ("3", "A"), source="b.csv")
    assert compare(first, second, KEY).rows is None
    assert "rows" not in compare(first, second, KEY).as_dict()
    made = compare(first, second, KEY, rows=True)
    assert made.rows is not None
    assert made.rows.rows() == [
        ("first", "a.csv", None, 2, "sex"),
        ("first", "a.csv", None, 3, "person"),
        ("first", "a.csv", None, 4, "sex"),
        ("second", "b.csv", None, 2, "sex"),
        ("second", "b.csv", None, 3, "person"),
    ]


def test_nothing_in_nothing() -> None:
    made = compare(frame(), frame(), KEY, rows=True)
    assert not made.differs
    assert made.as_dict()["places"] == []


def test_a_comparison_cannot_hold_a_person() -> None:
    first = frame(
        ("31503850170018", "A", "2212", "M", "1985-03-15"), ("42207900180027", "A", "2212", "F", "1990-07-22")
    )
    second = frame(("31503850170018", "B", "2212", "F", "1985-03-16"))
    made = compare(first, second, KEY, rows=True)
    told = json.dumps(made.as_dict()) + repr([getattr(made, one.name) for one in fields(made)])
    for secret in ("31503850170018", "42207900180027", "1985", "1990", KEY.hex()):
        assert secret not in told
    assert not {"person", "sex", "birth_date"} & {*made.places.columns, *made.facilities.columns}
    assert made.rows is not None
    assert "person" not in made.rows.columns


# -- laws ------------------------------------------------------------------------------------------------------------

persons = st.one_of(st.none(), st.sampled_from(["1", "2", "3", "4", "5", "6"]))
rows = st.lists(
    st.tuples(
        persons,
        st.sampled_from(["A", "B", "odd", None]),
        st.sampled_from(["x", "y", None]),
        st.sampled_from(["M", "F", None]),
        st.sampled_from(["1990-01-01", "1991-01-01", None]),
    ),
    max_size=12,
)


def by_hand(first: list[Row], second: list[Row]) -> dict[str, Any]:
    """The same in plain Python."""
    told: list[dict[str, list[set[str]]]] = []
    for side in (first, second):
        held: dict[str, list[set[str]]] = {}
        for person, *aspects in side:
            if person is not None:
                sets = held.setdefault(person, [set(), set(), set(), set()])
                for kept, text in zip(sets, aspects, strict=True):
                    kept.update([text] if text is not None else [])
        told.append(held)
    a, b = told
    return {
        "both": len(a.keys() & b.keys()),
        "only_first": len(a.keys() - b.keys()),
        "only_second": len(b.keys() - a.keys()),
        "different": {
            aspect: sum(bool(a[p][i] and b[p][i] and a[p][i] != b[p][i]) for p in a.keys() & b.keys())
            for i, aspect in enumerate(ASPECTS)
        },
    }


@settings(deadline=None)
@given(rows, rows)
def test_it_is_what_sets_say(first: list[Row], second: list[Row]) -> None:
    told = compare(frame(*first), frame(*second), KEY).as_dict()
    assert {name: told[name] for name in ("both", "only_first", "only_second", "different")} == by_hand(first, second)
    for one in told["places"]:
        here = {
            side: {row[0] for row in held if row[0] and (row[1], row[2]) == (one["facility"], one["occupation"])}
            for side, held in (("first", first), ("second", second))
        }
        if one["facility"] == "":
            continue
        people = [{row[0] for row in held} for held in (first, second)]
        at = [{row[0] for row in held if row[1] == one["facility"]} for held in (first, second)]
        assert one["persons_first"] == len(here["first"])
        assert one["missing_first"] == len(here["first"] - people[1])
        known = one["facility"] is not None
        assert one["elsewhere_first"] == (len((here["first"] & people[1]) - at[1]) if known else 0)
        assert one["persons_second"] == len(here["second"])
        assert one["missing_second"] == len(here["second"] - people[0])


@settings(deadline=None)
@given(rows, rows, st.randoms(use_true_random=False), st.binary(min_size=1, max_size=64))
def test_neither_order_nor_key_nor_sides_change_it(first: list[Row], second: list[Row], draw: Any, key: bytes) -> None:
    told = compare(frame(*first), frame(*second), KEY).as_dict()
    shuffled = list(first)
    draw.shuffle(shuffled)
    assert compare(frame(*shuffled), frame(*second), key).as_dict() == told
    turned = compare(frame(*second), frame(*first), key).as_dict()
    assert (turned["first"], turned["only_first"], turned["different"]) == (
        told["second"],
        told["only_second"],
        told["different"],
    )
    assert len(turned["places"]) == len(told["places"])
