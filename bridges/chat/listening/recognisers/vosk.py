"""Vosk, with models the user has unpacked into models/vosk."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from bridges import paths
from bridges.chat.listening.recognisers.base import EngineInfo, Recogniser, installed, readable

if TYPE_CHECKING:
    from speech_recognition import AudioData

MARKS = {"en": ("en",), "zh": ("cn", "zh")}  # how the models' published names tell the language


class Vosk(Recogniser):
    """The package vosk; one folder a model, as unpacked (vosk-model-small-cn-0.22, vosk-model-small-en-us-0.15)."""

    id = "vosk"

    def info(self) -> EngineInfo:
        """Ready with the package and at least one model; its languages are those of the models."""
        found = models()
        ready = installed("speech_recognition", "vosk") and bool(found)
        why = {
            "en": "Works offline with your models; with several, choose the language.",
            "zh": "使用您的模型离线识别；有多个模型时请选择语言。",
        }
        lack = {
            "en": "Install it (pip install vosk) and unpack a model into models/vosk, e.g. vosk-model-small-cn-0.22.",
            "zh": "请安装(pip install vosk)，并将模型解压到 models/vosk，例如 vosk-model-small-cn-0.22。",
        }
        name = {"en": "Vosk (offline)", "zh": "Vosk(离线)"}
        return EngineInfo(self.id, name, tuple(found) or tuple(MARKS), False, ready, why if ready else lack)

    def prepare(self) -> None:
        """Point the library at the user's models, and keep those once loaded.

        It looks for one model beside its own file and loads it at every call; this process is the engine's own.
        """
        import vosk
        from speech_recognition.recognizers import vosk as client

        client.__file__ = str(paths.home() / "recognizers" / "vosk.py")  # it looks in ../models/vosk
        load = functools.cache(vosk.Model)
        self._wanted = next(iter(models().values()))
        vosk.SetLogLevel(-1)
        vosk.Model = lambda _: load(str(self._wanted))
        vosk.Model("")

    def hear(self, audio: AudioData, language: str) -> tuple[str, str]:
        """With "auto" the first model's language."""
        from speech_recognition import Recognizer

        found = models()
        language = next(iter(found)) if language == "auto" else language
        self._wanted = found[language]
        return readable(Recognizer().recognize_vosk(audio)), language


def models() -> dict[str, Path]:
    """The user's models by language; of two for one language the first by name."""
    found: dict[str, Path] = {}
    for folder in sorted((paths.home() / "models" / "vosk").glob("*/")):
        parts = folder.name.lower().split("-")
        for language, marks in MARKS.items():
            if any(mark in parts for mark in marks):
                found.setdefault(language, folder)
    return found
