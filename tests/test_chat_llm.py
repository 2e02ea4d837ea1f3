"""Language models of the chat: the real GLM client and the OpenAI-compatible one, against a server of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys

import pytest
from llm_server import Fault, LlmServer, refusal

from bridges.chat.llm import LlmError, LlmSettings, Message, list_models, providers, stream_reply
from bridges.chat.llm import reply as reply_module
from bridges.chat.llm.thoughts import Thoughts
from bridges.errors import RequestError

KEY = "0123456789abcdef.S3cretS3cret"
QUESTION = [Message("system", "Be brief."), Message("user", "How are you?")]
BOTH = pytest.mark.parametrize("provider", ["zhipuai", "openai"])
FAST = 2000.0


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch):
    for name in ("ZHIPUAI_API_KEY", "ZHIPUAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "TFG_CHAT_LOCAL_LLM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(reply_module, "BACK_OFF_S", 0.01)


def settings(provider, server, **more):
    return LlmSettings(**{"provider": provider, "base_url": server.base_url, "key": KEY, "model": "tiny-model", **more})


def ask(wanted, messages=QUESTION):
    async def run():
        return [piece async for piece in stream_reply(wanted, messages)]

    return asyncio.run(run())


def failure(wanted, messages=QUESTION):
    """(the pieces before it, the error)."""

    async def run():
        pieces = []
        try:
            async for piece in stream_reply(wanted, messages):
                pieces.append(piece)
        except RequestError as error:
            return pieces, error
        raise AssertionError("it did not fail")

    return asyncio.run(run())


@BOTH
@pytest.mark.parametrize("text", ["I am fine, thank you; and you?", "你好,我很好。今天天气不错!", "a\n\n b “c” 😀 d"])
def test_an_answer_comes_in_pieces_that_make_the_text(provider, text):
    with LlmServer(reply=lambda messages: text, tokens_per_s=FAST, key=KEY) as server:
        pieces = ask(settings(provider, server, temperature=0.3, max_tokens=99))
    assert "".join(pieces) == text and len(pieces) > 3
    body = server.requests[0]
    assert body["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How are you?"}]
    assert body["stream"] is True and body["max_tokens"] == 99 and body["temperature"] == 0.3


@BOTH
def test_pieces_come_while_the_server_still_writes(provider):
    async def run(server):
        async with contextlib.aclosing(stream_reply(settings(provider, server), QUESTION)) as stream:
            await anext(stream)
            return server.running

    with LlmServer(tokens_per_s=FAST, faults=[Fault(after=1, hang=True)]) as server:
        assert asyncio.run(run(server)) == 1


REFUSALS = [
    (refusal(401, "1002", "Authorization Token非法"), "llm_bad_key", False),
    (refusal(401, "invalid_api_key", "Incorrect API key provided"), "llm_bad_key", False),
    (refusal(429, "1113", "您的账户已欠费,请充值后重试"), "llm_no_balance", False),
    (refusal(402, "", "Insufficient Balance"), "llm_no_balance", False),
    (refusal(429, "insufficient_quota", "You exceeded your current quota"), "llm_no_balance", False),
    (refusal(400, "1301", "系统检测到输入或生成内容可能包含不安全或敏感内容"), "llm_filtered", False),
    (refusal(400, "1211", "模型不存在,请检查模型代码"), "llm_no_model", False),
    (refusal(404, "", 'model "x" not found, try pulling it first'), "llm_no_model", False),
    (Fault(404, "<html>not here</html>"), "llm_no_address", False),
    (Fault(301, "", {"Location": "http://127.0.0.1:1/"}), "llm_no_address", False),
    (refusal(400, "1261", "Prompt 超长"), "llm_too_long", False),
    (refusal(400, "context_length_exceeded", "maximum context length is 4096"), "llm_too_long", False),
    (refusal(400, "1214", "temperature 参数非法"), "llm_refused", False),
    (refusal(429, "1308", "usage limit", Retry_After="3600"), "llm_no_balance", False),
    (refusal(429, "1302", "并发数过高", Retry_After="60"), "llm_rate_limit", True),
]


@BOTH
@pytest.mark.parametrize(
    ("fault", "code", "retry"), REFUSALS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_refusal_becomes_one_sentence_in_both_languages(provider, fault, code, retry):
    with LlmServer(faults=[fault]) as server:
        pieces, error = failure(settings(provider, server))
    assert (pieces, error.code, error.retry, len(server.requests)) == ([], code, retry, 1)
    assert error.sentence("en").endswith(".") and error.sentence("zh").endswith("。")


@BOTH
@pytest.mark.parametrize(
    "fault", [refusal(429, "1305", "busy"), Fault(503, "<html>"), refusal(500, "1234", "network"), Fault(cut=True)]
)
def test_a_transient_fault_before_the_first_word_is_tried_again_once(provider, fault):
    with LlmServer(tokens_per_s=FAST, faults=[fault]) as server:
        assert "".join(ask(settings(provider, server))) == "You said: How are you?"
    with LlmServer(tokens_per_s=FAST, faults=[fault, fault, fault]) as server:
        pieces, error = failure(settings(provider, server))
    assert pieces == [] and error.retry and len(server.requests) == 2


@BOTH
@pytest.mark.parametrize(
    ("fault", "code", "retry"),
    [
        (Fault(after=2, cut=True), "llm_cut", True),
        (Fault(after=2, finish=None), "llm_cut", True),
        (Fault(after=2, finish="sensitive"), "llm_filtered", False),
        (Fault(after=2, finish="content_filter"), "llm_filtered", False),
        (Fault(after=2, finish="network_error"), "llm_server_fault", True),
        (Fault(after=2, lines=("data: {what",)), "llm_malformed", False),
        (Fault(after=2, lines=("data: [1, 2]",)), "llm_malformed", False),
        (Fault(after=2, lines=('data: {"choices": [{"delta": "x"}]}',)), "llm_malformed", False),
        (Fault(after=2, lines=('data: {"error": {"code": "1305", "message": "busy"}}',)), "llm_rate_limit", True),
        (Fault(after=2, lines=('data: {"error": {"code": "1301", "message": "unsafe"}}',)), "llm_filtered", False),
        (Fault(after=2, hang=True), "llm_timeout", True),
    ],
)
def test_a_fault_within_the_answer_keeps_what_was_said_and_is_not_tried_again(provider, fault, code, retry):
    with LlmServer(tokens_per_s=FAST, faults=[fault]) as server:
        pieces, error = failure(settings(provider, server, timeout_s=1.0))
    assert len(pieces) == 2 and (error.code, error.retry, len(server.requests)) == (code, retry, 1)


@BOTH
def test_no_first_word_in_time_ends_with_a_sentence(provider):
    with LlmServer(faults=[Fault(hang=True)]) as server:
        pieces, error = failure(settings(provider, server, timeout_s=1.0))
        assert server.left.wait(10)
    assert (pieces, error.code, error.retry) == ([], "llm_timeout", True)


@BOTH
@pytest.mark.parametrize("text", ["", "   ", "<think>so much to think</think>"])
def test_an_answer_without_text_is_a_fault(provider, text):
    with LlmServer(reply=lambda messages: text, tokens_per_s=FAST) as server:
        assert failure(settings(provider, server))[1].code == "llm_empty"


@BOTH
def test_a_page_that_is_no_model_server_is_said(provider):
    with LlmServer(faults=[Fault(lines=("<html><body>Welcome</body></html>",))]) as server:
        assert failure(settings(provider, server))[1].code == "llm_malformed"


@BOTH
def test_a_server_that_is_not_there_is_said(provider):
    with socket.socket() as held:  # bound, but it does not listen
        held.bind(("127.0.0.1", 0))
        wanted = LlmSettings(provider, "m", f"http://127.0.0.1:{held.getsockname()[1]}/v1", KEY)
        pieces, error = failure(wanted)
    assert (pieces, error.code, error.retry) == ([], "llm_unreachable", True)


@BOTH
@pytest.mark.parametrize("fault", [Fault(hang=True), Fault(after=1, hang=True), None], ids=["no word", "one", "flow"])
def test_cancelling_closes_the_connection_at_once(provider, fault):
    async def run(server):
        async def read():
            async for _ in stream_reply(settings(provider, server), QUESTION):
                pass

        task = asyncio.create_task(read())
        assert await asyncio.to_thread(server.asked.wait, 10)
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.left.wait, 10)

    # at this speed the answer would take half a minute, a time-out of the client as long
    with LlmServer(reply=lambda messages: "word " * 300, tokens_per_s=10, faults=[fault]) as server:
        asyncio.run(run(server))


@BOTH
def test_closing_the_stream_closes_the_connection(provider):
    async def run(server):
        stream = stream_reply(settings(provider, server), QUESTION)
        await anext(stream)
        await stream.aclose()
        assert await asyncio.to_thread(server.left.wait, 10)

    with LlmServer(faults=[Fault(after=1, hang=True)]) as server:
        asyncio.run(run(server))


@BOTH
def test_the_event_loop_is_free_while_a_server_keeps_silent(provider):
    async def run(server):
        task = asyncio.create_task(anext(stream_reply(settings(provider, server), QUESTION)))
        assert await asyncio.to_thread(server.asked.wait, 10)
        turns = 0
        while turns < 20:
            await asyncio.sleep(0.01)
            turns += 1
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])

    with LlmServer(faults=[Fault(hang=True)]) as server:
        asyncio.run(run(server))


@BOTH
def test_two_conversations_at_once_get_their_own_answers(provider):
    async def one(server, text):
        return "".join([piece async for piece in stream_reply(settings(provider, server), [Message("user", text)])])

    async def run(server):
        return await asyncio.gather(*(one(server, f"number {n}") for n in range(4)))

    with LlmServer(tokens_per_s=200) as server:
        assert asyncio.run(run(server)) == [f"You said: number {n}" for n in range(4)]


@BOTH
def test_the_key_is_never_written_anywhere(provider, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    echoing = refusal(400, "1214", f"Bearer {KEY} is not what was meant")
    with LlmServer(tokens_per_s=FAST, key=KEY, faults=[None, echoing, refusal(401, "1002", f"bad {KEY}")]) as server:
        wanted = settings(provider, server)
        ask(wanted)
        errors = [failure(wanted)[1], failure(wanted)[1]]
    assert server.authorizations == [f"Bearer {KEY}"] * 3
    said = [repr(wanted), caplog.text, *capfd.readouterr(), *(f"{error!r} {error.failure}" for error in errors)]
    assert not any(KEY in text for text in said)
    assert all(error.__cause__ is None for error in errors)


def test_a_missing_key_is_said_with_its_variable():
    with pytest.raises(LlmError, match="ZHIPUAI_API_KEY") as caught:
        LlmSettings("zhipuai").check()
    assert caught.value.code == "llm_no_key"


def test_the_owners_key_goes_to_the_owners_server_only(monkeypatch):
    with LlmServer(tokens_per_s=FAST) as server, LlmServer(tokens_per_s=FAST) as stranger:
        monkeypatch.setenv("ZHIPUAI_API_KEY", KEY)
        monkeypatch.setenv("ZHIPUAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        for provider in ("zhipuai", "openai"):
            ask(LlmSettings(provider))
        ask(LlmSettings("openai", base_url=stranger.base_url))
        assert failure(LlmSettings("zhipuai", base_url=stranger.base_url))[1].code == "llm_no_key"
    assert server.authorizations == [f"Bearer {KEY}"] * 2
    assert stranger.authorizations == [""]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"provider": "nobody"}, "llm_bad_setting"),
        ({"temperature": 2.5}, "llm_bad_setting"),
        ({"temperature": float("nan")}, "llm_bad_setting"),
        ({"max_tokens": 0}, "llm_bad_setting"),
        ({"max_tokens": 1.5}, "llm_bad_setting"),
        ({"timeout_s": "30"}, "llm_bad_setting"),
        ({"model": "a\nb"}, "llm_bad_setting"),
        ({"key": "abc\ndef"}, "llm_bad_key"),
        ({"key": "密钥"}, "llm_bad_key"),
        ({"base_url": "file:///etc/passwd"}, "llm_bad_address"),
        ({"base_url": "api.example.com/v1"}, "llm_bad_address"),
        ({"base_url": "http://"}, "llm_bad_address"),
        ({"base_url": "http://user:word@host/v1"}, "llm_bad_address"),
        ({"base_url": "http://host/v1?x=1"}, "llm_bad_address"),
        ({"base_url": "http://host:99999/v1"}, "llm_bad_address"),
        ({"base_url": "http://[::1/v1"}, "llm_bad_address"),
    ],
)
def test_settings_that_cannot_be_used_are_said(wrong, code):
    with pytest.raises(LlmError) as caught:
        LlmSettings(**{"provider": "openai", **wrong}).check()
    assert caught.value.code == code
    assert caught.value.sentence("zh").endswith("。")


def test_a_shared_page_can_refuse_its_own_network(monkeypatch):
    with LlmServer(tokens_per_s=FAST) as server:
        monkeypatch.setenv("TFG_CHAT_LOCAL_LLM", "0")
        for address in (server.base_url, server.base_url.replace("127.0.0.1", "localhost")):
            error = failure(LlmSettings("openai", "m", address))[1]
            assert error.code == "llm_address_not_allowed"
        with pytest.raises(LlmError):
            asyncio.run(list_models(settings("openai", server)))
        assert not server.requests
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url + "/")
        assert ask(LlmSettings("openai", "m"))  # the owner's own choice


def test_an_openai_key_in_the_environment_makes_openai_the_default(monkeypatch):
    defaults = [next(info for info in providers() if info.id == "openai").base_url]
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    defaults.append(next(info for info in providers() if info.id == "openai").base_url)
    assert defaults == ["http://127.0.0.1:11434/v1", "https://api.openai.com/v1"]


def test_credentials_of_a_cloud_machine_are_out_of_reach():
    assert failure(LlmSettings("openai", "m", "http://169.254.169.254/v1"))[1].code == "llm_address_not_allowed"


def test_models_are_asked_of_the_server_and_the_first_is_the_default():
    with LlmServer(tokens_per_s=FAST) as server:
        wanted = settings("openai", server, model="")
        assert asyncio.run(list_models(wanted)) == ["tiny-model", "other-model"]
        ask(wanted)
    assert server.requests[0]["model"] == "tiny-model"


def test_glm_models_that_think_are_told_not_to():
    with LlmServer(tokens_per_s=FAST) as server:
        assert "glm-4-flash" in asyncio.run(list_models(settings("zhipuai", server)))
        for model in ("glm-4.5-flash", "glm-4-flash"):
            ask(settings("zhipuai", server, model=model))
    assert [body.get("thinking") for body in server.requests] == [{"type": "disabled"}, None]


def test_a_client_that_cannot_be_imported_is_said_at_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "zhipuai", None)
    with LlmServer(tokens_per_s=FAST) as server:
        pieces, error = failure(settings("zhipuai", server))
    assert (pieces, error.code, server.requests) == ([], "llm_no_client", [])


def test_every_provider_says_what_it_needs_in_both_languages():
    found = {info.id: info for info in providers()}
    assert list(found) == ["embedded", "zhipuai", "openai"]
    for info in found.values():
        assert all(words["en"] and words["zh"] for words in (info.name, info.why))
    assert "English only" in found["embedded"].why["en"] and "演示" in found["embedded"].why["zh"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<think>hm</think>Yes.", "Yes."),
        ("1 < 2 and <thin> air", "1 < 2 and <thin> air"),
        ("a<think>b</think>c<think>d", "ac"),
        ("ends with <thi", "ends with <thi"),
    ],
)
def test_thoughts_are_left_out_however_the_stream_cuts_them(text, said, size):
    thoughts = Thoughts()
    pieces = [thoughts.without(text[start : start + size]) for start in range(0, len(text), size)]
    assert "".join(pieces) + thoughts.rest() == said
