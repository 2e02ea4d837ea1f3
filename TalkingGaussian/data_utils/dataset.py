"""What preprocessing leaves in a dataset folder, and how a stage says that it is done."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FPS = 25
SOUND_RATE = 16_000
FRAMES, SOUND, LANDMARKS, FIT = "frames.mp4", "audio.wav", "landmarks.npz", "fit.npz"
MASKS, PLATES, META = "masks.mp4", "plates.mp4", "meta.json"
BACKGROUND, TORSO, HEAD, MOUTH = 0, 85, 170, 255  # gray levels of masks.mp4


@dataclass(frozen=True)
class ProcessSettings:
    """How a video becomes a dataset; saved in meta.json, and a dataset made with others is made anew.

    size: side of the head-centred picture, px (256 to 1024, even). start_s, end_s: the part that is used.
    sound_shift_ms: how late the sound is against the lips; it is moved earlier by as much.
    """

    size: int = 512
    start_s: float = 0.0
    end_s: float | None = None
    sound_shift_ms: float = 0.0


class Dataset:
    """A dataset folder: its files, and meta.json with the settings and each finished stage's findings."""

    def __init__(self, folder: Path, video: Path, settings: ProcessSettings) -> None:
        """Opens or begins the folder; what was made from another video or with other settings is forgotten."""
        self.folder, self.settings = folder, settings
        (folder / "previews").mkdir(parents=True, exist_ok=True)
        source = {"name": video.name, "digest": digest_of(video), **asdict(settings)}
        found = self._read()
        self.meta: dict[str, Any] = found if found.get("source") == source else {"source": source, "stages": {}}

    def path(self, name: str) -> Path:
        """A file of the dataset."""
        return self.folder / name

    def is_done(self, stage: str) -> bool:
        """Whether an earlier run finished the stage."""
        return stage in self.meta["stages"]

    def found(self, stage: str) -> dict[str, Any]:
        """What a finished stage wrote down."""
        return self.meta["stages"][stage]

    def finish(self, stage: str, findings: dict[str, Any]) -> None:
        """Write down that a stage is done; meta.json is replaced in one step."""
        self.meta["stages"][stage] = findings
        part = self.path(META + ".part")
        part.write_text(json.dumps(self.meta, indent=1), encoding="utf-8")
        part.replace(self.path(META))

    def _read(self) -> dict[str, Any]:
        if not self.path(META).is_file():
            return {}
        try:
            return json.loads(self.path(META).read_text(encoding="utf-8"))
        except ValueError:
            return {}  # written by a crashed disk: begin again


def digest_of(video: Path) -> str:
    """A short sha256 of a file's size, beginning and end: the same video is known again without reading it all."""
    size = video.stat().st_size
    with video.open("rb") as file:
        first = file.read(1 << 20)
        file.seek(max(0, size - (1 << 20)))
        return hashlib.sha256(str(size).encode() + first + file.read()).hexdigest()[:16]
