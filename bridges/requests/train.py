"""Looking whether a video will do, and training an avatar from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bridges import paths
from bridges.errors import RequestError
from bridges.gpus import list_gpus, seat_to_train
from bridges.jobs.folder import read_json
from bridges.requests.base import Request
from bridges.requests.checks import check_file

PRESETS = ("draft", "standard", "high")
RECORD = "training.json"  # what a workspace was asked for: with its video it is all that going on needs


@dataclass(frozen=True)
class PreflightRequest(Request):
    """Look at a video for what helps or hinders a training. video: any video file; name: its name as shown."""

    video: str
    name: str = ""
    kind: ClassVar[str] = "preflight"
    file_fields: ClassVar[tuple[str, ...]] = ("video",)
    outputs: ClassVar[dict[str, str]] = {"report": "outputs/report.json"}
    environment_needed: ClassVar[str] = "tg_eval"

    def check(self) -> None:
        """Raise RequestError where it is no file of a sensible size."""
        check_file(self.video, "video", "视频")

    def seat(self) -> str:
        """Its own: seconds of work must not wait behind an hour's."""
        return "check"

    def command(self, job: Path) -> list[str]:
        """The engine's script."""
        return ["bash", str(paths.PREFLIGHT_SCRIPT), self.video, "--report", str(job / self.outputs["report"])]


@dataclass(frozen=True)
class TrainRequest(Request):
    """Train the avatar of a workspace, or go on with it. The job's `result` is the avatar's folder.

    training: the workspace's name under TFG_HOME/training, made by `bridges.training.start`; name: as shown.
    """

    training: str
    name: str = ""
    kind: ClassVar[str] = "train"
    environment_needed: ClassVar[tuple[str, ...]] = ("tg_eval", "talking_gaussian:training")
    stop_grace_s: ClassVar[float] = 30.0  # a checkpoint is written first

    @property
    def workspace(self) -> Path:
        """The training's folder."""
        return paths.trainings() / self.training

    def check(self) -> None:
        """Raise RequestError where there is no such training."""
        plain = Path(self.training).name == self.training and self.training not in ("", ".", "..")
        if not plain or not (self.workspace / RECORD).is_file():
            raise RequestError(
                "no_training", f"There is no training {self.training!r}.", f"没有训练任务 {self.training!r}。"
            )

    def seat(self) -> str:
        """One training at a time on the CPU, or the seat of a GPU; videos can be made meanwhile."""
        return seat_to_train(self._device)

    def environments(self) -> list[tuple[str, str]]:
        """Where a card may train, also what works on it."""
        on_card = [("talking_gaussian", "gpu")] if self._device != "cpu" and list_gpus() else []
        return [*super().environments(), *on_card]

    @property
    def _device(self) -> str:
        return str(read_json(self.workspace / RECORD)["device"])

    def command(self, job: Path) -> list[str]:
        """The engine's script with everything that the workspace was asked for."""
        asked = read_json(self.workspace / RECORD)
        line = ["bash", str(paths.TRAIN_SCRIPT), "--video", str(self.workspace / asked["video"])]
        line += ["--workspace", str(self.workspace), "--identity", str(self.workspace / "identity.json")]
        line += ["--preset", asked["preset"], "--size", str(asked["size"])]
        line += [] if asked["device"] == "auto" else ["--gpu", asked["device"]]
        return line + [word for name, value in asked["repairs"].items() for word in (f"--{name}", f"{value:g}")]
