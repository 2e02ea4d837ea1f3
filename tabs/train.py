"""The Train tab: a video of a person is looked at, and becomes an avatar."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from bridges import gpus, talking_gaussian, training
from bridges.errors import RequestError
from bridges.jobs.job import adopt, get_job
from bridges.requests import PreflightRequest, PrepareEnvironmentRequest, TrainRequest
from bridges.requests.train import PRESETS
from bridges.training import Consent, Training, Wish
from tabs import generate
from tabs.check_table import check_table, rows_with, toggled
from tabs.errors import spoken
from tabs.job_panel import job_panel
from tabs.publish import published
from tabs.sessions import is_owner, remember, remembered
from tabs.train_view import train_view
from tabs.words import W, is_chinese, say

SIZES = (256, 512, 768, 1024)
MAX_TRAININGS, MAX_CHECKS = 4, 6  # that wait or run, of all visitors together
PRIVATE: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": None}
QUIET: dict[str, Any] = {**PRIVATE, "show_progress": "hidden"}


@dataclass(frozen=True)
class Widgets:
    """The tab's components, by name."""

    lang: gr.Textbox
    mine: gr.BrowserState
    video: gr.Video
    checking: gr.HTML
    checks: gr.HTML
    name_en: gr.Textbox
    name_zh: gr.Textbox
    subject: gr.Textbox
    by: gr.Textbox
    agreed: gr.Checkbox
    preset: gr.Radio
    size: gr.Dropdown
    device: gr.Dropdown
    start: gr.Button
    chosen: gr.Dropdown
    setup: gr.HTML
    panel: gr.HTML
    stop: gr.Button
    resume: gr.Button
    discard: gr.Button
    sure: gr.Button
    view: gr.HTML
    result: gr.Video
    use: gr.Button


def train_tab(language_known: Dependency, lang: gr.Textbox, tab: gr.Tab, tabs: gr.Tabs, avatar: gr.Dropdown) -> None:
    """Lay out the tab and connect it. avatar: the Generate tab's list, which a new avatar joins."""
    widgets = lay_out(lang)
    connect_video(widgets)
    connect_training(widgets, avatar)
    widgets.use.click(use_avatar, [widgets.chosen, lang], [tabs, avatar], **QUIET)
    language_known.then(on_load, [widgets.mine, lang], [*shown(widgets), widgets.preset, widgets.device], **QUIET)
    tab.select(refresh, [widgets.mine, widgets.chosen, lang], shown(widgets), **QUIET)


# --- layout -----------------------------------------------------------------------------------------------------------


def lay_out(lang: gr.Textbox) -> Widgets:
    """The video and what is said of it on the left, the training on the right."""
    gr.HTML(html_template="<p class='tfg-note tfg-lead'>${value}</p>", value=W("train_intro"))
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            video = lay_out_video()
            form = lay_out_form()
        with gr.Column(scale=6, min_width=320):
            run = lay_out_run()
    return Widgets(lang=lang, mine=remembered("tfg_trainings"), **video, **form, **run)


def lay_out_video() -> dict[str, Any]:
    """The video and its preflight."""
    video = gr.Video(
        label=W("train_video"),
        sources=["upload", "webcam"],
        height=340,
        elem_id="train_video",
        include_audio=True,
        webcam_options=gr.WebcamOptions(mirror=False),
    )
    return {"video": video, "checking": job_panel("check_job", idle=""), "checks": check_table("checks")}


def lay_out_form() -> dict[str, Any]:
    """Who it is, who agrees, how well it is to be."""
    with gr.Row():
        name_en = gr.Textbox(label=W("train_name_en"), elem_id="train_name_en", max_length=60, min_width=140)
        name_zh = gr.Textbox(label=W("train_name_zh"), elem_id="train_name_zh", max_length=60, min_width=140)
    with gr.Row():
        subject = gr.Textbox(label=W("train_subject"), elem_id="train_subject", max_length=60, min_width=140)
        by = gr.Textbox(label=W("train_consent_by"), elem_id="train_by", max_length=60, min_width=140)
    agreed = gr.Checkbox(label=W("train_consent"), elem_id="train_agreed")
    preset = gr.Radio(label=W("train_preset"), info=W("train_preset_info"), elem_id="train_preset")
    with gr.Accordion(W("train_options"), open=False, elem_id="train_options"):
        size = gr.Dropdown([(f"{px} × {px}", px) for px in SIZES], value=512, label=W("size"), elem_id="train_size")
        device = generate.device_choice("train_device", "train_device", several=True)
    start = gr.Button(W("train_start"), variant="primary", elem_id="train_start")
    names = ("name_en", "name_zh", "subject", "by", "agreed", "preset", "size", "device", "start")
    made = (name_en, name_zh, subject, by, agreed, preset, size, device, start)
    return dict(zip(names, made, strict=True))


def lay_out_run() -> dict[str, Any]:
    """The chosen training: its job, what it has learnt, its result."""
    chosen = gr.Dropdown(label=W("my_trainings"), elem_id="my_trainings", interactive=True, visible=False)
    setup = job_panel("train_setup_job", idle="")
    panel = job_panel("train_job", idle="train_idle")
    with gr.Row():
        stop = gr.Button(W("train_stop"), variant="stop", size="sm", visible=False, elem_id="train_stop")
        resume = gr.Button(W("train_resume"), variant="primary", size="sm", visible=False, elem_id="train_resume")
        discard = gr.Button(W("train_discard"), size="sm", visible=False, elem_id="train_discard")
        sure = gr.Button(W("train_discard_sure"), variant="stop", size="sm", visible=False, elem_id="train_sure")
    result = gr.Video(label=W("train_result"), interactive=False, visible=False, height=380, elem_id="train_result")
    use = gr.Button(W("use_avatar"), variant="primary", visible=False, elem_id="use_avatar")
    view = train_view("train_view")
    names = ("chosen", "setup", "panel", "stop", "resume", "discard", "sure", "result", "use", "view")
    return dict(zip(names, (chosen, setup, panel, stop, resume, discard, sure, result, use, view), strict=True))


def shown(w: Widgets) -> list[gr.components.Component]:
    """What `show` fills."""
    return [w.chosen, w.setup, w.panel, w.view, w.stop, w.resume, w.discard, w.sure, w.result, w.use]


# --- events -----------------------------------------------------------------------------------------------------------


def connect_video(w: Widgets) -> None:
    """A new video is looked at by itself; repairs are switched in its table."""
    for event in (w.video.upload, w.video.stop_recording):
        event(begin_check, [w.video, w.lang], [w.checking, w.checks, w.setup], **PRIVATE)
    w.video.clear(lambda: ("", ""), None, [w.checking, w.checks], **QUIET)
    w.checking.submit(check_ended, [w.checking, w.lang], [w.checks, w.preset, w.setup], **QUIET)
    w.checks.select(switch_repair, [w.checking, w.checks, w.lang], w.checks, **QUIET)
    w.setup.submit(generate.setup_ended, w.setup, w.setup, **QUIET)


def connect_training(w: Widgets, avatar: gr.Dropdown) -> None:
    """Start, stop, go on, throw away, look at another, and what happens at the end."""
    asked = [w.checking, w.checks, w.name_en, w.name_zh, w.subject, w.by, w.agreed, w.preset, w.size, w.device]
    w.start.click(start, [*asked, w.mine, w.lang], [w.mine, *shown(w)], **PRIVATE)
    w.stop.click(stop, [w.chosen, w.mine, w.lang], w.stop, **PRIVATE)
    w.resume.click(resume, [w.chosen, w.mine, w.lang, w.device], shown(w), **PRIVATE)
    w.discard.click(lambda: gr.Button(visible=True), None, w.sure, **QUIET)
    w.sure.click(discard, [w.chosen, w.mine, w.lang], shown(w), **PRIVATE)
    w.chosen.input(look_at, [w.mine, w.chosen, w.lang], [*shown(w), w.device], **QUIET)
    w.panel.submit(ended, [w.panel, w.mine, w.chosen, w.lang], [*shown(w), avatar], **QUIET)


def on_load(mine: list[str] | None, lang: str, request: gr.Request) -> tuple[Any, ...]:
    """Find this browser's trainings again, also after a restart."""
    known = visible(mine, request)
    return *show(known, None, lang), preset_choices(lang, None), device_of(known, None)


def look_at(mine: list[str] | None, chosen: str | None, lang: str, request: gr.Request) -> tuple[Any, ...]:
    """Another training, with the device on which it would go on."""
    known = visible(mine, request)
    return *show(known, chosen, lang), device_of(known, chosen)


def refresh(mine: list[str] | None, chosen: str | None, lang: str, request: gr.Request) -> tuple[Any, ...]:
    """The tab as it stands now."""
    return show(visible(mine, request), chosen, lang)


def visible(mine: list[str] | None, request: gr.Request) -> list[Training]:
    """The trainings that this visitor may see: all at this machine, else those of this browser."""
    every = training.list_trainings()
    return every if is_owner(request) else [one for one in every if one.id in (mine or [])]


def show(known: list[Training], chosen: str | None, lang: str) -> tuple[Any, ...]:
    """Everything about the chosen training (default: the newest); see `shown`."""
    current = chosen_of(known, chosen)
    if current is None:
        off = gr.Button(visible=False)
        return gr.Dropdown(visible=False), preparing(), "", "", off, off, off, off, gr.Video(visible=False), off
    job = current.job.id if current.job else ""
    active = current.state in ("queued", "running")
    video = preview_of(current)
    return (
        gr.Dropdown(titles(known, lang), value=current.id, visible=True),
        preparing(),
        job,
        job,
        gr.Button(visible=active, interactive=True),
        gr.Button(visible=current.resumable),
        gr.Button(visible=not active),
        gr.Button(visible=False),
        gr.Video(value=video, visible=bool(video)),
        gr.Button(visible=current.avatar is not None),
    )


def chosen_of(known: list[Training], chosen: str | None) -> Training | None:
    """The chosen training, or else the newest."""
    return next((one for one in known if one.id == chosen), known[0] if known else None)


def device_of(known: list[Training], chosen: str | None) -> Any:
    """The choice of a device as the chosen training has it; auto where its cards are gone."""
    current = chosen_of(known, chosen)
    if current is None:
        return gr.skip()
    cards = [str(card.index) for card in gpus.list_gpus()]
    there = ("cpu", *cards, *(("all",) if len(cards) > 1 else ()))
    return gr.update(value=current.device if current.device in there else "auto")


def titles(known: list[Training], lang: str) -> list[tuple[str, str]]:
    """What the list of trainings shows: name, preset, time, state."""
    key = "zh" if is_chinese(lang) else "en"
    rows = []
    for one in known:
        when = datetime.fromtimestamp(one.created).strftime("%m-%d %H:%M")
        state = "running" if one.state == "queued" else one.state
        words = (one.name[key], say(lang, f"train_preset_{one.preset}"), when, say(lang, state))
        rows.append(("  ".join(words), one.id))
    return rows


def preview_of(current: Training) -> str | None:
    """The finished avatar's preview video."""
    info = next((info for info in talking_gaussian.list_avatars() if info.id == current.avatar), None)
    if info is None or info.preview is None:
        return None
    return published(info.preview, f"{current.id}-{int(info.preview.stat().st_mtime)}.mp4")


def preparing() -> str:
    """The job that makes an environment now, or ""."""
    jobs = [job for job in adopt() if job.status().kind == PrepareEnvironmentRequest.kind]
    return jobs[-1].id if jobs else ""


# --- the video --------------------------------------------------------------------------------------------------------


@spoken
def begin_check(video: str | None, lang: str) -> tuple[Any, ...]:
    """Look at a new video as a job."""
    if not video:
        raise gr.Error(say(lang, "need_video"), print_exception=False)
    refuse_crowd(PreflightRequest.kind, MAX_CHECKS, lang)
    job = training.preflight(Path(video))
    return job.id, "", preparing()


def refuse_crowd(kind: str, most: int, lang: str) -> None:
    """A public page must not be filled with work for days."""
    if sum(job.status().kind == kind for job in adopt()) >= most:
        raise gr.Error(say(lang, "train_crowded"), print_exception=False)


def check_ended(job_id: str, lang: str) -> tuple[Any, ...]:
    """The rows, and the presets with the time that they take here."""
    report = report_of(job_id)
    return rows_with(report, {}) if report else "", preset_choices(lang, report), preparing()


def report_of(job_id: str) -> dict[str, Any] | None:
    """A preflight's report, or None while there is none."""
    try:
        job = get_job(job_id)
        return training.read_report(job) if isinstance(job.request(), PreflightRequest) else None
    except RequestError:
        return None


def preset_choices(lang: str, report: dict[str, Any] | None) -> gr.Radio:
    """The presets, with minutes where a report tells them."""
    rows = {row["key"]: row for row in report["rows"]} if report else {}
    seconds = rows["estimate"]["facts"]["seconds"] if "estimate" in rows else {}
    timed = "train_preset_on_cpu" if seconds and gpus.list_gpus() else "train_preset_with_time"
    choices = []
    for preset in PRESETS:
        name = say(lang, f"train_preset_{preset}")
        if preset in seconds:
            name = say(lang, timed, name=name, minutes=max(1, round(seconds[preset] / 60)))
        choices.append((name, preset))
    return gr.Radio(choices, value=PRESETS[0]) if report is None else gr.Radio(choices)


@spoken
def switch_repair(job_id: str, table: str, lang: str, event: gr.EventData) -> Any:
    """Put a row's repair in or take it out."""
    report = report_of(job_id)
    if report is None:
        return gr.skip()
    return rows_with(report, toggled(report, repairs_in(table, report), str(event.key)))


def repairs_in(table: str, report: dict[str, Any]) -> dict[str, float]:
    """The repairs that a table shows as done: their values are the report's, whatever the browser says."""
    keys = {row["key"] for row in json.loads(table or "[]") if row.get("repaired")}
    return {k: v for row in report["rows"] if row["key"] in keys for k, v in (row["repair"] or {}).items()}


# --- the training -----------------------------------------------------------------------------------------------------


@spoken
def start(
    check_id: str,
    table: str,
    name_en: str,
    name_zh: str,
    subject: str,
    by: str,
    agreed: bool,
    preset: str,
    size: int,
    device: str,
    mine: list[str] | None,
    lang: str,
    request: gr.Request,
) -> tuple[Any, ...]:
    """Begin a training of the video that was looked at."""
    if not check_id:
        raise gr.Error(say(lang, "need_video"), print_exception=False)
    report = report_of(check_id)
    looked_at = get_job(check_id).request()
    if report is None or not isinstance(looked_at, PreflightRequest):
        raise gr.Error(say(lang, "need_check"), print_exception=False)
    repairs = repairs_in(table, report)
    training.refuse_obstacles(report, repairs)
    if not agreed:
        raise gr.Error(say(lang, "need_consent"), print_exception=False)
    refuse_crowd(TrainRequest.kind, MAX_TRAININGS, lang)
    statement = say(lang, "train_consent_statement", subject=subject.strip(), by=by.strip())
    consent = Consent(subject, by, statement)
    wish = Wish(name_en, name_zh, consent, preset, size, device, repairs=repairs)
    begun = training.start(Path(looked_at.video), wish, report)
    if preparing():
        gr.Info(say(lang, "train_preparing"))
    remembered_now = remember(mine, begun.id)
    return remembered_now, *show(visible(remembered_now, request), begun.id, lang)


def own(training_id: str | None, mine: list[str] | None, lang: str, request: gr.Request) -> Training:
    """The chosen training, where this visitor may see it."""
    for one in visible(mine, request):
        if one.id == training_id:
            return one
    raise RequestError("no_training", "There is no such training.", "没有这个训练任务。")


@spoken
def stop(chosen: str, mine: list[str] | None, lang: str, request: gr.Request) -> gr.Button:
    """End the job; what was learnt so far is kept."""
    current = own(chosen, mine, lang, request)
    if current.job:
        current.job.cancel()
    return gr.Button(interactive=False)


@spoken
def resume(chosen: str, mine: list[str] | None, lang: str, device: str, request: gr.Request) -> tuple[Any, ...]:
    """Go on from the last checkpoint as a new job, on the device that is chosen now."""
    refuse_crowd(TrainRequest.kind, MAX_TRAININGS, lang)
    training.resume(own(chosen, mine, lang, request).id, device)
    return show(visible(mine, request), chosen, lang)


@spoken
def discard(chosen: str, mine: list[str] | None, lang: str, request: gr.Request) -> tuple[Any, ...]:
    """Delete a training's workspace; its avatar stays."""
    training.discard(own(chosen, mine, lang, request).id)
    gr.Info(say(lang, "train_discarded"))
    return show(visible(mine, request), None, lang)


def ended(job_id: str, mine: list[str] | None, chosen: str | None, lang: str, request: gr.Request) -> tuple[Any, ...]:
    """The job has ended: buttons, the avatar's preview, and the avatar in the Generate tab's list."""
    known = visible(mine, request)
    current = next((one for one in known if one.job and one.job.id == job_id), None)
    choices, setup, _, _, *rest = show(known, current.id if current else chosen, lang)
    # the panel that told this keeps what it shows
    return choices, setup, gr.skip(), gr.skip(), *rest, gr.Dropdown(generate.avatar_choices(lang))


@spoken
def use_avatar(chosen: str, lang: str) -> tuple[Any, ...]:
    """Turn to the Generate tab with the new avatar chosen."""
    choices = generate.avatar_choices(lang)
    if chosen not in {avatar for _, avatar in choices}:
        raise RequestError("no_avatar", "This avatar is not there any more.", "该数字人已不存在。")
    return gr.Tabs(selected="generate"), gr.Dropdown(choices, value=chosen)
