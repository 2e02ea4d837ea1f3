"""How fast a GPU draws an avatar, motion included, and how far its pictures are from the CPU's.

PYTHONPATH=TalkingGaussian python benchmarks/rendering_gpu.py [--gpu ID] [--avatar DIR] [--gaussians 30000]
    [--seconds 3] [--json FILE]
Runs in the talking_gaussian environment with its gpu part. `--gpu test` runs the same on Warp's CPU device: for looking
at this program, not for figures.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from talking_gaussian import devices
from talking_gaussian.avatar import Avatar, load_avatar
from talking_gaussian.devices import MIB
from talking_gaussian.rendering import Camera
from talking_gaussian.stage import Stage

PROJECT = Path(__file__).resolve().parents[1]
COMPARED = 3  # frames
ROUNDS = 5  # the median of so many counts
LEFT = "motion sent, posed, drawn, over its plate; the picture stays on the card"
FETCHED = "the same as planes in the computer's memory, plates and all"


def main() -> None:
    """Print frames a second in batches and one at a time, the kernels' times, memory, and the distance from the CPU."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--avatar", type=Path, default=PROJECT / "TalkingGaussian" / "avatars" / "presenter")
    parser.add_argument("--gpu", default="0")
    parser.add_argument("--gaussians", type=int, help="draw only so many of the avatar's, taken at random")
    parser.add_argument("--seconds", type=float, default=1.0, help="about how long a round is")
    parser.add_argument("--sizes", type=int, nargs="*", default=[512, 1024])
    parser.add_argument("--batches", type=int, nargs="*", default=[devices.BATCH, 1])
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    card, device = opened(options.gpu)
    avatar = thinned(load_avatar(options.avatar), options.gaussians)
    told: dict[str, Any] = {"card": card, "gaussians": len(avatar.means), "sizes": []}
    for size in options.sizes:
        print(
            f"{card}: {len(avatar.means)} Gaussians, {size} px; frames a second, median of {ROUNDS} rounds", flush=True
        )
        found: dict[str, Any] = {"size": size, "batches": []}
        for batch in options.batches:
            found["batches"].append(measured(avatar, size, batch, device, options.seconds))
        found["db_from_cpu"] = agreement(avatar, size, device)
        print(f"  {found['db_from_cpu']:.1f} dB from the CPU's pictures")
        told["sizes"].append(found)
    if options.json:
        options.json.write_text(json.dumps(told, indent=1))


def opened(gpu: str) -> tuple[str, str]:
    """Take the card -> what it is, and Warp's name of it."""
    name, device = "Warp's CPU device, no figures", "cpu"
    if gpu != "test":
        chosen = devices.choose(gpu)
        if chosen.gpu is None:
            raise SystemExit(chosen.en)
        devices.take(chosen.gpu)
        name, device = f"{chosen.gpu.name}, driver {chosen.gpu.driver}", "cuda:0"
    import warp as wp
    from talking_gaussian.rendering import warp_kernels  # noqa: F401 (it quiets Warp, which speaks as it starts)

    wp.init()
    return name, device


def thinned(avatar: Avatar, count: int | None) -> Avatar:
    """The avatar with `count` of its Gaussians, or as it is."""
    if count is None:
        return avatar
    if not 0 < count <= len(avatar.means):
        raise SystemExit(f"--gaussians: the avatar has {len(avatar.means)}")
    rows = np.sort(np.random.default_rng(0).choice(len(avatar.means), count, replace=False))
    fields = ("means", "quats", "scales", "opacities", "sh", "head_weight", "part")
    kept = {name: getattr(avatar, name)[rows] for name in fields}
    shade = None if avatar.shade is None else avatar.shade[:, rows]
    return replace(avatar, **kept, basis=avatar.basis[:, rows], shade=shade)


def motion_of(avatar: Avatar, frames: int) -> np.ndarray:
    """Random expressions [frames, K]."""
    return np.random.default_rng(0).random((frames, len(avatar.units)), np.float32) * 0.3


def measured(avatar: Avatar, size: int, batch: int, device: str, seconds: float) -> dict[str, Any]:
    """Frames a second with so many at a time, and where the card's time goes."""
    left, film = OnCard(avatar, size, batch, device), Film(avatar, size, batch, device)
    found: dict[str, Any] = {"batch": batch}
    for what, words, play in (("on_card", LEFT, left.play), ("fetched", FETCHED, film.play)):
        found[what] = frames_a_second(play, batch, seconds)
        print(f"  {batch:3d} at a time: {found[what]:8.0f}  {words}", flush=True)
    if device != "cpu":
        found["kernels_us_a_frame"] = left.kernels()
        rows = sorted(found["kernels_us_a_frame"].items(), key=lambda row: -row[1])
        print("      microseconds a frame: " + ", ".join(f"{name} {value:.1f}" for name, value in rows))
        found["memory_mib"] = memory_mib(device)
        print("      memory of the card: {all} MiB, of which buffers at most {buffers}".format(**found["memory_mib"]))
    film.close()
    return found


def frames_a_second(play: Callable[[int], None], batch: int, seconds: float) -> float:
    """The median over rounds of about so many seconds; play: draws so many frames and returns when they are done."""
    play(8 * batch)  # compiles, and fetches the first plates
    began = time.perf_counter()
    play(8 * batch)
    frames = max(1, round(seconds * 8 / (time.perf_counter() - began))) * batch
    rates = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        play(frames)
        rates.append(frames / (time.perf_counter() - began))
    return float(np.median(rates))


class OnCard:
    """Draws without fetching: what a program on the card would have of a frame. It waits for each batch."""

    def __init__(self, avatar: Avatar, size: int, batch: int, device: str) -> None:
        import warp as wp
        from talking_gaussian.rendering.warp_backend import WarpRenderer
        from talking_gaussian.rendering.warp_head import CardHead

        self._camera, self._batch = Camera(avatar.viewmat, avatar.K).resized(size / avatar.size), batch
        self._renderer = WarpRenderer((size, size), len(avatar.means), batch, device)
        self._head = CardHead(avatar, self._renderer)
        self._motion, self._heads = motion_of(avatar, 16 * batch), np.repeat(avatar.head[:1], batch, 0)
        self._plates = wp.full((1, size, size, 3), 128, dtype=wp.uint8, device=device)
        self._frames = wp.empty((batch, size, size, 3), dtype=wp.uint8, device=device)

    def play(self, frames: int) -> None:
        """Draw so many frames, a whole number of batches."""
        import warp as wp
        from talking_gaussian.rendering import warp_output as output

        rows = self._motion.reshape(-1, self._batch, self._motion.shape[1])
        plates, where = np.zeros(self._batch, np.int32), self._renderer.device
        for index in range(frames // self._batch):
            self._head.put_all(rows[index % len(rows)], self._heads, self._camera, plates)
            canvas = self._renderer.canvas(self._camera, self._batch, self._head.pose)
            inputs = [canvas, self._plates, self._head.frames.plates_there]
            wp.launch(output.as_rgb, self._frames.shape[:3], inputs, [self._frames], device=where)
            wp.synchronize_device(where)

    def kernels(self, batches: int = 20) -> dict[str, float]:
        """Microseconds a frame that the card spends on each kernel and copy, by its own events."""
        import warp as wp

        wp.timing_begin()
        self.play(batches * self._batch)
        spent: dict[str, float] = {}
        for result in wp.timing_end():
            name = re.sub(r"^(forward|builtin) kernel |_[0-9a-f]{8}$", "", result.name)
            spent[name] = spent.get(name, 0.0) + 1000 * result.elapsed / (batches * self._batch)
        return spent


class Film:
    """A video without end, drawn as `infer` has it: plates decoded once, the next batch drawn while one is fetched."""

    def __init__(self, avatar: Avatar, size: int, batch: int, device: str) -> None:
        from talking_gaussian.rendering.warp_backend import WarpRenderer

        renderer = WarpRenderer((size, size), len(avatar.means), batch, device, plate_bytes=devices.PLATES_MIB * MIB)
        self._stage = Stage(avatar, size, card=renderer)
        self._batches = self._stage.planes(cycle(motion_of(avatar, 256)), avatar.fps)
        if device != "cpu":
            self.play(len(avatar.head))  # every plate has been seen then, and stays on the card

    def play(self, frames: int) -> None:
        """Draw and fetch so many frames."""
        while frames > 0:
            frames -= len(next(self._batches))

    def close(self) -> None:
        """Free the decoders."""
        self._stage.close()


def memory_mib(device: str) -> dict[str, int]:
    """What is taken of the card in all (the driver's part included; other programs' too), and by Warp's buffers."""
    import warp as wp

    card = wp.get_device(device)
    high = wp.get_mempool_used_mem_high(card) if card.is_mempool_supported else 0
    return {"all": int((card.total_memory - card.free_memory) // MIB), "buffers": int(high // MIB)}


def agreement(avatar: Avatar, size: int, device: str) -> float:
    """PSNR in dB between the card's pictures and the CPU's."""
    from talking_gaussian.rendering.warp_backend import WarpRenderer

    motion = motion_of(avatar, COMPARED)
    card = WarpRenderer((size, size), len(avatar.means), 2, device)
    ours = np.stack(list(Stage(avatar, size, card=card).frames(iter(motion), avatar.fps)))
    theirs = np.stack([frame.copy() for frame in Stage(avatar, size).frames(iter(motion), avatar.fps)])
    return float(10 * np.log10(255**2 / np.mean((ours.astype(float) - theirs) ** 2)))


if __name__ == "__main__":
    main()
