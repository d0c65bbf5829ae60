"""`inspect`: what the reader sees in a file."""

import re
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

import click

from dhis2_bridge.cli.terminal import (
    all_option,
    binary_stdin,
    json_option,
    lang_option,
    language,
    say,
    say_phrase,
    show_findings,
)

ROWS_SHOWN: Final = 12
CELLS_SHOWN: Final = 8

PERSONS: Final = ("fhir", "sql")
"""Formats whose rows are those of persons, or may be: they are counted and never shown."""

# Ids of persons and telephone numbers have twelve digits and more, also where a spreadsheet has rounded them; tax and
# statistical numbers of organisations and all counts have fewer.
_OF_A_PERSON: Final = re.compile(r"[0-9]{12}|[0-9][.,][0-9]+[eE]\+?1[0-9]")
_SHAPE: Final = ((re.compile(r"[^\W\d_]"), "a"), (re.compile(r"\d"), "9"))


@click.command("inspect")
@click.argument("file")
@click.option("--encoding", help="Encoding of a text file, such as cp1251.")
@click.option("--delimiter", help="Delimiter of a text file; tab for tabs.")
@click.option("--records", help="Where the records of a JSON document are, such as items[].values[].")
@click.option("--mapping", "-m", metavar="FILE", help="A mapping; of one that counts persons no cell is shown.")
@all_option
@json_option
@lang_option
def command(
    file: str,
    encoding: str | None,
    delimiter: str | None,
    records: str | None,
    mapping: str | None,
    show_all: bool,
    as_json: bool,
) -> int:
    """What the reader sees in FILE: format, evidence, sheets with their first rows, headers.

    The first thing to look at when a mapping does not find what you see. - is standard input.

    Of a file that holds numbers as long as ids of persons, cells are shown by their shape only: a for letters, 9 for
    digits. So are those of every file with --mapping, where the mapping counts persons.
    """
    from dhis2_bridge import mapping_file, settings, sources
    from dhis2_bridge.findings import Finding, Unreadable, frame
    from dhis2_bridge.gathering import private
    from dhis2_bridge.withholding import withheld

    persons = mapping is not None and mapping_file.load(settings.mapping_path(mapping)).workforce is not None

    seen: dict[str, Any] = {"file": file}
    found: list[Finding] = []
    try:
        source = withheld(
            partial(
                sources.open_source,
                file,
                stream=binary_stdin() if file == "-" else None,
                encoding=encoding,
                delimiter="\t" if delimiter == "tab" else delimiter,
                records=records,
            )
        )
        seen |= {
            "file": source.name,
            "format": source.format,
            "sha256": source.sha256,
            "evidence": source.evidence,
            "sheets": [_sheet(sheet) for sheet in source.sheets],
        }
        found += source.findings
        if source.table is not None:
            shown = 0 if source.format in PERSONS else ROWS_SHOWN
            seen["table"] = withheld(partial(_table, source.table, shown))
            found += [finding for finding in source.table.findings if finding not in found]
    except Unreadable as unreadable:
        found.append(unreadable.finding)
    if persons or _holds_persons(seen):
        seen = _by_shape(seen) | {"masked": True}
        found = [private(finding) for finding in found]
    findings = frame(found)
    if as_json:
        import orjson

        from dhis2_bridge.report.json_lines import findings_json

        seen["findings"] = list(findings_json(findings, language()))
        click.echo(orjson.dumps(seen, option=orjson.OPT_INDENT_2))
    else:
        if "format" in seen:
            _show(seen)
            if "masked" in seen:
                say("", to_stdout=True)
                say_phrase("cells_masked", to_stdout=True)
            if found:
                say("", to_stdout=True)
        show_findings(findings, to_stdout=True, show_all=show_all)
    return 3 if (findings["severity"] == "error").any() else 0


def _sheet(sheet: Any) -> dict[str, Any]:
    filled = [(sheet.first_row + i, row) for i, row in enumerate(sheet.rows) if any(cell.strip() for cell in row)]
    return {
        "sheet": sheet.sheet,
        "visible": sheet.visible,
        "rows": len(filled),
        "columns": max((len(row) for _, row in filled), default=0),
        "merged": len(sheet.merged),
        "hidden_rows": len(sheet.hidden_rows),
        "hidden_columns": len(sheet.hidden_columns),
        "cells_without_value": len(sheet.faults),
        "first_rows": [{"row": number, "cells": row} for number, row in filled[:ROWS_SHOWN]],
        "of_persons": any(_OF_A_PERSON.search(cell) for _, row in filled for cell in row),
    }


def _table(table: Any, shown: int) -> dict[str, Any]:
    import polars as pl

    first: list[dict[str, Any]] = []
    records = 0
    of_persons = any(_OF_A_PERSON.search(name) for name in table.header)
    if hasattr(table, "holds"):
        of_persons = of_persons or table.holds(re.compile(_OF_A_PERSON.pattern.encode()))
    for batch in table.batches():
        is_long = pl.any_horizontal(pl.exclude("row").str.contains(_OF_A_PERSON.pattern))
        of_persons = of_persons or bool(batch.select(is_long.any()).item())
        records += batch.height
        for row in batch.head(shown - len(first)).iter_rows(named=True):
            number = row.pop("row")
            first.append({"row": number, "cells": [text or "" for text in row.values()]})
    return {
        "header_row": table.header_row,
        "header": list(table.header),
        "records": records,
        "first_rows": first,
        "of_persons": of_persons,
    }


def _holds_persons(seen: dict[str, Any]) -> bool:
    """Whether any cell of the file is a number as long as ids of persons are; the marks are taken away."""
    held = [part.pop("of_persons") for part in _parts(seen)]
    return any(held)


def _parts(seen: dict[str, Any]) -> list[dict[str, Any]]:
    """The sheets, or the one table."""
    return [*seen.get("sheets", ()), *([seen["table"]] if "table" in seen else [])]


def _by_shape(seen: dict[str, Any]) -> dict[str, Any]:
    """What was seen with the shape of cells in place of their texts; of headers where one looks like data."""
    for part in _parts(seen):
        part.pop("of_persons", None)
        for row in part["first_rows"]:
            row["cells"] = _shapes(row["cells"])
        header = [name for name in part.get("header", ()) if name]
        if len({*header}) < len(header) or any(re.search(r"[0-9]{4}", name) for name in header):
            part["header"] = _shapes(part["header"])
    return seen


def _shapes(cells: Iterable[str]) -> list[str]:
    shown = []
    for cell in cells:
        shape = cell
        for pattern, letter in _SHAPE:
            shape = pattern.sub(letter, shape)
        shown.append(shape)
    return shown


def _show(seen: dict[str, Any]) -> None:
    said = ", ".join(f"{name} {value!r}" for name, value in seen["evidence"].items())
    say(f"{seen['file']}: {seen['format']}{', ' + said if said else ''}", to_stdout=True)
    for sheet in seen["sheets"]:
        say("", to_stdout=True)
        name = _short(sheet["sheet"], 60)
        if not sheet["visible"]:
            say_phrase("sheet_hidden", sheet=name, to_stdout=True)
            continue
        # None falls away in the phrase, and a 0 is not worth telling.
        counts = {key: sheet[key] or None for key in ("merged", "hidden_rows", "hidden_columns")}
        faults = sheet["cells_without_value"] or None
        size = {"rows": sheet["rows"], "columns": sheet["columns"]}
        say_phrase("sheet_seen", sheet=name, to_stdout=True, faults=faults, **size, **counts)
        _show_rows(sheet["first_rows"])
    if "table" in seen:
        table = seen["table"]
        # The names of the fields of a document stand in no row.
        what = "table_seen" if table["header_row"] else "records_seen"
        say("", to_stdout=True)
        say_phrase(what, count=table["records"], row=table["header_row"], to_stdout=True)
        for number, name in enumerate(table["header"], start=1):
            if name:
                say(f"  {number:>5}  {_short(name, 60)}", to_stdout=True)
            else:
                say_phrase("blank_header", column=f"{number:>5}", to_stdout=True)
        say("", to_stdout=True)
        if seen["format"] in PERSONS:
            say_phrase("rows_not_shown", to_stdout=True)
        _show_rows(table["first_rows"])


def _show_rows(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        cells = [_short(cell, 24) for cell in row["cells"]]
        more = " | …" if len(cells) > CELLS_SHOWN else ""
        say(f"  {row['row']:>5}  {' | '.join(cells[:CELLS_SHOWN])}{more}", to_stdout=True)


def _short(text: str, limit: int) -> str:
    from dhis2_bridge.names import visible

    return visible(text, limit)
