"""Counting persons, contracts and posts: each rule, its switch, and laws that hold for any rows."""

import io
import random
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from staff import MAPPING, contract, count, csv_of, drawn, mapping, pinfl, snapshot, workbook_of
from worlds import mapping as form_mapping

import dhis2_bridge
from dhis2_bridge import identities
from dhis2_bridge.findings import UsageError


def replaced(*pairs: tuple[str, str]) -> str:
    """The mapping with texts replaced."""
    text = MAPPING
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


# -- the eight rules ---------------------------------------------------------------------------------------------------


def test_one_person_counts_once_at_the_main_job_and_rates_where_they_are(tmp_path: Path) -> None:
    made = count(
        tmp_path,
        drawn("""
            person | org | position | rate | job_kind
            1      | 101 | 2211.1   | 0.5  | 1
            1      | 102 | 2212.10  | 1    | 3
            2      | 102 | 3221.2   | 1    | 1
        """),
    )
    assert made.values() == {
        "HRH_HW_2211 HRM_101 M P35Y--P45Y": "1",
        "HRH_HW_3221 HRM_102 M P35Y--P45Y": "1",
        "HRH_EMP_2211 HRM_101 M P35Y--P45Y": "1",
        "HRH_EMP_3221 HRM_102 M P35Y--P45Y": "1",
        "HRH_POST_FIL_2211 HRM_101": "0.5",
        "HRH_POST_FIL_2212 HRM_102": "1",
        "HRH_POST_FIL_3221 HRM_102": "1",
    }
    assert made.told("error") == []


@pytest.mark.parametrize(
    ("first", "second", "main"),
    [
        ("101 2 1 01.01.2020", "102 1 0.5 01.01.2022", "HRM_102"),
        ("101 2 0.5 01.01.2020", "102 3 1 01.01.2022", "HRM_102"),
        ("102 1 1 02.01.2020", "101 1 1 03.01.2020", "HRM_102"),
        ("102 1 1 02.01.2020", "101 1 1 02.01.2020", "HRM_101"),
    ],
    ids=["preferred", "largest rate", "earliest start", "lowest org unit"],
)
def test_the_main_job_is_decided_in_order(tmp_path: Path, first: str, second: str, main: str) -> None:
    names = ("org", "job_kind", "rate", "start_date")
    rows = [contract(1, **dict(zip(names, text.split(), strict=True))) for text in (first, second)]
    for these in (rows, rows[::-1]):
        values = count(tmp_path, these).values()
        assert [key.split()[1] for key in values if key.startswith("HRH_EMP")] == [main]


def test_earliest_start_may_come_before_the_rate(tmp_path: Path) -> None:
    rows = drawn("""
        person | org | rate | job_kind | start_date
        1      | 101 | 0.5  | 2        | 01.01.2019
        1      | 102 | 1    | 2        | 01.01.2021
    """)
    text = replaced(("prefer: job_kind = '1'", "prefer: job_kind = '1', otherwise: earliest_start"))
    assert "HRH_EMP_2211 HRM_102 M P35Y--P45Y" in count(tmp_path, rows).values()
    assert "HRH_EMP_2211 HRM_101 M P35Y--P45Y" in count(tmp_path, rows, text=text).values()


def test_a_person_may_count_once_in_every_org_unit(tmp_path: Path) -> None:
    rows = drawn("""
        person | org | rate | job_kind
        1      | 101 | 0.5  | 1
        1      | 101 | 0.5  | 2
        1      | 102 | 0.5  | 3
    """)
    counted = "count: persons, by: [SEX, AGE6], is: employed"
    text = replaced((counted, "count: persons, persons_at: every_org_unit"))
    made = count(tmp_path, rows, text=text)
    assert made.total("HRH_HW") == 1
    assert [key for key in made.values() if key.startswith("HRH_EMP")] == []  # the element wants its axes
    text = replaced(
        ("count: persons, by: [SEX, AGE6], is: employed", "count: persons, by: [SEX, AGE6], persons_at: every_org_unit")
    )
    assert count(tmp_path, rows, text=text).total("HRH_EMP") == 2
    text = replaced((counted, "count: contracts, by: [SEX, AGE6]"))
    assert count(tmp_path, rows, text=text).total("HRH_EMP") == 3


def test_long_leave_is_employed_and_not_practising_and_its_substitute_practises(tmp_path: Path) -> None:
    made = count(
        tmp_path,
        drawn("""
            person | status
            1      | 2
            2      | 1
        """),
    )
    assert (made.total("HRH_HW"), made.total("HRH_EMP"), made.total("HRH_POST_FIL")) == (1, 2, 2)


def test_contracts_of_the_reference_date(tmp_path: Path) -> None:
    rows = drawn("""
        person | start_date | end_date   | status
        1      | 30.09.2026 | -          | 1
        2      | 01.10.2026 | -          | 1
        3      | 01.01.2020 | 30.09.2026 | 1
        4      | 01.01.2020 | 29.09.2026 | 1
        5      | 01.01.2020 | -          | 4
    """)
    made = count(tmp_path, rows)
    assert made.total("HRH_EMP") == 2
    assert made.all_of("rows.left_out")[0].arguments["rows"] == 3
    assert (
        count(tmp_path, rows, text=replaced(("  current:", "  as_of: period_start\n  current:"))).total("HRH_EMP") == 2
    )
    assert count(tmp_path, rows, period="2026Q4").total("HRH_EMP") == 2


def test_a_contract_whose_dates_cannot_be_read_is_refused_with_its_place(tmp_path: Path) -> None:
    made = count(tmp_path, [contract(1), contract(2, start_date="31.02.2020"), contract(3, start_date="")])
    assert made.total("HRH_EMP") == 1
    assert {("predicate.unreadable", 3, 12), ("predicate.unreadable", 4, 12)} <= set(made.told("error"))
    assert all(finding.found is None for finding in made.findings)


@pytest.mark.parametrize(
    ("born", "as_of", "band"),
    [
        ("30.09.1991", "2026Q3", "P35Y--P45Y"),
        ("01.10.1991", "2026Q3", "P25Y--P35Y"),
        ("29.02.1992", "2027Q1", "P35Y--P45Y"),
        ("30.09.2001", "2026Q3", "P25Y--P35Y"),
        ("15.01.1931", "2026Q3", "P65Y--P999Y"),
    ],
)
def test_age_is_completed_years_on_the_reference_date(tmp_path: Path, born: str, as_of: str, band: str) -> None:
    made = count(tmp_path, [contract(1, birth_date=born)], period=as_of)
    assert f"HRH_EMP_2211 HRM_101 M {band}" in made.values()


def test_a_leap_day_turns_on_the_first_of_march_unless_said_otherwise() -> None:
    born = date(1992, 2, 29)

    def age(day: date, rule: str) -> int:
        return max(years for years in range(40) if born <= identities.latest_birth(years, day, rule))

    assert [age(date(2027, 2, 28), rule) for rule in ("march_1", "february_28")] == [34, 35]
    assert [age(date(2027, 3, 1), rule) for rule in ("march_1", "february_28")] == [35, 35]
    assert [age(date(2028, 2, 28), rule) for rule in ("march_1", "february_28")] == [35, 35]
    assert [age(date(2028, 2, 29), rule) for rule in ("march_1", "february_28")] == [36, 36]


def test_unknown_sex_and_age_are_kept_and_told(tmp_path: Path) -> None:
    rows = [contract(1, sex=""), contract(2, sex="9"), contract(3, birth_date=""), contract(4, birth_date="01.01.1900")]
    made = count(tmp_path, rows)
    employed = {key: value for key, value in made.values().items() if key.startswith("HRH_EMP")}
    assert employed == {"HRH_EMP_2211 HRM_101 UNK P35Y--P45Y": "2", "HRH_EMP_2211 HRM_101 M UNK_AGE": "2"}
    told = {(f.arguments["axis"], f.arguments["rows"], f.arguments["blank"]) for f in made.all_of("axis.unknown")}
    assert told == {("SEX", 2, 1), ("AGE6", 2, 1)}
    refused = count(tmp_path, rows, text=replaced((", unknown: UNK}", "}")))
    assert refused.total("HRH_EMP") == 2
    assert ("axis.refused", 2, 4) in refused.told("error")


# -- persons -----------------------------------------------------------------------------------------------------------


def test_a_missing_id_is_refused_or_replaced_by_name_and_birth_date(tmp_path: Path) -> None:
    rows = [
        contract(1),
        contract(2, pinfl="", last_name="Gʻofurov", first_name="Ali"),
        contract(3, pinfl="", last_name="G'OFUROV ", first_name="ali", org="102"),
        contract(4, pinfl="", last_name="Gʻofurov", first_name="Vali"),
        contract(5, pinfl="", birth_date=""),
    ]
    made = count(tmp_path, rows)
    assert made.total("HRH_EMP") == 1
    assert made.total("HRH_POST_FIL") == 5
    assert made.told("error") == [("person.missing", row, 1) for row in (3, 4, 5, 6)]
    allowed = count(tmp_path, rows, text=replaced(("column: pinfl", "column: pinfl\n    missing: name_and_birth")))
    assert allowed.total("HRH_EMP") == 3
    assert allowed.told("error") == [("person.missing", 6, 1)]
    assert len(allowed.all_of("person.by_name_and_birth")) == 3


def test_one_id_with_two_names_is_refused_or_taken_as_one(tmp_path: Path) -> None:
    rows = [
        contract(1, last_name="Sinov"),
        contract(1, last_name="Boshqa", org="102", job_kind="3"),
        contract(2, last_name="Namuna"),
        contract(2, last_name="Намуна", org="102", job_kind="3", first_name=""),
        contract(3, birth_date="15.03.1985"),
        contract(3, birth_date="16.03.1985", pinfl=pinfl(3), org="102", job_kind="3"),
    ]
    made = count(tmp_path, rows)
    assert made.total("HRH_EMP") == 1
    assert made.total("HRH_POST_FIL") == 6
    conflicts = made.all_of("person.conflict")
    assert [(f.row, f.column, f.arguments) for f in conflicts] == [
        (2, 1, {"differs": ["name"], "rows": [2, 3]}),
        (6, 1, {"differs": ["birth_date"], "rows": [6, 7]}),
    ]
    first = count(tmp_path, rows, text=replaced(("column: pinfl", "column: pinfl\n    conflict: first")))
    assert first.total("HRH_EMP") == 3
    assert first.told("error") == []


def test_ids_that_a_spreadsheet_rounded_are_refused(tmp_path: Path) -> None:
    made = count(tmp_path, [contract(1, pinfl="3.15039E+13"), contract(2, pinfl='"3,15039E+13"'), contract(3)])
    assert made.told("error") == [("person.id_unrecoverable", 2, 1), ("person.id_unrecoverable", 3, 1)]
    assert made.total("HRH_EMP") == 1


@pytest.mark.parametrize(
    ("given_id", "reason"),
    [
        ("31503850170019", "check"),
        ("33002850017014", "birth"),
        ("31503850000018", "zero"),
        ("3150385017001", "digits"),
        ("ABC", "digits"),
    ],
)
def test_an_id_that_is_not_built_right_is_a_warning(tmp_path: Path, given_id: str, reason: str) -> None:
    made = count(tmp_path, [contract(1, pinfl=given_id)])
    (finding,) = made.all_of("person.id_structure")
    assert (finding.severity, finding.arguments, finding.found) == ("warning", {"reason": reason}, None)
    assert made.total("HRH_EMP") == 1


@pytest.mark.parametrize(
    "good",
    [
        "31503850170018",
        "42207900180027",
        "50102000190037",
        "63112050200040",
        "32902840210052",
        "41206750010017",
        "30507620020025",
    ],
)
def test_ids_with_right_check_digits(tmp_path: Path, good: str) -> None:
    made = count(tmp_path, [contract(1, pinfl=good)])
    assert made.all_of("person.id_structure") == []


def test_sex_and_birth_date_against_the_id(tmp_path: Path) -> None:
    rows = [contract(1, pinfl=pinfl(1, "15.03.1965", man=False))]
    made = count(tmp_path, rows)
    assert made.told("warning")[:2] == [("person.birth_differs", 2, 5), ("person.sex_differs", 2, 4)]
    assert "HRH_EMP_2211 HRM_101 M P35Y--P45Y" in made.values()
    by_id = count(
        tmp_path, rows, text=replaced(("column: pinfl", "column: pinfl\n    sex_or_birth_differs_from_id: identity"))
    )
    assert "HRH_EMP_2211 HRM_101 F P55Y--P65Y" in by_id.values()


# -- occupations -------------------------------------------------------------------------------------------------------


def test_codes_go_through_the_crosswalk_or_to_their_four_digits(tmp_path: Path) -> None:
    rows = [
        contract(1, position="2222.1"),
        contract(2, position="3221.99"),
        contract(3, position="3221.99"),
        contract(4, position="3222"),
        contract(5, position="2250.1"),
        contract(6, position="3252.5"),
    ]
    made = count(tmp_path, rows)
    assert {key.split()[0] for key in made.values()} == {
        f"{kind}_{code}" for kind in ("HRH_HW", "HRH_EMP", "HRH_POST_FIL") for code in ("2212", "3221", "3222")
    }
    default = made.all_of("position.by_default")
    assert [(f.found, f.arguments["rows"], f.arguments["report_as"]) for f in default] == [
        ("3221.99", 2, "3221"),
        ("3222", 1, "3222"),
    ]
    (excluded,) = made.all_of("position.excluded")
    assert (excluded.found, excluded.arguments, excluded.row, excluded.column) == ("2250.1", {"rows": 1}, 6, 8)
    (ambiguous,) = made.all_of("position.ambiguous")
    assert (ambiguous.severity, ambiguous.arguments) == ("error", {"rows": 1, "choices": ["2240", "3252"]})
    refused = count(tmp_path, rows, text=replaced(("kodp.csv", "kodp.csv, otherwise: refuse")))
    assert {key.split()[0] for key in refused.values()} == {"HRH_HW_2212", "HRH_EMP_2212", "HRH_POST_FIL_2212"}
    assert [f.found for f in refused.all_of("position.not_listed")] == ["3221.99", "3222"]


def test_an_undecided_main_job_holds_the_head_back_and_one_outside_of_health_does_not(tmp_path: Path) -> None:
    second = contract(1, position="3221.2", org="102", job_kind="3", rate="0.5")
    undecided = count(tmp_path, [contract(1, position="3252.5"), second])
    assert undecided.values() == {"HRH_POST_FIL_3221 HRM_102": "0.5"}
    outside = count(tmp_path, [contract(1, position="2250.1"), second])
    assert "HRH_EMP_3221 HRM_102 M P35Y--P45Y" in outside.values()


@pytest.mark.parametrize("code", ["2.21E+03", '"2212,1"', "2212.10000001", "Vrach"])
def test_damaged_codes_are_refused_and_never_shown(tmp_path: Path, code: str) -> None:
    made = count(tmp_path, [contract(1), contract(2, position=code)])
    ((found, row, column),) = made.told("error")
    assert found in {"position.damaged", "position.unknown"}
    assert (row, column) == (3, 8)
    assert made.total("HRH_EMP") == 1
    assert all(f.found is None for f in made.findings)


def test_a_code_that_is_a_number_of_a_workbook_is_refused(tmp_path: Path) -> None:
    rows = [contract(1, position="2212.10"), {**contract(2), "position": 2212.1}, {**contract(3), "rate": 0.5}]
    made = count(tmp_path, {"argos_staff.xlsx": workbook_of(rows)})
    assert made.told("error") == [("position.numeric_cell", 3, 8)]
    assert (made.total("HRH_EMP"), made.total("HRH_POST_FIL")) == (2, 1.5)


def test_titles_without_a_code_get_suggestions_and_no_match(tmp_path: Path) -> None:
    rows = [contract(n, position="", title="Vrach terapevt") for n in range(3)]
    rows += [contract(9, position="", title="Sinov Bir Hamshira")]
    made = count(tmp_path, rows)
    assert made.values() == {}
    (often, seldom) = made.all_of("position.missing")
    assert (often.found, often.arguments["rows"], often.arguments["suggestions"][0]) == ("Vrach terapevt", 3, "2212.10")
    assert (seldom.found, seldom.row) == (None, 5)


def test_conditions_may_ask_the_crosswalk(tmp_path: Path) -> None:
    rows = [contract(1, position="2211.1"), contract(2, position="2211.7"), contract(3, position="3221.99")]
    text = replaced(
        ("where: status = '1'", "where: status = '1' and occupation_practising <> 'no' and occupation <> '3222'")
    )
    made = count(tmp_path, rows, text=text)
    assert (made.total("HRH_HW"), made.total("HRH_EMP")) == (2, 3)


# -- org units and files -----------------------------------------------------------------------------------------------


def test_an_unknown_facility_is_told_once_and_shown_where_three_persons_hold_it(tmp_path: Path) -> None:
    rows = [contract(n, org="999") for n in range(1, 4)] + [contract(4, org="998"), contract(5)]
    made = count(tmp_path, rows)
    assert made.total("HRH_EMP") == 1
    found = made.all_of("workforce.org_unit")
    assert [(f.row, f.column, f.found, f.arguments["rows"], f.values) for f in found] == [
        (5, 6, None, 1, 3),
        (2, 6, "HRM_999", 3, 3),
    ] or [(f.row, f.column, f.found, f.arguments["rows"], f.values) for f in found] == [
        (2, 6, "HRM_999", 3, 3),
        (5, 6, None, 1, 3),
    ]
    assert made.conversion.exit_code == 3


def test_a_file_of_no_source_and_a_source_without_a_file(tmp_path: Path) -> None:
    made = count(tmp_path, {"argos_staff.csv": [contract(1)], "other.csv": [contract(2)]})
    assert ("workforce.source_unmatched", None, None) in made.told("error")
    assert [f.arguments for f in made.all_of("workforce.source_missing")] == [{"name": "posts"}]


def test_the_same_file_twice_counts_once(tmp_path: Path) -> None:
    rows = [contract(1), contract(2)]
    made = count(tmp_path, {"argos_staff.csv": rows, "argos_staff_copy.csv": rows})
    assert (made.total("HRH_EMP"), made.total("HRH_POST_FIL")) == (2, 2)
    assert made.all_of("file.repeated")


def test_columns_that_are_needed_and_columns_that_may_be_absent(tmp_path: Path) -> None:
    columns = [name for name in contract(1) if name not in {"rate", "title"}]
    made = count(tmp_path, csv_of([contract(1)], tuple(columns)))
    assert made.total("HRH_EMP") == 1
    assert made.total("HRH_POST_FIL") == 0
    assert {f.arguments["wanted"] for f in made.all_of("workforce.column_absent")} == {"rate", "title"}
    without = count(tmp_path, csv_of([contract(1)], tuple(n for n in columns if n != "status")))
    assert without.told("error") == [("header.not_found", 1, None)]
    assert without.values() == {}


def test_beside_other_mappings_files_are_known_by_their_names(tmp_path: Path) -> None:
    form = form_mapping("""
data_set: HRH_Q
org_unit: {column: unit, match: code}
period: {constant: 2026Q3, type: Quarterly}
data_element: {column: line, match: code}
value: {column: value}
""")
    (tmp_path / "form.csv").write_text("unit,line,value\nHRM_101,HRH_POST_FIL_2211,2\n", encoding="utf-8")
    (tmp_path / "argos_staff.csv").write_text(csv_of([contract(1)]), encoding="utf-8")
    both = [form, mapping(tmp_path)]
    alone = dhis2_bridge.convert([tmp_path / "form.csv"], both, snapshot())
    assert (alone.ready.height, alone.errors) == (1, 0)
    files = [tmp_path / "argos_staff.csv"]
    whole = dhis2_bridge.convert(files, both, snapshot(), given={"period": "2026Q3"})
    assert {one.mapping for one in whole.inputs} == {"staff"}
    with pytest.raises(UsageError, match="--period"):
        dhis2_bridge.convert(files, both, snapshot())


def test_the_period_is_needed_and_of_the_right_type(tmp_path: Path) -> None:
    for period in ("", "202609"):
        with pytest.raises(UsageError):
            count(tmp_path, [contract(1)], period=period)


def test_persons_are_not_read_from_a_stream(tmp_path: Path) -> None:
    from staff import mapping

    with pytest.raises(UsageError, match="files only"):
        dhis2_bridge.convert(
            ["-"], mapping(tmp_path), snapshot(), given={"period": "2026Q3"}, stdin=io.BytesIO(b"pinfl\n1\n")
        )


# -- checks ------------------------------------------------------------------------------------------------------------


def test_posts_against_contracts(tmp_path: Path) -> None:
    rows = [contract(1, rate="1"), contract(2, rate="0.5"), contract(3, position="3221.2")]
    posts = drawn_posts("101 | | 2211.1 | 1 | 0.5", "101 | | 3221.2 | 2 | 1", "102 | | 3221.2 | 2 | 2")
    made = count(tmp_path, rows, posts)
    assert made.told("error") == []
    (over,) = made.all_of("posts.filled_over_approved")
    assert over.arguments == {"filled": "1.5", "approved": "1", "data_element": "HRH_POST_FIL_2211"}
    assert [f.arguments["expected"] for f in made.all_of("posts.vacant_differs")] == ["-0.5"]
    text = replaced(("  gone: zero", "  gone: zero\n  checks: {filled_over_approved: ignore, vacant: ignore}"))
    assert count(tmp_path, rows, posts, text=text).told() == []


def drawn_posts(*lines: str) -> list[dict[str, str]]:
    names = ("org", "unit", "position", "posts_approved", "posts_vacant")
    return [dict(zip(names, (cell.strip() for cell in line.split("|")), strict=True)) for line in lines]


def test_rates_of_a_person_repeated_contracts_and_double_posting(tmp_path: Path) -> None:
    rows = [contract(1, rate="1.5"), contract(1, rate="1", org="102", job_kind="3"), contract(2), contract(2)]
    made = count(tmp_path, rows)
    (rate,) = made.all_of("person.total_rate")
    assert (rate.row, rate.column, rate.arguments) == (2, 10, {"contracts": 2, "limit": 2, "total": 2.5})
    (repeated,) = made.all_of("contract.repeated")
    assert (repeated.row, repeated.arguments) == (5, {"other": 4})
    many = count(tmp_path, [contract(n, rate="0.1") for n in range(5)])
    assert {f.code for f in many.findings} >= {"headcount.over_posts", "headcount.double_posting"}


def test_totals_and_plausible_bounds(tmp_path: Path) -> None:
    checks = """
  gone: zero
  checks:
    totals: {HRH_POST_FIL_2211: [HRH_POST_FIL_3*]}
    national:
      doctors: {of: [HRH_EMP_221*], least: 5, most: 10}
      ratio: {of: [HRH_EMP_3221], per: [HRH_EMP_2211], most: 3}
"""
    made = count(
        tmp_path, [contract(1), contract(2, position="3221.2", rate="0.5")], text=replaced(("\n  gone: zero\n", checks))
    )
    (total,) = made.all_of("headcount.total_differs")
    assert (total.arguments["total"], total.arguments["sum"]) == ("1", "0.5")
    assert [(f.arguments["name"], f.arguments["value"]) for f in made.all_of("headcount.implausible")] == [
        ("doctors", "1")
    ]


# -- stocks ------------------------------------------------------------------------------------------------------------


def test_what_is_gone_is_an_explicit_zero(tmp_path: Path) -> None:
    before = count(tmp_path, [contract(1), contract(2, org="102", position="3221.2")], period="2026Q2")
    previous = before.conversion.values
    now = count(tmp_path, [contract(1)], previous=previous)
    gone = {key: value for key, value in now.values().items() if value == "0"}
    assert gone == {
        "HRH_HW_3221 HRM_102 M P35Y--P45Y": "0",
        "HRH_EMP_3221 HRM_102 M P35Y--P45Y": "0",
        "HRH_POST_FIL_3221 HRM_102": "0",
    }
    (told,) = now.all_of("stock.zeros_added")
    assert told.arguments == {"zeros": 3, "org_units": 1, "data_elements": 3}
    later = count(tmp_path, [contract(1)], period="2026Q4", previous=now.conversion.values)
    assert "0" not in later.values().values()
    kept = count(tmp_path, [contract(1)], previous=previous, text=replaced(("gone: zero", "gone: nothing")))
    assert kept.all_of("stock.zeros_added") == []


def test_what_is_withheld_is_not_gone(tmp_path: Path) -> None:
    rows = [contract(person, org="101" if person < 5 else "102") for person in range(1, 6)]
    before = count(tmp_path, [*rows, contract(6, org="101", unit="7")], period="2026Q2").conversion.values
    small = "small_cells: {below: 3, do: suppress, table: [org_unit, data_element]}"
    text = replaced(("gone: zero", f"gone: zero\n  {small}"))
    now = count(tmp_path, rows, previous=before, text=text)
    assert {"HRH_EMP_2211", "HRH_HW_2211"} <= {f.arguments["data_element"] for f in now.all_of("small_cells.withheld")}
    units = {key.split()[1]: value for key, value in now.values().items() if key.startswith("HRH_EMP_2211")}
    assert units == {"HRM_101": "4", "HRM_101_7": "0"}


def test_nothing_is_gone_where_a_file_could_not_be_read_or_the_period_is_another(tmp_path: Path) -> None:
    before = count(tmp_path, [contract(1), contract(2, org="102")], period="2026Q2").conversion.values
    broken = count(tmp_path, {"argos_staff.csv": [contract(1)], "argos_staff_2.csv": b""}, previous=before)
    assert "0" not in broken.values().values()
    assert broken.all_of("stock.not_known")
    other = count(tmp_path, [contract(1)], period="2026Q4", previous=before)
    assert [f.arguments["expected"] for f in other.all_of("stock.previous_period")] == ["2026Q3"]


# -- laws --------------------------------------------------------------------------------------------------------------

contracts = st.lists(
    st.builds(
        lambda person, org, unit, position, rate, kind, start, end, status, sex: contract(
            person, pinfl=pinfl(person), org=org, unit=unit, position=position, rate=rate, job_kind=kind,
            start_date=start, end_date=end, status=status, sex=sex,
        ),
        st.integers(1, 12),
        st.sampled_from(["101", "102", "103"]),
        st.sampled_from(["", "", "7"]),
        st.sampled_from(["2211.1", "2212.10", "3221.2", "3252.5", "2250.1", ""]),
        st.sampled_from(["0.25", "0.5", "1", "1.5", "0.1", ""]),
        st.sampled_from(["1", "2", "3"]),
        st.sampled_from(["01.02.2020", "01.03.2021", "01.01.2027", ""]),
        st.sampled_from(["", "", "31.12.2025", "30.09.2026"]),
        st.sampled_from(["1", "2", "4"]),
        st.sampled_from(["1", "1", "2", ""]),
    ),
    min_size=1,
    max_size=30,
)  # fmt: skip
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(rows=contracts, seed=st.integers(0, 99))
def test_order_and_files_change_nothing(tmp_path: Path, rows: list[dict[str, str]], seed: int) -> None:
    whole = count(tmp_path, rows)
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)
    assert count(tmp_path, shuffled).values() == whole.values()
    cut = seed % (len(rows) + 1)
    parts = {f"argos_staff_{n}.csv": part for n, part in enumerate((shuffled[:cut], shuffled[cut:])) if part}
    (tmp_path / "parts").mkdir(exist_ok=True)
    split = count(tmp_path / "parts", parts)
    assert split.values() == whole.values()
    assert sorted(f.code for f in split.findings if f.severity == "error" and f.code.startswith("person")) == sorted(
        f.code for f in whole.findings if f.severity == "error" and f.code.startswith("person")
    )


@quick
@given(rows=contracts)
def test_practising_at_most_employed_at_most_contracts(tmp_path: Path, rows: list[dict[str, str]]) -> None:
    text = replaced(
        ("{data_element: \"HRH_POST_APP_{occupation}\", source: posts, sum: posts_approved, is: approved}",
         "{data_element: \"HRH_POST_APP_{occupation}\", count: contracts}"),
    )  # fmt: skip
    made = count(tmp_path, rows, text=text)
    values = made.values()
    assert made.total("HRH_HW") <= made.total("HRH_EMP") <= made.total("HRH_POST_APP")
    assert made.all_of("headcount.practising_over_employed") == []
    for key, value in values.items():
        if key.startswith("HRH_HW"):
            assert float(value) <= float(values[key.replace("HRH_HW", "HRH_EMP")])


def told_by(text: str) -> tuple[str | None, str | None, date | None]:
    """What an id tells, worked out digit by digit."""
    if len(text) != 14 or not text.isdigit():
        return "digits", None, None
    try:
        century = {"3": 1900, "4": 1900, "5": 2000, "6": 2000, "1": 1800, "2": 1800}[text[0]]
        born = date(century + int(text[5:7]), int(text[3:5]), int(text[1:3]))
    except (KeyError, ValueError):
        born = None
    fault = None if born else "birth"
    fault = "zero" if "000" in {text[7:10], text[10:13]} else fault
    weighted = sum(int(digit) * (7, 3, 1)[place % 3] for place, digit in enumerate(text[:13]))
    return "check" if weighted % 10 != int(text[13]) else fault, "M" if int(text[0]) % 2 else "F", born


almost = st.builds(
    lambda first, day, month, year, rest: f"{first}{day:02}{month:02}{year:02}{rest:07}",
    st.integers(0, 9), st.integers(0, 32), st.integers(0, 13), st.integers(0, 99), st.integers(0, 9_999_999),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(almost | st.text("0123456789", max_size=15), max_size=20))
def test_ids_are_taken_apart_as_by_hand(tmp_path_factory: pytest.TempPathFactory, ids: list[str]) -> None:
    workforce = mapping(tmp_path_factory.getbasetemp()).workforce
    assert workforce is not None
    assert workforce.person.identity is not None
    frame = pl.DataFrame({"#id": ids}, schema={"#id": pl.String})
    got = identities.read(frame, workforce.person.identity).select("#fault", "#sex", "#born").rows()
    assert got == [told_by(text) for text in ids]
