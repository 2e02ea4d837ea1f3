"""How a person moves to sounds: learnt from a few seconds, kept in the avatar's folder, refused when damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from face_tracking.face_units import MOUTH_UNITS
from safetensors.numpy import save_file
from talking_gaussian.motion.personal_map import CONTEXT_HOPS, PersonalMap, heard_rows, load_maps, save_maps
from talking_gaussian.motion.speech_motion import SpeechMotion, between_words
from talking_gaussian.training.sound_map import Lesson, held_out_answers, learn_map

COUNT = len(MOUTH_UNITS)


def some_map(rows: int = 30) -> PersonalMap:
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(rows, COUNT)).astype(np.float32), np.zeros(COUNT, np.float32)
    return PersonalMap(MOUTH_UNITS, weight, bias, bias - 1, bias + 1)


def test_a_map_finds_what_follows_from_the_sound_and_not_what_does_not() -> None:
    rng = np.random.default_rng(1)
    signals = np.cumsum(rng.normal(size=(420, 40 + 2 * 32)), 0)
    heard = heard_rows(signals - signals.mean(0))
    units = 0.1 * rng.normal(size=(420, COUNT))
    units[:, 0] = signals[:, 3] / np.abs(signals[:, 3]).max()
    lips = np.eye(COUNT)
    person = learn_map(Lesson(heard[:300], units[:300], lips))
    answers = person(heard[300:].astype(np.float32))
    assert np.corrcoef(answers[:, 0], units[300:, 0])[0, 1] > 0.4
    assert answers[:, 5].std() < units[:, 5].std()


def test_answers_stay_within_what_the_person_was_seen_to_do() -> None:
    loud = np.full((4, 30), 1e3, np.float32)
    assert np.abs(some_map()(loud)).max() <= 1


def test_held_out_answers_do_not_know_their_own_stretch() -> None:
    places = np.random.default_rng(2).normal(size=(60, 3))
    answers = held_out_answers(np.eye(60), places, 0.1)
    assert np.abs(answers - places).mean() > 0.3


def test_a_map_survives_the_disk(tmp_path: Path) -> None:
    save_maps(tmp_path / "speech.safetensors", {"mel": some_map()})
    loaded = load_maps(tmp_path / "speech.safetensors", (*MOUTH_UNITS, "eyeBlinkLeft"))["mel"]
    assert loaded.units == MOUTH_UNITS
    assert np.array_equal(loaded.weight, some_map().weight)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("mel.weight", np.full((30, COUNT), np.nan, np.float32)),
        ("mel.weight", np.ones((30, COUNT + 99), np.float32)),
        ("mel.low", np.ones(3, np.float32)),
        ("mel.bias", np.full(COUNT, 1e6, np.float32)),
    ],
)
def test_a_map_that_does_not_fit_is_refused(tmp_path: Path, name: str, array: np.ndarray) -> None:
    one = some_map()
    arrays = {f"mel.{key}": getattr(one, key) for key in ("weight", "bias", "low", "high")}
    save_file({**arrays, name: array}, str(tmp_path / "speech.safetensors"))
    with pytest.raises(ValueError, match="mel"):
        load_maps(tmp_path / "speech.safetensors", MOUTH_UNITS)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "speech.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match="damaged"):
        load_maps(tmp_path / "speech.safetensors", MOUTH_UNITS)


def test_short_pauses_belong_to_speech_and_long_silence_closes_the_mouth() -> None:
    voiced = np.ones(600)
    voiced[100:130] = voiced[300:500] = 0
    share = between_words(voiced)
    assert share[100:130].min() > 0.99
    assert share[390:410].max() == 0


def test_the_mouth_of_a_person_rests_in_silence() -> None:
    speech = SpeechMotion.load("mel")
    person = PersonalMap(
        MOUTH_UNITS,
        np.zeros((speech.heard_size, COUNT), np.float32),
        *(np.full(COUNT, value, np.float32) for value in (0.5, -1, 1)),
    )
    talking = SpeechMotion.load("mel", {"mel": person})
    motion = np.concatenate(list(talking.stream([np.zeros(32_000, np.float32)], 25, 50)))
    assert motion.shape == (50, COUNT)
    assert not motion.any()
    assert not talking.heard_speech


def test_what_is_heard_does_not_depend_on_how_the_sound_is_cut() -> None:
    sound = np.random.default_rng(3).normal(0, 0.1, 48_000).astype(np.float32)
    speech = SpeechMotion.load("mel")
    whole, pieces = speech.heard([sound]), speech.heard(np.array_split(sound, 7))
    assert whole.shape == (300, speech.heard_size)
    assert speech.heard_size % len(CONTEXT_HOPS) == 0
    assert np.array_equal(whole, pieces)
