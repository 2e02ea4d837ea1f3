"""The offset of sound against lips, on made sound whose loudness and colour follow made lips."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation.sync_offset import CONCLUSIVE, sound_offset
from scipy.ndimage import gaussian_filter1d

FPS, RATE = 25, 16_000


def talking(seconds: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lips' opening and width [T], and the noise they shape: loud when open, bright when wide."""
    draw = np.random.default_rng(seed)
    count = int(seconds * FPS)
    opening, width = (gaussian_filter1d(draw.normal(size=count), 1) * 2 for _ in range(2))
    at = (np.arange(int(seconds * RATE)) / RATE) * FPS - 0.5
    loud, bright = (np.interp(at, np.arange(count), row) for row in (opening, width))
    noise = draw.normal(size=len(at))
    low, high = gaussian_filter1d(noise, 8), np.diff(noise, prepend=0.0)
    sound = np.exp(loud) * (low * np.exp(-bright) + 0.3 * high * np.exp(bright)) * 0.02
    return opening, width, np.clip(sound, -1, 1).astype(np.float32)


@pytest.mark.parametrize("late_ms", [-400, -120, 0, 240, 400])
def test_a_shifted_sound_is_found(late_ms: int) -> None:
    opening, width, sound = talking(8)
    shift = abs(late_ms) * RATE // 1000
    sound = np.pad(sound, (shift, 0)) if late_ms >= 0 else sound[shift:]
    found = sound_offset(opening, width, FPS, sound, RATE)
    assert abs(found.ms - late_ms) <= 40
    assert found.conclusive


def test_frames_without_a_face_and_other_rates_do_not_matter() -> None:
    opening, width, sound = talking(8)
    opening[40:60] = np.nan
    found = sound_offset(opening, width, FPS, np.repeat(sound, 3), 3 * RATE)
    assert abs(found.ms) <= 40
    assert found.conclusive


@pytest.mark.parametrize("seed", range(4))
def test_sound_of_another_is_inconclusive(seed: int) -> None:
    opening, width, _ = talking(8, seed)
    *_, sound = talking(8, seed + 100)
    assert sound_offset(opening, width, FPS, sound, RATE).confidence < CONCLUSIVE


def test_nothing_to_compare_has_no_confidence() -> None:
    opening, width, sound = talking(8)
    still = np.ones_like(opening)
    for found in (
        sound_offset(opening, width, FPS, np.zeros_like(sound), RATE),
        sound_offset(still, still, FPS, sound, RATE),
        sound_offset(opening[:20], width[:20], FPS, sound, RATE),
        sound_offset(opening, width, FPS, sound[:0], RATE),
        sound_offset(np.full_like(opening, np.nan), width, FPS, sound, RATE),
    ):
        assert (found.ms, found.confidence) == (0.0, 0.0)
