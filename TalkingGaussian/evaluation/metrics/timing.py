"""Frames a second and length of the output's file."""

from __future__ import annotations

from evaluation.metric import Clip, Measured, Metric


def fps(clip: Clip) -> Measured:
    """Mean frames a second of the file."""
    return Measured(clip.file_fps[0])


def duration(clip: Clip) -> Measured:
    """Seconds of the file's picture."""
    return Measured(clip.file_seconds[0])


METRIC = Metric(
    name="fps",
    title={"en": "Frames a second", "zh": "帧率"},
    direction="none",
    low=0.0,
    high=None,
    digits=2,
    source="the file's frame times",
    of_clip=fps,
)
DURATION = Metric(
    name="duration",
    title={"en": "Length", "zh": "时长"},
    direction="none",
    low=0.0,
    high=None,
    unit="s",
    digits=2,
    source="the file's frame times",
    of_clip=duration,
)
