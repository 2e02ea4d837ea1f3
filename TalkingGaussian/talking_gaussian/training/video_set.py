"""A person's video as training sees it: what data_utils/process.py wrote, frames decoded when they are asked for."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from data_utils.dataset import FIT, FRAMES, HEAD, LANDMARKS, MASKS, META, MOUTH, PLATES, SOUND
from face_tracking.points import INNER_LIPS, LEFT_EYE, MOUTH20, NOSE_TIP, OUTER_LIPS, RIGHT_EYE

from talking_gaussian.errors import UserError
from talking_gaussian.rendering import Camera
from talking_gaussian.training.init_cloud import PARTS, Face, first_cloud, placed
from talking_gaussian.training.views import PLATE_HIDDEN, REAL_HIDDEN, Glimpse, Layers, View, view_of_layers
from talking_gaussian.video.shared_video import SharedVideo

CACHE_BYTES = 250_000_000  # of decoded frames, for each of the three videos
MARGIN_PX = 12  # what is drawn reaches this far beyond the head
MOUTH_MARGIN_PX = 8
SURE = 4  # pixels this far inside the head's mask are surely not see-through
LIP_WEIGHT, EYE_WEIGHT = 4, 2  # how much more a pixel there counts


class VideoSet:
    """A TrainingSet (see views.py), for several threads at once. branch: `mouth` shows the inside of the mouth alone,
    `face` all but that, `fuse` everything. The last `held_out` of the frames never train."""

    def __init__(self, folder: Path, held_out: float = 0.0, branch: str = "fuse") -> None:
        """Raises UserError for a folder that preprocessing has not finished."""
        self.folder, self.branch = folder, branch
        self._made_of = (folder, held_out, branch)
        meta = read_meta(folder)
        self.size: int = meta["source"]["size"]
        with np.load(folder / FIT, allow_pickle=False) as fit:
            self.face = Face(fit["neutral"], fit["basis"], tuple(str(unit) for unit in fit["units"]))
            self.coeffs = fit["coefficients"].astype(np.float32)
            poses, usable = fit["poses"], fit["usable"]
            K = fit["K"].astype(np.float32)
        with np.load(folder / LANDMARKS, allow_pickle=False) as file:
            self.landmarks = file["points"]
        viewmat = mean_pose(poses)
        self.camera = Camera(viewmat.astype(np.float32), K)
        self.head = (np.linalg.inv(viewmat) @ poses).astype(np.float32)
        self.units, self.part_names = self.face.units, PARTS
        self._usable = usable
        self._first_held_out = round(len(poses) * (1 - held_out))
        self._frames = SharedVideo(folder / FRAMES, self.size, damaged, CACHE_BYTES)
        self._plates = SharedVideo(folder / PLATES, self.size, damaged, CACHE_BYTES)
        self._masks = SharedVideo(folder / MASKS, self.size, damaged, CACHE_BYTES)

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process opens the files for itself."""
        return VideoSet, self._made_of

    @property
    def sound(self) -> Path:
        """The 16 kHz sound that belongs to the frames."""
        return self.folder / SOUND

    @cached_property
    def init(self) -> dict[str, np.ndarray]:
        """The first cloud of Gaussians."""
        numbers = self.numbers(held_out=False)
        return first_cloud(self.face, self.camera, self.head, self.coeffs, numbers, self.look, self.size)

    @property
    def held_out(self) -> slice:
        """The frames that never train, whether usable or not."""
        return slice(self._first_held_out, len(self.coeffs))

    def hear(self, spoken: np.ndarray) -> None:
        """From now on the mouth units of held-out frames are those of `spoken` [T, M], not the tracked ones."""
        self.coeffs[self.held_out, : spoken.shape[1]] = spoken[self.held_out]

    def numbers(self, held_out: bool) -> np.ndarray:
        """Which frames train (or, held out, test)."""
        numbers = np.flatnonzero(self._usable)
        return numbers[(numbers >= self._first_held_out) == held_out]

    def lip_distance(self) -> float | None:
        """LMD of the held-out frames, px: mean distance of the mouth's points, as the frames' coefficients place them
        on the fitted mesh, from the tracked ones, the tip of the nose aligned (Chen et al. 2018). None: no frames."""
        distances = []
        for number in self.numbers(held_out=True):
            shape = self.face.neutral + np.tensordot(self.coeffs[number], self.face.basis, 1)
            places = self.camera.project(placed(shape, self.head[number]))
            seen = self.landmarks[number, :, :2]
            offset = (places - places[NOSE_TIP]) - (seen - seen[NOSE_TIP])
            distances.append(np.linalg.norm(offset[list(MOUTH20)], axis=1).mean())
        return round(float(np.mean(distances)), 3) if distances else None

    def look(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """A frame [H, W, 3] and its mask levels [H, W], uint8."""
        return self._frames.frame(number), self._masks.frame(number)[..., 0]

    def frame(self, number: int) -> np.ndarray:
        """A frame [H, W, 3] uint8."""
        return self._frames.frame(number)

    def plate(self, number: int) -> np.ndarray:
        """The frame without the head [H, W, 3] uint8."""
        return self._plates.frame(number)

    def view(self, glimpse: Glimpse) -> View:
        """The part of the frame that the branch draws, with the glimpse's colour where nothing may be see-through."""
        return view_of_layers(self, glimpse)

    def layers(self, number: int) -> Layers:
        """A training frame as the branch sees it, before a backdrop is chosen."""
        frame, levels = self.look(number)
        mouth = levels > (HEAD + MOUTH) // 2
        head = levels > HEAD - 20
        if self.branch == "mouth":
            box = box_of(self.landmarks[number, list(INNER_LIPS), :2], MOUTH_MARGIN_PX, self.size)
        else:
            rows, columns = np.flatnonzero(head.any(1)), np.flatnonzero(head.any(0))
            corners = np.array([[columns[0], rows[0]], [columns[-1], rows[-1]]])
            box = box_of(corners, MARGIN_PX, self.size)
        weight = np.zeros((self.size, self.size), np.uint8)
        weight[box] = self._weights(number)[box]
        hidden = np.zeros_like(weight)
        if self.branch == "mouth":
            weight[~mouth] = 0
            hidden[box] = PLATE_HIDDEN
        else:
            hidden[box][eroded(head[box], SURE)] = PLATE_HIDDEN
        if self.branch == "face":  # the lips must leave the mouth open: what stands there shows as wrong
            hidden[mouth] = PLATE_HIDDEN | REAL_HIDDEN
        return Layers(frame, self.plate(number), hidden, weight, box)

    def shown(self, number: int) -> View:
        """The whole frame over its own plate."""
        return View(
            number=number,
            coefficients=torch.from_numpy(self.coeffs[number]),
            head=torch.from_numpy(self.head[number]),
            real=torch.from_numpy(self.frame(number).astype(np.float32) / 255),
            plate=torch.from_numpy(self.plate(number).astype(np.float32) / 255),
            weight=torch.from_numpy(self._weights(number).astype(np.float32)),
            camera=self.camera,
        )

    def mouth_box(self, number: int) -> tuple[slice, slice]:
        """Rows and columns around the tracked lips: their bounding box and 8 px."""
        return box_of(self.landmarks[number, list(MOUTH20), :2], MOUTH_MARGIN_PX, self.size)

    def _weights(self, number: int) -> np.ndarray:
        """[H, W]: more on lips and eyes than elsewhere."""
        weight = np.ones((self.size, self.size), np.uint8)
        for points, value in ((RIGHT_EYE, EYE_WEIGHT), (LEFT_EYE, EYE_WEIGHT), (OUTER_LIPS, LIP_WEIGHT)):
            weight[box_of(self.landmarks[number, list(points), :2], MOUTH_MARGIN_PX, self.size)] = value
        return weight


def read_meta(folder: Path) -> dict:
    """meta.json of a finished dataset. Raises UserError where preprocessing has not come to its end."""
    path = folder / META
    meta = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"stages": {}}
    if "plates" not in meta["stages"]:
        raise UserError(
            "bad_dataset",
            f"The dataset in {folder.name!r} is not finished. Run data_utils/process.py on the video first.",
            f"数据集 {folder.name!r} 尚未完成。请先对视频运行 data_utils/process.py。",
        )
    return meta


def damaged(path: Path) -> UserError:
    """What to say of a file of the dataset that cannot be decoded."""
    return UserError(
        "bad_dataset",
        f"The dataset cannot be used: {path.name} cannot be decoded. Preprocess the video again.",
        f"无法使用该数据集:{path.name} 无法解码。请重新预处理视频。",
    )


def mean_pose(poses: np.ndarray) -> np.ndarray:
    """The middle [4, 4] of rigid motions [T, 4, 4] (rotations: the nearest to their mean matrix)."""
    mean = poses.mean(0)
    u, _, vt = np.linalg.svd(mean[:3, :3])
    mean[:3, :3] = u @ vt
    return mean


def box_of(points: np.ndarray, margin: int, size: int) -> tuple[slice, slice]:
    """Rows and columns of the bounding box of places [n, 2] px (x, y), grown by `margin` px, within the picture."""
    low = np.clip(np.floor(points.min(0)) - margin, 0, size - 1).astype(int)
    high = np.clip(np.ceil(points.max(0)) + margin + 1, low + 1, size).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def eroded(mask: np.ndarray, steps: int) -> np.ndarray:
    """A mask [h, w] bool without its outermost `steps` pixels (but not at the picture's edge)."""
    for _ in range(steps):
        padded = np.pad(mask, 1, mode="edge")
        mask = mask & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask
