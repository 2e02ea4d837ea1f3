"""Multi-scale structural similarity."""

from __future__ import annotations

import cv2
import numpy as np

from evaluation.metric import FramePair, Metric
from evaluation.structure import WINDOW, structure

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
MIN_SIDE = (WINDOW - 1) * 2 ** (len(WEIGHTS) - 1) + 1


def ms_ssim(pair: FramePair) -> float:
    """Mean MS-SSIM of the three channels over five scales; NaN for a region below 161 px."""
    if min(pair.output.shape[:2]) < MIN_SIDE:
        return float("nan")
    terms = pair.structure
    contrasts = [terms.contrast]
    pictures = [picture.astype(np.float32) for picture in (pair.output, pair.reference)]
    for _ in WEIGHTS[1:]:
        pictures = [_halved(picture) for picture in pictures]
        terms = structure(*pictures)
        contrasts.append(terms.contrast)
    factors = np.maximum(0.0, np.array([*contrasts[:-1], terms.ssim]))
    return float(np.prod(factors ** np.array(WEIGHTS)[:, None], axis=0).mean())


def _halved(picture: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 pixels; an odd side gets its first row or column twice."""
    odd = max(side % 2 for side in picture.shape[:2])
    if odd:
        picture = cv2.copyMakeBorder(picture, 1, 0, 1, 0, cv2.BORDER_REPLICATE)
    height, width = (side // 2 for side in picture.shape[:2])
    return cv2.resize(picture[: height * 2, : width * 2], (width, height), interpolation=cv2.INTER_AREA)


METRIC = Metric(
    name="ms_ssim",
    title={"en": "MS-SSIM", "zh": "MS-SSIM(多尺度结构相似度)"},
    direction="higher",
    low=0.0,
    high=1.0,
    digits=4,
    real=1.0,
    source="Wang, Simoncelli, Bovik 2003, five scales, RGB; agrees with piq",
    of_frame=ms_ssim,
)
