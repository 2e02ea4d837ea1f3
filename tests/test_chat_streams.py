"""Stages that run ahead of their reader, and end with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from bridges.chat.streams import ahead, within


def test_a_cancellation_that_comes_with_the_result_is_not_lost() -> None:
    async def scenario() -> None:
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def wait() -> str:
            return await within(ready, 10)

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        ready.set_result("late")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())


def test_what_takes_too_long_is_ended() -> None:
    async def scenario() -> None:
        endless = asyncio.ensure_future(asyncio.sleep(60))
        with pytest.raises(asyncio.TimeoutError):
            await within(endless, 0.01)
        assert endless.cancelled()

    asyncio.run(scenario())


def test_a_stage_ends_with_its_reader_even_if_it_swallows_a_cancellation() -> None:
    async def scenario() -> None:
        closed = asyncio.Event()

        async def numbers() -> AsyncGenerator[int, None]:
            swallowed = False
            try:
                for number in range(10**6):
                    yield number
                    try:
                        await asyncio.sleep(0.001)
                    except asyncio.CancelledError:
                        if swallowed:
                            raise
                        swallowed = True
            finally:
                closed.set()

        async with ahead(numbers(), 10**6) as found:
            assert [await anext(found) for _ in range(3)] == [0, 1, 2]
            await asyncio.sleep(0.01)
        assert closed.is_set()

    asyncio.run(scenario())


def test_what_was_made_before_an_error_is_read_first() -> None:
    async def scenario() -> None:
        async def numbers() -> AsyncGenerator[int, None]:
            yield 1
            raise ValueError("no more")

        async with ahead(numbers(), 5) as found:
            assert await anext(found) == 1
            with pytest.raises(ValueError, match="no more"):
                await anext(found)

    asyncio.run(scenario())
