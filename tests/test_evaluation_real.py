"""The evaluation on real clips: figures of the known pair, offsets that were measured otherwise, bad input."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def answers(test_data: Path, eval_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the engine says, in one process of tg_eval."""
    out = tmp_path_factory.mktemp("evaluation") / "answers.json"
    command = [str(eval_python), str(PROJECT / "tests" / "evaluation_batch.py"), str(test_data), str(out)]
    environment = {"PYTHONPATH": str(PROJECT / "TalkingGaussian"), "PATH": "/usr/bin:/bin", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(out.read_text())


@pytest.mark.parametrize(
    ("key", "expected", "within"),
    [
        ("lmd", 3.01, 0.1),
        ("lmd_centred", 2.17, 0.1),
        ("opening", 0.617, 0.02),
        ("rounding", 0.715, 0.02),
        ("psnr", 33.73, 0.05),
        ("psnr_face", 28.51, 0.05),
        ("psnr_mouth", 24.32, 0.05),
    ],
)
def test_the_known_pair_has_its_known_figures(
    answers: dict[str, Any], key: str, expected: float, within: float
) -> None:
    assert answers["pair"][key]["value"] == pytest.approx(expected, abs=within)


def test_the_output_lies_between_the_frozen_mouth_and_the_real_video(answers: dict[str, Any]) -> None:
    for key in ("lmd", "lmd_centred", "opening", "rounding", "aue_mouth", "sync_confidence"):
        row = answers["pair"][key]
        assert min(row["frozen"], row["real"]) < row["value"] < max(row["frozen"], row["real"]), key
    assert answers["pair"]["opening"]["frozen"] == 0
    assert answers["pair"]["sync_confidence"]["frozen"] == 0


@pytest.mark.parametrize(("clip", "ms"), [("man_en_20s.mp4", 240), ("man_en_15s.mp4", -120)])
def test_late_and_early_sound_is_found(answers: dict[str, Any], clip: str, ms: float) -> None:
    found = answers["offsets"][clip]["0"]
    assert found["ms"] == pytest.approx(ms, abs=40)
    assert found["confidence"] >= 0.5


@pytest.mark.parametrize("clip", ["man_en_20s.mp4", "man_en_15s.mp4", "man_en_8s.mp4"])
@pytest.mark.parametrize("shift", [-400, -160, 160, 400])
def test_sound_moved_by_hand_is_recovered(answers: dict[str, Any], clip: str, shift: int) -> None:
    found = answers["offsets"][clip]
    assert found[str(shift)]["ms"] - found["0"]["ms"] == pytest.approx(shift, abs=40)


def test_the_sound_of_another_clip_is_inconclusive(answers: dict[str, Any]) -> None:
    assert answers["swapped"]["confidence"] < 0.5


def test_two_people_are_told_from_one(answers: dict[str, Any]) -> None:
    assert answers["person"] < 0.015 < answers["people"]


def test_bad_input_is_refused_or_noted(answers: dict[str, Any]) -> None:
    assert answers["no_face"] == "no_face"
    assert answers["silent"] == "no_sound,no_sound"
    assert answers["no_video"] == "video_unreadable"
