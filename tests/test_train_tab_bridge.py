"""Trainings from the bridges: a fake trainer plays the video, which is a script."""

from __future__ import annotations

import json
import os
import signal
import zipfile
from pathlib import Path

import pytest
from jobs_kit import MAKE_VIDEO, TRIM, check_row, make_home, runner_pid, start, until

from bridges import cli, environments, library, paths, training
from bridges.errors import RequestError
from bridges.jobs import folder
from bridges.jobs.job import adopt, get_job, list_jobs
from bridges.training import Consent, Wish

TRAINER = Path(__file__).parent / "fake_training.sh"
WORKS = 'stages; progress 1 2; history 100 4.5; progress 2 2; history 200 3.5; install "$id"\n'
WAITS = 'stages; progress 1 2; history 100 4.5; while [ ! -e "$workspace/go" ]; do sleep 0.05; done; install\n'


GOOD = {"state": "ok", "rows": [check_row("ok")]}


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = make_home(tmp_path, monkeypatch)
    monkeypatch.setattr(paths, "TRAIN_SCRIPT", TRAINER)
    monkeypatch.setattr(environments, "prepare_if_missing", lambda name, part="inference": None)
    yield home
    for job in adopt():
        job.cancel(wait_s=5)


def wish(**changes) -> Wish:
    return Wish(
        **{"name_en": "Ann", "name_zh": "安", "consent": Consent("Ann", "Ann herself", "Ann agrees."), **changes}
    )


def begin(home: Path, script: str = WORKS, report: dict = GOOD, **changes) -> training.Training:
    video = home / "my video.MP4"
    video.write_text(script)
    return training.start(video, wish(**changes), report)


def test_a_training_runs_to_an_avatar_in_the_list(home):
    begun = begin(home)
    assert begun.job.wait(10).state == "done"
    ended = training.get_training(begun.id)
    assert (ended.id, ended.avatar, ended.state) == ("ann", "ann", "done")
    assert [(one["stage"], one["lmd"]) for one in training.history(ended)] == [("face", 4.5), ("face", 3.5)]
    assert training.figures(ended)["frozen"]["lmd"] == 5.4
    with pytest.raises(RequestError, match="done"):
        training.resume(begun.id)  # else a second avatar would be installed


def test_what_was_asked_for_reaches_the_trainer_and_the_consent_is_kept(home):
    begun = begin(home, 'echo "$line" >"$workspace/line"; install', preset="standard", size=256, repairs=TRIM)
    begun.job.wait(10)
    line = (begun.folder / "line").read_text()
    for word in (
        "--preset standard",
        "--size 256",
        "--start_s 2",
        "--end_s 14",
        f"--video {begun.folder / 'video.mp4'}",
    ):
        assert word in line
    who = json.loads((begun.folder / "identity.json").read_text())
    assert who["name"] == {"en": "Ann", "zh": "安"}
    assert who["consent"]["by"] == "Ann herself"
    assert who["consent"]["statement"] == "Ann agrees."


def test_a_stopped_training_goes_on_with_the_same_workspace(home):
    begun = begin(home, WAITS)
    until(lambda: training.history(begun))
    begun.job.cancel(wait_s=10)
    assert training.get_training("ann").resumable
    (begun.folder / "go").touch()
    again = training.resume("ann")
    assert again.job.id != begun.job.id
    assert again.job.wait(10).state == "done"
    assert len(training.list_trainings()) == 1
    assert len(training.history(again)) == 2


def test_a_training_whose_machine_died_is_found_as_interrupted(home):
    begun = begin(home, WAITS)
    until(lambda: training.history(begun))
    os.kill(runner_pid(begun.job), signal.SIGKILL)
    until(lambda: training.get_training("ann").state == "interrupted")
    (begun.folder / "go").touch()
    assert training.resume("ann").job.wait(10).state == "done"


def test_a_training_is_found_though_its_jobs_were_cleared_away(home):
    begun = begin(home, "exit 1")
    begun.job.wait(10)
    for path in begun.job.folder.iterdir():
        path.rename(home / f"gone-{path.name}")
    found = training.list_trainings()[0]
    assert (found.state, found.resumable, found.job) == ("interrupted", True, None)


def test_a_folder_that_was_tampered_with_hides_no_other(home):
    begin(home, "exit 1").job.wait(10)
    for name, text in (("broken", "{"), ("empty", "{}"), ("list", "[]")):
        (home / "training" / name).mkdir()
        (home / "training" / name / "training.json").write_text(text)
    (home / "training" / "ann" / "report.json").write_text('{"avatar": ')  # as while it is being written
    assert [(one.id, one.report) for one in training.list_trainings()] == [("ann", None)]


def test_one_training_is_not_begun_twice_at_once(home):
    begun = begin(home, WAITS)
    with pytest.raises(RequestError, match="under way"):
        training.resume(begun.id)
    with pytest.raises(RequestError, match="Stop the training"):
        training.discard(begun.id)


def test_two_of_one_name_have_folders_of_their_own(home):
    assert [begin(home).id, begin(home).id] == ["ann", "ann-2"]
    assert begin(home, name_en="", name_zh="小明").id == "avatar"
    assert begin(home, name_en="Robin").id == "robin-2"  # there is an avatar robin already


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"name_en": " ", "name_zh": ""}, "name"),
        ({"name_en": "x" * 61}, "letters"),
        ({"consent": Consent("", "me", "yes")}, "likeness"),
        ({"consent": Consent("me", " ", "yes")}, "likeness"),
        ({"preset": "best"}, "preset"),
        ({"size": 511}, "size"),
        ({"device": "cuda; rm -rf /"}, "device"),
        ({"repairs": {"start_s": -1}}, "start_s"),
        ({"repairs": {"--gpu": 1}}, "cannot be"),
        ({"repairs": {"end_s": float("nan")}}, "end_s"),
    ],
)
def test_what_is_missing_or_out_of_range_is_said_and_leaves_nothing(home, changes, word):
    with pytest.raises(RequestError, match=word):
        begin(home, **changes)
    assert training.list_trainings() == []
    assert list_jobs() == []


def test_a_bad_row_stops_the_training_unless_it_is_repaired(home):
    bad = {"state": "bad", "rows": [check_row("bad", TRIM), check_row("warn")]}
    with pytest.raises(RequestError, match="Record again"):
        begin(home, report=bad)
    with pytest.raises(RequestError, match="Record again"):
        begin(home, report=bad, repairs={"start_s": 1.0, "end_s": 14.0})
    assert begin(home, report=bad, repairs=TRIM).job.wait(10).state == "done"


@pytest.mark.parametrize("name", ["", "..", "../robin", "nobody", "a/b"])
def test_only_trainings_that_are_there_are_named(home, name):
    for action in (training.get_training, training.resume, training.discard):
        with pytest.raises(RequestError):
            action(name)


def test_a_discarded_training_leaves_its_avatar(home):
    begun = begin(home)
    begun.job.wait(10)
    training.discard(begun.id)
    assert training.list_trainings() == []
    assert (home / "avatars" / "ann" / "avatar.json").is_file()


def test_the_job_waits_while_its_environments_are_being_made_or_about_to_be(home):
    envs, making = home / "environments" / ".envs", home / "runs" / folder.new_id("prepare_environment")
    for path in (envs, making):
        path.mkdir(parents=True)
    wanted = {"environment": "talking_gaussian", "part": "training", "recreate": False}
    folder.write_json(making / folder.REQUEST, {"kind": "prepare_environment", "fields": wanted})
    queued = folder.hold_lock(making / folder.LOCK)  # as its runner does while it waits for the set-up seat
    waiting = begin(home, "install")
    until(lambda: waiting.job.status().waiting_for == "environment")
    made = folder.hold_lock(envs / "talking_gaussian.lock")  # as environments/manage.py does while it works
    os.close(queued)
    (envs / "talking_gaussian").mkdir()
    marker = envs / "talking_gaussian" / "tfg-ready"
    marker.write_text("python 3.11\ninference 1\n")
    assert waiting.job.wait(0.7).state == "queued"
    assert start(home, MAKE_VIDEO).wait(10).state == "done"  # what is there already can be used meanwhile
    marker.write_text("python 3.11\ninference 1\ntraining 2\n")
    assert waiting.job.wait(10).state == "done"
    os.close(made)


# --- the command line -------------------------------------------------------------------------------------------------


@pytest.fixture
def checked(home, monkeypatch):
    """A preflight that says what the "video" holds."""
    script = home / "check.sh"
    script.write_text('cp "$1" "$3"\n')
    monkeypatch.setattr(paths, "PREFLIGHT_SCRIPT", script)
    return home


def write_report(home: Path, *rows: dict) -> str:
    path = home / "video.mp4"
    path.write_text(
        json.dumps({"state": max((r["state"] for r in rows), key=["ok", "warn", "bad"].index), "rows": rows})
    )
    return str(path)


def test_check_prints_rows_and_its_exit_code_tells_a_bad_one(checked, capsys):
    assert cli.main(["check", write_report(checked, check_row("ok"), check_row("warn"))]) == 0
    assert "Record again." in capsys.readouterr().out
    assert cli.main(["check", write_report(checked, check_row("bad"))]) == 2
    assert cli.main(["check", "/nowhere.mp4"]) == 2


def test_train_from_a_shell_repairs_lists_and_refuses(checked, monkeypatch, capsys):
    line = [
        "train",
        write_report(checked, check_row("bad", TRIM)),
        "--name",
        "Ann",
        "--consent_by",
        "Ann",
        "--consent",
        "I agree",
    ]
    assert cli.main(line) == 2
    assert "Record again" in capsys.readouterr().err
    trainer = checked / "train.sh"
    trainer.write_text('[ "${11}" = --size ] && echo trained\n')
    monkeypatch.setattr(paths, "TRAIN_SCRIPT", trainer)
    assert cli.main([*line, "--repair", "--detach"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "ann"
    training.get_training("ann").job.wait(10)
    assert cli.main(["trainings"]) == 0
    assert "ann" in capsys.readouterr().out
    assert training.get_training("ann").job.request().training == "ann"


# --- the library ------------------------------------------------------------------------------------------------------


def test_an_avatar_is_renamed_and_keeps_its_folder(home):
    library.rename("robin", "Robina", "")
    assert library.get_avatar("robin").name == {"en": "Robina", "zh": "Robina"}
    assert library.facts("robin")["size"] == 512
    with pytest.raises(RequestError, match="letters"):
        library.rename("robin", "", " ")


def test_an_avatar_is_exported_with_its_own_files_only(home, tmp_path):
    for name in (*library.FILES[1:], "poster.jpg", "secret.txt"):
        (home / "avatars" / "robin" / name).write_text("x")
    with zipfile.ZipFile(library.export("robin", tmp_path)) as bundle:
        assert sorted(bundle.namelist()) == sorted(f"robin/{name}" for name in (*library.FILES, "poster.jpg"))


def test_the_shell_exports_an_avatar_where_it_was_asked(home, tmp_path, capsys):
    for name in library.FILES[1:]:
        (home / "avatars" / "robin" / name).write_text("x")
    assert cli.main(["export", "robin", "--folder", str(tmp_path)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "robin.zip")
    assert cli.main(["export", "robin", "--folder", "/nowhere"]) == 2
    assert cli.main(["export", "../robin"]) == 2


def test_an_avatar_that_lacks_a_file_is_not_exported(home, tmp_path):
    with pytest.raises(RequestError, match="is missing"):
        library.export("robin", tmp_path)
    assert list(tmp_path.glob("*.zip*")) == []


def test_an_avatar_is_deleted_for_good(home):
    library.delete("robin")
    assert list((home / "avatars").iterdir()) == []


@pytest.mark.parametrize("name", ["presenter", "nobody", "..", "../avatars/robin", "", "."])
def test_bundled_avatars_and_other_folders_are_not_touched(home, name):
    for action in (library.delete, lambda avatar: library.rename(avatar, "x", "y")):
        with pytest.raises(RequestError):
            action(name)
    assert (paths.BUNDLED_AVATARS / "presenter" / "avatar.json").is_file()
    assert (home / "avatars" / "robin").is_dir()


def test_a_linked_folder_is_not_deleted(home, tmp_path):
    outside = tmp_path / "outside"
    (home / "avatars" / "robin").rename(outside)
    (home / "avatars" / "robin").symlink_to(outside)
    with pytest.raises(RequestError):
        library.delete("robin")
    assert (outside / "avatar.json").is_file()


def test_an_avatar_at_work_is_not_deleted(home):
    job = start(home, "sleep 100")
    with pytest.raises(RequestError, match="wait"):
        library.delete("robin")
    assert not get_job(job.id).status().final
