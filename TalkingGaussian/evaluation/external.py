"""Metrics that a program of another environment measures (tg_niqe: NIQE and BRISQUE)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from evaluation.metric import Lack, Measured

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "run_niqe.sh"
RESOLVER = Path(__file__).resolve().parents[2] / "environments" / "resolve.sh"
LACKS_ENVIRONMENT = Lack(
    "Needs the environment tg_niqe: python environments/manage.py create tg_niqe",
    "需要环境 tg_niqe:python environments/manage.py create tg_niqe",
    {"action": "create_environment", "name": "tg_niqe", "part": "inference"},
)


@cache
def lacks_environment() -> Lack | None:
    """Whether tg_niqe must be made first."""
    line = ["bash", "-c", 'source "$1"; tfg_find tg_niqe', "find", str(RESOLVER)]
    return None if subprocess.run(line, check=False).returncode == 0 else LACKS_ENVIRONMENT


def measure_external(names: Sequence[str], video: Path, start_s: float, seconds: float) -> dict[str, Measured] | Lack:
    """name -> mean over sampled frames of [start_s, start_s + seconds), or why it cannot be measured here."""
    span = ["--start", str(start_s), "--seconds", str(seconds)]
    line = ["bash", str(SCRIPT), str(video.absolute()), *span, "--metrics", ",".join(names), "--json"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        reason = said[-1].removeprefix("error: ") if said else f"exit code {done.returncode}"
        return Lack(f"It could not be measured: {reason}", f"无法测量:{reason}")
    figures = json.loads(done.stdout)
    return {name: Measured(row["value"], detail={"frames": row["frames"]}) for name, row in figures.items()}
