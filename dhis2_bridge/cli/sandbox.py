"""`sandbox`: a small DHIS2-compatible server on this machine."""

from pathlib import Path

import click

from dhis2_bridge.cli.terminal import say, say_phrase


@click.command("sandbox")
@click.option("--metadata", type=click.Path(path_type=Path, dir_okay=False),
              help="Metadata export to serve; left out, that of the monthly report of the examples.")  # fmt: skip
@click.option("--server-version", help="DHIS2 version to answer as; left out, that of the metadata, else 2.43.2.")
@click.option("--port", default=8085, show_default=True, type=click.IntRange(0, 65535))
@click.option("--database", type=click.Path(path_type=Path, dir_okay=False), help="SQLite file that keeps the values.")
@click.option("--verbose", is_flag=True, help="A line for each request.")
def command(metadata: Path | None, server_version: str | None, port: int, database: Path | None, verbose: bool) -> int:
    """A small DHIS2-compatible server on this machine, for practice.

    It listens on the loopback address only, with DHIS2's first login: admin, district. Stop it with Ctrl-C.
    """
    from dhis2_bridge import settings, snapshot
    from dhis2_bridge.sandbox import Sandbox

    served = metadata or settings.shipped("examples") / "metadata" / "uz_phc_m.json"
    version = server_version or snapshot.load(served).identity.version_text or "2.43.2"
    with Sandbox(served, version=version, port=port, database=database, log=say if verbose else None) as sandbox:
        try:
            say(f"DHIS2 sandbox {version} at {sandbox.url}, login admin / district. Ctrl-C stops it.")
            say(f"  export DHIS2_URL={sandbox.url} DHIS2_USERNAME=admin DHIS2_PASSWORD=district")
            sandbox.serve_forever()
        except KeyboardInterrupt:
            say_phrase("stopped")
    return 0
