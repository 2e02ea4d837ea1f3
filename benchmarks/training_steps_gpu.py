"""How long a training step takes on a GPU, by the number of frames that it looks at, and which kernels take the time.

PYTHONPATH=TalkingGaussian python benchmarks/training_steps_gpu.py WORKSPACE [--gpu ID] [--steps 500]
WORKSPACE: a finished training with its `dataset` folder, as benchmarks/training.py --workspace leaves it. Runs in the
talking_gaussian environment with its training and gpu parts. `--gpu test` runs Warp's CPU device: for looking at this
program, not for figures.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch
from talking_gaussian import devices
from talking_gaussian.training.card import open_learner
from talking_gaussian.training.card.frames import CardBatch
from talking_gaussian.training.card.learner import CardLearner
from talking_gaussian.training.densify import Densifier
from talking_gaussian.training.learner import Learner
from talking_gaussian.training.model import TrainableHead, moved
from talking_gaussian.training.optimizer import GaussianOptimizer
from talking_gaussian.training.settings import PRESETS, TrainSettings
from talking_gaussian.training.trainer import glimpses, trained
from talking_gaussian.training.video_set import VideoSet

BATCHES = (1, 2, 4, 8)
WARM, PROFILED, MOST_KERNELS = 50, 20, 8


def main() -> None:
    """Print two lines for each number of frames."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--gpu", default="0")
    parser.add_argument("--steps", type=int, default=500)
    options = parser.parse_args()
    torch.set_num_threads(1)
    learner: Learner = CardLearner("cpu")
    if options.gpu != "test":
        learner = open_learner(devices.choose(options.gpu), PRESETS["high"])
    data = VideoSet(options.workspace / "dataset", PRESETS["high"].held_out, "fuse")
    head = trained(options.workspace / "fuse", data.units)
    for batch in BATCHES:
        settings = replace(PRESETS["high"].fuse, batch=batch, steps=WARM + options.steps)
        one = TrainableHead(dict(head.arrays), head.units, moving_basis=True)
        measure(Stepper(moved(one, learner.device), data, settings, learner), options.steps)


class Stepper:
    """Steps of a head's training, their batches made ready beforehand."""

    def __init__(self, head: TrainableHead, data: VideoSet, settings: TrainSettings, learner: Learner) -> None:
        learner.begin(data, settings.batch)
        self.settings, self._head, self._learner = settings, head, learner
        self.batches: list[CardBatch] = list(learner.batches(data, glimpses(data, settings, 0)))
        self._optimizer = GaussianOptimizer(head, settings, learner.adds_up)
        self._densifier = Densifier(head, settings, 0)

    def __call__(self, first: int, steps: int) -> float:
        """Queue steps -> seconds that this took the computer."""
        began = time.perf_counter()
        for step, batch in enumerate(islice(self.batches, first, first + steps), first + 1):
            self._learner.learn(self._head, batch, self.settings, self._densifier)
            self._optimizer.step(step)
        return time.perf_counter() - began


def measure(step: Stepper, steps: int) -> None:
    """Print milliseconds a step, in all and as far as the computer is busy, and the card's share by kernel."""
    step(0, WARM)
    wait()
    began = time.perf_counter()
    queued = step(WARM, steps)
    wait()
    whole = time.perf_counter() - began
    print(
        f"{step.settings.batch} frames: {1000 * whole / steps:.2f} ms a step, of which the computer is busy for "
        f"{1000 * queued / steps:.2f}",
        flush=True,
    )
    if torch.cuda.is_available():
        rows = kernels(step)
        told = ", ".join(f"{name} {value:.0f}" for name, value in rows[:MOST_KERNELS])
        print(f"   the card works {sum(value for _, value in rows):.0f} microseconds: {told}", flush=True)


def kernels(step: Stepper) -> list[tuple[str, float]]:
    """Microseconds a step of the card's kernels and copies, the longest first."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        step(WARM, PROFILED)
        wait()
    rows = [
        (event.key.split("_cuda_kernel")[0], event.self_device_time_total / PROFILED) for event in seen.key_averages()
    ]
    return sorted(rows, key=lambda row: -row[1])


def wait() -> None:
    """Until the card has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
