"""Finds the category option combo that a set of options means, for a data element or a data set.

A combo is the unordered set of one option from each category: the server resolves it so, and text order, punctuation
and case of its name mean nothing.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dhis2_bridge import names
from dhis2_bridge.findings import SnapshotError
from dhis2_bridge.lookups import Span, words_of
from dhis2_bridge.snapshot import Snapshot

Given = Mapping[str, str | Span]
"""What a cell says of each category (by UID): an option UID, all options, or nothing."""


@dataclass(frozen=True, slots=True)
class Combo:
    """What a set of options means for one category combo.

    Exactly one of: `uid` (a category option combo); `parts` (a total over these option combos); `code` (a problem,
    with `arguments`).
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
        for same in (
            lambda combo: label.strip() in (combo.uid, combo.code),
            lambda combo: names.fold(label) == names.fold(combo.name),
            lambda combo: spoken in (self._words(combo.uid, by_code=False), self._words(combo.uid, by_code=True)),
        ):
            fitting = [uid for uid in uids if same(snapshot.category_option_combos[uid])]
            if len(fitting) == 1:
                return Combo(uid=fitting[0])
        missing = [
            snapshot.name("category", category)
            for category in snapshot.categories_of(category_combo)
            if not any(self._option_words(option) & {spoken} or self._said(option, spoken)
                       for option in snapshot.options_of(category))
        ]
        if missing and len(missing) < len(snapshot.categories_of(category_combo)):
            return Combo(code="category_option_combo.incomplete", arguments={"missing": ", ".join(missing)})
        near = names.rank(label, [snapshot.category_option_combos[uid].name for uid in uids])
        return Combo(code="category_option_combo.unknown", arguments={"suggestions": near})

    def _words(self, uid: str, *, by_code: bool) -> frozenset[str]:
        """The words of a combo's options: by their names or by their codes."""
        options = [self.snapshot.category_options[o] for o in self.snapshot.category_option_combos[uid].category_options]
        return frozenset().union(*(words_of((o.code or o.name) if by_code else o.name) for o in options))

    def _option_words(self, option: str) -> set[frozenset[str]]:
        held = self.snapshot.category_options[option]
        return {words_of(held.name), words_of(held.code or held.name)}

    def _said(self, option: str, spoken: frozenset[str]) -> bool:
        return any(words <= spoken for words in self._option_words(option))
