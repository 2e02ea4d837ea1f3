"""Long text in pieces that a voice speaks well: cut at sentences, else at commas, else at spaces; with pauses."""

from __future__ import annotations

import re
from dataclasses import dataclass

from voice_engine.text.languages import has_han, is_speakable

PARAGRAPH_PAUSE_S, SENTENCE_PAUSE_S, CLAUSE_PAUSE_S = 0.5, 0.28, 0.12
# a character of Chinese takes about as long as three letters of English
LIMIT, SHORT = 80.0, 16.0
LETTER = 1 / 2.6

_CLOSERS = "\"'”’」』）)】》〉]"
_ABBREVIATIONS = (
    "Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc|No|Inc|Ltd|Co|Corp|Fig|approx|dept|est|e\\.g|i\\.e|a\\.m|p\\.m|U\\.S|U\\.K"
)
_NO_END = re.compile(rf"(?:\b(?:{_ABBREVIATIONS})|\b[A-Za-z])\.$", re.IGNORECASE)
_SENTENCE = re.compile(rf"[。！？!?…]+[{re.escape(_CLOSERS)}]*|\.+[{re.escape(_CLOSERS)}]*(?=\s|$|[^\x00-\x7f])|[;；]")
_CLAUSE = re.compile(r"[，、,:：—–]+(?![0-9])")


@dataclass(frozen=True)
class Piece:
    """What is spoken at one go, and the seconds of silence after it."""

    text: str
    pause_s: float


def split_text(text: str, limit: float = LIMIT) -> list[Piece]:
    """Pieces in order; limit: the longest, in Chinese characters (a Latin letter counts for 0.4).

    Sentences shorter than SHORT are spoken with a neighbour of the same paragraph, which sounds more natural; what has
    no letter or digit is left out.
    """
    pieces: list[Piece] = []
    for paragraph in re.split(r"\s*\n\s*", text.strip()):
        parts = [part for sentence in _sentences(paragraph) for part in _within(sentence, limit)]
        merged = _merged([part for part in parts if is_speakable(part)], limit)
        for index, part in enumerate(merged):
            pieces.append(Piece(part, PARAGRAPH_PAUSE_S if index == len(merged) - 1 else _pause_after(part)))
    return [*pieces[:-1], Piece(pieces[-1].text, 0.0)] if pieces else []


def length_of(text: str) -> float:
    """How long a text is to speak, in Chinese characters."""
    return sum(1.0 if ord(character) > 0x2E7F else LETTER for character in text)


def _sentences(paragraph: str) -> list[str]:
    found, start = [], 0
    for match in _SENTENCE.finditer(paragraph):
        candidate = paragraph[start : match.end()].strip()
        if match[0].startswith(".") and _NO_END.search(candidate):
            continue
        found.append(candidate)
        start = match.end()
    found.append(paragraph[start:].strip())
    return [sentence for sentence in found if sentence]


def _within(sentence: str, limit: float) -> list[str]:
    """The sentence, cut at commas where it is too long, at spaces where a clause is, anywhere as the last resort."""
    if length_of(sentence) <= limit:
        return [sentence]
    clauses, start = [], 0
    for match in _CLAUSE.finditer(sentence):
        clauses.append(sentence[start : match.end()].strip())
        start = match.end()
    clauses.append(sentence[start:].strip())
    parts = [part for clause in clauses if clause for part in _cut(clause, limit)]
    return _merged(parts, limit, short=limit)


def _cut(clause: str, limit: float) -> list[str]:
    if length_of(clause) <= limit:
        return [clause]
    words = re.findall(r"\S+\s*", clause) if not has_han(clause) else list(clause)
    parts, held = [], ""
    for word in words:
        while length_of(word) > limit:  # a "word" without an end
            room = max(1, int(limit))
            parts.append((held + word[:room]).strip())
            held, word = "", word[room:]
        if held and length_of(held + word) > limit:
            parts.append(held.strip())
            held = ""
        held += word
    return [*parts, held.strip()] if held.strip() else parts


def _merged(parts: list[str], limit: float, short: float = SHORT) -> list[str]:
    """Neighbours of which one is short, as one; a Chinese and a foreign sentence stay apart, each for its own voice."""
    result: list[str] = []
    for part in parts:
        before = result[-1] if result else ""
        joined = f"{before}{'' if _ends_wide(before) else ' '}{part}"
        small = min(length_of(before), length_of(part)) < short
        if before and small and length_of(joined) <= limit and has_han(before) == has_han(part):
            result[-1] = joined
        else:
            result.append(part)
    return result


def _ends_wide(text: str) -> bool:
    """Whether it ends with a Chinese character or a full-width mark, after which no space is written."""
    return bool(text) and ord(text[-1]) > 0x2E7F


def _pause_after(part: str) -> float:
    last = part.rstrip(_CLOSERS)[-1:]
    if last in "。！？!?….;；":
        return SENTENCE_PAUSE_S
    return CLAUSE_PAUSE_S if last in "，、,:：—–" else 0.0
