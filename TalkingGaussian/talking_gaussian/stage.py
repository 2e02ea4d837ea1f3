"""An avatar set up to be drawn: head, plates and renderer at one picture size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from talking_gaussian.avatar import Avatar
from talking_gaussian.head import Head
from talking_gaussian.profiling import Profile
from talking_gaussian.rendering import Camera
from talking_gaussian.rendering.numba_backend import NumbaRenderer
from talking_gaussian.video.plates import PlateLoop

if TYPE_CHECKING:
    from talking_gaussian.rendering.warp_backend import WarpRenderer
    from talking_gaussian.rendering.warp_film import CardFilm


class Stage:
    """An avatar with its plates and renderer, set up for one picture size."""

    def __init__(
        self,
        avatar: Avatar,
        size: int,
        sh_degree: int | None = None,
        card: WarpRenderer | None = None,
        profile: Profile | None = None,
    ) -> None:
        """size: side of the picture, px. card: draws (for this size and avatar) instead of the CPU. profile: takes the
        time of the parts."""
        self.size = size
        self._profile = profile or Profile()
        self._head = Head(avatar, sh_degree)
        self._plates = PlateLoop(avatar, size)
        self._renderer = NumbaRenderer((size, size), profile=self._profile)
        self._avatar, self._sh_degree, self._card = avatar, sh_degree, card
        self._camera = Camera(avatar.viewmat, avatar.K).resized(size / avatar.size)
        self._films: list[CardFilm] = []
        self._frame = np.empty((size, size, 3), np.uint8)

    def draw(self, coefficients: np.ndarray, seconds: float) -> np.ndarray:
        """The picture [size, size, 3] uint8 at a time in the plate loop (valid until the next call). The loop's own
        expression is added to the coefficients [K]."""
        if self._card:
            return self._single.one(coefficients, seconds)
        with self._profile.part("plate"):
            plate, pose, expression = self._plates.at(seconds)
        with self._profile.part("motion"):
            whole = coefficients if expression is None else coefficients + expression
            splats = self._head.pose(whole, pose, self._camera)
        self._renderer.render_over(splats, self._camera, plate, self._frame)
        return self._frame

    def frames(self, motion: Iterable[np.ndarray], fps: float) -> Iterator[np.ndarray]:
        """The pictures of a whole video, [size, size, 3] uint8, one for each row of coefficients; a card draws as many
        at once as fit on it. Each is valid until the next on the CPU; those of a card are the caller's."""
        if self._card is None:
            for index, coefficients in enumerate(motion):
                yield self.draw(coefficients, index / fps)
            return
        for pictures in self._film(self._card, False, ahead=0).batches(motion, fps):
            yield from pictures.copy()

    @property
    def has_card(self) -> bool:
        """Whether a card draws."""
        return self._card is not None

    def planes(self, motion: Iterable[np.ndarray], fps: float, ahead: int = 0) -> Iterator[np.ndarray]:
        """The pictures of a whole video as a card makes them for the encoder: [n, size * 3 / 2, size] uint8 at once,
        each valid until the next but `ahead` was asked for. Raises ValueError where no card was given."""
        if self._card is None:
            raise ValueError("planes are drawn by a card")
        return self._film(self._card, True, ahead).batches(motion, fps)

    @cached_property
    def _single(self) -> CardFilm:
        assert self._card  # noqa: S101 (asked for only where a card draws)
        return self._film(self._card, False, ahead=0)

    def _film(self, card: WarpRenderer, as_planes: bool, ahead: int) -> CardFilm:
        from talking_gaussian.rendering.warp_film import CardFilm

        place = (self._plates, self._camera, self._sh_degree)
        made = CardFilm(self._avatar, card, *place, as_planes=as_planes, ahead=ahead, profile=self._profile)
        self._films.append(made)
        return made

    def close(self) -> None:
        """Free the plate decoders."""
        self._plates.close()
        for film in self._films:
            film.close()
