"""Synthetic speech with the exact time of every phoneme, from programs of the operating system.

flite and espeak-ng (Debian packages of these names) are needed; they are tools of this build step only.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import subprocess
import tempfile
import wave
from pathlib import Path
from typing import NamedTuple

import numpy as np
from talking_gaussian.motion.visemes import Phone


class Utterance(NamedTuple):
    """samples float32 mono at `rate` Hz, and its phones in the named alphabet."""

    samples: np.ndarray
    rate: int
    phones: list[Phone]
    alphabet: str


def read_wav(path: Path) -> tuple[np.ndarray, int]:
    """16-bit mono WAV -> (float32 samples, rate)."""
    with wave.open(str(path)) as f:
        data = np.frombuffer(f.readframes(f.getnframes()), "<i2")
        return data.astype(np.float32) / 32768, f.getframerate()


def speak_flite(text: str, voice: str, stretch: float = 1.0) -> Utterance:
    """voice: kal, awb, rms or slt. stretch: 1.2 speaks 20 % slower. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "speech.wav"
        command = ["flite", "-voice", voice, "-psdur", "--setf", f"duration_stretch={stretch}"]
        done = subprocess.run([*command, "-t", text, "-o", str(out)], check=True, capture_output=True, text=True)
        samples, rate = read_wav(out)
    phones, start = [], 0.0
    for item in done.stdout.split():
        label, end = item.rsplit(":", 1)
        phones.append(Phone(label, start, float(end)))
        start = float(end)
    return Utterance(samples, rate, phones, "arpabet")


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("string", ctypes.c_char * 8),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
_RETRIEVAL, _PHONEME_EVENTS, _IPA, _UTF8, _EVENT_PHONEME = 1, 1, 2, 1, 7
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak parameters


@functools.cache
def _espeak() -> tuple[ctypes.CDLL, int]:
    library = ctypes.CDLL(ctypes.util.find_library("espeak-ng"))
    rate = library.espeak_Initialize(_RETRIEVAL, 0, None, _PHONEME_EVENTS | _IPA)
    return library, rate


def speak_espeak(text: str, voice: str, words_per_minute: int = 160, pitch: int = 50) -> Utterance:
    """voice: an espeak-ng voice such as "en-us+f3" or "cmn-latn-pinyin+m2" (with hanzi)."""
    library, rate = _espeak()
    chunks: list[np.ndarray] = []
    marks: list[tuple[str, float]] = []

    def collect(samples, count, events) -> int:
        if samples and count:
            chunks.append(np.ctypeslib.as_array(samples, (count,)).astype(np.float32) / 32768)
        k = 0
        while events[k].type != 0:
            if events[k].type == _EVENT_PHONEME:
                marks.append((events[k].string.decode("utf-8", "ignore"), events[k].sample / rate))
            k += 1
        return 0

    callback = _CALLBACK(collect)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise ValueError(f"espeak-ng has no voice {voice!r}")
    for parameter, value in ((_RATE, words_per_minute), (_PITCH, pitch), (_RANGE, 50)):
        library.espeak_SetParameter(parameter, value, 0)
    data = text.encode()
    library.espeak_Synth(data, len(data) + 1, 0, 0, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    samples = np.concatenate(chunks) if chunks else np.zeros(0, np.float32)
    ends = [start for _, start in marks[1:]] + [len(samples) / rate]
    phones = [Phone(label, start, max(start, end)) for (label, start), end in zip(marks, ends, strict=True)]
    return Utterance(samples, rate, phones, "ipa")
