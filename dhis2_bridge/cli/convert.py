"""`convert`: files to data values, as a run folder or on standard output."""

from pathlib import Path
from typing import Any

import click

from dhis2_bridge.cli.terminal import binary_stdin, json_option, lang_option, language, progress, say

FILES = click.argument("files", nargs=-1, required=True)


def conversion_options(command: Any) -> Any:
    """The options that `check` and `convert` share."""
    for option in (
        json_option,
        lang_option,
        click.option("--all-or-nothing", is_flag=True, help="One refused value keeps all of them back."),
        click.option("--previous", type=click.Path(path_type=Path, file_okay=False), multiple=True,
                     help="Run folder of an earlier period, for cumulative forms."),
        click.option("--org-unit", help="Org unit, where the mapping says `given: true`."),
        click.option("--period", help="Period, where the mapping says so; else it must agree with the file's own."),
        click.option("--snapshot", "-s", required=True, envvar="DHIS2_SNAPSHOT", metavar="FILE",
                     help="Metadata export of the instance (or DHIS2_SNAPSHOT)."),
        click.option("--mapping", "-m", multiple=True, required=True, envvar="DHIS2_MAPPING", metavar="FILE",
                     help="Mapping file, or a shipped one by name; of several, the file decides which."),
    ):  # fmt: skip
        command = option(command)
    return command


def convert_files(files: tuple[str, ...], options: dict[str, Any]) -> Any:
    """The conversion that the options of a command ask for."""
    import polars as pl

    from dhis2_bridge import pipeline, runs, settings

    given = {name: value for name in ("period", "org_unit") if (value := options[name])}
    earlier = [runs.read(folder)[1] for folder in options["previous"]]
    return pipeline.convert(
        list(files),
        [settings.mapping_path(text) for text in options["mapping"]],
        options["snapshot"],
        given=given,
        previous=pl.concat(earlier) if earlier else None,
        all_or_nothing=options["all_or_nothing"],
        chunk_size=options.get("chunk_size") or pipeline.payload.DEFAULT_SIZE,
        stdin=binary_stdin() if "-" in files else None,
        on_progress=progress("Reading"),
    )


def report(result: Any, *, as_json: bool, to_stdout: bool, full_list: str | None) -> None:
    """Says what was found: in words, or as JSON lines on standard output."""
    import sys

    from dhis2_bridge.report.text import CheckCounts, findings_text, summary_text

    if as_json:
        import orjson

        from dhis2_bridge.report.json_lines import findings_json

        for finding in findings_json(result.findings, language()):
            click.echo(orjson.dumps(finding))
        counts = {"counts": result.counts(), "exit_code": result.exit_code}
        click.echo(orjson.dumps(counts))
        return
    counts = result.counts()
    counts.pop("values_repeated")
    stream = sys.stdout if to_stdout else sys.stderr
    text = findings_text(
        result.findings, language(), style=stream.isatty(), **({"full_list": full_list} if full_list else {})
    )
    if text:
        say(text + "\n", to_stdout=to_stdout)
    say(summary_text(CheckCounts(**counts), language()), to_stdout=to_stdout)


@click.command("convert")
@FILES
@click.option("--out", "-o", default="run", show_default=True, metavar="FOLDER",
              help="Run folder to write; - writes the JSON to standard output, a data value set a line.")  # fmt: skip
@click.option("--chunk-size", type=click.IntRange(min=1), help="Values in one request, whole reports kept together.")
@conversion_options
def command(files: tuple[str, ...], out: str, as_json: bool, **options: Any) -> int:
    """Files to data values, written as a run folder.

    FILES are files, folders or globs; - is standard input. What is refused is left out and told with its place; the
    exit code is then 3, also when the rest went on.
    """
    import sys

    from dhis2_bridge import runs

    to_stdout = out == "-"
    if to_stdout and as_json:
        raise click.UsageError("--out - and --json both want standard output; take one of them")
    if not to_stdout:
        runs.refuse_foreign(Path(out))
    result = convert_files(files, options)
    if to_stdout:
        for chunk in result.chunks():
            sys.stdout.buffer.write(chunk.body + b"\n")
    else:
        result.write(Path(out))
    full_list = None if to_stdout else str(Path(out) / "findings.parquet")
    report(result, as_json=as_json, to_stdout=False, full_list=full_list)
    if not to_stdout and not as_json:
        say(f"→ {out}")
    code: int = result.exit_code
    return code
