"""Which columns of a source counting reads."""

from collections.abc import Mapping as MappingType

from dhis2_bridge import predicates
from dhis2_bridge.mapping import ColumnType, Mapping
from dhis2_bridge.mapping_workforce import OCCUPATION, Workforce
from dhis2_bridge.workforce_rules import AS_OF, types_of


def used_columns(mapping: Mapping, source: str, labels: tuple[str, ...]) -> tuple[set[str], set[str]]:
    """Names of the columns that are read of a source: those without which it cannot be counted, and the others.

    `labels` are the columns of the org unit's label.
    """
    workforce = workforce_of(mapping)
    types = types_of(mapping.tables[0])
    needed: set[str] = set(labels)
    others: set[str | None] = set()
    own = source == own_source(mapping)
    measures = [one for one in workforce.measures if (one.source or own_source(mapping)) == source]
    if workforce.occupation is not None:
        needed.add(workforce.occupation.column)
        if own:
            others.add(workforce.occupation.title)
    for measure in measures:
        if measure.where is not None:
            needed.update(predicates.compile(measure.where, types).columns)
        if measure.sum is not None:
            (others if own else needed).add(measure.sum)
        for name in measure.by:
            others.update({workforce.axes[name].column, workforce.axes[name].age})
    if own:
        person = workforce.person
        needed.add(person.column)
        if workforce.current is not None:
            needed.update(predicates.compile(workforce.current, types).columns)
        if workforce.main_job.prefer is not None:
            others.update(predicates.compile(workforce.main_job.prefer, types).columns)
        others.update({*person.name, person.birth_date, person.sex, workforce.rate, workforce.start})
    made = {name for name in needed if name in {AS_OF, OCCUPATION} or name.startswith(f"{OCCUPATION}_")}
    needed -= made - set(mapping.tables[0].columns)
    return needed, {name for name in others if name is not None and name != AS_OF} - needed


def workforce_of(mapping: Mapping) -> Workforce:
    """The block `workforce` of a mapping that has one."""
    if mapping.workforce is None:
        raise ValueError(f"{mapping.mapping} counts no persons")
    return mapping.workforce


def own_source(mapping: Mapping) -> str:
    """The name of the source of persons."""
    return workforce_of(mapping).source or next(iter(mapping.sources))


def asked_of(workforce: Workforce, types: MappingType[str, ColumnType]) -> set[str]:
    """Names of the columns that conditions, sums and axes ask for."""
    texts = [workforce.current, workforce.main_job.prefer, *(one.where for one in workforce.measures)]
    asked = {name for text in texts if text for name in predicates.compile(text, types).columns}
    asked.update(one.sum for one in workforce.measures if one.sum is not None)
    asked.update(name for axis in workforce.axes.values() for name in (axis.column, axis.age) if name is not None)
    return asked
