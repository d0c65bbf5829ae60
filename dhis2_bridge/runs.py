"""The run folder: what one conversion read, made and found, for `push`, `explain` and people.

    run.json           what ran: versions, mapping, snapshot, inputs with their hashes, counts, chunks
    values.parquet     every data value with its place (`values.VALUES_SCHEMA`), in the order of the payload
    findings.parquet   every finding (`findings.FINDINGS_SCHEMA`)
    chunks/NNNN.json.gz

It is written under a temporary name and renamed whole, and holds no clock: the same input gives the same bytes.
"""

import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from dhis2_bridge.findings import UsageError
from dhis2_bridge.payload import Chunk

FORMAT: Final = 1
"""Version of the folder's shape, in `run.json` as `format`."""


def write(
    folder: Path,
    about: Mapping[str, Any],
    values: pl.DataFrame,
    findings: pl.DataFrame,
    chunks: Iterable[Chunk],
) -> None:
    """Writes a run folder, whole or not at all.

    A run folder that is already there is replaced; anything else there is left alone and raises UsageError.
    """
    refuse_foreign(folder)
    made = folder.parent / f".{folder.name}.{secrets.token_hex(4)}.part"
    try:
        (made / "chunks").mkdir(parents=True)
        listed = []
        for chunk in chunks:
            (made / "chunks" / chunk.file).write_bytes(chunk.compressed())
            listed.append({"file": chunk.file, "values": chunk.values, "sha256": chunk.sha256})
        values.write_parquet(made / "values.parquet")
        findings.write_parquet(made / "findings.parquet")
        text = json.dumps({"format": FORMAT, **about, "chunks": listed}, ensure_ascii=False, indent=2)
        (made / "run.json").write_text(text + "\n", encoding="utf-8")
        _put_in_place(made, folder)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(made, ignore_errors=True)


def refuse_foreign(folder: Path) -> None:
    """Raises UsageError when something other than a run folder stands at this path."""
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder}: is a file; a run is written as a folder")
    if any(folder.iterdir()) and not (folder / "run.json").is_file():
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


def read(folder: Path) -> tuple[dict[str, Any], pl.DataFrame, pl.DataFrame]:
    """What `write` wrote: `run.json`, the values and the findings. Raises UsageError for anything else."""
    try:
        about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        return about, pl.read_parquet(folder / "values.parquet"), pl.read_parquet(folder / "findings.parquet")
    except FileNotFoundError as error:
        missing = os.path.basename(error.filename or "")  # noqa: PTH119
        raise UsageError(f"{folder}: is no run folder ({missing} is missing)") from None
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise UsageError(f"{folder}: is a damaged run folder: {error}") from None
