import math
import re
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from dhis2_bridge import predicates
from dhis2_bridge.mapping import ColumnType
from dhis2_bridge.predicate_text import MOST_NODES, parse
from dhis2_bridge.predicates import PredicateError

TYPES = {
    "n": ColumnType("number", ","),
    "m": ColumnType("number", ","),
    "d": ColumnType("date", "dd.mm.yyyy"),
    "e": ColumnType("date", "dd.mm.yyyy"),
}
NAMES = {name: f"column {name}" for name in "abnmde"}


def frame(**columns: list[str | None]) -> pl.DataFrame:
    return pl.DataFrame({NAMES[name]: pl.Series(texts, dtype=pl.String) for name, texts in columns.items()})


def mask(text: str, **columns: list[str | None]) -> list[bool]:
    return frame(**columns).select(held=predicates.compile(text, TYPES).mask(NAMES))["held"].to_list()


def refusal(text: str, **options: Any) -> list[tuple[int, str]]:
    with pytest.raises(PredicateError) as caught:
        predicates.compile(text, TYPES, **options)
    return caught.value.problems


def value(text: str, **columns: list[str | None]) -> list[str | None]:
    return frame(**columns).select(held=predicates.compile_value(text, TYPES).value(NAMES))["held"].to_list()


# -- a row-by-row evaluator to compare with ------------------------------------------------------------------------

BLANK, UNREADABLE, UNDECIDED = "a blank", "an unreadable cell", "not to be decided"
Row = dict[str, str | None]
Evaluator = Callable[[Row], Any]
Written = tuple[str, Evaluator]


def is_value(held: Any) -> bool:
    return not (isinstance(held, str) and held in {BLANK, UNREADABLE, UNDECIDED})


def text_cell(name: str) -> Evaluator:
    return lambda row: row[name] or BLANK


def number_cell(name: str) -> Evaluator:
    def read(row: Row) -> Any:
        text = row[name] or ""
        if not text:
            return BLANK
        return float(text.replace(",", ".")) if re.fullmatch(r" *[+-]?\d+(,\d+)? *", text) else UNREADABLE

    return read


def date_cell(name: str) -> Evaluator:
    def read(row: Row) -> Any:
        text = row[name] or ""
        if not text:
            return BLANK
        try:
            return date(int(text[6:]), int(text[3:5]), int(text[:2]))
        except ValueError:
            return UNREADABLE

    return read


def equal(left: Any, right: Any) -> bool | None:
    if UNDECIDED in (left, right):
        return None
    if BLANK in (left, right):
        return left == right
    return None if UNREADABLE in (left, right) else bare(left) == bare(right)


def bare(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def ordered(sign: str, left: Any, right: Any) -> bool | None:
    if not is_value(left) or not is_value(right):
        return None
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[sign]


def negated(truth: bool | None) -> bool | None:
    return None if truth is None else not truth


def both(sign: str, left: bool | None, right: bool | None) -> bool | None:
    decisive = sign == "or"
    if decisive in (left, right):
        return decisive
    return None if None in (left, right) else not decisive


def reckoned(sign: str, left: Any, right: Any) -> Any:
    if not is_value(left) or not is_value(right) or (sign == "/" and right == 0):
        return UNDECIDED
    exact = {"+": left + right, "-": left - right, "*": left * right, "/": left / (right or 1)}[sign]
    return float(f"{exact:.15g}")


def fits(pattern: str, held: Any) -> bool | None:
    if held == UNDECIDED:
        return None
    if held == BLANK:
        return False
    return _fits(pattern, held)


def _fits(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(_fits(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("_", text[0]) and _fits(pattern[1:], text[1:])


def chosen(condition: Evaluator, first: Evaluator, second: Evaluator) -> Evaluator:
    def read(row: Row) -> Any:
        truth = condition(row)
        return UNDECIDED if truth is None else first(row) if truth else second(row)

    return read


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


TEXTS = ["x", "y", "X", "xy", "it's", "100%", "a_b", "ёж\n", " x", "y \u00a0"]
TEXT_CELLS = st.sampled_from(["", None, *TEXTS])
NUMBER_CELLS = st.sampled_from(["", None, "0", "1", "2,5", "-3", " 2", "0,1", "0,2", "0,3", "abc", "1.5", "1 000"])
DATE_CELLS = st.sampled_from(["", None, "01.02.2024", "31.12.2023", "30.02.2024", "x", "29.02.2024"])


@st.composite
def conditions(draw: st.DrawFn, depth: int = 3) -> Written:
    kind = draw(st.sampled_from(["text", "number", "date", "in", "like", "null", "between"] + ["and", "or", "not"] * 2))
    if depth == 0 and kind in {"and", "or", "not"}:
        kind = "null"
    match kind:
        case "and" | "or":
            (left, of_left), (right, of_right) = draw(conditions(depth - 1)), draw(conditions(depth - 1))
            return f"({left} {kind} {right})", lambda row: both(kind, of_left(row), of_right(row))
        case "not":
            text, of = draw(conditions(depth - 1))
            return f"not ({text})", lambda row: negated(of(row))
        case "null":
            name = draw(st.sampled_from("abnmde"))
            wanted = draw(st.booleans())
            return f"{name} is {'' if wanted else 'not '}null", lambda row: (not row[name]) == wanted
        case "like":
            text, of = draw(texts(depth))
            pattern = draw(st.sampled_from(["x%", "%", "_", "%y", "%_%", "it's", "100%", "a_b", "", "%ж%"]))
            wanted = draw(st.booleans())
            sign = "like" if wanted else "not like"
            return (
                f"{text} {sign} {quoted(pattern)}",
                lambda row: fits(pattern, of(row)) if wanted else negated(fits(pattern, of(row))),
            )
        case "in":
            return draw(memberships(depth))
        case "between":
            text, of = draw(numbers(depth))
            low, high = draw(st.integers(-3, 3)), draw(st.integers(-3, 3))
            return f"{text} between {low} and {high}", lambda row: both(
                "and", ordered(">=", of(row), low), ordered("<=", of(row), high)
            )
        case "text":
            (left, of_left), (right, of_right) = draw(texts(depth)), draw(texts(depth))
            sign = draw(st.sampled_from(["=", "<>", "!="]))
        case "number":
            (left, of_left), (right, of_right) = draw(numbers(depth)), draw(numbers(depth))
            sign = draw(st.sampled_from(["=", "<>", "<", "<=", ">", ">="]))
        case _:
            (left, of_left), (right, of_right) = draw(date_columns()), draw(dates())
            sign = draw(st.sampled_from(["=", "<>", "<", "<=", ">", ">="]))
    if sign in {"=", "<>", "!="}:
        return (
            f"{left} {sign} {right}",
            lambda row: (
                equal(of_left(row), of_right(row)) if sign == "=" else negated(equal(of_left(row), of_right(row)))
            ),
        )
    return f"{left} {sign} {right}", lambda row: ordered(sign, of_left(row), of_right(row))


@st.composite
def memberships(draw: st.DrawFn, depth: int) -> Written:
    blank = draw(st.sampled_from(["", "null", "''"]))
    if draw(st.booleans()):
        text, of = draw(texts(depth))
        options: list[Any] = draw(st.lists(st.sampled_from(TEXTS), min_size=0 if blank else 1, max_size=3))
        listed = [quoted(option) for option in options]
    else:
        text, of = draw(numbers(depth))
        options = draw(st.lists(st.sampled_from([-3, 0, 1, 2.5]), min_size=0 if blank else 1, max_size=3))
        listed = [f"{option}" for option in options]
    held = [*options, *([BLANK] if blank else [])]
    written = ", ".join([*listed, *([blank] if blank else [])])
    wanted = draw(st.booleans())

    def among(row: Row) -> bool | None:
        found: bool | None = False
        for option in held:
            found = both("or", found, equal(of(row), option))
        return found if wanted else negated(found)

    return f"{text} {'in' if wanted else 'not in'} ({written})", among


@st.composite
def texts(draw: st.DrawFn, depth: int) -> Written:
    kind = draw(st.sampled_from(["column", "column", "literal", "case", "join"] if depth else ["column"]))
    if kind == "literal":
        text = draw(st.sampled_from([*TEXTS, ""]))
        return quoted(text), lambda row: text or BLANK
    if kind == "case":
        condition, of_condition = draw(conditions(depth - 1))
        (first, of_first), (second, of_second) = draw(texts(depth - 1)), draw(texts(depth - 1))
        return f"case when {condition} then {first} else {second} end", chosen(of_condition, of_first, of_second)
    if kind == "join":
        (left, of_left), (right, of_right) = draw(texts(depth - 1)), draw(texts(depth - 1))

        def joined(row: Row) -> Any:
            held = of_left(row), of_right(row)
            return UNDECIDED if UNDECIDED in held else BLANK if BLANK in held else "".join(held)

        return f"({left} || {right})", joined
    name = draw(st.sampled_from("ab"))
    return name, text_cell(name)


@st.composite
def numbers(draw: st.DrawFn, depth: int) -> Written:
    kind = draw(st.sampled_from(["column", "column", "literal", "case", "sum"] if depth else ["column"]))
    if kind == "literal":
        number = draw(st.sampled_from(["0", "1", "2.5", "0.1", "0.3", "3"]))
        return number, lambda row: float(number)
    if kind == "case":
        condition, of_condition = draw(conditions(depth - 1))
        first, of_first = draw(numbers(depth - 1))
        return f"case when {condition} then {first} end", chosen(of_condition, of_first, lambda row: BLANK)
    if kind == "sum":
        sign = draw(st.sampled_from("+-*/"))
        (left, of_left), (right, of_right) = draw(numbers(depth - 1)), draw(numbers(depth - 1))
        return f"({left} {sign} {right})", lambda row: reckoned(sign, of_left(row), of_right(row))
    name = draw(st.sampled_from("nm"))
    return name, number_cell(name)


@st.composite
def date_columns(draw: st.DrawFn) -> Written:
    name = draw(st.sampled_from("de"))
    return name, date_cell(name)


@st.composite
def dates(draw: st.DrawFn) -> Written:
    if draw(st.booleans()):
        return draw(date_columns())
    text = draw(st.sampled_from(["2024-02-01", "2023-12-31", "2024-02-29"]))
    return quoted(text), lambda row: date.fromisoformat(text)


ROWS = st.lists(
    st.fixed_dictionaries(
        {"a": TEXT_CELLS, "b": TEXT_CELLS} | dict.fromkeys("nm", NUMBER_CELLS) | dict.fromkeys("de", DATE_CELLS)
    ),
    min_size=1,
    max_size=12,
)
SAID_AT_COMPILING = ("this divides by zero", "names no column", "nested deeper", "more than 200", "is always blank")


def refused_rightly(error: PredicateError) -> bool:
    return all(any(words in message for words in SAID_AT_COMPILING) for _, message in error.problems)


@settings(max_examples=70, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(conditions(), ROWS)
def test_mask_and_unreadable_equal_a_row_by_row_evaluation(written: Written, rows: list[Row]) -> None:
    text, of = written
    try:
        predicate = predicates.compile(text, TYPES)
    except PredicateError as error:
        assert refused_rightly(error), error
        assume(False)
    held = frame(**{name: [row[name] for row in rows] for name in "abnmde"})
    truths = [of(row) for row in rows]
    assert held.select(x=predicate.mask(NAMES))["x"].to_list() == [truth is True for truth in truths]
    undecided = [False] * len(rows)
    for name, expression in predicate.unreadable(NAMES):
        assert name in predicate.columns
        found = held.select(x=expression)["x"].to_list()
        undecided = [one or other for one, other in zip(undecided, found, strict=True)]
    assert undecided == [truth is None for truth in truths]
    decided = predicate.decide(held, NAMES)
    assert decided.answer.to_list() == [truth is True for truth in truths]
    assert [name for name, _ in decided.unreadable] == [name for name, _ in predicate.unreadable(NAMES)]
    for (_, series), (_, expression) in zip(decided.unreadable, predicate.unreadable(NAMES), strict=True):
        assert series.to_list() == held.select(x=expression)["x"].to_list()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(texts(2), numbers(2)), ROWS)
def test_a_computed_column_equals_a_row_by_row_evaluation(written: Written, rows: list[Row]) -> None:
    text, of = written
    try:
        column = predicates.compile_value(text, TYPES)
    except PredicateError as error:
        assert refused_rightly(error), error
        assume(False)
    held = frame(**{name: [row[name] for row in rows] for name in "abnmde"})
    values = [of(row) for row in rows]
    decided = column.decide(held, NAMES)
    for found, wanted in zip(decided.answer.to_list(), values, strict=True):
        if not is_value(wanted):
            assert found is None
        elif isinstance(wanted, float):
            assert float(found) == wanted
            assert re.fullmatch(r"-?(0|[1-9]\d*)(\.\d*[1-9])?", found)
            assert found != "-0"
        else:
            assert found == wanted
    lost = [any(rows) for rows in zip(*(series for _, series in decided.unreadable), strict=True)] or [False] * len(
        rows
    )
    assert lost == [wanted in {UNREADABLE, UNDECIDED} if isinstance(wanted, str) else False for wanted in values]


# -- what it means, by example -------------------------------------------------------------------------------------


def test_a_blank_equals_only_a_blank_and_the_opposite_is_exact() -> None:
    cells = ["4", "1", "", None]
    assert mask("a = '4'", a=cells) == [True, False, False, False]
    assert mask("a <> '4'", a=cells) == [False, True, True, True]
    assert mask("a not in ('4', '1')", a=cells) == [False, False, True, True]
    assert mask("a not like '4%'", a=cells) == [False, True, True, True]
    assert mask("a = null", a=cells) == mask("a = ''", a=cells) == mask("a is null", a=cells)


@pytest.mark.parametrize("held", ["4", "4 ", "  4", "4\t", "\u00a04"])
@pytest.mark.parametrize("written", ["4", "4 "])
def test_space_around_a_text_does_not_count(held: str, written: str) -> None:
    frame = pl.DataFrame({"status": [held, "44", None]})
    for text, answers in {
        f"status = '{written}'": [True, False, False],
        f"status <> '{written}'": [False, True, True],
        f"status in ('1', '{written}')": [True, False, False],
        f"status not in ('1', '{written}')": [False, True, True],
        f"'{written}' = status": [True, False, False],
        "status is null": [False, False, True],
    }.items():
        assert predicates.compile(text).decide(frame, {"status": "status"}).answer.to_list() == answers, text


def test_a_guard_decides_rows_that_a_comparison_alone_does_not() -> None:
    cells = ["1", "", "abc", "7"]
    bare, guarded = predicates.compile("n < 5", TYPES), predicates.compile("n is null or n < 5", TYPES)
    held = frame(n=cells)
    assert bare.decide(held, NAMES).unreadable[0][1].to_list() == [False, True, True, False]
    assert guarded.decide(held, NAMES).unreadable[0][1].to_list() == [False, False, True, False]
    assert guarded.decide(held, NAMES).answer.to_list() == [True, True, False, False]
    assert mask("n is not null and n < 5", n=cells) == [True, False, False, False]


def test_only_the_cells_that_matter_are_to_blame() -> None:
    held = frame(n=["", "1", "", "x"], m=["1", "", "9", "1"])
    predicate = predicates.compile("n > 0 and m < 5", TYPES)
    found = {name: series.to_list() for name, series in predicate.decide(held, NAMES).unreadable}
    assert found == {"n": [True, False, False, True], "m": [False, True, False, False]}


def test_division_by_zero_blames_the_divisor() -> None:
    held = frame(n=["1", "1"], m=["0", "2"])
    found = predicates.compile("n / m > 0", TYPES).decide(held, NAMES)
    assert found.answer.to_list() == [False, True]
    assert {name: series.to_list() for name, series in found.unreadable} == {"n": [False, False], "m": [True, False]}


def test_a_row_that_no_cell_explains_is_still_reported() -> None:
    big = " * ".join(["n"] * 40)
    held = frame(n=["999999999999999", "1"])
    found = predicates.compile(f"{big} > 5", TYPES).decide(held, NAMES)
    assert found.unreadable[0][1].to_list() == [True, False]
    of_text = predicates.compile("case when a = 'x' then 5 end > 3", TYPES).decide(frame(a=["x", "y"]), NAMES)
    assert of_text.answer.to_list() == [True, False]
    assert of_text.unreadable[0][1].to_list() == [False, True]


@pytest.mark.parametrize(
    "text",
    [
        " + ".join(["n"] * 90) + " > 1",
        "-" + "(-" * 9 + "n" + ")" * 9 + " < 1",
        " || ".join(["a"] * 90) + " = 'x'",
        "case when n > 1 then " * 18 + "m" + " else 1 end" * 18 + " < 1",
        "case when " * 15 + "n > 1" + " then n > 1 else n < 1 end" * 15,
        "case " + "when n > 1 then m " * 30 + "end in (1, 2)",
        "n in (1) or " * 40 + "n = 2",
    ],
)
def test_time_and_memory_grow_with_the_length_of_a_text_and_no_faster(text: str) -> None:
    predicates.compile("a = 'x'")
    start = time.perf_counter()
    predicates.compile(text, TYPES).decide(frame(a=["x", ""], n=["1", "x"], m=["", "2"]), NAMES)
    assert time.perf_counter() - start < 3.0


def test_decimal_fractions_are_reckoned_as_written() -> None:
    assert mask("n + 0.2 = 0.3", n=["0,1"]) == [True]
    assert value("n * 3", n=["0,1", "1", "100000000000000", ""]) == ["0.3", "3", "300000000000000", None]
    assert value("n / 1000000000", n=["1", "-1", "0"]) == ["0.000000001", "-0.000000001", "0"]


def test_a_number_of_too_many_digits_is_unreadable_and_never_rounded() -> None:
    predicate = predicates.compile("n > 1", TYPES)
    found = predicate.decide(frame(n=["12345678901234567", "1234567890123450000", "0,1234567890123456"]), NAMES)
    assert found.unreadable[0][1].to_list() == [True, False, True]


def test_a_date_cell_of_a_workbook_is_read_under_any_pattern() -> None:
    assert mask("d = '2024-02-03'", d=["03.02.2024", "2024-02-03", "2024-02-03T10:30:00"]) == [True] * 3


def test_computed_dates_are_iso_and_can_be_read_again() -> None:
    column = predicates.compile_value("case when d is null then e else d end", TYPES)
    assert column.type == ColumnType("date", "yyyy-mm-dd")
    assert value(column.text, d=["", "01.02.2024"], e=["31.12.2023", ""]) == ["2023-12-31", "2024-02-01"]


def test_names_may_be_quoted_and_keywords_in_any_case() -> None:
    held = pl.DataFrame({"1": ["05", "06"], "2": ["x", None]})
    predicate = predicates.compile('"Satr kodi" IN (\'05\') AND "end" Is Not Null')
    assert predicate.columns == ("Satr kodi", "end")
    names = {"Satr kodi": pl.col("1"), "end": "2"}
    assert held.select(x=predicate.mask(names))["x"].to_list() == [True, False]


@pytest.mark.parametrize(
    "word", ["date", "value", "status", "show", "execute", "first", "row", "interval", "Жами", "oʻzi"]
)
def test_a_word_that_other_dialects_reserve_is_a_plain_column(word: str) -> None:
    assert predicates.compile(f"{word} = 'x' and {word} is not null").columns == (word,)


def test_a_column_that_stands_nowhere_is_blank_on_every_row() -> None:
    held = frame(a=["x", "y"])
    predicate = predicates.compile("b = 'q' or b is null")
    assert held.filter(predicate.mask({"b": pl.lit(None, dtype=pl.String)})).height == 2
    assert predicate.decide(held, {"b": pl.lit(None, dtype=pl.String)}).answer.to_list() == [True, True]


def test_a_literal_may_stand_before_a_value_that_is_blank_everywhere() -> None:
    found = predicates.compile("0 < case when a = 'q' then n end", TYPES).decide(frame(a=["", ""], n=["", ""]), NAMES)
    assert found.answer.to_list() == [False, False]
    assert dict(found.unreadable)["n"].to_list() == [True, True]
    same = predicates.compile("'x' = a or '' = b").decide(frame(a=["", ""]), {"a": NAMES["a"], "b": pl.lit("y")})
    assert same.answer.to_list() == [False, False]


def test_no_rows_give_no_answers() -> None:
    decided = predicates.compile("n < 5 and d > '2024-01-01' and a = 'x'", TYPES).decide(frame(a=[], n=[], d=[]), NAMES)
    assert decided.answer.len() == 0


# -- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("read_csv('/etc/passwd') = 'x'", 0, "functions such as read_csv()"),
        ("a = 'x' and scan_parquet('b') = 1", 12, "functions"),
        ('"f" (1) = 1', 0, "functions"),
        ("count(*) > 1", 0, "functions"),
        ("cast(a as int) = 1", 0, "functions"),
        ("exists(select 1)", 0, "functions"),
        ("a::int = 1", 1, "'::'"),
        ("t.a = 'x'", 1, "no dot"),
        ("a = 'x'; drop table b", 7, "semicolon"),
        ("select a from b", 7, "cannot be read"),
        ("a in (select b)", 13, "cannot be read"),
        ("a in b", 0, "list in parentheses"),
        ("a in ()", 0, "list in parentheses"),
        ("a in (b)", 6, "texts, numbers and null only"),
        ("a = 'x' -- why", 4, "comments"),
        ("a = 'x' /* why */", 4, "comments"),
        ("/* why */ a = 'x'", 0, "comments"),
        ("a = $1", 4, "'$1'"),
        ("a = ?", 4, "'?'"),
        ("a = @b", 4, "'@'"),
        ("a == 'x'", 2, "write ="),
        ("a = `b`", 4, "'`'"),
        ("a[1] = 'x'", 1, "'['"),
        ("* = 'x'", 0, "*"),
        ("a % b = 'x'", 2, "'%'"),
        ("a = 1e5", 4, "no number"),
        ("n = 007", 4, "no number"),
        ("n = .5", 4, "dot"),
        ("n = +5", 4, "+"),
        ("n = 1234567890123456", 4, "15 digits"),
        ("a = 'x", 4, "quote"),
        ("a and", 2, "cannot be read"),
        ("(a = 'x'", 5, "cannot be read"),
        ("a = 'x')", 7, "cannot be read"),
        ("a = b c", 6, "cannot be read"),
        ("n between 1 2", 0, "cannot be read"),
        ("n between symmetric 1 and 2", 0, "cannot be read"),
        ("a = 'x' 'y'", 0, "cannot be read"),
        ("a like b", 7, "text in quotes"),
        ("a like 'x' escape '!'", 11, "cannot be read"),
        ("a ilike 'x'", 2, "cannot be read"),
        ("a is true", 0, "null"),
        ("a is distinct from b", 14, "cannot be read"),
        ("end = 'x'", 0, '"end"'),
        ("\"\" = 'x'", 0, "name is blank"),
        ("  ", 0, "blank"),
        ("a = 'x'\x00", 7, "U+0000"),
        ("a", 0, "no condition"),
        ("not a", 4, "no condition"),
        ("true", 0, "names no column"),
        ("'x' = 'x'", 0, "names no column"),
        ("(a = 'x') = true", 1, "condition"),
        ("a is null is null", 0, "one column"),
        ("(n + 1) is null", 1, "one column"),
        ("a < '5'", 0, "declare a in `columns`"),
        ("a = 5", 4, "write '5'"),
        ("n = '5'", 4, "without quotes"),
        ("n < null", 0, "a blank is neither"),
        ("n < ''", 4, "a blank is neither"),
        ("d = 5", 4, "a date is wanted"),
        ("d = a", 4, "a is a text"),
        ("d = '2024-02-30'", 4, "no date"),
        ("d > '01.02.2024'", 4, "no date"),
        ("n + a > 1", 4, "a is a text"),
        ("n / 0 > 1", 4, "divides by zero"),
        ("n / (2 - 2) > 1", 5, "divides by zero"),
        ("case when a = 'x' then true end", 10, "needs an else"),
        ("case when a = 'x' then 'y' else n end = 'y'", 23, "without quotes"),
        ("(n + 1) like 'x'", 1, "takes texts"),
        ("n + 1", 0, "no condition"),
    ],
)
def test_what_the_language_has_not_is_refused_with_its_place(text: str, at: int, words: str) -> None:
    problems = refusal(text)
    assert any(words in message for _, message in problems), problems
    assert problems[0][0] == at


def test_all_problems_of_meaning_are_told_at_once() -> None:
    assert [at for at, _ in refusal("a < 'x' and n = '5' or d = 'soon'")] == [0, 16, 27]


def test_unknown_columns_are_told_with_the_nearest() -> None:
    problems = refusal("staus = 'x' and form = 'y'", known=["status", "form"])
    assert problems == [(0, "there is no column 'staus'; did you mean 'status'?")]


def test_a_computed_column_is_a_value() -> None:
    for text in ("a = 'x'", "null", "a is null", "case when a then 'x' end"):
        with pytest.raises(PredicateError):
            predicates.compile_value(text, TYPES)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "a = 'x'" + ")" * 10_000,
        "(" * 300 + "a = 'x'" + ")" * 300,
        "not " * 900 + "a = 'x'",
        "- " * 900 + "n = 1",
        "case when " * 300 + "a",
        "(not (- " * 100 + "a",
        "a" * 1_000_000,
        "a = '" + "x" * 1_000_000 + "'",
        "a = 'x' or " * 400 + "a = 'x'",
        "a in (" + ",".join(["'x'"] * MOST_NODES) + ")",
        "'" * 4_999,
        '"' * 4_999,
        "\\" * 3_000,
        "{{ a }}",
        "{% set a %}",
        "\ud800",
        "a = '\u2028'",
        "😀 = 'x'",
        "ﷺ = 'x",
        "$tag$ x $tag$",
    ],
)
def test_hostile_texts_are_refused_soon(text: str) -> None:
    predicates.compile("a = 'x'")  # The parser's import is not what is measured.
    start = time.perf_counter()
    with pytest.raises(PredicateError):
        predicates.compile(text, TYPES)
    assert time.perf_counter() - start < 1.0


PIECES = re.findall(
    r"\S+",
    """a n d 'x' '' 1 2.5 null true and or not in between is like case when then else end ( ) , = <> < <= + - * / || "q"
    select from :: . -- /* */ ; [ ] { } $ ? @ interval date cast as over escape % \\""",
)
ANY_TEXT = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join),
    st.lists(st.sampled_from(PIECES), max_size=10).map("".join),
)


@settings(max_examples=150, deadline=None)
@given(ANY_TEXT)
@example("a between 1 2")
def test_any_text_is_a_predicate_or_refused(text: str) -> None:
    held = frame(a=["x", None], n=["1", "?"], d=["01.02.2024", ""])
    try:
        predicate = predicates.compile(text, TYPES)
    except PredicateError as error:
        assert all(0 <= at <= len(text) and message for at, message in error.problems)
    else:
        answer = held.select(
            x=predicate.mask({name: pl.lit(None, dtype=pl.String) for name in predicate.columns} | NAMES)
        )
        assert answer["x"].null_count() == 0


@settings(max_examples=40, deadline=None)
@given(conditions(), st.randoms(use_true_random=False))
def test_every_token_counts(written: Written, random: Any) -> None:
    """A text with one word or sign taken out never means the same: the parser may not pass over anything."""
    text, _ = written
    tokens = re.findall(r"'(?:[^']|'')*'|\"[^\"]*\"|\w+(?:\.\w+)?|<>|!=|<=|>=|\|\||[^\s\w]", text)
    less = list(tokens)
    gone = less.pop(random.randrange(len(less)))
    try:
        whole = re.sub(r"at=\d+", "", repr(parse(" ".join(tokens))))
        other = re.sub(r"at=\d+", "", repr(parse(" ".join(less))))
    except PredicateError:
        return
    assert whole != other, gone


def test_numbers_keep_every_digit_of_their_fifteen() -> None:
    for number in ("999999999999999", "123456789.012345", "0.000000000000001"):
        assert value("n", n=[number.replace(".", ",")]) == [number]
        assert math.isclose(float(number), float(value(f"0 + {number}", n=[""])[0] or "nan"), rel_tol=0)
