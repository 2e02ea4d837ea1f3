"""The Library tab: avatars with their facts, and the results with what they were made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from bridges import library, talking_gaussian
from bridges.errors import RequestError
from bridges.jobs.job import Job, get_job, list_jobs
from bridges.talking_gaussian import AvatarInfo
from tabs import generate
from tabs.cards import Card, cards, listed
from tabs.errors import spoken
from tabs.job_panel import job_panel
from tabs.publish import published, shelf
from tabs.sessions import is_owner
from tabs.words import W, is_chinese, say

PRIVATE: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": None}
QUIET: dict[str, Any] = {**PRIVATE, "show_progress": "hidden"}
MAX_RESULTS = 24
FACTS_CSS = """
.tfg-facts { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin: 0; font-size: .93rem; }
.tfg-facts dt { color: var(--body-text-color-subdued); } .tfg-facts dd { margin: 0; overflow-wrap: anywhere; }
"""


@dataclass(frozen=True)
class Widgets:
    """The tab's components, by name. chosen: the id of the avatar at hand; result: of the job at hand."""

    lang: gr.Textbox
    avatars: gr.HTML
    chosen: gr.Textbox
    details: gr.Column
    facts: gr.HTML
    name_en: gr.Textbox
    name_zh: gr.Textbox
    rename: gr.Button
    use: gr.Button
    export: gr.DownloadButton
    delete: gr.Button
    sure: gr.Button
    bring: gr.UploadButton
    importing: gr.HTML
    results: gr.HTML
    result: gr.Textbox
    shown: gr.Column
    video: gr.Video
    used: gr.JSON
    again: gr.Button


def library_tab(tab: gr.Tab, lang: gr.Textbox, tabs: gr.Tabs, making: generate.Widgets) -> None:
    """Lay out the tab and connect it. making: the Generate tab, where avatars are used and results repeated."""
    w = lay_out(lang)
    tab.select(refresh, [w.chosen, making.jobs, lang], [w.avatars, w.results], **QUIET)
    connect_avatars(w, tabs, making)
    connect_results(w, tabs, making)


# --- layout -----------------------------------------------------------------------------------------------------------


def lay_out(lang: gr.Textbox) -> Widgets:
    """Avatars above, results below; the details of what was chosen beside them."""
    chosen = gr.Textbox("", visible="hidden", elem_id="library_chosen")
    result = gr.Textbox("", visible="hidden", elem_id="library_result")
    gr.HTML(html_template="<h3>${value}</h3>", value=W("library_avatars"))
    with gr.Row():
        with gr.Column(scale=6, min_width=320):
            avatars = cards("avatar_cards")
            bring = gr.UploadButton(str(W("library_import")), file_types=[".zip"], size="sm", elem_id="library_import")
            importing = job_panel("library_job", idle="")
        with gr.Column(scale=5, min_width=320, visible=False, elem_id="avatar_details") as details:
            about = lay_out_details()
    gr.HTML(html_template="<h3>${value}</h3>", value=W("library_results"))
    with gr.Row():
        with gr.Column(scale=6, min_width=320):
            results = cards("result_cards")
        with gr.Column(scale=5, min_width=320, visible=False, elem_id="result_details") as shown:
            video = gr.Video(label=W("library_video"), interactive=False, height=320, elem_id="library_video")
            used = gr.JSON(show_label=False, elem_id="library_used")
            again = gr.Button(W("library_again"), size="sm", variant="primary", elem_id="library_again")
    made = {"avatars": avatars, "chosen": chosen, "details": details, "bring": bring, "importing": importing}
    made |= {"results": results, "result": result, "shown": shown, "video": video, "used": used, "again": again}
    return Widgets(lang=lang, **made, **about)


def lay_out_details() -> dict[str, Any]:
    """What one avatar is and what can be done with it."""
    facts = gr.HTML(css_template=FACTS_CSS, elem_id="avatar_facts", padding=True)
    with gr.Row():
        name_en = gr.Textbox(label=W("library_name_en"), max_length=60, min_width=130, elem_id="library_name_en")
        name_zh = gr.Textbox(label=W("library_name_zh"), max_length=60, min_width=130, elem_id="library_name_zh")
    with gr.Row():
        use = gr.Button(W("library_use"), variant="primary", size="sm", min_width=120, elem_id="library_use")
        rename = gr.Button(W("library_rename"), size="sm", min_width=120, elem_id="library_rename")
    with gr.Row():
        export = gr.DownloadButton(str(W("library_export")), size="sm", min_width=120, elem_id="library_export")
        delete = gr.Button(W("library_delete"), variant="stop", size="sm", min_width=120, elem_id="library_delete")
    sure = gr.Button("", variant="stop", size="sm", visible=False, elem_id="library_sure")
    names = ("facts", "name_en", "name_zh", "use", "rename", "export", "delete", "sure")
    return dict(zip(names, (facts, name_en, name_zh, use, rename, export, delete, sure), strict=True))


# --- events -----------------------------------------------------------------------------------------------------------


def connect_avatars(w: Widgets, tabs: gr.Tabs, making: generate.Widgets) -> None:
    """Choose, rename, export, delete, import, use."""
    details = [w.avatars, w.chosen, w.details, w.facts, w.name_en, w.name_zh, w.rename, w.export, w.delete, w.sure]
    w.avatars.select(choose, w.lang, details, **QUIET)
    w.rename.click(rename, [w.chosen, w.name_en, w.name_zh, w.lang], [*details, making.avatar], **PRIVATE)
    w.delete.click(ask, [w.chosen, w.lang], w.sure, **QUIET)
    w.sure.click(delete, [w.chosen, w.lang], [w.avatars, w.details, w.chosen, making.avatar], **PRIVATE)
    w.use.click(use, [w.chosen, w.lang], [tabs, making.avatar], **QUIET)
    w.bring.upload(bring, [w.bring, w.lang], w.importing, **PRIVATE)
    w.importing.submit(brought, [w.importing, w.lang], [*details, w.importing, making.avatar], **QUIET)


def connect_results(w: Widgets, tabs: gr.Tabs, making: generate.Widgets) -> None:
    """Look at a result; make it again in the Generate tab."""
    w.results.select(open_result, [making.jobs, w.lang], [w.results, w.result, w.shown, w.video, w.used], **QUIET)
    shown = [tabs, making.panel, making.jobs, making.cancel, making.history]
    w.again.click(again, [w.result, making.jobs, w.lang], shown, **PRIVATE)


def refresh(chosen: str, jobs: list[str] | None, lang: str, request: gr.Request) -> tuple[str, str]:
    """Both grids as they are now."""
    return avatar_grid(chosen, lang), result_grid(visible(jobs, request), "", lang)


def avatar_grid(chosen: str, lang: str) -> str:
    """All avatars, broken ones marked."""
    key = "zh" if is_chinese(lang) else "en"
    items = []
    for info in talking_gaussian.list_avatars(with_problems=True):
        poster, video = str(info.poster or ""), str(info.preview or "")
        if info.problem:
            items.append(Card(info.id, info.id, info.problem[key], poster, "", say(lang, "library_broken"), True))
            continue
        badge = say(lang, "library_bundled") if info.bundled else ""
        items.append(Card(info.id, info.name[key], f"{info.size} px · {info.fps:g} fps", poster, video, badge))
    return listed(items, chosen, say(lang, "library_no_avatars"))


# --- avatars ----------------------------------------------------------------------------------------------------------


@spoken
def choose(lang: str, event: gr.EventData) -> tuple[Any, ...]:
    """Show an avatar's details."""
    return details_of(str(event.id), lang)


def details_of(avatar_id: str, lang: str) -> tuple[Any, ...]:
    """The grid with this avatar marked, and everything about it; see `details` in `connect_avatars`."""
    info = library.get_avatar(avatar_id)
    mine, fine = not info.bundled, info.problem is None
    zip_file = str(library.export(avatar_id, export_folder(info))) if fine else None
    return (
        avatar_grid(avatar_id, lang),
        avatar_id,
        gr.Column(visible=True),
        facts_table(info, lang),
        gr.Textbox(info.name["en"], interactive=mine and fine),
        gr.Textbox(info.name["zh"], interactive=mine and fine),
        gr.Button(visible=mine and fine),
        gr.DownloadButton(value=zip_file, visible=fine),
        gr.Button(visible=mine),
        gr.Button(visible=False),
    )


def export_folder(info: AvatarInfo) -> Path:
    """Where the page serves an avatar's zip from: one folder an avatar and version of its facts."""
    stamp = int((info.folder / "avatar.json").stat().st_mtime)
    folder = shelf() / f"{info.id}-{stamp}"
    folder.mkdir(exist_ok=True)
    return folder


def facts_table(info: AvatarInfo, lang: str) -> str:
    """What avatar.json tells, as rows."""
    if info.problem:
        return escape(info.problem["zh" if is_chinese(lang) else "en"])
    told = library.facts(info.id)
    rows = {
        "fact_size": f"{info.size} × {info.size} px, {info.fps:g} fps",
        "fact_disk": f"{told['bytes'] / 1e6:.1f} MB",
        "fact_created": str(told.get("created", ""))[:16].replace("T", " "),
        "fact_subject": told.get("subject", ""),
        "fact_consent": consent_line(told.get("consent")),
        "fact_licence": told.get("licence", ""),
        "fact_training": training_line(told.get("training"), lang),
        "fact_engine": told.get("engine_version", ""),
    }
    lines = (f"<dt>{escape(say(lang, key))}</dt><dd>{escape(str(text))}</dd>" for key, text in rows.items() if text)
    return f"<dl class='tfg-facts'>{''.join(lines)}</dl>"


def consent_line(consent: Any) -> str:
    """The statement, and who agreed when."""
    if isinstance(consent, dict):
        return " · ".join(str(consent[key]) for key in ("statement", "by", "date") if consent.get(key))
    return str(consent or "")


def training_line(told: Any, lang: str) -> str:
    """The few figures of a training that a person wants."""
    if not isinstance(told, dict):
        return str(told or "")
    lines = []
    if isinstance(told.get("gaussians"), int):
        lines.append(say(lang, "training_gaussians", n=f"{told['gaussians']:,}"))
    if is_number(told.get("seconds")):
        lines.append(say(lang, "training_seconds", n=max(1, round(told["seconds"] / 60))))
    held_out = told["held_out"] if isinstance(told.get("held_out"), dict) else {}
    scores = {who: row["lmd"] for who, row in held_out.items() if isinstance(row, dict) and is_number(row.get("lmd"))}
    if {"avatar", "frozen"} <= set(scores):
        lmd, frozen = f"{scores['avatar']:.2f}", f"{scores['frozen']:.2f}"
        lines.append(say(lang, "training_lmd", lmd=lmd, frozen=frozen))
    return ", ".join(lines)


def is_number(value: Any) -> bool:
    """Whether avatar.json, which strangers write, holds a number there."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@spoken
def rename(avatar_id: str, name_en: str, name_zh: str, lang: str, request: gr.Request) -> tuple[Any, ...]:
    """Give an avatar other names."""
    refuse_strangers(request, lang)
    library.rename(avatar_id, name_en, name_zh)
    gr.Info(say(lang, "library_renamed"))
    return *details_of(avatar_id, lang), gr.Dropdown(generate.avatar_choices(lang))


def ask(avatar_id: str, lang: str) -> gr.Button:
    """The button that really deletes, with the avatar's name on it."""
    return gr.Button(say(lang, "library_delete_sure", name=name_of(avatar_id, lang)), visible=True)


@spoken
def delete(avatar_id: str, lang: str, request: gr.Request) -> tuple[Any, ...]:
    """Remove an avatar for good."""
    refuse_strangers(request, lang)
    name = name_of(avatar_id, lang)
    library.delete(avatar_id)
    gr.Info(say(lang, "library_deleted", name=name))
    choices = generate.avatar_choices(lang)
    first = choices[0][1] if choices else None
    return avatar_grid("", lang), gr.Column(visible=False), "", gr.Dropdown(choices, value=first)


def name_of(avatar_id: str, lang: str) -> str:
    """An avatar's name in the reader's language."""
    return library.get_avatar(avatar_id).name["zh" if is_chinese(lang) else "en"]


@spoken
def use(avatar_id: str, lang: str) -> tuple[Any, ...]:
    """Turn to the Generate tab with this avatar chosen."""
    choices = generate.avatar_choices(lang)
    if avatar_id not in {known for _, known in choices}:
        raise RequestError("no_avatar", "This avatar cannot be used.", "无法使用该数字人。")
    return gr.Tabs(selected="generate"), gr.Dropdown(choices, value=avatar_id)


@spoken
def bring(archive: str | None, lang: str, request: gr.Request) -> str:
    """Import an uploaded avatar as a job."""
    refuse_strangers(request, lang)
    return talking_gaussian.import_avatar(Path(archive)).id if archive else ""


def brought(job_id: str, lang: str) -> tuple[Any, ...]:
    """Show the imported avatar; a refused one leaves its reason in the panel."""
    status = get_job(job_id).status()
    if status.state != "done":
        return (gr.skip(),) * 12
    return *details_of(status.result, lang), "", gr.Dropdown(generate.avatar_choices(lang))


def refuse_strangers(request: gr.Request, lang: str) -> None:
    """Only who runs this app changes what everybody uses."""
    if not is_owner(request):
        raise gr.Error(say(lang, "library_owner_only"), print_exception=False)


# --- results ----------------------------------------------------------------------------------------------------------


def visible(jobs: list[str] | None, request: gr.Request) -> list[Job]:
    """The videos that this visitor may see: all at this machine, else those of this browser; newest first."""
    every = list_jobs("generate") if is_owner(request) else generate.mine(jobs)
    return [job for job in every if job.output("video")][:MAX_RESULTS]


def result_grid(found: list[Job], chosen: str, lang: str) -> str:
    """Videos with the sound's name and the avatar's."""
    names = {avatar: name for name, avatar in generate.avatar_choices(lang)}
    items = []
    for job in found:
        asked, output = job.request().fields(), job.output("video")
        if output is None:
            continue
        when = datetime.fromtimestamp(job.status().created).strftime("%m-%d %H:%M")
        avatar = names.get(asked["avatar"], asked["avatar"])
        items.append(
            Card(job.id, asked.get("name") or avatar, f"{when} · {avatar}", video=published(output, f"{job.id}.mp4"))
        )
    return listed(items, chosen, say(lang, "library_empty"))


@spoken
def open_result(jobs: list[str] | None, lang: str, request: gr.Request, event: gr.EventData) -> tuple[Any, ...]:
    """Show a video and everything that it was made with."""
    known = visible(jobs, request)
    job = next((job for job in known if job.id == event.id), None)
    if job is None:
        raise RequestError("no_job", "This result is not there any more.", "该结果已不存在。")
    output = job.output("video")
    asked = job.request().fields()
    used = {key: value for key, value in asked.items() if key != "audio" and value not in ("", None)}
    video = published(output, f"{job.id}.mp4") if output else None
    return result_grid(known, job.id, lang), job.id, gr.Column(visible=True), video, used


@spoken
def again(job_id: str, jobs: list[str] | None, lang: str, request: gr.Request) -> tuple[Any, ...]:
    """The same request once more, followed in the Generate tab."""
    if job_id not in {job.id for job in visible(jobs, request)}:
        raise RequestError("no_job", "This result is not there any more.", "该结果已不存在。")
    return gr.Tabs(selected="generate"), *generate.again(job_id, jobs, lang)
