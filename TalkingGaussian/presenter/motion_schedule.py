"""Which expressions and head poses the training set shows.

Three blocks: extremes (each unit alone and blended, at varied head poses), continuous speech, and blinks, gaze
and large poses. One contiguous stretch of speech is kept for testing.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from anatomy import UNITS
from geometry import PIVOT

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from talking_gaussian.motion.visemes import SPEECH_UNITS, phones_to_motion

EXTREMES, SPEECH, OTHERS = 92, 268, 40
SPEECH_FPS = 20.0
TEST_STRETCH = (200, 240)  # frame numbers of the whole set, inside the speech block
PHONES = Path(__file__).parent / "speech_phones.txt"

#: mouth shapes by viseme; a name without a side means both sides
VISEMES: dict[str, dict[str, float]] = {
    "sil": {},
    "PP": {"mouthPress": 0.45, "mouthRollLower": 0.35, "mouthRollUpper": 0.25},
    "FF": {"mouthRollLower": 0.55, "mouthUpperUp": 0.35, "jawOpen": 0.06, "mouthShrugLower": 0.2},
    "TH": {"jawOpen": 0.16, "tongueOut": 0.30, "mouthLowerDown": 0.15},
    "DD": {"jawOpen": 0.12, "mouthLowerDown": 0.25, "mouthUpperUp": 0.12},
    "kk": {"jawOpen": 0.20, "mouthLowerDown": 0.20, "mouthStretch": 0.12},
    "CH": {"mouthFunnel": 0.60, "jawOpen": 0.10, "mouthPucker": 0.20},
    "SS": {"mouthStretch": 0.40, "mouthLowerDown": 0.32, "mouthUpperUp": 0.15, "jawOpen": 0.04},
    "nn": {"jawOpen": 0.14, "mouthLowerDown": 0.15},
    "RR": {"mouthFunnel": 0.40, "jawOpen": 0.12, "mouthPucker": 0.25},
    "aa": {"jawOpen": 0.55, "mouthLowerDown": 0.25, "mouthUpperUp": 0.15},
    "E": {"jawOpen": 0.32, "mouthStretch": 0.30, "mouthLowerDown": 0.25, "mouthUpperUp": 0.18},
    "ih": {"jawOpen": 0.18, "mouthStretch": 0.40, "mouthSmile": 0.15, "mouthLowerDown": 0.25},
    "oh": {"jawOpen": 0.36, "mouthFunnel": 0.55, "mouthPucker": 0.15},
    "ou": {"jawOpen": 0.12, "mouthPucker": 0.75, "mouthFunnel": 0.30},
}
#: blended extremes: what single units do not show
BLENDS: tuple[dict[str, float], ...] = (
    {"jawOpen": 0.9, "mouthSmile": 0.8},
    {"jawOpen": 0.7, "mouthFunnel": 0.9},
    {"jawOpen": 0.5, "mouthPucker": 0.8},
    {"mouthUpperUp": 0.8, "mouthLowerDown": 0.8},
    {"mouthUpperUp": 0.7, "mouthLowerDown": 0.7, "mouthSmile": 0.6, "jawOpen": 0.1},
    {"mouthUpperUp": 0.6, "mouthLowerDown": 0.6, "mouthStretch": 0.7},
    {"jawOpen": 0.7, "mouthUpperUp": 0.6, "mouthLowerDown": 0.6},
    {"jawOpen": 0.6, "tongueOut": 0.7},
    {"jawOpen": 0.5, "mouthStretch": 0.8, "eyeBlink": 1.0},
    {"mouthRollLower": 0.9, "mouthUpperUp": 0.5},
    {"mouthRollLower": 0.8, "mouthRollUpper": 0.8, "mouthPress": 0.5},
    {"jawOpen": 0.4, "mouthClose": 0.35},
    {"mouthSmile": 0.8, "eyeSquint": 0.7},
    {"mouthSmile": 0.6, "browInnerUp": 0.6, "browOuterUp": 0.6},
    {"mouthFrown": 0.8, "browDown": 0.8},
    {"mouthShrugLower": 0.8, "mouthShrugUpper": 0.5, "mouthPress": 0.4},
    {"jawLeft": 0.6, "jawOpen": 0.4},
    {"jawRight": 0.6, "jawOpen": 0.4},
)


@dataclass
class Schedule:
    """coeffs [T,K] in the order of UNITS, head [T,4,4] rigid motions, is_test [T]."""

    coeffs: np.ndarray
    head: np.ndarray
    is_test: np.ndarray


def head_matrix(yaw: float, pitch: float, roll: float, shift: np.ndarray) -> np.ndarray:
    """[4,4] rigid head motion about the neck pivot: degrees (yaw to her left, pitch up, roll to her left), metres."""
    a, b, c = np.radians([yaw, -pitch, roll])
    rz = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    rx = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    ry = np.array([[np.cos(c), 0, np.sin(c)], [0, 1, 0], [-np.sin(c), 0, np.cos(c)]])
    out = np.eye(4)
    out[:3, :3] = rz @ rx @ ry
    out[:3, 3] = PIVOT - out[:3, :3] @ PIVOT + shift
    return out


def coefficients(shape: dict[str, float]) -> np.ndarray:
    """[K] weights of a shape; `mouthSmile` sets both sides. Raises KeyError for an unknown unit."""
    out = np.zeros(len(UNITS))
    for name, weight in shape.items():
        sides = [n for n in (name, f"{name}Left", f"{name}Right") if n in UNITS]
        if not sides:
            raise KeyError(f"no face unit is called {name}")
        for side in sides:
            out[UNITS.index(side)] = weight
    return out


def smooth_walk(frames: int, period: float, rng: np.random.Generator, channels: int) -> np.ndarray:
    """[frames, channels] smooth random curves of about unit size; `period` in frames."""
    t = np.arange(frames)[:, None, None]
    rate = 2 * np.pi / (period * rng.uniform(0.6, 2.2, (1, channels, 5)))
    return np.sin(t * rate + rng.uniform(0, 6.3, (1, channels, 5))).sum(2) / 2.2


def random_poses(frames: int, scale: float, rng: np.random.Generator) -> np.ndarray:
    """[frames,4,4] independent head poses; scale 1 reaches 8 degrees of yaw, 5 of pitch, 3 of roll."""
    angles = rng.uniform(-1, 1, (frames, 3)) * [8, 5, 3] * scale
    shifts = rng.uniform(-1, 1, (frames, 3)) * [0.006, 0.004, 0.004] * scale
    return np.array([head_matrix(*a, s) for a, s in zip(angles, shifts, strict=True)])


def smooth_poses(frames: int, rng: np.random.Generator) -> np.ndarray:
    """[frames,4,4] the head of somebody who speaks."""
    walk = np.clip(smooth_walk(frames, 40, rng, 6), -1.6, 1.6)
    return np.array([head_matrix(*(w[:3] * [3.2, 2.0, 1.3]), w[3:] * [0.003, 0.002, 0.002]) for w in walk])


def speech() -> np.ndarray:
    """[SPEECH,K] face units of the text timed in `speech_phones.txt` (phoneme:end in seconds, by a synthesiser)."""
    rows = [line.split(":") for line in PHONES.read_text().split()]
    ends = [float(end) for _, end in rows]
    phones = [(row[0], start, end) for row, start, end in zip(rows, [0.0, *ends], ends, strict=False)]
    motion = phones_to_motion(phones, SPEECH_FPS, SPEECH, emphasis=1.15)
    out = np.zeros((SPEECH, len(UNITS)))
    out[:, [UNITS.index(u) for u in SPEECH_UNITS]] = motion
    return out


def eye_life(frames: int, rng: np.random.Generator) -> np.ndarray:
    """[frames,K] blinks every 2-4 s, small saccades, slow brows."""
    out = np.zeros((frames, len(UNITS)))
    start = rng.integers(10, 40)
    blink = np.array([0.35, 0.9, 1.0, 0.75, 0.35, 0.1])
    while start + len(blink) < frames:
        for side in ("Left", "Right"):
            out[start : start + len(blink), UNITS.index(f"eyeBlink{side}")] = blink
        start += rng.integers(45, 100)
    hold = np.repeat(rng.normal(0, 0.18, (frames // 12 + 1, 2)), 12, 0)[:frames]
    out[:, UNITS.index("eyeYaw")], out[:, UNITS.index("eyePitch")] = hold.T * [[1.0], [0.6]]
    brows = np.clip(smooth_walk(frames, 50, rng, 1)[:, 0] * 0.35, 0, 0.6)
    for name in ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"):
        out[:, UNITS.index(name)] = brows
    return out


def extremes(rng: np.random.Generator) -> np.ndarray:
    """[EXTREMES,K] neutral, every unit at full and half weight, every viseme, the blends."""
    shapes = [coefficients({})]
    for unit in UNITS:
        # mouthClose only undoes an open jaw; alone it folds the lips through each other
        shapes.append(coefficients({unit: 1.0} | ({"jawOpen": 1.0} if unit == "mouthClose" else {})))
    shapes += [coefficients({"eyeYaw": -1.0}), coefficients({"eyePitch": -1.0})]
    shapes += [coefficients(b) for b in BLENDS]
    shapes += [coefficients(v) * 1.15 for v in VISEMES.values()]
    while len(shapes) < EXTREMES:
        shapes.append(coefficients({UNITS[rng.integers(len(UNITS))]: 0.5}) + shapes[rng.integers(1, 20)] * 0.6)
    return np.array(shapes[:EXTREMES])


def others(rng: np.random.Generator) -> np.ndarray:
    """[OTHERS,K] blinks at every depth, brows, gaze, with the mouth mostly at rest or talking softly."""
    out = np.zeros((OTHERS, len(UNITS)))
    for row in out:
        mood = {"eyeBlink": rng.choice([0, 0.25, 0.5, 0.75, 1.0]), "eyeYaw": rng.uniform(-0.8, 0.8)}
        mood |= {"eyePitch": rng.uniform(-0.7, 0.5), "browInnerUp": rng.uniform(0, 0.8)}
        mood |= {"browDown" if rng.random() < 0.5 else "browOuterUp": rng.uniform(0, 0.8)}
        mood |= {"mouthSmile": rng.uniform(0, 0.5), "eyeSquint": rng.uniform(0, 0.4)}
        viseme = list(VISEMES)[rng.integers(len(VISEMES))]
        row += coefficients(mood) + coefficients(VISEMES[viseme]) * rng.uniform(0, 0.8)
    return out


def schedule(seed: int = 11) -> Schedule:
    """The whole training set."""
    rng = np.random.default_rng(seed)
    coeffs = np.concatenate([extremes(rng), speech() + eye_life(SPEECH, rng), others(rng)])
    head = np.concatenate(
        [random_poses(EXTREMES, 0.75, rng), smooth_poses(SPEECH, rng), random_poses(OTHERS, 1.0, rng)]
    )
    head[0] = np.eye(4)
    is_test = np.zeros(len(coeffs), bool)
    is_test[slice(*TEST_STRETCH)] = True
    return Schedule(coeffs.astype(np.float32), head.astype(np.float32), is_test)
