"""The Chat tab in a real browser: a loopback language model, the embedded voice, the bundled avatar."""

from __future__ import annotations

import json
import re
import wave
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from llm_server import LlmServer, refusal
from test_ui import CHROMIUM, FLAGS, free_port, start_app

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytest.importorskip("zhipuai", reason="the page asks the language model through its client")

LONG = "and so on it goes, one word after the other, "
STAGE = "#chat .tfg-chat"


def reply(messages: list[dict[str, str]]) -> str:
    """The question's last word comes back; a long answer where it asks for one."""
    question = messages[-1]["content"]
    word = re.findall(r"\w+", question)[-1]
    return f"You said {word}. " + (8 * LONG if "long" in question else "That is all.")


@pytest.fixture(scope="module")
def model() -> Iterator[LlmServer]:
    with LlmServer(reply=reply) as server:
        yield server


@pytest.fixture(scope="module")
def app(
    engine_home: Path, light_voices: None, model: LlmServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    port, log = free_port(), tmp_path_factory.mktemp("app") / "app.log"
    with pytest.MonkeyPatch.context() as patch:  # a key in the environment makes GLM the first choice
        patch.setenv("ZHIPUAI_API_KEY", "name.secret")
        patch.setenv("ZHIPUAI_BASE_URL", model.base_url)
        process = start_app(engine_home, port, log)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(20)
    assert "Traceback" not in log.read_text()
    assert "secret" not in log.read_text()


@pytest.fixture(scope="module")
def driver() -> Iterator[sync_api.Playwright]:
    with sync_api.sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(driver: sync_api.Playwright) -> Iterator[sync_api.Browser]:
    chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield chromium
    chromium.close()


@pytest.fixture
def page(app: str, browser: sync_api.Browser) -> Iterator[sync_api.Page]:
    opened = open_chat(browser, app)
    yield opened
    opened.context.close()


def open_chat(
    browser: sync_api.Browser, app: str, locale: str = "en-US", width: int = 1280, prepare: str = ""
) -> sync_api.Page:
    """The Chat tab with its avatar there. prepare: a script that runs before those of the page."""
    page = browser.new_context(locale=locale, viewport={"width": width, "height": 900}).new_page()
    page.add_init_script(prepare)
    page.goto(app)
    page.wait_for_function("document.querySelector('#avatar input')?.value")
    name = {"en-US": "Chat", "zh-CN": "实时对话"}[locale]
    tab = page.get_by_role("tab", name=name)
    if not tab.count():
        page.locator(".overflow-menu > button").click()
        tab = page.locator(".overflow-dropdown button", has_text=name)
    tab.click()
    page.wait_for_selector(f"{STAGE}[data-ready='1']", timeout=120_000)
    return page


def ask(page: sync_api.Page, text: str) -> None:
    page.fill(f"{STAGE}-text", text)
    page.keyboard.press("Enter")


def until_speaking(page: sync_api.Page) -> None:
    page.wait_for_selector(f"{STAGE}[data-stage=speaking]", timeout=60_000)


def until_idle(page: sync_api.Page) -> None:
    page.wait_for_selector(f"{STAGE}[data-busy='']", timeout=90_000)


def answers(page: sync_api.Page) -> list[str]:
    return page.locator(f"{STAGE}-answer > p").all_inner_texts()


def saved(page: sync_api.Page, kind: str, folder: Path) -> Path:
    page.click(f"{STAGE}-menu summary")
    with page.expect_download(timeout=60_000) as download:
        page.click(f"{STAGE}-menu button[data-kind={kind}]")
    download.value.save_as(folder / f"saved.{kind}")
    return folder / f"saved.{kind}"


def test_a_typed_turn_is_seen_heard_captioned_and_timed(page: sync_api.Page) -> None:
    ask(page, "Say robin")
    until_speaking(page)
    page.wait_for_function(f"/robin/.test(document.querySelector('{STAGE}-caption').textContent)", timeout=30_000)
    page.wait_for_function(f"document.querySelector('{STAGE}-talk').currentTime > 0.5", timeout=30_000)
    assert page.evaluate(f"document.querySelector('{STAGE}-talk').muted") is False
    until_idle(page)
    assert answers(page) == ["You said robin. That is all."]
    assert page.locator(f"{STAGE}-talk.shown").count() == 0
    page.click(f"{STAGE}-time summary")
    times = [float(text.split()[0]) for text in page.locator(f"{STAGE}-ms").all_inner_texts()]
    assert len(times) >= 5
    assert times == sorted(times)


def test_stop_is_silent_at_once_and_greys_what_was_not_spoken(page: sync_api.Page) -> None:
    ask(page, "Something long")
    until_speaking(page)
    page.wait_for_function(f"document.querySelector('{STAGE}-talk').currentTime > 1", timeout=30_000)
    page.click(f"{STAGE}-stop")
    talk = page.evaluate(
        f"(() => {{ const v = document.querySelector('{STAGE}-talk'); return [v.muted, v.paused]; }})()"
    )
    assert talk == [True, True]
    until_idle(page)
    page.wait_for_function(f"document.querySelector('{STAGE}-unsaid')?.textContent.includes('word after')")
    said = page.locator(f"{STAGE}-answer > p > span").first.inner_text()
    assert said.startswith("You said")
    assert said.count("so on") < 8


def test_stop_before_the_first_word_leaves_a_page_that_answers_the_next(page: sync_api.Page) -> None:
    ask(page, "Something long")
    page.click(f"{STAGE}-stop")
    until_idle(page)
    ask(page, "Say wren")
    until_speaking(page)
    until_idle(page)
    assert answers(page)[-1] == "You said wren. That is all."


def test_two_browsers_do_not_hear_each_other(app: str, page: sync_api.Page, browser: sync_api.Browser) -> None:
    other = open_chat(browser, app)
    ask(page, "Say robin")
    ask(other, "Say magpie")
    for one in (page, other):
        until_idle(one)
    assert answers(page) == ["You said robin. That is all."]
    assert answers(other) == ["You said magpie. That is all."]
    pages = [one.evaluate("document.querySelector('#chat').innerHTML") for one in (page, other)]
    assert "magpie" not in pages[0]
    assert "robin" not in pages[1]
    other.context.close()


def test_a_conversation_is_edited_answered_again_saved_and_cleared(page: sync_api.Page, tmp_path: Path) -> None:
    ask(page, "Say robin")
    until_speaking(page)
    until_idle(page)
    page.click(f"{STAGE}-edit")
    page.fill(f"{STAGE}-editing textarea", "Say wren")
    page.keyboard.press("Enter")
    until_speaking(page)
    until_idle(page)
    assert answers(page) == ["You said wren. That is all."]
    page.click(f"{STAGE}-again")
    until_speaking(page)
    until_idle(page)
    assert answers(page) == ["You said wren. That is all."]
    turns = json.loads(saved(page, "json", tmp_path).read_text(encoding="utf-8"))
    assert [turn["user"] for turn in turns] == ["Say wren"]
    assert turns[0]["marks"]["first_frame"] > turns[0]["marks"]["first_token"]
    assert "wren" in saved(page, "srt", tmp_path).read_text(encoding="utf-8")
    with av.open(str(saved(page, "mp4", tmp_path))) as film:
        assert {stream.type for stream in film.streams} >= {"video", "audio"}
        assert abs(film.duration / 1e6 - turns[0]["seconds"]) < 0.5
    page.click(f"{STAGE}-clear")
    page.wait_for_selector(f"{STAGE}-empty:visible")
    assert answers(page) == []


def test_a_refusing_model_is_a_sentence_and_can_be_asked_again(page: sync_api.Page, model: LlmServer) -> None:
    model.faults += [refusal(429, "1302")] * 2  # the first is tried again unseen
    ask(page, "Say robin")
    page.wait_for_selector(f"{STAGE}-fault", timeout=30_000)
    assert "Traceback" not in page.locator(f"{STAGE}-fault").inner_text()
    page.click(f"{STAGE}-fault button")
    until_speaking(page)
    until_idle(page)
    assert answers(page) == ["You said robin. That is all."]


def test_a_browser_without_media_streams_plays_the_answer_when_it_is_whole(app: str, browser: sync_api.Browser) -> None:
    page = open_chat(browser, app, prepare="delete window.MediaSource; delete window.ManagedMediaSource;")
    ask(page, "Say robin")
    page.wait_for_function(f"document.querySelector('{STAGE}-talk').currentTime > 0.5", timeout=60_000)
    until_idle(page)
    assert answers(page) == ["You said robin. That is all."]
    page.context.close()


def test_speaking_asks_and_speaking_again_interrupts(
    app: str,
    driver: sync_api.Playwright,
    model: LlmServer,
    test_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(model, "reply", lambda messages: 16 * LONG)
    sound = spoken_twice(test_data / "speech" / "en_9s.wav", tmp_path / "sound.wav")
    flags = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    flags.append(f"--use-file-for-fake-audio-capture={sound}")
    chromium = driver.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
    page = open_chat(chromium, app)
    page.click(f"{STAGE}-hands")
    until_speaking(page)
    page.wait_for_selector(f"{STAGE}-turn[data-end=stopped]", timeout=60_000)
    assert page.locator(f"{STAGE}-asked > p").first.inner_text().strip()
    page.click(f"{STAGE}-hands")
    page.wait_for_selector(f"{STAGE}[data-mode=off]")
    chromium.close()


def spoken_twice(speech: Path, path: Path) -> Path:
    """A sentence, a pause in which it is answered, and the sentence again: what a microphone hears."""
    with wave.open(str(speech)) as source:
        rate = source.getframerate()
        sentence = np.frombuffer(source.readframes(int(2.6 * rate)), np.int16)
    random = np.random.default_rng(0)
    rests = [random.integers(-8, 9, int(seconds * rate)).astype(np.int16) for seconds in (1, 10, 30)]
    with wave.open(str(path), "wb") as sink:
        sink.setparams((1, 2, rate, 0, "NONE", ""))
        sink.writeframes(np.concatenate([rests[0], sentence, rests[1], sentence, rests[2]]).tobytes())
    return path


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_phone_shows_all_of_it_without_scrolling_sideways(app: str, browser: sync_api.Browser, locale: str) -> None:
    page = open_chat(browser, app, locale, 390)
    ask(page, "Say something long")
    until_speaking(page)
    for part in ("stop", "send", "hold", "hands"):
        box = page.locator(f"{STAGE}-{part}").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    page.click("#chat_settings > button")
    page.wait_for_selector("#chat_avatar input:visible")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.click(f"{STAGE}-stop")
    page.context.close()
