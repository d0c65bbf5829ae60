"""`workforce compare`: who is in one source of persons and not in the other, as counts."""

from typing import Any

import click

from dhis2_bridge.cli.terminal import all_option, json_option, lang_option, language, say, show_findings, write_json


@click.command("compare")
@click.argument("first")
@click.argument("second")
@click.option("--mapping", "-m", multiple=True, required=True, envvar="DHIS2_MAPPING", type=click.Path(),
              metavar="FILE", help="Mapping of both sources; given twice, the second is that of SECOND.")  # fmt: skip
@click.option("--snapshot", "-s", required=True, envvar="DHIS2_SNAPSHOT", metavar="FILE",
              help="Metadata export of the instance (or DHIS2_SNAPSHOT).")  # fmt: skip
@click.option("--period", help="Compare only what is current in this period, by the mapping's `current`.")
@click.option("--rows", is_flag=True, help="Name the rows that differ, by their numbers.")
@click.option("--exit-code", is_flag=True, help="End with 9 when the sources differ.")
@all_option
@lang_option
@json_option
def command(
    first: str,
    second: str,
    mapping: tuple[str, ...],
    snapshot: str,
    period: str | None,
    rows: bool,
    exit_code: bool,
    show_all: bool,
    as_json: bool,
) -> int:
    """Who is in the source FIRST and not in SECOND, as counts by facility and occupation.

    Each is a file, a folder or a glob of one source: personnel extracts, a register in FHIR, a query. Persons are
    compared by hashes with a key that lives as long as the run. A star marks counts of fewer than 3 persons.
    """
    import secrets

    from dhis2_bridge import comparing, mapping_file, settings
    from dhis2_bridge import snapshot as snapshots
    from dhis2_bridge.report.compared import comparison_text

    if len(mapping) > 2:
        raise click.UsageError("--mapping is given once for both sources, or twice, once for each")
    loaded = [mapping_file.load(settings.mapping_path(text)) for text in mapping]
    metadata = snapshots.load(snapshot)
    made = comparing.compare_files(
        [first], [second], (loaded[0], loaded[-1]), metadata, secrets.token_bytes(32), period=period, rows=rows
    )
    code = 3 if made.errors else 9 if exit_code and made.comparison.differs else 0
    if as_json:
        told: dict[str, Any] = {"comparison": made.comparison.as_dict(), "exit_code": code}
        write_json(made.findings, **told)
        return code
    show_findings(made.findings, show_all=show_all)
    names = (first, second)
    say(comparison_text(made.comparison, names, made.facilities, language(), show_all=show_all), to_stdout=True)
    return code
