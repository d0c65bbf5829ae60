"""Runs the benchmarks side by side and prints their table.

    python benchmarks/run.py long --rows 1000000 --rounds 3
    python benchmarks/run.py forms --forms 500 --rounds 3
    python benchmarks/run.py growth --rows 100000 1000000 5000000 20000000
    python benchmarks/run.py workforce --contracts 600000 --rounds 3
    python benchmarks/run.py start

Every measurement is a process of its own; the ways take turns, so that what else the machine does meets all of them.
Peak memory is that of the process. pandas and openpyxl, which only the usual ways need, are not installed with us.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

CACHED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""The environment of what is measured: an installed program has its bytecode at hand."""

LEVEL = 1
"""gzip level of all ways: ours."""


def ours(path: Path, metadata: Path, folder: Path, level: int) -> tuple[int, int]:
    from dhis2_bridge.pipeline import convert_to_run

    summary = convert_to_run(folder / "run", path, path.parent / "mapping.yaml", metadata)
    counts = summary.counts()
    if "--timings" in sys.argv:
        print({name: round(seconds, 2) for name, seconds in summary.timings.items()}, file=sys.stderr)
    return counts["values_ready"], counts["values_left_out"]


def our_forms(path: Path, metadata: Path, folder: Path, level: int) -> tuple[int, int]:
    from dhis2_bridge.pipeline import convert

    result = convert(path, path.parent / "forms.yaml", metadata)
    return result.ready.height, result.errors


def our_counts(path: Path) -> tuple[dict[tuple[str, ...], float], int]:
    """From the extract to the counted table, with every rule, the place of each count, and each warning."""
    from dhis2_bridge import counting, counts, mapping_file
    from dhis2_bridge.gathering import Gathering
    from dhis2_bridge.sources import open_source

    mapping = mapping_file.load(path.parent / "staff.yaml")
    noted: list[object] = []
    gathering = Gathering(mapping, counts.label_columns(mapping.tables[0]), noted.append)
    gathering.add(open_source(path, delimiter=";"))
    made = counting.count(gathering, {"period": "2026Q3"}).counted
    return made.cells, sum(found.height for found in made.findings)


def by_cell(cells: object) -> dict[tuple[str, ...], float]:
    """Our counted table as the other ways have it."""
    if isinstance(cells, dict):
        return cells
    columns = cells.select("org", "unit", "data_element", "SEX", "AGE6", "value").iter_rows()
    return {
        (f"{org}_{unit}" if unit else org, element, sex or "", age or ""): value
        for org, unit, element, sex, age, value in columns
    }


def counting_way(count: object) -> object:
    """A way of counting as `child` runs one: how many cells, and a checksum of all that is made when time is over."""

    def run(path: Path, metadata: Path, folder: Path, level: int) -> tuple[int, object]:
        cells, _ = count(path)  # type: ignore[operator]

        def checksum() -> int:
            lines = sorted(f"{','.join(cell)}={number:.2f}" for cell, number in by_cell(cells).items())
            return zlib.crc32("\n".join(lines).encode())

        return len(cells), checksum

    return run


def ways() -> dict[str, object]:
    import usual_counts
    import usual_forms
    import usual_ways

    return {
        "ours": ours,
        "pydantic": usual_ways.with_pydantic,
        "pandas": usual_ways.with_pandas,
        "floor": usual_ways.floor,
        "our forms": our_forms,
        "openpyxl": usual_forms.with_openpyxl,
        "calamine": usual_forms.with_calamine,
        "our counts": counting_way(our_counts),
        "pandas counts": counting_way(usual_counts.with_pandas),
        "plain Python": counting_way(usual_counts.with_plain_python),
    }


def child(way: str, path: Path, metadata: Path) -> None:
    """One measurement, in a process of its own: prints its figures as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        run = ways()[way]
        start, cpu = time.perf_counter(), time.process_time()
        values, refused = run(path, metadata, Path(folder), LEVEL)  # type: ignore[operator]
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        refused = refused() if callable(refused) else refused
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_mb": peak, "values": values, "refused": refused}))


def measure(way: str, path: Path, metadata: Path) -> dict[str, float]:
    command = [sys.executable, str(HERE / "run.py"), "child", way, str(path), str(metadata)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=CACHED)
    return json.loads(done.stdout.splitlines()[-1])


def side_by_side(chosen: list[str], path: Path, metadata: Path, rounds: int) -> None:
    results: dict[str, list[dict[str, float]]] = {way: [] for way in chosen}
    for _ in range(rounds):
        for way in chosen:
            results[way].append(measure(way, path, metadata))
            print(way, results[way][-1], file=sys.stderr)
    base = statistics.median(one["seconds"] for one in results[chosen[0]])
    print(f"\n{path.name}, medians of {rounds}, gzip level {LEVEL}\n")
    print("| way | seconds | CPU s | peak MB | values | refused | times ours |")
    print("|---|---|---|---|---|---|---|")
    for way, runs in results.items():
        seconds = statistics.median(one["seconds"] for one in runs)
        cpu = statistics.median(one["cpu"] for one in runs)
        peak = max(one["peak_mb"] for one in runs)
        print(
            f"| {way} | {seconds:.2f} | {cpu:.2f} | {peak:.0f} | {runs[0]['values']:,.0f} | {runs[0]['refused']:,.0f} "
            f"| {seconds / base:.2f} |"
        )
    if len({(runs[0]["values"], runs[0]["refused"]) for way, runs in results.items() if way != "floor"}) != 1:
        sys.exit("the ways do not agree")


def start_up(rounds: int) -> None:
    """A run of ten values against bare Python."""
    import generate

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "metadata.json").write_text(json.dumps(generate.small_metadata()), encoding="utf-8")
        (folder / "mapping.yaml").write_text(generate.MAPPING, encoding="utf-8")
        generate.write_rows(folder / "ten.csv", 10)
        program = [sys.executable, "-m", "dhis2_bridge"]
        run = ["convert", "ten.csv", "-m", "mapping.yaml", "-s", "metadata.json", "-o", "run"]
        commands = {
            "bare Python": [sys.executable, "-c", "pass"],
            "--help": [*program, "--help"],
            "ten values": program + run,
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                start = time.perf_counter()
                subprocess.run(command, cwd=folder, check=True, capture_output=True, env=CACHED)
                times[name].append(time.perf_counter() - start)
    for name, seconds in times.items():
        print(f"{name}: {statistics.median(seconds):.3f} s")


def main() -> None:
    if sys.argv[1:2] == ["child"]:
        child(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["long", "forms", "workforce", "growth", "start"])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--forms", type=int, default=500)
    parser.add_argument("--contracts", type=int, default=600_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="+")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "dhis2-bridge-benchmark")
    arguments = parser.parse_args()
    if arguments.what == "start":
        start_up(arguments.rounds)
        return
    import generate

    folder = arguments.folder
    generate.prepare(folder)
    metadata = folder / "metadata.json"
    if arguments.what == "forms":
        generate.write_forms(folder / f"forms_{arguments.forms}", arguments.forms)
        chosen = arguments.ways or ["our forms", "openpyxl", "calamine"]
        side_by_side(chosen, folder / f"forms_{arguments.forms}", metadata, arguments.rounds)
        return
    if arguments.what == "workforce":
        import generate_staff

        generate_staff.prepare(folder)
        path = folder / f"staff_{arguments.contracts}.csv"
        if not path.exists():
            generate_staff.write(path, arguments.contracts)
        side_by_side(
            arguments.ways or ["our counts", "pandas counts", "plain Python"], path, metadata, arguments.rounds
        )
        return
    chosen = arguments.ways or (["ours"] if arguments.what == "growth" else ["ours", "pydantic", "pandas", "floor"])
    for rows in arguments.rows:
        path = folder / f"long_{rows}.csv"
        if not path.exists():
            generate.write_rows(path, rows)
        side_by_side(chosen, path, metadata, arguments.rounds)


if __name__ == "__main__":
    main()
