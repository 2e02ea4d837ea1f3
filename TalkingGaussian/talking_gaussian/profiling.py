"""Where the time of a run goes: seconds by part, said as shares."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


class Profile:
    """Adds up the time of a run's parts; several threads may use it.

    on: whether it was asked for. Off it costs nothing: a card is not waited for at the end of each part.
    """

    def __init__(self, on: bool = False) -> None:
        self.on = on
        self.seconds: dict[str, float] = {}
        self._lock = threading.Lock()
        self._began = time.perf_counter()

    @contextmanager
    def part(self, name: str, wait: Callable[[], None] | None = None) -> Iterator[None]:
        """What happens inside belongs to `name`. wait: ends when all that was started is done (a card works on
        while the program goes on)."""
        if not self.on:
            yield
            return
        began = time.perf_counter()
        yield
        if wait:
            wait()
        with self._lock:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began

    def items(self, name: str, items: Iterator[Item]) -> Iterator[Item]:
        """`items`, the making of each of which belongs to `name`."""
        while True:
            with self.part(name):
                item = next(items, None)
            if item is None:
                return
            yield item

    def lines(self, frames: int) -> list[str]:
        """One line a part, the longest first: share of all parts' time, seconds, milliseconds a frame."""
        whole = sum(self.seconds.values()) or 1.0
        told = [
            f"{name:<22}{100 * seconds / whole:5.1f} %{seconds:9.2f} s{1000 * seconds / max(frames, 1):9.2f} ms a frame"
            for name, seconds in sorted(self.seconds.items(), key=lambda row: -row[1])
        ]
        elapsed = time.perf_counter() - self._began
        told.append(f"{frames} frames in {elapsed:.2f} s, {frames / elapsed:.1f} a second (parts may overlap)")
        return told
