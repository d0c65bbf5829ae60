"""Delimited text (CSV, TSV and their kin) as a table of text with exact record numbers."""

import functools
import itertools
import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import polars as pl

from dhis2_bridge.findings import Finding, Unreadable, UsageError
from dhis2_bridge.sources.encodings import TextFile
from dhis2_bridge.sources.limits import DEFAULT, Limits
from dhis2_bridge.sources.records import (
    LONGEST_CELL,
    Dialect,
    Record,
    blank_as_null,
    has_content,
    last_record_end,
    may_hold_space,
    rectangle,
    scan,
    whole_lines,
    without_blanks,
)
from dhis2_bridge.values import Sheet

DELIMITERS: Final = (",", ";", "\t", "|")

BLOCK: Final = 4 << 20
"""Bytes read at a time. Measured: smaller blocks cost calls, larger ones cost memory and gain nothing."""

BATCH: Final = 3 << 20
"""Bytes of text in one batch, about."""

AHEAD: Final = 2
"""Blocks that are read side by side where only some columns are wanted."""

_ACROSS: Final = 64  # bytes of a block that are looked at again with the next one
_CHUNK: Final = 2_048  # records turned into columns at a time, few enough to stay in the processor's cache
_SAMPLE: Final = 1 << 18
_SAMPLE_RECORDS: Final = 200
# A hint that Excel reads and never shows as data; here it counts as a row, as line numbers in an editor do.
_SEP_LINE: Final = re.compile(r'"?sep=(?P<delimiter>[^"\r\n])"?', re.IGNORECASE)
_TEXT_END: Final = b"\x1a"  # programs of the DOS age close a text with it


class DelimitedTable:
    """The records of a delimited file below its header row: a `Table`.

    Making one reads the first records and decides delimiter and header; `batches` then reads the file as often as
    asked and holds one batch. The header row is the first record with content unless `header_row` names another. A
    header that is repeated, absent or broken becomes a finding when the batches are read, and there are none then.
    Records without content are left out; their numbers count. Short records end in nulls. Findings of rows carry the
    row and never its text, which may be about a person.

    Raises `UsageError` for a delimiter that cannot be one, `Unreadable` for a file with nothing but blank lines, for a
    delimiter that cannot be told, for more columns or longer lines than `limits` allow, and from `batches` when the
    file has changed meanwhile.
    """

    def __init__(
        self,
        text: TextFile,
        *,
        delimiter: str | None = None,
        quote: str | None = '"',
        header_row: int | None = None,
        limits: Limits = DEFAULT,
        block_bytes: int = BLOCK,
    ) -> None:
        for sign in (delimiter, quote):
            if sign is not None and (len(sign) != 1 or sign in "\r\n\0"):
                raise UsageError(f"a delimiter or quote is one character, not {sign!r}")
        if delimiter is not None and delimiter == quote:
            raise UsageError(f"{quote!r} cannot be delimiter and quote at once")
        self.source = text.name
        self.sheet: str | None = None
        self.header: tuple[str, ...] = ()
        self.header_row = header_row or 0
        self.findings: list[Finding] = []
        self._text = text
        self._limits = limits
        self._block_bytes = block_bytes
        self._header_faults: list[Finding] = []
        self._records_start = 0  # where the first record below the header begins, in bytes of UTF-8
        self._width = 0  # cells of the first record below the header
        self._columns: list[str] = []

        lines = self._sample()
        hint = _SEP_LINE.fullmatch(lines[0].rstrip("\r\n")) if lines else None
        self._hint_rows = 1 if hint else 0
        if delimiter is None:
            delimiter = hint["delimiter"] if hint else self._likeliest_delimiter(lines, quote)
        self.dialect = Dialect(delimiter, quote)
        self._find_header()

    @property
    def evidence(self) -> dict[str, str | int]:
        """What was recognised, for people to read."""
        found: dict[str, str | int] = {"delimiter": self.dialect.delimiter, "header_row": self.header_row}
        return found if self.dialect.quote == '"' else {**found, "quote": self.dialect.quote or ""}

    def batches(self, only: Sequence[int] | None = None, *, glance: bool = False) -> Iterator[pl.DataFrame]:
        """The records in order, from the start: `row` and the columns "1", "2", ... as `Table` says.

        With `only` these columns alone, records without content in them included. A `glance` at them is quicker and
        leaves it to a later reading to find records that are too long beside others that are too short.
        """
        self.findings[:] = self._header_faults
        if self._header_faults:
            return
        if only is not None:
            yield from self._side_by_side(only, glance=glance)
            return
        row, rest, size = self.header_row, b"", 0
        gathered: list[pl.DataFrame] = []
        for block, final in self._blocks(self._records_start, self._block_bytes):
            data = rest + block
            end = len(data) if final else last_record_end(data, self.dialect)
            quick = self._quick(data, end, row, final=final)
            frame, records, rest = quick or self._careful(data, row, final=final)
            row += records
            size += len(data) - len(rest)
            self._check_line(rest)
            if frame.height:
                gathered.append(frame)
            if gathered and (final or size >= BATCH):
                yield pl.concat(gathered)
                gathered, size = [], 0

    def _side_by_side(self, only: Sequence[int], *, glance: bool) -> Iterator[pl.DataFrame]:
        """Some columns of all records, blocks read by threads beside one another while their cuts hold.

        Where the last record of a block ends is guessed by its quotes. A block that is not proven is read record by
        record, and where that ends elsewhere, the blocks behind it are cut anew.
        """
        row = self.header_row
        blocks = self._blocks(self._records_start, self._block_bytes)
        waiting: deque[tuple[bytes, bool, bytes, Future[tuple[pl.DataFrame, int, bytes] | None]]] = deque()
        rest = b""
        with ThreadPoolExecutor(AHEAD, thread_name_prefix="blocks") as readers:

            def cut(block: bytes, before: bytes, *, final: bool) -> bytes:
                data = before + block
                end = len(data) if final else last_record_end(data, self.dialect)
                read = readers.submit(self._quick, data, end, 0, only, glance=glance, final=final)
                waiting.append((block, final, data, read))
                return data[end:]

            more = True
            while more or waiting:
                while more and len(waiting) <= AHEAD:
                    # There is always a last block.
                    block, final = next(blocks)
                    more = not final
                    rest = cut(block, rest, final=final)
                _, final, data, coming = waiting.popleft()
                read, before = coming.result(), row
                if read is None:
                    read, before = self._careful(data, row, final=final), 0
                    behind = [(block, last) for block, last, _, _ in waiting]
                    waiting.clear()
                    rest = read[2]
                    for block, last in behind:
                        rest = cut(block, rest, final=last)
                frame, records, left = read
                self._check_line(left)
                if frame.height:
                    yield frame.select(pl.col("row") + before, *map(str, only))
                row += records

    def grid(self, limit_rows: int) -> Sheet:
        """The whole file as a grid, for forms that are laid out on it; a broken record is a finding and a blank row.

        Raises `Unreadable` for more than `limit_rows` records or more cells than `limits` allow.
        """
        self.findings.clear()
        rows: list[list[str]] = []
        cells = 0
        for row, record, _ in self._records():
            if row > limit_rows:
                raise self._refused("file.too_large", what="rows", limit=limit_rows)
            cells += len(record.cells)
            if cells > self._limits.sheet_cells:
                raise self._refused("file.too_large", what="sheet_cells", limit=self._limits.sheet_cells)
            if record.fault:
                self.findings.append(self._broken(row, record.fault))
            rows.append([] if row <= self._hint_rows else [cell if cell.strip() else "" for cell in record.cells])
        return Sheet(source=self.source, sheet=None, rows=rows)

    def holds(self, pattern: re.Pattern[bytes]) -> bool:
        """Whether anything in the file looks like this, also in records that cannot be read."""
        before = b""
        for block, _ in self._blocks(0, self._block_bytes):
            if pattern.search(before + block):
                return True
            before = block[-_ACROSS:]
        return False

    # reading

    def _blocks(self, skip: int, size: int) -> Iterator[tuple[bytes, bool]]:
        """Blocks of the text as UTF-8, each with whether it is the last; there is always a last one."""
        last = b""
        for block in self._text.blocks(size, skip):
            if last:
                yield last, False
            last = block
        yield last.rstrip(_TEXT_END), True

    def _records(self) -> Iterator[tuple[int, Record, int]]:
        """Every record from the start of the file, with its row and the byte of the UTF-8 where the next one begins."""
        row, rest, end = 0, b"", 0
        for block, final in self._blocks(0, _SAMPLE):
            lines, tail = whole_lines(rest + block, final=final)
            used = 0
            for record in scan(lines, self.dialect, final=final):
                row += 1
                end += sum(len(line.encode()) for line in lines[used : record.lines])
                used = record.lines
                yield row, record, end
            rest = "".join(lines[used:]).encode() + tail
            self._check_line(rest)

    def _quick(
        self, data: bytes, cut: int, row: int, only: Sequence[int] | None = None, *, glance: bool = False, final: bool
    ) -> tuple[pl.DataFrame, int, bytes] | None:
        """The frame of a block that is proven rectangular, how many records it holds, and the bytes left over.

        `cut` is where its last whole record ends.
        """
        # Blank lines at the end hold no record and number none, but would spoil the proof.
        block = data.rstrip(b"\r\n") + b"\n" if final else data[:cut]
        # Cells behind the header are seen by reading all of them only.
        whole = only is None or max(only, default=0) > self._width or self._width > len(self.header)
        seen = None if whole else only
        frame = rectangle(block, self._width, self.dialect, seen if glance else None)
        if frame is None:
            return None
        if seen is not None:
            frame = frame.select(map(str, seen))
        cells = frame.columns
        numbers = pl.int_range(row + 1, row + 1 + pl.len(), dtype=pl.UInt32).alias("row")
        # Where no cell can hold space alone, blank ones are null as Polars has read them.
        clean = not may_hold_space(block) and (self.dialect.quote or "\n\n").encode() not in block
        frame = (frame if clean else without_blanks(frame)).select(numbers, *cells)
        if seen is not None:
            return frame, frame.height, data[cut:]
        extra = cells[len(self.header) :]
        if extra and frame.select(has_content(extra).any()).item():
            return None
        missing = [pl.lit(None, pl.String).alias(column) for column in self._columns[len(cells) :]]
        shaped = frame.drop(extra).with_columns(missing).filter(has_content(self._columns))
        return shaped, frame.height, data[cut:]

    def _careful(self, data: bytes, row: int, *, final: bool) -> tuple[pl.DataFrame, int, bytes]:
        """The same for any block, record by record, with a finding for each that has no certain reading."""
        width = len(self.header)
        lines, tail = whole_lines(data, final=final)
        nul = b"\0" in data
        start, used = row, 0
        numbers: list[int] = []
        rows: list[list[str]] = []
        frames: list[pl.DataFrame] = []
        for record in scan(lines, self.dialect, width=width, final=final):
            row += 1
            used = record.lines
            cells = record.cells
            if record.fault:
                self.findings.append(self._broken(row, record.fault))
            elif nul and any("\0" in cell for cell in cells):
                self.findings.append(Finding("row.nul", self.source, row=row))
            elif len(cells) > width and any(cell.strip() for cell in cells[width:]):
                got = max(place for place, cell in enumerate(cells, 1) if cell.strip())
                self.findings.append(Finding("row.extra_cells", self.source, row=row, arguments=_counts(width, got)))
            elif cells:
                numbers.append(row)
                rows.append([*cells[:width], *itertools.repeat("", width - len(cells))])
                if len(rows) == _CHUNK:
                    frames.append(self._frame(numbers, rows))
                    numbers, rows = [], []
        frames.append(self._frame(numbers, rows))
        frame = pl.concat(frames).with_columns(blank_as_null(self._columns)).filter(has_content(self._columns))
        return frame, row - start, "".join(lines[used:]).encode() + tail

    def _frame(self, numbers: list[int], rows: list[list[str]]) -> pl.DataFrame:
        columns = zip(*rows, strict=True) if rows else itertools.repeat((), len(self._columns))
        texts = [pl.Series(name, cells, pl.String) for name, cells in zip(self._columns, columns, strict=True)]
        return pl.DataFrame([pl.Series("row", numbers, pl.UInt32), *texts])

    # evidence

    def _sample(self) -> list[str]:
        """The first whole lines of the file, or the beginning of a line that is very long."""
        block, final = next(self._blocks(0, _SAMPLE))
        lines, tail = whole_lines(block, final=final)
        return lines or [tail.decode(errors="ignore")]

    def _likeliest_delimiter(self, lines: Sequence[str], quote: str | None) -> str:
        """The delimiter that cuts all the first records into the same number of cells.

        Where none does: one that cuts the very first record, then the one that most records agree on, then the one
        that makes more cells.
        """
        shapes: dict[str, tuple[bool, bool, int, int]] = {}
        for delimiter in DELIMITERS:
            records = scan(lines, Dialect(delimiter, quote), final=False)
            start = max(self.header_row - 1, 0)
            seen = [
                record
                for record in itertools.islice(records, start, start + _SAMPLE_RECORDS)
                if record.fault or any(cell.strip() for cell in record.cells)
            ]
            widths = Counter(len(record.cells) for record in seen if len(record.cells) > 1)
            if widths:
                width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
                shapes[delimiter] = (count == len(seen), len(seen[0].cells) > 1, count, width)
        best = [delimiter for delimiter, shape in shapes.items() if shape == max(shapes.values())]
        if len(best) > 1:
            raise self._refused("delimiter.undecided", candidates=best)
        return best[0] if best else ","  # a table of one column

    def _find_header(self) -> None:
        wanted, self.header_row = self.header_row, 0
        for row, record, end in self._records():
            if self.header_row:
                if not record.fault and any(cell.strip() for cell in record.cells):
                    self._width = len(record.cells)
                    return
            elif row > self._hint_rows and row >= wanted:
                if record.fault:
                    self.header_row = row
                    self._header_faults.append(self._broken(row, record.fault))
                    return
                if any(cell.strip() for cell in record.cells):
                    self._take_header(row, record.cells)
                    self._records_start = end
                elif wanted:
                    break
        self._width = len(self.header)
        if not self.header_row:
            if not wanted:
                raise self._refused("file.empty")
            self.header_row = wanted
            self._header_faults.append(Finding("header.not_found", self.source, row=wanted))

    def _take_header(self, row: int, cells: list[str]) -> None:
        if len(cells) > self._limits.columns:
            raise self._refused("file.too_large", what="columns", limit=self._limits.columns)
        self.header_row = row
        self.header = tuple(cell if cell.strip() else "" for cell in cells)
        self._columns = [str(number) for number in range(1, len(cells) + 1)]
        places: dict[str, list[int]] = {}
        for place, cell in enumerate(cells, 1):
            places.setdefault(cell.strip(), []).append(place)
        self._header_faults.extend(
            Finding("header.repeated", self.source, None, row, columns[1], name, {"columns": columns})
            for name, columns in places.items()
            if name and len(columns) > 1
        )

    # findings

    def _check_line(self, rest: bytes) -> None:
        if len(rest) > self._limits.line_bytes:
            raise self._refused("file.too_large", what="line_bytes", limit=self._limits.line_bytes)

    def _broken(self, row: int, fault: str) -> Finding:
        if fault == "cell_too_long":
            return Finding("row.cell_too_long", self.source, row=row, arguments={"limit": LONGEST_CELL})
        return Finding("row.quote", self.source, row=row, arguments={"reason": fault})

    def _refused(self, code: str, **arguments: Any) -> Unreadable:
        return Unreadable(Finding(code, self.source, arguments=arguments))


@functools.lru_cache(maxsize=256)
def _counts(expected: int, got: int) -> dict[str, int]:
    # One object for many findings: a file with a shifted column has one a row.
    return {"expected": expected, "got": got}
