"""Turns tables that were found into frames of records, one row a body row, for the converter."""

from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from dataclasses import replace
from datetime import date
from itertools import chain
from typing import Final

import polars as pl

from dhis2_bridge import faults, loose, names, periods
from dhis2_bridge.blocks import Block, Header, claimed, dimensions, numbers, value_names
from dhis2_bridge.findings import Finding
from dhis2_bridge.form import Form
from dhis2_bridge.mapping import PLACES, Dimension, MappingTable, ValueColumns
from dhis2_bridge.mapping_fields import cell_place
from dhis2_bridge.values import Sheet, Table

LOOSE_VALUE: Final = "value"
"""Name of the column that holds the value in records of loose cells."""

Rows = list[tuple[int, list[str]]]


def records(blocks: list[Block], table: MappingTable) -> Iterator[tuple[Header, list[Block], pl.DataFrame]]:
    """The body rows of blocks with one header as one frame, for each distinct header.

    Columns: `source`, `sheet`, `header_row`, `row`, `section`, the texts of the columns as "1", "2", ... (null where
    blank), and for each loose text its `=<key>`, `=<key>.row` and `=<key>.column`; loose cells have `=column`, the
    column where each stands, and their header has the value in that column too. A cell merged downwards gives its text
    to every row that it covers, except where the column holds values: one number for two lines would count twice.
    Faults of labels and values stand as `faults` says.
    """
    by_header: dict[Header, list[Block]] = {}
    for block in chain.from_iterable(map(_in_place, blocks)):
        by_header.setdefault(block.header, []).append(block)
    for header, alike in by_header.items():
        read = numbers(header, table, claimed(table) - set(value_names(table)))
        yield header, alike, _frame(header, alike, read)


def _in_place(block: Block) -> Iterator[Block]:
    """A block as it is; one of loose cells as a block for each column of the sheet, with the values in that column."""
    if not block.columns:
        yield block
    for place in sorted(set(block.columns)):
        aside = [""] * (place - 1)
        labels, value = block.header.paths[:-1], block.header.paths[-1]
        cells = [
            (number, [*aside, row[-1], *row[:-1]])
            for (number, row), column in zip(block.rows, block.columns, strict=True)
            if column == place
        ]
        header = Header((*[("",)] * (place - 1), value, *labels))
        yield replace(block, header=header, rows=cells, columns=[place] * len(cells))


def _frame(header: Header, alike: list[Block], read: set[int]) -> pl.DataFrame:
    """One frame of blocks with one header; `read` are the columns that are read for something else than values."""
    width = len(header.paths)
    columns: list[list[str]] = [[] for _ in range(width)]
    counts: list[int] = []
    row_numbers: list[int] = []
    sections: list[str] = []
    cell_columns: list[int] = []
    for block in alike:
        body = _with_faults(block, _filled(block, _as_wide(block.rows, width), read), read)
        for gathered, texts in zip(columns, zip(*(row for _, row in body), strict=True), strict=bool(body)):
            gathered.extend(texts)
        row_numbers.extend(number for number, _ in block.rows)
        sections.extend(block.sections or [""] * len(block.rows))
        cell_columns.extend(block.columns)
        counts.append(len(block.rows))
    repeated = pl.Series([i for i, n in enumerate(counts) for _ in range(n)], dtype=pl.UInt32)
    per_block: dict[str, pl.Series] = {
        "source": pl.Series([b.sheet.source for b in alike], dtype=pl.Categorical),
        "sheet": pl.Series([b.sheet.sheet for b in alike], dtype=pl.Categorical),
        "header_row": pl.Series([b.header_row for b in alike], dtype=pl.UInt32),
    }
    for key in alike[0].loose:
        per_block[f"={key}"] = pl.Series([b.loose[key][0] for b in alike], dtype=pl.String)
        per_block[f"={key}.row"] = pl.Series([b.loose[key][1] for b in alike], dtype=pl.UInt32)
        per_block[f"={key}.column"] = pl.Series([b.loose[key][2] for b in alike], dtype=pl.UInt16)
    data = {name: series.gather(repeated) for name, series in per_block.items()}
    data["row"] = pl.Series(row_numbers, dtype=pl.UInt32)
    data["section"] = pl.Series(sections, dtype=pl.String)
    if cell_columns:
        data["=column"] = pl.Series(cell_columns, dtype=pl.UInt16)
    for number, column in enumerate(columns, start=1):
        data[str(number)] = pl.Series(column, dtype=pl.String)
    text = pl.col([str(number) for number in range(1, width + 1)])
    return pl.DataFrame(data).with_columns(pl.when(text.str.strip_chars() != "").then(text))


def _as_wide(rows: Rows, width: int) -> Rows:
    return [(number, row if len(row) == width else [*row[:width], *[""] * (width - len(row))]) for number, row in rows]


def _filled(block: Block, body: Rows, columns: set[int]) -> Rows:
    """The body with true downward merges in the named columns spread over their rows."""
    spans = [m for m in block.sheet.merged if m[2] > m[0] and m[1] in columns]
    if not spans:
        return body
    position = {number: i for i, (number, _) in enumerate(body)}
    body = [(number, list(row)) for number, row in body]
    for r1, c1, r2, _ in spans:
        if r1 not in position:
            continue
        fault = block.sheet.faults.get((r1, c1))
        text = faults.text_of(fault) if fault is not None else body[position[r1]][1][c1 - 1]
        for number in range(r1 + 1, r2 + 1):
            if number in position and not body[position[number]][1][c1 - 1].strip():
                body[position[number]][1][c1 - 1] = text
    return body


def _with_faults(block: Block, body: Rows, read: set[int]) -> Rows:
    """The body with faults where labels and values stand; what is read for another purpose stays blank."""
    # The columns of loose cells are those of a list, not of the sheet.
    if not block.sheet.faults or block.columns:
        return body
    position = {number: i for i, (number, _) in enumerate(body)}
    body = list(body)
    for (row, column), fault in block.sheet.faults.items():
        if row in position and column <= len(block.header.paths) and (column in block.labels or column not in read):
            number, cells = body[position[row]]
            body[position[row]] = (number, [*cells[: column - 1], faults.text_of(fault), *cells[column:]])
    return body


def as_records(batch: pl.DataFrame, source: Table, table: MappingTable, given: MappingType[str, str]) -> pl.DataFrame:
    """A batch of a table as the records that `records` describes."""
    standing_texts = {
        f"={key}": text
        for key, dimension in dimensions(table)
        if (text := loose.standing(dimension, key, source.source, source.sheet, given)) is not None
    }
    return batch.with_columns(
        pl.lit(source.source, dtype=pl.String).cast(pl.Categorical).alias("source"),
        pl.lit(source.sheet, dtype=pl.String).cast(pl.Categorical).alias("sheet"),
        pl.lit(source.header_row, dtype=pl.UInt32).alias("header_row"),
        pl.lit("").alias("section"),
        *(pl.lit(text).alias(key) for key, text in standing_texts.items()),
    )


def read_dates(block: Block, table: MappingTable, columns: MappingType[str, list[int]]) -> None:
    """Turns cells that the file format types as dates into the period that holds them, where they name the period.

    Only where the mapping declares no date pattern: a declared one reads the ISO text itself. The sheet stays as it is.
    """
    period = table.period
    dates = block.sheet.dates
    if not dates or period is None or period.date is not None:
        return

    def read(text: str, row: int, column: int) -> str:
        if (row, column) not in dates:
            return text
        return periods.containing(period.type, date.fromisoformat(text[:10])).iso

    named = {number for name in period.label_columns() for number in columns.get(name, ())}
    if named:
        block.rows = [
            (row, [read(text, row, n) if n in named else text for n, text in enumerate(cells, start=1)])
            for row, cells in block.rows
        ]
    for key, (text, at_row, at_column) in block.loose.items():
        if key.partition(".")[0] == "period" and at_row is not None and at_column is not None:
            block.loose[key] = (read(text, at_row, at_column), at_row, at_column)
    if period.header is not None:
        level = period.header - 1
        row = block.header_row + level
        block.header = Header(
            tuple(
                (*path[:level], read(path[level], row, column), *path[level + 1 :]) if level < len(path) else path
                for column, path in enumerate(block.header.paths, start=1)
            )
        )


def texts_of(alike: list[Block], key: str, column: int | None) -> Iterator[str]:
    """The texts of a dimension in blocks of one header: those of its column, or its loose text."""
    for block in alike:
        if column is None:
            yield block.loose.get(key, ("", None, None))[0]
        else:
            yield from (cells[column - 1] for _, cells in block.rows if column <= len(cells))


def cell_findings(block: Block, columns: set[int], values: set[int]) -> Iterator[Finding]:
    """Notes of the cells that the mapping reads, and faults of those that are neither labels nor values.

    `columns` are the columns that are read for something else than values, `values` those of values. Faults of labels
    and values are told by whoever reads them, with the values that they keep back.
    """
    sheet = block.sheet
    if not sheet.faults and not sheet.notes:
        return
    rows = {row for row, _ in block.rows}
    cells = set(zip((row for row, _ in block.rows), block.columns, strict=True)) if block.columns else None
    loose_cells = {(row, column) for _, row, column in block.loose.values()}
    levels = len(block.header.paths[0]) if block.header.paths else 0
    header = range(block.header_row, block.header_row + levels)
    for (row, column), note in sheet.notes.items():
        in_body = (row, column) in cells if cells is not None else row in rows and column in columns | values
        if in_body or (row in header and cells is None and column in columns | values) or (row, column) in loose_cells:
            yield note
    for (row, column), fault in sheet.faults.items():
        told_later = column in block.labels or column in values
        in_header = row in header and column in columns | values
        if cells is None and (in_header or (row in rows and column in columns and not told_later)):
            yield fault


def loose_block(sheet: Sheet, table: MappingTable, given: MappingType[str, str]) -> Block:
    """The cells that `loose_cells` lists for a sheet, as records: one a cell, its labels from the list.

    The header is that of the list with `value` behind it.
    """
    listed = table.loose_cells_table()
    names_of = tuple(name for name in listed.columns if name not in {"sheet", "cell"}) if listed else ()
    header = Header(tuple((name,) for name in (*names_of, LOOSE_VALUE)))
    rows: Rows = []
    columns: list[int] = []
    for entry in listed.rows if listed else ():
        if not names.globs([entry["sheet"] or "*"])(sheet.sheet or ""):
            continue
        row, column = cell_place(entry["cell"])
        fault = sheet.faults.get((row, column))
        text = faults.text_of(fault) if fault is not None else loose.text_at(sheet, row, column)
        rows.append((row, [*(entry[name] for name in names_of), text]))
        columns.append(column)
    texts, _ = loose.texts(sheet, Form(table), given, range(len(sheet.rows)))
    return Block(sheet, header, sheet.first_row, rows, texts, columns=columns)


def loose_table(table: MappingTable) -> MappingTable:
    """The mapping of loose cells as one of records: what the list has a column for stands in that column."""
    listed = table.loose_cells_table()
    columns = set(listed.columns) - {"sheet", "cell"} if listed else set()
    options = {name: Dimension(column=name) for name in columns - {"data_element", "org_unit", "period"}}
    update: dict[str, object] = {"value": ValueColumns(column=LOOSE_VALUE), "loose_cells": None}
    update["category_options"] = {**table.category_options, **options}
    if "data_element" in columns:
        update["data_element"] = Dimension(column="data_element")
    if "org_unit" in columns:
        update["org_unit"] = Dimension(column="org_unit")
    if "period" in columns and table.period is not None:
        update["period"] = table.period.model_copy(update=dict.fromkeys(PLACES) | {"column": "period"})
    return table.model_copy(update=update)


def turned(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame with places of a transposed sheet, with the places of the sheet as it is."""
    return frame.with_columns(row=pl.col("column").cast(pl.UInt32), column=pl.col("row").cast(pl.UInt16)).select(
        frame.columns
    )
