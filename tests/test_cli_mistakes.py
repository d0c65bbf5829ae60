"""What a person meets who made a mistake: one clear line, the documented exit code, and nothing left behind."""

import gzip
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from commanding import EXAMPLES, EXPORT, FORM, MAPPING, MISTAKES, WITH, Shell

from dhis2_bridge import pipeline, settings
from dhis2_bridge.sandbox import Sandbox

SECRET = "s3cret-word"
CELL = "a cell that nobody should read in a log"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(monkeypatch, tmp_path)


def mapping_with(**changes: str) -> str:
    """The text of a shipped mapping with some of its lines replaced."""
    text = settings.mapping_path("uzbekistan/phc_monthly_long").read_text(encoding="utf-8")
    for key, value in changes.items():
        text = text.replace(next(line for line in text.splitlines() if line.startswith(f"{key}:")), value)
    return text


# -- the call (2) ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("chek",), "There is no command 'chek'. Did you mean check or schema?"),
        (("check",), "Missing argument 'FILES...'"),
        (("check", FORM), "Missing option '--mapping'"),
        (("check", FORM, *WITH, "--lang", "fr"), "'fr' is not one of 'en', 'ru', 'uz'"),
        (("convert", FORM, *WITH, "--chunk-size", "0"), "0 is not in the range x>=1"),
        (("convert", FORM, *WITH, "--out", "-", "--json"), "--out - and --json both want standard output"),
        (("push",), "Missing argument 'RUN'"),
        (("push", "run", "--password", SECRET), "No such option"),
        (("snapshot", "pul"), "No such command 'pul'"),
    ],
    ids=lambda value: " ".join(map(str, value))[:24] if isinstance(value, tuple) else "",
)
def test_a_call_that_cannot_be_understood(shell: Shell, arguments: tuple[object, ...], said: str) -> None:
    ran = shell(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_no_command_shows_the_help(shell: Shell) -> None:
    ran = shell()
    assert ran.code == 2
    assert "Begin with: dhis2-bridge demo" in ran.both


FILES: dict[str, bytes] = {
    "empty.yaml": b"",
    "broken.yaml": b"mapping: [a\nversion: {",
    "tab.yaml": b"mapping: x\n\tversion: 1\n",
    "cp1251.yaml": "mapping: x\nversion: 1\ntitle: Отчёт\n".encode("cp1251"),
    "list.yaml": b"- a\n- b\n",
    "nul.yaml": b"mapping: \x00\n",
    "hostile.yaml": mapping_with(where="where: \"__import__('os').system('true')\"").encode(),
    "select.yaml": mapping_with(where="where: form in (select 1)").encode(),
    "unknown.yaml": mapping_with(data_set="data_sett: X").encode(),
    "elsewhere.yaml": mapping_with(data_set="data_set: UZ_PHC_M\ninstance: https://other.example").encode(),
    "no-such-set.yaml": mapping_with(data_set="data_set: NO_SUCH").encode(),
    "empty.json": b"",
    "none.json": b"{}",
    "list.json": b"[]",
    "cut.json": EXPORT.read_bytes()[:900],
    "text.json": b"no JSON at all",
    "bytes.json": bytes(range(256)),
    "cut.json.gz": gzip.compress(EXPORT.read_bytes(), mtime=0)[:200],
    "twice.json": b'{"dataElements": [{"id": "abcdefghijk"}, {"id": "abcdefghijk"}]}',
}


@pytest.fixture
def folder(shell: Shell, tmp_path: Path) -> Path:
    """A folder with things that go wrong."""
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    for name in ("phc_lines.csv", "age5.csv"):
        (tmp_path / name).write_bytes((settings.shipped("mappings") / "uzbekistan" / name).read_bytes())
    (tmp_path / "a-folder").mkdir()
    return tmp_path


CSV = EXAMPLES / "phc" / "phc_comma.csv"


@pytest.mark.parametrize(
    ("mapping", "place", "said"),
    [
        ("nothing.yaml", "nothing.yaml", "there is no such mapping file, and no shipped mapping of this name"),
        ("a-folder", "a-folder", "is a folder"),
        ("empty.yaml", "empty.yaml:1:1", "the file is empty"),
        ("broken.yaml", "broken.yaml:2:", "this is not YAML"),
        ("tab.yaml", "tab.yaml:2:", "tab"),
        ("cp1251.yaml", "cp1251.yaml:3:1", "not UTF-8"),
        ("list.yaml", "list.yaml:1:1", "a mapping is a block of keys"),
        ("nul.yaml", "nul.yaml:1:", ""),
        ("hostile.yaml", "hostile.yaml:", "functions such as __import__() cannot be used"),
        ("select.yaml", "select.yaml:", "cannot"),
        ("unknown.yaml", "unknown.yaml:", "did you mean 'data_set'?"),
        ("elsewhere.yaml", "elsewhere.yaml:", "the mapping is for instance https://other.example"),
        ("no-such-set.yaml", "no-such-set.yaml:", "NO_SUCH"),
    ],
)
def test_a_mapping_that_cannot_be_used(shell: Shell, folder: Path, mapping: str, place: str, said: str) -> None:
    before = sorted(folder.iterdir())
    for command in (("check",), ("convert", "--out", "made")):
        ran = shell(*command, CSV, "-m", mapping, "-s", EXPORT)
        assert (ran.code, ran.out) == (2, "")
        # A mapping may have several faults; each is a line that begins with its place.
        name = place.partition(":")[0]
        assert all(line.removeprefix("Error: ").startswith(name) for line in ran.err.splitlines())
        assert place in ran.err
        assert said in ran.err
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing.json", "No such file"),
        ("a-folder", "Is a directory"),
        ("empty.json", "the file is empty"),
        ("none.json", "no metadata export"),
        ("list.json", ""),
        ("cut.json", "broken JSON"),
        ("text.json", "broken JSON"),
        ("bytes.json", ""),
        ("cut.json.gz", ""),
        ("twice.json", ""),
        (str(FORM), "ZIP archive"),
    ],
)
def test_a_snapshot_that_is_none(shell: Shell, folder: Path, name: str, said: str) -> None:
    before = sorted(folder.iterdir())
    for arguments in (("convert", CSV, "-m", MAPPING, "-s", name, "-o", "made"), ("snapshot", "show", name)):
        ran = shell(*arguments)
        assert (ran.code, ran.out) == (2, "")
        assert Path(name).name in ran.err
        assert said in ran.err or "is a directory" in ran.err
        assert "Traceback" not in ran.err
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing.xlsx", "Error: there is no file nothing.xlsx"),
        ("*.ods", "Error: no file is called like *.ods"),
        ("a-folder", "Error: a-folder: there is no file to read in this folder"),
        ("a" * 4_000, "File name too long"),
    ],
    ids=["absent", "a pattern", "an empty folder", "an endless name"],
)
def test_a_file_that_is_not_there(shell: Shell, folder: Path, name: str, said: str) -> None:
    ran = shell("check", name, *WITH)
    assert ran.code == 2
    assert said.removeprefix("Error: ")[-40:] in ran.complaint or len(name) > 1_000
    assert len(ran.complaint) < 1_200


def test_inspect_of_a_folder_and_of_nothing(shell: Shell, folder: Path) -> None:
    assert shell("inspect", "a-folder").complaint == "Error: a-folder is a folder; name the files in it"
    assert shell("inspect", "none").complaint == "Error: there is no file none"
    assert "no encoding is called 'klingon'" in shell("inspect", CSV, "--encoding", "klingon").complaint
    assert "is no path to records" in shell("inspect", EXAMPLES / "phc" / "phc.json", "--records", "[[[").complaint


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("made", "is a folder with other things in it"),
        ("a-file", "is a file; a run is written as a folder"),
        ("none/run", "there is no folder none"),
        ("a-file/run", ""),
    ],
)
def test_a_place_that_is_not_for_a_run(shell: Shell, tmp_path: Path, out: str, said: str) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "mine.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "a-file").write_text("mine", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    ran = shell("convert", FORM, *WITH, "--out", out)
    assert ran.code == 2
    assert ran.complaint.startswith(f"Error: {out}: ")
    assert said in ran.complaint
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "made" / "mine.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_is_not_ours(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0o500)
    ran = shell("convert", FORM, *WITH, "--out", "shut/run")
    assert ran.code == 2
    assert "cannot be written" in ran.complaint


def test_a_run_that_is_none(shell: Shell, tmp_path: Path) -> None:
    shell.login("http://127.0.0.1:9")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{", encoding="utf-8")
    for name in ("none", "empty", "broken"):
        ran = shell("push", name)
        assert ran.code == 2
        assert name in ran.complaint
        ran = shell("check", FORM, *WITH, "--previous", name)
        assert ran.code == 2
        assert name in ran.err


# -- the data (3) ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.csv", b"", "file.empty"),
        ("empty.xlsx", b"", "file.empty"),
        ("report.xls", b"<html><table><tr><td>1</td></tr></table></html>", "file.unsupported"),
        ("picture.xlsx", b"\x89PNG\r\n\x1a\n" + bytes(40), "file.unsupported"),
        ("cut.xlsx", FORM.read_bytes()[:3_000], "file.unreadable"),
        ("broken.json", b'{"form": "UZ', "json.broken"),
        ("noise.csv", b"caf\x8e\x98;1\n", "encoding.undecodable"),
        ("other.csv", b"a,b\n1,2\n", "mapping.none_fits"),
    ],
)
@pytest.mark.parametrize("language", ["en", "ru", "uz"])
def test_a_file_that_cannot_be_used(
    shell: Shell, tmp_path: Path, name: str, content: bytes, code: str, language: str
) -> None:
    (tmp_path / name).write_bytes(content)
    options = ("-m", MAPPING, "-m", "uzbekistan/phc_monthly_long", "-s", EXPORT, "--lang", language)
    ran = shell("check", name, *options)
    assert ran.code == 3
    assert f"    {name}" in ran.out
    *found, last = shell("check", name, *options, "--json").lines
    assert code in {one["code"] for one in found}
    assert last["exit_code"] == 3
    inspected = json.loads(shell("inspect", name, "--json", "--lang", language).out)
    assert inspected["file"] == name


def test_a_file_with_a_header_alone_is_no_success(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "header.csv").write_text("form,period,facility,line,sex,age,value,comment\n", encoding="utf-8")
    ran = shell("check", "header.csv", "-m", "uzbekistan/phc_monthly_long", "-s", EXPORT)
    assert ran.code == 3
    assert "header.csv" in ran.out


def test_inspect_speaks_the_language_asked_for(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    ran = shell("inspect", "empty.csv", "--lang", "ru")
    assert ran.code == 3
    assert "Файл пуст." in ran.out


def test_a_broken_file_does_not_hide_the_next(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"PK\3\4 broken")
    (tmp_path / "b.xlsx").write_bytes(FORM.read_bytes())
    with zipfile.ZipFile(tmp_path / "c.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    counts = shell("check", "a.xlsx", "b.xlsx", "c.xlsx", *WITH, "--json").lines[-1]["counts"]
    assert (counts["files"], counts["values_ready"], counts["errors"]) == (3, 128, 2)


@pytest.mark.skipif(os.name == "nt", reason="such names cannot be there")
@pytest.mark.parametrize("name", [b"\x8e\x92.xlsx", "evil\x1b[2J\u202e\n.xlsx".encode()], ids=["cp866", "hostile"])
def test_odd_names_of_files(shell: Shell, tmp_path: Path, name: bytes) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    path.write_bytes(MISTAKES.read_bytes())
    for arguments in (("check", path, *WITH), ("convert", path, *WITH), ("inspect", path)):
        ran = shell(*arguments)
        assert ran.code in {0, 3}
        assert "\x1b" not in ran.both
        assert "\u202e" not in ran.both
    assert shell("check", path, *WITH, "--json").lines[-1]["counts"]["files"] == 1


# -- ours (1) and the person's own end (130) -------------------------------------------------------------------------


def broken(error: BaseException) -> Any:
    def convert(*_: Any, **__: Any) -> Any:
        raise error

    return convert


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_fault_of_ours_shows_no_cell(shell: Shell, monkeypatch: pytest.MonkeyPatch, debug: str) -> None:
    monkeypatch.setattr(pipeline, "convert", broken(ZeroDivisionError(CELL)))
    monkeypatch.setenv("DHIS2_BRIDGE_DEBUG", debug)
    ran = shell("check", FORM, *WITH, "--lang", "ru")
    assert (ran.code, ran.out) == (1, "")
    assert "Это ошибка самой программы dhis2_bridge, а не ваших данных (ZeroDivisionError)." in ran.err
    assert CELL not in ran.err
    assert ("cli/check.py" in ran.err.replace("\\", "/")) == bool(debug)


def test_a_panic_below_python_is_a_fault_of_ours(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    panic = type("PanicException", (BaseException,), {})
    monkeypatch.setattr(pipeline, "convert", broken(panic(CELL)))
    assert "(PanicException)" in shell("check", FORM, *WITH).complaint


def test_what_the_system_refuses_is_said_plainly(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "convert", broken(OSError(28, "No space left on device", "/tmp/x")))
    ran = shell("check", FORM, *WITH)
    assert (ran.code, ran.complaint) == (1, "Error: /tmp/x: No space left on device")


@pytest.mark.parametrize(("language", "said"), [("en", "Stopped."), ("ru", "Остановлено."), ("uz", "Toʻxtatildi.")])
def test_ctrl_c(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, language: str, said: str) -> None:
    monkeypatch.setattr(pipeline, "convert_to_run", broken(KeyboardInterrupt()))
    ran = shell("convert", FORM, *WITH, "--lang", language)
    assert (ran.code, ran.err.strip()) == (130, said)
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_a_run_is_written_leaves_nothing(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("dhis2_bridge.runs.RunWriter.finish", broken(KeyboardInterrupt()))
    assert shell("convert", FORM, *WITH).code == 130
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_sending_says_what_to_do(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell("convert", FORM, *WITH)
    with Sandbox(EXPORT, version="2.43.2") as sandbox:
        shell.login(sandbox.url)
        monkeypatch.setattr("dhis2_bridge.pushing.push", broken(KeyboardInterrupt()))
        ran = shell("push", "run")
    assert ran.code == 130
    assert "run the same command again" in ran.complaint
