"""The training loop: look at a frame, draw it, compare, learn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from talking_gaussian.head import SH_C0
from talking_gaussian.progress import Progress
from talking_gaussian.rendering.reference import Projection
from talking_gaussian.training.dataset import TrainingSet, write_picture
from talking_gaussian.training.densify import Densifier
from talking_gaussian.training.losses import picture_loss, psnr
from talking_gaussian.training.model import TrainableHead, first_head
from talking_gaussian.training.optimizer import GaussianOptimizer, rows_of
from talking_gaussian.training.settings import TrainSettings

MOUTH_PARTS = ("teeth_upper", "teeth_lower", "tongue", "mouth_inside")
MOUTH_MARGIN_PX = 14


class View(NamedTuple):
    """A frame as training sees it: coefficients [K], head [4, 4], real [H, W, 3] and plate [H, W, 3] in 0..1."""

    coefficients: Tensor
    head: Tensor
    real: Tensor
    plate: Tensor


def train(data: TrainingSet, workspace: Path, settings: TrainSettings) -> TrainableHead:
    """Fit Gaussians to the frames; writes settings, previews and held-out figures into `workspace`."""
    workspace.mkdir(parents=True, exist_ok=True)
    (workspace / "settings.json").write_text(json.dumps(asdict(settings), indent=1))
    torch.manual_seed(settings.seed)
    progress = Progress(["train"])
    progress.stage("train")
    head = first_head(data, settings.sh_degree)
    optimizer = GaussianOptimizer(head, settings)
    densifier = Densifier(head, settings, settings.seed)
    figures: dict[str, float] = {}
    for step, view in enumerate(views(data, settings), start=1):
        picture, projection = draw(head, data, view)
        weight = mouth_weight(head, data, projection, settings.mouth_weight)
        loss = picture_loss(picture, view.real, weight, settings.ssim_weight)
        (loss + settings.shade_weight * head.arrays["shade"].abs().mean()).backward()
        densifier.watch(projection)
        optimizer.step(step)
        densifier.act(step, optimizer)
        if step % settings.eval_every == 0 or step == settings.steps:
            figures = record(head, data, workspace, step)
        progress.step(step, settings.steps, gaussians=len(head), **figures)
    head = drop_unseen(head, data, settings.min_contribution)
    record(head, data, workspace, settings.steps)
    return head


def record(head: TrainableHead, data: TrainingSet, workspace: Path, step: int) -> dict[str, float]:
    """Look at the held-out frames: a preview picture and figures.json in the workspace."""
    figures = evaluate(head, data, workspace / f"preview_{step:06d}.jpg")
    (workspace / "figures.json").write_text(json.dumps({"step": step, "gaussians": len(head), **figures}, indent=1))
    return figures


def drop_unseen(head: TrainableHead, data: TrainingSet, threshold: float) -> TrainableHead:
    """The head without the Gaussians that no training frame shows: a fifth of them, and of the drawing time."""
    most = torch.zeros(len(head))
    for number in data.numbers(held_out=False):
        most = torch.maximum(most, contributions(head, data, int(number)))
    keep = torch.nonzero(most > threshold).flatten()
    return TrainableHead({name: rows_of(name, array.detach(), keep) for name, array in head.arrays.items()}, head.units)


def contributions(head: TrainableHead, data: TrainingSet, number: int) -> Tensor:
    """What each Gaussian adds to frame `number`, in fully covered pixels [N]: the picture's gradient by its red."""
    coefficients, pose = torch.from_numpy(data.coeffs[number]), torch.from_numpy(data.head[number])
    picture, _ = head.draw(coefficients, pose, data.camera, data.size)
    (gradient,) = torch.autograd.grad(picture[..., 0].sum(), head.arrays["sh"])
    return gradient[:, 0, 0] / float(SH_C0)


def views(data: TrainingSet, settings: TrainSettings) -> Iterator[View]:
    """Training frames in random order, each over a random plain backdrop: what is see-through shows as wrong."""
    rng = np.random.default_rng(settings.seed)
    numbers = data.numbers(held_out=False)
    pictures = {int(number): data.frame(number) for number in numbers}
    for _ in range(settings.steps):
        number = int(rng.choice(numbers))
        yield view_of(data, number, pictures[number], rng.random(3).astype(np.float32))


def view_of(data: TrainingSet, number: int, picture: np.ndarray, backdrop: np.ndarray) -> View:
    """Frame `number` with the person and the torso laid over a plain backdrop [3]."""
    return View(
        torch.from_numpy(data.coeffs[number]),
        torch.from_numpy(data.head[number]),
        torch.from_numpy(over(picture, backdrop)),
        torch.from_numpy(over(data.torso, backdrop)),
    )


def over(picture: np.ndarray, backdrop: np.ndarray) -> np.ndarray:
    """[H, W, 4] uint8 straight alpha over a colour [3] or picture [H, W, 3] in 0..1 -> [H, W, 3] float32."""
    alpha = picture[..., 3:].astype(np.float32) / 255
    return picture[..., :3].astype(np.float32) / 255 * alpha + (1 - alpha) * backdrop


def draw(head: TrainableHead, data: TrainingSet, view: View) -> tuple[Tensor, Projection]:
    """The rendered picture [H, W, 3] over the view's plate."""
    canvas, projection = head.draw(view.coefficients, view.head, data.camera, data.size)
    return canvas[..., :3] + canvas[..., 3:] * view.plate, projection


def mouth_box(head: TrainableHead, data: TrainingSet, projection: Projection) -> tuple[slice, slice]:
    """Rows and columns of the picture around the inner mouth's Gaussians."""
    numbers = [number for number, name in enumerate(data.part_names) if name in MOUTH_PARTS]
    inside = torch.isin(head.arrays["part"], torch.tensor(numbers, dtype=torch.uint8))
    points = projection.means2d.detach()[inside]
    if not len(points):
        return slice(0, data.size), slice(0, data.size)
    low = (points.min(0).values - MOUTH_MARGIN_PX).clamp(0, data.size - 1).int().tolist()
    high = (points.max(0).values + MOUTH_MARGIN_PX).clamp(1, data.size).int().tolist()
    return slice(low[1], high[1]), slice(low[0], high[0])


def mouth_weight(head: TrainableHead, data: TrainingSet, projection: Projection, weight: float) -> Tensor:
    """[H, W]: `weight` in the mouth's box, 1 elsewhere."""
    weights = torch.ones(data.size, data.size)
    weights[mouth_box(head, data, projection)] = weight
    return weights


def evaluate(head: TrainableHead, data: TrainingSet, preview: Path) -> dict[str, float]:
    """PSNR on the held-out frames (full picture, mouth box), and a preview real | drawn | 4x difference."""
    scores = []
    with torch.no_grad():
        for number in data.numbers(held_out=True):
            view = view_of(data, int(number), data.frame(number), np.full(3, 0.5, np.float32))
            picture, projection = draw(head, data, view)
            box = mouth_box(head, data, projection)
            scores.append((psnr(picture, view.real), psnr(picture[box], view.real[box])))
    if not scores:
        return {}
    difference = ((picture - view.real).abs() * 4).clamp(0, 1)
    sheet = torch.cat([view.real, picture.clamp(0, 1), difference], 1)
    write_picture(preview, (sheet.numpy() * 255).astype(np.uint8))
    full, mouth = np.mean(scores, 0)
    return {"psnr": round(float(full), 2), "psnr_mouth": round(float(mouth), 2)}
