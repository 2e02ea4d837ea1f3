"""BRISQUE: quality of the pictures alone, without a reference (measured in the environment tg_niqe)."""

from __future__ import annotations

from evaluation.external import lacks_environment
from evaluation.metric import Metric

METRIC = Metric(
    name="brisque",
    title={"en": "BRISQUE", "zh": "BRISQUE(无参考质量)"},
    direction="lower",
    low=None,
    high=None,
    digits=2,
    source="Mittal, Moorthy, Bovik 2012; grey, 24 frames; the original release's support vectors",
    licence="model: University of Texas at Austin, free use with citation; carried by image-quality (Apache-2.0)",
    video_program="brisque",
    lack=lacks_environment,
)
