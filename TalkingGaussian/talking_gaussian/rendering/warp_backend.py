"""The renderer for NVIDIA cards: several frames a launch, buffers that stay, one wait a batch.

Needs the environment's gpu part (warp-lang); Warp compiles the kernels at first use and keeps them in its cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import warp as wp

from talking_gaussian.errors import UserError
from talking_gaussian.profiling import Profile
from talking_gaussian.rendering import warp_kernels as kernels
from talking_gaussian.rendering import warp_output as output
from talking_gaussian.rendering import warp_raster
from talking_gaussian.rendering.types import Camera, Rendering, Splats
from talking_gaussian.rendering.warp_clock import CardClock
from talking_gaussian.rendering.warp_launches import Launches
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
        plate_bytes: int = 0,
    ) -> None:
        """size: (width, height) px. batch: most frames at once. device: Warp's name of it; `cpu` runs the same kernels
        on one thread, for tests. plate_bytes: what plates that stay may take of its memory. Raises RuntimeError or
        ValueError for a device that Warp does not have."""
        self.size, self.batch, self.gaussians = size, batch, gaussians
        self.plate_bytes = plate_bytes
        self.device = wp.get_device(device)
        self.clock = CardClock(profile or Profile(), self.device)
        width, height = size
        count = batch * gaussians
        self._means, self._covariances = self.array(count, wp.vec3), self.array((count, 6), float)
        self._opacities, self._colors = self.array(count, float), self.array(count, wp.vec3)
        self._centres, self._conics = self.array(count, wp.vec2), self.array(count, wp.vec3)
        self._depths = self.array(count, float)
        self._canvas = self.array((batch, height, width), wp.vec4)
        self._tiles = TileLists(size, count, batch, self.device)
        self.launch = Launches(self.device)
        self._camera: Camera | None = None
        self._seen: tuple[Any, Any] = (None, None)

    def put(self, slot: int, splats: Splats, plate: np.ndarray) -> None:
        """Lay frame `slot` (0 to batch - 1) ready: its splats and its plate [H, W, 3] uint8 (both are copied)."""
        rows = slice(slot * self.gaussians, (slot + 1) * self.gaussians)
        given = (splats.means, splats.covariances, splats.opacities, splats.colors)
        for there, values in zip(self._sent, given, strict=True):
            there.numpy()[rows] = values
        self.put_plate(slot, plate)

    def put_plate(self, slot: int, plate: np.ndarray) -> None:
        """Lay the plate [H, W, 3] uint8 of frame `slot` ready, whose splats will be posed on the card."""
        self._pictures.plates_in.numpy()[slot] = plate

    def splats(self) -> list[Any]:
        """The card's arrays for means, covariances, opacities and colours, frame after frame, for who poses there."""
        return [self._means, self._covariances, self._opacities, self._colors]

    def draw(self, camera: Camera, count: int, pose: Callable[[int], None] | None = None) -> np.ndarray:
        """The first `count` frames that were put -> [count, H, W, 3] uint8, an array of the caller's own. pose: fills
        `splats()` for them on the card; without it they are sent there. Raises UserError where the card fails."""
        with faults_as_sentences():
            pictures, (width, height) = self._pictures, self.size
            canvas = self.canvas(camera, count, pose)
            with self.clock.part("copy"):
                wp.copy(pictures.plates, pictures.plates_in)
            with self.clock.part("composite"):
                inputs = [canvas, pictures.plates, pictures.numbers]
                self.launch(output.as_rgb, (count, height, width), [*inputs, pictures.frames])
            with self.clock.part("copy"):
                wp.copy(pictures.frames_out, pictures.frames)
            wp.synchronize_device(self.device)
            self.clock.read()
            return pictures.frames_out.numpy()[:count].copy()

    def render_over(self, splats: Splats, camera: Camera, plate: np.ndarray, frame: np.ndarray) -> None:
        """Draw one picture over plate [H, W, 3] uint8 into frame [H, W, 3] uint8."""
        self.put(0, splats, plate)
        frame[...] = self.draw(camera, 1)[0]

    def render(self, splats: Splats, camera: Camera) -> Rendering:
        """One picture as floats, with its coverage."""
        width, height = self.size
        self.put(0, splats, np.zeros((height, width, 3), np.uint8))
        drawn = self.canvas(camera, 1).numpy()[0]
        return Rendering(drawn[..., :3].copy(), 1 - drawn[..., 3])

    def canvas(self, camera: Camera, count: int, pose: Callable[[int], None] | None = None) -> Any:
        """Draw the first `count` frames -> the card's array [batch, H, W] of (r, g, b premultiplied, transmittance),
        to be read by what is given to the card next; nobody waits for it here."""
        lens = self._sorted(camera, count, pose)
        with self.clock.part("raster"):
            lists = [*self._tiles.arrays(), self._centres, self._conics, self._opacities, self._colors]
            threads = self._tiles.threads(count)
            self.launch(warp_raster.draw_canvas, threads, [*lists, lens, self._canvas], kernels.TILE_PIXELS)
        return self._canvas

    def _sorted(self, camera: Camera, count: int, pose: Callable[[int], None] | None) -> Any:
        """Project and sort the first `count` frames -> the lens."""
        (lens, view), splats = self._seen_by(camera), count * self.gaussians
        if pose:
            with self.clock.part("motion"):
                pose(count)
        else:
            with self.clock.part("copy"):
                for there, here in zip(self.splats(), self._sent, strict=True):
                    wp.copy(there, here)
        with self.clock.part("project"):
            inputs = [self._means, self._covariances, self._opacities, view, lens]
            outputs = [self._centres, self._conics, self._depths, self._tiles.spans, self._tiles.counts]
            self.launch(kernels.project, splats, [*inputs, *outputs])
        with self.clock.part("sort"):
            self._tiles.sort(lens, self._depths, splats, self.gaussians)
        return lens

    def _seen_by(self, camera: Camera) -> tuple[Any, Any]:
        """A camera's lens and place as the kernels want them, the same objects as long as it is the same camera."""
        if self._camera is not camera:
            view = wp.mat44(*camera.viewmat.astype(np.float32).flatten().tolist())
            self._camera, self._seen = camera, (self._tiles.lens(camera.K), view)
        return self._seen

    @cached_property
    def _sent(self) -> list[Any]:
        """The computer's copies of `splats()`, made where splats are sent."""
        return [self.pinned(there.shape, there.dtype) for there in self.splats()]

    @cached_property
    def _pictures(self) -> Pictures:
        return Pictures(self)

    def array(self, shape: Any, dtype: Any) -> Any:
        """An array on the card, of anything."""
        return wp.empty(shape, dtype=dtype, device=self.device)

    def pinned(self, shape: Any, dtype: Any) -> Any:
        """An array in the computer's memory that the card reads and writes by itself."""
        return wp.zeros(shape, dtype=dtype, device="cpu", pinned=self.device.is_cuda)


class Pictures:
    """Plates sent and RGB pictures fetched batch by batch: for whom the plates do not stay on the card."""

    def __init__(self, renderer: WarpRenderer) -> None:
        shape = (renderer.batch, renderer.size[1], renderer.size[0], 3)
        self.plates, self.plates_in = renderer.array(shape, wp.uint8), renderer.pinned(shape, wp.uint8)
        self.frames, self.frames_out = renderer.array(shape, wp.uint8), renderer.pinned(shape, wp.uint8)
        self.numbers: Any = wp.array(np.arange(renderer.batch, dtype=np.int32), device=renderer.device)


@contextmanager
def faults_as_sentences() -> Iterator[None]:
    """What Warp raises for a card that is full or fails becomes a UserError."""
    try:
        yield
    except RuntimeError as error:
        why = (str(error).splitlines() or ["?"])[0][:200]
        raise UserError(
            "gpu_failed",
            f"The GPU failed while drawing: {why}. Close other programs on it, or use --size 256 or --gpu cpu.",
            f"显卡绘制失败:{why}。请关闭占用显卡的程序,或使用 --size 256 或 --gpu cpu。",
        ) from error


def render(splats: Splats, camera: Camera, size: tuple[int, int]) -> Rendering:
    """The door's backend: one frame with buffers of its own, on the first card, or on the CPU where Warp sees none."""
    device = "cuda:0" if wp.get_cuda_devices() else "cpu"
    return WarpRenderer(size, len(splats.means), device=device).render(splats, camera)
