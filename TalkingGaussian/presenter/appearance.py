"""Colours of the skin and eyes as functions of the rest position (linear RGB), shared by Blender and the export."""

from __future__ import annotations

import numpy as np
from anatomy import Anatomy
from geometry import smoothstep

SKIN = np.array([0.60, 0.335, 0.225])
LIPS = np.array([0.43, 0.125, 0.11])
LINER = np.array([0.03, 0.018, 0.014])
INSIDE = np.array([0.30, 0.065, 0.06])
FLUSH = np.array([0.56, 0.205, 0.14])
LID = np.array([0.42, 0.205, 0.145])
SHADE = np.array([0.50, 0.25, 0.165])
HAIR = np.array([0.055, 0.030, 0.018])
#: hairline: azimuth in degrees around the head's axis (0 in front, 90 at the ear) -> height z in metres
HAIRLINE = np.array(
    [
        *((0, 0.7045), (14, 0.7055), (26, 0.7030), (36, 0.6960), (45, 0.6855), (53, 0.6715), (60, 0.6570)),
        *((67, 0.638), (74, 0.615), (80, 0.622), (88, 0.645), (100, 0.648), (106, 0.625), (112, 0.605)),
        *((125, 0.585), (150, 0.570), (180, 0.565)),
    ]
)
HEAD_AXIS_Y = -0.045
#: radius (metres, off the eye's axis) -> linear RGB
IRIS = (
    (0.0000, (0.004, 0.004, 0.004)),
    (0.0021, (0.004, 0.004, 0.004)),
    (0.0025, (0.115, 0.052, 0.020)),
    (0.0040, (0.085, 0.040, 0.017)),
    (0.0052, (0.040, 0.020, 0.011)),
    (0.0058, (0.022, 0.013, 0.010)),
    (0.0066, (0.64, 0.59, 0.56)),
    (0.0150, (0.66, 0.56, 0.52)),
)


def azimuth(points: np.ndarray) -> np.ndarray:
    """[N] degrees around the head's vertical axis, 0 in front, 180 behind, both sides alike."""
    return np.degrees(np.arctan2(np.abs(points[:, 0]), -(points[:, 1] - HEAD_AXIS_Y)))


def above_hairline(points: np.ndarray) -> np.ndarray:
    """[N] metres above the hairline (negative on the face)."""
    x, z = points[:, 0], points[:, 2]
    wave = 0.0008 * np.sin(400 * x) + 0.0006 * np.sin(930 * x + 1)
    return z - np.interp(azimuth(points), HAIRLINE[:, 0], HAIRLINE[:, 1]) - wave


def blob(points: np.ndarray, centre: tuple[float, float, float], size: tuple[float, float, float]) -> np.ndarray:
    """[N] a soft mirrored spot 0..1: a Gaussian around (|x|, y, z)."""
    q = (np.abs(points) * [1, 0, 0] + points * [0, 1, 1] - centre) / size
    return np.exp(-0.5 * (q * q).sum(1))


def soft_noise(points: np.ndarray, scale: float, seed: int) -> np.ndarray:
    """[N] smooth noise about -1..1 with features of `scale` metres (a sum of random plane waves)."""
    rng = np.random.default_rng(seed)
    waves = rng.normal(0, 2 / scale, (24, 3))
    return np.sin(points @ waves.T + rng.uniform(0, 6.3, 24)).sum(1) / 5


def blend(colour: np.ndarray, other: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Mix [N,3] toward one colour by [N] amounts."""
    a = np.clip(amount, 0, 1)[:, None]
    return colour * (1 - a) + other * a


def brow_curve(u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """|x| and z of the brow's middle line for u in 0 (nose) .. 1 (temple)."""
    x = 0.0135 + 0.0365 * u
    z = np.interp(u, [0, 0.25, 0.5, 0.72, 1], [0.6552, 0.6580, 0.6607, 0.6618, 0.6568])
    return x, z


def skin_colours(points: np.ndarray, masks: dict[str, np.ndarray], anatomy: Anatomy) -> np.ndarray:
    """[N,3] linear albedo of the skin at rest points; masks: "lips", "eyelids",
    "inside-mouth", "ears" [N] 0..1 and "lash-line" [N], metres to the nearest upper lash root."""
    c = np.repeat(SKIN[None], len(points), 0) * (1 + 0.035 * soft_noise(points, 0.03, 1))[:, None]
    c = blend(c, FLUSH, 0.50 * blob(points, (0.037, -0.115, 0.603), (0.016, 0.03, 0.014)))
    c = blend(c, FLUSH, 0.35 * blob(points, (0.0, -0.150, 0.607), (0.012, 0.02, 0.010)))
    c = blend(c, FLUSH, 0.22 * blob(points, (0.0, -0.135, 0.552), (0.014, 0.02, 0.010)))
    c = blend(c, FLUSH, 0.45 * masks["ears"])
    c = blend(c, SHADE, 0.35 * blob(points, (0.028, -0.12, 0.626), (0.012, 0.02, 0.005)))
    c = blend(c, LID, 0.55 * masks["eyelids"] + 0.30 * blob(points, (0.031, -0.12, 0.6475), (0.012, 0.02, 0.004)))
    mottle = soft_noise(points, 0.004, 2)
    c = blend(c, FLUSH, 0.10 * np.clip(mottle, 0, 1))
    x, z = np.abs(points[:, 0]), points[:, 2]
    u = np.clip((x - 0.0135) / 0.0365, 0, 1)
    off = np.hypot(np.maximum(np.abs(x - 0.0318) - 0.0183, 0), z - brow_curve(u)[1])
    front = points[:, 1] < -0.08
    c = blend(c, HAIR * 2.2, 0.42 * front * np.exp(-0.5 * (off / (0.0021 - 0.0009 * u)) ** 2))
    c = blend(c, LINER, 0.75 * np.exp(-0.5 * (masks["lash-line"] / 0.0007) ** 2))
    lip_tone = LIPS * (1 + 0.10 * soft_noise(points, 0.006, 4))[:, None]
    c = c + (lip_tone - c) * (0.85 * smoothstep(masks["lips"], 0.2, 0.9))[:, None]
    c = blend(c, INSIDE, smoothstep(masks["inside-mouth"], 0.3, 0.9))
    hair = smoothstep(above_hairline(points), 0.001, 0.011) * (masks["ears"] < 0.05) * (points[:, 2] > 0.56)
    return blend(c, HAIR, 0.97 * hair)


def eye_colours(points: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """[N,3] linear albedo of an eyeball at rest points (metres)."""
    off = np.hypot(points[:, 0] - centre[0], points[:, 2] - centre[2])
    off = np.where(points[:, 1] > centre[1], 0.014, off)
    radii = [r for r, _ in IRIS]
    return np.stack([np.interp(off, radii, [c[i] for _, c in IRIS]) for i in range(3)], 1)
