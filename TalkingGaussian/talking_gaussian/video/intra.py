"""All-intra video: every frame is a key frame, so that any one can be had at once. Plates and training frames."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.video.reformatter import Interpolation

from talking_gaussian.errors import UserError

# a playlist named plates.mp4 would make the reader open further files
ONLY_MP4 = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2", "protocol_whitelist": "file"}


class IntraWriter:
    """Writes square pictures to `path` beside itself as `<name>.part`, renamed when all is there; a context manager."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float, crf: int = 8, preset: str = "slow") -> None:
        """size: height and width, px. crf: H.264's quality, 0 (lossless) to 51."""
        self._path, self._part = path, path.with_name(path.name + ".part")
        self._container = av.open(f"file:{self._part.absolute()}", "w", format="mp4")
        self._stream = self._container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        self._stream.height, self._stream.width = size
        self._stream.pix_fmt = "yuv444p"
        self._stream.options = {"g": "1", "crf": str(crf), "preset": preset}

    def __enter__(self) -> IntraWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)

    def write(self, picture: np.ndarray) -> None:
        """Append [H, W, 3] uint8 RGB."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        self._container.mux(self._stream.encode(frame))


class IntraVideo:
    """Frames of an all-intra video by number, at one size, for one thread (SharedVideo: for several, and with a
    cache)."""

    def __init__(self, path: Path, size: int, fault: Callable[[Path], UserError]) -> None:
        """size: side of the square frames handed out, px. fault: what to raise when the file cannot be decoded."""
        try:
            self._container = av.open(f"file:{path.absolute()}", options=ONLY_MP4)
            self._stream = self._container.streams.video[0]
        except (av.FFmpegError, IndexError) as error:
            raise fault(path) from error
        self._path, self._fault = path, fault
        self._size = size
        self._decoder = self._container.decode(self._stream)
        self._next = 0
        self.count = self._stream.frames
        if self.count < 1:
            raise fault(path)

    def frame(self, index: int) -> np.ndarray:
        """Frame `index` (0 <= index < count) as [size, size, 3] uint8."""
        try:
            if index != self._next:
                self._seek(index)
            picture = next(self._decoder)
            while self._next < index:
                picture = next(self._decoder)
                self._next += 1
        except (av.FFmpegError, StopIteration) as error:
            raise self._fault(self._path) from error
        self._next = index + 1
        return picture.to_ndarray(
            format="rgb24", width=self._size, height=self._size, interpolation=Interpolation.BICUBIC
        )

    def close(self) -> None:
        """Free the decoder."""
        self._container.close()

    def _seek(self, index: int) -> None:
        """Every frame is a key frame, so the decoder's next picture is `index` itself."""
        rate, time_base = self._stream.average_rate, self._stream.time_base
        if not rate or not time_base:
            raise self._fault(self._path)
        self._container.seek(int(index / rate / time_base), stream=self._stream, backward=True)
        self._decoder = self._container.decode(self._stream)
        self._next = index
