"""The shapes that travel through the walk: sheets and tables of text with places, and data values.

Every source cell is text until a rule says otherwise; a blank cell and an empty text are one thing. `source` is the
file as the user named it, `sheet` null outside workbooks, `row` the row or record number that a spreadsheet shows,
`column` counted from 1.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import polars as pl

from dhis2_bridge.findings import Finding

PLACE_SCHEMA: Final = pl.Schema(
    {"source": pl.Categorical(), "sheet": pl.Categorical(), "row": pl.UInt32(), "column": pl.UInt16()}
)

VALUES_SCHEMA: Final = pl.Schema(
    {
        **PLACE_SCHEMA,
        "data_set": pl.Categorical(),
        "data_element": pl.Categorical(),
        "period": pl.Categorical(),
        "org_unit": pl.Categorical(),
        "category_option_combo": pl.Categorical(),
        "attribute_option_combo": pl.Categorical(),
        "value": pl.String(),
        "comment": pl.String(),
        "found": pl.String(),
        "rule": pl.UInt32(),
        "crosswalk_row": pl.UInt32(),
        "refused": pl.Categorical(),
        "chunk": pl.UInt32(),
        "position": pl.UInt32(),
    }
)
"""Columns of a frame of data values.

Identifiers are UIDs of the snapshot, `period` the canonical ISO form, `value` and `comment` as they are sent; `found`
is the text as it stood in the cell; `rule` the line of the mapping file that made the value and `crosswalk_row` the
row of its data element in the crosswalk, where there is one. `refused` is the code of the finding that keeps the value
from being sent, null for a good one; identifiers that could not be resolved are null in a refused row. `chunk` (from 1)
and `position` (from 0) say where the value stands in the payload; both are null for a value that is left out.
"""

CELLS_SCHEMA: Final = pl.Schema(
    {
        **{name: dtype for name, dtype in VALUES_SCHEMA.items() if name not in {"chunk", "position"}},
        "report": pl.UInt64(),
        "cell": pl.UInt64(),
        "parts": pl.List(pl.String()),
        "strict": pl.Boolean(),
        "cumulative": pl.Boolean(),
    }
)
"""Columns of cells on their way to data values.

`report` is one number for data set, org unit, period and attribute option combo, `cell` one for data element and
category option combo: they order the payload and find what is repeated. Both follow the snapshot's order, so they are
the same in every run; they are null where an identifier is missing. `parts` makes the cell a total: it is the sum of
the data values of these category option combos, and `value` its number; `strict` says that a difference refuses them.
`cumulative` says that the value counts from the start of the year.
"""

KEY: Final = ("data_element", "org_unit", "period", "category_option_combo", "attribute_option_combo")
"""What makes two data values one cell of DHIS2."""


def empty_values() -> pl.DataFrame:
    """A frame of data values without rows."""
    return pl.DataFrame(schema=VALUES_SCHEMA)


def in_order(key: pl.DataFrame) -> bool:
    """Whether cells are in the order of a payload, by `report` and then `cell`."""
    report, cell = pl.col("report"), pl.col("cell")
    before = (report > report.shift(1)) | ((report == report.shift(1)) & (cell >= cell.shift(1)))
    return bool(key.select(before.slice(1).all()).item())


def places(numbers: pl.Series, distinct: pl.Series) -> pl.Series:
    """Where each number stands in the sorted distinct ones: by a table where they are small, else by search."""
    largest = distinct.max()
    if not isinstance(largest, int) or largest > 4_000_000:
        return distinct.search_sorted(numbers)
    table = pl.Series([0], dtype=pl.UInt32).new_from_index(0, largest + 1)
    table = table.scatter(distinct, pl.int_range(0, len(distinct), dtype=pl.UInt32, eager=True))
    return table.gather(numbers)


def spread(refused: list[pl.DataFrame], height: int) -> pl.Series:
    """A column `refused` of this height from frames of `index` and `refused`; the first frame that has a row counts."""
    nothing = pl.Series("refused", [None], dtype=pl.String).new_from_index(0, height)
    if not refused:
        return nothing
    first = pl.concat(refused).unique("index", keep="first")
    rows = pl.DataFrame({"index": pl.int_range(0, height, dtype=pl.UInt32, eager=True)})
    return rows.join(first, on="index", how="left", maintain_order="left")["refused"]


def escaped(texts: pl.Series) -> pl.Series:
    """Texts as the inside of JSON strings; those that need an escape are rare and are written one by one."""
    # One search of all texts in a row costs a tenth of a search of each.
    if not texts.str.join().str.contains(_TO_ESCAPE).any():
        return texts
    text = pl.col("text")
    escape = text.map_elements(_escape, return_dtype=pl.String)
    made = texts.to_frame("text").select(pl.when(text.str.contains(_TO_ESCAPE)).then(escape).otherwise(text))
    return made.to_series().alias(texts.name)


_TO_ESCAPE: Final = r'[\x00-\x1f"\\]'


def _escape(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def plain(number: float) -> str:
    """A sum or difference in plain notation, without the noise of adding."""
    return format(round(number, 9), ".15g")


def address(row: int, column: int) -> str:
    """A cell as spreadsheets name it: row 12 and column 4 are D12."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{letters}{row}"


@dataclass(slots=True)
class Sheet:
    """One sheet of a workbook, or one delimited file read whole, as a grid of text.

    `rows[i][j]` is the cell at row `first_row + i`, column `1 + j`, "" where blank; rows may be shorter than others.
    `merged` holds (first row, first column, last row, last column) of merged ranges, inclusive, as a spreadsheet
    counts; only the first cell of a range holds its text. `dates` are the cells that the file format types as dates;
    their text is ISO (`2024-02-29` or `2024-02-29T10:30:00`). `faults` are cells whose content cannot be known (an
    error cell, a formula without a stored result); they are blank in `rows` and become a finding only when something
    reads them. `notes` are cells that were read by a rule worth telling (float noise, digits kept by a number format),
    with a finding each that is shown only when the cell is used. A fault or a note already names its place. `numbers`
    are the cells that the file types as numbers, where the caller asked for them.
    """

    source: str
    sheet: str | None
    rows: list[list[str]]
    first_row: int = 1
    visible: bool = True
    merged: tuple[tuple[int, int, int, int], ...] = ()
    dates: frozenset[tuple[int, int]] = frozenset()
    hidden_rows: frozenset[int] = frozenset()
    hidden_columns: frozenset[int] = frozenset()
    faults: Mapping[tuple[int, int], Finding] = field(default_factory=dict)
    notes: Mapping[tuple[int, int], Finding] = field(default_factory=dict)
    numbers: frozenset[tuple[int, int]] = frozenset()


class Table(Protocol):
    """Records below one header row, in batches: a delimited file, a JSON document, NDJSON.

    `header[j]` is the name of column `1 + j`, "" where blank. Each call of `batches` reads from the start and yields
    frames with `row` (UInt32) and the columns "1", "2", ... (String, null where blank), one a header column.
    `findings` holds what reading has found so far; it is complete when the batches have been read to the end.
    """

    source: str
    sheet: str | None
    header: tuple[str, ...]
    header_row: int
    findings: list[Finding]

    @property
    def evidence(self) -> dict[str, str | int]:
        """What was recognised, for people to read."""
        ...

    def batches(self) -> Iterator[pl.DataFrame]:
        """The records, in order, from the start."""
        ...


@dataclass(slots=True)
class Source:
    """One file that was opened: its sheets (a workbook) or its table (anything else), and what reading found.

    `evidence` says what was recognised (encoding, delimiter, decimal mark, ...), for people to read. `sha256` is of
    the bytes as they came, `size` their number. `keeps_numbers` says that sheets tell which cells are numbers.
    """

    name: str
    format: str
    sha256: str
    size: int = 0
    evidence: dict[str, str | int] = field(default_factory=dict)
    keeps_numbers: bool = False
    sheets: list[Sheet] = field(default_factory=list)
    table: Table | None = None
    findings: list[Finding] = field(default_factory=list)
