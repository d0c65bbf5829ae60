"""Builds every generated file of this folder: `python examples/build.py`.

Run by hand after a change; the result is the same bytes every time. Facilities, tax numbers and figures are invented.
The lines of the PHC form come from mappings/uzbekistan/phc_lines.csv, the words of its ages from age5.csv beside it.
"""

import csv
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import xlsxwriter
from build_hrh import COLUMNS, POST_COLUMNS, SHOWN, population, posts, staff
from build_hrh_fhir import bundle, resources
from build_hrh_metadata import hrh_metadata
from build_metadata import AGE5, FACILITIES, SEX, phc_metadata, tb_org_units

MAPPINGS = Path(__file__).resolve().parents[1] / "mappings"
MADE = datetime(2026, 10, 2, 16, 40)  # local time, as a workbook keeps it

Values = dict[tuple[str, str, str], int]
"""line, sex, age -> count; sex and age are "" where the line has no such axis."""

# The report of HRM_900101 for September 2026: men and women by age, men and women, or one number.
FIGURES = {
    "01": "62 388 71 534 297 / 58 402 79 812 431",
    "02": "31 190 33 241 118 / 29 201 38 366 172",
    "03": "286 / 341",
    "04": "94",
    "05": "312",
    "06": "47",
    "07": "118 / 164",
    "08": "925",
    "09": "46 1020 190 2150 410 / 44 980 185 2230 560",
    "10": "2 9 3 21 17 / 1 8 4 34 20",
    "11": "49 / 64",
    "12": "0 0 0 1 1 / 0 0 0 0 1",
    "13": "20",
    "14": "512",
    "15": "26 / 41",
    "16": "14",
    "17": "63",
    "18": "24",
    "19": "19",
    "20": "21",
    "21": "17",
    "22": "3",
    "23": "9 / 9",
    "24": "0 / 0",
    "25": "0 / 0",
    "26": "1 / 0",
    "27": "0",
    "28": "17",
    "29": "22",
    "30": "20",
    "31": "1",
    "32": "7 / 11",
    "33": "188 / 264",
    "34": "3 / 4",
    "35": "71 / 96",
    "36": "0 0 0 1 0 / 0 0 0 1 0",
    "37": "54 / 133",
    "38": "14 61 9 40 18 / 11 57 10 52 24",
    "39": "2 6 0 3 1 / 1 5 1 4 2",
    "40": "9 / 38",
    "41": "87",
    "42": "64",
}

WORDS = {
    "uz": {
        "title": "UZ_PHC_M shakli. Birlamchi tibbiy-sanitariya muassasasining oylik hisoboti (namuna)",
        "about": ("Hisobot davri", "Muassasa nomi", "STIR", "SOATO", "Muassasa kodi"),
        "period": "2026-yil sentabr oyi",
        "header": ("Satr kodi", "Koʻrsatkich", "Jami", "Erkak", "Ayol"),
        "subtotal": "jami",
        "nothing": "x",
        "signature": "Rahbar ______________   Ijrochi ______________   tel. ______________",
    },
    "ru": {
        "title": "Форма UZ_PHC_M. Ежемесячный отчёт учреждения первичной медико-санитарной помощи (образец)",
        "about": ("Отчётный период", "Наименование учреждения", "СТИР (ИНН)", "СОАТО", "Код учреждения"),
        "period": "за сентябрь 2026 года",
        "header": ("Код строки", "Показатель", "Итого", "Мужчины", "Женщины"),
        "subtotal": "итого",
        "nothing": "х",  # the Cyrillic letter, as a Russian keyboard gives it
        "signature": "Руководитель ______________   Исполнитель ______________   тел. ______________",
    },
}


def lines() -> list[dict[str, str]]:
    with (MAPPINGS / "uzbekistan/phc_lines.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def age_words(language: str) -> list[str]:
    """The words of the five ages; age5.csv begins each age with its words in uz, ru and en."""
    with (MAPPINGS / "uzbekistan/age5.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    words = [[row["label"] for row in rows if row["category_option"] == age] for age in AGE5]
    return [spellings[("uz", "ru", "en").index(language)] for spellings in words]


def report(percent: int = 100) -> Values:
    """The values of one report: the figures above, or a share of each, rounded down."""
    values: Values = {}
    for line, text in FIGURES.items():
        by_sex = [[int(figure) * percent // 100 for figure in part.split()] for part in text.split("/")]
        if len(by_sex) == 1:
            values[line, "", ""] = by_sex[0][0]
            continue
        for sex, figures in zip(SEX, by_sex, strict=True):
            ages = tuple(AGE5) if len(figures) > 1 else ("",)
            values |= {(line, sex, age): figure for age, figure in zip(ages, figures, strict=True)}
    return values


def workbook(path: Path) -> xlsxwriter.Workbook:
    book = xlsxwriter.Workbook(path)
    book.set_properties({"created": MADE, "comments": "Invented data, made by examples/build.py"})
    return book


def write_phc(path: Path, language: str, argos: str, values: Values, typed_over: dict[str, Any] | None = None) -> None:
    """The printed form as a workbook; `typed_over` are cells that somebody changed afterwards."""
    words = WORDS[language]
    facility = FACILITIES[argos]
    book = workbook(path)
    bold = book.add_format({"bold": True})
    head = book.add_format({"border": 1, "bold": True, "align": "center", "valign": "vcenter", "text_wrap": True})
    small = book.add_format({"border": 1, "align": "center", "font_size": 8, "italic": True})
    left = book.add_format({"border": 1, "text_wrap": True, "valign": "vcenter"})
    cell = book.add_format({"border": 1, "align": "center", "valign": "vcenter"})
    sheet = book.add_worksheet("UZ_PHC_M")
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(7, 9)
    sheet.set_column("A:A", 7)
    sheet.set_column("B:B", 42)
    sheet.set_column("C:O", 8.5)
    sheet.freeze_panes(10, 2)
    sheet.ignore_errors({"number_stored_as_text": "A1:O60", "formula_differs": "A1:O60"})

    sheet.merge_range("A1:O1", words["title"], bold)
    about = (words["period"], facility[language], facility["stir"], facility["soato"], argos)
    for row, (label, text) in enumerate(zip(words["about"], about, strict=True), start=2):
        sheet.merge_range(f"A{row}:B{row}", label)
        sheet.merge_range(f"C{row}:O{row}", text)

    line_code, label, total, male, female = words["header"]
    sheet.merge_range("A8:A9", line_code, head)
    sheet.merge_range("B8:B9", label, head)
    sheet.merge_range("C8:C9", total, head)
    sheet.merge_range("D8:I8", male, head)
    sheet.merge_range("J8:O8", female, head)
    sheet.write_row("D9", [words["subtotal"], *age_words(language)] * 2, head)
    sheet.set_row(8, 45)
    sheet.write_row("A10", range(1, 16), small)

    row = 10
    for row, line in enumerate(lines(), start=11):
        sheet.write_string(f"A{row}", line["line"], cell)
        sheet.write_string(f"B{row}", line[f"label_{language}"], left)
        for column in "CDEFGHIJKLMNO":
            sheet.write_string(f"{column}{row}", words["nothing"], cell)
        for column, content in phc_cells(line["line"], row, values).items():
            if isinstance(content, tuple):
                sheet.write_formula(f"{column}{row}", content[0], cell, content[1])
            else:
                sheet.write_number(f"{column}{row}", content, cell)
    sheet.write_string(f"A{row + 2}", words["signature"])

    for place, content in (typed_over or {}).items():
        if isinstance(content, tuple):
            sheet.write_formula(place, content[0], cell, content[1])
        elif isinstance(content, str):
            sheet.write_string(place, content, left if place.startswith("B") else cell)
        else:
            sheet.write_number(place, content, cell)
    book.close()


def phc_cells(line: str, row: int, values: Values) -> dict[str, int | tuple[str, int]]:
    """The filled cells of a line by column letter; a total is its formula and the result that the program stored."""
    own = {(sex, age): value for (of, sex, age), value in values.items() if of == line}
    if ("", "") in own:
        return {"C": own["", ""]}
    total = (f"=D{row}+J{row}", sum(own.values()))
    if ("M", "") in own:
        return {"C": total, "D": own["M", ""], "J": own["F", ""]}
    by_sex = {sex: [own[sex, age] for age in AGE5] for sex in SEX}
    return {
        "C": total,
        "D": (f"=SUM(E{row}:I{row})", sum(by_sex["M"])),
        **dict(zip("EFGHI", by_sex["M"], strict=True)),
        "J": (f"=SUM(K{row}:O{row})", sum(by_sex["F"])),
        **dict(zip("KLMNO", by_sex["F"], strict=True)),
    }


def mistakes() -> dict[str, Any]:
    """What goes wrong on such forms, in the cells of phc_uz_with_mistakes.xlsx; README.md explains each."""
    labels = {line["line"]: line["label_uz"] for line in lines()}
    return {
        "C11": 3143,  # 3134, two digits changed places
        "C14": "12,5",
        "C27": "-",
        "D42": ("=#REF!", "#REF!"),
        "C42": ("=D42+J42", "#REF!"),
        "B44": labels["35"],
        "B45": labels["34"],
        "A50": "4O",  # the letter O
    }


def json_text(argos: str, values: Values) -> str:
    """The report as one JSON document, a line of the form on each line of text."""
    facility = FACILITIES[argos]
    items = []
    for line in FIGURES:
        own = {(sex, age): value for (of, sex, age), value in values.items() if of == line}
        if ("", "") in own:
            items.append({"line": line, "value": own["", ""]})
            continue
        cells = [{"sex": sex} | ({"age": age} if age else {}) | {"value": value} for (sex, age), value in own.items()]
        items.append({"line": line, "values": cells})
    head = {
        "form": "UZ_PHC_M",
        "version": "1",
        "period": "2026-09",
        "facility": {"argos": argos, "stir": facility["stir"], "soato": facility["soato"], "name": facility["uz"]},
        "submitted": "2026-10-02T16:40:00+05:00",
    }
    fields = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    fields.append('  "items": [\n' + ",\n".join(f"    {json.dumps(item)}" for item in items) + "\n  ]")
    return "{\n" + ",\n".join(fields) + "\n}\n"


def csv_text(argos: str, values: Values, delimiter: str) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(["form", "period", "facility", "line", "sex", "age", "value", "comment"])
    for (line, sex, age), value in values.items():
        writer.writerow(["UZ_PHC_M", "2026-09", f"HRM_{argos}", line, sex, age, value, ""])
    return out.getvalue()


TB_AGES = [f"{low}-{high} years" for low, high in ((0, 4), (5, 14), (15, 24), (25, 34), (35, 44), (45, 54), (55, 64))]
TB_AGES += ["65+ years", "Unknown Age"]
TB_FIGURES = {
    # twelve of the register and two of the laboratory / men by age / women by age / HIV
    "EX_TB_01": "12 5 4 2 1 1 1 0 0 0 0 0 140 14 / 0 1 2 4 3 2 2 1 0 / 0 0 2 3 2 1 1 1 0 / 24 2 2 2",
    "EX_TB_02": "7 3 2 1 0 0 0 1 0 0 0 0 88 8 / 0 0 1 2 2 1 1 1 0 / 1 0 1 1 1 1 0 0 0 / 13 1 1 1",
    "EX_TB_03": "3 1 1 0 0 0 0 0 0 0 0 0 41 3 / 0 0 0 1 1 1 0 0 0 / 0 0 1 0 0 1 0 0 0 / 5 0 0 0",
}


def write_tb(path: Path) -> None:
    """A district's quarterly sheet: a facility in each row, data elements in the header, sex and age below one."""
    with (MAPPINGS / "who/tb_case_notification.csv").open(encoding="utf-8", newline="") as file:
        labels = [row["label"] for row in csv.DictReader(file)]
    names = {unit["code"]: unit["name"] for unit in tb_org_units()["organisationUnits"]}
    book = workbook(path)
    bold = book.add_format({"bold": True})
    head = book.add_format({"border": 1, "bold": True, "align": "center", "valign": "vcenter", "text_wrap": True})
    cell = book.add_format({"border": 1})
    sheet = book.add_worksheet("2026 Q3")
    sheet.set_landscape()
    sheet.set_column(0, 0, 6)
    sheet.set_column(1, 1, 14)
    sheet.set_column(2, 2, 26)
    sheet.set_column(3, 39, 10)
    sheet.set_row(4, 75)
    sheet.freeze_panes(7, 3)
    sheet.write_string("A1", "TB case notification, quarterly report of a district (sample form for TB_CNOT)", bold)
    sheet.write_string("A2", "Quarter")
    sheet.write_string("C2", "3rd quarter 2026")
    sheet.write_string("A3", "District")
    sheet.write_string("C3", names["EX_D1"])

    for column, text in enumerate(["No", "Facility code", "Facility name", *labels[:14]]):
        sheet.merge_range(4, column, 6, column, text, head)
    sheet.merge_range(4, 17, 4, 35, labels[14], head)
    sheet.merge_range(5, 17, 6, 17, "Total", head)
    sheet.merge_range(5, 18, 5, 26, "Male", head)
    sheet.merge_range(5, 27, 5, 35, "Female", head)
    sheet.write_row(6, 18, TB_AGES * 2, head)
    for column, text in enumerate(labels[15:], start=36):
        sheet.merge_range(4, column, 6, column, text, head)

    rows = []
    for number, (code, text) in enumerate(TB_FIGURES.items()):
        register, men, women, hiv = ([int(figure) for figure in part.split()] for part in text.split("/"))
        rows.append([*register, sum(men) + sum(women), *men, *women, *hiv])
        sheet.write_row(7 + number, 0, [number + 1, code, names[code], *rows[-1]], cell)
        letters = [xlsxwriter.utility.xl_col_to_name(column) for column in (18, 35)]
        total = f"=SUM({letters[0]}{8 + number}:{letters[1]}{8 + number})"
        sheet.write_formula(7 + number, 17, total, cell, rows[-1][14])
    sheet.merge_range(10, 0, 10, 2, "Total of the district", cell)
    for column, figures in enumerate(zip(*rows, strict=True), start=3):
        letter = xlsxwriter.utility.xl_col_to_name(column)
        sheet.write_formula(10, column, f"=SUM({letter}8:{letter}10)", cell, sum(figures))
    sheet.write_string("A13", "Prepared by ______________   Date ______________")
    book.close()


def table_text(rows: list[dict[str, str]], columns: tuple[str, ...], delimiter: str = ";") -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def write_table(path: Path, rows: list[dict[str, str]], columns: tuple[str, ...]) -> None:
    """The rows as a workbook in which every cell is text, as a web system gives it out: 2212.10 stays 2212.10."""
    book = workbook(path)
    sheet = book.add_worksheet(path.stem)
    sheet.ignore_errors({"number_stored_as_text": f"A1:AJ{len(rows) + 1}"})
    sheet.freeze_panes(1, 0)
    for number, row in enumerate([dict(zip(columns, columns, strict=True)), *rows]):
        for column, name in enumerate(columns):
            if row[name]:
                sheet.write_string(number, column, row[name])
    book.close()


def write_hrh(folder: Path) -> None:
    """The invented staff and posts of a region, a district of it in FHIR too, and the people of the districts."""
    rows = staff(MAPPINGS)
    establishment = posts(rows)
    write_text(folder / "argos_staff.csv", table_text(rows, COLUMNS), "utf-8-sig")
    write_text(folder / "argos_posts.csv", table_text(establishment, POST_COLUMNS), "utf-8-sig")
    write_table(folder / "argos_staff.xlsx", rows, COLUMNS)
    write_table(folder / "argos_posts.xlsx", establishment, POST_COLUMNS)
    people = population()
    write_text(folder / "population.csv", table_text(people, tuple(people[0]), ","))
    persons = {row["pinfl"] for row in rows if row["soato"] == SHOWN}
    made = resources([row for row in rows if row["pinfl"] in persons])
    write_text(folder / "fhir_staff.ndjson", "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in made))
    whole = bundle(made)
    entries = ",\n".join(json.dumps(one, ensure_ascii=False) for one in whole.pop("entry"))
    head = json.dumps(whole, ensure_ascii=False).removesuffix("}")
    write_text(folder / "fhir_staff.json", f'{head}, "entry": [\n{entries}\n]}}\n')


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    path.write_bytes(text.encode(encoding))


def write_json(path: Path, content: dict[str, Any]) -> None:
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def write_objects(path: Path, content: dict[str, Any]) -> None:
    """The same with one object on a line: a long file that people can still read, and whose changes show."""
    kinds = []
    for kind, held in content.items():
        listed = isinstance(held, list)
        objects = ",\n".join(f"  {json.dumps(one, ensure_ascii=False)}" for one in (held if listed else [held]))
        kinds.append(f' "{kind}": ' + (f"[\n{objects}\n ]" if listed else objects.strip()))
    write_text(path, "{\n" + ",\n".join(kinds) + "\n}\n")


def build(folder: Path) -> None:
    """Writes the files of metadata/, phc/, hrh/ and tb/ below the folder."""
    for name in ("metadata", "phc/district", "hrh", "tb"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    values = report()
    write_json(folder / "metadata/uz_phc_m.json", phc_metadata(lines()))
    write_json(folder / "metadata/tb_org_units.json", tb_org_units())
    write_objects(folder / "metadata/uz_hrh.json", hrh_metadata())
    write_phc(folder / "phc/phc_uz.xlsx", "uz", "900101", values)
    write_phc(folder / "phc/phc_ru.xlsx", "ru", "900101", values)
    write_phc(folder / "phc/phc_uz_with_mistakes.xlsx", "uz", "900101", values, mistakes())
    write_text(folder / "phc/phc.json", json_text("900101", values))
    write_text(folder / "phc/phc_comma.csv", csv_text("900101", values, ","))
    write_text(folder / "phc/phc_semicolon.csv", csv_text("900101", values, ";"), "utf-8-sig")
    for argos, language, percent in (("900103", "uz", 61), ("900104", "uz", 38), ("900105", "ru", 27)):
        write_phc(folder / f"phc/district/{argos}.xlsx", language, argos, report(percent))
    unknown = {"C6": "900199"}  # no such facility in the metadata
    write_phc(folder / "phc/district/900199.xlsx", "uz", "900105", report(45), unknown)
    write_tb(folder / "tb/tb_q.xlsx")
    write_hrh(folder / "hrh")


if __name__ == "__main__":
    build(Path(__file__).resolve().parent)
