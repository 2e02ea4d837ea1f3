"""What is done before anything is asked, so that the first answer does not pay for it."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable
from contextlib import aclosing

from bridges import environments
from bridges.chat import llm
from bridges.chat.engines import Engines, find_avatar
from bridges.chat.settings import ChatSettings
from bridges.chat.turn import speaking_fields
from bridges.errors import RequestError

LOOK_S = 1.0
_log = logging.getLogger("tfg.chat")
ENVIRONMENTS = {
    "talking_gaussian": ("the picture engine", "画面引擎"),
    "cosyvoice": ("the voice", "语音引擎"),
}
GREETING = "Hello."


class Warming:
    """A session's engines made ready, again whenever its settings ask for others."""

    def __init__(self, post: Callable[..., None]) -> None:
        self._post = post
        self._shown: tuple[str, int | None] | None = None
        self._voice: tuple[object, ...] = ()

    async def warm(self, settings: ChatSettings) -> None:
        """Load what these settings need; the page is sent the idle video, and a sentence for what cannot be had."""
        steps = (self._picture(settings), self._speech(settings), self._model(settings))
        for outcome in await asyncio.gather(*steps, return_exceptions=True):
            if isinstance(outcome, RequestError):
                self._post("error", turn=None, retry=False, **outcome.failure.as_json())
            elif isinstance(outcome, Exception):  # a defect of ours: the log keeps it, the first turn will tell
                _log.error("an engine was not made ready", exc_info=outcome)

    async def _picture(self, settings: ChatSettings) -> None:
        wanted = (settings.avatar, settings.size)
        if self._shown == wanted:
            return
        await self._environment("talking_gaussian")
        file, facts = await Engines.here().idle_video(settings.avatar, settings.size)
        data = await asyncio.to_thread(file.read_bytes)
        self._shown = wanted
        self._post("idle", url_or_b64=base64.b64encode(data).decode(), **facts)
        engines, avatar = Engines.here(), find_avatar(settings.avatar)
        size = engines.fitting_size(settings.size, int(avatar.size))
        await engines.avatar.load(avatar.folder, size or int(avatar.size))

    async def _speech(self, settings: ChatSettings) -> None:
        voice = (settings.voice_engine, settings.voice)
        if self._voice == voice:
            return
        await self._environment("cosyvoice")
        worker = Engines.here().voice(settings.voice_engine)
        async with aclosing(worker.speak(GREETING, stream=True, **speaking_fields(settings))) as pieces:
            async for _ in pieces:  # not heard by anybody: the voice's parts load with its first words
                self._voice = voice

    @staticmethod
    async def _model(settings: ChatSettings) -> None:
        await llm.warm(settings.llm)

    async def _environment(self, name: str) -> None:
        """Wait for an engine's environment where it is still to be made."""
        job = await asyncio.to_thread(environments.prepare_if_missing, name)
        if job is None:
            return
        en, zh = ENVIRONMENTS[name]
        self._post(
            "notice",
            code="preparing",
            en=f"Installing {en}, once; this takes a minute or two.",
            zh=f"正在安装{zh},仅此一次,需要一两分钟。",
        )
        while (status := await asyncio.to_thread(job.status)).state in ("queued", "running"):
            await asyncio.sleep(LOOK_S)
        if status.state != "done" and status.error:
            raise RequestError(status.error.code, status.error.en, status.error.zh)
