"""Brings the cells of each report together, however they lie in the input, without holding all of it.

A long file is mostly an export: the rows of a report stand together. A first pass learns which reports lie in one
piece; those are given out as they pass by. The cells of all others are held, on disk where they are many, and given
out at the end. So every check that is about a whole report sees it whole, and memory does not grow with the input.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from dhis2_bridge.ordering import BY_ORG_UNIT

HELD: Final = 400_000
"""Cells that are held in memory before they go to disk."""

PIECES: Final = 4_000_000
"""Runs of reports that a first pass remembers. More are the mark of a file in no order: then all of it is held."""

SHARES: Final = 64
"""Parts in which cells are kept on disk, each with whole reports: one share is in memory at a time."""


class Pieces:
    """The first pass: which reports lie in one piece. Without any look at a file, none is known to."""

    def __init__(self) -> None:
        self._runs: list[pl.Series] = []
        self._count = 0
        self._last: int | None = None
        self._lost = False

    def add(self, reports: pl.Series) -> None:
        """Takes note of the reports of the next rows of the input, in their order; nulls are of no report."""
        if self._lost:
            return
        runs = reports.drop_nulls().rle().struct.field("value")
        if len(runs) and runs[0] == self._last:
            runs = runs.slice(1)
        if len(runs):
            self._last = runs[-1]
            self._runs.append(runs)
            self._count += len(runs)
        if self._count > PIECES:
            self._lost, self._runs = True, []

    def end_of_file(self) -> None:
        """A report that goes on in the next file is in two pieces."""
        self._last = None

    def whole(self) -> pl.Series | None:
        """The reports that lie in one piece, or None when that is not known of any."""
        if self._lost or not self._runs:
            return None
        counts = pl.concat(self._runs).alias("report").value_counts()
        return counts.filter(pl.col("count") == 1)["report"]


class Reports:
    """Takes cells as they come and gives out frames of whole reports.

    Cells without a report (an identifier is missing) go with whatever is given out next. Closing removes what was kept
    on disk.
    """

    def __init__(self) -> None:
        self._whole: pl.Series | None = None
        self._seen: list[pl.Series] = []
        self._open: list[pl.DataFrame] = []
        self._held: list[pl.DataFrame] = []
        self._count = 0
        self._folder: Path | None = None
        self._written = 0

    def one_piece(self, whole: pl.Series | None) -> None:
        """Says which reports will come in one piece (`Pieces.whole`); those of cells held before do not count."""
        if whole is not None and self._seen:
            whole = whole.filter(~whole.is_in(pl.concat(self._seen).unique().implode()))
        self._whole, self._seen = whole, []

    def add(self, cells: pl.DataFrame) -> pl.DataFrame | None:
        """The cells of the reports that are complete with these, or None; cells have the columns of `CELLS_SCHEMA`."""
        if self._whole is None:
            self.hold(cells)
            return None
        one_piece = pl.col("report").is_in(self._whole.implode()) | pl.col("report").is_null()
        held = cells.filter(~one_piece)
        if held.height:
            self.hold(held)
            cells = cells.filter(one_piece)
        if cells.is_empty():
            return None
        last = cells["report"].drop_nulls()
        if last.is_empty():
            return cells
        goes_on = (pl.col("report") == last[-1]).fill_null(False)
        done, still = cells.filter(~goes_on), cells.filter(goes_on)
        if self._open and self._open[0]["report"][0] == last[-1]:
            self._open.append(still)
        else:
            done, self._open = pl.concat([*self._open, done]), [still]
        return done if done.height else None

    def hold(self, cells: pl.DataFrame) -> None:
        """Keeps cells until the end: others of their reports may come from anywhere."""
        if cells.is_empty():
            return
        if self._whole is None:
            self._seen.append(cells["report"].drop_nulls().unique())
        self._held.append(cells)
        self._count += cells.height
        if self._count > HELD:
            self._spill()

    def _spill(self) -> None:
        """Writes what is held to disk, in shares of whole reports. The folder is private to this user."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="dhis2-bridge-"))
        cells = pl.concat(self._held)
        self._held, self._count = [], 0
        share = (pl.col("report").fill_null(0) // BY_ORG_UNIT % SHARES).cast(pl.UInt8)
        for (number,), part in cells.group_by(share.alias("share"), maintain_order=True):
            part.write_parquet(self._folder / f"{number:02}-{self._written:06}.parquet", compression="lz4")
        self._written += 1

    def rest(self) -> Iterator[pl.DataFrame]:
        """The cells that were held, a frame of whole reports at a time."""
        if self._open:
            yield pl.concat(self._open)
            self._open = []
        if self._folder is None:
            if self._held:
                yield pl.concat(self._held)
            return
        if self._held:
            self._spill()
        for number in range(SHARES):
            parts = sorted(self._folder.glob(f"{number:02}-*.parquet"))
            if parts:
                yield pl.concat([pl.read_parquet(part) for part in parts])

    def close(self) -> None:
        """Removes what was kept on disk."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
