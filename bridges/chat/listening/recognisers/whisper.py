"""OpenAI's Whisper, where the user has installed it and has its weights."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from bridges import paths
from bridges.chat.listening.recognisers.base import EngineInfo, Recogniser, installed, readable

if TYPE_CHECKING:
    from speech_recognition import AudioData

NAMES = {"english": "en", "chinese": "zh"}
SIMPLIFIED = {"zh": {"initial_prompt": "以下是普通话的句子。"}}  # or it writes some of it in traditional characters


class Whisper(Recogniser):
    """The package openai-whisper, with the largest *.pt in models/whisper (or models/cosyvoice/whisper)."""

    id = "whisper"

    def info(self) -> EngineInfo:
        """Ready with the package and a file of weights."""
        ready = installed("speech_recognition", "soundfile", "whisper") and weights() is not None
        why = {"en": "Works offline, Chinese and English, accurate.", "zh": "离线可用，支持中英文，准确。"}
        lack = {
            "en": "Install it (pip install openai-whisper) and put a model's .pt file into models/whisper.",
            "zh": "请安装(pip install openai-whisper)，并将模型 .pt 文件放入 models/whisper。",
        }
        name = {"en": "Whisper (offline)", "zh": "Whisper(离线)"}
        return EngineInfo(self.id, name, ("en", "zh"), False, ready, why if ready else lack)

    def prepare(self) -> None:
        """Load the model, and keep it: the library loads it at every call."""
        import whisper

        whisper.load_model = functools.cache(whisper.load_model)
        whisper.load_model(str(weights()))

    def hear(self, audio: AudioData, language: str) -> tuple[str, str]:
        """Finds the language out by itself for "auto"."""
        from speech_recognition import Recognizer

        options = {} if language == "auto" else {"language": language}
        heard = Recognizer().recognize_whisper(
            audio, model=str(weights()), show_dict=True, **options, **SIMPLIFIED.get(language, {})
        )
        return readable(heard["text"]), NAMES.get(heard["language"], heard["language"])


def weights() -> Path | None:
    """The largest model of the user's."""
    folders = (paths.home() / "models" / "whisper", paths.home() / "models" / "cosyvoice" / "whisper")
    found = [path for folder in folders for path in folder.glob("*.pt")]
    return max(found, key=lambda path: path.stat().st_size, default=None)
