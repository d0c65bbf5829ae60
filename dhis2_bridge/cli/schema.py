"""`schema`: the JSON Schemas of the files that people and programs write."""

import click


@click.command("schema")
@click.argument("name", type=click.Choice(["mapping", "run"]), default="mapping")
def command(name: str) -> None:
    """Prints the JSON Schema of the mapping file, for editors; or that of `run.json`, for programs."""
    import orjson

    from dhis2_bridge import mapping_file, run_schema

    schema = mapping_file.schema() if name == "mapping" else run_schema.SCHEMA
    # Bytes, so that it is UTF-8 on any console.
    click.echo(orjson.dumps(schema, option=orjson.OPT_INDENT_2))
