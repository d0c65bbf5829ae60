"""Findings in words: English, Russian and Uzbek, from one table of words a language.

The tables are `locale/*.toml`, keyed by finding code. A text there is a template:

    {name}              an argument or a column of the finding, made visible and in quotes; a list becomes `a, b, c`
    {name:full}         the same with room for a name and the names above it
    {name:plain}        without quotes: numbers, names of formats, texts of others
    {name:period_type}  a token in the reader's words, from the table of terms of that name; an unknown one as it is
    {name:words}        words that were made here, as they are
    {name:number}       a number with its thousands set apart
    {name:row|rows}     the same with its noun, in as many forms as the language has
    [ ... ]             a part that falls away when one of its arguments is absent or blank

An argument that is absent outside brackets prints `?`: a report never fails over its own words.
"""

import functools
import importlib.resources
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dhis2_bridge.findings import Finding, UsageError, arguments_text
from dhis2_bridge.names import visible
from dhis2_bridge.values import address

LANGUAGES: Final = ("en", "ru", "uz")

LONGEST_VALUE: Final = 60
LONGEST_NAME: Final = 200
LONGEST_PROSE: Final = 300
LONGEST_LIST: Final = 8

# Records have fields where sheets have rows of cells.
_RECORD_FILES: Final = (".json", ".ndjson", ".jsonl", ".xml")

_OPTIONAL: Final = re.compile(r"\[([^\[\]]*)\]|([^\[\]]+)")
_PLACEHOLDER: Final = re.compile(r"\{(\w+)(?::([^{}]+))?\}")


@dataclass(frozen=True, slots=True)
class Locale:
    """The words of one language; `codes` holds title, sentence and advice of each finding code."""

    language: str
    quotes: tuple[str, str]
    thousands: str
    phrases: Mapping[str, str]
    terms: Mapping[str, Mapping[str, str]]
    codes: Mapping[str, Mapping[str, str]]


@functools.cache
def locale(language: str) -> Locale:
    """The words of a language, read once. Raises `UsageError` for a language that has none."""
    if language not in LANGUAGES:
        raise UsageError(f"no words in the language {language!r}; there are {', '.join(LANGUAGES)}")
    file = importlib.resources.files("dhis2_bridge.report").joinpath("locale", f"{language}.toml")
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    opening, closing = table["quotes"]
    return Locale(language, (opening, closing), table["thousands"], table["phrases"], table["terms"], table["codes"])


def choose_language(environ: Mapping[str, str]) -> str:
    """The language of `LANGUAGES` that these environment variables ask for, English without one.

    The first of DHIS2_BRIDGE_LANG, LC_ALL, LC_MESSAGES and LANG that is not empty decides, as POSIX has it.
    """
    for variable in ("DHIS2_BRIDGE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if wanted := environ.get(variable, "").strip():
            language = re.split(r"[_.@-]", wanted.lower(), maxsplit=1)[0]
            return language if language in LANGUAGES else "en"
    return "en"


def title(code: str, language: str = "en") -> str:
    """A few words that head a list of findings of this code."""
    return _entry(Finding(code), language)["title"]


def sentence(finding: Finding, language: str = "en") -> str:
    """What was found, one or two sentences, safe to print on a terminal."""
    return _filled(_entry(finding, language)["sentence"], _context(finding), locale(language))


def advice(finding: Finding, language: str = "en") -> str:
    """What to do about it."""
    return _filled(_entry(finding, language)["advice"], _context(finding), locale(language))


def phrase(name: str, language: str = "en", **arguments: object) -> str:
    """One of the phrases that reports are made of, by its name in the table of words."""
    words = locale(language)
    return _filled(words.phrases[name], arguments, words)


def place(finding: Finding, language: str = "en") -> str:
    """Where it was found: `report.xlsx, sheet January, cell D12`; empty where no file is named.

    In a workbook cells are named as a spreadsheet shows them, elsewhere row and column are counted from 1. The column
    of a file without sheets has its header behind it where the finding carries one as its argument `header`.
    """
    parts = []
    if finding.source is not None:
        parts.append(phrase("standard_input", language) if finding.source == "-" else visible(finding.source))
    row, column = finding.row, finding.column
    if finding.sheet is not None:
        parts.append(phrase("sheet", language, sheet=visible(finding.sheet, LONGEST_VALUE)))
        if cell := cell_of(finding):
            parts.append(phrase("cell", language, cell=cell))
        elif row is not None:
            parts.append(phrase("row", language, row=row))
        elif column is not None:
            parts.append(phrase("column", language, column=address(1, column)[:-1]))
    else:
        records = (finding.source or "").lower().endswith(_RECORD_FILES)
        if row is not None:
            parts.append(phrase("record" if records else "row", language, row=row))
        if column is not None:
            header = visible(str(finding.arguments.get("header") or ""), LONGEST_VALUE)
            parts.append(phrase("field" if records else "column", language, column=column, header=header))
    return ", ".join(parts)


def cell_of(finding: Finding) -> str | None:
    """The address of the cell as a spreadsheet shows it (`D12`), where one cell of a workbook is meant."""
    if finding.sheet is None or finding.row is None or finding.column is None:
        return None
    return address(finding.row, finding.column)


def _entry(finding: Finding, language: str) -> Mapping[str, str]:
    known = locale(language).codes.get(finding.code)
    if known is not None:
        return known
    # A run folder of another version may hold codes that this one does not know.
    return {
        "title": visible(finding.code, LONGEST_VALUE),
        "sentence": "{code:plain}[: {found}][ {arguments:plain}]",
        "advice": "",
    }


def _context(finding: Finding) -> dict[str, object]:
    columns = ("code", "found", "source", "sheet", "row", "column", "arguments", "values")
    return {**{name: getattr(finding, name) for name in columns}, **finding.arguments}


def _filled(template: str, context: Mapping[str, Any], words: Locale) -> str:
    parts = []
    for optional, plain in _OPTIONAL.findall(template):
        if optional and any(_is_blank(context.get(name)) for name, _ in _PLACEHOLDER.findall(optional)):
            continue
        parts.append(
            _PLACEHOLDER.sub(lambda match: _shown(context.get(match[1]), match[2] or "", words), optional or plain)
        )
    return "".join(parts)


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str | list | tuple | Mapping) and not value)


def _shown(value: object, how: str, words: Locale) -> str:
    if how in words.terms:
        terms = words.terms[how]
        return _each(value, lambda one: terms.get(str(one)) or _prose(one))
    if how in {"", "full"}:
        return _each(value, lambda one: _quoted(one, words, LONGEST_NAME if how else LONGEST_VALUE))
    if how == "plain":
        return _each(value, _prose)
    if how == "words":
        return str(value)
    return _counted(value, [] if how == "number" else how.split("|"), words)


def _each(value: object, one: Callable[[object], str]) -> str:
    if _is_blank(value):
        return "?"
    if not isinstance(value, list | tuple):
        return one(value)
    shown = [one(item) for item in value[:LONGEST_LIST]]
    return ", ".join([*shown, "…"] if len(value) > LONGEST_LIST else shown)


def _quoted(value: object, words: Locale, limit: int) -> str:
    if isinstance(value, str):
        opening, closing = words.quotes
        return f"{opening}{visible(value, limit)}{closing}"
    return _prose(value)


def _prose(value: object) -> str:
    text = arguments_text(value) if isinstance(value, Mapping) else str(value)
    # Messages of servers end with a full stop or without; the template brings its own.
    return visible(text.removesuffix("."), LONGEST_PROSE)


def _counted(value: object, forms: list[str], words: Locale) -> str:
    if isinstance(value, list | tuple) and value:
        value = len(value)
    if not isinstance(value, int):
        return " ".join(["?" if _is_blank(value) else _prose(value), *forms[-1:]])
    number = f"{value:,}".replace(",", words.thousands)
    return f"{number} {forms[_PLURAL_FORM[words.language](abs(value))]}" if forms else number


def _russian_form(number: int) -> int:
    if number % 10 == 1 and number % 100 != 11:
        return 0
    return 1 if number % 10 in {2, 3, 4} and number % 100 not in {12, 13, 14} else 2


_PLURAL_FORM: Final[dict[str, Callable[[int], int]]] = {
    "en": lambda number: int(number != 1),
    "ru": _russian_form,
    "uz": lambda number: 0,  # a counted noun keeps its singular
}
