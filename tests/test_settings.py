"""Where a login comes from, where shipped data is, and that no secret leaves either in a message."""

import json
from pathlib import Path

import pytest

from dhis2_bridge import settings
from dhis2_bridge.findings import UsageError
from dhis2_bridge.settings import Server, mapping_path, server, shipped, shipped_mappings

SECRET = "s3cret-word"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of its own, so that nothing of the machine that runs this is read."""
    for name in ("HOME", "USERPROFILE", "APPDATA", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


@pytest.fixture
def environ(home: Path) -> dict[str, str]:
    return {"DHIS2_BRIDGE_CONFIG": str(home)}


def profiles(home: Path, text: str, encoding: str = "utf-8") -> None:
    (home / "profiles.toml").write_text(text, encoding=encoding)


def dish(path: Path, **block: object) -> Path:
    path.write_text(json.dumps({"dhis": block}), encoding="utf-8")
    return path


# -- the environment -------------------------------------------------------------------------------------------------


def test_a_username_and_a_password_from_the_environment(environ: dict[str, str]) -> None:
    environ |= {"DHIS2_URL": "https://a.example", "DHIS2_USERNAME": "u", "DHIS2_PASSWORD": SECRET}
    assert server(environ) == Server("https://a.example", "u", SECRET, None)


def test_a_token_from_the_environment(environ: dict[str, str]) -> None:
    environ |= {"DHIS2_URL": "https://a.example", "DHIS2_PAT": SECRET, "DHIS2_USERNAME": ""}
    assert server(environ) == Server("https://a.example", None, None, SECRET)


def test_the_address_given_overrules_the_address_alone(environ: dict[str, str]) -> None:
    environ |= {"DHIS2_URL": "https://a.example", "DHIS2_PAT": SECRET}
    assert server(environ, url="https://b.example") == Server("https://b.example", token=SECRET)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "no server is named: give --url, --profile, or set DHIS2_URL"),
        ({"DHIS2_USERNAME": "u", "DHIS2_PASSWORD": SECRET}, "no server is named"),
        ({"DHIS2_URL": "https://a.example"}, "no login is known"),
        ({"DHIS2_URL": "https://a.example", "DHIS2_USERNAME": "u"}, "no login is known"),
        ({"DHIS2_URL": "https://a.example", "DHIS2_PASSWORD": SECRET}, "no login is known"),
        ({"DHIS2_URL": "https://a.example", "DHIS2_USERNAME": "u", "DHIS2_PAT": SECRET}, "two logins are given"),
    ],
)
def test_what_is_missing_is_said(environ: dict[str, str], given: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        server(environ | given)
    assert SECRET not in str(raised.value)


def test_secrets_are_in_no_repr() -> None:
    assert SECRET not in repr(Server("https://a.example", "u", SECRET, SECRET))


# -- profiles --------------------------------------------------------------------------------------------------------

TWO = f"""
[north]
url = "https://north.example"
username = "u"
password = "{SECRET}"

[south]
url = "https://south.example"
token_file = "south.token"
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_profile_by_name(home: Path, environ: dict[str, str], encoding: str) -> None:
    profiles(home, TWO, encoding)
    assert server(environ, profile="north") == Server("https://north.example", "u", SECRET)


def test_a_profile_by_the_environment(home: Path, environ: dict[str, str]) -> None:
    profiles(home, TWO)
    environ |= {"DHIS2_PROFILE": "north", "DHIS2_URL": "https://else.example", "DHIS2_PAT": "other"}
    assert server(environ).url == "https://north.example"


@pytest.mark.parametrize("content", [f"{SECRET}\n", f"{SECRET}\r\n", SECRET, f"\ufeff{SECRET}\n"])
def test_a_secret_in_a_file_of_its_own(home: Path, environ: dict[str, str], content: str) -> None:
    profiles(home, TWO)
    (home / "south.token").write_bytes(content.encode())
    assert server(environ, profile="south") == Server("https://south.example", token=SECRET)


def test_a_blank_at_the_end_of_a_password_belongs_to_it(home: Path, environ: dict[str, str]) -> None:
    profiles(home, '[p]\nurl = "https://a.example"\nusername = "u"\npassword_file = "p"\n')
    (home / "p").write_text(" pass \n", encoding="utf-8")
    assert server(environ, profile="p").password == " pass "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "profiles.toml: is not there, so there is no profile p"),
        ("", r"has no profile p \(it has: none\)"),
        ("[north]\n[south]\n", r"has no profile p \(it has: north, south\)"),
        ("p = 1\n", "has no profile p"),
        ("[p\n", r"cannot be read: it is not TOML \(at line 1, column 3\)"),
        (f'[p]\npassword = "{SECRET}\n', r"it is not TOML \(at line 2, column \d+\)"),
        ("[p]\npassword = 12345678\n", "profile p: password is a text in quotes"),
        (f'[p]\npasswort = "{SECRET}"\n', r"profile p: there is no key passwort \(the keys are url, username"),
        (f'[p]\npassword = "{SECRET}"\npassword_file = "x"\n', "password and password_file say the same"),
        ('[p]\ntoken_file = "absent"\n', "absent: the file of a secret cannot be read: No such file"),
        ('[p]\ntoken_file = "."\n', "the file of a secret cannot be read: Is a directory"),
    ],
)
def test_a_profile_that_cannot_be_used(home: Path, environ: dict[str, str], text: str | None, message: str) -> None:
    if text is not None:
        profiles(home, text)
    with pytest.raises(UsageError, match=message) as raised:
        server(environ, profile="p")
    assert SECRET not in str(raised.value)
    assert "12345678" not in str(raised.value)


def test_profiles_that_are_not_utf_8(home: Path, environ: dict[str, str]) -> None:
    profiles(home, '[p]\nusername = "Юсуф"\n', "cp1251")
    with pytest.raises(UsageError, match="cannot be read: it is not UTF-8"):
        server(environ, profile="p")


@pytest.mark.skipif(settings.os.name == "nt", reason="Windows keeps them elsewhere")
def test_the_usual_places_of_profiles(home: Path) -> None:
    assert settings.configuration_folder({"XDG_CONFIG_HOME": "/x"}) == Path("/x/dhis2_bridge")
    assert settings.configuration_folder({}) == home / ".config" / "dhis2_bridge"
    assert settings.configuration_folder({"DHIS2_BRIDGE_CONFIG": "/y", "XDG_CONFIG_HOME": "/x"}) == Path("/y")


# -- files of other tools --------------------------------------------------------------------------------------------


def test_the_file_that_is_named_wins_over_the_environment(home: Path, environ: dict[str, str]) -> None:
    path = dish(home / "auth.json", baseurl="https://dish.example", username="u", password=SECRET)
    environ |= {"DHIS2_URL": "https://else.example", "DHIS2_PAT": "other", "DHIS2_PROFILE": "north"}
    assert server(environ, auth_file=path) == Server("https://dish.example", "u", SECRET)


def test_a_file_and_a_profile_at_once_are_refused(home: Path, environ: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="--profile and --auth-file both name a login"):
        server(environ, profile="p", auth_file=home / "auth.json")


def test_dish_json_counts_where_nothing_else_is_given(home: Path, environ: dict[str, str]) -> None:
    dish(home / "dish.json", baseurl="https://dish.example", username="u", password=SECRET)
    assert server(environ).url == "https://dish.example"
    (home / "other").mkdir()
    dish(home / "other" / "dish.json", baseurl="https://other.example", username="u", password=SECRET)
    assert server(environ | {"DHIS_HOME": str(home / "other")}).url == "https://other.example"
    with pytest.raises(UsageError, match="no login"):
        server(environ | {"DHIS2_URL": "https://a.example"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"it is not JSON \(line 1, column 1\)"),
        (f'{{"dhis": {{"password": "{SECRET}'.encode(), "it is not JSON"),
        (b"[" * 100_000, "it is not written as such a file is"),
        (f'"{SECRET}"'.encode(), "is no dish.json or auth.json"),
        (f'{{"dhis": "{SECRET}"}}'.encode(), "is no dish.json or auth.json"),
        (b'{"dhis": {"baseurl": 5}}', "no server is named"),
        ("\ufeff{}".encode("utf-16-le"), "it is not UTF-8"),
        (None, "is not there"),
    ],
)
def test_a_file_of_a_login_that_cannot_be_used(
    home: Path, environ: dict[str, str], content: bytes | None, message: str
) -> None:
    path = home / "auth.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=message) as raised:
        server(environ, auth_file=path)
    assert SECRET not in str(raised.value)


# -- shipped data ----------------------------------------------------------------------------------------------------


def test_a_shipped_mapping_by_its_name() -> None:
    assert "uzbekistan/phc_monthly" in shipped_mappings()
    path = mapping_path("uzbekistan/phc_monthly")
    assert path.is_relative_to(shipped("mappings"))
    assert mapping_path("uzbekistan/phc_monthly.yaml") == mapping_path("uzbekistan\\phc_monthly") == path


def test_a_file_wins_over_a_shipped_mapping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("uzbekistan").mkdir()
    Path("uzbekistan/phc_monthly").touch()
    assert mapping_path("uzbekistan/phc_monthly") == Path("uzbekistan/phc_monthly")


@pytest.mark.parametrize("text", ["", "nothing", "../mappings/uzbekistan/phc_monthly", "uzbekistan", "a" * 5_000])
def test_a_name_that_is_no_mapping(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"(no such mapping file.*uzbekistan/phc_monthly|is a folder)"):
        mapping_path(text)


def test_what_is_not_shipped_is_said() -> None:
    with pytest.raises(UsageError, match="the shipped spells are missing"):
        shipped("spells")
