"""Talking to the person: streams that never fail, progress, errors in one line, options that several commands have."""

import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, Final, TextIO, TypeVar, cast

import click

F = TypeVar("F", bound=Callable[..., Any])

STOPPED: Final = 130
"""Exit code of a run that Ctrl-C ended, as shells have it."""

LONGEST_LINE: Final = 1_000
"""Characters of one line about an error: it may quote what somebody else wrote."""

_LANGUAGE: Final = "dhis2_bridge.language"
_STDERR: Final = 2

# What a terminal would obey or hide: controls but the line feed, marks of direction, halves of characters.
_OBEYED: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def prepare_streams() -> None:
    """Makes output safe anywhere: what a console cannot show is replaced, and what nobody wants goes nowhere."""
    # None is a stream that was closed from the start (`>&-`), as some job runners do.
    sys.stdout = sys.stdout or _opened(os.open(os.devnull, os.O_WRONLY), "utf-8")
    sys.stderr = sys.stderr or _opened(os.open(os.devnull, os.O_WRONLY), "utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    if not os.environ.get("DHIS2_BRIDGE_DEBUG"):
        _hush_libraries()


def _hush_libraries() -> None:
    """Keeps what libraries in Rust write past Python about a broken file from standard error; we say it in words."""
    with suppress(OSError, ValueError):  # a standard error that is no file
        if sys.stderr.fileno() == _STDERR:
            encoding = sys.stderr.encoding
            sys.stderr = _opened(os.dup(_STDERR), encoding)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, _STDERR)
            os.close(nowhere)


def _opened(descriptor: int, encoding: str) -> TextIO:
    return open(descriptor, "w", encoding=encoding, errors="replace", buffering=1)


def language() -> str:
    """The language of messages: the one chosen, else that of the environment."""
    from dhis2_bridge.report.words import choose_language

    context = click.get_current_context(silent=True)
    chosen = context.meta.get(_LANGUAGE) if context else None
    return cast("str", chosen or choose_language(os.environ))


def say(text: str, *, to_stdout: bool = False, styled: bool = False) -> None:
    """Prints for a person; on standard error unless the text is what the command is for.

    A text that brings colours of ours is `styled`; in any other nothing reaches the terminal that it would obey.
    """
    from dhis2_bridge.names import visible
    from dhis2_bridge.report.text import printable

    stream = sys.stdout if to_stdout else sys.stderr
    shown = text if styled else _OBEYED.sub(lambda found: visible(found[0]), text)
    click.echo(printable(shown, stream.encoding), file=stream)


def say_phrase(name: str, *, to_stdout: bool = False, **arguments: object) -> None:
    """Prints one of the phrases of `report.words` in the language of messages."""
    from dhis2_bridge.report.words import phrase

    say(phrase(name, language(), **arguments), to_stdout=to_stdout)


def complain(error: BaseException) -> int:
    """Says what ended the run, and gives the exit code. A fault of ours shows where it happened on request."""
    from dhis2_bridge.findings import BridgeError

    if isinstance(error, KeyboardInterrupt):
        say("")  # ends the line on which the terminal shows ^C
        say_phrase("stopped")
        return STOPPED
    if isinstance(error, BridgeError):
        say("\n".join(lines_of(error)))
        return error.exit_code
    if isinstance(error, OSError) and error.strerror:
        say(f"Error: {f'{error.filename}: ' if error.filename else ''}{error.strerror}")
        return 1
    say_phrase("internal", kind=getattr(error, "kind", type(error).__name__))
    if os.environ.get("DHIS2_BRIDGE_DEBUG"):
        import traceback

        # Without the exception's own text: it may quote a cell or a secret.
        say("".join(traceback.format_tb(error.__traceback__)))
    return 1


def lines_of(error: Any) -> list[str]:
    """One of our errors for a person to read: a line for each fault, its place in front, cut where it is endless."""
    from dhis2_bridge.findings import MappingError, Unreadable
    from dhis2_bridge.names import visible
    from dhis2_bridge.report.words import advice, place, sentence

    if isinstance(error, Unreadable):
        finding, words = error.finding, language()
        return [f"{place(finding, words)}: {sentence(finding, words)} {advice(finding, words)}".strip()]
    if isinstance(error, MappingError):
        lines = [f"{error.path}:{line}:{column}: {message}" for line, column, message in error.problems]
    else:
        lines = str(error).split("\n")
        # Several faults of one file have its name in front.
        lines = lines if len(lines) > 1 else [f"Error: {lines[0]}"]
    return [visible(line, LONGEST_LINE) for line in lines]


def progress(label: str) -> Callable[[int, int, str], None] | None:
    """A line on a terminal that says how far a long run is; None where nobody is watching."""
    if not sys.stderr.isatty():
        return None
    from dhis2_bridge.names import visible

    def show(done: int, total: int, name: str = "") -> None:
        if total > 1:
            end = "\n" if done == total else ""
            short = visible(name if len(name) <= 40 else "…" + name[-39:])
            click.echo(f"\r\x1b[2K{label} {done}/{total} {short}{end}", nl=False, err=True)

    return show


def lang_option(command: F) -> F:
    """--lang: the language of messages."""

    def remember(context: click.Context, _parameter: click.Parameter, chosen: str | None) -> None:
        context.meta[_LANGUAGE] = chosen

    option = click.option(
        "--lang",
        type=click.Choice(["en", "ru", "uz"]),
        expose_value=False,
        is_eager=True,
        callback=remember,
        help="Language of messages.",
    )
    return option(command)


def json_option(command: F) -> F:
    """--json: machine output."""
    option = click.option("--json", "as_json", is_flag=True, help="JSON lines on standard output, for programs.")
    return option(command)


def all_option(command: F) -> F:
    """--all: every problem, and not the first few of each kind."""
    option = click.option("--all", "show_all", is_flag=True, help="Show every problem, not the first of each kind.")
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


def show_findings(findings: Any, *, to_stdout: bool = False, show_all: bool = False) -> None:
    """Prints findings in words, with colours where a terminal is looking."""
    from dhis2_bridge.report.text import findings_text

    style = (sys.stdout if to_stdout else sys.stderr).isatty()
    if text := findings_text(findings, language(), first=None if show_all else 5, style=style):
        say(text + "\n", to_stdout=to_stdout, styled=True)


def write_json(found: Any, **last: Any) -> None:
    """Prints findings as JSON lines on standard output, and one line more with these keys."""
    import orjson

    from dhis2_bridge.report.json_lines import findings_json

    for finding in findings_json(found, language()):
        click.echo(orjson.dumps(finding))
    click.echo(orjson.dumps(last))


def binary_stdin() -> BinaryIO:
    """Standard input as bytes. Raises UsageError where there is none."""
    from dhis2_bridge.findings import UsageError

    if sys.stdin is None:
        raise UsageError("standard input (-) is closed")
    return cast("BinaryIO", sys.stdin.buffer)
