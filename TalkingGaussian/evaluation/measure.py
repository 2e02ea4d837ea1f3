"""Compare an output with its reference: one pass over the pictures, then the figures of the whole clips."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from talking_gaussian.errors import UserError

from evaluation.alignment import Alignment, Note, align, aligned_frames
from evaluation.external import measure_external
from evaluation.faces import Meshes, face_difference, region_box
from evaluation.landmarks import eye_distance, mouth_opening, mouth_width
from evaluation.metric import Clip, FramePair, Lack, Measured
from evaluation.metrics import Metric
from evaluation.series import mean
from evaluation.sound import found_at, sound_of
from evaluation.threads import in_threads

MIN_FACES = 0.2  # share of frames with a face below which there is nothing to say of lips
WRONG_START_S = 0.5  # farther off than any fault of sync
OTHER_PERSON = 0.015  # faces whose steady shapes differ by more than this (of eye distances) are likely two people's
_THREADS = max(1, min(4, os.cpu_count() or 1))


@dataclass(frozen=True)
class Settings:
    """What to measure. output, reference: video files; metrics: of evaluation.metrics.METRICS; regions: of full, face,
    mouth; start_s: the moment of the reference that the output begins with.
    """

    output: Path
    reference: Path
    metrics: Sequence[Metric]
    regions: Sequence[str] = ("full",)
    start_s: float = 0.0


@dataclass(frozen=True)
class Row:
    """One figure. region: full, face, mouth or "" where a metric has none; value, real, frozen: of the output, of the
    reference itself, of the reference with a mouth that stands still in its mean; None: not defined.
    """

    metric: Metric
    region: str
    value: float | None
    real: float | None = None
    frozen: float | None = None
    spread: float | None = None
    note: dict[str, str] | None = None
    detail: dict[str, float] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The metric's name, with its region unless that is the full frame."""
        return f"{self.metric.name}_{self.region}" if self.region not in ("", "full") else self.metric.name


@dataclass(frozen=True)
class Comparison:
    """Everything measured. curves: key -> [T] (NaN: not defined there), also opening and width of both mouths in px;
    faces: frames with a face in (output, reference); missing: (metric, why it could not be measured).
    """

    alignment: Alignment
    rows: list[Row]
    curves: dict[str, np.ndarray]
    faces: tuple[int, int]
    missing: list[tuple[Metric, Lack]]
    notes: list[Note]
    took_s: float


class _Seen(NamedTuple):
    """What one moment gave: points of (output, reference), and figures by key."""

    points: tuple[np.ndarray, np.ndarray]
    figures: dict[str, float]


def compare(settings: Settings, step: Callable[[int, int], None] = lambda step, of: None) -> Comparison:
    """Measure; step(done, of) is called after every frame.

    Raises UserError for files that cannot be compared, and where lips are asked for and a video shows no face.
    """
    began = time.monotonic()
    alignment = align(settings.output, settings.reference, settings.start_s)
    missing = [(metric, lack) for metric in settings.metrics if (lack := metric.lack())]
    chosen = [metric for metric in settings.metrics if metric not in [metric for metric, _ in missing]]
    pictures = [metric for metric in chosen if metric.of_frame]
    seen = _watch(alignment, pictures, settings.regions, _faces_needed(chosen, settings.regions), step)
    points = [np.stack([moment.points[index] for moment in seen]) for index in (0, 1)]
    faces = tuple(int(np.isfinite(track[:, 0, 0]).sum()) for track in points)
    notes = list(alignment.notes)
    if _faces_needed(chosen, settings.regions):
        _check_faces(alignment, faces, points, notes)
    curves = {key: np.array([moment.figures.get(key, np.nan) for moment in seen]) for key in _keys(seen)}
    rows = [_picture_row(metric, region, curves) for metric in pictures for region in settings.regions]
    clip = _clip(alignment, points, chosen, notes)
    rows += [_clip_row(metric, metric.of_clip, clip, curves) for metric in chosen if metric.of_clip]
    rows += _external_rows(alignment, [metric for metric in chosen if metric.video_program], missing)
    if any(faces):
        curves |= _mouths(points)
    rows.sort(key=lambda row: settings.metrics.index(row.metric))
    return Comparison(alignment, rows, curves, (faces[0], faces[1]), missing, notes, time.monotonic() - began)


def _faces_needed(metrics: Sequence[Metric], regions: Sequence[str]) -> bool:
    cut = any(region != "full" for region in regions) and any(metric.of_frame for metric in metrics)
    return cut or any("faces" in metric.needs for metric in metrics)


def _watch(
    alignment: Alignment,
    metrics: Sequence[Metric],
    regions: Sequence[str],
    faces: bool,
    step: Callable[[int, int], None],
) -> list[_Seen]:
    """The pass over the pictures: meshes and figures of every moment, a few moments at once."""
    cv2.setNumThreads(1)  # the moments run side by side already
    seen: list[_Seen] = []
    with Meshes(_THREADS if faces else 0) as meshes:

        def look(pair: FramePair) -> _Seen:
            unknown = np.full((478, 3), np.nan, np.float32)
            points = [meshes.points(frame) if faces else unknown for frame in (pair.output, pair.reference)]
            due = [metric for metric in metrics if pair.index % stride(metric, alignment.frames) == 0]
            return _Seen((points[0], points[1]), _figures(pair, points[1], due, regions))

        for moment in in_threads(look, _pairs(alignment), _THREADS):
            seen.append(moment)
            step(len(seen), alignment.frames)
    if not seen:
        raise UserError("too_short", "No frames could be read.", "无法读取任何画面。")
    return seen


def stride(metric: Metric, frames: int) -> int:
    """Every how many frames a metric is measured."""
    return -(-frames // metric.at_most) if metric.at_most else 1


def _pairs(alignment: Alignment) -> Iterator[FramePair]:
    """The moments, each with the one before it."""
    before = None
    for index, (output, reference) in enumerate(aligned_frames(alignment)):
        yield FramePair(output, reference, before, index)
        before = FramePair(output, reference)


def _figures(
    pair: FramePair, points: np.ndarray, metrics: Sequence[Metric], regions: Sequence[str]
) -> dict[str, float]:
    """Every picture metric in every region: key -> figure."""
    figures: dict[str, float] = {}
    height, width = pair.output.shape[:2]
    for region in regions:
        box = region_box(region, points, width, height)
        if box is None:
            continue
        part = pair if region == "full" else pair.cut(box)
        for metric in metrics:
            if metric.of_frame:
                figures[Row(metric, region, None).key] = metric.of_frame(part)
    return figures


def _keys(seen: Sequence[_Seen]) -> list[str]:
    return list(dict.fromkeys(key for moment in seen for key in moment.figures))


def _check_faces(alignment: Alignment, faces: tuple[int, ...], points: Sequence[np.ndarray], notes: list[Note]) -> None:
    """Refuse videos without a face; note gaps, and two people."""
    total = len(points[0])
    for path, count, en, zh in zip(
        (alignment.output, alignment.reference), faces, ("output", "reference"), ("生成视频", "参考视频"), strict=True
    ):
        if count < MIN_FACES * total:
            raise UserError(
                "no_face",
                f"The {en} {path.name!r} shows no face that could be followed (found in {count} of {total} frames). "
                "Choose a video of a face seen from the front, or picture metrics of the full frame only.",
                f"{zh} {path.name!r} 中没有可跟踪的人脸({total} 帧中只有 {count} 帧)。"
                "请选择正面人脸视频,或只选全画面的图像指标。",
            )
        if count < total:
            notes.append(
                Note(
                    "faces_missing",
                    f"The {en} shows no face in {total - count} of {total} frames; they do not count for lips.",
                    f"{zh}的 {total} 帧中有 {total - count} 帧没有检测到人脸,口型指标不计入这些帧。",
                )
            )
    difference = face_difference(points[0], points[1])
    if difference is not None and difference > OTHER_PERSON:
        notes.append(
            Note(
                "other_person",
                "These look like two different people (or the picture was stretched): figures that compare pixels or "
                "points between them mean little.",
                "这看起来是两个不同的人(或画面被拉伸):在两者之间比较像素或关键点的指标意义不大。",
            )
        )


def _clip(alignment: Alignment, points: Sequence[np.ndarray], metrics: Sequence[Metric], notes: list[Note]) -> Clip:
    """The whole clips, with their sound where a metric asks for it."""
    sounds: list[np.ndarray | None] = [None, None]
    if any("sound" in metric.needs for metric in metrics):
        sounds = [sound_of(alignment.output), sound_of(alignment.reference, alignment.start_s)]
        _hint_start(alignment, sounds[0], notes)
        for sound, en, zh in zip(sounds, ("output", "reference"), ("生成视频", "参考视频"), strict=True):
            if sound is None:
                notes.append(Note("no_sound", f"The {en} has no sound, or only silence.", f"{zh}没有声音,或只有静音。"))
    first, second = alignment.output_info, alignment.reference_info
    return Clip(
        output=points[0],
        reference=points[1],
        fps=alignment.fps,
        output_sound=sounds[0],
        reference_sound=sounds[1],
        file_fps=(first.fps, second.fps),
        file_seconds=(first.duration_s, second.duration_s),
    )


def _hint_start(alignment: Alignment, sound: np.ndarray | None, notes: list[Note]) -> None:
    """Where the output's sound is found elsewhere in the reference than where they were compared, say so."""
    whole = sound_of(alignment.reference)
    if sound is None or whole is None:
        return
    at = found_at(sound, whole)
    if at is not None and abs(at - alignment.start_s) > WRONG_START_S:
        notes.append(
            Note(
                "start_elsewhere",
                f"The output's sound is found at {at:.2f} s of the reference, but it was compared from "
                f"{alignment.start_s:g} s on: give that second as the start.",
                f"生成视频的声音出现在参考视频的 {at:.2f} 秒处,而比较从 {alignment.start_s:g} 秒开始:"
                "请把该秒数设为起点。",
            )
        )


def _picture_row(metric: Metric, region: str, curves: dict[str, np.ndarray]) -> Row:
    """The mean over the frames."""
    row = Row(metric, region, None)
    curve = curves.get(row.key, np.zeros(0))
    good = curve[np.isfinite(curve)]
    if not len(good):
        en = f"The {region} region is too small for this metric, or was never seen."
        zh = "该区域太小,或从未检测到,无法计算此指标。"
        return Row(metric, region, None, metric.real, note={"en": en, "zh": zh})
    return Row(metric, region, mean(good), metric.real, spread=float(good.std()))


def _clip_row(metric: Metric, measure: Callable[[Clip], Measured], clip: Clip, curves: dict[str, np.ndarray]) -> Row:
    """The figure of the output, of the reference, and of its frozen mouth; a curve goes to `curves`."""
    found = measure(clip)
    if found.frames is not None:
        curves[metric.name] = found.frames
    real = metric.real if metric.real is not None else measure(clip.real()).value
    frozen = measure(clip.frozen()).value if "faces" in metric.needs else None
    spread = None if found.frames is None else float(np.nanstd(found.frames))
    return Row(metric, "", found.value, real, frozen, spread, found.note, found.detail)


def _external_rows(alignment: Alignment, metrics: Sequence[Metric], missing: list[tuple[Metric, Lack]]) -> list[Row]:
    """Metrics of single pictures, measured by a program of another environment on output and reference."""
    if not metrics:
        return []
    names = [metric.video_program for metric in metrics]
    videos = ((alignment.output, 0.0), (alignment.reference, alignment.start_s))
    found: list[dict[str, Measured]] = []
    for figures in in_threads(lambda video: measure_external(names, *video, alignment.seconds), videos, len(videos)):
        if isinstance(figures, Lack):
            missing += [(metric, figures) for metric in metrics]
            return []
        found.append(figures)
    rows = []
    for metric in metrics:
        own, other = (figures[metric.video_program] for figures in found)
        rows.append(Row(metric, "", own.value, other.value, note=own.note, detail=own.detail))
    return rows


def _mouths(points: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Curves to draw: how open and how wide both mouths are, percent of the eyes' distance."""
    curves = {}
    for name, track in zip(("", "_reference"), points, strict=True):
        unit = eye_distance(track) / 100
        curves[f"mouth_opening{name}"] = mouth_opening(track) / unit
        curves[f"mouth_width{name}"] = mouth_width(track) / unit
    return curves
