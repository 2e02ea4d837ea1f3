"""Sounds made of nothing, for tests."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np


def write_wav(path: Path, samples: np.ndarray, rate: int = 16000) -> Path:
    """Mono samples in -1..1 -> a PCM16 WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def write_speechlike(path: Path, seconds: float, rate: int = 16000) -> Path:
    """A buzzing voice in syllables: 120 Hz harmonics, four syllables a second with pauses."""
    time = np.arange(int(seconds * rate)) / rate
    voice = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 20))
    syllables = np.clip(np.sin(2 * np.pi * 4 * time), 0, 1) * (np.sin(2 * np.pi * 0.4 * time) > -0.6)
    return write_wav(path, 0.2 * voice * syllables, rate)
