"""How face and head are held, which says how the mouth is held while it speaks: it smiles with the eyes.

Only what is slower than speech counts, and how far the mouth opens is left to the sound: a face that was filmed to one
sound speaks another one later.
"""

from __future__ import annotations

import numpy as np
from face_tracking.face_units import MOUTH_UNITS

from talking_gaussian.motion.visemes import gaussian_smooth

SLOW_S = 0.25  # Gaussian of this spread: nothing of a syllable's rate is left
STILL = (0.01, 0.003, 0.001)  # units, radians, metres: what moves less is hardly more than the tracker's noise
_OPENING = ("jawOpen", "mouthClose", "mouthLowerDown", "mouthUpperUp")
HAS_MOOD = np.array([not unit.startswith(_OPENING) for unit in MOUTH_UNITS])


def bearing_of(coefficients: np.ndarray, head: np.ndarray, numbers: np.ndarray, fps: float) -> np.ndarray:
    """Face units [T, K], MOUTH_UNITS first, and head motion [T, 4, 4] -> how face and head are held besides speaking
    [T, K - M + 6], in multiples of STILL: about that of the training frames number [n], and not beyond what those
    show."""
    turned = head[:, :3, :3] - head[:, :3, :3].transpose(0, 2, 1)
    axis = 0.5 * np.stack([turned[:, 2, 1], turned[:, 0, 2], turned[:, 1, 0]], axis=1)  # times the angle's sine
    parts = (coefficients[:, len(MOUTH_UNITS) :], axis, head[:, :3, 3])
    signals = np.concatenate([part / still for part, still in zip(parts, STILL, strict=True)], axis=1)
    slow = gaussian_smooth(signals.astype(np.float64), SLOW_S * fps)
    seen = slow[numbers]
    return np.clip(slow, seen.min(0), seen.max(0)) - seen.mean(0)


def moods(bearing: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """What a bearing [T, B] adds to the mouth's units [T, M] float32. weight [B, M]."""
    return (bearing @ np.where(HAS_MOOD, weight, 0.0)).astype(np.float32)
