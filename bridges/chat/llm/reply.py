"""A streamed answer from any provider: waits bounded, one retry before the first word, thoughts left out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator

from bridges.chat.llm.addresses import check_reach
from bridges.chat.llm.calls import Call, resolve
from bridges.chat.llm.faults import LlmError, fault
from bridges.chat.llm.registry import PROVIDERS
from bridges.chat.llm.settings import LlmSettings, Message, ProviderInfo
from bridges.chat.llm.thoughts import Thoughts
from bridges.chat.streams import within

logger = logging.getLogger(__name__)
BACK_OFF_S, LONGEST_BACK_OFF_S = 0.5, 3.0
# a time-out is not tried again by itself: the listener has waited long enough to be asked
TRANSIENT = ("llm_rate_limit", "llm_unreachable", "llm_server_fault", "llm_cut")


def providers() -> list[ProviderInfo]:
    """What there is to choose from. May take 0.1 s (it looks for the embedded model's environment)."""
    return [provider.info() for provider in PROVIDERS.values()]


async def stream_reply(settings: LlmSettings, messages: list[Message]) -> AsyncGenerator[str, None]:
    """The answer's pieces of text as they come.

    Closing the generator, or cancelling the task that reads it, closes the connection at once. One transient fault
    before the first piece is tried again by itself. Raises RequestError (LlmError, with .retry).
    """
    call = await asyncio.to_thread(resolve, settings)
    if call.base_url and not call.owners:
        await check_reach(call.base_url)
    started = False
    for last in (False, True):
        try:
            async with contextlib.aclosing(_pieces(call, messages)) as pieces:
                async for piece in pieces:
                    started = True
                    yield piece
            return
        except LlmError as error:
            wait_s = max(BACK_OFF_S, error.wait_s or 0)
            if last or started or error.code not in TRANSIENT or wait_s > LONGEST_BACK_OFF_S:
                raise
            logger.info("%s: trying again in %.1f s", error.code, wait_s)
        await asyncio.sleep(wait_s)


async def list_models(settings: LlmSettings) -> list[str]:
    """The names that can be chosen, asked of the server where it tells. Raises RequestError."""
    call = await asyncio.to_thread(resolve, settings)
    if call.base_url and not call.owners:
        await check_reach(call.base_url)
    try:
        return await asyncio.wait_for(call.provider.models(call), call.timeout_s)
    except asyncio.TimeoutError:
        raise fault("timeout") from None


async def warm(settings: LlmSettings) -> None:
    """Do ahead what the first answer would wait for: the embedded model's process, a client's import."""
    call = await asyncio.to_thread(resolve, settings)
    await call.provider.warm(call)


async def _pieces(call: Call, messages: list[Message]) -> AsyncGenerator[str, None]:
    """One try: the text without the model's thoughts. Raises LlmError, also for an answer without any text."""
    thoughts, empty = Thoughts(), True
    async with contextlib.aclosing(call.provider.stream(call, messages)) as stream:
        async for piece in _in_time(stream, call.timeout_s):
            text = thoughts.without(piece)
            text = text.lstrip() if empty else text
            if text:
                empty = False
                yield text
    if rest := thoughts.rest():
        empty = False
        yield rest
    if empty:
        raise fault("empty")


async def _in_time(stream: AsyncGenerator[str, None], timeout_s: float) -> AsyncIterator[str]:
    """The stream's items. Raises LlmError where one takes longer than `timeout_s`."""
    while True:
        try:
            piece = await within(anext(stream), timeout_s)
        except StopAsyncIteration:
            return
        except asyncio.TimeoutError:
            raise fault("timeout") from None
        yield piece
