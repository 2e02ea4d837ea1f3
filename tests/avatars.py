"""A tiny avatar made of nothing, for tests that need one on disk."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from safetensors.numpy import save_file

UNITS = ["jawOpen", "mouthClose", "mouthFunnel", "eyeBlinkLeft", "eyeBlinkRight"]


def write_avatar(folder: Path, *, size: int = 64, count: int = 200, plates: int = 4, **changes: Any) -> Path:
    """A valid avatar of random Gaussians; `changes` replace entries of avatar.json or whole arrays by name."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "format_version": 1,
        "id": "tiny",
        "name": {"en": "Tiny", "zh": "小小"},
        "fps": 25,
        "size": size,
        "units": UNITS,
        "plate_loop": "closed",
    }
    facts.update({key: value for key, value in changes.items() if not isinstance(value, np.ndarray)})
    (folder / "avatar.json").write_text(json.dumps(facts), encoding="utf-8")
    for file, arrays in random_arrays(size, count, plates).items():
        save_file({k: changes.get(k, v) for k, v in arrays.items()}, str(folder / file))
    write_plates(folder / "plates.mp4", size, plates)
    return folder


def random_arrays(size: int, count: int, plates: int) -> dict[str, dict[str, np.ndarray]]:
    """The three tensor files of an avatar: a ball of coloured Gaussians one metre before the camera."""
    rng = np.random.default_rng(0)
    viewmat, K = np.eye(4, dtype=np.float32), np.eye(3, dtype=np.float32)
    viewmat[2, 3], K[0, 0], K[1, 1], K[:2, 2] = 1, 2 * size, 2 * size, size / 2
    return {
        "gaussians.safetensors": {
            "means": rng.normal(0, 0.05, (count, 3)).astype(np.float32),
            "quats": rng.normal(0, 1, (count, 4)).astype(np.float32),
            "scales": rng.uniform(-6, -3.5, (count, 3)).astype(np.float32),
            "opacities": np.full(count, 2, np.float32),
            "sh": rng.normal(0, 1, (count, 4, 3)).astype(np.float32),
            "head_weight": np.ones(count, np.float32),
            "part": np.zeros(count, np.uint8),
        },
        "motion.safetensors": {"basis": rng.normal(0, 0.01, (len(UNITS), count, 3)).astype(np.float16)},
        "poses.safetensors": {"head": np.tile(np.eye(4, dtype=np.float32), (plates, 1, 1)), "viewmat": viewmat, "K": K},
    }


def write_plates(path: Path, size: int, plates: int) -> None:
    """A video of key frames, each of its own grey: plate i has the level 40 + 20 i."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25))
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.options = {"g": "1", "crf": "10"}
        for index in range(plates):
            frame = av.VideoFrame.from_ndarray(np.full((size, size, 3), 40 + 20 * index, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
