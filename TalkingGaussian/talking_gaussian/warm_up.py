"""Compile and cache the CPU kernels once, when the environment is made, so that no first video waits for it.

python -m talking_gaussian.warm_up [--gpu | --training]

--gpu: the kernels of the GPU part instead, for every NVIDIA card that Warp sees; those of training too where torch is.
--training: the CPU's gradients, and then what --gpu compiles.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

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


def warm_up_gradients() -> None:
    """Find the gradients of one tiny picture as a training on the CPU does."""
    from talking_gaussian.training.learner import CpuLearner
    from talking_gaussian.training.trial import trial_gradients

    trial_gradients(CpuLearner())


def modules_beside_the_trial() -> list[ModuleType]:
    """Kernels that a video needs besides those of the trial picture, and a training where there can be one."""
    from talking_gaussian.rendering import warp_head

    if find_spec("torch") is None:
        return [warp_head]
    from talking_gaussian.training.card import loss_kernels, place_kernels

    return [warp_head, loss_kernels, place_kernels]


def warm_up_cards() -> str:
    """Compile for every card and draw a small picture on it -> what to say of it."""
    if find_spec("warp") is None:
        return "there is no GPU part: nothing to compile"
    import warp as wp

    from talking_gaussian.rendering.card import TRIAL_GAUSSIANS, TRIAL_LEVELS, TRIAL_SIDE, trial
    from talking_gaussian.rendering.warp_backend import WarpRenderer

    told = []
    for card in wp.get_cuda_devices():
        for module in modules_beside_the_trial():
            wp.load_module(module, device=card)
        off = trial(WarpRenderer((TRIAL_SIDE, TRIAL_SIDE), TRIAL_GAUSSIANS, device=str(card)))
        state = "draws as the CPU does" if off <= TRIAL_LEVELS else f"is off by {off} grey levels and will not be used"
        told.append(f"{card.name} {state}")
    return "; ".join(told) or "Warp sees no NVIDIA card: the kernels will be compiled at first use"


if __name__ == "__main__":
    if sys.argv[1:] == ["--training"]:
        warm_up_gradients()
    if sys.argv[1:]:
        print(warm_up_cards())
    else:
        warm_up()
        print("the renderer is compiled")
