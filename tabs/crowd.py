"""How many jobs the page takes on at a time."""

from __future__ import annotations

import gradio as gr

from bridges.jobs.job import adopt
from tabs.words import say

MAX_UNFINISHED = 20  # jobs that wait or run, of all visitors together


def refuse_crowd(lang: str) -> None:
    """A public page must not be filled with jobs for hours. Raises gr.Error."""
    if len(adopt()) >= MAX_UNFINISHED:
        raise gr.Error(say(lang, "crowded"), print_exception=False)
