"""A language model's text, as it comes, cut into what can be spoken: the first cut comes early, later ones at ends."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

ENDS = "。！？；!?;…\n"
PAUSES = "，、：,:—"
CLOSERS = "\"'”’」』）)】]"
FIRST_MOST, LATER_MOST = 10, 34  # words after which a clause is cut anywhere
LEAST_WORDS = (3, 6, 10, 14)  # before a cut at a comma, of the first clauses: voice and picture catch up step by step
HAN_A_WORD = 1.6  # Chinese characters that take as long to say as an English word
END_PAUSE_S, COMMA_PAUSE_S = 0.28, 0.12
_BEFORE = re.compile(r"(?:and|but|or|because|which|that|so|when|where|while|if|to|of|in|for|with|as)\b", re.I)
_ABBREVIATION = re.compile(r"(?:^|\s)(?:mr|mrs|ms|dr|st|prof|vs|etc|e\.g|i\.e|no|[a-z])\.$", re.I)
_DROPPED = re.compile(r"[*_`#>|~]+|[\U0001F000-\U0001FAFF\u2600-\u27BF\uFE0F\u200D]")
_HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True)
class Clause:
    """text: to be spoken in one breath; pause_s: what follows it; number: counts from 0."""

    text: str
    pause_s: float
    number: int


def length_of(text: str) -> float:
    """How long a text takes to say, in English words."""
    han = len(_HAN.findall(text))
    return han / HAN_A_WORD + len(_HAN.sub(" ", text).split())


class ClauseCutter:
    """Takes text in pieces of any size, gives clauses."""

    def __init__(self) -> None:
        self._text = ""
        self._given = 0

    def feed(self, piece: str) -> list[Clause]:
        """The clauses that are complete with this piece."""
        self._text += _DROPPED.sub("", piece)
        found = []
        while (cut := self._cut()) is not None:
            found += self._take(cut)
        return found

    def flush(self) -> list[Clause]:
        """What is left at the end of the text."""
        return self._take(len(self._text))

    def _take(self, cut: int) -> list[Clause]:
        text, self._text = self._text[:cut].strip(), self._text[cut:]
        if not any(character.isalnum() for character in text):
            return []
        last = text.rstrip(CLOSERS)[-1:]
        pause = COMMA_PAUSE_S if last in PAUSES else END_PAUSE_S if last in ENDS or last == "." else 0.0
        self._given += 1
        return [Clause(text, pause, self._given - 1)]

    def _cut(self) -> int | None:
        """Where the text can be cut now, after a character whose follower is known."""
        least = LEAST_WORDS[min(self._given, len(LEAST_WORDS) - 1)]
        most = LATER_MOST if self._given else FIRST_MOST
        for at in range(1, len(self._text)):
            if self._is_end(at):
                return self._with_closers(at)
            if self._text[at - 1] in PAUSES and self._breaks(at) and length_of(self._text[:at]) >= least:
                return self._with_closers(at)
        return self._in_the_middle(most)

    def _is_end(self, at: int) -> bool:
        before, after = self._text[at - 1], self._text[at]
        if before == ".":
            return after.isspace() and not _ABBREVIATION.search(self._text[:at])
        return before in ENDS and after not in ENDS

    def _breaks(self, at: int) -> bool:
        """Whether a comma or colon at the end of text[:at] is one of language, not of a number or a time."""
        before, after = self._text[at - 1], self._text[at]
        return before not in ",:" or after.isspace() or bool(_HAN.match(after))

    def _with_closers(self, at: int) -> int:
        while at < len(self._text) and self._text[at] in CLOSERS:
            at += 1
        return at

    def _in_the_middle(self, most: int) -> int | None:
        """Of a long stretch without a mark: before a small word where there is one, else at the end of a word."""
        if length_of(self._text) <= most:
            return None
        places = [m.start() for m in re.finditer(r"(?<=\s)\S|(?<=[\u3400-\u9fff])(?=[\u3400-\u9fff])", self._text)]
        places = [at for at in places if most * 0.6 <= length_of(self._text[:at]) <= most]
        if not places:
            return None
        return next((at for at in reversed(places) if _BEFORE.match(self._text[at:])), places[-1])


async def clauses(pieces: AsyncIterator[str]) -> AsyncGenerator[Clause, None]:
    """The clauses of a text that comes in pieces."""
    cutter = ClauseCutter()
    async for piece in pieces:
        for clause in cutter.feed(piece):
            yield clause
    for clause in cutter.flush():
        yield clause
