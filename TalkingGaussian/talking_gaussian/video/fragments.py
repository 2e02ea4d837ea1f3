"""Pictures and samples -> fragmented MP4 (H.264 + AAC) in memory, bit by bit: what a browser appends to its player.

A fragment is a frame long, so nothing waits for a key frame; the first bytes are the initialisation.
"""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from talking_gaussian.video.mp4_writer import AI_LABEL, BT709

SOUND_RATE = 48_000  # the encoder's first block, silence, is 21 ms at this rate and 43 ms at 24 kHz
SOUND_BITS = 96_000
# fragments of one frame's length; frag_every_frame would write wrong times for sound
_FRAGMENTS = {"movflags": "+empty_moov+default_base_moof+use_metadata_tags", "frag_duration": "40000"}


class FragmentWriter:
    """One growing stream; `take` hands out what has been made since the last call."""

    def __init__(self, size: int, fps: float, sound: bool = True, crf: int = 21) -> None:
        """size: side of the square frames, px (even). sound: whether there is a sound track (mono, SOUND_RATE)."""
        self._fps = Fraction(fps).limit_denominator(1001)
        self._sink = _Sink()
        self._container = av.open(self._sink, "w", format="mp4", options=_FRAGMENTS)
        self._container.metadata.update({"comment": AI_LABEL, "ai_generated": "true"})
        self._video = self._add_video(size, crf)
        self._sound = self._container.add_stream("aac", rate=SOUND_RATE, layout="mono") if sound else None
        if self._sound:
            self._sound.bit_rate = SOUND_BITS
        self._fifo = av.AudioFifo()
        self._frames = self._samples = 0
        self._container.start_encoding()

    @property
    def codecs(self) -> str:
        """The stream's codecs as a browser's MediaSource wants them named (RFC 6381)."""
        profile = bytes(self._video.codec_context.extradata or b"")
        at = profile.find(b"\x67")  # the sequence parameter set's first byte; profile, constraints and level follow it
        video = f"avc1.{profile[at + 1 : at + 4].hex().upper()}"
        return f"{video},mp4a.40.2" if self._sound else video

    def write(self, picture: np.ndarray) -> None:
        """Append one picture [size, size, 3] uint8 RGB."""
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
        frame.pts, frame.time_base = self._frames, 1 / self._fps
        self._frames += 1
        self._container.mux(self._video.encode(frame))

    def write_sound(self, samples: np.ndarray) -> None:
        """Append float32 mono samples [n] at SOUND_RATE, in -1..1."""
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None], np.float32), "fltp", "mono")
        frame.sample_rate = SOUND_RATE
        frame.pts = None
        self._fifo.write(frame)
        while (block := self._fifo.read(1024)) is not None:
            self._encode(block)

    def take(self) -> bytes:
        """What has been made since the last call."""
        return self._sink.take()

    def close(self) -> bytes:
        """End the stream; its last bytes."""
        self._container.mux(self._video.encode(None))
        if self._sound:
            if (block := self._fifo.read(0, partial=True)) is not None:
                self._encode(block)
            self._container.mux(self._sound.encode(None))
        self._container.close()
        return self._sink.take()

    def _encode(self, block: av.AudioFrame) -> None:
        assert self._sound is not None  # noqa: S101 (sound is written only where there is a track)
        block.pts, block.time_base = self._samples, Fraction(1, SOUND_RATE)
        self._samples += block.samples
        self._container.mux(self._sound.encode(block))

    def _add_video(self, size: int, crf: int) -> av.VideoStream:
        video = self._container.add_stream("libx264", rate=self._fps)
        video.width = video.height = size
        video.pix_fmt = "yuv420p"
        # no picture waits for a later one; a key frame now and then lets a player throw away what was played
        video.options = {
            "preset": "superfast", "tune": "zerolatency", "crf": str(crf), "g": str(round(2 * self._fps)),
        }  # fmt: skip
        context = video.codec_context
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = ColorRange.MPEG
        return video


class _Sink:
    """Where the muxer writes: it cannot go back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)
