"""What a worker that stays loaded has in common: requests as JSON lines on stdin, answers as JSON lines on stdout."""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from typing import Any

from talking_gaussian import stopping

LOOK_S = 0.5


class Asked:
    """The lines of stdin, read by a thread so that a cancellation is seen while another request is worked on."""

    def __init__(self, descriptor: int) -> None:
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._cancelled: set[str] = set()
        self._ended = False
        threading.Thread(target=self._read, args=(descriptor,), daemon=True).start()

    def _read(self, descriptor: int) -> None:
        # not through sys.stdin: a thread that waits in it makes the interpreter abort when the worker ends by itself
        pending = b""
        while data := os.read(descriptor, 65536):
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                self._take(line)
        self._lines.put(None)

    def _take(self, line: bytes) -> None:
        try:
            asked = json.loads(line)
        except ValueError:
            asked = {}
        if isinstance(asked, dict) and "cancel" in asked:
            self._cancelled.add(str(asked["cancel"]))
        self._lines.put(asked if isinstance(asked, dict) else {})

    def next(self, idle_s: float) -> dict[str, Any] | None:
        """The next line; None at the end of stdin or after `idle_s` seconds without one. Raises Stopped."""
        end = time.monotonic() + idle_s
        while not self._ended and (left := end - time.monotonic()) > 0:
            stopping.check()
            try:
                asked = self._lines.get(timeout=min(left, LOOK_S))
            except queue.Empty:
                continue
            self._ended = asked is None
            return asked
        return None

    def waiting(self) -> list[dict[str, Any]]:
        """The lines that lie there already, without waiting; the end of stdin shows at the next `next`."""
        lines = []
        while not self._ended and not self._lines.empty():
            asked = self._lines.get()
            self._ended = asked is None
            if asked is not None:
                lines.append(asked)
        return lines

    @property
    def has_ended(self) -> bool:
        """Whether the end of stdin was read."""
        return self._ended

    def is_cancelled(self, name: str) -> bool:
        """Whether this request was taken back."""
        return name in self._cancelled


class Answers:
    """JSON lines to whoever asked; whatever a library prints on stdout goes to stderr instead."""

    def __init__(self) -> None:
        self._stream = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)

    def say(self, **what: Any) -> None:
        """One line."""
        self._stream.write(json.dumps(what, ensure_ascii=False).encode() + b"\n")
        self._stream.flush()
