"""The Generate tab: an avatar and speech become a talking video."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from bridges import cosyvoice, environments, gpus, paths, talking_gaussian
from bridges.errors import RequestError
from bridges.jobs.job import Job, get_job, run_again
from tabs.crowd import refuse_crowd
from tabs.errors import spoken
from tabs.job_panel import job_panel
from tabs.publish import published
from tabs.sessions import remember, remembered_jobs
from tabs.voice import VoiceWidgets, connect_voice, fill_voice, forecast, speech_fields, voice_panel
from tabs.voice_library import connect_library, voice_library
from tabs.words import W, is_chinese, say

SAMPLES = paths.PROJECT / "TalkingGaussian" / "samples"
SAMPLE_NAMES = {"en.wav": {"en": "English", "zh": "英语"}, "zh.wav": {"en": "Chinese", "zh": "中文"}}
SIZES = (256, 512, 768, 1024)
FEATURES = ("visemes", "mel")
ENGINE = "talking_gaussian"


@dataclass(frozen=True)
class Widgets:
    """The tab's components, by name."""

    lang: gr.Textbox
    jobs: gr.BrowserState
    avatar: gr.Dropdown
    preview: gr.Image
    new_avatar: gr.UploadButton
    source: gr.Radio
    sound: gr.Column
    spoken: gr.Column
    voice: VoiceWidgets
    speech: gr.Audio
    sample: gr.Dropdown
    size: gr.Dropdown
    fps: gr.Dropdown
    features: gr.Dropdown
    seed: gr.Number
    device: gr.Dropdown
    start: gr.Button
    cancel: gr.Button
    setup: gr.HTML
    panel: gr.HTML
    importing: gr.HTML
    video: gr.Video
    download: gr.DownloadButton
    again: gr.Button
    used: gr.JSON
    history: gr.Dropdown


def generate_tab(language_known: Dependency, lang: gr.Textbox) -> Widgets:
    """Lay out the tab and connect it; returns its components. language_known: after it `lang` holds the reader's."""
    widgets = lay_out(lang)
    connect_inputs(widgets)
    connect_source(widgets)
    connect_job(widgets)
    connect_history(widgets)
    language_known.then(on_load, [widgets.jobs, lang], outputs_on_load(widgets), show_progress="hidden", **PRIVATE)
    return widgets


PRIVATE: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": None}


def lay_out(lang: gr.Textbox) -> Widgets:
    """Inputs on the left, the job and its video on the right."""
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            inputs = lay_out_inputs()
        with gr.Column(scale=6, min_width=320):
            outputs = lay_out_outputs()
    return Widgets(lang=lang, jobs=remembered_jobs(), **inputs, **outputs)


def lay_out_inputs() -> dict[str, Any]:
    """Avatar, speech, options, buttons."""
    with gr.Row(equal_height=True):
        preview = gr.Image(
            label=W("avatar_preview"),
            show_label=False,
            interactive=False,
            height=190,
            min_width=120,
            buttons=[],
            elem_id="avatar_preview",
        )
        with gr.Column(min_width=160):
            avatar = gr.Dropdown(label=W("avatar"), elem_id="avatar", interactive=True)
            new_avatar = gr.UploadButton(str(W("add_avatar")), file_types=[".zip"], size="sm", elem_id="new_avatar")
    importing = job_panel("import_job", idle="")
    source = gr.Radio(
        [(W("source_sound"), "sound"), (W("source_text"), "text")],
        value="sound",
        label=W("source"),
        show_label=False,
        elem_id="source",
    )
    with gr.Column() as sound:
        speech = gr.Audio(label=W("speech"), sources=["upload", "microphone"], type="filepath", elem_id="speech")
        sample = gr.Dropdown(label=W("sample"), elem_id="sample", interactive=True)
    with gr.Column(visible=False) as spoken_text:
        voice = voice_panel()
    with gr.Accordion(W("options"), open=False, elem_id="options"):
        size = gr.Dropdown(label=W("size"), elem_id="size")
        fps = gr.Dropdown(label=W("fps"), elem_id="fps")
        features = gr.Dropdown(list(FEATURES), label=W("features"), info=W("features_info"), elem_id="features")
        seed = gr.Number(0, label=W("seed"), precision=0, minimum=0, maximum=2**31 - 1, elem_id="seed")
        device = device_choice()
    with gr.Row():
        start = gr.Button(W("start"), variant="primary", scale=3, elem_id="start")
        cancel = gr.Button(W("cancel"), variant="stop", scale=1, interactive=False, elem_id="cancel")
    names = ("preview", "avatar", "new_avatar", "importing", "speech", "sample", "size", "fps", "features", "seed")
    made = (preview, avatar, new_avatar, importing, speech, sample, size, fps, features, seed)
    said = {"source": source, "sound": sound, "spoken": spoken_text, "voice": voice}
    return {**dict(zip(names, made, strict=True)), **said, "device": device, "start": start, "cancel": cancel}


def device_choice(label: str = "device", elem_id: str = "device", several: bool = False) -> gr.Dropdown:
    """The processors to choose from, under the word `label`; shown only where there is a card. several: all cards
    together can be chosen too, where there are some."""
    cards = gpus.list_gpus()
    choices: list[tuple[Any, str]] = [(W("device_auto"), "auto"), ("CPU", "cpu")]
    choices += [(f"GPU {card.index}: {card.name}", str(card.index)) for card in cards]
    if several and len(cards) > 1:
        choices.append((W("device_all"), "all"))
    return gr.Dropdown(choices, value="auto", label=W(label), visible=bool(cards), elem_id=elem_id)


def lay_out_outputs() -> dict[str, Any]:
    """The job, its video, what it was made with, and this browser's other videos."""
    setup = job_panel("setup_job", idle="")
    panel = job_panel("job")
    video = gr.Video(label=W("result"), interactive=False, elem_id="result", height=430, buttons=[])
    with gr.Row():
        download = gr.DownloadButton(str(W("download")), interactive=False, size="sm", elem_id="download")
        again = gr.Button(W("again"), interactive=False, size="sm", elem_id="again")
    history = gr.Dropdown(label=W("my_videos"), elem_id="history", interactive=True)
    with gr.Accordion(W("settings_used"), open=False, elem_id="settings"):
        used = gr.JSON(show_label=False, elem_id="used")
    return {
        "setup": setup,
        "panel": panel,
        "video": video,
        "download": download,
        "again": again,
        "history": history,
        "used": used,
    }


def connect_inputs(w: Widgets) -> None:
    """The avatar's picture, samples, and new avatars."""
    w.avatar.change(avatar_picture, w.avatar, w.preview, show_progress="hidden", **PRIVATE)
    w.sample.input(sample_file, w.sample, w.speech, show_progress="hidden", **PRIVATE)
    w.new_avatar.upload(add_avatar, [w.new_avatar, w.lang], w.importing, **PRIVATE)
    w.importing.submit(avatar_added, [w.importing, w.lang], [w.avatar, w.importing], show_progress="hidden", **PRIVATE)


def connect_source(w: Widgets) -> None:
    """Sound or text; the voices and what can speak are looked up when text is first chosen."""
    voice = w.voice
    w.source.change(show_source, w.source, [w.sound, w.spoken], show_progress="hidden", **PRIVATE)
    filled = [voice.voice, voice.engine, voice.language, voice.ready]
    about = [voice.text, voice.voice, voice.engine, voice.speed, voice.instruct, voice.dialect, voice.ready, w.lang]
    chosen = w.source.change(fill_when_text, [w.source, w.lang], filled, show_progress="hidden", **PRIVATE)
    chosen.then(forecast, about, voice.forecast, show_progress="hidden", **PRIVATE)
    connect_voice(voice, w.lang)
    with w.spoken:
        library = voice_library()
    connect_library(library, voice, w.source, w.lang)


def connect_job(w: Widgets) -> None:
    """Start, cancel, repeat, and what happens when a job has ended."""
    shown = [w.panel, w.jobs, w.cancel, w.history]
    asked = [w.avatar, w.speech, w.size, w.fps, w.features, w.seed, w.jobs, w.lang, w.source, w.device]
    asked += w.voice.asked
    w.start.click(start, asked, shown, api_visibility="private", concurrency_limit=None)
    w.cancel.click(cancel, [w.panel, w.lang], w.cancel, **PRIVATE)
    w.again.click(again, [w.panel, w.jobs, w.lang], shown, **PRIVATE)
    result = [w.video, w.download, w.again, w.cancel, w.used, w.history]
    w.panel.submit(show_result, [w.panel, w.jobs, w.lang], result, show_progress="hidden", **PRIVATE)
    w.setup.submit(setup_ended, w.setup, w.setup, show_progress="hidden", **PRIVATE)


def connect_history(w: Widgets) -> None:
    """Open one of this browser's earlier videos."""
    w.history.input(open_earlier, [w.history, w.jobs], [w.panel, w.cancel], show_progress="hidden", **PRIVATE)


def outputs_on_load(w: Widgets) -> list[gr.components.Component]:
    """What a fresh or reloaded page fills."""
    return [w.avatar, w.sample, w.size, w.fps, w.features, w.panel, w.cancel, w.history, w.setup]


def on_load(jobs: list[str] | None, lang: str) -> tuple[Any, ...]:
    """Fill the lists in the reader's language and find this browser's last job again."""
    avatars = avatar_choices(lang)
    name = "zh" if is_chinese(lang) else "en"
    as_avatar = (say(lang, "as_avatar"), 0)
    samples = [(say(lang, "no_sample"), "")]
    samples += [(names[name], file) for file, names in SAMPLE_NAMES.items() if (SAMPLES / file).is_file()]
    known = mine(jobs)
    preparing = environments.prepare_if_missing(ENGINE)
    if not avatars:
        gr.Info(say(lang, "no_avatars"))
    if preparing:
        gr.Info(say(lang, "preparing"))
    return (
        gr.Dropdown(avatars, value=avatars[0][1] if avatars else None),
        gr.Dropdown(samples, value=""),
        gr.Dropdown([as_avatar, *((f"{size} × {size}", size) for size in SIZES)], value=0),
        gr.Dropdown([as_avatar, ("25", 25), ("30", 30), ("50", 50)], value=0),
        gr.Dropdown(value=FEATURES[0]),
        known[0].id if known else "",
        gr.Button(interactive=bool(known) and not known[0].status().final),
        gr.Dropdown(titles(known, lang), value=known[0].id if known else None),
        preparing.id if preparing else "",
    )


def avatar_choices(lang: str) -> list[tuple[str, str]]:
    """Every list of avatars: (name in the reader's language, id)."""
    name = "zh" if is_chinese(lang) else "en"
    return [(info.name[name], info.id) for info in talking_gaussian.list_avatars()]


def mine(jobs: list[str] | None) -> list[Job]:
    """This browser's jobs that still exist."""
    found = []
    for job_id in jobs or []:
        try:
            found.append(get_job(job_id))
        except RequestError:  # cleaned up since: no longer in the list
            continue
    return found


def titles(jobs: list[Job], lang: str) -> list[tuple[str, str]]:
    """What the list of videos shows: time, sound, state."""
    rows = []
    for job in jobs:
        status = job.status()
        when = datetime.fromtimestamp(status.created).strftime("%m-%d %H:%M")
        rows.append((f"{when}  {job.request().fields().get('name', '')}  {say(lang, status.state)}", job.id))
    return rows


def avatar_picture(avatar: str | None) -> str | None:
    """The avatar's poster."""
    chosen = [info for info in talking_gaussian.list_avatars() if info.id == avatar]
    return str(chosen[0].poster) if chosen and chosen[0].poster else None


def sample_file(sample: str | None) -> Any:
    """The bundled speech of that name."""
    return str(SAMPLES / sample) if sample in SAMPLE_NAMES else gr.skip()


def show_source(source: str) -> tuple[Any, Any]:
    """The inputs of the chosen source."""
    return gr.Column(visible=source == "sound"), gr.Column(visible=source == "text")


def fill_when_text(source: str, lang: str) -> tuple[Any, ...]:
    """What the voice panel offers, once it is shown."""
    return fill_voice(lang) if source == "text" else (gr.skip(),) * 4


@spoken
def start(
    avatar: str | None,
    speech: str | None,
    size: int,
    fps: int,
    features: str,
    seed: int,
    jobs: list[str] | None,
    lang: str,
    source: str = "sound",
    device: str = "auto",
    *voice: Any,
) -> tuple[Any, ...]:
    """Submit the job and show it. voice: what the voice panel holds, where the source is a text."""
    if not avatar:
        raise gr.Error(say(lang, "need_avatar"), print_exception=False)
    said = speech_fields(voice, lang) if source == "text" else {}
    if not speech and not said:
        raise gr.Error(say(lang, "need_speech"), print_exception=False)
    known = {info.id for info in talking_gaussian.list_avatars()}
    if avatar not in known:  # only listed avatars: a path from the browser is not one
        raise gr.Error(say(lang, "need_avatar"), print_exception=False)
    refuse_crowd(lang)
    chosen = {"size": size or None, "fps": fps or None, "audio_features": features, "seed": int(seed or 0)}
    chosen["device"] = device
    if said:
        cosyvoice.prepare(said["engine"])
    job = talking_gaussian.generate(avatar, "" if said else speech or "", **chosen, **said)
    return shown_job(job, jobs, lang)


def shown_job(job: Job, jobs: list[str] | None, lang: str) -> tuple[Any, ...]:
    """A new job for the panel, the browser's memory, the cancel button and the list."""
    remembered = remember(jobs, job.id)
    history = gr.Dropdown(titles(mine(remembered), lang), value=job.id)
    return job.id, remembered, gr.Button(interactive=True), history


@spoken
def again(job_id: str, jobs: list[str] | None, lang: str) -> tuple[Any, ...]:
    """The same request once more."""
    refuse_crowd(lang)
    return shown_job(run_again(job_id), jobs, lang)


@spoken
def cancel(job_id: str, lang: str) -> gr.Button:
    """End the job with all it started."""
    get_job(job_id).cancel()
    return gr.Button(interactive=False)


def show_result(job_id: str, jobs: list[str] | None, lang: str) -> tuple[Any, ...]:
    """The ended job's video and settings (nothing for one without a video)."""
    try:
        job = get_job(job_id)
    except RequestError:
        off = gr.Button(interactive=False)
        return None, gr.DownloadButton(interactive=False), off, off, None, gr.skip()
    output = job.output("video")
    video = published(output, f"{job.id}.mp4") if output else None
    fields = job.request().fields().items()
    settings = {key: value for key, value in fields if key not in ("audio", "prompt") and value not in ("", None)}
    settings |= spoken_how(job)
    return (
        video,
        gr.DownloadButton(value=video, interactive=bool(video)),
        gr.Button(interactive=True),
        gr.Button(interactive=False),
        settings,
        gr.Dropdown(titles(mine(jobs), lang), value=job_id),
    )


def spoken_how(job: Job) -> dict[str, Any]:
    """Of a job that spoke a text: which engine did it and in which mode."""
    result = cosyvoice.spoken_result(job)
    return {"spoken_by": f"{result['engine']} ({result['mode']})"} if result else {}


def open_earlier(job_id: str | None, jobs: list[str] | None) -> tuple[Any, ...]:
    """Show another of this browser's jobs; only its own."""
    chosen = [job for job in mine(jobs) if job.id == job_id]
    if not chosen:
        return gr.skip(), gr.skip()
    return chosen[0].id, gr.Button(interactive=not chosen[0].status().final)


def setup_ended(job_id: str) -> Any:
    """A prepared environment needs no panel any more; a failed one stays to be read."""
    return "" if job_id and get_job(job_id).status().state == "done" else gr.skip()


@spoken
def add_avatar(archive: str | None, lang: str) -> str:
    """Import an uploaded avatar as a job."""
    if not archive:
        raise gr.Error(say(lang, "need_avatar"), print_exception=False)
    return talking_gaussian.import_avatar(Path(archive)).id


def avatar_added(job_id: str, lang: str) -> tuple[Any, Any]:
    """Choose the imported avatar; a refused one leaves its reason in the panel."""
    job = get_job(job_id)
    if job.status().state != "done":
        return gr.skip(), gr.skip()
    gr.Info(say(lang, "avatar_added"))
    return gr.Dropdown(avatar_choices(lang), value=job.status().result), ""
