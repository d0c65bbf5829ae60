"""`push`: a run folder to a DHIS2 server."""

from pathlib import Path

import click

from dhis2_bridge.cli.terminal import (
    connect,
    json_option,
    lang_option,
    language,
    progress,
    say,
    server_options,
)


@click.command("push")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="The server checks and counts, and stores nothing.")
@click.option("--strategy", default="CREATE_AND_UPDATE", show_default=True,
              type=click.Choice(["CREATE_AND_UPDATE", "CREATE", "UPDATE", "DELETE"]), help="What the import does.")  # fmt: skip
@click.option("--async", "async_job", is_flag=True, help="Let the server import in the background, and wait for it.")
@server_options
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
    as_json: bool,
    lang: str | None,
) -> int:
    """Sends the run folder RUN to a DHIS2 server, and says what became of each value.

    A value that the server refuses is named with its file, sheet and cell. Sending a run again changes nothing.
    """
    from dhis2_bridge.pushing import push

    shown = progress("Sending")
    with connect(url, profile, auth_file) as client:
        result = push(
            run,
            client,
            dry_run=dry_run,
            import_strategy=strategy,
            async_job=async_job,
            on_progress=(lambda done, total: shown(done, total, "")) if shown else None,
        )
    tell(result, as_json=as_json)
    code: int = result.exit_code
    return code


def tell(result: object, *, as_json: bool = False) -> None:
    """Says what a push came to: in words, or as JSON lines on standard output."""
    from dhis2_bridge.pushing import PushResult
    from dhis2_bridge.report.text import PushCounts, findings_text, outcome_text

    if not isinstance(result, PushResult):
        raise TypeError(type(result).__name__)
    counts = PushCounts(
        stored=result.counts.imported if result.tells_new_from_changed else result.confirmed,
        updated=result.counts.updated if result.tells_new_from_changed else None,
        unchanged=result.unchanged,
        refused=result.refused,
        unknown=result.unknown,
        not_sent=result.not_sent,
        dry_run=result.dry_run,
    )
    if as_json:
        from dataclasses import asdict

        import orjson

        from dhis2_bridge.report.json_lines import findings_json

        for finding in findings_json(result.findings, language()):
            click.echo(orjson.dumps(finding))
        click.echo(orjson.dumps({"counts": asdict(counts), "exit_code": result.exit_code}))
        return
    if text := findings_text(result.findings, language()):
        say(text + "\n")
    say(outcome_text(counts, language()), to_stdout=True)
    if result.stopped is not None:
        say(f"Error: {result.stopped}")
