"""Numbers from face-mesh points [T, P, 2 or more] (mediapipe's order, px; NaN rows where no face was found)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from face_tracking.points import (
    EYE_CORNERS,
    INNER_LIPS,
    LIP_CORNERS,
    LOWER_LIP,
    MOUTH20,
    NOSE_TIP,
    OUTER_LIPS,
    UPPER_LIP,
)

FACE468 = tuple(range(468))
_BELOW_NOSE = 0.15  # of the eyes' distance under the nose's tip: where the mouth begins


def distance(points: np.ndarray, first: int, second: int) -> np.ndarray:
    """Distance of two points in every frame: [T, P, >=2] px -> [T] px."""
    return np.linalg.norm(points[:, first, :2] - points[:, second, :2], axis=-1)


def mouth_opening(points: np.ndarray) -> np.ndarray:
    """Gap of the inner lips (points 13 and 14): [T] px."""
    return distance(points, UPPER_LIP, LOWER_LIP)


def mouth_width(points: np.ndarray) -> np.ndarray:
    """Distance of the lips' corners (points 61 and 291): [T] px. Small when rounded."""
    return distance(points, *LIP_CORNERS)


def eye_distance(points: np.ndarray) -> np.ndarray:
    """Distance of the eyes' outer corners (points 33 and 263), the unit of normalised figures: [T] px."""
    return distance(points, *EYE_CORNERS)


def nose_aligned(points: np.ndarray, chosen: Sequence[int] = MOUTH20) -> np.ndarray:
    """Chosen points [T, N, 2] px with the tip of the nose (point 1) as origin: head translation is out."""
    return points[:, list(chosen), :2] - points[:, NOSE_TIP : NOSE_TIP + 1, :2]


def centred(points: np.ndarray, chosen: Sequence[int] = MOUTH20) -> np.ndarray:
    """Chosen points [T, N, 2] px with their own mean as origin: only the shape is left."""
    part = points[:, list(chosen), :2]
    return part - part.mean(axis=1, keepdims=True)


def landmark_distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """LMD of every frame: mean distance of aligned points, [T, N, 2] x [T or 1, N, 2] px -> [T] px.

    Chen et al., Lip Movements Generation at a Glance (ECCV 2018), eq. 9; align with `nose_aligned` or `centred`.
    """
    return np.linalg.norm(first - second, axis=-1).mean(axis=-1)


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's r of two series [T] over the frames in which both are finite; NaN where one of them stands still."""
    both = np.isfinite(first) & np.isfinite(second)
    a, b = first[both], second[both]
    if len(a) < 3 or a.std() < 1e-9 or b.std() < 1e-9:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def mouth_frozen(points: np.ndarray) -> np.ndarray:
    """The same face [T, P, 3] with lips, chin and jaw at their mean place below the nose: the zero of lip scales."""
    frozen = points.astype(np.float64)  # sums in 32 bits would tremble
    nose = frozen[:, NOSE_TIP : NOSE_TIP + 1]
    seen = np.isfinite(frozen[:, NOSE_TIP, 0])
    if seen.any():
        mean = (frozen - nose)[seen].mean(axis=0)
        eyes = np.linalg.norm(mean[EYE_CORNERS[0]] - mean[EYE_CORNERS[1]])
        below = mean[:, 1] > _BELOW_NOSE * eyes
        below[[*INNER_LIPS, *OUTER_LIPS]] = True
        frozen[:, below] = (nose + mean)[:, below]
    return frozen
