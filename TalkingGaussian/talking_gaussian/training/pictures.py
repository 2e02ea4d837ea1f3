"""Single pictures on the disk, by PyAV."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np


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


def over(picture: np.ndarray, backdrop: np.ndarray) -> np.ndarray:
    """[H, W, 4] uint8 straight alpha over a colour [3] or picture [H, W, 3] in 0..1 -> [H, W, 3] float32."""
    alpha = picture[..., 3:].astype(np.float32) / 255
    return picture[..., :3].astype(np.float32) / 255 * alpha + (1 - alpha) * backdrop
