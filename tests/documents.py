"""Walks a document and does what stands in it, for tests/test_docs.py.

A document is walked from its top in a copy of the checkout. A block is named by the `file` in the line before it, and
is written there, so that what follows can use it:

    ```sh       is run; `# exit code 3` behind a command states how it ends, nothing states 0
    ```python   is run; with `>>>` as a doctest. All blocks of a document share their names
    ```yaml     is a mapping and is loaded; one without `mapping:` replaces these keys in the last whole one
    ```text     below a line that ends with "says:" is in what the last command printed
    ```crontab  is run in a folder with an inbox
    a table under column letters A, B, ... is a sheet (`<` is merged with the cell to its left, `^` with that above)
    a table of `data element`, `period`, `value`, ... is what the last mapping gives of the files drawn since the last
    heading or command
    a table `finding | ...` is what it finds; without one there are neither errors nor warnings
"""

import contextlib
import doctest
import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xlsxwriter

from dhis2_bridge import cli, findings, load_mapping, pipeline, runs
from dhis2_bridge.report import words
from dhis2_bridge.values import address

ROOT = Path(__file__).resolve().parents[1]

SANDBOX_OF_DOCUMENTS = "http://127.0.0.1:8085"
OF_A_VALUE = {
    "data element", "options", "org unit", "period", "value", "comment", "cell", "row", "sheet", "file",
}  # fmt: skip
SAYS = ("says:", "печатает:", "yozadi:")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# -- what stands in a document -------------------------------------------------------------------------------------


@dataclass
class Block:
    """A heading, a fenced block or a table; `before` is the last line of prose above it, `line` where it begins."""

    kind: str
    line: int
    before: str
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def rows(self) -> list[list[str]]:
        """The cells of a table, its header first, without the line of dashes."""
        cells = [re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in self.lines]
        return [[cell.strip().replace("\\|", "|") for cell in row] for row in (cells[0], *cells[2:])]


def blocks_of(text: str) -> Iterator[Block]:
    before, held = "", None
    for number, line in enumerate(text.splitlines(), start=1):
        if held is not None and held.kind != "table":
            if line.startswith("```"):
                yield held
                held, before = None, ""
            else:
                held.lines.append(line)
        elif line.startswith("|"):
            held = held or Block("table", number, before)
            held.lines.append(line)
        else:
            if held is not None:
                yield held
                held, before = None, ""
            if line.startswith("```"):
                held = Block(line[3:].strip() or "text", number, before)
            elif line.startswith("#"):
                yield Block("heading", number, before, [line.lstrip("#").strip()])
                before = ""
            elif line.strip():
                before = line
    if held is not None:
        yield held


def merged_text(base: str, over: str) -> str:
    """A mapping with the top-level keys of another text in the place of its own."""

    def chunks(text: str) -> dict[str, str]:
        return {found[1]: found[0] for found in re.finditer(r"^(\w+):.*\n(?:(?:[ #].*)?\n)*", text, re.MULTILINE)}

    return "".join((chunks(base) | chunks(over)).values())


def draw(sheets: dict[str, list[list[str]]], path: Path) -> None:
    """A workbook of drawn sheets: plain numbers as numbers, all else as text."""
    with xlsxwriter.Workbook(path) as book:
        for name, (_, *rows) in sheets.items():
            sheet = book.add_worksheet(name)
            cells = {(int(row[0]) - 1, column): text for row in rows for column, text in enumerate(row[1:])}
            for (row, column), text in cells.items():
                if text in {"", "<", "^"}:
                    continue
                last_row, last_column = row, column
                while cells.get((row, last_column + 1)) == "<":
                    last_column += 1
                while cells.get((last_row + 1, column)) == "^":
                    last_row += 1
                value: str | float = float(text) if re.fullmatch(r"0|-?[1-9]\d*|-?\d+\.\d+", text) else text
                if (last_row, last_column) == (row, column):
                    sheet.write(row, column, value)
                else:
                    sheet.merge_range(row, column, last_row, last_column, value)


# -- what is done with it ------------------------------------------------------------------------------------------


class Walk:
    """One document walked in a folder of its own."""

    def __init__(self, path: Path, folder: Path, config: Path) -> None:
        self.path = path
        self.folder = folder
        self.config = config
        self.names: dict[str, Any] = {"__name__": "document"}
        self.files: list[str] = []
        self.sheets: dict[str, dict[str, list[list[str]]]] = {}
        self.whole = ""
        self.mapping: str | None = None
        self.said = ""
        self.wants: dict[str, Block] = {}
        self.sandbox: subprocess.Popen[str] | None = None
        self.url = SANDBOX_OF_DOCUMENTS

    def walk(self) -> None:
        try:
            for block in blocks_of(self.path.read_text(encoding="utf-8")):
                try:
                    self.take(block)
                except Exception as error:
                    raise AssertionError(f"{name_of(self.path)}:{block.line}: {error}") from None
            self.judge()
        finally:
            self.stop_sandbox()

    def take(self, block: Block) -> None:
        spans = re.findall(r"`([^`]+)`", block.before) if block.before.rstrip().endswith(":") else []
        named = next((span for span in spans if re.fullmatch(r"[\w./-]+\.\w{2,5}", span)), None)
        match block.kind:
            case "heading":
                self.judge()
                self.files, self.sheets = [], {}
            case "sh":
                self.judge()
                self.run_all(block)
                self.files, self.sheets = [], {}
            case "python":
                self.python(block)
            case "toml":
                (self.config / "profiles.toml").write_text(self.here(block.text), encoding="utf-8")
            case "yaml":
                self.judge()
                self.take_mapping(block, named)
            case "table":
                self.take_table(block, named)
            case "crontab":
                self.cron(block)
            case "text" if block.before.endswith(SAYS):
                said = " ".join(self.said.split())
                assert all(" ".join(line.split()) in said for line in block.lines), f"it says: {self.said}"
            case "csv" | "json" | "text" if named is not None:
                self.write(named, block.text)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")
        if name not in self.files:
            self.files.append(name)

    def here(self, text: str) -> str:
        """The text with the address of a sandbox that runs in the place of that which documents name."""
        if SANDBOX_OF_DOCUMENTS in text and self.sandbox is None:
            self.start_sandbox([])
        return text.replace(SANDBOX_OF_DOCUMENTS, self.url)

    # mappings and what they give

    def take_mapping(self, block: Block, named: str | None) -> None:
        text = block.text
        if re.search("^mapping:", text, re.MULTILINE):
            self.whole = text
        else:
            text = merged_text(self.whole, text)
        self.mapping = named or "mapping.yaml"
        (self.folder / self.mapping).write_text(text, encoding="utf-8")
        load_mapping(self.folder / self.mapping)

    def take_table(self, block: Block, named: str | None) -> None:
        header = block.rows()[0]
        if header[:2] == ["", "A"]:
            assert named is not None, "a drawn sheet needs the name of its workbook"
            sheet = re.search("sheet `([^`]+)`", block.before)
            self.sheets.setdefault(named, {})[sheet[1] if sheet else "Form"] = block.rows()
            draw(self.sheets[named], self.folder / named)
            if named not in self.files:
                self.files.append(named)
        elif header[0] == "finding":
            self.wants["finding"] = block
        elif set(header) <= OF_A_VALUE:
            self.wants["value"] = block
        else:
            assert not block.before.endswith("gives:"), f"no column of values is called so: {header}"

    def judge(self) -> None:
        """Compares what the last mapping gives with what the document says."""
        if not self.wants or self.mapping is None:
            return
        wants, self.wants = self.wants, {}
        made = load_mapping(self.folder / self.mapping)
        first = next(iter(wants.values()))
        options = {name.replace("-", "_"): text for name, text in re.findall(r"--([a-z-]+) (\w+)", first.before)}
        earlier = options.pop("previous", None)
        previous = runs.read(self.folder / earlier)[1] if earlier else None
        with contextlib.chdir(self.folder):
            inputs = [name for name in self.files if name not in made.crosswalks]
            result = pipeline.convert(inputs, made, ROOT / "docs" / "practice.json", given=options, previous=previous)
        found = [f for f in findings.rows(result.findings) if f.severity != "info"]
        said = {
            "value": (value_rows(result), wants.get("value")),
            "finding": ([finding_row(f) for f in found], wants.get("finding")),
        }
        for what, (rows, block) in said.items():
            header, *wanted = block.rows() if block is not None else [[what]]
            got = [[row[column] for column in header] for row in rows]
            seen = "\n".join(" | ".join(row) for row in [header, *got])
            told = "\n".join(str(finding_row(f)) for f in found)
            assert sorted(got) == sorted(wanted), f"above, at {first.line}, it gives\n{seen}\n{told}"

    # commands

    def run_all(self, block: Block) -> None:
        for line in re.sub(r"\\\n\s*", "", block.text).splitlines():
            command = self.here(line.strip())
            if not command or command.startswith(("#", "python3 -m venv ")):
                continue
            stated = re.search(r"# exit code (\d+)", command)
            code = self.run(command)
            assert code == (int(stated[1]) if stated else 0), f"{command}: ended with {code}\n{self.said[-2000:]}"

    def run(self, command: str) -> int:
        given = shlex.split(command, comments=True)
        if given[:2] == ["dhis2-bridge", "sandbox"]:
            self.start_sandbox(given[2:])
            return 0
        if given[0] == "export":
            os.environ.update(item.split("=", 1) for item in given[1:])
            return 0
        if given[0] == "dhis2-bridge" and not re.search(r"[|<>;&$]", command.partition(" # ")[0]):
            code, self.said = in_process(given[1:], self.folder)
            return code
        done = subprocess.run(["bash", "-c", command], cwd=self.folder, capture_output=True, text=True, check=False)
        self.said = done.stdout + done.stderr
        return done.returncode

    def cron(self, block: Block) -> None:
        """Runs the line of a crontab as cron would, over the files of the district of the examples."""
        shutil.copytree(self.folder / "examples" / "phc" / "district", self.folder / "inbox")
        line = next(line for line in block.lines if line[0].isdigit())
        command = line.split(maxsplit=5)[5].replace("/srv/dhis2", str(self.folder))
        assert "%" not in command, "cron makes a line end of it"
        code = self.run(command)
        assert code == 0, self.said[-2000:]

    def start_sandbox(self, options: list[str]) -> None:
        self.stop_sandbox()
        line = [sys.executable, "-m", "dhis2_bridge", "sandbox", "--port", "0", *options]
        self.sandbox = subprocess.Popen(line, cwd=self.folder, stderr=subprocess.PIPE, text=True)
        assert self.sandbox.stderr is not None
        said = self.sandbox.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert found is not None, said
        self.url = found[0]

    def stop_sandbox(self) -> None:
        if self.sandbox is not None:
            self.sandbox.send_signal(signal.SIGINT)
            self.sandbox.communicate(timeout=20)
            assert self.sandbox.returncode == 0
            self.sandbox = None

    # Python

    def python(self, block: Block) -> None:
        text = self.here(block.text)
        with contextlib.chdir(self.folder):
            if not re.search("^>>> ", text, re.MULTILINE):
                exec(compile(text, name_of(self.path), "exec"), self.names)
                return
            test = doctest.DocTestParser().get_doctest(text, self.names, name_of(self.path), None, block.line)
            test.globs = self.names
            said = io.StringIO()
            failed, _ = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.write, clear_globs=False)
            assert not failed, said.getvalue()


def in_process(arguments: list[str], folder: Path) -> tuple[int, str]:
    """The exit code of the program and what it printed, run here: to start it anew takes longer than its work."""
    out, error = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            cli.main(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
    said = []
    for stream in (out, error):
        stream.flush()
        said.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    return code, "".join(said)


def value_rows(result: pipeline.Conversion) -> list[dict[str, str]]:
    """The values that would be sent, in codes."""
    snapshot = result.snapshot
    rows = []
    for value in result.ready.iter_rows(named=True):
        options = [
            snapshot.category_options[uid].code or ""
            for combo in (value["category_option_combo"], value["attribute_option_combo"])
            for uid in snapshot.category_option_combos[combo].category_options
        ]
        in_sheet = value["sheet"] is not None
        rows.append(
            {
                "data element": snapshot.data_elements[value["data_element"]].code or "",
                "options": " ".join(sorted(option for option in options if option != "default")),
                "org unit": snapshot.org_units[value["org_unit"]].code or "",
                "period": value["period"],
                "value": value["value"],
                "comment": value["comment"] or "",
                "cell": address(value["row"], value["column"]) if in_sheet else "",
                "row": str(value["row"]),
                "sheet": value["sheet"] or "",
                "file": value["source"],
            }
        )
    return rows


def finding_row(found: findings.Finding) -> dict[str, str]:
    return {
        "finding": f"`{found.code}`",
        "cell": words.cell_of(found) or "",
        "row": str(found.row or ""),
        "found": found.found or "",
        "sheet": found.sheet or "",
        "file": found.source or "",
        "message": words.sentence(found),
    }
