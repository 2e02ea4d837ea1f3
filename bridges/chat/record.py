"""What a conversation leaves behind: a video a turn, subtitles, the whole of it as JSON."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bridges import paths
from bridges.errors import RequestError


@dataclass
class Said:
    """A clause as it was spoken, from start_s to end_s in its turn's video."""

    text: str
    start_s: float
    end_s: float


@dataclass
class TurnRecord:
    """One turn: what was asked and what was spoken of the answer. reason: done, stopped or failed ("": it goes on);
    marks: milliseconds since the question was asked."""

    turn: str
    user: str
    source: str
    said: list[Said] = field(default_factory=list)
    seconds: float = 0.0
    reason: str = ""
    marks: dict[str, int] = field(default_factory=dict)
    video: Path | None = None

    def spoken(self, until_s: float | None = None) -> str:
        """What was heard until a moment of the video (None: to its end): whole clauses, and the words of the one that
        was cut, as far as its share of time goes."""
        heard = [_heard_of(said, until_s) for said in self.said]
        joined = ""
        for text in filter(None, heard):
            joined += (" " if joined and text[0].isascii() and joined[-1].isascii() else "") + text
        return joined

    def as_json(self) -> dict[str, Any]:
        """For an export."""
        return {**asdict(self), "video": self.video.name if self.video else None, "answer": self.spoken(self.seconds)}


class TurnFile:
    """A turn's video as it was sent; cut to what was seen when it ends early."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("wb")
        self._ends: list[tuple[float, int]] = []
        self._size = 0

    def write(self, data: bytes, end_s: float) -> None:
        """Append a piece that shows the turn to end_s."""
        self._file.write(data)
        self._size += len(data)
        self._ends.append((end_s, self._size))

    def close(self, seen_s: float | None = None) -> None:
        """No more follows; seen_s: throw away what was made after this moment (also of a file that is closed)."""
        self._file.close()
        if seen_s is not None:
            os.truncate(self.path, next((size for end_s, size in self._ends if end_s >= seen_s), self._size))


def subtitles(turns: Iterable[TurnRecord], kind: str) -> str:
    """All that was said as srt or vtt; the turns' videos one after another."""
    lines = ["WEBVTT", ""] if kind == "vtt" else []
    start, number = 0.0, 0
    for turn in turns:
        for said in turn.said:
            if said.start_s >= turn.seconds:
                continue
            number += 1
            times = (start + said.start_s, start + min(said.end_s, turn.seconds))
            lines += [str(number), " --> ".join(_clock(time, kind) for time in times), said.text, ""]
        start += turn.seconds
    return "\n".join(lines)


def write_export(turns: list[TurnRecord], kind: str, path: Path) -> Path:
    """Write a conversation as json, srt or vtt."""
    if kind == "json":
        path.write_text(json.dumps([turn.as_json() for turn in turns], ensure_ascii=False, indent=1), "utf-8")
    else:
        path.write_text(subtitles(turns, kind), "utf-8")
    return path


async def joined(parts: list[dict[str, Any]], output: Path) -> Path:
    """Several turns' videos ({"file", "captions"}) as one MP4 with subtitles. Raises RequestError."""
    listed = output.with_suffix(".parts.json")
    listed.write_text(json.dumps(parts, ensure_ascii=False), "utf-8")
    command = ["bash", str(paths.TALKING_GAUSSIAN_SCRIPT), "join", f"--parts={listed}", f"--output_file={output}"]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("nice", *command, stdout=pipe, stderr=pipe)
    _, said = await process.communicate()
    listed.unlink()
    if process.returncode:
        reason = said.decode(errors="replace").strip().splitlines()[-1:]
        raise RequestError(
            "not_joined", f"The video was not made: {' '.join(reason)}", f"未能生成视频:{' '.join(reason)}"
        )
    return output


def _heard_of(said: Said, until_s: float | None) -> str:
    if until_s is None or said.end_s <= until_s:
        return said.text
    if said.start_s >= until_s:
        return ""
    share = (until_s - said.start_s) / max(said.end_s - said.start_s, 1e-6)
    words = said.text.split(" ") if " " in said.text else list(said.text)
    return (" " if " " in said.text else "").join(words[: int(share * len(words))])


def _clock(seconds: float, kind: str) -> str:
    milliseconds = round(seconds * 1000)
    rest, thousandths = divmod(milliseconds, 1000)
    return f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}{',' if kind == 'srt' else '.'}{thousandths:03d}"
