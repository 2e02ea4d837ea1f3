"""Plates and the MP4 writer: numbers, loops, colours, sync and leaving nothing behind."""

from __future__ import annotations

import wave
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from avatars import write_avatar
from talking_gaussian.avatar import load_avatar
from talking_gaussian.errors import UserError
from talking_gaussian.video.intra import IntraVideo
from talking_gaussian.video.mp4_writer import AI_LABEL, Mp4Writer
from talking_gaussian.video.plate_reader import PlateReader
from talking_gaussian.video.plates import PlateLoop, between
from talking_gaussian.video.shared_video import SharedVideo


def write_tone(path: Path, seconds: float, rate: int = 16000) -> Path:
    samples = 0.3 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def test_any_plate_can_be_asked_for_in_any_order(tmp_path: Path) -> None:
    video = IntraVideo(write_avatar(tmp_path / "a", plates=6) / "plates.mp4", 64, lambda path: UserError("x", "x", "x"))
    for index in (3, 0, 5, 1, 1, 4, 2):
        assert abs(int(video.frame(index)[32, 32, 1]) - (40 + 20 * index)) <= 3


def test_a_pingpong_loop_turns_at_its_ends(tmp_path: Path) -> None:
    loop = PlateLoop(load_avatar(write_avatar(tmp_path / "a", plates=4, plate_loop="pingpong")), 64)
    levels = [round((int(loop.at(i / 25)[0][0, 0, 1]) - 40) / 20) for i in range(9)]
    assert levels == [0, 1, 2, 3, 2, 1, 0, 1, 2]


def test_a_closed_loop_starts_again(tmp_path: Path) -> None:
    loop = PlateLoop(load_avatar(write_avatar(tmp_path / "a", plates=3)), 64)
    assert [round((int(loop.at(i / 25)[0][0, 0, 1]) - 40) / 20) for i in range(5)] == [0, 1, 2, 0, 1]


@pytest.mark.parametrize("kind", ["closed", "pingpong"])
def test_many_times_at_once_are_each_of_them_alone(tmp_path: Path, kind: str) -> None:
    """Poses by the formula for one time: mixed linearly, then the nearest rotation."""
    rng, count = np.random.default_rng(3), 5
    heads = np.tile(np.eye(4, dtype=np.float32), (count, 1, 1))
    heads[:, :3, :3] = np.linalg.qr(np.eye(3) + 0.05 * rng.normal(size=(count, 3, 3)))[0]
    heads[:, :3, 3] = rng.normal(0, 0.01, (count, 3))
    own = rng.normal(0, 0.1, (count, 3)).astype(np.float32)
    folder = write_avatar(tmp_path / "a", plates=count, plate_loop=kind, head=heads)
    loop, times = PlateLoop(replace(load_avatar(folder), expression=own), 64), np.arange(30) / 60
    places = loop.places(times)
    for index, time in enumerate(times):
        at = time * 25
        ends = [fold(int(at + 1e-6) + step, count, kind) for step in (0, 1)]
        near = max(at - int(at + 1e-6), 0.0)
        blend = (1 - near) * heads[ends[0]] + near * heads[ends[1]]
        left, _, right = np.linalg.svd(blend[:3, :3])
        assert np.allclose(places.poses[index, :3, :3], left @ right, atol=1e-6)
        assert np.allclose(places.poses[index, :3, 3], blend[:3, 3], atol=1e-7)
        assert places.expression is not None
        assert np.allclose(places.expression[index], (1 - near) * own[ends[0]] + near * own[ends[1]], atol=1e-7)
        assert places.plates[index] == ends[int(near > 0.5)]


def fold(index: int, count: int, kind: str) -> int:
    order = [*range(count)] if kind == "closed" else [*range(count), *range(count - 2, 0, -1)]
    return order[index % len(order)]


def test_plates_asked_of_several_threads_come_in_the_order_asked(tmp_path: Path) -> None:
    reader = PlateReader(write_avatar(tmp_path / "a", plates=9) / "plates.mp4", 64, threads=3)
    asked = [8, 7, 6, 5, 0, 1, 3, 3, 2]
    read = [plate for piece in reader.ask(asked) for plate in piece.result()]
    assert [round((int(plate[32, 32, 1]) - 40) / 20) for plate in read] == asked
    reader.close()


def test_plates_that_are_damaged_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "plates.mp4").write_bytes(b"no video")
    reader = PlateReader(tmp_path / "plates.mp4", 64)
    with pytest.raises(UserError, match=r"plates\.mp4 cannot be decoded"):
        reader.ask([0])[0].result()
    reader.close()


def test_poses_that_do_not_fit_the_plates_are_refused(tmp_path: Path) -> None:
    poses = np.tile(np.eye(4, dtype=np.float32), (7, 1, 1))
    avatar = load_avatar(write_avatar(tmp_path / "a", plates=3, head=poses))
    with pytest.raises(UserError, match="7 poses"):
        PlateLoop(avatar, 64)


def test_a_pose_between_two_is_rigid() -> None:
    angle = 0.2
    turned = np.eye(4)
    turned[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    half = between(np.eye(4)[None], turned[None], np.array([0.5]))[0]
    assert np.allclose(half[:3, :3] @ half[:3, :3].T, np.eye(3))
    assert np.isclose(np.arctan2(half[1, 0], half[0, 0]), angle / 2)


@pytest.mark.parametrize("fps", [25, 30, 23.976])
def test_the_video_is_as_long_as_its_sound_and_labelled(tmp_path: Path, fps: float) -> None:
    sound, out = write_tone(tmp_path / "声音 'a'.wav", 2.0), tmp_path / "out.mp4"
    with Mp4Writer(out, 64, fps, sound) as writer:
        for index in range(int(np.ceil(2.0 * fps))):
            writer.write(np.full((64, 64, 3), (200, 30, index % 200), np.uint8))
    with av.open(str(out)) as container:
        assert container.metadata["comment"] == AI_LABEL
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert abs(float(video.duration * video.time_base) - 2.0) <= 1 / fps + 0.001
        assert abs(float(audio.duration * audio.time_base) - 2.0) < 0.08
        picture = next(container.decode(video)).to_ndarray(format="rgb24")
        assert np.abs(picture[20:40, 20:40].astype(int) - (200, 30, 0)).max() <= 6


def test_sound_and_picture_stay_together_to_the_end(tmp_path: Path) -> None:
    """A click and a flash at 59 s: where they come out tells the drift over a minute."""
    rate, fps, seconds, moment = 22050, 25, 60, 59.0
    samples = np.zeros(seconds * rate)
    samples[int(moment * rate) : int(moment * rate) + 200] = 0.9
    with wave.open(str(tmp_path / "click.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    with Mp4Writer(tmp_path / "out.mp4", 64, fps, tmp_path / "click.wav") as writer:
        for index in range(seconds * fps):
            writer.write(np.full((64, 64, 3), 255 if index == moment * fps else 0, np.uint8))
    with av.open(str(tmp_path / "out.mp4")) as container:
        flash = next(f.time for f in container.decode(video=0) if f.to_ndarray(format="gray").mean() > 100)
    with av.open(str(tmp_path / "out.mp4")) as container:
        loud = next(f for f in container.decode(audio=0) if np.abs(f.to_ndarray()).max() > 0.3)
        click = loud.time + np.abs(loud.to_ndarray()[0]).argmax() / loud.sample_rate
    assert abs(flash - click) < 1 / fps


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), Mp4Writer(tmp_path / "out.mp4", 64, 25, None) as writer:
        writer.write(np.zeros((64, 64, 3), np.uint8))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_video_that_threads_share_gives_each_its_frame_and_keeps_no_more_than_it_may(tmp_path: Path) -> None:
    path = write_avatar(tmp_path / "a", plates=6) / "plates.mp4"
    alone = IntraVideo(path, 64, lambda path: UserError("x", "x", "x"))
    expected = [alone.frame(number).copy() for number in range(6)]
    shared = SharedVideo(path, 64, lambda path: UserError("x", "x", "x"), cache_bytes=2 * 64 * 64 * 3)
    numbers = [int(number) for number in np.random.default_rng(0).integers(0, 6, 200)]
    with ThreadPoolExecutor(4) as threads:
        for number, frame in zip(numbers, threads.map(shared.frame, numbers), strict=True):
            assert np.array_equal(frame, expected[number])
    assert len(shared._kept) == 2
    assert shared.frame(3) is shared.frame(3)
    shared.close()
