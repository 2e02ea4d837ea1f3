"""What is heard: levels, speech and faults of the sound track."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

RATE = 16_000
RATE_HZ = 50  # levels and voice come 50 times a second
HOP = RATE // RATE_HZ
MAX_S = 300.0  # of a longer stretch the first five minutes are listened to
SILENT_DB = -60.0
FLOOR_DB = -90.0
PITCH = (70, 400)  # Hz
VOICED = 0.6  # of the autocorrelation at the pitch's lag
LOW_HZ, LOW_SHARE = 1000, 0.2
MAX_SPECTRA = 6000  # more of them say nothing new about noise


@dataclass(frozen=True)
class Sound:
    """The sound of a stretch. samples [n] float32 mono at 16 kHz from `start_s` of the video on (zeros where the track
    has none); level [T] dB of full scale and voiced [T] bool, 50 a second; clipped: share of samples in flat tops.
    """

    start_s: float
    samples: np.ndarray
    level: np.ndarray
    voiced: np.ndarray
    clipped: float

    @property
    def silent(self) -> bool:
        """Whether nothing is heard."""
        return not len(self.level) or bool(np.percentile(self.level, 95) < SILENT_DB)

    @property
    def speech(self) -> np.ndarray:
        """[T] bool: voice within a quarter of a second (consonants and short pauses belong to speech)."""
        return np.convolve(self.voiced, np.ones(RATE_HZ // 2), mode="same") > 2

    @property
    def gap_db(self) -> float:
        """How far speech stands above the noise: the loud tenth over the quiet tenth, of 15 bands the middle one.

        Band by band, because talk without a pause still leaves each band alone now and then, and noise never does.
        """
        power = spectra(self.samples)[:: max(1, len(self.level) // MAX_SPECTRA)]
        edges = np.geomspace(200, 4000, 16)
        pitch = np.fft.rfftfreq(2 * HOP, 1 / RATE)
        bands = [power[:, (pitch >= low) & (pitch < high)].mean(1) for low, high in pairwise(edges)]
        quiet, loud = np.percentile(10 * np.log10(np.maximum(bands, 1e-9)), (10, 95), axis=1)
        return float(np.median(loud - quiet))


def listen(path: Path, start_s: float, end_s: float) -> Sound:
    """The sound of [start_s, end_s) of a video that has a track; at most five minutes of it."""
    end_s = min(end_s, start_s + MAX_S)
    samples = np.zeros(max(HOP, round((end_s - start_s) * RATE)), np.float32)
    clipped = total = 0
    for at, piece in blocks(path, start_s, end_s):
        clipped += flat_tops(piece)
        total += len(piece)
        mono = piece.mean(1)
        low, high = max(0, at), min(len(samples), at + len(mono))
        if high > low:
            samples[low:high] = mono[low - at : high - at]
    frames = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)
    level = 10 * np.log10(np.maximum((frames**2).mean(1), 10 ** (FLOOR_DB / 10)))
    return Sound(start_s, samples, level, voiced_frames(samples, level), clipped / max(1, total))


def blocks(path: Path, start_s: float, end_s: float) -> Iterator[tuple[int, np.ndarray]]:
    """(first sample counted from start_s, [n, channels] float32) at 16 kHz until `end_s`; broken packets end it."""
    with av.open(f"file:{path.absolute()}", options={"protocol_whitelist": "file"}) as container:
        stream = container.streams.audio[0]
        stream.thread_type = "AUTO"
        video = container.streams.video[0]
        origin = float((video.start_time or 0) * (video.time_base or 1))
        if start_s > 1:
            container.seek(int((start_s + origin - 0.5) * av.time_base))
        resampler = av.AudioResampler(format="fltp", rate=RATE)
        at: int | None = None
        try:
            for frame in container.decode(stream):
                if at is None:
                    at = round((float(frame.time or 0.0) - origin - start_s) * RATE)
                frame.pts = None
                for block in resampler.resample(frame):
                    piece = np.clip(np.nan_to_num(block.to_ndarray().T), -1, 1)
                    yield at, piece
                    at += len(piece)
                if at > (end_s - start_s) * RATE:
                    return
        except av.FFmpegError:
            return


def flat_tops(piece: np.ndarray) -> int:
    """How many samples of [n, channels] stand at the limit with a neighbour there too."""
    full = np.abs(piece) >= 0.985
    return int((full[1:] & full[:-1]).any(1).sum())


def spectra(samples: np.ndarray) -> np.ndarray:
    """[T, 321] power of windows of 40 ms, 50 a second."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, (0, HOP)), 2 * HOP)[::HOP]
    return np.abs(np.fft.rfft(frames * np.hanning(2 * HOP).astype(np.float32), axis=1)) ** 2


def voiced_frames(samples: np.ndarray, level: np.ndarray) -> np.ndarray:
    """[T] bool: frames loud enough whose autocorrelation has a peak at a voice's pitch (after Boersma 1993).

    Only what lies below 1 kHz is asked, and it must carry a part of the sound: whistles and hiss have no voice.
    """
    window = 3 * HOP
    pad = np.pad(samples, (HOP, 2 * HOP))
    starts = np.arange(len(level)) * HOP
    loud = np.flatnonzero(level > max(SILENT_DB, float(np.percentile(level, 95)) - 35))
    voiced = np.zeros(len(level), bool)
    taper = np.hanning(window).astype(np.float32)
    low = np.fft.rfftfreq(2 * window, 1 / RATE) < LOW_HZ
    own = np.fft.irfft(np.abs(np.fft.rfft(taper, 2 * window)) ** 2)[:window]
    short, long = RATE // PITCH[1], RATE // PITCH[0]
    for part in np.array_split(loud, len(loud) // 4096 + 1):
        frames = pad[starts[part][:, None] + np.arange(window)]
        power = np.abs(np.fft.rfft((frames - frames.mean(1, keepdims=True)) * taper, 2 * window)) ** 2
        share = (power * low).sum(1) / np.maximum(power.sum(1), 1e-9)
        curve = np.fft.irfft(power * low)[:, :window]
        strength = curve / np.maximum(curve[:, :1], 1e-9) / (own / own[0])
        voiced[part] = (strength[:, short:long].max(1) > VOICED) & (share > LOW_SHARE)
    return voiced
