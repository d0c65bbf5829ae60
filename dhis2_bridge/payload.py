"""Data values as DHIS2 takes them: JSON chunks of whole reports, the same bytes for the same values.

A chunk holds one data set and whole reports (org unit, period, attribute option combo), sorted. Every value is sent as
a string with its own period, org unit and both combos, which is what the engines before and after 2.43 read alike.
"""

import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from dhis2_bridge.values import escaped

DEFAULT_SIZE: Final = 10_000
"""Values in a chunk. A first insert on 2.43 was seen to take 30 s a thousand values: larger chunks time out."""

GZIP_LEVEL: Final = 6

_REPORT: Final = ("data_set", "org_unit", "period", "attribute_option_combo")
_ORDER: Final = (*_REPORT, "data_element", "category_option_combo")

_FIELDS: Final = {
    "dataElement": "data_element",
    "period": "period",
    "orgUnit": "org_unit",
    "categoryOptionCombo": "category_option_combo",
    "attributeOptionCombo": "attribute_option_combo",
    "value": "value",
}


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
        packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 31)
        return packer.compress(self.body) + packer.flush()


def arrange(values: pl.DataFrame, size: int = DEFAULT_SIZE) -> pl.DataFrame:
    """The values in the order of the payload with `chunk` and `position` filled; refused ones last, without them.

    A chunk holds at most `size` values, but a report is never parted: one larger than `size` has a chunk of its own.
    """
    good = values.filter(pl.col("refused").is_null())
    good = good.sort([pl.col(name).cast(pl.String) for name in _ORDER], maintain_order=True)
    starts = good.select(pl.struct(_REPORT).rle_id().alias("report"), "data_set")
    reports = starts.group_by("report", maintain_order=True).agg(pl.len().alias("values"), pl.col("data_set").first())
    chunks: list[int] = []
    chunk, held, data_set = 0, 0, None
    for _, count, of in reports.iter_rows():
        if chunk == 0 or of != data_set or held + count > size:
            chunk, held, data_set = chunk + 1, 0, of
        held += count
        chunks.append(chunk)
    numbers = pl.Series("chunk", chunks, dtype=pl.UInt32).gather(starts["report"])
    good = good.with_columns(numbers).with_columns(
        pl.int_range(pl.len(), dtype=pl.UInt32).over("chunk").alias("position")
    )
    return pl.concat([good.select(values.columns), values.filter(pl.col("refused").is_not_null())])


def chunks(arranged: pl.DataFrame) -> Iterator[Chunk]:
    """The bodies of arranged values, one after the other."""
    good = arranged.filter(pl.col("chunk").is_not_null())
    for part in good.partition_by("chunk", maintain_order=True):
        yield Chunk(int(part["chunk"][0]), part.height, body(part))


def body(values: pl.DataFrame) -> bytes:
    """The JSON of one data value set: the values of one data set, in their order."""
    pieces: list[pl.Expr] = []
    for name, column in _FIELDS.items():
        text = pl.col(column) if column == "value" else pl.col(column).cast(pl.String)
        before = ('{"' if not pieces else '","') + name + '":"'
        pieces += [pl.lit(before), escaped(text) if column == "value" else text]
    comment = pl.concat_str([pl.lit('","comment":"'), escaped(pl.col("comment"))]).fill_null("")
    written = values.select(pl.concat_str([*pieces, comment, pl.lit('"}')])).to_series()
    data_set = json.dumps(values["data_set"][0])
    return f'{{"dataSet":{data_set},"dataValues":['.encode() + ",".join(written).encode() + b"]}"
