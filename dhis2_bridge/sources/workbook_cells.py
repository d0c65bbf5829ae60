"""The kinds of value that the cells of a workbook hold, and the text that each becomes."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

LAST_ROW: Final = 1_048_576
LAST_COLUMN: Final = 16_384

# A spreadsheet keeps 15 significant digits of a number and shows no more; the binary fraction behind it has 17.
_DIGITS: Final = 15
_FIRST_WITH_DIGITS_LOST: Final = 10.0**_DIGITS

# Most figures of a form are small counts.
_COUNTS: Final = {float(number): str(number) for number in range(1000)}
_MEMO: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Fault:
    """A cell whose content cannot be known: the code of its finding and what stands in the file."""

    code: str
    found: str


class Padded(float):
    """A number whose format fills it up with zeros to `zeros` digits: 123 shown as 00123."""

    zeros: int

    def __new__(cls, number: float, zeros: int) -> "Padded":  # noqa: D102
        padded = super().__new__(cls, number)
        padded.zeros = zeros
        return padded

    def filled(self, text: str) -> str:
        """The text of the number as its format shows it; one with a sign or a fraction is left as it is."""
        return text.zfill(self.zeros) if text.isdecimal() else text


Value = str | float | bool | int | date | datetime | time | timedelta | Fault
"""What a cell holds: a text ("" where blank), a number, a truth value, a date, a time of day, a duration, a fault."""


@dataclass(slots=True)
class Cells:
    """The cells of one sheet as the file types them; places count from 1.

    `rows` are the rows from `first_row` on, each from `first_column` on.
    """

    rows: Iterable[list[Any]]
    first_row: int = 1
    first_column: int = 1
    merged: tuple[tuple[int, int, int, int], ...] = ()
    hidden_rows: frozenset[int] = frozenset()
    hidden_columns: frozenset[int] = frozenset()


class Texts(dict[float, str]):
    """The texts of values, remembering those of ordinary numbers.

    `odd` becomes true when a value other than a text or an ordinary number is met, so that its row is looked at again
    for what has to be told of it.
    """

    def __init__(self) -> None:
        super().__init__(_COUNTS)
        self.odd = False

    def __missing__(self, number: float) -> str:
        text, code = number_text(number)
        if code:
            self.odd = True
            return "" if code in FAULTS else text
        if len(self) >= _MEMO:
            self.clear()
        self[number] = text
        return text

    def row(self, values: list[Any]) -> list[str]:
        """The texts of one row."""
        other = self.other
        return [
            value if value.__class__ is str else self[value] if value.__class__ is float else other(value)
            for value in values
        ]

    def other(self, value: Value) -> str:
        """The text of a value that is neither a text nor an ordinary number."""
        self.odd = True
        if isinstance(value, Fault):
            return ""
        if isinstance(value, Padded):
            return value.filled(self[float(value)])
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return self[float(value)]
        if isinstance(value, timedelta):
            return _duration_text(value)
        return _moment_text(value) if isinstance(value, (date, time)) else str(value)


FAULTS: Final = frozenset({"cell.error", "cell.digits_lost"})
"""Codes of `number_text` that leave a cell without a text."""


def number_text(number: float) -> tuple[str, str | None]:
    """A number as plain digits with at most 15 that count, never with an exponent; and the code of what is to be told.

    `cell.float_noise` where digits beyond the 15th were cut off (0.30000000000000004 is 0.3); `cell.digits_lost` for a
    whole number of 16 digits and more, whose last digits a spreadsheet replaces by zeros when they are typed, so that
    what was meant cannot be known; `cell.error` for what is no number (NaN). The text of the last two is what stands
    in the file.
    """
    text = repr(number)
    if len(text) <= _DIGITS + 1 and "e" not in text and "n" not in text:
        # The shortest text that is read as the same number has no more digits than count.
        return text.removesuffix(".0") if number else "0", None
    if not math.isfinite(number):
        return text, "cell.error"
    if abs(number) >= _FIRST_WITH_DIGITS_LOST:
        return (str(int(number)) if abs(number) < 1e21 else text), "cell.digits_lost"
    rounded = f"{Decimal(f'{number:.{_DIGITS}g}'):f}"
    return rounded, None if float(rounded) == number else "cell.float_noise"


def moment(serial: float, kind: str, epoch: int) -> Value:
    """The date, time of day or duration that a number stands for under a format of this kind.

    The rules are calamine's, so that a sheet reads the same whichever of the two readers it takes: a whole number is
    a date, one below 1 a time of day, to the millisecond; 1900-02-29, which never was, is 28 February; a number beyond
    the year 9999 stays a number.
    """
    try:
        if kind == "duration":
            return timedelta(milliseconds=math.floor(serial * 86_400_000 + 0.5))
        days = serial + 1462 if epoch == 1904 else serial
        days = days if days >= 60 else days + 1
        when = datetime(1899, 12, 30) + timedelta(milliseconds=math.floor(days * 86_400_000 + 0.5))
    except OverflowError:
        return serial
    if serial < 1:
        return when.time()
    return when.date() if serial.is_integer() else when


def _moment_text(moment: date | time) -> str:
    """ISO text; midnight leaves the date alone, and a fraction of a second is written where there is one."""
    if isinstance(moment, datetime):
        if moment.time() == time():
            return moment.date().isoformat()
        return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    if isinstance(moment, time):
        return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return moment.isoformat()


def _duration_text(duration: timedelta) -> str:
    """Hours, minutes and seconds, the hours running on: 36:30:00 for a day and a half and half an hour."""
    milliseconds = round(duration.total_seconds() * 1000)
    sign = "-" if milliseconds < 0 else ""
    seconds, fraction = divmod(abs(milliseconds), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02}:{seconds:02}" + (f".{fraction:03}" if fraction else "")


def column_number(letters: str) -> int:
    """The number of a column, from 1: A is 1, AA is 27."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def column_letters(number: int) -> str:
    """The letters that a spreadsheet shows above a column."""
    letters = ""
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters
