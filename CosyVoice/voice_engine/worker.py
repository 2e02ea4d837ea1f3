"""A voice that stays loaded: requests as JSON lines on stdin, answers as JSON lines on stdout.

-> {"id": "7", "text": "…", "prompt_wav": "a.wav", …the fields of SpeakSettings…, "output_file": "out.wav" (optional)}
-> {"cancel": "7"}
<- {"event": "ready", "engine": "cosyvoice", "en": "…", "zh": "…"}                       once, when it can begin
<- {"id": "7", "event": "audio", "rate": 24000, "pcm": "…base64 of 16-bit samples…"}     as it is made (no output_file)
<- {"id": "7", "event": "done", "seconds": 2.4, "took_s": 0.6, "engine": "…", "mode": "…"}
<- {"id": "7", "event": "error", "code": "…", "en": "…", "zh": "…"}                      the next request is welcome
<- {"id": "7", "event": "cancelled"}
It ends with stdin, or when nobody has asked for `idle_s` seconds.
"""

from __future__ import annotations

import base64
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from talking_gaussian import stopping
from talking_gaussian.errors import UserError, file_fault
from talking_gaussian.pipe_server import Answers, Asked
from talking_gaussian.progress import Progress

from voice_engine.settings import SpeakSettings
from voice_engine.sound import OUTPUT_RATE, Sink, opened_wav, pcm16
from voice_engine.speaking import STAGES, Studio

PATHS = ("prompt_wav", "model_dir", "source_dir")
FIELDS = {field.name for field in fields(SpeakSettings)}


class Cancelled(Exception):  # noqa: N818 (not a fault)
    """The request was taken back."""


class AnswerSink:
    """Sound handed on as it is made."""

    def __init__(self, answers: Answers, name: str) -> None:
        self._answers, self._name = answers, name

    def write(self, samples: np.ndarray) -> None:
        """One line of samples."""
        if len(samples):
            pcm = base64.b64encode(pcm16(samples)).decode()
            self._answers.say(id=self._name, event="audio", rate=OUTPUT_RATE, pcm=pcm)


class CancellableSink:
    """Raises Cancelled when the request was taken back."""

    def __init__(self, inner: Sink, asked: Asked, name: str) -> None:
        self._inner, self._asked, self._name = inner, asked, name

    def write(self, samples: np.ndarray) -> None:
        """Hand on, unless taken back."""
        if self._asked.is_cancelled(self._name):
            raise Cancelled
        self._inner.write(samples)


def serve(first: SpeakSettings, idle_s: float) -> None:
    """Answer until stdin ends or nobody asks. first: what to load before the first request (its text is not used)."""
    answers = Answers()
    asked = Asked(sys.stdin.fileno())
    with Studio() as studio:
        choice = studio.load(first)
        answers.say(event="ready", engine=choice.engine, en=choice.en, zh=choice.zh)
        while (request := asked.next(idle_s)) is not None:
            if "cancel" not in request:
                answer(studio, first, request, asked, answers)


def answer(studio: Studio, first: SpeakSettings, request: dict[str, Any], asked: Asked, answers: Answers) -> None:
    """One request, whatever comes of it."""
    name = str(request.get("id", ""))
    try:
        settings = settings_of(request, first)
        with opened_sink(request, answers, name) as sink:
            done = studio.speak(settings, CancellableSink(sink, asked, name), Progress(STAGES))
    except stopping.Stopped:
        raise
    except Cancelled:
        answers.say(id=name, event="cancelled")
    except UserError as error:
        answers.say(id=name, event="error", code=error.code, en=error.en, zh=error.zh)
    except OSError as error:
        fault = file_fault(error)
        answers.say(id=name, event="error", code=fault.code, en=fault.en, zh=fault.zh)
    except Exception as error:  # a model can fail on one text and serve the next
        traceback.print_exc()
        en, zh = f"The voice failed: {error}", f"语音生成失败:{error}"
        answers.say(id=name, event="error", code="voice_failed", en=en, zh=zh)
    else:
        facts = {"seconds": round(done.seconds, 3), "took_s": round(done.took_s, 3)}
        answers.say(id=name, event="done", engine=done.engine, mode=done.mode, en=done.en, zh=done.zh, **facts)


def settings_of(request: dict[str, Any], first: SpeakSettings) -> SpeakSettings:
    """The request's fields over the worker's own. Raises UserError for a field that is unknown or of a wrong kind."""
    given = {key: value for key, value in request.items() if key not in ("id", "output_file")}
    unknown = sorted(set(given) - FIELDS)
    wrong = [key for key, value in given.items() if key in FIELDS and not fits(key, value)]
    if unknown or wrong or "text" not in given:
        named = ", ".join(unknown + wrong) or "text"
        raise UserError("bad_request", f"The request's fields cannot be used: {named}.", f"请求的字段无效:{named}。")
    ready: dict[str, Any] = {key: Path(value) if key in PATHS and value else value for key, value in given.items()}
    return replace(first, **ready)


def fits(key: str, value: Any) -> bool:
    """Whether a field's value is of the kind that SpeakSettings wants."""
    if value is None:
        return key in (*PATHS, "seed")
    if key in ("stream", "fp16"):
        return isinstance(value, bool)
    if key == "speed":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, int) and not isinstance(value, bool) if key == "seed" else isinstance(value, str)


@contextmanager
def opened_sink(request: dict[str, Any], answers: Answers, name: str) -> Iterator[Sink]:
    """Where the sound goes: the named file, or the answers."""
    target = request.get("output_file")
    if target:
        with opened_wav(Path(str(target))) as sink:
            yield sink
    else:
        yield AnswerSink(answers, name)
