"""`workforce`: what personnel registers come to, beside the counts that `convert` makes of them."""

import click

from dhis2_bridge.cli import workforce_compare, workforce_indicators


@click.group("workforce")
def command() -> None:
    """Personnel registers: compare two of them, or make indicators of their counts.

    Persons stay in memory: nothing of them is printed or written.
    """


command.add_command(workforce_indicators.command)
command.add_command(workforce_compare.command)
