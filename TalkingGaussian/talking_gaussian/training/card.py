"""Training on an NVIDIA card: the card draws and finds the splats' gradients, torch does the rest on the CPU."""

from __future__ import annotations

import numpy as np
import torch

from talking_gaussian import devices
from talking_gaussian.devices import Choice, Gpu
from talking_gaussian.errors import UserError
from talking_gaussian.rendering.card import note, refused, started
from talking_gaussian.rendering.differentiable import draw_on, rasterize
from talking_gaussian.rendering.reference import Projection

TRIAL_SIZE, TRIAL_GAUSSIANS = (32, 32), 64
TRIAL_SHARE = 1e-2  # of the largest gradient: as far as a card's may be from the CPU's
USUAL_SIZE = 512


def train_on(choice: Choice, gaussians: int) -> bool:
    """Let training draw on the chosen card, if any; whether it does. gaussians: most that there will be.

    A card that was named and cannot be used raises UserError; one that `auto` found is left alone, with a line.
    """
    if choice.gpu is None:
        note(choice.en, choice.zh)
        return False
    try:
        devices.batch_that_fits(choice.gpu, gaussians, USUAL_SIZE)
        _open(choice.gpu)
    except UserError as error:
        draw_on(None)
        if choice.named:
            raise
        note(f"the CPU does the work: {error.en}", f"由 CPU 完成:{error.zh}")
        return False
    return True


def _open(gpu: Gpu) -> None:
    with started(gpu):
        from talking_gaussian.rendering.warp_gradient import CardRasterizer

        expected = trial_gradients()
        draw_on(CardRasterizer())
        found = trial_gradients()
    if not np.abs(found - expected).max() <= TRIAL_SHARE * np.abs(expected).max():  # false for NaN too
        raise refused(gpu, "its test gradients differ from the CPU's")


def trial_gradients() -> np.ndarray:
    """Gradients [N, 9] of a small picture, by whatever `rasterize` draws with now."""
    random = torch.Generator().manual_seed(0)
    count, (width, height) = TRIAL_GAUSSIANS, TRIAL_SIZE
    means2d = torch.rand(count, 2, generator=random) * torch.tensor([width, height])
    conics = torch.tensor([0.05, 0.01, 0.08]).repeat(count, 1)
    depths = 1 + torch.rand(count, generator=random)
    leaves = [means2d, conics, torch.rand(count, generator=random), torch.rand(count, 3, generator=random)]
    for leaf in leaves:
        leaf.requires_grad_()
    picture = rasterize(Projection(leaves[0], leaves[1], depths), leaves[2], leaves[3], TRIAL_SIZE)
    (picture * torch.rand(picture.shape, generator=random)).sum().backward()
    return np.concatenate([_gradient(leaf).reshape(count, -1) for leaf in leaves], 1)


def _gradient(leaf: torch.Tensor) -> np.ndarray:
    assert leaf.grad is not None  # noqa: S101 (every leaf takes part in the picture)
    return leaf.grad.numpy()
