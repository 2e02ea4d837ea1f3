"""What a chat remembers, and the roles it can play."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridges.chat.llm import Message
from bridges.chat.memory import MESSAGE_TOKENS, Memory, estimate_tokens
from bridges.chat.personas import PERSONAS

TURNS = st.lists(st.tuples(st.text(max_size=60), st.text(max_size=200), st.booleans()), max_size=12)


def filled(turns, budget):
    memory = Memory(budget)
    for number, (question, answer, cut) in enumerate(turns):
        memory.ask(str(number), question)
        memory.answered(str(number), answer, cut)
    return memory


def cost(messages):
    return sum(estimate_tokens(message.content) + MESSAGE_TOKENS for message in messages)


@settings(max_examples=150, deadline=None)
@given(TURNS, st.text(max_size=80), st.text(max_size=40), st.integers(0, 500))
def test_messages_fit_the_budget_alternate_and_end_with_the_question(turns, question, system, budget):
    memory = filled(turns, budget)
    memory.ask("now", question)
    messages = memory.messages(system)
    head = messages[:1] if system.strip() else []
    rest = messages[len(head) :]
    assert all(message == Message("system", system) for message in head)
    assert [message.role for message in rest] == (["user", "assistant"] * len(rest))[: len(rest)]
    assert rest[-1].role == "user" and rest[-1].content.endswith(question)
    assert len(rest) == 1 or cost(messages) <= budget
    # no turn is left out that would have fitted
    older = len(turns) - len(rest) // 2
    if older > 0:
        more = filled(turns, 10**6)
        more.ask("now", question)
        everything = more.messages(system)[len(head) :]
        assert cost(head) + cost(everything[-(len(rest) + 2) :]) > budget


def test_only_what_was_spoken_is_remembered_and_an_interruption_is_told():
    memory = Memory()
    memory.ask("1", "Tell me a story.")
    memory.answered("1", "Once upon a time", cut=True)
    memory.ask("2", "Another one.")
    assert memory.messages("") == [
        Message("user", "Tell me a story."),
        Message("assistant", "Once upon a time …"),
        Message("user", "(I interrupted you.) Another one."),
    ]
    memory.drop_from("2")
    memory.ask("3", "换一个。")
    assert memory.messages("")[-1].content == "(我打断了你。)换一个。"


def test_an_answer_interrupted_before_its_first_word_keeps_the_order_of_speakers():
    memory = Memory()
    memory.ask("1", "One?")
    memory.answered("1", "  ", cut=True)
    memory.ask("2", "Two?")
    assert [(message.role, message.content) for message in memory.messages("")][:2] == [
        ("user", "One?"),
        ("assistant", "…"),
    ]


def test_editing_forgets_what_came_after_and_clearing_everything():
    memory = filled([("a", "1", False), ("b", "2", False), ("c", "3", False)], 2000)
    memory.ask("1", "b2")
    assert [message.content for message in memory.messages("s")] == ["s", "a", "1", "b2"]
    memory.answered("gone", "nobody asked")
    memory.drop_from("gone")
    assert len(memory.messages("")) == 3
    memory.clear()
    assert memory.messages("s") == [Message("system", "s")] and memory.messages("") == []


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("hello world", 4), ("你好,世界", 5), ("こんにちは", 5), ("안녕", 2)]
)
def test_tokens_are_estimated_by_script(text, tokens):
    assert estimate_tokens(text) == tokens


def test_personas_ask_for_speech_in_the_questions_language():
    assert len({persona.id for persona in PERSONAS}) == len(PERSONAS) >= 5
    for persona in PERSONAS:
        assert persona.name["en"] and persona.name["zh"]
        assert "markdown" in persona.prompt["en"] and "language of the question" in persona.prompt["en"]
        assert "Markdown" in persona.prompt["zh"] and "提问所用的语言" in persona.prompt["zh"]
        assert estimate_tokens(persona.prompt["zh"]) < 300
