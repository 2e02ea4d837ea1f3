"""Where job folders are executed: this machine today, a cluster another day, behind the same four verbs.

`submit` starts what carries the job; `status` and `logs` are the folder's files (an executor elsewhere writes the same
files); `lives` and `cancel` ask it about the job.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Protocol

from bridges import paths
from bridges.jobs import failures, folder, processes
from bridges.jobs.logs import LogChunk, read_chunk
from bridges.jobs.seats import draw_ticket, ticket_of
from bridges.jobs.status import Status, read_status


class Executor(Protocol):
    """What carries jobs."""

    def submit(self, job: Path) -> None:
        """Start the job in this folder; returns at once."""

    def status(self, job: Path) -> Status:
        """Where it stands."""

    def logs(self, job: Path, offset: int) -> LogChunk:
        """Its log from an offset on."""

    def cancel(self, job: Path) -> None:
        """End it, its whole process tree; returns at once."""

    def lives(self, job: Path) -> bool:
        """Whether something carries it."""


class LocalExecutor:
    """A detached runner process a job, on this machine."""

    def submit(self, job: Path) -> None:
        """Start a runner in its own session. It gets the job's lock by inheritance: no moment without it."""
        lock = folder.hold_lock(job / folder.LOCK)
        if lock is None:
            raise RuntimeError(f"{job.name} has a runner already")
        environment = {**os.environ, "TFG_HOME": str(job.parent.parent)}
        # with the lock held: a ticket whose job has no living runner may be thrown away by others
        draw_ticket(job.parent, job.name, folder.read_json(job / folder.REQUEST)["seat"])
        # -S: the runner needs nothing but the standard library, and site-packages would cost its start
        command = [sys.executable, "-S", "-m", "bridges.jobs.runner", str(job), str(lock)]
        try:
            with (job / "runner.txt").open("ab") as trouble:
                child = subprocess.Popen(
                    command,
                    cwd=paths.PROJECT,
                    stdin=subprocess.DEVNULL,
                    stdout=trouble,
                    stderr=trouble,
                    env=environment,
                    start_new_session=True,
                    pass_fds=(lock,),
                )
        finally:
            os.close(lock)
        _children.append(child)
        reap()

    def status(self, job: Path) -> Status:
        """Read status.json; a job whose runner is gone is settled first."""
        status = read_status(job)
        if status.final or self.lives(job):
            return status
        settle(job)
        return read_status(job)

    def logs(self, job: Path, offset: int) -> LogChunk:
        """Whole new lines from `offset` on, progress bars collapsed."""
        ended = read_status(job).final
        return read_chunk(job / folder.LOG, offset, ended)

    def cancel(self, job: Path) -> None:
        """Leave the cancel file, wake the runner; a job without a runner is ended here."""
        (job / folder.CANCEL).touch()
        raw = folder.read_json(job / folder.STATUS)
        if not self.lives(job):
            settle(job)
        elif raw.get("pid") and processes.start_mark(raw["pid"]) == raw.get("pid_start"):
            processes.send([raw["pid"]], signal.SIGTERM)

    def lives(self, job: Path) -> bool:
        """Whether its runner is there."""
        return folder.runner_lives(job)


_children: list[subprocess.Popen[bytes]] = []


def reap() -> None:
    """Collect runners that ended, so that a long-lived app keeps no zombies."""
    _children[:] = [child for child in _children if child.poll() is None]


def settle(job: Path) -> None:
    """Write the end of a job whose runner died, and end what its engine left running."""
    raw = folder.read_json(job / folder.STATUS)  # read after the lock was seen free: the runner writes before that
    if raw["state"] in folder.FINAL_STATES:
        return
    engine = raw.get("engine") or {}
    pid = engine.get("pid")
    same = pid is not None and processes.start_mark(pid) == engine.get("start")
    processes.end_tree(pid if same else None, job, grace_s=1.0)
    ticket = ticket_of(job.parent, job.name)
    if ticket:
        ticket.unlink(missing_ok=True)
    cancelled = (job / folder.CANCEL).exists()
    error = failures.CANCELLED if cancelled else failures.INTERRUPTED
    raw.update(state="cancelled" if cancelled else "interrupted", error=error.as_json(), queue_place=None, eta_s=None)
    raw.setdefault("finished", None)
    raw["finished"] = raw["finished"] or (job / folder.STATUS).stat().st_mtime
    folder.write_json(job / folder.STATUS, raw)


LOCAL: Executor = LocalExecutor()
