"""Which H.264 encoder writes a video: the card's own where it has one that works, else x264."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np

from talking_gaussian.devices import cores

NVENC = "h264_nvenc"
TRIAL_FRAMES = 4
MOST_THREADS = 24  # one and a half a core is x264's own rule; more do not help pictures of this size
# as good as x264's crf 18 to the eye: a constant quality a step finer, since NVENC spends its bits less well
NVENC_OPTIONS = {"gpu": "0", "preset": "p4", "tune": "hq", "rc": "vbr", "cq": "19", "b": "0", "spatial-aq": "1"}


@dataclass(frozen=True)
class Encoder:
    """FFmpeg's name of an encoder and its options; threads: how many it works with, each on a frame of its own (0: as
    FFmpeg has it, one)."""

    name: str
    options: dict[str, str]
    threads: int = 0

    def add_to(self, container: av.container.OutputContainer, size: int, fps: Fraction) -> av.VideoStream:
        """A stream of square pictures of `size` px, a key frame every two seconds."""
        stream: Any = container.add_stream(self.name, rate=fps)
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.options = {**self.options, "g": str(round(2 * fps))}
        if self.threads:
            stream.codec_context.thread_count = self.threads
            stream.codec_context.thread_type = "FRAME"
        return stream

    @property
    def title(self) -> str:
        """For a person: `h264_nvenc`, or `libx264, 16 threads`."""
        return f"{self.name}, {self.threads} threads" if self.threads else self.name


class EncoderFault(Exception):  # noqa: N818 (the house's word)
    """The card's own encoder failed after it had been tried with success: another is to make the video."""


def x264(crf: int = 18, threads: int = 0) -> Encoder:
    """crf: quality, 0 (lossless) to 51; 18 looks like the original."""
    return Encoder("libx264", {"preset": "veryfast", "crf": str(crf)}, threads)


def beside_a_card(size: int, fps: float) -> list[Encoder]:
    """What keeps up with a card that draws, the best first: its own encoder, if pictures of `size` px can be encoded
    with it (data centre cards have none), and x264 on all cores. Call when CUDA shows the card as its first."""
    threads = min(MOST_THREADS, cores())
    on_cores = Encoder("libx264", x264().options, threads if threads > 1 else 0)
    return [on_cores] if fault_of_nvenc(size, fps) else [Encoder(NVENC, NVENC_OPTIONS), on_cores]


def fault_of_nvenc(size: int, fps: float) -> str:
    """Why pictures of `size` px cannot be encoded by CUDA's first card; "" where they can."""
    if NVENC not in av.codecs_available:
        return "FFmpeg has it not"
    try:
        made = _encoded_trial(size, Fraction(fps).limit_denominator(1001))
    except (av.FFmpegError, ValueError) as error:
        return str(error).split(":")[0]
    return "" if made else "it makes no pictures"


def _encoded_trial(size: int, fps: Fraction) -> int:
    """Bytes that a few grey pictures become."""
    context: Any = av.CodecContext.create(NVENC, "w")
    context.width = context.height = size
    context.pix_fmt, context.time_base, context.framerate = "yuv420p", 1 / fps, fps
    context.options = dict(NVENC_OPTIONS)
    made = 0
    for number in range(TRIAL_FRAMES):
        picture = av.VideoFrame.from_ndarray(np.full((size * 3 // 2, size), 128, np.uint8), format="yuv420p")
        picture.pts, picture.time_base = number, 1 / fps
        made += sum(packet.size for packet in context.encode(picture))
    return made + sum(packet.size for packet in context.encode(None))
