"""What is wrong with a YAML document that a model refuses: each problem with its path, in words for its writer."""

import difflib
import types
from collections.abc import Collection, Iterator
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from dhis2_bridge.mapping_fields import kind_of
from dhis2_bridge.yaml_nodes import Path


def messages(
    error: ValidationError, data: Any, model: type[BaseModel], of_file: Collection[str] = ()
) -> Iterator[tuple[Path, str, bool]]:
    """Each problem that pydantic found: the path it is about, a sentence in our words, whether it is of the key.

    `of_file` are keys of the whole file that may be meant by a key of one of its `tables`.
    """
    found = error.errors(include_url=False)
    for item in found:
        given, context, kind = item["input"], item.get("ctx", {}), item["type"]
        path: Path = item["loc"]
        match kind:
            case "missing":
                message = f"the key '{path[-1]}' is missing"
                path = path[:-1]
            case "extra_forbidden":
                message = f"there is no key '{path[-1]}' here{_advice(path, model, of_file)}"
            case "value_error":
                message = str(context["error"])
            case "literal_error":
                message = f"{kind_of(given)} cannot stand here; it is {context['expected']}"
            case "too_short" if any(other["loc"][:-1] == path for other in found):
                continue  # Its items are wrong, so they do not count.
            case "too_short":
                message = "this list is empty"
            case "greater_than_equal" | "less_than_equal":
                bound = context.get("ge", context.get("le"))
                message = f"{given} is too {'small' if 'ge' in context else 'large'}; the limit is {bound}"
            case "model_type" | "dict_type":
                message = f"a block of keys is wanted here, and {kind_of(given)} stands"
            case "tuple_type" | "list_type":
                message = f"a list is wanted here, and {kind_of(given)} stands"
            case _:
                message = f"a text is wanted here, and {kind_of(given)} stands"
        yield _existing(data, path), message, kind in {"missing", "extra_forbidden"}


def _existing(data: Any, path: Path) -> Path:
    """The part of a path that the document has: short forms are longer in the model than in the file."""
    for length, key in enumerate(path):
        if isinstance(data, dict):
            if key not in data:
                return path[:length]
        elif not isinstance(data, list) or not isinstance(key, int) or key >= len(data):
            return path[:length]
        data = data[key]
    return path


def _advice(path: Path, model: type[BaseModel], of_file: Collection[str]) -> str:
    """What the writer of an unknown key may have meant."""
    known = _keys_at(path[:-1], model)
    if of_file and len(path) == 3 and path[0] == "tables":
        known = [*of_file, "tables", *known]
    near = difflib.get_close_matches(str(path[-1]), known, n=1)
    return f"; did you mean '{near[0]}'?" if near else f"; the keys are {', '.join(known)}"


def _keys_at(path: Path, model: type[BaseModel]) -> list[str]:
    """The keys of the model that is read at a path."""
    kind: Any = model
    for part in path:
        kind = _model_in(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            fields = {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
            kind = fields.get(str(part))
        else:
            kind = get_args(kind)[-1 if get_origin(kind) is dict else 0]
    kind = _model_in(kind)
    return [field.alias or name for name, field in kind.model_fields.items()]


def _model_in(kind: Any) -> Any:
    """A type without its `| None`."""
    if get_origin(kind) in {Union, types.UnionType}:
        return next(part for part in get_args(kind) if part is not type(None))
    return kind
