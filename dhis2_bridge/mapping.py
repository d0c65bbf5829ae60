"""The mapping file: which cell of a form is which data value, in the words of DHIS2 and of the form.

The models hold what a file may say; `mapping_file` reads one and `mapping_rules` checks what no single key can. Names
of columns mean the keys of `columns`; a name that is not among them is the column's own header.
"""

import difflib
from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from dhis2_bridge import dates, names, periods
from dhis2_bridge.crosswalks import BoundCrosswalk, Crosswalk
from dhis2_bridge.mapping_fields import (
    CellAddress,
    CodeTemplate,
    Level,
    NamePatterns,
    Number,
    OnlyTrue,
    Patterns,
    Schemes,
    Template,
    Text,
    Texts,
    Truth,
    cell_place,
    is_null,
    template,
)
from dhis2_bridge.mapping_source import Ends, Header, Keys, Recognise, SourceOptions, Systems
from dhis2_bridge.mapping_workforce import SmallCells, SourceFiles, Workforce
from dhis2_bridge.yaml_nodes import Document, Path

__all__ = [
    "Cell",
    "Column",
    "ColumnType",
    "CommentColumn",
    "CrosswalkUse",
    "Cumulative",
    "Dimension",
    "Ends",
    "Header",
    "Keys",
    "Mapping",
    "MappingTable",
    "Period",
    "Recognise",
    "Repeat",
    "SmallCells",
    "SourceFiles",
    "SourceOptions",
    "Systems",
    "ValueColumns",
    "Workforce",
]

PLACES: Final = ("column", "columns", "header", "cell", "sheet_name", "file_name", "constant", "given", "parts")
"""Keys of a dimension that say where its text stands: exactly one of them is given."""

CELL_PLACES: Final = ("right_of", "below", "at", "matches")
ORG_UNIT_KEYS: Final = ("below", "level", "group")

Marker = Literal["not_reported", "zero", "not_applicable"]


def _date_pattern(text: str) -> str:
    dates.pattern(text)
    return text


def _period_type(text: str) -> str:
    if text not in periods.PERIOD_TYPES:
        near = difflib.get_close_matches(text, periods.PERIOD_TYPES, n=1)
        advice = f"did you mean '{near[0]}'?" if near else f"they are {', '.join(periods.PERIOD_TYPES)}"
        raise ValueError(f"'{text}' is no period type of DHIS2; {advice}")
    return text


def _period_date(text: str) -> str:
    return text if text == "evidence" else _date_pattern(text)


DatePattern = Annotated[Text, AfterValidator(_date_pattern)]
PeriodDate = Annotated[Text, AfterValidator(_period_date)]
PeriodType = Annotated[Text, AfterValidator(_period_type)]


@dataclass(frozen=True, slots=True)
class ColumnType:
    """How the texts of a column are read for comparison: by a decimal mark, or by a date pattern."""

    kind: Literal["number", "date"]
    form: str


class Column(Keys):
    """One column of the form: its labels, and its type where its texts are compared or summed."""

    labels: Texts = Field(default=(), description="Headers of the column in every language; left out, its own name.")
    date: DatePattern | None = Field(
        default=None, description="Its texts are dates: dd.mm.yyyy, yyyy-mm-dd, serial, ..."
    )
    number: Literal[".", ","] | None = Field(default=None, description="Its texts are numbers with this decimal mark.")

    @classmethod
    def _written_short(cls, data: Any) -> Any:
        if is_null(data):
            return {}
        return {"labels": data} if isinstance(data, str | list | tuple) else data

    @model_validator(mode="after")
    def _one_type(self) -> "Column":
        if self.date is not None and self.number is not None:
            raise ValueError("a column is a date or a number, not both")
        return self

    @property
    def type(self) -> ColumnType | None:
        """How its texts are read for comparison; None is text."""
        if self.number is not None:
            return ColumnType("number", self.number)
        return ColumnType("date", self.date) if self.date is not None else None


class Cell(Keys):
    """One loose cell outside the table: exactly one of the keys says where."""

    right_of: Texts = Field(default=(), description="The first filled cell to the right of this label.")
    below: Texts = Field(default=(), description="The first filled cell below this label.")
    at: CellAddress | None = Field(default=None, description="The cell at this address, such as B4.")
    matches: Patterns = Field(
        default=(), description="A cell that fits a glob with one {}; the text is what {} takes out."
    )

    @model_validator(mode="after")
    def _one_place(self) -> "Cell":
        self._one_of(CELL_PLACES)
        return self

    def place(self) -> tuple[int, int]:
        """Row and column of `at`, from 1."""
        return cell_place(self.at or "")


class CrosswalkUse(Keys):
    """A crosswalk file and the columns of it that are used."""

    file: Text = Field(description="CSV or FHIR CodeSystem (JSON) beside the mapping.")
    key: Texts = Field(default=(), description="Its column (or columns) that hold the label.")
    target: Text | None = Field(default=None, description="Its column that holds the code.")

    @classmethod
    def _written_short(cls, data: Any) -> Any:
        return {"file": data} if isinstance(data, str) else data


class Dimension(Keys):
    """Where a text stands, and how it is read as an org unit, data element, option or period."""

    column: Text | None = Field(default=None, description="The text stands in this column.")
    columns: Texts = Field(default=(), description="The text is made of these columns.")
    header: Level | None = Field(
        default=None, description="The text is this level of the column's header, from the top."
    )
    cell: Cell | None = Field(default=None, description="The text stands in a loose cell.")
    sheet_name: NamePatterns | None = Field(
        default=None, description="true, or a glob with {}: taken from the sheet's name."
    )
    file_name: NamePatterns | None = Field(
        default=None, description="true, or a glob with {}: taken from the file's name."
    )
    constant: Text | None = Field(default=None, description="Always this text.")
    given: OnlyTrue | None = Field(default=None, description="The command or the job says which.")
    parts: tuple["Dimension", ...] = Field(default=(), description="Several places, their texts joined by a space.")

    code: CodeTemplate | None = Field(
        default=None, description="Code of several columns, HRM_{a}[_{b}]: a bracketed part falls away where blank."
    )
    match: Schemes | None = Field(
        default=None, description="What the text is: uid, code, name, ATTRIBUTE:<uid>, or a list."
    )
    prefix: str = Field(default="", description="Set before the text.")
    map: dict[str, Text] = Field(default={}, description="Text to code.")
    crosswalk: CrosswalkUse | None = Field(default=None, description="File that leads from the text to a code.")
    key: Texts = Field(
        default=(), description="Columns that together are the crosswalk's key, such as [section, line]."
    )
    confirm: Text | None = Field(default=None, description="Column whose text must agree with the crosswalk's labels.")
    aliases: Text | None = Field(default=None, description="CSV file of labels and what they stand for.")
    below: "Dimension | None" = Field(default=None, description="The org unit that it lies below.")
    level: Level | None = Field(default=None, description="Only org units of this level.")
    group: Text | None = Field(default=None, description="Only org units of this group (code).")
    drop_words: Texts = Field(default=(), description="Words cut from names before they are compared: tumani, р-н.")
    total: Texts = Field(default=(), description="Texts that mean all options of the category.")

    _crosswalk: BoundCrosswalk | None = PrivateAttr(None)
    _aliases: MappingType[str, str] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _one_place(self) -> "Dimension":
        self._one_of(PLACES)
        if self.code is not None:
            listed = self.columns or ((self.column,) if self.column else ())
            named = template(self.code).columns
            if set(named) != set(listed):
                raise ValueError(f"code names {', '.join(named)}, but the columns are {', '.join(listed) or 'none'}")
        if self.crosswalk is None and (self.key or self.confirm):
            raise ValueError(f"{'key' if self.key else 'confirm'} needs a crosswalk")
        if self.key and self.column and self.column not in self.key:
            raise ValueError(f"key must hold the column '{self.column}' too")
        return self

    @property
    def place(self) -> str:
        """Which of `PLACES` is given."""
        return self._one_of(PLACES)

    @property
    def template(self) -> Template | None:
        """The parsed `code`."""
        return template(self.code) if self.code else None

    def label_columns(self) -> tuple[str, ...]:
        """Names of the columns whose texts are the label, in the order of the crosswalk's key."""
        return self.key or self.columns or ((self.column,) if self.column else ())

    def column_names(self) -> tuple[str, ...]:
        """Names of all columns that it reads; not those of `parts` and `below`."""
        return (*self.label_columns(), *([self.confirm] if self.confirm else ()))


class Period(Dimension):
    """Where the period stands and of which type it is."""

    type: PeriodType = Field(description="Period type of DHIS2, such as Monthly.")
    date: PeriodDate | None = Field(
        default=None,
        description="The text is a date (dd.mm.yyyy, ...) in the period; evidence: the column's dates tell.",
    )
    cumulative: Truth = Field(default=False, description="The form counts from the start of the year.")


class ValueColumns(Keys):
    """Where the values stand, when not in every column that no other key names."""

    column: Text | None = Field(default=None, description="One column holds the values: a long file.")
    columns: Texts = Field(default=(), description="These columns hold values.")

    @model_validator(mode="after")
    def _one_place(self) -> "ValueColumns":
        self._one_of(("column", "columns"))
        return self

    def column_names(self) -> tuple[str, ...]:
        """Names of the columns that hold values."""
        return self.columns or ((self.column,) if self.column else ())


class CommentColumn(Keys):
    """Where the comment of a value stands."""

    column: Text = Field(description="The column of comments.")


class Repeat(Keys):
    """Blocks stacked in one sheet."""

    from_: Texts = Field(alias="from", description="Each row that holds this label begins a block of its own.")


class Cumulative(Keys):
    """Figures that count from the start of the year."""

    since: Literal["year_start"] = Field(description="From when they count.")
    previous: Literal["given"] | None = Field(default=None, description="given: the caller gives the period before.")


class MappingTable(Keys):
    """One table of a form: everything needed to read its cells as data values of one data set."""

    data_set: Text = Field(description="Code or UID of the data set.")
    source: SourceOptions = Field(default=SourceOptions(), description="How the file is read.")
    columns: dict[str, Column] = Field(
        default={}, description="Column names of this mapping and their labels in the form."
    )
    org_unit: Dimension | None = Field(default=None, description="The org unit of the values.")
    period: Period | None = Field(default=None, description="The period of the values.")
    data_element: Dimension | None = Field(default=None, description="The data element of the values.")
    category_options: dict[str, Dimension] = Field(default={}, description="Category code to where its option stands.")
    category_option_combo: Dimension | None = Field(
        default=None, description="One text that names all options together."
    )
    attribute_options: dict[str, Dimension] = Field(default={}, description="Category code to where its option stands.")
    attribute_option_combo: Dimension | None = Field(
        default=None, description="One text that names all attribute options."
    )
    value: ValueColumns | None = Field(default=None, description="Columns of values; left out, all that no key names.")
    comment: CommentColumn | None = Field(default=None, description="Column of comments.")
    cells: dict[str, Marker] = Field(default={}, description="What a marker in a cell means; blank is the empty cell.")
    booleans: dict[str, Truth] = Field(default={}, description="Words for yes and no cells.")
    units: Texts = Field(default=(), description="Units that may follow a number.")
    totals: Literal["check", "warn", "ignore"] = Field(
        default="check", description="What is done with cells of totals."
    )
    where: Text | None = Field(
        default=None, description="Only rows for which this holds: form = 'A' and status <> '4'."
    )
    computed: dict[str, Text] = Field(default={}, description="New columns: case when sex = '1' then 'M' else 'F' end.")
    fill_down: Texts = Field(default=(), description="Columns whose blank cells take the text above.")
    sections: dict[str, Texts] | None = Field(
        default=None, description="Section to its heading; rows below hold it as `section`."
    )
    repeat: Repeat | None = Field(default=None, description="Blocks stacked in one sheet.")
    loose_cells: Text | None = Field(default=None, description="CSV of single cells: sheet, cell, data_element, ...")
    cumulative: Cumulative | None = Field(default=None, description="Figures that count from the start of the year.")

    _path: str = PrivateAttr("")
    _document: Document = PrivateAttr(Document(None))
    _layer: Path = PrivateAttr(())
    _predicate_columns: frozenset[str] = PrivateAttr(frozenset())
    _loose_cells: Crosswalk | None = PrivateAttr(None)

    def labels(self, name: str) -> tuple[str, ...]:
        """The headers of a column by its name; the name itself where `columns` lacks it or gives no labels."""
        return self.labels_of(name) or (name,)

    def labels_of(self, name: str) -> tuple[str, ...]:
        """The labels that `columns` gives this name, or ()."""
        return self.columns[name].labels if name in self.columns else ()

    def words(self) -> dict[str, tuple[str, ...]]:
        """Names of columns by their folded labels: the words of the form in the words of the mapping."""
        found: dict[str, list[str]] = {}
        for name, column in self.columns.items():
            for label in column.labels:
                found.setdefault(names.fold(label), []).append(name)
        return {label: tuple(dict.fromkeys(held)) for label, held in found.items()}

    def column_types(self) -> dict[str, ColumnType]:
        """How typed columns are read, by their names."""
        return {name: column.type for name, column in self.columns.items() if column.type is not None}

    def single_dimensions(self) -> Iterator[tuple[str, Dimension]]:
        """The dimensions that are not by category, each with its key, where given."""
        for key in ("org_unit", "period", "data_element", "category_option_combo", "attribute_option_combo"):
            if (dimension := getattr(self, key)) is not None:
                yield key, dimension

    def crosswalk(self, dimension: Dimension) -> BoundCrosswalk | None:
        """The crosswalk of one of its dimensions, read and bound to its columns."""
        return dimension._crosswalk

    def crosswalk_keys(self, dimension: Dimension) -> frozenset[str]:
        """The texts that the dimension's own column may hold, as its crosswalk has them."""
        bound = dimension._crosswalk
        if bound is None:
            return frozenset()
        own = dimension.label_columns()
        place = own.index(dimension.column) if dimension.column in own and len(own) == len(bound.key) else 0
        return frozenset(key[place] for key in bound.targets if key[place])

    def aliases(self, dimension: Dimension) -> MappingType[str, str]:
        """The aliases of one of its dimensions: label to what it stands for."""
        return dimension._aliases

    def loose_cells_table(self) -> Crosswalk | None:
        """The rows of `loose_cells`."""
        return self._loose_cells

    def predicate_columns(self) -> frozenset[str]:
        """Names of the columns that `where` and `computed` read, without the computed ones."""
        return self._predicate_columns

    @property
    def path(self) -> str:
        """The mapping file, as the caller named it."""
        return self._path

    def mark(self, *path: str | int) -> tuple[int, int]:
        """Line and column in the mapping file of this key, or of the nearest key around it; 1, 1 without a file."""
        return self._document.spot(path, self._layer).key

    def line(self, path: Path) -> int:
        """The line of `mark`."""
        return self.mark(*path)[0]


class Mapping(Keys):
    """A mapping file: whose it is, which files it is for, and its tables."""

    mapping: Text = Field(description="The mapping's own name.")
    version: Number = Field(description="Its version; a whole number that grows.")
    title: Text | None = Field(default=None, description="What it is, for people.")
    instance: Text | None = Field(default=None, description="System id or base URL of the only instance it is for.")
    recognise: Recognise | None = Field(default=None, description="Which files it is for.")
    sources: dict[str, SourceFiles] = Field(
        default={}, description="Sources of rows, each with its name and its files; with `workforce` only."
    )
    workforce: Workforce | None = Field(default=None, description="How rows of contracts and posts become counts.")
    tables: tuple[MappingTable, ...] = Field(description="Tables of the form; each takes over what stands above.")

    _path: str = PrivateAttr("")
    _sha256: str = PrivateAttr("")
    _document: Document = PrivateAttr(Document(None))
    _crosswalks: MappingType[str, Crosswalk] = PrivateAttr(default_factory=dict)

    @property
    def path(self) -> str:
        """The file, as the caller named it."""
        return self._path

    @property
    def sha256(self) -> str:
        """Hash of the mapping and of every file that it reads."""
        return self._sha256

    @property
    def crosswalks(self) -> MappingType[str, Crosswalk]:
        """Every file beside the mapping that it reads, by its name in the mapping."""
        return self._crosswalks

    def mark(self, *path: str | int) -> tuple[int, int]:
        """Line and column of this key, or of the nearest key around it; 1, 1 without a file."""
        return self._document.spot(path).key

    def line(self, path: Path) -> int:
        """The line of `mark`."""
        return self.mark(*path)[0]
