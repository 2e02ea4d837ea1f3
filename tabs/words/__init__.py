"""Every text of the page in English and Chinese, one file a tab.

Labels go through `W(key)`, which the browser shows in its own language; texts made on the server through
`say(lang, key)`.
"""

from __future__ import annotations

import gradio as gr

from tabs.words import chat, evaluate, generate, job_panel, library, page, system, train, voice

TEXTS: dict[str, tuple[str, str]] = {
    key: pair
    for part in (page, generate, voice, train, chat, evaluate, library, system, job_panel)
    for key, pair in part.TEXTS.items()
}


def bilingual() -> gr.I18n:
    """The texts as Gradio's own translation table; the browser's language chooses."""
    english = {key: pair[0] for key, pair in TEXTS.items()}
    chinese = {key: pair[1] for key, pair in TEXTS.items()}
    return gr.I18n(en=english, zh=chinese, **{"zh-CN": chinese, "zh-TW": chinese, "zh-HK": chinese})


W = bilingual()


def say(lang: str, key: str, **values: object) -> str:
    """A text in `lang` (Chinese for any zh…, English otherwise) with its blanks filled."""
    return TEXTS[key][1 if is_chinese(lang) else 0].format(**values)


def is_chinese(lang: str) -> bool:
    """Whether a browser's language is Chinese."""
    return lang.lower().startswith("zh")


def table(keys: list[str]) -> dict[str, dict[str, str]]:
    """Some texts for a script in the page: {"en": {key: text}, "zh": {…}}."""
    return {lang: {key: TEXTS[key][index] for key in keys} for index, lang in enumerate(("en", "zh"))}
