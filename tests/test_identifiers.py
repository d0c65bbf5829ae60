from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhis2_bridge.identifiers import OPTION_CODE_LENGTH, code_fault, is_uid, scheme, scheme_attribute, uid


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("DiszpKrYNg8", True),
        ("a1234567890", True),
        ("1iszpKrYNg8", False),
        ("DiszpKrYNg", False),
        ("DiszpKrYNg88", False),
        ("DiszpKrYNg8\n", False),
        ("DiszpKrYNgé", False),
        ("DiszpKrYN-8", False),
        ("Diszpkryng٣", False),
        ("", False),
    ],
)
def test_the_form_of_a_uid(text: str, valid: bool) -> None:
    assert is_uid(text) is valid


def test_generated_uids_are_frozen() -> None:
    # Metadata on servers carries these: a change here orphans it.
    assert uid("data_element", "UZ_PHC_001") == "hRRapIrLXGd"
    assert uid("data_element", "UZ_PHC_002") == "vG9nbrTee0g"
    assert uid("Поликлиника", "") == "drjJisxuUUm"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_a_generated_uid_is_one_and_repeats(parts: list[str]) -> None:
    assert is_uid(uid(*parts))
    assert uid(*parts) == uid(*parts)


@given(st.text("ab:,1", min_size=1), st.text("ab:,1", min_size=1))
def test_where_one_text_ends_makes_a_difference(left: str, right: str) -> None:
    assert uid(left, right) != uid(left + right)
    assert uid(left, right) != uid(left, right, "")
    assert uid(left, right) != uid(f"{left},{len(right)}:{right}")


def test_every_character_is_about_as_frequent() -> None:
    made = [uid("spread", str(number)) for number in range(6000)]
    assert len(set(made)) == len(made)
    first = Counter(text[0] for text in made)
    rest = Counter("".join(text[1:] for text in made))
    assert len(first) == 52
    assert len(rest) == 62
    assert max(first.values()) < 2 * min(first.values())
    assert max(rest.values()) < 1.25 * min(rest.values())


def test_a_uid_from_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        uid()


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("00123", None),
        ("P0Y--P15Y", None),
        ("Поликлиника 7", None),
        ("x" * 50, None),
        ("x" * 51, "too_long"),
        ("", "empty"),
        (" \t", "empty"),
        ("LOW ", "blank_at_end"),
        ("LOW\N{NO-BREAK SPACE}", "blank_at_end"),
        ("A\tB", "control_character"),
        ("A\N{ZERO WIDTH SPACE}B", "control_character"),
    ],
)
def test_faults_of_a_code(code: str, fault: str | None) -> None:
    assert code_fault(code) == fault


def test_an_option_code_may_be_longer() -> None:
    assert code_fault("x" * 230, OPTION_CODE_LENGTH) is None
    assert code_fault("x" * 231, OPTION_CODE_LENGTH) == "too_long"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("UID", "uid"),
        ("id", "uid"),
        ("Code", "code"),
        (" NAME ", "name"),
        ("attribute:DiszpKrYNg8", "ATTRIBUTE:DiszpKrYNg8"),
        ("ATTRIBUTE:DiszpKrYNg8", "ATTRIBUTE:DiszpKrYNg8"),
    ],
)
def test_schemes_in_any_case(text: str, read: str) -> None:
    assert scheme(text) == read


@pytest.mark.parametrize("text", ["", "UUID", "ATTRIBUTE", "ATTRIBUTE:", "ATTRIBUTE:short", "attribute:DiszpKrYNg88"])
def test_no_scheme(text: str) -> None:
    with pytest.raises(ValueError, match="ATTRIBUTE"):
        scheme(text)


def test_the_attribute_of_a_scheme() -> None:
    assert scheme_attribute("ATTRIBUTE:DiszpKrYNg8") == "DiszpKrYNg8"
    assert scheme_attribute("code") is None
