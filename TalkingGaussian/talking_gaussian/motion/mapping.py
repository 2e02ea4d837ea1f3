"""Place motion of named units into another list of units."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def place_units(motion: np.ndarray, units: Sequence[str], target_units: Sequence[str]) -> np.ndarray:
    """Motion [n, U] of `units` -> [n, K] float32 in the order of `target_units`.

    Units the target lacks are dropped, units the motion lacks are 0. Raises ValueError if U is not len(units).
    """
    if motion.ndim != 2 or motion.shape[1] != len(units):
        raise ValueError(f"motion of shape {motion.shape} does not fit {len(units)} units")
    out = np.zeros((len(motion), len(target_units)), np.float32)
    column = {name: k for k, name in enumerate(units)}
    for k, name in enumerate(target_units):
        if name in column:
            out[:, k] = motion[:, column[name]]
    return out
