"""Pushing a run folder: outcomes, places of what was refused, and what a person is told to do next."""

import gzip
import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import responses
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhis2_bridge import findings
from dhis2_bridge.client import Client
from dhis2_bridge.findings import NotAuthorised, OtherInstance, Refused, Unreachable, UsageError
from dhis2_bridge.pushing import ChunkOutcome, PushResult, push
from dhis2_bridge.sandbox import Faults, Sandbox
from dhis2_bridge.values import VALUES_SCHEMA

BASE = "https://dhis.example.org"
SYSTEM = "eed3d451-4ff5-4193-b951-ffcc68954299"
DEFAULT = "HllvX50cXC0"
OLD, NEW = "2.42.1", "2.43.2"


def unit(number: int) -> str:
    return f"orgUnit{number:04}"


METADATA: dict[str, Any] = {
    "system": {"id": SYSTEM},
    "organisationUnits": [{"id": unit(n), "name": f"Post {n}", "openingDate": "2000-01-01"} for n in range(60)],
    "dataElements": [
        {"id": "dataElemen1", "name": "Visits", "valueType": "INTEGER", "zeroIsSignificant": True},
        {"id": "dataElemen2", "name": "Births", "valueType": "INTEGER", "zeroIsSignificant": True},
    ],
    "dataSets": [
        {
            "id": "dataSet0001",
            "name": "Monthly",
            "periodType": "Monthly",
            "expiryDays": -1,
            "openFuturePeriods": 0,
            "dataSetElements": [{"dataElement": {"id": "dataElemen1"}}, {"dataElement": {"id": "dataElemen2"}}],
            "organisationUnits": [{"id": unit(n)} for n in range(50)],
        }
    ],
}

Cell = tuple[str, str]  # org unit and value


def run_folder(folder: Path, *chunks: list[Cell], rows: list[int] | None = None, **snapshot: Any) -> Path:
    """A run of these chunks; the n-th value of the run comes from row rows[n] (else n + 2), column D of sheet Jan."""
    (folder / "chunks").mkdir(parents=True, exist_ok=True)
    listed, values = [], []
    for number, chunk in enumerate(chunks, start=1):
        data_values = []
        for position, (org_unit, value) in enumerate(chunk):
            row = rows[len(values)] if rows else len(values) + 2
            key = ("dataElemen1", "202401", org_unit, DEFAULT, DEFAULT)
            names = ("dataElement", "period", "orgUnit", "categoryOptionCombo", "attributeOptionCombo")
            data_values.append({**dict(zip(names, key, strict=True)), "value": value})
            columns = ("data_element", "period", "org_unit", "category_option_combo", "attribute_option_combo")
            values.append(
                {
                    **dict(zip(columns, key, strict=True)),
                    "source": "report.xlsx",
                    "sheet": "Jan",
                    "row": row,
                    "column": 4,
                    "data_set": "dataSet0001",
                    "value": value,
                    "found": f" {value} ",
                    "chunk": number,
                    "position": position,
                }
            )
        body = json.dumps({"dataSet": "dataSet0001", "dataValues": data_values}).encode()
        name = f"{number:04}.json.gz"
        (folder / "chunks" / name).write_bytes(gzip.compress(body, mtime=0))
        listed.append({"file": name, "values": len(chunk), "sha256": hashlib.sha256(body).hexdigest()})
    # The rows of the file do not have to stand in the order of the payload, and some are in no chunk.
    left_out = {"source": "report.xlsx", "row": 999, "column": 4, "value": "?", "found": "?"}
    frame = pl.DataFrame([*values[::-1], left_out], schema=VALUES_SCHEMA)
    frame.write_parquet(folder / "values.parquet")
    about = {"system_id": SYSTEM, "version": OLD, "base_url": BASE, "sha256": "0" * 64, **snapshot}
    run = {"format": 1, "dhis2_bridge": "0", "mappings": [], "inputs": [], "counts": {}}
    (folder / "run.json").write_text(json.dumps({**run, "snapshot": about, "chunks": listed}), encoding="utf-8")
    return folder


def cells(*numbers: int, value: str = "1") -> list[Cell]:
    return [(unit(number), value) for number in numbers]


def pushed(sandbox: Sandbox, folder: Path, retries: int = 3, **more: Any) -> PushResult:
    with Client(sandbox.url, username="admin", password="district", retries=retries, waiting=False) as client:
        return push(folder, client, **more)


def told(result: PushResult) -> list[tuple[str, int | None, str | None, int]]:
    return [(f.code, f.row, f.found, f.values) for f in findings.rows(result.findings)]


def numbers(result: PushResult) -> tuple[int, int, int, int, int]:
    return (result.confirmed, result.refused, result.unknown, result.not_sent, result.exit_code)


# what went well, what did not


@pytest.mark.parametrize("version", [OLD, NEW])
def test_all_values_arrive_and_arrive_again(tmp_path: Path, version: str) -> None:
    run_folder(tmp_path, cells(0, 1, 2), cells(3), version=version)
    with Sandbox(METADATA, version=version) as sandbox:
        first, again = pushed(sandbox, tmp_path), pushed(sandbox, tmp_path)
        assert numbers(first) == numbers(again) == (4, 0, 0, 0, 0)
        assert told(first) == told(again) == []
        assert [row.key.org_unit for row in sandbox.values()] == [unit(n) for n in range(4)]
        assert [done.unchanged for done in sandbox.imports()] == [0, 0, 3, 1]
    assert first.version == version
    assert first.tells_new_from_changed is (version == OLD)
    assert (first.unchanged, again.unchanged) == (0, 4 if version == OLD else 0)


@pytest.mark.parametrize(("version", "code"), [(OLD, "E7619"), (NEW, "E8122")])
def test_a_refused_value_is_traced_to_its_cell(tmp_path: Path, version: str, code: str) -> None:
    run_folder(tmp_path, cells(0, 1), [*cells(2), (unit(3), "many"), *cells(4)], version=version)
    with Sandbox(METADATA, version=version) as sandbox:
        result = pushed(sandbox, tmp_path)
    assert numbers(result) == (4, 1, 0, 0, 4)
    (finding,) = findings.rows(result.findings)
    place = (finding.source, finding.sheet, finding.row, finding.column, finding.found)
    assert place == ("report.xlsx", "Jan", 5, 4, " many ")
    assert (finding.code, finding.arguments["server_code"], finding.values) == ("server.refused", code, 1)
    assert finding.arguments["message"]


def test_a_refused_group_names_every_value_it_kept_out_and_the_next_chunk_goes_on(tmp_path: Path) -> None:
    run_folder(tmp_path, cells(0, 55, 1), cells(2), version=NEW)
    with Sandbox(METADATA, version=NEW) as sandbox:
        result = pushed(sandbox, tmp_path)
        assert [row.key.org_unit for row in sandbox.values()] == [unit(2)]
    assert numbers(result) == (1, 3, 0, 0, 4)
    assert told(result) == [("server.refused", row, " 1 ", 1) for row in (2, 3, 4)]
    assert {finding.arguments["server_code"] for finding in findings.rows(result.findings)} == {"E8022"}


def test_everything_refused_is_told_apart_from_a_part(tmp_path: Path) -> None:
    run_folder(tmp_path, cells(55), cells(56), version=NEW)
    with Sandbox(METADATA, version=NEW) as sandbox:
        assert numbers(pushed(sandbox, tmp_path)) == (0, 2, 0, 0, 5)
        assert sandbox.values() == []


def test_a_dry_run_counts_and_stores_nothing(tmp_path: Path) -> None:
    run_folder(tmp_path, [*cells(0), (unit(1), "many")])
    with Sandbox(METADATA) as sandbox:
        result = pushed(sandbox, tmp_path, dry_run=True)
        assert (numbers(result), result.dry_run) == ((1, 1, 0, 0, 4), True)
        assert sandbox.values() == []


def test_progress_and_outcomes_are_told_in_order(tmp_path: Path) -> None:
    run_folder(tmp_path, cells(0, 1), cells(2), cells(3, 4))
    progress: list[tuple[int, int]] = []
    ended: list[ChunkOutcome] = []
    with Sandbox(METADATA) as sandbox:
        pushed(sandbox, tmp_path, on_progress=lambda *seen: progress.append(seen), on_outcome=ended.append)
    assert progress == [(2, 5), (3, 5), (5, 5)]
    assert [(item.chunk.number, item.chunk.file.name, item.confirmed) for item in ended] == [
        (1, "0001.json.gz", 2),
        (2, "0002.json.gz", 1),
        (3, "0003.json.gz", 2),
    ]


def test_the_body_goes_out_as_it_is_in_the_file(tmp_path: Path) -> None:
    run_folder(tmp_path, cells(0))
    with answering({"imported": 1}) as mock:
        with Client(BASE, token="d2pat_x") as client:
            push(tmp_path, client)
        assert mock.calls[1].request.body == (tmp_path / "chunks" / "0001.json.gz").read_bytes()
        assert mock.calls[1].request.params["idScheme"] == "UID"  # type: ignore[attr-defined]


@pytest.mark.parametrize("version", [OLD, NEW])
def test_an_asynchronous_import_is_waited_for(tmp_path: Path, version: str) -> None:
    run_folder(tmp_path, [*cells(0), (unit(1), "many")], version=version)
    with Sandbox(METADATA, version=version, job_polls=3) as sandbox:
        assert numbers(pushed(sandbox, tmp_path, async_job=True)) == (1, 1, 0, 0, 4)


# answers that the sandbox does not give


def answering(*summaries: dict[str, Any], status: int = 200, version: str = OLD) -> responses.RequestsMock:
    """A server that gives these summaries, one a chunk: counts, and conflicts and rejectedIndexes if any."""
    mock = responses.RequestsMock(assert_all_requests_are_fired=False)
    mock.get(f"{BASE}/api/system/info", json={"version": version, "systemId": SYSTEM})
    for given_summary in summaries:
        rest = dict(given_summary)
        counts = {name: rest.pop(name, 0) for name in ("imported", "updated", "ignored", "deleted")}
        bad = "WARNING" if rest.get("conflicts") or rest.get("rejectedIndexes") else "SUCCESS"
        summary = {"responseType": "ImportSummary", "status": bad, "importCount": counts, **rest}
        mock.post(f"{BASE}/api/dataValueSets", status=status, json={"status": "OK", "response": summary})
    return mock


def push_to(mock: responses.RequestsMock, folder: Path, **more: Any) -> PushResult:
    with mock, Client(BASE, token="d2pat_x", waiting=False) as client:
        return push(folder, client, **more)


def conflict(*indexes: int, **more: Any) -> dict[str, Any]:
    return {"value": "Some rule", "errorCode": "E7641", "indexes": list(indexes), **more}


def test_positions_beyond_the_chunk_and_repeated_ones_are_survived(tmp_path: Path) -> None:
    run_folder(tmp_path, cells(0, 1, 2))
    conflicts = [conflict(1, 7), conflict(1, value="Other rule"), conflict()]
    result = push_to(answering({"imported": 2, "ignored": 1, "conflicts": conflicts}), tmp_path)
    assert sorted(told(result), key=str) == [
        ("server.refused", 3, " 1 ", 0),
        ("server.refused", 3, " 1 ", 1),
        ("server.refused", None, None, 0),
        ("server.refused", None, None, 0),
    ]
    assert result.exit_code == 4


def test_conflicts_without_positions_are_told_with_their_object(tmp_path: Path) -> None:
    run_folder(tmp_path, cells(0, 1, 2))
    bare = [{"object": unit(1), "value": "Org unit not found"}, {"object": unit(2), "value": "Org unit not found"}]
    result = push_to(answering({"imported": 1, "ignored": 2, "conflicts": bare}, status=409), tmp_path)
    assert numbers(result) == (1, 2, 0, 0, 4)
    assert told(result) == [("server.refused", None, unit(1), 2), ("server.refused", None, unit(2), 0)]


def test_a_chunk_refused_as_a_whole_names_each_of_its_values(tmp_path: Path) -> None:
    run_folder(tmp_path, cells(0, 1))
    refusal = {"status": "ERROR", "conflicts": [{"value": "No data set", "errorCode": "E8005"}]}
    result = push_to(answering(refusal, status=409), tmp_path)
    assert numbers(result) == (0, 2, 0, 0, 5)
    assert told(result) == [
        ("server.refused", None, None, 0),
        ("server.not_stored", 2, " 1 ", 1),
        ("server.not_stored", 3, " 1 ", 1),
    ]
    assert findings.rows(result.findings)[1].arguments == {"message": "No data set"}


def test_rejected_positions_without_a_conflict_are_told(tmp_path: Path) -> None:
    run_folder(tmp_path, cells(0, 1, 2))
    result = push_to(answering({"imported": 2, "ignored": 1, "rejectedIndexes": [1]}), tmp_path)
    assert told(result) == [("server.not_stored", 3, " 1 ", 1)]


@pytest.mark.parametrize("summary", [{}, {"imported": 2}, {"imported": 1, "ignored": 1, "conflicts": [conflict(0)]}])
def test_a_success_that_accounts_for_fewer_values_is_not_believed(tmp_path: Path, summary: dict[str, Any]) -> None:
    run_folder(tmp_path, cells(0, 1, 2))
    result = push_to(answering(summary), tmp_path)
    assert result.unknown == 3 - summary.get("imported", 0) - summary.get("ignored", 0)
    assert (told(result)[-1][0], told(result)[-1][3]) == ("server.unknown", result.unknown)
    assert result.exit_code == 6


def test_the_case_of_indexes_in_the_second_chunk(shared: Path, tmp_path: Path) -> None:
    (case,) = (shared / "cases").glob("C43-*")
    rows = [n for n, line in enumerate((case / "input.csv").read_text("utf-8").splitlines(), 1) if line and n > 1]
    assert len(rows) == 48
    run_folder(tmp_path, cells(*range(20)), cells(*range(20, 40)), cells(*range(40, 48)), rows=rows)
    mock = answering({"imported": 20})
    mock.post(f"{BASE}/api/dataValueSets", status=409, body=(case / "chunk2_response.json").read_bytes())
    mock.post(
        f"{BASE}/api/dataValueSets",
        json={"responseType": "ImportSummary", "status": "SUCCESS", "importCount": {"imported": 8}},
    )
    result = push_to(mock, tmp_path)
    expected = json.loads((case / "expected.json").read_text("utf-8"))
    assert [row for _, row, _, _ in told(result)] == [problem["source_row"] for problem in expected["problems"]]
    assert numbers(result) == (45, 3, 0, 0, 4)


def test_the_case_of_identifiers_that_look_alike(shared: Path, tmp_path: Path) -> None:
    (case,) = (shared / "cases").glob("C73-*")
    metadata = json.loads((case / "metadata.json").read_text("utf-8"))
    uid = json.loads((case / "expected.json").read_text("utf-8"))["org_unit_uid_by_scheme"]["UID"]
    assert uid in {item.get("code") for item in metadata["organisationUnits"]}
    run_folder(tmp_path, [(uid, "5")], system_id=None)
    element, data_set = metadata["dataElements"][0]["id"], metadata["dataSets"][0]["id"]
    body = (tmp_path / "chunks" / "0001.json.gz").read_bytes()
    text = gzip.decompress(body).decode().replace("dataElemen1", element).replace("dataSet0001", data_set)
    (tmp_path / "chunks" / "0001.json.gz").write_bytes(gzip.compress(text.encode()))
    about = json.loads((tmp_path / "run.json").read_text("utf-8"))
    about["chunks"][0]["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    (tmp_path / "run.json").write_text(json.dumps(about), encoding="utf-8")
    with Sandbox(metadata) as sandbox:
        assert pushed(sandbox, tmp_path).confirmed == 1
        assert [row.key.org_unit for row in sandbox.values()] == [uid]


@st.composite
def answers_to(draw: st.DrawFn, size: int = 5) -> dict[str, Any]:
    rejected = draw(st.sets(st.integers(0, size - 1), max_size=size))
    told_of = draw(st.lists(st.sampled_from(sorted(rejected)), max_size=6)) if rejected else []
    beyond = draw(st.lists(st.integers(size, size + 3), max_size=2))
    cut = draw(st.integers(0, len(told_of)))
    conflicts = [conflict(*part) for part in (told_of[:cut], [*told_of[cut:], *beyond]) if part]
    kept = size - len(rejected)
    return {
        "imported": kept,
        "ignored": len(rejected),
        "conflicts": conflicts,
        "rejectedIndexes": sorted(rejected),
        **({"status": "ERROR"} if not kept else {}),
    }


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers_to())
def test_each_refused_value_is_counted_once_whatever_the_answer(summary: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        result = push_to(answering(summary), run_folder(Path(folder), cells(*range(5))))
    found = result.findings.filter(pl.col("code").is_in(["server.refused", "server.not_stored"]))
    assert result.confirmed + result.refused + result.unknown == 5
    assert found["values"].sum() == result.refused == len(summary["rejectedIndexes"])
    placed = {row for row in found["row"] if row is not None}
    assert placed == {position + 2 for position in summary["rejectedIndexes"]}
    assert result.findings.schema == findings.FINDINGS_SCHEMA


# faults in time


def test_a_lost_answer_is_followed_by_the_same_chunk_and_each_value_counts_once(tmp_path: Path) -> None:
    run_folder(tmp_path, cells(0, 1))
    with Sandbox(METADATA, faults=Faults(lost=1)) as sandbox:
        assert numbers(pushed(sandbox, tmp_path)) == (2, 0, 0, 0, 0)
        assert [(done.imported, done.unchanged) for done in sandbox.imports()] == [(2, 0), (0, 2)]


@pytest.mark.parametrize("fault", ["garbled", "empty", "cut", "lost"])
def test_an_unreadable_answer_is_asked_for_again_only_so_often(tmp_path: Path, fault: str) -> None:
    run_folder(tmp_path, cells(0))
    with Sandbox(METADATA, faults=Faults(**{fault: 2})) as sandbox:
        assert numbers(pushed(sandbox, tmp_path, retries=2)) == (1, 0, 0, 0, 0)
        assert len(sandbox.imports()) == 3
        setattr(sandbox.faults, fault, 99)
        result = pushed(sandbox, tmp_path, retries=2)
        assert len(sandbox.imports()) == 6
    assert numbers(result) == (0, 0, 1, 0, 6)
    assert told(result) == [("server.unknown", None, None, 1)]


@pytest.mark.parametrize("fault", ["garbled", "empty", "cut", "lost"])
def test_a_create_is_never_repeated_blindly(tmp_path: Path, fault: str) -> None:
    run_folder(tmp_path, cells(0))
    with Sandbox(METADATA, faults=Faults(**{fault: 1})) as sandbox:
        assert numbers(pushed(sandbox, tmp_path, import_strategy="CREATE")) == (0, 0, 1, 0, 6)
        assert len(sandbox.imports()) == 1


def test_a_server_that_falls_silent_leaves_what_was_confirmed_standing(tmp_path: Path) -> None:
    run_folder(tmp_path, *(cells(number) for number in range(10)))
    with Sandbox(METADATA) as sandbox:

        def silence(ended: ChunkOutcome) -> None:
            if ended.chunk.number == 6:
                sandbox.faults.lost = 99

        result = pushed(sandbox, tmp_path, on_outcome=silence)
    assert numbers(result) == (6, 0, 1, 3, 6)
    assert isinstance(result.stopped, Unreachable)


def test_a_server_that_says_later_keeps_the_rest_unsent(tmp_path: Path) -> None:
    run_folder(tmp_path, *(cells(number) for number in range(3)))
    with Sandbox(METADATA) as sandbox:

        def close(ended: ChunkOutcome) -> None:
            sandbox.faults.unavailable = 99

        result = pushed(sandbox, tmp_path, on_outcome=close)
    assert numbers(result) == (1, 0, 0, 2, 6)
    assert told(result) == []


def test_a_login_page_in_the_middle_is_no_success(tmp_path: Path) -> None:
    run_folder(tmp_path, *(cells(number) for number in range(3)))
    with Sandbox(METADATA) as sandbox:

        def log_out(ended: ChunkOutcome) -> None:
            sandbox.faults.login_page = 99

        result = pushed(sandbox, tmp_path, on_outcome=log_out)
    assert numbers(result) == (1, 0, 0, 2, 8)
    assert isinstance(result.stopped, NotAuthorised)


def test_a_job_whose_end_cannot_be_seen_is_unknown_and_not_sent_again(tmp_path: Path) -> None:
    run_folder(tmp_path, cells(0), cells(1))
    with Sandbox(METADATA, faults=Faults(path="/api/system/tasks", login_page=99)) as sandbox:
        result = pushed(sandbox, tmp_path, async_job=True)
        assert len(sandbox.imports()) == 1
    assert numbers(result) == (0, 0, 1, 1, 8)


def test_rights_are_asked_before_anything_is_sent(tmp_path: Path) -> None:
    run_folder(tmp_path, cells(0))
    with (
        Sandbox(METADATA) as sandbox,
        Client(sandbox.url, username="admin", password="wrong", waiting=False) as client,
        pytest.raises(NotAuthorised),
    ):
        push(tmp_path, client)


def test_a_user_who_may_not_write_data(tmp_path: Path) -> None:
    run_folder(tmp_path, cells(0))
    with Sandbox(METADATA, authorities=["F_EXPORT_DATA"]) as sandbox:
        assert numbers(pushed(sandbox, tmp_path)) == (0, 0, 0, 1, 8)


# the run and the server


@pytest.fixture
def counted() -> Iterator[Sandbox]:
    with Sandbox(METADATA) as sandbox:
        yield sandbox
        assert sandbox.imports() == [], "something was sent"


def test_a_run_of_another_instance_is_not_sent(tmp_path: Path, counted: Sandbox) -> None:
    run_folder(tmp_path, cells(0), system_id="another-instance")
    with pytest.raises(OtherInstance, match="another-instance"):
        pushed(counted, tmp_path)


@pytest.mark.parametrize(
    ("snapshot", "codes"),
    [
        ({"system_id": None}, ["server.identity_unknown"]),
        ({"version": NEW}, ["server.other_engine"]),
        ({"version": "2.38.4"}, []),
        ({"version": None}, []),
    ],
    ids=str,
)
def test_what_the_run_does_not_know_of_the_server_is_told(
    tmp_path: Path, snapshot: dict[str, Any], codes: list[str]
) -> None:
    run_folder(tmp_path, cells(0), **snapshot)
    with Sandbox(METADATA) as sandbox:
        result = pushed(sandbox, tmp_path)
    assert [code for code, *_ in told(result)] == codes
    assert result.exit_code == 0


def test_a_strategy_that_the_server_would_ignore_is_refused(tmp_path: Path) -> None:
    run_folder(tmp_path, cells(0))
    with Sandbox(METADATA, version=NEW) as sandbox:
        for strategy in ("CREATE", "UPDATE", "REPLACE"):
            with pytest.raises(UsageError, match=strategy):
                pushed(sandbox, tmp_path, import_strategy=strategy)
        assert sandbox.imports() == []
        assert pushed(sandbox, tmp_path, import_strategy="DELETE").counts.deleted == 1


def damage(folder: Path, how: str) -> None:
    chunk = folder / "chunks" / "0002.json.gz"
    about = json.loads((folder / "run.json").read_text("utf-8"))
    match how:
        case "flipped":
            body = bytearray(chunk.read_bytes())
            body[len(body) // 2] ^= 0x10
            chunk.write_bytes(body)
        case "truncated":
            chunk.write_bytes(chunk.read_bytes()[:-9])
        case "other":
            chunk.write_bytes(gzip.compress(b"{}"))
        case "plain":
            chunk.write_bytes(gzip.decompress(chunk.read_bytes()))
        case "missing":
            chunk.unlink()
        case "miscounted":
            about["chunks"][1]["values"] += 1
        case "without values":
            (folder / "values.parquet").unlink()
        case "elsewhere":
            about["chunks"][1]["file"] = "../../0002.json.gz"
            chunk.rename(folder.parent / "0002.json.gz")
        case "no list":
            about["chunks"] = {"a": 1}
    (folder / "run.json").write_text(json.dumps(about), encoding="utf-8")


@pytest.mark.parametrize(
    "how",
    ["flipped", "truncated", "other", "plain", "missing", "miscounted", "without values", "elsewhere", "no list"],
)
def test_a_damaged_run_is_not_sent_at_all(tmp_path: Path, counted: Sandbox, how: str) -> None:
    folder = run_folder(tmp_path / "outer" / "run", cells(0), cells(1))
    damage(folder, how)
    with pytest.raises(UsageError):
        pushed(counted, folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"chunks": [{}]}'])
def test_what_is_no_run_is_refused(tmp_path: Path, counted: Sandbox, text: str) -> None:
    (tmp_path / "run.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError):
        pushed(counted, tmp_path)
    with pytest.raises(UsageError, match="no run folder"):
        pushed(counted, tmp_path / "nothing")


def test_a_run_without_values_is_no_success(tmp_path: Path, counted: Sandbox) -> None:
    with pytest.raises(Refused, match="nothing to send"):
        pushed(counted, run_folder(tmp_path))
