"""Where the time of a frame goes, on this machine's CPU.

PYTHONPATH=TalkingGaussian python benchmarks/rendering.py [--avatar DIR] [--size 512]
Runs in the talking_gaussian environment.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
from talking_gaussian.avatar import load_avatar
from talking_gaussian.head import Head
from talking_gaussian.rendering import Camera
from talking_gaussian.rendering.numba_backend import NumbaRenderer
from talking_gaussian.video.mp4_writer import Mp4Writer
from talking_gaussian.video.plates import PlateLoop

PROJECT = Path(__file__).resolve().parents[1]
FRAMES = 150


def milliseconds(action: Callable[[int], object]) -> float:
    """The median time of an action over FRAMES calls."""
    times = []
    for index in range(FRAMES):
        started = time.perf_counter()
        action(index)
        times.append(time.perf_counter() - started)
    return 1000 * float(np.median(times))


def main() -> None:
    """Print milliseconds a frame: motion, drawing, plate, encoding."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--avatar", type=Path, default=PROJECT / "TalkingGaussian" / "avatars" / "presenter")
    parser.add_argument("--size", type=int, default=512)
    options = parser.parse_args()
    avatar = load_avatar(options.avatar)
    camera = Camera(avatar.viewmat, avatar.K).resized(options.size / avatar.size)
    head, plates, renderer = Head(avatar), PlateLoop(avatar, options.size), NumbaRenderer((options.size, options.size))
    motion = np.random.default_rng(0).random((FRAMES, len(avatar.units)), np.float32) * 0.3
    frame = np.empty((options.size, options.size, 3), np.uint8)
    plate, pose = plates.at(0)
    splats = head.pose(motion[0], pose, camera)
    with tempfile.TemporaryDirectory() as folder:
        writer = Mp4Writer(Path(folder) / "x.mp4", options.size, 25, None)
        rows = {
            "motion and pose": milliseconds(lambda i: head.pose(motion[i], pose, camera)),
            "plate and head pose": milliseconds(lambda i: plates.at(i / 25)),
            "draw and composite": milliseconds(lambda i: renderer.render_over(splats, camera, plate, frame)),
            "encode (x264)": milliseconds(lambda i: writer.write(frame)),
        }
    print(f"{len(avatar.means)} Gaussians, {options.size} px, {numba.get_num_threads()} threads")
    for name, time_ms in rows.items():
        print(f"  {name:22s} {time_ms:6.2f} ms")
    print(f"  {'sum':22s} {sum(rows.values()):6.2f} ms = {1000 / sum(rows.values()):.0f} frames a second")


if __name__ == "__main__":
    main()
