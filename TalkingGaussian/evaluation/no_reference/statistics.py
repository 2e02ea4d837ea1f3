"""Natural-scene statistics that NIQE and BRISQUE share (Mittal, Soundararajan, Moorthy, Bovik; 2012, 2013)."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.ndimage import correlate1d
from scipy.special import gamma

SHIFTS = ((0, 1), (1, 0), (1, 1), (-1, 1))  # neighbours along rows, columns and both diagonals


@cache
def gaussian(side: int = 7) -> np.ndarray:
    """The 1-D Gaussian window [side], sigma 7/6, sum 1."""
    at = np.arange(side) - side // 2
    window = np.exp(-np.square(at) / (2 * (7 / 6) ** 2))
    return window / window.sum()


def normalised(grey: np.ndarray, mode: str) -> np.ndarray:
    """Mean-subtracted, contrast-normalised luminance of grey [H, W] in 0..255; mode: the edges (scipy's word)."""

    def blurred(picture: np.ndarray) -> np.ndarray:
        return correlate1d(correlate1d(picture, gaussian(), 0, mode=mode), gaussian(), 1, mode=mode)

    mean = blurred(grey)
    deviation = np.sqrt(np.abs(blurred(grey * grey) - mean * mean))
    return (grey - mean) / (deviation + 1)


@cache
def _shapes() -> tuple[np.ndarray, np.ndarray]:
    """Shapes 0.2 to 10 and the ratio E|x|² / E[x²] of a generalised Gaussian of each (both rise)."""
    shapes = np.arange(0.2, 10.001, 0.001)
    return shapes, gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes))


def symmetric_fit(values: np.ndarray) -> tuple[float, float]:
    """Generalised Gaussian: (shape, variance)."""
    shapes, ratios = _shapes()
    variance = float(np.mean(values * values))
    return float(shapes[_nearest(ratios, np.mean(np.abs(values)) ** 2 / variance)]), variance


def asymmetric_fit(values: np.ndarray) -> tuple[float, float, float]:
    """Asymmetric generalised Gaussian: (shape, left deviation, right deviation)."""
    shapes, ratios = _shapes()
    squares = values * values
    left = np.sqrt(squares[values < 0].mean()) if (values < 0).any() else 0.0
    right = np.sqrt(squares[values > 0].mean()) if (values > 0).any() else 0.0
    if left == 0 or right == 0:  # a flat patch: nothing to fit
        return float("nan"), float(left), float(right)
    skew = left / right
    ratio = np.mean(np.abs(values)) ** 2 / squares.mean() * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    return float(shapes[_nearest(ratios, ratio)]), float(left), float(right)


def _nearest(ratios: np.ndarray, value: float) -> int:
    """The index of the ratio nearest to `value` (they rise)."""
    at = int(np.clip(np.searchsorted(ratios, value), 1, len(ratios) - 1))
    return at if ratios[at] - value < value - ratios[at - 1] else at - 1


def neighbours(picture: np.ndarray) -> list[np.ndarray]:
    """Products of each value with its neighbour along the four directions, edges wrapped: 4 x [H, W]."""
    return [picture * np.roll(picture, shift, axis=(0, 1)) for shift in SHIFTS]


def halved(grey: np.ndarray) -> np.ndarray:
    """[H, W] -> [ceil(H / 2), ceil(W / 2)]: bicubic with the kernel stretched to the coarser grid, edges mirrored."""
    return _halved_rows(_halved_rows(grey).T).T


def _halved_rows(grey: np.ndarray) -> np.ndarray:
    count = -(-len(grey) // 2)
    distance = np.abs(np.arange(-3.5, 4.0)) / 2
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    weights = np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
    weights /= weights.sum()
    padded = np.pad(grey, ((3, 5), (0, 0)), mode="symmetric")
    return sum(weight * padded[tap : tap + 2 * count : 2][:count] for tap, weight in enumerate(weights))
