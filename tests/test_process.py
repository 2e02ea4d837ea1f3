"""A video becomes a dataset, and the dataset an avatar: the real programs on a short film of the bundled presenter."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import wave
from pathlib import Path

import av
import numpy as np
import pytest

PROJECT = Path(__file__).resolve().parents[1]
ENGINE = PROJECT / "TalkingGaussian"
SECONDS, SIZE = 4, 256
TINY = ("--held_out", "0.2")
STEPS = {"mouth": "12", "face": "30", "fuse": "20"}


def run(*line: object, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TFG_LANG": "en", **more}
    return subprocess.run(
        [str(word) for word in line], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def film(engine_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of the presenter talking, at a small size."""
    folder = tmp_path_factory.mktemp("film")
    with wave.open(str(ENGINE / "samples" / "en.wav")) as source, wave.open(str(folder / "s.wav"), "wb") as cut:
        cut.setparams(source.getparams())
        cut.writeframes(source.readframes(source.getframerate() * SECONDS))
    avatar = ENGINE / "avatars" / "presenter"
    line = ("infer", "--avatar", avatar, "--audio_file", folder / "s.wav", "--output_file", folder / "film.mp4")
    done = run("bash", ENGINE / "run_talkinggaussian.sh", *line, "--size", SIZE)
    assert done.returncode == 0, done.stderr
    return folder / "film.mp4"


@pytest.fixture(scope="module")
def dataset(film: Path, eval_python: Path) -> Path:
    """The film as process.py leaves it."""
    out = film.parent / "dataset"
    done = run("bash", ENGINE / "scripts" / "process.sh", film, "--out", out, "--size", SIZE)
    assert done.returncode == 0, done.stderr[-2000:]
    return out


def frames_of(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_every_file_of_a_dataset_covers_every_frame(dataset: Path) -> None:
    counts = {name: frames_of(dataset / name) for name in ("frames.mp4", "masks.mp4", "plates.mp4")}
    assert set(counts.values()) == {SECONDS * 25}
    with np.load(dataset / "fit.npz", allow_pickle=False) as fit:
        assert fit["poses"].shape == (SECONDS * 25, 4, 4)
        assert fit["error_px"].mean() < 2
        assert np.isfinite(fit["coefficients"]).all()
    with wave.open(str(dataset / "audio.wav")) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (16_000, 1)
        assert sound.getnframes() == SECONDS * 16_000
    for name in ("track", "worst", "masks", "plates"):
        assert (dataset / "previews" / f"{name}.jpg").stat().st_size > 2000


def test_masks_know_head_torso_and_background(dataset: Path) -> None:
    with av.open(str(dataset / "masks.mp4")) as container:
        levels = next(container.decode(video=0)).to_ndarray(format="rgb24")[..., 0]
    shares = {level: float((np.abs(levels.astype(int) - level) < 20).mean()) for level in (0, 85, 170)}
    assert min(shares.values()) > 0.05
    assert sum(shares.values()) > 0.98


def test_the_plate_keeps_the_torso_and_loses_the_head(dataset: Path) -> None:
    frame, mask, plate = (
        next(av.open(str(dataset / name)).decode(video=0)).to_ndarray(format="rgb24").astype(int)
        for name in ("frames.mp4", "masks.mp4", "plates.mp4")
    )
    head = np.abs(mask[..., 0] - 170) < 20
    torso = np.zeros_like(head)
    torso[-20:] = ~head[-20:]
    difference = np.abs(frame - plate).mean(-1)
    assert difference[head].mean() > 5 * difference[torso].mean()


def test_a_finished_stage_is_not_done_again(dataset: Path, film: Path) -> None:
    before = (dataset / "frames.mp4").stat().st_mtime_ns
    assert run("bash", ENGINE / "scripts" / "process.sh", film, "--out", dataset, "--size", SIZE).returncode == 0
    assert (dataset / "frames.mp4").stat().st_mtime_ns == before


def test_a_film_without_a_face_is_refused_in_a_sentence(tmp_path: Path, eval_python: Path) -> None:
    with av.open(str(tmp_path / "gray.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 128
        for _ in range(30):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((128, 128, 3), 90, np.uint8), "rgb24")))
        container.mux(stream.encode(None))
    done = run("bash", ENGINE / "scripts" / "process.sh", tmp_path / "gray.mp4", "--out", tmp_path / "data")
    assert done.returncode == 2
    assert "error: No face was found" in done.stderr
    assert "Traceback" not in done.stderr


def trained(program: str, dataset: Path, workspace: Path, *more: object) -> list[object]:
    """The command line of a short training."""
    line = (ENGINE / f"train_{program}.py", dataset, workspace, "--steps", STEPS[program], "--eval_every", 10)
    return ["env", f"PYTHONPATH={ENGINE}", os.sys.executable, *line, "--checkpoint_every", 5, *TINY, *more]


@pytest.fixture(scope="module")
def workspace(dataset: Path) -> Path:
    """Three short trainings of the dataset, one after the other."""
    pytest.importorskip("torch", reason="training needs torch")
    folder = dataset.parent / "workspace"
    for program in STEPS:
        done = run(*trained(program, dataset, folder))
        assert done.returncode == 0, done.stderr[-2000:]
    return folder


def test_a_training_gives_an_avatar_that_speaks_any_sound(workspace: Path, speech: Path, tmp_path: Path) -> None:
    avatar = workspace / "avatar"
    facts = json.loads((avatar / "avatar.json").read_text())
    assert facts["training"]["gaussians"] > 1000
    done = run(
        *("bash", ENGINE / "run_talkinggaussian.sh", "infer", "--avatar", avatar),
        *("--audio_file", speech, "--output_file", tmp_path / "out.mp4"),
    )
    assert done.returncode == 0, done.stderr
    with av.open(str(tmp_path / "out.mp4")) as container:
        pictures = [f.to_ndarray(format="rgb24").astype(int) for f in container.decode(video=0)]
    assert np.abs(pictures[10] - pictures[40]).mean() > 0.2  # it moves, on a loop longer than the film it was made of
    assert len(pictures) > SECONDS * 25


def test_held_out_frames_are_looked_at_and_drawn(workspace: Path) -> None:
    history = [json.loads(line) for line in (workspace / "face" / "history.jsonl").read_text().splitlines()]
    assert [line["step"] for line in history] == [10, 20, 30]
    assert history[-1]["psnr"] > 20
    assert 0 < history[-1]["lmd"] < 20
    assert (workspace / history[-1]["preview"]).is_file()
    assert frames_of(workspace / "heldout.mp4") == frames_of(workspace / "heldout_real.mp4") == 20


def test_a_stopped_training_goes_on_and_ends_the_same(dataset: Path, workspace: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    assert run(*trained("mouth", dataset, again)).returncode == 0
    line = [str(word) for word in trained("face", dataset, again)]
    process = subprocess.Popen(line, cwd=PROJECT, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    for said in process.stderr:
        if '"step": 1' in said:
            process.send_signal(signal.SIGTERM)
            break
    process.stderr.read()
    assert process.wait() == 128 + signal.SIGTERM
    done = run(*line)
    assert done.returncode == 0
    assert '"step": 1,' not in done.stderr
    first, second = (
        json.loads((f / "face" / "history.jsonl").read_text().splitlines()[-1]) for f in (workspace, again)
    )
    assert first["gaussians"] == second["gaussians"]
    assert first["psnr"] == pytest.approx(second["psnr"], abs=0.05)


def test_a_killed_training_leaves_nothing_half_made(dataset: Path, tmp_path: Path) -> None:
    line = [str(word) for word in trained("mouth", dataset, tmp_path / "w")]
    process = subprocess.Popen(line, cwd=PROJECT, stderr=subprocess.DEVNULL)
    time.sleep(4)
    process.kill()
    process.wait()
    done = run(*line)
    assert done.returncode == 0, done.stderr[-1000:]
    assert not list((tmp_path / "w").rglob("*.part"))


def test_an_unfinished_dataset_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    done = run(*trained("mouth", tmp_path / "data", tmp_path / "w"))
    assert done.returncode == 2
    assert "not finished" in done.stderr
