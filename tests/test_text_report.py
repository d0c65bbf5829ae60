"""The report on the terminal and the findings for programs."""

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhis2_bridge.findings import FINDINGS_SCHEMA, Finding, empty, frame
from dhis2_bridge.report.json_lines import findings_json
from dhis2_bridge.report.text import CheckCounts, PushCounts, findings_text, outcome_text, printable, summary_text
from dhis2_bridge.report.words import LANGUAGES

ENCODINGS = ["utf-8", "cp866", "cp1251", "cp1252", "cp437", "ascii", "no-such-encoding", None]


def unknown(row: int, found: str, values: int = 1, **arguments: Any) -> Finding:
    return Finding("org_unit.unknown", "report.csv", None, row, 1, found, arguments, values)


def text(findings: Sequence[Finding], language: str = "en", **options: Any) -> str:
    return findings_text(frame(findings), language, **options)


# Findings


def test_a_report_whole() -> None:
    findings = [
        Finding("rows.left_out", "a.xlsx", "January", arguments={"predicate": "form <> 'X'", "rows": 2}),
        Finding("row.hidden", "a.xlsx", "January", arguments={"rows": "7"}),
        Finding(
            "total.disagrees",
            "a.xlsx",
            "January",
            9,
            2,
            "5",
            {"data_element": "Deaths", "parts": "C9 = 3, D9 = 1", "sum": "4", "difference": "1"},
            3,
        ),
        Finding("value.normalised", "a.xlsx", "January", 3, 2, "1,0", {"read": "1"}),
        Finding("value.normalised", "a.xlsx", "January", 4, 2, "2,0", {"read": "2"}),
        unknown(2, "123 ", 310, match="code", suggestions=["00123"]),
    ]
    assert text(findings, width=78) == textwrap.dedent(
        """\
        Errors
          Unknown facility: 1 place, 310 values left out
            report.csv, row 2, column 1: Facility not found by code: “123·”. Nearest:
              “00123”.
            What to do: Correct the facility in the file. If it is new, ask for it to
              be added to DHIS2; if only its name differs, add an alias.
          Total and parts disagree: 1 place, 3 values left out
            a.xlsx, sheet January, cell B9: Deaths: the total “5” is not the sum of
              its parts, 4 (difference 1). Parts: C9 = 3, D9 = 1.
            What to do: Correct the total or the parts.

        Warnings
          Hidden rows read: 1 place
            a.xlsx, sheet January: Hidden rows were read like all others: 7.
            What to do: Show the rows in Excel and check that they belong to the
              report.

        For your information
          Numbers written the DHIS2 way: 2 places
          a.xlsx, sheet January: 2 rows left out by “form <> 'X'”."""
    )


@pytest.mark.parametrize(
    ("language", "refused", "lost"),
    [
        ("en", "Refused by the server: 1 place, 2 values not stored", "Answer of the server lost: 1 place"),
        ("ru", "Отклонено сервером: 1 место, не сохранено: 2 значения", "Ответ сервера не получен: 1 место"),
        ("uz", "Server rad etdi: 1 ta joyda, 2 ta qiymat saqlanmadi", "Serverning javobi yetib kelmadi: 1 ta joyda"),
    ],
)
def test_what_was_sent_is_not_said_to_be_left_out(language: str, refused: str, lost: str) -> None:
    shown = text([Finding("server.refused", values=2), Finding("server.unknown", values=3)], language)
    headings = [line.strip() for line in shown.splitlines() if line.startswith("  ") and line[2] != " "]
    assert sorted(headings) == sorted([refused, lost])


def test_no_findings_is_no_text() -> None:
    assert findings_text(empty()) == ""


def test_both_of_two_errors_are_listed() -> None:
    shown = text([Finding("cell.error", "a.xlsx", "S", 2, 2, "#REF!"), unknown(3, "x")])
    assert "cell B2" in shown
    assert "row 3" in shown


def test_the_code_that_keeps_most_back_comes_first() -> None:
    findings = [
        *(Finding("cell.error", "a.xlsx", "S", row, 2, f"#{row}", values=1) for row in range(9)),
        unknown(1, "x", values=10),
        Finding("file.empty", "b.csv"),
        Finding("file.no_data", "c.csv"),
        Finding("file.no_data", "d.csv"),
    ]
    order = re.findall(r"^  (\S.*?): ", text(findings), re.MULTILINE)
    assert order == ["Unknown facility", "Error in a cell", "No figures in the file", "Empty file"]


@pytest.mark.parametrize(("count", "first", "rest"), [(122, 5, "117"), (5, 5, None), (6, 5, "1"), (2000, 1, "1,999")])
def test_the_rest_is_counted(count: int, first: int, rest: str | None) -> None:
    shown = text([unknown(row, f"x{row}") for row in range(count)], first=first)
    assert len(re.findall("Facility not found", shown)) == first
    assert shown.count("What to do") == 1
    if rest:
        assert f"and {rest} more; --all shows all of them" in shown
    else:
        assert "more" not in shown


def test_all_of_them_are_shown_on_request() -> None:
    shown = text([unknown(row, f"x{row}") for row in range(20)], first=None)
    assert len(re.findall("Facility not found", shown)) == 20
    assert "more" not in shown


def test_one_problem_at_many_places_does_not_hide_the_others() -> None:
    findings = [unknown(row, "123") for row in range(2, 312)] + [unknown(400, "456"), unknown(401, "789")]
    shown = text(findings, first=2)
    assert "row 2, column 1: Facility not found: “123”. (the same at 309 more places)" in " ".join(shown.split())
    assert "“456”" in shown
    assert "and 1 more; --all" in shown


def test_the_same_text_in_two_files_is_two_problems() -> None:
    findings = [Finding("cell.error", name, "S", 1, 1, "#REF!") for name in ("a.xlsx", "b.xlsx")]
    shown = text(findings)
    assert "a.xlsx" in shown
    assert "b.xlsx" in shown


@given(st.lists(st.tuples(st.sampled_from("abcdefg"), st.integers(0, 3)), min_size=1, max_size=40), st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_every_finding_is_shown_or_counted(found: list[tuple[str, int]], first: int) -> None:
    shown = " ".join(
        text([unknown(row, name) for row, (name, _) in enumerate(found)], first=first, width=10_000).split()
    )
    counted = [
        int(number) for number in re.findall(r"at (\d+) more|and (\d+) more", shown) for number in number if number
    ]
    assert shown.count("Facility not found") + sum(counted) == len(found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hostile_cell_cannot_write_to_the_terminal(language: str) -> None:
    hostile = "\x1b]0;owned\x07\x9b2J\r\nErrors\u202e"
    shown = findings_text(
        frame(
            [Finding("org_unit.unknown", hostile, hostile, 1, 1, hostile, {"suggestions": [hostile], "match": hostile})]
        ),
        language,
    )
    assert all(line.isprintable() for line in shown.split("\n"))
    assert not re.search(r"^\s*Errors.", shown, re.MULTILINE)


def test_lines_keep_to_the_width() -> None:
    shown = text([unknown(row, "x " * 20) for row in range(3)], width=50)
    assert max(map(len, shown.split("\n"))) <= 50


def test_style_is_only_on_request() -> None:
    findings = [unknown(2, "x"), Finding("row.hidden", "a.xlsx", "S", arguments={"rows": "7"})]
    plain, styled = text(findings), text(findings, style=True)
    assert "\x1b" not in plain
    assert "\x1b[31m\x1b[1mErrors\x1b[0m" in styled
    assert "\x1b[33m\x1b[1mWarnings\x1b[0m" in styled
    assert re.sub(r"\x1b\[\d+m", "", styled) == plain


def test_words_do_not_import_click() -> None:
    code = (
        "import sys; from dhis2_bridge.findings import Finding, frame;"
        "from dhis2_bridge.report.text import findings_text;"
        "findings_text(frame([Finding('file.empty', 'a')])); sys.exit('click' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_findings_of_another_version_are_shown() -> None:
    strange = frame([unknown(2, "x")]).with_columns(pl.lit("moon.phase").alias("code")).cast(dict(FINDINGS_SCHEMA))
    shown = findings_text(strange, "en")
    assert "moon.phase: “x”" in shown
    assert "What to do" not in shown


# Counts


CLEAN = CheckCounts(files=1, reports=1, data_elements=42, values_ready=128, chunks=1)


@pytest.mark.parametrize(
    ("counts", "english", "russian", "uzbek"),
    [
        (
            CLEAN,
            "42 data elements, 128 values, 1 report: ready.",
            "42 показателя, 128 значений, 1 отчёт: готово к отправке.",
            "42 ta koʻrsatkich, 128 ta qiymat, 1 ta hisobot: yuborishga tayyor.",
        ),
        (
            CheckCounts(files=19, reports=38, data_elements=1, values_ready=12_001, warnings=1, chunks=3),
            "1 data element, 12,001 values, 38 reports from 19 files, in 3 parts: ready, with 1 warning: see above.",
            "1 показатель, 12\u00a0001 значение, 38 отчётов из 19 файлов, 3 части: готово к отправке,"
            " но есть 1 предупреждение, см. выше.",
            "1 ta koʻrsatkich, 12\u00a0001 ta qiymat, 38 ta hisobot (19 ta fayldan), 3 ta qism: yuborishga tayyor,"
            " lekin 1 ta ogohlantirish bor, yuqoriga qarang.",
        ),
        (
            CheckCounts(values_ready=126, values_left_out=2, errors=3),
            "126 values ready, 2 left out (3 errors): see above.",
            "Готово к отправке: 126 значений; не будет отправлено: 2 (3 ошибки), см. выше.",
            "126 ta qiymat tayyor, 2 tasi yuborilmaydi (3 ta xato): yuqoriga qarang.",
        ),
        (
            CheckCounts(values_ready=126, errors=1, warnings=2),
            "126 values ready (1 error, 2 warnings): see above.",
            "Готово к отправке: 126 значений (1 ошибка, 2 предупреждения), см. выше.",
            "126 ta qiymat tayyor (1 ta xato, 2 ta ogohlantirish): yuqoriga qarang.",
        ),
        (
            CheckCounts(files=1, values_left_out=2, errors=1),
            "Nothing is ready to send: 2 values left out (1 error): see above.",
            "Отправлять нечего; не будет отправлено: 2 значения (1 ошибка), см. выше.",
            "Yuborishga tayyor qiymat yoʻq: 2 ta qiymat yuborilmaydi (1 ta xato), yuqoriga qarang.",
        ),
        (
            CheckCounts(files=1),
            "There are no values to send.",
            "Значений для отправки нет.",
            "Yuboriladigan qiymat yoʻq.",
        ),
    ],
    ids=["clean", "warned", "partly", "a file unread", "nothing", "empty"],
)
def test_summary(counts: CheckCounts, english: str, russian: str, uzbek: str) -> None:
    assert [summary_text(counts, language) for language in LANGUAGES] == [english, russian, uzbek]


@pytest.mark.parametrize(
    ("counts", "english", "russian", "uzbek"),
    [
        (
            PushCounts(stored=100, updated=20, unchanged=8),
            "100 values stored, 20 updated, 8 unchanged (or zeros that this server does not keep).",
            "Сохранено: 100 значений, обновлено: 20, без изменений (или нули, которых этот сервер не хранит): 8.",
            "100 ta qiymat saqlandi, 20 tasi yangilandi, 8 tasi oʻzgarmadi (yoki bu server saqlamaydigan nollar).",
        ),
        (
            PushCounts(deleted=2, refused=1),
            "2 deleted, 1 refused.\nThe server refused 1 value: see above.",
            "Удалено: 2, отклонено: 1.\nСервер отклонил 1 значение, см. выше.",
            "2 tasi oʻchirildi, 1 tasi rad etildi.\nServer 1 ta qiymatni rad etdi, yuqoriga qarang.",
        ),
        (
            PushCounts(stored=128, updated=None),
            "128 values stored or updated (this server does not say which).",
            "Сохранено или обновлено: 128 значений (этот сервер не сообщает, что именно).",
            "128 ta qiymat saqlandi yoki yangilandi (bu server farqini aytmaydi).",
        ),
        (
            PushCounts(stored=1, refused=2, unknown=500, not_sent=3),
            "1 value stored, 2 refused, 500 unknown, 3 not sent.\n"
            "The server refused 2 values: see above.\n"
            "For 500 values the answer of the server was lost. Run the same command again: nothing is counted twice.",
            "Сохранено: 1 значение, отклонено: 2, неизвестно: 500, не отправлено: 3.\n"
            "Сервер отклонил 2 значения, см. выше.\n"
            "По 500 значениям ответ сервера не получен."
            " Запустите ту же команду ещё раз: ничего не будет учтено дважды.",
            "1 ta qiymat saqlandi, 2 tasi rad etildi, 500 tasi nomaʼlum, 3 tasi yuborilmadi.\n"
            "Server 2 ta qiymatni rad etdi, yuqoriga qarang.\n"
            "500 ta qiymat boʻyicha serverning javobi yetib kelmadi."
            " Shu buyruqni yana bir marta bering: hech narsa ikki marta hisoblanmaydi.",
        ),
        (
            PushCounts(stored=1000, dry_run=True),
            "Trial run, nothing was stored. A real one would give: 1,000 values stored.",
            "Пробный запуск, ничего не сохранено. Результат отправки был бы таким: сохранено: 1\u00a0000 значений.",
            "Sinov, hech narsa saqlanmadi. Haqiqiy yuborish natijasi: 1\u00a0000 ta qiymat saqlandi.",
        ),
        (
            PushCounts(),
            "No values were sent.",
            "Ни одно значение не отправлено.",
            "Hech qanday qiymat yuborilmadi.",
        ),
    ],
    ids=["stored", "deleted", "not told apart", "lost", "dry run", "nothing"],
)
def test_outcome(counts: PushCounts, english: str, russian: str, uzbek: str) -> None:
    assert [outcome_text(counts, language) for language in LANGUAGES] == [english, russian, uzbek]


# Consoles


@pytest.mark.parametrize(
    ("shown", "encoding", "expected"),
    [
        ("Qoʻqon – “Gʻijduvon”…", "cp866", "Qo'qon - \"G'ijduvon\"..."),
        ("Qoʻqon – «Бухоро»…", "cp1251", "Qo'qon – «Бухоро»…"),
        ("«Строка 5»\u00a0№", "cp866", '"Строка 5"\u00a0№'),
        ("123·", "cp866", "123·"),
        ("123·", "cp437", "123·"),
        ("Қўқон", "cp1251", "?ў?он"),
        ("Élise", "cp866", "?lise"),
        ("строка", "ascii", "??????"),
        ("Qoʻqon", "utf-8", "Qoʻqon"),
        ("Qoʻqon", "no-such-encoding", "Qo'qon"),
        ("Qoʻqon", None, "Qo'qon"),
    ],
)
def test_what_a_console_lacks_is_replaced(shown: str, encoding: str | None, expected: str) -> None:
    assert printable(shown, encoding) == expected


@given(st.text(st.characters(exclude_categories=())), st.sampled_from(ENCODINGS))
def test_a_console_never_raises(shown: str, encoding: str | None) -> None:
    real = "ascii" if encoding in {None, "no-such-encoding"} else encoding
    assert real is not None
    printable(shown, encoding).encode(real)


@pytest.mark.parametrize("encoding", ["cp866", "cp1251"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_our_own_words_lose_nothing_on_old_consoles(language: str, encoding: str) -> None:
    shown = text([unknown(2, "x"), Finding("value.normalised", "a", None, 1, 1, "1,0", {"read": "1"})], language)
    assert "?" not in printable(shown, encoding)


# For programs


def test_json_has_stable_keys() -> None:
    findings = frame(
        [
            Finding("org_unit.unknown", "a.xlsx", "January", 12, 4, "123\x1b", {"match": "code"}, 5),
            Finding("file.empty", "b.csv"),
        ]
    )
    first, second = findings_json(findings)
    assert first == {
        "code": "org_unit.unknown",
        "severity": "error",
        "source": "a.xlsx",
        "sheet": "January",
        "row": 12,
        "column": 4,
        "cell": "D12",
        "found": "123\x1b",
        "arguments": {"match": "code"},
        "values": 5,
        "message": "Facility not found by code: “123<U+001B>”.",
        "advice": "Correct the facility in the file. If it is new, ask for it to be added to DHIS2;"
        " if only its name differs, add an alias.",
    }
    assert list(first) == list(second)
    assert second["cell"] is None
    assert second["arguments"] == {}
    assert json.loads(json.dumps(first)) == first


def test_json_speaks_the_language_asked_for() -> None:
    (only,) = findings_json(frame([Finding("file.empty", "b.csv")]), "ru")
    assert only["message"] == "Файл пуст."


def test_json_keeps_the_order_over_many_rows() -> None:
    findings = frame([unknown(1, "x")]).join(pl.DataFrame({"number": range(10_001)}), how="cross")
    findings = findings.with_columns(pl.col("number").cast(pl.UInt32).alias("row")).drop("number")
    assert [record["row"] for record in findings_json(findings)] == list(range(10_001))
