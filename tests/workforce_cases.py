"""Invented contracts, and by hand what they come to: each rule of counting persons, and what each switch changes.

`workforce_cases.csv` has a contract on each line, in the order of the extract, with `why` it is there and what it
comes to in the columns `head` (HW: its person is counted here, practising and employed; EMP: employed only),
`occupation`, `sex_option`, `age_option` and `filled` (what its rate adds to posts filled; blank: nothing). These were
written by reasoning from the rules, not by a program. The period is the third quarter of 2026, so the reference date
is 30.09.2026. Facilities are those of examples/metadata/uz_hrh.json, but for 900999, which is nowhere.

`SWITCHES` are the rules turned the other way, each with what differs then, and nothing else.
"""

import copy
import csv
import io
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

UZBEKISTAN = Path(__file__).resolve().parents[1] / "mappings/uzbekistan"
PERIOD = "2026Q3"

Cell = tuple[str, str, str, str]
"""Data element, org unit, option of SEX, option of AGE6; the last two are "" of posts."""

Row = dict[str, str]
Counts = dict[Cell, Decimal]

EXPECTED_COLUMNS = ("case", "head", "occupation", "sex_option", "age_option", "filled", "why")

AGES = {
    "A": "P0Y--P25Y",
    "B": "P25Y--P35Y",
    "C": "P35Y--P45Y",
    "D": "P45Y--P55Y",
    "E": "P55Y--P65Y",
    "F": "P65Y--P999Y",
    "U": "UNK_AGE",
}

# What the cases come to in all, added up by hand: plain 5, internal and external second posts 5, no main job marked 8,
# reference date 6, dismissed 1, substitute 1, one id in two dresses 3, odd ids 7, not known 6, ages 11, codes 13,
# repeated 1, rates 3, unknown facility 1; and employed only: 5 on leave, away, ill or of no status, 1 in research.
HEADS_PRACTISING = 5 + 5 + 8 + 6 + 1 + 1 + 3 + 7 + 6 + 11 + 13 + 1 + 3 + 1
HEADS_EMPLOYED = HEADS_PRACTISING + 5 + 1


def cases() -> list[Row]:
    """The contracts with what they come to, in the order of the extract."""
    with (Path(__file__).resolve().parent / "workforce_cases.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def extract(rows: list[Row], delimiter: str = ";") -> str:
    """The extract that the rows stand in, as a Russian office program writes it."""
    columns = [name for name in cases()[0] if name not in EXPECTED_COLUMNS]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, delimiter=delimiter, extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def facility(row: Row) -> str:
    return f"HRM_{row['org_argos_id']}" + (f"_{row['unit_code']}" if row["unit_code"] else "")


def expected(rows: list[Row]) -> Counts:
    """The counts that the hand-written columns add up to."""
    counts: Counter[Cell] = Counter()
    for row in rows:
        place, occupation = facility(row), row["occupation"]
        for element in {"HW": ("HRH_HW_", "HRH_EMP_"), "EMP": ("HRH_EMP_",), "": ()}[row["head"]]:
            counts[f"{element}{occupation}", place, row["sex_option"], row["age_option"]] += 1
        if row["filled"]:
            counts[f"HRH_POST_FIL_{occupation}", place, "", ""] += Decimal(row["filled"])  # type: ignore[assignment]
    return {cell: Decimal(value) for cell, value in counts.items()}


def mapping() -> dict[str, Any]:
    """The mapping of the cases, as the YAML of a file would give it; each call gives one of its own to change."""
    return copy.deepcopy(_MAPPING)


_MAPPING: dict[str, Any] = {
    "mapping": "workforce-cases",
    "version": 1,
    "data_set": "UZ_HRH_Q",
    "sources": {"staff": {"files": ["staff*"]}, "posts": {"files": ["posts*"]}},
    "columns": {
        "start_date": {"date": "dd.mm.yyyy"},
        "end_date": {"date": "dd.mm.yyyy"},
        "birth_date": {"date": "dd.mm.yyyy"},
        "rate": {"number": ","},
        "posts_approved": {"number": ","},
        "posts_vacant": {"number": ","},
    },
    "org_unit": {"columns": ["org_argos_id", "unit_code"], "code": "HRM_{org_argos_id}[_{unit_code}]", "match": "code"},
    "period": {"given": True, "type": "Quarterly"},
    "workforce": {
        "source": "staff",
        "person": {
            "column": "pinfl",
            "missing": "refuse",
            "name": ["last_name", "first_name", "middle_name"],
            "birth_date": "birth_date",
            "sex": "sex",
            "identity": {
                "digits": 14,
                "check": {"weights": [7, 3, 1], "modulus": 10},
                "sex": {"digit": 1, "odd": "M", "even": "F"},
                "birth": {
                    "day": [2, 3],
                    "month": [4, 5],
                    "year": [6, 7],
                    "century": {
                        "digit": 1,
                        "map": {"1": 1800, "2": 1800, "3": 1900, "4": 1900, "5": 2000, "6": 2000},
                    },
                },
                "not_zero": [[8, 10], [11, 13]],
            },
            "conflict": "refuse",
            "sex_or_birth_differs_from_id": "declared",
        },
        "as_of": "period_end",
        "current": "start_date <= as_of and (end_date is null or end_date >= as_of) and status <> '4'",
        "main_job": {"prefer": "job_kind = '1'", "otherwise": "largest_rate"},
        "rate": "rate",
        "start": "start_date",
        "occupation": {
            "column": "position_code",
            "title": "position_name",
            "crosswalk": "kodp_to_who.csv",
            "otherwise": "first_four_digits",
        },
        "axes": {
            "SEX": {"column": "sex", "map": {"1": "M", "2": "F"}, "unknown": "UNK"},
            "AGE6": {"age": "birth_date", "bands": list(AGES.values())[:-1], "unknown": "UNK_AGE"},
        },
        "measures": [
            {
                "data_element": "HRH_HW_{occupation}",
                "count": "persons",
                "where": "status = '1' and occupation_practising <> 'no'",
                "by": ["SEX", "AGE6"],
                "is": "practising",
            },
            {"data_element": "HRH_EMP_{occupation}", "count": "persons", "by": ["SEX", "AGE6"], "is": "employed"},
            {"data_element": "HRH_POST_FIL_{occupation}", "sum": "rate", "is": "filled"},
            {"data_element": "HRH_POST_APP_{occupation}", "source": "posts", "sum": "posts_approved", "is": "approved"},
            {"data_element": "HRH_POST_VAC_{occupation}", "source": "posts", "sum": "posts_vacant", "is": "vacant"},
        ],
    },
}

POSTS = """
org_argos_id;unit_code;position_code;posts_approved;posts_vacant;why
900101;;2212.113;5;1,5;
900101;;2212.45;1,5;0,25;another position of the same group
900101;;2222.1;2;0;obstetricians are specialists too
900101;;3221.2;10;;vacant not known: nothing to sum, and told
900206;10;3221.15;4;-0,5;more filled than approved
900206;;3221.15;0,25;0,25;the employer itself
900306;;2250.3;3;3;posts of veterinarians are none of the health workforce
900305;;3252.5;1;1;ambiguous
900305;;2212,5;1;1;a damaged code
"""
"""Posts of establishments; what they come to is `EXPECTED_POSTS`, written by hand."""

EXPECTED_POSTS: Counts = {
    ("HRH_POST_APP_2212", "HRM_900101", "", ""): Decimal("8.5"),  # 5 + 1.5 + 2
    ("HRH_POST_APP_3221", "HRM_900101", "", ""): Decimal(10),
    ("HRH_POST_APP_3221", "HRM_900206_10", "", ""): Decimal(4),
    ("HRH_POST_APP_3221", "HRM_900206", "", ""): Decimal("0.25"),
    ("HRH_POST_VAC_2212", "HRM_900101", "", ""): Decimal("1.75"),  # 1.5 + 0.25 + 0
    ("HRH_POST_VAC_3221", "HRM_900206_10", "", ""): Decimal("-0.5"),
    ("HRH_POST_VAC_3221", "HRM_900206", "", ""): Decimal("0.25"),
}

# --- the switches ---

Change = Callable[[dict[str, Any]], None]


def _set(*path: str | int, to: Any) -> Change:
    """Sets a key of `workforce`; None takes it away."""

    def change(whole: dict[str, Any]) -> None:
        block = whole["workforce"]
        for key in path[:-1]:
            block = block[key]
        if to is None:
            del block[path[-1]]
        else:
            block[path[-1]] = to

    return change


def _both(*changes: Change) -> Change:
    def change(whole: dict[str, Any]) -> None:
        for one in changes:
            one(whole)

    return change


def _without_crosswalk(whole: dict[str, Any]) -> None:
    del whole["workforce"]["occupation"]["crosswalk"]
    whole["workforce"]["measures"][0]["where"] = "status = '1'"


def difference(table: str) -> Counts:
    """A table of differences: kinds of element (HW, EMP, FIL with +), group, facility, sex and age (MC), difference.

    `HW+EMP 2211 900104 MC -1` says that one man of 35 to 44 less is counted as practising and as employed; posts have
    no sex and age: `FIL 2211 900104 -0.5`.
    """
    found: Counter[Cell] = Counter()
    for line in filter(None, map(str.strip, table.splitlines())):
        kinds, group, place, *options, number = line.split()
        for kind in kinds.split("+"):
            if kind == "FIL":
                found[f"HRH_POST_FIL_{group}", f"HRM_{place}", "", ""] += Decimal(number)  # type: ignore[assignment]
                continue
            sex, age = ("UNK", options[0][1]) if options[0][0] == "U" else tuple(options[0])
            found[f"HRH_{kind}_{group}", f"HRM_{place}", sex, AGES[age]] += Decimal(number)  # type: ignore[assignment]
    return {cell: Decimal(value) for cell, value in found.items() if value}


SWITCHES: dict[str, tuple[Change, str]] = {
    # Rules 1 and 3: each further place and group that a person works in has a head of its own.
    "persons_at: every_org_unit": (
        _both(
            _set("measures", 0, "persons_at", to="every_org_unit"),
            _set("measures", 1, "persons_at", to="every_org_unit"),
        ),
        """
        HW+EMP 3222 900102 ME +1
        HW+EMP 2212 900103 FC +1
        HW+EMP 2211 900105 MC +1
        HW+EMP 3221 900105 FB +1
        HW+EMP 2212 900101 ME +1
        HW+EMP 2212 900105 FD +1
        HW+EMP 2212 900103 MB +1
        HW+EMP 3221 900206_10 FC +1
        HW+EMP 2211 900103 MF +1
        HW+EMP 2212 900105 FB +1
        HW+EMP 2212 900302 MD +1
        HW+EMP 2212 900104 FB +1
        HW+EMP 2212 900303 FC +1
        HW+EMP 3211 900106 MC +1
        HW+EMP 3221 900305 FC +1
        HW+EMP 2262 900304 MC +1
        HW+EMP 2262 900305 MC +1
        """,
    ),
    # Rule 1: no contract is preferred, the largest rate decides.
    "main_job: without prefer": (
        _set("main_job", "prefer", to=None),
        """
        HW+EMP 2211 900104 MC -1
        HW+EMP 2211 900105 MC +1
        HW+EMP 3221 900106 FB -1
        HW+EMP 3221 900105 FB +1
        HW+EMP 2212 900301 MD -1
        HW+EMP 2212 900302 MD +1
        """,
    ),
    "main_job: otherwise earliest_start": (
        _set("main_job", "otherwise", to="earliest_start"),
        """
        HW+EMP 2212 900103 FB -1
        HW+EMP 2212 900104 FB +1
        """,
    ),
    # Rule 5: those dismissed stay until the end that is written.
    "current: without status": (
        _set("current", to="start_date <= as_of and (end_date is null or end_date >= as_of)"),
        """
        EMP 3221 900303 MC +1
        FIL 3221 900303 +1
        EMP 3221 900303 FC +1
        FIL 3221 900303 +1
        EMP 3221 900303 MB +1
        FIL 3221 900303 +1
        HW+EMP 3221 900302 MB -1
        """,
    ),
    # Rule 5: on the first day of the quarter other contracts run, and some are a year younger.
    "as_of: period_start": (
        _set("as_of", to="period_start"),
        """
        HW+EMP 3221 900301 FB -1
        FIL 3221 900301 -1
        HW+EMP 3221 900301 ME +1
        FIL 3221 900301 +1
        HW+EMP 2212 900301 MC +1
        HW+EMP 2212 900302 MC -1
        FIL 2212 900301 +1
        HW+EMP 3221 900302 MB +1
        FIL 3221 900302 +1
        HW+EMP 3221 900302 FB -1
        FIL 3221 900302 -0.5
        HW+EMP 3221 900206_10 FB -1
        HW+EMP 3221 900206_10 FA +1
        HW+EMP 3221 900206_10 FC -1
        HW+EMP 3221 900206_10 FB +1
        HW+EMP 3221 900206_10 FD -1
        HW+EMP 3221 900206_10 FC +1
        HW+EMP 3221 900206_10 FE -1
        HW+EMP 3221 900206_10 FD +1
        HW+EMP 3221 900206_10 FF -1
        HW+EMP 3221 900206_10 FE +1
        HW+EMP 3213 900106 FC -1
        HW+EMP 3213 900106 FB +1
        """,
    ),
    # Rule 4: those on leave, ill, away, of no status and in research count as practising too.
    "practising: without where": (
        _set("measures", 0, "where", to=None),
        """
        HW 3222 900301 FB +1
        HW 2212 900302 MC +1
        HW 2212 900302 FD +1
        HW 2212 900302 FC +1
        HW 2212 900303 MD +1
        HW 2211 900304 MC +1
        """,
    ),
    # Rule 2: the post of someone on long leave is that of the substitute.
    "filled: without long leave": (
        _set("measures", 2, "where", to="status <> '2'"),
        """
        FIL 3222 900301 -1
        FIL 2212 900302 -1
        """,
    ),
    # Rule 7: two contracts without an id, one name and birth date: a person, at the main job.
    "missing: name_and_birth": (
        _set("person", "missing", to="name_and_birth"),
        "HW+EMP 2211 900104 MD +1",
    ),
    "conflict: first": (
        _set("person", "conflict", to="first"),
        """
        HW+EMP 3221 900103 MD +1
        HW+EMP 3221 900103 FC +1
        HW+EMP 3212 900105 MC +1
        """,
    ),
    # Where the id decides, sexes and birth dates of one id are in conflict no more; names still are.
    "sex_or_birth_differs_from_id: identity": (
        _set("person", "sex_or_birth_differs_from_id", to="identity"),
        """
        HW+EMP 3213 900106 FC -1
        HW+EMP 3213 900106 MC +1
        HW+EMP 3213 900106 ME -1
        HW+EMP 3213 900106 MC +1
        HW+EMP 3221 900103 FC +1
        HW+EMP 3212 900105 MC +1
        """,
    ),
    "SEX: unknown is refused": (
        _set("axes", "SEX", "unknown", to=None),
        "HW+EMP 3221 900206 UD -2",
    ),
    "AGE6: unknown is refused": (
        _set("axes", "AGE6", "unknown", to=None),
        """
        HW+EMP 3221 900206 MU -3
        HW+EMP 3221 900206 FU -1
        """,
    ),
    "occupation: otherwise refuse": (
        _set("occupation", "otherwise", to="refuse"),
        """
        HW+EMP 2212 900304 MC -1
        FIL 2212 900304 -1
        HW+EMP 2240 900304 FC -1
        FIL 2240 900304 -1
        """,
    ),
    # What the crosswalk is worth: without it obstetricians are midwives, and veterinarians count.
    "occupation: first four digits of all": (
        _without_crosswalk,
        """
        HW+EMP 2211 900301 MC -1
        FIL 2211 900301 -1
        HW+EMP 2263 900301 MC +1
        FIL 2263 900301 +1
        HW+EMP 3251 900301 FC -1
        FIL 3251 900301 -1
        HW+EMP 2212 900301 FC +1
        FIL 2212 900301 +1
        HW+EMP 2250 900306 MC +1
        FIL 2250 900306 +1
        HW+EMP 2250 900306 FC +1
        FIL 2250 900306 +1
        HW+EMP 3221 900305 FC -1
        HW+EMP 3252 900305 MC +1
        FIL 3252 900305 +1
        HW+EMP 3252 900304 FC +1
        FIL 3252 900304 +1
        HW+EMP 3221 900304 FC +1
        FIL 3221 900304 +1
        HW 2211 900304 MC +1
        HW+EMP 2212 900302 FC -2
        FIL 2212 900302 -2
        HW+EMP 2222 900302 FC +1
        FIL 2222 900302 +1
        HW+EMP 2267 900302 FC +1
        FIL 2267 900302 +1
        """,
    ),
    # Contracts instead of persons: whoever holds them, and each with the sex and the birth date that it says.
    "count: contracts": (
        _both(_set("measures", 0, "count", to="contracts"), _set("measures", 1, "count", to="contracts")),
        """
        HW+EMP 2212 900102 FD +1
        HW+EMP 3222 900102 ME +1
        HW+EMP 2212 900103 FC +1
        HW+EMP 2211 900105 MC +1
        HW+EMP 3221 900105 FB +1
        HW+EMP 2212 900101 ME +1
        HW+EMP 2212 900105 FD +1
        HW+EMP 2212 900103 MB +1
        HW+EMP 3221 900206_10 FC +1
        HW+EMP 2211 900103 MF +1
        HW+EMP 2212 900105 FB +1
        HW+EMP 2212 900301 MD +1
        HW+EMP 2212 900302 MD +1
        HW+EMP 2212 900104 FB +1
        HW+EMP 2212 900303 FC +1
        HW+EMP 2211 900104 MD +1
        HW+EMP 2211 900105 MD +1
        HW+EMP 3221 900104 FU +1
        HW+EMP 3221 900103 MD +1
        HW+EMP 3221 900104 MD +1
        HW+EMP 3221 900103 FC +1
        HW+EMP 3221 900103 MC +1
        HW+EMP 3212 900105 MC +1
        HW+EMP 3212 900106 MB +1
        HW+EMP 3211 900106 MC +1
        HW+EMP 3252 900105 UU +1
        HW+EMP 3221 900106 MC +1
        HW+EMP 3221 900106 FC +1
        HW+EMP 3221 900305 FC +1
        HW+EMP 2221 900303 FC +1
        HW+EMP 2262 900304 MC +1
        HW+EMP 2262 900305 MC +1
        """,
    ),
}
