"""PocketSphinx: English without a network and without a download; rough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridges.chat.listening.recognisers.base import EngineInfo, Recogniser, installed, readable

if TYPE_CHECKING:
    from speech_recognition import AudioData

# how many states and words it follows at once, of 30000 and all: a third quicker, half the time in noise, and no more
# word errors on read speech, clean and noisy
NARROW = {"maxhmmpf": 2000, "maxwpf": 10}


class Sphinx(Recogniser):
    """CMU PocketSphinx with the English model that SpeechRecognition carries."""

    id = "sphinx"
    light = True

    def info(self) -> EngineInfo:
        """Ready where the package is installed."""
        ready = installed("speech_recognition", "pocketsphinx")
        why = {
            "en": "Works offline, English only; makes mistakes with free speech and noise.",
            "zh": "离线可用，仅限英语；自由交谈或有噪声时会出错。",
        }
        lack = {"en": "Install it: pip install pocketsphinx", "zh": "请安装:pip install pocketsphinx"}
        name = {"en": "PocketSphinx (offline)", "zh": "PocketSphinx(离线)"}
        return EngineInfo(self.id, name, ("en",), False, ready, why if ready else lack)

    def prepare(self) -> None:
        """Load the decoder and hand the library the same one at each call: it makes one a call, a fifth of a second."""
        from pocketsphinx import pocketsphinx

        kept: list[Any] = []
        make = pocketsphinx.Decoder

        def decoder(config: Any) -> Any:
            if not kept:
                for name, most in NARROW.items():
                    config[name] = most
                kept.append(make(config))
            kept[0].reinit_feat()  # the last speaker's average sound is not this one's
            return kept[0]

        pocketsphinx.Decoder = decoder
        self._listen(bytes(3200))

    def hear(self, audio: AudioData, language: str) -> tuple[str, str]:
        """English, whatever is said."""
        return readable(self._listen(audio.get_raw_data())), "en"

    @staticmethod
    def _listen(pcm: bytes) -> str:
        from speech_recognition import AudioData, Recognizer, UnknownValueError

        try:
            return str(Recognizer().recognize_sphinx(AudioData(pcm, 16_000, 2)))
        except UnknownValueError:
            return ""
