"""One answer as it is spoken: sound in, fragments of video out, as much at a time as is asked for."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

import av
import numpy as np

from talking_gaussian.audio.chunks import RATE
from talking_gaussian.avatar import Avatar
from talking_gaussian.live.loop import IdleLoop
from talking_gaussian.motion.idle import IdleMotion
from talking_gaussian.motion.live_motion import LiveMotion
from talking_gaussian.motion.mapping import place_units
from talking_gaussian.motion.speech_motion import SpeechMotion
from talking_gaussian.stage import Stage
from talking_gaussian.video.fragments import SOUND_RATE, FragmentWriter

VOICE_RATE = 24_000  # what is handed in
SLICE = RATE  # of sound whose motion is worked out at a time


@dataclass(frozen=True)
class Fragment:
    """Bytes of the stream that show it from start_s to end_s."""

    data: bytes
    start_s: float
    end_s: float


class Talk:
    """A stream of its own: its clock starts at 0 with the first frame and never jumps."""

    def __init__(
        self, avatar: Avatar, speech: SpeechMotion, stage: Stage, loop: IdleLoop, phase_s: float, seed: int = 0
    ) -> None:
        """phase_s: where in the idle video the first frame stands."""
        self._avatar, self._stage, self._loop, self._phase_s = avatar, stage, loop, phase_s
        self._units = speech.units
        self._motion = LiveMotion(speech, avatar.fps)
        self._idle = IdleMotion(avatar.units, avatar.fps, seed) if avatar.expression is None else None
        self._writer = FragmentWriter(stage.size, avatar.fps)
        self._to_listen, self._to_play = _Resampler(RATE), _Resampler(SOUND_RATE)
        self._unheard: deque[tuple[np.ndarray, bool] | int] = deque()  # sound (and whether a pause follows), or a pause
        self._waiting: deque[np.ndarray] = deque()  # motion not drawn yet
        self._fed = 0  # samples handed in at VOICE_RATE
        self._drawn = 0  # frames
        self.began = time.monotonic()

    @property
    def codecs(self) -> str:
        """As a browser wants them named."""
        return self._writer.codecs

    @property
    def planned_s(self) -> float:
        """The length of all that was handed in."""
        return self._fed / VOICE_RATE

    @property
    def drawn_s(self) -> float:
        """The length of what was drawn."""
        return self._drawn / self._avatar.fps

    @property
    def phase_s(self) -> float:
        """Where in the idle video the next frame would stand."""
        return (self._phase_s + self.drawn_s) % self._loop.seconds

    @property
    def is_waiting(self) -> bool:
        """Whether there is something to draw."""
        return bool(self._waiting or self._unheard)

    def speak(self, samples: np.ndarray, last: bool) -> None:
        """Append speech: float32 mono [n] at VOICE_RATE. last: a pause follows (it is filled up to a frame)."""
        if last:
            samples = np.concatenate([samples, np.zeros(self._missing(len(samples)), np.float32)])
        self._fed += len(samples)
        self._writer.write_sound(self._to_play(samples, last))
        heard = self._to_listen(samples, last)
        pieces = [heard[at : at + SLICE] for at in range(0, len(heard), SLICE)] or [heard]
        self._unheard.extend((piece, last and index == len(pieces) - 1) for index, piece in enumerate(pieces))

    def rest(self, frames: int) -> None:
        """Append a pause; only after speech that was the last before it."""
        done = round(self._fed * self._avatar.fps / VOICE_RATE)
        samples = np.zeros(self._boundary(done + frames) - self._fed, np.float32)
        self._fed += len(samples)
        self._writer.write_sound(self._to_play(samples, True))
        self._unheard.append(frames)

    def draw(self, frames: int) -> Fragment:
        """Draw up to so many of the frames that wait."""
        start = self.drawn_s
        while self._unheard and len(self._waiting) < frames:
            self._listen(self._unheard.popleft())
        for _ in range(min(frames, len(self._waiting))):
            time_s = self._loop.plate_time(self._phase_s + self.drawn_s)
            self._writer.write(self._stage.draw(self._waiting.popleft(), time_s))
            self._drawn += 1
        return Fragment(self._writer.take(), start, self.drawn_s)

    def end(self) -> Fragment:
        """What is left of the stream when all was drawn."""
        return Fragment(self._writer.close(), self.drawn_s, self.drawn_s)

    def _listen(self, piece: tuple[np.ndarray, bool] | int) -> None:
        """Work out the motion of the next piece: only as it is needed, for a long sentence must not hold up the frames
        before it."""
        spoken = self._motion.rest(piece) if isinstance(piece, int) else self._motion.feed(*piece)
        placed = place_units(spoken, self._units, self._avatar.units)
        self._waiting.extend(placed + self._idle.frames(placed) if self._idle else placed)

    def _boundary(self, frame: int) -> int:
        """The first sample of a frame."""
        return round(frame * VOICE_RATE / self._avatar.fps)

    def _missing(self, samples: int) -> int:
        """How many samples the sound with these lacks to end with a frame."""
        frame = int(np.ceil((self._fed + samples) * self._avatar.fps / VOICE_RATE - 1e-6))
        return max(0, self._boundary(frame) - self._fed - samples)


class _Resampler:
    """float32 mono at VOICE_RATE, in bits -> another rate, as many samples as the time needs at every `last`."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._given = self._made = 0
        self._inner = self._fresh()

    def __call__(self, samples: np.ndarray, last: bool) -> np.ndarray:
        parts = []
        if len(samples):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None], np.float32), "flt", "mono")
            frame.sample_rate = VOICE_RATE
            parts = [out.to_ndarray()[0] for out in self._inner.resample(frame)]
        if last:
            parts += [out.to_ndarray()[0] for out in self._inner.resample(None)]
            self._inner = self._fresh()
        made = np.concatenate([np.zeros(0, np.float32), *parts])
        self._given += len(samples)
        if last:  # what the filter's tail gives more or less must not add up
            wanted = round(self._given * self._rate / VOICE_RATE) - self._made
            made = made[:wanted] if len(made) >= wanted else np.pad(made, (0, wanted - len(made)))
        self._made += len(made)
        return made

    def _fresh(self) -> av.AudioResampler:
        return av.AudioResampler(format="flt", layout="mono", rate=self._rate)
