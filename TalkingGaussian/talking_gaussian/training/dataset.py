"""Frames with known motion: what training reads.

A dataset folder holds `frames/NNNNN.png` (RGBA, the person over nothing), `torso.png` (RGBA, what does not move with
the head), `background.png`, `init.npz` (a first cloud of points with their motion) and `frames.npz` (coefficients,
head poses, camera, held-out flags).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from talking_gaussian.errors import UserError
from talking_gaussian.rendering import Camera

INIT_ARRAYS = ("means", "normals", "tangents", "extents", "colors", "basis", "head_weight", "part")
FRAME_ARRAYS = ("coeffs", "head", "units", "viewmat", "K", "is_test")


@dataclass(frozen=True)
class TrainingSet:
    """init: arrays by name, [N, ...]. coeffs [T, K], head [T, 4, 4], is_test [T] bool. Pictures are read on demand."""

    folder: Path
    init: dict[str, np.ndarray]
    part_names: tuple[str, ...]
    coeffs: np.ndarray
    head: np.ndarray
    units: tuple[str, ...]
    camera: Camera
    is_test: np.ndarray
    torso: np.ndarray

    @property
    def size(self) -> int:
        """Side of the pictures, px."""
        return self.torso.shape[0]

    def frame(self, index: int) -> np.ndarray:
        """Frame `index` as [H, W, 4] uint8 RGBA, straight alpha."""
        return read_picture(self.folder / "frames" / f"{index:05d}.png")

    def numbers(self, held_out: bool) -> np.ndarray:
        """Which frames train (or, held out, test)."""
        return np.flatnonzero(self.is_test == held_out)


def load_training_set(folder: Path) -> TrainingSet:
    """Read a dataset folder; raises UserError when a part of it is missing."""
    for name in ("init.npz", "frames.npz", "torso.png", "frames/00000.png"):
        if not (folder / name).is_file():
            raise UserError(
                "bad_dataset",
                f"The dataset cannot be used: {name} is missing in {folder.name}. Preprocess the video again.",
                f"无法使用该数据集:{folder.name} 中缺少 {name}。请重新预处理视频。",
            )
    with np.load(folder / "init.npz", allow_pickle=False) as file:
        init = {name: file[name] for name in INIT_ARRAYS}
        part_names = tuple(str(name) for name in file["part_names"])
    with np.load(folder / "frames.npz", allow_pickle=False) as file:
        frames = {name: file[name] for name in FRAME_ARRAYS}
    return TrainingSet(
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


def read_picture(path: Path) -> np.ndarray:
    """A picture file -> [H, W, 4] uint8 RGBA."""
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgba")


def write_picture(path: Path, picture: np.ndarray) -> None:
    """[H, W, 3] uint8 RGB -> a PNG or JPEG by the name's ending."""
    jpeg = path.suffix.lower() in (".jpg", ".jpeg")
    with av.open(str(path), "w", format="image2", options={"update": "1"}) as container:
        stream = container.add_stream("mjpeg" if jpeg else "png")
        stream.width, stream.height = picture.shape[1], picture.shape[0]
        stream.pix_fmt = "yuvj444p" if jpeg else "rgb24"
        if jpeg:
            stream.options = {"q": "2", "qmin": "2", "qmax": "2"}
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        container.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        container.mux(stream.encode(None))
