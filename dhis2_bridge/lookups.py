"""Turns the labels of a form into the identifiers of a snapshot: once for each distinct label.

A label goes through the words of the mapping (`columns`, `map`, a crosswalk, aliases) and then through the snapshot's
own codes or names. It ends as a `Hit`, as a `Span` (all options of a category, or none given), or as a `Miss` that
says why not.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Generic, TypeVar

import polars as pl

from dhis2_bridge import names
from dhis2_bridge.mapping import Dimension, MappingTable
from dhis2_bridge.snapshot import Snapshot

SEPARATOR: Final = "\x1f"
"""Stands between the texts of a label made of several columns; it cannot occur in a spreadsheet cell."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A label that was found: the UID, the crosswalk row that led there, and what was done to the label on the way.

    `note` is the code of a finding (name.normalised, name.by_transliteration, name.by_alias) or None.
    """

    uid: str
    crosswalk_row: int | None = None
    note: str | None = None
    matched: str = ""


@dataclass(frozen=True, slots=True)
class Miss:
    """A label that leads nowhere: the code of the finding and its arguments."""

    code: str
    arguments: dict[str, Any] = field(default_factory=dict, hash=False)


class Span(Enum):
    """The answers for a label of a category that names no single option."""

    TOTAL = "all options"
    NOT_GIVEN = "blank"


Answer = Hit | Miss | Span
T = TypeVar("T")


class Distinct(Generic[T]):
    """Answers for the distinct texts of columns, computed once each and kept over batches.

    `codes(series)` gives a number for each row; `answers[code]` is what `read` said of `texts[code]` (a null is "").
    """

    def __init__(self, read: Callable[[str], T]) -> None:
        self._read = read
        self._categories = pl.Categories.random()
        # Polars forgets the numbers of categories that no series uses: this one keeps them over batches.
        self._anchor = pl.Series([], dtype=pl.Categorical(self._categories))
        self.answers: list[T] = []
        self.texts: list[str] = []

    def codes(self, texts: pl.Series) -> pl.Series:
        """One UInt32 a row: the index of its text's answer."""
        coded = texts.fill_null("").cast(self._anchor.dtype).to_physical()
        known = self._categories.to_series()
        for text in known.slice(len(self.answers)):
            self.texts.append(text)
            self.answers.append(self._read(text))
        return coded

    def column(self, of: Callable[[T], Any], dtype: pl.DataType | type[pl.DataType]) -> pl.Series:
        """A property of every answer, to be gathered by codes."""
        return pl.Series([of(answer) for answer in self.answers], dtype=dtype)


class Lookup:
    """Reads the labels of one dimension.

    `kind` is a kind of the snapshot (`org_unit`, `data_element`, `category_option`); `within` limits the answer to
    these UIDs (the options of one category). Raises nothing for a label.
    """

    def __init__(
        self,
        dimension: Dimension,
        kind: str,
        table: MappingTable,
        snapshot: Snapshot,
        *,
        within: frozenset[str] | None = None,
        category: str | None = None,
    ) -> None:
        self.dimension = dimension
        self.kind = kind
        self.snapshot = snapshot
        self.within = within
        self.category = category
        undeclared = ("uid", "code", "name") if category is not None else ("uid", "code")
        self._schemes = dimension.match or undeclared
        self._words = table.words()
        self._totals = {names.fold(text) for text in (*dimension.total, *table.labels_of("total"))}
        self._map = dict(dimension.map)
        self._folded_map = _by_folded((key, target) for key, target in dimension.map.items())
        crosswalk = table.crosswalk(dimension)
        self._crosswalk = crosswalk.targets if crosswalk else None
        self._crosswalk_name = crosswalk.name if crosswalk else ""
        self._folded_crosswalk = _by_folded((SEPARATOR.join(k), v) for k, v in (self._crosswalk or {}).items())
        self._aliases = {names.fold(label): target for label, target in table.aliases(dimension).items()}
        self._parent = Lookup(dimension.below, "org_unit", table, snapshot) if dimension.below is not None else None

    def read(self, label: str) -> Answer:
        """What a label means. A label of several columns has its texts joined by `SEPARATOR`, the parent's last."""
        parent: str | None = None
        if self._parent is not None:
            label, _, above = label.rpartition(SEPARATOR)
            found = self._parent.read(above)
            if not isinstance(found, Hit):
                return found
            parent = found.uid
        if not label.replace(SEPARATOR, "").strip():
            return Miss(f"{self.kind}.missing") if self.category is None else Span.NOT_GIVEN
        if self.category is not None and names.fold(label) in self._totals:
            return Span.TOTAL
        return self._target(label, parent)

    def _target(self, label: str, parent: str | None) -> Answer:
        """Through the mapping's words, then through the snapshot."""
        candidates = [label, *self._words.get(names.fold(label), ())]
        for text in candidates:
            target = self._map.get(text) or _only(self._folded_map.get(names.fold(text)))
            if target is not None:
                return self._found(target, parent, None, None)
        if self._crosswalk is not None:
            for text in candidates:
                entry = self._crosswalk.get(tuple(text.split(SEPARATOR)))
                if entry is None:
                    entry = _only(self._folded_crosswalk.get(names.fold(text)))
                if entry is not None:
                    target, row = entry
                    if self.category is not None and names.fold(target) in self._totals:
                        return Span.TOTAL
                    return self._found(target, parent, row, None)
        if (target := self._aliases.get(names.fold(label))) is not None:
            return self._found(target, parent, None, "name.by_alias")
        if self._crosswalk is not None:
            keys = [" ".join(key) for key in self._crosswalk]
            near = self._nearest(label.replace(SEPARATOR, " "), keys)
            return Miss("crosswalk.missing", {"crosswalk": self._crosswalk_name, "suggestions": near})
        if self._map and self.dimension.match is None and self.kind == "category_option":
            # A map is the whole list of words unless the mapping also says how other labels are matched.
            found = self._found(label, parent, None, None)
            return found if isinstance(found, Hit) else self._unknown(label, list(self._map))
        return self._found(label, parent, None, None)

    def _found(self, text: str, parent: str | None, row: int | None, note: str | None) -> Answer:
        """The one object of the snapshot that the text names by the declared schemes."""
        wanted = self.dimension.prefix + text
        uids: dict[str, str] = {}
        for scheme in self._schemes:
            for uid, matched in self._by_scheme(wanted, scheme):
                if self._allowed(uid, parent):
                    uids.setdefault(uid, matched)
        if not uids and "name" in self._schemes:
            note = "name.by_transliteration"
            uids = {
                uid: self.snapshot.name(self.kind, uid)
                for uid in self.snapshot.latin_index(self.kind).get(names.latin(self._plain(wanted)), ())
                if self._allowed(uid, parent)
            }
        if not uids:
            return self._unknown(wanted, None)
        if len(uids) > 1:
            candidates = [self.snapshot.describe(self.kind, uid) for uid in uids]
            return self._miss("ambiguous", {"candidates": candidates[:6]})
        uid, matched = next(iter(uids.items()))
        if note is None and matched != wanted:
            note = "name.normalised"
        return Hit(uid, row, note, matched)

    def _by_scheme(self, wanted: str, scheme: str) -> Iterable[tuple[str, str]]:
        """UIDs that the text names by one scheme, each with the text that it matched."""
        index = self.snapshot.index(self.kind, scheme)
        if scheme != "name":
            for text in dict.fromkeys((wanted, wanted.strip())):
                if text in index:
                    return [(uid, text) for uid in index[text]]
            return []
        found = index.get(names.fold(wanted), ()) or index.get(names.fold(self._plain(wanted)), ())
        return [(uid, self.snapshot.name(self.kind, uid)) for uid in found]

    def _plain(self, text: str) -> str:
        """The text without the words that the mapping says to drop (tumani, shahri, р-н)."""
        if not self.dimension.drop_words:
            return text
        dropped = {names.fold(word) for word in self.dimension.drop_words}
        return " ".join(word for word in text.split() if names.fold(word) not in dropped)

    def _allowed(self, uid: str, parent: str | None) -> bool:
        if self.within is not None and uid not in self.within:
            return False
        if self.kind != "org_unit":
            return True
        unit = self.snapshot.org_units[uid]
        return (
            (self.dimension.level is None or unit.level == self.dimension.level)
            and (self.dimension.group is None or self.snapshot.in_group(uid, self.dimension.group))
            and (parent is None or self.snapshot.descends(uid, parent))
        )

    def _unknown(self, wanted: str, known: list[str] | None) -> Miss:
        """Nothing fits: with the nearest codes or names to choose from."""
        if known is None:
            known = []
            for scheme in self._schemes:
                if scheme == "uid":
                    continue
                keys = (
                    (self.snapshot.name(self.kind, uid) for uid in self.within or self.snapshot.uids(self.kind))
                    if scheme == "name"
                    else self.snapshot.index(self.kind, scheme)
                )
                known.extend(keys)
            if self.within is not None:
                known = [self.snapshot.name(self.kind, uid) for uid in self.within]
        # A code whose leading zeros were lost is the likeliest cure of all: it is named first.
        zeros = [code for code in known if code != wanted and wanted and code.lstrip("0") == wanted.lstrip("0")]
        near = [*zeros, *(text for text in self._nearest(wanted, known) if text not in zeros)]
        return self._miss("unknown", {"suggestions": near[:3]})

    def _nearest(self, text: str, known: Iterable[str]) -> list[str]:
        """What the writer may have meant: the nearest texts, and short codes that differ in one character (4O, 40)."""
        candidates = list(known)
        typed = [one for one in candidates if len(one) == len(text) and _differ_in_one(one, text)]
        return list(dict.fromkeys([*typed[:3], *names.rank(text, candidates)]))[:3]

    def _miss(self, what: str, arguments: dict[str, Any]) -> Miss:
        if self.category is not None:
            return Miss(f"category_option.{what}", {"category": self.category, **arguments})
        return Miss(f"{self.kind}.{what}", {"match": list(self._schemes), **arguments})


def _by_folded(pairs: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    """Targets by the folded key: more than one where two keys fold to the same text."""
    folded: dict[str, list[T]] = {}
    for key, target in pairs:
        targets = folded.setdefault(names.fold(key), [])
        if target not in targets:
            targets.append(target)
    return folded


def _only(targets: list[T] | None) -> T | None:
    return targets[0] if targets and len(targets) == 1 else None


def _differ_in_one(one: str, other: str) -> bool:
    return sum(a != b for a, b in zip(one, other, strict=True)) == 1


def words_of(text: str) -> frozenset[str]:
    """The folded words of an option or of a combo's label, without the separators between them."""
    return frozenset(word for word in re.split(r"[\s,;/|()]+", names.fold(text)) if word)
