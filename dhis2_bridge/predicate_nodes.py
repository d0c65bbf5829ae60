"""The tree of a predicate: what its text can say, and the error for a text that says something else."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from dhis2_bridge.findings import UsageError


class PredicateError(UsageError):
    """A predicate or computed column that cannot be used; `problems` are (offset into the text, message)."""

    def __init__(self, text: str, problems: list[tuple[int, str]]) -> None:
        self.text = text
        self.problems = problems
        super().__init__("\n".join(f"at character {offset + 1}: {message}" for offset, message in problems))


@dataclass(frozen=True, slots=True)
class Name:
    """A column."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class TextLiteral:
    """A text in quotes."""

    text: str
    at: int


@dataclass(frozen=True, slots=True)
class NumberLiteral:
    """A number; `text` as it was written, "" for the zero from which `-x` is taken."""

    value: float
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Truth:
    """true or false."""

    value: bool
    at: int


@dataclass(frozen=True, slots=True)
class Null:
    """null: a blank."""

    at: int


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    operand: "Node"
    at: int


@dataclass(frozen=True, slots=True)
class Both:
    """Two conditions joined by `and` or `or`."""

    sign: str
    left: "Node"
    right: "Node"
    at: int


@dataclass(frozen=True, slots=True)
class Compare:
    """=, <>, <, <=, > or >= between two values."""

    sign: str
    left: "Node"
    right: "Node"
    at: int


@dataclass(frozen=True, slots=True)
class In:
    """Whether a value is one of some literals."""

    operand: "Node"
    options: "tuple[Node, ...]"
    at: int


@dataclass(frozen=True, slots=True)
class Like:
    """Whether a text fits a pattern of % and _."""

    operand: "Node"
    pattern: str
    at: int


@dataclass(frozen=True, slots=True)
class IsBlank:
    """Whether a column is blank."""

    operand: "Node"
    at: int


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """+, -, * or / of two numbers."""

    sign: str
    left: "Node"
    right: "Node"
    at: int


@dataclass(frozen=True, slots=True)
class Join:
    """Two texts one behind the other."""

    left: "Node"
    right: "Node"
    at: int


@dataclass(frozen=True, slots=True)
class Case:
    """The value of the first branch whose condition holds, or `otherwise`."""

    branches: "tuple[tuple[Node, Node], ...]"
    otherwise: "Node"
    at: int


Leaf: TypeAlias = Name | TextLiteral | NumberLiteral | Truth | Null
Node: TypeAlias = Leaf | Not | Both | Compare | In | Like | IsBlank | Arithmetic | Join | Case


def children(node: Node) -> tuple[Node, ...]:
    """The nodes right below a node, in the order of the text."""
    match node:
        case Not() | Like() | IsBlank():
            return (node.operand,)
        case Both() | Compare() | Arithmetic() | Join():
            return node.left, node.right
        case In():
            return node.operand, *node.options
        case Case():
            return (*(part for branch in node.branches for part in branch), node.otherwise)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it, in the order of the text."""
    yield node
    for child in children(node):
        yield from walk(child)
