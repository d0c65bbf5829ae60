import json
import pickle
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dhis2_bridge import mapping_file, yaml_nodes
from dhis2_bridge.findings import MappingError
from dhis2_bridge.mapping import Mapping
from dhis2_bridge.mapping_fields import period_bounds, template
from dhis2_bridge.yaml_nodes import Plain

LONG = """\
mapping: practice-long
version: 1
data_set: PRACTICE_M
org_unit: {column: facility, match: code}
period: {column: period, type: Monthly}
data_element: {column: line, crosswalk: lines.csv}
value: {column: value}
"""

FORM = """\
mapping: practice-form
version: 3
title: A form for practice
data_set: PRACTICE_M
recognise: {title: ["*PRACTICE_M*", "*Mashq*"], periods: 2026-01..}

source:
  header: {anchor: line, rows: 2, skip: column_numbers}
  ends: {words: [Rahbar, Директор]}

columns:
  line:   [Satr kodi, Код строки]
  label:  [Ko'rsatkich, Показатель]
  total:  [Jami, Итого]
  male:   Erkak
  female: Ayol
  started: {labels: Sana, date: dd.mm.yyyy}
  rate:   {number: ","}

org_unit: {cell: {right_of: [Muassasa kodi, Код учреждения]}, match: [code, uid], prefix: HRM_}
period:   {cell: {matches: "Davr: {}"}, type: Monthly}
data_element:
  column: line
  crosswalk: {file: lines.csv, target: data_element}
  confirm: label

category_options:
  SEX:  {header: 1, map: {male: M, female: F}}
  AGE5: {header: 2, crosswalk: age5.csv, total: Hammasi}

cells: {blank: not_reported, "-": zero, x: not_applicable}
booleans: {ha: true, "yo'q": false}
totals: check
computed:
  late: case when started > '2026-01-31' then 'L' end
where: late is null and rate > 0.5
"""

BASE = LONG.replace(", crosswalk: lines.csv", "")

SHEETS = """\
mapping: practice-sheets
version: 2
org_unit: {sheet_name: true}
period: {given: true, type: Quarterly}
source:
  header: {anchor: code}
columns:
  code: Kod
data_element: {column: code}
category_options:
  SEX: {header: 1}
tables:
  - data_set: FIRST_Q
  - data_set: SECOND_Q
    source: {header: {row: 12}}
    org_unit: {column: unit, match: code}
    columns: {unit: Bo'lim}
    category_options: {SEX: null}
"""
FILES = {
    "lines.csv": "line,data_element,label\n01,DE_1,Bir\n02,DE_2,Ikki\n",
    "age5.csv": "shown,option\n0-4,A1\n5-9,A2\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def refused(text: str, folder: Path | None = None) -> list[tuple[int, int, str]]:
    with pytest.raises(MappingError) as caught:
        mapping_file.load_text(text, "practice.yaml", folder)
    assert caught.value.path == "practice.yaml"
    return caught.value.problems


def place_of(text: str, words: str) -> tuple[int, int]:
    """Line and column, from 1, of the first place of these words."""
    before = text[: text.index(words)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


# -- what is read --------------------------------------------------------------------------------------------------


def test_a_form_is_read_whole(folder: Path) -> None:
    held = mapping_file.load_text(FORM, "form.yaml", folder)
    assert (held.mapping, held.version, held.path) == ("practice-form", 3, "form.yaml")
    assert held.recognise is not None
    assert held.recognise.title == ("*PRACTICE_M*", "*Mashq*")
    (table,) = held.tables
    assert table.data_set == "PRACTICE_M"
    assert table.source.header.rows == 2
    assert table.source.ends is not None
    assert table.source.ends.words == ("Rahbar", "Директор")
    assert table.columns["male"].labels == ("Erkak",)
    assert table.labels("rate") == ("rate",)
    assert table.labels("no such column") == ("no such column",)
    assert table.labels_of("no such column") == ()
    assert table.words()["erkak"] == ("male",)
    assert table.org_unit is not None
    assert table.org_unit.match == ("code", "uid")
    assert table.category_options["SEX"].map == {"male": "M", "female": "F"}
    assert table.category_options["AGE5"].total == ("Hammasi",)
    assert table.cells == {"blank": "not_reported", "-": "zero", "x": "not_applicable"}
    assert table.booleans == {"ha": True, "yo'q": False}
    assert table.predicate_columns() == {"started", "rate"}
    assert [key for key, _ in table.single_dimensions()] == ["org_unit", "period", "data_element"]


def test_crosswalks_are_read_and_bound(folder: Path) -> None:
    held = mapping_file.load_text(FORM, "form.yaml", folder)
    (table,) = held.tables
    assert sorted(held.crosswalks) == ["age5.csv", "lines.csv"]
    assert table.data_element is not None
    lines = table.crosswalk(table.data_element)
    assert lines is not None
    assert lines.targets == {("01",): ("DE_1", 2), ("02",): ("DE_2", 3)}
    assert table.crosswalk_keys(table.data_element) == {"01", "02"}
    assert table.data_element.column_names() == ("line", "label")
    ages = table.crosswalk(table.category_options["AGE5"])
    assert ages is not None
    assert (ages.key, ages.target) == (("shown",), "option")
    assert table.org_unit is not None
    assert table.crosswalk(table.org_unit) is None


def test_a_key_of_several_columns_and_aliases(folder: Path) -> None:
    (folder / "sections.csv").write_text("section,line,data_element\nA,01,DE_1\nB,01,DE_2\n", encoding="utf-8")
    (folder / "names.csv").write_text("label,target\nEski nom,UNIT_1\n", encoding="utf-8")
    text = LONG.replace(
        "{column: line, crosswalk: lines.csv}", "{column: line, crosswalk: sections.csv, key: [section, line]}"
    )
    text = text.replace(
        "{column: facility, match: code}", "{column: facility, below: {column: district}, aliases: names.csv}"
    )
    (table,) = mapping_file.load_text(text, folder=folder).tables
    assert table.data_element is not None
    assert table.data_element.label_columns() == ("section", "line")
    assert table.crosswalk_keys(table.data_element) == {"01"}
    assert table.org_unit is not None
    assert table.aliases(table.org_unit) == {"Eski nom": "UNIT_1"}


@pytest.mark.parametrize(
    "scalar", ["012", "yes", "No", "on", "0x1F", "1_000", "2026-01-31", "1e3", "1.10", "true", "12:30:45", ".5"]
)
def test_a_scalar_stays_the_text_that_was_written(scalar: str) -> None:
    text = LONG.replace(", crosswalk: lines.csv}", f", map: {{{scalar}: {scalar}}}}}")
    (table,) = mapping_file.load_text(text).tables
    assert table.data_element is not None
    assert table.data_element.map == {scalar: scalar}


@pytest.mark.parametrize("written", ["'3'", "03", "3.0", "0x3", "1_000", "three", "true", "[3]", "{a: 3}"])
def test_a_number_is_a_plain_one(written: str) -> None:
    assert any("whole number" in message for *_, message in refused(LONG.replace("version: 1", f"version: {written}")))


@pytest.mark.parametrize("written", ["'true'", "yes", "on", "1", "[true]"])
def test_true_and_false_are_plain_ones(written: str) -> None:
    (problem,) = refused(LONG.replace(", crosswalk: lines.csv", "") + f"source: {{transpose: {written}}}\n")
    assert problem[:2] == (8, 21)
    assert "true or false" in problem[2]


def test_a_key_without_a_value_counts_as_absent() -> None:
    text = LONG.replace(", crosswalk: lines.csv", "") + "where:\ntitle: ~\nsource: {ends: null, sheets: }\n"
    held = mapping_file.load_text(text)
    assert (held.title, held.tables[0].where, held.tables[0].source.ends) == (None, None, None)


def test_short_and_long_forms_are_the_same(folder: Path) -> None:
    short = mapping_file.load_text(LONG + "columns: {line: Kod, value: , period: [Davr]}\n", folder=folder)
    written = LONG.replace("crosswalk: lines.csv", "crosswalk: {file: lines.csv}")
    long = mapping_file.load_text(
        written + "columns: {line: {labels: [Kod]}, value: {}, period: {labels: Davr}}\n", folder=folder
    )
    assert short.tables[0].model_dump() == long.tables[0].model_dump()


def test_plain_values_and_yaml_are_the_same(folder: Path) -> None:
    values = {
        "mapping": "practice-long",
        "version": 1,
        "data_set": "PRACTICE_M",
        "org_unit": {"column": "facility", "match": "code"},
        "period": {"column": "period", "type": "Monthly"},
        "data_element": {"column": "line", "crosswalk": "lines.csv"},
        "value": {"column": "value"},
    }
    held = mapping_file.from_dict(values, folder=folder)
    assert held.model_dump() == mapping_file.load_text(LONG, folder=folder).model_dump()
    assert held.line(("version",)) == held.tables[0].line(("period",)) == 1


# -- lines, hash, files --------------------------------------------------------------------------------------------


def test_every_key_knows_its_line(folder: Path) -> None:
    held = mapping_file.load_text(FORM, "form.yaml", folder)
    (table,) = held.tables
    assert table.path == "form.yaml"
    assert held.mark("version") == place_of(FORM, "version")
    assert table.mark("category_options", "AGE5") == place_of(FORM, "AGE5")
    assert table.mark("columns", "label") == place_of(FORM, "label: ")
    assert table.line(("category_options", "AGE5", "header")) == place_of(FORM, "AGE5")[0]
    assert table.mark("category_options", "no such") == place_of(FORM, "category_options")
    assert table.mark() == (1, 1)


def test_tables_take_over_what_they_do_not_say_and_know_where_it_stands() -> None:
    first, second = mapping_file.load_text(SHEETS).tables
    assert (first.data_set, second.data_set) == ("FIRST_Q", "SECOND_Q")
    assert first.org_unit is not None
    assert second.org_unit is not None
    assert first.org_unit.place == "sheet_name"
    assert first.org_unit.sheet_name is True
    assert second.org_unit.place == "column"
    assert (first.source.header.anchor, second.source.header.anchor) == ("code", None)
    assert second.source.header.row == 12
    assert sorted(second.columns) == ["code", "unit"]
    assert sorted(first.category_options) == ["SEX"]
    assert second.category_options == {}
    assert first.mark("org_unit") == place_of(SHEETS, "org_unit")
    assert second.mark("org_unit") == place_of(SHEETS, "org_unit: {column")
    assert second.mark("columns", "code") == place_of(SHEETS, "code: Kod")
    assert second.mark("columns", "unit") == place_of(SHEETS, "unit: Bo")
    assert second.mark("period") == place_of(SHEETS, "period")


def test_a_list_replaces_a_list_and_a_cell_its_place() -> None:
    text = SHEETS.replace("{sheet_name: true}", "{cell: {right_of: [A, B]}, match: code}").replace(
        "{column: unit, match: code}", "{cell: {at: B4}}"
    )
    text = text.replace("source:\n", "source:\n  ignore: [x, y]\n", 1).replace("{header: {row: 12}}", "{ignore: z}")
    first, second = mapping_file.load_text(text).tables
    assert first.source.ignore == ("x", "y")
    assert second.source.ignore == ("z",)
    assert second.org_unit is not None
    assert second.org_unit.cell is not None
    assert (second.org_unit.cell.at, second.org_unit.cell.right_of) == ("B4", ())
    assert second.org_unit.cell.place() == (4, 2)
    assert second.org_unit.match == ("code",)


def test_the_hash_is_over_the_mapping_and_its_files(folder: Path) -> None:
    path = folder / "long.yaml"
    path.write_text(LONG, encoding="utf-8")
    before = mapping_file.load(path).sha256
    assert mapping_file.load(path).sha256 == before
    (folder / "lines.csv").write_text(FILES["lines.csv"] + "03,DE_3,Uch\n", encoding="utf-8")
    changed = mapping_file.load(path).sha256
    assert changed != before
    path.write_text(LONG + "# a note\n", encoding="utf-8")
    assert mapping_file.load(path).sha256 not in {before, changed}


def test_a_mapping_can_be_sent_to_another_process(folder: Path) -> None:
    held = mapping_file.load_text(FORM, "form.yaml", folder)
    again: Mapping = pickle.loads(pickle.dumps(held))
    assert again.model_dump() == held.model_dump()
    (table,) = again.tables
    assert table.data_element is not None
    assert table.crosswalk(table.data_element) is not None
    assert table.mark("period") == held.tables[0].mark("period")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent.csv", "is not there"),
        ("../lines.csv", "outside"),
        ("link.csv", "outside"),
        ("/etc/hostname", "within the mapping's folder"),
        ("a\\\\b.csv", "within the mapping's folder"),
        ("C:/lines.csv", "within the mapping's folder"),
        (".", "cannot be opened"),
        ("broken.csv", "row 2: 3 cells"),
        ("twice.csv", "row 3: '01' leads to"),
    ],
)
def test_a_file_must_stand_beside_the_mapping_and_be_sound(folder: Path, name: str, words: str) -> None:
    inner = folder / "inner"
    inner.mkdir()
    (inner / "broken.csv").write_text("line,data_element\n1,2,3\n")
    (inner / "twice.csv").write_text("line,data_element\n01,DE_1\n01,DE_2\n")
    (inner / "link.csv").symlink_to(folder / "lines.csv")
    (problem,) = refused(LONG.replace("lines.csv", f'"{name}"'), inner)
    assert words in problem[2]
    assert problem[:2] == place_of(LONG, "lines.csv")


def test_without_a_folder_no_file_is_found() -> None:
    (problem,) = refused(LONG)
    assert "without a folder" in problem[2]


def test_a_mapping_that_is_absent_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="cannot be opened"):
        mapping_file.load(tmp_path / "absent.yaml")
    with pytest.raises(MappingError, match="cannot be opened"):
        mapping_file.load(tmp_path)
    path = tmp_path / "cp1251.yaml"
    path.write_bytes(b"mapping: x\ntitle: " + "Форма".encode("cp1251"))
    with pytest.raises(MappingError, match=r":2:1: this line is not UTF-8"):
        mapping_file.load(path)
    path.write_bytes(b"\xef\xbb\xbf" + LONG.replace(", crosswalk: lines.csv", "").encode())
    assert mapping_file.load(path).mark("version") == (2, 1)


def test_a_mapping_without_predicates_does_not_pay_for_their_parser() -> None:
    load = f"from dhis2_bridge import mapping_file; mapping_file.load_text({BASE!r})"
    code = f"import sys; {load}; print('sqlglot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# -- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "marked", "words"),
    [
        (BASE + "wehre: a = 'x'\n", "wehre", "did you mean 'where'?"),
        (BASE + "source: {hedaer: {row: 1}}\n", "hedaer", "did you mean 'header'?"),
        (BASE + "category_options: {SEX: {headr: 1, constant: M}}\n", "headr", "did you mean 'header'?"),
        (BASE + "zzz: 1\n", "zzz", "the keys are mapping, version"),
        (BASE + "repeat: {from_: Kod}\n", "from_", "did you mean 'from'?"),
        (BASE + "<<: {a: b}\n", "<<", "no key '<<'"),
        (BASE.replace("Monthly", "Monthy"), "Monthy", "did you mean 'Monthly'?"),
        (BASE + "totals: chek\n", "chek", "'check', 'warn' or 'ignore'"),
        (BASE + "cells: {x: nothing}\n", "nothing", "'zero'"),
        (BASE + "cells: {blank: not_applicable}\n", "not_applicable", "not_reported or zero"),
        (BASE + "units: []\n", "[]", "empty"),
        (BASE + "units: {a: b}\n", "{a: b}", "a text or a list of texts"),
        (BASE + "units: ['']\n", "''", "blank"),
        (BASE + "units: [[a]]\n", "[a]", "a text is wanted"),
        (BASE + "computed: late\n", "late", "a block of keys is wanted"),
        (BASE + "org_unit2: x\n", "org_unit2", "did you mean 'org_unit'?"),
        (BASE + "comment: note\n", "note", "a block of keys is wanted"),
        (BASE + "comment: {}\n", "comment", "'column' is missing"),
        (BASE.replace("match: code", "match: kode"), "kode", "uid, code, name"),
        (BASE.replace("match: code", "match: 'ATTRIBUTE:short'"), "'ATTRIBUTE", "uid, code, name"),
        (BASE.replace("match: code", "constant: X"), "{column: facility", "column and constant stand here together"),
        (BASE.replace("{column: facility, match: code}", "{match: code}"), "{match", "none stands here"),
        (BASE.replace("column: facility", "cell: {at: B4, below: X}"), "{at", "below and at stand here together"),
        (BASE.replace("column: facility", "cell: {at: 4B}"), "4B", "like B4"),
        (BASE.replace("column: facility", "cell: {at: ZZZ1}"), "ZZZ1", "outside any sheet"),
        (BASE.replace("column: facility", "cell: {matches: Davr}"), "Davr", "{}"),
        (BASE.replace("column: facility", 'file_name: "{}_{}"'), '"{}_{}"', "one {}"),
        (BASE.replace("column: facility", "given: false"), "false", "only true"),
        (BASE.replace("column: facility", "columns: [a, b], code: 'X_{a}'"), "{columns", "code names a, but"),
        (BASE.replace("column: facility", "columns: [a, b], code: 'X_{a}_{b'"), "'X_{a}_{b'", "bracket"),
        (BASE.replace("match: code", "key: [a, facility]"), "{column: facility", "key needs a crosswalk"),
        (BASE.replace("match: code", "confirm: a"), "{column: facility", "confirm needs a crosswalk"),
        (BASE.replace("{column: line}", "{header: 2}"), "2}", "the header has 1 row"),
        (BASE.replace("{column: line}", "{header: 0}"), "0}", "too small"),
        (BASE.replace("{column: line}", "{column: line, level: 3}"), "level", "org_unit only"),
        (BASE.replace("{column: line}", "{column: line, total: All}"), "total", "option only"),
        (BASE.replace("match: code", "below: {level: 2}"), "{level", "none stands here"),
        (BASE.replace("type: Monthly", "type: Monthly, date: dd.mm"), "dd.mm", "date pattern"),
        (BASE + "columns: {a: {date: dd.mm}}\n", "dd.mm", "date pattern"),
        (BASE + "columns: {a: {date: dd.mm.yyyy, number: ','}}\n", "{date", "not both"),
        (BASE + "columns: {a: {number: ';'}}\n", "';'", "'.' or ','"),
        (BASE + "source: {header: {anchor: line, row: 3}}\n", "{anchor", "one of them must go"),
        (BASE + "source: {decimal: ',', thousands: ','}\n", "{decimal", "same mark"),
        (BASE + "source: {delimiter: '::'}\n", "'::'", "one character"),
        (BASE + "source: {encoding: cp9999}\n", "cp9999", "no encoding"),
        (BASE + "source: {ends: {blank_row: false}}\n", "{blank_row", "is wanted"),
        (BASE + "recognise: {}\n", "{}", "at least one of"),
        (BASE + "recognise: {periods: soon}\n", "soon", "no year, month or day"),
        (BASE + "recognise: {periods: 2026-12..2026-01}\n", "2026-12..", "ends before it begins"),
        (BASE.replace("{column: value}", "{column: a, columns: [b]}"), "{column: a", "stand here together"),
        (BASE + "sections: {A: Bir, B: [Ikki, Bir]}\n", "[Ikki", "already starts section 'A'"),
        (
            BASE + "category_option_combo: {column: c}\ncategory_options: {SEX: {column: s}}\n",
            "category_option_combo",
            "must go",
        ),
        (BASE + "where: a = \n", "= \n", "cannot be read"),
        (BASE + "where: form = 'A' and size < 5\n", "size", "declare size in `columns`"),
        (BASE + "where: 'kind = ''A'' or read_csv(x)'\n", "'kind", "functions"),
        (BASE + "computed: {a: b + 1}\n", "b + 1", "b is a text"),
        (BASE + "columns: {a: A}\ncomputed: {a: b}\n", "a: b", "already"),
        (BASE.replace("data_element: {column: line}\n", ""), "mapping", "'data_element' is missing"),
        (BASE.replace("data_set: PRACTICE_M\n", ""), "mapping", "'data_set' is missing"),
        (BASE.replace("version: 1\n", ""), "mapping", "'version' is missing"),
        (BASE.replace("type: Monthly", "match: code"), "period: {", "'type' is missing"),
        (BASE + "tables: {}\n", "{}", "tables is a list"),
        (BASE + "tables: []\n", "[]", "tables is a list"),
        (BASE + "tables: [x]\n", "x]", "a block of keys"),
        (BASE + "tables: [{version: 2}]\n", "version: 2", "of the whole mapping"),
        (BASE + "version: 2\n", "version: 2", "it is already in line 2"),
        (BASE + "units: &a [x]\n", "&a", "anchor"),
        (BASE + "units: !!str x\n", "!!str", "tag"),
        (BASE + "units: x\n---\nb: c\n", "---", "second document"),
        (BASE + "? [a]\n: b\n", "[a]", "a key must be one text"),
        (BASE + "units: 'x\n", "", "never closed"),
        (BASE + "units: a: b\n", ": b", "must stand in quotes"),
        (BASE + "units: @x\n", "@x", "must stand in quotes"),
        (BASE + "units: \x07\n", "\x07", "U+0007"),
        ("- a\n", "- a", "a mapping is a block of keys"),
        ("", "", "empty"),
        ("# nothing\n", "", "empty"),
    ],
)
def test_a_wrong_key_or_value_is_told_with_its_place(text: str, marked: str, words: str) -> None:
    problems = refused(text)
    found = [problem for problem in problems if words in problem[2]]
    assert found, problems
    if marked:
        assert found[0][:2] == place_of(text, marked), problems
    assert len(problems) <= 2, problems


def test_all_problems_of_a_file_are_told_at_once_in_file_order(folder: Path) -> None:
    text = FORM.replace("version: 3", "version: 3rd").replace("rows: 2", "rows: two").replace("Monthly", "Monthy")
    text = text.replace("age5.csv", "age6.csv").replace("rate > 0.5", "label > 5").replace("confirm", "confrim")
    text = text.replace("totals: check", "totals: check\ncells: {}")
    problems = refused(text, folder)
    assert problems == sorted(problems)
    told = [line for line, _, _ in problems]
    for words in ("3rd", "two", "Monthy", "confrim", "age6", "cells: {}", "label > 5"):
        assert place_of(text, words)[0] in told, words
    for _, _, message in problems:
        assert not re.search(r"pydantic|Input should|type=|https?:|Error", message), message


def test_a_problem_that_tables_share_is_told_once() -> None:
    text = SHEETS.replace("match: code", "match: kode").replace(
        "data_element: {column: code}", "data_element: {colum: code}"
    )
    problems = refused(text)
    assert len([message for _, _, message in problems if "'colum'" in message]) == 1


def test_loose_cells_stand_for_what_they_have_a_column_for(folder: Path) -> None:
    (folder / "cells.csv").write_text("sheet,cell,data_element,SEX\nS1,B4,DE_1,M\nS1,B5,DE_1,F\n")
    text = BASE.replace("data_element: {column: line}\n", "loose_cells: cells.csv\n").replace(
        "value: {column: value}\n", ""
    )
    (table,) = mapping_file.load_text(text, folder=folder).tables
    held = table.loose_cells_table()
    assert held is not None
    assert [row["cell"] for row in held.rows] == ["B4", "B5"]
    (folder / "cells.csv").write_text("sheet,cell,data_element\nS1,4B,DE_1\nS1,B5,\nS1,B5,DE_2\n")
    messages = [message for _, _, message in refused(text, folder)]
    assert [message.partition(":")[0] for message in messages] == [f"cells.csv, row {row}" for row in (2, 3, 4)]
    (folder / "cells.csv").write_text("sheet,cell\nS1,B4\n")
    assert "no column 'data_element'" in refused(text, folder)[0][2]


def test_problems_of_plain_values_begin_with_their_key() -> None:
    with pytest.raises(MappingError) as caught:
        mapping_file.from_dict({"mapping": "a", "version": "1", "data_set": "X", "org_unit": {"cell": {"at": "B"}}})
    messages = [message for _, _, message in caught.value.problems]
    assert any(message.startswith("version: ") for message in messages)
    assert any(message.startswith("org_unit.cell.at: ") for message in messages)
    for wrong in ({1: "a"}, {"a": 1.5}, {"a": {"b": object()}}):
        with pytest.raises(MappingError):
            mapping_file.from_dict(wrong)  # type: ignore[arg-type]


# -- hostile texts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * 100_000,
        "- " * 100_000,
        "? " * 50_000,
        "a: " + "b" * 1_000_001,
        "a: [" + "x," * 150_000 + "x]",
        "a: &a [x, x]\n" + "\n".join(f"b{i}: &b{i} [*a, *a]" for i in range(500)),
        "a: &a [*a]",
        "\ud800",
        "\x00",
        "%YAML 9.9\n---\na: b",
        "!!python/object/apply:os.system ['true']",
        "a: !!python/name:os.system x",
    ],
)
def test_hostile_yaml_is_refused_soon(text: str) -> None:
    yaml_nodes.read("a: b", "warm")
    start = time.perf_counter()
    assert refused(text)
    assert time.perf_counter() - start < 3.0


@given(
    st.text(max_size=80)
    | st.lists(st.sampled_from([*"abc:-[]{}&*!|>'\"%@`?#, \n\t", "  ", "- ", ": "]), max_size=40).map("".join)
)
def test_any_text_is_a_mapping_or_a_mapping_error(text: str) -> None:
    with pytest.raises(MappingError) as caught:
        mapping_file.load_text(text)
    lines = text.count("\n") + text.count("\r") + text.count("\x85") + text.count("\u2028") + text.count("\u2029") + 2
    assert all(1 <= line <= lines and column >= 1 for line, column, _ in caught.value.problems)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_mapping_with_a_stretch_changed_is_one_or_a_mapping_error(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([BASE, SHEETS, FORM]))
    start = data.draw(st.integers(0, len(text) - 1))
    stop = data.draw(st.integers(start, min(start + 12, len(text))))
    text = (
        text[:start]
        + data.draw(st.sampled_from(["", "x", "1", "null", "[]", "{}", "\n", "- ", ": ", "'", "true"]))
        + text[stop:]
    )
    try:
        mapping_file.load_text(text)
    except MappingError as error:
        assert error.problems


SCALARS = st.text(alphabet="ab1 ё'\"\\:#-\t", max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3), max_leaves=12
)


@given(VALUES, st.sampled_from([None, 1]))
def test_what_is_written_is_read_and_every_scalar_stands_where_its_spot_says(values: Any, indent: int | None) -> None:
    text = json.dumps(values, ensure_ascii=False, indent=indent)
    if re.search(r'"[^"\n]{1000}', text):
        return
    document = yaml_nodes.read(text, "x")
    assert document.data == values
    lines = text.split("\n")
    for path, spot in document.spots.items():
        held = values
        for key in path:
            held = held[key]
        if isinstance(held, str):
            written = json.dumps(held, ensure_ascii=False)
            line, column = spot.value
            assert lines[line - 1].startswith(written, column - 1)
            assert spot.text == (column + 1 if len(written) == len(held) + 2 else None)
        if path and isinstance(path[-1], str):
            line, column = spot.key
            assert lines[line - 1].startswith(json.dumps(path[-1], ensure_ascii=False), column - 1)


def test_only_what_stands_without_quotes_is_plain() -> None:
    held = yaml_nodes.read("a: 1\nb: '1'\nc: \"1\"\nd: |\n  1\n", "x").data
    assert [isinstance(value, Plain) for value in held.values()] == [True, False, False, False]


def test_the_slow_loader_reads_the_same(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    fast = mapping_file.load_text(FORM, folder=folder)
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    slow = mapping_file.load_text(FORM, folder=folder)
    assert slow.model_dump() == fast.model_dump()
    assert slow.tables[0].mark("category_options", "AGE5") == fast.tables[0].mark("category_options", "AGE5")


# -- pieces --------------------------------------------------------------------------------------------------------


def test_a_template_is_filled_and_its_bracket_falls_away() -> None:
    made = template("HRM_{org}[_{unit}]")
    assert made.columns == ("org", "unit")
    assert made.fill({"org": "7", "unit": "02"}) == "HRM_7_02"
    assert made.fill({"org": "7", "unit": ""}) == "HRM_7"
    assert made.fill({"org": "7"}) == "HRM_7"
    assert made.fill({"org": "", "unit": "02"}) is None
    assert template("{a}-{b}x").fill({"a": "1", "b": "2"}) == "1-2x"


@pytest.mark.parametrize("text", ["plain", "{}", "{a", "a}", "[a]{b}", "[{a}", "{a}]", "[[{a}]]", "{a{b}}", ""])
def test_a_template_with_a_lost_bracket_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"bracket|column|holds no"):
        template(text)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-01..", "2026-01-01", None),
        ("..2024-02", None, "2024-02-29"),
        ("2026-01..2026-06", "2026-01-01", "2026-06-30"),
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026-03-05..2027", "2026-03-05", "2027-12-31"),
    ],
)
def test_a_range_of_periods_has_its_days(text: str, first: str | None, last: str | None) -> None:
    begin, end = period_bounds(text)
    assert (begin and begin.isoformat(), end and end.isoformat()) == (first, last)


@pytest.mark.parametrize(
    "text", ["..", "", "2026-13", "2026-02-30", "26-01", "2026-1", "2026W1..", "a..b", "2026-01...2026-02"]
)
def test_what_is_no_range_of_periods(text: str) -> None:
    with pytest.raises(ValueError, match=r"period|year|begins"):
        period_bounds(text)


# -- the schema ----------------------------------------------------------------------------------------------------


def as_an_editor_reads(text: str) -> Any:
    """The document by the rules of YAML 1.2, which editors follow: only numbers, true, false and null are no text."""

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("(true|false)$"), list("tf"))
    Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("(null|~|)$"), ["n", "~", ""])
    Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile("-?[0-9]+$"), list("-0123456789"))
    return yaml.load(text, Loader)


def test_the_schema_accepts_what_loads_and_refuses_unknown_keys(folder: Path) -> None:
    schema = mapping_file.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    texts = [LONG, FORM, SHEETS, BASE + "columns: {a: , b: [12, x]}\nsource: {ends: null}\ncells: {}\n"]
    for text in texts:
        mapping_file.load_text(text, folder=folder)
        assert [error.message for error in validator.iter_errors(as_an_editor_reads(text))] == []
    for text in [
        BASE + "wehre: x\n",
        BASE + "source: {hedaer: {row: 1}}\n",
        BASE + "totals: chek\n",
        "mapping: a\nversion: 1\n",
    ]:
        assert not validator.is_valid(as_an_editor_reads(text))


def test_the_schema_says_what_every_key_is() -> None:
    def undescribed(node: Any, path: str) -> list[str]:
        found = []
        if isinstance(node, dict):
            for key, held in node.get("properties", {}).items() if isinstance(node.get("properties"), dict) else ():
                if not held.get("description"):
                    found.append(f"{path}.{key}")
            for key, held in node.items():
                found += undescribed(held, f"{path}.{key}")
        return found

    assert undescribed(mapping_file.schema(), "") == []


def test_the_shipped_schema_is_fresh() -> None:
    path = Path(__file__).resolve().parents[1] / "schemas" / "mapping.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == mapping_file.schema()
