"""get_upstream.sh against repositories of its own making: both commits, again, after an interruption, not at all."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "CosyVoice" / "get_upstream.sh"


def git(folder: Path, *arguments: str) -> str:
    """git in a folder, with an author of its own."""
    who = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t"}
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **who}).stdout.strip()


def make_repository(folder: Path, file: str) -> str:
    """A repository with two commits; the first one's name."""
    (folder / file).parent.mkdir(parents=True)
    git(folder, "init", "-q")
    (folder / file).write_text("first\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    first = git(folder, "rev-parse", "HEAD")
    (folder / file).write_text("second\n")
    git(folder, "commit", "-qam", "second")
    return first


@pytest.fixture
def script(tmp_path: Path) -> list[str]:
    """The script with other commits, and the options that name the repositories."""
    main = make_repository(tmp_path / "cosy", "cosyvoice/cli/cosyvoice.py")
    matcha = make_repository(tmp_path / "matcha", "matcha/__init__.py")
    text = re.sub(r"COSYVOICE_COMMIT=\w+", f"COSYVOICE_COMMIT={main}", SCRIPT.read_text())
    text = re.sub(r"MATCHA_COMMIT=\w+", f"MATCHA_COMMIT={matcha}", text)
    (tmp_path / "CosyVoice").mkdir()
    (tmp_path / "CosyVoice" / "get.sh").write_text(text)
    command = ["bash", str(tmp_path / "CosyVoice" / "get.sh"), "--to", str(tmp_path / "to here")]
    return [*command, "--cosyvoice", str(tmp_path / "cosy"), "--matcha", str(tmp_path / "matcha")]


def test_both_commits_are_fetched_and_a_second_run_keeps_them(script: list[str], tmp_path: Path) -> None:
    for said in ("Fetching CosyVoice", "CosyVoice is there."):
        done = subprocess.run(script, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
    source = tmp_path / "to here"
    assert (source / "cosyvoice" / "cli" / "cosyvoice.py").read_text() == "first\n"
    assert (source / "third_party" / "Matcha-TTS" / "matcha" / "__init__.py").read_text() == "first\n"


def test_what_was_interrupted_goes_on(script: list[str], tmp_path: Path) -> None:
    source = tmp_path / "to here"
    source.mkdir()
    git(source, "init", "-q")
    (source / "cosyvoice").mkdir()
    assert subprocess.run(script, capture_output=True, check=False).returncode == 0
    (source / "cosyvoice" / "cli" / "cosyvoice.py").write_text("half writ")
    assert subprocess.run(script, capture_output=True, check=False).returncode == 0
    assert (source / "cosyvoice" / "cli" / "cosyvoice.py").read_text() == "first\n"


def test_an_address_that_gives_nothing_ends_in_one_sentence(script: list[str], tmp_path: Path) -> None:
    script[script.index("--cosyvoice") + 1] = str(tmp_path / "nowhere")
    environment = {**os.environ, "TFG_JOB_DIR": "/job"}
    done = subprocess.run(script, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1
    assert '@error {"code": "not_fetched"' in done.stderr
    unknown = subprocess.run([*script, "--depth", "1"], capture_output=True, text=True, check=False)
    assert unknown.returncode == 2
