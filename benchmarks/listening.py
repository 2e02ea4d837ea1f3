"""The chat's ears: what the voice detector costs, how fast a recogniser is, and when a turn's transcript is there.

.venv-test/bin/python benchmarks/listening.py [SOUND.wav …] [--engine sphinx] [--turns 10]

SOUND: 16 kHz mono WAV files to listen to besides the project's own English sample, e.g. real speech. Turns are played
in real time through the listener as a microphone would, recognition beginning at the first pause as in the chat.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
import wave
from pathlib import Path

import numpy as np

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from bridges.chat.listening import Paused, SpeechEnded, SpeechResumed, TurnListener, close, recognise, warm  # noqa: E402

SAMPLE = PROJECT / "TalkingGaussian" / "samples" / "en.wav"
TENTH = 3200  # bytes of 100 ms
SILENCE = bytes(32_000 * 2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sounds", nargs="*", type=Path)
    parser.add_argument("--engine", default="sphinx")
    parser.add_argument("--language", default="auto")
    parser.add_argument("--turns", type=int, default=10)
    options = parser.parse_args()
    sounds = {path.name: read(path) for path in (SAMPLE, *options.sounds)}
    for name, sound in sounds.items():
        detector(name, sound)
    asyncio.run(recognition(sounds, options))


def read(path: Path) -> bytes:
    """16 kHz mono int16."""
    with wave.open(str(path)) as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (16_000, 1, 2):
            raise SystemExit(f"{path} is not 16 kHz mono 16-bit WAV")
        return file.readframes(file.getnframes())


def detector(name: str, sound: bytes) -> None:
    """What listening costs, a frame of 32 ms."""
    listener = TurnListener()
    listener.feed(SILENCE)
    began = time.perf_counter()
    listener.feed(sound)
    spent = time.perf_counter() - began
    print(f"{name}: listening {spent / (len(sound) / 1024) * 1000:.2f} ms a frame of 32 ms")


async def recognition(sounds: dict[str, bytes], options: argparse.Namespace) -> None:
    """Speed alone, then whole turns in real time."""
    began = time.perf_counter()
    await warm(options.engine, options.language)
    print(f"{options.engine}: loaded in {time.perf_counter() - began:.2f} s")
    for name, sound in sounds.items():
        for whole in (sound, np.resize(np.frombuffer(sound, "<i2"), 60 * 16_000).tobytes()):
            heard = await recognise(whole, options.engine, options.language)
            seconds = len(whole) / 32_000
            print(f"{name}: {seconds:.1f} s in {heard.took_s:.2f} s, {heard.took_s / seconds:.2f} of its length")
            if whole is sound:
                print(f"  {heard.text}")
    for name, sound in sounds.items():
        for seconds in (3, 5):
            waits = [await turn(sound, seconds, n, options) for n in range(options.turns)]
            middle, late = np.percentile(waits, (50, 95))
            print(f"{name}: {seconds} s turns, end of voice to transcript: p50 {middle:.2f} s, p95 {late:.2f} s")
    await close()


async def turn(sound: bytes, seconds: float, number: int, options: argparse.Namespace) -> float:
    """Seconds from the end of the voice to its transcript, for one turn cut from the sound."""
    length = int(seconds * 16_000) * 2
    start = int(number / options.turns * max(0, len(sound) - length)) & ~1
    listener, spoken = TurnListener(), sound[start : start + length] + SILENCE
    guess: asyncio.Task | None = None
    began = time.perf_counter()
    for n in range(0, len(spoken), TENTH):
        await asyncio.sleep(max(0.0, began + (n + TENTH) / 32_000 - time.perf_counter()))
        for event in listener.feed(spoken[n : n + TENTH]):
            if isinstance(event, SpeechResumed) and guess is not None:
                guess.cancel()
            if isinstance(event, Paused):
                guess = asyncio.create_task(recognise(event.sound, options.engine, options.language))
            if isinstance(event, SpeechEnded):
                await (guess or recognise(event.sound, options.engine, options.language))
                return time.perf_counter() - began - event.ended_s
    raise SystemExit("a turn did not end")


if __name__ == "__main__":
    main()
