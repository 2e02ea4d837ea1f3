"""Text to speech: the fields that every request with a text has, and the request for sound alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bridges import paths
from bridges.errors import RequestError
from bridges.jobs.folder import INPUTS
from bridges.requests.base import Request
from bridges.requests.checks import check_choice, check_file, check_number

ENGINES = ("auto", "cosyvoice", "embedded")
LANGUAGES = ("auto", "zh", "en", "ja", "ko", "yue", "de", "es", "fr", "it", "ru")
PRESETS = ("man", "woman")
SPEEDS = (0.5, 2.0)
MAX_TEXT = 20_000
TEXT_FILE, TRANSCRIPT_FILE = "text.txt", "transcript.txt"
STAGES = ("voice", "prompt", "speak")


@dataclass(frozen=True, kw_only=True)
class Speech(Request):
    """What is to be said, and how.

    text: 1 to 20,000 characters; voice: the voice's name as shown; prompt: its recording ("": a preset voice);
    prompt_text: what is said in that; speaker: a preset (man, woman, or one of the model's); language: of the text;
    speed: 0.5 to 2; engine: auto, cosyvoice or embedded; model: a model's name ("": the newest); instruct: how to say
    it, in words; dialect: a Chinese dialect; speech_seed: repeats the sound.
    """

    text: str = ""
    voice: str = ""
    prompt: str = ""
    prompt_text: str = ""
    speaker: str = ""
    language: str = "auto"
    speed: float = 1.0
    engine: str = "auto"
    model: str = ""
    instruct: str = ""
    dialect: str = ""
    speech_seed: int | None = None

    def check_speech(self) -> None:
        """Raise RequestError where the text or the voice cannot be used."""
        if not any(character.isalnum() for character in self.text):
            raise RequestError("no_text", "Type what is to be said.", "请输入要说的内容。")
        if len(self.text) > MAX_TEXT:
            raise RequestError(
                "text_too_long",
                f"The text has {len(self.text)} characters; the limit is {MAX_TEXT}.",
                f"文本有 {len(self.text)} 个字符,上限为 {MAX_TEXT}。",
            )
        if self.prompt:
            check_file(self.prompt, "voice", "声音")
        check_choice(self.engine, "engine", "引擎", ENGINES)
        check_choice(self.language, "language", "语言", LANGUAGES)
        check_number(self.speech_seed, "speech_seed", "随机种子", 0, 2**31 - 1)
        if not isinstance(self.speed, (int, float)) or not SPEEDS[0] <= self.speed <= SPEEDS[1]:
            raise RequestError("bad_speed", "speed must be 0.5 to 2.", "语速必须在 0.5 到 2 之间。")
        for value in (self.model, self.speaker, self.dialect, self.instruct):
            if "\n" in value or "\0" in value or len(value) > 500:
                raise RequestError("bad_option", "An option is too long or has a line break.", "选项过长或含有换行。")
        if self.model and (Path(self.model).name != self.model or self.model.startswith(".")):
            raise RequestError("no_model", f"There is no model {self.model!r}.", f"没有模型 {self.model!r}。")

    def speech_texts(self) -> dict[str, str]:
        """The words, as files of the job."""
        texts = {TEXT_FILE: self.text} if self.text else {}
        return {**texts, TRANSCRIPT_FILE: self.prompt_text} if self.prompt_text else texts

    def speech_command(self, job: Path, output: Path) -> list[str]:
        """The voice engine's script with everything that was chosen."""
        line = ["bash", str(paths.COSYVOICE_SCRIPT), "--tts_text_file", str(job / INPUTS / TEXT_FILE)]
        line += ["--output_file", str(output), "--engine", self.engine, "--language", self.language]
        line += ["--speed", f"{self.speed:g}"]
        options = {
            "--prompt_wav": self.prompt,
            "--prompt_text_file": str(job / INPUTS / TRANSCRIPT_FILE) if self.prompt_text else "",
            "--speaker": self.speaker,
            "--instruct": self.instruct,
            "--dialect": self.dialect,
            "--model_dir": str(paths.home() / "models" / "cosyvoice" / self.model) if self.model else "",
            "--seed": "" if self.speech_seed is None else str(self.speech_seed),
        }
        return line + [word for name, value in options.items() if value for word in (name, value)]

    @property
    def speech_environment(self) -> tuple[str, str]:
        """What speaking waits for."""
        return ("cosyvoice", "cloning" if self.engine == "cosyvoice" else "inference")


@dataclass(frozen=True, kw_only=True)
class SpeakRequest(Speech):
    """Sound from text. The job's `result` is JSON: seconds, took_s, engine, mode, and why that engine (en, zh)."""

    name: str = ""
    kind: ClassVar[str] = "speak"
    file_fields: ClassVar[tuple[str, ...]] = ("prompt",)
    outputs: ClassVar[dict[str, str]] = {"speech": "outputs/speech.wav"}

    def check(self) -> None:
        """Raise RequestError where the text or the voice cannot be used."""
        self.check_speech()

    def environments(self) -> list[tuple[str, str]]:
        """The light part, or the one with CosyVoice where that is demanded."""
        return [self.speech_environment]

    def texts(self) -> dict[str, str]:
        """The words."""
        return self.speech_texts()

    def seat(self) -> str:
        """A CPU seat."""
        return "cpu"

    def command(self, job: Path) -> list[str]:
        """The engine's script."""
        return self.speech_command(job, job / self.outputs["speech"])
