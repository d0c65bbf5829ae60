"""Counts the hand-made contracts with the program: from rows to counts, without files, org units or a server."""

import csv
import io
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
from workforce_cases import UZBEKISTAN, Counts, Row, extract

from dhis2_bridge import mapping_file, workforce

LABELS = ("org_argos_id", "unit_code")


def frame(text: str, source: str, delimiter: str = ";") -> pl.DataFrame:
    """An extract as counting takes it: text without outer blanks, blank as null, with its place."""
    header, *records = list(csv.reader(io.StringIO(text.strip(), newline=""), delimiter=delimiter))
    columns = {
        name: pl.Series([record[place].strip() or None for record in records], dtype=pl.String)
        for place, name in enumerate(header)
    }
    categorical = {"source": pl.Categorical(), "sheet": pl.Categorical(), "row": pl.UInt32()}
    place = pl.DataFrame(
        {"source": [source] * len(records), "sheet": [None] * len(records), "row": range(2, len(records) + 2)},
        schema=categorical,
    )
    return place.with_columns(**columns)


def coded(rows: pl.DataFrame, texts: set[str]) -> pl.DataFrame:
    """The rows as they are gathered: all columns but these as numbers of texts, among them some that no row has."""
    few = [name for name, dtype in rows.schema.items() if dtype == pl.String and name not in texts]
    extra = pl.DataFrame({name: pl.Series(["not a text of any row"]) for name in few})
    both = pl.concat([extra, rows], how="diagonal_relaxed")
    return both.with_columns(pl.col(name).cast(pl.Categorical(pl.Categories.random())) for name in few).slice(1)


def count(
    mapping: dict[str, Any],
    staff: list[Row],
    posts: str | None = None,
    as_of: date | None = None,
    *,
    as_text: bool = False,
) -> Any:
    """What the program counts; `cells` and findings as it gives them."""
    bound = mapping_file.from_dict(mapping, folder=UZBEKISTAN)
    block = bound.workforce
    assert block is not None
    day = as_of or (date(2026, 9, 30) if block.as_of == "period_end" else date(2026, 7, 1))
    rows = {"staff": frame(extract(staff), "staff.csv")}
    if posts is not None:
        rows["posts"] = frame(posts, "posts.csv")
    if not as_text:
        rows = {name: coded(held, {block.person.column, *block.person.name}) for name, held in rows.items()}
    places = pl.DataFrame(
        schema={"source": pl.Categorical(), "sheet": pl.Categorical(), "name": pl.String(), "column": pl.UInt16()}
    )
    return workforce.count(bound, rows, day, LABELS, places)


def counts(counted: Any) -> Counts:
    """The cells of a count in the shape of the hand-made ones."""
    found: Counts = {}
    for cell in counted.cells.iter_rows(named=True):
        unit = f"HRM_{cell['org_argos_id']}" + (f"_{cell['unit_code']}" if cell["unit_code"] else "")
        key = (cell["data_element"], unit, cell["SEX"] or "", cell["AGE6"] or "")
        assert key not in found
        found[key] = Decimal(repr(cell["value"])).normalize()
    return found
