"""Looking at held-out frames: figures, and a preview picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from talking_gaussian.training.learner import CpuLearner, Learner
from talking_gaussian.training.losses import psnr
from talking_gaussian.training.model import TrainableHead
from talking_gaussian.training.pictures import write_picture
from talking_gaussian.training.views import TrainingSet

MOST = 60  # held-out frames looked at


def evaluate(head: TrainableHead, data: TrainingSet, preview: Path, learner: Learner | None = None) -> dict[str, float]:
    """PSNR on the held-out frames (whole picture, mouth box), and a preview real | drawn | 4x difference. learner:
    draws (default: the CPU)."""
    learner = learner or CpuLearner()
    numbers = data.numbers(held_out=True)
    if not len(numbers):
        return {}
    scores = []
    for number in numbers[np.unique(np.linspace(0, len(numbers) - 1, MOST).astype(int))]:
        view = data.shown(int(number))
        picture = learner.picture(head, view).clamp(0, 1)
        box = data.mouth_box(int(number))
        scores.append((psnr(picture, view.real), psnr(picture[box], view.real[box])))
    write_comparison(preview, view.real.numpy(), picture.numpy())
    full, mouth = np.mean(scores, 0)
    return {"psnr": round(float(full), 2), "psnr_mouth": round(float(mouth), 2)}


def write_comparison(path: Path, real: np.ndarray, drawn: np.ndarray) -> None:
    """real | drawn | 4x difference, pictures [H, W, 3] in 0..1, as one JPEG."""
    difference = np.clip(np.abs(drawn - real) * 4, 0, 1)
    sheet = np.concatenate([real, np.clip(drawn, 0, 1), difference], 1)
    write_picture(path, (sheet * 255).astype(np.uint8))
