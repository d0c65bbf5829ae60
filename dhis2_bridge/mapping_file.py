"""Reads a mapping file: YAML to models, every problem with its line and column, tables with what they take over."""

import functools
from collections.abc import Collection
from pathlib import Path as FilePath
from typing import Any, Final

from pydantic import ValidationError

from dhis2_bridge import mapping_rules, workforce_rules, yaml_nodes
from dhis2_bridge.findings import MappingError
from dhis2_bridge.mapping import CELL_PLACES, PLACES, Mapping, MappingTable
from dhis2_bridge.mapping_fields import is_null, kind_of
from dhis2_bridge.mapping_schema import schema
from dhis2_bridge.yaml_nodes import Document, Path, Problem
from dhis2_bridge.yaml_problems import messages

__all__ = ["OF_THE_FILE", "from_dict", "load", "load_text", "schema"]

OF_THE_FILE: Final = ("mapping", "version", "title", "instance", "recognise", "sources", "workforce")
"""Keys of the whole mapping; all others belong to its tables."""

_DIMENSIONS: Final = frozenset(
    {"org_unit", "period", "data_element", "category_option_combo", "attribute_option_combo"}
)
_BY_CATEGORY: Final = frozenset({"category_options", "attribute_options"})


def load(path: FilePath | str) -> Mapping:
    """The mapping in a file, with the files beside it.

    Raises MappingError with every problem of the file: syntax, unknown, missing or wrong keys, files that are absent
    or broken, predicates that do not parse.
    """
    file = FilePath(path)
    return load_text(yaml_nodes.text_of(file, str(path)), str(path), file.parent)


def load_text(text: str, name: str = "mapping", folder: FilePath | str | None = None) -> Mapping:
    """The mapping in a YAML text; `name` is what messages call it, and files are read from `folder`.

    Raises MappingError, as `load` does; without a folder every file that it names is a problem.
    """
    return _build(yaml_nodes.read(text, name), name, folder, text.encode(errors="replace"))


def from_dict(values: dict[str, Any], name: str = "mapping", folder: FilePath | str | None = None) -> Mapping:
    """The mapping in plain Python values (dict, list, str, bool, int, None), as a YAML reader would give them.

    Raises MappingError, as `load` does. There are no lines, so each message begins with the key it is about.
    """
    return _build(yaml_nodes.from_values(values, name), name, folder, repr(values).encode(errors="replace"))


def _build(document: Document, name: str, folder: FilePath | str | None, content: bytes) -> Mapping:
    problems = _Problems(name, document)
    if not isinstance(document.data, dict):
        problems.add((), f"a mapping is a block of keys, and {kind_of(document.data)} stands")
        problems.raise_any()
    whole = _whole(document.data, problems)
    broken: dict[int, set[str]] = {}
    mapping: Mapping | None = None
    try:
        mapping = Mapping.model_validate(whole)
    except ValidationError as error:
        for path, message, of_key in messages(error, whole, Mapping, OF_THE_FILE):
            problems.add(path, message, None if of_key else 0)
        broken = _broken(error)
        tables = [_sound(table, broken.get(index, set())) for index, table in enumerate(whole["tables"])]
    else:
        tables = list(mapping.tables)
    files = mapping_rules.Folder(FilePath(folder) if folder is not None else None)
    for index, table in enumerate(tables):
        report = functools.partial(problems.add_of, index)
        mapping_rules.check(table, files, report, broken.get(index, frozenset()))
    if mapping is not None:
        workforce_rules.check(mapping, files, problems.add)
    problems.raise_any()
    if mapping is None:
        raise AssertionError(name)  # What pydantic refused is among the problems.
    for index, table in enumerate(tables):
        table._path, table._document, table._layer = name, document, ("tables", index)
    mapping._path, mapping._document = name, document
    mapping._sha256, mapping._crosswalks = files.sha256(content), files.crosswalks
    return mapping


def _broken(error: ValidationError) -> dict[int, set[str]]:
    """The keys of each table, by its position, that hold a problem."""
    found: dict[int, set[str]] = {}
    for item in error.errors(include_url=False, include_input=False):
        match item["loc"]:
            case ("tables", int(index), str(key), *_):
                found.setdefault(index, set()).add(key)
    return found


def _sound(values: dict[str, Any], broken: Collection[str]) -> MappingTable:
    """The table without its broken keys, so that the rest is checked too: all problems of a file at once."""
    return MappingTable.model_validate({"data_set": "-", **{k: v for k, v in values.items() if k not in broken}})


class _Problems:
    """Problems of one file, each once: what several tables take over is said of the one line where it stands.

    Paths are those of the completed document: `("tables", 0, "org_unit")` also where the file writes no `tables`.
    """

    def __init__(self, name: str, document: Document) -> None:
        self._name = name
        self._document = document
        self._found: dict[Problem, None] = dict.fromkeys(document.problems)

    def add(self, path: Path, message: str, offset: int | None = 0) -> None:
        """Notes a problem of a value, so far into its text; without an offset, of its key."""
        layer: Path = path[:2] if path[:1] == ("tables",) and len(path) > 1 else ()
        rest = path[len(layer) :]
        if not self._document.spots:
            listed = isinstance(self._document.data, dict) and "tables" in self._document.data
            shown = yaml_nodes.dotted(path if listed else rest)
            self._found[1, 1, f"{shown}: {message}" if shown else message] = None
            return
        spot = self._document.spot(rest, layer)
        line, column = spot.key if offset is None else spot.value
        if offset and spot.text is not None:
            column = spot.text + offset
        self._found[line, column, message] = None

    def add_of(self, table: int, path: Path, message: str, offset: int | None = 0) -> None:
        """Notes a problem of one table, by the path within it."""
        self.add(("tables", table, *path), message, offset)

    def raise_any(self) -> None:
        """Raises MappingError with all of them in file order, if there are any."""
        if self._found:
            raise MappingError(self._name, sorted(self._found))


def _whole(data: dict[str, Any], problems: _Problems) -> dict[str, Any]:
    """The document with every table complete: `tables` holds one table at least, each with all that it takes over."""
    of_file = {key: value for key, value in data.items() if key in OF_THE_FILE}
    shared = {key: value for key, value in data.items() if key not in (*OF_THE_FILE, "tables")}
    listed = data.get("tables")
    if is_null(listed):
        listed = [{}]
    elif not isinstance(listed, list) or not listed:
        problems.add(("tables",), f"tables is a list of blocks of keys, and {kind_of(listed)} stands")
        listed = [{}]
    tables: list[Any] = []
    for index, table in enumerate(listed):
        own = table
        if not isinstance(table, dict):
            problems.add(("tables", index), f"a table is a block of keys, and {kind_of(table)} stands")
            own = {}
        for key in own:
            if key in OF_THE_FILE or key == "tables":
                problems.add(("tables", index, key), f"{key} is said of the whole mapping, not of one table", None)
        own = {key: value for key, value in own.items() if key not in OF_THE_FILE and key != "tables"}
        tables.append(_laid(shared, own, ()))
    if not is_null(of_file.get("workforce")):
        _make_long(of_file["workforce"], tables, "tables" in data, problems)
    elif not is_null(of_file.get("sources")):
        problems.add(("sources",), "sources go with workforce: without it every file is recognised by itself", None)
    return {**of_file, "tables": tables}


def _make_long(workforce: Any, tables: list[Any], listed: bool, problems: _Problems) -> None:
    """Makes the one table of a mapping of persons the long one that counting fills."""
    if listed and len(tables) > 1:
        problems.add(("tables",), "a mapping with workforce has one table, that of the counts", None)
    for table in tables:
        for key in workforce_rules.misplaced(table):
            problems.add((key,), f"{key} cannot stand beside workforce, which makes the table", None)
            del table[key]
        table.update(workforce_rules.long_table(workforce))


def _laid(base: Any, over: Any, path: Path) -> Any:
    """`over` laid on `base`: blocks of keys are merged, all else is replaced, and null takes a key away.

    A dimension, cell or header that names a place of its own loses the one that it would take over. `path` is that
    within the table.
    """
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    replaced = {key for group in _exclusive(path) if group & over.keys() for key in group}
    merged = {key: value for key, value in base.items() if key not in replaced}
    for key, value in over.items():
        if key in base and is_null(value):
            merged.pop(key, None)
        elif key in base:
            merged[key] = _laid(base[key], value, (*path, key))
        else:
            merged[key] = value
    return merged


def _exclusive(path: Path) -> tuple[frozenset[str], ...]:
    """The keys that exclude one another in the block at this path of a table."""
    if path == ("source", "header"):
        return (frozenset({"anchor", "row"}),)
    if path == ("value",):
        return (frozenset({"column", "columns"}),)
    if not path or not (path[0] in _DIMENSIONS or (path[0] in _BY_CATEGORY and len(path) > 1)):
        return ()
    if path[-1] == "cell":
        return (frozenset(CELL_PLACES),)
    inner = path[2:] if path[0] in _BY_CATEGORY else path[1:]
    return (frozenset({*PLACES, "code"}),) if set(inner) <= {"below"} else ()
