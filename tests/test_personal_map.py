"""How a person moves to sounds: learnt from a few seconds, kept in the avatar's folder, refused when damaged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from face_tracking.face_units import MOUTH_UNITS
from safetensors.numpy import save_file
from sounds import write_speechlike
from talking_gaussian.audio.chunks import HOP, frame_levels_db
from talking_gaussian.audio.features import available
from talking_gaussian.audio.reader import read_audio
from talking_gaussian.errors import UserError
from talking_gaussian.motion.personal_map import (
    CONTEXT_HOPS,
    PersonalMap,
    coarticulated,
    heard_rows,
    load_maps,
    save_maps,
)
from talking_gaussian.motion.phone_shapes import SHAPES
from talking_gaussian.motion.speech_motion import SpeechMotion, between_words
from talking_gaussian.motion.visemes import gaussian_smooth
from talking_gaussian.training import sound_map
from talking_gaussian.training.bearing import HAS_MOOD, STILL, bearing_of, moods
from talking_gaussian.training.sound_map import (
    IS_WIDE,
    OPENING,
    STRENGTHS,
    WIDTH,
    Lesson,
    Seen,
    blocks_of,
    explained,
    held_out_answers,
    learn_map,
    learn_maps,
    likely_strength,
    noise_of,
    scales_of,
    scales_of_bearing,
)

COUNT = len(MOUTH_UNITS)
LIPS = np.eye(COUNT, 24)  # each unit moves one coordinate of eight points
JAW, SMILE = MOUTH_UNITS.index("jawOpen"), MOUTH_UNITS.index("mouthSmileLeft")


def some_map(rows: int = 30) -> PersonalMap:
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(rows, COUNT)).astype(np.float32), np.zeros(COUNT, np.float32)
    return PersonalMap(MOUTH_UNITS, weight, bias, bias - 1, bias + 1)


def a_lesson(heard: np.ndarray, units: np.ndarray, guesses: tuple[int, ...] = ()) -> Lesson:
    """Of a face and a head that are held still."""
    return Lesson(heard, units, LIPS, np.arange(len(heard)), np.zeros((len(heard), 3)), guesses)


def test_a_map_finds_what_follows_from_the_sound_and_not_what_does_not() -> None:
    rng = np.random.default_rng(1)
    signals = np.cumsum(rng.normal(size=(420, 40 + 2 * 32)), 0)
    heard = heard_rows(signals - signals.mean(0))
    units = 0.1 * rng.normal(size=(420, COUNT))
    units[:, 0] = signals[:, 3] / np.abs(signals[:, 3]).max()
    person, _ = learn_map(a_lesson(heard[:300], units[:300]))
    answers = person(heard[300:].astype(np.float32))
    assert np.corrcoef(answers[:, 0], units[300:, 0])[0, 1] > 0.4
    assert answers[:, 5].std() < units[:, 5].std()


def test_a_mood_that_lasts_is_not_put_down_to_the_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signals that wander as slowly as moods do are likely to agree with one by chance."""

    def error(seed: int) -> float:
        rng = np.random.default_rng(seed)
        signals = gaussian_smooth(rng.normal(size=(640, 40 + 2 * 8)), 8.0)
        signals /= signals.std()
        units = np.zeros((640, COUNT))
        mood = gaussian_smooth(rng.normal(size=(640, 1)), 8.0)[:, 0]
        said = 0.1 * signals[:, 3]
        units[:, 0] = said + 0.2 * mood / mood.std()
        heard = heard_rows(signals)
        person, _ = learn_map(a_lesson(heard[:240], units[:240]))
        return float(np.square(person(heard[260:])[:, 0] - said[260:]).mean())

    aware = np.mean([error(seed) for seed in range(4)])
    monkeypatch.setattr(sound_map, "OPENING", replace(OPENING, mood=0.0))
    assert aware < np.mean([error(seed) for seed in range(4)])


def test_what_widens_the_mouth_listens_more_to_the_phones_than_what_opens_it() -> None:
    rng = np.random.default_rng(6)
    guess = phones = 3 * len(CONTEXT_HOPS)
    heard = rng.normal(size=(200, len(CONTEXT_HOPS) * (40 + 2 * 8) + guess + phones))
    units = np.repeat(heard[:, -phones:].sum(1, keepdims=True), COUNT, axis=1)
    person, _ = learn_map(a_lesson(heard, units, (guess, phones)))
    power = np.square(person.weight[-phones:]).sum(0)
    assert {unit for unit, wide in zip(MOUTH_UNITS, IS_WIDE, strict=True) if wide} >= {"mouthPucker", "mouthSmileLeft"}
    assert OPENING.guesses_say < WIDTH.guesses_say
    assert power[IS_WIDE].min() > 1.2 * power[~IS_WIDE].max()


def test_a_mouth_that_smiles_with_the_eyes_is_not_put_down_to_the_sound() -> None:
    rng = np.random.default_rng(7)
    signals = gaussian_smooth(rng.normal(size=(940, 40 + 2 * 8)), 2.0)
    eyes = gaussian_smooth(rng.normal(size=(940, 3)), 8.0)
    eyes = 5 * (eyes - eyes[:600].mean(0)) / eyes.std()
    said, smile = 0.1 * signals[:, 3] / signals.std(), 0.02 * eyes[:, 1]
    units = np.zeros((940, COUNT))
    units[:, SMILE] = units[:, JAW] = said + smile
    heard = heard_rows(signals)
    person, weight = learn_map(Lesson(heard[:600], units[:600], LIPS, np.arange(600), eyes[:600]))
    blind, _ = learn_map(a_lesson(heard[:600], units[:600]))
    errors = [np.square(one(heard[620:])[:, SMILE] - said[620:]).mean() for one in (person, blind)]
    assert errors[0] < 0.9 * errors[1]
    mood = moods(eyes[620:], weight)
    assert np.corrcoef(mood[:, SMILE], smile[620:])[0, 1] > 0.9
    assert 0.3 < mood[:, SMILE].std() / smile.std() < 1.3
    assert not mood[:, JAW].any()  # how far the mouth opens is the sound's


def test_a_bearing_knows_what_is_slower_than_speech_and_what_training_showed() -> None:
    times = np.arange(500) / 25
    coefficients = np.zeros((500, COUNT + 2))
    coefficients[:, :COUNT] = 1e3  # the mouth itself must not count
    coefficients[:, COUNT] = np.sin(2 * np.pi * 4 * times)  # a syllable's rate
    coefficients[:, COUNT + 1] = 0.3 * np.sin(2 * np.pi * 0.1 * times)
    head = np.tile(np.eye(4), (500, 1, 1))
    turn = np.radians(np.where(times < 16, 4, 30))
    head[:, 0, 0] = head[:, 2, 2] = np.cos(turn)
    head[:, 0, 2], head[:, 2, 0] = np.sin(turn), -np.sin(turn)
    bearing = bearing_of(coefficients, head, np.arange(350), 25)
    assert bearing.shape == (500, 2 + 6)
    assert np.abs(bearing[20:480, 0]).max() * STILL[0] < 0.01
    assert np.ptp(bearing[:350, 1]) * STILL[0] == pytest.approx(0.6, abs=0.05)
    assert np.abs(bearing[:350].mean(0)).max() < 1e-9
    assert np.abs(bearing[:, 3]).max() < 1e-6  # it never turned while it was learnt from


def test_what_keeps_still_says_nothing_of_the_mouth() -> None:
    rng = np.random.default_rng(8)
    bearing = rng.normal(size=(400, 4)) * [0.01, 1, 10, 100]
    power = (bearing / scales_of_bearing(bearing)).var(0)
    assert power[0] < 0.01 * power[2] < power[1] < power[2] < power[3]
    assert power.sum() < sound_map.BEARING_SAYS
    assert not HAS_MOOD[JAW]
    assert HAS_MOOD[SMILE]


def test_moods_last_and_noise_does_not() -> None:
    noise = noise_of(np.array([0, 1, 2, 100]), OPENING)
    assert noise[0, 0] > 2 * noise[0, 1] > 0
    assert np.array_equal(noise, noise.T)
    assert noise[0, 3] < 1e-6
    assert np.linalg.eigvalsh(noise).min() > 0.9


def test_one_mood_seen_for_long_counts_as_one_opinion_of_the_mean() -> None:
    noise = noise_of(np.concatenate([np.arange(30), 100 * np.arange(1, 11)]), OPENING)
    wanted = np.concatenate([np.ones((30, 1)), np.zeros((10, 1))])
    dual, mean = explained(noise, wanted)
    assert 0 < mean[0] < 0.7 < wanted.mean()
    np.testing.assert_allclose(noise @ dual + mean, wanted, atol=1e-9)


@pytest.mark.parametrize("guesses", [(), (10,), (10, 15)])
def test_every_column_heard_belongs_to_one_block(guesses: tuple[int, ...]) -> None:
    size = len(CONTEXT_HOPS) * (40 + 2 * 32) + sum(guesses)
    blocks = blocks_of(size, guesses, (0.1, 0.3))
    columns = np.concatenate([block for block, _ in blocks])
    assert [len(block) for block, _ in blocks[3:]] == list(guesses)
    assert np.array_equal(np.sort(columns), np.arange(size))


def test_instants_near_by_have_more_say_and_every_block_its_own() -> None:
    phones = 3 * len(CONTEXT_HOPS)
    heard = np.random.default_rng(5).normal(size=(300, len(CONTEXT_HOPS) * (40 + 2 * 32) + phones))
    power = (heard / scales_of(heard, (phones,), (0.3,))).var(0)
    *blocks, (last, say) = blocks_of(heard.shape[1], (phones,), (0.3,))
    assert power[last].sum() == pytest.approx(say * power[blocks[0][0]].sum(), rel=0.1)
    assert power.sum() == pytest.approx(1, abs=0.3)
    outer, middle = power[last[:3]].sum(), power[last[6:9]].sum()
    assert outer == pytest.approx(middle / 2, rel=0.1)


def test_a_mouth_that_follows_the_sound_is_learnt(tmp_path: Path) -> None:
    sound = np.concatenate(list(read_audio(write_speechlike(tmp_path / "voice.wav", 10.0))))
    levels = np.clip(frame_levels_db(sound) + 60, 0, 40) / 40
    opening = gaussian_smooth(levels[:, None], 3.0)[2 :: 16_000 // HOP // 25, 0]
    coefficients, basis = np.zeros((len(opening), COUNT + 1)), np.zeros((COUNT + 1, 478, 3))
    coefficients[:, 0], basis[0] = 0.3 * opening, 0.01
    head = np.tile(np.eye(4), (len(opening), 1, 1))
    maps, mood = learn_maps(sound, Seen(coefficients, basis, head), np.arange(180), 25)
    assert mood.shape == (len(opening), COUNT)
    assert not mood.any()
    assert set(maps) == {name for name in ("mel", "visemes") if available(name)}
    for name, person in maps.items():
        heard = sound_map.heard_at_frames(SpeechMotion.load(name), sound, len(opening), 25)
        assert np.corrcoef(person(heard)[190:, 0], coefficients[190:, 0])[0, 1] > 0.9, name


@pytest.mark.skipif(not available("visemes"), reason="pocketsphinx is not installed")
def test_a_map_from_before_there_were_guesses_is_still_read(tmp_path: Path) -> None:
    sound = np.concatenate(list(read_audio(write_speechlike(tmp_path / "voice.wav", 3.0))))
    speech = SpeechMotion.load("visemes")
    guesses = sum(speech.guess_sizes)
    assert guesses > 0
    old = some_map(speech.heard_size - guesses)
    padded = np.concatenate([old.weight, np.zeros((guesses, COUNT), np.float32)])
    new = PersonalMap(MOUTH_UNITS, padded, old.bias, old.low, old.high)
    motions = [
        np.concatenate(list(SpeechMotion.load("visemes", {"visemes": person}).stream([sound], 25, 75)))
        for person in (old, new)
    ]
    assert motions[0].std() > 0
    np.testing.assert_allclose(motions[0], motions[1], atol=1e-4)


def test_rounding_reaches_further_into_the_sounds_beside_it_than_a_closure() -> None:
    shapes = np.zeros((81, len(SHAPES)))
    shapes[40] = 1.0
    reached = coarticulated(shapes)
    assert reached[46, SHAPES.index("pucker")] > 2 * reached[46, SHAPES.index("close")] > 0
    assert np.allclose(reached, reached[::-1])
    assert np.allclose(coarticulated(np.ones((3, len(SHAPES)))), 1)
    assert coarticulated(shapes[:0]).shape == (0, len(SHAPES))


@pytest.mark.parametrize("off", [-7, 1])
def test_a_map_of_another_network_is_refused(off: int) -> None:
    rows = SpeechMotion.load("mel").heard_size + off
    with pytest.raises(UserError, match="Train the avatar again"):
        SpeechMotion.load("mel", {"mel": some_map(rows)})


def test_answers_stay_within_what_the_person_was_seen_to_do() -> None:
    loud = np.full((4, 30), 1e3, np.float32)
    assert np.abs(some_map()(loud)).max() <= 1


def test_held_out_answers_do_not_know_their_own_stretch() -> None:
    places = np.random.default_rng(2).normal(size=(60, 3))
    answers = held_out_answers(np.eye(60), 0.1 * np.eye(60), places)
    assert np.abs(answers - places).mean() > 0.3


def test_lips_that_the_sound_explains_are_believed_more_than_others() -> None:
    rng = np.random.default_rng(4)
    rows = gaussian_smooth(rng.normal(size=(200, 5)), 3.0)
    said, unsaid = rows @ rng.normal(size=(5, 6)), gaussian_smooth(rng.normal(size=(200, 6)), 3.0)
    weak, strong = (likely_strength(rows @ rows.T, np.eye(200), places) for places in (said, unsaid))
    assert STRENGTHS[0] < 3 * weak < strong < STRENGTHS[-1]
    assert likely_strength(np.eye(200), np.eye(200), np.zeros((200, 6))) == pytest.approx(np.sqrt(0.1 * 6.4))


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
