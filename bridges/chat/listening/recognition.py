"""What a sound says, found out in a process of its own so that the page's event loop never waits."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from bridges import paths
from bridges.chat.listening.recognisers import Recogniser, choose
from bridges.errors import RequestError

_BYTES_A_SECOND = 32_000
_SHORTEST = 1600  # samples: no word is shorter than a tenth of a second
_FAINTEST = 32  # of 32768: 60 dB beneath full scale
_LOADING_S = 120.0  # a large model from a slow disk
_ANSWER_S = 15.0  # for an answer, and twice the sound's own length
_SETTLE_S = 3.0  # what a taken-back recognition may still take where a restart would load a large model anew


@dataclass(frozen=True)
class Heard:
    """text: what was said, never empty; language: "en", "zh" …; engine: its id; took_s: from asking to knowing."""

    text: str
    language: str
    engine: str
    took_s: float


async def recognise(sound: bytes, engine: str = "auto", language: str = "auto") -> Heard:
    """What 16 kHz mono int16 speech says. Cancelling the task that waits for it takes it back.

    Raises RequestError: nothing_heard, recogniser_missing, no_recogniser_for_language, recogniser_offline,
    recogniser_failed, unknown_language.
    """
    began = time.monotonic()
    chosen = choose(engine, language)
    sound = sound[: len(sound) & ~1]
    if not _audible(sound):
        raise _nothing_heard()
    answer = await _Worker.of(chosen).ask(sound, language)
    if "code" in answer:
        raise RequestError(answer["code"], answer["en"], answer["zh"])
    if not answer["text"]:
        raise _nothing_heard()
    return Heard(answer["text"], answer["language"], chosen.id, time.monotonic() - began)


async def warm(engine: str = "auto", language: str = "auto") -> None:
    """Load what will be asked; returns when it is loaded. Raises RequestError."""
    await _Worker.of(choose(engine, language)).load()


async def close() -> None:
    """End every recogniser's process."""
    workers = list(_Worker.kept.values())
    _Worker.kept.clear()
    for worker in workers:
        await worker.end()


class _Worker:
    """One engine's process: started when needed, asked one sound at a time, first come first served."""

    kept: dict[str, _Worker] = {}  # noqa: RUF012 (one for the process)

    def __init__(self, engine: Recogniser) -> None:
        self._engine = engine
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._loaded = False
        self._asked = 0
        self._owed = 0  # the request whose answer has not come yet, taken back or not
        self._dying: list[asyncio.subprocess.Process] = []
        self._again: asyncio.Task[None] | None = None

    @classmethod
    def of(cls, engine: Recogniser) -> _Worker:
        """The engine's worker on this event loop; one of a loop that has ended is ended too."""
        worker = cls.kept.get(engine.id)
        if worker is None or worker._loop is not asyncio.get_running_loop():
            if worker is not None:
                worker.kill()
            worker = cls.kept[engine.id] = cls(engine)
        return worker

    async def load(self) -> None:
        """Start it and wait until its model is there."""
        async with self._turn:
            await self._ready()

    async def ask(self, sound: bytes, language: str) -> dict[str, Any]:
        """Its answer; a process that ended while it listened is tried once more."""
        async with self._turn:
            for _ in range(2):
                try:
                    return await self._try(sound, language)
                except (OSError, EOFError):
                    self.kill()
                except asyncio.CancelledError:
                    self._take_back()
                    raise
        raise _broken("The recogniser ended unexpectedly; choose another one.", "识别引擎意外退出，请改用其他引擎。")

    async def end(self) -> None:
        """End the process and wait until it is gone."""
        if self._again is not None:
            self._again.cancel()
            await asyncio.gather(self._again, return_exceptions=True)
        self.kill()
        for process in self._dying:
            await process.wait()

    def kill(self) -> None:
        """End the process now, with what it started itself."""
        process, self._process, self._loaded, self._owed = self._process, None, False, 0
        self._dying = [one for one in self._dying if one.returncode is None]
        if process is not None and process.returncode is None:
            self._dying.append(process)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    async def _try(self, sound: bytes, language: str) -> dict[str, Any]:
        process = await self._ready()
        self._asked += 1
        head = json.dumps({"id": self._asked, "language": language, "bytes": len(sound)}).encode() + b"\n"
        limit_s = _ANSWER_S + 2.0 * len(sound) / _BYTES_A_SECOND

        async def exchange() -> dict[str, Any]:
            assert process.stdin is not None  # noqa: S101 (a pipe)
            self._owed = self._asked
            process.stdin.write(head + sound)
            await process.stdin.drain()
            answer = await self._answer(process, self._asked)
            self._owed = 0
            return answer

        return await self._within(exchange(), limit_s)

    async def _ready(self) -> asyncio.subprocess.Process:
        """The process, its model loaded, nothing of a former request in its way."""
        if self._owed and self._process is not None:
            try:
                await asyncio.wait_for(self._answer(self._process, self._owed), _SETTLE_S)
                self._owed = 0
            except (asyncio.TimeoutError, EOFError):
                self.kill()
        process = await self._start()
        if not self._loaded:
            answer = await self._within(self._answer(process, 0), _LOADING_S)
            if "code" in answer:
                self.kill()
                raise RequestError(answer["code"], answer["en"], answer["zh"])
            self._loaded = True
        return process

    async def _start(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self.kill()
            pipe = asyncio.subprocess.PIPE
            command = (sys.executable, "-m", "bridges.chat.listening.worker", self._engine.id)
            self._process = await asyncio.create_subprocess_exec(
                *command, stdin=pipe, stdout=pipe, cwd=paths.PROJECT, start_new_session=True, env=_environment()
            )
        return self._process

    async def _within(self, work: Any, limit_s: float) -> dict[str, Any]:
        try:
            return dict(await asyncio.wait_for(work, limit_s))
        except asyncio.TimeoutError as fault:
            self.kill()
            raise _broken(
                "The recogniser took too long and was stopped; speak in shorter turns or choose another one.",
                "识别用时过长，已停止。请说短一些，或改用其他引擎。",
            ) from fault

    @staticmethod
    async def _answer(process: asyncio.subprocess.Process, number: int) -> dict[str, Any]:
        """The answer of this number; EOFError where the process ended."""
        assert process.stdout is not None  # noqa: S101 (a pipe)
        while True:
            line = await process.stdout.readline()
            if not line.endswith(b"\n"):
                raise EOFError
            answer = json.loads(line)
            if answer["id"] == number:
                return dict(answer)

    def _take_back(self) -> None:
        """Nobody waits any more: end a light engine and start it anew for the next turn; a heavy one may finish."""
        if self._engine.light:
            self.kill()
            self._again = self._loop.create_task(self._restart())

    async def _restart(self) -> None:
        async with self._turn:
            await self._start()


def _audible(sound: bytes) -> bool:
    """Whether there can be a word in it: recognisers find some in silence, too."""
    samples = np.frombuffer(sound, dtype="<i2")
    return len(samples) >= _SHORTEST and int(np.abs(samples.astype(np.int32)).max()) > _FAINTEST


def _nothing_heard() -> RequestError:
    return RequestError("nothing_heard", "No words were heard; say it again.", "没有听到话语，请再说一遍。")


def _environment() -> dict[str, str]:
    return {**os.environ, "TFG_HOME": str(paths.home()), "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2")}


def _broken(en: str, zh: str) -> RequestError:
    return RequestError("recogniser_failed", en, zh)
