"""What a metric is, and what it looks at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
from talking_gaussian.audio.chunks import RATE

from evaluation.landmarks import mouth_frozen, mouth_opening, mouth_width
from evaluation.structure import Structure, structure
from evaluation.sync_offset import SyncOffset, sound_offset

Direction = Literal["higher", "lower", "zero", "none"]
Box = tuple[int, int, int, int]
REGIONS = ("full", "face", "mouth")


@dataclass
class FramePair:
    """A frame of the output and the reference's of the same moment: [H, W, 3] uint8 RGB of one size.

    before: the pair of the frame before, None for the first; index: the frame's number.
    """

    output: np.ndarray
    reference: np.ndarray
    before: FramePair | None = None
    index: int = 0

    def cut(self, box: Box) -> FramePair:
        """The pair inside (left, top, right, bottom)."""
        left, top, right, bottom = box
        part = (slice(top, bottom), slice(left, right))
        before = FramePair(self.before.output[part], self.before.reference[part]) if self.before else None
        return FramePair(self.output[part], self.reference[part], before)

    @cached_property
    def structure(self) -> Structure:
        """SSIM's terms at full scale, for the metrics that begin with them."""
        return structure(self.output.astype(np.float32), self.reference.astype(np.float32))


@dataclass(frozen=True, eq=False)
class Clip:
    """What the whole clips give: tracked points of both [T, 478, 3] px (NaN rows where no face was found), their sound
    (16 kHz mono, None where there is none), frames a second, and seconds of each file.
    """

    output: np.ndarray
    reference: np.ndarray
    fps: float
    output_sound: np.ndarray | None = None
    reference_sound: np.ndarray | None = None
    file_fps: tuple[float, float] = (0.0, 0.0)
    file_seconds: tuple[float, float] = (0.0, 0.0)

    @cached_property
    def sync(self) -> SyncOffset | None:
        """The output's offset by its own sound or else the reference's; None where neither has any."""
        sound = self.output_sound if self.output_sound is not None else self.reference_sound
        if sound is None:
            return None
        return sound_offset(mouth_opening(self.output), mouth_width(self.output), self.fps, sound, RATE)

    def real(self) -> Clip:
        """The reference in the place of the output."""
        return replace(
            self,
            output=self.reference,
            output_sound=self.reference_sound,
            file_fps=(self.file_fps[1],) * 2,
            file_seconds=(self.file_seconds[1],) * 2,
        )

    def frozen(self) -> Clip:
        """The reference with a mouth that stands still in its mean shape, as the output."""
        return replace(self, output=mouth_frozen(self.reference), output_sound=self.reference_sound)


@dataclass(frozen=True)
class Measured:
    """value: the figure, None where it is not defined; frames: its curve [T] (None: there is none); note: what must be
    said of it, {"en", "zh"}."""

    value: float | None
    frames: np.ndarray | None = None
    note: dict[str, str] | None = None
    detail: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Lack:
    """Why a metric cannot be measured here and what to do. action: what a button can do (see bridges.system.Row)."""

    en: str
    zh: str
    action: dict[str, str] | None = None


@dataclass(frozen=True)
class Metric:
    """One metric.

    name: the key on the command line and in reports; title: {"en", "zh"}; direction: which way is better (zero: near
    0); low, high: its range (None: open); unit; source: paper or definition; licence: of weights or parameters, ""
    where it has none; needs: faces, sound; digits: after the point in tables; real: its value for the reference itself
    where that needs no measuring; at_most: how many frames, evenly spread, are enough for a slow one. One of:
    `of_frame` (per pair of pictures, in each region), `of_clip` (per pair of tracks), `video_program` (measured on
    sampled frames of one video by evaluation.external). lack: what is missing.
    """

    name: str
    title: dict[str, str]
    direction: Direction
    low: float | None
    high: float | None
    source: str
    unit: str = ""
    licence: str = ""
    needs: tuple[str, ...] = ()
    digits: int = 3
    real: float | None = None
    at_most: int | None = None
    of_frame: Callable[[FramePair], float] | None = None
    of_clip: Callable[[Clip], Measured] | None = None
    video_program: str = ""
    lack: Callable[[], Lack | None] = field(default=lambda: None)
