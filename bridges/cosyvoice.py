"""The voice engine: speak a text as a job, see what is ready and how long it will take, or keep a voice loaded."""

from __future__ import annotations

import base64
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from bridges import environments, paths
from bridges.errors import RequestError
from bridges.jobs.job import Job, adopt, list_jobs, submit
from bridges.requests import FetchModelRequest, FetchSourceRequest, SpeakRequest
from bridges.system import list_gpus
from bridges.voices import spoken_by

ENGINE = "cosyvoice"
SECONDS_A_CHARACTER, SECONDS_A_LETTER = 0.24, 0.068
# seconds of work for each second of sound, and before the first one, until this machine has shown its own
EMBEDDED_COST = (0.3, 3.0)
GPU_COST, CPU_COST = (1.0, 30.0), (14.0, 45.0)
HISTORY = 30


@dataclass(frozen=True)
class ModelRow:
    """A model that can be fetched or is there. version: 1 to 3 or None; state: ready, incomplete or missing; about_gb:
    what is to be fetched (None: not known before asking); en, zh: what it is good for ("": not of the catalogue).
    """

    name: str
    version: int | None
    state: str
    about_gb: float | None
    en: str
    zh: str


@dataclass(frozen=True)
class Readiness:
    """What can speak here. embedded, cosyvoice: ready; models: CosyVoice's folders that are ready, the newest first;
    lacks: what CosyVoice lacks, in order: environment, source, model; rows: all models, as `get_weights.sh list` says.
    """

    embedded: bool
    cosyvoice: bool
    models: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    rows: tuple[ModelRow, ...] = ()


def speak(text: str, voice: str = "man", **options: Any) -> Job:
    """Start speaking; returns the job at once, whose output "speech" is a WAV.

    voice: an id of `bridges.voices.list_voices`, or man, woman; options: the other fields of `SpeakRequest`. Raises
    RequestError.
    """
    return speak_fields({"text": text, **spoken_by(voice), **options})


def speak_fields(fields: dict[str, Any]) -> Job:
    """Start a `SpeakRequest` of these fields; its environment is made meanwhile where it is missing."""
    request = SpeakRequest(**{"name": " ".join(str(fields["text"]).split())[:40], **fields})
    request.check()
    prepare(request.engine)
    return submit(request)


def prepare(engine: str = "auto") -> Job | None:
    """Begin to make the environment that a request waits for; None where it is there."""
    return environments.prepare_if_missing(ENGINE, "cloning" if engine == "cosyvoice" else "inference")


def fetch_model(model: str, hub: str = "huggingface") -> Job:
    """Fetch a model of CosyVoice; the job that is at it already is returned, never a second."""
    return _once(FetchModelRequest(model, hub))


def fetch_source() -> Job:
    """Fetch CosyVoice's code; the job that is at it already is returned, never a second."""
    return _once(FetchSourceRequest())


def _once(request: FetchModelRequest | FetchSourceRequest) -> Job:
    for job in adopt():
        if job.status().kind == request.kind and job.request() == request:
            return job
    return submit(request)


def readiness() -> Readiness:
    """What is ready (asks environments/manage.py and get_weights.py: some tenths of a second)."""
    state = environments.check(ENGINE)
    source, rows = _weights()
    models = sorted((row for row in rows if row.state == "ready"), key=lambda row: -(row.version or 0))
    lacks = [] if "cloning" in state.parts else ["environment"]
    lacks += [] if source else ["source"]
    lacks += [] if models else ["model"]
    names = tuple(row.name for row in models)
    return Readiness(state.ready or "cloning" in state.parts, not lacks, names, tuple(lacks), rows)


def _weights() -> tuple[bool, tuple[ModelRow, ...]]:
    """Whether CosyVoice's code is there, and the models."""
    environment = {**os.environ, "PYTHON": sys.executable, "TFG_HOME": str(paths.home())}
    command = ["bash", str(paths.WEIGHTS_SCRIPT), "list", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(f"get_weights.sh failed: {done.stderr.strip()[-500:]}")
    listed = json.loads(done.stdout)
    keys = ("name", "version", "state", "about_gb")
    rows = [ModelRow(**{key: row[key] for key in keys}, **row["about"]) for row in listed["models"]]
    return bool(listed["source"]), tuple(rows)


# --- how long it will take --------------------------------------------------------------------------------------------


def spoken_seconds(text: str, speed: float = 1.0) -> float:
    """About how long a text sounds."""
    seconds = sum(
        SECONDS_A_CHARACTER if ord(character) > 0x2E7F else SECONDS_A_LETTER
        for character in text
        if not character.isspace()
    )
    return seconds / speed


def expected_seconds(text: str, engine: str, speed: float = 1.0) -> float:
    """About how long speaking will take on this machine: by its own earlier results, else by figures of others."""
    sound = spoken_seconds(text, speed)
    per_second, before = own_cost(engine) or _usual_cost(engine)
    return before + per_second * sound


def _usual_cost(engine: str) -> tuple[float, float]:
    if engine == "embedded":
        return EMBEDDED_COST
    return GPU_COST if list_gpus() else CPU_COST


def own_cost(engine: str) -> tuple[float, float] | None:
    """(seconds of work a second of sound, seconds before) from this machine's last results, or None."""
    for job in list_jobs("speak", HISTORY) + list_jobs("generate", HISTORY):
        result = spoken_result(job)
        if result and result["engine"] == engine and result["seconds"] > 1:
            before = EMBEDDED_COST[1] if engine == "embedded" else 25.0
            return max(0.05, (result["took_s"] - min(before, result["took_s"] / 2)) / result["seconds"]), before
    return None


def spoken_result(job: Job) -> dict[str, Any] | None:
    """What the voice engine said of its work (seconds, took_s, engine, mode, en, zh), of a job that spoke."""
    try:
        result = json.loads(job.status().result)
    except ValueError:
        return None
    return result if isinstance(result, dict) and {"seconds", "took_s", "engine"} <= set(result) else None


# --- a voice that stays loaded ----------------------------------------------------------------------------------------


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
