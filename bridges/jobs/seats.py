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
_KIND = re.compile(r"none|cpu|setup|check|train|gpus?-\d{1,2}(,\d{1,2})*")


class Seat(NamedTuple):
    """A seat that was taken, or several cards' at once. fds: the locked descriptors; gpus: the cards' numbers."""

    fds: tuple[int, ...]
    gpus: tuple[int, ...] = ()


def seat_count(kind: str) -> int:
    """How many jobs of a kind run at once: one a GPU, one set-up, one training, two checks (they take seconds), and one
    CPU job for every four cores (at least one; TFG_CPU_SEATS overrides)."""
    if kind != "cpu":
        return 2 if kind == "check" else 1
    told = os.environ.get("TFG_CPU_SEATS", "")
    return max(1, int(told)) if told.isdigit() else max(1, (os.cpu_count() or 1) // 4)


def draw_ticket(runs: Path, job_id: str, kind: str) -> Path:
    """Stand in line for a seat of this kind (none, cpu, setup, check, train; gpu-0; gpu-0,1: any of these
    cards; gpus-0,1: all of them)."""
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
    """A free seat, or None where all are taken. Of several cards the first free one (gpu-0,1), or all (gpus-0,1)."""
    folder = runs / ".seats"
    folder.mkdir(parents=True, exist_ok=True)
    if kind.startswith("gpus-"):
        return _take_all(folder, cards_of(kind))
    names: list[tuple[str, tuple[int, ...]]] = [(f"gpu-{card}-0", (card,)) for card in cards_of(kind)]
    for name, cards in names or [(f"{kind}-{number}", ()) for number in range(seat_count(kind))]:
        fd = hold_lock(folder / f"{name}.lock")
        if fd is not None:
            return Seat((fd,), cards)
    return None


def _take_all(folder: Path, cards: tuple[int, ...]) -> Seat | None:
    """The seats of all cards, or none of them; in the order of their numbers, so that two that ask do not wait for each
    other."""
    held: list[int] = []
    for card in sorted(cards):
        fd = hold_lock(folder / f"gpu-{card}-0.lock")
        if fd is None:
            for taken in held:
                os.close(taken)
            return None
        held.append(fd)
    return Seat(tuple(held), cards)


def cards_of(kind: str) -> tuple[int, ...]:
    """The numbers of the cards that a kind of seat names; () for another kind."""
    name, _, numbers = kind.partition("-")
    return tuple(int(number) for number in numbers.split(",")) if name in ("gpu", "gpus") else ()
