"""Indicators for reading, as plain text without a line end, and as rows of a table."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from dhis2_bridge.comparison import ENOUGH
from dhis2_bridge.indicators import Result, plain_number
from dhis2_bridge.names import visible
from dhis2_bridge.report.words import locale, phrase

COLUMNS: Final = (
    "indicator", "name", "org_unit", "place", "period", "option", "value", "numerator", "denominator",
    "population_year", "population_source", "small", "absent",
)  # fmt: skip
"""Columns of `rows`, one row a number; `absent` says in words why there is none."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def indicators_text(results: Sequence[Result], period: str, language: str = "en") -> str:
    """Place by place: each number with what is above and below the line, or why it is absent; then the population."""
    blocks = []
    for place, of_place in groupby(results, key=lambda result: result.place):
        held = list(of_place)
        lines = [f"{place.code or ''} {visible(place.name, 200)}, {period}".lstrip()]
        table = list(_lines(held, language))
        widths = [max(len(row[column]) for row in table) for column in (0, 1)]
        for label, value, parts in table:
            lines.append(f"  {label.ljust(widths[0])}  {value.rjust(widths[1])}  {parts}".rstrip())
        people = next((one.people for one in held if one.people and one.people.number is not None), None)
        if people is not None:
            sources = "; ".join(visible(source, 200) for source in people.sources)
            told = {"people": people.number, "year": people.year, "sources": sources}
            lines.append("  " + phrase("indicators_people", language, **told))
        blocks.append("\n".join(lines))
    if any(result.small for result in results):
        blocks.append(phrase("indicators_small", language, enough=ENOUGH))
    return "\n\n".join(blocks)


def rows(results: Sequence[Result], period: str, language: str = "en") -> Iterator[list[str]]:
    """The numbers as rows of texts (`COLUMNS`); no cell is a formula to a spreadsheet."""
    for one in results:
        told = one.as_dict()
        people = one.people
        row = [
            told["indicator"], name_of(one, language), told["org_unit"], told["place"], period, told["option"],
            told["value"], told["numerator"], told["denominator"],
            told["population_year"], "; ".join(people.sources) if people else "", "*" if one.small else "",
            reason_of(one, language),
        ]  # fmt: skip
        yield [_harmless("" if cell is None else str(cell)) for cell in row]


def name_of(result: Result, language: str) -> str:
    """The name of an indicator in a language, else in English, else in the first that it has."""
    names = result.indicator.name
    return names.get(language) or names.get("en") or next(iter(names.values()), result.indicator.code)


def reason_of(result: Result, language: str) -> str:
    """Why a number is absent, in words; blank where it is there."""
    if result.reason is None:
        return ""
    return phrase(f"indicators_{result.reason}", language, **result.arguments)


def _lines(results: Sequence[Result], language: str) -> Iterator[tuple[str, str, str]]:
    """Label, value, and what it is made of. The options of one indicator stand under its name."""
    for indicator, of_indicator in groupby(results, key=lambda result: result.indicator):
        held = list(of_indicator)
        label = f"{visible(name_of(held[0], language), 200)} ({visible(indicator.code)})"
        if held[0].option is not None:
            yield label, "", ""
        for one in held:
            shown = label if one.option is None else f"  {visible(one.option)}"
            if one.reason is not None:
                yield shown, "-", phrase("indicators_absent", language, reason=reason_of(one, language))
                continue
            above, below = (_grouped(plain_number(part), language) for part in (one.numerator, one.denominator))
            value = _grouped(str(one.value), language) + ("*" if one.small else "")
            yield shown, value, phrase("indicators_of", language, numerator=above, denominator=below)


def _grouped(number: str | None, language: str) -> str:
    """A number with its thousands set apart as the language does it."""
    whole, point, rest = (number or "").partition(".")
    return f"{int(whole):,}".replace(",", locale(language).thousands) + point + rest if whole else ""


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
