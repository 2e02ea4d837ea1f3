"""Flicker: change from frame to frame that the reference does not have."""

from __future__ import annotations

import cv2
import numpy as np

from evaluation.metric import FramePair, Metric


def flicker(pair: FramePair) -> float:
    """Mean of |output's change since the frame before - reference's change|, levels of 0..255; NaN for the first."""
    if pair.before is None:
        return float("nan")
    # |(o - r) - (o' - r')|: the difference pictures of two moments
    now = cv2.subtract(pair.output, pair.reference, dtype=cv2.CV_16S)
    before = cv2.subtract(pair.before.output, pair.before.reference, dtype=cv2.CV_16S)
    return float(np.abs(now - before).mean())


METRIC = Metric(
    name="flicker",
    title={"en": "Flicker", "zh": "闪烁"},
    direction="lower",
    low=0.0,
    high=510.0,
    unit="/255",
    digits=3,
    real=0.0,
    source="mean |(O[t] - O[t-1]) - (R[t] - R[t-1])| of pixels, levels of 8 bits",
    of_frame=flicker,
)
