"""Which script a text is written in."""

from __future__ import annotations


def is_wide(character: str) -> bool:
    """Whether it is a Han, kana or Hangul character, or their punctuation: about a token each."""
    return (
        "\u1100" <= character <= "\u11ff"
        or "\u2e80" <= character <= "\ud7ff"
        or "\uf900" <= character <= "\ufaff"
        or "\uff01" <= character <= "\uffee"
        or "\U00020000" <= character <= "\U0003ffff"
    )


def has_wide(text: str) -> bool:
    """Whether any character of the text is one."""
    return any(map(is_wide, text))
