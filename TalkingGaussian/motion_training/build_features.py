"""Sound features and articulation labels of the corpus: `python build_features.py CORPUS OUT [--copies 2]`.

Each sentence is augmented `copies` times and passed through the same loudness normalisation as at run time.
Held-out sentences are kept clean in copy 0 and get 10 dB of pink noise in copy 1.
"""

from __future__ import annotations

import argparse
import zlib
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from augment import augmented, coloured_noise, resample
from talking_gaussian.audio.chunks import HOP, RATE, LoudnessTracker, frame_levels_db
from talking_gaussian.audio.features import load_feature
from talking_gaussian.motion.visemes import articulation

_features: dict = {}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--copies", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    files = sorted(args.corpus.glob("*.npz"))
    jobs = [(f, files[(k * 7 + 3) % len(files)], c, args.out) for c in range(args.copies) for k, f in enumerate(files)]
    jobs.sort(key=lambda job: (job[2], zlib.crc32(job[0].stem.encode())))  # what is ready early is a fair mixture
    with ProcessPoolExecutor(args.workers) as pool:
        for n, _ in enumerate(pool.map(convert, jobs, chunksize=8)):
            if n % 50 == 0:
                print(n, "of", len(jobs), flush=True)


def convert(job: tuple[Path, Path, int, Path]) -> None:
    """One sentence, one copy -> NPZ with visemes, mel (float16), labels (float16), split."""
    path, other, copy, out = job
    target = out / f"{path.stem}_{copy}.npz"
    if target.exists():
        return
    said, rng = np.load(path), np.random.default_rng(zlib.crc32(target.stem.encode()))
    rate, split = int(said["rate"]), str(said["split"])
    if split == "train":
        around = np.load(other)
        samples, before, speed = augmented(said["samples"], rate, resample(around["samples"], int(around["rate"])), rng)
    else:
        samples, before, speed = np.pad(resample(said["samples"], rate), RATE // 2), 0.5, 1.0
        if copy:
            samples = samples + coloured_noise(rng, len(samples), 1.0) * samples.std() * 10**-0.5
    tracker = LoudnessTracker()
    tracker.update(frame_levels_db(samples))
    samples = (samples * tracker.gain()).astype(np.float32)
    times = (np.arange(len(samples) // HOP) + 0.5) * HOP / RATE
    phones = [
        (str(p), before + s / speed, before + e / speed)
        for p, (s, e) in zip(said["labels"], said["times"], strict=True)
    ]
    found = {}
    for name in ("visemes", "mel"):
        if name not in _features:
            _features[name] = load_feature(name)
        found[name] = _features[name].extract(samples).astype(np.float16)
    labels = articulation(phones, times, str(said["alphabet"])).astype(np.float16)
    np.savez(target, labels=labels, split=split, **found)


if __name__ == "__main__":
    main()
