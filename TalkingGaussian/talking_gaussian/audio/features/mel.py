"""Log-mel bands with their slopes: numpy only, always available."""

from __future__ import annotations

import numpy as np

from talking_gaussian.audio.chunks import HOP, RATE

BANDS = 40
_WINDOW = 400
_FFT = 512
_FLOOR = 1e-7  # of band power: about -70 dB below a full-scale tone


def mel_filters(bands: int = BANDS, low: float = 60.0, high: float = 7600.0) -> np.ndarray:
    """Triangular mel filters [bands, _FFT // 2 + 1] (O'Shaughnessy's scale)."""
    edges = np.linspace(2595 * np.log10(1 + low / 700), 2595 * np.log10(1 + high / 700), bands + 2)
    hertz = 700 * (10 ** (edges / 2595) - 1)
    bins = np.arange(_FFT // 2 + 1) * RATE / _FFT
    rising = (bins - hertz[:-2, None]) / (hertz[1:-1] - hertz[:-2])[:, None]
    falling = (hertz[2:, None] - bins) / (hertz[2:] - hertz[1:-1])[:, None]
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


class MelFeature:
    """40 log-mel bands and their slopes over +-20 ms, about -1..1: [n, 80]."""

    name = "mel"
    size = 2 * BANDS

    def __init__(self) -> None:
        self._filters = mel_filters()
        self._window = np.hanning(_WINDOW).astype(np.float32)

    def extract(self, samples: np.ndarray) -> np.ndarray:
        """Samples [n] -> features [n // HOP, 80] float32."""
        bands = self.log_mel(samples)
        padded = np.pad(bands, ((2, 2), (0, 0)), mode="edge")
        slope = (2 * (padded[4:] - padded[:-4]) + padded[3:-1] - padded[1:-3]) / 3.0
        return np.concatenate([bands, slope], axis=1).astype(np.float32)

    def log_mel(self, samples: np.ndarray) -> np.ndarray:
        """Samples [n] -> log-mel [n // HOP, 40], scaled to about -1 (silence) .. 1 (loud)."""
        frames = len(samples) // HOP
        if frames == 0:
            return np.zeros((0, BANDS), np.float32)
        side = (_WINDOW - HOP) // 2
        padded = np.pad(samples[: frames * HOP], (side, side))
        windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::HOP][:frames]
        power = np.square(np.abs(np.fft.rfft(windows * self._window, _FFT))) / (_WINDOW / 2) ** 2
        return (np.log10(power.astype(np.float32) @ self._filters.T + _FLOOR) / 3.0 + 1.4).astype(np.float32)
