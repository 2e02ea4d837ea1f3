"""Sound heard by other programs, several chunks at once.

pocketsphinx holds Python's lock while it listens: in the program that draws and encodes, everything would stand still.
The programs are this file run as `python -m talking_gaussian.audio.ears NAME`; they end with their standard input.
"""

from __future__ import annotations

import os
import queue
import struct
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from talking_gaussian.audio.features import load_feature
from talking_gaussian.devices import cores

MOST = 4  # a chunk of sound takes a second or less, the video drawn for it no less
_SIZES = struct.Struct("<qq")


class Ears:
    """Hears sound as the feature `name` does, to the bit; a context manager."""

    def __init__(self, name: str, count: int | None = None) -> None:
        """count: how many chunks at once; None: as the computer's cores allow."""
        self.count = count or max(1, min(MOST, cores() // 4))
        self._name, self._closed = name, False
        self._idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        self._programs = [self._begun() for _ in range(self.count)]
        for program in self._programs:
            self._idle.put(program)
        self._pool = ThreadPoolExecutor(self.count, "ears")

    def __enter__(self) -> Ears:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._closed = True
        for program in self._programs:
            program.kill()  # it holds nothing but what it hears
        self._pool.shutdown(cancel_futures=True)
        for program in self._programs:
            program.communicate()

    def hear(self, samples: np.ndarray) -> Future[np.ndarray]:
        """16 kHz mono [n] float32 -> its features, as the feature's `extract`."""
        return self._pool.submit(self._asked, samples)

    def _asked(self, samples: np.ndarray) -> np.ndarray:
        program = self._idle.get()
        try:
            assert program.stdin and program.stdout  # noqa: S101 (pipes were asked for)
            _write(program.stdin, samples[None])
            return _read(program.stdout)
        except (OSError, EOFError):  # it is gone: what ended it is met and told here
            if self._closed:
                raise
            return load_feature(self._name).extract(samples)
        finally:
            self._idle.put(program)

    def _begun(self) -> subprocess.Popen[bytes]:
        package = str(Path(__file__).resolve().parents[2])
        paths = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
        line = [sys.executable, "-m", "talking_gaussian.audio.ears", self._name]
        # a group of its own: Ctrl-C is the drawing program's to answer
        return subprocess.Popen(
            line,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": paths},
            start_new_session=True,
        )


def _write(sink: IO[bytes], rows: np.ndarray) -> None:
    """[m, n] float32: its sizes, then its numbers."""
    sink.write(_SIZES.pack(*rows.shape) + np.ascontiguousarray(rows, np.float32).tobytes())
    sink.flush()


def _read(source: IO[bytes]) -> np.ndarray:
    """What `_write` wrote. Raises EOFError where it ends before."""
    head = source.read(_SIZES.size)
    if len(head) < _SIZES.size:
        raise EOFError
    rows, columns = _SIZES.unpack(head)
    body = source.read(4 * rows * columns)
    if len(body) < 4 * rows * columns:
        raise EOFError
    return np.frombuffer(body, np.float32).reshape(rows, columns)


def serve(name: str) -> None:
    """Hear what comes in until nothing more does."""
    feature = load_feature(name)
    while True:
        try:
            samples = _read(sys.stdin.buffer)
        except EOFError:
            return
        _write(sys.stdout.buffer, feature.extract(samples[0]))


if __name__ == "__main__":
    serve(sys.argv[1])
