"""Reasoning models write their thoughts between <think> and </think> before the answer: not to be spoken."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


class Thoughts:
    """Takes a stream's pieces and gives them back without what stands between the tags, however these are cut up."""

    def __init__(self) -> None:
        self._held, self._thinking = "", False

    def without(self, piece: str) -> str:
        """The piece's part of the answer; the beginning of what may become a tag is kept back."""
        self._held += piece
        said = ""
        while True:
            tag = CLOSE if self._thinking else OPEN
            before, found, after = self._held.partition(tag)
            if not found:
                break
            said += "" if self._thinking else before
            self._held, self._thinking = after, not self._thinking
        keep = next(n for n in range(min(len(tag) - 1, len(self._held)), -1, -1) if self._held.endswith(tag[:n]))
        ready, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return said if self._thinking else said + ready

    def rest(self) -> str:
        """What was kept back and is text after all, at the stream's end."""
        held, self._held = self._held, ""
        return "" if self._thinking else held
