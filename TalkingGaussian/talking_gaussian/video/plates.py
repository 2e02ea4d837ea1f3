"""The picture behind the head: plate frames and head poses on an endless loop."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from talking_gaussian.avatar import Avatar
from talking_gaussian.errors import UserError
from talking_gaussian.video.intra import IntraVideo


class PlateLoop:
    """What stands behind the head at any time: a plate and the head's pose, repeated without a jump.

    A closed loop starts again at its first frame; a pingpong loop runs back from its last. There may be more poses
    than plates (a long head motion over a short breathing loop) when the one number is a multiple of the other.
    """

    def __init__(self, avatar: Avatar, size: int) -> None:
        """size: side of the picture, px."""
        self._video = IntraVideo(avatar.folder / "plates.mp4", size, _damaged)
        self._poses, self._expression = avatar.head, avatar.expression
        self._fps = avatar.fps
        self._pingpong = avatar.plate_loop == "pingpong"
        poses, plates = len(self._poses), self._video.count
        if poses % plates or (self._pingpong and poses != plates):
            raise UserError(
                "bad_avatar",
                f"The avatar cannot be used: {poses} poses do not fit {plates} plates. Export it again.",
                f"无法使用该头像:{poses} 个姿态与 {plates} 帧背景不匹配。请重新导出。",
            )

    def at(self, seconds: float) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Time in the video -> plate [size, size, 3] uint8, head pose [4, 4] and expression [K] (or None), the last
        two interpolated between plates."""
        position = seconds * self._fps
        index = int(position + 1e-6)
        fraction = max(position - index, 0.0)
        here, there = self._fold(index), self._fold(index + 1)
        pose = self._poses[here]
        if fraction > 1e-3:
            pose = between(pose, self._poses[there], fraction)
        nearest = there if fraction > 0.5 else here
        expression = None
        if self._expression is not None:
            expression = (1 - fraction) * self._expression[here] + fraction * self._expression[there]
        return self._video.frame(nearest % self._video.count), pose, expression

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
