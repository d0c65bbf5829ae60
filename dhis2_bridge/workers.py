"""Many files shared out to several processes of this machine, where that pays."""

import signal
import time
from collections import deque
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingType
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from dhis2_bridge.mapping import Mapping
from dhis2_bridge.opening import Opened, Opener, Partition, open_partition

WORTH: Final = 1.5
"""Seconds of laying out that must be left for others to be started: each of them takes half a second to start."""

LOOK: Final = 20
"""Files after which it is estimated how long the rest will take."""

TOGETHER: Final = 25
"""Files in one partition: enough that sending it costs nothing, few enough that all processes end together."""

AHEAD: Final = 3
"""Partitions that wait for each process or for their turn: what is ready is held in memory."""


def opened(
    files: Sequence[Path], opener: Opener, mappings: list[Mapping], given: MappingType[str, str], jobs: int
) -> Iterator[Opened]:
    """The files opened, in their order, by so many processes, of which this is one.

    This process opens them alone until others are worth their start and are there, and again when they break down.
    Forms only are worth it: what is no workbook is opened here in any case.
    """
    left = deque(files)
    spent, done = 0.0, 0
    while left:
        if done >= LOOK and jobs > 1 and spent / done * len(left) > WORTH:
            yield from _with_others(left, opener, mappings, given, jobs - 1)
            jobs = 1
            continue
        start = time.perf_counter()
        one = opener.open(left.popleft())
        done += 1
        if one.laid is not None:
            spent += time.perf_counter() - start
        yield one


def _with_others(
    left: deque[Path], opener: Opener, mappings: list[Mapping], given: MappingType[str, str], others: int
) -> Iterator[Opened]:
    """What is left, until it is done or the other processes are no more."""
    try:
        executor = ProcessPoolExecutor(others, get_context("spawn"), _leave_interrupts)
    except (OSError, NotImplementedError):  # a machine without the locks that processes share
        return
    try:
        yield from _while_starting(left, opener, [executor.submit(_is_there) for _ in range(others)])
        for one in _shared(list(left), opener, executor, mappings, given, others):
            left.popleft()
            yield one
    except BrokenProcessPool:  # one was killed, as for want of memory: go on alone
        return
    finally:
        executor.shutdown(cancel_futures=True)


def _while_starting(left: deque[Path], opener: Opener, starting: list[Future[bool]]) -> Iterator[Opened]:
    """What this process opens until the others are there. Raises BrokenProcessPool where they cannot start."""
    while left and not all(one.done() for one in starting):
        yield opener.open(left.popleft())
    for one in starting:
        one.result()


def _shared(
    files: list[Path],
    opener: Opener,
    executor: ProcessPoolExecutor,
    mappings: list[Mapping],
    given: MappingType[str, str],
    others: int,
) -> Iterator[Opened]:
    """The files opened by the others, and by this process whenever it would have to wait for them."""
    waiting = deque(files[start : start + TOGETHER] for start in range(0, len(files), TOGETHER))
    coming: deque[Future[tuple[list[Opened], dict[str, float]]] | list[Opened]] = deque()
    while waiting or coming:
        while waiting and sum(isinstance(one, Future) and not one.done() for one in coming) < AHEAD * others:
            coming.append(executor.submit(open_partition, Partition(tuple(waiting.popleft()), mappings, given)))
        first = coming[0]
        if isinstance(first, Future) and not first.done() and waiting and len(coming) < 2 * AHEAD * (others + 1):
            coming.append([opener.open(path) for path in waiting.popleft()])
            continue
        coming.popleft()
        if isinstance(first, Future):
            made, seconds = first.result()
            opener.steps.add(seconds)
            first = [
                one if one.source is not None or one.problem is not None else opener.open(one.path) for one in made
            ]
        yield from first


def _leave_interrupts() -> None:
    """Leaves Ctrl-C to the process that started this one, which says so once and ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _is_there() -> bool:
    return True
