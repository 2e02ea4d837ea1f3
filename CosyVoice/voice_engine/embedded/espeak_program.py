"""Mandarin by espeak-ng, as a program of its own: espeak-ng is GPL-3.0-or-later.

python espeak_program.py    reads {"parts": [[voice, text], …], "tempo", "pitch"} a line on stdin; answers {"rate",
"samples"} and the samples (16-bit little-endian) on stdout. voice: as espeak-ng names them; pitch: 0 to 99.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys

import espeakng_loader
import numpy as np

RETRIEVAL, UTF8 = 1, 1
RATE, PITCH, RANGE = 1, 3, 4  # espeak's parameters
WORDS_A_MINUTE = 200
FASTEST = 450
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Espeak:
    """The library with its own data."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        folder = os.path.dirname(espeakng_loader.get_data_path())  # noqa: PTH120 (a C string follows)
        self.rate = self._library.espeak_Initialize(RETRIEVAL, 0, folder.encode(), 0)
        if self.rate <= 0:
            raise RuntimeError(f"espeak-ng did not start (code {self.rate})")
        self._chunks: list[np.ndarray] = []
        self._callback = CALLBACK(self._collect)  # kept: C holds no reference
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int) -> int:
        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def speak(self, voice: str, text: str, tempo: float, pitch: int) -> np.ndarray:
        """int16 samples. Raises ValueError for a voice that is not there."""
        self._chunks.clear()
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice!r}")
        for parameter, value in ((RATE, min(FASTEST, round(WORDS_A_MINUTE * tempo))), (PITCH, pitch), (RANGE, 50)):
            self._library.espeak_SetParameter(parameter, value, 0)
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, 0, 0, UTF8, None, None)
        self._library.espeak_Synchronize()
        return np.concatenate(self._chunks) if self._chunks else np.zeros(0, np.int16)


def main() -> None:
    """Answer lines until stdin ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not reach the answers
    espeak = Espeak()
    for line in sys.stdin:
        asked = json.loads(line)
        parts = [espeak.speak(voice, text, asked["tempo"], asked["pitch"]) for voice, text in asked["parts"]]
        samples = np.concatenate(parts) if parts else np.zeros(0, np.int16)
        answers.write(json.dumps({"rate": espeak.rate, "samples": len(samples)}).encode() + b"\n")
        answers.write(samples.astype("<i2").tobytes())
        answers.flush()


if __name__ == "__main__":
    main()
