"""The user's voices: adding one with consent, listening, export, import, removal; and what CosyVoice still needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from bridges import cosyvoice, environments, voices
from bridges.requests.speak import LANGUAGES
from bridges.requests.voices import HUBS
from tabs.errors import spoken
from tabs.job_panel import job_panel
from tabs.publish import published, shelf
from tabs.sessions import is_owner
from tabs.voice import VoiceWidgets, finished, language_name, voice_choices
from tabs.words import TEXTS, W, is_chinese, say

PRIVATE: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": None}


@dataclass(frozen=True)
class LibraryWidgets:
    """The library's components, by name."""

    recording: gr.Audio
    name: gr.Textbox
    transcript: gr.Textbox
    write_down: gr.Button
    language: gr.Dropdown
    consent: gr.Checkbox
    consent_by: gr.Textbox
    add: gr.Button
    panel: gr.HTML
    writing: gr.HTML
    chosen: gr.Dropdown
    listen: gr.Audio
    facts: gr.Markdown
    export: gr.DownloadButton
    bring: gr.UploadButton
    delete: gr.Button
    sure: gr.Button
    model: gr.Dropdown
    hub: gr.Dropdown
    pieces: gr.Markdown
    make: gr.Button
    source: gr.Button
    fetch: gr.Button
    fetching: gr.HTML


def voice_library() -> LibraryWidgets:
    """Lay out the three folds below the voice panel."""
    with gr.Accordion(W("add_voice"), open=False, elem_id="add_voice"):
        adding = lay_out_adding()
    with gr.Accordion(W("my_voices"), open=False, elem_id="my_voices"):
        owned = lay_out_owned()
    with gr.Accordion(W("cosyvoice_here"), open=False, elem_id="cosyvoice_here"):
        pieces = gr.Markdown(elem_id="pieces")
        with gr.Row():
            make = gr.Button(W("make_environment"), size="sm", elem_id="make_cloning")
            source = gr.Button(W("get_source"), size="sm", elem_id="get_source")
        model = gr.Dropdown(label=W("model"), elem_id="model")
        hub = gr.Dropdown(list(HUBS), value=HUBS[0], label=W("hub"), elem_id="hub")
        fetch = gr.Button(W("get_model"), size="sm", elem_id="get_model")
        fetching = job_panel("fetch_job", idle="")
    widgets = {**adding, **owned, "model": model, "hub": hub, "pieces": pieces, "make": make}
    return LibraryWidgets(**widgets, source=source, fetch=fetch, fetching=fetching)


def lay_out_adding() -> dict[str, Any]:
    """What makes a voice: recording, name, words, language, consent."""
    gr.Markdown(W("recording_hint"), elem_classes="tfg-note")
    recording = gr.Audio(
        label=W("recording"), sources=["upload", "microphone"], type="filepath", elem_id="voice_recording", buttons=[]
    )
    name = gr.Textbox(label=W("voice_name"), max_lines=1, max_length=60, elem_id="voice_name")
    transcript = gr.Textbox(label=W("transcript"), lines=2, elem_id="voice_transcript")
    write_down = gr.Button(W("write_down"), size="sm", elem_id="write_down")
    writing = job_panel("writing_job", idle="")
    language = gr.Dropdown(label=W("voice_language"), elem_id="voice_language")
    consent = gr.Checkbox(False, label=W("consent_statement"), elem_id="voice_consent")
    consent_by = gr.Textbox(label=W("consent_by"), max_lines=1, max_length=60, elem_id="voice_consent_by")
    add = gr.Button(W("add_voice"), variant="primary", size="sm", elem_id="voice_add")
    panel = job_panel("voice_job", idle="")
    made = {"recording": recording, "name": name, "transcript": transcript, "write_down": write_down, "add": add}
    return {
        **made,
        "language": language,
        "consent": consent,
        "consent_by": consent_by,
        "panel": panel,
        "writing": writing,
    }


def lay_out_owned() -> dict[str, Any]:
    """The voices that are there."""
    chosen = gr.Dropdown(label=W("chosen_voice"), elem_id="chosen_voice", interactive=True)
    listen = gr.Audio(label=W("listen"), interactive=False, elem_id="voice_listen", buttons=[])
    facts = gr.Markdown(elem_id="voice_facts")
    with gr.Row():
        export = gr.DownloadButton(str(W("export_voice")), size="sm", interactive=False, elem_id="voice_export")
        bring = gr.UploadButton(str(W("import_voice")), file_types=[".zip"], size="sm", elem_id="voice_import")
        delete = gr.Button(W("delete_voice"), size="sm", variant="stop", interactive=False, elem_id="voice_delete")
        sure = gr.Button(W("delete_voice_sure"), size="sm", variant="stop", visible=False, elem_id="voice_delete_sure")
    made = {"chosen": chosen, "listen": listen, "facts": facts, "export": export}
    return {**made, "bring": bring, "delete": delete, "sure": sure}


def connect_library(w: LibraryWidgets, panel: VoiceWidgets, source: gr.Radio, lang: gr.Textbox) -> None:
    """Adding, the list, and CosyVoice's pieces."""
    facts = [w.recording, w.name, w.transcript, w.language, w.consent, w.consent_by, lang]
    w.add.click(add, facts, w.panel, **PRIVATE)
    lists = [panel.voice, w.chosen]
    w.panel.submit(added, [w.panel, lang], [*lists, w.panel], show_progress="hidden", **PRIVATE)
    w.write_down.click(write_down, [w.recording, w.language, lang], w.writing, **PRIVATE)
    w.writing.submit(written, [w.writing, lang], [w.transcript, w.writing], show_progress="hidden", **PRIVATE)
    w.chosen.change(show_voice, [w.chosen, lang], [w.listen, w.facts, w.export, w.delete, w.sure], **PRIVATE)
    w.bring.upload(bring, [w.bring, lang], lists, **PRIVATE)
    w.delete.click(lambda: gr.Button(visible=True), None, w.sure, show_progress="hidden", **PRIVATE)
    w.sure.click(delete, [w.chosen, lang], [*lists, w.sure], **PRIVATE)
    shown = [w.language, w.chosen, w.model, w.pieces]
    # after the panel has found out what is ready
    panel.ready.change(fill_library, [panel.ready, lang], shown, show_progress="hidden", **PRIVATE)
    w.make.click(make_environment, lang, w.fetching, **PRIVATE)
    w.source.click(get_source, lang, w.fetching, **PRIVATE)
    w.fetch.click(get_model, [w.model, w.hub, lang], w.fetching, **PRIVATE)
    w.fetching.submit(look_again, w.fetching, [panel.ready, w.fetching], show_progress="hidden", **PRIVATE)


def fill_library(ready: cosyvoice.Readiness | None, lang: str) -> tuple[Any, ...]:
    """Languages, voices, models and what CosyVoice lacks, in the reader's words."""
    languages = [(language_name(name, lang), name) for name in LANGUAGES]
    rows = ready.rows if ready else ()
    models = [(f"{row.name} · {size_of(row, lang)}", row.name) for row in rows if row.en]
    lacks = ready.lacks if ready else ()
    states = [
        f"{'○' if piece in lacks else '●'} {say(lang, f'piece_{piece}')}: "
        f"{say(lang, 'piece_missing' if piece in lacks else 'piece_there')}"
        for piece in ("environment", "source", "model")
    ]
    return (
        gr.Dropdown(languages, value="auto"),
        owned_voices(),
        gr.Dropdown(models, value=models[1][1] if len(models) > 1 else None),
        "  \n".join(states),
    )


def size_of(row: cosyvoice.ModelRow, lang: str) -> str:
    """A model's size and what it can, or that it is there."""
    if row.state == "ready":
        return say(lang, "piece_there")
    size = say(lang, "gigabytes", size=row.about_gb) if row.about_gb else say(lang, "size_unknown")
    return f"{size} · {row.zh if is_chinese(lang) else row.en}"


def owned_voices(chosen: str | None = None) -> gr.Dropdown:
    """The library's voices."""
    rows = [(info.name, info.id) for info in voices.list_voices(with_problems=True)]
    ids = [voice_id for _, voice_id in rows]
    return gr.Dropdown(rows, value=chosen if chosen in ids else (ids[0] if ids else None))


@spoken
def add(
    recording: str | None,
    name: str,
    transcript: str,
    language: str,
    consent: bool,
    consent_by: str,
    lang: str,
    request: gr.Request,
) -> str:
    """Start making the recording a voice."""
    refuse_strangers(request, lang)
    if not recording:
        raise gr.Error(say(lang, "need_recording"), print_exception=False)
    if not consent or not consent_by.strip():
        raise gr.Error(say(lang, "voice_need_consent"), print_exception=False)
    statement = TEXTS["consent_statement"][1 if is_chinese(lang) else 0]
    facts = {"transcript": transcript.strip(), "language": language or "auto"}
    return voices.add_voice(recording, name, **facts, consent=statement, consent_by=consent_by.strip()).id


def added(job_id: str, lang: str) -> tuple[Any, Any, Any]:
    """Choose the new voice; a refused recording leaves its reason in the panel."""
    job = finished(job_id)
    if job is None:
        return gr.skip(), gr.skip(), gr.skip()
    gr.Info(say(lang, "voice_added"))
    voice_id = job.status().result
    return voice_choices(lang, voice_id), owned_voices(voice_id), ""


@spoken
def write_down(recording: str | None, language: str, lang: str, request: gr.Request) -> str:
    """Start writing down what the recording says."""
    refuse_strangers(request, lang)
    if not recording:
        raise gr.Error(say(lang, "need_recording"), print_exception=False)
    return voices.transcribe(recording, language or "auto").id


def written(job_id: str, lang: str) -> tuple[Any, Any]:
    """What was heard, to be corrected."""
    job = finished(job_id)
    if job is None:
        return gr.skip(), gr.skip()
    gr.Info(say(lang, "written_down"))
    return voices.transcript_of(job), ""


def show_voice(voice_id: str | None, lang: str, request: gr.Request) -> tuple[Any, ...]:
    """A voice's recording, words, consent and zip; the recording and the zip only for who runs this app."""
    nothing = gr.DownloadButton(interactive=False)
    hidden = gr.Button(visible=False)
    info = next((v for v in voices.list_voices(with_problems=True) if v.id == voice_id), None)
    if info is None:
        return None, say(lang, "no_voices"), nothing, gr.Button(interactive=False), hidden
    if info.problem or info.prompt is None:
        problem = (info.problem or {"en": "", "zh": ""})["zh" if is_chinese(lang) else "en"]
        return None, problem, nothing, gr.Button(interactive=True), hidden
    values = {"seconds": info.seconds, "language": language_name(info.language, lang), **info.consent}
    words = plain(info.transcript or say(lang, "no_transcript"))
    text = f"{words}\n\n{plain(say(lang, 'voice_facts', **values))}"
    if not is_owner(request):
        return None, text, nothing, gr.Button(interactive=False), hidden
    prompt = published(info.prompt, f"voice-{info.id}-{info.created.replace(':', '')}.wav")
    archive = str(voices.export_voice(info.id, shelf()))
    return prompt, text, gr.DownloadButton(value=archive, interactive=True), gr.Button(interactive=True), hidden


def plain(text: str) -> str:
    """A user's text where Markdown is shown: its marks are not marks."""
    return "".join(f"\\{character}" if character in "\\`*_{}[]()<>#+-!|~&$" else character for character in text)


@spoken
def bring(archive: str | None, lang: str, request: gr.Request) -> tuple[Any, Any]:
    """Take a zipped voice into the library."""
    refuse_strangers(request, lang)
    info = voices.import_voice(archive or "")
    gr.Info(say(lang, "voice_added"))
    return voice_choices(lang, info.id), owned_voices(info.id)


@spoken
def delete(voice_id: str | None, lang: str, request: gr.Request) -> tuple[Any, Any, Any]:
    """Remove a voice for good."""
    refuse_strangers(request, lang)
    voices.delete_voice(voice_id or "")
    gr.Info(say(lang, "voice_deleted"))
    return voice_choices(lang), owned_voices(), gr.Button(visible=False)


@spoken
def make_environment(lang: str, request: gr.Request) -> str:
    """Make the environment's part with CosyVoice."""
    refuse_strangers(request, lang)
    return environments.prepare(cosyvoice.ENGINE, "cloning").id


@spoken
def get_source(lang: str, request: gr.Request) -> str:
    """Fetch CosyVoice's code."""
    refuse_strangers(request, lang)
    return cosyvoice.fetch_source().id


@spoken
def get_model(model: str | None, hub: str, lang: str, request: gr.Request) -> str:
    """Fetch a model."""
    refuse_strangers(request, lang)
    return cosyvoice.fetch_model(model or "", hub).id


def look_again(job_id: str) -> tuple[Any, Any]:
    """What is ready now; a failed job stays to be read."""
    return cosyvoice.readiness(), "" if finished(job_id) else gr.skip()


def refuse_strangers(request: gr.Request, lang: str) -> None:
    """Only who runs this app changes voices and models. Raises gr.Error."""
    if not is_owner(request):
        raise gr.Error(say(lang, "voices_local_only"), print_exception=False)
