"""How one person moves to sounds: a linear map from what the speech network hears to the person's own face units.

The network's first and last hidden layers know speech from all its training voices, and what anyone's mouth would do,
by the network and by the phones heard, are first guesses; the map says what this person's face does with them. Linear,
so that ten seconds of video are enough to learn it (training/sound_map.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from talking_gaussian.audio.chunks import HOP, RATE
from talking_gaussian.audio.features.mel import BANDS
from talking_gaussian.motion.phone_shapes import SHAPES, phone_shapes
from talking_gaussian.motion.visemes import ARTICULATORS, SPEECH_UNITS, articulation_to_units, gaussian_smooth

LAYERS_HEARD = (0, 2)  # hidden layers of the network that the map reads, besides the log-mel bands
CONTEXT_HOPS = (-8, -4, 0, 4, 8)  # what was and will be said counts too, 10 ms a hop
SMOOTH_HOPS = 2.0
_CLOSURE_S = 0.02  # lips that touch part at once: SHAPES' last one reaches no further
_DECAYS = np.array([*(decay for _, decay in ARTICULATORS.values()), _CLOSURE_S]) * RATE / HOP  # hops
_REACH = math.ceil(5 * _DECAYS.max())
MAX_WEIGHT = 1e3
FILE = "speech.safetensors"
_ARRAYS = ("weight", "bias", "low", "high")


@dataclass(frozen=True)
class PersonalMap:
    """units: names [K]. weight [F, K], bias [K]: units = heard @ weight + bias, kept within low [K] .. high [K]."""

    units: tuple[str, ...]
    weight: np.ndarray
    bias: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def __call__(self, heard: np.ndarray) -> np.ndarray:
        """What is heard [n, F or more] (see `heard_by_map`) -> units [n, K] float32. A map learnt before there were
        guesses knows only what stands before them."""
        known = heard[:, : len(self.weight)]
        return np.clip(known @ self.weight + self.bias, self.low, self.high).astype(np.float32)


def guess_sizes(name: str) -> tuple[int, ...]:
    """How many numbers of an instant, the last ones, are guesses of what anyone's mouth does: by the network, and by
    the phones heard (not with `mel` features)."""
    guesses = (SPEECH_UNITS, SHAPES) if name == "visemes" else (SPEECH_UNITS,)
    return tuple(len(guess) * len(CONTEXT_HOPS) for guess in guesses)


def heard_by_map(features: np.ndarray, name: str, moves: np.ndarray, hidden: list[np.ndarray]) -> np.ndarray:
    """Sound features [n, F] of the kind `name`, the network's articulation and its hidden layers -> what a map reads
    [n, R], 100 Hz."""
    signals = [heard_signals(features, name, hidden), smooth(articulation_to_units(moves))]
    if name == "visemes":
        signals.append(smooth(coarticulated(phone_shapes(features))))
    return np.concatenate([heard_rows(signal) for signal in signals], 1)


def coarticulated(shapes: np.ndarray) -> np.ndarray:
    """SHAPES [n, S] at 100 Hz -> the same, each reaching into the sounds beside it at its articulator's own rate
    (dominance functions: Cohen and Massaro, "Modeling coarticulation in synthetic visual speech", 1993), for any n."""
    if not len(shapes):
        return shapes
    dominance = np.exp(-np.abs(np.arange(-_REACH, _REACH + 1)) / _DECAYS[:, None])
    dominance /= dominance.sum(1, keepdims=True)
    padded = np.pad(shapes, ((_REACH, _REACH), (0, 0)), mode="edge")
    return np.stack([np.convolve(*pair, mode="valid") for pair in zip(padded.T, dominance, strict=True)], axis=1)


def heard_signals(features: np.ndarray, name: str, hidden: list[np.ndarray]) -> np.ndarray:
    """Sound features [n, F] of the kind `name` and the network's hidden layers -> smooth signals [n, S] at 100 Hz."""
    bands = features[:, :BANDS] if name == "mel" else features[:, -BANDS:]
    signals = np.concatenate([bands, *(hidden[layer] for layer in LAYERS_HEARD)], 1)
    return smooth(signals)


def smooth(signals: np.ndarray) -> np.ndarray:
    """Signals [n, S] at 100 Hz without what is quicker than a mouth, for any n."""
    return gaussian_smooth(signals, SMOOTH_HOPS) if len(signals) else signals


def heard_rows(signals: np.ndarray) -> np.ndarray:
    """Signals [n, S] at 100 Hz -> each instant with its context [n, 5 S] (the ends are held)."""
    at = np.arange(len(signals))[:, None] + np.array(CONTEXT_HOPS)
    return signals[np.clip(at, 0, max(0, len(signals) - 1))].reshape(len(signals), -1)


def save_maps(path: Path, maps: dict[str, PersonalMap]) -> None:
    """Write the maps, one for each kind of sound features."""
    arrays = {f"{name}.{key}": getattr(one, key) for name, one in maps.items() for key in _ARRAYS}
    save_file({key: np.ascontiguousarray(array, np.float32) for key, array in arrays.items()}, str(path))


def load_maps(path: Path, units: tuple[str, ...]) -> dict[str, PersonalMap]:
    """Read the maps of an avatar whose first units they move.

    Raises ValueError, with a reason, for a file that is damaged or does not fit.
    """
    try:
        arrays = load_file(str(path))
    except (SafetensorError, OSError) as error:
        raise ValueError(f"damaged ({error})") from error
    maps = {}
    for name in sorted({key.partition(".")[0] for key in arrays}):
        parts = {key: arrays.get(f"{name}.{key}") for key in _ARRAYS}
        count = _checked_count(name, parts, len(units))
        maps[name] = PersonalMap(units[:count], *(np.asarray(parts[key], np.float32) for key in _ARRAYS))
    if not maps:
        raise ValueError("it holds no map")
    return maps


def _checked_count(name: str, parts: dict[str, np.ndarray | None], most: int) -> int:
    """The number of units a map moves. Raises ValueError where its arrays do not fit together."""
    weight = parts["weight"]
    rows, count = weight.shape if weight is not None and weight.ndim == 2 else (0, 0)
    expected = {"weight": (rows, count), "bias": (count,), "low": (count,), "high": (count,)}
    for key, shape in expected.items():
        array = parts[key]
        if array is None or array.shape != shape or not 0 < count <= most:
            raise ValueError(f"{name}.{key} has the wrong shape")
        if not np.issubdtype(array.dtype, np.floating) or not np.isfinite(array).all():
            raise ValueError(f"{name}.{key} holds what is no number")
        if np.abs(array).max() > MAX_WEIGHT:
            raise ValueError(f"{name}.{key} holds numbers beyond {MAX_WEIGHT:g}")
    return count
