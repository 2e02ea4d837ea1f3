"""Text as it is written, cut into what is spoken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges.chat.clauses import FIRST_MOST, LATER_MOST, ClauseCutter, clauses, length_of


def cut(text: str, step: int = 3) -> list[str]:
    """The clauses of a text that comes in pieces."""
    cutter = ClauseCutter()
    found = [clause for at in range(0, len(text), step) for clause in cutter.feed(text[at : at + step])]
    return [clause.text for clause in found + cutter.flush()]


def test_the_first_clause_ends_at_the_first_comma_and_later_ones_at_sentences() -> None:
    text = "Sure, that is easy enough, just press the button. Then wait, please, until it is done. Bye!"
    assert cut(text) == [
        "Sure, that is easy enough,",
        "just press the button.",
        "Then wait, please, until it is done.",
        "Bye!",
    ]


def test_a_first_clause_without_a_comma_is_cut_before_a_small_word() -> None:
    first, *rest = cut("The oldest bridge of this town was built by monks who lived here a very long time ago.")
    assert length_of(first) <= FIRST_MOST
    assert rest[0].split()[0] in ("by", "who", "of", "was") or first.split()[-1] == "built"
    assert " ".join([first, *rest]).startswith("The oldest bridge of this town was built by monks who")


@pytest.mark.parametrize(
    "text", ["It costs 3.14 dollars at 10:30 sharp.", "Dr. Smith lives here.", "About 1,000,000 people."]
)
def test_points_in_numbers_times_and_titles_end_nothing(text: str) -> None:
    assert cut(text, step=1) == [text]


def test_chinese_is_cut_at_its_own_marks() -> None:
    assert cut("你好，很高兴见到你。今天天气不错，我们去公园吧！") == [
        "你好，很高兴见到你。",
        "今天天气不错，我们去公园吧！",
    ]


def test_marks_that_nobody_speaks_are_dropped() -> None:
    assert cut("**Bold** `code` \U0001f600 yes.\n\n---\n") == ["Bold code  yes."]


def test_pauses_follow_the_marks() -> None:
    cutter = ClauseCutter()
    pauses = [clause.pause_s for clause in cutter.feed("Yes of course, it is. Good\n") + cutter.flush()]
    comma, end, nothing = pauses
    assert 0 == nothing < comma < end


@given(st.lists(st.text(alphabet="ab ,.!?你好，。1\n'\"", max_size=12), max_size=40))
def test_nothing_speakable_is_lost_added_or_too_long(pieces: list[str]) -> None:
    cutter = ClauseCutter()
    found = [clause for piece in pieces for clause in cutter.feed(piece)] + cutter.flush()

    def letters(text: str) -> str:
        return "".join(character for character in text if character.isalnum())

    assert letters("".join(clause.text for clause in found)) == letters("".join(pieces))
    assert [clause.number for clause in found] == list(range(len(found)))
    assert all(length_of(clause.text) <= LATER_MOST + 1 for clause in found)


def test_a_stream_of_pieces_gives_clauses_while_it_is_written() -> None:
    async def scenario() -> None:
        written = asyncio.Event()

        async def pieces() -> AsyncGenerator[str, None]:
            yield "Well, you see, it is so. "
            await written.wait()
            yield "The end."

        found = clauses(pieces())
        assert (await anext(found)).text == "Well, you see,"
        assert (await anext(found)).text == "it is so."
        written.set()
        assert (await anext(found)).text == "The end."

    asyncio.run(scenario())
