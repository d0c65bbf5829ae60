"""YAML as text with places: every scalar stays the text that was written, and every value knows its line.

The usual loaders of PyYAML read `012` as ten and `yes` as true. Here nothing is read as anything: `Plain` marks what
was written without quotes, and whoever wants a number or a truth value asks for it. The parser's events are walked with
a stack of our own, so that no depth of nesting can exhaust the interpreter's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, Final, NamedTuple, TypeAlias

from dhis2_bridge.findings import MappingError

Path: TypeAlias = tuple[str | int, ...]
Problem: TypeAlias = tuple[int, int, str]

LARGEST_TEXT: Final = 1_000_000
DEEPEST: Final = 30
MOST_NODES: Final = 100_000

# What is not in YAML 1.1 section 5.1. Checked before parsing: libyaml gives the place of such a character in bytes.
_NOT_PRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")

_SIMPLE_KEY: Final = re.compile(r"[\w-]+")

_ADVICE: Final = {
    "mapping values are not allowed": "a text that holds ': ' must stand in quotes",
    "cannot start any token": "a text that begins with a tab, @, ` or % must stand in quotes",
    "quoted scalar": "a quote is opened and never closed",
    "flow mapping": "a '{' is opened and never closed, or a comma is missing",
    "flow sequence": "a '[' is opened and never closed, or a comma is missing",
    "block mapping": "the lines before and after differ in how far they are indented",
    "block collection": "the lines before and after differ in how far they are indented",
    "could not find expected ':'": "a key has no ':' after it",
}


class Plain(str):
    """A scalar written without quotes: only such a one may be read as true, false, null or a number."""

    __slots__ = ()


class Spot(NamedTuple):
    """Where a value stands, counted from 1: its key (or itself, in a list), and its first character.

    `text` is the column of the first character of its text, behind a quote, where the text stands in the file
    character by character, so that an offset into it is a column; else None.
    """

    key: tuple[int, int]
    value: tuple[int, int]
    text: int | None


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML document as dicts, lists and text, with the place of everything by its path of keys and positions.

    `problems` are those that reading could pass by: a repeated key, an anchor, an alias, a tag.
    """

    data: Any
    spots: Mapping[Path, Spot] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def spot(self, path: Path, layer: Path = ()) -> Spot:
        """The place of the longest part of the path that the document has.

        With a layer, the path is one below it that falls back to the same path at the top: a table and what it takes
        over.
        """
        for length in range(len(path), -1, -1):
            part = path[:length]
            if (found := self.spots.get((*layer, *part)) or self.spots.get(part)) is not None:
                return found
        return Spot((1, 1), (1, 1), None)


@dataclass(slots=True)
class _Open:
    """A dict or list that is being read. `key` is the key whose value comes next; `lines` where each key stands."""

    holder: dict[str, Any] | list[Any]
    path: Path
    key: str | None = None
    key_place: tuple[int, int] = (1, 1)
    lines: dict[str, int] = field(default_factory=dict)
    repeated: bool = False


class _Stop(Exception):
    """Reading cannot go on; the problem is already noted."""


def text_of(path: FilePath, name: str) -> str:
    """The text of a YAML file; no more of it is read than can be used. Raises MappingError where there is none."""
    try:
        with path.open("rb") as file:
            content = file.read(4 * LARGEST_TEXT + 1)
    except OSError as error:
        raise MappingError(name, [(1, 1, f"cannot be opened: {error.strerror}")]) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise MappingError(name, [(line, 1, "this line is not UTF-8; save the file as UTF-8")]) from None


def read(text: str, name: str) -> Document:
    """The one document of a YAML text. `name` is what messages call the file.

    Raises MappingError where reading cannot go on: syntax, a second document, more than 1 MB, 30 levels or 100,000
    values. What can be passed by is among the document's problems.
    """
    reading = _Reading()
    try:
        reading.document(text)
    except _Stop:
        raise MappingError(name, sorted(set(reading.problems))) from None
    return Document(reading.root, reading.spots, tuple(reading.problems))


class _Reading:
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.spots: dict[Path, Spot] = {}
        self.root: Any = None
        self.stack: list[_Open] = []

    def document(self, text: str) -> None:
        import yaml  # noqa: PLC0415 - 60 ms that a mapping given as a dict does not need

        self._check_text(text)
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        documents = nodes = 0
        try:
            for event in yaml.parse(text, Loader=loader):
                kind = type(event)
                if kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                    self.stack.pop()
                elif issubclass(kind, yaml.NodeEvent):
                    nodes += 1
                    if nodes > MOST_NODES:
                        self._stop(event, f"more than {MOST_NODES:,} values; put long lists into a crosswalk")
                    self._node(event, yaml)
                elif kind is yaml.DocumentStartEvent:
                    documents += 1
                    if documents > 1:
                        self._stop(event, "a second document begins here; a mapping file holds one")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            reason = ", ".join(part for part in (error.context, error.problem) if part)
            advice = next((f" ({advice})" for words, advice in _ADVICE.items() if words in reason), "")
            self.problems.append((line, column, f"this is not YAML: {reason}{advice}"))
            raise _Stop from None
        if not nodes:
            self.problems.append((1, 1, "the file is empty"))
            raise _Stop

    def _check_text(self, text: str) -> None:
        if len(text) > LARGEST_TEXT:
            self.problems.append((1, 1, "the file is larger than 1 MB; put long lists into a crosswalk"))
            raise _Stop
        if found := _NOT_PRINTABLE.search(text.removeprefix("\ufeff")):
            before = text[: found.start()]
            place = (before.count("\n") + 1, found.start() - before.rfind("\n"))
            self.problems.append((*place, f"the character U+{ord(found[0]):04X} cannot stand in YAML"))
            raise _Stop

    def _stop(self, event: Any, message: str) -> None:
        self.problems.append((*_place(event), message))
        raise _Stop

    def _node(self, event: Any, yaml: Any) -> None:
        mark = event.start_mark
        place = (mark.line + 1, mark.column + 1)
        kind = type(event)
        top = self.stack[-1] if self.stack else None
        if event.anchor is not None:
            what = "an alias (*)" if kind is yaml.AliasEvent else "an anchor (&)"
            self.problems.append((*place, f"{what} is not read in a mapping; write the value out, or use `tables`"))
        if kind is not yaml.AliasEvent and event.tag is not None:
            self.problems.append((*place, f"a tag ({event.tag}) is not read in a mapping; remove it"))
        if top is not None and top.key is None and isinstance(top.holder, dict):
            if kind is not yaml.ScalarEvent:
                self._stop(event, "a key must be one text")
            self._key(top, event.value, place)
        elif kind is yaml.ScalarEvent:
            text, end = event.value, event.end_mark
            quoted = 1 if event.style in {"'", '"'} else 0
            inline = mark.line == end.line and end.column - mark.column == len(text) + 2 * quoted
            self._put(top, text if event.style else Plain(text), place, place[1] + quoted if inline else None)
        elif kind is yaml.AliasEvent:
            self._put(top, None, place)
        else:
            if len(self.stack) >= DEEPEST:
                self._stop(event, f"nested deeper than {DEEPEST} levels")
            holder: dict[str, Any] | list[Any] = {} if kind is yaml.MappingStartEvent else []
            self.stack.append(_Open(holder, self._put(top, holder, place)))

    def _key(self, top: _Open, key: str, place: tuple[int, int]) -> None:
        top.repeated = key in top.lines
        if top.repeated:
            self.problems.append((*place, f"the key '{key}' stands here again; it is already in line {top.lines[key]}"))
        top.lines.setdefault(key, place[0])
        top.key, top.key_place = key, place

    def _put(self, top: _Open | None, value: Any, place: tuple[int, int], text: int | None = None) -> Path:
        """Stores a value under the key or position that waits for it, and gives its path."""
        key_place = place
        if top is None:
            self.root = value
            path: Path = ()
        elif isinstance(top.holder, list):
            path = (*top.path, len(top.holder))
            top.holder.append(value)
        else:
            path = (*top.path, str(top.key))
            key_place = top.key_place
            if not top.repeated:
                top.holder[str(top.key)] = value
            top.key = None
        # What stands below a key for the second time is read for its own problems only.
        self.spots.setdefault(path, Spot(key_place, place, text))
        return path


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def from_values(data: Any, name: str) -> Document:
    """A document of plain Python values, with the same limits as a YAML text and no places.

    Values may be dict with text keys, list, tuple, str, bool, int and None. Raises MappingError for anything else.
    """
    count = 0

    def copy(value: Any, path: Path) -> Any:
        nonlocal count
        count += 1
        if count > MOST_NODES or len(path) > DEEPEST:
            raise MappingError(name, [(1, 1, f"more than {MOST_NODES:,} values or {DEEPEST} levels")])
        if isinstance(value, Mapping):
            wrong = next((key for key in value if not isinstance(key, str)), None)
            if wrong is not None:
                raise MappingError(name, [(1, 1, f"{dotted(path) or 'the mapping'}: the key {wrong!r} is no text")])
            return {str(key): copy(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [copy(item, (*path, index)) for index, item in enumerate(value)]
        if value is None or isinstance(value, str | bool | int):
            return value
        raise MappingError(name, [(1, 1, f"{dotted(path)}: {type(value).__name__} is not read in a mapping")])

    return Document(copy(data, ()))


def dotted(path: Path) -> str:
    """A path as people write it: `category_options.SEX.map`, `tables[1].data_set`."""
    written = ""
    for part in path:
        if isinstance(part, int):
            written += f"[{part}]"
        elif _SIMPLE_KEY.fullmatch(part):
            written += f".{part}"
        else:
            written += f".'{part}'"
    return written.lstrip(".")
