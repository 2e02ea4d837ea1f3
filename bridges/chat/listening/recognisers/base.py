"""What every recogniser is made of."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bridges.errors import RequestError

if TYPE_CHECKING:
    from speech_recognition import AudioData

RATE = 16_000


@dataclass(frozen=True)
class EngineInfo:
    """One recogniser as the page lists it. languages: of "en", "zh"; online: the sound leaves the machine;
    why: {"en", "zh"}, what it is good for, or what it lacks where it is not ready.
    """

    id: str
    name: dict[str, str]
    languages: tuple[str, ...]
    online: bool
    ready: bool
    why: dict[str, str]


class Recogniser:
    """A recogniser of the SpeechRecognition library. `info` runs in the page's process and only looks; `prepare` and
    `hear` run in a process of their own, where the library's loading of a model at every call can be kept.
    """

    id: ClassVar[str]
    light: ClassVar[bool] = False  # a new process is ready within a second, so ending a busy one is cheap

    def info(self) -> EngineInfo:
        """Whether it can be used here, and why not."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Load what is slow to load. Raises RequestError."""
        raise NotImplementedError

    def hear(self, audio: AudioData, language: str) -> tuple[str, str]:
        """(text, its language) of speech; language: "en", "zh" or "auto". Raises RequestError, or the library's
        UnknownValueError where there is no word in it.
        """
        raise NotImplementedError


def installed(*packages: str) -> bool:
    """Whether all of these can be imported."""
    return all(importlib.util.find_spec(package) is not None for package in packages)


def failed(en: str, zh: str) -> RequestError:
    """A recogniser that gave no answer for a reason of its own."""
    return RequestError("recogniser_failed", en, zh)


def readable(text: str) -> str:
    """A transcript as one would write it: no blanks between Chinese words, a capital in front, I not i."""
    text = re.sub(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])", "", " ".join(text.split()))
    text = re.sub(r"\bi\b", "I", text)
    return text[:1].upper() + text[1:]
