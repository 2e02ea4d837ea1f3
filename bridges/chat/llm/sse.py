"""Server-sent events with chat.completion.chunk objects: what comes of their lines."""

from __future__ import annotations

import json
from typing import Any

from bridges.chat.llm.faults import fault, fault_in_stream, fault_of_finish


class ChunkReader:
    """One stream's lines to pieces of text; ended: whether it came to its end; seen: whether any chunk came."""

    def __init__(self, key: str = "") -> None:
        self._key = key
        self.ended = self.seen = False

    def piece_of(self, line: str) -> str | None:
        """The text of one line: "" for a sign of life, None for what is no data. Raises LlmError."""
        if line.startswith(":"):
            return ""
        if not line.startswith("data:"):
            # a whole error, or a page of some other server, instead of a stream
            if line.lstrip()[:1] in ("{", "<"):
                raise self._fault_of(line)
            return None
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            self.ended = True
            return None
        return self._text_in(self._object_in(data))

    def _text_in(self, chunk: dict[str, Any]) -> str:
        self.seen = True
        if chunk.get("error"):
            raise fault_in_stream(chunk["error"], self._key)
        choices = chunk.get("choices")
        if not choices:  # the count of tokens comes without a choice
            return ""
        choice = choices[0] if isinstance(choices, list) else None
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(delta, (dict, type(None))):
            raise fault("malformed")
        return self.finished(str(delta.get("content") or "") if delta else "", choice.get("finish_reason"))

    def finished(self, text: str, reason: str | None) -> str:
        """The text of a chunk, after a look at its finish_reason. Raises LlmError where that is a fault."""
        if reason:
            self.ended = True
            if wrong := fault_of_finish(reason):
                raise wrong
        return text

    @staticmethod
    def _object_in(data: str) -> dict[str, Any]:
        try:
            chunk = json.loads(data)
        except ValueError:
            raise fault("malformed") from None
        if not isinstance(chunk, dict):
            raise fault("malformed")
        return chunk

    def _fault_of(self, line: str) -> Exception:
        try:
            body = json.loads(line)
        except ValueError:
            return fault("malformed")
        told = isinstance(body, dict) and body.get("error")
        return fault_in_stream(told, self._key) if told else fault("malformed")
