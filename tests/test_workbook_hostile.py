"""Workbooks that are damaged or made to do harm: each is refused with one reason, quickly and in little memory."""

import struct
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import drawing
import pytest
from drawing import cell, sheet
from hypothesis import given, settings
from hypothesis import strategies as st

from dhis2_bridge.findings import Unreadable
from dhis2_bridge.sources.limits import Limits
from dhis2_bridge.sources.workbook import read

ONE = sheet(f'<row r="1">{cell("A1", "1")}</row>')
SMALL = Limits(archive_bytes=1 << 20, sheet_cells=10_000)
SECONDS = 5.0
MEMORY = 150 << 20


def refusal(path: Path, data: bytes, limits: Limits | None = None) -> tuple[str, dict[str, object]]:
    """The code and the arguments with which a file is refused, within the bounds of time and memory."""
    path.write_bytes(data)
    started = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable) as refused:
            read(path, "form.xlsx", limits=limits or Limits())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.monotonic() - started < SECONDS
    assert peak < MEMORY
    assert refused.value.finding.source == "form.xlsx"
    return refused.value.finding.code, dict(refused.value.finding.arguments)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "form.xlsx"


# --- archives ---


def test_an_empty_file(path: Path) -> None:
    assert refusal(path, b"") == ("file.empty", {})


@pytest.mark.parametrize(
    "data",
    [
        b"PK\3\4 and no more",
        drawing.xlsx(ONE)[:-40],
        drawing.xlsx(ONE)[: len(drawing.xlsx(ONE)) // 2],
        b"PK\5\6" + bytes(18),
    ],
    ids=["no archive", "end cut off", "half", "empty archive"],
)
def test_a_damaged_archive(path: Path, data: bytes) -> None:
    code, arguments = refusal(path, data)
    assert code in {"file.unreadable", "file.unsupported"}
    assert set(arguments) in ({"reason"}, {"format", "advice"})


def test_damaged_content(path: Path) -> None:
    data = bytearray(drawing.zipped(drawing.parts(ONE), zipfile.ZIP_STORED))
    place = data.index(b"<v>1</v>")
    data[place + 3 : place + 4] = b"2"
    assert refusal(path, bytes(data)) == ("file.unreadable", {"reason": "archive_damaged"})


def test_a_bomb_by_its_own_account(path: Path) -> None:
    parts = {**drawing.parts(ONE), "xl/worksheets/sheet1.xml": b"<" + b" " * (2 << 20)}
    assert refusal(path, drawing.zipped(parts), SMALL) == (
        "file.too_large",
        {"what": "archive_bytes", "limit": 1 << 20},
    )


def test_a_bomb_by_its_ratio(path: Path) -> None:
    parts = {**drawing.parts(ONE), "xl/media/picture.png": bytes(40 << 20)}
    assert refusal(path, drawing.zipped(parts)) == ("file.too_large", {"what": "archive_ratio", "limit": 300})


def test_a_bomb_that_lies_about_its_size(path: Path) -> None:
    body = ONE.encode() + b" " * (64 << 20)
    data = bytearray(drawing.zipped({**drawing.parts(ONE), "xl/worksheets/sheet1.xml": body}))
    honest, lie = struct.pack("<L", len(body)), struct.pack("<L", len(ONE))
    assert data.count(honest) == 2
    assert refusal(path, bytes(data.replace(honest, lie))) == ("file.unreadable", {"reason": "archive_sizes_wrong"})


def test_a_part_that_stands_there_twice(path: Path) -> None:
    data = drawing.zipped({**drawing.parts(ONE), "XL/worksheets\\SHEET1.xml": ONE})
    assert refusal(path, data) == ("file.unreadable", {"reason": "archive_part_twice"})


def test_names_that_lead_out_of_the_archive_harm_nothing(path: Path) -> None:
    path.write_bytes(drawing.zipped({**drawing.parts(ONE), "../../outside.xml": "<a/>", "/etc/outside": "<a/>"}))
    assert read(path, "form.xlsx").sheets[0].rows == [["1"]]
    assert [file.name for file in path.parent.iterdir()] == ["form.xlsx"]


def test_an_encrypted_entry(path: Path) -> None:
    data = bytearray(drawing.xlsx(ONE))
    central = data.rindex(b"PK\1\2")
    data[central + 8] |= 1
    code, arguments = refusal(path, bytes(data))
    assert (code, arguments["advice"]) == ("file.unsupported", "save_without_password")


def test_a_file_larger_than_the_limit_is_not_read(path: Path) -> None:
    data = drawing.xlsx(ONE)
    assert refusal(path, data, Limits(file_bytes=100)) == ("file.too_large", {"what": "file_bytes", "limit": 100})


# --- other files under the name of a workbook ---


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"<html><table><tr><td>1</td></tr></table></html>", "html_or_xml"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>', "html_or_xml"),
        (b"code;value\n1;2\n", "unknown"),
        (drawing.zipped({"data.csv": "a,b"}), "zip"),
        (drawing.zipped({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "<a/>"}), "zip"),
        (drawing.zipped({**drawing.parts(ONE), "xl/workbook.xml": "<document/>"}), "zip"),
        (drawing.compound({"WordDocument": bytes(5000)}), "ole"),
        (drawing.compound({"EncryptionInfo": bytes(5000), "EncryptedPackage": bytes(5000)}), "encrypted_workbook"),
        (drawing.ods("", manifest="<manifest:encryption-data/>"), "encrypted_workbook"),
    ],
)
def test_files_of_another_kind_come_with_advice(path: Path, data: bytes, kind: str) -> None:
    code, arguments = refusal(path, data)
    assert (code, arguments["format"]) == ("file.unsupported", kind)
    assert arguments["advice"]


def test_an_xls_with_a_password(path: Path) -> None:
    stream = struct.pack("<HHHHHHII", 0x0809, 16, 0x0600, 5, 0, 0, 0, 0) + struct.pack("<HHH", 0x002F, 2, 1)
    code, arguments = refusal(path, drawing.compound({"Workbook": stream}))
    assert (code, arguments["advice"]) == ("file.unsupported", "save_without_password")


# --- XML ---


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/sharedStrings.xml", "_rels/.rels"])
def test_entities_are_refused_before_anything_is_parsed(path: Path, part: str) -> None:
    parts = drawing.parts(ONE, strings=drawing.strings("<t>a</t>"))
    parts[part] = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;">]>' + parts[part]
    assert refusal(path, drawing.zipped(parts)) == ("file.unreadable", {"reason": "xml_declares_entities"})


@pytest.mark.parametrize(
    "content",
    [
        ONE.encode("utf-16"),
        ONE.encode("utf-16-le"),
        b'<?xml version="1.0" encoding="windows-1251"?>' + ONE.encode(),
    ],
)
def test_other_encodings_than_that_of_open_xml(path: Path, content: bytes) -> None:
    data = drawing.zipped({**drawing.parts(ONE), "xl/worksheets/sheet1.xml": content})
    assert refusal(path, data) == ("file.unreadable", {"reason": "xml_encoding"})


@pytest.mark.parametrize(
    ("part", "content", "reason"),
    [
        ("xl/workbook.xml", "<workbook", "xml_broken"),
        ("xl/worksheets/sheet1.xml", ONE[:-30], "xml_broken"),
        ("xl/worksheets/sheet1.xml", sheet(f'<row r="1">{cell("A1", "&b;", t="str")}</row>'), "xml_broken"),
        ("xl/worksheets/sheet1.xml", sheet(f'<row r="1">{cell("A1", "9", t="s")}</row>'), "shared_text_missing"),
        ("xl/worksheets/sheet1.xml", sheet(f'<row r="1">{cell("A0", "9")}</row>'), "place_outside_sheet"),
        ("xl/worksheets/sheet1.xml", sheet(f'<row r="1">{cell("A1048577", "9")}</row>'), "place_outside_sheet"),
        ("xl/worksheets/sheet1.xml", sheet(f'<row r="1">{cell("XFE1", "9")}</row>'), "place_outside_sheet"),
        ("xl/worksheets/sheet1.xml", sheet('<row r="99999999999"><c><v>9</v></c></row>'), "place_outside_sheet"),
        ("xl/worksheets/sheet1.xml", None, "sheet_missing"),
        ("xl/workbook.xml", None, "workbook_part_missing"),
        ("xl/_rels/workbook.xml.rels", None, "workbook_part_missing"),
    ],
)
def test_broken_parts(path: Path, part: str, content: str | None, reason: str) -> None:
    parts = drawing.parts(ONE)
    if content is None:
        del parts[part]
    else:
        parts[part] = content
    assert refusal(path, drawing.zipped(parts)) == ("file.unreadable", {"reason": reason})


def test_workbooks_that_hold_nothing(path: Path) -> None:
    for data in (
        drawing.xlsx(),
        drawing.xlsx(sheet("")),
        drawing.xlsx(sheet('<row r="1"><c r="A1" s="0"/></row>'), sheet("")),
        drawing.ods(""),
        drawing.xls({}),
        drawing.xlsb({}),
    ):
        assert refusal(path, data) == ("file.no_data", {})


def test_a_text_without_end(path: Path) -> None:
    rows = f'<row r="1">{cell("A1", "#SPILL!", t="e")}{drawing.text("B1", "a" * (20 << 20))}</row>'
    parts = drawing.zipped(drawing.parts(sheet(rows)), zipfile.ZIP_STORED)
    assert refusal(path, parts) == ("file.too_large", {"what": "row_bytes", "limit": 8 << 20})


# --- sheets that would fill the memory ---


REFUSED = {("file.too_large", "sheet_cells", 10_000), ("file.unreadable", "xml_broken")}


@pytest.mark.parametrize(
    "rows",
    [
        "".join(f'<row r="{row}">{cell(f"XFD{row}", "1")}</row>' for row in range(1, 3000)),
        '<row r="1"><c><v>1</v></c></row>' + "<row/>" * 30_000 + f'<row r="900000">{cell("ZZ900000", "1")}</row>',
        "".join(f'<row r="{row * 1000}">{cell(f"ZZ{row * 1000}", "1")}</row>' for row in range(1, 1000)),
        f"""<row r="1">{cell("A1", "2")}<c r="B1" r = 'ZZ99999'><v>1</v></c></row>""",
    ],
    ids=["last column", "rows without a number", "far apart", "two places of one cell"],
)
def test_cells_far_apart_are_read_or_refused(path: Path, rows: str) -> None:
    path.write_bytes(drawing.xlsx(sheet(rows)))
    started = time.monotonic()
    try:
        assert read(path, "form.xlsx", limits=SMALL).sheets[0].rows[-1][-1] == "1"
    except Unreadable as refused:
        finding = refused.finding
        assert (finding.code, *finding.arguments.values()) in REFUSED
    assert time.monotonic() - started < SECONDS


def test_cells_without_end_in_a_row(path: Path) -> None:
    rows = '<row r="1">' + "<c></c>" * 100_000 + '<c><v>1</v></c></row><row r="900"><c><v>1</v></c></row>'
    assert refusal(path, drawing.xlsx(sheet(rows))) == ("file.unreadable", {"reason": "place_outside_sheet"})


def test_a_table_of_texts_that_claims_to_be_endless(path: Path) -> None:
    rows = f'<row r="1">{cell("A1", "0", t="s")}</row>'
    for count in (' uniqueCount="99999999999999999"', ' count="1" uniqueCount = "99999999999999999"'):
        path.write_bytes(drawing.xlsx(sheet(rows), strings=drawing.strings("<t>a</t>", count=count)))
        assert read(path, "form.xlsx").sheets[0].rows == [["a"]]


def test_merged_ranges_without_end(path: Path) -> None:
    rows = "".join(f'<row r="{row}">{cell(f"A{row}", "1")}</row>' for row in range(1, 500))
    after = "<mergeCells>" + '<mergeCell ref="A1:XFD1048576"/>' * 5_000 + "</mergeCells>"
    data = drawing.xlsx(sheet(rows, after=after))
    assert refusal(path, data) == ("file.unreadable", {"reason": "merged_ranges_overlap"})


@pytest.mark.parametrize("more", ["", cell("F1", "#SPILL!", t="e")], ids=["by calamine", "by ourselves"])
def test_the_limit_of_cells_is_the_same_for_both_readers(path: Path, more: str) -> None:
    rows = f'<row r="1">{more}</row>'
    rows += "".join(
        f'<row r="{row}">' + "".join(cell(f"{c}{row}", "1") for c in "ABCDE") + "</row>" for row in range(2, 30)
    )
    assert refusal(path, drawing.xlsx(sheet(rows)), Limits(sheet_cells=100)) == (
        "file.too_large",
        {"what": "sheet_cells", "limit": 100},
    )


CELL = '<table:table-cell office:value-type="float" office:value="1" table:number-columns-repeated="16384"/>'


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (drawing.xls({(0, 0): 1.0, (65535, 255): 2.0}), "sheet_cells"),
        (drawing.xls({(0, 0): 1.0, (0, 65535): 2.0}), "columns"),
        (drawing.xls({(0, 0): 1.0}, declared=(4_000_000_000, 256)), "sheet_cells"),
        (drawing.xlsb({(0, 0): 1.0, (1_048_575, 16_383): 2.0}), "sheet_cells"),
        (drawing.xlsb({(0, 0): 1.0, (0, 1 << 31): 2.0}), "columns"),
        (drawing.ods(f'<table:table-row table:number-rows-repeated="1048576">{CELL}</table:table-row>'), "sheet_cells"),
        (drawing.ods(f"<table:table-row>{CELL}</table:table-row>" * 20), "sheet_cells"),
    ],
)
def test_other_formats_are_measured_before_they_are_laid_out(path: Path, data: bytes, what: str) -> None:
    limits = Limits(sheet_cells=100_000)
    assert refusal(path, data, limits) == ("file.too_large", {"what": what, "limit": getattr(limits, what)})


def test_a_compound_file_that_goes_round_in_a_circle(path: Path) -> None:
    data = drawing.compound({"Workbook": bytes(5000)}, endless=True)
    assert refusal(path, data) == ("file.unreadable", {"reason": "workbook_damaged"})


# --- laws ---

WHOLE = {
    "xlsx": drawing.xlsx(ONE, strings=drawing.strings("<t>a</t>")),
    "xls": drawing.xls({(0, 0): "a", (1, 1): 1.0}),
    "xlsb": drawing.xlsb({(0, 0): "a", (1, 1): 1.0}),
    "ods": drawing.ods('<table:table-row><table:table-cell office:value-type="string"/></table:table-row>'),
}


@given(
    kind=st.sampled_from(sorted(WHOLE)),
    changes=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=6),
    keep=st.integers(1, 100),
)
@settings(max_examples=150, deadline=None)
def test_damage_ends_in_sheets_or_in_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, kind: str, changes: list[tuple[int, int]], keep: int
) -> None:
    data = bytearray(WHOLE[kind])
    for place, byte in changes:
        data[place % len(data)] = byte
    path = tmp_path_factory.mktemp("law") / "form"
    path.write_bytes(bytes(data[: len(data) * keep // 100 + 1]))
    try:
        assert read(path, "form").sheets
    except Unreadable as refused:
        assert refused.finding.code.startswith("file.")


@given(changes=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_damage_within_an_xls_ends_in_sheets_or_in_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(WHOLE["xls"])
    start = 512 * 3
    for place, byte in changes:
        data[start + place % 160] = byte
    path = tmp_path_factory.mktemp("law") / "form.xls"
    path.write_bytes(bytes(data))
    try:
        assert read(path, "form").sheets
    except Unreadable as refused:
        assert refused.finding.code.startswith("file.")


def test_an_archive_is_packed_as_it_was_unpacked() -> None:
    from dhis2_bridge.sources.workbook_package import pack, unpack

    files = {"a.xml": "<a/>", "large.xml": "<a>" + "b" * (3 << 20) + "</a>", "empty.xml": ""}
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        parts = unpack(drawing.zipped(files, method), "form", Limits())
        again = unpack(pack(parts.values()), "form", Limits())
        assert {name: part.content.decode() for name, part in again.items()} == files
        assert all(part.checksum == zlib.crc32(part.content) for part in again.values())
