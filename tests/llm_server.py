"""A language model's server on this machine: OpenAI's and GLM's streaming protocol, at a set speed, with faults.

with LlmServer(reply=lambda messages: "Hello there.", tokens_per_s=30) as server: … server.base_url …
"""

from __future__ import annotations

import json
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = Callable[[list[dict[str, str]]], str]


def echo(messages: list[dict[str, str]]) -> str:
    """The answer unless another is set: the last message said back."""
    return f"You said: {messages[-1]['content']}"


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request, instead of or within its answer.

    status, body, headers: a refusal; after: how many tokens come before the rest of these; hang: then silence; cut:
    then the connection ends; lines: then these instead of chunks; finish: the finish_reason (None: no end at all).
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    after: int = 0
    hang: bool = False
    cut: bool = False
    lines: tuple[str, ...] = ()
    finish: str | None = "stop"


def refusal(status: int, code: str = "", message: str = "no", **headers: str) -> Fault:
    """A refusal with a body as GLM and OpenAI write it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(status, {"error": {"code": code, "message": message}}, named)


class LlmServer:
    """Context manager. reply: the answer's text from the messages; tokens_per_s: of a stream; key: demanded ("":
    any); faults: one a request, in order (None: no fault), then none; models: what /models tells.

    requests: bodies as they came; left: set when a client broke an answer off; running: answers under way.
    """

    def __init__(
        self,
        reply: Reply = echo,
        tokens_per_s: float = 30.0,
        key: str = "",
        faults: list[Fault | None] | None = None,
        models: tuple[str, ...] = ("tiny-model", "other-model"),
    ) -> None:
        self.reply, self.tokens_per_s, self.key, self.models = reply, tokens_per_s, key, models
        self.faults: list[Fault | None] = list(faults or [])
        self.requests: list[dict[str, Any]] = []
        self.authorizations: list[str] = []
        self.left = threading.Event()
        self.asked = threading.Event()
        self.closing = threading.Event()
        self.running = 0

    @property
    def base_url(self) -> str:
        """What a client is given."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v4"

    def __enter__(self) -> LlmServer:
        handler = type("Handler", (_Handler,), {"llm": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _ClientLeftError(Exception):
    pass


class _Handler(BaseHTTPRequestHandler):
    llm: LlmServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""

    def do_GET(self) -> None:
        """/models."""
        if not self.path.endswith("/models"):
            self._answer(404, {"error": {"message": "no such page"}})
            return
        rows = [{"id": name, "object": "model"} for name in self.llm.models]
        self._answer(200, {"object": "list", "data": rows})

    def do_POST(self) -> None:
        """/chat/completions."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        llm = self.llm
        llm.requests.append(body)
        llm.authorizations.append(self.headers.get("Authorization", ""))
        llm.asked.set()
        fault = (llm.faults.pop(0) if llm.faults else None) or Fault()
        if llm.key and self.headers.get("Authorization") != f"Bearer {llm.key}":
            fault = refusal(401, "1002", "Authorization Token非法")
        if not self.path.endswith("/chat/completions"):
            fault = Fault(404, {"error": {"message": "no such page"}})
        if fault.status != 200:
            self._answer(fault.status, fault.body, fault.headers)
            return
        llm.running += 1
        try:
            self._stream(llm.reply(body["messages"]), fault)
        except (_ClientLeftError, ConnectionError):
            llm.left.set()
        finally:
            llm.running -= 1

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(data)), "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = True

    def _stream(self, text: str, fault: Fault) -> None:
        self.close_connection = True
        if fault.hang and not fault.after:  # not even headers
            self._wait(3600)
            return
        self.send_response(200)
        for name, value in {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}.items():
            self.send_header(name, value)
        self.end_headers()
        broken = fault.hang or fault.cut or fault.lines or fault.finish != "stop"
        tokens = list(tokens_of(text))
        for token in tokens[: fault.after] if broken else tokens:
            self._wait(1 / self.llm.tokens_per_s)
            self._chunk({"role": "assistant", "content": token}, None)
        if fault.hang:
            self._wait(3600)
        for line in fault.lines:
            self._write(f"{line}\n\n")
        if fault.cut:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if not fault.lines and fault.finish:
            self._chunk({"role": "assistant", "content": ""}, fault.finish)
            self._write("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, delta: dict[str, str], finish: str | None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {"id": "1", "created": 1, "model": "tiny-model", "choices": [choice]}
        self._write(f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n")

    def _write(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _wait(self, seconds: float) -> None:
        """Raise _ClientLeftError as soon as the client is gone, or the server closes."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self.llm.closing.is_set():
            readable, _, _ = select.select([self.connection], [], [], min(left, 0.1))
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                raise _ClientLeftError
        if self.llm.closing.is_set():
            raise _ClientLeftError


def tokens_of(text: str) -> Iterator[str]:
    """Pieces about as long as a model's tokens; together they are the text."""
    return (match[0] for match in re.finditer(r"\s*[\u3400-\u9fff]|\s*[^\s\u3400-\u9fff]{1,5}|\s+", text))
