"""`push`: a run folder to a DHIS2 server."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dhis2_bridge.cli.terminal import (
    STOPPED,
    all_option,
    connect,
    json_option,
    lang_option,
    language,
    progress,
    say,
    say_phrase,
    server_options,
    show_findings,
    write_json,
)

if TYPE_CHECKING:
    from dhis2_bridge.pushing import PushResult


@click.command("push")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="The server checks and counts, and stores nothing.")
@click.option(
    "--strategy",
    type=click.Choice(["CREATE_AND_UPDATE", "CREATE", "UPDATE", "DELETE"]),
    default="CREATE_AND_UPDATE",
    show_default=True,
    help="What the import does.",
)
@click.option("--async", "async_job", is_flag=True, help="Let the server import in the background, and wait for it.")
@server_options
@all_option
@json_option
@lang_option
def command(
    run: Path,
    dry_run: bool,
    strategy: str,
    async_job: bool,
    url: str | None,
    profile: str | None,
    auth_file: Path | None,
    show_all: bool,
    as_json: bool,
) -> int:
    """Sends the run folder RUN to a DHIS2 server, and says what became of each value.

    A value that the server refuses is named with its file, sheet and cell. Sending a run again changes nothing.
    """
    from dhis2_bridge.pushing import push

    shown = progress("Sending")
    with connect(url, profile, auth_file) as client:
        try:
            result = push(
                run,
                client,
                dry_run=dry_run,
                import_strategy=strategy,
                async_job=async_job,
                on_progress=(lambda done, total: shown(done, total, "")) if shown else None,
            )
        except KeyboardInterrupt:
            say_phrase("stopped_sending")
            return STOPPED
    tell(result, as_json=as_json, show_all=show_all)
    return result.exit_code


def tell(result: "PushResult", *, as_json: bool = False, show_all: bool = False) -> None:
    """Says what a push came to: in words, or as JSON lines on standard output."""
    from dataclasses import asdict

    from dhis2_bridge.report.text import PushCounts, outcome_text

    deleted = result.counts.deleted
    counts = PushCounts(
        stored=result.counts.imported if result.tells_new_from_changed else max(0, result.confirmed - deleted),
        updated=result.counts.updated if result.tells_new_from_changed else None,
        deleted=deleted,
        unchanged=result.unchanged,
        refused=result.refused,
        unknown=result.unknown,
        not_sent=result.not_sent,
        dry_run=result.dry_run,
    )
    if as_json:
        stopped = None if result.stopped is None else str(result.stopped)
        write_json(result.findings, counts=asdict(counts), stopped=stopped, exit_code=result.exit_code)
        return
    show_findings(result.findings, show_all=show_all)
    say(outcome_text(counts, language()), to_stdout=True)
    if result.stopped is not None:
        say(f"Error: {result.stopped}")
