"""What went wrong, as one sentence in English and one in Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Failure:
    """Why a job did not end well. code: a stable word; fix: what the page can offer, e.g.
    {"action": "create_environment", "name": "talking_gaussian", "part": "inference"}; or None.
    """

    code: str
    en: str
    zh: str
    fix: dict[str, Any] | None = None

    def sentence(self, lang: str = "en") -> str:
        """The sentence in `lang` (zh…, else English)."""
        return self.zh if lang.startswith("zh") else self.en

    def as_json(self) -> dict[str, Any]:
        """The form kept in status.json."""
        return {"code": self.code, "en": self.en, "zh": self.zh, "fix": self.fix}


class RequestError(ValueError):
    """A request that cannot be carried out; str() is the English sentence, `failure` has both."""

    def __init__(self, code: str, en: str, zh: str) -> None:
        super().__init__(en)
        self.failure = Failure(code, en, zh)

    @property
    def code(self) -> str:
        """The stable word for scripts."""
        return self.failure.code

    def sentence(self, lang: str = "en") -> str:
        """The sentence in `lang` (zh…, else English)."""
        return self.failure.sentence(lang)
