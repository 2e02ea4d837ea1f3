"""Drawing for training on an NVIDIA card: forward and backward, from splats that torch has projected on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp

from talking_gaussian.rendering import warp_kernels as kernels
from talking_gaussian.rendering.warp_tiles import TileLists


class Drawn:
    """A picture and what its gradient needs. canvas: [H, W, 4] float32, premultiplied rgb and transmittance."""

    def __init__(self, inputs: list[Any], threads: int, canvas: Any) -> None:
        self.inputs, self.threads, self._canvas = inputs, threads, canvas
        self.canvas = canvas.numpy()[0]

    def gradients(self, pull: np.ndarray) -> np.ndarray:
        """dL/dcanvas [H, W, 4] -> dL/d(x, y, conic a b c, opacity, r g b) [N, 9]."""
        device = self._canvas.device
        there: Any = wp.array(np.ascontiguousarray(pull[None], np.float32), dtype=wp.vec4, device=device)
        gradients = wp.zeros((len(self.inputs[3]), 9), dtype=float, device=device)
        inputs = [*self.inputs, self._canvas, there]
        wp.launch(kernels.gradient, self.threads, inputs, [gradients], device=device, block_dim=kernels.TILE_PIXELS)
        return gradients.numpy()


class CardRasterizer:
    """Draws projected splats on a card; the number of them changes as training adds and drops Gaussians."""

    def __init__(self, device: str = "cuda:0") -> None:
        """device: Warp's name of it; `cpu` runs the same kernels on one thread, for tests."""
        self._device = wp.get_device(device)

    def draw(
        self,
        means2d: np.ndarray,
        conics: np.ndarray,
        depths: np.ndarray,
        opacities: np.ndarray,
        colors: np.ndarray,
        size: tuple[int, int],
    ) -> Drawn:
        """means2d [N, 2] px, conics [N, 3], depths [N] m, opacities [N], colors [N, 3], size (width, height) px."""
        device, count = self._device, len(depths)
        centres, shapes = self._sent(means2d, wp.vec2), self._sent(conics, wp.vec3)
        far, opaque, painted = self._sent(depths, float), self._sent(opacities, float), self._sent(colors, wp.vec3)
        tiles = TileLists(size, count, 1, device)
        lens = tiles.lens(np.eye(3))
        wp.launch(
            kernels.span_tiles, count, [centres, shapes, opaque, far, lens], [tiles.spans, tiles.counts], device=device
        )
        tiles.sort(lens, far, count, count)
        canvas = wp.empty((1, size[1], size[0]), dtype=wp.vec4, device=device)
        inputs, threads = [*tiles.arrays(), centres, shapes, opaque, painted, lens], tiles.threads(1)
        wp.launch(kernels.draw_canvas, threads, inputs, [canvas], device=device, block_dim=kernels.TILE_PIXELS)
        return Drawn(inputs, threads, canvas)

    def _sent(self, values: np.ndarray, dtype: Any) -> Any:
        return wp.array(np.ascontiguousarray(values, np.float32), dtype=dtype, device=self._device)
