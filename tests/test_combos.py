"""The option combo that a set of options means: by meaning, never by the order or spelling of a name."""

import copy
from itertools import permutations
from typing import Any

import pytest
import worlds
from hypothesis import given, settings
from hypothesis import strategies as st

from dhis2_bridge.combos import Combos
from dhis2_bridge.findings import SnapshotError
from dhis2_bridge.lookups import Span
from dhis2_bridge.snapshot import Snapshot

SEX, AGE, PARTNER = (worlds.uid(code) for code in ("SEX", "AGE", "PARTNER"))
BY_SEX, BY_BOTH, DEFAULT = (worlds.uid(code) for code in ("CC_SEX", "CC_SEX_AGE", "default"))
M, F, Y0 = (worlds.uid(code) for code in ("M", "F", "Y0"))


def codes(uid: str | None) -> set[str]:
    """The option codes of a combo."""
    held = worlds.snapshot()
    options = held.category_option_combos[uid or ""].category_options
    return {held.category_options[option].code or "" for option in options}


@pytest.mark.parametrize(
    ("combo", "given_options", "outcome"),
    [
        (BY_BOTH, {SEX: M, AGE: Y0}, {"M", "Y0"}),
        (BY_SEX, {SEX: M, AGE: Span.TOTAL}, {"M"}),
        (BY_SEX, {SEX: M, AGE: Span.NOT_GIVEN}, {"M"}),
        (BY_SEX, {SEX: M, AGE: Y0}, "category_option_combo.not_of_element"),
        (BY_BOTH, {SEX: M}, "category_option_combo.incomplete"),
        (BY_BOTH, {}, "category_option_combo.incomplete"),
        (DEFAULT, {}, {"default"}),
        (DEFAULT, {SEX: Span.TOTAL}, {"default"}),
        (DEFAULT, {SEX: F}, "category_option_combo.not_of_element"),
        (BY_SEX, {SEX: Y0}, "category_option_combo.unknown"),
    ],
)
def test_options_of_records(combo: str, given_options: dict[str, Any], outcome: set[str] | str) -> None:
    found = Combos(worlds.snapshot()).find(combo, given_options)
    assert found.parts == ()
    assert (found.code if isinstance(outcome, str) else codes(found.uid)) == outcome


@pytest.mark.parametrize(
    ("combo", "given_options", "parts"),
    [
        (BY_BOTH, {SEX: M, AGE: Span.NOT_GIVEN}, 3),
        (BY_BOTH, {SEX: Span.TOTAL, AGE: Y0}, 2),
        (BY_BOTH, {SEX: Span.NOT_GIVEN, AGE: Span.TOTAL}, 6),
        (BY_SEX, {SEX: Span.TOTAL}, 2),
    ],
)
def test_totals_of_forms(combo: str, given_options: dict[str, Any], parts: int) -> None:
    """Where headers state a category, one that says nothing of it means all of its options."""
    found = Combos(worlds.snapshot(), frozenset({SEX, AGE})).find(combo, given_options)
    assert (found.uid, found.code, len(found.parts)) == (None, None, parts)
    chosen = {option for option in given_options.values() if isinstance(option, str)}
    held = worlds.snapshot().category_option_combos
    assert all(chosen <= held[uid].category_options for uid in found.parts)


def test_the_default_combo_is_that_of_the_instance() -> None:
    found = Combos(worlds.snapshot()).find(DEFAULT, {})
    assert found.uid == worlds.snapshot().default_category_option_combo
    document = copy.deepcopy(worlds.document())
    document["categoryOptionCombos"] = [c for c in document["categoryOptionCombos"] if c["name"] != "default"]
    with pytest.raises(SnapshotError):
        Combos(Snapshot.from_dict(document)).find(DEFAULT, {})


def test_a_combo_that_the_instance_has_not_made() -> None:
    document = copy.deepcopy(worlds.document())
    document["categoryOptionCombos"] = [c for c in document["categoryOptionCombos"] if c["name"] != "Ayollar"]
    found = Combos(Snapshot.from_dict(document)).find(BY_SEX, {SEX: F})
    assert (found.code, found.arguments["options"]) == ("category_option_combo.unknown", "Ayollar")


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(list(permutations(("M", "Y0")))),
    st.booleans(),
    st.sampled_from([", ", " / ", "; ", " ", " (", "|"]),
    st.booleans(),
)
def test_a_label_of_a_combo_is_a_set_of_options(order: tuple[str, str], by_name: bool, mark: str, loud: bool) -> None:
    options = {"M": "Erkaklar", "Y0": "0-4"}
    label = mark.join(options[code] if by_name else code for code in order) + ")" * mark.endswith("(")
    found = Combos(worlds.snapshot()).read(BY_BOTH, label.upper() if loud else label)
    assert codes(found.uid) == {"M", "Y0"}


@pytest.mark.parametrize(
    ("label", "code", "said"),
    [
        ("Erkaklar", "category_option_combo.incomplete", "Age"),
        ("0-4", "category_option_combo.incomplete", "Sex"),
        ("Erkaklar, 7-9", "category_option_combo.incomplete", "Age"),
        ("Erkaklar, 0-4, 5-14", "category_option_combo.unknown", None),
        ("nimadir", "category_option_combo.unknown", None),
        ("", "category_option_combo.incomplete", "Sex, Age"),
    ],
)
def test_labels_that_name_no_combo(label: str, code: str, said: str | None) -> None:
    found = Combos(worlds.snapshot()).read(BY_BOTH, label)
    assert (found.uid, found.code, found.arguments.get("missing")) == (None, code, said)


def test_a_combo_by_its_uid_and_the_nearest_names() -> None:
    (any_combo, *_) = worlds.snapshot().category_option_combos_of(BY_SEX)
    combos = Combos(worlds.snapshot())
    assert combos.read(BY_SEX, any_combo).uid == any_combo
    assert combos.read(BY_SEX, "Erkakla").arguments["suggestions"] == ["Erkaklar"]
    assert codes(combos.read(DEFAULT, " ").uid) == {"default"}
