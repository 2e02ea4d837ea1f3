"""The engines that stay loaded for all conversations of this process, and how much of the machine each talk takes."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridges import paths
from bridges.avatar_worker import AvatarWorker
from bridges.chat.settings import SIZES
from bridges.errors import RequestError
from bridges.jobs.folder import read_json, write_json
from bridges.library import get_avatar
from bridges.talking_gaussian import AvatarInfo
from bridges.voice_worker import VoiceWorker

IDLE_SIZE = 512
FULL = 0.9  # of the picture engine's time: the rest is for the other stages
ALONE = 0.6  # what one talk may take of it
PIXEL_SHARE = 0.6  # of the time for a frame, what grows with its pixels
FIRST_GUESS = 0.65  # seconds to draw a second at 512 px, until it is measured
LEARN = 0.3
MOST_IDLE_FILES = 24


@dataclass(eq=False)
class Place:
    """Somebody in line."""

    entered: asyncio.Event = field(default_factory=asyncio.Event)


class Engines:
    """The warm workers of one event loop."""

    _of_loop: tuple[asyncio.AbstractEventLoop, Engines] | None = None

    def __init__(self) -> None:
        self.avatar = AvatarWorker()
        self._voices: dict[str, VoiceWorker] = {}
        self._cost = FIRST_GUESS
        self._taken: dict[object, float] = {}
        self._line: deque[Place] = deque()
        self._drawing: dict[Path, asyncio.Lock] = {}

    @classmethod
    def here(cls) -> Engines:
        """Those of the running event loop."""
        loop = asyncio.get_running_loop()
        if cls._of_loop is None or cls._of_loop[0] is not loop:
            cls._of_loop = (loop, cls())
        return cls._of_loop[1]

    def voice(self, engine: str) -> VoiceWorker:
        """The voice of an engine."""
        if engine not in self._voices:
            self._voices[engine] = VoiceWorker(engine)
        return self._voices[engine]

    async def close(self) -> None:
        """End all of them."""
        await asyncio.gather(self.avatar.close(), *(voice.close() for voice in self._voices.values()))

    def measured(self, size: int, seconds: float, took_s: float) -> None:
        """A talk's video of so many seconds took so long to draw."""
        if seconds > 0.2:
            self._cost += LEARN * (took_s / seconds / _relative(size) - self._cost)

    def fitting_size(self, wanted: int | None, largest: int) -> int | None:
        """The size at which one more talk can be drawn in time; None: the machine is full."""
        left = FULL - sum(self._taken.values())
        sizes = [wanted] if wanted else [size for size in reversed(SIZES) if size <= largest] or [largest]
        for size in sizes:
            cost = self._cost * _relative(size)
            if cost <= min(left, ALONE) or (not self._taken and size == sizes[-1]):
                return size
        return None

    @asynccontextmanager
    async def seat(
        self, wanted: int | None, largest: int, waiting: Callable[[int], Awaitable[None]]
    ) -> AsyncIterator[int]:
        """A share of the picture engine, first come first served; gives the size of the picture.

        waiting: told the number of those before, whenever it changes.
        """
        place = Place()
        self._line.append(place)
        try:
            before = -1
            while self._line[0] is not place or (size := self.fitting_size(wanted, largest)) is None:
                if self._line.index(place) != before:
                    before = self._line.index(place)
                    await waiting(before)
                place.entered.clear()
                await place.entered.wait()
            self._taken[place] = self._cost * _relative(size)
        finally:
            self._line.remove(place)
            self._wake()
        try:
            yield size
        finally:
            del self._taken[place]
            self._wake()

    async def idle_video(self, avatar_id: str, wanted: int | None) -> tuple[Path, dict[str, Any]]:
        """The idle video of an avatar and its facts, drawn once and kept. Raises RequestError."""
        avatar = find_avatar(avatar_id)
        size = wanted or min(IDLE_SIZE, int(avatar.size))
        changed = (avatar.folder / "avatar.json").stat().st_mtime_ns
        file = paths.home() / "cache" / "idle" / f"{avatar_id}-{size}-{changed}.mp4"
        async with self._drawing.setdefault(file, asyncio.Lock()):
            began = time.monotonic()
            told = file.with_suffix(".json")  # its length, which the page needs to meet it where a talk ends
            if not (file.is_file() and told.is_file()):
                facts = await self.avatar.idle_video(avatar.folder, size, file)
                write_json(told, {"seconds": facts["seconds"], "fps": facts["fps"]})
                if not self._taken:
                    self.measured(size, facts["seconds"], time.monotonic() - began)
                _forget_old(file.parent)
        return file, {**read_json(told), "size": size, "avatar": avatar_id}

    def _wake(self) -> None:
        for place in self._line:
            place.entered.set()


def find_avatar(avatar_id: str) -> AvatarInfo:
    """An avatar that can be drawn. Raises RequestError."""
    info = get_avatar(avatar_id)
    if info.problem:
        raise RequestError("bad_avatar", info.problem["en"], info.problem["zh"])
    return info


def _relative(size: int) -> float:
    """The time for a frame at this size, of that at 512 px."""
    return 1 - PIXEL_SHARE + PIXEL_SHARE * math.pow(size / 512, 2)


def _forget_old(folder: Path) -> None:
    """Keep the newest idle videos."""
    files = sorted(folder.glob("*.mp4"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[MOST_IDLE_FILES:]:
        file.unlink(missing_ok=True)
        file.with_suffix(".json").unlink(missing_ok=True)
