"""Face motion for sound that arrives bit by bit: what a conversation speaks, sentence by sentence."""

from __future__ import annotations

import numpy as np

from talking_gaussian.audio.chunks import HOP, RATE, Chunk, LoudnessTracker
from talking_gaussian.motion.speech_motion import FEATURE_RATE, SpeechMotion
from talking_gaussian.motion.visemes import read_frames

LOOKAHEAD = RATE // 4  # the speech network sees 230 ms to either side
LOOKBACK = RATE * 6 // 10  # and so far back it may look, with the pauses between words


class LiveMotion:
    """One talk's motion. Frames stand on a grid that begins with it: frame i shows the instant (i + 0.5) / fps."""

    def __init__(self, speech: SpeechMotion, fps: float) -> None:
        self._speech, self._fps = speech, fps
        self._tracker = LoudnessTracker()
        self._held = np.zeros(0, np.float32)  # samples from `self._start` on
        self._start = self._done = 0  # the grid: first held sample (whole hops), frames given so far

    def feed(self, samples: np.ndarray, last: bool) -> np.ndarray:
        """Append 16 kHz mono [n] in -1..1 -> the motion of the frames that are now certain [m, len(units)].

        last: the utterance ends here (no sound follows before a pause), so nothing is held back for what comes next.
        """
        self._held = np.concatenate([self._held, np.asarray(samples, np.float32)])
        end = self._start + len(self._held)
        certain = end if last else end - LOOKAHEAD
        ready = int(np.floor(certain / RATE * self._fps + 1e-6))
        if ready <= self._done:
            return np.zeros((0, len(self._speech.units)), np.float32)
        curves = self._speech.curves(Chunk(self._held, 0, len(self._held)), self._tracker)
        motion = read_frames(curves, FEATURE_RATE, self._fps, self._done, ready - self._done, self._start / RATE)
        self._done = ready
        self._let_go()
        return motion

    def rest(self, frames: int) -> np.ndarray:
        """The motion of a pause: [frames, len(units)] at rest; the sound before it is forgotten."""
        self._done += frames
        self._start, self._held = round(self._done / self._fps * RATE), np.zeros(0, np.float32)
        return np.zeros((frames, len(self._speech.units)), np.float32)

    def _let_go(self) -> None:
        """Forget all but what the network may look back at from the next frame."""
        keep_from = int(self._done / self._fps * RATE) - LOOKBACK
        drop = max(0, (keep_from - self._start) // HOP * HOP)
        self._held, self._start = self._held[drop:], self._start + drop
