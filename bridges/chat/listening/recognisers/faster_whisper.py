"""faster-whisper (CTranslate2), where the user has installed it and has its weights."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from bridges import paths
from bridges.chat.listening.recognisers.base import EngineInfo, Recogniser, installed, readable
from bridges.chat.listening.recognisers.whisper import SIMPLIFIED

if TYPE_CHECKING:
    from speech_recognition import AudioData

INIT = {"compute_type": "auto"}  # the quickest the processor has


class FasterWhisper(Recogniser):
    """The package faster-whisper, with a converted model's folder in models/faster-whisper or in the hub's cache."""

    id = "faster_whisper"

    def info(self) -> EngineInfo:
        """Ready with the package and a model's folder."""
        ready = installed("speech_recognition", "soundfile", "faster_whisper") and weights() is not None
        why = {
            "en": "Works offline, Chinese and English, accurate, the quicker of the two Whispers.",
            "zh": "离线可用，支持中英文，准确，比原版 Whisper 更快。",
        }
        lack = {
            "en": "Install it (pip install faster-whisper) and put a model's folder into models/faster-whisper.",
            "zh": "请安装(pip install faster-whisper)，并将模型文件夹放入 models/faster-whisper。",
        }
        name = {"en": "faster-whisper (offline)", "zh": "faster-whisper(离线)"}
        return EngineInfo(self.id, name, ("en", "zh"), False, ready, why if ready else lack)

    def prepare(self) -> None:
        """Load the model, and keep it: the library loads it at every call."""
        import faster_whisper

        faster_whisper.WhisperModel = functools.cache(faster_whisper.WhisperModel)
        faster_whisper.WhisperModel(str(weights()), **INIT)

    def hear(self, audio: AudioData, language: str) -> tuple[str, str]:
        """Finds the language out by itself for "auto"."""
        from speech_recognition import Recognizer

        options = {} if language == "auto" else {"language": language}
        heard = Recognizer().recognize_faster_whisper(
            audio, model=str(weights()), show_dict=True, init_options=INIT, **options, **SIMPLIFIED.get(language, {})
        )
        return readable(heard["text"]), heard["language"]


def weights() -> Path | None:
    """The folder of the largest model of the user's."""
    own = (paths.home() / "models" / "faster-whisper").glob("**/model.bin")
    hub = (Path.home() / ".cache/huggingface/hub").glob("models--*faster-whisper*/snapshots/*/model.bin")
    found = max((*own, *hub), key=lambda path: path.stat().st_size, default=None)
    return found.parent if found else None
