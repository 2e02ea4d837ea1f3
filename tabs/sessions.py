"""What a browser remembers: its language and its own jobs. Kept encrypted in the browser, so that nobody can name
another person's job."""

from __future__ import annotations

import os
import secrets
from functools import cache

import gradio as gr

from bridges import paths

MAX_REMEMBERED = 30
LANGUAGE_SCRIPT = "() => navigator.language"


@cache
def secret() -> str:
    """The key of what browsers keep: made once, so that it survives a restart of the app."""
    path = paths.home() / ".browser_key"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(16))
    return path.read_text()


def remembered_jobs() -> gr.BrowserState:
    """The ids of this browser's jobs, newest first."""
    return gr.BrowserState([], storage_key="tfg_jobs", secret=secret())


def remember(jobs: list[str] | None, job_id: str) -> list[str]:
    """`jobs` with a new one in front."""
    return [job_id, *(jobs or [])][:MAX_REMEMBERED]
