"""The voice panel of the Generate tab: a text, who says it and how; which engine speaks, why, and how long it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from bridges import cosyvoice, voices
from bridges.cosyvoice import Readiness
from bridges.errors import RequestError
from bridges.jobs.job import Job, get_job
from bridges.requests.speak import LANGUAGES, PRESETS
from tabs.crowd import refuse_crowd
from tabs.errors import spoken
from tabs.job_panel import job_panel
from tabs.publish import published
from tabs.words import TEXTS, W, is_chinese, say

PRIVATE: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": None}
DIALECTS = (
    *("广东话", "东北话", "四川话", "上海话", "天津话", "河南话", "湖北话", "湖南话", "陕西话", "山东话", "山西话"),
    *("云南话", "闽南话", "江西话", "甘肃话", "宁夏话", "贵州话"),
)
LANGUAGE_NAMES = {
    "zh": ("Chinese", "中文"),
    "en": ("English", "英语"),
    "ja": ("Japanese", "日语"),
    "ko": ("Korean", "韩语"),
    "yue": ("Cantonese", "粤语"),
    "de": ("German", "德语"),
    "es": ("Spanish", "西班牙语"),
    "fr": ("French", "法语"),
    "it": ("Italian", "意大利语"),
    "ru": ("Russian", "俄语"),
}
VIDEO_COST = (0.7, 5.0)  # seconds of drawing a second of sound, and before
UNKNOWN = Readiness(embedded=True, cosyvoice=False, lacks=("environment", "source", "model"))


@dataclass(frozen=True)
class VoiceWidgets:
    """The panel's components, by name."""

    text: gr.Textbox
    voice: gr.Dropdown
    engine: gr.Dropdown
    forecast: gr.HTML
    speed: gr.Slider
    language: gr.Dropdown
    instruct: gr.Textbox
    dialect: gr.Dropdown
    seed: gr.Number
    hear: gr.Button
    panel: gr.HTML
    heard: gr.Audio
    ready: gr.State

    @property
    def asked(self) -> list[gr.components.Component]:
        """What a request is made of, in the order of `speech_fields`."""
        return [
            *(self.text, self.voice, self.engine, self.speed, self.language),
            *(self.instruct, self.dialect, self.seed),
        ]


def voice_panel() -> VoiceWidgets:
    """Lay out the panel."""
    text = gr.Textbox(label=W("text"), placeholder=W("text_hint"), lines=5, max_lines=16, elem_id="text")
    with gr.Row():
        voice = gr.Dropdown(label=W("voice"), elem_id="voice", interactive=True, min_width=150)
        engine = gr.Dropdown(label=W("voice_engine"), elem_id="voice_engine", interactive=True, min_width=150)
    forecast = gr.HTML(elem_id="forecast")
    with gr.Accordion(W("manner"), open=False, elem_id="manner"):
        speed = gr.Slider(0.5, 2.0, 1.0, step=0.1, label=W("speed"), elem_id="speed")
        language = gr.Dropdown(label=W("text_language"), elem_id="text_language")
        instruct = gr.Textbox(label=W("instruct"), placeholder=W("instruct_hint"), max_lines=2, elem_id="instruct")
        dialect = gr.Dropdown(["", *DIALECTS], value="", label=W("dialect"), elem_id="dialect")
        seed = gr.Number(None, label=W("speech_seed"), precision=0, minimum=0, maximum=2**31 - 1, elem_id="speech_seed")
    hear = gr.Button(W("hear"), size="sm", elem_id="hear")
    panel = job_panel("speak_job", idle="")
    heard = gr.Audio(label=W("heard"), interactive=False, visible=False, elem_id="heard", buttons=["download"])
    return VoiceWidgets(
        *(text, voice, engine, forecast, speed, language, instruct, dialect, seed, hear, panel, heard), gr.State(None)
    )


def connect_voice(w: VoiceWidgets, lang: gr.Textbox) -> None:
    """The forecast follows what is typed and chosen; "hear it" speaks without a video."""
    about = [w.text, w.voice, w.engine, w.speed, w.instruct, w.dialect, w.ready, lang]
    for event in (w.text.change, w.voice.change, w.engine.change, w.speed.release, w.instruct.blur, w.dialect.change):
        event(forecast, about, w.forecast, show_progress="hidden", trigger_mode="always_last", **PRIVATE)
    w.hear.click(hear, [*w.asked, lang], [w.panel, w.heard], **PRIVATE)
    w.panel.submit(was_heard, [w.panel, lang], [w.panel, w.heard], show_progress="hidden", **PRIVATE)


def fill_voice(lang: str) -> tuple[Any, ...]:
    """Voices, engines and languages in the reader's words, and what is ready: for voice, engine, language, ready."""
    ready = cosyvoice.readiness()
    engines = [(say(lang, f"engine_{name}"), name) for name in ("auto", "cosyvoice", "embedded")]
    index = 1 if is_chinese(lang) else 0
    languages = [(say(lang, "language_auto"), "auto")]
    languages += [(LANGUAGE_NAMES[name][index], name) for name in LANGUAGES if name != "auto"]
    return voice_choices(lang), gr.Dropdown(engines, value="auto"), gr.Dropdown(languages, value="auto"), ready


def voice_rows(lang: str) -> list[tuple[str, str]]:
    """The built-in voices and the library's: (name in the reader's language, id)."""
    rows = [(say(lang, f"voice_{preset}"), preset) for preset in PRESETS]
    return rows + [(info.name, info.id) for info in voices.list_voices()]


def voice_choices(lang: str, chosen: str | None = None) -> gr.Dropdown:
    """The list of voices."""
    rows = voice_rows(lang)
    ids = [voice_id for _, voice_id in rows]
    return gr.Dropdown(rows, value=chosen if chosen in ids else "woman")


def speech_fields(given: Sequence[Any], lang: str) -> dict[str, Any]:
    """The fields of a request from what the panel holds (`VoiceWidgets.asked`). Raises gr.Error or RequestError."""
    text, voice, engine, speed, language, instruct, dialect, seed = given
    if not text.strip():
        raise gr.Error(say(lang, "need_text"), print_exception=False)
    if not voice:
        raise gr.Error(say(lang, "need_voice"), print_exception=False)
    return {
        "text": text,
        **voices.spoken_by(voice),
        "engine": engine or "auto",
        "speed": float(speed),
        "language": language or "auto",
        "instruct": " ".join((instruct or "").split()),
        "dialect": dialect or "",
        "speech_seed": None if seed is None else int(seed),
    }


@spoken
def hear(
    text: str,
    voice: str | None,
    engine: str,
    speed: float,
    language: str,
    instruct: str,
    dialect: str | None,
    seed: float | None,
    lang: str,
) -> tuple[Any, Any]:
    """Speak without a video."""
    refuse_crowd(lang)
    fields = speech_fields((text, voice, engine, speed, language, instruct, dialect, seed), lang)
    return cosyvoice.speak_fields(fields).id, gr.Audio(visible=False)


def was_heard(job_id: str, lang: str) -> tuple[Any, Any]:
    """The spoken sound; a job that failed leaves its reason in the panel."""
    job = finished(job_id)
    sound = job.output("speech") if job else None
    if job is None or sound is None:
        return gr.skip(), gr.Audio(visible=False)
    return "", gr.Audio(published(sound, f"{job.id}.wav"), visible=True, label=say(lang, "heard"))


def finished(job_id: str) -> Job | None:
    """The job, if there is one that ended well."""
    try:
        job = get_job(job_id)
    except RequestError:
        return None
    return job if job.status().state == "done" else None


# --- who will speak, and how long it takes ----------------------------------------------------------------------------


def forecast(
    text: str,
    voice: str | None,
    engine: str,
    speed: float,
    instruct: str,
    dialect: str | None,
    ready: Readiness | None,
    lang: str,
) -> str:
    """Which engine speaks and in which mode, why, and how long it will take, as HTML."""
    ready = ready or UNKNOWN
    by = speaker_engine(engine, voice, ready)
    words = [*engine_words(by, engine, ready, lang), say(lang, f"mode_{mode_of(by, voice, instruct, dialect)}")]
    if text and text.strip():
        sound = cosyvoice.spoken_seconds(text, float(speed or 1))
        wait = cosyvoice.expected_seconds(text, by, float(speed or 1)) + VIDEO_COST[0] * sound + VIDEO_COST[1]
        words.append(say(lang, "forecast", sound=duration(sound, lang), wait=duration(wait, lang)))
    joiner = "" if is_chinese(lang) else " "
    return f'<p class="tfg-note" role="status">{escape(joiner.join(words))}</p>'


def speaker_engine(engine: str, voice: str | None, ready: Readiness) -> str:
    """cosyvoice or embedded: who will speak. The built-in voices are the embedded one's."""
    if engine == "auto":
        return "cosyvoice" if ready.cosyvoice and voice not in PRESETS else "embedded"
    return engine


def engine_words(by: str, wished: str, ready: Readiness, lang: str) -> list[str]:
    """Who speaks and what the other one lacks."""
    lacking = [say(lang, f"because_{piece}") for piece in ready.lacks]
    if by == "cosyvoice" and ready.cosyvoice:
        return [say(lang, "will_cosyvoice", model=ready.models[0])]
    if by == "cosyvoice":
        return [say(lang, "not_ready"), *lacking]
    first = [] if ready.embedded else [say(lang, "first_use")]
    return [say(lang, "will_embedded"), *(lacking[:1] if wished == "auto" else []), *first]


def mode_of(by: str, voice: str | None, instruct: str, dialect: str | None) -> str:
    """The mode in which a voice will be used."""
    if by == "cosyvoice" and (instruct or dialect):
        return "instruct"
    info = None if voice in (None, *PRESETS) else next((v for v in voices.list_voices() if v.id == voice), None)
    if info is None:
        return "preset"
    if by == "embedded":
        return "moved"
    return "zero_shot" if info.transcript else "cross_lingual"


def duration(seconds: float, lang: str) -> str:
    """Seconds for a person: 12 s, 3 min."""
    if seconds < 90:
        return say(lang, "second", n=max(1, round(seconds)))
    return say(lang, "minute", n=round(seconds / 60))


def language_name(language: str, lang: str) -> str:
    """A language's name in the reader's words."""
    names = LANGUAGE_NAMES.get(language, TEXTS["language_auto"])
    return names[1 if is_chinese(lang) else 0]
