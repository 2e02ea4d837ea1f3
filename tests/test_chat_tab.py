"""The handlers of the Chat tab without a browser."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

gr = pytest.importorskip("gradio", reason="the page needs gradio")

from avatars import write_avatar  # noqa: E402

from bridges.chat import session as sessions  # noqa: E402
from bridges.chat.settings import ChatSettings  # noqa: E402
from bridges.chat.warming import Warming  # noqa: E402
from tabs import chat, chat_view  # noqa: E402
from tabs.words.chat import TEXTS  # noqa: E402

OWNER = SimpleNamespace(client=SimpleNamespace(host="127.0.0.1"), headers={}, username=None)
STRANGER = SimpleNamespace(client=SimpleNamespace(host="10.0.0.9"), headers={}, username=None)
GIVEN = {
    "avatar": "tiny",
    "size": 0,
    "voice": "woman",
    "voice_engine": "auto",
    "speed": 1.0,
    "provider": "openai",
    "model": "a model ",
    "base_url": "",
    "key": " sk-1 ",
    "system": " Be brief. ",
    "temperature": 0.5,
    "memory": 1000,
    "asr": "auto",
    "asr_language": "zh",
    "keep": 3,
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with one avatar; no engine is loaded."""

    async def nothing(self: Warming, settings: ChatSettings) -> None:
        """Stay cold."""

    monkeypatch.setenv("TFG_HOME", str(tmp_path))
    monkeypatch.setattr(Warming, "warm", nothing)
    write_avatar(tmp_path / "avatars" / "tiny")
    return tmp_path


def wishes(lang: str = "en", owner: bool = True, **changes: Any) -> ChatSettings:
    return chat.wishes(tuple({**GIVEN, **changes}.values()), lang, owner)


def test_what_the_page_holds_becomes_settings(home: Path) -> None:
    settings = wishes()
    settings.check()
    assert (settings.avatar, settings.size, settings.keep_turns, settings.asr_language) == ("tiny", None, 3, "zh")
    assert (settings.llm.model, settings.llm.key, settings.system) == ("a model", "sk-1", "Be brief.")


@pytest.mark.parametrize("avatar", ["/etc", "../tiny", "", None])
def test_only_listed_avatars_can_be_named_from_the_browser(home: Path, avatar: str | None) -> None:
    with pytest.raises(gr.Error, match="选择数字人"):
        wishes("zh-CN", avatar=avatar)


def test_only_the_owner_has_the_app_ask_an_address(home: Path) -> None:
    assert wishes(base_url="http://127.0.0.1:9/v1").llm.base_url == "http://127.0.0.1:9/v1"
    with pytest.raises(gr.Error, match="Only who runs this app"):
        wishes(owner=False, base_url="http://127.0.0.1:9/v1")


def test_every_list_offers_what_settings_take(home: Path) -> None:
    lists = chat.fill("", None, None, "zh-CN")
    avatars, sizes, voices, engines, providers, personas, prompt, recognisers, languages = lists
    assert "tiny" in [value for _, value in avatars.choices]
    assert prompt.strip()
    for size in [value for _, value in sizes.choices]:
        for engine in [value for _, value in engines.choices]:
            for language in [value for _, value in languages.choices]:
                wishes(size=size, voice_engine=engine, asr_language=language).check()
    assert {one.value for one in (providers, personas, recognisers, voices)} >= {"woman", "auto"}


def test_opening_the_tab_again_keeps_what_was_chosen(home: Path) -> None:
    lists = chat.fill("token", "tiny", "man", "en")
    assert (lists[0].value, lists[2].value) == ("tiny", "man")
    assert all(one == gr.skip() for one in (lists[1], *lists[3:]))


def test_every_provider_says_what_speaks_against_it() -> None:
    for info in chat.llm.providers():
        remark, install, address, key, model, refresh = chat.about_mind(info.id, "zh-CN", OWNER)
        hidden = chat.about_mind(info.id, "zh-CN", STRANGER)
        assert info.why["zh"][:10] in remark
        assert address.value == key.value == ""  # nothing of the owner's is shown
        assert address.visible == model.visible == refresh.visible == bool(info.base_url)
        assert install.visible is (not info.ready and not info.base_url)
        assert not hidden[1].visible
        assert not hidden[2].visible
        assert info.base_url == "" or info.base_url not in str(hidden[2].placeholder)


def test_a_page_without_its_conversation_is_told_so() -> None:
    for call in chat_view.CALLS:
        answer = asyncio.run(call(["no such token", *[0] * 5]))
        assert answer["error"]["code"] in ("no_session", "bad_call"), call.__name__
    assert asyncio.run(chat_view.chat_next(["", 0, 0]))["error"]["zh"].startswith("对话已结束")


def test_conversations_are_apart_and_their_files_come_in_pieces(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_view, "PIECE_BYTES", 10)

    async def talk() -> None:
        mine, other = (sessions.open_session(wishes()) for _ in range(2))
        mine.post("words", turn="t", text="only mine")
        assert "only mine" in str(await chat_view.chat_next([mine.token, 0, 0]))
        assert "only mine" not in str(await chat_view.chat_next([other.token, 0, 0]))
        assert (await chat_view.chat_export([mine.token, "json", None]))["error"]["code"] == "nothing_to_export"
        assert (await chat_view.chat_piece([other.token, 0]))["error"]["code"] == "bad_call"
        file = home / "x.json"
        file.write_bytes(b"0123456789abc")
        chat_view.EXPORTED[mine.token] = file
        assert [(await chat_view.chat_piece([mine.token, at]))["data"] for at in (0, 10)] == [
            "MDEyMzQ1Njc4OQ==",
            "YWJj",
        ]
        for session in (mine, other):
            await session.close()

    asyncio.run(talk())


@pytest.mark.parametrize("sound", ["not base64!", "A" * 300_000, None])
def test_what_is_no_sound_is_refused(home: Path, sound: Any) -> None:
    async def hear() -> dict[str, Any]:
        session = sessions.open_session(wishes())
        answer = await chat_view.chat_hear([session.token, sound])
        await session.close()
        return answer

    assert asyncio.run(hear())["error"]["code"] == "bad_call"


def test_every_step_of_a_turn_and_every_fault_of_a_microphone_has_words() -> None:
    script = (Path(chat_view.HERE) / "chat_transcript.js").read_text(encoding="utf-8")
    steps = script.split("const STEPS = [")[1].split("]")[0].replace("'", "").split(", ")
    assert all(f"chat_mark_{step}" in TEXTS for step in steps)
    for code in ("blocked", "missing", "busy", "insecure", "silent", "lost"):
        assert f"chat_mic_{code}" in TEXTS
