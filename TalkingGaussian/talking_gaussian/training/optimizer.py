"""Adam over Gaussians that come and go: rows can be dropped and copied with their moments."""

from __future__ import annotations

import torch
from torch import Tensor

from talking_gaussian.training.model import CARRIED, LEARNED, TrainableHead
from talking_gaussian.training.settings import TrainSettings

UNIT_FIRST = ("basis", "shade")  # [K, N, 3]: the Gaussians' axis is the second


class GaussianOptimizer:
    """Adam (Kingma & Ba 2015) with one learning rate an array; the means' falls to a tenth over the run."""

    def __init__(self, head: TrainableHead, settings: TrainSettings) -> None:
        self._head = head
        self._settings = settings
        self._adam = torch.optim.Adam(
            [{"params": [head.arrays[name]], "lr": getattr(settings, f"lr_{name}"), "name": name} for name in LEARNED],
            eps=1e-15,
        )

    def step(self, step: int) -> None:
        """Apply the gradients of training step `step` and clear them."""
        for group in self._adam.param_groups:
            if group["name"] == "means":
                group["lr"] = self._settings.lr_means * 0.1 ** (step / self._settings.steps)
        self._adam.step()
        self._adam.zero_grad(set_to_none=True)

    def keep_rows(self, rows: Tensor) -> None:
        """Make the head's Gaussians those of `rows` (indices, repeats allowed), moments and all."""
        for group in self._adam.param_groups:
            name = group["name"]
            old = group["params"][0]
            new = rows_of(name, old.detach(), rows).requires_grad_(True)
            state = self._adam.state.pop(old, {})
            for key in ("exp_avg", "exp_avg_sq"):
                if key in state:
                    state[key] = rows_of(name, state[key], rows)
            self._adam.state[new] = state
            group["params"][0] = self._head.arrays[name] = new
        for name in CARRIED:
            self._head.arrays[name] = rows_of(name, self._head.arrays[name], rows)


def rows_of(name: str, array: Tensor, rows: Tensor) -> Tensor:
    """The Gaussians `rows` of one of the head's arrays."""
    return array[:, rows].contiguous() if name in UNIT_FIRST else array[rows].contiguous()
