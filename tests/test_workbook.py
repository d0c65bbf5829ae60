"""Workbooks as sheets of text: what a cell becomes, where it stands, what is told of it."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import drawing
import pytest
from drawing import cell, sheet, styles, text
from hypothesis import given, settings
from hypothesis import strategies as st

from dhis2_bridge.findings import Unreadable
from dhis2_bridge.sources.workbook import read
from dhis2_bridge.values import Sheet, Source

Opened = Callable[[bytes], Source]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Reads a workbook that a test drew."""

    def opened(data: bytes, name: str = "form.xlsx") -> Source:
        path = tmp_path / name
        path.write_bytes(data)
        return read(path, name)

    return opened


def filled(sheet: Sheet) -> dict[str, str]:
    """The filled cells of a sheet by their reference, for sheets of up to 26 columns."""
    return {
        f"{chr(64 + column)}{row}": value
        for row, values in enumerate(sheet.rows, sheet.first_row)
        for column, value in enumerate(values, 1)
        if value
    }


def told(sheet: Sheet) -> dict[str, tuple[str, str | None]]:
    """The findings of single cells by reference: code and what was found."""
    return {
        f"{chr(64 + column)}{row}": (finding.code, finding.found)
        for (row, column), finding in {**sheet.faults, **sheet.notes}.items()
    }


# --- the text of a cell ---


@pytest.mark.parametrize(
    ("stored", "read_as"),
    [
        ("475", "475"),
        ("475.0", "475"),
        ("0", "0"),
        ("-0", "0"),
        ("-12", "-12"),
        ("12.50", "12.5"),
        ("1e5", "100000"),
        ("1E-7", "0.0000001"),
        ("1.5E-10", "0.00000000015"),
        ("0.1", "0.1"),
        ("31207901234567", "31207901234567"),
        ("999999999999999", "999999999999999"),
        ("123456789012.345", "123456789012.345"),
    ],
)
def test_a_number_is_plain_digits(opened: Opened, stored: str, read_as: str) -> None:
    first = opened(drawing.xlsx(sheet(f'<row r="1">{cell("A1", stored)}</row>'))).sheets[0]
    assert filled(first) == {"A1": read_as}
    assert told(first) == {}


@pytest.mark.parametrize(
    ("stored", "read_as"),
    [("0.30000000000000004", "0.3"), ("11.999999999999998", "12"), ("-2.0000000000000004", "-2")],
)
def test_noise_beyond_fifteen_digits_is_cut_off_and_told(opened: Opened, stored: str, read_as: str) -> None:
    first = opened(drawing.xlsx(sheet(f'<row r="1">{cell("A1", stored)}</row>'))).sheets[0]
    assert filled(first) == {"A1": read_as}
    note = first.notes[1, 1]
    assert (note.code, note.found, note.arguments) == ("cell.float_noise", stored, {"read": read_as})


@pytest.mark.parametrize("stored", ["8600123412341230", "1234567890123456", "1000000000000000", "12345678901234567890"])
def test_a_whole_number_of_sixteen_digits_cannot_be_known(opened: Opened, stored: str) -> None:
    first = opened(drawing.xlsx(sheet(f'<row r="1">{cell("A1", stored)}{cell("B1", "1")}</row>'))).sheets[0]
    assert filled(first) == {"B1": "1"}
    assert told(first) == {"A1": ("cell.digits_lost", stored if len(stored) == 16 else str(int(float(stored))))}


@pytest.mark.parametrize("stored", ["NaN", "INF", "1e999"])
def test_what_is_no_number_is_a_fault(opened: Opened, stored: str) -> None:
    first = opened(drawing.xlsx(sheet(f'<row r="1">{cell("A1", stored)}{cell("B1", "1")}</row>'))).sheets[0]
    assert first.faults[1, 1].code == "cell.error"


def test_texts_stay_as_they_are(opened: Opened) -> None:
    texts = ["007", "2212.10", "NA", "TRUE", "1e5", "  outer  ", "two\nlines", "Qo‘qon", "45292", "=1+1", "_x000D_"]
    first = opened(drawing.table([texts])).sheets[0]
    assert first.rows == [texts]
    assert told(first) == {}


def test_truth_values_are_words(opened: Opened) -> None:
    assert opened(drawing.table([[True, False, 1, 0]])).sheets[0].rows == [["true", "false", "1", "0"]]


@pytest.mark.parametrize(
    ("number_format", "stored", "epoch", "read_as", "is_date"),
    [
        (14, "45292", 1900, "2024-01-01", True),
        (17, "45351", 1900, "2024-02-29", True),
        ("dd/mm/yyyy", "45351", 1900, "2024-02-29", True),
        ("[$-443]d mmmm yyyy;@", "45351", 1900, "2024-02-29", True),
        ("dd.mm.yyyy", "43904", 1904, "2024-03-15", True),
        (22, "45292.4375", 1900, "2024-01-01T10:30:00", True),
        (22, "45292.5000058", 1900, "2024-01-01T12:00:00.501", True),
        (14, "1", 1900, "1900-01-01", True),
        (14, "61", 1900, "1900-03-01", True),
        (21, "0.4375", 1900, "10:30:00", False),
        (46, "1.5208333333333333", 1900, "36:30:00", False),
        ("[h]:mm", "-0.5", 1900, "-12:00:00", False),
        (14, "3000000", 1900, "3000000", False),
        ("0.0", "2.25", 1900, "2.25", False),
        ('0 "dona"', "5", 1900, "5", False),
        ("[Red]0", "5", 1900, "5", False),
        ("General", "45413", 1900, "45413", False),
    ],
)
@pytest.mark.parametrize("more", ["", cell("B1", "#SPILL!", t="e")], ids=["by calamine", "by ourselves"])
def test_a_date_is_what_its_format_says(
    opened: Opened, number_format: str | int, stored: str, epoch: int, read_as: str, is_date: bool, more: str
) -> None:
    book = drawing.xlsx(
        sheet(f'<row r="1">{cell("A1", stored, s="1")}{more}</row>'),
        styles=styles(number_format),
        properties='<workbookPr date1904="1"/>' if epoch == 1904 else "",
    )
    source = opened(book)
    assert filled(source.sheets[0]) == {"A1": read_as}
    assert source.sheets[0].dates == ({(1, 1)} if is_date else set())
    assert source.evidence["epoch"] == epoch


@pytest.mark.parametrize("more", ["", cell("E1", "#SPILL!", t="e")], ids=["by calamine", "by ourselves"])
def test_dates_stored_as_text_by_the_strict_kind(opened: Opened, more: str) -> None:
    stored = ["2024-01-31", "2024-01-31T10:30:00", "10:30:00", "2024-01-31T00:00:00"]
    cells = "".join(cell(f"{letter}1", value, t="d") for letter, value in zip("ABCD", stored, strict=True))
    first = opened(drawing.xlsx(sheet(f'<row r="1">{cells}{more}</row>'))).sheets[0]
    assert [value for value in first.rows[0] if value] == [*stored[:3], "2024-01-31"]
    assert first.dates == {(1, 1), (1, 2), (1, 4)}


@pytest.mark.parametrize("number_format", ["00000", "00000;-00000", "[$-419]00000", "00000_)"])
def test_a_format_of_zeros_keeps_the_digits_of_a_code(opened: Opened, number_format: str) -> None:
    rows = f'<row r="1">{cell("A1", "123", s="1")}{cell("B1", "123")}{cell("C1", "123456", s="1")}</row>'
    first = opened(drawing.xlsx(sheet(rows), styles=styles(number_format))).sheets[0]
    assert filled(first) == {"A1": "00123", "B1": "123", "C1": "123456"}
    assert {place: (note.code, note.found, note.arguments) for place, note in first.notes.items()} == {
        (1, 1): ("cell.padded_by_format", "123", {"read": "00123"})
    }


@pytest.mark.parametrize(
    ("number_format", "stored", "read_as"),
    [
        ("0.00", "5", "5"),
        ("#,##0", "5", "5"),
        ('"UZ"00000', "5", "5"),
        ("00000", "-5", "-5"),
        ("00", "1.5", "1.5"),
    ],
)
def test_no_other_format_changes_a_number(opened: Opened, number_format: str, stored: str, read_as: str) -> None:
    rows = f'<row r="1">{cell("A1", stored, s="1")}</row>'
    first = opened(drawing.xlsx(sheet(rows), styles=styles(number_format))).sheets[0]
    assert filled(first) == {"A1": read_as}
    assert told(first) == {}


# --- cells whose content cannot be known ---


@pytest.mark.parametrize("error", ["#DIV/0!", "#REF!", "#N/A", "#NAME?", "#SPILL!", "#GETTING_DATA"])
def test_an_error_cell_is_a_fault_and_its_neighbours_are_read(opened: Opened, error: str) -> None:
    rows = f'<row r="2">{cell("B2", error, t="e")}{cell("C2", "7")}</row>'
    rows += f'<row r="3"><c r="C3" s="0" t="e"><f>C2/0</f><v>{error}</v></c>{cell("D3", "8")}</row>'
    first = opened(drawing.xlsx(sheet(rows))).sheets[0]
    assert filled(first) == {"C2": "7", "D3": "8"}
    assert told(first) == {"B2": ("cell.error", error), "C3": ("cell.error", error)}


@pytest.mark.parametrize(
    ("content", "attributes", "expected"),
    [
        ("<f>2+3</f>", "", "=2+3"),
        ("<f>2+3</f><v></v>", "", "=2+3"),
        ("<f>2+3</f><v/>", ' t="n"', "=2+3"),
        ("<f>A1&amp;B1</f>", ' t="str"', "=A1&B1"),
        ('<f t="array" ref="A1">SUM(B1:B2)</f>', "", "=SUM(B1:B2)"),
        ('<f t="dataTable" ref="A1:A2" dt2D="0" dtr="0" r1="B1"/>', "", "="),
    ],
)
def test_a_formula_without_a_result_is_a_fault(opened: Opened, content: str, attributes: str, expected: str) -> None:
    rows = f'<row r="1"><c r="A1"{attributes}>{content}</c>{cell("B1", "1")}</row>'
    first = opened(drawing.xlsx(sheet(rows))).sheets[0]
    assert filled(first) == {"B1": "1"}
    assert told(first) == {"A1": ("cell.formula_without_value", expected)}


def test_a_formula_with_a_result_is_its_result(opened: Opened) -> None:
    rows = (
        '<row r="1"><c r="A1"><f>2+5</f><v>7</v></c><c r="B1" t="str"><f>IF(1=1,"","")</f><v></v></c>'
        '<c r="C1" t="str"><f>"a"&amp;"b"</f><v>ab</v></c><c r="D1" t="b"><f>1=1</f><v>1</v></c></row>'
        '<row r="2"><c r="A2"><f t="shared" ref="A2:A3" si="0">B2*2</f><v>8</v></c></row>'
        '<row r="3"><c r="A3"><f t="shared" si="0"/><v>9</v></c></row>'
    )
    for more in ("", '<row r="4"><c r="A4"><f t="shared" si="0"/></c></row>'):
        first = opened(drawing.xlsx(sheet(rows + more))).sheets[0]
        assert filled(first) == {"A1": "7", "C1": "ab", "D1": "true", "A2": "8", "A3": "9"}
        assert told(first) == ({"A4": ("cell.formula_without_value", "=B2*2")} if more else {})


# --- where a cell stands ---


def test_a_table_that_does_not_begin_at_the_corner(opened: Opened) -> None:
    source = opened(drawing.table([[], [], [], [], ["", "", "code", "value"], ["", "", "00123", 5]]))
    first = source.sheets[0]
    assert first.first_row == 5
    assert first.rows == [["", "", "code", "value"], ["", "", "00123", "5"]]


@pytest.mark.parametrize("more", ["", cell("G9", "#SPILL!", t="e")], ids=["by calamine", "by ourselves"])
def test_rows_and_cells_without_a_reference_follow_in_order(opened: Opened, more: str) -> None:
    rows = (
        '<row><c><v>1</v></c><c r="D1"><v>2</v></c><c><v>3</v></c></row><row/>'
        f'<row r="8"><c/><c><v>4</v></c></row><row><c><v>5</v></c>{more}</row>'
    )
    assert filled(opened(drawing.xlsx(sheet(rows))).sheets[0]) == {
        "A1": "1",
        "D1": "2",
        "E1": "3",
        "B8": "4",
        "A9": "5",
    }


@pytest.mark.parametrize("more", ["", cell("B2", "#SPILL!", t="e")], ids=["by calamine", "by ourselves"])
def test_rows_out_of_order_stand_where_they_say(opened: Opened, more: str) -> None:
    rows = f'<row r="3">{cell("B3", "2")}{cell("A3", "1")}</row><row r="2">{cell("A2", "0")}{more}</row>'
    assert filled(opened(drawing.xlsx(sheet(rows))).sheets[0]) == {"A2": "0", "A3": "1", "B3": "2"}


def test_styled_blanks_and_a_false_dimension_cost_nothing(opened: Opened) -> None:
    rows = f'<row r="1">{cell("A1", "1")}</row><row r="1503">{cell("B1503", "2")}</row>'
    rows += '<row r="1048576"><c r="XFD1048576" s="0"/></row>'
    first = opened(drawing.xlsx(sheet(rows, before='<dimension ref="A1:XFD1048576"/>'))).sheets[0]
    assert filled(first) == {"A1": "1", "B1503": "2"}
    assert len(first.rows) == 1503
    assert max(map(len, first.rows)) == 2


def test_two_cells_at_the_ends_of_a_sheet(opened: Opened) -> None:
    rows = f'<row r="1">{cell("A1", "1")}</row><row r="1048576">{cell("XFD1048576", "2")}</row>'
    first = opened(drawing.xlsx(sheet(rows))).sheets[0]
    assert (first.rows[0], first.rows[-1][-1]) == (["1"], "2")
    assert (len(first.rows), len(first.rows[-1]), len(first.rows[1])) == (1_048_576, 16_384, 0)


@pytest.mark.parametrize("more", ["", cell("F9", "#SPILL!", t="e")], ids=["by calamine", "by ourselves"])
def test_merged_ranges_run_in_both_directions(opened: Opened, more: str) -> None:
    rows = f'<row r="2">{text("A2", "facility")}{text("C2", "0-4")}</row><row r="9">{cell("A9", "1")}{more}</row>'
    after = '<mergeCells><mergeCell ref="C2:D2"/><mergeCell ref="A2:A3"/></mergeCells>'
    first = opened(drawing.xlsx(sheet(rows, after=after))).sheets[0]
    assert set(first.merged) == {(2, 3, 2, 4), (2, 1, 3, 1)}
    assert filled(first) == {"A2": "facility", "C2": "0-4", "A9": "1"}


def test_what_a_merged_range_covers_is_not_read_as_if_it_were_seen(opened: Opened) -> None:
    rows = f'<row r="1">{cell("A1", "5")}{cell("B1", "5")}{cell("C1", "6")}{cell("D1", "7")}</row>'
    first = opened(drawing.xlsx(sheet(rows, after='<mergeCells><mergeCell ref="A1:C1"/></mergeCells>'))).sheets[0]
    assert filled(first) == {"A1": "5", "D1": "7"}
    assert {place: (fault.code, fault.found, fault.arguments) for place, fault in first.faults.items()} == {
        (1, 3): ("cell.covered", "6", {"range": "A1:C1"})
    }


# --- kinds of writers ---


@pytest.mark.parametrize("target", ["worksheets/sheet{}.xml", "/xl/worksheets/sheet{}.xml", "odd/place{}.xml"])
def test_parts_stand_where_the_workbook_says(opened: Opened, target: str) -> None:
    rows = f'<row r="1">{cell("A1", "1")}</row>'
    hidden = f'<row r="1" hidden="1">{cell("A1", "2")}</row>'
    source = opened(drawing.xlsx(sheet(rows), sheet(hidden), target=target))
    assert [filled(one) for one in source.sheets] == [{"A1": "1"}, {"A1": "2"}]
    assert source.sheets[1].hidden_rows == {1}


def test_names_with_a_prefix(opened: Opened) -> None:
    body = sheet(f'<row r="1" hidden="1">{cell("A1", "1")}{cell("B1", "#SPILL!", t="e")}</row>')
    prefixed = body.replace("xmlns=", "xmlns:x=").replace("</", "</x:").replace("<", "<x:").replace("<x:/x:", "</x:")
    first = opened(drawing.xlsx(prefixed)).sheets[0]
    assert filled(first) == {"A1": "1"}
    assert told(first) == {"B1": ("cell.error", "#SPILL!")}
    assert first.hidden_rows == {1}


def test_the_strict_kind_of_open_xml(opened: Opened) -> None:
    parts = drawing.parts(sheet(f'<row r="1">{cell("A1", "0", t="s")}</row>'), strings=drawing.strings("<t>a</t>"))
    for old, new in (
        (drawing.MAIN, "http://purl.oclc.org/ooxml/spreadsheetml/main"),
        (drawing.OFFICE, "http://purl.oclc.org/ooxml/officeDocument/relationships"),
    ):
        parts = {name: content.replace(old, new) for name, content in parts.items()}
    assert filled(opened(drawing.zipped(parts)).sheets[0]) == {"A1": "a"}


@pytest.mark.parametrize("more", ["", cell("D1", "#SPILL!", t="e")], ids=["by calamine", "by ourselves"])
def test_runs_of_a_rich_text_are_joined(opened: Opened, more: str) -> None:
    shared = drawing.strings(
        '<r><t>first </t></r><r><rPr><b/></rPr><t xml:space="preserve"> second</t></r>'
        '<rPh sb="0" eb="1"><t>no</t></rPh>'
    )
    inline = "<is><r><t>00</t></r><r><t>123</t></r></is>"
    rows = f'<row r="1">{cell("A1", "0", t="s")}<c r="B1" t="inlineStr">{inline}</c>'
    rows += f"{cell('C1', 'a_x000D_b', t='str')}{more}</row>"
    first = opened(drawing.xlsx(sheet(rows), strings=shared)).sheets[0]
    assert filled(first) == {"A1": "first second", "B1": "00123", "C1": "a\rb"}


def test_numbers_that_stand_on_lines_of_their_own(opened: Opened) -> None:
    rows = '<row r="1">\n <c r="A1">\n  <v>\n5\n</v>\n </c>\n</row>'
    assert filled(opened(drawing.xlsx(sheet(rows))).sheets[0]) == {"A1": "5"}


# --- what is hidden ---


def test_hidden_rows_and_columns_that_hold_something_are_told_once_a_sheet(opened: Opened) -> None:
    rows = "".join(
        f'<row r="{row}"{hidden}>{cell(f"A{row}", "1")}{cell(f"C{row}", "2") if row < 9 else ""}</row>'
        for row, hidden in ((1, ""), (3, ' hidden="1"'), (7, ' hidden="1"'), (8, ' hidden="true"'), (9, ' hidden="0"'))
    )
    rows += '<row r="12" hidden="1"/>'
    columns = '<cols><col min="2" max="3" width="9" hidden="1"/><col min="20" max="16384" hidden="1"/></cols>'
    for more in ("", f'<row r="13">{cell("A13", "#SPILL!", t="e")}</row>'):
        source = opened(drawing.xlsx(sheet(rows + more, before=columns)))
        assert source.sheets[0].hidden_rows >= {3, 7, 8}
        assert source.sheets[0].hidden_columns == {2, 3}
        assert [(one.code, one.sheet, one.row, one.column, one.arguments) for one in source.findings] == [
            ("row.hidden", "Sheet1", 3, None, {"rows": "3, 7-8"}),
            ("column.hidden", "Sheet1", None, 3, {"columns": "C"}),
        ]


def test_hidden_rows_of_libreoffice(opened: Opened) -> None:
    kept = 'customFormat="false" ht="12.8" hidden="{}" customHeight="false" outlineLevel="0" collapsed="false"'
    columns = (
        '<cols><col collapsed="false" customWidth="true" hidden="true" max="1" min="1" style="0" width="9"/></cols>'
    )
    rows = "".join(
        f'<row r="{row}" {kept.format(hidden)}>{cell(f"A{row}", "1", t="n")}</row>'
        for row, hidden in ((1, "false"), (2, "true"), (3, "false"))
    )
    first = opened(drawing.xlsx(sheet(rows, before=columns))).sheets[0]
    assert (first.hidden_rows, first.hidden_columns) == ({2}, {1})


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_hidden_sheets_are_given_and_told_with_their_filled_rows(opened: Opened, state: str) -> None:
    rows = f'<row r="1">{cell("A1", "1")}</row><row r="2"/><row r="3" hidden="1">{cell("A3", "2")}</row>'
    book = drawing.xlsx(
        sheet(rows), sheet(rows.replace('hidden="1"', "")), names=("Old", "January"), states=(state, "visible")
    )
    source = opened(book)
    assert [(one.sheet, one.visible) for one in source.sheets] == [("Old", False), ("January", True)]
    assert [(one.code, one.sheet, one.arguments) for one in source.findings] == [("sheet.hidden", "Old", {"rows": 2})]
    assert source.evidence["sheets"] == "Old (hidden), January"


def test_sheets_of_charts_are_no_sheets(opened: Opened) -> None:
    parts = drawing.parts(sheet(f'<row r="1">{cell("A1", "1")}</row>'), "<chartsheet/>", names=("Data", "Chart"))
    parts["xl/_rels/workbook.xml.rels"] = parts["xl/_rels/workbook.xml.rels"].replace(
        'Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"',
        'Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/chartsheet"',
    )
    assert [one.sheet for one in opened(drawing.zipped(parts)).sheets] == ["Data"]


# --- the other formats ---

ODS_ROWS = (
    '<table:table-row table:number-rows-repeated="3"><table:table-cell table:number-columns-repeated="16384"/>'
    "</table:table-row><table:table-row><table:table-cell/>"
    '<table:table-cell office:value-type="string"><text:p>007</text:p></table:table-cell>'
    '<table:table-cell office:value-type="float" office:value="12"><text:p>12,0</text:p></table:table-cell>'
    '<table:table-cell office:value-type="date" office:date-value="2024-02-29"><text:p>29</text:p></table:table-cell>'
    '<table:table-cell table:number-columns-repeated="16380"/></table:table-row>'
    '<table:table-row table:number-rows-repeated="1048572"><table:table-cell table:number-columns-repeated="16384"/>'
    "</table:table-row>"
)


def test_other_formats_say_once_what_they_do_not_tell(opened: Opened) -> None:
    cells = {(3, 1): "007", (3, 2): 12.0, (3, 3): 0.1 + 0.2}
    for name, data in (("xls", drawing.xls(cells)), ("xlsb", drawing.xlsb(cells)), ("ods", drawing.ods(ODS_ROWS))):
        source = opened(data, f"form.{name}")
        assert source.format == name
        assert [(one.code, one.sheet, one.arguments) for one in source.findings] == [
            ("sheet.not_known", None, {"format": name})
        ]
        assert [one.sheet for one in source.sheets] == ["Form"]
        last = "2024-02-29" if name == "ods" else "0.3"
        assert filled(source.sheets[0]) == {"B4": "007", "C4": "12", "D4": last}
        assert source.sheets[0].dates == ({(4, 4)} if name == "ods" else set())


def test_the_source_carries_the_hash_of_the_file_and_its_kind(opened: Opened) -> None:
    data = drawing.table([["a"]])
    source = opened(data, "copy of a form.xlsm")
    assert (source.name, source.format) == ("copy of a form.xlsm", "xlsm")
    assert source.sha256 == hashlib.sha256(data).hexdigest()


# --- laws ---

VALUES = st.one_of(
    st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="￾￿"), max_size=8),
    st.integers(-(10**15) + 1, 10**15 - 1),
    st.decimals(-(10**6), 10**6, allow_nan=False, places=4).map(float),
    st.booleans(),
    st.just(""),
)


def expected(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(value, ".15g") if value else "0"
    return str(value)


@given(rows=st.lists(st.lists(VALUES, max_size=5), max_size=6))
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_read_by_either_reader(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[object]]
) -> None:
    path = tmp_path_factory.mktemp("law") / "form.xlsx"
    wanted = {
        (row, column): expected(value)
        for row, values in enumerate(rows, 1)
        for column, value in enumerate(values, 1)
        if expected(value)
    }
    for error in (False, True):
        path.write_bytes(drawing.table(rows, error=error))
        try:
            first = read(path, "form.xlsx").sheets[0]
        except Unreadable as refused:
            assert (refused.finding.code, wanted, error) == ("file.no_data", {}, False)
            continue
        assert {
            (row, column): value
            for row, values in enumerate(first.rows, first.first_row)
            for column, value in enumerate(values, 1)
            if value
        } == wanted


@given(
    serial=st.one_of(
        st.integers(0, 2_958_465).map(float), st.floats(0, 2_900_000).map(lambda number: round(number, 9))
    ),
    number_format=st.sampled_from([14, 22, 21, 46, "dd.mm.yyyy hh:mm:ss.000"]),
    epoch=st.sampled_from(["", '<workbookPr date1904="1"/>']),
)
@settings(max_examples=60, deadline=None)
def test_both_readers_agree_on_dates(
    tmp_path_factory: pytest.TempPathFactory, serial: float, number_format: str | int, epoch: str
) -> None:
    path = tmp_path_factory.mktemp("law") / "form.xlsx"
    found = []
    for more in ("", cell("B1", "#SPILL!", t="e")):
        rows = f'<row r="1">{cell("A1", repr(serial), s="1")}{more}</row>'
        path.write_bytes(drawing.xlsx(sheet(rows), styles=styles(number_format), properties=epoch))
        first = read(path, "form.xlsx").sheets[0]
        found.append((first.rows[0][0], first.dates))
    assert found[0] == found[1]


# --- the cases of the reference data ---


@pytest.mark.parametrize(
    ("case", "wanted"),
    [
        ("C04-period-as-excel-date", {"C2": "2024-01-01", "C3": "2024-02-29", "C4": "202403", "C6": "45413"}),
        ("C05-date1904-workbook", {"C2": "2024-03-15", "D2": "11"}),
        ("C07-formula-without-cached-value", {"D3": "7", "D2": "", "D4": ""}),
        ("C09-merged-two-row-header", {"C2": "<5y", "D2": "", "E2": "5y+", "F3": "Female", "F5": "8"}),
        ("C11-huge-used-range", {"D2": "1", "D3": "2", "D1503": "3"}),
        ("C13-inline-strings-no-refs", {"A2": "00123", "D2": "5", "A4": "00987", "D4": "6"}),
        ("C15-leading-zeros-lost", {"A2": "00123", "A4": "124"}),
        ("C27-float-noise", {"D2": "0.3", "D3": "12", "D4": "12.5", "D5": "120"}),
        ("C70-subtotal-and-footer-rows", {"B3": "1E05", "B4": "", "C4": "11", "A8": "Compiled by: records office"}),
    ],
)
def test_cases(shared: Path, case: str, wanted: dict[str, str]) -> None:
    cells = filled(read(shared / "cases" / case / "input.xlsx", "input.xlsx").sheets[0])
    assert {place: cells.get(place, "") for place in wanted} == wanted


def test_the_case_of_hidden_rows_and_sheets(shared: Path) -> None:
    source = read(shared / "cases" / "C12-hidden-rows-and-sheet" / "input.xlsx", "input.xlsx")
    assert [(one.code, one.sheet, one.row, one.arguments) for one in source.findings] == [
        ("sheet.hidden", "Old", None, {"rows": 2}),
        ("row.hidden", "January", 3, {"rows": "3"}),
    ]
    assert filled(source.sheets[1])["D3"] == "6"
