"""A text from a cell as the value of a DHIS2 value type: accepted, repaired without loss, or refused.

A repair that cannot change what the text says is applied and told (`Accepted.normalised`); anything else is refused
with what it may be. What the server itself accepts is in `value_grammar`. Numbers stay text: no digit is lost.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from dhis2_bridge.names import fold
from dhis2_bridge.value_grammar import (
    INTEGER_TYPES,
    NUMERIC_TYPES,
    PLAIN,
    Engine,
    boolean_words,
    real_date,
    reason,
    refusal_key,
)

__all__ = [
    "HINTS",
    "INTEGER_TYPES",
    "NUMERIC_TYPES",
    "PLAIN",
    "Accepted",
    "Engine",
    "NotAnOption",
    "Numbers",
    "Options",
    "Refusal",
    "number_text",
    "read",
    "read_option",
    "reason",
    "stripped",
]

HINTS: Final = (
    "plus_sign",  # +5
    "leading_zeros",  # 007: a number, or a code that is no number
    "no_whole_part",  # .5
    "no_fraction",  # 5.
    "exponent",  # 1e3
    "negative_zero",  # -0 of an integer type
    "fraction",  # 1.5 of an integer type
    "range",  # outside what the type or 32 bits hold
    "point_ambiguous",  # 1.000 of an integer type: one, or a thousand
    "decimal_comma",  # 12,5 and no decimal mark declared, or the point
    "thousands_comma",  # 1,234,567 and no thousands mark declared
    "thousands_point",  # 1.234.567 and no thousands mark declared
    "comma_ambiguous",  # 1,234 and no decimal mark declared: the comma may be either
    "decimal_point",  # 12.5 although the comma is declared
    "thousands_blank",  # 1 234 and nothing declared
    "grouping",  # 12 34 or 1,2,3: marks that do not part groups of three
    "minus_sign",  # a dash in place of the minus, or a minus behind the number
    "parentheses",  # (5) as accountants write -5
    "percent_sign",  # 45% and no unit declared
    "unit",  # letters behind a number, and no such unit declared
    "true_only",  # a word for false where only true can be stored
    "date_form",  # a date, not as yyyy-mm-dd
    "no_such_date",  # 31 April
    "trailing_text",  # a date and something behind it, which the server would store
    "time_missing",  # a date where date and time are wanted
    "coordinate_form",  # not [longitude, latitude]
)
"""What may be wrong with a refused text: the keys of `Refusal.hint`. Words for them are made when printed."""

# Characters that show nothing and that spreadsheets and web pages leave at the ends of texts.
_INVISIBLE: Final = "\ufeff\u200b\u200e\u200f\u2060"
_BLANKS: Final = " \u00a0\u2007\u2009\u202f"
# What only typography puts between the groups of one number; the plain blank may part two numbers.
_NARROW_BLANKS: Final = "\u00a0\u2007\u2009\u202f"
_THOUSANDS: Final = {" ": _BLANKS, "'": "'\u2019", ".": ".", ",": ","}

_NUMBER_PARTS: Final = re.compile(r"([+-]?)([^eE]*)((?:[eE][+-]?[0-9]+)?)")
_NEAR_NUMBER: Final = re.compile(r"([+-]?)([0-9]*)(\.?)([0-9]*)(?:[eE]([+-]?[0-9]{1,2}))?")
_POINT_AND_ZEROS: Final = re.compile(r"(-?(?:0|[1-9][0-9]*))\.0+")

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MIDNIGHT: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]0?0:00(?::00(?:\.0+)?)?")
_YEAR_FIRST: Final = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})")
_DIGITS_ONLY: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_DAY_FIRST: Final = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
_DATE_BLANK_TIME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)")
_WHOLE_MINUTE: Final = re.compile(r"([0-9]{1,2}:[0-9]{2}):00(?:\.0+)?")


@dataclass(frozen=True, slots=True)
class Accepted:
    """A value that the server takes: `value` is what to send, `normalised` whether it differs from the text.

    `unit` is the declared unit that stood behind the number and was cut, as it was declared.
    """

    value: str
    normalised: bool
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A text that cannot be sent.

    `reason` is the server's key (`value_not_integer`, ...), or one of ours: `value_missing` for a blank text,
    `value_type_not_known`. `hint` is one of `HINTS` or ""; `may_be` what the writer may have meant and the type
    accepts: for a person to decide, never applied.
    """

    reason: str
    hint: str = ""
    may_be: str | None = None


@dataclass(frozen=True, slots=True)
class NotAnOption:
    """A text that names no option, or several: `part` is the text, or the part of a MULTI_TEXT, that fails.

    `options` are the codes that it may mean where it is `ambiguous`, otherwise the first ten of the set.
    """

    part: str
    options: tuple[str, ...]
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class Numbers:
    """How a source writes numbers: decimal mark `.` or `,`, thousands mark ` `, `'`, `.` or `,`, units behind them.

    A mark that is None is not declared. A thousands mark of `.` or `,` declares the other as decimal mark. Raises
    ValueError for other marks and for one mark in both places.
    """

    decimal: str | None = None
    thousands: str | None = None
    units: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.decimal not in {None, ".", ","}:
            raise ValueError(f"decimal mark {self.decimal!r}: a point or a comma")
        if self.thousands is not None and self.thousands not in _THOUSANDS:
            raise ValueError(f"thousands mark {self.thousands!r}: a blank, an apostrophe, a point or a comma")
        if self.thousands is not None and self.thousands == self.decimal:
            raise ValueError(f"{self.decimal!r} cannot be both decimal and thousands mark")

    @property
    def mark(self) -> str | None:
        """The decimal mark that the declarations leave possible, None where they say nothing."""
        return self.decimal or {".": ",", ",": "."}.get(self.thousands or "")

    @property
    def separators(self) -> str:
        """The characters that may part groups of three digits."""
        if self.thousands is not None:
            return _THOUSANDS[self.thousands]
        return _NARROW_BLANKS if self.decimal is None else _BLANKS


UNDECLARED: Final = Numbers()


class Options:
    """The options of one option set: its codes in order, each with its names in every language."""

    __slots__ = ("_by_key", "names")

    def __init__(self, options: Iterable[tuple[str, tuple[str, ...]]]) -> None:
        self.names: dict[str, tuple[str, ...]] = dict(options)
        self._by_key: dict[str, dict[str, None]] | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes, in the order of the option set."""
        return tuple(self.names)

    def named(self, text: str) -> tuple[str, ...]:
        """The codes that this text names, by a code or name that differs in no more than `names.fold` removes."""
        if self._by_key is None:
            self._by_key = {}
            for code, names in self.names.items():
                for name in (code, *names):
                    self._by_key.setdefault(fold(name), {})[code] = None
        return tuple(self._by_key.get(fold(text), ()))


def stripped(text: str) -> str:
    """The text without blanks and invisible characters at its ends."""
    before = None
    while before != text:
        before, text = text, text.strip().strip(_INVISIBLE)
    return text


def read(
    text: str,
    value_type: str,
    engine: Engine | None,
    *,
    numbers: Numbers = UNDECLARED,
    booleans: Mapping[str, bool] | None = None,
) -> Accepted | Refusal:
    """The value of this type that the text says, or why it says none.

    Without loss, and so applied: blanks at the ends; for numbers the declared marks and units, for integers a point
    with zeros (`3.0`); for BOOLEAN and TRUE_ONLY the words of `booleans` and of the engine, sent as true and false;
    for DATE a midnight; for DATETIME a blank in place of the T; for TIME zero seconds. Stricter than the server in one
    thing: a DATE with text behind it (`2024-01-155`), which it would store, is refused. A value that this has accepted
    is accepted again, unchanged, where no marks are declared. Blank texts mean "not reported" or a declared marker and
    should not come here; they are refused.
    """
    plain = stripped(text)
    if not plain:
        return Refusal("value_missing")
    if value_type in NUMERIC_TYPES:
        return _read_number(text, plain, value_type, engine, numbers)
    if value_type in {"BOOLEAN", "TRUE_ONLY"}:
        return _read_boolean(text, plain, value_type, engine, booleans or {})
    if value_type in {"DATE", "AGE"}:
        return _read_date(text, plain, value_type)
    value = plain
    if value_type == "DATETIME" and (match := _DATE_BLANK_TIME.fullmatch(plain)):
        value = f"{match[1]}T{match[2]}"
    elif value_type == "TIME" and (match := _WHOLE_MINUTE.fullmatch(plain)):
        value = match[1]
    why = reason(value, value_type, engine)
    if why is None:
        return Accepted(value, value != text)
    hint = ""
    if value_type == "DATETIME" and _DAY.fullmatch(plain):
        hint = "time_missing" if real_date(plain) else "no_such_date"
    elif value_type == "COORDINATE":
        hint = "coordinate_form"
    return Refusal(why, hint)


def read_option(text: str, options: Options, *, multiple: bool = False) -> Accepted | NotAnOption:
    """The option code that the text says; with `multiple` (MULTI_TEXT) every part between commas has to say one.

    An exact code always counts. Otherwise the one option counts whose code or name, in any language, differs in no
    more than `names.fold` removes (case, blanks, ...). The server compares codes exactly, so only codes are returned.
    """
    codes = []
    for part in text.split(",") if multiple else [text]:
        plain = part if part in options.names else stripped(part)
        named = (plain,) if plain in options.names else options.named(plain) if plain else ()
        if len(named) != 1:
            return NotAnOption(plain, named or options.codes[:10], ambiguous=bool(named))
        codes.append(named[0])
    value = ",".join(codes)
    return Accepted(value, value != text)


def number_text(text: str, numbers: Numbers = UNDECLARED) -> Accepted | Refusal:
    """The number with a point for the decimal mark, no thousands marks and no unit; digits and sign as they stand.

    Blanks of any width part thousands where a decimal mark or the blank is declared, the narrow ones that only
    typography uses also where nothing is. A comma counts only as declared. The result is not yet of DHIS2's grammar
    (`007`, `+5`, `1e3` and `.5` pass); `read` judges that. Refused with `value_not_numeric`: what is no number, marks
    that are not declared, marks that do not part groups of three.
    """
    plain, unit = _without_unit(stripped(text), numbers.units)
    plain = plain.replace("\N{MINUS SIGN}", "-")
    number = _plain_number(plain, numbers.mark or ".", numbers.separators)
    if number is None:
        return Refusal("value_not_numeric", *_other_reading(plain, numbers))
    return Accepted(number, number != text, unit)


def _plain_number(text: str, mark: str, separators: str) -> str | None:
    """A number written with this decimal mark, and any of these separators between groups of three, in plain digits."""
    parts = _NUMBER_PARTS.fullmatch(text)
    if parts is None:
        return None
    sign, body, exponent = parts.groups()
    whole, point, fraction = body.partition(mark)
    groups = re.split(f"[{re.escape(separators)}]", whole) if separators else [whole]
    digits = "".join(groups)
    if not re.fullmatch("[0-9]+", digits + fraction):
        return None
    if len(groups) > 1 and (
        not re.fullmatch("[1-9][0-9]{0,2}", groups[0]) or any(len(group) != 3 for group in groups[1:])
    ):
        return None
    return sign + digits + ("." if point else "") + fraction + exponent


def _other_reading(plain: str, numbers: Numbers) -> tuple[str, str | None]:
    """The hint why a text is no number by the declared marks, and the number that it is by others, where it is one."""
    mark = numbers.mark or "."
    for hint, pattern, sign in (
        ("parentheses", r"\((.*)\)", "-"),
        ("minus_sign", r"[-‐‑–—] *([0-9].*)", "-"),
        ("minus_sign", r"(.*[0-9]) *-", "-"),
        ("percent_sign", r"(.*) *%", ""),
    ):
        if match := re.fullmatch(pattern, plain):
            number = _plain_number(match[1].strip(), mark, numbers.separators)
            return hint, None if number is None else sign + number
    with_comma, with_point = _plain_number(plain, ",", ""), _plain_number(plain, ".", "")
    comma_groups, point_groups = _plain_number(plain, ".", ","), _plain_number(plain, ",", ".")
    if numbers.mark is None and with_comma and comma_groups:
        return "comma_ambiguous", None
    if numbers.mark != "," and (comma_groups or with_comma):
        return ("thousands_comma", comma_groups) if comma_groups else ("decimal_comma", with_comma)
    if with_point:
        return "decimal_point", None if point_groups else with_point
    if point_groups:
        return "thousands_point", point_groups
    if spaced := _plain_number(plain, mark, _BLANKS):
        return "thousands_blank", spaced
    if numbers.mark is None and (spaced := _plain_number(plain, ",", _BLANKS)):
        return "decimal_comma", spaced
    if re.fullmatch(r"[+-]?[0-9][0-9.,]* ?[^\W\d].*", plain):
        return "unit", None
    return "grouping" if re.fullmatch(f"[+-]?[0-9][0-9.,'’{_BLANKS}]*", plain) else "", None


def _without_unit(plain: str, units: tuple[str, ...]) -> tuple[str, str]:
    for unit in sorted(units, key=len, reverse=True):
        if fold(plain[-len(unit) :]) == fold(unit):
            return plain[: -len(unit)].rstrip(), unit
    return plain, ""


def _read_number(text: str, plain: str, value_type: str, engine: Engine | None, numbers: Numbers) -> Accepted | Refusal:
    key = refusal_key(value_type)
    outcome = number_text(plain, numbers)
    if isinstance(outcome, Refusal):
        if outcome.may_be is None:
            return replace(outcome, reason=key)
        hint, nearest = _nearest_number(outcome.may_be, value_type)
        # 12,5 in a count: declaring the comma would not help, so the fraction is what to say.
        told = hint if hint == "fraction" else outcome.hint
        return replace(outcome, reason=key, hint=told, may_be=_if_accepted(nearest, value_type, engine))
    value = outcome.value
    if value_type in INTEGER_TYPES and (match := _POINT_AND_ZEROS.fullmatch(value)):
        # Where no decimal mark is declared, 1.000 may be a thousand as much of Europe writes it.
        if numbers.mark is None and _plain_number(value, ",", "."):
            return Refusal(key, "point_ambiguous")
        value = match[1]
    why = reason(value, value_type, engine)
    if why is None:
        return Accepted(value, value != text, outcome.unit)
    hint, may_be = _nearest_number(value, value_type)
    return Refusal(why, hint, _if_accepted(may_be, value_type, engine))


def _nearest_number(value: str, value_type: str) -> tuple[str, str | None]:
    """What keeps a number's text from DHIS2's grammar, and the same number written by it."""
    match = _NEAR_NUMBER.fullmatch(value)
    if match is None:
        return "exponent" if "e" in value.lower() else "", None
    sign, whole, point, fraction, exponent = match.groups()
    shift = int(exponent or 0)
    digits, after = whole + fraction, len(fraction) - shift
    digits = digits.rjust(after + 1, "0") if after > 0 else digits.ljust(len(digits) - after, "0")
    head, tail = (digits[:-after], digits[-after:]) if after > 0 else (digits, "")
    if exponent or value_type in INTEGER_TYPES:
        tail = tail.rstrip("0")
    number = (head.lstrip("0") or "0") + (f".{tail}" if tail else "")
    if sign == "-" and number.strip("0."):
        number = f"-{number}"
    hints = {
        "exponent": exponent is not None,
        "plus_sign": sign == "+",
        "no_whole_part": not whole,
        "leading_zeros": len(whole) > 1 and whole.startswith("0"),
        "no_fraction": bool(point) and not fraction,
        "negative_zero": sign == "-" and number == "0" and value_type in INTEGER_TYPES,
        "fraction": bool(tail) and value_type in INTEGER_TYPES,
        "range": True,
    }
    return next(hint for hint, holds in hints.items() if holds), number


def _if_accepted(may_be: str | None, value_type: str, engine: Engine | None) -> str | None:
    return may_be if may_be is not None and reason(may_be, value_type, engine) is None else None


def _read_boolean(
    text: str, plain: str, value_type: str, engine: Engine | None, booleans: Mapping[str, bool]
) -> Accepted | Refusal:
    said = {fold(word): meant for word, meant in booleans.items()}.get(fold(plain))
    if said is None:
        said = boolean_words(engine).get(plain.lower())
    if said is None:
        return Refusal(refusal_key(value_type))
    if value_type == "TRUE_ONLY" and not said:
        return Refusal(refusal_key(value_type), "true_only")
    value = "true" if said else "false"
    return Accepted(value, value != text)


def _read_date(text: str, plain: str, value_type: str) -> Accepted | Refusal:
    key = refusal_key(value_type)
    match = _MIDNIGHT.fullmatch(plain)
    value = match[1] if match else plain
    if _DAY.fullmatch(value):
        return Accepted(value, value != text) if real_date(value) else Refusal(key, "no_such_date")
    if _DAY.match(plain):
        readable = real_date(plain) and not plain[10].isdecimal()
        return Refusal(key, "trailing_text", plain[:10] if readable else None)
    if match := _YEAR_FIRST.fullmatch(plain) or _DIGITS_ONLY.fullmatch(plain):
        year, month, day = match.groups()
    elif match := _DAY_FIRST.fullmatch(plain):
        day, month, year = match.groups()
    else:
        return Refusal(key, "date_form" if re.search("[0-9]", plain) else "")
    written = f"{year}-{month:0>2}-{day:0>2}"
    return Refusal(key, "date_form", written) if real_date(written) else Refusal(key, "no_such_date")
