"""The documents are true: commands run and end as stated, examples work, drawn forms give the values beside them.

How a document is written so that it can be tested stands in tests/documents.py.
"""

import os
import re
import runpy
import shutil
import sys
from pathlib import Path
from unittest import mock

import pytest
from documents import ROOT, Walk, blocks_of, name_of
from pydantic import BaseModel

from dhis2_bridge import findings, mapping, mapping_workforce
from dhis2_bridge.report import words

DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md"), *ROOT.glob("mappings/**/*.md")]
)
WALKED = [path for path in DOCUMENTS if path.name not in {"CONTRIBUTING.md", "CHANGELOG.md"}]

documents = pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what documents use, and an environment without anything of the machine's."""
    folder = tmp_path / "checkout"
    for name in ("docs", "examples", "mappings"):
        shutil.copytree(ROOT / name, folder / name)
    (tmp_path / "config").mkdir()
    for name in [name for name in os.environ if name.startswith(("DHIS2_", "DHIS_", "LC_", "LANG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DHIS2_BRIDGE_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.mark.parametrize("path", WALKED, ids=name_of)
def test_what_a_document_says_is_so(path: Path, checkout: Path) -> None:
    with mock.patch.dict(os.environ):
        Walk(path, checkout, checkout.parent / "config").walk()


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a document."""
    headings = [block.lines[0] for block in blocks_of(path.read_text(encoding="utf-8")) if block.kind == "heading"]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@documents
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:|mailto:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)
    assert not broken


@documents
def test_codes_of_findings_that_a_document_names_exist(path: Path) -> None:
    families = {code.partition(".")[0] for code in findings.CODES}
    spans = re.findall(r"`([a-z_]+)\.([a-z_0-9]+)`", path.read_text(encoding="utf-8"))
    files = {"csv", "json", "yaml", "xlsx", "py", "toml", "parquet", "md", "svg"}
    named = {f"{family}.{rest}" for family, rest in spans if family in families and rest not in files}
    assert named <= findings.CODES.keys()


@pytest.mark.parametrize("language", ["ru", "uz"])
def test_the_pages_for_statisticians_quote_the_messages_as_they_are(language: str) -> None:
    locale = words.locale(language)
    said = {entry["title"] for entry in locale.codes.values()} | set(locale.phrases.values())
    text = (ROOT / "docs" / language / "README.md").read_text(encoding="utf-8")
    quoted = [row[0] for block in blocks_of(text) if block.kind == "table" for row in block.rows()[1:]]
    assert len(quoted) >= 10
    assert set(quoted) <= said


@pytest.mark.parametrize("script", ["make_reference.py", "picture.py"])
def test_generated_files_are_fresh(script: str) -> None:
    for file, text in runpy.run_path(str(ROOT / "docs" / script))["made"]().items():
        assert file.read_text(encoding="utf-8") == text, f"run: python docs/{script}"


def keys_of(model: type[BaseModel], seen: set[type[BaseModel]]) -> set[str]:
    """Every key of a mapping file, whatever the block that it stands in."""
    seen.add(model)
    found = {one.alias or name for name, one in model.model_fields.items()}
    for one in model.model_fields.values():
        for inner in re.findall(r"\b[A-Z]\w+", str(one.annotation)):
            kind = getattr(mapping, inner, getattr(mapping_workforce, inner, None))
            if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
                found |= keys_of(kind, seen)
    return found


def test_the_mapping_guide_shows_every_key() -> None:
    text = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("mapping.md", "workforce.md"))
    shown = "".join(block.text for block in blocks_of(text) if block.kind == "yaml")
    keys = keys_of(mapping.Mapping, set())
    assert len(keys) > 70
    assert {key for key in keys if not re.search(rf"(?<![\w-]){key}:", shown)} == set()


def test_the_lines_that_a_script_takes_from_the_readme() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("python3 -m venv ")] == [
        "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/dhis2-bridge demo",
        "python3 -m venv .venv && .venv/bin/pip install -q '.[test]' && .venv/bin/python -m pytest -q -n 2",
    ]
