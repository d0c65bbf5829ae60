"""Talking to the person: streams that never fail, progress, errors in one line, options that several commands have."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import click

F = TypeVar("F", bound=Callable[..., Any])


def prepare_streams() -> None:
    """Makes output safe on any console: what it cannot show is replaced and never raises."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def language() -> str:
    """The language of messages: the one chosen, else that of the environment."""
    from dhis2_bridge.report.words import choose_language

    context = click.get_current_context(silent=True)
    chosen = context.params.get("lang") if context else None
    return cast("str", chosen or choose_language(os.environ))


def say(text: str, *, to_stdout: bool = False) -> None:
    """Prints for a person; on standard error unless the text is what the command is for."""
    from dhis2_bridge.report.text import printable

    stream = sys.stdout if to_stdout else sys.stderr
    click.echo(printable(text, stream.encoding), file=stream)


def complain(error: Exception | str) -> int:
    """Says what ended the run in one line, and gives the exit code. A fault of ours shows its traceback on request."""
    from dhis2_bridge.findings import BridgeError

    if isinstance(error, str):
        say(error)
        return 1
    if isinstance(error, BridgeError):
        from dhis2_bridge.findings import Unreadable
        from dhis2_bridge.report.words import advice, choose_language, place, sentence

        if isinstance(error, Unreadable):
            words = choose_language(os.environ)
            finding = error.finding
            say(f"{place(finding, words)}: {sentence(finding, words)} {advice(finding, words)}".strip())
        else:
            say(f"Error: {error}")
        return error.exit_code
    say(
        f"Internal error: {type(error).__name__}. This is a fault of dhis2_bridge and not of your data; "
        "run again with DHIS2_BRIDGE_DEBUG=1 for the details and report them."
    )
    if os.environ.get("DHIS2_BRIDGE_DEBUG"):
        import traceback

        # Without the exception's own text: it may quote a cell.
        say("".join(traceback.format_tb(error.__traceback__)))
    return 1


def progress(label: str) -> Callable[[int, int, str], None] | None:
    """A line on a terminal that says how far a long run is; None where nobody is watching."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int, name: str = "") -> None:
        if total > 1:
            end = "\n" if done == total else ""
            short = name if len(name) <= 40 else "…" + name[-39:]
            click.echo(f"\r\x1b[2K{label} {done}/{total} {short}{end}", nl=False, err=True)

    return show


def lang_option(command: F) -> F:
    """--lang: the language of messages."""
    option = click.option("--lang", type=click.Choice(["en", "ru", "uz"]), help="Language of messages.")
    return option(command)


def json_option(command: F) -> F:
    """--json: machine output."""
    option = click.option("--json", "as_json", is_flag=True, help="JSON lines on standard output, for programs.")
    return option(command)


def server_options(command: F) -> F:
    """How to reach the server. There is no option for a secret: others on the machine could read it."""
    for option in (
        click.option("--auth-file", type=click.Path(path_type=Path, dir_okay=False), help="A dish.json or auth.json."),
        click.option("--profile", help="A profile of profiles.toml (or DHIS2_PROFILE)."),
        click.option("--url", help="Address of the server (or DHIS2_URL)."),
    ):
        command = option(command)
    return command


def connect(url: str | None, profile: str | None, auth_file: Path | None) -> Any:
    """A client of the server that the options and the environment name; warnings about it are said."""
    from dhis2_bridge import settings
    from dhis2_bridge.client import Client

    server = settings.server(os.environ, url=url, profile=profile, auth_file=auth_file)
    client = Client(server.url, username=server.username, password=server.password, token=server.token)
    for warning in client.warnings:
        say(f"Warning: {warning}")
    return client


def binary_stdin() -> IO[bytes]:
    """Standard input as bytes."""
    return sys.stdin.buffer
