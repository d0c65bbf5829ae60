"""How much of one file is read before it is refused: a guard against mistakes and against files made to do harm."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest input that is read; beyond a limit the file is refused as `file.too_large`.

    `file_bytes` is the size on disk. `document_bytes` is the size of a JSON document, which is held in memory whole
    (NDJSON is not). `archive_bytes` is what the parts of a zipped workbook hold together once unpacked, and
    `archive_ratio` how many times larger than packed they may be; small archives are not judged by the ratio.
    `sheet_cells` counts the cells of the used range of one sheet, `columns` those of one table or sheet (16,384 is
    what a spreadsheet can hold), `line_bytes` one line of a text, `json_depth` objects and lists within each other.
    """

    file_bytes: int = 16 << 30
    document_bytes: int = 512 << 20
    archive_bytes: int = 2 << 30
    archive_ratio: int = 300
    sheet_cells: int = 20_000_000
    columns: int = 16_384
    line_bytes: int = 64 << 20
    json_depth: int = 64


DEFAULT = Limits()
"""The limits that hold where nobody sets others."""
