"""How soon the program and the package are there, and what they load for it."""

import statistics
import subprocess
import sys
from collections.abc import Callable

import pytest

from dhis2_bridge.cli import COMMANDS

HEAVY = (
    "polars",
    "pydantic",
    "requests",
    "lxml",
    "jinja2",
    "sqlglot",
    "yaml",
    "orjson",
    "python_calamine",
    "rapidfuzz",
)


def loaded_by(code: str) -> set[str]:
    """The modules that are loaded once this code has run, in an interpreter of its own."""
    told = f"{code}\nimport sys; print('\\n'.join(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, encoding="utf-8", check=True)
    return set(ran.stdout.split())


def helping(*arguments: str) -> str:
    """Code that runs the program and goes on after it."""
    return (
        "from dhis2_bridge.cli import main\n"
        f"try: main({list(arguments)!r})\n"
        "except SystemExit as ended: assert ended.code in (0, None), ended.code"
    )


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), *((name, "--help") for name in COMMANDS)], ids=" ".join
)
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    loaded = loaded_by(helping(*arguments))
    assert "click" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_help_loads_the_module_of_no_command() -> None:
    loaded = loaded_by(helping("--help"))
    assert {name for name in loaded if name.startswith("dhis2_bridge.cli.")} == {"dhis2_bridge.cli.terminal"}


def test_the_package_loads_nothing_but_itself() -> None:
    bare = loaded_by("from typing import TYPE_CHECKING, Any")
    more = loaded_by("import dhis2_bridge") - bare
    assert more == {"dhis2_bridge", "dhis2_bridge._version"}


def seconds(code: str) -> float:
    """How long an interpreter takes for this code, the median of several."""
    timed = (
        "import time, subprocess, sys\n"
        "for _ in range(7):\n"
        "    start = time.perf_counter()\n"
        f"    subprocess.run([sys.executable, '-c', {code!r}], check=True)\n"
        "    print(time.perf_counter() - start)"
    )
    ran = subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True)
    return statistics.median(map(float, ran.stdout.split()))


def test_importing_the_package_is_quick(record_property: Callable[[str, object], None]) -> None:
    # 50 ms is the promise; a busy machine is given three times as much.
    added = seconds("import dhis2_bridge") - seconds("pass")
    record_property("import_adds_seconds", round(added, 4))
    print(f"import dhis2_bridge adds {added * 1000:.1f} ms")
    assert added < 0.15
