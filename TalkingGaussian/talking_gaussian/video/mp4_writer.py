"""Frames and a sound file -> H.264 + AAC MP4, streamed: memory stays flat whatever the length."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from talking_gaussian.audio.reader import decoded_frames, mono_frame
from talking_gaussian.prefetch import prefetched
from talking_gaussian.video.encoders import NVENC, Encoder, EncoderFault, x264

AI_LABEL = "AI-generated talking head, made with TFG Studio"
AUDIO_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
BLOCKS_AHEAD = 64  # of sound, 1024 samples each
BT709 = 1  # the number of BT.709 in H.264's colour description (primaries, transfer, matrix alike)


class Mp4Writer:
    """Writes `path` beside itself as `<path>.part` and renames it when all is there; a failure leaves nothing.

    Use as a context manager: `with Mp4Writer(...) as writer: writer.write(frame)`. EncoderFault: where the card's
    encoder fails.
    """

    def __init__(
        self, path: Path, size: int, fps: float, audio: Path | None, encoder: Encoder | None = None, crf: int = 18
    ) -> None:
        """size: side of the square frames, px (even). audio: a file whose first sound track is carried along. encoder:
        another than x264 at `crf`."""
        self._path = path
        self._part = path.with_name(path.name + ".part")
        options = {"movflags": "+faststart+use_metadata_tags"}
        self._container = av.open(f"file:{self._part.absolute()}", "w", format="mp4", options=options)
        self._container.metadata.update({"comment": AI_LABEL, "ai_generated": "true"})
        self._fps = Fraction(fps).limit_denominator(1001)
        self._encoder = encoder or x264(crf)
        self._video = self._encoder.add_to(self._container, size, self._fps)
        context = self._video.codec_context
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = ColorRange.MPEG
        self._sound = _Sound(self._container, audio) if audio else None
        self._frames = 0

    def __enter__(self) -> Mp4Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if kind is None:
            self._finish()
        else:
            self._abandon()

    def write(self, frame: np.ndarray) -> None:
        """Append one picture [size, size, 3] uint8 RGB, and the sound that goes with it."""
        self._encode(encoder_frame(frame))

    def write_planes(self, planes: np.ndarray) -> None:
        """Append one picture as the encoder wants it: [size * 3 / 2, size] uint8, Y'CbCr 4:2:0 of BT.709 in limited
        range, U and V packed below Y."""
        picture = av.VideoFrame.from_numpy_buffer(planes, format="yuv420p")  # the encoder copies it at once
        picture.colorspace, picture.color_range = Colorspace.ITU709, ColorRange.MPEG
        self._encode(picture)

    def _encode(self, picture: av.VideoFrame) -> None:
        picture.pts = self._frames
        picture.time_base = 1 / self._fps
        self._container.mux(self._packets(picture))
        self._frames += 1
        if self._sound:
            self._sound.write_until(self._frames / self._fps)

    def _packets(self, picture: av.VideoFrame | None) -> list[av.Packet]:
        """A picture encoded, or at the end (None) those that the encoder still holds. Raises EncoderFault where the
        card's encoder fails."""
        try:
            return self._video.encode(picture)
        except av.FFmpegError as error:
            if self._encoder.name != NVENC:
                raise
            raise EncoderFault(str(error).split(":")[0]) from error

    def _finish(self) -> None:
        try:
            self._container.mux(self._packets(None))
            if self._sound:
                self._sound.write_until(None)
                self._sound.close()
            self._container.close()
            self._part.replace(self._path)
        except BaseException:
            self._abandon()
            raise

    def _abandon(self) -> None:
        if self._sound:
            self._sound.close()
        with contextlib.suppress(OSError):  # closing writes once more, which a full disk refuses
            self._container.close()
        self._part.unlink(missing_ok=True)


def encoder_frame(frame: np.ndarray) -> av.VideoFrame:
    """A picture [H, W, 3] uint8 RGB as Y'CbCr 4:2:0, BT.709 in limited range."""
    picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
    return picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)


class _Sound:
    """The sound track: made AAC by a thread of its own, handed to the muxer as the pictures advance."""

    def __init__(self, container: av.container.OutputContainer, audio: Path) -> None:
        self._container = container
        self._frames = decoded_frames(audio)
        self._first = next(self._frames)
        rate, channels = self._first.sample_rate, self._first.layout.nb_channels
        # beyond 7.1 there is no layout to mix down from: the channels are averaged, as the features do
        self._averaged = channels > 8
        self._layout = "mono" if channels == 1 or self._averaged else "stereo"
        self._rate = min((r for r in AUDIO_RATES if r >= rate), default=AUDIO_RATES[-1])
        self._stream = container.add_stream("aac", rate=self._rate, layout=self._layout)
        self._stream.bit_rate = 96_000 if self._layout == "mono" else 160_000
        self._written = 0  # samples
        self._thread = contextlib.ExitStack()
        self._ready: Iterator[tuple[int, list[av.Packet]]] | None = None

    def write_until(self, seconds: Fraction | None) -> None:
        """Write sound up to a time; None: all that is left."""
        if self._ready is None:
            self._container.start_encoding()  # opens the encoders, which two threads must not do at once
            self._ready = self._thread.enter_context(prefetched(self._encoded(), BLOCKS_AHEAD))
        while seconds is None or self._written < seconds * self._rate:
            block = next(self._ready, None)
            if block is None:
                break
            self._written, packets = block
            self._container.mux(packets)

    def close(self) -> None:
        """Stop, and free the decoder."""
        self._thread.close()
        self._frames.close()

    def _encoded(self) -> Iterator[tuple[int, list[av.Packet]]]:
        """Packets, with how many samples were encoded so far."""
        samples = 0
        for block in self._resampled():
            block.pts = samples
            block.time_base = Fraction(1, self._rate)
            samples += block.samples
            yield samples, self._stream.encode(block)
        yield samples, self._stream.encode(None)

    def _resampled(self) -> Iterator[av.AudioFrame]:
        resampler = av.AudioResampler(format="fltp", layout=self._layout, rate=self._rate, frame_size=1024)
        for frame in chain((self._first,), self._frames):
            frame.pts = None  # sound is counted in samples from its first one, as the features are
            for block in resampler.resample(mono_frame(frame) if self._averaged else frame):
                yield _within_range(block)
        for block in resampler.resample(None):
            yield _within_range(block)


def _within_range(block: av.AudioFrame) -> av.AudioFrame:
    """The block with its samples in -1..1: the encoder refuses what is not a number or too large."""
    samples = block.to_ndarray()
    if np.abs(samples).max(initial=0) <= 1:  # false for NaN too
        return block
    usable = np.clip(np.nan_to_num(samples, posinf=0, neginf=0), -1, 1)
    replaced = av.AudioFrame.from_ndarray(usable, block.format.name, block.layout)
    replaced.sample_rate = block.sample_rate
    return replaced
