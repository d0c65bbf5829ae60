"""Findings in words: every code in every language, and nothing in them that a terminal would obey."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dhis2_bridge import periods, sources, value_types
from dhis2_bridge.findings import CODES, Finding, UsageError
from dhis2_bridge.names import visible
from dhis2_bridge.report.words import (
    LANGUAGES,
    advice,
    cell_of,
    choose_language,
    locale,
    phrase,
    place,
    sentence,
    title,
)
from dhis2_bridge.sources.recognise import _SIGNATURES

PLACEHOLDER = re.compile(r"\{(\w+)(?::([^{}]+))?\}")
COLUMNS = {"found", "source", "sheet", "row", "column", "values"}
FORMS = {"en": 2, "ru": 3, "uz": 1}


def templates(language: str) -> list[str]:
    words = locale(language)
    return [*words.phrases.values(), *(text for entry in words.codes.values() for text in entry.values())]


def terms(language: str) -> list[str]:
    return [text for table in locale(language).terms.values() for text in table.values()]


def placeholders(text: str) -> set[str]:
    return {name for name, _ in PLACEHOLDER.findall(text)}


# The tables of words


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_its_words_and_no_word_is_left_over(language: str) -> None:
    codes = locale(language).codes
    assert set(codes) == set(CODES)
    for code, entry in codes.items():
        assert set(entry) == {"title", "sentence", "advice"}, code
        assert all(text.strip() for text in entry.values()), code


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_use_only_what_a_finding_has(language: str) -> None:
    for code, entry in locale(language).codes.items():
        assert placeholders(entry["sentence"] + entry["advice"]) <= COLUMNS | set(CODES[code].arguments), code
        assert not placeholders(entry["title"]), code


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_languages_say_the_same(language: str) -> None:
    english, other = locale("en"), locale(language)
    assert {key: placeholders(text) for key, text in other.phrases.items()} == {
        key: placeholders(text) for key, text in english.phrases.items()
    }
    assert {name: set(table) for name, table in other.terms.items()} == {
        name: set(table) for name, table in english.terms.items()
    }
    for code in CODES:
        for part in ("sentence", "advice"):
            assert placeholders(other.codes[code][part]) == placeholders(english.codes[code][part]), code


@pytest.mark.parametrize("language", LANGUAGES)
def test_templates_are_well_formed(language: str) -> None:
    known = {"", "full", "plain", "words", "number", *locale(language).terms}
    for text in templates(language):
        assert re.fullmatch(r"(?:[^\[\]]|\[[^\[\]]*\])*", text), text
        assert not set("{}") & set(PLACEHOLDER.sub("", text)), text
        assert all(placeholders(part) for part in re.findall(r"\[[^\[\]]*\]", text)), text
        for _, how in PLACEHOLDER.findall(text):
            assert how in known or len(how.split("|")) == FORMS[language], text


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_written_in_the_letters_of_their_language(language: str) -> None:
    for text in [*templates(language), *terms(language)]:
        plain = " ".join(PLACEHOLDER.sub("", text).split())
        assert visible(plain) == plain, text
        assert bool(re.search("[а-яё]", text, re.IGNORECASE)) <= (language == "ru"), text
        # In Uzbek ʻ belongs to oʻ and gʻ and ʼ stands everywhere else.
        assert not re.search(r"[‘’`´]|[a-z]'[a-z]|(?<![OoGg])ʻ|[OoGg]ʼ", text), text
    if language == "ru":
        assert all(re.search("[а-яё]", text, re.IGNORECASE) for text in templates(language) if len(text) > 40)


@pytest.mark.parametrize("language", LANGUAGES)
def test_tokens_of_other_modules_have_words(language: str) -> None:
    tables = locale(language).terms
    assert set(periods.PERIOD_TYPES) == set(tables["period_type"])
    assert set(periods.REASONS) == set(tables["period_reason"])
    assert set(value_types.HINTS) == set(tables["value_hint"])
    assert set(value_types.PLAIN) <= set(tables["value_type"])


def test_reasons_of_the_readers_have_words() -> None:
    calls = {
        "file_reason": r'\bunreadable\([^"]*"(\w+)"|"reason": "(\w+)"|reason = "(\w+)"',
        "amount": r'\btoo_large\([^"]*"(\w+)"|what="(\w+)"|"what": "(\w+)"',
        "format": r'\bunsupported\([\w.]+, "([a-z]\w+)"',
        "advice": r'\bunsupported\([^\n]*"(\w+)"\)|"advice": "(\w+)"',
        "json_reason": r'_broken\(text, [^"]*"(\w+)"',
        "quote_reason": r'fault = \w+, "(\w+)"|return "(\w+)" if "expected after"',
    }
    readers = [path.read_text(encoding="utf-8") for path in Path(sources.__path__[0]).glob("*.py")]
    for table, call in calls.items():
        said = {next(filter(None, match.groups())) for text in readers for match in re.finditer(call, text)}
        assert said, table
        assert said <= set(locale("en").terms[table]), table


def test_formats_that_are_known_and_not_read_have_words() -> None:
    tables = locale("en").terms
    for _, signature, name, what_to_do in _SIGNATURES:
        assert what_to_do in tables["advice"], signature
        assert name in tables["format"] or name in {"gzip", "bzip2", "xz", "7z"} or not name.islower(), name


@pytest.mark.parametrize("text", ["", "[1", "{1}", '{"a" 1}', "[1] 2", '["a', '["a\n"]', "[1 2]"])
def test_what_python_says_of_broken_json_is_said_in_every_language(text: str) -> None:
    with pytest.raises(json.JSONDecodeError) as raised:
        json.loads(text)
    finding = Finding("json.broken", "a.json", arguments={"reason": raised.value.msg, "line": 1, "column": 1})
    assert len({sentence(finding, language) for language in LANGUAGES}) == 3
    assert all(raised.value.msg not in sentence(finding, language) for language in LANGUAGES)


# Rendering


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("value", ["x\x1b[31m", 7, ["a", "b"], 1.5, {"code": "c"}, True], ids=repr)
def test_a_finding_with_all_arguments_leaves_nothing_open(language: str, value: Any) -> None:
    for code, kind in CODES.items():
        finding = Finding(code, "a.csv", None, 2, 3, "5", dict.fromkeys(kind.arguments, value), values=1)
        for text in (sentence(finding, language), advice(finding, language), title(code, language)):
            assert text, code
            assert text.isprintable(), code
            assert not set("?{}") & set(text.replace('{"code": "c"}', "")), code


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("value", ["absent", None, "", []], ids=repr)
def test_a_missing_argument_never_fails(language: str, value: Any) -> None:
    for code, kind in CODES.items():
        finding = Finding(code, arguments={} if value == "absent" else dict.fromkeys(kind.arguments, value))
        for text in (sentence(finding, language), advice(finding, language)):
            assert text == text.strip() != "", code
            assert not re.search(r"[{}]|\(\)|  | [.,:;)]", text), code
        assert place(finding, language) == ""


def test_a_code_of_another_version_still_prints() -> None:
    finding = Finding("moon.phase", found="full\x07", arguments={"phase": "{found}[]"})
    assert sentence(finding) == 'moon.phase: “full<U+0007>” {"phase": "{found}[]"}'
    assert sentence(Finding("moon.phase"), "ru") == "moon.phase"
    assert advice(finding, "uz") == ""
    assert title("moon.phase") == "moon.phase"


def test_a_text_that_looks_like_a_template_is_not_one() -> None:
    finding = Finding("name.by_alias", found="{matched} [x] {0}", arguments={"matched": "[{found}]"})
    assert sentence(finding) == "“{matched} [x] {0}” was matched to “[{found}]” by an alias."


UNKNOWN = Finding(
    "org_unit.unknown", found="123", arguments={"match": "code", "suggestions": ["00123", "01234"]}, values=310
)
TOTAL = Finding(
    "total.disagrees",
    found="5",
    arguments={"data_element": "Deaths", "parts": ["C9 = 3", "D9 = 1"], "sum": "4", "difference": "1"},
)
NOT_A_NUMBER = Finding(
    "value.not_of_type",
    found="12,5",
    arguments={"value_type": "INTEGER", "reason": "value_not_integer", "data_element": "OPD", "hint": "decimal_comma"},
)


@pytest.mark.parametrize(
    ("finding", "english", "russian", "uzbek"),
    [
        (
            UNKNOWN,
            "Facility not found by code: “123”. Nearest: “00123”, “01234”.",
            "Учреждение не найдено (поиск по: код): «123». Похожие: «00123», «01234».",
            "Muassasa topilmadi (nima boʻyicha qidirildi: kod): “123”. Oʻxshashlari: “00123”, “01234”.",
        ),
        (
            Finding("org_unit.unknown", found="123"),
            "Facility not found: “123”.",
            "Учреждение не найдено: «123».",
            "Muassasa topilmadi: “123”.",
        ),
        (
            TOTAL,
            "Deaths: the total “5” is not the sum of its parts, 4 (difference 1). Parts: C9 = 3, D9 = 1.",
            "Deaths: итог «5» не равен сумме частей 4 (разница 1). Части: C9 = 3, D9 = 1.",
            "Deaths: jami “5” qismlar yigʻindisiga teng emas: 4 (farqi 1). Qismlar: C9 = 3, D9 = 1.",
        ),
        (
            NOT_A_NUMBER,
            "OPD: “12,5” is not a whole number. The comma is not declared as decimal mark.",
            "OPD: «12,5» не подходит, нужно другое: целое число. Запятая не объявлена десятичным знаком.",
            "OPD: “12,5” toʻgʻri kelmaydi, kerak: butun son. Vergul oʻnli belgi deb koʻrsatilmagan.",
        ),
        (
            Finding("period.wrong_type", found="2026Q3", arguments={"period_type": "Quarterly", "expected": "Monthly"}),
            "The period “2026Q3” is a quarter; the data set takes a month.",
            "Период «2026Q3»: квартал; для набора данных нужен другой: месяц.",
            "“2026Q3” davri: chorak; maʼlumotlar toʻplamiga boshqasi kerak: oy.",
        ),
        (
            Finding(
                "period.unreadable",
                found="03/09/2026",
                arguments={
                    "period_type": "Monthly",
                    "reason": "day_month_order",
                    "hint": "2026-03-09, 2026-09-03",
                },
            ),
            "“03/09/2026” is not a period of the type month: day and month may be in either order"
            " (“2026-03-09, 2026-09-03”).",
            "«03/09/2026» не является периодом вида «месяц»: день и месяц могут стоять в любом порядке"
            " («2026-03-09, 2026-09-03»).",
            "“03/09/2026” “oy” turidagi davr emas: kun va oyning tartibi noaniq (“2026-03-09, 2026-09-03”).",
        ),
        (
            Finding("period.cumulative", found="9 oylik", arguments={"months": 9}),
            "“9 oylik” counts from the start of the year (9 months) and is no period of its own.",
            "«9 oylik»: данные с начала года (9 месяцев), а не отдельный период.",
            "“9 oylik” yil boshidan hisoblangan (9 oylik) va alohida davr emas.",
        ),
        (
            Finding("row.extra_cells", arguments={"got": 21, "expected": 20}),
            "The row has 21 cells; the header has 20.",
            "В строке 21 ячейка, а в заголовке 20.",
            "Satrda 21 ta katak bor, sarlavhada esa 20 ta.",
        ),
        (
            Finding("cell.error", found="#ССЫЛКА!"),
            "The cell holds an error of the spreadsheet: “#ССЫЛКА!”.",
            "В ячейке ошибка электронной таблицы: «#ССЫЛКА!».",
            "Katakda elektron jadval xatosi turibdi: “#ССЫЛКА!”.",
        ),
        (
            Finding("value.conflicts", found="50", arguments={"other": "row 3", "other_value": "5"}),
            "“50” here and “5” elsewhere, row 3; neither is sent.",
            "здесь «50», а в другом месте «5», row 3; ни одно не отправляется.",
            "bu yerda “50”, boshqa joyda esa “5”, row 3; hech biri yuborilmaydi.",
        ),
        (
            Finding("server.refused", found="x", arguments={"server_code": "E8122", "message": "Value not numeric."}),
            "The server refused “x” (E8122): Value not numeric.",
            "Сервер отклонил «x» (E8122): Value not numeric.",
            "Server rad etdi (E8122), qiymat “x”: Value not numeric.",
        ),
        (
            Finding("json.broken", column=9, arguments={"line": 3, "column": 7}),
            "The file is not valid JSON, line 3, character 7.",
            "Файл не является правильным JSON, строка 3, символ 7.",
            "Fayl toʻgʻri JSON emas, 3-satr, 7-belgi.",
        ),
        (
            Finding("rows.left_out", arguments={"rows": 12345, "predicate": "form = 'X'"}),
            "12,345 rows left out by “form = 'X'”.",
            "Пропущено: 12\u00a0345 строк по условию «form = 'X'».",
            "12\u00a0345 ta satr “form = 'X'” sharti boʻyicha olinmadi.",
        ),
        (
            Finding("sheet.hidden", arguments={"rows": [4, 5, 6]}),
            "The sheet is hidden and was not read; it has 3 rows.",
            "Лист скрыт и не прочитан; в нём 3 строки.",
            "Varaq yashirin va oʻqilmadi; unda 3 ta satr bor.",
        ),
    ],
    ids=lambda value: value.code if isinstance(value, Finding) else "",
)
def test_full_sentences(finding: Finding, english: str, russian: str, uzbek: str) -> None:
    assert sentence(finding) == english
    assert sentence(finding, "ru") == russian
    assert sentence(finding, "uz") == uzbek


def test_advice_uses_the_arguments() -> None:
    finding = Finding("encoding.undecodable", arguments={"candidates": ["cp1251", "koi8-r"]})
    assert advice(finding).endswith("(source: encoding). It may be cp1251, koi8-r.")
    assert advice(Finding("encoding.undecodable")).endswith("(source: encoding).")


def test_long_lists_are_cut() -> None:
    finding = Finding("sheet.unmatched", arguments={"sheets": [str(number) for number in range(100)]})
    assert sentence(finding).endswith("“6”, “7”, ….")


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "0 значений"),
        (1, "1 значение"),
        (2, "2 значения"),
        (4, "4 значения"),
        (5, "5 значений"),
        (11, "11 значений"),
        (12, "12 значений"),
        (14, "14 значений"),
        (21, "21 значение"),
        (22, "22 значения"),
        (100, "100 значений"),
        (101, "101 значение"),
        (111, "111 значений"),
        (1_000_002, "1\u00a0000\u00a0002 значения"),
    ],
)
def test_russian_plurals(number: int, expected: str) -> None:
    assert phrase("stored", "ru", count=number) == f"сохранено: {expected}"


@pytest.mark.parametrize(("number", "expected"), [(0, "0 values"), (1, "1 value"), (2, "2 values"), (21, "21 values")])
def test_english_plurals(number: int, expected: str) -> None:
    assert phrase("stored", "en", count=number) == f"{expected} stored"


@pytest.mark.parametrize("number", [0, 1, 2, 5, 21])
def test_uzbek_keeps_the_singular(number: int) -> None:
    assert phrase("stored", "uz", count=number) == f"{number} ta qiymat saqlandi"


# Places


@pytest.mark.parametrize(
    ("finding", "english", "russian", "uzbek"),
    [
        (
            Finding("cell.error", "report.xlsx", "January", 12, 4),
            "report.xlsx, sheet January, cell D12",
            "report.xlsx, лист January, ячейка D12",
            "report.xlsx, January varagʻi, D12 katak",
        ),
        (
            Finding("value.not_of_type", "report.csv", None, 12, 4, arguments={"header": "value"}),
            "report.csv, row 12, column 4 (value)",
            "report.csv, строка 12, столбец 4 (value)",
            "report.csv, 12-satr, 4-ustun (value)",
        ),
        (
            Finding("value.not_of_type", "report.ndjson", None, 12, 4),
            "report.ndjson, record 12, field 4",
            "report.ndjson, запись 12, поле 4",
            "report.ndjson, 12-yozuv, 4-maydon",
        ),
        (
            Finding("row.hidden", "report.xlsx", "January", 12),
            "report.xlsx, sheet January, row 12",
            "report.xlsx, лист January, строка 12",
            "report.xlsx, January varagʻi, 12-satr",
        ),
        (
            Finding("column.hidden", "report.xlsx", "January", column=28),
            "report.xlsx, sheet January, column AB",
            "report.xlsx, лист January, столбец AB",
            "report.xlsx, January varagʻi, AB-ustun",
        ),
        (
            Finding("file.empty", "report.xlsx", "Q."),
            "report.xlsx, sheet Q.",
            "report.xlsx, лист Q.",
            "report.xlsx, Q. varagʻi",
        ),
        (Finding("file.empty", "report.csv"), "report.csv", "report.csv", "report.csv"),
        (
            Finding("row.nul", "-", None, 3),
            "standard input, row 3",
            "стандартный ввод, строка 3",
            "standart kirish, 3-satr",
        ),
    ],
    ids=lambda value: value.code if isinstance(value, Finding) else "",
)
def test_places(finding: Finding, english: str, russian: str, uzbek: str) -> None:
    assert (place(finding), place(finding, "ru"), place(finding, "uz")) == (english, russian, uzbek)


def test_a_place_is_safe_to_print() -> None:
    finding = Finding("cell.error", "a\x1b]0;.xlsx", "\x9b2J\u202e", 1, 1)
    assert place(finding) == "a<U+001B>]0;.xlsx, sheet <U+009B>2J<U+202E>, cell A1"


def test_a_cell_is_one_cell_of_a_workbook() -> None:
    assert cell_of(Finding("cell.error", "a.xlsx", "S", 3, 27)) == "AA3"
    assert cell_of(Finding("cell.error", "a.csv", None, 3, 27)) is None
    assert cell_of(Finding("cell.error", "a.xlsx", "S", 3)) is None


# Texts of others


def test_two_names_that_look_the_same_are_told_apart() -> None:
    finding = Finding("name.normalised", found="Elm\u00a0Clinic ", arguments={"matched": "Elm Clinic"})
    assert sentence(finding) == "“Elm<NBSP>Clinic·” was read as “Elm Clinic”."


def test_a_long_text_is_cut_and_a_name_has_more_room() -> None:
    found = Finding("name.by_alias", found="a" * 61, arguments={"matched": "b" * 60})
    assert sentence(found) == f"“{'a' * 59}…” was matched to “{'b' * 60}” by an alias."
    assert "c" * 200 in sentence(Finding("data_set.without_element", arguments={"data_element": "c" * 200}))


# The choice of a language


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "uz_UZ@cyrillic"}, "uz"),
        ({"LANG": "uz-UZ"}, "uz"),
        ({"LANG": "RU"}, "ru"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "ru_RU.UTF-8", "LC_MESSAGES": "uz_UZ.UTF-8"}, "uz"),
        ({"LC_MESSAGES": "uz_UZ.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LC_ALL": "", "LANG": "ru_RU"}, "ru"),
        ({"DHIS2_BRIDGE_LANG": "uz", "LC_ALL": "ru_RU.UTF-8"}, "uz"),
        ({"LC_TIME": "ru_RU.UTF-8"}, "en"),
    ],
)
def test_language_choice(environ: dict[str, str], language: str) -> None:
    assert choose_language(environ) == language


def test_a_language_without_words_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(UsageError, match=r"'fr'.*en, ru, uz"):
        sentence(UNKNOWN, "fr")


def test_words_are_read_once() -> None:
    assert locale("ru") is locale("ru")
