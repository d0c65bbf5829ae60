"""Indicators of places: numbers by hand, what is absent and why, laws, and the whole way from a register."""

import csv
import io
import json
from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import polars as pl
import pytest
import yaml
from commanding import EXAMPLES, Shell
from hypothesis import given
from hypothesis import strategies as st
from staff import pinfl

from dhis2_bridge import UsageError, convert_to_run, indicate, load_snapshot, settings
from dhis2_bridge.findings import Finding, MappingError, rows
from dhis2_bridge.findings import frame as findings_frame
from dhis2_bridge.indicator_file import Indicators, load, load_text
from dhis2_bridge.indicators import (
    COUNTS_SCHEMA,
    Result,
    common_place,
    one_count_a_cell,
    place_of,
    results,
    selection_of,
    split,
)
from dhis2_bridge.mapping_schema import schema_of_indicators
from dhis2_bridge.population import Population
from dhis2_bridge.report.indicated import COLUMNS, indicators_text, reason_of
from dhis2_bridge.report.indicated import rows as table_rows
from dhis2_bridge.snapshot import Snapshot
from dhis2_bridge.values import VALUES_SCHEMA

METADATA = EXAMPLES / "metadata" / "uz_hrh.json"
HRH = EXAMPLES / "hrh"
QUARTERLY = settings.mapping_path("uzbekistan/hrh_quarterly")
Q3_ENDS = date(2026, 9, 30)

LIST = """\
name: practice
version: 1
edition: of this test
stocks:
  practising: HRH_HW_
  abroad: {codes: HRH_EMP_, within: practising}
  approved: [NOT_THERE_, HRH_POST_APP_]
  vacant: HRH_POST_VAC_
  never: NEVER_
groups: {all: "[0-9]*", doctors: ["2211", "2212"], nurses: ["2221", "3221"]}
indicators:
  - {code: DOCTORS, name: {en: Doctors}, of: {stock: practising, group: doctors}, factor: 10000}
  - {code: NURSES, name: {en: Nurses}, of: {stock: practising, group: nurses}, per: {group: doctors}}
  - {code: WOMEN, name: {en: Women}, of: {stock: practising, group: all, options: {SEX: F}}, per: {}, factor: 100}
  - {code: SEXES, name: {en: Sexes}, of: {stock: practising, group: doctors}, per: {}, each: SEX, factor: 100}
  - {code: HOSPITALS, name: {en: H}, of: {stock: practising, group: all, org_unit_groups: FT_II_100}, per: {}}
  - {code: VACANT, name: {en: Vacant}, of: {stock: vacant, group: all}, per: {stock: approved}, factor: 100}
  - {code: ABROAD, name: {en: Abroad}, of: {stock: abroad, group: all}, per: {stock: practising}, factor: 100}
  - {code: NEVER, name: {en: Never}, of: {stock: never, group: all}, per: {stock: practising}}
"""


@lru_cache(maxsize=1)
def snapshot() -> Snapshot:
    return load_snapshot(METADATA)


@lru_cache(maxsize=1)
def declared() -> Indicators:
    return load_text(LIST)


def uid(kind: str, code: str) -> str:
    return snapshot().index(kind, "code")[code][0]


def combo(element: str, options: str) -> str:
    """The option combo of an element that has these options; `default` is the one of an element without any."""
    of_element = snapshot().data_elements[uid("data_element", element)].category_combo
    if options == "default":
        return snapshot().category_option_combos_of(of_element)[0]
    wanted = frozenset(uid("category_option", one) for one in options.split())
    found = snapshot().category_option_combo(of_element, wanted)
    assert found is not None
    return found


def counts(*drawn: str, run: str = "q3", period: str = "2026Q3") -> pl.DataFrame:
    """Counts drawn as `HRM_900206 HRH_HW_2211 12 F P25Y--P35Y`."""
    held = []
    for line in drawn:
        unit, element, number, *options = line.split()
        held.append(
            {
                "run": run,
                "data_element": uid("data_element", element),
                "org_unit": uid("org_unit", unit),
                "period": period,
                "category_option_combo": combo(element, " ".join(options) or "default"),
                "attribute_option_combo": snapshot().default_category_option_combo,
                "number": Decimal(number),
            }
        )
    return pl.DataFrame(held, schema=COUNTS_SCHEMA)


DOCTORS_320 = (
    "HRM_900206 HRH_HW_2211 120 F P25Y--P35Y",
    "HRM_900206 HRH_HW_2212 100 M P25Y--P35Y",
    "HRM_900206_10 HRH_HW_2212 100 F P35Y--P45Y",
    "HRM_900206_10 HRH_HW_3221 1000 F P35Y--P45Y",
    "HRM_900206 HRH_HW_2221 180 UNK UNK_AGE",
)


def people(**numbers: int) -> Population:
    """Population of 2026 by code, written `u1730218=150_000`."""
    return Population({uid("org_unit", code[1:]): {2026: (number, "a census")} for code, number in numbers.items()})


def made(
    held: pl.DataFrame, population: Population | None = None, *, places: Any = None, list_of: Indicators | None = None
) -> dict[str, Result]:
    """The results of one place by code, and code and option."""
    where = places or [place_of(snapshot(), uid("org_unit", "1730218"))]
    found = results(list_of or declared(), held, where, snapshot(), population, Q3_ENDS)
    return {one.indicator.code + (f" {one.option}" if one.option else ""): one for one in found}


def test_the_numbers_by_hand() -> None:
    found = made(counts(*DOCTORS_320), people(u1730218=150_000))
    assert {code: str(one.value) for code, one in found.items() if one.reason is None} == {
        "DOCTORS": "21.33",  # 320 of 150,000
        "NURSES": "3.69",  # 1,180 to 320
        "WOMEN": "81.33",  # 1,220 of 1,500
        "SEXES M": "31.25",
        "SEXES F": "68.75",
        "SEXES UNK": "0.00",
        "HOSPITALS": "0.27",  # HRM_900206 is one: 400 of 1,500
    }
    doctors = found["DOCTORS"]
    assert (doctors.numerator, doctors.denominator) == (320, 150_000)
    assert doctors.people is not None
    assert (doctors.people.year, doctors.people.sources) == (2026, ("a census",))


def test_what_is_absent_says_why_and_is_never_a_zero() -> None:
    posts = ("HRM_900206 HRH_POST_APP_2211 0 default", "HRM_900206 HRH_POST_VAC_2211 0 default")
    found = made(counts(*DOCTORS_320, *posts))
    absent = {code: one.reason for code, one in found.items() if one.reason is not None}
    assert absent == {"DOCTORS": "no_population", "VACANT": "zero", "ABROAD": "stock", "NEVER": "stock"}
    assert all(found[code].value is None for code in absent)
    assert reason_of(found["DOCTORS"], "en") == "no population is given (--population)"
    assert "(NEVER_*)" in reason_of(found["NEVER"], "en")


def test_a_stock_that_is_a_part_of_another_is_zero_where_only_that_one_is() -> None:
    other = "HRM_900101 HRH_EMP_2211 4 F P25Y--P35Y"
    found = made(counts(*DOCTORS_320, other))
    assert (found["ABROAD"].value, found["ABROAD"].numerator) == (Decimal("0.00"), 0)
    # Posts are no part of anything: where none are counted, how many are vacant is not known.
    found = made(
        counts(*DOCTORS_320, "HRM_900101 HRH_POST_VAC_2211 4 default", "HRM_900206 HRH_POST_APP_2211 4 default")
    )
    assert (found["VACANT"].reason, found["VACANT"].numerator) == ("no_counts", None)


def test_counts_that_are_not_split_give_no_part_of_them() -> None:
    text = LIST + "  - {code: X, name: {en: X}, of: {stock: vacant, group: all}, per: {stock: vacant}, each: SEX}\n"
    text += "  - {code: Y, name: {en: Y}, of: {stock: practising, group: all}, per: {}, each: NO_SUCH}\n"
    text += "  - {code: Z, name: {en: Z}, of: {stock: practising, group: all, org_unit_groups: NO_SUCH}, per: {}}\n"
    found = made(counts(*DOCTORS_320, "HRM_900206 HRH_POST_VAC_2211 4 default"), list_of=load_text(text))
    assert [(code, found[code].reason) for code in "XYZ"] == [("X", "category"), ("Y", "category"), ("Z", "groups")]
    assert reason_of(found["X"], "en") == "the counts of vacant are not split by SEX"


def test_few_persons_have_a_star() -> None:
    few = counts("HRM_900206 HRH_HW_2211 2 F P25Y--P35Y", "HRM_900206 HRH_HW_2212 98 M P25Y--P35Y")
    found = made(few, people(u1730218=1_000))
    assert [code for code, one in found.items() if one.small] == ["WOMEN", "SEXES F"]
    shown = indicators_text(list(found.values()), "2026Q3")
    assert "2.00*  2 of 100" in shown
    assert "fewer than 3 persons" in shown


def test_runs_that_say_the_same_count_once_and_others_are_refused() -> None:
    one, other = counts(*DOCTORS_320), counts(*DOCTORS_320[:2], run="again")
    united, found = one_count_a_cell(pl.concat([one, other]), snapshot())
    assert (united.height, found) == (5, [])
    odd = counts("HRM_900206 HRH_HW_2211 121 F P25Y--P35Y", run="again")
    united, found = one_count_a_cell(pl.concat([one, odd]), snapshot())
    assert [(one.code, one.source, one.found, one.arguments["other"]) for one in found] == [
        ("indicators.conflict", "q3", "120", "again")
    ]
    held = made(united, people(u1730218=150_000))
    # What holds the cell is not known; what does not is as it was.
    assert sorted(code for code, result in held.items() if result.reason != "conflict") == ["ABROAD", "NEVER", "VACANT"]


# -- places ----------------------------------------------------------------------------------------------------------


def units(*codes: str) -> list[str]:
    return [uid("org_unit", code) for code in codes]


def test_the_place_is_the_lowest_one_above_all_counts() -> None:
    for inside, above in (
        (("HRM_900206",), "HRM_900206"),
        (("HRM_900206", "HRM_900206_10"), "1730218"),
        (("HRM_900206", "HRM_900101"), "1730"),
        (("HRM_900206", "1730"), "1730"),
    ):
        assert common_place(snapshot(), units(*inside)).code == above
    with pytest.raises(UsageError, match="--org-unit"):
        common_place(snapshot(), [])


def test_a_selection_counts_nothing_twice_and_can_be_split() -> None:
    chosen = selection_of(snapshot(), units("HRM_900206", "1730218", "HRM_900101", "HRM_900101"), "contracted")
    assert chosen.tops == tuple(units("1730218", "HRM_900101"))
    facilities = selection_of(snapshot(), units("HRM_900206", "HRM_900206_10", "HRM_900101"), "contracted")
    parts = {part.code: part.tops for part in split(snapshot(), facilities, 3)}
    assert parts == {
        "1730218": tuple(units("HRM_900206", "HRM_900206_10")),
        "1730405": tuple(units("HRM_900101")),
    }
    region = place_of(snapshot(), uid("org_unit", "1730"))
    assert len(split(snapshot(), region, 3)) == len(snapshot().children(region.tops[0]))


def test_the_people_of_a_part_of_a_district_are_not_those_of_the_district() -> None:
    only = [selection_of(snapshot(), units("HRM_900206"), "contracted")]
    found = made(counts(*DOCTORS_320), people(u1730218=150_000), places=only)
    assert (found["DOCTORS"].numerator, found["DOCTORS"].reason) == (220, "population")
    assert found["NURSES"].value == Decimal("0.82")  # 180 to 220


# -- laws ------------------------------------------------------------------------------------------------------------

cells = st.dictionaries(
    st.tuples(
        st.sampled_from(["HRM_900206", "HRM_900206_10", "HRM_900101", "HRM_900304"]),
        st.sampled_from(["HRH_HW_2211", "HRH_HW_2212", "HRH_HW_3221", "HRH_HW_2261"]),
        st.sampled_from(["M P25Y--P35Y", "F P25Y--P35Y", "UNK UNK_AGE"]),
    ),
    st.integers(0, 10**9),
    min_size=1,
)


def drawn(held: dict[tuple[str, str, str], int]) -> list[str]:
    return [f"{unit} {element} {number} {options}" for (unit, element, options), number in held.items()]


@given(cells, st.randoms(use_true_random=False), st.integers(1, 10**10))
def test_order_and_splitting_change_nothing_and_parts_make_the_whole(held: Any, random: Any, inhabitants: int) -> None:
    region = [place_of(snapshot(), uid("org_unit", "1730"))]
    lines = drawn(held)
    whole = made(counts(*lines), people(u1730=inhabitants), places=region)
    random.shuffle(lines)
    cut = random.randrange(len(lines) + 1)
    runs = pl.concat([counts(*lines[:cut], run="a"), counts(*lines[cut:], run="b")])
    united, conflicts = one_count_a_cell(runs, snapshot())
    assert conflicts == []
    again = made(united, people(u1730=inhabitants), places=region)
    assert {code: one.as_dict() for code, one in again.items()} == {code: one.as_dict() for code, one in whole.items()}

    doctors = sum(n for (_, element, _), n in held.items() if element in {"HRH_HW_2211", "HRH_HW_2212"})
    density = whole["DOCTORS"]
    assert density.numerator == doctors
    exact = Decimal(doctors) * 10_000 / Decimal(inhabitants)
    assert density.value == exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    options = [one for code, one in whole.items() if code.startswith("SEXES ")]
    if doctors:
        assert sum(one.numerator or 0 for one in options) == doctors
    by_district: dict[str, Decimal] = {}
    for one in results(declared(), united, split(snapshot(), region[0], 3), snapshot(), None, Q3_ENDS):
        if one.indicator.code == "DOCTORS" and one.numerator is not None:
            by_district[one.place.code or ""] = one.numerator
    assert sum(by_district.values()) == doctors
    assert set(by_district) == {code for code in ("1730218", "1730405", "1730412") if code in by_district}


# -- the file of indicators --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        (("group: doctors}, factor", "group: docs}, factor"), 12, "there is no group 'docs'; there are all, doctors"),
        (("{stock: approved}", "{stock: aproved}"), 17, "there is no stock 'aproved'"),
        (("within: practising", "within: practicing"), 6, "there is no stock 'practicing'"),
        (("code: NURSES", "code: DOCTORS"), 13, "the code 'DOCTORS' stands here again"),
        (("factor: 10000", "facter: 10000"), 12, "there is no key 'facter' here; did you mean 'factor'?"),
        (("of: {stock: never, group: all}, ", ""), 19, "the key 'of' is missing"),
        (("version: 1", "version: one"), 2, "a whole number is wanted here"),
        (("groups: {", "groups: {{"), 10, ""),
    ],
)
def test_mistakes_in_the_file_are_said_with_their_line(change: tuple[str, str], line: int, message: str) -> None:
    assert LIST.count(change[0]) == 1
    with pytest.raises(MappingError) as raised:
        load_text(LIST.replace(*change), "list.yaml")
    assert [(at, message in text) for at, _, text in raised.value.problems][:1] == [(line, True)]


@pytest.mark.parametrize("content", ["", "- a\n", "just words", "name: x"])
def test_what_is_no_file_of_indicators_is_said_so(content: str) -> None:
    with pytest.raises(MappingError):
        load_text(content)


def test_the_file_itself_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"name: x\nedition: \xe4\n")
    for name, line in (("latin.yaml", 2), ("gone.yaml", 1)):
        with pytest.raises(MappingError) as raised:
            load(tmp_path / name)
        assert raised.value.problems[0][0] == line


def test_every_shipped_indicator_has_its_names_and_its_edition() -> None:
    (name,) = settings.shipped_indicators()
    shipped = load(settings.indicators_path(name))
    assert name not in settings.shipped_mappings()
    assert all(set(one.name) == {"en", "ru", "uz"} for one in shipped.indicators)
    assert all(one.code.startswith(("NHWA2017_", "UZ_")) for one in shipped.indicators)
    # The stocks of the file are counted by the shipped mappings, in the quarter and in the year.
    codes = {one.code or "" for one in snapshot().data_elements.values()}
    for stock in shipped.stocks.values():
        assert all(any(code.startswith(beginning) for code in codes) for beginning in stock.codes)


# -- the whole way -----------------------------------------------------------------------------------------------------

STAFF = (
    "pinfl", "last_name", "first_name", "middle_name", "sex", "birth_date", "org_argos_id", "unit_code",
    "position_code", "position_name", "rate", "job_kind", "start_date", "end_date", "status",
)  # fmt: skip


def register(path: Path, groups: Iterable[tuple[int, str]]) -> Path:
    """An extract with so many invented persons in each position, one contract each, in a facility of Quva."""
    number = 0
    lines = [";".join(STAFF)]
    for many, position in groups:
        for _ in range(many):
            number += 1
            lines.append(
                f"{pinfl(number, '15.03.1985')};Misolov;Raqam {number};;1;15.03.1985;900206;;{position};;1;1;"
                "01.02.2020;;1"
            )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """320 doctors, 1,180 nurses and midwives among 150,000 people, from a register to a run folder."""
    folder = tmp_path_factory.mktemp("worked")
    staff = register(
        folder / "argos_staff.csv",
        [(200, "2211.1"), (119, "2212.113"), (1, "2222.1"), (1000, "3221.2"), (100, "2221.3"), (80, "3222.1")],
    )
    made = convert_to_run(folder / "run", staff, QUARTERLY, METADATA, given={"period": "2026Q3"})
    assert made.errors == 0
    (folder / "people.csv").write_text(
        "org_unit,name,year,population,source\n"
        "1730218,Quva tumani,2025,140000,A count\n1730218,Quva tumani,2026,150 000,A later count\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    return Shell(monkeypatch, tmp_path)


DENSITIES = {"NHWA2017_1_01_DOCTORS": "21.33", "NHWA2017_1_01_NURSES_MIDWIVES": "78.67", "UZ_NURSES_PER_DOCTOR": "3.69"}


def test_the_worked_example_by_the_library(worked: Path) -> None:
    found = indicate([worked / "run"], METADATA, people=worked / "people.csv", org_units=["1730218"])
    assert found.errors == 0
    assert {one.indicator.code: str(one.value) for one in found.results if one.indicator.code in DENSITIES} == DENSITIES


def test_the_worked_example_by_the_command(worked: Path, shell: Shell) -> None:
    command = ("workforce", "indicators", worked / "run", "-s", METADATA)
    ran = shell(*command, "--population", worked / "people.csv", "--org-unit", "1730218")
    assert (ran.code, ran.err) == (0, "")
    for code, value in DENSITIES.items():
        (line,) = [line for line in ran.out.splitlines() if f"({code})" in line]
        assert f" {value} " in line
    assert "21.33  320 of 150,000" in ran.out
    assert "Population: 150,000 people in 2026 (A later count)" in ran.out
    # The district is the place of one facility only when it is named; a facility has no population.
    ran = shell(*command, "--population", worked / "people.csv")
    assert "HRM_900206 Quva tumani" in ran.out
    assert "absent: the population of “Quva tumani «Namuna» tibbiyot birlashmasi (HRM_900206), " in ran.out


def test_as_json_and_as_a_table(worked: Path, shell: Shell) -> None:
    command = ("workforce", "indicators", worked / "run", "-s", METADATA, "--population", worked / "people.csv",
               "--org-unit", "1730218")  # fmt: skip
    (told,) = shell(*command, "--json").lines
    assert (told["indicators"], told["period"], told["exit_code"]) == ("uz-nhwa-2017", "2026Q3", 0)
    values = {one["indicator"]: one["value"] for one in told["results"] if one["option"] is None}
    assert DENSITIES.items() <= values.items()
    ran = shell(*command, "--csv", "--lang", "ru")
    table = list(csv.DictReader(io.StringIO(ran.out)))
    assert tuple(table[0]) == COLUMNS
    assert {row["indicator"]: row["value"] for row in table if row["indicator"] in DENSITIES} == DENSITIES
    assert table[0]["name"] == "Врачей на 10 000 населения"
    assert (table[0]["population_year"], table[0]["population_source"]) == ("2026", "A later count")
    assert [row["absent"] != "" for row in table] == [row["value"] == "" for row in table]
    assert shell(*command, "--csv", "--json").code == 2


def test_no_cell_of_the_table_is_a_formula(worked: Path, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(
        "org_unit,year,population,source\n1730218,2026,1000,=cmd()\n", encoding="utf-8"
    )
    found = indicate([worked / "run"], METADATA, people=tmp_path / "people.csv", org_units=["1730218"])
    assert "'=cmd()" in next(iter(table_rows(found.results, "2026Q3")))


def test_a_list_of_facilities_is_one_place(worked: Path, tmp_path: Path, shell: Shell) -> None:
    (tmp_path / "contracted.txt").write_text("\ufeff# contracted\nHRM_900206\n\nHRM_900101\n", encoding="utf-8")
    command = ("workforce", "indicators", worked / "run", "-s", METADATA, "--org-units", tmp_path / "contracted.txt")
    ran = shell(*command)
    assert (ran.code, ran.out.splitlines()[0]) == (0, "contracted, 2026Q3")
    (tmp_path / "contracted.txt").write_text("HRM_900206\nHRM_999999\n", encoding="utf-8")
    ran = shell(*command)
    assert ran.code == 3
    assert "contracted.txt, row 2" in ran.err
    assert "3.69" in ran.out
    (tmp_path / "contracted.txt").write_text("HRM_999999\n", encoding="utf-8")
    assert "names no org unit that the snapshot knows" in shell(*command).complaint
    (tmp_path / "contracted.txt").write_bytes("Фергана\n".encode("cp1251"))
    assert "is not UTF-8" in shell(*command).complaint


def test_by_districts_each_one_is_there(worked: Path, shell: Shell) -> None:
    command = ("workforce", "indicators", worked / "run", "-s", METADATA, "--json", "--org-unit", "1730", "--level")
    (told,) = shell(*command, "3").lines
    of_doctors = {
        one["org_unit"]: one["reason"] for one in told["results"] if one["indicator"] == "UZ_NURSES_PER_DOCTOR"
    }
    assert len(of_doctors) == len(snapshot().children(uid("org_unit", "1730")))
    assert of_doctors.pop("1730218") is None
    assert set(of_doctors.values()) == {"no_counts"}
    assert "there is no org unit of level 9 there; the levels are 1 to 4" in shell(*command, "9").complaint


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--org-unit", "173021"], "there is no org unit with the code or UID '173021'; did you mean 1730"),
        (["--period", "2026Q2"], "the runs have no counts of 2026Q2; there are 2026Q3"),
        (["--period", "last"], "'last' is no period"),
        (["--indicators", "nowhere.yaml"], "there is no such file of indicators, and no shipped"),
        (["--org-units", "nowhere.txt"], "cannot be read"),
        (["--population", "nowhere.csv"], "there is no file nowhere.csv"),
    ],
)
def test_what_is_asked_for_is_not_there(worked: Path, shell: Shell, arguments: list[str], said: str) -> None:
    ran = shell("workforce", "indicators", worked / "run", "-s", METADATA, *arguments)
    assert ran.code == 2
    assert said in ran.complaint


def test_runs_of_another_instance_or_of_nothing_are_refused(worked: Path, tmp_path: Path, shell: Shell) -> None:
    other = EXAMPLES / "metadata" / "uz_phc_m.json"
    ran = shell("workforce", "indicators", worked / "run", "-s", other)
    assert ran.code == 2
    assert "was made with other metadata than" in ran.complaint
    assert "is no run folder" in shell("workforce", "indicators", tmp_path, "-s", METADATA).complaint
    shell(
        "convert",
        EXAMPLES / "phc" / "phc_uz.xlsx",
        "-m",
        "uzbekistan/phc_monthly",
        "-s",
        other,
        "--out",
        tmp_path / "phc",
    )
    ran = shell("workforce", "indicators", tmp_path / "phc", "-s", other)
    assert ran.code == 2
    assert "nothing that uz-nhwa-2017 is made of is counted in these runs (HRH_HW_*" in ran.complaint


def run_folder(path: Path, held: pl.DataFrame, found: Iterable[Finding] = (), refused: int = 0) -> Path:
    """A run folder that says so."""
    path.mkdir()
    values = held.select(
        pl.lit(held[name].cast(pl.String) if name in held.columns else None).alias(name)
        for name in VALUES_SCHEMA.names()
    ).with_columns(
        value=held["number"].cast(pl.String),
        refused=pl.when(pl.int_range(pl.len()) < refused).then(pl.lit("value.not_of_type")),
    )
    values.cast(VALUES_SCHEMA).write_parquet(path / "values.parquet")
    findings_frame(found).write_parquet(path / "findings.parquet")
    (path / "run.json").write_text(json.dumps({"format": 1}), encoding="utf-8")
    return path


def codes_of(found: pl.DataFrame) -> list[tuple[str, str | None, dict[str, Any]]]:
    return [(one.code, one.source, dict(one.arguments)) for one in rows(found)]


def test_what_a_run_held_back_is_said(tmp_path: Path) -> None:
    kept = [Finding("person.missing", "a.csv", row=2), Finding("small_cells.sums_low", arguments={"cells": 4})]
    folder = run_folder(tmp_path / "q3", counts(*DOCTORS_320), kept, refused=1)
    found = indicate([folder], METADATA)
    assert codes_of(found.findings) == [
        ("small_cells.sums_low", str(folder), {"cells": 4}),
        ("indicators.run_with_errors", str(folder), {"errors": 1, "left_out": 1}),
    ]
    by_code = {one.indicator.code: one for one in found.results}
    assert by_code["UZ_NURSES_PER_DOCTOR"].denominator == 200  # the first, of 120, was refused
    assert found.errors == 0


def test_several_runs(tmp_path: Path, shell: Shell) -> None:
    one = run_folder(tmp_path / "one", counts(*DOCTORS_320[:3]))
    two = run_folder(tmp_path / "two", counts(*DOCTORS_320[2:]))
    old = run_folder(tmp_path / "old", counts(*DOCTORS_320, period="2026Q2"))
    odd = run_folder(tmp_path / "odd", counts("HRM_900206 HRH_HW_2211 7 F P25Y--P35Y"))
    command = ("workforce", "indicators", "-s", METADATA)
    ran = shell(*command, one, two)
    assert (ran.code, "3.69  1,180 of 320" in ran.out) == (0, True)
    assert "of several periods (2026Q2, 2026Q3); name one with --period" in shell(*command, one, two, old).complaint
    assert shell(*command, one, two, old, "--period", "2026Q2").out.startswith("1730218 Quva tumani, 2026Q2")
    ran = shell(*command, one, two, odd)
    assert ran.code == 3
    assert "120 in this run and 7 in" in " ".join(ran.err.split())
    assert "absent: the runs contradict each other" in ran.out


def test_a_text_where_a_number_should_be(tmp_path: Path) -> None:
    held = counts(*DOCTORS_320)
    folder = run_folder(tmp_path / "q3", held)
    for odd in ("many", "NaN", "1e99"):
        frame = pl.read_parquet(folder / "values.parquet").with_columns(
            value=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit(odd)).otherwise(held["number"].cast(pl.String))
        )
        frame.write_parquet(folder / "values.parquet")
        found = indicate([folder], METADATA)
        assert codes_of(found.findings) == [
            ("number.unreadable", str(folder), {"data_element": "HRH_HW_2211"}),
        ]
        assert found.errors == 1


@pytest.mark.parametrize("language", ["en", "ru", "uz"])
def test_every_reason_has_words(language: str) -> None:
    posts = ("HRM_900206 HRH_POST_APP_2211 0 default", "HRM_900206 HRH_POST_VAC_2211 0 default")
    held = made(counts(*DOCTORS_320, *posts), people(u1730405=7))
    shown = indicators_text(list(held.values()), "2026Q3", language)
    assert "?" not in shown
    thousands = {"en": "1,180", "ru": "1\u00a0180", "uz": "1\u00a0180"}[language]
    assert thousands in shown
    assert "NBSP" not in shown
    assert len(shown.splitlines()) == 1 + len(held) + 1  # the place, each number, the name above those of each sex


@pytest.mark.parametrize("example", ["quarterly", "yearly"])
def test_the_example_register(example: str, tmp_path: Path) -> None:
    period = {"quarterly": "2026Q3", "yearly": "2026"}[example]
    convert_to_run(
        tmp_path / "run",
        [HRH / "argos_staff.csv", HRH / "argos_posts.csv"],
        settings.mapping_path(f"uzbekistan/hrh_{example}"),
        METADATA,
        given={"period": period},
    )
    found = indicate([tmp_path / "run"], METADATA, people=HRH / "population.csv")
    absent = {one.indicator.code for one in found.results if one.reason}
    of_the_year = {"NHWA2017_1_07_ALL", "NHWA2017_1_08_ALL", "NHWA2017_6_02_ALL"}
    assert absent == (of_the_year if example == "quarterly" else set())
    shares = [one.value for one in found.results if one.indicator.code == "NHWA2017_1_03_ALL" and one.value is not None]
    assert abs(sum(shares) - 100) < Decimal("0.05")
    assert {one.people.number for one in found.results if one.people} == {4_255_240}


# -- the schema ----------------------------------------------------------------------------------------------------

NHWA = Path(__file__).resolve().parents[1] / "mappings" / "indicators" / "uzbekistan" / "nhwa_2017.yaml"


def complaints(text: str) -> list[str]:
    """What an editor says of a file of indicators."""
    schema = schema_of_indicators()
    jsonschema.Draft202012Validator.check_schema(schema)
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(yaml.safe_load(text))]


def test_the_schema_accepts_what_loads() -> None:
    for text in (LIST, NHWA.read_text(encoding="utf-8")):
        load_text(text)
        assert complaints(text) == []


@pytest.mark.parametrize(
    ("held", "mistaken"),
    [
        ("edition: of this test\n", ""),
        ("edition: of this test\n", "edition: x\neditoin: y\n"),
        ("{code: DOCTORS, name: {en: Doctors}", "{name: {en: Doctors}"),
        ("of: {stock: practising, group: all, options: {SEX: F}}", "of: {group: all, options: {SEX: F}}"),
        ("per: {group: doctors}", "per: {groups: doctors}"),
        ("factor: 10000", "factor: many"),
    ],
)
def test_the_schema_refuses_what_does_not_load(held: str, mistaken: str) -> None:
    text = LIST.replace(held, mistaken, 1)
    assert text != LIST
    with pytest.raises(MappingError):
        load_text(text)
    assert complaints(text) != []


def test_the_shipped_schema_is_fresh() -> None:
    path = Path(__file__).resolve().parents[1] / "schemas" / "indicators.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == schema_of_indicators()
