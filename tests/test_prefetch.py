"""An iterator that works ahead in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from talking_gaussian.prefetch import prefetched


def test_everything_arrives_in_order() -> None:
    with prefetched(iter(range(500)), 3) as items:
        assert list(items) == list(range(500))


def test_an_error_is_raised_to_the_reader_after_what_came_before() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with prefetched(failing(), 3) as items:
        assert next(items) == 1
        with pytest.raises(ValueError, match="broken"):
            next(items)


def test_no_more_than_asked_for_is_made_ahead() -> None:
    made: list[int] = []

    def counting() -> Iterator[int]:
        for number in range(1000):
            made.append(number)
            yield number

    with prefetched(counting(), 4) as items:
        assert next(items) == 0
        time.sleep(0.2)
        assert len(made) <= 7


def test_leaving_early_ends_the_thread() -> None:
    before = threading.active_count()
    with prefetched(iter(range(10_000)), 2) as items:
        next(items)
    assert threading.active_count() == before
