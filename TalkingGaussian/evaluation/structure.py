"""The terms that SSIM and MS-SSIM are made of."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

WINDOW, SIGMA = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_KERNEL = cv2.getGaussianKernel(WINDOW, SIGMA, cv2.CV_32F)


class Structure(NamedTuple):
    """Means over a picture, one a channel: ssim [3], contrast (SSIM without its luminance term) [3]."""

    ssim: np.ndarray
    contrast: np.ndarray


def structure(first: np.ndarray, second: np.ndarray) -> Structure:
    """SSIM's terms of two pictures [H, W, 3] float32 in 0..255; NaN where a side is below 11 px.

    Wang et al., Image quality assessment: from error visibility to structural similarity (2004), eq. 12-13: Gaussian
    window of 11 px, sigma 1.5, population covariance, only windows that lie wholly inside.
    """
    if min(first.shape[:2]) < WINDOW:
        return Structure(*np.full((2, 3), np.nan))
    # channel by channel: planes that lie together in memory are four times as fast
    planes = zip(cv2.split(first), cv2.split(second), strict=True)
    return Structure(*np.array([_plane_structure(*pair) for pair in planes]).T)


def _plane_structure(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Mean SSIM and mean contrast term of two planes [H, W]."""
    mean_1, mean_2 = _blurred(first), _blurred(second)
    product, squares = mean_1 * mean_2, mean_1 * mean_1 + mean_2 * mean_2
    variances = _blurred(first * first + second * second) - squares
    covariance = _blurred(first * second) - product
    contrast = (2 * covariance + _C2) / (variances + _C2)
    luminance = (2 * product + _C1) / (squares + _C1)
    return float((luminance * contrast).mean(dtype=np.float64)), float(contrast.mean(dtype=np.float64))


def _blurred(plane: np.ndarray) -> np.ndarray:
    """The Gaussian mean around each pixel, where the window fits."""
    side = WINDOW // 2
    return cv2.sepFilter2D(plane, -1, _KERNEL, _KERNEL)[side:-side, side:-side]
