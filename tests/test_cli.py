"""`python -m bridges` from a shell and in this process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from jobs_kit import MAKE_VIDEO, make_home, pids_in, start, until

from bridges import cli, paths
from bridges.jobs.job import adopt, list_jobs


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = make_home(tmp_path, monkeypatch)
    yield home
    for job in adopt():
        job.cancel(wait_s=5)


def generate(home, script, *more):
    """Run `generate` in this process with an engine that plays `script`."""
    (home / "speech.wav").write_text(script)
    return cli.main(["generate", "--avatar", "robin", "--audio", str(home / "speech.wav"), *more])


def test_generate_writes_the_video_where_it_was_asked(home, capsys):
    out = home / "my videos" / "out put.mp4"
    out.parent.mkdir()
    assert generate(home, MAKE_VIDEO, "--out", str(out), "--size", "256") == 0
    assert out.read_text() == "film\n"
    said = capsys.readouterr()
    assert said.out.strip() == str(out)
    assert said.err == "rendering\n"


@pytest.mark.parametrize(("script", "code"), [("exit 2", 2), ("exit 3", 3), ("exit 9", 1), ("kill -9 $$", 1)])
def test_exit_codes_are_the_engines(home, script, code, capsys):
    assert generate(home, f"echo 'error: something' >&2; {script}", "--out", str(home / "out.mp4")) == code
    assert sum(line.startswith("error: ") for line in capsys.readouterr().err.splitlines()) == 1
    assert list(home.glob("out.mp4*")) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", "--avatar", "robin", "--audio", "/nowhere.wav"],
        ["generate", "--avatar", "nobody", "--audio", "/etc/hostname"],
        ["generate", "--avatar", "robin", "--audio", "/etc/hostname", "--out", "/nowhere/at/all.mp4"],
        ["jobs", "show", "../../etc"],
        ["jobs", "cancel", "20260101-000000-generate-0000000000000000"],
        ["import", "/nowhere.zip"],
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(home, arguments, capsys):
    assert cli.main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert "/nobody" not in said
    assert list_jobs() == []


def test_sentences_come_in_chinese_when_asked(home, monkeypatch, capsys):
    monkeypatch.setenv("TFG_LANG", "zh")
    assert cli.main(["generate", "--avatar", "robin", "--audio", "/nowhere.wav"]) == 2
    assert "没有音频文件" in capsys.readouterr().err


def test_detach_list_show_logs_again_clean(home, capsys):
    assert generate(home, MAKE_VIDEO, "--detach") == 0
    job_id = capsys.readouterr().out.strip()
    assert cli.main(["jobs", "logs", job_id, "--follow"]) == 0
    assert cli.main(["jobs", "logs", job_id]) == 0
    assert cli.main(["jobs", "show", job_id]) == 0
    assert cli.main(["jobs", "again", job_id]) == 0
    assert cli.main(["jobs", "list"]) == 0
    said = capsys.readouterr().out
    assert "rendering\nrendering\n" in said
    assert said.count("done") == 3
    # `show` and `again` name the videos as the shell reaches them, wherever TFG_HOME is
    assert str(home / "runs" / job_id / "outputs" / "video.mp4") in said
    assert [Path(line).is_file() for line in said.splitlines() if line.startswith(str(home))] == [True]
    until(lambda: cli.main(["jobs", "clean", "--max_age_days", "0", "--keep_latest", "0"]) == 0 and not list_jobs())


def test_cancel_by_id(home, capsys):
    job = start(home, "sleep 1000")
    assert cli.main(["jobs", "cancel", job.id]) == 0
    assert "cancelled" in capsys.readouterr().out


def test_ctrl_c_cancels_the_job(home):
    noted = home / "pid"
    (home / "speech.wav").write_text(f"echo $$ > {noted}; sleep 1000")
    code = (
        "import sys; from pathlib import Path; from bridges import cli, paths\n"
        f"paths.TALKING_GAUSSIAN_SCRIPT = Path({str(paths.TALKING_GAUSSIAN_SCRIPT)!r})\n"
        f"sys.exit(cli.main(['generate', '--avatar', 'robin', '--audio', {str(home / 'speech.wav')!r}]))"
    )
    shell = subprocess.Popen([sys.executable, "-c", code], cwd=paths.PROJECT, stderr=subprocess.PIPE, text=True)
    until(lambda: pids_in(noted))
    shell.send_signal(signal.SIGINT)
    _, said = shell.communicate(timeout=30)
    assert shell.returncode == cli.CANCELLED
    assert "cancelling" in said
    assert "error" not in said
    assert list_jobs()[0].status().state == "cancelled"


def test_avatars_and_broken_ones(home, capsys):
    (home / "avatars" / "broken").mkdir()
    assert cli.main(["avatars"]) == 0
    said = capsys.readouterr().out
    assert "Robin" in said
    assert "avatar.json cannot be used" in said


@pytest.mark.parametrize(
    "arguments", [["--help"], ["generate", "--help"], ["jobs", "--help"], ["env", "list"], ["system"]]
)
def test_help_and_tables_work_from_a_shell(home, arguments):
    command = [sys.executable, "-m", "bridges", *arguments]
    done = subprocess.run(command, cwd=paths.PROJECT, capture_output=True, text=True, env=dict(os.environ), check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) >= 3
