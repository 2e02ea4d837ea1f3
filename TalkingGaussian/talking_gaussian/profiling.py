"""Where the time of a run goes: seconds by part, said as shares."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


class Pace:
    """What sets the pace of a chain of threads: the one in the middle says what it works on or waits for."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._part, self._since = "", 0.0

    def now(self, part: str) -> None:
        """From now on it is `part` that the others wait for ("" for none)."""
        at = time.perf_counter()
        if self._part:
            self.seconds[self._part] = self.seconds.get(self._part, 0.0) + at - self._since
        self._part, self._since = part, at

    @property
    def total_s(self) -> float:
        """Seconds of all parts."""
        return sum(self.seconds.values()) or 1e-9

    @property
    def limit(self) -> tuple[str, float]:
        """The part that took longest, and its share of the time, 0 to 1 ("" and 0 where nothing was said)."""
        part = max(self.seconds, key=self.seconds.__getitem__, default="")
        return part, self.seconds.get(part, 0.0) / self.total_s


class Profile:
    """Adds up the time of a run's parts; several threads may use it.

    on: whether it was asked for. Off it costs nothing.
    """

    def __init__(self, on: bool = False) -> None:
        self.on = on
        self.seconds: dict[str, float] = {}
        self.pace = Pace()
        self._lock = threading.Lock()
        self._began = time.perf_counter()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What happens inside belongs to `name`."""
        if not self.on:
            yield
            return
        began = time.perf_counter()
        yield
        self.add(name, time.perf_counter() - began)

    def add(self, name: str, seconds: float) -> None:
        """So many seconds more belong to `name`."""
        with self._lock:
            self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def items(self, name: str, items: Iterator[Item]) -> Iterator[Item]:
        """`items`, the making of each of which belongs to `name`."""
        while True:
            with self.part(name):
                item = next(items, None)
            if item is None:
                return
            yield item

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return time.perf_counter() - self._began

    def lines(self, frames: int) -> list[str]:
        """One line a part, the longest first: share of all parts' time, seconds, milliseconds a frame."""
        whole = sum(self.seconds.values()) or 1.0
        told = [
            f"{name:<22}{100 * seconds / whole:5.1f} %{seconds:9.2f} s{1000 * seconds / max(frames, 1):9.2f} ms a frame"
            for name, seconds in sorted(self.seconds.items(), key=lambda row: -row[1])
        ]
        elapsed = self.elapsed_s
        told.append(f"{frames} frames in {elapsed:.2f} s, {frames / elapsed:.1f} a second (parts may overlap)")
        return told
