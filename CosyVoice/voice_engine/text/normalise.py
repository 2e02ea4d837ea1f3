"""A text as it is spoken: figures, signs and abbreviations in words, in the language around them."""

from __future__ import annotations

import re
import unicodedata

from voice_engine.text import numbers_en, numbers_zh
from voice_engine.text.languages import has_han

# characters that stand for the same sound in every voice
_PLAIN = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "…": ".", "\u00a0": " ", "\u200b": "", "\ufeff": ""})
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufffd]")
_PICTURES = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\ufe0e\ufe0f]")


def cleaned(text: str) -> str:
    """Without control characters and emoji, in composed letters, no stray spaces; line breaks stay."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _PICTURES.sub(" ", _INVISIBLE.sub("", text))
    return re.sub(r"[ \t\u3000]+", " ", text).strip()


def spoken_form(text: str, language: str) -> str:
    """Every figure in words of that language: zh (also where a Chinese character is in the text), else English."""
    chinese = language == "zh" or has_han(text)
    words = numbers_zh.read_numbers(text) if chinese else numbers_en.read_numbers(text)
    return words.translate(_PLAIN)
