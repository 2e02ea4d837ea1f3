"""An all-intra video that several threads read at once."""

from __future__ import annotations

import queue
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

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
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()
        self._most, self._turn = cache_bytes // (size * size * 3), Lock()

    @property
    def count(self) -> int:
        """How many frames there are. Raises `fault` for a file that cannot be read."""
        with self.opened() as video:
            return video.count

    def frame(self, index: int) -> np.ndarray:
        """Frame `index` as [size, size, 3] uint8; not to be written to. Raises `fault` where it cannot be decoded."""
        with self._turn:
            if index in self._kept:
                self._kept.move_to_end(index)
                return self._kept[index]
        with self.opened() as video:
            picture = video.frame(index)
        with self._turn:
            self._kept[index] = picture
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return picture

    @contextmanager
    def opened(self) -> Iterator[IntraVideo]:
        """The file for one thread, until it leaves the context."""
        try:
            video = self._idle.get_nowait()
        except queue.Empty:
            video = IntraVideo(self._path, self._size, self._fault)
            self._opened.append(video)
        try:
            yield video
        finally:
            self._idle.put(video)

    def close(self) -> None:
        """Free the decoders, which nobody uses any more."""
        for video in self._opened:
            video.close()
