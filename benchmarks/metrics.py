"""How long the evaluation takes and what it holds in memory, on a pair of 60 s at 512 x 512.

PYTHONPATH=TalkingGaussian python benchmarks/metrics.py OUT GT     (any Python with PyAV and numpy)

The two videos are played forward and backward until 60 s are full, then compared with every metric that needs no
weights, each alone and all together, by scripts/run_metrics.sh. Prints seconds, CPU seconds and the peak memory.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from talking_gaussian.video.frames import read_frames

PROJECT = Path(__file__).resolve().parents[1]
SCRIPT = PROJECT / "TalkingGaussian" / "scripts" / "run_metrics.sh"
FPS, RATE = 25, 16_000
SETS = {
    "PSNR": "psnr",
    "SSIM": "ssim",
    "MS-SSIM": "ms_ssim",
    "flicker": "flicker",
    "landmarks (LMD, F-LMD, correlations)": "lmd,lmd_normalised,lmd_centred,f_lmd,opening,rounding",
    "face units": "aue_mouth,aue_upper",
    "sync offset": "sync_offset,sync_confidence",
    "NIQE, BRISQUE": "niqe,brisque",
}
SETS["all of them"] = ",".join(SETS.values())


def looped(video: Path) -> Iterator[np.ndarray]:
    """The frames forward, backward, forward …"""
    frames = list(read_frames(video, FPS))
    return itertools.cycle([*frames, *frames[::-1]])


def lengthen(video: Path, out: Path, seconds: int) -> Path:
    """`seconds` of the looped video at 512 x 512, with a noise as sound."""
    with av.open(str(out), "w") as container:
        picture = container.add_stream("libx264", rate=FPS)
        picture.width = picture.height = 512
        picture.pix_fmt, picture.options = "yuv420p", {"crf": "16", "preset": "veryfast"}
        sound = container.add_stream("aac", rate=RATE)
        for frame in itertools.islice(looped(video), seconds * FPS):
            image = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(512, 512)
            container.mux(picture.encode(image))
        container.mux(picture.encode(None))
        noise = np.random.default_rng(0).normal(0, 0.1, (1, seconds * RATE)).astype(np.float32)
        for at in range(0, noise.shape[1], 1024):
            block = av.AudioFrame.from_ndarray(np.ascontiguousarray(noise[:, at : at + 1024]), "fltp", "mono")
            block.sample_rate, block.pts, block.time_base = RATE, at, Fraction(1, RATE)
            container.mux(sound.encode(block))
        container.mux(sound.encode(None))
    return out


def measured(output: Path, reference: Path, metrics: str) -> tuple[float, float, float]:
    """(seconds, CPU seconds, peak MB) of one comparison."""
    began = time.monotonic()
    line = ["bash", str(SCRIPT), str(output), str(reference), "--metrics", metrics]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(line)} failed")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pair = [
            lengthen(video, Path(folder) / f"{name}.mp4", options.seconds)
            for name, video in (("output", options.output), ("reference", options.reference))
        ]
        print(f"| metrics, {options.seconds} s of 512 x 512 at {FPS} frames a second | s | CPU s | peak MB |")
        print("|---|---|---|---|")
        for name, metrics in SETS.items():
            seconds, cpu, memory = measured(pair[0], pair[1], metrics)
            print(f"| {name} | {seconds:.1f} | {cpu:.1f} | {memory:.0f} |", flush=True)


if __name__ == "__main__":
    main()
