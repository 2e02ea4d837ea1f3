"""Landmark distance of the mouth, with the nose's tip aligned."""

from __future__ import annotations

from evaluation.landmarks import eye_distance, landmark_distance, nose_aligned
from evaluation.metric import Clip, Measured, Metric
from evaluation.series import mean


def lmd(clip: Clip) -> Measured:
    """Mean distance of 20 mouth points after the nose's tip is aligned, px of the reference."""
    frames = landmark_distance(nose_aligned(clip.output), nose_aligned(clip.reference))
    normalised = mean(frames / eye_distance(clip.reference))
    return Measured(mean(frames), frames, detail={} if normalised is None else {"of_eye_distance": normalised})


METRIC = Metric(
    name="lmd",
    title={"en": "LMD, mouth", "zh": "LMD(嘴部关键点距离)"},
    direction="lower",
    low=0.0,
    high=None,
    unit="px",
    source="Chen et al., Lip Movements Generation at a Glance (ECCV 2018); 20 mouth points of the 478-point mesh",
    needs=("faces",),
    real=0.0,
    of_clip=lmd,
)
