"""A DHIS2 metadata export as a file: bytes to JSON, and its properties one by one.

Every property may be absent or null, as exports of different versions and field filters leave it; one of another shape
is `Broken`.
"""

import gzip
import hashlib
import zlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import orjson

from dhis2_bridge.findings import SnapshotError

MAX_BYTES: Final = 1 << 29
"""Largest export that is read, uncompressed: several times all the metadata of a large country."""

Item = Mapping[str, Any]
"""One JSON object of an export."""

_NO_VALUES: Final[Mapping[str, str]] = {}


def read_document(path: Path, limit: int = MAX_BYTES) -> tuple[dict[str, Any], str]:
    """The JSON object of a file, plain or gzipped, and the SHA-256 of its uncompressed bytes in hexadecimal.

    Raises SnapshotError for a file that cannot be opened or unpacked, exceeds `limit` bytes or holds no JSON object.
    """
    try:
        with path.open("rb") as file:
            gzipped = file.peek(2)[:2] == b"\x1f\x8b"
            with gzip.open(file) if gzipped else file as stream:
                data = stream.read(limit + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SnapshotError(f"{path}: damaged gzip: {error}") from error
    except OSError as error:
        raise SnapshotError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > limit:
        raise SnapshotError(f"{path}: more than {limit:,} bytes of metadata")
    try:
        document = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise SnapshotError(f"{path}: {_instead_of_json(data) or f'broken JSON: {error}'}") from error
    if not isinstance(document, dict):
        raise SnapshotError(f"{path}: no metadata export: the JSON is a {type(document).__name__}, not an object")
    return document, hashlib.sha256(data).hexdigest()


def _instead_of_json(data: bytes) -> str | None:
    start = data[:64].lstrip().lower()
    if not start:
        return "the file is empty"
    if start.startswith(b"pk\x03\x04"):
        return "a ZIP archive: unpack the JSON file in it"
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page, no metadata export: the server asked for a login"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16: save the file as UTF-8"
    return "XML: export the metadata as JSON" if start.startswith(b"<") else None


class Broken(Exception):
    """A property that has not the shape it has in an export."""


def text(item: Item, name: str) -> str:
    """A text, "" where absent."""
    value = item.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Broken(f"{name} is no text")
    return value


def number(item: Item, name: str) -> float:
    """A number, 0 where absent."""
    value = item.get(name)
    if value is None:
        return 0
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Broken(f"{name} is no number")
    return value


def whole(item: Item, name: str) -> int:
    """A whole number, 0 where absent."""
    value = number(item, name)
    if not isinstance(value, int):
        raise Broken(f"{name} is no whole number")
    return value


def flag(item: Item, name: str) -> bool | None:
    """True or false, None where absent."""
    value = item.get(name)
    if value is not None and not isinstance(value, bool):
        raise Broken(f"{name} is neither true nor false")
    return value


def day(item: Item, name: str) -> date | None:
    """A date, from the timestamps that exports have for them too; None where absent."""
    value = text(item, name)
    try:
        return date.fromisoformat(value[:10]) if value else None
    except ValueError:
        raise Broken(f"{name} is no date: {value!r}") from None


def items(item: Item, name: str) -> list[Item]:
    """A list of objects, empty where absent, without the nulls that ordered lists of an export can hold."""
    value = item.get(name)
    if value is None:
        return []
    found: list[Item] = [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
    if not isinstance(value, list) or len(found) + value.count(None) != len(value):
        raise Broken(f"{name} is no list of objects")
    return found


def reference(item: Item, name: str) -> str | None:
    """The UID of an object that is referred to as {"id": uid}, or by the bare UID; None where absent."""
    value = item.get(name)
    if isinstance(value, dict):
        value = value.get("id")
    if value is not None and not isinstance(value, str):
        raise Broken(f"{name} is no reference")
    return value or None


def references(item: Item, name: str) -> list[str]:
    """The UIDs of a list of references, empty where absent, without nulls."""
    value = item.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Broken(f"{name} is no list")
    uids: list[str] = []
    for one in value:
        uid = one.get("id") if isinstance(one, dict) else one
        if isinstance(uid, str):
            uids.append(uid)
        elif one is not None:
            raise Broken(f"{name} holds what is no reference")
    return uids


def names(item: Item) -> tuple[str, ...]:
    """The name and its translations, each once."""
    return _translated(item, [text(item, "name") or text(item, "displayName")], {"NAME"})


def labels(item: Item) -> tuple[str, ...]:
    """The short name and the form name, and their translations, each once."""
    return _translated(item, [text(item, "shortName"), text(item, "formName")], {"SHORT_NAME", "FORM_NAME"})


def _translated(item: Item, own: list[str], properties: set[str]) -> tuple[str, ...]:
    translations = items(item, "translations")
    translated = [text(one, "value") for one in translations if text(one, "property").upper() in properties]
    return tuple(filter(None, dict.fromkeys([*own, *translated])))


def attribute_values(item: Item) -> Mapping[str, str]:
    """The values of metadata attributes by the attribute's UID, from a list of values or from a map."""
    value = item.get("attributeValues")
    if not value:
        return _NO_VALUES
    if isinstance(value, dict):
        return {uid: text(one if isinstance(one, dict) else {"value": one}, "value") for uid, one in value.items()}
    return {reference(one, "attribute") or "": text(one, "value") for one in items(item, "attributeValues")}


def data_write(item: Item) -> bool | None:
    """Whether the user who made the export may write data with this object, None where it does not say."""
    access = item.get("access")
    data = access.get("data") if isinstance(access, dict) else None
    return flag(data, "write") if isinstance(data, dict) else None
