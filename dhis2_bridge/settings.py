"""Where things are and how a server is reached: shipped data, profiles, environment, files of other tools.

A password or token never comes from the command line, where other users of the machine could read it.
"""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dhis2_bridge.findings import UsageError

DATA: Final = ("mappings", "examples", "schemas")

_KNOWN: Final = ("url", "username", "password", "token")
_OF_A_PROFILE: Final = (*_KNOWN, "password_file", "token_file")


@dataclass(frozen=True, slots=True)
class Server:
    """How a DHIS2 instance is reached. The secrets are in no repr."""

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


def shipped(kind: str) -> Path:
    """The folder of shipped data of a kind (`DATA`): in the wheel, or beside the package in a checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / "data" / kind, package.parent / kind):
        if folder.is_dir():
            return folder
    raise UsageError(f"the shipped {kind} are missing from this installation; install it again")


def mapping_path(text: str) -> Path:
    """A mapping by its path, or a shipped one by its name: `uzbekistan/phc_monthly`."""
    known = shipped_mappings()
    return _own_or_shipped(text, shipped("mappings"), known, "mapping file", "mapping")


def indicators_path(text: str) -> Path:
    """A file of indicators by its path, or a shipped one by its name: `uzbekistan/nhwa_2017`."""
    return _own_or_shipped(text, _indicators(), shipped_indicators(), "file of indicators", "one")


def shipped_mappings() -> list[str]:
    """The names of the shipped mappings."""
    return [name for name in _names(shipped("mappings")) if not name.startswith("indicators/")]


def shipped_indicators() -> list[str]:
    """The names of the shipped files of indicators."""
    return _names(_indicators())


def _indicators() -> Path:
    return shipped("mappings") / "indicators"


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))


def _own_or_shipped(text: str, folder: Path, known: list[str], what: str, short: str) -> Path:
    path = Path(text)
    there = os.path.exists(text)  # noqa: PTH110 - unlike Path.exists it has an answer for a name that is too long
    if there and not path.is_dir():
        return path
    if (name := text.removesuffix(".yaml").replace("\\", "/")) in known:
        return folder / f"{name}.yaml"
    if there:
        raise UsageError(f"{text}: is a folder; name the {what} in it")
    raise UsageError(f"{text}: there is no such {what}, and no shipped {short} of this name ({', '.join(known)})")


def server(
    environ: Mapping[str, str], *, url: str | None = None, profile: str | None = None, auth_file: Path | None = None
) -> Server:
    """How to reach the server, from the first of these that is there: a profile or auth file, DHIS2_PROFILE, the rest.

    `profile` is a table of `profiles.toml` in the configuration folder: url, username with password, or token; a
    secret may stand in a file of its own, named by password_file or token_file. `auth_file` is a `dish.json` or
    `auth.json` of other tools. The rest is DHIS2_URL, DHIS2_USERNAME, DHIS2_PASSWORD, DHIS2_PAT, and where none of
    them is set `dish.json` in DHIS_HOME or the home folder. `url` overrules the address only. Empty texts count as
    absent. Raises UsageError, which never holds a secret, when no address or no login is known.
    """
    if profile and auth_file is not None:
        raise UsageError("--profile and --auth-file both name a login; take one of them")
    if profile:
        known = _profile(environ, profile)
    elif auth_file is not None:
        known = _auth_file(auth_file)
    elif environ.get("DHIS2_PROFILE"):
        known = _profile(environ, environ["DHIS2_PROFILE"])
    else:
        known = {
            "url": environ.get("DHIS2_URL"),
            "username": environ.get("DHIS2_USERNAME"),
            "password": environ.get("DHIS2_PASSWORD"),
            "token": environ.get("DHIS2_PAT"),
        }
        dish = Path(environ.get("DHIS_HOME") or Path.home()) / "dish.json"
        if not any(known.values()) and dish.is_file():
            known = _auth_file(dish)
    address = url or known.get("url")
    if not address:
        raise UsageError("no server is named: give --url, --profile, or set DHIS2_URL")
    username, password, token = (known.get(name) or None for name in ("username", "password", "token"))
    if token and (username or password):
        raise UsageError("two logins are given, a token and a username with a password; take one away")
    if not token and not (username and password):
        raise UsageError("no login is known: set DHIS2_USERNAME and DHIS2_PASSWORD, or DHIS2_PAT, or use --profile")
    return Server(address, username, password, token)


def configuration_folder(environ: Mapping[str, str]) -> Path:
    """The folder of `profiles.toml`: DHIS2_BRIDGE_CONFIG, or the usual place of the system."""
    if given := environ.get("DHIS2_BRIDGE_CONFIG"):
        return Path(given)
    base = environ.get("APPDATA") if os.name == "nt" else environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "dhis2_bridge"


def _profile(environ: Mapping[str, str], name: str) -> dict[str, str | None]:
    path = configuration_folder(environ) / "profiles.toml"
    try:
        # With or without the mark that Windows editors write in front.
        profiles = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UsageError(f"{path}: is not there, so there is no profile {name}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {_why(error)}") from None
    found = profiles.get(name)
    if not isinstance(found, dict):
        raise UsageError(f"{path}: has no profile {name} (it has: {', '.join(profiles) or 'none'})")
    for key, value in found.items():
        if key not in _OF_A_PROFILE:
            raise UsageError(f"{path}: profile {name}: there is no key {key} (the keys are {', '.join(_OF_A_PROFILE)})")
        if not isinstance(value, str):
            raise UsageError(f"{path}: profile {name}: {key} is a text in quotes")
    for key in ("password", "token"):
        if held := found.get(f"{key}_file"):
            if key in found:
                raise UsageError(f"{path}: profile {name}: {key} and {key}_file say the same; take one away")
            found[key] = _secret(path.parent / held)
    return {key: found.get(key) for key in _KNOWN}


def _secret(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the file of a secret cannot be read: {_why(error)}") from None


def _auth_file(path: Path) -> dict[str, str | None]:
    """`dish.json` and `auth.json`: {"dhis": {"baseurl", "username", "password"}} and close relatives of it."""
    try:
        held: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UsageError(f"{path}: is not there") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: cannot be read: {_why(error)}") from None
    block = held.get("dhis", held) if isinstance(held, dict) else None
    if not isinstance(block, dict):
        raise UsageError(f'{path}: is no dish.json or auth.json: {{"dhis": {{"baseurl", "username", "password"}}}}')

    def text(*keys: str) -> str | None:
        return next((block[key] for key in keys if isinstance(block.get(key), str) and block[key]), None)

    return {
        "url": text("baseurl", "baseUrl", "url"),
        "username": text("username", "user"),
        "password": text("password"),
        "token": text("token", "pat", "accessToken"),
    }


def _why(error: Exception) -> str:
    """Why a file that holds secrets cannot be read, without anything that stands in it."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON (line {error.lineno}, column {error.colno})"
    place = re.search(r"\(at (?:line \d+, column \d+|end of document)\)", str(error))
    return f"it is not TOML {place[0]}" if place else "it is not written as such a file is"
