"""Plates decoded by several threads, before they are needed."""

from __future__ import annotations

import queue
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from talking_gaussian.devices import cores
from talking_gaussian.video.intra import IntraVideo
from talking_gaussian.video.plates import damaged

MOST_THREADS = 12  # the encoder wants cores too
IN_ONE_GO = 4  # plates that one thread decodes one after another: going to another place in the file takes time


class PlateReader:
    """Decodes plates of one file; every thread has the file open for itself."""

    def __init__(self, path: Path, size: int, threads: int | None = None) -> None:
        """size: side of the plates handed out, px. threads: None, most of the computer's."""
        count = threads or min(MOST_THREADS, max(1, cores() * 3 // 4))
        self._path, self._size = path, size
        self._idle: queue.SimpleQueue[IntraVideo] = queue.SimpleQueue()
        self._opened: list[IntraVideo] = []
        self._pool = ThreadPoolExecutor(count, "plates")

    def ask(self, plates: Sequence[int]) -> list[Future[list[np.ndarray]]]:
        """Begin to decode plates (numbers in the file) -> pieces of them in that order, [size, size, 3] uint8 each.
        A piece raises UserError for a file that cannot be decoded."""
        return [
            self._pool.submit(self._decode, plates[first : first + IN_ONE_GO])
            for first in range(0, len(plates), IN_ONE_GO)
        ]

    def close(self) -> None:
        """Drop what was asked and not begun, and free the decoders."""
        self._pool.shutdown(cancel_futures=True)
        for video in self._opened:
            video.close()

    def _decode(self, plates: Sequence[int]) -> list[np.ndarray]:
        video = self._taken()
        try:
            read = {plate: video.frame(plate) for plate in sorted(plates)}  # forwards, also where the loop runs back
            return [read[plate] for plate in plates]
        finally:
            self._idle.put(video)

    def _taken(self) -> IntraVideo:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            video = IntraVideo(self._path, self._size, damaged, cache_bytes=0)
            self._opened.append(video)
            return video
