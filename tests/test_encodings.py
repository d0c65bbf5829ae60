"""The encoding of a file: proven, declared or announced as a guess, and never mojibake in silence."""

import codecs
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhis2_bridge.findings import Finding, Unreadable, UsageError
from dhis2_bridge.sources import encodings
from dhis2_bridge.sources.encodings import CANDIDATES, Encoding, TextFile, decide

RUSSIAN = "учреждение;показатель;значение\nПоликлиника «Намуна» №5;Число посещений;12\nСЕЛЬСКИЙ ВРАЧЕБНЫЙ ПУНКТ;Да;3\n"
UZBEK = "муассаса;кўрсаткич\nМарказий поликлиника;ташрифлар сони\nОилавий шифокорлик пункти;ётиб даволанганлар\n"


@pytest.fixture
def decided(tmp_path: Path) -> Any:
    def decide_bytes(content: bytes, declared: str | None = None) -> Encoding:
        path = tmp_path / "x.csv"
        path.write_bytes(content)
        return decide(path, "x.csv", declared)

    return decide_bytes


def codes(encoding: Encoding) -> list[str]:
    return [finding.code for finding in encoding.findings]


@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
def test_a_mark_decides_and_is_no_content(decided: Any, tmp_path: Path, mark: bytes, codec: str) -> None:
    assert decided(mark + RUSSIAN.encode(codec)) == Encoding(codec, len(mark))
    assert b"".join(TextFile(tmp_path / "x.csv", "x").blocks()).decode() == RUSSIAN


@pytest.mark.parametrize("codec", ["utf-32-le", "utf-32-be"])
def test_utf_32_is_refused_by_name(decided: Any, codec: str) -> None:
    with pytest.raises(Unreadable) as caught:
        decided("\ufeffa,b\n".encode(codec))
    assert caught.value.finding.arguments == {"format": "UTF-32", "advice": "save_as_utf_8"}


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["a,b\n1,2\n", RUSSIAN, UZBEK])
def test_utf_16_without_a_mark_is_told_by_its_zero_bytes(decided: Any, codec: str, text: str) -> None:
    found = decided(text.encode(codec))
    assert (found.codec, codes(found)) == (codec, ["encoding.guessed"])
    assert decided(text.encode(codec), codec) == Encoding(codec)


@pytest.mark.parametrize("declared", ["cp1251", "utf-16", "latin-1"])
def test_a_declaration_against_a_mark_is_told_and_the_mark_holds(decided: Any, declared: str) -> None:
    found = decided(codecs.BOM_UTF8 + b"a,b\n", declared)
    assert found.codec == "utf-8"
    assert found.findings[0].arguments["encoding"] == "utf-8"
    assert codes(found) == ["encoding.disagrees"]


def test_text_that_is_utf_8_stays_so_whatever_is_declared(decided: Any) -> None:
    assert codes(decided(RUSSIAN.encode(), "cp1251")) == ["encoding.disagrees"]
    assert decided(b"a,b\n1,2\n", "cp1251") == Encoding("utf-8")
    assert decided(RUSSIAN.encode(), "UTF8") == decided(RUSSIAN.encode(), "utf-8-sig") == Encoding("utf-8")


@pytest.mark.parametrize("codec", [*CANDIDATES, "mac-cyrillic", "cp1125", "gb18030"])
def test_any_text_encoding_can_be_declared(decided: Any, tmp_path: Path, codec: str) -> None:
    text = "Поликлиника;5\n"
    assert decided(text.encode(codec), codec).codec.replace("_", "-") == codec
    assert b"".join(TextFile(tmp_path / "x.csv", "x", declared=codec).blocks()).decode() == text


@pytest.mark.parametrize("declared", ["no such", "rot13", "base64", "idna", "unicode_escape"])
def test_what_is_no_text_encoding_is_an_error_of_the_call(decided: Any, declared: str) -> None:
    with pytest.raises(UsageError):
        decided(b"a", declared)


def test_a_declared_encoding_that_cannot_hold_the_file_is_refused_with_the_place(decided: Any) -> None:
    with pytest.raises(Unreadable) as caught:
        decided("a;b\nqq;Ш\n".encode("cp866"), "cp1251")
    arguments = {"encoding": "cp1251", "byte": 8, "line": 2, "candidates": ["cp866", "koi8-r"]}
    assert caught.value.finding == Finding("encoding.undecodable", "x.csv", arguments=arguments)


@pytest.mark.parametrize("codec", CANDIDATES)
@pytest.mark.parametrize("text", [RUSSIAN, UZBEK])
def test_a_clear_guess_is_announced(decided: Any, codec: str, text: str) -> None:
    found = decided(text.encode(codec, "replace"))
    assert found.codec == codec
    assert found.findings[0].code == "encoding.guessed"
    assert found.findings[0].arguments["evidence"].startswith(f"{codec} ")


@pytest.mark.parametrize(
    "content", [b"a;b\n1;\xd8\xe8\n", "größe;été;año\n".encode("latin-1"), b"\x00\xff\xfe\x01\x80" * 9]
)
def test_what_is_not_clear_is_refused_with_byte_and_line(decided: Any, content: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        decided(content)
    finding = caught.value.finding
    assert finding.code == "encoding.undecodable"
    first = next(place for place, byte in enumerate(content, 1) if byte > 127)
    assert (finding.arguments["byte"], finding.arguments["line"]) == (first, content[:first].count(b"\n") + 1)
    assert set(finding.arguments["candidates"]) <= set(CANDIDATES)


def test_one_bad_byte_far_into_the_file_is_found(decided: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "BLOCK", 7)
    content = "é,1\n".encode() * 50 + b"\xc3\n"
    with pytest.raises(Unreadable) as caught:
        decided(content)
    assert (caught.value.finding.arguments["byte"], caught.value.finding.arguments["line"]) == (251, 51)


def test_a_text_cut_within_a_character_is_refused(decided: Any) -> None:
    for content in (b"a,b\n\xd0", codecs.BOM_UTF16_LE + b"a\0b"):
        with pytest.raises(Unreadable, match="undecodable"):
            decided(content)


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("Улу?бек;То?кент", 2),
        ("?ишло? врачлик пункти", 1),
        ("Сколько?;Да;?", 0),
        ("https://example.org/?а=1;так?нет", 1),
        ("What?ever;5?", 0),
    ],
)
@pytest.mark.parametrize("codec", ["cp1251", "utf-8"])
def test_letters_that_an_encoding_lost_are_counted(decided: Any, text: str, letters: int, codec: str) -> None:
    damage = [f for f in decided(text.encode(codec), codec).findings if f.code == "encoding.damaged"]
    assert [finding.arguments for finding in damage] == ([{"letters": letters}] if letters else [])


@settings(max_examples=80, deadline=None)
@given(
    text=st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=30),
    codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
    size=st.integers(1, 9),
    skip=st.integers(0, 20),
)
def test_blocks_are_the_text_as_utf_8_however_they_are_cut(
    tmp_path_factory: pytest.TempPathFactory, text: str, codec: str, size: int, skip: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "blocks.csv"
    path.write_bytes(("a,b\n" + text).encode(codec))
    file = TextFile(path, "x", declared=codec)
    assert b"".join(file.blocks(size, skip)) == ("a,b\n" + text).encode()[skip:]


@settings(max_examples=200, deadline=None)
@given(data=st.one_of(st.binary(max_size=40), st.text(max_size=20).map(str.encode)), size=st.integers(1, 7))
def test_the_quick_look_at_utf_8_is_that_of_python(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, size: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "quick.csv"
    path.write_bytes(data)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encodings, "BLOCK", size)
        found = encodings._scan_utf8(path)
    assert (found is None) == (text is None)
    if found is not None and text is not None:
        assert found[2] == text.isascii()
