"""A small DHIS2 instance for counts of a workforce, rows of invented staff, and what they were counted to."""

import functools
import io
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any

import xlsxwriter
from worlds import table, uid

import dhis2_bridge
from dhis2_bridge.findings import Finding, rows
from dhis2_bridge.mapping import Mapping
from dhis2_bridge.mapping_file import load_text
from dhis2_bridge.snapshot import Snapshot

UNITS = {"HRM_101": "1-son poliklinika", "HRM_101_7": "Terak punkti", "HRM_102": "Chinor shifoxonasi"}
OCCUPATIONS = ("2211", "2212", "2240", "3221", "3222", "3252")
BANDS = ("P0Y--P25Y", "P25Y--P35Y", "P35Y--P45Y", "P45Y--P55Y", "P55Y--P65Y", "P65Y--P999Y")
CATEGORIES = {"SEX": ("M", "F", "UNK"), "AGE6": (*BANDS, "UNK_AGE")}
PERSONS = ("HRH_HW", "HRH_EMP")
POSTS = ("HRH_POST_FIL", "HRH_POST_APP", "HRH_POST_VAC")

CROSSWALK = """
code     | report_as | group   | practising | choices   | title_uz               | title_ru
2211.1   | 2211      | doctors | yes        |           | Umumiy amaliyot vrachi | Врач общей практики
2211.7   | 2211      | doctors | no         |           | Ilmiy xodim            | Научный сотрудник
2212.10  | 2212      | doctors | yes        |           | Vrach terapevt         | Врач терапевт
2222.1   | 2212      | doctors | yes        |           | Akusher-ginekolog      | Врач акушер-гинеколог
3221.2   | 3221      | nursing | yes        |           | Tibbiyot hamshirasi    | Медицинская сестра
3252.5   | ambiguous |         |            | 2240|3252 | Feldsher               | Фельдшер
2250.1   | exclude   |         |            |           | Veterinar vrach        | Ветеринарный врач
"""

MAPPING = """\
mapping: staff
version: 1
data_set: HRH_Q
sources: {staff: argos_staff*, posts: argos_posts*}
columns:
  start_date: {date: dd.mm.yyyy}
  end_date: {date: dd.mm.yyyy}
  birth_date: {date: dd.mm.yyyy}
  rate: {number: "."}
  posts_approved: {number: "."}
  posts_vacant: {number: "."}
org_unit: {columns: [org, unit], code: "HRM_{org}[_{unit}]", match: code}
period: {given: true, type: Quarterly}
workforce:
  person:
    column: pinfl
    name: [last_name, first_name]
    birth_date: birth_date
    sex: sex
    identity:
      digits: 14
      check: {weights: [7, 3, 1], modulus: 10}
      sex: {digit: 1, odd: M, even: F}
      birth:
        day: [2, 3]
        month: [4, 5]
        year: [6, 7]
        century: {digit: 1, map: {"1": 1800, "2": 1800, "3": 1900, "4": 1900, "5": 2000, "6": 2000}}
      not_zero: [[8, 10], [11, 13]]
  current: start_date <= as_of and (end_date is null or end_date >= as_of) and status <> '4'
  main_job: {prefer: job_kind = '1'}
  rate: rate
  start: start_date
  occupation: {column: position, title: title, crosswalk: kodp.csv}
  axes:
    SEX: {column: sex, map: {"1": M, "2": F}, unknown: UNK}
    AGE6:
      age: birth_date
      bands: [P0Y--P25Y, P25Y--P35Y, P35Y--P45Y, P45Y--P55Y, P55Y--P65Y, P65Y--P999Y]
      unknown: UNK_AGE
  measures:
    - {data_element: "HRH_HW_{occupation}", count: persons, where: status = '1', by: [SEX, AGE6], is: practising}
    - {data_element: "HRH_EMP_{occupation}", count: persons, by: [SEX, AGE6], is: employed}
    - {data_element: "HRH_POST_FIL_{occupation}", sum: rate, is: filled}
    - {data_element: "HRH_POST_APP_{occupation}", source: posts, sum: posts_approved, is: approved}
    - {data_element: "HRH_POST_VAC_{occupation}", source: posts, sum: posts_vacant, is: vacant}
  gone: zero
"""

STAFF = ("pinfl", "last_name", "first_name", "sex", "birth_date", "org", "unit", "position", "title", "rate",
         "job_kind", "start_date", "end_date", "status", "phone")  # fmt: skip
POSTED = ("org", "unit", "position", "posts_approved", "posts_vacant")

USUAL = {
    "last_name": "Sinov", "first_name": "Bir", "sex": "1", "birth_date": "15.03.1985", "org": "101", "unit": "",
    "position": "2211.1", "title": "", "rate": "1", "job_kind": "1", "start_date": "01.02.2020", "end_date": "",
    "status": "1", "phone": "",
}  # fmt: skip


def pinfl(number: int, born: str = "15.03.1985", *, man: bool = True) -> str:
    """An invented id with a right check digit."""
    day, month, year = born.split(".")
    first = {"19": 3, "20": 5}[year[:2]] + (not man)
    digits = f"{first}{day}{month}{year[2:]}{1 + number // 999:03}{1 + number % 999:03}"
    return digits + str(sum(int(d) * (7, 3, 1)[i % 3] for i, d in enumerate(digits)) % 10)


def contract(number: int, **more: str) -> dict[str, str]:
    """A row of staff: that of one person, as usual but for what is said."""
    row = {**USUAL, **more}
    usual_id = pinfl(number, row["birth_date"] or "15.03.1985", man=row["sex"] != "2")
    return {"pinfl": usual_id, **row}


def drawn(text: str) -> list[dict[str, str]]:
    """Rows drawn as a table whose header names what is not usual; `person` is the number of the person."""
    header, *lines = table(text)
    made = []
    for line in lines:
        said = {name: cell for name, cell in zip(header, line, strict=True) if name != "person"}
        row = contract(int(line[header.index("person")]), **{k: v for k, v in said.items() if v != "="})
        made.append({k: "" if v == "-" else v for k, v in row.items()})
    return made


def csv_of(rows_: Iterable[dict[str, str]], columns: tuple[str, ...] = STAFF) -> str:
    """Rows as a CSV text."""
    lines = [",".join(columns), *(",".join(row.get(name, "") for name in columns) for row in rows_)]
    return "\n".join(lines) + "\n"


def workbook_of(rows_: Iterable[dict[str, Any]], columns: tuple[str, ...] = STAFF) -> bytes:
    """Rows as a workbook; what is no text is a number there."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    sheet = book.add_worksheet("Xodimlar")
    for number, row in enumerate([dict(zip(columns, columns, strict=True)), *rows_]):
        for place, name in enumerate(columns):
            value = row.get(name, "")
            if isinstance(value, str):
                sheet.write_string(number, place, value)
            else:
                sheet.write_number(number, place, value)
    book.close()
    return file.getvalue()


@functools.cache
def snapshot() -> Snapshot:
    """The instance: two facilities and a unit of one, and the elements of counts."""
    return Snapshot.from_dict(document(), source="metadata.json")


def document() -> dict[str, Any]:
    """The metadata export of the instance."""
    options = sorted({code for codes in CATEGORIES.values() for code in codes})
    elements = [
        (f"{kind}_{code}", "CC_SEX_AGE6", "INTEGER_ZERO_OR_POSITIVE") for kind, code in product(PERSONS, OCCUPATIONS)
    ]
    elements += [(f"{kind}_{code}", "default", "NUMBER") for kind, code in product(POSTS, OCCUPATIONS)]
    default = {"id": uid("default"), "name": "default"}
    return {
        "system": {"version": "2.42.1", "systemId": "invented-staff"},
        "organisationUnits": [
            {"id": uid("17"), "code": "17", "name": "Oʻzbekiston"},
            *({"id": uid(c), "code": c, "name": n, "parent": {"id": uid("17")}} for c, n in UNITS.items()),
        ],
        "categoryOptions": [
            {**default, "code": "default"},
            *({"id": uid(f"o{code}"), "code": code, "name": code} for code in options),
        ],
        "categories": [
            {**default, "categoryOptions": [{"id": uid("default")}]},
            *(
                {"id": uid(name), "code": name, "name": name, "categoryOptions": [{"id": uid(f"o{c}")} for c in codes]}
                for name, codes in CATEGORIES.items()
            ),
        ],
        "categoryCombos": [
            {**default, "code": "default", "categories": [{"id": uid("default")}]},
            {
                "id": uid("CCSA"), "code": "CC_SEX_AGE6", "name": "CC",
                "categories": [{"id": uid(name)} for name in CATEGORIES],
            },
        ],
        "categoryOptionCombos": [
            {
                "id": uid("defaultdef"), "name": "default", "categoryCombo": {"id": uid("default")},
                "categoryOptions": [{"id": uid("default")}],
            },
            *(
                {
                    "id": uid(f"c{place:03}"), "name": f"{one}, {two}", "categoryCombo": {"id": uid("CCSA")},
                    "categoryOptions": [{"id": uid(f"o{one}")}, {"id": uid(f"o{two}")}],
                }
                for place, (one, two) in enumerate(product(*CATEGORIES.values()))
            ),
        ],
        "dataElements": [
            {
                "id": element_uid(code), "code": code, "name": code, "valueType": kind, "domainType": "AGGREGATE",
                "aggregationType": "LAST_IN_PERIOD", "zeroIsSignificant": True,
                "categoryCombo": {"id": uid("CCSA" if combo != "default" else "default")},
            }
            for code, combo, kind in elements
        ],
        "dataSets": [
            {
                "id": uid("HRHQ"), "code": "HRH_Q", "name": "HRH", "periodType": "Quarterly",
                "categoryCombo": {"id": uid("default")},
                "dataSetElements": [
                    {
                        "dataElement": {"id": element_uid(code)},
                        "categoryCombo": {"id": uid("CCSA" if combo != "default" else "default")},
                    }
                    for code, combo, _ in elements
                ],
                "organisationUnits": [{"id": uid(code)} for code in UNITS],
            }
        ],
    }  # fmt: skip


def element_uid(code: str) -> str:
    """The UID of a data element."""
    kind, _, occupation = code.rpartition("_")
    return uid(f"e{occupation}{kind.replace('HRH', '').replace('_', '')}")


class Counted:
    """What files of staff were counted to."""

    def __init__(self, conversion: dhis2_bridge.Conversion) -> None:
        self.conversion = conversion
        self.findings = rows(conversion.findings)

    def values(self) -> dict[str, str]:
        """`element facility options` to value, of what is sent."""
        held = snapshot()
        codes = {uid(f"o{code}"): code for codes in CATEGORIES.values() for code in codes}
        found = {}
        for row in self.conversion.ready.iter_rows(named=True):
            combo = held.category_option_combos[row["category_option_combo"]]
            options = [codes[one] for one in combo.category_options if one in codes]
            order = [code for listed in CATEGORIES.values() for code in listed if code in options]
            unit = held.org_units[row["org_unit"]].code
            key = " ".join([held.data_elements[row["data_element"]].code or "", unit or "", *order])
            assert key not in found
            found[key] = row["value"]
        return found

    def total(self, prefix: str) -> float:
        """The sum of all values whose key begins so."""
        return sum(float(value) for key, value in self.values().items() if key.startswith(prefix))

    def told(self, *severities: str) -> list[tuple[str, int | None, int | None]]:
        """Code, row and column of what was found; of errors and warnings unless said otherwise."""
        wanted = severities or ("error", "warning")
        return sorted(
            ((f.code, f.row, f.column) for f in self.findings if f.severity in wanted),
            key=lambda one: tuple(str(part) for part in one),
        )

    def all_of(self, code: str) -> list[Finding]:
        """The findings of a code."""
        return [finding for finding in self.findings if finding.code == code]


def mapping(folder: Path, text: str = MAPPING) -> Mapping:
    """The mapping with its crosswalk in a folder."""
    lines = [",".join(f'"{cell}"' for cell in row) for row in crosswalk_rows()]
    (folder / "kodp.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "staff.yaml").write_text(text, encoding="utf-8")
    return load_text(text, "staff.yaml", folder)


def crosswalk_rows() -> list[list[str]]:
    """The rows of the crosswalk; `2240|3252` is one cell."""
    return [[cell.replace("¦", "|") for cell in row] for row in table(CROSSWALK.replace("2240|3252", "2240¦3252"))]


def count(
    folder: Path,
    staff: str | bytes | list[dict[str, str]] | dict[str, Any] | None,
    posts: list[dict[str, str]] | None = None,
    *,
    text: str = MAPPING,
    period: str = "2026Q3",
    **options: Any,
) -> Counted:
    """Counts rows of staff (or files of them, by name) and posts."""
    given = staff if isinstance(staff, dict) else {"argos_staff.csv": staff} if staff is not None else {}
    files = []
    for name, content in given.items():
        whole = csv_of(content) if isinstance(content, list) else content
        (folder / name).write_bytes(whole if isinstance(whole, bytes) else whole.encode())
        files.append(folder / name)
    if posts is not None:
        (folder / "argos_posts.csv").write_text(csv_of(posts, POSTED), encoding="utf-8")
        files.append(folder / "argos_posts.csv")
    made = mapping(folder, text)
    return Counted(dhis2_bridge.convert(files, made, snapshot(), given={"period": period}, **options))
