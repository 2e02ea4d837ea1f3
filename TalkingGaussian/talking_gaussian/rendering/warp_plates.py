"""Plates in the card's memory, so that a frame names its plate instead of bringing it."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import warp as wp

if TYPE_CHECKING:
    from talking_gaussian.rendering.warp_backend import WarpRenderer
    from talking_gaussian.video.plate_reader import PlateReader


class PlateRoom:
    """Which plate lies in which slot: the first plates stay for good; those that found no room pass through slots of
    their own, each time they are needed."""

    def __init__(self, slots: int, plates: int, batch: int) -> None:
        """slots: room for so many plates. plates: how many there are. batch: most frames at once."""
        passing = 0 if slots >= plates else 2 * batch  # the card may still read a batch's plates while the next come
        self._stay = max(0, min(slots - passing, plates))
        self.slots = self._stay + passing
        self._batch, self._turn = batch, 0
        self._kept: dict[int, int] = {}

    def place(self, plates: np.ndarray) -> tuple[np.ndarray, dict[int, int]]:
        """The plates of a batch's frames [n] -> the slot of each [n], and where to send those that are not there."""
        self._turn = 1 - self._turn
        first = free = self._stay + self._turn * self._batch
        sent: dict[int, int] = {}
        for plate in dict.fromkeys(plates.tolist()):
            if plate in self._kept:
                continue
            if len(self._kept) < self._stay:
                sent[plate] = self._kept[plate] = len(self._kept)
            else:
                sent[plate] = free
                free += 1
        assert free - first <= self._batch  # noqa: S101 (a batch has no more frames than that)
        return np.array([sent.get(plate, self._kept.get(plate)) for plate in plates.tolist()], np.int32), sent


@dataclass(frozen=True)
class Sending:
    """What a batch needs of plates: the slot of each frame's plate [n]; slots to fill first, and with what."""

    slots: np.ndarray
    there: list[int]
    pieces: list[Future[list[np.ndarray]]]


class CardPlates:
    """An avatar's plates on the card: each is decoded and sent once where there is room for all."""

    def __init__(self, renderer: WarpRenderer, reader: PlateReader, plates: int, room_bytes: int) -> None:
        """plates: how many there are. room_bytes: what those that stay may take of the card's memory."""
        width, height = renderer.size
        self._reader, self._bytes = reader, 3 * width * height
        self._room = PlateRoom(room_bytes // self._bytes + 2 * renderer.batch, plates, renderer.batch)
        self.there = renderer.array((self._room.slots, height, width, 3), wp.uint8)
        self._halves = [renderer.pinned((renderer.batch, height, width, 3), wp.uint8) for _ in range(2)]

    def ask(self, plates: np.ndarray) -> Sending:
        """Find a place for the plates of a batch's frames [n], and begin to decode those that are not there."""
        slots, sent = self._room.place(plates)
        return Sending(slots, list(sent.values()), self._reader.ask(list(sent)))

    def send(self, sending: Sending) -> None:
        """Send what is to be sent, waiting for its decoding; batches in the order in which they were asked for. The
        card must be done with the batch before the last."""
        self._halves.reverse()
        half: Any = self._halves[0]
        plates = (plate for piece in sending.pieces for plate in piece.result())
        for place, (slot, plate) in enumerate(zip(sending.there, plates, strict=True)):
            half.numpy()[place] = plate
            wp.copy(self.there, half, slot * self._bytes, place * self._bytes, self._bytes)
