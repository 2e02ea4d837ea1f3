"""GLM by the `zhipuai` client. Its stream blocks, so it runs in a thread that hands its pieces over."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import threading
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

import httpx

from bridges.chat.llm.addresses import is_local
from bridges.chat.llm.faults import LlmError, fault, fault_in_stream, fault_of_answer
from bridges.chat.llm.openai_compatible import CONNECT_S, fault_of_transport, tls_context
from bridges.chat.llm.settings import Message, ProviderInfo
from bridges.chat.llm.sse import ChunkReader

if TYPE_CHECKING:
    from bridges.chat.llm.calls import Call

logger = logging.getLogger(__name__)
BASE_URL = "https://open.bigmodel.cn/api/paas/v4"
MODELS = ("glm-4-flash", "glm-4.5-flash", "glm-4-air", "glm-4-plus", "glm-4.5-air", "glm-4.5", "glm-4.6")
# these think before they answer unless they are told not to; a chat cannot wait for it
THINKERS = ("glm-4.5", "glm-4.6", "glm-4.7", "glm-5")


class Zhipu:
    """The provider `zhipuai`."""

    address_variable = "ZHIPUAI_BASE_URL"

    def info(self) -> ProviderInfo:
        """ZHIPUAI_BASE_URL, or the public service."""
        return ProviderInfo(
            id="zhipuai",
            name={"en": "GLM (Zhipu AI)", "zh": "智谱 GLM"},
            base_url=os.environ.get(self.address_variable) or BASE_URL,
            models=MODELS,
            needs_key=True,
            key_variable="ZHIPUAI_API_KEY",
            ready=True,
            why={
                "en": "Needs a key of open.bigmodel.cn; glm-4-flash costs nothing there. Your words are sent to it.",
                "zh": "需要 open.bigmodel.cn 的密钥,其中 glm-4-flash 免费。对话内容会发送到该服务。",
            },
        )

    async def stream(self, call: Call, messages: list[Message]) -> AsyncGenerator[str, None]:
        """The client's stream. Closing this ends the connection at once, whatever it waits for."""
        running = _Running(call, messages)
        threading.Thread(target=running.run, name="zhipuai", daemon=True).start()
        try:
            while (item := await running.pieces.get()) is not None:
                if isinstance(item, LlmError):
                    raise item
                yield item
        finally:
            running.cancel()

    async def models(self, call: Call) -> list[str]:
        """The known ones; the client cannot ask for them."""
        return list(MODELS)

    async def warm(self, call: Call) -> None:
        """The client's import takes about a second."""
        await asyncio.to_thread(_client_class)


class _Running:
    """One answer on its way: `run` is the thread's, the rest belongs to the event loop."""

    def __init__(self, call: Call, messages: list[Message]) -> None:
        self._call, self._messages = call, messages
        self._loop = asyncio.get_running_loop()
        self._guard = threading.Lock()
        self._stream: Any = None
        self._cancelled = False
        self.pieces: asyncio.Queue[str | LlmError | None] = asyncio.Queue()

    def cancel(self) -> None:
        """Break the connection. Only a shutdown wakes a thread that reads from it; a close would wait for data."""
        with self._guard:
            self._cancelled = True
            if self._stream is not None:
                _shut(self._stream)

    def run(self) -> None:
        """Ask, and hand over the pieces, then a fault or None."""
        try:
            self._ask()
            self._hand_over(None)
        except LlmError as error:
            self._hand_over(error)
        except Exception as error:  # the client and its reader raise what they like; none may leave the turn waiting
            self._hand_over(_fault_of(error, self._call.key))

    def _ask(self) -> None:
        reader = ChunkReader(self._call.key)
        with self._http() as http:
            client = _client_class()(
                api_key=self._call.key,
                base_url=self._call.base_url,
                http_client=http,
                max_retries=0,
                timeout=http.timeout,
            )
            for chunk in client.chat.completions.create(**self._question()):
                reader.seen = True
                for choice in (chunk.choices or ())[:1]:
                    text = choice.delta.content if choice.delta else None
                    self._hand_over(reader.finished(text or "", choice.finish_reason))
        if not reader.ended:
            raise fault("cut" if reader.seen else "malformed")

    def _question(self) -> dict[str, Any]:
        call = self._call
        question: dict[str, Any] = {
            "model": call.model,
            "messages": [message.as_json() for message in self._messages],
            "stream": True,
            "temperature": min(call.temperature, 1.0),
            "max_tokens": call.max_tokens,
        }
        return {**question, "thinking": {"type": "disabled"}} if call.model.startswith(THINKERS) else question

    def _http(self) -> httpx.Client:
        """An HTTP client whose connection `cancel` can reach from the moment it is made."""
        base_url = self._call.base_url

        def traced(request: httpx.Request) -> None:
            request.extensions["trace"] = self._trace

        return httpx.Client(
            event_hooks={"request": [traced]},
            timeout=httpx.Timeout(self._call.timeout_s, connect=min(CONNECT_S, self._call.timeout_s)),
            verify=tls_context() if base_url.startswith("https:") else False,
            trust_env=not is_local(base_url),
            follow_redirects=False,
        )

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        """httpcore tells of each step; a made connection is noted, with TLS the one inside it."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            with self._guard:
                self._stream = info["return_value"]
                if self._cancelled:
                    _shut(self._stream)

    def _hand_over(self, item: str | LlmError | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self.pieces.put_nowait, item)


def _shut(stream: Any) -> None:
    connection = stream.get_extra_info("socket")
    with contextlib.suppress(OSError):  # the other side was faster
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _client_class() -> Any:
    try:
        from zhipuai import ZhipuAI  # takes a second: not before it is wanted
    except Exception as error:  # missing, or on a Python that it was not written for: it then fails in its own ways
        logger.warning("zhipuai cannot be imported: %r", error)
        raise LlmError(
            "llm_no_client",
            "The GLM client is not installed or does not run here; run: pip install -r requirements.txt",
            "GLM 客户端未安装或无法在此运行;请运行:pip install -r requirements.txt",
        ) from None
    return ZhipuAI


def _fault_of(error: Exception, key: str) -> LlmError:
    """From what the client raises to a sentence."""
    from zhipuai.core import APIConnectionError, APIResponseError, APIStatusError, APITimeoutError

    if isinstance(error, APIStatusError):
        response = error.response
        return fault_of_answer(response.status_code, response.text, key, response.headers.get("retry-after", ""))
    if isinstance(error, (APITimeoutError, APIConnectionError)):
        cause = error.__cause__
        return fault_of_transport(cause) if isinstance(cause, httpx.HTTPError) else fault("unreachable")
    if isinstance(error, APIResponseError):
        return fault_in_stream(error.json_data, key)
    return fault_of_transport(error) if isinstance(error, httpx.HTTPError) else fault("malformed")
