"""How a mapping recognises its files and how they are read: the part of a mapping that knows nothing of DHIS2."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dhis2_bridge.mapping_fields import (
    Bounds,
    Character,
    Delimiter,
    Level,
    PeriodRange,
    Text,
    Texts,
    Truth,
    is_null,
    period_bounds,
)


class Keys(BaseModel):
    """A block of keys: frozen, unknown keys refused; a key without a value counts as absent."""

    # A block is nearly always read as part of a whole mapping; building a reader for it alone would slow every start.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        short = cls._written_short(data)
        return {key: value for key, value in short.items() if not is_null(value)} if isinstance(short, dict) else short

    @classmethod
    def _written_short(cls, data: Any) -> Any:
        """The block of keys that a shorter way of writing stands for."""
        return data

    def _one_of(self, keys: tuple[str, ...]) -> str:
        given = [key for key in keys if getattr(self, key) not in (None, ())]
        if len(given) != 1:
            stand = f"{' and '.join(given)} stand here together" if given else "none stands here"
            raise ValueError(f"exactly one of {', '.join(keys)} is wanted, and {stand}")
        return given[0]


class Recognise(Keys):
    """Which files this mapping is for. Every key that is given must fit."""

    title: Texts = Field(default=(), description="Globs (*): one fits a cell outside the table.")
    file_name: Texts = Field(default=(), description="Globs (*): one fits the file's name.")
    sheet: Texts = Field(default=(), description="Globs (*): one fits the sheet's name.")
    columns: Texts = Field(default=(), description="Columns that the header must hold.")
    fields: dict[str, Texts] = Field(
        default={}, description="Column to texts: the first record holds one of them there."
    )
    periods: PeriodRange | None = Field(
        default=None, description="Periods it is for: 2026-01.., ..2026-12, 2026-01..2026-06."
    )

    @model_validator(mode="after")
    def _says_something(self) -> "Recognise":
        if not any(getattr(self, key) for key in type(self).model_fields):
            raise ValueError(f"at least one of {', '.join(type(self).model_fields)} is wanted")
        return self

    def bounds(self) -> Bounds:
        """First and last day of `periods`, None where open."""
        return period_bounds(self.periods) if self.periods else (None, None)


class Header(Keys):
    """Where the header of the table is and how it is built."""

    anchor: Text | None = Field(
        default=None, description="The header's first row is the row where this column's label stands."
    )
    row: Level | None = Field(default=None, description="The header's first row, as the spreadsheet counts.")
    rows: Level = Field(default=1, description="How many rows it has; merged cells become paths.")
    skip: Literal["column_numbers"] | None = Field(
        default=None, description="A row 1 2 3 ... below the header is no data."
    )

    @model_validator(mode="after")
    def _one_start(self) -> "Header":
        if self.anchor is not None and self.row is not None:
            raise ValueError("anchor and row say the same thing; one of them must go")
        return self


class Ends(Keys):
    """Where the body of the table ends."""

    words: Texts = Field(
        default=(), description="The body ends before the row whose first filled cell begins with one."
    )
    blank_row: Truth = Field(default=False, description="The body ends before the first blank row.")

    @model_validator(mode="after")
    def _says_something(self) -> "Ends":
        if not self.words and not self.blank_row:
            raise ValueError("words, or blank_row: true, is wanted")
        return self


class Systems(Keys):
    """From which systems the identifiers and codes of a FHIR register are taken: the key is the column they fill.

    Of several systems the first that a resource has counts.
    """

    person_id: Texts = Field(default=(), description="Identifiers of Practitioner, or of PractitionerRole.")
    contract_id: Texts = Field(default=(), description="Identifiers of PractitionerRole.")
    org_id: Texts = Field(default=(), description="Identifiers of Organization, or of the nearest above it.")
    org_tax_id: Texts = Field(default=(), description="The same, for the tax id.")
    unit_code: Texts = Field(default=(), description="Identifiers of the unit: of Location or Organization.")
    location_id: Texts = Field(default=(), description="Identifiers of Location, or of the nearest above it.")
    position_code: Texts = Field(default=(), description="Codings of PractitionerRole.code.")
    specialty_code: Texts = Field(default=(), description="Codings of PractitionerRole.specialty.")
    org_type: Texts = Field(default=(), description="Codings of Organization.type, or of Location.type.")
    org_ownership: Texts = Field(default=(), description="The same, for the ownership.")


class SourceOptions(Keys):
    """How the file is read, where its own evidence is not enough."""

    format: Literal["csv", "tsv", "xlsx", "xls", "xlsb", "ods", "json", "ndjson", "fhir", "sql"] | None = Field(
        default=None, description="The file's format; left out, its first bytes tell."
    )
    encoding: Text | None = Field(default=None, description="Encoding of text files, such as cp1251.")
    delimiter: Delimiter | None = Field(default=None, description="One character, or tab.")
    quote: Character = Field(default='"', description="The quote character of delimited text.")
    decimal: Literal[".", ","] | None = Field(default=None, description="Decimal mark of numbers written as text.")
    thousands: Literal[" ", "'", ".", ","] | None = Field(
        default=None, description="Mark between groups of three digits."
    )
    sheets: Texts = Field(default=(), description="Globs (*): only sheets whose name fits one are read.")
    header: Header = Field(default=Header(), description="Where the header is.")
    ends: Ends | None = Field(default=None, description="Where the body ends.")
    total_rows: Texts = Field(default=(), description="Globs: rows whose first filled cell fits are totals, not data.")
    ignore: Texts = Field(default=(), description="Headers of columns to leave out.")
    records: Text | None = Field(default=None, description="Where the records are in JSON, such as items[].values[].")
    systems: Systems | None = Field(default=None, description="Systems of identifiers and codes in FHIR.")
    extensions: dict[str, Text] = Field(
        default={}, description="More columns of a FHIR register: name to the address of an extension."
    )
    transpose: Truth = Field(default=False, description="Rows of the sheet are columns of the table.")

    @model_validator(mode="after")
    def _marks_differ(self) -> "SourceOptions":
        if self.decimal is not None and self.decimal == self.thousands:
            raise ValueError("decimal and thousands cannot be the same mark")
        return self
