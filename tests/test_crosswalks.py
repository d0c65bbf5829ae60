import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhis2_bridge import crosswalks
from dhis2_bridge.crosswalks import BoundCrosswalk
from dhis2_bridge.findings import MappingError

LINES = """line;data_element;label_uz;label_ru
01;DE_BIRTHS;Tug'ilganlar;Родившиеся
02;DE_DEATHS;Vafot etganlar;
"""


def problems(name: str, content: bytes) -> list[tuple[int, str]]:
    with pytest.raises(MappingError) as caught:
        crosswalks.read(name, content)
    assert caught.value.path == name
    return [(row, message) for row, _, message in caught.value.problems]


def bound(
    text: str, dimension: str = "data_element", sources: tuple[str, ...] = (), **chosen: object
) -> BoundCrosswalk:
    return crosswalks.bind(crosswalks.read("lines.csv", text.encode()), dimension, sources, **chosen)  # type: ignore[arg-type]


def test_everything_stays_text_and_row_numbers_are_those_of_a_spreadsheet() -> None:
    held = crosswalks.read("lines.csv", '\ufeffcode,target\n007,"a, b"\n\n1.10,"two\nlines"\nNA,x\n'.encode())
    assert held.columns == ("code", "target")
    assert [tuple(row.values()) for row in held.rows] == [("007", "a, b"), ("1.10", "two\nlines"), ("NA", "x")]
    assert held.row_numbers == (2, 4, 5)
    assert held.targets(["code"], "target") == {("007",): ("a, b", 2), ("1.10",): ("two\nlines", 4), ("NA",): ("x", 5)}


def test_a_semicolon_file_and_its_labels() -> None:
    held = crosswalks.read("lines.csv", LINES.encode())
    assert held.label_columns == ("label_uz", "label_ru")
    assert held.labels(["line"]) == {("01",): ("Tug'ilganlar", "Родившиеся"), ("02",): ("Vafot etganlar",)}


def test_columns_are_those_of_the_source_and_the_dimension_where_the_header_has_them() -> None:
    text = "note,data_element,section,line\nx,DE_1,A,01\ny,DE_2,B,01\n"
    held = bound(text, sources=("section", "line"))
    assert held.key == ("section", "line")
    assert held.targets == {("A", "01"): ("DE_1", 2), ("B", "01"): ("DE_2", 3)}


def test_without_such_names_the_first_column_leads_to_the_second() -> None:
    held = bound("shown,means,other\na,b,c\n", sources=("absent",))
    assert (held.key, held.target) == (("shown",), "means")


def test_a_target_named_like_the_dimension_may_stand_first() -> None:
    held = bound("shown,data_element\na,b\n")
    assert (held.key, held.target) == (("shown",), "data_element")


def test_a_row_without_a_target_means_nothing_and_a_target_without_a_key_is_a_problem() -> None:
    held = crosswalks.read("lines.csv", b"line,target\n01,\n02,x\n,y\n")
    assert held.targets(["line"], "target") == {("02",): ("x", 3), ("",): ("y", 4)}
    assert list(held.problems(["line"], "target")) == [(4, "line is blank and leads to 'y'")]


def test_one_key_may_stand_twice_but_not_lead_to_two_targets() -> None:
    assert bound("k,t\na,1\na,1\n").targets == {("a",): ("1", 2)}
    with pytest.raises(MappingError) as caught:
        bound("k,t\na,1\nb,2\na,3\n")
    assert caught.value.problems == [(4, 1, "'a' leads to '3' here and to '1' in row 2")]


@pytest.mark.parametrize("chosen", [{"key": ("nothing",)}, {"target": "nothing"}])
def test_a_declared_column_must_be_there(chosen: dict[str, object]) -> None:
    with pytest.raises(MappingError, match=r"no column 'nothing' \(columns: line, data_element"):
        bound(LINES, **chosen)


@pytest.mark.parametrize(
    ("content", "row", "words"),
    [
        (b"", 1, "needs a header"),
        (b"only\nx\n", 1, "needs a header"),
        (b"a,b,a\n1,2,3\n", 1, "'a' stands twice"),
        (b"a,,c\n1,2,3\n", 1, "column 2 has no name"),
        (b"a,b\n1,2\n1,2,3\n", 3, "3 cells"),
        (b'a,b\n1,2\n"x"y,2\n', 3, "cannot be read"),
        (b'a,b\n1,"open\n', 2, "cannot be read"),
        (b"a,b\n1,2\n\xff,2\n", 3, "not UTF-8"),
        (b"a" * 200_000 + b",b\n1,2\n", 1, "cannot be read"),
    ],
)
def test_a_broken_file_is_told_with_its_row(content: bytes, row: int, words: str) -> None:
    found = problems("lines.csv", content)
    assert found[0][0] == row
    assert words in found[0][1]


def test_all_problems_of_a_header_are_told() -> None:
    assert len(problems("lines.csv", b"a,,a,b,b\n")) == 3


def test_a_file_of_unheard_size_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crosswalks, "LARGEST_FILE", 20)
    assert "larger" in problems("lines.csv", LINES.encode())[0][1]


CODE_SYSTEM = {
    "resourceType": "CodeSystem",
    "concept": [
        {
            "code": "1",
            "display": "Doctors",
            "designation": [{"language": "uz", "value": "Shifokorlar"}, {"language": "uz", "value": "Doktorlar"}],
            "concept": [{"code": "1.10", "display": "General", "designation": [{"value": "GP"}]}],
        },
        {"code": "2", "display": "Nurses"},
    ],
}


def test_a_code_system_is_a_table_of_its_concepts_nested_ones_included() -> None:
    held = crosswalks.read("positions.JSON", json.dumps(CODE_SYSTEM).encode())
    assert held.columns == ("code", "display", "parent", "label_uz", "label_uz_2", "label_other")
    assert [row["code"] for row in held.rows] == ["1", "1.10", "2"]
    assert [row["parent"] for row in held.rows] == ["", "1", ""]
    assert held.row_numbers == (1, 2, 3)
    assert held.labels(["code"])[("1",)] == ("Doctors", "Shifokorlar", "Doktorlar")
    assert held.targets(["display"], "code")[("General",)] == ("1.10", 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "CodeSystem"),
        ('{"resourceType": "ValueSet"}', "CodeSystem"),
        ('{"resourceType": "CodeSystem", "concept": {}}', "list of objects"),
        ('{"resourceType": "CodeSystem", "concept": ["a"]}', "list of objects"),
        ('{"resourceType": "CodeSystem", "concept": [{"display": "x"}]}', "no code"),
        ('{"resourceType": "CodeSystem", "concept": [{"code": 7}]}', "no code"),
        ('{"resourceType": "CodeSystem", "concept": [{"code": "a"}, {"code": "a"}]}', "already that of concept 1"),
        ('{"resourceType": "CodeSystem", "resourceType": "CodeSystem"}', "stands twice"),
        ("[" * 100_000, "nested too deep"),
        ("9" * 10_000, "too long"),
    ],
)
def test_a_broken_code_system_is_told(text: str, words: str) -> None:
    assert words in problems("codes.json", text.encode())[0][1]


CELL = st.text(alphabet="ab ;,\"'\n01ё", max_size=6)


@given(st.lists(st.tuples(CELL, CELL), max_size=6), st.sampled_from(",;"))
def test_a_written_table_is_read_back(rows: list[tuple[str, str]], delimiter: str) -> None:
    quoted = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in [("key", "target"), *rows]]
    held = crosswalks.read("x.csv", "\r\n".join(delimiter.join(row) for row in quoted).encode())
    wanted = [(key.strip(), target.strip()) for key, target in rows]
    assert [tuple(row.values()) for row in held.rows] == [row for row in wanted if any(row)]
    assert held.row_numbers == tuple(number for number, row in enumerate(wanted, start=2) if any(row))


@given(st.binary(max_size=200), st.sampled_from(["x.csv", "x.json"]))
def test_any_bytes_are_a_crosswalk_or_a_mapping_error(content: bytes, name: str) -> None:
    try:
        held = crosswalks.read(name, content)
    except MappingError as error:
        assert error.problems
    else:
        assert len(held.rows) == len(held.row_numbers)
