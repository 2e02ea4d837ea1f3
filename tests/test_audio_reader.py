"""Sound files, good and bad, through talking_gaussian.audio.reader."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from audio_files import tone, write_wav
from hypothesis import given, settings
from hypothesis import strategies as st
from talking_gaussian.audio.chunks import CONTEXT, CORE, overlapping_chunks
from talking_gaussian.audio.reader import probe_audio, read_audio
from talking_gaussian.errors import UserError


def code_of(path: Path) -> str:
    """The code of the UserError the file is refused with; both sentences must name the file or say what to do."""
    with pytest.raises(UserError) as caught:
        probe_audio(path)
    assert caught.value.en and caught.value.zh
    return caught.value.code


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32])
def test_every_rate_and_depth_reads_as_the_same_tone(tmp_path: Path, rate: int, dtype: type) -> None:
    wave = tone(0.5, rate)
    if dtype == np.uint8:
        wave = (wave * 127 + 128).astype(np.uint8)
    elif dtype != np.float32:
        wave = (wave * np.iinfo(dtype).max).astype(dtype)
    path = write_wav(tmp_path / "a.wav", wave, rate)
    assert probe_audio(path).duration_s == pytest.approx(0.5, abs=1e-3)
    found = np.concatenate(list(read_audio(path)))
    assert len(found) == pytest.approx(8_000, abs=20)
    wanted = tone(0.5)[200 : len(found) - 200]
    assert np.abs(found[200 : 200 + len(wanted)] - wanted).max() < 0.03


def test_channels_are_averaged_whatever_their_number(tmp_path: Path) -> None:
    for channels in (2, 3, 40):
        wave = np.zeros((8_000, channels), np.float32)
        wave[:, 0] = 0.5
        path = write_wav(tmp_path / f"{channels}.wav", wave, 16_000, channels)
        assert np.concatenate(list(read_audio(path))).mean() == pytest.approx(0.5 / channels, abs=1e-3)


def test_blocks_have_the_asked_size(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(2.3))
    assert [len(b) for b in read_audio(path, block_s=1.0)] == [16_000, 16_000, 4_800]


@pytest.mark.parametrize("name", ["a b.wav", 'it\'s "x".wav', "中文 语音.wav", "-dash.wav", "a:b%20.wav", "#?.wav"])
def test_awkward_file_names_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    write_wav(tmp_path / name, tone(0.3))
    monkeypatch.chdir(tmp_path)
    assert probe_audio(name).duration_s == pytest.approx(0.3, abs=1e-3)


def test_a_title_in_an_old_encoding_does_not_matter(tmp_path: Path) -> None:
    """With every PyAV that the pins name: their ways of reading tags differ."""
    wav = write_wav(tmp_path / "speech.wav", tone(0.5))
    title = "中文".encode("gbk")
    chunk = b"INFOINAM" + len(title).to_bytes(4, "little") + title
    data = wav.read_bytes() + b"LIST" + len(chunk).to_bytes(4, "little") + chunk
    wav.write_bytes(data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:])
    assert probe_audio(wav).duration_s == pytest.approx(0.5)


def test_bad_files_are_refused_with_a_code(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.mp4").write_text("this is not a video")
    playlist = tmp_path / "list.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXTINF:1,\n{write_wav(tmp_path / 'real.wav', tone(1.0))}\n")
    silence = np.zeros(0, np.int16)
    wav = tmp_path / "real.wav"
    assert code_of(tmp_path / "missing.wav") == "audio_missing"
    assert code_of(tmp_path) == "audio_is_folder"
    assert code_of(tmp_path / "empty.wav") == "audio_empty"
    assert code_of(write_wav(tmp_path / "header.wav", silence)) == "audio_empty"
    assert code_of(tmp_path / "text.mp4") == "audio_unreadable"
    assert code_of(playlist) == "audio_unreadable"
    assert code_of(write_wav(tmp_path / "short.wav", tone(0.05))) == "audio_too_short"
    assert code_of(write_wav(tmp_path / "slow.wav", np.zeros(4_000, np.int16), rate=10)) == "audio_sample_rate"
    assert code_of(write_wav(tmp_path / "wide.wav", np.zeros(8_000 * 100, np.uint8), 8_000, 100)) in (
        "audio_channels",
        "audio_unreadable",
    )
    cut = tmp_path / "head.wav"
    cut.write_bytes(wav.read_bytes()[:30])
    assert code_of(cut) in ("audio_unreadable", "audio_empty")


def test_three_hours_are_refused_by_their_length(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "long.wav", np.full(4_000 * 3 * 3600, 128, np.uint8), rate=4_000)
    with pytest.raises(UserError, match="30 minutes"):
        probe_audio(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_numbers_are_refused(tmp_path: Path, value: float) -> None:
    assert code_of(write_wav(tmp_path / "nan.wav", np.full(16_000, value, np.float32))) == "audio_not_numbers"


def test_single_bad_samples_become_silence(tmp_path: Path) -> None:
    wave = tone(0.5)
    wave[100:120] = np.nan
    found = np.concatenate(list(read_audio(write_wav(tmp_path / "a.wav", wave))))
    assert np.isfinite(found).all()
    assert (found[100:120] == 0).all()


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=1, max_size=400), st.sampled_from(["x.wav", "x.mp3", "x.mp4", "x.ogg"]))
def test_random_bytes_end_in_a_user_error_or_sound(tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str):
    path = tmp_path_factory.mktemp("bytes") / name
    path.write_bytes(b"RIFF\x00\x01\x00\x00WAVEfmt " + data if name == "x.wav" else data)
    try:
        assert probe_audio(path).duration_s > 0
    except UserError as error:
        assert error.code.startswith("audio_")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 400_000), min_size=1, max_size=6))
def test_chunks_depend_on_the_sound_not_on_its_blocks(sizes: list[int]) -> None:
    sound = np.arange(sum(sizes), dtype=np.float32)
    blocks = np.split(sound, np.cumsum(sizes)[:-1])
    whole = list(overlapping_chunks([sound]))
    parts = list(overlapping_chunks(blocks))
    assert sum(c.core for c in whole) == len(sound)
    assert max(len(c.samples) for c in parts) <= CORE + 3 * CONTEXT
    for a, b in zip(whole, parts, strict=True):
        assert a.left == b.left
        np.testing.assert_array_equal(a.samples, b.samples)


def test_shared_bad_files_and_clips() -> None:
    folder = os.environ.get("TFG_TEST_DATA")
    if not folder:
        pytest.skip("TFG_TEST_DATA is not set")
    bad = Path(folder) / "bad"
    assert code_of(bad / "no_audio_track_13s.mp4") == "audio_no_track"
    assert code_of(bad / "truncated_no_moov.mp4") == "audio_unreadable"
    assert code_of(bad / "text_named.mp4") == "audio_unreadable"
    assert probe_audio(bad / "silent_audio_5s.mp4").duration_s == pytest.approx(4.94, abs=0.01)
    for clip in sorted((Path(folder) / "clips").iterdir()):
        info = probe_audio(clip)
        decoded = sum(map(len, read_audio(clip))) / 16_000
        assert decoded == pytest.approx(info.duration_s, abs=0.04)
