"""The front door: files to data values, in memory or straight into a run folder."""

import time
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from dhis2_bridge import mapping_file, payload, runs
from dhis2_bridge import snapshot as snapshots
from dhis2_bridge._version import __version__
from dhis2_bridge.blocks import dimensions
from dhis2_bridge.findings import OtherInstance, UsageError, empty
from dhis2_bridge.mapping import Mapping
from dhis2_bridge.snapshot import Snapshot
from dhis2_bridge.values import CELLS_SCHEMA, VALUES_SCHEMA
from dhis2_bridge.walk import Input, Progress, Walk

ALL_OR_NOTHING = "all_or_nothing"
"""What `refused` says of a value that is kept back only because others are."""

_REPORT = ("data_set", "org_unit", "period", "attribute_option_combo")


@dataclass(slots=True)
class Tally:
    """What the parts of a conversion come to, added up."""

    reports: int = 0
    values_ready: int = 0
    values_left_out: int = 0
    values_repeated: int = 0
    chunks: int = 0
    data_elements: set[str] = field(default_factory=set)

    def add(self, arranged: pl.DataFrame) -> None:
        """Counts a part."""
        ready = arranged.filter(pl.col("chunk").is_not_null())
        refused = arranged["refused"].drop_nulls()
        repeated = int((refused == "value.repeated").sum())
        self.reports += ready["report"].n_unique()
        self.values_ready += ready.height
        self.values_repeated += repeated
        self.values_left_out += len(refused) - repeated
        last = ready["chunk"].max()
        self.chunks = last if isinstance(last, int) else self.chunks
        self.data_elements.update(ready["data_element"].unique().cast(pl.String))


@dataclass(slots=True)
class Summary:
    """What a conversion read and found, and how much is ready.

    `seconds` is how long it took from the first file on, `timings` how much of that each step worked. With long files
    steps work side by side, so together they may be more.
    """

    findings: pl.DataFrame
    inputs: list[Input]
    mappings: list[Mapping]
    snapshot: Snapshot
    given: dict[str, str]
    tally: Tally
    timings: dict[str, float]
    seconds: float

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return int((self.findings["severity"] == "error").sum())

    @property
    def exit_code(self) -> int:
        """0 when everything that was read can be sent, 3 when anything was refused."""
        return 3 if self.errors else 0

    def counts(self) -> dict[str, int]:
        """Files, reports, data elements, values ready and left out, findings by severity, chunks."""
        return {
            "files": len(self.inputs),
            "reports": self.tally.reports,
            "data_elements": len(self.tally.data_elements),
            "values_ready": self.tally.values_ready,
            "values_left_out": self.tally.values_left_out,
            "values_repeated": self.tally.values_repeated,
            "errors": self.errors,
            "warnings": int((self.findings["severity"] == "warning").sum()),
            "chunks": self.tally.chunks,
        }

    def about(self) -> dict[str, Any]:
        """What `run.json` says of this conversion."""
        identity = self.snapshot.identity
        return {
            "dhis2_bridge": __version__,
            "mappings": [{"mapping": m.mapping, "version": m.version, "sha256": m.sha256} for m in self.mappings],
            "snapshot": {
                "system_id": identity.system_id,
                "version": identity.version_text,
                "base_url": identity.base_url,
                "sha256": identity.sha256,
            },
            "given": self.given,
            "inputs": [
                {"name": i.name, "format": i.format, "sha256": i.sha256, "mapping": i.mapping, "evidence": i.evidence}
                for i in self.inputs
            ],
            "counts": self.counts(),
        }


@dataclass(slots=True)
class Conversion(Summary):
    """What files became, in memory.

    `values` (`values.VALUES_SCHEMA`) holds every value read, in the order of the payload, with `refused` saying what
    keeps one back; `findings` everything that was found (`findings.FINDINGS_SCHEMA`).
    """

    _arranged: pl.DataFrame

    @property
    def values(self) -> pl.DataFrame:
        """Every value read."""
        return self._arranged.select(VALUES_SCHEMA.names())

    @property
    def ready(self) -> pl.DataFrame:
        """The values that are sent."""
        return self.values.filter(pl.col("refused").is_null())

    def chunks(self) -> Iterator[payload.Chunk]:
        """The bodies to post."""
        return payload.chunks(self._arranged)

    def write(self, folder: Path | str) -> None:
        """Writes the run folder (`runs`), whole or not at all. Raises UsageError when something else stands there."""
        with runs.RunWriter(Path(folder)) as writer:
            writer.add(self._arranged)
            writer.finish(self.about(), self.findings)


Files = Path | str | Sequence[Path | str]
Mappings = Mapping | Path | str | Sequence[Mapping | Path | str]


def convert(
    files: Files,
    mapping: Mappings,
    snapshot: Snapshot | Path | str,
    *,
    given: MappingType[str, str] | None = None,
    previous: pl.DataFrame | None = None,
    all_or_nothing: bool = False,
    chunk_size: int = payload.DEFAULT_SIZE,
    stdin: BinaryIO | None = None,
    on_progress: Progress | None = None,
    jobs: int = 1,
) -> Conversion:
    """The data values of files, through the mapping that recognises each, checked against a snapshot.

    `files` are paths, folders, globs or "-" for `stdin`. `given` are dimensions that the caller knows (`period`,
    `org_unit`), `previous` the values of earlier periods for cumulative forms. With `all_or_nothing` one refused value
    keeps all of them back. Writes nothing, and holds all values: `convert_to_run` does not. With many forms and `jobs`
    above 1, so many processes of this machine share the laying out; they import the caller's main module, which must
    then be safe to import. A file that cannot be read is a finding; UsageError and its kinds are raised for a path that
    is not there, a broken mapping, or one of another instance than the snapshot.
    """
    made = _Making(mapping, snapshot, given, previous, chunk_size, jobs)
    parts = list(made.parts(files, stdin, on_progress))
    nothing = pl.DataFrame(schema={**CELLS_SCHEMA, "chunk": pl.UInt32, "position": pl.UInt32})
    arranged = pl.concat(parts) if parts else nothing
    if all_or_nothing and made.summary().errors:
        arranged = _kept_back(arranged)
        made.tally = Tally()
        made.tally.add(arranged)
    summary = made.summary()
    return Conversion(**{name: getattr(summary, name) for name in Summary.__slots__}, _arranged=arranged)


def convert_to_run(
    folder: Path | str,
    files: Files,
    mapping: Mappings,
    snapshot: Snapshot | Path | str,
    *,
    given: MappingType[str, str] | None = None,
    previous: pl.DataFrame | None = None,
    all_or_nothing: bool = False,
    chunk_size: int = payload.DEFAULT_SIZE,
    stdin: BinaryIO | None = None,
    on_progress: Progress | None = None,
    jobs: int = 1,
) -> Summary:
    """As `convert`, straight into a run folder (`runs`): memory does not grow with the input.

    With `all_or_nothing` it does, because all values are held until the end. Raises UsageError also when the folder
    cannot be written or holds something else; then nothing is left behind.
    """
    runs.refuse_foreign(Path(folder))
    if all_or_nothing:
        # Whether anything can go is known at the end only, so all of it is held.
        result = convert(
            files,
            mapping,
            snapshot,
            given=given,
            previous=previous,
            all_or_nothing=True,
            chunk_size=chunk_size,
            stdin=stdin,
            on_progress=on_progress,
            jobs=jobs,
        )
        result.write(folder)
        return result
    made = _Making(mapping, snapshot, given, previous, chunk_size, jobs)
    with runs.RunWriter(Path(folder)) as writer:
        for part in made.parts(files, stdin, on_progress):
            with made.walk.steps.timed("write"):
                writer.add(part)
        summary = made.summary()
        with made.walk.steps.timed("write"):
            writer.finish(summary.about(), summary.findings)
    return replace(summary, timings=dict(made.walk.steps.seconds), seconds=made.seconds)


class _Making:
    """A conversion on its way, whatever becomes of its parts."""

    def __init__(
        self,
        mapping: Mappings,
        snapshot: Snapshot | Path | str,
        given: MappingType[str, str] | None,
        previous: pl.DataFrame | None,
        chunk_size: int,
        jobs: int,
    ) -> None:
        many = [mapping] if isinstance(mapping, Mapping | Path | str) else list(mapping)
        self.mappings = [one if isinstance(one, Mapping) else mapping_file.load(one) for one in many]
        self.snapshot = snapshot if isinstance(snapshot, Snapshot) else snapshots.load(snapshot)
        for one in self.mappings:
            bound_to(one, self.snapshot)
        self.given = dict(given or {})
        self._refuse_unused()
        self.walk = Walk(self.mappings, self.snapshot, self.given, previous, chunk_size, jobs)
        self.tally = Tally()
        self._began = time.perf_counter()

    def _refuse_unused(self) -> None:
        """Raises UsageError for something given that no mapping asks for: it would be ignored in silence.

        A period is always of use: it must agree with that of the file.
        """
        asked = {
            key.partition(".")[0]
            for mapping in self.mappings
            for table in mapping.tables
            for key, dimension in dimensions(table)
            if dimension.given
        }
        for key in self.given:
            if key not in asked | {"period"}:
                named = ", ".join(mapping.mapping for mapping in self.mappings)
                raise UsageError(f"{key} is given, but no mapping says `{key}: {{given: true}}` ({named})")

    def parts(self, files: Files, stdin: BinaryIO | None, on_progress: Progress | None) -> Iterator[pl.DataFrame]:
        for part in self.walk.parts([files] if isinstance(files, Path | str) else files, stdin, on_progress):
            self.tally.add(part)
            yield part

    def summary(self) -> Summary:
        findings = pl.concat([empty(), *self.walk.found])
        return Summary(
            findings,
            self.walk.inputs,
            self.mappings,
            self.snapshot,
            self.given,
            self.tally,
            dict(self.walk.steps.seconds),
            self.seconds,
        )

    @property
    def seconds(self) -> float:
        """How long it has taken since the first file."""
        return time.perf_counter() - self._began


def _kept_back(arranged: pl.DataFrame) -> pl.DataFrame:
    """The cells with none left to send."""
    nothing = pl.lit(None, dtype=pl.UInt32)
    return arranged.with_columns(
        pl.col("refused").fill_null(pl.lit(ALL_OR_NOTHING).cast(pl.Categorical)),
        nothing.alias("chunk"),
        nothing.alias("position"),
    )


def bound_to(mapping: Mapping, snapshot: Snapshot) -> None:
    """Raises OtherInstance when a mapping is bound to another instance than the snapshot's."""
    if mapping.instance is None:
        return
    identity = snapshot.identity
    known = {text.rstrip("/") for text in (identity.system_id, identity.base_url) if text}
    if known and mapping.instance.rstrip("/") not in known:
        raise OtherInstance(
            f"{mapping.path}:{mapping.line(('instance',))}: the mapping is for instance {mapping.instance}, "
            f"the snapshot {snapshot.source} is of {' / '.join(sorted(known))}"
        )
