"""Delimited text: every record with its exact number on every path, every doubtful one with a finding."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhis2_bridge.findings import Finding, Unreadable, UsageError
from dhis2_bridge.sources import delimited
from dhis2_bridge.sources.delimited import DelimitedTable
from dhis2_bridge.sources.encodings import TextFile
from dhis2_bridge.sources.limits import Limits
from dhis2_bridge.sources.records import LONGEST_CELL, Dialect, blank_as_null, rectangle, without_blanks

Rows = list[tuple[Any, ...]]


@pytest.fixture
def table(tmp_path: Path) -> Any:
    def make(content: str | bytes, *, encoding: str | None = None, **options: Any) -> DelimitedTable:
        path = tmp_path / "report.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return DelimitedTable(TextFile(path, "report.csv", declared=encoding), **options)

    return make


def rows(table: DelimitedTable) -> Rows:
    return [row for frame in table.batches() for row in frame.rows()]


def told(table: DelimitedTable) -> list[tuple[str, int | None]]:
    return [(finding.code, finding.row) for finding in table.findings]


# what a cell is


def test_every_cell_stays_the_text_it_is(table: Any) -> None:
    content = "code,value\nNA,null\n007,2212.10\n None ,1e3\nNaN,12\u00a0000\n"
    assert rows(table(content)) == [
        (2, "NA", "null"),
        (3, "007", "2212.10"),
        (4, " None ", "1e3"),
        (5, "NaN", "12\u00a0000"),
    ]


@pytest.mark.parametrize("blank", ["", " ", '""', '" \t "', "\u00a0"])
def test_an_empty_cell_and_a_cell_of_space_are_null(table: Any, blank: str) -> None:
    assert rows(table(f"a,b\nx,{blank}\n{blank},y\n")) == [(2, "x", None), (3, None, "y")]


def test_a_cell_that_looks_like_records_is_told_on_every_path(table: Any) -> None:
    # a lone CR is a line end too
    for block_bytes in (1, 1 << 20):
        report = table('h0,h1,h2\n1,"2,3\r4,5",6\n', block_bytes=block_bytes)
        assert rows(report) == [(3, "4", '5"', "6")]
        assert told(report) == [("row.quote", 2)]
        report = table('h0,h1,h2\n",","\r",","\n', block_bytes=block_bytes)
        assert rows(report) == [(2, ",", None, ",")]
        assert told(report) == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_line_ends_of_every_system_count_alike(table: Any, end: str) -> None:
    content = end.join(["a;b", "1;2", "", '"3";"x', 'y"', "4;5"])
    assert rows(table(content)) == [(2, "1", "2"), (4, "3", f"x{end}y"), (5, "4", "5")]


def test_line_ends_may_be_mixed(table: Any) -> None:
    assert rows(table("a,b\r1,2\n3,4\r\n\r\n5,6")) == [(2, "1", "2"), (3, "3", "4"), (5, "5", "6")]


def test_a_quote_within_a_text_is_a_letter(table: Any) -> None:
    shop = table('name,value\nOOO "Намуна",5\n5" pipe,6\n')
    assert rows(shop) == [(2, 'OOO "Намуна"', "5"), (3, '5" pipe', "6")]
    assert shop.findings == []


def test_quotes_can_be_declared_to_be_letters(table: Any) -> None:
    assert rows(table('a;b\n"x;1\ny";2\n', quote=None)) == [(2, '"x', "1"), (3, 'y"', "2")]


def test_another_quote_character(table: Any) -> None:
    assert rows(table("a,b\n'x, y',1\n", quote="'")) == [(2, "x, y", "1")]


def test_the_mark_of_a_dos_text_end_is_no_record(table: Any) -> None:
    assert rows(table(b"a,b\r\n1,2\r\n\x1a")) == [(2, "1", "2")]


# header and delimiter


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_all_records_agree_on(table: Any, delimiter: str) -> None:
    lines = ["facility|period|value", '"Юқори, Чирчиқ; I"|202401|12,5', "Қуйи, Чирчиқ|202401|0,75"]
    content = "\n".join(line.replace("|", delimiter) for line in lines)
    if delimiter == ",":
        content = content.replace("12,5", '"12,5"').replace("0,75", '"0,75"').replace("Қуйи, ", "Қуйи ")
    assert table(content).dialect == Dialect(delimiter)


def test_a_delimiter_that_cannot_be_told_is_refused_with_the_candidates(table: Any) -> None:
    with pytest.raises(Unreadable) as caught:
        table("a,b;c\n1,2;3\n")
    assert caught.value.finding == Finding("delimiter.undecided", "report.csv", arguments={"candidates": [",", ";"]})
    assert rows(table("a,b;c\n1,2;3\n", delimiter=";")) == [(2, "1,2", "3")]


def test_texts_full_of_commas_do_not_outvote_the_header(table: Any) -> None:
    report = table("name;value\nа, б, в, г;1;\nд, е, ё, ж;2;\n")
    assert rows(report) == [(2, "а, б, в, г", "1"), (3, "д, е, ё, ж", "2")]


def test_a_title_above_the_header_does_not_hide_the_delimiter(table: Any) -> None:
    report = table("Ҳисобот, январь\n\na;b;c\n1,5;2;3\n4,5;5;6\n", header_row=3)
    assert (report.header, report.dialect.delimiter) == (("a", "b", "c"), ";")
    assert rows(report) == [(4, "1,5", "2", "3"), (5, "4,5", "5", "6")]


def test_a_sep_line_names_the_delimiter_and_counts_as_a_row(table: Any) -> None:
    report = table("sep=|\r\na,x|b,y\r\n1,2|3\r\n")
    assert (report.header, report.header_row) == (("a,x", "b,y"), 2)
    assert rows(report) == [(3, "1,2", "3")]


def test_blank_lines_before_the_header_count(table: Any) -> None:
    report = table("\n , \n\na,b\n\n1,2\n")
    assert (report.header, report.header_row) == (("a", "b"), 4)
    assert rows(report) == [(6, "1", "2")]


def test_one_column_needs_no_delimiter(table: Any) -> None:
    assert rows(table("code\n\n007\n\n")) == [(3, "007")]


def test_a_header_used_twice_is_told_with_its_columns_and_nothing_is_read(table: Any) -> None:
    report = table("code,ANC1,STK, ANC1 ,,,STK\n1,2,3,4,5,6,7\n")
    assert report.header == ("code", "ANC1", "STK", " ANC1 ", "", "", "STK")
    assert rows(report) == []
    assert [(f.code, f.row, f.column, f.found, f.arguments) for f in report.findings] == [
        ("header.repeated", 1, 4, "ANC1", {"columns": [2, 4]}),
        ("header.repeated", 1, 7, "STK", {"columns": [3, 7]}),
    ]


@pytest.mark.parametrize("header_row", [2, 9])
def test_a_header_row_that_is_blank_or_not_there_is_a_finding(table: Any, header_row: int) -> None:
    report = table("a,b\n\n1,2\n", header_row=header_row)
    assert rows(report) == []
    assert told(report) == [("header.not_found", header_row)]


def test_a_broken_header_never_makes_the_next_row_the_header(table: Any) -> None:
    report = table('"a" x,b\n1,2\n3,4\n')
    assert rows(report) == []
    assert told(report) == [("row.quote", 1)]


@pytest.mark.parametrize("content", ["", "\n\n \n", "\ufeff", ",,\n,,\n"])
def test_a_file_without_content_is_empty(table: Any, content: str) -> None:
    with pytest.raises(Unreadable) as caught:
        table(content)
    assert caught.value.finding.code == "file.empty"


@pytest.mark.parametrize("options", [{"delimiter": ""}, {"delimiter": "::"}, {"quote": "\n"}, {"delimiter": '"'}])
def test_a_sign_that_cannot_be_one_is_an_error_of_the_call(table: Any, options: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        table("a,b\n1,2\n", **options)


# records that do not fit


def test_a_record_with_more_cells_than_the_header_is_left_out_and_told(table: Any) -> None:
    report = table("a,b\n1,2\n3,4,5,,6,\n7,8\n")
    assert rows(report) == [(2, "1", "2"), (4, "7", "8")]
    assert report.findings == [Finding("row.extra_cells", "report.csv", row=3, arguments={"expected": 2, "got": 5})]


def test_blank_cells_beyond_the_header_and_missing_ones_lose_nothing(table: Any) -> None:
    report = table("a,b,c\n1,2,3,,\n4\n5,6,7\n")
    assert rows(report) == [(2, "1", "2", "3"), (3, "4", None, None), (4, "5", "6", "7")]
    assert report.findings == []


def test_every_record_may_end_in_a_delimiter(table: Any) -> None:
    report = table("a;b\n1;2;\n3;4;\n5;6;7\n")
    assert rows(report) == [(2, "1", "2"), (3, "3", "4")]
    assert told(report) == [("row.extra_cells", 4)]


def test_records_without_content_are_left_out_and_counted(table: Any) -> None:
    assert rows(table('a,b\n,\n1,2\n" ",\n\n3,4\n,,,\n')) == [(3, "1", "2"), (6, "3", "4")]


def test_a_quote_left_open_costs_its_own_row_only(table: Any) -> None:
    content = (
        "a,b\n" + "".join(f"x{n},{n}\n" for n in range(2, 5)) + '"open,5\n' + "".join(f"y,{n}\n" for n in range(6, 900))
    )
    report = table(content)
    assert [row for row, *_ in rows(report)] == [*range(2, 5), *range(6, 900)]
    assert report.findings == [Finding("row.quote", "report.csv", row=5, arguments={"reason": "unclosed"})]


def test_text_after_a_closing_quote_costs_its_own_row_only(table: Any) -> None:
    report = table('a,b\n1,2\n"Намуна" MCHJ,3\n4,5\n')
    assert rows(report) == [(2, "1", "2"), (4, "4", "5")]
    assert report.findings == [Finding("row.quote", "report.csv", row=3, arguments={"reason": "text_after_quote"})]


def test_two_stray_quotes_far_apart_do_not_swallow_the_rows_between(table: Any) -> None:
    report = table('a,b,c\n1,2,3\n4,"5,6\n7,8,9\n10,11",12\n13,14,15\n')
    kept = rows(report)
    assert ("row.quote", 3) in told(report)
    assert [row for row in kept if row[0] in {2, 4, 6}] == [
        (2, "1", "2", "3"),
        (4, "7", "8", "9"),
        (6, "13", "14", "15"),
    ]


def test_a_remark_of_several_lines_is_one_record(table: Any) -> None:
    report = table('a,b,remark\n1,2,"first, then\n\nsecond"\n3,4,""\n')
    assert rows(report) == [(2, "1", "2", "first, then\n\nsecond"), (3, "3", "4", None)]
    assert report.findings == []


def test_a_nul_in_a_record_is_told(table: Any) -> None:
    report = table("a,b\n1,2\n3\0,4\n5,6\n")
    assert rows(report) == [(2, "1", "2"), (4, "5", "6")]
    assert told(report) == [("row.nul", 3)]


def test_a_cell_beyond_all_measure_is_a_finding(table: Any) -> None:
    report = table(f"a,b\n1,2\n{'x' * (LONGEST_CELL + 1)},3\n4,5\n")
    assert rows(report) == [(2, "1", "2"), (4, "4", "5")]
    assert report.findings == [Finding("row.cell_too_long", "report.csv", row=3, arguments={"limit": LONGEST_CELL})]


def test_a_line_and_a_header_beyond_the_limits_refuse_the_file(table: Any) -> None:
    with pytest.raises(Unreadable, match="columns"):
        table("a,b,c\n", limits=Limits(columns=2))
    endless = table("a,b\n" + '1,"' + "x" * 5_000, limits=Limits(line_bytes=1_000), block_bytes=100)
    with pytest.raises(Unreadable, match="line_bytes"):
        rows(endless)


def test_findings_start_anew_with_every_reading(table: Any) -> None:
    report = table("a,b\n1,2,3\n4,5\n")
    assert rows(report) == rows(report) == [(3, "4", "5")]
    assert told(report) == [("row.extra_cells", 2)]


def test_findings_of_rows_never_hold_their_text(table: Any) -> None:
    report = table('pinfl,name\n"A" B,1\nC,2,3\nD\0,4\n')
    rows(report)
    assert [finding.found for finding in report.findings] == [None, None, None]


def test_a_file_that_changes_between_the_passes_is_refused(table: Any, tmp_path: Path) -> None:
    report = table("a,b\n1,2\n")
    with (tmp_path / "report.csv").open("a") as file:
        file.write("3,4\n")
    with pytest.raises(Unreadable, match="changed"):
        rows(report)
    (tmp_path / "report.csv").unlink()
    with pytest.raises(Unreadable, match=r"file\.unreadable"):
        rows(report)


# the whole file as a grid


def test_the_grid_has_every_record_at_its_row(table: Any) -> None:
    form = table('sep=;\nҲисобот;;\n\n;"a\nb";" "\n"x" y;1\n1;2;3;4\n')
    sheet = form.grid(10)
    assert sheet.rows == [[], ["Ҳисобот", "", ""], [], ["", "a\nb", ""], [], ["1", "2", "3", "4"]]
    assert told(form) == [("row.quote", 5)]


def test_a_grid_beyond_the_limits_is_refused(table: Any) -> None:
    with pytest.raises(Unreadable, match="rows"):
        table("a,b\n" * 5).grid(4)
    with pytest.raises(Unreadable, match="sheet_cells"):
        table("a,b\n" * 5, limits=Limits(sheet_cells=9)).grid(5)


# the same on every path

CELLS = st.text(alphabet='ab1 ,;"\n\réқ😀', max_size=5)
ENDS = st.sampled_from(["\n", "\r\n"])


@st.composite
def written_tables(draw: st.DrawFn) -> tuple[str, int, Rows]:
    """A text as a program writes it, its width and the records that must come out of it."""
    width = draw(st.integers(1, 4))
    records = draw(st.lists(st.lists(CELLS, min_size=0, max_size=width), max_size=12))
    quote_all, end = draw(st.booleans()), draw(ENDS)
    lines = [[f"h{column}" for column in range(width)], *records]
    text = "".join(",".join(as_written(cell, quote_all) for cell in line) + end for line in lines)
    expected: Rows = []
    for row, record in enumerate(records, 2):
        cells = [cell if cell.strip() else None for cell in record] + [None] * (width - len(record))
        if any(cells):
            expected.append((row, *cells))
    return text, width, expected


def as_written(cell: str, quoted: bool) -> str:
    return '"' + cell.replace('"', '""') + '"' if quoted or set(cell) & set('",\r\n') else cell


def read(path: Path, block_bytes: int) -> tuple[Rows, list[tuple[str, int | None]]]:
    report = DelimitedTable(TextFile(path, "x"), delimiter=",", block_bytes=block_bytes)
    return rows(report), told(report)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("delimited") / "drawn.csv"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=written_tables(), block_bytes=st.integers(1, 40))
def test_what_a_program_wrote_is_read_back_with_its_row_numbers(
    file: Path, drawn: tuple[str, int, Rows], block_bytes: int
) -> None:
    text, width, expected = drawn
    file.write_bytes(text.encode())
    found, findings = read(file, 1 << 20)
    # Two stray quotes and a cell that looks like them cannot be told apart; such a record is told, never changed.
    doubted = {row for code, row in findings if code == "row.quote"}
    if not doubted:
        assert found == expected
    else:
        assert width > 2
    assert read(file, block_bytes) == (found, findings)


@settings(max_examples=120, deadline=None)
@given(
    text=st.text(alphabet='ab," \n\r\0é', max_size=60),
    width=st.integers(1, 3),
    block_bytes=st.integers(1, 30),
)
def test_the_quick_path_and_the_careful_path_agree_on_any_text(
    file: Path, text: str, width: int, block_bytes: int
) -> None:
    file.write_bytes((",".join("xyz"[:width]) + "\n" + text).encode())
    quick = read(file, 1 << 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "rectangle", lambda *_: None)
        careful = read(file, 1 << 20)
        careful_in_small_blocks = read(file, block_bytes)
    assert quick == careful
    assert read(file, block_bytes) == careful_in_small_blocks == careful


@settings(max_examples=30, deadline=None)
@given(
    cells=st.lists(st.lists(st.sampled_from(["", "a", "a b", 'x "y"', "é"]), min_size=2, max_size=2), min_size=1),
    end=ENDS,
)
def test_ordinary_blocks_take_the_quick_path(cells: list[list[str]], end: str) -> None:
    block = "".join(",".join(record) + end for record in cells).encode()
    frame = rectangle(block, 2, Dialect(","))
    assert frame is not None
    assert frame.fill_null("").rows() == [tuple(record) for record in cells]


def test_a_large_block_is_cut_where_its_records_end() -> None:
    # Large enough for Polars to cut it for several threads: quoted line ends must not mislead it.
    block = "".join(f'{n},"line\nline ""{n}""",x\n' for n in range(60_000)).encode()
    frame = rectangle(block, 3, Dialect(","))
    assert frame is not None
    assert frame.height == 60_000
    assert frame["2"].equals(pl.Series("2", [f'line\nline "{n}"' for n in range(60_000)]))


def test_batches_hold_the_records_in_order_and_none_twice(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BATCH", 500)
    content = "a,b\n" + "".join(f'{n},"{n}\n"\n' if n % 7 == 0 else f"{n},\n" for n in range(2, 400))
    frames = list(table(content, block_bytes=97).batches())
    assert len(frames) > 3
    assert all(frame.schema == {"row": pl.UInt32, "1": pl.String, "2": pl.String} for frame in frames)
    assert [row for frame in frames for row in frame["row"]] == list(range(2, 400))
    assert [cell for frame in frames for cell in frame["1"]] == [str(n) for n in range(2, 400)]


# the cases


@pytest.fixture
def cases(shared: Path) -> Iterator[Path]:
    yield shared / "cases"


@pytest.mark.parametrize(
    ("case", "encoding", "expected"),
    [
        (
            "C17-code-NA-read-as-missing",
            None,
            [(2, "NA", "5"), (3, "00123", "None"), (4, "00987", "null"), (5, "00125", None)],
        ),
        ("C18-utf8-bom-quoted-header", None, [(2, "00123", "5"), (3, "00123", "Été terminé")]),
        ("C19-utf16le-unicode-text", None, [(2, "00123", "5"), (3, "00125", "Тест")]),
        ("C21-cp1251-csv", "cp1251", [(2, "Поликлиника Север", "5")]),
        ("C21-cp1251-csv", None, [(2, "Поликлиника Север", "5")]),
        ("C23-semicolon-decimal-comma", None, [(2, "00123", "12,5"), (3, "00987", "0,75"), (4, "NA", "3,0")]),
        ("C25-sep-line-first", None, [(3, "00123", "5")]),
    ],
)
def test_the_cases(cases: Path, case: str, encoding: str | None, expected: Rows) -> None:
    report = DelimitedTable(TextFile(cases / case / "input.csv", case, declared=encoding))
    assert report.header[1:] == ("data_element", "period", "value")
    assert [(row[0], row[1], row[-1]) for row in rows(report)] == expected


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.text('ab,"\n\r ', max_size=12) | st.sampled_from(["1,2,3\n", 'x,"y\nz",\n', '"q",r,s,t\n', "\n\n"]),
        max_size=30,
    )
    | st.lists(st.sampled_from(["1,2,3\n", "4,5\n", "6,7,8,9\n", "10,11,12,\n", "13,14,,15\n", "16\n"]), max_size=12),
    st.integers(1, 40) | st.just(1 << 20),
)
def test_some_columns_read_side_by_side_are_those_of_the_whole(table: Any, parts: list[str], block_bytes: int) -> None:
    report = table("a,b,c\n" + "".join(parts), delimiter=",", block_bytes=block_bytes)
    whole = [(row, one, three) for row, one, _, three in rows(report)]
    findings = told(report)
    some = [row for frame in report.batches([1, 3]) for row in frame.rows()]
    assert [row for row in some if any(row[1:])] == [row for row in whole if any(row[1:])]
    assert told(report) == findings


@pytest.mark.parametrize("mark", ['"', "x"])
def test_cells_of_nothing_but_space_are_null_whatever_stands_beside_them(mark: str) -> None:
    spaces = [" ", "\t", "\v", "\u00a0", "\u2003", "\u3000", " \u202f"]
    others = ["!", "~", " a", "\u00a0a", "ʻ", "0", "", "\x7f", "\x01"]
    frame = pl.DataFrame({str(n): [text, mark] for n, text in enumerate([*spaces, *others], 1)})
    wanted = frame.with_columns(blank_as_null(frame.columns))
    assert without_blanks(frame).equals(wanted)
    assert [column[0] for column in without_blanks(frame).iter_columns()][: len(spaces)] == [None] * len(spaces)
