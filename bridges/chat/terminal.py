"""A conversation in a terminal: questions in, a video out, and where each answer's time went."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import time
import wave
from pathlib import Path

from bridges.chat import llm
from bridges.chat.engines import Engines
from bridges.chat.listening import close as stop_listening
from bridges.chat.listening import recognise
from bridges.chat.personas import PERSONAS
from bridges.chat.session import Session, open_session
from bridges.chat.settings import ChatSettings
from bridges.errors import RequestError

STEPS = ("speech_end", "transcript", "first_token", "first_clause", "first_audio", "first_media")
BAR = 40


def run(options: argparse.Namespace) -> int:
    """One turn, or one a line of stdin; the exit code. Raises RequestError."""
    return asyncio.run(_chat(options))


async def _chat(options: argparse.Namespace) -> int:
    try:
        session = open_session(_settings(options))
        try:
            await _ready(session)
            return await _turns(session, options)
        finally:
            await session.close()
    finally:
        await Engines.here().close()
        await stop_listening()


def _settings(options: argparse.Namespace) -> ChatSettings:
    persona = next((one for one in PERSONAS if one.id == options.persona), PERSONAS[0] if not options.persona else None)
    if persona is None:
        known = ", ".join(one.id for one in PERSONAS)
        raise RequestError("no_persona", f"--persona must be one of: {known}.", f"--persona 的取值应为:{known}。")
    model = llm.LlmSettings(options.provider, options.model, options.base_url)
    system = persona.prompt[options.language]
    return ChatSettings(avatar=options.avatar, voice=options.voice, size=options.size, llm=model, system=system)


async def _ready(session: Session) -> None:
    """Wait until the engines are loaded: the clock does not run yet. Raises RequestError for what cannot be had."""
    await session.warmed
    for message in await session.next(0, 0.01):
        if message["kind"] == "error":
            raise RequestError(message["code"], message["en"], message["zh"])


async def _turns(session: Session, options: argparse.Namespace) -> int:
    """Ask and answer; the exit code."""
    if options.audio:
        heard = await recognise(_samples(options.audio))
        print(f"heard: {heard.text}  ({heard.took_s:.2f} s, {heard.engine})", file=sys.stderr)
        questions = [heard.text]
    else:
        questions = [" ".join(options.text)] if options.text else [line for line in sys.stdin if line.strip()]
    code = 0
    for question in questions:
        code = max(code, await _turn(session, question))
    video = await session.export("mp4") if any(record.seconds for record in session.turns) else None
    if video:
        shutil.copyfile(video, options.out)
        shutil.copyfile(await session.export("srt"), options.out.with_suffix(".srt"))
        print(options.out)
    return code


async def _turn(session: Session, question: str) -> int:
    """One turn: the answer as it is spoken, then the waterfall."""
    turn, number, code = session.say(question), 0, 0
    began = time.monotonic()
    ended = False
    while not ended:
        for message in await session.next(number):
            number = message["n"]
            if message.get("turn") != turn:
                continue
            if message["kind"] == "caption":
                print(f"{message['start_s']:7.2f} s  {message['text']}", flush=True)
            elif message["kind"] == "notice":
                print(message["en"], file=sys.stderr)
            elif message["kind"] == "error":
                print(f"error: {message['en']}", file=sys.stderr)
                code = 2
            elif message["kind"] == "media":
                session.played(turn, message["end_s"])  # nobody watches: no need to wait for a viewer
            ended = ended or message["kind"] == "end"
    record = session.turns[-1]
    _waterfall(record.marks, record.seconds, time.monotonic() - began)
    return code


def _waterfall(marks: dict[str, int], seconds: float, took_s: float) -> None:
    """When each stage gave its first result, ms after the question."""
    longest = max(marks.values(), default=1) or 1
    before = 0
    for name in STEPS:
        if name in marks:
            start, end = (round(BAR * at / longest) for at in (before, marks[name]))
            bar = " " * start + "#" * max(1, end - start)
            print(f"{name:>12} {marks[name]:6d} ms  {bar}", file=sys.stderr)
            before = marks[name]
    print(f"{'video':>12} {seconds:6.1f} s, made in {took_s:.1f} s", file=sys.stderr)


def _samples(path: Path) -> bytes:
    """A WAV as 16 kHz mono 16-bit samples. Raises RequestError."""
    try:
        with wave.open(str(path)) as sound:
            if (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16_000, 1, 2):
                return sound.readframes(sound.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise RequestError(
            "bad_sound", f"{path.name!r} cannot be read as WAV.", f"无法将 {path.name!r} 作为 WAV 读取。"
        ) from error
    raise RequestError(
        "bad_sound",
        f"{path.name!r} must be 16 kHz, mono, 16-bit WAV.",
        f"{path.name!r} 必须是 16 kHz 单声道 16 位 WAV。",
    )
