"""Stage `frames`: a constant frame rate, a square around the head, 16 kHz sound; nothing else of the video is kept."""

from __future__ import annotations

import math
import wave
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from face_tracking.mesh import FaceMesh
from face_tracking.points import CHIN
from talking_gaussian import stopping
from talking_gaussian.audio.reader import read_audio
from talking_gaussian.errors import UserError
from talking_gaussian.progress import Progress
from talking_gaussian.video.frames import probe_video, read_frames
from talking_gaussian.video.intra import IntraWriter

from data_utils.dataset import FPS, FRAMES, SOUND, SOUND_RATE, Dataset

LOOK_FPS = 2.5  # how densely the head is looked for
SIDE = 2.5  # side of the square in heights of the face (brow line to chin reaches 1)
ABOVE = 0.47  # of the side lies above the middle of the face
FOREHEAD = 10


def cut_frames(video: Path, data: Dataset, progress: Progress) -> dict[str, Any]:
    """Write frames.mp4 and audio.wav; returns the square and the counts."""
    info = probe_video(video)
    start, end = data.settings.start_s, data.settings.end_s
    seconds = min(info.duration_s, end or math.inf) - start
    left, top, side = head_square(video, start, end, (info.height, info.width))
    size, count = data.settings.size, 0
    interpolation = cv2.INTER_AREA if side >= size else cv2.INTER_CUBIC
    with IntraWriter(data.path(FRAMES), (size, size), FPS, crf=8, preset="veryfast") as writer:
        for frame in read_frames(video, FPS, start, end):
            stopping.check()
            square = frame[top : top + side, left : left + side]
            writer.write(cv2.resize(square, (size, size), interpolation=interpolation))
            count += 1
            progress.step(count, math.ceil(seconds * FPS))
    samples = write_sound(video, data, start, count)
    return {"left": left, "top": top, "side": side, "frames": count, "sound_s": samples / SOUND_RATE}


def head_square(video: Path, start_s: float, end_s: float | None, shape: tuple[int, int]) -> tuple[int, int, int]:
    """left, top and side of a square around the head's whole path, within a picture of `shape` (height, width).

    Raises UserError when no face is found.
    """
    middles, heights = [], []
    with FaceMesh(static=True, irises=False) as mesh:
        for frame in read_frames(video, LOOK_FPS, start_s, end_s):
            stopping.check()
            for points in mesh.find(frame):
                middles.append((points[FOREHEAD, :2] + points[CHIN, :2]) / 2)
                heights.append(np.linalg.norm(points[FOREHEAD, :2] - points[CHIN, :2]))
    if not heights:
        raise UserError(
            "no_face",
            "No face was found in the video. Use a video of one person who looks towards the camera.",
            "视频中没有找到人脸。请使用一个人面向镜头的视频。",
        )
    low, high = np.quantile(middles, 0.02, axis=0), np.quantile(middles, 0.98, axis=0)
    side = float(np.median(heights)) * SIDE + float((high - low).max())
    side = int(min(side, *shape)) // 2 * 2
    centre = (low + high) / 2
    left = int(np.clip(centre[0] - side / 2, 0, shape[1] - side))
    top = int(np.clip(centre[1] - side * ABOVE, 0, shape[0] - side))
    return left, top, side


def write_sound(video: Path, data: Dataset, start_s: float, frames: int) -> int:
    """The sound that belongs to the frames, as 16 kHz mono PCM16, moved by sound_shift_ms; returns its samples."""
    first = round((start_s + data.settings.sound_shift_ms / 1000) * SOUND_RATE)
    wanted = round(frames / FPS * SOUND_RATE)
    part = data.path(SOUND + ".part")
    at, written = 0, 0
    with wave.open(str(part), "wb") as file:
        file.setparams((1, 2, SOUND_RATE, 0, "NONE", ""))
        if first < 0:
            written = min(-first, wanted)
            file.writeframes(b"\0\0" * written)
        for block in read_audio(video, SOUND_RATE):
            piece = block[max(0, first - at) :][: wanted - written] if at + len(block) > first else block[:0]
            file.writeframes(np.round(np.clip(piece, -1, 1) * 32767).astype("<i2").tobytes())
            at, written = at + len(block), written + len(piece)
        file.writeframes(b"\0\0" * (wanted - written))
    part.replace(data.path(SOUND))
    return written
