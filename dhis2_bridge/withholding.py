"""Faults of the program while rows of persons are in hand: where and of what kind, without their own text.

The text of an exception may quote a cell (a number that could not be read, a name that was not found). Whoever logs it
would write a person's data.
"""

from collections.abc import Callable
from typing import TypeVar

from dhis2_bridge.findings import BridgeError

T = TypeVar("T")


class Withheld(Exception):
    """An internal fault whose own text is withheld; `kind` is what it was, the traceback says where."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(f"{kind} (its text is withheld, because rows of persons were in hand)")


def withheld(call: Callable[[], T]) -> T:
    """What a call gives. Raises `Withheld` in place of anything that is no error for a person to read."""
    try:
        return call()
    except (BridgeError, OSError, KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError):
        raise
    except BaseException as error:  # a panic of Rust is no Exception
        fault = Withheld(type(error).__name__).with_traceback(error.__traceback__)
    # Raised here and not above, so that the fault does not carry the other one along.
    raise fault
