"""Figures of a generated video against a real one: start a comparison, read its report, list the metrics."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridges import paths
from bridges.errors import RequestError
from bridges.jobs.job import Job, submit
from bridges.requests.evaluate import EvaluateRequest

ENVIRONMENT = "tg_eval"
MAX_JSON_BYTES = 50_000_000


@dataclass(frozen=True)
class MetricInfo:
    """One metric as a list shows it.

    title: {"en", "zh"}; direction: higher, lower, zero or none is better; lack: None, or why it cannot be measured on
    this machine and what to do {"en", "zh", "action"}.
    """

    name: str
    title: dict[str, str]
    direction: str
    unit: str
    source: str
    licence: str
    needs: list[str]
    lack: dict[str, Any] | None


def evaluate(output: str | Path, reference: str | Path, other: str | Path | None = None, **options: Any) -> Job:
    """Start a comparison; returns the job at once.

    output, reference: videos; other: a second model's video; options: the other fields of `EvaluateRequest` (metrics,
    regions, start_s, name, other_name). Raises RequestError.
    """
    first, real, second = (
        str(Path(path).expanduser().absolute()) if path else "" for path in (output, reference, other)
    )
    return submit(EvaluateRequest(first, real, second, **options))


def list_metrics() -> list[MetricInfo]:
    """All metrics, asked of the engine (half a second). Raises RequestError where its environment is missing."""
    line = ["bash", str(paths.METRICS_SCRIPT), "--list"]
    answer = subprocess.run(line, capture_output=True, text=True, check=False)
    if answer.returncode:
        said = answer.stderr.strip().splitlines()
        reason = said[-1].removeprefix("error: ") if said else f"exit code {answer.returncode}"
        raise RequestError("no_metrics", f"The metrics could not be listed: {reason}", f"无法列出指标:{reason}")
    return [MetricInfo(**row) for row in json.loads(answer.stdout)]


def read_report(job: Job) -> dict[str, Any] | None:
    """A finished comparison's report ({"results": [one an output]}), or None."""
    path = job.output("report")
    return read_json(path) if path else None


def read_curves(job: Job, number: int) -> dict[str, Any] | None:
    """{"fps", "start_s", "curves": {key: [T]}} of the output `number` (1 or 2), or None."""
    path = result_file(job, number, "frames.json")
    return read_json(path) if path else None


def result_file(job: Job, number: int, name: str) -> Path | None:
    """A file that belongs to the output `number` (1 or 2) of a comparison, or None; `name` has no folder."""
    path = job.folder / "outputs" / str(number) / name
    return path if number in (1, 2) and Path(name).name == name and path.is_file() else None


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file of sensible size."""
    if path.stat().st_size > MAX_JSON_BYTES:
        raise RequestError("report_too_large", "The report is too large to be shown.", "报告过大,无法显示。")
    return json.loads(path.read_text(encoding="utf-8"))
