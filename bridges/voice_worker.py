"""A voice that stays loaded between requests, for a page or a chat that speaks again and again."""

from __future__ import annotations

import base64
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

from bridges import paths
from bridges.errors import RequestError


class VoiceWorker:
    """`run_cosyvoice.sh serve` over its pipes: the model loads once and answers many requests, one at a time.

    It ends by itself after `idle_s` seconds without a request and is started again by the next one, as after a crash.
    One a model is kept by `VoiceWorker.of`. Thread-safe.
    """

    _kept: ClassVar[dict[tuple[str, str], VoiceWorker]] = {}
    _keeping: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, engine: str = "auto", model: str = "", idle_s: float = 600.0) -> None:
        self._options = ["--engine", engine, "--idle_s", f"{idle_s:g}"]
        if model:
            self._options += ["--model_dir", str(paths.home() / "models" / "cosyvoice" / model)]
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._asked = 0
        self.ready: dict[str, Any] = {}

    @classmethod
    def of(cls, engine: str = "auto", model: str = "") -> VoiceWorker:
        """The one worker of a model in this process."""
        with cls._keeping:
            return cls._kept.setdefault((engine, model), cls(engine, model))

    def start(self) -> dict[str, Any]:
        """Load now (or find it loaded); returns its "ready" answer: engine, en, zh. Raises RequestError."""
        with self._turn:
            self._started()
            return self.ready

    def speak(self, text: str, **fields: Any) -> Iterator[bytes]:
        """24 kHz mono 16-bit samples as they are made. fields: of SpeakSettings (CosyVoice/voice_engine/settings.py).

        Leaving the iteration early takes the request back. Raises RequestError.
        """
        with self._turn:
            name, answer = self._asked_for(text, fields)
            try:
                while answer["event"] == "audio":
                    yield base64.b64decode(answer["pcm"])
                    answer = self._answer_to(name)
            finally:
                if answer["event"] == "audio":
                    self._take_back(name)
            if answer["event"] == "error":
                raise RequestError(answer["code"], answer["en"], answer["zh"])

    def close(self) -> None:
        """End it."""
        with self._turn:
            self._end()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        command = ["bash", str(paths.COSYVOICE_SCRIPT), "serve", *self._options]
        environment = {**os.environ, "TFG_HOME": str(paths.home())}
        environment["TFG_JOB_DIR"] = "-"  # so that it says its faults in both languages
        self._answers = queue.Queue()
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, start_new_session=True
        )
        threading.Thread(target=_pump, args=(process, self._answers), daemon=True).start()
        self._process = process
        self.ready = self._next()
        return process

    def _asked_for(self, text: str, fields: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Hand a request in: (its name, its first answer). A worker that ended meanwhile is started once more."""
        self._asked += 1
        name = str(self._asked)
        line = json.dumps({"id": name, "text": text, **fields}).encode() + b"\n"
        process = self._started()
        try:
            self._write(process, line)
            return name, self._answer_to(name)
        except (OSError, RequestError):
            if self._process is not None and process.poll() is None:
                raise
        self._write(self._started(), line)
        return name, self._answer_to(name)

    @staticmethod
    def _write(process: subprocess.Popen[bytes], line: bytes) -> None:
        assert process.stdin is not None  # noqa: S101 (it is a pipe; tells the type checker)
        process.stdin.write(line)
        process.stdin.flush()

    def _answer_to(self, name: str) -> dict[str, Any]:
        """The next answer to a request; those to one that was taken back are passed over."""
        answer = self._next()
        while answer.get("id") != name:
            answer = self._next()
        return answer

    def _next(self) -> dict[str, Any]:
        answer = self._answers.get()
        if answer is None:
            self._end()
            raise RequestError(
                "voice_ended", "The voice engine ended unexpectedly; try again.", "语音引擎意外退出,请重试。"
            )
        if "failure" in answer:
            self._end()
            raise RequestError(answer["failure"], answer["en"], answer["zh"])
        return answer

    def _take_back(self, name: str) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        try:
            process.stdin.write(json.dumps({"cancel": name}).encode() + b"\n")
            process.stdin.flush()
        except OSError:
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin and not process.stdin.closed:
            try:
                process.stdin.close()
            except BrokenPipeError:
                self.ready = {}  # it had ended already
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _pump(process: subprocess.Popen[bytes], answers: queue.Queue[dict[str, Any] | None]) -> None:
    """Move a worker's answers to the queue; at its end its own reason, or None."""
    assert process.stdout is not None and process.stderr is not None  # noqa: S101 (pipes)
    said: list[dict[str, Any]] = []

    def listen() -> None:
        for line in process.stderr or ():
            if line.startswith(b"@error "):
                fault = json.loads(line.removeprefix(b"@error "))
                said.append({"failure": fault["code"], "en": fault["en"], "zh": fault["zh"]})

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    for line in process.stdout:
        answers.put(json.loads(line))
    listener.join(2)
    answers.put(said[-1] if said else None)
