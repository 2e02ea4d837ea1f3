"""Which splats each tile of a picture has to draw, front to back: made on the card by one sort."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp

from talking_gaussian.rendering import warp_kernels as kernels
from talking_gaussian.rendering.warp_launches import Launches

FIRST_PAIRS_A_SPLAT = 8  # room in the lists to begin with; it grows where more is needed
SPARE, ENOUGH = 1.5, 1.1  # more room than was needed last, where nobody waits to hear how much is


class TileLists:
    """The lists of all tiles of `batch` pictures, in arrays that stay from batch to batch."""

    def __init__(self, size: tuple[int, int], splats: int, batch: int, device: Any, waits: bool = True) -> None:
        """size: (width, height) px. splats: most that there are in all pictures together. waits: every sort waits for
        the card to say how long the lists are; else what was needed some batches ago, and half more, is sorted, and a
        splat may be missing where the lists grew faster: a training does not mind."""
        self._size, self._device, self._waits = size, device, waits
        self._columns, self._rows = (-(-side // int(kernels.TILE)) for side in size)
        self.spans, self.counts = self._array(splats, wp.vec4i), self._array(splats, int)
        self._ends = self._array(splats, int)
        self._tiles = batch * self._columns * self._rows
        self._firsts, self._lasts = self._array(self._tiles, int), self._array(self._tiles, int)
        self._total = wp.zeros(1, dtype=int, device="cpu", pinned=device.is_cuda)
        self._keys, self._order = self._array(0, wp.int64), self._array(0, int)
        self._launch = Launches(device)
        self._reserve(FIRST_PAIRS_A_SPLAT * splats if waits else 0)

    def lens(self, K: np.ndarray) -> Any:
        """A camera's intrinsics [3, 3] and the picture's size as the kernels want them."""
        lens = kernels.Lens()
        lens.fx, lens.fy, lens.cx, lens.cy = float(K[0, 0]), float(K[1, 1]), float(K[0, 2]), float(K[1, 2])
        lens.width, lens.height = self._size
        lens.columns, lens.rows = self._columns, self._rows
        return lens

    def threads(self, pictures: int) -> int:
        """How many threads draw so many pictures: one a pixel of every tile."""
        return pictures * self._columns * self._rows * kernels.TILE_PIXELS

    def arrays(self) -> list[Any]:
        """First and last place of each tile in the order of splats, and that order."""
        return [self._firsts, self._lasts, self._order]

    def sort(self, lens: Any, depths: Any, splats: int, gaussians: int) -> None:
        """Make the lists from `spans` and `counts`, which a kernel has filled for the first `splats`; gaussians: how
        many belong to one picture."""
        wp.utils.array_scan(self.counts, self._ends, inclusive=True)
        pairs = self._room_for(splats)
        self._firsts.zero_()
        self._lasts.zero_()
        if pairs == 0:
            return
        inputs = [depths, self.spans, self.counts, self._ends, gaussians, lens, pairs]
        self._launch(kernels.list_tiles, splats, [*inputs, self._keys, self._order])
        if not self._waits:
            self._launch(kernels.pad_keys, pairs, [self._ends, splats, self._tiles, self._keys])
        bits = 32 + self._tiles.bit_length()
        wp.utils.radix_sort_pairs(self._keys, self._order, pairs, 0, bits)
        self._launch(kernels.mark_tiles, pairs, [self._keys, pairs, self._tiles, self._firsts, self._lasts])

    def _room_for(self, splats: int) -> int:
        """How many pairs to sort: all there are, or all there is room for."""
        wp.copy(self._total, self._ends, src_offset=splats - 1, count=1)
        room = len(self._order) // 2
        if self._waits or room == 0:
            wp.synchronize_device(self._device)  # the one wait for the card before the pictures
        total = int(self._total.numpy()[0])  # where nobody waits: of an earlier batch
        if self._waits:
            self._reserve(total)
            return total
        if room < ENOUGH * total or room == 0:
            self._reserve(max(int(SPARE * total), splats))
        return len(self._order) // 2

    def _reserve(self, pairs: int) -> None:
        """Room for so many (tile, splat) pairs; sorting needs it twice."""
        if len(self._order) < 2 * pairs:
            self._launch.forget()
            self._keys, self._order = self._array(2 * pairs, wp.int64), self._array(2 * pairs, int)

    def _array(self, shape: Any, dtype: Any) -> Any:
        return wp.empty(shape, dtype=dtype, device=self._device)
