"""Finds the table in a sheet: its header paths, its body, and the loose cells around it.

Plain Python over one sheet at a time; what many sheets have in common (the header) is kept once, so that many forms
become one frame. Nothing here knows of DHIS2 beyond the mapping.
"""

import functools
import re
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import zip_longest

import polars as pl

from dhis2_bridge import names, periods
from dhis2_bridge.findings import Finding
from dhis2_bridge.mapping import PLACES, Cell, Dimension, MappingTable, ValueColumns
from dhis2_bridge.mapping_fields import cell_place
from dhis2_bridge.values import Sheet, Table

Loose = tuple[str, int | None, int | None]
"""A text that belongs to a whole block, with its row and column where it stands in a cell."""

LOOSE_VALUE = "value"
"""Name of the column that holds the value in records of loose cells."""

SEARCHED_BELOW = 3
"""How many rows under a label its value may stand, with blank cells between."""


@dataclass(frozen=True, slots=True)
class Header:
    """What stands above each column: `paths[j]` is the texts of column 1 + j from the top header row down.

    A cell merged downwards gives its text on its first level and "" below.
    """

    paths: tuple[tuple[str, ...], ...]

    def text(self, number: int) -> str:
        """The header of a column as a person reads it."""
        return " / ".join(part for part in self.paths[number - 1] if part)

    def find(self, labels: Iterable[str]) -> list[int]:
        """Numbers of the columns whose lowest header text is one of the labels."""
        wanted = {names.fold(label) for label in labels}
        return [
            number
            for number, path in enumerate(self.paths, start=1)
            if (lowest := next((part for part in reversed(path) if part), "")) and wanted & spoken(lowest)
        ]

    def find_inner(self, labels: Iterable[str]) -> list[int]:
        """Numbers of the columns whose path, with dots between, ends in one of the labels."""
        wanted = tuple("." + names.fold(label) for label in labels)
        return [number for number, path in enumerate(self.paths, start=1) if names.fold(path[-1]).endswith(wanted)]


@dataclass(slots=True)
class Block:
    """One table of one sheet: the header, the body rows with their numbers, and the texts that hold for all of it.

    `columns` is filled for loose cells only: the column where each row's value stands.
    """

    sheet: Sheet
    header: Header
    header_row: int
    rows: list[tuple[int, list[str]]]
    loose: dict[str, Loose]
    sections: list[str] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)


@functools.lru_cache(maxsize=20_000)
def spoken(text: str) -> frozenset[str]:
    """The folded readings of a label: the whole, and each language of a bilingual one ("Jami / Итого")."""
    readings = {names.fold(text).rstrip(" :")}
    for part in re.split(r"\s*[/\n|]\s*", text):
        if folded := names.fold(part).rstrip(" :"):
            readings.add(folded)
    readings.discard("")
    return frozenset(readings)


def transposed(sheet: Sheet) -> Sheet:
    """The sheet with rows as columns; places in it are turned back by whoever reports them."""
    width = max((len(row) for row in sheet.rows), default=0)
    above = [[""] * width] * (sheet.first_row - 1)
    rows = [list(column) for column in zip_longest(*above, *sheet.rows, fillvalue="")]
    return Sheet(
        source=sheet.source,
        sheet=sheet.sheet,
        rows=rows,
        visible=sheet.visible,
        merged=tuple((c1, r1, c2, r2) for r1, c1, r2, c2 in sheet.merged),
        dates=frozenset((c, r) for r, c in sheet.dates),
        hidden_rows=sheet.hidden_columns,
        hidden_columns=sheet.hidden_rows,
        faults={(c, r): fault for (r, c), fault in sheet.faults.items()},
        notes={(c, r): note for (r, c), note in sheet.notes.items()},
    )


def needs_sheet(table: MappingTable) -> bool:
    """Whether this mapping reads a form, which must be seen whole, and not just records below one header row."""
    source = table.source
    return bool(
        source.header.anchor
        or source.header.rows > 1
        or source.header.skip
        or source.transpose
        or source.ends
        or source.total_rows
        or table.sections
        or table.repeat
        or any(dimension.cell for _, dimension in dimensions(table))
    )


def dimensions(table: MappingTable) -> Iterator[tuple[str, Dimension]]:
    """Every dimension of a table under the key that names it, its parts and its parent included."""

    def walk(key: str, dimension: Dimension) -> Iterator[tuple[str, Dimension]]:
        yield key, dimension
        for index, part in enumerate(dimension.parts or ()):
            yield from walk(f"{key}.{index}", part)
        if dimension.below is not None:
            yield from walk(f"{key}.below", dimension.below)

    for key, single in table.single_dimensions():
        yield from walk(key, single)
    for category, option in table.category_options.items():
        yield from walk(f"category_options.{category}", option)
    for category, option in table.attribute_options.items():
        yield from walk(f"attribute_options.{category}", option)


def claimed(table: MappingTable) -> set[str]:
    """Names of the columns that the mapping reads for something other than a value found by its header."""
    wanted = set(table.fill_down)
    for _, dimension in dimensions(table):
        wanted.update(dimension.column_names())
    if table.value is not None:
        wanted.update(table.value.column_names())
    if table.comment is not None:
        wanted.add(table.comment.column)
    return wanted | set(table.predicate_columns())


def lay_out(sheet: Sheet, table: MappingTable, given: MappingType[str, str]) -> tuple[list[Block], list[Finding]]:
    """The blocks of one table mapping in one sheet, and what could not be found.

    `given` holds the texts that the caller gives (`period`, `org_unit`) for dimensions declared `given: true`.
    """
    if table.source.transpose:
        sheet = transposed(sheet)
    blocks: list[Block] = []
    found: list[Finding] = []
    starts = _starts(sheet, table)
    preface = sheet.rows[: starts[0][0]]
    for start, stop in starts:
        block, problems = _block(sheet, table, given, start, stop, preface)
        found.extend(problems)
        if block is not None:
            blocks.append(block)
    return blocks, found


def _starts(sheet: Sheet, table: MappingTable) -> list[tuple[int, int]]:
    """Where the stacked blocks of a sheet begin and end, as indexes of its rows; one block where none repeats."""
    if table.repeat is None:
        return [(0, len(sheet.rows))]
    wanted = {names.fold(text) for text in table.repeat.from_}
    marks = [
        index
        for index, row in enumerate(sheet.rows)
        if any(cell and (wanted & spoken(cell) or wanted & spoken(cell.partition(":")[0])) for cell in row)
    ]
    if not marks:
        return [(0, len(sheet.rows))]
    return list(zip(marks, [*marks[1:], len(sheet.rows)], strict=True))


def _header_start(sheet: Sheet, table: MappingTable, start: int, stop: int) -> int | None:
    """Index of the first header row within a block, or None."""
    header = table.source.header
    if header.row is not None:
        index = header.row - sheet.first_row
        return index if start <= index < stop else None
    if header.anchor is None:
        return next((i for i in range(start, stop) if any(cell.strip() for cell in sheet.rows[i])), None)
    wanted = {names.fold(label) for label in table.labels(header.anchor)}
    for index in range(start, stop):
        if any(cell and wanted & spoken(cell) for cell in sheet.rows[index]):
            return index
    return None


def _block(
    sheet: Sheet, table: MappingTable, given: MappingType[str, str], start: int, stop: int, preface: list[list[str]]
) -> tuple[Block | None, list[Finding]]:
    source = table.source
    index = _header_start(sheet, table, start, stop)
    if index is None:
        wanted = table.labels(source.header.anchor) if source.header.anchor else ()
        seen = next((row for row in sheet.rows[start:stop] if sum(bool(cell.strip()) for cell in row) > 1), [])
        arguments = {"wanted": list(wanted), "seen": [cell for cell in seen if cell.strip()][:12]}
        return None, [Finding("table.not_found", sheet.source, sheet.sheet, arguments=arguments)]
    levels = source.header.rows
    header = Header(_paths(sheet, index, min(index + levels, stop), _width(sheet, index, stop)))
    first = index + levels
    if source.header.skip == "column_numbers" and first < stop and _column_numbers(sheet.rows[first]):
        first += 1
    body_stop, findings = _body_stop(sheet, table, header, first, stop)
    rows: list[tuple[int, list[str]]] = []
    sections: list[str] = []
    totals: list[int] = []
    section = ""
    is_total = names.globs(source.total_rows) if source.total_rows else None
    section_words = {names.fold(text): name for name, texts in (table.sections or {}).items() for text in texts}
    for offset in range(first, body_stop):
        row = sheet.rows[offset]
        leading = next((cell for cell in row if cell and not cell.isspace()), "")
        if not leading:
            continue
        if section_words and (name := next((section_words[r] for r in spoken(leading) if r in section_words), None)):
            section = name
            if sum(bool(cell.strip()) for cell in row) == 1:
                continue
        if is_total is not None and is_total(leading):
            totals.append(sheet.first_row + offset)
            continue
        rows.append((sheet.first_row + offset, row))
        if section_words:
            sections.append(section)
    if totals:
        listed = {"rows": ", ".join(map(str, totals))}
        findings.append(Finding("row.total_left_out", sheet.source, sheet.sheet, totals[0], None, None, listed))
    loose, missing = _loose(sheet, table, given, (start, index), (body_stop, stop), preface)
    findings.extend(missing)
    return Block(sheet, header, sheet.first_row + index, rows, loose, sections), findings


def _width(sheet: Sheet, index: int, stop: int) -> int:
    return max((len(row) for row in sheet.rows[index:stop]), default=0)


def _paths(sheet: Sheet, start: int, stop: int, width: int) -> tuple[tuple[str, ...], ...]:
    """The header texts of each column, level by level, with merged cells spread over the columns that they cover."""
    levels = [[*sheet.rows[i], *[""] * (width - len(sheet.rows[i]))] for i in range(start, stop)]
    top = sheet.first_row + start
    bottom = top + len(levels) - 1
    for r1, c1, r2, c2 in sheet.merged:
        if r2 < top or r1 > bottom or r1 < top:
            continue
        text = levels[r1 - top][c1 - 1] if c1 <= width else ""
        for column in range(c1, min(c2, width) + 1):
            levels[r1 - top][column - 1] = text
    return tuple(tuple(text.strip() for text in path) for path in zip(*levels, strict=True))


def _column_numbers(row: list[str]) -> bool:
    """Whether a row is the form's row of column numbers: 1 2 3 ... or A B 1 2 3 ..., as printed under headers."""
    texts = [cell.strip() for cell in row if cell.strip()]
    letters = 0
    while letters < len(texts) and len(texts[letters]) == 1 and texts[letters].isalpha():
        letters += 1
    numbers = texts[letters:]
    return len(numbers) > 1 and numbers in (
        [str(n) for n in range(1, len(numbers) + 1)],
        [str(n) for n in range(letters + 1, letters + len(numbers) + 1)],
    )


def _body_stop(sheet: Sheet, table: MappingTable, header: Header, first: int, stop: int) -> tuple[int, list[Finding]]:
    """Index of the first row after the body, and findings for rows below it that look like data."""
    ends = table.source.ends
    if ends is None:
        return stop, []
    is_end = names.globs([f"{word}*" for word in ends.words])
    body_stop = stop
    by_blank = False
    for offset in range(first, stop):
        leading = next((cell for cell in sheet.rows[offset] if cell.strip()), "")
        if (not leading and ends.blank_row) or (leading and is_end(leading)):
            body_stop, by_blank = offset, not leading
            break
    findings = []
    keys, number = _line_codes(table, header)
    for offset in range(body_stop, stop):
        row = sheet.rows[offset]
        for column, cell in enumerate(row, start=1):
            known = column == number and cell.strip() in keys
            if known or (by_blank and cell.strip() and cell.strip().replace(",", "").replace(".", "").isdecimal()):
                place = (sheet.first_row + offset, column)
                findings.append(Finding("cell.outside_table", sheet.source, sheet.sheet, *place, cell, values=1))
                break
    return body_stop, findings


def _line_codes(table: MappingTable, header: Header) -> tuple[frozenset[str], int | None]:
    """The line codes that the crosswalk knows and the number of the column they stand in."""
    column = table.data_element.column if table.data_element else None
    numbers = header.find(table.labels(column)) if column else []
    if not numbers or table.data_element is None:
        return frozenset(), None
    return frozenset(table.crosswalk_keys(table.data_element)), numbers[0]


def _loose(
    sheet: Sheet,
    table: MappingTable,
    given: MappingType[str, str],
    above: tuple[int, int],
    below: tuple[int, int],
    preface: list[list[str]],
) -> tuple[dict[str, Loose], list[Finding]]:
    """The texts that hold for a whole block, by the key of their dimension."""
    loose: dict[str, Loose] = {}
    findings: list[Finding] = []
    around = [(sheet.first_row + i, sheet.rows[i]) for i in (*range(*above), *range(*below))]
    around += [(sheet.first_row + i, row) for i, row in enumerate(preface)]
    for key, dimension in dimensions(table):
        if dimension.cell is not None:
            place = _cell(sheet, dimension.cell, around)
            if place is None:
                wanted = [*dimension.cell.right_of, *dimension.cell.below, *dimension.cell.matches]
                label = dimension.cell.at or " / ".join(wanted)
                findings.append(Finding("cell.not_found", sheet.source, sheet.sheet, arguments={"label": label}))
                loose[key] = ("", None, None)
            else:
                row, column, text = place
                loose[key] = (text, row, column)
        elif (stands := standing(dimension, key, sheet.source, sheet.sheet, given)) is not None:
            loose[key] = (stands, None, None)
    return loose, findings


def standing(
    dimension: Dimension, key: str, source: str, sheet: str | None, given: MappingType[str, str]
) -> str | None:
    """The text of a dimension that stands outside the cells: constant, given, or in the sheet's or file's name."""
    if dimension.constant is not None:
        return dimension.constant
    if dimension.given:
        return given.get(key.partition(".")[0], "")
    for wanted, text in ((dimension.sheet_name, sheet or ""), (dimension.file_name, _base_name(source))):
        if wanted is True:
            return text
        if wanted:
            return next((part for p in wanted if (part := names.capture(p, text)) is not None), "")
    return None


def _base_name(source: str) -> str:
    return re.split(r"[/\\]", source)[-1]


def _cell(sheet: Sheet, cell: Cell, around: list[tuple[int, list[str]]]) -> tuple[int, int, str] | None:
    """Row, column and text of a loose cell, or None. The first place that fits counts, reading from the top."""
    if cell.at is not None:
        at, across = cell.place()
        index = at - sheet.first_row
        held = 0 <= index < len(sheet.rows) and across <= len(sheet.rows[index])
        return at, across, sheet.rows[index][across - 1] if held else ""
    for number, row in around:
        for column, text in enumerate(row, start=1):
            if not text or text.isspace():
                continue
            for pattern in cell.matches:
                if (part := names.capture(pattern, text)) is not None:
                    return number, column, part
            head, colon, tail = text.partition(":")
            for labels, step in ((cell.right_of, _right), (cell.below, _under)):
                wanted = {names.fold(label).rstrip(" :") for label in labels}
                if colon and tail.strip() and wanted & spoken(head):
                    return number, column, tail.strip()
                if wanted & spoken(text):
                    return step(sheet, number, column)
    return None


def _right(sheet: Sheet, number: int, column: int) -> tuple[int, int, str]:
    """The first filled cell to the right of a label; the cell beside the label where the rest of the row is blank."""
    row = sheet.rows[number - sheet.first_row]
    for other in range(column + 1, len(row) + 1):
        if row[other - 1].strip():
            return number, other, row[other - 1]
    return number, column + 1, ""


def _under(sheet: Sheet, number: int, column: int) -> tuple[int, int, str]:
    for other in range(number + 1, number + 1 + SEARCHED_BELOW):
        index = other - sheet.first_row
        if index < len(sheet.rows) and column <= len(sheet.rows[index]) and sheet.rows[index][column - 1].strip():
            return other, column, sheet.rows[index][column - 1]
    return number + 1, column, ""


def records(blocks: list[Block], table: MappingTable) -> Iterator[tuple[Header, list[Block], pl.DataFrame]]:
    """The body rows of blocks with one header as one frame, for each distinct header.

    Columns: `source`, `sheet`, `header_row`, `row`, `section`, the texts of the columns as "1", "2", ... (null where
    blank), and for each loose text its `=<key>`, `=<key>.row` and `=<key>.column`; loose cells have `=column`, the
    column where each stands. A cell merged downwards gives its text to every row that it covers, except where the
    column holds values: one number for two lines would count twice.
    """
    by_header: dict[Header, list[Block]] = {}
    for block in blocks:
        by_header.setdefault(block.header, []).append(block)
    for header, alike in by_header.items():
        labels = {number for name in claimed(table) for number in header.find(table.labels(name))}
        yield header, alike, _frame(header, alike, labels)


def _frame(header: Header, alike: list[Block], labels: set[int]) -> pl.DataFrame:
    width = len(header.paths)
    columns: list[list[str]] = [[] for _ in range(width)]
    counts: list[int] = []
    row_numbers: list[int] = []
    sections: list[str] = []
    cell_columns: list[int] = []
    for block in alike:
        body = [row if len(row) == width else (row + [""] * width)[:width] for _, row in block.rows]
        for gathered, texts in zip(columns, zip(*_filled(block, body, labels), strict=True), strict=bool(body)):
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
    blank = pl.col([str(number) for number in range(1, width + 1)])
    return pl.DataFrame(data).with_columns(pl.when(blank.str.strip_chars() != "").then(blank))


def _filled(block: Block, body: list[list[str]], columns: set[int]) -> list[list[str]]:
    """The body with true downward merges in the named columns spread over their rows."""
    spans = [m for m in block.sheet.merged if m[2] > m[0] and m[1] in columns]
    if not spans:
        return body
    position = {number: i for i, (number, _) in enumerate(block.rows)}
    body = [list(row) for row in body]
    for r1, c1, r2, _ in spans:
        if r1 in position:
            text = body[position[r1]][c1 - 1]
            for number in range(r1 + 1, r2 + 1):
                if number in position and not body[position[number]][c1 - 1].strip():
                    body[position[number]][c1 - 1] = text
    return body


def as_records(batch: pl.DataFrame, source: Table, table: MappingTable, given: MappingType[str, str]) -> pl.DataFrame:
    """A batch of a table as the records that `records` describes."""
    standing_texts = {
        f"={key}": text
        for key, dimension in dimensions(table)
        if (text := standing(dimension, key, source.source, source.sheet, given)) is not None
    }
    return batch.with_columns(
        pl.lit(source.source, dtype=pl.String).cast(pl.Categorical).alias("source"),
        pl.lit(source.sheet, dtype=pl.String).cast(pl.Categorical).alias("sheet"),
        pl.lit(source.header_row, dtype=pl.UInt32).alias("header_row"),
        pl.lit("").alias("section"),
        *(pl.lit(text).alias(key) for key, text in standing_texts.items()),
    )


def read_dates(block: Block, table: MappingTable, numbers: MappingType[str, list[int]]) -> None:
    """Turns cells that the file format types as dates into the period that holds them, where they name the period.

    Only where the mapping declares no date pattern: a declared one reads the ISO text itself.
    """
    period = table.period
    dates = block.sheet.dates
    if not dates or period is None or period.date is not None:
        return

    def read(text: str, row: int, column: int) -> str:
        if (row, column) not in dates:
            return text
        return periods.containing(period.type, date.fromisoformat(text[:10])).iso

    columns = {number for name in period.label_columns() for number in numbers.get(name, ())}
    for row, cells in block.rows:
        for column in columns:
            if column <= len(cells):
                cells[column - 1] = read(cells[column - 1], row, column)
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
    """Faults and notes of the cells that the mapping reads: the body below these columns, and loose cells.

    A fault in one of the columns `values` keeps a value back.
    """
    sheet = block.sheet
    if not sheet.faults and not sheet.notes:
        return
    rows = {row for row, _ in block.rows}
    loose = {(row, column) for _, row, column in block.loose.values()}
    header = range(block.header_row, block.header_row + len(block.header.paths[0]) if block.header.paths else 0)
    for kind in (sheet.faults, sheet.notes):
        for (row, column), finding in kind.items():
            if (column in columns | values and (row in rows or row in header)) or (row, column) in loose:
                keeps = kind is sheet.faults and column in values and row in rows
                yield replace(finding, values=1) if keeps else finding


def loose_block(sheet: Sheet, table: MappingTable, given: MappingType[str, str]) -> Block:
    """The cells that `loose_cells` lists for a sheet, as records: one a cell, its labels from the list.

    The header is that of the list with `value` behind it.
    """
    listed = table.loose_cells_table()
    names_of = tuple(name for name in listed.columns if name not in {"sheet", "cell"}) if listed else ()
    header = Header(tuple((name,) for name in (*names_of, LOOSE_VALUE)))
    rows: list[tuple[int, list[str]]] = []
    columns: list[int] = []
    for entry in listed.rows if listed else ():
        if not names.globs([entry["sheet"] or "*"])(sheet.sheet or ""):
            continue
        row, column = cell_place(entry["cell"])
        index = row - sheet.first_row
        held = 0 <= index < len(sheet.rows) and column <= len(sheet.rows[index])
        rows.append((row, [*(entry[name] for name in names_of), sheet.rows[index][column - 1] if held else ""]))
        columns.append(column)
    around = [(sheet.first_row + i, row) for i, row in enumerate(sheet.rows)]
    loose, _ = _loose(sheet, table, given, (0, 0), (0, 0), [row for _, row in around])
    return Block(sheet, header, sheet.first_row, rows, loose, columns=columns)


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
