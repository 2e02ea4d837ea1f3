"""The engine's command line: what a run gives, and that everything unusable ends in one sentence and no file."""

from __future__ import annotations

import os
import re
import shutil
import signal
import struct
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import test_talkinggaussian as engine
from avatars import write_avatar
from sounds import write_speechlike, write_wav
from talking_gaussian.video.mp4_writer import AI_LABEL

PROJECT = Path(__file__).resolve().parents[1]
SCRIPT = PROJECT / "TalkingGaussian" / "run_talkinggaussian.sh"
Refused = Callable[..., str]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_avatar(tmp_path_factory.mktemp("avatars") / "tiny")


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of something like speech."""
    return write_speechlike(tmp_path_factory.mktemp("sounds") / "second.wav", 1.0)


def arguments(avatar: Path | str, audio: Path | str, out: Path | str, *more: str) -> list[str]:
    line = ["infer", "--avatar", str(avatar), "--audio_file", str(audio), "--output_file", str(out)]
    return [*line, *(() if "--size" in more else ("--size", "128")), *more]


def sentences(errors: str) -> list[str]:
    return [line for line in errors.splitlines() if not line.startswith("@")]


@pytest.fixture
def refused(tiny: Path, second: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs `infer` in this process; it must end with exit code 2, one sentence and no file. Gives the sentence."""

    def run(*more: str, avatar: Path = tiny, audio: Path = second, out: Path = tmp_path / "results" / "out.mp4") -> str:
        assert engine.main(arguments(avatar, audio, out, *more)) == 2
        said = sentences(capsys.readouterr().err)
        assert len(said) == 1, said
        assert re.fullmatch(r"error: .*\.", said[0])
        if out.parent.is_dir():
            assert [path for path in out.parent.iterdir() if path.suffix in (".part", ".mp4") and path.is_file()] == []
        return said[0]

    return run


def made(out: Path) -> tuple[float, float, int, float]:
    """Seconds of picture, seconds of sound, side of the picture, frames a second of a finished video."""
    assert not out.with_name(out.name + ".part").exists()
    with av.open(f"file:{out.absolute()}") as video:
        picture, sound = video.streams.video[0], video.streams.audio[0]
        assert (picture.codec_context.name, sound.codec_context.name) == ("h264", "aac")
        assert video.metadata["comment"] == AI_LABEL
        seconds = [float(track.duration * track.time_base) for track in (picture, sound)]
        return seconds[0], seconds[1], picture.width, float(picture.average_rate)


def pictures(out: Path) -> np.ndarray:
    with av.open(str(out)) as video:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)])


# --- what a run gives -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "size", "fps"),
    [((), 128, 25), (("--size", "192", "--fps", "30"), 192, 30), (("--sh_degree", "0", "--fps", "12.5"), 128, 12.5)],
)
def test_a_video_has_the_length_of_its_sound(
    tiny: Path, second: Path, tmp_path: Path, options: tuple[str, ...], size: int, fps: float
) -> None:
    assert engine.main(arguments(tiny, second, tmp_path / "new" / "out.mp4", *options)) == 0
    picture_s, sound_s, side, rate = made(tmp_path / "new" / "out.mp4")
    assert abs(picture_s - 1) <= 1 / fps
    assert abs(sound_s - 1) < 0.08
    assert (side, rate) == (size, fps)


def test_the_same_seed_gives_the_same_frames(tiny: Path, tmp_path: Path) -> None:
    sound = write_speechlike(tmp_path / "s.wav", 4)
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        assert engine.main(arguments(tiny, sound, tmp_path / f"{name}.mp4", "--seed", seed, "--fps", "10")) == 0
    a, b, c = (pictures(tmp_path / f"{name}.mp4") for name in "abc")
    assert (a == b).all()
    assert (a != c).any()


def test_progress_names_the_stages_in_order(
    tiny: Path, second: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert engine.main(arguments(tiny, second, tmp_path / "out.mp4")) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == '@stages ["load", "audio", "render", "finish"]'
    stages = list(dict.fromkeys(re.findall(r'@progress {"stage": "(\w+)"', "\n".join(lines))))
    assert stages == ["load", "audio", "render", "finish"]


def test_silence_is_a_video_with_a_warning(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound = write_wav(tmp_path / "silence.wav", np.zeros(16000))
    assert engine.main(arguments(tiny, sound, tmp_path / "out.mp4", "--audio_features", "mel")) == 0
    assert "warning: no speech" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["-出 'a\" b.mp4", "12:30 a%d?.mp4"])
def test_odd_names_work_from_the_folder_they_lie_in(
    tiny: Path, second: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    audio, avatar = Path(name).with_suffix(".wav"), Path(name).with_suffix("")
    shutil.copy(second, tmp_path / audio)
    shutil.copytree(tiny, tmp_path / avatar)
    assert engine.main(arguments(avatar, audio, name)) == 0
    assert abs(made(Path(name))[0] - 1) <= 0.04


def float_wav(path: Path, samples: np.ndarray, channels: int = 1) -> Path:
    data = samples.astype("<f4").tobytes()
    form = struct.pack("<IHHIIHH", 16, 3, channels, 16000, 64000 * channels, 4 * channels, 32)
    chunks = b"WAVEfmt " + form + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(chunks)) + chunks)
    return path


@pytest.mark.parametrize("fault", ["some NaN", "far too loud", "nine channels", "tags in another alphabet"])
def test_small_faults_of_a_sound_do_not_stop_a_video(tiny: Path, second: Path, tmp_path: Path, fault: str) -> None:
    wave = 0.3 * np.sin(np.arange(16000) / 20)
    if fault == "some NaN":
        wave[3000:3100] = np.nan
    if fault == "far too loud":
        wave *= 1e30
    sound = float_wav(tmp_path / "s.wav", wave)
    if fault == "nine channels":
        float_wav(sound, wave.repeat(9), channels=9)
    if fault == "tags in another alphabet":
        tags = b"INFOINAM" + struct.pack("<I", 4) + b"\xe9\xe8\xff\x00"
        whole = second.read_bytes() + b"LIST" + struct.pack("<I", len(tags)) + tags
        sound.write_bytes(whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:])
    assert engine.main(arguments(tiny, sound, tmp_path / "out.mp4", "--audio_features", "mel")) == 0
    assert abs(made(tmp_path / "out.mp4")[1] - 1) < 0.08


# --- sounds that cannot be used ---------------------------------------------------------------------------------------


def three_hours(path: Path) -> Path:
    """A WAV of three silent hours that takes no room: a sparse file."""
    size = 3 * 3600 * 8000
    form = struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    path.write_bytes(b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + form + b"data" + struct.pack("<I", size))
    os.truncate(path, 44 + size)
    return path


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda folder: folder / "not there.wav", "no file"),
        (lambda folder: folder, "folder"),
        (lambda folder: write_wav(folder / "s.wav", np.zeros(0)), "no sound"),
        (lambda folder: write_wav(folder / "s.wav", np.zeros(800)), "0.05 s"),
        (lambda folder: float_wav(folder / "s.wav", np.full(32000, np.nan)), "not numbers"),
        (lambda folder: float_wav(folder / "s.wav", np.r_[np.zeros(170000), np.full(99999, np.nan)]), "not numbers"),
        (lambda folder: three_hours(folder / "s.wav"), "180 minutes"),
    ],
    ids=["missing", "folder", "empty", "0.05 s", "NaN", "NaN after ten seconds", "three hours"],
)
def test_a_sound_that_cannot_be_used(refused: Refused, tmp_path: Path, make: Callable[[Path], Path], word: str) -> None:
    assert word in refused(audio=make(tmp_path))


BAD = ("no_audio_track_13s.mp4", "no_face_30s.mp4", "silent_audio_5s.mp4", "text_named.mp4", "truncated_no_moov.mp4")
BAD += ("two_faces_6s.mp4",)
WITH_SOUND = {"two_faces_6s.mp4": None, "silent_audio_5s.mp4": "no speech", "no_face_30s.mp4": "no speech"}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_clip_as_avatar(refused: Refused, test_data: Path, name: str) -> None:
    assert "not a readable zip" in refused(avatar=test_data / "bad" / name)


@pytest.mark.parametrize("name", [name for name in BAD if name not in WITH_SOUND])
def test_a_bad_clip_as_sound(refused: Refused, test_data: Path, name: str) -> None:
    assert name in refused(audio=test_data / "bad" / name)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "warning"), WITH_SOUND.items())
def test_a_clip_unfit_for_training_may_still_give_its_sound(
    tiny: Path, test_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, warning: str | None
) -> None:
    quick = ("--audio_features", "mel", "--fps", "10")
    assert engine.main(arguments(tiny, test_data / "bad" / name, tmp_path / "out.mp4", *quick)) == 0
    assert abs(made(tmp_path / "out.mp4")[0] - float(re.findall(r"(\d+)s", name)[0])) < 0.3
    assert [warning in line for line in sentences(capsys.readouterr().err)] == ([True] if warning else [])


# --- avatars that cannot be used --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"means": np.full((200, 3), np.nan, np.float32)}, "NaN"),
        ({"basis": np.zeros((5, 200, 2), np.float16)}, "shape"),
        ({"head": np.zeros((4, 3, 3), np.float32)}, "shape"),
        ({"head": np.tile(np.eye(4, dtype=np.float32), (7, 1, 1))}, "7 poses do not fit 4 plates"),
        ({"format_version": 2}, "format_version"),
    ],
)
def test_an_avatar_that_cannot_be_used(refused: Refused, tmp_path: Path, changes: dict, word: str) -> None:
    assert word in refused(avatar=write_avatar(tmp_path / "a", **changes))


@pytest.mark.parametrize(
    ("file", "content"),
    [("plates.mp4", b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"), ("plates.mp4", b""), ("avatar.json", b"[" * 100_000)],
    ids=["a playlist for plates", "empty plates", "deep JSON"],
)
def test_an_avatar_with_a_file_of_something_else(refused: Refused, tmp_path: Path, file: str, content: bytes) -> None:
    (write_avatar(tmp_path / "a") / file).write_bytes(content)
    assert file in refused(avatar=tmp_path / "a")


def zipped(avatar: Path, archive: Path, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(archive, "w", compression) as bundle:
        for path in avatar.iterdir():
            bundle.write(path, path.name)
    return archive


def test_a_zip_with_a_name_that_leads_outside(refused: Refused, tiny: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(zipped(tiny, tmp_path / "a.zip"), "a") as bundle:
        bundle.writestr("../avatar.json", "{}")
    assert "no avatar has" in refused(avatar=tmp_path / "a.zip")
    assert not (tmp_path.parent / "avatar.json").exists()


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_zip_damaged_on_its_way(refused: Refused, tiny: Path, tmp_path: Path, compression: int) -> None:
    archive = zipped(tiny, tmp_path / "a.zip", compression)
    content = bytearray(archive.read_bytes())
    for at in range(100, len(content) - 1000, 500):
        content[at : at + 20] = bytes(20)
    archive.write_bytes(content)
    assert "zip" in refused(avatar=archive)


def test_an_import_into_a_home_that_is_a_file(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "home").write_text("")
    monkeypatch.setattr(engine, "HOME", tmp_path / "home")
    assert engine.main(["import_avatar", "--avatar", str(zipped(tiny, tmp_path / "a.zip"))]) == 2
    assert re.fullmatch(r"error: .* cannot be used: .*\n", capsys.readouterr().err)


# --- settings and places that cannot be used --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--size", value) for value in ("0", "127", "129", "4096", "x", "nan", "-2")),
        *(("--fps", value) for value in ("0", "9", "61", "nan", "inf", "many")),
        *(("--gpu", value) for value in ("banana", "-1", "0,1", "")),
        *(("--sh_degree", value) for value in ("-1", "4", "one")),
        *(("--seed", value) for value in ("-1", "99999999999999999999", "x")),
        ("--audio_features", "ears"),
        ("--nonsense", "1"),
    ],
)
def test_a_setting_out_of_range_is_named(refused: Refused, option: str, value: str) -> None:
    assert option in refused(option, value)


def test_a_missing_option_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert engine.main(["infer", "--avatar", "a"]) == 2
    assert "--audio_file" in capsys.readouterr().err
    assert engine.main([]) == 2


@pytest.mark.parametrize("name", ["out.avi", "out", "folder.mp4", "file/out.mp4", "file/deeper/out.mp4"])
def test_an_output_that_cannot_be_written(refused: Refused, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").write_text("")
    refused(out=tmp_path / name)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc")
def test_a_folder_that_takes_no_files(refused: Refused) -> None:
    assert "/proc/out.mp4" in refused(out=Path("/proc/out.mp4"))


def test_a_full_disk_is_said_so(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("talking_gaussian.inference.Mp4Writer.write", full)
    assert "disk is full" in refused()


def test_in_a_job_the_sentence_comes_in_both_languages(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TFG_JOB_DIR", str(tmp_path))
    monkeypatch.setenv("TFG_LANG", "zh")
    assert engine.main(arguments(tiny, tmp_path / "x.wav", tmp_path / "out.mp4")) == 2
    *_, report, sentence = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r'@error {"code": "audio_missing", "en": "There is .*", "zh": "找不到.*"}', report)
    assert sentence.startswith("error: 找不到")


# --- the real script --------------------------------------------------------------------------------------------------


def script(home: Path, *line: str, cwd: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TFG_HOME": str(home)}
    environment.pop("TFG_JOB_DIR", None)
    return subprocess.run(
        ["bash", str(SCRIPT), *line], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def odd_folder(tiny: Path, second: Path, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / '-it\'s "a" 文件夹 $HOME'
    folder.mkdir()
    shutil.copy(second, folder / "-声 '音\".wav")
    zipped(tiny, folder / "-头 像.zip")
    yield folder


@pytest.mark.slow
def test_the_script_takes_any_name(engine_home: Path, odd_folder: Path) -> None:
    done = script(engine_home, *arguments("-头 像.zip", "-声 '音\".wav", "-新 '夹/-影 片.mp4"), cwd=odd_folder)
    assert (done.returncode, sentences(done.stderr), done.stdout) == (0, [], "")
    assert abs(made(odd_folder / "-新 '夹" / "-影 片.mp4")[0] - 1) <= 0.04


@pytest.mark.slow
def test_the_script_installs_an_avatar_and_says_its_name(engine_home: Path, odd_folder: Path) -> None:
    done = script(engine_home, "import_avatar", "--avatar", "-头 像.zip", cwd=odd_folder)
    assert (done.returncode, done.stdout) == (0, "tiny\n")
    shutil.rmtree(engine_home / "avatars" / "tiny")


@pytest.mark.slow
def test_the_script_refuses_a_bad_sound_in_one_line(engine_home: Path, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    done = script(engine_home, *arguments(tiny, tmp_path / "text.wav", tmp_path / "out.mp4"))
    assert (done.returncode, done.stdout, len(sentences(done.stderr))) == (2, "", 1)
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["text.wav"]


def test_a_missing_environment_is_named_with_its_command(tiny: Path, second: Path, tmp_path: Path) -> None:
    done = script(tmp_path, *arguments(tiny, second, tmp_path / "out.mp4"))
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines() == [
        "error: environment talking_gaussian (inference) is not ready; "
        "create it with: python environments/manage.py create talking_gaussian"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_cancelled_run_leaves_no_file(engine_home: Path, tiny: Path, tmp_path: Path, how: signal.Signals) -> None:
    sound = write_speechlike(tmp_path / "s.wav", 60)
    line = ["bash", str(SCRIPT), *arguments(tiny, sound, tmp_path / "out.mp4", "--size", "512")]
    environment = {**os.environ, "TFG_HOME": str(engine_home)}
    with subprocess.Popen(line, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr is not None
        next(text for text in process.stderr if '"render"' in text and '"step"' in text)
        time.sleep(0.2)
        os.killpg(process.pid, how)
        assert "Traceback" not in process.stderr.read()
        process.wait(20)
    assert process.returncode == 128 + how
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.wav"]
