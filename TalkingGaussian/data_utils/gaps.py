"""Frames in which no face was found: short gaps are filled in, long ones left out."""

from __future__ import annotations

import numpy as np

MAX_BRIDGED = 10  # frames without a face between two with one are filled in


def bridged(points: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Points [T, 478, 3] with the frames without a face filled in along straight lines (their ends held)."""
    flat = points.reshape(len(points), -1).copy()
    have = np.flatnonzero(found)
    missing = np.flatnonzero(~found)
    after = np.searchsorted(have, missing)
    low, high = have[np.maximum(after - 1, 0)], have[np.minimum(after, len(have) - 1)]
    share = np.where(high > low, (missing - low) / np.maximum(high - low, 1), 0.0)[:, None]
    flat[missing] = flat[low] * (1 - share) + flat[high] * share
    return flat.reshape(points.shape)


def longest_gap(found: np.ndarray) -> int:
    """The most frames in a row without a face."""
    runs = np.split(found, np.flatnonzero(np.diff(found)) + 1)
    return max((len(run) for run in runs if not run[0]), default=0)


def usable_frames(found: np.ndarray) -> np.ndarray:
    """[T] bool: a face was found, or the gap is short enough to be bridged."""
    usable = found.copy()
    edges = np.flatnonzero(np.diff(found)) + 1
    for run in np.split(np.arange(len(found)), edges):
        if not found[run[0]] and len(run) <= MAX_BRIDGED and run[0] > 0 and run[-1] < len(found) - 1:
            usable[run] = True
    return usable
