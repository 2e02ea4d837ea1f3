"""The preflight: what it says of real clips and of faults put into one, and how it hears."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from data_utils.preflight.hearing import RATE, listen
from data_utils.preflight.report import Report, Row, both, clock

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def reports(test_data: Path, eval_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """{file name: {row key: row}} of all videos, judged in one process of tg_eval."""
    scratch, out = tmp_path_factory.mktemp("videos"), tmp_path_factory.mktemp("reports") / "all.json"
    command = [str(eval_python), str(PROJECT / "tests" / "preflight_batch.py"), str(test_data), str(scratch), str(out)]
    environment = {"PYTHONPATH": str(PROJECT / "TalkingGaussian"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(out.read_text())
    return {name: {row["key"]: row for row in report["rows"]} for name, report in told.items()}


def states(report: dict, *wanted: str) -> set[str]:
    """The keys of the rows in one of these states."""
    return {key for key, row in report.items() if row["state"] in wanted}


pytestmark = pytest.mark.slow


def test_late_sound_is_found_and_its_shift_offered(reports: dict) -> None:
    row = reports["man_en_20s.mp4"]["offset"]
    assert row["state"] == "warn"
    assert 200 <= row["repair"]["sound_shift_ms"] <= 280
    assert "late" in row["value"]["en"]


@pytest.mark.parametrize("name", ["man_en_20s.mp4", "woman_zh_12s.mp4", "phone.mp4"])
def test_good_videos_raise_no_false_alarm(reports: dict, name: str) -> None:
    few = {"length"} if reports[name]["length"]["facts"]["seconds"] < 10 else set()
    assert states(reports[name], "bad", "warn") - {"offset"} == few


@pytest.mark.parametrize(
    ("name", "bad", "word"),
    [
        ("text_named.mp4", {"file"}, "cannot be read"),
        ("truncated_no_moov.mp4", {"file"}, "cannot be read"),
        ("no_face_30s.mp4", {"face", "sound"}, "one person"),
        ("no_audio_track_13s.mp4", {"sound"}, "microphone"),
        ("silent_audio_5s.mp4", {"length", "sound"}, "Too short"),
        ("two_faces_6s.mp4", {"people"}, "Only one person"),
        ("man_grid_a_3s.mpg", {"length"}, "Too short"),
        ("short.mp4", {"length"}, "Too short"),
        ("lying.mp4", {"size"}, "Turn the video"),
        ("beeps.mp4", {"speech"}, "Nobody seems to speak"),
    ],
)
def test_bad_videos_are_named_for_what_is_wrong_with_them(reports: dict, name: str, bad: set, word: str) -> None:
    report = reports[name]
    assert states(report, "bad") == bad
    assert any(word in report[key]["fix"]["en"] for key in bad)
    assert all(report[key]["fix"]["zh"] for key in bad)


def test_a_face_that_leaves_is_cut_away_by_a_trim_that_then_passes(reports: dict) -> None:
    row = reports["leaves.mp4"]["face"]
    assert (row["state"], row["facts"]["share"]) == ("bad", pytest.approx(0.833, abs=0.02))
    assert row["repair"]["start_s"] == pytest.approx(0, abs=0.3)
    assert row["repair"]["end_s"] == pytest.approx(8, abs=0.3)
    assert "8.0 s" in row["fix"]["en"]
    assert states(reports["leaves.mp4 0-8"], "bad", "warn") <= {"length", "offset"}


def test_a_long_video_is_cut_to_its_best_five_minutes(reports: dict) -> None:
    report = reports["long.mkv whole"]
    assert states(report, "bad") == {"length"}
    row = report["length"]
    assert row["facts"]["seconds"] == pytest.approx(660, abs=1)
    assert row["repair"]["end_s"] - row["repair"]["start_s"] == pytest.approx(300, abs=1)
    assert report["face"]["state"] == "ok"


def test_a_part_of_a_long_video_is_looked_at_twice_a_second(reports: dict) -> None:
    report = reports["long.mkv 0-40"]
    assert report["length"]["facts"]["seconds"] == 40
    assert states(report, "bad") == set()
    assert report["face"]["facts"]["share"] == 1


def test_sound_that_ends_early_is_trimmed_to_its_end(reports: dict) -> None:
    row = reports["sound_ends.mp4"]["sound"]
    assert row["state"] == "warn"
    assert "3.0 s before the picture" in row["value"]["en"]
    assert row["repair"]["end_s"] == pytest.approx(6.8, abs=0.3)


@pytest.mark.parametrize(
    ("name", "key", "word"),
    [
        ("noisy.mp4", "noise", "noisy"),
        ("loud_dark.mp4", "sound", "clipped"),
        ("loud_dark.mp4", "light", "dark"),
        ("no_face_30s.mp4", "rate", "12.5"),
    ],
)
def test_faults_that_do_not_forbid_a_training_are_warned_of(reports: dict, name: str, key: str, word: str) -> None:
    assert reports[name][key]["state"] == "warn"
    assert word in reports[name][key]["value"]["en"]


def test_odd_files_are_taken_as_they_come(reports: dict) -> None:
    assert reports["woman_zh_12s.mp4"]["rate"]["facts"]["variable"]
    assert "HEVC" in reports["phone.mp4"]["file"]["value"]["en"]
    assert "turned upright" in reports["phone.mp4"]["size"]["value"]["en"]
    assert "MPEG-PS" in reports["man_grid_a_3s.mpg"]["file"]["value"]["en"]


def test_every_row_speaks_both_languages_and_every_repair_is_one_of_the_trainings(reports: dict) -> None:
    from bridges.training import REPAIRS

    rows = [row for report in reports.values() for row in report.values()]
    for row in rows:
        for text in (row["title"], row["value"], row["fix"]):
            assert text is None or (text["en"] and text["zh"])
        assert set(row["repair"] or {}) <= set(REPAIRS)
        assert row["state"] not in ("warn", "bad") or row["fix"]


def test_the_whole_way_by_the_jobs_script(test_data: Path, eval_python: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    script = PROJECT / "TalkingGaussian" / "scripts" / "preflight.sh"
    video = test_data / "bad" / "text_named.mp4"
    done = subprocess.run(["bash", str(script), str(video), "--report", str(out)], capture_output=True, check=False)
    assert done.returncode == 0
    assert json.loads(out.read_text())["state"] == "bad"
    done = subprocess.run(["bash", str(script), str(video)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "cannot be read" in done.stdout


# --- without the face mesh --------------------------------------------------------------------------------------------


def film(path: Path, sound: np.ndarray) -> Path:
    """A grey video with this sound (float, 16 kHz)."""
    with av.open(str(path), "w") as container:
        video, audio = (
            container.add_stream("libx264", rate=25),
            container.add_stream("pcm_s16le", rate=RATE, layout="mono"),
        )
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        for _ in range(len(sound) * 25 // RATE):
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="rgb24")))
        container.mux(video.encode(None))
        for at in range(0, len(sound), 1024):
            block = av.AudioFrame.from_ndarray((sound[None, at : at + 1024] * 32767).astype(np.int16), "s16", "mono")
            block.sample_rate, block.pts = RATE, at
            container.mux(audio.encode(block))
    return path


def buzz(seconds: float) -> np.ndarray:
    """Syllables of a voice at 120 Hz, with pauses."""
    time = np.arange(round(seconds * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * 120 * n * time) / n for n in range(1, 12))
    return 0.2 * voice * (np.sin(2 * np.pi * 2.5 * time) > -0.2)


def test_a_voice_is_told_from_hiss_and_whistles(tmp_path: Path) -> None:
    time = np.arange(4 * RATE) / RATE
    rng = np.random.default_rng(0)
    heard = {
        "voice": buzz(4),
        "hiss": 0.1 * rng.normal(0, 1, 4 * RATE).clip(-3, 3) / 3,
        "whistle": 0.3 * np.sin(2 * np.pi * 1500 * time),
    }
    share = {name: listen(film(tmp_path / f"{name}.mkv", sound), 0, 4).speech.mean() for name, sound in heard.items()}
    assert share["voice"] > 0.8
    assert share["hiss"] < 0.1
    assert share["whistle"] < 0.1


def test_noise_fills_the_gaps_that_speech_leaves(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.03, 4 * RATE)
    clean, noisy = (listen(film(tmp_path / f"{n}.mkv", s), 0, 4) for n, s in enumerate((buzz(4), buzz(4) + noise)))
    assert clean.gap_db > noisy.gap_db + 10


def test_clipping_and_silence_are_measured(tmp_path: Path) -> None:
    assert listen(film(tmp_path / "loud.mkv", np.clip(9 * buzz(2), -1, 1)), 0, 2).clipped > 0.1
    assert listen(film(tmp_path / "fine.mkv", buzz(2)), 0, 2).clipped == 0
    assert listen(film(tmp_path / "none.mkv", np.zeros(2 * RATE)), 0, 2).silent


def test_a_stretch_of_the_sound_begins_where_it_was_asked_for(tmp_path: Path) -> None:
    sound = np.concatenate([np.zeros(3 * RATE), buzz(1), np.zeros(2 * RATE)])
    heard = listen(film(tmp_path / "late.mkv", sound), 2.5, 5.5)
    first = np.flatnonzero(heard.level > -40)[0] / 50
    assert first == pytest.approx(0.5, abs=0.04)
    assert len(heard.samples) == 3 * RATE


def test_a_report_is_as_bad_as_its_worst_row() -> None:
    good, bad = (Row(state, state, both("a", "b"), both("c", "d")) for state in ("info", "bad"))
    assert (Report([]).state, Report([good]).state, Report([good, bad]).state) == ("ok", "info", "bad")
    assert Report([good, bad]).row("bad") is bad
    assert (clock(4.25), clock(65), clock(1800)) == ("4.2 s", "1:05", "30:00")
