"""How soon the page is there, and what a long log does to it.

python benchmarks/page.py     (in an environment with the page and playwright, Chromium installed)

Prints: seconds until `python demo.py` answers, seconds until the page is filled, and the share of a processor that the
browser's main thread takes while it follows a running job whose log is short, and one with 100,000 lines more.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import wave
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))
from bridges.jobs import folder as job_files  # noqa: E402
from bridges.jobs.job import list_jobs  # noqa: E402

WATCHED_S = 10
LINES = 100_000
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync"]


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def seconds_until_answer(url: str, started: float) -> float:
    """Seconds since `started` until the app answers."""
    while True:
        try:
            urllib.request.urlopen(url, timeout=1)  # noqa: S310 (our own address)
        except OSError:
            time.sleep(0.05)
        else:
            return time.monotonic() - started


def seconds_until_filled(page: Page, url: str) -> float:
    """Seconds from calling the page up until its lists are filled."""
    started = time.monotonic()
    page.goto(url)
    page.wait_for_function("document.querySelector('#avatar input')?.value")
    return time.monotonic() - started


def start_long_job(page: Page, scratch: Path) -> Any:
    """A job of 20 minutes of silence, started by hand."""
    with wave.open(str(scratch / "long.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 8000 * 1200))
    page.locator("#speech input[type=file]").set_input_files(str(scratch / "long.wav"))
    page.wait_for_timeout(2000)
    page.click("#start")
    page.wait_for_function("document.querySelector('#job .tfg-job').dataset.state === 'running'")
    page.locator("#job summary").click()
    return list_jobs("generate")[0]


def busy_share(page: Page, session: CDPSession) -> float:
    """Share of a processor that the page's main thread takes."""
    before = task_seconds(session)
    page.wait_for_timeout(WATCHED_S * 1000)
    return (task_seconds(session) - before) / WATCHED_S


def task_seconds(session: CDPSession) -> float:
    """The main thread's busy seconds so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")


def measure(page: Page, url: str, scratch: Path) -> None:
    """Print what the page takes."""
    print(f"page filled after       {seconds_until_filled(page, url):5.1f} s (cold), ", end="")
    print(f"{seconds_until_filled(page, url):.1f} s (again)")
    job = start_long_job(page, scratch)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    print(f"main thread, short log  {busy_share(page, session):6.1%}")
    started = time.monotonic()
    with (job.folder / job_files.LOG).open("a") as log:
        log.writelines(f"line {n} of a talkative engine, with some words to make it long\n" for n in range(LINES))
    shown = f"document.querySelector('#job pre').lastChild?.textContent.includes('line {LINES - 1} ')"
    page.wait_for_function(shown, polling=200, timeout=60_000)
    print(f"{LINES} lines shown after {time.monotonic() - started:.1f} s")
    print(f"main thread, after them {busy_share(page, session):6.1%}")
    job.cancel(wait_s=10)


def main() -> None:
    """Start the app with its own data folder, measure, stop it."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home, port = Path(folder), free_port()
        (home / "environments").symlink_to(PROJECT / "environments")
        os.environ.update(TFG_HOME=str(home), TFG_PORT=str(port))
        started = time.monotonic()
        with subprocess.Popen([sys.executable, "demo.py"], cwd=PROJECT, stdout=subprocess.DEVNULL) as app:
            url = f"http://127.0.0.1:{port}/"
            print(f"demo.py answers after   {seconds_until_answer(url, started):5.1f} s")
            try:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                measure(browser.new_page(), url, home)
            finally:
                app.terminate()


if __name__ == "__main__":
    main()
