"""Comparing two videos: how they are laid over each other, what the report holds; pictures only, without the mesh."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from evaluation.alignment import align, aligned_frames
from evaluation.measure import Comparison, Settings, compare, stride
from evaluation.metric import FramePair
from evaluation.metrics import METRICS, chosen
from evaluation.pictures import worst_moments, write_pair
from evaluation.report import Result, as_csv, as_json, as_latex, as_text, curves_csv
from evaluation.sound import found_at, sound_of
from evaluation_kit import moving_squares, write_video
from scipy.ndimage import gaussian_filter1d
from talking_gaussian.errors import UserError
from talking_gaussian.video.frames import probe_video, read_frames

FRAMES = moving_squares(30)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("reference") / "real.mp4", FRAMES)


def compared(output: Path, reference: Path, metrics: str = "psnr,ssim,flicker", start_s: float = 0.0) -> Comparison:
    return compare(Settings(output, reference, chosen(metrics), ("full",), start_s))


def codes(comparison: Comparison) -> list[str]:
    return [note.code for note in comparison.notes]


def value(comparison: Comparison, key: str) -> float:
    found = {row.key: row.value for row in comparison.rows}[key]
    assert found is not None
    return found


def test_a_video_equals_itself(reference: Path) -> None:
    comparison = compared(reference, reference)
    assert [row.value for row in comparison.rows] == [100.0, 1.0, 0.0]
    assert codes(comparison) == []
    assert comparison.alignment.frames == 30


def test_another_size_is_resized_and_said(reference: Path, tmp_path: Path) -> None:
    small = write_video(tmp_path / "small.mp4", np.ascontiguousarray(FRAMES[:, ::2, ::2]))
    comparison = compared(small, reference)
    assert codes(comparison) == ["resized"]
    assert value(comparison, "psnr") > 25


def test_another_rate_is_thinned_to_the_same_moments(reference: Path, tmp_path: Path) -> None:
    fast = write_video(tmp_path / "fast.mp4", np.repeat(FRAMES, 2, axis=0), fps=50)
    for first, second in ((fast, reference), (reference, fast)):
        comparison = compared(first, second)
        assert codes(comparison) == ["resampled"]
        assert comparison.alignment.fps == pytest.approx(25, abs=0.01)
        assert value(comparison, "psnr") > 40


def test_a_later_start_is_found_in_the_reference(reference: Path, tmp_path: Path) -> None:
    late = write_video(tmp_path / "late.mp4", FRAMES[10:])
    assert value(compared(late, reference, start_s=0.4), "psnr") > 40
    assert value(compared(late, reference), "psnr") < 25
    assert codes(compared(late, reference, start_s=0.4)) == ["shifted"]
    assert codes(compared(late, reference)) == ["cut"]


def test_other_shapes_are_refused(reference: Path, tmp_path: Path) -> None:
    wide = write_video(tmp_path / "wide.mp4", np.ascontiguousarray(FRAMES[:, 20:70]))
    with pytest.raises(UserError, match="96 x 50 px"):
        align(wide, reference)


@pytest.mark.parametrize("start_s", [-1.0, 1.2, 99.0])
def test_a_start_outside_the_reference_is_refused(reference: Path, start_s: float) -> None:
    with pytest.raises(UserError, match="outside the reference"):
        align(reference, reference, start_s)


def test_too_short_videos_are_refused(reference: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Too short"):
        align(write_video(tmp_path / "short.mp4", FRAMES[:2]), reference)


def test_hdr_is_refused_and_ten_bits_are_said(reference: Path, tmp_path: Path) -> None:
    deep = write_video(tmp_path / "deep.mp4", FRAMES, pix_fmt="yuv420p10le")
    assert codes(compared(deep, reference)) == ["deep_colour"]
    bright = write_video(tmp_path / "hdr.mp4", FRAMES, pix_fmt="yuv420p10le", color_trc=16)
    with pytest.raises(UserError, match="HDR"):
        align(bright, reference)


def test_frames_come_in_pairs_of_one_size(reference: Path) -> None:
    pairs = list(aligned_frames(align(reference, reference)))
    assert len(pairs) == 30
    assert all(made.shape == real.shape == (96, 96, 3) and (made == real).all() for made, real in pairs)


def test_a_video_without_sound_has_none(reference: Path) -> None:
    assert sound_of(reference) is None


def test_a_sound_is_found_in_the_recording_it_was_cut_from() -> None:
    draw = np.random.default_rng(1)
    whole = gaussian_filter1d(draw.normal(size=10 * 16_000), 3).astype(np.float32)
    part = whole[4 * 16_000 : 7 * 16_000] * 0.3 + 0.01 * draw.normal(size=3 * 16_000)
    assert found_at(part, whole) == pytest.approx(4.0, abs=0.01)
    assert found_at(draw.normal(size=3 * 16_000), whole) is None
    assert found_at(part[:1000], whole) is None


def test_slow_metrics_are_measured_on_frames_spread_evenly() -> None:
    assert METRICS["lpips_vgg"].at_most == 100
    assert [stride(METRICS["lpips_vgg"], frames) for frames in (80, 100, 101, 1500)] == [1, 1, 2, 15]
    assert stride(METRICS["psnr"], 1500) == 1


def test_worst_moments_are_not_neighbours() -> None:
    curve = np.array([0, 5, 9, 8, 0, np.nan, 7, 6, 1.0])
    assert worst_moments(curve, apart=3) == [2, 6]
    assert worst_moments(curve, apart=1, count=3) == [2, 3, 6]
    assert worst_moments(np.full(4, np.nan), apart=1) == []


def test_a_report_holds_every_figure(reference: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(-20, 20, FRAMES.shape)
    output = write_video(tmp_path / "model_50%.mp4", np.clip(FRAMES + noise, 0, 255).astype(np.uint8))
    result = Result("model_50%", compared(output, reference))
    report = json.loads(json.dumps(as_json(result), allow_nan=False))
    assert [row["key"] for row in report["metrics"]] == ["psnr", "ssim", "flicker"]
    psnr = report["metrics"][0]
    assert psnr["value"] == pytest.approx(np.mean(result.comparison.curves["psnr"]), abs=1e-5)
    assert psnr["real"] == 100.0 and psnr["direction"] == "higher" and psnr["title"]["zh"]
    table = list(csv.DictReader(io.StringIO(as_csv([result, result]))))
    assert [row["metric"] for row in table] == ["psnr", "ssim", "flicker"] * 2
    assert float(table[0]["value"]) == pytest.approx(psnr["value"], rel=1e-4)
    frames = list(csv.DictReader(io.StringIO(curves_csv(result.comparison))))
    assert len(frames) == 30 and frames[1]["time_s"] == "0.0400" and frames[0]["flicker"] == ""
    assert as_latex([result]).splitlines()[-1].startswith(r"model\_50\% & ")
    assert "PSNR" in as_text(result) and "峰值信噪比" in as_text(result, "zh")


def test_both_videos_stand_side_by_side(reference: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    write_pair(align(reference, reference), tmp_path / "pair.mp4", lambda step, of: steps.append((step, of)))
    info = probe_video(tmp_path / "pair.mp4")
    assert (info.width, info.height, info.frames) == (192, 96, 30)
    first = next(iter(read_frames(tmp_path / "pair.mp4")))
    assert np.abs(first[:, :96].astype(int) - first[:, 96:]).mean() < 4
    assert steps[-1] == (30, 30)


def test_a_cut_keeps_the_frame_before() -> None:
    pair = FramePair(FRAMES[1], FRAMES[1], FramePair(FRAMES[0], FRAMES[0])).cut((10, 20, 50, 40))
    assert pair.output.shape == (20, 40, 3)
    assert pair.before is not None and (pair.before.output == FRAMES[0, 20:40, 10:50]).all()
