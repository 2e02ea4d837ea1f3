"""An engine that stays loaded, spoken to over its pipes: JSON lines in, JSON lines out, many conversations at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from itertools import count
from typing import Any

from bridges import paths
from bridges.errors import RequestError

LONGEST_LINE = 64 * 1024 * 1024
END_WAIT_S = 2.0


class PipeWorker:
    """A script that serves. It is started by the first request, and again by the next one after it ended by itself
    (nobody asked for a while) or crashed. To be used on one event loop."""

    def __init__(self, command: Sequence[str], ended: RequestError) -> None:
        """command: the script and its options. ended: what is raised when it ends in the middle of an answer."""
        self._command, self._ended = list(command), ended
        self._process: Process | None = None
        self._starting = asyncio.Lock()
        self._names = count(1)
        self._conversations: dict[str, Conversation] = {}
        self._reading: asyncio.Task[None] | None = None
        self._first: asyncio.Future[dict[str, Any]] | None = None
        self.ready: dict[str, Any] = {}

    @property
    def pid(self) -> int | None:
        """Of the process, where it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> dict[str, Any]:
        """Load now, or find it loaded; its "ready" answer. Raises RequestError."""
        async with self._starting:
            if self.pid is None or self._reading is None or self._reading.done():
                await self.close()
                await self._launch()
            return self.ready

    async def converse(self) -> Conversation:
        """A new exchange of requests and answers under a name of its own. Raises RequestError."""
        await self.start()
        name = f"{next(self._names)}"
        self._conversations[name] = conversation = Conversation(self, name)
        return conversation

    async def close(self) -> None:
        """End it, and everything it started."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), END_WAIT_S)
        except asyncio.TimeoutError:
            with contextlib.suppress(ProcessLookupError):  # it ended just now
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if self._reading:
            await self._reading

    async def send(self, request: dict[str, Any]) -> None:
        """One line to the worker; one that is not there hears nothing (its conversations were told)."""
        process = self._process
        if process is None or process.stdin is None or process.returncode is not None:
            return
        process.stdin.write(json.dumps(request).encode() + b"\n")
        with contextlib.suppress(ConnectionError):  # it has just ended; its conversations will be told
            await process.stdin.drain()

    def forget(self, name: str) -> None:
        """A conversation is over."""
        self._conversations.pop(name, None)

    async def _launch(self) -> None:
        environment = {**os.environ, "TFG_HOME": str(paths.home())}
        environment["TFG_JOB_DIR"] = "-"  # so that it says its faults in both languages
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment,
            start_new_session=True,
            limit=LONGEST_LINE,
        )
        self._first = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read(self._process))
        self.ready = await asyncio.shield(self._first)

    async def _read(self, process: Process) -> None:
        """Hand the answers out until the process ends; then everybody who waits is told why."""
        assert process.stdout and process.stderr  # noqa: S101 (they are pipes; tells the type checker)
        faults = asyncio.create_task(_faults(process.stderr))
        async for line in process.stdout:
            self._hand_out(json.loads(line))
        reason = await faults or self._ended
        await process.wait()
        for conversation in list(self._conversations.values()):
            conversation.put(_again(reason))
        if self._first and not self._first.done():
            self._first.set_exception(_again(reason))

    def _hand_out(self, answer: dict[str, Any]) -> None:
        if answer.get("event") == "ready" and self._first and not self._first.done():
            self._first.set_result(answer)
        conversation = self._conversations.get(str(answer.get("id")))
        if conversation:
            conversation.put(answer)


class Conversation:
    """Requests and answers under one name. Leave it with `close` (or `async with`): what is not over is taken back."""

    def __init__(self, worker: PipeWorker, name: str) -> None:
        self._worker, self._name = worker, name
        self._answers: asyncio.Queue[dict[str, Any] | RequestError] = asyncio.Queue()
        self._over = False

    async def __aenter__(self) -> Conversation:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(self, **request: Any) -> None:
        """One request."""
        await self._worker.send({"id": self._name, **request})

    async def answer(self) -> dict[str, Any]:
        """The next answer. Raises RequestError: the worker's own refusal, or that it ended."""
        answer = await self._answers.get()
        if isinstance(answer, RequestError):
            self._over = True
            raise answer
        self._over = answer["event"] in ("done", "error", "cancelled")
        if answer["event"] == "error":
            raise RequestError(answer["code"], answer["en"], answer["zh"])
        return answer

    def put(self, answer: dict[str, Any] | RequestError) -> None:
        """From the worker."""
        self._answers.put_nowait(answer)

    async def close(self) -> None:
        """Take back what is not over."""
        self._worker.forget(self._name)
        if not self._over:
            self._over = True
            await self._worker.send({"cancel": self._name})


def _again(error: RequestError) -> RequestError:
    """The same fault for one more reader: an exception keeps where it was raised."""
    return RequestError(error.code, error.failure.en, error.failure.zh)


async def _faults(stderr: asyncio.StreamReader) -> RequestError | None:
    """Read a worker's stderr to its end; the last fault it named."""
    fault = None
    async for line in stderr:
        if line.startswith(b"@error "):
            said = json.loads(line.removeprefix(b"@error "))
            fault = RequestError(said["code"], said["en"], said["zh"])
    return fault
