"""What a DHIS2 server accepts as a value of each value type.

The rules follow the server's `ValidationUtils`, `MathUtils` and `DateUtils`. Where a rule there rests on a library's
long list (the top-level domains of EMAIL and URL) only the form is checked here. Dates are those of the ISO calendar.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from dhis2_bridge.identifiers import is_uid

Engine = Literal["old", "new"]
"""The import engine of the server: old up to DHIS2 2.42, new from 2.43."""

MAX_LENGTH: Final = 50_000
"""Longest value, in UTF-16 units as Java counts them."""

INTEGER_TYPES: Final = frozenset({"INTEGER", "INTEGER_POSITIVE", "INTEGER_NEGATIVE", "INTEGER_ZERO_OR_POSITIVE"})
NUMERIC_TYPES: Final = INTEGER_TYPES | {"NUMBER", "UNIT_INTERVAL", "PERCENTAGE"}

PLAIN: Final[Mapping[str, str]] = {
    "INTEGER": r"^(0|-?[1-9][0-9]{0,8})$",
    "INTEGER_POSITIVE": r"^[1-9][0-9]{0,8}$",
    "INTEGER_NEGATIVE": r"^-[1-9][0-9]{0,8}$",
    "INTEGER_ZERO_OR_POSITIVE": r"^(0|[1-9][0-9]{0,8})$",
    "NUMBER": r"^(0|-?[1-9][0-9]{0,8})$",
    "UNIT_INTERVAL": r"^[01]$",
    "PERCENTAGE": r"^(0|[1-9][0-9]?|100)$",
    "BOOLEAN": r"^(true|false)$",
    "TRUE_ONLY": r"^true$",
}
"""By value type, a pattern whose every match is accepted as it stands, whatever the engine and the declared marks.

It passes the bulk of a column at once; what does not match is no fault yet, it only has to be read one by one.
"""

_NOT_BLANK_FOR_JAVA: Final = frozenset("\x85\u00a0\u2007\u202f")

_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]*")
_NUMBER: Final = re.compile(r"(?:-?0|-?[1-9][0-9]*)(?:\.[0-9]+)?")
_NUMBER_LENGTH: Final = 249
# No 32-bit integer is longer; Python refuses to convert texts of thousands of digits.
_INTEGER_LENGTH: Final = 11
_INTEGER_BOUNDS: Final = {
    "INTEGER": (-(2**31), 2**31 - 1),
    "INTEGER_POSITIVE": (1, 2**31 - 1),
    "INTEGER_NEGATIVE": (-(2**31), -1),
    "INTEGER_ZERO_OR_POSITIVE": (0, 2**31 - 1),
}

# The words of each engine for true and false. The old engine compares as written and then takes `true` and `false`
# in any case; the new one compares up to five characters in any case.
_OLD_TRUE: Final = frozenset({"t", "T", "1"})
_OLD_FALSE: Final = frozenset({"f", "F", "0"})
_NEW_TRUE: Final = frozenset({"true", "t", "1", "yes", "y"})
_NEW_FALSE: Final = frozenset({"false", "f", "0", "no", "n"})

# The server looks at the start alone and takes any text behind it that ends on a word character.
_DATE: Final = re.compile(r"([0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[0-2]))(?:.*[A-Za-z0-9_])?")
_ZONE: Final = r"(?:Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])"
_HOUR: Final = r"(?:[01]?[0-9]|2[0-3])"
_DATETIME: Final = re.compile(
    rf"([0-9]{{4}})-([0-9]{{1,2}})-([0-9]{{1,2}})"
    rf"(?:T{_HOUR}(?::[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{{1,6}}|\.[0-9]{{7,9}}(?={_ZONE}))?)?)?{_ZONE}?"
    rf"| (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]{_ZONE})"
)
_TIME: Final = re.compile(rf"{_HOUR}:[0-5][0-9]")
_DEGREES: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_PHONE: Final = re.compile(r"[0-9+()#. \t\n\v\f\r/ext-]{6,50}")
_LABEL: Final = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_DOMAIN: Final = rf"(?:{_LABEL}\.)+[^\W\d_](?:[\w-]{{0,61}}[^\W_])"
_EMAIL: Final = re.compile(rf"[\w!#$%&'*+/=?^`{{|}}~-]+(?:\.[\w!#$%&'*+/=?^`{{|}}~-]+)*@{_DOMAIN}")
_IPV4: Final = r"(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_URL: Final = re.compile(rf"(?i:https?|ftp)://(?:{_DOMAIN}|{_IPV4})(?::[0-9]{{1,5}})?(?:[/?#]\S*)?")
_USERNAME: Final = re.compile(r"(?=.{4,255}\Z)[A-Za-z0-9]+(?:[-_.@][A-Za-z0-9]+)*")


def reason(value: str, value_type: str, engine: Engine | None) -> str | None:
    """Why the server refuses this value, sent exactly so, as its own reason key, or None when it accepts it.

    Without an engine the value has to pass both. A blank value passes every type, as it does on the server, which
    judges a missing value elsewhere. `value_type_not_known` is ours: a value type of no server known here.
    """
    if java_length(value) > MAX_LENGTH:
        return "value_length_greater_than_max_length"
    if not value.strip() and not _NOT_BLANK_FOR_JAVA.intersection(value):
        return None
    rule = _RULES.get(value_type)
    if rule is None:
        return "value_type_not_known"
    key, accepts = rule
    return None if accepts(value, value_type, engine) else key


def refusal_key(value_type: str) -> str:
    """The reason key with which the server refuses a value of this type."""
    rule = _RULES.get(value_type)
    return "value_type_not_known" if rule is None else rule[0]


def boolean_words(engine: Engine | None) -> Mapping[str, bool]:
    """The words, in lower case, that the server itself reads as true and false; without an engine those of both."""
    if engine == "new":
        return dict.fromkeys(_NEW_TRUE, True) | dict.fromkeys(_NEW_FALSE, False)
    return {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def java_length(text: str) -> int:
    """The length as Java counts it: a character beyond U+FFFF is two."""
    return len(text) + sum(character > "\uffff" for character in text) if not text.isascii() else len(text)


def real_date(text: str) -> bool:
    """Whether yyyy-mm-dd names a day of the ISO calendar, years 1 to 9999."""
    try:
        date(int(text[:4]), int(text[5:7]), int(text[8:10]))
    except ValueError:
        return False
    return True


def _anything(value: str, value_type: str, engine: Engine | None) -> bool:
    return True


def _letter(value: str, value_type: str, engine: Engine | None) -> bool:
    return java_length(value) == 1 and value.isalpha()


def _number(value: str, value_type: str, engine: Engine | None) -> bool:
    return len(value) <= _NUMBER_LENGTH and _NUMBER.fullmatch(value) is not None


def _unit_interval(value: str, value_type: str, engine: Engine | None) -> bool:
    return _number(value, value_type, engine) and 0 <= Decimal(value) <= 1


def _percentage(value: str, value_type: str, engine: Engine | None) -> bool:
    return _number(value, value_type, engine) and 0 <= Decimal(value) <= 100


def _integer(value: str, value_type: str, engine: Engine | None) -> bool:
    if engine == "new":
        value = value.removesuffix(".0")
    if len(value) > _INTEGER_LENGTH or not _INTEGER.fullmatch(value):
        return False
    lowest, highest = _INTEGER_BOUNDS[value_type]
    return lowest <= int(value) <= highest


def _boolean(value: str, value_type: str, engine: Engine | None) -> bool:
    return _true(value, engine) or _false(value, engine)


def _true_only(value: str, value_type: str, engine: Engine | None) -> bool:
    return _true(value, engine)


def _true(value: str, engine: Engine | None) -> bool:
    return value.lower() in _NEW_TRUE if engine == "new" else value in _OLD_TRUE or value.lower() == "true"


def _false(value: str, engine: Engine | None) -> bool:
    return value.lower() in _NEW_FALSE if engine == "new" else value in _OLD_FALSE or value.lower() == "false"


def _date(value: str, value_type: str, engine: Engine | None) -> bool:
    match = _DATE.fullmatch(value)
    return match is not None and real_date(match[1])


def _datetime(value: str, value_type: str, engine: Engine | None) -> bool:
    match = _DATETIME.fullmatch(value)
    return match is not None and real_date(f"{match[1]}-{match[2]:0>2}-{match[3]:0>2}")


def _time(value: str, value_type: str, engine: Engine | None) -> bool:
    return _TIME.fullmatch(value) is not None


def _coordinate(value: str, value_type: str, engine: Engine | None) -> bool:
    packed = "".join(value.split())
    if not (packed.startswith("[") and packed.endswith("]")):
        return False
    longitude, _, rest = packed[1:-1].partition(",")
    latitude = rest.partition(",")[0]
    if not (_DEGREES.fullmatch(longitude) and _DEGREES.fullmatch(latitude)):
        return False
    return abs(Decimal(longitude)) <= 180 and abs(Decimal(latitude)) <= 90


def _matches(pattern: re.Pattern[str]) -> Callable[[str, str, Engine | None], bool]:
    return lambda value, value_type, engine: pattern.fullmatch(value) is not None


def _uid(value: str, value_type: str, engine: Engine | None) -> bool:
    return is_uid(value)


_RULES: Final[Mapping[str, tuple[str, Callable[[str, str, Engine | None], bool]]]] = {
    "TEXT": ("", _anything),
    "LONG_TEXT": ("", _anything),
    "MULTI_TEXT": ("", _anything),
    "REFERENCE": ("", _anything),
    "GEOJSON": ("", _anything),
    "LETTER": ("value_not_valid_letter", _letter),
    "NUMBER": ("value_not_numeric", _number),
    "UNIT_INTERVAL": ("value_not_unit_interval", _unit_interval),
    "PERCENTAGE": ("value_not_percentage", _percentage),
    "INTEGER": ("value_not_integer", _integer),
    "INTEGER_POSITIVE": ("value_not_positive_integer", _integer),
    "INTEGER_NEGATIVE": ("value_not_negative_integer", _integer),
    "INTEGER_ZERO_OR_POSITIVE": ("value_not_zero_or_positive_integer", _integer),
    "BOOLEAN": ("value_not_bool", _boolean),
    "TRUE_ONLY": ("value_not_true_only", _true_only),
    "DATE": ("value_not_valid_date", _date),
    "AGE": ("value_not_valid_age", _date),
    "DATETIME": ("value_not_valid_datetime", _datetime),
    "TIME": ("value_not_valid_time", _time),
    "COORDINATE": ("value_not_coordinate", _coordinate),
    "PHONE_NUMBER": ("value_not_phone_number", _matches(_PHONE)),
    "EMAIL": ("value_not_valid_email", _matches(_EMAIL)),
    "URL": ("value_not_url", _matches(_URL)),
    "USERNAME": ("value_not_valid_username", _matches(_USERNAME)),
    "ORGANISATION_UNIT": ("value_not_valid_org_unit_uid", _uid),
    "FILE_RESOURCE": ("value_not_valid_file_resource_uid", _uid),
    "IMAGE": ("value_not_valid_file_resource_uid", _uid),
    # Gone from the newest servers; the old code checked the form of a UID. No reason key of its own is known.
    "TRACKER_ASSOCIATE": ("value_not_valid_tracker_associate", _uid),
}
