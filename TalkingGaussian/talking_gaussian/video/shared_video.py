"""An all-intra video that several threads read at once."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np

from talking_gaussian.errors import UserError
from talking_gaussian.video.intra import IntraVideo


class SharedVideo:
    """Frames by number, as IntraVideo's: every thread that reads has the file open for itself, and they share what was
    decoded."""

    def __init__(self, path: Path, size: int, fault: Callable[[Path], UserError], cache_bytes: int = 0) -> None:
        """size, fault: as IntraVideo's. cache_bytes: of decoded frames that are kept."""
        self._path, self._size, self._fault = path, size, fault
        self._idle: queue.LifoQueue[IntraVideo] = queue.LifoQueue()
        self._opened: list[IntraVideo] = []
        self.frame = lru_cache(cache_bytes // (size * size * 3))(self._decoded)
        """frame(index): [size, size, 3] uint8; not to be written to. Raises `fault` where it cannot be decoded."""

    @contextmanager
    def opened(self) -> Iterator[IntraVideo]:
        """The file for one thread, until it leaves the context."""
        try:
            video = self._idle.get_nowait()
        except queue.Empty:
            video = self._another()
        try:
            yield video
        finally:
            self._idle.put(video)

    def close(self) -> None:
        """Free the decoders, which nobody uses any more."""
        for video in self._opened:
            video.close()

    def _another(self) -> IntraVideo:
        video = IntraVideo(self._path, self._size, self._fault, cache_bytes=0)
        self._opened.append(video)
        return video

    def _decoded(self, index: int) -> np.ndarray:
        with self.opened() as video:
            return video.frame(index)
