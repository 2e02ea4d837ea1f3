"""Compile and cache the CPU kernels once, when the environment is made, so that no first video waits for it.

python -m talking_gaussian.warm_up
"""

from __future__ import annotations

import numpy as np

from talking_gaussian.head import covariances_of, place
from talking_gaussian.rendering import Camera, Splats
from talking_gaussian.rendering.numba_backend import NumbaRenderer


def warm_up(size: int = 16) -> None:
    """Draw one tiny picture by the same calls, with the same types, as a video does."""
    means = np.zeros((4, 3), np.float32)
    covariances = covariances_of(np.tile(np.float32([1, 0, 0, 0]), (4, 1)), np.full((4, 3), -4, np.float32))
    ones = np.ones(4, np.float32)
    place(means, np.zeros(12, np.float32), covariances, ones, np.eye(4, dtype=np.float32), means, covariances)
    viewmat = np.eye(4, dtype=np.float32)
    viewmat[2, 3] = 1
    K = np.array([[size, 0, size / 2], [0, size, size / 2], [0, 0, 1]], np.float32)
    plate = np.zeros((size, size, 3), np.uint8)
    splats = Splats(means, covariances, ones, np.ones((4, 3), np.float32))
    NumbaRenderer((size, size)).render_over(splats, Camera(viewmat, K), plate, plate.copy())


if __name__ == "__main__":
    warm_up()
    print("the renderer is compiled")
