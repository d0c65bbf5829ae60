"""Our periods beside those of DHIS2's own front-end library.

`oracles/periods.json` holds what the library said; `npm ci` in that folder lets it be asked again.
"""

import json
import shutil
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from dhis2_bridge.periods import Period, containing, of_year, parse

ORACLES = Path(__file__).parent / "oracles"
FIRST, LAST = 2015, 2030


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ORACLES / "periods.json").read_text(encoding="utf-8"))
    return found


def line(period: Period) -> str:
    return f"{period.iso} {period.start} {period.end}"


def test_periods_are_those_of_the_library(said: dict[str, Any]) -> None:
    types = set()
    for name, expected in said["periods"].items():
        period_type, _, year = name.partition(" ")
        types.add(period_type)
        years = [int(year)] if year else list(range(FIRST, LAST + 1))
        ours = [period for one in years for period in of_year(period_type, one)]
        if period_type == "BiWeekly" and len(ours) == 27:
            # The server counts a 27th in a year of 53 weeks; the library does not.
            assert parse(f"{year}W53") is not None
            ours.pop()
        lines = [line(period) for period in ours]
        assert ([len(ours), lines[0], lines[-1]] if isinstance(expected[0], int) else lines) == expected, name
    assert len(types) == 20


def test_years_from_november_are_named_otherwise_by_the_server(said: dict[str, Any]) -> None:
    for found in said["from_november"]:
        iso, start, end = found.split()
        period_type = {"Q": "QuarterlyNov", "S": "SixMonthlyNov"}.get(iso[-2], "FinancialNov")
        ours = containing(period_type, date.fromisoformat(start))
        assert line(ours) == f"{FIRST + 1}{iso[4:].replace('November', 'Nov')} {start} {end}"


@pytest.mark.oracle
def test_the_library_still_says_the_same(said: dict[str, Any]) -> None:
    node = shutil.which("node")
    if node is None or not (ORACLES / "node_modules").is_dir():
        pytest.skip("needs node and, in tests/oracles, npm ci")
    answer = subprocess.run(
        [node, "periods.cjs", str(FIRST), str(LAST)],
        cwd=ORACLES,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert json.loads(answer.stdout) == said
