"""Moving a voice toward a prompt's: pitch, its liveliness, formants (size of the vocal tract) and colour.

Pitch-synchronous overlap-add (Moulines & Charpentier 1990): the voiced parts are cut into grains of two periods, which
are laid down again at the new pitch's distance. A grain played faster has its formants higher (as with a shorter vocal
tract), so the two move independently. Needs no weights, and a fiftieth of real time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voice_engine.pitch import HOP_S, PitchTrack, track_pitch

ANALYSIS_RATE = 16_000
UNVOICED_STEP_S = 0.005
PITCH_RATIOS = (0.4, 3.4)
LIVELINESS = (0.7, 1.4)
FORMANT_RATIOS = (0.86, 1.22)
WARPS = np.linspace(*FORMANT_RATIOS, 19)
PRIOR_EXPONENT, PRIOR_WEIGHT = 0.22, 0.15  # formants go with about the fifth root of pitch between men and women
BANDS = 40
CENTRES = np.geomspace(220.0, 6500.0, BANDS)
BAND_SHARE, WIDEST_PITCH_HZ = 0.12, 260.0
COLOUR_DB = 6.0


@dataclass(frozen=True)
class VoicePrint:
    """What of a voice can be taken over. pitch: median Hz; spread: of log pitch; envelope [BANDS]: mean log spectrum
    of the voiced frames in dB in bands around CENTRES, mean 0.
    """

    pitch: float
    spread: float
    envelope: np.ndarray


def voice_print(samples: np.ndarray, track: PitchTrack | None = None) -> VoicePrint:
    """The print of float32 mono speech [n] at 16 kHz; pitch 0 where nothing voiced is heard."""
    track = track or track_pitch(samples, ANALYSIS_RATE)
    return VoicePrint(track.median, track.spread, _envelope(samples, track))


def _envelope(samples: np.ndarray, track: PitchTrack) -> np.ndarray:
    hop, size = round(ANALYSIS_RATE * HOP_S), 1024
    padded = np.pad(samples, (size // 2, size))
    at = np.flatnonzero(track.hz > 0) * hop
    at = at[at + size <= len(padded)]
    if not len(at):
        return np.zeros(BANDS)
    frames = padded[at[:, None] + np.arange(size)[None]] * np.hanning(size)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    hz = np.fft.rfftfreq(size, 1 / ANALYSIS_RATE)
    halves = np.maximum(BAND_SHARE * CENTRES, WIDEST_PITCH_HZ) / 2  # wide enough to hold a harmonic of any voice
    bands = np.stack(
        [power[:, np.abs(hz - c) <= half].mean(axis=1) for c, half in zip(CENTRES, halves, strict=True)], 1
    )
    levels = 10 * np.log10(bands + 1e-9)
    mean = (levels - levels.mean(axis=1, keepdims=True)).mean(axis=0)
    return mean - mean.mean()


def formant_ratio(source: VoicePrint, target: VoicePrint) -> float:
    """By how much the source's formants are to be multiplied: the warp of its mean spectrum that looks most like the
    target's, held near what the two pitches let expect (a mean spectrum depends on what was said, too).
    """
    wanted = _without_tilt(target.envelope)
    expected = np.clip((target.pitch / source.pitch) ** PRIOR_EXPONENT, *FORMANT_RATIOS)
    scores = []
    for warp in WARPS:
        moved = np.interp(np.log(CENTRES), np.log(CENTRES * warp), source.envelope)
        alike = np.corrcoef(_without_tilt(moved), wanted)[0, 1] if wanted.any() else 0.0
        scores.append(alike - PRIOR_WEIGHT * (np.log(warp / expected) / 0.1) ** 2)
    return float(WARPS[int(np.argmax(scores))])


def _without_tilt(envelope: np.ndarray) -> np.ndarray:
    x = np.arange(len(envelope))
    return envelope - np.polyval(np.polyfit(x, envelope, 1), x)


def convert(samples: np.ndarray, rate: int, source: VoicePrint, target: VoicePrint) -> np.ndarray:
    """float32 mono speech [n] at `rate` Hz of the source voice -> [n] toward the target; as it is where either has no
    pitch.
    """
    track = track_pitch(samples, rate)
    if not source.pitch or not target.pitch or not track.median:
        return samples.astype(np.float32)
    goal = _goal(track, source, target)
    moved = overlap_add(samples, rate, track.hz, goal, formant_ratio(source, target))
    return _coloured(moved, rate, target)


def _goal(track: PitchTrack, source: VoicePrint, target: VoicePrint) -> np.ndarray:
    """The new pitch of each frame, 0 where unvoiced: the same tune around the target's median, as lively as it."""
    lively = np.clip(target.spread / source.spread, *LIVELINESS) if source.spread and target.spread else 1.0
    middle = target.pitch * (track.median / source.pitch) ** 0.5  # sentences may differ, by half of what they did
    middle = float(np.clip(middle, target.pitch * 0.96, target.pitch * 1.04))
    safe = np.where(track.hz > 0, track.hz, track.median)
    goal = middle * (safe / track.median) ** lively
    goal = np.clip(goal, safe * PITCH_RATIOS[0], safe * PITCH_RATIOS[1])
    return np.where(track.hz > 0, goal, 0.0)


def overlap_add(samples: np.ndarray, rate: int, hz: np.ndarray, goal: np.ndarray, formants: float) -> np.ndarray:
    """PSOLA: samples [n] whose pitch is hz [m] -> [n] of pitch goal [m] (0: unvoiced, copied), formants multiplied."""
    marks, periods, voiced = _marks(samples, rate, hz)
    length = len(samples)
    out, weight = np.zeros(length + 2 * rate // 10), np.zeros(length + 2 * rate // 10)
    offset = rate // 10
    padded = np.pad(samples.astype(np.float64), offset)
    at = float(marks[0]) if len(marks) else 0.0
    nearest = 0
    while at < length and len(marks):
        while nearest + 1 < len(marks) and abs(marks[nearest + 1] - at) <= abs(marks[nearest] - at):
            nearest += 1
        period, is_voiced = periods[nearest], voiced[nearest]
        whole = int(at)
        grain, window = _grain(padded, marks[nearest] + offset, period, formants if is_voiced else 1.0, at - whole)
        start = whole + offset - len(grain) // 2 + 1
        out[start : start + len(grain)] += grain
        weight[start : start + len(grain)] += window
        frame = min(len(goal) - 1, round(at / rate / HOP_S))
        at += rate / goal[frame] if is_voiced and goal[frame] > 0 else period
    span = slice(offset, offset + length)
    return (out[span] / np.maximum(weight[span], 0.6)).astype(np.float32)


def _grain(padded: np.ndarray, centre: int, period: int, formants: float, late: float) -> tuple[np.ndarray, np.ndarray]:
    """Two periods around `centre`, windowed and played `formants` times as fast, with the window; `late` by a part of a
    sample, since grains laid down at whole samples would tremble.
    """
    reach = max(2, round(period / formants))
    steps = np.arange(-reach, reach + 2) - late
    at = centre + steps * (period / reach)
    low = np.floor(at).astype(np.int64)
    part = at - low
    window = np.where(np.abs(steps) < reach, 0.5 + 0.5 * np.cos(np.pi * steps / reach), 0.0)
    return (padded[low] * (1 - part) + padded[low + 1] * part) * window, window


def _marks(samples: np.ndarray, rate: int, hz: np.ndarray) -> tuple[list[int], list[int], list[bool]]:
    """Positions, local periods (samples) and voicing of the grains: one a period where voiced, set on like points of
    the wave (by correlation with the one before); every 5 ms elsewhere.
    """
    marks: list[int] = []
    periods: list[int] = []
    voiced: list[bool] = []
    step = round(rate * UNVOICED_STEP_S)
    at = 0
    while at < len(samples):
        frame = min(len(hz) - 1, round(at / rate / HOP_S))
        if hz[frame] > 0:
            period = round(rate / hz[frame])
            follows = bool(voiced) and voiced[-1]
            at = _like_point(samples, marks[-1], at, period) if follows else _strongest(samples, at, period)
        else:
            period = step
        if marks and at <= marks[-1]:
            at = marks[-1] + period
        marks.append(at)
        periods.append(period)
        voiced.append(bool(hz[frame] > 0))
        at += period
    return marks, periods, voiced


def _strongest(samples: np.ndarray, at: int, period: int) -> int:
    """The strongest point within a period: where a voiced stretch's first grain is centred."""
    piece = samples[at : at + period]
    return at + int(np.abs(piece).argmax()) if len(piece) else at


def _like_point(samples: np.ndarray, before: int, at: int, period: int) -> int:
    """The point near `at` whose surroundings are most like those of the mark before."""
    reach, half = max(1, period // 8), period // 2
    low, high = at - reach - half, at + reach + half
    if before - half < 0 or low < 0 or high > len(samples):
        return at
    pattern = samples[before - half : before + half]
    return at - reach + int(np.correlate(samples[low:high], pattern, "valid").argmax())


def _coloured(samples: np.ndarray, rate: int, target: VoicePrint) -> np.ndarray:
    """A gentle filter that brings the mean spectrum toward the target's, at most 6 dB anywhere."""
    from voice_engine.sound import resample

    own = voice_print(resample(samples, rate, ANALYSIS_RATE)).envelope
    if not own.any() or not target.envelope.any():
        return samples
    gain = np.convolve(np.pad(0.7 * (target.envelope - own), 3, mode="edge"), np.ones(7) / 7, "valid")
    gain = np.clip(gain, -COLOUR_DB, COLOUR_DB)
    taps = 1024
    hz = np.fft.rfftfreq(taps, 1 / rate)
    curve = 10 ** (np.interp(np.log(np.maximum(hz, 1.0)), np.log(CENTRES), gain) / 20)
    impulse = np.roll(np.fft.irfft(curve, taps), taps // 2) * np.hanning(taps)
    size = 1 << int(np.ceil(np.log2(len(samples) + taps)))
    filtered = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(impulse, size), size)
    return filtered[taps // 2 : taps // 2 + len(samples)].astype(np.float32)
