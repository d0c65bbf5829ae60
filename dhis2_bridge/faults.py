"""Cells whose content cannot be known (an error, a formula without result), as texts that travel with the others.

In a `Sheet` such a cell is blank beside a finding. In records a blank would be filled from above, or count as zero
where the mapping says so; so the finding goes along as a text of its own, and whoever reads the text gives it back.
"""

import json
from typing import Any, Final

import polars as pl

from dhis2_bridge.findings import CODES, Finding, arguments_text

MARK: Final = "\x1e"
"""Begins such a text, and parts its pieces: code, arguments, text as it stood."""

_CODE_AND_ARGUMENTS: Final = f"{MARK}[^{MARK}]*{MARK}[^{MARK}]*{MARK}"


def text_of(fault: Finding) -> str:
    """The text that stands for a fault."""
    return MARK + MARK.join((fault.code, arguments_text(fault.arguments), fault.found or ""))


def fault_of(text: str) -> tuple[str, dict[str, Any]] | None:
    """Code and arguments of the fault that a text stands for; None for any other text."""
    if MARK not in text:
        return None
    code, *rest = text[text.index(MARK) + 1 :].split(MARK)
    return (code, json.loads(rest[0])) if code in CODES and len(rest) > 1 else None


def any_in(cells: pl.DataFrame, column: str) -> bool:
    """Whether a column holds texts that stand for faults; only workbooks have any."""
    if cells["sheet"].null_count() == cells.height:
        return False
    return bool(cells[column].str.starts_with(MARK).any())


def is_fault(text: pl.Expr) -> pl.Expr:
    """Whether texts stand for faults."""
    return text.str.starts_with(MARK)


def as_found(text: pl.Expr) -> pl.Expr:
    """Texts as they stood in the cells."""
    return text.str.replace_all(_CODE_AND_ARGUMENTS, "")
