"""Stage `plates`: every frame with the head taken out and what may lie behind it put there.

Each plate keeps its own frame's torso, background and all that the head's mask missed; the avatar shows it with that
frame's head pose, so that what is left of hair and shadows stays where it belongs.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from talking_gaussian import stopping
from talking_gaussian.progress import Progress
from talking_gaussian.video.frames import read_frames
from talking_gaussian.video.intra import IntraWriter

from data_utils import previews
from data_utils.dataset import FPS, FRAMES, HEAD, MASKS, PLATES, Dataset

GROWN_PX = 2  # at 512: the hole reaches this far beyond the mask; beyond it the real background stays
SOFT_PX = 1.5
SMALLEST = 4


def make_plates(data: Dataset, progress: Progress) -> dict[str, Any]:
    """Write plates.mp4."""
    size, total = data.settings.size, data.found("frames")["frames"]
    shown = set(np.linspace(0, total - 1, 6).astype(int).tolist())
    tiles = []
    frames, masks = read_frames(data.path(FRAMES), None), read_frames(data.path(MASKS), None)
    with IntraWriter(data.path(PLATES), (size, size), FPS, crf=8, preset="veryfast") as writer:
        for index, (frame, mask) in enumerate(zip(frames, masks, strict=True)):
            stopping.check()
            plate = without_head(frame, mask[..., 0] >= (HEAD - 20))
            writer.write(plate)
            if index in shown:
                tiles.append(plate)
            progress.step(index + 1, total)
    previews.save_sheet(data, tiles, "plates.jpg")
    return {}


def without_head(frame: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Frame [H, W, 3] uint8, head [H, W] bool -> the plate [H, W, 3] uint8."""
    reach = 2 * max(1, round(GROWN_PX * len(frame) / 512)) + 1
    grown = cv2.dilate(head.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    behind = pushed_in(frame.astype(np.float32), 1.0 - cv2.dilate(grown, np.ones((3, 3), np.uint8)))
    alpha = cv2.GaussianBlur(grown.astype(np.float32), (0, 0), SOFT_PX * len(frame) / 512)[..., None]
    return np.clip(frame * (1 - alpha) + behind * alpha + 0.5, 0, 255).astype(np.uint8)


def pushed_in(picture: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fill the unknown pixels of [H, W, 3] smoothly from the known [H, W] ones (Gortler et al. 1996, 3.5)."""
    weight = known.astype(np.float32)
    if min(weight.shape) <= SMALLEST:
        mean = (picture * weight[..., None]).sum((0, 1)) / max(float(weight.sum()), 1e-6)
        return np.where(weight[..., None] > 0, picture, mean)
    half = (weight.shape[1] // 2, weight.shape[0] // 2)
    less = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    small = (
        cv2.resize(picture * weight[..., None], half, interpolation=cv2.INTER_AREA) / np.maximum(less, 1e-6)[..., None]
    )
    filled = pushed_in(small, np.minimum(less * 4, 1) * (less > 0))
    full = cv2.resize(filled, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return picture * weight[..., None] + full * (1 - weight[..., None])
