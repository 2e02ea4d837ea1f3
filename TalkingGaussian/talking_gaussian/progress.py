"""Lines on stderr that a program or the page can follow: `@stages [...]` and `@progress {...}`."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

MIN_INTERVAL_S = 0.2


class Progress:
    """Says where a run stands, at most five times a second."""

    def __init__(self, stages: Sequence[str]) -> None:
        """stages: the names of the run's parts, in order; a script that runs several programs says its own list and
        sets TFG_STAGES_SAID."""
        self._stage = ""
        self._last = 0.0
        self._first = (0, 0.0)  # step and time of the stage's first word: a slow start says nothing of the rest
        if "TFG_STAGES_SAID" not in os.environ:
            self._say("@stages", list(stages))

    def stage(self, name: str) -> None:
        """The next part begins."""
        self._stage = name
        self._first = (0, 0.0)
        self._say("@progress", {"stage": name})

    def step(self, step: int, of: int, **facts: Any) -> None:
        """`step` of `of` is done in this stage; the last one is always said. facts: further keys for the line."""
        now = time.monotonic()
        if step < of and now - self._last < MIN_INTERVAL_S:
            return
        self._last = now
        if not self._first[0]:
            self._first = (step, now)
        done, seconds = step - self._first[0], now - self._first[1]
        eta = seconds / done * (of - step) if done else None
        line = {"stage": self._stage, "step": step, "of": of, "eta_s": None if eta is None else round(eta, 1)}
        self._say("@progress", {**line, **facts})

    @staticmethod
    def _say(kind: str, what: Any) -> None:
        print(kind, json.dumps(what, ensure_ascii=False), file=sys.stderr, flush=True)
