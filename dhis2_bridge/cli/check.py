"""`check`: is this file right before I send it?"""

from typing import Any

import click

from dhis2_bridge.cli.convert import FILES, conversion_options, convert_files, report


@click.command("check")
@FILES
@conversion_options
def command(files: tuple[str, ...], as_json: bool, show_all: bool, **options: Any) -> int:
    """Is this file right? Converts and checks it, and writes nothing.

    FILES are files, folders or globs; - is standard input. Prints what is wrong and where, and how much is ready.
    """
    result = convert_files(files, options)
    report(result, as_json=as_json, to_stdout=True, show_all=show_all)
    code: int = result.exit_code
    return code
