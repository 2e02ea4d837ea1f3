"""mediapipe's face mesh behind a small door: a picture in, points in pixels out."""

from __future__ import annotations

import os
from types import TracebackType

import numpy as np

os.environ.setdefault("GLOG_minloglevel", "2")  # its C++ part talks a lot

import mediapipe


class FaceMesh:
    """Finds faces; use as a context manager.

    static: look at every picture afresh (slower, no lag), else follow the faces from frame to frame. faces: how many
    at most. irises: 478 points with irises and finer lips and eyes (three times slower) or 468.
    """

    def __init__(self, static: bool = False, faces: int = 1, irises: bool = True, confidence: float = 0.5) -> None:
        self._mesh = mediapipe.solutions.face_mesh.FaceMesh(
            static_image_mode=static,
            max_num_faces=faces,
            refine_landmarks=irises,
            min_detection_confidence=confidence,
            min_tracking_confidence=confidence,
        )

    def __enter__(self) -> FaceMesh:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._mesh.close()

    def find(self, frame: np.ndarray) -> list[np.ndarray]:
        """[H, W, 3] uint8 RGB -> one [478 or 468, 3] float32 array a face: x, y in px, z on x's scale (near is < 0)."""
        height, width = frame.shape[:2]
        found = self._mesh.process(np.ascontiguousarray(frame)).multi_face_landmarks
        scale = np.array([width, height, width], np.float32)
        return [np.array([(p.x, p.y, p.z) for p in face.landmark], np.float32) * scale for face in found or ()]
