"""Landmark distance of the mouth in eye distances: comparable between clips."""

from __future__ import annotations

from evaluation.landmarks import eye_distance, landmark_distance, nose_aligned
from evaluation.metric import Clip, Measured, Metric
from evaluation.series import mean


def lmd_normalised(clip: Clip) -> Measured:
    """LMD of the mouth divided by the distance of the reference's outer eye corners, percent."""
    frames = landmark_distance(nose_aligned(clip.output), nose_aligned(clip.reference))
    frames = 100 * frames / eye_distance(clip.reference)
    return Measured(mean(frames), frames)


METRIC = Metric(
    name="lmd_normalised",
    title={"en": "LMD, mouth, of the eyes' distance", "zh": "LMD(嘴部,相对眼距)"},
    direction="lower",
    low=0.0,
    high=None,
    unit="%",
    digits=2,
    source="LMD / distance of the outer eye corners",
    needs=("faces",),
    real=0.0,
    of_clip=lmd_normalised,
)
