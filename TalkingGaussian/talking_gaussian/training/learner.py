"""What a training step does on the processor it runs on: draw, compare, find gradients. This one is the CPU's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from talking_gaussian.head import SH_C0
from talking_gaussian.training.densify import Densifier
from talking_gaussian.training.losses import picture_loss
from talking_gaussian.training.model import TrainableHead
from talking_gaussian.training.settings import TrainSettings
from talking_gaussian.training.views import Glimpse, TrainingSet, View


class Learner(Protocol):
    """Draws heads and finds their gradients, on the processor that holds the Gaussians' arrays."""

    device: torch.device
    adds_up: bool
    """whether `learn` adds to the gradients that are there, or writes them afresh"""

    @property
    def room(self) -> int | None:
        """How many frames of the data set it began with are at hand at once; None: all alike."""

    @property
    def leads(self) -> bool:
        """Whether it looks, saves and speaks; false for one that helps another process."""

    def helped(
        self, data: Any, folder: Path, settings: TrainSettings, save: Callable[[], None]
    ) -> AbstractContextManager[None]:
        """Others may help while inside: they go on from the checkpoint in `folder`, which `save` writes for them."""

    def begin(self, data: Any, batch: int) -> None:
        """Make room for this data set and steps of `batch` frames."""

    def batches(self, data: Any, glimpses: Iterator[list[Glimpse]]) -> Iterator[Any]:
        """What `learn` takes, made ready for each step; called by a thread of its own."""

    def learn(self, head: TrainableHead, batch: Any, settings: TrainSettings, densifier: Densifier) -> None:
        """Set the gradients of the head's learned arrays for one batch, and let the densifier note the pull."""

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Make each tensor the sum over all that learn together, in place."""

    def picture(self, head: TrainableHead, view: View) -> Tensor:
        """A view as the head looks in it, over its plate, [h, w, 3] on the CPU; without gradients."""

    def contributions(self, head: TrainableHead, view: View) -> Tensor:
        """What each Gaussian adds to a view, in fully covered pixels [N]."""


class CpuLearner:
    """Torch and the compiled rasteriser, one frame after another."""

    device = torch.device("cpu")
    adds_up = True
    room = None
    leads = True

    def helped(
        self, data: TrainingSet, folder: Path, settings: TrainSettings, save: Callable[[], None]
    ) -> AbstractContextManager[None]:
        """It works alone."""
        return nullcontext()

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Nothing: it works alone."""

    def begin(self, data: TrainingSet, batch: int) -> None:
        """Nothing: frames come one by one."""

    def batches(self, data: TrainingSet, glimpses: Iterator[list[Glimpse]]) -> Iterator[list[View]]:
        """The views of each step."""
        for batch in glimpses:
            yield [data.view(glimpse) for glimpse in batch]

    def learn(self, head: TrainableHead, batch: list[View], settings: TrainSettings, densifier: Densifier) -> None:
        """One backward pass a frame, added up."""
        for view in batch:
            canvas, projection = head.draw(view.coefficients, view.head, view.camera, view.size)
            picture = canvas[..., :3] + canvas[..., 3:] * view.plate
            loss = picture_loss(picture, view.real, view.weight, settings.ssim_weight)
            (loss / len(batch)).backward()
            if projection.means2d.grad is not None:
                densifier.watch(projection.means2d.grad)
        (settings.shade_weight * head.arrays["shade"].abs().mean()).backward()

    def picture(self, head: TrainableHead, view: View) -> Tensor:
        """As the engine draws it, in float."""
        with torch.no_grad():
            canvas, _ = head.draw(view.coefficients, view.head, view.camera, view.size)
        return canvas[..., :3] + canvas[..., 3:] * view.plate

    def contributions(self, head: TrainableHead, view: View) -> Tensor:
        """The picture's gradient by each Gaussian's red."""
        canvas, _ = head.draw(view.coefficients, view.head, view.camera, view.size)
        (gradient,) = torch.autograd.grad(canvas[..., 0].sum(), head.arrays["sh"])
        return gradient[:, 0, 0] / float(SH_C0)
