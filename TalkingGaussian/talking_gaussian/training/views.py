"""What training looks at: frames with known motion, from a rendered data set or from a person's video."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from torch import Tensor

from talking_gaussian.rendering import Camera


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

    def view(self, number: int, rng: np.random.Generator) -> View:
        """A frame for training: what must not be see-through has a random colour behind it."""

    def shown(self, number: int) -> View:
        """A frame for looking at: the plate as a user will see it."""

    def mouth_box(self, number: int) -> tuple[slice, slice]:
        """Rows and columns of the whole frame around the mouth."""
