"""`inspect`: what the reader sees in a file."""

from pathlib import Path
from typing import Any

import click

from dhis2_bridge.cli.terminal import binary_stdin, json_option, lang_option, language, say

ROWS_SHOWN = 12
CELLS_SHOWN = 8


@click.command("inspect")
@click.argument("file")
@click.option("--encoding", help="Encoding of a text file, such as cp1251.")
@click.option("--delimiter", help="Delimiter of a text file; tab for tabs.")
@click.option("--records", help="Where the records of a JSON document are, such as items[].values[].")
@json_option
@lang_option
def command(
    file: str, encoding: str | None, delimiter: str | None, records: str | None, as_json: bool, lang: str | None
) -> int:
    """What the reader sees in FILE: format, evidence, sheets with their first rows, headers.

    The first thing to look at when a mapping does not find what you see. - is standard input.
    """
    from dhis2_bridge import sources
    from dhis2_bridge.findings import frame

    source = sources.open_source(
        file,
        stream=binary_stdin() if file == "-" else None,
        encoding=encoding,
        delimiter="\t" if delimiter == "tab" else delimiter,
        records=records,
    )
    seen: dict[str, Any] = {
        "file": source.name,
        "format": source.format,
        "sha256": source.sha256,
        "evidence": source.evidence,
        "sheets": [_sheet(sheet) for sheet in source.sheets],
    }
    findings = list(source.findings)
    if source.table is not None:
        seen["table"] = _table(source.table)
        findings += [finding for finding in source.table.findings if finding not in findings]
    told = frame(findings)
    if as_json:
        import orjson

        from dhis2_bridge.report.json_lines import findings_json

        seen["findings"] = list(findings_json(told, language()))
        click.echo(orjson.dumps(seen, option=orjson.OPT_INDENT_2))
    else:
        from dhis2_bridge.report.text import findings_text

        _show(seen)
        if text := findings_text(told, language(), full_list="--json"):
            say("\n" + text, to_stdout=True)
    return 3 if (told["severity"] == "error").any() else 0


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


def _table(table: Any) -> dict[str, Any]:
    first: list[dict[str, Any]] = []
    records = 0
    for batch in table.batches():
        records += batch.height
        if not first:
            for row in batch.head(ROWS_SHOWN).iter_rows(named=True):
                number = row.pop("row")
                first.append({"row": number, "cells": [text or "" for text in row.values()]})
    return {"header_row": table.header_row, "header": list(table.header), "records": records, "first_rows": first}


def _show(seen: dict[str, Any]) -> None:
    said = ", ".join(f"{name} {value!r}" for name, value in seen["evidence"].items())
    say(f"{Path(seen['file']).name}: {seen['format']}{', ' + said if said else ''}", to_stdout=True)
    for sheet in seen["sheets"]:
        hidden = "" if sheet["visible"] else ", hidden: not read"
        notes = [f"{sheet[name]} {name.replace('_', ' ')}"
                 for name in ("merged", "hidden_rows", "hidden_columns", "cells_without_value") if sheet[name]]  # fmt: skip
        size = f"{sheet['rows']} rows, {sheet['columns']} columns"
        say(f"\nsheet {sheet['sheet']}: {', '.join([size, *notes])}{hidden}", to_stdout=True)
        if sheet["visible"]:
            _show_rows(sheet["first_rows"])
    if "table" in seen:
        table = seen["table"]
        say(f"\n{table['records']} records below the header in row {table['header_row']}:", to_stdout=True)
        for number, name in enumerate(table["header"], start=1):
            say(f"  column {number}: {_short(name) or '(blank)'}", to_stdout=True)
        _show_rows(table["first_rows"])


def _show_rows(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        cells = [_short(cell) for cell in row["cells"]]
        more = " | …" if len(cells) > CELLS_SHOWN else ""
        say(f"  {row['row']:>5}  {' | '.join(cells[:CELLS_SHOWN])}{more}", to_stdout=True)


def _short(text: str) -> str:
    from dhis2_bridge.report.words import visible

    return visible(text, 24)
