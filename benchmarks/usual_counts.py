"""The usual ways to count a personnel extract, as people write them: a loop of plain Python, and pandas.

Both apply the rules that the benchmark's mapping declares: which contracts are current, one main job a person, ids and
what they tell, one id with two persons, the crosswalk of occupations, sex and age. They know the columns of this one
file, keep no places of rows and write no words. What they give is each count by its cell, and how many warnings and
refusals there were.
"""

import csv
import re
from collections import defaultdict
from datetime import date
from pathlib import Path

import generate_staff

AS_OF = date.fromisoformat(generate_staff.AS_OF)
LOST = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]+")
CODE = re.compile(r"[0-9]{4}(?:\.[0-9]{1,4})?")
CENTURIES = {"1": 1800, "2": 1800, "3": 1900, "4": 1900, "5": 2000, "6": 2000}
UPPER = (25, 35, 45, 55, 65, 121)
SEXES = {"1": "M", "2": "F"}

Cells = dict[tuple[str, str, str, str], float]


def crosswalk(folder: Path) -> dict[str, tuple[str, str]]:
    """Code to what it is reported as and whether it practises."""
    with (folder / "kodp_to_who.csv").open(encoding="utf-8", newline="") as file:
        return {row["code"]: (row["report_as"], row["practising"]) for row in csv.DictReader(file)}


def day(text: str) -> date | None:
    try:
        return date(int(text[6:10]), int(text[3:5]), int(text[:2])) if len(text) == 10 else None
    except ValueError:
        return None


def plain_name(name: str) -> str:
    return name.lower().replace("'", "").replace("ʻ", "").replace("ʼ", "").replace("`", "").strip()


def told_by(pinfl: str) -> tuple[str, date] | str:
    """Sex and birth date of a sound id, or what is wrong with it."""
    if len(pinfl) != 14 or not (pinfl.isascii() and pinfl.isdigit()):
        return "digits"
    total = 0
    for place in range(13):
        total += int(pinfl[place]) * (7, 3, 1)[place % 3]
    if total % 10 != int(pinfl[13]):
        return "check"
    if pinfl[7:10] == "000" or pinfl[10:13] == "000":
        return "zero"
    century = CENTURIES.get(pinfl[0])
    try:
        born = date((century or 0) + int(pinfl[5:7]), int(pinfl[3:5]), int(pinfl[1:3]))
    except ValueError:
        return "birth"
    return ("M" if int(pinfl[0]) % 2 else "F"), born


def band_of(born: date | None) -> str:
    if born is None:
        return "UNK_AGE"
    years = AS_OF.year - born.year - ((AS_OF.month, AS_OF.day) < (born.month, born.day))
    if years < 0:
        return "UNK_AGE"
    return next((band for band, most in zip(generate_staff.BANDS, UPPER, strict=True) if years < most), "UNK_AGE")


def with_plain_python(path: Path) -> tuple[Cells, int]:
    """csv.DictReader and dictionaries."""
    known = crosswalk(path.parent)
    by_person: dict[str, list[tuple[object, ...]]] = defaultdict(list)
    cells: Cells = defaultdict(float)
    noted = 0
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter=";"):
            start, end = day(row["start_date"]), day(row["end_date"])
            if start is None or start > AS_OF or (end is not None and end < AS_OF) or row["status"] == "4":
                continue
            born = day(row["birth_date"])
            sex = SEXES.get(row["sex"])
            rate = float(row["rate"].replace(",", "."))
            unit = row["org"] + (f"_{row['unit']}" if row["unit"] else "")
            code = row["position_code"].strip()
            group, practises = known.get(code, ("", ""))
            if not group and CODE.fullmatch(code):
                group = code[:4]
                noted += 1
            counts = group not in {"", "exclude", "ambiguous"}
            noted += not counts
            noted += (sex is None) + (born is None)
            pinfl = row["pinfl"].strip()
            if not pinfl or LOST.fullmatch(pinfl):
                noted += 1
            else:
                told = told_by(pinfl)
                if isinstance(told, str):
                    noted += 1
                else:
                    noted += (sex is not None and told[0] != sex) + (born is not None and told[1] != born)
                by_person[pinfl].append(
                    (
                        group == "exclude", row["job_kind"] != "1", -rate, start, unit, code, sex, born,
                        row["last_name"], row["first_name"], row["middle_name"], group, practises, row["status"],
                    )
                )  # fmt: skip
            if counts:
                cells[unit, f"FIL_{group}", "", ""] += rate
    for jobs in by_person.values():
        if len(jobs) > 1:
            names = {tuple(plain_name(str(name)) for name in job[8:11]) for job in jobs}
            sexes = {job[6] for job in jobs} - {None}
            births = {job[7] for job in jobs} - {None}
            noted += len({(job[4], job[5], job[3]) for job in jobs}) < len(jobs)
            noted += sum(-job[2] for job in jobs) > 2  # type: ignore[operator, misc]
            if len(names) > 1 or len(sexes) > 1 or len(births) > 1:
                noted += 1
                continue
        main = min(jobs, key=lambda job: job[:6])
        excluded, _, _, _, unit, _, sex, born, _, _, _, group, practises, status = main
        if excluded or group in {"", "ambiguous"}:
            continue
        cell = (str(sex or "UNK"), band_of(born))  # type: ignore[arg-type]
        cells[(str(unit), f"EMP_{group}", *cell)] += 1
        if status == "1" and practises != "no":
            cells[(str(unit), f"HW_{group}", *cell)] += 1
    return cells, noted


def with_pandas(path: Path) -> tuple[Cells, int]:
    """Columns of texts, maps, masks and groupby."""
    import numpy as np
    import pandas as pd

    rows = pd.read_csv(path, sep=";", dtype=str, keep_default_na=False, usecols=[
        "pinfl", "last_name", "first_name", "middle_name", "sex", "birth_date", "org", "unit", "position_code", "rate",
        "job_kind", "start_date", "end_date", "status",
    ])  # fmt: skip
    as_of = pd.Timestamp(AS_OF)
    for name in ("start_date", "end_date", "birth_date"):
        rows[name] = pd.to_datetime(rows[name], format="%d.%m.%Y", errors="coerce")
    rows = rows[
        (rows["start_date"] <= as_of)
        & (rows["end_date"].isna() | (rows["end_date"] >= as_of))
        & (rows["status"] != "4")
    ].reset_index(drop=True)
    rows["rate"] = rows["rate"].str.replace(",", ".").astype(float)
    rows["unit"] = rows["org"].where(rows["unit"] == "", rows["org"] + "_" + rows["unit"])
    rows["sex"] = rows["sex"].map(SEXES)

    known = crosswalk(path.parent)
    codes = rows["position_code"].str.strip()
    distinct = {code: known.get(code) or ((code[:4] if CODE.fullmatch(code) else ""), "") for code in codes.unique()}
    rows["group"] = codes.map({code: group for code, (group, _) in distinct.items()})
    rows["practises"] = codes.map({code: practises for code, (_, practises) in distinct.items()})
    counts = ~rows["group"].isin(["", "exclude", "ambiguous"])
    noted = int((~counts).sum() + (~codes.isin(list(known)) & counts).sum())
    noted += int(rows["sex"].isna().sum() + rows["birth_date"].isna().sum())

    ids = rows["pinfl"].str.strip()
    unusable = (ids == "") | ids.str.fullmatch(LOST.pattern)
    noted += int(unusable.sum())
    shaped = ids.str.fullmatch(r"[0-9]{14}")
    digits = np.array([list(text.encode()) for text in ids[shaped]], dtype=np.int64).reshape(-1, 14) - 48
    weights = np.array([(7, 3, 1)[place % 3] for place in range(13)])
    sound = (digits[:, :13] @ weights) % 10 == digits[:, 13]
    sound &= (digits[:, 7:10].sum(axis=1) > 0) & (digits[:, 10:13].sum(axis=1) > 0)
    century = np.array([0, 1800, 1800, 1900, 1900, 2000, 2000, 0, 0, 0])[digits[:, 0]]
    born = pd.to_datetime(
        pd.DataFrame(
            {
                "year": century + digits[:, 5] * 10 + digits[:, 6],
                "month": digits[:, 3] * 10 + digits[:, 4],
                "day": digits[:, 1] * 10 + digits[:, 2],
            }
        ),
        errors="coerce",
    )
    sound &= born.notna().to_numpy() & (century > 0)
    noted += int((~shaped & ~unusable).sum() + (~sound).sum())
    held = rows.loc[shaped, ["sex", "birth_date"]]
    told_sex = np.where(digits[:, 0] % 2 == 1, "M", "F")
    noted += int((sound & held["sex"].notna().to_numpy() & (held["sex"].to_numpy() != told_sex)).sum())
    noted += int(
        (sound & held["birth_date"].notna().to_numpy() & (held["birth_date"].to_numpy() != born.to_numpy())).sum()
    )

    rows["person"] = ids.where(~unusable)
    persons = rows[rows["person"].notna()]
    many = persons[persons["person"].duplicated(keep=False)].copy()
    for name in ("last_name", "first_name", "middle_name"):
        many[name] = many[name].str.lower().str.replace("['ʻʼ`]", "", regex=True).str.strip()
    differs = many.groupby("person")[["last_name", "first_name", "middle_name", "sex", "birth_date"]].nunique()
    conflicts = differs.index[(differs > 1).any(axis=1)]
    noted += len(conflicts)
    again = many.duplicated(["person", "unit", "position_code", "start_date"])
    noted += int(many[again]["person"].nunique())
    noted += int((many.groupby("person")["rate"].sum() > 2).sum())

    persons = persons[~persons["person"].isin(conflicts)]
    persons = persons.assign(
        excluded=persons["group"] == "exclude", second=persons["job_kind"] != "1", less=-persons["rate"]
    )
    main = persons.sort_values(["excluded", "second", "less", "start_date", "unit", "position_code"]).drop_duplicates(
        "person"
    )
    main = main[~main["group"].isin(["", "exclude", "ambiguous"])].copy()
    birth = main["birth_date"]
    before = (birth.dt.month > as_of.month) | ((birth.dt.month == as_of.month) & (birth.dt.day > as_of.day))
    years = as_of.year - birth.dt.year - before
    main["age"] = (
        pd.cut(years, [-1, *(most - 1 for most in UPPER)], labels=list(generate_staff.BANDS))
        .astype(object)
        .fillna("UNK_AGE")
    )
    main["sex"] = main["sex"].fillna("UNK")
    cells: Cells = {}
    practising = main[(main["status"] == "1") & (main["practises"] != "no")]
    for element, chosen in (("HW", practising), ("EMP", main)):
        for (unit, group, sex, age), number in chosen.groupby(["unit", "group", "sex", "age"]).size().items():
            cells[unit, f"{element}_{group}", sex, age] = number
    for (unit, group), rate in rows[counts].groupby(["unit", "group"])["rate"].sum().items():
        cells[unit, f"FIL_{group}", "", ""] = rate
    return cells, noted
