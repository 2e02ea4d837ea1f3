"""Compile and cache the CPU kernels once, when the environment is made, so that no first video waits for it.

python -m talking_gaussian.warm_up
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from talking_gaussian.avatar import Avatar
from talking_gaussian.head import Head
from talking_gaussian.rendering import Camera
from talking_gaussian.rendering.numba_backend import NumbaRenderer


def warm_up(size: int = 16) -> None:
    """Draw one tiny picture by the same calls, with the same types, as a video does."""
    head = Head(tiny_avatar(size))
    camera = Camera(np.eye(4, dtype=np.float32), np.array([[size, 0, 8], [0, size, 8], [0, 0, 1]], np.float32))
    plate = np.zeros((size, size, 3), np.uint8)
    splats = head.pose(np.ones(1, np.float32), np.eye(4), camera)
    NumbaRenderer((size, size)).render_over(splats, camera, plate, plate.copy())


def tiny_avatar(size: int, count: int = 4) -> Avatar:
    """A few Gaussians one metre before the camera."""
    ahead = np.tile(np.array([0, 0, 1], np.float32), (count, 1))
    return Avatar(
        folder=Path(),
        id="tiny",
        names={},
        fps=25,
        size=size,
        units=("jawOpen",),
        plate_loop="closed",
        means=ahead,
        quats=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        scales=np.full((count, 3), -4, np.float32),
        opacities=np.ones(count, np.float32),
        sh=np.zeros((count, 4, 3), np.float32),
        head_weight=np.ones(count, np.float32),
        part=np.zeros(count, np.uint8),
        basis=np.ones((1, count, 3), np.float32),
        shade=np.ones((1, count, 3), np.float32),
        head=np.eye(4, dtype=np.float32)[None],
        viewmat=np.eye(4, dtype=np.float32),
        K=np.eye(3, dtype=np.float32),
    )


if __name__ == "__main__":
    warm_up()
    print("the renderer is compiled")
