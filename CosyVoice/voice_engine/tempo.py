"""How fast somebody speaks: syllables a second, by peaks of loudness (De Jong & Wempe 2009)."""

from __future__ import annotations

import numpy as np

from voice_engine.pitch import HOP_S, PitchTrack
from voice_engine.sound import frame_levels

DIP_DB = 2.0
QUIET_DB = 25.0


def syllable_rate(samples: np.ndarray, rate: int, track: PitchTrack) -> float:
    """Syllables a second of the time in which somebody speaks; 0 where too little is heard to tell.

    samples: float32 mono [n]; track: their pitch. A syllable is a voiced peak of the smoothed loudness that stands 2 dB
    above the dip before it.
    """
    levels = frame_levels(samples, rate, HOP_S)
    if len(levels) < 50:
        return 0.0
    smooth = np.convolve(np.pad(levels, 3, mode="edge"), np.hanning(9)[1:-1] / np.hanning(9).sum(), "valid")
    loud = smooth > smooth.max() - QUIET_DB
    voiced = np.zeros(len(smooth), bool)
    voiced[: len(track.hz)] = track.hz[: len(smooth)] > 0
    count, dip = 0, -np.inf
    for i in range(1, len(smooth) - 1):
        dip = min(dip, smooth[i]) if np.isfinite(dip) else smooth[i]
        is_peak = smooth[i - 1] < smooth[i] >= smooth[i + 1]
        if is_peak and loud[i] and voiced[i] and smooth[i] - dip >= DIP_DB:
            count, dip = count + 1, smooth[i]
    seconds = float(loud.sum()) * HOP_S
    return count / seconds if seconds > 1 and count >= 3 else 0.0
