"""Cut a stream of samples into overlapping chunks on a fixed grid and bring speech to one loudness.

The grid does not depend on how the stream was cut before, so a file read in blocks of any size gives the same
chunks to the bit, and memory does not grow with length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

RATE = 16_000
HOP = 160  # samples a feature frame: 100 frames a second
FIRST_CORE = 4 * RATE  # a short first chunk: the first picture comes early
CORE = 12 * RATE
CONTEXT = RATE  # samples heard on each side of a chunk's core, whole hops

SPEECH_LEVEL_DB = -20.0  # what loud frames of normalised speech reach
SILENCE_DB = -65.0  # frames below this are digital or near silence and say nothing about loudness


class Chunk(NamedTuple):
    """samples [left + core + right] with context; `core` samples from `left` on belong to the chunk itself."""

    samples: np.ndarray
    left: int
    core: int


def overlapping_chunks(blocks: Iterable[np.ndarray]) -> Iterator[Chunk]:
    """Blocks of 16 kHz mono float32 samples -> chunks of CORE samples with up to CONTEXT samples on each side."""
    held = np.zeros(0, np.float32)
    left, core = 0, FIRST_CORE
    source = iter(blocks)
    ended = False
    while True:
        parts, length = [held], len(held)
        while not ended and length < left + core + CONTEXT:
            block = next(source, None)
            ended = block is None
            if block is not None:
                parts.append(np.asarray(block, np.float32))
                length += len(block)
        held = np.concatenate(parts)
        rest = len(held) - left
        if rest <= 0:
            return
        # A tail too short to hear anything in is taken along.
        this = rest if ended and rest <= core + CONTEXT else core
        yield Chunk(held[: left + this + CONTEXT], left, this)
        if this == rest and ended:
            return
        keep = max(0, left + this - CONTEXT)
        held, left, core = held[keep:], left + this - keep, CORE


def frame_levels_db(samples: np.ndarray) -> np.ndarray:
    """Loudness of each hop in dB below full scale, [n // HOP], of the speech band (a first difference takes rumble)."""
    frames = len(samples) // HOP
    sharp = np.diff(samples[: frames * HOP], prepend=samples[:1]).reshape(frames, HOP)
    return 10.0 * np.log10(np.mean(np.square(sharp), axis=1, dtype=np.float64) + 1e-12)


@dataclass
class LoudnessTracker:
    """Running estimate of how loud the speaker is, so that a quiet one opens the mouth as far as a loud one.

    level_db: loudness of the loud frames so far; floor_db: of the quiet ones; None before any sound.
    """

    level_db: float | None = None
    floor_db: float | None = None

    def update(self, levels_db: np.ndarray) -> None:
        """Take in the frame levels [n] of one chunk."""
        heard = levels_db[levels_db > SILENCE_DB - 20]
        if len(heard) < 10:
            return
        loud, quiet = np.percentile(heard, (90, 5))
        share = 1.0 if self.level_db is None or self.floor_db is None else min(0.5, len(heard) / 1600)
        old_level = loud if self.level_db is None else self.level_db
        old_floor = quiet if self.floor_db is None else self.floor_db
        if loud < old_level - 12:  # a chunk with hardly any speech must not turn its noise up
            share *= 0.1
        self.level_db = float(old_level + share * (loud - old_level))
        self.floor_db = float(old_floor + share * (quiet - old_floor))

    def gain(self) -> float:
        """Factor that brings the speaker to SPEECH_LEVEL_DB, at most 40 dB up: silence stays silence."""
        if self.level_db is None:
            return 1.0
        return float(10 ** (np.clip(SPEECH_LEVEL_DB - self.level_db, -30.0, 40.0) / 20))
