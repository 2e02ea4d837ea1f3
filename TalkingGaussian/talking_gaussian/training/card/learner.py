"""Learning on a card: a batch of frames a step, the frames kept in the card's memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import warp as wp
from torch import Tensor

from talking_gaussian.devices import Gpu
from talking_gaussian.training.card.frames import CardBatch, CardFrames, card_batches, room_for
from talking_gaussian.training.card.helpers import team_of
from talking_gaussian.training.card.step import CardStep, Motion
from talking_gaussian.training.card.team import Team
from talking_gaussian.training.densify import Densifier
from talking_gaussian.training.model import LEARNED, TrainableHead
from talking_gaussian.training.settings import TrainSettings
from talking_gaussian.training.views import Glimpse, LayeredSet, View


class CardLearner:
    """A Learner (see training/learner.py) for one data set at a time."""

    adds_up = False
    _frames: CardFrames
    _step: CardStep

    def __init__(self, device: str = "cuda:0", others: tuple[Gpu | None, ...] = ()) -> None:
        """device: torch's name of it; `cpu` runs the same kernels on one thread, for tests. others: cards that help."""
        wp.init()
        self.team, self._others = Team(), others
        self.device = torch.device(device)
        self._looks: tuple[int, CardStep, Motion] | None = None
        if self.device.type == "cuda":  # both libraries queue their work on one stream, so neither waits for the other
            torch.cuda.set_stream(torch.cuda.Stream(self.device))
            wp.set_stream(wp.stream_from_torch(torch.cuda.current_stream()), wp.device_from_torch(self.device))

    @property
    def leads(self) -> bool:
        """Whether it is this process that looks, saves and speaks."""
        return self.team.first

    @contextmanager
    def helped(
        self, data: LayeredSet, folder: Path, settings: TrainSettings, save: Callable[[], None]
    ) -> Iterator[None]:
        """The other cards learn too while inside: as many as a step has frames for."""
        others = list(self._others[: settings.batch - 1])
        if not others or not self.leads:
            yield
            return
        save()
        with team_of(others, data, folder, settings) as self.team:
            yield

    def begin(self, data: LayeredSet, batch: int) -> None:
        """Make room on the card for the data's frames and for its share of steps of `batch` frames."""
        room = min(len(data.numbers(held_out=False)), room_for(data.size, self.device))
        self._frames = CardFrames(data.size, max(batch, self.team.least(room, self.device)), self.device)
        motion = Motion(data.head, data.camera, wp.device_from_torch(self.device))
        share = -(-batch // self.team.size)
        self._step = CardStep(data.size, data.camera, motion, share, data.coeffs.shape[1], self.device)

    @property
    def room(self) -> int:
        """Frames that the card keeps."""
        return self._frames.room

    def batches(self, data: LayeredSet, glimpses: Iterator[list[Glimpse]]) -> Iterator[CardBatch]:
        """This card's share of each step; frames are decoded when they are first looked at."""
        share = (batch[self.team.rank :: self.team.size] for batch in glimpses)
        return card_batches(data, share, self.room)

    def learn(self, head: TrainableHead, batch: CardBatch, settings: TrainSettings, densifier: Densifier) -> None:
        """Queue one step; nothing here waits for the card."""
        for upload in batch.uploads:
            self._frames.put(upload)
        self._step.learn(head, batch, self._frames, settings, self.team.size)
        self._step.note_pull(len(batch.numbers), densifier.pull, densifier.seen)
        grads = (head.arrays[name].grad for name in LEARNED)
        self.team.add_up(grad for grad in grads if grad is not None)

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Over the team."""
        self.team.add_up(tensors)

    def picture(self, head: TrainableHead, view: View) -> Tensor:
        """Drawn on the card, laid over the plate on the CPU."""
        canvas = torch.from_numpy(self._shown(head, view).canvas.numpy()[0])
        return canvas[..., :3] + canvas[..., 3:] * view.plate

    def contributions(self, head: TrainableHead, view: View) -> Tensor:
        """Of each Gaussian to a view [N], on the card."""
        return self._shown(head, view).contributions()

    def _shown(self, head: TrainableHead, view: View) -> CardStep:
        """A whole frame drawn, whatever its motion."""
        size = view.size[0]
        if self._looks is None or self._looks[0] != size:
            motion = Motion(view.head[None].numpy(), view.camera, wp.device_from_torch(self.device))
            step = CardStep(size, view.camera, motion, 1, len(view.coefficients), self.device)
            self._looks = (size, step, motion)
        _, step, motion = self._looks
        motion.put(view.head.numpy())
        step.draw(head, 0, view.coefficients.numpy())
        return step
