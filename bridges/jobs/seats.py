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
from typing import NamedTuple

from bridges.jobs.folder import hold_lock, runner_lives

NO_SEAT = "none"
_KIND = re.compile(r"none|cpu|setup|check|train|gpu-\d{1,2}(,\d{1,2})*")


class Seat(NamedTuple):
    """A seat that was taken. fd: the locked descriptor; gpu: the number of the card whose seat it is, or None."""

    fd: int
    gpu: int | None = None


def seat_count(kind: str) -> int:
    """How many jobs of a kind run at once: one a GPU, one set-up, one training, two checks (they take seconds), and one
    CPU job for every four cores (at least one; TFG_CPU_SEATS overrides)."""
    if kind != "cpu":
        return 2 if kind == "check" else 1
    told = os.environ.get("TFG_CPU_SEATS", "")
    return max(1, int(told)) if told.isdigit() else max(1, (os.cpu_count() or 1) // 4)


def draw_ticket(runs: Path, job_id: str, kind: str) -> Path:
    """Stand in line for a seat of this kind (none, cpu, setup, check, train; gpu-0; gpu-0,1: any of these
    cards)."""
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


def take_seat(runs: Path, kind: str) -> Seat | None:
    """A free seat, or None where all are taken. Of several cards (gpu-0,1) the first free one."""
    folder = runs / ".seats"
    folder.mkdir(parents=True, exist_ok=True)
    names: list[tuple[str, int | None]] = [(f"{kind}-{number}", None) for number in range(seat_count(kind))]
    if kind.startswith("gpu-"):
        names = [(f"gpu-{card}-0", int(card)) for card in kind.removeprefix("gpu-").split(",")]
    for name, card in names:
        fd = hold_lock(folder / f"{name}.lock")
        if fd is not None:
            return Seat(fd, card)
    return None
