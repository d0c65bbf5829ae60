"""Finding the table in a sheet: headers, bodies, what stands around them, and the records made of both."""

from typing import Any

import pytest
from worlds import mapping, sheet

from dhis2_bridge import layout, loose
from dhis2_bridge.bilingual import spoken
from dhis2_bridge.blocks import Block, Header
from dhis2_bridge.faults import fault_of
from dhis2_bridge.findings import Finding
from dhis2_bridge.mapping import MappingTable
from dhis2_bridge.values import Sheet


def table(text: str) -> MappingTable:
    """A table of a mapping that says these things and what every mapping must."""
    needed = {
        "data_set": "data_set: FORM_M\n",
        "org_unit": "org_unit: {constant: HRM_101}\n",
        "period": "period: {constant: '202609', type: Monthly}\n",
        "data_element": "data_element: {column: Satr}\n",
    }
    whole = "".join(line for key, line in needed.items() if f"{key}:" not in text) + text
    (only,) = mapping(whole).tables
    return only


def laid_out(drawn: str | Sheet, text: str, **given: str) -> tuple[list[Block], list[Finding]]:
    return layout.lay_out(sheet(drawn) if isinstance(drawn, str) else drawn, layout.Form(table(text)), given)


def one_block(drawn: str | Sheet, text: str) -> Block:
    (block,), _ = laid_out(drawn, text)
    return block


def frame(drawn: str | Sheet, text: str) -> list[dict[str, Any]]:
    """The records of a sheet, as rows."""
    of = table(text)
    blocks, _ = layout.lay_out(sheet(drawn) if isinstance(drawn, str) else drawn, layout.Form(of), {})
    ((_, _, records),) = layout.records(blocks, of)
    return list(records.iter_rows(named=True))


# -- labels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("Jami", {"jami"}),
        ("Jami / Итого", {"jami / итого", "jami", "итого"}),
        ("Jami\nИтого:", {"jami итого", "jami", "итого"}),
        ("Satr\nkodi", {"satr kodi", "satr", "kodi"}),
        (" / ", {"/"}),
        ("", set()),
    ],
)
def test_readings_of_a_label(text: str, readings: set[str]) -> None:
    assert spoken(text) == readings


def test_whole_labels_come_before_parts_of_them() -> None:
    header = Header((("Erkak/ayol",), ("Erkak",), ("Jami / Итого",)))
    assert header.find(["erkak"]) == [2]
    assert header.find(["итого"]) == [3]
    assert Header((("Erkak/ayol",),)).find(["Erkak"]) == [1]


def test_the_lowest_text_of_a_path_is_a_columns_label() -> None:
    header = Header((("Erkak", "Jami"), ("Jami", ""), ("", "Satr"), ("", "")))
    assert header.find(["Jami"]) == [1, 2]
    assert header.find(["Satr"]) == [3]
    assert header.text(1) == "Erkak / Jami"


# -- headers ---------------------------------------------------------------------------------------------------------


def test_merged_cells_of_three_header_rows_become_paths() -> None:
    drawn = """
        Satr | Koʻrsatkich | Kasalliklar | < | < | < | Jami
        ^    | ^           | Erkak | < | Ayol | < | ^
        ^    | ^           | 0-4 | 5+ | 0-4 | 5+ | ^
        1    | Sil         | 1 | 2 | 3 | 4 | 10
        """
    block = one_block(drawn, "source: {header: {anchor: Satr, rows: 3}}")
    assert block.header.paths == (
        ("Satr", "", ""),
        ("Koʻrsatkich", "", ""),
        ("Kasalliklar", "Erkak", "0-4"),
        ("Kasalliklar", "Erkak", "5+"),
        ("Kasalliklar", "Ayol", "0-4"),
        ("Kasalliklar", "Ayol", "5+"),
        ("Jami", "", ""),
    )
    assert block.rows == [(4, ["1", "Sil", "1", "2", "3", "4", "10"])]


def test_a_text_that_is_not_merged_stands_over_its_own_column_only() -> None:
    block = one_block("Satr | Erkak |\n | 0-4 | 5+\n1 | 2 | 3", "source: {header: {anchor: Satr, rows: 2}}")
    assert block.header.paths == (("Satr", ""), ("Erkak", "0-4"), ("", "5+"))


def test_columns_that_only_titles_and_signatures_use_are_no_part_of_the_table() -> None:
    """So that forms whose signatures differ still have one header, and are one frame."""
    drawn = "a | | | | uzun sarlavha\nSatr | Jami\n1 | 2\nRahbar | | | | | imzo"
    block = one_block(drawn, "source: {header: {anchor: Satr}, ends: {words: [Rahbar]}}")
    assert block.header.paths == (("Satr",), ("Jami",))


def test_a_column_behind_the_header_is_part_of_the_table_when_a_row_of_it_is_filled() -> None:
    block = one_block("Satr | Jami\n1 | 2 | | 7", "source: {header: {anchor: Satr}}")
    assert block.header.paths == (("Satr",), ("Jami",), ("",), ("",))
    faulty = one_block("Satr | Jami\n1 | 2 | | #REF!", "source: {header: {anchor: Satr}}")
    assert len(faulty.header.paths) == 4


@pytest.mark.parametrize(
    ("row", "skipped"),
    [
        ("1 | 2 | 3", True),
        ("A | B | 1", False),
        ("A | 1 | 2", True),
        ("A | 2 | 3", True),
        ("1 | 3 | 2", False),
        ("1 | |", False),
    ],
)
def test_rows_of_column_numbers(row: str, skipped: bool) -> None:
    of = table("source: {header: {anchor: Satr, skip: column_numbers}}")
    (block,), _ = layout.lay_out(sheet(f"Satr | Jami | Erkak\n{row}\n9 | 8 | 7"), layout.Form(of), {})
    assert [number for number, _ in block.rows] == ([3] if skipped else [2, 3])


def test_a_header_row_by_number_counts_as_the_spreadsheet_does() -> None:
    drawn = sheet("Satr | Jami\n1 | 2", first_row=7)
    assert one_block(drawn, "source: {header: {row: 7}}").rows == [(8, ["1", "2"])]
    blocks, found = laid_out(drawn, "source: {header: {row: 3}}")
    assert (blocks, [f.code for f in found]) == ([], ["table.not_found"])


def test_a_table_that_is_not_there_says_what_was_wanted_and_seen() -> None:
    blocks, (found,) = laid_out("Sarlavha\nKod | Soni\n1 | 2", "source: {header: {anchor: Satr}}")
    assert blocks == []
    assert (found.code, found.arguments) == ("table.not_found", {"wanted": ["Satr"], "seen": ["Kod", "Soni"]})


# -- bodies ----------------------------------------------------------------------------------------------------------


def test_a_row_of_which_only_an_error_cell_is_filled_is_a_row() -> None:
    block = one_block("Satr | Jami\n | #REF!\n |\n1 | 2", "source: {header: {row: 1}}")
    assert [number for number, _ in block.rows] == [2, 4]


def test_sections_name_the_rows_below_their_heading() -> None:
    drawn = "Satr | Jami\n1 | 1\nI boʻlim\n1 | 2\nII boʻlim | 7\n1 | 3"
    text = "sections: {A: I boʻlim, B: II boʻlim}\nsource: {header: {anchor: Satr}}"
    block = one_block(drawn, text)
    # A heading with a number beside it is a row too: the number must not be lost.
    assert [(number, block.sections[i]) for i, (number, _) in enumerate(block.rows)] == [
        (2, ""),
        (4, "A"),
        (5, "B"),
        (6, "B"),
    ]


def test_declared_total_rows_are_left_out_and_listed() -> None:
    blocks, (found,) = laid_out(
        "Satr | Soni\nJami: | 5\na | 2\nJAMI | 3", "source: {header: {row: 1}, total_rows: [Jami*]}"
    )
    assert [number for number, _ in blocks[0].rows] == [3]
    assert (found.code, found.row, found.arguments) == ("row.total_left_out", 2, {"rows": "2, 4"})


# -- the end ---------------------------------------------------------------------------------------------------------

ENDS = "source: {header: {anchor: Satr}, ends: {words: [Rahbar, tel]}}"


@pytest.mark.parametrize(
    ("below", "column"),
    [
        ("5 | | 7 | 8", 3),
        ("5 | Nomi | 7 |", None),
        ("| | 7 | 8", None),
        ("Ijrochi | Karimov | 901234567", None),
        ("tel: | | 7 | 8", None),
        ("5 | Nomi | 1 234,5 | 2", 3),
        ("5 | Nomi | 05.10.2026 | 2", None),
        ("Jami | | 7 | 8", None),
    ],
)
def test_what_looks_like_a_row_below_the_end(below: str, column: int | None) -> None:
    drawn = f"Satr | Nomi | Erkak | Ayol\n1 | a | 2 | 3\nRahbar | Karimov\n{below}"
    text = ENDS.replace("source: {", "source: {total_rows: [Jami], ignore: [Nomi], ")
    _, found = laid_out(drawn, text.replace("ignore: [Nomi], ", "") + "\nwhere: Nomi <> 'b'")
    assert [(f.code, f.row, f.column) for f in found] == ([("cell.outside_table", 4, column)] if column else [])


def test_below_a_blank_row_any_number_is_told_but_a_date_is_none() -> None:
    text = "source: {header: {anchor: Satr}, ends: {blank_row: true}}"
    _, found = laid_out("Satr | Jami\n1 | 2\n |\nImzo | 5\n05.10.2026 | Karimov", text)
    assert [(f.row, f.column, f.found) for f in found] == [(4, 2, "5")]


def test_a_row_with_nothing_but_an_error_is_not_blank() -> None:
    text = "source: {header: {anchor: Satr}, ends: {blank_row: true}}"
    block = one_block("Satr | Jami\n1 | 2\n | #REF!\n3 | 4\n|\n", text)
    assert [number for number, _ in block.rows] == [2, 3, 4]


# -- around the table ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "drawn", "loose_text"),
    [
        ("right_of: Kod", "Kod | 900101", ("900101", 1, 2)),
        ("right_of: Kod", "Kod: | | 900101", ("900101", 1, 3)),
        ("right_of: Kod", "KOD : 900101", ("900101", 1, 1)),
        ("right_of: [Kod]", "Код / Kod: 900101", ("900101", 1, 1)),
        ("right_of: Kod", "Kod |", ("", 1, 2)),
        ("right_of: Kod", "Mahsulot kodi | 5", ("", None, None)),
        ("below: Kod", "Kod\n900101", ("900101", 2, 1)),
        ("below: Kod", "Kod\n\n\n900101", ("900101", 4, 1)),
        ("below: Kod", "Kod\n\n\n\n900101", ("", 2, 1)),
        ("at: B2", "x\ny | 900101", ("900101", 2, 2)),
        ("at: Z9", "x", ("", 9, 26)),
        ("matches: '* {} raqamli muassasa'", "Bu 900101 raqamli MUASSASA", ("900101", 1, 1)),
    ],
)
def test_loose_cells(cell: str, drawn: str, loose_text: tuple[str, int | None, int | None]) -> None:
    whole = f"{drawn}\nSatr | Jami\n1 | 2"
    blocks, found = laid_out(whole, f"source: {{header: {{anchor: Satr}}}}\norg_unit: {{cell: {{{cell}}}}}")
    assert blocks[0].loose["org_unit"] == loose_text
    assert [f.code for f in found] == ([] if loose_text[1] else ["cell.not_found"])


def test_an_error_in_a_loose_cell_is_not_passed_over() -> None:
    drawn = "Kod | #REF! | Davr | 202609\nSatr | Jami\n1 | 2"
    block = one_block(drawn, "source: {header: {anchor: Satr}}\norg_unit: {cell: {right_of: Kod}}")
    text, row, column = block.loose["org_unit"]
    assert (fault_of(text), row, column) == (("cell.error", {}), 1, 2)


def test_labels_of_loose_cells_are_not_looked_for_in_the_table() -> None:
    drawn = "Satr | Kod\nKod | 7\nRahbar\nKod: 900101"
    block = one_block(drawn, ENDS + "\norg_unit: {cell: {right_of: Kod}}")
    assert block.loose["org_unit"] == ("900101", 4, 1)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("sheet_name: true", "Form"),
        ("sheet_name: 'F{}m'", "or"),
        ("sheet_name: 'X{}'", ""),
        ("file_name: true", "SSV_09.2026"),
        ("file_name: 'SSV_{}.xlsx'", "09.2026"),
        ("constant: here", "here"),
        ("given: true", "from outside"),
    ],
)
def test_texts_that_stand_in_no_cell(place: str, text: str) -> None:
    of = table(f"org_unit: {{{place}}}")
    assert of.org_unit is not None
    given = {"org_unit": "from outside"}
    assert loose.standing(of.org_unit, "org_unit", "in/SSV_09.2026.xlsx", "Form", given) == text


def test_a_file_name_without_a_suffix_is_taken_whole() -> None:
    of = table("org_unit: {file_name: true}")
    assert of.org_unit is not None
    assert loose.standing(of.org_unit, "org_unit", "in\\900101.csv.gz", None, {}) == "900101"
    assert loose.standing(of.org_unit, "org_unit", "900101", None, {}) == "900101"


# -- blocks and transposed tables ------------------------------------------------------------------------------------


def test_stacked_blocks_begin_at_their_label() -> None:
    text = "repeat: {from: Muassasa}\norg_unit: {cell: {right_of: Muassasa}}\nsource: {header: {anchor: Satr}}"
    drawn = "Muassasa: a\nSatr | Jami\n1 | 2\nMuassasa | b\nSatr | Jami\n3 | 4"
    blocks, found = laid_out(drawn, text)
    assert [(b.loose["org_unit"][0], b.rows) for b in blocks] == [("a", [(3, ["1", "2"])]), ("b", [(6, ["3", "4"])])]
    assert found == []


def test_a_transposed_sheet_has_its_places_turned() -> None:
    drawn = sheet("|\n|\na | b | #REF!\nc | < | @2026-09-01")
    over = layout.transposed(drawn)
    assert over.rows[0][2:] == ["a", "c"]
    assert over.merged == ((1, 4, 2, 4),)
    assert over.dates == {(3, 4)}
    assert set(over.faults) == {(3, 3)}


def test_titles_above_and_signatures_below_a_transposed_table_are_none_of_its_columns() -> None:
    drawn = "Kod | 900101\nSatr | 1 | 2\nJami | 5 | 6\nRahbar | Karimov"
    text = ENDS.replace("source: {", "source: {transpose: true, ") + "\norg_unit: {cell: {right_of: Kod}}"
    block = one_block(drawn, text)
    assert [path for path in block.header.paths if any(path)] == [("Satr",), ("Jami",)]
    assert block.loose["org_unit"] == ("900101", 2, 1)
    assert [number for number, _ in block.rows] == [2, 3]


def test_errors_beside_a_transposed_table_are_none_of_its_cells() -> None:
    drawn = "Kod | 900101 | #REF!\nSatr | 1 | 2\nJami | #N/A | 6\nRahbar | #NAME?"
    text = ENDS.replace("source: {", "source: {transpose: true, ") + "\norg_unit: {cell: {right_of: Kod}}"
    block = one_block(drawn, text)
    assert set(block.sheet.faults) == {(2, 3)}


def test_a_loose_cell_beside_the_lines_of_a_transposed_table_does_not_take_them_out() -> None:
    text = "source: {header: {anchor: Satr}, transpose: true}\norg_unit: {cell: {at: A1}}"
    block = one_block("Satr | 1 | 2\nJami | 5 | 6", text)
    assert block.header.paths == (("Satr",), ("Jami",))


def test_the_header_of_a_transposed_table_by_its_number() -> None:
    block = one_block("a | Satr | 1 | 2\nb | Jami | 5 | 6", "source: {header: {row: 2}, transpose: true}")
    assert (block.header.paths, [cells for _, cells in block.rows]) == (
        (("Satr",), ("Jami",)),
        [["1", "5"], ["2", "6"]],
    )


def test_stacked_transposed_blocks() -> None:
    text = """
source: {header: {anchor: Satr}, transpose: true}
repeat: {from: Muassasa}
org_unit: {cell: {right_of: Muassasa}}
value: {column: Jami}
"""
    drawn = "Muassasa | a\nSatr | 1 | 2\nJami | 5 | 6\nMuassasa | b\nSatr | 1\nJami | 7"
    blocks, found = laid_out(drawn, text)
    assert found == []
    assert [block.header.find(["Jami"]) for block in blocks] == [[3], [6]]
    assert [[number for number, _ in block.rows] for block in blocks] == [[2, 3], [2]]


# -- records ---------------------------------------------------------------------------------------------------------


def test_merges_go_down_in_labels_and_not_in_values() -> None:
    drawn = "Satr | Jami | Izoh | Kim\na | 1 | x | p\n^ | ^ | ^ | q\nb | 2 | | r"
    rows = frame(drawn, "value: {columns: [Jami]}\ncomment: {column: Izoh}\nfill_down: [Kim]")
    assert [(row["1"], row["2"], row["3"]) for row in rows] == [("a", "1", "x"), ("a", None, "x"), ("b", "2", None)]


def test_faults_travel_in_labels_and_values_and_nowhere_else() -> None:
    rows = frame("Satr | Jami | Izoh\n#N/A | #REF! | #DIV/0!", "comment: {column: Izoh}")
    assert [fault_of(rows[0][column] or "") for column in "123"] == [("cell.error", {}), ("cell.error", {}), None]


def test_an_error_that_is_merged_down_is_one_in_every_row() -> None:
    rows = frame("Satr | Jami\n#N/A | 1\n^ | 2", "value: {column: Jami}")
    assert [bool(fault_of(row["1"])) for row in rows] == [True, True]


def test_forms_with_one_header_are_one_frame() -> None:
    of = table("source: {header: {anchor: Satr}, ends: {words: [Rahbar]}}\norg_unit: {cell: {right_of: Kod}}")
    drawn = [
        "Kod | a\nSatr | Jami\n1 | 2\nRahbar",
        "Kod | b\n|\nSatr | Jami\n3 | 4\nRahbar | | | imzo",
        "Kod | c\nSatr | Soni\n5 | 6",
    ]
    blocks = [layout.lay_out(sheet(one), layout.Form(of), {})[0][0] for one in drawn]
    made = list(layout.records(blocks, of))
    assert [records.height for _, _, records in made] == [2, 1]
    first = made[0][2]
    assert first.select("=org_unit", "=org_unit.row", "row", "header_row", "1").rows() == [
        ("a", 1, 3, 2, "1"),
        ("b", 1, 4, 3, "3"),
    ]


def test_typed_dates_name_a_period_and_the_sheet_stays_as_it_is() -> None:
    """Several tables read one sheet: the second must find what the first did."""
    drawn = sheet("Satr | Oy | Jami\n1 | @2026-09-17 | 5\n2 | 202608 | 6")
    for kind, wanted in (("Monthly", "202609"), ("Quarterly", "2026Q3"), ("Monthly", "202609")):
        of = table(f"period: {{column: Oy, type: {kind}}}")
        (block,), _ = layout.lay_out(drawn, layout.Form(of), {})
        layout.read_dates(block, of, {"Oy": [2]})
        assert [cells[1] for _, cells in block.rows] == [wanted, "202608"]


def test_which_faults_and_notes_are_told_at_once() -> None:
    drawn = sheet("Satr | Jami | Izoh | Boshqa\n#N/A | #REF! | #N/A | #N/A\n1 | 2.5 | a | b")
    note = Finding("cell.float_noise", "form.xlsx", "Form", 3, 2, "2.5000001")
    drawn.notes = {(3, 2): note, (3, 4): note}
    of = table("comment: {column: Izoh}")
    (block,), _ = layout.lay_out(drawn, layout.Form(of), {})
    told = list(layout.cell_findings(block, {1, 3}, {2}))
    assert [(f.code, f.row, f.column) for f in told] == [("cell.float_noise", 3, 2), ("cell.error", 2, 3)]
