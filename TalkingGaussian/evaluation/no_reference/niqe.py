"""NIQE: distance of a picture's statistics from those of pristine photographs.

Mittal, Soundararajan, Bovik, Making a "Completely Blind" Image Quality Analyzer (2013), with the original release's
parameters, as the package mmagic (Apache-2.0) carries them; they are read from there, its code is not used.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gamma
from talking_gaussian.errors import UserError

from evaluation.no_reference.parameters import package_file
from evaluation.no_reference.statistics import asymmetric_fit, halved, neighbours, normalised

BLOCK = 96
_PARAMETERS = ("mmagic", "evaluation/metrics/niqe_pris_params.npz")
_SHA256 = "2a7c182a68c9e7f1b2e2e5ec723279d6f65d912b6fcaf37eb2bf03d7367c4296"


class Niqe:
    """Call it with a grey picture; lower is better (clean photographs: 2 to 4)."""

    def __init__(self) -> None:
        with np.load(package_file(*_PARAMETERS, _SHA256), allow_pickle=False) as arrays:
            self._mean = arrays["mu_pris_param"].ravel()
            self._covariance = arrays["cov_pris_param"]

    def __call__(self, grey: np.ndarray) -> float:
        """Grey [H, W] in 0..255, at least two blocks of 96 px."""
        rows, columns = (side // BLOCK for side in grey.shape)
        if rows * columns < 2:
            raise UserError(
                "picture_too_small",
                f"NIQE needs pictures of at least {2 * BLOCK} x {BLOCK} px.",
                f"NIQE 需要至少 {2 * BLOCK} x {BLOCK} 像素的画面。",
            )
        picture = np.round(grey[: rows * BLOCK, : columns * BLOCK]).astype(np.float64)
        fine = block_features(normalised(picture, "nearest"), BLOCK)
        coarse = block_features(normalised(halved(picture), "nearest"), BLOCK // 2)
        features = np.concatenate([fine, coarse], axis=1)
        whole = features[np.isfinite(features).all(axis=1)]
        if len(whole) < 2:
            return float("nan")
        apart = self._mean - np.nanmean(features, axis=0)
        spread = np.linalg.pinv((self._covariance + np.cov(whole, rowvar=False)) / 2)
        return float(np.sqrt(apart @ spread @ apart))


def block_features(picture: np.ndarray, block: int) -> np.ndarray:
    """Normalised luminance -> 18 features of each block [N, 18]."""
    rows, columns = (side // block for side in picture.shape)
    blocks = (
        picture[row * block : (row + 1) * block, column * block : (column + 1) * block]
        for column in range(columns)
        for row in range(rows)
    )
    return np.array([_features(part) for part in blocks])


def _features(block: np.ndarray) -> list[float]:
    shape, left, right = _scaled(block)
    features = [shape, (left + right) / 2]
    for product in neighbours(block):
        shape, left, right = _scaled(product)
        features += [shape, (right - left) * gamma(2 / shape) / gamma(1 / shape), left, right]
    return features


def _scaled(values: np.ndarray) -> tuple[float, float, float]:
    """The asymmetric fit with its deviations as scales of the distribution."""
    shape, left, right = asymmetric_fit(values.ravel())
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * scale, right * scale
