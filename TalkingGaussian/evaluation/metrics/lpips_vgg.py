"""LPIPS with VGG-16, the trunk that papers on super-resolution report."""

from __future__ import annotations

from functools import partial

from evaluation import perceptual
from evaluation.metric import Metric

METRIC = Metric(
    name="lpips_vgg",
    title={"en": "LPIPS (VGG-16)", "zh": "LPIPS(VGG-16)"},
    direction="lower",
    low=0.0,
    high=None,
    digits=4,
    real=0.0,
    source="Zhang et al. 2018, version 0.1, mean of up to 100 frames; agrees with the package lpips",
    licence="heads BSD-2 (here); trunk: torchvision's VGG-16, BSD-3, trained on ImageNet (the user's own download)",
    at_most=100,
    of_frame=partial(perceptual.distance, "vgg"),
    lack=partial(perceptual.lack, "vgg"),
)
