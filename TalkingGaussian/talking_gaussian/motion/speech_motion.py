"""Speech to face motion: sound features, a small network, gates that keep silent lips shut; streamed."""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path

import numpy as np

from talking_gaussian.audio.chunks import (
    HOP,
    RATE,
    SILENCE_DB,
    Chunk,
    LoudnessTracker,
    frame_levels_db,
    overlapping_chunks,
)
from talking_gaussian.audio.ears import Ears
from talking_gaussian.audio.features import AudioFeature, available, load_feature
from talking_gaussian.audio.features.mel import BANDS
from talking_gaussian.errors import UserError
from talking_gaussian.motion.personal_map import CONTEXT_HOPS, LAYERS_HEARD, PersonalMap, guess_sizes, heard_by_map
from talking_gaussian.motion.temporal_net import TemporalNet
from talking_gaussian.motion.visemes import (
    SPEECH_UNITS,
    articulation_to_units,
    gaussian_smooth,
    read_frames,
)

FEATURE_RATE = RATE / HOP
_SMOOTH_FRAMES = 1.6  # sigma in hops of 10 ms
_GATE_BELOW_SPEECH_DB = 34.0  # frames this much quieter than loud speech are silence
_GATE_ABOVE_FLOOR_DB = 5.0  # and so are frames this close to the noise floor
_PAUSE_HOPS = 30  # half of the longest pause, 10 ms each, in which the mouth stays as it is
_STEADY_DB = 3.5  # sound whose loudness varies less is noise (below 2) and not speech (5 under 10 dB of noise)


class SpeechMotion:
    """Face-unit motion from speech; deterministic: the same sound gives the same motion to the bit."""

    def __init__(self, feature: AudioFeature, net: TemporalNet, person: PersonalMap | None = None) -> None:
        """person: how the avatar's own person moves to what the network hears (default: as anyone does)."""
        self._feature = feature
        self._net = net
        self._person = person
        self.units = person.units if person else SPEECH_UNITS
        self.heard_speech = False  # whether the sound streamed last had anything but silence and steady noise

    @classmethod
    def load(cls, audio_features: str = "visemes", persons: Mapping[str, PersonalMap] | None = None) -> SpeechMotion:
        """Load by the name of its sound features (`visemes` or `mel`). persons: an avatar's maps by that name.

        Where pocketsphinx is missing `visemes` becomes `mel`, with one line on stderr. Raises UserError for an
        unknown name.
        """
        if audio_features == "visemes" and not available("visemes"):
            print("note: pocketsphinx is not installed, mel features are used instead of visemes", file=sys.stderr)
            audio_features = "mel"
        feature = load_feature(audio_features)
        net = TemporalNet.load(Path(__file__).parent / f"weights_{audio_features}.safetensors")
        person = (persons or {}).get(audio_features)
        motion = cls(feature, net, person)
        if person and len(person.weight) not in (motion.heard_size, motion.heard_size - sum(motion.guess_sizes)):
            raise UserError(
                "bad_avatar",
                "The avatar's speech map was made for another version of the speech network. Train the avatar again.",
                "该头像的口型映射是为另一版本的语音网络生成的。请重新训练该头像。",
            )
        return motion

    @property
    def heard_size(self) -> int:
        """How many numbers `heard` gives for an instant."""
        signals = BANDS + sum(self._net.hidden_sizes[layer] for layer in LAYERS_HEARD)
        return signals * len(CONTEXT_HOPS) + sum(self.guess_sizes)

    @property
    def guess_sizes(self) -> tuple[int, ...]:
        """How many of them, the last ones, are guesses of what anyone's mouth does, guess by guess."""
        return guess_sizes(self._feature.name)

    def heard(self, blocks: Iterable[np.ndarray]) -> np.ndarray:
        """What a personal map reads of 16 kHz sound, chunk by chunk as `stream` hears it: [hops, heard_size]."""
        tracker, rows = LoudnessTracker(), []
        for chunk in overlapping_chunks(blocks):
            tracker.update(frame_levels_db(chunk.samples))
            features = self._feature.extract(chunk.samples * np.float32(tracker.gain()))
            heard = heard_by_map(features, self._feature.name, *self._net.listen(features))
            rows.append(heard[chunk.left // HOP : (chunk.left + chunk.core) // HOP])
        return np.concatenate(rows)

    def stream(
        self, blocks: Iterable[np.ndarray], fps: float, total_frames: int, ears: Ears | None = None
    ) -> Iterator[np.ndarray]:
        """16 kHz mono blocks of any size -> blocks of motion [n, len(units)] float32 in 0..1, total_frames in all.

        Frame i shows the instant (i + 0.5) / fps. Memory does not grow with length: about 14 s are held. Frames
        after the end of the sound are at rest. Silence is no error: the face rests and `heard_speech` stays False.
        ears: hear several chunks at once and beside this program (12 s more are held for each), of the same features.
        """
        self.heard_speech = False
        done = 0
        begin = 0  # first sample of the chunk's core
        for chunk, curves in self._heard_chunks(overlapping_chunks(blocks), ears):
            end = begin + chunk.core
            last = min(total_frames, math.ceil(end / RATE * fps - 0.5 - 1e-9))
            if last > done:
                start = (begin - chunk.left) / RATE
                yield read_frames(curves, FEATURE_RATE, fps, done, last - done, start)
                done = last
            begin = end
        if done < total_frames:
            yield np.zeros((total_frames - done, len(self.units)), np.float32)

    def curves(self, chunk: Chunk, tracker: LoudnessTracker) -> np.ndarray:
        """Face units of a chunk with its context at 100 Hz: [len(samples) // HOP, len(units)]."""
        samples, voiced = _levelled(chunk, tracker)
        return self._units_of(self._feature.extract(samples), voiced)

    def _heard_chunks(self, chunks: Iterable[Chunk], ears: Ears | None) -> Iterator[tuple[Chunk, np.ndarray]]:
        """Each chunk with its face units, as `curves` has them."""
        tracker = LoudnessTracker()
        if ears is None:
            yield from ((chunk, self.curves(chunk, tracker)) for chunk in chunks)
            return
        waiting: deque[tuple[Chunk, np.ndarray, Future[np.ndarray]]] = deque()
        for chunk in chunks:
            samples, voiced = _levelled(chunk, tracker)
            waiting.append((chunk, voiced, ears.hear(samples)))
            if len(waiting) > ears.count:
                first, gate, features = waiting.popleft()
                yield first, self._units_of(features.result(), gate)
        for first, gate, features in waiting:
            yield first, self._units_of(features.result(), gate)

    def _units_of(self, features: np.ndarray, voiced: np.ndarray) -> np.ndarray:
        moves, hidden = self._net.listen(features)
        self.heard_speech = self.heard_speech or bool(voiced.any())
        if self._person:
            units = self._person(heard_by_map(features, self._feature.name, moves, hidden))
            return units * between_words(voiced)[:, None].astype(np.float32)
        return anyones_units(moves, voiced)


def _levelled(chunk: Chunk, tracker: LoudnessTracker) -> tuple[np.ndarray, np.ndarray]:
    """A chunk's samples at the loudness of all speech, and where in it there may be speech [hops]."""
    levels = frame_levels_db(chunk.samples)
    tracker.update(levels)
    return chunk.samples * np.float32(tracker.gain()), speech_gate(levels, tracker)


def between_words(voiced: np.ndarray) -> np.ndarray:
    """Where there may be speech [n] -> the same with short pauses in it: the person's own map knows what they do
    there, and only in a longer silence does the mouth close [n] 0..1."""
    held = (_weighted_sum(voiced, np.ones(2 * _PAUSE_HOPS + 1)) > 0.5).astype(np.float64)
    ramp = np.hanning(2 * _PAUSE_HOPS + 1)[1:-1]
    return np.clip(_weighted_sum(held, ramp / ramp.sum()), 0.0, 1.0)


def anyones_units(moves: np.ndarray, voiced: np.ndarray) -> np.ndarray:
    """Articulation [n, len(ARTICULATION)] and where there may be speech [n] -> SPEECH_UNITS [n, U]."""
    moves[:, -1] *= voiced
    moves[:, -2] = np.maximum(moves[:, -2], 1 - voiced)
    moves[:, -1] = np.where(moves[:, -1] < 0.5, 2 * moves[:, -1] ** 2, 1 - 2 * (1 - moves[:, -1]) ** 2)
    if len(moves):
        moves = gaussian_smooth(moves, _SMOOTH_FRAMES)
    return articulation_to_units(_snapped(moves))


def _snapped(moves: np.ndarray) -> np.ndarray:
    """Lips that are nearly closed, or nearly silent, are so: an average of a guess must not leave them ajar."""
    out = moves.copy()
    out[:, -2] = np.clip((moves[:, -2] - 0.15) / 0.70, 0.0, 1.0)
    out[:, -1] = np.clip((moves[:, -1] - 0.10) / 0.80, 0.0, 1.0)
    return out


def speech_gate(levels_db: np.ndarray, tracker: LoudnessTracker) -> np.ndarray:
    """1 where there may be speech, 0 in silence and steady noise, from frame levels [n]; ramps of 80 ms."""
    if tracker.level_db is None or tracker.floor_db is None or tracker.level_db - tracker.floor_db < _STEADY_DB:
        return np.zeros(len(levels_db))
    threshold = max(
        SILENCE_DB,
        tracker.level_db - _GATE_BELOW_SPEECH_DB,
        min(tracker.floor_db + _GATE_ABOVE_FLOOR_DB, tracker.level_db - 12.0),
    )
    open_now = (levels_db > threshold).astype(np.float64)
    # Stops and weak sounds inside words are quiet too: speech is held 100 ms to either side.
    held = (_weighted_sum(open_now, np.ones(21)) > 1.5).astype(np.float64)
    ramp = np.hanning(11)[1:-1]
    return np.clip(_weighted_sum(held, ramp / ramp.sum()), 0.0, 1.0)


def _weighted_sum(values: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Centred convolution of [n] with an odd kernel, the ends held: [n] for any n."""
    return np.convolve(np.pad(values, len(kernel) // 2, mode="edge"), kernel, mode="valid")
