"""A talking video from an avatar and speech, or text that a voice speaks first."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bridges import paths
from bridges.errors import RequestError
from bridges.gpus import check_device, seat_to_draw
from bridges.jobs.steps import Step
from bridges.requests.checks import avatar_path, check_choice, check_file, check_number
from bridges.requests.speak import Speech

AUDIO_FEATURES = ("visemes", "mel")
STAGES = ("load", "audio", "render", "finish")
SPEECH = "outputs/speech.wav"


@dataclass(frozen=True)
class GenerateRequest(Speech):
    """A talking video from an avatar and speech, or from an avatar and text (the fields of `Speech`).

    avatar: an avatar's id, its folder, or a zip; audio: any sound file ("": the text is spoken); size: pixels of the
    square picture; fps: frames a second (None: the avatar's); sh_degree: 0 to 3; device: auto, cpu or a GPU's number;
    audio_features: visemes or mel (None: the engine's choice); seed: repeats blinks and head motion; name: the sound's
    name as shown.
    """

    avatar: str
    audio: str = ""
    size: int | None = None
    fps: int | None = None
    sh_degree: int | None = None
    device: str = "auto"
    audio_features: str | None = None
    seed: int | None = None
    name: str = ""
    kind: ClassVar[str] = "generate"
    file_fields: ClassVar[tuple[str, ...]] = ("audio", "prompt")
    outputs: ClassVar[dict[str, str]] = {"video": "outputs/video.mp4"}
    environment_needed: ClassVar[str] = "talking_gaussian"

    def environments(self) -> list[tuple[str, str]]:
        """The avatar engine's, and the voice's where text is spoken."""
        return [*super().environments(), *([self.speech_environment] if self.text else [])]

    def texts(self) -> dict[str, str]:
        """The words that are spoken."""
        return self.speech_texts()

    def check(self) -> None:
        """Raise RequestError where a file is missing or a number is out of range."""
        if self.text and not self.audio:
            self.check_speech()
        elif self.text:
            raise RequestError("two_sources", "Give speech or a text, not both.", "请只提供语音或文本其中之一。")
        else:
            check_file(self.audio, "audio", "音频")
        if not avatar_path(self.avatar).exists():
            raise RequestError("no_avatar", f"There is no avatar {self.avatar!r}.", f"没有头像 {self.avatar!r}。")
        check_number(self.size, "size", "画面尺寸", 128, 1024, even=True)
        check_number(self.fps, "fps", "帧率", 10, 60)
        check_number(self.sh_degree, "sh_degree", "球谐阶数", 0, 3)
        check_number(self.seed, "seed", "随机种子", 0, 2**31 - 1)
        check_device(self.device)
        check_choice(self.audio_features, "audio_features", "音频特征", AUDIO_FEATURES)

    def seat(self) -> str:
        """A CPU seat, or that of the chosen GPU, or for auto of any GPU that no training has."""
        return seat_to_draw(self.device)

    def command(self, job: Path) -> list[str]:
        """The engine's script with everything that was chosen; for a text, both engines as one job."""
        if self.text:
            return [sys.executable, "-m", "bridges.jobs.steps", str(job)]
        return self.video_command(job, self.audio)

    def steps(self, job: Path) -> list[Step]:
        """The voice speaks the text, the avatar what was spoken."""
        speech = job / SPEECH
        return [
            Step(self.speech_command(job, speech), ("speak",)),
            Step(self.video_command(job, str(speech)), STAGES),
        ]

    def video_command(self, job: Path, audio: str) -> list[str]:
        """The avatar engine's script for a sound file."""
        line = ["bash", str(paths.TALKING_GAUSSIAN_SCRIPT), "infer", "--avatar", str(avatar_path(self.avatar))]
        line += ["--audio_file", audio, "--output_file", str(job / self.outputs["video"])]
        options = {
            "--sh_degree": self.sh_degree,
            "--fps": self.fps,
            "--size": self.size,
            "--gpu": None if self.device == "auto" else self.device,
            "--audio_features": self.audio_features,
            "--seed": self.seed,
        }
        return line + [word for name, value in options.items() if value is not None for word in (name, str(value))]
