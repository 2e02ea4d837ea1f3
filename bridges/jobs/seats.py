"""Seats and the queue, by file locks alone: they work across processes and app restarts and vanish with their holder.

A queued job has a ticket `runs/.queue/<submission time>.<seat kind>.<job id>`. The oldest living ticket of a kind may
try the kind's seats, `runs/.seats/<kind>-<n>.lock`. The engine inherits the locked descriptor, so a seat stays taken
while the engine runs even if its runner was killed.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from bridges.jobs.folder import hold_lock, runner_lives

NO_SEAT = "none"
_KIND = re.compile(r"none|cpu|setup|check|train|gpu-\d{1,2}")


def seat_count(kind: str) -> int:
    """How many jobs of a kind run at once: one a GPU, one set-up, one training, two checks (they take seconds), and one
    CPU job for every four cores (at least one; TFG_CPU_SEATS overrides)."""
    if kind != "cpu":
        return 2 if kind == "check" else 1
    told = os.environ.get("TFG_CPU_SEATS", "")
    return max(1, int(told)) if told.isdigit() else max(1, (os.cpu_count() or 1) // 4)


def draw_ticket(runs: Path, job_id: str, kind: str) -> Path:
    """Stand in line for a seat of this kind (none, cpu, setup, check, train, gpu-0 …)."""
    if not _KIND.fullmatch(kind):
        raise ValueError(f"there is no kind of seat called {kind!r}")
    queue = runs / ".queue"
    queue.mkdir(parents=True, exist_ok=True)
    ticket = queue / f"{time.time_ns():020d}.{kind}.{job_id}"
    ticket.touch()
    return ticket


def ticket_of(runs: Path, job_id: str) -> Path | None:
    """The ticket of a job that waits, or None."""
    return next((runs / ".queue").glob(f"*.{job_id}"), None)


def place(runs: Path, ticket: Path) -> int:
    """How many living jobs stand before this ticket; tickets of dead jobs are thrown away on the way."""
    kind = ticket.name.split(".")[1]
    before = 0
    for name in sorted(path.name for path in ticket.parent.iterdir()):
        if name >= ticket.name:
            break
        _, other_kind, job_id = name.split(".")
        if other_kind == kind and runner_lives(runs / job_id):
            before += 1
        elif other_kind == kind:
            (ticket.parent / name).unlink(missing_ok=True)
    return before


def take_seat(runs: Path, kind: str) -> int | None:
    """The locked descriptor of a free seat, or None where all are taken."""
    folder = runs / ".seats"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(seat_count(kind)):
        fd = hold_lock(folder / f"{kind}-{number}.lock")
        if fd is not None:
            return fd
    return None
