"""Two sources of persons beside one another: who is in one and not in the other, and where they say different things.

Persons are known by keyed hashes only, with a key that lives as long as one comparison, and what comes out has none.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

ENOUGH: Final = 3
"""A count of fewer persons than this may tell who they are: it is flagged. So many hold a label before it is shown."""

ASPECTS: Final = ("facility", "occupation", "sex", "birth_date")
"""What two sources may say differently of one person."""

ROWS_SCHEMA: Final = pl.Schema(
    {
        "source": pl.Categorical(),
        "sheet": pl.Categorical(),
        "row": pl.UInt32(),
        "person": pl.String(),
        **dict.fromkeys(ASPECTS, pl.String()),
        "known": pl.Boolean(),
    }
)
"""Columns of a frame of person rows, one a contract.

`person` is any text that is the same for the same person in both sources, null where that is not known. `facility`
and `occupation` are what they are reported as, null where unknown; `known` says that the facility is one of the
instance, so that its label tells nothing of a person. `sex` and `birth_date` are texts, null where unknown.
"""

_SIDES: Final = ("first", "second")
_KINDS: Final = ("persons", "missing", "elsewhere")
_COUNTS: Final = tuple(f"{kind}_{side}" for side in _SIDES for kind in _KINDS)

PLACES_SCHEMA: Final = pl.Schema(
    {"facility": pl.String(), "occupation": pl.String(), **dict.fromkeys(_COUNTS, pl.UInt32())}
)
"""Columns of counts by facility and occupation, one row for each that occurs; a person with two counts in both.

`persons_first` counts the persons of the first source there; `missing_first` those of them whom the second source does
not have at all, `elsewhere_first` those whom it has, but not at this facility. The others are the same the other way
round. A null is not known, and the blank text stands for labels that too few persons hold to be shown.
"""

FACILITIES_SCHEMA: Final = pl.Schema({"facility": pl.String(), "only": pl.String(), "persons": pl.UInt32()})
"""Columns of facilities that one source has and the other has not: `only` is first or second."""

DIFFERING_SCHEMA: Final = pl.Schema(
    {
        "of": pl.String(),
        "source": pl.String(),
        "sheet": pl.String(),
        "row": pl.UInt32(),
        "what": pl.String(),
    }
)
"""Columns of rows that differ: in which of the two, where, and `what`: person (the other lacks them) or an aspect."""


@dataclass(frozen=True, slots=True)
class Side:
    """One source: how many contracts and persons, and rows whose person is not known."""

    contracts: int
    persons: int
    rows_without_person: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two sources of persons have in common and what not; it holds counts and no person.

    `different` counts the persons of both sources of whom they say different things, by aspect. `places` and
    `facilities` have the columns above, `rows` those of `DIFFERING_SCHEMA` where it was asked for.
    """

    first: Side
    second: Side
    both: int
    only_first: int
    only_second: int
    different: dict[str, int]
    places: pl.DataFrame
    facilities: pl.DataFrame
    rows: pl.DataFrame | None = field(default=None)

    @property
    def differs(self) -> bool:
        """Whether the sources differ in anything that was compared."""
        return bool(self.only_first or self.only_second or self.facilities.height or any(self.different.values()))

    def as_dict(self) -> dict[str, Any]:
        """The whole as plain data; a cell with a count of fewer than `ENOUGH` persons names that count in `small`."""
        totals = {"both": self.both, "only_first": self.only_first, "only_second": self.only_second}
        told: dict[str, Any] = {
            **{
                name: {"contracts": side.contracts, "persons": side.persons, "without_person": side.rows_without_person}
                for name, side in zip(_SIDES, (self.first, self.second), strict=True)
            },
            **totals,
            "different": dict(self.different),
            "small": [name for name, count in (totals | self.different).items() if is_small(count)],
            "places": [_flagged(one, _COUNTS) for one in self.places.iter_rows(named=True)],
            "facilities": [_flagged(one, ("persons",)) for one in self.facilities.iter_rows(named=True)],
        }
        return told | ({} if self.rows is None else {"rows": self.rows.rows(named=True)})


def is_small(count: int) -> bool:
    """Whether a count of persons is so small that it may tell who they are."""
    return 0 < count < ENOUGH


def compare(first: pl.DataFrame, second: pl.DataFrame, key: bytes, *, rows: bool = False) -> Comparison:
    """Compares two frames of person rows (`ROWS_SCHEMA`); the order of rows changes nothing.

    `key` should be random and known to nobody else. With `rows` the rows that differ are named, by their numbers.
    """
    held = pl.concat(
        frame.select(pl.lit(side).alias("of"), *ROWS_SCHEMA.names())
        .with_columns(pl.col("source", "sheet").cast(pl.String))
        .with_columns(_hashed(frame["person"], key))
        for side, frame in zip(_SIDES, (first, second), strict=True)
    )
    persons = held.filter(pl.col("person").is_not_null())
    sides = persons.group_by("person").agg(pl.col("of").n_unique().alias("sides"), pl.col("of").first())
    in_both = sides.filter(pl.col("sides") == 2).select("person")
    only = {side: sides.filter((pl.col("sides") == 1) & (pl.col("of") == side)).height for side in _SIDES}
    apart = _apart(persons.join(in_both, on="person", how="semi"))
    return Comparison(
        first=_side(held.filter(pl.col("of") == "first")),
        second=_side(held.filter(pl.col("of") == "second")),
        both=in_both.height,
        only_first=only["first"],
        only_second=only["second"],
        different={aspect: int(apart[aspect].sum()) for aspect in ASPECTS},
        places=_places(persons, in_both),
        facilities=_facilities(persons),
        rows=_rows(persons, in_both, apart) if rows else None,
    )


def _hashed(persons: pl.Series, key: bytes) -> pl.Series:
    """Persons as keyed hashes: what goes on from here cannot be led back to an id, however short ids are."""
    distinct = persons.unique().drop_nulls()
    if distinct.is_empty():
        return persons
    hashed = [hashlib.blake2b(text.encode(), key=key, digest_size=16).hexdigest() for text in distinct]
    return persons.replace_strict(distinct, pl.Series(hashed), default=None, return_dtype=pl.String)


def _side(rows: pl.DataFrame) -> Side:
    persons = rows["person"]
    return Side(rows.height, persons.drop_nulls().n_unique(), persons.null_count())


def _apart(persons: pl.DataFrame) -> pl.DataFrame:
    """Of which aspects the two say different things of a person; what one does not say is no difference."""
    said = (
        persons.group_by("person", "of")
        .agg(pl.col(*ASPECTS).drop_nulls().unique().sort())
        .group_by("person")
        .agg(pl.col(*ASPECTS).sort_by("of"))
    )
    return said.select(
        "person",
        *(
            (
                (pl.col(aspect).list.first() != pl.col(aspect).list.last())
                & (pl.col(aspect).list.first().list.len() > 0)
                & (pl.col(aspect).list.last().list.len() > 0)
            ).alias(aspect)
            for aspect in ASPECTS
        ),
    )


def _places(persons: pl.DataFrame, in_both: pl.DataFrame) -> pl.DataFrame:
    """Counts of persons by facility and occupation, as `PLACES_SCHEMA` says."""
    shown = _shown(persons)
    cell = ("facility", "occupation")
    at = persons.select("of", "person", "facility").unique()
    other = at.with_columns(pl.col("of").replace_strict({"first": "second", "second": "first"}, return_dtype=pl.String))
    both = persons.select("person", "of", *cell).unique().join(in_both.with_columns(both=True), on="person", how="left")
    both = both.join(
        other.with_columns(there=True), on=["of", "person", "facility"], how="left", nulls_equal=True
    ).join(shown, on="facility", how="left", nulls_equal=True)
    is_both = pl.col("both").fill_null(value=False)
    counted = both.group_by("of", pl.col("shown").alias("facility"), "occupation").agg(
        pl.col("person").n_unique().alias("persons"),
        pl.col("person").filter(~is_both).n_unique().alias("missing"),
        pl.col("person")
        .filter(is_both & ~pl.col("there").fill_null(value=False) & pl.col("facility").is_not_null())
        .n_unique()
        .alias("elsewhere"),
    )
    sides = [
        counted.filter(pl.col("of") == side).select(*cell, *(pl.col(kind).alias(f"{kind}_{side}") for kind in _KINDS))
        for side in _SIDES
    ]
    joined = sides[0].join(sides[1], on=list(cell), how="full", coalesce=True, nulls_equal=True)
    return (
        joined.with_columns(pl.col(*_COUNTS).fill_null(0))
        .sort(*cell, nulls_last=True)
        .select(pl.col(name).cast(dtype) for name, dtype in PLACES_SCHEMA.items())
    )


def _shown(persons: pl.DataFrame) -> pl.DataFrame:
    """Each facility as it is `shown`: blank where too few persons hold a label that the instance does not know."""
    facts = persons.group_by("facility").agg(pl.col("known").any(), pl.col("person").n_unique().alias("persons"))
    may = pl.col("known").fill_null(value=False) | (pl.col("persons") >= ENOUGH) | pl.col("facility").is_null()
    return facts.select("facility", pl.when(may).then("facility").otherwise(pl.lit("")).alias("shown"))


def _facilities(persons: pl.DataFrame) -> pl.DataFrame:
    """Facilities of one source alone; those that are not shown are one row for each source."""
    told = persons.filter(pl.col("facility").is_not_null())
    alone = told.group_by("facility").agg(
        pl.col("of").n_unique().alias("sides"), pl.col("of").first().alias("only"), pl.col("person").unique()
    )
    found = alone.filter(pl.col("sides") == 1).join(_shown(persons), on="facility", how="left")
    return (
        found.explode("person")
        .group_by(pl.col("shown").alias("facility"), "only")
        .agg(pl.col("person").n_unique().alias("persons"))
        .sort("facility", "only")
        .select(pl.col(name).cast(dtype) for name, dtype in FACILITIES_SCHEMA.items())
    )


def _rows(persons: pl.DataFrame, in_both: pl.DataFrame, apart: pl.DataFrame) -> pl.DataFrame:
    """The rows of persons who are in one source alone, or of whom the two say different things."""
    alone = persons.join(in_both, on="person", how="anti").with_columns(what=pl.lit("person"))
    differing = [
        persons.join(apart.filter(pl.col(aspect)).select("person"), on="person", how="semi").with_columns(
            what=pl.lit(aspect)
        )
        for aspect in ASPECTS
    ]
    return (
        pl.concat([alone, *differing])
        .select(DIFFERING_SCHEMA.names())
        .sort("of", "source", "sheet", "row", "what")
        .cast(DIFFERING_SCHEMA)
    )


def _flagged(one: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {**one, "small": [name for name in names if is_small(one[name])]}
