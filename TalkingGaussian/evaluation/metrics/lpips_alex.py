"""LPIPS with AlexNet, the trunk that papers report most."""

from __future__ import annotations

from functools import partial

from evaluation import perceptual
from evaluation.metric import Metric

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
    of_frame=partial(perceptual.distance, "alex"),
    lack=partial(perceptual.lack, "alex"),
)
