"""DHIS2's identifiers: UIDs, codes, and the scheme that says which of them a text is."""

import hashlib
import re
import string
import unicodedata
from typing import Final

UID_LENGTH: Final = 11
CODE_LENGTH: Final = 50
OPTION_CODE_LENGTH: Final = 230

_LETTERS: Final = string.ascii_uppercase + string.ascii_lowercase
_LETTERS_AND_DIGITS: Final = string.digits + _LETTERS
_UID: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{10}")
_ATTRIBUTE: Final = "attribute:"


def is_uid(text: str) -> bool:
    """Whether the text has the form of a UID: 11 ASCII letters and digits, a letter first."""
    return _UID.fullmatch(text) is not None


def uid(*parts: str) -> str:
    """The UID that belongs to these texts, the same on every machine and in every release.

    The texts count exactly as given, each with its length, so that ("a", "bc") and ("ab", "c") differ. Their SHA-256,
    read as a number, is written in base 62 from its low end, the first character in base 52; 256 bits for 65.2 leave
    every UID equally likely. Generated metadata relies on this never changing.

    Raises ValueError without a part.
    """
    if not parts:
        raise ValueError("a UID is made from at least one text")
    encoded = [part.encode() for part in parts]
    digest = hashlib.sha256(b"".join(b"%d:%b," % (len(part), part) for part in encoded)).digest()
    number, first = divmod(int.from_bytes(digest, "big"), len(_LETTERS))
    made = _LETTERS[first]
    while len(made) < UID_LENGTH:
        number, following = divmod(number, len(_LETTERS_AND_DIGITS))
        made += _LETTERS_AND_DIGITS[following]
    return made


def code_fault(code: str, limit: int = CODE_LENGTH) -> str | None:
    """Why the text cannot serve as a code, as a key, or None when it can.

    `empty`; `too_long`: over `limit` characters, the server's column width (an option's code has
    `OPTION_CODE_LENGTH`); `blank_at_end`: a blank first or last, which the server stores and nobody sees;
    `control_character`: one that no screen shows, a line break or a tab among them.
    """
    if not code.strip():
        return "empty"
    if len(code) > limit:
        return "too_long"
    if code != code.strip():
        return "blank_at_end"
    if any(unicodedata.category(character) in {"Cc", "Cf"} for character in code):
        return "control_character"
    return None


def scheme(text: str) -> str:
    """The identifier scheme as the rest of the program writes it: uid, code, name or ATTRIBUTE:<uid>.

    Any case before the colon is read, and DHIS2's older word `id` for uid.

    Raises ValueError for anything else, UUID among them, which servers from 2.43 refuse.
    """
    lowered = text.strip().lower()
    if lowered in {"uid", "code", "name"}:
        return lowered
    if lowered == "id":
        return "uid"
    if lowered.startswith(_ATTRIBUTE):
        attribute = text.strip()[len(_ATTRIBUTE) :]
        if is_uid(attribute):
            return f"ATTRIBUTE:{attribute}"
        raise ValueError(f"{text!r}: after ATTRIBUTE: stands the UID of the attribute, 11 letters and digits")
    raise ValueError(f"{text!r} is no identifier scheme: uid, code, name or ATTRIBUTE:<uid of the attribute>")


def scheme_attribute(scheme: str) -> str | None:
    """The attribute's UID of an ATTRIBUTE scheme, None for the other schemes."""
    return scheme[len(_ATTRIBUTE) :] if scheme.startswith("ATTRIBUTE:") else None
