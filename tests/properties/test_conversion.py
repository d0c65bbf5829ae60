"""Laws of the conversion over random forms: no filled cell vanishes, and the way a form is laid out means nothing."""

import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

import worlds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhis2_bridge.mapping import Mapping
from dhis2_bridge.values import address

WIDE = """
data_set: FORM_M
source: {header: {anchor: line, rows: 2}, ends: {words: [Rahbar]}, ignore: [Izoh]}
columns: {line: Satr, total: Jami}
org_unit: {cell: {right_of: Kod}, match: code}
period: {constant: "202609", type: Monthly}
data_element: {column: line, match: code}
category_options:
  SEX: {header: 1, map: {Erkak: M, Ayol: F}}
  AGE: {header: 2}
cells: {"-": zero, x: not_applicable, "...": not_reported}
"""
LONG = """
data_set: FORM_M
org_unit: {column: unit, match: code}
period: {constant: "202609", type: Monthly}
data_element: {column: line, match: code}
category_options: {SEX: {column: sex}, AGE: {column: age}}
value: {column: value}
"""
AXES = {"VISITS": {"SEX", "AGE"}, "DEATHS": {"SEX"}, "BEDS": set(), "POSTS": {"SEX"}, "NOTE": set()}
LINES = [*AXES, "QATNOV", ""]
SEXES = {"Erkak": "M", "Ayol": "F"}
AGES = {"0-4": "Y0", "5-14": "Y5", "15+": "Y15"}
HEADERS = [
    ("Jami", ""),
    *((sex, age) for sex in SEXES for age in ("Jami", *AGES)),
    ("Jami", "0-4"),
    ("Bolalar", ""),
    ("Erkak", "90+"),
    ("Izoh", ""),
]
TEXTS = ["", "", "1", "2", "3", "0", "-", "x", "...", "1.5", "koʻp", "#N/A"]

DRAWN = settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True)
class Form:
    """Header paths of the value columns, lines with their cells, and the facility's code."""

    headers: list[tuple[str, str]]
    rows: list[tuple[str, list[str]]]
    unit: str = "HRM_101"

    def drawn(self) -> str:
        """As a sheet: the facility in row 1, the header in rows 2 and 3, lines from row 4, signatures below."""
        top = ["Satr", *(sex for sex, _ in self.headers)]
        low = ["", *(age for _, age in self.headers)]
        body = [[line, *cells] for line, cells in self.rows]
        signed = ["Rahbar", "Karimov"]
        return "\n".join(" | ".join(row) for row in [["Kod", self.unit], top, low, *body, signed])


@st.composite
def forms(draw: st.DrawFn, *, texts: list[str] = TEXTS, lines: list[str] = LINES, unit: str | None = None) -> Form:
    headers = draw(st.lists(st.sampled_from(HEADERS), min_size=1, max_size=7, unique=True))
    cells = st.lists(st.sampled_from(texts), min_size=len(headers), max_size=len(headers))
    rows = draw(st.lists(st.tuples(st.sampled_from(lines), cells), min_size=1, max_size=6))
    return Form(headers, rows, unit or draw(st.sampled_from(["HRM_101", "HRM_101", "HRM_101", "HRM_999", ""])))


def converted(form: str | dict[str, str], mapping: Mapping) -> worlds.Made:
    with tempfile.TemporaryDirectory() as folder:
        return worlds.convert(Path(folder), form, mapping)


def meaning(line: str, header: tuple[str, str]) -> tuple[str, frozenset[str]]:
    """What a cell is by the words of the form: value, total, not_of_line, unknown_line, unmapped, ignored."""
    sex, age = header
    if sex == "Izoh":
        return "ignored", frozenset()
    if sex not in {"Jami", *SEXES} or age not in {"", "Jami", *AGES}:
        return "unmapped", frozenset()
    if line not in AXES:
        return "unknown_line", frozenset()
    said = {category: code for category, code in (("SEX", SEXES.get(sex)), ("AGE", AGES.get(age))) if code}
    if not said.keys() <= AXES[line]:
        return "not_of_line", frozenset()
    return "value" if said.keys() == AXES[line] else "total", frozenset(said.values())


@settings(DRAWN, max_examples=60)
@given(forms())
def test_every_filled_cell_is_accounted_for(form: Form) -> None:
    made = converted(form.drawn(), worlds.mapping(WIDE))
    sent, refused = made.values(), made.values(ready=False)
    at: dict[str, set[str]] = {}
    for code, place in made.told():
        at.setdefault(place, set()).add(code)
    disagreeing = {
        part for f in made.findings if f.code == "total.disagrees" for part in f.arguments["parts"].split(", ")
    }
    known = {}
    for row, (line, cells) in enumerate(form.rows, start=4):
        for column, (header, text) in enumerate(zip(form.headers, cells, strict=True), start=2):
            cell, line_cell, header_cell = address(row, column), address(row, 1), address(2, column)
            kind, options = meaning(line, header)
            if text in {"", "x", "..."} or kind == "ignored":
                assert cell not in sent.keys() | refused.keys()
                continue
            if kind == "unmapped":
                assert "column.unmapped" in at[header_cell]
                assert cell not in sent.keys() | refused.keys()
            elif kind == "unknown_line":
                assert at[line_cell] & {"data_element.unknown", "data_element.missing"}
                assert cell not in sent
            elif form.unit != "HRM_101":
                assert at["B1"] & {"org_unit.unknown", "org_unit.missing"}
                assert cell not in sent
            elif kind == "not_of_line":
                assert at[cell] == {"cell.not_of_line"}
                assert cell not in sent
            elif kind == "total":
                assert cell not in sent.keys() | refused.keys()
                known[cell] = (line, options, text)
            elif cell in sent:
                element, combo, value = sent[cell][2:]
                assert (element, frozenset(filter(None, combo.split("+")))) == (line, options)
                assert value == ("0" if text == "-" and line != "NOTE" else text)
                assert not at.get(cell)
            else:
                why = refused[cell][4]
                # Of several equal copies the first is named, and how many there are.
                assert why in at.get(cell, ()) or cell in disagreeing or why == "value.repeated"
    places = {address(r, c) for r in range(4, 4 + len(form.rows)) for c in range(2, 2 + len(form.headers))}
    assert sent.keys() | refused.keys() <= places
    judge_totals(form, known, sent, refused, at)


def judge_totals(
    form: Form,
    totals: dict[str, tuple[str, frozenset[str], str]],
    sent: dict[str, worlds.Value],
    refused: dict[str, worlds.Value],
    at: dict[str, set[str]],
) -> None:
    """Each total is told, or its parts sum up to it, or one of its parts is in doubt."""
    for cell, (line, options, text) in totals.items():
        if at.get(cell):
            assert at[cell] <= {
                *("total.disagrees", "total.without_parts", "total.zero_without_parts", "total.unreadable"),
                "cell.error",
            }
            continue
        held = {**sent, **refused}
        parts = {
            place: value[4]
            for place, value in held.items()
            if value[2] == line and options <= frozenset(value[3].split("+"))
        }
        doubtful = parts.keys() & refused.keys()
        by_options = {held[place][3]: value for place, value in parts.items()}
        assert doubtful or sum(map(float, by_options.values())) == float(text.replace("-", "0"))


@DRAWN
@given(forms(unit="HRM_101"), st.integers(0, 1000))
def test_the_order_of_rows_and_columns_means_nothing(form: Form, seed: int) -> None:
    shuffled = random.Random(seed)
    rows = shuffled.sample(form.rows, len(form.rows))
    order = shuffled.sample(range(len(form.headers)), len(form.headers))
    other = Form([form.headers[i] for i in order], [(line, [cells[i] for i in order]) for line, cells in rows])
    mapping = worlds.mapping(WIDE)
    one, two = converted(form.drawn(), mapping), converted(other.drawn(), mapping)
    assert sorted(one.values().values()) == sorted(two.values().values())
    assert sorted(one.values(ready=False).values()) == sorted(two.values(ready=False).values())
    assert sorted(code for code, _ in one.told()) == sorted(code for code, _ in two.told())


@DRAWN
@given(forms(unit="HRM_101", lines=[*AXES]), st.integers(0, 6))
def test_a_form_in_two_sheets_gives_what_it_gives_in_one(form: Form, cut: int) -> None:
    mapping = worlds.mapping(WIDE)
    halves = [Form(form.headers, rows).drawn() for rows in (form.rows[:cut], form.rows[cut:])]
    whole = converted(form.drawn(), mapping)
    parts = converted({"A": halves[0], "B": halves[1]}, mapping)
    assert sorted(whole.values().values()) == sorted(parts.values().values())


@DRAWN
@given(forms(unit="HRM_101", lines=[*AXES], texts=["", "1", "2", "0", "koʻp"]))
def test_a_wide_form_and_its_long_form_give_the_same_values(form: Form) -> None:
    records = [["unit", "line", "sex", "age", "value"]]
    for line, cells in form.rows:
        for header, text in zip(form.headers, cells, strict=True):
            kind, _ = meaning(line, header)
            if text and kind == "value":
                records.append([form.unit, line, SEXES.get(header[0], ""), AGES.get(header[1], ""), text])
    wide = converted(form.drawn(), worlds.mapping(WIDE + "totals: ignore"))
    if len(records) == 1:
        assert not wide.values()
        return
    long = converted("\n".join(" | ".join(record) for record in records), worlds.mapping(LONG))
    assert sorted(wide.values().values()) == sorted(long.values().values())
    assert sorted(wide.values(ready=False).values()) == sorted(long.values(ready=False).values()) or any(
        meaning(line, header)[0] != "value" for line, _ in form.rows for header in form.headers
    )


@DRAWN
@given(forms(unit="HRM_101", texts=["", "1", "2", "#N/A", "x", "koʻp"]))
def test_a_transposed_form_gives_the_same_at_turned_places(form: Form) -> None:
    """The same table with rows for columns: each value at the place that has its row and column swapped."""
    upright = [["Satr", *(sex for sex, _ in form.headers)], ["", *(age for _, age in form.headers)]]
    upright += [[line, *cells] for line, cells in form.rows]
    across = [list(column) for column in zip(*upright, strict=True)]
    text = WIDE.replace("right_of: Kod", "at: Z1").replace("cell: {at: Z1}", "constant: HRM_101")
    text = text.replace(", ends: {words: [Rahbar]}", "")
    one = converted("\n".join(" | ".join(row) for row in upright), worlds.mapping(text))
    two = converted(
        "\n".join(" | ".join(row) for row in across),
        worlds.mapping(text.replace("source: {", "source: {transpose: true, ")),
    )
    turned = {address(column, row): value for (row, column), value in by_place(one).items()}
    assert turned == two.values()
    assert sorted(code for code, _ in one.told()) == sorted(code for code, _ in two.told())


ODD = [
    "",
    "7",
    "1,5",
    "#REF!",
    "Jami",
    "Erkak",
    "Satr",
    "Kod",
    "HRM_101",
    "Rahbar",
    "a / b",
    "BEDS",
    "@2026-09-01",
    "Izoh",
]


@settings(DRAWN, max_examples=40)
@given(
    forms(texts=["", "1", "2", "-"]),
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.sampled_from(ODD)), max_size=4),
    st.sampled_from(["", "transpose: true, ", "total_rows: [Jami], "]),
)
def test_a_damaged_form_never_breaks_the_run_and_what_is_sent_stands_in_its_cell(
    form: Form, damage: list[tuple[int, int, str]], more: str
) -> None:
    cells = worlds.table(form.drawn())
    for row, column, text in damage:
        line = cells[row % len(cells)]
        line[column % len(line)] = text
    mapping = worlds.mapping(WIDE.replace("source: {", "source: {" + more))
    made = converted("\n".join(" | ".join(row) for row in cells), mapping)
    for place, (_, _, element, _, value) in made.values().items():
        stands = cells[int(place.lstrip("ABCDEFGH")) - 1]["ABCDEFGH".index(place[0])]
        assert stands in {value, "-" if value == "0" else value} or (element == "NOTE" and stands[1:] == value)
    assert made.conversion.errors or made.conversion.ready.height or made.told()


def by_place(made: worlds.Made) -> dict[tuple[int, int], worlds.Value]:
    ready = made.conversion.ready.select("row", "column").rows()
    values = made.values()
    return {(row, column): values[address(row, column)] for row, column in ready}
