"""One turn: a question, and its answer written, spoken and shown at the same time."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from bridges.avatar_worker import Finished, Media
from bridges.chat import llm
from bridges.chat.clauses import Clause, clauses, length_of
from bridges.chat.engines import Engines, find_avatar
from bridges.chat.record import Said, TurnFile, TurnRecord
from bridges.chat.settings import ChatSettings
from bridges.chat.show import Caption, Speech, Viewer, show
from bridges.chat.streams import ahead, within
from bridges.errors import RequestError
from bridges.voices import spoken_by

PIECES_AHEAD, CLAUSES_AHEAD, SPEECH_AHEAD = 256, 2, 1
VOICE_WAIT_S = 60.0
WORDS_A_SECOND = 2.5

Post = Callable[..., None]  # kind and fields of a message to the page


@dataclass
class Turn:
    """A turn that runs. phase_s: where the idle video will stand when the answer is seen; began: time.monotonic() when
    it was asked, or when the voice that asked ended."""

    record: TurnRecord
    settings: ChatSettings
    messages: list[llm.Message]
    phase_s: float
    began: float
    post: Post
    file: TurnFile | None

    def __post_init__(self) -> None:
        self.viewer = Viewer()

    async def run(self) -> Finished:
        """Write, speak and show the answer. Raises RequestError; cancelling ends all stages at once."""
        self.post("state", stage="thinking")
        avatar = find_avatar(self.settings.avatar)
        engines = Engines.here()
        async with (
            ahead(self._written(), PIECES_AHEAD) as pieces,
            ahead(clauses(pieces), CLAUSES_AHEAD) as cut,
            ahead(self._spoken(cut, engines), SPEECH_AHEAD) as speech,
        ):
            first = await anext(speech, None)
            if first is None:
                raise RequestError(
                    "no_answer", "The language model gave no answer; try again.", "模型没有给出回答,请重试。"
                )
            async with engines.seat(self.settings.size, int(avatar.size), self._wait_in_line) as size:
                self._tell_size(size, int(avatar.size))
                talk = await engines.avatar.talk(avatar.folder, size, self.phase_s)
                try:
                    return await self._shown(_with_first(first, speech), talk, engines)
                finally:
                    await talk.close()

    def mark(self, name: str, seconds: float | None = None) -> None:
        """Something happened for the first time (now, or so many seconds after the question)."""
        if name not in self.record.marks:
            took = time.monotonic() - self.began if seconds is None else seconds
            self.record.marks[name] = round(1000 * took)
            self.post("mark", name=name, ms=self.record.marks[name])

    async def _written(self) -> AsyncGenerator[str, None]:
        """The model's text as it comes."""
        async with aclosing(llm.stream_reply(self.settings.llm, self.messages)) as pieces:
            async for piece in pieces:
                self.mark("first_token")
                self.post("words", text=piece)
                yield piece

    async def _spoken(self, cut: AsyncIterator[Clause], engines: Engines) -> AsyncGenerator[Speech, None]:
        """The clauses' sound as it is made."""
        voice = engines.voice(self.settings.voice_engine)
        fields = speaking_fields(self.settings)
        async for clause in cut:
            self.mark("first_clause")
            held = b""  # a piece is known to be the last only when no other follows
            async with aclosing(voice.speak(clause.text, stream=True, **fields)) as sound:
                while (pcm := await within(anext(sound, None), VOICE_WAIT_S)) is not None:
                    self.mark("first_audio")
                    if held:
                        yield Speech(clause, held, last=False)
                    held = pcm
            yield Speech(clause, held, last=True)

    async def _shown(self, speech: AsyncIterator[Speech], talk: Any, engines: Engines) -> Finished:
        """Hand the video and its captions to the page."""
        drawn_s = took_s = 0.0
        first, finished = True, None
        async with aclosing(show(speech, talk, self.viewer)) as events:
            async for event in events:
                if isinstance(event, Caption):
                    self._caption(event)
                elif isinstance(event, Finished):
                    self.record.seconds = event.seconds
                    finished = event
                else:
                    drawn_s, took_s = drawn_s + event.end_s - event.start_s, took_s + event.took_s
                    self._media(event, talk.codecs if first else "")
                    first = False
        engines.measured(talk.size, drawn_s, took_s)
        assert finished is not None  # noqa: S101 (show ends with it, or raises)
        return finished

    def _media(self, media: Media, codecs: str) -> None:
        if codecs:
            self.mark("first_media")
            self.viewer.starts()
            self.post("state", stage="speaking")
        facts = {"init": True, "codecs": codecs, "phase_s": self.phase_s} if codecs else {"init": False}
        times = {"start_s": media.start_s, "end_s": media.end_s}
        self.post("media", data=base64.b64encode(media.data).decode(), **facts, **times)
        if self.file:
            self.file.write(media.data, media.end_s)

    def _caption(self, caption: Caption) -> None:
        said = self.record.said
        if caption.end_s is None:
            end_s = caption.start_s + length_of(caption.clause.text) / WORDS_A_SECOND  # until it is known
        else:
            end_s = caption.end_s
        if not said or said[-1].start_s != caption.start_s:  # a clause spoken in one piece begins and ends with it
            said.append(Said(caption.clause.text, caption.start_s, end_s))
        said[-1].end_s = end_s
        self.post("caption", text=caption.clause.text, start_s=caption.start_s, end_s=end_s)

    async def _wait_in_line(self, before: int) -> None:
        self.post("state", stage="queued", place=before + 1)

    def _tell_size(self, size: int, own: int) -> None:
        if not self.settings.size and size < min(own, 512):
            self.post(
                "notice",
                code="smaller_picture",
                en=f"The picture is drawn at {size} pixels so that it keeps up on this machine.",
                zh=f"为了在本机上流畅播放,画面以 {size} 像素绘制。",
            )


async def _with_first(first: Speech, others: AsyncIterator[Speech]) -> AsyncGenerator[Speech, None]:
    yield first
    async for speech in others:
        yield speech


def speaking_fields(settings: ChatSettings) -> dict[str, Any]:
    """What the voice worker is told of a conversation's voice. Raises RequestError."""
    by = spoken_by(settings.voice)
    fields: dict[str, Any] = {"speed": settings.speed, "language": settings.language}
    if "speaker" in by:
        return {**fields, "speaker": by["speaker"]}
    return {**fields, "prompt_wav": by["prompt"], "prompt_text": by["prompt_text"]}
