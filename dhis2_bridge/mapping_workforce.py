"""The part of a mapping that makes counts of persons and posts: sources, and the block `workforce`.

Names of columns mean the keys of `columns`, as everywhere in a mapping. Every rule of counting has a key of its own
with a default that is said here; what the rules do is said in `workforce`.
"""

import re
from collections.abc import Mapping as MappingType
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, model_validator

from dhis2_bridge.crosswalks import Crosswalk
from dhis2_bridge.mapping_fields import Level, Number, Text, Texts, kind_of
from dhis2_bridge.mapping_source import Keys
from dhis2_bridge.yaml_nodes import Plain

OCCUPATION: Final = "occupation"
GROUP: Final = "group"

CODE_PARTS: Final = (OCCUPATION, GROUP)
"""What the code of a measure's data element may hold in braces."""

COUNTED: Final = ("data_element", "value")
"""Columns of the counted table beside those of the org unit and the axes."""

_DECIMAL: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,4})?")
_BAND: Final = re.compile(r"P([0-9]{1,3})Y--P([0-9]{1,3})Y")
_BRACES: Final = re.compile(r"\{([^{}]*)\}")


def _decimal(value: Any) -> float:
    if isinstance(value, Plain) and _DECIMAL.fullmatch(value):
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    raise ValueError(f"a number such as 2 or 0.5 is wanted here, and {kind_of(value)} stands")


def band_bounds(text: str) -> tuple[int, int]:
    """The first year of age that is in a band and the first that is not. Raises ValueError for what is no band."""
    found = _BAND.fullmatch(text)
    if found is None or int(found[1]) >= int(found[2]):
        raise ValueError(f"'{text}' is no band of ages such as P25Y--P35Y (25 to 34 years)")
    return int(found[1]), int(found[2])


def _bands(texts: tuple[str, ...]) -> tuple[str, ...]:
    last = 0
    for text in texts:
        least, most = band_bounds(text)
        if least < last:
            raise ValueError(f"'{text}' overlaps the band before it, or stands before a younger one")
        last = most
    return texts


def _element(text: str) -> str:
    for name in _BRACES.findall(text):
        if name not in CODE_PARTS:
            raise ValueError(f"'{{{name}}}' cannot stand in a code; only {{occupation}} and {{group}} can")
    if re.search(r"[{}]", _BRACES.sub("", text)):
        raise ValueError(f"'{text}' has a brace without its partner")
    return text


Decimal = Annotated[float, BeforeValidator(_decimal)]
ElementCode = Annotated[Text, AfterValidator(_element)]
Bands = Annotated[Texts, AfterValidator(_bands)]
Digits = Annotated[tuple[Level, ...], Field(min_length=1, max_length=2)]


class SourceFiles(Keys):
    """One source of rows: which files are of it. Several files and patterns are one source."""

    files: Texts = Field(description="Globs (*) of the files' names: one fits.")

    @classmethod
    def _written_short(cls, data: Any) -> Any:
        return data if isinstance(data, dict) else {"files": data}


class IdentityCheck(Keys):
    """The check digit of an id: its last digit is the weighted sum of the others modulo a number."""

    weights: tuple[Number, ...] = Field(min_length=1, description="Weights of the digits; they repeat: [7, 3, 1].")
    modulus: Annotated[Number, Field(ge=1, le=10)] = Field(default=10, description="The sum counts modulo this.")


class IdentitySex(Keys):
    """The digit of an id that tells the sex."""

    digit: Level = Field(description="Which digit, from 1.")
    odd: Text = Field(description="Code of the sex whose digit is odd.")
    even: Text = Field(description="Code of the sex whose digit is even.")


class IdentityCentury(Keys):
    """The digit of an id that tells the century of birth."""

    digit: Level = Field(description="Which digit, from 1.")
    map: dict[str, Number] = Field(description='Digit to the first year of its century: {"3": 1900, "5": 2000}.')


class IdentityBirth(Keys):
    """The digits of an id that tell the birth date."""

    day: Digits = Field(description="First and last digit of the day, from 1.")
    month: Digits = Field(description="First and last digit of the month.")
    year: Digits = Field(description="First and last digit of the two-digit year.")
    century: IdentityCentury = Field(description="Where the century is told.")


class Identity(Keys):
    """How an id of a person is built; what does not fit is a warning and never a refusal."""

    digits: Level = Field(description="How many digits it has.")
    check: IdentityCheck | None = Field(default=None, description="The check digit.")
    sex: IdentitySex | None = Field(default=None, description="The digit that tells the sex.")
    birth: IdentityBirth | None = Field(default=None, description="The digits that tell the birth date.")
    not_zero: tuple[Digits, ...] = Field(default=(), description="Spans of digits that are not all zero: [[8, 10]].")

    @model_validator(mode="after")
    def _within(self) -> "Identity":
        spans = [*self.not_zero]
        if self.birth is not None:
            spans += [self.birth.day, self.birth.month, self.birth.year, (self.birth.century.digit,)]
        if self.sex is not None:
            spans.append((self.sex.digit,))
        if any(max(span) > self.digits or span[0] > span[-1] for span in spans):
            raise ValueError(f"a span of digits lies outside the {self.digits} digits")
        birth = (self.birth.day, self.birth.month, self.birth.year) if self.birth is not None else ()
        if any(span[-1] - span[0] != 1 for span in birth):
            raise ValueError("day, month and year are two digits each")
        return self


class Person(Keys):
    """What makes two rows one person, and what is done where that is in doubt."""

    column: Text = Field(description="The column of the person's id.")
    missing: Literal["refuse", "name_and_birth"] = Field(
        default="refuse", description="A row without an id: refused, or one person by folded name and birth date."
    )
    name: Texts = Field(default=(), description="Columns of the name; only compared, never shown.")
    birth_date: Text | None = Field(default=None, description="Column of the birth date, typed as a date.")
    sex: Text | None = Field(default=None, description="Column of the sex; an axis of this column gives its words.")
    identity: Identity | None = Field(default=None, description="How the id is built.")
    conflict: Literal["refuse", "first"] = Field(
        default="refuse",
        description="One id with different names, sexes or birth dates: refused, or as the main job has it.",
    )
    sex_or_birth_differs_from_id: Literal["declared", "identity"] = Field(
        default="declared", description="Which one counts where sex or birth date differ from the id."
    )

    @classmethod
    def _written_short(cls, data: Any) -> Any:
        return {"column": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _enough(self) -> "Person":
        if self.missing == "name_and_birth" and not (self.name and self.birth_date):
            raise ValueError("missing: name_and_birth needs `name` and `birth_date`")
        return self


class MainJob(Keys):
    """Which of a person's contracts is the main one: the person is counted there."""

    prefer: Text | None = Field(default=None, description="A condition; a contract for which it holds comes first.")
    otherwise: Literal["largest_rate", "earliest_start"] = Field(
        default="largest_rate",
        description="Then: the largest rate and, of equal ones, the earliest start; or the start first.",
    )

    @classmethod
    def _written_short(cls, data: Any) -> Any:
        return {"prefer": data} if isinstance(data, str) else data


class Occupation(Keys):
    """Where the code of the occupation stands and what it is reported as."""

    column: Text = Field(description="Column of the occupation's code.")
    title: Text | None = Field(default=None, description="Column of its title: suggestions where the code is blank.")
    crosswalk: Text | None = Field(
        default=None, description="CSV of code, report_as (a code, exclude or ambiguous), group, choices."
    )
    otherwise: Literal["first_four_digits", "refuse"] = Field(
        default="first_four_digits", description="A code that the crosswalk lacks: its first four digits, or refused."
    )

    _crosswalk: Crosswalk | None = PrivateAttr(None)

    @classmethod
    def _written_short(cls, data: Any) -> Any:
        return {"column": data} if isinstance(data, str) else data

    @property
    def rows(self) -> MappingType[str, MappingType[str, str]]:
        """The rows of the crosswalk by their codes."""
        held = self._crosswalk.rows if self._crosswalk is not None else ()
        return {row["code"]: row for row in held if row["code"]}


class Axis(Keys):
    """Where the option of one category comes from: a column's text, or an age."""

    column: Text | None = Field(default=None, description="The option stands in this column.")
    age: Text | None = Field(default=None, description="The option is the band of the age, by this birth date column.")
    map: dict[str, Text] = Field(default={}, description="Text of the column to option code.")
    bands: Bands = Field(default=(), description="Option codes of ages as ISO 8601 intervals, the end excluded.")
    leap_day: Literal["march_1", "february_28"] = Field(
        default="march_1", description="When a birthday of 29 February is in a common year."
    )
    unknown: Text | None = Field(
        default=None, description="Option for a blank, an unknown text or no age; left out, the row is refused."
    )

    @classmethod
    def _written_short(cls, data: Any) -> Any:
        return {"column": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _one_place(self) -> "Axis":
        place = self._one_of(("column", "age"))
        if (place == "age") != bool(self.bands):
            raise ValueError("age needs bands, and only an age has them")
        if place == "age" and self.map:
            raise ValueError("map is for the texts of a column; an age has bands")
        return self


class Measure(Keys):
    """One thing that is counted or summed, and the data element that it gives."""

    data_element: ElementCode = Field(description="Its code; {occupation} and {group} stand for those of the row.")
    source: Text | None = Field(default=None, description="The source of its rows; left out, that of the persons.")
    count: Literal["persons", "contracts"] | None = Field(default=None, description="What is counted.")
    sum: Text | None = Field(default=None, description="The number column that is summed up.")
    where: Text | None = Field(
        default=None, description="Only rows for which this holds; of persons, the row of the main job."
    )
    by: tuple[Text, ...] = Field(default=(), description="The axes that it is counted by.")
    is_: Literal["practising", "employed", "filled", "approved", "vacant"] | None = Field(
        default=None, alias="is", description="What it is, for `checks`: they compare measures by this."
    )
    persons_at: Literal["main_job", "every_org_unit"] = Field(
        default="main_job",
        description="A person counts once, at the main job; or in every org unit and occupation.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> "Measure":
        self._one_of(("count", "sum"))
        if self.persons_at != "main_job" and self.count != "persons":
            raise ValueError("persons_at is said of a count of persons only")
        return self


class SmallCells(Keys):
    """What is done with counts so small that a person could be known from them."""

    below: Annotated[Number, Field(ge=2, le=100)] = Field(description="A count above 0 and below this is small.")
    do: Literal["flag", "coarsen", "suppress"] = Field(
        default="flag",
        description="flag: a finding; coarsen: axes are dropped; suppress: left out, with others.",
    )
    drop: tuple[Text, ...] = Field(default=(), description="coarsen: the axes, in the order in which they go.")
    table: tuple[Text, ...] = Field(
        default=(), description="suppress: the axes of the one table that is published, as [org_unit, SEX]."
    )

    @model_validator(mode="after")
    def _as_done(self) -> "SmallCells":
        if self.do == "coarsen" and not self.drop:
            raise ValueError("coarsen needs drop: the axes in the order in which they are dropped")
        return self


class Plausible(Keys):
    """Bounds of one sum over the whole: outside them is a warning."""

    least: Decimal | None = Field(default=None, description="The least that is plausible.")
    most: Decimal | None = Field(default=None, description="The most that is plausible.")
    of: Texts = Field(description="Globs of data element codes whose values are summed up.")
    per: Texts = Field(default=(), description="Globs of data elements by whose sum it is divided.")


class Checks(Keys):
    """What is looked at after counting. Nothing here refuses a value."""

    filled_over_approved: Literal["warn", "ignore"] = Field(
        default="warn", description="More posts filled than approved, by org unit and occupation."
    )
    vacant: Literal["warn", "ignore"] = Field(default="warn", description="Vacant posts are not approved less filled.")
    practising_over_employed: Literal["warn", "ignore"] = Field(
        default="warn", description="More persons practising than employed, in any cell."
    )
    persons_per_filled: Decimal | None = Field(default=4.0, description="Most persons to one filled post.")
    double_posting: tuple[Decimal, Decimal] | None = Field(
        default=(0.5, 2.0), description="Least and most filled posts to one person."
    )
    total_rate: Decimal | None = Field(default=2.0, description="The most that the rates of one person come to.")
    repeated_contracts: Literal["warn", "ignore"] = Field(
        default="warn", description="Contracts of one person, org unit, occupation and start."
    )
    totals: dict[ElementCode, Texts] = Field(
        default={}, description="Code of a total to globs of the codes that it is the sum of."
    )
    national: dict[str, Plausible] = Field(default={}, description="A name to the plausible bounds of a sum.")


class Workforce(Keys):
    """How rows of contracts and posts become counts. Nothing of a person is in what comes out."""

    source: Text | None = Field(default=None, description="The source of persons; left out, the first of `sources`.")
    person: Person = Field(description="What makes two rows one person; short, the column of the id.")
    as_of: Literal["period_end", "period_start"] = Field(
        default="period_end", description="The reference date; conditions know it as as_of."
    )
    current: Text | None = Field(default=None, description="Only contracts for which this holds are looked at.")
    main_job: MainJob = Field(default=MainJob(), description="Which contract is a person's main one.")
    rate: Text | None = Field(default=None, description="Column of the rate, typed as a number.")
    start: Text | None = Field(default=None, description="Column of the first day, typed as a date.")
    occupation: Occupation | None = Field(default=None, description="The occupation of a row.")
    axes: dict[str, Axis] = Field(default={}, description="Category code to where its option comes from.")
    measures: tuple[Measure, ...] = Field(min_length=1, description="What is counted.")
    gone: Literal["nothing", "zero"] = Field(
        default="nothing", description="zero: what was reported in the run before and is gone now is an explicit 0."
    )
    small_cells: SmallCells | None = Field(default=None, description="What is done with small counts.")
    checks: Checks = Field(default=Checks(), description="What is looked at after counting.")

    def personal(self) -> frozenset[str]:
        """Names of the columns that must not leave: the id, the name, the birth date and all ages."""
        ages = [axis.age for axis in self.axes.values() if axis.age]
        birth = [self.person.birth_date] if self.person.birth_date else []
        return frozenset({self.person.column, *self.person.name, *birth, *ages})
