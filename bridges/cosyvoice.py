"""The voice engine: speak a text as a job, see what is ready and how long it takes. `voice_worker` keeps one loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from bridges import environments, paths
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
