"""Rendered frames with known motion (the bundled presenter's data set).

A folder holds `frames/NNNNN.png` (RGBA, the person over nothing), `torso.png` (RGBA, what does not move with the
head), `background.png`, `init.npz` (a first cloud of points with their motion) and `frames.npz` (coefficients, head
poses, camera, held-out flags).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from talking_gaussian.errors import UserError
from talking_gaussian.rendering import Camera
from talking_gaussian.training.pictures import over, read_picture
from talking_gaussian.training.views import Glimpse, View

INIT_ARRAYS = ("means", "normals", "tangents", "extents", "colors", "basis", "head_weight", "part")
FRAME_ARRAYS = ("coeffs", "head", "units", "viewmat", "K", "is_test")
MOUTH_PARTS = ("teeth_upper", "teeth_lower", "tongue", "mouth_inside")
MOUTH_MARGIN_PX = 14
MOUTH_WEIGHT = 4.0  # how much more a pixel of the mouth counts than another
CACHE_FRAMES = 600


@dataclass(frozen=True)
class RenderedSet:
    """A TrainingSet (see views.py) whose pictures are read on demand."""

    folder: Path
    init: dict[str, np.ndarray]
    part_names: tuple[str, ...]
    coeffs: np.ndarray
    head: np.ndarray
    units: tuple[str, ...]
    camera: Camera
    is_test: np.ndarray
    torso: np.ndarray
    _kept: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Side of the pictures, px."""
        return self.torso.shape[0]

    def frame(self, number: int) -> np.ndarray:
        """Frame `number` as [H, W, 4] uint8 RGBA, straight alpha."""
        if number not in self._kept:
            if len(self._kept) >= CACHE_FRAMES:
                self._kept.pop(next(iter(self._kept)))
            self._kept[number] = read_picture(self.folder / "frames" / f"{number:05d}.png")
        return self._kept[number]

    def numbers(self, held_out: bool) -> np.ndarray:
        """Which frames train (or, held out, test)."""
        return np.flatnonzero(self.is_test == held_out)

    def view(self, glimpse: Glimpse) -> View:
        """The frame over a plain backdrop: what is see-through shows as wrong."""
        return self._over(glimpse)

    def shown(self, number: int) -> View:
        """The frame over gray."""
        return self._over(Glimpse(number, np.full(3, 0.5, np.float32), self.coeffs[number]))

    def mouth_box(self, number: int) -> tuple[slice, slice]:
        """Rows and columns around the inner mouth's points, as the frame's motion places them."""
        numbers = [index for index, name in enumerate(self.part_names) if name in MOUTH_PARTS]
        inside = np.isin(self.init["part"], numbers)
        if not inside.any():
            return slice(0, self.size), slice(0, self.size)
        basis = self.init["basis"][:, inside].astype(np.float32)
        points = self.init["means"][inside] + np.tensordot(self.coeffs[number], basis, 1)
        places = self.camera.project(points @ self.head[number, :3, :3].T + self.head[number, :3, 3])
        low = np.clip(places.min(0) - MOUTH_MARGIN_PX, 0, self.size - 1).astype(int)
        high = np.clip(places.max(0) + MOUTH_MARGIN_PX, 1, self.size).astype(int)
        return slice(low[1], high[1]), slice(low[0], high[0])

    def _over(self, glimpse: Glimpse) -> View:
        number, backdrop, coefficients = glimpse
        weight = torch.ones(self.size, self.size)
        weight[self.mouth_box(number)] = MOUTH_WEIGHT
        return View(
            number=number,
            coefficients=torch.from_numpy(coefficients),
            head=torch.from_numpy(self.head[number]),
            real=torch.from_numpy(over(self.frame(number), backdrop)),
            plate=torch.from_numpy(over(self.torso, backdrop)),
            weight=weight,
            camera=self.camera,
        )


def load_rendered_set(folder: Path) -> RenderedSet:
    """Read a dataset folder; raises UserError when a part of it is missing."""
    for name in ("init.npz", "frames.npz", "torso.png", "frames/00000.png"):
        if not (folder / name).is_file():
            raise UserError(
                "bad_dataset",
                f"The dataset cannot be used: {name} is missing in {folder.name}. Render it again.",
                f"无法使用该数据集:{folder.name} 中缺少 {name}。请重新渲染。",
            )
    with np.load(folder / "init.npz", allow_pickle=False) as file:
        init = {name: file[name] for name in INIT_ARRAYS}
        part_names = tuple(str(name) for name in file["part_names"])
    with np.load(folder / "frames.npz", allow_pickle=False) as file:
        frames = {name: file[name] for name in FRAME_ARRAYS}
    return RenderedSet(
        folder=folder,
        init=init,
        part_names=part_names,
        coeffs=frames["coeffs"].astype(np.float32),
        head=frames["head"].astype(np.float32),
        units=tuple(str(unit) for unit in frames["units"]),
        camera=Camera(frames["viewmat"].astype(np.float32), frames["K"].astype(np.float32)),
        is_test=frames["is_test"].astype(bool),
        torso=read_picture(folder / "torso.png"),
    )
