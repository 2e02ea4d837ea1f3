"""A video's sound on the clock of its picture."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from scipy.signal import fftconvolve, resample_poly
from talking_gaussian.audio.chunks import RATE
from talking_gaussian.audio.reader import read_audio

MAX_SECONDS = 150.0
SILENT = 1e-4  # peak; below it a track is digital silence
_COARSE = 4  # places are looked for at a quarter of the rate
_SAME_SOUND = 0.5  # cross-correlation of one recording with itself, encoded otherwise


def sound_of(path: Path, start_s: float = 0.0) -> np.ndarray | None:
    """Mono 16 kHz samples [n] float32 from the moment `start_s` of the picture on, at most 150 s.

    None where there is no sound track or only silence. Raises UserError for a damaged one.
    """
    shift = _late_by(path)
    if shift is None:
        return None
    wanted = round((start_s + MAX_SECONDS) * RATE)
    blocks, held = [], 0
    for block in read_audio(path, RATE):
        blocks.append(block)
        held += len(block)
        if held >= wanted:
            break
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    move = round(shift * RATE)
    samples = np.pad(samples, (move, 0)) if move >= 0 else samples[-move:]
    samples = samples[round(start_s * RATE) : wanted]
    return samples if len(samples) and np.abs(samples).max() > SILENT else None


def found_at(part: np.ndarray, whole: np.ndarray) -> float | None:
    """Second of `whole` at which the sound `part` begins (negative: before it); None where it is not in there.

    Both mono 16 kHz. The same recording is meant, if re-encoded: normalised cross-correlation of the waveforms.
    """
    a, b = (resample_poly(sound, 1, _COARSE).astype(np.float64) for sound in (part, whole))
    if min(len(a), len(b)) < RATE // _COARSE:
        return None
    product = fftconvolve(b, a[::-1])
    energy = np.sqrt(np.maximum(fftconvolve(b * b, np.ones(len(a))), 1e-9) * max(np.square(a).sum(), 1e-9))
    enough = np.minimum(np.arange(1, len(product) + 1), np.arange(len(product), 0, -1)) >= len(a) // 2
    likeness = np.where(enough, product / energy, 0.0)
    best = int(likeness.argmax())
    return (best - len(a) + 1) * _COARSE / RATE if likeness[best] >= _SAME_SOUND else None


def _late_by(path: Path) -> float | None:
    """Seconds by which the file's clock starts its sound after its picture; None without a sound track."""
    with av.open(f"file:{path.absolute()}") as container:
        if not container.streams.audio:
            return None
        sound, picture = container.streams.audio[0], container.streams.video[0]
        starts = [float((stream.start_time or 0) * (stream.time_base or 1)) for stream in (sound, picture)]
        return starts[0] - starts[1]
