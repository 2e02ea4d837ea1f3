"""An avatar set up to be drawn: head, plates and renderer at one picture size."""

from __future__ import annotations

import numpy as np

from talking_gaussian.avatar import Avatar
from talking_gaussian.head import Head
from talking_gaussian.rendering import Camera
from talking_gaussian.rendering.numba_backend import NumbaRenderer
from talking_gaussian.video.plates import PlateLoop


class Stage:
    """An avatar with its plates and renderer, set up for one picture size."""

    def __init__(self, avatar: Avatar, size: int, sh_degree: int | None = None) -> None:
        """size: side of the picture, px."""
        self.size = size
        self._head = Head(avatar, sh_degree)
        self._plates = PlateLoop(avatar, size)
        self._renderer = NumbaRenderer((size, size))
        self._camera = Camera(avatar.viewmat, avatar.K).resized(size / avatar.size)
        self._frame = np.empty((size, size, 3), np.uint8)

    def draw(self, coefficients: np.ndarray, seconds: float) -> np.ndarray:
        """The picture [size, size, 3] uint8 at a time in the plate loop (valid until the next call). The loop's own
        expression is added to the coefficients [K]."""
        plate, pose, expression = self._plates.at(seconds)
        if expression is not None:
            coefficients = coefficients + expression
        splats = self._head.pose(coefficients, pose, self._camera)
        self._renderer.render_over(splats, self._camera, plate, self._frame)
        return self._frame

    def close(self) -> None:
        """Free the plate decoder."""
        self._plates.close()
