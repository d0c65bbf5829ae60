"""One request over one requests session: what is repeated, and what an answer means before its body is read.

Redirects are never followed: a redirect is an answer about the address or the login. No text of an exception made
here comes from requests, whose texts may hold the login of a proxy.
"""

from collections.abc import Mapping
from typing import Any, Final, Self
from urllib.parse import urlsplit, urlunsplit

import orjson
import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import (
    ChunkedEncodingError,
    ContentDecodingError,
    ProxyError,
    RequestException,
    SSLError,
    Timeout,
)
from requests.exceptions import ConnectionError as NoConnection
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NameResolutionError, ReadTimeoutError, ResponseError
from urllib3.exceptions import ProxyError as NoProxy
from urllib3.util import Retry

from dhis2_bridge._version import __version__
from dhis2_bridge.answers import Answer, AnswerLost
from dhis2_bridge.findings import NotAuthorised, ServerError, Unreachable

TRY_LATER: Final = frozenset({429, 502, 503, 504})
# These two say that the request was not taken up; 502 and 504 come from a proxy that may have passed it on.
NOT_TAKEN_UP: Final = frozenset({429, 503})

LONGEST_RETRY_AFTER: Final = 300.0
"""Seconds; a server that asks for a longer pause is reported instead of waited for."""


class Transport:
    """One session. A repeatable request is repeated up to `retries` times, with pauses unless `waiting` is False."""

    def __init__(
        self, authorisation: str, *, timeout: float | tuple[float, float], retries: int, waiting: bool
    ) -> None:
        def authorise(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers["Authorization"] = authorisation
            return request

        self._timeout = timeout
        self._retries = retries
        self._careful = _Retries.of(retries, waiting, frozenset({"GET"}))
        self._repeating = _Retries.of(retries, waiting, None)
        self._adapter = HTTPAdapter(max_retries=self._careful)
        self._session = requests.Session()
        self._session.mount("https://", self._adapter)
        self._session.mount("http://", self._adapter)
        # A callable and not a header, because requests lets a login in ~/.netrc win over a header.
        self._session.auth = authorise
        # Without X-Requested-With a missing login is answered with a redirect to the login page.
        self._session.headers.update(
            {
                "X-Requested-With": "XMLHttpRequest",
                "User-Agent": f"dhis2_bridge/{__version__}",
                "Accept": "application/json",
            }
        )

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def send(self, method: str, url: str, query: Mapping[str, Any], body: bytes | None, *, repeatable: bool) -> Answer:
        """The answer to one request; raises NotAuthorised, Unreachable, AnswerLost or ServerError."""
        self._adapter.max_retries = self._repeating if repeatable else self._careful
        headers = {"Content-Type": "application/json"} if body is not None else {}
        broken = 0
        while True:
            try:
                response = self._session.request(
                    method,
                    url,
                    params=query,
                    data=body,
                    headers=headers,
                    timeout=self._timeout,
                    allow_redirects=False,
                )
            except (ChunkedEncodingError, ContentDecodingError):
                # The answer broke off inside its body, which urllib3 does not repeat.
                broken += 1
                if not repeatable or broken > self._retries:
                    raise _lost(method)(f"{url}: the answer broke off") from None
            except RequestException as failed:
                raise _no_answer(url, method, failed) from None
            else:
                return _judge(response, method)


class _Retries(Retry):
    """Retries that keep the earlier attempts in what they raise and do not sit out a very long pause."""

    @classmethod
    def of(cls, retries: int, waiting: bool, methods: frozenset[str] | None) -> Self:
        return cls(
            total=retries,
            allowed_methods=methods,
            status_forcelist=TRY_LATER,
            backoff_factor=1.0 if waiting else 0.0,
            backoff_max=60.0,
            respect_retry_after_header=waiting,
            raise_on_status=False,
        )

    def increment(self, *args: Any, **kwargs: Any) -> Self:
        response = kwargs.get("response")
        pause = self.get_retry_after(response) if response is not None and self.respect_retry_after_header else None
        if pause is not None and pause > LONGEST_RETRY_AFTER:
            pool: Any = kwargs.get("_pool")
            raise MaxRetryError(pool, "", ResponseError("asked to wait too long"))
        try:
            return super().increment(*args, **kwargs)
        except MaxRetryError as ended:
            raise _Exhausted(ended, self.history) from ended


class _Exhausted(MaxRetryError):
    def __init__(self, ended: MaxRetryError, earlier: tuple[Any, ...]) -> None:
        super().__init__(ended.pool, ended.url or "", ended.reason)
        self.earlier = earlier


def _judge(response: requests.Response, method: str) -> Answer:
    status = response.status_code
    content_type = response.headers.get("Content-Type", "")
    url = _bare(response.url)
    if status in TRY_LATER:
        later = response.headers.get("Retry-After")
        message = f"{url}: HTTP {status}, try again {f'after {later} s' if later else 'later'}"
        history = getattr(getattr(response.raw, "retries", None), "history", ())
        taken_up = status not in NOT_TAKEN_UP or _may_have_arrived(history)
        raise (_lost(method) if taken_up else Unreachable)(message)
    if 300 <= status < 400:
        location = _bare(response.headers.get("Location", ""))
        if "login" in location.lower():
            raise NotAuthorised(f"{url}: HTTP {status} to the login page {location}: the login is not accepted")
        raise ServerError(f"{url}: HTTP {status} to {location or 'nowhere'}: use the address that the server has now")
    if status in (401, 403):
        what = "the login was refused" if status == 401 else "the login lacks a right"
        raise NotAuthorised(f"{url}: HTTP {status}, {what}{_said(response.content)}")
    html = content_type.partition(";")[0].strip().lower() in ("text/html", "application/xhtml+xml")
    if html and (status < 300 or status == 404):
        raise NotAuthorised(
            f"{url}: HTTP {status} with a page (text/html), such as a login page: "
            "the login is not accepted, or this is not the address of a DHIS2 server"
        )
    return Answer(status, content_type, response.content, url)


def _no_answer(url: str, method: str, failed: RequestException) -> ServerError:
    if isinstance(failed, SSLError):
        return ServerError(f"{url}: the certificate of the server is not accepted")
    if not isinstance(failed, (NoConnection, Timeout)):
        return ServerError(f"{url}: the request failed ({type(failed).__name__})")
    ended = failed.args[0] if failed.args else None
    reason = ended.reason if isinstance(ended, MaxRetryError) else ended
    if isinstance(failed, ProxyError):
        words = "the proxy cannot be reached"
    elif isinstance(reason, NameResolutionError):
        words = "the name of the server cannot be resolved"
    elif isinstance(failed, Timeout) or isinstance(reason, ReadTimeoutError):
        words = "no answer in time"
    elif _never_connected(reason):
        words = "the connection was refused"
    else:
        words = "the connection broke"
    earlier = ended.earlier if isinstance(ended, _Exhausted) else ()
    lost = not _never_connected(reason) or _may_have_arrived(earlier)
    return (_lost(method) if lost else Unreachable)(f"{url}: {words}")


def _may_have_arrived(attempts: tuple[Any, ...]) -> bool:
    return any(
        attempt.status not in NOT_TAKEN_UP if attempt.error is None else not _never_connected(attempt.error)
        for attempt in attempts
    )


def _never_connected(error: object) -> bool:
    return isinstance(error.original_error if isinstance(error, NoProxy) else error, ConnectTimeoutError)


def _lost(method: str) -> type[Unreachable]:
    return Unreachable if method == "GET" else AnswerLost


def _bare(url: str) -> str:
    """The URL without what may be secret: a login, the query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _said(body: bytes) -> str:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    message = document.get("message") if isinstance(document, dict) else None
    return f": {message}" if isinstance(message, str) and message else ""
