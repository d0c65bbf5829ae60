"""Takes figures that count from the start of the year apart into those of each period."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import polars as pl

from dhis2_bridge import periods, value_types
from dhis2_bridge.findings import PLACE, Finding, frame
from dhis2_bridge.snapshot import Snapshot
from dhis2_bridge.values import KEY

_CELL: Final = tuple(name for name in KEY if name != "period")
_REPORT: Final = ("data_set", "org_unit", "attribute_option_combo")

Texts = tuple[str, ...]


def difference(
    values: pl.DataFrame, previous: pl.DataFrame | None, snapshot: Snapshot | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The values of cumulative forms less what earlier periods of the year hold, and the findings.

    Values that are `cumulative` are meant; those of data elements that hold no numbers stay as they are, which only a
    `snapshot` can tell of a text such as 12. `previous` holds data values of earlier periods as they were sent
    (`values.VALUES_SCHEMA`). A report that lacks one of the periods since the start of the year has no difference, and
    neither has a cell that was refused in one: their values are refused. A cell that an earlier report left blank
    counts as nothing there.
    """
    columns = [*PLACE, *_REPORT, *_CELL, "period", "value"]
    cumulative = values.with_row_index("index").filter(pl.col("cumulative") & pl.col("refused").is_null())
    rows = cumulative.select("index", *dict.fromkeys(columns)).rows(named=True)
    earlier = _Earlier.of(previous, {row["org_unit"] for row in rows})
    since = {iso: _since_year_start(iso) for iso in {row["period"] for row in rows}}
    found: list[Finding] = []
    changed: list[tuple[int, str, str | None]] = []
    for row in rows:
        number = _number(row["value"])
        element = snapshot.data_elements[row["data_element"]] if snapshot is not None else None
        texts = element is not None and (element.value_type not in value_types.NUMERIC_TYPES or element.option_set)
        before = since[row["period"]]
        if not before or number is None or texts:
            continue
        missing = earlier.missing(row, before)
        sent = sum((earlier.numbers[_of(row, _CELL)].get(iso, Decimal(0)) for iso in before), Decimal(0))
        value = _written(number - sent)
        code: str | None = None
        arguments: dict[str, Any] = {}
        if missing:
            code, arguments = "cumulative.previous_missing", {"periods": ", ".join(missing)}
        elif number < sent:
            code, arguments = "cumulative.negative", {"previous": _written(sent)}
        elif element is not None and snapshot is not None:
            reason = value_types.reason(value, element.value_type, snapshot.engine)
            if reason is not None:
                code, arguments = "value.not_of_type", {"value_type": element.value_type, "reason": reason}
                arguments |= {"hint": "", "may_be": None, "data_element": element.name}
        if code is not None:
            place = {name: row[name] for name in PLACE}
            found.append(Finding(code, **place, found=row["value"], arguments=arguments, values=1))
            value = row["value"]
        changed.append((row["index"], value, code))
    if not changed:
        return values, frame(found)
    made = pl.DataFrame(changed, schema={"index": pl.UInt32, "made": pl.String, "kept": pl.Categorical}, orient="row")
    values = (
        values.with_row_index("index")
        .join(made, on="index", how="left", maintain_order="left")
        .with_columns(value=pl.coalesce("made", "value"), refused=pl.coalesce("refused", "kept"))
        .select(values.columns)
    )
    return values, frame(found)


@dataclass(slots=True)
class _Earlier:
    """What earlier periods hold: numbers by cell and period, periods by report, and cells that were refused."""

    numbers: defaultdict[Texts, dict[str, Decimal]] = field(default_factory=lambda: defaultdict(dict))
    reported: defaultdict[Texts, set[str]] = field(default_factory=lambda: defaultdict(set))
    refused: defaultdict[Texts, set[str]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def of(cls, previous: pl.DataFrame | None, org_units: set[str]) -> "_Earlier":
        held = cls()
        if previous is None:
            return held
        columns = list(dict.fromkeys((*_REPORT, *_CELL, "period", "value", "refused")))
        texts = previous.filter(pl.col("org_unit").cast(pl.String).is_in(list(org_units))).select(columns)
        for row in texts.iter_rows(named=True):
            cell = _of(row, _CELL)
            if row["refused"] is not None:
                held.refused[cell].add(row["period"])
                continue
            held.reported[_of(row, _REPORT)].add(row["period"])
            number = _number(row["value"])
            if number is not None:
                held.numbers[cell][row["period"]] = number
        return held

    def missing(self, row: dict[str, Any], before: list[str]) -> list[str]:
        """The periods in which the report is missing or refused this cell."""
        cell, reported = _of(row, _CELL), self.reported[_of(row, _REPORT)]
        known = self.numbers[cell].keys()
        return [iso for iso in before if iso not in known and (iso not in reported or iso in self.refused[cell])]


def _of(row: dict[str, Any], names: Texts) -> Texts:
    return tuple(row[name] for name in names)


def _number(text: str | None) -> Decimal | None:
    try:
        number = Decimal(text or "")
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _written(number: Decimal) -> str:
    """A number in plain notation without zeros behind its fraction."""
    return format(number.normalize(), "f") if number else "0"


def _since_year_start(iso: str) -> list[str]:
    """The periods of the same calendar year before this one, the earliest first."""
    period = periods.parse(iso)
    before: list[str] = []
    if period is None:
        return before
    other = periods.neighbour(period, -1)
    while other.start.year == period.start.year and other.end < period.start:
        before.insert(0, other.iso)
        other = periods.neighbour(other, -1)
    return before
