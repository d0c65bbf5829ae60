"""What became of the labels of cells: those that lead nowhere, and those that were read by a rule worth telling."""

import functools
from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from dhis2_bridge import faults, names
from dhis2_bridge.bilingual import folded, languages, spoken
from dhis2_bridge.bound import Bound
from dhis2_bridge.columns import Columns, Feed
from dhis2_bridge.findings import PLACE, arguments_text
from dhis2_bridge.lookups import SEPARATOR, Distinct, Hit, Miss, is_miss
from dhis2_bridge.values import escaped, spread

Feeds = Mapping[str, Feed]

VALUES: Final = pl.col("parts").is_null().sum().cast(pl.UInt32).alias("values")
"""How many of the cells of a group are data values: a total is none."""


class Labels:
    """Judges the labels of cells by the answers for each dimension."""

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        self._confirmed = Distinct(self._confirm)

    def misses(self, cells: pl.DataFrame, feeds: Feeds, found: list[pl.DataFrame]) -> pl.Series:
        """The code that refuses each row for a label that leads nowhere, null where all labels are found."""
        refused: list[pl.DataFrame] = []
        for key, (_, distinct) in self._bound.dimensions.items():
            missed = distinct.column(is_miss, pl.Boolean)
            at = missed.gather(cells[f"#{key}"]).arg_true() if missed.any() else missed.arg_true()
            if at.is_empty():
                continue
            rows = cells[at]
            codes = rows[f"#{key}"]
            told = rows.with_columns(
                code=distinct.column(_code, pl.String).gather(codes),
                label=pl.Series(distinct.texts, dtype=pl.String).gather(codes),
                arguments=distinct.column(_arguments, pl.String).gather(codes),
            )
            feed = feeds[key]
            found.append(
                told.group_by(
                    "source",
                    "sheet",
                    feed.row.cast(pl.UInt32).alias("row"),
                    feed.column.cast(pl.UInt16).alias("column"),
                    "code",
                    _shown(pl.col("label")),
                    "arguments",
                    maintain_order=True,
                ).agg(VALUES)
            )
            refused.append(pl.DataFrame([at.alias("index"), told["code"].alias("refused")]))
        return spread(refused, cells.height)

    def _confirm(self, pair: str) -> Miss | None:
        """Whether the words beside a line code are those of the crosswalk: None, or the finding."""
        label, _, words = pair.rpartition(SEPARATOR)
        said = spoken(words)
        lines = self._lines()
        expected = lines.get(tuple(names.fold(part) for part in label.split(SEPARATOR)), ())
        if not said or not expected or self._says(words, expected):
            return None
        others = [texts for texts in lines.values() if texts != expected]
        arguments = {"expected": expected[0], "data_element": label.replace(SEPARATOR, " / ")}
        # Words of another line mean that rows have moved: the numbers may be right and stand in the wrong line.
        if any(self._says(words, texts) for texts in others):
            return Miss("label.disagrees", arguments)
        if any(said & spoken(text) for text in expected):
            return None
        moved = any(said & spoken(text) for texts in others for text in texts)
        return Miss("label.disagrees" if moved else "label.differs", arguments)

    @staticmethod
    def _says(words: str, texts: tuple[str, ...]) -> bool:
        """Whether words are one of these texts, or each of their languages is one, or one of a text's languages."""
        if folded(words) in {folded(text) for text in texts}:
            return True
        return {folded(part) for part in languages(words) or (words,)} <= {
            one for text in texts for one in spoken(text)
        }

    @functools.cache  # noqa: B019 - lives as long as one conversion
    def _lines(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        """The words of each line, by its folded key."""
        crosswalk = self._bound.crosswalk("data_element")
        held = crosswalk.labels.items() if crosswalk is not None else ()
        return {tuple(names.fold(part) for part in key): texts for key, texts in held if texts}

    def confirm(self, cells: pl.DataFrame, columns: Columns, found: list[pl.DataFrame]) -> pl.DataFrame:
        """The cells with those refused whose words beside the line code are those of another line."""
        if cells["confirm"].null_count() == cells.height:
            return cells
        _, distinct = self._bound.dimensions["data_element"]
        label = pl.Series(distinct.texts, dtype=pl.String).gather(cells["#data_element"])
        pair = cells.select(pl.concat_str([label.alias("label"), pl.col("confirm")], separator=SEPARATOR))
        codes = self._confirmed.codes(pair.to_series())
        code = self._confirmed.column(_code, pl.String).gather(codes)
        if code.null_count() == len(code):
            return cells
        arguments = self._confirmed.column(_arguments, pl.String)
        told = cells.with_columns(code=code, arguments=arguments.gather(codes)).filter(
            pl.col("code").is_not_null() & pl.col("refused").is_null()
        )
        number = pl.lit(columns.number(self._bound.dimensions["data_element"][0].confirm or ""), dtype=pl.UInt16)
        place = ("source", "sheet", "row", number.alias("column"))
        found.append(
            told.group_by(*place, "code", pl.col("confirm").alias("found"), "arguments", maintain_order=True).agg(
                VALUES
            )
        )
        disagrees = pl.Series("code", code == "label.disagrees").fill_null(False)
        return cells.with_columns(refused=cells["refused"].zip_with(cells["refused"].is_not_null() | ~disagrees, code))

    def notes(self, cells: pl.DataFrame, feeds: Feeds, found: list[pl.DataFrame]) -> None:
        """What was done to labels and texts without loss: told once for each label, and for each cell."""
        for key, (_, distinct) in self._bound.dimensions.items():
            note = distinct.column(_note, pl.String)
            if note.null_count() == len(note):
                continue
            codes = cells[f"#{key}"]
            told = cells.with_columns(
                code=note.gather(codes),
                label=pl.Series(distinct.texts, dtype=pl.String).gather(codes),
                matched=distinct.column(_matched, pl.String).gather(codes),
            ).filter(pl.col("code").is_not_null())
            place = (feeds[key].row.cast(pl.UInt32).alias("row"), feeds[key].column.cast(pl.UInt16).alias("column"))
            told = told.select(
                "source", "sheet", *place, "code", _shown(pl.col("label")), pl.col("matched").alias("arguments")
            )
            found.append(told.unique(["source", "sheet", "code", "found"], keep="first", maintain_order=True))
        odd = cells.filter(pl.col("note").is_not_null())
        if not odd.is_empty():
            read = pl.concat_str([pl.lit('{"read": "'), escaped(odd["value"]), pl.lit('"}')])
            found.append(odd.select(*PLACE, pl.col("note").alias("code"), "found", read.alias("arguments")))


def _code(answer: Any) -> str | None:
    return answer.code if isinstance(answer, Miss) else None


def _arguments(answer: Any) -> str | None:
    return arguments_text(answer.arguments) if isinstance(answer, Miss) else None


def _note(answer: Any) -> str | None:
    return answer.note if isinstance(answer, Hit) else None


def _matched(answer: Any) -> str | None:
    return arguments_text({"matched": answer.matched}) if isinstance(answer, Hit) else None


def _shown(label: pl.Expr) -> pl.Expr:
    """Labels as they stood, those of several columns side by side."""
    return faults.as_found(label).str.replace_all(SEPARATOR, " / ", literal=True).alias("found")
