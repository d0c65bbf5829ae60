"""Crosswalks: the files beside a mapping that say which label means what.

A crosswalk is a CSV file with a header (UTF-8, a byte order mark allowed, comma or semicolon) or a FHIR CodeSystem in
JSON (R4 and R5 alike). Everything in it is text. Row numbers are those that a spreadsheet shows.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dhis2_bridge.findings import MappingError

LARGEST_FILE: Final = 16_000_000
"""Bytes. The longest code lists in use (ICD-10, settlements of a country) stay below 4 MB."""

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """One crosswalk file: its columns and rows as text, each row with the number that a spreadsheet shows.

    Cells are without surrounding space; a missing cell is "". Of a CodeSystem the columns are `code`, `display`,
    `parent` (the code above it) and one `label_<language>` for each language of its designations; the row number is
    the position of the concept, from 1, each concept before those nested in it.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...] = field(repr=False)
    row_numbers: tuple[int, ...] = field(repr=False)

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The columns that hold names for people: `display` and those whose name starts with "label"."""
        return tuple(name for name in self.columns if name.startswith("label") or name == "display")

    def targets(self, key_columns: Sequence[str], target: str) -> dict[Key, tuple[str, int]]:
        """Target text and row number by the exact texts of the key columns.

        A row without a target is left out: its label is as unknown as one that does not stand here. Of repeated keys
        the first row counts; `problems` tells whether a later one disagrees.
        """
        found: dict[Key, tuple[str, int]] = {}
        for row, number in zip(self.rows, self.row_numbers, strict=True):
            if row[target]:
                found.setdefault(tuple(row[name] for name in key_columns), (row[target], number))
        return found

    def labels(self, key_columns: Sequence[str]) -> dict[Key, tuple[str, ...]]:
        """The names of each key in every language that the crosswalk has, without blanks and repeats."""
        found: dict[Key, tuple[str, ...]] = {}
        for row in self.rows:
            names = dict.fromkeys(row[name] for name in self.label_columns if row[name])
            key = tuple(row[name] for name in key_columns)
            found[key] = tuple(dict.fromkeys((*found.get(key, ()), *names)))
        return found

    def problems(self, key_columns: Sequence[str], target: str) -> Iterator[tuple[int, str]]:
        """Row numbers and sentences: a key that leads to two targets, a target without a key."""
        first: dict[Key, tuple[str, int]] = {}
        for row, number in zip(self.rows, self.row_numbers, strict=True):
            if not row[target]:
                continue
            key = tuple(row[name] for name in key_columns)
            if not any(key):
                yield number, f"{' and '.join(key_columns)} is blank and leads to '{row[target]}'"
                continue
            known, at = first.setdefault(key, (row[target], number))
            if known != row[target]:
                yield number, f"'{' / '.join(key)}' leads to '{row[target]}' here and to '{known}' in row {at}"


@dataclass(frozen=True, slots=True)
class BoundCrosswalk:
    """A crosswalk as one dimension uses it: by these key columns, to this target column.

    `targets` maps the exact texts of the key columns to target text and row number, `labels` to names for people.
    """

    crosswalk: Crosswalk
    key: tuple[str, ...]
    target: str
    targets: Mapping[Key, tuple[str, int]] = field(repr=False)
    labels: Mapping[Key, tuple[str, ...]] = field(repr=False)

    @property
    def name(self) -> str:
        """The file, as the mapping names it."""
        return self.crosswalk.name


def bind(
    crosswalk: Crosswalk, dimension: str, sources: Sequence[str], key: Sequence[str] = (), target: str | None = None
) -> BoundCrosswalk:
    """The crosswalk by its declared columns, or by the ones that its header suggests.

    `dimension` is the kind of thing that it leads to (data_element, category_option, org_unit, period), `sources` the
    names of the columns that the label comes from. Without a declared key the columns named like the sources count,
    or the first; without a declared target the one named like the dimension, or the second.
    Raises MappingError when a declared column is absent, or for the problems of `Crosswalk.problems`.
    """
    columns = crosswalk.columns
    absent = [name for name in (*key, *([target] if target else ())) if name not in columns]
    if absent:
        seen = ", ".join(columns)
        raise MappingError(
            crosswalk.name, [(1, 1, f"there is no column '{name}' (columns: {seen})") for name in absent]
        )
    if not key:
        key = (
            tuple(sources) if sources and all(name in columns for name in sources) else columns[: max(1, len(sources))]
        )
    if target is None:
        target = dimension if dimension in columns else next((name for name in columns if name not in key), columns[0])
    found = [(number, 1, message) for number, message in crosswalk.problems(key, target)]
    if found:
        raise MappingError(crosswalk.name, found)
    return BoundCrosswalk(crosswalk, tuple(key), target, crosswalk.targets(key, target), crosswalk.labels(key))


def read(name: str, content: bytes) -> Crosswalk:
    """The crosswalk in the bytes of a file; a name that ends in .json is read as a CodeSystem.

    Raises MappingError whose line is the row number, with every problem of the file.
    """
    if len(content) > LARGEST_FILE:
        raise MappingError(name, [(1, 1, f"larger than {LARGEST_FILE // 1_000_000} MB")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise MappingError(name, [(line, 1, "not UTF-8; save the file as CSV UTF-8")]) from None
    return _code_system(name, text) if name.lower().endswith(".json") else _delimited(name, text)


def _delimited(name: str, text: str) -> Crosswalk:
    problems: list[tuple[int, int, str]] = []
    records: list[list[str]] = []
    try:
        delimiter = max(",;", key=lambda mark: len(next(csv.reader(io.StringIO(text, newline=""), delimiter=mark), ())))
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        records.extend([cell.strip() for cell in record] for record in reader)
    except csv.Error as error:
        raise MappingError(name, [(len(records) + 1, 1, f"cannot be read: {error}")]) from None
    header = tuple(records[0]) if records else ()
    if len(header) < 2:
        raise MappingError(name, [(1, 1, "needs a header with at least two columns, parted by , or ;")])
    for index, title in enumerate(header):
        if not title:
            problems.append((1, 1, f"column {index + 1} has no name"))
        elif title in header[:index]:
            problems.append((1, 1, f"the column '{title}' stands twice"))
    rows: list[dict[str, str]] = []
    numbers: list[int] = []
    for number, record in enumerate(records[1:], start=2):
        if not any(record):
            continue
        if any(record[len(header) :]):
            problems.append((number, 1, f"{len(record)} cells, but the header has {len(header)}"))
        rows.append(dict(zip(header, record + [""] * (len(header) - len(record)), strict=False)))
        numbers.append(number)
    if problems:
        raise MappingError(name, problems)
    return Crosswalk(name, header, tuple(rows), tuple(numbers))


def _code_system(name: str, text: str) -> Crosswalk:
    def fail(message: str, line: int = 1, column: int = 1) -> MappingError:
        return MappingError(name, [(line, column, message)])

    try:
        document = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise fail(f"this is not JSON: {error.msg}", error.lineno, error.colno) from None
    except (_Repeated, RecursionError) as error:
        raise fail(str(error) if isinstance(error, _Repeated) else "nested too deep") from None
    except ValueError:
        raise fail("a number in it is too long to be one") from None
    if not isinstance(document, dict) or document.get("resourceType") != "CodeSystem":
        raise fail("a JSON crosswalk must be a FHIR CodeSystem")
    rows: list[dict[str, str]] = []
    languages: dict[str, None] = {}
    seen: dict[str, int] = {}
    problems: list[tuple[int, int, str]] = []
    stack = [(concept, "") for concept in reversed(_list(document, "concept", fail))]
    while stack:
        concept, parent = stack.pop()
        number = len(rows) + 1
        code = concept.get("code")
        if not isinstance(code, str) or not code.strip():
            problems.append((number, 1, f"concept {number} has no code"))
            code = ""
        elif (first := seen.setdefault(code, number)) != number:
            problems.append((number, 1, f"the code '{code}' of concept {number} is already that of concept {first}"))
        row = {"code": code.strip(), "display": _text(concept.get("display")), "parent": parent}
        for designation in _list(concept, "designation", fail):
            label = f"label_{designation.get('language') or 'other'}"
            column, count = label, 1
            while column in row:
                count += 1
                column = f"{label}_{count}"
            languages[column] = None
            row[column] = _text(designation.get("value"))
        rows.append(row)
        stack.extend((nested, row["code"]) for nested in reversed(_list(concept, "concept", fail)))
    if problems:
        raise MappingError(name, problems)
    columns = ("code", "display", "parent", *languages)
    filled = tuple({column: row.get(column, "") for column in columns} for row in rows)
    return Crosswalk(name, columns, filled, tuple(range(1, len(rows) + 1)))


class _Repeated(Exception):
    """A key stands twice in one JSON object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Repeated(f"the key '{key}' stands twice in one object")
        found[key] = value
    return found


def _list(holder: dict[str, Any], key: str, fail: Callable[[str], MappingError]) -> list[dict[str, Any]]:
    held = holder.get(key, [])
    if not isinstance(held, list) or not all(isinstance(item, dict) for item in held):
        raise fail(f"'{key}' must be a list of objects")
    return held


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
