"""What training looks at: frames with known motion, from a rendered data set or from a person's video."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from talking_gaussian.rendering import Camera

PLATE_HIDDEN, REAL_HIDDEN = 1, 2  # bits of Layers.hidden


class View(NamedTuple):
    """A frame, or the part of it that is drawn: coefficients [K], head [4, 4], real and plate [h, w, 3] in 0..1,
    weight [h, w] of each pixel in the loss, and the camera of this part."""

    number: int
    coefficients: Tensor
    head: Tensor
    real: Tensor
    plate: Tensor
    weight: Tensor
    camera: Camera

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px."""
        return self.real.shape[1], self.real.shape[0]


class Layers(NamedTuple):
    """A frame as training sees it, before a backdrop is chosen: real and plate [H, W, 3], weight [H, W] of each pixel
    in the loss and hidden [H, W] (which of the two pictures shows the backdrop there), all uint8; box: the rows and
    columns that are drawn (outside it weight is 0)."""

    real: np.ndarray
    plate: np.ndarray
    hidden: np.ndarray
    weight: np.ndarray
    box: tuple[slice, slice]

    def packed(self) -> np.ndarray:
        """All of it as [H, W, 8] uint8."""
        return np.concatenate([self.real, self.plate, self.hidden[..., None], self.weight[..., None]], 2)


class Glimpse(NamedTuple):
    """A frame to learn from, the colour [3] in 0..1 that stands where nothing may be seen, and the face's coefficients
    [K]: the frame's own, or near them."""

    number: int
    backdrop: np.ndarray
    coefficients: np.ndarray


class TrainingSet(Protocol):
    """size: side of the frames, px. init: the first cloud's arrays by name, [N, ...]; part_names: what their `part`
    numbers mean. coeffs [T, K] and head [T, 4, 4]: the frames' motion. units: names of the K."""

    @property
    def size(self) -> int: ...
    @property
    def init(self) -> dict[str, np.ndarray]: ...
    @property
    def part_names(self) -> tuple[str, ...]: ...
    @property
    def coeffs(self) -> np.ndarray: ...
    @property
    def head(self) -> np.ndarray: ...
    @property
    def units(self) -> tuple[str, ...]: ...
    @property
    def camera(self) -> Camera: ...

    def numbers(self, held_out: bool) -> np.ndarray:
        """Which frames train (or, held out, test)."""

    def view(self, glimpse: Glimpse) -> View:
        """A frame for training: what must not be see-through has the glimpse's colour behind it."""

    def shown(self, number: int) -> View:
        """A frame for looking at: the plate as a user will see it."""

    def mouth_box(self, number: int) -> tuple[slice, slice]:
        """Rows and columns of the whole frame around the mouth."""


class LayeredSet(TrainingSet, Protocol):
    """A TrainingSet that a card can learn from: its frames come in layers."""

    def layers(self, number: int) -> Layers:
        """A training frame before a backdrop is chosen."""


def view_of_layers(data: LayeredSet, glimpse: Glimpse) -> View:
    """The part of a frame that is drawn, with the glimpse's colour where nothing may be see-through."""
    layers, number = data.layers(glimpse.number), glimpse.number
    real = layers.real[layers.box].astype(np.float32) / 255
    plate = layers.plate[layers.box].astype(np.float32) / 255
    hidden = layers.hidden[layers.box]
    real[hidden & REAL_HIDDEN > 0] = plate[hidden & PLATE_HIDDEN > 0] = glimpse.backdrop
    return View(
        number=number,
        coefficients=torch.from_numpy(glimpse.coefficients),
        head=torch.from_numpy(data.head[number]),
        real=torch.from_numpy(real),
        plate=torch.from_numpy(plate),
        weight=torch.from_numpy(layers.weight[layers.box].astype(np.float32)),
        camera=data.camera.cropped(layers.box[0].start, layers.box[1].start),
    )
