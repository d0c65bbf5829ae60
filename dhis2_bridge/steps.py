"""The steps of a walk: how long each takes, and how one works while the next one does."""

import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Final, TypeVar

T = TypeVar("T")

_END: Final = object()


class Steps:
    """Counts the seconds that a walk spends in each step. Steps that work side by side each count their own."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Counts the time spent inside for a step."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add({step: time.perf_counter() - start})

    def add(self, seconds: Mapping[str, float]) -> None:
        """Counts what another process spent in each step."""
        for step, spent in seconds.items():
            self.seconds[step] = self.seconds.get(step, 0.0) + spent

    def each(self, step: str, things: Iterable[T]) -> Iterator[T]:
        """Each of them, the time to come by it counted for a step."""
        left = iter(things)
        while True:
            with self.timed(step):
                taken = list(islice(left, 1))
            if not taken:
                return
            yield taken[0]


def ahead(things: Iterable[T]) -> Iterator[T]:
    """The same things in the same order, the next one made by a thread while this one is in use.

    What making one raises is raised here in its turn. A caller that stops early waits for the one that is being made.
    """
    left = iter(things)
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as maker:
        coming = maker.submit(next, left, _END)
        while (thing := coming.result()) is not _END:
            coming = maker.submit(next, left, _END)
            yield thing  # type: ignore[misc]
