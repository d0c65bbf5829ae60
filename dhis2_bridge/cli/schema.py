"""`schema`: the JSON Schema of the mapping file."""

import click


@click.command("schema")
def command() -> None:
    """Prints the JSON Schema of the mapping file, for editors and checks."""
    import json

    from dhis2_bridge.mapping_file import schema

    click.echo(json.dumps(schema(), indent=2, ensure_ascii=False))
