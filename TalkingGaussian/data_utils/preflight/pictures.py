"""What is seen: moments spread over the video, and the lips of one dense stretch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import mediapipe as mp
import numpy as np
from face_tracking.mesh import FaceMesh
from face_tracking.points import CHIN, FACE_OVAL, LIP_CORNERS, LOWER_LIP, UPPER_LIP
from talking_gaussian.video.frames import VideoInfo, read_frames

from data_utils.preflight.key_frames import key_frames

DENSE_FPS, MOMENT_FPS, SPARSE_FPS = 25, 5, 2
DENSE_S = 32.0  # up to here every frame is looked at
DECODED_PX = 6e8  # up to so many pixels every frame is decoded (10 s at the most); beyond, key frames only
KEY_FRAMES, HAND_LOOKS = 80, 30
LOOK_PX, THUMB_PX, FACE_PX = 640, 32, 160  # sides of the pictures that are looked at, compared, measured
BROW, CHEEKS = 10, (234, 454)  # of the oval: its top, its sides


@dataclass(frozen=True)
class Moment:
    """One frame, seen at no more than 640 px.

    time_s: in the file; thumb: [32, 32] float grey; face: [468, 3] px, or None; others: widths of further faces, in
    widths of the main one; skin: what the face's pixels say, or None; hand: whether a hand lies over the face, None
    where it was not looked for.
    """

    time_s: float
    thumb: np.ndarray
    face: np.ndarray | None = None
    others: tuple[float, ...] = ()
    skin: Skin | None = None
    hand: bool | None = None


@dataclass(frozen=True)
class Skin:
    """The face's pixels. light: mean grey, 0 to 255; glare: share of pixels near white; sides: light of the lighter
    half over that of the darker; sharpness: standard deviation of the Laplacian at 160 px, contrast taken out.
    """

    light: float
    glare: float
    sides: float
    sharpness: float


@dataclass(frozen=True)
class Lips:
    """A dense stretch at 25 fps. start_s: of its first frame; found [T] bool; opening, width [T] of the mouth in
    widths of the face, NaN where there is none; change [T]: mean grey difference to the frame before.
    """

    start_s: float
    found: np.ndarray
    opening: np.ndarray
    width: np.ndarray
    change: np.ndarray

    @property
    def end_s(self) -> float:
        """Where it ends in the file."""
        return self.start_s + len(self.found) / DENSE_FPS


class Eyes:
    """The models that look at frames; a context manager."""

    def __enter__(self) -> Eyes:
        with ExitStack() as stack:
            self._mesh = stack.enter_context(FaceMesh(static=True, irises=False))
            detector = mp.solutions.face_detection.FaceDetection
            # the near and the far model: each misses what the other sees
            self._people = [stack.enter_context(detector(0.6, model_selection=kind)) for kind in (0, 1)]
            hands = mp.solutions.hands.Hands(static_image_mode=True, max_num_hands=2, model_complexity=0)
            self._hands = stack.enter_context(hands)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def look(self, time_s: float, picture: np.ndarray, face: np.ndarray | None, hands: bool) -> Moment:
        """Everything about one picture. face: where it is known already; hands: whether to look for them."""
        if face is None:
            face = next(iter(self._mesh.find(picture)), None)
        thumb = thumbnail(picture)
        if face is None:
            return Moment(time_s, thumb)
        hand = self._hand_over(picture, face) if hands else None
        return Moment(time_s, thumb, face, self._others(picture, face), skin(picture, face), hand)

    def _others(self, picture: np.ndarray, face: np.ndarray) -> tuple[float, ...]:
        """Faces that a detector sees outside the main one."""
        (left, top), (right, bottom) = face[:, :2].min(0), face[:, :2].max(0)
        seen: list[tuple[float, ...]] = [()]
        for detector in self._people:
            boxes = [hit.location_data.relative_bounding_box for hit in detector.process(picture).detections or ()]
            apart = []
            for box in boxes:
                x = (box.xmin + box.width / 2) * picture.shape[1]
                y = (box.ymin + box.height / 2) * picture.shape[0]
                if not (left <= x <= right and top <= y <= bottom):
                    apart.append(box.width * picture.shape[1] / max(1.0, right - left))
            seen.append(tuple(apart))
        return max(seen, key=len)

    def _hand_over(self, picture: np.ndarray, face: np.ndarray) -> bool:
        """Whether at least three points of a hand lie inside the face."""
        size = np.array(picture.shape[1::-1])
        oval = cv2.convexHull(face[FACE_OVAL, :2].astype(np.float32))
        for hand in self._hands.process(picture).multi_hand_landmarks or ():
            points = np.array([(point.x, point.y) for point in hand.landmark]) * size
            if sum(cv2.pointPolygonTest(oval, (float(x), float(y)), False) >= 0 for x, y in points) >= 3:
                return True
        return False


# --- runs over the video ----------------------------------------------------------------------------------------------


def watch(path: Path, info: VideoInfo, start_s: float, end_s: float, eyes: Eyes) -> Iterator[tuple[float, Moment]]:
    """(share done, moment) over [start_s, end_s): two a second, or 80 key frames of what is long to decode."""
    if few_pixels(info, end_s - start_s):
        count = max(1, round((end_s - start_s) * SPARSE_FPS))
        frames = read_frames(path, SPARSE_FPS, start_s, end_s, LOOK_PX)
        timed: Iterator[tuple[float, np.ndarray]] = ((start_s + n / SPARSE_FPS, f) for n, f in enumerate(frames))
    else:
        count = KEY_FRAMES
        timed = key_frames(path, np.linspace(start_s, end_s - 1.0, count), LOOK_PX)
    every = max(1, count // HAND_LOOKS)
    for n, (time_s, frame) in enumerate(timed):
        yield min(1.0, n / count), eyes.look(time_s, frame, None, n % every == 0)


def few_pixels(info: VideoInfo, length_s: float) -> bool:
    """Whether decoding a stretch is a matter of seconds."""
    return info.width * info.height * info.fps * length_s <= DECODED_PX


def watch_lips(
    path: Path, start_s: float, end_s: float, eyes: Eyes | None = None
) -> Iterator[tuple[float, Moment | None, Lips | None]]:
    """(share done, moment or None, lips or None): every frame of [start_s, end_s) at 25 fps; the last has the lips.

    eyes: also give a moment every fifth frame.
    """
    count = max(1, round((end_s - start_s) * DENSE_FPS))
    every = DENSE_FPS // MOMENT_FPS
    hands_every = every * max(1, count // every // HAND_LOOKS)
    rows, change, before = [], [], None
    with FaceMesh() as mesh:
        for n, frame in enumerate(read_frames(path, DENSE_FPS, start_s, end_s, LOOK_PX)):
            face = next(iter(mesh.find(frame)), None)
            thumb = thumbnail(frame)
            change.append(0.0 if before is None else float(np.abs(thumb - before).mean()))
            before = thumb
            rows.append(mouth(face))
            moment = None
            if eyes and n % every == 0:
                moment = eyes.look(start_s + n / DENSE_FPS, frame, face, n % hands_every == 0)
            yield min(1.0, n / count), moment, None
    if rows:
        opening, width = np.array(rows, np.float32).T
        yield 1.0, None, Lips(start_s, np.isfinite(opening), opening, width, np.array(change))


# --- one picture ------------------------------------------------------------------------------------------------------


def mouth(face: np.ndarray | None) -> tuple[float, float]:
    """Opening and width of the mouth in widths of the face; NaN without a face."""
    if face is None:
        return np.nan, np.nan
    size = face_width(face)
    opening = np.linalg.norm(face[UPPER_LIP, :2] - face[LOWER_LIP, :2])
    return float(opening / size), float(np.linalg.norm(face[LIP_CORNERS[0], :2] - face[LIP_CORNERS[1], :2]) / size)


def face_width(face: np.ndarray) -> float:
    """Cheek to cheek in px, turned heads included (the mesh knows its depth)."""
    return max(1.0, float(np.linalg.norm(face[CHEEKS[0]] - face[CHEEKS[1]])))


def turn_angles(face: np.ndarray) -> tuple[float, float]:
    """(yaw, pitch) of a head in degrees, however it is tilted; 0, 0 looks into the camera."""
    across, down = face[CHEEKS[1]] - face[CHEEKS[0]], face[CHIN] - face[BROW]
    yaw, pitch = (np.arctan2(axis[2], np.linalg.norm(axis[:2])) for axis in (across, down))
    return float(np.degrees(yaw)), float(np.degrees(pitch))


def roll_angle(face: np.ndarray) -> float:
    """How far a head is tilted in degrees, -180 to 180: 90 has its chin at the picture's left."""
    down = face[CHIN] - face[BROW]
    return float(np.degrees(np.arctan2(-down[0], down[1])))


def skin(picture: np.ndarray, face: np.ndarray) -> Skin:
    """Light and sharpness of the face's inner box, brought to 160 px."""
    height, width = picture.shape[:2]
    (x0, y0), (x1, y1) = face[FACE_OVAL, :2].min(0), face[FACE_OVAL, :2].max(0)
    inset = 0.12 * (x1 - x0)
    x0, x1 = int(np.clip(x0 + inset, 0, width - 2)), int(np.clip(x1 - inset, 2, width))
    y0, y1 = int(np.clip(y0 + inset, 0, height - 2)), int(np.clip(y1 - inset, 2, height))
    crop = picture[y0 : max(y1, y0 + 2), x0 : max(x1, x0 + 2)]
    grey = cv2.resize(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), (FACE_PX, FACE_PX), interpolation=cv2.INTER_AREA)
    level = grey.astype(np.float32)
    halves = sorted((float(level[:, : FACE_PX // 2].mean()), float(level[:, FACE_PX // 2 :].mean())))
    sharpness = float(cv2.Laplacian(level, cv2.CV_32F).std() / max(8.0, level.std()))
    return Skin(float(level.mean()), float((grey >= 250).mean()), halves[1] / max(1.0, halves[0]), sharpness)


def thumbnail(picture: np.ndarray) -> np.ndarray:
    """[32, 32] float32 grey."""
    small = cv2.resize(picture, (THUMB_PX, THUMB_PX), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
