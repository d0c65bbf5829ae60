"""The data values of the sandbox, in SQLite, and what each import did to them."""

import sqlite3
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

Change = Literal["imported", "updated", "unchanged"]

_SCHEMA: Final = """
create table if not exists data_value (
    data_element text, org_unit text, period text, category_option_combo text, attribute_option_combo text,
    value text, comment text, follow_up integer, deleted integer, stored_by text, created text, last_updated text,
    primary key (data_element, org_unit, period, category_option_combo, attribute_option_combo)
) without rowid;
create table if not exists import (
    id integer primary key, at text, dry_run integer, status text,
    imported integer, updated integer, unchanged integer, deleted integer, refused integer
);
"""


class Key(NamedTuple):
    """What makes two values one cell."""

    data_element: str
    org_unit: str
    period: str
    category_option_combo: str
    attribute_option_combo: str


@dataclass(frozen=True, slots=True)
class Row:
    """One stored value; a deleted one stays as a row."""

    key: Key
    value: str | None
    comment: str | None
    follow_up: bool
    deleted: bool
    stored_by: str
    created: str
    last_updated: str


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """What one import really did, also where the answer of the new engine does not say so."""

    at: str
    dry_run: bool
    status: str
    imported: int
    updated: int
    unchanged: int
    deleted: int
    refused: int


class Store:
    """The values in memory, or in a SQLite file that outlives the sandbox."""

    def __init__(self, database: Path | None) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(database or ":memory:", check_same_thread=False, isolation_level=None)
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self, *, keep: bool) -> Iterator[None]:
        """Everything inside is kept, or undone when `keep` is False or something is raised."""
        with self._lock:
            self._connection.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._connection.execute("rollback")
                raise
            self._connection.execute("commit" if keep else "rollback")

    def get(self, key: Key) -> Row | None:
        """The row of a key, a deleted one too."""
        with self._lock:
            found = self._connection.execute(
                "select * from data_value where data_element = ? and org_unit = ? and period = ?"
                " and category_option_combo = ? and attribute_option_combo = ?",
                key,
            ).fetchone()
        return _row(found) if found else None

    def put(self, key: Key, value: str | None, comment: str | None, follow_up: bool, *, user: str, now: str) -> Change:
        """Store a value and say what that changed."""
        old = self.get(key)
        if (
            old is not None
            and not old.deleted
            and (old.value, old.comment, old.follow_up) == (value, comment, follow_up)
        ):
            return "unchanged"
        created = old.created if old is not None else now
        self._write(Row(key, value, comment, follow_up, False, user, created, now))
        return "updated" if old is not None and not old.deleted else "imported"

    def delete(self, key: Key, *, user: str, now: str) -> bool:
        """Mark a value as deleted and say whether a live one was there; its comment stays."""
        old = self.get(key)
        comment, created = (old.comment, old.created) if old is not None else (None, now)
        value, follow_up = (old.value, old.follow_up) if old is not None else (None, False)
        self._write(Row(key, value, comment, follow_up, True, user, created, now))
        return old is not None and not old.deleted

    def _write(self, row: Row) -> None:
        with self._lock:
            self._connection.execute(
                "insert or replace into data_value values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *row.key,
                    row.value,
                    row.comment,
                    row.follow_up,
                    row.deleted,
                    row.stored_by,
                    row.created,
                    row.last_updated,
                ),
            )

    def values(
        self,
        data_elements: Collection[str] | None = None,
        periods: Collection[str] | None = None,
        org_units: Collection[str] | None = None,
    ) -> list[Row]:
        """The live values in the order of their keys, of these data elements, periods and org units."""
        with self._lock:
            found = self._connection.execute("select * from data_value where not deleted").fetchall()
        wanted = (data_elements, org_units, periods)
        return [
            row
            for row in map(_row, found)
            if all(chosen is None or part in chosen for chosen, part in zip(wanted, row.key, strict=False))
        ]

    def record(self, done: ImportRecord) -> None:
        """Remember an import."""
        with self._lock:
            self._connection.execute(
                "insert into import (at, dry_run, status, imported, updated, unchanged, deleted, refused)"
                " values (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    done.at,
                    done.dry_run,
                    done.status,
                    done.imported,
                    done.updated,
                    done.unchanged,
                    done.deleted,
                    done.refused,
                ),
            )

    def imports(self) -> list[ImportRecord]:
        """The imports so far, oldest first."""
        columns = "at, dry_run, status, imported, updated, unchanged, deleted, refused"
        with self._lock:
            found = self._connection.execute(f"select {columns} from import order by id").fetchall()  # noqa: S608
        return [ImportRecord(at, bool(dry_run), *rest) for at, dry_run, *rest in found]


def _row(found: tuple[object, ...]) -> Row:
    value, comment, follow_up, deleted, *rest = found[5:]
    return Row(
        Key(*(str(part) for part in found[:5])),
        None if value is None else str(value),
        None if comment is None else str(comment),
        bool(follow_up),
        bool(deleted),
        *(str(part) for part in rest),
    )
