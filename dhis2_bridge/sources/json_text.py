"""JSON read without loss: numbers as they are written, repeated keys seen, every fault with its line and column."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NoReturn

_STRING_OR_CONSTANT: Final = re.compile(r'"(?:[^"\\]|\\.)*"|(-?Infinity|NaN)')
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


class Number(str):
    """A number as it is written: 2212.10 is a code as often as it is a number."""

    __slots__ = ()


class JsonFault(Exception):
    """JSON that has no certain reading: the code of a finding and its arguments."""

    def __init__(self, code: str, **arguments: Any) -> None:
        self.code = code
        self.arguments = arguments
        super().__init__(code)


class _Repeating(dict[str, Any]):
    """An object in which a key stands twice; `pairs` has what a dict cannot hold."""

    pairs: Sequence[tuple[str, Any]] = ()


class _Constant(Exception):
    """NaN or Infinity, which Python reads and JSON does not have."""


class JsonReader:
    """Reads documents that are nested no deeper than `depth`."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._repeats = False
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_float=Number, parse_int=Number, parse_constant=_refuse
        )

    def read(self, text: str) -> tuple[Any, list[JsonFault]]:
        """The document of this text, and a fault for each key that stands twice in one object.

        Numbers are `Number`, the rest is what `json` gives; of a repeated key the document has the last. Raises
        `JsonFault` for `json.broken` (also a constant or half a surrogate pair) and `json.too_deep`.
        """
        self._repeats = False
        try:
            document = self._decoder.decode(text)
        except json.JSONDecodeError as error:
            raise JsonFault("json.broken", reason=error.msg, line=error.lineno, column=error.colno) from None
        except _Constant:
            places = (match.start() for match in _STRING_OR_CONSTANT.finditer(text) if match[1])
            raise _broken(text, next(places, 0), "not_a_number") from None
        except RecursionError:
            raise JsonFault("json.too_deep", limit=self._depth) from None
        if text.count("[") + text.count("{") > self._depth and _deeper([document], self._depth):
            raise JsonFault("json.too_deep", limit=self._depth)
        if _SURROGATE.search(text):
            lone = _lone_surrogate(text)
            if lone is not None:
                raise _broken(text, lone, "half_a_character")
        return document, list(_repeated_keys(document)) if self._repeats else []

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        self._repeats = True
        repeating = _Repeating(found)
        repeating.pairs = pairs
        return repeating


def json_text(value: Any) -> str:
    """A value of a document as JSON text again, with its numbers as they were written."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json_text(key)}:{json_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def _refuse(constant: str) -> NoReturn:
    raise _Constant(constant)


def _broken(text: str, place: int, reason: str) -> JsonFault:
    line, column = text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place)
    return JsonFault("json.broken", reason=reason, line=line, column=column)


def _inside(value: Any) -> list[tuple[str, Any]]:
    """What a value holds, each with how a path is written to it."""
    if isinstance(value, dict):
        pairs = value.pairs if isinstance(value, _Repeating) else value.items()
        return [(f".{key}" if key.isidentifier() else f"[{json.dumps(key)}]", item) for key, item in pairs]
    return [(f"[{place}]", item) for place, item in enumerate(value)] if isinstance(value, list) else []


def _deeper(level: list[Any], limit: int) -> bool:
    """Whether these objects and lists hold others more than so many levels down, themselves the first."""
    for _ in range(limit):
        inside = (value.values() if isinstance(value, dict) else value for value in level)
        level = [item for items in inside for item in items if isinstance(item, (dict, list))]
    return bool(level)


def _repeated_keys(document: Any) -> Iterator[JsonFault]:
    waiting = [("$", document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, _Repeating):
            keys = [key for key, _ in value.pairs]
            for key in value:
                if keys.count(key) > 1:
                    step = f".{key}" if key.isidentifier() else f"[{json.dumps(key)}]"
                    yield JsonFault("json.repeated_key", key=key, path=path + step)
        waiting.extend((path + step, item) for step, item in reversed(_inside(value)))


def _lone_surrogate(text: str) -> int | None:
    """Where the first half of a surrogate pair without the other half stands: no text encoding can hold it."""
    high: re.Match[str] | None = None
    for escape in _ESCAPE.finditer(text):
        unit = int(escape[1] or "0", 16)
        low = 0xDC00 <= unit <= 0xDFFF
        if low != (high is not None and high.end() == escape.start()):
            return (high or escape).start()
        if high and not low:
            return high.start()
        high = escape if 0xD800 <= unit <= 0xDBFF else None
    return high.start() if high else None
