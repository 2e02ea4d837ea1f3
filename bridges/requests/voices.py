"""Bringing a voice in, and what CosyVoice needs."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from bridges import paths
from bridges.errors import RequestError
from bridges.jobs.folder import INPUTS
from bridges.jobs.steps import Step
from bridges.requests.base import Request
from bridges.requests.checks import check_choice, check_file
from bridges.requests.speak import LANGUAGES

MAX_NAME, MAX_WORDS = 60, 2000
FACTS_FILE = "voice.json"
HUBS = ("huggingface", "modelscope")


@dataclass(frozen=True)
class AddVoiceRequest(Request):
    """Make a recording a voice of the library; the job's `result` is its id.

    recording: any sound file; name: 1 to 60 letters; transcript: what is said in it ("": not known); language: of the
    recording; consent: the sentence agreed to; consent_by: who agrees.
    """

    recording: str
    name: str
    transcript: str = ""
    language: str = "auto"
    consent: str = ""
    consent_by: str = ""
    kind: ClassVar[str] = "add_voice"
    file_fields: ClassVar[tuple[str, ...]] = ("recording",)
    outputs: ClassVar[dict[str, str]] = {"prompt": "outputs/prompt.wav"}
    environment_needed: ClassVar[str] = "cosyvoice"

    def check(self) -> None:
        """Raise RequestError where something is missing."""
        check_file(self.recording, "recording", "录音")
        check_words(self.name, self.transcript)
        check_choice(self.language, "language", "语言", LANGUAGES)
        check_consent({"statement": self.consent, "by": self.consent_by})

    def texts(self) -> dict[str, str]:
        """The facts, for the step that puts the voice into the library."""
        facts = {"name": self.name, "transcript": self.transcript, "language": self.language}
        consent = {"statement": self.consent, "by": self.consent_by}
        return {FACTS_FILE: json.dumps({**facts, "consent": consent}, ensure_ascii=False)}

    def seat(self) -> str:
        """Its own: seconds of work must not wait behind an hour's."""
        return "check"

    def command(self, job: Path) -> list[str]:
        """Both steps as one job."""
        return [sys.executable, "-m", "bridges.jobs.steps", str(job)]

    def steps(self, job: Path) -> list[Step]:
        """The engine makes the recording a prompt; then it is put into the library."""
        prompt = str(job / self.outputs["prompt"])
        prepare = ["bash", str(paths.COSYVOICE_SCRIPT), "prepare", "--engine", "embedded"]
        prepare += ["--prompt_wav", self.recording, "--output_file", prompt]
        prepare += ["--prompt_text", "known"] if self.transcript else []
        install = [sys.executable, "-m", "bridges.voices", prompt, str(job / INPUTS / FACTS_FILE)]
        return [Step(prepare, ("prompt",)), Step(install, ("finish",))]


@dataclass(frozen=True)
class TranscribeRequest(Request):
    """Write down what a recording says; the job's `result` is JSON: text, language, reliable. language: or auto."""

    recording: str
    language: str = "auto"
    kind: ClassVar[str] = "transcribe"
    file_fields: ClassVar[tuple[str, ...]] = ("recording",)
    environment_needed: ClassVar[str] = "cosyvoice"

    def check(self) -> None:
        """Raise RequestError where there is no recording."""
        check_file(self.recording, "recording", "录音")
        check_choice(self.language, "language", "语言", LANGUAGES)

    def seat(self) -> str:
        """Its own: seconds of work must not wait behind an hour's."""
        return "check"

    def command(self, job: Path) -> list[str]:
        """The engine's script."""
        line = ["bash", str(paths.COSYVOICE_SCRIPT), "transcribe", "--prompt_wav", self.recording]
        return [*line, "--language", self.language]


@dataclass(frozen=True)
class FetchModelRequest(Request):
    """Fetch one of CosyVoice's models. model: its name; hub: huggingface or modelscope."""

    model: str
    hub: str = "huggingface"
    kind: ClassVar[str] = "fetch_model"

    def check(self) -> None:
        """Raise RequestError for a name that is none."""
        check_choice(self.hub, "hub", "来源", HUBS)
        if not self.model or Path(self.model).name != self.model or self.model.startswith((".", "-")):
            raise RequestError("no_model", f"There is no model {self.model!r}.", f"没有模型 {self.model!r}。")

    def seat(self) -> str:
        """One set-up at a time."""
        return "setup"

    def command(self, job: Path) -> list[str]:
        """The script; what has arrived is kept when it is cancelled."""
        return ["bash", str(paths.WEIGHTS_SCRIPT), self.model, "--hub", self.hub, "--yes"]


@dataclass(frozen=True)
class FetchSourceRequest(Request):
    """Fetch CosyVoice's code at the commit that was tested here."""

    kind: ClassVar[str] = "fetch_source"

    def seat(self) -> str:
        """One set-up at a time."""
        return "setup"

    def command(self, job: Path) -> list[str]:
        """The script."""
        return ["bash", str(paths.UPSTREAM_SCRIPT)]


def check_words(name: str, transcript: str) -> None:
    """Raise RequestError for a name or transcript that is empty where it must not be, or too long."""
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise RequestError(
            "bad_name", f"A name must have 1 to {MAX_NAME} letters.", f"名字应为 1 到 {MAX_NAME} 个字符。"
        )
    if len(transcript) > MAX_WORDS:
        raise RequestError("long_transcript", "The transcript is too long.", "文本过长。")


def check_consent(consent: Any) -> None:
    """Raise RequestError where nobody agreed to the use of the voice."""
    kept = isinstance(consent, dict) and all(isinstance(consent.get(key), str) for key in ("statement", "by"))
    if not kept or not consent["statement"].strip() or not consent["by"].strip():
        raise RequestError(
            "no_consent",
            "Say who agrees to the use of this voice: it is their own, or they have allowed it.",
            "请说明由谁同意使用该声音:声音属于本人,或已获得其许可。",
        )
    if len(consent["statement"]) > MAX_WORDS or len(consent["by"]) > MAX_NAME:
        raise RequestError("no_consent", "The statement of consent is too long.", "同意声明过长。")
