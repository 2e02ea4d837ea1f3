"""BRISQUE: a picture's quality as people in the LIVE study would rate it, from natural-scene statistics.

Mittal, Moorthy, Bovik, No-Reference Image Quality Assessment in the Spatial Domain (2012), with the original release's
support vectors, as the package image-quality (Apache-2.0) carries them, and its ranges of features ("allrange").
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.special import gamma

from evaluation.no_reference.parameters import package_file
from evaluation.no_reference.statistics import asymmetric_fit, halved, neighbours, normalised, symmetric_fit

FEATURES = 36
_PARAMETERS = ("imquality", "models/brisque_svm.txt")
_SHA256 = "19526fb799c4c7992ccc109fcfecddb25976ba024b194cd3ee275d27e8909c8d"
# the release's range of every feature
_LOW = np.array(
    [
        *(
            0.336999,
            0.019667,
            0.23,
            -0.125959,
            0.000167,
            0.000616,
            0.231,
            -0.125873,
            0.000165,
            0.0006,
            0.241,
            -0.128814,
        ),
        *(0.000179, 0.000386, 0.243, -0.13308, 0.000182, 0.000421, 0.436998, 0.016929, 0.247, -0.200231),
        *(0.000104, 0.000834, 0.257, -0.200017, 0.000112, 0.000876, 0.257, -0.155072, 0.000112, 0.000356, 0.258),
        *(-0.154374, 0.000117, 0.000351),
    ]
)
_HIGH = np.array(
    [
        *(9.999411, 0.807472, 1.644021, 0.202917, 0.712384, 0.468672, 1.644021, 0.169548, 0.713132, 0.467896, 1.553016),
        *(0.101368, 0.687324, 0.533087, 1.554016, 0.101, 0.689177, 0.533133, 3.639918, 0.800955, 1.096995, 0.175286),
        *(0.755547, 0.39927, 1.095995, 0.155928, 0.751488, 0.402398, 1.041992, 0.093209, 0.623516, 0.532925, 1.042992),
        *(0.093714, 0.621958, 0.534484),
    ]
)


class Brisque:
    """Call it with a grey picture; lower is better, about 0 to 100."""

    def __init__(self) -> None:
        self._weights, self._vectors, self._gamma, self._rho = read_model(package_file(*_PARAMETERS, _SHA256))

    def __call__(self, grey: np.ndarray) -> float:
        """Grey [H, W] in 0..255."""
        features = 2 * (brisque_features(np.round(grey)) - _LOW) / (_HIGH - _LOW) - 1
        distance = np.square(self._vectors - features).sum(axis=1)
        return float(self._weights @ np.exp(-self._gamma * distance) - self._rho)


def read_model(path: Path) -> tuple[np.ndarray, np.ndarray, float, float]:
    """A libsvm text file of an RBF regression -> (weights [N], support vectors [N, 36], gamma, rho)."""
    head, _, body = path.read_text(encoding="ascii").partition("SV\n")
    settings = dict(line.split(" ", 1) for line in head.splitlines() if " " in line)
    lines = [line.split() for line in body.splitlines() if line.strip()]
    vectors = np.zeros((len(lines), FEATURES))
    for row, line in zip(vectors, lines, strict=True):
        for cell in line[1:]:
            number, value = cell.split(":")
            row[int(number) - 1] = float(value)
    weights = np.array([float(line[0]) for line in lines])
    return weights, vectors, float(settings["gamma"]), float(settings["rho"])


def brisque_features(grey: np.ndarray) -> np.ndarray:
    """The 36 features of the paper's table I: 18 at full size, 18 at half."""
    picture = grey.astype(np.float64)
    return np.concatenate([_scale_features(picture), _scale_features(halved(picture))])


def _scale_features(grey: np.ndarray) -> np.ndarray:
    values = normalised(grey, "constant")
    features = list(symmetric_fit(values.ravel()))
    for product in neighbours(values):
        shape, left, right = asymmetric_fit(product.ravel())
        scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
        mean = (right - left) * gamma(2 / shape) / gamma(1 / shape) * scale
        features += [shape, mean, left**2, right**2]
    return np.array(features)
