"""Writing down what a prompt says: whisper where its weights are, pocketsphinx (English, rough) otherwise."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from talking_gaussian.errors import UserError

from voice_engine.models import models_root
from voice_engine.sound import pcm16

RATE = 16_000


@dataclass(frozen=True)
class Transcript:
    """text: what was heard; reliable: whether it may be used unread."""

    text: str
    language: str
    reliable: bool


def whisper_weights() -> Path | None:
    """The largest whisper model the user has put into models/cosyvoice/whisper (*.pt)."""
    found = sorted((models_root() / "whisper").glob("*.pt"), key=lambda path: path.stat().st_size)
    return found[-1] if found and importlib.util.find_spec("whisper") else None


def transcribe(samples: np.ndarray, language: str = "auto") -> Transcript:
    """What float32 mono speech [n] at 16 kHz says. Raises UserError where nothing can hear that language."""
    weights = whisper_weights()
    if weights:
        return _whisper(samples, weights, language)
    if language not in ("auto", "en"):
        raise UserError(
            "no_recogniser",
            "Only English can be written down without whisper's weights. Type the transcript yourself.",
            "没有 whisper 权重时只能转写英语。请手动输入文本。",
        )
    return hear_english(samples)


def _whisper(samples: np.ndarray, weights: Path, language: str) -> Transcript:
    import whisper

    model = whisper.load_model(str(weights))
    heard = model.transcribe(samples.astype(np.float32), language=None if language == "auto" else language)
    return Transcript(str(heard["text"]).strip(), str(heard["language"]), True)


def hear_english(samples: np.ndarray) -> Transcript:
    """What pocketsphinx hears in float32 mono speech [n] at 16 kHz: rough, and English whatever is said."""
    from pocketsphinx import Decoder

    decoder = Decoder(loglevel="FATAL")
    decoder.start_utt()
    decoder.process_raw(pcm16(samples), full_utt=True)
    decoder.end_utt()
    heard = decoder.hyp()
    return Transcript(heard.hypstr if heard else "", "en", False)
