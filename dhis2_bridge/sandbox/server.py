"""The sandbox as a server on this computer: login, limits, and faults on demand."""

import base64
import hmac
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from dhis2_bridge.findings import UsageError
from dhis2_bridge.sandbox.api import Api, Reply, Request, message
from dhis2_bridge.sandbox.catalogue import Catalogue
from dhis2_bridge.sandbox.imports import User
from dhis2_bridge.sandbox.store import ImportRecord, Row, Store

LARGEST_BODY: Final = 64 * 1024 * 1024
"""Bytes of a request, packed or unpacked."""

_HOST: Final = "127.0.0.1"
_LOGIN_PAGE: Final = (
    b"<!DOCTYPE html><html><head><title>DHIS 2 - Login</title></head>"
    b"<body><form action='/login' method='post'><input name='j_username'></form></body></html>"
)


@dataclass
class Faults:
    """How a sandbox misbehaves. A number says for how many requests yet; only requests to `path` count.

    `unavailable` answers 503 before anything is done, with Retry-After if `retry_after` is given. The others do what
    was asked and then spoil the answer: `lost` closes the connection without one, `cut` breaks it off inside the
    body, `garbled` sends half of the document as if it were whole, `empty` sends no body. `login_page` answers 200
    with a page and does nothing. `delay` is a pause in seconds before every answer.
    """

    unavailable: int = 0
    retry_after: int | None = None
    lost: int = 0
    cut: int = 0
    garbled: int = 0
    empty: int = 0
    login_page: int = 0
    delay: float = 0.0
    path: str = "/api/dataValueSets"

    def take(self, name: str) -> bool:
        """Whether this fault is due, which uses it up by one."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0


class Sandbox:
    """A small DHIS2-compatible server on the loopback address, for practice, demos and tests.

    `metadata` is a metadata export, or the file of one. `version` decides the import engine and the shape of answers.
    `database` is a SQLite file that keeps the values; without it they are gone at the end. The user is a superuser
    unless `authorities` says otherwise; `org_units` are the capture org units, the roots by default. `clock` gives
    the server's time. Works as a context manager; `url` is known inside it. `log` is given a line for each request.

    Raises SnapshotError for what is no metadata export, and UsageError for a port that is taken.
    """

    def __init__(
        self,
        metadata: Mapping[str, Any] | Path | str,
        *,
        version: str = "2.42.1",
        port: int = 0,
        username: str = "admin",
        password: str = "district",  # noqa: S107 - DHIS2's own first login, on this computer only
        token: str | None = None,
        database: Path | None = None,
        authorities: Collection[str] = ("ALL",),
        org_units: Collection[str] | None = None,
        system_id: str | None = None,
        faults: Faults | None = None,
        clock: Callable[[], datetime] = datetime.now,
        job_polls: int = 1,
        log: Callable[[str], None] | None = None,
    ) -> None:
        catalogue = Catalogue(metadata)
        units = frozenset(catalogue.roots() if org_units is None else org_units)
        self.faults = faults or Faults()
        self._store = Store(database)
        self._api = Api(
            catalogue,
            self._store,
            version,
            User(username, frozenset(authorities), units),
            clock,
            system_id=system_id or str(catalogue.system.get("id") or "5a17b0c5-0000-4000-8000-d415b21d6e00"),
            largest_body=LARGEST_BODY,
            job_polls=job_polls,
        )
        self._login = base64.b64encode(f"{username}:{password}".encode())
        self._token = token
        self._port = port
        self._log = log
        self._stopped = threading.Event()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to answer, in a thread of its own."""
        try:
            self._server = _Server((_HOST, self._port), _Handler)
        except OSError as taken:
            self._store.close()
            raise UsageError(f"port {self._port} of {_HOST} cannot be used: {taken.strerror}") from taken
        self._server.sandbox = self
        self._api.base_url = self.url
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and close the database."""
        self._stopped.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None
        self._store.close()

    def serve_forever(self) -> None:
        """Wait until the person interrupts, which raises KeyboardInterrupt, or until the sandbox is stopped."""
        if self._server is None:
            self.start()
        # A wait with a limit, because Windows does not interrupt one without.
        while not self._stopped.wait(1.0):
            pass

    @property
    def url(self) -> str:
        """The base URL, once started."""
        if self._server is None:
            raise UsageError("the sandbox is not running")
        return f"http://{_HOST}:{self._server.server_address[1]}"

    def values(self) -> list[Row]:
        """The live data values, in the order of their keys."""
        return self._store.values()

    def imports(self) -> list[ImportRecord]:
        """What each import did, oldest first."""
        return self._store.imports()

    # for the handler

    def reply(self, request: Request, headers: Mapping[str, str]) -> Reply:
        """The answer to a request, whoever sent it."""
        bare = request.path.rstrip("/")
        if request.method == "GET" and bare in ("/api/ping", "/api/system/ping"):
            return Reply(200, b"pong", "text/plain")
        if bare in ("/login", "/dhis-web-commons/security/login.action"):
            return Reply(200, _LOGIN_PAGE, "text/html;charset=UTF-8")
        scheme, _, secret = headers.get("Authorization", "").partition(" ")
        if not secret:
            if headers.get("X-Requested-With", "") == "XMLHttpRequest":
                return message(401, "Unauthorized")
            old = self._api.world.version < (2, 42, 0)
            return Reply(
                302, b"", headers={"Location": "/dhis-web-commons/security/login.action" if old else "/login/"}
            )
        if scheme.lower() == "apitoken":
            if self._token is None or not hmac.compare_digest(secret.encode(), self._token.encode()):
                refused = message(401, "The API token does not exist")
                return Reply(401, refused.body, headers={"WWW-Authenticate": "ApiToken"})
        elif scheme.lower() != "basic" or not hmac.compare_digest(secret.encode(), self._login):
            return message(401, "Bad credentials")
        return self._api.answer(request)

    def note(self, line: str) -> None:
        """Log one line."""
        if self._log is not None:
            self._log(line)

    def pause(self, seconds: float) -> None:
        """Wait, unless the sandbox is stopped."""
        self._stopped.wait(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    sandbox: Sandbox

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that hung up: what an import did is in the store."""
        self.sandbox.note(f"{client_address}: the connection broke")


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "dhis2_bridge-sandbox"
    sys_version = ""
    timeout = 60
    # Header and body leave in one packet: otherwise each answer waits 40 ms for an acknowledgement.
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def _handle(self) -> None:
        sandbox, faults = self.server.sandbox, self.server.sandbox.faults
        parts = urlsplit(self.path)
        body = self._body()
        if isinstance(body, Reply):
            self.close_connection = True
            self._send(body)
            return
        faulty = parts.path.startswith(faults.path)
        if faulty and faults.take("unavailable"):
            waiting = {} if faults.retry_after is None else {"Retry-After": str(faults.retry_after)}
            self._send(Reply(503, b"<html>503</html>", "text/html", waiting))
            return
        if faulty and faults.take("login_page"):
            self._send(Reply(200, _LOGIN_PAGE, "text/html;charset=UTF-8"))
            return
        content_type = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        query = parse_qs(parts.query, keep_blank_values=True)
        reply = sandbox.reply(Request(self.command, parts.path, query, content_type, body), dict(self.headers.items()))
        if faulty:
            sandbox.pause(faults.delay)
            if faults.take("lost"):
                self.close_connection = True
                return
            if faults.take("garbled"):
                reply = Reply(reply.status, reply.body[: len(reply.body) // 2], reply.content_type)
            elif faults.take("empty"):
                reply = Reply(reply.status, b"", reply.content_type)
        self._send(reply, cut=faulty and faults.take("cut"))

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _handle  # noqa: N815 - the names http.server calls

    def _body(self) -> bytes | Reply:
        if "Transfer-Encoding" in self.headers:
            return message(411, "Content-Length is needed")
        text = self.headers.get("Content-Length", "0")
        if not (text.isascii() and text.isdigit()):
            return message(400, "Content-Length is a number")
        if int(text) > LARGEST_BODY:
            return message(413, f"The body is larger than {LARGEST_BODY} bytes")
        return self.rfile.read(int(text))

    def _send(self, reply: Reply, *, cut: bool = False) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[: len(reply.body) // 2] if cut else reply.body)
        self.close_connection = self.close_connection or cut

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """One line for each request."""
        self.server.sandbox.note(f"{self.command} {self.path} {code}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Keep the server's own notes to the log."""
        self.server.sandbox.note(format % args)
