"""The commands that talk to a server: what it takes, what it refuses, and what it never gets to see."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commanding import EXPORT, FORM, MAPPING, MISTAKES, WITH, Ran, Shell, sent

from dhis2_bridge.sandbox import Faults, Sandbox

SECRET = "s3cret-word"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(monkeypatch, tmp_path)


@pytest.fixture(params=["2.42.1", "2.43.2"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(EXPORT, version=request.param) as server:
        yield server


def test_a_snapshot_that_was_pulled_gives_the_values_of_the_file(
    shell: Shell, sandbox: Sandbox, tmp_path: Path
) -> None:
    shell.login(sandbox.url)
    pulled = shell("snapshot", "pull", "snapshot.json.gz")
    assert (pulled.code, pulled.err) == (0, "")
    assert "system id: " in pulled.out
    assert "UZ_PHC_M" in pulled.out
    shown = shell("snapshot", "show", "snapshot.json.gz")
    assert shown.out == pulled.out
    about = json.loads(shell("snapshot", "show", "snapshot.json.gz", "--json").out)
    assert about["data_sets_held"][0]["data_elements"] == 42
    shell("convert", MISTAKES, *WITH, "-o", "by-file")
    shell("convert", MISTAKES, "-m", MAPPING, "-s", "snapshot.json.gz", "-o", "by-server")
    assert sent(tmp_path / "by-file") == sent(tmp_path / "by-server")


def test_push_stores_every_value_and_twice_changes_nothing(
    shell: Shell, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dhis2_bridge.client.time.sleep", lambda _: None)
    shell.login(sandbox.url)
    shell("convert", FORM, *WITH)
    trial = shell("push", "run", "--dry-run")
    assert (trial.code, trial.out.partition(",")[0]) == (0, "Trial run")
    first, again = shell("push", "run", "--json"), shell("push", "run", "--async")
    assert (first.code, again.code) == (0, 0)
    counts = first.lines[-1]["counts"]
    assert counts["stored"] + counts["unchanged"] == 128
    assert first.lines[-1]["stopped"] is None
    assert "128" in again.out
    assert again.err == "" or "Checked for another version" in again.err


def test_push_deletes_on_request(shell: Shell, sandbox: Sandbox) -> None:
    shell.login(sandbox.url)
    shell("convert", FORM, *WITH)
    shell("push", "run")
    ran = shell("push", "run", "--strategy", "DELETE")
    assert ran.code == 0
    assert " deleted" in ran.out


def test_the_logins_that_are_known(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(EXPORT, version="2.43.2", token="d2pat_invented") as sandbox:
        shell("convert", FORM, *WITH)
        dish = {"dhis": {"baseurl": sandbox.url, "username": "admin", "password": "district"}}
        (tmp_path / "auth.json").write_text(json.dumps(dish), encoding="utf-8")
        text = f'[here]\nurl = "{sandbox.url}"\ntoken_file = "token"\n'
        (tmp_path / "profiles.toml").write_text(text, encoding="utf-8")
        (tmp_path / "token").write_text("d2pat_invented\n", encoding="utf-8")
        assert shell("push", "run", "--auth-file", "auth.json").code == 0
        assert shell("push", "run", "--profile", "here").code == 0
        monkeypatch.setenv("DHIS2_PROFILE", "here")
        assert shell("push", "run").code == 0
        monkeypatch.setenv("DHIS2_PROFILE", "")
        monkeypatch.setenv("DHIS2_PAT", "d2pat_invented")
        assert shell("push", "run", "--url", sandbox.url).code == 0


# -- the server (4, 5, 6, 8) -----------------------------------------------------------------------------------------


def holding_dates(*names: str) -> dict[str, Any]:
    """The metadata of a server on which these data elements, or all, have become dates since the snapshot was taken."""
    document: dict[str, Any] = json.loads(EXPORT.read_text(encoding="utf-8"))
    for element in document["dataElements"]:
        if not names or element["name"] in names:
            element["valueType"] = "DATE"
    return document


@pytest.mark.parametrize("version", ["2.42.1", "2.43.2"])
def test_a_value_that_the_server_refuses_is_named_with_its_cell(shell: Shell, version: str) -> None:
    shell("convert", FORM, *WITH)
    with Sandbox(holding_dates("PHC 13 Beds"), version=version) as sandbox:
        shell.login(sandbox.url)
        ran = shell("push", "run", "--json")
        told = shell("push", "run")
    (refused,) = (line for line in ran.lines[:-1] if line["severity"] == "error")
    assert (refused["code"], refused["cell"], refused["found"]) == ("server.refused", "C23", "20")
    assert refused["source"] == str(FORM)
    assert (ran.code, told.code) == (4, 4)
    assert ran.lines[-1]["counts"]["refused"] == 1
    assert "cell C23" in told.err
    assert "1 refused" in told.out


@pytest.mark.parametrize("version", ["2.42.1", "2.43.2"])
def test_a_server_that_refuses_all(shell: Shell, version: str) -> None:
    shell("convert", FORM, *WITH)
    with Sandbox(holding_dates(), version=version) as sandbox:
        shell.login(sandbox.url)
        ran = shell("push", "run", "--lang", "ru")
    assert ran.code == 5
    assert "Отклонено: 128." in ran.out


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def test_a_server_that_cannot_be_reached(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("dhis2_bridge.client.RETRIES", 0)
    monkeypatch.setattr("urllib3.util.retry.time.sleep", lambda _: None)
    shell("convert", FORM, *WITH)
    shell.login(f"http://127.0.0.1:{free_port()}", SECRET)
    for arguments in (("push", "run"), ("push", "run", "--json"), ("snapshot", "pull", "s.json")):
        ran = shell(*arguments)
        assert ran.code == 6
        assert "the connection was refused" in ran.complaint
        assert SECRET not in ran.both
    assert not (tmp_path / "s.json").exists()


def test_a_push_that_ends_early_says_what_was_not_sent(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib3.util.retry.time.sleep", lambda _: None)
    shell("convert", FORM, *WITH)
    with Sandbox(EXPORT, version="2.43.2", faults=Faults(unavailable=1_000)) as sandbox:
        shell.login(sandbox.url)
        last = shell("push", "run", "--json").lines[-1]
        told = shell("push", "run")
    assert (last["exit_code"], told.code) == (6, 6)
    assert last["counts"]["not_sent"] == 128
    assert "HTTP 503" in last["stopped"]
    assert "128 not sent" in told.out
    assert "Error: " in told.err


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_login_that_is_refused_stays_a_secret(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, debug: str
) -> None:
    monkeypatch.setenv("DHIS2_BRIDGE_DEBUG", debug)
    shell("convert", FORM, *WITH)
    (tmp_path / "auth.json").write_text(
        json.dumps({"dhis": {"username": "admin", "password": SECRET}}), encoding="utf-8"
    )
    runs: list[Ran] = []
    with Sandbox(EXPORT, version="2.43.2") as sandbox:
        shell.login(sandbox.url, SECRET)
        runs += [shell("push", "run"), shell("snapshot", "pull", "s.json")]
        runs.append(shell("push", "run", "--auth-file", "auth.json", "--url", sandbox.url))
    assert [ran.code for ran in runs] == [8, 8, 8]
    assert all("HTTP 401, the login was refused" in ran.complaint for ran in runs)
    runs.append(shell("push", "run", "--url", f"http://admin:{SECRET}@127.0.0.1"))
    assert runs[-1].code == 2
    assert "the base URL holds a login" in runs[-1].complaint
    assert not any(SECRET in ran.both for ran in runs)
    assert not any(SECRET.encode() in path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file())


def test_a_run_for_another_instance_is_not_sent(shell: Shell) -> None:
    shell("convert", FORM, *WITH)
    with Sandbox(EXPORT, version="2.43.2", system_id="another-instance") as sandbox:
        shell.login(sandbox.url)
        ran = shell("push", "run")
    assert ran.code == 2
    assert "is the DHIS2 instance another-instance" in ran.complaint


def test_no_login_at_all(shell: Shell) -> None:
    shell("convert", FORM, *WITH)
    assert "no server is named" in shell("push", "run").complaint
    assert "no login is known" in shell("push", "run", "--url", "http://127.0.0.1:9").complaint


def test_a_port_that_is_taken(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = shell("sandbox", "--port", taken.getsockname()[1])
    assert ran.code == 2
    assert "port" in ran.complaint
