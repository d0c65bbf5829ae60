"""The contract of `run.json`: what we write keeps it, what breaks it is refused in one line."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import dhis2_bridge
from dhis2_bridge import run_schema, settings

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("run") / "run"
    examples = settings.shipped("examples")
    dhis2_bridge.convert(
        examples / "phc" / "phc_uz.xlsx",
        settings.mapping_path("uzbekistan/phc_monthly"),
        examples / "metadata" / "uz_phc_m.json",
        given={"period": "202609"},
    ).write(folder)
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def test_the_schema_is_one_and_the_committed_file_is_fresh() -> None:
    jsonschema.Draft202012Validator.check_schema(run_schema.SCHEMA)
    assert json.loads((ROOT / "schemas/run.schema.json").read_text(encoding="utf-8")) == run_schema.SCHEMA


def test_what_is_written_keeps_the_contract(written: dict[str, Any]) -> None:
    assert written["chunks"]
    assert run_schema.fault(written) is None


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("format",), 2, "$.format"),
        (("chunks", 0, "file"), "../../0001.json.gz", "$.chunks[0].file"),
        (("chunks", 0, "values"), "128", "$.chunks[0].values"),
        (("chunks", 0, "sha256"), "abc", "$.chunks[0].sha256"),
        (("snapshot",), None, "$.snapshot"),
    ],
)
def test_what_breaks_it_is_named(written: dict[str, Any], path: tuple[Any, ...], value: object, said: str) -> None:
    document = json.loads(json.dumps(written))
    held = document
    for step in path[:-1]:
        held = held[step]
    held[path[-1]] = value
    fault = run_schema.fault(document)
    assert fault is not None
    assert fault.startswith(said)
    assert "\n" not in fault
    assert len(fault) < 200


@pytest.mark.parametrize("document", [None, [], "run", {}])
def test_another_document_is_none(document: object) -> None:
    assert run_schema.fault(document) is not None
