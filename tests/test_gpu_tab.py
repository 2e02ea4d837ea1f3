"""The page on a machine with cards: the choice of a device in Generate, and the System tab's table."""

from __future__ import annotations

from pathlib import Path

import fake_gpus
import pytest
from fake_gpus import H200, RTX_5090

gr = pytest.importorskip("gradio", reason="the page needs gradio")

from avatars import write_avatar  # noqa: E402
from sounds import write_speechlike  # noqa: E402

from bridges import gpus  # noqa: E402
from bridges.jobs.job import list_jobs  # noqa: E402
from tabs import generate, system  # noqa: E402


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with one avatar and two cards, where no job really starts."""
    monkeypatch.setenv("TFG_HOME", str(tmp_path))
    monkeypatch.setattr("bridges.jobs.executor.LOCAL.submit", lambda folder: None)
    monkeypatch.setattr(gpus, "facts_of", lambda part: None)
    write_avatar(tmp_path / "avatars" / "tiny")
    fake_gpus.install(tmp_path / "bin", monkeypatch, H200, RTX_5090)
    return tmp_path


def test_each_card_can_be_chosen_and_the_job_takes_it(home: Path) -> None:
    offered = generate.device_choice()
    assert offered.visible and [value for _, value in offered.choices] == ["auto", "cpu", "0", "1"]
    sound = str(write_speechlike(home / "a.wav", 1))
    generate.start("tiny", sound, 0, 0, "visemes", 0, [], "en", "sound", "1")
    assert list_jobs()[0].request().fields()["device"] == "1"


def test_without_cards_there_is_nothing_to_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus.shutil, "which", lambda name: None)
    assert not generate.device_choice().visible


def test_the_system_tab_shows_each_card_in_both_languages(home: Path) -> None:
    table = system.report("en")
    assert "NVIDIA GeForce RTX 5090, 0.6 of 31.8 GB used, driver 580.95, sm_120" in table
    assert "--part gpu" in table
    assert "显存已用 0.6 / 31.8 GB" in system.report("zh")
