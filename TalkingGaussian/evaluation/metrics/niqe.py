"""NIQE: quality of the pictures alone, without a reference (measured in the environment tg_niqe)."""

from __future__ import annotations

from evaluation.external import lacks_environment
from evaluation.metric import Metric

METRIC = Metric(
    name="niqe",
    title={"en": "NIQE", "zh": "NIQE(无参考自然度)"},
    direction="lower",
    low=None,
    high=None,
    digits=2,
    source="Mittal, Soundararajan, Bovik 2013; grey, blocks of 96 px, 24 frames; the original release's parameters",
    licence="parameters: University of Texas at Austin, free use with citation; carried by mmagic (Apache-2.0)",
    video_program="niqe",
    lack=lacks_environment,
)
