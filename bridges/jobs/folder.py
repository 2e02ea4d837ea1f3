"""A job's folder: names, atomic status, the lock that says whether its runner lives.

`runner.lock` is held (flock) by the runner from before it starts until it is gone, however it ends: the submitter
locks the file and hands the open descriptor on. So "alive" needs no process ids and cannot be fooled by their reuse.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import time
from pathlib import Path
from typing import Any

REQUEST, STATUS, LOG, OUTPUTS, INPUTS = "request.json", "status.json", "log.txt", "outputs", "inputs"
LOCK, CANCEL = "runner.lock", "cancel"
FINAL_STATES = ("done", "failed", "cancelled", "interrupted")
_ID = re.compile(r"\d{8}-\d{6}-[a-z][a-z_]{0,39}-[0-9a-f]{16}")


def new_id(kind: str) -> str:
    """A fresh job id: local time, kind, and sixteen random hex digits: nobody can guess the job of another."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{kind}-{secrets.token_hex(8)}"


def is_id(name: object) -> bool:
    """Whether `name` has the form of a job id (so no path tricks)."""
    return isinstance(name, str) and _ID.fullmatch(name) is not None


def write_json(path: Path, what: dict[str, Any]) -> None:
    """Replace `path` atomically: a reader sees the old text or the new one, never a part."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(3)}")
    try:
        scratch.write_text(json.dumps(what, ensure_ascii=False, indent=1), encoding="utf-8")
        scratch.replace(path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any]:
    """The object in `path`. Raises OSError or ValueError."""
    what = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(what, dict):
        raise ValueError(f"{path.name} is not an object")
    return what


def hold_lock(path: Path, shared: bool = False) -> int | None:
    """The descriptor of `path` locked without waiting, or None where another process has it. Close it to let go."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return fd


def runner_lives(folder: Path) -> bool:
    """Whether a runner holds this job. A shared lock, so that two who ask at once do not see each other."""
    if not (folder / LOCK).exists():
        return False
    fd = hold_lock(folder / LOCK, shared=True)
    if fd is None:
        return True
    os.close(fd)
    return False
