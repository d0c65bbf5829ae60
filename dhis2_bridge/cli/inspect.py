"""`inspect`: what the reader sees in a file."""

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


@click.command("inspect")
@click.argument("file")
@click.option("--encoding", help="Encoding of a text file, such as cp1251.")
@click.option("--delimiter", help="Delimiter of a text file; tab for tabs.")
@click.option("--records", help="Where the records of a JSON document are, such as items[].values[].")
@all_option
@json_option
@lang_option
def command(
    file: str, encoding: str | None, delimiter: str | None, records: str | None, show_all: bool, as_json: bool
) -> int:
    """What the reader sees in FILE: format, evidence, sheets with their first rows, headers.

    The first thing to look at when a mapping does not find what you see. - is standard input.
    """
    from dhis2_bridge import sources
    from dhis2_bridge.findings import Finding, Unreadable, frame

    seen: dict[str, Any] = {"file": file}
    found: list[Finding] = []
    try:
        source = sources.open_source(
            file,
            stream=binary_stdin() if file == "-" else None,
            encoding=encoding,
            delimiter="\t" if delimiter == "tab" else delimiter,
            records=records,
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
            seen["table"] = _table(source.table, shown=0 if source.format in PERSONS else ROWS_SHOWN)
            found += [finding for finding in source.table.findings if finding not in found]
    except Unreadable as unreadable:
        found.append(unreadable.finding)
    findings = frame(found)
    if as_json:
        import orjson

        from dhis2_bridge.report.json_lines import findings_json

        seen["findings"] = list(findings_json(findings, language()))
        click.echo(orjson.dumps(seen, option=orjson.OPT_INDENT_2))
    else:
        if "format" in seen:
            _show(seen)
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
    }


def _table(table: Any, shown: int) -> dict[str, Any]:
    first: list[dict[str, Any]] = []
    records = 0
    for batch in table.batches():
        records += batch.height
        for row in batch.head(shown - len(first)).iter_rows(named=True):
            number = row.pop("row")
            first.append({"row": number, "cells": [text or "" for text in row.values()]})
    return {"header_row": table.header_row, "header": list(table.header), "records": records, "first_rows": first}


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
