"""What must hold between the keys of a mapping table, its predicates and the files beside it."""

import codecs
import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path as FilePath
from typing import Final, Protocol

from dhis2_bridge import crosswalks
from dhis2_bridge.crosswalks import Crosswalk
from dhis2_bridge.findings import MappingError
from dhis2_bridge.mapping import ORG_UNIT_KEYS, Dimension, MappingTable
from dhis2_bridge.mapping_fields import cell_place
from dhis2_bridge.yaml_nodes import Path


class Report(Protocol):
    """Notes a problem of a value: its path within the table, a sentence, how far into its text (None: of its key)."""

    def __call__(self, path: Path, message: str, offset: int | None = 0) -> None:
        """Notes it."""


LOOSE_CELL_COLUMNS: Final = ("sheet", "cell", "data_element")


class Folder:
    """The files beside a mapping, each read once. Nothing outside the folder is opened."""

    def __init__(self, folder: FilePath | None) -> None:
        self._folder = folder
        self._read: dict[str, Crosswalk | MappingError] = {}
        self._hashes: dict[str, bytes] = {}

    @property
    def crosswalks(self) -> dict[str, Crosswalk]:
        """The files that could be read, by the name in the mapping."""
        return {name: held for name, held in sorted(self._read.items()) if isinstance(held, Crosswalk)}

    def sha256(self, mapping: bytes) -> str:
        """Hash over the mapping and every file that was read, whatever the order of reading."""
        whole = hashlib.sha256(mapping)
        for name, digest in sorted(self._hashes.items()):
            whole.update(b"\0" + name.encode() + b"\0" + digest)
        return whole.hexdigest()

    def crosswalk(self, name: str) -> Crosswalk:
        """The file of this name. Raises MappingError when it is absent, lies elsewhere or cannot be read."""
        if name not in self._read:
            try:
                self._read[name] = self._open(name)
            except MappingError as error:
                self._read[name] = error
        held = self._read[name]
        if isinstance(held, MappingError):
            raise held
        return held

    def _open(self, name: str) -> Crosswalk:
        def fail(message: str) -> MappingError:
            return MappingError(name, [(0, 1, message)])

        if self._folder is None:
            raise fail("cannot be found, because this mapping was given without a folder")
        if "\\" in name or "\0" in name or FilePath(name).is_absolute() or ":" in name:
            raise fail("must be a name within the mapping's folder, with / between folders")
        base = self._folder.resolve()
        path = (base / name).resolve()
        if not path.is_relative_to(base):
            raise fail("lies outside the mapping's folder")
        try:
            if path.stat().st_size > crosswalks.LARGEST_FILE:
                raise fail(f"is larger than {crosswalks.LARGEST_FILE // 1_000_000} MB")
            content = path.read_bytes()
        except FileNotFoundError:
            raise fail("is not there beside the mapping") from None
        except OSError as error:
            raise fail(f"cannot be opened: {error.strerror}") from None
        self._hashes[name] = hashlib.sha256(content).digest()
        return crosswalks.read(name, content)


def check(table: MappingTable, folder: Folder, report: Report, broken: Collection[str] = ()) -> None:
    """Reports every problem between keys of a table, and binds its files to it.

    `broken` are keys that the table lacks because they hold problems of their own.
    """
    for path, kind, dimension in dimensions(table):
        _check_dimension(dimension, path, kind, folder, report)
        rows = table.source.header.rows
        if dimension.header is not None and dimension.header > rows and "source" not in broken:
            report((*path, "header"), f"the header has {rows} row{'s' * (rows > 1)} (source: header: rows)")
    _check_loose_cells(table, folder, report)
    cells = table._loose_cells
    for key in ("data_element", "org_unit", "period"):
        listed = (table.loose_cells is not None and cells is None) or (cells is not None and key in cells.columns)
        if getattr(table, key) is None and key not in broken and not listed:
            report((), f"the key '{key}' is missing", None)
    for combo, options in (
        ("category_option_combo", "category_options"),
        ("attribute_option_combo", "attribute_options"),
    ):
        if getattr(table, combo) is not None and getattr(table, options):
            report((combo,), f"{combo} names all options, so {options} must go", None)
    if table.cells.get("blank") == "not_applicable":
        report(("cells", "blank"), "an empty cell can mean not_reported or zero")
    if table.source.encoding is not None:
        _check_encoding(table.source.encoding, ("source", "encoding"), report)
    headings: dict[str, str] = {}
    for section, texts in (table.sections or {}).items():
        for text in texts:
            if headings.setdefault(text, section) != section:
                report(("sections", section), f"'{text}' already starts section '{headings[text]}'")
    if table.where is not None or table.computed:
        _check_predicates(table, report)


def report_file(error: MappingError, path: Path, report: Report) -> None:
    """The problems of a file, at the key that names it."""
    for row, _, message in error.problems:
        report(path, f"{error.path}, row {row}: {message}" if row else f"{error.path} {message}")


def dimensions(table: MappingTable) -> Iterator[tuple[Path, str, Dimension]]:
    """Every dimension of a table with its path and its kind, parents and parts included.

    The kind is data_element, org_unit, period, category_option or category_option_combo.
    """

    def walk(path: Path, kind: str, dimension: Dimension) -> Iterator[tuple[Path, str, Dimension]]:
        yield path, kind, dimension
        for index, part in enumerate(dimension.parts):
            yield from walk((*path, "parts", index), kind, part)
        if dimension.below is not None:
            yield from walk((*path, "below"), kind, dimension.below)

    for key, single in table.single_dimensions():
        yield from walk((key,), "category_option_combo" if key == "attribute_option_combo" else key, single)
    for key in ("category_options", "attribute_options"):
        for category, option in getattr(table, key).items():
            yield from walk((key, category), "category_option", option)


def _check_dimension(dimension: Dimension, path: Path, kind: str, folder: Folder, report: Report) -> None:
    if kind != "org_unit":
        for key in ORG_UNIT_KEYS:
            if getattr(dimension, key) is not None:
                report((*path, key), f"{key} is said of an org_unit only", None)
    if dimension.total and kind != "category_option":
        report((*path, "total"), "total is said of a category's option only", None)
    labels = dimension.label_columns() if dimension.code is None else ()
    if (use := dimension.crosswalk) is not None:
        try:
            bound = crosswalks.bind(folder.crosswalk(use.file), kind, labels, use.key, use.target)
        except MappingError as error:
            report_file(error, (*path, "crosswalk"), report)
        else:
            dimension._crosswalk = bound
            if labels and len(bound.key) != len(labels):
                message = f"the label is made of {len(labels)} columns, but the crosswalk's key of {len(bound.key)}"
                report((*path, "crosswalk"), message)
            if dimension.confirm is not None and not bound.crosswalk.label_columns:
                report((*path, "confirm"), f"{use.file} has no column whose name starts with 'label'")
    if dimension.aliases is not None:
        try:
            aliases = crosswalks.bind(folder.crosswalk(dimension.aliases), kind, ())
        except MappingError as error:
            report_file(error, (*path, "aliases"), report)
        else:
            dimension._aliases = {label: target for (label, *_), (target, _) in aliases.targets.items()}


def _check_loose_cells(table: MappingTable, folder: Folder, report: Report) -> None:
    if table.loose_cells is None:
        return
    path = ("loose_cells",)
    try:
        cells = folder.crosswalk(table.loose_cells)
        absent = [name for name in LOOSE_CELL_COLUMNS if name not in cells.columns]
        found = [(1, 1, f"there is no column '{name}'") for name in absent]
        first: dict[tuple[str, str], int] = {}
        for row, number in zip(cells.rows, cells.row_numbers, strict=True) if not absent else ():
            try:
                cell_place(row["cell"])
            except ValueError as error:
                found.append((number, 1, str(error)))
            if not row["data_element"]:
                found.append((number, 1, "data_element is blank"))
            if (other := first.setdefault((row["sheet"], row["cell"]), number)) != number:
                found.append((number, 1, f"the cell '{row['cell']}' stands in row {other} already"))
        if found:
            raise MappingError(cells.name, found)
    except MappingError as error:
        report_file(error, path, report)
    else:
        table._loose_cells = cells


def _check_encoding(encoding: str, path: Path, report: Report) -> None:
    try:
        codecs.lookup(encoding)
        "".encode(encoding)
    except (LookupError, ValueError):
        report(path, f"'{encoding}' is no encoding of text that is known here")


def _check_predicates(table: MappingTable, report: Report) -> None:
    """Compiles `computed`, in order, and `where`; a computed column may be used by those after it."""
    from dhis2_bridge import predicates  # noqa: PLC0415 - half a second that mappings without predicates do not pay

    types = table.column_types()
    used: dict[str, None] = {}
    for name, text in table.computed.items():
        path = ("computed", name)
        if name in table.columns:
            report(path, f"'{name}' is a column of the form already", None)
        try:
            column = predicates.compile_value(text, types)
        except predicates.PredicateError as error:
            for offset, message in error.problems:
                report(path, message, offset)
        else:
            used.update(dict.fromkeys(column.columns))
            if column.type is not None:
                types[name] = column.type
    if table.where is not None:
        try:
            used.update(dict.fromkeys(predicates.compile(table.where, types).columns))
        except predicates.PredicateError as error:
            for offset, message in error.problems:
                report(("where",), message, offset)
    for name in table.value.column_names() if table.value is not None else ():
        if name in table.computed:
            report(("value",), f"'{name}' is a computed column; values stand in columns of the form", None)
    table._predicate_columns = frozenset(used) - set(table.computed)
