"""Pictures that show a person what each stage found."""

from __future__ import annotations

import cv2
import mediapipe
import numpy as np
from talking_gaussian.video.frames import read_frames

from data_utils.dataset import FPS, FRAMES, Dataset

TILE = 320
COLUMNS = 3
EDGES = np.array(sorted(mediapipe.solutions.face_mesh.FACEMESH_TESSELATION))


def tracked(data: Dataset, points: np.ndarray, numbers: np.ndarray, name: str) -> None:
    """A sheet of frames with the mesh [T, 478, 3] drawn over the face."""
    tiles = []
    for number in numbers:
        picture = frame_of(data, int(number)).copy()
        for a, b in points[number, :, :2][EDGES]:
            cv2.line(
                picture, tuple(int(v) for v in a * 8), tuple(int(v) for v in b * 8), (64, 224, 208), 1, cv2.LINE_AA, 3
            )
        cv2.putText(picture, f"{number / FPS:.2f} s", (12, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)
        tiles.append(picture)
    save_sheet(data, tiles, name)


def save_sheet(data: Dataset, tiles: list[np.ndarray], name: str) -> None:
    """Pictures in rows of three, as a JPEG in the dataset's previews folder."""
    small = [cv2.resize(tile, (TILE, TILE), interpolation=cv2.INTER_AREA) for tile in tiles]
    small += [np.zeros_like(small[0])] * (-len(small) % COLUMNS)
    rows = [np.concatenate(small[at : at + COLUMNS], 1) for at in range(0, len(small), COLUMNS)]
    cv2.imwrite(str(data.folder / "previews" / name), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))


def frame_of(data: Dataset, number: int) -> np.ndarray:
    """Frame `number` of frames.mp4."""
    return next(read_frames(data.path(FRAMES), None, number / FPS))
