"""`convert`: files to data values, as a run folder or on standard output."""

import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import click

from dhis2_bridge.cli.terminal import (
    all_option,
    binary_stdin,
    json_option,
    lang_option,
    language,
    progress,
    say,
    say_phrase,
    show_findings,
    write_json,
)

FILES = click.argument("files", nargs=-1, required=True)


def conversion_options(command: Any) -> Any:
    """The options that `check` and `convert` share."""
    for option in (
        json_option,
        lang_option,
        all_option,
        click.option("--jobs", type=click.IntRange(min=1), help="Processes for many forms, if not all processors."),
        click.option("--all-or-nothing", is_flag=True, help="One refused value keeps all of them back."),
        click.option("--previous", type=click.Path(path_type=Path, file_okay=False), multiple=True,
                     help="Run folder of an earlier period: for cumulative forms, and for stocks that are gone since."),
        click.option("--org-unit", help="Org unit, where the mapping says `given: true`."),
        click.option("--period", help="Period, where the mapping says so; else it must agree with the file's own."),
        click.option("--snapshot", "-s", required=True, envvar="DHIS2_SNAPSHOT", metavar="FILE",
                     help="Metadata export of the instance (or DHIS2_SNAPSHOT)."),
        # A path, so that several in DHIS2_MAPPING are parted as in PATH and not at blanks.
        click.option("--mapping", "-m", multiple=True, required=True, envvar="DHIS2_MAPPING", type=click.Path(),
                     metavar="FILE", help="Mapping file, or a shipped one by name; of several, the file decides."),
    ):  # fmt: skip
        command = option(command)
    return command


def convert_files(files: tuple[str, ...], options: dict[str, Any], folder: Path | None = None) -> Any:
    """The conversion that the options of a command ask for: in memory, or straight into a run folder."""
    import polars as pl

    from dhis2_bridge import payload, pipeline, runs, settings

    given = {name: value for name in ("period", "org_unit") if (value := options[name])}
    earlier = [runs.read(one)[1] for one in options["previous"]]
    convert = partial(pipeline.convert_to_run, folder) if folder is not None else pipeline.convert
    return convert(
        list(files),
        [settings.mapping_path(text) for text in options["mapping"]],
        options["snapshot"],
        given=given,
        previous=pl.concat(earlier) if earlier else None,
        all_or_nothing=options["all_or_nothing"],
        chunk_size=options.get("chunk_size") or payload.DEFAULT_SIZE,
        stdin=binary_stdin() if "-" in files else None,
        on_progress=progress("Reading"),
        jobs=options["jobs"] or _processors(),
    )


def _processors() -> int:
    """How many processors this process may use."""
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def report(result: Any, *, as_json: bool = False, to_stdout: bool = False, show_all: bool = False) -> None:
    """Says what was found and how much is ready: in words, or as JSON lines on standard output."""
    from dataclasses import fields

    from dhis2_bridge.report.text import CheckCounts, summary_text

    counts = result.counts()
    if as_json:
        write_json(result.findings, counts=counts, exit_code=result.exit_code)
        return
    show_findings(result.findings, to_stdout=to_stdout, show_all=show_all)
    shown = CheckCounts(**{field.name: counts[field.name] for field in fields(CheckCounts)})
    say(summary_text(shown, language()), to_stdout=to_stdout)


def show_timings(timings: dict[str, float], inside: float, total: float) -> None:
    """Says where the time of a run went, of which so much was `inside` the conversion; the rest is that of starting."""
    from dhis2_bridge.report.words import phrase

    def seconds(spent: float) -> str:
        return phrase("seconds", language(), seconds=f"{spent:.2f}")

    say_phrase("timings", total=seconds(total))
    for step, spent in {"start": total - inside, **timings}.items():
        say_phrase("step_" + step.replace(" ", "_"), seconds=seconds(spent))
    if sum(timings.values()) > inside:
        say_phrase("timings_beside")


@click.command("convert")
@FILES
@click.option("--out", "-o", default="run", show_default=True, metavar="FOLDER",
              help="Run folder to write; - writes the JSON to standard output, a data value set a line.")  # fmt: skip
@click.option("--chunk-size", type=click.IntRange(min=1), help="Values in one request, whole reports kept together.")
@click.option("--timings", is_flag=True, help="Say where the time went.")
@conversion_options
def command(files: tuple[str, ...], out: str, timings: bool, as_json: bool, show_all: bool, **options: Any) -> int:
    """Files to data values, written as a run folder.

    FILES are files, folders or globs; - is standard input. What is refused is left out and told with its place; the
    exit code is then 3, also when the rest went on.
    """
    started = time.perf_counter()
    to_stdout = out == "-"
    if to_stdout and as_json:
        raise click.UsageError("--out - and --json both want standard output; take one of them")
    result = convert_files(files, options, None if to_stdout else Path(out))
    if to_stdout:
        for chunk in result.chunks():
            sys.stdout.buffer.write(chunk.body + b"\n")
    report(result, as_json=as_json, show_all=show_all)
    if not to_stdout and not as_json:
        say_phrase("written", folder=out)
    if timings:
        show_timings(result.timings, result.seconds, time.perf_counter() - started)
    code: int = result.exit_code
    return code
