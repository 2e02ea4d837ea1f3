"""Small sound files for tests, written byte by byte so that nothing but the reader is tested."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np


def write_wav(path: Path, samples: np.ndarray, rate: int = 16_000, channels: int = 1) -> Path:
    """Interleaved samples (uint8, int16, int32 or float32) as a WAV file."""
    width = samples.dtype.itemsize
    tag = 3 if samples.dtype == np.float32 else 1
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * channels * width, channels * width, width * 8)
    data = samples.tobytes()
    head = b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<I", 16) + form
    path.write_bytes(head + b"data" + struct.pack("<I", len(data)) + data)
    return path


def tone(seconds: float, rate: int = 16_000, hertz: float = 440.0) -> np.ndarray:
    """A float32 sine of level 0.5."""
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def syllables(seconds: float, seed: int = 0) -> np.ndarray:
    """Something a speech gate takes for speech: a buzz with formants that comes and goes four times a second."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * 16_000)) / 16_000
    buzz = sum(np.sin(2 * np.pi * 120 * k * t) / (1 + ((120 * k - 700) / 300) ** 2) for k in range(1, 30))
    envelope = np.clip(np.sin(2 * np.pi * 2 * t) + 0.3, 0, 1)
    return (0.2 * buzz * envelope + 0.0005 * rng.standard_normal(len(t))).astype(np.float32)
