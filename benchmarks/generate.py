"""Makes the inputs of the benchmarks: metadata, long CSV files with bad rows among good ones, workbook forms.

    python benchmarks/generate.py FOLDER --rows 1000000
    python benchmarks/generate.py FOLDER --forms 500

Everything is invented and the same in every run. The long file is sorted by facility and period, as an export is.
"""

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path

ORG_UNITS = 6_000
ELEMENTS = 400
PERIODS = [f"{year}{month:02}" for year in range(2019, 2027) for month in range(1, 13)]

BAD = 2_000
"""One row in so many is bad, each time of the next kind of `bad_row`."""

MAPPING = """
mapping: benchmark-long
version: 1
data_set: BENCH_M
source: {format: csv, delimiter: ","}
org_unit: {column: facility, match: code}
period: {column: period, type: Monthly}
data_element: {column: element, match: code}
category_options:
  SEX: {column: sex, match: code}
value: {column: value}
comment: {column: comment}
"""


FORM_MAPPING = """
mapping: benchmark-form
version: 1
data_set: BENCH_FORM
recognise: {title: ["*BENCH_FORM*"]}
source: {header: {anchor: line, rows: 2}, ends: {words: [Head of facility]}}
columns:
  line: Line
  label: Indicator
  male: Male
  female: Female
org_unit: {cell: {right_of: Facility code}, match: code}
period: {cell: {right_of: Period}, type: Monthly}
data_element: {column: line, crosswalk: lines.csv, confirm: label}
category_options:
  SEX: {header: 1, map: {male: M, female: F}}
  AGE: {header: 2, match: code}
"""

LINES = range(1, 33)


def metadata() -> dict[str, object]:
    """A metadata export: 6,000 facilities, 400 data elements of which every second is by sex, one monthly data set."""
    from dhis2_bridge.identifiers import uid

    def named(kind: str, code: str, **more: object) -> dict[str, object]:
        return {"id": uid("benchmark", kind, code), "code": code, "name": f"{kind} {code}", "shortName": code, **more}

    def of(kind: str, code: str) -> dict[str, str]:
        return {"id": uid("benchmark", kind, code)}

    units = [named("unit", "ROOT", openingDate="2010-01-01", level=1, path=f"/{uid('benchmark', 'unit', 'ROOT')}")]
    for i in range(ORG_UNITS):
        code = f"F{i:05}"
        path = f"/{uid('benchmark', 'unit', 'ROOT')}/{uid('benchmark', 'unit', code)}"
        units.append(named("unit", code, openingDate="2010-01-01", level=2, parent=of("unit", "ROOT"), path=path))
    elements = [
        named(
            "element",
            f"DE{i:03}",
            valueType="NUMBER" if i % 10 == 9 else "INTEGER_ZERO_OR_POSITIVE",
            domainType="AGGREGATE",
            aggregationType="SUM",
            zeroIsSignificant=False,
            categoryCombo=of("combo", "CC_SEX" if i % 2 else "default"),
        )
        for i in range(ELEMENTS)
    ]
    lines = [
        named(
            "element",
            f"LINE{n:02}",
            valueType="INTEGER_ZERO_OR_POSITIVE",
            domainType="AGGREGATE",
            aggregationType="SUM",
            zeroIsSignificant=False,
            categoryCombo=of("combo", "CC_SEX_AGE"),
        )
        for n in LINES
    ]
    ages = [f"age {n}" for n in range(5)]
    options = [named("option", code) for code in ("M", "F", *ages)]
    default = {
        "id": uid("benchmark", "option", "default"),
        "name": "default",
        "shortName": "default",
        "code": "default",
    }
    return {
        "system": {"id": "benchmark", "version": "2.43.2"},
        "organisationUnits": units,
        "categoryOptions": [*options, default],
        "categories": [
            named(
                "category", "SEX", dataDimensionType="DISAGGREGATION", categoryOptions=[of("option", c) for c in "MF"]
            ),
            named(
                "category", "AGE", dataDimensionType="DISAGGREGATION", categoryOptions=[of("option", a) for a in ages]
            ),
            {**named("category", "default"), "name": "default", "categoryOptions": [of("option", "default")]},
        ],
        "categoryCombos": [
            named("combo", "CC_SEX", categories=[of("category", "SEX")]),
            named("combo", "CC_SEX_AGE", categories=[of("category", "SEX"), of("category", "AGE")]),
            {**named("combo", "default"), "name": "default", "categories": [of("category", "default")]},
        ],
        "categoryOptionCombos": [
            *(
                named("option combo", c, categoryCombo=of("combo", "CC_SEX"), categoryOptions=[of("option", c)])
                for c in "MF"
            ),
            *(
                named(
                    "option combo",
                    f"{c} {age}",
                    categoryCombo=of("combo", "CC_SEX_AGE"),
                    categoryOptions=[of("option", c), of("option", age)],
                )
                for c in "MF"
                for age in ages
            ),
            {
                **named("option combo", "default", categoryCombo=of("combo", "default")),
                "name": "default",
                "categoryOptions": [of("option", "default")],
            },
        ],
        "dataElements": [*elements, *lines],
        "dataSets": [
            named(
                "data set",
                "BENCH_M",
                periodType="Monthly",
                categoryCombo=of("combo", "default"),
                dataSetElements=[{"dataElement": {"id": element["id"]}} for element in elements],
                organisationUnits=[{"id": unit["id"]} for unit in units[1:-50]],  # the last 50 are not assigned
            ),
            named(
                "data set",
                "BENCH_FORM",
                periodType="Monthly",
                categoryCombo=of("combo", "default"),
                dataSetElements=[{"dataElement": {"id": element["id"]}} for element in lines],
                organisationUnits=[{"id": unit["id"]} for unit in units[1:]],
            ),
        ],
    }


def small_metadata() -> dict[str, object]:
    """The same with ten facilities: what a run of ten values needs."""
    export = metadata()
    units = export["organisationUnits"][:11]  # type: ignore[index]
    kept = {unit["id"] for unit in units}
    for data_set in export["dataSets"]:  # type: ignore[attr-defined]
        data_set["organisationUnits"] = [unit for unit in data_set["organisationUnits"] if unit["id"] in kept]
    return {**export, "organisationUnits": units}


def rows(count: int, seed: int = 1) -> Iterator[str]:
    """The lines of the long file: header, then `count` records, with one bad record in `BAD`."""
    draw = random.Random(seed)
    yield "facility,element,period,sex,value,comment\n"
    made = 0
    texts = [str(n) for n in range(1_000)]
    first = ""
    for period in PERIODS:
        for unit in range(ORG_UNITS - 50):
            facility = f"F{unit:05}"
            for element in range(ELEMENTS):
                for sex in ("M", "F") if element % 2 else ("",):
                    if made == count:
                        return
                    value = f"{draw.randrange(10_000) / 100}" if element % 10 == 9 else texts[draw.randrange(1_000)]
                    line = f"{facility},DE{element:03},{period},{sex},{value},\n"
                    first = first or line
                    made += 1
                    yield bad_row(made // BAD, facility, element, period, sex, first) if made % BAD == 0 else line
    raise ValueError(f"at most {made} rows can be made")


def bad_row(number: int, facility: str, element: int, period: str, sex: str, first: str) -> str:
    """One of eight kinds of bad record."""
    kinds = (
        f"X99999,DE{element:03},{period},{sex},1,\n",  # no such facility
        f"{facility},DE999,{period},{sex},1,\n",  # no such data element
        f"{facility},DE{element:03},20261x,{sex},1,\n",  # no such period
        f"{facility},DE{element:03},2026Q1,{sex},1,\n",  # a period of another type
        f"{facility},DE{element:03},{period},{sex},twelve,\n",  # no number
        f"F{ORG_UNITS - 1:05},DE{element:03},{period},{sex},1,\n",  # not assigned to the data set
        f"{facility},DE{element:03},{period},{'' if sex else 'M'},1,\n",  # the wrong breakdown
        first.replace(",\n", "1,\n"),  # the first record again with another value
    )
    return kinds[number % len(kinds)]


def write_rows(path: Path, count: int) -> None:
    """Writes the long file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(rows(count))


def write_forms(folder: Path, count: int) -> None:
    """Writes workbook forms of 320 value cells (32 lines by sex and five ages), one facility each."""
    import xlsxwriter

    folder.mkdir(parents=True, exist_ok=True)
    if len(list(folder.glob("*.xlsx"))) == count:
        return
    draw = random.Random(2)
    for number in range(count):
        book = xlsxwriter.Workbook(folder / f"form_{number:05}.xlsx")
        sheet = book.add_worksheet("form")
        sheet.write(0, 0, "Monthly form BENCH_FORM")
        sheet.write(1, 0, "Facility code")
        sheet.write(1, 1, f"F{number:05}")
        sheet.write(2, 0, "Period")
        sheet.write(2, 1, "September 2026")
        sheet.write(4, 0, "Line")
        sheet.write(4, 1, "Indicator")
        for place, sex in ((2, "Male"), (7, "Female")):
            sheet.merge_range(4, place, 4, place + 4, sex)
            for age in range(5):
                sheet.write(5, place + age, f"age {age}")
        for line, n in enumerate(LINES):
            sheet.write(6 + line, 0, f"{n:02}")
            sheet.write(6 + line, 1, f"Indicator number {n}")
            for column in range(10):
                sheet.write(6 + line, 2 + column, draw.randrange(500))
        sheet.write(39, 0, "Head of facility ________")
        book.close()


def prepare(folder: Path) -> None:
    """Writes metadata and mappings into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metadata.json").write_text(json.dumps(metadata()), encoding="utf-8")
    (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    (folder / "forms.yaml").write_text(FORM_MAPPING, encoding="utf-8")
    lines = "".join(f"{n:02},LINE{n:02},Indicator number {n}\n" for n in LINES)
    (folder / "lines.csv").write_text("line,data_element,label\n" + lines, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--forms", type=int)
    arguments = parser.parse_args()
    prepare(arguments.folder)
    if arguments.rows:
        write_rows(arguments.folder / f"long_{arguments.rows}.csv", arguments.rows)
    if arguments.forms:
        write_forms(arguments.folder / f"forms_{arguments.forms}", arguments.forms)


if __name__ == "__main__":
    main()
