"""A snapshot taken from a server holds what the export of it held, and is written whole or not at all."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import dhis2_bridge
from dhis2_bridge import pulling, settings, snapshot
from dhis2_bridge.client import Client
from dhis2_bridge.findings import NotAuthorised, ServerError, Unreachable, UsageError
from dhis2_bridge.sandbox import Faults, Sandbox
from dhis2_bridge.writing import written

EXAMPLES = settings.shipped("examples")
EXPORT = EXAMPLES / "metadata" / "uz_phc_m.json"
NOW = datetime(2026, 10, 5, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module", params=["2.42.1", "2.43.2"])
def server(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(EXPORT, version=request.param) as sandbox:
        yield sandbox


def client_of(sandbox: Sandbox, **changed: Any) -> Client:
    return Client(
        sandbox.url, **{"username": "admin", "password": "district", "waiting": False, "retries": 0, **changed}
    )


@pytest.fixture(scope="module")
def pulled(server: Sandbox) -> dict[str, Any]:
    with client_of(server) as client:
        return pulling.pull(client, now=NOW)


def test_what_was_pulled_is_what_the_export_holds(pulled: dict[str, Any], tmp_path: Path) -> None:
    pulling.save(pulled, tmp_path / "snapshot.json.gz")
    held, export = snapshot.load(tmp_path / "snapshot.json.gz"), snapshot.load(EXPORT)
    assert not held.problems
    for kind in ("org_units", "data_sets", "data_elements", "categories", "category_options", "category_option_combos"):
        assert getattr(held, kind).keys() == getattr(export, kind).keys(), kind
    for uid, element in export.data_elements.items():
        assert held.data_elements[uid] == element
    for uid, data_set in export.data_sets.items():
        assert (held.data_sets[uid].elements, held.data_sets[uid].org_units) == (data_set.elements, data_set.org_units)


def test_it_says_of_which_instance_and_with_whose_rights(
    server: Sandbox, pulled: dict[str, Any], tmp_path: Path
) -> None:
    pulling.save(pulled, tmp_path / "snapshot.json")
    identity = snapshot.load(tmp_path / "snapshot.json").identity
    assert identity.base_url == server.url
    assert identity.system_id == json.loads(EXPORT.read_text(encoding="utf-8"))["system"]["id"]
    assert identity.version_text in {"2.42.1", "2.43.2"}
    assert (identity.user, identity.exported) == ("admin", "2026-10-05T08:00:00+00:00")


def test_conversion_with_it_gives_the_same_values(pulled: dict[str, Any], tmp_path: Path) -> None:
    pulling.save(pulled, tmp_path / "snapshot.json.gz")
    mapping = settings.mapping_path("uzbekistan/phc_monthly")
    of_file = dhis2_bridge.convert(EXAMPLES / "phc" / "phc_uz_with_mistakes.xlsx", mapping, EXPORT)
    of_server = dhis2_bridge.convert(
        EXAMPLES / "phc" / "phc_uz_with_mistakes.xlsx", mapping, tmp_path / "snapshot.json.gz"
    )
    assert of_server.ready.height > 100
    assert of_server.values.equals(of_file.values)
    assert of_server.findings.equals(of_file.findings)


def test_progress_counts_to_the_end(server: Sandbox) -> None:
    told: list[tuple[int, int, str]] = []
    with client_of(server) as client:
        pulling.pull(client, now=NOW, on_progress=lambda *step: told.append(step))
    assert [done for done, _, _ in told] == list(range(1, len(pulling.FIELDS) + 1))
    assert {total for _, total, _ in told} == {len(pulling.FIELDS)}


def test_the_same_pull_is_the_same_bytes(pulled: dict[str, Any], tmp_path: Path) -> None:
    for name in ("a.json.gz", "b.json.gz"):
        pulling.save(pulled, tmp_path / name)
    assert (tmp_path / "a.json.gz").read_bytes() == (tmp_path / "b.json.gz").read_bytes()
    pulling.save(pulled, tmp_path / "c.json")
    assert gzip.decompress((tmp_path / "a.json.gz").read_bytes()) == (tmp_path / "c.json").read_bytes()


@pytest.mark.parametrize(
    ("faults", "login", "error"),
    [
        ({}, {"password": "wrong"}, NotAuthorised),
        ({"login_page": 1, "path": "/api/organisationUnits"}, {}, NotAuthorised),
        ({"unavailable": 1, "path": "/api/dataElements"}, {}, Unreachable),
        ({"cut": 1, "path": "/api/dataSets"}, {}, Unreachable),
        ({"garbled": 1, "path": "/api/dataSets"}, {}, ServerError),
        ({"empty": 1, "path": "/api/options"}, {}, ServerError),
    ],
    ids=["a wrong password", "a login page half-way", "try later", "cut off", "garbled", "empty"],
)
def test_a_snapshot_is_whole_or_it_is_not(
    faults: dict[str, Any], login: dict[str, str], error: type[Exception]
) -> None:
    with Sandbox(EXPORT, faults=Faults(**faults)) as sandbox, client_of(sandbox, **login) as client:
        with pytest.raises(error) as raised:
            pulling.pull(client, now=NOW)
        assert "\n" not in str(raised.value)
        assert sandbox.url in str(raised.value)


# -- files -----------------------------------------------------------------------------------------------------------


def test_a_file_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("before", encoding="utf-8")
    with written(path) as part:
        part.write_text("after", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "before"
    assert path.read_text(encoding="utf-8") == "after"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt()])
def test_what_is_broken_off_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), written(tmp_path / "a.json") as part:
        part.write_text("half", encoding="utf-8")
        raise error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["none/a.json", "folder", "a" * 300], ids=["no folder", "a folder", "too long"])
def test_a_file_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"), written(tmp_path / name) as part:
        part.write_text("x", encoding="utf-8")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    ("name", "message"), [("none/a.json", "there is no folder"), ("folder", "is a folder; name a file")]
)
def test_what_could_not_be_written_is_refused_before_the_server_is_asked(
    tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=message):
        pulling.refuse_unwritable(tmp_path / name)


def test_a_folder_of_others_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling.os, "access", lambda *_: False)  # the superuser may write anywhere
    with pytest.raises(UsageError, match="is not yours to write to"):
        pulling.refuse_unwritable(tmp_path / "a.json")
