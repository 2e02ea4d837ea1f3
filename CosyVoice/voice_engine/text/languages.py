"""Which language a text is in, by its letters."""

from __future__ import annotations

import re

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_HAN, _KANA = re.compile(f"[{HAN}]"), re.compile("[\u3040-\u30ff\u31f0-\u31ff]")
_HANGUL, _CYRILLIC = re.compile("[\uac00-\ud7af]"), re.compile("[\u0400-\u04ff]")
_LETTER = re.compile(r"[^\W_]")
NAMES = {
    "zh": ("Chinese", "中文"),
    "en": ("English", "英语"),
    "ja": ("Japanese", "日语"),
    "ko": ("Korean", "韩语"),
    "yue": ("Cantonese", "粤语"),
    "de": ("German", "德语"),
    "es": ("Spanish", "西班牙语"),
    "fr": ("French", "法语"),
    "it": ("Italian", "意大利语"),
    "ru": ("Russian", "俄语"),
}
LANGUAGES = tuple(NAMES)


def language_of(text: str) -> str:
    """zh, ja, ko, ru, or en for anything in Latin letters (which of those it is cannot be seen by letters)."""
    for pattern, language in ((_KANA, "ja"), (_HANGUL, "ko"), (_HAN, "zh"), (_CYRILLIC, "ru")):
        if pattern.search(text):
            return language
    return "en"


def has_han(text: str) -> bool:
    """Whether there is a Chinese character in it."""
    return _HAN.search(text) is not None


def is_speakable(text: str) -> bool:
    """Whether there is a letter or digit of any script in it."""
    return _LETTER.search(text) is not None


def script_runs(text: str) -> list[tuple[str, str]]:
    """[(zh or en, stretch)] of a mixed text: Latin letters with what lies between them, and the rest."""
    runs: list[tuple[str, str]] = []
    for match in re.finditer(r"[A-Za-z][A-Za-z0-9'’&.+/ -]*[A-Za-z0-9]|[A-Za-z]|[^A-Za-z]+", text):
        language = "en" if re.match("[A-Za-z]", match[0]) else "zh"
        if runs and not is_speakable(match[0]):
            runs[-1] = (runs[-1][0], runs[-1][1] + match[0])
        else:
            runs.append((language, match[0]))
    return runs
