"""Pitch, prompts, conversion and joining, on sounds of known make."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sounds import write_speechlike, write_wav
from talking_gaussian.errors import UserError
from talking_gaussian.progress import Progress
from voice_engine.conversion import ANALYSIS_RATE, VoicePrint, convert, formant_ratio, overlap_add, voice_print
from voice_engine.pitch import track_pitch
from voice_engine.prompt import prepare_prompt
from voice_engine.sound import LABEL, OUTPUT_RATE, opened_wav, read_sound, resample, spoken_span
from voice_engine.speaking import spoken
from voice_engine.text.splitting import Piece

RATE = ANALYSIS_RATE


def vowel(hz: float, seconds: float, formants: tuple[float, ...] = (700, 1200, 2500), rate: int = RATE) -> np.ndarray:
    """A steady voice: harmonics of `hz` shaped by resonances."""
    time = np.arange(int(seconds * rate)) / rate
    harmonics = np.arange(1, int(rate / 2.2 / hz)) * hz
    gains = [sum(1 / (1 + ((h - f) / 80) ** 2) for f in formants) + 0.02 for h in harmonics]
    return (0.1 * sum(g * np.sin(2 * np.pi * h * time) for g, h in zip(gains, harmonics, strict=True))).astype(
        np.float32
    )


@pytest.mark.parametrize("hz", [75, 120, 180.5, 260, 390])
def test_pitch_of_a_steady_voice_is_exact(hz: float) -> None:
    track = track_pitch(vowel(hz, 1.0), RATE)
    assert abs(track.median / hz - 1) < 0.005
    assert (track.hz > 0).mean() > 0.9


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(3).normal(0, 0.1, 3 * RATE).astype(np.float32)
    assert len(track_pitch(noise, RATE).voiced) < 15
    assert track_pitch(np.zeros(RATE, np.float32), RATE).median == 0
    assert track_pitch(np.zeros(0, np.float32), RATE).median == 0


@pytest.mark.parametrize(("hz", "wanted"), [(100, 200), (100, 85), (90, 260), (200, 110)])
def test_conversion_moves_the_median_pitch_and_keeps_the_length(hz: float, wanted: float) -> None:
    source, target = vowel(hz, 2.0), vowel(wanted, 2.0)
    moved = convert(source, RATE, voice_print(source), voice_print(target))
    assert len(moved) == len(source)
    assert abs(track_pitch(moved, RATE).median / wanted - 1) < 0.05
    assert np.isfinite(moved).all()


def test_formants_move_by_themselves() -> None:
    sound = vowel(110, 2.0, formants=(1000,))
    hz = track_pitch(sound, RATE).hz
    moved = overlap_add(sound, RATE, hz, hz, 1.2)
    assert abs(track_pitch(moved, RATE).median / 110 - 1) < 0.02
    spectrum = np.abs(np.fft.rfft(moved[4000:28000] * np.hanning(24000)))
    peak = np.fft.rfftfreq(24000, 1 / RATE)[spectrum.argmax()]
    assert abs(peak - 1200) < 120


def test_a_smaller_vocal_tract_is_heard_in_the_prompt() -> None:
    large = voice_print(vowel(120, 2.0))
    small = voice_print(vowel(120, 2.0, formants=(700 * 1.15, 1200 * 1.15, 2500 * 1.15)))
    assert formant_ratio(large, small) > 1.05
    assert abs(formant_ratio(large, large) - 1) < 0.03


def test_a_voice_without_pitch_is_left_as_it_is() -> None:
    sound = vowel(110, 1.0)
    nothing = VoicePrint(0.0, 0.0, np.zeros(40))
    assert np.array_equal(convert(sound, RATE, voice_print(sound), nothing), sound)


# --- prompts ----------------------------------------------------------------------------------------------------------


def test_a_prompt_is_trimmed_evened_and_told_about(tmp_path: Path) -> None:
    voice = vowel(140, 5.0, rate=44_100) * 0.02
    quiet = np.zeros(44_100 * 2)
    prompt = prepare_prompt(write_wav(tmp_path / "p.wav", np.concatenate([quiet, voice, quiet]), 44_100))
    assert abs(prompt.seconds - 5) < 0.4
    assert abs(prompt.pitch / 140 - 1) < 0.02
    level = 10 * np.log10(np.mean(prompt.samples[OUTPUT_RATE : 4 * OUTPUT_RATE] ** 2))
    assert -26 < level < -20
    with wave.open(str(prompt.save(tmp_path / "o.wav"))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (OUTPUT_RATE, 1, 2)


def test_a_long_prompt_is_cut_at_a_pause_unless_its_words_are_known(tmp_path: Path) -> None:
    path = write_speechlike(tmp_path / "long.wav", 50)
    prompt = prepare_prompt(path)
    assert prompt.cut and 20 <= prompt.seconds <= 30
    assert "first" in prompt.notes[0][0]
    with pytest.raises(UserError) as refused:
        prepare_prompt(path, whole=True)
    assert refused.value.code == "prompt_long"


@pytest.mark.parametrize(
    ("code", "samples", "rate"),
    [
        ("prompt_short", vowel(120, 1.0), RATE),
        ("prompt_silent", np.zeros(5 * RATE), RATE),
        ("prompt_no_voice", np.random.default_rng(1).normal(0, 0.1, 5 * RATE), RATE),
        ("prompt_rate", vowel(120, 5.0, rate=8000), 8000),
        ("prompt_silent", np.full(5 * RATE, 0.5), RATE),
    ],
)
def test_recordings_that_are_no_prompt_are_refused(tmp_path: Path, code: str, samples: np.ndarray, rate: int) -> None:
    with pytest.raises(UserError) as refused:
        prepare_prompt(write_wav(tmp_path / "p.wav", samples, rate))
    assert refused.value.code == code
    assert refused.value.zh != refused.value.en


def test_an_overdriven_and_a_noisy_prompt_are_told(tmp_path: Path) -> None:
    loud = np.clip(vowel(120, 5.0) * 40, -1, 1)
    assert any("overdriven" in en for en, _ in prepare_prompt(write_wav(tmp_path / "l.wav", loud)).notes)
    noisy = vowel(120, 5.0) + np.random.default_rng(1).normal(0, 0.05, 5 * RATE)
    assert any("noisy" in en for en, _ in prepare_prompt(write_wav(tmp_path / "n.wav", noisy)).notes)


def test_real_voices_have_the_pitch_of_men_and_women(test_data: Path) -> None:
    assert 85 < prepare_prompt(test_data / "clips" / "man_en_8s.mp4").pitch < 140
    assert 180 < prepare_prompt(test_data / "clips" / "woman_10s_1080x1920.mp4").pitch < 260


# --- joining ----------------------------------------------------------------------------------------------------------


class Buzz:
    """A voice that begins and ends in the middle of a wave, with half a second of silence around."""

    rate = 22_050
    limit = 80.0

    def speak(self, _text: str) -> Iterator[np.ndarray]:
        """Two chunks."""
        silence = np.zeros(11_025, np.float32)
        yield np.concatenate([silence, np.full(8000, 0.5, np.float32)])
        yield np.concatenate([np.full(8000, -0.5, np.float32), silence])

    def close(self) -> None:
        """Nothing."""


def test_pieces_are_joined_without_clicks_and_with_their_pauses() -> None:
    pieces = [Piece("a", 0.3), Piece("b", 0.0)]
    samples = np.concatenate(list(spoken(Buzz(), pieces, Progress(["speak"]), stream=False)))
    assert samples[0] == 0 and abs(samples[-1]) < 1e-6
    one = 2 * 8000 / 22_050 + 0.1
    assert abs(len(samples) / OUTPUT_RATE - (2 * one + 0.3)) < 0.15
    pause = slice(len(samples) // 2 - 1000, len(samples) // 2 + 1000)
    assert not samples[pause].any()


def test_a_file_appears_only_when_it_is_complete_and_says_who_made_it(tmp_path: Path) -> None:
    path = tmp_path / "o.wav"
    with pytest.raises(KeyError), opened_wav(path) as sink:
        sink.write(vowel(100, 0.1, rate=OUTPUT_RATE))
        raise KeyError
    assert not list(tmp_path.iterdir())
    with opened_wav(path) as sink:
        sink.write(vowel(100, 0.5, rate=OUTPUT_RATE))
        assert not path.exists()
    assert LABEL.encode() in path.read_bytes()
    assert int.from_bytes(path.read_bytes()[4:8], "little") == path.stat().st_size - 8
    assert abs(len(read_sound(path, OUTPUT_RATE)) - 12_000) < 10
    with wave.open(str(path)) as file:
        assert file.getnframes() == 12_000


def test_resampling_keeps_length_and_pitch() -> None:
    sound = vowel(200, 1.0, rate=22_050)
    moved = resample(sound, 22_050, 16_000)
    assert abs(len(moved) - 16_000) < 5
    assert abs(track_pitch(moved, 16_000).median - 200) < 2
    start, end = spoken_span(np.concatenate([np.zeros(8000), moved, np.zeros(8000)]), 16_000)
    assert 7000 < start < 8000 and 24_000 < end < 25_000
