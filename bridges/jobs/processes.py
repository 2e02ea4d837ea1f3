"""Process trees: who belongs to a job, and ending all of them. Uses /proc on Linux, `ps` elsewhere (macOS)."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")


def start_mark(pid: int) -> str | None:
    """A word that differs between two processes that had the same id, or None where there is no such process."""
    if PROC.joinpath("self/stat").exists():
        fields = _stat(pid)
        return fields[19] if fields and fields[0] != "Z" else None
    text = _ps("lstart=", "-p", str(pid)).strip()
    return text or None


def tree(pid: int | None, job_folder: Path) -> set[int]:
    """All living processes under `pid` (and it), in its process group, or marked with the job folder in their
    environment (TFG_JOB_DIR): that finds children that changed their group and lost their parent as well.
    pid: None where only the mark is known.
    """
    table = _table()
    found = {p for p, (parent, group) in table.items() if pid in (p, parent, group)}
    found |= {p for p in table if _is_marked(p, job_folder)}
    grown = True
    while grown:
        more = {p for p, (parent, _) in table.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return found - {os.getpid(), 1}


def send(pids: Iterable[int], signum: int) -> None:
    """Signal each process that is still there and ours."""
    for pid in pids:
        try:
            os.kill(pid, signum)
        except (ProcessLookupError, PermissionError):
            continue


def end_tree(pid: int | None, job_folder: Path, grace_s: float = 3.0, poll_s: float = 0.05) -> None:
    """SIGTERM to the whole tree, SIGKILL to what is left after `grace_s`; returns when nothing is left."""
    deadline = time.monotonic() + grace_s
    ours = tree(pid, job_folder)
    send(ours, signal.SIGTERM)
    while ours and time.monotonic() < deadline:
        time.sleep(poll_s)
        ours = tree(pid, job_folder)
    kill_tree(pid, job_folder)


def kill_tree(pid: int | None, job_folder: Path, rounds: int = 20) -> None:
    """SIGKILL the tree, again while new members turn up (a fork may escape one look)."""
    for _ in range(rounds):
        ours = tree(pid, job_folder)
        if not ours:
            return
        send(ours, signal.SIGKILL)
        time.sleep(0.02)


def _table() -> dict[int, tuple[int, int]]:
    """Process id -> (parent, process group) of everything alive (zombies left out)."""
    if not PROC.joinpath("self/stat").exists():
        rows = (line.split() for line in _ps("pid=,ppid=,pgid=,stat=", "-A").splitlines())
        return {int(r[0]): (int(r[1]), int(r[2])) for r in rows if len(r) >= 4 and not r[3].startswith("Z")}
    table = {}
    for pid in (int(path.name) for path in PROC.iterdir() if path.name.isdigit()):
        fields = _stat(pid)
        if fields and fields[0] != "Z":
            table[pid] = (int(fields[1]), int(fields[2]))
    return table


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat after the program's name: state, parent, group, …; index 19 is the start time."""
    try:
        return PROC.joinpath(str(pid), "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def _is_marked(pid: int, job_folder: Path) -> bool:
    try:
        environment = PROC.joinpath(str(pid), "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"TFG_JOB_DIR=" + os.fsencode(job_folder) in environment


def _ps(columns: str, *arguments: str) -> str:
    return subprocess.run(["ps", "-o", columns, *arguments], capture_output=True, text=True, check=False).stdout
