"""What went wrong or was repaired in the data, and the errors that end a run.

Bad data is a finding: one row of a frame, with its place. A broken run is an exception.
Findings carry no words: a code, the text as it stood and arguments. Words are made when printed
(`dhis2_bridge.report.words`), in the reader's language.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

SEVERITIES: Final = ("info", "warning", "error")

PLACE: Final = ("source", "sheet", "row", "column")
"""The columns of a frame that say where something stands."""

FINDINGS_SCHEMA: Final = pl.Schema(
    {
        "code": pl.String(),
        "severity": pl.Enum(SEVERITIES),
        "source": pl.String(),
        "sheet": pl.String(),
        "row": pl.UInt32(),
        "column": pl.UInt16(),
        "found": pl.String(),
        "arguments": pl.String(),
        "values": pl.UInt32(),
    }
)
"""Columns of a findings frame.

`code` is a key of `CODES`; `source` the file as the user named it; `sheet` null outside workbooks; `row` the row or
record number that a spreadsheet shows and `column` counted from 1, both null where the whole file is meant; `found`
the text as it stood; `arguments` a JSON object with what the words need; `values` how many data values this finding
keeps from being sent (0 for a warning).
"""


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding: its severity, the server's codes for the same fault, the arguments its words use."""

    severity: str
    server: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


# An error keeps at least one value or file from being sent. A warning and an info keep nothing back.
CODES: Final[dict[str, Code]] = {
    # the file as a whole
    "file.empty": Code("error"),
    "file.no_data": Code("error"),
    "file.unreadable": Code("error", arguments=("reason",)),
    "file.unsupported": Code("error", arguments=("format", "advice")),
    "file.declared_otherwise": Code("error", arguments=("declared", "format")),
    "file.too_large": Code("error", arguments=("what", "limit")),
    "file.left_out": Code("info"),
    "file.repeated": Code("warning", arguments=("other",)),
    # encodings and delimited text
    "encoding.undecodable": Code("error", arguments=("encoding", "byte", "line", "candidates")),
    "encoding.guessed": Code("warning", arguments=("encoding", "evidence")),
    "encoding.damaged": Code("warning", arguments=("letters",)),
    "encoding.disagrees": Code("warning", arguments=("declared", "encoding")),
    "delimiter.undecided": Code("error", arguments=("candidates",)),
    "header.repeated": Code("error", arguments=("columns",)),
    "header.not_found": Code("error", arguments=("wanted", "seen")),
    "header.ambiguous": Code("error", arguments=("name", "columns")),
    "row.extra_cells": Code("error", arguments=("expected", "got")),
    "row.quote": Code("error", arguments=("reason",)),
    "row.nul": Code("error"),
    "row.cell_too_long": Code("error", arguments=("limit",)),
    # workbooks
    "sheet.hidden": Code("warning", arguments=("rows",)),
    "sheet.unmatched": Code("warning", arguments=("sheets",)),
    "row.hidden": Code("warning", arguments=("rows",)),
    "column.hidden": Code("warning", arguments=("columns",)),
    "sheet.not_known": Code("info", arguments=("format",)),
    "cell.formula_without_value": Code("error"),
    "cell.error": Code("error"),
    "cell.float_noise": Code("info", arguments=("read",)),
    "cell.padded_by_format": Code("info", arguments=("read",)),
    "cell.digits_lost": Code("error"),
    "cell.covered": Code("error", arguments=("range",)),
    # JSON
    "json.broken": Code("error", arguments=("reason", "line", "column")),
    "json.repeated_key": Code("error", arguments=("key", "path")),
    "json.too_deep": Code("error", arguments=("limit",)),
    "json.not_an_object": Code("error", arguments=("path",)),
    # FHIR
    "fhir.no_resource": Code("warning"),
    "fhir.not_read": Code("info", arguments=("types", "resources")),
    "fhir.more_pages": Code("warning"),
    "fhir.outcome": Code("warning"),
    "fhir.malformed": Code("warning", arguments=("elements",)),
    "fhir.systems_undeclared": Code("warning", arguments=("columns",)),
    "fhir.repeated": Code("warning", arguments=("other", "file")),
    "fhir.older_version": Code("warning", arguments=("other", "file")),
    "fhir.versions_differ": Code("error", arguments=("other", "file")),
    "fhir.entered_in_error": Code("warning"),
    "fhir.role_without_practitioner": Code("warning"),
    "fhir.practitioner_without_role": Code("warning", arguments=("persons",)),
    "fhir.reference": Code("error", arguments=("part", "reason", "header")),
    "fhir.above": Code("warning", arguments=("reason",)),
    "fhir.only_identifier": Code("warning", arguments=("part", "header")),
    "fhir.several": Code("warning", arguments=("part", "header")),
    "fhir.without": Code("warning", arguments=("part", "header")),
    "fhir.inactive": Code("info", arguments=("part", "header")),
    # a query
    "sql.refused": Code("error", arguments=("reason", "name", "state", "line", "column")),
    "sql.value": Code("error", arguments=("kind", "header")),
    # which mapping, which table
    "mapping.none_fits": Code("error", arguments=("mappings",)),
    "mapping.not_in_force": Code("error", arguments=("mapping", "periods")),
    "mapping.several_fit": Code("error", arguments=("mappings",)),
    "table.not_found": Code("error", arguments=("wanted", "seen")),
    "column.unmapped": Code("error", arguments=("header",)),
    "cell.outside_table": Code("error"),
    "cell.not_found": Code("error", arguments=("label",)),
    "cell.not_applicable": Code("info"),
    "cell.not_of_line": Code("error", arguments=("data_element", "options")),
    # identifiers
    "org_unit.unknown": Code("error", ("E8107", "E8022", "E7612"), ("match", "suggestions")),
    "org_unit.ambiguous": Code("error", arguments=("match", "candidates")),
    "org_unit.missing": Code("error", ("E8105",)),
    "data_element.unknown": Code("error", ("E8103", "E8020", "E7610"), ("match", "suggestions")),
    "data_element.ambiguous": Code("error", arguments=("match", "candidates")),
    "data_element.missing": Code("error", ("E8102",)),
    "category_option.unknown": Code("error", ("E8108", "E7613"), ("category", "suggestions")),
    "category_option.ambiguous": Code("error", arguments=("category", "candidates")),
    "category_option_combo.unknown": Code("error", ("E8108", "E7613"), ("suggestions", "options")),
    "category_option_combo.incomplete": Code("error", ("E8024",), ("missing", "data_element")),
    "category_option_combo.not_of_element": Code("error", ("E8024", "E7634"), ("data_element", "options")),
    "attribute_option_combo.incomplete": Code("error", ("E8023", "E7635"), ("missing", "data_set")),
    "attribute_option_combo.unknown": Code("error", ("E8110", "E7615"), ("suggestions", "options")),
    "attribute_option_combo.not_of_data_set": Code("error", ("E8023", "E7635"), ("data_set", "options")),
    "name.normalised": Code("info", arguments=("matched",)),
    "name.by_transliteration": Code("warning", arguments=("matched",)),
    "name.without_words": Code("warning", arguments=("matched",)),
    "name.by_alias": Code("info", arguments=("matched",)),
    "label.disagrees": Code("error", arguments=("expected", "data_element")),
    "label.differs": Code("warning", arguments=("expected", "data_element")),
    "crosswalk.missing": Code("error", arguments=("crosswalk", "suggestions")),
    # periods and dates
    "period.missing": Code("error", ("E8100",)),
    "period.unreadable": Code("error", ("E7611",), ("period_type", "reason", "hint")),
    "period.wrong_type": Code("error", ("E8021", "E7632"), ("period_type", "expected")),
    "period.cumulative": Code("error", arguments=("months",)),
    "period.disagrees": Code("error", arguments=("expected",)),
    "date.unreadable": Code("error", arguments=("format",)),
    "date.ambiguous": Code("error", arguments=("readings",)),
    "date.mixed": Code("error", arguments=("other",)),
    # values
    "value.not_of_type": Code("error", ("E8122", "E7619"), ("value_type", "reason", "data_element", "hint", "may_be")),
    "value.not_an_option": Code("error", ("E8123", "E7621"), ("options", "data_element")),
    "value.normalised": Code("info", arguments=("read",)),
    "value.unit_removed": Code("info", arguments=("read",)),
    "value.repeated": Code("warning", arguments=("first", "place")),
    "value.conflicts": Code("error", ("E8128",), ("other", "other_value", "data_element")),
    "comment.without_value": Code("warning"),
    "comment.too_long": Code("error", ("E8125", "E7620"), ("limit",)),
    "total.disagrees": Code("error", arguments=("parts", "sum", "difference", "data_element")),
    "total.differs": Code("warning", arguments=("parts", "sum", "difference", "data_element")),
    "total.zero_without_parts": Code("warning", arguments=("data_element",)),
    "total.unreadable": Code("error", arguments=("data_element",)),
    "total.without_parts": Code("error", arguments=("data_element",)),
    "cumulative.previous_missing": Code("error", arguments=("periods",)),
    "cumulative.negative": Code("error", arguments=("previous",)),
    # the data set
    "data_set.without_element": Code("error", ("E8020", "E7633"), ("data_set", "data_element")),
    "data_set.not_assigned": Code("error", ("E8022", "E7636"), ("data_set", "org_unit")),
    # predicates
    "predicate.unreadable": Code("error", arguments=("predicate", "column")),
    "row.total_left_out": Code("warning", arguments=("rows",)),
    "rows.left_out": Code("info", arguments=("predicate", "rows")),
    # persons, contracts and posts: no finding of a row holds what stands there
    "person.missing": Code("error"),
    "person.id_unrecoverable": Code("error"),
    "person.by_name_and_birth": Code("warning"),
    "person.id_structure": Code("warning", arguments=("reason",)),
    "person.sex_differs": Code("warning", arguments=("counts",)),
    "person.birth_differs": Code("warning", arguments=("counts",)),
    "person.conflict": Code("error", arguments=("differs", "rows")),
    "person.conflict_first": Code("warning", arguments=("differs", "rows")),
    "person.total_rate": Code("warning", arguments=("contracts", "limit", "total")),
    "contract.repeated": Code("warning", arguments=("other",)),
    "position.missing": Code("error", arguments=("rows", "suggestions")),
    "position.damaged": Code("error", arguments=("rows",)),
    "position.unknown": Code("error", arguments=("rows",)),
    "position.not_listed": Code("error", arguments=("rows", "crosswalk")),
    "position.numeric_cell": Code("error"),
    "position.ambiguous": Code("error", arguments=("rows", "choices")),
    "position.by_default": Code("warning", arguments=("rows", "report_as")),
    "position.excluded": Code("info", arguments=("rows",)),
    "axis.refused": Code("error", arguments=("axis",)),
    "axis.unknown": Code("info", arguments=("axis", "option", "rows", "blank")),
    "number.missing": Code("warning", arguments=("data_element",)),
    "number.unreadable": Code("error", arguments=("data_element",)),
    "workforce.org_unit": Code("error", arguments=("problem", "rows", "suggestions")),
    "workforce.source_unmatched": Code("error", arguments=("sources",)),
    "workforce.source_missing": Code("warning", arguments=("name",)),
    "workforce.column_absent": Code("warning", arguments=("wanted",)),
    "stock.zeros_added": Code("info", arguments=("zeros", "org_units", "data_elements")),
    "stock.previous_period": Code("error", arguments=("expected", "found_periods")),
    "posts.filled_over_approved": Code("warning", arguments=("filled", "approved", "data_element")),
    "posts.vacant_differs": Code("warning", arguments=("vacant", "expected", "data_element")),
    "headcount.practising_over_employed": Code("warning", arguments=("practising", "employed", "data_element")),
    "headcount.over_posts": Code("warning", arguments=("persons", "filled", "limit", "data_element")),
    "headcount.double_posting": Code("warning", arguments=("filled", "persons", "ratio", "least", "most")),
    "headcount.total_differs": Code("warning", arguments=("data_element", "total", "sum", "parts")),
    "headcount.implausible": Code("warning", arguments=("name", "value", "least", "most")),
    "stock.not_known": Code("warning"),
    # small counts
    "small_cells.found": Code("warning", arguments=("data_element", "cells", "below")),
    "small_cells.coarsened": Code("info", arguments=("data_element", "axis", "option", "cells")),
    "small_cells.withheld": Code("info", arguments=("data_element", "cells")),
    "small_cells.sums_low": Code("warning", arguments=("cells",)),
    "small_cells.total_known": Code("warning", arguments=("data_element", "totals")),
    "small_cells.not_guarded": Code("warning", arguments=("data_element", "cells")),
    # indicators
    "population.not_a_number": Code("error"),
    "population.no_year": Code("error"),
    "population.repeated": Code("error", arguments=("year",)),
    "indicators.run_with_errors": Code("warning", arguments=("errors", "left_out")),
    "indicators.conflict": Code("error", arguments=("other", "other_value", "data_element", "org_unit", "options")),
    # the server's answer
    "server.refused": Code("error", arguments=("server_code", "message")),
    "server.not_stored": Code("error", arguments=("message",)),
    "server.unknown": Code("error", arguments=("chunk", "message")),
    "server.other_engine": Code("warning", arguments=("checked", "version")),
    "server.identity_unknown": Code("warning", arguments=("base_url",)),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: the view of one row of a findings frame.

    The columns are those of `FINDINGS_SCHEMA`; `arguments` is a plain dict here.
    """

    code: str
    source: str | None = None
    sheet: str | None = None
    row: int | None = None
    column: int | None = None
    found: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    values: int = 0

    @property
    def severity(self) -> str:
        """info, warning or error: a property of the code."""
        return CODES[self.code].severity


def empty() -> pl.DataFrame:
    """A findings frame without rows."""
    return pl.DataFrame(schema=FINDINGS_SCHEMA)


def arguments_text(arguments: Mapping[str, Any]) -> str:
    """The arguments as JSON text: sorted, so that the same finding is the same bytes."""
    return json.dumps(arguments, ensure_ascii=False, sort_keys=True, default=str) if arguments else "{}"


def frame(found: Iterable[Finding]) -> pl.DataFrame:
    """A findings frame of these findings, in their order."""
    rows = [
        (f.code, f.severity, f.source, f.sheet, f.row, f.column, f.found, arguments_text(f.arguments), f.values)
        for f in found
    ]
    return pl.DataFrame(rows, schema=FINDINGS_SCHEMA, orient="row")


def located(
    frame: pl.DataFrame, code: str, row: pl.Expr, column: pl.Expr, found: pl.Expr, arguments: Mapping[str, Any]
) -> pl.DataFrame:
    """One finding for each row of a frame that has `source`, `sheet` and `values`."""
    return frame.select(
        "source",
        "sheet",
        row.cast(pl.UInt32).alias("row"),
        column.cast(pl.UInt16).alias("column"),
        pl.lit(code).alias("code"),
        found.cast(pl.String).alias("found"),
        pl.lit(arguments_text(arguments)).alias("arguments"),
        pl.col("values").cast(pl.UInt32),
    )


def as_findings(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame of places, codes and arguments in the columns of a findings frame."""
    if frame.schema == FINDINGS_SCHEMA:
        return frame
    severity = {code: what.severity for code, what in CODES.items()}
    filled: dict[str, pl.Expr] = {
        "severity": pl.col("code").replace_strict(severity, return_dtype=pl.String),
        "found": pl.lit(None),
        "arguments": pl.lit("{}"),
        "values": pl.lit(0),
    }
    missing = [expression.alias(name) for name, expression in filled.items() if name not in frame.columns]
    return frame.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in FINDINGS_SCHEMA.items())


def rows(findings: pl.DataFrame) -> list[Finding]:
    """The rows of a findings frame as `Finding` views."""
    return [
        Finding(
            code=row["code"],
            source=row["source"],
            sheet=row["sheet"],
            row=row["row"],
            column=row["column"],
            found=row["found"],
            arguments=json.loads(row["arguments"]),
            values=row["values"],
        )
        for row in findings.iter_rows(named=True)
    ]


class BridgeError(Exception):
    """A run that cannot go on: one clear line for the person, and an exit code.

    `BridgeError` itself is never raised; a caller catches it to catch all of ours.

        BridgeError
        ├── UsageError            2  an option, a missing file
        │   ├── MappingError      2  a broken mapping, with file, line and column
        │   ├── SnapshotError     2  a snapshot that is none
        │   └── OtherInstance     2  a mapping, run or server of another instance
        ├── Refused               3  data refused offline, nothing to send
        │   └── Unreadable        3  one file that cannot be read: the walk makes it a finding
        └── ServerError
            ├── Unreachable       6  try again later
            └── NotAuthorised     8  login or rights
    """

    exit_code = 1


class UsageError(BridgeError):
    """The call cannot be carried out as given."""

    exit_code = 2


class MappingError(UsageError):
    """A mapping file that cannot be used; `problems` are (line, column, message), in file order."""

    def __init__(self, path: str, problems: list[tuple[int, int, str]]) -> None:
        self.path = path
        self.problems = problems
        super().__init__("\n".join(f"{path}:{line}:{column}: {message}" for line, column, message in problems))


class SnapshotError(UsageError):
    """A file that is no metadata export."""


class OtherInstance(UsageError):
    """A mapping, a snapshot or a run belongs to another DHIS2 instance."""


class Refused(BridgeError):
    """The data was refused offline."""

    exit_code = 3


class Unreadable(Refused):
    """One file that cannot be read. `finding` says why; the walk goes on with the next file."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(f"{finding.source}: {finding.code} {arguments_text(finding.arguments)}")


class ServerError(BridgeError):
    """The server did not answer as a DHIS2 server does."""

    exit_code = 1


class Unreachable(ServerError):
    """No answer, or one that says to try later (429, 502, 503, 504)."""

    exit_code = 6


class NotAuthorised(ServerError):
    """The login or its rights were refused, or a login page came instead of an answer."""

    exit_code = 8
