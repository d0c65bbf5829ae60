"""Facility reports and workforce counts into DHIS2, with a proof for every number.

    from dhis2_bridge import convert
    result = convert("report.xlsx", "mapping.yaml", "snapshot.json")
    result.values, result.findings, result.exit_code

Names are loaded when they are first used: importing the package costs nothing.
"""

from typing import TYPE_CHECKING, Any

from dhis2_bridge._version import __version__

if TYPE_CHECKING:
    from dhis2_bridge.client import Client
    from dhis2_bridge.findings import BridgeError, Finding, MappingError, Refused, ServerError, UsageError
    from dhis2_bridge.indicating import indicate
    from dhis2_bridge.mapping import Mapping
    from dhis2_bridge.mapping_file import load as load_mapping
    from dhis2_bridge.pipeline import Conversion, convert, convert_to_run
    from dhis2_bridge.pushing import PushResult, push
    from dhis2_bridge.sandbox import Sandbox
    from dhis2_bridge.snapshot import Snapshot
    from dhis2_bridge.snapshot import load as load_snapshot

__all__ = [
    "BridgeError",
    "Client",
    "Conversion",
    "Finding",
    "Mapping",
    "MappingError",
    "PushResult",
    "Refused",
    "Sandbox",
    "ServerError",
    "Snapshot",
    "UsageError",
    "__version__",
    "convert",
    "convert_to_run",
    "indicate",
    "load_mapping",
    "load_snapshot",
    "push",
]

_HOME = {
    "BridgeError": ("findings", "BridgeError"),
    "Client": ("client", "Client"),
    "Conversion": ("pipeline", "Conversion"),
    "Finding": ("findings", "Finding"),
    "Mapping": ("mapping", "Mapping"),
    "MappingError": ("findings", "MappingError"),
    "PushResult": ("pushing", "PushResult"),
    "Refused": ("findings", "Refused"),
    "Sandbox": ("sandbox", "Sandbox"),
    "ServerError": ("findings", "ServerError"),
    "Snapshot": ("snapshot", "Snapshot"),
    "UsageError": ("findings", "UsageError"),
    "convert": ("pipeline", "convert"),
    "convert_to_run": ("pipeline", "convert_to_run"),
    "indicate": ("indicating", "indicate"),
    "load_mapping": ("mapping_file", "load"),
    "load_snapshot": ("snapshot", "load"),
    "push": ("pushing", "push"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'dhis2_bridge' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only needed when a name is first used

    module, attribute = _HOME[name]
    # Not kept in the module: `push` the function would else hide `push` the module, or be hidden by it.
    return getattr(import_module(f"dhis2_bridge.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
