"""LPIPS with AlexNet, the trunk that papers report most."""

from __future__ import annotations

from functools import partial

from evaluation import perceptual
from evaluation.metric import FramePair, Metric

MIN_SIDE = 64


def lpips_alex(pair: FramePair) -> float:
    """Perceptual distance of two pictures; NaN for a region below 64 px."""
    if min(pair.output.shape[:2]) < MIN_SIDE:
        return float("nan")
    return perceptual.load("alex")(pair.output, pair.reference)


METRIC = Metric(
    name="lpips_alex",
    title={"en": "LPIPS (AlexNet)", "zh": "LPIPS(AlexNet)"},
    direction="lower",
    low=0.0,
    high=None,
    digits=4,
    real=0.0,
    source="Zhang et al. 2018, version 0.1, mean of up to 500 frames; agrees with the package lpips",
    licence="heads BSD-2 (here); trunk: torchvision's AlexNet, BSD-3, trained on ImageNet (the user's own download)",
    at_most=500,
    of_frame=lpips_alex,
    lack=partial(perceptual.lack, "alex"),
)
