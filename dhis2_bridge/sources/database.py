"""A database opened for reading only, and why it refuses a query: never with its address, a secret, or its own words.

What a database says of an error may quote a cell or the address, so that nothing of it is handed on but its code.
"""

import contextlib
import logging
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from dhis2_bridge.findings import Finding, NotAuthorised, Unreachable, Unreadable, UsageError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection

VARIABLE: Final = "DHIS2_BRIDGE_DATABASE_URL"
"""The environment variable that holds the address and the login."""

REASONS: Final = {
    "42601": "syntax",
    "42703": "no_such_column",
    "42P01": "no_such_table",
    "3F000": "no_such_table",
    "42883": "no_such_function",
    "42501": "not_allowed",
    "25006": "read_only",
    "57014": "cancelled",
}
"""Why a query is refused, by the code of the SQL standard or of PostgreSQL; class 22 is `DATA`, all else `OTHER`."""

DATA: Final = "data"
OTHER: Final = "other"

_OF_SQLITE: Final = (
    (re.compile(r"no such column: ([A-Za-z_][\w.]{0,60})$"), "no_such_column"),
    (re.compile(r"no such table: ([A-Za-z_][\w.]{0,60})$"), "no_such_table"),
    (re.compile(r"no such function: ([A-Za-z_]\w{0,60})$"), "no_such_function"),
    (re.compile(r"no such (?:column|table|function)"), "no_such_column"),
    (re.compile(r"syntax error|incomplete input|unrecognized token"), "syntax"),
    (re.compile(r"readonly"), "read_only"),
)
_LOST: Final = re.compile(r"08|57P|53")
_LOGIN: Final = re.compile(r"password|authentication|access denied|role .* does not exist", re.IGNORECASE)
_DRIVERS: Final = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_LOGGER: Final = "dhis2_bridge"


@dataclass(frozen=True, slots=True)
class Database:
    """A connection that reads one state of the database, and which kind of database it is."""

    connection: "Connection"
    dialect: str

    def close(self) -> None:
        """Ends the transaction, which has changed nothing, and the connection."""
        with contextlib.suppress(Exception):  # whatever it says now, nothing is to be done about it
            self.connection.close()
        self.connection.engine.dispose()


def connect(address: str | None) -> Database:
    """The database at an address, in one transaction that can only read where the database offers that.

    PostgreSQL reads one snapshot in a read-only transaction, SQLite one state of a file opened for reading. Raises
    `UsageError` where SQLAlchemy or a driver is missing and for an address that is none, `NotAuthorised` where the
    login is refused, `Unreachable` where nobody answers.
    """
    if not (address or "").strip():
        raise UsageError(f"a query needs a database: set {VARIABLE}, such as postgresql://user:password@host/name")
    try:
        import sqlalchemy  # noqa: PLC0415 - half a second, and an extra
    except ImportError:
        raise UsageError("a query needs SQLAlchemy: pip install 'dhis2_bridge[sql]'") from None
    with _no_secrets():
        url = sqlalchemy.make_url(str(address).strip())
        url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
        options: dict[str, Any] = {"poolclass": sqlalchemy.NullPool, "hide_parameters": True, "logging_name": _LOGGER}
        if url.get_backend_name() == "sqlite":
            path = _file_of(url)
            options["creator"] = lambda: sqlite3.connect(path, uri=True, check_same_thread=False)
        # Rows that are read would otherwise be in the log of a program that logs everything.
        logging.getLogger(f"sqlalchemy.engine.Engine.{_LOGGER}").setLevel(logging.WARNING)
        engine = sqlalchemy.create_engine(url, **options)
    dialect = engine.dialect.name
    try:
        connection = engine.connect()
    except ImportError:
        raise _driver_missing(dialect) from None
    except Exception as error:
        engine.dispose()
        raise _not_connected(error, dialect) from None
    if dialect == "postgresql":
        connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    elif dialect == "sqlite":
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.exec_driver_sql("BEGIN")
    return Database(connection, dialect)


def refused(error: BaseException, source: str, query: str, database: Database) -> Unreadable | Unreachable:
    """The error of a query as one of ours: with its reason, and the place in the query where the database tells it."""
    original = getattr(error, "orig", None) or error
    state = str(getattr(original, "sqlstate", None) or "")
    if getattr(error, "connection_invalidated", False) or _LOST.match(state):
        return Unreachable(f"{source}: the connection to the database was lost; nothing of its result is used")
    arguments: dict[str, str | int] = {"reason": OTHER}
    if database.dialect == "sqlite":
        for pattern, reason in _OF_SQLITE:
            if found := pattern.search(str(original)):
                arguments["reason"] = reason
                if pattern.groups:
                    arguments["name"] = found[1]
                break
    elif state:
        arguments = {"reason": DATA if state.startswith("22") else REASONS.get(state, OTHER), "state": state}
        if database.dialect == "postgresql" and state.startswith("42"):
            arguments |= _place(query, database)
    return Unreadable(Finding("sql.refused", source, arguments=arguments))


def _place(query: str, database: Database) -> dict[str, str | int]:
    """Line and column of what PostgreSQL does not understand: asked again without the words that made it a cursor."""
    prefix = "PREPARE dhis2_bridge AS "
    with contextlib.suppress(Exception):
        database.connection.rollback()
    try:
        database.connection.exec_driver_sql(prefix + query, execution_options={"no_parameters": True})
    except Exception as error:
        diagnosis = getattr(getattr(error, "orig", None), "diag", None)
        position = str(getattr(diagnosis, "statement_position", None) or "")
        if position.isdecimal() and int(position) > len(prefix):
            before = query[: int(position) - len(prefix) - 1]
            return {"line": before.count("\n") + 1, "column": len(before) - before.rfind("\n")}
    return {}


def _file_of(url: "URL") -> str:
    """A file of SQLite as an address that opens it for reading and does not make it."""
    if not url.database or url.database == ":memory:":
        return "file::memory:"
    if url.database.startswith("file:"):
        return url.database
    if not Path(url.database).is_file():
        raise UsageError(f"there is no database file where {VARIABLE} says")
    return f"file:{quote(url.database)}?mode=ro"


@contextlib.contextmanager
def _no_secrets() -> Iterator[None]:
    """Tells what is wrong with an address without the address."""
    try:
        yield
    except UsageError:
        raise
    except ImportError:
        raise UsageError(f"the driver of the database that {VARIABLE} names is not installed") from None
    except Exception as error:
        if type(error).__name__ == "NoSuchModuleError":
            raise UsageError(f"{VARIABLE} names a kind of database that SQLAlchemy does not know") from None
        message = f"{VARIABLE} is no address of a database; write it like postgresql://user:password@host/name"
        raise UsageError(message) from None


def _driver_missing(dialect: str) -> UsageError:
    return UsageError(f"the driver of {dialect} that {VARIABLE} names is not installed")


def _not_connected(error: Exception, dialect: str) -> UsageError | NotAuthorised | Unreachable:
    if dialect == "sqlite":
        return UsageError(f"the database file that {VARIABLE} names cannot be opened")
    original = getattr(error, "orig", None) or error
    state = str(getattr(original, "sqlstate", None) or "")
    # The words of the error quote the address, in which any digits may stand.
    if state.startswith("28") or _LOGIN.search(str(original)):
        return NotAuthorised(f"the database refused the login that {VARIABLE} holds")
    return Unreachable(f"the database that {VARIABLE} names does not answer or has not this name; try again later")
