"""What a training has learnt so far: pictures of every stage and the held-out curve, by polling (train_view.js)."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import gradio as gr

from bridges import training
from bridges.errors import RequestError
from bridges.jobs.job import get_job
from bridges.requests import TrainRequest
from tabs.words import TEXTS, table

HERE = Path(__file__).parent
MAX_PREVIEWS = 8
MAX_PICTURE_BYTES = 1_500_000
MIME = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
TEMPLATE = """
<div class="tfg-view" hidden>
  <figure class="tfg-view-picture" hidden><img class="tfg-view-image" alt=""><figcaption
    class="tfg-view-caption"></figcaption></figure>
  <div class="tfg-view-thumbs" hidden></div>
  <table class="tfg-view-figures" hidden></table>
  <div class="tfg-view-curve tfg-view-lmd" hidden><h4></h4><div></div></div>
  <div class="tfg-view-curve tfg-view-psnr_mouth" hidden><h4></h4><div></div></div>
  <div class="tfg-view-curve tfg-view-psnr" hidden><h4></h4><div></div></div>
</div>
"""
WORDS = [key for key in TEXTS if key.startswith(("stage_", "preview_", "figure_", "figures_", "curve_"))]
WORDS += ["train_frozen"]


def train_view(elem_id: str) -> gr.HTML:
    """A view whose value is the id of a training's job (or "")."""
    script = (HERE / "train_view.js").read_text(encoding="utf-8")
    return gr.HTML(
        value="",
        html_template=TEMPLATE,
        css_template=(HERE / "train_view.css").read_text(encoding="utf-8"),
        js_on_load=script.replace("/*WORDS*/", json.dumps(table(WORDS), ensure_ascii=False)),
        server_functions=[watch_training],
        elem_id=elem_id,
    )


def watch_training(arguments: list[Any]) -> dict[str, Any]:
    """What is new about a training. arguments: [job id, the last answer's stamp]; the same stamp: nothing is."""
    try:
        job_id, stamp = str(arguments[0]), str(arguments[1])
        request = get_job(job_id).request()
        if not isinstance(request, TrainRequest):
            raise RequestError("no_training", "That job is no training.", "该任务不是训练。")
        current = training.get_training(request.training)
    except (RequestError, IndexError, TypeError):
        return {"stamp": "", "final": True, "previews": [], "history": []}
    final = current.job is None or current.job.status().final
    files = training.previews(current)[-MAX_PREVIEWS:]
    rows = training.history(current)
    newest = f"{[(name, file.stat().st_mtime_ns) for name, file in files]}{len(rows)}{bool(current.report)}"
    if newest == stamp:
        return {"stamp": stamp, "final": final}
    told = training.figures(current)
    return {
        "stamp": newest,
        "final": final,
        "previews": [{"name": name, "url": data_url(file)} for name, file in files if small(file)],
        "history": rows,
        "avatar": told.get("avatar", {}),
        "frozen": told.get("frozen", {}),
    }


def small(file: Path) -> bool:
    """Whether a picture can travel in an answer."""
    return file.stat().st_size <= MAX_PICTURE_BYTES


def data_url(file: Path) -> str:
    """A picture as the browser can show it without a file of the workspace being served."""
    return f"data:{MIME[file.suffix]};base64,{base64.b64encode(file.read_bytes()).decode()}"
