"""The picture behind the head: plate frames and head poses on an endless loop."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Interpolation

from talking_gaussian.avatar import Avatar
from talking_gaussian.errors import UserError

CACHE_BYTES = 120_000_000
# a playlist named plates.mp4 would make the reader open further files
ONLY_MP4 = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2", "protocol_whitelist": "file"}


class PlateVideo:
    """Frames of an all-intra video by number, at one size, with a bounded cache of decoded frames."""

    def __init__(self, path: Path, size: int) -> None:
        """size: side of the square frames handed out, px. Raises UserError when the file cannot be decoded."""
        try:
            self._container = av.open(f"file:{path.absolute()}", options=ONLY_MP4)
            self._stream = self._container.streams.video[0]
        except (av.FFmpegError, IndexError) as error:
            raise _damaged(path) from error
        self._path = path
        self._size = size
        self._cache: OrderedDict[int, np.ndarray] = OrderedDict()
        self._capacity = max(2, CACHE_BYTES // (size * size * 3))
        self._decoder = self._container.decode(self._stream)
        self._next = 0
        self.count = self._stream.frames
        if self.count < 1:
            raise _damaged(path)

    def frame(self, index: int) -> np.ndarray:
        """Plate `index` (0 <= index < count) as [size, size, 3] uint8; not to be written to."""
        if index not in self._cache:
            self._cache[index] = self._decode(index)
            while len(self._cache) > self._capacity:
                self._cache.popitem(last=False)
        self._cache.move_to_end(index)
        return self._cache[index]

    def close(self) -> None:
        """Free the decoder."""
        self._container.close()

    def _decode(self, index: int) -> np.ndarray:
        try:
            if index != self._next:
                self._seek(index)
            picture = next(self._decoder)
            while self._next < index:
                picture = next(self._decoder)
                self._next += 1
        except (av.FFmpegError, StopIteration) as error:
            raise _damaged(self._path) from error
        self._next = index + 1
        return picture.to_ndarray(
            format="rgb24", width=self._size, height=self._size, interpolation=Interpolation.BICUBIC
        )

    def _seek(self, index: int) -> None:
        """Every frame is a key frame, so the decoder's next picture is `index` itself."""
        rate, time_base = self._stream.average_rate, self._stream.time_base
        if not rate or not time_base:
            raise _damaged(self._path)
        self._container.seek(int(index / rate / time_base), stream=self._stream, backward=True)
        self._decoder = self._container.decode(self._stream)
        self._next = index


class PlateLoop:
    """What stands behind the head at any time: a plate and the head's pose, repeated without a jump.

    A closed loop starts again at its first frame; a pingpong loop runs back from its last. There may be more poses
    than plates (a long head motion over a short breathing loop) when the one number is a multiple of the other.
    """

    def __init__(self, avatar: Avatar, size: int) -> None:
        """size: side of the picture, px."""
        self._video = PlateVideo(avatar.folder / "plates.mp4", size)
        self._poses = avatar.head
        self._fps = avatar.fps
        self._pingpong = avatar.plate_loop == "pingpong"
        poses, plates = len(self._poses), self._video.count
        if poses % plates or (self._pingpong and poses != plates):
            raise UserError(
                "bad_avatar",
                f"The avatar cannot be used: {poses} poses do not fit {plates} plates. Export it again.",
                f"无法使用该头像:{poses} 个姿态与 {plates} 帧背景不匹配。请重新导出。",
            )

    def at(self, seconds: float) -> tuple[np.ndarray, np.ndarray]:
        """Time in the video -> plate [size, size, 3] uint8 and head pose [4, 4] (interpolated between plates)."""
        position = seconds * self._fps
        index = int(position + 1e-6)
        fraction = max(position - index, 0.0)
        here, there = self._fold(index), self._fold(index + 1)
        pose = self._poses[here]
        if fraction > 1e-3:
            pose = between(pose, self._poses[there], fraction)
        nearest = there if fraction > 0.5 else here
        return self._video.frame(nearest % self._video.count), pose

    def close(self) -> None:
        """Free the decoder."""
        self._video.close()

    def _fold(self, index: int) -> int:
        count = len(self._poses)
        if not self._pingpong or count == 1:
            return index % count
        place = index % (2 * count - 2)
        return min(place, 2 * count - 2 - place)


def between(start: np.ndarray, end: np.ndarray, fraction: float) -> np.ndarray:
    """A rigid motion [4, 4] between two near ones: mixed, then made orthonormal again (polar decomposition)."""
    mixed = (1 - fraction) * start + fraction * end
    u, _, vt = np.linalg.svd(mixed[:3, :3])
    mixed[:3, :3] = u @ vt
    return mixed


def _damaged(path: Path) -> UserError:
    return UserError(
        "bad_avatar",
        f"The avatar cannot be used: {path.name} cannot be decoded. Export or train the avatar again.",
        f"无法使用该头像:{path.name} 无法解码。请重新导出或训练该头像。",
    )
