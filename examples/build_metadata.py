"""The metadata of the examples, in the shape that `/api/metadata` of a DHIS2 server gives.

Districts and cities of Fergana region, their SOATO codes and names are from "Uzbekistan Digital Health Platform
implementation guide", UZINFOCOM, CC BY 4.0, apostrophes and endings made even. Facilities, tax numbers and everything
about TB units are invented.
"""

from itertools import product
from typing import Any

from dhis2_bridge.identifiers import uid

Object = dict[str, Any]

FACILITIES = {
    "900101": {
        "soato": "1730405",
        "stir": "300000011",
        "uz": "Qoʻqon 3-son oilaviy poliklinika",
        "ru": "Коканд, семейная поликлиника № 3",
    },
    "900102": {
        "soato": "1730405",
        "stir": "300000011",  # two polyclinics, one legal entity: a tax number does not name a facility
        "uz": "Qoʻqon 5-son oilaviy poliklinika",
        "ru": "Коканд, семейная поликлиника № 5",
    },
    "900103": {
        "soato": "1730218",
        "stir": "300000022",
        "uz": "Quva «Namuna» oilaviy poliklinikasi",
        "ru": "Кува, семейная поликлиника «Намуна»",
    },
    "900104": {
        "soato": "1730218",
        "stir": "300000022",
        "uz": "Quva «Sinov» oilaviy shifokor punkti",
        "ru": "Кува, пункт семейного врача «Синов»",
    },
    "900105": {
        "soato": "1730218",
        "stir": "300000022",
        "uz": "Quva «Misol» oilaviy shifokor punkti",
        "ru": "Кува, пункт семейного врача «Мисол»",
    },
    "900106": {
        "soato": "1730412",
        "stir": "300000033",
        "uz": "Margʻilon «Andoza» oilaviy poliklinikasi",
        "ru": "Маргилан, семейная поликлиника «Андоза»",
    },
}
"""Invented facilities by argos id; namuna, sinov, misol, andoza: sample, trial, example, pattern."""

DISTRICTS = {
    "1730203": ("Oltiariq tumani", "Алтыарыкский район"),
    "1730206": ("Qoʻshtepa tumani", "Куштепинский район"),
    "1730209": ("Bogʻdod tumani", "Багдадский район"),
    "1730212": ("Buvayda tumani", "Бувайдинский район"),
    "1730215": ("Beshariq tumani", "Бешарыкский район"),
    "1730218": ("Quva tumani", "Кувинский район"),
    "1730221": ("Uchkoʻprik tumani", "Учкуприкский район"),
    "1730224": ("Rishton tumani", "Риштанский район"),
    "1730226": ("Soʻx tumani", "Сохский район"),
    "1730227": ("Toshloq tumani", "Ташлакский район"),
    "1730230": ("Oʻzbekiston tumani", "Узбекистанский район"),
    "1730233": ("Fargʻona tumani", "Ферганский район"),
    "1730236": ("Dangʻara tumani", "Дангаринский район"),
    "1730238": ("Furqat tumani", "Фуркатский район"),
    "1730242": ("Yozyovon tumani", "Язъяванский район"),
    "1730401": ("Fargʻona shahri", "город Фергана"),
    "1730405": ("Qoʻqon shahri", "город Коканд"),
    "1730408": ("Quvasoy shahri", "город Кувасай"),
    "1730412": ("Margʻilon shahri", "город Маргилан"),
}

SEX = {"M": ("Male", "Erkak", "Мужчины"), "F": ("Female", "Ayol", "Женщины")}
AGE5 = {
    "P0Y--P1Y": ("Under 1 year", "1 yoshgacha", "до 1 года"),
    "P1Y--P15Y": ("1–14 years", "1–14 yosh", "1–14 лет"),
    "P15Y--P18Y": ("15–17 years", "15–17 yosh", "15–17 лет"),
    "P18Y--P60Y": ("18–59 years", "18–59 yosh", "18–59 лет"),
    "P60Y--P999Y": ("60 years and over", "60 yosh va undan katta", "60 лет и старше"),
}

# The objects that every DHIS2 instance is born with have the same UIDs everywhere.
DEFAULT = {"combo": "bjDvmb4bfuf", "option_combo": "HllvX50cXC0", "category": "GLevLNI9wkl", "option": "xYerKDKCefk"}


def ref(kind: str, code: str) -> Object:
    return {"id": uid(kind, code)}


def named(kind: str, code: str, name: str, uz: str | None = None, ru: str | None = None) -> Object:
    """An object of its kind with a UID that follows from its code; the server keeps names up to 230, short up to 50."""
    words = [{"property": "NAME", "locale": locale, "value": text} for locale, text in (("uz", uz), ("ru", ru)) if text]
    return {
        "id": uid(kind, code),
        "code": code,
        "name": name,
        "shortName": name[:50].rstrip(),
        **({"translations": words} if words else {}),
    }


def system(system_id: str) -> Object:
    return {"id": system_id, "rev": "example", "version": "2.43.2", "date": "2026-10-01T00:00:00.000"}


def org_units(units: list[tuple[str, str | None, str, str | None]]) -> list[Object]:
    """Org units from (code, parent's code, name, Russian name), parents first."""
    made: dict[str, Object] = {}
    for code, parent, name, ru in units:
        unit = named("organisationUnit", code, name, ru=ru)
        above = made[parent] if parent else None
        unit["path"] = f"{above['path'] if above else ''}/{unit['id']}"
        unit["level"] = above["level"] + 1 if above else 1
        unit["openingDate"] = "2020-01-01T00:00:00.000"
        if above:
            unit["parent"] = {"id": above["id"]}
        made[code] = unit
    return list(made.values())


def levels(*names: str) -> list[Object]:
    return [{"id": uid("level", name), "level": level, "name": name} for level, name in enumerate(names, start=1)]


def category(code: str, name: str, options: dict[str, tuple[str, str, str]]) -> Object:
    return {
        **named("category", code, name),
        "dataDimensionType": "DISAGGREGATION",
        "dataDimension": False,
        "categoryOptions": [ref("categoryOption", option) for option in options],
    }


def combo(code: str, name: str, axes: dict[str, dict[str, tuple[str, str, str]]]) -> tuple[Object, list[Object]]:
    """A category combo and its option combos: every choice of one option from each category, in their order."""
    cells = [
        {
            "id": uid("categoryOptionCombo", code, *options),
            "name": ", ".join(axis[option][0] for axis, option in zip(axes.values(), options, strict=True)),
            "categoryCombo": ref("categoryCombo", code),
            "categoryOptions": [ref("categoryOption", option) for option in options],
        }
        for options in product(*axes.values())
    ]
    made = {
        "id": uid("categoryCombo", code),
        "code": code,
        "name": name,
        "dataDimensionType": "DISAGGREGATION",
        "skipTotal": False,
        "categories": [ref("category", axis) for axis in axes],
        "categoryOptionCombos": [{"id": cell["id"]} for cell in cells],
    }
    return made, cells


def rule(code: str, name: str, importance: str, left: str, operator: str, right: str) -> Object:
    """A validation rule; a missing number counts as 0, for a server keeps no zeros of most elements."""
    side = {"missingValueStrategy": "NEVER_SKIP", "slidingWindow": False}
    return {
        **named("validationRule", code, name),
        "importance": importance,
        "operator": operator,
        "periodType": "Monthly",
        "organisationUnitLevels": [],
        "leftSide": {"expression": left, "description": "Left side", **side},
        "rightSide": {"expression": right, "description": "Right side", **side},
    }


def rules() -> list[Object]:
    """The rules that the form's own logic gives: HIGH where a breach is an error, LOW where it is worth a look."""

    def sum_of(code: str) -> str:
        return f"#{{{uid('dataElement', code)}}}"

    def cell(code: str, of: str, *options: str) -> str:
        return f"#{{{uid('dataElement', code)}.{uid('categoryOptionCombo', of, *options)}}}"

    at_most, at_least = "less_than_or_equal_to", "greater_than_or_equal_to"
    by_sex = [
        rule(
            f"PHC_R03_{sex}",
            f"Preventive visits are a part of all visits ({name.lower()})",
            "HIGH",
            cell("PHC_OPD_PREV", "CC_SEX", sex),
            at_most,
            " + ".join(cell("PHC_OPD_VISITS", "CC_SEX_AGE5", sex, age) for age in AGE5),
        )
        for sex, (name, *_) in SEX.items()
    ]
    return [
        *by_sex,
        rule(
            "PHC_R19",
            "Antenatal clients before 12 weeks are a part of the new ones",
            "HIGH",
            sum_of("PHC_ANC_NEW_12W"),
            at_most,
            sum_of("PHC_ANC_NEW"),
        ),
        rule(
            "PHC_R22",
            "Caesareans are a part of deliveries",
            "HIGH",
            sum_of("PHC_DELIV_CS"),
            at_most,
            sum_of("PHC_DELIVERIES"),
        ),
        rule(
            "PHC_R26",
            "Infant deaths include early neonatal deaths",
            "HIGH",
            sum_of("PHC_INF_DEATHS"),
            at_least,
            sum_of("PHC_NEO_DEATHS_0_6"),
        ),
        rule(
            "PHC_R12",
            "Inpatient deaths are not more than admissions",
            "LOW",
            sum_of("PHC_INPT_DEATHS"),
            at_most,
            sum_of("PHC_ADMISSIONS"),
        ),
        rule(
            "PHC_R14",
            "Bed-days fit the beds, with a fifth to spare",
            "LOW",
            sum_of("PHC_BED_DAYS"),
            at_most,
            f"{sum_of('PHC_BEDS')} * [days] * 1.2",
        ),
        rule(
            "PHC_R23",
            "Births are not fewer than deliveries",
            "LOW",
            f"{sum_of('PHC_LIVE_BIRTHS')} + {sum_of('PHC_STILLBIRTHS')}",
            at_least,
            sum_of("PHC_DELIVERIES"),
        ),
        rule(
            "PHC_R09",
            "The people attached are not fewer than first attendances",
            "LOW",
            sum_of("PHC_POP_ATTACHED"),
            at_least,
            sum_of("PHC_OPD_NEW"),
        ),
    ]


def phc_metadata(lines: list[dict[str, str]]) -> Object:
    """The instance of the PHC examples: data set UZ_PHC_M and all it needs; `lines` are the rows of phc_lines.csv."""
    places: list[tuple[str, str | None, str, str | None]] = [
        ("17", None, "Oʻzbekiston Respublikasi", "Республика Узбекистан"),
        ("1730", "17", "Fargʻona viloyati", "Ферганская область"),
        *((code, "1730", uz, ru) for code, (uz, ru) in DISTRICTS.items()),
        *((f"HRM_{argos}", about["soato"], about["uz"], about["ru"]) for argos, about in FACILITIES.items()),
    ]
    by_sex, by_sex_cells = combo("CC_SEX", "Sex", {"SEX": SEX})
    by_age, by_age_cells = combo("CC_SEX_AGE5", "Sex and age (5 groups)", {"SEX": SEX, "AGE5": AGE5})
    default_combo = {"id": DEFAULT["combo"]}
    combos = {"default": default_combo, "CC_SEX": {"id": by_sex["id"]}, "CC_SEX_AGE5": {"id": by_age["id"]}}
    data_set = named("dataSet", "UZ_PHC_M", "Monthly report of a primary health care facility (example)")
    elements = [
        {
            **named("dataElement", line["data_element"], f"PHC {line['line']} {line['label_en']}"),
            "formName": line["label_en"],
            "translations": [
                {"property": "FORM_NAME", "locale": locale, "value": line[f"label_{locale}"]} for locale in ("uz", "ru")
            ],
            "domainType": "AGGREGATE",
            "valueType": "INTEGER_ZERO_OR_POSITIVE",
            "aggregationType": "LAST_IN_PERIOD" if line["kind"] == "S" else "SUM",
            "zeroIsSignificant": line["kind"] == "S",
            "categoryCombo": combos[line["category_combo"]],
        }
        for line in lines
    ]
    return {
        "system": system("00000000-0000-4000-8000-000000900101"),
        "organisationUnitLevels": levels("Republic", "Region", "District or city", "Facility"),
        "organisationUnits": org_units(places),
        "categoryOptions": [
            {"id": DEFAULT["option"], "code": "default", "name": "default", "shortName": "default"},
            *(named("categoryOption", code, *words) for code, words in {**SEX, **AGE5}.items()),
        ],
        "categories": [
            {
                "id": DEFAULT["category"],
                "code": "default",
                "name": "default",
                "shortName": "default",
                "dataDimensionType": "DISAGGREGATION",
                "dataDimension": False,
                "categoryOptions": [{"id": DEFAULT["option"]}],
            },
            category("SEX", "Sex", SEX),
            category("AGE5", "Age (5 groups)", AGE5),
        ],
        "categoryCombos": [
            {
                "id": DEFAULT["combo"],
                "code": "default",
                "name": "default",
                "dataDimensionType": "DISAGGREGATION",
                "skipTotal": False,
                "categories": [{"id": DEFAULT["category"]}],
                "categoryOptionCombos": [{"id": DEFAULT["option_combo"]}],
            },
            by_sex,
            by_age,
        ],
        "categoryOptionCombos": [
            {
                "id": DEFAULT["option_combo"],
                "code": "default",
                "name": "default",
                "categoryCombo": default_combo,
                "categoryOptions": [{"id": DEFAULT["option"]}],
            },
            *by_sex_cells,
            *by_age_cells,
        ],
        "dataElements": elements,
        "dataSets": [
            {
                **data_set,
                "periodType": "Monthly",
                "categoryCombo": default_combo,
                "timelyDays": 3,
                "expiryDays": 0,
                "openFuturePeriods": 0,
                "formType": "DEFAULT",
                "dataSetElements": [
                    {"dataSet": {"id": data_set["id"]}, "dataElement": {"id": element["id"]}} for element in elements
                ],
                "organisationUnits": [ref("organisationUnit", f"HRM_{argos}") for argos in FACILITIES],
            }
        ],
        "validationRules": rules(),
    }


def tb_org_units() -> Object:
    """Three invented units for the TB example; WHO's package brings everything else."""
    places: list[tuple[str, str | None, str, str | None]] = [
        ("EX", None, "Example Country", None),
        ("EX_D1", "EX", "Example District", None),
        ("EX_TB_01", "EX_D1", "North Example TB clinic", None),
        ("EX_TB_02", "EX_D1", "South Example TB clinic", None),
        ("EX_TB_03", "EX_D1", "Example Hill health centre", None),
    ]
    return {
        "system": system("00000000-0000-4000-8000-000000000017"),
        "organisationUnitLevels": levels("Country", "District", "Facility"),
        "organisationUnits": org_units(places),
    }
