"""`demo`: the whole walk on an example."""

from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from dhis2_bridge.cli.terminal import lang_option, say


@click.command("demo")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
              help="Keep the run folder here to look at.")  # fmt: skip
@lang_option
def command(keep: Path | None, lang: str | None) -> int:
    """The whole walk on an example, in a few seconds: a workbook becomes data values on a server.

    Nothing leaves this machine: the server is the sandbox, the facility is invented.
    """
    from dhis2_bridge import mapping_file, pipeline, runs, settings, snapshot
    from dhis2_bridge.cli.convert import report
    from dhis2_bridge.cli.push import tell
    from dhis2_bridge.client import Client
    from dhis2_bridge.pushing import push
    from dhis2_bridge.sandbox import Sandbox
    from dhis2_bridge.values import address

    examples = settings.shipped("examples")
    metadata = snapshot.load(examples / "metadata" / "uz_phc_m.json")
    mapping = mapping_file.load(settings.mapping_path("uzbekistan/phc_monthly"))
    with TemporaryDirectory(prefix="dhis2-bridge-demo-") as folder:
        run = (keep or Path(folder) / "run").absolute()
        runs.refuse_foreign(run)
        with chdir(examples / "phc"):
            say("1. A facility's monthly report, an Excel workbook in Uzbek: check it, make a run folder", to_stdout=True)
            result = pipeline.convert("phc_uz.xlsx", mapping, metadata)
            result.write(run)
            report(result, as_json=False, to_stdout=True, full_list=None)
            say("\n2. Send it to a DHIS2 server: the sandbox, on this machine only", to_stdout=True)
            version = metadata.identity.version_text or "2.43.2"
            with (
                Sandbox(Path(metadata.source), version=version) as sandbox,
                Client(sandbox.url, username="admin", password="district") as client,  # noqa: S106 - the sandbox's own
            ):
                pushed = push(run, client)
                tell(pushed)
                one = result.ready.row(0, named=True)
                held = client.data_values(data_set=one["data_set"], period=one["period"], org_unit=one["org_unit"])
            sent = next(value for value in held if value["dataElement"] == one["data_element"])
            element = metadata.name("data_element", one["data_element"])
            place = f"{one['source']}, sheet {one['sheet']}, cell {address(one['row'], one['column'])}"
            say(f"The server holds {len(held)} values now. One of them, traced back to its cell:", to_stdout=True)
            say(f"  {element}, {sent['period']}: {sent['value']}  <-  {place}", to_stdout=True)
            say("\n3. The same report with mistakes: each is named with its cell, the rest could go\n", to_stdout=True)
            wrong = pipeline.convert("phc_uz_with_mistakes.xlsx", mapping, metadata)
            report(wrong, as_json=False, to_stdout=True, full_list=None)
    say("\nYour own: dhis2-bridge check REPORT.xlsx --mapping MAPPING.yaml --snapshot SNAPSHOT.json.gz", to_stdout=True)
    return result.exit_code or pushed.exit_code
