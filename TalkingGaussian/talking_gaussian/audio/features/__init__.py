"""Sound features by name (`--audio_features`): each turns normalised 16 kHz sound into [frames, size] at 100 Hz.

A feature is a class with `name`, `size` and `extract(samples) -> [len(samples) // HOP, size]`; frame k is centred
on the middle of hop k. One file a feature; adding one means adding a line to `_LOADERS`.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Protocol

import numpy as np

from talking_gaussian.errors import UserError


class AudioFeature(Protocol):
    """What the motion model needs from a sound feature."""

    name: str
    size: int

    def extract(self, samples: np.ndarray) -> np.ndarray:
        """Samples [n] float32 at 16 kHz -> features [n // HOP, size] float32."""


_LOADERS = {
    "visemes": ("talking_gaussian.audio.features.visemes", "SenoneFeature"),
    "mel": ("talking_gaussian.audio.features.mel", "MelFeature"),
}


def feature_names() -> tuple[str, ...]:
    """Names of the features, the best first."""
    return tuple(_LOADERS)


def available(name: str) -> bool:
    """Whether what the feature needs is installed (pocketsphinx has no wheel for the newest Python)."""
    return name != "visemes" or importlib.util.find_spec("pocketsphinx") is not None


def load_feature(name: str) -> AudioFeature:
    """Make the feature `name`. Raises UserError for an unknown name."""
    if name not in _LOADERS:
        known = ", ".join(_LOADERS)
        raise UserError(
            "audio_features_unknown",
            f"There are no audio features named {name!r}. Use one of: {known}.",
            f"没有名为 {name!r} 的音频特征。可用的有:{known}。",
        )
    module, cls = _LOADERS[name]
    return getattr(importlib.import_module(module), cls)()
