"""Figures of the committed weights on held-out synthetic speech: `python evaluate_regressor.py FEATURES_FOLDER …`.

Correlations are taken at 25 fps after the run-time smoothing: of the gap between the lips, and of each unit.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from talking_gaussian.motion.speech_motion import _snapped
from talking_gaussian.motion.temporal_net import TemporalNet
from talking_gaussian.motion.visemes import (
    SPEECH_UNITS,
    articulation_to_units,
    gaussian_smooth,
    opening,
    read_frames,
)
from train_regressor import OUT, load


def curves_of(moves: np.ndarray) -> np.ndarray:
    """Articulation at 100 Hz -> units at 25 fps."""
    return read_frames(articulation_to_units(moves), 100.0, 25.0, 0, len(moves) // 4)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--feature", default="visemes", choices=["visemes", "mel"])
    args = parser.parse_args()
    net = TemporalNet.load(OUT / f"weights_{args.feature}.safetensors")
    data = load(args.folders, args.feature)
    groups = {
        "held-out sentences en": [d for d in data["sentence"] if d[0].startswith("en") and d[0].endswith("_0")],
        "held-out sentences zh": [d for d in data["sentence"] if d[0].startswith("zh") and d[0].endswith("_0")],
        "held-out voice (awb)": [d for d in data["voice"] if d[0].endswith("_0")],
        "held-out sentences, 10 dB noise": [d for d in data["sentence"] if d[0].endswith("_1")],
        "held-out voice, 10 dB noise": [d for d in data["voice"] if d[0].endswith("_1")],
    }
    for name, items in groups.items():
        if items:
            report(name, items, net)


def report(name: str, items: list, net: TemporalNet) -> None:
    """Print the correlations and how well closures are met."""
    found, wanted = [], []
    for _, x, y in items:
        moves = net(x.astype(np.float32))
        moves[:, -1] = np.where(moves[:, -1] < 0.5, 2 * moves[:, -1] ** 2, 1 - 2 * (1 - moves[:, -1]) ** 2)
        found.append(curves_of(_snapped(gaussian_smooth(moves, 1.6))))
        wanted.append(curves_of(gaussian_smooth(y.astype(np.float32), 1.6)))
    f, w = np.concatenate(found), np.concatenate(wanted)
    gap_f, gap_w = opening(f), opening(w)
    shut = gap_w < 0.01
    print(f"{name}: {len(items)} items, opening r = {np.corrcoef(gap_f, gap_w)[0, 1]:.3f}", end=", ")
    print(f"range {np.percentile(gap_f, 95) / np.percentile(gap_w, 95):.2f}", end=", ")
    print(f"truly shut shown shut (<.03) {np.mean(gap_f[shut] < 0.03):.2f}", end=", ")
    print(f"shown shut truly (<.08) {np.mean(gap_w[gap_f < 0.02] < 0.08):.2f}")
    per = {u: np.corrcoef(f[:, k], w[:, k])[0, 1] for k, u in enumerate(SPEECH_UNITS) if not u.endswith("Right")}
    print("   " + " ".join(f"{u} {r:.2f}" for u, r in per.items()))


if __name__ == "__main__":
    main()
