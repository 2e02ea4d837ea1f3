"""How far the mouth is open in every frame of a video, by mediapipe's face mesh.

python benchmarks/measure_lips.py VIDEO …     (in the tg_eval environment)
Prints one JSON list a video: the inner lips' distance over the distance of the eyes' outer corners, null where no
face is found.
"""

from __future__ import annotations

import json
import sys

import av
import mediapipe
import numpy as np

UPPER_LIP, LOWER_LIP, RIGHT_EYE, LEFT_EYE = 13, 14, 33, 263  # mediapipe's numbers of the mesh's points


def openings(path: str) -> list[float | None]:
    """One number a frame."""
    values: list[float | None] = []
    with (
        mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, max_num_faces=1, refine_landmarks=True) as mesh,
        av.open(path) as container,
    ):
        for frame in container.decode(video=0):
            found = mesh.process(frame.to_ndarray(format="rgb24")).multi_face_landmarks
            values.append(opening(found[0], frame.width, frame.height) if found else None)
    return values


def opening(face: mediapipe.framework.formats.landmark_pb2.NormalizedLandmarkList, width: int, height: int) -> float:
    """The lips' gap in eye distances."""
    points = np.array([(p.x * width, p.y * height) for p in face.landmark])
    gap = np.linalg.norm(points[UPPER_LIP] - points[LOWER_LIP])
    return float(gap / np.linalg.norm(points[RIGHT_EYE] - points[LEFT_EYE]))


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(json.dumps(openings(argument)))
