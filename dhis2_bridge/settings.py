"""Where things are and how a server is reached: shipped data, profiles, environment, files of other tools.

A password or token never comes from the command line, where other users of the machine could read it.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dhis2_bridge.findings import UsageError

DATA: Final = ("mappings", "examples", "schemas")


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
    path = Path(text)
    if path.exists():
        return path
    named = shipped("mappings") / f"{text.removesuffix('.yaml')}.yaml"
    if named.is_file() and named.resolve().is_relative_to(shipped("mappings").resolve()):
        return named
    listed = ", ".join(shipped_mappings())
    raise UsageError(f"{text}: there is no such mapping file, and no shipped mapping of this name ({listed})")


def shipped_mappings() -> list[str]:
    """The names of the shipped mappings."""
    folder = shipped("mappings")
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))


def server(
    environ: Mapping[str, str], *, url: str | None = None, profile: str | None = None, auth_file: Path | None = None
) -> Server:
    """How to reach the server, from the first of these that says: a profile, an auth file, the environment.

    `profile` (or DHIS2_PROFILE) is a table of `profiles.toml` in the configuration folder: url, username, password or
    token, or password_file and token_file. `auth_file` is a `dish.json` or `auth.json` of other tools; without one,
    `dish.json` in DHIS_HOME or the home folder counts where nothing else is given. The environment is DHIS2_URL,
    DHIS2_USERNAME, DHIS2_PASSWORD, DHIS2_PAT. `url` overrules the address only. Raises UsageError when no address or
    no login is known.
    """
    name = profile or environ.get("DHIS2_PROFILE")
    if name:
        known = _profile(environ, name)
    elif auth_file is not None:
        known = _auth_file(auth_file)
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
    if not known.get("token") and not (known.get("username") and known.get("password")):
        raise UsageError("no login is known: set DHIS2_USERNAME and DHIS2_PASSWORD, or DHIS2_PAT, or use --profile")
    return Server(address, known.get("username"), known.get("password"), known.get("token"))


def configuration_folder(environ: Mapping[str, str]) -> Path:
    """The folder of `profiles.toml`: DHIS2_BRIDGE_CONFIG, or the usual place of the system."""
    if given := environ.get("DHIS2_BRIDGE_CONFIG"):
        return Path(given)
    base = environ.get("APPDATA") if os.name == "nt" else environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "dhis2_bridge"


def _profile(environ: Mapping[str, str], name: str) -> dict[str, str | None]:
    path = configuration_folder(environ) / "profiles.toml"
    try:
        profiles = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: is not there, so there is no profile {name}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    found = profiles.get(name)
    if not isinstance(found, dict):
        raise UsageError(f"{path}: has no profile {name} (it has: {', '.join(profiles) or 'none'})")
    known = {key: str(value) for key, value in found.items() if isinstance(value, str)}
    for key in ("password", "token"):
        if held := known.get(f"{key}_file"):
            known[key] = _secret(path.parent / held)
    return {key: known.get(key) for key in ("url", "username", "password", "token")}


def _secret(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the file of a secret cannot be read: {error}") from None


def _auth_file(path: Path) -> dict[str, str | None]:
    """`dish.json` and `auth.json`: {"dhis": {"baseurl", "username", "password"}} and close relatives of it."""
    try:
        held: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UsageError(f"{path}: is not there") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {type(error).__name__}") from None
    block = held.get("dhis", held) if isinstance(held, dict) else {}
    if not isinstance(block, dict):
        block = {}

    def text(*keys: str) -> str | None:
        return next((block[key] for key in keys if isinstance(block.get(key), str) and block[key]), None)

    return {
        "url": text("baseurl", "baseUrl", "url"),
        "username": text("username", "user"),
        "password": text("password"),
        "token": text("token", "pat", "accessToken"),
    }
