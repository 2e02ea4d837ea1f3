"""Samples: reading any file, resampling, measuring, joining pieces without clicks, writing 24 kHz PCM16."""

from __future__ import annotations

import os
import struct
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

import av
import numpy as np
from talking_gaussian.audio.reader import read_audio

OUTPUT_RATE = 24_000
LABEL = "AI-generated speech (TFG Studio)"
FADE_S = 0.008
SILENCE_DB = -45.0  # below the loudest 20 ms
FRAME_S = 0.02


def read_sound(path: Path, rate: int) -> np.ndarray:
    """All of a sound file (or a video's sound) as float32 mono [n] at `rate` Hz. Raises UserError."""
    return np.concatenate(list(read_audio(path, rate)))


def resample(samples: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """float32 mono [n] at `rate` -> [about n * new_rate / rate] at `new_rate` (FFmpeg's resampler)."""
    if rate == new_rate or not len(samples):
        return samples.astype(np.float32)
    resampler = av.AudioResampler(format="flt", layout="mono", rate=new_rate)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None], np.float32), "flt", "mono")
    frame.sample_rate = rate
    parts = [out.to_ndarray()[0] for given in (frame, None) for out in resampler.resample(given)]
    return np.concatenate(parts)


def frame_levels(samples: np.ndarray, rate: int, frame_s: float = FRAME_S) -> np.ndarray:
    """Level in dB (re full scale) of each whole frame of `frame_s` seconds [m]."""
    size = max(1, round(rate * frame_s))
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    power = np.mean(frames.astype(np.float64) ** 2, axis=1)
    return 10 * np.log10(power + 1e-12)


def spoken_span(samples: np.ndarray, rate: int, floor_db: float = SILENCE_DB, keep_s: float = 0.03) -> tuple[int, int]:
    """(start, end) samples of what is louder than `floor_db` below the loudest frame, with `keep_s` around it."""
    levels = frame_levels(samples, rate)
    if not len(levels):
        return 0, len(samples)
    loud = np.flatnonzero(levels > levels.max() + floor_db)
    size, keep = round(rate * FRAME_S), round(rate * keep_s)
    return max(0, int(loud[0]) * size - keep), min(len(samples), (int(loud[-1]) + 1) * size + keep)


def faded(samples: np.ndarray, rate: int, start: bool = True, end: bool = True) -> np.ndarray:
    """A copy that begins and ends at zero, over 8 ms: no click where it is joined to silence."""
    result = samples.astype(np.float32, copy=True)
    ramp = np.sin(np.linspace(0, np.pi / 2, min(len(result), round(rate * FADE_S)), dtype=np.float32)) ** 2
    if start:
        result[: len(ramp)] *= ramp
    if end:
        result[len(result) - len(ramp) :] *= ramp[::-1]
    return result


def silence(seconds: float, rate: int) -> np.ndarray:
    """float32 zeros."""
    return np.zeros(round(seconds * rate), np.float32)


def pcm16(samples: np.ndarray) -> bytes:
    """float32 in -1..1 -> little-endian 16-bit."""
    return (np.clip(samples, -1.0, 1.0) * 32767).round().astype("<i2").tobytes()


class Sink(Protocol):
    """What takes samples as they are made."""

    def write(self, samples: np.ndarray) -> None:
        """float32 mono at 24 kHz."""


class WavSink:
    """A WAV file (24 kHz, mono, PCM16) that grows as samples come; it appears under its name when it is complete."""

    def __init__(self, path: Path) -> None:
        self._target = path
        self._scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._file = wave.open(str(self._scratch), "wb")  # noqa: SIM115 (closed by finish or discard)
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._file.setframerate(OUTPUT_RATE)

    def write(self, samples: np.ndarray) -> None:
        """Append."""
        self._file.writeframesraw(pcm16(samples))

    def finish(self) -> None:
        """Close, mark as made by a machine, and give it its name."""
        self._file.close()
        add_comment(self._scratch, LABEL)
        self._scratch.replace(self._target)

    def discard(self) -> None:
        """Leave nothing."""
        self._file.close()
        self._scratch.unlink(missing_ok=True)


class RawSink:
    """16-bit samples on a stream (`--output_file -`), flushed with every write: for players and pipes."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, samples: np.ndarray) -> None:
        """Send."""
        self._stream.write(pcm16(samples))
        self._stream.flush()


def add_comment(path: Path, text: str) -> None:
    """Put a comment (RIFF LIST INFO, ICMT) behind a WAV file's samples."""
    data = text.encode() + b"\0" * (1 + (len(text.encode()) + 1) % 2)
    entry = b"INFOICMT" + struct.pack("<I", len(data)) + data
    with path.open("r+b") as file:
        file.seek(0, os.SEEK_END)
        file.write(b"LIST" + struct.pack("<I", len(entry)) + entry)
        size = file.tell() - 8
        file.seek(4)
        file.write(struct.pack("<I", size))


@contextmanager
def opened_wav(path: Path) -> Iterator[WavSink]:
    """A WavSink whose file is there only if nothing was raised. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sink = WavSink(path)
    try:
        yield sink
        sink.finish()
    except BaseException:
        sink.discard()
        raise


def write_wav(path: Path, samples: np.ndarray, rate: int) -> None:
    """A whole mono PCM16 file."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, len(samples), "NONE", "not compressed"))
        file.writeframes(pcm16(samples))
