"""Adding Gaussians where the picture asks for detail, dropping those that do nothing (Kerbl et al. 2023, sec. 5)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

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
        self._forget()

    def watch(self, gradient: Tensor) -> None:
        """Note the loss's gradient by the Gaussians' places on the screen [N, 2] in one frame."""
        norm = gradient.norm(dim=1)
        self.pull += norm
        self.seen += norm > 0

    def state(self) -> dict[str, Tensor]:
        """What was noted so far, for a checkpoint."""
        return {"densify.pull": self.pull, "densify.seen": self.seen}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up a checkpoint's notes."""
        device = self._head.arrays["means"].device
        self.pull, self.seen = (state[name].to(device) for name in ("densify.pull", "densify.seen"))

    def is_due(self, step: int) -> bool:
        """Whether the settings name this step."""
        s = self._settings
        return s.densify_from <= step <= s.densify_until and step % s.densify_every == 0

    def act(self, step: int, optimizer: GaussianOptimizer) -> None:
        """Drop and split."""
        with torch.no_grad():
            self._prune(optimizer)
            self._split(optimizer, torch.Generator().manual_seed(self._seed + step))
        self._forget()

    def _forget(self) -> None:
        """pull [N]: how hard the loss pulled since the last act, in all; seen [N]: in how many frames."""
        device = self._head.arrays["means"].device
        self.pull = torch.zeros(len(self._head), device=device)
        self.seen = torch.zeros(len(self._head), device=device)

    def _prune(self, optimizer: GaussianOptimizer) -> None:
        opacities = self._head.arrays["opacities"].sigmoid()
        worth = torch.where(self.seen > 0, opacities, torch.zeros_like(opacities))
        strongest = torch.topk(worth, min(len(worth), self._settings.max_gaussians)).indices.sort().values
        keep = strongest[worth[strongest] > self._settings.prune_opacity]
        self.pull, self.seen = self.pull[keep], self.seen[keep]
        optimizer.keep_rows(keep)

    def _split(self, optimizer: GaussianOptimizer, generator: torch.Generator) -> None:
        count = len(self._head)
        room = min(int(count * self._settings.densify_share), self._settings.max_gaussians - count)
        if room <= 0:
            return
        chosen = torch.topk(self.pull / self.seen.clamp(min=1), room).indices
        device = chosen.device
        optimizer.keep_rows(torch.cat([torch.arange(count, device=device), chosen]))
        self._part_twins(chosen, torch.arange(count, count + room, device=device), generator)

    def _part_twins(self, first: Tensor, second: Tensor, generator: torch.Generator) -> None:
        """Move two copies of a Gaussian apart along a random draw from it, and make both smaller."""
        arrays = self._head.arrays
        draw = torch.randn(len(first), 3, generator=generator).to(first.device) * arrays["scales"][first].exp()
        offset = (rotations(arrays["quats"][first]) @ draw[..., None])[..., 0] * 0.7
        for rows, sign in ((first, 1.0), (second, -1.0)):
            arrays["means"][rows] += sign * offset
            arrays["scales"][rows] -= SHRINK
