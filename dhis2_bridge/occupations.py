"""What the codes of occupations are reported as: through the crosswalk, by default, excluded, or not at all.

A code is text: 2212.1, 2212.10 and 2212.100 are three occupations, and a spreadsheet that takes them for numbers makes
one of them. Such a code is refused where it cannot be told which one it was. Each distinct code is resolved once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from dhis2_bridge import names
from dhis2_bridge.coded import spread
from dhis2_bridge.findings import arguments_text
from dhis2_bridge.mapping_workforce import Occupation
from dhis2_bridge.row_notes import ENOUGH, PLACE, RowNotes

NUMERIC: Final = "#numeric"
"""Whether the cell of the code is a number of a workbook, which holds no zeros at the end."""

RESOLVED: Final = "#occupation"
"""Index of the answer for a row's code; null where the row is refused or excluded."""

LISTED: Final = "#listed"
"""The same for refused and excluded rows too."""

CODE_SHAPE: Final = re.compile(r"[0-9]{4}(?:\.[0-9]{1,4})?")
"""Codes that may be shown whatever row they stand in."""

_DAMAGED: Final = re.compile(r"[0-9]{4},[0-9]+|[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]+|[0-9]{4}\.[0-9]{5,}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one code is: reported as a code, or the code of the finding that says why not."""

    text: str
    report_as: str = ""
    row: Mapping[str, str] | None = None
    code: str = ""


class Occupations:
    """Resolves the codes of rows; keeps its answers over sources."""

    def __init__(self, declared: Occupation) -> None:
        self._declared = declared
        self._rows = declared.rows
        self._titles: dict[str, list[str]] | None = None
        self.answers: list[Answer] = []
        self._places: dict[str, int] = {}

    def resolve(self, text: str) -> Answer:
        """What a code is reported as."""
        row = self._rows.get(text)
        if row is None:
            if _DAMAGED.fullmatch(text):
                return Answer(text, code="position.damaged")
            if not CODE_SHAPE.fullmatch(text):
                return Answer(text, code="position.unknown")
            if self._declared.otherwise == "refuse":
                return Answer(text, code="position.not_listed")
            return Answer(text, text[:4], code="" if not self._rows else "position.by_default")
        if row["report_as"] == "exclude":
            return Answer(text, row=row, code="position.excluded")
        if row["report_as"] == "ambiguous":
            return Answer(text, row=row, code="position.ambiguous")
        return Answer(text, row["report_as"], row)

    def column(self, name: str) -> pl.Series:
        """A column of the crosswalk by the answers' places, `report_as` of the default included."""
        if name == "report_as":
            return pl.Series([answer.report_as or None for answer in self.answers], dtype=pl.String)
        texts = [answer.row.get(name) or None if answer.row else None for answer in self.answers]
        return pl.Series(texts, dtype=pl.String)

    def add(self, rows: pl.DataFrame, notes: RowNotes) -> pl.DataFrame:
        """The rows with `#occupation`; what is refused, excluded or reported by default is noted once for each code.

        `rows` has the place, `#order`, and `#person` where rows are of persons.
        """
        name = self._declared.column
        found = spread(rows[name], self._placed, pl.UInt32)
        rows = rows.with_columns(found.alias(RESOLVED))
        missing = found.is_null()
        if missing.any():
            self._note_missing(rows.filter(missing), notes)
        if NUMERIC in rows.columns and rows[NUMERIC].any():
            notes.add(rows.filter(pl.col(NUMERIC) & pl.col(RESOLVED).is_not_null()), "position.numeric_cell", name)
            rows = rows.with_columns(pl.when(~pl.col(NUMERIC)).then(RESOLVED).alias(RESOLVED))
        told = [place for place, answer in enumerate(self.answers) if answer.code]
        if told:
            self._note(rows.filter(pl.col(RESOLVED).is_in(told)), notes)
        kept = pl.Series([bool(answer.report_as) for answer in self.answers], dtype=pl.Boolean)
        rows = rows.with_columns(rows[RESOLVED].alias(LISTED))
        if not kept.all():
            keeps = kept.gather(rows[RESOLVED].fill_null(0)) & rows[RESOLVED].is_not_null()
            rows = rows.with_columns(pl.when(keeps).then(RESOLVED).alias(RESOLVED))
        return rows

    def _placed(self, texts: list[str]) -> list[int]:
        """The places of the answers for codes; a code that is new gets the next."""
        codes = [text.strip() for text in texts]
        for code in sorted({*codes} - self._places.keys()):
            self._places[code] = len(self.answers)
            self.answers.append(self.resolve(code))
        return [self._places[code] for code in codes]

    def excluded(self, rows: pl.DataFrame) -> pl.Series:
        """Which of these rows are of occupations that are not counted."""
        out = pl.Series([answer.code == "position.excluded" for answer in self.answers] or [False], dtype=pl.Boolean)
        return out.gather(rows[LISTED].fill_null(0)) & rows[LISTED].is_not_null()

    def _note(self, rows: pl.DataFrame, notes: RowNotes) -> None:
        """One finding for each code that is worth telling, the commonest first."""
        facts = (
            rows.sort("#order")
            .group_by(RESOLVED, maintain_order=True)
            .agg(pl.col(*PLACE).first(), pl.len().alias("rows"))
            .sort(["rows", RESOLVED], descending=[True, False])
        )
        for one in facts.iter_rows(named=True):
            answer = self.answers[one[RESOLVED]]
            arguments: dict[str, Any] = {"rows": one["rows"]}
            if answer.code == "position.by_default":
                arguments["report_as"] = answer.report_as
            elif answer.code == "position.ambiguous" and answer.row:
                arguments["choices"] = [part.strip() for part in answer.row.get("choices", "").split("|")]
            elif answer.code == "position.not_listed":
                arguments["crosswalk"] = self._declared.crosswalk or ""
            shown = answer.text if answer.row is not None or CODE_SHAPE.fullmatch(answer.text) else None
            place = facts.filter(pl.col(RESOLVED) == one[RESOLVED])
            notes.add(place, answer.code, self._declared.column, arguments, found=pl.lit(shown, dtype=pl.String))

    def _note_missing(self, rows: pl.DataFrame, notes: RowNotes) -> None:
        """Rows without a code: one finding for each title, with the codes whose titles are nearest.

        A title is a suggestion's reason and never a match; it is shown only where enough persons hold it.
        """
        name, title = self._declared.column, self._declared.title
        if title is None or title not in rows.columns:
            notes.add(rows, "position.missing", name, {"rows": 1, "suggestions": []})
            return
        persons = pl.col("#person").n_unique() if "#person" in rows.columns else pl.len()
        facts = (
            rows.sort("#order")
            .group_by(title, maintain_order=True)
            .agg(pl.col(*PLACE).first(), pl.len().alias("rows"), persons.alias("persons"))
            .sort(["rows", title], descending=[True, False])
        )
        shown = pl.when(pl.col("persons") >= ENOUGH).then(pl.col(title).cast(pl.String))
        said = [
            arguments_text({"rows": count, "suggestions": self._suggested(text) if text else []})
            for text, count in facts.select(title, "rows").iter_rows()
        ]
        notes.add(facts.with_columns(pl.Series("said", said)), "position.missing", name, pl.col("said"), found=shown)

    def _suggested(self, title: str) -> list[str]:
        """The codes of the crosswalk whose titles are most like a title."""
        if self._titles is None:
            self._titles = {}
            for code, row in self._rows.items():
                for key, text in row.items():
                    if (key.startswith("title") or key.startswith("label") or key.startswith("name")) and text:
                        self._titles.setdefault(text, []).append(code)
        near = names.rank(title, self._titles)
        return list(dict.fromkeys(code for text in near for code in self._titles[text]))[:6]
