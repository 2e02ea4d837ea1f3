"""The training loop: look at a frame, draw it, compare, learn; stop and go on at any step."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from talking_gaussian import stopping
from talking_gaussian.prefetch import prefetched
from talking_gaussian.progress import Progress
from talking_gaussian.training.checkpoint import load_checkpoint, save_checkpoint
from talking_gaussian.training.densify import Densifier
from talking_gaussian.training.evaluation import evaluate
from talking_gaussian.training.learner import CpuLearner, Learner
from talking_gaussian.training.model import TrainableHead, moved, parted
from talking_gaussian.training.optimizer import GaussianOptimizer
from talking_gaussian.training.settings import TrainSettings
from talking_gaussian.training.views import Glimpse, TrainingSet

AHEAD = 4  # batches decoded while others are learnt from
NEW_FRAME_EVERY = 2  # steps: decoding keeps up with a card
CHECKPOINT_S = 10.0  # least time between two checkpoints: a card does hundreds of steps a second
Figures = dict[str, Any]
Examine = Callable[[TrainableHead, int], Figures]


class Run:
    """One stage of training in its folder: the head, its optimiser, and where it stands."""

    def __init__(self, head: TrainableHead, folder: Path, settings: TrainSettings, learner: Learner) -> None:
        self.folder, self.settings, self.learner = folder, settings, learner
        if learner.leads:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "settings.json").write_text(json.dumps(asdict(settings), indent=1))
        self.step = 0
        self.history: list[Figures] = []
        self._saved_at = time.monotonic()
        self.head = head
        self._begin(head)
        self._resume()

    def _begin(self, head: TrainableHead) -> None:
        self.head = moved(head, self.learner.device)
        self.optimizer = GaussianOptimizer(self.head, self.settings, self.learner.adds_up)
        self.densifier = Densifier(self.head, self.settings, self.settings.seed)

    def _resume(self) -> None:
        found = load_checkpoint(self.folder)
        if found is None or not self.settings.goes_on_from(found[1]["settings"]):
            return
        tensors, facts = found
        arrays = {name: tensors[name] for name in self.head.arrays}
        self._begin(TrainableHead(arrays, self.head.units, self.settings.lr_basis > 0))
        self.optimizer.restore(tensors)
        self.densifier.restore(tensors)
        self.step, self.history = facts["step"], facts["history"]

    def save(self) -> None:
        """Write a checkpoint."""
        tensors = {**self.head.arrays, **self.optimizer.state(), **self.densifier.state()}
        facts = {"step": self.step, "history": self.history, "settings": asdict(self.settings)}
        save_checkpoint(self.folder, tensors, facts)
        self._saved_at = time.monotonic()

    @property
    def save_is_due(self) -> bool:
        """Whether the settings ask for a checkpoint now, and the last is some seconds old."""
        due = self.learner.leads and self.step % self.settings.checkpoint_every == 0
        return due and time.monotonic() - self._saved_at > CHECKPOINT_S

    @property
    def ended(self) -> bool:
        """All steps are done."""
        return self.step >= self.settings.steps


def train(
    data: TrainingSet,
    head: TrainableHead,
    folder: Path,
    settings: TrainSettings,
    progress: Progress,
    examine: Examine | None = None,
    learner: Learner | None = None,
) -> TrainableHead:
    """Fit Gaussians to the frames; goes on from the folder's checkpoint. examine(head, step): figures of held-out
    frames (default: PSNR and a preview picture). learner: what draws and finds gradients (default: the CPU). Stopped
    by a signal it writes a checkpoint first. The head it returns is where the learner works."""
    learner = learner or CpuLearner()
    run = Run(head, folder, settings, learner)
    look = examine or (lambda head, step: evaluate(head, data, folder / f"preview_{step:06d}.jpg", learner))
    with learner.helped(data, folder, settings, run.save):
        try:
            for _ in steps(run, data):
                if run.step % settings.eval_every == 0:
                    note(run, look(run.head, run.step))
                if run.save_is_due:
                    run.save()
                progress.step(run.step, settings.steps, gaussians=len(run.head), **latest(run))
        except stopping.Stopped:
            run.save()
            raise
        run.save()  # it waits for all that was queued, which helpers have a part in
    return run.head


def help_to_train(data: TrainingSet, folder: Path, settings: TrainSettings, learner: Learner) -> None:
    """Learn beside the process that leads, from the checkpoint in `folder` on, until that one ends."""
    run = Run(trained(folder, data.units), folder, settings, learner)
    for _ in steps(run, data):
        pass


def trained(folder: Path, units: tuple[str, ...]) -> TrainableHead:
    """The head of a stage's last checkpoint."""
    found = load_checkpoint(folder)
    if found is None:
        raise FileNotFoundError(2, "no checkpoint", str(folder))
    arrays = {name: tensor for name, tensor in found[0].items() if "." not in name}
    return TrainableHead(arrays, units)


def steps(run: Run, data: TrainingSet) -> Iterator[None]:
    """The run's remaining steps, one after another; each is done when it is yielded."""
    torch.manual_seed(run.settings.seed)
    run.learner.begin(data, run.settings.batch)
    looks = glimpses(data, run.settings, run.step, run.learner.room)
    with prefetched(run.learner.batches(data, looks), AHEAD) as ready:
        while not run.ended:
            stopping.check()
            learn(run, next(ready))
            yield


def learn(run: Run, batch: Any) -> None:
    """One step: draw, compare, descend, add and drop Gaussians. batch: what the run's learner made ready."""
    run.step += 1
    run.learner.learn(run.head, batch, run.settings, run.densifier)
    run.optimizer.step(run.step)
    if run.densifier.is_due(run.step):
        run.learner.add_up([run.densifier.pull, run.densifier.seen])
        run.densifier.act(run.step, run.optimizer)


def note(run: Run, figures: Figures) -> None:
    """Add a look's figures to the run and to history.jsonl in its folder."""
    run.history.append({"step": run.step, "gaussians": len(run.head), **figures})
    lines = "".join(json.dumps(line) + "\n" for line in run.history)
    (run.folder / "history.jsonl").write_text(lines)


def latest(run: Run) -> Figures:
    """The figures of the last look, for the progress line."""
    return {} if not run.history else {k: v for k, v in run.history[-1].items() if k not in ("step", "gaussians")}


def glimpses(data: TrainingSet, settings: TrainSettings, done: int, room: int | None = None) -> Iterator[list[Glimpse]]:
    """Training frames in random order from step `done` on: the same for the same seed, wherever a run goes on. room:
    so many frames are at hand; where there are more they take turns, a new one every NEW_FRAME_EVERY steps."""
    numbers = data.numbers(held_out=False)
    spread = settings.unit_noise * data.coeffs[numbers].std(0)
    in_turns = room is not None and room < len(numbers)
    if in_turns:
        numbers = np.random.default_rng(settings.seed).permutation(numbers)
    for step in range(done, settings.steps):
        rng = np.random.default_rng((settings.seed, step))
        at_hand = np.roll(numbers, -(step // NEW_FRAME_EVERY))[:room] if in_turns else numbers
        yield [glimpse_of(data.coeffs, at_hand, spread, rng) for _ in range(settings.batch)]


def glimpse_of(coeffs: np.ndarray, numbers: np.ndarray, spread: np.ndarray, rng: np.random.Generator) -> Glimpse:
    """One of the frames number [n] of coeffs [T, K], its backdrop, and its coefficients with noise of this spread
    [K]."""
    noise = (spread * rng.standard_normal(len(spread))).astype(np.float32)
    number = int(rng.choice(numbers))
    return Glimpse(number, rng.random(3).astype(np.float32), coeffs[number] + noise)


def drop_unseen(
    head: TrainableHead, data: TrainingSet, threshold: float, learner: Learner | None = None, most: int = 120
) -> TrainableHead:
    """The head without the Gaussians that no training frame shows: a fifth of them, and of the drawing time.

    most: look at no more frames than this, evenly chosen.
    """
    learner = learner or CpuLearner()
    numbers = data.numbers(held_out=False)
    strongest = torch.zeros(len(head), device=learner.device)
    for number in numbers[np.unique(np.linspace(0, len(numbers) - 1, most).astype(int))]:
        strongest = torch.maximum(strongest, learner.contributions(head, data.shown(int(number))))
    return parted(head, torch.nonzero(strongest > threshold).flatten())
