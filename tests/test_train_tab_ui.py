"""The Train and Library tabs in a real browser, with a fake check and a fake trainer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from avatars import write_avatar
from jobs_kit import TRIM, check_row
from test_ui import CHROMIUM, FLAGS, PROJECT, free_port, start_app, wait_for_state

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")

LAUNCH = """
import sys
from pathlib import Path
from bridges import environments, paths
paths.PREFLIGHT_SCRIPT, paths.TRAIN_SCRIPT = Path(sys.argv.pop(1)), Path(sys.argv.pop(1))
environments.prepare_if_missing = lambda name, part="inference": None
import demo
demo.main()
"""
SCRIPT = """
stages; progress 1 2; history 100 4.5
while [ ! -e "$workspace/go" ]; do sleep 0.1; done
history 200 3.5; progress 2 2; install
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    write_avatar(home / "avatars" / "tiny")
    (home / "report.json").write_text(json.dumps({"state": "bad", "rows": [check_row("bad", TRIM)]}))
    (home / "check.sh").write_text(f'sleep 0.5; cp "{home}/report.json" "$3"\n')
    (home / "clip.mp4").write_text(SCRIPT)
    return home


@pytest.fixture(scope="module")
def app(home: Path) -> Iterator[str]:
    port, log = free_port(), home / "app.log"
    scripts = [str(home / "check.sh"), str(PROJECT / "tests" / "fake_training.sh")]
    process = start_app(home, port, log, "-c", LAUNCH, *scripts)
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


def open_tab(page: sync_api.Page, name: str) -> None:
    page.wait_for_function("document.querySelector('#avatar input')?.value")
    page.get_by_role("tab", name=name).click()


def fill(page: sync_api.Page, box: str, text: str) -> None:
    page.fill(f"#{box} textarea, #{box} input", text)


def test_a_video_is_checked_repaired_trained_found_again_stopped_resumed_and_used(
    app: str, browser: sync_api.Browser, home: Path
) -> None:
    page = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900}).new_page()
    page.goto(app)
    open_tab(page, "Train")
    page.locator("#train_video input[type=file]").set_input_files(str(home / "clip.mp4"))
    page.wait_for_selector("#checks [data-key=face][data-state=bad]", timeout=30_000)
    page.click("#checks .tfg-repair")
    page.wait_for_selector("#checks [data-key=face][data-state=repaired]")
    for box in ("train_name_en", "train_subject", "train_by"):
        fill(page, box, "Ann")
    page.click("#train_start")
    page.wait_for_selector("text=must have agreed")
    page.click("#train_agreed input")
    page.click("#train_start")
    wait_for_state(page, "running", panel="train_job", timeout_s=30)
    page.reload()
    open_tab(page, "Train")
    wait_for_state(page, "running", panel="train_job", timeout_s=30)
    page.click("#train_stop")
    wait_for_state(page, "cancelled", panel="train_job", timeout_s=30)
    (home / "training" / "ann" / "go").touch()
    page.click("#train_resume")
    wait_for_state(page, "done", panel="train_job", timeout_s=30)
    page.wait_for_selector("#train_view .tfg-view-figures:not([hidden])")
    page.wait_for_selector("#train_view .tfg-view-lmd polyline")
    page.click("#use_avatar")
    page.wait_for_function("document.querySelector('#avatar input')?.value === 'Ann'")


def test_another_browser_at_home_finds_it_too_and_deletes_the_avatar(
    app: str, browser: sync_api.Browser, home: Path
) -> None:
    page = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 900}).new_page()
    page.goto(app)
    open_tab(page, "资产")
    page.wait_for_selector("#avatar_cards .tfg-card[data-id=tiny]")
    page.click("#avatar_cards .tfg-card[data-id=tiny]")
    page.wait_for_selector("#avatar_facts:has-text('64 × 64')")
    fill(page, "library_name_zh", "小小小")
    page.click("#library_rename")
    page.wait_for_selector("#avatar_cards:has-text('小小小')")
    page.click("#library_delete")
    page.click("#library_sure:has-text('小小小')")
    page.wait_for_selector("#avatar_cards .tfg-card[data-id=tiny]", state="detached")
    assert not (home / "avatars" / "tiny").exists()


@pytest.mark.parametrize("name", ["Train", "Library"])
def test_the_tabs_fit_a_phone(app: str, browser: sync_api.Browser, name: str) -> None:
    page = browser.new_context(locale="en-US", viewport={"width": 390, "height": 844}).new_page()
    page.goto(app)
    page.wait_for_function("document.querySelector('#avatar input')?.value")
    tab = page.get_by_role("tab", name=name)
    if not tab.count():
        page.locator(".overflow-menu > button").click()
        tab = page.locator(".overflow-dropdown button", has_text=name)
    tab.click()
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
