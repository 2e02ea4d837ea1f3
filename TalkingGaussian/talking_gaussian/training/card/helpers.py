"""The processes of the other cards: they go on from the first's checkpoint and learn with it until it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

import torch

from talking_gaussian import command
from talking_gaussian.devices import Gpu
from talking_gaussian.errors import UserError
from talking_gaussian.training.card.team import Team, joined
from talking_gaussian.training.settings import TrainSettings
from talking_gaussian.training.views import LayeredSet

SELDOM_S = 1.0


@dataclass(frozen=True)
class Work:
    """What the team does: the data, the stage's folder with its checkpoint, its settings; meeting: the file through
    which the processes find each other."""

    data: LayeredSet
    folder: Path
    settings: TrainSettings
    meeting: Path


@contextmanager
def team_of(gpus: list[Gpu | None], data: LayeredSet, folder: Path, settings: TrainSettings) -> Iterator[Team]:
    """This process and one helper for each of `gpus` (None: Warp's CPU device, for tests), until the context is left.

    A helper that ends before that ends the program too, with a sentence: without it no step can be made.
    """
    context = multiprocessing.get_context("spawn")
    device = torch.device("cuda:0" if gpus[0] else "cpu")
    with tempfile.TemporaryDirectory(prefix="talking_gaussian_") as scratch:
        work = Work(data, folder, settings, Path(scratch) / "meeting")
        size = 1 + len(gpus)
        helpers = [context.Process(target=help_on, args=(rank, size, gpu, work)) for rank, gpu in enumerate(gpus, 1)]
        for helper in helpers:
            helper.start()
        done = threading.Event()
        threading.Thread(target=end_if_one_fails, args=(helpers, done), daemon=True).start()
        team = None
        try:
            team = joined(0, size, work.meeting, device)
            yield team
        finally:
            done.set()
            dismiss(helpers)
            if team:
                team.leave()


def end_if_one_fails(helpers: list[SpawnProcess], done: threading.Event) -> None:
    """End the program where a helper has ended before `done` was set: the others may wait for it inside the driver."""
    while not done.is_set():
        wait([helper.sentinel for helper in helpers], timeout=SELDOM_S)
        failed = [helper.exitcode for helper in helpers if helper.exitcode]
        if failed and not done.is_set():
            os._exit(command.refused(helper_failed(failed[0])))


def helper_failed(code: int) -> UserError:
    """What to say of a helper that ended early."""
    return UserError(
        "gpu_team_failed",
        f"One of the GPUs that trained together failed (its program ended with {code}; the log says more). "
        "Go on with one of them: what was learnt until the last checkpoint is kept.",
        f"共同训练的显卡之一出错(其程序以代码 {code} 结束,详情见日志)。"
        "请用其中一张显卡继续:上一个检查点之前的成果都已保存。",
    )


def dismiss(helpers: list[SpawnProcess]) -> None:
    """End the helpers: one that waits for the first's next step never would by itself, and they write nothing."""
    for helper in helpers:
        helper.kill()
        helper.join()


def help_on(rank: int, size: int, gpu: Gpu | None, work: Work) -> None:
    """A helper's whole life."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # the first saves and ends the team
    threading.Thread(target=end_with_parent, daemon=True).start()
    torch.set_num_threads(1)

    def go() -> None:
        from talking_gaussian.training.card import opened
        from talking_gaussian.training.card.learner import CardLearner
        from talking_gaussian.training.trainer import help_to_train

        learner = opened(gpu) if gpu else CardLearner("cpu")
        learner.team = joined(rank, size, work.meeting, learner.device)
        help_to_train(work.data, work.folder, work.settings, learner)

    raise SystemExit(command.run(go))


def end_with_parent() -> None:
    """End this process with the one that started it, however that ends."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
