"""How soon an answer is seen, whether it ever stutters, how soon it stops, and that nothing is left of many turns.

python benchmarks/chat.py [--turns 20] [--stops 20] [--spoken 0] [--long] [--endless 0]
(in an environment with the page and playwright, Chromium installed; engines: bundled avatar, embedded voice)

A language model's server on this machine streams 30 tokens a second. Prints, as seen in headless Chromium:
text sent -> first talking picture on the screen; the same from the end of speech (a microphone played from a file, the
offline recogniser); stalls over 100 ms and the size of the picture in an answer of a minute; the stop button pressed ->
silence and idle picture. --endless N: N short turns without a browser, and memory and files after them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import wave
from pathlib import Path
from typing import Any

import numpy as np
from page import CHROMIUM, FLAGS, PROJECT, free_port
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(PROJECT / "tests"))
from llm_server import LlmServer

STAGE = "#chat .tfg-chat"
SHORT = "Yes, of course I can tell you that. It is a small town at the sea, and people like it."
SENTENCE = (
    "The old lighthouse still stands on its rock, and every evening somebody climbs the stairs to light the lamp. "
)
LONG = "Well, this is a longer story. " + SENTENCE * 9
WATCH = """() => {
  const talk = document.querySelector('%s-talk');
  const seen = window.seen = {asked: 0, first: 0, frames: [], shown: 0};
  const look = (now, facts) => {
    if (seen.asked && !talk.paused && getComputedStyle(talk).opacity > 0) {
      if (!seen.first) { seen.first = performance.now(); seen.width = talk.videoWidth; }
      seen.frames.push([performance.now(), facts.mediaTime]);
    }
    talk.requestVideoFrameCallback(look);
  };
  talk.requestVideoFrameCallback(look);
  document.querySelector('%s-stop').addEventListener('click', () => {
    seen.stop = performance.now(); seen.silent = 0; seen.idle = 0;
    const wait = () => {
      if (!seen.silent && (talk.muted || talk.paused)) seen.silent = performance.now();
      if (!seen.idle && getComputedStyle(talk).opacity < 0.02) seen.idle = performance.now();
      if (!seen.idle) requestAnimationFrame(wait);
    };
    wait();
  }, true);
}""".replace("%s", STAGE)
ASK = """(text) => {
  Object.assign(window.seen, {asked: performance.now(), first: 0, frames: []});
  const box = document.querySelector('%s-text');
  box.value = text; box.dispatchEvent(new Event('input', {bubbles: true}));
  document.querySelector('%s-composer').requestSubmit();
}""".replace("%s", STAGE)


def reply(messages: list[dict[str, str]]) -> str:
    """A minute of text where it is asked for."""
    return LONG if "story" in messages[-1]["content"] else SHORT


def open_chat(browser: Browser, address: str, **context: Any) -> Page:
    """The Chat tab, its engines warm."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}, **context).new_page()
    page.goto(address)
    page.get_by_role("tab", name="Chat").click()
    page.wait_for_selector(f"{STAGE}[data-ready='1']", timeout=240_000)
    page.evaluate(WATCH)
    return page


def until_idle(page: Page) -> None:
    """Wait until nothing is made or played any more."""
    page.wait_for_selector(f"{STAGE}[data-busy='']", timeout=180_000)


def ask(page: Page, text: str) -> None:
    """Send a text; returns when its first picture is seen."""
    page.evaluate(ASK, text)
    page.wait_for_function("window.seen.first > 0", timeout=60_000)


def answer_times(page: Page, turns: int) -> list[float]:
    """Milliseconds from sending to the first talking picture on the screen."""
    times = []
    for _ in range(turns):
        ask(page, "What is it like there?")
        times.append(page.evaluate("window.seen.first - window.seen.asked"))
        until_idle(page)
        page.wait_for_timeout(300)
    return times


def stop_times(page: Page, stops: int) -> tuple[list[float], list[float]]:
    """Milliseconds from pressing stop to silence, and to the idle picture."""
    silent, idle = [], []
    for number in range(stops):
        ask(page, "Tell me a story.")
        page.wait_for_timeout(400 + 130 * (number % 7))
        page.click(f"{STAGE}-stop")
        page.wait_for_function("window.seen.idle > 0", timeout=10_000)
        silent.append(page.evaluate("window.seen.silent - window.seen.stop"))
        idle.append(page.evaluate("window.seen.idle - window.seen.stop"))
        until_idle(page)
    return silent, idle


def stalls(page: Page) -> tuple[list[tuple[float, float]], float, int]:
    """Of a long answer: when and how long (ms) the picture stood still beyond a frame's time; its seconds; its size."""
    ask(page, "Tell me a story.")
    until_idle(page)
    frames = np.array(page.evaluate("window.seen.frames"))
    waits = np.diff(frames[:, 0]) - 1000 * np.diff(frames[:, 1])
    return (
        [(float(frames[at, 1] - frames[0, 1]), float(wait)) for at, wait in enumerate(waits) if wait > 100],
        float(frames[-1, 1] - frames[0, 1]),
        page.evaluate("window.seen.width"),
    )


def spoken_times(browser: Browser, address: str, turns: int) -> list[dict[str, int]]:
    """The marks of turns that were spoken into the microphone (a file that repeats itself)."""
    page = open_chat(browser, address, permissions=["microphone"])
    page.click(f"{STAGE}-hands")
    page.wait_for_function(
        f"document.querySelectorAll('{STAGE}-ms').length >= {turns * 6}", timeout=60_000 + 30_000 * turns
    )
    marks = marks_of(page)
    page.context.close()
    return marks


def marks_of(page: Page) -> list[dict[str, int]]:
    """When each stage of each turn gave its first result, ms, as the page exports it."""
    page.click(f"{STAGE}-menu summary")
    with page.expect_download() as download:
        page.click(f"{STAGE}-menu button[data-kind=json]")
    turns = json.loads(Path(download.value.path()).read_text())
    return [turn["marks"] for turn in turns if "first_frame" in turn["marks"]]


def stages(marks: list[dict[str, int]]) -> str:
    """The median of every stage."""
    names = dict.fromkeys(name for one in marks for name in one)
    return ", ".join(f"{name} {statistics.median(one[name] for one in marks if name in one):.0f}" for name in names)


def question(path: Path) -> Path:
    """A spoken question of three seconds, then silence for an answer, 16 kHz; made by the embedded voice."""
    sound = path.with_name("spoken.wav")
    command = [
        "bash",
        str(PROJECT / "CosyVoice" / "run_cosyvoice.sh"),
        "--tts_text",
        "Can you tell me something about the town?",
    ]
    subprocess.run([*command, "--speaker", "man", "--output_file", str(sound)], check=True, capture_output=True)
    with wave.open(str(sound)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        rate = file.getframerate()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.concatenate([np.zeros(rate, "<i2"), samples, np.zeros(14 * rate, "<i2")]).tobytes())
    return path


def percentile(values: list[float], share: float) -> float:
    """The value that so large a share does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def told(name: str, values: list[float], target: str) -> None:
    """One line of the table."""
    middle, late = statistics.median(values), percentile(values, 0.95)
    print(f"{name:<44} p50 {middle:6.0f} ms  p95 {late:6.0f} ms  n {len(values):3d}  (target {target})", flush=True)


def in_browser(options: argparse.Namespace, folder: Path) -> None:
    """All that needs a page."""
    with LlmServer(reply=reply, tokens_per_s=30) as server:
        port = free_port()
        home = {"TFG_HOME": os.environ.get("TFG_HOME", str(PROJECT))}
        mind = {"ZHIPUAI_API_KEY": "name.secret", "ZHIPUAI_BASE_URL": server.base_url}
        log = (folder / "app.log").open("wb")
        command = [sys.executable, "demo.py", "--port", str(port)]
        app = subprocess.Popen(command, cwd=PROJECT, env={**os.environ, **home, **mind}, stdout=log, stderr=log)
        try:
            wait_for(port)
            with sync_playwright() as playwright:
                measure(options, playwright, f"http://127.0.0.1:{port}", folder)
        finally:
            app.terminate()
            app.wait(20)
            log.close()


def measure(options: argparse.Namespace, playwright: Any, address: str, folder: Path) -> None:
    """The figures, one after another."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    page = open_chat(browser, address)
    ask(page, "Hello?")  # the first answer of a page is not counted: Chromium loads its decoder
    until_idle(page)
    if options.turns:
        told("text sent -> first talking picture", answer_times(page, options.turns), "1500 / 2500")
        print(f"  stages, median ms: {stages(marks_of(page))}")
    if options.long:
        held, seconds, width = stalls(page)
        waits = ", ".join(f"{wait:.0f} ms at {at:.1f} s" for at, wait in held)
        print(f"an answer of {seconds:.0f} s at {width} px: {len(held)} stalls over 100 ms {waits}")
    if options.stops:
        silent, idle = stop_times(page, options.stops)
        told("stop pressed -> silence", silent, "200")
        told("stop pressed -> idle picture", idle, "200")
    browser.close()
    if options.spoken:
        sound = question(folder / "question.wav")
        fake = [
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={sound}",
        ]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *fake])
        marks = spoken_times(browser, address, options.spoken)
        told("end of speech -> transcript", [float(one["transcript"]) for one in marks], "-")
        told("end of speech -> first talking picture", [float(one["first_frame"]) for one in marks], "2500")
        browser.close()


def wait_for(port: int) -> None:
    """Until the page answers."""
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=5).read(1)
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the page did not come up")


def endless(turns: int, folder: Path) -> None:
    """Many short turns in a row without a browser: memory and files."""
    os.environ["TFG_HOME"] = str(folder)
    (folder / "environments").symlink_to(PROJECT / "environments")
    sys.path.insert(0, str(PROJECT))
    from chat_kit import Page as Reader
    from chat_kit import settings_for

    from bridges.chat.engines import Engines
    from bridges.chat.session import open_session

    async def run() -> None:
        with LlmServer(reply=lambda messages: "Yes.", tokens_per_s=300) as server:
            session = open_session(settings_for(server, keep_turns=5))
            await session.warmed
            for number in range(1, turns + 1):
                server.requests.clear()
                reader = Reader(session)
                await reader.until("end", session.say(f"Question {number}?"))
                if number in (10, turns // 2, turns):
                    workers = [Engines.here().avatar.pid, Engines.here().voice("auto").pid]
                    memory = [f"{tree_mb(pid):.0f}" for pid in (os.getpid(), *workers) if pid]
                    kept = len(list(session.folder.iterdir()))
                    print(
                        f"after {number} turns: page, picture, voice {' + '.join(memory)} MB, {kept} files kept",
                        flush=True,
                    )
            await session.close()
            await Engines.here().close()
        left = [file for file in folder.rglob("*") if file.is_file() and "cache" not in file.parts]
        print(f"left afterwards: {len(left)} files")

    asyncio.run(run())


def tree_mb(pid: int) -> float:
    """Resident memory of a process and those it started, MB (our own workers are counted by themselves)."""
    rows = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True).stdout
    table = {int(row.split()[0]): (int(row.split()[1]), int(row.split()[2])) for row in rows.splitlines()}
    found, grown = {pid}, pid != os.getpid()
    while grown:
        more = {one for one, (parent, _) in table.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return sum(table[one][1] for one in found if one in table) / 1024


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--stops", type=int, default=20)
    parser.add_argument("--spoken", type=int, default=0)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--endless", type=int, default=0)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        if options.endless:
            endless(options.endless, folder)
        else:
            in_browser(options, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
