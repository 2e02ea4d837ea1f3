"""Figures of a generated video against a real one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bridges import paths
from bridges.errors import RequestError
from bridges.requests.base import Request
from bridges.requests.checks import check_choice, check_file

REGIONS = ("full", "face", "mouth")
MAX_NAME = 60


@dataclass(frozen=True)
class EvaluateRequest(Request):
    """Figures of a generated video against a real one.

    output, reference: videos; other: a second model's video against the same reference ("": none); metrics: names with
    commas between, or "all"; regions: of full, face, mouth, with commas; start_s: the second of the reference that the
    outputs begin with; name, other_name: what tables call the outputs ("": as their files).
    """

    output: str
    reference: str
    other: str = ""
    metrics: str = "all"
    regions: str = "full"
    start_s: float = 0.0
    name: str = ""
    other_name: str = ""
    kind: ClassVar[str] = "evaluate"
    file_fields: ClassVar[tuple[str, ...]] = ("output", "reference", "other")
    outputs: ClassVar[dict[str, str]] = {
        "report": "outputs/report.json",
        "table": "outputs/metrics.csv",
        "latex": "outputs/table.tex",
        "frames": "outputs/1/frames.csv",
        "video": "outputs/1/pair.mp4",
    }
    environment_needed: ClassVar[str] = "tg_eval"

    def check(self) -> None:
        """Raise RequestError where a file is missing, or a choice unknown."""
        check_file(self.output, "generated video", "生成视频")
        check_file(self.reference, "real video", "真实视频")
        if self.other:
            check_file(self.other, "second model's video", "第二个模型的视频")
        for region in self.regions.split(","):
            check_choice(region, "region", "区域", REGIONS)
        if not self.metrics or not self.metrics.replace(",", "").replace("_", "").isalnum():
            raise RequestError("no_metrics", "Choose at least one metric.", "请至少选择一个指标。")
        if not (math.isfinite(self.start_s) and self.start_s >= 0):
            raise RequestError("bad_start", "The start must be 0 seconds or later.", "起点必须是 0 秒或更晚。")

    def seat(self) -> str:
        """A CPU seat."""
        return "cpu"

    def command(self, job: Path) -> list[str]:
        """The engine's script with everything that was chosen."""
        line = ["bash", str(paths.METRICS_SCRIPT), self.output, self.reference, "--folder", str(job / "outputs")]
        line += ["--metrics", self.metrics, "--start", str(self.start_s), "--region", *self.regions.split(",")]
        line += ["--name", plain(self.name or Path(self.output).stem)]
        if self.other:
            line += ["--also", self.other, "--also_name", plain(self.other_name or Path(self.other).stem)]
        return line


def plain(name: str) -> str:
    """A name as one printable line that is no option."""
    return ("".join(char for char in name if char.isprintable()).strip().lstrip("-") or "output")[:MAX_NAME]
