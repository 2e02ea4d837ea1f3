"""Upstream CosyVoice 1, 2 and 3 for real, through run_cosyvoice.sh, with tiny random-weight model folders.

Needs CosyVoice's code (bash CosyVoice/get_upstream.sh) and the environment's cloning part (several GB); skips with a
word where either is not there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sounds import write_speechlike
from voice_engine.models import default_source
from voice_worker import PROJECT, SCRIPT, Worker

pytestmark = pytest.mark.slow
MAKER = PROJECT / "tests" / "make_tiny_cosyvoice.py"
TRANSCRIPT = "希望你以后能够做的比我还好哟。"


def cloning_python() -> Path | None:
    """The interpreter of the environment's cloning part, if it is ready."""
    find = f'. {PROJECT}/environments/resolve.sh; TFG_ENV_PART=cloning tfg_find cosyvoice && printf %s "$TFG_PREFIX"'
    done = subprocess.run(["bash", "-c", find], capture_output=True, text=True, check=False)
    return Path(done.stdout) / "bin" / "python" if done.returncode == 0 else None


@pytest.fixture(scope="module")
def source() -> Path:
    folder = default_source()
    if not (folder / "third_party" / "Matcha-TTS" / "matcha").is_dir():
        pytest.skip("CosyVoice's code is not here (bash CosyVoice/get_upstream.sh)")
    if cloning_python() is None:
        pytest.skip("the environment's cloning part is not ready (manage.py create cosyvoice --part cloning)")
    return folder


@pytest.fixture(scope="module")
def prompt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_speechlike(tmp_path_factory.mktemp("prompt") / "prompt.wav", 4)


@pytest.fixture(scope="module", params=[1, 2, 3], ids=["v1", "v2", "v3"])
def version(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture(scope="module")
def model(source: Path, version: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / f"tiny{version}"
    command = [str(cloning_python()), str(MAKER), str(source), str(folder), "--version", str(version)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def worker(source: Path, model: Path, prompt: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    options = ("--engine", "cosyvoice", "--model_dir", str(model), "--source_dir", str(source))
    worker = Worker(tmp_path_factory.mktemp("worker") / "log.txt", *options)
    assert worker.read()["event"] == "ready"
    yield worker
    assert worker.close() == 0


def zero_shot(prompt: Path) -> dict[str, str]:
    return {"prompt_wav": str(prompt), "prompt_text": TRANSCRIPT}


def test_zero_shot_gives_sound_and_a_seed_repeats_it(worker: Worker, prompt: Path) -> None:
    first = worker.sound(text="Hello there.", seed=5, **zero_shot(prompt))
    assert len(first) > 2000
    assert np.abs(first).max() > 0
    assert np.array_equal(first, worker.sound(text="Hello there.", seed=5, **zero_shot(prompt)))
    assert not np.array_equal(first, worker.sound(text="Hello there.", seed=6, **zero_shot(prompt)))


def test_a_prompt_without_a_transcript_is_spoken_across_languages(worker: Worker, prompt: Path) -> None:
    *_, last = worker.ask(text="今天是2026年,好。", prompt_wav=str(prompt))
    assert (last["event"], last["mode"]) == ("done", "cross_lingual")


def test_instructions_and_dialects(worker: Worker, prompt: Path, version: int) -> None:
    voice = {"speaker": "anna"} if version == 1 else {"prompt_wav": str(prompt)}
    *_, last = worker.ask(text="你好。", instruct="请非常开心地说一句话。", mode="instruct", **voice)
    assert (last["event"], last["mode"]) == ("done", "instruct")
    if version > 1:
        *_, last = worker.ask(text="你好。", dialect="四川话", **voice)
        assert (last["event"], last["mode"]) == ("done", "instruct")


def test_preset_voices(worker: Worker) -> None:
    assert len(worker.sound(text="Hello.", speaker="anna"))
    assert worker.refusal(text="Hello.", speaker="berta") == "no_speaker"


@pytest.mark.parametrize(
    "text", ["没有标点的很长的中文句子" * 8, "One sentence, then another one. " * 5], ids=["zh", "en"]
)
def test_long_text_is_spoken_whole(worker: Worker, prompt: Path, text: str) -> None:
    one = len(worker.sound(text=text[:12], seed=1, **zero_shot(prompt)))
    assert len(worker.sound(text=text, seed=1, **zero_shot(prompt))) > 3 * one


def test_streaming_hands_on_sound_as_it_is_made(worker: Worker, prompt: Path, version: int) -> None:
    for _ in range(2):  # the second stream must begin as early as the first
        *audio, last = worker.ask(text="Hello, this is a stream of words." * 2, stream=True, **zero_shot(prompt))
        assert last["event"] == "done", last
        assert len(audio) > (2 if version > 1 else 0)
    assert worker.refusal(text="Hello.", stream=True, speed=1.5, **zero_shot(prompt)) == "speed_with_stream"


def test_speed_shortens(worker: Worker, prompt: Path) -> None:
    text = "A sentence that is spoken at two speeds."
    slow = len(worker.sound(text=text, seed=2, **zero_shot(prompt)))
    fast = len(worker.sound(text=text, seed=2, speed=2.0, **zero_shot(prompt)))
    assert fast < 0.75 * slow


def test_each_misuse_has_its_sentence(worker: Worker, prompt: Path, tmp_path: Path, version: int) -> None:
    say = {"text": "Hello."}
    assert worker.refusal(text="…!?") == "no_text"
    assert worker.refusal(text="<|en|>Hello.", **zero_shot(prompt)) == "tag_in_text"
    assert worker.refusal(**say, mode="zero_shot", prompt_wav=str(prompt)) == "no_transcript"
    assert worker.refusal(**say, mode="cross_lingual") == "no_prompt"
    assert worker.refusal(**say, prompt_text=TRANSCRIPT) == "transcript_alone"
    instruction = "You are a helpful assistant. 请用广东话表达。"
    assert worker.refusal(**say, prompt_wav=str(prompt), prompt_text=instruction) == "instruction_as_transcript"
    assert worker.refusal(**say, mode="instruct", speaker="anna", prompt_wav=str(prompt)) == "no_instruction"
    assert worker.refusal(**say, speed=3.0) == "bad_speed"
    short = write_speechlike(tmp_path / "short.wav", 1)
    assert worker.refusal(**say, prompt_wav=str(short)) == "prompt_short"
    assert worker.refusal(**say, prompt_wav=str(tmp_path / "none.wav")) == "audio_missing"
    assert worker.refusal(**say, tune="high") == "bad_request"
    wrong = {1: ("Привет", "language_not_spoken"), 2: ("Привет", "language_not_spoken")}
    text, code = wrong.get(version, ("今日は世界。カナ", "japanese_in_kanji"))
    assert worker.refusal(text=text, prompt_wav=str(prompt)) == code


def test_a_request_can_be_taken_back(worker: Worker, prompt: Path) -> None:
    text = "A sentence that goes on. " * 20
    worker.send(id="long", text=text, **zero_shot(prompt))
    worker.send(cancel="long")
    answer = worker.read()
    while answer["event"] == "audio":
        answer = worker.read()
    assert answer == {"id": "long", "event": "cancelled"}
    assert len(worker.sound(text="Hello.", **zero_shot(prompt)))


def test_the_script_writes_a_wav(source: Path, model: Path, prompt: Path, tmp_path: Path, version: int) -> None:
    out = tmp_path / "a b" / "out.wav"
    command = ["bash", str(SCRIPT), "--engine", "cosyvoice", "--model_dir", str(model), "--source_dir", str(source)]
    command += [
        "--prompt_wav",
        str(prompt),
        "--prompt_text",
        TRANSCRIPT,
        "--tts_text",
        "Hello there.",
        "--speed",
        "1.0",
    ]
    command += ["--language", "en", "--output_file", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout)["engine"] == "cosyvoice"
    with wave.open(str(out)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        assert file.getnframes() > 2000


def test_a_model_folder_that_lacks_a_file_or_holds_a_wrong_one_is_refused(
    source: Path, model: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(model, broken)
    (broken / "hift.pt").write_bytes((broken / "flow.pt").read_bytes())
    command = [
        "bash",
        str(SCRIPT),
        "--engine",
        "cosyvoice",
        "--source_dir",
        str(source),
        "--tts_text",
        "Hi",
        "--output_file",
    ]
    command += [str(tmp_path / "o.wav"), "--speaker", "anna", "--model_dir", str(broken)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TFG_JOB_DIR": "/j"}, check=False)
    assert done.returncode == 2
    assert '"code": "model_broken"' in done.stderr
    (broken / "llm.pt").unlink()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "lacks llm.pt" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "o.wav").exists()


def test_the_guard_sees_a_transformers_that_garbles(source: Path) -> None:
    run = [str(cloning_python()), "-m", "voice_engine.guard"]
    done = subprocess.run(run, cwd=PROJECT / "CosyVoice", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "agrees" in done.stdout
