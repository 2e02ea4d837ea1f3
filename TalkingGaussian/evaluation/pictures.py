"""What an eye should see of a comparison: the worst frames, and both videos side by side."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from talking_gaussian import stopping

from evaluation.alignment import Alignment, aligned_frames, resized
from evaluation.measure import Comparison

WORST_COUNT = 4
WORST_APART_S = 0.4  # the worst frames should not all be neighbours
DIFFERENCE_GAIN = 4
_PAIR_HEIGHT, _WORST_HEIGHT = 512, 384


def write_pair(alignment: Alignment, path: Path, step: Callable[[int, int], None]) -> None:
    """Output (left) and reference (right) as one H.264 video, frame by frame as they were compared, without sound."""
    width, height = alignment.size
    scale = min(1.0, _PAIR_HEIGHT / height)
    size = (max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2))
    part = path.with_name(f"{path.name}.part")
    with av.open(f"file:{part.absolute()}", "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(alignment.fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = 2 * size[0], size[1], "yuv420p"
        # short groups: any frame can be shown at once
        stream.options = {"crf": "20", "preset": "veryfast", "g": "12", "bf": "0"}
        for index, pictures in enumerate(aligned_frames(alignment)):
            stopping.check()
            both = np.concatenate([resized(picture, size) for picture in pictures], axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(both, format="rgb24")))
            step(index + 1, alignment.frames)
        container.mux(stream.encode(None))
    part.replace(path)


def write_worst(comparison: Comparison, folder: Path) -> list[dict[str, Any]]:
    """JPEGs of output, reference and their difference (four times as strong) at the worst moments of mouth and picture.

    Returns one {"file", "key", "frame", "time_s", "value"} a picture.
    """
    alignment = comparison.alignment
    wanted: dict[int, tuple[str, float]] = {}
    for key, largest in (("lmd", True), ("psnr", False)):
        curve = comparison.curves.get(key)
        if curve is not None:
            for index in worst_moments(curve if largest else -curve, round(WORST_APART_S * alignment.fps)):
                wanted.setdefault(index, (key, float(curve[index])))
    rows = []
    for index, (made, real) in enumerate(aligned_frames(alignment)):
        if index in wanted:
            key, value = wanted[index]
            file = f"worst-{key}-{index:06d}.jpg"
            cv2.imwrite(str(folder / file), _triple(made, real)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
            time_s = round(index / alignment.fps, 3)
            rows.append({"file": file, "key": key, "frame": index, "time_s": time_s, "value": round(value, 4)})
    return sorted(rows, key=lambda row: (row["key"], -row["value"] if row["key"] == "lmd" else row["value"]))


def worst_moments(curve: np.ndarray, apart: int, count: int = WORST_COUNT) -> list[int]:
    """Indices of the highest values of a curve [T] (NaN never), at least `apart` frames from one another."""
    chosen: list[int] = []
    for index in np.argsort(-np.nan_to_num(curve, nan=-np.inf), kind="stable").tolist():
        if len(chosen) == count or not np.isfinite(curve[index]):
            break
        if all(abs(index - other) >= apart for other in chosen):
            chosen.append(index)
    return chosen


def _triple(made: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Output, reference, difference beside each other."""
    difference = cv2.convertScaleAbs(cv2.absdiff(made, real), alpha=DIFFERENCE_GAIN)
    height = min(_WORST_HEIGHT, made.shape[0])
    size = (round(made.shape[1] * height / made.shape[0]), height)
    return np.concatenate([resized(picture, size) for picture in (made, real, difference)], axis=1)
