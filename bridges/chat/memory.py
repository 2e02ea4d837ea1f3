"""What a chat remembers: whole turns, of an answer only what was spoken, within a budget of tokens."""

from __future__ import annotations

from dataclasses import dataclass

from bridges.chat.llm.scripts import is_wide
from bridges.chat.llm.settings import Message

MESSAGE_TOKENS = 4  # what a chat template adds to each message
INTERRUPTED = {"en": "(I interrupted you.) ", "zh": "(我打断了你。)"}
NOTHING_SAID = "…"


@dataclass
class _Turn:
    turn_id: str
    question: str
    answer: str = ""
    cut: bool = False


def estimate_tokens(text: str) -> int:
    """About how many tokens a text is, rather too many: one a Han, kana or Hangul character, one per 3 others."""
    wide = sum(map(is_wide, text))
    return wide + -(-(len(text) - wide) // 3)


class Memory:
    """One conversation. budget_tokens: of all that is sent to the model, by `estimate_tokens`."""

    def __init__(self, budget_tokens: int = 2000) -> None:
        self.budget_tokens = budget_tokens
        self._turns: list[_Turn] = []

    def ask(self, turn_id: str, text: str) -> None:
        """The user asks. A turn known already is asked anew, and what followed it is forgotten."""
        self.drop_from(turn_id)
        self._turns.append(_Turn(turn_id, text))

    def answered(self, turn_id: str, spoken_text: str, cut: bool = False) -> None:
        """What was spoken of the answer; cut: the user interrupted it. A turn dropped meanwhile is passed over."""
        for turn in self._turns:
            if turn.turn_id == turn_id:
                turn.answer, turn.cut = spoken_text.strip(), cut

    def drop_from(self, turn_id: str) -> None:
        """Forget this turn and all after it (edit and resend, regenerate); nothing for an unknown one."""
        ids = [turn.turn_id for turn in self._turns]
        if turn_id in ids:
            del self._turns[ids.index(turn_id) :]

    def clear(self) -> None:
        """Forget everything."""
        self._turns.clear()

    def messages(self, system: str) -> list[Message]:
        """The system prompt ("": none), and the newest turns that fit; the newest is there in any case.

        Users and assistant take turns, as most chat templates demand: an answer of which nothing was heard is "…".
        """
        head = [Message("system", system)] if system.strip() else []
        left = self.budget_tokens - sum(map(_cost, head))
        rows: list[Message] = []
        for index in range(len(self._turns) - 1, -1, -1):
            turn = self._messages_of(index)
            left -= sum(map(_cost, turn))
            if left < 0 and rows:
                break
            rows = turn + rows
        return head + rows

    def _messages_of(self, index: int) -> list[Message]:
        turn, newest = self._turns[index], index == len(self._turns) - 1
        # said in the next question, where every model reads it and none learns to say it itself
        before = self._turns[index - 1] if index else None
        note = INTERRUPTED["zh" if _is_chinese(turn.question) else "en"] if before and before.cut else ""
        question = Message("user", note + turn.question)
        if newest and not turn.answer:
            return [question]
        answer = turn.answer + (" …" if turn.cut and turn.answer else "")
        return [question, Message("assistant", answer or NOTHING_SAID)]


def _cost(message: Message) -> int:
    return estimate_tokens(message.content) + MESSAGE_TOKENS


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)
