"""`snapshot`: the metadata of an instance, pulled into a file and looked at."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from dhis2_bridge.cli.terminal import connect, progress, say, server_options

_KINDS: Final = ("org_units", "data_sets", "data_elements", "category_option_combos", "option_sets")
_PROBLEMS_SHOWN: Final = 5


@click.group("snapshot")
def command() -> None:
    """The metadata of an instance: pull it, look at it.

    Conversion and checks read identifiers from a snapshot and never from a server.
    """


@command.command("pull")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default="snapshot.json.gz")
@server_options
def pull_command(file: Path, url: str | None, profile: str | None, auth_file: Path | None) -> int:
    """Takes a snapshot of a server into FILE (gzipped when its name ends in .gz)."""
    from dhis2_bridge import pulling

    pulling.refuse_unwritable(file)
    with connect(url, profile, auth_file) as client:
        document = pulling.pull(client, now=datetime.now(UTC), on_progress=progress("Reading"))
    pulling.save(document, file)
    _show(_about(file))
    return 0


@command.command("show")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output, for programs.")
def show_command(file: Path, as_json: bool) -> int:
    """Says of which instance the snapshot FILE is, and what it holds."""
    about = _about(file)
    if as_json:
        import orjson

        click.echo(orjson.dumps(about, option=orjson.OPT_INDENT_2))
    else:
        _show(about)
    return 0


def _about(file: Path) -> dict[str, Any]:
    from dhis2_bridge.snapshot import load

    snapshot = load(file)
    identity = snapshot.identity
    return {
        "instance": identity.name or identity.base_url,
        "system_id": identity.system_id,
        "version": identity.version_text,
        "taken": identity.exported,
        "with_the_rights_of": identity.user,
        "sha256": identity.sha256,
        **{kind: len(getattr(snapshot, kind)) for kind in _KINDS},
        "data_sets_held": [
            {
                "code": data_set.code,
                "id": data_set.uid,
                "name": data_set.name,
                "period_type": data_set.period_type,
                "data_elements": len(data_set.elements),
                "org_units": len(data_set.org_units),
            }
            for data_set in snapshot.data_sets.values()
        ],
        "problems": [str(problem) for problem in snapshot.problems],
    }


def _show(about: dict[str, Any]) -> None:
    for name, value in about.items():
        if not isinstance(value, list):
            shown = f"{value:,}" if isinstance(value, int) else value or "not in the file"
            say(f"{name.replace('_', ' ')}: {shown}", to_stdout=True)
    for one in about["data_sets_held"]:
        size = f"{one['period_type']}, {one['data_elements']} data elements, {one['org_units']} org units"
        say(f"  {one['code'] or one['id']}: {one['name']} ({size})", to_stdout=True)
    problems = about["problems"]
    for problem in problems[:_PROBLEMS_SHOWN]:
        say(f"Warning: {problem}")
    if len(problems) > _PROBLEMS_SHOWN:
        say(f"Warning: and {len(problems) - _PROBLEMS_SHOWN} more of this kind")
