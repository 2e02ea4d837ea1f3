"""Stages of a pipeline: an asynchronous iterator that runs a little ahead of its reader, and ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar

Item = TypeVar("Item")


class _End:
    """The last thing in the queue, with what the stage ended with."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error


@asynccontextmanager
async def ahead(source: AsyncGenerator[Item, None], items: int) -> AsyncIterator[AsyncIterator[Item]]:
    """The items of `source`, worked out by a task of its own, at most `items` before they are read.

    What was made before an error is read first, then the error is raised. Leaving the context ends the stage at once.
    """
    queue: asyncio.Queue[Item | _End] = asyncio.Queue(items)

    async def pump() -> None:
        error = None
        try:
            async with aclosing(source):
                async for item in source:
                    await queue.put(item)
        except Exception as fault:  # raised where it is waited for
            error = fault
        await queue.put(_End(error))

    task = asyncio.create_task(pump())
    try:
        yield _read(queue)
    finally:
        while not task.done():  # a library may swallow a cancellation that comes just as its answer does
            task.cancel()
            await asyncio.wait({task}, timeout=0.2)


async def within(work: Awaitable[Item], seconds: float | None) -> Item:
    """The result of `work`, or TimeoutError. A cancellation that comes at the same moment as the result is not lost, as
    asyncio.wait_for loses it before Python 3.12."""
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            raise asyncio.TimeoutError
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _read(queue: asyncio.Queue[Item | _End]) -> AsyncIterator[Item]:
    while not isinstance(item := await queue.get(), _End):
        yield item
    if item.error:
        raise item.error
