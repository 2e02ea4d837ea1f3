"""How long a card works on the parts of a picture, by its own clock: it is not waited for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import warp as wp

from talking_gaussian.profiling import Profile


class CardClock:
    """Marks before and after each part in what the card is given; read when it has come past them."""

    def __init__(self, profile: Profile, device: Any) -> None:
        self._profile, self._device = profile, device
        self._marks: deque[tuple[str, Any, Any]] = deque()

    @contextmanager
    def part(self, name: str, stream: Any = None) -> Iterator[None]:
        """What the card is given inside belongs to `name`. stream: where, if not the device's own."""
        if not self._profile.on or not self._device.is_cuda:
            with self._profile.part(name):
                yield
            return
        began, ended = (wp.Event(self._device, enable_timing=True) for _ in range(2))
        stream = stream or self._device.stream
        stream.record_event(began)
        yield
        stream.record_event(ended)
        self._marks.append((name, began, ended))

    def read(self) -> None:
        """Add up the parts that the card has finished."""
        while self._marks and self._marks[0][2].is_complete:
            name, began, ended = self._marks.popleft()
            self._profile.add(name, wp.get_event_elapsed_time(began, ended) / 1000)
