"""Timed phonemes to smooth face-unit curves: what the mouth does while these sounds are spoken.

A small articulatory model. Every phoneme is one or two visemes, every viseme has a target for some face units
(ARKit names). Neighbouring targets are blended by dominance functions (M. M. Cohen, D. W. Massaro, "Modeling
coarticulation in synthetic visual speech", 1993): a viseme is strong inside its own interval and its influence
decays exponentially outside it, each articulator at its own rate, so that rounding spreads further than spreading.
Lips that touch are not a matter of degree, so closures are applied afterwards as a gate that always wins.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

SPEECH_UNITS: tuple[str, ...] = (
    "jawOpen",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "mouthShrugLower",
    "tongueOut",
)

# Height of the gap between the lips a unit adds, relative to jawOpen (measured on the face-unit mesh).
OPENING_WEIGHTS: dict[str, float] = {
    "jawOpen": 1.0,
    "mouthClose": -1.0,
    "mouthFunnel": 0.4,
    "mouthPucker": -0.03,
    "mouthSmileLeft": -0.04,
    "mouthSmileRight": -0.04,
    "mouthPressLeft": -0.04,
    "mouthPressRight": -0.04,
    "mouthRollLower": -0.11,
    "mouthRollUpper": -0.08,
    "mouthLowerDownLeft": 0.06,
    "mouthLowerDownRight": 0.06,
    "mouthUpperUpLeft": 0.07,
    "mouthUpperUpRight": 0.07,
    "mouthShrugLower": -0.14,
}


class Phone(NamedTuple):
    """One spoken sound: its label in the alphabet given to `phones_to_motion`, start and end in seconds."""

    label: str
    start: float
    end: float


# Targets of the visemes. Keys are articulators: jaw = jawOpen, funnel, pucker, stretch, smile, press, lower =
# mouthLowerDown, upper = mouthUpperUp, roll_lower, roll_upper, shrug = mouthShrugLower, tongue = tongueOut.
# `close` is how much of the gap between the lips the viseme takes away (1 = lips touch). `strength` is the
# dominance of all of them over neighbours (schwas and h give way; vowels and lip sounds do not).
VISEMES: dict[str, dict[str, float]] = {
    "rest": {"strength": 1.2},
    "aa": {"jaw": 0.42, "lower": 0.18, "upper": 0.08, "strength": 1.0},
    "ae": {"jaw": 0.36, "stretch": 0.20, "smile": 0.08, "lower": 0.25, "upper": 0.15, "strength": 1.0},
    "ah": {"jaw": 0.27, "lower": 0.15, "upper": 0.06, "strength": 0.8},
    "schwa": {"jaw": 0.17, "lower": 0.10, "upper": 0.04, "strength": 0.45},
    "eh": {"jaw": 0.27, "stretch": 0.18, "smile": 0.10, "lower": 0.20, "upper": 0.10, "strength": 0.9},
    "ih": {"jaw": 0.16, "stretch": 0.18, "smile": 0.12, "lower": 0.18, "upper": 0.10, "strength": 0.7},
    "iy": {"jaw": 0.10, "stretch": 0.28, "smile": 0.25, "lower": 0.25, "upper": 0.14, "strength": 0.9},
    "ao": {"jaw": 0.36, "funnel": 0.32, "pucker": 0.12, "strength": 1.0},
    "ow": {"jaw": 0.22, "funnel": 0.32, "pucker": 0.38, "strength": 1.0},
    "uh": {"jaw": 0.15, "funnel": 0.28, "pucker": 0.25, "strength": 0.7},
    "uw": {"jaw": 0.08, "funnel": 0.24, "pucker": 0.62, "strength": 1.0},
    "yu": {"jaw": 0.06, "funnel": 0.30, "pucker": 0.60, "strength": 1.0},
    "er": {"jaw": 0.17, "funnel": 0.26, "pucker": 0.15, "strength": 0.8},
    "pbm": {"jaw": 0.05, "press": 0.35, "roll_lower": 0.18, "roll_upper": 0.12, "close": 1.0, "strength": 1.3},
    "fv": {"jaw": 0.08, "roll_lower": 0.45, "shrug": 0.15, "upper": 0.22, "close": 0.75, "strength": 1.1},
    "th": {"jaw": 0.12, "lower": 0.18, "upper": 0.06, "tongue": 0.18, "strength": 0.8},
    "td": {"jaw": 0.09, "lower": 0.16, "upper": 0.08, "strength": 0.6},
    "l": {"jaw": 0.14, "lower": 0.16, "upper": 0.08, "strength": 0.6},
    "sz": {"jaw": 0.05, "stretch": 0.18, "smile": 0.10, "lower": 0.24, "upper": 0.12, "strength": 0.9},
    "sh": {"jaw": 0.06, "funnel": 0.50, "pucker": 0.22, "lower": 0.15, "upper": 0.10, "strength": 0.9},
    "kg": {"jaw": 0.13, "lower": 0.10, "upper": 0.04, "strength": 0.45},
    "h": {"jaw": 0.17, "lower": 0.08, "strength": 0.25},
    "r": {"jaw": 0.10, "funnel": 0.30, "pucker": 0.18, "strength": 0.7},
    "w": {"jaw": 0.05, "funnel": 0.22, "pucker": 0.72, "strength": 1.0},
    "y": {"jaw": 0.09, "stretch": 0.22, "smile": 0.18, "lower": 0.18, "upper": 0.10, "strength": 0.6},
}

# articulator: units it drives, decay of its dominance outside the segment in seconds. Lips round early and
# stay round; jaw and lip corners are quicker.
ARTICULATORS: dict[str, tuple[tuple[str, ...], float]] = {
    "jaw": (("jawOpen",), 0.042),
    "funnel": (("mouthFunnel",), 0.065),
    "pucker": (("mouthPucker",), 0.065),
    "stretch": (("mouthStretchLeft", "mouthStretchRight"), 0.040),
    "smile": (("mouthSmileLeft", "mouthSmileRight"), 0.040),
    "press": (("mouthPressLeft", "mouthPressRight"), 0.025),
    "roll_lower": (("mouthRollLower",), 0.025),
    "roll_upper": (("mouthRollUpper",), 0.025),
    "lower": (("mouthLowerDownLeft", "mouthLowerDownRight"), 0.040),
    "upper": (("mouthUpperUpLeft", "mouthUpperUpRight"), 0.040),
    "shrug": (("mouthShrugLower",), 0.030),
    "tongue": (("tongueOut",), 0.025),
}

_ARPABET = {
    "aa": "aa", "ae": "ae", "ah": "ah", "ao": "ao", "aw": "aa uw", "ax": "schwa", "axr": "er", "ay": "aa iy",
    "eh": "eh", "er": "er", "ey": "eh iy", "ih": "ih", "ix": "ih", "iy": "iy", "ow": "ow uw", "oy": "ao iy",
    "uh": "uh", "uw": "uw", "b": "pbm", "p": "pbm", "m": "pbm", "em": "schwa pbm", "f": "fv", "v": "fv",
    "th": "th", "dh": "th", "t": "td", "d": "td", "dx": "td", "n": "td", "nx": "td", "en": "schwa td", "l": "l",
    "el": "schwa l", "s": "sz", "z": "sz", "sh": "sh", "zh": "sh", "ch": "sh", "jh": "sh", "k": "kg", "g": "kg",
    "ng": "kg", "hh": "h", "hv": "h", "r": "r", "w": "w", "y": "y",
}  # fmt: skip
_IPA = {
    "a": "aa", "ɑ": "aa", "ɐ": "ah", "ʌ": "ah", "æ": "ae", "ɛ": "eh", "e": "eh", "ɜ": "er", "ɝ": "er", "ɚ": "er",
    "ə": "schwa", "ɤ": "ah", "ɪ": "ih", "i": "iy", "ᵻ": "ih", "ɨ": "ih", "ɔ": "ao", "ɒ": "ao", "o": "ow", "ʊ": "uh",
    "u": "uw", "y": "yu", "ɥ": "yu", "ø": "yu", "œ": "er", "b": "pbm", "p": "pbm", "m": "pbm", "f": "fv", "v": "fv",
    "θ": "th", "ð": "th", "t": "td", "d": "td", "n": "td", "ɾ": "td", "ɫ": "l", "l": "l", "s": "sz", "z": "sz",
    "ɕ": "sz", "ʃ": "sh", "ʒ": "sh", "ʂ": "sh", "ʐ": "sh", "ʈ": "sh", "ɻ": "r", "ɹ": "r", "r": "r", "k": "kg",
    "ɡ": "kg", "g": "kg", "ŋ": "kg", "x": "h", "h": "h", "ç": "h", "ɦ": "h", "w": "w", "ʍ": "w", "j": "y", "ʔ": "kg",
}  # fmt: skip
_PINYIN_INITIALS = {
    "zh": "sh", "ch": "sh", "sh": "sh", "b": "pbm", "p": "pbm", "m": "pbm", "f": "fv", "d": "td", "t": "td",
    "n": "td", "l": "l", "g": "kg", "k": "kg", "h": "h", "j": "sz", "q": "sz", "x": "sz", "r": "sh", "z": "sz",
    "c": "sz", "s": "sz", "y": "y", "w": "w",
}  # fmt: skip
_PINYIN_VOWELS = {"a": "aa", "o": "ao", "e": "ah", "i": "iy", "u": "uw", "v": "yu", "ü": "yu"}
_SILENCES = {"pau", "sil", "ssil", "h#", "sp", "spn", "_", "_:", "", "#", "brth"}

_RATE = 200  # curves are built at this rate, then read at the frame times
_SMOOTH_S = 0.018  # sigma of the final smoothing; takes the corners off the dominance functions
_CLOSED_S = 0.055  # a closure is held at least this long, so that one 25 fps frame shows it
_CLOSURE_RAMP_S = 0.055
_SHORT_PAUSE_S = 0.15  # the mouth does not shut for pauses shorter than this


def visemes_of(label: str, alphabet: str = "arpabet") -> tuple[str, ...]:
    """The visemes of a phoneme label; silence and unknown marks give ("rest",) and () respectively.

    alphabet is "arpabet" (flite, pocketsphinx), "ipa" (espeak-ng, piper; one or more symbols) or "pinyin"
    (a syllable, an initial or a final). Raises ValueError for another alphabet.
    """
    if label.strip().lower() in _SILENCES:
        return ("rest",)
    if alphabet == "arpabet":
        return tuple(_ARPABET.get(label.strip().lower().rstrip("0123456789"), "").split())
    if alphabet == "ipa":
        return _ipa_visemes(label)
    if alphabet == "pinyin":
        return _pinyin_visemes(label)
    raise ValueError(f"unknown phoneme alphabet {alphabet!r}: use arpabet, ipa or pinyin")


def _ipa_visemes(label: str) -> tuple[str, ...]:
    found = [_IPA[c] for c in label if c in _IPA]
    if len(found) == 2 and found[0] == "td" and found[1] in ("sh", "sz"):
        found = found[1:]  # an affricate is shaped like its release
    return tuple(found)


def _pinyin_visemes(label: str) -> tuple[str, ...]:
    text = label.strip().lower().rstrip("012345").replace("u:", "v")
    initial = next((i for i in _PINYIN_INITIALS if text.startswith(i)), "")
    final = text[len(initial) :]
    found = [_PINYIN_INITIALS[initial]] if initial else []
    if final == "i" and initial in ("zh", "ch", "sh", "r", "z", "c", "s"):
        return (*found, "ih")  # the syllabic consonant of zhi, si ...
    if initial in ("j", "q", "x", "y") and final.startswith("u"):
        final = "v" + final[1:]
    found += [_PINYIN_VOWELS[c] for c in final if c in _PINYIN_VOWELS]
    if final.endswith("ng"):
        found.append("kg")
    elif final.endswith("n"):
        found.append("td")
    elif final.endswith("r") and found:
        found.append("er")
    return tuple(found)


class _Segment(NamedTuple):
    viseme: str
    start: float
    end: float


def _segments(phones: Iterable[Phone], alphabet: str, duration: float) -> list[_Segment]:
    """Visemes with times; diphthongs are split, short pauses dropped, and rest put before and after."""
    out = [_Segment("rest", -1.0, 0.0)]
    end_of_last = 0.0
    for label, start, end in phones:
        if not (math.isfinite(start) and math.isfinite(end)) or end < start:
            raise ValueError(f"phone {label!r}: bad times {start} to {end}")
        names = visemes_of(label, alphabet)
        if start - end_of_last >= _SHORT_PAUSE_S:
            out.append(_Segment("rest", end_of_last, start))
        end_of_last = max(end_of_last, end)
        if names == ("rest",) and end - start < _SHORT_PAUSE_S:
            continue
        step = (end - start) / max(1, len(names))
        out += [_Segment(name, start + k * step, start + (k + 1) * step) for k, name in enumerate(names)]
    out.append(_Segment("rest", end_of_last, max(end_of_last, duration) + 1.0))
    return _merged_rests(out)


def _merged_rests(segments: list[_Segment]) -> list[_Segment]:
    """Rests that touch become one: between two the mouth would stir."""
    out = segments[:1]
    for segment in segments[1:]:
        if segment.viseme == "rest" == out[-1].viseme and segment.start <= out[-1].end + 1e-6:
            out[-1] = _Segment("rest", out[-1].start, max(out[-1].end, segment.end))
        else:
            out.append(segment)
    return out


def _blend(segments: Sequence[_Segment], times: np.ndarray) -> dict[str, np.ndarray]:
    """Articulator curves at `times`: targets weighted by dominance."""
    pad = 0.6  # seconds after which a segment's influence is below 1e-4 of its own
    total = {a: np.full(len(times), 1e-9) for a in ARTICULATORS}
    value = {a: np.zeros(len(times)) for a in ARTICULATORS}
    for viseme, start, end in segments:
        lo, hi = np.searchsorted(times, (start - pad, end + pad))
        t = times[lo:hi]
        outside = np.maximum(0.0, np.maximum(start - t, t - end))
        target = VISEMES[viseme]
        for name, (_, decay) in ARTICULATORS.items():
            dominance = target["strength"] * np.exp(-outside / decay)
            if name in ("funnel", "pucker") and name not in target and viseme != "rest":
                dominance *= 0.5  # sounds that do not need the lips let rounding pass through
            total[name][lo:hi] += dominance
            value[name][lo:hi] += dominance * target.get(name, 0.0)
    return {a: value[a] / total[a] for a in ARTICULATORS}


def _closure(segments: Sequence[_Segment], times: np.ndarray) -> np.ndarray:
    """How far the gap between the lips is closed at `times` by lip sounds and long rests, 0..1."""
    closed = np.zeros(len(times))
    for viseme, start, end in segments:
        amount = 1.0 if viseme == "rest" else VISEMES[viseme].get("close", 0.0)
        if amount == 0.0:
            continue
        if viseme == "rest":  # speech opens a little before it sounds and shuts a little after
            start, end, ramp = start + 0.12, end - 0.06, 0.10
        else:
            grow = max(0.0, _CLOSED_S - (end - start)) / 2
            start, end, ramp = start - grow, end + grow, _CLOSURE_RAMP_S
        if end < start:
            continue
        lo, hi = np.searchsorted(times, (start - ramp, end + ramp))
        outside = np.maximum(0.0, np.maximum(start - times[lo:hi], times[lo:hi] - end)) / ramp
        gate = amount * (0.5 + 0.5 * np.cos(np.pi * np.minimum(outside, 1.0)))
        closed[lo:hi] = np.maximum(closed[lo:hi], gate)
    return closed


def gaussian_smooth(curves: np.ndarray, sigma: float) -> np.ndarray:
    """Zero-phase smoothing of [T, U] along T; sigma in samples."""
    radius = max(1, math.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(curves, ((radius, radius), (0, 0)), mode="edge")
    return np.stack([np.convolve(padded[:, k], kernel, mode="valid") for k in range(curves.shape[1])], axis=1)


def opening(motion: np.ndarray, units: Sequence[str] = SPEECH_UNITS) -> np.ndarray:
    """Height of the gap between the lips in units of a full jawOpen: a linear read-out of motion [n, U] -> [n]."""
    weights = np.array([OPENING_WEIGHTS.get(u, 0.0) for u in units], np.float32)
    return motion @ weights


def close_lips(motion: np.ndarray, closed: np.ndarray) -> np.ndarray:
    """Close the lips of motion [n, SPEECH_UNITS] by `closed` [n] in 0..1 (1: the lips touch); returns a copy.

    Lip shapes that open the mouth fade, the rest of the gap is taken away by mouthClose.
    """
    out = motion.copy()
    index = {u: k for k, u in enumerate(SPEECH_UNITS)}
    for side in ("Left", "Right"):
        out[:, index[f"mouthLowerDown{side}"]] *= 1 - closed
        out[:, index[f"mouthUpperUp{side}"]] *= 1 - 0.5 * closed
    out[:, index["mouthFunnel"]] *= 1 - 0.7 * closed
    out[:, index["mouthClose"]] = 0.0
    gap = np.maximum(opening(out), 0.0)
    out[:, index["mouthClose"]] = gap * closed
    return out


ARTICULATION: tuple[str, ...] = (*ARTICULATORS, "closed", "speaking")


def articulation(
    phones: Iterable[Phone | tuple[str, float, float]], times: np.ndarray, alphabet: str = "arpabet"
) -> np.ndarray:
    """What the articulators do at evenly spaced `times` [T] (seconds): [T, len(ARTICULATION)] in 0..1.

    Columns: ARTICULATORS as they move under the lips, how far the lips are `closed`, and 1 while `speaking`.
    Raises ValueError for bad phone times or alphabet.
    """
    segments = _segments([Phone(*p) for p in phones], alphabet, float(times[-1]) if len(times) else 0.0)
    blended = _blend(segments, times)
    columns = [*(blended[a] for a in ARTICULATORS), _closure(segments, times), _speaking(segments, times)]
    return np.stack(columns, axis=1)


def articulation_to_units(moves: np.ndarray) -> np.ndarray:
    """Articulation [T, len(ARTICULATION)] -> face units [T, len(SPEECH_UNITS)] in 0..1, lips closed where told."""
    curves = np.zeros((len(moves), len(SPEECH_UNITS)), moves.dtype)
    for k, (units, _) in enumerate(ARTICULATORS.values()):
        for unit in units:
            curves[:, SPEECH_UNITS.index(unit)] = moves[:, k]
    closed, speaking = moves[:, -2], moves[:, -1]
    return np.clip(close_lips(curves, closed) * speaking[:, None], 0.0, 1.0)


def read_frames(curves: np.ndarray, rate: float, fps: float, first: int, count: int, start: float = 0.0) -> np.ndarray:
    """Values of curves [T, U] (sample k at start + (k + 0.5) / rate s) at frames first .. first + count - 1.

    Frame i shows the instant (i + 0.5) / fps; ends are held. Returns [count, U] float32.
    """
    if len(curves) == 0:
        return np.zeros((count, curves.shape[1]), np.float32)
    at = ((first + np.arange(count) + 0.5) / fps - start) * rate - 0.5
    at = np.clip(at, 0, len(curves) - 1)
    low = np.minimum(at.astype(np.int64), max(0, len(curves) - 2))
    share = (at - low)[:, None]
    high = np.minimum(low + 1, len(curves) - 1)
    return ((1 - share) * curves[low] + share * curves[high]).astype(np.float32)


def phones_to_motion(
    phones: Iterable[Phone | tuple[str, float, float]],
    fps: float,
    total_frames: int | None = None,
    alphabet: str = "arpabet",
    emphasis: float = 1.0,
) -> np.ndarray:
    """Face-unit curves of a phoneme sequence: [total_frames, len(SPEECH_UNITS)] float32 in 0..1.

    Frame i shows the instant (i + 0.5) / fps. Times are seconds in order of start; total_frames defaults to
    ceil(end of the last phone * fps). emphasis scales the opening of the jaw (0.8 lazy ... 1.2 clear). In silence
    all units are zero. Raises ValueError for bad times, fps or alphabet.
    """
    if not (math.isfinite(fps) and fps > 0):
        raise ValueError(f"fps must be positive, not {fps}")
    spoken = [Phone(*phone) for phone in phones]
    if total_frames is None:
        total_frames = math.ceil(max((phone.end for phone in spoken), default=0.0) * fps - 1e-6)
    times = (np.arange(math.ceil(total_frames / fps * _RATE) + 2) + 0.5) / _RATE
    moves = articulation(spoken, times, alphabet)
    moves[:, 0] *= emphasis
    moves[:, :-2] = gaussian_smooth(moves[:, :-2], _SMOOTH_S * _RATE)
    return read_frames(articulation_to_units(moves), _RATE, fps, 0, total_frames)


def _speaking(segments: Sequence[_Segment], times: np.ndarray) -> np.ndarray:
    """1 while speaking, exactly 0 inside rests, with short ramps: dominance alone never reaches zero."""
    rests = [s for s in segments if s.viseme == "rest"]
    speaking = np.ones(len(times))
    for _, start, end in rests:
        start, end = start + 0.20, end - 0.16
        if end < start:
            continue
        outside = np.maximum(0.0, np.maximum(start - times, times - end)) / 0.12
        speaking = np.minimum(speaking, 0.5 - 0.5 * np.cos(np.pi * np.minimum(outside, 1.0)))
    return speaking
