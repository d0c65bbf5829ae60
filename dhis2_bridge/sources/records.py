"""The records of delimited text: by Polars where a block is proven rectangular, else by the standard library.

A record is what a spreadsheet shows as one row. A quote opens a quoted cell only at the start of a cell, is doubled
within one, and is a letter like any other elsewhere: `OOO "Shifo",5` has the cell `OOO "Shifo"`.
"""

import csv
import functools
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

if TYPE_CHECKING:
    from _csv import Reader

LONGEST_CELL: Final = 131_072
"""Characters in one cell; the limit that Python's `csv` module has by default. A quote left open ends here at last."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The delimiter and the quote character of a text; no quote character means that a quote is a letter."""

    delimiter: str
    quote: str | None = '"'

    def reader(self, lines: Iterator[str], *, strict: bool) -> "Reader":
        """The standard library's reader of this dialect."""
        if self.quote is None:
            return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE, quotechar=None, strict=strict)
        return csv.reader(lines, delimiter=self.delimiter, quotechar=self.quote, strict=strict)


_SPACES: Final = (b" ", b"\t", b"\v", b"\f", b"\x1c", b"\x1d", b"\x1e", b"\x1f")


class Record(NamedTuple):
    """One record: its cells, or the fault for which it has none; and how many lines were used up to its end."""

    cells: list[str]
    lines: int
    fault: str = ""


def whole_lines(block: bytes, *, final: bool = True) -> tuple[list[str], bytes]:
    """The lines of a block of UTF-8 with their ends (LF, CR LF, the CR of old Macs, also mixed), and what is left."""
    # A CR at the very end may be half of a CR LF.
    cut = len(block) if final else max(block.rfind(b"\n"), block.rfind(b"\r", 0, max(len(block) - 1, 0))) + 1
    return list(io.StringIO(block[:cut].decode(), newline="")), block[cut:]


def scan(lines: Sequence[str], dialect: Dialect, *, width: int = 0, final: bool = True) -> Iterator[Record]:
    """The records of some lines, one by one; a broken one is its first line, and reading goes on with the next.

    Faults are `unclosed`, `text_after_quote` and `cell_too_long`. `width` is the number of cells that records should
    have, where it is known: a record of several lines, each of which would be a whole record if its quotes were
    letters, is two stray quotes far apart and not a long cell, so it is `unclosed`. Without `final` a last record
    that more lines could complete is not given.
    """
    at = 0
    while at < len(lines):
        start = base = at
        reader = dialect.reader(map(lines.__getitem__, range(at, len(lines))), strict=True)
        fault = ""
        try:
            for cells in reader:
                start, at = at, base + reader.line_num
                if at - start > 1 and _may_be_several_records(cells, lines[start:at], dialect, width):
                    at, fault = start, "unclosed"
                    break
                yield Record(cells, at)
        except csv.Error as error:
            if not final and base + reader.line_num == len(lines):
                return
            fault = _fault(str(error), lines[at])
        if fault:
            at += 1
            yield Record([], at, fault)


def _may_be_several_records(cells: Sequence[str], lines: Sequence[str], dialect: Dialect, width: int) -> bool:
    # Two stray quotes in one column take in the cells between them. With two columns this would refuse too many honest
    # remarks: "first line\nsecond line, with a comma".
    return (
        width > 2
        and all(line.count(dialect.delimiter) == width - 1 for line in lines)
        and any(dialect.delimiter in cell for cell in cells if "\n" in cell or "\r" in cell)
    )


def _fault(message: str, first_line: str) -> str:
    # The module has no error codes; these two phrases are in its source since Python 2.5.
    if "field limit" in message and len(first_line) > LONGEST_CELL:
        return "cell_too_long"
    return "text_after_quote" if "expected after" in message else "unclosed"


def last_record_end(block: bytes, dialect: Dialect) -> int:
    """Where the last whole record of a block ends, told by the number of quotes before each line end.

    A guess where the text has stray quotes: `rectangle` proves what was cut.
    """
    quote = (dialect.quote or "").encode()
    if not quote or quote not in block:
        return block.rfind(b"\n") + 1
    before, end = block.count(quote), len(block)
    while (at := block.rfind(b"\n", 0, end)) >= 0:
        before -= block.count(quote, at, end)
        if before % 2 == 0:
            return at + 1
        end = at
    return 0


def rectangle(block: bytes, width: int, dialect: Dialect, only: Sequence[int] | None = None) -> pl.DataFrame | None:
    """The cells of a block of whole records as columns "1" to `width`, or nothing where that is not proven safe.

    Polars' reader is quick and forgives what it should not: it skips, renames and shifts where records differ in
    shape. So it is proven that the block is nothing but records of `width` cells: without quotes by the number of
    delimiters, with them by a regular expression; and the number of records is counted apart. Blank cells come as null
    or as "".
    With `only` the other columns are left out, which is quicker and proves less: records that are too long go unseen
    where others are too short by as much.
    """
    if not f"{dialect.delimiter}{dialect.quote or ''}".isascii():  # one byte each is all that Polars can take
        return None
    if block.startswith(b"\xef\xbb\xbf"):  # Polars would drop it; within a file it is part of a cell
        return None
    try:
        text = None
        proof = _COUNTED if _is_bare(block, dialect) else None
        if proof is None:
            text = pl.Series([block], dtype=pl.Binary).cast(pl.String)
            proof = next((proof for proof in _proofs(width, dialect) if text.str.contains(proof.pattern)[0]), None)
            if proof is None:
                return None
        frame = pl.read_csv(
            block,
            has_header=False,
            separator=dialect.delimiter,
            quote_char=proof.quote,
            schema={str(number + 1): pl.String for number in range(width)},
            columns=None if only is None else [number - 1 for number in only],
        )
    except pl.exceptions.PolarsError:  # a block that Polars refuses, or more columns than its expressions can hold
        return None
    sizes = frame.select(pl.all().str.len_bytes())
    if max(filter(None, sizes.max().row(0)), default=0) > LONGEST_CELL:
        return None
    lines = block.count(b"\n")
    if proof is _COUNTED:
        # As many delimiters as records of this width have. A short record would then need a long one beside it, and
        # for that one Polars refuses the block, where it reads all columns. What is no part of a cell is a delimiter
        # or a line end.
        if only:
            delimiters = block.count(dialect.delimiter.encode())
        else:
            delimiters = len(block) - sum(filter(None, sizes.sum().row(0))) - lines - block.count(b"\r")
        if delimiters != (width - 1) * lines:
            return None
    if proof.long_cells and text is not None:
        return frame if _long_cells_are_certain(text, frame, dialect) else None
    return frame if frame.height == lines else None


@dataclass(frozen=True, slots=True)
class _Proof:
    """A regular expression for nothing but records of one width, and the quote character to read them with."""

    pattern: str
    quote: str | None
    long_cells: bool = False


_COUNTED: Final = _Proof("", None)


def _is_bare(block: bytes, dialect: Dialect) -> bool:
    """Whether a block has neither quotes nor NULs, and CR only before LF and then at every line."""
    if (dialect.quote is not None and dialect.quote.encode() in block) or b"\0" in block:
        return False
    if b"\r" not in block:
        return True
    lines = block.count(b"\n")
    return block.count(b"\r") == lines and block.count(b"\r\n") == lines


@functools.lru_cache(maxsize=16)
def _proofs(width: int, dialect: Dialect) -> list[_Proof]:
    """What may be true of a block, the commonest first; none lets a NUL or a lone CR stand outside quotes."""
    delimiter, quote = re.escape(dialect.delimiter), re.escape(dialect.quote or "")

    def records(cell: str) -> str:
        return rf"\A(?:{cell}(?:{delimiter}{cell}){{{width - 1}}}\r?\n)*\z"

    if dialect.quote is None:
        return [_Proof(records(rf"[^{delimiter}\r\n\x00]*"), None)]
    plain = rf"[^{quote}{delimiter}\r\n\x00]*"
    return [
        # a cell is quoted whole or has no quote
        _Proof(records(rf"(?:{quote}(?:[^{quote}\r\n\x00]|{quote}{quote})*{quote}|{plain})"), dialect.quote),
        # no cell begins with a quote: all quotes are letters
        _Proof(records(rf"(?:[^{quote}{delimiter}\r\n\x00][^{delimiter}\r\n\x00]*)?"), None),
        # as the first, with line breaks in quoted cells
        _Proof(records(rf"(?:{quote}(?:[^{quote}\x00]|{quote}{quote})*{quote}|{plain})"), dialect.quote, True),
    ]


def _long_cells_are_certain(text: pl.Series, frame: pl.DataFrame, dialect: Dialect) -> bool:
    """Whether records of several lines were cut right and none may be several records (`_may_be_several_records`)."""
    quote = re.escape(dialect.quote or "")
    outside = text.str.replace_all(f"{quote}[^{quote}]*{quote}", "").str.count_matches("\n", literal=True)[0]
    doubtful = pl.all().str.contains("[\r\n]") & pl.all().str.contains(dialect.delimiter, literal=True)
    return frame.height == outside and not frame.select(pl.any_horizontal(doubtful.any())).item()


def may_hold_space(block: bytes) -> bool:
    """Whether a block may hold a cell of nothing but space: any space at all, or letters beyond ASCII."""
    return not block.isascii() or any(mark in block for mark in _SPACES)


def without_blanks(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame of texts with null where a cell is empty or holds nothing but space.

    A column without a cell that begins as only such a cell can (with what sorts below the letters and digits, or
    beyond ASCII) is as it was; to see that costs a quarter.
    """
    doubt = frame.select(((pl.all() < "!") | (pl.all() > "\x7f")).any()).row(0)
    columns = [name for name, doubtful in zip(frame.columns, doubt, strict=True) if doubtful]
    return frame.with_columns(blank_as_null(columns)) if columns else frame


def blank_as_null(columns: Sequence[str]) -> pl.Expr:
    """These columns with null where a cell is empty or holds nothing but space; other texts stay as they are."""
    return pl.when(pl.col(columns).str.strip_chars() != "").then(pl.col(columns))


def has_content(columns: Sequence[str]) -> pl.Expr:
    """Whether a record has any cell that is not null."""
    return pl.any_horizontal(pl.col(columns).is_not_null())
