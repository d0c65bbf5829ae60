"""Predicates and computed columns of a mapping, compiled to expressions over columns of text.

A blank (null or '') equals only a blank, and `<>`, `not in` and `not like` are the exact opposites of `=`, `in` and
`like`: no row leaves in silence. Space around a text does not count in `=`, `<>` and `in`: systems fill up their codes
with it. A column that is declared a number or a date is read as one; `like` and `||` take any column's text as it
stands.

What cannot be decided is neither true nor false:

- `<`, `<=`, `>`, `>=`, `between` and arithmetic on a blank or unreadable cell, and a division by zero;
- `=`, `<>` and `in` on an unreadable cell of a typed column, unless the other side is a blank;
- a `case` whose first condition that is not false cannot be decided.

`and`, `or` and `not` reckon with it as SQL does with unknown: `false and` it is false, `true or` it is true. A row is
undecidable when the whole predicate is: so `end_date is null or end_date >= '2026-01-01'` decides every row whose
date is blank or readable. The mask leaves such a row out, and `unreadable` names the cells.

Numbers are reckoned as 64-bit floats, each step rounded to 15 significant digits, so that 0.1 + 0.2 = 0.3; a cell or
literal with more digits is unreadable. `a || b` is blank where one of the two is.
"""

import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import reduce
from typing import Final, NamedTuple

import polars as pl

from dhis2_bridge.coded import distinct_rows
from dhis2_bridge.mapping import ColumnType
from dhis2_bridge.predicate_kinds import Kind, Kinds, is_blank, iso_date, together
from dhis2_bridge.predicate_nodes import (
    Arithmetic,
    Both,
    Case,
    Compare,
    In,
    IsBlank,
    Join,
    Like,
    Name,
    Node,
    Not,
    NumberLiteral,
    PredicateError,
    TextLiteral,
    Truth,
    walk,
)
from dhis2_bridge.predicate_text import parse
from dhis2_bridge.typed_texts import reader_of, rounded, written

__all__ = ["ComputedColumn", "Predicate", "PredicateError", "compile", "compile_value"]

Names = Mapping[str, "str | pl.Expr"]
"""Column of the predicate to column of the frame, or to an expression that gives its text."""

_SIGNS: Final[dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}  # fmt: skip
_DTYPES: Final[dict[Kind, type[pl.DataType]]] = {
    "text": pl.String, "blank": pl.String, "truth": pl.Boolean, "number": pl.Float64, "date": pl.Date,
}  # fmt: skip
_UNKNOWN: Final = pl.lit(None, dtype=pl.Boolean)
_NO: Final = pl.lit(False)


class Decided(NamedTuple):
    """The answer of each row of a frame, and for each column that may be to blame the rows that cannot be decided."""

    answer: pl.Series
    unreadable: list[tuple[str, pl.Series]]


@dataclass(frozen=True)
class Predicate:
    """A condition on rows: `text` as the mapping has it, `columns` the names that it uses, in their order.

    `names`, of every method, gives a column of the frame (String, of `decide` also Categorical) or an expression for
    each of `columns`.
    """

    text: str
    columns: tuple[str, ...]
    _node: Node = field(repr=False)
    _types: Mapping[str, ColumnType] = field(repr=False)

    def mask(self, names: Names) -> pl.Expr:
        """True where the condition holds; false where it does not, or cannot be decided. Never null."""
        return _per_row(names, self.columns, lambda rows: self._decide(rows).answer, pl.Boolean)

    def unreadable(self, names: Names) -> list[tuple[str, pl.Expr]]:
        """The rows that cannot be decided, for each column that may be to blame: Boolean, never null.

        Every such row is in one of them at least. Columns that are never compared as numbers or dates are left out.
        """
        return _blamed_per_row(names, self.columns, self._decide)

    def decide(self, frame: pl.DataFrame, names: Names) -> Decided:
        """`mask` and `unreadable` over a frame at once."""
        return _over_distinct(_texts(frame, names, self.columns), self._decide)

    def _decide(self, rows: pl.DataFrame) -> Decided:
        work = _Work(rows, self._types)
        truth = work.keep(work.truth(self._node))
        return work.decided(truth.fill_null(value=False), self.columns, truth.is_null())


@dataclass(frozen=True)
class ComputedColumn:
    """A new column of text: `text` as the mapping has it, `columns` the names that it uses, in their order.

    `type` says how its texts can be read again: numbers are written plainly with a full stop, dates as yyyy-mm-dd;
    None for text.
    """

    text: str
    columns: tuple[str, ...]
    type: ColumnType | None
    _node: Node = field(repr=False)
    _types: Mapping[str, ColumnType] = field(repr=False)

    def value(self, names: Names) -> pl.Expr:
        """The text of each row; null where it is blank or cannot be decided."""
        return _per_row(names, self.columns, lambda rows: self._decide(rows).answer, pl.String)

    def unreadable(self, names: Names) -> list[tuple[str, pl.Expr]]:
        """The rows whose value cannot be decided, as `Predicate.unreadable` gives them."""
        return _blamed_per_row(names, self.columns, self._decide)

    def decide(self, frame: pl.DataFrame, names: Names) -> Decided:
        """`value` and `unreadable` over a frame at once."""
        return _over_distinct(_texts(frame, names, self.columns), self._decide)

    def _decide(self, rows: pl.DataFrame) -> Decided:
        work = _Work(rows, self._types)
        made = work.value(self._node, self.type.kind if self.type else "text")
        if self.type is None:
            text = made.value
        elif self.type.kind == "date":
            text = made.value.dt.to_string("%Y-%m-%d")
        else:
            text = made.value.map_batches(written, return_dtype=pl.String, is_elementwise=True)
        text = work.keep(text)
        answer = pl.when(~made.undecided & (text != "")).then(text)
        return work.decided(answer, self.columns, made.undecided | made.unreadable)


def compile(  # noqa: A001 - what it does; re.compile does it too
    text: str, types: Mapping[str, ColumnType] | None = None, known: Collection[str] | None = None
) -> Predicate:
    """The predicate of a text.

    `types` are the columns that are read as numbers or dates; `known` all columns there are, None when any name may be
    one. Raises PredicateError with every problem and its offset.
    """
    node = parse(text)
    kinds = Kinds(types or {}, known)
    kinds.check_condition(node)
    columns = _columns(node)
    if not columns and not kinds.problems:
        kinds.problems.append((0, "this names no column, so it is the same for every row"))
    if kinds.problems:
        raise PredicateError(text, sorted(set(kinds.problems)))
    return Predicate(text, columns, node, dict(types or {}))


def compile_value(
    text: str, types: Mapping[str, ColumnType] | None = None, known: Collection[str] | None = None
) -> ComputedColumn:
    """The computed column of a text: names, literals, case, arithmetic, ||. Arguments and errors as of `compile`."""
    node = parse(text)
    kinds = Kinds(types or {}, known)
    kinds.check_value(node)
    kind = kinds.of(node)
    if kind == "blank":
        kinds.problems.append((node.at, "this is always blank"))
    if kinds.problems:
        raise PredicateError(text, sorted(set(kinds.problems)))
    made = {"number": ColumnType("number", "."), "date": ColumnType("date", "yyyy-mm-dd")}.get(kind)
    return ComputedColumn(text, _columns(node), made, node, dict(types or {}))


def _columns(node: Node) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.name for part in walk(node) if isinstance(part, Name)))


def _texts(frame: pl.DataFrame, names: Names, columns: tuple[str, ...]) -> pl.DataFrame:
    """The named columns, as text or coded, under names of our own; as many rows as the frame has."""
    texts = [_named(names, name) for name in columns] or [pl.lit("").alias("text")]
    return frame.with_columns(texts).select(text.meta.output_name() for text in texts)


def _named(names: Names, name: str) -> pl.Expr:
    held = names[name]
    return (pl.col(held) if isinstance(held, str) else held).alias(f"text {name}")


def _over_distinct(rows: pl.DataFrame, decide: Callable[[pl.DataFrame], Decided]) -> Decided:
    """What is decided of rows; where all their columns are coded, of each distinct row once."""
    coded = [name for name, dtype in rows.schema.items() if isinstance(dtype, pl.Categorical)]
    if len(coded) < rows.width or rows.is_empty():
        return decide(rows.cast(dict.fromkeys(coded, pl.String)).fill_null(""))
    texts, places = distinct_rows(rows.get_columns())
    decided = decide(pl.DataFrame(texts, rows.columns).fill_null(""))
    return Decided(decided.answer.gather(places), [(name, held.gather(places)) for name, held in decided.unreadable])


def _per_row(
    names: Names, columns: tuple[str, ...], of: Callable[[pl.DataFrame], pl.Series], dtype: type[pl.DataType]
) -> pl.Expr:
    """What a function makes of the named columns, as an expression."""
    if not columns:
        return pl.lit(of(pl.DataFrame({"text": [""]})))
    texts = pl.struct(_named(names, name).fill_null("") for name in columns)
    return texts.map_batches(lambda rows: of(rows.struct.unnest()), return_dtype=dtype, is_elementwise=True)


def _blamed_per_row(
    names: Names, columns: tuple[str, ...], decide: Callable[[pl.DataFrame], Decided]
) -> list[tuple[str, pl.Expr]]:
    """The undecided rows for each column that may be to blame, as expressions."""

    def rows_of(name: str) -> pl.Expr:
        return _per_row(names, columns, lambda rows: dict(decide(rows).unreadable)[name], pl.Boolean)

    nothing = pl.DataFrame(schema={f"text {name}": pl.String for name in columns})
    return [(name, rows_of(name)) for name, _ in decide(nothing).unreadable] if columns else []


@dataclass(slots=True)
class _Value:
    """A value as expressions. A text is "" where blank; a number or date is null where it has none.

    `blank`, `unreadable` and `undecided` are Boolean and never null, and at most one of them is true: a cell that is
    unreadable is known not to be blank, of what is undecided not even that is known.
    """

    value: pl.Expr
    blank: pl.Expr
    unreadable: pl.Expr = _NO
    undecided: pl.Expr = _NO


class _Work:
    """Evaluates nodes over rows of text, and notes which columns may be to blame for a row without an answer.

    What is used more than once is kept as a column of `frame` as soon as it is known: an expression that repeats its
    parts would double with every level of the tree.
    """

    def __init__(self, rows: pl.DataFrame, types: Mapping[str, ColumnType]) -> None:
        # Of series, as in `keep`: Polars 2.1 fails on a literal compared with a column that it knows to be constant.
        self.frame = pl.DataFrame(rows.get_columns())
        self._types = types
        self._kinds = Kinds(types, None)
        self._typed: dict[str, _Value] = {}
        self._faults: dict[str, dict[str, pl.Expr]] = {}

    def keep(self, made: pl.Expr) -> pl.Expr:
        """The same as a column of the frame; one value for all rows is spread over them."""
        name = f"kept {self.frame.width}"
        self.frame = self.frame.with_columns(self.frame.with_columns(made.alias(name))[name])
        return pl.col(name)

    def decided(self, answer: pl.Expr, columns: tuple[str, ...], undecided: pl.Expr) -> Decided:
        """The answer, and the undecided rows for each column whose cell is at fault, as was noted."""
        faults = {name: reduce(operator.or_, self._faults[name].values()) for name in columns if name in self._faults}
        if faults:
            # What is no cell's fault, such as a number that grew too large, is said of the first.
            first = next(iter(faults))
            faults[first] = faults[first] | ~reduce(operator.or_, faults.values())
        rows = [(undecided & fault).alias(f"rows {name}") for name, fault in faults.items()]
        found = self.frame.with_columns(answer.alias("answer"), *rows)
        return Decided(found["answer"], [(name, found[f"rows {name}"]) for name in faults])

    def truth(self, node: Node) -> pl.Expr:
        """A condition, null where it cannot be decided. Polars' &, | and ~ reckon with null as SQL does."""
        match node:
            case Truth():
                return pl.lit(node.value)
            case Not():
                return ~self.truth(node.operand)
            case Both():
                left, right = self.truth(node.left), self.truth(node.right)
                return left & right if node.sign == "and" else left | right
            case IsBlank():
                return self.value(node.operand, "text").blank
            case Like():
                return self._like(node)
            case In():
                return self._in(node)
            case Compare():
                return self._compare(node)
            case Case():
                found = self.truth(node.otherwise)
                for condition, result in reversed(node.branches):
                    when = self.keep(self.truth(condition))
                    found = pl.when(when.is_null()).then(_UNKNOWN).when(when).then(self.truth(result)).otherwise(found)
                return found
        raise AssertionError(node)  # Refused by Kinds.

    def value(self, node: Node, kind: Kind) -> _Value:
        """A value, read as this kind."""
        match node:
            case _ if is_blank(node):
                return _Value(_blank(kind), pl.lit(True))
            case Name():
                if kind == "text" or node.name not in self._types:
                    return self._text(node.name)
                self._at_fault(node, "unreadable", lambda held: held.unreadable)
                return self._read(node.name)
            case TextLiteral():
                return _Value(pl.lit(iso_date(node.text) if kind == "date" else node.text), _NO)
            case NumberLiteral():
                return _Value(pl.lit(node.value), _NO)
            case Arithmetic():
                return self._arithmetic(node)
            case Join():
                return self._join(node)
            case Case():
                return self._case(node, kind)
        raise AssertionError(node)  # Refused by Kinds.

    def _text(self, name: str) -> _Value:
        text = pl.col(f"text {name}")
        return _Value(text, text == "")

    def _read(self, name: str) -> _Value:
        """A typed column as numbers or dates."""
        if name not in self._typed:
            reader = reader_of(self._types[name])
            text = self._text(name)
            value = self.keep(text.value.map_batches(reader, return_dtype=reader.dtype, is_elementwise=True))
            self._typed[name] = _Value(value, text.blank, value.is_null() & ~text.blank)
        return self._typed[name]

    def _at_fault(self, node: Node, reason: str, of: Callable[[_Value], pl.Expr]) -> None:
        """Notes that the columns below a node are at fault where this is true of their values."""
        for name in _columns(node):
            faults = self._faults.setdefault(name, {})
            if reason not in faults:
                faults[reason] = of(self._read(name)) if name in self._types else _NO

    def _like(self, node: Like) -> pl.Expr:
        text = self.value(node.operand, "text")
        return _decided((text,), text.value.str.contains(_pattern(node.pattern)) & ~text.blank)

    def _in(self, node: In) -> pl.Expr:
        kind = together((node.operand, *node.options), self._kinds)
        held = self._compared(node.operand, kind)
        blank = any(is_blank(option) for option in node.options)
        options = [_literal(option, kind) for option in node.options if not is_blank(option)]
        if kind == "text":
            return _decided((held,), held.value.is_in([*options, *([""] if blank else [])]))
        found = held.value.is_in(options) if options else _NO
        return _decided((held,), pl.when(held.blank).then(pl.lit(blank)).otherwise(found))

    def _compare(self, node: Compare) -> pl.Expr:
        kind = together((node.left, node.right), self._kinds)
        left, right = self._compared(node.left, kind), self._compared(node.right, kind)
        if node.sign not in {"=", "<>"}:
            for side in (node.left, node.right):
                self._at_fault(side, "no value", lambda held: held.value.is_null())
            return _SIGNS[node.sign](left.value, right.value)
        equal = left.value == right.value
        if kind != "text":
            equal = pl.when(left.blank | right.blank).then(left.blank & right.blank).otherwise(equal)
        equal = _decided((left, right), equal)
        return equal if node.sign == "=" else ~equal

    def _compared(self, node: Node, kind: Kind) -> _Value:
        """A value as it is compared: a text without the space around it."""
        if kind != "text" or is_blank(node):
            return self.value(node, kind)
        if isinstance(node, TextLiteral):
            return _Value(pl.lit(node.text.strip()), _NO)
        held = self.value(node, kind)
        return replace(held, value=self.keep(held.value.str.strip_chars()))

    def _arithmetic(self, node: Arithmetic) -> _Value:
        left, right = self.value(node.left, "number"), self.value(node.right, "number")
        for side in (node.left, node.right):
            self._at_fault(side, "no value", lambda held: held.value.is_null())
        if node.sign == "/":
            zero = self.keep((right.value == 0).fill_null(value=False))
            self._at_fault(node.right, f"zero at {id(node)}", lambda _: zero)
        made = _SIGNS[node.sign](left.value, right.value)
        made = self.keep(made.map_batches(rounded, return_dtype=pl.Float64, is_elementwise=True))
        return _Value(made, _NO, undecided=made.is_null())

    def _join(self, node: Join) -> _Value:
        left, right = self.value(node.left, "text"), self.value(node.right, "text")
        blank = self.keep(left.blank | right.blank)
        text = self.keep(pl.when(blank).then(pl.lit("")).otherwise(left.value + right.value))
        return _Value(text, blank, undecided=self.keep(left.undecided | right.undecided))

    def _case(self, node: Case, kind: Kind) -> _Value:
        """The branches from the last to the first; a condition that cannot be decided leaves nothing known."""
        parts = ("value", "blank", "unreadable", "undecided")
        nothing = _Value(_blank(kind), _NO, undecided=pl.lit(True))
        made = self.value(node.otherwise, kind)
        for condition, result in reversed(node.branches):
            when, then = self.keep(self.truth(condition)), self.value(result, kind)
            made = _Value(
                *(
                    pl.when(when.is_null())
                    .then(getattr(nothing, part))
                    .when(when)
                    .then(getattr(then, part))
                    .otherwise(getattr(made, part))
                    for part in parts
                )
            )
        return _Value(*(self.keep(getattr(made, part)) for part in parts))


def _blank(kind: Kind) -> pl.Expr:
    return pl.lit(None, dtype=_DTYPES[kind]) if kind in {"number", "date"} else pl.lit("")


def _decided(values: tuple[_Value, ...], truth: pl.Expr) -> pl.Expr:
    """A truth that is null where one of the values is undecided."""
    flags = [held.undecided for held in values if held.undecided is not _NO]
    return pl.when(~reduce(operator.or_, flags)).then(truth) if flags else truth


def _literal(node: Node, kind: Kind) -> str | float | date | None:
    if isinstance(node, NumberLiteral):
        return node.value
    assert isinstance(node, TextLiteral)  # noqa: S101 - the parser lets nothing else into a list
    return iso_date(node.text) if kind == "date" else node.text.strip()


def _pattern(like: str) -> str:
    """The regular expression of a `like` pattern: % is any text, _ one character, all else itself."""
    signs = {"%": "(?s:.*)", "_": "(?s:.)"}
    plain = (signs.get(c) or (f"\\x{ord(c):02x}" if c.isascii() and not c.isalnum() else c) for c in like)
    return f"^{''.join(plain)}$"
