"""NIQE and BRISQUE of a video's frames:  python -m evaluation.no_reference VIDEO [--metrics niqe,brisque] [--json]"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from talking_gaussian.errors import UserError
from talking_gaussian.video.frames import probe_video, read_frames

from evaluation.no_reference.brisque import Brisque
from evaluation.no_reference.niqe import Niqe

MEASURES: dict[str, Callable[[], Callable[[np.ndarray], float]]] = {"niqe": Niqe, "brisque": Brisque}
FRAMES = 24  # spread over the clip: the mean of more changes little
_GREY = np.array([0.298936, 0.587043, 0.114021])  # ITU-R BT.601, as the original release's rgb2gray


def measure(video: Path, names: Sequence[str], start_s: float, seconds: float | None, frames: int) -> dict[str, dict]:
    """name -> {"value": mean, "frames": how many, "spread": standard deviation} of frames spread over the clip."""
    chosen = {name: MEASURES[name]() for name in names}
    info = probe_video(video)
    span = min(seconds or info.duration_s, info.duration_s - start_s)
    pictures = read_frames(video, frames / span if span * info.fps > frames else info.fps, start_s, start_s + span)
    scores: dict[str, list[float]] = {name: [] for name in names}
    for picture in pictures:
        grey = np.round(picture @ _GREY)
        for name, score in chosen.items():
            scores[name].append(score(grey))
    return {name: _summary(values) for name, values in scores.items()}


def _summary(values: list[float]) -> dict[str, float | int | None]:
    good = [value for value in values if np.isfinite(value)]
    if not good:
        return {"value": None, "frames": 0, "spread": None}
    return {"value": float(np.mean(good)), "frames": len(good), "spread": float(np.std(good))}


def main(arguments: Sequence[str]) -> int:
    """Run; a fault of the input becomes one sentence and exit code 2."""
    parser = argparse.ArgumentParser(prog="evaluation.no_reference", description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("--metrics", default=",".join(MEASURES))
    parser.add_argument("--start", type=float, default=0.0, help="second to begin with")
    parser.add_argument("--seconds", type=float, help="how much of it (default: to the end)")
    parser.add_argument("--frames", type=int, default=FRAMES, help="how many frames, spread evenly")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    names = [name for name in options.metrics.split(",") if name]
    if unknown := [name for name in names if name not in MEASURES]:
        parser.error(f"there is no metric {unknown[0]!r}; choose from {', '.join(MEASURES)}")
    try:
        found = measure(options.video, names, options.start, options.seconds, options.frames)
    except UserError as error:
        print(f"error: {error.sentence(os.environ.get('TFG_LANG', 'en'))}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(found))
    for name, row in found.items() if not options.json else ():
        print(f"{name}: {'-' if row['value'] is None else format(row['value'], '.3f')} ({row['frames']} frames)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
