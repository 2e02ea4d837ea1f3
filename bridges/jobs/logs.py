"""The log of a job: marker lines taken out while it is written, carriage returns collapsed while it is read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

CHUNK_BYTES = 256_000
_MARKER = re.compile(rb"@(stages|progress|error) ([\[{].*[\]}])\s*$", re.DOTALL)
_MAX_MARKER_BYTES = 64_000


class LogChunk(NamedTuple):
    """A piece of log: its text, and the offset (bytes) to ask for next."""

    text: str
    offset: int


class LineSplitter:
    """Takes the bytes of one stream as they come; gives back what belongs in the log and the marker lines in it."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> tuple[bytes, list[tuple[str, Any]]]:
        """(bytes for the log, [(marker name, its JSON)]). The last, unfinished line is held back."""
        *lines, self._pending = re.split(rb"(?<=[\n\r])", self._pending + data)
        kept, markers = [], []
        for line in lines:
            text, marker = split_marker(line)
            kept.append(text)
            markers += [marker] if marker else []
        if len(self._pending) > _MAX_MARKER_BYTES:
            kept.append(self.flush())
        return b"".join(kept), markers

    def flush(self, at_end: bool = False) -> bytes:
        """What waits for the end of its line, unless it may hold a marker (and the stream has not ended)."""
        if b"@" in self._pending and not at_end and len(self._pending) <= _MAX_MARKER_BYTES:
            return b""
        text, self._pending = self._pending, b""
        return text


def split_marker(line: bytes) -> tuple[bytes, tuple[str, Any] | None]:
    """(the text, ("stages", [...]) or ("progress", {...}) or ("error", {...})), or (the line, None).

    A marker may follow text that a progress bar left on its line; that text stays.
    """
    match = _MARKER.search(line)
    if not match:
        return line, None
    try:
        value = json.loads(match[2])
    except ValueError:
        return line, None
    wanted = list if match[1] == b"stages" else dict
    return (line[: match.start()], (match[1].decode(), value)) if isinstance(value, wanted) else (line, None)


def collapse(text: str) -> str:
    """The text a terminal would show: in each line only what follows the last carriage return that has text after
    it (so progress bars leave one line), and plain newlines."""
    shown = []
    for line in text.replace("\r\n", "\n").split("\n"):
        shown.append(line.rstrip("\r").rpartition("\r")[2])
    return "\n".join(shown)


def read_chunk(path: Path, offset: int, ended: bool, limit: int = CHUNK_BYTES) -> LogChunk:
    """Whole lines from byte `offset` on, collapsed; an unfinished last line only where `ended`.

    A bar without any newline moves the offset on too (its older states are dropped), so no read grows with the log.
    """
    try:
        with path.open("rb") as log:
            log.seek(max(0, offset))
            data = log.read(limit)
    except FileNotFoundError:
        return LogChunk("", 0)
    cut = data.rfind(b"\n") + 1
    if len(data) == limit and not cut:
        last_bar = data.rstrip(b"\r").rfind(b"\r")
        if last_bar > 0:
            return LogChunk("", max(0, offset) + last_bar)
        cut = _whole_characters(data)
    elif ended and len(data) < limit:
        cut = len(data)
    return LogChunk(collapse(data[:cut].decode("utf-8", "replace")), max(0, offset) + cut)


def live_line(path: Path, window: int = 4096) -> str:
    """The last non-empty line as it stands now: the current state of a progress bar."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - window))
            tail = log.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return next((line.strip() for line in reversed(collapse(tail).split("\n")) if line.strip()), "")


def _whole_characters(data: bytes) -> int:
    """The length of `data` without a UTF-8 character cut at its end."""
    for back in range(1, min(4, len(data)) + 1):
        if data[-back] & 0xC0 != 0x80:
            return len(data) - back if data[-back] & 0x80 else len(data)
    return len(data)
