"""A video drawn on a card: while it draws a batch, the one before is fetched and the next is laid ready."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

import numpy as np
import warp as wp

from talking_gaussian.avatar import Avatar
from talking_gaussian.profiling import Profile
from talking_gaussian.rendering import warp_output as output
from talking_gaussian.rendering.types import Camera
from talking_gaussian.rendering.warp_backend import WarpRenderer, faults_as_sentences
from talking_gaussian.rendering.warp_head import CardHead
from talking_gaussian.rendering.warp_plates import CardPlates, Sending
from talking_gaussian.video.plate_reader import PlateReader
from talking_gaussian.video.plates import Places, PlateLoop

PLATES_AHEAD = 3  # batches whose plates are decoded before they are drawn
HELD = 3  # batches in the computer's memory: the two that the card is at, and the one being read
FEATURES, PLATES, CARD, ENCODER = "features", "plates", "card", "encoder"  # what may set the pace


@dataclass(frozen=True)
class Drawing:
    """A batch that the card was given: its frames, where they will lie, and the card's word that they do."""

    frames: int
    pictures: Any
    fetched: Any


class CardFilm:
    """An avatar on a card: a whole video from time 0 on, or picture after picture."""

    def __init__(
        self,
        avatar: Avatar,
        card: WarpRenderer,
        loop: PlateLoop,
        camera: Camera,
        sh_degree: int | None = None,
        as_planes: bool = True,
        ahead: int = 0,
        profile: Profile | None = None,
    ) -> None:
        """as_planes: pictures as Y'CbCr 4:2:0 planes (warp_output.as_planes), else as RGB. ahead: finished batches
        that may wait for their reader."""
        (width, height), batch = card.size, card.batch
        self._card, self._loop, self._camera = card, loop, camera
        self._profile = profile or Profile()
        self._head = CardHead(avatar, card, sh_degree)
        self._reader = PlateReader(avatar.folder / "plates.mp4", width)
        self._plates = CardPlates(card, self._reader, loop.count, card.plate_bytes)
        self._kernel = output.as_planes if as_planes else output.as_rgb
        self._grid = (height // 2, width // 2) if as_planes else (height, width)
        shape = (batch, height * 3 // 2, width) if as_planes else (batch, height, width, 3)
        self._made = deque(card.array(shape, wp.uint8) for _ in range(2))
        self._pinned = deque(card.pinned(shape, wp.uint8) for _ in range(ahead + HELD))
        self._copies = wp.Stream(card.device) if card.device.is_cuda else None
        self._events = deque((wp.Event(card.device), wp.Event(card.device)) for _ in range(2)) if self._copies else None

    def batches(self, motion: Iterable[np.ndarray], fps: float) -> Iterator[np.ndarray]:
        """Rows of coefficients [K] -> pictures, up to the card's batch at once: [n, H * 3 / 2, W] uint8 planes or
        [n, H, W, 3] uint8 RGB. Each array is valid until the next but `ahead` was asked for. Raises UserError where the
        card fails or plates cannot be decoded."""
        rows, pace, drawings = iter(motion), self._profile.pace, deque[Drawing]()
        plans = self._plans(fps)
        while True:
            pace.now(FEATURES)
            coefficients = list(islice(rows, self._card.batch))
            if coefficients:
                pace.now(PLATES)
                with faults_as_sentences():
                    drawings.append(self._begin(np.stack(coefficients), *next(plans)))
            pace.now(CARD)
            if drawings and (len(drawings) == 2 or not coefficients):
                with faults_as_sentences():
                    pictures = self._fetched(drawings.popleft())
                pace.now(ENCODER)
                yield pictures
            elif not coefficients:
                break
        pace.now("")

    def one(self, coefficients: np.ndarray, seconds: float) -> np.ndarray:
        """The one picture with coefficients [K] at a time in the plate loop; valid until the next. Not while `batches`
        is being read."""
        places = self._loop.places(np.array([seconds]))
        with faults_as_sentences():
            drawing = self._begin(coefficients[None], places, self._plates.ask(places.plates))
            return self._fetched(drawing)[0]

    def close(self) -> None:
        """Free the decoders, and what the renderer remembers of this film's memory."""
        self._reader.close()
        self._card.launch.forget()

    def _plans(self, fps: float) -> Iterator[tuple[Places, Sending]]:
        """Where each batch's frames stand, worked out ahead, so that plates are decoded while the card draws."""
        ahead, batch = deque[tuple[Places, Sending]](), self._card.batch
        for first in count(0, batch):
            places = self._loop.places(np.arange(first, first + batch) / fps)
            ahead.append((places, self._plates.ask(places.plates)))
            if len(ahead) > PLATES_AHEAD:
                yield ahead.popleft()

    def _begin(self, coefficients: np.ndarray, places: Places, sending: Sending) -> Drawing:
        """Give the card a batch to draw and to bring back."""
        card, frames = self._card, len(coefficients)
        with self._profile.part("plate"):
            self._plates.send(sending)
        self._profile.pace.now(CARD)
        with self._profile.part("motion"):
            if places.expression is not None:
                coefficients = coefficients + places.expression[:frames]
            self._head.put_all(coefficients, places.poses[:frames], self._camera, sending.slots[:frames])
        canvas = card.canvas(self._camera, frames, self._head.pose)
        made = self._made[0]
        self._made.rotate()
        with card.clock.part("composite"):
            arguments = [canvas, self._plates.there, self._head.frames.plates_there, made]
            card.launch(self._kernel, (frames, *self._grid), arguments)
        return self._fetch(made, frames)

    def _fetch(self, made: Any, frames: int) -> Drawing:
        """Have finished pictures copied beside the drawing of the next."""
        pictures, fetched = self._pinned[0], None
        self._pinned.rotate()
        if self._events and self._copies:
            drawn, fetched = self._events[0]
            self._events.rotate()
            self._card.device.stream.record_event(drawn)
            self._copies.wait_event(drawn)
        with self._card.clock.part("copy", self._copies):
            wp.copy(pictures, made, count=frames * made.strides[0], stream=self._copies)
        if self._copies:
            self._copies.record_event(fetched)
        return Drawing(frames, pictures, fetched)

    def _fetched(self, drawing: Drawing) -> np.ndarray:
        if drawing.fetched:
            wp.synchronize_event(drawing.fetched)
        self._card.clock.read()
        pictures: np.ndarray = drawing.pictures.numpy()[: drawing.frames]
        return pictures
