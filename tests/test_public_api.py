"""What the package offers by name."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import dhis2_bridge

PACKAGE = Path(dhis2_bridge.__file__).parent


def test_the_names_are_sorted_and_each_stands_once() -> None:
    assert dhis2_bridge.__all__ == sorted(set(dhis2_bridge.__all__))
    assert dir(dhis2_bridge) == dhis2_bridge.__all__


@pytest.mark.parametrize("name", dhis2_bridge.__all__)
def test_each_name_is_there_and_says_what_it_is(name: str) -> None:
    held = getattr(dhis2_bridge, name)
    if name == "__version__":
        assert held == importlib.import_module("dhis2_bridge._version").__version__
        return
    assert held.__module__.startswith("dhis2_bridge.")
    assert len(inspect.getdoc(held) or "") > 20


def test_type_checkers_see_the_same_names_as_the_interpreter() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    shown = {}
    for statement in block.body:
        assert isinstance(statement, ast.ImportFrom)
        for name in statement.names:
            shown[name.asname or name.name] = (str(statement.module).removeprefix("dhis2_bridge."), name.name)
    assert shown == dhis2_bridge._HOME
    assert {*shown, "__version__"} == set(dhis2_bridge.__all__)
    assert (PACKAGE / "py.typed").is_file()


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = dhis2_bridge.nothing
    assert not hasattr(dhis2_bridge, "_Making")


def test_functions_are_not_hidden_by_modules_of_the_same_name() -> None:
    # `dhis2_bridge.snapshot` and the like are modules; what is offered as a function has to stay one after any import.
    code = (
        "import dhis2_bridge, dhis2_bridge.pushing, dhis2_bridge.pipeline;"
        "assert callable(dhis2_bridge.push) and callable(dhis2_bridge.convert);"
        "from dhis2_bridge import *; assert callable(push) and callable(convert)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_public_object_has_a_docstring() -> None:
    bare = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if not ast.get_docstring(tree):
            bare.append(str(path.relative_to(PACKAGE)))
        for node in tree.body:
            public = isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
            if public and not ast.get_docstring(node):
                bare.append(f"{path.relative_to(PACKAGE)}:{node.name}")
    assert bare == []


@pytest.mark.parametrize(
    "login",
    [{"username": "clerk", "password": "s3cret-word"}, {"token": "d2pat_s3cret-word"}],
    ids=["password", "token"],
)
def test_a_client_shows_no_secret(login: dict[str, str]) -> None:
    with dhis2_bridge.Client("https://dhis2.example.org", **login) as client:
        for shown in (repr(client), str(client), f"{client}", str(vars(client))):
            assert "s3cret" not in shown
        assert "https://dhis2.example.org" in repr(client)


def test_all_errors_of_ours_are_caught_by_one_name() -> None:
    for name in ("UsageError", "MappingError", "Refused", "ServerError"):
        assert issubclass(getattr(dhis2_bridge, name), dhis2_bridge.BridgeError)
        assert getattr(dhis2_bridge, name).exit_code in {1, 2, 3}
