"""Labels that say one thing in several languages in one cell: "Jami / Итого", or one language below the other."""

import functools
import re
from typing import Final

from dhis2_bridge import names

_BETWEEN: Final = re.compile(r"\s*[/\n|]\s*")


@functools.lru_cache(maxsize=20_000)
def spoken(text: str) -> frozenset[str]:
    """The folded readings of a label: the whole, and each language of a bilingual one."""
    return frozenset(key for part in (text, *languages(text)) if (key := folded(part)))


def languages(text: str) -> tuple[str, ...]:
    """The parts of a label in several languages, as they stand; nothing for a label in one."""
    parts = tuple(part.strip() for part in _BETWEEN.split(text) if part.strip())
    return parts if len(parts) > 1 else ()


def folded(text: str) -> str:
    """A label as it is compared: without the colon that forms print behind it."""
    return names.fold(text).rstrip(" :")
