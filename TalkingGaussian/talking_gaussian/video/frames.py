"""Any video file as upright RGB frames at a constant rate, in bounded memory; bad files are refused in one sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Interpolation

from talking_gaussian.errors import UserError

MAX_SIDE = 8192
# containers only: playlists and scripts would make the reader open further files
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,asf,ogg,mxf,nut,h264,hevc,m4v,dv,rm"
_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
# colour is stored at half the size: drawn between its samples, not repeated in blocks of 2 x 2
_SMOOTH_COLOUR = Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND
_STEADY = 0.2  # frames whose distances differ by more than this share of the mean are of variable rate


@dataclass(frozen=True)
class VideoInfo:
    """What a file's first video track is.

    width, height: px, upright (after `rotation`, degrees clockwise: 0, 90, 180, 270); fps: frames a second on
    average; duration_s: of the video track; frames: their number; variable_rate: whether the frames' distances
    differ; bits: of a colour; hdr: whether its transfer curve is PQ or HLG; audio_s: the sound's length or None.
    """

    width: int
    height: int
    fps: float
    duration_s: float
    frames: int
    codec: str
    container: str
    rotation: int
    variable_rate: bool
    bits: int
    hdr: bool
    audio_s: float | None


def probe_video(path: str | Path) -> VideoInfo:
    """Look at a video file: all packets' times are read, one frame is decoded. Raises UserError for what is none."""
    with _opened(path) as (container, stream):
        times, ends = _packet_times(container, stream, path)
        codec = stream.codec_context
        container.seek(0)
        first = next(_decoded(container, stream, path), None)
        if first is None or not times:
            raise _unreadable(path)
        rotation = round(-first.rotation / 90) % 4 * 90
        width, height = (first.height, first.width) if rotation % 180 else (first.width, first.height)
        gaps = np.diff(np.array(sorted(times)))
        mean = float(gaps.mean()) if len(gaps) else 0.04
        return VideoInfo(
            width=width,
            height=height,
            fps=1 / mean if mean > 0 else 25.0,
            duration_s=max(times) + mean,
            frames=len(times),
            codec=codec.name,
            container=container.format.name,
            rotation=rotation,
            variable_rate=bool(len(gaps) and np.abs(gaps - mean).max() > _STEADY * mean),
            bits=max(component.bits for component in first.format.components),
            hdr=int(first.color_trc) in (16, 18),
            audio_s=max(ends) if ends else None,
        )


def read_frames(
    path: str | Path,
    fps: float | None = 25.0,
    start_s: float = 0.0,
    end_s: float | None = None,
    max_side: int | None = None,
) -> Iterator[np.ndarray]:
    """Upright frames [H, W, 3] uint8 RGB from `start_s` to `end_s`, frame i being the one shown at start_s + i / fps.

    fps None gives every frame as it comes; max_side: larger frames are brought down to this many px. The last frame is
    held where the file's own times leave a gap. Raises UserError for a file that is no video or breaks off.
    """
    with _opened(path) as (container, stream):
        base = float(stream.time_base or 1)
        if start_s > 0:
            container.seek(int(start_s / base), stream=stream, backward=True)
        origin = (stream.start_time or 0) * base
        picture: np.ndarray | None = None
        sent = 0
        for frame in _decoded(container, stream, path):
            time = (float(frame.pts * base) if frame.pts is not None else 0.0) - origin
            if end_s is not None and time >= end_s:
                break
            if fps is None:
                if time >= start_s - 1e-6:
                    yield upright(frame, max_side)
                continue
            # the frame at hand is due until this one's time
            while picture is not None and start_s + sent / fps < time - 0.5 / fps:
                yield picture
                sent += 1
            due = start_s + sent / fps
            picture = upright(frame, max_side) if time >= due - 1.0 / fps else picture
        if fps is not None and picture is not None:
            last = end_s if end_s is not None else start_s + (sent + 1) / fps
            while start_s + sent / fps < last - 1e-6 and (end_s is None or sent < math.ceil((end_s - start_s) * fps)):
                yield picture
                sent += 1
                if end_s is None or time < last - 2 / fps:
                    break


def upright(frame: av.VideoFrame, max_side: int | None = None) -> np.ndarray:
    """A decoded frame as [H, W, 3] uint8 RGB, turned as its display matrix says; max_side: no larger than this, px."""
    turns = round(frame.rotation / 90) % 4
    scale = min(1.0, (max_side or MAX_SIDE) / max(frame.width, frame.height))
    width, height = max(2, round(frame.width * scale)), max(2, round(frame.height * scale))
    how = _SMOOTH_COLOUR if scale == 1 else Interpolation.AREA
    picture = frame.reformat(width, height, format="rgb24", interpolation=how).to_ndarray()
    return np.ascontiguousarray(np.rot90(picture, turns))


@contextmanager
def _opened(path: str | Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    file = Path(path)
    if not file.is_file():
        raise UserError(
            "video_missing",
            f"There is no video file {file.name!r}. Check the path.",
            f"找不到视频文件 {file.name!r}。请检查路径。",
        )
    if file.stat().st_size == 0:
        raise UserError(
            "video_empty",
            f"{file.name!r} is an empty file. Give a video of a person.",
            f"{file.name!r} 是空文件。请提供人物视频。",
        )
    try:
        container = av.open(f"file:{file.absolute()}", options=_OPTIONS)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _unreadable(path) from error
    with container:
        if not container.streams.video:
            raise UserError(
                "video_no_track",
                f"{file.name!r} has no picture, only sound. Give a video of a person.",
                f"{file.name!r} 只有声音,没有画面。请提供人物视频。",
            )
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        if max(stream.width, stream.height) > MAX_SIDE:
            raise UserError(
                "video_too_large",
                f"{file.name!r} is larger than {MAX_SIDE} px. Make it smaller first.",
                f"{file.name!r} 的画面超过 {MAX_SIDE} 像素。请先缩小。",
            )
        yield container, stream


def _packet_times(
    container: av.container.InputContainer, stream: av.VideoStream, path: str | Path
) -> tuple[list[float], list[float]]:
    """Times of the video's packets in s from its start, and the ends of the sound's packets (empty: no sound)."""
    sound = container.streams.audio[0] if container.streams.audio else None
    times: list[float] = []
    ends: list[float] = []
    origin = float((stream.start_time or 0) * (stream.time_base or 1))
    try:
        for packet in container.demux([stream, *([sound] if sound else [])]):
            if packet.pts is None:
                continue
            at = float(packet.pts * packet.time_base) - origin
            if packet.stream.type == "video":
                times.append(at)
            else:
                ends.append(at + float((packet.duration or 0) * packet.time_base))
    except (av.FFmpegError, ValueError) as error:
        raise _unreadable(path) from error
    return times, ends


def _decoded(
    container: av.container.InputContainer, stream: av.VideoStream, path: str | Path
) -> Iterator[av.VideoFrame]:
    """The stream's frames; damaged ones in the middle are passed over, a file without any is refused."""
    found = False
    try:
        for frame in container.decode(stream):
            found = True
            yield frame
    except av.FFmpegError as error:
        if not found:
            raise _unreadable(path) from error


def _unreadable(path: str | Path) -> UserError:
    name = Path(path).name
    return UserError(
        "video_unreadable",
        f"{name!r} cannot be read as a video: it is damaged, cut off or of another kind. Export or upload it again.",
        f"{name!r} 无法作为视频读取:文件损坏、不完整或不是视频。请重新导出或上传。",
    )
