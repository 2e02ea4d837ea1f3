"""The providers, one small file each."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Protocol

from bridges.chat.llm.embedded import Embedded
from bridges.chat.llm.openai_compatible import OpenAiCompatible
from bridges.chat.llm.settings import Message, ProviderInfo
from bridges.chat.llm.zhipu import Zhipu

if TYPE_CHECKING:
    from bridges.chat.llm.calls import Call


class Provider(Protocol):
    """What a provider can do. All raise LlmError. address_variable: the environment's, with the owner's address."""

    address_variable: str

    def info(self) -> ProviderInfo:
        """What the page shows of it; asks no network."""

    def stream(self, call: Call, messages: list[Message]) -> AsyncGenerator[str, None]:
        """The answer's pieces; "" for a sign of life without text. Closing it closes the connection at once."""

    async def models(self, call: Call) -> list[str]:
        """The models to choose from."""

    async def warm(self, call: Call) -> None:
        """Do ahead what the first answer would wait for."""


PROVIDERS: dict[str, Provider] = {
    "embedded": Embedded(),
    "zhipuai": Zhipu(),
    "openai": OpenAiCompatible(),
}
