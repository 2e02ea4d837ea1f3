"""What went wrong, said to a person in their language."""

from __future__ import annotations


class UserError(Exception):
    """Input that cannot be used: one sentence that says what is wrong and what to do.

    code: a stable word for scripts; en, zh: the sentence in English and in Chinese.
    """

    def __init__(self, code: str, en: str, zh: str) -> None:
        super().__init__(en)
        self.code = code
        self.en = en
        self.zh = zh

    def sentence(self, lang: str = "en") -> str:
        """The sentence in `lang` (en or zh; English for any other)."""
        return self.zh if lang.startswith("zh") else self.en
