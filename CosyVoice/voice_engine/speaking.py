"""A request to speak, carried out: engine, prompt, pieces of text one after another, one sound without clicks."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

import numpy as np
from talking_gaussian import stopping
from talking_gaussian.errors import UserError
from talking_gaussian.progress import Progress

from voice_engine.choosing import Choice, choose
from voice_engine.prompt import Prompt, prepare_prompt
from voice_engine.settings import SpeakSettings
from voice_engine.sound import OUTPUT_RATE, Sink, faded, resample, silence, spoken_span
from voice_engine.text.normalise import cleaned
from voice_engine.text.splitting import Piece, length_of, split_text
from voice_engine.transcribe import transcribe, whisper_weights

if TYPE_CHECKING:
    from voice_engine.embedded.voice import Speakers

STAGES = ("voice", "prompt", "speak")
MOST_PROMPTS = 8
SHORTEST_TEXT = 0.5  # of the prompt's transcript


class Voice(Protocol):
    """What speaks: chunks of float32 mono at `rate` for a piece of text of at most `limit` (see splitting)."""

    rate: int
    limit: float

    def speak(self, text: str) -> Iterator[np.ndarray]:
        """The chunks of one piece."""

    def close(self) -> None:
        """Let go of what it holds."""


@dataclass(frozen=True)
class Spoken:
    """seconds of sound, seconds it took, the engine and mode that spoke, and why that engine (en, zh)."""

    seconds: float
    took_s: float
    engine: str
    mode: str
    en: str
    zh: str


class Studio:
    """Speaks requests one after another; what took long to load (a CosyVoice model, the embedded voice's programs, a
    prompt made ready) is kept for the next one that wants it."""

    def __init__(self) -> None:
        self._kept: Voice | None = None
        self._speakers: Speakers | None = None
        self._prompts: dict[tuple[object, ...], Prompt] = {}
        self._kept_key: tuple[object, ...] = ()

    def __enter__(self) -> Studio:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the model go."""
        if self._kept is not None:
            self._kept.close()
        self._kept, self._kept_key = None, ()
        if self._speakers is not None:
            self._speakers.close()
        self._speakers = None

    def load(self, settings: SpeakSettings) -> Choice:
        """Choose the engine and load CosyVoice where it is the one. Raises UserError."""
        choice = choose(settings)
        if choice.engine == "cosyvoice":
            self._cosyvoice(choice, settings.fp16)
        return choice

    def speak(self, settings: SpeakSettings, sink: Sink, progress: Progress) -> Spoken:
        """Carry out a request; samples go to `sink` as they are made. Raises UserError."""
        began = time.monotonic()
        settings = replace(settings, text=cleaned(settings.text), prompt_text=cleaned(settings.prompt_text))
        settings.check()
        progress.stage("voice")
        choice = self.load(settings)
        tell(choice.en, choice.zh)
        progress.stage("prompt")
        prompt = self._prompt(settings)
        voice, mode, settings = self._voice(choice, settings, prompt)
        progress.stage("speak")
        pieces = split_text(settings.text, voice.limit)
        written = 0
        try:
            for samples in spoken(voice, pieces, progress, settings.stream):
                sink.write(samples)
                written += len(samples)
        finally:
            if voice is not self._kept:
                voice.close()
        if not written:
            raise UserError("nothing_spoken", "The voice gave no sound for this text.", "该文本没有生成任何声音。")
        return Spoken(written / OUTPUT_RATE, time.monotonic() - began, choice.engine, mode, choice.en, choice.zh)

    def _prompt(self, settings: SpeakSettings) -> Prompt | None:
        """The request's prompt, made ready now or before."""
        path = settings.prompt_wav
        if path is None or not path.is_file():
            return read_prompt(settings)
        key = (path, path.stat().st_mtime_ns, path.stat().st_size, bool(settings.prompt_text))
        if key not in self._prompts:
            while len(self._prompts) >= MOST_PROMPTS:
                del self._prompts[next(iter(self._prompts))]
            prompt = read_prompt(settings)
            assert prompt is not None  # noqa: S101 (there is a path)
            self._prompts[key] = prompt
        return self._prompts[key]

    def _voice(
        self, choice: Choice, settings: SpeakSettings, prompt: Prompt | None
    ) -> tuple[Voice, str, SpeakSettings]:
        """The voice made ready for a request, its mode, and the request with a transcript where one was made."""
        if choice.engine == "embedded":
            from voice_engine.embedded.voice import EmbeddedVoice, Speakers

            self._speakers = self._speakers or Speakers()
            samples = None if prompt is None else prompt.samples
            preset, manner = settings.speaker or "man", "preset" if prompt is None else "moved"
            embedded = EmbeddedVoice(samples, preset, settings.speed, settings.language, self._speakers)
            return embedded, manner, settings
        settings = with_transcript(settings, prompt)
        voice = self._cosyvoice(choice, settings.fp16)
        mode = voice.prepare(settings, prompt)  # type: ignore[attr-defined]
        tell(f"mode: {mode}", f"模式:{mode}")
        if mode == "zero_shot" and length_of(settings.text) < SHORTEST_TEXT * length_of(settings.prompt_text):
            tell(
                "the text is much shorter than the prompt's; a shorter prompt sounds better",
                "文本比提示音频的文本短得多;较短的提示音频效果更好",
            )
        return voice, mode, settings

    def _cosyvoice(self, choice: Choice, fp16: bool) -> Voice:
        from voice_engine.upstream import CosyVoice

        assert choice.model is not None and choice.source is not None  # noqa: S101 (choose gives both)
        key = (choice.model.path, choice.source, fp16)
        if self._kept is None or key != self._kept_key:
            self.close()
            self._kept, self._kept_key = CosyVoice(choice.model, choice.source, fp16), key
        return self._kept


def read_prompt(settings: SpeakSettings) -> Prompt | None:
    """The prompt made ready, with what is to be known of it said."""
    if settings.prompt_wav is None:
        return None
    prompt = prepare_prompt(settings.prompt_wav, whole=bool(settings.prompt_text))
    for en, zh in prompt.notes:
        tell(en, zh)
    return prompt


def with_transcript(settings: SpeakSettings, prompt: Prompt | None) -> SpeakSettings:
    """With the prompt's words written down where they are wanted and can be heard reliably (by whisper).

    A wrong transcript is worse than none: CosyVoice then drops or adds words. So without whisper's weights a prompt
    without its words is used in the mode that needs none.
    """
    wanted = settings.mode in ("auto", "zero_shot") and not (settings.instruct or settings.dialect or settings.speaker)
    if prompt is None or settings.prompt_text or not wanted:
        return settings
    if whisper_weights() is None and settings.mode == "zero_shot":
        return settings
    if whisper_weights() is None:
        tell(
            "the prompt has no transcript: cross-lingual mode, which needs none",
            "提示音频没有文本:使用不需要文本的跨语种模式",
        )
        return replace(settings, mode="cross_lingual")
    heard = transcribe(resample(prompt.samples, OUTPUT_RATE, 16_000))
    tell(f"heard in the prompt: {heard.text}", f"提示音频内容:{heard.text}")
    return replace(settings, prompt_text=heard.text) if heard.text else replace(settings, mode="cross_lingual")


def spoken(voice: Voice, pieces: list[Piece], progress: Progress, stream: bool) -> Iterator[np.ndarray]:
    """All pieces as float32 mono at 24 kHz, ends trimmed and faded, with their pauses; in a stream, chunk by chunk."""
    for index, piece in enumerate(pieces):
        stopping.check()
        chunks = (resample(chunk, voice.rate, OUTPUT_RATE) for chunk in voice.speak(piece.text))
        if stream and voice.rate == OUTPUT_RATE:
            yield from _streamed(chunks)
        else:
            yield _whole(chunks)
        if piece.pause_s:
            yield silence(piece.pause_s, OUTPUT_RATE)
        progress.step(index + 1, len(pieces), text=piece.text[:80])


def _whole(chunks: Iterator[np.ndarray]) -> np.ndarray:
    parts = []
    for chunk in chunks:
        stopping.check()
        parts.append(chunk)
    samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    samples = np.nan_to_num(samples)
    start, end = spoken_span(samples, OUTPUT_RATE)
    return faded(samples[start:end], OUTPUT_RATE)


def _streamed(chunks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Chunks as they come; the first is faded in, the last (known one chunk later) out."""
    held: np.ndarray | None = None
    first = True
    for chunk in chunks:
        stopping.check()
        if held is not None and len(held):
            yield faded(np.nan_to_num(held), OUTPUT_RATE, start=first, end=False)
            first = False
        held = chunk
    if held is not None and len(held):
        yield faded(np.nan_to_num(held), OUTPUT_RATE, start=first)


def tell(en: str, zh: str) -> None:
    """A remark for whoever reads the log."""
    print("note:", zh if os.environ.get("TFG_LANG", "").startswith("zh") else en, file=sys.stderr, flush=True)
