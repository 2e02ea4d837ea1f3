"""Any server that speaks OpenAI's chat protocol: Ollama, vLLM, DeepSeek, llama.cpp, LM Studio …"""

from __future__ import annotations

import functools
import os
import ssl
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

import httpx

from bridges.chat.llm.addresses import is_local
from bridges.chat.llm.faults import LlmError, fault, fault_of_answer
from bridges.chat.llm.settings import Message, ProviderInfo
from bridges.chat.llm.sse import ChunkReader

if TYPE_CHECKING:
    from bridges.chat.llm.calls import Call

OPENAI = "https://api.openai.com/v1"
OLLAMA = "http://127.0.0.1:11434/v1"
CONNECT_S = 8.0
MAX_BODY = 1_000_000


class OpenAiCompatible:
    """The provider `openai`."""

    address_variable = "OPENAI_BASE_URL"

    def info(self) -> ProviderInfo:
        """OPENAI_BASE_URL, or OpenAI where its key is in the environment, or Ollama on this machine."""
        return ProviderInfo(
            id="openai",
            name={
                "en": "OpenAI-compatible server (Ollama, vLLM, DeepSeek …)",
                "zh": "OpenAI 兼容服务(Ollama、vLLM、DeepSeek 等)",
            },
            base_url=os.environ.get(self.address_variable) or (OPENAI if os.environ.get("OPENAI_API_KEY") else OLLAMA),
            models=(),
            needs_key=False,
            key_variable="OPENAI_API_KEY",
            ready=True,
            why={
                "en": "Needs the server's address and a model's name; Ollama on this machine has http://127.0.0.1:11434/v1.",
                "zh": "需要填写服务器地址和模型名称;本机 Ollama 的地址为 http://127.0.0.1:11434/v1。",
            },
        )

    def stream(self, call: Call, messages: list[Message]) -> AsyncGenerator[str, None]:
        """POST /chat/completions, streamed."""
        return stream_chat(call, call.base_url, call.key, messages)

    async def models(self, call: Call) -> list[str]:
        """GET /models."""
        return await models_at(call, call.base_url, call.key)

    async def warm(self, call: Call) -> None:
        """Nothing needs it but the certificates' context."""
        tls_context()


async def stream_chat(
    call: Call, base_url: str, key: str, messages: list[Message], more: dict[str, Any] | None = None
) -> AsyncGenerator[str, None]:
    """The pieces of an answer ("": a sign of life). more: further fields of the request. Raises LlmError."""
    model = call.model or next(iter(await models_at(call, base_url, key)), "")
    if not model:
        raise fault("no_model")
    body = {
        "model": model,
        "messages": [message.as_json() for message in messages],
        "stream": True,
        "temperature": call.temperature,
        "max_tokens": call.max_tokens,
        **(more or {}),
    }
    reader = ChunkReader(key)
    try:
        async with (
            _client(call, base_url, key) as client,
            client.stream("POST", f"{base_url}/chat/completions", json=body) as response,
        ):
            await _raise_for(response, key)
            async for line in response.aiter_lines():
                piece = reader.piece_of(line)
                if piece is not None:
                    yield piece
                if reader.ended:
                    return
    except httpx.HTTPError as error:
        raise fault_of_transport(error) from None
    raise fault("cut" if reader.seen else "malformed")


async def models_at(call: Call, base_url: str, key: str) -> list[str]:
    """The models' names that a server tells, in its order. Raises LlmError."""
    try:
        async with _client(call, base_url, key) as client, client.stream("GET", f"{base_url}/models") as response:
            await _raise_for(response, key)
            text = await _body_of(response)
    except httpx.HTTPError as error:
        raise fault_of_transport(error) from None
    try:
        rows = httpx.Response(200, text=text).json()["data"]
        return [str(row["id"]) for row in rows]
    except (ValueError, KeyError, TypeError):
        raise fault("malformed") from None


def fault_of_transport(error: httpx.HTTPError) -> LlmError:
    """From what httpx raises to a sentence."""
    if isinstance(error, httpx.ConnectTimeout):
        return fault("unreachable")
    if isinstance(error, httpx.TimeoutException):
        return fault("timeout")
    if isinstance(error, (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)):
        return fault("cut")
    if isinstance(error, (httpx.DecodingError, httpx.LocalProtocolError)):
        return fault("malformed")
    return fault("unreachable")


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Made once: reading the certificates takes tens of milliseconds."""
    return httpx.create_ssl_context()


def _client(call: Call, base_url: str, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        headers={"Authorization": f"Bearer {key}"} if key else {},
        timeout=httpx.Timeout(call.timeout_s, connect=min(CONNECT_S, call.timeout_s)),
        verify=tls_context() if base_url.startswith("https:") else False,
        trust_env=not is_local(base_url),
        follow_redirects=False,
    )


async def _raise_for(response: httpx.Response, key: str) -> None:
    if response.status_code != 200:
        text = await _body_of(response)
        raise fault_of_answer(response.status_code, text, key, response.headers.get("retry-after", ""))


async def _body_of(response: httpx.Response) -> str:
    """The body, at most about a megabyte of it."""
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_BODY:
            break
    return body.decode("utf-8", "replace")
