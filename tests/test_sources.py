"""Opening a file by what it holds, and finding files in folders."""

import gc
import gzip
import hashlib
import io
import os
import stat
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

from dhis2_bridge.findings import Unreadable, UsageError
from dhis2_bridge.sources import expand, open_source
from dhis2_bridge.sources.limits import Limits
from dhis2_bridge.values import Source


def rows(source: Source) -> list[tuple[Any, ...]]:
    assert source.table is not None
    return [row for frame in source.table.batches() for row in frame.rows()]


def zipped(*names: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return archive.getvalue()


def dbf() -> bytes:
    field = b"NAME".ljust(11, b"\0") + b"C" + bytes(4) + b"\x0a" + bytes(15)
    return (
        b"\x03\x7c\x01\x1f"
        + (1).to_bytes(4, "little")
        + (65).to_bytes(2, "little")
        + b"\x0b\0"
        + bytes(20)
        + field
        + b"\r x"
    )


# what a file is


@pytest.mark.parametrize("name", ["report.csv", "report.xls", "report.xlsx", "report.json", "report"])
def test_the_content_decides_and_not_the_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("a;b\n1;2\n")
    source = open_source(path)
    assert (source.format, rows(source)) == ("csv", [(2, "1", "2")])
    path.write_text('[{"a": 1}]')
    assert open_source(path).format == "json"


def test_a_source_says_what_was_recognised(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    content = "sep=;\nном;сон\nТошкент;5\n".encode("utf-16")
    path.write_bytes(content)
    source = open_source(path, name="reports/x.csv")
    assert source.evidence == {"encoding": "utf-16-le", "delimiter": ";", "header_row": 2}
    assert (source.name, source.table and source.table.source) == ("reports/x.csv", "reports/x.csv")
    assert source.sha256 == hashlib.sha256(content).hexdigest()
    assert (source.sheets, source.findings) == ([], [])


def test_findings_of_the_encoding_are_findings_of_the_source(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("учреждение;показатель\nполиклиника;пять\n".encode("cp866"))
    source = open_source(path)
    assert [(finding.code, finding.source) for finding in source.findings] == [("encoding.guessed", str(path))]
    assert rows(source) == [(2, "поликлиника", "пять")]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ('{"a": 1}\n{"a": 2}\n', "ndjson"),
        ('\ufeff\n\n{"a": 1}\r\n\r\n{"a": \n', "ndjson"),
        ("[]\n[]\n", "ndjson"),
        ('{"a": 1}\n', "json"),
        ('{"a": 1}\n\n \n', "json"),
        ('{"a":\n1}\n', "json"),
        ('[\n{"a": 1},\n{"a": 2}]\n', "json"),
        ("[]", "json"),
        ("code,[a]\n{1},2\n", "csv"),
        ("\ufeff\n", None),
    ],
)
def test_several_documents_a_line_each_are_ndjson(tmp_path: Path, content: str, kind: str | None) -> None:
    path = tmp_path / "x"
    path.write_text(content, encoding="utf-8", newline="")
    if kind:
        assert open_source(path).format == kind
    else:
        with pytest.raises(Unreadable, match=r"file\.empty"):
            open_source(path)


def test_a_declared_format_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text('{"a"},b\n1,2\n')
    assert rows(open_source(path, format="csv", quote=None)) == [(2, "1", "2")]
    path.write_text('{"a": 1}\n')
    assert open_source(path, format="ndjson").format == "ndjson"


@pytest.mark.parametrize(
    ("content", "declared", "form"),
    [
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "csv", "workbook"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "json", "workbook"),
        (zipped("report.csv"), "csv", "zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "ndjson", "workbook"),
        (b"a;b\n1;2\n", "xlsx", "text"),
        ("a\tb\n1\t2\n".encode("utf-16"), "xls", "text"),
        (b'[{"a": 1}]', "ods", "text"),
    ],
)
def test_a_declared_format_that_the_content_contradicts_is_told(
    tmp_path: Path, content: bytes, declared: str, form: str
) -> None:
    path = tmp_path / "report"
    path.write_bytes(content)
    with pytest.raises(Unreadable) as caught:
        open_source(path, format=declared)
    finding = caught.value.finding
    assert (finding.code, finding.arguments) == ("file.declared_otherwise", {"declared": declared, "format": form})


@pytest.mark.parametrize("name", ["report.xlsx", "REPORT.XLS", "report.ods"])
@pytest.mark.parametrize("declared", [None, "csv", "xlsx"])
def test_noise_that_is_called_a_workbook_is_a_damaged_one(tmp_path: Path, name: str, declared: str | None) -> None:
    path = tmp_path / name
    path.write_bytes(bytes(range(256)) * 4)
    with pytest.raises(Unreadable) as caught:
        open_source(path, format=declared)
    assert (caught.value.finding.code, caught.value.finding.arguments) == (
        "file.unreadable",
        {"reason": "workbook_damaged"},
    )


def test_text_of_any_encoding_may_be_called_a_workbook(tmp_path: Path) -> None:
    path = tmp_path / "report.xls"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_bytes("Муассаса;Қиймат\nПоликлиника;2\n".encode(encoding))
        source = open_source(path)
        assert (source.format, rows(source)) == ("csv", [(2, "Поликлиника", "2")])


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (gzip.compress(b"a,b\n", mtime=0), "gzip"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x89PNG\r\n\x1a\n", "image"),
        (b"\xff\xd8\xff\xe0", "image"),
        (b"{\\rtf1\\ansi a,b}", "RTF"),
        (b"\r\n<HTML><table><tr><td>1</td></tr></table></HTML>", "HTML"),
        (b"\xef\xbb\xbf<table><tr><td>1</td></tr></table>", "HTML"),
        ("\ufeff<html></html>".encode("utf-16-le"), "HTML"),
        (b"MIME-Version: 1.0\r\nX-Document-Type: Workbook\r\n", "HTML"),
        (b"<?xml version='1.0'?><Workbook/>", "XML"),
        (b"SQLite format 3\0", "SQLite"),
        (zipped("word/document.xml"), "Word"),
        (zipped("ppt/presentation.xml"), "PowerPoint"),
        (dbf(), "DBF"),
    ],
)
def test_a_known_format_that_is_not_read_is_named_with_what_to_do(tmp_path: Path, content: bytes, form: str) -> None:
    path = tmp_path / "report.xls"
    path.write_bytes(content)
    with pytest.raises(Unreadable) as caught:
        open_source(path)
    finding = caught.value.finding
    assert (finding.code, finding.arguments["format"]) == ("file.unsupported", form)
    assert finding.arguments["advice"] in {"unpack_first", "save_as_xlsx", "export_from_source", "export_as_csv"}


@pytest.mark.parametrize(
    "content", [zipped("a.txt"), zipped(), b"PK\3\4 cut off", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 cut off"]
)
def test_a_container_without_a_workbook_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "report.xlsx"
    path.write_bytes(content)
    with pytest.raises(Unreadable):
        open_source(path)


@pytest.mark.parametrize(
    "content", ["0,b\n1,2\n", "PAR1,b\n1,2\n", "Rar!,b\n1,2\n", "MM,b\n1,2\n", "mime,b\n1,2\n", "BZh,b\n1,2\n"]
)
def test_text_that_begins_like_another_format_is_text(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x"
    path.write_text(content)
    assert rows(open_source(path)) == [(2, "1", "2")]


def test_an_empty_file_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"")
    with pytest.raises(Unreadable, match=r"file\.empty"):
        open_source(path)


# what is no file


@pytest.mark.parametrize("name", ["none.csv", ".", "-"])
def test_what_is_not_there_or_no_file_is_an_error_of_the_call(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_source(name if name == "-" else tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("options", [{"format": "docx"}, {"header_row": 0}, {"encoding": "none"}, {"delimiter": "ab"}])
def test_an_option_that_cannot_be_is_an_error_of_the_call(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UsageError):
        open_source(path, **options)


def test_a_file_that_may_not_be_read_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")  # what Windows says of a workbook that Excel has open

    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    monkeypatch.setattr(Path, "open", locked)
    with pytest.raises(Unreadable, match="not_allowed"):
        open_source(path)


def test_a_file_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    for limits in (Limits(file_bytes=7), Limits(columns=1)):
        with pytest.raises(Unreadable, match=r"file\.too_large"):
            open_source(path, limits=limits)
    with pytest.raises(Unreadable, match="file_bytes"):
        open_source("-", stream=io.BytesIO(b"a,b\n1,2\n"), limits=Limits(file_bytes=7))


# streams


@pytest.fixture
def spools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "spools"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_standard_input_is_copied_privately_and_the_copy_goes_with_the_source(spools: Path) -> None:
    content = b"a,b\n1,2\n"
    source = open_source("-", stream=io.BytesIO(content))
    assert source.name == "-"
    assert source.sha256 == hashlib.sha256(content).hexdigest()
    assert rows(source) == rows(source) == [(2, "1", "2")]
    (copy,) = spools.iterdir()
    if os.name != "nt":
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    del source
    gc.collect()
    assert list(spools.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"\n \n", b"%PDF", b"\xff\xfa", b'{"a": '])
def test_no_copy_is_left_of_a_stream_that_is_refused(spools: Path, content: bytes) -> None:
    with pytest.raises(Unreadable):
        open_source("-", stream=io.BytesIO(content))
    gc.collect()
    assert list(spools.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_copied_like_standard_input(tmp_path: Path, spools: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("a,b\n1,2\n",))
    writer.start()
    source = open_source(pipe)
    writer.join()
    assert rows(source) == [(2, "1", "2")]
    assert len(list(spools.iterdir())) == 1


# folders and patterns


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "b.csv",
        "a.xlsx",
        "~$a.xlsx",
        ".hidden",
        ".DS_Store",
        "Thumbs.db",
        ".~lock.b.csv#",
        "sub/c.csv",
        "[x].csv",
    ):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a\n")
    return tmp_path / "in"


def names(paths: tuple[Path, ...]) -> list[str]:
    return [path.name for path in paths]


def test_a_folder_stands_for_its_files_and_tells_what_it_leaves_out(folder: Path) -> None:
    found = expand([folder])
    assert names(found.files) == ["[x].csv", "a.xlsx", "b.csv"]
    assert set(names(found.left_out)) == {"~$a.xlsx", ".hidden", ".DS_Store", "Thumbs.db", ".~lock.b.csv#", "sub"}


def test_a_pattern_stands_for_what_it_fits(folder: Path) -> None:
    assert names(expand([f"{folder}/*.csv"]).files) == ["[x].csv", "b.csv"]
    assert names(expand([f"{folder}/**/*.csv"]).files) == ["[x].csv", "b.csv", "c.csv"]
    assert names(expand([f"{folder}/?.xlsx"]).files) == ["a.xlsx"]


def test_a_name_that_is_there_is_no_pattern(folder: Path) -> None:
    assert names(expand([folder / "[x].csv"]).files) == ["[x].csv"]


def test_files_come_sorted_and_each_once(folder: Path) -> None:
    found = expand([folder / "b.csv", folder, f"{folder}/*.xlsx", "-"])
    assert found.files == tuple(sorted(found.files))
    assert names(found.files) == ["-", "[x].csv", "a.xlsx", "b.csv"]


def test_a_hidden_file_that_is_named_is_read_and_a_lock_is_not(folder: Path) -> None:
    found = expand([folder / ".hidden", folder / "~$a.xlsx"])
    assert (names(found.files), names(found.left_out)) == ([".hidden"], ["~$a.xlsx"])
    with pytest.raises(UsageError, match=r"nothing is left to read: .*a\.xlsx was left out"):
        expand([folder / "~$a.xlsx"])


def test_a_folder_without_a_file_is_no_success(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "none" / "sub").mkdir(parents=True)
    (tmp_path / "none" / ".hidden").touch()
    with pytest.raises(UsageError, match="no file to read in this folder"):
        expand([folder, tmp_path / "none"])


def test_a_name_that_no_system_takes_is_an_error_of_the_call() -> None:
    with pytest.raises(UsageError, match=r"cannot be looked at: .*too long"):
        expand(["a" * 5_000])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep names as text")
def test_a_name_in_another_encoding_is_spelled_out(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\x8e\x92.csv"))  # "ОТ" as an old archive brings it
    path.write_text("a,b\n1,2\n")
    assert open_source(path).name == f"{tmp_path}/\\x8e\\x92.csv"


@pytest.mark.parametrize("name", ["none.csv", "*.ods"])
def test_a_name_without_a_file_is_an_error_of_the_call(folder: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no file"):
        expand([folder / name])


# the cases


def test_the_empty_cases(shared: Path) -> None:
    case = shared / "cases" / "C71-empty-input-is-success"
    for name in ("zero.csv", "blank_lines.csv"):
        with pytest.raises(Unreadable, match=r"file\.empty"):
            open_source(case / name)
    for name in ("header_only.csv", "empty.json"):
        assert rows(open_source(case / name)) == []


def test_a_workbook_is_handed_to_its_reader(shared: Path) -> None:
    source = open_source(shared / "cases" / "C27-float-noise" / "input.xlsx")
    assert (source.format, source.table) == ("xlsx", None)
    assert source.sheets
