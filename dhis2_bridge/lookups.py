"""Turns the labels of a form into the identifiers of a snapshot: once for each distinct label.

A label goes through the words of the mapping (`columns`, `map`, a crosswalk, aliases) and then through the snapshot's
own codes or names. It ends as a `Hit`, as a `Span` (all options of a category, or none given), or as a `Miss` that
says why not.
"""

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Generic, TypeVar

import polars as pl

from dhis2_bridge import names
from dhis2_bridge.bilingual import languages
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


def is_miss(answer: Any) -> bool:
    """Whether an answer leads nowhere."""
    return isinstance(answer, Miss)


def uid_of(answer: Any) -> str | None:
    """The UID of an answer that was found."""
    return answer.uid if isinstance(answer, Hit) else None


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
        self._columns: dict[tuple[object, object], pl.Series] = {}

    def codes(self, texts: pl.Series) -> pl.Series:
        """One UInt32 a row: the index of its text's answer."""
        filled = texts.fill_null("") if texts.null_count() else texts
        starts = (filled != filled.shift(1)).fill_null(True)
        # Exports repeat the facility from row to row: a run of one text is looked up once.
        runs = filled.filter(starts) if 4 * starts.sum() < len(filled) else filled
        coded = runs.cast(self._anchor.dtype).to_physical()
        # To list all categories takes longer than all else here: only those that are new are asked for.
        largest = coded.max()
        while isinstance(largest, int) and len(self.answers) <= largest:
            text = str(self._categories[len(self.answers)] or "")
            self.texts.append(text)
            self.answers.append(self._read(text))
        return coded if runs is filled else coded.gather(starts.cast(pl.UInt32).cum_sum() - 1)

    def column(self, of: Callable[[T], Any], dtype: pl.DataType | type[pl.DataType]) -> pl.Series:
        """A property of every answer, to be gathered by codes.

        Worked out once for each answer and kept by `of`, which is therefore a named function and no lambda.
        """
        kept = self._columns.get((of, dtype))
        if kept is None or len(kept) < len(self.answers):
            start = 0 if kept is None else len(kept)
            new = pl.Series([of(answer) for answer in self.answers[start:]], dtype=dtype)
            kept = self._columns[of, dtype] = new if kept is None else pl.concat([kept, new], rechunk=True)
        return kept


@dataclass(frozen=True, slots=True)
class Target:
    """What the mapping says a label stands for, with the crosswalk row or the note of a finding that goes with it."""

    text: str
    row: int | None = None
    note: str | None = None


class Words:
    """The words that a mapping has for the labels of one dimension: `map`, a crosswalk, aliases, names of `columns`."""

    def __init__(self, dimension: Dimension, table: MappingTable) -> None:
        self._columns = table.words()
        self._map = dict(dimension.map)
        self._folded_map = _by_folded(((key,), target) for key, target in dimension.map.items())
        crosswalk = table.crosswalk(dimension)
        self.crosswalk = crosswalk.name if crosswalk else None
        self._crosswalk = dict(crosswalk.targets) if crosswalk else {}
        self._folded_crosswalk = _by_folded(self._crosswalk.items())
        self._aliases = {names.fold(label): target for label, target in table.aliases(dimension).items()}

    @property
    def mapped(self) -> list[str]:
        """The labels that `map` lists."""
        return list(self._map)

    def keys(self) -> list[str]:
        """The labels that the crosswalk lists."""
        return [" ".join(key) for key in self._crosswalk]

    def target(self, label: str) -> Target | None:
        """What a label stands for, None where the mapping has no word for it. Of several columns, see `SEPARATOR`."""
        candidates = [label, *self._columns.get(names.fold(label), ())]
        for text in candidates:
            target = self._map.get(text) or _only(self._folded_map.get(_key(text)))
            if target is not None:
                return Target(target)
        for text in candidates:
            entry = self._crosswalk.get(tuple(text.split(SEPARATOR)))
            if entry is None:
                entry = _only(self._folded_crosswalk.get(_key(text)))
            if entry is not None:
                return Target(*entry)
        alias = self._aliases.get(names.fold(label))
        return None if alias is None else Target(alias, note="name.by_alias")

    def missing(self, label: str) -> Miss | None:
        """The finding for a label that the crosswalk lacks: it is the whole list, where there is one."""
        if self.crosswalk is None:
            return None
        near = nearest(label.replace(SEPARATOR, " "), self.keys())
        return Miss("crosswalk.missing", {"crosswalk": self.crosswalk, "suggestions": near})


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
        self._totals = {names.fold(text) for text in (*dimension.total, *table.labels_of("total"))}
        self._words = Words(dimension, table)
        self._dropped = frozenset(names.fold(word) for word in dimension.drop_words)
        self._parent = Lookup(dimension.below, "org_unit", table, snapshot) if dimension.below is not None else None

    def read(self, label: str) -> Answer:
        """What a label means. Labels of several columns are joined by `SEPARATOR`, and those of the parent follow."""
        parent: str | None = None
        if self._parent is not None:
            texts = label.split(SEPARATOR)
            own = 1 if self.dimension.template is not None else max(1, len(self.dimension.label_columns()))
            label = SEPARATOR.join(texts[:own])
            found = self._parent.read(SEPARATOR.join(texts[own:]))
            if not isinstance(found, Hit):
                return found
            parent = found.uid
        if not label.replace(SEPARATOR, "").strip():
            return Miss(f"{self.kind}.missing") if self.category is None else Span.NOT_GIVEN
        answer = self._target(label, parent)
        if isinstance(answer, Miss) and not answer.code.endswith(".ambiguous"):
            # Every language of a bilingual label has to say the same.
            said = [self._target(part, parent) for part in languages(label)]
            if len({one.uid if isinstance(one, Hit) else one for one in said}) == 1 and not isinstance(said[0], Miss):
                return said[0]
        return answer

    def _target(self, label: str, parent: str | None) -> Answer:
        """Through the mapping's words, then through the snapshot."""
        if self._is_total(label):
            return Span.TOTAL
        if (target := self._words.target(label)) is not None:
            return Span.TOTAL if self._is_total(target.text) else self._found(target.text, parent, target)
        if (missing := self._words.missing(label)) is not None:
            return missing
        found = self._found(label, parent, None)
        if (
            isinstance(found, Miss)
            and self._words.mapped
            and self.dimension.match is None
            and self.category is not None
        ):
            # A map is the whole list of words, unless the mapping also says how other labels are matched.
            return self._unknown(label, self._words.mapped)
        return found

    def _is_total(self, label: str) -> bool:
        return self.category is not None and names.fold(label) in self._totals

    def _found(self, text: str, parent: str | None, target: Target | None) -> Answer:
        """The one object of the snapshot that a text names: by the declared schemes, by a likely spelling of a name.

        What the mapping itself says may also be a UID, code or name where the declared schemes know no such text.
        """
        wanted = self.dimension.prefix + text
        row, note = (target.row, target.note) if target is not None else (None, None)
        ways: list[Callable[[], tuple[dict[str, str], str | None]]] = [lambda: (self._by(self._schemes, wanted), None)]
        if target is not None:
            ways.append(lambda: (self._by(("uid", "code", "name"), wanted), None))
        if "name" in self._schemes:
            ways.append(lambda: self._by_bare_name(wanted, names.fold))
            ways.append(lambda: (self._by_latin(wanted), "name.by_transliteration"))
            ways.append(lambda: (self._by_bare_name(wanted, names.latin)[0], "name.by_transliteration"))
        for way in ways:
            found, of_way = way()
            uids = {uid: matched for uid, matched in found.items() if self._allowed(uid, parent)}
            if len(uids) > 1:
                candidates = [self.snapshot.describe(self.kind, uid) for uid in uids]
                return self._miss("ambiguous", {"candidates": candidates[:6]})
            if uids:
                ((uid, matched),) = uids.items()
                note = note or of_way or ("name.normalised" if matched != wanted else None)
                return Hit(uid, row, note, matched)
        return self._unknown(wanted, None)

    def _by(self, schemes: Iterable[str], wanted: str) -> dict[str, str]:
        """UIDs that the text names by any of these schemes, each with the text that it matched."""
        found: dict[str, str] = {}
        prefix, rest = self.dimension.prefix, wanted[len(self.dimension.prefix) :]
        for scheme in schemes:
            index = self.snapshot.index(self.kind, scheme)
            if scheme == "name":
                uids = {uid: self.snapshot.name(self.kind, uid) for uid in index.get(names.fold(wanted), ())}
            else:
                spelled = (wanted, prefix + rest.strip(), prefix + names.clean(rest))
                text = next((text for text in spelled if text in index), "")
                uids = dict.fromkeys(index.get(text, ()), text)
            found = {**uids, **found}
        return found

    def _by_latin(self, wanted: str) -> dict[str, str]:
        """UIDs of the same name in the other script."""
        uids = self.snapshot.latin_index(self.kind).get(names.latin(wanted), ())
        return {uid: self.snapshot.name(self.kind, uid) for uid in uids}

    def _by_bare_name(self, wanted: str, key: Callable[[str], str]) -> tuple[dict[str, str], str | None]:
        """UIDs of the same name without the words that the mapping says to drop (tumani, shahri, р-н).

        A city and a district of one name differ in nothing but such a word: one that names in the snapshot have is
        not dropped against another one, and any other that is dropped against another is worth a warning.
        """
        if not self._dropped:
            return {}, None
        index, used = self._bare_index(key)
        bare, dropped = self._bare(names.fold(wanted))
        alike: dict[str, str] = {}
        apart: dict[str, str] = {}
        for uid, words in index.get(key(bare), ()) if bare else ():
            if not words or not dropped or words == dropped:
                alike[uid] = self.snapshot.name(self.kind, uid)
            elif not dropped & used:
                apart[uid] = self.snapshot.name(self.kind, uid)
        return (alike, None) if alike else (apart, "name.without_words")

    def _bare(self, folded: str) -> tuple[str, frozenset[str]]:
        """A folded name without the words to drop, and those words."""
        words = folded.split()
        kept = " ".join(word for word in words if word not in self._dropped)
        return kept, frozenset(word for word in words if word in self._dropped)

    @functools.cache  # noqa: B019 - one lookup lives as long as one conversion
    def _bare_index(self, key: Callable[[str], str]) -> tuple[dict[str, list[tuple[str, frozenset[str]]]], set[str]]:
        """UIDs by their bare names, each with the words that were dropped from it, and all such words."""
        index: dict[str, list[tuple[str, frozenset[str]]]] = {}
        used: set[str] = set()
        for name, uids in self.snapshot.index(self.kind, "name").items():
            bare, dropped = self._bare(name)
            if any(self._allowed(uid, None) for uid in uids):
                used |= dropped
            if bare:
                index.setdefault(key(bare), []).extend((uid, dropped) for uid in uids)
        return index, used

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
        near = [*zeros, *(text for text in nearest(wanted, known) if text not in zeros)]
        # In the form's own words: the prefix is the mapping's and stands on no form.
        return self._miss("unknown", {"suggestions": [text.removeprefix(self.dimension.prefix) for text in near[:3]]})

    def _miss(self, what: str, arguments: dict[str, Any]) -> Miss:
        if self.category is not None:
            return Miss(f"category_option.{what}", {"category": self.category, **arguments})
        return Miss(f"{self.kind}.{what}", {"match": list(self._schemes), **arguments})


def nearest(text: str, known: Iterable[str]) -> list[str]:
    """What the writer may have meant: the nearest texts, and short codes that differ in one character (4O, 40)."""
    candidates = list(known)
    typed = [one for one in candidates if len(one) == len(text) and _differ_in_one(one, text)]
    return list(dict.fromkeys([*typed[:3], *names.rank(text, candidates)]))[:3]


def _key(text: str) -> tuple[str, ...]:
    """The folded texts of a label's columns: each by itself, for a separator would fold to a blank."""
    return tuple(names.fold(part) for part in text.split(SEPARATOR))


def _by_folded(pairs: Iterable[tuple[tuple[str, ...], T]]) -> dict[tuple[str, ...], list[T]]:
    """Targets by the folded key: more than one where two keys fold to the same text."""
    folded: dict[tuple[str, ...], list[T]] = {}
    for key, target in pairs:
        targets = folded.setdefault(tuple(names.fold(part) for part in key), [])
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
