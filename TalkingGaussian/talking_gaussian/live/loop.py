"""The part of an avatar's plate loop that a conversation stays in, and its idle video."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from talking_gaussian import stopping
from talking_gaussian.avatar import Avatar
from talking_gaussian.motion.idle import IdleMotion
from talking_gaussian.stage import Stage
from talking_gaussian.video.fragments import FragmentWriter

LONGEST_S = 12.0  # a longer loop takes long to draw: its first part is run forwards and backwards instead
SLICE = 10  # frames drawn before a talk may have its turn
_CALM_S = 0.3  # blinks and glances fade out before the loop starts again


@dataclass(frozen=True)
class IdleLoop:
    """frames of the idle video at fps; folded: whether it runs to the middle and back."""

    frames: int
    fps: float
    folded: bool

    @classmethod
    def of(cls, avatar: Avatar) -> IdleLoop:
        """An avatar's whole loop where it is short enough, else a part of it run forwards and backwards."""
        poses = len(avatar.head)
        period = poses if avatar.plate_loop != "pingpong" else max(1, 2 * poses - 2)
        if period <= LONGEST_S * avatar.fps:
            return cls(max(1, period), avatar.fps, folded=False)
        half = int(LONGEST_S / 2 * avatar.fps)
        return cls(2 * half, avatar.fps, folded=True)

    @property
    def seconds(self) -> float:
        """Until the idle video starts again."""
        return self.frames / self.fps

    def plate_time(self, phase_s: float) -> float:
        """The time in the avatar's plate loop at a time of the (endless) idle video, s."""
        phase = math.fmod(phase_s, self.seconds)
        return min(phase, self.seconds - phase) if self.folded else phase


def idle_video(avatar: Avatar, stage: Stage, loop: IdleLoop) -> Iterator[bytes]:
    """The idle video, without sound, a few frames at a time: MP4 bytes whose end meets its beginning."""
    writer = FragmentWriter(stage.size, loop.fps, sound=False)
    for index, coefficients in enumerate(idle_motion(avatar, loop)):
        stopping.check()
        writer.write(stage.draw(coefficients, loop.plate_time(index / loop.fps)))
        if index % SLICE == SLICE - 1:
            yield writer.take()
    yield writer.close()


def idle_motion(avatar: Avatar, loop: IdleLoop) -> Iterator[np.ndarray]:
    """What the face does in the idle video, frame by frame [K]: blinks, where the avatar has no motion of its own."""
    rest = np.zeros((loop.frames, len(avatar.units)), np.float32)
    if avatar.expression is None:
        calm = _CALM_S * loop.fps
        ends = np.minimum(np.arange(loop.frames), np.arange(loop.frames)[::-1]) / calm
        rest = IdleMotion(avatar.units, loop.fps).frames(rest) * np.clip(ends, 0, 1)[:, None].astype(np.float32)
    yield from rest
