"""Several engine runs as one job: `python -m bridges.jobs.steps JOB_FOLDER`, for requests that have `steps`.

The stages of all steps make one list. A step that has one name only shows its own stages as the progress of that one.
The first step that fails ends the job with its exit code.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from bridges.jobs.logs import split_marker
from bridges.jobs.status import percent


class Step(NamedTuple):
    """A command and the names of its stages: those it announces itself, or one for all of it."""

    command: list[str]
    stages: tuple[str, ...]


def run_steps(steps: list[Step]) -> int:
    """Run them in order; returns the exit code."""
    say("@stages", [name for step in steps for name in step.stages])
    for step in steps:
        code = run_step(step)
        if code:
            return code if code > 0 else 128 - code
    return 0


def run_step(step: Step) -> int:
    """Run one; its stdout is passed on as it is, its marker lines are fitted into the whole. Returns the exit code."""
    own: tuple[str, ...] = ()
    with subprocess.Popen(step.command, stderr=subprocess.PIPE) as engine:
        assert engine.stderr is not None  # noqa: S101 (it is a pipe; tells the type checker)
        for line in engine.stderr:
            text, marker = split_marker(line)
            sys.stderr.buffer.write(text)
            sys.stderr.buffer.flush()
            if marker is None:
                continue
            name, value = marker
            if name == "stages":
                own = tuple(str(stage) for stage in value)
            elif name == "progress" and len(step.stages) == 1 and own:
                say("@progress", as_one(step.stages[0], own, value))
            else:
                say(f"@{name}", value)
    return engine.returncode


def as_one(stage: str, own: tuple[str, ...], progress: dict[str, Any]) -> dict[str, Any]:
    """A step's progress over all its stages as that of one stage, in percent."""
    return {"stage": stage, "step": round(percent(own, progress)), "of": 100, "eta_s": progress.get("eta_s")}


def say(kind: str, what: Any) -> None:
    """A marker line."""
    print(kind, json.dumps(what, ensure_ascii=False), file=sys.stderr, flush=True)


def main() -> int:
    """Run the steps of the job in argv[1]."""
    from bridges.jobs.job import Job

    job = Job(Path(sys.argv[1]))
    return run_steps(job.request().steps(job.folder))


if __name__ == "__main__":
    sys.exit(main())
