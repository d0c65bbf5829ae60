"""The sandbox as a server: its door, its limits, its faults, and what it keeps."""

import base64
import gzip
import http.client
import json
import socket
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhis2_bridge.findings import SnapshotError, UsageError
from dhis2_bridge.sandbox import Faults, Sandbox, periods
from dhis2_bridge.sandbox.verdicts import normalised, reason

OLD, NEW = "2.42.1", "2.43.2"
DEFAULT = "HllvX50cXC0"
LOGIN = {"Authorization": "Basic " + base64.b64encode(b"admin:district").decode()}

METADATA: dict[str, Any] = {
    "system": {"id": "system-of-the-export"},
    "organisationUnits": [
        {"id": "country0001", "code": "C", "name": "Country"},
        {"id": "district001", "code": "D1", "name": "District", "parent": {"id": "country0001"}},
        *({"id": f"facility{n:03}", "code": f"F{n}", "parent": {"id": "district001"}} for n in range(70)),
        {"id": "elsewhere01", "code": "E", "name": "Elsewhere", "path": "/elsewhere01"},
    ],
    "optionSets": [{"id": "optionSet01", "name": "Risk", "options": [{"id": "option00001", "code": "LOW"}]}],
    "dataElements": [
        {"id": "visits00001", "valueType": "INTEGER", "zeroIsSignificant": False, "aggregationType": "SUM"},
        {"id": "average0001", "valueType": "NUMBER", "zeroIsSignificant": False, "aggregationType": "AVERAGE"},
        {"id": "risk0000001", "valueType": "TEXT", "optionSet": {"id": "optionSet01"}},
        {"id": "noSet000001", "valueType": "TEXT"},
    ],
    "dataSets": [
        {
            "id": "monthly0001",
            "name": "Monthly",
            "periodType": "Monthly",
            "openFuturePeriods": 1,
            "expiryDays": 15,
            "dataSetElements": [{"dataElement": {"id": d}} for d in ("visits00001", "average0001", "risk0000001")],
            "organisationUnits": [{"id": f"facility{n:03}"} for n in range(70)],
        }
    ],
}
NOW = datetime(2024, 6, 10, 8, 0)


class Door:
    """Bare HTTP to one sandbox, one connection a request."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.address = urlsplit(sandbox.url)

    def __call__(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None, **query: Any
    ) -> tuple[int, dict[str, str], Any]:
        connection = http.client.HTTPConnection(self.address.hostname or "", self.address.port, timeout=10)
        try:
            sent = {**LOGIN, "Content-Type": "application/json"} if headers is None else headers
            connection.request(method, f"{path}?{urlencode(query, doseq=True)}", body, sent)
            answer = connection.getresponse()
            content = answer.read()
            typed = {name.lower(): value for name, value in answer.getheaders()}
            is_json = typed.get("content-type") == "application/json"
            return answer.status, typed, json.loads(content) if is_json and content else content
        finally:
            connection.close()

    def post(self, *values: dict[str, Any], header: Any = None, **query: Any) -> tuple[int, Any]:
        document = {**({"dataSet": "monthly0001"} if header is None else header), "dataValues": list(values)}
        status, _, answer = self("POST", "/api/dataValueSets", json.dumps(document).encode(), **query)
        return status, answer


def value(number: int = 0, text: Any = "1", of: str = "visits00001", **more: Any) -> dict[str, Any]:
    return {"dataElement": of, "period": "202405", "orgUnit": f"facility{number:03}", "value": text, **more}


def summary(answer: Any) -> tuple[str, tuple[int, ...], list[str]]:
    found = answer.get("response", answer)
    return (
        found["status"],
        tuple(found["importCount"][name] for name in ("imported", "updated", "ignored", "deleted")),
        [conflict["errorCode"] for conflict in found["conflicts"]],
    )


def at(version: str, **more: Any) -> Sandbox:
    return Sandbox(METADATA, version=version, clock=lambda: NOW, **more)


# who may come in


@pytest.mark.parametrize(("version", "page"), [(OLD, "/login/"), ("2.40.1", "/dhis-web-commons/security/login.action")])
def test_a_stranger_is_shown_the_login_page_unless_a_program_asks(version: str, page: str) -> None:
    with at(version) as sandbox:
        door = Door(sandbox)
        status, headers, _ = door("GET", "/api/me", headers={})
        assert (status, headers["location"]) == (302, page)
        status, headers, _ = door("GET", page, headers={})
        assert (status, headers["content-type"].partition(";")[0]) == (200, "text/html")
        status, _, answer = door("GET", "/api/me", headers={"X-Requested-With": "XMLHttpRequest"})
        assert (status, answer["httpStatusCode"]) == (401, 401)
        assert door("GET", "/api/ping", headers={})[0] == 200


def test_only_the_right_login_comes_in() -> None:
    with at(OLD, username="вера", password="пароль", token="d2pat_x") as sandbox:
        door = Door(sandbox)
        for secret, status in (("вера:пароль", 200), ("вера:parol", 401), ("admin:district", 401)):
            packed = base64.b64encode(secret.encode()).decode()
            assert door("GET", "/api/me", headers={"Authorization": f"Basic {packed}"})[0] == status, secret
        assert door("GET", "/api/me", headers={"Authorization": "apitoken d2pat_x"})[0] == 200
        status, headers, _ = door("GET", "/api/me", headers={"Authorization": "ApiToken d2pat_y"})
        assert (status, headers["www-authenticate"]) == (401, "ApiToken")
    with at(OLD) as sandbox:
        assert Door(sandbox)("GET", "/api/me", headers={"Authorization": "ApiToken "})[0] in (302, 401)


def test_it_listens_on_this_computer_only_and_serves_no_files() -> None:
    with at(OLD) as sandbox:
        assert urlsplit(sandbox.url).hostname == "127.0.0.1"
        door = Door(sandbox)
        for path in ("/", "/etc/passwd", "/../../etc/passwd", "/api/../pyproject.toml", "/pyproject.toml", "/api"):
            assert door("GET", path)[0] == 404
        taken = urlsplit(sandbox.url).port or 0
        with pytest.raises(UsageError, match=str(taken)):
            at(OLD, port=taken).start()


def test_a_user_without_the_right_does_not_import() -> None:
    with at(OLD, authorities=["F_EXPORT_DATA"]) as sandbox:
        assert Door(sandbox).post(value())[0] == 403
        assert sandbox.imports() == []


@pytest.mark.parametrize(("version", "code"), [(OLD, "E7617"), (NEW, "E8011")])
def test_a_clerk_writes_below_her_own_units_only(version: str, code: str) -> None:
    clerk: dict[str, Any] = {"authorities": ["F_DATAVALUE_ADD", "F_EDIT_EXPIRED"]}
    with at(version, org_units=["facility001"], **clerk) as sandbox:
        door = Door(sandbox)
        assert summary(door.post(value(1))[1])[2] == []
        assert summary(door.post(value(2))[1])[2] == [code]


# what it says of itself and its metadata


def test_it_tells_who_it_is() -> None:
    with at(NEW) as sandbox:
        door = Door(sandbox)
        for path in ("/api/system/info", "/api/system/info.json", "/api/43/system/info"):
            info = door("GET", path)[2]
            assert (info["version"], info["systemId"]) == (NEW, "system-of-the-export")
        assert door("GET", "/api/27/system/info")[0] == door("GET", "/api/45/system/info")[0] == 404
        me = door("GET", "/api/me")[2]
        assert me["organisationUnits"] == [{"id": "country0001"}, {"id": "elsewhere01"}]
        assert (me["username"], me["authorities"]) == ("admin", ["ALL"])


def test_lists_come_in_pages_of_fifty_and_whole_when_asked() -> None:
    with at(OLD) as sandbox:
        door = Door(sandbox)
        first = door("GET", "/api/organisationUnits")[2]
        assert first["pager"] | {"nextPage": ""} == {
            "page": 1,
            "total": 73,
            "pageSize": 50,
            "pageCount": 2,
            "nextPage": "",
        }
        path, _, query = first["pager"]["nextPage"].removeprefix(sandbox.url).partition("?")
        second = door("GET", path, **dict(part.split("=") for part in query.split("&")))[2]
        assert "nextPage" not in second["pager"]
        whole = door("GET", "/api/organisationUnits", paging="false", fields="id,code,path,level,parent[id]")[2]
        assert "pager" not in whole
        ids = [unit["id"] for unit in whole["organisationUnits"]]
        assert ids == [unit["id"] for page in (first, second) for unit in page["organisationUnits"]]
        facility = whole["organisationUnits"][2]
        assert (facility["path"], facility["level"]) == ("/country0001/district001/facility000", 3)


def test_filters_it_knows_and_those_it_does_not() -> None:
    with at(OLD) as sandbox:

        def found(*filters: str) -> Any:
            answer = Door(sandbox)("GET", "/api/organisationUnits", paging="false", fields="id", filter=filters)[2]
            return [unit["id"] for unit in answer["organisationUnits"]]

        assert found("code:eq:F7") == ["facility007"]
        assert found("id:in:[facility001,facility002]", "code:ilike:f2") == ["facility002"]
        assert found("parent.id:eq:country0001") == ["district001"]
        assert Door(sandbox)("GET", "/api/organisationUnits", filter="level:gt:1")[0] == 400


def test_metadata_whole_or_by_type() -> None:
    with at(OLD) as sandbox:
        door = Door(sandbox)
        whole = door("GET", "/api/metadata")[2]
        assert whole["system"]["id"] == "system-of-the-export"
        assert "indicators" not in whole
        assert len(whole["organisationUnits"]) == 73
        assert [combo["id"] for combo in whole["categoryOptionCombos"]] == [DEFAULT]
        assert set(door("GET", "/api/metadata", dataSets="true")[2]) == {"system", "dataSets"}
        assert door("GET", "/api/dataSets/monthly0001")[2]["periodType"] == "Monthly"
        assert door("GET", "/api/dataSets/none0000001")[0] == door("GET", "/api/nonsense")[0] == 404
        assert door("GET", "/api/indicators", paging="false")[2] == {"indicators": []}


@pytest.mark.parametrize(("authorities", "may"), [(["ALL"], True), (["F_DATAVALUE_ADD"], False)])
def test_what_a_server_works_out_is_there_to_be_asked_for(authorities: list[str], may: bool) -> None:
    sharing = {"public": "r-r-----", "owner": "somebodyels", "users": {}}
    metadata = {**METADATA, "dataSets": [{**METADATA["dataSets"][0], "sharing": sharing}]}
    with Sandbox(metadata, authorities=authorities) as sandbox:
        door = Door(sandbox)
        (data_set,) = door("GET", "/api/dataSets", fields="id,access[data]")[2]["dataSets"]
        assert data_set["access"]["data"]["write"] is may
        aggregate = door("GET", "/api/dataElements", filter="domainType:eq:AGGREGATE")[2]
        assert len(aggregate["dataElements"]) == 4


@pytest.mark.parametrize("metadata", [[], "text", Path("not-there.json")], ids=str)
def test_what_is_no_metadata_export_is_refused(metadata: Any) -> None:
    with pytest.raises(SnapshotError):
        Sandbox(metadata)


# importing


@pytest.mark.parametrize(
    ("version", "path", "status", "enveloped"),
    [
        ("2.36.4", "/api", 409, False),
        ("2.37.4", "/api/38", 409, True),
        ("2.40.1", "/api", 409, True),
        ("2.41.1", "/api/37", 409, False),
        ("2.42.1", "/api/37", 409, True),
        ("2.43.2", "/api/43", 200, True),
        ("2.44-SNAPSHOT", "/api", 200, True),
    ],
)
def test_each_version_answers_a_warning_in_its_own_way(version: str, path: str, status: int, enveloped: bool) -> None:
    with at(version) as sandbox:
        body = json.dumps({"dataSet": "monthly0001", "dataValues": [value(0), value(1, "x")]}).encode()
        got, _, answer = Door(sandbox)("POST", f"{path}/dataValueSets", body)
    assert (got, "response" in answer) == (status, enveloped)
    assert answer["status"] == "WARNING"
    assert summary(answer)[1][2] == 1


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_packed_body_is_known_by_its_first_bytes(version: str) -> None:
    body = json.dumps({"dataSet": "monthly0001", "dataValues": [value()]}).encode()
    with at(version) as sandbox:
        door = Door(sandbox)
        assert door("POST", "/api/dataValueSets", gzip.compress(body))[0] == 200
        assert door("POST", "/api/dataValueSets", gzip.compress(body)[:-6])[0] == 400
        assert door("POST", "/api/dataValueSets", body, {**LOGIN, "Content-Type": "text/csv"})[0] == 415
        assert door("POST", "/api/dataValueSets", body[:-2])[0] == 409
        assert door("POST", "/api/dataValueSets", b"[]")[0] == 409
        assert [done.imported for done in sandbox.imports()] == [1]


def test_the_old_engine_counts_what_it_did_and_keeps_to_the_strategy() -> None:
    with at(OLD) as sandbox:
        door = Door(sandbox)
        for strategy, text, counts in (
            ("UPDATE", "1", (0, 0, 1, 0)),
            ("CREATE", "1", (1, 0, 0, 0)),
            ("CREATE", "2", (0, 0, 1, 0)),
            ("CREATE_AND_UPDATE", "1", (0, 0, 1, 0)),
            ("CREATE_AND_UPDATE", "3", (0, 1, 0, 0)),
            ("DELETE", "3", (0, 0, 0, 1)),
            ("DELETE", "3", (0, 0, 1, 0)),
            ("CREATE_AND_UPDATE", "3", (1, 0, 0, 0)),
        ):
            assert summary(door.post(value(0, text), importStrategy=strategy)[1]) == ("SUCCESS", counts, []), strategy
        assert [row.value for row in sandbox.values()] == ["3"]


def test_zeros_and_empty_texts_in_the_old_engine() -> None:
    with at(OLD) as sandbox:
        door = Door(sandbox)
        for cell, counts in (
            (value(0, "0"), (0, 0, 1, 0)),
            (value(0, "5"), (1, 0, 0, 0)),
            (value(0, "0"), (0, 0, 0, 1)),
            (value(0, "0", "average0001"), (1, 0, 0, 0)),
            (value(1, ""), (0, 0, 1, 0)),
            (value(1, "5"), (1, 0, 0, 0)),
            (value(1, ""), (0, 0, 0, 1)),
            (value(2, None, comment="not open"), (1, 0, 0, 0)),
        ):
            assert summary(door.post(cell)[1]) == ("SUCCESS", counts, []), cell
        assert [(row.key.data_element, row.value) for row in sandbox.values()] == [
            ("average0001", "0"),
            ("visits00001", None),
        ]


@pytest.mark.parametrize(("version", "winner"), [(OLD, "202403"), (NEW, "202405")])
def test_header_or_value_whoever_wins(version: str, winner: str) -> None:
    with at(version) as sandbox:
        door = Door(sandbox)
        door.post(value(), header={"dataSet": "monthly0001", "period": "202403"})
        gap = value(1)
        del gap["period"]
        door.post(gap, header={"dataSet": "monthly0001", "period": "202402"})
        assert [row.key.period for row in sandbox.values()] == [winner, "202402"]


@pytest.mark.parametrize(
    ("version", "text", "stored"),
    [(OLD, 10, "10"), ("2.43.2", 10, None), ("2.44-SNAPSHOT", 10, "10"), ("2.44-SNAPSHOT", 1e22, None)],
)
def test_a_number_in_place_of_a_text(version: str, text: Any, stored: str | None) -> None:
    with at(version) as sandbox:
        Door(sandbox).post(value(0, text))
        assert [row.value for row in sandbox.values()] == ([stored] if stored else [])


def test_a_missing_data_set_in_the_new_engine() -> None:
    with at(NEW) as sandbox:
        door = Door(sandbox)
        assert summary(door.post(value(), header={})[1]) == ("SUCCESS", (0, 1, 0, 0), [])
        assert summary(door.post(value(of="noSet000001"), header={})[1])[2] == ["E8003"]


def test_no_combo_and_the_default_combo_for_one_cell_do_not_end_well_in_the_new_engine() -> None:
    with at(NEW) as sandbox:
        status, answer = Door(sandbox).post(value(), value(categoryOptionCombo=DEFAULT))
        assert (status, "response" in answer) == (500, False)
        assert sandbox.values() == []


@pytest.mark.parametrize(("version", "late", "future"), [(OLD, "E7640", "E7641"), (NEW, "E8030", "E8030")])
def test_late_and_early_periods(version: str, late: str, future: str) -> None:
    with at(version, authorities=["F_DATAVALUE_ADD"]) as sandbox:
        door = Door(sandbox)
        seen = {
            period: summary(door.post(value(period=period))[1])[2]
            for period in ("202404", "202405", "202406", "202407")
        }
    assert seen == {"202404": [late], "202405": [], "202406": [], "202407": [future]}


def test_a_superuser_is_late_and_early_in_the_new_engine_and_late_in_the_old() -> None:
    for version, early in ((OLD, ["E7641"]), (NEW, [])):
        with at(version) as sandbox:
            door = Door(sandbox)
            assert summary(door.post(value(period="202301"))[1])[2] == []
            assert summary(door.post(value(period="202407"))[1])[2] == early


def test_a_whole_group_falls_with_one_value_when_the_import_is_atomic() -> None:
    with at(NEW) as sandbox:
        status, answer = Door(sandbox).post(value(0), value(1, "x"), atomic="true")
        assert (status, summary(answer)) == (409, ("ERROR", (0, 0, 0, 0), ["E8000"]))
        assert sandbox.values() == []


def test_an_option_is_known_by_its_code() -> None:
    for version, code in ((OLD, "E7621"), (NEW, "E8123")):
        with at(version) as sandbox:
            answer = Door(sandbox).post(value(0, "LOW", "risk0000001"), value(1, "Low", "risk0000001"))[1]
            assert summary(answer)[2] == [code]
            assert answer["response"]["rejectedIndexes"] == [1]


def test_values_come_back_as_they_were_stored() -> None:
    with at(OLD) as sandbox:
        door = Door(sandbox)
        door.post(value(0, "3", comment="counted twice"), value(1, "4"), value(2, "5", period="202404"))

        def read(**query: Any) -> Any:
            status, _, answer = door("GET", "/api/dataValueSets", **query)
            return (status, [(v["orgUnit"], v["value"], v.get("comment")) for v in answer.get("dataValues", [])])

        may = {"dataSet": "monthly0001", "period": "202405"}
        assert read(**may, orgUnit="facility000") == (200, [("facility000", "3", "counted twice")])
        assert read(**may, orgUnit="district001") == (200, [])
        both = [("facility000", "3", "counted twice"), ("facility001", "4", None)]
        assert read(**may, orgUnit="district001", children="true") == (200, both)
        assert read(**may, orgUnit="nowhere0001")[0] == 409


def test_a_database_file_outlives_the_server(tmp_path: Path) -> None:
    file = tmp_path / "values.sqlite"
    for expected in ((1, 0, 0, 0), (0, 0, 1, 0)):
        with at(OLD, database=file) as sandbox:
            assert summary(Door(sandbox).post(value())[1])[1] == expected
    with at(OLD, database=file) as sandbox:
        assert len(sandbox.values()) == 1
        assert [done.imported for done in sandbox.imports()] == [1, 0]


def test_a_job_runs_ends_and_leaves_its_summary() -> None:
    with at(OLD, job_polls=2) as sandbox:
        door = Door(sandbox)
        job = door.post(value(), **{"async": "true"})[1]["response"]["id"]
        tasks, summaries = (f"/api/system/{part}/DATAVALUE_IMPORT/{job}" for part in ("tasks", "taskSummaries"))
        seen = [(door("GET", tasks)[2][0]["completed"], door("GET", summaries)[2] is not None) for _ in range(4)]
        assert seen == [(False, False), (False, False), (True, True), (True, True)]
        assert summary(door("GET", summaries)[2]) == ("SUCCESS", (1, 0, 0, 0), [])


# limits and faults


def test_a_body_beyond_the_limit_is_turned_away_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    from dhis2_bridge.sandbox import server

    monkeypatch.setattr(server, "LARGEST_BODY", 2000)
    with at(OLD) as sandbox:
        door = Door(sandbox)
        assert door("POST", "/api/dataValueSets", b"x" * 2001)[0] == 413
        assert door("POST", "/api/dataValueSets", gzip.compress(b" " * 100_000))[0] == 413
        for length in ("-1", "many"):
            assert door("POST", "/api/dataValueSets", b"", {**LOGIN, "Content-Length": length})[0] == 400
        assert door("POST", "/api/dataValueSets", b"", {**LOGIN, "Transfer-Encoding": "chunked"})[0] == 411
        assert door("GET", "/api/me")[0] == 200


@pytest.mark.parametrize(
    ("fault", "stored"),
    [("unavailable", 0), ("login_page", 0), ("lost", 1), ("cut", 1), ("garbled", 1), ("empty", 1)],
)
def test_a_fault_spoils_one_answer_and_the_next_is_good(fault: str, stored: int) -> None:
    with at(OLD, faults=Faults(**{fault: 1}, retry_after=7)) as sandbox:
        door = Door(sandbox)
        assert door("GET", "/api/me")[0] == 200
        try:
            status, headers, answer = door("POST", "/api/dataValueSets", b"{}")
        except (http.client.HTTPException, ConnectionError, ValueError):
            assert fault in ("lost", "cut", "garbled")
        else:
            assert (fault, status) in (("unavailable", 503), ("login_page", 200), ("empty", 200))
            assert headers.get("retry-after") == ("7" if fault == "unavailable" else None)
            assert not isinstance(answer, dict)
        assert len(sandbox.imports()) == stored
        assert door.post()[0] == 200


def test_a_client_that_hangs_up_does_not_end_the_server(capsys: pytest.CaptureFixture[str]) -> None:
    lines: list[str] = []
    with at(OLD, log=lines.append) as sandbox:
        for sent in (b"", b"GET /api/me HT", b"POST /api/dataValueSets HTTP/1.1\r\nContent-Length: 90\r\n\r\n{"):
            with socket.create_connection((urlsplit(sandbox.url).hostname, urlsplit(sandbox.url).port)) as raw:
                raw.sendall(sent)
        assert Door(sandbox)("GET", "/api/me")[0] == 200
        assert sandbox.imports() == []
    assert any("GET /api/me" in line for line in lines)
    assert capsys.readouterr() == ("", "")


# laws of its own


@given(st.sampled_from(["INTEGER", "NUMBER", "PERCENTAGE"]), st.decimals(-(10**12), 10**12, places=3), st.booleans())
def test_a_number_written_plainly_is_judged_by_its_size_alone(kind: str, number: Any, new_engine: bool) -> None:
    text = format(number.normalize(), "f")
    fits = {
        "INTEGER": number == int(number) and -(2**31) <= number < 2**31 and text != "-0",
        "NUMBER": True,
        "PERCENTAGE": 0 <= number <= 100,
    }
    assert (reason(normalised(text, kind, new_engine), kind) is None) is fits[kind]


@given(st.text(max_size=12), st.sampled_from(["DATE", "DATETIME", "TIME", "COORDINATE", "EMAIL", "URL", "BOOLEAN"]))
def test_no_text_breaks_a_verdict(text: str, kind: str) -> None:
    assert reason(normalised(text, kind, True), kind) in {None, reason(text, kind), reason("true", kind)} | {
        reason("?", kind)
    }


@settings(max_examples=60)
@given(
    st.dates(min_value=datetime(1900, 1, 1).date(), max_value=datetime(2100, 1, 1).date()),
    st.sampled_from(
        [
            *("Daily", "Weekly", "WeeklySunday", "BiWeekly", "Monthly", "BiMonthly", "Quarterly", "QuarterlyNov"),
            *("SixMonthlyApril", "SixMonthlyNov", "Yearly", "FinancialNov", "FinancialApril", "FinancialFeb"),
        ]
    ),
)
def test_each_day_is_in_a_period_that_is_written_as_it_is_read(day: Any, kind: str) -> None:
    period = periods.containing(kind, day)
    assert period.start <= day <= period.end
    assert periods.read(period.iso, (2, 43, 0)) == period
    if kind != "BiWeekly":  # whose last one of a long year runs into the next
        assert periods.moved(periods.moved(period, 3), -3) == period
