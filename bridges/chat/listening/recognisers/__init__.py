"""The recognisers there are, and which one hears what. One file each; a new one is a line in ALL."""

from __future__ import annotations

from bridges.chat.listening.recognisers.base import EngineInfo, Recogniser
from bridges.chat.listening.recognisers.faster_whisper import FasterWhisper
from bridges.chat.listening.recognisers.google import Google
from bridges.chat.listening.recognisers.sphinx import Sphinx
from bridges.chat.listening.recognisers.vosk import Vosk
from bridges.chat.listening.recognisers.whisper import Whisper
from bridges.errors import RequestError

# the better first: "auto" takes the first that is ready
ALL: dict[str, Recogniser] = {one.id: one for one in (FasterWhisper(), Whisper(), Vosk(), Sphinx(), Google())}
LANGUAGES = {"en": {"en": "English", "zh": "英语"}, "zh": {"en": "Chinese", "zh": "中文"}}

__all__ = ["ALL", "EngineInfo", "Recogniser", "choose", "engines"]


def engines() -> list[EngineInfo]:
    """Every recogniser, the better first."""
    return [one.info() for one in ALL.values()]


def choose(engine: str = "auto", language: str = "auto") -> Recogniser:
    """The recogniser for a wish. "auto" is the best that is ready and works on this machine: a voice is sent to an
    online service only where its user chose that service. Raises RequestError.
    """
    if language != "auto" and language not in LANGUAGES:
        raise RequestError("unknown_language", f"There is no language “{language}”.", f"没有“{language}”这种语言。")
    if engine == "auto":
        return _best(language)
    if engine not in ALL:
        raise RequestError(
            "recogniser_missing", f"There is no recogniser “{engine}”.", f"没有名为“{engine}”的识别引擎。"
        )
    info = ALL[engine].info()
    if not info.ready:
        raise RequestError(
            "recogniser_missing",
            f"{info.name['en']} is not ready. {info.why['en']}",
            f"{info.name['zh']}尚不可用。{info.why['zh']}",
        )
    if language not in ("auto", *info.languages):
        what = LANGUAGES[language]
        raise _deaf(
            language,
            f"{info.name['en']} does not understand {what['en']} here.",
            f"{info.name['zh']}在本机听不懂{what['zh']}。",
        )
    return ALL[engine]


def _best(language: str) -> Recogniser:
    for info in engines():
        if info.ready and not info.online and language in ("auto", *info.languages):
            return ALL[info.id]
    what = LANGUAGES.get(language, {"en": "speech", "zh": "语音"})
    raise _deaf(
        language, f"Nothing installed here understands {what['en']} offline.", f"本机没有能离线识别{what['zh']}的引擎。"
    )


def _deaf(language: str, en: str, zh: str) -> RequestError:
    model = "vosk-model-small-cn-0.22" if language == "zh" else "vosk-model-small-en-us-0.15"
    return RequestError(
        "no_recogniser_for_language",
        f"{en} Install one (pip install vosk, and unpack {model} into models/vosk; or faster-whisper with a model), "
        "or choose Google, which is online.",
        f"{zh}请安装离线引擎(pip install vosk，并将 {model} 解压到 models/vosk；"
        "或安装 faster-whisper 及模型)，或选择在线的谷歌识别。",
    )
