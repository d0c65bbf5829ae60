"""JSON and NDJSON: nothing rounded, no repeated key merged, every record at its place."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhis2_bridge.findings import Finding, Unreadable, UsageError
from dhis2_bridge.sources import document
from dhis2_bridge.sources.document import DocumentTable, RecordPath
from dhis2_bridge.sources.encodings import TextFile
from dhis2_bridge.sources.json_text import JsonReader, Number, json_text
from dhis2_bridge.sources.limits import Limits


@pytest.fixture
def table(tmp_path: Path) -> Any:
    def make(content: str, **options: Any) -> DocumentTable:
        path = tmp_path / "report.json"
        path.write_bytes(content.encode())
        return DocumentTable(TextFile(path, "report.json"), **options)

    return make


def records(table: DocumentTable) -> list[dict[str, Any]]:
    """The records without their nulls, by the names of the header."""
    names = {"row": "row", **{str(number): name for number, name in enumerate(table.header, 1)}}
    return [
        {names[key]: value for key, value in row.items() if value is not None}
        for frame in table.batches()
        for row in frame.iter_rows(named=True)
    ]


# what a value is


@pytest.mark.parametrize("number", ["2212.10", "1e3", "-0", "123456789012345678901234567890", "0.1000000"])
def test_a_number_stays_as_it_is_written(table: Any, number: str) -> None:
    assert records(table(f'[{{"code": {number}}}]')) == [{"row": 1, "code": number}]


def test_truth_is_text_and_null_is_blank(table: Any) -> None:
    report = table('[{"a": true, "b": false, "c": null, "d": "", "e": " ", "f": "null"}]')
    assert report.header == ("a", "b", "c", "d", "e", "f")
    assert records(report) == [{"row": 1, "a": "true", "b": "false", "f": "null"}]


def test_a_list_that_no_path_opens_stays_json(table: Any) -> None:
    report = table('[{"tags": ["б", 1.50, {"x": [null, true]}], "none": []}]')
    assert records(report) == [{"row": 1, "tags": '["б",1.50,{"x":[null,true]}]', "none": "[]"}]


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_json_number_is_refused_with_its_place(table: Any, constant: str) -> None:
    with pytest.raises(Unreadable) as caught:
        table(f'[{{"NaN": "Infinity"}},\n {{"a": {constant}}}]')
    arguments = {"reason": "not_a_number", "line": 2, "column": 8}
    assert caught.value.finding == Finding("json.broken", "report.json", arguments=arguments)


# where the records are

DMED = """{"period": "202401", "facility": {"argos": "0012", "name": "Намуна"},
 "items": [{"line": "1.1", "values": [{"sex": "f", "value": 5}, {"sex": "m", "value": 6}], "note": "x"},
           {"line": "1.2"}]}"""


def test_records_have_what_stands_above_them(table: Any) -> None:
    report = table(DMED, records="items[].values[]")
    above = {"period": "202401", "facility.argos": "0012", "facility.name": "Намуна"}
    assert records(report) == [
        {"row": 1, **above, "items.line": "1.1", "items.note": "x", "items.values.sex": "f", "items.values.value": "5"},
        {"row": 2, **above, "items.line": "1.1", "items.note": "x", "items.values.sex": "m", "items.values.value": "6"},
        {"row": 3, **above, "items.line": "1.2"},
    ]


def test_names_come_in_the_order_of_their_first_appearance(table: Any) -> None:
    report = table('{"data": {"rows": [{"b": 1}, {"a": 2}, {"c": 3, "b": 4}]}, "period": "202401"}')
    assert report.header == ("period", "data.rows.b", "data.rows.a", "data.rows.c")


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ("[]", "[]"),
        ('[{"a": 1}]', "[]"),
        ('[{"a": 1, "more": [{"b": 2}]}]', "[]"),
        ('{"dataValues": [{"a": 1}]}', "dataValues[]"),
        ('{"dataValues": []}', "dataValues[]"),
        ('{"data": {"rows": [{"a": 1}]}, "tags": ["x"]}', "data.rows[]"),
        ('{"data": {"rows": [{"a": 1}]}, "empty": []}', "data.rows[]"),
        (DMED, ""),
        ('{"a": 1}', ""),
    ],
)
def test_the_only_list_of_objects_is_the_records(table: Any, content: str, path: str) -> None:
    assert table(content).evidence == {"records": path}


@pytest.mark.parametrize(
    "content", ["[]", '{"dataValues": []}', '{"period": "202401", "dataValues": []}', "[{}]", "{}"]
)
def test_a_document_without_records_has_no_batches(table: Any, content: str) -> None:
    assert records(table(content)) == []


def test_one_object_in_the_place_of_a_list_is_a_list_of_one(table: Any) -> None:
    assert records(table('{"p": 1, "items": {"a": 2}}', records="items[]")) == [{"row": 1, "p": "1", "items.a": "2"}]


@pytest.mark.parametrize("held", ["null", "5", '"text"'])
def test_a_list_that_is_not_there_leaves_the_object_as_the_record(table: Any, held: str) -> None:
    found = records(table(f'[{{"p": 1, "items": {held}}}]', records="[].items[]"))
    assert [{key: value for key, value in record.items() if key != "items"} for record in found] == [
        {"row": 1, "p": "1"}
    ]


def test_an_element_that_is_no_object_is_told_and_counted(table: Any) -> None:
    report = table('{"rows": [{"a": 1}, 5, [], {"a": 2}, null]}', records="rows[]")
    assert records(report) == [{"row": 1, "rows.a": "1"}, {"row": 4, "rows.a": "2"}]
    assert [(f.code, f.row, f.arguments) for f in report.findings] == [
        ("json.not_an_object", row, {"path": "rows"}) for row in (2, 3, 5)
    ]


@pytest.mark.parametrize("path", ["items[", "items[0]", "a..b", "a.[]", ".", "[][]"])
def test_a_path_that_is_none_is_an_error_of_the_call(table: Any, path: str) -> None:
    with pytest.raises(UsageError, match="no path to records"):
        table("[]", records=path)


@pytest.mark.parametrize("path", ["", "[]", "[].values[]", "items[].values[]", "data.rows[]"])
def test_a_path_is_written_as_it_was_read(path: str) -> None:
    assert str(RecordPath.parse(path)) == path


# documents that have no certain reading


def test_every_repeated_key_is_told_with_its_path_and_nothing_is_read(table: Any) -> None:
    report = table(
        '{"period": 1, "dataValues": [{"a": 1}, {"value": 5, "deep": {"x y": 1, "x y": 2}, "value": 50}], "period": 2}'
    )
    assert records(report) == []
    assert [(f.code, f.arguments["key"], f.arguments["path"]) for f in report.findings] == [
        ("json.repeated_key", "period", "$.period"),
        ("json.repeated_key", "value", "$.dataValues[1].value"),
        ("json.repeated_key", "x y", '$.dataValues[1].deep["x y"]'),
    ]


def test_a_repeated_key_hides_no_other_within_it(table: Any) -> None:
    report = table('{"a": {"b": 1, "b": 2}, "a": 3}')
    assert records(report) == []
    assert [f.arguments["path"] for f in report.findings] == ["$.a", "$.a.b"]


def test_two_ways_to_one_column_name_are_a_repeated_key(table: Any) -> None:
    report = table('[{"a.b": 1, "a": {"b": 2}}, {"a": {"b": 3}}]')
    assert records(report) == [{"row": 2, "a.b": "3"}]
    assert [(f.code, f.row, f.arguments["key"]) for f in report.findings] == [("json.repeated_key", 1, "a.b")]


@pytest.mark.parametrize(
    ("content", "line", "column"),
    [('[{"a": 1},\n {"a" 2}]', 2, 7), ('{"a": [1, 2', 1, 12), ('{"a": "x\ty"}', 1, 9), ("[1] [2]", 1, 5)],
)
def test_broken_json_is_refused_with_line_and_column(table: Any, content: str, line: int, column: int) -> None:
    with pytest.raises(Unreadable) as caught:
        table(content)
    finding = caught.value.finding
    assert (finding.code, finding.arguments["line"], finding.arguments["column"]) == ("json.broken", line, column)


@pytest.mark.parametrize("depth", [5, 100_000])
def test_a_document_nested_too_deeply_is_refused(table: Any, depth: int) -> None:
    for content in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
        with pytest.raises(Unreadable) as caught:
            table(content, limits=Limits(json_depth=4))
        assert caught.value.finding == Finding("json.too_deep", "report.json", arguments={"limit": 4})
    assert table("[" * 4 + "]" * 4, limits=Limits(json_depth=4)).header == ()


@pytest.mark.parametrize("text", [r"\ud83d", r"\udE00\uD83d", r"\ud83d \ude00", r"\\\ud83dx", r"\ud83d\ud83d\ude00"])
def test_half_a_character_is_refused(table: Any, text: str) -> None:
    with pytest.raises(Unreadable) as caught:
        table(f'["{text}"]')
    assert caught.value.finding.arguments["reason"] == "half_a_character"


def test_escapes_that_only_look_like_half_a_character_are_read(table: Any) -> None:
    assert records(table(r'[{"a": "\ud83d\ude00 \\ud83d \"\u0041"}]')) == [{"row": 1, "a": '😀 \\ud83d "A'}]


def test_a_document_beyond_the_limits_is_refused(table: Any) -> None:
    with pytest.raises(Unreadable, match="document_bytes"):
        table('{"a": 1}', limits=Limits(document_bytes=7))
    with pytest.raises(Unreadable, match="columns"):
        table('{"a": 1, "b": 2}', limits=Limits(columns=1))


# NDJSON


def test_each_line_is_a_document_at_its_row(table: Any) -> None:
    report = table('\ufeff{"a": 1}\r\n\n{"b": {"c": 2.0}}\n{"a": 3, "d": []}', lines=True)
    assert report.header == ("a", "b.c", "d")
    assert records(report) == [{"row": 1, "a": "1"}, {"row": 3, "b.c": "2.0"}, {"row": 4, "a": "3", "d": "[]"}]


def test_a_bad_line_is_told_and_the_others_are_read(table: Any) -> None:
    content = '{"a": 1}\n{"a": \n{"a": 2, "a": 3}\n5\n{"a": NaN}\n' + "[" * 99 + "]" * 99 + '\n{"a": 4}\n'
    report = table(content, lines=True)
    for _ in range(2):  # findings start anew with every reading
        assert records(report) == [{"row": 1, "a": "1"}, {"row": 7, "a": "4"}]
        assert [(f.code, f.row) for f in report.findings] == [
            ("json.broken", 2),
            ("json.repeated_key", 3),
            ("json.not_an_object", 4),
            ("json.broken", 5),
            ("json.too_deep", 6),
        ]
    assert report.findings[0].arguments["line"] == 2


def test_the_records_of_a_line_have_its_row(table: Any) -> None:
    content = '{"p": 1, "items": [{"a": 2}, {"a": 3}]}\n{"p": 4, "items": []}\n{"p": 5}\n'
    expected = [{"row": 1, "p": "1", "items.a": "2"}, {"row": 1, "p": "1", "items.a": "3"}, {"row": 3, "p": "5"}]
    assert records(table(content, lines=True)) == expected
    assert records(table(content, lines=True, records="items[]")) == expected


def test_a_line_beyond_the_limit_refuses_the_file(table: Any) -> None:
    with pytest.raises(Unreadable, match="line_bytes"):
        table('{"a": "' + "x" * 2_000_000, lines=True, limits=Limits(line_bytes=1_000_000))


# laws

NAMES = st.text(alphabet="abж ", min_size=1, max_size=2)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=4)
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.dictionaries(NAMES, VALUES, max_size=4), max_size=8), chunk=st.integers(1, 3))
def test_json_and_ndjson_give_the_same_records(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], chunk: int
) -> None:
    folder = tmp_path_factory.mktemp("json")
    (folder / "a.json").write_text(json.dumps(rows), encoding="utf-8")
    (folder / "a.ndjson").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document, "_CHUNK", chunk)
        whole = DocumentTable(TextFile(folder / "a.json", "a"))
        lines = DocumentTable(TextFile(folder / "a.ndjson", "a"), lines=True)
        assert whole.header == lines.header
        assert records(whole) == records(lines)
    assert all(frame.schema.dtypes()[0] == pl.UInt32 for frame in whole.batches())
    texts = [
        {
            name: value if isinstance(value, str) else json_text(value)
            for name, value in row.items()
            if value is not None
        }
        for row in rows
    ]
    kept = [{name: text for name, text in row.items() if text.strip()} for row in texts]
    assert records(whole) == [{"row": number, **row} for number, row in enumerate(kept, 1) if row]


JSON = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)


@settings(max_examples=80, deadline=None)
@given(value=JSON)
def test_text_that_is_read_and_written_again_means_the_same(value: Any) -> None:
    text = json.dumps(value)
    read, repeated = JsonReader(64).read(text)
    assert repeated == []
    assert json.loads(json_text(read)) == value


def test_a_number_is_written_as_it_was_read() -> None:
    assert json_text([Number("1.50"), "1.50", None]) == '[1.50,"1.50",null]'


def test_the_cases(shared: Path) -> None:
    path = shared / "cases" / "C54-json-duplicate-keys" / "input.json"
    report = DocumentTable(TextFile(path, "input.json"))
    assert list(report.batches()) == []
    assert [(f.arguments["key"], f.arguments["path"]) for f in report.findings] == [
        ("period", "$.period"),
        ("value", "$.dataValues[0].value"),
    ]
    empty = shared / "cases" / "C71-empty-input-is-success" / "empty.json"
    assert list(DocumentTable(TextFile(empty, "empty.json")).batches()) == []
