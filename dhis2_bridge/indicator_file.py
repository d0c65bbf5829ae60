"""The file of indicators: what is counted of which occupations, over what; every problem with its line and column."""

from collections.abc import Collection, Iterator
from pathlib import Path as FilePath
from typing import Annotated, Any

from pydantic import Field, ValidationError

from dhis2_bridge import yaml_nodes
from dhis2_bridge.findings import MappingError
from dhis2_bridge.mapping_fields import Number, Text, Texts, kind_of
from dhis2_bridge.mapping_source import Keys
from dhis2_bridge.yaml_problems import messages


class Stock(Keys):
    """One thing that is counted: persons practising, posts approved."""

    codes: Texts = Field(description="Beginnings of codes of data elements; the first that the runs have counts.")
    within: Text | None = Field(
        default=None, description="The stock that it is a part of: a place that has that one and none of this has 0."
    )

    @classmethod
    def _written_short(cls, data: Any) -> Any:
        return data if isinstance(data, dict) else {"codes": data}


class Part(Keys):
    """What is above or below the line: values of a stock, of some occupations, options and facilities."""

    stock: Text = Field(description="One of `stocks`.")
    group: Text = Field(description="One of `groups`: the occupations.")
    options: dict[str, Texts] = Field(default={}, description="Category to its options that count; all, if not said.")
    org_unit_groups: Texts = Field(default=(), description="Codes of groups: facilities of one of them count.")


class Indicator(Keys):
    """One number for a place: a part over another, or over the population."""

    code: Text = Field(description="Its code, with the edition of the list that it is from: NHWA2017_1_01_DOCTORS.")
    name: dict[str, Text] = Field(description="Language (en, ru, uz) to its name.")
    of: Part = Field(description="What is above the line.")
    per: Part | None = Field(
        default=None, description="What is below it; stock and group are those of `of`, if not said. Left out: people."
    )
    factor: Number = Field(default=1, description="The quotient times this: 10000 people, 100 percent.")
    each: Text | None = Field(default=None, description="A category: one number for each of its options.")

    @classmethod
    def _written_short(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("of"), dict) and isinstance(data.get("per"), dict):
            # What is said of the one part holds for the other, but for what narrows the upper one.
            shared = {key: value for key, value in data["of"].items() if key in {"stock", "group"}}
            return data | {"per": shared | data["per"]}
        return data


class Indicators(Keys):
    """A file of indicators."""

    name: Text = Field(description="The list's own name.")
    version: Number = Field(description="Its version; a whole number that grows.")
    edition: Text = Field(description="Which edition of which list it follows, for people.")
    stocks: dict[str, Stock] = Field(description="Name to what is counted: beginnings of codes of data elements.")
    groups: dict[str, Texts] = Field(description="Name to occupations: globs (*) of what follows the beginning.")
    indicators: Annotated[tuple[Indicator, ...], Field(min_length=1)] = Field(
        description="The numbers, in their order."
    )


def load(path: FilePath | str) -> Indicators:
    """The indicators in a file. Raises MappingError with every problem: syntax, keys, names that do not stand there."""
    return load_text(yaml_nodes.text_of(FilePath(path), str(path)), str(path))


def load_text(text: str, name: str = "indicators") -> Indicators:
    """The indicators in a YAML text; `name` is what messages call it. Raises MappingError, as `load` does."""
    document = yaml_nodes.read(text, name)
    problems = list(document.problems)

    def add(path: yaml_nodes.Path, message: str, *, of_key: bool = False) -> None:
        spot = document.spot(path)
        problems.append((*(spot.key if of_key else spot.value), message))

    made: Indicators | None = None
    if not isinstance(document.data, dict):
        add((), f"a file of indicators is a block of keys, and {kind_of(document.data)} stands")
    else:
        try:
            made = Indicators.model_validate(document.data)
        except ValidationError as error:
            for path, message, of_key in messages(error, document.data, Indicators):
                add(path, message, of_key=of_key)
    for path, message in _unknown_names(made) if made else ():
        add(path, message)
    if problems or made is None:
        raise MappingError(name, sorted(set(problems)))
    return made


def _unknown_names(made: Indicators) -> Iterator[tuple[yaml_nodes.Path, str]]:
    """Where a name stands that the file does not explain, and a code for the second time."""

    def unknown(path: yaml_nodes.Path, kind: str, word: str, known: Collection[str]) -> Iterator[Any]:
        if word not in known:
            yield (*path, kind), f"there is no {kind} '{word}'; there are {', '.join(known)}"

    for name, stock in made.stocks.items():
        if stock.within is not None and stock.within not in made.stocks:
            yield ("stocks", name, "within"), f"there is no stock '{stock.within}'; there are {', '.join(made.stocks)}"
    codes: set[str] = set()
    for place, one in enumerate(made.indicators):
        for key, part in (("of", one.of), ("per", one.per)):
            if part is not None:
                yield from unknown(("indicators", place, key), "stock", part.stock, made.stocks)
                yield from unknown(("indicators", place, key), "group", part.group, made.groups)
        if one.code in codes:
            yield ("indicators", place, "code"), f"the code '{one.code}' stands here again"
        codes.add(one.code)
