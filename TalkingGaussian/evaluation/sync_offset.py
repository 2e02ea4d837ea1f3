"""How late the sound is against the lips, from the sound and the lips' opening and width alone: no trained weights.

At every lag a ridge regression, trained on the clip itself, predicts the lips from log-mels; each fifth of the clip is
predicted by a fit of the other four. The lag that predicts best is the offset. What no lag predicts better than others
(silence, music, a face that does not speak, another person's voice) has no offset, and the confidence says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import convolve1d
from scipy.signal import resample_poly
from talking_gaussian.audio.chunks import HOP, RATE
from talking_gaussian.audio.features.mel import MelFeature

CONCLUSIVE = 0.5
MAX_MS, STEP_MS = 800, 20
MAX_FRAMES = 3000  # more does not sharpen the answer, and costs time
MIN_FRAMES = 40

_TAPS_MS = np.array([-80, -40, 0, 40, 80])  # how far around a frame's moment its sound is heard
_FOLDS = 5
_RIDGE = 1.0  # of features scaled to unit variance
_TREND_S = 1.5  # slower drifts of pose and zoom are no speech
_OPENING_WEIGHT, _WIDTH_WEIGHT = 2 / 3, 1 / 3  # closures are sharper in time than rounding
_PEAK_MS = 200  # what lies farther from the best lag than this is its rival
# Unrelated sound and lips reach a lead of 0.45 / sqrt(seconds) over their own best rival in 1 of 20 cases
# (260 pairs of voices and faces that do not belong together, 3 to 20 s)
_CHANCE = 0.45


@dataclass(frozen=True)
class SyncOffset:
    """The offset of sound against lips.

    ms: + = the sound is late. confidence: 0..1; from `CONCLUSIVE` (0.5) on about 1 of 20 unrelated pairs gets so far,
    below it `ms` means nothing. correlation: held-out r of lips and prediction at the best lag; elsewhere: the
    best r at lags farther than 200 ms from it.
    """

    ms: float
    confidence: float
    correlation: float = 0.0
    elsewhere: float = 0.0

    @property
    def conclusive(self) -> bool:
        """Whether `ms` can be relied on."""
        return self.confidence >= CONCLUSIVE


def sound_offset(opening: np.ndarray, width: np.ndarray, fps: float, sound: np.ndarray, rate: int) -> SyncOffset:
    """Find the offset of sound against lips, from -800 to 800 ms, to about 40 ms.

    opening, width: gap and corner distance of the lips in every frame [T], in any unit, NaN where no face was found;
    fps: frames a second; sound: mono [n] in -1..1
    that begins with the first frame; rate: its samples a second. At most the first 3000 frames are used. Less than 40
    usable frames, a face that stands still, or silence: SyncOffset(0, 0).
    """
    lips = np.stack([opening, width], axis=1).astype(np.float64)[:MAX_FRAMES]
    seen = np.asarray(np.isfinite(lips).all(axis=1))
    bands = _bands(sound[: round((len(lips) / fps + 1) * rate)], rate)
    if seen.sum() < MIN_FRAMES or not len(bands) or bands.std(axis=0).max() < 1e-3:
        return SyncOffset(0.0, 0.0)
    lips = _without_trend(lips, seen, fps)
    if lips[seen].std(axis=0).min() < 1e-7:
        return SyncOffset(0.0, 0.0)
    bands = (bands - bands.mean(axis=0)) / (bands.std(axis=0) + 1e-6)
    lags = np.arange(-MAX_MS, MAX_MS + 1, STEP_MS)
    # a frame is on the screen for 1 / fps: its middle counts
    moments = (np.arange(len(lips)) + 0.5) * 1000 / fps
    score = np.array([_predictability(bands, lips, seen, moments + lag) for lag in lags])
    return _peak(lags, score, float(seen.sum() / fps))


def _bands(sound: np.ndarray, rate: int) -> np.ndarray:
    """Log-mels [n, 40] at 100 Hz, smoothed over 50 ms."""
    if rate != RATE:
        sound = resample_poly(sound, RATE, rate)
    kernel = np.hanning(7)[1:-1]
    bands = MelFeature().log_mel(np.nan_to_num(sound).astype(np.float32)).astype(np.float64)
    return convolve1d(bands, kernel / kernel.sum(), axis=0, mode="nearest") if len(bands) else bands


def _without_trend(lips: np.ndarray, seen: np.ndarray, fps: float) -> np.ndarray:
    """Lips [T, 2] less their slow drift, unit variance; frames without a face are bridged."""
    at = np.arange(len(lips))
    whole = np.stack([np.interp(at, at[seen], column[seen]) for column in lips.T], axis=1)
    kernel = np.hanning((round(_TREND_S * fps) | 1) + 2)[1:-1]
    whole -= convolve1d(whole, kernel / kernel.sum(), axis=0, mode="nearest")
    spread = whole[seen].std(axis=0)
    return (whole - whole[seen].mean(axis=0)) / np.maximum(spread, 1e-9) * (spread > 1e-6)


def _predictability(bands: np.ndarray, lips: np.ndarray, seen: np.ndarray, moments: np.ndarray) -> float:
    """Held-out correlation of lips [T, 2] with their prediction from the sound around `moments` [T] (ms)."""
    hops = np.floor((moments[:, None] + _TAPS_MS) * (RATE / HOP / 1000)).astype(int)
    usable = seen & (hops >= 0).all(axis=1) & (hops < len(bands)).all(axis=1)
    if usable.sum() < MIN_FRAMES:
        return 0.0
    heard = bands[hops[usable]].reshape(usable.sum(), -1)
    wanted = lips[usable]
    predicted = np.concatenate([_held_out(heard, wanted, part) for part in _parts(len(heard))])
    scores = [_correlation(*pair) for pair in zip(predicted.T, wanted.T, strict=True)]
    return _OPENING_WEIGHT * scores[0] + _WIDTH_WEIGHT * scores[1]


def _parts(count: int) -> Sequence[slice]:
    """Consecutive fifths."""
    edges = [count * fold // _FOLDS for fold in range(_FOLDS + 1)]
    return [slice(first, last) for first, last in pairwise(edges)]


def _held_out(heard: np.ndarray, wanted: np.ndarray, part: slice) -> np.ndarray:
    """Ridge regression heard [T, F] -> wanted [T, 2] fitted without `part`, applied to it."""
    rest = np.ones(len(heard), bool)
    rest[part] = False
    middle, level = heard[rest].mean(axis=0), wanted[rest].mean(axis=0)
    inputs = heard[rest] - middle
    gram = inputs.T @ inputs
    gram[np.diag_indices_from(gram)] += _RIDGE * len(inputs)
    return (heard[part] - middle) @ np.linalg.solve(gram, inputs.T @ (wanted[rest] - level))


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    if first.std() < 1e-9 or second.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _peak(lags: np.ndarray, score: np.ndarray, seconds: float) -> SyncOffset:
    """The best lag, as the centre of the upper third of its peak, and how far it leads."""
    best = int(score.argmax())
    rivals = score[np.abs(lags - lags[best]) > _PEAK_MS]
    floor = np.median(rivals) + 0.7 * (score[best] - np.median(rivals))
    first = last = best
    while first > 0 and score[first - 1] > floor:
        first -= 1
    while last < len(score) - 1 and score[last + 1] > floor:
        last += 1
    weights = score[first : last + 1] - floor
    if score[best] <= 0 or weights.sum() <= 0:
        return SyncOffset(0.0, 0.0)
    ms = float(lags[first : last + 1] @ weights / weights.sum())
    lead = max(0.0, float(score[best] - rivals.max())) * np.sqrt(seconds) / _CHANCE
    return SyncOffset(ms, float(lead / (1 + lead)), float(score[best]), float(rivals.max()))
