"""A training step on a card: a batch of frames drawn, compared and its gradients found, without waiting for the card.

The arrays are torch's, which keeps the Gaussians and their optimiser; the kernels are Warp's and work in place on them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import warp as wp
from torch import Tensor

from talking_gaussian.rendering import warp_kernels, warp_raster
from talking_gaussian.rendering.types import Camera
from talking_gaussian.rendering.warp_launches import Launches
from talking_gaussian.rendering.warp_parcel import Parcel
from talking_gaussian.rendering.warp_tiles import TileLists
from talking_gaussian.training.card import loss_kernels, place_kernels
from talking_gaussian.training.card.frames import CardBatch, CardFrames
from talking_gaussian.training.model import TrainableHead
from talking_gaussian.training.settings import TrainSettings

PLACED = ("quats", "scales", "opacities", "sh")  # what `place` has gradients for, besides bent means and colours
KINDS: dict[str, Any] = {
    **{"means": wp.vec3, "basis": wp.vec3, "shade": wp.vec3, "sh": wp.vec3, "scales": wp.vec3},
    **{"quats": wp.vec4, "opacities": wp.float32, "head_weight": wp.float32},
}


class Motion:
    """How the head moves in every frame, on the card."""

    def __init__(self, heads: np.ndarray, camera: Camera, device: Any) -> None:
        """heads [T, 4, 4]."""
        self._centre = camera.centre
        self.heads: Any = wp.array(heads, dtype=wp.mat44, device=device)
        self.eyes: Any = wp.array(self._eyes(heads), dtype=wp.vec3, device=device)
        self.view = wp.mat44(*camera.viewmat.astype(np.float32).flatten().tolist())

    def put(self, head: np.ndarray) -> None:
        """Let the first frame's motion be [4, 4]."""
        self.heads[:1].assign(head[None])
        self.eyes[:1].assign(self._eyes(head[None]))

    def _eyes(self, heads: np.ndarray) -> np.ndarray:
        """The camera's place [T, 3] in the head's frame."""
        moved: np.ndarray = np.einsum("tji,tj->ti", heads[:, :3, :3], self._centre - heads[:, :3, 3])
        return moved.astype(np.float32)


class Orders:
    """What a step looks at, on the card: the frames' numbers and the slots they lie in [B], the backdrops [B, 3], and
    the face's coefficients [B, K]."""

    def __init__(self, batch: int, units: int, device: Any) -> None:
        self._parcel = Parcel((5 + units) * batch, device)
        self._here = np.split(self._parcel.laid, [batch, 2 * batch, 5 * batch])
        self.numbers, self.slots = (self._parcel.there(first, batch, int) for first in (0, batch))
        self.backdrops = self._parcel.there(2 * batch, batch, wp.vec3)
        self.coefficients = self._parcel.there(5 * batch, (batch, units), float)

    def send(self, batch: CardBatch) -> None:
        """The next step's, in its turn."""
        self._here[0].view(np.int32)[: len(batch.numbers)] = batch.numbers
        self._here[1].view(np.int32)[: len(batch.slots)] = batch.slots
        self._here[2][: batch.backdrops.size] = batch.backdrops.ravel()
        self._here[3][: batch.coefficients.size] = batch.coefficients.ravel()
        self._parcel.send()


class CardStep:
    """Draws a head as it stands in some frames, and finds its gradients."""

    def __init__(self, size: int, camera: Camera, motion: Motion, batch: int, units: int, device: torch.device) -> None:
        """size: side of the pictures, px. batch: most frames at once. units: of the face."""
        self._size, self._camera, self._motion, self._batch = size, camera, motion, batch
        self._device = wp.device_from_torch(device)
        self._repeat = Launches(self._device)
        self._orders = Orders(batch, units, self._device)
        pictures = (batch, size, size)
        self.canvas = self._array(pictures, wp.vec4)
        self._picture, self._real = self._array(pictures, wp.vec3), self._array(pictures, wp.vec3)
        self._moments, self._slopes = self._array((5, *pictures), wp.vec3), self._array((3, *pictures), wp.vec3)
        self._spread, self._pull = self._array((3, *pictures), wp.vec3), self._array(pictures, wp.vec4)
        self._bound: Tensor | None = None
        self._learned: Tensor | None = None
        self._noted: tuple[Any, ...] = ()
        # gradients that `place` need not find: by what is carried, the orders, the view and the lens
        self._nothing = [None, None, None, None, None, wp.mat44(), warp_kernels.Lens()]

    def draw(self, head: TrainableHead, number: int, coefficients: np.ndarray) -> None:
        """Draw frame `number` with the face's coefficients [K] into `canvas` [B, H, W] of (r, g, b premultiplied,
        transmittance)."""
        self._orders.send(CardBatch((number,), (), np.zeros((0, 3)), coefficients, []))
        self._draw(head, 1)

    def learn(
        self, head: TrainableHead, batch: CardBatch, frames: CardFrames, settings: TrainSettings, cards: int = 1
    ) -> None:
        """Draw a batch and set the gradients (`grad`) of the head's learned arrays: this card's part of the mean over
        the step's frames. cards: how many there are that share them."""
        count = len(batch.numbers)
        self._orders.send(batch)
        self._draw(head, count)
        self._bind_gradients(head)
        self._compare(count, frames, settings)
        self._back_to_splats(count, self._pull)
        self._back_to_head(head, count, settings.shade_weight / cards)

    def note_pull(self, frames: int, pull: Tensor, seen: Tensor) -> None:
        """Add the last step's pull across the screen to pull [N], and the number of frames with any to seen [N]."""
        if not self._noted or self._noted[0] is not pull:
            self._noted = (pull, _shared(pull, wp.float32), _shared(seen, wp.float32))
        self._launch(place_kernels.note_pull, len(pull), [frames, self._by_centres, *self._noted[1:]])

    def contributions(self) -> Tensor:
        """What each Gaussian adds to the frame drawn last, in fully covered pixels [N]."""
        red = torch.zeros((1, self._size, self._size, 4), device=wp.device_to_torch(self._device))
        red[..., 0] = 1
        self._back_to_splats(1, _shared(red, wp.vec4))
        return wp.to_torch(self._by_colors)[: self._gaussians, 0]

    def _draw(self, head: TrainableHead, count: int) -> None:
        self._bind(head)
        self._place(count)
        self._list_tiles(count)
        self._launch(warp_raster.draw_canvas, self._tiles.threads(count), self._drawn(), [self.canvas])

    def _place(self, count: int) -> None:
        self._launch(
            place_kernels.bend,
            (count, self._gaussians),
            [self._a["means"], self._a["basis"], self._a["shade"], self._orders.coefficients],
            [self._moved, self._tint],
        )
        self._launch(place_kernels.place, (count, self._gaussians), self._placing(), self._placed())

    def _list_tiles(self, count: int) -> None:
        splats = count * self._gaussians
        inputs = [self._centres, self._conics, self._covers, self._depths, self._lens]
        self._launch(warp_kernels.span_tiles, splats, inputs, [self._tiles.spans, self._tiles.counts])
        self._tiles.sort(self._lens, self._depths, splats, self._gaussians)

    def _compare(self, count: int, frames: CardFrames, settings: TrainSettings) -> None:
        """The loss's gradient by the pictures -> `_pull`."""
        ssim_weight, grid = settings.ssim_weight, (count, self._size, self._size)
        slots, backdrops = self._orders.slots, self._orders.backdrops
        pixels, boxes, sums = frames.shared
        pictures = [self._picture, self._real]
        self._launch(loss_kernels.lay_over, grid, [self.canvas, pixels, slots, backdrops], pictures)
        if ssim_weight > 0:
            self._launch(loss_kernels.moments_along, grid, [*pictures, boxes, slots], [self._moments])
            self._launch(loss_kernels.slopes_of_index, grid, [self._moments, pixels, boxes, slots], [self._slopes])
            self._launch(loss_kernels.slopes_along, grid, [self._slopes, boxes, slots], [self._spread])
        inputs = [*pictures, self._spread, pixels, boxes, sums, slots, backdrops, ssim_weight, 1 / settings.batch]
        self._launch(loss_kernels.pull_of_loss, grid, inputs, [self._pull])

    def _back_to_splats(self, count: int, pull: Any) -> None:
        """Gradients by the pictures -> by the splats."""
        for array in self._by_splats():
            array.zero_()
        self._launch(
            warp_raster.gradient,
            self._tiles.threads(count),
            [*self._drawn(), self.canvas, pull],
            self._by_splats(),
        )

    def _back_to_head(self, head: TrainableHead, count: int, shade_weight: float) -> None:
        """Gradients by splats -> by the head's arrays."""
        for array in (self._by_moved, self._by_tint, *(self._g[name] for name in PLACED)):
            array.zero_()
        by_inputs = [self._by_moved, self._by_tint, *(self._g[name] for name in PLACED), *self._nothing]
        by_outputs = [self._by_centres, self._by_conics, None, self._by_covers, self._by_colors]
        arguments, gradients = [*self._placing(), *self._placed()], [*by_inputs, *by_outputs]
        self._repeat.adjoint(place_kernels.place, (count, self._gaussians), arguments, gradients, len(by_outputs))
        self._launch(place_kernels.unbend_means, self._gaussians, [count, self._by_moved], [self._g["means"]])
        shade = head.arrays["shade"]
        self._unbend("shade", self._by_tint, count, shade_weight / max(shade.numel(), 1))
        if "basis" in self._g:
            self._unbend("basis", self._by_moved, count, 0.0)

    def _unbend(self, name: str, by_value: Any, count: int, towards_none: float) -> None:
        values = self._a[name]
        inputs = [count, self._orders.coefficients, by_value, values, towards_none]
        self._launch(place_kernels.unbend_units, values.shape, inputs, [self._g[name]])

    def _bind(self, head: TrainableHead) -> None:
        """Make room for a head's Gaussians, whose number changes as training adds and drops some."""
        if self._bound is head.arrays["means"]:
            return
        self._bound = head.arrays["means"]
        self._gaussians = len(head)
        self._repeat.forget()
        self._a = {name: _shared(head.arrays[name], kind) for name, kind in KINDS.items()}
        self._room_for_splats(self._batch * self._gaussians)

    def _bind_gradients(self, head: TrainableHead) -> None:
        """Where the optimiser reads them. Only who learns may do so: a second step that draws the same head would take
        them away from the first."""
        if self._learned is head.arrays["means"]:
            return
        self._learned = head.arrays["means"]
        self._g = {}
        for name, kind in KINDS.items():
            array = head.arrays[name]
            if array.requires_grad:
                array.grad = torch.zeros_like(array)
                self._g[name] = _shared(array.grad, kind)

    def _room_for_splats(self, splats: int) -> None:
        side = (self._size, self._size)
        self._tiles = TileLists(side, splats, self._batch, self._device, waits=False)
        self._lens = self._tiles.lens(self._camera.K)
        self._moved, self._tint = self._array(splats, wp.vec3), self._array(splats, wp.vec3)
        self._by_moved, self._by_tint = self._array(splats, wp.vec3), self._array(splats, wp.vec3)
        self._centres, self._by_centres = self._array(splats, wp.vec2), self._array(splats, wp.vec2)
        self._conics, self._by_conics = self._array(splats, wp.vec3), self._array(splats, wp.vec3)
        self._covers, self._by_covers = self._array(splats, float), self._array(splats, float)
        self._colors, self._by_colors = self._array(splats, wp.vec3), self._array(splats, wp.vec3)
        self._depths = self._array(splats, float)

    def _placing(self) -> list[Any]:
        motion = self._motion
        learned = [self._a[name] for name in PLACED]
        carried = [self._a["means"], self._a["head_weight"], motion.heads, motion.eyes]
        return [self._moved, self._tint, *learned, *carried, self._orders.numbers, motion.view, self._lens]

    def _placed(self) -> list[Any]:
        return [self._centres, self._conics, self._depths, self._covers, self._colors]

    def _drawn(self) -> list[Any]:
        return [*self._tiles.arrays(), self._centres, self._conics, self._covers, self._colors, self._lens]

    def _by_splats(self) -> list[Any]:
        return [self._by_centres, self._by_conics, self._by_covers, self._by_colors]

    def _launch(self, kernel: Any, size: Any, inputs: list[Any], outputs: list[Any] | None = None) -> None:
        self._repeat(kernel, size, [*inputs, *(outputs or [])], warp_kernels.TILE_PIXELS)

    def _array(self, shape: Any, dtype: Any) -> Any:
        return wp.empty(shape, dtype=dtype, device=self._device)


def _shared(tensor: Tensor, dtype: Any) -> Any:
    """A torch tensor as Warp's array of the same memory."""
    return wp.from_torch(tensor.detach(), dtype=dtype)
