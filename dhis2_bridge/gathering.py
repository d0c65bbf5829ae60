"""Rows of persons and posts from files: only the columns that are used, as text, in memory and nowhere else.

What reading finds in such a file is told without what stands in it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

import polars as pl

from dhis2_bridge import faults, layout, names, workforce_columns
from dhis2_bridge.findings import Finding, Unreadable
from dhis2_bridge.mapping import Mapping as MappingFile
from dhis2_bridge.mapping import MappingTable
from dhis2_bridge.occupations import NUMERIC
from dhis2_bridge.recognise import DOCUMENTS
from dhis2_bridge.sources.delimited import DelimitedTable
from dhis2_bridge.values import Sheet, Source, Table

_CONTENT: Final = ("seen", "read", "key", "path", "label", "header", "letters", "other_value")
"""Arguments of findings that may quote a cell, a header (which may be a row) or a key of a document."""

PLACES_SCHEMA: Final = pl.Schema(
    {"source": pl.Categorical(), "sheet": pl.Categorical(), "name": pl.String(), "column": pl.UInt16()}
)


def private(finding: Finding) -> Finding:
    """A finding about a file of persons without what stood in the file."""
    arguments = {name: value for name, value in finding.arguments.items() if name not in _CONTENT}
    return replace(finding, found=None, arguments=arguments)


class Gathering:
    """The rows of one mapping's sources, file by file.

    `used` says which columns of a source are read, those that are needed and the others; what counting reads, if not
    given. `is_asked` is true once a file of these sources came, `broken` once a file, a sheet or a row could not be
    read: what is absent is then not known to be gone. `note` takes what is found.
    """

    def __init__(
        self,
        mapping: MappingFile,
        labels: tuple[str, ...],
        note: Callable[[Finding], None],
        used: Mapping[str, tuple[set[str], set[str]]] | None = None,
    ) -> None:
        self.mapping = mapping
        self.labels = labels
        self.broken = False
        self.is_asked = False
        self._note_as_is = note
        self._table: MappingTable = mapping.tables[0]
        self._rows: dict[str, list[pl.DataFrame]] = {name: [] for name in mapping.sources}
        self._places: list[tuple[str, str | None, str, int]] = []
        self._globs = {name: names.globs(one.files) for name, one in mapping.sources.items()}
        self._used: dict[str, tuple[set[str], set[str]]] = dict(used or {})
        self._filled: set[str] = set()
        declared = mapping.workforce
        self._written_out = {declared.person.column, *declared.person.name} if declared else set()
        if declared and declared.occupation and declared.occupation.title:
            self._written_out.add(declared.occupation.title)
        self._categories: defaultdict[str, pl.Categories] = defaultdict(pl.Categories.random)

    def add(self, source: Source, name: str | None = None) -> bool:
        """Takes the rows of a file; whether there were any. Without a `name` that of the file says of which source."""
        name = name or self._source_of(source.name)
        if name is None:
            self.note(
                Finding("workforce.source_unmatched", source.name, arguments={"sources": list(self.mapping.sources)})
            )
            return False
        if name not in self._used:
            self._used[name] = workforce_columns.used_columns(self.mapping, name, self.labels)
        before = len(self._rows[name])
        try:
            frames = self._of_sheets(source, name) if source.sheets else self._of_table(source, name)
            self._rows[name].extend(frame for frame in frames if frame.height)
        except Unreadable as unreadable:
            self.note(unreadable.finding)
        if len(self._rows[name]) == before:
            return False
        self._filled.add(name)
        return True

    def rows(self) -> dict[str, pl.DataFrame]:
        """The rows of each source; a source without a file is noted and empty."""
        made: dict[str, pl.DataFrame] = {}
        for name, frames in self._rows.items():
            if frames:
                made[name] = pl.concat(frames, how="diagonal", rechunk=True)
            elif name not in self._used:
                self.note(Finding("workforce.source_missing", arguments={"name": name}))
        self._rows = {name: [] for name in self._rows}
        return made

    def was_read(self, name: str) -> bool:
        """Whether a file of the source gave rows."""
        return name in self._filled

    def places(self) -> pl.DataFrame:
        """In which column each name of the mapping stands, by file and sheet."""
        return pl.DataFrame(self._places, schema=PLACES_SCHEMA, orient="row")

    def note(self, finding: Finding) -> None:
        """Notes what was found, without content; an error makes it unknown what else there was."""
        self.broken |= finding.severity == "error"
        self._note_as_is(private(finding))

    def _source_of(self, file: str) -> str | None:
        base = file.replace("\\", "/").rsplit("/", 1)[-1]
        fitting = [name for name, is_one in self._globs.items() if is_one(base)]
        return fitting[0] if fitting else None

    # -- headers -------------------------------------------------------------------------------------------------

    def _columns(
        self, source: Source, sheet: str | None, header: layout.Header, row: int | None, name: str
    ) -> dict[str, list[int]] | None:
        """Numbers of the columns of each name that is used; None where one that is needed is absent or in doubt."""
        needed, others = self._used[name]
        document = source.format in DOCUMENTS
        found: dict[str, list[int]] = {}
        sound = True
        for wanted in sorted(needed | others):
            labels = self._table.labels(wanted)
            numbers = header.find(labels) or (document and header.find_inner(labels)) or []
            at = (source.name, sheet, row)
            if len(numbers) > 1 and not document:
                self.note(Finding("header.ambiguous", *at, arguments={"name": wanted, "columns": numbers}))
                sound = False
            elif numbers:
                found[wanted] = numbers
            elif wanted in needed:
                self.note(Finding("header.not_found", *at, arguments={"wanted": list(labels)}))
                sound = False
            else:
                self.note(Finding("workforce.column_absent", *at, arguments={"wanted": wanted}))
        if not sound:
            return None
        self._places += [(source.name, sheet, wanted, numbers[0]) for wanted, numbers in found.items()]
        return found

    # -- tables --------------------------------------------------------------------------------------------------

    def _of_table(self, source: Source, name: str) -> Iterator[pl.DataFrame]:
        held = source.table
        if held is None:
            return
        before = list(held.findings)
        header = layout.Header(tuple((text.strip(),) for text in held.header))
        columns = self._columns(source, None, header, held.header_row or None, name)
        if columns is not None:
            for batch in _batches(held, sorted({number for numbers in columns.values() for number in numbers})):
                texts = [pl.coalesce(map(str, numbers)).alias(wanted) for wanted, numbers in columns.items()]
                yield self._coded(batch.select(*_place(source.name, None), "row", *texts), list(columns))
        for finding in held.findings:
            if finding not in before or finding not in source.findings:
                self.note(finding)

    def _of_sheets(self, source: Source, name: str) -> Iterator[pl.DataFrame]:
        """The rows of the sheets that the table is in."""
        wanted = names.globs(self._table.source.sheets) if self._table.source.sheets else None
        form = layout.Form(self._table)
        problems: list[Finding] = []
        taken = False
        for sheet in source.sheets:
            if not sheet.visible or (wanted is not None and not wanted(sheet.sheet or "")):
                continue
            blocks, found = layout.lay_out(sheet, form, {})
            if not blocks or not any(block.rows for block in blocks):
                problems += found
                continue
            for finding in found:
                self.note(finding)
            taken = True
            for header, alike, records in layout.records(blocks, self._table):
                columns = self._columns(source, sheet.sheet, header, alike[0].header_row, name)
                if columns is not None:
                    yield self._of_records(sheet, records, columns)
        if not taken:
            for finding in problems or [Finding("table.not_found", source.name, arguments={"wanted": []})]:
                self.note(finding)

    def _of_records(self, sheet: Sheet, records: pl.DataFrame, columns: Mapping[str, list[int]]) -> pl.DataFrame:
        """The used columns of a sheet's records; a cell with a fault is noted and blank."""
        texts = [pl.col(str(numbers[0])).alias(wanted) for wanted, numbers in columns.items()]
        rows = records.select(*_place(sheet.source, sheet.sheet), "row", *texts)
        used = {numbers[0] for numbers in columns.values()}
        held = set(rows["row"])
        for (row, column), fault in sheet.faults.items():
            if column in used and row in held:
                self.note(fault)
        for (row, column), note in sheet.notes.items():
            if column in used and row in held:
                self.note(note)
        rows = rows.with_columns(pl.when(~faults.is_fault(pl.col(list(columns)))).then(pl.col(list(columns))))
        occupation = self.mapping.workforce.occupation if self.mapping.workforce else None
        if occupation is not None and occupation.column in columns:
            number = columns[occupation.column][0]
            numeric = [row for row, column in sheet.numbers if column == number]
            rows = rows.with_columns(pl.col("row").is_in(numeric).alias(NUMERIC))
        return self._coded(rows, list(columns))

    def _coded(self, rows: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
        """The rows that have anything in these columns, those of few distinct texts as numbers of them.

        That is a quarter of the memory, and what counting asks of a text it then asks once. Ids and names are nearly as
        many as persons, and titles are hardly ever looked at.
        """
        filled = rows.select(pl.any_horizontal(pl.col(columns).is_not_null())).to_series()
        rows = rows if filled.all() else rows.filter(filled)  # nearly always all, and then none is copied
        few = (name for name in columns if name not in self._written_out)
        return rows.with_columns(pl.col(name).cast(pl.Categorical(self._categories[name])) for name in few)


def _place(source: str, sheet: str | None) -> Iterable[pl.Expr]:
    yield pl.lit(source, dtype=pl.String).cast(pl.Categorical).alias("source")
    yield pl.lit(sheet, dtype=pl.String).cast(pl.Categorical).alias("sheet")


def _batches(table: Table, only: list[int]) -> Iterator[pl.DataFrame]:
    """The batches of a table; of a delimited one the columns that are used only."""
    return table.batches(only) if isinstance(table, DelimitedTable) else table.batches()
