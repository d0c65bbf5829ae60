"""`demo`: the whole walk on an example."""

from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from dhis2_bridge.cli.terminal import lang_option, language, say, say_phrase


@click.command("demo")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
              help="Keep the run folder here to look at.")  # fmt: skip
@lang_option
def command(keep: Path | None) -> int:
    """The whole walk on an example, in a few seconds: a workbook becomes data values on a server.

    Nothing leaves this machine: the server is the sandbox, the facility is invented.
    """
    from dhis2_bridge import mapping_file, pipeline, runs, settings, snapshot
    from dhis2_bridge.cli.convert import report
    from dhis2_bridge.cli.push import tell
    from dhis2_bridge.client import Client
    from dhis2_bridge.findings import Finding
    from dhis2_bridge.pushing import push
    from dhis2_bridge.report.words import place
    from dhis2_bridge.sandbox import Sandbox

    examples = settings.shipped("examples")
    metadata = snapshot.load(examples / "metadata" / "uz_phc_m.json")
    mapping = mapping_file.load(settings.mapping_path("uzbekistan/phc_monthly"))
    with TemporaryDirectory(prefix="dhis2-bridge-demo-") as folder:
        run = (keep or Path(folder) / "run").absolute()
        runs.refuse_foreign(run)
        with chdir(examples / "phc"):
            say_phrase("demo_check", to_stdout=True)
            result = pipeline.convert("phc_uz.xlsx", mapping, metadata)
            result.write(run)
            report(result, to_stdout=True)
            say("", to_stdout=True)
            say_phrase("demo_push", to_stdout=True)
            version = metadata.identity.version_text or "2.43.2"
            with (
                Sandbox(Path(metadata.source), version=version) as sandbox,
                Client(sandbox.url, username="admin", password="district") as client,  # noqa: S106 - the sandbox's own
            ):
                pushed = push(run, client)
                tell(pushed)
                one = result.ready.row(0, named=True)
                held = client.data_values(data_set=one["data_set"], period=one["period"], org_unit=one["org_unit"])
            cell_of_dhis2 = (one["data_element"], one["category_option_combo"])
            sent = next(v for v in held if (v["dataElement"], v["categoryOptionCombo"]) == cell_of_dhis2)
            element = metadata.name("data_element", one["data_element"])
            options = metadata.name("category_option_combo", one["category_option_combo"])
            cell = place(Finding("name.normalised", one["source"], one["sheet"], one["row"], one["column"]), language())
            say_phrase("demo_held", count=len(held), to_stdout=True)
            say(f"  {element} ({options}), {sent['period']}: {sent['value']}  <-  {cell}", to_stdout=True)
            say("", to_stdout=True)
            say_phrase("demo_mistakes", to_stdout=True)
            say("", to_stdout=True)
            report(pipeline.convert("phc_uz_with_mistakes.xlsx", mapping, metadata), to_stdout=True)
    say("", to_stdout=True)
    if keep:
        say_phrase("written", folder=str(keep), to_stdout=True)
    own = "dhis2-bridge check REPORT.xlsx --mapping MAPPING.yaml --snapshot SNAPSHOT.json.gz"
    say_phrase("demo_own", command=own, to_stdout=True)
    return result.exit_code or pushed.exit_code
