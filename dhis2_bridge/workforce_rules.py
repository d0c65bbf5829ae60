"""What must hold in `sources` and `workforce` of a mapping: names, types, conditions, the crosswalk, and privacy."""

from collections.abc import Collection, Iterator
from typing import Any, Final

from dhis2_bridge.findings import MappingError
from dhis2_bridge.mapping import ColumnType, Mapping, MappingTable
from dhis2_bridge.mapping_rules import Folder, Report, dimensions, report_file
from dhis2_bridge.mapping_workforce import COUNTED, Workforce
from dhis2_bridge.yaml_nodes import Path

AS_OF: Final = "as_of"
"""What conditions call the reference date."""

ALLOWED: Final = frozenset({"data_set", "source", "columns", "org_unit", "period", "attribute_options"})
"""Keys of a table that stand beside `workforce`; the others are made by it or make no sense of persons."""

_PLACES: Final = frozenset({"column", "columns", "constant", "given"})
_CROSSWALK: Final = ("code", "report_as")


def long_table(workforce: Any) -> dict[str, Any]:
    """The keys that make the one table of such a mapping a long one: what counting gives it to read."""
    axes = workforce.get("axes") if isinstance(workforce, dict) else None
    options = {name: {"column": name} for name in axes} if isinstance(axes, dict) else {}
    made: dict[str, Any] = {"data_element": {"column": COUNTED[0], "match": "code"}, "value": {"column": COUNTED[1]}}
    return {**made, "category_options": options} if options else made


def types_of(table: MappingTable) -> dict[str, ColumnType]:
    """How typed columns are read in conditions, the reference date among them."""
    return {**table.column_types(), AS_OF: ColumnType("date", "iso")}


def check(mapping: Mapping, folder: Folder, report: Report) -> None:
    """Reports every problem of `workforce` and binds its crosswalk; paths are those of the whole file."""
    workforce, table = mapping.workforce, mapping.tables[0]
    if workforce is None:
        return
    if not mapping.sources:
        report(("workforce",), "workforce needs sources: a name and the files of each", None)
    _check_sources(mapping, workforce, report)
    _check_types(table, workforce, report)
    _check_axes(workforce, report)
    _check_conditions(table, workforce, report)
    _check_privacy(table, workforce, report)
    _bind(workforce, folder, report)


def _check_sources(mapping: Mapping, workforce: Workforce, report: Report) -> None:
    named: list[tuple[Path, str | None]] = [(("workforce", "source"), workforce.source)]
    named += [(("workforce", "measures", i, "source"), one.source) for i, one in enumerate(workforce.measures)]
    for path, name in named:
        if name is not None and name not in mapping.sources:
            report(path, f"there is no source '{name}'; sources are {', '.join(mapping.sources) or 'none'}")
    own = workforce.source or next(iter(mapping.sources), None)
    for i, one in enumerate(workforce.measures):
        if one.count == "persons" and one.source not in (None, own):
            report(("workforce", "measures", i, "count"), "persons are counted in the source of persons only")
        needs = "occupation" if any(f"{{{part}}}" in one.data_element for part in ("occupation", "group")) else None
        if needs and workforce.occupation is None:
            path = ("workforce", "measures", i, "data_element")
            report(path, "{occupation} and {group} need the key workforce: occupation")


def _check_types(table: MappingTable, workforce: Workforce, report: Report) -> None:
    """Columns that are compared or summed are typed."""
    wanted: list[tuple[Path, str | None, str]] = [
        (("workforce", "rate"), workforce.rate, "number"),
        (("workforce", "start"), workforce.start, "date"),
        (("workforce", "person", "birth_date"), workforce.person.birth_date, "date"),
        *((("workforce", "axes", name, "age"), axis.age, "date") for name, axis in workforce.axes.items()),
        *((("workforce", "measures", i, "sum"), one.sum, "number") for i, one in enumerate(workforce.measures)),
    ]
    types = table.column_types()
    for path, name, kind in wanted:
        if name is not None and (name not in types or types[name].kind != kind):
            form = "dd.mm.yyyy" if kind == "date" else '"."'
            report(path, f"'{name}' must be typed in columns, such as {name}: {{{kind}: {form}}}")


def _check_axes(workforce: Workforce, report: Report) -> None:
    for i, one in enumerate(workforce.measures):
        for k, name in enumerate(one.by):
            if name not in workforce.axes:
                listed = ", ".join(workforce.axes) or "none"
                report(("workforce", "measures", i, "by", k), f"there is no axis '{name}'; axes are {listed}")
    for name in workforce.axes:
        if name in COUNTED:
            report(("workforce", "axes", name), f"an axis cannot be called {name}", None)
    small = workforce.small_cells
    for key, listed_axes in (("drop", small.drop), ("table", small.table)) if small is not None else ():
        for k, name in enumerate(listed_axes):
            if name not in workforce.axes and not (key == "table" and name in {"org_unit", "data_element"}):
                report(("workforce", "small_cells", key, k), f"there is no axis '{name}'")


def _conditions(workforce: Workforce) -> Iterator[tuple[Path, str]]:
    if workforce.current is not None:
        yield ("workforce", "current"), workforce.current
    if workforce.main_job.prefer is not None:
        yield ("workforce", "main_job", "prefer"), workforce.main_job.prefer
    for i, one in enumerate(workforce.measures):
        if one.where is not None:
            yield ("workforce", "measures", i, "where"), one.where


def _check_conditions(table: MappingTable, workforce: Workforce, report: Report) -> None:
    from dhis2_bridge import predicates  # noqa: PLC0415 - half a second that mappings without predicates do not pay

    if AS_OF in table.columns:
        report(("columns", AS_OF), f"{AS_OF} is the reference date and cannot be a column", None)
    for path, text in _conditions(workforce):
        try:
            predicates.compile(text, types_of(table))
        except predicates.PredicateError as error:
            for offset, message in error.problems:
                # A short form has no key of its own in the file.
                report(path, message, offset)


def _check_privacy(table: MappingTable, workforce: Workforce, report: Report) -> None:
    """Nothing that tells a person may become a label or an option."""
    personal = workforce.personal()
    ids = personal - {axis.age for axis in workforce.axes.values()} - {workforce.person.birth_date}
    for path, kind, dimension in dimensions(table):
        if path[0] == "category_options":
            continue
        for name in dimension.column_names():
            if name in personal and kind != "data_element":
                report(path, f"'{name}' tells a person and cannot be in {path[0]}", None)
        if path[0] in {"org_unit", "attribute_options"} and dimension.place not in _PLACES:
            report(path, f"beside workforce, {path[0]} is of columns, constant or given", None)
        if path[0] == "attribute_options" and dimension.place in {"column", "columns"}:
            report(path, "beside workforce, attribute_options are constant or given", None)
    if table.period is not None and table.period.place not in {"given", "constant"}:
        report(("period",), "beside workforce, period is given or constant", None)
    for name, axis in workforce.axes.items():
        if axis.column is not None and axis.column in personal:
            report(("workforce", "axes", name, "column"), f"'{axis.column}' tells a person and cannot be an axis")
    if workforce.occupation is not None and workforce.occupation.column in personal:
        report(("workforce", "occupation", "column"), "the occupation cannot stand in a column that tells a person")
    for i, one in enumerate(workforce.measures):
        if one.sum is not None and one.sum in ids:
            report(("workforce", "measures", i, "sum"), f"'{one.sum}' tells a person and cannot be summed up")


def _bind(workforce: Workforce, folder: Folder, report: Report) -> None:
    occupation = workforce.occupation
    if occupation is None or occupation.crosswalk is None:
        return
    path = ("workforce", "occupation", "crosswalk")
    try:
        crosswalk = folder.crosswalk(occupation.crosswalk)
        found = [(1, 1, f"there is no column '{name}'") for name in _CROSSWALK if name not in crosswalk.columns]
        seen: dict[str, int] = {}
        for row, number in zip(crosswalk.rows, crosswalk.row_numbers, strict=True) if not found else ():
            code, report_as = row["code"], row["report_as"]
            if not code or not report_as:
                found.append((number, 1, "code and report_as must be filled"))
            elif (first := seen.setdefault(code, number)) != number:
                found.append((number, 1, f"the code '{code}' stands in row {first} already"))
            elif report_as == "ambiguous" and not row.get("choices"):
                found.append((number, 1, "an ambiguous code names its choices, as 2240|3252, in the column choices"))
        if found:
            raise MappingError(crosswalk.name, found)
    except MappingError as error:
        report_file(error, path, report)
    else:
        occupation._crosswalk = crosswalk


def misplaced(table: Collection[str]) -> list[str]:
    """The keys of a table that cannot stand beside `workforce`."""
    return [key for key in table if key not in ALLOWED]
