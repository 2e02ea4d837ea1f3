"""Pitch of speech by autocorrelation (Boersma 1993, "Accurate short-term analysis of the fundamental frequency").

The autocorrelation of a windowed frame is divided by the window's own; its peaks are candidates, and a dynamic program
chooses the path that changes least.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HOP_S = 0.01
LOWEST_HZ, HIGHEST_HZ = 60.0, 450.0
BAND_HZ = 2200.0
CANDIDATES = 6
UNVOICED_STRENGTH = 0.42
OCTAVE_COST = 0.02  # prefers the higher of two equal candidates
JUMP_COST = 0.35  # a jump of an octave between frames
VOICING_COST = 0.14
SILENCE_RATIO = 0.03  # of the loudest frame's peak


@dataclass(frozen=True)
class PitchTrack:
    """hz [n]: pitch every 10 ms, 0 where unvoiced; frame i is centred at i * HOP_S seconds."""

    hz: np.ndarray

    @property
    def voiced(self) -> np.ndarray:
        """The voiced frames' values."""
        return self.hz[self.hz > 0]

    @property
    def median(self) -> float:
        """Median of the voiced frames in Hz; 0 where there is none."""
        return float(np.median(self.voiced)) if len(self.voiced) else 0.0

    @property
    def spread(self) -> float:
        """Half the distance of the 16th and 84th percentile of log pitch: a robust standard deviation."""
        if len(self.voiced) < 10:
            return 0.0
        low, high = np.percentile(np.log(self.voiced), (16, 84))
        return float(high - low) / 2


def track_pitch(samples: np.ndarray, rate: int) -> PitchTrack:
    """Pitch of float32 mono samples [n] (any length, 8 kHz or more)."""
    hop, half = round(rate * HOP_S), round(rate * 1.5 / LOWEST_HZ)
    count = max(1, len(samples) // hop + 1)
    padded = np.pad(samples.astype(np.float32), (half, half + hop))
    starts = np.arange(count) * hop
    frames = padded[starts[:, None] + np.arange(2 * half)[None]]
    peak = np.abs(frames).max(axis=1)
    lags, strengths = _candidates(frames, rate)
    strengths[peak < SILENCE_RATIO * max(peak.max(), 1e-6)] = -1.0
    return PitchTrack(_best_path(lags, strengths, rate))


def _candidates(frames: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames [m, w] -> (lags in samples, strengths), each [m, CANDIDATES]; unused ones have strength -1."""
    window = np.hanning(frames.shape[1]).astype(np.float32)
    size = 1 << int(np.ceil(np.log2(2 * frames.shape[1])))
    frames = frames - frames.mean(axis=1, keepdims=True)
    own = np.fft.irfft(np.abs(np.fft.rfft(window, size)) ** 2)
    spectra = np.abs(np.fft.rfft(frames * window, size, axis=1)) ** 2
    # the lower harmonics tell the pitch, and their peaks are round enough to be measured between two lags
    spectra[:, int(BAND_HZ / rate * size) :] = 0.0
    auto = np.fft.irfft(spectra, axis=1)
    low, high = int(rate / HIGHEST_HZ), int(rate / LOWEST_HZ)
    normal = auto[:, : high + 2] / np.maximum(auto[:, :1], 1e-9) / (own[: high + 2] / own[0])
    inner = normal[:, low : high + 1]
    is_peak = (inner > normal[:, low - 1 : high]) & (inner >= normal[:, low + 1 : high + 2])
    scores = np.where(is_peak, inner, -1.0)
    best = np.argsort(-scores, axis=1)[:, :CANDIDATES]
    strengths = np.take_along_axis(scores, best, axis=1)
    rows = np.arange(len(frames))[:, None]
    before, at, after = (normal[rows, best + low + step] for step in (-1, 0, 1))
    curve = before - 2 * at + after
    shift = np.where(np.abs(curve) > 1e-9, 0.5 * (before - after) / np.where(curve == 0, 1, curve), 0.0)
    shift = np.clip(shift, -0.5, 0.5)
    lags = best + low + shift
    strengths = np.where(strengths > 0, at - 0.25 * (before - after) * shift, strengths)
    strengths = np.where(strengths > 0, strengths - OCTAVE_COST * np.log2(lags / low), strengths)
    return lags, strengths


def _best_path(lags: np.ndarray, strengths: np.ndarray, rate: int) -> np.ndarray:
    """Viterbi over the candidates and "unvoiced" -> Hz [m], 0 where unvoiced."""
    octaves = np.log2(rate / lags)
    count, width = strengths.shape
    costs = np.concatenate([-strengths, np.full((count, 1), -UNVOICED_STRENGTH)], axis=1)
    costs[:, :width][strengths < 0] = 10.0
    total = costs[0]
    came = np.zeros((count, width + 1), np.int64)
    for i in range(1, count):
        step = np.full((width + 1, width + 1), VOICING_COST)
        step[:width, :width] = JUMP_COST * np.abs(octaves[i - 1][:, None] - octaves[i][None])
        step[width, width] = 0.0
        reach = total[:, None] + step
        came[i] = reach.argmin(axis=0)
        total = reach.min(axis=0) + costs[i]
    path = np.empty(count, np.int64)
    path[-1] = int(total.argmin())
    for i in range(count - 1, 0, -1):
        path[i - 1] = came[i, path[i]]
    voiced = path < width
    hz = np.zeros(count)
    hz[voiced] = rate / lags[np.flatnonzero(voiced), path[voiced]]
    return hz
