"""The DHIS2 Web API, as far as carrying data values needs it."""

import base64
import ipaddress
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import orjson

from dhis2_bridge.answers import Answer, Outcome, job_ended
from dhis2_bridge.findings import NotAuthorised, ServerError, UsageError

TIMEOUT: Final = (10.0, 900.0)
"""Seconds to connect and to wait for each answer. A 2.43 server was seen to take 30 s to create 1,000 values."""

RETRIES: Final = 3

_PAGES_LIMIT: Final = 100_000


class Client:
    """One DHIS2 server and one login: a username with a password, or a personal access token.

    `base_url` is what stands before `/api`, or the same with `/api`. `timeout` is in seconds, one number or (connect,
    read). A request that is safe to repeat is repeated up to `retries` times when the connection fails or the server
    says to try later; `waiting=False` repeats without pauses, for tests. A proxy and certificates are taken from the
    environment as requests does. One thread at a time. `warnings` are lines for the person who runs this.

    Raises UsageError for an address or a login that cannot be used as given.
    """

    def __init__(
        self,
        base_url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        timeout: float | tuple[float, float] = TIMEOUT,
        retries: int = RETRIES,
        waiting: bool = True,
    ) -> None:
        self.base_url = normal_base_url(base_url)
        self.retries = retries
        self.warnings: list[str] = []
        self._user = username if token is None else None
        authorisation = _authorisation(username, password, token)
        self._waiting = waiting
        if self.base_url.startswith("http://") and not _is_loopback(urlsplit(self.base_url).hostname or ""):
            self.warnings.append(f"{self.base_url}: the login and the data travel unencrypted (http, not https)")
        # Here and not above, because requests is slow to import and offline work does without it.
        from dhis2_bridge.transport import Transport  # noqa: PLC0415

        self._transport = Transport(authorisation, timeout=timeout, retries=retries, waiting=waiting)

    def __repr__(self) -> str:
        return f"Client({self.base_url!r}, {f'username={self._user!r}' if self._user else 'token=***'})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    # what is read

    def system_info(self) -> dict[str, Any]:
        """The server's own description: `version`, `systemId`, `calendar` and more."""
        info = self._get_object("system/info", {})
        if not isinstance(info.get("version"), str):
            raise NotAuthorised(
                f"{self.base_url}/api/system/info: this is not a DHIS2 server (no version in its answer)"
            )
        return info

    def me(self) -> dict[str, Any]:
        """The user of this login: `id`, `username`, `authorities`, `organisationUnits`, `dataSets`."""
        fields = "id,username,authorities,organisationUnits[id],dataViewOrganisationUnits[id],dataSets"
        return self._get_object("me", {"fields": fields})

    def metadata(
        self, fields: Mapping[str, str], *, filters: Mapping[str, Sequence[str]] | None = None
    ) -> dict[str, list[dict[str, Any]]]:
        """All objects of each type that the user may read, whole.

        `fields` maps a type in the plural of the Web API (`organisationUnits`) to its field expression, which should
        hold `id`; `filters` maps a type to filter expressions. Raises ServerError when a list cannot be read to its
        end or its parts do not add up: a half-read list would make known facilities unknown.
        """
        chosen = filters or {}
        return {name: self._read_list(name, expression, chosen.get(name, ())) for name, expression in fields.items()}

    def data_values(self, *, data_set: str, period: str, org_unit: str, children: bool = False) -> list[dict[str, Any]]:
        """The data values that the server holds for one report, or also for the org units below, by UIDs."""
        query = {"dataSet": data_set, "period": period, "orgUnit": org_unit, "children": _java(children)}
        values = self._get_object("dataValueSets", query).get("dataValues", [])
        if not isinstance(values, list):
            raise ServerError(f"{self.base_url}/api/dataValueSets: the answer holds no list of data values")
        return values

    def _read_list(self, name: str, fields: str, filters: Sequence[str]) -> list[dict[str, Any]]:
        query: dict[str, Any] = {"fields": fields, "paging": "false"}
        if filters:
            query["filter"] = list(filters)
        where = f"{self.base_url}/api/{name}"
        objects: list[dict[str, Any]] = []
        for page in range(1, _PAGES_LIMIT):
            document = self._get_object(name, query)
            listed = document.get(name)
            if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
                raise ServerError(f"{where}: the answer holds no list of {name}")
            objects.extend(listed)
            pager = document.get("pager")
            if not isinstance(pager, dict):
                if page > 1:
                    raise ServerError(f"{where}: page {page} came without a pager, the list may be incomplete")
                return objects
            if pager.get("page", page) != page or (not listed and page > 1):
                raise ServerError(f"{where}: page {page} was asked for and could not be read")
            if not (pager.get("nextPage") or page < _number(pager.get("pageCount"))):
                _check_complete(where, objects, pager)
                return objects
            # Paging was not switched off, so ask page by page. The server's own nextPage may name an inner host.
            query.pop("paging", None)
            query |= {"page": page + 1, "pageSize": _number(pager.get("pageSize")) or len(listed)}
        raise ServerError(f"{where}: more than {_PAGES_LIMIT} pages")

    def _get_object(self, path: str, query: Mapping[str, Any]) -> dict[str, Any]:
        answer = self.request("GET", path, query)
        document = _json(answer.body)
        if answer.status != 200:
            message = document.get("message") if isinstance(document, dict) else None
            raise ServerError(f"{answer.url}: HTTP {answer.status}{f', {message}' if message else ''}")
        if not isinstance(document, dict):
            raise NotAuthorised(f"{answer.url}: {answer.content_type or 'no type'}, not an answer of the DHIS2 Web API")
        return document

    # what is sent

    def post_data_value_set(
        self,
        body_gz: bytes,
        *,
        dry_run: bool = False,
        import_strategy: str = "CREATE_AND_UPDATE",
        async_job: bool = False,
    ) -> Answer:
        """The answer to one data value set, a gzipped JSON document of UIDs.

        An import that leaves the same state however often it is sent is repeated as a read is; one with CREATE is
        not, once it may have arrived. Raises AnswerLost when it may have arrived and no answer came.
        """
        # The server looks at the first bytes of the body, not at Content-Encoding.
        return self.request(
            "POST",
            "dataValueSets",
            {
                "dryRun": _java(dry_run),
                "importStrategy": import_strategy,
                "idScheme": "UID",
                **({"async": "true"} if async_job else {}),
            },
            body=body_gz,
            repeatable=dry_run or is_upsert(import_strategy),
        )

    def await_import(
        self,
        job: str,
        *,
        limit: float = 3600.0,
        pause: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> Outcome:
        """The outcome of an asynchronous import, waited for up to `limit` seconds, asked every `pause` seconds.

        Unknown when the time is up, and when the job ended without a summary: neither says that anything was stored.
        """
        until = clock() + limit
        while True:
            if job_ended(self.request("GET", f"system/tasks/DATAVALUE_IMPORT/{job}", {}).body):
                answer = self.request("GET", f"system/taskSummaries/DATAVALUE_IMPORT/{job}", {})
                if answer.status == 200 and answer.outcome.kind != "unknown":
                    return answer.outcome
                return Outcome("unknown", message=f"job {job} ended without an import summary")
            if clock() >= until:
                return Outcome("unknown", message=f"job {job} was still running after {limit:g} s", job=job)
            if self._waiting:
                time.sleep(pause)

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        *,
        body: bytes | None = None,
        repeatable: bool | None = None,
    ) -> Answer:
        """The answer to one request below `/api`; `repeatable` says that repeating it does no harm (default: a GET).

        Raises NotAuthorised for a refused login, a login page or a stranger at this address; Unreachable when nothing
        answers or the server says to try later, AnswerLost when the request may have been carried out all the same.
        Any other status is returned: what it means depends on the request.
        """
        safe = method == "GET" if repeatable is None else repeatable
        return self._transport.send(method, f"{self.base_url}/api/{path}", query, body, repeatable=safe)


def normal_base_url(text: str) -> str:
    """The base URL without a trailing slash or `/api`.

    Raises UsageError without repeating the text where it holds a password.
    """
    stripped = text.strip()
    try:
        parts = urlsplit(stripped)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UsageError("the base URL cannot be read") from None
    if parts.username is not None or parts.password is not None:
        raise UsageError("the base URL holds a login: give username and password apart from it")
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(f"{stripped.partition('?')[0]!r} is not a base URL: it begins with https://")
    if parts.query or parts.fragment:
        raise UsageError(f"{parts.scheme}://{parts.netloc}{parts.path}: a base URL ends before '?' and '#'")
    name = f"[{host}]" if ":" in host else host
    segments = [segment for segment in parts.path.split("/") if segment]
    if segments and segments[-1].isascii() and segments[-1].isdigit() and segments[-2:-1] == ["api"]:
        segments.pop()
    if segments and segments[-1] == "api":
        segments.pop()
    return "/".join([f"{parts.scheme}://{name}{f':{port}' if port else ''}", *segments])


def is_upsert(import_strategy: str) -> bool:
    """Whether an import of this strategy leaves the same state when it is sent again."""
    return import_strategy in ("CREATE_AND_UPDATE", "UPDATE", "DELETE")


def _authorisation(username: str | None, password: str | None, token: str | None) -> str:
    # UTF-8 as the server reads it; requests would write Latin-1 and fail on Cyrillic.
    if token is not None:
        bare = token.strip()
        if username is not None or password is not None:
            raise UsageError("give either a token or a username with a password")
        if not bare or not bare.isascii() or not bare.isprintable() or " " in bare:
            raise UsageError("the token is empty or holds characters that no token has")
        return f"ApiToken {bare}"
    if not username or password is None:
        raise UsageError("no login: a username with a password, or a personal access token, is needed")
    if ":" in username:
        raise UsageError("a username cannot hold ':'")
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def _check_complete(where: str, objects: Sequence[Mapping[str, Any]], pager: Mapping[str, Any]) -> None:
    total = pager.get("total")
    if isinstance(total, int) and total != len(objects):
        raise ServerError(f"{where}: the server counts {total} objects but gave {len(objects)}")
    known = [item["id"] for item in objects if "id" in item]
    if len(set(known)) != len(known):
        raise ServerError(f"{where}: objects came twice, the list changed while it was read; read it again")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _java(value: bool) -> str:
    return "true" if value else "false"
