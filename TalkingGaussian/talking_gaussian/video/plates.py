"""The picture behind the head: plate frames and head poses on an endless loop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talking_gaussian.avatar import Avatar
from talking_gaussian.errors import UserError
from talking_gaussian.video.shared_video import SharedVideo

CACHE_BYTES = 120_000_000  # of decoded plates


@dataclass(frozen=True)
class Places:
    """Where the loop stands at n times: numbers [n] of the plates; head poses [n, 4, 4]; the loop's own expression
    [n, K], or None where it has none."""

    plates: np.ndarray
    poses: np.ndarray
    expression: np.ndarray | None


class PlateLoop:
    """What stands behind the head at any time: a plate and the head's pose, repeated without a jump.

    A closed loop starts again at its first frame; a pingpong loop runs back from its last. There may be more poses
    than plates (a long head motion over a short breathing loop) when the one number is a multiple of the other.
    """

    def __init__(self, avatar: Avatar, size: int) -> None:
        """size: side of the picture, px."""
        self._video = SharedVideo(avatar.folder / "plates.mp4", size, damaged, CACHE_BYTES)
        self._poses, self._expression = avatar.head, avatar.expression
        self._fps = avatar.fps
        self._pingpong = avatar.plate_loop == "pingpong"
        self.count = self._video.count
        poses, plates = len(self._poses), self.count
        if poses % plates or (self._pingpong and poses != plates):
            raise UserError(
                "bad_avatar",
                f"The avatar cannot be used: {poses} poses do not fit {plates} plates. Export it again.",
                f"无法使用该头像:{poses} 个姿态与 {plates} 帧背景不匹配。请重新导出。",
            )

    def at(self, seconds: float) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Time in the video -> plate [size, size, 3] uint8, head pose [4, 4] and expression [K] (or None), the last
        two interpolated between plates."""
        places = self.places(np.array([seconds]))
        expression = None if places.expression is None else places.expression[0]
        return self._video.frame(int(places.plates[0])), places.poses[0], expression

    def places(self, seconds: np.ndarray) -> Places:
        """Times in the video [n], s -> where the loop stands at each; poses and expression lie between two plates'."""
        position = seconds * self._fps
        index = (position + 1e-6).astype(np.int64)
        fraction = np.maximum(position - index, 0.0)
        here, there = self._fold(index), self._fold(index + 1)
        poses = self._poses[here]
        turned = np.flatnonzero(fraction > 1e-3)
        if len(turned):
            poses[turned] = between(poses[turned], self._poses[there[turned]], fraction[turned])
        expression = None
        if self._expression is not None:
            expression = mixed(self._expression[here], self._expression[there], fraction[:, None])
        return Places(np.where(fraction > 0.5, there, here) % self.count, poses, expression)

    def close(self) -> None:
        """Free the decoder."""
        self._video.close()

    def _fold(self, index: np.ndarray) -> np.ndarray:
        count = len(self._poses)
        if not self._pingpong or count == 1:
            return index % count
        place = index % (2 * count - 2)
        return np.minimum(place, 2 * count - 2 - place)


def between(start: np.ndarray, end: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Rigid motions [n, 4, 4] between two near ones each, at fractions [n] of the way: mixed, then made orthonormal
    again (polar decomposition)."""
    poses = mixed(start, end, fraction[:, None, None])
    u, _, vt = np.linalg.svd(poses[:, :3, :3])
    poses[:, :3, :3] = u @ vt
    return poses


def mixed(start: np.ndarray, end: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """(1 - fraction) start + fraction end, in float32."""
    return (1 - fraction).astype(np.float32) * start + fraction.astype(np.float32) * end


def damaged(path: Path) -> UserError:
    """The plates' file cannot be decoded."""
    return UserError(
        "bad_avatar",
        f"The avatar cannot be used: {path.name} cannot be decoded. Export or train the avatar again.",
        f"无法使用该头像:{path.name} 无法解码。请重新导出或训练该头像。",
    )
