"""Landmark distance of the whole face."""

from __future__ import annotations

from evaluation.landmarks import FACE468, landmark_distance, nose_aligned
from evaluation.metric import Clip, Measured, Metric
from evaluation.series import mean


def f_lmd(clip: Clip) -> Measured:
    """Mean distance of the 468 face points after the nose's tip is aligned, px of the reference."""
    frames = landmark_distance(nose_aligned(clip.output, FACE468), nose_aligned(clip.reference, FACE468))
    return Measured(mean(frames), frames)


METRIC = Metric(
    name="f_lmd",
    title={"en": "F-LMD, face", "zh": "F-LMD(全脸关键点距离)"},
    direction="lower",
    low=0.0,
    high=None,
    unit="px",
    source="LMD over the mesh's 468 points",
    needs=("faces",),
    real=0.0,
    of_clip=f_lmd,
)
