"""Is the mouth wide and round when the reference's is?"""

from __future__ import annotations

from evaluation.landmarks import correlation, mouth_width
from evaluation.metric import Clip, Measured, Metric
from evaluation.series import defined


def rounding(clip: Clip) -> Measured:
    """Pearson's r of the lip corners' distance (points 61, 291); 0 for a mouth that stands still."""
    return Measured(defined(correlation(mouth_width(clip.output), mouth_width(clip.reference)), 0.0))


METRIC = Metric(
    name="rounding",
    title={"en": "Mouth width and rounding, correlation", "zh": "嘴宽(圆唇)相关系数"},
    direction="higher",
    low=-1.0,
    high=1.0,
    source="Pearson's r of |p61 - p291| over the frames",
    needs=("faces",),
    real=1.0,
    of_clip=rounding,
)
