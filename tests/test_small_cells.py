"""Small counts: flagged, made coarser, withheld; and an attack on what is published, by linear programming."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import csr_array

from dhis2_bridge import small_cells, suppression
from dhis2_bridge.findings import UsageError, rows
from dhis2_bridge.suppression import Place, Position


@dataclass(frozen=True)
class Small:
    below: int = 3
    do: str = "suppress"
    drop: tuple[str, ...] = ("AGE", "SEX")
    table: tuple[str, ...] = ()


@dataclass(frozen=True)
class Axis:
    unknown: str | None = "UNK"


@dataclass(frozen=True)
class Measure:
    data_element: str
    count: str | None = "persons"
    by: tuple[str, ...] = ()
    is_: str | None = None


AXES = {"SEX": Axis(), "AGE": Axis()}
HW = Measure("HW_{occupation}", by=("SEX", "AGE"))
EMP = Measure("EMP_{occupation}", by=("SEX", "AGE"))
TOTAL = Measure("HWT_{occupation}")
FILLED = Measure("FIL_{occupation}", count=None, is_="filled")
APPROVED = Measure("APP_{occupation}", count=None, is_="approved")
VACANT = Measure("VAC_{occupation}", count=None, is_="vacant")


def counted(text: str) -> pl.DataFrame:
    """Counts as they are drawn: measure, org unit, data element, sex, age, value; the row is the line's number."""
    made = []
    for row, line in enumerate(text.strip().splitlines(), start=2):
        measure, unit, element, sex, age, value = line.split()
        made.append((unit, element, _option(sex), _option(age), int(measure), float(value), "staff.csv", None, row))
    return frame(made)


def _option(text: str) -> str | None:
    return None if text == "-" else text


def frame(made: Sequence[tuple[Any, ...]]) -> pl.DataFrame:
    schema = {
        "unit": pl.String, "data_element": pl.String, "SEX": pl.String, "AGE": pl.String, "measure": pl.UInt32,
        "value": pl.Float64, "source": pl.Categorical, "sheet": pl.Categorical, "row": pl.UInt32,
    }  # fmt: skip
    return pl.DataFrame(made, schema=schema, orient="row")


def codes(findings: pl.DataFrame) -> list[tuple[str, dict[str, Any]]]:
    return [(one.code.removeprefix("small_cells."), dict(one.arguments)) for one in rows(findings)]


def values_of(made: pl.DataFrame) -> dict[tuple[str, str, str | None, str | None], float]:
    return {(r["unit"], r["data_element"], r["SEX"], r["AGE"]): r["value"] for r in made.iter_rows(named=True)}


SMALL_AND_LARGE = """
    0 A HW_2211 F P25 1
    0 A HW_2211 F P35 7
    0 A HW_2211 M P25 2
    0 B HW_2211 F P25 9
    0 B HW_3221 F P25 1
    1 A FIL_2211 - - 0.5
"""


# Flag


def test_flag_changes_nothing_and_counts() -> None:
    before = counted(SMALL_AND_LARGE)
    made, found = small_cells.apply(before, AXES, Small(do="flag"), [HW, FILLED])
    assert made.equals(before)
    assert codes(found) == [
        ("found", {"data_element": "HW_2211", "cells": 2, "below": 3}),
        ("found", {"data_element": "HW_3221", "cells": 1, "below": 3}),
    ]
    assert [(one.source, one.row, one.found) for one in rows(found)] == [("staff.csv", 2, None), ("staff.csv", 6, None)]


def test_zero_is_not_small_and_the_limit_is_not_below_itself() -> None:
    _, found = small_cells.apply(counted("0 A HW_1 F P25 0\n0 A HW_1 M P25 3"), AXES, Small(do="flag"), [HW])
    assert codes(found) == []


def test_nothing_counted_is_nothing_found() -> None:
    for do in ("flag", "coarsen", "suppress"):
        made, found = small_cells.apply(frame([]), AXES, Small(do=do), [HW])
        assert made.is_empty()
        assert found.is_empty()


# Coarsen


def test_coarsen_drops_age_and_then_sex_where_counts_are_small() -> None:
    before = counted(
        """
        0 A HW_2211 F P25 1
        0 A HW_2211 F P35 7
        0 A HW_2211 M P25 4
        0 B HW_2211 F P25 9
        0 B HW_3221 F P25 1
        0 B HW_3221 M P35 3
        """
    )
    made, found = small_cells.apply(before, AXES, Small(do="coarsen"), [HW])
    assert values_of(made) == {
        ("A", "HW_2211", "F", "UNK"): 8,
        ("A", "HW_2211", "M", "UNK"): 4,
        ("B", "HW_2211", "F", "P25"): 9,
        ("B", "HW_3221", "UNK", "UNK"): 4,
    }
    assert codes(found) == [
        ("coarsened", {"data_element": "HW_2211", "axis": "AGE", "option": "UNK", "cells": 3}),
        ("coarsened", {"data_element": "HW_3221", "axis": "AGE", "option": "UNK", "cells": 2}),
        ("coarsened", {"data_element": "HW_3221", "axis": "SEX", "option": "UNK", "cells": 2}),
    ]
    assert made.schema == before.schema
    assert sorted(made.select("unit", "data_element", "SEX", "row").rows()) == [
        ("A", "HW_2211", "F", 2),
        ("A", "HW_2211", "M", 4),
        ("B", "HW_2211", "F", 5),
        ("B", "HW_3221", "UNK", 6),
    ]


def test_what_is_small_after_the_last_axis_is_flagged() -> None:
    made, found = small_cells.apply(counted("0 A HW_1 F P25 2"), AXES, Small(do="coarsen"), [HW])
    assert values_of(made) == {("A", "HW_1", "UNK", "UNK"): 2}
    assert codes(found)[-1] == ("found", {"data_element": "HW_1", "cells": 1, "below": 3})


def test_measures_of_one_occupation_are_made_coarser_together() -> None:
    before = counted("0 A HW_1 F P25 2\n1 A EMP_1 F P25 5\n1 A EMP_1 M P25 6\n1 A EMP_2 F P25 6\n2 A FIL_1 - - 1")
    made, _ = small_cells.apply(before, AXES, Small(do="coarsen", drop=("AGE",)), [HW, EMP, FILLED])
    assert values_of(made) == {
        ("A", "HW_1", "F", "UNK"): 2,
        ("A", "EMP_1", "F", "UNK"): 5,
        ("A", "EMP_1", "M", "UNK"): 6,
        ("A", "EMP_2", "F", "P25"): 6,
        ("A", "FIL_1", None, None): 1,
    }


def test_coarsen_needs_an_option_for_the_unknown() -> None:
    with pytest.raises(UsageError, match="AGE"):
        small_cells.apply(counted("0 A HW_1 F P25 2"), {**AXES, "AGE": Axis(None)}, Small(do="coarsen"), [HW])


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_coarsen_keeps_totals(data: st.DataObject) -> None:
    before = data.draw(staff())
    made, _ = small_cells.apply(before, AXES, Small(do="coarsen"), [HW, EMP])
    by = ["unit", "data_element"]
    total = pl.col("value").sum()
    assert made.group_by(by).agg(total).sort(by).equals(before.group_by(by).agg(total).sort(by))


# Suppress


def test_a_small_count_takes_another_with_it_where_the_total_is_sent() -> None:
    before = counted("0 A HW_1 F P25 1\n0 A HW_1 F P35 5\n0 A HW_1 M P35 9\n1 A HWT_1 - - 15")
    made, found = small_cells.apply(before, AXES, Small(), [HW, TOTAL])
    assert values_of(made) == {("A", "HW_1", "M", "P35"): 9, ("A", "HWT_1", None, None): 15}
    assert codes(found) == [("sums_low", {"cells": 2}), ("withheld", {"data_element": "HW_1", "cells": 2})]
    assert [(one.found, one.row) for one in rows(found)] == [(None, None), ("A", 2)]


def test_alone_a_small_count_goes_alone() -> None:
    made, _ = small_cells.apply(counted("0 A HW_1 F P25 1\n0 A HW_1 F P35 5"), AXES, Small(), [HW])
    assert values_of(made) == {("A", "HW_1", "F", "P35"): 5}


def test_in_a_declared_table_four_cells_go() -> None:
    before = counted("0 A HW_1 F P25 1\n0 A HW_1 F P35 8\n0 A HW_1 M P25 7\n0 A HW_1 M P35 9\n0 A HW_1 M P45 4")
    made, _ = small_cells.apply(before, AXES, Small(table=("SEX", "AGE")), [HW])
    assert values_of(made) == {("A", "HW_1", "M", "P45"): 4}


def test_filled_and_vacant_posts_go_where_the_count_of_persons_goes() -> None:
    before = counted(
        """
        0 A HW_1 F P25 1
        1 A FIL_1 - - 1.5
        2 A APP_1 - - 2
        3 A VAC_1 - - 0.5
        0 B HW_1 F P25 5
        1 B FIL_1 - - 5
        """
    )
    made, found = small_cells.apply(before, AXES, Small(), [HW, FILLED, APPROVED, VACANT])
    assert set(values_of(made)) == {
        ("A", "APP_1", None, None), ("B", "HW_1", "F", "P25"), ("B", "FIL_1", None, None),
    }  # fmt: skip
    assert {found for one in rows(found) if (found := one.found)} == set()  # one person: the label stays ours


def test_a_count_of_some_of_the_same_people_goes_too() -> None:
    """Women are a slice of all: published they would tell what is withheld."""
    women = Measure("WOM_{occupation}", by=("SEX", "AGE"))
    before = counted(
        """
        0 A HW_1 F P25 1
        0 A HW_1 F P35 5
        0 A HW_1 M P35 30
        1 A WOM_1 F P25 1
        1 A WOM_1 F P35 5
        2 A HWT_1 - - 36
        """
    )
    made, _ = small_cells.apply(before, AXES, Small(), [HW, women, TOTAL])
    assert values_of(made) == {("A", "HW_1", "M", "P35"): 30, ("A", "HWT_1", None, None): 36}


def test_a_coarser_count_of_other_rows_goes_with_what_is_beneath() -> None:
    part_time = Measure("PT_{occupation}")
    before = counted("0 A HW_1 F P25 1\n0 A HW_1 F P35 5\n0 B HW_1 F P35 5\n1 A PT_1 - - 4\n1 B PT_1 - - 4")
    made, _ = small_cells.apply(before, AXES, Small(), [HW, part_time])
    assert set(values_of(made)) == {("B", "HW_1", "F", "P35"), ("B", "PT_1", None, None)}


def test_a_total_that_nobody_may_publish_is_told() -> None:
    """One doctor in one facility of two: with the total over both and the other's count it is known."""
    before = counted("0 A HW_1 F P25 1\n0 B HW_1 F P25 8")
    made, found = small_cells.apply(before, AXES, Small(table=("org_unit",)), [HW])
    assert made.is_empty()
    assert [code for code, _ in codes(found)] == ["sums_low", "withheld", "withheld"]
    before = counted("0 A HW_1 F P25 1")
    _, found = small_cells.apply(before, AXES, Small(table=("org_unit",)), [HW])
    assert ("total_known", {"data_element": "HW_{occupation}", "totals": 1}) in codes(found)


@pytest.mark.parametrize(
    ("measures", "named"),
    [
        ([HW, Measure("G_{group}", by=("SEX", "AGE"))], "G_{group}"),
        ([Measure("S_{occupation}", by=("SEX",)), Measure("A_{occupation}", by=("AGE",))], "A_{occupation}"),
    ],
)
def test_what_cannot_be_guarded_is_refused(measures: list[Measure], named: str) -> None:
    with pytest.raises(UsageError) as refused:
        small_cells.apply(counted("0 A HW_1 F P25 2"), AXES, Small(), measures)
    assert named in str(refused.value)


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_the_order_of_cells_changes_nothing(data: st.DataObject) -> None:
    before = data.draw(staff())
    shuffled = before[data.draw(st.permutations(range(before.height)))]
    small = Small(table=("SEX", "AGE"))
    one, found = small_cells.apply(before, AXES, small, [HW, EMP])
    other, also = small_cells.apply(shuffled, AXES, small, [HW, EMP])
    by = ["measure", "unit", "data_element", "SEX", "AGE"]
    assert one.sort(by).equals(other.sort(by))
    assert found.equals(also)


# The attack


@dataclass
class Attack:
    """All that an attacker knows of some counts: each is at least 0, and equations and inequalities between them."""

    places: list[Place]
    equal: list[tuple[dict[Place, int], float]] = field(default_factory=list)
    at_most: list[dict[Place, int]] = field(default_factory=list)

    def bounds(self, wanted: Iterable[Place]) -> dict[Place, tuple[float, float]]:
        """The least and the most that each count can be."""
        numbers = {place: number for number, place in enumerate(self.places)}

        def matrix(equations: list[dict[Place, int]]) -> Any:
            if not equations:
                return None
            entries = [(i, numbers[p], c) for i, one in enumerate(equations) for p, c in one.items()]
            i, j, c = zip(*entries, strict=True)
            return csr_array((c, (i, j)), shape=(len(equations), len(self.places)), dtype=float)

        equations, sides = [one for one, _ in self.equal], [side for _, side in self.equal]
        known = {
            "A_eq": matrix(equations), "b_eq": sides or None,
            "A_ub": matrix(self.at_most), "b_ub": [0.0] * len(self.at_most) or None,
        }  # fmt: skip
        found = {}
        for place in wanted:
            ends = []
            for way in (1, -1):
                aim = [0.0] * len(self.places)
                aim[numbers[place]] = way
                answer = linprog(aim, method="highs", **known)
                assert answer.status in {0, 3}, answer.message
                ends.append(way * answer.fun if answer.status == 0 else way * -float("inf"))
            found[place] = (ends[0], ends[1])
        return found


def attack(
    cells: Sequence[Mapping[Position, int]],
    known: set[frozenset[int]],
    withheld: set[Place],
    parts: list[tuple[int, int]],
) -> Attack:
    """What is known when everything but `withheld` is published: of `parts` the first is a part of the second."""
    made = Attack([(k, position) for k, one in enumerate(cells) for position in one])
    for k, one in enumerate(cells):
        dimensions = frozenset(range(len(next(iter(one), ()))))
        for pattern in known | {dimensions}:
            totals: dict[Position, list[Position]] = {}
            for position in one:
                above = tuple(option if d in pattern else None for d, option in enumerate(position))
                totals.setdefault(above, []).append(position)
            for above, beneath in totals.items():
                if (k, above) not in withheld:
                    made.equal.append(({(k, b): 1 for b in beneath}, sum(one[b] for b in beneath)))
    for part, whole in parts:
        for position in cells[part]:
            if position in cells[whole]:
                made.at_most.append({(part, position): 1, (whole, position): -1})
    return made


def refute(bounds: Mapping[Place, tuple[float, float]], cells: Sequence[Mapping[Position, int]], below: int) -> None:
    """Fails where a count is known, or a small one is known not to be another small one."""
    for (k, position), (least, most) in bounds.items():
        value = cells[k][position]
        assert least - 1e-6 <= value <= most + 1e-6
        if 0 < value < below and below > 2:
            assert least <= 1 + 1e-6, (k, position)
            assert most >= below - 1 - 1e-6, (k, position)
        assert most - least >= 1 - 1e-6, (k, position, least, most)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[dict[Position, int]], set[frozenset[int]], int, list[tuple[int, int]]]:
    """One to three counts over two or three dimensions, parts of one another, with some totals known."""
    sizes = draw(st.lists(st.integers(2, 4), min_size=2, max_size=3))
    positions: list[Position] = list(product(*([str(one) for one in range(size)] for size in sizes)))
    count = draw(st.integers(1, 3))
    sparse = st.one_of(st.just(0), st.integers(0, 4), st.integers(0, 30))
    cells: list[dict[Position, int]] = [{} for _ in range(count)]
    for position in positions:
        value = 0
        for k in reversed(range(count)):  # each is a part of the one before
            value += draw(sparse)
            if value or draw(st.booleans()):
                cells[k][position] = value
    subsets = [frozenset(one) for n in range(len(sizes)) for one in combinations(range(len(sizes)), n)]
    known = set(draw(st.lists(st.sampled_from(subsets), max_size=len(subsets))))
    return cells, known, draw(st.integers(2, 5)), [(k + 1, k) for k in range(count - 1)]


@given(tables())
@settings(max_examples=150, deadline=None)
def test_no_withheld_count_can_be_worked_out(drawn: Any) -> None:
    cells, known, below, parts = drawn
    published = {(k, position) for k, one in enumerate(cells) for position in one}
    made = suppression.protect(cells, known, published, below)
    assert made.unguarded == set()
    assert {(k, p) for k, one in enumerate(cells) for p, value in one.items() if 0 < value < below} <= made.places
    refute(attack(cells, known, made.places, parts).bounds(sorted(made.places & published)), cells, below)


def test_the_attack_finds_what_is_not_guarded() -> None:
    """The small count alone withheld, with its totals known, is known."""
    cells: list[dict[Position, int]] = [{("A", "F"): 1, ("A", "M"): 8, ("B", "F"): 7, ("B", "M"): 9}]
    known = {frozenset({0}), frozenset({1})}
    only: set[Place] = {(0, ("A", "F"))}
    with pytest.raises(AssertionError):
        refute(attack(cells, known, only, []).bounds(only), cells, 3)
    two: set[Place] = only | {(0, ("A", "M"))}
    with pytest.raises(AssertionError):
        refute(attack(cells, known, two, []).bounds(two), cells, 3)


@st.composite
def staff(draw: st.DrawFn) -> pl.DataFrame:
    """Practising and employed of a few facilities and occupations, by sex and age."""
    made = []
    places = product(("A", "B", "C"), ("1", "2"), ("F", "M"), ("P25", "P35", "UNK"))
    for row, (unit, occupation, sex, age) in enumerate(places, start=2):
        practising = draw(st.sampled_from([0, 0, 0, 1, 1, 2, 3, 6, 20]))
        employed = practising + draw(st.sampled_from([0, 0, 0, 1, 2]))
        for measure, code, value in ((0, "HW", practising), (1, "EMP", employed)):
            if value:
                made.append((unit, f"{code}_{occupation}", sex, age, measure, float(value), "staff.csv", None, row))
    return frame(made)


@given(st.data(), st.sampled_from([(), ("SEX", "AGE"), ("org_unit", "SEX"), ("org_unit", "data_element")]))
@settings(max_examples=60, deadline=None)
def test_nothing_sent_tells_of_what_is_withheld(data: st.DataObject, table: tuple[str, ...]) -> None:
    """Practising, employed, the total of both and filled posts, of which each tells how many persons there are."""
    before = data.draw(staff())
    totals = [
        (unit, f"{code}_{element.rpartition('_')[2]}", None, None, measure, value, "staff.csv", None, 2)
        for source, code, measure in ((0, "HWT", 2), (1, "FIL", 3))
        for unit, element, value in before.filter(pl.col("measure") == source)
        .group_by("unit", "data_element")
        .agg(pl.col("value").sum())
        .iter_rows()
    ]
    before = pl.concat([before, frame(totals)])
    made, found = small_cells.apply(before, AXES, Small(table=table), [HW, EMP, TOTAL, FILLED])
    assert not {"not_guarded"} & {code for code, _ in codes(found)}
    sent = set(made.select("unit", "data_element", "SEX", "AGE").iter_rows())
    fine = [r for r in before.iter_rows(named=True) if r["measure"] < 2]
    cells: list[dict[Position, int]] = [{}, {}]
    for r in fine:
        cells[r["measure"]][r["unit"], r["data_element"].rpartition("_")[2], r["SEX"], r["AGE"]] = int(r["value"])
    known = Attack([(k, position) for k, one in enumerate(cells) for position in one])
    for k, position in known.places:
        unit, occupation, sex, age = position
        if (unit, f"{('HW', 'EMP')[k]}_{occupation}", sex, age) in sent:
            known.equal.append(({(k, position): 1}, cells[k][position]))
        if k == 0 and position in cells[1]:
            known.at_most.append({(0, position): 1, (1, position): -1})
    for unit, element, _, _, measure, value, *_ in totals:
        occupation = element.rpartition("_")[2]
        if (unit, element, None, None) in sent:  # filled posts are taken to tell the persons employed
            k = measure - 2
            known.equal.append(({(k, p): 1 for p in cells[k] if p[:2] == (unit, occupation)}, value))
    out = [(k, p) for k, p in known.places if (p[0], f"{('HW', 'EMP')[k]}_{p[1]}", p[2], p[3]) not in sent]
    refute(known.bounds(out), cells, 3)
