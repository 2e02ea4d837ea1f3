"""Ending early when asked from outside (Ctrl-C, SIGTERM): noted at once, acted on between two frames.

An exception raised straight from a signal handler can land inside a library that swallows it, and the run would go on.
"""

from __future__ import annotations

import signal
from types import FrameType

_asked: list[int] = []


class Stopped(Exception):  # noqa: N818 (not a fault)
    """The run was asked to end by signal `number`."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by signal {number}")
        self.number = number


def listen() -> None:
    """From now on the first SIGTERM or SIGINT is noted; a second one of its kind kills as usual."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _note)


def check() -> None:
    """Raise Stopped if the run was asked to end; to be called often."""
    if _asked:
        raise Stopped(_asked[0])


def _note(number: int, frame: FrameType | None) -> None:
    _asked.append(number)
    signal.signal(number, signal.SIG_DFL)
