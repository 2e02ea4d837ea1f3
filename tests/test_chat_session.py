"""Conversations with the real voice and picture engines, and a model's server on this machine."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from chat_kit import Page, Studio, settings_for
from jobs_kit import is_alive
from llm_server import Fault, LlmServer

from bridges import paths
from bridges.chat import session as sessions
from bridges.chat.engines import Engines
from bridges.chat.session import Session, get_session
from bridges.errors import RequestError

pytestmark = pytest.mark.slow
TWO = "Well, hello to you. The weather is fine today."


@pytest.fixture(scope="module")
def studio(engine_home: Path, light_voices: None) -> Iterator[Studio]:
    """The engines, loaded once for all these tests, with a data folder of their own."""
    patch = pytest.MonkeyPatch()
    patch.setenv("TFG_HOME", str(engine_home))
    studio = Studio()
    yield studio
    studio.close()
    patch.undo()


def frames_of(stream: bytes) -> tuple[list[float], np.ndarray]:
    """(times of the pictures, the sound as float32 mono) of an MP4."""
    with av.open(io.BytesIO(stream)) as file:
        times = [float(frame.time or 0) for frame in file.decode(video=0)]
    with av.open(io.BytesIO(stream)) as file:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    return times, sound


def test_a_turn_is_spoken_shown_captioned_kept_and_exported(studio: Studio) -> None:
    with LlmServer(reply=lambda messages: TWO, tokens_per_s=100) as server:

        async def talk(session: Session) -> None:
            page = Page(session)
            idle = await page.until("idle")
            assert idle["seconds"] * idle["fps"] == round(idle["seconds"] * idle["fps"]) > 25
            turn = session.say("Hello?")
            end = await page.until("end", turn)
            assert end["reason"] == "done" and end["spoken"] == TWO
            assert [message["text"] for message in page.of("caption", turn)] == [
                "Well, hello to you.",
                "The weather is fine today.",
            ]
            times, sound = frames_of(page.stream(turn))
            assert len(times) == round(end["seconds"] * 25)
            assert np.allclose(np.diff(times)[1:], 0.04, atol=0.002)
            assert abs(len(sound) / 48_000 - end["seconds"]) < 0.06
            assert np.abs(sound).max() > 0.05
            marks = [message["name"] for message in page.of("mark", turn)]
            assert marks == ["first_token", "first_clause", "first_audio", "first_media"]
            assert page.of("media", turn)[0]["codecs"].startswith("avc1.")
            assert Path(end["video"]).read_bytes() == page.stream(turn)
            assert session.memory.messages("")[-1].content == TWO
            await exports(session, end["seconds"])

        studio.converse(settings_for(server), talk)


async def exports(session: Session, seconds: float) -> None:
    """All forms of an export hold what was said."""
    assert json.loads((await session.export("json")).read_text())[0]["answer"] == TWO
    assert "-->" in (await session.export("srt")).read_text()
    assert (await session.export("vtt")).read_text().startswith("WEBVTT")
    joined = await session.export("mp4")
    with av.open(str(joined)) as file:
        assert abs(float(file.duration or 0) / 1e6 - seconds) < 0.1
        said = b" ".join(bytes(packet) for packet in file.demux(subtitles=0))
    assert b"Well, hello to you." in said
    with pytest.raises(RequestError):
        await session.export("exe")


def test_stopping_ends_every_stage_and_the_memory_keeps_what_was_heard(studio: Studio) -> None:
    long = "One two three four. " + "And this goes on and on without an end in sight. " * 20
    with LlmServer(reply=lambda messages: long, tokens_per_s=60) as server:

        async def talk(session: Session) -> None:
            page = Page(session, plays_at_once=False)
            turn = session.say("Talk!")
            await page.until("media", turn)
            first = await page.until("caption", turn)
            session.played(turn, first["end_s"] + 0.05)
            session.stop(first["end_s"] + 0.1)
            end = await page.until("end", turn)
            assert end["reason"] == "stopped" and end["spoken"] == "One two three four."
            assert "One two three four." in session.memory.messages("")[-1].content
            assert await asyncio.to_thread(server.left.wait, 5)  # the model's connection was broken off
            made = len(page.of("media", turn))
            again = session.say("And now?")
            await page.until("media", again)
            session.stop()
            assert len(page.of("media", turn)) == made
            assert session.turns[0].seconds < 5

        studio.converse(settings_for(server), talk)


def test_a_stop_before_the_first_word_and_a_question_that_interrupts(studio: Studio) -> None:
    with LlmServer(tokens_per_s=100, faults=[Fault(hang=True)]) as server:

        async def talk(session: Session) -> None:
            page = Page(session)
            turn = session.say("Silence?")
            assert await asyncio.to_thread(server.asked.wait, 10)
            other = session.say("Hello")  # interrupts
            first = await page.until("end", turn)
            assert (first["reason"], first["spoken"], first["video"]) == ("stopped", "", None)
            assert (await page.until("end", other))["spoken"] == "You said: (I interrupted you.) Hello"

        studio.converse(settings_for(server), talk)


def test_what_was_said_before_a_fault_stays_and_the_fault_is_a_sentence(studio: Studio) -> None:
    with LlmServer(reply=lambda messages: TWO, tokens_per_s=100, faults=[Fault(after=5, cut=True), None]) as server:

        async def talk(session: Session) -> None:
            page = Page(session)
            turn = session.say("Hello?")
            end = await page.until("end", turn)
            assert end["reason"] == "failed" and end["spoken"].startswith("Well, hello")
            fault = page.of("error", turn)[0]
            assert fault["en"] and fault["zh"] and "Traceback" not in fault["en"]
            again = session.regenerate()
            assert (await page.until("end", again))["spoken"] == TWO
            assert [record.turn for record in session.turns] == [again]

        studio.converse(settings_for(server), talk)


def test_an_engine_that_crashes_costs_one_turn_and_is_back_for_the_next(studio: Studio) -> None:
    with LlmServer(reply=lambda messages: TWO + " " + TWO, tokens_per_s=100) as server:

        async def talk(session: Session) -> None:
            page = Page(session, plays_at_once=False)
            turn = session.say("Hello?")
            await page.until("media", turn)
            worker = Engines.here().avatar
            assert worker.pid
            crashed = worker.pid
            os.killpg(crashed, signal.SIGKILL)
            assert (await page.until("end", turn))["reason"] == "failed"
            assert page.of("error", turn)[0]["code"] == "avatar_ended"
            page = Page(session)
            again = session.say("Once more?")
            assert (await page.until("end", again))["reason"] == "done"
            assert not is_alive(crashed)

        studio.converse(settings_for(server), talk)


def test_a_late_answer_is_bridged_by_a_face_at_rest(studio: Studio) -> None:
    reply = "Let me think about it. " + "Here is the rest."
    with LlmServer(reply=lambda messages: reply, tokens_per_s=2.5) as server:

        async def talk(session: Session) -> None:
            page = Page(session, plays_at_once=False)
            turn = session.say("Slow?")
            end = await page.until("end", turn)
            captions = page.of("caption", turn)
            assert captions[1]["start_s"] - captions[0]["end_s"] > 0.5
            media = page.of("media", turn)
            assert all(late["start_s"] == early["end_s"] for early, late in pairwise(media))
            times, _ = frames_of(page.stream(turn))
            assert len(times) == round(end["seconds"] * 25)

        studio.converse(settings_for(server), talk)


def spoken_question() -> bytes:
    """A sentence and a second of silence, 16 kHz 16-bit."""
    with av.open(str(paths.PROJECT / "TalkingGaussian" / "samples" / "en.wav")) as file:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
        sound = [out.to_ndarray()[0] for frame in file.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate([*sound, np.zeros(20_000, "<i2")]).astype("<i2").tobytes()


def test_a_voice_interrupts_and_what_it_says_is_the_next_question(studio: Studio) -> None:
    with LlmServer(reply=lambda messages: "Fine. " + 20 * "It goes on and on. ", tokens_per_s=60) as server:

        async def talk(session: Session) -> None:
            page = Page(session, plays_at_once=False)
            session.microphone("hands_free")
            turn = session.say("Talk!")
            await page.until("media", turn)
            sound = spoken_question()
            for at in range(0, len(sound), 3200):
                session.hear(sound[at : at + 3200])
                await asyncio.sleep(0)
            assert (await page.until("end", turn))["reason"] == "stopped"
            asked = await page.until("turn", source="voice")
            assert len(asked["user"].split()) > 5
            await page.until("media", asked["turn"])
            marks = [message["name"] for message in page.of("mark", asked["turn"])]
            assert marks[:2] == ["speech_end", "transcript"]
            assert server.requests[-1]["messages"][-1]["content"].endswith(asked["user"])

        studio.converse(settings_for(server), talk)


def test_two_conversations_at_once_hear_only_their_own(studio: Studio) -> None:
    with LlmServer(reply=lambda messages: f"You are {messages[-1]['content']}. That is certain.") as server:

        async def talk(session: Session) -> None:
            other = sessions.open_session(settings_for(server))
            pages = {"Anna": Page(session), "Bert": Page(other)}
            turns = {name: page.session.say(name) for name, page in pages.items()}
            ends = await asyncio.gather(*(page.until("end", turns[name]) for name, page in pages.items()))
            for name, end in zip(pages, ends, strict=True):
                assert end["spoken"] == f"You are {name}. That is certain."
                assert {message["turn"] for message in pages[name].messages if message.get("turn")} == {turns[name]}
            await other.close()
            with pytest.raises(RequestError):
                get_session(other.token)

        studio.converse(settings_for(server), talk)


def test_nothing_is_left_of_many_turns(studio: Studio) -> None:
    with LlmServer(reply=lambda messages: "Yes.", tokens_per_s=200) as server:

        async def talk(session: Session) -> None:
            page = Page(session)
            pid = Engines.here().avatar.pid
            for _ in range(6):
                await page.until("end", session.say("Well?"))
            assert len(list(session.folder.glob("*.mp4"))) == 2
            assert Engines.here().avatar.pid == pid
            session.clear()
            assert not list(session.folder.glob("*.mp4"))
            assert session.memory.messages("") == []

        studio.converse(settings_for(server, keep_turns=2), talk)
    assert not list(sessions.chats().glob("*/*/*"))


def test_bad_questions_are_refused(studio: Studio) -> None:
    with LlmServer() as server:

        async def talk(session: Session) -> None:
            for bad in ("", "  \n", "x" * 4001):
                with pytest.raises(RequestError):
                    session.say(bad)
            for wrong in ({"size": 511}, {"speed": 9.0}, {"memory_tokens": 1}, {"language": "tlh"}):
                with pytest.raises(RequestError):
                    session.configure(settings_for(server, **wrong))
            with pytest.raises(RequestError):
                session.microphone("loud")
            with pytest.raises(RequestError):
                session.edit("t99-none", "What?")
            assert session.turns == []

        studio.converse(settings_for(server), talk)
