"""A slow second opinion on counting persons: the rules as sentences of plain Python, one row after the other.

It shares nothing with the program but the crosswalk of positions: no data frame, no predicate, no mapping. A row is a
dictionary of texts with the columns of the argos-style extract.
"""

import csv
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal

from workforce_cases import AGES, UZBEKISTAN, Counts, Row, facility

BANDS = [band for band in AGES.values() if band.startswith("P")]
BOUNDS = ((0, 25), (25, 35), (35, 45), (45, 55), (55, 65), (65, 121))
WEIGHTS = (7, 3, 1)


@dataclass(frozen=True)
class Rules:
    """The rules and their defaults, with which the hand-made cases are counted."""

    as_of: date = date(2026, 9, 30)
    dismissed_count: bool = False
    prefer_main: bool = True
    earliest_start_first: bool = False
    every_org_unit: bool = False
    count_contracts: bool = False
    practising: Callable[[Row, str], bool] = lambda row, practises: row["status"] == "1" and practises != "no"
    fills_a_post: Callable[[Row], bool] = lambda row: True
    name_and_birth: bool = False
    first_of_a_conflict: bool = False
    identity_wins: bool = False
    unknown_sex: str | None = "UNK"
    unknown_age: str | None = "UNK_AGE"
    leap_day: Literal["march_1", "february_28"] = "march_1"
    four_digits: bool = True
    crosswalk: bool = True


def crosswalk() -> dict[str, Row]:
    with (UZBEKISTAN / "kodp_to_who.csv").open(encoding="utf-8", newline="") as file:
        return {row["code"]: row for row in csv.DictReader(file)}


POSITIONS = crosswalk()


def day(text: str) -> date | None:
    found = re.fullmatch(r"(\d\d)\.(\d\d)\.(\d{4})", text)
    try:
        return date(int(found[3]), int(found[2]), int(found[1])) if found else None
    except ValueError:
        return None


def number(text: str) -> Decimal | None:
    try:
        return Decimal(text.replace(",", ".")) if re.fullmatch(r"\d+(,\d+)?", text) else None
    except InvalidOperation:
        return None


LATIN = str.maketrans("абвгдезийклмнопрстуфхў", "abvgdeziyklmnoprstufxo")
LOOKALIKES = str.maketrans("АВЕКМНОРСТХаеорсх", "ABEKMHOPCTXaeopcx")


def dress(name: str) -> str:
    """A name without capitals, apostrophes and look-alikes."""
    name = unicodedata.normalize("NFC", name)
    letters = [c for c in name if c.isalpha()]
    if any(c.isascii() for c in letters):
        name = name.translate(LOOKALIKES)
    return re.sub(r"[^\w ]", "", name.lower().translate(LATIN).replace("ʻ", "").replace("ʼ", ""))


def resolved(row: Row, rules: Rules) -> tuple[str, str]:
    """What the position counts for (a group, `exclude`, or "" where it is refused), and whether it practises."""
    code = row["position_code"].strip()
    if rules.crosswalk and code in POSITIONS:
        answer = POSITIONS[code]["report_as"]
        return ("" if answer == "ambiguous" else answer), POSITIONS[code]["practising"]
    if not re.fullmatch(r"\d{4}(\.\d{1,4})?", code):
        return "", ""
    return (code[:4] if rules.four_digits else ""), ""


def told(pinfl: str) -> tuple[str, date] | None:
    """Sex and birth date that a sound id tells."""
    if not re.fullmatch(r"\d{14}", pinfl) or pinfl[7:10] == "000" or pinfl[10:13] == "000":
        return None
    digits = [int(digit) for digit in pinfl]
    if sum(d * WEIGHTS[i % 3] for i, d in enumerate(digits[:13])) % 10 != digits[13] or not 1 <= digits[0] <= 6:
        return None
    year = 1800 + (digits[0] - 1) // 2 * 100 + int(pinfl[5:7])
    born = day(f"{pinfl[1:3]}.{pinfl[3:5]}.{year}")
    return ("M" if digits[0] % 2 else "F", born) if born else None


def completed_years(born: date, on: date, leap_day: str = "march_1") -> int:
    birthday = (born.month, born.day)
    leap = on.year % 4 == 0 and (on.year % 100 != 0 or on.year % 400 == 0)
    if birthday == (2, 29) and not leap:
        birthday = (3, 1) if leap_day == "march_1" else (2, 28)
    return on.year - born.year - ((on.month, on.day) < birthday)


@dataclass
class Contract:
    """A current contract with what is asked of it."""

    row: Row
    place: int
    sex: str | None
    born: date | None
    group: str
    practises: str
    rate: Decimal | None
    start: date | None

    @property
    def unit(self) -> str:
        return facility(self.row)

    def cell(self, element: str, rules: Rules) -> tuple[str, str, str, str] | None:
        sex = self.sex or rules.unknown_sex
        age = rules.unknown_age
        if self.born is not None:
            years = completed_years(self.born, rules.as_of, rules.leap_day)
            for band, (least, most) in zip(
                BANDS, ((0, 25), (25, 35), (35, 45), (45, 55), (55, 65), (65, 121)), strict=True
            ):
                age = band if least <= years < most else age
        return None if sex is None or age is None else (element + self.group, self.unit, sex, age)


def current(rows: Iterable[Row], rules: Rules) -> list[Contract]:
    found = []
    for place, row in enumerate(rows):
        start, end = day(row["start_date"]), day(row["end_date"])
        if start is None or start > rules.as_of:
            continue
        if row["end_date"] and (end is None or end < rules.as_of):
            continue
        if row["status"] == "4" and not rules.dismissed_count:
            continue
        group, practises = resolved(row, rules)
        sex = {"1": "M", "2": "F"}.get(row["sex"])
        found.append(Contract(row, place, sex, day(row["birth_date"]), group, practises, number(row["rate"]), start))
    return found


def person_of(contract: Contract, rules: Rules) -> str | None:
    """Who holds the contract; None where that cannot be told."""
    row = contract.row
    if row["pinfl"]:
        return None if re.fullmatch(r"\d+([.,]\d+)?[eE]\+?\d+", row["pinfl"]) else row["pinfl"]
    named = [dress(row[name]) for name in ("last_name", "first_name", "middle_name")]
    if not rules.name_and_birth or contract.born is None or not any(named):
        return None
    return " ".join(named) + contract.born.isoformat()


def persons(contracts: list[Contract], rules: Rules) -> dict[str, list[Contract]]:
    """The contracts of each person, without those of one id that are two persons."""
    held: dict[str, list[Contract]] = defaultdict(list)
    for contract in contracts:
        by_id = told(contract.row["pinfl"]) if rules.identity_wins else None
        if by_id:
            contract.sex = contract.sex and by_id[0]
            contract.born = contract.born and by_id[1]
        person = person_of(contract, rules)
        if person is not None:
            held[person].append(contract)
    if not rules.first_of_a_conflict:
        held = {person: own for person, own in held.items() if not in_conflict(own)}  # type: ignore[assignment]
    return held


def in_conflict(own: list[Contract]) -> bool:
    said: list[set[object]] = [{one.sex for one in own}, {one.born for one in own}]
    said += [{dress(one.row[name]) for one in own} for name in ("last_name", "first_name", "middle_name")]
    return any(len(texts - {None, ""}) > 1 for texts in said)


def precedence(one: Contract, rules: Rules) -> tuple[object, ...]:
    """What decides at which contract a person is counted: the least of all. Blank texts come last."""
    rate = (one.rate is None, -(one.rate or 0))
    start = (one.start is None, one.start or date.max)
    by = (start, rate) if rules.earliest_start_first else (rate, start)
    preferred = rules.prefer_main and one.row["job_kind"] == "1"
    texts = (one.row["position_code"].strip(), *(one.row[name] for name in sorted(one.row)))
    unit = (one.row["org_argos_id"], one.row["unit_code"])
    return (not preferred, *by, unit, [(text == "", text) for text in texts])


def count(rows: Iterable[Row], rules: Rules | None = None) -> Counts:
    """Persons practising and employed by org unit, group, sex and age, and the posts that they fill."""
    rules = rules or Rules()
    contracts = current(rows, rules)
    counts: Counter[tuple[str, str, str, str]] = Counter()
    heads = []
    for own in persons(contracts, rules).values():
        # What is no job of the health workforce is nobody's main job.
        ours = sorted((one for one in own if one.group != "exclude"), key=lambda one: precedence(one, rules))
        heads += ours if rules.every_org_unit else ours[:1]
    if rules.count_contracts:
        heads = contracts
    for element, counts_here in (
        ("HRH_HW_", lambda one: rules.practising(one.row, one.practises)),
        ("HRH_EMP_", lambda one: True),
    ):
        seen = set()
        for one in heads:
            cell = one.cell(element, rules)
            once = (one.unit, one.group, person_of(one, rules)) if rules.every_org_unit else one.place
            if one.group in {"", "exclude"} or not counts_here(one) or cell is None or once in seen:
                continue
            seen.add(once)
            counts[cell] += 1
    for one in contracts:
        if one.group not in {"", "exclude"} and one.rate is not None and rules.fills_a_post(one.row):
            counts["HRH_POST_FIL_" + one.group, one.unit, "", ""] += one.rate  # type: ignore[assignment]
    return {cell: Decimal(value) for cell, value in counts.items()}


def differences(one: Mapping[tuple[str, str, str, str], Decimal], other: Counts) -> Counts:
    """What the other counts have more; cells that are the same are not there."""
    return {
        cell: other.get(cell, Decimal(0)) - one.get(cell, Decimal(0))
        for cell in one.keys() | other.keys()
        if other.get(cell, Decimal(0)) != one.get(cell, Decimal(0))
    }


def read(path: Path, delimiter: str = ";") -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))
