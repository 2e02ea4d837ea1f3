"""The Evaluate tab: a generated video against the real one, in figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from bridges import environments, evaluation
from bridges.errors import RequestError
from bridges.jobs.job import Job, get_job
from bridges.requests import EvaluateRequest, GenerateRequest
from bridges.requests.evaluate import REGIONS
from tabs.errors import spoken
from tabs.evaluation_view import evaluation_view
from tabs.generate import mine, refuse_crowd, titles
from tabs.job_panel import job_panel
from tabs.publish import published
from tabs.sessions import remember
from tabs.words import W, is_chinese, say

PRIVATE: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": None}
MAX_NAME = 40
DOWNLOADS = {"table": "metrics.csv", "frames": "frames.csv", "report": "report.json", "latex": "table.tex"}


@dataclass(frozen=True)
class Widgets:
    """The tab's components, by name."""

    lang: gr.Textbox
    videos: gr.BrowserState
    jobs: gr.BrowserState
    output: gr.Video
    chosen: gr.Dropdown
    reference: gr.Video
    other: gr.Video
    metrics: gr.CheckboxGroup
    lacking: gr.Markdown
    regions: gr.CheckboxGroup
    start_s: gr.Number
    start: gr.Button
    cancel: gr.Button
    setup: gr.HTML
    panel: gr.HTML
    pair: gr.Video
    second_pair: gr.Video
    view: gr.HTML
    downloads: list[gr.DownloadButton]
    history: gr.Dropdown


def evaluate_tab(
    tab: gr.Tab, language_known: Dependency, lang: gr.Textbox, videos: gr.BrowserState, jobs: gr.BrowserState
) -> Widgets:
    """Lay out the tab and connect it. tab: the tab itself; language_known: the event after which `lang` is right;
    videos, jobs: the ids of this browser's videos and comparisons.
    """
    gr.Markdown(W("eval_intro"), elem_classes="tfg-lead")
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            inputs = lay_out_inputs()
        with gr.Column(scale=7, min_width=320):
            outputs = lay_out_outputs()
    w = Widgets(lang=lang, videos=videos, jobs=jobs, **inputs, **outputs)
    asked = [w.output, w.chosen, w.reference, w.other, w.metrics, w.regions, w.start_s, w.videos, w.jobs, lang]
    w.start.click(start, asked, [w.panel, w.jobs, w.cancel, w.history], **PRIVATE)
    w.cancel.click(cancel, [w.panel, lang], w.cancel, **PRIVATE)
    shown = [w.view, w.pair, w.second_pair, *w.downloads, w.cancel, w.history]
    w.panel.submit(show_result, [w.panel, w.jobs, lang], shown, show_progress="hidden", **PRIVATE)
    w.history.input(open_earlier, [w.history, w.jobs], [w.panel, w.cancel], show_progress="hidden", **PRIVATE)
    filled = [w.panel, w.cancel, w.history, w.regions]
    language_known.then(on_load, [w.jobs, lang], filled, show_progress="hidden", **PRIVATE)
    listed = [w.metrics, w.lacking, w.chosen, w.setup]
    tab.select(on_select, [w.metrics, w.videos, lang], listed, show_progress="hidden", **PRIVATE)
    w.setup.submit(on_select, [w.metrics, w.videos, lang], listed, show_progress="hidden", **PRIVATE)
    return w


def lay_out_inputs() -> dict[str, Any]:
    """Videos, metrics, options, buttons."""
    output = gr.Video(label=W("eval_output"), sources=["upload"], height=190, elem_id="eval_output")
    chosen = gr.Dropdown([("-", "")], value="", label=W("eval_mine"), elem_id="eval_mine")
    reference = gr.Video(label=W("eval_reference"), sources=["upload"], height=190, elem_id="eval_reference")
    with gr.Accordion(W("eval_second"), open=False, elem_id="eval_second"):
        other = gr.Video(label=W("eval_other"), sources=["upload"], height=170, elem_id="eval_other")
    with gr.Accordion(W("eval_options"), open=False, elem_id="eval_options"):
        metrics = gr.CheckboxGroup([], label=W("eval_metrics"), info=W("eval_metrics_info"), elem_id="eval_metrics")
        lacking = gr.Markdown("", elem_id="eval_lacking")
        regions = gr.CheckboxGroup(list(REGIONS), value=list(REGIONS), label=W("eval_regions"), elem_id="eval_regions")
        start_s = gr.Number(0, label=W("eval_start_s"), minimum=0, elem_id="eval_start_s")
    with gr.Row():
        start = gr.Button(W("eval_start"), variant="primary", scale=3, elem_id="eval_start")
        cancel = gr.Button(W("cancel"), variant="stop", scale=1, interactive=False, elem_id="eval_cancel")
    made: dict[str, Any] = {"output": output, "chosen": chosen, "reference": reference, "other": other}
    made |= {"metrics": metrics, "lacking": lacking, "regions": regions, "start_s": start_s}
    return {**made, "start": start, "cancel": cancel}


def lay_out_outputs() -> dict[str, Any]:
    """The job, both videos side by side, curve and table, files, earlier comparisons."""
    setup = job_panel("eval_setup_job", idle="")
    panel = job_panel("eval_job", idle="eval_idle")
    history = gr.Dropdown(label=W("eval_history"), elem_id="eval_history", interactive=True)
    look: dict[str, Any] = {"interactive": False, "buttons": [], "visible": False, "height": 300}
    pair = gr.Video(label=W("eval_pair"), elem_id="eval_pair", **look)
    second_pair = gr.Video(label=W("eval_pair_second"), elem_id="eval_pair_second", **look)
    with gr.Row():
        downloads = [
            gr.DownloadButton(
                str(W(f"eval_get_{name}")), size="sm", min_width=110, visible=False, elem_id=f"get_{name}"
            )
            for name in DOWNLOADS
        ]
    view = evaluation_view("eval_view", ("eval_pair", "eval_pair_second"))
    made: dict[str, Any] = {"setup": setup, "panel": panel, "pair": pair, "second_pair": second_pair}
    return {**made, "view": view, "downloads": downloads, "history": history}


def on_load(jobs: list[str] | None, lang: str) -> tuple[Any, ...]:
    """This browser's last comparison again, and the regions in the reader's language."""
    known = comparisons(jobs)
    regions = [(say(lang, f"eval_region_{name}"), name) for name in REGIONS]
    return (
        known[0].id if known else "",
        gr.Button(interactive=bool(known) and not known[0].status().final),
        gr.Dropdown(comparison_titles(known, lang), value=known[0].id if known else None),
        gr.CheckboxGroup(regions, value=list(REGIONS)),
    )


@spoken
def on_select(chosen: list[str], videos: list[str] | None, lang: str) -> tuple[Any, ...]:
    """When the tab is opened: the metrics with what is lacking, this browser's videos, the environment being made."""
    own = [(say(lang, "eval_none"), ""), *titles(finished_videos(videos), lang)]
    preparing = environments.prepare_if_missing(evaluation.ENVIRONMENT)
    if preparing:
        return gr.skip(), say(lang, "eval_listing"), gr.Dropdown(own, value=""), preparing.id
    key = "zh" if is_chinese(lang) else "en"
    metrics = evaluation.list_metrics()
    there = [(metric.title[key], metric.name) for metric in metrics if metric.lack is None]
    names = [name for _, name in there]
    lacks = [f"- {metric.title[key]}: {metric.lack[key]}" for metric in metrics if metric.lack]
    lacking = say(lang, "eval_lacking", what="\n" + "\n".join(lacks)) if lacks else ""
    kept = [name for name in chosen if name in names] or names
    return gr.CheckboxGroup(there, value=kept), lacking, gr.Dropdown(own, value=""), ""


def comparisons(jobs: list[str] | None) -> list[Job]:
    """This browser's comparisons that still exist."""
    return [job for job in mine(jobs) if isinstance(job.request(), EvaluateRequest)]


def finished_videos(jobs: list[str] | None) -> list[Job]:
    """This browser's generated videos."""
    return [job for job in mine(jobs) if isinstance(job.request(), GenerateRequest) and job.output("video")]


def comparison_titles(jobs: list[Job], lang: str) -> list[tuple[str, str]]:
    """What the list of comparisons shows: time, videos, state."""
    rows = []
    for job in jobs:
        status, request = job.status(), job.request().fields()
        when = datetime.fromtimestamp(status.created).strftime("%m-%d %H:%M")
        names = " / ".join(name for name in (request["name"], request["other_name"]) if name)
        rows.append((f"{when}  {names}  {say(lang, status.state)}", job.id))
    return rows


@spoken
def start(
    output: str | None,
    chosen: str | None,
    reference: str | None,
    other: str | None,
    metrics: list[str],
    regions: list[str],
    start_s: float | None,
    videos: list[str] | None,
    jobs: list[str] | None,
    lang: str,
) -> tuple[Any, ...]:
    """Submit the comparison and show it."""
    picked = [job for job in finished_videos(videos) if job.id == chosen]  # only this browser's own
    path = output or (picked[0].output("video") if picked else None)
    if not path:
        raise gr.Error(say(lang, "eval_need_output"), print_exception=False)
    if not reference:
        raise gr.Error(say(lang, "eval_need_reference"), print_exception=False)
    refuse_crowd(lang)
    name = Path(output).stem if output else Path(picked[0].request().fields()["name"]).stem
    job = evaluation.evaluate(
        path,
        reference,
        other,
        metrics=",".join(metrics) or "all",
        regions=",".join(regions) or "full",
        start_s=float(start_s or 0),
        name=name[:MAX_NAME],
        other_name=Path(other).stem[:MAX_NAME] if other else "",
    )
    kept = remember(jobs, job.id)
    history = gr.Dropdown(comparison_titles(comparisons(kept), lang), value=job.id)
    return job.id, kept, gr.Button(interactive=True), history


@spoken
def cancel(job_id: str, lang: str) -> gr.Button:
    """End the comparison."""
    get_job(job_id).cancel()
    return gr.Button(interactive=False)


def show_result(job_id: str, jobs: list[str] | None, lang: str) -> tuple[Any, ...]:
    """The ended comparison's figures, videos and files; nothing for one that failed."""
    history = gr.Dropdown(comparison_titles(comparisons(jobs), lang), value=job_id)
    off = gr.Button(interactive=False)
    try:
        job = get_job(job_id)
    except RequestError:
        job = None
    if job is None or job.output("report") is None:
        nothing = [gr.DownloadButton(visible=False) for _ in DOWNLOADS]
        return "", gr.Video(visible=False), gr.Video(visible=False), *nothing, off, history
    pairs = [evaluation.result_file(job, number, "pair.mp4") for number in (1, 2)]
    players = [
        gr.Video(published(pair, f"{job.id}-{number}.mp4"), visible=True) if pair else gr.Video(None, visible=False)
        for number, pair in enumerate(pairs, 1)
    ]
    files = [
        gr.DownloadButton(value=published(path, f"{job.id[:15]}-{job.id[-6:]}-{file}"), visible=True)
        for name, file in DOWNLOADS.items()
        if (path := job.output(name))
    ]
    return job.id, *players, *files, off, history


def open_earlier(job_id: str | None, jobs: list[str] | None) -> tuple[Any, ...]:
    """Show another of this browser's comparisons; only its own."""
    chosen = [job for job in comparisons(jobs) if job.id == job_id]
    if not chosen:
        return gr.skip(), gr.skip()
    return chosen[0].id, gr.Button(interactive=not chosen[0].status().final)
