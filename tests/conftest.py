"""What several test files share."""

from __future__ import annotations

import os
import subprocess
import sys
import wave
from pathlib import Path

import pytest
from sounds import write_speechlike

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real clips and speech; tests that need it skip with a word where it is absent."""
    folder = os.environ.get("TFG_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("TFG_TEST_DATA does not name the folder of test clips")
    return Path(folder)


@pytest.fixture(scope="session")
def engine_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of its own whose engine environment is the project's (made here where it is missing)."""
    subprocess.run([sys.executable, "environments/manage.py", "create", "talking_gaussian"], cwd=PROJECT, check=True)
    home = tmp_path_factory.mktemp("home")
    (home / "environments").symlink_to(PROJECT / "environments")
    return home


@pytest.fixture(scope="session")
def eval_python() -> Path:
    """The Python of the project's tg_eval environment (made here where it is missing): the face mesh lives there."""
    subprocess.run([sys.executable, "environments/manage.py", "create", "tg_eval"], cwd=PROJECT, check=True)
    return PROJECT / "environments" / ".envs" / "tg_eval" / "bin" / "python"


@pytest.fixture(scope="session")
def light_voices() -> None:
    """The light part of the environment cosyvoice, made where it is missing; skips without a Python that suits it."""
    command = [sys.executable, "environments/manage.py", "create", "cosyvoice"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if "needs Python" in done.stderr:
        pytest.skip("no Python 3.10 to 3.13 on this machine for the environment cosyvoice")
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture
def voice_home(light_voices: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of its own with the project's environments."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "environments").symlink_to(PROJECT / "environments")
    monkeypatch.setenv("TFG_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real speech where it is at hand, else a buzzing voice."""
    folder = os.environ.get("TFG_TEST_DATA")
    real = Path(folder or "") / "speech" / "en_9s.wav"
    if folder and real.is_file():
        return real
    return write_speechlike(tmp_path_factory.mktemp("speech") / "speech.wav", 6)


@pytest.fixture(scope="session")
def speech_seconds(speech: Path) -> float:
    """How long `speech` is."""
    with wave.open(str(speech)) as file:
        return file.getnframes() / file.getframerate()
