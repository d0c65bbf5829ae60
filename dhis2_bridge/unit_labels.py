"""The labels of org units over rows of persons and posts: a number for each, and how many persons hold it."""

from collections.abc import Collection
from dataclasses import dataclass, field

import polars as pl

from dhis2_bridge.coded import distinct_rows
from dhis2_bridge.grouping import ORDER, UNIT
from dhis2_bridge.persons import PERSON
from dhis2_bridge.row_notes import ENOUGH, PLACE


@dataclass(slots=True)
class UnitLabels:
    """The distinct labels of rows. `names` are the columns of a label, `columns` their texts by the labels' numbers."""

    names: tuple[str, ...]
    columns: list[pl.Series] = field(default_factory=list)
    _holders: list[pl.DataFrame] = field(default_factory=list)

    def number(self, given: dict[str, pl.DataFrame], kept: Collection[str]) -> dict[str, pl.DataFrame]:
        """The rows of each source with `#order`, and with `#unit`: the place of their label among all, sorted.

        They are taken out of what was given, so that nobody holds them longer than they are needed. Of the columns of
        labels those that are `kept` stay.
        """
        made: dict[str, pl.DataFrame] = {}
        seen: dict[str, pl.DataFrame] = {}
        for source in list(given):
            rows = given.pop(source)
            order = pl.int_range(rows.height, dtype=pl.UInt32, eager=True).alias(ORDER)
            unit = order * 0
            if self.names:
                texts, unit = distinct_rows([rows[name] for name in self.names])
                seen[source] = pl.DataFrame(texts, self.names).with_columns(pl.all().str.strip_chars().fill_null(""))
            made[source] = rows.with_columns(order, unit.alias(UNIT)).drop({*self.names} - {*kept})
        if seen:
            known = pl.concat(seen.values()).unique().sort(self.names)
            self.columns = known.select(pl.when(pl.all() != "").then(pl.all())).get_columns()
            known = known.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias(UNIT))
            for source, texts_of_source in seen.items():
                places = texts_of_source.join(known, on=self.names, how="left", maintain_order="left")[UNIT]
                made[source] = made[source].with_columns(places.gather(made[source][UNIT]))
        return made

    def remember(self, rows: pl.DataFrame) -> None:
        """Keeps where each label stands first, in how many rows, and of how many persons where these are known."""
        persons = pl.col(PERSON).n_unique() - pl.col(PERSON).is_null().any().cast(pl.UInt32)
        holders = persons if PERSON in rows.columns else pl.len()
        self._holders.append(
            rows.sort(ORDER)
            .group_by(UNIT)
            .agg(
                pl.col(*PLACE).first(),
                pl.len().cast(pl.UInt32).alias("rows"),
                holders.cast(pl.UInt32).alias("holders"),
            )
            .sort(UNIT)
        )

    def facts(self) -> pl.DataFrame:
        """A row for each distinct label in each source of rows: its columns, the place, `rows`, and `known`."""
        if not self._holders:
            return pl.DataFrame()
        facts = pl.concat(self._holders)
        return facts.select(
            *(column.gather(facts[UNIT]) for column in self.columns),
            *PLACE,
            "rows",
            (pl.col("holders") >= ENOUGH).alias("known"),
        )
