"""Files that appear whole: written under a temporary name beside the final one, then renamed."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dhis2_bridge.findings import UsageError


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A path to write to; what is there at the end of the block becomes `path`. Raises UsageError where it cannot."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        with suppress(OSError):  # what could not be made cannot be removed either
            part.unlink()
