"""Draws workbooks for tests: from tables of values, from rows of XML, and in the older binary formats."""

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

import xlsxwriter

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def table(rows: Sequence[Sequence[Any]], *, error: bool = False) -> bytes:
    """A workbook with one sheet of these values; on demand with an error cell below that calamine does not read."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_numbers": False, "strings_to_formulas": False})
    sheet = book.add_worksheet("Form")
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            if isinstance(value, bool):
                sheet.write_boolean(number, column, value)
            elif isinstance(value, (int, float)):
                sheet.write_number(number, column, value)
            elif value:
                sheet.write_string(number, column, value)
    if error:
        sheet.write_formula(len(rows) + 1, 0, "=1/0", None, "#DIV/0!")
    book.close()
    if not error:
        return file.getvalue()
    # An error of newer spreadsheets, which XlsxWriter does not know.
    with zipfile.ZipFile(file) as archive:
        return zipped({name: archive.read(name).replace(b"#DIV/0!", b"#SPILL!") for name in archive.namelist()})


def cell(reference: str, value: str | None = None, **attributes: str) -> str:
    """A cell with this stored value; `t` and `s` are its type and style."""
    named = "".join(f' {name}="{text}"' for name, text in attributes.items())
    return f'<c r="{reference}"{named}>' + (f"<v>{value}</v>" if value is not None else "") + "</c>"


def text(reference: str, value: str) -> str:
    """A cell with an inline text."""
    return f'<c r="{reference}" t="inlineStr"><is><t>{value}</t></is></c>'


def sheet(rows: str, *, before: str = "", after: str = "") -> str:
    """The XML of a sheet: what stands before its data, its rows, what stands after."""
    return f'<worksheet xmlns="{MAIN}">{before}<sheetData>{rows}</sheetData>{after}</worksheet>'


def styles(*formats: str | int) -> str:
    """Cell styles 1, 2, ... with these number formats: codes, or numbers of built-in ones."""
    codes = [(170 + place, code) for place, code in enumerate(formats) if isinstance(code, str)]
    listed = "".join(f'<numFmt numFmtId="{number}" formatCode={quoteattr(code)}/>' for number, code in codes)
    numbers = [0, *(170 + place if isinstance(code, str) else code for place, code in enumerate(formats))]
    uses = "".join(f'<xf numFmtId="{number}"/>' for number in numbers)
    return f'<styleSheet xmlns="{MAIN}"><numFmts>{listed}</numFmts><cellXfs>{uses}</cellXfs></styleSheet>'


def strings(*items: str, count: str = "") -> str:
    """Shared texts; each item is the XML within `si`."""
    return f'<sst xmlns="{MAIN}"{count}>' + "".join(f"<si>{item}</si>" for item in items) + "</sst>"


def parts(
    *sheets: str,
    names: Sequence[str] = (),
    states: Sequence[str] = (),
    styles: str = "",
    strings: str = "",
    properties: str = "",
    target: str = "worksheets/sheet{}.xml",
) -> dict[str, str]:
    """The parts of an XLSX with these sheets, by name, to be changed and zipped by a test."""
    listed, linked = "", ""
    made = {}
    for number, content in enumerate(sheets, 1):
        name = names[number - 1] if names else f"Sheet{number}"
        state = f' state="{states[number - 1]}"' if states else ""
        listed += f'<sheet name="{name}" sheetId="{number}"{state} r:id="rId{number}"/>'
        link = target.format(number)
        linked += f'<Relationship Id="rId{number}" Type="{OFFICE}/worksheet" Target="{link}"/>'
        made[link.lstrip("/") if link.startswith("/") else f"xl/{link}"] = content
    for kind, content in (("styles", styles), ("sharedStrings", strings)):
        if content:
            linked += f'<Relationship Id="{kind}" Type="{OFFICE}/{kind}" Target="{kind}.xml"/>'
            made[f"xl/{kind}.xml"] = content
    head = f'<Relationships xmlns="{PACKAGE}">'
    return {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": f'{head}<Relationship Id="a" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
        "</Relationships>",
        "xl/_rels/workbook.xml.rels": f"{head}{linked}</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">{properties}'
        f"<sheets>{listed}</sheets></workbook>",
        **made,
    }


def zipped(content: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of these files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, body in content.items():
            archive.writestr(name, body)
    return file.getvalue()


def xlsx(*sheets: str, **options: Any) -> bytes:
    """An XLSX of these sheets; the options are those of `parts`."""
    return zipped(parts(*sheets, **options))


def ods(rows: str, *, manifest: str = "") -> bytes:
    """An ODS document with one sheet of these rows of XML."""
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:'
            f'manifest:1.0">{manifest}</manifest:manifest>',
            "content.xml": f"<office:document-content {spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="Form">{rows}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        }
    )


def xlsb(cells: Mapping[tuple[int, int], str | float]) -> bytes:
    """An XLSB workbook with one sheet of these cells, by row and column from 0."""

    def record(number: int, content: bytes = b"") -> bytes:
        head = bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80, number >> 7])
        return head + bytes([len(content)]) + content

    def wide(value: str) -> bytes:
        return struct.pack("<I", len(value)) + value.encode("utf-16-le")

    body = record(0x81) + record(0x94, bytes(16)) + record(0x91)
    for row in sorted({row for row, _ in cells}):
        body += record(0, struct.pack("<I", row) + bytes(13))
        for (_, column), value in sorted(item for item in cells.items() if item[0][0] == row):
            place = struct.pack("<II", column, 0)
            if isinstance(value, str):
                body += record(6, place + wide(value))
            else:
                body += record(5, place + struct.pack("<d", value))
    body += record(0x92) + record(0x82)
    listed = record(0x9C, struct.pack("<II", 0, 1) + wide("rId1") + wide("Form"))
    link = f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.bin"/>'
    return zipped(
        {
            "xl/workbook.bin": record(0x83) + record(0x8F) + listed + record(0x90) + record(0x84),
            "xl/_rels/workbook.bin.rels": f'<Relationships xmlns="{PACKAGE}">{link}</Relationships>',
            "xl/worksheets/sheet1.bin": body,
        }
    )


def xls(
    cells: Mapping[tuple[int, int], str | float],
    *,
    declared: tuple[int, int] = (1, 1),
    state: int = 0,
    more: bytes = b"",
) -> bytes:
    """An XLS workbook with one sheet of these cells, by row and column from 0; `declared` is the size it claims."""

    def record(number: int, content: bytes = b"") -> bytes:
        return struct.pack("<HH", number, len(content)) + content

    def sheets(position: int) -> bytes:
        head = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0)) + record(0x0042, b"\xb0\x04")
        return head + record(0x0085, struct.pack("<IBB", position, state, 0) + b"\x04\0Form") + record(0x000A)

    body = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0))
    body += record(0x0200, struct.pack("<IIHHH", 0, declared[0], 0, declared[1], 0))
    for (row, column), value in cells.items():
        place = struct.pack("<HHH", row, column, 0)
        if isinstance(value, str):
            body += record(0x0204, place + struct.pack("<HB", len(value), 1) + value.encode("utf-16-le"))
        else:
            body += record(0x0203, place + struct.pack("<d", value))
    return compound({"Workbook": sheets(len(sheets(0))) + body + more + record(0x000A)})


def compound(streams: Mapping[str, bytes], *, endless: bool = False) -> bytes:
    """A compound file of these streams; `endless` lets the directory go round in a circle."""
    end, free, table_mark = 0xFFFF_FFFE, 0xFFFF_FFFF, 0xFFFF_FFFD
    following = [table_mark, 1 if endless else end]
    sectors = b""
    entries = [("Root Entry", 5, end, 0)]
    for name, content in streams.items():
        padded = content + bytes(-len(content) % 512 if len(content) >= 4096 else 4096 - len(content))
        count = len(padded) // 512
        entries.append((name, 2, len(following), len(padded)))
        following += [*range(len(following) + 1, len(following) + count), end]
        sectors += padded
    directory = b""
    for name, kind, start, length in entries:
        directory += name.encode("utf-16-le").ljust(64, b"\0") + struct.pack("<HBB", 2 * len(name) + 2, kind, 1)
        directory += struct.pack("<III", free, free, free) + bytes(36) + struct.pack("<IQ", start, length)
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    head += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0) + struct.pack("<I", 0) + b"\xff" * (108 * 4)
    table = struct.pack(f"<{len(following)}I", *following).ljust(512, b"\xff")
    return head + table + directory.ljust(512, b"\0") + sectors
