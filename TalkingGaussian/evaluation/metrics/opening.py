"""Does the mouth open when the reference's does?"""

from __future__ import annotations

from evaluation.landmarks import correlation, mouth_opening
from evaluation.metric import Clip, Measured, Metric
from evaluation.series import defined


def opening(clip: Clip) -> Measured:
    """Pearson's r of the inner lips' gap (points 13, 14) of output and reference; 0 for a mouth that stands still."""
    return Measured(defined(correlation(mouth_opening(clip.output), mouth_opening(clip.reference)), 0.0))


METRIC = Metric(
    name="opening",
    title={"en": "Mouth opening, correlation", "zh": "张口相关系数"},
    direction="higher",
    low=-1.0,
    high=1.0,
    source="Pearson's r of |p13 - p14| over the frames",
    needs=("faces",),
    real=1.0,
    of_clip=opening,
)
