"""`schema`: the JSON Schemas of the files that people and programs write."""

import click


@click.command("schema")
@click.argument("name", type=click.Choice(["mapping", "indicators", "run"]), default="mapping")
def command(name: str) -> None:
    """Prints the JSON Schema of the mapping file or of a file of indicators, for editors; or that of `run.json`."""
    import orjson

    from dhis2_bridge import mapping_schema, run_schema

    if name == "run":
        schema = run_schema.SCHEMA
    else:
        schema = mapping_schema.schema() if name == "mapping" else mapping_schema.schema_of_indicators()
    # Bytes, so that it is UTF-8 on any console.
    click.echo(orjson.dumps(schema, option=orjson.OPT_INDENT_2))
