"""Which counts of a table are withheld, so that none of them can be worked out from the others.

A table has cells at positions: one option a dimension, None for the total over it. Totals of the patterns (sets of
dimensions) in `known` are taken as known to everybody, whether they are sent or not; a cell that is not there is taken
as known to be zero. Small counts are withheld, and small totals with them. Then others are, until each withheld count
has a witness: another table that agrees with everything known, and in which it is as low as 1 or as high as the
largest small count. So nobody who knows all that is published can tell which small count it is, and none is certain.

The witness is found by moves. A move adds the same amount to one cell and takes it off others so that every known
total stays: along each dimension either another option pays for it, or the total over it moves too and has to be
withheld. Several counts of the same people (practising, employed) move together where what is true of them in the
whole table (a part of the other, a sum of others) would break. Nothing here is random, and nothing depends on the
order of the cells; more may be withheld than the least possible.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Final

Position = tuple[str | None, ...]
"""An option for each dimension; None is the total over it."""

Place = tuple[int, Position]
"""Which count of the table, and where."""

Corners = tuple[tuple[Position, int], ...]
Signs = tuple[int, ...]

PARTNERS: Final = 12
"""Options along one dimension that are tried as partners of a move, the cheapest first."""

UNPUBLISHED: Final = 1_000_000
"""Cost of withholding a total that is not sent at all but known from elsewhere: the last resort."""

_TOGETHER: Final = 3
_PAIR: Final = 2


@dataclass(slots=True)
class Withheld:
    """What is not to be published: `places`, totals that are not sent among them; and those without a witness."""

    places: set[Place] = field(default_factory=set)
    unguarded: set[Place] = field(default_factory=set)


def protect(
    cells: Sequence[Mapping[Position, int]],
    known: set[frozenset[int]],
    published: set[Place],
    below: int,
    withheld: set[Place] | None = None,
) -> Withheld:
    """What has to be withheld of several counts over the same dimensions.

    `cells` are the counts at their finest, all with the same dimensions; `known` the patterns whose totals are known;
    `published` what would be sent, of the finest and of totals; `withheld` what is withheld for other reasons.
    """
    return _Table(cells, known, published, below, withheld or set()).protected()


class _Table:
    """One table on its way to being safe."""

    def __init__(
        self,
        cells: Sequence[Mapping[Position, int]],
        known: set[frozenset[int]],
        published: set[Place],
        below: int,
        withheld: set[Place],
    ) -> None:
        self.cells = cells
        self.published = published
        self.below = below
        every = sorted({position for one in cells for position in one}, key=_order)
        self.own = _pattern(every[0]) if every else frozenset()
        self.known = {pattern for pattern in known if pattern <= self.own} | {self.own}
        self.values = [{**one} for one in cells]
        for number, one in enumerate(cells):
            for pattern in self.known - {self.own}:
                for position, value in one.items():
                    above = _above(position, pattern)
                    self.values[number][above] = self.values[number].get(above, 0) + value
        self.blocks = self._blocks()
        self.lines: list[dict[Position, list[Position]]] = [{} for _ in self.blocks]
        for place, (block, fixed) in enumerate(self.blocks):
            if not fixed:
                for position in every:
                    self.lines[place].setdefault(_without(position, block), []).append(position)
        self.relations = _relations(cells, every)
        self.places: set[Place] = set(withheld)
        self.loose: set[Place] = set()
        for number, values in enumerate(self.values):
            self.places |= {(number, position) for position, value in values.items() if 0 < value < below}

    def protected(self) -> Withheld:
        """Withholds until every withheld count that would have been sent has its witnesses."""
        unguarded: set[Place] = set()
        waiting = sorted(self.places & self.published, key=_place_order)
        seen = set(waiting)
        while waiting:
            for place in waiting:
                if not self._guarded(place):
                    unguarded.add(place)
            waiting = sorted((self.places & self.published) - seen, key=_place_order)
            seen |= set(waiting)
        return Withheld(self.places, unguarded)

    def _blocks(self) -> list[tuple[frozenset[int], bool]]:
        """Dimensions that are totalled together in every known pattern; and whether they never are."""
        alike: dict[frozenset[frozenset[int]], list[int]] = {}
        for dimension in sorted(self.own):
            alike.setdefault(frozenset(one for one in self.known if dimension in one), []).append(dimension)
        return [(frozenset(block), len(patterns) == len(self.known)) for patterns, block in alike.items()]

    def _guarded(self, place: Place) -> bool:
        number, position = place
        value = self.values[number][position]
        if not 0 < value < self.below:
            return (
                place in self.loose
                or self._reaches(place, value + 1)
                or (value > 0 and self._reaches(place, value - 1))
            )
        goals = {1, self.below - 1} - {value}
        if not goals:  # the only small count is 1: it is enough that it may be another
            return self._reaches(place, value + 1)
        reached = [self._reaches(place, goal) for goal in sorted(goals)]
        return all(reached)

    def _reaches(self, place: Place, goal: int) -> bool:
        """Whether there is a witness with this value at the place; what it needs is withheld."""
        number, position = place
        world: dict[Place, int] = {}
        while (left := goal - world.get(place, self.values[number][position])) != 0:
            step = 1 if left > 0 else -1
            found = None
            for free in (True, False):
                for amount in dict.fromkeys((abs(left), 1)):
                    found = found or self._best(place, step * amount, world, free=free)
            if found is None:
                return False
            for changed, value in found.items():
                world[changed] = value
                self.places.add(changed)
        self.loose |= {changed for changed, value in world.items() if value != self.values[changed[0]][changed[1]]}
        return True

    def _best(self, place: Place, amount: int, world: Mapping[Place, int], *, free: bool) -> dict[Place, int] | None:
        """The values after the move that withholds least; `free`: after one that withholds nothing more."""
        number, position = place
        best: dict[Place, int] | None = None
        least = 0
        for atom in self._atoms(number, position):
            for corners in self._corners(number, atom, _pattern(position), free=free):
                for signs in self._signs(number):
                    after = self._moved(corners, signs, amount, world)
                    if after is None:
                        continue
                    cost = sum(self._cost(one) for one in after if one not in self.places)
                    if free:
                        if not cost:
                            return after
                    elif best is None or cost < least:
                        best, least = after, cost
        return best

    def _cost(self, place: Place) -> int:
        number, position = place
        return 1 + self.values[number][position] + (0 if place in self.published else UNPUBLISHED)

    def _atoms(self, number: int, position: Position) -> list[Position]:
        """The finest cells of which a total is made; of many the largest, which can give and take."""
        if _pattern(position) == self.own:
            return [position]
        pattern = _pattern(position)
        below = [one for one in self.cells[number] if _above(one, pattern) == position]
        return sorted(below, key=lambda one: (-self.cells[number][one], _order(one)))[:PARTNERS]

    def _corners(self, number: int, atom: Position, moved: frozenset[int], *, free: bool) -> Iterator[Corners]:
        """What changes in each move that begins at a finest cell, with its sign, totals that are known among it."""
        choices: list[list[Position | None]] = []
        for place, (block, fixed) in enumerate(self.blocks):
            if fixed or not block <= moved:
                choices.append([None])
                continue
            line = [one for one in self.lines[place][_without(atom, block)] if one != atom]
            line = [one for one in line if not free or (number, one) in self.places]
            line.sort(key=lambda one: self._preferred(number, one))
            choices.append([*line[:PARTNERS], None])
        for chosen in product(*choices):
            corners: list[tuple[Position, int]] = [(atom, 1)]
            for (block, _), partner in zip(self.blocks, chosen, strict=True):
                corners += [
                    (_replaced(position, block, partner), sign if partner is None else -sign)
                    for position, sign in corners
                ]
            yield tuple((position, sign) for position, sign in corners if _pattern(position) in self.known)

    def _preferred(self, number: int, position: Position) -> tuple[bool, bool, int, object]:
        value = self.values[number].get(position, 0)
        return (number, position) not in self.places, value == 0, value, _order(position)

    def _signs(self, number: int) -> Iterator[Signs]:
        """Which counts move along with one, and which way; the fewest first."""
        others = [one for one in range(len(self.cells)) if one != number]
        # Twice as far: where two counts that move are both a part of one.
        ways = (0, 1, -1, 2, -2) if len(others) < _TOGETHER else (0, 1, -1)
        vectors = [
            signs
            for signs in product(ways, repeat=len(others))
            if len(others) <= _TOGETHER or sum(map(abs, signs)) <= _TOGETHER
        ]
        for signs in sorted(vectors, key=lambda signs: sum(map(abs, signs))):
            whole = dict(zip(others, signs, strict=True)) | {number: 1}
            yield tuple(whole[one] for one in range(len(self.cells)))

    def _moved(
        self, corners: Corners, signs: Signs, amount: int, world: Mapping[Place, int]
    ) -> dict[Place, int] | None:
        """The changed values, None where one would be below zero, is known, or breaks what is true of the counts."""
        after: dict[Place, int] = {}
        for number, way in enumerate(signs):
            if way:
                for position, sign in corners:
                    held = self.values[number].get(position)
                    if held is None:
                        return None
                    value = world.get((number, position), held) + way * sign * amount
                    if value < 0:
                        return None
                    after[number, position] = value
        for coefficients, equal in self.relations:
            for position, _ in corners:
                before = total = 0
                for number, coefficient in enumerate(coefficients):
                    if coefficient:
                        one = (number, position)
                        held = self.values[number].get(position, 0)
                        before += coefficient * held
                        total += coefficient * after.get(one, world.get(one, held))
                # Two counts that are equal here may be so by a rule: one of them may count the women of the other.
                tied = not before and sum(map(abs, coefficients)) == _PAIR
                if total < 0 or (total and (equal or tied)):
                    return None
        return after


def _relations(cells: Sequence[Mapping[Position, int]], every: list[Position]) -> list[tuple[Signs, bool]]:
    """What is true of the counts in all cells: a sum of some equals a sum of others, or one is no less than others.

    What is not contradicted by any cell is taken as a rule that everybody knows.
    """
    count = len(cells)
    same = [(i, j) for j in range(count) for i in range(j) if cells[i] == cells[j]]
    found: list[tuple[Signs, bool]] = []
    for signs in product((0, 1, -1), repeat=count):
        plus, minus = signs.count(1), signs.count(-1)
        if not plus or not minus or (count > _TOGETHER + 1 and plus + minus > _TOGETHER):
            continue
        if plus + minus > _PAIR and any(signs[i] and signs[j] for i, j in same):
            continue  # one count twice is no two parts of a third
        sums = [
            sum(sign * one.get(position, 0) for sign, one in zip(signs, cells, strict=True) if sign)
            for position in every
        ]
        if not any(sums):
            if signs.index(1) < signs.index(-1):
                found.append((signs, True))
        elif plus == 1 and (minus == 1 or count <= _TOGETHER) and min(sums) >= 0:
            found.append((signs, False))
    return found


def _pattern(position: Position) -> frozenset[int]:
    return frozenset(place for place, option in enumerate(position) if option is not None)


def _above(position: Position, pattern: frozenset[int]) -> Position:
    return tuple(option if place in pattern else None for place, option in enumerate(position))


def _without(position: Position, block: frozenset[int]) -> Position:
    return tuple(None if place in block else option for place, option in enumerate(position))


def _replaced(position: Position, block: frozenset[int], partner: Position | None) -> Position:
    """The position with the options of the partner in the block, or with the total."""
    return tuple(
        option if place not in block else None if partner is None else partner[place]
        for place, option in enumerate(position)
    )


def _order(position: Position) -> tuple[tuple[bool, str], ...]:
    return tuple((option is None, option or "") for option in position)


def _place_order(place: Place) -> tuple[int, tuple[tuple[bool, str], ...]]:
    return place[0], _order(place[1])
