"""Phonemes and speech to face motion."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from audio_files import syllables
from hypothesis import given, settings
from hypothesis import strategies as st
from talking_gaussian.audio.features import available, load_feature
from talking_gaussian.audio.reader import read_audio
from talking_gaussian.errors import UserError
from talking_gaussian.motion.idle import IdleMotion
from talking_gaussian.motion.mapping import place_units
from talking_gaussian.motion.speech_motion import SpeechMotion
from talking_gaussian.motion.visemes import SPEECH_UNITS, opening, phones_to_motion, visemes_of

FEATURES = [
    "mel",
    pytest.param("visemes", marks=pytest.mark.skipif(not available("visemes"), reason="no pocketsphinx here")),
]
JAW = SPEECH_UNITS.index("jawOpen")


def said(labels: str, alphabet: str = "arpabet", step: float = 0.1) -> np.ndarray:
    """Motion at 100 fps of phones that last `step` each, after half a second of silence."""
    phones = [("pau", 0.0, 0.5)]
    phones += [(p, 0.5 + k * step, 0.5 + (k + 1) * step) for k, p in enumerate(labels.split())]
    end = phones[-1][2]
    return phones_to_motion([*phones, ("pau", end, end + 0.6)], 100, alphabet=alphabet)


@pytest.mark.parametrize(("labels", "alphabet"), [("aa m aa", "arpabet"), ("a b a", "ipa"), ("a ma", "pinyin")])
def test_lips_close_on_bilabials_and_open_on_vowels(labels: str, alphabet: str) -> None:
    gap = opening(said(labels, alphabet))
    assert gap[60:70].min() < 0.005
    assert gap[50:60].max() > 0.12


def test_a_closure_shows_in_a_25_fps_frame_even_if_short() -> None:
    for shift in np.arange(0, 0.04, 0.005):
        phones = [("aa", 0.5 + shift, 0.7 + shift), ("p", 0.7 + shift, 0.72 + shift), ("aa", 0.72 + shift, 0.9 + shift)]
        gap = opening(phones_to_motion(phones, 25))
        assert gap[16:20].min() < 0.01, shift


def test_rounding_spreads_to_the_sound_before() -> None:
    pucker = SPEECH_UNITS.index("mouthPucker")
    assert said("aa t uw")[65, pucker] > 2 * said("aa t iy")[65, pucker] + 0.05


def test_labiodentals_bring_the_lower_lip_to_the_teeth() -> None:
    motion = said("aa f aa")
    assert motion[65, SPEECH_UNITS.index("mouthRollLower")] > 0.25
    assert opening(motion)[65] < 0.5 * opening(motion)[55]


def test_silence_is_zero_and_units_stay_in_range() -> None:
    motion = said("hh ax l ow w er l d")
    assert (motion[:30] == 0).all()
    assert (motion[-20:] == 0).all()
    assert motion.min() >= 0
    assert motion[:, JAW].max() < 0.6


def test_no_phones_is_a_resting_face() -> None:
    assert (phones_to_motion([], 25, total_frames=10) == 0).all()
    assert phones_to_motion([], 25).shape == (0, len(SPEECH_UNITS))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=4), st.floats(0.0, 0.3)), max_size=12),
    st.sampled_from(["arpabet", "ipa", "pinyin"]),
    st.floats(10, 60),
)
def test_any_labels_give_finite_motion(items: list[tuple[str, float]], alphabet: str, fps: float) -> None:
    phones, at = [], 0.0
    for label, seconds in items:
        phones.append((label, at, at + seconds))
        at += seconds
    motion = phones_to_motion(phones, fps, alphabet=alphabet)
    assert np.isfinite(motion).all()
    assert motion.size == 0 or (motion.min() >= 0 and motion.max() <= 1)


def test_bad_times_and_alphabets_are_refused() -> None:
    with pytest.raises(ValueError, match="bad times"):
        phones_to_motion([("aa", 1.0, float("nan"))], 25, 10)
    with pytest.raises(ValueError, match="alphabet"):
        visemes_of("aa", "runes")


@pytest.mark.parametrize("name", FEATURES)
def test_streaming_gives_what_the_whole_file_gives(name: str) -> None:
    sound = syllables(19.0)
    speech = SpeechMotion.load(name)
    whole = np.concatenate(list(speech.stream([sound], 25, 475)))
    parts = np.concatenate(list(speech.stream(np.array_split(sound, 61), 25, 475)))
    assert whole.shape == (475, len(SPEECH_UNITS))
    np.testing.assert_array_equal(whole, parts)
    assert speech.heard_speech
    assert opening(whole).max() > 0.05


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("fps", [24, 25, 29.97, 60])
def test_every_frame_comes_once_at_any_rate(name: str, fps: float) -> None:
    for seconds in (0.1, 3.99, 5.2):
        total = int(np.ceil(seconds * fps))
        blocks = list(SpeechMotion.load(name).stream([syllables(seconds)], fps, total))
        assert sum(map(len, blocks)) == total


@pytest.mark.parametrize("name", FEATURES)
def test_silence_and_steady_noise_keep_the_mouth_closed(name: str) -> None:
    noise = 0.02 * np.random.default_rng(0).standard_normal(16_000 * 5).astype(np.float32)
    for sound in (np.zeros(16_000 * 5, np.float32), noise):
        speech = SpeechMotion.load(name)
        motion = np.concatenate(list(speech.stream([sound], 25, 125)))
        assert not speech.heard_speech
        assert np.abs(motion).max() < 0.01


@pytest.mark.parametrize("name", FEATURES)
def test_speech_under_noise_is_not_taken_for_noise(name: str) -> None:
    sound = syllables(6.0)
    noise = np.random.default_rng(0).standard_normal(len(sound)).astype(np.float32) * sound.std() * 0.3
    speech = SpeechMotion.load(name)
    motion = np.concatenate(list(speech.stream([sound + noise], 25, 150)))
    assert speech.heard_speech
    assert opening(motion).max() > 0.05


@pytest.mark.parametrize("name", FEATURES)
def test_a_quiet_speaker_opens_as_wide_as_a_loud_one(name: str) -> None:
    sound = syllables(6.0)
    speech = SpeechMotion.load(name)
    loud = np.concatenate(list(speech.stream([sound], 25, 150)))
    quiet = np.concatenate(list(speech.stream([sound * 0.02], 25, 150)))
    assert np.abs(loud - quiet).max() < 0.1


@pytest.mark.parametrize("name", FEATURES)
def test_features_have_one_row_a_hop(name: str) -> None:
    feature = load_feature(name)
    for count in (1_600, 16_001, 24_159):
        assert feature.extract(syllables(2.0)[:count]).shape == (count // 160, feature.size)


def test_unknown_features_are_named_in_the_error() -> None:
    with pytest.raises(UserError, match="visemes, mel"):
        SpeechMotion.load("wavelets")


@pytest.mark.parametrize("name", FEATURES)
def test_real_speech_opens_in_vowels_and_rests_in_pauses(name: str) -> None:
    folder = os.environ.get("TFG_TEST_DATA")
    if not folder:
        pytest.skip("TFG_TEST_DATA is not set")
    path = Path(folder) / "speech" / "long_25s.wav"
    sound = np.concatenate(list(read_audio(path)))
    gap = opening(np.concatenate(list(SpeechMotion.load(name).stream(read_audio(path), 25, 626))))
    frames = sound[: 625 * 640].reshape(625, 640)
    loudness = np.sqrt(np.mean(frames**2, axis=1))
    pause = np.convolve(loudness < 0.01 * loudness.max(), np.ones(7), mode="same") == 7
    assert pause.sum() > 20
    assert gap[:625][pause].max() < 0.03
    assert gap[:625][loudness > 0.5 * loudness.max()].mean() > 0.12


def test_idle_motion_blinks_naturally_and_never_moves_the_lips() -> None:
    units = ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "browInnerUp", "eyeYaw", "mouthSmileLeft")
    idle = IdleMotion(units, 25, seed=3)
    motion = idle.frames(np.zeros((25 * 120, 6), np.float32))
    assert (motion[:, [0, 5]] == 0).all()
    starts = np.flatnonzero((motion[1:, 1] > 0.5) & (motion[:-1, 1] <= 0.5)) / 25
    assert 20 <= len(starts) <= 50
    assert np.ptp(motion[:, 4]) > 0.05
    again = IdleMotion(units, 25, seed=3)
    parts = [again.frames(np.zeros((n, 6), np.float32)) for n in (1, 99, 2900)]
    np.testing.assert_array_equal(np.concatenate(parts), motion)


def test_units_are_placed_by_name() -> None:
    motion = np.array([[0.1, 0.2, 0.3]], np.float32)
    placed = place_units(motion, ("a", "b", "c"), ("c", "missing", "a"))
    np.testing.assert_allclose(placed, [[0.3, 0.0, 0.1]])
    with pytest.raises(ValueError, match="does not fit"):
        place_units(motion, ("a",), ("a",))


def test_without_pocketsphinx_mel_serves_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("talking_gaussian.motion.speech_motion.available", lambda name: name == "mel")
    motion = np.concatenate(list(SpeechMotion.load("visemes").stream([syllables(2.0)], 25, 50)))
    assert motion.shape == (50, len(SPEECH_UNITS))
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("name", FEATURES)
def test_motion_does_not_jump_where_chunks_meet(name: str) -> None:
    motion = np.concatenate(list(SpeechMotion.load(name).stream([syllables(20.0)], 25, 500)))
    steps = np.abs(np.diff(opening(motion)))
    seams = np.concatenate([steps[97:103], steps[397:403]])
    assert seams.max() <= np.percentile(steps, 99) + 0.02
