"""Writes the reference pages from what the program itself says: findings.md, commands.md and mapping-keys.md.

Run `python docs/make_reference.py` after a change of a finding, an option or a key of the mapping file.
"""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
from pydantic import BaseModel

from dhis2_bridge import cli, findings, mapping, mapping_workforce
from dhis2_bridge.report.words import locale

DOCS: Final = Path(__file__).resolve().parent

NOTE: Final = "<!-- Made by docs/make_reference.py; changes here are lost. -->"

FAMILIES: Final = {
    "file": "The file as a whole",
    "encoding": "Letters",
    "delimiter": "Delimited text",
    "header": "Headers",
    "row": "Rows",
    "sheet": "Sheets",
    "column": "Columns",
    "cell": "Cells",
    "json": "JSON",
    "fhir": "FHIR",
    "sql": "Queries",
    "mapping": "Which mapping",
    "table": "Which table",
    "org_unit": "Facilities",
    "data_element": "Data elements",
    "category_option": "Category options",
    "category_option_combo": "Category option combos",
    "attribute_option_combo": "Attribute option combos",
    "name": "Names",
    "label": "Labels",
    "crosswalk": "Crosswalks",
    "period": "Periods",
    "date": "Dates",
    "value": "Values",
    "comment": "Comments",
    "total": "Totals",
    "cumulative": "Figures since the start of the year",
    "data_set": "The data set",
    "predicate": "Conditions",
    "rows": "Rows left out by a condition",
    "person": "Persons",
    "contract": "Contracts",
    "position": "Occupations",
    "axis": "Axes of counts",
    "number": "Numbers that are summed up",
    "workforce": "Rows of persons and posts",
    "stock": "Stocks and the period before",
    "posts": "Posts",
    "headcount": "Counts of persons",
    "small_cells": "Small counts",
    "population": "Population",
    "indicators": "Indicators",
    "server": "The server's answer",
}
"""Headings by the first part of a code."""

FINDINGS_INTRO: Final = """
# Findings

{note}

What is wrong in the data, or was repaired, is a finding: a code, a place, the text as it stood. An *error* keeps a
value or a file back, a *warning* and an *info* keep nothing back. The sentences are those of the English messages; ‹…›
stands for what the finding names, and a part in [brackets] is said where it applies. Codes of DHIS2 are those that a
server gives for the same fault. Arguments are what `--json` and `findings.parquet` carry beside the place.
"""

ENVIRONMENT: Final = """
Of several, the first of 1, 8, 6, 5, 4, 3, 9 counts. As of other programs, 130 follows Ctrl-C, and 141 says that the
reader of the output went away.

## Environment

| variable | what it says |
|---|---|
| `DHIS2_MAPPING`, `DHIS2_SNAPSHOT` | `--mapping` (several are parted as in `PATH`) and `--snapshot` |
| `DHIS2_URL`, `DHIS2_USERNAME`, `DHIS2_PASSWORD` | the server and the login |
| `DHIS2_PAT` | a personal access token, in place of username and password |
| `DHIS2_PROFILE` | a profile of `profiles.toml` |
| `DHIS2_BRIDGE_CONFIG` | the folder of `profiles.toml`; else `~/.config/dhis2_bridge`, on Windows `%APPDATA%` |
| `DHIS2_BRIDGE_DATABASE_URL` | the database and the login for queries, such as `postgresql://user:password@host/name` |
| `DHIS_HOME` | the folder of a `dish.json`, which is read where nothing else is said |
| `DHIS2_BRIDGE_LANG`, `LC_ALL`, `LC_MESSAGES`, `LANG` | the language of messages: uz, ru or en |
| `DHIS2_BRIDGE_DEBUG` | shows where a fault of the program happened |
| `HTTPS_PROXY`, `REQUESTS_CA_BUNDLE` | proxy and certificates, as other programs have them |
"""

MAPPING_KEYS_INTRO: Final = """
# Keys of the mapping file

{note}

What a mapping may say, block by block. [mapping.md](mapping.md) explains the keys with examples. Those of a table may
stand at the top of the file, where they hold for every table. Where a list of texts is taken, one text is too.
"""

AFTER_AN_EXIT_CODE: Final = {
    0: "Nothing to do.",
    1: "A fault of the program: run it again with `DHIS2_BRIDGE_DEBUG=1` and report what it prints.",
    2: "Correct the command, the mapping or the snapshot. Nothing was sent.",
    3: "Read the findings. What was not refused is in the run folder and can be sent.",
    4: "Read the findings: each value that the server refused is named with its cell.",
    5: "As 4; nothing was stored.",
    6: "Run the same command later. Values whose answer was lost are sent again, and nothing is counted twice.",
    8: "Check the login and its rights.",
    9: "Look at what differs.",
}


def made() -> dict[Path, str]:
    """The text of each page, by its file."""
    pages = {"findings.md": _findings(), "commands.md": _commands(), "mapping-keys.md": _mapping_keys()}
    return {DOCS / name: "\n".join([*lines, ""]) for name, lines in pages.items()}


# -- findings ------------------------------------------------------------------------------------------------------


def _findings() -> Iterator[str]:
    words = locale("en").codes
    yield FINDINGS_INTRO.strip().format(note=NOTE)
    families: dict[str, list[str]] = {}
    for code in findings.CODES:
        families.setdefault(code.partition(".")[0], []).append(code)
    for family, codes in families.items():
        yield from ("", f"## {FAMILIES.get(family, family)}")
        for code in codes:
            about, said = findings.CODES[code], words[code]
            facts = [about.severity]
            if about.server:
                facts.append(f"DHIS2: {', '.join(about.server)}")
            if about.arguments:
                facts.append("arguments: " + ", ".join(f"`{name}`" for name in about.arguments))
            yield from ("", f"### {code}", "", f"{said['title']} · {' · '.join(facts)}", "")
            yield f"> {_template(said['sentence'])}"
            if said["advice"]:
                yield from ("", f"What to do: {_template(said['advice'])}")


def _template(text: str) -> str:
    """A template of the messages for reading: its placeholders as words."""
    return re.sub(r"\{(\w+)(?::[^{}]*)?\}", lambda found: f"‹{found[1].replace('_', ' ')}›", text)


# -- commands ------------------------------------------------------------------------------------------------------


def _commands() -> Iterator[str]:
    yield from ("# Commands", "", NOTE, "", inspect.cleandoc(cli.program.help or ""), "", "## Exit codes", "")
    yield from ("| code | meaning | what to do |", "|---|---|---|")
    # The program says its exit codes in one sentence, and nowhere else.
    said = re.sub(r"\s+", " ", cli.__doc__ or "").partition("Exit codes: ")[2].partition(". ")[0]
    for part in said.split("; "):
        code, meaning = part.split(" ", maxsplit=1)
        yield f"| {code} | {meaning} | {AFTER_AN_EXIT_CODE[int(code)]} |"
    yield ENVIRONMENT.rstrip()
    context = click.Context(cli.program, info_name="dhis2-bridge")
    for name in cli.program.list_commands(context):
        if (command := cli.program.get_command(context, name)) is not None:
            yield from _command(f"dhis2-bridge {name}", command)


def _command(path: str, command: click.Command) -> Iterator[str]:
    arguments = " ".join(_argument(one) for one in command.params if isinstance(one, click.Argument))
    options = [one for one in command.params if isinstance(one, click.Option)]
    inner = command.commands if isinstance(command, click.Group) else {}
    usage = " ".join(filter(None, [path, "[OPTIONS]" if options else "", arguments, "COMMAND" if inner else ""]))
    yield from ("", f"## {path}", "", f"    {usage}", "", inspect.cleandoc(command.help or ""))
    if options:
        yield from ("", "| option | what it does |", "|---|---|")
        yield from (_option(one) for one in options)
    for name, one in inner.items():
        yield from _command(f"{path} {name}", one)


def _argument(one: click.Argument) -> str:
    named = "|".join(map(str, one.type.choices)) if isinstance(one.type, click.Choice) else (one.name or "").upper()
    name = named + ("..." if one.nargs == -1 else "")
    return name if one.required else f"[{name}]"


def _option(one: click.Option) -> str:
    shape = ""
    if not one.is_flag:
        choices = one.type.choices if isinstance(one.type, click.Choice) else None
        shape = f" {one.metavar or ('|'.join(map(str, choices)) if choices else one.type.name.upper().split()[0])}"
    facts = [
        "required" if one.required else "",
        "may be given several times" if one.multiple else "",
        f"default: {one.default}" if one.show_default else "",
    ]
    told = "; ".join(filter(None, facts))
    names = ", ".join(sorted(one.opts, key=len))
    return f"| `{_in_a_table(names + shape)}` | {_in_a_table(one.help or '')}{f' ({told})' if told else ''} |"


def _in_a_table(text: str) -> str:
    """A text in a cell of a table, which a bar would end, also within a code span."""
    return text.replace("|", r"\|")


# -- keys of the mapping file --------------------------------------------------------------------------------------


def _mapping_keys() -> Iterator[str]:
    yield MAPPING_KEYS_INTRO.strip().format(note=NOTE)
    blocks = (
        ("The file", mapping.Mapping),
        ("recognise", mapping.Recognise),
        ("A table", mapping.MappingTable),
        ("source", mapping.SourceOptions),
        ("source: header", mapping.Header),
        ("source: ends", mapping.Ends),
        ("source: systems", mapping.Systems),
        ("columns: one column", mapping.Column),
        ("A dimension: org_unit, data_element, options", mapping.Dimension),
        ("period", mapping.Period),
        ("A loose cell", mapping.Cell),
        ("crosswalk", mapping.CrosswalkUse),
        ("value", mapping.ValueColumns),
        ("comment", mapping.CommentColumn),
        ("repeat", mapping.Repeat),
        ("cumulative", mapping.Cumulative),
        ("sources: one source", mapping_workforce.SourceFiles),
        ("workforce", mapping_workforce.Workforce),
        ("workforce: person", mapping_workforce.Person),
        ("workforce: person: identity", mapping_workforce.Identity),
        ("workforce: person: identity: check", mapping_workforce.IdentityCheck),
        ("workforce: person: identity: sex", mapping_workforce.IdentitySex),
        ("workforce: person: identity: birth", mapping_workforce.IdentityBirth),
        ("workforce: person: identity: birth: century", mapping_workforce.IdentityCentury),
        ("workforce: main_job", mapping_workforce.MainJob),
        ("workforce: occupation", mapping_workforce.Occupation),
        ("workforce: axes: one axis", mapping_workforce.Axis),
        ("workforce: measures: one measure", mapping_workforce.Measure),
        ("workforce: small_cells", mapping_workforce.SmallCells),
        ("workforce: checks", mapping_workforce.Checks),
        ("workforce: checks: national: one bound", mapping_workforce.Plausible),
    )
    for heading, model in blocks:
        yield from ("", f"## {heading}", "")
        own = _own_fields(model)
        if len(own) < len(model.model_fields):
            yield from ("All keys of a dimension, and:", "")
        yield from ("| key | what it says |", "|---|---|")
        for name in own:
            field = model.model_fields[name]
            # A file without `tables` is one table itself.
            needed = " (required)" if field.is_required() and name != "tables" else ""
            yield f"| `{field.alias or name}` | {_in_a_table(field.description or '')}{needed} |"


def _own_fields(model: type[BaseModel]) -> list[str]:
    inherited = mapping.Dimension.model_fields if model is mapping.Period else {}
    return [name for name in model.model_fields if name not in inherited]


if __name__ == "__main__":
    for file, text in made().items():
        file.write_text(text, encoding="utf-8")
