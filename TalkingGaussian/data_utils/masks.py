"""Stage `masks`: what of every frame is background, torso, head or the inside of the mouth."""

from __future__ import annotations

from typing import Any

import cv2
import mediapipe
import numpy as np
from face_tracking.fit import project
from face_tracking.points import FACE_OVAL, INNER_LIPS
from talking_gaussian import stopping
from talking_gaussian.progress import Progress
from talking_gaussian.video.frames import read_frames
from talking_gaussian.video.intra import IntraWriter

from data_utils import previews
from data_utils.dataset import BACKGROUND, FIT, FPS, FRAMES, HEAD, LANDMARKS, MASKS, MOUTH, TORSO, Dataset

PERSON = 0.5  # a pixel is the person's from this confidence on
JAW_MARGIN = 1.10  # the head's region reaches this far beyond the jaw
CHIN_MARGIN_M = 0.010
HAIR_REACH = 2.4  # and this far to the sides and upwards, in half widths of the face, above the ears
EAR_POINTS = (234, 454)
LOBES = 94  # ears end about as low as the nose
TINTS = np.array([[0, 0, 0], [40, 90, 200], [40, 190, 160], [230, 70, 90]], np.float32)


def segment(data: Dataset, progress: Progress) -> dict[str, Any]:
    """Write masks.mp4 (lossless): gray levels BACKGROUND, TORSO, HEAD, MOUTH."""
    with np.load(data.path(FIT), allow_pickle=False) as fit, np.load(data.path(LANDMARKS), allow_pickle=False) as file:
        outlines = project(
            head_outline(fit["neutral"], fit["basis"], fit["coefficients"])[None], fit["poses"], fit["K"]
        )
        mouths = file["points"][:, list(INNER_LIPS), :2]
    size, total = data.settings.size, len(outlines)
    shown = set(np.linspace(0, total - 1, 6).astype(int).tolist())
    tiles, head_share = [], 0.0
    with (
        mediapipe.solutions.selfie_segmentation.SelfieSegmentation(model_selection=0) as person,
        IntraWriter(data.path(MASKS), (size, size), FPS, crf=0, preset="ultrafast") as writer,
    ):
        for index, frame in enumerate(read_frames(data.path(FRAMES), None)):
            stopping.check()
            levels = levels_of(person.process(frame).segmentation_mask, outlines[index], mouths[index])
            writer.write(np.repeat(levels[..., None], 3, 2))
            head_share += float((levels >= HEAD).mean()) / total
            if index in shown:
                tiles.append(tinted(frame, levels))
            progress.step(index + 1, total)
    previews.save_sheet(data, tiles, "masks.jpg")
    return {"head_share": round(head_share, 4)}


def levels_of(person: np.ndarray, outline: np.ndarray, mouth: np.ndarray) -> np.ndarray:
    """Confidence that a pixel is the person's [H, W], outlines [n, 2] px of head and inner mouth -> levels uint8."""
    levels = np.where(person > PERSON, TORSO, BACKGROUND).astype(np.uint8)
    head = (filled(outline, levels.shape) > 0) & (levels == TORSO)
    levels[piece_around(head, mouth.mean(0))] = HEAD
    levels[filled(mouth, levels.shape) > 0] = MOUTH
    return levels


def piece_around(mask: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The connected piece of a mask [H, W] bool nearest to a place [2] px: what else looked like a person is not."""
    count, pieces = cv2.connectedComponents(mask.astype(np.uint8))
    if count < 2:
        return mask
    rows, columns = np.nonzero(mask)
    nearest = np.argmin((columns - place[0]) ** 2 + (rows - place[1]) ** 2)
    return pieces == pieces[rows[nearest], columns[nearest]]


def filled(outline: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A polygon [n, 2] px as a picture of 0 and 1."""
    canvas = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(canvas, [np.round(outline * 16).astype(np.int32)], 1, shift=4)
    return canvas


def head_outline(neutral: np.ndarray, basis: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Where the head ends, in canonical space [n, 3]: around the jaw at its lowest, and wide of the hair above."""
    jaw = jaw_line(neutral)
    lowest = (coefficients @ basis[:, jaw, 1]).max(0)
    points = neutral[jaw].copy()
    points[:, 0] *= JAW_MARGIN
    depth = neutral[list(EAR_POINTS), 2].mean()
    share = np.sin(np.linspace(0, np.pi, len(jaw)))  # the chin drops, the ears do not
    points[:, 1] += share * (CHIN_MARGIN_M + np.maximum(lowest, 0))
    half = np.abs(neutral[list(EAR_POINTS), 0]).mean() * HAIR_REACH
    ear = neutral[LOBES, 1]
    right, left = np.array([-half, ear, depth]), np.array([half, ear, depth])
    up = np.array([0, -2 * half, 0])
    return np.stack([right + up, right, *points, left, left + up])


def jaw_line(neutral: np.ndarray) -> list[int]:
    """The face oval's points below the ears, from the right one over the chin to the left one."""
    ear = neutral[LOBES, 1]
    below = [point for point in FACE_OVAL if neutral[point, 1] >= ear]
    return sorted(below, key=lambda point: np.arctan2(neutral[point, 0], neutral[point, 1] - ear))


def tinted(frame: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The frame [H, W, 3] with each kind of pixel in its own tint."""
    tint = TINTS[np.searchsorted((BACKGROUND, TORSO, HEAD, MOUTH), levels)]
    return (frame * 0.55 + tint * 0.45).astype(np.uint8)
