"""The crosswalk of positions: an answer for every code, the answers that were reasoned out, and no title two ways."""

import csv
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

UZBEKISTAN = Path(__file__).resolve().parents[1] / "mappings/uzbekistan"
ROWS = list(csv.DictReader((UZBEKISTAN / "kodp_to_who.csv").read_text(encoding="utf-8").splitlines()))
BY_CODE = {row["code"]: row for row in ROWS}
POSITIONS = [row for row in ROWS if "." in row["code"]]

WHO_GROUPS = {
    *("1342", "1343", "2211", "2212", "2221", "2222", "2230", "2240"),
    *("2261", "2262", "2263", "2264", "2265", "2266", "2267", "2269"),
    *("3211", "3212", "3213", "3214", "3221", "3222", "3230"),
    *("3251", "3252", "3253", "3254", "3255", "3256", "3257", "3258", "3259"),
    *("3344", "5321", "5322", "5329"),
}

# By hand: positions under a heading, less those that leave it, and those that come to it.
POSITIONS_OF_A_GROUP = {
    "1342": 22,
    "1343": 3,
    "2211": 12 - 2 + 2,  # without .9 and .10, with the rural and the family doctor
    "2212": 173 - 6 + 8 + 3 + 3 + 2 + 10 + 1 + 1,  # all of 2222 and 2267, doctors of 2264 to 2266, 2221.2, 2211.10
    "2221": 6 - 2,
    "2240": 1 + 1 + 1 + 6,  # feldshers of 3212, 3255, 3256 and 3258
    "2261": 15 + 1,
    "2262": 21 + 1,
    "2263": 12 - 4,
    "2264": 9 - 3 - 1,
    "2265": 8 - 3,
    "2266": 7 - 2,
    "2269": 3 - 2 + 2,
    "3211": 3 + 2,
    "3212": 8 - 4 + 5,
    "3213": 6 - 2,
    "3214": 3 + 3 + 1,
    "3221": 19 - 2 + 3,
    "3222": 3 + 1,
    "3230": 2,
    "3251": 4 - 3 + 3,
    "3252": 5 - 1,
    "3253": 1,
    "3255": 5 - 2 + 1,
    "3256": 3 - 2 + 1,
    "3257": 7 - 2 + 8,
    "3259": 17 - 11 + 1,
    "3344": 3 - 1,
    "5321": 6 - 2 + 1,
    "5322": 2,
    "5329": 1,
    "exclude": 10 + 6 + 7 + 7,  # 2250, 3240 and 1344, and seven that are no health professions
    "ambiguous": 2,
}


def answers(*codes: str) -> set[str]:
    return {BY_CODE[code]["report_as"] for code in codes}


def under(heading: str) -> list[str]:
    return [row["code"] for row in POSITIONS if row["code"].startswith(f"{heading}.")]


def test_every_code_of_the_national_list_has_one_answer(shared: Path) -> None:
    with (shared / "reference/uzbekistan/health_positions.csv").open(encoding="utf-8", newline="") as file:
        listed = [row["code"] for row in csv.DictReader(file)]
    assert len(listed) == 474
    assert sorted(BY_CODE) == sorted(listed)
    assert len(ROWS) == len(BY_CODE)


def test_an_answer_is_a_who_group_an_exclusion_or_a_listed_ambiguity() -> None:
    for row in ROWS:
        assert row["report_as"] in WHO_GROUPS | {"exclude", "ambiguous"}, row["code"]
        assert bool(row["choices"]) == (row["report_as"] == "ambiguous"), row["code"]
        assert set(row["choices"].split("|")) <= WHO_GROUPS | {"exclude", ""}, row["code"]
        assert bool(row["group"]) == (row["report_as"] in WHO_GROUPS), row["code"]
        assert row["practising"] == ("" if row["report_as"] == "exclude" else row["practising"] or "?"), row["code"]


def test_positions_by_answer_are_as_many_as_reckoned_by_hand() -> None:
    assert Counter(row["report_as"] for row in POSITIONS) == POSITIONS_OF_A_GROUP
    assert len(POSITIONS) == sum(POSITIONS_OF_A_GROUP.values()) == 437


def test_codes_by_kind() -> None:
    def kind(row: dict[str, str]) -> str:
        return row["report_as"] if row["report_as"] not in WHO_GROUPS else str(row["report_as"] == row["code"][:4])

    assert Counter(map(kind, POSITIONS)) == {"True": 332, "False": 73, "exclude": 30, "ambiguous": 2}
    headings = [row for row in ROWS if "." not in row["code"]]
    assert Counter(map(kind, headings)) == {"True": 11, "False": 4, "exclude": 2, "ambiguous": 20}


def test_what_is_not_its_first_four_digits_says_why() -> None:
    for row in ROWS:
        own = row["report_as"] in {row["code"][:4], "ambiguous"}
        assert own or row["why"], row["code"]
        assert row["report_as"] != "ambiguous" or row["why"] or row["policy"], row["code"]


def test_the_overrides_that_were_asked_for() -> None:
    assert answers("2222.1", "2222.2", "2222.3", "2222.4") == {"2212"}
    assert answers("2263.1") == {"2211"}
    assert answers("2264.1", "2264.2", "2264.3", "2265.1", "2265.2", "2265.3", "2266.1", "2266.2") == {"2212"}
    assert answers(*(f"2267.{number}" for number in range(1, 7))) == {"2212"}
    assert answers("2263.8") == {"2263"}
    assert answers("2221.2") == {"2212"}
    assert answers("2211.2", "2211.3") == {"2211"}
    assert answers("3256.2", *under("3258"), "3255.4", "3212.7") == {"2240"}
    assert answers("3252.5") == {"ambiguous"}
    assert BY_CODE["3252.5"]["choices"] == "2240|3252"
    assert answers("2221.3") == {"2221"}
    assert answers("3214.1", "3251.2") == {"3214"}
    asked = ["2211.2", "2211.3", "2263.2", "2263.3", "3256.2", "3255.4", "3212.7", "3252.5", *under("3258")]
    assert [code for code in asked if not BY_CODE[code]["policy"]] == []


def test_veterinarians_never_count() -> None:
    assert answers(*under("2250"), *under("3240")) == {"exclude"}
    titled = [row for row in ROWS if re.search("ветеринар|зоотехник", row["title_ru"].lower()) and "." in row["code"]]
    assert len(titled) >= 11
    assert {row["report_as"] for row in titled} == {"exclude"}


@pytest.mark.parametrize("word", ["акушер-гинеколог", "офтальмолог", "офтальмохирург"])
def test_doctors_of_women_and_eyes_are_specialists(word: str) -> None:
    titled = [row for row in POSITIONS if re.search(word, row["title_ru"].lower())]
    assert titled
    assert {(row["report_as"], row["group"]) for row in titled} == {("2212", "doctors")}


def test_a_title_of_a_doctor_counts_as_one() -> None:
    """But for dentists, and for interns and specialists of the group that holds the rural doctors too."""
    titled = [row for row in POSITIONS if re.match("врач", row["title_ru"].lower())]
    others = {row["code"]: row["group"] for row in titled if row["group"] != "doctors"}
    assert len(titled) > 180
    assert {code: group for code, group in others.items() if group != "dentists"} == {
        "2250.6": "",
        "2263.2": "environmental",
        "2263.3": "environmental",
    }
    assert {code for code, group in others.items() if group == "dentists"} == {*under("2261")[:11], "2212.86"}


def test_a_nurse_counts_as_one() -> None:
    titled = [row for row in POSITIONS if re.search("медицинская сестра|диетсестра", row["title_ru"].lower())]
    others = {row["code"] for row in titled if row["group"] != "nursing"}
    assert len(titled) == 24
    assert others == {"1342.1", "3252.1", "5321.2"}  # the chief nurse, the nurse at statistics, the junior nurse


def test_research_staff_are_not_practising_and_nobody_else_is_so_marked() -> None:
    scientists = {row["code"] for row in POSITIONS if re.search("научн", row["title_ru"].lower())}
    marked = {row["code"] for row in ROWS if row["practising"] == "no"}
    assert marked == {code for code in scientists if not code.startswith("2250.")}
    assert len(marked) == 4 * 9 + 3


def test_one_title_has_one_answer_but_where_the_heading_makes_the_difference() -> None:
    """`Researcher`, `intern` and `specialist` are of their heading; the bare feldsher of records is ambiguous."""
    found = defaultdict(set)
    for row in POSITIONS:
        if not re.search("научн|интерн|врач-специалист|социального обслуживания", row["title_ru"].lower()):
            found[row["title_ru"].lower()].add(row["report_as"])
    assert {title: seen for title, seen in found.items() if len(seen) > 1} == {"фельдшер": {"2240", "ambiguous"}}


def test_a_heading_has_the_answer_that_its_positions_share() -> None:
    for row in ROWS:
        if "." not in row["code"] and row["report_as"] != "ambiguous":
            assert answers(*under(row["code"])) == {row["report_as"]}, row["code"]


def test_titles_hold_letters_of_one_script() -> None:
    for row in ROWS:
        assert not re.search("[а-яё]", row["title_uz"].lower()), row["code"]
        assert not re.search("[a-z]", row["title_ru"].lower()), row["code"]
        assert row["title_uz"].strip() == row["title_uz"] != ""


def test_the_figures_in_the_description_are_those_of_the_file() -> None:
    text = (UZBEKISTAN / "README.md").read_text(encoding="utf-8")
    assert "437 codes are positions and 37 are headings of groups. Of the positions 332 count" in text
    assert len(ROWS) - len(POSITIONS) == 37
