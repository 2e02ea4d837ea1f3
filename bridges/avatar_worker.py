"""The avatar engine that stays loaded: talks go in as sound, come out as video, several side by side."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridges import paths
from bridges.errors import RequestError
from bridges.pipe_worker import Conversation, PipeWorker

ENDED = RequestError("avatar_ended", "The picture engine ended unexpectedly; try again.", "画面引擎意外退出,请重试。")


@dataclass(frozen=True)
class Media:
    """A piece of a talk's fragmented MP4 that shows it from start_s to end_s; took_s: seconds to draw it."""

    data: bytes
    start_s: float
    end_s: float
    took_s: float


@dataclass(frozen=True)
class Planned:
    """The talk is end_s long now, drawn or not."""

    end_s: float


@dataclass(frozen=True)
class Finished:
    """The talk is over: its length, and where in the idle video the next picture stands."""

    seconds: float
    phase_s: float


class AvatarWorker(PipeWorker):
    """`run_talkinggaussian.sh serve`; see its protocol in talking_gaussian/live/worker.py."""

    def __init__(self, idle_s: float = 600.0) -> None:
        super().__init__(["bash", str(paths.TALKING_GAUSSIAN_SCRIPT), "serve", "--idle_s", f"{idle_s:g}"], ENDED)

    async def talk(self, avatar: Path, size: int, phase_s: float) -> Talk:
        """Begin a talk. phase_s: where in the idle video its first frame stands. Raises RequestError."""
        conversation = await self.converse()
        await conversation.send(do="open", avatar=str(avatar), size=size, phase_s=phase_s)
        return Talk(conversation, await conversation.answer())

    async def load(self, avatar: Path, size: int) -> None:
        """Read and try an avatar at a size, so that its first talk need not. Raises RequestError."""
        async with await self.converse() as conversation:
            await conversation.send(do="load", avatar=str(avatar), size=size)
            await conversation.answer()

    async def idle_video(self, avatar: Path, size: int, file: Path) -> dict[str, Any]:
        """Draw the idle video into a file; {"seconds", "fps"}. Raises RequestError."""
        async with await self.converse() as conversation:
            await conversation.send(do="idle", avatar=str(avatar), size=size, file=str(file))
            return await conversation.answer()


class Talk:
    """One answer's video. Close it: what is not over is thrown away at once."""

    def __init__(self, conversation: Conversation, opened: dict[str, Any]) -> None:
        self._conversation = conversation
        self.codecs: str = opened["codecs"]
        self.fps: float = opened["fps"]
        self.size: int = opened["size"]

    async def speak(self, pcm: bytes, last: bool) -> None:
        """Append 24 kHz mono 16-bit samples; last: a pause may follow."""
        await self._conversation.send(do="speak", pcm=base64.b64encode(pcm).decode(), last=last)

    async def rest(self, frames: int) -> None:
        """Append a pause of so many frames."""
        await self._conversation.send(do="rest", frames=frames)

    async def end(self) -> None:
        """No more follows."""
        await self._conversation.send(do="end")

    async def events(self) -> AsyncIterator[Media | Planned | Finished]:
        """What comes of it, to the end. Raises RequestError."""
        while True:
            answer = await self._conversation.answer()
            if answer["event"] == "media":
                data = base64.b64decode(answer["data"])
                yield Media(data, answer["start_s"], answer["end_s"], answer["took_s"])
            elif answer["event"] == "planned":
                yield Planned(answer["end_s"])
            else:
                yield Finished(answer["seconds"], answer["phase_s"])
                return

    async def close(self) -> None:
        """Throw away what is not over."""
        await self._conversation.close()
