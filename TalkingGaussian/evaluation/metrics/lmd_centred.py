"""Landmark distance of the mouth's shape alone."""

from __future__ import annotations

from evaluation.landmarks import centred, landmark_distance
from evaluation.metric import Clip, Measured, Metric
from evaluation.series import mean


def lmd_centred(clip: Clip) -> Measured:
    """Mean distance of 20 mouth points after their own means are aligned, px of the reference."""
    frames = landmark_distance(centred(clip.output), centred(clip.reference))
    return Measured(mean(frames), frames)


METRIC = Metric(
    name="lmd_centred",
    title={"en": "LMD, mouth's shape", "zh": "LMD(仅嘴形)"},
    direction="lower",
    low=0.0,
    high=None,
    unit="px",
    source="LMD with the 20 mouth points' mean aligned",
    needs=("faces",),
    real=0.0,
    of_clip=lmd_centred,
)
