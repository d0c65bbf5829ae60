"""What kind of thing each part of a predicate is: text, number, date or a truth; and what does not go together."""

import math
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from typing import Literal, TypeAlias

from dhis2_bridge.mapping import ColumnType
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
    Null,
    NumberLiteral,
    TextLiteral,
    Truth,
    walk,
)

Kind: TypeAlias = Literal["text", "number", "date", "truth", "blank"]
"""`blank` is null, or '' beside something that is no text: it goes with every kind."""


class Kinds:
    """Finds the kind of each node, and gathers in `problems` (offset, sentence) what does not go together.

    `types` are the columns that are read as numbers or dates; `known` all columns there are, or None when any name may
    be one.
    """

    def __init__(self, types: Mapping[str, ColumnType], known: Collection[str] | None) -> None:
        self._types = types
        self._known = known
        self._cases: dict[int, Kind] = {}
        self.problems: list[tuple[int, str]] = []

    def of(self, node: Node) -> Kind:
        """The kind of a node that has one by itself; a date in quotes is a text until it stands beside a date."""
        match node:
            case Name():
                return self._types[node.name].kind if node.name in self._types else "text"
            case TextLiteral() | Join():
                return "text"
            case NumberLiteral() | Arithmetic():
                return "number"
            case Null():
                return "blank"
            case Case():
                # Kept: the kinds of cases within cases would be found again and again.
                if id(node) not in self._cases:
                    self._cases[id(node)] = together((*(result for _, result in node.branches), node.otherwise), self)
                return self._cases[id(node)]
            case _:
                return "truth"

    def check_condition(self, node: Node) -> None:
        """Checks a node that stands where a condition is wanted."""
        match node:
            case Both():
                self.check_condition(node.left)
                self.check_condition(node.right)
            case Not():
                self.check_condition(node.operand)
            case Truth():
                pass
            case Compare():
                self._check_compare(node)
            case In():
                self._check_together((node.operand, *node.options), node.at)
            case Like():
                self._check_text(node.operand, "like")
            case IsBlank():
                if not isinstance(node.operand, Name):
                    self._say(node.at, "`is null` asks of one column")
                self.check_value(node.operand)
            case Case() if self.of(node) == "truth":
                for condition, result in node.branches:
                    self.check_condition(condition)
                    self.check_condition(result)
                if isinstance(node.otherwise, Null):
                    self._say(node.at, "a case of conditions needs an else")
                else:
                    self.check_condition(node.otherwise)
            case _:
                self.check_value(node)
                self._say(node.at, "this is a value and no condition; compare it with something")

    def check_value(self, node: Node) -> None:
        """Checks a node that stands where a value is wanted."""
        match node:
            case Name():
                if self._known is not None and node.name not in self._known:
                    near = get_close_matches(node.name, self._known, n=1)
                    hint = f"; did you mean '{near[0]}'?" if near else ""
                    self._say(node.at, f"there is no column '{node.name}'{hint}")
            case Arithmetic():
                for side in (node.left, node.right):
                    self.check_value(side)
                    if self.of(side) != "number":
                        self._say(side.at, f"{node.sign} reckons with numbers, and {self._described(side)}")
                self._check_constant(node)
            case Join():
                self._check_text(node.left, "||")
                self._check_text(node.right, "||")
            case Case():
                for condition, _ in node.branches:
                    self.check_condition(condition)
                self._check_together((*(result for _, result in node.branches), node.otherwise), node.at)
            case TextLiteral() | NumberLiteral() | Null():
                pass
            case _:
                self.check_condition(node)
                self._say(node.at, "this is a condition, and a value is wanted here; write case when ... then ... end")

    def _check_compare(self, node: Compare) -> None:
        self._check_together((node.left, node.right), node.at)
        if node.sign in {"=", "<>"}:
            return
        kind = together((node.left, node.right), self)
        for side in (node.left, node.right):
            if is_blank(side):
                self._say(
                    side.at, f"a blank is neither before nor behind anything; {node.sign} needs a value, or `is null`"
                )
                return
        if kind == "text":
            names = [part for part in walk(node) if isinstance(part, Name)]
            declare = f"declare {names[0].name} in `columns` as a date or a number" if names else "compare a column"
            self._say(node.at, f"{node.sign} compares numbers or dates, and this is text; {declare}")

    def _check_together(self, nodes: Iterable[Node], at: int) -> None:
        """Checks values that are compared with one another, or stand in for one another."""
        held = [node for node in nodes if not is_blank(node)]
        for node in held:
            self.check_value(node)
        kind = together(held, self)
        for node in held:
            own = self.of(node)
            if own == kind or own in {"truth", "blank"}:
                continue
            if kind == "date" and isinstance(node, TextLiteral):
                if iso_date(node.text) is None:
                    self._say(node.at, f"'{node.text}' is no date; write one like '2026-01-31'")
            elif kind == "number" and isinstance(node, TextLiteral):
                self._say(node.at, f"a number is wanted here; write {node.text} without quotes")
            elif kind == "text" and isinstance(node, NumberLiteral):
                self._say(node.at, f"a text is wanted here; write '{node.text}', or declare the column a number")
            else:
                self._say(node.at, f"a {kind} is wanted here, and {self._described(node)}")

    def _check_text(self, node: Node, sign: str) -> None:
        """Checks a node whose text is taken as it stands: any column, or what is text by itself."""
        self.check_value(node)
        if not isinstance(node, Name) and self.of(node) not in {"text", "truth"}:
            self._say(node.at, f"{sign} takes texts, and {self._described(node)}")

    def _check_constant(self, node: Arithmetic) -> None:
        """Refuses a division by nothing but zero, and figures without a column that have no result."""
        try:
            if node.sign == "/" and constant(node.right) == 0:
                self._say(node.right.at, "this divides by zero")
            elif (value := constant(node)) is not None and not math.isfinite(value):
                self._say(node.at, "this is too large a number")
        except ZeroDivisionError:
            pass  # Said where it stands.

    def _described(self, node: Node) -> str:
        kind = self.of(node)
        if isinstance(node, Name):
            declare = "" if node.name in self._types else " (declare its type in `columns`)"
            return f"{node.name} is a {kind}{declare}"
        return "this is null" if kind == "blank" else f"this is a {kind}"

    def _say(self, at: int, message: str) -> None:
        self.problems.append((at, message))


def is_blank(node: Node) -> bool:
    """Whether a node is null or '': a blank, which goes with every kind."""
    return isinstance(node, Null) or (isinstance(node, TextLiteral) and not node.text)


def together(nodes: Iterable[Node], kinds: Kinds) -> Kind:
    """The kind of values that are compared: that of a column or a reckoning counts before that of a literal."""
    held = [node for node in nodes if not is_blank(node)]
    literal = TextLiteral | NumberLiteral
    strong = (kinds.of(node) for node in held if not isinstance(node, literal))
    return next((kind for kind in strong if kind != "blank"), kinds.of(held[0]) if held else "blank")


def iso_date(text: str) -> date | None:
    """The date of a literal, yyyy-mm-dd."""
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def constant(node: Node) -> float | None:
    """The number that a node without columns is; None for all others. Raises ZeroDivisionError."""
    if isinstance(node, NumberLiteral):
        return node.value
    if not isinstance(node, Arithmetic):
        return None
    left, right = constant(node.left), constant(node.right)
    if left is None or right is None:
        return None
    match node.sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _:
            return left / right
