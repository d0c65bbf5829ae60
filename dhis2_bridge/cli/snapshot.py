"""`snapshot`: the metadata of an instance, pulled into a file and looked at."""

from datetime import UTC, datetime
from pathlib import Path

import click

from dhis2_bridge.cli.terminal import connect, progress, say, server_options


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

    pulling.refuse_missing_folder(file)
    with connect(url, profile, auth_file) as client:
        document = pulling.pull(client, now=datetime.now(UTC), on_progress=progress("Reading"))
    pulling.save(document, file)
    _describe(file)
    return 0


@command.command("show")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def show_command(file: Path) -> int:
    """Says of which instance the snapshot FILE is, and what it holds."""
    _describe(file)
    return 0


def _describe(file: Path) -> None:
    from dhis2_bridge.snapshot import load

    snapshot = load(file)
    identity = snapshot.identity
    about = {
        "instance": identity.name or identity.base_url,
        "system id": identity.system_id,
        "version": identity.version_text,
        "taken": identity.exported,
        "with the rights of": identity.user,
        "sha256": identity.sha256,
    }
    for name, value in about.items():
        say(f"{name}: {value or 'not in the file'}", to_stdout=True)
    for kind in ("org_units", "data_sets", "data_elements", "category_option_combos", "option_sets"):
        say(f"{kind.replace('_', ' ')}: {len(getattr(snapshot, kind)):,}", to_stdout=True)
    for data_set in snapshot.data_sets.values():
        said = f"{data_set.period_type}, {len(data_set.elements)} data elements, {len(data_set.org_units)} org units"
        say(f"  {data_set.code or data_set.uid}: {data_set.name} ({said})", to_stdout=True)
    for problem in snapshot.problems[:5]:
        say(f"Warning: {problem}")
    if len(snapshot.problems) > 5:
        say(f"Warning: and {len(snapshot.problems) - 5} more of this kind")
