"""The steps of a walk: order, errors and time when one works ahead of the next."""

import threading
import time
from collections.abc import Iterator

import pytest

from dhis2_bridge.steps import Steps, ahead


def test_what_is_made_ahead_comes_in_order_and_by_another_thread() -> None:
    threads = []

    def made() -> Iterator[int]:
        for number in range(50):
            threads.append(threading.current_thread().name)
            yield number

    assert list(ahead(made())) == list(range(50))
    assert threading.current_thread().name not in threads


def test_only_one_is_made_ahead() -> None:
    made: list[int] = []
    taken = ahead(made.append(number) or number for number in range(10))  # type: ignore[func-returns-value]
    assert next(taken) == 0
    time.sleep(0.05)
    assert len(made) <= 2
    taken.close()
    assert len(made) <= 2


def test_what_making_raises_is_raised_in_its_turn() -> None:
    def made() -> Iterator[int]:
        yield 1
        raise ValueError("the third block")

    taken = ahead(made())
    assert next(taken) == 1
    with pytest.raises(ValueError, match="the third block"):
        next(taken)


def test_nothing_and_things_that_are_none() -> None:
    assert list(ahead([])) == []
    assert list(ahead([None, None])) == [None, None]


def test_no_thread_stays_behind() -> None:
    before = threading.active_count()
    assert sum(ahead(range(3))) == 3
    assert threading.active_count() == before


def test_time_is_counted_for_the_step_it_was_spent_in() -> None:
    steps = Steps()

    def slow() -> Iterator[int]:
        for number in range(3):
            time.sleep(0.02)
            yield number

    for _ in steps.each("read", slow()):
        with steps.timed("write"):
            time.sleep(0.01)
    assert steps.seconds["read"] >= 0.06
    assert steps.seconds["write"] >= 0.03
