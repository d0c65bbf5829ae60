"""The metadata of the workforce examples: posts and persons by facility, occupation, sex and age.

An instance of its own beside that of the PHC form, for its category SEX has a third option, not known, and two
categories of one code cannot be in one instance. Places and facilities that both have are the same in both.

Names of occupations are those of ISCO-08's groups, by International Labour Organization. Districts and cities, and the
codes of facility types, are from "Uzbekistan Digital Health Platform implementation guide", UZINFOCOM, CC BY 4.0.
Facilities are invented.
"""

from dataclasses import dataclass
from typing import Final

from build_metadata import (
    DEFAULT,
    DISTRICTS,
    FACILITIES,
    SEX,
    Object,
    category,
    combo,
    levels,
    named,
    org_units,
    ref,
    rule,
    system,
)

from dhis2_bridge.identifiers import uid

Words = tuple[str, str, str]

SEX3: Final[dict[str, Words]] = {**SEX, "UNK": ("Sex not known", "Jinsi nomaʼlum", "Пол не известен")}
AGE6: Final[dict[str, Words]] = {
    "P0Y--P25Y": ("Under 25 years", "25 yoshgacha", "до 25 лет"),
    "P25Y--P35Y": ("25–34 years", "25–34 yosh", "25–34 года"),
    "P35Y--P45Y": ("35–44 years", "35–44 yosh", "35–44 года"),
    "P45Y--P55Y": ("45–54 years", "45–54 yosh", "45–54 года"),
    "P55Y--P65Y": ("55–64 years", "55–64 yosh", "55–64 года"),
    "P65Y--P999Y": ("65 years and over", "65 yosh va undan katta", "65 лет и старше"),
    # Not UNK again: two categories of one combo must not share an option, or the cell of both has one option only.
    "UNK_AGE": ("Age not known", "Yoshi nomaʼlum", "Возраст не известен"),
}

OCCUPATIONS: Final = {
    "1342": "Health services managers",
    "1343": "Aged care services managers",
    "2211": "Generalist medical practitioners",
    "2212": "Specialist medical practitioners",
    "2221": "Nursing professionals",
    "2222": "Midwifery professionals",
    "2230": "Traditional and complementary medicine professionals",
    "2240": "Paramedical practitioners",
    "2261": "Dentists",
    "2262": "Pharmacists",
    "2263": "Environmental and occupational health professionals",
    "2264": "Physiotherapists",
    "2265": "Dieticians and nutritionists",
    "2266": "Audiologists and speech therapists",
    "2267": "Optometrists and ophthalmic opticians",
    "2269": "Health professionals n.e.c.",
    "3211": "Medical imaging and therapeutic equipment technicians",
    "3212": "Medical and pathology laboratory technicians",
    "3213": "Pharmaceutical technicians and assistants",
    "3214": "Medical and dental prosthetic technicians",
    "3221": "Nursing associate professionals",
    "3222": "Midwifery associate professionals",
    "3230": "Traditional and complementary associate professionals",
    "3251": "Dental assistants and therapists",
    "3252": "Medical records and health information technicians",
    "3253": "Community health workers",
    "3254": "Dispensing opticians",
    "3255": "Physiotherapy technicians and assistants",
    "3256": "Medical assistants",
    "3257": "Environmental and occupational health inspectors",
    "3258": "Ambulance workers",
    "3259": "Health associate professionals n.e.c.",
    "3344": "Medical secretaries",
    "5321": "Health care assistants",
    "5322": "Home-based personal care workers",
    "5329": "Personal care workers n.e.c.",
}
DOCTORS: Final = ("2211", "2212")
NURSES: Final = ("2221", "2222", "3221", "3222")

PERSONS: Final = {
    "HRH_HW_": ("UZ_HRH_Q", "Persons practising", "Ishlayotganlar", "Работающие физические лица"),
    "HRH_EMP_": ("UZ_HRH_Q", "Persons employed", "Xodimlar", "Физические лица, всего"),
    "NHWA2017_1_HW_": ("UZ_HRH_Y", "NHWA 2017, 1-01 to 1-06: persons practising", "NHWA 2017: ishlayotganlar", ""),
    "NHWA2017_1_07_": ("UZ_HRH_Y", "NHWA 2017, 1-07: of which foreign citizens", "NHWA 2017: chet el fuqarolari", ""),
    "NHWA2017_1_08_": ("UZ_HRH_Y", "NHWA 2017, 1-08: of which trained abroad", "NHWA 2017: chet elda oʻqiganlar", ""),
    "NHWA2017_6_02_": ("UZ_HRH_Y", "NHWA 2017, 6-02: of which part-time", "NHWA 2017: toʻliqsiz stavkada", ""),
}
"""Beginning of the code: data set, and words before the occupation in English, Uzbek and Russian. By sex and age."""

POSTS: Final = {
    "HRH_POST_APP_": ("UZ_HRH_Q", "Posts approved", "Shtat birliklari", "Штатные должности"),
    "HRH_POST_FIL_": ("UZ_HRH_Q", "Posts filled", "Band lavozimlar", "Занятые должности"),
    "HRH_POST_VAC_": ("UZ_HRH_Q", "Posts vacant", "Boʻsh lavozimlar", "Вакантные должности"),
    "NHWA2017_5_07_APP_": ("UZ_HRH_Y", "NHWA 2017, 5-07: posts approved", "NHWA 2017: shtat birliklari", ""),
    "NHWA2017_5_07_VAC_": ("UZ_HRH_Y", "NHWA 2017, 5-07: posts vacant", "NHWA 2017: boʻsh lavozimlar", ""),
}

DATA_SETS: Final = {
    "UZ_HRH_Q": ("Health workforce, quarterly: stock at the end of the quarter (example)", "Quarterly", 3),
    "UZ_HRH_Y": ("Health workforce, yearly: NHWA, edition of 2017 (example)", "Yearly", 25),
    "UZ_POP_Y": ("Population of districts, yearly (example)", "Yearly", 25),
}
"""Code: name, period type, days until which a report is in time."""


@dataclass(frozen=True)
class Workplace:
    """A facility: its employer's argos id, the branch without legal personality or "", where, what and whose it is."""

    argos: str
    unit: str
    soato: str
    stir: str
    uz: str
    ru: str
    type: str
    ownership: str = "I_3"

    @property
    def code(self) -> str:
        return f"HRM_{self.argos}_{self.unit}" if self.unit else f"HRM_{self.argos}"

    @property
    def is_branch(self) -> bool:
        return bool(self.unit)


TYPES: Final = {
    "II_100": "Hospitals",
    "II_200": "Emergency care",
    "II_300": "Outpatient clinics",
    "II_800": "Sanitary-epidemiological service and public health",
    "STIR_I_30": "Family polyclinics, units of a medical association",
    "STIR_I_60": "Family doctor points, units of a medical association",
}
"""Code of the national list, letters, digits and underscore only: facility type."""

SPECIAL: Final = (
    ("900301", "1730401", "Fargʻona «Namuna» koʻp tarmoqli tibbiyot markazi", "многопрофильный центр", "II_100", "I_2"),
    ("900302", "1730401", "Fargʻona «Sinov» perinatal markazi", "перинатальный центр", "II_100", "I_2"),
    ("900303", "1730401", "Fargʻona «Misol» shoshilinch yordam markazi", "экстренная помощь", "II_200", "I_1"),
    ("900304", "1730412", "Margʻilon «Sinov» xususiy klinikasi", "частная клиника", "II_300", "I_5"),
    ("900305", "1730405", "Qoʻqon «Misol» xususiy stomatologiyasi", "частная стоматология", "II_300", "I_5"),
    ("900306", "1730401", "Fargʻona «Andoza» sanitariya markazi", "санитарный центр", "II_800", "I_1"),
)


def workplaces() -> list[Workplace]:
    """Facilities of the region: those of the PHC examples, a medical association with two units in every district."""
    made = [
        Workplace(argos, "", about["soato"], about["stir"], about["uz"], about["ru"], "II_300")
        for argos, about in FACILITIES.items()
    ]
    for number, (soato, (uz, ru)) in enumerate(DISTRICTS.items(), start=1):
        argos, stir = f"9002{number:02}", f"3000002{number:02}"
        made += [
            Workplace(argos, unit, soato, stir, f"{uz} {uz_kind}", f"{ru}, {ru_kind}", kind)
            for unit, uz_kind, ru_kind, kind in (
                ("", "«Namuna» tibbiyot birlashmasi", "медицинское объединение «Намуна»", "II_100"),
                ("10", "«Sinov» oilaviy poliklinikasi", "семейная поликлиника «Синов»", "STIR_I_30"),
                ("20", "«Misol» oilaviy shifokor punkti", "пункт семейного врача «Мисол»", "STIR_I_60"),
            )
        ]
    made += [
        Workplace(argos, "", soato, f"300000{argos[-3:]}", uz, f"{DISTRICTS[soato][1]}, {ru}", kind, ownership)
        for argos, soato, uz, ru, kind, ownership in SPECIAL
    ]
    return made


def places(facilities: list[Workplace]) -> list[Object]:
    """The org units; a branch has the argos id of its legal entity in the attribute of that code."""
    made = org_units(
        [
            ("17", None, "Oʻzbekiston Respublikasi", "Республика Узбекистан"),
            ("1730", "17", "Fargʻona viloyati", "Ферганская область"),
            *((code, "1730", uz, ru) for code, (uz, ru) in DISTRICTS.items()),
            *((one.code, one.soato, one.uz, one.ru) for one in facilities),
        ]
    )
    entities = {one.code: one.argos for one in facilities if one.is_branch}
    for unit in made:
        if unit["code"] in entities:
            unit["attributeValues"] = [{"attribute": ref("attribute", "LEGAL_ENTITY"), "value": entities[unit["code"]]}]
    return made


def groups(facilities: list[Workplace]) -> dict[str, list[Object]]:
    """Groups by facility type, ownership and place, and a group set of each."""
    sets: dict[str, tuple[str, dict[str, tuple[str, list[Workplace]]]]] = {
        "FT": (
            "Facility type",
            {f"FT_{kind}": (name, [one for one in facilities if one.type == kind]) for kind, name in TYPES.items()},
        ),
        "OWN": (
            "Ownership",
            {
                "OWN_PUBLIC": ("Public facilities", [one for one in facilities if one.ownership != "I_5"]),
                "OWN_PRIVATE": ("Private facilities", [one for one in facilities if one.ownership == "I_5"]),
            },
        ),
        "PLACE": (
            "Town or country",  # by SOATO: the fifth digit of a city is 4, of a district 2
            {
                "RURAL": ("Facilities in districts", [one for one in facilities if one.soato[4] == "2"]),
                "URBAN": ("Facilities in cities", [one for one in facilities if one.soato[4] == "4"]),
            },
        ),
    }
    made: dict[str, list[Object]] = {"organisationUnitGroups": [], "organisationUnitGroupSets": []}
    for code, (name, members) in sets.items():
        made["organisationUnitGroups"] += [
            {
                **named("organisationUnitGroup", group, title),
                "organisationUnits": [ref("organisationUnit", one.code) for one in held],
            }
            for group, (title, held) in members.items()
        ]
        made["organisationUnitGroupSets"].append(
            {
                **named("organisationUnitGroupSet", code, name),
                "compulsory": False,
                "dataDimension": True,
                "organisationUnitGroups": [ref("organisationUnitGroup", group) for group in members],
            }
        )
    return made


def elements() -> dict[str, list[Object]]:
    """The data elements of each data set. A stock: the last value of the period, with no looking back."""
    made: dict[str, list[Object]] = {code: [] for code in DATA_SETS}
    kinds = {**dict.fromkeys(PERSONS, "INTEGER_ZERO_OR_POSITIVE"), **dict.fromkeys(POSTS, "NUMBER")}
    for beginning, (data_set, en, uz, ru) in {**PERSONS, **POSTS}.items():
        made[data_set] += [
            {
                **named(
                    "dataElement",
                    f"{beginning}{code}",
                    f"{en}: {code} {occupation}",
                    f"{uz}: {code}",
                    f"{ru}: {code}" if ru else None,
                ),
                "shortName": f"{beginning}{code}",
                "domainType": "AGGREGATE",
                "valueType": kinds[beginning],
                "aggregationType": "LAST_IN_PERIOD",
                "zeroIsSignificant": True,
                "categoryCombo": ref("categoryCombo", "CC_SEX_AGE6") if beginning in PERSONS else default(),
            }
            for code, occupation in OCCUPATIONS.items()
        ]
    made["UZ_POP_Y"] = [
        {
            **named("dataElement", "POP_TOTAL", "Population, total", "Aholi, jami", "Население, всего"),
            "domainType": "AGGREGATE",
            "valueType": "INTEGER_ZERO_OR_POSITIVE",
            "aggregationType": "AVERAGE_SUM_ORG_UNIT",  # a quarter's density divides by the year's number, not a fourth
            "zeroIsSignificant": False,
            "categoryCombo": default(),
            "attributeValues": [
                {"attribute": ref("attribute", "SOURCE"), "value": "Invented: examples/hrh/population.csv"}
            ],
        }
    ]
    return made


def default() -> Object:
    return {"id": DEFAULT["combo"]}


def total(code: str) -> str:
    return f"#{{{uid('dataElement', code)}}}"


def totals(beginning: str, occupations: tuple[str, ...]) -> str:
    return " + ".join(total(f"{beginning}{code}") for code in occupations)


def indicators() -> dict[str, list[Object]]:
    """Densities per 10,000 people, nurses and midwives per doctor, vacancies and the share of women."""
    doctors, nurses = totals("HRH_HW_", DOCTORS), totals("HRH_HW_", NURSES)
    every = tuple(OCCUPATIONS)
    women = " + ".join(
        f"#{{{uid('dataElement', f'HRH_HW_{code}')}.{uid('categoryOptionCombo', 'CC_SEX_AGE6', 'F', age)}}}"
        for code in (*DOCTORS, *NURSES)
        for age in AGE6
    )
    of = {
        "HRH_DENS_DOC": ("Doctors per 10,000 people", "PER_10000", doctors, total("POP_TOTAL")),
        "HRH_DENS_NUR": ("Nurses and midwives per 10,000 people", "PER_10000", nurses, total("POP_TOTAL")),
        "HRH_NURSE_PER_DOC": ("Nurses and midwives per doctor", "RATIO", nurses, doctors),
        "HRH_VAC_RATE": (
            "Vacant posts, % of those approved",
            "PERCENT",
            totals("HRH_POST_VAC_", every),
            totals("HRH_POST_APP_", every),
        ),
        "HRH_FEMALE_PCT": (
            "Women, % of doctors, nurses and midwives",
            "PERCENT",
            women,
            totals("HRH_HW_", (*DOCTORS, *NURSES)),
        ),
    }
    types = {"PER_10000": ("Per 10,000", 10_000), "RATIO": ("Ratio", 1), "PERCENT": ("Per cent", 100)}
    return {
        "indicatorTypes": [
            {"id": uid("indicatorType", code), "name": name, "factor": factor, "number": code == "RATIO"}
            for code, (name, factor) in types.items()
        ],
        "indicators": [
            {
                **named("indicator", code, name),
                "annualized": False,
                "decimals": 2,
                "indicatorType": ref("indicatorType", kind),
                "numerator": numerator,
                "numeratorDescription": "Numerator",
                "denominator": denominator,
                "denominatorDescription": "Denominator",
            }
            for code, (name, kind, numerator, denominator) in of.items()
        ],
    }


def rules() -> list[Object]:
    """What must hold between persons and between posts of the occupations that are commonest."""
    made = []
    for code in (*DOCTORS, *NURSES, "2240", "2261", "2262", "3211", "3212", "5321"):
        practising, employed = total(f"HRH_HW_{code}"), total(f"HRH_EMP_{code}")
        approved, filled, vacant = (total(f"HRH_POST_{kind}_{code}") for kind in ("APP", "FIL", "VAC"))
        most, same = "less_than_or_equal_to", "equal_to"
        made += [
            rule(f"HRH_R_HW_{code}", f"Practising are a part of employed: {code}", "HIGH", practising, most, employed),
            rule(f"HRH_R_FIL_{code}", f"Posts filled are approved: {code}", "LOW", filled, most, approved),
            rule(
                f"HRH_R_VAC_{code}",
                f"Posts vacant are those approved less those filled: {code}",
                "LOW",
                vacant,
                same,
                f"{approved} - {filled}",
            ),
        ]
    return [{**one, "periodType": "Quarterly"} for one in made]


def data_sets(of: dict[str, list[Object]], facilities: list[Workplace]) -> list[Object]:
    made = []
    for code, (name, period_type, days) in DATA_SETS.items():
        units = list(DISTRICTS) if code == "UZ_POP_Y" else [one.code for one in facilities]
        own = named("dataSet", code, name)
        made.append(
            {
                **own,
                "periodType": period_type,
                "categoryCombo": default(),
                "timelyDays": days,
                "expiryDays": 0,
                "openFuturePeriods": 0,
                "formType": "DEFAULT",
                "dataSetElements": [
                    {"dataSet": {"id": own["id"]}, "dataElement": {"id": element["id"]}} for element in of[code]
                ],
                "organisationUnits": [ref("organisationUnit", unit) for unit in units],
            }
        )
    return made


def hrh_metadata() -> Object:
    """The instance of the workforce examples: quarterly and yearly data sets, and the population of districts."""
    facilities = workplaces()
    of = elements()
    by_sex_and_age, cells = combo("CC_SEX_AGE6", "Sex and age (6 groups)", {"SEX": SEX3, "AGE6": AGE6})
    born = {"code": "default", "name": "default"}  # what every instance is born with
    return {
        "system": system("00000000-0000-4000-8000-000000900201"),
        "attributes": [
            {
                **named("attribute", "LEGAL_ENTITY", "Legal entity of a branch (argos id)"),
                "valueType": "TEXT",
                "organisationUnitAttribute": True,
            },
            {**named("attribute", "SOURCE", "Source"), "valueType": "TEXT", "dataElementAttribute": True},
        ],
        "organisationUnitLevels": levels("Republic", "Region", "District or city", "Facility"),
        "organisationUnits": places(facilities),
        **groups(facilities),
        "categoryOptions": [
            {"id": DEFAULT["option"], **born, "shortName": "default"},
            *(named("categoryOption", code, *words) for code, words in {**SEX3, **AGE6}.items()),
        ],
        "categories": [
            {
                "id": DEFAULT["category"],
                **born,
                "shortName": "default",
                "dataDimensionType": "DISAGGREGATION",
                "dataDimension": False,
                "categoryOptions": [{"id": DEFAULT["option"]}],
            },
            category("SEX", "Sex", SEX3),
            category("AGE6", "Age (6 groups)", AGE6),
        ],
        "categoryCombos": [
            {
                "id": DEFAULT["combo"],
                **born,
                "dataDimensionType": "DISAGGREGATION",
                "skipTotal": False,
                "categories": [{"id": DEFAULT["category"]}],
                "categoryOptionCombos": [{"id": DEFAULT["option_combo"]}],
            },
            by_sex_and_age,
        ],
        "categoryOptionCombos": [
            {
                "id": DEFAULT["option_combo"],
                **born,
                "categoryCombo": default(),
                "categoryOptions": [{"id": DEFAULT["option"]}],
            },
            *cells,
        ],
        "dataElements": [element for data_set in of.values() for element in data_set],
        "dataSets": data_sets(of, facilities),
        **indicators(),
        "validationRules": rules(),
    }
