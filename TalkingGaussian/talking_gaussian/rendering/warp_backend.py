"""The renderer for NVIDIA cards: several frames a launch, buffers that stay, one wait a batch.

Needs the environment's gpu part (warp-lang); Warp compiles the kernels at first use and keeps them in its cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import warp as wp

from talking_gaussian.errors import UserError
from talking_gaussian.profiling import Profile
from talking_gaussian.rendering import warp_kernels as kernels
from talking_gaussian.rendering.types import Camera, Rendering, Splats
from talking_gaussian.rendering.warp_tiles import TileLists


class WarpRenderer:
    """Draws batches of frames of one size and one number of Gaussians."""

    def __init__(
        self,
        size: tuple[int, int],
        gaussians: int,
        batch: int = 1,
        device: str = "cuda:0",
        profile: Profile | None = None,
    ) -> None:
        """size: (width, height) px. batch: most frames at once. device: Warp's name of it; `cpu` runs the same kernels
        on one thread, for tests. Raises RuntimeError or ValueError for a device that Warp does not have."""
        self.size, self.batch, self.gaussians = size, batch, gaussians
        self.device = wp.get_device(device)
        self._profile = profile or Profile()
        width, height = size
        count = batch * gaussians
        self._means, self._means_in = self._pair(count, wp.vec3)
        self._covariances, self._covariances_in = self._pair((count, 6), float)
        self._opacities, self._opacities_in = self._pair(count, float)
        self._colors, self._colors_in = self._pair(count, wp.vec3)
        self._plates, self._plates_in = self._pair((batch, height, width, 3), wp.uint8)
        self._frames, self._frames_out = self._pair((batch, height, width, 3), wp.uint8)
        self._centres, self._conics = self._array(count, wp.vec2), self._array(count, wp.vec3)
        self._depths = self._array(count, float)
        self._tiles = TileLists(size, count, batch, self.device)

    def put(self, slot: int, splats: Splats, plate: np.ndarray) -> None:
        """Lay frame `slot` (0 to batch - 1) ready: its splats and its plate [H, W, 3] uint8 (both are copied)."""
        rows = slice(slot * self.gaussians, (slot + 1) * self.gaussians)
        self._means_in.numpy()[rows] = splats.means
        self._covariances_in.numpy()[rows] = splats.covariances
        self._opacities_in.numpy()[rows] = splats.opacities
        self._colors_in.numpy()[rows] = splats.colors
        self.put_plate(slot, plate)

    def put_plate(self, slot: int, plate: np.ndarray) -> None:
        """Lay the plate [H, W, 3] uint8 of frame `slot` ready, whose splats will be posed on the card."""
        self._plates_in.numpy()[slot] = plate

    def splats(self) -> list[Any]:
        """The card's arrays for means, covariances, opacities and colours, frame after frame, for who poses there."""
        return [self._means, self._covariances, self._opacities, self._colors]

    def draw(self, camera: Camera, count: int, pose: Callable[[int], None] | None = None) -> np.ndarray:
        """The first `count` frames that were put -> [count, H, W, 3] uint8, an array of the caller's own. pose: fills
        `splats()` for them on the card; without it they are sent there. Raises UserError where the card fails."""
        try:
            return self._draw(camera, count, pose)
        except RuntimeError as error:  # what Warp raises for a card that is full or fails
            why = (str(error).splitlines() or ["?"])[0][:200]
            raise UserError(
                "gpu_failed",
                f"The GPU failed while drawing: {why}. Close other programs on it, or use --size 256 or --gpu cpu.",
                f"显卡绘制失败:{why}。请关闭占用显卡的程序,或使用 --size 256 或 --gpu cpu。",
            ) from error

    def _draw(self, camera: Camera, count: int, pose: Callable[[int], None] | None) -> np.ndarray:
        lens, threads = self._sorted(camera, count, pose)
        with self._timed("copy"):
            wp.copy(self._plates, self._plates_in)
        with self._timed("raster and composite"):
            outputs = [lens, self._plates, self._frames]
            wp.launch(
                kernels.draw_over,
                threads,
                [*self._lists(), *outputs],
                device=self.device,
                block_dim=kernels.TILE_PIXELS,
            )
        with self._timed("copy"):
            wp.copy(self._frames_out, self._frames)
            wp.synchronize_device(self.device)
            return self._frames_out.numpy()[:count].copy()

    def render_over(self, splats: Splats, camera: Camera, plate: np.ndarray, frame: np.ndarray) -> None:
        """Draw one picture over plate [H, W, 3] uint8 into frame [H, W, 3] uint8."""
        self.put(0, splats, plate)
        frame[...] = self.draw(camera, 1)[0]

    def render(self, splats: Splats, camera: Camera) -> Rendering:
        """One picture as floats, with its coverage."""
        width, height = self.size
        self.put(0, splats, np.zeros((height, width, 3), np.uint8))
        lens, threads = self._sorted(camera, 1)
        canvas = self._array((1, height, width), wp.vec4)
        wp.launch(
            kernels.draw_canvas,
            threads,
            [*self._lists(), lens, canvas],
            device=self.device,
            block_dim=kernels.TILE_PIXELS,
        )
        drawn = canvas.numpy()[0]
        return Rendering(drawn[..., :3].copy(), 1 - drawn[..., 3])

    def _sorted(self, camera: Camera, count: int, pose: Callable[[int], None] | None = None) -> tuple[Any, int]:
        """Project and sort the first `count` frames -> the lens, and how many threads draw them."""
        lens, splats = self._tiles.lens(camera.K), count * self.gaussians
        if pose:
            with self._timed("motion"):
                pose(count)
        else:
            with self._timed("copy"):
                self._send()
        with self._timed("project"):
            view = wp.mat44(*camera.viewmat.astype(np.float32).flatten().tolist())
            inputs = [self._means, self._covariances, self._opacities, view, lens]
            outputs = [self._centres, self._conics, self._depths, self._tiles.spans, self._tiles.counts]
            wp.launch(kernels.project, splats, inputs, outputs, device=self.device)
        with self._timed("sort"):
            self._tiles.sort(lens, self._depths, splats, self.gaussians)
        return lens, self._tiles.threads(count)

    def _send(self) -> None:
        here = (self._means_in, self._covariances_in, self._opacities_in, self._colors_in)
        for there, array in zip(self.splats(), here, strict=True):
            wp.copy(there, array)

    def _lists(self) -> list[Any]:
        return [*self._tiles.arrays(), self._centres, self._conics, self._opacities, self._colors]

    def _array(self, shape: Any, dtype: Any) -> Any:
        return wp.empty(shape, dtype=dtype, device=self.device)

    def _pair(self, shape: Any, dtype: Any) -> tuple[Any, Any]:
        """An array on the device, and its pinned copy in the computer's memory, from which the card reads by itself."""
        return self._array(shape, dtype), wp.empty(shape, dtype=dtype, device="cpu", pinned=self.device.is_cuda)

    def _timed(self, part: str) -> Any:
        return self._profile.part(part, self._wait)

    def _wait(self) -> None:
        wp.synchronize_device(self.device)


def render(splats: Splats, camera: Camera, size: tuple[int, int]) -> Rendering:
    """The door's backend: one frame with buffers of its own, on the first card, or on the CPU where Warp sees none."""
    device = "cuda:0" if wp.get_cuda_devices() else "cpu"
    return WarpRenderer(size, len(splats.means), device=device).render(splats, camera)
