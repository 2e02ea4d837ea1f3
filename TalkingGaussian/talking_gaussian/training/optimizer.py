"""Adam over Gaussians that come and go: rows can be dropped and copied with their moments."""

from __future__ import annotations

import torch
from torch import Tensor

from talking_gaussian.training.model import CARRIED, LEARNED, TrainableHead, rows_of
from talking_gaussian.training.settings import TrainSettings


class GaussianOptimizer:
    """Adam (Kingma & Ba 2015) with one learning rate an array; the means' falls to a tenth over the run."""

    def __init__(self, head: TrainableHead, settings: TrainSettings, clears: bool = True) -> None:
        """clears: who finds the gradients adds to them, so that they must be cleared after each step."""
        self._head = head
        self._settings = settings
        self._clears = clears
        self._on_card = head.arrays["means"].is_cuda
        self._adam = torch.optim.Adam(
            [
                {"params": [head.arrays[name]], "lr": getattr(settings, f"lr_{name}"), "name": name}
                for name in LEARNED
                if head.arrays[name].requires_grad
            ],
            eps=1e-15,
            fused=self._on_card,  # one kernel an array, and no waiting for the card
        )

    def step(self, step: int) -> None:
        """Apply the gradients of training step `step` and clear them, unless they are written afresh in place."""
        done = step / self._settings.steps
        settled = self._settings.lr_final ** max(0.0, 2 * done - 1)
        for group in self._adam.param_groups:
            fallen = 0.1**done if group["name"] == "means" else 1.0
            group["lr"] = getattr(self._settings, f"lr_{group['name']}") * fallen * settled
        self._adam.step()
        if self._clears:
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
        still = set(LEARNED) - {group["name"] for group in self._adam.param_groups}
        for name in (*CARRIED, *still):
            self._head.arrays[name] = rows_of(name, self._head.arrays[name], rows)

    def state(self) -> dict[str, Tensor]:
        """The moments, for a checkpoint."""
        found = {}
        for group in self._adam.param_groups:
            for key, value in self._adam.state.get(group["params"][0], {}).items():
                found[f"adam.{group['name']}.{key}"] = value
        return found

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up the moments of a checkpoint, for a head of the same Gaussians."""
        for group in self._adam.param_groups:
            start = f"adam.{group['name']}."
            array = group["params"][0]
            kept = {name[len(start) :]: value for name, value in state.items() if name.startswith(start)}
            if kept:
                self._adam.state[array] = {key: value.to(array.device) for key, value in kept.items()}
