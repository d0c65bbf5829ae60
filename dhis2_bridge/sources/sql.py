"""The result of a query as a table: one SELECT in a file, the address of the database in the environment."""

import contextlib
import math
import os
import re
import weakref
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import polars as pl

from dhis2_bridge.findings import Finding, Unreadable
from dhis2_bridge.sources import database
from dhis2_bridge.sources.encodings import TextFile
from dhis2_bridge.sources.records import blank_as_null

BATCH: Final = 20_000
"""Rows that are fetched at a time."""

LONGEST_QUERY: Final = 1 << 20

KINDS: Final = {
    "bytes": (bytes, bytearray, memoryview),
    "list": (list, tuple, set, frozenset),
    "object": (dict,),
    "not_a_number": (float, Decimal),
}
"""Kinds of values without a certain text, by their types; `other` is the rest."""

_DATA: Final = re.compile(r"[0-9]{4}")

_BEGINS: Final = frozenset({"SELECT", "WITH", "L_PAREN"})
_WRITES: Final = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "INTO", "CREATE", "DROP", "ALTER", "TRUNCATE"})
_DIALECTS: Final = {"postgresql": "postgres", "mariadb": "mysql", "mssql": "tsql"}


class SqlTable:
    """The rows of a query as a `Table`, fetched in batches and never held whole.

    Columns are named as in the result. `row` is the number of the row in the result, so that places are the same in
    every run only with ORDER BY. Every value is text: dates and times in ISO form, numbers in plain notation, true and
    false; NULL is blank. What has no certain text (bytes, arrays, JSON, intervals, NaN) refuses the query at its first
    place. All passes read the same state of PostgreSQL and SQLite. `address` is that of the environment if not given.

    Raises `Unreadable` for a file that is not one SELECT and for a query that the database refuses, and what
    `database.connect` raises.
    """

    def __init__(self, text: TextFile, *, address: str | None = None) -> None:
        self.source = text.name
        self.sheet: str | None = None
        self.header_row = 0
        self.findings: list[Finding] = []
        written = b"".join(text.blocks()) if text.path.stat().st_size <= LONGEST_QUERY else b""
        if not written:
            arguments = {"what": "document_bytes", "limit": LONGEST_QUERY}
            raise Unreadable(Finding("file.too_large", self.source, arguments=arguments))
        self._database = database.connect(os.environ.get(database.VARIABLE) if address is None else address)
        self._waiting: list[Any] = []  # results of which nothing has been fetched yet
        weakref.finalize(self, _close, self._database, self._waiting)
        self._query = self._one_select(written.decode())
        self._waiting.append(self._asked())
        self.header: tuple[str, ...] = tuple(map(str, self._columns_of(self._waiting[0])))
        self._faults = list(self._repeated())
        self.findings += self._faults

    @property
    def evidence(self) -> dict[str, str | int]:
        """What was recognised, for people to read: the kind of database, and nothing of its address."""
        return {"database": self._database.dialect}

    def batches(self) -> Iterator[pl.DataFrame]:
        """The rows in order: `row` and the columns "1", "2", ... as `Table` says."""
        self.findings[:] = self._faults
        if self._faults:
            return
        result = self._waiting.pop() if self._waiting else self._asked()
        names = [str(number) for number in range(1, len(self.header) + 1)]
        first = 1
        try:
            while rows := self._fetched(result):
                columns = [
                    pl.Series(name, self._texts(values, first, number), pl.String)
                    for number, (name, values) in enumerate(zip(names, zip(*rows, strict=True), strict=True), 1)
                ]
                numbers = pl.int_range(first, first + len(rows), dtype=pl.UInt32, eager=True).alias("row")
                first += len(rows)
                yield pl.DataFrame([numbers, *columns]).with_columns(blank_as_null(names))
        finally:
            _end(result)

    # -- the query -----------------------------------------------------------------------------------------------

    def _one_select(self, written: str) -> str:
        """The query without what may stand behind it. Raises `Unreadable` for anything but one SELECT."""
        import sqlglot  # noqa: PLC0415 - only a query needs it
        from sqlglot.errors import SqlglotError  # noqa: PLC0415

        dialect = self._database.dialect
        try:
            tokens = sqlglot.tokenize(written, read=_DIALECTS.get(dialect, dialect))
        except (SqlglotError, ValueError):
            raise self._refused("syntax") from None
        kinds = [token.token_type.name for token in tokens]
        end = kinds.index("SEMICOLON") if "SEMICOLON" in kinds else len(kinds)
        if set(kinds[end:]) - {"SEMICOLON"} or not kinds[:end] or kinds[0] not in _BEGINS or _WRITES & set(kinds):
            raise self._refused("not_one_select")
        return written[: tokens[end].start] if end < len(kinds) else written

    def _asked(self) -> Any:
        """The result of the query, of which nothing has been fetched yet."""
        # Without parameters: a colon or a percent sign in a query is what it is.
        options = {"stream_results": True, "max_row_buffer": BATCH, "no_parameters": True}
        return self._guarded(lambda: self._database.connection.exec_driver_sql(self._query, execution_options=options))

    @staticmethod
    def _columns_of(result: Any) -> Sequence[Any]:
        keys: Sequence[Any] = result.keys()
        return keys

    def _fetched(self, result: Any) -> Sequence[Sequence[Any]]:
        rows: Sequence[Sequence[Any]] = self._guarded(lambda: result.fetchmany(BATCH))
        return rows

    def _guarded(self, do: Callable[[], Any]) -> Any:
        """What this gives; an error of the database without anything that it says."""
        try:
            return do()
        except Exception as error:
            raise database.refused(error, self.source, self._query, self._database) from None

    def _refused(self, reason: str) -> Unreadable:
        return Unreadable(Finding("sql.refused", self.source, arguments={"reason": reason}))

    def _repeated(self) -> Iterator[Finding]:
        places: dict[str, list[int]] = {}
        for number, name in enumerate(self.header, 1):
            places.setdefault(name.strip(), []).append(number)
        for name, columns in places.items():
            if len(columns) > 1 and name:
                yield Finding("header.repeated", self.source, None, None, columns[1], name, {"columns": columns})

    # -- values --------------------------------------------------------------------------------------------------

    def _texts(self, values: Sequence[Any], first: int, column: int) -> Sequence[str | None]:
        """A column as text; `first` is the number of its first row."""
        kinds = set(map(type, values))
        if kinds <= {str, type(None)}:
            return values
        texts: list[str | None] = []
        for row, value in enumerate(values, first):
            text = text_of(value)
            if text is None and value is not None:
                name = self.header[column - 1]
                # A result without names of its own may have taken a value for one.
                arguments = {"header": "" if _DATA.search(name) else name, "kind": _kind_of(value)}
                raise Unreadable(Finding("sql.value", self.source, None, row, column, None, arguments))
            texts.append(text)
        return texts


def _end(result: Any) -> None:
    """Ends a result, also one of a connection that is no more."""
    with contextlib.suppress(Exception):
        result.close()


def _close(opened: database.Database, waiting: list[Any]) -> None:
    for result in waiting:
        _end(result)
    opened.close()


def text_of(value: Any) -> str | None:
    """A value of a database as text, without any loss; None for NULL and for what has no certain text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        # The shortest digits that are this number and no other.
        return format(Decimal(repr(float(value))), "f") if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else None


def _kind_of(value: Any) -> str:
    return next((kind for kind, types in KINDS.items() if isinstance(value, types)), "other")
