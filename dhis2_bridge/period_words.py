"""What a text says about a period in Uzbek, Russian, English and with Karakalpak months: years, months, quarters.

Only what is said, not yet which period it is: `dhis2_bridge.periods.read` decides that. Every word has to be known,
since an unknown one may turn the meaning round ("except September"). Words are compared in their Latin key
(`names.latin`), so one table serves both alphabets; Russian words stand in it as that key spells them.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from dhis2_bridge.names import fold, latin


@dataclass(slots=True)
class Said:
    """What a text names. `faults` are (reason, hint) in the order found; a reading with any of them is refused.

    `runs` are lengths in months of figures that count from the start of the year, `cumulative` that the text speaks of
    such figures at all; `state` that it speaks of the state on a day.
    """

    years: set[int] = field(default_factory=set)
    months: set[int] = field(default_factory=set)
    days: set[int] = field(default_factory=set)
    quarters: set[int] = field(default_factory=set)
    halves: set[int] = field(default_factory=set)
    weeks: set[int] = field(default_factory=set)
    runs: set[int] = field(default_factory=set)
    cumulative: bool = False
    state: bool = False
    faults: list[tuple[str, str]] = field(default_factory=list)

    def add_day(self, year: int, month: int, day: int) -> None:
        """Note a date, or the fault of one that no calendar has."""
        self.years.add(year)
        self.months.add(month)
        self.days.add(day)
        if not 1 <= month <= 12:
            self.faults.append(("impossible_date", ""))


@dataclass(slots=True)
class _Token:
    kind: str
    text: str
    number: int = 0


_YEARS: Final = range(1900, 2200)


def _numbered(kind: str, *spellings: str) -> dict[str, tuple[str, int]]:
    """The words of each number from 1, with their meaning."""
    return {word: (kind, number) for number, words in enumerate(spellings, start=1) for word in words.split()}


def _words(kind: str, words: str) -> dict[str, tuple[str, int]]:
    return dict.fromkeys(words.split(), (kind, 0))


# Words that take the endings below. Where two stems fit, the longer one counts.
_STEMS: Final = {
    **_numbered(
        "month",
        "yanvar january",
        "fevral february",
        "mart march",
        "aprel april",
        "may",
        "iyun june",
        "iyul july",
        "avgust august",
        "sentabr sentyabr september",
        "oktabr oktyabr october",
        "noyabr november",
        "dekabr december",
    ),
    **_words("quarter", "chorak chorag kvartal quarter"),
    **_words("half", "yarim yarimyil yarimyillik yarimyillig polugodi half"),
    **_words("week", "hafta nedel week"),
    **_words("run", "oylik oylig"),
    **_words("cumulative", "narastayush"),
    **_words("state", "holat xolat sostoyani"),
    **_words("known", "yil yillik yillig jil jıl god year oy ay mesyats month davr period hisobot xisobot otchet"),
}
# Case endings of Uzbek and Karakalpak, then of Russian. "Until" (-gacha) is left out: it names another stretch of time.
_ENDINGS: Final = _words(
    "ending",
    "i si ı da dan ga ka ni ning gi dagi ida idan iga ini ining idagi sida sidan siga sini sining "
    "a e u yu ya ye ie em yem am om im iy",
)
_EXACT: Final = {
    **_numbered(
        "month",
        "yan yanv jan",
        "fev fevr feb",
        "mar",
        "apr",
        "maya maye mayu mayem",
        "jun",
        "jul",
        "avg aug",
        "sen sent sep sept",
        "okt oct",
        "noy noya noyab nov",
        "dek dec",
    ),
    **_numbered(
        "count",
        "i birinchi perviy pervoye pervogo pervom first",
        "ii ikkinchi vtoroy vtoroye vtorogo vtorom second",
        "iii uchinchi tretiy tretyego tretyem third",
        "iv tortinchi chetvertiy chetvertogo chetvertom fourth",
    ),
    **_words("quarter", "q kv qtr"),
    **_words("half", "h"),
    **_words("week", "w wk ned"),
    **_words("run", "mesyatsev mesyatsa mes months"),
    **_words("cumulative", "boshidan nachala itogom ytd cumulative beginning"),
    **_words("state", "as"),
    **_words("on", "na"),
    **_words("limit", "s c po from since to"),
    # What may stand between a number and its word: 3-й, 1-е, 2-chi, 3rd.
    **_words("ordinal", "y ye e ya go ogo om oy st nd rd th chi nchi inchi"),
    **_words("known", "g gg za v uchun ushın boyicha kora otchetniy otchetnogo godovoy godovaya godovoye godovogo"),
    **_words("known", "for the of in at on report reporting"),
}
_ROMAN: Final = {"ⅰ": "i", "ⅱ": "ii", "ⅲ": "iii", "ⅳ": "iv", "і": "i", "іі": "ii", "ііі": "iii"}
_MOST: Final = {"quarter": 4, "half": 2, "week": 53, "run": 12}

_TOKEN: Final = re.compile(
    r"(?P<figures>[0-9]+(?:[./-][0-9]+)*)|(?P<word>[^\W\d_]+(?:'[^\W\d_]+)*)"
    r"|(?P<between>[\s.,:;()\[\]/\\_'\"«»“”–—-]+)|(?P<other>.)",
    re.DOTALL,
)


def said(text: str) -> Said:
    """What the text says about a period; never raises."""
    found = Said()
    tokens = list(_tokens(fold(text), found))
    kinds = {token.kind for token in tokens}
    taken: set[int] = set()
    for index, token in enumerate(tokens):
        if token.kind == "month":
            found.months.add(token.number)
        elif token.kind == "count" and not _take(tokens, index, taken, found):
            found.faults.append(("loose_number", token.text))
    for index, token in enumerate(tokens):
        if token.kind in {"quarter", "half", "week"} and index not in taken:
            found.faults.append(("no_number", token.text))
    found.cumulative = bool(found.runs) or "cumulative" in kinds
    found.state = bool(found.days) and not kinds.isdisjoint({"state", "on"})
    if "state" in kinds and not found.state:
        found.faults.append(("state_without_day", ""))
    if not found.cumulative and "state" not in kinds:
        found.faults += [("unknown_word", token.text) for token in tokens if token.kind == "limit"]
    return found


def _tokens(text: str, found: Said) -> Iterator[_Token]:
    """The words and lone numbers; dates, months and years in figures go straight to what was found."""
    for match in _TOKEN.finditer(text):
        piece = match[0]
        if match.lastgroup == "figures":
            if len(piece) <= 2:
                yield _Token("count", piece, int(piece))
            else:
                _take_figures(piece, found)
                yield _Token("figures", piece)
        elif match.lastgroup != "between":
            meaning = _meaning(piece) if match.lastgroup == "word" else None
            if meaning is None:
                found.faults.append(("unknown_word", piece))
            else:
                yield _Token(meaning[0], piece, meaning[1])


def _meaning(word: str) -> tuple[str, int] | None:
    word = latin(_ROMAN.get(word, word)).replace("'", "")
    if word in _EXACT:
        return _EXACT[word]
    for end in range(len(word), 1, -1):
        if word[:end] in _STEMS and (end == len(word) or word[end:] in _ENDINGS):
            return _STEMS[word[:end]]
    return None


def _take_figures(piece: str, found: Said) -> None:
    """Years, months and days in figures: 2026, 9.2026, 2026/9, 03.09.2026, 2026-09-03."""
    parts = re.split("[./-]", piece)
    shape = "".join("y" if len(part) == 4 and int(part) in _YEARS else "n" if len(part) <= 2 else "?" for part in parts)
    numbers = [int(part) for part in parts if len(part) <= 4]
    if shape in {"y", "yy"}:
        found.years.update(numbers)
    elif shape in {"ny", "yn"} and 1 <= min(numbers) <= 12:
        found.years.add(max(numbers))
        found.months.add(min(numbers))
    elif shape == "ynn":
        found.add_day(*numbers)
    elif shape == "nny" and piece.count(".") == 2:
        found.add_day(*reversed(numbers))
    elif shape == "nny":
        first, second, year = numbers
        found.faults.append(("day_month_order", _dates((year, second, first), (year, first, second))))
    else:
        found.faults.append(("loose_number", piece))


def _dates(*readings: tuple[int, int, int]) -> str:
    """The readings that the calendar has, in ISO form."""
    days = set()
    for year, month, day in readings:
        with contextlib.suppress(ValueError):
            days.add(date(year, month, day).isoformat())
    return ", ".join(sorted(days))


def _take(tokens: list[_Token], index: int, taken: set[int], found: Said) -> bool:
    """Give a lone number its meaning by the words beside it: 3-chorak, квартал 3, 1 января, September 3."""
    token = tokens[index]
    after, before = _beside(tokens, index, 1), _beside(tokens, index, -1)
    kind_after, kind_before = (None if place is None else tokens[place].kind for place in (after, before))
    numbers_of = {"quarter": found.quarters, "half": found.halves, "week": found.weeks, "run": found.runs}
    for place, kind in ((after, kind_after), (before, kind_before)):
        # "9 months" is a run, "months 9" is nothing.
        if place is not None and place not in taken and kind in numbers_of and (kind, place) != ("run", before):
            taken.add(place)
            numbers_of[kind].add(token.number)
            return 1 <= token.number <= _MOST[kind]
    if not token.text.isdigit() or "month" not in {kind_after, kind_before}:
        return False
    if kind_after != "month" and before is not None and len(token.text) == 2 and not found.years:
        # September 26 is the 26th, or a month of 2026.
        found.faults.append(("short_year", f"{2000 + token.number}{tokens[before].number:02}"))
    else:
        found.days.add(token.number)
    return True


def _beside(tokens: list[_Token], index: int, step: int) -> int | None:
    """The place of the next word on one side that is no ordinal ending."""
    index += step
    while 0 <= index < len(tokens) and tokens[index].kind == "ordinal":
        index += step
    return index if 0 <= index < len(tokens) else None
