"""`workforce indicators`: densities, shares and rates of what run folders have counted."""

import csv
import sys

import click

from dhis2_bridge.cli.terminal import all_option, json_option, lang_option, language, say, show_findings, write_json


@click.command("indicators")
@click.argument("runs", nargs=-1, required=True)
@click.option("--snapshot", "-s", required=True, envvar="DHIS2_SNAPSHOT", metavar="FILE",
              help="Metadata export of the instance (or DHIS2_SNAPSHOT).")  # fmt: skip
@click.option("--population", metavar="FILE", help="Table with the columns org_unit, year, population, source.")
@click.option("--indicators", "declared", default="uzbekistan/nhwa_2017", show_default=True, metavar="FILE",
              help="File of indicators, or a shipped one by name.")  # fmt: skip
@click.option("--org-unit", "org_units", multiple=True, metavar="CODE", help="A place, with all below it.")
@click.option("--org-units", "selection", metavar="FILE", help="Facilities as one place: a list, one code a line.")
@click.option("--level", type=click.IntRange(min=1), help="Each place by its org units of this level.")
@click.option("--period", help="Which period, where the runs are of several.")
@click.option("--csv", "as_csv", is_flag=True, help="A table in CSV on standard output, for spreadsheets.")
@all_option
@lang_option
@json_option
def command(
    runs: tuple[str, ...],
    snapshot: str,
    population: str | None,
    declared: str,
    org_units: tuple[str, ...],
    selection: str | None,
    level: int | None,
    period: str | None,
    as_csv: bool,
    show_all: bool,
    as_json: bool,
) -> int:
    """Densities, shares and rates of a place, each with what is above and below the line.

    RUNS are run folders that `convert` made of personnel registers. Without --org-unit or --org-units the place is the
    lowest org unit above all counts. A number that cannot be made is absent, with its reason; a star marks one that is
    made of fewer than 3 persons.
    """
    from dhis2_bridge import indicating
    from dhis2_bridge.report import indicated

    if as_csv and as_json:
        raise click.UsageError("--csv and --json are two forms of one output; take one of them")
    made = indicating.indicate(
        runs,
        snapshot,
        people=population,
        declared=declared,
        org_units=org_units,
        selection=selection,
        level=level,
        period=period,
    )
    code = 3 if made.errors else 0
    if as_json:
        told = [one.as_dict() for one in made.results]
        write_json(made.findings, indicators=made.declared.name, edition=made.declared.edition, period=made.period.iso,
                   results=told, exit_code=code)  # fmt: skip
        return code
    show_findings(made.findings, show_all=show_all)
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(indicated.COLUMNS)
        writer.writerows(indicated.rows(made.results, made.period.iso, language()))
        return code
    say(indicated.indicators_text(made.results, made.period.iso, language()), to_stdout=True)
    return code
