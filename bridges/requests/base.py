"""What every request is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from bridges.jobs.steps import Step


@dataclass(frozen=True)
class Request:
    """The base of all requests.

    kind: the word in the job's id; file_fields: the fields that are files to be kept with the job, so that "run
    again" repeats exactly (an empty one is none); outputs: name -> path in the job folder that must be there when it is
    done; environment_needed: what the engine runs in, "NAME" or "NAME:PART", or several (the job waits while one of
    them is being made); stop_grace_s: how long the engine may take to end when it is told to.
    """

    kind: ClassVar[str] = ""
    file_fields: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[dict[str, str]] = {}
    environment_needed: ClassVar[str | tuple[str, ...]] = ""
    stop_grace_s: ClassVar[float] = 3.0

    def check(self) -> None:
        """Raise RequestError with one sentence where this cannot be carried out."""

    def seat(self) -> str:
        """The kind of seat it needs: none, setup, check, cpu, train, gpu-N, gpu-N,M (any of them)."""
        return "none"

    def environments(self) -> list[tuple[str, str]]:
        """[(name, part)] of what it runs in."""
        needed = self.environment_needed
        words = [needed] if isinstance(needed, str) else needed
        return [(name, part or "inference") for name, _, part in (word.partition(":") for word in words if word)]

    def texts(self) -> dict[str, str]:
        """File name -> text of what the job keeps in its inputs: a user's words go to engines in files."""
        return {}

    def command(self, job: Path) -> list[str]:
        """The argument list to start; job: the job's folder, where `file_fields` were copied."""
        raise NotImplementedError

    def steps(self, job: Path) -> list[Step]:
        """For a command that is `bridges.jobs.steps`: what it runs in order."""
        raise NotImplementedError

    def fields(self) -> dict[str, Any]:
        """The fields as JSON can hold them."""
        return asdict(self)

    def with_files(self, kept: dict[str, Path]) -> Request:
        """The same request with its files where the job keeps them."""
        return replace(self, **{name: str(path) for name, path in kept.items()})
