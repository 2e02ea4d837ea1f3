"""The process one recogniser lives in: `python -m bridges.chat.listening.worker ENGINE [IDLE_S]`.

In: a JSON line {"id", "language", "bytes"} and so many bytes of 16 kHz mono int16. Out: a JSON line {"id", "text",
"language"} or {"id", "code", "en", "zh"}; the first, of id 0, says that the model is loaded. It ends at the end of its
input, and after IDLE_S seconds without work.
"""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from bridges.chat.listening.recognisers import ALL, Recogniser
from bridges.errors import RequestError

RATE = 16_000


def main() -> int:
    """Serve until the input ends."""
    engine, idle_s = ALL[sys.argv[1]], float(sys.argv[2]) if len(sys.argv) > 2 else 900.0
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints is no answer
    started = _caught(lambda: _load(engine))
    _say(answers, {"id": 0, **started})
    if "code" in started:
        return 3
    questions = os.fdopen(0, "rb", buffering=0)
    while select.select([questions], [], [], idle_s)[0]:
        line = _line(questions)
        if not line:
            break
        asked = json.loads(line)
        pcm = _exactly(questions, asked["bytes"])
        _say(answers, {"id": asked["id"], **_caught(lambda: _hear(engine, pcm, asked["language"]))})  # noqa: B023
    return 0


def _load(engine: Recogniser) -> dict[str, Any]:
    engine.prepare()
    return {}


def _hear(engine: Recogniser, pcm: bytes, language: str) -> dict[str, Any]:
    from speech_recognition import AudioData, UnknownValueError

    try:
        text, spoken = engine.hear(AudioData(pcm, RATE, 2), language)
    except UnknownValueError:
        return {"text": "", "language": language}
    return {"text": text.strip(), "language": spoken}


def _caught(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `work` gives, or its failure."""
    try:
        return work()
    except RequestError as fault:
        return fault.failure.as_json()
    except Exception as fault:  # a library's own: the page gets a sentence, the log the cause
        sys.excepthook(type(fault), fault, fault.__traceback__)
        return {
            "code": "recogniser_failed",
            "en": f"The recogniser failed ({type(fault).__name__}); choose another one.",
            "zh": f"识别引擎出错({type(fault).__name__})，请改用其他引擎。",
        }


def _say(answers: Any, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")


def _line(questions: BinaryIO) -> bytes:
    """One line, byte by byte: a buffered reader would swallow what select waits for."""
    line = b""
    while not line.endswith(b"\n"):
        byte = questions.read(1)
        if not byte:
            return b""
        line += byte
    return line


def _exactly(questions: BinaryIO, count: int) -> bytes:
    parts = []
    while count > 0:
        part = questions.read(count)
        if not part:
            raise SystemExit(0)  # the page's process is gone
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


if __name__ == "__main__":
    sys.exit(main())
