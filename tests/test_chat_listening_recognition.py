"""What a sound says: the recognisers, the process they live in, and everything that can go wrong with them."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import soundfile
from speech_recognition import AudioData

from bridges.chat.listening import close, engines, recognise, recognition, warm
from bridges.chat.listening.recognisers import choose
from bridges.chat.listening.recognisers.base import readable
from bridges.chat.listening.recognisers.faster_whisper import FasterWhisper
from bridges.chat.listening.recognisers.google import Google
from bridges.chat.listening.recognisers.whisper import Whisper
from bridges.errors import RequestError

PROJECT = Path(__file__).resolve().parents[1]
with wave.open(str(PROJECT / "TalkingGaussian" / "samples" / "en.wav")) as sample:
    ENGLISH = sample.readframes(2 * 16_000)  # "Hello, my name is Mary"


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    """On an event loop of its own, at whose end the recognisers' processes end."""

    async def whole() -> Any:
        try:
            return await work()
        finally:
            await close()

    return asyncio.run(whole())


def refused(work: Callable[[], Awaitable[Any]]) -> RequestError:
    with pytest.raises(RequestError) as fault:
        run(work)
    assert fault.value.sentence("en") != fault.value.sentence("zh")
    return fault.value


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without any model."""
    monkeypatch.setenv("TFG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


# --- the offline recogniser, and its process --------------------------------------------------------------------------


def process_of(engine: str) -> asyncio.subprocess.Process:
    process = recognition._Worker.kept[engine]._process
    assert process is not None
    return process


def test_the_english_sample_is_understood_offline() -> None:
    heard = run(lambda: recognise(ENGLISH))
    assert heard.text.startswith("Hello my name is")
    assert (heard.engine, heard.language) == ("sphinx", "en")
    assert heard.took_s > 0


def test_one_process_answers_every_turn_the_same() -> None:
    async def work() -> None:
        await warm()
        process = process_of("sphinx")
        answers = [await recognise(ENGLISH) for _ in range(3)]
        assert len({heard.text for heard in answers}) == 1
        assert process_of("sphinx") is process

    run(work)


def test_turns_that_come_at_once_each_get_their_own_words() -> None:
    async def work() -> None:
        short = ENGLISH[:28_800]  # "Hello"
        texts = [heard.text for heard in await asyncio.gather(*map(recognise, (ENGLISH, short, ENGLISH)))]
        assert texts[0] == texts[2]
        assert len(texts[1]) < len(texts[0])

    run(work)


def test_a_turn_taken_back_does_not_hold_up_the_next() -> None:
    async def work() -> None:
        await warm()
        long = asyncio.create_task(recognise(ENGLISH * 15))  # half a minute
        await asyncio.sleep(0.3)
        busy = process_of("sphinx")
        long.cancel()
        with pytest.raises(asyncio.CancelledError):
            await long
        heard = await recognise(ENGLISH)
        assert heard.text.startswith("Hello")
        assert await busy.wait() == -signal.SIGKILL

    run(work)


def test_a_heavy_engine_taken_back_keeps_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose("sphinx"), "light", False, raising=False)

    async def work() -> None:
        await warm()
        process = process_of("sphinx")
        first = asyncio.create_task(recognise(ENGLISH))
        await asyncio.sleep(0.05)
        first.cancel()
        heard = await recognise(ENGLISH[:28_800])
        assert "name" not in heard.text  # not the answer to the one before
        assert process_of("sphinx") is process

    run(work)


def test_a_process_that_was_killed_is_started_again() -> None:
    async def work() -> None:
        await warm()
        os.kill(process_of("sphinx").pid, signal.SIGKILL)
        assert (await recognise(ENGLISH)).text.startswith("Hello")
        turn = asyncio.create_task(recognise(ENGLISH))
        await asyncio.sleep(0.1)
        os.kill(process_of("sphinx").pid, signal.SIGKILL)
        assert (await turn).text.startswith("Hello")

    run(work)


def test_a_process_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        await warm()
        hung = process_of("sphinx")
        os.kill(hung.pid, signal.SIGSTOP)
        monkeypatch.setattr(recognition, "_ANSWER_S", 0.2)
        with pytest.raises(RequestError) as fault:
            await recognise(ENGLISH[16_000:19_200])
        assert fault.value.code == "recogniser_failed"
        assert await hung.wait() == -signal.SIGKILL
        monkeypatch.undo()
        assert (await recognise(ENGLISH)).text

    run(work)


def test_closing_leaves_no_process() -> None:
    async def work() -> None:
        await warm()
        process = process_of("sphinx")
        await close()
        assert process.returncode is not None

    run(work)


def test_a_page_that_dies_takes_its_recogniser_along() -> None:
    program = """
import asyncio, os
from bridges.chat.listening import recognition, warm
async def work():
    await warm()
    print(recognition._Worker.kept["sphinx"]._process.pid, flush=True)
    os._exit(1)
asyncio.run(work())
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, timeout=60)
    worker, end = Path("/proc") / done.stdout.strip(), time.monotonic() + 20
    while worker.exists() and "Z" not in (worker / "stat").read_text().split()[2]:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_event_loop_does_not_wait_for_a_recogniser() -> None:
    async def work() -> None:
        await warm()
        turn = asyncio.create_task(recognise(ENGLISH))
        beats = 0
        while not turn.done():
            await asyncio.sleep(0.01)
            beats += 1
        assert beats > 3

    run(work)


def test_silence_says_that_nothing_was_heard() -> None:
    assert refused(lambda: recognise(bytes(32_000))).code == "nothing_heard"


@pytest.mark.parametrize("sound", [b"", b"\0", b"\1\2\3", b"\1\2" * 400])
def test_scraps_of_sound_are_heard_as_nothing(sound: bytes) -> None:
    assert refused(lambda: recognise(sound)).code == "nothing_heard"


# --- which recogniser -------------------------------------------------------------------------------------------------


def test_every_engine_says_what_it_is_and_what_it_lacks() -> None:
    for info in engines():
        assert info.why["en"]
        assert info.why["zh"]
        assert set(info.languages) <= {"en", "zh"}
    assert {info.id: info.ready for info in engines()} == {
        "faster_whisper": False,
        "whisper": False,
        "vosk": False,
        "sphinx": True,
        "google": True,
    }


def test_a_voice_goes_online_only_where_its_user_chose_that() -> None:
    assert choose("auto", "en").id == "sphinx"
    assert choose("google", "zh").id == "google"
    fault = refused(lambda: recognise(ENGLISH, language="zh"))
    assert fault.code == "no_recogniser_for_language"
    assert "vosk-model-small-cn" in fault.sentence("en")
    assert "vosk-model-small-cn" in fault.sentence("zh")


@pytest.mark.parametrize(
    ("engine", "language", "code"),
    [
        ("sphinx", "zh", "no_recogniser_for_language"),
        ("whisper", "auto", "recogniser_missing"),
        ("vosk", "zh", "recogniser_missing"),
        ("telepathy", "auto", "recogniser_missing"),
        ("auto", "xx", "unknown_language"),
    ],
)
def test_a_wish_that_cannot_be_met_has_its_code(engine: str, language: str, code: str) -> None:
    assert refused(lambda: recognise(ENGLISH, engine, language)).code == code


@pytest.mark.parametrize(
    ("raw", "text"), [("hello i  am mary", "Hello I am mary"), ("你好 我 是 Mary 呀", "你好我是 Mary 呀"), ("", "")]
)
def test_a_transcript_is_written_as_one_would_write_it(raw: str, text: str) -> None:
    assert readable(raw) == text


# --- engines the user brings: the packages' own calls, answered by small stand-ins ------------------------------------


def package(folder: Path, name: str, text: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(text)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose packages can be imported, here and in the recognisers' processes."""
    folder = tmp_path / "packages"
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def test_vosk_hears_with_the_users_model_loaded_once(packages: Path, home: Path) -> None:
    package(
        packages,
        "vosk",
        """
import json
loads = []
def SetLogLevel(level): pass
class Model:
    def __init__(self, path): self.path = path; loads.append(path)
class KaldiRecognizer:
    def __init__(self, model, rate): self.model = model
    def AcceptWaveform(self, data): self.bytes = len(data)
    def FinalResult(self): return json.dumps({"text": f"{self.model.path} {self.bytes} {len(loads)}"})
""",
    )
    for name in ("vosk-model-small-cn-0.22", "vosk-model-small-en-us-0.15"):
        (home / "models" / "vosk" / name).mkdir(parents=True)

    async def work() -> None:
        for _ in range(2):
            chinese = await recognise(ENGLISH, language="zh")
            assert (chinese.engine, chinese.language) == ("vosk", "zh")
            assert chinese.text.endswith(f"vosk-model-small-cn-0.22 {len(ENGLISH)} 1")
        english = await recognise(ENGLISH, language="en")
        assert english.text.endswith(f"vosk-model-small-en-us-0.15 {len(ENGLISH)} 2")

    run(work)


def test_a_model_that_cannot_be_loaded_is_told(packages: Path, home: Path) -> None:
    package(packages, "vosk", "def SetLogLevel(level): pass\ndef Model(path): raise Exception('Failed to create')\n")
    (home / "models" / "vosk" / "vosk-model-small-cn-0.22").mkdir(parents=True)
    assert refused(lambda: recognise(ENGLISH, language="zh")).code == "recogniser_failed"
    assert refused(lambda: warm("vosk")).code == "recogniser_failed"


def test_an_engine_that_crashes_on_every_sound_is_told(packages: Path, home: Path) -> None:
    package(
        packages,
        "vosk",
        "import os\ndef SetLogLevel(n): pass\ndef Model(p): pass\ndef KaldiRecognizer(m, r): os._exit(1)\n",
    )
    (home / "models" / "vosk" / "vosk-model-small-cn-0.22").mkdir(parents=True)
    fault = refused(lambda: recognise(ENGLISH, language="zh"))
    assert (fault.code, "unexpectedly" in str(fault)) == ("recogniser_failed", True)


def test_faster_whisper_hears_with_the_users_model(packages: Path, home: Path) -> None:
    package(
        packages,
        "faster_whisper",
        """
from types import SimpleNamespace as N
loads = []
class WhisperModel:
    def __init__(self, path, **options): loads.append((path, options))
    def transcribe(self, sound, **options):
        assert sound.dtype == "float32"
        return iter([N(text=" i heard it")]), N(language=options.get("language", "en"))
""",
    )
    model = home / "models" / "faster-whisper" / "small"
    model.mkdir(parents=True)
    (model / "model.bin").write_bytes(b"weights")
    assert choose("auto", "zh").id == "faster_whisper"
    engine = FasterWhisper()
    engine.prepare()
    assert engine.hear(AudioData(ENGLISH, 16_000, 2), "auto") == ("I heard it", "en")
    assert engine.hear(AudioData(ENGLISH, 16_000, 2), "zh") == ("I heard it", "zh")
    import faster_whisper

    assert faster_whisper.loads == [(str(model), {"compute_type": "auto"})]


def test_whisper_hears_with_the_users_model(packages: Path, home: Path) -> None:
    package(
        packages,
        "whisper",
        """
loads = []
class Model:
    def transcribe(self, sound, fp16, language=None, initial_prompt=None):
        return {"text": "你好", "language": language or "zh"}
def load_model(path):
    loads.append(path)
    return Model()
""",
    )
    package(packages, "torch", "class cuda:\n    is_available = staticmethod(lambda: False)\n")
    (home / "models" / "whisper").mkdir(parents=True)
    (home / "models" / "whisper" / "small.pt").write_bytes(b"weights")
    engine = Whisper()
    assert engine.info().ready
    engine.prepare()
    assert engine.hear(AudioData(ENGLISH, 16_000, 2), "auto") == ("你好", "zh")
    import whisper

    assert whisper.loads == [str(home / "models" / "whisper" / "small.pt")]


# --- Google, by the library's own client against a server here --------------------------------------------------------

ANSWER = '{{"result":[]}}\n{{"result":[{{"alternative":[{{"transcript":"{}","confidence":{}}}],"final":true}}]}}\n'


class Service(ThreadingHTTPServer):
    """Answers as Google does, or not. answer: (status, text) by language tag; asked: (query, sound) of each request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: dict[str, tuple[int, bytes]] = {}
        self.asked: list[tuple[str, bytes]] = []
        self.delay_s = 0.0
        self.address = f"http://127.0.0.1:{self.server_port}/speech-api/v2/recognize"

    def says(self, tag: str, text: str, sure: float = 0.9) -> None:
        self.answer[tag] = (200, ANSWER.format(text, sure).encode())


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        sound = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, sound))
        time.sleep(self.server.delay_s)
        tag = next(tag for tag in ("en-US", "zh-CN") if f"lang={tag}" in self.path)
        status, text = self.server.answer.get(tag, (200, b'{"result":[]}\n'))
        if status:  # else the connection just ends
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    server = Service()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("TFG_GOOGLE_SPEECH_URL", server.address)
    yield server
    server.shutdown()
    server.server_close()


def ask_google(language: str, sound: bytes = ENGLISH) -> tuple[str, str]:
    return Google().hear(AudioData(sound, 16_000, 2), language)


def test_google_gets_the_whole_sound_and_its_answer_comes_back(service: Service) -> None:
    service.says("zh-CN", "你好")
    heard = run(lambda: recognise(ENGLISH, "google", "zh"))
    assert (heard.text, heard.language, heard.engine) == ("你好", "zh", "google")
    samples, rate = soundfile.read(io.BytesIO(service.asked[0][1]), dtype="int16")
    assert (samples.tobytes(), rate) == (ENGLISH, 16_000)


def test_google_without_a_language_is_asked_for_both_and_the_surer_wins(service: Service) -> None:
    service.says("en-US", "knee how", 0.4)
    service.says("zh-CN", "你好", 0.95)
    assert ask_google("auto") == ("你好", "zh")
    service.answer.pop("zh-CN")
    assert ask_google("auto") == ("knee how", "en")


def test_long_speech_goes_to_google_in_pieces(service: Service) -> None:
    service.says("en-US", "words")
    text, _ = ask_google("en", ENGLISH * 35)  # 70 s
    assert 3 <= len(service.asked) <= 5
    assert text == " ".join(["words"] * len(service.asked))
    sent = [len(soundfile.read(io.BytesIO(sound))[0]) for _, sound in service.asked]
    assert sum(sent) == 70 * 16_000
    assert max(sent) <= 30 * 16_000


def test_google_hearing_nothing_is_no_failure(service: Service) -> None:
    assert refused(lambda: recognise(ENGLISH, "google", "auto")).code == "nothing_heard"


@pytest.mark.parametrize(
    ("status", "text", "code"),
    [
        (403, b"key revoked", "recogniser_failed"),
        (429, b"slow down", "recogniser_failed"),
        (500, b"", "recogniser_failed"),
        (200, b"<html>Log in to the hotel's network</html>", "recogniser_failed"),
        (200, b'{"answer": 42}', "recogniser_failed"),
        (200, b"[]", "recogniser_failed"),
        (200, b"\xff\xfe", "recogniser_failed"),
        (0, b"", "recogniser_offline"),
    ],
)
def test_each_fault_of_the_service_has_its_code(service: Service, status: int, text: bytes, code: str) -> None:
    service.answer["en-US"] = (status, text)
    with pytest.raises(RequestError) as fault:
        ask_google("en")
    assert fault.value.code == code


def test_no_network_says_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFG_GOOGLE_SPEECH_URL", "http://127.0.0.1:1/")
    assert refused(lambda: recognise(ENGLISH, "google", "en")).code == "recogniser_offline"


def test_a_service_that_does_not_answer_says_offline(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridges.chat.listening.recognisers.google.TIMEOUT_S", 0.1)
    service.delay_s = 0.5
    with pytest.raises(RequestError) as fault:
        ask_google("en")
    assert fault.value.code == "recogniser_offline"
