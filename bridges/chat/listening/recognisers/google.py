"""Google's web recogniser: good, without a download, but the sound goes to Google."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import TYPE_CHECKING

import numpy as np

from bridges.chat.listening.recognisers.base import RATE, EngineInfo, Recogniser, failed, installed
from bridges.chat.listening.sound import split_at_pauses
from bridges.errors import RequestError

if TYPE_CHECKING:
    from speech_recognition import AudioData

# the library's own address is plain http: a voice in the clear
ENDPOINT = "https://www.google.com/speech-api/v2/recognize"
TAGS = {"en": "en-US", "zh": "zh-CN"}
LONGEST_S = 30.0  # the service refuses a minute, and loses words of less
TIMEOUT_S = 10.0


class Google(Recogniser):
    """SpeechRecognition's default online engine. TFG_GOOGLE_SPEECH_URL moves it to another address (a relay)."""

    id = "google"
    light = True

    def info(self) -> EngineInfo:
        """Ready where the library is; the network shows only when it is used."""
        ready = installed("speech_recognition", "soundfile")
        why = {
            "en": "Needs the internet: what you say is sent to Google. Never chosen by itself.",
            "zh": "需要联网：您说的话会发送给谷歌。不会被自动选用。",
        }
        lack = {
            "en": "Install it: pip install SpeechRecognition soundfile",
            "zh": "请安装:pip install SpeechRecognition soundfile",
        }
        name = {"en": "Google (online)", "zh": "谷歌(在线)"}
        return EngineInfo(self.id, name, ("en", "zh"), True, ready, why if ready else lack)

    def prepare(self) -> None:
        """Nothing to load but the library."""
        import speech_recognition  # noqa: F401

    def hear(self, audio: AudioData, language: str) -> tuple[str, str]:
        """Pieces of at most 30 s, one after the other; "auto" asks in both languages and keeps the surer answer."""
        from speech_recognition import UnknownValueError

        words = []
        for piece in split_at_pauses(audio.get_raw_data(), LONGEST_S):
            try:
                text, language = self._surest(_packed(piece), language)
            except UnknownValueError:
                continue  # a piece without a word in it
            words.append(text)
        return ("" if language == "zh" else " ").join(words), language

    def _surest(self, sound: AudioData, language: str) -> tuple[str, str]:
        if language != "auto":
            return self._ask(sound, language)[0], language
        with ThreadPoolExecutor(len(TAGS)) as pool:
            answers = {key: pool.submit(self._ask_softly, sound, key) for key in TAGS}
            heard = {key: answer.result() for key, answer in answers.items()}
        best = max(heard, key=lambda key: heard[key][1])
        return heard[best][0], best

    def _ask_softly(self, sound: AudioData, language: str) -> tuple[str, float]:
        from speech_recognition import UnknownValueError

        try:
            return self._ask(sound, language)
        except UnknownValueError:
            return "", -1.0

    @staticmethod
    def _ask(sound: AudioData, language: str) -> tuple[str, float]:
        from speech_recognition import Recognizer
        from speech_recognition.exceptions import RequestError as Refused

        recognizer = Recognizer()
        recognizer.operation_timeout = TIMEOUT_S
        address = os.environ.get("TFG_GOOGLE_SPEECH_URL") or ENDPOINT
        try:
            text, sure = recognizer.recognize_google(
                sound, language=TAGS[language], with_confidence=True, endpoint=address
            )
            return str(text), float(sure)
        except Refused as fault:
            if "connection" in str(fault):
                raise _offline() from fault
            raise failed(f"Google refused to listen: {fault}.", f"谷歌语音识别拒绝了请求:{fault}。") from fault
        except (OSError, HTTPException) as fault:
            raise _offline() from fault
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            raise failed(
                "Google's answer could not be understood (something between here and there may have replaced it).",
                "无法理解谷歌的应答(可能被中间的网络设备替换)。",
            ) from fault


def _packed(pcm: bytes) -> AudioData:
    """The sound for the library, packed as FLAC here: the library would need a program for it, carried for some
    processors only.
    """
    import soundfile
    from speech_recognition import AudioData

    packed = io.BytesIO()
    soundfile.write(packed, np.frombuffer(pcm, dtype="<i2"), RATE, format="FLAC", subtype="PCM_16")

    class Packed(AudioData):
        def get_flac_data(self, convert_rate: int | None = None, convert_width: int | None = None) -> bytes:
            return packed.getvalue()

    return Packed(pcm, RATE, 2)


def _offline() -> RequestError:
    return RequestError(
        "recogniser_offline",
        "Google's recogniser cannot be reached; check the network, or choose an offline recogniser.",
        "无法连接谷歌语音识别，请检查网络，或改用离线识别引擎。",
    )
