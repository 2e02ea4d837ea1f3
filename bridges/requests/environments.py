"""Making an engine's environment."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bridges import paths
from bridges.requests.base import Request
from bridges.requests.checks import check_choice

ENVIRONMENT_NAMES = tuple(sorted(path.parent.name for path in paths.ENVIRONMENTS.glob("*/settings.json")))


def parts_of(name: str) -> tuple[str, ...]:
    """The parts of an environment: inference, then those that have a requirements-PART.txt."""
    more = (paths.ENVIRONMENTS / name).glob("requirements-*.txt")
    return ("inference", *sorted(path.stem.removeprefix("requirements-") for path in more))


@dataclass(frozen=True)
class PrepareEnvironmentRequest(Request):
    """Make an engine's environment. environment: its name; part: one of `parts_of` it; recreate: from nothing."""

    environment: str
    part: str = "inference"
    recreate: bool = False
    kind: ClassVar[str] = "prepare_environment"

    def check(self) -> None:
        """Raise RequestError where there is no such environment or part."""
        check_choice(self.environment, "environment", "环境", ENVIRONMENT_NAMES)
        check_choice(self.part, "part", "部分", parts_of(self.environment))

    def seat(self) -> str:
        """One set-up at a time."""
        return "setup"

    def command(self, job: Path) -> list[str]:
        """The environments' own program."""
        manage = str(paths.ENVIRONMENTS / "manage.py")
        line = [sys.executable, manage, "create", self.environment, "--part", self.part]
        return [*line, "--recreate"] if self.recreate else line
