"""Language models that answer in a chat: GLM, any OpenAI-compatible server, and an embedded one for offline use."""

from __future__ import annotations

from bridges.chat.llm.faults import LlmError
from bridges.chat.llm.reply import list_models, providers, stream_reply, warm
from bridges.chat.llm.settings import LlmSettings, Message, ProviderInfo

__all__ = ["LlmError", "LlmSettings", "Message", "ProviderInfo", "list_models", "providers", "stream_reply", "warm"]
