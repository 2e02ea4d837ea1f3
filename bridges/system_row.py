"""One line of what `bridges.system` reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """One line of the system's state.

    key: a stable word; state: ok, warn, bad or info; title, value, fix: {"en", "zh"}; fix is None where nothing is to
    be done; action: what a button can do, e.g. {"action": "create_environment", "name": …, "part": …}, or None.
    """

    key: str
    state: str
    title: dict[str, str]
    value: dict[str, str]
    fix: dict[str, str] | None = None
    action: dict[str, Any] | None = field(default=None)


def both(en: str, zh: str) -> dict[str, str]:
    """A text in both languages."""
    return {"en": en, "zh": zh}
