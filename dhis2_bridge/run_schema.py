"""The shape of `run.json`, which travels: a district converts, a ministry pushes.

It is a contract between programs and versions, so it is a JSON Schema and checked as one.
"""

from typing import Any, Final

_TEXT_OR_NULL: Final = {"type": ["string", "null"]}
_SHA256: Final = {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}

SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "run.json of a dhis2_bridge run folder",
    "description": "What one conversion ran with, read and made; docs/run-folder.md says more.",
    "type": "object",
    "required": ["format", "dhis2_bridge", "mappings", "snapshot", "inputs", "counts", "chunks"],
    "properties": {
        "format": {"const": 1, "description": "Version of the folder's shape."},
        "dhis2_bridge": {"type": "string", "description": "Version of the program."},
        "mappings": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["mapping", "version", "sha256"],
                "properties": {"mapping": {"type": "string"}, "version": {"type": "integer"}, "sha256": _SHA256},
            },
        },
        "snapshot": {
            "type": "object",
            "description": "The instance that identifiers are of.",
            "required": ["system_id", "version", "base_url", "sha256"],
            "properties": {
                "system_id": _TEXT_OR_NULL,
                "version": _TEXT_OR_NULL,
                "base_url": _TEXT_OR_NULL,
                "sha256": {"type": "string"},
            },
        },
        "given": {"type": "object", "additionalProperties": {"type": "string"}},
        "inputs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "format", "sha256", "mapping", "evidence"],
                "properties": {
                    "name": {"type": "string"},
                    "format": {"type": "string"},
                    "sha256": {"type": "string"},
                    "mapping": _TEXT_OR_NULL,
                    "evidence": {"type": "object"},
                },
            },
        },
        "counts": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}},
        "chunks": {
            "type": "array",
            "description": "The request bodies, in the order of sending.",
            "items": {
                "type": "object",
                "required": ["file", "values", "sha256"],
                "properties": {
                    "file": {"type": "string", "pattern": "^[0-9]{4,}\\.json\\.gz$"},
                    "values": {"type": "integer", "minimum": 1},
                    "sha256": {**_SHA256, "description": "Of the uncompressed body."},
                },
            },
        },
    },
}


def fault(document: Any) -> str | None:
    """What is wrong with the description of a run, in one line; None for a sound one."""
    import jsonschema  # noqa: PLC0415 - slow to import, and only a push needs it

    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(SCHEMA).iter_errors(document))
    if error is None:
        return None
    message = error.message if len(error.message) <= 120 else error.message[:119] + "…"
    return f"{error.json_path}: {message}"
