"""What can be asked for. A request is a frozen dataclass that checks itself with a sentence for a person and knows its
command line. Fields keep paths as text, so that a request can be written to request.json and repeated."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from bridges import paths
from bridges.errors import RequestError

MAX_INPUT_BYTES = 2_000_000_000
ENVIRONMENT_NAMES = tuple(sorted(path.parent.name for path in paths.ENVIRONMENTS.glob("*/settings.json")))
PARTS = ("inference", "training")
AUDIO_FEATURES = ("visemes", "mel")


@dataclass(frozen=True)
class Request:
    """The base of all requests.

    kind: the word in the job's id; file_fields: the fields that are files to be kept with the job, so that "run
    again" repeats exactly; outputs: name -> path in the job folder that must be there when it is done;
    environment_needed: what the engine runs in (the job waits while that is being made).
    """

    kind: ClassVar[str] = ""
    file_fields: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[dict[str, str]] = {}
    environment_needed: ClassVar[str] = ""

    def check(self) -> None:
        """Raise RequestError with one sentence where this cannot be carried out."""

    def seat(self) -> str:
        """The kind of seat it needs: none, setup, cpu, gpu-N."""
        return "none"

    def command(self, job: Path) -> list[str]:
        """The argument list to start; job: the job's folder, where `file_fields` were copied."""
        raise NotImplementedError

    def fields(self) -> dict[str, Any]:
        """The fields as JSON can hold them."""
        return asdict(self)

    def with_files(self, kept: dict[str, Path]) -> Request:
        """The same request with its files where the job keeps them."""
        return replace(self, **{name: str(path) for name, path in kept.items()})


@dataclass(frozen=True)
class GenerateRequest(Request):
    """A talking video from an avatar and speech.

    avatar: an avatar's id, its folder, or a zip; audio: any sound file; size: pixels of the square picture; fps:
    frames a second (None: the avatar's); sh_degree: 0 to 3; device: auto, cpu or a GPU's number; audio_features:
    visemes or mel (None: the engine's choice); seed: repeats blinks and head motion; name: the sound's name as shown.
    """

    avatar: str
    audio: str
    size: int | None = None
    fps: int | None = None
    sh_degree: int | None = None
    device: str = "auto"
    audio_features: str | None = None
    seed: int | None = None
    name: str = ""
    kind: ClassVar[str] = "generate"
    file_fields: ClassVar[tuple[str, ...]] = ("audio",)
    outputs: ClassVar[dict[str, str]] = {"video": "outputs/video.mp4"}
    environment_needed: ClassVar[str] = "talking_gaussian"

    def check(self) -> None:
        """Raise RequestError where a file is missing or a number is out of range."""
        check_file(self.audio, "audio", "音频")
        if not avatar_path(self.avatar).exists():
            raise RequestError("no_avatar", f"There is no avatar {self.avatar!r}.", f"没有头像 {self.avatar!r}。")
        check_number(self.size, "size", "画面尺寸", 128, 1024, even=True)
        check_number(self.fps, "fps", "帧率", 10, 60)
        check_number(self.sh_degree, "sh_degree", "球谐阶数", 0, 3)
        check_number(self.seed, "seed", "随机种子", 0, 2**31 - 1)
        if self.device not in ("auto", "cpu") and not (self.device.isdecimal() and len(self.device) <= 2):
            raise RequestError(
                "bad_device",
                f"device must be auto, cpu or the number of a GPU, not {self.device!r}.",
                f"设备必须是 auto、cpu 或 GPU 编号,而不是 {self.device!r}。",
            )
        check_choice(self.audio_features, "audio_features", "音频特征", AUDIO_FEATURES)

    def seat(self) -> str:
        """A CPU seat, or the seat of the chosen GPU."""
        return f"gpu-{int(self.device)}" if self.device.isdecimal() else "cpu"

    def command(self, job: Path) -> list[str]:
        """The engine's script with everything that was chosen."""
        line = ["bash", str(paths.TALKING_GAUSSIAN_SCRIPT), "infer", "--avatar", str(avatar_path(self.avatar))]
        line += ["--audio_file", self.audio, "--output_file", str(job / self.outputs["video"])]
        options = {
            "--sh_degree": self.sh_degree,
            "--fps": self.fps,
            "--size": self.size,
            "--gpu": None if self.device == "auto" else self.device,
            "--audio_features": self.audio_features,
            "--seed": self.seed,
        }
        return line + [word for name, value in options.items() if value is not None for word in (name, str(value))]


@dataclass(frozen=True)
class ImportAvatarRequest(Request):
    """Check a zipped avatar and install it. The job's `result` is its new folder. archive: the zip file."""

    archive: str
    name: str = ""
    kind: ClassVar[str] = "import_avatar"
    file_fields: ClassVar[tuple[str, ...]] = ("archive",)
    environment_needed: ClassVar[str] = "talking_gaussian"

    def check(self) -> None:
        """Raise RequestError where it is no file of a sensible size."""
        check_file(self.archive, "avatar", "头像")

    def seat(self) -> str:
        """One import at a time."""
        return "setup"

    def command(self, job: Path) -> list[str]:
        """The engine's script."""
        return ["bash", str(paths.TALKING_GAUSSIAN_SCRIPT), "import_avatar", "--avatar", self.archive]


@dataclass(frozen=True)
class PrepareEnvironmentRequest(Request):
    """Make an engine's environment. environment: its name; part: inference or training; recreate: from nothing."""

    environment: str
    part: str = "inference"
    recreate: bool = False
    kind: ClassVar[str] = "prepare_environment"

    def check(self) -> None:
        """Raise RequestError where there is no such environment or part."""
        check_choice(self.environment, "environment", "环境", ENVIRONMENT_NAMES)
        check_choice(self.part, "part", "部分", PARTS)

    def seat(self) -> str:
        """One set-up at a time."""
        return "setup"

    def command(self, job: Path) -> list[str]:
        """The environments' own program."""
        manage = str(paths.ENVIRONMENTS / "manage.py")
        line = [sys.executable, manage, "create", self.environment, "--part", self.part]
        return [*line, "--recreate"] if self.recreate else line


KINDS: dict[str, type[Request]] = {
    cls.kind: cls for cls in (GenerateRequest, ImportAvatarRequest, PrepareEnvironmentRequest)
}


def avatar_path(avatar: str) -> Path:
    """The folder or zip of an avatar given by id or by path."""
    if avatar and Path(avatar).name == avatar and avatar not in (".", ".."):
        for root in (paths.avatars(), paths.BUNDLED_AVATARS):
            if (root / avatar / "avatar.json").is_file():
                return root / avatar
    return Path(avatar).expanduser().absolute()


def check_file(text: str, what: str, zh: str) -> None:
    """Raise RequestError where `text` names no readable, non-empty file of at most 2 GB."""
    path = Path(text).expanduser()
    if not text or "\0" in text:
        raise RequestError("no_file", f"No {what} file was given.", f"没有提供{zh}文件。")
    if not path.exists():
        raise RequestError("no_file", f"There is no {what} file {path.name!r}.", f"没有{zh}文件 {path.name!r}。")
    if not path.is_file():
        raise RequestError("no_file", f"{path.name!r} is not a file.", f"{path.name!r} 不是文件。")
    size = path.stat().st_size
    if size == 0:
        raise RequestError("empty_file", f"The {what} file {path.name!r} is empty.", f"{zh}文件 {path.name!r} 是空的。")
    if size > MAX_INPUT_BYTES:
        raise RequestError(
            "file_too_large",
            f"The {what} file {path.name!r} is larger than 2 GB.",
            f"{zh}文件 {path.name!r} 超过 2 GB。",
        )


def check_number(value: Any, name: str, zh: str, low: int, high: int, even: bool = False) -> None:
    """Raise RequestError unless `value` is None or a whole number from `low` to `high`."""
    good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    if value is None or (good and not (even and value % 2)):
        return
    kind, kind_zh = ("an even number", "偶数") if even else ("a whole number", "整数")
    raise RequestError(
        f"bad_{name}",
        f"{name} must be {kind} from {low} to {high}, not {value!r}.",
        f"{zh}必须是 {low} 到 {high} 的{kind_zh},而不是 {value!r}。",
    )


def check_choice(value: Any, name: str, zh: str, choices: tuple[str, ...]) -> None:
    """Raise RequestError unless `value` is None or one of `choices`."""
    if value is not None and value not in choices:
        listed = ", ".join(choices)
        raise RequestError(
            f"bad_{name}",
            f"{name} must be one of {listed}, not {value!r}.",
            f"{zh}必须是 {listed} 之一,而不是 {value!r}。",
        )
