"""Phone evidence from pocketsphinx's English acoustic model (BSD licence, inside its wheel).

The decoder runs a free phone loop and logs the raw score of every senone; those of the 42 context-independent
phones (3 states each) tell which sound is spoken, and serve other languages as a description of the sound. Mel bands
and loudness are added, for what an English phone set does not name.
"""

from __future__ import annotations

import errno
import os
import shutil
import struct
import tempfile
from pathlib import Path

import numpy as np

from talking_gaussian.audio.chunks import HOP
from talking_gaussian.audio.features.mel import BANDS, MelFeature

_STATES = 42 * 3  # the first senones of the model are the context-independent ones
_LOG_BASE = 1024 * np.log(1.0001)  # scores are logarithms to the base 1.0001, shifted by 10 bits
_LOWEST = -12.0
_WINDOW = 410  # samples of the decoder's own analysis window
_MAGIC = 0x11223344
_NARROW = 1e-3  # the phones that it finds are not read, only the scores, so it need not search long
_SCRATCH_BYTES = 50_000_000  # room for the scores of one chunk of sound


class SenoneFeature:
    """log posteriors of 126 phone states, scaled to -1..1, and 40 log-mel bands: [n, 166]."""

    name = "visemes"
    size = _STATES + BANDS

    def __init__(self) -> None:
        import pocketsphinx  # here, because it is not installed everywhere

        self._new_decoder = pocketsphinx.Decoder
        self._folder = tempfile.TemporaryDirectory(prefix="talking_gaussian_")
        self._options = pocketsphinx.Config(
            senlogdir=self._folder.name,
            compallsen=True,
            allphone=pocketsphinx.get_model_path("en-us/en-us-phone.lm.bin"),
            lm=None,
            dict=None,
            dither=False,
            cmn="batch",
            loglevel="FATAL",
            beam=_NARROW,
            pbeam=_NARROW,
        )
        self._mel = MelFeature()

    def extract(self, samples: np.ndarray) -> np.ndarray:
        """Samples [n] -> features [n // HOP, 166] float32."""
        frames = len(samples) // HOP
        states = self._posteriors(samples, frames) / 6.0 + 1.0
        return np.concatenate([states, self._mel.log_mel(samples)], axis=1).astype(np.float32)

    def _posteriors(self, samples: np.ndarray, frames: int) -> np.ndarray:
        """Natural-log posteriors [frames, 126] of the phone states; the decoder's window k is centred on hop k."""
        before = (_WINDOW - HOP) // 2
        padded = np.pad(samples[: frames * HOP], (before, before + 2 * HOP))
        # A trace of fixed noise: the decoder's logarithm of digital silence is not defined.
        hiss = np.random.default_rng(0).standard_normal(len(padded)) * 2.0
        sound = np.clip(padded * 32767 + hiss, -32768, 32767).astype("<i2").tobytes()
        # the decoder crashes where the disk has no room for its scores
        if shutil.disk_usage(self._folder.name).free < _SCRATCH_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._folder.name)
        decoder = self._new_decoder(self._options)  # a new one (20 ms): a used one remembers what it heard
        decoder.start_utt()
        decoder.process_raw(sound, full_utt=True)
        decoder.end_utt()
        scores = np.zeros((frames, _STATES), np.float32)
        logged = self._logged_scores()[:frames]
        scores[: len(logged)] = logged
        if 0 < len(logged) < frames:
            scores[len(logged) :] = logged[-1]
        shifted = -_LOG_BASE * 0.5 * scores  # halved: the model is far too sure of itself
        shifted -= shifted.max(axis=1, keepdims=True)
        return np.maximum(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)), _LOWEST)

    def _logged_scores(self) -> np.ndarray:
        """Read and remove the log of the last utterance: costs (lower is likelier) [n, 126]."""
        logs = sorted(Path(self._folder.name).glob("*.sen"))
        data = logs[-1].read_bytes()
        for log in logs:
            log.unlink()
        body = data.index(b"endhdr\n") + len(b"endhdr\n")
        (magic,) = struct.unpack_from("<I", data, body)
        if magic != _MAGIC:
            raise RuntimeError("the acoustic model's log is in an unknown byte order")
        count = int(data[:body].split(b"n_sen ")[1].split()[0])
        rows = (len(data) - body - 4) // (2 * (count + 1))
        table = np.frombuffer(data, "<i2", rows * (count + 1), body + 4).reshape(rows, count + 1)
        return table[:, 1 : 1 + _STATES].astype(np.float32)
