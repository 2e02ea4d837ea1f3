"""What the preflight says: rows a person understands, and the same for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

STATES = ("ok", "info", "warn", "bad")  # from good to bad; a bad row stops the training before it begins


@dataclass(frozen=True)
class Row:
    """One thing that was looked at.

    key: a stable word; state: ok, info, warn or bad; title, value: {"en", "zh"}; fix: {"en", "zh"}, what the person can
    do, or None; repair: options of the training command that put it right (start_s, end_s in seconds of the file,
    sound_shift_ms: how late the sound is), or None; facts: the numbers behind it.
    """

    key: str
    state: str
    title: dict[str, str]
    value: dict[str, str]
    fix: dict[str, str] | None = None
    repair: dict[str, float | int] | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """All rows of one video, in the order in which they are to be read."""

    rows: list[Row]

    @property
    def state(self) -> str:
        """The worst state of all rows."""
        return max((row.state for row in self.rows), key=STATES.index, default="ok")

    def row(self, key: str) -> Row | None:
        """The row of this key, or None."""
        return next((row for row in self.rows if row.key == key), None)

    def as_json(self) -> dict[str, Any]:
        """{"state", "rows": [{"key", "state", "title", "value", "fix", "repair", "facts"}]}."""
        return {"state": self.state, "rows": [asdict(row) for row in self.rows]}


def both(en: str, zh: str) -> dict[str, str]:
    """A text in both languages."""
    return {"en": en, "zh": zh}


def clock(seconds: float) -> str:
    """4.2 s, 1:05, 30:00."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
