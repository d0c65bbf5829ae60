"""The invented staff of Fergana region: 2,000 contracts in the style of an argos extract, and the posts of facilities.

Made by a seeded generator, the same in every run. Nobody in it exists: family names are the words namuna, sinov, misol
and andoza (sample, trial, example, pattern), first names are numbers, phones begin with zeros. Codes and titles of
positions and SNOMED specialties are from "Uzbekistan Digital Health Platform implementation guide", UZINFOCOM,
CC BY 4.0.
"""

import csv
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from build_hrh_metadata import Workplace, workplaces

CONTRACTS: Final = 2_000
AS_OF: Final = date(2026, 9, 30)
SEED: Final = 20260930

Row = dict[str, str]

COLUMNS: Final = (
    *("row_id", "pinfl", "last_name", "first_name", "middle_name", "sex", "birth_date", "citizenship"),
    *("org_argos_id", "org_stir", "org_name", "unit_code", "unit_name", "soato"),
    *("position_code", "position_name", "specialty_code", "category", "education", "diploma_country", "diploma_year"),
    *("rate", "job_kind", "contract_kind", "start_date", "end_date", "status", "leave_from", "leave_to"),
    *("dismissal_reason", "order_no", "order_date", "license_no", "license_to", "phone", "updated_at"),
)
POST_COLUMNS: Final = (
    *("org_argos_id", "unit_code", "position_code"),
    *("posts_approved", "posts_filled", "posts_vacant", "as_of"),
)

# Position: how common it is in hospitals, emergency care, polyclinics, points, dental clinics and the sanitary service;
# the share of women; the SNOMED specialty.
POSITIONS: Final = {
    "2211.1": ((1, 0, 8, 6, 0, 0), 0.60, "408443003"),
    "2211.2": ((1, 0, 3, 0, 0, 0), 0.70, ""),
    "2212.113": ((6, 3, 4, 0, 0, 1), 0.55, "419192003"),
    "2212.89": ((5, 2, 4, 0, 0, 0), 0.70, ""),
    "2212.130": ((4, 4, 1, 0, 0, 0), 0.15, "394609007"),
    "2212.45": ((3, 2, 1, 0, 0, 0), 0.45, "394579002"),
    "2212.67": ((3, 1, 1, 0, 0, 0), 0.50, "394591006"),
    "2212.5": ((4, 5, 0, 0, 0, 0), 0.30, "394577000"),
    "2212.105": ((0, 10, 0, 0, 0, 0), 0.35, "394576009"),
    "2222.1": ((6, 1, 2, 0, 0, 0), 0.90, "394585009"),
    "2263.1": ((0, 0, 0, 4, 0, 0), 0.50, "394814009"),
    "2267.3": ((1, 0, 1, 0, 0, 0), 0.55, "394594003"),
    "2261.4": ((1, 0, 2, 0, 12, 0), 0.45, "408444009"),
    "2262.5": ((1, 1, 1, 0, 0, 0), 0.70, ""),
    "2221.3": ((3, 2, 3, 0, 0, 0), 0.95, ""),
    "1342.1": ((1, 1, 1, 0, 0, 1), 0.95, ""),
    "3221.2": ((25, 15, 12, 3, 6, 2), 0.95, ""),
    "3221.4": ((0, 0, 14, 10, 0, 0), 0.97, ""),
    "3221.15": ((0, 0, 8, 6, 0, 0), 0.97, ""),
    "3222.1": ((8, 0, 4, 3, 0, 0), 1.00, ""),
    "3258.2": ((0, 12, 1, 2, 0, 0), 0.40, ""),
    "3212.8": ((4, 2, 3, 0, 0, 4), 0.80, ""),
    "3211.1": ((2, 2, 1, 0, 1, 0), 0.60, ""),
    "3213.4": ((1, 1, 1, 0, 0, 0), 0.80, ""),
    "3252.4": ((1, 1, 1, 0, 0, 2), 0.75, ""),
    "5321.6": ((12, 8, 4, 1, 2, 2), 0.80, ""),
}
KINDS: Final = {"II_100": 0, "II_200": 1, "II_300": 2, "STIR_I_30": 2, "STIR_I_60": 3, "dental": 4, "II_800": 5}
SIZES: Final = {"II_100": 41, "II_200": 120, "II_300": 20, "STIR_I_30": 22, "STIR_I_60": 6, "dental": 20, "II_800": 40}
LARGE: Final = {"900301": 200, "900302": 130, "900304": 40}
SHOWN: Final = "1730218"
"""The district whose staff is given in FHIR too: nothing that only a table can get wrong is put there."""

WORDS: Final = ("Namuna", "Sinov", "Misol", "Andoza")


@dataclass
class Person:
    """An invented person."""

    number: int
    sex: str
    born: date
    pinfl: str
    names: tuple[str, str, str]
    citizenship: str
    trained_in: str
    contracts: list[Row] = field(default_factory=list)


def pinfl(sex: str, born: date, area: int, serial: int) -> str:
    """An id with a right check digit: century and sex, birth date, area, serial, weighted sum."""
    century = {18: 1, 19: 3, 20: 5}[born.year // 100] + (sex == "2")
    digits = f"{century}{born:%d%m%y}{area:03}{serial:03}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, (7, 3, 1) * 5, strict=False))
    return f"{digits}{total % 10}"


def written(day: date | None) -> str:
    return f"{day:%d.%m.%Y}" if day else ""


def decimal(number: float | Decimal) -> str:
    return f"{number:f}".rstrip("0").rstrip(".").replace(".", ",") if "." in f"{number:f}" else f"{number:f}"


class Staff:
    """Draws persons and contracts."""

    def __init__(self, titles: dict[str, str]) -> None:
        self.draw = random.Random(SEED)  # noqa: S311 - invented people need no secrecy
        self.titles = titles
        self.places = [one for one in workplaces() if one.code != "HRM_900306"]
        self.sanitary = next(one for one in workplaces() if one.code == "HRM_900306")
        self.persons: list[Person] = []
        self.rows: list[Row] = []

    def kind(self, place: Workplace) -> str:
        return "dental" if place.code == "HRM_900305" else place.type

    def size(self, place: Workplace) -> int:
        return LARGE.get(place.argos, SIZES[self.kind(place)]) if not place.unit else SIZES[self.kind(place)]

    def person(self, sex: str, *, oldest: int = 68) -> Person:
        number = len(self.persons) + 1
        born = AS_OF - timedelta(days=self.draw.randrange(23 * 365, oldest * 365))
        own = pinfl(sex, born, self.draw.randrange(10, 400), number % 900 + 1)
        word = WORDS[number % 4]
        names = (f"{word}ov", f"Raqam {number}", "Sinov oʻgʻli")
        names = names if sex == "1" else (f"{word}ova", f"Raqam {number}", "Sinov qizi")
        abroad = self.draw.random() < 0.02
        made = Person(
            number, sex, born, own, names, "KG" if self.draw.random() < 0.01 else "UZ", "RU" if abroad else "UZ"
        )
        self.persons.append(made)
        return made

    def contract(
        self,
        person: Person,
        place: Workplace,
        code: str,
        rate: float,
        job_kind: str,
        start: date,
        end: date | None = None,
        **more: str,
    ) -> Row:
        """Adds a contract; `more` are columns as they shall stand."""
        is_doctor = code.startswith("22")
        row = dict.fromkeys(COLUMNS, "") | {
            "pinfl": person.pinfl,
            "last_name": person.names[0],
            "first_name": person.names[1],
            "middle_name": person.names[2],
            "sex": person.sex,
            "birth_date": written(person.born),
            "citizenship": person.citizenship,
            "org_argos_id": place.argos,
            "org_stir": place.stir,
            "org_name": self.employer(place),
            "unit_code": place.unit,
            "unit_name": place.uz if place.unit else "",
            "soato": place.soato,
            "position_code": code,
            "position_name": self.titles.get(code, ""),
            "specialty_code": POSITIONS[code][2] if code in POSITIONS else "",
            "category": self.draw.choice("0123"),
            "education": "regis0005.00008" if is_doctor else "regis0005.00006",
            "diploma_country": person.trained_in,
            "diploma_year": str(person.born.year + 24),
            "rate": decimal(rate),
            "job_kind": job_kind,
            "contract_kind": "1",
            "start_date": written(start),
            "end_date": written(end),
            "status": "1",
            "order_no": f"{self.draw.randrange(1, 400)}-k",
            "order_date": written(start),
            "license_no": f"NAMUNA-{person.number:05}" if is_doctor else "",
            "license_to": "31.12.2029" if is_doctor else "",
            "phone": f"+998 00 000 {person.number // 100:02} {person.number % 100:02}",
            "updated_at": "2026-10-02 09:00:00",
        }
        row |= more
        person.contracts.append(row)
        self.rows.append(row)
        return row

    def employer(self, place: Workplace) -> str:
        if not place.unit:
            return place.uz
        return next(one.uz for one in self.places if one.argos == place.argos and not one.unit)

    def since(self, person: Person) -> date:
        """A first day of work: from the age of 22 on, not in the last half-year."""
        first = person.born + timedelta(days=22 * 366)
        last = date(2026, 3, 31)
        return first + timedelta(days=self.draw.randrange(max(1, (last - first).days)))

    def employ(self, place: Workplace) -> None:
        """One person with a main job at the place, and what comes with it."""
        draw = self.draw
        weights = [held[0][KINDS[self.kind(place)]] for held in POSITIONS.values()]
        code = draw.choices(list(POSITIONS), weights)[0]
        person = self.person("2" if draw.random() < POSITIONS[code][1] else "1")
        start = self.since(person)
        rate = draw.choices([1, 0.5, 0.75, 1.25, 1.5, 0.25], [70, 10, 5, 6, 6, 3])[0]
        fate = draw.random()
        if fate < 0.03:
            last = date(2026, 1, 1) + timedelta(days=draw.randrange(260))
            self.contract(
                person, place, code, rate, "1", min(start, date(2025, 12, 1)), last, dismissal_reason="transfer"
            )
            return
        if fate < 0.05:
            self.contract(person, place, code, rate, "1", start, status="4", dismissal_reason="resignation")
            return
        row = self.contract(person, place, code, rate, "1", start)
        if fate < 0.055:
            row["start_date"] = row["order_date"] = "05.10.2026"
        elif fate < 0.10 and person.sex == "2" and person.born.year > 1983:
            self.leave(row, place, code, rate)
        elif fate < 0.12:
            row["status"] = draw.choice("35")
        elif fate < 0.24:
            self.second(person, place, code, start)

    def leave(self, row: Row, place: Workplace, code: str, rate: float) -> None:
        """Long leave, mostly with a substitute."""
        since = date(2025, 9, 1) + timedelta(days=self.draw.randrange(365))
        until = since + timedelta(days=730)
        row |= {"status": "2", "leave_from": written(since), "leave_to": written(until)}
        if self.draw.random() < 0.6:
            substitute = self.person("2", oldest=45)
            self.contract(substitute, place, code, rate, "1", since, until, contract_kind="4")

    def second(self, person: Person, place: Workplace, code: str, start: date) -> None:
        """A second contract, begun after the first: at the same employer, or at another."""
        later = start + timedelta(days=30 + self.draw.randrange(max(1, (date(2026, 8, 1) - start).days)))
        later = min(later, date(2026, 9, 1))
        rate = self.draw.choice([0.25, 0.5, 0.5])
        if self.draw.random() < 0.6:
            self.contract(person, place, code, rate, "2", later)
        else:
            other = self.draw.choice([one for one in self.places if one.argos != place.argos])
            self.contract(person, other, code, rate, "3", later)

    def odd(self) -> None:
        """What goes wrong in such extracts; the README of the examples says what comes of each."""
        where = [one for one in self.places if one.soato != SHOWN and one.type == "II_100"]
        day = date(2020, 1, 15)

        def new(sex: str = "2") -> Person:
            return self.person(sex, oldest=60)

        for place in where[:5]:  # a digit of the id mistyped
            person = new()
            person.pinfl = person.pinfl[:-1] + str((int(person.pinfl[-1]) + 1) % 10)
            self.contract(person, place, "3221.2", 1, "1", day)
        person = new("1")
        digits = pinfl("1", person.born, 0, 7)  # area 000
        self.contract(person, where[0], "2212.113", 1, "1", day, pinfl=digits)
        for place in where[:2]:  # ids that went through a spreadsheet
            self.contract(new(), place, "3221.2", 1, "1", day, pinfl="4,2207E+13")
        for place in where[2:6]:
            self.contract(new(), place, "3221.2", 1, "1", day, pinfl="")
        person = new()  # two people under one id
        self.contract(person, where[6], "3221.2", 1, "1", day)
        self.contract(person, where[7], "3222.1", 0.5, "3", day, last_name="Boshqaova", first_name="Raqam 0")
        person = new("1")
        self.contract(person, where[8], "2212.45", 1, "1", day)
        self.contract(person, where[8], "2212.45", 0.5, "2", day, birth_date="01.01.1980")
        self.contract(new("1"), where[9], "2212,1", 1, "1", day)  # 2212.1, 2212.10 or 2212.100
        self.contract(new("1"), where[9], "2.21E+03", 1, "1", day)
        for place in where[10:12]:
            self.contract(new("1"), place, "3252.5", 1, "1", day)
        for _ in range(3):
            self.contract(new("1"), self.sanitary, "2250.3", 1, "1", day)
        self.contract(new("1"), where[12], "2212.999", 1, "1", day, position_name="Vrach")
        self.contract(new(), where[12], "", 1, "1", day, position_name="Патронажная медицинская сестра")
        self.contract(new(), where[13], "3221.2", 1, "1", day, org_argos_id="900999")
        for place in where[13:16]:
            self.contract(new(), place, "3221.2", 1, "1", day, sex="")
            self.contract(new(), place, "3221.2", 1, "1", day, birth_date="00.00.0000")
        person = new()
        self.contract(person, where[16], "3221.2", 1, "1", day)
        self.contract(person, where[16], "3221.2", 1, "1", day)  # once more
        person = new("1")
        self.contract(person, where[17], "2212.5", 1.5, "1", day)
        self.contract(person, where[16], "2212.5", 1, "3", day)
        self.contract(new(), where[17], "3221.2", 1, "1", day)["rate"] = ""

    def made(self) -> list[Row]:
        """All contracts, sorted by employer as an extract is, and numbered."""
        self.odd()
        places = [place for place in [*self.places, self.sanitary] for _ in range(self.size(place))]
        self.draw.shuffle(places)
        while len(self.rows) < CONTRACTS:
            self.employ(places[len(self.persons) % len(places)])
        del self.rows[CONTRACTS:]
        self.rows.sort(key=lambda row: (row["org_argos_id"], row["unit_code"], row["position_code"], row["pinfl"]))
        for number, row in enumerate(self.rows, start=1):
            row["row_id"] = str(number)
        return self.rows


def titles(mappings: Path) -> dict[str, str]:
    with (mappings / "uzbekistan/kodp_to_who.csv").open(encoding="utf-8", newline="") as file:
        return {row["code"]: row["title_uz"] for row in csv.DictReader(file)}


def staff(mappings: Path) -> list[Row]:
    """The contracts."""
    return Staff(titles(mappings)).made()


def is_current(row: Row) -> bool:
    def day(text: str) -> date | None:
        return date(int(text[6:]), int(text[3:5]), int(text[:2])) if text else None

    start, end = day(row["start_date"]), day(row["end_date"])
    return start is not None and start <= AS_OF and (end is None or end >= AS_OF) and row["status"] != "4"


def posts(rows: list[Row]) -> list[Row]:
    """The posts of each facility and position: filled as the contracts say, approved as invented.

    One in forty has fewer approved than filled. What is no position, and who is not at a known place, has no post.
    """
    draw = random.Random(SEED + 1)  # noqa: S311
    filled: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        known = row["position_code"] in POSITIONS and row["org_argos_id"] != "900999"
        if is_current(row) and known and row["rate"]:
            key = (row["org_argos_id"], row["unit_code"], row["position_code"])
            filled[key] += Decimal(row["rate"].replace(",", "."))
    made = []
    for (argos, unit, code), rates in sorted(filled.items()):
        spare = Decimal(draw.choices(["0", "0.5", "1", "2", "-0.5"], [50, 17, 20, 10, 3])[0])
        approved = max(rates + spare, Decimal("0.25"))
        vacant = max(approved - rates, Decimal(0))
        figures = (approved, rates, vacant)
        made.append(dict(zip(POST_COLUMNS, (argos, unit, code, *map(decimal, figures), written(AS_OF)), strict=True)))
    return made


def population() -> list[Row]:
    """Invented people of each district in two years; the source stands beside the number."""
    from build_metadata import DISTRICTS  # noqa: PLC0415 - the only thing of it here

    draw = random.Random(SEED + 2)  # noqa: S311
    made = []
    for code, (name, _) in DISTRICTS.items():
        people = draw.randrange(90, 320) * 1_000
        for year, grown in ((2025, people), (2026, people * 1_018 // 1_000)):
            source = f"Invented for this example, as of 1 January {year}"
            made.append({"org_unit": code, "name": name, "year": str(year), "population": str(grown), "source": source})
    return made
