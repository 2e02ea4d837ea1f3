"""The page's handlers without a browser."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

gr = pytest.importorskip("gradio", reason="the page needs gradio")

from avatars import write_avatar  # noqa: E402
from sounds import write_speechlike  # noqa: E402

from bridges.jobs.job import list_jobs, submit  # noqa: E402
from bridges.requests import GenerateRequest  # noqa: E402
from tabs import crowd, generate, system  # noqa: E402
from tabs.errors import spoken  # noqa: E402
from tabs.job_panel import follow  # noqa: E402
from tabs.language import SCRIPT, ChosenLanguage  # noqa: E402
from tabs.publish import published  # noqa: E402


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with one avatar, where no job really starts."""
    monkeypatch.setenv("TFG_HOME", str(tmp_path))
    monkeypatch.setattr("bridges.jobs.executor.LOCAL.submit", lambda folder: None)
    write_avatar(tmp_path / "avatars" / "tiny")
    return tmp_path


def ask(home: Path, avatar: str = "tiny", sound: str | None = None, lang: str = "en") -> tuple:
    sound = sound or str(write_speechlike(home / "a.wav", 1))
    return generate.start(avatar, sound, 0, 0, "visemes", 0, [], lang)


def test_start_submits_a_job_with_the_chosen_settings_and_remembers_it(home: Path) -> None:
    job_id, remembered, *_ = ask(home)
    assert remembered == [job_id]
    assert list_jobs()[0].request().fields()["avatar"] == "tiny"


@pytest.mark.parametrize("avatar", ["/etc", "../avatars/tiny", "", "unknown"])
def test_only_listed_avatars_can_be_named_from_the_browser(home: Path, avatar: str) -> None:
    with pytest.raises(gr.Error, match="Choose an avatar"):
        ask(home, avatar)
    assert list_jobs() == []


def test_a_crowded_queue_takes_no_more(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "MAX_UNFINISHED", 0)
    with pytest.raises(gr.Error, match="排队"):
        ask(home, lang="zh-CN")


@pytest.mark.parametrize("job_id", ["../../etc", "", None, "20260101-000000-generate-0000000000000000", 7])
def test_the_panel_learns_nothing_of_jobs_that_are_not_there(home: Path, job_id: object) -> None:
    assert follow([job_id, 0]) == {"status": None, "log": "", "offset": 0, "more": False}


def test_the_panel_gets_a_log_by_offset_and_a_late_one_its_end(home: Path) -> None:
    job = submit(GenerateRequest("tiny", str(write_speechlike(home / "a.wav", 1))))
    (job.folder / "log.txt").write_text("".join(f"line {n}\n" for n in range(100_000)))
    late = follow([job.id, -1])
    assert late["log"].endswith("line 99999\n")
    assert len(late["log"]) <= 100_000
    assert follow([job.id, late["offset"]])["log"] == ""


def test_another_browsers_job_cannot_be_opened(home: Path) -> None:
    job_id, *_ = ask(home)
    assert generate.open_earlier(job_id, [job_id])[0] == job_id
    assert generate.open_earlier(job_id, [])[0] != job_id


@pytest.mark.parametrize(
    ("host", "headers", "user", "allowed"),
    [
        ("127.0.0.1", {}, None, True),
        ("127.0.0.1", {"x-forwarded-for": "1.2.3.4"}, None, False),
        ("10.0.0.9", {}, None, False),
        ("10.0.0.9", {}, "ann", True),
    ],
)
def test_only_the_owner_changes_environments(host: str, headers: dict, user: str | None, allowed: bool) -> None:
    request = SimpleNamespace(client=SimpleNamespace(host=host), headers=headers, username=user)
    if allowed:
        system.refuse_strangers(request, "en")
    else:
        with pytest.raises(gr.Error):
            system.refuse_strangers(request, "en")


def test_a_surprise_becomes_one_sentence_without_its_details() -> None:
    @spoken
    def handler(lang: str) -> None:
        raise KeyError("/secret/path")

    with pytest.raises(gr.Error) as shown:
        handler("en")
    assert "secret" not in str(shown.value)


def test_a_published_file_lies_outside_the_jobs(home: Path) -> None:
    (home / "video.mp4").write_bytes(b"x")
    path = Path(published(home / "video.mp4", "job.mp4"))
    assert path.read_bytes() == b"x"
    assert home not in path.parents


@pytest.mark.parametrize(("kind", "changed"), [("text/html; charset=utf-8", True), ("application/json", False)])
def test_the_language_script_goes_into_pages_only(kind: str, changed: bool) -> None:
    import asyncio

    sent: list[dict] = []

    async def app(scope: dict, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind.encode())]})
        await send({"type": "http.response.body", "body": b"<html><he", "more_body": True})
        await send({"type": "http.response.body", "body": b"ad></head>"})

    async def send(message: dict) -> None:
        sent.append(message)

    asyncio.run(ChosenLanguage(app)({"type": "http", "method": "GET"}, None, send))
    body = b"".join(message.get("body", b"") for message in sent)
    assert (SCRIPT in body) is changed
    assert body.replace(SCRIPT, b"") == b"<html><head></head>"
