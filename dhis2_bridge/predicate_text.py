"""The text of predicates and computed columns as a small tree: a closed subset of SQL.

sqlglot splits and parses; what it may see and what may come of it are two allow-lists of our own. Only words, texts,
numbers and the signs of this language reach its parser, every word that is no keyword here as a plain name, so no
function, statement or dialect can come to life. Nothing is opened or looked up.
"""

import functools
import gc
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

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
    PredicateError,
    TextLiteral,
    Truth,
    walk,
)

LONGEST: Final = 5_000
MOST_TOKENS: Final = 1_000
MOST_NODES: Final = 200
DEEPEST: Final = 20
"""Levels of parentheses, `case`, `not` and `-` within one another. sqlglot takes some 20 frames of Python for one."""

KEYWORDS: Final = frozenset(
    ["and", "or", "not", "in", "between", "is", "null", "like", "case", "when", "then", "else", "end", "true", "false"]
)
ALLOWED: Final = (
    "and, or, not, =, <>, <, <=, >, >=, in (...), between, is null, like, case when, + - * / ||, "
    "names, 'texts', numbers, true, false, null"
)
_SIGNS: Final = frozenset(["(", ")", ",", "=", "<>", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "||"])
_WORD: Final = re.compile(r"[^\W\d][\wʻʼ‘’]*")
_NUMBER: Final = re.compile(r"(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u2028\u2029\ud800-\udfff]")
LONGEST_NUMBER: Final = 15
"""Significant digits of a literal: what a 64-bit float holds whatever they are."""


@functools.lru_cache(maxsize=256)
def parse(text: str) -> Node:
    """The tree of a text. Raises PredicateError with the place and what is allowed."""
    if len(text) > LONGEST:
        raise PredicateError(text[:80], [(0, f"longer than {LONGEST:,} characters; a crosswalk may say it better")])
    if not text.strip():
        raise PredicateError(text, [(0, "this is blank")])
    if found := _CONTROL.search(text):
        raise PredicateError(text, [(found.start(), f"the character U+{ord(found[0]):04X} cannot stand here")])
    try:
        tree = _Tree(text).read()
    except RecursionError:
        raise PredicateError(text, [(0, "nested too deep")]) from None
    if sum(1 for _ in walk(tree)) > MOST_NODES:
        message = f"more than {MOST_NODES} names, texts, numbers and signs; a crosswalk may say it better"
        raise PredicateError(text, [(0, message)])
    return tree


@contextmanager
def _uncollected() -> Iterator[None]:
    """Spares what is imported the search for garbage, which takes half as long again: all of it stays."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class _Tree:
    def __init__(self, text: str) -> None:
        self.text = text

    def fail(self, at: int, message: str) -> PredicateError:
        return PredicateError(self.text, [(at, message)])

    def read(self) -> Node:
        # Imported here: a tenth of a second that only those who use predicates pay.
        with _uncollected():
            from sqlglot import Dialect, exp  # noqa: PLC0415
            from sqlglot.errors import ParseError  # noqa: PLC0415

        dialect = Dialect.get_or_raise("")
        tokens = self._tokens(dialect)
        try:
            found = dialect.parser().parse_into(exp.Condition, tokens, self.text)
        except ParseError as error:
            # Tokens carry their offset as the column, so sqlglot gives it back.
            at = min(int((error.errors[0] if error.errors else {}).get("col") or 0), len(self.text) - 1)
            near = self.text[at : at + 20].split("\n")[0]
            raise self.fail(at, f"this cannot be read near '{near}': something is missing here, or too much") from None
        if len(found) != 1 or found[0] is None:
            raise self.fail(0, "this is not one condition or value")
        self._check_nothing_lost(dialect, tokens, found[0])
        return self.node(found[0], 0)

    def _check_nothing_lost(self, dialect: Any, tokens: list[Any], found: Any) -> None:
        """Refuses a text of which the tree does not hold every token.

        sqlglot is lenient, as a translator of many dialects must be: it reads `a between 1 2` without `and`.
        """
        again = dialect.tokenize(found.sql(dialect=dialect, identify=True))
        if _counted(tokens) != _counted(again):
            raise self.fail(tokens[0].start, "this cannot be read: a word or a sign is missing here, or too much")

    def _tokens(self, dialect: Any) -> list[Any]:
        """The tokens, checked against what this language has."""
        from sqlglot.errors import TokenError  # noqa: PLC0415

        try:
            # Behind a parenthesis no word is the beginning of a statement, which sqlglot would swallow to its end.
            opening, *raw = dialect.tokenize("(" + self.text)
        except TokenError:
            at = max(self.text.rfind("'"), self.text.rfind('"'), 0)
            raise self.fail(at, "a quote is opened and never closed") from None
        make, kinds = type(opening), type(opening.token_type)
        if len(raw) > MOST_TOKENS:
            raise self.fail(0, f"more than {MOST_TOKENS:,} words and signs; a crosswalk may say it better")
        if opening.comments:
            raise self.fail(0, "comments cannot stand here")
        tokens: list[Any] = []
        for token, following in zip(raw, [*raw[1:], None], strict=True):
            at = token.start - 1
            kind, words = token.token_type, token.text.lower()
            written = self.text[at : token.end]
            if token.comments:
                raise self.fail(at, "comments cannot stand here")
            if kind == kinds.STRING and written.startswith("'"):
                pass
            elif kind == kinds.NUMBER:
                self._check_number(at, written)
            elif kind == kinds.IDENTIFIER or (_WORD.fullmatch(written) and words not in KEYWORDS):
                kind = kinds.IDENTIFIER
                if following is not None and following.text == "(":
                    raise self.fail(at, f"functions such as {token.text}() cannot be used; allowed are {ALLOWED}")
            elif words not in KEYWORDS and written not in _SIGNS:
                raise self.fail(at, self._advice(written))
            elif written == "+" and not self._is_end(tokens[-1] if tokens else None):
                raise self.fail(at, "a + needs a number before it")
            tokens.append(make(kind, token.text, 1, at, at, token.end - 1))
        self._check_depth(tokens)
        return tokens

    def _check_number(self, at: int, written: str) -> None:
        if not _NUMBER.fullmatch(written):
            raise self.fail(at, f"'{written}' is no number; write one like 5 or 0.25, and a code in quotes")
        if len(written.replace(".", "").strip("0")) > LONGEST_NUMBER:
            raise self.fail(at, f"a number has at most {LONGEST_NUMBER} digits; write a code in quotes")

    def _advice(self, written: str) -> str:
        match written:
            case "==":
                return "write = instead of =="
            case ".":
                return "a name has no dot; put a name that holds one in double quotes"
            case ";":
                return "a semicolon cannot stand here; this is one condition or value, not statements"
            case _:
                return f"'{written[:20]}' cannot stand here; allowed are {ALLOWED}"

    @staticmethod
    def _is_end(token: Any) -> bool:
        """Whether a value can end with this token."""
        if token is None:
            return False
        return token.text == ")" or token.text.lower() == "end" or token.token_type.name in {
            "IDENTIFIER", "STRING", "NUMBER", "NULL", "TRUE", "FALSE",
        }  # fmt: skip

    def _check_depth(self, tokens: list[Any]) -> None:
        """Refuses what is nested too deep before anything walks it."""
        levels: list[tuple[str, int]] = []
        run = depth = 0
        for token in tokens:
            sign = token.text.lower() if token.token_type.name not in {"IDENTIFIER", "STRING"} else ""
            if sign in {"not", "-"}:
                run += 1
            elif sign in {"(", "case"}:
                levels.append((sign, run + 1))
                depth += run + 1
                run = 0
            else:
                if sign == "end" and (not levels or levels[-1][0] != "case"):
                    raise self.fail(token.start, 'no case is open here; a column named end is written "end"')
                if sign in {")", "end"} and levels:
                    depth -= levels.pop()[1]
                run = 0
            if depth + run > DEEPEST:
                raise self.fail(token.start, f"nested deeper than {DEEPEST} levels")

    def node(self, found: Any, at: int) -> Node:
        """Our node of a node of sqlglot; what is not listed is refused, with all that it could carry.

        `at` is the place for one that has none of its own.
        """
        at = (found.this if type(found).__name__ == "Column" else found).meta.get("start", at)
        reader = _READERS.get(type(found).__name__)
        if reader is None:
            kind = type(found).__name__
            raise self.fail(at, _REFUSED.get(kind, f"{kind.lower()} cannot stand here; allowed are {ALLOWED}"))
        make, keys = reader
        extra = [key for key, held in found.args.items() if held not in (None, False, []) and key not in keys]
        if extra:
            raise self.fail(at, f"'{extra[0]}' cannot stand here; allowed are {ALLOWED}")
        return make(self, found, at)


def _counted(tokens: list[Any]) -> Counter[tuple[Any, str]]:
    """How often each token stands in a text; keywords and signs whatever their spelling."""
    spoken = {"IDENTIFIER", "STRING", "NUMBER"}
    return Counter((t.token_type, t.text if t.token_type.name in spoken else "") for t in tokens)


Reader: TypeAlias = Callable[[_Tree, Any, int], Node]


def _name(tree: _Tree, found: Any, at: int) -> Node:
    if not found.this.this.strip():
        raise tree.fail(at, "a name is blank")
    return Name(found.this.this, at)


def _literal(tree: _Tree, found: Any, at: int) -> Node:
    if found.args.get("is_string"):
        return TextLiteral(found.this, at)
    return NumberLiteral(float(found.this), found.this, at)


def _not(tree: _Tree, found: Any, at: int) -> Node:
    operand = tree.node(found.this, at)
    return Not(operand, operand.at)


def _two(make: Callable[[Node, Node, int], Node]) -> Reader:
    def read(tree: _Tree, found: Any, at: int) -> Node:
        left = tree.node(found.this, at)
        return make(left, tree.node(found.expression, left.at), left.at)

    return read


def _compare(sign: str) -> Reader:
    return _two(lambda left, right, at: Compare(sign, left, right, at))


def _both(sign: str) -> Reader:
    return _two(lambda left, right, at: Both(sign, left, right, at))


def _arithmetic(sign: str) -> Reader:
    return _two(lambda left, right, at: Arithmetic(sign, left, right, at))


def _is(tree: _Tree, found: Any, at: int) -> Node:
    operand = tree.node(found.this, at)
    if type(found.expression).__name__ != "Null":
        raise tree.fail(operand.at, "behind `is` stands null or not null")
    return IsBlank(operand, operand.at)


def _in(tree: _Tree, found: Any, at: int) -> Node:
    operand = tree.node(found.this, at)
    options = tuple(tree.node(option, operand.at) for option in found.args.get("expressions") or ())
    if not options:
        raise tree.fail(operand.at, "behind `in` stands a list in parentheses: in ('a', 'b')")
    for option in options:
        if not isinstance(option, TextLiteral | NumberLiteral | Null):
            raise tree.fail(option.at, "the list behind `in` holds texts, numbers and null only")
    return In(operand, options, operand.at)


def _like(tree: _Tree, found: Any, at: int) -> Node:
    operand = tree.node(found.this, at)
    pattern = tree.node(found.expression, operand.at)
    if not isinstance(pattern, TextLiteral):
        raise tree.fail(pattern.at, "behind `like` stands a text in quotes")
    like = Like(operand, pattern.text, operand.at)
    return Not(like, operand.at) if found.args.get("negate") else like


def _between(tree: _Tree, found: Any, at: int) -> Node:
    operand = tree.node(found.this, at)
    low, high = (tree.node(found.args[key], operand.at) for key in ("low", "high"))
    left = Compare(">=", operand, low, operand.at)
    return Both("and", left, Compare("<=", operand, high, operand.at), operand.at)


def _negative(tree: _Tree, found: Any, at: int) -> Node:
    operand = tree.node(found.this, at)
    if isinstance(operand, NumberLiteral):
        return NumberLiteral(-operand.value, "-" + operand.text, operand.at)
    return Arithmetic("-", NumberLiteral(0.0, "", operand.at), operand, operand.at)


def _case(tree: _Tree, found: Any, at: int) -> Node:
    subject = tree.node(found.this, at) if found.this is not None else None
    branches = []
    for branch in found.args["ifs"]:
        condition = tree.node(branch.this, at)
        if subject is not None:
            condition = Compare("=", subject, condition, condition.at)
        branches.append((condition, tree.node(branch.args["true"], condition.at)))
    default = found.args.get("default")
    if not branches:
        raise tree.fail(at, "a case needs `when ... then ...`")
    first = subject.at if subject is not None else branches[0][0].at
    return Case(tuple(branches), tree.node(default, first) if default is not None else Null(first), first)


_REFUSED: Final = {
    "Concat": "two texts stand side by side; write || between them",
    "Tuple": "a list in parentheses stands only behind `in`",
    "Star": "a * stands only between two numbers",
}
_READERS: Final[dict[str, tuple[Reader, frozenset[str]]]] = {
    "Column": (_name, frozenset({"this"})),
    "Literal": (_literal, frozenset({"this", "is_string"})),
    "Boolean": (lambda tree, found, at: Truth(bool(found.this), at), frozenset({"this"})),
    "Null": (lambda tree, found, at: Null(at), frozenset()),
    "Paren": (lambda tree, found, at: tree.node(found.this, at), frozenset({"this"})),
    "Not": (_not, frozenset({"this"})),
    "And": (_both("and"), frozenset({"this", "expression"})),
    "Or": (_both("or"), frozenset({"this", "expression"})),
    "EQ": (_compare("="), frozenset({"this", "expression"})),
    "NEQ": (_compare("<>"), frozenset({"this", "expression"})),
    "LT": (_compare("<"), frozenset({"this", "expression"})),
    "LTE": (_compare("<="), frozenset({"this", "expression"})),
    "GT": (_compare(">"), frozenset({"this", "expression"})),
    "GTE": (_compare(">="), frozenset({"this", "expression"})),
    "Is": (_is, frozenset({"this", "expression"})),
    "In": (_in, frozenset({"this", "expressions", "field", "query"})),
    "Like": (_like, frozenset({"this", "expression", "negate"})),
    "Between": (_between, frozenset({"this", "low", "high"})),
    "Add": (_arithmetic("+"), frozenset({"this", "expression"})),
    "Sub": (_arithmetic("-"), frozenset({"this", "expression"})),
    "Mul": (_arithmetic("*"), frozenset({"this", "expression"})),
    "Div": (_arithmetic("/"), frozenset({"this", "expression"})),
    "Neg": (_negative, frozenset({"this"})),
    "DPipe": (_two(Join), frozenset({"this", "expression", "safe"})),
    "Case": (_case, frozenset({"this", "ifs", "default"})),
}
"""Nodes of sqlglot by name that may stand in a predicate, and the parts that each may have."""
