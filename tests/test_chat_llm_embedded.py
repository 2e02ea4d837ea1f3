"""The embedded model: its process, and what is said where it is not installed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

from bridges.chat.llm import LlmSettings, Message, providers, stream_reply, warm
from bridges.chat.llm.faults import LlmError
from bridges.chat.llm.offline_process import OfflineProcess, environment_ready
from bridges.chat.llm.registry import PROVIDERS

QUESTION = [Message("system", "Answer as a pirate."), Message("user", "What is the capital of France?")]


def test_without_its_environment_the_command_that_makes_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("TFG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    info = next(info for info in providers() if info.id == "embedded")
    assert not info.ready
    assert all("environments/manage.py create offline_llm" in words for words in info.why.values())
    with pytest.raises(LlmError, match="create offline_llm") as caught:
        OfflineProcess().address()
    assert caught.value.code == "llm_no_environment" and "offline_llm" in caught.value.sentence("zh")


@pytest.mark.parametrize("text", ["你好", "こんにちは", "안녕"])
def test_what_the_model_cannot_read_is_said_instead_of_answered(text):
    async def run():
        return [piece async for piece in stream_reply(LlmSettings(), [Message("user", text)])]

    with pytest.raises(LlmError, match="English only") as caught:
        asyncio.run(run())
    assert caught.value.code == "llm_english_only"


@pytest.fixture
def process():
    if not environment_ready():
        pytest.skip("needs the environment offline_llm: python environments/manage.py create offline_llm")
    process = OfflineProcess()
    yield process
    process.close()


def listens(address):
    parts = urlsplit(address.base_url)
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((parts.hostname, parts.port)) == 0


def gone(pid):
    """Whether a process ends; waits for it."""
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.slow
def test_the_embedded_model_answers_is_cancelled_and_comes_back_after_a_crash(process, monkeypatch):
    monkeypatch.setattr(PROVIDERS["embedded"], "process", process)

    async def answer(limit=10_000):
        stream, said = stream_reply(LlmSettings(max_tokens=40, temperature=0), QUESTION), ""
        async for piece in stream:
            said += piece
            if len(said) >= limit:
                break
        await stream.aclose()
        return said

    async def run():
        await warm(LlmSettings())
        first = process.pid
        assert "Paris" in await answer()
        assert await answer(limit=5)
        assert process.pid == first
        os.kill(first, signal.SIGKILL)
        process._process.wait(20)
        assert await answer()
        assert process.pid not in (None, first)

    asyncio.run(run())


@pytest.mark.slow
def test_the_server_is_for_this_program_alone_and_ends_with_it(process):
    import httpx

    address = process.address()
    assert urlsplit(address.base_url).hostname == "127.0.0.1" and address.key not in repr(address)
    answer = httpx.post(f"{address.base_url}/chat/completions", json={"messages": []}, trust_env=False)
    assert answer.status_code == 401
    pid = process.pid
    process.close()
    assert gone(pid) and not listens(address)


@pytest.mark.slow
def test_it_ends_after_its_idle_time_and_when_its_parent_is_killed(process):
    idle = OfflineProcess(idle_s=0.5)
    idle.address()
    assert idle._process.wait(20) == 0
    idle.close()
    program = (
        "import time; from bridges.chat.llm.offline_process import OfflineProcess as P\n"
        "p = P(); p.address(); print(p.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(child)
