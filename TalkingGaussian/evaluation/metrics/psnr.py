"""Peak signal-to-noise ratio."""

from __future__ import annotations

import cv2
import numpy as np

from evaluation.metric import FramePair, Metric

IDENTICAL = 100.0


def psnr(pair: FramePair) -> float:
    """10 log10(255² / mean squared error over pixels and channels), dB; identical pictures count as 100 dB."""
    total = cv2.norm(pair.output, pair.reference, cv2.NORM_L2SQR)
    error = total / pair.output.size
    return min(IDENTICAL, float(10 * np.log10(255.0**2 / error))) if error else IDENTICAL


METRIC = Metric(
    name="psnr",
    title={"en": "PSNR", "zh": "PSNR(峰值信噪比)"},
    direction="higher",
    low=0.0,
    high=IDENTICAL,
    unit="dB",
    digits=2,
    real=IDENTICAL,
    source="10 log10(255² / MSE) of RGB, mean of the frames; agrees with scikit-image and torchmetrics",
    of_frame=psnr,
)
