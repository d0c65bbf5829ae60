"""Makes the personnel extract of the benchmark, and the mapping that counts it.

One row a contract, twenty columns, every sixth person with a second one. Everybody in it is invented: names are
numbers. Of a thousand rows some are as real registers have them: ids lost in a spreadsheet, missing or mistyped, one id
with two names, blank birth dates and sexes, codes of positions damaged, ambiguous or of no health worker.
"""

import csv
import random
from collections.abc import Iterator
from pathlib import Path

AS_OF = "2026-09-30"
PERIOD = "2026Q3"
UNITS = 6_000
CROSSWALK = Path(__file__).resolve().parent.parent / "mappings" / "uzbekistan" / "kodp_to_who.csv"

COLUMNS = (
    "pinfl", "last_name", "first_name", "middle_name", "sex", "birth_date", "citizenship", "org", "unit", "soato",
    "position_code", "position_name", "education", "rate", "job_kind", "contract_kind", "start_date", "end_date",
    "status", "phone",
)  # fmt: skip

POSITIONS = (
    "2211.1", "2211.2", "2211.7", "2212.113", "2212.89", "2212.130", "2212.45", "2212.67", "2212.5", "2212.105",
    "2222.1", "2263.1", "2267.3", "2261.4", "2262.5", "2221.3", "3221.2", "3221.2", "3221.2", "3221.4", "3221.15",
    "3222.1", "3258.2", "3212.8", "3211.1", "3213.4", "5321.6", "5321.6",
)  # fmt: skip

BANDS = ("P0Y--P25Y", "P25Y--P35Y", "P35Y--P45Y", "P45Y--P55Y", "P55Y--P65Y", "P65Y--P999Y")

MAPPING = f"""
mapping: benchmark-staff
version: 1
data_set: BENCH_HRH
sources: {{staff: staff_*}}
columns:
  birth_date: {{date: dd.mm.yyyy}}
  start_date: {{date: dd.mm.yyyy}}
  end_date: {{date: dd.mm.yyyy}}
  rate: {{number: ","}}
org_unit: {{columns: [org, unit], code: "{{org}}[_{{unit}}]", match: code}}
period: {{given: true, type: Quarterly}}
workforce:
  source: staff
  person:
    column: pinfl
    missing: refuse
    name: [last_name, first_name, middle_name]
    birth_date: birth_date
    sex: sex
    conflict: refuse
    identity:
      digits: 14
      check: {{weights: [7, 3, 1], modulus: 10}}
      sex: {{digit: 1, odd: M, even: F}}
      birth:
        day: [2, 3]
        month: [4, 5]
        year: [6, 7]
        century: {{digit: 1, map: {{"1": 1800, "2": 1800, "3": 1900, "4": 1900, "5": 2000, "6": 2000}}}}
      not_zero: [[8, 10], [11, 13]]
  current: start_date <= as_of and (end_date is null or end_date >= as_of) and status <> '4'
  main_job: {{prefer: job_kind = '1', otherwise: largest_rate}}
  rate: rate
  start: start_date
  occupation: {{column: position_code, title: position_name, crosswalk: kodp_to_who.csv, otherwise: first_four_digits}}
  axes:
    SEX: {{column: sex, map: {{"1": M, "2": F}}, unknown: UNK}}
    AGE6: {{age: birth_date, bands: [{", ".join(BANDS)}], unknown: UNK_AGE}}
  measures:
    - data_element: "HW_{{occupation}}"
      count: persons
      where: status = '1' and occupation_practising <> 'no'
      by: [SEX, AGE6]
      is: practising
    - {{data_element: "EMP_{{occupation}}", count: persons, by: [SEX, AGE6], is: employed}}
    - {{data_element: "FIL_{{occupation}}", sum: rate, is: filled}}
"""


def pinfl(draw: random.Random, sex: int, born: tuple[int, int, int]) -> str:
    """An id with a right check digit."""
    day, month, year = born
    first = (3 if year < 2000 else 5) + (sex == 2)
    digits = f"{first}{day:02}{month:02}{year % 100:02}{draw.randrange(1, 1000):03}{draw.randrange(1, 1000):03}"
    return digits + str(sum(int(digit) * (7, 3, 1)[place % 3] for place, digit in enumerate(digits)) % 10)


def contracts(count: int, seed: int = 3) -> Iterator[list[str]]:
    """So many contracts, those of one person beside one another."""
    draw = random.Random(seed)
    with CROSSWALK.open(encoding="utf-8", newline="") as file:
        titles = {row["code"]: row["title_uz"] for row in csv.DictReader(file)}
    made = number = 0
    while made < count:
        number += 1
        sex = 1 if draw.random() < 0.25 else 2
        born = (draw.randrange(1, 29), draw.randrange(1, 13), draw.randrange(1958, 2004))
        who = [pinfl(draw, sex, born), f"Misolov{number % 9973}", f"Raqam{number % 997}", f"Sinov{number % 499}"]
        written = f"{born[0]:02}.{born[1]:02}.{born[2]}"
        home = draw.randrange(UNITS)
        for job in range(2 if number % 6 == 0 else 1):
            if made == count:
                return
            made += 1
            unit = home if job == 0 or draw.random() < 0.4 else draw.randrange(UNITS)
            position = POSITIONS[draw.randrange(len(POSITIONS))]
            person, sexed, birth = list(who), str(sex), written
            odd = draw.randrange(1_000)
            if odd == 0:
                person[0] = f"{int(person[0]):.2E}"
            elif odd == 1:
                person[0] = ""
            elif odd == 2:
                person[0] = person[0][:-1] + str((int(person[0][-1]) + 1) % 10)
            elif odd == 3 and job:
                person[1] = "Boshqayev"
            elif odd == 4:
                birth = ""
            elif odd == 5:
                sexed = ""
            elif odd in {6, 7, 8, 9}:
                position = ("2212,1", "3252.5", "2250.3", "2212.999")[odd - 6]
            started = draw.randrange(2001, 2027)
            yield [
                *person, sexed, birth, "UZ", f"F{unit // 3:05}", str(unit % 3 or ""), f"1730{unit % 600:03}",
                position, titles.get(position, "Nomsiz"), "regis0005.00008",
                ("1", "1", "1", "0,5", "0,75")[draw.randrange(5)] if job == 0 else ("0,5", "0,25")[draw.randrange(2)],
                "1" if job == 0 else str(draw.randrange(2, 4)), "1",
                f"{draw.randrange(1, 29):02}.{draw.randrange(1, 13):02}.{started}",
                "" if draw.random() < 0.95 else f"31.12.{draw.randrange(2025, 2028)}",
                "1" if draw.random() < 0.93 else str(draw.randrange(2, 6)), f"+998 00 {number:07}",
            ]  # fmt: skip


def prepare(folder: Path) -> None:
    """Writes the mapping and its crosswalk into a folder."""
    (folder / "staff.yaml").write_text(MAPPING, encoding="utf-8")
    (folder / "kodp_to_who.csv").write_bytes(CROSSWALK.read_bytes())


def write(path: Path, count: int) -> None:
    """Writes the extract."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(contracts(count))
