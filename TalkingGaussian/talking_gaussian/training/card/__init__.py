"""Training on an NVIDIA card: frames, Gaussians, gradients and optimiser all stay there.

Needs the environment's training part (torch with CUDA) and its gpu part (Warp). `open_learner` tries the card first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from talking_gaussian.devices import MIB, Choice, Gpu
from talking_gaussian.errors import UserError
from talking_gaussian.rendering.card import note, refused, started
from talking_gaussian.training.learner import CpuLearner, Learner
from talking_gaussian.training.settings import Preset
from talking_gaussian.training.trial import gradients_differ

if TYPE_CHECKING:
    from talking_gaussian.training.card.learner import CardLearner

# estimates of memory: what torch and Warp take to start; the bytes a Gaussian needs with 55 units' displacements and
# colours, their gradients and Adam's two moments, and for each frame of a batch; the bytes a pixel needs for each
# frame of a batch; the least number of frames kept on the card
CONTEXT_MIB, GAUSSIAN_BYTES, SPLAT_BYTES, PIXEL_BYTES, LEAST_FRAMES = 1200, 6000, 300, 200, 100
USUAL_SIZE = 512


def open_learner(choice: Choice, preset: Preset) -> Learner:
    """The chosen card's learner, after it has found the gradients of a small picture as the CPU does; the CPU's where
    there is no card.

    A card that was named and cannot be used raises UserError; one that `auto` found is left alone, with a line.
    """
    if choice.gpu is None:
        note(choice.en, choice.zh)
        return CpuLearner()
    try:
        for gpu in (choice.gpu, *choice.others):
            refuse_if_short(gpu, preset)
        return opened(choice.gpu, choice.others)
    except UserError as error:
        if choice.named:
            raise
        note(f"the CPU does the work: {error.en}", f"由 CPU 完成:{error.zh}")
        return CpuLearner()


def opened(gpu: Gpu, others: tuple[Gpu, ...] = ()) -> CardLearner:
    """The card's learner, tried; others: cards that will help it, each tried by a process of its own. Raises UserError
    where torch or Warp cannot use the card."""
    with started(gpu):
        from talking_gaussian.training.card.learner import CardLearner

        if not torch.cuda.is_available():
            raise refused(gpu, f"the installed torch {torch.__version__} cannot use it")
        learner = CardLearner(others=others)
        if gradients_differ(learner):
            raise refused(gpu, "its test gradients differ from the CPU's")
    return learner


def memory_needed_mib(gaussians: int, size: int, batch: int) -> int:
    """About how much memory of the card training takes at least, MiB."""
    pictures = size * size * (batch * PIXEL_BYTES + LEAST_FRAMES * 8)
    return CONTEXT_MIB + int((gaussians * (GAUSSIAN_BYTES + batch * SPLAT_BYTES) + pictures) / MIB)


def refuse_if_short(gpu: Gpu, preset: Preset) -> None:
    """Raises UserError, with the setting that fits, where the card's free memory is too little for the preset."""
    batch = max(stage.batch for stage in (preset.mouth, preset.face, preset.fuse))
    most = max(stage.max_gaussians for stage in (preset.mouth, preset.face, preset.fuse))
    needed = memory_needed_mib(most, USUAL_SIZE, batch)
    if needed <= gpu.free_mib:
        return
    fewer = [n for n in range(5000, most, 1000) if memory_needed_mib(n, USUAL_SIZE, 1) <= gpu.free_mib]
    en = f"--max_gaussians {fewer[-1]} --batch 1, or --gpu cpu" if fewer else "--gpu cpu"
    zh = f"--max_gaussians {fewer[-1]} --batch 1 或 --gpu cpu" if fewer else "--gpu cpu"
    raise UserError(
        "gpu_memory_short",
        f"{gpu.name} has {gpu.free_mib} MiB free and this training needs {needed}: close other programs on it, or use "
        f"{en}.",
        f"{gpu.name} 剩余显存 {gpu.free_mib} MiB,训练需要 {needed} MiB:请关闭占用显存的程序,或使用 {zh}。",
    )
