"""Nothing of a person leaves: planted names, ids, phones and dates are in no file, stream or database."""

import gzip
import io
import json
import logging
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from commanding import Shell
from staff import MAPPING, POSTED, STAFF, contract, csv_of, document, mapping, pinfl, snapshot, workbook_of

import dhis2_bridge
from dhis2_bridge import runs, workforce
from dhis2_bridge.sandbox import Sandbox
from dhis2_bridge.withholding import Withheld

PLANTED = 50
NAMES = [f"Kanarchayev{n:03}" for n in range(PLANTED)]
GIVEN = [f"Zzyxqul{n:03}" for n in range(PLANTED)]
PHONES = [f"+9989977{n:05}" for n in range(PLANTED)]
DATES = [f"{1 + n % 28:02}.{1 + n % 12:02}.{1941 + n}" for n in range(PLANTED)]
IDS = [pinfl(400 + n, DATES[n]) for n in range(PLANTED)]
CANARIES = [*NAMES, *GIVEN, *PHONES, *DATES, *IDS]
assert len(CANARIES) >= 200


def rows() -> list[dict[str, str]]:
    """Rows of staff with canaries where they belong, and in every column where they do not."""
    made = []
    for n in range(PLANTED):
        row = contract(
            n, pinfl=IDS[n], last_name=NAMES[n], first_name=GIVEN[n], birth_date=DATES[n], phone=PHONES[n],
            position="2211.1" if n % 2 else "", title="" if n % 3 else NAMES[n],
        )  # fmt: skip
        places = [name for name in STAFF if name != "pinfl"]
        wrong = places[n % len(places)]
        for value in (NAMES[n], PHONES[n], IDS[n], DATES[n]):
            made.append({**row, wrong: value})
        made.append({**row, "pinfl": (NAMES, PHONES, DATES)[n % 3][n]})
        made.append(row)
        sound = {"position": "2211.1", "pinfl": pinfl(600 + n, DATES[n])}
        made.append({**row, **sound, "org": "101" if n % 2 else "102", "status": "1"})
        made.append({**row, "last_name": GIVEN[n], "rate": "3"})
    return made


def texts() -> dict[str, bytes]:
    """Files of staff: sound, broken in every way that readers know, and with canaries beside the header."""
    lines = csv_of(rows()).splitlines()
    shifted = [f"{NAMES[3]},{line}" for line in lines[1:9]] + [line.split(",", 2)[-1] for line in lines[9:15]]
    quoted = [f'{IDS[4]},"{NAMES[4]},{PHONES[4]}', lines[20]]
    long = [f"{IDS[5]},{NAMES[5]}," + ",".join(PHONES[5:9]) + ",,,,,,,,,,,,,," + DATES[5]]
    objects = [dict(zip(STAFF, line.split(","), strict=False)) for line in lines[1:40]]
    ndjson = [json.dumps(one) for one in objects]
    ndjson[3] = ndjson[3][:-9]
    ndjson[5] = '{"' + NAMES[6] + '": 1, "' + NAMES[6] + '": "' + IDS[6] + '"}'
    return {
        "argos_staff_01.csv": "\n".join(lines).encode(),
        "argos_staff_02.csv": "\n".join([lines[0], *shifted, *quoted, *long]).encode(),
        "argos_staff_03.csv": "\n".join(lines[1:]).encode(),  # no header: a person stands there
        "argos_staff_04.csv": "\n".join([f"{lines[0]},{NAMES[7]},{NAMES[7]}", *lines[1:5]]).encode(),
        "argos_staff_05.csv": ("\n".join(lines[:9]) + f"\n{NAMES[8]}").encode() + b"\xff\xfe\n",
        "argos_staff_06.csv": "\n".join(lines[:9]).encode("utf-16"),
        "argos_staff_07.xlsx": workbook_of(rows()),
        "argos_staff_08.xlsx": workbook_of(rows()[:20], tuple(reversed(STAFF[1:]))),
        "argos_staff_09.ndjson": "\n".join(ndjson).encode(),
        "argos_staff_10.json": json.dumps({"items": objects, NAMES[9]: {IDS[9]: [PHONES[9]]}}).encode(),
        "argos_posts.csv": f"{','.join(POSTED)}\n{NAMES[1]},,{IDS[1]},{PHONES[1]},1\n".encode(),
        "other.csv": "\n".join(lines[:5]).encode(),
    }


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "in"
    folder.mkdir()
    mapping(folder)
    (tmp_path / "metadata.json").write_text(json.dumps(document()), encoding="utf-8")
    made = []
    for name, content in texts().items():
        (folder / name).write_bytes(content)
        made.append(folder / name)
    return made


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    (tmp_path / "home").mkdir()
    made = Shell(monkeypatch, tmp_path / "home")
    monkeypatch.setenv("DHIS2_BRIDGE_DEBUG", "1")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return made


def forms(text: str) -> Iterator[bytes]:
    for encoding in ("utf-8", "utf-16-le"):
        yield text.encode(encoding)
    if "." in text:
        day, month, year = text.split(".")
        yield f"{year}-{month}-{day}".encode()


def hold(content: bytes) -> list[str]:
    """The canaries that stand in bytes, plain or packed."""
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    if content[:4] == b"PAR1":
        frame = pl.read_parquet(io.BytesIO(content))
        content += frame.write_ndjson().encode()
    return [text for text in CANARIES if any(form in content for form in forms(text))]


def left_in(folder: Path, but: Path) -> list[str]:
    """The canaries that stand in any file of a folder."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and but not in path.parents:
            found += [f"{path.name}: {text}" for text in hold(path.read_bytes())]
    return found


def test_what_is_planted_is_found_by_this_test(files: list[Path]) -> None:
    whole = [text for path in files if path.suffix == ".csv" for text in hold(path.read_bytes())]
    assert set(whole) == set(CANARIES)


def test_no_command_leaves_anything_of_a_person(
    shell: Shell, files: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    given = ("-m", files[0].parent / "staff.yaml", "-s", tmp_path / "metadata.json", "--period", "2026Q3", "--all")
    said = []
    with Sandbox(tmp_path / "metadata.json", database=tmp_path / "server.sqlite") as server:
        shell.login(server.url)
        for lang in ("en", "ru", "uz"):
            said.append(shell("check", *files, *given, "--lang", lang))
        said.append(shell("check", *files, *given, "--json"))
        said.append(shell("convert", *files, *given, "--out", tmp_path / "run", "--timings"))
        said.append(shell("convert", *files, *given, "--out", "-"))
        later = [*given[:5], "2026Q4", "--previous", tmp_path / "run"]
        said.append(shell("convert", files[0], *later, "--out", tmp_path / "later"))
        said.append(shell("push", tmp_path / "run"))
        for path in files:
            said.append(shell("inspect", path, "--all"))
            said.append(shell("inspect", path, "--json", "-m", files[0].parent / "staff.yaml"))
        said.append(shell("check", files[0], *given[:4]))  # no period
        said.append(shell("check", files[0].parent, *given))
    assert [ran.err for ran in said if ran.code not in {0, 2, 3}] == []
    ready = dhis2_bridge.convert(files, mapping(files[0].parent), snapshot(), given={"period": "2026Q3"}).ready
    assert ready.height >= 15
    assert [text for ran in said for text in hold(ran.raw + ran.err.encode())] == []
    assert hold(caplog.text.encode()) == []
    assert left_in(tmp_path, but=files[0].parent) == []


def test_the_run_folder_has_rows_and_no_text_of_them(shell: Shell, files: list[Path], tmp_path: Path) -> None:
    shell(
        "convert", files[0], "-m", files[0].parent / "staff.yaml", "-s", tmp_path / "metadata.json",
        "--period", "2026Q3", "--out", tmp_path / "run",
    )  # fmt: skip
    about, values, findings = runs.read(tmp_path / "run")
    assert values["row"].null_count() == 0
    assert values["column"].null_count() == values.height
    assert set(values["comment"]) == {None}
    assert values["found"].drop_nulls().str.contains(r"^[0-9.]+$").all()
    people = findings.filter(pl.col("code").str.contains("^(person|contract|axis|number|predicate)"))
    assert people.height > 100
    assert set(people["found"]) == {None}
    assert about["counts"]["values_ready"] > 0


@pytest.mark.parametrize("where", ["reading", "counting", "converting"])
def test_a_crash_says_where_and_not_what(
    shell: Shell, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def crash(*given: object, **_: object) -> None:
        secret = f"could not read {NAMES[0]} {IDS[0]} in {given!r:.5000}"
        frame = pl.DataFrame({"id": [IDS[0]], "name": [NAMES[0]]})
        try:
            frame.select(pl.col("name").cast(pl.Int64))
        except pl.exceptions.PolarsError as error:
            raise ValueError(secret) from error

    if where == "reading":
        from dhis2_bridge.gathering import Gathering

        monkeypatch.setattr(Gathering, "_columns", crash)
    elif where == "counting":
        monkeypatch.setattr(workforce.persons, "identify", crash)
    else:
        from dhis2_bridge import counts

        monkeypatch.setattr(counts, "told", crash)
    given = ("-m", files[0].parent / "staff.yaml", "-s", tmp_path / "metadata.json", "--period", "2026Q3")
    ran = shell("convert", files[0], *given, "--out", tmp_path / "run")
    assert ran.code == 1
    assert "ValueError" in ran.err
    assert "crash" in ran.err  # the place is told
    assert hold(ran.raw + ran.err.encode()) == []
    assert left_in(tmp_path, but=files[0].parent) == []
    # What a caller of the library would log.
    with pytest.raises(Withheld) as caught:
        dhis2_bridge.convert(files[:1], mapping(files[0].parent), snapshot(), given={"period": "2026Q3"})
    written = "".join(traceback.format_exception(caught.value))
    assert hold(written.encode()) == []
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_inspect_shows_what_it_always_showed_of_other_files(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "form.csv").write_text("line,value\n01,512\n", encoding="utf-8")
    assert "512" in shell("inspect", tmp_path / "form.csv").out
    mapping(tmp_path)
    masked = shell("inspect", tmp_path / "form.csv", "-m", tmp_path / "staff.yaml").out
    assert "512" not in masked
    assert "999" in masked


def test_personal_columns_cannot_become_labels(tmp_path: Path) -> None:
    for old, new in [
        ('columns: [org, unit], code: "HRM_{org}[_{unit}]"', "columns: [org, last_name]"),
        ("SEX: {column: sex", "SEX: {column: pinfl"),
        ("HRH_HW_{occupation}", "HRH_HW_{last_name}"),
        ("column: position,", "column: pinfl,"),
        ("sum: rate", "sum: birth_date"),
    ]:
        assert old in MAPPING
        with pytest.raises(dhis2_bridge.MappingError):
            mapping(tmp_path, MAPPING.replace(old, new))
    assert sys.version_info
