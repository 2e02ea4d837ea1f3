"""Train avatars from videos by the paper's protocol and judge them by the frames that training never saw.

python benchmarks/training.py VIDEO[:SOUND_LATE_MS] … [--preset draft|standard|high] [--gpu cpu|ID|all]
    [--workspace DIR]
The first 80 % of a video trains; in the rest pose, plate and upper face are given and the mouth comes from the sound
alone. Beside each avatar stands the same avatar with its mouth frozen: what a figure is worth shows in the difference.
Prints a Markdown table; peak memory is that of the hungriest program, and of the cards where they train.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1] / "TalkingGaussian" / "scripts"
COLUMNS = ("lmd", "opening", "rounding", "psnr", "psnr_face", "psnr_mouth", "ssim")


def main() -> None:
    """Train every video in turn and print its rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("videos", nargs="+", metavar="VIDEO[:SOUND_LATE_MS]")
    parser.add_argument("--preset", default="draft")
    parser.add_argument("--gpu", default="cpu", help="what trains (default: %(default)s)")
    parser.add_argument("--workspace", type=Path, help="keep the trainings here (default: thrown away)")
    options = parser.parse_args()
    print("| clip | | wall time | peak memory |", " | ".join(COLUMNS), "|")
    print("|" + "---|" * (4 + len(COLUMNS)))
    with tempfile.TemporaryDirectory() as scratch:
        for word in options.videos:
            video, _, late = word.partition(":")
            one(Path(video), late or "0", options.preset, options.gpu, options.workspace or Path(scratch))


def one(video: Path, late_ms: str, preset: str, gpu: str, folder: Path) -> None:
    """Preprocess, train, judge; print two rows."""
    workspace = folder / video.stem
    began = time.monotonic()
    script("process.sh", video, "--out", workspace / "dataset", "--sound_shift_ms", late_ms)
    processed = time.monotonic() - began
    with card_memory(gpu) as card_mib:
        script("train_xx.sh", workspace / "dataset", workspace, gpu, "--preset", preset)
    took = time.monotonic() - began
    script("evaluate_training.sh", workspace)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    report = json.loads((workspace / "report.json").read_text())
    cards = f", cards {max(card_mib) / 1024:.1f} GB" if card_mib else ""
    facts = f"{took / 60:.1f} min ({processed:.0f} s preprocessing) | {peak:.1f} GB{cards}"
    for name, spent in (("avatar", facts), ("frozen", " | ")):
        figures = " | ".join(f"{report[name][key]:.3f}" for key in COLUMNS)
        print(f"| {video.stem} | {name} | {spent} | {figures} |", flush=True)


@contextmanager
def card_memory(gpu: str) -> Iterator[list[int]]:
    """MiB that are taken of all cards, twice a second while inside; nothing for the CPU."""
    taken: list[int] = []
    if gpu == "cpu":
        yield taken
        return
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.5):
            told = subprocess.run(query, capture_output=True, text=True, check=True).stdout
            taken.append(max(int(line) for line in told.splitlines()))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield taken
    finally:
        done.set()
        watching.join()


def script(name: str, *arguments: object) -> None:
    """Run one of the engine's scripts quietly; its own words are shown where it fails."""
    done = subprocess.run(
        ["bash", str(SCRIPTS / name), *map(str, arguments)], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])


if __name__ == "__main__":
    main()
