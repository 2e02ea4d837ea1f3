"""What a session hears: where a spoken turn begins and ends, what it says, and that it interrupts."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bridges.chat import listening
from bridges.errors import RequestError

if TYPE_CHECKING:
    from bridges.chat.session import Session

MOST_BYTES = 32_000 * 20  # of one piece


class Ears:
    """A session's microphone. A pause starts the recognition early; if the voice goes on it is taken back."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._listener: listening.TurnListener | None = None
        self._guess: asyncio.Task[listening.Heard] | None = None
        self._guessed = b""

    def open(self, mode: str) -> None:
        """off, push or hands_free. Raises RequestError."""
        if mode not in ("off", "push", "hands_free"):
            raise RequestError("bad_setting", f"There is no microphone mode {mode!r}.", f"没有麦克风模式 {mode!r}。")
        self.take_back()
        self._listener = None
        if mode != "off":
            self._listener = listening.TurnListener("push" if mode == "push" else "hands_free")
            self._session.start_task(self._warm())
        if not self._session.is_answering:
            self._session.post("state", stage="idle" if mode == "off" else "listening")

    def hear(self, pcm: bytes) -> None:
        """16 kHz mono 16-bit samples. Raises RequestError."""
        if len(pcm) > MOST_BYTES:
            raise RequestError("bad_sound", "This piece of sound is too long.", "该段声音过长。")
        if self._listener:
            self._react(self._listener.feed(pcm))

    def release(self) -> None:
        """Push-to-talk: the turn ends here."""
        if self._listener:
            self._react(self._listener.release())
            self._listener.reset()

    def _react(self, events: list[listening.Event]) -> None:
        for event in events:
            if isinstance(event, listening.SpeechStarted):
                self._session.stop()
                self._session.post("state", stage="listening", speaking=True)
            elif isinstance(event, listening.Paused):
                self._guess_at(event.sound)
            elif isinstance(event, listening.SpeechResumed):
                self.take_back()
            elif isinstance(event, listening.SpeechEnded):
                began = time.monotonic() - (event.at_s - event.ended_s)
                self._session.post("state", stage="transcribing")
                self._session.start_task(self._answer(event.sound, began))
            else:
                self._nothing()

    def _guess_at(self, sound: bytes) -> None:
        """Begin to recognise what may be the whole turn."""
        self.take_back()
        settings = self._session.settings
        self._guessed = sound
        self._guess = asyncio.ensure_future(listening.recognise(sound, settings.asr_engine, settings.asr_language))
        self._guess.add_done_callback(_look_at)

    def take_back(self) -> None:
        """Give up what is being recognised early."""
        guess, self._guess = self._guess, None
        if guess and not guess.done():
            guess.cancel()

    async def _answer(self, sound: bytes, began: float) -> None:
        """What was said becomes a turn."""
        if self._guess is None or self._guessed != sound:
            self._guess_at(sound)
        guess, self._guess = self._guess, None
        assert guess is not None  # noqa: S101 (made above)
        try:
            heard = await guess
        except RequestError as error:
            self._session.post("error", turn=None, retry=False, **error.failure.as_json())
            self._session.post("state", stage="listening")
            return
        turn = self._session.say(heard.text, self._session.expected_phase_s, source="voice", began=began)
        self._session.post("heard", turn=turn, text=heard.text, final=True)

    def _nothing(self) -> None:
        en = "Nothing was heard. Speak closer to the microphone, or check that it is not muted."
        zh = "没有听到声音。请靠近麦克风说话,或检查麦克风是否被静音。"
        self._session.post("notice", code="nothing_heard", en=en, zh=zh)
        self._session.post("state", stage="listening")

    async def _warm(self) -> None:
        settings = self._session.settings
        try:
            await listening.warm(settings.asr_engine, settings.asr_language)
        except RequestError as error:
            self._session.post("error", turn=None, retry=False, **error.failure.as_json())


def _look_at(guess: asyncio.Task[listening.Heard]) -> None:
    """A guess that nobody waits for any more may have failed: that is no news."""
    if not guess.cancelled():
        guess.exception()
