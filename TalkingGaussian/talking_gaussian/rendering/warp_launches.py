"""Launches that repeat with the same arguments: Warp packs them once, which takes longer than a small kernel runs."""

from __future__ import annotations

from typing import Any

import warp as wp


class Launches:
    """The last launch of each kernel into each array (its last argument), ready to be repeated. Arguments are compared
    by identity: arrays, and structs or matrices that are kept and not changed."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self._kept: dict[tuple[Any, int], tuple[Any, list[Any], Any]] = {}

    def __call__(self, kernel: Any, size: Any, arguments: list[Any], block: int = 256) -> None:
        """Run `kernel` on `size` threads (a number or a shape), `block` of them together."""
        key = (kernel, id(arguments[-1]))
        kept = self._kept.get(key)
        if kept is None or kept[0] != size or any(old is not new for old, new in zip(kept[1], arguments, strict=True)):
            command = wp.launch(kernel, size, arguments, device=self._device, block_dim=block, record_cmd=True)
            kept = self._kept[key] = (size, arguments, command)
        kept[2].launch()

    def forget(self) -> None:
        """Let go of the arrays that were last drawn with."""
        self._kept.clear()
