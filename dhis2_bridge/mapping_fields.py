"""How single fields of a mapping file are read: texts, numbers, truth values, patterns, templates, period ranges.

A validator here raises ValueError with a sentence for the person who writes the mapping. A YAML scalar arrives as the
text that was written (`Plain` when it stood without quotes); values given from Python arrive as they are.
"""

import calendar
import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from dhis2_bridge import names
from dhis2_bridge.yaml_nodes import Plain

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTHS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE_NUMBER: Final = re.compile(r"0|-?[1-9][0-9]{0,8}")
_CELL: Final = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_SCHEME: Final = re.compile(r"uid|code|name|ATTRIBUTE:[A-Za-z][A-Za-z0-9]{10}")
_ISO_DATE: Final = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")

_ONE_TEXT: Final[dict[str, Any]] = {"type": ["string", "number"]}
TEXTS_SCHEMA: Final[dict[str, Any]] = {"anyOf": [_ONE_TEXT, {"type": "array", "items": _ONE_TEXT, "minItems": 1}]}


def is_null(value: Any) -> bool:
    """Whether a value is an unquoted null, or nothing at all."""
    return value is None or (isinstance(value, Plain) and value in _NULLS)


def kind_of(value: Any) -> str:
    """What a wrong value is, in the words of a message."""
    if is_null(value):
        return "nothing"
    if isinstance(value, Mapping):
        return "a block of keys"
    if isinstance(value, list | tuple):
        return "a list"
    return f"'{names.visible(value, 60)}'" if isinstance(value, str) else f"the {type(value).__name__} {value}"


def _text(value: Any) -> str:
    if isinstance(value, str) and not is_null(value):
        if not value.strip():
            raise ValueError("this text is blank")
        return str(value)
    raise ValueError(f"a text is wanted here, and {kind_of(value)} stands")


def _texts(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, Mapping) or is_null(value):
        raise ValueError(f"a text or a list of texts is wanted here, and {kind_of(value)} stands")
    return [value]


def _number(value: Any) -> Any:
    if isinstance(value, Plain) and _WHOLE_NUMBER.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(f"a whole number is wanted here, and {kind_of(value)} stands")


def _truth(value: Any) -> Any:
    if isinstance(value, Plain) and value in _TRUTHS:
        return _TRUTHS[value]
    if isinstance(value, bool):
        return value
    raise ValueError(f"true or false is wanted here, and {kind_of(value)} stands")


def _only_true(value: Any) -> Any:
    if _truth(value) is not True:
        raise ValueError("only true can stand here; leave the key out instead")
    return True


def _one_character(value: Any) -> str:
    if isinstance(value, str) and len(value) == 1:
        return str(value)
    raise ValueError(f"one character is wanted here, and {kind_of(value)} stands")


def _delimiter(value: Any) -> str:
    return "\t" if value == "tab" else _one_character(value)


def _pattern(value: Any) -> str:
    text = _text(value)
    if text.count("{}") != 1:
        raise ValueError(f"'{text}' needs one {{}} for the part to take out")
    return text


def _true_or_patterns(value: Any) -> Any:
    if value is True or (isinstance(value, Plain) and _TRUTHS.get(value)):
        return True
    held = _texts(value)
    if not held:
        raise ValueError("this list is empty")
    return tuple(_pattern(item) for item in held)


def _scheme(value: Any) -> str:
    text = _text(value)
    if not _SCHEME.fullmatch(text):
        raise ValueError(f"'{text}' is not one of uid, code, name, ATTRIBUTE:<uid of the attribute>")
    return text


def cell_place(address: str) -> tuple[int, int]:
    """Row and column, from 1, of a cell's address such as B4. Raises ValueError for anything else."""
    found = _CELL.fullmatch(address)
    if found is None:
        raise ValueError(f"'{address}' is no cell; write one like B4")
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    if column > 16_384 or int(found[2]) > 1_048_576:
        raise ValueError(f"'{address}' lies outside any sheet")
    return int(found[2]), column


def _cell(value: Any) -> str:
    text = _text(value)
    cell_place(text)
    return text


Bounds: TypeAlias = tuple[datetime.date | None, datetime.date | None]


def period_bounds(text: str) -> Bounds:
    """First and last day of `2026-01..`, `..2026-12`, `2026-01..2026-06` or `2026`; None where open.

    Each side is a year, month or day as ISO 8601 writes it. Raises ValueError for anything else.
    """
    first, dots, last = text.partition("..")
    if not dots:
        last = first
    if not first and not last:
        raise ValueError("a range of periods is written 2026-01.., ..2026-12 or 2026-01..2026-06")
    begin = _iso_days(first)[0] if first else None
    end = _iso_days(last)[1] if last else None
    if begin and end and begin > end:
        raise ValueError(f"'{text}' ends before it begins")
    return begin, end


def _iso_days(text: str) -> tuple[datetime.date, datetime.date]:
    found = _ISO_DATE.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError
        year, month, day = int(found[1]), int(found[2] or 0), int(found[3] or 0)
        first = datetime.date(year, month or 1, day or 1)
        last_month = month or 12
        last_day = day or calendar.monthrange(year, last_month)[1]
        return first, datetime.date(year, last_month, last_day)
    except ValueError:
        raise ValueError(f"'{text}' is no year, month or day such as 2026, 2026-01 or 2026-01-31") from None


def _period_range(value: Any) -> str:
    text = _text(value)
    period_bounds(text)
    return text


@dataclass(frozen=True, slots=True)
class Template:
    """A code made of several columns: `HRM_{org_argos_id}[_{unit_code}]`.

    `groups` are stretches of the text, each with whether it stood in brackets and its pieces: literal text and the
    column that follows it, or None.
    """

    groups: tuple[tuple[bool, tuple[tuple[str, str | None], ...]], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names, in order."""
        return tuple(dict.fromkeys(column for _, pieces in self.groups for _, column in pieces if column))

    def fill(self, texts: Mapping[str, str]) -> str | None:
        """The code of these texts: a bracketed part falls away when a column in it is blank; None when another is."""
        written: list[str] = []
        for optional, pieces in self.groups:
            if all(column is None or texts.get(column) for _, column in pieces):
                written.extend(literal + (texts[column] if column else "") for literal, column in pieces)
            elif not optional:
                return None
        return "".join(written)


def template(text: str) -> Template:
    """The template that is written as text. Raises ValueError, with what is wrong, for one that is none."""
    groups: list[tuple[bool, tuple[tuple[str, str | None], ...]]] = []
    for part in re.split(r"(\[[^\[\]]*\])", text):
        optional = part.startswith("[") and part.endswith("]")
        inner = part[1:-1] if optional else part
        pieces = [(found[1], found[2]) for found in re.finditer(r"([^{}\[\]]*)\{([^{}\[\]]+)\}", inner)]
        rest = re.sub(r"[^{}\[\]]*\{[^{}\[\]]+\}", "", inner)
        if re.search(r"[{}\[\]]", rest):
            raise ValueError(f"'{text}' has a bracket without its partner, or one within another")
        if optional and not pieces:
            raise ValueError(f"'[{inner}]' holds no {{column}} that could be blank")
        if pieces or rest:
            groups.append((optional, (*pieces, *([(rest, None)] if rest else []))))
    if not any(column for _, pieces in groups for _, column in pieces):
        raise ValueError(f"'{text}' names no {{column}}")
    return Template(tuple(groups))


def _template(value: Any) -> str:
    text = _text(value)
    template(text)
    return text


Text = Annotated[str, BeforeValidator(_text), WithJsonSchema(_ONE_TEXT)]
"""One text that is not blank."""

# A constraint stands before the validator that feeds it: pydantic then knows it as one of the tuple or the number.
_ListOf = BeforeValidator(_texts), WithJsonSchema(TEXTS_SCHEMA)

Texts = Annotated[tuple[Text, ...], Field(min_length=1), *_ListOf]
"""One text or a list of texts, as a tuple: a label in every language of the form."""

Patterns = Annotated[tuple[Annotated[str, BeforeValidator(_pattern)], ...], Field(min_length=1), *_ListOf]
"""Globs with one {} that captures."""

Schemes = Annotated[tuple[Annotated[str, BeforeValidator(_scheme)], ...], Field(min_length=1), *_ListOf]
"""uid, code, name or ATTRIBUTE:<uid>."""

NamePatterns = Annotated[
    Literal[True] | tuple[str, ...],
    PlainValidator(_true_or_patterns),
    WithJsonSchema({"anyOf": [{"const": True}, *TEXTS_SCHEMA["anyOf"]]}),
]
"""True for the whole name, or `Patterns`."""

Number = Annotated[int, BeforeValidator(_number)]
Level = Annotated[int, Field(ge=1, le=1_048_576), BeforeValidator(_number)]
Truth = Annotated[bool, BeforeValidator(_truth)]
OnlyTrue = Annotated[Literal[True], BeforeValidator(_only_true)]
Character = Annotated[str, BeforeValidator(_one_character), WithJsonSchema({"type": "string"})]
Delimiter = Annotated[str, BeforeValidator(_delimiter), WithJsonSchema({"type": "string"})]
CellAddress = Annotated[
    str, BeforeValidator(_cell), WithJsonSchema({"type": "string", "pattern": f"^{_CELL.pattern}$"})
]
PeriodRange = Annotated[str, BeforeValidator(_period_range), WithJsonSchema(_ONE_TEXT)]
CodeTemplate = Annotated[str, BeforeValidator(_template), WithJsonSchema({"type": "string"})]
