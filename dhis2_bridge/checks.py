"""The server's rules over data values, offline: a frame in, the offenders out.

A check looks at the values that nothing has refused yet and names the rows that break its rule, each with its
arguments; what a finding looks like and what it refuses is decided once, here. A new rule is a function and a line in
`CHECKS`, in the order in which the server would speak.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import polars as pl

from dhis2_bridge import periods
from dhis2_bridge.findings import CODES, FINDINGS_SCHEMA, PLACE, arguments_text, empty
from dhis2_bridge.snapshot import Snapshot
from dhis2_bridge.values import KEY, address, in_order, spread

COMMENT_LENGTH: Final = {"old": 50_000, "new": 5_000, None: 5_000}
"""Longest comment by engine (E7620, E8125); without a known version the shorter one."""

LOOKED_AT: Final = (*PLACE, "data_set", *KEY, "value", "comment")
"""Columns of the values that a check may look at, beside `index` and the numbers that order a payload."""

OFFENDERS_SCHEMA: Final = pl.Schema({"index": pl.UInt32, "code": pl.String, "found": pl.String, "arguments": pl.String})
"""Columns of what a check gives: the row of the values, the finding's code, what was found there, its arguments.

Offenders of one file with the same code and arguments become one finding at the first of them.
"""

Check = Callable[[pl.DataFrame, Snapshot], pl.DataFrame]


def check(values: pl.DataFrame, snapshot: Snapshot) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The values with `refused` filled for those that the server would refuse, and the findings that say why."""
    found = [empty()]
    refused: list[pl.DataFrame] = []
    good = values.select(pl.int_range(pl.len(), dtype=pl.UInt32).alias("index"), *LOOKED_AT, pl.col("^report|cell$"))
    if values["refused"].null_count() < values.height:
        good = good.filter(values["refused"].is_null())
    for one in CHECKS:
        offenders = one(good, snapshot)
        if offenders.is_empty():
            continue
        found.append(_findings(values, offenders))
        refused.append(offenders.select("index", pl.col("code").alias("refused")))
        good = good.filter(~pl.col("index").is_in(offenders["index"].implode()))
    if refused:
        code = spread(refused, values.height).cast(pl.Categorical)
        values = values.with_columns(pl.coalesce("refused", code.alias("code")).alias("refused"))
    return values, pl.concat(found)


def _findings(values: pl.DataFrame, offenders: pl.DataFrame) -> pl.DataFrame:
    severity = {code: what.severity for code, what in CODES.items()}
    errors = [code for code, what in CODES.items() if what.severity == "error"]
    places = values[offenders["index"]].select("source", "sheet", "row", "column", "found")
    told = pl.concat([offenders.rename({"found": "said"}), places], how="horizontal")
    grouped = told.group_by("source", "sheet", "code", "arguments", "said", maintain_order=True).agg(
        pl.col("row", "column", "found").first(), pl.len().alias("values")
    )
    return grouped.select(
        "code",
        pl.col("code").replace_strict(severity, return_dtype=FINDINGS_SCHEMA["severity"]).alias("severity"),
        pl.col("source").cast(pl.String),
        pl.col("sheet").cast(pl.String),
        "row",
        "column",
        pl.coalesce("said", "found").alias("found"),
        "arguments",
        pl.when(pl.col("code").is_in(errors)).then("values").otherwise(0).cast(pl.UInt32).alias("values"),
    )


def _distinct(
    values: pl.DataFrame, columns: tuple[str, str], judge: Callable[[str, str], tuple[str, str, dict[str, Any]] | None]
) -> pl.DataFrame:
    """Offenders by a rule about pairs of identifiers, judged once for each distinct pair.

    `judge` gives the code, what was found and the arguments, or None where the pair is right.
    """
    of, judged = columns
    # Mostly all values are of one data set: then one column says it all.
    one = values[of][0] if values.height and values[of].n_unique() == 1 else None
    pairs = (
        values.select(columns).unique(maintain_order=True)
        if one is None
        else values.select(judged).unique(maintain_order=True).select(pl.lit(one).alias(of), judged)
    )
    bad: list[tuple[str, str, str, str, str]] = []
    for one, other in pairs.iter_rows():
        if (verdict := judge(one, other)) is not None:
            code, said, arguments = verdict
            bad.append((one, other, code, said, arguments_text(arguments)))
    if not bad:
        return pl.DataFrame(schema=OFFENDERS_SCHEMA)
    schema = {of: pl.Categorical, judged: pl.Categorical, "code": pl.String, "found": pl.String}
    told = pl.DataFrame(bad, schema={**schema, "arguments": pl.String}, orient="row")
    offenders = values.select("index", *columns).join(told, on=columns, maintain_order="left")
    return offenders.select(OFFENDERS_SCHEMA.names())


def element_in_data_set(values: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """E8020, E7633: every data element belongs to the data set."""

    def judge(data_set: str, element: str) -> tuple[str, str, dict[str, Any]] | None:
        if element in snapshot.data_sets[data_set].elements:
            return None
        arguments = {
            "data_set": snapshot.describe("data_set", data_set),
            "data_element": snapshot.describe("data_element", element),
        }
        return "data_set.without_element", snapshot.name("data_element", element), arguments

    return _distinct(values, ("data_set", "data_element"), judge)


def org_unit_assigned(values: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """E8022, E7636: the data set is assigned to every org unit."""

    def judge(data_set: str, org_unit: str) -> tuple[str, str, dict[str, Any]] | None:
        if org_unit in snapshot.data_sets[data_set].org_units:
            return None
        arguments = {
            "data_set": snapshot.describe("data_set", data_set),
            "org_unit": snapshot.describe("org_unit", org_unit),
        }
        return "data_set.not_assigned", snapshot.name("org_unit", org_unit), arguments

    return _distinct(values, ("data_set", "org_unit"), judge)


def period_type(values: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """E8021, E7632: every period is of the data set's type."""

    def judge(data_set: str, period: str) -> tuple[str, str, dict[str, Any]] | None:
        wanted = snapshot.data_sets[data_set].period_type
        parsed = periods.parse(period)
        if parsed is not None and parsed.period_type == wanted:
            return None
        arguments = {"period_type": parsed.period_type if parsed else "", "expected": wanted}
        return "period.wrong_type", period, arguments

    return _distinct(values, ("data_set", "period"), judge)


def comment_length(values: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """E8125, E7620: a comment has a largest length."""
    limit = COMMENT_LENGTH[snapshot.identity.engine]
    return values.filter(pl.col("comment").str.len_chars() > limit).select(
        "index",
        pl.lit("comment.too_long").alias("code"),
        pl.lit(None, dtype=pl.String).alias("found"),
        pl.lit(arguments_text({"limit": limit})).alias("arguments"),
    )


def repeated(values: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """E8128: one value for each cell, by meaning and not by text.

    Several equal values: the first stays and the others are told. Different ones: all are refused, each naming
    another, because no rule says which one is right.
    """
    copies = values.filter(_is_repeated(values))
    if copies.is_empty():
        return pl.DataFrame(schema=OFFENDERS_SCHEMA)
    sent = pl.struct("value", "comment")
    groups = copies.group_by(KEY, maintain_order=True).agg("index", *PLACE, "value", sent.n_unique().alias("different"))
    offenders: list[tuple[int, str, str | None, str]] = []
    for group in groups.iter_rows(named=True):
        places = [
            _place(source, sheet, row, column)
            for source, sheet, row, column in zip(
                group["source"], group["sheet"], group["row"], group["column"], strict=True
            )
        ]
        told: Iterable[tuple[int, str, str | None, dict[str, Any]]]
        if group["different"] == 1:
            told = [
                (i, "value.repeated", None, {"first": places[0], "place": place})
                for i, place in list(zip(group["index"], places, strict=True))[1:]
            ]
        else:
            told = _conflicts(group, places, snapshot)
        offenders.extend((i, code, found, arguments_text(arguments)) for i, code, found, arguments in told)
    return pl.DataFrame(offenders, schema=OFFENDERS_SCHEMA, orient="row")


def _is_repeated(values: pl.DataFrame) -> pl.Series:
    """Which rows have the same cell as another one; in the order of a payload they are neighbours."""
    if "report" not in values.columns:
        return values.select(pl.struct(KEY).is_duplicated()).to_series()
    key = values.select("report", "cell")
    if not in_order(key):
        return key.select(pl.struct("report", "cell").is_duplicated()).to_series()
    same = (pl.col("report") == pl.col("report").shift(1)) & (pl.col("cell") == pl.col("cell").shift(1))
    same = same.fill_null(False)
    return key.select(same | same.shift(-1).fill_null(False)).to_series()


def _conflicts(
    group: dict[str, Any], places: list[str], snapshot: Snapshot
) -> Iterable[tuple[int, str, str | None, dict[str, Any]]]:
    values = group["value"]
    element = snapshot.describe("data_element", group["data_element"])
    for position, index in enumerate(group["index"]):
        # The other one to name: the first that says something else, so that each of two names the other.
        other = next((n for n, value in enumerate(values) if value != values[position]), 0 if position else 1)
        arguments = {
            "place": places[position],
            "other": places[other],
            "other_value": values[other],
            "data_element": element,
        }
        yield index, "value.conflicts", None, arguments


def _place(source: str | None, sheet: str | None, row: int, column: int) -> str:
    where = address(row, column) if sheet is not None else str(row)
    return ", ".join(part for part in (source, sheet, where) if part)


CHECKS: Final[tuple[Check, ...]] = (
    element_in_data_set,
    org_unit_assigned,
    period_type,
    comment_length,
    repeated,
)
