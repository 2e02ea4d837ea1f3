"""The lines an engine prints for those who follow it."""

from __future__ import annotations

import json

import pytest
from talking_gaussian import progress as module
from talking_gaussian.progress import Progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock the test sets."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def said(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    lines = [line.split(" ", 1) for line in capsys.readouterr().err.splitlines()]
    return [json.loads(text) for kind, text in lines if kind == "@progress"]


def test_stages_are_named_first(capsys: pytest.CaptureFixture[str]) -> None:
    Progress(["load", "render"])
    assert capsys.readouterr().err == '@stages ["load", "render"]\n'


def test_a_slow_first_step_does_not_spoil_the_time_left(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(["render"])
    progress.stage("render")
    for step, seconds in ((1, 5.0), (11, 1.0)):
        clock[0] += seconds
        progress.step(step, 111)
    lines = said(capsys)
    assert lines[1]["eta_s"] is None
    assert lines[2]["eta_s"] == pytest.approx(10.0)


def test_it_speaks_at_most_five_times_a_second_but_always_at_the_end(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    progress = Progress(["render"])
    progress.stage("render")
    for step in range(1, 101):
        clock[0] += 0.01
        progress.step(step, 100)
    steps = [line["step"] for line in said(capsys) if "step" in line]
    assert len(steps) <= 7
    assert steps[-1] == 100
