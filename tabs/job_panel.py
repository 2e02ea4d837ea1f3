"""The panel that follows a job: state, stages, progress, time left and log, by polling an offset (job_panel.js)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr

from bridges.errors import RequestError
from bridges.jobs.job import get_job
from bridges.jobs.status import Status
from tabs.words import TEXTS, table

HERE = Path(__file__).parent
LOG_TAIL_BYTES = 100_000  # a panel that is opened late shows the log's end first

TEMPLATE = """
<div class="tfg-job-idle" data-show="${idle}" hidden></div>
<div class="tfg-job" data-state="queued" hidden>
  <div class="tfg-job-top"><span class="tfg-job-state" role="status" aria-live="polite"></span><span
    class="tfg-job-clock"></span></div>
  <ol class="tfg-job-stages"></ol>
  <div class="tfg-job-bar" role="progressbar" aria-valuemin="0" aria-valuemax="100"><div
    class="tfg-job-fill"></div></div>
  <div class="tfg-job-count"></div>
  <p class="tfg-job-error" role="alert" hidden></p>
  <p class="tfg-job-lost" hidden></p>
  <details><summary></summary><pre class="tfg-job-log" tabindex="0"></pre></details>
</div>
"""

WORDS = [key for key in TEXTS if key.startswith("stage_")] + [
    *("queued", "queued_place", "queued_environment", "running", "done", "failed", "cancelled", "interrupted"),
    *("eta", "eta_stage", "elapsed", "took", "log", "idle", "train_idle", "eval_idle", "lost"),
]


def job_panel(elem_id: str, idle: str = "idle") -> gr.HTML:
    """A panel whose value is a job's id (or ""); it triggers `submit` when that job has ended.

    idle: the text that says what it is for while there is no job ("": none).
    """
    script = (HERE / "job_panel.js").read_text(encoding="utf-8")
    return gr.HTML(
        value="",
        html_template=TEMPLATE,
        css_template=(HERE / "job_panel.css").read_text(encoding="utf-8"),
        js_on_load=script.replace("/*WORDS*/", json.dumps(table(WORDS), ensure_ascii=False)),
        server_functions=[follow],
        elem_id=elem_id,
        idle=idle,
    )


def follow(arguments: list[Any]) -> dict[str, Any]:
    """What is new about a job, for the panel. arguments: [job id, log offset or -1 for the log's end]."""
    try:
        job_id, offset = str(arguments[0]), int(arguments[1])
        job = get_job(job_id)
    except (RequestError, ValueError, TypeError, IndexError):
        return {"status": None, "log": "", "offset": 0, "more": False}
    if offset < 0:
        offset = max(0, (job.folder / "log.txt").stat().st_size - LOG_TAIL_BYTES)
    status = job.status()  # before the log: a final status means that the log is whole
    chunk = job.logs(offset)
    return {"status": facts(status), "log": chunk.text, "offset": chunk.offset, "more": chunk.offset > offset}


def facts(status: Status) -> dict[str, Any]:
    """A status as the panel wants it."""
    return {
        "state": status.state,
        "place": status.queue_place,
        "waiting_for": status.waiting_for,
        "stages": list(status.stages),
        "stage": status.stage,
        "percent": status.percent,
        "step": status.progress.get("step"),
        "of": status.progress.get("of"),
        "eta_s": status.eta_s,
        "elapsed_s": status.elapsed_s if status.started else None,
        "error": {"en": status.error.en, "zh": status.error.zh} if status.error else None,
    }
