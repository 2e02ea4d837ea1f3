"""Rigid alignment of point sets, and the canonical head space.

Canonical: metres, x to the right of the picture, y down, z away from the camera (OpenCV axes), origin between the
outer eye corners, whose distance is EYE_DISTANCE_M.
"""

from __future__ import annotations

import numpy as np

from face_tracking.points import EYE_CORNERS, STEADY

EYE_DISTANCE_M = 0.09
ROUNDS = 4


def similarity(source: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The scale s, rotation R [3, 3] and shift t [3] that bring `source` [n, 3] nearest to `target`: s R x + t.

    Method: Umeyama (1991), least squares by singular value decomposition.
    """
    a, b = source - source.mean(0), target - target.mean(0)
    u, values, vt = np.linalg.svd(b.T @ a)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * signs) @ vt
    scale = float((values * signs).sum() / (a**2).sum())
    return scale, rotation, target.mean(0) - scale * rotation @ source.mean(0)


def align_all(landmarks: np.ndarray) -> np.ndarray:
    """Points of every frame [T, 478, 3] brought onto their common mean by the steady points, in canonical metres."""
    steady = list(STEADY)
    reference = canonical(landmarks[len(landmarks) // 2].astype(np.float64))
    for _ in range(ROUNDS):
        aligned = np.stack([moved(points.astype(np.float64), reference, steady) for points in landmarks])
        reference = canonical(aligned.mean(0))
    return aligned


def moved(points: np.ndarray, reference: np.ndarray, chosen: list[int]) -> np.ndarray:
    """`points` [n, 3] brought onto `reference` [n, 3] by the `chosen` ones."""
    scale, rotation, shift = similarity(points[chosen], reference[chosen])
    return scale * points @ rotation.T + shift


def canonical(points: np.ndarray) -> np.ndarray:
    """Points [478, 3] scaled and shifted so that the outer eye corners are where the canonical space wants them."""
    right, left = points[EYE_CORNERS[0]], points[EYE_CORNERS[1]]
    return (points - (right + left) / 2) * (EYE_DISTANCE_M / np.linalg.norm(left - right))
