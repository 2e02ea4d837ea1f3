"""The encoder beside a card that draws: which one is taken, what becomes of a video when it fails."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import test_talkinggaussian as engine
from audio_files import write_wav
from avatars import write_avatar
from talking_gaussian import inference
from talking_gaussian.devices import Choice
from talking_gaussian.profiling import Pace, Profile
from talking_gaussian.video import encoders
from talking_gaussian.video.encoders import NVENC, NVENC_OPTIONS, Encoder, x264
from talking_gaussian.video.mp4_writer import Mp4Writer, encoder_frame
from test_gpu_inference import warp_device

HAS_NVENC = encoders.fault_of_nvenc(256, 25) == ""


def pictures(count: int, size: int = 64) -> list[np.ndarray]:
    """A bright bar that moves over a coloured slope."""
    rows, columns = np.mgrid[0:size, 0:size]
    still = np.stack([2 * rows, 2 * columns, 90 + 0 * rows], -1)
    return [np.where((columns // 8 == k % 8)[..., None], 235, still).astype(np.uint8) for k in range(count)]


def decoded(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="yuv420p") for frame in container.decode(video=0)])


def test_planes_are_written_as_the_pictures_that_they_are(tmp_path: Path) -> None:
    with (
        Mp4Writer(tmp_path / "a.mp4", 64, 25, None) as by_picture,
        Mp4Writer(tmp_path / "b.mp4", 64, 25, None) as by_planes,
    ):
        for picture in pictures(12):
            by_picture.write(picture)
            by_planes.write_planes(encoder_frame(picture).to_ndarray())
    assert np.array_equal(decoded(tmp_path / "a.mp4"), decoded(tmp_path / "b.mp4"))


def test_x264_on_several_cores_is_as_good_and_not_much_larger(tmp_path: Path) -> None:
    shown = pictures(60, 128)
    wanted = np.stack([encoder_frame(picture).to_ndarray() for picture in shown]).astype(float)
    sizes = []
    for name, encoder in (("one.mp4", x264()), ("many.mp4", Encoder("libx264", x264().options, threads=8))):
        with Mp4Writer(tmp_path / name, 128, 25, None, encoder) as writer:
            for picture in shown:
                writer.write(picture)
        assert 10 * np.log10(255**2 / np.mean((decoded(tmp_path / name) - wanted) ** 2)) > 40
        sizes.append((tmp_path / name).stat().st_size)
    assert sizes[1] < 1.1 * sizes[0]


@pytest.mark.skipif(HAS_NVENC, reason="this computer has NVENC")
def test_without_nvenc_x264_takes_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "cores", lambda: 16)
    assert encoders.beside_a_card(512, 25) == [Encoder("libx264", x264().options, threads=16)]


def test_nvenc_goes_first_where_the_trial_pictures_came_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "_encoded_trial", lambda size, fps: 900)
    first, second = encoders.beside_a_card(512, 25)
    assert first.name == NVENC and first.options["gpu"] == "0" and second.name == "libx264"
    monkeypatch.setattr(encoders, "_encoded_trial", lambda size, fps: 0)
    assert [encoder.name for encoder in encoders.beside_a_card(512, 25)] == ["libx264"]


def infer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> int:
    """A video drawn as by a card (where there is none, by Warp's CPU device)."""
    pytest.importorskip("warp", reason="warp-lang (the gpu part) is not installed")
    from talking_gaussian.rendering.warp_backend import WarpRenderer

    def opened(choice: Choice, gaussians: int, size: int, profile: Profile) -> Any:
        return WarpRenderer((size, size), gaussians, 4, warp_device(), profile, plate_bytes=10**6)

    monkeypatch.setattr(inference, "open_card", opened)
    sound = write_wav(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.05, 8000).astype(np.float32), 16000)
    avatar = write_avatar(tmp_path / "tiny")
    line = ["infer", "--avatar", str(avatar), "--audio_file", str(sound), "--output_file", str(tmp_path / "v.mp4")]
    return engine.main([*line, "--audio_features", "mel", "--gpu", "cpu", *more])


@pytest.mark.skipif(HAS_NVENC, reason="NVENC would not fail here")
def test_a_card_s_encoder_that_fails_is_said_and_x264_makes_the_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    both = [Encoder(NVENC, NVENC_OPTIONS), Encoder("libx264", x264().options, threads=2)]
    monkeypatch.setattr(encoders, "beside_a_card", lambda size, fps: both)
    assert infer(tmp_path, monkeypatch) == 0
    assert "note: the GPU's encoder failed (" in capsys.readouterr().err
    assert len(decoded(tmp_path / "v.mp4")) == 13
    assert sorted(path.name for path in tmp_path.glob("v.*")) == ["v.mp4"]


def test_what_sets_the_pace_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert infer(tmp_path, monkeypatch, "--profile") == 0
    told = capsys.readouterr()
    wanted = r"note: 13 frames in \d+\.\d s, \d+ a second once begun; the limit was .* of the time\n$"
    assert re.search(wanted, told.err)
    parts = {line.split("  ")[0] for line in told.out.splitlines()[:-1]}
    assert parts == {
        *("features", "motion", "project", "sort", "raster", "composite", "copy", "encode", "plate"),
    }


def test_the_pace_is_set_by_what_took_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 1.0, 4.0, 5.0, 5.5])
    monkeypatch.setattr("talking_gaussian.profiling.time.perf_counter", lambda: next(times))
    pace = Pace()
    assert pace.limit == ("", 0.0)
    for part in ("card", "encoder", "card", "", "card"):
        pace.now(part)
    assert pace.seconds == {"card": 2.0, "encoder": 3.0}
    assert pace.limit == ("encoder", 0.6)


@pytest.mark.parametrize("threads", [0, 4])
def test_memory_that_is_drawn_into_again_does_not_change_what_was_written(tmp_path: Path, threads: int) -> None:
    """A card's planes are handed on without a copy; the next batch comes to lie in the same place."""
    memory = np.full((96, 64), 128, np.uint8)
    lossless = Encoder("libx264", {"preset": "veryfast", "crf": "0"}, threads)
    with Mp4Writer(tmp_path / "steps.mp4", 64, 25, None, lossless) as writer:
        for number in range(30):
            memory[:64] = 20 + 5 * number
            writer.write_planes(memory)
            memory[:64] = 0
    with av.open(str(tmp_path / "steps.mp4")) as container:
        levels = [int(frame.to_ndarray()[0, 0]) for frame in container.decode(video=0)]
    assert levels == [20 + 5 * number for number in range(30)]
