"""A voice that stays loaded between requests, for a conversation that speaks again and again."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bridges import paths
from bridges.errors import RequestError
from bridges.pipe_worker import PipeWorker

ENDED = RequestError("voice_ended", "The voice engine ended unexpectedly; try again.", "语音引擎意外退出,请重试。")


class VoiceWorker(PipeWorker):
    """`run_cosyvoice.sh serve`: the model loads once and speaks many requests, one at a time, in the order asked."""

    def __init__(self, engine: str = "auto", model: str = "", idle_s: float = 600.0) -> None:
        options = ["--engine", engine, "--idle_s", f"{idle_s:g}"]
        if model:
            options += ["--model_dir", str(paths.home() / "models" / "cosyvoice" / model)]
        # the first words find the machine idle; later ones are made ahead, and must not make the picture stutter
        super().__init__(["nice", "-n", "19", "bash", str(paths.COSYVOICE_SCRIPT), "serve", *options], ENDED)
        self._turn = asyncio.Lock()

    async def speak(self, text: str, **fields: Any) -> AsyncGenerator[bytes, None]:
        """24 kHz mono 16-bit samples as they are made. fields: of SpeakSettings (CosyVoice/voice_engine/settings.py).

        Leaving the iteration early takes the request back. A worker that crashed before the first sound is started
        once more. Raises RequestError.
        """
        async with self._turn, self._spoken(text, fields) as (first, conversation):
            answer = first
            while answer["event"] == "audio":
                yield base64.b64decode(answer["pcm"])
                answer = await conversation.answer()

    @asynccontextmanager
    async def _spoken(self, text: str, fields: dict[str, Any]) -> AsyncIterator[Any]:
        """The first answer and the conversation it came in."""
        for may_fail in (True, False):
            async with await self.converse() as conversation:
                await conversation.send(text=text, **fields)
                try:
                    first = await conversation.answer()
                except RequestError as error:
                    if may_fail and error.code == ENDED.code:
                        continue
                    raise
                yield first, conversation
                return
