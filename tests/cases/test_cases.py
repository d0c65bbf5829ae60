"""The cases that people reported, by the public library, against what is right for each.

Every case has a folder with inputs and `expected.json` beside a developer's checkout; without it these tests skip. The
same kinds of fault have tests with inputs of our own elsewhere, so nothing is proved only here.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import dhis2_bridge
from dhis2_bridge.findings import Finding, rows
from dhis2_bridge.mapping_file import load_text

LONG = """
mapping: case
version: 1
data_set: MONTHLY
org_unit: {column: facility_code, match: code}
period: {column: period, type: Monthly}
data_element: {column: data_element, match: code}
value: {column: value}
"""
WEEKLY = LONG.replace("data_set: MONTHLY", "data_set: WEEKLY").replace("type: Monthly", "type: Weekly")
REPORT_DATE = WEEKLY.replace("{column: period, type: Weekly}", "{column: report_date, type: Weekly, date: evidence}")
BY_NAME = LONG.replace("{column: facility_code, match: code}", "{column: facility_name, match: name}")
WIDE = """
mapping: case
version: 1
data_set: MONTHLY
source: {ignore: [District]}
org_unit: {column: facility_code, match: code}
period: {PERIOD, type: Monthly}
data_element: {header: 1, match: code}
"""


def case(shared: Path, code: str) -> tuple[Path, dict[str, Any]]:
    (folder,) = (shared / "cases").glob(f"{code}-*")
    return folder, json.loads((folder / "expected.json").read_text(encoding="utf-8"))


def snapshot_of(shared: Path, folder: Path) -> Path:
    own = folder / "metadata.json"
    return own if own.exists() else shared / "cases/_metadata/metadata.json"


def run(shared: Path, code: str, mapping: str, files: str | list[str] = "input.csv", **options: Any):
    folder, expected = case(shared, code)
    wanted = [files] if isinstance(files, str) else files
    result = dhis2_bridge.convert(
        [folder / name for name in wanted],
        load_text(mapping),
        dhis2_bridge.load_snapshot(snapshot_of(shared, folder)),
        **options,
    )
    return result, expected


def sent(result: dhis2_bridge.Conversion) -> list[dict[str, Any]]:
    """What is sent, with codes for identifiers and the options of the combo, as `expected.json` says it."""
    snapshot = result.snapshot
    found = []
    for row in result.ready.sort("source", "row", "column").iter_rows(named=True):
        options = snapshot.category_option_combos[row["category_option_combo"]].category_options
        codes = {snapshot.category_options[uid].code for uid in options}
        found.append(
            {
                "file": Path(row["source"]).name,
                "source_row": row["row"],
                "orgUnit": snapshot.org_units[row["org_unit"]].code,
                "dataElement": snapshot.data_elements[row["data_element"]].code,
                "period": row["period"],
                "value": row["value"],
                "categoryOptions": set() if codes == {"default"} else codes,
            }
        )
    return found


def agrees(result: dhis2_bridge.Conversion, expected: dict[str, Any]) -> None:
    """The values sent are exactly the expected ones."""
    found = sent(result)
    wanted = expected["data_values"]
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        for key, value in other.items():
            if key == "categoryOptions":
                assert one[key] == set(value)
            elif key == "value":
                assert one[key] in (value, *other.get("equivalent", ()))
            elif key in one:
                assert one[key] == value, (key, one, other)


def problems(result: dhis2_bridge.Conversion, *codes: str) -> list[Finding]:
    """Findings that are errors or warnings; of these codes only, when any is named."""
    return [f for f in rows(result.findings) if f.severity != "info" and (not codes or f.code in codes)]


def test_c01_weeks_belong_to_the_year_of_their_thursday(shared: Path) -> None:
    result, expected = run(shared, "C01", REPORT_DATE)
    agrees(result, expected)
    assert result.exit_code == 0


def test_c03_one_period_written_two_ways(shared: Path) -> None:
    result, expected = run(shared, "C03", WEEKLY, "weekly.csv")
    assert sent(result) == []
    found = problems(result, "value.conflicts")
    assert [f.row for f in found] == expected["problems"][0]["source_rows"]
    assert [(f.found, f.arguments["other_value"]) for f in found] == [("3", "8"), ("8", "3")]
    assert result.exit_code == 3
    result, _ = run(shared, "C03", LONG, "monthly.csv")
    assert [(v["period"], v["value"]) for v in sent(result)] == [("202401", "5")]
    assert [f.code for f in problems(result)] == ["value.repeated"]
    assert result.exit_code == 0


def test_c04_dates_in_a_monthly_column(shared: Path) -> None:
    result, expected = run(shared, "C04", LONG, "input.xlsx")
    agrees(result, expected)
    (found,) = problems(result)
    assert (found.code, found.row, found.found) == ("period.unreadable", 6, "45413")
    assert "2024-05-01" in str(found.arguments)
    assert result.exit_code == 3


def test_c05_the_1904_epoch(shared: Path) -> None:
    agrees(*run(shared, "C05", LONG, "input.xlsx"))


def test_c07_a_formula_without_a_result(shared: Path) -> None:
    result, expected = run(shared, "C07", LONG, "input.xlsx")
    agrees(result, expected)
    (found,) = problems(result)
    assert (found.code, found.row, found.column) == ("cell.formula_without_value", 2, 4)
    assert result.exit_code == 3


def test_c09_a_merged_header_of_two_rows(shared: Path) -> None:
    mapping = """
mapping: case
version: 1
data_set: MONTHLY
source: {header: {anchor: facility, rows: 2}}
columns: {facility: Facility code, month: Period}
org_unit: {column: facility, match: code}
period: {column: month, type: Monthly}
data_element: {constant: OPD}
category_options:
  AGE: {header: 1, match: name}
  SEX: {header: 2, match: name}
"""
    result, expected = run(shared, "C09", mapping, "input.xlsx")
    agrees(result, expected)
    assert result.exit_code == 0


def test_c11_a_huge_used_range(shared: Path) -> None:
    agrees(*run(shared, "C11", LONG, "input.xlsx"))


def test_c12_hidden_rows_and_sheets_are_named(shared: Path) -> None:
    result, expected = run(shared, "C12", LONG, "input.xlsx")
    agrees(result, expected)
    told = {(f.code, f.sheet) for f in problems(result)}
    assert told == {("sheet.hidden", "Old"), ("row.hidden", "January")}
    assert result.exit_code == 0


def test_c13_inline_texts_without_references(shared: Path) -> None:
    agrees(*run(shared, "C13", LONG, "input.xlsx"))


def test_c15_leading_zeros(shared: Path) -> None:
    result, expected = run(shared, "C15", LONG, "input.xlsx")
    agrees(result, expected)
    (found,) = problems(result)
    assert (found.code, found.row, found.found) == ("org_unit.unknown", 4, "124")
    assert found.arguments["suggestions"][0] == "00124"
    result, expected = run(shared, "C15", LONG, "input.csv")
    agrees(result, expected)
    assert result.exit_code == 0


def test_c17_a_code_that_looks_like_nothing(shared: Path) -> None:
    agrees(*run(shared, "C17", LONG))


def test_c18_a_byte_order_mark_before_quotes(shared: Path) -> None:
    result, expected = run(shared, "C18", LONG)
    agrees(result, expected)
    assert problems(result) == []


def test_c19_utf_16_with_tabs(shared: Path) -> None:
    agrees(*run(shared, "C19", LONG))


def test_c21_cp1251(shared: Path) -> None:
    result, expected = run(shared, "C21", BY_NAME + "source: {encoding: cp1251}\n")
    agrees(result, expected)
    assert result.exit_code == 0
    result, _ = run(shared, "C21", BY_NAME)
    if result.exit_code:
        assert [f.code for f in problems(result)] == ["encoding.undecodable"]
        assert sent(result) == []
    else:
        agrees(result, expected)
        assert [f.code for f in problems(result)] == ["encoding.guessed"]


def test_c23_decimal_commas(shared: Path) -> None:
    result, expected = run(shared, "C23", LONG + 'source: {decimal: ","}\n')
    agrees(result, expected)
    result, _ = run(shared, "C23", LONG)
    assert sent(result) == []
    found = problems(result)
    assert [(f.code, f.row) for f in found] == [
        ("value.not_of_type", 2),
        ("value.not_of_type", 3),
        ("value.not_of_type", 4),
    ]
    assert all(f.arguments["hint"] for f in found)


def test_c25_a_sep_line(shared: Path) -> None:
    agrees(*run(shared, "C25", LONG))


def test_c26_a_header_twice(shared: Path) -> None:
    result, expected = run(shared, "C26", WIDE.replace("PERIOD", "column: period"))
    assert sent(result) == []
    (found,) = problems(result)
    assert (found.code, found.found) == ("header.repeated", expected["problems"][0]["value"])
    assert found.arguments["columns"] == expected["problems"][0]["columns"]
    assert result.exit_code == 3


def test_c27_float_noise(shared: Path) -> None:
    result, expected = run(shared, "C27", LONG, "input.xlsx")
    agrees(result, expected)
    (found,) = problems(result)
    assert (found.code, found.row, found.found) == ("value.not_of_type", 4, "12.5")
    noisy = {(f.row, f.found) for f in rows(result.findings) if f.code == "cell.float_noise"}
    assert noisy == {(2, "0.30000000000000004"), (3, "11.999999999999998")}


def test_c30_zero_blank_and_dash(shared: Path) -> None:
    result, expected = run(shared, "C30", LONG)
    agrees(result, expected)
    (found,) = problems(result)
    assert (found.code, found.row, found.found) == ("value.not_of_type", 4, "-")
    result, expected = run(shared, "C30", LONG + 'cells: {"-": not_reported}\n')
    agrees(result, expected)
    assert result.exit_code == 0


def test_c32_different_values_for_one_cell(shared: Path) -> None:
    result, expected = run(shared, "C32", LONG + "category_options: {AGE: {column: age}, SEX: {column: sex}}\n")
    assert [(v["source_row"], v["value"]) for v in sent(result)] == [(3, "90")]
    found = problems(result)
    assert [f.row for f in found] == expected["problems"][0]["source_rows"]
    assert [f.found for f in found] == expected["problems"][0]["values"]
    assert result.exit_code == 3


def test_c34_options_are_a_set(shared: Path) -> None:
    result, expected = run(shared, "C34", LONG + "category_option_combo: {column: disaggregation}\n")
    agrees(result, expected)
    (found,) = problems(result)
    assert (found.code, found.row, found.arguments["missing"]) == ("category_option_combo.incomplete", 5, "Age")


def test_c35_the_default_combo_of_the_instance(shared: Path) -> None:
    result, _ = run(shared, "C35", LONG)
    body = b"".join(chunk.body for chunk in result.chunks())
    assert b"Xq7DefltC0c" in body
    assert b"HllvX50cXC0" not in body


def test_c54_a_key_twice(shared: Path) -> None:
    mapping = LONG.replace("facility_code", "dataValues.facility_code").replace(
        "{column: value}", "{column: dataValues.value}"
    )
    mapping = mapping.replace("{column: data_element,", "{column: dataValues.data_element,")
    result, expected = run(shared, "C54", mapping, "input.json")
    assert sent(result) == []
    found = problems(result)
    assert {f.arguments["key"] for f in found} == {problem["key"] for problem in expected["problems"]}
    assert {f.code for f in found} == {"json.repeated_key"}
    assert result.exit_code == 3


def test_c61_white_space_in_names(shared: Path) -> None:
    result, expected = run(shared, "C61", BY_NAME)
    agrees(result, expected)
    (found,) = problems(result)
    assert (found.code, found.row) == ("org_unit.unknown", 6)
    assert found.arguments["suggestions"] == [expected["problems"][0]["suggestion"]]
    normalised = [f.row for f in rows(result.findings) if f.code == "name.normalised"]
    assert normalised == [2, 3, 4, 5]


def test_c69_the_order_of_day_and_month(shared: Path) -> None:
    result, expected = run(shared, "C69", REPORT_DATE, ["one_order.csv", "ambiguous.csv", "contradictory.csv"])
    agrees(result, expected)
    found = problems(result)
    by_file: Callable[[str], list[tuple[str, int | None]]] = lambda name: [  # noqa: E731
        (f.code, f.row) for f in found if f.source and f.source.endswith(name)
    ]
    assert by_file("one_order.csv") == []
    assert {code for code, _ in by_file("ambiguous.csv")} == {"date.ambiguous"}
    assert by_file("contradictory.csv") == [("date.mixed", 2), ("date.mixed", 3)]


def test_c70_subtotals_and_footers(shared: Path) -> None:
    result, expected = run(shared, "C70", WIDE.replace("PERIOD", "constant: '202401'"), "input.xlsx")
    agrees(result, expected)
    assert [(f.code, f.row) for f in problems(result)] == [("org_unit.missing", 4), ("org_unit.missing", 6)]
    assert result.exit_code == 3
    declared = WIDE.replace("PERIOD", "constant: '202401'").replace(
        "source: {", "source: {total_rows: [Subtotal*, TOTAL], "
    )
    result, expected = run(shared, "C70", declared, "input.xlsx")
    agrees(result, expected)
    assert [f.code for f in problems(result)] == ["row.total_left_out"]
    assert result.exit_code == 0


@pytest.mark.parametrize("file", ["zero.csv", "header_only.csv", "blank_lines.csv", "empty.json"])
def test_c71_nothing_is_no_success(shared: Path, file: str) -> None:
    result, _ = run(shared, "C71", LONG, file)
    assert list(result.chunks()) == []
    assert [f.severity for f in rows(result.findings)] == ["error"]
    assert result.exit_code == 3


def test_c73_codes_that_look_like_uids(shared: Path) -> None:
    for scheme in ("CODE", "UID"):
        result, expected = run(
            shared, "C73", LONG.replace("match: code}\nperiod", f"match: {scheme.lower()}}}\nperiod")
        )
        assert result.ready["org_unit"].to_list() == [expected["org_unit_uid_by_scheme"][scheme]]
    result, _ = run(shared, "C73", LONG.replace("facility_code, match: code", "facility_code"))
    (found,) = problems(result)
    assert (found.code, found.row) == ("org_unit.ambiguous", 2)
    assert result.ready.is_empty()


def test_nothing_that_was_refused_is_sent(shared: Path) -> None:
    """Over all cases with a mapping of one shape: what is sent and what is refused are apart."""
    result, _ = run(shared, "C30", LONG)
    assert result.values.filter(pl.col("refused").is_not_null() & pl.col("chunk").is_not_null()).is_empty()
