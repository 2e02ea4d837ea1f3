"""The voice panel and the voice library in a real browser, with the embedded voice."""

from __future__ import annotations

import io
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from sounds import write_speechlike
from test_ui import CHROMIUM, FLAGS, free_port, open_page, start_app, sync_api, wait_for_state

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]


@pytest.fixture(scope="module")
def app(engine_home: Path, light_voices: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port, log = free_port(), tmp_path_factory.mktemp("app") / "app.log"
    process = start_app(engine_home, port, log)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(10)
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


def type_text(page: sync_api.Page, text: str) -> None:
    page.locator("#source input").nth(1).check()
    page.wait_for_function("document.querySelector('#voice input')?.value", timeout=30_000)
    page.fill("#text textarea", text)
    page.wait_for_function("document.querySelector('#forecast')?.innerText.length > 20")


def unfold(page: sync_api.Page, name: str) -> None:
    page.locator(f"#{name} > button").first.click()


def test_a_typed_text_becomes_a_talking_video(app: str, browser: sync_api.Browser) -> None:
    page = open_page(browser, app)
    type_text(page, "Hello, it costs $25.50.")
    assert "embedded voice" in page.locator("#forecast").inner_text()
    page.click("#start")
    assert wait_for_state(page, "done", "failed") == "done"
    page.wait_for_function("document.querySelector('#result video')?.readyState >= 2", timeout=30_000)
    source = page.evaluate("document.querySelector('#result video').src")
    with av.open(io.BytesIO(urllib.request.urlopen(source).read())) as video:
        assert 1.5 < float(video.streams.audio[0].duration * video.streams.audio[0].time_base) < 6
    assert page.locator("#job .tfg-job-stages li.past").count() == 5


def test_nothing_typed_is_said_in_the_readers_language(app: str, browser: sync_api.Browser) -> None:
    page = open_page(browser, app, "zh-CN", width=390)
    type_text(page, "…")
    page.fill("#text textarea", "  ")
    page.click("#start")
    page.wait_for_selector("text=请先输入文本")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_voice_is_added_with_consent_speaks_and_goes(app: str, browser: sync_api.Browser, tmp_path: Path) -> None:
    page = open_page(browser, app)
    type_text(page, "今天是2026年11月23日。")
    unfold(page, "add_voice")
    page.locator("#voice_recording input[type=file]").set_input_files(str(write_speechlike(tmp_path / "me.wav", 5)))
    page.wait_for_selector("#voice_recording .waveform-container, #voice_recording audio", state="attached")
    page.fill("#voice_name textarea, #voice_name input", "Robin")
    page.click("#voice_add")
    page.wait_for_selector("text=Tick the consent")
    page.locator("#voice_consent input").check()
    page.fill("#voice_consent_by textarea, #voice_consent_by input", "Robin R.")
    page.click("#voice_add")
    page.wait_for_function("document.querySelector('#voice input').value === 'Robin'", timeout=60_000)
    page.click("#hear")
    page.wait_for_selector("#heard audio, #heard .waveform-container", state="attached", timeout=60_000)
    unfold(page, "my_voices")
    page.wait_for_selector("#voice_facts:has-text('Robin R.')")
    page.click("#voice_delete")
    page.click("#voice_delete_sure")
    page.wait_for_function("document.querySelector('#voice input').value !== 'Robin'", timeout=20_000)
