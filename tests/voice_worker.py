"""A client of `run_cosyvoice.sh serve` for tests: one request at a time, all its answers."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

PROJECT = Path(__file__).resolve().parents[1]
SCRIPT = PROJECT / "CosyVoice" / "run_cosyvoice.sh"


class Worker:
    """The script, serving; what it says on stderr goes to a file."""

    def __init__(self, log: Path, *options: str, home: Path = PROJECT) -> None:
        self.log = log
        command = ["bash", str(SCRIPT), "serve", *options]
        environment = {**os.environ, "TFG_HOME": str(home)}
        with log.open("wb") as sink:
            pipe = subprocess.PIPE
            self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=sink, env=environment)

    def read(self) -> dict[str, Any]:
        """The next answer."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, f"the worker ended:\n{self.log.read_text()[-3000:]}"
        return json.loads(line)

    def send(self, **request: Any) -> None:
        """One line to it."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, **request: Any) -> list[dict[str, Any]]:
        """All answers to a request."""
        self.send(id="a", **request)
        answers = [self.read()]
        while answers[-1]["event"] == "audio":
            answers.append(self.read())
        return answers

    def sound(self, **request: Any) -> np.ndarray:
        """The samples of a request that succeeds, as int16."""
        *audio, last = self.ask(**request)
        assert last["event"] == "done", last
        return np.concatenate([np.frombuffer(base64.b64decode(part["pcm"]), "<i2") for part in audio])

    def refusal(self, **request: Any) -> str:
        """The code of a request that is refused, in both languages."""
        *audio, last = self.ask(**request)
        assert not audio
        assert last["event"] == "error", last
        assert last["en"] and any("\u4e00" <= character <= "\u9fff" for character in last["zh"])
        assert "Traceback" not in last["en"]
        return last["code"]

    def close(self) -> int:
        """End it; its exit code."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(30)
