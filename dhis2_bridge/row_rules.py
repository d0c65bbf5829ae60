"""The `computed` and `where` of a mapping table, applied to its records; what cannot be decided is a finding."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from dhis2_bridge.findings import CODES, FINDINGS_SCHEMA, arguments_text
from dhis2_bridge.mapping import MappingTable
from dhis2_bridge.predicates import ComputedColumn, Decided, Predicate, compile, compile_value  # noqa: A004

Text = Callable[[str], pl.Expr]
Number = Callable[[str], int | None]


@dataclass(frozen=True)
class RowRules:
    """The compiled `computed` (by name, in order) and `where` of one table."""

    computed: dict[str, ComputedColumn]
    where: Predicate | None

    @classmethod
    def of(cls, table: MappingTable) -> "RowRules":
        """The rules of a table. Raises PredicateError for a text that does not parse (a loaded mapping has none)."""
        types = table.column_types()
        computed: dict[str, ComputedColumn] = {}
        for name, text in table.computed.items():
            computed[name] = made = compile_value(text, types)
            if made.type is not None:
                types[name] = made.type
        return cls(computed, compile(table.where, types) if table.where is not None else None)

    @property
    def columns(self) -> frozenset[str]:
        """Names of the columns that the rules read, without the computed ones."""
        used = {name for column in self.computed.values() for name in column.columns}
        used.update(self.where.columns if self.where is not None else ())
        return frozenset(used) - self.computed.keys()

    def apply(self, records: pl.DataFrame, text: Text, number: Number) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
        """The records that `where` keeps, with a column for each of `computed`, and frames of findings.

        `records` has `source`, `sheet` and `row`; `text` gives the expression of a named column of it, `number` where
        the column stands. Findings: predicate.unreadable for each cell that keeps a row from being decided (the row
        is left out, or its computed column blank), rows.left_out with the count for each source and sheet.
        """
        findings: list[pl.DataFrame] = []

        def named(name: str) -> pl.Expr:
            return pl.col(name) if name in self.computed else text(name)

        for name, column in self.computed.items():
            decided = column.decide(records, {used: named(used) for used in column.columns})
            findings += _unreadable(records, column.text, decided, named, number)
            records = records.with_columns(decided.answer.alias(name))
        if self.where is None:
            return records, findings
        decided = self.where.decide(records, {used: named(used) for used in self.where.columns})
        findings += _unreadable(records, self.where.text, decided, named, number)
        left_out = ~decided.answer
        for _, rows in decided.unreadable:
            left_out &= ~rows
        for (source, sheet), group in records.filter(left_out).group_by("source", "sheet", maintain_order=True):
            arguments = arguments_text({"predicate": self.where.text, "rows": group.height})
            findings.append(_findings("rows.left_out", arguments, 0, pl.DataFrame({"source": source, "sheet": sheet})))
        return records.filter(decided.answer), findings


def _unreadable(
    records: pl.DataFrame, predicate: str, decided: Decided, text: Text, number: Number
) -> list[pl.DataFrame]:
    """A frame of findings for each column that is to blame for some row."""
    frames = []
    for name, rows in decided.unreadable:
        if rows.any():
            places = records.filter(rows).select(
                "source", "sheet", "row", column=pl.lit(number(name), dtype=pl.UInt16), found=text(name)
            )
            arguments = arguments_text({"predicate": predicate, "column": name})
            frames.append(_findings("predicate.unreadable", arguments, 1, places))
    return frames


def _findings(code: str, arguments: str, values: int, places: pl.DataFrame) -> pl.DataFrame:
    """Findings of one code at these places; columns that `places` lacks are null."""
    known = {"code": code, "severity": CODES[code].severity, "arguments": arguments, "values": values}
    return places.select(
        (pl.lit(known[name]) if name in known else pl.col(name) if name in places.columns else pl.lit(None))
        .cast(dtype)
        .alias(name)
        for name, dtype in FINDINGS_SCHEMA.items()
    )
