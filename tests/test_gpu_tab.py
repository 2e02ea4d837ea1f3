"""The page on a machine with cards: the choice of a device in Generate and Train, and the System tab's table."""

from __future__ import annotations

from pathlib import Path

import fake_gpus
import pytest
from fake_gpus import H200, RTX_5090

gr = pytest.importorskip("gradio", reason="the page needs gradio")

from avatars import write_avatar  # noqa: E402
from sounds import write_speechlike  # noqa: E402
from test_train_tab import OWNER, begin, end  # noqa: E402

import demo  # noqa: E402
from bridges import environments, gpus, training  # noqa: E402
from bridges.jobs.job import list_jobs  # noqa: E402
from bridges.requests import GenerateRequest  # noqa: E402
from tabs import generate, system, train  # noqa: E402


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with one avatar and two cards, where no job really starts."""
    monkeypatch.setenv("TFG_HOME", str(tmp_path))
    monkeypatch.setattr("bridges.jobs.executor.LOCAL.submit", lambda folder: None)
    monkeypatch.setattr("bridges.jobs.executor.LOCAL.lives", lambda job: True)
    monkeypatch.setattr(environments, "prepare_if_missing", lambda name, part="inference": None)
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


def command_of(training_id: str) -> str:
    request = training.get_training(training_id).job.request()
    return " ".join(request.command(Path("job")))


def test_a_training_takes_the_card_that_was_chosen(home: Path) -> None:
    begin(home, device="1")
    job = training.get_training("ann").job
    assert job.request().seat() == "gpu-1"
    assert "--gpu 1" in command_of("ann")
    assert ("talking_gaussian", "gpu") in job.request().environments()


def test_a_training_of_auto_holds_the_seat_of_a_card_that_is_free(home: Path) -> None:
    begin(home)
    job = training.get_training("ann").job
    assert job.request().seat() == "gpu-0,1"  # the part that works on it is made before the job begins
    assert "--gpu" not in command_of("ann")


def test_videos_wait_for_no_training_where_it_has_the_last_card(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "part_is_ready", lambda part: True)
    video = GenerateRequest("tiny", "a.wav")
    begin(home)
    assert video.seat() == "gpu-0,1"  # whichever the training leaves
    begin(home)
    assert video.seat() == "cpu"
    end(training.get_training("ann").job)
    assert video.seat() == "gpu-0,1"


def test_a_training_on_the_cpu_needs_nothing_of_cards(home: Path) -> None:
    begin(home, device="cpu")
    job = training.get_training("ann").job
    assert job.request().seat() == "train"
    assert ("talking_gaussian", "gpu") not in job.request().environments()


def test_a_training_goes_on_where_it_is_told_to(home: Path) -> None:
    begin(home, device="1")
    end(training.get_training("ann").job, state="failed")
    assert train.look_at([], "ann", "en", OWNER)[-1]["value"] == "1"
    with pytest.raises(gr.Error, match="no GPU 7"):
        train.resume("ann", [], "en", "7", OWNER)
    train.resume("ann", [], "en", "cpu", OWNER)
    assert training.get_training("ann").job.request().seat() == "train"
    assert "--gpu cpu" in command_of("ann")


def test_a_training_whose_card_is_gone_is_offered_any(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(home, device="1")
    fake_gpus.install(home / "bin", monkeypatch, H200)
    assert train.look_at([], "ann", "en", OWNER)[-1]["value"] == "auto"


def test_a_training_time_that_is_the_cpus_says_so(home: Path) -> None:
    row = {"key": "estimate", "state": "info", "facts": {"seconds": {"draft": 300}}}
    choices = train.preset_choices("en", {"rows": [row]}).choices
    assert choices[0] == ("Draft, about 5 min on the CPU", "draft")


@pytest.mark.parametrize(("capability", "parts"), [("9.0", ["inference", "gpu"]), ("6.1", ["inference"])])
def test_the_first_start_brings_what_draws_on_a_card_that_can(
    home: Path, monkeypatch: pytest.MonkeyPatch, capability: str, parts: list[str]
) -> None:
    prepared: list[str] = []
    monkeypatch.setattr(environments, "prepare_if_missing", lambda name, part="inference": prepared.append(part))
    fake_gpus.install(home / "bin", monkeypatch, {**H200, "cap": capability})
    demo.prepare_engine()
    assert prepared == parts


def test_the_system_tab_shows_each_card_in_both_languages(home: Path) -> None:
    table = system.report("en")
    assert "NVIDIA GeForce RTX 5090, 0.6 of 31.8 GB used, driver 580.95, sm_120" in table
    assert "--part gpu" in table
    assert "显存已用 0.6 / 31.8 GB" in system.report("zh")
