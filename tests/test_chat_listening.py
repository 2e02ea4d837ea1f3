"""Turns in a microphone's sound: where they begin, pause and end, and what is no voice."""

from __future__ import annotations

import wave
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from bridges.chat.listening import (
    Event,
    NothingHeard,
    Paused,
    SpeechEnded,
    SpeechResumed,
    SpeechStarted,
    TurnListener,
    vad,
)
from bridges.chat.listening.sound import split_at_pauses
from bridges.errors import RequestError

RATE = 16_000
SAMPLES = Path(__file__).resolve().parents[1] / "TalkingGaussian" / "samples"
RNG = np.random.default_rng(7)


def read(name: str) -> np.ndarray:
    """A sample at 16 kHz, float32."""
    with wave.open(str(SAMPLES / f"{name}.wav")) as file:
        rate, data = file.getframerate(), file.readframes(file.getnframes())
    sound = np.frombuffer(data, "<i2").astype(np.float32) / 32768
    at = np.arange(int(len(sound) * RATE / rate)) * rate / RATE
    return np.interp(at, np.arange(len(sound)), sound).astype(np.float32)


def quiet(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


def pcm(*parts: np.ndarray) -> bytes:
    return (np.clip(np.concatenate(parts), -1, 1) * 32767).astype("<i2").tobytes()


ENGLISH, CHINESE = read("en"), read("zh")
SENTENCE = ENGLISH[int(0.9 * RATE) : int(2.05 * RATE)]  # between two of its pauses


def feed(listener: TurnListener, sound: bytes, step: int = 3200) -> list[Event]:
    return [event for start in range(0, len(sound), step) for event in listener.feed(sound[start : start + step])]


def kinds(events: list[Event]) -> list[type]:
    return [type(event) for event in events]


@pytest.mark.parametrize("speech", [SENTENCE, CHINESE[: 3 * RATE]], ids=["en", "zh"])
def test_a_sentence_is_one_turn_with_its_first_and_last_sound(speech: np.ndarray) -> None:
    events = feed(TurnListener(), pcm(quiet(1), speech, quiet(1.5)))
    assert kinds(events) == [SpeechStarted, Paused, SpeechEnded]
    started, paused, ended = events
    assert started.at_s == pytest.approx(1.1, abs=0.25)
    assert ended.ended_s == pytest.approx(1 + len(speech) / RATE, abs=0.25)
    assert paused.at_s == pytest.approx(ended.ended_s + 0.25, abs=0.04)
    assert ended.at_s == pytest.approx(ended.ended_s + 0.7, abs=0.04)
    assert started.at_s - ended.ended_s + len(ended.sound) / 32000 == pytest.approx(0.3 + 0.25, abs=0.1)


def test_recognition_begun_at_the_pause_holds_when_the_turn_ends() -> None:
    paused, ended = feed(TurnListener(), pcm(SENTENCE, quiet(1)))[1:]
    assert paused.sound == ended.sound


def test_going_on_after_a_pause_makes_one_turn_of_both_halves() -> None:
    events = feed(TurnListener(), pcm(quiet(0.5), SENTENCE, quiet(0.45), SENTENCE, quiet(1)))
    assert kinds(events) == [SpeechStarted, Paused, SpeechResumed, Paused, SpeechEnded]
    assert len(events[4].sound) > len(events[1].sound) + 32000
    assert events[4].sound == events[3].sound


def test_a_long_silence_makes_two_turns() -> None:
    events = feed(TurnListener(), pcm(SENTENCE, quiet(30), SENTENCE, quiet(1)))
    assert kinds(events) == [SpeechStarted, Paused, SpeechEnded] * 2


def test_the_size_of_the_pieces_changes_nothing() -> None:
    sound = pcm(quiet(0.4), SENTENCE, quiet(1))
    events = feed(TurnListener(), sound)
    assert feed(TurnListener(), sound, step=701) == events
    assert TurnListener().feed(sound) == events


def knocks() -> np.ndarray:
    sound, knock = quiet(6), np.exp(-np.arange(400) / 80) * RNG.standard_normal(400) * 0.5
    for start in range(0, len(sound) - 400, RATE // 3):
        sound[start : start + 400] += knock
    return sound


def clicks() -> np.ndarray:
    sound = quiet(6)
    sound[:: RATE // 2] = 0.9
    return sound


def chord() -> np.ndarray:
    t = np.arange(6 * RATE) / RATE
    tones = [np.sin(2 * np.pi * f * h * t) / h for f in (220, 277.2, 329.6) for h in range(1, 6)]
    return (0.05 * sum(tones) * (0.6 + 0.4 * np.sign(np.sin(4 * np.pi * t)))).astype(np.float32)


NOISES = {
    "silence": quiet(6),
    "loud hiss": (0.1 * RNG.standard_normal(6 * RATE)).astype(np.float32),
    "hum": (0.2 * np.sin(2 * np.pi * 50 * np.arange(6 * RATE) / RATE)).astype(np.float32),
    "clicks": clicks(),
    "knocks": knocks(),
    "music": chord(),
}


@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
def test_what_is_no_voice_begins_no_turn(noise: np.ndarray) -> None:
    assert feed(TurnListener(), pcm(noise)) == []


@pytest.mark.parametrize("snr_db", [20, 10, 0])
def test_a_turn_is_found_and_ends_in_noise(snr_db: int) -> None:
    sound = np.concatenate([quiet(1), SENTENCE, quiet(2)])
    noise = RNG.standard_normal(len(sound)).astype(np.float32)
    events = feed(TurnListener(), pcm(sound + noise * np.std(SENTENCE) * 10 ** (-snr_db / 20)))
    assert kinds(events)[0] is SpeechStarted
    assert isinstance(events[-1], SpeechEnded)
    assert events[-1].ended_s == pytest.approx(2.15, abs=0.5)


def test_somebody_talking_far_away_does_not_keep_a_turn_open() -> None:
    background = np.resize(CHINESE, len(SENTENCE) + 3 * RATE) * 0.02
    events = feed(TurnListener(), pcm(np.concatenate([SENTENCE, quiet(3)]) + background))
    ended = [event for event in events if isinstance(event, SpeechEnded)]
    assert ended[0].ended_s == pytest.approx(1.15, abs=0.4)


def test_a_turn_without_end_is_ended() -> None:
    speech = np.resize(ENGLISH[: 2 * RATE], 8 * RATE)
    events = feed(TurnListener(longest_s=5), pcm(speech))
    ended = next(event for event in events if isinstance(event, SpeechEnded))
    assert len(ended.sound) / 32000 == pytest.approx(5, abs=0.04)


def test_push_to_talk_goes_through_pauses_and_ends_with_the_button() -> None:
    listener = TurnListener("push")
    events = feed(listener, pcm(SENTENCE, quiet(2), SENTENCE))
    assert SpeechEnded not in kinds(events)
    (ended,) = listener.release()
    assert len(ended.sound) / 32000 > 4
    assert not listener.speaking


def test_push_to_talk_without_a_word_heard_nothing() -> None:
    listener = TurnListener("push")
    feed(listener, pcm(NOISES["loud hiss"]))
    assert listener.release() == [NothingHeard()]


def test_a_button_let_go_at_once_keeps_the_last_word() -> None:
    listener = TurnListener("push")
    feed(listener, pcm(SENTENCE[: int(0.8 * RATE)]))
    (ended,) = listener.release()
    assert len(ended.sound) / 32000 == pytest.approx(0.8, abs=0.15)


def test_the_clock_goes_on_from_turn_to_turn_and_over_a_reset() -> None:
    listener = TurnListener()
    feed(listener, pcm(SENTENCE))
    assert listener.speaking
    listener.reset()
    assert not listener.speaking
    assert feed(listener, pcm(quiet(1), SENTENCE))[0].at_s > 2


def test_a_mode_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="mode"):
        TurnListener("whistle")  # type: ignore[arg-type]


def test_weights_that_are_not_the_published_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "silero_vad.onnx").write_bytes(b"something else")
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    with pytest.raises(RequestError) as refused:
        vad._network.__wrapped__()
    assert refused.value.code == "vad_changed"


def test_long_speech_is_cut_in_its_pauses() -> None:
    parts = split_at_pauses(pcm(SENTENCE, quiet(0.4), SENTENCE, quiet(0.4), SENTENCE), longest_s=1.7)
    assert b"".join(parts) == pcm(SENTENCE, quiet(0.4), SENTENCE, quiet(0.4), SENTENCE)
    assert len(parts) == 3
    for part in parts[:-1]:
        assert np.abs(np.frombuffer(part[-640:], "<i2")).max() < 400
