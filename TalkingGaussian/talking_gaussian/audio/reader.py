"""Any sound file, or the sound of a video, as a stream of mono samples; bad files are refused in one sentence."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from talking_gaussian.errors import UserError

MAX_DURATION_S = 30 * 60
MIN_DURATION_S = 0.1
MAX_CHANNELS = 64
SAMPLE_RATES = (4_000, 768_000)

# Containers only: playlists and scripts, which make the reader open further files, are not sound files.
_FORMATS = (
    "wav,w64,aiff,caf,au,mp3,flac,ogg,aac,ac3,eac3,amr,amrnb,amrwb,ape,wv,tta,asf,avi,flv,matroska,webm,"
    "mov,mp4,m4a,3gp,3g2,mj2,mpeg,mpegts,mp2,mxf,opus,dts,voc,nut,oma,gsm,sox,rm,tak,mpc,mpc8"
)

# Tags in an old encoding are no reason to refuse a file; from PyAV 19 on none is.
_LENIENT: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}


@dataclass(frozen=True)
class AudioInfo:
    """What a file's sound track is: seconds, Hz, channels and the codec's name."""

    duration_s: float
    sample_rate: int
    channels: int
    codec: str


def probe_audio(path: str | Path) -> AudioInfo:
    """Look at a sound file (packets are read, only the first second is decoded).

    Raises UserError for a file that is missing, not a sound file, cut off, silent by having no track, shorter
    than 0.1 s, longer than 30 minutes, or whose samples are not numbers.
    """
    with _opened(path) as (container, stream):
        declared = float(stream.duration * (stream.time_base or 0)) if stream.duration else None
        measured = _packets_duration(container, stream, path)
        info = AudioInfo(
            _settled_duration(declared, measured, path), stream.rate, stream.channels, stream.codec_context.name
        )
    _check_duration(info.duration_s, path)
    first = next(read_audio(path, block_s=1.0), None)
    if first is None:
        raise _unreadable(path)
    return info


def read_audio(path: str | Path, sample_rate: int = 16_000, block_s: float = 10.0) -> Iterator[np.ndarray]:
    """Decode to blocks of float32 mono samples [<= block_s * sample_rate] in -1..1, in bounded memory.

    Channels are averaged. Single samples that are not numbers become 0; a block mostly made of them is refused.
    Raises UserError as `probe_audio` does.
    """
    size = max(1, round(sample_rate * block_s))
    parts: list[np.ndarray] = []
    held = total = 0
    for samples in _decoded(path, sample_rate):
        total += len(samples)
        if total > (MAX_DURATION_S + 5) * sample_rate:
            raise _too_long(path, total / sample_rate)
        parts.append(samples)
        held += len(samples)
        if held >= size:
            joined = np.concatenate(parts)
            cut = held - held % size
            for at in range(0, cut, size):
                yield _checked(joined[at : at + size], path)
            parts, held = [joined[cut:].copy()], held - cut
    if held:
        yield _checked(np.concatenate(parts), path)


@contextmanager
def _opened(path: str | Path) -> Iterator[tuple[av.container.InputContainer, av.AudioStream]]:
    file = Path(path)
    if not file.exists():
        raise UserError(
            "audio_missing",
            f"There is no file {file.name!r}. Check the path of the sound file.",
            f"找不到文件 {file.name!r}。请检查音频文件的路径。",
        )
    if file.is_dir():
        raise UserError(
            "audio_is_folder",
            f"{file.name!r} is a folder. Give a sound file.",
            f"{file.name!r} 是一个文件夹。请提供音频文件。",
        )
    if file.stat().st_size == 0:
        raise UserError(
            "audio_empty",
            f"{file.name!r} is an empty file. Give a sound file with speech in it.",
            f"{file.name!r} 是空文件。请提供有语音的音频文件。",
        )
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
    try:
        container = av.open(f"file:{file.absolute()}", options=options, **_LENIENT)
    except PermissionError as error:
        raise UserError(
            "audio_forbidden",
            f"{file.name!r} may not be read. Change its permissions.",
            f"没有读取 {file.name!r} 的权限。请修改文件权限。",
        ) from error
    except (av.error.FFmpegError, ValueError) as error:
        raise _unreadable(path) from error
    with container:
        if not container.streams.audio:
            raise UserError(
                "audio_no_track",
                f"{file.name!r} has no sound track. Give a file with speech in it.",
                f"{file.name!r} 没有音轨。请提供有语音的文件。",
            )
        stream = container.streams.audio[0]
        _check_stream(stream, path)
        yield container, stream


def _check_stream(stream: av.AudioStream, path: str | Path) -> None:
    if stream.codec_context is None or not stream.rate or not stream.channels:
        raise _unreadable(path)
    if stream.channels > MAX_CHANNELS:
        raise UserError(
            "audio_channels",
            f"{Path(path).name!r} has {stream.channels} channels; up to {MAX_CHANNELS} can be used. "
            "Mix it down to stereo or mono.",
            f"{Path(path).name!r} 有 {stream.channels} 个声道,最多支持 {MAX_CHANNELS} 个。请先混音为立体声或单声道。",
        )
    if not SAMPLE_RATES[0] <= stream.rate <= SAMPLE_RATES[1]:
        raise UserError(
            "audio_sample_rate",
            f"{Path(path).name!r} has {stream.rate} samples a second; "
            f"{SAMPLE_RATES[0]} to {SAMPLE_RATES[1]} can be used.",
            f"{Path(path).name!r} 的采样率为 {stream.rate} Hz,支持 {SAMPLE_RATES[0]} 到 {SAMPLE_RATES[1]} Hz。",
        )


def _packets_duration(container: av.container.InputContainer, stream: av.AudioStream, path: str | Path) -> float:
    """Seconds covered by the track's packets: right where headers only guess (MP3 without index, cut files)."""
    first, last, added = math.inf, 0.0, 0.0
    tick = stream.time_base or Fraction(0)
    try:
        for packet in container.demux(stream):
            length = float((packet.duration or 0) * tick)
            added += length
            if packet.pts is not None:
                at = float(packet.pts * tick)
                first, last = min(first, at), max(last, at + length)
    except av.error.FFmpegError as error:
        raise _truncated(path) from error
    return last - first if math.isfinite(first) else added


def _settled_duration(declared: float | None, measured: float, path: str | Path) -> float:
    if declared is None or declared <= 0:
        return measured
    if measured < declared - max(1.0, 0.03 * declared):
        raise _truncated(path)
    # Codecs pad their ends: a header that agrees with the packets is the more exact of the two.
    return declared if abs(declared - measured) < 0.25 else measured


def _check_duration(seconds: float, path: str | Path) -> None:
    if seconds > MAX_DURATION_S:
        raise _too_long(path, seconds)
    if seconds <= 0:
        raise UserError(
            "audio_empty",
            f"{Path(path).name!r} holds no sound. Give a file with speech in it.",
            f"{Path(path).name!r} 中没有声音。请提供有语音的文件。",
        )
    if seconds < MIN_DURATION_S:
        raise UserError(
            "audio_too_short",
            f"{Path(path).name!r} lasts {seconds:.2f} s; at least {MIN_DURATION_S} s is needed.",
            f"{Path(path).name!r} 只有 {seconds:.2f} 秒,至少需要 {MIN_DURATION_S} 秒。",
        )


def decoded_frames(path: str | Path) -> Generator[av.AudioFrame, None, None]:
    """The sound track's frames as they are stored; damaged packets are skipped unless they are most of the file.

    There is at least one. Raises UserError as `probe_audio` does, and for a sample rate that changes on the way.
    """
    with _opened(path) as (container, stream):
        good = bad = 0
        rate = None
        try:
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                    good += 1
                except av.error.InvalidDataError as error:
                    bad += 1
                    if bad > 10 + good:
                        raise _unreadable(path) from error
                    continue
                for frame in frames:
                    if rate is not None and frame.sample_rate != rate:
                        raise _unreadable(path)
                    rate = frame.sample_rate
                    yield frame
        except av.error.FFmpegError as error:
            raise _truncated(path) from error
        if rate is None:
            raise _unreadable(path)


def _decoded(path: str | Path, sample_rate: int) -> Iterator[np.ndarray]:
    """Mono float32 pieces at `sample_rate`."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=sample_rate)
    for frame in decoded_frames(path):
        yield from _resampled(resampler, mono_frame(frame))
    yield from _resampled(resampler, None)


def mono_frame(frame: av.AudioFrame) -> av.AudioFrame:
    """The mean of a frame's channels (of any number and layout) as a float frame."""
    data = frame.to_ndarray()
    channels = frame.layout.nb_channels
    if not frame.format.is_planar:
        data = data.reshape(-1, channels).T
    if data.dtype == np.uint8:
        data = (data.astype(np.float32) - 128.0) / 128.0
    elif np.issubdtype(data.dtype, np.integer):
        data = data.astype(np.float32) / 2.0 ** (8 * data.dtype.itemsize - 1)
    mono = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(data.mean(axis=0, dtype=np.float64, keepdims=True), np.float32), "flt", "mono"
    )
    mono.sample_rate = frame.sample_rate
    return mono


def _resampled(resampler: av.AudioResampler, frame: av.AudioFrame | None) -> Iterator[np.ndarray]:
    for out in resampler.resample(frame):
        yield out.to_ndarray()[0].copy()


def _checked(samples: np.ndarray, path: str | Path) -> np.ndarray:
    """Samples within -1..1 and finite; refuses a block that is mostly not numbers."""
    finite = np.isfinite(samples)
    if finite.all():
        return np.clip(samples, -1.0, 1.0)
    if finite.mean() < 0.5:
        raise UserError(
            "audio_not_numbers",
            f"{Path(path).name!r} is damaged: its samples are not numbers. Export the sound again.",
            f"{Path(path).name!r} 已损坏:采样值不是数字。请重新导出音频。",
        )
    return np.clip(np.where(finite, samples, 0.0), -1.0, 1.0).astype(np.float32)


def _unreadable(path: str | Path) -> UserError:
    return UserError(
        "audio_unreadable",
        f"{Path(path).name!r} cannot be read as sound. Use WAV, MP3, M4A, FLAC, OGG or a video with sound.",
        f"无法将 {Path(path).name!r} 作为音频读取。请使用 WAV、MP3、M4A、FLAC、OGG 或带声音的视频。",
    )


def _truncated(path: str | Path) -> UserError:
    return UserError(
        "audio_truncated",
        f"{Path(path).name!r} is cut off: it holds less sound than it says. Copy or download it again.",
        f"{Path(path).name!r} 不完整:实际声音比文件声明的短。请重新复制或下载。",
    )


def _too_long(path: str | Path, seconds: float) -> UserError:
    limit = MAX_DURATION_S // 60
    return UserError(
        "audio_too_long",
        f"{Path(path).name!r} lasts {seconds / 60:.0f} minutes; the limit is {limit} minutes. Split it into parts.",
        f"{Path(path).name!r} 长 {seconds / 60:.0f} 分钟,上限为 {limit} 分钟。请分段处理。",
    )
