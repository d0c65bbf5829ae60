"""The command line: each command loads its work when it runs, so that `--help` and completion stay quick.

Exit codes: 0 done; 1 internal error; 2 usage; 3 data refused offline; 4 server refused a part; 5 server refused all;
6 server unreachable, try later; 8 login or rights. Of several, the first of 1, 8, 6, 5, 4, 3 counts.
"""

import os
import sys
from importlib import import_module
from typing import Any, Final

import click

from dhis2_bridge._version import __version__

COMMANDS: Final = {
    "inspect": "What the reader sees in a file: sheets, headers, evidence.",
    "check": "Is this file right? Converts and checks it, and writes nothing.",
    "convert": "Files to data values, written as a run folder.",
    "push": "Sends a run folder to a DHIS2 server.",
    "snapshot": "The metadata of an instance: pull it, look at it.",
    "sandbox": "A small DHIS2-compatible server on this machine, for practice.",
    "demo": "The whole walk on an example, in a few seconds.",
    "schema": "The JSON Schema of the mapping file, for editors.",
}


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
    from dhis2_bridge.cli.terminal import complain, prepare_streams

    prepare_streams()
    try:
        result: Any = program.main(arguments, prog_name="dhis2-bridge", standalone_mode=False)
        code = result if isinstance(result, int) else 0
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as shown:
        shown.show()
        code = 2
    except click.ClickException as wrong:
        wrong.show()
        code = 2
    except click.exceptions.Exit as done:
        code = done.exit_code
    except (click.Abort, KeyboardInterrupt):
        complain("stopped")
        code = 130
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing is left to say, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        code = complain(error)
    sys.exit(code)
