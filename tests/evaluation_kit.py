"""Videos and face points made for the tests of the evaluation."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from evaluation.metric import Clip
from face_tracking.points import COUNT, EYE_CORNERS, LIP_CORNERS, LOWER_LIP, MOUTH20, NOSE_TIP, UPPER_LIP


def write_video(path: Path, frames: np.ndarray, fps: float = 25, **stream: object) -> Path:
    """Frames [T, H, W, 3] uint8 as H.264; stream: further attributes of its stream."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        video.height, video.width, video.pix_fmt = frames.shape[1], frames.shape[2], "yuv420p"
        video.options = {"crf": "10", "preset": "ultrafast"}
        for name, value in stream.items():
            setattr(video, name, value)
        for frame in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(video.encode(None))
    return path


def moving_squares(count: int, height: int = 96, width: int = 96, seed: int = 0) -> np.ndarray:
    """Smooth pictures that move: [T, H, W, 3] uint8."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / 12.0
    phase = draw.uniform(0, 6, 3)
    waves = [np.sin(x + p + 0.2 * t) * np.cos(y - p) for t in range(count) for p in phase]
    return (127 + 100 * np.array(waves).reshape(count, 3, height, width).transpose(0, 2, 3, 1)).astype(np.uint8)


def face_points(count: int, seed: int = 0) -> np.ndarray:
    """A face whose lips open and round at random and whose head wanders: [T, 478, 3] px."""
    draw = np.random.default_rng(seed)
    shape = draw.uniform(-60, 60, (COUNT, 3))
    shape[NOSE_TIP] = 0
    shape[list(EYE_CORNERS)] = [[-50, -40, 0], [50, -40, 0]]
    shape[list(MOUTH20), 1] = draw.uniform(40, 60, len(MOUTH20))
    points = np.repeat(shape[None], count, 0)
    opening, rounding = draw.uniform(0, 12, count), draw.uniform(0, 8, count)
    points[:, UPPER_LIP], points[:, LOWER_LIP] = [0, 45, 0], [0, 47, 0]
    points[:, LOWER_LIP, 1] += opening
    for corner, side in zip(LIP_CORNERS, (1, -1), strict=True):
        points[:, corner] = [-30 * side, 46, 0]
        points[:, corner, 0] += side * rounding
    return points + 256 + np.cumsum(draw.normal(0, 1, (count, 1, 3)), axis=0)


def clip(output: np.ndarray, reference: np.ndarray) -> Clip:
    """Two tracks without sound."""
    return Clip(output, reference, 25.0)
