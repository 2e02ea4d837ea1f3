"""What a conversation is held with."""

from __future__ import annotations

from dataclasses import dataclass, field

from bridges.chat.llm import LlmSettings
from bridges.errors import RequestError
from bridges.requests.speak import LANGUAGES

SIZES = (256, 384, 512)
SPEEDS = (0.5, 2.0)
MEMORY_TOKENS = (200, 100_000)
MOST_TURNS_KEPT = 200
LONGEST_SYSTEM = 8000


@dataclass(frozen=True)
class ChatSettings:
    """avatar: folder name of an avatar; size: side of the picture, px (None: the largest this machine draws in time);
    voice: a preset or an id of the voice library; voice_engine: auto, cosyvoice or embedded; speed: of speech;
    language: of speech, auto for what the text is in; system: the system prompt; memory_tokens: of what is sent to the
    model; asr_engine, asr_language: of listening; keep_turns: how many turns' videos are kept.
    """

    avatar: str = "presenter"
    size: int | None = None
    voice: str = "woman"
    voice_engine: str = "auto"
    speed: float = 1.0
    language: str = "auto"
    llm: LlmSettings = field(default_factory=LlmSettings)
    system: str = ""
    memory_tokens: int = 2000
    asr_engine: str = "auto"
    asr_language: str = "auto"
    keep_turns: int = 20

    def check(self) -> None:
        """Raise RequestError for what can be seen without loading anything."""
        self.llm.check()
        if self.size is not None and self.size not in SIZES:
            raise _bad("size", f"{SIZES}")
        if not SPEEDS[0] <= self.speed <= SPEEDS[1]:
            raise _bad("speed", f"{SPEEDS[0]} - {SPEEDS[1]}")
        if self.language not in LANGUAGES:
            raise _bad("language", ", ".join(LANGUAGES))
        if not MEMORY_TOKENS[0] <= self.memory_tokens <= MEMORY_TOKENS[1]:
            raise _bad("memory_tokens", f"{MEMORY_TOKENS[0]} - {MEMORY_TOKENS[1]}")
        if not 0 <= self.keep_turns <= MOST_TURNS_KEPT:
            raise _bad("keep_turns", f"0 - {MOST_TURNS_KEPT}")
        if len(self.system) > LONGEST_SYSTEM:
            raise _bad("system", f"<= {LONGEST_SYSTEM}")


def _bad(name: str, allowed: str) -> RequestError:
    return RequestError("bad_setting", f"{name} must be one of: {allowed}.", f"{name} 的取值应为:{allowed}。")
