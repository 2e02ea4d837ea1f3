"""A conversation for tests: the real engines, and a model's server on this machine."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from llm_server import LlmServer

from bridges.chat.engines import Engines
from bridges.chat.llm import LlmSettings
from bridges.chat.session import Session, open_session
from bridges.chat.settings import ChatSettings

SMALL = 256


def settings_for(server: LlmServer, **changes: Any) -> ChatSettings:
    """Settings that ask this server, with the smallest picture."""
    model = LlmSettings(provider="openai", model="tiny-model", base_url=server.base_url)
    return replace(ChatSettings(size=SMALL, llm=model), **changes)


class Studio:
    """An event loop with its warm engines, for many conversations."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()

    def converse(self, settings: ChatSettings, talk: Callable[[Session], Awaitable[None]]) -> None:
        """Hold one conversation, and end it."""

        async def run() -> None:
            session = open_session(settings)
            try:
                await session.warmed
                await talk(session)
            finally:
                await session.close()

        self._loop.run_until_complete(run())

    def close(self) -> None:
        """End the engines."""

        async def end() -> None:
            await Engines.here().close()

        self._loop.run_until_complete(end())
        self._loop.close()


class Page:
    """Reads a session's messages as the page does, and plays at once what comes (or `watches` in real time)."""

    def __init__(self, session: Session, plays_at_once: bool = True) -> None:
        self.session, self._at_once = session, plays_at_once
        self.messages: list[dict[str, Any]] = []

    async def until(self, kind: str, turn: str | None = None, **fields: Any) -> dict[str, Any]:
        """Read until a message of this kind (and turn, and with these fields) has come; it."""
        seen = 0
        while True:
            for message in self.messages[seen:]:
                wanted = {"kind": kind, **({"turn": turn} if turn else {}), **fields}
                if all(message.get(name) == value for name, value in wanted.items()):
                    return message
            seen = len(self.messages)
            after = self.messages[-1]["n"] if self.messages else 0
            for message in await asyncio.wait_for(self.session.next(after, 30.0), 40.0):
                self.messages.append(message)
                if message["kind"] == "media" and self._at_once:
                    self.session.played(message["turn"], message["end_s"])

    def of(self, kind: str, turn: str) -> list[dict[str, Any]]:
        """A turn's messages of a kind."""
        return [message for message in self.messages if message["kind"] == kind and message.get("turn") == turn]

    def stream(self, turn: str) -> bytes:
        """A turn's video as the page got it."""
        return b"".join(base64.b64decode(message["data"]) for message in self.of("media", turn))
