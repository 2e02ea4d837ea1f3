"""Meshes for several threads, boxes of regions, and whether two tracks show the same person."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from face_tracking.points import COUNT, EYE_CORNERS, MOUTH20, STEADY

from evaluation.metric import Box

if TYPE_CHECKING:
    from face_tracking.mesh import FaceMesh

MOUTH_MARGIN = 8 / 512  # of the picture's shorter side: 8 px of 512
_STEADY = tuple(point for point in STEADY if point not in (33, 263, 133, 362))


class Meshes:
    """A few meshes that threads borrow; use as a context manager. Every picture is looked at afresh (static)."""

    def __init__(self, count: int) -> None:
        self._stack = ExitStack()
        self._idle: queue.SimpleQueue[FaceMesh] = queue.SimpleQueue()
        self._count = count

    def __enter__(self) -> Meshes:
        if self._count:
            from face_tracking.mesh import FaceMesh  # its models take a second to load: only where faces are asked for
        for _ in range(self._count):
            self._idle.put(self._stack.enter_context(FaceMesh(static=True)))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._stack.close()

    def points(self, frame: np.ndarray) -> np.ndarray:
        """The mesh of the picture's face [478, 3] px; NaN where there is none."""
        with self._borrowed() as mesh:
            found = mesh.find(frame)
        return found[0] if found else np.full((COUNT, 3), np.nan, np.float32)

    @contextmanager
    def _borrowed(self) -> Iterator[FaceMesh]:
        mesh = self._idle.get()
        try:
            yield mesh
        finally:
            self._idle.put(mesh)


def region_box(region: str, points: np.ndarray, width: int, height: int) -> Box | None:
    """(left, top, right, bottom) of full, face (all points) or mouth (its 20 points and 8 px of 512 around them).

    points: the reference's mesh [478, 3] px; None where it has no face or the region lies outside the picture.
    """
    if region == "full":
        return 0, 0, width, height
    if not np.isfinite(points).all():
        return None
    chosen = points[list(MOUTH20), :2] if region == "mouth" else points[:, :2]
    margin = round(MOUTH_MARGIN * min(width, height)) if region == "mouth" else 0
    low, high = chosen.min(axis=0) - margin, chosen.max(axis=0) + margin
    limit = np.array([width, height])
    left, top = np.clip(low, 0, limit).astype(int)
    right, bottom = np.clip(high, 0, limit).astype(int)
    return (int(left), int(top), int(right), int(bottom)) if right - left > 1 and bottom - top > 1 else None


def face_difference(first: np.ndarray, second: np.ndarray) -> float | None:
    """How much the mean shapes of two tracked faces [T, 478, 3] differ, in eye distances, after the best rotation,
    scale and shift (Procrustes) of the points that speech and expression move least. None without faces in both.
    """
    a, b = _mean_shape(first), _mean_shape(second)
    if a is None or b is None:
        return None
    left, values, right = np.linalg.svd(a.T @ b)
    sign = np.sign(np.linalg.det(left @ right))
    turn = left @ np.diag([1.0, 1.0, sign]) @ right
    scale = (values * [1, 1, sign]).sum() / np.square(a).sum()
    return float(np.sqrt(np.square(scale * a @ turn - b).sum(axis=1).mean()))


def _mean_shape(points: np.ndarray) -> np.ndarray | None:
    """Centred steady points [N, 3] in eye distances, each frame turned upright before the mean."""
    seen = points[np.isfinite(points[:, 0, 0])].astype(np.float64)
    if not len(seen):
        return None
    eyes = np.linalg.norm(seen[:, EYE_CORNERS[0]] - seen[:, EYE_CORNERS[1]], axis=-1)
    part = seen[:, list(_STEADY)] / eyes[:, None, None]
    part -= part.mean(axis=1, keepdims=True)
    left, _, right = np.linalg.svd(np.einsum("tni,nj->tij", part, part[0]))
    flip = np.sign(np.linalg.det(left @ right))
    left[:, :, 2] *= flip[:, None]
    shape = np.einsum("tni,tij->tnj", part, left @ right).mean(axis=0)
    return shape - shape.mean(axis=0)
