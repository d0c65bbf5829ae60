"""The JSON Schemas of mapping files and files of indicators, made from their models: what editors know of them."""

from typing import Any

from dhis2_bridge.indicator_file import Indicators
from dhis2_bridge.mapping import Mapping
from dhis2_bridge.mapping_fields import TEXTS_SCHEMA


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a mapping file, short forms and `tables` included.

    It asks for less than loading does: a table may leave out what the top level gives, and null takes a key away.
    """
    made = _tidy(Mapping.model_json_schema(by_alias=True))
    definitions = made["$defs"]
    shared = definitions.pop("MappingTable")["properties"]
    one_text: dict[str, Any] = {"type": "string"}
    short = {"Column": TEXTS_SCHEMA, "SourceFiles": TEXTS_SCHEMA} | dict.fromkeys(
        ("CrosswalkUse", "Person", "MainJob", "Occupation", "Axis"), one_text
    )
    for name, form in short.items():
        definitions[name] = {"description": definitions[name]["description"], "anyOf": [form, definitions[name]]}
    # A table may give a part of a dimension and take over the rest.
    definitions["Period"].pop("required")
    tables = {
        "description": made["properties"]["tables"]["description"],
        "type": "array",
        "minItems": 1,
        "items": {"type": "object", "additionalProperties": False, "properties": shared},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A mapping of dhis2_bridge",
        "description": made["description"],
        "type": "object",
        "additionalProperties": False,
        "required": ["mapping", "version"],
        "anyOf": [{"required": ["data_set"]}, {"required": ["tables"]}],
        "properties": {**made["properties"], **shared, "tables": tables},
        "$defs": definitions,
    }


def schema_of_indicators() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a file of indicators, short forms included."""
    made = _tidy(Indicators.model_json_schema(by_alias=True))
    definitions = made.pop("$defs")
    stock = definitions["Stock"]
    definitions["Stock"] = {"description": stock["description"], "anyOf": [TEXTS_SCHEMA, stock]}
    # What is said of the part above the line holds for the one below it.
    below = {key: held for key, held in definitions["Part"].items() if key != "required"}
    definitions["PartBelow"] = below
    indicator = definitions["Indicator"]["properties"]
    indicator["per"]["anyOf"] = [{"$ref": "#/$defs/PartBelow"}, {"type": "null"}]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Indicators of dhis2_bridge",
        **made,
        "$defs": definitions,
    }


def _tidy(node: Any) -> Any:
    """A schema without the titles that repeat its keys, and with null allowed for every key."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    tidy = {key: _tidy(item) for key, item in node.items() if not (key == "title" and isinstance(item, str))}
    if "properties" in node and isinstance(node["properties"], dict):
        tidy["properties"] = {key: _or_null(item) for key, item in tidy["properties"].items()}
    if isinstance(node.get("additionalProperties"), dict):
        tidy["additionalProperties"] = _or_null(tidy["additionalProperties"])
    return tidy


def _or_null(node: dict[str, Any]) -> dict[str, Any]:
    forms = node.pop("anyOf", None)
    about: dict[str, Any] = {key: node.pop(key) for key in ("description", "default") if key in node}
    forms = forms if forms is not None else [node]
    return {**about, "anyOf": [*(form for form in forms if form != {"type": "null"}), {"type": "null"}]}
