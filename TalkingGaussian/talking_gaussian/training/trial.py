"""A tiny training step, to see whether a card finds the gradients that the CPU finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from talking_gaussian.rendering import Camera
from talking_gaussian.training.densify import Densifier
from talking_gaussian.training.learner import CpuLearner, Learner
from talking_gaussian.training.model import LEARNED, TrainableHead, moved
from talking_gaussian.training.settings import TrainSettings
from talking_gaussian.training.views import PLATE_HIDDEN, REAL_HIDDEN, Glimpse, Layers, View, view_of_layers

SIZE, GAUSSIANS, UNITS, FRAMES = 48, 80, 3, 3
SHARE = 1e-2  # of the largest gradient of an array: as far as a card's may be from the CPU's


@dataclass(frozen=True)
class TrialSet:
    """A LayeredSet of random frames."""

    coeffs: np.ndarray
    head: np.ndarray
    camera: Camera
    pictures: np.ndarray
    size: int = SIZE
    init: ClassVar[dict[str, np.ndarray]] = {}
    part_names: tuple[str, ...] = ()
    units: tuple[str, ...] = ("a", "b", "c")

    def numbers(self, held_out: bool) -> np.ndarray:
        """All frames train."""
        return np.arange(0 if held_out else FRAMES)

    def layers(self, number: int) -> Layers:
        """Random pictures; parts of each are hidden, and the weights differ."""
        rng = np.random.default_rng(number)
        hidden = rng.choice(np.array([0, PLATE_HIDDEN, PLATE_HIDDEN | REAL_HIDDEN], np.uint8), (SIZE, SIZE))
        box = (slice(4, SIZE - 2), slice(3 + number, SIZE - 5))
        weight = np.zeros((SIZE, SIZE), np.uint8)
        weight[box] = rng.choice(np.array([1, 2, 4], np.uint8), weight[box].shape)
        return Layers(self.pictures[number, 0], self.pictures[number, 1], hidden, weight, box)

    def view(self, glimpse: Glimpse) -> View:
        """As a person's video gives it."""
        return view_of_layers(self, glimpse)

    def shown(self, number: int) -> View:
        """A whole frame."""
        whole = (slice(0, SIZE), slice(0, SIZE))
        layers = self.layers(number)._replace(box=whole, hidden=np.zeros((SIZE, SIZE), np.uint8))
        return self.view(Glimpse(number, np.zeros(3, np.float32), self.coeffs[number]))._replace(
            real=torch.from_numpy(layers.real / np.float32(255)),
            plate=torch.from_numpy(layers.plate / np.float32(255)),
            weight=torch.from_numpy(layers.weight.astype(np.float32)),
            camera=self.camera,
        )

    def mouth_box(self, number: int) -> tuple[slice, slice]:
        """The whole frame: there is no mouth."""
        return slice(0, SIZE), slice(0, SIZE)


def trial_set() -> TrialSet:
    """Three frames of noise, seen by heads that turn a little."""
    rng = np.random.default_rng(0)
    head = np.tile(np.eye(4, dtype=np.float32), (FRAMES, 1, 1))
    angle = np.linspace(-0.1, 0.1, FRAMES)
    head[:, 0, 0] = head[:, 2, 2] = np.cos(angle)
    head[:, 0, 2], head[:, 2, 0] = np.sin(angle), -np.sin(angle)
    view = np.eye(4, dtype=np.float32)
    view[2, 3] = 1
    camera = Camera(view, np.array([[SIZE, 0, 24], [0, SIZE, 25], [0, 0, 1]], np.float32))
    pictures = rng.integers(0, 256, (FRAMES, 2, SIZE, SIZE, 3), np.uint8)
    return TrialSet(rng.random((FRAMES, UNITS), np.float32), head, camera, pictures)


def trial_head() -> TrainableHead:
    """A cloud whose every array takes part in the picture."""
    rng = np.random.default_rng(1)
    arrays = {
        "means": rng.normal(0, 0.15, (GAUSSIANS, 3)),
        "quats": rng.normal(size=(GAUSSIANS, 4)),
        "scales": rng.normal(-3, 0.3, (GAUSSIANS, 3)),
        "opacities": rng.normal(size=GAUSSIANS),
        "sh": rng.normal(0, 0.3, (GAUSSIANS, 4, 3)),
        "shade": rng.normal(0, 0.1, (UNITS, GAUSSIANS, 3)),
        "basis": rng.normal(0, 0.02, (UNITS, GAUSSIANS, 3)),
        "head_weight": rng.random(GAUSSIANS),
    }
    tensors = {name: torch.from_numpy(array.astype(np.float32)) for name, array in arrays.items()}
    tensors["part"] = torch.zeros(GAUSSIANS, dtype=torch.uint8)
    return TrainableHead(tensors, ("a", "b", "c"), moving_basis=True)


def trial_gradients(learner: Learner) -> dict[str, Tensor]:
    """The gradients of one step over two frames, and the pull that densification notes, by array."""
    data, head = trial_set(), moved(trial_head(), learner.device)
    settings = TrainSettings(batch=2)
    densifier = Densifier(head, settings, 0)
    noise = np.linspace(-0.1, 0.2, UNITS, dtype=np.float32)
    glimpses = [
        Glimpse(number, np.full(3, 0.2 + 0.2 * number, np.float32), data.coeffs[number] + noise * number)
        for number in (2, 0)
    ]
    learner.begin(data, settings.batch)
    learner.learn(head, next(learner.batches(data, iter([glimpses]))), settings, densifier)
    found = {name: head.arrays[name].grad for name in LEARNED}
    return {"pull": densifier.pull.cpu(), **{k: v.cpu() for k, v in found.items() if v is not None}}


def gradients_differ(learner: Learner) -> bool:
    """Whether a learner's gradients are not the CPU's."""
    expected, found = trial_gradients(CpuLearner()), trial_gradients(learner)
    near = [
        bool((found[name] - value).abs().max() <= SHARE * value.abs().max()) for name, value in expected.items()
    ]  # false for NaN too
    return found.keys() != expected.keys() or not all(near)
