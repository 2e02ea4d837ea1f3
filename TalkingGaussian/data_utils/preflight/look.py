"""One look at a video: everything that the checks judge, measured once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from talking_gaussian.video.frames import VideoInfo, probe_video

from data_utils.preflight.hearing import Sound, listen
from data_utils.preflight.pictures import DENSE_S, LOOK_PX, Eyes, Lips, Moment, watch, watch_lips

LIPS_S = 24.0  # lips are followed this long in a video that is too long to look at every frame
Told = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class Look:
    """path, info: the file; start_s, end_s: the stretch that was asked for, within the file; moments: in order of time;
    lips: of a dense stretch, None where no frame could be read; sound: None without a track.
    """

    path: Path
    info: VideoInfo
    start_s: float
    end_s: float
    moments: list[Moment]
    lips: Lips | None
    sound: Sound | None

    @property
    def length_s(self) -> float:
        """Of the stretch."""
        return self.end_s - self.start_s

    @property
    def whole(self) -> bool:
        """Whether every frame was looked at."""
        return self.length_s <= DENSE_S

    @property
    def scale(self) -> float:
        """Pixels of the file for one of the pictures that were looked at."""
        return max(1.0, max(self.info.width, self.info.height) / LOOK_PX)

    @property
    def faces(self) -> list[Moment]:
        """The moments with a face."""
        return [moment for moment in self.moments if moment.face is not None]


def take_look(path: Path, start_s: float = 0.0, end_s: float | None = None, told: Told = lambda share: None) -> Look:
    """Look at [start_s, end_s) of a video; told: hears the share done. Raises UserError for what is no video."""
    info = probe_video(path)
    end_s = min(info.duration_s, info.duration_s if end_s is None else end_s)
    start_s = min(max(0.0, start_s), max(0.0, end_s - 0.04))
    moments: list[Moment] = []
    lips: Lips | None = None
    sound = listen(path, start_s, end_s) if info.audio_s else None
    with Eyes() as eyes:
        if end_s - start_s <= DENSE_S:
            for share, moment, found in watch_lips(path, start_s, end_s, eyes):
                moments += [moment] if moment else []
                lips = found or lips
                told(share)
        else:
            for share, moment in watch(path, info, start_s, end_s, eyes):
                moments.append(moment)
                told(0.6 * share)
            begin = talkative(moments, sound, start_s, end_s)
            for share, _, found in watch_lips(path, begin, min(end_s, begin + LIPS_S)):
                lips = found or lips
                told(0.6 + 0.4 * share)
    return Look(path, info, start_s, end_s, moments, lips, sound)


def talkative(moments: list[Moment], sound: Sound | None, start_s: float, end_s: float) -> float:
    """Where the 24 s with the most faces and speech begin."""
    times = np.array([moment.time_s for moment in moments])
    face = np.array([moment.face is not None for moment in moments], float)
    best, begin = -1.0, start_s
    for at in np.arange(start_s, max(start_s + 0.1, end_s - LIPS_S), 4.0):
        here = (times >= at - 2) & (times < at + LIPS_S + 2)
        score = float(face[here].mean()) if here.any() else 0.0
        if sound is not None:
            first = int((at - sound.start_s) * 50)
            heard = sound.speech[first : first + int(LIPS_S * 50)]
            score += float(heard.mean()) if len(heard) else 0.0
        if score > best + 1e-6:
            best, begin = score, float(at)
    return begin
