"""How fast a GPU draws an avatar, motion included, and how far its pictures are from the CPU's.

PYTHONPATH=TalkingGaussian python benchmarks/rendering_gpu.py [--gpu ID] [--avatar DIR] [--frames 800]
Runs in the talking_gaussian environment with its gpu part. `--gpu test` runs the same on Warp's CPU device: for looking
at this program, not for figures.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from talking_gaussian import devices
from talking_gaussian.avatar import Avatar, load_avatar
from talking_gaussian.profiling import Profile
from talking_gaussian.rendering import Camera
from talking_gaussian.stage import Stage

PROJECT = Path(__file__).resolve().parents[1]
COMPARED = 3  # frames


def main() -> None:
    """Print frames a second in batches and one at a time, shares of time, and the distance from the CPU."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--avatar", type=Path, default=PROJECT / "TalkingGaussian" / "avatars" / "presenter")
    parser.add_argument("--gpu", default="0")
    parser.add_argument("--frames", type=int, default=800)
    parser.add_argument("--sizes", type=int, nargs="*", default=[512, 1024])
    options = parser.parse_args()
    device = "cpu"
    if options.gpu != "test":
        chosen = devices.choose(options.gpu)
        if chosen.gpu is None:
            raise SystemExit(chosen.en)
        devices.take(chosen.gpu)
        device = "cuda:0"
        print(f"{chosen.gpu.name}, driver {chosen.gpu.driver}")
    avatar = load_avatar(options.avatar)
    motion = np.random.default_rng(0).random((options.frames, len(avatar.units)), np.float32) * 0.3
    for size in options.sizes:
        print(f"{len(avatar.means)} Gaussians, {size} px")
        for batch in (devices.BATCH, 1):
            measure(avatar, motion, size, batch, device)
        print(f"  {agreement(avatar, motion[:COMPARED], size, device):.1f} dB from the CPU's pictures")


def measure(avatar: Avatar, motion: np.ndarray, size: int, batch: int, device: str) -> None:
    """Poses, draws and fetches every frame; the plate stays, since decoding it is the CPU's work."""
    from talking_gaussian.rendering.warp_backend import WarpRenderer
    from talking_gaussian.rendering.warp_head import CardHead

    camera = Camera(avatar.viewmat, avatar.K).resized(size / avatar.size)
    for profile in (Profile(), Profile(on=True)):  # the profile waits for the card after each part, so it is apart
        renderer = WarpRenderer((size, size), len(avatar.means), batch, device, profile)
        head = CardHead(avatar, renderer)
        for slot in range(batch):
            renderer.put_plate(slot, np.full((size, size, 3), 128, np.uint8))
        for first in range(-batch, len(motion) - batch + 1, batch):  # the first round, uncounted, compiles
            if first == 0:
                began = time.perf_counter()
            for slot in range(batch):
                head.put(slot, motion[max(first, 0) + slot], avatar.head[0], camera)
            renderer.draw(camera, batch, head.pose)
        frames = len(motion) // batch * batch
        if profile.on:
            print("\n".join(f"    {line}" for line in profile.lines(frames + batch)[:-1]))
        else:
            print(f"  {batch} at a time: {frames / (time.perf_counter() - began):.0f} frames a second")


def agreement(avatar: Avatar, motion: np.ndarray, size: int, device: str) -> float:
    """PSNR in dB between the card's pictures and the CPU's."""
    from talking_gaussian.rendering.warp_backend import WarpRenderer

    card = WarpRenderer((size, size), len(avatar.means), 2, device)
    ours = np.stack(list(Stage(avatar, size, card=card).frames(iter(motion), 25)))
    theirs = np.stack([frame.copy() for frame in Stage(avatar, size).frames(iter(motion), 25)])
    return float(10 * np.log10(255**2 / np.mean((ours.astype(float) - theirs) ** 2)))


if __name__ == "__main__":
    main()
