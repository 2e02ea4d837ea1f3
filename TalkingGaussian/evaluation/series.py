"""Means of curves with gaps."""

from __future__ import annotations

import numpy as np


def mean(values: np.ndarray) -> float | None:
    """Mean of the finite values, None where there are none."""
    good = values[np.isfinite(values)]
    return float(good.mean()) if len(good) else None


def defined(value: float, otherwise: float) -> float:
    """`value`, or `otherwise` where it is not a number."""
    return value if np.isfinite(value) else otherwise
