"""Where a person's turn begins, pauses and ends in the sound of a microphone."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bridges.chat.listening.vad import FRAME, FRAME_S, VoiceDetector

_BYTES = FRAME * 2
_START, _STAY = 0.5, 0.35  # the voice must be this likely to begin a turn, and to go on (silero's own defaults)
_WINDOW, _NEEDED = 4, 3  # so many of so many frames begin a turn: a click or a knock fills fewer
_LEAST_VOICED_S = 0.16  # less voice than this in a whole turn was no word
_BACKGROUND_DB = 25.0  # frames this far beneath the speaker are somebody else, further away


@dataclass(frozen=True)
class SpeechStarted:
    """A voice began at `at_s`, seconds of sound since the listener was made (all times are such)."""

    at_s: float


@dataclass(frozen=True)
class Paused:
    """The voice paused. sound: the turn so far, 16 kHz mono int16, so that its recognition can begin already."""

    sound: bytes
    at_s: float


@dataclass(frozen=True)
class SpeechResumed:
    """The voice went on: what the last pause gave is not the whole turn."""

    at_s: float


@dataclass(frozen=True)
class SpeechEnded:
    """The turn is over. sound: the very bytes of the last Paused unless the voice went on after it;
    ended_s: when the voice itself ended; at_s: when that was certain.
    """

    sound: bytes
    at_s: float
    ended_s: float


@dataclass(frozen=True)
class NothingHeard:
    """The button was let go, or what had begun ended, without a word."""


Event = SpeechStarted | Paused | SpeechResumed | SpeechEnded | NothingHeard


class TurnListener:
    """Finds the turns in one microphone's sound. Synchronous, no I/O; about 0.3 ms of work per 32 ms of sound.

    mode: "hands_free" (a turn ends by itself after `end_s` of silence) or "push" (it ends with `release`).
    pause_s: silence until Paused; pre_roll_s: sound kept from before the voice, for a soft first consonant;
    longest_s: a turn is ended there, whoever goes on speaking.
    """

    def __init__(
        self,
        mode: Literal["hands_free", "push"] = "hands_free",
        pause_s: float = 0.25,
        end_s: float = 0.7,
        pre_roll_s: float = 0.3,
        longest_s: float = 60.0,
    ) -> None:
        if mode not in ("hands_free", "push"):
            raise ValueError(f"mode is hands_free or push, not {mode}")
        self.mode = mode
        self._pause, self._end = (max(1, round(s / FRAME_S)) for s in (pause_s, max(pause_s, end_s)))
        self._pre_roll = round(pre_roll_s / FRAME_S) + _WINDOW
        self._longest = round(longest_s / FRAME_S)
        self._detector = VoiceDetector()
        self._frames = 0
        self.reset()

    @property
    def speaking(self) -> bool:
        """Whether a turn is under way."""
        return self._turn is not None

    def reset(self) -> None:
        """Drop what was heard (the microphone was switched off or changed hands); the clock goes on."""
        self._rest = b""
        self._detector.reset()
        self._forget()

    def feed(self, pcm: bytes) -> list[Event]:
        """What the next sound brings. pcm: 16 kHz mono int16, little endian, any length (an odd byte is kept too)."""
        data = self._rest + pcm
        whole = len(data) - len(data) % _BYTES
        self._rest = data[whole:]
        events: list[Event] = []
        for start in range(0, whole, _BYTES):
            events += self._hear(data[start : start + _BYTES])
        return events

    def release(self) -> list[Event]:
        """The button was let go: the turn ends here."""
        events: list[Event] = []
        if self._rest:
            events += self._hear(self._rest.ljust(_BYTES, b"\0"))
        turn = self._turn
        events.append(self._ended(turn) if turn is not None else NothingHeard())
        self.reset()
        return events

    def _forget(self) -> None:
        self._recent: deque[bytes] = deque(maxlen=self._pre_roll)
        self._voiced: deque[bool] = deque(maxlen=_WINDOW)
        self._turn: _Turn | None = None

    def _hear(self, frame: bytes) -> list[Event]:
        sound = np.frombuffer(frame, dtype="<i2").astype(np.float32) / 32768
        likely = self._detector.probability(sound)
        level = 10 * float(np.log10(np.mean(sound**2) + 1e-10))
        self._frames += 1
        if self._turn is None:
            return self._wait(frame, likely, level)
        return self._follow(self._turn, frame, likely, level)

    def _wait(self, frame: bytes, likely: float, level: float) -> list[Event]:
        self._recent.append(frame)
        self._voiced.append(likely >= _START)
        if sum(self._voiced) < _NEEDED:
            return []
        self._turn = _Turn(list(self._recent), sum(self._voiced), level)
        return [SpeechStarted(self._clock(_WINDOW))]

    def _follow(self, turn: _Turn, frame: bytes, likely: float, level: float) -> list[Event]:
        turn.frames.append(frame)
        events: list[Event] = []
        if likely >= _STAY and level > turn.level - _BACKGROUND_DB:
            if turn.silent >= self._pause:
                events.append(SpeechResumed(self._clock(1)))
            turn.speak(level)
        else:
            turn.silent += 1
            if turn.silent == self._pause:
                turn.paused = b"".join(turn.frames)
                events.append(Paused(turn.paused, self._clock(0)))
        over = self.mode == "hands_free" and turn.silent >= self._end
        if over or len(turn.frames) >= self._longest:
            events.append(self._ended(turn))
            self._forget()
        return events

    def _ended(self, turn: _Turn) -> SpeechEnded | NothingHeard:
        if turn.voiced * FRAME_S < _LEAST_VOICED_S:
            return NothingHeard()
        sound = turn.paused if turn.silent >= self._pause else b"".join(turn.frames)
        return SpeechEnded(sound, self._clock(0), self._clock(turn.silent))

    def _clock(self, back: int) -> float:
        """Seconds of sound up to `back` frames ago."""
        return max(0, self._frames - back) * FRAME_S


class _Turn:
    """A turn under way. frames: its sound; voiced, silent: frames with a voice, and without one since the last;
    level: the speaker's usual loudness, dB; paused: the sound at the last pause.
    """

    def __init__(self, frames: list[bytes], voiced: int, level: float) -> None:
        self.frames = frames
        self.voiced = voiced
        self.silent = 0
        self.level = level
        self.paused = b""

    def speak(self, level: float) -> None:
        """A frame with a voice of `level` dB came."""
        self.voiced += 1
        self.silent = 0
        self.level += (level - self.level) * (0.2 if level > self.level else 0.02)
