"""Adding Gaussians where the picture asks for detail, dropping those that do nothing (Kerbl et al. 2023, sec. 5)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from talking_gaussian.rendering.reference import Projection
from talking_gaussian.training.model import TrainableHead, rotations
from talking_gaussian.training.optimizer import GaussianOptimizer
from talking_gaussian.training.settings import TrainSettings

SHRINK = math.log(1.6)  # halves of a split Gaussian are this much smaller (Kerbl et al. 2023)


class Densifier:
    """Remembers how hard the loss pulls each Gaussian across the screen, and acts on it from time to time."""

    def __init__(self, head: TrainableHead, settings: TrainSettings, seed: int) -> None:
        self._head = head
        self._settings = settings
        self._seed = seed
        self._pull = torch.zeros(len(head))
        self._seen = torch.zeros(len(head))

    def watch(self, projection: Projection) -> None:
        """Note the screen gradients of a step (after backward)."""
        gradient = projection.means2d.grad
        if gradient is not None:
            norm = gradient.norm(dim=1)
            self._pull += norm
            self._seen += norm > 0

    def state(self) -> dict[str, Tensor]:
        """What was noted so far, for a checkpoint."""
        return {"densify.pull": self._pull, "densify.seen": self._seen}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up a checkpoint's notes."""
        self._pull, self._seen = state["densify.pull"], state["densify.seen"]

    def act(self, step: int, optimizer: GaussianOptimizer) -> None:
        """Drop and split at the steps the settings name."""
        s = self._settings
        if not s.densify_from <= step <= s.densify_until or step % s.densify_every:
            return
        with torch.no_grad():
            self._prune(optimizer)
            self._split(optimizer, torch.Generator().manual_seed(self._seed + step))
        self._pull = torch.zeros(len(self._head))
        self._seen = torch.zeros(len(self._head))

    def _prune(self, optimizer: GaussianOptimizer) -> None:
        opacities = self._head.arrays["opacities"].sigmoid()
        worth = torch.where(self._seen > 0, opacities, torch.zeros_like(opacities))
        strongest = torch.topk(worth, min(len(worth), self._settings.max_gaussians)).indices.sort().values
        keep = strongest[worth[strongest] > self._settings.prune_opacity]
        self._pull, self._seen = self._pull[keep], self._seen[keep]
        optimizer.keep_rows(keep)

    def _split(self, optimizer: GaussianOptimizer, generator: torch.Generator) -> None:
        count = len(self._head)
        room = min(int(count * self._settings.densify_share), self._settings.max_gaussians - count)
        if room <= 0:
            return
        chosen = torch.topk(self._pull / self._seen.clamp(min=1), room).indices
        optimizer.keep_rows(torch.cat([torch.arange(count), chosen]))
        self._part_twins(chosen, torch.arange(count, count + room), generator)

    def _part_twins(self, first: Tensor, second: Tensor, generator: torch.Generator) -> None:
        """Move two copies of a Gaussian apart along a random draw from it, and make both smaller."""
        arrays = self._head.arrays
        draw = torch.randn(len(first), 3, generator=generator) * arrays["scales"][first].exp()
        offset = (rotations(arrays["quats"][first]) @ draw[..., None])[..., 0] * 0.7
        for rows, sign in ((first, 1.0), (second, -1.0)):
            arrays["means"][rows] += sign * offset
            arrays["scales"][rows] -= SHRINK
