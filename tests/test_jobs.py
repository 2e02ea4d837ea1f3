"""Jobs with real processes: the engine is a fake one that plays a script."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jobs_kit import MAKE_VIDEO, is_alive, make_home, pids_in, runner_pid, start, until

from bridges import environments, paths, talking_gaussian
from bridges.errors import RequestError
from bridges.jobs import failures, folder, processes
from bridges.jobs.job import Job, adopt, clean_up, get_job, list_jobs, remove, run_again
from bridges.requests import GenerateRequest


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = make_home(tmp_path, monkeypatch)
    yield home
    for job in adopt():
        job.cancel(wait_s=5)


def test_a_job_runs_to_its_video_and_keeps_what_was_asked(home):
    job = start(home, MAKE_VIDEO, size=256, seed=7)
    status = job.wait(10)
    assert (status.state, status.percent, status.error) == ("done", 100.0, None)
    assert status.stages == ("load", "audio", "render", "finish")
    assert job.output("video").read_text() == "film\n"
    assert job.logs(0).text == "rendering\n"  # the marker lines are not for people
    assert (job.request().size, job.request().seed, job.request().name) == (256, 7, "speech.wav")


def test_the_engine_is_called_as_agreed(home):
    argv = GenerateRequest("robin", "a.wav", size=256, fps=30, sh_degree=1, device="0", seed=3).command(Path("/job"))
    assert argv[2:] == [
        *("infer", "--avatar", str(home / "avatars" / "robin"), "--audio_file", "a.wav"),
        *("--output_file", "/job/outputs/video.mp4", "--sh_degree", "1", "--fps", "30", "--size", "256"),
        *("--gpu", "0", "--seed", "3"),
    ]


def test_run_again_repeats_a_job_whose_sound_is_gone(home):
    first = start(home, MAKE_VIDEO, size=320)
    first.wait(10)
    (home / "speech.wav").unlink()
    again = run_again(first.id)
    assert again.id != first.id
    assert again.wait(10).state == "done"
    assert again.request().size == 320


def test_progress_stage_eta_and_preview_are_seen_while_it_runs(home):
    script = (
        'stages; touch "$TFG_JOB_DIR/look.jpg"\n'
        'echo \'@progress {"stage": "render", "step": 3, "of": 4, "eta_s": 2.5, "preview": "look.jpg"}\' >&2\n'
        "sleep 30"
    )
    job = start(home, script)
    until(lambda: job.status().stage == "render")
    status = job.status()
    assert status.state == "running"
    assert status.eta_s == 2.5
    assert 50 < status.percent < 100
    assert status.preview == (job.folder / "look.jpg").resolve()


def test_cancel_ends_grandchildren_even_in_other_sessions_and_deaf_to_terminate(home):
    noted = home / "pids"
    script = (
        f"bash -c 'trap \"\" TERM; echo $$ >> {noted}; while :; do sleep 1; done' &\n"
        f"setsid bash -c 'echo $$ >> {noted}; sleep 1000' &\n"
        f"( setsid bash -c 'echo $$ >> {noted}; sleep 1000' & )\n"
        "wait"
    )
    job = start(home, script)
    until(lambda: len(pids_in(noted)) == 3)
    job.cancel(wait_s=8)
    assert job.status().state == "cancelled"
    assert [pid for pid in pids_in(noted) if is_alive(pid)] == []


def test_a_queued_job_says_its_place_can_be_cancelled_and_the_next_one_starts(home):
    first = start(home, "sleep 1000")
    until(lambda: first.status().state == "running")
    second, third = start(home, MAKE_VIDEO, "b.wav"), start(home, MAKE_VIDEO, "c.wav")
    until(lambda: (second.status().queue_place, third.status().queue_place) == (1, 2))
    second.cancel(wait_s=5)
    assert second.status().state == "cancelled"
    until(lambda: third.status().queue_place == 1)
    first.cancel(wait_s=5)
    assert third.wait(10).state == "done"


def test_seats_are_never_exceeded_and_the_order_is_kept(home, monkeypatch):
    monkeypatch.setenv("TFG_CPU_SEATS", "2")
    noted = home / "order"
    script = f'echo "+{{}}" >> {noted}; sleep 0.3; echo "-" >> {noted}; echo film > "$output"'
    jobs = [start(home, script.format(n), f"{n}.wav") for n in range(6)]
    assert [job.wait(20).state for job in jobs] == ["done"] * 6
    running = peak = 0
    began = [line for line in noted.read_text().split() if line.startswith("+")]
    for line in noted.read_text().split():
        running += 1 if line.startswith("+") else -1
        peak = max(peak, running)
    assert peak == 2
    assert sorted(began[:2]) == ["+0", "+1"]
    assert sorted(began[4:]) == ["+4", "+5"]


def test_a_killed_runner_means_interrupted_and_leaves_no_engine(home):
    noted = home / "pids"
    job = start(home, f"echo $$ > {noted}; sleep 1000")
    until(lambda: pids_in(noted))
    os.kill(runner_pid(job), signal.SIGKILL)
    until(lambda: job.status().state == "interrupted")
    assert job.status().error.code == "interrupted"
    until(lambda: not is_alive(pids_in(noted)[0]))
    assert start(home, MAKE_VIDEO, "next.wav").wait(10).state == "done"  # the seat is free again


def test_a_runner_killed_in_the_queue_does_not_block_those_behind_it(home):
    first = start(home, "sleep 1000")
    until(lambda: first.status().state == "running")
    second, third = start(home, MAKE_VIDEO, "b.wav"), start(home, MAKE_VIDEO, "c.wav")
    until(lambda: (second.status().queue_place, third.status().queue_place) == (1, 2))
    os.kill(runner_pid(second), signal.SIGKILL)
    until(lambda: third.status().queue_place == 1)
    assert second.status().state == "interrupted"


def test_a_job_outlives_the_app_that_started_it_and_is_adopted_by_the_next(home):
    (home / "speech.wav").write_text(
        f"touch {home}/started; while [ ! -e {home}/go ]; do sleep 0.05; done; {MAKE_VIDEO}"
    )
    app = (
        "from pathlib import Path; from bridges import paths, talking_gaussian\n"
        f"paths.TALKING_GAUSSIAN_SCRIPT = Path({str(paths.TALKING_GAUSSIAN_SCRIPT)!r})\n"
        f"print(talking_gaussian.generate('robin', {str(home / 'speech.wav')!r}).id)"
    )
    done = subprocess.run([sys.executable, "-c", app], cwd=paths.PROJECT, capture_output=True, text=True, check=True)
    until((home / "started").exists)
    adopted = adopt()
    assert [job.id for job in adopted] == [done.stdout.strip()]
    (home / "go").touch()
    assert adopted[0].wait(10).state == "done"


def test_adopt_marks_what_died_with_the_machine(home):
    job = start(home, MAKE_VIDEO)
    job.wait(10)
    until(lambda: not folder.runner_lives(job.folder))
    raw = json.loads((job.folder / "status.json").read_text())
    raw.update(state="running", pid=os.getpid(), pid_start="another process", engine={"pid": os.getpid(), "start": "x"})
    folder.write_json(job.folder / "status.json", raw)
    assert adopt() == []
    assert job.status().state == "interrupted"  # and this very process, whose id was reused, still lives


def test_trees_are_found_and_ended_without_proc_as_on_macos(monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "PROC", tmp_path / "no proc here")
    shell = subprocess.Popen(["bash", "-c", "sleep 1000 & sleep 1000 & wait"], start_new_session=True)
    until(lambda: len(processes.tree(shell.pid, tmp_path)) == 3)
    mark = processes.start_mark(shell.pid)
    assert mark
    assert mark == processes.start_mark(shell.pid)
    processes.end_tree(shell.pid, tmp_path, grace_s=1)
    shell.wait(5)
    assert processes.tree(shell.pid, tmp_path) == set()
    assert processes.start_mark(shell.pid) is None


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ('say_error audio_too_long "Too long." "太长。"; exit 2', "audio_too_long"),
        ("echo 'error: the sound is empty' >&2; exit 2", "bad_input"),
        ("echo 'error: environment talking_gaussian (inference) is not ready' >&2; exit 3", "environment_missing"),
        ("echo MemoryError >&2; exit 1", "out_of_memory"),
        ("kill -9 $$", "out_of_memory"),
        ("bash -c 'kill -9 $$'; exit 137", "out_of_memory"),
        ("echo 'OSError: [Errno 28] No space left on device' >&2; exit 1", "disk_full"),
        ("kill -TERM $$", "killed"),
        ("echo 'ZeroDivisionError: division by zero' >&2; echo '---' >&2; exit 1", "crashed"),
        ("true", "no_output"),
    ],
)
def test_every_failure_has_a_reason_in_both_languages(home, script, code):
    status = start(home, script).wait(10)
    assert (status.state, status.error.code) == ("failed", code)
    assert status.error.en
    assert status.error.zh


def test_a_missing_environment_says_what_would_make_it_and_a_crash_quotes_the_log():
    missing = failures.explain(3, None, "error: environment cosyvoice (inference) is not ready; create it with: …")
    assert missing.fix == {"action": "create_environment", "name": "cosyvoice", "part": "inference"}
    assert "division by zero" in failures.explain(1, None, "ZeroDivisionError: division by zero\n----\n").en
    conda = "ERROR conda.cli.main_run:execute(148): `conda run python x.py` failed. (See above for error)\n"
    assert "division by zero" in failures.explain(1, None, f"ZeroDivisionError: division by zero\n{conda}").en


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_fills_while_the_log_is_written_ends_the_job_with_that_reason(home):
    job = start(home, f"while [ ! -e {home}/go ]; do sleep 0.05; done; while :; do echo more; sleep 0.1; done")
    blocker = start(home, "true", "second.wav")  # waits in the queue: its log can be swapped before it is opened
    until(lambda: blocker.status().queue_place == 1)
    (blocker.folder / "log.txt").unlink()
    (blocker.folder / "log.txt").symlink_to("/dev/full")
    (blocker.folder / "inputs" / "second.wav").unlink()
    (blocker.folder / "inputs" / "second.wav").write_text("while :; do echo more; sleep 0.1; done")
    job.cancel(wait_s=5)
    assert blocker.wait(10).error.code == "disk_full"


def test_a_log_of_100000_lines_is_followed_by_offset(home):
    job = start(home, f"seq 1 100000; {MAKE_VIDEO}")
    job.wait(20)
    offset, pieces = 0, []
    while True:
        chunk = job.logs(offset)
        if chunk.offset == offset:
            break
        assert len(chunk.text) <= 256_000
        pieces.append(chunk.text)
        offset = chunk.offset
    assert "".join(pieces) == "".join(f"{n}\n" for n in range(1, 100001)) + "rendering\n"
    began = time.monotonic()
    assert job.logs(offset).text == ""
    assert time.monotonic() - began < 0.1  # does not read the log again


def test_follow_tells_states_and_every_line_once(home):
    events = list(start(home, f"for n in 1 2 3; do echo line $n; sleep 0.1; done; {MAKE_VIDEO}").follow(0.02))
    assert "".join(event.log for event in events) == "line 1\nline 2\nline 3\nrendering\n"
    assert events[-1].status.state == "done"


@pytest.mark.parametrize(
    "name",
    ["with space.wav", "quote'\"s.wav", "中文 语音.wav", "-leading dash.wav", "$(touch owned);.wav", "new\nline.wav"],
)
def test_any_file_name_is_fine(home, name):
    job = start(home, MAKE_VIDEO, name)
    assert job.wait(10).state == "done"
    assert job.request().name == name
    kept = Path(job.request().audio)
    assert kept.parent == job.folder / "inputs"
    assert not set(kept.name) & set("'\"$;\n")
    assert not kept.name.startswith("-")
    assert not (paths.PROJECT / "owned").exists()


@pytest.mark.parametrize(
    "job_id", ["", "..", "../../etc", "20260101-000000-generate-000000000000000g", "/etc/passwd", "a\0b", None]
)
def test_job_ids_with_path_tricks_are_refused(home, job_id):
    with pytest.raises(RequestError, match="There is no job"):
        get_job(job_id)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"audio": ""}, "no_file"),
        ({"audio": "/nowhere/speech.wav"}, "no_file"),
        ({"audio": "/"}, "no_file"),
        ({"avatar": "nobody"}, "no_avatar"),
        ({"avatar": "../robin"}, "no_avatar"),
        ({"size": 63}, "bad_size"),
        ({"size": 511}, "bad_size"),
        ({"fps": 1000}, "bad_fps"),
        ({"sh_degree": 4}, "bad_sh_degree"),
        ({"seed": -1}, "bad_seed"),
        ({"size": True}, "bad_size"),
        ({"size": 512.5}, "bad_size"),
        ({"device": "cuda"}, "bad_device"),
        ({"audio_features": "magic"}, "bad_audio_features"),
    ],
)
def test_a_request_that_cannot_be_carried_out_is_refused_with_a_sentence(home, change, code):
    (home / "ok.wav").write_text("x")
    with pytest.raises(RequestError) as caught:
        GenerateRequest(**{"avatar": "robin", "audio": str(home / "ok.wav"), **change}).check()
    assert caught.value.code == code
    assert caught.value.failure.zh
    assert list_jobs() == []


def test_an_empty_or_huge_sound_is_refused(home):
    (home / "empty.wav").touch()
    with (home / "huge.wav").open("wb") as huge:
        huge.truncate(2_000_000_001)
    for name, code in (("empty.wav", "empty_file"), ("huge.wav", "file_too_large")):
        with pytest.raises(RequestError) as caught:
            talking_gaussian.generate("robin", home / name)
        assert caught.value.code == code


def test_clean_up_removes_the_oldest_ended_jobs_and_never_a_running_one(home):
    running = start(home, "sleep 1000")
    until(lambda: running.status().state == "running")
    ended = [_ended_copy(running, days) for days in (1, 10, 40, 50)]
    assert set(clean_up(max_age_days=30, keep_latest=0)) == {ended[2].id, ended[3].id}
    assert clean_up(max_age_days=30, max_total_gb=0, keep_latest=1) == [ended[1].id]
    assert {job.id for job in list_jobs()} == {running.id, ended[0].id}
    with pytest.raises(RequestError, match="cancel it first"):
        remove(running)


def _ended_copy(job: Job, days: float) -> Job:
    """A finished job folder that ended `days` ago."""
    path = job.folder.with_name(folder.new_id("generate"))
    shutil.copytree(job.folder, path)
    raw = json.loads((path / "status.json").read_text())
    raw.update(state="done", finished=time.time() - days * 86400)
    folder.write_json(path / "status.json", raw)
    return Job(path)


def test_avatars_are_listed_by_their_facts_and_broken_ones_with_a_reason(home):
    (home / "avatars" / "broken").mkdir()
    (home / "avatars" / "broken" / "avatar.json").write_text("[]")
    usable = {info.id: info for info in talking_gaussian.list_avatars()}
    assert usable["robin"].name["zh"] == "知更鸟"
    assert "broken" not in usable
    broken = next(info for info in talking_gaussian.list_avatars(with_problems=True) if info.id == "broken")
    assert broken.problem["en"]


def test_an_avatar_is_imported_by_a_job_that_says_its_folder(home):
    archive = home / "some avatar.zip"
    archive.write_text("echo checking; echo robin-2")
    job = talking_gaussian.import_avatar(archive)
    assert job.wait(10).state == "done"
    assert job.status().result == "robin-2"


def test_preparing_an_environment_twice_is_one_job(home, monkeypatch, tmp_path):
    (tmp_path / "manage.py").write_text("import time; time.sleep(30)")
    (tmp_path / "talking_gaussian").mkdir()
    (tmp_path / "talking_gaussian" / "requirements-training.txt").touch()
    monkeypatch.setattr(paths, "ENVIRONMENTS", tmp_path)
    first = environments.prepare("talking_gaussian")
    assert environments.prepare("talking_gaussian").id == first.id
    assert environments.prepare("talking_gaussian", "training").id != first.id


def test_a_job_waits_for_the_environment_that_is_being_made(home):
    envs = home / "environments" / ".envs"
    envs.mkdir(parents=True)
    lock = folder.hold_lock(envs / "talking_gaussian.lock")  # as environments/manage.py does
    job = start(home, MAKE_VIDEO)
    until(lambda: job.status().waiting_for == "environment")
    os.close(lock)
    status = job.wait(10)
    assert (status.state, status.waiting_for) == ("done", None)


def test_an_engine_that_closes_its_streams_is_not_taken_for_ended(home):
    job = start(home, f"stages; exec >/dev/null 2>&1; sleep 0.6; {MAKE_VIDEO}")
    assert job.wait(10).state == "done"


def test_bridges_import_neither_gradio_nor_torch_nor_numpy():
    code = (
        "import sys, bridges.cli, bridges.environments, bridges.system; "
        "print([m for m in ('gradio', 'torch', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=paths.PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
