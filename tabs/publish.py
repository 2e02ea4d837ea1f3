"""Handing a result to the browser without opening the folder that all jobs lie in."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path


@cache
def shelf() -> Path:
    """A temporary folder of this process, one of those that Gradio serves files from."""
    folder = Path(tempfile.mkdtemp(prefix="tfg-studio-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def published(file: Path, name: str) -> str:
    """The path of `file` under `name` where the browser can fetch it (a hard link where the disk allows)."""
    target = shelf() / name
    if not target.exists():
        try:
            os.link(file, target)
        except OSError:
            shutil.copyfile(file, target)
    return str(target)
