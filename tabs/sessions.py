"""What a browser remembers: its language and its own jobs. Kept encrypted in the browser, so that nobody can name
another person's job."""

from __future__ import annotations

import os
import secrets
from functools import cache

import gradio as gr

from bridges import paths

MAX_REMEMBERED = 30
LOCAL_HOSTS = ("127.0.0.1", "::1", "localhost")
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
    return remembered("tfg_jobs")


def remembered(key: str) -> gr.BrowserState:
    """A list of ids that this browser keeps, newest first."""
    return gr.BrowserState([], storage_key=key, secret=secret())


def is_owner(request: gr.Request) -> bool:
    """Whether the visitor sits at this machine or has logged in: a public page's visitors do neither."""
    host = request.client.host if request.client else ""
    at_home = host in LOCAL_HOSTS and "x-forwarded-for" not in request.headers
    return bool(request.username) or at_home


def remember(jobs: list[str] | None, job_id: str) -> list[str]:
    """`jobs` with a new one in front."""
    return [job_id, *(jobs or [])][:MAX_REMEMBERED]
