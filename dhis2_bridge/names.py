"""Names compared as people mean them: folded keys, keys across scripts, patterns, suggestions.

DHIS2 keeps names byte for byte, stray spaces included, and files spell them with other apostrophes, invisible
characters or letters of the wrong keyboard. Two texts with one `fold` are one name; two texts with one `latin` are one
name as far as transliteration can tell, which is worth a warning. Both are keys to compare, never text to show or
send. Nothing else is folded: a hyphen is no dash and punctuation stays, so what differs there is a suggestion.
"""

import functools
import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Final

_KEYS_KEPT: Final = 1 << 17

# Soft hyphen, joiners, direction marks, byte order mark, variation selectors: they draw nothing and mean nothing here.
_INVISIBLE: Final = (
    "\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff"
)
_INVISIBLE_CHARACTERS: Final = re.compile(f"[{_INVISIBLE}]")
# Characters that count as printable and still draw nothing or a blank.
_BLANK_DRAWN: Final = re.compile(f"[{_INVISIBLE}\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U000e0100-\U000e01ef]")

_APOSTROPHES: Final = str.maketrans(
    dict.fromkeys("`\u00b4\u02b9\u02bb\u02bc\u02bd\u02c8\u02ca\u02cb\u2018\u2019\u201b\u2032\u2035\ua78c\uff07", "'")
)

_WORD: Final = re.compile(r"[^\W\d_]+(?:['\u0300-\u036f]+[^\W\d_]+)*")
_LATIN: Final = re.compile("[a-z\u00aa\u00ba\u00df-\u024f\u1e00-\u1eff]", re.IGNORECASE)
_CYRILLIC: Final = re.compile("[\u0400-\u052f]")

# Letters that look alike in lower or in upper case, as lower case.
_TO_CYRILLIC: Final = dict(zip("abcehijkmopstxyë", "авсенијкморѕтхуё", strict=True)) | {"i": "і"}
# A soft sign in a Latin word ("felьdsher") has nothing to say there.
_TO_LATIN: Final = {cyrillic: letter for letter, cyrillic in _TO_CYRILLIC.items()} | {"һ": "h", "ү": "y", "ь": ""}

# The Uzbek alphabet of 1995, with its rules for `е` and `ц` in `latin`; letters of newer proposals join it.
_UZBEK: Final = dict(zip("абвгджзийклмнопрстуфхыэіқҳ", "abvgdjziyklmnoprstufxieiqh", strict=True)) | {
    "ё": "yo", "ч": "ch", "ш": "sh", "щ": "sh", "ъ": "'", "ь": "", "ю": "yu", "я": "ya", "ў": "o'", "ғ": "g'",
    "ѕ": "s", "ј": "j", "һ": "h", "ү": "u",
    "ş": "sh", "ç": "ch", "ğ": "g'", "ō": "o'", "õ": "o'", "ö": "o'", "ŏ": "o'", "ñ": "ng",
}  # fmt: skip
_CYRILLIC_VOWELS: Final = frozenset("аеёиоуўыэюя")

SUGGESTION_CUT_OFF: Final = 60
"""The least likeness, of 100, of a suggestion: "Andijon" still suggests "Andijon viloyati"."""


def clean(text: str) -> str:
    """The text in composed letters, without invisible characters, its white space squeezed and trimmed.

    Lossless for a reader's eye; case, script and punctuation stay.
    """
    if text.isascii():
        return " ".join(text.split())
    return " ".join(unicodedata.normalize("NFC", _INVISIBLE_CHARACTERS.sub("", text)).split())


@functools.lru_cache(maxsize=_KEYS_KEPT)
def fold(text: str) -> str:
    """The key by which two spellings are one name.

    White space and invisible characters as `clean` has them; case folded; one apostrophe for all of its family, so
    that Gʻijduvon, G'ijduvon and G`ijduvon are one; letters that look alike go to the script that the rest of their
    word is in; ё is е. A word of one script stays in it, and hyphens, dashes and other punctuation stay as they are.
    """
    if text.isascii():
        return clean(text).casefold().replace("`", "'")
    key = unicodedata.normalize("NFC", _caseless(text).replace("ё", "е"))
    # A second accent may make a ё again.
    return key if key == text else fold(key)


@functools.lru_cache(maxsize=_KEYS_KEPT)
def latin(text: str) -> str:
    """The key by which an Uzbek name is one in Cyrillic, in Latin and in the newer Latin letters.

    For use after `fold` found nothing, and to be reported where it decides: transliteration can make two names one
    (s and h that meet across a seam), so more than one candidate with the same key is no match.
    """
    plain = _caseless(text)
    # с and ҳ that meet are two sounds, not sh; ъ and ь before a vowel are heard as y.
    plain = re.sub("[ъь](?=е)", "й", re.sub("[ъь](?=[ёюя])", "", plain.replace("сҳ", "с'ҳ")))
    letters = []
    before = ""
    for letter in plain:
        if letter == "е":
            letters.append("ye" if before in _CYRILLIC_VOWELS or not before.isalpha() else "e")
        elif letter == "ц":
            letters.append("ts" if before in _CYRILLIC_VOWELS else "s")
        else:
            letters.append(_UZBEK.get(letter, letter))
        before = letter
    key = "".join(letters)
    # An accent of a Cyrillic letter may make another letter of its Latin one, a lone ь may leave a space at the end.
    return key if key == text else latin(key)


def visible(text: str, limit: int | None = None) -> str:
    """The text with everything shown that the eye would miss or a terminal would obey, cut with … after `limit`.

    Spaces at the ends or doubled become `·`; other white space, control characters, invisible ones and accents that
    stand apart from their letter become `<NBSP>`, `<TAB>`, `<U+200B>`; a letter of the wrong script that looks right
    becomes `<Cyrillic А>`. Any other text comes back as it is.
    """
    strangers = {} if text.isascii() else _strangers(text)
    pieces: list[str] = []
    length = 0
    for index, character in enumerate(text):
        piece = strangers.get(index) or _shown(text, index, character)
        if limit is not None and length + len(piece) > limit - (index + 1 < len(text)):
            return "".join(pieces) + "…"
        pieces.append(piece)
        length += len(piece)
    return "".join(pieces)


def rank(text: str, candidates: Iterable[str], limit: int = 3) -> list[str]:
    """The candidates most like the text, best first, for a person to choose from; never a match.

    Compared across scripts and without regard to the order of words; none below `SUGGESTION_CUT_OFF`.
    """
    # rapidfuzz is wanted only when something was not found.
    from rapidfuzz import fuzz, process  # noqa: PLC0415

    known = sorted(set(candidates))
    found = process.extract(
        latin(text),
        [latin(candidate) for candidate in known],
        scorer=fuzz.token_sort_ratio,
        score_cutoff=SUGGESTION_CUT_OFF,
        limit=limit,
    )
    return [known[index] for _, _, index in found]


def globs(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Whether a text, folded, is one of these patterns, in which `*` stands for any text, also none.

    No other character is special: labels hold question marks and brackets.
    """
    return _globs(tuple(patterns))


@functools.lru_cache(maxsize=1 << 8)
def _globs(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    folded = [fold(pattern).split("*") for pattern in patterns]

    # Line codes and labels come again in every form.
    @functools.lru_cache(maxsize=1 << 12)
    def is_one_of(text: str) -> bool:
        key = fold(text)
        return any(_fits(parts, key) for parts in folded)

    return is_one_of


def capture(pattern: str, text: str) -> str | None:
    """What stands in the text where the pattern has its `{}`, or None where the pattern does not fit or nothing stands.

    The pattern is that of the whole text, folded, and may hold `*` for any text; the least text that fits is captured,
    spelled as in `clean`. Raises `ValueError` for a pattern without exactly one `{}`.
    """
    if pattern.count("{}") != 1:
        raise ValueError(f"the pattern {pattern!r} needs one {{}}")
    key = fold(text)
    spelled = clean(text)
    if len(spelled) != len(key):  # a letter that folds to two, such as ß: places no longer agree
        spelled = key
    before, _, after = fold(pattern).partition("{}")
    start, *inner = before.split("*")
    if not key.startswith(start):
        return None
    begin = len(start)
    for part in inner:
        begin = key.find(part, begin) + len(part)
        if begin < len(part):
            return None
    first, *rest = after.split("*")
    end = key.find(first, begin) if rest else len(key) - len(first)
    if end < begin or not _fits([first, *rest], key[end:]):
        return None
    return spelled[begin:end].strip() or None


def _fits(parts: list[str], key: str) -> bool:
    """Whether the parts stand in the key in their order, the first at its start and the last at its end."""
    first, *inner = parts
    if not inner:
        return key == first
    last = inner.pop()
    if not key.startswith(first) or not key.endswith(last):
        return False
    begin, end = len(first), len(key) - len(last)
    for part in inner:
        found = key.find(part, begin, end)
        if found < 0:
            return False
        begin = found + len(part)
    return begin <= end


def _caseless(text: str) -> str:
    text = unicodedata.normalize("NFD", clean(text)).casefold()
    text = unicodedata.normalize("NFC", text).translate(_APOSTROPHES)
    return text if text.isascii() else _WORD.sub(_in_one_script, text)


def _in_one_script(word: re.Match[str]) -> str:
    script = _script(word[0])
    if script is None:
        return word[0]
    letters = _TO_LATIN if script == "Latin" else _TO_CYRILLIC
    return "".join(letters.get(letter, letter) for letter in word[0])


def _script(word: str) -> str | None:
    """The script that a case-folded word of both scripts is meant in, or None for a word of one.

    The letters that only one script has decide, then the number of letters.
    """
    latin_letters, cyrillic_letters = _LATIN.findall(word), _CYRILLIC.findall(word)
    if not latin_letters or not cyrillic_letters:
        return None
    votes_latin = sum(letter not in _TO_CYRILLIC for letter in latin_letters)
    votes_cyrillic = sum(letter not in _TO_LATIN for letter in cyrillic_letters)
    in_latin = (votes_latin, len(latin_letters)) >= (votes_cyrillic, len(cyrillic_letters))
    return "Latin" if in_latin else "Cyrillic"


def _strangers(text: str) -> dict[int, str]:
    """Letters, by place, that belong to the other script than their word and look as if they did not."""
    found = {}
    for word in _WORD.finditer(text):
        script = _script(word[0].lower())
        if script is None:
            continue
        other, letters = ("Cyrillic", _TO_LATIN) if script == "Latin" else ("Latin", _TO_CYRILLIC)
        for index, letter in enumerate(word[0], word.start()):
            if letter.lower() in letters:
                found[index] = f"<{other} {letter}>"
    return found


def _shown(text: str, index: int, character: str) -> str:
    if character == " ":
        beside = text[index - 1 : index], text[index + 1 : index + 2]
        return " " if all(one and not one.isspace() for one in beside) else "·"
    named = {"\u00a0": "NBSP", "\t": "TAB", "\n": "LF", "\r": "CR"}.get(character)
    if named is None and character.isprintable() and not _BLANK_DRAWN.match(character):
        before = text[index - 1] if index else ""
        apart = unicodedata.combining(character) and len(unicodedata.normalize("NFC", before + character)) == 1
        if not apart:
            return character
    return f"<{named or f'U+{ord(character):04X}'}>"
