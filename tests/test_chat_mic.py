"""The page's microphone in a real browser, which is given a sound file to hear."""

from __future__ import annotations

import contextlib
import shutil
import threading
import wave
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

PROJECT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--autoplay-policy=no-user-gesture-required", "--host-resolver-rules=MAP plain.test 127.0.0.1"]
ALLOWED = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
SPEECH = PROJECT / "TalkingGaussian" / "samples" / "en.wav"

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")

# what the page opens is noted, so that a test can see whether it was closed
PAGE = (
    """<!doctype html><meta charset="utf-8"><script>
const heard = [], levels = [], codes = [], streams = [], contexts = [];
if (navigator.mediaDevices) {
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wish) => { const s = await ask(wish); streams.push(s); return s; };
}
const Context = AudioContext;
AudioContext = class extends Context { constructor(...all) { super(...all); contexts.push(this); } };
"""
    + (PROJECT / "tabs" / "chat_mic.js").read_text(encoding="utf-8")
    + """
const mic = openMicrophone({
  onSamples: (samples) => heard.push(samples),
  onLevel: (level) => levels.push(level),
  onError: (code) => codes.push(code),
});
const sound = () => heard.flatMap((samples) => [...samples]);
const tracks = () => streams.flatMap((stream) => stream.getTracks()).map((track) => track.readyState);
// a steady tone instead of the device
function tone(hertz, rate) {
  navigator.mediaDevices.getUserMedia = async () => {
    const context = new Context({sampleRate: rate});
    const oscillator = new OscillatorNode(context, {frequency: hertz});
    const end = new MediaStreamAudioDestinationNode(context, {channelCount: 1});
    oscillator.connect(end);
    oscillator.start();
    streams.push(end.stream);
    return end.stream;
  };
}
function refuse(name) {
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name); };
}
</script>"""
)


@pytest.fixture(scope="module")
def address() -> Iterator[int]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(PAGE.encode())

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


OpenPage = Callable[..., "contextlib.AbstractContextManager[sync_api.Page]"]


@pytest.fixture(scope="module")
def open_page(address: int) -> Iterator[OpenPage]:
    """(flags, host) to the page in a browser of its own."""
    with sync_api.sync_playwright() as playwright:

        @contextlib.contextmanager
        def opened(flags: list[str], host: str = "127.0.0.1") -> Iterator[sync_api.Page]:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
            page = chromium.new_page()
            page.goto(f"http://{host}:{address}/")
            yield page
            chromium.close()

        yield opened


@pytest.fixture(scope="module")
def speech_page(open_page: OpenPage) -> Iterator[sync_api.Page]:
    with open_page([*ALLOWED, f"--use-file-for-fake-audio-capture={SPEECH}"]) as page:
        yield page


@pytest.fixture
def page(speech_page: sync_api.Page) -> sync_api.Page:
    """The page anew, with a microphone that hears the English sample."""
    speech_page.reload()
    return speech_page


def samples(page: sync_api.Page) -> np.ndarray:
    return np.array(page.evaluate("sound()"), dtype="<i2")


def wait(page: sync_api.Page, seconds: float) -> None:
    page.wait_for_function(f"heard.length >= {int(seconds * 10)}")


def test_speech_arrives_in_tenths_of_a_second_and_is_found_to_be_speech(page: sync_api.Page) -> None:
    from bridges.chat.listening import SpeechStarted, TurnListener

    assert page.evaluate("mic.start()") is True
    assert page.evaluate("mic.running") is True
    wait(page, 3)
    page.evaluate("mic.stop()")
    assert set(page.evaluate("heard.map((samples) => samples.length)")) == {1600}
    events = TurnListener().feed(samples(page).tobytes())
    assert isinstance(events[0], SpeechStarted)
    levels = page.evaluate("levels")
    assert 0.3 < max(levels) <= 1
    assert levels[-1] == 0  # the meter falls with the end
    assert page.evaluate("codes") == []


def test_stopping_leaves_nothing_open_and_it_can_start_again(page: sync_api.Page) -> None:
    for _ in range(3):
        page.evaluate("mic.start()")
        page.wait_for_function("heard.length > 0")
        page.evaluate("mic.stop(); heard.length = 0")
        assert page.evaluate("mic.running") is False
    page.wait_for_function("contexts.every((context) => context.state === 'closed')")
    assert page.evaluate("tracks()") == ["ended"] * 3
    assert page.evaluate("heard.length") == 0


def test_stopped_before_it_was_open_it_does_not_open(page: sync_api.Page) -> None:
    assert page.evaluate("(() => { const started = mic.start(); mic.stop(); return started; })()") is False
    assert page.evaluate("tracks()") == ["ended"]
    assert page.evaluate("mic.running") is False
    assert page.evaluate("codes") == []


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_a_tone_keeps_its_pitch_and_strength_from_any_rate(page: sync_api.Page, rate: int) -> None:
    page.evaluate(f"tone(1000, {rate})")
    page.evaluate("mic.start()")
    wait(page, 1.2)
    page.evaluate("mic.stop()")
    sound = samples(page)[8000:16000] / 32768
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert np.argmax(spectrum) * 2 == 1000  # bins of 2 Hz
    assert 0.6 < np.sqrt(np.mean(sound**2)) < 0.75  # of a sine from -1 to 1: 0.71


def test_what_is_above_its_range_does_not_fold_into_speech(page: sync_api.Page) -> None:
    page.evaluate("tone(11000, 48000)")
    page.evaluate("mic.start()")
    wait(page, 1.2)
    page.evaluate("mic.stop()")
    assert np.abs(samples(page)[8000:16000]).max() < 33  # 60 dB beneath the tone


def test_an_unplugged_microphone_is_told_and_closed(page: sync_api.Page) -> None:
    page.evaluate("mic.start()")
    page.evaluate("streams[0].getTracks()[0].dispatchEvent(new Event('ended'))")
    assert page.evaluate("codes") == ["mic_lost"]
    assert page.evaluate("mic.running") is False
    assert page.evaluate("tracks()") == ["ended"]


@pytest.mark.parametrize(
    ("name", "code"),
    [("NotReadableError", "mic_busy"), ("NotFoundError", "mic_missing"), ("SecurityError", "mic_blocked")],
)
def test_each_refusal_of_the_browser_has_its_code(page: sync_api.Page, name: str, code: str) -> None:
    page.evaluate(f"refuse('{name}')")
    assert page.evaluate("mic.start()") is False
    assert page.evaluate("codes") == [code]
    assert page.evaluate("mic.running") is False


def test_a_microphone_that_gives_only_zeros_is_told_once(open_page: OpenPage, tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "zeros.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48000)
        file.writeframes(bytes(96000))
    with open_page([*ALLOWED, f"--use-file-for-fake-audio-capture={tmp_path / 'zeros.wav'}"]) as page:
        page.evaluate("mic.start()")
        wait(page, 3.5)
        assert page.evaluate("codes") == ["mic_silent"]
        assert page.evaluate("mic.running") is True
        assert max(page.evaluate("levels")) == 0


def test_a_user_who_says_no_has_blocked_it(open_page: OpenPage) -> None:
    with open_page(["--use-fake-device-for-media-stream", "--deny-permission-prompts"]) as page:
        assert page.evaluate("mic.start()") is False
        assert page.evaluate("codes") == ["mic_blocked"]


def test_a_page_without_https_is_told_so(open_page: OpenPage) -> None:
    with open_page(ALLOWED, host="plain.test") as page:
        assert page.evaluate("mic.start()") is False
        assert page.evaluate("codes") == ["mic_insecure"]
