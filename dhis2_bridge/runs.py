"""The run folder: what one conversion read, made and found, for `push`, `explain` and people.

    run.json           what ran: versions, mapping, snapshot, inputs with their hashes, counts, chunks
    values.parquet     every data value with its place (`values.VALUES_SCHEMA`), in the order of the payload
    findings.parquet   every finding (`findings.FINDINGS_SCHEMA`)
    chunks/NNNN.json.gz

It is written under a temporary name and renamed whole, and holds no clock: the same input gives the same bytes.
"""

import json
import queue
import secrets
import shutil
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import polars as pl
from polars.io.plugins import register_io_source

from dhis2_bridge import payload
from dhis2_bridge.findings import UsageError
from dhis2_bridge.values import VALUES_SCHEMA

OURS: Final = frozenset({"run.json", "values.parquet", "findings.parquet", "chunks"})
"""What a run folder holds. One with anything else in it is not replaced: somebody keeps things there."""

FORMAT: Final = 1
"""Version of the folder's shape, in `run.json` as `format`."""


class RunWriter:
    """Writes a run folder, part by part, while the next part is being made.

    Works as a context manager: unless `finish` was reached, nothing is left behind. A run folder that is already
    there is replaced at the end; anything else there is left alone and raises UsageError at once.
    """

    def __init__(self, folder: Path) -> None:
        refuse_foreign(folder)
        self._folder = folder
        self._made = folder.parent / f".{folder.name}.{secrets.token_hex(4)}.part"
        self._listed: list[dict[str, Any]] = []
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="chunks")
        self._pending: Future[None] | None = None
        self._values: _ParquetWriter | None = None

    def __enter__(self) -> Self:
        try:
            (self._made / "chunks").mkdir(parents=True)
        except OSError as error:
            raise _not_written(self._folder, error) from None
        self._values = _ParquetWriter(self._made / "values.parquet", VALUES_SCHEMA)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        self._worker.shutdown(cancel_futures=True)
        if self._values is not None:
            self._values.abandon()
        shutil.rmtree(self._made, ignore_errors=True)

    def add(self, arranged: pl.DataFrame) -> None:
        """Takes the next arranged cells (`payload.arrange`). Raises UsageError where they cannot be written."""
        self._wait()
        self._pending = self._worker.submit(self._write_chunks, arranged)
        if self._values is not None:
            self._values.add(arranged.select(VALUES_SCHEMA.names()))

    def finish(self, about: Mapping[str, Any], findings: pl.DataFrame) -> None:
        """Writes what remains and puts the folder in its place."""
        try:
            self._wait()
            if self._values is not None:
                self._values.close()
            findings.write_parquet(self._made / "findings.parquet")
            text = json.dumps({"format": FORMAT, **about, "chunks": self._listed}, ensure_ascii=False, indent=2)
            (self._made / "run.json").write_text(text + "\n", encoding="utf-8")
            _put_in_place(self._made, self._folder)
        except OSError as error:
            raise _not_written(self._folder, error) from None

    def _wait(self) -> None:
        if self._pending is not None:
            try:
                self._pending.result()
            except OSError as error:
                raise _not_written(self._folder, error) from None

    def _write_chunks(self, arranged: pl.DataFrame) -> None:
        for chunk in payload.chunks(arranged):
            (self._made / "chunks" / chunk.file).write_bytes(chunk.compressed())
            self._listed.append({"file": chunk.file, "values": chunk.values, "sha256": chunk.sha256})


class _ParquetWriter:
    """One Parquet file of frames that come one after the other, written by a thread of its own."""

    def __init__(self, path: Path, schema: pl.Schema) -> None:
        self._frames: queue.Queue[pl.DataFrame | None] = queue.Queue(maxsize=1)
        self._schema = schema
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._write, args=(path,), name="values", daemon=True)
        self._thread.start()

    def add(self, frame: pl.DataFrame) -> None:
        self._put(frame)

    def close(self) -> None:
        self._put(None)
        self._thread.join()
        if self._failed is not None:
            raise self._failed

    def abandon(self) -> None:
        """Ends the thread when nobody needs the file any more."""
        if self._thread.is_alive():
            self._put(None)
            self._thread.join()

    def _put(self, frame: pl.DataFrame | None) -> None:
        while self._thread.is_alive():
            try:
                self._frames.put(frame, timeout=0.2)
                return
            except queue.Full:
                continue
        if self._failed is not None and frame is not None:
            raise self._failed

    def _write(self, path: Path) -> None:
        try:
            register_io_source(self._read, schema=self._schema, is_pure=True).sink_parquet(path, compression="lz4")
        except (Exception, KeyboardInterrupt) as error:  # Polars tells of Ctrl-C in this thread too
            self._failed = OSError(str(error)) if isinstance(error, pl.exceptions.PolarsError) else error

    def _read(
        self, columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, batch: int | None
    ) -> Iterator[pl.DataFrame]:
        yield self._schema.to_frame()
        while (frame := self._frames.get()) is not None:
            yield frame


def refuse_foreign(folder: Path) -> None:
    """Raises UsageError when something other than a run folder stands at this path."""
    if not folder.exists() and not folder.is_symlink():
        if not folder.absolute().parent.is_dir():
            raise UsageError(f"{folder}: there is no folder {folder.parent} to write it into")
        return
    if not folder.is_dir():
        raise UsageError(f"{folder}: is a file; a run is written as a folder")
    held = {entry.name for entry in folder.iterdir()}
    if held and ("run.json" not in held or held - OURS):
        raise UsageError(f"{folder}: is a folder with other things in it; name a new one")


def _put_in_place(made: Path, folder: Path) -> None:
    if not folder.exists():
        made.replace(folder)
        return
    old = made.with_suffix(".old")
    folder.replace(old)
    try:
        made.replace(folder)
    except OSError:
        old.replace(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _not_written(folder: Path, error: OSError) -> UsageError:
    return UsageError(f"{folder}: cannot be written: {error.strerror or error}")


def read(folder: Path) -> tuple[dict[str, Any], pl.DataFrame, pl.DataFrame]:
    """What was written: `run.json`, the values and the findings. Raises UsageError for anything else."""
    try:
        about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        return about, pl.read_parquet(folder / "values.parquet"), pl.read_parquet(folder / "findings.parquet")
    except FileNotFoundError as error:
        missing = Path(error.filename or "").name
        raise UsageError(f"{folder}: is no run folder ({missing} is missing)") from None
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise UsageError(f"{folder}: is a damaged run folder: {error}") from None
