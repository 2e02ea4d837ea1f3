"""Launches that repeat with the same arguments: Warp packs them once, which takes longer than a small kernel runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import warp as wp


class Launches:
    """The last launch of each kernel into each array (its last argument), ready to be repeated. Arguments are compared
    by identity, bare numbers by value: arrays, and structs or matrices, are to be kept and not changed."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self._kept: dict[tuple[Any, int], tuple[Any, list[Any], Any]] = {}

    def __call__(self, kernel: Any, size: Any, arguments: list[Any], block: int = 256) -> None:
        """Run `kernel` on `size` threads (a number or a shape), `block` of them together."""
        self._launch((kernel, id(arguments[-1])), size, arguments, lambda: {"inputs": arguments, "block_dim": block})

    def adjoint(self, kernel: Any, size: Any, arguments: list[Any], gradients: list[Any], outputs: int) -> None:
        """Run the kernel that Warp derived from `kernel`: from gradients by its last `outputs` arguments to those by
        the others. gradients: an array for each argument, None where none is wanted."""

        def given() -> dict[str, Any]:
            here, there = slice(None, -outputs), slice(-outputs, None)
            known = {"inputs": arguments[here], "outputs": arguments[there]}
            return {**known, "adj_inputs": gradients[here], "adj_outputs": gradients[there], "adjoint": True}

        self._launch((kernel, id(gradients[0])), size, [*arguments, *gradients], given)

    def forget(self) -> None:
        """Let go of the arrays that were last drawn with."""
        self._kept.clear()

    def _launch(
        self, key: tuple[Any, int], size: Any, compared: list[Any], given: Callable[[], dict[str, Any]]
    ) -> None:
        kept = self._kept.get(key)
        if kept is None or kept[0] != size or not all(map(same, kept[1], compared)):
            command = wp.launch(kernel=key[0], dim=size, device=self._device, record_cmd=True, **given())
            kept = self._kept[key] = (size, compared, command)
        kept[2].launch()


def same(old: Any, new: Any) -> bool:
    """Whether an argument is what it was."""
    return old is new or (type(new) in (int, float) and old == new)
