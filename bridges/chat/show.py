"""Speech becomes video, a few seconds ahead of its viewer and never with a hole."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from dataclasses import dataclass, field

from bridges.avatar_worker import Finished, Media, Planned, Talk
from bridges.chat.clauses import Clause
from bridges.chat.streams import ahead
from bridges.errors import RequestError

AHEAD_S = 3.0  # speech is not handed to the picture engine further ahead of the viewer than this
LOW_S = 0.7  # with less in hand, and no speech there, a pause is drawn
REST_S = 0.24
LOOK_S = 0.04
SILENT_S = 45.0  # without anything to say for so long, the turn is over


@dataclass(frozen=True)
class Speech:
    """A piece of a clause's sound: 24 kHz mono 16-bit samples; last: the clause is over."""

    clause: Clause
    pcm: bytes
    last: bool


@dataclass(frozen=True)
class Caption:
    """A clause and when it is heard, s in the turn's video; end_s None: it has only begun."""

    clause: Clause
    start_s: float
    end_s: float | None


class Viewer:
    """How far the one who watches has come: what the page says, and the clock in between."""

    def __init__(self) -> None:
        self._at_s, self._since = 0.0, 0.0

    def starts(self) -> None:
        """The first video is on its way."""
        if not self._since:
            self._since = time.monotonic()

    def is_at(self, seconds: float) -> None:
        """The page shows this moment now."""
        if self._since:
            self._at_s, self._since = seconds, time.monotonic()

    @property
    def seconds(self) -> float:
        """Where the viewer is, as far as is known."""
        return self._at_s + (time.monotonic() - self._since if self._since else 0.0)


@dataclass
class Plan:
    """What was handed to the picture engine."""

    fps: float
    end_s: float = 0.0
    open_clause: Caption | None = None
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    def known(self, end_s: float) -> None:
        """The engine's word on how long the talk is."""
        self.end_s = end_s
        self.answered.set()


async def show(
    speech: AsyncIterator[Speech], talk: Talk, viewer: Viewer
) -> AsyncGenerator[Media | Caption | Finished, None]:
    """The talk's video and captions, to its end. Raises RequestError; what was said before an error is shown first."""
    plan = Plan(talk.fps)
    shown: asyncio.Queue[Media | Caption | Finished | RequestError] = asyncio.Queue()

    async def receive() -> None:
        try:
            async for event in talk.events():
                if isinstance(event, Planned):
                    plan.known(event.end_s)
                else:
                    shown.put_nowait(event)
        except RequestError as error:
            plan.answered.set()
            shown.put_nowait(error)

    async with ahead(_feed(speech, talk, viewer, plan), 2) as captions:
        receiving = asyncio.create_task(receive())
        captioning = asyncio.create_task(_hand_on(captions, shown, talk))
        try:
            while True:
                event = await shown.get()
                if isinstance(event, RequestError):
                    raise event
                yield event
                if isinstance(event, Finished):
                    break
        finally:
            receiving.cancel()
            captioning.cancel()
            await asyncio.gather(receiving, captioning, return_exceptions=True)
    fault = captioning.result()
    if fault:
        raise fault


async def _hand_on(captions: AsyncIterator[Caption], shown: asyncio.Queue, talk: Talk) -> RequestError | None:
    """Captions to the reader; then the talk is told that no more follows. What went wrong before, if anything."""
    fault = None
    try:
        async for caption in captions:
            shown.put_nowait(caption)
    except RequestError as error:
        fault = error
    await talk.end()
    return fault


async def _feed(speech: AsyncIterator[Speech], talk: Talk, viewer: Viewer, plan: Plan) -> AsyncGenerator[Caption, None]:
    """Hand speech to the talk as its viewer needs it, pauses where there is none; captions as their times are known."""
    waiting = asyncio.ensure_future(anext(speech, None))
    silent_since = time.monotonic()
    try:
        while True:
            if not waiting.done():
                await asyncio.wait([waiting], timeout=LOOK_S)
                if plan.end_s and plan.end_s - viewer.seconds < LOW_S and not waiting.done():
                    await _pause(talk, plan, REST_S)
                if time.monotonic() - silent_since > SILENT_S:
                    raise RequestError(
                        "voice_slow", "The answer took too long to go on; try again.", "回答等待时间过长,请重试。"
                    )
                continue
            piece = waiting.result()
            if piece is None:
                return
            await _until_needed(plan, viewer)
            for caption in await _say(talk, plan, piece):
                yield caption
            silent_since = time.monotonic()
            waiting = asyncio.ensure_future(anext(speech, None))
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def _until_needed(plan: Plan, viewer: Viewer) -> None:
    while plan.end_s - viewer.seconds > AHEAD_S:
        await asyncio.sleep(LOOK_S)


async def _say(talk: Talk, plan: Plan, piece: Speech) -> list[Caption]:
    """Hand one piece over; the caption that begins or ends with it."""
    captions = []
    if plan.open_clause is None or plan.open_clause.clause is not piece.clause:
        plan.open_clause = Caption(piece.clause, plan.end_s, None)
        captions = [plan.open_clause]
    if piece.pcm or piece.last:
        await _asked(plan, talk.speak(piece.pcm, piece.last))
    if piece.last:
        captions = [Caption(piece.clause, plan.open_clause.start_s, plan.end_s)]
        plan.open_clause = None
        if piece.clause.pause_s:
            await _pause(talk, plan, piece.clause.pause_s)
    return captions


async def _pause(talk: Talk, plan: Plan, seconds: float) -> None:
    """A pause of about so many seconds, also in the middle of a clause whose voice is late."""
    if plan.open_clause is not None:
        await _asked(plan, talk.speak(b"", True))
    await _asked(plan, talk.rest(max(1, round(seconds * plan.fps))))


async def _asked(plan: Plan, request: Awaitable[None]) -> None:
    """Make a request of the talk and wait until it is planned."""
    plan.answered.clear()
    await request
    await plan.answered.wait()
