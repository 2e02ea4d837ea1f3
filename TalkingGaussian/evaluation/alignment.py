"""How two videos are laid over each other: what is resampled, cut and shifted is said, what cannot be is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from talking_gaussian.errors import UserError
from talking_gaussian.video.frames import VideoInfo, probe_video, read_frames

MIN_FRAMES = 5
_SAME_RATE = 0.005  # rates that differ by less than this share are one rate
_SAME_SHAPE = 0.02


@dataclass(frozen=True)
class Note:
    """Something the reader of a report must know. code: a stable word; en, zh: one sentence."""

    code: str
    en: str
    zh: str


@dataclass(frozen=True)
class Alignment:
    """Output and reference on one grid of frames.

    fps: of the grid; start_s: the moment of the reference that the output begins with; frames: how many are compared;
    size: (width, height) px, the reference's; notes: what was done to get here.
    """

    output: Path
    reference: Path
    output_info: VideoInfo
    reference_info: VideoInfo
    fps: float
    start_s: float
    frames: int
    size: tuple[int, int]
    notes: list[Note] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How much is compared."""
        return self.frames / self.fps


def align(output: Path, reference: Path, start_s: float = 0.0) -> Alignment:
    """Decide how to compare. Raises UserError where the files are no videos or cannot be laid over each other."""
    first, second = probe_video(output), probe_video(reference)
    _refuse_hdr(output, first)
    _refuse_hdr(reference, second)
    notes: list[Note] = []
    size = _size(first, second, notes)
    fps = _rate(first, second, notes)
    frames = _frames(first, second, fps, start_s, notes)
    _say_format(first, "output", "生成视频", notes)
    _say_format(second, "reference", "参考视频", notes)
    return Alignment(output, reference, first, second, fps, start_s, frames, size, notes)


def aligned_frames(alignment: Alignment) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(output, reference) of every compared moment, [H, W, 3] uint8 RGB of the reference's size."""
    start, seconds, fps = alignment.start_s, alignment.seconds, alignment.fps
    first = read_frames(alignment.output, fps, 0.0, seconds)
    second = read_frames(alignment.reference, fps, start, start + seconds)
    for _, made, wanted in zip(range(alignment.frames), first, second, strict=False):
        yield resized(made, alignment.size), resized(wanted, alignment.size)


def resized(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A frame at (width, height): averaged when made smaller, bicubic when made larger."""
    height, width = frame.shape[:2]
    if (width, height) == size:
        return frame
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA if width > size[0] else cv2.INTER_CUBIC)


def _refuse_hdr(path: Path, info: VideoInfo) -> None:
    if info.hdr:
        raise UserError(
            "video_hdr",
            f"{path.name!r} is an HDR video, whose brightness these metrics are not made for. Convert it to SDR first.",
            f"{path.name!r} 是 HDR 视频,这些指标不适用于其亮度。请先转换为 SDR。",
        )


def _size(output: VideoInfo, reference: VideoInfo, notes: list[Note]) -> tuple[int, int]:
    """The reference's size; other shapes are refused, other sizes of the same shape resized."""
    (w, h), (wanted_w, wanted_h) = (output.width, output.height), (reference.width, reference.height)
    if abs((w / h) / (wanted_w / wanted_h) - 1) > _SAME_SHAPE:
        raise UserError(
            "shapes_differ",
            f"The pictures differ in shape: the output is {w} x {h} px, the reference {wanted_w} x {wanted_h}. "
            "Crop the reference as the output was cropped.",
            f"画面比例不同:生成视频 {w} x {h},参考视频 {wanted_w} x {wanted_h}。请把参考视频裁剪成相同的画面。",
        )
    if (w, h) != (wanted_w, wanted_h):
        notes.append(
            Note(
                "resized",
                f"The output was resized from {w} x {h} to the reference's {wanted_w} x {wanted_h} px.",
                f"生成视频已从 {w} x {h} 缩放到参考视频的 {wanted_w} x {wanted_h} 像素。",
            )
        )
    return wanted_w, wanted_h


def _rate(output: VideoInfo, reference: VideoInfo, notes: list[Note]) -> float:
    """The lower of two rates, so that no frame is shown twice."""
    rates = {"output": output.fps, "reference": reference.fps}
    slow, fast = sorted(rates, key=lambda name: rates[name])
    if rates[fast] / rates[slow] - 1 < _SAME_RATE:
        return rates["reference"]
    zh = {"output": "生成视频", "reference": "参考视频"}
    notes.append(
        Note(
            "resampled",
            f"The {fast}'s {rates[fast]:.2f} frames a second were thinned to the {slow}'s {rates[slow]:.2f}, "
            "nearest in time.",
            f"{zh[fast]}的 {rates[fast]:.2f} 帧/秒已按最近时刻抽取为{zh[slow]}的 {rates[slow]:.2f} 帧/秒。",
        )
    )
    return rates[slow]


def _frames(output: VideoInfo, reference: VideoInfo, fps: float, start_s: float, notes: list[Note]) -> int:
    """How many frames both have from the reference's `start_s` on."""
    if not 0 <= start_s < reference.duration_s:
        raise UserError(
            "bad_start",
            f"The start {start_s:g} s lies outside the reference, which is {reference.duration_s:.2f} s long.",
            f"起点 {start_s:g} 秒超出参考视频({reference.duration_s:.2f} 秒)的范围。",
        )
    left = reference.duration_s - start_s
    frames = int(min(output.duration_s, left) * fps + 0.5)
    if frames < MIN_FRAMES:
        raise UserError(
            "too_short",
            f"Too short: {max(frames, 0)} of at least {MIN_FRAMES} frames can be compared.",
            f"太短:可比较的只有 {max(frames, 0)} 帧,至少需要 {MIN_FRAMES} 帧。",
        )
    if start_s:
        notes.append(
            Note(
                "shifted",
                f"The output is compared with the reference from {start_s:g} s on.",
                f"生成视频与参考视频第 {start_s:g} 秒起的部分比较。",
            )
        )
    if abs(output.duration_s - left) > 1.5 / fps:
        notes.append(
            Note(
                "cut",
                f"The lengths differ ({output.duration_s:.2f} s and {left:.2f} s): the first {frames / fps:.2f} s of "
                "both are compared.",
                f"时长不同({output.duration_s:.2f} 秒与 {left:.2f} 秒):比较两者的前 {frames / fps:.2f} 秒。",
            )
        )
    return frames


def _say_format(info: VideoInfo, name: str, zh: str, notes: list[Note]) -> None:
    """Deep colour, turned pictures and uneven frames are handled, and told."""
    if info.bits > 8:
        notes.append(
            Note(
                "deep_colour",
                f"The {name} has {info.bits} bits a colour; it was measured with 8.",
                f"{zh}为 {info.bits} 位色深,按 8 位测量。",
            )
        )
    if info.rotation:
        notes.append(
            Note(
                "turned",
                f"The {name} was turned upright by {info.rotation} degrees, as its file says.",
                f"{zh}已按文件标记旋转 {info.rotation} 度。",
            )
        )
    if info.variable_rate:
        notes.append(
            Note(
                "uneven",
                f"The {name}'s frames are unevenly spaced; the nearest in time were taken.",
                f"{zh}的帧间隔不均匀,按最近时刻取帧。",
            )
        )
