"""`schema`: the JSON Schema of the mapping file."""

import click


@click.command("schema")
def command() -> None:
    """Prints the JSON Schema of the mapping file, for editors and checks."""
    import orjson

    from dhis2_bridge.mapping_file import schema

    # Bytes, so that it is UTF-8 on any console.
    click.echo(orjson.dumps(schema(), option=orjson.OPT_INDENT_2))
