"""A run folder sent to its server, chunk by chunk, and every refused value traced back to its cell."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import polars as pl

from dhis2_bridge import run_schema
from dhis2_bridge.answers import AnswerLost, Conflict, Counts, Outcome
from dhis2_bridge.client import Client, is_upsert
from dhis2_bridge.findings import (
    CODES,
    FINDINGS_SCHEMA,
    Finding,
    NotAuthorised,
    OtherInstance,
    Refused,
    ServerError,
    Unreachable,
    UsageError,
    arguments_text,
    empty,
    frame,
)

STRATEGIES: Final = ("CREATE_AND_UPDATE", "CREATE", "UPDATE", "DELETE")

_BLOCK: Final = 1 << 20
_PLACE: Final = ("source", "sheet", "row", "column", "found")


@dataclass(frozen=True, slots=True)
class Chunk:
    """One request body of a run: its number (from 1), its file, how many values it holds, the hash of the body."""

    number: int
    file: Path
    values: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ChunkOutcome:
    """How one chunk ended. `outcome` is None when it was not sent, or was sent and surely not taken up."""

    chunk: Chunk
    outcome: Outcome | None

    @property
    def confirmed(self) -> int:
        """Values that the server took. Up to 2.42 it keeps no zero of a data element that holds zeros insignificant."""
        if self.outcome is None or self.outcome.kind in ("unknown", "refused"):
            return 0
        return min(self.chunk.values, self.outcome.counts.stored + self.outcome.unchanged)

    @property
    def refused(self) -> int:
        """Values that the server did not take: all of a refused chunk."""
        if self.outcome is None or self.outcome.kind in ("unknown", "accepted"):
            return 0
        everything = self.chunk.values - self.confirmed
        return everything if self.outcome.kind == "refused" else min(everything, self.outcome.refused)

    @property
    def unknown(self) -> int:
        """Values that were sent and that no answer accounts for."""
        return 0 if self.outcome is None else self.chunk.values - self.confirmed - self.refused


@dataclass(frozen=True, slots=True)
class PushResult:
    """What a push came to. `stopped` is the error that ended it early; the chunks after it were not sent.

    `findings` holds each refused value with its place, and what else the person should know. In a dry run all counts
    say what would have been stored.
    """

    chunks: tuple[ChunkOutcome, ...]
    findings: pl.DataFrame
    version: str
    dry_run: bool
    stopped: ServerError | None = None

    @property
    def counts(self) -> Counts:
        """The server's own counts, added up."""
        return sum((item.outcome.counts for item in self.chunks if item.outcome), Counts())

    @property
    def confirmed(self) -> int:
        """Values that the server took."""
        return sum(item.confirmed for item in self.chunks)

    @property
    def refused(self) -> int:
        """Values that the server did not take."""
        return sum(item.refused for item in self.chunks)

    @property
    def unknown(self) -> int:
        """Values that were sent and that no answer accounts for."""
        return sum(item.unknown for item in self.chunks)

    @property
    def unchanged(self) -> int:
        """Confirmed values that changed nothing, as far as the server tells: held already, or an insignificant zero."""
        return sum(item.outcome.unchanged for item in self.chunks if item.outcome and item.confirmed)

    @property
    def tells_new_from_changed(self) -> bool:
        """Whether the counts tell imported, updated and unchanged apart; from 2.43 all of them are `updated`."""
        return _engine(self.version) == "old"

    @property
    def not_sent(self) -> int:
        """Values of the chunks that were not sent or not taken up."""
        return sum(item.chunk.values for item in self.chunks if item.outcome is None)

    @property
    def exit_code(self) -> int:
        """0 all stored, 4 a part refused, 5 all refused, 6 ended early or partly unknown, 8 login or rights, 1 else."""
        if self.stopped is not None:
            return self.stopped.exit_code
        if self.unknown:
            return Unreachable.exit_code
        if self.refused:
            return 4 if self.confirmed else 5
        return 0


def push(
    folder: Path | str,
    client: Client,
    *,
    dry_run: bool = False,
    import_strategy: str = "CREATE_AND_UPDATE",
    async_job: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    on_outcome: Callable[[ChunkOutcome], None] | None = None,
) -> PushResult:
    """The result of sending every chunk of a run folder, in order.

    `on_outcome` is called with each chunk as it ends, `on_progress` with the values done and all values. A chunk whose
    outcome is unknown is sent again only when the import leaves the same state however often it is sent, at most
    `client.retries` times. Each file is checked against its hash before the first request.

    Raises UsageError for a folder that is no run or is damaged and for a strategy that the server does not have,
    Refused for a run without values, OtherInstance for a server the run was not made for, and what
    `Client.system_info` raises; nothing was sent then. Later errors end the push and are in `stopped`.
    """
    if import_strategy not in STRATEGIES:
        raise UsageError(f"{import_strategy}: the import strategy is one of {', '.join(STRATEGIES)}")
    run = _Run.read(Path(folder))
    run.verify()
    info = client.system_info()
    found = [frame(_about_server(run, client, info, import_strategy))]
    ended: list[ChunkOutcome] = []
    stopped: ServerError | None = None
    total = sum(chunk.values for chunk in run.chunks)
    done = 0
    for chunk in run.chunks:
        outcome = None
        if stopped is None:
            outcome, stopped = _send(chunk, client, dry_run, import_strategy, async_job)
        ended.append(ChunkOutcome(chunk, outcome))
        if outcome is None:
            continue
        found.append(_findings(run, ended[-1]))
        done += chunk.values
        if on_outcome:
            on_outcome(ended[-1])
        if on_progress:
            on_progress(done, total)
    return PushResult(tuple(ended), pl.concat(found), info["version"], dry_run, stopped)


@dataclass(frozen=True, slots=True)
class _Run:
    folder: Path
    snapshot: Mapping[str, Any]
    chunks: tuple[Chunk, ...]

    @classmethod
    def read(cls, folder: Path) -> Self:
        path = folder / "run.json"
        try:
            document = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise UsageError(f"{folder}: no run folder (run.json is missing)") from None
        except (OSError, ValueError, RecursionError) as broken:
            raise UsageError(f"{path}: cannot be read as the description of a run ({broken})") from broken
        if (fault := run_schema.fault(document)) is not None:
            raise UsageError(f"{path}: is not the description of a run: {fault}")
        # The schema lets a chunk name no file elsewhere: a run folder may come from somebody else.
        chunks = tuple(
            Chunk(number, folder / "chunks" / item["file"], item["values"], item["sha256"])
            for number, item in enumerate(document["chunks"], start=1)
        )
        snapshot = document["snapshot"]
        if not chunks:
            raise Refused(f"{folder}: the run holds no data values, so there is nothing to send")
        return cls(folder, snapshot, chunks)

    def verify(self) -> None:
        """Raise UsageError unless the files are those the run wrote."""
        for chunk in self.chunks:
            digest = hashlib.sha256()
            try:
                with gzip.open(chunk.file) as body:
                    while block := body.read(_BLOCK):
                        digest.update(block)
            except (OSError, EOFError, zlib.error) as broken:
                raise UsageError(f"{chunk.file}: damaged or missing ({broken}); convert again") from broken
            if digest.hexdigest() != chunk.sha256.lower():
                raise UsageError(f"{chunk.file}: not as the run wrote it (its hash differs); convert again")
        counted = self._values().drop_nulls("chunk").group_by("chunk").len().collect()
        if dict(counted.iter_rows()) != {chunk.number: chunk.values for chunk in self.chunks}:
            raise UsageError(f"{self.folder}: values.parquet and the chunks differ in their values; convert again")

    def places(self, chunk: Chunk) -> pl.DataFrame:
        """`position` and the place of each value of a chunk."""
        text = (pl.col("source", "sheet").cast(pl.String), pl.col("row", "column", "found"))
        return self._values().filter(pl.col("chunk") == chunk.number).select("position", *text).collect()

    def _values(self) -> pl.LazyFrame:
        path = self.folder / "values.parquet"
        if not path.is_file():
            raise UsageError(f"{path}: missing; convert again")
        return pl.scan_parquet(path)


def _about_server(run: _Run, client: Client, info: Mapping[str, Any], import_strategy: str) -> list[Finding]:
    expected, actual = run.snapshot.get("system_id"), info.get("systemId")
    if expected and actual and expected != actual:
        raise OtherInstance(
            f"{client.base_url} is the DHIS2 instance {actual}; this run was made for {expected}"
            f" ({run.snapshot.get('base_url') or 'address not known'}). Nothing was sent."
        )
    version = info["version"]
    if import_strategy in ("CREATE", "UPDATE") and _engine(version) != "old":
        raise UsageError(f"DHIS2 {version} has no import strategy {import_strategy}: it would create and update all")
    findings = []
    if not (expected and actual):
        findings.append(Finding("server.identity_unknown", arguments={"base_url": client.base_url}))
    checked = run.snapshot.get("version")
    if checked and _engine(checked) != _engine(version):
        findings.append(Finding("server.other_engine", arguments={"checked": checked, "version": version}))
    return findings


def _engine(version: str) -> str:
    numbers = [int(part) if part.isdigit() else 0 for part in version.split("-", maxsplit=1)[0].split(".")[:2]]
    return "old" if numbers < [2, 43] else "new"


def _send(
    chunk: Chunk, client: Client, dry_run: bool, import_strategy: str, async_job: bool
) -> tuple[Outcome | None, ServerError | None]:
    body = chunk.file.read_bytes()
    outcome = None
    for _ in range(1 + (client.retries if dry_run or is_upsert(import_strategy) else 0)):
        try:
            answer = client.post_data_value_set(
                body, dry_run=dry_run, import_strategy=import_strategy, async_job=async_job
            )
        except AnswerLost as lost:
            return Outcome("unknown", message=str(lost)), lost
        except (Unreachable, NotAuthorised) as error:
            return outcome, error
        except ServerError as error:
            return Outcome("unknown", message=str(error)), error
        outcome = answer.outcome
        if outcome.job is not None:
            try:
                outcome = client.await_import(outcome.job)
            except ServerError as error:
                return outcome, error
        if outcome.kind != "unknown" or outcome.job is not None:
            break
    return outcome, None


def _findings(run: _Run, ended: ChunkOutcome) -> pl.DataFrame:
    outcome, chunk = ended.outcome, ended.chunk
    found = empty()
    if outcome is None:
        return found
    if ended.refused or outcome.conflicts:
        found = _refusals(outcome, ended.refused, run.places(chunk))
    if ended.unknown:
        message = outcome.message or f"the answer accounts for {chunk.values - ended.unknown} of {chunk.values} values"
        lost = Finding("server.unknown", arguments={"chunk": chunk.number, "message": message}, values=ended.unknown)
        found = pl.concat([found, frame([lost])])
    return found


def _refusals(outcome: Outcome, refused: int, places: pl.DataFrame) -> pl.DataFrame:
    """One finding a value and conflict; values that only went down with their chunk are told so."""
    positions: list[list[int | None]] = [[*conflict.indexes] or [None] for conflict in outcome.conflicts]
    conflicts = pl.DataFrame(
        {
            "position": positions,
            "arguments": [_conflict_arguments(conflict) for conflict in outcome.conflicts],
            "object": [conflict.object for conflict in outcome.conflicts],
        },
        schema={"position": pl.List(pl.UInt32), "arguments": pl.String, "object": pl.String},
    ).explode("position")
    # A position beyond the chunk, or none at all: told without a place, never a reason to fail.
    named = conflicts.join(places, on="position", how="left", maintain_order="left").with_columns(
        pl.lit("server.refused").alias("code"),
        pl.col("found").fill_null(pl.col("object")),
        (pl.col("position").is_in(places["position"].implode()) & pl.col("position").is_first_distinct())
        .fill_null(False)
        .alias("traced"),
    )
    kept_out = places.join(conflicts.select("position").drop_nulls(), on="position", how="anti")
    if outcome.kind != "refused":
        kept_out = kept_out.filter(pl.col("position").is_in(list(outcome.rejected)))
    why = outcome.conflicts[0].message if outcome.conflicts else outcome.message
    swept = kept_out.sort("position").with_columns(
        pl.lit("server.not_stored").alias("code"),
        pl.lit(arguments_text({"message": why})).alias("arguments"),
        pl.lit(True).alias("traced"),
    )
    columns = ["position", "code", *_PLACE, "arguments", "traced"]
    found = pl.concat([named.select(columns), swept.select(columns)])
    # Servers up to 2.37 give no positions: what they refused is counted at the first conflict.
    untraced = max(0, refused - int(found["traced"].sum()))
    first = pl.int_range(pl.len()) == 0
    return found.select(
        "code",
        pl.col("code").replace_strict({code: CODES[code].severity for code in CODES}).alias("severity"),
        *_PLACE,
        "arguments",
        (pl.col("traced").cast(pl.UInt32) + pl.when(first).then(untraced).otherwise(0)).alias("values"),
    ).cast(FINDINGS_SCHEMA)


def _conflict_arguments(conflict: Conflict) -> str:
    return arguments_text({"server_code": conflict.code or "", "message": conflict.message})
