"""A few hundred bytes that go to a card again and again, by one copy, while it still works on earlier ones."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import warp as wp

AHEAD = 16  # copies that a card may be behind before it is waited for


class Parcel:
    """Numbers laid down here [n] (float32; integers as views of them) and their copy on the card."""

    def __init__(self, size: int, device: Any) -> None:
        self._device, self.laid = device, np.zeros(size, np.float32)
        self._there = wp.zeros(size, dtype=float, device=device)
        pinned = [wp.zeros(size, dtype=float, device="cpu", pinned=device.is_cuda) for _ in range(AHEAD)]
        self._copies = deque((copy, wp.Event(device) if device.is_cuda else None) for copy in pinned)
        self._used = 0

    def send(self) -> None:
        """To the card, in its turn; what was laid down may be changed at once."""
        copy, sent = self._copies[0]
        if sent and self._used >= AHEAD:
            wp.synchronize_event(sent)
        copy.numpy()[:] = self.laid
        wp.copy(self._there, copy)
        if sent:
            self._device.stream.record_event(sent)
        self._copies.rotate(-1)
        self._used += 1

    def there(self, first: int, shape: Any, dtype: Any) -> Any:
        """The numbers from `first` on, on the card, as an array of `shape` and Warp's `dtype` (of 4-byte numbers)."""
        return wp.array(ptr=self._there.ptr + 4 * int(first), shape=shape, dtype=dtype, device=self._device)
