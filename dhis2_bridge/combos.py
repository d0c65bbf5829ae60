"""Finds the category option combo that a set of options means, for a data element or a data set.

A combo is the unordered set of one option from each category: the server resolves it so, and text order, punctuation
and case of its name mean nothing.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from dhis2_bridge import names
from dhis2_bridge.bound import Bound
from dhis2_bridge.cells import counts, refuse_faults
from dhis2_bridge.findings import PLACE, SnapshotError, arguments_text
from dhis2_bridge.lookups import Answer, Distinct, Hit, Miss, Span, is_miss, words_of
from dhis2_bridge.ordering import Ordering
from dhis2_bridge.snapshot import Snapshot
from dhis2_bridge.values import places

Given = Mapping[str, str | Span]
"""What a cell says of each category (by UID): an option UID, all options, or nothing."""


@dataclass(frozen=True, slots=True)
class Combo:
    """What a set of options means for one category combo.

    At most one of: `uid` (a category option combo); `parts` (a total over these option combos); `code` (a problem,
    with `arguments`). None of them where a label led nowhere, which has its own finding.
    """

    uid: str | None = None
    parts: tuple[str, ...] = ()
    code: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict, hash=False)


class Combos:
    """Option combos of one snapshot, found by meaning.

    `spoken` are the categories that the form states in its headers: a header that says nothing of a category means
    all of its options, while a blank cell of a record means that an option is missing.
    """

    def __init__(self, snapshot: Snapshot, spoken: frozenset[str] = frozenset()) -> None:
        self.snapshot = snapshot
        self.spoken = spoken

    def find(self, category_combo: str, given: Given) -> Combo:
        """The combo, total or problem that the options `given` mean within a category combo."""
        snapshot = self.snapshot
        if snapshot.is_default(category_combo):
            axes: tuple[str, ...] = ()
        else:
            axes = snapshot.categories_of(category_combo)
        foreign = [option for category, option in given.items() if category not in axes and isinstance(option, str)]
        if foreign:
            options = ", ".join(snapshot.name("category_option", uid) for uid in foreign)
            return Combo(code="category_option_combo.not_of_element", arguments={"options": options})
        chosen = frozenset(option for category in axes if isinstance(option := given.get(category), str))
        missing = [c for c in axes if given.get(c, Span.NOT_GIVEN) is Span.NOT_GIVEN and c not in self.spoken]
        if missing:
            named = ", ".join(snapshot.name("category", category) for category in missing)
            return Combo(code="category_option_combo.incomplete", arguments={"missing": named})
        if len(chosen) == len(axes):
            if not axes:
                return Combo(uid=self._default())
            uid = snapshot.category_option_combo(category_combo, chosen)
            if uid is None:
                options = ", ".join(sorted(snapshot.name("category_option", option) for option in chosen))
                return Combo(code="category_option_combo.unknown", arguments={"suggestions": [], "options": options})
            return Combo(uid=uid)
        return Combo(parts=self._parts(category_combo, chosen))

    def _default(self) -> str:
        """The instance's own default option combo: its UID differs between instances, so it is never assumed."""
        uid = self.snapshot.default_category_option_combo
        if uid is None:
            raise SnapshotError(f"{self.snapshot.source}: holds no default category option combo; export it too")
        return uid

    @functools.lru_cache(maxsize=10_000)  # noqa: B019 - one Combos lives as long as one conversion
    def _parts(self, category_combo: str, chosen: frozenset[str]) -> tuple[str, ...]:
        return tuple(
            uid
            for uid in self.snapshot.category_option_combos_of(category_combo)
            if chosen <= self.snapshot.category_option_combos[uid].category_options
        )

    def read(self, category_combo: str, label: str) -> Combo:
        """The combo that one label names: its UID, code or name, or its options in any order and punctuation."""
        snapshot = self.snapshot
        uids = snapshot.category_option_combos_of(category_combo)
        if not label.strip():
            if snapshot.is_default(category_combo):
                return Combo(uid=self._default())
            named = ", ".join(snapshot.name("category", c) for c in snapshot.categories_of(category_combo))
            return Combo(code="category_option_combo.incomplete", arguments={"missing": named})
        spoken = words_of(label)
        held = [snapshot.category_option_combos[uid] for uid in uids]
        for fitting in (
            [combo.uid for combo in held if label.strip() in {combo.uid, combo.code}],
            [combo.uid for combo in held if names.fold(label) == names.fold(combo.name)],
            [uid for uid in uids if spoken in (self._words(uid, by_code=False), self._words(uid, by_code=True))],
        ):
            if len(fitting) == 1:
                return Combo(uid=fitting[0])
        missing = [
            snapshot.name("category", category)
            for category in snapshot.categories_of(category_combo)
            if not any(
                self._option_words(option) & {spoken} or self._said(option, spoken)
                for option in snapshot.options_of(category)
            )
        ]
        if missing and len(missing) < len(snapshot.categories_of(category_combo)):
            return Combo(code="category_option_combo.incomplete", arguments={"missing": ", ".join(missing)})
        near = names.rank(label, [snapshot.category_option_combos[uid].name for uid in uids])
        return Combo(code="category_option_combo.unknown", arguments={"suggestions": near})

    def _words(self, uid: str, *, by_code: bool) -> frozenset[str]:
        """The words of a combo's options: by their names or by their codes."""
        options = [
            self.snapshot.category_options[o] for o in self.snapshot.category_option_combos[uid].category_options
        ]
        return frozenset().union(*(words_of((o.code or o.name) if by_code else o.name) for o in options))

    def _option_words(self, option: str) -> set[frozenset[str]]:
        held = self.snapshot.category_options[option]
        return {words_of(held.name), words_of(held.code or held.name)}

    def _said(self, option: str, spoken: frozenset[str]) -> bool:
        return any(words <= spoken for words in self._option_words(option))


@dataclass(frozen=True, slots=True)
class Found:
    """A combo as columns: its UID and number, the parts of a total, or the code and arguments of a problem."""

    combo: str | None = None
    number: int | None = None
    parts: tuple[str, ...] | None = None
    code: str | None = None
    arguments: str | None = None


_FOUND_SCHEMA: Final = pl.Schema(
    {
        "combo": pl.Categorical(),
        "number": pl.UInt64(),
        "parts": pl.List(pl.String()),
        "code": pl.String(),
        "arguments": pl.String(),
    }
)


def _spread(name: str, dtype: pl.DataType, found: list[Found], place: pl.Series) -> pl.Series:
    """One property of what was found, carried to the cells; at no cost where nothing was found with it."""
    held = pl.Series(name, [getattr(one, name) for one in found], dtype=dtype)
    if held.null_count() == 0:
        return held.gather(place)
    nothing = pl.Series(name, [None], dtype=dtype).new_from_index(0, len(place))
    if held.null_count() == len(held):
        return nothing
    if dtype != pl.String or 2 * held.null_count() < len(held):
        return held.gather(place)
    # Problems are few: their texts go to their cells only.
    at = held.is_not_null().gather(place).arg_true()
    return nothing.scatter(at, held.gather(place.gather(at))) if len(at) else nothing


class CellCombos:
    """The option combos of cells, worked out once for each distinct set of answers."""

    def __init__(self, bound: Bound, ordering: Ordering) -> None:
        self._bound = bound
        self._ordering = ordering
        self._combos = Combos(bound.snapshot, frozenset(bound.spoken))
        self._known: dict[Callable[[dict[str, Any]], Found], tuple[tuple[int, ...], dict[int, Found]]] = {}

    def find(self, cells: pl.DataFrame) -> pl.DataFrame:
        """The cells with `category_option_combo`, `parts` (of a total), `attribute_option_combo`, and their numbers.

        `cell` is the number of the cell within its report, `attribute` the part of the report's number that tells the
        attribute option combo (`ordering`). Where a combo cannot be found, `code` and `arguments` say why. All are
        null where a label leads nowhere.
        """
        bound = self._bound
        own = self._combo_column(cells, ["data_element", *bound.options, "category_option_combo"], self._combo)
        attribute = self._combo_column(cells, [*bound.attributes, "attribute_option_combo"], self._attribute_combo)
        cells = cells.with_columns(
            own["combo"].alias("category_option_combo"),
            own["number"].alias("cell"),
            own["parts"],
            attribute["combo"].alias("attribute_option_combo"),
            attribute["number"].alias("attribute"),
        ).with_columns(
            [
                own[name] if attribute[name].null_count() == len(attribute) else pl.coalesce(own[name], attribute[name])
                for name in ("code", "arguments")
            ]
        )
        return self._with_zeros(cells)

    def _with_zeros(self, cells: pl.DataFrame) -> pl.DataFrame:
        """The cells with those blank ones as zeros (`Cells.marked`) in which a number can stand, without the others."""
        if not cells["blocked"].null_count():
            return cells
        bound = self._bound
        counted = bound.answers("data_element").column(self._counts, pl.Boolean)
        can = counted.gather(cells["#data_element"]) & cells["category_option_combo"].is_not_null()
        for key, (_, distinct) in bound.dimensions.items():
            missed = distinct.column(is_miss, pl.Boolean)
            can &= ~missed.gather(cells[f"#{key}"])
        return cells.filter(can | cells["blocked"].is_not_null()).with_columns(pl.col("blocked").fill_null(False))

    def _counts(self, answer: Answer) -> bool:
        return isinstance(answer, Hit) and counts(self._bound.element(answer.uid))

    @staticmethod
    def refuse(cells: pl.DataFrame, found: list[pl.DataFrame]) -> pl.DataFrame:
        """The cells with those refused that have no combo or hold a fault, and a finding for each."""
        bad = cells.filter(pl.col("code").is_not_null() & pl.col("refused").is_null())
        if not bad.is_empty():
            found.append(bad.select(*PLACE, "code", "found", "arguments", pl.lit(1).alias("values")))
            cells = cells.with_columns(refused=pl.coalesce("refused", "code"))
        return refuse_faults(cells, found)

    def _combo_column(
        self, cells: pl.DataFrame, keys: list[str], find: Callable[[dict[str, Any]], Found]
    ) -> pl.DataFrame:
        """`combo`, `number`, `parts`, `code`, `arguments` for each cell, worked out once for each set of answers."""
        used = [key for key in keys if key in self._bound.dimensions]
        meanings = [_meanings(self._bound.answers(key)) for key in used]
        # The answers of a cell as one number: the digits are their meanings, each in the base of its dimension.
        code = pl.lit(0, dtype=pl.Int64)
        for key, (numbers, held) in zip(used, meanings, strict=True):
            code = code * len(held) + numbers.gather(cells[f"#{key}"])
        codes = cells.with_columns(code.alias("#set"))["#set"]
        distinct = codes.unique().sort()
        place = places(codes, distinct)
        # What was worked out before holds as long as the bases do.
        bases = tuple(len(held) for _, held in meanings)
        known_bases, known = self._known.get(find, ((), {}))
        if bases != known_bases:
            known = {}
            self._known[find] = (bases, known)
        found: list[Found] = []
        for number in distinct:
            if number not in known:
                given: dict[str, Any] = {}
                rest = number
                for key, (_, held) in zip(reversed(used), reversed(meanings), strict=True):
                    rest, digit = divmod(rest, len(held))
                    given[key] = held[digit]
                known[number] = find(given)
            found.append(known[number])
        return pl.DataFrame({name: _spread(name, dtype, found, place) for name, dtype in _FOUND_SCHEMA.items()})

    def _combo(self, given: dict[str, Any]) -> Found:
        """The category option combo for a data element and what the cell says of its categories."""
        if any(isinstance(answer, Miss) for answer in given.values()):
            return Found()
        uid = given["data_element"].uid
        element = self._bound.element(uid)
        category_combo = self._bound.data_set.elements.get(uid, element.category_combo)
        if "category_option_combo" in given:
            combo = self._combos.read(category_combo, given["category_option_combo"])
        else:
            options = {category: _option(given[key]) for key, category in self._bound.options.items()}
            combo = self._combos.find(category_combo, options)
        if combo.uid is not None:
            return Found(combo.uid, self._ordering.cell(uid, combo.uid))
        if combo.code is None:
            return Found(parts=combo.parts)
        code = combo.code
        if code == "category_option_combo.not_of_element" and self._bound.spoken:
            code = "cell.not_of_line"
        return Found(code=code, arguments=arguments_text({**combo.arguments, "data_element": element.name}))

    def _attribute_combo(self, given: dict[str, Any]) -> Found:
        """The attribute option combo of a report."""
        if any(isinstance(answer, Miss) for answer in given.values()):
            return Found()
        data_set = self._bound.data_set
        if "attribute_option_combo" in given:
            combo = self._combos.read(data_set.category_combo, given["attribute_option_combo"])
        else:
            options = {category: _option(given[key]) for key, category in self._bound.attributes.items()}
            combo = self._combos.find(data_set.category_combo, options)
        if combo.uid is not None:
            return Found(combo.uid, self._ordering.attribute(combo.uid))
        kind = (combo.code or "category_option_combo.incomplete").partition(".")[2].replace("of_element", "of_data_set")
        arguments = {"missing": "", **combo.arguments, "data_set": data_set.name}
        return Found(code=f"attribute_option_combo.{kind}", arguments=arguments_text(arguments))


def _meanings(distinct: Distinct[Any]) -> tuple[pl.Series, list[Any]]:
    """The answers of a dimension with equal ones taken together: a number for each answer, and what each number is."""
    held: dict[Any, Any] = {}
    numbers = []
    place: dict[Any, int] = {}
    for answer in distinct.answers:
        meaning = answer.uid if isinstance(answer, Hit) else None if isinstance(answer, Miss) else answer
        numbers.append(place.setdefault(meaning, len(held)))
        held.setdefault(meaning, answer)
    return pl.Series(numbers, dtype=pl.Int64), list(held.values())


def _option(answer: Answer) -> str | Span:
    return answer.uid if isinstance(answer, Hit) else answer if isinstance(answer, Span) else Span.NOT_GIVEN
