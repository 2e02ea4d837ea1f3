"""The CPU renderer: compiled kernels with buffers that are kept from frame to frame."""

from __future__ import annotations

import numba
import numpy as np

from talking_gaussian.profiling import Profile
from talking_gaussian.rendering import numba_kernels as kernels
from talking_gaussian.rendering.types import Camera, Rendering, Splats


class NumbaRenderer:
    """Draws frame after frame of one size without allocating."""

    def __init__(self, size: tuple[int, int], threads: int | None = None, profile: Profile | None = None) -> None:
        """size: (width, height) px. threads: how many CPU threads to use (all of numba's by default)."""
        self._profile = profile or Profile()
        width, height = size
        self.size = size
        self.threads = threads or numba.get_num_threads()
        self._canvas = np.zeros((height, width, 4), np.float32)
        self._canvas[..., 3] = 1
        self._projected = np.empty((0, 8), np.float32)
        self._depths = np.empty(0, np.float32)

    def render(self, splats: Splats, camera: Camera) -> Rendering:
        """Splats -> float image and coverage."""
        self._splat(splats, camera)
        rendering = Rendering(self._canvas[..., :3].copy(), 1 - self._canvas[..., 3])
        self._canvas[...] = (0, 0, 0, 1)
        return rendering

    def render_over(self, splats: Splats, camera: Camera, plate: np.ndarray, frame: np.ndarray) -> None:
        """Draw over plate [H, W, 3] uint8 into frame [H, W, 3] uint8."""
        self._splat(splats, camera)
        with self._profile.part("composite"):
            kernels.composite_bytes(self._canvas, plate, frame, self.threads)

    def _splat(self, splats: Splats, camera: Camera) -> None:
        count = len(splats.means)
        if len(self._depths) != count:
            self._projected = np.empty((count, 8), np.float32)
            self._depths = np.empty(count, np.float32)
        with self._profile.part("project"):
            kernels.project(
                splats.means,
                splats.covariances,
                splats.opacities,
                camera.viewmat.astype(np.float32),
                camera.K.astype(np.float32),
                self.size[1],
                self._projected,
                self._depths,
            )
        with self._profile.part("sort"):
            keys = kernels.depth_keys(self._depths)
            order = np.argsort(keys, kind="stable")
            starts, indices = kernels.bin_by_band(order, keys, self._projected, self.size[1])
        with self._profile.part("raster"):
            kernels.splat_forward(starts, indices, self._projected, splats.colors, self._canvas, self.threads)


def render(splats: Splats, camera: Camera, size: tuple[int, int]) -> Rendering:
    """The door's backend: one frame with buffers of its own."""
    return NumbaRenderer(size).render(splats, camera)
