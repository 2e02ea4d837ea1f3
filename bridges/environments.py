"""The engines' environments: what is there, and preparing one as a job that the page can follow."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

from bridges import paths
from bridges.errors import RequestError
from bridges.jobs.job import Job, adopt, submit
from bridges.requests import PrepareEnvironmentRequest
from bridges.requests.environments import ENVIRONMENT_NAMES


@dataclass(frozen=True)
class EnvironmentState:
    """One environment.

    state: ready, missing, outdated (its requirements changed) or broken; source: conda, venv or ""; parts: those
    that are there (inference, training); python: its version; size_mb; en, zh: one sentence; command: what makes it.
    """

    name: str
    state: str
    source: str = ""
    parts: tuple[str, ...] = ()
    python: str = ""
    folder: str = ""
    size_mb: int | None = None
    en: str = ""
    zh: str = ""
    command: str = ""

    @property
    def ready(self) -> bool:
        """Whether engines can run in it."""
        return self.state == "ready"


def check(name: str, sizes: bool = False) -> EnvironmentState:
    """The state of one environment; sizes: also measure its folder (slower)."""
    return check_all((name,), sizes)[0]


def check_all(names: tuple[str, ...] = (), sizes: bool = False) -> list[EnvironmentState]:
    """The states of these (default: all) environments, asked of environments/manage.py."""
    command = [sys.executable, str(paths.ENVIRONMENTS / "manage.py"), "check", *names, "--json"]
    answer = subprocess.run(command + (["--sizes"] if sizes else []), capture_output=True, text=True, check=False)
    if not answer.stdout.strip():
        raise RuntimeError(f"environments/manage.py failed: {answer.stderr.strip()[-500:]}")
    return [EnvironmentState(**{**row, "parts": tuple(row["parts"])}) for row in json.loads(answer.stdout)]


def prepare(name: str, part: str = "inference", recreate: bool = False) -> Job:
    """Make an environment or another part of it as a job; the one already under way is returned, never a second."""
    wanted = PrepareEnvironmentRequest(name, part, recreate)
    for job in adopt():
        if job.status().kind == wanted.kind and job.request() == wanted:
            return job
    return submit(wanted)


def prepare_if_missing(name: str, part: str = "inference") -> Job | None:
    """For the app's first start: the job that makes the environment, or None where it is ready."""
    state = check(name)
    return None if state.ready and part in state.parts else prepare(name, part)


def remove(name: str) -> None:
    """Delete an environment's folder. Raises RequestError with what the program said where it could not."""
    command = [sys.executable, str(paths.ENVIRONMENTS / "manage.py"), "remove", name]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        said = answer.stderr.strip().splitlines()
        reason = said[-1].removeprefix("error: ") if said else f"exit code {answer.returncode}"
        raise RequestError("not_removed", f"{name} was not removed: {reason}", f"未能删除 {name}:{reason}")


__all__ = ["ENVIRONMENT_NAMES", "EnvironmentState", "check", "check_all", "prepare", "prepare_if_missing", "remove"]
