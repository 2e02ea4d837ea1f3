"""Plates decoded by several threads, before they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from talking_gaussian.devices import cores
from talking_gaussian.video.plates import damaged
from talking_gaussian.video.shared_video import SharedVideo

MOST_THREADS = 12  # the encoder wants cores too
IN_ONE_GO = 4  # plates that one thread decodes one after another: going to another place in the file takes time


class PlateReader:
    """Decodes plates of one file."""

    def __init__(self, path: Path, size: int, threads: int | None = None) -> None:
        """size: side of the plates handed out, px. threads: None, most of the computer's."""
        count = threads or min(MOST_THREADS, max(1, cores() * 3 // 4))
        self._video = SharedVideo(path, size, damaged)
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
        self._video.close()

    def _decode(self, plates: Sequence[int]) -> list[np.ndarray]:
        with self._video.opened() as video:
            read = {plate: video.frame(plate) for plate in sorted(plates)}  # forwards, also where the loop runs back
            return [read[plate] for plate in plates]
