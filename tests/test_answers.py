"""Reading the answers to an import: only a readable summary proves that values were stored."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhis2_bridge.answers import Counts, job_ended, read_answer

JSON = "application/json"


def summary(status: str = "SUCCESS", **parts: Any) -> dict[str, Any]:
    counts = {name: parts.pop(name, 0) for name in ("imported", "updated", "ignored", "deleted")}
    return {"responseType": "ImportSummary", "status": status, "importCount": counts, **parts}


def enveloped(inner: dict[str, Any], message: str = "said the server") -> dict[str, Any]:
    return {"httpStatusCode": 200, "status": "OK", "message": message, "response": inner}


def read(document: Any, status: int = 200) -> Any:
    return read_answer(status, JSON, json.dumps(document).encode())


def conflict(*indexes: int, code: str = "E7619", **more: Any) -> dict[str, Any]:
    return {"value": "not so", "errorCode": code, "indexes": list(indexes), **more}


@pytest.mark.parametrize("envelope", [enveloped, lambda inner: inner], ids=["enveloped", "bare"])
@pytest.mark.parametrize(
    ("inner", "kind", "refused", "unchanged"),
    [
        (summary(imported=3), "accepted", 0, 0),
        (summary(updated=3), "accepted", 0, 0),
        (summary(deleted=3), "accepted", 0, 0),
        (summary(ignored=3), "accepted", 0, 3),
        (summary(), "accepted", 0, 0),
        (summary("WARNING", imported=2, ignored=1, conflicts=[conflict(1)]), "partial", 1, 0),
        (summary("WARNING", imported=1, ignored=3, conflicts=[conflict(1)]), "partial", 1, 2),
        (summary("WARNING", ignored=3, conflicts=[conflict(1)]), "partial", 1, 2),
        (summary("WARNING", ignored=2, conflicts=[conflict(0), conflict(1)]), "refused", 2, 0),
        (summary("ERROR", conflicts=[conflict(0, 1, 2, code="E8022")], rejectedIndexes=[0, 1, 2]), "refused", 3, 0),
        (summary("ERROR", ignored=2, conflicts=[conflict(0, 1, code="E8122")]), "refused", 2, 0),
        (summary("ERROR", ignored=2, conflicts=[]), "refused", 0, 2),
        (summary("ERROR", updated=5, conflicts=[conflict(5)]), "partial", 1, 0),
        # A summary that calls itself a success although something was left out.
        (summary("SUCCESS", imported=1, ignored=1, conflicts=[{"object": "x", "value": "no"}]), "partial", 1, 0),
        (summary("SUCCESS", imported=1, rejectedIndexes=[4]), "partial", 1, 0),
        # Up to 2.37 conflicts have no positions: every ignored value may be one.
        (summary("WARNING", ignored=2, conflicts=[{"object": "x", "value": "no"}]), "refused", 2, 0),
    ],
)
def test_a_summary_says_what_it_says_in_every_envelope(
    inner: dict[str, Any], kind: str, refused: int, unchanged: int, envelope: Any
) -> None:
    for status in (200, 201, 409, 500):
        outcome = read(envelope(inner), status)
        assert (outcome.kind, outcome.refused, outcome.unchanged) == (kind, refused, unchanged), status


def test_conflicts_of_both_engines_keep_code_message_thing_and_positions() -> None:
    old = conflict(3, 7, object="abc", objects={"period": "abc"}, property="period")
    new = {"objects": {"args": "x-y"}, "value": "said", "errorCode": "E8020", "indexes": [1, 0]}
    bare = {"object": "OPHrNwvSjC7", "value": "Data element not found"}
    found = read(enveloped(summary("WARNING", imported=1, conflicts=[old, new, bare]))).conflicts
    assert [(c.code, c.message, c.object, c.property, c.indexes) for c in found] == [
        ("E7619", "not so", "abc", "period", (3, 7)),
        ("E8020", "said", None, None, (1, 0)),
        (None, "Data element not found", "OPHrNwvSjC7", None, ()),
    ]


def test_rejected_positions_are_those_of_the_list_and_of_the_conflicts() -> None:
    outcome = read(summary("WARNING", imported=9, conflicts=[conflict(7, 2)], rejectedIndexes=[2, 4]))
    assert outcome.rejected == (2, 4, 7)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "SUCCESS",
        {},
        {"status": "OK", "httpStatusCode": 200, "message": "Import was successful."},
        {"responseType": "ImportSummary", "status": "SUCCESS"},
        summary("SUCCESS", imported="3"),
        summary("SUCCESS", imported=-1),
        summary("SUCCESS", imported=True),
        summary("PENDING", imported=3),
        {"status": "OK", "response": {"responseType": "ImportSummary", "importCount": None, "status": "SUCCESS"}},
    ],
    ids=str,
)
def test_an_answer_without_a_countable_summary_proves_nothing(document: Any) -> None:
    assert read(document).kind == "unknown"


@pytest.mark.parametrize("status", [200, 204, 409, 500, 504])
@pytest.mark.parametrize("body", [b"", b"   ", b"null", b"<html>login</html>", b"\xff\xfe\x00"])
def test_an_unreadable_body_is_unknown(status: int, body: bytes) -> None:
    assert read_answer(status, "text/html", body).kind == "unknown"


@pytest.mark.parametrize(("status", "kind"), [(400, "refused"), (409, "refused"), (500, "unknown"), (503, "unknown")])
def test_a_message_without_a_summary_refuses_only_when_the_request_is_at_fault(status: int, kind: str) -> None:
    outcome = read({"httpStatusCode": status, "status": "ERROR", "message": "no good", "errorCode": "E8007"}, status)
    assert outcome.kind == kind
    assert "no good" in outcome.message
    assert [c.code for c in outcome.conflicts] == (["E8007"] if kind == "refused" else [])


def test_a_proxy_that_finds_the_body_too_large_refuses_it() -> None:
    outcome = read_answer(413, "text/html", b"<html><h1>413 Request Entity Too Large</h1></html>")
    assert (outcome.kind, outcome.counts) == ("refused", Counts())


def test_a_started_job_is_not_an_outcome() -> None:
    started = {"status": "OK", "message": "Initiated DATAVALUE_IMPORT", "response": {"id": "abc", "jobType": "X"}}
    only_path = {"response": {"relativeNotifierEndpoint": "/api/system/tasks/DATAVALUE_IMPORT/abc"}}
    for document in (started, only_path):
        outcome = read(document)
        assert (outcome.kind, outcome.job) == ("unknown", "abc")


@pytest.mark.parametrize(
    ("body", "ended"),
    [
        (b'[{"completed": true}, {"completed": false}]', True),
        (b'[{"completed": false}, {"completed": true}]', False),
        (b"[]", False),
        (b"{}", False),
        (b"", False),
        (b'[{"completed": "true"}]', False),
    ],
)
def test_the_newest_notification_says_whether_a_job_has_ended(body: bytes, ended: bool) -> None:
    assert job_ended(body) is ended


WHOLE = json.dumps(enveloped(summary("SUCCESS", imported=2, conflicts=[], rejectedIndexes=[]))).encode()


@given(st.integers(0, len(WHOLE) - 1), st.sampled_from([200, 409]))
def test_a_truncated_success_is_never_a_success(length: int, status: int) -> None:
    assert read_answer(status, JSON, WHOLE[:length]).kind == "unknown"


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**12) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "response",
                    "status",
                    "importCount",
                    "conflicts",
                    "rejectedIndexes",
                    "imported",
                    "indexes",
                    "value",
                    "responseType",
                    "jobType",
                    "id",
                    "errorCode",
                    "objects",
                    "property",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(_json, st.integers(100, 599))
def test_no_document_breaks_the_reading_or_passes_for_a_success_without_saying_so(document: Any, status: int) -> None:
    outcome = read(document, status)
    assert outcome.refused >= 0
    assert outcome.unchanged >= 0
    if outcome.kind == "accepted":
        text = json.dumps(document)
        assert "importCount" in text
        assert not outcome.rejected


def test_cases_of_answers(shared: Any) -> None:
    def case(name: str, file: str, status: int = 200) -> Any:
        (folder,) = (shared / "cases").glob(f"{name}-*")
        return read_answer(status, JSON, (folder / file).read_bytes())

    partial = case("C40", "response.json", 409)
    assert partial.kind == "partial"
    assert partial.counts == Counts(imported=2, updated=1, ignored=1)
    assert (partial.refused, partial.unchanged) == (1, 0)
    assert [(c.code, c.indexes) for c in partial.conflicts] == [("E7641", (3,))]

    again, first = case("C42", "response_a.json"), case("C42", "response_b.json")
    assert (again.kind, again.unchanged, again.refused) == ("accepted", 2, 0)
    assert (first.kind, first.counts.stored, first.refused) == ("accepted", 2, 0)

    assert case("C43", "chunk2_response.json", 409).rejected == (0, 2, 19)

    assert (case("C44", "1_post.json").kind, case("C44", "1_post.json").job) == ("unknown", "a1B2c3D4e5F")
    assert case("C44", "4_summary_null.json").kind == "unknown"
    ended = case("C44", "5_summary.json")
    assert (ended.kind, ended.counts.stored, ended.rejected) == ("partial", 1, (1,))
