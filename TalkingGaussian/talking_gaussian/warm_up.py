"""Compile and cache the CPU kernels once, when the environment is made, so that no first video waits for it.

python -m talking_gaussian.warm_up [--gpu]

--gpu: the kernels of the GPU part instead, for every NVIDIA card that Warp sees.
"""

from __future__ import annotations

import sys
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


def warm_up_cards() -> str:
    """Compile for every card and draw a small picture on it -> what to say of it."""
    import warp as wp

    from talking_gaussian.rendering import warp_head
    from talking_gaussian.rendering.card import TRIAL_GAUSSIANS, TRIAL_LEVELS, TRIAL_SIDE, trial
    from talking_gaussian.rendering.warp_backend import WarpRenderer

    told = []
    for card in wp.get_cuda_devices():
        wp.load_module(warp_head, device=card)  # what a video needs besides the kernels of the trial
        off = trial(WarpRenderer((TRIAL_SIDE, TRIAL_SIDE), TRIAL_GAUSSIANS, device=str(card)))
        state = "draws as the CPU does" if off <= TRIAL_LEVELS else f"is off by {off} grey levels and will not be used"
        told.append(f"{card.name} {state}")
    return "; ".join(told) or "Warp sees no NVIDIA card: the kernels will be compiled at first use"


if __name__ == "__main__":
    if sys.argv[1:] == ["--gpu"]:
        print(warm_up_cards())
    else:
        warm_up()
        print("the renderer is compiled")
