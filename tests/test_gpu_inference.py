"""A video drawn through the card's path (where there is no card, by Warp on the CPU), what is said, and the profile."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import fake_gpus
import numpy as np
import pytest
import test_talkinggaussian as engine
from audio_files import write_wav
from avatars import write_avatar
from fake_gpus import H200
from talking_gaussian import devices
from talking_gaussian.avatar import Avatar, load_avatar
from talking_gaussian.devices import Choice, Gpu
from talking_gaussian.errors import UserError
from talking_gaussian.profiling import Profile
from talking_gaussian.rendering import card
from talking_gaussian.stage import Stage
from talking_gaussian.video.intra import IntraWriter
from talking_gaussian.video.mp4_writer import encoder_frame

GPU = Gpu(0, "NVIDIA H200", 143771, 143000, "580.95", (9, 0))


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_avatar(tmp_path_factory.mktemp("avatars") / "tiny")


@pytest.fixture
def warp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    wp = pytest.importorskip("warp", reason="warp-lang (the gpu part) is not installed")
    kept = wp.config.kernel_cache_dir
    wp.config.kernel_cache_dir = str(tmp_path_factory.getbasetemp() / "warp_kernels")
    wp.init()
    yield
    wp.config.kernel_cache_dir = kept


@pytest.mark.parametrize("degree", [0, 1, 3])
def test_the_cards_path_gives_the_cpus_video(warp: None, tmp_path: Path, degree: int) -> None:
    rng = np.random.default_rng(degree)
    person = load_avatar(
        write_avatar(
            tmp_path / "a",
            count=60,  # few, so that no two are as deep to within the CPU's 16 bits, which would swap them
            sh=rng.normal(0, 0.3, (60, 16, 3)).astype(np.float32),
            head_weight=rng.uniform(0, 1, 60).astype(np.float32),
            head=turning_heads(4),
        )
    )
    motion = rng.uniform(0, 1, (7, len(person.units))).astype(np.float32)
    drawn = Stage(person, 64, degree, on_card(person, batch=3))
    plain = Stage(person, 64, degree)
    theirs = [frame.copy() for frame in plain.frames(iter(motion), 25)]
    ours = list(drawn.frames(iter(motion), 25))
    assert len(ours) == len(theirs) == 7
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(ours, theirs, strict=True)) <= 1
    assert np.abs(theirs[0].astype(int) - theirs[6]).max() > 20  # the head moves, so frames are not mixed up
    for stage in (drawn, plain):
        stage.close()


@pytest.mark.parametrize("size", [64, 130])
def test_a_cards_planes_are_those_that_the_cpus_path_gives_the_encoder(warp: None, tmp_path: Path, size: int) -> None:
    """A noisy plate behind, since smooth colours would hide a wrong place or weight; swscale made the others."""
    person = load_avatar(write_avatar(tmp_path / "a", size=size, count=60, head=turning_heads(4)))
    write_noise(person.folder / "plates.mp4", size, 4)
    motion = np.random.default_rng(1).uniform(0, 1, (5, len(person.units))).astype(np.float32)
    stage = Stage(person, size, card=on_card(person, batch=2, size=size))
    ours = np.concatenate([planes.copy() for planes in stage.planes(iter(motion), 25)])
    theirs = np.stack([encoder_frame(frame).to_ndarray() for frame in stage.frames(iter(motion), 25)])
    off = np.abs(ours.astype(int) - theirs)
    assert off.max() <= 2 and (off > 1).mean() < 1e-3
    assert theirs[:, size:].std() > 10  # there is colour to get wrong
    stage.close()


def test_the_output_kernels_compile_for_cards(warp: None, tmp_path: Path) -> None:
    """Warp's own compiler needs no card; nothing is run."""
    import warp as wp
    from talking_gaussian.rendering import warp_output

    made = wp.compile_aot_module(warp_output, arch=90, module_dir=tmp_path, use_ptx=True)
    assert ".target sm_90" in Path(made[0]).read_text()


def write_noise(path: Path, size: int, plates: int) -> None:
    with IntraWriter(path, (size, size), 25) as writer:
        for picture in np.random.default_rng(2).integers(0, 256, (plates, size, size, 3), np.uint8):
            writer.write(picture)


PLATE = 64 * 64 * 3


@pytest.mark.parametrize(("kept", "loop"), [(0, "closed"), (3, "closed"), (9, "closed"), (2, "pingpong")])
def test_plates_that_stay_or_pass_through_are_the_right_ones(warp: None, tmp_path: Path, kept: int, loop: str) -> None:
    """Gaussians out of sight, so that pictures are plates; 60 frames a second of 25, so that plates come twice."""
    away = np.full((60, 3), -9, np.float32)
    person = load_avatar(write_avatar(tmp_path / "a", count=60, plates=9, plate_loop=loop, means=away))
    motion = np.zeros((70, len(person.units)), np.float32)
    drawn, plain = Stage(person, 64, card=on_card(person, batch=2, plate_bytes=kept * PLATE)), Stage(person, 64)
    theirs = [frame.copy() for frame in plain.frames(iter(motion), 60)]
    assert np.array_equal(list(drawn.frames(iter(motion), 60)), theirs)
    for stage in (drawn, plain):
        stage.close()


def test_plates_that_have_room_are_sent_once() -> None:
    pytest.importorskip("warp", reason="warp-lang (the gpu part) is not installed")
    from talking_gaussian.rendering.warp_plates import PlateRoom

    room = PlateRoom(slots=6, plates=6, batch=4)
    assert room.place(np.array([0, 0, 1, 5]))[1] == {0: 0, 1: 1, 5: 2}
    slots, sent = room.place(np.array([5, 4, 1, 4]))
    assert slots.tolist() == [2, 3, 1, 3] and sent == {4: 3}
    assert room.place(np.array([5, 4, 1, 0]))[1] == {}


def test_a_batch_never_takes_the_slots_of_the_one_before() -> None:
    pytest.importorskip("warp", reason="warp-lang (the gpu part) is not installed")
    from talking_gaussian.rendering.warp_plates import PlateRoom

    room = PlateRoom(slots=7, plates=90, batch=2)  # 3 stay, 2 times 2 pass
    used = [set(room.place(np.array([first, first + 1]))[0].tolist()) for first in range(3, 80, 2)]
    assert all(not one & other for one, other in pairwise(used))
    assert set.union(*used) <= set(range(7))


def on_card(person: Avatar, batch: int, size: int = 64, **more: Any) -> Any:
    """A card's renderer, or where there is none one on Warp's CPU device."""
    from talking_gaussian.rendering.warp_backend import WarpRenderer

    return WarpRenderer((size, size), len(person.means), batch, warp_device(), **more)


def warp_device() -> str:
    import warp as wp

    return "cuda:0" if wp.is_cuda_available() else "cpu"


def test_single_pictures_at_any_time_are_the_cpus(warp: None, tmp_path: Path) -> None:
    person = load_avatar(write_avatar(tmp_path / "a", count=60, plates=4, head=turning_heads(4)))
    drawn, plain = Stage(person, 64, card=on_card(person, batch=1)), Stage(person, 64)
    rng = np.random.default_rng(4)
    for seconds in (0.0, 0.13, 0.04, 7.01):
        coefficients = rng.uniform(0, 1, len(person.units)).astype(np.float32)
        off = drawn.draw(coefficients, seconds).astype(int) - plain.draw(coefficients, seconds)
        assert np.abs(off).max() <= 1
    for stage in (drawn, plain):
        stage.close()


def turning_heads(count: int) -> np.ndarray:
    """Poses [count, 4, 4] that turn about the vertical and move aside."""
    heads = np.tile(np.eye(4, dtype=np.float32), (count, 1, 1))
    for number, angle in enumerate(np.linspace(0, 0.4, count)):
        heads[number, :3, :3] = [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
        heads[number, 0, 3] = 0.02 * number
    return heads


def test_the_trial_picture_is_right_on_a_sound_renderer_and_wrong_on_a_broken_one(warp: None) -> None:
    from talking_gaussian.rendering.warp_backend import WarpRenderer

    class Broken(WarpRenderer):
        def render_over(self, splats, camera, plate, frame):
            frame[...] = plate

    size = (card.TRIAL_SIDE, card.TRIAL_SIDE)
    assert card.trial(WarpRenderer(size, card.TRIAL_GAUSSIANS, device=warp_device())) <= 1
    assert card.trial(Broken(size, card.TRIAL_GAUSSIANS, device=warp_device())) > card.TRIAL_LEVELS


def test_a_card_that_cuda_does_not_show_is_refused_when_named_and_left_alone_by_auto(
    warp: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import warp as wp

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")  # so that what take() sets is taken back
    monkeypatch.setattr(wp, "get_cuda_devices", list)
    with pytest.raises(UserError) as refused:
        card.open_card(Choice(GPU, named=True), 100, 64, Profile())
    assert refused.value.code == "gpu_refused" and "580.95" in refused.value.zh
    assert card.open_card(Choice(GPU), 100, 64, Profile()) is None
    assert "note: the CPU does the work: GPU 0 (NVIDIA H200) cannot be used" in capsys.readouterr().err


def test_short_memory_refuses_a_named_card_and_moves_auto_to_the_cpu(capsys: pytest.CaptureFixture[str]) -> None:
    full = Gpu(0, "Full", 8192, 100, "580.95", (8, 6))
    with pytest.raises(UserError, match="has 100 MiB free"):
        card.open_card(Choice(full, named=True), 30_000, 512, Profile())
    assert card.open_card(Choice(full), 30_000, 512, Profile()) is None
    assert "the CPU does the work: Full has 100 MiB free" in capsys.readouterr().err


def infer(avatar: Path, tmp_path: Path, *more: str) -> int:
    sound = write_wav(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.05, 8000).astype(np.float32), 16000)
    line = ["infer", "--avatar", str(avatar), "--audio_file", str(sound), "--output_file", str(tmp_path / "v.mp4")]
    return engine.main([*line, "--audio_features", "mel", *more])


def test_the_profile_says_where_the_time_went(avatar: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert infer(avatar, tmp_path, "--profile", "--gpu", "cpu") == 0
    lines = capsys.readouterr().out.splitlines()
    parts = {line.split("  ")[0]: float(line.split("%")[0].split()[-1]) for line in lines[:-1]}
    assert set(parts) == {"features", "motion", "plate", "project", "sort", "raster", "composite", "encode"}
    assert abs(sum(parts.values()) - 100) < 1
    assert lines[-1].startswith("13 frames in ")


def test_without_a_card_nothing_is_said_unless_one_was_asked_for(
    avatar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(devices.shutil, "which", lambda name: None)
    assert infer(avatar, tmp_path) == 0
    assert "note:" not in capsys.readouterr().err
    assert infer(avatar, tmp_path, "--gpu", "0") == 0
    assert "note: the CPU does the work, since no NVIDIA GPU was found" in capsys.readouterr().err


def test_a_number_that_no_card_has_ends_with_one_sentence(
    avatar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_gpus.install(tmp_path / "bin", monkeypatch, H200)
    assert infer(avatar, tmp_path, "--gpu", "3") == 2
    assert "error: There is no GPU 3; --gpu can be auto, cpu or one of: 0 (NVIDIA H200)." in capsys.readouterr().err
    assert not (tmp_path / "v.mp4").exists()
