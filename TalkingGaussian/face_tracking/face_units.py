"""The face units (named as ARKit's) on the mesh's points: what each does to the face."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

PATH = Path(__file__).parent / "face_units.npz"

MOUTH_UNITS = (
    *("jawOpen", "jawLeft", "jawRight", "mouthClose", "mouthFunnel", "mouthPucker"),
    *("mouthStretchLeft", "mouthStretchRight", "mouthSmileLeft", "mouthSmileRight"),
    *("mouthFrownLeft", "mouthFrownRight", "mouthPressLeft", "mouthPressRight"),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight"),
)
UPPER_UNITS = (
    *("eyeBlinkLeft", "eyeBlinkRight", "eyeSquintLeft", "eyeSquintRight"),
    *("browInnerUp", "browDownLeft", "browDownRight", "browOuterUpLeft", "browOuterUpRight", "eyeYaw", "eyePitch"),
)
UNITS = MOUTH_UNITS + UPPER_UNITS


@dataclass(frozen=True)
class FaceUnits:
    """neutral [478, 3] and what a full unit adds to it, basis [K, 478, 3]; canonical metres (see alignment.py)."""

    neutral: np.ndarray
    basis: np.ndarray
    names: tuple[str, ...] = UNITS

    def shape(self, coefficients: np.ndarray) -> np.ndarray:
        """Coefficients [T, K] -> points [T, 478, 3]."""
        return self.neutral + np.tensordot(coefficients, self.basis, 1)


def load_face_units() -> FaceUnits:
    """The units as the bundled presenter shows them: the prior of every fit."""
    with np.load(PATH, allow_pickle=False) as arrays:
        return FaceUnits(arrays["neutral"].astype(np.float64), arrays["basis"].astype(np.float64))


def mesh_triangles() -> np.ndarray:
    """The mesh's triangles, numbers of points [n, 3]; eyes and mouth are holes."""
    with np.load(PATH, allow_pickle=False) as arrays:
        return arrays["triangles"].astype(np.int64)
