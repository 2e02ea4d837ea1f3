"""A comparison to look at: table, curve of every frame that moves the video, worst frames (evaluation_view.js)."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import gradio as gr

from bridges import evaluation
from bridges.errors import RequestError
from bridges.jobs.job import get_job
from tabs.words import TEXTS, table

HERE = Path(__file__).parent
MAX_PICTURE_BYTES = 1_500_000
TEMPLATE = """
<div class="tfg-eval" hidden>
  <div class="tfg-eval-top"><h4></h4><label><span></span> <select></select></label></div>
  <div class="tfg-eval-chart" tabindex="0"></div>
  <p class="tfg-eval-now" role="status"></p>
  <div class="tfg-eval-scroll"><table></table></div>
  <ul class="tfg-eval-notes"></ul>
  <div class="tfg-eval-worst"></div>
</div>
"""
WORDS = [key for key in TEXTS if key.startswith("eval_")]


def evaluation_view(elem_id: str, videos: tuple[str, str]) -> gr.HTML:
    """A view whose value is a finished comparison's job id (or ""); videos: ids of the players that the curve moves."""
    script = (HERE / "evaluation_view.js").read_text(encoding="utf-8")
    words = json.dumps(table(WORDS), ensure_ascii=False)
    return gr.HTML(
        value="",
        html_template=TEMPLATE,
        css_template=(HERE / "evaluation_view.css").read_text(encoding="utf-8"),
        js_on_load=script.replace("/*WORDS*/", words).replace("/*VIDEOS*/", json.dumps(videos)),
        server_functions=[show_evaluation],
        elem_id=elem_id,
    )


def show_evaluation(arguments: list[Any]) -> dict[str, Any]:
    """Reports with their curves and worst pictures. arguments: [job id]."""
    try:
        job = get_job(str(arguments[0]))
        report = evaluation.read_report(job)
    except (RequestError, IndexError):
        return {"results": []}
    results = []
    for number, result in enumerate(report["results"] if report else [], 1):
        worst = [{**row, "url": url} for row in result["worst"] if (url := picture_url(job.id, number, row["file"]))]
        curves = evaluation.read_curves(job, number) or {"fps": 25, "curves": {}}
        results.append({**result, "worst": worst, "fps": curves["fps"], "curves": curves["curves"]})
    return {"results": results}


def picture_url(job_id: str, number: int, name: str) -> str | None:
    """A worst frame as the browser can show it without the job's folder being served."""
    file = evaluation.result_file(get_job(job_id), number, name)
    if file is None or file.stat().st_size > MAX_PICTURE_BYTES:
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(file.read_bytes()).decode()}"
