"""The command line: each command loads its work when it runs, so that `--help` and completion stay quick.

Exit codes: 0 done; 1 internal error; 2 usage; 3 data refused offline; 4 server refused a part; 5 server refused all;
6 server unreachable, try later; 8 login or rights; 9 differences found, where the command is asked to tell. Of
several, the first of 1, 8, 6, 5, 4, 3, 9 counts. As of other programs: 130 after Ctrl-C, 141 when the reader of the
output went away.
"""

import atexit
import gc
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Final, TextIO

import click

from dhis2_bridge._version import __version__

COMMANDS: Final = {
    "inspect": "What the reader sees in a file: sheets, headers, evidence.",
    "check": "Is this file right? Converts and checks it, and writes nothing.",
    "convert": "Files to data values, written as a run folder.",
    "workforce": "Personnel registers: indicators of their counts; compare two of them.",
    "push": "Sends a run folder to a DHIS2 server.",
    "snapshot": "The metadata of an instance: pull it, look at it.",
    "sandbox": "A small DHIS2-compatible server on this machine, for practice.",
    "demo": "The whole walk on an example, in a few seconds.",
    "schema": "The JSON Schema of the mapping file, for editors.",
}


READER_GONE: Final = 141
"""Exit code when the reader of our output went away (`| head`): what it did not read is no success and no fault."""


class Commands(click.Group):
    """The commands by name; the module of one is loaded when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"dhis2_bridge.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest names for one that does not exist."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=2)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table and not from their modules."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> int:
        """The exit code of the command; what ends it is told here, where its language is still known."""
        from dhis2_bridge.cli.terminal import complain

        try:
            code = super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, SystemExit):
            raise
        except BrokenPipeError:
            _silence(sys.stdout, sys.stderr)
            return READER_GONE
        except BaseException as error:  # a panic of Rust is no Exception, and Ctrl-C is none either
            return complain(error)
        return code if isinstance(code, int) else 0


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with: dhis2-bridge demo",
)
@click.version_option(__version__, "-V", "--version", prog_name="dhis2-bridge")
def program() -> None:
    """Carries health reports from the files people have into DHIS2, and proves every number on the way."""


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits with the documented code; a person's mistake never ends in a traceback."""
    from dhis2_bridge.cli.terminal import STOPPED, complain, prepare_streams

    prepare_streams()
    _collect_rarely()
    try:
        code: int = program.main(arguments, prog_name="dhis2-bridge", standalone_mode=False)
    except click.ClickException as wrong:
        wrong.show()
        code = wrong.exit_code
    except click.exceptions.Exit as done:
        code = done.exit_code
    except click.Abort:
        code = STOPPED
    except SystemExit:  # what click does when nobody reads the help that it prints
        code = READER_GONE
    try:
        sys.stdout.flush()
    except OSError as error:
        _silence(sys.stdout)
        code = READER_GONE if isinstance(error, BrokenPipeError) else complain(error)
    sys.exit(code)


def _collect_rarely() -> None:
    """Spares a process that soon ends most of the search for garbage in cycles, of which it makes little.

    Searching what importing makes takes a tenth of the time of a short run, and searching it once more at exit a
    seventh.
    """
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)


def _silence(*streams: TextIO) -> None:
    """Lets what is still to be written go nowhere, so that nothing fails at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        with suppress(OSError, ValueError):  # a stream that is no file
            os.dup2(nowhere, stream.fileno())
