"""Jobs on cards: real runners with a fake engine, nvidia-smi a script."""

from __future__ import annotations

import fake_gpus
import pytest
from fake_gpus import H200, RTX_5090
from jobs_kit import make_home, start

from bridges import gpus


@pytest.fixture
def home(tmp_path, monkeypatch):
    fake_gpus.install(tmp_path / "bin", monkeypatch, H200, RTX_5090)
    monkeypatch.setattr(gpus, "part_is_ready", lambda part: True)
    return make_home(tmp_path, monkeypatch)


def test_jobs_of_auto_spread_over_the_cards_and_learn_which_they_hold(home):
    noted = home / "order"
    script = f'echo "+$TFG_GPU" >> {noted}; sleep 0.4; echo "-$TFG_GPU" >> {noted}; echo film > "$output"'
    jobs = [start(home, script, f"{n}.wav") for n in range(4)]
    assert [job.wait(20).state for job in jobs] == ["done"] * 4
    busy: set[str] = set()
    most = 0
    for line in noted.read_text().split():
        assert line[1:] in ("0", "1")
        if line[0] == "+":
            assert line[1:] not in busy  # never two jobs on one card
            busy.add(line[1:])
        else:
            busy.remove(line[1:])
        most = max(most, len(busy))
    assert most == 2


def test_a_job_on_the_cpu_is_told_of_no_card(home):
    noted = home / "card"
    job = start(home, f'echo "card:${{TFG_GPU:-}}" > {noted}; echo film > "$output"', device="cpu")
    assert job.wait(20).state == "done"
    assert noted.read_text().split() == ["card:"]


def test_a_video_is_drawn_by_the_cpu_while_trainings_have_all_cards(home, monkeypatch):
    monkeypatch.setattr(gpus, "trainings_on_cards", lambda: 2)
    marker = home / "environments" / ".envs" / "talking_gaussian" / "tfg-ready"
    marker.parent.mkdir(parents=True)
    marker.write_text("inference 1\ngpu 1\n")
    noted = home / "cards"
    job = start(home, f'echo "cards:${{CUDA_VISIBLE_DEVICES-all}}:${{TFG_GPU:-}}" > {noted}; echo film > "$output"')
    assert job.seat == "cpu"
    assert job.wait(20).state == "done"
    assert noted.read_text().split() == ["cards::"]  # it sees no card, so it cannot land beside a training
