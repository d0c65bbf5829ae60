"""Which rows are one person, where that is in doubt, and which of a person's contracts is the main job.

Nothing depends on the order of rows: where all that is declared is equal, the texts of the rows themselves decide.
Work that compares rows is done for the few persons with several contracts only.
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

from dhis2_bridge import identities, names
from dhis2_bridge.findings import arguments_text
from dhis2_bridge.identities import ID
from dhis2_bridge.mapping_workforce import Person
from dhis2_bridge.row_notes import PLACE, RowNotes, json_of, quoted

PERSON: Final = "#person"
"""A number for each person; null for a row that is nobody's as far as can be told."""

SEVERAL: Final = "#several"
"""Whether the row is of a person with more than one, before conflicts are left out."""

BORN: Final = "#born"
SEX: Final = "#sex"

_SEPARATOR: Final = "\x1f"
_LOST: Final = r"^[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]+$"
_LONGEST: Final = 18
_OTHERS: Final = 1 << 63


def told(ids: pl.Series, person: Person) -> pl.DataFrame:
    """What ids tell, each for itself: `#id`, `#person` where it is a number, and what `identities.read` gives."""
    rows = ids.str.strip_chars().to_frame(ID)
    # Digits alone are a number (Polars takes a plus too), and without a zero ahead no two ids are the same one.
    plain = (pl.col(ID) >= "1") & (pl.col(ID).str.len_bytes() <= _LONGEST)
    rows = rows.with_columns(pl.when(plain).then(pl.col(ID).cast(pl.UInt64, strict=False)).alias(PERSON))
    return rows if person.identity is None else identities.read(rows, person.identity)


def identify(rows: pl.DataFrame, ids: pl.DataFrame, person: Person, notes: RowNotes) -> pl.DataFrame:
    """The rows with `#person`; those whose id is missing, lost or in conflict are noted.

    `rows` has the place, `#order`, `#born` and `#sex` as declared; these two come back as they count, and `#several`
    says which rows are of persons with more than one. `ids` is what their ids tell.
    """
    rows = rows.with_columns(ids[ID], ids[PERSON])
    odd = rows[PERSON].is_null().arg_true()
    if len(odd):
        rows = _without_number(rows, odd, person, notes)
    if person.identity is not None:
        rows = _judged(rows, ids, person, notes)
    rows = rows.with_columns(_several(rows[PERSON]).alias(SEVERAL))
    return _conflicts(rows, person, notes).drop(ID)


def _without_number(rows: pl.DataFrame, odd: pl.Series, person: Person, notes: RowNotes) -> pl.DataFrame:
    """The rows with a `#person` for those whose id is no number, where anything tells who it is.

    `odd` are the places of these rows. Other ids, and names with birth dates, become a place among themselves.
    """
    held = rows[odd]
    lost = held[ID].str.contains(_LOST).fill_null(False)
    notes.add(held.filter(lost), "person.id_unrecoverable", person.column)
    if lost.any():
        unknown = pl.Series([None], dtype=pl.String).new_from_index(0, int(lost.sum()))
        rows = rows.with_columns(rows[ID].scatter(odd.filter(lost), unknown))
    without = held[ID].is_null()
    by_name = pl.Series([None], dtype=pl.String).new_from_index(0, held.height)
    if without.any():
        by_name = by_name.scatter(without.arg_true(), _by_name(held.filter(without), person, notes))
    keys = held.select(
        pl.coalesce(pl.concat_str(pl.lit("i"), pl.when(~lost).then(ID)), pl.concat_str(pl.lit("n"), pl.lit(by_name)))
    ).to_series()
    distinct = keys.unique().drop_nulls().sort()
    if distinct.is_empty():
        return rows
    places = pl.int_range(_OTHERS, _OTHERS + len(distinct), dtype=pl.UInt64, eager=True)
    found = keys.replace_strict(distinct, places, default=None, return_dtype=pl.UInt64)
    return rows.with_columns(rows[PERSON].scatter(odd, found))


def _by_name(held: pl.DataFrame, person: Person, notes: RowNotes) -> pl.Series:
    """For rows without an id: name and birth date as one text, null where they do not say who it is."""
    if person.missing == "refuse":
        notes.add(held, "person.missing", person.column)
        return pl.Series([None], dtype=pl.String).new_from_index(0, held.height)
    folded = [_latin(held[name]) for name in person.name]
    keys = held.select(
        pl.when(pl.col(BORN).is_not_null() & pl.any_horizontal(text.is_not_null() for text in folded)).then(
            pl.concat_str(
                [*(text.fill_null("") for text in folded), pl.col(BORN).cast(pl.String)], separator=_SEPARATOR
            )
        )
    ).to_series()
    notes.add(held.filter(keys.is_null()), "person.missing", person.column)
    notes.add(held.filter(keys.is_not_null()), "person.by_name_and_birth", person.column)
    return keys


def _latin(texts: pl.Series) -> pl.Series:
    """Names as they are compared: across apostrophes, look-alikes and scripts."""
    distinct = texts.unique().drop_nulls()
    if distinct.is_empty():
        return texts
    keys = pl.Series([names.latin(text) for text in distinct], dtype=pl.String)
    return texts.replace_strict(distinct, keys, default=None, return_dtype=pl.String)


def _judged(rows: pl.DataFrame, ids: pl.DataFrame, person: Person, notes: RowNotes) -> pl.DataFrame:
    """Notes ids that are not built as declared, and sex and birth date that differ from what the id tells."""
    # What is lost for good is no id any more.
    fault = ids.select(pl.when(rows[ID].is_not_null()).then("#fault").alias("#fault")).to_series()
    if fault.null_count() < len(fault):
        reasons = rows.select(*PLACE).with_columns(fault).filter(pl.col("#fault").is_not_null())
        notes.add(reasons, "person.id_structure", person.column, json_of(reason=quoted(pl.col("#fault"))))
    wins = person.sex_or_birth_differs_from_id == "identity"
    for kind, name, by_id in ((SEX, person.sex, ids["#sex"]), (BORN, person.birth_date, ids["#born"])):
        if name is None:
            continue
        # An id with a wrong check digit is no witness.
        differs = ((rows[kind] != by_id) & fault.is_null()).fill_null(False)
        if differs.any():
            code = "person.sex_differs" if kind == SEX else "person.birth_differs"
            notes.add(rows.filter(differs), code, name, {"counts": person.sex_or_birth_differs_from_id})
            if wins:
                rows = rows.with_columns(rows[kind].zip_with(~differs, by_id))
    return rows


def _several(person: pl.Series) -> pl.Series:
    """Which rows are of persons with more than one of these rows."""
    ordered = person.drop_nulls().sort()
    again = ordered.filter((ordered == ordered.shift(1)).fill_null(value=False))
    return person.is_in(again.unique().implode()).fill_null(value=False)


def _conflicts(rows: pl.DataFrame, person: Person, notes: RowNotes) -> pl.DataFrame:
    """The rows without those of persons who are two by their names, sex or birth date, where they are refused."""
    compared = [name for name in person.name if name in rows.columns]
    kinds = {**dict.fromkeys(compared, "name"), SEX: "sex", BORN: "birth_date"}
    many = rows.select(PERSON, *PLACE, "#order", *kinds).filter(rows[SEVERAL]).sort(PERSON, maintain_order=True)
    # Where anything changes from row to row is seen at once; what that comes to is found out for these few only.
    changes = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in kinds)
    doubtful = many.filter(changes & (pl.col(PERSON) == pl.col(PERSON).shift(1)))
    if doubtful.is_empty():
        return rows
    held = many.join(doubtful.select(PERSON), on=PERSON, how="semi").sort("#order")
    held = held.with_columns(_latin(held[name]).alias(name) for name in compared)
    counts = held.group_by(PERSON).agg(pl.col(name).drop_nulls().n_unique() for name in kinds)
    differs = {
        f"#differs {kind}": pl.any_horizontal(pl.col(name) > 1 for name, of in kinds.items() if of == kind)
        for kind in dict.fromkeys(kinds.values())
    }
    counts = counts.with_columns(**differs).filter(pl.any_horizontal(*differs))
    if counts.is_empty():
        return rows
    told = (
        held.join(counts.select(PERSON, *differs), on=PERSON, how="inner", maintain_order="left")
        .group_by(PERSON, maintain_order=True)
        .agg(*(pl.col(name).first() for name in (*PLACE, *differs)), pl.col("row").alias("rows"))
    )
    said = [
        arguments_text({"differs": [kind.rpartition(" ")[2] for kind in differs if one[kind]], "rows": one["rows"][:8]})
        for one in told.iter_rows(named=True)
    ]
    code = "person.conflict" if person.conflict == "refuse" else "person.conflict_first"
    notes.add(told.with_columns(pl.Series("said", said)), code, person.column, pl.col("said"))
    if person.conflict != "refuse":
        return rows
    refused = rows[PERSON].is_in(counts[PERSON].implode())
    return rows.with_columns(pl.when(~refused.fill_null(False)).then(PERSON).alias(PERSON))


def main_jobs(rows: pl.DataFrame, person: pl.Series, by: Sequence[tuple[str, bool]]) -> pl.Series:
    """Which rows are those of main jobs: one for each person.

    `rows` are as `identify` gives them; `person` is `#person`, null where a row cannot be one; `by` columns in the
    order in which they decide, each with whether the largest comes first; nulls come last.
    """
    many = rows[SEVERAL] & person.is_not_null()
    is_main = person.is_not_null() & ~many
    if not many.any():
        return is_main
    held = rows.select(person, *(name for name, _ in by)).with_row_index("#index").filter(many)
    return is_main.scatter(best_of(held, [PERSON], by)["#index"], values=True)


def best_of(rows: pl.DataFrame, once: Sequence[str], precedence: Sequence[tuple[str, bool]]) -> pl.DataFrame:
    """One row for each of these columns together: the first by the precedence (column, whether the largest is).

    Column by column those rows stay that are best in it, until each stands alone: the first column leaves few, and
    texts, which are slow to compare, hardly ever come to decide. The last column tells all rows apart.
    """
    alone: list[pl.DataFrame] = []
    for name, most in precedence:
        value = pl.col(name).cast(pl.String) if rows.schema[name] == pl.Categorical else pl.col(name)
        best = (value.max() if most else value.min()).over(once)
        rows = rows.filter(value.eq_missing(best))
        tied = rows.select(pl.struct(once).is_duplicated()).to_series()
        alone.append(rows.filter(~tied))
        if not tied.any():
            break
        rows = rows.filter(tied)
    return pl.concat(alone)


def repeated(rows: pl.DataFrame, columns: Sequence[str], notes: RowNotes, name: str) -> None:
    """Notes contracts that say the same again: person, org unit, occupation and start."""
    same = [PERSON, *columns]
    held = rows.filter(pl.struct(same).is_duplicated() & pl.col(columns[-1]).is_not_null()).sort("#order")
    held = held.with_columns(pl.col("row").first().over(same).alias("first"))
    again = held.filter(pl.struct(same).is_first_distinct().not_())
    notes.add(again, "contract.repeated", name, json_of(other=pl.col("first").cast(pl.String)))


def over_rate(rows: pl.DataFrame, rate: str, limit: float, notes: RowNotes, name: str) -> None:
    """Notes persons whose rates come to more than anyone can work; at the first of their rows."""
    totals = (
        rows.filter(pl.col(PERSON).is_not_null())
        .sort("#order")
        .group_by(PERSON, maintain_order=True)
        .agg(pl.col(*PLACE).first(), pl.col(rate).sum().alias("total"), pl.len().alias("contracts"))
        .filter(pl.col("total") > limit + 1e-9)
    )
    said = json_of(
        contracts=pl.col("contracts").cast(pl.String),
        limit=pl.lit(f"{limit:g}"),
        total=pl.col("total").round(4).cast(pl.String),
    )
    notes.add(totals, "person.total_rate", name, said)
