"""Who is drawn, how large, and who waits: the seats of the picture engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bridges.chat.engines import Engines


def waiting_into(told: list[int]) -> Callable[[int], Awaitable[None]]:
    """What a seat calls while it waits."""

    async def waiting(before: int) -> None:
        told.append(before)

    return waiting


def test_the_first_is_drawn_large_the_next_smaller_and_a_slow_machine_draws_small() -> None:
    async def scenario() -> None:
        engines = Engines()
        for _ in range(30):
            engines.measured(512, 10, 5.5)
        async with engines.seat(None, 512, waiting_into([])) as first:
            assert first == 512
            assert engines.fitting_size(None, 512) == 256
        for _ in range(30):
            engines.measured(512, 10, 14)
        assert engines.fitting_size(None, 512) == 256
        for _ in range(30):
            engines.measured(512, 10, 2)
        assert engines.fitting_size(None, 512) == 512
        assert engines.fitting_size(None, 300) == 256

    asyncio.run(scenario())


def test_who_finds_the_machine_full_waits_in_the_order_of_coming() -> None:
    async def scenario() -> None:
        engines = Engines()
        order: list[str] = []
        told: dict[str, list[int]] = {"b": [], "c": []}

        async def sit(name: str) -> None:
            async with engines.seat(512, 512, waiting_into(told[name])):
                order.append(name)

        async with engines.seat(512, 512, waiting_into([])):
            tasks = []
            for name in ("b", "c"):
                tasks.append(asyncio.create_task(sit(name)))
                await asyncio.sleep(0)
            await asyncio.sleep(0.01)
            assert order == []
        await asyncio.wait_for(asyncio.gather(*tasks), 5)
        assert order == ["b", "c"]
        assert told == {"b": [0], "c": [1, 0]} or told == {"b": [0], "c": [1]}

    asyncio.run(scenario())


def test_who_leaves_the_line_holds_up_nobody() -> None:
    async def scenario() -> None:
        engines = Engines()

        async def sit() -> None:
            async with engines.seat(512, 512, waiting_into([])):
                pass

        async with engines.seat(512, 512, waiting_into([])):
            first, second = asyncio.create_task(sit()), asyncio.create_task(sit())
            await asyncio.sleep(0.01)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
        await asyncio.wait_for(second, 5)

    asyncio.run(scenario())


@pytest.mark.parametrize("size", [256, 384, 512])
def test_a_machine_with_nobody_on_it_always_serves(size: int) -> None:
    engines = Engines()
    for _ in range(50):
        engines.measured(512, 1, 100)
    assert engines.fitting_size(size, 512) == size
