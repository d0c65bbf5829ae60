"""Labels to identifiers: the mapping's words, schemes, names and their kin, and what is said of a label that fails."""

import copy
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import worlds
from hypothesis import given, settings
from hypothesis import strategies as st

from dhis2_bridge.bound import Bound
from dhis2_bridge.faults import text_of
from dhis2_bridge.findings import Finding, MappingError
from dhis2_bridge.lookups import SEPARATOR, Answer, Distinct, Hit, Miss, Span, nearest, words_of
from dhis2_bridge.snapshot import Snapshot

REST = {
    "org_unit": "org_unit: {constant: HRM_101}\n",
    "period": "period: {constant: '202609', type: Monthly}\n",
    "data_element": "data_element: {constant: BEDS}\n",
}


def bound(text: str, folder: Path | None = None, snapshot: Snapshot | None = None, **files: str) -> Bound:
    """A table bound to the instance, with what every mapping must say beside this text."""
    whole = "data_set: FORM_M\n" + "".join(line for key, line in REST.items() if f"{key}:" not in text) + text
    (table,) = worlds.mapping(whole, folder, **files).tables
    return Bound("form.yaml", table, snapshot or worlds.snapshot(), {})


def read(text: str, label: str, folder: Path | None = None, **files: str) -> Answer:
    """What the only dimension of this text makes of a label."""
    held = bound(text, folder, **files)
    key = text.partition(":")[0]
    if key == "category_options":
        key = next(one for one in held.dimensions if one.startswith(key))
    answers = held.answers(key)
    answer: Answer = answers.answers[answers.codes(pl.Series([label]))[0]]
    return answer


def code_of(answer: Answer) -> str:
    """The code of the org unit, element or option that was found, or the finding's."""
    if isinstance(answer, Miss):
        return answer.code
    if isinstance(answer, Span):
        return answer.name
    held = worlds.snapshot()
    for objects in (held.org_units, held.data_elements, held.category_options):
        if answer.uid in objects:
            return objects[answer.uid].code or ""
    return answer.uid


# -- schemes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "label", "found"),
    [
        ("", "HRM_101", "HRM_101"),
        ("", worlds.uid("HRM_101"), "HRM_101"),
        ("", "Terak punkti", "org_unit.unknown"),
        (", match: uid", "HRM_101", "org_unit.unknown"),
        (", match: name", "terak  punkti", "HRM_103_7"),
        (", match: [name, code]", "HRM_104", "HRM_104"),
        (", match: code, prefix: HRM_", "101", "HRM_101"),
        (", match: code, prefix: HRM_", " 101 ", "HRM_101"),
        (", match: code, prefix: HRM_", "hrm_101", "org_unit.unknown"),
        (", match: ATTRIBUTE:uidTaxNumbr", "300000008", "HRM_101"),
        (", level: 3", "1730", "org_unit.unknown"),
        (", level: 2", "1730", "1730"),
        ("", "  ", "org_unit.missing"),
    ],
)
def test_schemes(how: str, label: str, found: str) -> None:
    assert code_of(read(f"org_unit: {{column: a{how}}}", label)) == found


def test_a_code_that_is_the_uid_of_another_is_refused_unless_the_scheme_is_declared() -> None:
    document = copy.deepcopy(worlds.document())
    taken = worlds.uid("HRM_101")
    document["organisationUnits"][-1]["code"] = taken
    snapshot = Snapshot.from_dict(document)

    def found(how: str) -> Any:
        answers = bound(f"org_unit: {{column: a{how}}}", snapshot=snapshot).answers("org_unit")
        return answers.answers[answers.codes(pl.Series([taken]))[0]]

    assert found("").code == "org_unit.ambiguous"
    assert len(found("").arguments["candidates"]) == 2
    assert found(", match: code").uid == worlds.uid("HRM_104")
    assert found(", match: uid").uid == taken


def test_options_are_matched_within_their_category_only() -> None:
    assert code_of(read("category_options: {SEX: {column: a}}", "M")) == "M"
    assert code_of(read("category_options: {SEX: {column: a}}", "Ayollar")) == "F"
    assert code_of(read("category_options: {SEX: {column: a}}", "Y0")) == "category_option.unknown"
    assert read("category_options: {SEX: {column: a}}", "") is Span.NOT_GIVEN


# -- words of the mapping --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("erkak", "M"),
        ("ERKAK ", "M"),
        ("Er", "M"),
        ("E", "M"),
        ("Jami", "TOTAL"),
        ("hammasi", "TOTAL"),
        ("Erkak / Мужчины", "M"),
        ("Erkak / Ayol", "category_option.unknown"),
        ("Erkak / Bolalar", "category_option.unknown"),
        ("Jami / hammasi", "TOTAL"),
        ("Ayollar", "F"),
        ("Qizlar", "category_option.unknown"),
    ],
)
def test_words_for_options(label: str, found: str) -> None:
    text = """category_options: {SEX: {column: a, map: {male: M, Er: M, E: M, "Ayol": F}, total: hammasi}}
columns: {male: [Erkak, Мужчины], total: Jami}
"""
    answer = read(text, label)
    assert code_of(answer) == found
    if label == "Qizlar":
        assert isinstance(answer, Miss)
        assert answer.arguments["category"] == "SEX"


def test_a_map_may_lead_to_a_name_and_a_crosswalk_to_a_uid(tmp_path: Path) -> None:
    """What a mapping's author writes is found by whatever it is, also where labels are matched by name."""
    assert code_of(read("org_unit: {column: a, match: name, map: {Eski: HRM_104}}", "eski")) == "HRM_104"
    crosswalk = f"a | org_unit\nEski | {worlds.uid('HRM_104')}\nYangi | Terak punkti"
    text = "org_unit: {column: a, crosswalk: list.csv}"
    assert code_of(read(text, "Eski", tmp_path, list=crosswalk)) == "HRM_104"
    assert code_of(read(text, "Yangi", tmp_path, list=crosswalk)) == "HRM_103_7"


def test_a_crosswalk_is_the_whole_list(tmp_path: Path) -> None:
    crosswalk = "a | data_element\n1.1 | BEDS\n1.10 | RATE\n40 | CALLS"
    text = "data_element: {column: a, crosswalk: list.csv}"
    hit = read(text, "1.10", tmp_path, list=crosswalk)
    assert isinstance(hit, Hit)
    assert (code_of(hit), hit.crosswalk_row) == ("RATE", 3)
    miss = read(text, "4O", tmp_path, list=crosswalk)
    assert isinstance(miss, Miss)
    assert (miss.code, miss.arguments["suggestions"][0]) == ("crosswalk.missing", "40")
    assert code_of(read(text, "BEDS", tmp_path, list=crosswalk)) == "crosswalk.missing"


def test_both_languages_of_a_label_may_stand_in_rows_of_their_own(tmp_path: Path) -> None:
    crosswalk = "a | category_option\nErkak | M\nAyol | F\nМужчины | M"
    text = "category_options: {SEX: {column: a, crosswalk: list.csv}}"
    assert code_of(read(text, "Erkak / Мужчины", tmp_path, list=crosswalk)) == "M"
    assert code_of(read(text, "Ayol / Мужчины", tmp_path, list=crosswalk)) == "crosswalk.missing"


def test_keys_of_several_columns_are_compared_column_by_column(tmp_path: Path) -> None:
    crosswalk = "b | a | data_element\nA 1 | 2 | BEDS\na | 3 | RATE"
    text = "data_element: {column: a, key: [b, a], crosswalk: list.csv}"
    held = bound(text, tmp_path, list=crosswalk).answers("data_element")

    def found(*label: str) -> str:
        return code_of(held.answers[held.codes(pl.Series([SEPARATOR.join(label)]))[0]])

    assert found("A 1", "2") == "BEDS"
    assert found("A", "1 2") == "crosswalk.missing"
    assert found("A", " 3") == "RATE"


def test_two_labels_that_are_one_when_folded_are_told_apart_exactly(tmp_path: Path) -> None:
    crosswalk = "a | data_element\nBeds | BEDS\nBEDS | CALLS"
    text = "data_element: {column: a, crosswalk: list.csv}"
    assert [code_of(read(text, label, tmp_path, list=crosswalk)) for label in ("Beds", "BEDS", "beds")] == [
        "BEDS",
        "CALLS",
        "crosswalk.missing",
    ]


def test_aliases_are_noted(tmp_path: Path) -> None:
    text = "org_unit: {column: a, match: name, aliases: list.csv}"
    hit = read(text, "Eski  nomi", tmp_path, list="label | target\neski nomi | HRM_104")
    assert isinstance(hit, Hit)
    assert (code_of(hit), hit.note, hit.matched) == ("HRM_104", "name.by_alias", "HRM_104")


# -- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "found", "note"),
    [
        ("Terak punkti", "HRM_103_7", None),
        ("Terak\u00a0punkti", "HRM_103_7", "name.normalised"),
        ("Тerak punkti", "HRM_103_7", "name.normalised"),
        ("Терак пункти", "HRM_103_7", "name.by_transliteration"),
        ("Bog`don tumani", "org_unit.unknown", None),
        ("Qo`qon shahri", "1730405", "name.normalised"),
        ("Қўқон шаҳри", "1730405", "name.by_transliteration"),
        ("1-son poliklinika", "org_unit.ambiguous", None),
        ("Терак пункти / Terak punkti", "HRM_103_7", "name.by_transliteration"),
        ("Terak punkti / Chinor shifoxonasi", "org_unit.unknown", None),
    ],
)
def test_names(label: str, found: str, note: str | None) -> None:
    answer = read("org_unit: {column: a, match: name}", label)
    assert code_of(answer) == found
    if isinstance(answer, Hit):
        assert answer.note == note


WORDS = "drop_words: [viloyati, shahri, tumani, t., sh., тумани]"


@pytest.mark.parametrize(
    ("label", "more", "found", "note"),
    [
        ("Qoʻqon", "level: 3", "1730405", "name.normalised"),
        ("Qoʻqon shahri", "level: 3", "1730405", None),
        ("Qoʻqon tumani", "level: 3", "org_unit.unknown", None),
        ("Qoʻqon t.", "level: 3", "1730405", "name.without_words"),
        ("Fargʻona", "level: 3", "org_unit.ambiguous", None),
        ("Fargʻona sh.", "level: 3", "org_unit.ambiguous", None),
        ("Fargʻona", "level: 2", "1730", "name.normalised"),
        ("Фарғона тумани", "level: 3", "1730233", "name.by_transliteration"),
        ("Қўқон", "level: 3", "1730405", "name.by_transliteration"),
        ("Bogʻdod", "level: 3, below: {constant: '1703'}", "1703206", "name.normalised"),
        ("tumani", "level: 3", "org_unit.unknown", None),
    ],
)
def test_names_without_the_words_that_only_say_what_kind_of_place_it_is(
    label: str, more: str, found: str, note: str | None
) -> None:
    text = f"org_unit: {{column: a, match: name, {more}, {WORDS}}}"
    answer = read(text, label + (f"{SEPARATOR}1703" if "below" in more else ""))
    assert code_of(answer) == found
    if isinstance(answer, Hit):
        assert answer.note == note


def test_a_facility_of_the_same_bare_name_does_not_hide_a_district() -> None:
    """Only units that the declarations allow count, for the exact name as for its kin."""
    document = copy.deepcopy(worlds.document())
    document["organisationUnits"][-1]["name"] = "Qoʻqon"
    snapshot = Snapshot.from_dict(document)
    text = f"org_unit: {{column: a, match: name, level: 3, {WORDS}}}"
    answers = bound(text, snapshot=snapshot).answers("org_unit")
    answer = answers.answers[answers.codes(pl.Series(["Qoʻqon"]))[0]]
    assert answer.uid == worlds.uid("1730405")


def test_words_in_the_names_of_other_levels_do_not_count_as_kinds_of_this_one() -> None:
    document = copy.deepcopy(worlds.document())
    document["organisationUnits"][-1]["name"] = "Qoʻqon t. shifoxonasi"
    text = f"org_unit: {{column: a, match: name, level: 3, {WORDS}}}"
    answers = bound(text, snapshot=Snapshot.from_dict(document)).answers("org_unit")
    answer = answers.answers[answers.codes(pl.Series(["Qoʻqon t."]))[0]]
    assert (answer.uid, answer.note) == (worlds.uid("1730405"), "name.without_words")


def test_parents_above_parents() -> None:
    text = "org_unit: {column: a, match: name, below: {column: b, match: name, below: {column: c, match: name}}}"

    def found(*label: str) -> str:
        return code_of(read(text, SEPARATOR.join(label)))

    assert found("Chinor shifoxonasi", "Bogʻdod tumani", "Andijon viloyati") == "HRM_104"
    assert found("Terak shifoxonasi", "Bogʻdod tumani", "Fargʻona viloyati") == "HRM_103"
    assert found("Terak shifoxonasi", "Bogʻdod tumani", "Andijon viloyati") == "org_unit.unknown"
    assert found("Terak shifoxonasi", "Bogʻdod tumani", "") == "org_unit.missing"


# -- what is said of labels that fail --------------------------------------------------------------------------------


def test_a_code_without_its_zeros_is_suggested_first() -> None:
    document = copy.deepcopy(worlds.document())
    document["organisationUnits"][-1]["code"] = "00123"
    document["organisationUnits"][-2]["code"] = "1234"
    answers = bound("org_unit: {column: a}", snapshot=Snapshot.from_dict(document)).answers("org_unit")
    miss = answers.answers[answers.codes(pl.Series(["123"]))[0]]
    assert (miss.code, miss.arguments["suggestions"][0]) == ("org_unit.unknown", "00123")
    assert miss.arguments["match"] == ["uid", "code"]


def test_suggestions_for_short_codes() -> None:
    assert nearest("4O", ["40", "4O0", "77"])[0] == "40"


def test_an_error_cell_is_a_miss_of_its_own() -> None:
    fault = text_of(Finding("cell.error", "form.xlsx", "Form", 1, 1, "#REF!"))
    for text in (
        "org_unit: {column: a, match: name}",
        "data_element: {column: a}",
        "period: {column: a, type: Monthly}",
    ):
        assert code_of(read(text, fault)) == "cell.error"
    assert code_of(read("period: {parts: [{column: a}, {column: b}], type: Monthly}", f"2026 {fault}")) == "cell.error"


def test_what_the_mapping_names_must_be_in_the_snapshot() -> None:
    with pytest.raises(MappingError, match=r"no category SEQ \(nearest: SEX\)"):
        bound("category_options: {SEQ: {column: a}}")
    (table,) = worlds.mapping("data_set: FORM_N\n" + "".join(REST.values())).tables
    with pytest.raises(MappingError, match=r"form.yaml:3:.* no data set FORM_N \(nearest: FORM_M"):
        Bound("form.yaml", table, worlds.snapshot(), {})


# -- periods ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "label", "found"),
    [
        ("", "sentabr 2026", "202609"),
        ("", "", "period.missing"),
        ("", "45413", "period.unreadable"),
        (", map: {'1-oy': '202601'}", "1-OY", "202601"),
        (", map: {'1-oy': '202601'}", "fevral 2026", "202602"),
        (", prefix: '2026 '", "mart", "202603"),
        (", date: dd.mm.yyyy", "17.09.2026", "202609"),
        (", date: dd.mm.yyyy", "2026-09-17", "202609"),
        (", date: dd.mm.yyyy", "09.2026", "date.unreadable"),
        (", date: dd.mm.yyyy", "", "period.missing"),
        ("", "9 oylik 2026", "period.cumulative"),
        (", cumulative: true", "9 oylik 2026", "202609"),
    ],
)
def test_periods(how: str, label: str, found: str) -> None:
    assert code_of(read(f"period: {{column: a, type: Monthly{how}}}", label)) == found


# -- distinct answers ------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=8), min_size=1, max_size=4))
def test_each_distinct_text_is_read_once_over_all_batches(batches: list[list[str | None]]) -> None:
    asked: list[str] = []

    def answer(text: str) -> str:
        asked.append(text)
        return text.upper()

    distinct = Distinct(answer)
    for batch in batches:
        codes = distinct.codes(pl.Series(batch, dtype=pl.String))
        assert [distinct.answers[code] for code in codes] == [(text or "").upper() for text in batch]
    assert len(asked) == len(set(asked))


def test_words_of_a_combo() -> None:
    assert words_of("Erkaklar, 0-4") == words_of("0-4 / ERKAKLAR") == {"erkaklar", "0-4"}
