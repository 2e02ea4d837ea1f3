"""The embedded model: works without a key and without a network, and is weak."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import TYPE_CHECKING

from bridges.chat.llm.faults import LlmError
from bridges.chat.llm.offline_process import COMMAND, OfflineProcess, environment_ready
from bridges.chat.llm.openai_compatible import stream_chat
from bridges.chat.llm.scripts import has_wide
from bridges.chat.llm.settings import Message, ProviderInfo

if TYPE_CHECKING:
    from bridges.chat.llm.calls import Call

MODEL = "smollm2-135m-instruct"
WEAK_EN = "A weak demo: SmolLM2 with 135 M parameters, English only; its facts and sums are often wrong."
WEAK_ZH = "仅供演示的弱模型:SmolLM2(1.35 亿参数),只懂英语,内容常有事实和计算错误。"
# what its makers advise, 0.2, at the usual setting of 0.7; a model this small repeats itself without the penalty
COOLER = 0.3
SAMPLING = {"repeat_penalty": 1.1, "top_p": 0.9}
# it follows no instructions, but it imitates: without these it answers at length, and strangely
EXAMPLES = (
    Message("user", "Hello!"),
    Message("assistant", "Hello! It is nice to meet you. What would you like to talk about?"),
    Message("user", "What is the capital of Italy?"),
    Message("assistant", "The capital of Italy is Rome."),
    Message("user", "How do I make tea?"),
    Message(
        "assistant", "Boil some water, pour it over the tea leaves, and wait about three minutes before you drink it."
    ),
)


class Embedded:
    """The provider `embedded`: one process for all conversations."""

    address_variable = ""

    def __init__(self) -> None:
        self.process = OfflineProcess()

    def info(self) -> ProviderInfo:
        """Whether its environment is there, and what is wrong with the model in any case."""
        ready = environment_ready()
        return ProviderInfo(
            id="embedded",
            name={"en": "Embedded (offline demo)", "zh": "内置模型(离线演示)"},
            base_url="",
            models=(MODEL,),
            needs_key=False,
            key_variable="",
            ready=ready,
            why={
                "en": WEAK_EN if ready else f"{WEAK_EN} Not installed yet; create it with: {COMMAND}",
                "zh": WEAK_ZH if ready else f"{WEAK_ZH}尚未安装,请运行:{COMMAND}",
            },
        )

    async def stream(self, call: Call, messages: list[Message]) -> AsyncGenerator[str, None]:
        """The process's answer. Personas are left out: the model follows none, and its own prompt serves it best."""
        spoken = [message for message in messages if message.role != "system"]
        if has_wide(spoken[-1].content if spoken else ""):
            raise LlmError(
                "llm_english_only",
                "The embedded model understands English only; choose another model for this question.",
                "内置模型只懂英语,请选择其他模型(如智谱 GLM)来回答中文问题。",
            )
        async with contextlib.aclosing(self._asked(call, spoken)) as stream:
            async for piece in stream:
                yield piece

    async def _asked(self, call: Call, messages: list[Message]) -> AsyncGenerator[str, None]:
        address = await asyncio.to_thread(self.process.address)
        more = {**SAMPLING, "temperature": call.temperature * COOLER}
        everything = [*EXAMPLES, *messages]
        async with contextlib.aclosing(stream_chat(call, address.base_url, address.key, everything, more)) as stream:
            async for piece in stream:
                yield piece

    async def models(self, call: Call) -> list[str]:
        """There is one."""
        return [MODEL]

    async def warm(self, call: Call) -> None:
        """Start the process and have it read the examples, which it then remembers."""
        async with contextlib.aclosing(self._asked(replace(call, max_tokens=1), [Message("user", "Hi")])) as stream:
            async for _ in stream:
                return
