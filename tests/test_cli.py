"""What each command does when all is well, and what its options change."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
import worlds
from commanding import EXAMPLES, EXPORT, FORM, MAPPING, MISTAKES, WITH, Shell, sent

import dhis2_bridge
from dhis2_bridge import runs, settings
from dhis2_bridge.cli import COMMANDS

PROGRAM = (sys.executable, "-m", "dhis2_bridge")


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(monkeypatch, tmp_path)


# -- help ------------------------------------------------------------------------------------------------------------


def test_help_names_every_command(shell: Shell) -> None:
    ran = shell("--help")
    assert ran.code == 0
    assert all(f"  {name}" in ran.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(shell: Shell, name: str) -> None:
    ran = shell(name, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert max(map(len, ran.out.splitlines())) <= 100
    assert "password" not in ran.out.lower().replace("district", "") or name == "sandbox"


def test_version(shell: Shell) -> None:
    assert shell("--version").out == f"dhis2-bridge, version {dhis2_bridge.__version__}\n"


# -- check -----------------------------------------------------------------------------------------------------------


def test_check_says_on_standard_output_that_a_file_is_ready(shell: Shell, tmp_path: Path) -> None:
    ran = shell("check", FORM, *WITH)
    assert (ran.code, ran.out, ran.err) == (0, "42 data elements, 128 values, 1 report: ready.\n", "")
    assert list(tmp_path.iterdir()) == []


def test_check_names_the_cells_that_are_wrong(shell: Shell) -> None:
    ran = shell("check", MISTAKES, *WITH)
    assert ran.code == 3
    assert ran.err == ""
    for cell in ("C11", "C14", "C42", "B44", "B45", "A50"):
        assert f"cell {cell}:" in ran.out
    assert re.search(r"^110 values ready, 1\d left out \(7 errors\): see above\.$", ran.out, re.MULTILINE)


@pytest.mark.parametrize(("language", "said"), [("ru", "готово к отправке"), ("uz", "yuborishga tayyor")])
def test_check_speaks_the_language_asked_for(shell: Shell, language: str, said: str) -> None:
    assert said in shell("check", FORM, *WITH, "--lang", language).out


def test_json_holds_every_finding_and_the_counts(shell: Shell) -> None:
    ran = shell("check", MISTAKES, *WITH, "--json", "--lang", "uz")
    *found, last = ran.lines
    result = dhis2_bridge.convert(MISTAKES, settings.mapping_path(MAPPING), EXPORT)
    assert [one["code"] for one in found] == result.findings["code"].to_list()
    assert last == {"counts": result.counts(), "exit_code": 3}
    assert all(one["message"] and one["advice"] and one["cell"] for one in found if one["severity"] == "error")
    assert (ran.code, ran.err) == (3, "")


def test_all_shows_what_is_else_counted(shell: Shell, tmp_path: Path) -> None:
    rows = "\n".join(f"UZ_PHC_M,2026-09,HRM_900101,{90 + n},,,1," for n in range(8))
    (tmp_path / "long.csv").write_text(f"form,period,facility,line,sex,age,value,comment\n{rows}\n", encoding="utf-8")
    options = ("long.csv", "-m", "uzbekistan/phc_monthly_long", "-s", EXPORT)
    few, everything = shell("check", *options), shell("check", *options, "--all")
    assert few.out.count("long.csv, row") == 5
    assert "and 3 more; --all shows all of them" in few.out
    assert everything.out.count("long.csv, row") == 8


def test_a_folder_is_its_files_and_each_mapping_takes_its_own(shell: Shell) -> None:
    names = [part for name in ("phc_monthly", "phc_monthly_json") for part in ("-m", f"uzbekistan/{name}")]
    ran = shell("check", EXAMPLES / "phc" / "phc.json", EXAMPLES / "phc" / "district", *names, "-s", EXPORT, "--json")
    assert ran.lines[-1]["counts"]["files"] == 5
    assert [line["code"] for line in ran.lines[:-1]] == ["org_unit.unknown"]


@pytest.mark.parametrize("mappings", [(MAPPING,), (MAPPING, "uzbekistan/phc_monthly_json")], ids=["one", "two"])
@pytest.mark.parametrize("name", ["phc_uz.xlsx", "phc.json"])
def test_standard_input_is_a_file_like_others(shell: Shell, mappings: tuple[str, ...], name: str) -> None:
    if name == "phc.json" and len(mappings) == 1:
        mappings = ("uzbekistan/phc_monthly_json",)
    chosen = [part for mapping in mappings for part in ("-m", mapping)]
    ran = shell("check", "-", *chosen, "-s", EXPORT, stdin=(EXAMPLES / "phc" / name).read_bytes())
    assert (ran.code, ran.out) == (0, "42 data elements, 128 values, 1 report: ready.\n")


def test_mapping_and_snapshot_from_the_environment(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "with a blank").mkdir()
    copy = tmp_path / "with a blank" / "metadata.json"
    copy.write_bytes(EXPORT.read_bytes())
    monkeypatch.setenv("DHIS2_SNAPSHOT", str(copy))
    monkeypatch.setenv("DHIS2_MAPPING", os.pathsep.join((MAPPING, "uzbekistan/phc_monthly_json")))
    assert shell("check", FORM, EXAMPLES / "phc" / "phc.json").code == 0


def test_a_period_that_disagrees_keeps_the_values_back(shell: Shell) -> None:
    assert shell("check", FORM, *WITH, "--period", "202609").code == 0
    ran = shell("check", FORM, *WITH, "--period", "202608", "--json")
    assert ran.code == 3
    assert {line["code"] for line in ran.lines[:-1]} == {"period.disagrees"}
    assert ran.lines[-1]["counts"]["values_ready"] == 0


def test_all_or_nothing(shell: Shell) -> None:
    counts = shell("check", MISTAKES, *WITH, "--all-or-nothing", "--json").lines[-1]["counts"]
    assert (counts["values_ready"], counts["chunks"]) == (0, 0)
    assert shell("check", FORM, *WITH, "--all-or-nothing", "--json").lines[-1]["counts"]["values_ready"] == 128


# -- convert ---------------------------------------------------------------------------------------------------------


def test_convert_writes_a_run_folder_and_talks_on_standard_error(shell: Shell, tmp_path: Path) -> None:
    ran = shell("convert", FORM, *WITH)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "42 data elements, 128 values, 1 report: ready.\nWritten: run\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]
    assert len(sent(tmp_path / "run")) == 128
    about, values, findings = runs.read(tmp_path / "run")
    assert about["counts"]["values_ready"] == values.height == 128
    assert findings.is_empty()


@pytest.mark.parametrize(("name", "mapping"), [("phc_uz.xlsx", MAPPING), ("phc.json", "uzbekistan/phc_monthly_json")])
def test_timings_add_up_to_the_whole(shell: Shell, name: str, mapping: str) -> None:
    ran = shell("convert", EXAMPLES / "phc" / name, "--mapping", mapping, "--snapshot", EXPORT, "--timings")
    heading, *steps = ran.err.partition("Where the time went")[2].splitlines()
    seconds = [float(re.search(r": (\d+\.\d\d) s$", step)[1]) for step in steps]  # type: ignore[index]
    whole = float(heading.split()[0].removeprefix("("))
    assert {"reading", "mapping", "checking", "writing"} <= {step.split(":")[0].strip() for step in steps}
    assert min(seconds) >= 0
    # Small files take one step after the other; what lies between the steps is little.
    rounding = 0.005 * (len(seconds) + 1)
    assert 0.7 * whole - rounding <= sum(seconds) <= whole + rounding


def test_a_run_folder_is_replaced_whole(shell: Shell, tmp_path: Path) -> None:
    assert shell("convert", FORM, *WITH, "--chunk-size", 1).code == 0
    first = {path.name for path in (tmp_path / "run" / "chunks").iterdir()}
    (tmp_path / "run" / "chunks" / "9999.json.gz").touch()
    assert shell("convert", MISTAKES, *WITH).code == 3
    assert {path.name for path in (tmp_path / "run" / "chunks").iterdir()} <= first
    assert len(sent(tmp_path / "run")) == 110
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]


def test_the_same_input_gives_the_same_bytes(shell: Shell, tmp_path: Path) -> None:
    for name in ("a", "b"):
        shell("convert", MISTAKES, *WITH, "--out", name)
    files = [path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert len(files) == 4
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in files)


def test_convert_to_standard_output_is_json_and_nothing_else(shell: Shell, tmp_path: Path) -> None:
    ran = shell("convert", MISTAKES, *WITH, "--out", "-", encoding="cp866")
    (document,) = ran.lines
    shell("convert", MISTAKES, *WITH, "--out", "run")
    assert document["dataValues"] == sent(tmp_path / "run")
    assert "110 values ready" in ran.err
    assert ran.code == 3


def test_convert_with_json_counts_and_writes(shell: Shell, tmp_path: Path) -> None:
    ran = shell("convert", MISTAKES, *WITH, "--json")
    assert ran.lines[-1]["counts"]["values_ready"] == len(sent(tmp_path / "run")) == 110
    assert ran.err == ""


def test_an_earlier_run_is_taken_from_cumulative_figures(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "metadata.json").write_text(json.dumps(worlds.document()), encoding="utf-8")
    (tmp_path / "mapping.yaml").write_text(
        "mapping: year\nversion: 1\ndata_set: FORM_M\ncumulative: {since: year_start, previous: given}\n"
        "org_unit: {column: unit, match: code}\nperiod: {column: period, type: Monthly}\n"
        "data_element: {column: element, match: code}\nvalue: {column: value}\n",
        encoding="utf-8",
    )
    for month, value in (("202601", 5), ("202602", 12)):
        text = f"unit,period,element,value\nHRM_101,{month},BEDS,{value}\n"
        (tmp_path / f"{month}.csv").write_text(text, encoding="utf-8")
    options = ("-m", "mapping.yaml", "-s", "metadata.json")
    assert shell("convert", "202601.csv", *options, "-o", "january").code == 0
    alone = shell("convert", "202602.csv", *options, "-o", "february", "--json")
    assert [line["code"] for line in alone.lines[:-1]] == ["cumulative.previous_missing"]
    assert shell("convert", "202602.csv", *options, "-o", "february", "--previous", "january").code == 0
    assert [value["value"] for value in sent(tmp_path / "february")] == ["7"]


# -- the rest ------------------------------------------------------------------------------------------------------


def test_demo_walks_to_the_end(shell: Shell, tmp_path: Path) -> None:
    ran = shell("demo", "--keep", "kept")
    assert (ran.code, ran.err) == (0, "")
    assert "The server holds 128 values now." in ran.out
    assert len(sent(tmp_path / "kept")) == 128
    # What the demo says of one value is true.
    line = next(line for line in ran.out.splitlines() if "<-" in line)
    told, _, place = line.partition("<-")
    row = runs.read(tmp_path / "kept")[1].row(0, named=True)
    assert told.strip().endswith(f": {row['value']}")
    assert place.strip().endswith("cell E11")
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]


def test_schema_is_json_in_utf_8_on_any_console(shell: Shell) -> None:
    ran = shell("schema", encoding="cp866")
    assert ran.code == 0
    assert "data_set" in json.dumps(json.loads(ran.raw.decode("utf-8")))


# -- inspect ---------------------------------------------------------------------------------------------------------


def test_inspect_shows_sheets_and_their_first_rows(shell: Shell) -> None:
    ran = shell("inspect", FORM)
    assert ran.code == 0
    assert "UZ_PHC_M: 52 rows, 15 columns, 16 merged ranges\n" in ran.out
    assert "Hisobot davri" in ran.out
    seen = json.loads(shell("inspect", FORM, "--json").out)
    assert seen["sheets"][0]["first_rows"][1]["cells"][0] == "Hisobot davri"
    assert (seen["format"], seen["findings"]) == ("xlsx", [])


def test_inspect_shows_columns_and_fields(shell: Shell, tmp_path: Path) -> None:
    ran = shell("inspect", EXAMPLES / "phc" / "phc_semicolon.csv")
    assert "128 records below the header in row 1:\n      1  form\n" in ran.out
    ran = shell("inspect", "-", "--records", "items[]", stdin=(EXAMPLES / "phc" / "phc.json").read_bytes())
    assert "42 records with the fields:\n" in ran.out
    (tmp_path / "tabs.csv").write_bytes("a\tимя;\n1\tж\n".encode("cp1251"))
    seen = shell("inspect", "tabs.csv", "--delimiter", "tab", "--encoding", "cp1251", "--json")
    assert json.loads(seen.out)["table"]["header"] == ["a", "имя;"]


# -- consoles --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["cp866", "cp1251", "ascii"])
@pytest.mark.parametrize("arguments", [("check", MISTAKES, *WITH), ("inspect", FORM), ("demo",)], ids=lambda a: a[0])
def test_old_consoles_show_what_they_can(shell: Shell, arguments: tuple[object, ...], encoding: str) -> None:
    for language in ("uz", "ru") if arguments[0] == "check" else ("uz",):
        ran = shell(*arguments, "--lang", language, encoding=encoding)
        assert ran.code in {0, 3}
        assert "UZ_PHC_M" in ran.out
        if encoding != "ascii" and arguments[0] == "check":
            assert "?" not in ran.out
    assert shell("check", MISTAKES, *WITH, "--json", encoding=encoding).lines[-1]["exit_code"] == 3


def test_the_program_itself(tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONIOENCODING": "cp866", "DHIS2_BRIDGE_LANG": "ru"}
    arguments = (*PROGRAM, "check", str(MISTAKES), *WITH)
    ran = subprocess.run(arguments, capture_output=True, env=environ, cwd=tmp_path, check=False)
    assert ran.returncode == 3
    assert "Готово к отправке: 110 значений" in ran.stdout.decode("cp866")
    assert ran.stderr == b""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals of this kind")
def test_ctrl_c_stops_the_sandbox_in_peace(tmp_path: Path) -> None:
    server = subprocess.Popen([*PROGRAM, "sandbox", "--port", "0"], stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    try:
        assert server.stderr is not None
        assert "DHIS2 sandbox 2.43.2 at http://127.0.0.1:" in server.stderr.readline()
        server.send_signal(signal.SIGINT)
        said = server.communicate(timeout=20)[1]
    finally:
        server.kill()
    assert server.returncode == 0
    assert "Traceback" not in said


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals of this kind")
def test_ctrl_c_stops_a_conversion_in_peace(tmp_path: Path) -> None:
    arguments = ["convert", "-", *WITH, "--lang", "en"]  # standard input that never ends
    with subprocess.Popen(
        [*PROGRAM, *arguments], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as ran:
        try:
            deadline = time.monotonic() + 30
            while not list(tmp_path.glob(".run.*.part/values.parquet")) and time.monotonic() < deadline:
                time.sleep(0.05)  # until the threads that write are at work
            ran.send_signal(signal.SIGINT)
            said = ran.communicate(timeout=20)[1]
        finally:
            ran.kill()
    assert (ran.returncode, said.strip()) == (130, "Stopped.")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="the shell of Windows has no such pipes")
def test_a_reader_that_goes_away_is_no_fault(tmp_path: Path) -> None:
    rows = "".join(f"UZ_PHC_M,2026-09,HRM_900101,x{n},,,1,\n" for n in range(2_000))
    (tmp_path / "long.csv").write_text(f"form,period,facility,line,sex,age,value,comment\n{rows}", encoding="utf-8")
    check = ["check", "long.csv", "-m", "uzbekistan/phc_monthly_long", "-s", str(EXPORT), "--json"]
    with subprocess.Popen([*PROGRAM, *check], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as ran:
        assert ran.stdout is not None
        assert ran.stderr is not None
        assert ran.stdout.readline().startswith(b'{"code":"crosswalk.missing"')
        ran.stdout.close()
        assert ran.stderr.read() == b""
        assert ran.wait(timeout=20) == 141


def test_streams_that_are_closed_from_the_start(tmp_path: Path) -> None:
    code = "import os, sys; os.close(1); os.close(2); os.execv(sys.executable, sys.argv[1:])"
    arguments = [sys.executable, "-c", code, *PROGRAM, "check", str(FORM), *WITH]
    assert subprocess.run(arguments, check=False, cwd=tmp_path).returncode == 0


def test_values_of_a_run_have_their_places(shell: Shell, tmp_path: Path) -> None:
    shell("convert", FORM, *WITH)
    values = runs.read(tmp_path / "run")[1]
    assert values.filter(pl.col("row").is_null() | pl.col("column").is_null()).is_empty()
    assert set(values["source"].cast(pl.String)) == {str(FORM)}
