"""Forms shared out to several processes come to the same as forms read by one, whatever becomes of the others."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from worlds import mapping, snapshot, workbook

from dhis2_bridge import pipeline, workers
from dhis2_bridge.findings import rows

FORM = """
data_set: FORM_M
source: {header: {anchor: line}, ends: {words: [Rahbar]}}
columns: {line: Satr kodi, male: Erkak, female: Ayol}
org_unit: {cell: {right_of: Muassasa}, match: code}
period: {cell: {right_of: Davr}, type: Monthly}
data_element: {column: line, match: code}
category_options:
  SEX: {header: 1, map: {male: M, female: F}}
cells: {"-": zero}
"""
COUNT = 120


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forms of many months, and among them what is no form, what is broken and what was there before."""
    folder = tmp_path_factory.mktemp("reports")
    for number in range(COUNT):
        year, month = 2010 + number // 12, 1 + number % 12
        wrong = "many" if number % 17 == 0 else str(number)
        form = workbook(
            A=f"""
            Muassasa | HRM_10{1 + number % 3} |
            Davr | '{year}{month:02} |
            Satr kodi | Erkak | Ayol
            DEATHS | {number} | {wrong}
            Rahbar | |
            """
        )
        (folder / f"{number:03}.xlsx").write_bytes(form)
    (folder / "050_damaged.xlsx").write_bytes((folder / "050.xlsx").read_bytes()[:-200])
    (folder / "060_again.xlsx").write_bytes((folder / "003.xlsx").read_bytes())
    (folder / "070_text.csv").write_text(
        "Muassasa,HRM_101,\nDavr,202301,\nSatr kodi,Erkak,Ayol\nDEATHS,5,6\nRahbar,,\n", encoding="utf-8"
    )
    return folder


@pytest.fixture(autouse=True)
def _eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes are started at once, and are sent a few files at a time."""
    monkeypatch.setattr(workers, "WORTH", -1.0)
    monkeypatch.setattr(workers, "LOOK", 1)
    monkeypatch.setattr(workers, "TOGETHER", 4)


@pytest.fixture(scope="module")
def alone(reports: Path) -> pipeline.Conversion:
    """What one process makes of them."""
    return pipeline.convert(reports, mapping(FORM), snapshot())


def told(result: pipeline.Conversion) -> list[object]:
    return [
        result.inputs,
        list(rows(result.findings)),
        result.values.rows(),
        [chunk.body for chunk in result.chunks()],
    ]


def test_processes_change_nothing(reports: Path, alone: pipeline.Conversion) -> None:
    seen: list[int] = []
    names: list[str] = []

    def watch(done: int, of: int, name: str) -> None:
        assert of == COUNT + 3
        names.append(name)
        seen.append(len(multiprocessing.active_children()))

    shared = pipeline.convert(reports, mapping(FORM), snapshot(), jobs=3, on_progress=watch)
    assert told(shared) == told(alone)
    assert {one["code"] for one in alone.findings.to_dicts()} > {"file.repeated", "file.unreadable"}
    assert names == [str(path) for path in sorted(reports.iterdir())]
    assert max(seen) == 2, "no other process took part"
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("after", [30, 90])
def test_processes_that_are_killed_are_done_without(reports: Path, alone: pipeline.Conversion, after: int) -> None:
    killed: list[int] = []

    def kill(done: int, of: int, name: str) -> None:
        if done >= after and not killed:
            for child in multiprocessing.active_children():
                os.kill(child.pid or 0, signal.SIGKILL)
                killed.append(child.pid or 0)

    shared = pipeline.convert(reports, mapping(FORM), snapshot(), jobs=2, on_progress=kill)
    assert killed
    assert told(shared) == told(alone)


def test_whoever_stops_early_leaves_no_process(reports: Path) -> None:
    def stop(done: int, of: int, name: str) -> None:
        if multiprocessing.active_children():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pipeline.convert(reports, mapping(FORM), snapshot(), jobs=2, on_progress=stop)
    assert not multiprocessing.active_children()


def test_few_forms_start_no_process(reports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "WORTH", 1000.0)

    def watch(done: int, of: int, name: str) -> None:
        assert not multiprocessing.active_children()

    pipeline.convert(reports, mapping(FORM), snapshot(), jobs=4, on_progress=watch)
