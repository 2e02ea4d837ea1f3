"""Helpers of the job tests: a data folder of one's own, a fake engine, and waiting with a limit."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from bridges import paths, talking_gaussian
from bridges.jobs.job import Job

ENGINE = Path(__file__).parent / "fake_engine.sh"
TRIM = {"start_s": 2.0, "end_s": 14.0}
MAKE_VIDEO = 'stages; progress 1 2; echo rendering; progress 2 2; echo film > "$output"\n'


def make_home(tmp_path: Path, monkeypatch) -> Path:
    """TFG_HOME in a fresh folder with one avatar; the engine's script is the fake one."""
    home = tmp_path / "home"
    avatar = home / "avatars" / "robin"
    avatar.mkdir(parents=True)
    facts = {"format_version": 1, "id": "robin", "name": {"en": "Robin", "zh": "知更鸟"}, "fps": 25, "size": 512}
    (avatar / "avatar.json").write_text(json.dumps(facts), encoding="utf-8")
    monkeypatch.setenv("TFG_HOME", str(home))
    monkeypatch.setenv("TFG_CPU_SEATS", "1")
    monkeypatch.setattr(paths, "TALKING_GAUSSIAN_SCRIPT", ENGINE)
    return home


def start(home: Path, script: str, name: str = "speech.wav", **options) -> Job:
    """A generate job whose engine plays `script`."""
    audio = home / name
    audio.parent.mkdir(parents=True, exist_ok=True)
    audio.write_text(script, encoding="utf-8")
    return talking_gaussian.generate("robin", audio, **options)


def until(what: Callable[[], object], limit_s: float = 10.0) -> None:
    """Wait for something to become true, or fail."""
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def pids_in(path: Path) -> list[int]:
    """The process ids a fake engine wrote down, one a line."""
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def runner_pid(job: Job) -> int:
    """The process id of a job's runner."""
    return json.loads((job.folder / "status.json").read_text())["pid"]


def check_row(state: str, repair: dict | None = None) -> dict:
    """A row of a preflight's report."""
    text = {"en": "Record again.", "zh": "请重新录制。"}
    return {"key": "face", "state": state, "title": text, "value": text, "fix": text, "repair": repair, "facts": {}}
