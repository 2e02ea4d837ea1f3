"""The Chat tab: talk with an avatar that answers while it thinks."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from html import escape
from typing import Any

import gradio as gr

from bridges import environments
from bridges.chat import listening, llm
from bridges.chat.listening.recognisers import ALL as RECOGNISERS
from bridges.chat.llm import LlmSettings, ProviderInfo
from bridges.chat.llm.registry import PROVIDERS
from bridges.chat.personas import PERSONAS
from bridges.chat.session import get_session, open_session
from bridges.chat.settings import ChatSettings
from bridges.errors import RequestError
from tabs.chat_view import chat_view
from tabs.errors import spoken
from tabs.generate import avatar_choices
from tabs.job_panel import job_panel
from tabs.sessions import is_owner
from tabs.system import refuse_strangers
from tabs.voice import voice_choices, voice_rows
from tabs.words import W, is_chinese, say

QUIET: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": None, "show_progress": "hidden"}
SIZES = (256, 384, 512)
VOICE_ENGINES = ("auto", "cosyvoice", "embedded")
ASR_LANGUAGES = ("auto", "zh", "en")
MAX_PROMPT = 4000
EMBEDDED = "offline_llm"


@dataclass(frozen=True)
class Settings:
    """The components whose values make a ChatSettings, in the order in which `wishes` reads them."""

    avatar: gr.Dropdown
    size: gr.Dropdown
    voice: gr.Dropdown
    voice_engine: gr.Dropdown
    speed: gr.Slider
    provider: gr.Dropdown
    model: gr.Dropdown
    base_url: gr.Textbox
    key: gr.Textbox
    system: gr.Textbox
    temperature: gr.Slider
    memory: gr.Slider
    asr: gr.Dropdown
    asr_language: gr.Dropdown
    keep: gr.Slider

    @property
    def all(self) -> list[gr.components.Component]:
        """The components, as inputs of a handler."""
        return [getattr(self, field.name) for field in fields(self)]


@dataclass(frozen=True)
class Widgets:
    """The tab's components, by name."""

    lang: gr.Textbox
    stage: gr.HTML
    settings: Settings
    persona: gr.Dropdown
    refresh: gr.Button
    mind_note: gr.HTML
    install: gr.Button
    installing: gr.HTML
    ears_note: gr.HTML


def chat_tab(tab: gr.Tab, lang: gr.Textbox) -> None:
    """Lay out the tab and connect it."""
    w = lay_out(lang)
    connect_opening(w, tab)
    connect_settings(w)
    connect_mind(w)


# --- layout -----------------------------------------------------------------------------------------------------------


def lay_out(lang: gr.Textbox) -> Widgets:
    """The stage, and beneath it the settings, folded."""
    stage = chat_view("chat")
    with gr.Accordion(W("chat_settings"), open=False, elem_id="chat_settings"), gr.Row():
        with gr.Column(min_width=280):
            picture = lay_out_picture()
        with gr.Column(min_width=280):
            mind, around_mind = lay_out_mind()
        with gr.Column(min_width=280):
            ears, around_ears = lay_out_ears()
    return Widgets(lang, stage, Settings(**picture, **mind, **ears), **around_mind, **around_ears)


def heading(key: str) -> None:
    """A heading over a group of settings."""
    gr.HTML(html_template="<h4>${value}</h4>", value=W(key))


def lay_out_picture() -> dict[str, Any]:
    """Who is seen and heard."""
    heading("chat_group_picture")
    offered = first_rows("en")
    return {
        "avatar": gr.Dropdown(offered["avatar"], label=W("chat_avatar"), elem_id="chat_avatar", interactive=True),
        "size": gr.Dropdown(offered["size"], label=W("chat_size"), elem_id="chat_size", interactive=True),
        "voice": gr.Dropdown(offered["voice"], label=W("voice"), elem_id="chat_voice", interactive=True),
        "voice_engine": gr.Dropdown(
            offered["voice_engine"], label=W("voice_engine"), elem_id="chat_voice_engine", interactive=True
        ),
        "speed": gr.Slider(0.5, 2.0, 1.0, step=0.1, label=W("speed"), elem_id="chat_speed"),
    }


def lay_out_mind() -> tuple[dict[str, Any], dict[str, Any]]:
    """Who thinks, and how: the fields, and what stands between them."""
    heading("chat_group_mind")
    offered = first_rows("en")
    provider = gr.Dropdown(offered["provider"], label=W("chat_provider"), elem_id="chat_provider", interactive=True)
    note = gr.HTML(elem_id="chat_mind_note")
    install = gr.Button(W("chat_install"), variant="primary", size="sm", visible=False, elem_id="chat_install")
    installing = job_panel("chat_setup_job", idle="")
    base_url = gr.Textbox(label=W("chat_base_url"), max_lines=1, visible=False, elem_id="chat_base_url")
    key = gr.Textbox(
        label=W("chat_key"),
        info=W("chat_key_info"),
        type="password",
        max_lines=1,
        visible=False,
        elem_id="chat_key",
        html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
    )
    model = gr.Dropdown(
        label=W("chat_model"), info=W("chat_model_info"), allow_custom_value=True, elem_id="chat_model", visible=False
    )
    refresh = gr.Button(W("chat_refresh"), size="sm", visible=False, elem_id="chat_refresh")
    temperature = gr.Slider(0, 2, 0.7, step=0.1, label=W("chat_temperature"), elem_id="chat_temperature")
    names = ("provider", "base_url", "key", "model", "temperature")
    made = (provider, base_url, key, model, temperature)
    others = {"install": install, "installing": installing, "refresh": refresh, "mind_note": note}
    return dict(zip(names, made, strict=True)), others


def lay_out_ears() -> tuple[dict[str, Any], dict[str, Any]]:
    """Who is spoken to, how much is remembered, how speech is heard: the fields, and what stands between them."""
    offered = first_rows("en")
    heading("chat_group_role")
    persona = gr.Dropdown(offered["persona"], label=W("chat_persona"), elem_id="chat_persona", interactive=True)
    system = gr.Textbox(
        label=W("chat_system"), lines=3, max_lines=6, max_length=MAX_PROMPT, elem_id="chat_system", interactive=True
    )
    memory = gr.Slider(200, 16_000, 2000, step=100, label=W("chat_memory"), elem_id="chat_memory")
    keep = gr.Slider(1, 100, 20, step=1, label=W("chat_keep"), elem_id="chat_keep")
    heading("chat_group_ears")
    asr = gr.Dropdown(offered["asr"], label=W("chat_asr"), elem_id="chat_asr", interactive=True)
    note = gr.HTML(elem_id="chat_ears_note", visible=False)
    language = gr.Dropdown(
        offered["asr_language"], label=W("chat_asr_language"), elem_id="chat_asr_language", interactive=True
    )
    made = {"system": system, "memory": memory, "keep": keep, "asr": asr, "asr_language": language}
    return made, {"persona": persona, "ears_note": note}


# --- events -----------------------------------------------------------------------------------------------------------


def connect_opening(w: Widgets, tab: gr.Tab) -> None:
    """Opening the tab fills its lists and begins the conversation; a lost one is begun anew."""
    s = w.settings
    lists = [s.avatar, s.size, s.voice, s.voice_engine, s.provider, w.persona, s.system, s.asr, s.asr_language]
    filled = tab.select(fill, [w.stage, s.avatar, s.voice, w.lang], lists, **QUIET)
    about = filled.then(about_mind, [s.provider, w.lang], mind_shown(w), **QUIET)
    about.then(about_ears, [s.asr, w.lang], w.ears_note, **QUIET)
    for begin in (about, w.stage.submit):
        happen = begin.then if begin is about else begin
        happen(configure, [w.stage, w.lang, *s.all], w.stage, **QUIET)


def connect_settings(w: Widgets) -> None:
    """A changed setting holds from the next turn on."""
    s = w.settings
    chosen = (s.avatar, s.size, s.voice, s.voice_engine, s.model, s.asr, s.asr_language)
    events = [component.input for component in chosen]
    events += [slider.release for slider in (s.speed, s.temperature, s.memory, s.keep)]
    events += [event for box in (s.base_url, s.key, s.system) for event in (box.blur, box.submit)]
    for event in events:
        event(configure, [w.stage, w.lang, *s.all], w.stage, trigger_mode="always_last", **QUIET)
    s.asr.input(about_ears, [s.asr, w.lang], w.ears_note, **QUIET)


def connect_mind(w: Widgets) -> None:
    """The provider decides what is asked for; a role fills the prompt; models are looked up at the server."""
    s = w.settings
    changed = s.provider.input(about_mind, [s.provider, w.lang], mind_shown(w), **QUIET)
    told = w.persona.input(persona_prompt, [w.persona, w.lang], s.system, **QUIET)
    asked = [s.provider, s.base_url, s.key, w.lang]
    found = w.refresh.click(find_models, asked, s.model, api_visibility="private", concurrency_limit=None)
    w.install.click(install, [w.lang], [w.installing, w.install], **QUIET)
    done = w.installing.submit(installed, [s.provider, w.lang], [w.installing, w.install, w.mind_note], **QUIET)
    for event in (changed, told, found, done):
        event.then(configure, [w.stage, w.lang, *s.all], w.stage, **QUIET)


def mind_shown(w: Widgets) -> list[gr.components.Component]:
    """What `about_mind` fills."""
    return [w.mind_note, w.install, w.settings.base_url, w.settings.key, w.settings.model, w.refresh]


# --- lists ------------------------------------------------------------------------------------------------------------

Rows = list[tuple[str, Any]]


def first_rows(lang: str) -> dict[str, Rows]:
    """What the lists offer, component -> (name, value), without asking any engine what it lacks. They are laid out with
    these, because a page that outlives a restart of the app sends what it has chosen from them.
    """
    word = reader(lang)
    return {
        "avatar": avatar_choices(lang),
        "size": [(say(lang, "chat_size_auto"), 0), *((f"{px} × {px}", px) for px in SIZES)],
        "voice": voice_rows(lang),
        "voice_engine": [(say(lang, f"engine_{name}"), name) for name in VOICE_ENGINES],
        "provider": [(name, name) for name in PROVIDERS],
        "persona": [(one.name[word], one.id) for one in PERSONAS],
        "asr": [(name, name) for name in ("auto", *RECOGNISERS)],
        "asr_language": [(say(lang, f"chat_language_{one}"), one) for one in ASR_LANGUAGES],
    }


def rows(lang: str) -> dict[str, Rows]:
    """What the lists offer, in the reader's words."""
    providers = [(info.name[reader(lang)], info.id) for info in llm.providers()]
    engines = [(say(lang, "chat_asr_auto"), "auto"), *recognisers(lang)]
    return {**first_rows(lang), "provider": providers, "asr": engines}


def fill(token: str, avatar: str | None, voice: str | None, lang: str) -> tuple[Any, ...]:
    """The lists in the reader's words. Once there is a conversation only new avatars and voices are added."""
    offered = rows(lang)
    ids = [choice for _, choice in offered["avatar"]]
    chosen = avatar if avatar in ids else (ids[0] if ids else None)
    avatars = gr.Dropdown(offered["avatar"], value=chosen)
    if token:
        keep = gr.skip()
        return avatars, keep, voice_choices(lang, voice), *(keep,) * 6
    return (
        avatars,
        gr.Dropdown(offered["size"], value=0),
        voice_choices(lang),
        gr.Dropdown(offered["voice_engine"], value="auto"),
        gr.Dropdown(offered["provider"], value=first_provider()),
        gr.Dropdown(offered["persona"], value=PERSONAS[0].id),
        PERSONAS[0].prompt[reader(lang)],
        gr.Dropdown(offered["asr"], value="auto"),
        gr.Dropdown(offered["asr_language"], value="auto"),
    )


def reader(lang: str) -> str:
    """en or zh."""
    return "zh" if is_chinese(lang) else "en"


def first_provider() -> str:
    """GLM where the app's owner gave a key, else the embedded model."""
    keyed = [info.id for info in llm.providers() if info.needs_key and os.environ.get(info.key_variable)]
    return keyed[0] if keyed else llm.providers()[0].id


def recognisers(lang: str) -> list[tuple[str, str]]:
    """Every recogniser; those that lack something say so."""
    word = reader(lang)
    return [
        (info.name[word] if info.ready else say(lang, "chat_not_ready", name=info.name[word]), info.id)
        for info in listening.engines()
    ]


def about_mind(provider: str, lang: str, request: gr.Request) -> tuple[Any, ...]:
    """What is asked for with a provider: note, installation, address, key, model, the button that looks for models."""
    info = provider_info(provider)
    owner = is_owner(request)
    served = bool(info.base_url)
    hint = say(lang, "chat_key_variable", name=info.key_variable) if info.key_variable else ""
    return (
        note(info.why[reader(lang)]),
        gr.Button(visible=owner and not served and not info.ready),
        gr.Textbox("", placeholder=info.base_url if owner else "", visible=owner and served),
        gr.Textbox("", placeholder=hint, visible=bool(info.key_variable)),
        gr.Dropdown(list(info.models), value=info.models[0] if info.models else None, visible=served),
        gr.Button(visible=served),
    )


def provider_info(provider: str) -> ProviderInfo:
    """The provider of that id, the first where there is none."""
    known = llm.providers()
    return next((info for info in known if info.id == provider), known[0])


def about_ears(engine: str, lang: str) -> gr.HTML:
    """What a recogniser is good for or lacks."""
    remark = "".join(note(info.why[reader(lang)]) for info in listening.engines() if info.id == engine)
    return gr.HTML(remark, visible=bool(remark))


def note(sentence: str) -> str:
    """A remark beneath a field, as HTML."""
    return f'<p class="tfg-note" role="status">{escape(sentence)}</p>'


def persona_prompt(persona: str, lang: str) -> Any:
    """The prompt of a role."""
    return next((one.prompt[reader(lang)] for one in PERSONAS if one.id == persona), gr.skip())


# --- the conversation -------------------------------------------------------------------------------------------------


@spoken
def install(lang: str, request: gr.Request) -> tuple[str, gr.Button]:
    """Fetch and set up the embedded model as a job."""
    refuse_strangers(request, lang)
    return environments.prepare(EMBEDDED).id, gr.Button(visible=False)


def installed(provider: str, lang: str) -> tuple[Any, gr.Button, str]:
    """A model that is there needs no panel any more; a failed installation stays to be read."""
    info = provider_info(provider)
    return "" if info.ready else gr.skip(), gr.Button(visible=not info.ready), note(info.why[reader(lang)])


@spoken
async def find_models(provider: str, base_url: str, key: str, lang: str, request: gr.Request) -> gr.Dropdown:
    """The models that the server has."""
    settings = mind(provider, "", base_url, key, 0.7, lang, is_owner(request))
    names = await llm.list_models(settings)
    gr.Info(say(lang, "chat_models_found", n=len(names)))
    return gr.Dropdown(names, value=names[0] if names else None)


@spoken
async def configure(token: str, lang: str, request: gr.Request, *given: Any) -> Any:
    """Give the settings to the page's conversation, or begin one with them; then its token is returned."""
    settings = wishes(given, lang, is_owner(request))
    try:
        session = get_session(token or "")
    except RequestError:
        return open_session(settings).token
    session.configure(settings)
    return gr.skip()


def wishes(given: tuple[Any, ...], lang: str, owner: bool) -> ChatSettings:
    """ChatSettings from the values of `Settings.all`. Raises gr.Error or RequestError."""
    value = dict(zip((field.name for field in fields(Settings)), given, strict=True))
    if value["avatar"] not in {choice for _, choice in avatar_choices(lang)}:  # a path from the browser is none
        raise gr.Error(say(lang, "need_avatar"), print_exception=False)
    thinking = (value["provider"], value["model"], value["base_url"], value["key"], value["temperature"])
    return ChatSettings(
        avatar=value["avatar"],
        size=value["size"] or None,
        voice=value["voice"] or "woman",
        voice_engine=value["voice_engine"] or "auto",
        speed=float(value["speed"]),
        llm=mind(*thinking, lang, owner),
        system=(value["system"] or "").strip()[:MAX_PROMPT],
        memory_tokens=int(value["memory"]),
        asr_engine=value["asr"] or "auto",
        asr_language=value["asr_language"] or "auto",
        keep_turns=int(value["keep"]),
    )


def mind(
    provider: str, model: str | None, base_url: str, key: str, temperature: float, lang: str, owner: bool
) -> LlmSettings:
    """LlmSettings; only who runs the app may have it ask an address of their choice. Raises gr.Error."""
    address = (base_url or "").strip()
    if address and not owner:
        raise gr.Error(say(lang, "chat_owner_only"), print_exception=False)
    return LlmSettings(provider, (model or "").strip(), address, (key or "").strip(), float(temperature))
