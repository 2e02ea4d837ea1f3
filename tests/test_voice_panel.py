"""The handlers of the voice panel and the voice library, without a browser or an engine."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from sounds import write_speechlike
from talking_gaussian.errors import UserError
from voice_engine.choosing import choose
from voice_engine.settings import DIALECTS, SpeakSettings
from voice_engine.text.languages import LANGUAGES

import tabs.words
from bridges import voices
from bridges.cosyvoice import Readiness, expected_seconds, spoken_seconds
from bridges.errors import RequestError
from bridges.requests import GenerateRequest, SpeakRequest
from tabs import voice, voice_library

READY = Readiness(embedded=True, cosyvoice=True, models=("CosyVoice2-0.5B",))
BARE = Readiness(embedded=False, cosyvoice=False, lacks=("environment", "source", "model"))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFG_HOME", str(tmp_path))


def forecast(
    ready: Readiness | None, engine: str = "auto", who: str = "woman", lang: str = "en", text: str = ""
) -> str:
    return voice.forecast(text, who, engine, 1.0, "", "", ready, lang)


def test_the_forecast_names_the_engine_the_reason_and_the_wait() -> None:
    assert "embedded voice speaks" in forecast(READY)  # the built-in voices are its own
    assert "CosyVoice speaks (CosyVoice2-0.5B)" in forecast(READY, who="robin")
    bare = forecast(BARE, text="Hello there, how are you today?")
    assert "its environment is missing" in bare and "prepared at its first use" in bare and "ready in about" in bare
    assert "CosyVoice cannot speak yet" in forecast(BARE, "cosyvoice")
    assert "内置语音" in forecast(BARE, lang="zh-CN") and "embedded" not in forecast(BARE, lang="zh-CN")


def test_the_forecast_shows_no_markup_of_a_models_name() -> None:
    assert "<b>" not in forecast(Readiness(True, True, ("<b>x</b>",)), who="robin")


def test_a_text_takes_as_long_as_it_is() -> None:
    assert 2 < spoken_seconds("今天天气很好,我们一起去公园。") < 6
    assert 2 < spoken_seconds("The weather is nice today and we go out.") < 5
    assert spoken_seconds("one two three", 2.0) == spoken_seconds("one two three") / 2
    assert expected_seconds("word " * 200, "embedded") > expected_seconds("word", "embedded")


@pytest.mark.parametrize(("text", "who"), [("", "woman"), ("  ", "woman"), ("hi", None)])
def test_nothing_to_say_and_nobody_to_say_it(text: str, who: str | None) -> None:
    with pytest.raises(gr.Error):
        voice.speech_fields((text, who, "auto", 1.0, "auto", "", "", None), "en")
    with pytest.raises(RequestError):
        voice.speech_fields(("hi", "../../etc", "auto", 1.0, "auto", "", "", None), "en")


def test_a_request_is_refused_in_both_languages() -> None:
    for fields in (
        {"text": "?!"},
        {"text": "x" * 20_001},
        {"text": "hi", "speed": 9.0},
        {"text": "hi", "engine": "other"},
        {"text": "hi", "language": "tlh"},
        {"text": "hi", "model": "../etc"},
        {"text": "hi", "instruct": "a\nb"},
        {"text": "hi", "prompt": "/no/such.wav"},
        {"text": "hi", "speech_seed": -1},
    ):
        with pytest.raises(RequestError) as refused:
            SpeakRequest(**fields).check()
        assert refused.value.sentence("en") != refused.value.sentence("zh")
    with pytest.raises(RequestError):
        GenerateRequest("presenter", "a.wav", text="hi").check()


def test_words_never_stand_on_a_command_line(tmp_path: Path) -> None:
    request = GenerateRequest("presenter", text="rm -rf $HOME; 你好\nline", prompt_text="secret words", prompt="p.wav")
    commands = [" ".join(step.command) for step in request.steps(tmp_path)] + [" ".join(request.command(tmp_path))]
    assert not any("rm -rf" in command or "secret" in command for command in commands)
    assert request.texts() == {"text.txt": request.text, "transcript.txt": "secret words"}
    assert ("cosyvoice", "inference") in request.environments()
    assert ("cosyvoice", "inference") not in GenerateRequest("presenter", "a.wav").environments()


def test_strangers_change_no_voices_and_take_none_away(tmp_path: Path) -> None:
    stranger = SimpleNamespace(client=SimpleNamespace(host="10.0.0.9"), headers={}, username=None)
    with pytest.raises(gr.Error, match="登录"):
        voice_library.refuse_strangers(stranger, "zh")
    facts = {"name": "R", "transcript": "", "language": "en", "consent": {"statement": "mine", "by": "Robin"}}
    info = voices.install(write_speechlike(tmp_path / "p.wav", 4), facts)
    sound, text, export, *_ = voice_library.show_voice(info.id, "en", stranger)
    assert (sound, export.value) == (None, None)
    assert "Robin" in text
    owner = SimpleNamespace(client=SimpleNamespace(host="127.0.0.1"), headers={}, username=None)
    sound, _, export, *_ = voice_library.show_voice(info.id, "en", owner)
    assert Path(sound).is_file() and export.value["path"].endswith(".zip")


def test_a_transcript_is_shown_as_text() -> None:
    assert voice_library.plain("[x](javascript:alert(1)) <img>") == r"\[x\]\(javascript:alert\(1\)\) \<img\>"


def test_the_page_offers_what_the_engine_takes() -> None:
    assert set(voice.DIALECTS) == set(DIALECTS)
    assert set(voice.LANGUAGE_NAMES) == set(LANGUAGES)


def test_no_word_of_the_page_stands_in_two_files() -> None:
    modules = [
        importlib.import_module(f"tabs.words.{found.name}") for found in pkgutil.iter_modules(tabs.words.__path__)
    ]
    counted = Counter(key for module in modules for key in module.TEXTS)
    assert [key for key, count in counted.items() if count > 1] == []


def test_the_engine_is_chosen_with_a_reason() -> None:
    assert choose(SpeakSettings(text="hi", speaker="woman")).en.startswith("The built-in woman")
    assert "No CosyVoice model was found" in choose(SpeakSettings(text="hi")).en
    with pytest.raises(UserError) as refused:
        choose(SpeakSettings(text="hi", engine="cosyvoice"))
    assert refused.value.code == "no_model"
