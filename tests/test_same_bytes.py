"""The same input gives the same bytes, whatever order the sets of Python have in a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RUNS = {
    "staff": (["examples/hrh/argos_staff.csv", "examples/hrh/argos_posts.csv"], "hrh_quarterly", "uz_hrh", "2026Q3"),
    "registers": (["examples/hrh/fhir_staff.json"], "hrh_quarterly_fhir", "uz_hrh", "2026Q3"),
    "forms": (["examples/phc/district", "examples/phc/phc_uz_with_mistakes.xlsx"], "phc_monthly", "uz_phc_m", None),
    "json": (["examples/phc/phc.json"], "phc_monthly_json", "uz_phc_m", None),
}


@pytest.mark.parametrize("name", RUNS)
def test_the_order_of_sets_changes_no_byte_of_a_run(name: str, tmp_path: Path) -> None:
    files, mapping, metadata, period = RUNS[name]
    made = []
    for seed in ("1", "2", "3"):
        folder = tmp_path / seed
        command = [sys.executable, "-m", "dhis2_bridge", "convert", *files, "-m", f"uzbekistan/{mapping}"]
        command += ["-s", f"examples/metadata/{metadata}.json", "-o", str(folder)]
        command += ["--period", period] if period else []
        ran = subprocess.run(
            command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=False
        )
        assert ran.returncode in {0, 3}, ran.stderr
        words = ran.stdout.replace(str(folder).encode(), b"")
        made.append((words, {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}))
    assert made[0] == made[1] == made[2]
