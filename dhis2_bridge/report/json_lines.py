"""Findings for programs: one JSON object each, with keys that stay."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from dhis2_bridge.findings import rows
from dhis2_bridge.report.words import advice, cell_of, sentence

_BATCH = 10_000


def findings_json(findings: pl.DataFrame, language: str = "en") -> Iterator[dict[str, Any]]:
    """The findings in their order as plain dicts.

    Keys: code, severity, source, sheet, row, column, cell, found, arguments, values, message, advice. All are always
    there, null where they do not apply. `cell` is the address as a spreadsheet shows it, in workbooks only. `found`
    and `arguments` are raw; `message` and `advice` are words in the language and may be worded otherwise one day.
    """
    for batch in findings.iter_slices(_BATCH):
        for finding, severity in zip(rows(batch), batch["severity"], strict=True):
            yield {
                "code": finding.code,
                "severity": severity,
                "source": finding.source,
                "sheet": finding.sheet,
                "row": finding.row,
                "column": finding.column,
                "cell": cell_of(finding),
                "found": finding.found,
                "arguments": dict(finding.arguments),
                "values": finding.values,
                "message": sentence(finding, language),
                "advice": advice(finding, language),
            }
