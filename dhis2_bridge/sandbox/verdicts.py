"""What the sandbox's server thinks of one value: its reason for refusing it, and the text it would store.

Written from the server's rules alone and on purpose not shared with `dhis2_bridge.value_types`: where the two differ,
one of them is wrong. Mail and web addresses follow the gist of the server's library, not its list of top domains.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Final

LONGEST_VALUE: Final = 50_000

_INTEGERS: Final = {
    "INTEGER": (-(2**31), 2**31 - 1, "value_not_integer"),
    "INTEGER_POSITIVE": (1, 2**31 - 1, "value_not_positive_integer"),
    "INTEGER_NEGATIVE": (-(2**31), -1, "value_not_negative_integer"),
    "INTEGER_ZERO_OR_POSITIVE": (0, 2**31 - 1, "value_not_zero_or_positive_integer"),
}
NUMERIC: Final = frozenset({*_INTEGERS, "NUMBER", "UNIT_INTERVAL", "PERCENTAGE"})

_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_DATE: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[0-2])(.*[A-Za-z0-9_])?")
_ZONE: Final = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})"
_DATETIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    rf"(?:T([0-9]{{1,2}})(?::([0-9]{{2}})(?::([0-9]{{2}})(\.[0-9]{{1,9}})?)?)?({_ZONE})?"
    rf"| ([0-9]{{2}}):([0-9]{{2}}):([0-9]{{2}}){_ZONE})"
)
_TIME: Final = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9]")
_UID: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{10}")
_PHONE: Final = re.compile(r"[0-9+()#.\s/ext-]{6,50}")
_USERNAME: Final = re.compile(r"(?=.{4,255}$)[A-Za-z0-9]+([-_.@][A-Za-z0-9]+)*")
_HOST: Final = r"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}"
_EMAIL: Final = re.compile(rf"[^\s@\"(),:;<>\[\]\\]+@{_HOST}")
_URL: Final = re.compile(rf"(https?|ftp)://{_HOST}(:[0-9]{{1,5}})?([/?#]\S*)?", re.IGNORECASE)


def is_uid(text: str) -> bool:
    """Whether the text has the shape of a UID."""
    return _UID.fullmatch(text) is not None


def normalised(value: str, value_type: str, new_engine: bool) -> str:
    """The value as the server rewrites it before it judges and stores it."""
    if value_type in ("BOOLEAN", "TRUE_ONLY"):
        if new_engine:
            low = value.lower() if len(value) <= 5 else ""
            return (
                "true" if low in ("t", "y", "1", "yes", "true") else _false(value, low, ("f", "n", "0", "no", "false"))
            )
        if value in ("true", "True", "TRUE", "t", "T", "1"):
            return "true"
        return _false(value, value, ("false", "False", "FALSE", "f", "F", "0")) if value_type == "BOOLEAN" else value
    if new_engine and value_type in _INTEGERS and value.endswith(".0"):
        return value[:-2]
    return value


def _false(value: str, tested: str, words: tuple[str, ...]) -> str:
    return "false" if tested in words else value


def reason(value: str, value_type: str) -> str | None:
    """Why the server refuses the value (its reason key), or None; a blank passes, as on the server."""
    if len(value.encode("utf-16-le")) // 2 > LONGEST_VALUE:
        return "value_length_greater_than_max_length"
    if not value.strip() or value_type not in _RULES:
        return None
    accepts, key = _RULES[value_type]
    return None if accepts(value) else key


def insignificant_zero(value: str, value_type: str) -> bool:
    """Whether the value is a zero that the old engine does not keep for an ordinary data element."""
    return value_type in NUMERIC and re.fullmatch(r"0(\.0*)?", value) is not None


def _number(value: str) -> bool:
    return len(value) < 250 and _NUMBER.fullmatch(value) is not None


def _within(high: int) -> Callable[[str], bool]:
    return lambda value: _number(value) and 0 <= Decimal(value) <= high


def _integer(low: int, high: int) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(r"0|-?[1-9][0-9]{0,10}", value) is not None and low <= int(value) <= high


def _date(value: str) -> bool:
    match = _DATE.fullmatch(value)
    return match is not None and _exists(match[1], match[2], match[3])


def _datetime(value: str) -> bool:
    match = _DATETIME.fullmatch(value)
    if match is None or not _exists(match[1], match[2], match[3]):
        return False
    hour, minute, second = (int(match[first] or match[second] or 0) for first, second in ((4, 9), (5, 10), (6, 11)))
    long_fraction = match[7] is not None and len(match[7]) > 7
    return hour < 24 and minute < 60 and second < 60 and not (long_fraction and match[8] is None)


def _exists(year: str, month: str, day: str) -> bool:
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True


def _coordinate(value: str) -> bool:
    text = "".join(value.split())
    if not (text.startswith("[") and text.endswith("]")):
        return False
    parts = text[1:-1].split(",")
    if len(parts) < 2 or any(re.fullmatch(r"[+-]?[0-9]*\.?[0-9]+|[+-]?[0-9]+\.", part) is None for part in parts[:2]):
        return False
    return abs(float(parts[0])) <= 180 and abs(float(parts[1])) <= 90


def _fits(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda value: pattern.fullmatch(value) is not None


_RULES: Final[dict[str, tuple[Callable[[str], bool], str]]] = {
    **{name: (_integer(low, high), key) for name, (low, high, key) in _INTEGERS.items()},
    "LETTER": (lambda value: len(value) == 1 and value.isalpha(), "value_not_valid_letter"),
    "NUMBER": (_number, "value_not_numeric"),
    "UNIT_INTERVAL": (_within(1), "value_not_unit_interval"),
    "PERCENTAGE": (_within(100), "value_not_percentage"),
    "BOOLEAN": (lambda value: value.lower() in ("true", "false"), "value_not_bool"),
    "TRUE_ONLY": (lambda value: value.lower() == "true", "value_not_true_only"),
    "DATE": (_date, "value_not_valid_date"),
    "AGE": (_date, "value_not_valid_age"),
    "DATETIME": (_datetime, "value_not_valid_datetime"),
    "TIME": (_fits(_TIME), "value_not_valid_time"),
    "COORDINATE": (_coordinate, "value_not_coordinate"),
    "PHONE_NUMBER": (_fits(_PHONE), "value_not_phone_number"),
    "EMAIL": (_fits(_EMAIL), "value_not_valid_email"),
    "URL": (_fits(_URL), "value_not_url"),
    "USERNAME": (_fits(_USERNAME), "value_not_valid_username"),
    "ORGANISATION_UNIT": (is_uid, "value_not_valid_org_unit_uid"),
    "FILE_RESOURCE": (is_uid, "value_not_valid_file_resource_uid"),
    "IMAGE": (is_uid, "value_not_valid_file_resource_uid"),
}
