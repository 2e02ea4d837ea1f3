"""Structural similarity."""

from __future__ import annotations

from evaluation.metric import FramePair, Metric


def ssim(pair: FramePair) -> float:
    """Mean SSIM of the three channels; NaN for a region below 11 px."""
    return float(pair.structure.ssim.mean())


METRIC = Metric(
    name="ssim",
    title={"en": "SSIM", "zh": "SSIM(结构相似度)"},
    direction="higher",
    low=-1.0,
    high=1.0,
    digits=4,
    real=1.0,
    source="Wang et al. 2004, Gaussian window 11 px, sigma 1.5, RGB; agrees with scikit-image and piq "
    "(torchmetrics also counts windows that reach over the edge)",
    of_frame=ssim,
)
