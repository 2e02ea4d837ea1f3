"""What status.json holds, as a frozen dataclass for readers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridges.errors import Failure
from bridges.jobs.folder import FINAL_STATES, STATUS, read_json

# how much of a whole run a stage takes where it is not like the others: for one bar over all stages
STAGE_WEIGHTS = {
    **{"load": 1.0, "audio": 1.0, "render": 12.0, "finish": 0.5},
    **{"install": 12.0, "warm_up": 4.0, "speak": 4.0},
    **{"track": 2.0, "masks": 2.0, "mouth": 10.0, "face": 20.0, "fuse": 10.0},
}


@dataclass(frozen=True)
class Status:
    """Where a job stands.

    state: queued, running, done, failed, cancelled or interrupted (its runner died); created, started, finished: Unix
    seconds or None; elapsed_s: seconds since it started; eta_s: seconds left or None; queue_place: 1 is next, None
    when not waiting; waiting_for: "environment" while that is being made; stages: names in order; stage: the current
    one; percent: 0 to 100 over all stages; progress: the engine's last line (stage, step, of, eta_s, …); preview:
    newest preview file; outputs: name -> path in the job folder; result: the last line the engine printed on stdout;
    error: why it did not end well.
    """

    id: str
    kind: str
    state: str
    created: float
    started: float | None = None
    finished: float | None = None
    elapsed_s: float = 0.0
    eta_s: float | None = None
    queue_place: int | None = None
    waiting_for: str | None = None
    stages: tuple[str, ...] = ()
    stage: str = ""
    percent: float = 0.0
    progress: dict[str, Any] = field(default_factory=dict)
    preview: Path | None = None
    outputs: dict[str, str] = field(default_factory=dict)
    result: str = ""
    error: Failure | None = None
    exit_code: int | None = None

    @property
    def final(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in FINAL_STATES


def read_status(folder: Path) -> Status:
    """The status kept in a job folder. Raises OSError or ValueError where there is none."""
    raw = read_json(folder / STATUS)
    progress = raw.get("progress") or {}
    started, finished = raw.get("started"), raw.get("finished")
    error = raw.get("error")
    stages = tuple(str(name) for name in raw.get("stages") or ())
    return Status(
        id=folder.name,
        kind=str(raw["kind"]),
        state=str(raw["state"]),
        created=float(raw["created"]),
        started=started,
        finished=finished,
        elapsed_s=max(0.0, (finished or time.time()) - started) if started else 0.0,
        eta_s=raw.get("eta_s"),
        queue_place=raw.get("queue_place"),
        waiting_for=raw.get("waiting_for"),
        stages=stages,
        stage=str(progress.get("stage", "")),
        percent=100.0 if raw["state"] == "done" else percent(stages, progress),
        progress=progress,
        preview=_preview(folder, progress.get("preview")),
        outputs=raw.get("outputs") or {},
        result=raw.get("result") or "",
        error=Failure(error["code"], error["en"], error["zh"], error.get("fix")) if error else None,
        exit_code=raw.get("exit_code"),
    )


def percent(stages: tuple[str, ...], progress: dict[str, Any]) -> float:
    """How much of all stages is done, 0 to 100."""
    stage = progress.get("stage")
    if stage not in stages:
        return 0.0
    weights = [STAGE_WEIGHTS.get(name, 1.0) for name in stages]
    here = stages.index(stage)
    step, of = progress.get("step"), progress.get("of")
    part = (
        min(1.0, max(0.0, step / of)) if isinstance(step, (int, float)) and isinstance(of, (int, float)) and of else 0
    )
    return round(100 * (sum(weights[:here]) + weights[here] * part) / sum(weights), 1)


def _preview(folder: Path, name: Any) -> Path | None:
    """The preview file an engine named, if it lies in the job folder."""
    if not isinstance(name, str):
        return None
    path = (folder / name).resolve()
    return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
