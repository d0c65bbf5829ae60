"""The client: exact exchanges by `responses`, behaviour in time against the sandbox."""

import base64
import gzip
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import responses
from responses import matchers

from dhis2_bridge.answers import AnswerLost
from dhis2_bridge.client import Client, normal_base_url
from dhis2_bridge.findings import NotAuthorised, ServerError, Unreachable, UsageError
from dhis2_bridge.sandbox import Faults, Sandbox

BASE = "https://dhis.example.org"
SECRET = "Sesam-öffne-dich"
TOKEN = "d2pat_abcdefghijklmnopqrstuvwxyz1234561234567890"

METADATA: dict[str, Any] = {
    "organisationUnits": [{"id": f"orgUnit{n:04}", "code": f"U{n}", "name": f"Post {n}"} for n in range(120)],
    "dataElements": [{"id": "dataElemen1", "name": "Visits", "valueType": "INTEGER"}],
    "dataSets": [],
}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(BASE, username="admin", password=SECRET, waiting=False) as opened:
        yield opened


def connect(sandbox: Sandbox, **more: Any) -> Client:
    return Client(sandbox.url, username="admin", password="district", **{"waiting": False, **more})


def post(client: Client, **more: Any) -> Any:
    return client.post_data_value_set(gzip.compress(b'{"dataValues": []}'), **more)


# address and login


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("https://dhis.example.org", "https://dhis.example.org"),
        (" https://dhis.example.org/ ", "https://dhis.example.org"),
        ("https://dhis.example.org/api", "https://dhis.example.org"),
        ("https://dhis.example.org/api/", "https://dhis.example.org"),
        ("https://dhis.example.org/api/42/", "https://dhis.example.org"),
        ("https://dhis.example.org/hmis/api", "https://dhis.example.org/hmis"),
        ("https://dhis.example.org//hmis//", "https://dhis.example.org/hmis"),
        ("https://dhis.example.org/42", "https://dhis.example.org/42"),
        ("https://DHIS.example.org:8443/hmis", "https://dhis.example.org:8443/hmis"),
        ("http://[::1]:8080/api", "http://[::1]:8080"),
    ],
)
def test_base_urls_come_down_to_what_stands_before_api(given: str, normal: str) -> None:
    assert normal_base_url(given) == normal
    assert normal_base_url(normal) == normal


@pytest.mark.parametrize(
    "given",
    [
        "",
        "dhis.example.org",
        "ftp://dhis.example.org",
        "https://",
        "https://dhis.example.org/?x=1",
        "https://dhis.example.org/#home",
        f"https://admin:{SECRET}@dhis.example.org",
        "https://admin@dhis.example.org",
        "https://dhis.example.org:port",
        "https://[::1",
    ],
)
def test_other_base_urls_are_refused_without_repeating_a_password(given: str) -> None:
    with pytest.raises(UsageError) as refused:
        normal_base_url(given)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "login",
    [
        {},
        {"username": "admin"},
        {"password": SECRET},
        {"username": "", "password": SECRET},
        {"username": "ad:min", "password": SECRET},
        {"username": "admin", "password": SECRET, "token": TOKEN},
        {"token": ""},
        {"token": f"{TOKEN} {SECRET}"},
        {"token": f"{TOKEN}\r\nX: {SECRET}"},
        {"token": SECRET},
    ],
    ids=str,
)
def test_a_login_that_cannot_work_is_refused_without_telling_it(login: dict[str, str]) -> None:
    with pytest.raises(UsageError) as refused:
        Client(BASE, **login)  # type: ignore[arg-type]
    assert SECRET not in str(refused.value)
    assert TOKEN not in str(refused.value)


@responses.activate
def test_every_request_says_who_asks_and_that_no_page_is_wanted(client: Client) -> None:
    responses.get(f"{BASE}/api/system/info", json={"version": "2.42.1"})
    client.system_info()
    sent = responses.calls[0].request.headers
    assert sent["X-Requested-With"] == "XMLHttpRequest"
    assert sent["User-Agent"].startswith("dhis2_bridge/")
    assert base64.b64decode(sent["Authorization"].removeprefix("Basic ")).decode() == f"admin:{SECRET}"


@responses.activate
def test_a_token_is_sent_as_api_token_and_no_netrc_wins_over_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine dhis.example.org login other password other\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    responses.get(f"{BASE}/api/me", json={"id": "x"})
    with Client(BASE, token=f"{TOKEN}\n") as client:
        client.me()
    assert responses.calls[0].request.headers["Authorization"] == f"ApiToken {TOKEN}"


def test_no_secret_is_shown(client: Client) -> None:
    assert "admin" in repr(client)
    assert SECRET not in repr(client)
    with Client(BASE, token=TOKEN) as other:
        assert TOKEN not in repr(other)


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("http://dhis.example.org", True),
        ("http://10.0.0.7:8080", True),
        ("https://dhis.example.org", False),
        ("http://localhost:8080", False),
        ("http://127.0.0.1", False),
        ("http://[::1]:8080", False),
    ],
)
def test_an_unencrypted_way_is_warned_of_unless_it_ends_on_this_computer(url: str, warned: bool) -> None:
    with Client(url, token=TOKEN) as client:
        assert bool(client.warnings) is warned


# what an answer means


@responses.activate
@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ({"status": 302, "headers": {"Location": "/login/"}}, NotAuthorised, ["/login/", "login"]),
        ({"status": 302, "headers": {"Location": "https://u:p@sso.example.org/login?state=s"}}, NotAuthorised, ["sso"]),
        ({"status": 301, "headers": {"Location": "https://new.example.org/api/me"}}, ServerError, ["new.example.org"]),
        ({"status": 200, "body": "<html>", "content_type": "text/html;charset=UTF-8"}, NotAuthorised, ["text/html"]),
        ({"status": 404, "body": "<html>", "content_type": "text/html"}, NotAuthorised, ["404"]),
        ({"status": 401, "json": {"message": "Bad credentials"}}, NotAuthorised, ["401", "Bad credentials"]),
        ({"status": 403, "body": "<html>", "content_type": "text/html"}, NotAuthorised, ["403"]),
        ({"status": 200, "body": "hello", "content_type": "text/plain"}, NotAuthorised, ["text/plain"]),
        ({"status": 200, "body": "[]", "content_type": "application/json"}, NotAuthorised, []),
        ({"status": 404, "json": {"message": "nothing here"}}, ServerError, ["404", "nothing here"]),
        ({"status": 500, "body": "<html>", "content_type": "text/html"}, ServerError, ["500"]),
    ],
    ids=str,
)
def test_what_is_no_answer_of_dhis2_is_told_with_the_address_reached(
    client: Client, answer: dict[str, Any], error: type[Exception], words: list[str]
) -> None:
    responses.get(f"{BASE}/api/me", **answer)
    with pytest.raises(error) as raised:
        client.me()
    assert type(raised.value) is error
    for word in [f"{BASE}/api/me", *words]:
        assert word in str(raised.value)
    for word in (SECRET, "u:p@", "state="):
        assert word not in str(raised.value)
    assert len(responses.calls) == 1


@responses.activate
def test_a_server_without_a_version_is_no_dhis2(client: Client) -> None:
    responses.get(f"{BASE}/api/system/info", json={"name": "another program"})
    with pytest.raises(NotAuthorised, match="not a DHIS2"):
        client.system_info()


def test_the_login_page_case(shared: Path, client: Client) -> None:
    (folder,) = (shared / "cases").glob("C45-*")
    for redirect in json.loads((folder / "response_meta.json").read_text("utf-8"))["chain"]:
        with responses.RequestsMock() as mock:
            headers = {"Location": redirect["location"]} if "location" in redirect else {}
            mock.post(
                f"{BASE}/api/dataValueSets",
                status=redirect["status"],
                body=(folder / "response.html").read_bytes(),
                content_type=redirect.get("content_type", "text/html"),
                headers=headers,
            )
            with pytest.raises(NotAuthorised, match="login"):
                post(client)
            assert len(mock.calls) == 1


@responses.activate
def test_a_refused_import_is_an_answer_and_no_error(client: Client) -> None:
    for status in (409, 400, 413, 500):
        responses.upsert("POST", f"{BASE}/api/dataValueSets", status=status, json={"message": "no"})
        assert post(client).status == status


@responses.activate
def test_an_import_says_everything_that_matters(client: Client) -> None:
    responses.post(f"{BASE}/api/dataValueSets", json={})
    post(client, dry_run=True, import_strategy="DELETE", async_job=True)
    request = responses.calls[0].request
    assert request.params == {"dryRun": "true", "importStrategy": "DELETE", "idScheme": "UID", "async": "true"}  # type: ignore[attr-defined]
    assert request.headers["Content-Type"] == "application/json"
    assert "Content-Encoding" not in request.headers
    assert isinstance(request.body, bytes)
    assert request.body.startswith(b"\x1f\x8b")


# trying again


@responses.activate
@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_server_that_says_later_is_asked_again_and_then_given_up(client: Client, status: int) -> None:
    responses.get(f"{BASE}/api/me", status=status, headers={"Retry-After": "3600"})
    with pytest.raises(Unreachable, match=str(status)):
        client.me()
    assert len(responses.calls) == 1 + client.retries


@responses.activate
@pytest.mark.parametrize(
    ("strategy", "dry_run", "times"),
    [
        ("CREATE_AND_UPDATE", False, 4),
        ("UPDATE", False, 4),
        ("DELETE", False, 4),
        ("CREATE", False, 1),
        ("CREATE", True, 4),
    ],
)
def test_an_import_is_repeated_only_when_that_changes_nothing(
    client: Client, strategy: str, dry_run: bool, times: int
) -> None:
    responses.post(f"{BASE}/api/dataValueSets", status=503)
    with pytest.raises(Unreachable) as raised:
        post(client, import_strategy=strategy, dry_run=dry_run)
    assert len(responses.calls) == times
    assert type(raised.value) is Unreachable  # 503 was never taken up


@responses.activate
def test_an_import_that_a_proxy_gave_up_on_may_have_happened(client: Client) -> None:
    responses.post(f"{BASE}/api/dataValueSets", status=504)
    with pytest.raises(AnswerLost):
        post(client)


def test_a_pause_that_the_server_asks_for_is_kept() -> None:
    with Sandbox(METADATA, faults=Faults(unavailable=1, retry_after=1, path="/api/me")) as sandbox:
        began = time.monotonic()
        with connect(sandbox, waiting=True) as client:
            assert client.me()["username"] == "admin"
        assert time.monotonic() - began >= 1.0


def test_a_pause_longer_than_a_person_waits_ends_it_at_once() -> None:
    with Sandbox(METADATA, faults=Faults(unavailable=9, retry_after=86_400, path="/api/me")) as sandbox:
        with connect(sandbox, waiting=True) as client, pytest.raises(Unreachable, match="86400"):
            client.me()
        assert sandbox.faults.unavailable == 8


@pytest.mark.parametrize("fault", ["unavailable", "lost", "cut"])
def test_faults_that_pass_are_outlived(fault: str) -> None:
    with Sandbox(METADATA, faults=Faults(**{fault: 2})) as sandbox, connect(sandbox) as client:
        assert post(client).outcome.kind == "accepted"
        assert getattr(sandbox.faults, fault) == 0


@pytest.mark.parametrize("fault", ["lost", "cut"])
def test_a_create_whose_answer_is_lost_is_not_sent_again(fault: str) -> None:
    with Sandbox(METADATA, faults=Faults(**{fault: 9})) as sandbox, connect(sandbox) as client:
        with pytest.raises(AnswerLost):
            post(client, import_strategy="CREATE")
        assert len(sandbox.imports()) == 1


def test_a_slow_answer_to_an_import_is_lost_and_to_a_read_is_no_answer() -> None:
    with Sandbox(METADATA, faults=Faults(delay=5.0, path="/api")) as sandbox:
        with connect(sandbox, timeout=(1.0, 0.1), retries=1) as client:
            with pytest.raises(AnswerLost, match="no answer in time"):
                post(client)
            with pytest.raises(Unreachable, match="no answer in time") as read:
                client.me()
            assert not isinstance(read.value, AnswerLost)
        assert len(sandbox.imports()) == 2


def test_nobody_there() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        with Client(f"http://127.0.0.1:{port}", username="admin", password=SECRET, waiting=False) as client:
            for attempt in (client.me, lambda: post(client)):
                with pytest.raises(Unreachable) as raised:
                    attempt()
                assert type(raised.value) is Unreachable
                assert SECRET not in f"{raised.value!r}{raised.value.__cause__!r}"


def test_a_name_that_does_not_resolve() -> None:
    with Client("https://nowhere.invalid", token=TOKEN, retries=0) as client, pytest.raises(Unreachable):
        client.me()


def test_a_proxy_login_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://u:{TOKEN}@127.0.0.1:9")
    with Client(BASE, token=TOKEN, retries=0) as client, pytest.raises(Unreachable) as raised:
        client.me()
    assert TOKEN not in f"{raised.value!r}{raised.value.__cause__!r}"


# lists


def pages(*parts: list[str], total: int | None = None, **pager: Any) -> Iterator[dict[str, Any]]:
    for number, part in enumerate(parts, start=1):
        yield {
            "pager": {
                "page": number,
                "pageCount": len(parts),
                "pageSize": 2,
                "total": sum(map(len, parts)) if total is None else total,
                **({"nextPage": f"http://inner:8080/api/dataSets?page={number + 1}"} if number < len(parts) else {}),
                **pager,
            },
            "dataSets": [{"id": name} for name in part],
        }


def serve(*documents: dict[str, Any]) -> None:
    for number, document in enumerate(documents, start=1):
        query = {"fields": "id", "paging": "false"} if number == 1 else {"fields": "id", "page": str(number)}
        match = matchers.query_param_matcher(query, strict_match=number == 1)
        responses.get(f"{BASE}/api/dataSets", json=document, match=[match])


@responses.activate
def test_a_list_that_pages_all_the_same_is_read_to_its_end_from_this_server(client: Client) -> None:
    serve(*pages(["a", "b"], ["c", "d"], ["e"]))
    assert [item["id"] for item in client.metadata({"dataSets": "id"})["dataSets"]] == list("abcde")


@responses.activate
@pytest.mark.parametrize(
    "documents",
    [
        [*pages(["a", "b"], ["c"], total=4)],
        [*pages(["a", "b"], total=3)],
        [*pages(["a", "b"], ["b", "c"])],
        [*pages(["a", "b"], [])],
        [*pages(["a"], ["b"], page=1)],
        [next(pages(["a"], ["b"])), {"dataSets": [{"id": "b"}]}],
        [{"pager": {"page": 1}}],
        [{"dataSets": "none"}],
        [{"dataSets": ["a"]}],
    ],
    ids=str,
)
def test_a_list_that_does_not_add_up_is_an_error(client: Client, documents: list[dict[str, Any]]) -> None:
    serve(*documents)
    with pytest.raises(ServerError, match="dataSets"):
        client.metadata({"dataSets": "id"})


@responses.activate
def test_a_page_that_cannot_be_had_is_an_error(client: Client) -> None:
    serve(next(pages(["a"], ["b"])))
    responses.get(f"{BASE}/api/dataSets", status=500, json={"message": "gone"})
    with pytest.raises(ServerError):
        client.metadata({"dataSets": "id"})


def test_the_first_page_case(shared: Path, client: Client) -> None:
    (folder,) = (shared / "cases").glob("C49-*")
    with responses.RequestsMock() as mock:
        for number in (1, 2):
            body = (folder / f"page{number}.json").read_bytes()
            mock.get(f"{BASE}/api/organisationUnits", body=body, content_type="application/json")
        units = client.metadata({"organisationUnits": "id,code"})["organisationUnits"]
    assert len(units) == 60
    assert "F0057" in {unit["code"] for unit in units}


def test_a_list_longer_than_a_page_comes_whole_from_a_server() -> None:
    with Sandbox(METADATA) as sandbox, connect(sandbox) as client:
        found = client.metadata(
            {"organisationUnits": "id,code,path", "dataElements": "*"}, filters={"dataElements": ["code:eq:none"]}
        )
    assert len(found["organisationUnits"]) == 120
    assert set(found["organisationUnits"][0]) == {"id", "code", "path"}
    assert found["dataElements"] == []


def test_values_are_read_back_by_report() -> None:
    own = {"dataElement": "dataElemen1", "period": "202401", "orgUnit": "orgUnit0000", "value": "7"}
    units = [{"id": "orgUnit0000"}]
    data_set = {"id": "dataSet0001", "dataSetElements": [{"dataElement": {"id": "dataElemen1"}}], "expiryDays": -1}
    metadata = {**METADATA, "dataSets": [{**data_set, "periodType": "Monthly", "organisationUnits": units}]}
    with Sandbox(metadata) as sandbox, connect(sandbox) as client:
        report = {"data_set": "dataSet0001", "period": "202401", "org_unit": "orgUnit0000"}
        assert client.data_values(**report) == []
        client.post_data_value_set(gzip.compress(json.dumps({"dataValues": [own]}).encode()))
        assert [held["value"] for held in client.data_values(**report)] == ["7"]
        with pytest.raises(ServerError, match="409"):
            client.data_values(**{**report, "data_set": "nothing0001"})


# jobs


def test_a_job_is_waited_for_and_its_summary_read() -> None:
    with Sandbox(METADATA, job_polls=3) as sandbox, connect(sandbox) as client:
        started = post(client, async_job=True).outcome
        assert (started.kind, bool(started.job)) == ("unknown", True)
        assert client.await_import(started.job).kind == "accepted"


def test_a_job_that_does_not_end_in_time_is_unknown() -> None:
    with Sandbox(METADATA, job_polls=1000) as sandbox, connect(sandbox) as client:
        started = post(client, async_job=True).outcome
        outcome = client.await_import(started.job, limit=2.0, clock=iter(range(100)).__next__)
        assert (outcome.kind, outcome.job) == ("unknown", started.job)


@pytest.mark.parametrize(
    ("summary", "ending"),
    [("4_summary_null.json", ("unknown", ())), ("5_summary.json", ("partial", (1,)))],
)
def test_the_job_case(shared: Path, client: Client, summary: str, ending: tuple[str, tuple[int, ...]]) -> None:
    (folder,) = (shared / "cases").glob("C44-*")
    tasks, summaries = (f"{BASE}/api/system/{part}/DATAVALUE_IMPORT/a1B2c3D4e5F" for part in ("tasks", "taskSummaries"))
    with responses.RequestsMock() as mock:
        mock.get(tasks, body=(folder / "2_tasks.json").read_bytes())
        mock.get(tasks, body=(folder / "3_tasks.json").read_bytes())
        mock.get(summaries, body=(folder / summary).read_bytes(), content_type="application/json")
        outcome = client.await_import("a1B2c3D4e5F")
    assert (outcome.kind, outcome.rejected) == ending


@responses.activate
@pytest.mark.parametrize("answer", [{"status": 404, "json": {"message": "x"}}, {"status": 200, "body": b""}], ids=str)
def test_a_summary_that_is_gone_is_unknown_and_never_a_refusal(client: Client, answer: dict[str, Any]) -> None:
    responses.get(f"{BASE}/api/system/tasks/DATAVALUE_IMPORT/j", json=[{"completed": True}])
    responses.get(f"{BASE}/api/system/taskSummaries/DATAVALUE_IMPORT/j", **answer)
    assert client.await_import("j").kind == "unknown"
