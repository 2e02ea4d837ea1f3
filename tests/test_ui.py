"""The page in a real browser, with real jobs."""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from sounds import write_speechlike

PROJECT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_app(home: Path, port: int, log: Path, *program: str) -> subprocess.Popen:
    environment = {**os.environ, "TFG_HOME": str(home), "TFG_PORT": str(port), "TFG_HOST": "127.0.0.1"}
    with log.open("ab") as sink:
        command = [sys.executable, *(program or ("demo.py",))]
        process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=sink, stderr=sink)
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2)
        except OSError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        else:
            return process
    raise AssertionError("the page did not answer within a minute")


@pytest.fixture(scope="module")
def app(engine_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
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


def open_page(browser: sync_api.Browser, url: str, locale: str = "en-US", width: int = 1280) -> sync_api.Page:
    page = browser.new_context(locale=locale, viewport={"width": width, "height": 900}).new_page()
    page.goto(url)
    page.wait_for_selector("#start")
    page.wait_for_function("document.querySelector('#avatar input')?.value")  # the first load event has come back
    return page


def upload(page: sync_api.Page, sound: Path) -> None:
    page.locator("#speech input[type=file]").set_input_files(str(sound))
    page.wait_for_selector(
        "#speech audio, #speech .waveform-container, #speech [data-testid^=waveform]", state="attached"
    )


def wait_for_state(page: sync_api.Page, *states: str, panel: str = "job", timeout_s: float = 180) -> str:
    allowed = ", ".join(f"'{state}'" for state in states)
    page.wait_for_function(
        f"[{allowed}].includes(document.querySelector('#{panel} .tfg-job:not([hidden])')?.dataset.state)",
        timeout=timeout_s * 1000,
    )
    return page.locator(f"#{panel} .tfg-job").get_attribute("data-state") or ""


def start(page: sync_api.Page) -> None:
    page.wait_for_timeout(500)
    page.click("#start")


def test_an_uploaded_wav_becomes_a_video_that_plays_with_sound(
    app: str, browser: sync_api.Browser, speech: Path, speech_seconds: float
) -> None:
    page = open_page(browser, app)
    upload(page, speech)
    start(page)
    assert wait_for_state(page, "done", "failed") == "done"
    page.wait_for_function("document.querySelector('#result video')?.readyState >= 2", timeout=30_000)
    duration = page.evaluate("document.querySelector('#result video').duration")
    assert abs(duration - speech_seconds) < 0.1
    page.evaluate("document.querySelector('#result video').play()")
    page.wait_for_function("document.querySelector('#result video').currentTime > 0.5", timeout=20_000)
    source = page.evaluate("document.querySelector('#result video').src")
    with av.open(io.BytesIO(urllib.request.urlopen(source).read())) as video:
        assert video.streams.video[0].codec_context.name == "h264"
        loudest = max(np.abs(frame.to_ndarray()).max() for frame in video.decode(audio=0))
    assert loudest > 0.02
    assert page.locator("#job .tfg-job-stages li.past").count() == 4


def test_a_reload_in_the_middle_finds_the_job_again(app: str, browser: sync_api.Browser, tmp_path: Path) -> None:
    page = open_page(browser, app)
    upload(page, write_speechlike(tmp_path / "long.wav", 40))
    start(page)
    wait_for_state(page, "running", "queued")
    page.reload()
    assert wait_for_state(page, "running", "queued") in ("running", "queued")
    page.click("#cancel")
    assert wait_for_state(page, "cancelled", timeout_s=20) == "cancelled"


def test_another_browser_sees_nothing_of_it(app: str, browser: sync_api.Browser) -> None:
    page = open_page(browser, app)
    page.wait_for_timeout(1000)
    assert page.locator("#job .tfg-job").is_hidden()
    assert page.locator("#history input").input_value() == ""


@pytest.mark.parametrize(("locale", "word", "state"), [("en-US", "sound", "Failed"), ("zh-CN", "音", "失败")])
def test_a_text_named_wav_ends_in_one_sentence(
    app: str, browser: sync_api.Browser, tmp_path: Path, locale: str, word: str, state: str
) -> None:
    (tmp_path / "a 'text'.wav").write_text("this is no sound at all")
    page = open_page(browser, app, locale)
    upload(page, tmp_path / "a 'text'.wav")
    start(page)
    assert wait_for_state(page, "failed", "done") == "failed"
    sentence = page.locator("#job .tfg-job-error").inner_text()
    assert word in sentence
    assert "Traceback" not in sentence
    page.wait_for_function(f"document.querySelector('#history input').value.includes('{state}')")


def test_nothing_uploaded_is_said_and_starts_nothing(app: str, browser: sync_api.Browser) -> None:
    page = open_page(browser, app)
    start(page)
    page.wait_for_selector("text=Upload or record speech first")
    assert page.locator("#job .tfg-job").is_hidden()


def test_the_system_tab_tells_the_state_of_this_machine(app: str, browser: sync_api.Browser) -> None:
    page = open_page(browser, app, "zh-CN")
    page.get_by_role("tab", name="系统").click()
    page.wait_for_selector("#system_table tr[data-key=disk]")
    assert "GB" in page.locator("#system_table tr[data-key=disk]").inner_text()
    assert page.locator("#system_table tr[data-key='environment:talking_gaussian'] .ok").count() == 1


def test_the_language_can_be_switched_and_is_kept(app: str, browser: sync_api.Browser) -> None:
    page = open_page(browser, app)
    page.click("#header button[data-lang=zh-CN]")
    page.wait_for_selector("#start:has-text('生成视频')")
    page.reload()
    page.wait_for_selector("#start:has-text('生成视频')")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_does_not_overflow(app: str, browser: sync_api.Browser, width: int) -> None:
    page = open_page(browser, app, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_job_goes_on_while_the_app_restarts(engine_home: Path, browser: sync_api.Browser, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "app.log"
    process = start_app(engine_home, port, log)
    page = open_page(browser, f"http://127.0.0.1:{port}")
    upload(page, write_speechlike(tmp_path / "long.wav", 20))
    start(page)
    wait_for_state(page, "running")
    process.kill()
    process.wait()
    process = start_app(engine_home, port, log)
    page.reload()
    page.wait_for_selector("#start")
    assert wait_for_state(page, "done", "failed", "interrupted") == "done"
    page.wait_for_selector("#result video", timeout=30_000)
    process.terminate()
    process.wait(10)


def test_files_outside_the_page_are_not_served(app: str, engine_home: Path) -> None:
    for path in (engine_home / ".browser_key", PROJECT / "demo.py", Path("/etc/passwd"), engine_home / "runs"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{app}/gradio_api/file={path}")
        assert refused.value.code in (403, 404)
