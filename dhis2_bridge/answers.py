"""What the server's answer to an import says, whatever its version and its HTTP status.

The status of HTTP alone proves nothing: up to 2.42 a partly successful import is answered with 409, from 2.43 with
200, and a login page comes with 200 as well. Only a readable import summary proves that values were stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from dhis2_bridge.findings import Unreachable

Kind = Literal["accepted", "partial", "refused", "unknown"]

# The server, or a proxy before it, turned the request away before reading values.
_TURNED_AWAY: Final = frozenset({400, 404, 405, 406, 411, 413, 415})


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of an import summary as the server gave them.

    From 2.43 `imported` is always 0 and every stored value counts as `updated`; up to 2.42 an unchanged value counts
    as `ignored`, and so does a zero that the data element holds for insignificant.
    """

    imported: int = 0
    updated: int = 0
    ignored: int = 0
    deleted: int = 0

    @property
    def stored(self) -> int:
        """Values that are in the database because of this import, or gone because of it."""
        return self.imported + self.updated + self.deleted

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.imported + other.imported,
            self.updated + other.updated,
            self.ignored + other.ignored,
            self.deleted + other.deleted,
        )


@dataclass(frozen=True, slots=True)
class Conflict:
    """One fault the server found. `indexes` are positions in the posted list of values, from 0; none up to 2.37."""

    code: str | None
    message: str
    object: str | None = None
    property: str | None = None
    indexes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an import ended.

    `kind` is accepted (nothing was refused), partial, refused (nothing was stored) or unknown. `rejected` are all
    positions that the server refused, in order; it may be empty for a refusal, which then means every value. `job` is
    the id of a job that was only started: the outcome is unknown until it has ended.
    """

    kind: Kind
    counts: Counts = Counts()
    conflicts: tuple[Conflict, ...] = ()
    rejected: tuple[int, ...] = ()
    message: str = ""
    job: str | None = None

    @property
    def refused(self) -> int:
        """How many values the server says it refused.

        An ignored value without any conflict was not refused. Where conflicts carry no positions (up to 2.37) every
        ignored value counts: which of them were merely unchanged cannot be told.
        """
        if self.rejected:
            return len(self.rejected)
        return self.counts.ignored if self.conflicts else 0

    @property
    def unchanged(self) -> int:
        """Values that were in the database already, as far as the server tells (up to 2.42)."""
        return max(0, self.counts.ignored - self.refused)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it came: `body` unpacked, `url` without its query."""

    status: int
    content_type: str
    body: bytes
    url: str

    @property
    def outcome(self) -> Outcome:
        """How the import ended, when the answer is to an import."""
        return read_answer(self.status, self.content_type, self.body)


class AnswerLost(Unreachable):
    """A request may have reached the server, but no answer came back: what it did is not known."""


def read_answer(status: int, content_type: str, body: bytes) -> Outcome:
    """The outcome of an import from the whole answer to its POST, or from the summary of a job.

    Reads the WebMessage envelope and the bare ImportSummary of old versions. What cannot be read is unknown.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _not_json(status, content_type, body)
    if not isinstance(document, dict):
        return Outcome("unknown", message=f"HTTP {status} with no import summary")
    response = document.get("response")
    if isinstance(response, dict) and ("jobType" in response or "relativeNotifierEndpoint" in response):
        identifier = response.get("id") or str(response.get("relativeNotifierEndpoint", "")).rpartition("/")[2]
        return Outcome("unknown", message=_text(document.get("message")), job=_text(identifier) or None)
    for summary in (response, document):
        if isinstance(summary, dict) and ("importCount" in summary or summary.get("responseType") == "ImportSummary"):
            return _read_summary(summary, _text(document.get("message")))
    return _read_message(status, document)


def job_ended(body: bytes) -> bool:
    """Whether the notifications of a job, newest first, say that it has ended; unreadable ones say that it has not."""
    try:
        notifications = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    newest = notifications[0] if isinstance(notifications, list) and notifications else None
    return isinstance(newest, dict) and newest.get("completed") is True


def _not_json(status: int, content_type: str, body: bytes) -> Outcome:
    if status in _TURNED_AWAY:
        message = f"HTTP {status}: the request was turned away"
        return Outcome("refused", conflicts=(Conflict(None, message),), message=message)
    what = "an empty body" if not body.strip() else f"{len(body)} bytes of {content_type or 'no stated type'}"
    return Outcome("unknown", message=f"HTTP {status} with {what}, not an import summary")


def _read_message(status: int, document: Mapping[str, Any]) -> Outcome:
    # A WebMessage without a summary. The import ends in one when the request as a whole is at fault (malformed JSON,
    # no right); a server error may have come after values were written.
    message = _text(document.get("message")) or f"HTTP {status} without an import summary"
    code = _text(document.get("errorCode")) or None
    if 400 <= status < 500:
        return Outcome("refused", conflicts=(Conflict(code, message),), message=message)
    return Outcome("unknown", message=f"{code} {message}" if code else message)


def _read_summary(summary: Mapping[str, Any], envelope: str) -> Outcome:
    message = _text(summary.get("description")) or envelope
    counts = _read_counts(summary.get("importCount"))
    status = summary.get("status")
    if counts is None or status not in ("SUCCESS", "OK", "WARNING", "ERROR"):
        return Outcome("unknown", message=message or f"an import summary of status {status!r} without counts")
    conflicts = tuple(_read_conflict(item) for item in _dicts(summary.get("conflicts")))
    positions = set(_indexes(summary.get("rejectedIndexes")))
    positions.update(index for conflict in conflicts for index in conflict.indexes)
    outcome = Outcome("accepted", counts, conflicts, tuple(sorted(positions)), message)
    if status in ("SUCCESS", "OK") and not conflicts and not positions:
        return outcome
    kept = counts.stored > 0 or (status != "ERROR" and outcome.unchanged > 0)
    return Outcome("partial" if kept else "refused", counts, conflicts, outcome.rejected, message)


def _read_counts(count: object) -> Counts | None:
    if not isinstance(count, dict):
        return None
    values = [count.get(name, 0) for name in ("imported", "updated", "ignored", "deleted")]
    if any(not isinstance(value, int) or isinstance(value, bool) or value < 0 for value in values):
        return None
    return Counts(*values)


def _read_conflict(item: Mapping[str, Any]) -> Conflict:
    name = _text(item.get("property")) or None
    objects = item.get("objects")
    thing = _text(item.get("object"))
    if not thing and name and isinstance(objects, dict):
        thing = _text(objects.get(name))
    return Conflict(
        code=_text(item.get("errorCode")) or None,
        message=_text(item.get("value")),
        object=thing or None,
        property=name,
        indexes=_indexes(item.get("indexes")),
    )


def _indexes(value: object) -> tuple[int, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(index for index in value if isinstance(index, int) and not isinstance(index, bool) and index >= 0)


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)
