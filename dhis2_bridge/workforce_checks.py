"""Checks of counts against each other: posts, persons, totals, and what is plausible over the whole.

All are warnings: registers are seldom in order, and a count that looks odd may be true. Each is at the first row that
counts; the facility is told by that row.
"""

import re
from collections.abc import Iterator, Sequence

import polars as pl

from dhis2_bridge import names
from dhis2_bridge.coded import spread
from dhis2_bridge.findings import Finding, frame
from dhis2_bridge.grouping import UNIT
from dhis2_bridge.mapping_workforce import Checks, Measure, Plausible, Workforce
from dhis2_bridge.row_notes import PLACE, RowNotes, json_of, quoted

_SLACK = 1e-6
_OCCUPATION = "#occupation"


def check(cells: pl.DataFrame, workforce: Workforce, places: pl.DataFrame) -> list[pl.DataFrame]:
    """The findings about counted cells (`workforce.Counted`)."""
    return _Check(cells, workforce).findings(places) if cells.height else []


class _Check:
    def __init__(self, cells: pl.DataFrame, workforce: Workforce) -> None:
        self.cells = cells
        self.checks: Checks = workforce.checks
        self.notes = RowNotes()
        self.occupations: dict[str, int] = {}
        self.measures: dict[str, tuple[int, Measure]] = {}
        for place, one in enumerate(workforce.measures):
            if one.is_ is not None:
                self.measures.setdefault(one.is_, (place, one))

    def findings(self, places: pl.DataFrame) -> list[pl.DataFrame]:
        """All of them."""
        self._posts()
        self._persons()
        self._totals()
        found = self.notes.frames(places)
        national = list(self._national())
        return [*found, *national]

    def _of(self, role: str, by: Sequence[str] = ()) -> pl.DataFrame:
        """The sums of one measure by org unit, occupation and these axes, with the place of the first row."""
        place, measure = self.measures[role]
        shape = re.escape(measure.data_element).replace(r"\{occupation\}", "(.+)", 1).replace(r"\{occupation\}", ".+")
        shape = shape.replace(r"\{group\}", ".+") if "(.+)" in shape else ".*()"

        def numbers(elements: list[str]) -> list[int | None]:
            found = [re.fullmatch(shape, element) for element in elements]
            return [self.occupations.setdefault(one[1], len(self.occupations)) if one else None for one in found]

        held = self.cells.filter(pl.col("measure") == place)
        return (
            held.with_columns(spread(held["data_element"], numbers, pl.UInt32).alias(_OCCUPATION))
            .group_by(UNIT, _OCCUPATION, *by, maintain_order=True)
            .agg(pl.col("value").sum().alias(role), pl.col("data_element").first(), pl.col(*PLACE).first())
        )

    def _beside(self, one: str, other: str, by: Sequence[str] = ()) -> pl.DataFrame | None:
        """Two measures side by side, 0 where one has nothing; None where one is absent altogether."""
        if one not in self.measures or other not in self.measures:
            return None
        first, second = self._of(one, by), self._of(other, by)
        if first.is_empty() or second.is_empty():
            return None
        keys = [UNIT, _OCCUPATION, *by]
        both = first.join(second, on=keys, how="full", coalesce=True, nulls_equal=True, suffix=" of other")
        spare = [pl.coalesce(name, f"{name} of other").alias(name) for name in ("data_element", *PLACE)]
        return both.with_columns(*spare, pl.col(one, other).fill_null(0.0)).sort("source", "row", nulls_last=True)

    def _posts(self) -> None:
        if self.checks.filled_over_approved == "warn":
            both = self._beside("filled", "approved")
            if both is not None:
                over = both.filter(pl.col("filled") > pl.col("approved") + _SLACK)
                self._note(over, "posts.filled_over_approved", "filled", "approved")
        if self.checks.vacant == "warn":
            both = self._beside("filled", "approved")
            if both is None or "vacant" not in self.measures:
                return
            vacant = self._of("vacant")
            keys = [UNIT, _OCCUPATION]
            expected = both.select(*keys, (pl.col("approved") - pl.col("filled")).alias("expected"))
            held = vacant.join(expected, on=keys, how="left", nulls_equal=True, maintain_order="left")
            differs = held.filter((pl.col("vacant") - pl.col("expected")).abs() > _SLACK)
            self._note(differs, "posts.vacant_differs", "vacant", "expected")

    def _persons(self) -> None:
        checks = self.checks
        if checks.practising_over_employed == "warn" and not self._part_by_rule():
            by = [name for name in self.measures["practising"][1].by if name in self.measures["employed"][1].by]
            both = self._beside("practising", "employed", by)
            if both is not None:
                over = both.filter(pl.col("practising") > pl.col("employed"))
                self._note(over, "headcount.practising_over_employed", "practising", "employed")
        persons = "employed" if "employed" in self.measures else "practising"
        both = self._beside(persons, "filled")
        if both is None:
            return
        both = both.rename({persons: "persons"})
        if (limit := checks.persons_per_filled) is not None:
            over = both.filter(pl.col("persons") > pl.col("filled") * limit + _SLACK)
            self._note(over.with_columns(limit=pl.lit(limit)), "headcount.over_posts", "persons", "filled", "limit")
        if checks.double_posting is not None:
            self._double_posting(both, *checks.double_posting)

    def _part_by_rule(self) -> bool:
        """Whether the practising are a part of the employed by the rule itself, or one of the two is not counted."""
        if not {"practising", "employed"} <= self.measures.keys():
            return True
        practising, employed = self.measures["practising"][1], self.measures["employed"][1]
        alike = practising.model_copy(update={"where": None, "is_": None, "data_element": ""})
        return alike == employed.model_copy(update={"is_": None, "data_element": ""})

    def _double_posting(self, both: pl.DataFrame, least: float, most: float) -> None:
        """The coefficient of double posting of each org unit, all occupations together."""
        units = both.group_by(UNIT, maintain_order=True).agg(pl.col("persons", "filled").sum(), pl.col(*PLACE).first())
        units = units.filter(pl.col("persons") > 0).with_columns(
            ratio=pl.col("filled") / pl.col("persons"), least=pl.lit(least), most=pl.lit(most)
        )
        odd = units.filter((pl.col("ratio") < least - _SLACK) | (pl.col("ratio") > most + _SLACK))
        self._note(odd, "headcount.double_posting", "filled", "persons", "ratio", "least", "most")

    def _totals(self) -> None:
        for code, globs in self.checks.totals.items():
            parts = self._matching(globs).filter(pl.col("data_element") != code)
            total = self.cells.filter(pl.col("data_element") == code)
            if total.is_empty() and parts.is_empty():
                continue
            sums = parts.group_by(UNIT).agg(pl.col("value").sum().alias("sum"), pl.col(*PLACE).first())
            totals = total.group_by(UNIT).agg(pl.col("value").sum().alias("total"), pl.col(*PLACE).first())
            both = totals.join(sums, on=UNIT, how="full", coalesce=True, suffix=" of other")
            both = both.with_columns(
                *(pl.coalesce(name, f"{name} of other").alias(name) for name in PLACE),
                pl.col("total", "sum").fill_null(0.0),
                pl.lit(code).alias("data_element"),
            ).sort("source", "row", nulls_last=True)
            differs = both.filter((pl.col("total") - pl.col("sum")).abs() > _SLACK)
            differs = differs.with_columns(parts=pl.lit(", ".join(globs)))
            self._note(differs, "headcount.total_differs", "total", "sum", "parts")

    def _matching(self, globs: Sequence[str]) -> pl.DataFrame:
        """The cells whose data element fits one of the globs."""
        is_one = names.globs(globs)
        fitting = [code for code in self.cells["data_element"].unique() if code is not None and is_one(code)]
        return self.cells.filter(pl.col("data_element").is_in(fitting))

    def _national(self) -> Iterator[pl.DataFrame]:
        for name, bound in self.checks.national.items():
            value = self._sum(bound)
            if value is None:
                continue
            low = bound.least is not None and value < bound.least
            high = bound.most is not None and value > bound.most
            if low or high:
                said = {
                    "name": name,
                    "value": _plain(value),
                    "least": _plain(bound.least) if low and bound.least is not None else None,
                    "most": _plain(bound.most) if high and bound.most is not None else None,
                }
                yield frame([Finding("headcount.implausible", arguments=said)])

    def _sum(self, bound: Plausible) -> float | None:
        """The sum that is bounded, or its ratio to another; None where it is not counted at all."""
        held = self._matching(bound.of)
        if held.is_empty():
            return None
        value = float(held["value"].sum())
        if not bound.per:
            return value
        over = float(self._matching(bound.per)["value"].sum())
        return value / over if over else None

    def _note(self, rows: pl.DataFrame, code: str, *numbers: str) -> None:
        """Notes one finding for each row, with these numbers and the data element."""
        said = {name: quoted(_written(rows, name)) for name in numbers}
        if "data_element" in rows.columns:
            said["data_element"] = quoted(pl.col("data_element"))
        self.notes.add(rows, code, None, json_of(**said))


def _written(rows: pl.DataFrame, name: str) -> pl.Expr:
    if rows.schema[name] == pl.String:
        return pl.col(name)
    return pl.lit(pl.Series([_plain(number) for number in rows[name]], dtype=pl.String))


def _plain(number: float) -> str:
    return f"{number:.4f}".rstrip("0").rstrip(".")
