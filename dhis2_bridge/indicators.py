"""From counts of a workforce to indicators of places: densities, shares and rates, each with both of its parts.

A number that cannot be made is absent with its reason; it is never a 0.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fnmatch import fnmatchcase
from functools import reduce
from typing import Any, Final

import polars as pl

from dhis2_bridge.comparison import is_small
from dhis2_bridge.findings import Finding, UsageError
from dhis2_bridge.indicator_file import Indicator, Indicators, Part
from dhis2_bridge.population import People, Population
from dhis2_bridge.snapshot import Snapshot
from dhis2_bridge.values import KEY

COUNTS_SCHEMA: Final = pl.Schema(
    {
        "run": pl.String(),
        **dict.fromkeys(KEY, pl.String()),
        "number": pl.Decimal(38, 12),
    }
)
"""Columns of counts, one row a data value: the run that it is from, what makes it one cell of DHIS2, its number."""

REASONS: Final = ("stock", "no_counts", "category", "groups", "zero", "no_population", "population", "conflict")
"""Why a number is absent: the runs have no such counts; the place has none; they are not split by the category; the
snapshot has none of the groups; nothing is below the line; no population is given, or it lacks the place; runs
contradict each other."""

_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Place:
    """What indicators are made of: one org unit with all below it, or a selection of several.

    `tops` are the UIDs of the org units that it is made of, none below another; `code` is None for a selection.
    """

    code: str | None
    name: str
    tops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """One number of an indicator for a place, or why there is none.

    `option` is the code of the option where the indicator has one number for each. `numerator` and `denominator` are
    None where they are not known; `people` is the population that stood below the line. `reason` is one of `REASONS`
    with its `arguments`, None where `value` is known.
    """

    indicator: Indicator
    place: Place
    option: str | None = None
    numerator: Decimal | None = None
    denominator: Decimal | None = None
    people: People | None = None
    reason: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def value(self) -> Decimal | None:
        """The number itself, to two decimals, half upwards; None where it is absent."""
        if self.reason is not None or self.numerator is None or not self.denominator:
            return None
        quotient = self.numerator * self.indicator.factor / self.denominator
        return quotient.quantize(_CENT, rounding=ROUND_HALF_UP)

    @property
    def small(self) -> bool:
        """Whether it is made of so few persons that it may tell who they are."""
        return self.numerator is not None and is_small(int(self.numerator)) and self.numerator == int(self.numerator)

    def as_dict(self) -> dict[str, Any]:
        """The whole as plain data; numbers are texts, so that nothing rounds them on the way."""
        people = self.people
        return {
            "indicator": self.indicator.code,
            "name": dict(self.indicator.name),
            "org_unit": self.place.code,
            "place": self.place.name,
            "option": self.option,
            "value": None if self.value is None else str(self.value),
            "numerator": plain_number(self.numerator),
            "denominator": plain_number(self.denominator),
            "population_year": people.year if people else None,
            "population_sources": list(people.sources) if people else [],
            "small": self.small,
            "reason": self.reason,
            "arguments": dict(self.arguments),
        }


def plain_number(number: Decimal | None) -> str | None:
    """A number in plain digits, without zeros that end its decimals."""
    if number is None:
        return None
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def one_count_a_cell(counts: pl.DataFrame, snapshot: Snapshot) -> tuple[pl.DataFrame, list[Finding]]:
    """Counts (`COUNTS_SCHEMA`) of several runs put together: what they say alike counts once.

    A cell of which they say different things is left with a null for its number, and an `indicators.conflict`.
    """
    told = counts.group_by(*KEY, maintain_order=True).agg(
        pl.col("run").first(),
        pl.col("number").first(),
        pl.col("run").last().alias("other_run"),
        pl.col("number").last().alias("other"),
        pl.col("number").n_unique().alias("numbers"),
    )
    apart = pl.col("numbers") > 1
    found = [
        Finding(
            "indicators.conflict",
            str(row["run"]),
            found=plain_number(row["number"]),
            arguments={
                "other": row["other_run"],
                "other_value": plain_number(row["other"]),
                "data_element": snapshot.describe("data_element", row["data_element"]),
                "org_unit": snapshot.describe("org_unit", row["org_unit"]),
                "options": snapshot.name("category_option_combo", row["category_option_combo"]),
            },
        )
        for row in told.filter(apart).iter_rows(named=True)
    ]
    kept = told.with_columns(pl.when(apart).then(None).otherwise("number").alias("number"))
    return kept.select(COUNTS_SCHEMA.names()), found


def common_place(snapshot: Snapshot, org_units: Iterable[str]) -> Place:
    """The lowest org unit that has all of these in it. Raises UsageError where there is none."""
    paths = [snapshot.org_units[unit].path.split("/")[1:] for unit in org_units]
    shared = reduce(_beginning, paths) if paths else []
    if not shared:
        raise UsageError("there is no org unit above all counts; name a place with --org-unit")
    return place_of(snapshot, shared[-1])


def _beginning(one: list[str], other: list[str]) -> list[str]:
    alike = [first for first, second in zip(one, other, strict=False) if first == second]
    return one[: len(alike)]


def place_of(snapshot: Snapshot, org_unit: str) -> Place:
    """One org unit with all below it."""
    held = snapshot.org_units[org_unit]
    return Place(held.code or org_unit, held.name, (org_unit,))


def selection_of(snapshot: Snapshot, org_units: Sequence[str], name: str) -> Place:
    """Several org units, each with all below it, as one place; nothing counts twice."""
    chosen = set(org_units)
    tops = [
        unit
        for unit in dict.fromkeys(org_units)
        if not chosen.intersection(snapshot.org_units[unit].path.split("/")[1:-1])
    ]
    return Place(None, name, tuple(tops))


def split(snapshot: Snapshot, place: Place, level: int) -> list[Place]:
    """A place as the org units of a level that are in it, or that are above its parts, in the order of the snapshot."""
    by_unit: dict[str, list[str]] = {}
    for top in place.tops:
        held = snapshot.org_units[top]
        if held.level >= level:
            by_unit.setdefault(held.path.split("/")[level], []).append(top)
            continue
        for unit in _below(snapshot, top, level):
            by_unit.setdefault(unit, []).append(unit)
    order = {unit: number for number, unit in enumerate(snapshot.org_units)}
    made = []
    for unit in sorted(by_unit, key=order.__getitem__):
        whole = place_of(snapshot, unit)
        made.append(Place(whole.code, whole.name, tuple(by_unit[unit])))
    return made


def _below(snapshot: Snapshot, org_unit: str, level: int) -> Iterator[str]:
    if snapshot.org_units[org_unit].level == level:
        yield org_unit
        return
    for child in snapshot.children(org_unit):
        yield from _below(snapshot, child, level)


def results(
    declared: Indicators,
    counts: pl.DataFrame,
    places: Sequence[Place],
    snapshot: Snapshot,
    population: Population | None,
    on: date,
) -> list[Result]:
    """Every indicator for every place: place by place, each in the order of the file.

    `counts` are those of one period (`COUNTS_SCHEMA`, one row a cell; a null is a number that is not known), `on` its
    last day. Raises KeyError for counts that the snapshot does not know.
    """
    making = _Making(declared, counts, places, snapshot, population, on)
    by_place: list[list[Result]] = [[] for _ in places]
    for one in declared.indicators:
        for number, made in enumerate(making.of(one)):
            by_place[number] += made
    return [result for made in by_place for result in made]


@dataclass(frozen=True, slots=True)
class _Amount:
    """What a part comes to at each place: by the number of the place, absent where there is no count at all.

    `reason` holds for every place.
    """

    numbers: Mapping[int, Decimal] = field(default_factory=dict)
    broken: frozenset[int] = frozenset()
    reason: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


class _Making:
    """The counts of the places, and what parts of them come to."""

    def __init__(
        self,
        declared: Indicators,
        counts: pl.DataFrame,
        places: Sequence[Place],
        snapshot: Snapshot,
        population: Population | None,
        on: date,
    ) -> None:
        self._declared = declared
        self._snapshot = snapshot
        self._places = places
        self._on = on
        self._population = population
        self._people: dict[int, People] = {}
        elements = sorted(counts["data_element"].unique())
        self._codes = {uid: snapshot.data_elements[uid].code or "" for uid in elements}
        self._elements = {name: self._of_stock(name) for name in declared.stocks}
        self._counts = counts.join(_units_of(snapshot, places, counts["org_unit"].unique().to_list()), on="org_unit")

    def of(self, one: Indicator) -> Iterator[list[Result]]:
        """The numbers of one indicator at each place."""
        if one.each is None:
            yield from ([result] for result in self._line(one, None))
            return
        category = self._category(one.each)
        if category is None:
            reason = {"category": one.each, "stock": one.of.stock}
            yield from ([Result(one, place, reason="category", arguments=reason)] for place in self._places)
            return
        lines = [self._line(one, option) for option in self._snapshot.options_of(category)]
        for made in zip(*lines, strict=True):
            absent = made[0].reason if made[0].numerator is None else None
            alike = absent is not None and all(
                (line.reason, line.arguments) == (absent, made[0].arguments) for line in made
            )
            yield [replace(made[0], option=None)] if alike else list(made)

    def _line(self, one: Indicator, option: str | None) -> list[Result]:
        """One number of an indicator, for one option or for all, at each place."""
        code = None
        options = dict(one.of.options)
        if option is not None and one.each is not None:
            code = self._snapshot.category_options[option].code or option
            options[one.each] = (code,)
        above = self._amount(one.of, options)
        below = None if one.per is None else self._amount(one.per, one.per.options)
        return [self._at(number, one, code, above, below) for number in range(len(self._places))]

    def _at(self, number: int, one: Indicator, option: str | None, above: _Amount, below: _Amount | None) -> Result:
        place = self._places[number]
        for amount in (above, below):
            if amount is not None and amount.reason is not None:
                return Result(one, place, option, reason=amount.reason, arguments=amount.arguments)
            if amount is not None and number in amount.broken:
                return Result(one, place, option, reason="conflict")
        numerator = above.numbers.get(number)
        if numerator is None:
            return Result(one, place, option, reason="no_counts", arguments={"stock": one.of.stock})
        if below is None or one.per is None:
            return self._of_people(number, Result(one, place, option, numerator))
        denominator = below.numbers.get(number)
        if denominator is None:
            return Result(one, place, option, numerator, reason="no_counts", arguments={"stock": one.per.stock})
        return Result(one, place, option, numerator, denominator, reason=None if denominator > 0 else "zero")

    def _of_people(self, number: int, above: Result) -> Result:
        """A number with the population of its place below the line."""
        if self._population is None:
            return replace(above, reason="no_population")
        if number not in self._people:
            self._people[number] = self._population.of(above.place.tops, self._snapshot, self._on)
        people = self._people[number]
        if people.number is None:
            missing = [self._snapshot.describe("org_unit", unit) for unit in people.missing[:3]]
            told = {"missing": missing, "year": people.year or self._on.year}
            return replace(above, people=people, reason="population", arguments=told)
        reason = None if people.number else "zero"
        return replace(above, denominator=Decimal(people.number), people=people, reason=reason)

    def _of_stock(self, name: str) -> dict[str, str]:
        """The data elements that count a stock, each with what follows the beginning of its code."""
        for beginning in self._declared.stocks[name].codes:
            held = {
                uid: code.removeprefix(beginning) for uid, code in self._codes.items() if code.startswith(beginning)
            }
            if held:
                return held
        return {}

    def _category(self, code: str) -> str | None:
        found = self._snapshot.index("category", "code").get(code, ())
        return found[0] if len(found) == 1 else None

    def _amount(self, part: Part, options: Mapping[str, tuple[str, ...]]) -> _Amount:
        """What a part comes to at each place, with these options."""
        of_stock = self._elements[part.stock]
        if not of_stock:
            beginnings = [f"{code}*" for code in self._declared.stocks[part.stock].codes]
            return _Amount(reason="stock", arguments={"stock": part.stock, "codes": beginnings})
        globs = self._declared.groups[part.group]
        elements = [uid for uid, rest in of_stock.items() if any(fnmatchcase(rest, glob) for glob in globs)]
        held = self._counts.filter(pl.col("data_element").is_in(elements))
        for code, wanted in options.items():
            combos = self._combos_with(held["category_option_combo"].unique().to_list(), code, wanted)
            if combos is None:
                return _Amount(reason="category", arguments={"category": code, "stock": part.stock})
            held = held.filter(pl.col("category_option_combo").is_in(combos))
        if part.org_unit_groups:
            known = self._snapshot.index("org_unit_group", "code")
            groups = [code for code in part.org_unit_groups if code in known]
            if not groups:
                return _Amount(reason="groups", arguments={"groups": list(part.org_unit_groups)})
            units = held["org_unit"].unique().to_list()
            inside = [unit for unit in units if any(self._snapshot.in_group(unit, code) for code in groups)]
            held = held.filter(pl.col("org_unit").is_in(inside))
        summed = held.group_by("place").agg(pl.col("number").sum(), pl.col("number").null_count().alias("unknown"))
        counted = {number: amount for number, amount, _ in summed.iter_rows()}
        numbers = {number: counted.get(number, Decimal(0)) for number in self._present(part.stock)}
        return _Amount(numbers, frozenset(number for number, _, unknown in summed.iter_rows() if unknown))

    def _present(self, stock: str) -> set[int]:
        """The places that have counts of a stock, or of the one that it is a part of: what is not there is 0."""
        within = self._declared.stocks[stock].within
        elements = [*self._elements[stock], *(self._elements[within] if within else ())]
        return set(self._counts.filter(pl.col("data_element").is_in(elements))["place"])

    def _combos_with(self, combos: Sequence[str], category: str, options: tuple[str, ...]) -> list[str] | None:
        """Those of category option combos that have one of these options; None where one lacks the category."""
        uid = self._category(category)
        if uid is None:
            return None
        of_category = set(self._snapshot.options_of(uid))
        wanted = {one for one in of_category if (self._snapshot.category_options[one].code or one) in options}
        kept = []
        for combo in combos:
            held = self._snapshot.category_option_combos[combo].category_options
            if held.isdisjoint(of_category):
                return None
            if not held.isdisjoint(wanted):
                kept.append(combo)
        return kept


def _units_of(snapshot: Snapshot, places: Sequence[Place], org_units: Iterable[str]) -> pl.DataFrame:
    """Which org units are in which places, by the number of the place; one may be in several."""
    by_top: dict[str, list[int]] = {}
    for number, place in enumerate(places):
        for top in place.tops:
            by_top.setdefault(top, []).append(number)
    pairs = [
        (unit, number)
        for unit in org_units
        for above in snapshot.org_units[unit].path.split("/")[1:]
        for number in by_top.get(above, ())
    ]
    return pl.DataFrame(pairs, schema={"org_unit": pl.String, "place": pl.UInt32}, orient="row").unique()
