"""A recording of a voice, made fit to be a prompt: one voice's speech, 3 to 30 s, at an even loudness, no dead ends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from talking_gaussian.audio.reader import probe_audio
from talking_gaussian.errors import UserError

from voice_engine.pitch import HOP_S, track_pitch
from voice_engine.sound import OUTPUT_RATE, frame_levels, read_sound, resample, spoken_span, write_wav

LENGTHS_S = (3.0, 30.0)
LOWEST_RATE = 16_000
LOUDNESS_DB = -23.0  # of the frames that hold speech
QUIETEST_DB = -55.0
VOICED_S = 0.8
CLIPPED_SHARE = 0.002
ADVISED_S = 10.0


@dataclass(frozen=True)
class Prompt:
    """samples: float32 mono at 24 kHz; pitch: median Hz; notes: what was done or is to be known, [(en, zh)];
    cut: whether its end was left away.
    """

    samples: np.ndarray
    pitch: float
    notes: tuple[tuple[str, str], ...] = ()
    cut: bool = False

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / OUTPUT_RATE

    def save(self, path: Path) -> Path:
        """Write it as 24 kHz mono PCM16."""
        write_wav(path, self.samples, OUTPUT_RATE)
        return path


def prepare_prompt(path: Path, whole: bool = False) -> Prompt:
    """Read and mend a recording. whole: nothing may be cut off (there is a transcript of all of it).

    Raises UserError where it is no sound, under 16 kHz, silent, holds no voice, or is too short or too long.
    """
    info = probe_audio(path)
    if info.sample_rate < LOWEST_RATE:
        raise UserError(
            "prompt_rate",
            f"The prompt has {info.sample_rate} samples a second; {LOWEST_RATE} or more are needed. Record it anew.",
            f"提示音频采样率为 {info.sample_rate} Hz,至少需要 {LOWEST_RATE} Hz。请重新录制。",
        )
    samples = read_sound(path, OUTPUT_RATE)
    clipped = float(np.mean(np.abs(samples) > 0.985))
    samples = samples - samples.mean()
    levels = frame_levels(samples, OUTPUT_RATE)
    if not len(levels) or levels.max() < QUIETEST_DB:
        raise UserError(
            "prompt_silent",
            "The prompt is silent. Record it again, closer to the microphone.",
            "提示音频没有声音。请靠近麦克风重新录制。",
        )
    start, end = spoken_span(samples, OUTPUT_RATE, keep_s=0.1)
    samples = samples[start:end]
    samples, cut = _shortened(samples, whole)
    _check_length(len(samples) / OUTPUT_RATE)
    pitch = _voice_in(samples)
    return Prompt(_levelled(samples), pitch, tuple(_notes(samples, clipped, cut)), cut)


def _check_length(seconds: float) -> None:
    if seconds < LENGTHS_S[0]:
        raise UserError(
            "prompt_short",
            f"The prompt holds {seconds:.1f} s of speech; {LENGTHS_S[0]:.0f} to {LENGTHS_S[1]:.0f} s are needed. "
            "Record a longer sentence.",
            f"提示音频只有 {seconds:.1f} 秒语音,需要 {LENGTHS_S[0]:.0f} 到 {LENGTHS_S[1]:.0f} 秒。请录制更长的一句话。",
        )


def _shortened(samples: np.ndarray, whole: bool) -> tuple[np.ndarray, bool]:
    """At most 30 s: cut at the quietest moment of the last ten."""
    longest = round(LENGTHS_S[1] * OUTPUT_RATE)
    if len(samples) <= longest:
        return samples, False
    seconds = len(samples) / OUTPUT_RATE
    if whole:
        raise UserError(
            "prompt_long",
            f"The prompt lasts {seconds:.0f} s; the limit is {LENGTHS_S[1]:.0f} s. Shorten it together "
            "with its transcript: words of the transcript that are not in the sound would be spoken.",
            f"提示音频长 {seconds:.0f} 秒,上限为 {LENGTHS_S[1]:.0f} 秒。请连同文本一起缩短,否则多余的文字会被读出来。",
        )
    levels = frame_levels(samples[:longest], OUTPUT_RATE, 0.1)
    first = len(levels) * 2 // 3
    at = first + int(levels[first:].argmin())
    return samples[: round((at + 0.5) * 0.1 * OUTPUT_RATE)], True


def _voice_in(samples: np.ndarray) -> float:
    """Median pitch in Hz. Raises UserError where less than 0.8 s is voiced."""
    track = track_pitch(resample(samples, OUTPUT_RATE, 16_000), 16_000)
    if len(track.voiced) * HOP_S < VOICED_S:
        raise UserError(
            "prompt_no_voice",
            "No voice is heard in the prompt. Record one person speaking, without music.",
            "提示音频中没有听到人声。请录制一个人的讲话,不要有背景音乐。",
        )
    return track.median


def _levelled(samples: np.ndarray) -> np.ndarray:
    levels = frame_levels(samples, OUTPUT_RATE)
    active = levels[levels > levels.max() - 30]
    loudness = 10 * np.log10(np.mean(10 ** (active / 10)))
    gain = 10 ** ((LOUDNESS_DB - loudness) / 20)
    return (samples * min(gain, 0.95 / max(np.abs(samples).max(), 1e-9))).astype(np.float32)


def _notes(samples: np.ndarray, clipped: float, cut: bool) -> list[tuple[str, str]]:
    notes = []
    seconds = len(samples) / OUTPUT_RATE
    if cut:
        notes.append((f"only the first {seconds:.1f} s of the prompt are used", f"只使用提示音频的前 {seconds:.1f} 秒"))
    elif seconds > ADVISED_S:
        notes.append(
            (
                f"the prompt has {seconds:.0f} s; 3 to 10 s are enough and faster",
                f"提示音频有 {seconds:.0f} 秒;3 到 10 秒就够了,而且更快",
            )
        )
    if clipped > CLIPPED_SHARE:
        notes.append(
            ("the prompt is overdriven; a softer recording sounds better", "提示音频有削波;录得轻一些效果更好")
        )
    levels = frame_levels(samples, OUTPUT_RATE)
    if np.percentile(levels, 95) - np.percentile(levels, 5) < 15:
        notes.append(("the prompt is noisy; a quieter room sounds better", "提示音频噪声较大;在安静的房间录制效果更好"))
    return notes
