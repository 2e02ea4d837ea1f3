"""What a chat says to a language model, and how it is chosen."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Message:
    """One message. role: system, user or assistant; content: its text."""

    role: str
    content: str

    def as_json(self) -> dict[str, str]:
        """The form that the servers read."""
        return {"role": self.role, "content": self.content}


@dataclass(frozen=True)
class LlmSettings:
    """Which model answers, and how.

    provider: a ProviderInfo.id; model: its name ("": the provider's first); base_url: of the server ("": the
    provider's); key: "" takes the provider's environment variable; temperature: 0 to 2; max_tokens: of one answer, 1 to
    8192; timeout_s: the longest wait for the first piece of the answer, and between two, 1 to 600.
    """

    provider: str = "embedded"
    model: str = ""
    base_url: str = ""
    key: str = field(default="", repr=False)
    temperature: float = 0.7
    max_tokens: int = 400
    timeout_s: float = 30.0

    def check(self) -> None:
        """Raise RequestError where these cannot be used; asks no network."""
        from bridges.chat.llm.calls import resolve  # it imports this module

        resolve(self)


@dataclass(frozen=True)
class ProviderInfo:
    """One kind of server.

    name, why: {"en", "zh"}; why says what speaks against it, or what it lacks; base_url: the default; models: known
    ones, the default first (others may exist); needs_key: whether it answers only with a key; key_variable: the
    environment variable that holds one; ready: whether it can be asked now, as far as is known without asking it.
    """

    id: str
    name: dict[str, str]
    base_url: str
    models: tuple[str, ...]
    needs_key: bool
    key_variable: str
    ready: bool
    why: dict[str, str]
