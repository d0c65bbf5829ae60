"""Chooses the mapping for a file by what the file says of itself."""

from collections.abc import Iterator, Sequence

import polars as pl

from dhis2_bridge import layout, names, periods
from dhis2_bridge.blocks import Header
from dhis2_bridge.findings import Finding, empty, frame
from dhis2_bridge.mapping import Mapping, MappingTable, Recognise
from dhis2_bridge.values import Sheet, Source

TITLE_ROWS = 40
"""Rows of a sheet in which a title is looked for: forms put it above the table."""


DOCUMENTS = frozenset({"json", "ndjson"})
"""Formats whose columns are paths, in which a name means the field at any depth."""


def choose(source: Source, mappings: Sequence[Mapping]) -> Mapping | Finding:
    """The one mapping that recognises a file, or the finding that none or several do.

    A mapping without `recognise` takes every file that no other one recognises; one that counts persons is recognised
    by the names of its sources too. Of several that are for different periods, such as two versions of a form, the
    file's own period decides.
    """
    fitting = [
        mapping
        for mapping in mappings
        if (mapping.recognise and fits(source, mapping, mapping.recognise)) or _is_source(source, mapping)
    ]
    if len(fitting) > 1:
        fitting = [mapping for mapping in fitting if _may_be_of_its_time(source, mapping)] or fitting
    if not fitting:
        takers = [mapping for mapping in mappings if mapping.recognise is None]
        fitting = [mapping for mapping in takers if mapping.workforce is None] or takers
    if len(fitting) == 1:
        return fitting[0]
    code = "mapping.several_fit" if fitting else "mapping.none_fits"
    listed = [mapping.mapping for mapping in fitting or mappings]
    return Finding(code, source.name, arguments={"mappings": listed}, values=0)


def _is_source(source: Source, mapping: Mapping) -> bool:
    """Whether the file's name is one of a source of persons or posts."""
    patterns = [glob for one in mapping.sources.values() for glob in one.files]
    return mapping.recognise is None and bool(patterns) and _any(patterns, [_base(source.name)])


def _base(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1]


def fits(source: Source, mapping: Mapping, wanted: Recognise) -> bool:
    """Whether every key of `recognise` fits the file."""
    if wanted.title and not _any(wanted.title, _titles(source)):
        return False
    if wanted.file_name and not _any(wanted.file_name, [_base(source.name)]):
        return False
    if wanted.sheet and not _any(wanted.sheet, [sheet.sheet or "" for sheet in _sheets(source)]):
        return False
    if wanted.columns and not _has_columns(source, mapping, wanted.columns):
        return False
    return not wanted.fields or _has_fields(source, mapping, wanted)


def in_force(values: pl.DataFrame, mapping: Mapping) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The values with those refused whose period the mapping is not for, and a finding for each such period."""
    isos = values["period"].unique().drop_nulls()
    outside = [iso for iso in isos if (period := periods.parse(iso)) and not _holds(mapping, period)]
    if not outside:
        return values, empty()
    late = pl.col("period").cast(pl.String).is_in(outside) & pl.col("refused").is_null()
    arguments = {"mapping": mapping.mapping, "periods": mapping.recognise.periods if mapping.recognise else ""}
    told = (
        values.filter(late)
        .group_by("source", "sheet", "period", maintain_order=True)
        .agg(pl.col("row", "column").first(), pl.len())
    )
    found = frame(
        Finding("mapping.not_in_force", source, sheet, row, column, period, arguments, values=count)
        for source, sheet, period, row, column, count in told.iter_rows()
    )
    code = pl.lit("mapping.not_in_force").cast(pl.Categorical)
    return values.with_columns(refused=pl.when(late).then(code).otherwise("refused")), found


def _holds(mapping: Mapping, period: periods.Period) -> bool:
    """Whether the mapping is for this period."""
    first, last = mapping.recognise.bounds() if mapping.recognise else (None, None)
    return not ((first and period.start < first) or (last and period.end > last))


def _may_be_of_its_time(source: Source, mapping: Mapping) -> bool:
    """Whether the first period that the mapping reads in the file is one that it is for, or none can be read."""
    for table in mapping.tables:
        if table.period is None:
            continue
        for text in _period_texts(source, table):
            found = periods.read(text, table.period.type, cumulative=table.period.cumulative)
            if isinstance(found, periods.Period):
                return _holds(mapping, found)
    return True


def _period_texts(source: Source, table: MappingTable) -> Iterator[str]:
    """The texts that may say the period of a file: the first of each block, or that of the first record."""
    wanted = table.labels(table.period.column) if table.period is not None and table.period.column else ()
    form = layout.Form(table)
    for sheet in _sheets(source):
        for block in layout.lay_out(sheet, form, {})[0]:
            columns = block.header.find(wanted)
            layout.read_dates(block, table, {table.period.column or "": columns} if table.period else {})
            if (held := block.loose.get("period")) is not None:
                yield held[0]
            yield from (cells[number - 1] for _, cells in block.rows[:1] for number in columns if number <= len(cells))
    if source.table is not None and (record := _first_record(source)) is not None:
        header = Header(tuple((name,) for name in source.table.header))
        yield from (record[number - 1] for number in _numbers(source, header, tuple(wanted)))


def _any(patterns: Sequence[str], texts: Iterator[str] | list[str]) -> bool:
    is_one = names.globs(patterns)
    return any(is_one(text) for text in texts)


def _sheets(source: Source) -> list[Sheet]:
    return [sheet for sheet in source.sheets if sheet.visible]


def _titles(source: Source) -> Iterator[str]:
    """The texts of the first rows of sheets; of a table its first row, which holds the title of a form saved as CSV."""
    for sheet in _sheets(source):
        for row in sheet.rows[:TITLE_ROWS]:
            yield from (cell for cell in row if cell and not cell.isspace())
    if source.table is not None:
        yield from (name for name in source.table.header if name)


def _first_record(source: Source) -> list[str] | None:
    """The texts of the first record of a table, by column, or None without a record."""
    batches = source.table.batches() if source.table is not None else iter(())
    first = next((batch for batch in batches if batch.height), None)
    if source.table is None or first is None:
        return None
    row = first.row(0, named=True)
    return [row[str(number)] or "" for number in range(1, len(source.table.header) + 1)]


def _has_columns(source: Source, mapping: Mapping, columns: Sequence[str]) -> bool:
    """Whether the header of the table, or as many rows of a sheet as a header has, holds all of these columns."""
    wanted = [tuple(label for table in mapping.tables for label in table.labels(column)) for column in columns]
    levels = max(table.source.header.rows for table in mapping.tables)
    headers = [
        Header(tuple((cell,) for row in sheet.rows[start : start + levels] for cell in row))
        for sheet in _sheets(source)
        for start in range(min(TITLE_ROWS, len(sheet.rows)))
    ]
    if source.table is not None:
        headers.append(Header(tuple((name,) for name in source.table.header)))
    return any(all(_numbers(source, header, labels) for labels in wanted) for header in headers)


def _has_fields(source: Source, mapping: Mapping, wanted: Recognise) -> bool:
    """Whether the first record of a table has one of the texts in each of these columns."""
    if source.table is None or (record := _first_record(source)) is None:
        return False
    header = Header(tuple((name,) for name in source.table.header))
    for column, texts in wanted.fields.items():
        labels = tuple(label for table in mapping.tables for label in table.labels(column))
        found = {names.fold(record[number - 1]) for number in _numbers(source, header, labels)}
        if not found & {names.fold(text) for text in texts}:
            return False
    return True


def _numbers(source: Source, header: Header, labels: tuple[str, ...]) -> list[int]:
    return header.find(labels) or (source.format in DOCUMENTS and header.find_inner(labels)) or []
