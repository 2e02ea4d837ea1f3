"""Bringing an avatar in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bridges import paths
from bridges.requests.base import Request
from bridges.requests.checks import check_file


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
