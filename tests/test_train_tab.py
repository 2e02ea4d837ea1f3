"""The handlers of the Train and Library tabs without a browser."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

gr = pytest.importorskip("gradio", reason="the page needs gradio")

from avatars import write_avatar  # noqa: E402
from jobs_kit import TRIM, check_row  # noqa: E402
from sounds import write_speechlike  # noqa: E402

from bridges import environments, training  # noqa: E402
from bridges.jobs import folder  # noqa: E402
from bridges.jobs.job import Job, get_job, list_jobs, submit  # noqa: E402
from bridges.requests import GenerateRequest  # noqa: E402
from tabs import library, train  # noqa: E402
from tabs.check_table import rows_with, toggled  # noqa: E402
from tabs.train_view import watch_training  # noqa: E402

OWNER = SimpleNamespace(client=SimpleNamespace(host="127.0.0.1"), headers={}, username=None)
STRANGER = SimpleNamespace(client=SimpleNamespace(host="10.0.0.9"), headers={}, username=None)
REPORT = {"state": "bad", "rows": [check_row("bad", TRIM), {**check_row("ok"), "key": "length"}]}
REPAIRED = json.dumps([{"key": "face", "repaired": True}])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with one avatar, where no job really starts and no environment is made."""
    monkeypatch.setenv("TFG_HOME", str(tmp_path))
    monkeypatch.setattr("bridges.jobs.executor.LOCAL.submit", lambda job: None)
    monkeypatch.setattr("bridges.jobs.executor.LOCAL.lives", lambda job: True)
    monkeypatch.setattr(environments, "prepare_if_missing", lambda name, part="inference": None)
    write_avatar(tmp_path / "avatars" / "tiny")
    return tmp_path


def checked(home: Path, report: dict = REPORT) -> str:
    """The id of a preflight that is done."""
    (home / "clip.mp4").write_bytes(b"x")
    job_id, *_ = train.begin_check(str(home / "clip.mp4"), "en")
    job = get_job(job_id)
    (job.folder / "outputs" / "report.json").write_text(json.dumps(report))
    end(job, {"report": "outputs/report.json"})
    return job_id


def end(job: Job, outputs: dict | None = None, state: str = "done") -> None:
    raw = folder.read_json(job.folder / folder.STATUS)
    folder.write_json(job.folder / folder.STATUS, {**raw, "state": state, "outputs": outputs or {}})


def begin(
    home: Path,
    table: str = REPAIRED,
    agreed: bool = True,
    by: str = "Ann",
    request=OWNER,
    lang="en",
    mine=None,
    device="auto",
):
    check = checked(home)
    return train.start(check, table, "Ann", "", "Ann", by, agreed, "draft", 512, device, mine or [], lang, request)


def test_the_table_tells_what_is_repaired_and_a_click_switches_it(home: Path) -> None:
    table, *_ = train.check_ended(checked(home), "en")
    assert [(one["key"], one["repaired"]) for one in json.loads(table)] == [("face", False), ("length", False)]
    assert toggled(REPORT, {}, "face") == TRIM
    assert toggled(REPORT, TRIM, "face") == {}
    assert toggled(REPORT, TRIM, "length") == TRIM
    assert json.loads(rows_with(REPORT, TRIM))[0]["repaired"] is True


def test_the_repairs_are_the_reports_whatever_the_browser_says(home: Path) -> None:
    forged = json.dumps([{"key": "face", "repaired": True, "repair": {"start_s": 9, "--gpu": 7}}])
    assert train.repairs_in(forged, REPORT) == TRIM


def test_a_training_starts_with_repairs_and_consent_in_the_readers_words(home: Path) -> None:
    mine, *_ = begin(home, lang="zh-CN")
    assert mine == ["ann"]
    who = json.loads((home / "training" / "ann" / "identity.json").read_text())
    assert who["consent"]["statement"].startswith("Ann确认")
    assert json.loads((home / "training" / "ann" / "training.json").read_text())["repairs"] == TRIM


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"table": ""}, "Record again"),
        ({"agreed": False}, "must have agreed"),
        ({"by": " "}, "likeness"),
    ],
)
def test_without_repair_or_consent_nothing_begins(home: Path, changes: dict, word: str) -> None:
    with pytest.raises(gr.Error, match=word):
        begin(home, **changes)
    assert training.list_trainings() == []


def test_a_path_or_another_job_is_no_preflight(home: Path) -> None:
    other = submit(GenerateRequest("tiny", str(write_speechlike(home / "a.wav", 1)))).id
    for check in ("/etc/passwd", "../x", other, "20260101-000000-preflight-0000000000000000"):
        with pytest.raises(gr.Error):
            train.start(check, "", "Ann", "", "Ann", "Ann", True, "draft", 512, "auto", [], "en", OWNER)
    assert training.list_trainings() == []


def test_visitors_of_a_public_page_see_only_their_own_trainings(home: Path) -> None:
    mine, *_ = begin(home, request=STRANGER)
    assert [one.id for one in train.visible(mine, STRANGER)] == ["ann"]
    assert train.visible([], STRANGER) == []
    assert [one.id for one in train.visible([], OWNER)] == ["ann"]
    for action, more in ((train.stop, ()), (train.resume, ("auto",)), (train.discard, ())):
        with pytest.raises(gr.Error, match="no such training"):
            action("ann", [], "en", *more, STRANGER)


def test_too_many_trainings_or_checks_are_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "MAX_TRAININGS", 0)
    with pytest.raises(gr.Error, match="Several trainings"):
        begin(home)
    monkeypatch.setattr(train, "MAX_CHECKS", 0)
    with pytest.raises(gr.Error, match="Several trainings"):
        train.begin_check(str(home / "clip.mp4"), "en")


def test_the_view_gets_pictures_and_the_curve_once(home: Path) -> None:
    begin(home)
    current = training.get_training("ann")
    (current.folder / "previews").mkdir()
    (current.folder / "face").mkdir()
    for step in (100, 200):
        (current.folder / "previews" / f"face_{step:06d}.jpg").write_bytes(b"jpeg")
    (current.folder / "face" / "history.jsonl").write_text('{"step": 100, "psnr": 30.5}\n{"step": 200, "ps')
    told = watch_training([current.job.id, ""])
    assert [one["name"] for one in told["previews"]] == ["face"]
    assert [(one["stage"], one["step"], one["psnr"]) for one in told["history"]] == [("face", 100, 30.5)]
    assert watch_training([current.job.id, told["stamp"]]) == {"stamp": told["stamp"], "final": False}


@pytest.mark.parametrize("job_id", ["", "ann", "../training/ann", None, "20260101-000000-train-0000000000000000"])
def test_the_view_knows_trainings_by_their_jobs_only(home: Path, job_id: object) -> None:
    begin(home)
    assert watch_training([job_id, ""])["previews"] == []


def test_the_view_shows_no_picture_from_elsewhere(home: Path) -> None:
    begin(home)
    job = training.get_training("ann").job
    other = submit(GenerateRequest("tiny", str(write_speechlike(home / "a.wav", 1))))
    assert watch_training([other.id, ""])["final"] is True
    assert watch_training([job.id, ""])["previews"] == []


# --- the library ------------------------------------------------------------------------------------------------------


def test_avatars_are_cards_with_their_facts(home: Path) -> None:
    told = json.loads(library.avatar_grid("tiny", "zh-CN"))
    assert [(one["id"], one["title"], one["badge"]) for one in told["items"]] == [
        ("presenter", told["items"][0]["title"], "自带"),
        ("tiny", "小小", ""),
    ]
    assert "64 × 64" in library.details_of("tiny", "en")[3]


def test_what_an_avatar_tells_of_itself_is_no_markup(home: Path) -> None:
    facts = json.loads((home / "avatars" / "tiny" / "avatar.json").read_text())
    facts["subject"] = "<img src=x onerror=alert(1)>"
    (home / "avatars" / "tiny" / "avatar.json").write_text(json.dumps(facts))
    table = library.details_of("tiny", "en")[3]
    assert "<img" not in table
    assert "&lt;img" in table


def test_a_broken_avatar_is_shown_with_its_reason_and_can_be_deleted(home: Path) -> None:
    (home / "avatars" / "broken").mkdir()
    (home / "avatars" / "broken" / "avatar.json").write_text("{")
    told = json.loads(library.avatar_grid("", "en"))
    assert [one["bad"] for one in told["items"] if one["id"] == "broken"] == [True]
    assert "cannot be used" in library.details_of("broken", "en")[3]
    library.delete("broken", "en", OWNER)
    assert not (home / "avatars" / "broken").exists()


def test_only_the_owner_changes_avatars(home: Path) -> None:
    for action in (
        lambda: library.delete("tiny", "en", STRANGER),
        lambda: library.rename("tiny", "x", "y", "en", STRANGER),
        lambda: library.bring("a.zip", "en", STRANGER),
    ):
        with pytest.raises(gr.Error, match="on its own machine"):
            action()
    assert (home / "avatars" / "tiny" / "avatar.json").is_file()


def test_a_deleted_avatar_leaves_every_list(home: Path) -> None:
    grid, _, chosen, dropdown = library.delete("tiny", "en", OWNER)
    assert "tiny" not in grid
    assert chosen == ""
    assert "tiny" not in str(dropdown)


def make_result(home: Path) -> Job:
    """A generate job that is done."""
    job = submit(GenerateRequest("tiny", str(write_speechlike(home / "a.wav", 1)), name="a.wav"))
    (job.folder / "outputs" / "video.mp4").write_bytes(b"film")
    end(job, {"video": "outputs/video.mp4"})
    return job


def test_results_are_shown_to_who_made_them_and_run_again_with_the_same_request(home: Path) -> None:
    job = make_result(home)
    assert [one.id for one in library.visible([job.id], STRANGER)] == [job.id]
    assert library.visible([], STRANGER) == []
    with pytest.raises(gr.Error, match="not there"):
        library.again(job.id, [], "en", STRANGER)
    library.again(job.id, [job.id], "en", STRANGER)
    newest = max(list_jobs("generate"), key=lambda one: one.status().created)
    assert newest.id != job.id
    assert newest.request().fields() | {"audio": ""} == job.request().fields() | {"audio": ""}


def test_a_result_opens_with_its_settings(home: Path) -> None:
    job = make_result(home)
    event = SimpleNamespace(id=job.id)
    grid, chosen, _, video, used = library.open_result([job.id], "en", STRANGER, event)
    assert (chosen, json.loads(grid)["chosen"]) == (job.id, job.id)
    assert Path(video).read_bytes() == b"film"
    assert used["avatar"] == "tiny"
    with pytest.raises(gr.Error):
        library.open_result([], "en", STRANGER, event)
