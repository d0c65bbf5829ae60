"""Broken inputs by the thousand: each ends in findings or in one of our exceptions, soon, with little memory.

An input follows from its number, and a failure names it: `run_one(number, folder)` makes it again. 2,000 are run here;
`pytest -m whole tests/test_fuzz.py` runs 20,000.
"""

import faulthandler
import gc
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import drawing
import mutating as mutate
import polars as pl
import pytest

import dhis2_bridge
from dhis2_bridge import mapping_file, predicates, runs, settings, snapshot, sources, walk
from dhis2_bridge.cli.terminal import LONGEST_LINE, lines_of
from dhis2_bridge.findings import CODES, BridgeError, MappingError, Unreadable
from dhis2_bridge.predicate_text import PredicateError
from dhis2_bridge.report.json_lines import findings_json
from dhis2_bridge.report.text import findings_text
from dhis2_bridge.report.words import LANGUAGES

resource = pytest.importorskip("resource", reason="this system has no such limits")

SECONDS_FOR_ONE = 10
MEMORY_FOR_ONE = 300 << 20
BLOCK = 50
USUAL = 2_000
WHOLE = 20_000

EXAMPLES = settings.shipped("examples")
FORMS = ("phc_monthly", "phc_monthly_json", "phc_monthly_long")
LONG_HEADER = ("form", "period", "facility", "line", "sex", "age", "value", "comment")


class TooSlow(BaseException):
    """An input took too long; no `Exception`, so that nobody catches it on the way."""


# -- what is right, and what is made of it ---------------------------------------------------------------------------


@cache
def example(name: str) -> bytes:
    return (EXAMPLES / name).read_bytes()


@cache
def form(name: str) -> dhis2_bridge.Mapping:
    return dhis2_bridge.load_mapping(settings.mapping_path(f"uzbekistan/{name}"))


@cache
def form_of_lines() -> dhis2_bridge.Mapping:
    path = settings.mapping_path("uzbekistan/phc_monthly_json")
    text = path.read_text(encoding="utf-8").replace("format: json", "format: ndjson")
    return mapping_file.load_text(text, "lines.yaml", path.parent)


@cache
def instance() -> dhis2_bridge.Snapshot:
    return dhis2_bridge.load_snapshot(EXAMPLES / "metadata" / "uz_phc_m.json")


@cache
def binary_workbooks() -> tuple[bytes, ...]:
    form = {(0, 0): "UZ_PHC_M shakli", (1, 0): "Hisobot davri", (1, 2): "2026-09", (2, 0): "Satr kodi", (3, 0): "01"}
    cells: dict[tuple[int, int], str | float] = {**form, (3, 2): 5}
    rows = "".join(
        f"<table:table-row>{'<table:table-cell><text:p>01</text:p></table:table-cell>' * 3}</table:table-row>"
    )
    return drawing.xls(cells, declared=(4, 3)), drawing.xlsb(cells), drawing.ods(rows)


def convert(content: bytes, folder: Path, *names: str, suffix: str = "") -> dhis2_bridge.Conversion:
    path = folder / f"input{suffix}"
    path.write_bytes(content)
    return dhis2_bridge.convert(path, [form(name) for name in names or FORMS], instance())


def mutated_csv(rng: random.Random, folder: Path) -> Any:
    name, other = rng.sample(("phc/phc_comma.csv", "phc/phc_semicolon.csv"), 2)
    return convert(mutate.mutated(rng, example(name), [example(other)]), folder, "phc_monthly_long", suffix=".csv")


def streamed_csv(rng: random.Random, folder: Path) -> Any:
    """The same input as a file read at once and as one that is converted part by part."""
    content = mutate.mutated(rng, example("phc/phc_comma.csv"))
    at_once = convert(content, folder, "phc_monthly_long", suffix=".csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walk, "LONG", 0)
        in_parts = convert(content, folder, "phc_monthly_long", suffix=".csv")
    for one, other in ((at_once.ready, in_parts.ready), (at_once.findings, in_parts.findings)):
        assert sorted(map(str, one.drop("chunk", "position", strict=False).rows())) == sorted(
            map(str, other.drop("chunk", "position", strict=False).rows())
        )
    return in_parts


def mutated_json(rng: random.Random, folder: Path) -> Any:
    content = mutate.mutated(rng, example("phc/phc.json"), [example("phc/phc_comma.csv")])
    return convert(content, folder, "phc_monthly_json", suffix=".json")


def changed_json(rng: random.Random, folder: Path) -> Any:
    document = mutate.mutated_document(rng, json.loads(example("phc/phc.json")))
    return convert(json.dumps(document).encode(), folder, "phc_monthly_json", suffix=".json")


def mutated_ndjson(rng: random.Random, folder: Path) -> Any:
    document = json.loads(example("phc/phc.json"))
    lines = [json.dumps({**document, "items": [item]}) for item in document["items"][: rng.choice((1, 3, 10))]]
    path = folder / "input.ndjson"
    path.write_bytes(mutate.mutated(rng, "\n".join(lines).encode()))
    return dhis2_bridge.convert(path, form_of_lines(), instance())


def mutated_workbook(rng: random.Random, folder: Path) -> Any:
    return convert(mutate.mutated(rng, example("phc/phc_uz.xlsx"), [example("tb/tb_q.xlsx")]), folder, suffix=".xlsx")


def mutated_xml(rng: random.Random, folder: Path) -> Any:
    name = rng.choice(("phc/phc_uz.xlsx", "phc/phc_uz_with_mistakes.xlsx"))
    return convert(mutate.mutated_archive(rng, example(name)), folder, "phc_monthly", suffix=".xlsx")


def mutated_binary(rng: random.Random, folder: Path) -> Any:
    content = rng.choice(binary_workbooks())
    inside = content.startswith(b"PK") and rng.random() < 0.7
    return convert(mutate.mutated_archive(rng, content) if inside else mutate.mutated(rng, content), folder)


def random_bytes(rng: random.Random, folder: Path) -> Any:
    start = rng.choice(
        (b"PK\3\4", b"PK\5\6", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\xff\xfe", b"\xef\xbb\xbf", b"{", b"[{", b"")
    )
    return convert(start + rng.randbytes(rng.choice((0, 1, 20, 600, 5000))), folder)


def random_table(rng: random.Random, folder: Path) -> Any:
    return convert(mutate.any_table(rng, LONG_HEADER), folder, "phc_monthly_long", suffix=".csv")


def random_json(rng: random.Random, folder: Path) -> Any:
    lines = [json.dumps(mutate.any_json(rng), ensure_ascii=rng.random() < 0.5) for _ in range(rng.choice((1, 1, 4)))]
    return convert("\n".join(lines).encode("utf-8", "surrogatepass"), folder, "phc_monthly_json", suffix=".json")


def opened(rng: random.Random, folder: Path) -> Any:
    name = rng.choice(("phc/phc_comma.csv", "phc/phc.json", "phc/phc_uz.xlsx"))
    path = folder / "input"
    path.write_bytes(mutate.mutated(rng, example(name)))
    source = sources.open_source(
        path,
        format=rng.choice((None, None, "csv", "json", "ndjson", "xlsx", "ods", "xls")),
        encoding=rng.choice((None, "utf-8", "cp1251", "utf-16", "ascii")),
        delimiter=rng.choice((None, ",", ";", "\t")),
        quote=rng.choice(('"', "'", None)),
        header_row=rng.choice((None, 1, 3, 500)),
        records=rng.choice((None, "items[]", "items[].values[]", "facility", "[]")),
    )
    for _ in range(2):
        for batch in source.table.batches() if source.table else ():
            assert batch["row"].is_sorted()
    return source


def mutated_mapping(rng: random.Random, folder: Path) -> Any:
    names = list(FORMS)
    rng.shuffle(names)
    first, *others = [settings.mapping_path(f"uzbekistan/{name}").read_bytes() for name in names]
    text = mutate.mutated(rng, first, others).decode("utf-8", "replace")
    mapping = mapping_file.load_text(text, "mapping.yaml", settings.shipped("mappings") / "uzbekistan")
    name = {"phc_monthly": "phc_uz.xlsx", "phc_monthly_json": "phc.json", "phc_monthly_long": "phc_comma.csv"}[names[0]]
    return dhis2_bridge.convert(EXAMPLES / "phc" / name, mapping, instance(), given={"period": "202609"})


def mutated_crosswalk(rng: random.Random, folder: Path) -> Any:
    shipped = settings.shipped("mappings") / "uzbekistan"
    for name in ("phc_monthly_long.yaml", "phc_lines.csv"):
        content = (shipped / name).read_bytes()
        (folder / name).write_bytes(mutate.mutated(rng, content) if name.endswith(".csv") else content)
    mapping = dhis2_bridge.load_mapping(folder / "phc_monthly_long.yaml")
    return dhis2_bridge.convert(EXAMPLES / "phc" / "phc_comma.csv", mapping, instance())


def random_yaml(rng: random.Random, folder: Path) -> Any:
    marks = ": : { } [ ] &a *a << !!python/object | > ' \" 1 x # --- é yes 0x1f ,"
    words = [
        *marks.split(" "),
        "\n",
        "\n  ",
        "\n- ",
        "\t",
        "mapping",
        "version",
        "data_set",
        "org_unit",
        "period",
        "value",
    ]
    return mapping_file.load_text(mutate.sentence(rng, words, 60))


def random_predicate(rng: random.Random, folder: Path) -> Any:
    words = "a b = <> < >= and or not in ( ) , between is null like 'x' '%y_' 1 1.5 - + * / || case when then else end"
    hostile = "; -- /* '' ? ` select exists :: cast now() x'00' $1 true 1e400 '2026-01-01' \"c d\""
    is_condition = rng.random() < 0.7
    right = mutate.condition(rng) if is_condition else mutate.expression(rng, rng.choice(("text", "number")))
    text = mutate.sentence(rng, f"{words} {hostile}".split(" "), 12) if rng.random() < 0.2 else right
    if rng.random() < 0.2:
        text = mutate.mutated(rng, text.encode()).decode("utf-8", "replace")
    make = predicates.compile if is_condition else predicates.compile_value
    made = make(text, {"b": predicates.ColumnType("number", "."), "d": predicates.ColumnType("date", "dd.mm.yyyy")})
    frame = pl.DataFrame({"n": ["", "x", "1", "1,5", None, "9" * 400, "31.12.9999", "2026-09-01", "-0", "٣"]})
    decided = made.decide(frame, dict.fromkeys(made.columns, "n"))
    assert len(decided.answer) == frame.height
    return made


def mutated_snapshot(rng: random.Random, folder: Path) -> Any:
    path = folder / "snapshot.json"
    if rng.random() < 0.4:
        path.write_bytes(mutate.mutated(rng, example("metadata/uz_phc_m.json")))
    else:
        document = mutate.mutated_document(rng, json.loads(example("metadata/uz_phc_m.json")))
        path.write_text(json.dumps(document), encoding="utf-8")
    held = snapshot.load(path)
    return dhis2_bridge.convert(EXAMPLES / "phc" / "phc_comma.csv", form("phc_monthly_long"), held)


def mutated_run(rng: random.Random, folder: Path) -> Any:
    run = folder / "run"
    convert(example("phc/phc_comma.csv")[:600], folder, "phc_monthly_long").write(run)
    path = rng.choice(sorted(path for path in run.rglob("*") if path.is_file()))
    path.write_bytes(mutate.mutated(rng, path.read_bytes()))
    return runs.read(run)


KINDS: dict[Callable[[random.Random, Path], Any], int] = {
    mutated_csv: 14,
    streamed_csv: 4,
    mutated_json: 8,
    changed_json: 6,
    mutated_ndjson: 6,
    mutated_workbook: 8,
    mutated_xml: 12,
    mutated_binary: 6,
    random_bytes: 4,
    random_table: 8,
    random_json: 6,
    opened: 6,
    mutated_mapping: 12,
    mutated_crosswalk: 3,
    random_yaml: 3,
    random_predicate: 6,
    mutated_snapshot: 8,
    mutated_run: 2,
}
"""How often each kind of input comes."""


# -- what has to be true of each -------------------------------------------------------------------------------------


@contextmanager
def watched(seconds: int) -> Iterator[None]:
    """Ends what takes too long; where not even a signal is heard, the whole process."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    faulthandler.dump_traceback_later(6 * seconds, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def peak() -> int:
    """The most memory that this process has held so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def judge_conversion(result: dhis2_bridge.Conversion, rng: random.Random) -> str:
    counts = result.counts()
    ready = result.ready
    assert counts["values_ready"] == ready.height
    assert sum(len(json.loads(chunk.body)["dataValues"]) for chunk in result.chunks()) == ready.height
    assert (
        ready.select("data_set", "data_element", "period", "org_unit", "value", "row").null_count().sum_horizontal()[0]
        == 0
    )
    key = ("data_element", "org_unit", "period", "category_option_combo", "attribute_option_combo")
    assert ready.select(key).is_duplicated().sum() == 0
    assert set(result.findings["code"]) <= set(CODES)
    # Silence is no success: what gave no value says why.
    assert ready.height or result.errors
    assert result.exit_code == (3 if result.errors else 0)
    language = rng.choice(LANGUAGES)
    for line in findings_text(result.findings, language).split("\n"):
        assert line.replace("\u00a0", " ").isprintable(), ascii(line)  # Russian parts thousands with it
    json.dumps(list(findings_json(result.findings.head(50), language)))
    return "findings" if result.errors else "clean"


def judge_error(error: Exception) -> str:
    if isinstance(error, PredicateError):
        assert error.problems
        return "PredicateError"
    lines = lines_of(error)
    assert all(0 < len(line) <= 2 * LONGEST_LINE for line in lines)
    assert all(line.isprintable() for line in lines), ascii(lines)
    if isinstance(error, MappingError):
        assert len(lines) == len(error.problems)
        assert all(line.startswith(f"{error.path}:") for line in lines)
    elif isinstance(error, Unreadable):
        assert error.finding.code in CODES
    elif len(lines) > 1:
        # Several faults of one snapshot: each line names the file.
        assert len({line.partition(": ")[0] for line in lines}) == 1
    return type(error).__name__


def run_one(number: int, folder: Path) -> tuple[str, str]:
    """The kind of one input and how it ended."""
    rng = random.Random(number)
    make = rng.choices(list(KINDS), list(KINDS.values()))[0]
    folder.mkdir()
    try:
        result = make(rng, folder)
    except (BridgeError, PredicateError) as error:
        return make.__name__, judge_error(error)
    if isinstance(result, dhis2_bridge.Conversion):
        return make.__name__, judge_conversion(result, rng)
    return make.__name__, "read"


def run_block(start: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = folder / "spool"
    spool.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spool))
    ended: Counter[tuple[str, str]] = Counter()
    slowest = (0.0, 0)
    instance()
    for number in range(start, start + BLOCK):
        before, memory = time.perf_counter(), peak()
        try:
            with watched(SECONDS_FOR_ONE):
                ended[run_one(number, folder / str(number))] += 1
        except BaseException as error:
            error.add_note(f"input {number}")
            raise
        assert peak() - memory < MEMORY_FOR_ONE, f"input {number}"
        slowest = max(slowest, (time.perf_counter() - before, number))
    gc.collect()
    assert list(spool.iterdir()) == []
    for (kind, how), count in sorted(ended.items()):
        print(f"{kind} {how} {count}")
    print(f"slowest {slowest[0]:.2f} {slowest[1]} peak {peak() >> 20}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    whole = "whole" in str(metafunc.config.getoption("markexpr"))
    blocks = range(0, WHOLE if whole else USUAL, BLOCK)
    metafunc.parametrize("start", [pytest.param(start, marks=[pytest.mark.whole] * whole) for start in blocks])


def test_any_input_ends_well(start: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_block(start, tmp_path, monkeypatch)
