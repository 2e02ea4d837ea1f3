"""Which engine speaks, and why: CosyVoice where code, weights and environment are there, else the embedded voice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from talking_gaussian.errors import UserError

from voice_engine.models import (
    ModelFolder,
    check_packages,
    check_source,
    default_source,
    find_models,
    models_root,
    open_folder,
)
from voice_engine.settings import SpeakSettings
from voice_engine.text.languages import NAMES, language_of

EMBEDDED_LANGUAGES = ("en", "zh")
EMBEDDED_SPEAKERS = ("man", "woman")


@dataclass(frozen=True)
class Choice:
    """engine: cosyvoice or embedded; model, source: of CosyVoice; en, zh: why, in one sentence."""

    engine: str
    en: str
    zh: str
    model: ModelFolder | None = None
    source: Path | None = None


def choose(settings: SpeakSettings) -> Choice:
    """The engine for a request. Raises UserError where the one that was demanded, or every one, cannot do it."""
    if settings.engine == "embedded":
        return _embedded(settings, "The embedded voice was asked for.", "按要求使用内置语音。")
    if settings.engine == "auto" and settings.speaker in EMBEDDED_SPEAKERS and settings.model_dir is None:
        en, zh = f"The built-in {settings.speaker} is the embedded voice's.", "内置音色由内置语音提供。"
        return _embedded(settings, en, zh)
    try:
        choice = _cosyvoice(settings)
    except UserError as lacking:
        if settings.engine == "cosyvoice":
            raise
        en = f"CosyVoice is not ready, so the embedded voice speaks, which is plainer. {lacking.en}"
        zh = f"CosyVoice 尚未就绪,改用较简单的内置语音。{lacking.zh}"
        return _embedded(settings, en, zh)
    return choice


def _cosyvoice(settings: SpeakSettings) -> Choice:
    model = _model(settings.model_dir)
    source = check_source(settings.source_dir or default_source())
    check_packages()
    return Choice("cosyvoice", f"CosyVoice {model.version} speaks.", f"使用 CosyVoice {model.version}。", model, source)


def _model(told: Path | None) -> ModelFolder:
    if told is not None:
        return open_folder(
            told if told.is_dir() or not (models_root() / told.name).is_dir() else models_root() / told.name
        )
    found = find_models()
    if not found:
        raise UserError(
            "no_model",
            "No CosyVoice model was found. Fetch one: bash CosyVoice/get_weights.sh list",
            "没有找到 CosyVoice 模型。请先下载:bash CosyVoice/get_weights.sh list",
        )
    return found[0]


def _embedded(settings: SpeakSettings, en: str, zh: str) -> Choice:
    for name, value in (("instruct", settings.instruct), ("dialect", settings.dialect)):
        if value or settings.mode == "instruct":
            raise UserError(
                "needs_cosyvoice",
                f"{name} needs CosyVoice; the embedded voice cannot do it. {en}",
                f"{name} 需要 CosyVoice,内置语音不支持。{zh}",
            )
    language = language_of(settings.text) if settings.language == "auto" else settings.language
    if language not in EMBEDDED_LANGUAGES:
        name_en, name_zh = NAMES[language]
        raise UserError(
            "language_needs_cosyvoice",
            f"The embedded voice speaks English and Chinese, not {name_en}. {en}",
            f"内置语音只支持中文和英语,不支持{name_zh}。{zh}",
        )
    return Choice("embedded", en, zh)
