"""Talking to a speaker program (piper_program.py, espeak_program.py) over its pipes; restarted where it died."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent


class Speaker:
    """One program, started at first use and kept."""

    def __init__(self, program: str, *arguments: str) -> None:
        self._command = [sys.executable, str(HERE / program), *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    def speak(self, **asked: Any) -> tuple[np.ndarray, int]:
        """(float32 mono samples [n], Hz). A program that died is started once more. Raises RuntimeError after that."""
        for _ in range(2):
            try:
                return self._ask(asked)
            except (BrokenPipeError, EOFError):
                self.close()
        raise RuntimeError(f"{Path(self._command[1]).name} ended without an answer; its words stand above")

    def _ask(self, asked: dict[str, Any]) -> tuple[np.ndarray, int]:
        if self._process is None or self._process.poll() is not None:
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe)
        given, answer = self._process.stdin, self._process.stdout
        assert given is not None and answer is not None  # noqa: S101 (both are pipes; tells the type checker)
        given.write(json.dumps(asked).encode() + b"\n")
        given.flush()
        line = answer.readline()
        if not line:
            raise EOFError
        head = json.loads(line)
        data = answer.read(2 * head["samples"])
        if len(data) < 2 * head["samples"]:
            raise EOFError
        return np.frombuffer(data, "<i2").astype(np.float32) / 32768, int(head["rate"])

    def close(self) -> None:
        """End the program."""
        if self._process is None:
            return
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._process = None
