"""Data values as DHIS2 takes them: JSON chunks of whole reports, the same bytes for the same values.

A chunk holds one data set and whole reports (org unit, period, attribute option combo), sorted. Every value is sent as
a string with its own period, org unit and both combos, which is what the engines before and after 2.43 read alike.
"""

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl
from isal import isal_zlib

from dhis2_bridge.ordering import BY_DATA_SET
from dhis2_bridge.values import escaped, in_order

DEFAULT_SIZE: Final = 10_000
"""Values in a chunk. A first insert on 2.43 was seen to take 30 s a thousand values: larger chunks time out."""

GZIP_LEVEL: Final = 1
"""Of ISA-L: a payload of sorted codes shrinks 18 times, zlib's level 6 makes it 19 and takes fourteen times as long."""

_OF_CELL: Final = {"dataElement": "data_element", "categoryOptionCombo": "category_option_combo"}
_OF_REPORT: Final = {"period": "period", "orgUnit": "org_unit", "attributeOptionCombo": "attribute_option_combo"}


@dataclass(frozen=True, slots=True)
class Chunk:
    """One body to post: its number from 1, how many values it holds, and the JSON."""

    number: int
    values: int
    body: bytes

    @property
    def file(self) -> str:
        """Its file name in a run folder."""
        return f"{self.number:04}.json.gz"

    @property
    def sha256(self) -> str:
        """Hash of the uncompressed body."""
        return hashlib.sha256(self.body).hexdigest()

    def compressed(self) -> bytes:
        """The body as gzip, without a time in it."""
        packer = isal_zlib.compressobj(GZIP_LEVEL, isal_zlib.DEFLATED, 31)
        return packer.compress(self.body) + packer.flush()


def arrange(cells: pl.DataFrame, size: int = DEFAULT_SIZE, after: int = 0) -> pl.DataFrame:
    """The cells in the order of the payload with `chunk` and `position` added; refused ones last, without them.

    `cells` (`values.CELLS_SCHEMA`) are whole reports. A chunk holds at most `size` values, but a report is never
    parted: one larger than `size` has a chunk of its own. Chunks are numbered on from `after`.
    """
    good = in_payload_order(cells.filter(pl.col("refused").is_null()))
    reports = good["report"].rle()
    chunks: list[int] = []
    chunk, held, data_set = after, 0, None
    for count, report in reports.struct.unnest().iter_rows():
        of = report // BY_DATA_SET
        if data_set != of or held + count > size:
            chunk, held, data_set = chunk + 1, 0, of
        held += count
        chunks.append(chunk)
    lengths = reports.struct.field("len")
    number = pl.Series("chunk", chunks, dtype=pl.UInt32).repeat_by(lengths).explode()
    start = pl.int_range(pl.len(), dtype=pl.UInt32)
    good = good.with_columns(number if len(number) == good.height else pl.lit(None, dtype=pl.UInt32).alias("chunk"))
    good = good.with_columns((start - start.min().over("chunk")).alias("position"))
    bad = cells.filter(pl.col("refused").is_not_null())
    left_out = pl.lit(None, dtype=pl.UInt32)
    return pl.concat([good, bad.with_columns(left_out.alias("chunk"), left_out.alias("position"))])


def in_payload_order(cells: pl.DataFrame) -> pl.DataFrame:
    """The cells sorted by report and cell, those of one cell as they came; cells without a report come first."""
    return cells if in_order(cells) else cells.sort("report", "cell", maintain_order=True)


def chunks(arranged: pl.DataFrame) -> Iterator[Chunk]:
    """The bodies of arranged cells, one after the other."""
    good = arranged.filter(pl.col("chunk").is_not_null())
    if good.is_empty():
        return
    lines = _lines(good)
    offset = 0
    for length, number in good["chunk"].rle().struct.unnest().iter_rows():
        part = lines.slice(offset, length)
        data_set = json.dumps(good["data_set"][offset])
        yield Chunk(number, length, f'{{"dataSet":{data_set},"dataValues":['.encode() + _joined(part) + b"]}")
        offset += length


def _lines(values: pl.DataFrame) -> pl.DataFrame:
    """Each value as three pieces of its JSON object, with commas to go between.

    What a cell and what a report say is written once for each and carried to the values.
    """
    value = [pl.lit('"value":"'), escaped(values["value"])]
    if values["comment"].null_count() < values.height:
        value.append(pl.concat_str([pl.lit('","comment":"'), escaped(values["comment"])]).fill_null(""))
    cells = values.select("cell", *_OF_CELL.values()).unique("cell", keep="first")
    reports = values["report"].rle_id()
    first = values.select(_OF_REPORT.values()).filter((reports != reports.shift(1)).fill_null(True))
    return pl.DataFrame(
        [
            values["cell"].replace_strict(cells["cell"], _pieces(cells, _OF_CELL, "{"), return_dtype=pl.String),
            _pieces(first, _OF_REPORT, "").gather(reports).alias("report"),
            values.select(pl.concat_str([*value, pl.lit('"}')]).alias("value")).to_series(),
        ]
    )


def _pieces(distinct: pl.DataFrame, fields: dict[str, str], start: str) -> pl.Series:
    parts = [pl.lit(start)]
    for name, column in fields.items():
        before = f'"{name}":"' if len(parts) == 1 else f',"{name}":"'
        parts += [pl.lit(before), pl.col(column).cast(pl.String), pl.lit('"')]
    return distinct.select(pl.concat_str(parts)).to_series()


def _joined(lines: pl.DataFrame) -> bytes:
    """The lines one after the other, commas between: Polars writes them as CSV that needs no quotes."""
    buffer = io.BytesIO()
    lines.write_csv(buffer, include_header=False, separator=",", line_terminator=",", quote_style="never")
    return buffer.getvalue()[:-1]
